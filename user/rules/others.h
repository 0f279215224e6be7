/* SPDX-License-Identifier: GPL-2.0-only */
/* Who else than rules may have dropped a packet in its hook, as the node tells. */
#ifndef WHYDROP_RULES_OTHERS_H
#define WHYDROP_RULES_OTHERS_H

#include "../group.h"
#include "../host/host.h"

/* Asks, and notes in the group: has NAT of a local process's packet no route, is it for IPVS?
 * Nobody asks where a probe saw who did it. */
void others_ask(struct group *g, struct host *h);

#endif
