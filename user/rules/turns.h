/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose rules are read next. A scan makes thousands of groups in one place, the input hook mostly,
 * and a node has many namespaces: neither may keep the one drop in another place waiting.
 */
#ifndef WHYDROP_RULES_TURNS_H
#define WHYDROP_RULES_TURNS_H

#include "../table.h"

#define TURNS_PLACES 64

struct turns {
	struct {
		uint64_t location;
		uint32_t netns;
		enum nf_hook hook;
		unsigned int asked; /* groups of it */
	} places[TURNS_PLACES];
	size_t n;
	uint32_t netns;	 /* the last one */
	uint64_t now_ns; /* CLOCK_MONOTONIC, of whoever asks */
	bool rest; /* who knows the rule waits with more packets until others are asked about */
};

/* May a rule have dropped these packets? */
bool turns_rule_may_be(const struct group *g);
/* Has a probe seen, since the last call, that no table of rules gave the verdict? Then what was
 * deduced is forgotten. */
bool turns_no_rule_did_it(struct group *g);
/* Takes up to `max` groups of one netns, whose indices go to `groups`, and marks them as asked
 * about. How many; 0: none wants to know. */
size_t turns_take(struct turns *t, struct table *table, size_t *groups, size_t max,
		  uint32_t *netns);

#endif
