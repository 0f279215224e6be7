// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "../seen.h"
#include "../util.h"
#include "nft.h"
#include "reader.h"
#include "tool.h"
#include "xtables.h"

#define MAX_TRIES 3 /* readings that a changing ruleset spoils */

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

/* "ip", "ip6", "arp", "bridge": of the hook, or else of the packet. */
static const char *family_of(const struct group *g)
{
	if (g->hook_family)
		return g->hook_family;
	return g->flow.l3 == 0x86dd ? "ip6" : g->flow.l3 == 0x0806 ? "arp" : "ip";
}

/* Which tool's rules are they, by family? NULL: none. */
static const char *save_tool(const char *family, bool nft)
{
	static const struct {
		const char *family, *nft, *legacy;
	} tools[] = {{"ip", "iptables-nft-save", "iptables-legacy-save"},
		     {"ip6", "ip6tables-nft-save", "ip6tables-legacy-save"},
		     {"arp", "arptables-nft-save", NULL},
		     {"bridge", "ebtables-nft-save", NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		if (!strcmp(tools[i].family, family))
			return nft ? tools[i].nft : tools[i].legacy;
	}
	return NULL;
}

static void add_xtables(const char *text, enum rule_backend backend, const char *family,
			const char *table, const struct group *g, struct replay *out)
{
	struct xt_ruleset *rules;

	if (!text) {
		out->unread = true;
		return;
	}
	rules = xt_parse(text, backend, family);
	xt_replay(rules, table, g, out);
	xt_free(rules);
}

/* The table that ebt_do_table() dropped the frame in; NULL: not known. Without types of the
 * module's only the hook tells, where but one table is in it. */
static const char *ebtables_table(const struct group *g)
{
	if (!is(g->verdict.function, "ebt_do_table"))
		return NULL;
	if (g->verdict.table[0])
		return g->verdict.table;
	if (g->hook == HOOK_INPUT || g->hook == HOOK_FORWARD)
		return "filter";
	return g->hook == HOOK_POSTROUTING ? "nat" : NULL;
}

/* No file tells which tables of ebtables-legacy a netns has, and asking makes one
 * (find_table_lock(), net/bridge/netfilter/ebtables.c): only the one that a program saw is there.
 */
static void replay_ebtables(const struct reader *r, const struct group *g, struct replay *out)
{
	static const char tool[] = "ebtables-legacy";
	const char *table = ebtables_table(g);
	const char *const argv[] = {tool, "-t", table, "-L", "--Lc", NULL};
	char *listing, *text;

	if (!table) {
		out->unread = out->unread || r->has_ebtables;
		return;
	}
	listing = tool_output(argv);
	text = listing ? xt_of_ebtables(listing) : NULL;
	add_xtables(text, RULE_EBTABLES_LEGACY, "bridge", table, g, out);
	free(listing);
	free(text);
}

static void append(char **text, const char *more)
{
	char *whole = xasprintf("%s%s", *text, more);

	free(*text);
	*text = whole;
}

/* The next of the names, one a line; false: there is none. */
static bool next_name(const char **names, char *name, size_t size)
{
	size_t n = strcspn(*names, "\n");

	if (!n)
		return false;
	snprintf(name, size, "%.*s", (int)n, *names);
	*names += n + ((*names)[n] == '\n');
	return true;
}

static void replay_legacy(const struct reader *r, const struct group *g, const char *only,
			  struct replay *out)
{
	const char *family = family_of(g), *tool = save_tool(family, false), *names;
	char name[64], *text;

	if (is(family, "bridge")) {
		replay_ebtables(r, g, out);
		return;
	}
	text = xstrdup("");
	names = r->from->legacy_tables(family);
	while (next_name(&names, name, sizeof(name))) {
		const char *table = tool ? r->from->saved(tool, name) : NULL;

		if (table)
			append(&text, table);
		else
			out->unread = true;
	}
	if (*text)
		add_xtables(text, RULE_IPTABLES_LEGACY, family, only, g, out);
	free(text);
}

/* What iptables-nft made and can still read: a table with a rule in it that is none of its own it
 * calls incompatible, and leaves out. */
static bool is_xtables(const struct reader *r, json_t *chains, const char *family,
		       const char *table)
{
	const char *tool = save_tool(family, true), *text, *found;
	char warning[128];

	if (!tool || !r->has_nft_compat || !nft_is_xtables(chains, family, table))
		return false;
	text = r->from->saved(tool, NULL);
	/* a line of its own: iptables/xtables-save.c. A rule's comment may say the same */
	snprintf(warning, sizeof(warning), "# Table `%s' is incompatible", table);
	found = text ? strstr(text, warning) : NULL;
	while (found && found > text && found[-1] != '\n')
		found = strstr(found + 1, warning);
	return text && !found;
}

struct tables {
	const struct reader *r;
	json_t *chains;
};

static bool is_own_table(void *arg, const char *family, const char *table)
{
	const struct tables *t = arg;

	return !is_xtables(t->r, t->chains, family, table);
}

/* Does nft's list of chains have a table that iptables-nft made, in that family? */
static bool has_xtables(const struct reader *r, json_t *chains, const char *family)
{
	json_t *item;
	size_t i;

	json_array_foreach(chains, i, item)
	{
		json_t *chain = json_object_get(item, "chain");
		const char *f = json_string_value(json_object_get(chain, "family"));
		const char *table = json_string_value(json_object_get(chain, "table"));

		if (f && table && !strcmp(f, family) && is_xtables(r, chains, f, table))
			return true;
	}
	return false;
}

static enum rule_backend nft_tool_backend(const char *family)
{
	if (!strcmp(family, "arp"))
		return RULE_ARPTABLES;
	return strcmp(family, "bridge") ? RULE_IPTABLES_NFT : RULE_EBTABLES;
}

static json_t *read_chains(const struct reader *r)
{
	return r->from->nft->chains(r->from->nft->arg);
}

static void replay_nft(const struct reader *r, const struct group *g, struct replay *out)
{
	const char *family = family_of(g), *only = g->verdict.table[0] ? g->verdict.table : NULL;
	struct tables tables = {r, read_chains(r)};

	if (!tables.chains || nft_replay(r->from->nft, g, is_own_table, &tables, out))
		out->unread = true;
	if (tables.chains && has_xtables(r, tables.chains, family) &&
	    (!only || is_xtables(r, tables.chains, family, only)))
		add_xtables(r->from->saved(save_tool(family, true), NULL), nft_tool_backend(family),
			    family, only, g, out);
	json_decref(tables.chains);
}

/* Since 6.7 nf_tables frees the packet itself (NF_DROP_REASON in nft_do_chain(), e0d4593140b0), so
 * what nf_hook_slow() frees is not from there. Backports do it, too, so an older kernel proves
 * nothing. */
static bool nft_frees_itself(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 7));
}

