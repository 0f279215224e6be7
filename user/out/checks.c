// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../util.h"
#include "checks.h"
#include "words.h"

#define TOP_DETAILS 3

/* raw is freed. */
static char *safe_line(char *raw)
{
	size_t size = strlen(raw) * 4 + 1;
	char *safe = xcalloc(size, 1);

	escape_text(raw, safe, size);
	free(raw);
	return safe;
}

__attribute__((format(printf, 2, 3))) static void add_detail(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->details = xreallocarray(c->details, c->n_details + 1, sizeof(*c->details));
	c->details[c->n_details++] = safe_line(xvasprintf(fmt, ap));
	va_end(ap);
}

static struct check *add_check(struct checks *c, enum verdict verdict, char *name, char *message)
{
	c->list = xreallocarray(c->list, c->n + 1, sizeof(*c->list));
	c->list[c->n] = (struct check){
		.verdict = verdict, .name = safe_line(name), .message = safe_line(message)};
	c->violated += verdict == VERDICT_VIOLATED;
	c->inconclusive += verdict == VERDICT_INCONCLUSIVE;
	return &c->list[c->n++];
}

static char *count_text(const struct judged *j)
{
	return xasprintf("count %" PRIu64 " (%zu group%s of drops, %zu finding%s)%s%s", j->count,
			 j->n_drops, j->n_drops == 1 ? "" : "s", j->n_findings,
			 j->n_findings == 1 ? "" : "s", j->why ? "; not sure: " : "",
			 j->why ? j->why : "");
}

static void detail_findings(struct check *c, const struct judged *j, const struct report *r)
{
	for (size_t i = 0; i < j->n_findings && i < TOP_DETAILS; i++) {
		const struct finding *f = &r->findings[j->findings[i]];

		add_detail(c, "%s %s: %s", word_status(f->status), f->fault->id, f->summary);
	}
	if (j->n_findings > TOP_DETAILS)
		add_detail(c, "and %zu more findings", j->n_findings - TOP_DETAILS);
}

static void detail_groups(struct check *c, const char *what, const int *groups, size_t n,
			  const struct report *r)
{
	char flow[FLOW_STRLEN], loc[LOCATION_STRLEN];

	for (size_t i = 0; i < n && i < TOP_DETAILS; i++) {
		const struct group *g = &r->groups[groups[i]];
		const char *name = group_netns_label(g, r->host);
		const char *own = name && !host_netns_is_holder(name) ? name : NULL;

		add_detail(c, "%s%" PRIu64 " × %s, %s at %s%s%s", what, g->packets,
			   flow_str(&g->flow, flow), g->reason,
			   word_location(&g->loc, r->addresses_hidden, loc), own ? " in " : "",
			   own ? own : "");
	}
	if (n > TOP_DETAILS)
		add_detail(c, "%sand %zu more groups", what, n - TOP_DETAILS);
}

static char *command_line(char **argv)
{
	char *line = xstrdup("command:"), *old;

	for (; *argv; argv++) {
		size_t size = strlen(*argv) * 4 + 3;
		char *word = xcalloc(size, 1);

		old = line;
		line = xasprintf("%s %s", old, shell_quote(*argv, word, size));
		free(old);
		free(word);
	}
	return line;
}

static char *command_end(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return xasprintf("ended by signal %d (%s)", WTERMSIG(wait_status),
				 strsignal(WTERMSIG(wait_status)));
	return xasprintf("exit status %d", WEXITSTATUS(wait_status));
}

/* Complete, as far as it matters: what was lost and changes no verdict is told, and no error; nor
 * is it one that a verdict is not sure for another reason. */
static void check_accounting(struct checks *c, const struct report *r)
{
	const struct accounting *a = &r->acc;
	bool lost = a->uncounted || a->folded || a->samples_lost || a->retransmits_lost ||
		    a->hooks_lost || (a->has_missed && a->missed) || judge_unread(a) ||
		    r->ended_early;
	struct check *check =
		add_check(c, lost && c->inconclusive ? VERDICT_INCONCLUSIVE : VERDICT_HELD,
			  xstrdup("accounting"),
			  xasprintf("%" PRIu64 " seen = %" PRIu64 " counted + %" PRIu64
				    " uncounted + %" PRIu64 " filtered; %" PRIu64 " sample%s lost",
				    a->seen, a->counted, a->uncounted, a->filtered, a->samples_lost,
				    a->samples_lost == 1 ? "" : "s"));

	if (a->has_missed)
		add_detail(check, "%" PRIu64 " missed", a->missed);
	else
		add_detail(check, "drops that the probe missed are not counted by this kernel, and "
				  "are taken as none");
}

void checks_make(const struct assertion *a, const struct report *r, struct checks *out)
{
	*out = (struct checks){};
	for (size_t i = 0; i < a->n; i++) {
		const struct judged *j = &a->exprs[i];
		struct check *c;

		if (j->kind == EXPR_ALLOW)
			continue;
		c = add_check(out, j->verdict, xasprintf("%s %s", word_kind(j->kind), j->expr.text),
			      count_text(j));
		if (j->expr.about_findings)
			detail_findings(c, j, r);
		detail_groups(c, "", j->drops, j->n_drops, r);
		if (j->verdict == VERDICT_INCONCLUSIVE)
			detail_groups(c, "not sure: ", j->unsure, j->n_unsure, r);
	}
	if (a->argv)
		add_check(out, assertion_command_failed(a) ? VERDICT_VIOLATED : VERDICT_HELD,
			  command_line(a->argv), command_end(a->wait_status));
	check_accounting(out, r);
}

void checks_free(struct checks *c)
{
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->list[i].n_details; k++)
			free(c->list[i].details[k]);
		free(c->list[i].details);
		free(c->list[i].name);
		free(c->list[i].message);
	}
	free(c->list);
	*c = (struct checks){};
}
