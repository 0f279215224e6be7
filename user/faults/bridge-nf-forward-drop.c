// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pods on the same bridge cannot reach each other, since br_netfilter shows their frames to the
 * forward hook of IP, and a rule or policy made for routed packets drops them (br_nf_forward(),
 * net/bridge/br_netfilter_hooks.c).
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && g->hook == HOOK_FORWARD && packet_bridged(g) == TRI_YES;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_evidence(f, AGREES_YES, "path",
			 "bridged, seen by the IP hooks through br_netfilter", NULL);
	finding_summary(f,
			"%s on %s drops what goes from port to port of bridge %s, though nothing "
			"routes it: %s",
			firewall_name(g->rule, name), where, g->bridge, flow_str(&g->flow, flow));
	firewall_fix(f, g, h);
	finding_fix(f, FIX_ADVICE,
		    "for good: an accept for the bridge itself (in and out by %s) ahead of what "
		    "drops, in "
		    "what owns the rule",
		    g->bridge);
	return 0;
}

const struct fault fault_bridge_nf_forward_drop = {
	.id = "bridge-nf-forward-drop",
	.title = "the IP firewall drops what one pod sends to another on the same bridge",
	.link = "https://wiki.linuxfoundation.org/networking/bridge#what-can-be-bridged",
	.signature = signature,
	.examine = examine,
};
