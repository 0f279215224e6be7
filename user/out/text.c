// SPDX-License-Identifier: GPL-2.0-only
/* The report for a person: what is wrong first, then what is not explained, then what was counted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../rules/rule.h"
#include "../util.h"
#include "words.h"

#define TOP_FLOWS  3
#define TOP_GROUPS 20
#define NUMBER_LEN 32
#define WIDTH	   80

struct text_out {
	const struct report *r;
	FILE *to;
	bool colour, verbose;
	int reason_width, where_width; /* of a class's table */
};

enum colour {
	PLAIN,
	BOLD,
	RED,
	YELLOW,
	GREEN,
	DIM,
};

static const char *start(const struct text_out *t, enum colour c)
{
	static const char *const codes[] = {
		[PLAIN] = "",	       [BOLD] = "\033[1m",   [RED] = "\033[1;31m",
		[YELLOW] = "\033[33m", [GREEN] = "\033[32m", [DIM] = "\033[2m"};

	return t->colour ? codes[c] : "";
}

static const char *end(const struct text_out *t)
{
	return t->colour ? "\033[0m" : "";
}

/* printf whose result is escaped: the only way by which anything of a packet, a name or a rule gets
 * into the report. fmt has no newline. */
__attribute__((format(printf, 2, 3))) static void put(struct text_out *t, const char *fmt, ...)
{
	char *raw, *safe;
	va_list ap;

	va_start(ap, fmt);
	raw = xvasprintf(fmt, ap);
	va_end(ap);
	safe = xcalloc(strlen(raw) * 4 + 1, 1);
	fputs(escape_text(raw, safe, strlen(raw) * 4 + 1), t->to);
	free(raw);
	free(safe);
}

/* Prose, filled to WIDTH columns; commands never are. Each line gets the indent, but the first gets
 * `first`, which is as wide. */
static void put_filled(struct text_out *t, const char *first, const char *indent, const char *text)
{
	size_t column = 0;
	bool fresh = true;

	while (*text) {
		size_t len = strcspn(text, " "), wide = 0;

		for (size_t i = 0; i < len; i++)
			wide += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (column && column + 1 + wide > WIDTH - strlen(indent)) {
			fputc('\n', t->to);
			column = 0;
		}
		if (!column)
			fputs(fresh ? first : indent, t->to);
		put(t, column ? " %.*s" : "%.*s", (int)len, text);
		column += wide + (column ? 1 : 0);
		fresh = false;
		text += len + strspn(text + len, " ");
	}
	fputc('\n', t->to);
}

static const char *number(uint64_t v, char *buf)
{
	char digits[NUMBER_LEN];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, v), out = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *are(uint64_t n)
{
	return n == 1 ? " is" : "s are";
}

static const char *were(uint64_t n)
{
	return n == 1 ? " was" : "s were";
}

static const char *netns_text(const struct report *r, const struct group *g, char *buf, size_t size)
{
	const char *name = group_netns_label(g, r->host);

	if (name)
		snprintf(buf, size, "%.150s", name);
	else if (g->netns)
		snprintf(buf, size, "netns %u", g->netns);
	else
		snprintf(buf, size, "-");
	return buf;
}

/* What the packet was before NAT: which Service it was for. */
static void print_original(struct text_out *t, const char *indent, const struct group *g)
{
	char flow[FLOW_STRLEN];

	if (!g->has_original || flow_same_tuple(&g->original, &g->flow))
		return;
	put(t, "%sits connection before NAT: %s", indent, flow_str(&g->original, flow));
	fputc('\n', t->to);
}

/* The port of the described packet is not that of all. */
static const char *other_ports(const struct group *g)
{
	return g->other_ports ? " (and from other ports)" : "";
}

