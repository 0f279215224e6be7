// SPDX-License-Identifier: GPL-2.0-only
/* An assertion for a person: the verdicts, then the report. */
#include <errno.h>

#include "checks.h"

static void put_verdict(FILE *to, enum verdict verdict, bool colour)
{
	static const struct {
		const char *word, *code;
	} verdicts[] = {[VERDICT_HELD] = {"HELD        ", "\033[32m"},
			[VERDICT_INCONCLUSIVE] = {"INCONCLUSIVE", "\033[33m"},
			[VERDICT_VIOLATED] = {"VIOLATED    ", "\033[1;31m"}};

	fprintf(to, "%s%s%s  ", colour ? verdicts[verdict].code : "", verdicts[verdict].word,
		colour ? "\033[0m" : "");
}

static void put_check(FILE *to, const struct check *c, bool colour)
{
	put_verdict(to, c->verdict, colour);
	fprintf(to, "%s: %s\n", c->name, c->message);
	for (size_t i = 0; i < c->n_details; i++)
		fprintf(to, "                %s\n", c->details[i]);
}

int out_assert_text(const struct report *r, const struct assertion *a, FILE *to,
		    const struct out_style *style)
{
	struct checks checks;

	checks_make(a, r, &checks);
	for (size_t i = 0; i < checks.n; i++)
		put_check(to, &checks.list[i], style->colour);
	fputc('\n', to);
	checks_free(&checks);
	return out_text(r, to, style->colour, style->verbose);
}