/* Of the others none is where this packet died. */
static void keep_queues(struct replay *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->n; i++) {
		enum rule_verdict verdict = out->hits[i].rule.verdict;

		if (verdict == RULE_QUEUE || verdict == RULE_OTHER)
			out->hits[kept++] = out->hits[i];
		else
			rule_free(&out->hits[i].rule);
	}
	out->n = kept;
}

/* Who gave the verdict, as far as a hook program or the place tells: both may have, else. */
static void replay_all(const struct reader *r, const struct group *g, struct replay *out)
{
	static const char *const nft_place[] = {"nft_do_chain", NULL};
	static const char *const hook_place[] = {"nf_hook_slow", NULL};
	const char *by = g->verdict.function;
	bool by_nft = is(by, "nft_do_chain") || group_at(g, nft_place);
	bool by_legacy = (by && !by_nft) || (nft_frees_itself() && group_at(g, hook_place));

	if (r->has_nft && !by_legacy)
		replay_nft(r, g, out);
	if (!by_nft)
		replay_legacy(r, g, by && g->verdict.table[0] ? g->verdict.table : NULL, out);
	out->cut = out->cut || out->unread;
	if (rule_at_queue(g))
		keep_queues(out);
}

static bool one_backend(const struct replay *r)
{
	for (size_t i = 1; i < r->n; i++) {
		if (r->hits[i].rule.backend != r->hits[0].rule.backend)
			return false;
	}
	return true;
}

