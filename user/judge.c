// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "doubt.h"
#include "judge.h"
#include "util.h"

const char *word_kind(enum expr_kind kind)
{
	static const char *const words[] = {
		[EXPR_FORBID] = "forbid", [EXPR_EXPECT] = "expect", [EXPR_ALLOW] = "allow"};

	return words[kind];
}

const char *word_verdict(enum verdict verdict)
{
	static const char *const words[] = {[VERDICT_HELD] = "held",
					    [VERDICT_INCONCLUSIVE] = "inconclusive",
					    [VERDICT_VIOLATED] = "violated"};

	return words[verdict];
}

/* "--forbid" */
static const char *option_of(enum expr_kind kind, char buf[16])
{
	snprintf(buf, 16, "--%s", word_kind(kind));
	return buf;
}

int assertion_add(struct assertion *a, enum expr_kind kind, const char *text)
{
	struct judged j = {.kind = kind};
	char option[16];

	if (expr_parse(option_of(kind, option), text, &j.expr))
		return -EINVAL;
	if (kind == EXPR_ALLOW && j.expr.has_count) {
		log_error("%s '%s': it has no count: put the bound into the --forbid", option,
			  text);
		expr_free(&j.expr);
		return -EINVAL;
	}
	a->exprs = xreallocarray(a->exprs, a->n + 1, sizeof(*a->exprs));
	a->exprs[a->n++] = j;
	return 0;
}

void assertion_set_defaults(struct assertion *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->exprs[i].kind != EXPR_ALLOW)
			return;
	}
	assertion_add(a, EXPR_FORBID, "fault=*");
	assertion_add(a, EXPR_FORBID, "class=unexplained");
}

int assertion_check_reasons(const struct assertion *a, struct kernel *k)
{
	char option[16];

	for (size_t i = 0; i < a->n; i++) {
		const struct judged *j = &a->exprs[i];

		if (expr_check_reasons(&j->expr, option_of(j->kind, option), k))
			return -EINVAL;
	}
	return 0;
}

/* What is not known about one expression, in packets. */
struct unsure {
	uint64_t folded, unsampled, hidden, closed, reasonless, unknown, silences;
};

