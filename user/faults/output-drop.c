// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule or the policy of the output chain drops what a process on the node, or in a pod's own
 * namespace, sends to the cluster. UDP and ping get EPERM ("Operation not permitted"), TCP is sent
 * again until it times out (__ip_local_out(), net/ipv4/ip_output.c).
 *
 * What a node must not send elsewhere is its owner's business: the receiver must be the cluster's.
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && g->hook == HOOK_OUTPUT && g->rule->verdict != RULE_REJECT;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN], check[32], sender[64];
	uint32_t node = host_node_of(h, g->netns);

	if (!firewall_cluster_addr(h, g->netns, &g->flow.dst) &&
	    !(node && firewall_cluster_addr(h, node, &g->flow.dst)))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_summary(f, "%s in %s drops what is sent from there to the cluster: %s",
			firewall_name(g->rule, name), where, flow_str(&g->flow, flow));
	if (g->own_context) {
		snprintf(check, sizeof(check), "sender");
		snprintf(sender, sizeof(sender), "%s (pid %d)", g->comm, g->pid);
		finding_evidence(f, AGREES_YES, check, sender, NULL);
	}
	firewall_fix(f, g, h);
	finding_fix(f, FIX_ADVICE,
		    "for good: allow it in what owns the rule (nftables.conf, iptables-persistent, "
		    "the hardening tool, the sidecar that writes rules into the pod)");
	return 0;
}

const struct fault fault_output_drop = {
	.id = "output-drop",
	.title = "a rule drops what is sent from here to the cluster",
	.link = "https://wiki.nftables.org/wiki-nftables/index.php/Netfilter_hooks",
	.signature = signature,
	.examine = examine,
};