/* In these hooks conntrack drops packets, too (nf_conntrack_in, nf_confirm): a rule that only may
 * match proves nothing, unless the place is that of nftables' rules. */
static bool only_rules_drop(const struct group *g)
{
	static const char *const nft_place[] = {"nft_do_chain", NULL};

	return g->verdict.function || g->hook == HOOK_FORWARD || group_at(g, nft_place) ||
	       rule_at_queue(g);
}

/* nf_conntrack_in() refuses what it has no room for (nf_conntrack_alloc(),
 * net/netfilter/nf_conntrack_core.c) before any rule sees it but those of iptables' raw table. */
static bool conntrack_may_have(const struct reader *r, const struct group *g,
			       const struct rule *first)
{
	return !g->verdict.function && (g->hook == HOOK_PREROUTING || g->hook == HOOK_OUTPUT) &&
	       (g->ct_state == CT_NONE || g->ct_state == CT_UNSEEN) && !is(first->table, "raw") &&
	       !only_rules_drop(g) && r->from->conntrack_full();
}

/* Of what conntrack has no entry of it refuses in that hook only what it has no room for, and TCP
 * that it finds wrong (nf_conntrack_in(), nf_conntrack_tcp_packet()); IPv6's fragments may be
 * wrong, too. */
static bool conntrack_passes(const struct reader *r, const struct group *g)
{
	return !g->verdict.function && g->hook == HOOK_PREROUTING && g->ct_state == CT_NONE &&
	       (g->flow.proto == IPPROTO_UDP || g->flow.proto == IPPROTO_ICMP ||
		g->flow.proto == IPPROTO_ICMPV6) &&
	       !g->flow.is_fragment && !r->from->conntrack_full();
}

static const struct rule_hit *choose(const struct reader *reader, const struct replay *r,
				     const struct group *g, const char **why)
{
	if (!r->n || conntrack_may_have(reader, g, &r->hits[0].rule))
		return NULL;
	if (r->hits[0].sure && one_backend(r) && !r->unread) {
		*why = "the packet matches it, and nothing before it can have dropped the packet";
		return &r->hits[0];
	}
	if (r->n == 1 && !r->cut && (only_rules_drop(g) || conntrack_passes(reader, g))) {
		*why = "no other rule in this hook can have dropped the packet";
		return &r->hits[0];
	}
	return NULL;
}

static void copy_rule(struct rule *to, const struct rule *from)
{
	*to = *from;
	to->family = from->family ? xstrdup(from->family) : NULL;
	to->table = from->table ? xstrdup(from->table) : NULL;
	to->chain = from->chain ? xstrdup(from->chain) : NULL;
	to->text = from->text ? xstrdup(from->text) : NULL;
	to->comment = from->comment ? xstrdup(from->comment) : NULL;
}

/* The rule with that handle, borrowed, and its number: every rule of iptables-nft is one of
 * nftables in the same place. NULL: it is not there. */
static json_t *rule_with(json_t *chain, uint64_t handle, unsigned int *number)
{
	json_t *item;
	size_t i;

	*number = 0;
	json_array_foreach(chain, i, item)
	{
		json_t *rule = json_object_get(item, "rule");

		*number += rule != NULL;
		if (rule && (uint64_t)json_integer_value(json_object_get(rule, "handle")) == handle)
			return rule;
	}
	return NULL;
}

static enum rule_verdict verdict_of(json_t *rule)
{
	json_t *statement;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		if (json_object_get(statement, "reject"))
			return RULE_REJECT;
		if (json_object_get(statement, "queue"))
			return RULE_QUEUE;
	}
	return RULE_DROP;
}