static void print_flows(struct text_out *t, const struct finding *f)
{
	char n[NUMBER_LEN], flow[FLOW_STRLEN];

	for (size_t i = 0; i < f->n_groups && i < TOP_FLOWS; i++) {
		const struct group *g = &t->r->groups[f->groups[i]];

		put(t, "    %8s  %s%s%s", number(g->packets, n), flow_str(&g->flow, flow),
		    other_ports(g),
		    g->kind == SAMPLE_RETRANSMIT && f->packets ? ", sent again" : "");
		fputc('\n', t->to);
		print_original(t, "              ", g);
		if (g->tunnel.present && g->tunnel.inner.l3) {
			put(t, "              inside, for example: %s",
			    flow_str(&g->tunnel.inner, flow));
			fputc('\n', t->to);
		}
	}
	if (f->n_groups > TOP_FLOWS)
		fprintf(t->to, "              and %zu more flow%s\n", f->n_groups - TOP_FLOWS,
			plural(f->n_groups - TOP_FLOWS));
}

/* Is it in the lines on the verdict already? */
static bool is_of_verdict(const struct finding *f, const struct evidence *e)
{
	return (f->rule && !strcmp(e->value, f->rule)) || !strcmp(e->check, EVIDENCE_SENT);
}

static void print_evidence(struct text_out *t, const struct finding *f, bool verdict)
{
	static const struct {
		const char *mark;
		enum colour colour;
	} marks[] = {[AGREES_NO] = {"✗", RED},
		     [AGREES_YES] = {"✓", GREEN},
		     [AGREES_UNREAD] = {"?", YELLOW}};

	fputs("  Evidence\n", t->to);
	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct evidence *e = &f->evidence[i];

		if (verdict && is_of_verdict(f, e))
			continue;
		fprintf(t->to, "    %s%s%s ", start(t, marks[e->agrees].colour),
			marks[e->agrees].mark, end(t));
		put(t, "%s: %s", e->check, e->value);
		if (e->want)
			put(t, "  (healthy: %s)", e->want);
		fputc('\n', t->to);
	}
}

static bool has_fix(const struct finding *f, enum fix_when when)
{
	for (size_t i = 0; i < f->n_fix; i++) {
		if (f->fix[i].when == when)
			return true;
	}
	return false;
}

/* The commands are whole, to be pasted: into the finding's netns, too, where a way leads there. */
static void print_fix_now(struct text_out *t, const struct finding *f)
{
	bool gone;
	const char *name = finding_netns_name(f, t->r->host, &gone);

	if (!has_fix(f, FIX_NOW))
		return;
	fprintf(t->to, "  %sFix now%s", start(t, BOLD), end(t));
	if (gone)
		put(t, " in %s, which is gone:", name);
	else if (!name && f->netns)
		put(t, " in netns %u, of which no name and no process is known:", f->netns);
	fputc('\n', t->to);
	for (size_t i = 0; i < f->n_fix; i++) {
		char *line;

		if (f->fix[i].when != FIX_NOW)
			continue;
		line = finding_command(f, t->r->host, f->fix[i].text);
		/* nothing that could be pasted, to change another namespace */
		put(t, "      %s%s", line ? "" : "# there: ", line ? line : f->fix[i].text);
		fputc('\n', t->to);
		free(line);
	}
}

static void print_fix(struct text_out *t, const struct finding *f)
{
	print_fix_now(t, f);
	if (has_fix(f, FIX_PERSIST))
		fputs("  For good\n", t->to);
	for (size_t i = 0; i < f->n_fix; i++) {
		if (f->fix[i].when == FIX_PERSIST) {
			put(t, "      %s", f->fix[i].text);
			fputc('\n', t->to);
		}
	}
	if (has_fix(f, FIX_ADVICE))
		fputs(has_fix(f, FIX_NOW) ? "  Also\n" : "  What to do\n", t->to);
	for (size_t i = 0; i < f->n_fix; i++) {
		if (f->fix[i].when == FIX_ADVICE)
			put_filled(t, "    - ", "      ", f->fix[i].text);
	}
}

static void print_may_be(struct text_out *t, const char *indent, const struct group *g)
{
	for (size_t i = 0; t->verbose && i < g->n_rule_may_be; i++) {
		char *rule = rule_str(&g->rule_may_be[i]);

		put(t, "%s  may be: %s", indent, rule);
		fputc('\n', t->to);
		free(rule);
	}
}

