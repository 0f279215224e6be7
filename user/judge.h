/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions × report → verdicts. What was lost makes a range of every count: from the packets
 * that surely match to those that may. An expression is decided only if the whole range decides it,
 * so a violation that is proven stays one whatever was lost, and nothing holds that could have
 * failed.
 */
#ifndef WHYDROP_JUDGE_H
#define WHYDROP_JUDGE_H

#include "expr.h"

enum verdict {
	VERDICT_HELD,
	VERDICT_INCONCLUSIVE,
	VERDICT_VIOLATED,
};

enum expr_kind {
	EXPR_FORBID,
	EXPR_EXPECT,
	EXPR_ALLOW,
};

/* An expression, and what became of it. */
struct judged {
	enum expr_kind kind;
	struct expr expr;

	/* Set by judge(). */
	uint64_t count;	       /* packets that surely match; a finding of pure silence counts 1 */
	enum verdict verdict;  /* not of an allow */
	char *why;	       /* why it is inconclusive; NULL: it is not */
	int *drops, *findings; /* indices of what matches */
	int *unsure;	       /* and of the drops of which some may match */
	size_t n_drops, n_findings, n_unsure;
};

struct assertion {
	struct judged *exprs;
	size_t n;
	char **argv;	 /* the command; NULL: none */
	int wait_status; /* of the command, as waitpid() gives it */
	bool cut_short;	 /* by a signal */

	/* Set by judge(). */
	enum verdict verdict;
	int exit_code;
};

/* "forbid"; "violated" */
const char *word_kind(enum expr_kind kind);
const char *word_verdict(enum verdict verdict);

/* Parse and append. 0, or -EINVAL, said on stderr. */
int assertion_add(struct assertion *a, enum expr_kind kind, const char *text);
/* Without any forbid or expect: forbid every finding and every unexplained drop. */
void assertion_set_defaults(struct assertion *a);
/* Could all reasons that are asked for be given by this kernel? 0, or -EINVAL, said on stderr. */
int assertion_check_reasons(const struct assertion *a, struct kernel *k);
/* Drops that were counted and could not be read. */
uint64_t judge_unread(const struct accounting *acc);
void judge(struct assertion *a, const struct report *r);
/* Did the command end with another status than 0? False without a command. */
bool assertion_command_failed(const struct assertion *a);
void assertion_free(struct assertion *a);

#endif