static struct rule nft_rule(json_t *rule, const char *family, const char *table, const char *chain,
			    uint64_t handle)
{
	const char *comment = json_string_value(json_object_get(rule, "comment"));

	return (struct rule){.backend = RULE_NFT,
			     .verdict = verdict_of(rule),
			     .family = xstrdup(family),
			     .table = xstrdup(table),
			     .chain = xstrdup(chain),
			     .handle = handle,
			     .comment = comment ? xstrdup(comment) : NULL};
}

static bool rule_in_chain(const struct reader *r, json_t *chains, const struct group *g,
			  const char *chain, struct rule *out)
{
	const char *family = g->verdict.family, *table = g->verdict.table;
	const struct nft_source *src = r->from->nft;
	json_t *listing = src->chain(src->arg, family, table, chain);
	struct xt_ruleset *saved_rules;
	const char *text;
	unsigned int number;
	json_t *rule = rule_with(listing, g->verdict.rule, &number);
	/* handles are given anew when a table is made anew */
	bool drops = rule && nft_rule_may_drop(rule), found = false;

	if (drops && is_xtables(r, chains, family, table)) {
		text = r->from->saved(save_tool(family, true), NULL);
		saved_rules = text ? xt_parse(text, nft_tool_backend(family), family) : NULL;
		found = saved_rules && xt_rule(saved_rules, table, chain, number, out);
		if (saved_rules)
			xt_free(saved_rules);
	}
	if (drops && !found)
		*out = nft_rule(rule, family, table, chain, g->verdict.rule);
	json_decref(listing);
	return drops;
}

/*
 * The chain in which a replay meets the rule with that handle; to free(). NULL: none. *refuted: the
 * packet that was replayed is the one whose verdict was seen, and it does not come by that rule.
 */
static char *chain_by_replay(const struct reader *r, const struct group *g, bool *refuted)
{
	struct replay replay = {};
	char *chain = NULL;

	nft_replay(r->from->nft, g, NULL, NULL, &replay);
	for (size_t i = 0; i < replay.n && !chain; i++) {
		if (replay.hits[i].rule.handle == g->verdict.rule && replay.hits[i].rule.chain)
			chain = xstrdup(replay.hits[i].rule.chain);
	}
	/* who had to ask for hook programs was explained by a later packet */
	*refuted = !chain && !replay.cut && !g->asks;
	replay_free(&replay);
	return chain;
}

/* The chain becomes this function's; NULL: there is none. */
static bool rule_is_in(const struct reader *r, json_t *chains, const struct group *g, char *chain,
		       struct rule *out)
{
	bool found = chain && rule_in_chain(r, chains, g, chain, out);

	free(chain);
	return found;
}

/* The same in whatever chain; the table is listed for it. *gone: it was, and has no such rule. */
static bool is_anywhere(const struct reader *r, json_t *chains, const struct group *g,
			struct rule *out, bool *gone)
{
	char *chain =
		r->from->nft_chain(g->verdict.family, g->verdict.table, g->verdict.rule, gone);

	if (!chain)
		return false;
	*gone = !rule_is_in(r, chains, g, chain, out);
	return !*gone;
}

/* The rule whose handle a probe saw. Most are in the base chain itself or where a replay leads, so
 * that thousands of chains need not be listed. *gone: it is not there any more. */
static bool find_handle(const struct reader *r, const struct group *g, struct rule *out, bool *gone)
{
	json_t *chains = read_chains(r);
	char *chain = chains ? chain_by_replay(r, g, gone) : NULL;
	bool found = false;

	if (chains && !*gone)
		found = rule_is_in(r, chains, g, chain, out) ||
			rule_is_in(r, chains, g, xstrdup(g->verdict.chain), out) ||
			is_anywhere(r, chains, g, out, gone);
	json_decref(chains);
	return found;
}

static void policy_rule(const struct reader *r, const struct group *g, struct rule *out)
{
	json_t *chains = read_chains(r);
	bool xt = chains && is_xtables(r, chains, g->verdict.family, g->verdict.table);

	*out = (struct rule){
		.backend = xt ? nft_tool_backend(g->verdict.family) : RULE_NFT,
		.family = xstrdup(g->verdict.family),
		.table = xstrdup(g->verdict.table),
		.chain = xstrdup(g->verdict.chain),
		.policy = true,
		.text = xt ? xasprintf("-P %s DROP", g->verdict.chain) : xstrdup("policy drop"),
	};
	json_decref(chains);
}

