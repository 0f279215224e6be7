/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rule dropped the packets of a group. A child process enters the netns, reads the rulesets
 * there with their own library and tools, replays the packet, and answers; so what they take of
 * memory and time, and how they may end, is not the trace's.
 *
 * Nothing is asked of a packet filter that is not there: its subsystem would be loaded, or its
 * table made, by the question.
 */
#ifndef WHYDROP_RULES_RULES_H
#define WHYDROP_RULES_RULES_H

#include "../host/host.h"
#include "../table.h"
#include "changes.h"
#include "turns.h"

#define RULES_MAX_GROUPS 64 /* in one question */

struct rules {
	int pid; /* the child; 0: none */
	int fd;	 /* where it answers */
	char *answer;
	size_t n_answer;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t told_ns;    /* the last answer of whom no rule was known of before */
	uint64_t not_before_ns, seen_not_before_ns;
	struct turns turns;
	struct changes changes;
	size_t look_first; /* the group that is first to be looked for changes for */
	/* Groups that the child answers: first those n_asked that it has not answered. */
	size_t asked[RULES_MAX_GROUPS];
	size_t n_asked, n_taken;
};

/* Before the first drop: which rulesets there are then. Looks into each netns, and reads no rules.
 */
void rules_open(struct rules *r, struct host *h);
/*
 * Several times a second, though children run for a tenth of the time at most: take an answer that
 * has come, ask for groups that have none. Calls told()
 * for each group that got one. `last`: wait for the answers, for ten seconds at most.
 */
void rules_tick(struct rules *r, struct table *t, struct host *h, bool last,
		void (*told)(void *arg, size_t group), void *arg);
void rules_close(struct rules *r);

#endif
