// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule or the policy of the input chain drops what pods or other nodes send to a service of the
 * node itself: kubelet, the API server, node-local DNS, host-network pods.
 *
 * Nodes on the internet drop a lot in this hook, and should. It is a fault only where the sender is
 * the cluster's and something listens there.
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && g->hook == HOOK_INPUT && g->rule->verdict != RULE_REJECT;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h) && !firewall_cluster_addr(h, g->netns, &g->flow.src))
		return 0;
	if (!firewall_is_awaited(f, g, h))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_summary(
		f,
		"%s on %s drops what comes from the cluster to the node itself: %s, arriving on %s",
		firewall_name(g->rule, name), where, flow_str(&g->flow, flow), g->in);
	firewall_fix(f, g, h);
	finding_fix(f, FIX_ADVICE,
		    "for good: allow it in what owns the rule (firewalld: a zone for the pods' "
		    "interface; ufw allow; nftables.conf; the cloud's or the hardening tool's "
		    "settings)");
	return 0;
}

const struct fault fault_host_input_drop = {
	.id = "host-input-drop",
	.title = "the node's own firewall drops what the cluster sends to it",
	.link = "https://kubernetes.io/docs/reference/networking/ports-and-protocols/",
	.signature = signature,
	.examine = examine,
};
