// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "../seen.h"
#include "../util.h"
#include "changes.h"
#include "nft.h"
#include "reader.h"
#include "tool.h"
#include "xtables.h"

#define MAX_TRIES  3 /* readings that a changing ruleset spoils */
#define MAX_LISTED 4 /* of several rules that may have been it */

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

/* What one of the tools of iptables and its siblings has in the tables of a family, or in one. */
struct tool_rules {
	struct tool_rules *next;
	enum rule_backend backend;
	char *family, *table;
	struct xt_ruleset *rules; /* NULL: there are none, or they could not be read */
	bool unread;		  /* not all of them could be read */
};

static void forget_rules(struct reader *r)
{
	while (r->rules) {
		struct tool_rules *t = r->rules;

		r->rules = t->next;
		xt_free(t->rules);
		free(t->family);
		free(t->table);
		free(t);
	}
}

/* And the marks that they may set. */
static void find_marks(const struct tool_rules *t, const struct group *g, struct marks *marks)
{
	if (t && t->rules)
		xt_marks(t->rules, g, marks);
	if (t && t->unread)
		marks_add(marks, INT64_MAX, UINT32_MAX);
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
static char *ebtables_text(struct reader *r, const char *table, bool *unread)
{
	static const char tool[] = "ebtables-legacy";
	const char *const argv[] = {tool, "-t", table, "-L", "--Lc", NULL};
	char *listing, *text;

	if (!table) {
		*unread = r->has_ebtables;
		return NULL;
	}
	listing = tool_output(argv);
	text = listing ? xt_of_ebtables(listing) : NULL;
	*unread = !text;
	free(listing);
	return text;
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

static char *legacy_text(struct reader *r, const char *family, bool *unread)
{
	const char *tool = save_tool(family, false), *names = r->from->legacy_tables(family);
	char name[64], *text = xstrdup("");

	while (next_name(&names, name, sizeof(name))) {
		const char *table = tool ? r->from->saved(tool, name) : NULL;

		if (table)
			append(&text, table);
		else
			*unread = true;
	}
	return text;
}

/* Read and parsed once, until it is forgotten; borrowed. */
static const struct tool_rules *read_rules(struct reader *r, enum rule_backend backend,
					   const char *family, const char *table)
{
	struct tool_rules *t = r->rules;
	char *made = NULL;
	const char *text;

	while (t && (t->backend != backend || strcmp(t->family, family) ||
		     (table ? !is(t->table, table) : t->table != NULL)))
		t = t->next;
	if (t)
		return t;
	t = xcalloc(1, sizeof(*t));
	*t = (struct tool_rules){.next = r->rules,
				 .backend = backend,
				 .family = xstrdup(family),
				 .table = table ? xstrdup(table) : NULL};
	r->rules = t;
	if (backend == RULE_EBTABLES_LEGACY) {
		text = made = ebtables_text(r, table, &t->unread);
	} else if (backend == RULE_IPTABLES_LEGACY) {
		text = made = legacy_text(r, family, &t->unread);
	} else {
		text = r->from->saved(save_tool(family, true), NULL);
		t->unread = !text;
	}
	if (text && *text)
		t->rules = xt_parse(text, backend, family);
	free(made);
	return t;
}

static const struct tool_rules *read_legacy(struct reader *r, const struct group *g)
{
	const char *family = family_of(g);

	if (is(family, "bridge"))
		return read_rules(r, RULE_EBTABLES_LEGACY, family, ebtables_table(g));
	return read_rules(r, RULE_IPTABLES_LEGACY, family, NULL);
}

/* Has the table a rule that iptables-nft cannot have written, though its tool may print it? What
 * looks something up in a set is printed without that. */
static bool has_native(struct reader *r, const char *family, const char *table)
{
	const struct nft_source *src = r->from->nft;
	json_t *uses = src->uses(src->arg, family, table);
	bool has = json_object_get(uses, "native");

	json_decref(uses);
	return has;
}

/* What iptables-nft made and can still read: a table with a rule in it that is none of its own it
 * calls incompatible, and leaves out. */
static bool is_xtables(struct reader *r, json_t *chains, const char *family, const char *table)
{
	const char *tool = save_tool(family, true), *text, *found;
	char warning[128];

	if (!tool || !r->has_nft_compat || !nft_is_xtables(chains, family, table) ||
	    has_native(r, family, table))
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
	struct reader *r;
	json_t *chains;
};

static bool is_own_table(void *arg, const char *family, const char *table)
{
	const struct tables *t = arg;

	return !is_xtables(t->r, t->chains, family, table);
}

/* Does nft's list of chains have a table that iptables-nft made, in that family? */
static bool has_xtables(struct reader *r, json_t *chains, const char *family)
{
	json_t *item;
	size_t i;

	json_array_foreach(chains, i, item)
	{
		json_t *chain = json_object_get(item, "chain");
		const char *f = nft_text(chain, "family");
		const char *table = nft_text(chain, "table");

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

static json_t *read_chains(struct reader *r)
{
	return r->from->nft->chains(r->from->nft->arg);
}

/* NULL: there are none. */
static const struct tool_rules *read_nft_tool(struct reader *r, const struct tables *tables,
					      const char *family)
{
	if (!tables->chains || !has_xtables(r, tables->chains, family))
		return NULL;
	return read_rules(r, nft_tool_backend(family), family, NULL);
}

/* What could not be followed in the other one may have run before. */
static void doubt(struct replay *replay, const struct replay *other)
{
	for (size_t i = 0; other->cut && i < replay->n; i++)
		replay->hits[i].sure = false;
}

/* Adds what the rules of another packet filter may have done. */
static void join(struct replay *out, struct replay *other)
{
	other->cut = other->cut || other->unread;
	doubt(out, other);
	doubt(other, out);
	for (size_t i = 0; i < other->n; i++)
		replay_add(out, &other->hits[i]);
	out->cut = out->cut || other->cut;
	out->unread = out->unread || other->unread;
	free(other->hits);
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

/* What NAT translates for a local process is routed anew, and dropped where that fails:
 * nf_nat_ipv4_local_fn(), net/netfilter/nf_nat_proto.c. Then it met nothing behind NAT; and what
 * IPVS has no server for, nothing behind IPVS, which comes next (ip_vs_leave()). */
static void forget_behind_nat(struct replay *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->n; i++) {
		if (out->hits[i].behind_nat)
			rule_free(&out->hits[i].rule);
		else
			out->hits[kept++] = out->hits[i];
	}
	out->n = kept;
}

/* nft's own tables, of which the others' rules see the marks. */
static void replay_nft(struct reader *r, struct tables *tables, const struct group *g,
		       const struct marks *others, struct marks *marks, struct replay *out)
{
	struct replay own = {.others = others};

	if (!tables->chains || nft_replay(r->from->nft, g, is_own_table, tables, marks, &own)) {
		marks_add(marks, INT64_MAX, UINT32_MAX);
		own.unread = true;
	}
	if (out)
		join(out, &own);
	else
		replay_free(&own);
}

/* t NULL: it has no rules. */
static void replay_tool(const struct tool_rules *t, const char *only, const struct group *g,
			const struct marks *a, const struct marks *b, struct replay *out)
{
	struct marks others = {};
	struct replay own = {.others = &others, .unread = t && t->unread};

	marks_add_all(&others, a);
	marks_add_all(&others, b);
	if (t && t->rules)
		xt_replay(t->rules, only, g, &own);
	join(out, &own);
	marks_free(&others);
}

/* The rules of all packet filters, since each may mark packets for the others; what could be its
 * verdict goes to out. */
static void replay_filters(struct reader *r, const struct group *g, bool by_nft, bool by_legacy,
			   struct replay *out)
{
	const char *family = family_of(g), *only = g->verdict.table[0] ? g->verdict.table : NULL;
	struct tables tables = {r, r->has_nft ? read_chains(r) : NULL};
	const struct tool_rules *tool = NULL, *legacy = NULL;
	struct marks marks = {}, others = {}, tools = {}, legacys = {};
	bool in_tool = !by_legacy &&
		       (!only || (tables.chains && is_xtables(r, tables.chains, family, only)));

	/* where its table is known, nobody else marked the packet before it died */
	if (in_tool || !only)
		tool = read_nft_tool(r, &tables, family);
	if (!by_nft || !only)
		legacy = read_legacy(r, g);
	find_marks(tool, g, &tools);
	find_marks(legacy, g, &legacys);
	marks_add_all(&others, &tools);
	marks_add_all(&others, &legacys);
	if (r->has_nft && (!by_legacy || !only))
		replay_nft(r, &tables, g, &others, &marks, by_legacy ? NULL : out);
	if (in_tool)
		replay_tool(tool, only, g, &marks, &legacys, out);
	if (!by_nft)
		replay_tool(legacy, g->verdict.function ? only : NULL, g, &marks, &tools, out);
	marks_free(&tools);
	marks_free(&legacys);
	marks_free(&marks);
	marks_free(&others);
	json_decref(tables.chains);
}

/* Who gave the verdict, as far as a hook program or the place tells: both may have, else. */
static void replay_all(struct reader *r, const struct group *g, struct replay *out)
{
	static const char *const hook_place[] = {"nf_hook_slow", NULL};
	const char *by = g->verdict.function;
	bool by_nft = is(by, "nft_do_chain") || rule_at_nft(g);
	bool by_legacy = (by && !by_nft) || (nft_frees_itself() && group_at(g, hook_place));

	replay_filters(r, g, by_nft, by_legacy, out);
	if (rule_at_queue(g))
		keep_queues(out);
	else if ((g->nat_no_route || g->ipvs_no_server) && !by && !by_nft)
		forget_behind_nat(out);
}

static bool one_backend(const struct replay *r)
{
	for (size_t i = 1; i < r->n; i++) {
		if (r->hits[i].rule.backend != r->hits[0].rule.backend)
			return false;
	}
	return true;
}

/* Does a program, or the place, tell that it was a rule of some kind? */
static bool is_by_rule(const struct group *g)
{
	return g->verdict.function || rule_at_nft(g) || rule_at_queue(g);
}

/* Conntrack gives up what it cannot confirm, a new connection (nf_confirm(),
 * net/netfilter/nf_conntrack_proto.c), or what a helper cannot change. */
static bool conntrack_may_confirm(const struct group *g)
{
	if (g->ct_state == CT_NONE || g->ct_state == CT_UNTRACKED)
		return false;
	return g->ct_state != CT_ESTABLISHED || !g->has_ct_status || g->ct_status & IPS_HELPER;
}

/* nf_conntrack_in() refuses what it has no room for (nf_conntrack_alloc(),
 * net/netfilter/nf_conntrack_core.c) before any rule sees it but those of iptables' raw table. */
static bool conntrack_may_refuse(struct reader *r, const struct group *g)
{
	return (g->ct_state == CT_NONE || g->ct_state == CT_UNSEEN) && r->from->conntrack_full();
}

static bool conntrack_may_have(struct reader *r, const struct group *g, const struct rule *first)
{
	return !is_by_rule(g) && (g->hook == HOOK_PREROUTING || g->hook == HOOK_OUTPUT) &&
	       !is(first->table, "raw") && conntrack_may_refuse(r, g);
}

/* Nothing else in this hook can have dropped it? Then a rule that only may match is it, if it is
 * alone. Masquerading drops what goes out by another interface by now (nf_nat_inet_fn()). */
static bool only_rules_drop(struct reader *r, const struct group *g)
{
	if (is_by_rule(g) || g->hook == HOOK_FORWARD)
		return true;
	if (g->ipvs_service)
		return false;
	if (g->hook == HOOK_PREROUTING || g->hook == HOOK_OUTPUT)
		return !conntrack_may_refuse(r, g);
	if (g->hook == HOOK_POSTROUTING && g->has_original)
		return false;
	return (g->hook == HOOK_INPUT || g->hook == HOOK_POSTROUTING) && !conntrack_may_confirm(g);
}

static bool is_nft(const struct rule *r)
{
	return r->backend != RULE_IPTABLES_LEGACY && r->backend != RULE_EBTABLES_LEGACY;
}

/* Its counter, read after the drops, says that it dropped fewer packets. Base chains of nft count
 * nothing for iptables-nft, whose policies always read 0. */
static bool counted_fewer(const struct rule_hit *hit, uint64_t packets)
{
	return hit->has_packets && hit->packets < packets &&
	       !(hit->rule.policy && is_nft(&hit->rule));
}

/* The replay is wrong, or the counter was set back since, and then those of others may have been,
 * too. */
static bool never_counted(const struct rule_hit *hit)
{
	return counted_fewer(hit, 1);
}

static const struct rule_hit *choose(struct reader *reader, const struct replay *r,
				     const struct group *g, const char **why)
{
	if (!r->n || conntrack_may_have(reader, g, &r->hits[0].rule))
		return NULL;
	if (never_counted(&r->hits[0]) && (r->hits[0].sure || r->n == 1)) {
		*why = "the rule that matches has counted no packet: its counter was set back, "
		       "another rule did it, or the ruleset has changed since";
		return NULL;
	}
	if (r->hits[0].sure && one_backend(r) && !r->unread) {
		*why = "the packet matches it, and nothing before it can have dropped the packet";
		return &r->hits[0];
	}
	if (r->n == 1 && !r->cut && only_rules_drop(reader, g)) {
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
	const char *comment = nft_text(rule, "comment");

	return (struct rule){.backend = RULE_NFT,
			     .verdict = verdict_of(rule),
			     .family = xstrdup(family),
			     .table = xstrdup(table),
			     .chain = xstrdup(chain),
			     .handle = handle,
			     .comment = comment ? xstrdup(comment) : NULL};
}

static bool rule_in_chain(struct reader *r, json_t *chains, const struct group *g,
			  const char *chain, struct rule *out)
{
	const char *family = g->verdict.family, *table = g->verdict.table;
	const struct nft_source *src = r->from->nft;
	json_t *listing = src->chain(src->arg, family, table, chain);
	unsigned int number;
	json_t *rule = rule_with(listing, g->verdict.rule, &number);
	bool drops = rule && nft_rule_may_drop(rule), found = false;

	if (drops && is_xtables(r, chains, family, table)) {
		const struct tool_rules *t = read_rules(r, nft_tool_backend(family), family, NULL);

		found = t->rules && xt_rule(t->rules, table, chain, number, out);
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
static char *chain_by_replay(struct reader *r, const struct group *g, bool *refuted)
{
	struct replay replay = {};
	char *chain = NULL;

	nft_replay(r->from->nft, g, NULL, NULL, NULL, &replay);
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
static bool rule_is_in(struct reader *r, json_t *chains, const struct group *g, char *chain,
		       struct rule *out)
{
	bool found = chain && rule_in_chain(r, chains, g, chain, out);

	free(chain);
	return found;
}

/* The same in whatever chain; the table is listed for it. *gone: it was, and has no such rule. */
static bool is_anywhere(struct reader *r, json_t *chains, const struct group *g, struct rule *out,
			bool *gone)
{
	char *chain =
		r->from->nft_chain(g->verdict.family, g->verdict.table, g->verdict.rule, gone);

	if (!chain)
		return false;
	*gone = !rule_is_in(r, chains, g, chain, out);
	return !*gone;
}

/* The rule whose handle a probe saw. Most are in the base chain itself or where a replay leads, so
 * that thousands of chains need not be listed. *gone: it is not there any more; *met: the packet
 * comes by it. */
static bool find_handle(struct reader *r, const struct group *g, struct rule *out, bool *gone,
			bool *met)
{
	json_t *chains = read_chains(r);
	char *chain = chains ? chain_by_replay(r, g, gone) : NULL;
	bool found = false;

	*met = chain;
	if (chains && !*gone)
		found = rule_is_in(r, chains, g, chain, out) ||
			rule_is_in(r, chains, g, xstrdup(g->verdict.chain), out) ||
			is_anywhere(r, chains, g, out, gone);
	json_decref(chains);
	return found;
}

/* iptables-nft's, of a rule of the base chain with that handle; 0: it is not there. */
static unsigned int number_of(struct reader *r, const struct group *g, uint64_t handle)
{
	const struct nft_source *src = r->from->nft;
	json_t *listing =
		src->chain(src->arg, g->verdict.family, g->verdict.table, g->verdict.chain);
	unsigned int number;
	bool there = rule_with(listing, handle, &number);

	json_decref(listing);
	return there ? number : 0;
}

/* left: the handle of the rule by which the packet may have left the chain; 0: by none. */
static void policy_rule(struct reader *r, const struct group *g, uint64_t left, struct rule *out)
{
	json_t *chains = read_chains(r);
	bool xt = chains && is_xtables(r, chains, g->verdict.family, g->verdict.table);

	*out = (struct rule){
		.backend = xt ? nft_tool_backend(g->verdict.family) : RULE_NFT,
		.family = xstrdup(g->verdict.family),
		.table = xstrdup(g->verdict.table),
		.chain = xstrdup(g->verdict.chain),
		.policy = true,
		.left_handle = left,
		.text = xt ? xasprintf("-P %s DROP", g->verdict.chain) : xstrdup("policy drop"),
	};
	if (xt && left)
		out->left_number = number_of(r, g, left);
	json_decref(chains);
}

static bool has_rules(const char *text)
{
	return text && strstr(text, "] -A ");
}

static bool legacy_has_rules(struct reader *r, const char *family)
{
	const char *tool = save_tool(family, false), *names = r->from->legacy_tables(family);
	bool found = false;
	char name[64];

	while (tool && !found && next_name(&names, name, sizeof(name)))
		found = has_rules(r->from->saved(tool, name));
	return found;
}

static bool nft_tool_has_rules(struct reader *r, const char *family)
{
	json_t *chains = read_chains(r);
	bool found = chains && has_xtables(r, chains, family) &&
		     has_rules(r->from->saved(save_tool(family, true), NULL));

	json_decref(chains);
	return found;
}

/* Is the rule one of iptables, and has the other iptables rules here, too? */
static bool is_mixed(struct reader *r, const struct rule *rule)
{
	if (rule->backend == RULE_IPTABLES_NFT)
		return legacy_has_rules(r, rule->family);
	return rule->backend == RULE_IPTABLES_LEGACY && r->has_nft &&
	       nft_tool_has_rules(r, rule->family);
}

/* No rule was seen, but was every one of them watched? The functions of rules that drop are, before
 * this is asked; those of others (reject, xtables' targets) may have come with a module since, and
 * those of matches are not. */
static bool only_policy(struct reader *r, const struct group *g, uint64_t *left)
{
	struct replay replay = {};
	bool only;

	nft_replay(r->from->nft, g, NULL, NULL, NULL, &replay);
	only = !replay.cut && !replay.may_fail;
	for (size_t i = 0; i < replay.n; i++) {
		const struct rule *hit = &replay.hits[i].rule;

		only = only && (hit->policy || hit->verdict == RULE_DROP);
		*left = hit->policy ? hit->left_handle : *left;
	}
	replay_free(&replay);
	return only;
}

/* A table that is made anew has another handle, and the handles of its rules begin anew
 * (net/netfilter/nf_tables_api.c). TRI_MAYBE: it cannot be asked. */
static enum tri is_same_table(struct reader *r, const struct group *g)
{
	uint64_t handle;

	if (!r->from->table(g->verdict.family, g->verdict.table, &handle))
		return TRI_MAYBE;
	return handle == g->verdict.table_handle ? TRI_YES : TRI_NO;
}

/* What hook programs saw of the verdict itself. A rule that is replaced leaves its handle to the
 * new one, and what was beside a policy may be gone. */
static bool seen(struct reader *r, const struct group *g, struct answer *a)
{
	bool changed = changes_since_drop(g, r->generation) == CHANGES_SINCE, met = false;
	uint64_t left = 0;
	enum tri same;

	if (!g->verdict.family || !g->verdict.table[0] || !r->has_nft ||
	    !(g->verdict.policy || g->verdict.rule))
		return false;
	same = is_same_table(r, g);
	if (same == TRI_MAYBE)
		return false;
	if (same == TRI_NO) {
		a->gone = true;
		a->why = "the table whose verdict a probe saw is gone, or was made anew since";
		return true;
	}
	if (g->verdict.policy && only_policy(r, g, &left)) {
		policy_rule(r, g, left, &a->rule);
		a->why = "a probe saw the base chain's policy drop it";
	} else if (!g->verdict.rule) {
		return false;
	} else if (find_handle(r, g, &a->rule, &a->gone, &met)) {
		a->why = "a probe saw its verdict";
	} else {
		if (a->gone)
			a->why = "the rule that a probe saw is gone: the ruleset has changed since";
		return a->gone;
	}
	a->known = true;
	a->by_probe = true;
	a->certain = !changed || met;
	if (!a->certain)
		a->why = a->rule.policy
				 ? "a probe saw the base chain's policy drop it, but the "
				   "ruleset has changed since"
				 : "a probe saw a rule with that handle, but the ruleset has "
				   "changed since";
	return true;
}

/* Is the base chain that a probe saw the packet die in one of NAT's? Before 5.11 modules have no
 * BTF, and nft_do_chain() tells no chain: then it is one if there is one in the hook, since those
 * of others have no rule that can have done it, and are what they were. */
static bool is_nat_chain(struct reader *r, const struct group *g)
{
	bool told = g->verdict.table[0], found = false;
	json_t *chains, *item;
	size_t i;

	if (!r->has_nft || (told && !g->verdict.family))
		return false;
	if (!told && (g->verdict.function ? !is(g->verdict.function, "nft_do_chain")
					  : !rule_table_dropped(g)))
		return false;
	if (!told && changes_since_drop(g, r->generation) != CHANGES_NONE)
		return false;
	chains = read_chains(r);
	json_array_foreach(chains, i, item)
	{
		json_t *c = json_object_get(item, "chain");

		found = found || (is(nft_text(c, "type"), "nat") &&
				  (told ? is(nft_text(c, "family"), g->verdict.family) &&
						   is(nft_text(c, "table"), g->verdict.table) &&
						   is(nft_text(c, "name"), g->verdict.chain)
					: nft_is_at_hook(c, g)));
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

static void list_some(const struct replay *replay, struct answer *a)
{
	a->n_may_be = replay->n < MAX_LISTED ? replay->n : MAX_LISTED;
	a->may_be = xcalloc(MAX_LISTED, sizeof(*a->may_be));
	for (size_t i = 0; i < a->n_may_be; i++)
		copy_rule(&a->may_be[i], &replay->hits[i].rule);
}

static bool has_counted(const struct rule_hit *hit, const struct group *g)
{
	return hit->has_packets && hit->packets >= g->packets;
}

/* What is wrong with what was chosen by the rules as they are now; NULL: nothing. */
static const char *objection(struct reader *r, const struct rule_hit *hit, const struct group *g)
{
	/* it cannot have dropped them all: it came later, or took another one's place */
	if (counted_fewer(hit, g->packets))
		return "the rule that they match by now has counted fewer packets than have died: "
		       "others dropped some, or the ruleset has changed since";
	if (is_nft(&hit->rule) && !has_counted(hit, g) &&
	    changes_since_drop(g, r->generation) == CHANGES_SINCE)
		return "the ruleset has changed since the drop";
	return NULL;
}

/* Was a change of the ruleset seen that may have brought the rule after that time? */
static bool is_newer(struct reader *r, const struct rule *rule, const struct group *g, uint64_t ns)
{
	return is_nft(rule) && changes_maybe_since(g, ns, r->generation);
}

static char *when_read(struct reader *r, const struct rule *rule, const struct group *g)
{
	enum changes_answer changed =
		is_nft(rule) ? changes_since_drop(g, r->generation) : CHANGES_UNKNOWN;
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	uint64_t ms = now > g->last_ns ? (now - g->last_ns) / 1000000 : 0;

	if (changed == CHANGES_NONE && changes_maybe_since(g, g->first_ns, r->generation))
		return xstrdup("those packets that died before the ruleset was changed may be "
			       "another one's");
	if (changed == CHANGES_NONE)
		return NULL;
	if (changed == CHANGES_SINCE)
		return xstrdup("but the ruleset has changed since the drop");
	return xasprintf("the rules were read %" PRIu64 " ms after the drop, and %s", ms,
			 is_newer(r, rule, g, g->last_ns)
				 ? "have changed before it or since"
				 : "whether they changed between is not known");
}

/* Without a rule that is known. */
static void tell_candidates(struct reader *r, const struct replay *replay, const struct group *g,
			    struct answer *a)
{
	bool changed = r->has_nft && changes_since_drop(g, r->generation) == CHANGES_SINCE;

	a->others = replay->n;
	list_some(replay, a);
	a->none = !replay->n && !replay->cut && !changed;
	a->nat = a->none && is_nat_chain(r, g);
	a->again = changed;
	if (replay->cut)
		a->why = "not all of the rules could be read";
	else if (changed)
		a->why = "the ruleset has changed since the drop";
	else if (a->none && has_changed(g, a->nat))
		a->why = "none of the rules there now can have done it";
	if (replay->n && !replay->cut)
		a->counters = replay_counters(replay);
}

static void deduce(struct reader *r, const struct group *g, struct answer *a)
{
	struct replay replay = {};
	const struct rule_hit *hit;

	replay_all(r, g, &replay);
	hit = choose(r, &replay, g, &a->why);
	if (!hit && g->rule_counters && only_rules_drop(r, g)) {
		hit = replay_counted(&replay, g->rule_counters);
		hit = hit && never_counted(hit) ? NULL : hit;
		a->why = hit ? "of those that may have, no other has counted more since the last "
			       "drop"
			     : a->why;
	}
	if (hit && !objection(r, hit, g)) {
		copy_rule(&a->rule, &hit->rule);
		a->known = true;
		a->unsure = is_newer(r, &a->rule, g, g->last_ns);
		a->when = when_read(r, &a->rule, g);
	} else {
		a->why = hit ? objection(r, hit, g) : a->why;
		tell_candidates(r, &replay, g, a);
	}
	replay_free(&replay);
}

/* Another rule than the answer's, whose memory becomes the answer's: SEEN_ALSO of it. */
static unsigned int add_also(struct answer *a, struct rule *rule)
{
	size_t i = 0;

	while (i < a->n_also && !rule_same(&a->also[i], rule))
		i++;
	if (i == GROUP_ALSO)
		return SEEN_UNKNOWN;
	if (i == a->n_also) {
		a->also[a->n_also++] = *rule;
		memset(rule, 0, sizeof(*rule));
	}
	return SEEN_ALSO + (unsigned int)i;
}

/* Whose rule is that packet of the group? The answer is of one that a probe saw, or of the first.
 * What died before the ruleset changed met other rules. */
static unsigned int whose(struct reader *r, const struct group *g, struct answer *a, size_t i)
{
	struct answer other = {};
	unsigned int rule = SEEN_UNKNOWN;
	struct group view;

	if (a->by_probe && g->seen[i].told_rule)
		return SEEN_SAME;
	seen_view(g, i, &view);
	if (!a->by_probe && g->seen[i].first)
		return is_newer(r, &a->rule, g, view.first_ns) ? SEEN_UNKNOWN : SEEN_SAME;
	deduce(r, &view, &other);
	if (other.known && is_newer(r, &other.rule, g, view.first_ns))
		rule = SEEN_UNKNOWN;
	else if (other.known && rule_same(&other.rule, &a->rule))
		rule = SEEN_SAME;
	else if (other.known)
		rule = add_also(a, &other.rule);
	answer_free(&other);
	return rule;
}

/* Of those that were not asked about. */
static void ask_whose(struct reader *r, const struct group *g, struct answer *a)
{
	while (a->n_seen < g->n_seen) {
		a->seen[a->n_seen] = whose(r, g, a, a->n_seen);
		a->n_seen++;
	}
}

/* Did another packet die by the answer's rule, and not before the ruleset changed? */
static bool did_another(struct reader *r, const struct group *g, const struct answer *a, size_t i)
{
	struct answer other = {};
	struct group view;
	bool same;

	seen_view(g, i, &view);
	deduce(r, &view, &other);
	same = other.known && !other.unsure && rule_same(&other.rule, &a->rule);
	answer_free(&other);
	return same;
}

/* A group is described by its first packet, and the time is the last one's: the ruleset may have
 * changed between them, and then that rule may have dropped neither. */
static bool none_died_since(struct reader *r, const struct group *g, const struct answer *a)
{
	bool before = false, did = false;

	for (size_t i = 0; i < g->n_seen; i++)
		before = before ||
			 (g->seen[i].first && is_newer(r, &a->rule, g, g->seen[i].last_ns));
	for (size_t i = g->n_seen; before && !did && i--;)
		did = !is_newer(r, &a->rule, g, g->seen[i].last_ns) && did_another(r, g, a, i);
	return before && !did;
}

/* If not one rule dropped them all: does the first one's explain it, and another one other packets?
 * The first that is kept need not be the one that the group is described by. */
static void deduce_apart(struct reader *r, const struct group *g, struct answer *a)
{
	struct answer first = {};
	struct group view;

	if (!g->seen[0].first)
		return;
	seen_view(g, 0, &view);
	deduce(r, &view, &first);
	if (first.known)
		ask_whose(r, g, &first);
	if (first.n_also) {
		first.more = a->more;
		first.generation = a->generation;
		answer_free(a);
		*a = first;
	} else {
		answer_free(&first);
	}
}

static void give_text(struct reader *r, struct rule *rule)
{
	if (rule->backend == RULE_NFT && !rule->text)
		rule->text =
			r->from->nft_text(rule->family, rule->table, rule->chain, rule->handle);
}

/* Only of the answer that stands, since most replays are of packets of one and the same rule. */
static void give_texts(struct reader *r, struct answer *a)
{
	if (a->known)
		give_text(r, &a->rule);
	for (size_t i = 0; i < a->n_may_be; i++)
		give_text(r, &a->may_be[i]);
	for (size_t i = 0; i < a->n_also; i++)
		give_text(r, &a->also[i]);
}

static void give_rest(struct reader *r, struct answer *a)
{
	give_texts(r, a);
	a->again = a->again || a->unsure;
	a->mixed = a->known && is_mixed(r, &a->rule);
}

static void find_answer(struct reader *r, const struct group *g, struct answer *a)
{
	if (!seen(r, g, a))
		deduce(r, g, a);
	a->unsure = a->unsure || (a->known && !a->certain && none_died_since(r, g, a));
	/* most groups have no other packet: that one needs no replay */
	if (a->known && g->n_seen && (a->by_probe ? g->seen[0].told_rule : g->seen[0].first))
		a->seen[a->n_seen++] = whose(r, g, a, 0);
	give_rest(r, a);
}

/* Did all that was read, now and for groups before, come from one generation of nft's ruleset? If
 * not, it is forgotten. */
static bool is_consistent(struct reader *r)
{
	uint32_t now = r->has_nft ? r->from->generation() : 0;
	bool same = now == r->generation;

	if (!same) {
		r->from->forget();
		forget_rules(r);
	}
	r->generation = now;
	return same;
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
	a->changing = true;
}

/* What the group knows of packets that were asked about before. */
static void take_earlier(const struct group *g, struct answer *a)
{
	for (a->n_seen = 0; a->n_seen < g->seen_answered; a->n_seen++)
		a->seen[a->n_seen] = g->seen[a->n_seen].rule;
	for (size_t i = 0; i < g->n_also; i++)
		copy_rule(&a->also[a->n_also++], &g->also[i]);
}

bool reader_more(struct reader *r, const struct group *g, struct answer *a)
{
	bool same = g->seen_only && a->known && rule_same(&a->rule, g->rule);

	if (r->generation != a->generation || (!g->seen_only && a->known && a->n_seen == g->n_seen))
		return false;
	a->more = g->seen_only || a->known;
	if (same)
		take_earlier(g, a);
	if (same || (a->known && !g->seen_only))
		ask_whose(r, g, a);
	else if (!a->known && g->n_seen > 1)
		deduce_apart(r, g, a);
	give_rest(r, a);
	return is_consistent(r) && (a->known || g->seen_only);
}

void reader_close(struct reader *r)
{
	forget_rules(r);
}

void reader_answer(struct reader *r, const struct group *g, struct answer *a)
{
	find_consistent(r, g, a);
	a->generation = r->generation;
}