/* One rule stands for a group: for how many of its packets is that known? Where others died by
 * another one, always; else that is for who wants to know. */
static void print_seen(struct text_out *t, const char *indent, const struct group *g)
{
	uint64_t seen = group_rule_seen(g);
	char n[NUMBER_LEN], all[NUMBER_LEN];
	char *rule;

	if (seen && seen < g->packets && (t->verbose || g->n_also))
		fprintf(t->to, "%sseen for %s of %s packets\n", indent, number(seen, n),
			number(g->packets, all));
	for (size_t i = 0; i < g->n_also; i++) {
		rule = rule_str(&g->also[i]);
		put(t, "%sanother rule dropped %s of them: %s", indent,
		    number(group_also_seen(g, i), n), rule);
		free(rule);
		fputc('\n', t->to);
	}
}

static void print_rule(struct text_out *t, const char *indent, const struct group *g)
{
	char *rule, buf[RULE_SENT_LEN];
	const char *sent = g->rule ? group_sent_by(g, g->rule, buf) : NULL;

	if (g->rule) {
		rule = rule_str(g->rule);
		put(t, "%s%s: %s%s%s%s", indent,
		    group_rule_certain(g) ? "rule"
		    : g->rule_unsure	  ? "rule (not sure)"
					  : "rule (deduced)",
		    rule, rule_is_policy(g->rule) ? " (a policy: perhaps intended)" : "",
		    sent ? ", which sends back " : "", sent ? sent : "");
		free(rule);
		fputc('\n', t->to);
		print_seen(t, indent, g);
	} else if (rule_other_cause(g)) {
		put(t, "%srule: none did it: %s", indent, rule_other_cause(g));
		fputc('\n', t->to);
	} else if (g->rule_why) {
		put(t, "%srule: not known: %s", indent, g->rule_why);
		fputc('\n', t->to);
	} else if (g->rule_others == 1) {
		fprintf(t->to,
			"%srule: not known: one may match, but something else may have dropped "
			"them\n",
			indent);
	} else if (g->rule_others) {
		fprintf(t->to, "%srule: one of %u that may match\n", indent, g->rule_others);
	}
	print_may_be(t, indent, g);
	if (g->verdicts_differ)
		fprintf(t->to,
			"%sof the first: others of them died in another hook or by another rule\n",
			indent);
}

/* Of the first of its drops that was explained. Was that a rule? */
static bool print_verdict(struct text_out *t, const struct finding *f)
{
	char verdict[VERDICT_STRLEN];

	for (size_t i = 0; i < f->n_groups; i++) {
		const struct group *g = &t->r->groups[f->groups[i]];

		if ((size_t)f->groups[i] >= t->r->n_groups ||
		    (!g->decided_by && !g->rule && !g->rule_why && !rule_other_cause(g)))
			continue;
		if (g->decided_by) {
			put(t, "    %s", word_decision(g, verdict));
			fputc('\n', t->to);
		}
		print_rule(t, "    ", g);
		return g->rule;
	}
	return false;
}

static void print_finding(struct text_out *t, const struct finding *f)
{
	bool confirmed = f->status == STATUS_CONFIRMED, verdict;
	char n[NUMBER_LEN], *sentence;

	fprintf(t->to, "%s%s%s  ", start(t, confirmed ? RED : YELLOW),
		confirmed ? "CONFIRMED" : "SUSPECTED", end(t));
	fprintf(t->to, "%s%s%s  %s\n", start(t, BOLD), f->fault->id, end(t), f->fault->title);
	sentence = xasprintf("%s.", f->summary);
	put_filled(t, "  ", "  ", sentence);
	free(sentence);
	if (f->packets)
		fprintf(t->to, "  %s packet%s dropped%s\n", number(f->packets, n),
			plural(f->packets), f->path ? ":" : "");
	else
		fputs("  No drop was seen on this node: these got no answer, and were sent again\n",
		      t->to);
	if (f->path) {
		put(t, "    %s", f->path);
		fputc('\n', t->to);
	}
	verdict = print_verdict(t, f);
	print_flows(t, f);
	print_evidence(t, f, verdict);
	print_fix(t, f);
	if (f->fault->link)
		fprintf(t->to, "  See %s\n", f->fault->link);
	fputc('\n', t->to);
}

