// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who connects to a NodePort at 127.0.0.1 gets nothing: the packet is translated to a pod's address
 * and must leave with a loopback address as its source, which the kernel refuses unless
 * route_localnet is on (__mkroute_output(), net/ipv4/route.c). NAT's new route fails then, and the
 * output hook drops the packet though no rule says so (nf_nat_ipv4_local_fn(),
 * net/netfilter/nf_nat_proto.c).
 */
#include <netinet/in.h>

#include "../firewall.h"

static bool is_loopback(const struct addr *a)
{
	return a->family == AF_INET && a->b[0] == 127;
}

static bool signature(const struct group *g)
{
	return firewall_without_rule(g) && g->hook == HOOK_OUTPUT && is_loopback(&g->flow.src) &&
	       g->flow.dst.family && !is_loopback(&g->flow.dst);
}

/* Is it on for the device that the packet should leave by? Then it was not that. */
static bool is_on_for_device(const struct group *g, struct host *h)
{
	struct route_query q = {.dst = g->flow.dst, .mark = g->mark};
	struct route_answer route;
	const struct link *dev;

	if (h->ops->route_get(h, g->netns, &q, &route))
		return false;
	dev = host_link(h, g->netns, route.oif);
	return dev && host_conf_is_on(h, g->netns, "ipv4", dev, "route_localnet");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], flow[FLOW_STRLEN], asked[FLOW_STRLEN];

	if (is_on_for_device(g, h) ||
	    evidence_sysctl(f, h, g->netns, "net/ipv4/conf/all/route_localnet", "1") != AGREES_YES)
		return 0;
	if (g->has_original)
		finding_evidence(f, AGREES_YES, "asked for, before NAT",
				 flow_str(&g->original, asked), NULL);
	netns_phrase(h, g->netns, where);
	f->netns = g->netns;
	f->status = STATUS_CONFIRMED;
	finding_place_netns(f, h);
	finding_summary(
		f,
		"on %s what is sent to a loopback address cannot leave for the pod that NAT "
		"sends it to, since net.ipv4.conf.all.route_localnet is 0: %s",
		where, flow_str(&g->flow, flow));
	finding_fix(f, FIX_NOW, "sysctl -w net.ipv4.conf.all.route_localnet=1");
	finding_fix(
		f, FIX_ADVICE,
		"better, ask the node's own address instead of 127.0.0.1: with route_localnet on, "
		"neighbours on the link can reach what listens on loopback addresses only, unless "
		"a rule drops that (kube-proxy in iptables mode sets both; it has "
		"--iptables-localhost-nodeports)");
	return 0;
}

const struct fault fault_route_localnet_off = {
	.id = "route-localnet-off",
	.title = "a NodePort at 127.0.0.1 cannot be routed",
	.link = "https://docs.kernel.org/networking/ip-sysctl.html",
	.signature = signature,
	.examine = examine,
};
