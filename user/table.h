/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of a run: created by their first sample or by the final reading of the maps. */
#ifndef WHYDROP_TABLE_H
#define WHYDROP_TABLE_H

#include "group.h"

struct table {
	struct group *groups;
	size_t n, room;
	void *index; /* tsearch() tree of struct node */
};

/* The group's index, created empty (counters 0, not described) if it is new. Pointers into groups
 * are invalid after this. */
size_t table_group(struct table *t, enum sample_kind kind, const struct drop_key *key, bool folded);
void table_free(struct table *t);

#endif
