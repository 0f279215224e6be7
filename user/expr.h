/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions of `whydrop assert`: key=value[,key=value…], all of which must agree, and count>=N or
 * count<=N on the packets of all that matches. Parsed and matched here, judged in judge.c.
 */
#ifndef WHYDROP_EXPR_H
#define WHYDROP_EXPR_H

#include "kernel.h"
#include "report.h"

/* What is known of a group may be too little to tell: it was folded, had no sample, or the kernel
 * hides its addresses. In the order of certainty, so that the least of several is their sum. */
enum match {
	MATCH_NO,
	MATCH_MAYBE,
	MATCH_SOME, /* its first packet does, and the others may */
	MATCH_YES,
};

struct expr_key;

struct expr_term {
	const struct expr_key *key;
	char *value;
	bool is_net; /* src, dst: value is this address or prefix, and no glob */
	struct cidr net;
	uint8_t family; /* src, dst: AF_INET or AF_INET6; 0: a glob that may match both */
};

struct expr {
	char *text; /* as it was given */
	struct expr_term *terms;
	size_t n;
	bool about_findings; /* it has fault= or status=: netns= is where the fault is */
	bool has_reason;     /* it has reason=, which kernels before 5.17 do not give */
	bool has_class;	     /* it has class=, so that noise is not left out of a forbid */
	bool wants_faults;   /* what a lost sample would have explained may match */
	bool wants_hooks; /* it asks for what hook programs see best: hook, family, iface, and what
			     the diagnosis takes from them: fault, status, class */
	bool has_count;
	uint64_t min, max; /* bounds of the count, both included */
};

/*
 * option is what to call it in messages ("--forbid"). 0, or -EINVAL after having said on stderr
 * what is wrong, quoting it. out is to be freed by expr_free(), after success only.
 */
int expr_parse(const char *option, const char *text, struct expr *out);
/*
 * Could its reasons match on this kernel? 0, or -EINVAL after having said on stderr which cannot.
 * On a kernel that gives no reasons any could: expr_match() is not sure then.
 */
int expr_check_reasons(const struct expr *e, const char *option, struct kernel *k);
/* Does the group match, as far as is known? The bounds of the count are not looked at. */
enum match expr_match(const struct expr *e, const struct report *r, const struct group *g);
/* Could it match if what samples and records of hook programs tell were another thing? */
bool expr_could_match(const struct expr *e, const struct report *r, const struct group *g);
/* Is it other than noise? */
enum match expr_not_noise(const struct report *r, const struct group *g);
void expr_free(struct expr *e);

#endif
