/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One rule as iptables-save and its siblings write it: what it asks of a packet, and what its
 * target does with one that matches.
 */
#ifndef WHYDROP_RULES_XT_LINE_H
#define WHYDROP_RULES_XT_LINE_H

#include "xt_options.h"

/* What a target may do with a packet. */
enum xt_fate {
	XT_DIES = 1 << 0,
	XT_ACCEPTS = 1 << 1, /* the table is done with it */
	XT_GOES_ON = 1 << 2, /* to the next rule */
	XT_RETURNS = 1 << 3,
};

/* How a rule changes the mark: (mark & ~clear) ^ flip, net/netfilter/xt_mark.c. */
struct xt_mark_set {
	bool sets;
	bool known; /* else to anything */
	uint32_t clear, flip;
};

/* A rule that was read. The same struct is for one rule after the other: strings are good until the
 * next is read. */
struct xt_line {
	enum tri matches;
	const char *comment, *target; /* NULL: none */
	bool go_to;		      /* -g: the target is a chain */
	unsigned int fate;	      /* enum xt_fate, unless the target is a chain */
	enum rule_verdict verdict;    /* with XT_DIES */
	bool may_pass;		      /* with XT_DIES: it may have gone on instead */
	struct xt_mark_set mark;
	/* the words of the text, and where they are */
	struct xt_word *words;
	size_t n, room;
	char *buf;
	size_t buf_size;
};

/* text: what stands behind "-A CHAIN". p NULL: only what the rule says of itself. */
void xt_line_read(struct xt_line *l, enum xt_syntax syntax, const char *text, size_t len,
		  const struct xt_packet *p);
void xt_line_free(struct xt_line *l);
/* Where the line ends, at its newline or at the end of the text: a newline in quotes is part of it,
 * since a comment may have one. */
const char *xt_line_end(const char *text);

#endif
