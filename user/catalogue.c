// SPDX-License-Identifier: GPL-2.0-only
/* Every fault, the more particular before the more general: the first that examines to a finding
 * has the group. To add one: write user/faults/<id>.c, list it here, write its scenario. */
#include "catalogue.h"

/* Those of bridge ports stand in the order in which the bridge looks (should_deliver(),
 * net/bridge/br_forward.c). */
const struct fault *const fault_catalogue[] = {
	&fault_bridge_nf_off,
	&fault_bridge_hairpin_off,
	&fault_bridge_stp_blocked,
	&fault_bridge_vlan_filter,
	&fault_bridge_no_egress,
	&fault_l2_mtu_mismatch,
	&fault_submariner_tunnel_blocked,
	&fault_vxlan_blocked,
	&fault_pod_cidr_conflict,
	&fault_ip_forward_off,
	NULL,
};