static bool has_rules(const char *text)
{
	return text && strstr(text, "] -A ");
}

static bool legacy_has_rules(const struct reader *r, const char *family)
{
	const char *tool = save_tool(family, false), *names = r->from->legacy_tables(family);
	bool found = false;
	char name[64];

	while (tool && !found && next_name(&names, name, sizeof(name)))
		found = has_rules(r->from->saved(tool, name));
	return found;
}

static bool nft_tool_has_rules(const struct reader *r, const char *family)
{
	json_t *chains = read_chains(r);
	bool found = chains && has_xtables(r, chains, family) &&
		     has_rules(r->from->saved(save_tool(family, true), NULL));

	json_decref(chains);
	return found;
}

/* Is the rule one of iptables, and has the other iptables rules here, too? */
static bool is_mixed(const struct reader *r, const struct rule *rule)
{
	if (rule->backend == RULE_IPTABLES_NFT)
		return legacy_has_rules(r, rule->family);
	return rule->backend == RULE_IPTABLES_LEGACY && r->has_nft &&
	       nft_tool_has_rules(r, rule->family);
}

/* No rule was seen, but was every one of them watched? The functions of rules that drop are, before
 * this is asked; those of others (reject, xtables' targets) may have come with a module since. */
static bool only_policy(const struct reader *r, const struct group *g)
{
	struct replay replay = {};
	bool only;

	nft_replay(r->from->nft, g, NULL, NULL, &replay);
	only = !replay.cut;
	for (size_t i = 0; i < replay.n; i++) {
		const struct rule *hit = &replay.hits[i].rule;

		only = only && (hit->policy || hit->verdict == RULE_DROP);
	}
	replay_free(&replay);
	return only;
}

/* What hook programs saw of the verdict itself. */
static bool seen(const struct reader *r, const struct group *g, struct answer *a)
{
	if (!g->verdict.family || !g->verdict.table[0] || !r->has_nft)
		return false;
	if (g->verdict.policy && only_policy(r, g)) {
		policy_rule(r, g, &a->rule);
		a->why = "a probe saw the base chain's policy drop it";
	} else if (!g->verdict.rule) {
		return false;
	} else if (find_handle(r, g, &a->rule, &a->gone)) {
		a->why = "a probe saw its verdict";
	} else {
		if (a->gone)
			a->why = "the rule that a probe saw is gone: the ruleset has changed since";
		return a->gone;
	}
	a->known = a->certain = true;
	return true;
}

/* Is the base chain that a probe saw the packet die in one of NAT's? */
static bool is_nat_chain(const struct reader *r, const struct group *g)
{
	json_t *chains = g->verdict.family && r->has_nft ? read_chains(r) : NULL, *item;
	bool found = false;
	size_t i;

	json_array_foreach(chains, i, item)
	{
		json_t *c = json_object_get(item, "chain");

		found = found ||
			(is(json_string_value(json_object_get(c, "type")), "nat") &&
			 is(json_string_value(json_object_get(c, "family")), g->verdict.family) &&
			 is(json_string_value(json_object_get(c, "table")), g->verdict.table) &&
			 is(json_string_value(json_object_get(c, "name")), g->verdict.chain));
	}
	json_decref(chains);
	return found;
}

/* None of the rules may have done it. But is it known that one did? */
static bool has_changed(const struct group *g, bool nat)
{
	struct group now = *g;

	now.rule_none = true;
	now.rule_nat = nat;
	return !rule_is_none(&now);
}

