/* SPDX-License-Identifier: GPL-2.0-only */
/* What the faults of conntrack's own drops share. */
#ifndef WHYDROP_CONNTRACK_H
#define WHYDROP_CONNTRACK_H

#include "catalogue.h"

/* Was a packet that starts a connection dropped where conntrack confirms entries, the last step of
 * the input and postrouting hooks, and by no rule? */
bool conntrack_refused(const struct group *g);
/* Did NAT give it another source address or port? */
bool conntrack_source_translated(const struct group *g);
/* Another connection whose answers would be this packet's, as *e and as evidence. */
bool conntrack_other(struct finding *f, const struct group *g, struct host *h, struct ct_entry *e);
/* The entry of this very connection, which another packet made. */
bool conntrack_own(struct finding *f, const struct flow *asked, const struct group *g,
		   struct host *h, struct ct_entry *e);

#endif