static uint64_t class_packets(const struct report *r, enum group_class class, size_t *groups)
{
	uint64_t sum = 0;

	*groups = 0;
	for (size_t i = 0; i < r->n_groups; i++) {
		if (r->groups[i].class != class)
			continue;
		sum += r->groups[i].packets;
		(*groups)++;
	}
	return sum;
}

static void print_group(struct text_out *t, const struct group *g)
{
	char n[NUMBER_LEN], loc[LOCATION_STRLEN], ns[160], flow[FLOW_STRLEN];
	char verdict[VERDICT_STRLEN];

	word_location(&g->loc, t->r->addresses_hidden, loc);
	put(t, "%10s  %-*s %-*s %s", number(g->packets, n), t->reason_width, g->reason,
	    t->where_width, loc, netns_text(t->r, g, ns, sizeof(ns)));
	fputc('\n', t->to);
	if (g->flow.l3 || g->in[0] || g->out[0]) {
		put(t, "            %s%s", flow_str(&g->flow, flow), other_ports(g));
		if (g->in[0] || g->out[0])
			put(t, "   %s%s%s%s", g->in[0] ? "in " : "", g->in,
			    g->out[0] ? (g->in[0] ? " out " : "out ") : "", g->out);
		fputc('\n', t->to);
	}
	print_original(t, "            ", g);
	if (g->decided_by) {
		put(t, "            %s", word_decision(g, verdict));
		fputc('\n', t->to);
	}
	print_rule(t, "            ", g);
	if (g->noise)
		fprintf(t->to, "            %snoise: %s%s\n", start(t, DIM), g->noise, end(t));
	if (!t->verbose)
		return;
	if (g->path) {
		put(t, "            %s", g->path);
		fputc('\n', t->to);
	}
	for (int i = 0; i < g->n_stack; i++) {
		word_location(&g->stack[i], t->r->addresses_hidden, loc);
		put(t, "              %s", loc);
		fputc('\n', t->to);
	}
}

#define MAX_COLUMN 40

static int wider(int width, const char *s)
{
	int len = (int)strnlen(s, MAX_COLUMN);

	return len > width ? len : width;
}

/* Wide enough for all of it, as far as that is sane. */
static void set_columns(struct text_out *t, enum group_class class)
{
	char loc[LOCATION_STRLEN];

	t->reason_width = t->where_width = 12;
	for (size_t i = 0; i < t->r->n_groups; i++) {
		const struct group *g = &t->r->groups[i];

		if (g->class != class)
			continue;
		word_location(&g->loc, t->r->addresses_hidden, loc);
		t->reason_width = wider(t->reason_width, g->reason);
		t->where_width = wider(t->where_width, loc);
	}
}

static void print_class(struct text_out *t, enum group_class class, const char *title)
{
	char n[NUMBER_LEN];
	size_t groups, shown = 0;
	uint64_t packets = class_packets(t->r, class, &groups);

	if (!groups)
		return;
	fprintf(t->to, "%s%s%s: %s packet%s in %zu group%s\n", start(t, BOLD), title, end(t),
		number(packets, n), plural(packets), groups, plural(groups));
	set_columns(t, class);
	fprintf(t->to, "%s%10s  %-*s %-*s %s%s\n", start(t, DIM), "packets", t->reason_width,
		"reason", t->where_width, "where", "netns", end(t));
	for (size_t i = 0; i < t->r->n_groups; i++) {
		if (t->r->groups[i].class != class)
			continue;
		if (shown++ == TOP_GROUPS && !t->verbose)
			break;
		print_group(t, &t->r->groups[i]);
	}
	if (groups > TOP_GROUPS && !t->verbose)
		fprintf(t->to,
			"            and %zu more group%s (all of them with -v, or -o json)\n",
			groups - TOP_GROUPS, plural(groups - TOP_GROUPS));
	fputc('\n', t->to);
}

