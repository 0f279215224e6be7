/* SPDX-License-Identifier: GPL-2.0-only */
/* In a child process that has entered the netns: which rules dropped these groups' packets? */
#ifndef WHYDROP_RULES_READER_H
#define WHYDROP_RULES_READER_H

#include <stdio.h>

#include "../group.h"

struct reader {
	bool has_nft;	   /* nf_tables is in the kernel: reading loads nothing */
	bool has_ebtables; /* and so is that of ebtables-legacy */
};

/* One line of JSON to `to`: rule (absent: none), certain, why, others (how many more may have been
 * it). */
void reader_answer(const struct reader *r, const struct group *g, FILE *to);

#endif