static void add_index(int **list, size_t *n, int index)
{
	for (size_t i = 0; i < *n; i++) {
		if ((*list)[i] == index)
			return;
	}
	*list = xreallocarray(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = index;
}

/* Samples, and runs of the other probes, that would have told a fault. */
static uint64_t lost_evidence(const struct report *r)
{
	uint64_t lost = r->acc.samples_lost + r->acc.retransmits_lost;

	/* what a hook program misses is detail, which the sample's stack has, too */
	for (size_t i = 1; i < r->n_probes; i++)
		lost += r->probes[i].has_missed && r->probes[i].armed == ARMED_ALWAYS
				? r->probes[i].missed
				: 0;
	return lost;
}

/* Was something lost that could have told what the expression asks for? */
static bool lost_for(const struct expr *e, const struct report *r)
{
	return (e->wants_faults && lost_evidence(r)) || (e->wants_hooks && r->acc.hooks_lost);
}

/* What an allow says of the group. Where a record was lost, it may be wrong both ways, but a
 * finding stands. */
static enum match allowed_by(const struct expr *e, const struct report *r, const struct group *g)
{
	bool found = e->about_findings && g->finding >= 0;

	if (!found && lost_for(e, r) && expr_could_match(e, r, g))
		return MATCH_MAYBE;
	return expr_match(e, r, g);
}

/* What the expression says of the group: noise and what an allow takes away are not forbidden. */
static enum match verdict_on(const struct assertion *a, const struct judged *j,
			     const struct report *r, const struct group *g)
{
	enum match m = expr_match(&j->expr, r, g), not_noise;

	if (j->kind != EXPR_FORBID || m == MATCH_NO)
		return m;
	not_noise = j->expr.has_class ? MATCH_YES : expr_not_noise(r, g);
	m = not_noise < m ? not_noise : m;
	for (size_t i = 0; i < a->n && m != MATCH_NO; i++) {
		enum match allowed = MATCH_NO;

		if (a->exprs[i].kind == EXPR_ALLOW)
			allowed = allowed_by(&a->exprs[i].expr, r, g);
		if (allowed == MATCH_YES)
			m = MATCH_NO;
		else if (allowed != MATCH_NO)
			m = MATCH_MAYBE;
	}
	return m;
}

static void count_drops(const struct assertion *a, struct judged *j, const struct report *r,
			struct unsure *u)
{
	bool unsaid = j->expr.has_reason && r->reasons_unsaid;

	for (size_t i = 0; i < r->n_groups; i++) {
		const struct group *g = &r->groups[i];
		enum match m = verdict_on(a, j, r, g);
		uint64_t sure = m == MATCH_YES ? g->packets : m == MATCH_SOME ? 1 : 0;

		/* without packets it is known by samples, and all are counted in a folded group */
		if (m == MATCH_NO || !g->packets)
			continue;
		j->count += sure;
		if (sure)
			add_index(&j->drops, &j->n_drops, (int)i);
		if (sure < g->packets)
			add_index(&j->unsure, &j->n_unsure, (int)i);
		if (sure && g->finding >= 0)
			add_index(&j->findings, &j->n_findings, g->finding);
		*(g->folded		 ? &u->folded
		  : !g->has_sample	 ? &u->unsampled
		  : r->addresses_hidden	 ? &u->hidden
		  : r->namespaces_closed ? &u->closed
		  : unsaid		 ? &u->reasonless
					 : &u->unknown) += g->packets - sure;
	}
}

/* A silence that could not be looked into, or not in time. */
static void count_unread_silences(const struct assertion *a, const struct judged *j,
				  const struct report *r, struct unsure *u)
{
	for (size_t i = r->n_groups; i < r->n_all && j->expr.about_findings; i++) {
		const struct group *g = &r->groups[i];

		if (g->suspicious && doubt_fault(r, g))
			u->silences += verdict_on(a, j, r, g) != MATCH_NO;
	}
}

/* A finding of pure silence has retransmits, which stand behind the drops, and no packets. */
static void count_silences(const struct assertion *a, struct judged *j, const struct report *r,
			   struct unsure *u)
{
	for (size_t i = 0; i < r->n_findings && j->expr.about_findings; i++) {
		const struct finding *f = &r->findings[i];
		enum match best = MATCH_NO;

		for (size_t k = 0; k < f->n_groups && !f->packets; k++) {
			const struct group *g = &r->groups[f->groups[k]];
			enum match m = verdict_on(a, j, r, g);

			/* it may have been answered, when nobody could ask any more */
			m = m > MATCH_MAYBE && g->state_unread ? MATCH_MAYBE : m;
			best = m > best ? m : best;
		}
		if (best > MATCH_MAYBE) {
			j->count++;
			add_index(&j->findings, &j->n_findings, (int)i);
		} else if (best == MATCH_MAYBE) {
			u->silences++;
		}
	}
}

__attribute__((format(printf, 2, 3))) static void because(char **why, const char *fmt, ...)
{
	char *part, *old = *why;
	va_list ap;

	va_start(ap, fmt);
	part = xvasprintf(fmt, ap);
	va_end(ap);
	*why = old ? xasprintf("%s; %s", old, part) : xstrdup(part);
	free(part);
	free(old);
}

/* Is a program not there, of those that always should be? */
static bool lacks_probe(const struct report *r)
{
	for (size_t i = 1; i < r->n_probes; i++) {
		if (r->probes[i].degraded && !strcmp(r->probes[i].how, "off"))
			return true;
	}
	return false;
}

/* Does it skip what nobody counts? A program on a plain tracepoint does not run while another BPF
 * program of a tracepoint or kprobe runs on the same CPU. */
static bool skips_untold(const struct probe_report *p)
{
	return !p->has_missed && p->how && !strcmp(p->how, "tracepoint");
}

/* The first probe is kfree_skb's; what the other ones miss would have told a fault. */
static bool may_have_skipped(const struct report *r, bool wants_faults)
{
	for (size_t i = 0; i < r->n_probes && (wants_faults || !i); i++) {
		if (skips_untold(&r->probes[i]))
			return true;
	}
	return false;
}

uint64_t judge_unread(const struct accounting *acc)
{
	uint64_t told = acc->counted + acc->uncounted + acc->filtered;

	return acc->seen > told ? acc->seen - told : 0;
}

/* The most that the count could have been, and why it is not the count. */
static uint64_t most(const struct assertion *a, const struct judged *j, const struct report *r,
		     const struct unsure *u, char **why)
{
	const struct accounting *acc = &r->acc;
	uint64_t missed = acc->has_missed ? acc->missed : 0, evidence = lost_evidence(r), sum;
	const struct {
		uint64_t n;
		const char *what;
	} losses[] = {
		{acc->uncounted, "dropped that there was no room to count"},
		{missed, "missed: another drop was being handled on the same CPU"},
		{u->folded, "known by reason, place and netns only: more flows than room"},
		{u->unsampled, "without a sample, which it would take to tell"},
		{u->hidden, "of hidden place: the kernel hides its addresses (CAP_SYSLOG)"},
		{u->closed, "in namespaces that may not be entered (CAP_SYS_ADMIN), perhaps"},
		{u->reasonless, "of which this kernel gives no reason (reasons came with 5.17)"},
		{u->unknown, "whose namespace, state, place, way, hook or rule is not sure, or "
			     "whose client port or tunnelled packet need not be that of the flow's "
			     "first one"},
		{judge_unread(acc), "counted that could not be read"},
		{u->silences,
		 "of a silence that may have been answered before it was looked at, or whose "
		 "namespace is gone or closed"},
	};

	sum = j->count;
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		if (losses[i].n)
			because(why, "%" PRIu64 " packet%s %s", losses[i].n,
				losses[i].n == 1 ? "" : "s", losses[i].what);
		sum = losses[i].n > UINT64_MAX - sum ? UINT64_MAX : sum + losses[i].n;
	}
	if (j->expr.wants_faults && evidence) {
		because(why, "%" PRIu64 " sample%s lost that could have told a fault", evidence,
			evidence == 1 ? "" : "s");
		sum = UINT64_MAX;
	}
	if (j->expr.wants_faults && lacks_probe(r)) {
		because(why, "a probe that would have told a silence is off");
		sum = UINT64_MAX;
	}
	if (j->expr.wants_hooks && acc->hooks_lost) {
		because(why, "%" PRIu64 " record%s of hook programs lost", acc->hooks_lost,
			acc->hooks_lost == 1 ? "" : "s");
		sum = UINT64_MAX;
	}
	if (may_have_skipped(r, j->expr.wants_faults)) {
		because(why, "a plain tracepoint skips drops while other BPF programs run, and "
			     "this kernel does not count them");
		sum = UINT64_MAX;
	}
	if (r->ended_early || a->cut_short) {
		because(why, a->cut_short ? "a signal came before --duration was over"
					  : "tracing ended early");
		sum = UINT64_MAX;
	}
	return sum;
}

