// SPDX-License-Identifier: GPL-2.0-only
/* Every fault, the more particular before the more general: the first that examines to a finding
 * has the group. To add one: write user/faults/<id>.c, list it here, write its scenario. */
#include "catalogue.h"

/* Conntrack's table before rules that it leaves nothing to. Those of rules: a tunnel's before what
 * the rule itself says of its purpose, that before its hook. Those of bridge ports stand in the
 * order in which the bridge looks (should_deliver(), net/bridge/br_forward.c). */
const struct fault *const fault_catalogue[] = {
	&fault_bridge_nf_off,
	&fault_bridge_hairpin_off,
	&fault_bridge_stp_blocked,
	&fault_bridge_vlan_filter,
	&fault_bridge_no_egress,
	&fault_l2_mtu_mismatch,
	&fault_conntrack_full,
	&fault_queue_no_listener,
	&fault_submariner_tunnel_blocked,
	&fault_vxlan_blocked,
	&fault_svc_no_endpoints,
	&fault_ct_invalid_drop,
	&fault_netpol_deny,
	&fault_mixed_backends,
	&fault_bridge_l2_filter,
	&fault_bridge_nf_forward_drop,
	&fault_reject_rule,
	&fault_forward_policy_drop,
	&fault_forward_rule_drop,
	&fault_host_input_drop,
	&fault_output_drop,
	&fault_route_localnet_off,
	&fault_masq_no_address,
	&fault_snat_port_exhausted,
	&fault_conntrack_clash,
	&fault_stale_udp_dnat,
	&fault_pod_cidr_conflict,
	&fault_ip_forward_off,
	&fault_kube_rules_flushed,
	&fault_masq_missing,
	NULL,
};
