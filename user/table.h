/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of a run: created by their first sample or by the final reading of the maps. */
#ifndef WHYDROP_TABLE_H
#define WHYDROP_TABLE_H

#include "group.h"

/* So many groups may samples make, each of which takes kilobytes, and then so many more of one
 * reason, location and netns. */
#define TABLE_SAMPLED 4096
#define TABLE_LATE    16
#define TABLE_KINDS   1024

struct table {
	struct group *groups;
	size_t n, room;
	void *index; /* tsearch() tree of struct node */
	size_t n_sampled;
	uint8_t late[TABLE_KINDS]; /* by a hash of reason, location and netns */
};

/* The group's index, created empty (counters 0, not described) if it is new. Pointers into groups
 * are invalid after this. */
size_t table_group(struct table *t, enum sample_kind kind, const struct drop_key *key, bool folded);
/*
 * The same for a sample. False: it would be one group too many, as a day of port scans makes them
 * once the kernel's map of flows is full. Its packets are in the counters all the same, and a fault
 * of another kind is still seen.
 */
bool table_sampled_group(struct table *t, enum sample_kind kind, const struct drop_key *key,
			 size_t *group);
/* Its index, or t->n: there is none. */
size_t table_find(const struct table *t, enum sample_kind kind, const struct drop_key *key,
		  bool folded);
void table_free(struct table *t);

#endif
