// SPDX-License-Identifier: GPL-2.0-only
/* The XML that CI systems know from JUnit: a test case for each check, and the report as text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "checks.h"
#include "words.h"

/* Of what escape_text() lets through, XML 1.0 forbids U+FFFE and U+FFFF; line ends are the caller's
 * own. */
static void put_xml(FILE *to, const char *text)
{
	static const struct {
		const char *raw, *xml;
	} replaced[] = {{"&", "&amp;"},
			{"<", "&lt;"},
			{">", "&gt;"},
			{"\"", "&quot;"},
			{"\xef\xbf\xbe", "\\xef\\xbf\\xbe"},
			{"\xef\xbf\xbf", "\\xef\\xbf\\xbf"}};

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_SIZE(replaced) &&
		       strncmp(text, replaced[i].raw, strlen(replaced[i].raw)) != 0)
			i++;
		if (i < ARRAY_SIZE(replaced))
			fputs(replaced[i].xml, to);
		else
			fputc(*text, to);
		text += i < ARRAY_SIZE(replaced) ? strlen(replaced[i].raw) : 1;
	}
}

static void put_attribute(FILE *to, const char *name, const char *value)
{
	fprintf(to, " %s=\"", name);
	put_xml(to, value);
	fputc('"', to);
}

static void put_details(FILE *to, const struct check *c)
{
	put_xml(to, c->message);
	fputc('\n', to);
	for (size_t i = 0; i < c->n_details; i++) {
		put_xml(to, c->details[i]);
		fputc('\n', to);
	}
}

static void put_case(FILE *to, const struct check *c)
{
	static const char *const elements[] = {[VERDICT_HELD] = "system-out",
					       [VERDICT_INCONCLUSIVE] = "error",
					       [VERDICT_VIOLATED] = "failure"};
	const char *element = elements[c->verdict];

	fputs("  <testcase classname=\"whydrop.assert\"", to);
	put_attribute(to, "name", c->name);
	fprintf(to, ">\n    <%s", element);
	if (c->verdict != VERDICT_HELD) {
		put_attribute(to, "type", word_verdict(c->verdict));
		put_attribute(to, "message", c->message);
	}
	fputc('>', to);
	put_details(to, c);
	fprintf(to, "    </%s>\n  </testcase>\n", element);
}

static void put_report(FILE *to, const struct report *r)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	out_text(r, memory, false, false);
	fclose(memory);
	fputs("  <system-out>", to);
	put_xml(to, text);
	fputs("  </system-out>\n", to);
	free(text);
}

int out_junit(const struct report *r, const struct assertion *a, FILE *to,
	      const struct out_style *style)
{
	struct checks checks;
	char node[sizeof(r->node) * 4], when[WORD_TIME_STRLEN];

	(void)style;
	errno = 0;
	checks_make(a, r, &checks);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"whydrop assert\"", to);
	fprintf(to, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"%.3f\"",
		checks.n, checks.violated, checks.inconclusive,
		(double)(r->end_ns - r->start_ns) / 1e9);
	put_attribute(to, "timestamp", word_time(r->start_ns, when));
	put_attribute(to, "hostname", escape_text(r->node, node, sizeof(node)));
	fputs(">\n", to);
	for (size_t i = 0; i < checks.n; i++)
		put_case(to, &checks.list[i]);
	put_report(to, r);
	fputs("</testsuite>\n", to);
	checks_free(&checks);
	if (fflush(to) || ferror(to))
		return errno ? -errno : -EIO;
	return 0;
}
