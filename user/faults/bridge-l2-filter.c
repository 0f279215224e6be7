// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule of the bridge's own packet filter (nft's family bridge, ebtables) drops frames between
 * pods, or between pods and the node.
 *
 * Not of kubenet's bridge in promiscuous mode: it gets a pod's packet to a Service of a backend on
 * its own node twice, and a rule there takes one of the two away.
 */
#include <string.h>

#include "../firewall.h"

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->rule && g->hook_family &&
	       !strcmp(g->hook_family, "bridge") && !firewall_is_chatter(g) &&
	       dropped_by_netfilter(g) && rule_purpose(g->rule) != PURPOSE_DUPLICATES;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const char *port = g->in[0] ? g->in : g->out;
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_summary(f, "%s on %s drops frames on bridge %s: %s, %s %s",
			firewall_name(g->rule, name), where, g->bridge[0] ? g->bridge : "?",
			flow_str(&g->flow, flow), g->in[0] ? "arriving on" : "leaving through",
			port);
	firewall_fix_frame(f, g);
	finding_fix(
		f, FIX_ADVICE,
		"for good: in what owns the rule; rules against forged addresses are meant to drop "
		"frames: then look at who sends from an address or MAC that is not its own");
	return 0;
}

const struct fault fault_bridge_l2_filter = {
	.id = "bridge-l2-filter",
	.title = "a rule of the bridge's packet filter drops frames of pods",
	.link = "https://wiki.nftables.org/wiki-nftables/index.php/Bridge_filtering",
	.signature = signature,
	.examine = examine,
};
