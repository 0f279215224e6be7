// SPDX-License-Identifier: GPL-2.0-only
/*
 * iptables-legacy and iptables-nft both hold rules in one namespace. The kernel runs both, so what
 * the one accepts the other may drop, and `iptables -S` shows only one of them: the rules look
 * right. Happens when kube-proxy or the CNI plugin brings another iptables than the node's.
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && g->rule_mixed;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	bool legacy = g->rule->backend == RULE_IPTABLES_LEGACY;
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_evidence(f, AGREES_YES, "rules of iptables-legacy and of iptables-nft",
			 "both have some", "only one of the two");
	finding_summary(
		f,
		"%s on %s drops packets of pods, and the rules of iptables-%s that stand beside "
		"it cannot help, since both apply: %s",
		firewall_name(g->rule, name), where, legacy ? "nft" : "legacy",
		flow_str(&g->flow, flow));
	if (g->rule->policy)
		firewall_fix_policy(f, g, h);
	else
		firewall_fix(f, g, h);
	finding_fix(
		f, FIX_ADVICE,
		"for good: let everything on the node use one of the two (`update-alternatives "
		"--display iptables`, the images of kube-proxy and the CNI plugin), and flush what "
		"the other one left: `iptables-%s-save` shows it",
		legacy ? "legacy" : "nft");
	return 0;
}

const struct fault fault_mixed_backends = {
	.id = "mixed-backends",
	.title = "iptables-legacy and iptables-nft are used at once",
	.link = "https://kubernetes.io/docs/reference/networking/virtual-ips/",
	.signature = signature,
	.examine = examine,
};
