/* SPDX-License-Identifier: GPL-2.0-only */
/* How long the connections of a group of TCP retransmits have been without an answer. */
#ifndef WHYDROP_RETRANSMIT_H
#define WHYDROP_RETRANSMIT_H

#include "group.h"
#include "host/host.h"

/*
 * A SYN is first sent again after a second, then each second or ever more seldom
 * (tcp_syn_linear_timeouts, 6.5). For so long since then nothing came back: longer than a missing
 * pod takes to cause an ICMP error, which is three seconds of neighbour resolution on the other
 * node.
 */
#define RETRANSMIT_SILENT_MS 2800

/* Take one sample of the group: whose connection it is, and g->silent_ms of that connection. */
void retransmit_take(struct group *g, const struct sample *s, struct host *h);

#endif