static enum verdict decide(const struct judged *j, uint64_t least, uint64_t most)
{
	bool may = most >= j->expr.min && least <= j->expr.max;
	bool must = least >= j->expr.min && most <= j->expr.max;

	if (must)
		return j->kind == EXPR_FORBID ? VERDICT_VIOLATED : VERDICT_HELD;
	if (!may)
		return j->kind == EXPR_FORBID ? VERDICT_HELD : VERDICT_VIOLATED;
	return VERDICT_INCONCLUSIVE;
}

static void forget(struct judged *j)
{
	free(j->why);
	free(j->drops);
	free(j->findings);
	free(j->unsure);
	j->why = NULL;
	j->drops = j->findings = j->unsure = NULL;
	j->n_drops = j->n_findings = j->n_unsure = 0;
	j->count = 0;
}

static void judge_one(const struct assertion *a, struct judged *j, const struct report *r)
{
	struct unsure u = {};
	char *why = NULL;
	uint64_t upper;

	forget(j);
	count_drops(a, j, r, &u);
	count_silences(a, j, r, &u);
	count_unread_silences(a, j, r, &u);
	if (j->kind == EXPR_ALLOW)
		return;
	upper = most(a, j, r, &u, &why);
	j->verdict = decide(j, j->count, upper);
	if (j->verdict == VERDICT_INCONCLUSIVE)
		j->why = why;
	else
		free(why);
}

bool assertion_command_failed(const struct assertion *a)
{
	return a->argv && (!WIFEXITED(a->wait_status) || WEXITSTATUS(a->wait_status));
}

void judge(struct assertion *a, const struct report *r)
{
	static const int codes[] = {[VERDICT_HELD] = EXIT_HELD,
				    [VERDICT_INCONCLUSIVE] = EXIT_INCONCLUSIVE,
				    [VERDICT_VIOLATED] = EXIT_VIOLATED};

	a->verdict = assertion_command_failed(a) ? VERDICT_VIOLATED : VERDICT_HELD;
	for (size_t i = 0; i < a->n; i++) {
		judge_one(a, &a->exprs[i], r);
		if (a->exprs[i].kind != EXPR_ALLOW && a->exprs[i].verdict > a->verdict)
			a->verdict = a->exprs[i].verdict;
	}
	a->exit_code = codes[a->verdict];
}

void assertion_free(struct assertion *a)
{
	for (size_t i = 0; i < a->n; i++) {
		expr_free(&a->exprs[i].expr);
		forget(&a->exprs[i]);
	}
	free(a->exprs);
	a->exprs = NULL;
	a->n = 0;
}
