// SPDX-License-Identifier: GPL-2.0-only
#include <linux/netfilter.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "rules/rule.h"

bool group_rule_certain(const struct group *g)
{
	return g->rule_certain && !g->verdicts_differ && !g->n_also;
}

static uint64_t count_seen(const struct group *g, unsigned int rule)
{
	uint64_t n = 0;

	for (size_t i = 0; i < g->n_seen; i++)
		n += g->seen[i].rule == rule ? g->seen[i].packets : 0;
	return n;
}

uint64_t group_rule_seen(const struct group *g)
{
	uint64_t n = count_seen(g, SEEN_SAME) + (g->rule_certain ? g->seen_told : 0);

	return n < g->packets ? n : g->packets;
}

uint64_t group_also_seen(const struct group *g, size_t i)
{
	return count_seen(g, SEEN_ALSO + (unsigned int)i);
}

const char *group_sent_by(const struct group *g, const struct rule *r, char *buf)
{
	bool six = g->flow.l3 == ETHERTYPE_IPV6;

	return six || g->flow.l3 == ETHERTYPE_IP ? rule_sent(r, six, buf) : NULL;
}

const char *hook_name(enum nf_hook hook)
{
	static const char *const names[] = {
		[HOOK_NONE] = NULL,	    [HOOK_PREROUTING] = "prerouting",
		[HOOK_INPUT] = "input",	    [HOOK_FORWARD] = "forward",
		[HOOK_OUTPUT] = "output",   [HOOK_POSTROUTING] = "postrouting",
		[HOOK_INGRESS] = "ingress", [HOOK_EGRESS] = "egress"};

	return names[hook];
}

const char *nf_family_name(unsigned int nfproto)
{
	static const char *const names[] = {
		[NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",	  [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6"};

	return nfproto < sizeof(names) / sizeof(names[0]) ? names[nfproto] : NULL;
}

bool symbol_name_is(const char *sym, const char *fn)
{
	size_t n = strlen(fn);

	return sym && !strncmp(sym, fn, n) && (sym[n] == '\0' || sym[n] == '.');
}

bool symbol_is(const struct symbol *s, const char *const *functions)
{
	for (; *functions; functions++) {
		if (symbol_name_is(s->name, *functions))
			return true;
	}
	return false;
}

bool group_at(const struct group *g, const char *const *functions)
{
	return symbol_is(&g->loc, functions);
}

bool group_maybe_at(const struct group *g, const char *const *functions)
{
	return g->loc.name ? group_at(g, functions) : strcmp(g->reason, "NOT_SPECIFIED") != 0;
}

bool group_reason(const struct group *g, const char *const *reasons)
{
	for (; *reasons; reasons++) {
		if (!strcmp(g->reason, *reasons))
			return true;
	}
	return false;
}

void group_forget_seen(struct group *g)
{
	for (size_t i = 0; i < g->n_also; i++)
		rule_free(&g->also[i]);
	free(g->also);
	g->also = NULL;
	g->n_also = 0;
	for (size_t i = 0; i < g->n_seen; i++)
		g->seen[i].rule = SEEN_UNKNOWN;
	g->seen_answered = 0;
}

void group_forget_rule(struct group *g)
{
	group_forget_seen(g);
	free(g->rule_why);
	free(g->rule_counters);
	if (g->rule)
		rule_free(g->rule);
	free(g->rule);
	for (size_t i = 0; i < g->n_rule_may_be; i++)
		rule_free(&g->rule_may_be[i]);
	free(g->rule_may_be);
	g->rule = g->rule_may_be = NULL;
	g->n_rule_may_be = 0;
	g->rule_why = NULL;
	g->rule_counters = NULL;
	g->rule_certain = g->rule_mixed = g->rule_none = g->rule_nat = false;
	g->rule_again = g->rule_changing = g->rule_unsure = false;
	g->rule_others = 0;
}

void group_free(struct group *g)
{
	group_forget_rule(g);
	free(g->netns_name);
	free(g->path);
	free(g->stack);
	free(g->seen);
	g->seen = NULL;
	g->n_seen = 0;
	g->netns_name = NULL;
	g->path = NULL;
	g->stack = NULL;
	g->n_stack = 0;
}
