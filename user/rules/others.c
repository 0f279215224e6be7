// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "others.h"

/* Where NAT of a local process's packet to another address would be routed to, by now. */
static bool nat_has_no_route(const struct group *g, struct host *h)
{
	struct route_query q = {.dst = g->flow.dst, .src = g->flow.src, .mark = g->mark};
	struct route_answer a;
	int err;

	if (g->hook != HOOK_OUTPUT || !g->has_original || !g->flow.dst.family ||
	    addr_eq(&g->original.dst, &g->flow.dst))
		return false;
	err = h->ops->route_get(h, g->netns, &q, &a);
	return err == -EINVAL || err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES;
}

/* IPVS sees what comes in, and what a local process sends: ip_vs_ops4,
 * net/netfilter/ipvs/ip_vs_core.c. */
static void ask_ipvs(struct group *g, struct host *h)
{
	unsigned int servers = 0;

	g->ipvs_service = g->ipvs_no_server = false;
	if ((g->hook != HOOK_INPUT && g->hook != HOOK_OUTPUT) || !g->flow.has_ports ||
	    h->ops->ipvs_servers(h, g->netns, &g->flow, &servers))
		return;
	g->ipvs_service = true;
	g->ipvs_no_server = !servers;
}

/* Of each packet that the rules are asked about? */
static bool probe_saw_verdict(const struct group *g)
{
	size_t i = 0;

	while (i < g->n_seen && g->seen[i].told)
		i++;
	return g->verdict.function && i == g->n_seen;
}

void others_ask(struct group *g, struct host *h)
{
	if (probe_saw_verdict(g))
		return;
	g->nat_no_route = nat_has_no_route(g, h);
	ask_ipvs(g, h);
}
