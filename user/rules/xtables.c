// SPDX-License-Identifier: GPL-2.0-only
#include <net/ethernet.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "xt_line.h"
#include "xtables.h"

#define MAX_DEPTH  32
#define MAX_TABLES 16
#define MAX_WORK   200000 /* rules that one replay looks at: a text may have loops */

/* A part of the ruleset's text. */
struct slice {
	const char *p;
	size_t n;
};

struct counter {
	bool known;
	uint64_t packets;
};

struct rule_line {
	struct slice text; /* "-A …" */
	struct counter counter;
};

struct chain {
	struct slice name, policy; /* policy "-": a chain of the user; not declared: empty */
	struct counter counter;
	struct rule_line *rules;
	size_t n, room;
};

struct table {
	struct slice name;
	void *chains;	/* tsearch(3), struct chain by name */
	bool opaque;	/* iptables-nft could not print it */
	bool open;	/* its COMMIT is still to come */
	uint32_t marks; /* bits that its rules may set */
};

struct xt_ruleset {
	char *text, *family;
	enum rule_backend backend;
	enum xt_syntax syntax;
	bool cut; /* lines are missing, or could not be read */
	struct table tables[MAX_TABLES];
	size_t n;
	struct xt_line scratch; /* while it is parsed */
};

static struct slice slice_of(const char *s)
{
	return (struct slice){s, strlen(s)};
}

static bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static bool slice_is(struct slice s, const char *text)
{
	return slice_eq(s, slice_of(text));
}

static char *slice_dup(struct slice s)
{
	return xasprintf("%.*s", (int)s.n, s.p);
}

/* Takes the first word off. */
static struct slice take_word(struct slice *s)
{
	struct slice word = *s;

	for (word.n = 0; word.n < s->n && s->p[word.n] != ' ';)
		word.n++;
	s->p += word.n;
	s->n -= word.n;
	while (s->n && *s->p == ' ') {
		s->p++;
		s->n--;
	}
	return word;
}

static bool starts_with(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && !memcmp(s.p, prefix, n);
}

static int compare_chains(const void *a, const void *b)
{
	const struct slice *x = &((const struct chain *)a)->name;
	const struct slice *y = &((const struct chain *)b)->name;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return memcmp(x->p, y->p, x->n);
}

static struct chain *find_chain(const struct table *t, struct slice name)
{
	const struct chain key = {.name = name};
	struct chain *const *found = tfind(&key, &t->chains, compare_chains);

	return found ? *found : NULL;
}

static struct chain *get_chain(struct table *t, struct slice name)
{
	struct chain *c = find_chain(t, name);

	if (c)
		return c;
	c = xcalloc(1, sizeof(*c));
	c->name = name;
	if (!tsearch(c, &t->chains, compare_chains))
		abort();
	return c;
}

static const struct table *find_table(const struct xt_ruleset *r, struct slice name)
{
	for (size_t i = 0; i < r->n; i++) {
		if (slice_eq(r->tables[i].name, name))
			return &r->tables[i];
	}
	return NULL;
}

/* NULL: there are too many. */
static struct table *get_table(struct xt_ruleset *r, struct slice name)
{
	const struct table *t = find_table(r, name);

	if (t)
		return &r->tables[t - r->tables];
	if (r->n == MAX_TABLES) {
		r->cut = true;
		return NULL;
	}
	r->tables[r->n].name = name;
	return &r->tables[r->n++];
}

/* "[packets:bytes]" */
static struct counter parse_counter(struct slice s)
{
	struct counter c = {};
	char *end;

	if (s.n < 2 || *s.p != '[' || s.p[1] < '0' || s.p[1] > '9')
		return c;
	c.packets = strtoull(s.p + 1, &end, 10);
	c.known = *end == ':';
	return c;
}

