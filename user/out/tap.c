// SPDX-License-Identifier: GPL-2.0-only
/* TAP 13 (testanything.org), which every harness reads: a test point for each check, and comments.
 */
#include <errno.h>

#include "checks.h"

/* A # would begin a directive, and a backslash escapes. */
static void put_description(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
}

static void put_check(FILE *to, size_t number, const struct check *c)
{
	fprintf(to, "%s %zu - ", c->verdict == VERDICT_HELD ? "ok" : "not ok", number);
	put_description(to, c->name);
	fprintf(to, "%s\n  # %s\n", c->verdict == VERDICT_INCONCLUSIVE ? " # inconclusive" : "",
		c->message);
	for (size_t i = 0; i < c->n_details; i++)
		fprintf(to, "  # %s\n", c->details[i]);
}

int out_tap(const struct report *r, const struct assertion *a, FILE *to,
	    const struct out_style *style)
{
	struct checks checks;

	(void)style;
	errno = 0;
	checks_make(a, r, &checks);
	fprintf(to, "TAP version 13\n1..%zu\n", checks.n);
	for (size_t i = 0; i < checks.n; i++)
		put_check(to, i + 1, &checks.list[i]);
	checks_free(&checks);
	if (fflush(to) || ferror(to))
		return errno ? -errno : -EIO;
	return 0;
}
