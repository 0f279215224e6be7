/* SPDX-License-Identifier: GPL-2.0-only */
/* The catalogue's faults, and what several of them ask of a node. */
#ifndef WHYDROP_CATALOGUE_H
#define WHYDROP_CATALOGUE_H

#include "fault.h"

extern const struct fault fault_bridge_hairpin_off;
extern const struct fault fault_bridge_l2_filter;
extern const struct fault fault_bridge_nf_forward_drop;
extern const struct fault fault_bridge_nf_off;
extern const struct fault fault_bridge_no_egress;
extern const struct fault fault_bridge_stp_blocked;
extern const struct fault fault_bridge_vlan_filter;
extern const struct fault fault_conntrack_clash;
extern const struct fault fault_conntrack_full;
extern const struct fault fault_ct_invalid_drop;
extern const struct fault fault_forward_policy_drop;
extern const struct fault fault_forward_rule_drop;
extern const struct fault fault_host_input_drop;
extern const struct fault fault_ip_forward_off;
extern const struct fault fault_kube_rules_flushed;
extern const struct fault fault_l2_mtu_mismatch;
extern const struct fault fault_masq_missing;
extern const struct fault fault_masq_no_address;
extern const struct fault fault_mixed_backends;
extern const struct fault fault_netpol_deny;
extern const struct fault fault_output_drop;
extern const struct fault fault_pod_cidr_conflict;
extern const struct fault fault_queue_no_listener;
extern const struct fault fault_reject_rule;
extern const struct fault fault_route_localnet_off;
extern const struct fault fault_snat_port_exhausted;
extern const struct fault fault_stale_udp_dnat;
extern const struct fault fault_submariner_tunnel_blocked;
extern const struct fault fault_svc_no_endpoints;
extern const struct fault fault_vxlan_blocked;

#define NETNS_STRLEN 128
/* "host", "node1", or "netns 4026532345": a netns for places and paths. buf of NETNS_STRLEN. */
const char *netns_label(struct host *h, uint32_t netns, char *buf);
/* The same for sentences: the host's is "this node". */
const char *netns_phrase(struct host *h, uint32_t netns, char *buf);
/* Does a packet filter's hook stand in the way: reason NETFILTER_DROP, or on kernels without
 * reasons a free in the functions that free for a verdict; or a hook program saw that of a function
 * which frees for other reasons, too. */
bool dropped_by_netfilter(const struct group *g);
/* Did it wait in vain for its next hop's link-layer address? */
bool neighbour_failed(const struct group *g);

#endif