/* ":FORWARD DROP [12:720]" */
static void parse_chain(struct table *t, struct slice line)
{
	struct chain *c;

	line.p++;
	line.n--;
	c = get_chain(t, take_word(&line));
	c->policy = take_word(&line);
	c->counter = parse_counter(take_word(&line));
}

/* Takes the last word off. */
static struct slice take_last_word(struct slice *s)
{
	struct slice word = {s->p + s->n, 0};

	for (; s->n && word.p[-1] != ' '; s->n--) {
		word.p--;
		word.n++;
	}
	while (s->n && s->p[s->n - 1] == ' ')
		s->n--;
	return word;
}

/* ebtables-save of ebtables-legacy puts the counters behind the rule: "-c 12 720". */
static void take_eb_counter(struct rule_line *rule)
{
	struct slice rest = rule->text, packets;

	take_last_word(&rest);
	packets = take_last_word(&rest);
	if (!slice_is(take_last_word(&rest), "-c") || !packets.n || *packets.p < '0' ||
	    *packets.p > '9')
		return;
	rule->counter = (struct counter){true, strtoull(packets.p, NULL, 10)};
	rule->text = rest;
}

/* What stands behind "-A CHAIN". */
static struct slice rule_body(const struct rule_line *rule, struct slice *chain)
{
	struct slice s = rule->text;

	take_word(&s);
	*chain = take_word(&s);
	return s;
}

static uint32_t marks_of(const struct xt_mark_set *m)
{
	if (!m->sets)
		return 0;
	return m->known ? m->clear | m->flip : UINT32_MAX;
}

static void add_rule(struct xt_ruleset *r, struct table *t, const struct rule_line *rule)
{
	struct slice name, body = rule_body(rule, &name);
	struct chain *c = get_chain(t, name);

	if (c->n == c->room) {
		c->room = c->room ? 2 * c->room : 4;
		c->rules = xreallocarray(c->rules, c->room, sizeof(*c->rules));
	}
	c->rules[c->n++] = *rule;
	xt_line_read(&r->scratch, r->syntax, body.p, body.n, NULL);
	if (!r->scratch.target || !find_chain(t, slice_of(r->scratch.target)))
		t->marks |= marks_of(&r->scratch.mark);
}

/* "[12:720] -A FORWARD …" */
static bool parse_rule(struct xt_ruleset *r, struct table *t, struct slice line)
{
	struct rule_line rule = {};

	if (starts_with(line, "["))
		rule.counter = parse_counter(take_word(&line));
	if (!starts_with(line, "-A "))
		return false;
	rule.text = line;
	if (r->syntax == XT_EBTABLES)
		take_eb_counter(&rule);
	add_rule(r, t, &rule);
	return true;
}

/* "# Table `filter' is incompatible, use 'nft' tool.": iptables/xtables-save.c */
static void parse_comment(struct xt_ruleset *r, struct slice line)
{
	static const char before[] = "# Table `";
	struct slice name = {line.p + sizeof(before) - 1, 0};
	struct table *t;

	if (!starts_with(line, before))
		return;
	while (name.p + name.n < line.p + line.n && name.p[name.n] != '\'')
		name.n++;
	t = get_table(r, name);
	if (t)
		t->opaque = true;
}

/* Returns the table that the next line is in. */
static struct table *parse_line(struct xt_ruleset *r, struct table *t, struct slice line)
{
	if (starts_with(line, "*")) {
		r->cut = r->cut || (t && t->open);
		t = get_table(r, (struct slice){line.p + 1, line.n - 1});
		if (t) /* ebtables-save and arptables-save print no COMMIT */
			t->open = r->syntax == XT_IPTABLES;
	} else if (starts_with(line, "#")) {
		parse_comment(r, line);
	} else if (t && starts_with(line, ":")) {
		parse_chain(t, line);
	} else if (t && slice_is(line, "COMMIT")) {
		t->open = false;
	} else if (line.n && !(t && parse_rule(r, t, line))) {
		r->cut = true;
	}
	return t;
}

