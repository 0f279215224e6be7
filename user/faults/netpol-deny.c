// SPDX-License-Identifier: GPL-2.0-only
/*
 * A NetworkPolicy denies it. That is what policies are for, so this finding says whose rule it is
 * and leaves it to a person whether the policy is right.
 *
 * Seen by the chain, table or comment that those who carry out policies write their rules with.
 */
#include <string.h>

#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && rule_is_policy(g->rule);
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[128], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h) && !firewall_cluster_addr(h, g->netns, &g->flow.src) &&
	    !firewall_cluster_addr(h, g->netns, &g->flow.dst))
		return 0;
	firewall_finding(f, g, h);
	netns_label(h, g->netns, where);
	finding_summary(f, "a network policy on %s denies %s, which may be meant: it is %s", where,
			flow_str(&g->flow, flow), firewall_name(g->rule, name));
	if (!strncmp(rule_owner(g->rule), "Docker", 6)) {
		finding_fix(f, FIX_ADVICE,
			    "no command here: Docker keeps its networks apart on purpose. `docker "
			    "network connect` puts a container into another network, too");
		return 0;
	}
	finding_fix(
		f, FIX_ADVICE,
		"no command here: the rule comes back. `kubectl get networkpolicy -A` and the "
		"policies of the network plugin (%s) show what selects these pods; allow it there",
		rule_owner(g->rule));
	return 0;
}

const struct fault fault_netpol_deny = {
	.id = "netpol-deny",
	.title = "a network policy denies it",
	.link = "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
	.signature = signature,
	.examine = examine,
};