/* Short: how much, and the three largest kinds. */
static void print_noise_line(struct text_out *t)
{
	const char *shown[TOP_FLOWS] = {};
	size_t groups, n_shown = 0;
	uint64_t packets = class_packets(t->r, CLASS_NOISE, &groups);
	char n[NUMBER_LEN], *line;

	if (!groups)
		return;
	for (size_t i = 0; i < t->r->n_groups && n_shown < TOP_FLOWS; i++) {
		const struct group *g = &t->r->groups[i];
		bool again = false;

		for (size_t j = 0; j < n_shown; j++)
			again |= shown[j] == g->noise;
		if (g->class == CLASS_NOISE && !again)
			shown[n_shown++] = g->noise;
	}
	line = xasprintf("Noise: %s packet%s in %zu group%s that every healthy machine drops: "
			 "%s%s%s%s%s. %s them.",
			 number(packets, n), plural(packets), groups, plural(groups), shown[0],
			 n_shown > 1 ? "; " : "", n_shown > 1 ? shown[1] : "",
			 n_shown > 2 ? "; " : "", n_shown > 2 ? shown[2] : "",
			 t->r->has_all ? "--all shows" : "-o json lists");
	put_filled(t, "", "", line);
	free(line);
	fputc('\n', t->to);
}

__attribute__((format(printf, 2, 3))) static void warn(struct text_out *t, const char *fmt, ...)
{
	va_list ap;
	char *line;

	va_start(ap, fmt);
	line = xvasprintf(fmt, ap);
	va_end(ap);
	fprintf(t->to, "%sWARNING%s ", start(t, RED), end(t));
	put_filled(t, "", "        ", line);
	free(line);
}

static void print_warnings(struct text_out *t)
{
	const struct accounting *a = &t->r->acc;
	char n[NUMBER_LEN];

	if (t->r->ended_early)
		warn(t, "tracing ended early: what came later is not in this report.");
	if (a->folded)
		warn(t,
		     "%s packet%s counted by reason, place and netns only: more flows than "
		     "there was room for. A filter helps.",
		     number(a->folded, n), are(a->folded));
	if (a->uncounted)
		warn(t, "%s packet%s not in this report: no room to count them. A filter helps.",
		     number(a->uncounted, n), are(a->uncounted));
	if (a->has_missed && a->missed)
		warn(t,
		     "%s drop%s not seen: another was being handled on the same CPU at that "
		     "moment.",
		     number(a->missed, n), were(a->missed));
	if (a->samples_lost && !t->r->no_samples)
		warn(t, "%s sample%s lost: some groups may lack detail.",
		     number(a->samples_lost, n), were(a->samples_lost));
	if (a->hooks_lost)
		warn(t, "%s hook record%s lost: some drops may lack hook, port or rule.",
		     number(a->hooks_lost, n), were(a->hooks_lost));
	if (a->retransmits_lost)
		warn(t,
		     "%s retransmit%s not looked at: a loss without a drop on this node may go "
		     "untold.",
		     number(a->retransmits_lost, n), were(a->retransmits_lost));
	if (t->r->addresses_hidden)
		warn(t, "the kernel hides its addresses (kernel.kptr_restrict, CAP_SYSLOG): no "
			"function names, no hooks, and a fault that only a function tells is not "
			"recognised.");
	if (t->r->no_samples)
		warn(t, "the lock of BPF's ring buffer may sleep on this real-time kernel (before "
			"6.12), where a program must not: no drop is sampled. They are counted, by "
			"reason, place and flow, and hardly a fault is recognised.");
	if (t->r->rules_closed)
		warn(t, "without CAP_NET_ADMIN or CAP_NET_RAW, conntrack and some rules of the "
			"packet filter cannot be read: a fault that they cause is not recognised.");
	if (t->r->namespaces_closed)
		warn(t, "without CAP_SYS_ADMIN the state of other network namespaces cannot be "
			"read: a fault there is not recognised.");
	for (size_t i = 0; i < t->r->n_probes; i++) {
		const struct probe_report *p = &t->r->probes[i];

		if (p->degraded)
			warn(t, "probe %s: %s (%s)", p->name, p->how, p->note);
	}
}