/* "Bridge chain: FORWARD, entries: 3, policy: DROP" */
static bool parse_heading(const char *line, char *name, size_t size, char *policy)
{
	static const char before[] = "Bridge chain: ";
	const char *end;

	if (strncmp(line, before, sizeof(before) - 1))
		return false;
	line += sizeof(before) - 1;
	end = strstr(line, ", entries: ");
	if (!end || (size_t)(end - line) >= size ||
	    sscanf(end, ", entries: %*u, policy: %15s", policy) != 1)
		return false;
	snprintf(name, size, "%.*s", (int)(end - line), line);
	return true;
}

/* "-p IPv4 -j DROP , pcnt = 12 -- bcnt = 720" */
static void write_eb_rule(FILE *to, const char *chain, const char *line)
{
	unsigned long long packets = 0, bytes = 0;
	const char *counter = strstr(line, ", pcnt = "), *next;

	for (next = counter; next; next = strstr(next + 1, ", pcnt = "))
		counter = next; /* what stands in a rule's own words comes before it */
	if (counter && sscanf(counter, ", pcnt = %llu -- bcnt = %llu", &packets, &bytes) == 2)
		fprintf(to, "[%llu:%llu] ", packets, bytes);
	fprintf(to, "-A %s %.*s\n", chain, counter ? (int)(counter - line) : (int)strlen(line),
		line);
}

/* First all chains, as a save does; then all rules. */
static void write_eb_lines(FILE *to, const char *listing, bool rules)
{
	char *copy = xstrdup(listing), *save, *line, chain[64] = "", policy[16], table[32];

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!rules && sscanf(line, "Bridge table: %31s", table) == 1)
			fprintf(to, "*%s\n", table);
		else if (parse_heading(line, chain, sizeof(chain), policy) && !rules)
			fprintf(to, ":%s %s\n", chain, policy);
		else if (rules && *line == '-' && *chain)
			write_eb_rule(to, chain, line);
	}
	free(copy);
}

char *xt_of_ebtables(const char *listing)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	write_eb_lines(f, listing, false);
	write_eb_lines(f, listing, true);
	fclose(f);
	return text;
}

static enum xt_syntax syntax_of(const char *family)
{
	if (!strcmp(family, "bridge"))
		return XT_EBTABLES;
	return strcmp(family, "arp") ? XT_IPTABLES : XT_ARPTABLES;
}

struct xt_ruleset *xt_parse(const char *save, enum rule_backend backend, const char *family)
{
	struct xt_ruleset *r = xcalloc(1, sizeof(*r));
	struct table *t = NULL;
	const char *p;

	r->text = xstrdup(save);
	r->family = xstrdup(family);
	r->backend = backend;
	r->syntax = syntax_of(family);
	for (p = r->text; *p; p += *p == '\n') {
		const char *end = xt_line_end(p);
		struct slice line = {p, (size_t)(end - p)};

		while (line.n && line.p[line.n - 1] == ' ') /* "-j redirect " */
			line.n--;
		t = parse_line(r, t, line);
		p = end;
	}
	r->cut = r->cut || (t && t->open) || (p > r->text && p[-1] != '\n');
	xt_line_free(&r->scratch);
	return r;
}

static void free_chain(void *chain)
{
	struct chain *c = chain;

	free(c->rules);
	free(c);
}

void xt_free(struct xt_ruleset *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		tdestroy(r->tables[i].chains, free_chain);
	free(r->text);
	free(r->family);
	free(r);
}

/* One packet on its way through one table. */
struct walk {
	const struct xt_ruleset *r;
	const struct table *t;
	struct xt_packet p;
	struct xt_line line; /* the rule that is looked at */
	struct replay *out;
	unsigned int work, depth;
	bool behind_nat; /* as in struct rule_hit */
	bool sure;	 /* nothing so far may have ended its way here */
	bool accepts;	 /* the table may let it pass */
	bool dies;	 /* this table or one before may have dropped it */
};

