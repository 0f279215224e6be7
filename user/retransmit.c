// SPDX-License-Identifier: GPL-2.0-only
#include "retransmit.h"

/* Which connection of the group was it? The least persistent one is forgotten for a new one. */
static size_t find_connection(struct group *g, const struct sample *s)
{
	size_t slot = 0;

	for (size_t i = 0; i < GROUP_CONNECTIONS; i++) {
		if (g->connections[i].times && g->connections[i].sport == s->sport)
			return i;
		if (g->connections[i].times < g->connections[slot].times)
			slot = i;
	}
	g->connections[slot].sport = s->sport;
	g->connections[slot].times = 0;
	g->connections[slot].since_ns = s->ts;
	return slot;
}

/*
 * An ICMP error that reached the netns is an answer, though perhaps to another of its connections:
 * of the packets that wait for a missing neighbour, one only gets an error when others arrive at
 * that moment (neigh_invalidate(), net/core/neighbour.c). So the clock of all starts anew.
 */
static void restart_after_error(struct group *g, const struct sample *s, struct host *h, bool first)
{
	uint64_t errors;

	if (h->ops->icmp_errors(h, g->netns, &errors) || errors == g->icmp_errors)
		return;
	g->icmp_errors = errors;
	if (first)
		return;
	for (size_t i = 0; i < GROUP_CONNECTIONS; i++)
		g->connections[i].since_ns = s->ts;
	g->silent_ms = 0;
}

void retransmit_take(struct group *g, const struct sample *s, struct host *h)
{
	size_t slot = find_connection(g, s);
	bool first = g->packets == 1;

	g->flow.sport = s->sport;
	g->connections[slot].times++;
	g->silent_ms = (uint32_t)((s->ts - g->connections[slot].since_ns) / 1000000);
	g->sk_err = (int)s->sk_err;
	if (first || g->silent_ms >= RETRANSMIT_SILENT_MS)
		restart_after_error(g, s, h, first);
}
