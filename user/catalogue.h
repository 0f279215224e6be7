/* SPDX-License-Identifier: GPL-2.0-only */
/* The catalogue's faults, and what several of them ask of a node. */
#ifndef WHYDROP_CATALOGUE_H
#define WHYDROP_CATALOGUE_H

#include "fault.h"

extern const struct fault fault_bridge_nf_off;
extern const struct fault fault_bridge_hairpin_off;
extern const struct fault fault_bridge_no_egress;
extern const struct fault fault_bridge_stp_blocked;
extern const struct fault fault_bridge_vlan_filter;
extern const struct fault fault_ip_forward_off;
extern const struct fault fault_l2_mtu_mismatch;
extern const struct fault fault_pod_cidr_conflict;
extern const struct fault fault_submariner_tunnel_blocked;
extern const struct fault fault_vxlan_blocked;

/* "host", "node1", or "netns 4026532345": a netns for sentences and places. buf of 128. */
const char *netns_label(struct host *h, uint32_t netns, char *buf);
/* Does a packet filter's hook stand in the way: reason NETFILTER_DROP, or on kernels without
 * reasons a free in the functions that free for a verdict. */
bool dropped_by_netfilter(const struct group *g);
/* Did it wait in vain for its next hop's link-layer address? */
bool neighbour_failed(const struct group *g);

#endif