static struct rule new_rule(const struct xt_ruleset *r, const struct table *t,
			    const struct chain *c)
{
	return (struct rule){.backend = r->backend,
			     .family = xstrdup(r->family),
			     .table = slice_dup(t->name),
			     .chain = slice_dup(c->name)};
}

static struct rule read_rule(const struct xt_ruleset *r, const struct table *t,
			     const struct chain *c, size_t i, const struct xt_line *line)
{
	struct rule rule = new_rule(r, t, c);

	rule.number = (unsigned int)i + 1;
	rule.verdict = line->verdict;
	rule.text = slice_dup(c->rules[i].text);
	rule.comment = line->comment ? xstrdup(line->comment) : NULL;
	return rule;
}

static void add_hit(struct walk *w, const struct rule *rule, const struct counter *counter,
		    bool sure)
{
	const struct rule_hit hit = {.rule = *rule,
				     .sure = sure && w->sure,
				     .behind_nat = w->behind_nat,
				     .has_packets = counter->known,
				     .packets = counter->packets};

	replay_add(w->out, &hit);
	w->dies = true;
}

static void cut(struct walk *w)
{
	w->out->cut = true;
	w->sure = false;
	w->accepts = true;
	w->dies = true;
}

/* A packet that a base chain, a jump or a goto sent to a chain. */
struct visit {
	const struct chain *chain;
	bool certain;		  /* nothing on its way here was a MAYBE */
	bool left;		  /* it may have left the chain by a RETURN or goto */
	unsigned int left_number; /* the first such rule; 0: none */
	bool ended; /* the chain is through with it: its way through the table ended */
};

static bool is_certain(const struct visit *v, enum tri matches)
{
	return matches == TRI_YES && v->certain && !v->left;
}

/* The packet's way through the table ends, if the rule matches. These return whether the chain's
 * next rule may still see it. */
static bool end_way(struct walk *w, struct visit *v, enum tri matches)
{
	if (matches == TRI_YES && !v->left) {
		v->ended = true;
		return false;
	}
	w->sure = false;
	return matches != TRI_YES;
}

static bool leave_chain(struct visit *v, size_t i, enum tri matches)
{
	v->left = true;
	v->left_number = v->left_number ? v->left_number : (unsigned int)i + 1;
	return matches != TRI_YES;
}

static bool walk_chain(struct walk *w, const struct chain *c, bool certain);

static bool enter_chain(struct walk *w, struct visit *v, size_t i, const struct chain *target)
{
	enum tri matches = w->line.matches;
	bool go_to = w->line.go_to, ended = false;

	if (target && w->depth < MAX_DEPTH)
		ended = walk_chain(w, target, is_certain(v, matches));
	else
		cut(w);
	if (ended)
		return end_way(w, v, matches);
	return go_to ? leave_chain(v, i, matches) : true;
}

static void set_mark(struct xt_packet *p, const struct xt_mark_set *m, bool certain)
{
	if (!m->sets)
		return;
	if (!certain || !m->known) {
		p->mark_known &= ~marks_of(m);
		return;
	}
	p->mark = (p->mark & ~m->clear) ^ m->flip;
	p->mark_known |= m->clear;
}

static bool run_target(struct walk *w, struct visit *v, size_t i)
{
	const struct xt_line *line = &w->line;
	bool certain = is_certain(v, line->matches);

	set_mark(&w->p, &line->mark, certain);
	if (line->fate & XT_DIES) {
		struct rule rule = read_rule(w->r, w->t, v->chain, i, line);

		add_hit(w, &rule, &v->chain->rules[i].counter, certain && !line->may_pass);
	}
	if (line->fate & XT_ACCEPTS)
		w->accepts = true;
	if (line->fate & XT_RETURNS)
		return leave_chain(v, i, line->matches);
	if (line->fate & XT_GOES_ON) {
		w->sure = w->sure && line->fate == XT_GOES_ON;
		return true;
	}
	return end_way(w, v, line->matches);
}

