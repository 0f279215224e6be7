// SPDX-License-Identifier: GPL-2.0-only
/*
 * A NetworkPolicy denies it, or another rule that is there to protect: Docker's between its
 * networks, kubelet's and kube-proxy's of the node. That is what they are for, so this finding says
 * whose rule it is and leaves it to a person whether it is right.
 *
 * Seen by the chain, table or comment that their owners write their rules with.
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && rule_is_policy(g->rule);
}

static const struct kind {
	const char *what, *advice;
} kinds[] = {
	[PURPOSE_POLICY] = {"a network policy",
			    "no command here: the rule comes back. `kubectl get networkpolicy -A` "
			    "and the policies of the network plugin show what selects these pods; "
			    "allow it there"},
	[PURPOSE_APART] =
		{"Docker keeps its networks apart and",
		 "no command here: Docker does this on purpose. `docker network connect` "
		 "puts a container into another network, too; `docker run -p` publishes a "
		 "port"},
	[PURPOSE_SOURCE_RANGES] = {"a Service's loadBalancerSourceRanges",
				   "no command here: the rule comes back. `kubectl get service -A "
				   "-o wide` shows the Service, whose "
				   "spec.loadBalancerSourceRanges must have the sender"},
	[PURPOSE_NO_SUCH_SERVICE] =
		{"kube-proxy", "no command here: no Service has that address and port, and "
			       "what is sent to such an address must not reach the node or "
			       "leave it. `kubectl get service -A` shows the ports that there "
			       "are"},
	[PURPOSE_GUARD] = {"kubelet's protection of the node",
			   "no command here: kubelet drops what comes from elsewhere to "
			   "127.0.0.0/8, and what other rules have marked to be dropped"},
};

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const struct kind *kind = &kinds[rule_purpose(g->rule)];
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h) && !firewall_cluster_addr(h, g->netns, &g->flow.src) &&
	    !firewall_cluster_addr(h, g->netns, &g->flow.dst))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_summary(f, "%s on %s denies %s, which may be meant: it is %s", kind->what, where,
			flow_str(&g->flow, flow), firewall_name(g->rule, name));
	finding_fix(f, FIX_ADVICE, "%s", kind->advice);
	return 0;
}

const struct fault fault_netpol_deny = {
	.id = "netpol-deny",
	.title = "denied by a network policy, or by another rule that protects",
	.link = "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
	.signature = signature,
	.examine = examine,
};
