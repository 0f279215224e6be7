// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "describe.h"
#include "rules/turns.h"
#include "seen.h"
#include "util.h"

#define SEEN_AT_ONCE 4 /* then the 8th that differs, the 16th, and so on: the rules may change */

static struct seen_packet packet_of(const struct group *g)
{
	struct seen_packet p = {.flow = g->flow,
				.has_original = g->has_original,
				.original = g->original,
				.ct_state = g->ct_state,
				.ct_reply = g->ct_reply,
				.has_ct_status = g->has_ct_status,
				.ct_status = g->ct_status,
				.ct_zone = g->ct_zone,
				.ct_tuples = {g->ct_tuples[0], g->ct_tuples[1]},
				.mark = g->mark,
				.vlan = g->vlan,
				.has_src_mac = g->has_src_mac,
				.packets = 1};

	memcpy(p.src_mac, g->src_mac, sizeof(p.src_mac));
	memcpy(p.dst_mac, g->dst_mac, sizeof(p.dst_mac));
	return p;
}

/* In all that a replay asks; addresses and protocol are the key's. */
static bool is_like(const struct seen_packet *a, const struct seen_packet *b)
{
	return flow_same_tuple(&a->flow, &b->flow) && a->flow.tcp_flags == b->flow.tcp_flags &&
	       a->flow.is_fragment == b->flow.is_fragment && a->flow.has_ah == b->flow.has_ah &&
	       a->mark == b->mark && a->vlan == b->vlan && a->ct_state == b->ct_state &&
	       a->ct_reply == b->ct_reply && a->has_ct_status == b->has_ct_status &&
	       a->ct_status == b->ct_status && a->ct_zone == b->ct_zone &&
	       a->has_original == b->has_original &&
	       (!a->has_original || flow_same_tuple(&a->original, &b->original)) &&
	       a->has_src_mac == b->has_src_mac &&
	       !memcmp(a->src_mac, b->src_mac, sizeof(a->src_mac)) &&
	       !memcmp(a->dst_mac, b->dst_mac, sizeof(a->dst_mac));
}

/* Is there room for one more, and is it time? */
static bool is_wanted(const struct group *g)
{
	return g->n_seen < GROUP_SEEN &&
	       (g->n_seen < SEEN_AT_ONCE || !(g->seen_different & (g->seen_different - 1)));
}

void seen_take(struct group *g, const struct sample *s)
{
	struct group now = {.kind = g->kind, .key = g->key};
	struct seen_packet p;

	g->seen_last = -1;
	if (!turns_rule_may_be(g))
		return;
	describe_content(&now, s);
	p = packet_of(&now);
	for (size_t i = 0; i < g->n_seen; i++) {
		if (!is_like(&g->seen[i], &p))
			continue;
		g->seen[i].packets++;
		g->seen[i].last_ns = s->ts;
		g->seen_last = (int)i;
		return;
	}
	g->seen_different++;
	if (!is_wanted(g))
		return;
	g->seen = xreallocarray(g->seen, g->n_seen + 1, sizeof(*g->seen));
	p.first = g->packets == 1;
	p.first_ns = p.last_ns = s->ts;
	g->seen[g->n_seen] = p;
	g->seen_last = (int)g->n_seen++;
}

void seen_told(struct group *g, int which, bool rule)
{
	if (which < 0 || (size_t)which >= g->n_seen) {
		g->seen_told += rule;
		return;
	}
	g->seen[which].told = true;
	g->seen[which].told_rule |= rule;
}

void seen_forget_told(struct group *g)
{
	for (size_t i = 0; i < g->n_seen; i++)
		g->seen[i].told = g->seen[i].told_rule = false;
	g->seen_told = 0;
}

void seen_view(const struct group *g, size_t which, struct group *view)
{
	const struct seen_packet *p = &g->seen[which];

	*view = *g;
	view->packets = p->packets;
	view->first_ns = p->first_ns;
	view->last_ns = p->last_ns;
	view->flow = p->flow;
	view->has_original = p->has_original;
	view->original = p->original;
	view->ct_state = p->ct_state;
	view->ct_reply = p->ct_reply;
	view->has_ct_status = p->has_ct_status;
	view->ct_status = p->ct_status;
	view->ct_zone = p->ct_zone;
	memcpy(view->ct_tuples, p->ct_tuples, sizeof(view->ct_tuples));
	view->mark = p->mark;
	view->vlan = p->vlan;
	view->has_src_mac = p->has_src_mac;
	memcpy(view->src_mac, p->src_mac, sizeof(view->src_mac));
	memcpy(view->dst_mac, p->dst_mac, sizeof(view->dst_mac));
	view->rule_counters = NULL;
	if (!p->told)
		memset(&view->verdict, 0, sizeof(view->verdict));
	if (!p->told_rule) {
		view->verdict.rule = 0;
		view->verdict.policy = false;
	}
}