static bool run_rule(struct walk *w, struct visit *v, size_t i)
{
	struct slice name, body = rule_body(&v->chain->rules[i], &name);
	const struct chain *target = NULL;

	if (w->work == MAX_WORK) {
		cut(w);
		return false;
	}
	w->work++;
	xt_line_read(&w->line, w->r->syntax, body.p, body.n, &w->p);
	if (w->line.matches == TRI_NO)
		return true;
	if (w->line.target)
		target = find_chain(w->t, slice_of(w->line.target));
	if (target || w->line.go_to)
		return enter_chain(w, v, i, target);
	return run_target(w, v, i);
}

/* Whether the packet may have got to the end of the chain. */
static bool walk_rules(struct walk *w, struct visit *v)
{
	for (size_t i = 0; i < v->chain->n; i++) {
		if (!run_rule(w, v, i))
			return false;
	}
	return true;
}

/* False: the chain has none. */
static bool run_policy(struct walk *w, const struct chain *c, bool certain,
		       unsigned int left_number)
{
	struct rule rule;

	if (slice_is(c->policy, "ACCEPT")) {
		w->accepts = true;
		return true;
	}
	if (!slice_is(c->policy, "DROP"))
		return false;
	rule = new_rule(w->r, w->t, c);
	rule.policy = true;
	rule.left_number = left_number;
	rule.verdict = RULE_DROP;
	rule.text = xasprintf("-P %s DROP", rule.chain);
	add_hit(w, &rule, &c->counter, certain);
	return true;
}

/* Returns whether the packet's way through the table ended in it. */
static bool walk_chain(struct walk *w, const struct chain *c, bool certain)
{
	struct visit v = {.chain = c, .certain = certain};

	w->depth++;
	/* ebtables' chains of the user have a policy, too */
	if (walk_rules(w, &v) && run_policy(w, c, is_certain(&v, TRI_YES), 0))
		end_way(w, &v, TRI_YES);
	w->depth--;
	return v.ended;
}

/* Whoever leaves a base chain meets its policy. */
static void walk_base_chain(struct walk *w, const struct chain *c)
{
	struct visit v = {.chain = c, .certain = true};

	walk_rules(w, &v);
	if (!v.ended && !run_policy(w, c, true, v.left_number))
		cut(w);
}

static const struct {
	enum nf_hook hook;
	const char *chain;
	/* By the priorities of enum nf_ip_hook_priorities: NAT of the destination is before filter,
	 * of the source behind it. "broute" is in none, since its DROP says that the frame is to be
	 * routed: ebt_broute.c. */
	const char *tables[6];
} base_chains[] = {
	{HOOK_PREROUTING, "PREROUTING", {"raw", "mangle", "nat"}},
	{HOOK_INPUT, "INPUT", {"mangle", "filter", "security", "nat"}},
	{HOOK_FORWARD, "FORWARD", {"mangle", "filter", "security"}},
	{HOOK_OUTPUT, "OUTPUT", {"raw", "mangle", "nat", "filter", "security"}},
	{HOOK_POSTROUTING, "POSTROUTING", {"mangle", "nat"}},
};

/* NULL: the table has none. One of the user may have the name of another table's. */
static const struct chain *find_base_chain(const struct table *t, const char *name)
{
	const struct chain *c = find_chain(t, slice_of(name));

	return c && !slice_is(c->policy, "-") ? c : NULL;
}

/* nf_nat_inet_fn() runs the nat table for the first packets of a connection only. */
static bool skips_nat(const struct group *g)
{
	return g->ct_state == CT_ESTABLISHED || g->ct_state == CT_NONE ||
	       g->ct_state == CT_UNTRACKED;
}

/* The tables that the packet's hook may have run, in order. */
struct way {
	enum nf_hook hook;
	const char *chain;
	const char *const *tables; /* NULL at the end */
	bool one;		   /* it is known that the packet died in this table */
	bool sure;		   /* its hook is known */
};