static void print_accounting(struct text_out *t)
{
	const struct accounting *a = &t->r->acc;
	char seen[NUMBER_LEN], counted[NUMBER_LEN], un[NUMBER_LEN], filtered[NUMBER_LEN];
	char sent[NUMBER_LEN], lost[NUMBER_LEN], missed[NUMBER_LEN + 16] = "missed unknown";

	if (a->has_missed)
		snprintf(missed, sizeof(missed), "%s missed", number(a->missed, seen));
	fprintf(t->to,
		"%s drop%s seen = %s counted + %s uncounted + %s filtered\n"
		"%s; %s samples sent, %s lost\n",
		number(a->seen, seen), plural(a->seen), number(a->counted, counted),
		number(a->uncounted, un), number(a->filtered, filtered), missed,
		number(a->samples_sent, sent), number(a->samples_lost, lost));
	if (a->unsampled)
		fprintf(t->to, "%s group%s had no sample and %s described by the counters alone\n",
			number(a->unsampled, seen), plural(a->unsampled),
			a->unsampled == 1 ? "is" : "are");
}

/* What it means that nothing is found: never more than the counters allow. */
static void print_no_findings(struct text_out *t)
{
	const struct accounting *a = &t->r->acc;
	char n[NUMBER_LEN], *line;

	if (t->r->n_findings)
		return;
	if (a->counted)
		line = xasprintf("No findings: nothing known to be misconfigured explains a drop "
				 "seen in this time.");
	else if (a->uncounted)
		line = xasprintf("No findings: %s drop%s seen, but there was no room to count any, "
				 "so nothing is known of their cause.",
				 number(a->uncounted, n), were(a->uncounted));
	else if (a->filtered)
		line = xasprintf("No dropped packet matches the filters; %s drop%s left out.",
				 number(a->filtered, n), were(a->filtered));
	else
		line = xasprintf("No packet %swas dropped in this time, as far as the probes see.",
				 t->r->filter_text ? "of those asked for " : "");
	put_filled(t, "", "", line);
	fputc('\n', t->to);
	free(line);
}

/* Of several: so that nobody takes the first one for all. */
static void print_overview(struct text_out *t)
{
	const struct report *r = t->r;
	char *line, *more, n[NUMBER_LEN];

	if (r->n_findings < 2)
		return;
	line = xasprintf("%zu findings:", r->n_findings);
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];

		more = xasprintf("%s %s (%s)%s", line, f->fault->id,
				 f->packets ? number(f->packets, n) : "silence",
				 i + 1 < r->n_findings ? "," : "");
		free(line);
		line = more;
	}
	put_filled(t, "", "  ", line);
	fputc('\n', t->to);
	free(line);
}

static void print_head(struct text_out *t)
{
	const struct report *r = t->r;

	put(t, "whydrop on %s (Linux %s), %.1f s", r->node, r->kernel,
	    (double)(r->end_ns - r->start_ns) / 1e9);
	if (r->filter_text)
		put(t, ", only %s", r->filter_text);
	fputs("\n\n", t->to);
	print_no_findings(t);
	print_overview(t);
}

int out_text(const struct report *r, FILE *to, bool colour, bool verbose)
{
	struct text_out t = {.r = r, .to = to, .colour = colour, .verbose = verbose};

	errno = 0;
	print_head(&t);
	for (size_t i = 0; i < r->n_findings; i++)
		print_finding(&t, &r->findings[i]);
	print_class(&t, CLASS_UNEXPLAINED, "Unexplained drops");
	if (r->show_all)
		print_class(&t, CLASS_NOISE, "Noise");
	else
		print_noise_line(&t);
	print_accounting(&t);
	print_warnings(&t);
	if (fflush(to) || ferror(to))
		return errno ? -errno : -EIO;
	return 0;
}
