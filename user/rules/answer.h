/* SPDX-License-Identifier: GPL-2.0-only */
/* What a reader found out about a group's rule, and its way from the child process to the group. */
#ifndef WHYDROP_RULES_ANSWER_H
#define WHYDROP_RULES_ANSWER_H

#include <stdio.h>

#include "rule.h"

struct answer {
	struct rule rule;
	bool known; /* the rule */
	bool certain;
	bool by_probe;	 /* a probe saw it, though it may have been another one that it saw */
	bool more;	 /* only of the packets below: all else was told before */
	const char *why; /* static; NULL: nothing to say */
	char *when;	 /* with a rule: what is not known of the time of the drop; or NULL */
	bool unsure;	 /* the rule may be newer than the drop */
	bool again;	 /* without a rule that is sure: ask again after another drop, as the rules
			  * changed */
	bool changing;	 /* the same, but at any time: they changed while they were read */
	size_t others;	 /* without a rule: so many may have been it */
	struct rule *may_be; /* the first of those */
	size_t n_may_be;
	bool gone;		       /* a probe saw the rule, but it is not there any more */
	bool none;		       /* all were read, and none may have done it */
	bool nat;		       /* the chain that a probe saw is one of NAT's */
	bool mixed;		       /* the other iptables has rules here, too */
	char *counters;		       /* of several, for the next time; NULL: none */
	unsigned int seen[GROUP_SEEN]; /* SEEN_* of each of the group's packets, */
	size_t n_seen;
	struct rule also[GROUP_ALSO]; /* and the other rules of those */
	size_t n_also;
	uint32_t generation; /* of nft's ruleset, as it was read; 0: not known */
};

void answer_free(struct answer *a);
/* One line. */
void answer_write(const struct answer *a, FILE *to);
/* Reads such a line into the group, as far as it knows better than what the group has. False: it is
 * none. */
bool answer_take(struct group *g, const char *line);

#endif