/* include/uapi/linux/netfilter_ipv4.h; wherever in the hook it may be, where that is not known. */
static int64_t priority_of(const struct xt_ruleset *r, const struct way *way, const char *table)
{
	static const struct {
		const char *table;
		int priority;
	} priorities[] = {{"raw", -300}, {"mangle", -150}, {"filter", 0}, {"security", 50}};
	bool first = !strcmp(way->chain, "PREROUTING") || !strcmp(way->chain, "OUTPUT");

	if (r->syntax != XT_IPTABLES || !way->sure)
		return MARKS_ANY;
	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
		if (!strcmp(priorities[i].table, table))
			return priorities[i].priority;
	}
	return first ? -100 : 100; /* nat */
}

/* The mark is that of the packet's death: where rules from here on may set a bit, it is what rules
 * before made of it, and not known where they may be another packet filter's. */
static void know_mark(struct walk *w, const struct way *way, const char *const *tables)
{
	const struct marks *others = way->one ? NULL : w->out->others;
	uint32_t set_later = marks_from(others, priority_of(w->r, way, *tables));

	for (; *tables; tables++) {
		const struct table *t = find_table(w->r, slice_of(*tables));

		set_later |= t ? t->marks : 0;
	}
	w->p.mark_known &= ~marks_from(others, MARKS_ANY);
	if (!w->p.g->has_sample)
		return;
	w->p.mark = (w->p.mark & set_later) | (w->p.g->mark & ~set_later);
	w->p.mark_known |= ~set_later;
}

/* Does its hook's NAT come behind the table, and of which side? nf_nat_ipv4_ops,
 * net/netfilter/nf_nat_proto.c. */
static bool is_before_nat(const struct way *way, const char *table, bool *of_source)
{
	*of_source = way->hook == HOOK_INPUT || way->hook == HOOK_POSTROUTING;
	if (way->hook == HOOK_OUTPUT)
		return strcmp(table, "filter") != 0 && strcmp(table, "security") != 0;
	return *of_source || way->hook == HOOK_PREROUTING;
}

/* Has NAT of its own direction changed the packet on that side? */
static bool is_changed(const struct group *g, bool source)
{
	const struct flow *came = g->ct_reply ? &g->ct_tuples[1] : &g->original;

	if (!g->has_original)
		return false;
	if (g->ct_state == CT_RELATED) /* an error about the connection has other addresses */
		return true;
	if (source)
		return !addr_eq(&came->src, &g->flow.src) || came->sport != g->flow.sport;
	return !addr_eq(&came->dst, &g->flow.dst) || came->dport != g->flow.dport;
}

/* May another hook have changed it before? Loopback packets keep conntrack's entry, and IPVS and
 * VRF devices have the same hooks run twice. */
static bool may_come_changed(const struct group *g, const struct way *way)
{
	return way->hook == HOOK_PREROUTING || way->hook == HOOK_INPUT ||
	       g->ct_state == CT_RELATED || !g->n_stack || rule_is_under(g, "ip_vs_") ||
	       rule_is_under(g, "vrf_");
}

static void walk_table(struct walk *w, const struct way *way, const char *const *name)
{
	const struct group *g = w->p.g;
	const struct chain *c = w->t->opaque ? NULL : find_base_chain(w->t, way->chain);
	bool nat = w->p.routed && !strcmp(*name, "nat"), source;
	bool before_nat = is_before_nat(way, *name, &source);
	bool changed = w->p.routed && !way->one && before_nat && is_changed(g, source);

	w->accepts = true;
	if (!c) {
		w->out->cut = w->out->cut || w->t->opaque || (way->one && way->sure);
		w->dies = w->dies || w->t->opaque;
		return;
	}
	if (nat && !way->one && skips_nat(g))
		return;
	if (changed && !may_come_changed(g, way)) /* then it has passed the table */
		return;
	w->sure = way->sure && !w->dies && !w->r->cut && (!nat || way->one);
	w->accepts = false;
	w->p.ct_since = w->p.routed && !way->one && !strcmp(*name, "raw") && g->ct_state != CT_NONE;
	w->p.nat_since = changed;
	w->behind_nat = w->p.routed && way->hook == HOOK_OUTPUT && !before_nat;
	know_mark(w, way, name);
	walk_base_chain(w, c);
}