static void deduce(const struct reader *r, const struct group *g, struct answer *a)
{
	struct replay replay = {};
	const struct rule_hit *hit;

	replay_all(r, g, &replay);
	hit = choose(r, &replay, g, &a->why);
	if (!hit && g->rule_counters && only_rules_drop(g)) {
		hit = replay_counted(&replay, g->rule_counters);
		a->why = hit ? "of those that may have, no other has counted more since the last "
			       "drop"
			     : NULL;
	}
	if (hit) {
		copy_rule(&a->rule, &hit->rule);
		a->known = true;
	} else {
		a->others = replay.n;
		a->none = !replay.n && !replay.cut;
		if (replay.cut)
			a->why = "not all of the rules could be read";
		a->nat = a->none && is_nat_chain(r, g);
		if (a->none && has_changed(g, a->nat))
			a->why = "none of the rules there now can have done it";
		if (replay.n && !replay.cut)
			a->counters = replay_counters(&replay);
	}
	replay_free(&replay);
}

static void read_text(const struct reader *r, struct rule *rule)
{
	if (rule->backend == RULE_NFT && !rule->text)
		rule->text =
			r->from->nft_text(rule->family, rule->table, rule->chain, rule->handle);
}

/* Another rule than the answer's, whose memory becomes the answer's: SEEN_ALSO of it. */
static unsigned int add_also(const struct reader *r, struct answer *a, struct rule *rule)
{
	size_t i = 0;

	while (i < a->n_also && !rule_same(&a->also[i], rule))
		i++;
	if (i == GROUP_ALSO)
		return SEEN_UNKNOWN;
	if (i == a->n_also) {
		read_text(r, rule);
		a->also[a->n_also++] = *rule;
		memset(rule, 0, sizeof(*rule));
	}
	return SEEN_ALSO + (unsigned int)i;
}

/* Whose rule is that packet of the group? The answer is of one that a probe saw, or of the first.
 */
static unsigned int whose(const struct reader *r, const struct group *g, struct answer *a, size_t i)
{
	struct answer other = {};
	unsigned int rule = SEEN_UNKNOWN;
	struct group view;

	if (a->certain ? g->seen[i].told_rule : !i)
		return SEEN_SAME;
	seen_view(g, i, &view);
	deduce(r, &view, &other);
	if (other.known && rule_same(&other.rule, &a->rule))
		rule = SEEN_SAME;
	else if (other.known)
		rule = add_also(r, a, &other.rule);
	answer_free(&other);
	return rule;
}

static void find_answer(const struct reader *r, const struct group *g, struct answer *a)
{
	if (!seen(r, g, a))
		deduce(r, g, a);
	if (a->known)
		read_text(r, &a->rule);
	for (size_t i = 0; a->known && i < g->n_seen; i++)
		a->seen[a->n_seen++] = whose(r, g, a, i);
	a->mixed = a->known && is_mixed(r, &a->rule);
}

/* Did all that was read, now and for groups before, come from one generation of nft's ruleset? If
 * not, it is forgotten. */
static bool is_consistent(struct reader *r)
{
	uint32_t now = r->has_nft ? r->from->generation() : 0;
	bool same = now == r->generation;

	if (!same)
		r->from->forget();
	r->generation = now;
	return same;
}

static bool is_nft(const struct rule *r)
{
	return r->backend != RULE_IPTABLES_LEGACY && r->backend != RULE_EBTABLES_LEGACY;
}

/* Several readings make one answer: chains, sets, texts, what iptables-nft makes of them. */
static void find_consistent(struct reader *r, const struct group *g, struct answer *a)
{
	is_consistent(r);
	for (int i = 0; i < MAX_TRIES; i++) {
		answer_free(a);
		find_answer(r, g, a);
		if (is_consistent(r))
			return;
	}
	if (a->known && !is_nft(&a->rule))
		return;
	answer_free(a);
	a->why = "the ruleset changes while it is read";
}

/* The verdict was given after an earlier reading: what has that handle now may be another rule. */
static void doubt_changed(const struct reader *r, const struct group *g, struct answer *a)
{
	if (!a->certain || !g->rule_generation || g->rule_generation == r->generation)
		return;
	a->certain = false;
	a->why = "a probe saw a rule with that handle, but the ruleset has changed since";
}

void reader_answer(struct reader *r, const struct group *g, struct answer *a)
{
	find_consistent(r, g, a);
	doubt_changed(r, g, a);
	a->generation = r->generation;
}
