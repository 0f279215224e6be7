// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "../noise.h"
#include "rule.h"
#include "turns.h"

#define MAX_COUNTS 8 /* of one group: who has not counted alone until then never will */
#define MAX_ALIKE  8 /* groups of one place before those of all other places */
#define MAX_RIDERS 4 /* who know their rule, in a question of those who do not */

bool turns_rule_may_be(const struct group *g)
{
	static const char *const reason[] = {"NETFILTER_DROP", NULL};
	static const char *const places[] = {"nf_hook_slow", "nft_do_chain", NULL};

	if (g->kind != SAMPLE_DROP || !g->has_sample || !g->netns || !rule_may_be_verdict(g))
		return false;
	return g->verdict.function || group_reason(g, reason) || group_at(g, places) ||
	       rule_at_queue(g);
}

/* Several may have been it, and another packet died since their counters were read. */
static bool counts(const struct group *g)
{
	return !g->rule && g->rule_counters && g->rule_counts < MAX_COUNTS &&
	       g->last_ns > g->rule_counted_ns;
}

/* The rules changed, and it is time to read them again: those of another drop, unless they could
 * not be read at all. */
static bool again(const struct turns *t, const struct group *g)
{
	return (!g->rule || g->rule_unsure) && g->rule_again && t->now_ns >= g->rule_again_ns &&
	       (g->rule_changing || g->last_ns > g->rule_counted_ns);
}

static void mark(struct group *g)
{
	g->seen_asked = g->n_seen;
	g->seen_only = g->rule && !g->rule_unsure && g->explained == g->rule_explained;
	g->rule_asked = true;
	g->rule_waits = g->rule_again = false;
	g->rule_explained = g->explained;
}

bool turns_no_rule_did_it(struct group *g)
{
	if (!g->explained || g->rule_explained || rule_may_be_verdict(g))
		return false;
	mark(g);
	group_forget_rule(g);
	return true;
}

/* A group is asked about when it comes, and once more when a hook program has told of it. This runs
 * for every group several times a second: what no rule can tell of is marked, too. */
static bool wants(const struct turns *t, struct group *g)
{
	if (g->rule_asked && (!g->explained || g->rule_explained) && !counts(g) && !again(t, g))
		return false;
	if (!g->rule_waits && turns_rule_may_be(g) && !noise_why(g))
		g->rule_waits = true;
	else if (!g->rule_waits && g->has_sample)
		mark(g);
	return g->rule_waits && rule_may_be_verdict(g);
}

/* The rule is known, and packets came that are not like those before: once nobody waits for a rule.
 */
static bool wants_seen(const struct group *g)
{
	return g->rule && !g->rule_unsure && g->n_seen > g->seen_asked && rule_may_be_verdict(g);
}

/* How many groups of its place were asked about; NULL: there are too many places. */
static unsigned int *asked(struct turns *t, const struct group *g)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->places[i].location == g->key.location && t->places[i].netns == g->netns &&
		    t->places[i].hook == g->hook)
			return &t->places[i].asked;
	}
	if (t->n == TURNS_PLACES)
		return NULL;
	t->places[t->n].location = g->key.location;
	t->places[t->n].netns = g->netns;
	t->places[t->n].hook = g->hook;
	return &t->places[t->n++].asked;
}

static bool is_scan(struct turns *t, const struct group *g)
{
	const unsigned int *n = asked(t, g);

	return n && *n >= MAX_ALIKE;
}

/* The netns that comes next: one of another place than a scan's, another than the last one's; of
 * those the one that has the newest group. 0: none. */
static uint32_t next_netns(struct turns *t, struct table *table)
{
	uint32_t best = 0;
	int best_rank = -1;

	for (size_t i = table->n; i-- && best_rank < 3;) {
		struct group *g = &table->groups[i];
		int rank;

		if (!wants(t, g))
			continue;
		rank = 2 * !is_scan(t, g) + (g->netns != t->netns);
		if (rank > best_rank) {
			best_rank = rank;
			best = g->netns;
		}
	}
	for (size_t i = table->n; i-- && !best && !t->rest;) {
		if (wants_seen(&table->groups[i]))
			best = table->groups[i].netns;
	}
	return best;
}

static bool is_taken(const size_t *groups, size_t n, size_t group)
{
	while (n && groups[n - 1] != group)
		n--;
	return n;
}

size_t turns_take(struct turns *t, struct table *table, size_t *groups, size_t max, uint32_t *netns)
{
	size_t n = 0, most = max;

	*netns = next_netns(t, table);
	if (!*netns)
		return 0;
	t->netns = *netns;
	for (int scans = 0; scans < 2; scans++) {
		for (size_t i = table->n; i-- && n < max;) {
			struct group *g = &table->groups[i];
			unsigned int *alike;

			if (g->netns != *netns || !wants(t, g) || is_taken(groups, n, i) ||
			    (!scans && is_scan(t, g)))
				continue;
			alike = asked(t, g);
			if (alike)
				++*alike;
			mark(g);
			g->rule_counts += g->rule_counters != NULL;
			groups[n++] = i;
		}
	}
	if (n && n + MAX_RIDERS < max)
		most = n + MAX_RIDERS;
	for (size_t i = table->n; i-- && n < most && !t->rest;) {
		struct group *g = &table->groups[i];

		if (g->netns != *netns || !wants_seen(g) || is_taken(groups, n, i))
			continue;
		mark(g);
		groups[n++] = i;
	}
	return n;
}
