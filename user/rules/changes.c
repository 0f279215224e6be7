// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "changes.h"
#include "turns.h"

#define LOOK_NS	      20000000	    /* a netns is looked at no more often */
#define LOOK_AGAIN_NS 100000000	    /* where nobody has to know just now */
#define WATCH_NS      5000000000ULL /* after a drop */

static size_t find(const struct changes *c, uint32_t netns)
{
	size_t i = 0;

	while (i < c->n && c->seen[i].netns != netns)
		i++;
	return i;
}

static bool is_watched(const struct changes *c, size_t i, uint64_t now)
{
	/* looking for a way in costs more */
	return c->seen[i].generation && c->seen[i].dropped_ns &&
	       now < c->seen[i].dropped_ns + WATCH_NS;
}

/* The one that was looked at longest ago; rather one that is not watched. */
static size_t oldest(const struct changes *c, uint64_t now)
{
	size_t best = 0;

	for (size_t i = 1; i < c->n; i++) {
		bool watched = is_watched(c, i, now), best_is = is_watched(c, best, now);

		if (watched != best_is ? best_is : c->seen[i].read_ns < c->seen[best].read_ns)
			best = i;
	}
	return best;
}

static size_t add(struct changes *c, uint32_t netns, uint64_t now)
{
	size_t i = c->n < CHANGES_NETNS ? c->n++ : oldest(c, now);

	memset(&c->seen[i], 0, sizeof(c->seen[i]));
	c->seen[i].netns = netns;
	return i;
}

void changes_see(struct changes *c, uint32_t netns, uint32_t generation, uint64_t now)
{
	size_t i = find(c, netns);

	if (i == c->n)
		i = add(c, netns, now);
	if (c->seen[i].generation != generation) {
		c->seen[i].before_ns = c->seen[i].generation ? c->seen[i].read_ns : 0;
		c->seen[i].since_ns = now;
	}
	c->seen[i].generation = generation;
	c->seen[i].read_ns = now;
}

uint32_t changes_next(const struct changes *c, uint64_t now)
{
	size_t best = c->n;

	for (size_t i = 0; i < c->n; i++) {
		if (is_watched(c, i, now) && c->seen[i].read_ns + LOOK_AGAIN_NS <= now &&
		    (best == c->n || c->seen[i].read_ns < c->seen[best].read_ns))
			best = i;
	}
	return best < c->n ? c->seen[best].netns : 0;
}

bool changes_is_due(const struct changes *c, uint32_t netns, uint64_t now)
{
	size_t i = find(c, netns);

	return i == c->n || c->seen[i].read_ns + LOOK_NS <= now;
}

bool changes_wants(const struct group *g)
{
	bool asks = !g->rule || g->rule_unsure ? !g->rule_asked || g->rule_again || g->rule_counters
					       : g->n_seen > g->seen_asked;

	return asks && g->last_ns > g->rule_noted_ns && turns_rule_may_be(g);
}

void changes_tell(struct changes *c, struct group *g)
{
	size_t i = find(c, g->netns);

	g->rule_noted_ns = g->last_ns;
	g->rule_drop_generation = 0;
	if (i == c->n || !c->seen[i].generation)
		return;
	c->seen[i].dropped_ns = g->last_ns;
	g->rule_drop_generation = c->seen[i].generation;
	g->rule_since_ns = c->seen[i].since_ns;
	g->rule_before_ns = c->seen[i].before_ns;
	g->rule_read_ns = c->seen[i].read_ns;
}

enum changes_answer changes_since_drop(const struct group *g, uint32_t generation)
{
	if (!g->rule_drop_generation || !generation)
		return CHANGES_UNKNOWN;
	if (g->last_ns < g->rule_before_ns)
		return CHANGES_SINCE;
	if (g->rule_drop_generation != generation)
		return g->rule_read_ns >= g->last_ns ? CHANGES_SINCE : CHANGES_UNKNOWN;
	return g->rule_since_ns <= g->last_ns ? CHANGES_NONE : CHANGES_UNKNOWN;
}

bool changes_maybe_since(const struct group *g, uint64_t ns, uint32_t generation)
{
	if (!g->rule_drop_generation || !generation)
		return false;
	return g->rule_drop_generation != generation ||
	       (g->rule_before_ns && ns < g->rule_since_ns);
}
