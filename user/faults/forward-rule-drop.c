// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule drops packets of pods on their way through the node, before, in or after the forward hook.
 * That of a chain's policy is forward-policy-drop; what NetworkPolicies deny is netpol-deny.
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	if (!firewall_dropped(g) || g->rule->policy || g->rule->verdict == RULE_REJECT)
		return false;
	return g->hook == HOOK_PREROUTING || g->hook == HOOK_POSTROUTING ||
	       (g->hook == HOOK_FORWARD && packet_bridged(g) != TRI_YES);
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_summary(f, "%s on %s drops packets of pods that pass through it: %s",
			firewall_name(g->rule, name), where, flow_str(&g->flow, flow));
	firewall_fix(f, g, h);
	finding_fix(f, FIX_ADVICE,
		    "for good: in what owns the rule; if it is meant, this is the policy at work");
	return 0;
}

const struct fault fault_forward_rule_drop = {
	.id = "forward-rule-drop",
	.title = "a rule drops packets of pods",
	.link = "https://wiki.nftables.org/wiki-nftables/index.php/Netfilter_hooks",
	.signature = signature,
	.examine = examine,
};
