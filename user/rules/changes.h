/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When nft's rulesets changed, as far as looks at their generations tell (nft_source_generation(),
 * a number that each change makes another one, and another netns of the same inode number): were
 * the rules that are read now those of the drop?
 */
#ifndef WHYDROP_RULES_CHANGES_H
#define WHYDROP_RULES_CHANGES_H

#include "../group.h"

#define CHANGES_NETNS 128 /* of more, those that were looked at last */

/* Times are CLOCK_MONOTONIC, in ns. */
struct changes {
	struct {
		uint32_t netns, generation;
		uint64_t since_ns;  /* the first look that saw it */
		uint64_t read_ns;   /* the last one */
		uint64_t before_ns; /* the last one that saw another generation; 0: none did */
		uint64_t
			dropped_ns; /* the last drop that changes_tell() was asked about; 0: none */
	} seen[CHANGES_NETNS];
	size_t n;
};

/* What a look at that netns saw; generation 0: nothing, and it is watched no more. Where there is
 * no room the one that was looked at longest ago is forgotten. */
void changes_see(struct changes *c, uint32_t netns, uint32_t generation, uint64_t now);
/* The netns that it is time to look at again, so that it is known of the next drop what was there
 * before it; 0: none. For some seconds after changes_tell() was asked about a drop there, in turn.
 */
uint32_t changes_next(const struct changes *c, uint64_t now);
/* Is it time for another look at that netns? */
bool changes_is_due(const struct changes *c, uint32_t netns, uint64_t now);
/* May the group's rule be asked for, and did packets of it die since changes_tell()? */
bool changes_wants(const struct group *g);
/* Notes in the group what is known of the ruleset near the time of its last drop. */
void changes_tell(struct changes *c, struct group *g);

/* Is a ruleset that has that generation now, by what was noted in the group, the one that dropped
 * its last packet? NO: it has changed since. generation 0: not known. */
enum changes_answer {
	CHANGES_UNKNOWN,
	CHANGES_NONE,
	CHANGES_SINCE,
} changes_since_drop(const struct group *g, uint32_t generation);
/* Has a change been seen that came after a packet that died at that time, or may have? */
bool changes_maybe_since(const struct group *g, uint64_t ns, uint32_t generation);

#endif
