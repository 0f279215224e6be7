// SPDX-License-Identifier: GPL-2.0-only
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "util.h"

struct node {
	struct drop_key key;
	uint32_t kind;
	uint32_t folded;
	size_t group;
};

static int node_cmp(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return memcmp(x, y, offsetof(struct node, group));
}

size_t table_group(struct table *t, enum sample_kind kind, const struct drop_key *key, bool folded)
{
	struct node *e = xcalloc(1, sizeof(*e)), **found;
	struct group *g;

	e->key = *key;
	e->kind = kind;
	e->folded = folded;
	e->group = t->n;
	found = tsearch(e, &t->index, node_cmp);
	if (found && *found != e) {
		free(e);
		return (*found)->group;
	}
	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->groups = xreallocarray(t->groups, t->room, sizeof(*t->groups));
	}
	g = &t->groups[t->n];
	memset(g, 0, sizeof(*g));
	g->kind = kind;
	g->key = *key;
	g->netns = key->netns;
	g->folded = folded;
	g->finding = -1;
	return t->n++;
}

size_t table_find(const struct table *t, enum sample_kind kind, const struct drop_key *key,
		  bool folded)
{
	const struct node want = {.key = *key, .kind = kind, .folded = folded};
	struct node *const *found = tfind(&want, &t->index, node_cmp);

	return found ? (*found)->group : t->n;
}

static uint8_t *late_ones(struct table *t, const struct drop_key *key)
{
	uint64_t h = (key->location ^ ((uint64_t)key->reason << 32) ^ key->netns) *
		     0x9e3779b97f4a7c15ULL;

	return &t->late[h >> 54];
}
_Static_assert(TABLE_KINDS == 1 << (64 - 54), "late_ones() takes the upper bits");

bool table_sampled_group(struct table *t, enum sample_kind kind, const struct drop_key *key,
			 size_t *group)
{
	uint8_t *late = late_ones(t, key);
	size_t known = table_find(t, kind, key, false);

	if (known < t->n) {
		*group = known;
		return true;
	}
	/* of retransmits there are as many groups as their map has room for */
	if (kind == SAMPLE_DROP) {
		if (t->n_sampled >= TABLE_SAMPLED && *late >= TABLE_LATE)
			return false;
		*late += t->n_sampled++ >= TABLE_SAMPLED;
	}
	*group = table_group(t, kind, key, false);
	return true;
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		group_free(&t->groups[i]);
	free(t->groups);
	tdestroy(t->index, free);
	memset(t, 0, sizeof(*t));
}
