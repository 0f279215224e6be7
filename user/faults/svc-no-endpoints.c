// SPDX-License-Identifier: GPL-2.0-only
/*
 * A Service has no endpoints: kube-proxy refuses what is sent to it, or drops it where only this
 * node's endpoints may be used and there are none here.
 *
 * Seen by kube-proxy's own rule: with iptables its comment says "has no endpoints" or "has no local
 * endpoints", with nftables it is in one of two chains that its verdict maps lead to. IPVS has no
 * rule: its Service has no server (ip_vs_leave(), net/netfilter/ipvs/ip_vs_core.c).
 *
 * That none runs on this node is how externalTrafficPolicy Local is meant to look to load
 * balancers, which ask each node: of strangers it is no fault.
 */
#include <string.h>

#include "../firewall.h"
#include "../util.h"

static bool is_nft_chain(const struct rule *r)
{
	static const char *const chains[] = {"reject-chain", "drop-chain",
					     "service-endpoints-check", "nodeport-endpoints-check"};

	if (r->backend != RULE_NFT || !r->table || !r->chain || strcmp(r->table, "kube-proxy"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		if (!strcmp(r->chain, chains[i]))
			return true;
	}
	return false;
}

/* Anybody may write a comment. */
static bool is_kube_proxys(const struct rule *r)
{
	const char *owner = rule_owner(r);

	return owner && !strcmp(owner, "kube-proxy");
}

static bool says_endpoints(const char *s)
{
	return s && (strstr(s, "has no endpoints") || strstr(s, "has no local endpoints"));
}

static bool signature(const struct group *g)
{
	if (g->ipvs_no_server && firewall_without_rule(g))
		return true;
	return firewall_dropped(g) && !g->rule->policy &&
	       (is_nft_chain(g->rule) ||
		(is_kube_proxys(g->rule) &&
		 (says_endpoints(g->rule->comment) || says_endpoints(g->rule->text))));
}

/* Does kube-proxy drop it since there are endpoints, but none on this node? */
static bool is_local_only(const struct rule *r)
{
	return r->verdict != RULE_REJECT;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const struct flow *asked = g->has_original ? &g->original : &g->flow;
	char where[NETNS_STRLEN], flow[FLOW_STRLEN], addr[ADDR_STRLEN];

	if (g->rule && is_local_only(g->rule) && g->hook != HOOK_OUTPUT &&
	    !firewall_pods_packet(g, h) && !firewall_cluster_addr(h, g->netns, &g->flow.src))
		return 0;
	netns_phrase(h, g->netns, where);
	addr_str(&asked->dst, addr);
	if (g->rule) {
		firewall_finding(f, g, h);
	} else {
		f->netns = g->netns;
		f->status = STATUS_CONFIRMED;
		finding_evidence(f, AGREES_YES, "IPVS", "the Service has no server",
				 "at least one");
	}
	finding_place(f, h, "%s/%u/%u", addr, asked->proto, asked->dport);
	finding_summary(f,
			"the Service at %s port %u has no endpoints that %s may use, so kube-proxy "
			"lets nobody connect to it: %s",
			addr, asked->dport, where, flow_str(asked, flow));
	finding_fix(f, FIX_ADVICE,
		    "find the Service (`kubectl get service -A | grep -F %s`) and its endpoints "
		    "(`kubectl "
		    "get endpointslices`): either its selector matches no pod, or no pod of it is "
		    "ready, "
		    "or with externalTrafficPolicy or internalTrafficPolicy Local none runs on "
		    "this node",
		    addr);
	return 0;
}

const struct fault fault_svc_no_endpoints = {
	.id = "svc-no-endpoints",
	.title = "a Service has no endpoints",
	.link = "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
	.signature = signature,
	.examine = examine,
};
