/* SPDX-License-Identifier: GPL-2.0-only */
/* An assertion as a list of checks, for the outputs that are such lists: text, JUnit, TAP. */
#ifndef WHYDROP_OUT_CHECKS_H
#define WHYDROP_OUT_CHECKS_H

#include "../judge.h"

/* One line of text each, already escaped by escape_text(). */
struct check {
	enum verdict verdict;
	char *name;    /* "forbid fault=*" */
	char *message; /* "12 packets match" */
	char **details;
	size_t n_details;
};

struct checks {
	struct check *list;
	size_t n, violated, inconclusive;
};

/* One for each forbid and expect, then the command's, if there is one, and the accounting's. */
void checks_make(const struct assertion *a, const struct report *r, struct checks *out);
void checks_free(struct checks *c);

#endif
