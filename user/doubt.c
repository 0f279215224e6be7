// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "bridge.h"
#include "doubt.h"
#include "firewall.h"
#include "rules/rule.h"

bool doubt_unsampled(const struct group *g)
{
	return g->folded || !g->has_sample;
}

bool doubt_place(const struct group *g)
{
	return g->kind == SAMPLE_DROP && (!g->loc.name || strstr(g->loc.name, "_trampoline"));
}

/* Netfilter dropped it, and it is not known by which rule, which is what tells those faults apart:
 * several may have been it, or they could not be read. */
static bool rule_unknown(const struct group *g)
{
	return (dropped_by_netfilter(g) || rule_at_queue(g)) && !g->rule &&
	       !firewall_without_rule(g);
}

bool doubt_proof(const struct report *r, const struct group *g)
{
	return g->class != CLASS_NOISE &&
	       (rule_unknown(g) ||
		(g->suspicious && (g->state_unread || g->state_stale || r->rules_closed)));
}

bool doubt_fault(const struct report *r, const struct group *g)
{
	return g->finding < 0 &&
	       (doubt_unsampled(g) || doubt_place(g) || r->namespaces_closed || doubt_proof(r, g));
}

/* Where a program that had the packet (NFQUEUE) lets it go: net/netfilter/nf_queue.c, and
 * nfnetlink_queue.c since 6.10. */
static bool let_go_by_queue(const struct group *g)
{
	static const char *const functions[] = {"nf_reinject", "nfqnl_reinject",
						"nfqnl_recv_verdict", NULL};

	return rule_at_queue(g) || group_at(g, functions);
}

/* br_handle_frame() runs the functions of the bridge's prerouting hook itself, and frees for other
 * reasons, too, which are those of faults (net/bridge/br_input.c). */
static bool maybe_by_bridge_hook(const struct group *g)
{
	static const char *const functions[] = {"br_handle_frame", NULL};

	return g->finding < 0 && group_at(g, functions);
}

bool doubt_hook(const struct group *g)
{
	return g->hooks_differ ||
	       (g->hook == HOOK_NONE &&
		(doubt_unsampled(g) || doubt_place(g) || dropped_by_netfilter(g) ||
		 let_go_by_queue(g) || maybe_by_bridge_hook(g)));
}

/* Was it on its way to an interface that only a record of a hook program would have told? A bridge
 * chooses the port before it notes it in the packet, and the route may be the hook's to know. */
static bool way_out_unknown(const struct group *g)
{
	static const char *const none[] = {"NOT_SPECIFIED", NULL};

	if (!g->way_told && (bridge_dropped_out(g) || (doubt_place(g) && group_reason(g, none))))
		return true;
	return (!g->out[0] || packet_out_unsure(g)) && !g->hook_seen &&
	       g->hook != HOOK_PREROUTING && g->hook != HOOK_INPUT && g->hook != HOOK_INGRESS &&
	       (dropped_by_netfilter(g) || let_go_by_queue(g));
}

bool doubt_iface(const struct group *g)
{
	return g->state_unread || (g->in_ifindex && !g->in[0]) || (g->out_ifindex && !g->out[0]) ||
	       way_out_unknown(g);
}
