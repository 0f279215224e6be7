/* SPDX-License-Identifier: GPL-2.0-only */
/* In a child process that has entered the netns: which rules dropped these groups' packets? */
#ifndef WHYDROP_RULES_READER_H
#define WHYDROP_RULES_READER_H

#include "answer.h"
#include "source.h"

struct reader {
	bool has_nft;	     /* nf_tables is in the kernel: reading loads nothing */
	bool has_nft_compat; /* and so is nft_compat: the tools of iptables-nft ask it what it
			      * knows, whatever the rules are, and would load it by that */
	bool has_ebtables;   /* and so is that of ebtables-legacy */
	const struct rule_source *from;
	uint32_t generation;	  /* of nft's ruleset, as the last answer read it */
	struct tool_rules *rules; /* that were read; zeroed at first */
};

/* The answer, zeroed at first, is to be freed. */
void reader_answer(struct reader *r, const struct group *g, struct answer *a);
/* Asks about the packets that the group keeps, too, each of which may be replayed: true: the answer
 * is one that tells more. Those that an earlier answer told of are not asked about again. */
bool reader_more(struct reader *r, const struct group *g, struct answer *a);
/* Frees what it has of the rules. */
void reader_close(struct reader *r);

#endif