static void walk_tables(const struct xt_ruleset *r, const struct way *way, const struct group *g,
			struct replay *out)
{
	struct walk w = {.r = r, .out = out, .accepts = true};

	w.p.g = g;
	w.p.routed = r->syntax == XT_IPTABLES;
	w.p.by_nft = w.p.routed && r->backend == RULE_IPTABLES_NFT;
	out->cut = out->cut || r->cut;
	for (const char *const *name = way->tables; *name && w.accepts; name++) {
		w.t = find_table(r, slice_of(*name));
		if (w.t)
			walk_table(&w, way, name);
		else
			out->cut = out->cut || way->one;
	}
	xt_line_free(&w.line);
}

/* A ruleset sees the packets of its own family. */
static bool sees(const struct xt_ruleset *r, const struct flow *f)
{
	static const struct {
		const char *family;
		uint16_t l3;
	} families[] = {{"ip", ETHERTYPE_IP}, {"ip6", ETHERTYPE_IPV6}, {"arp", ETHERTYPE_ARP}};

	for (size_t i = 0; f->l3 && i < ARRAY_SIZE(families); i++) {
		if (!strcmp(families[i].family, r->family))
			return f->l3 == families[i].l3;
	}
	return true;
}

void xt_replay(const struct xt_ruleset *r, const char *table, const struct group *g,
	       struct replay *out)
{
	const char *const one[] = {table, NULL};

	if (!sees(r, &g->flow) || (table && !strcmp(table, "broute")))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(base_chains); i++) {
		const struct way way = {.hook = base_chains[i].hook,
					.chain = base_chains[i].chain,
					.tables = table ? one : base_chains[i].tables,
					.one = table,
					.sure = g->hook != HOOK_NONE};

		if (g->hook == HOOK_NONE || g->hook == base_chains[i].hook)
			walk_tables(r, &way, g, out);
	}
}

static void add_marks(const struct xt_ruleset *r, const struct way *way, struct marks *marks)
{
	for (const char *const *name = way->tables; *name; name++) {
		const struct table *t = find_table(r, slice_of(*name));
		int64_t priority = priority_of(r, way, *name);

		/* those of bridges and of ARP have other priorities */
		if (t)
			marks_add(marks, priority == MARKS_ANY ? INT64_MAX : priority,
				  t->opaque ? UINT32_MAX : t->marks);
	}
}

void xt_marks(const struct xt_ruleset *r, const struct group *g, struct marks *marks)
{
	if (r->cut)
		marks_add(marks, INT64_MAX, UINT32_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(base_chains); i++) {
		const struct way way = {.chain = base_chains[i].chain,
					.tables = base_chains[i].tables,
					.sure = g->hook != HOOK_NONE};

		if (g->hook == HOOK_NONE || g->hook == base_chains[i].hook)
			add_marks(r, &way, marks);
	}
}

bool xt_rule(const struct xt_ruleset *r, const char *table, const char *chain, unsigned int number,
	     struct rule *out)
{
	const struct table *t = find_table(r, slice_of(table));
	const struct chain *c = t ? find_chain(t, slice_of(chain)) : NULL;
	struct xt_line line = {};
	struct slice name, body;

	if (!c || !number || number > c->n)
		return false;
	body = rule_body(&c->rules[number - 1], &name);
	xt_line_read(&line, r->syntax, body.p, body.n, NULL);
	*out = read_rule(r, t, c, number - 1, &line);
	xt_line_free(&line);
	return true;
}
