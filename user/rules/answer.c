// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../util.h"
#include "answer.h"

#define FIRST_WAIT_NS 500000000ULL /* until rules that changed are read again */
#define MAX_DOUBLED   6

void answer_free(struct answer *a)
{
	rule_free(&a->rule);
	for (size_t i = 0; i < a->n_may_be; i++)
		rule_free(&a->may_be[i]);
	free(a->may_be);
	free(a->when);
	for (size_t i = 0; i < a->n_also; i++)
		rule_free(&a->also[i]);
	free(a->counters);
	memset(a, 0, sizeof(*a));
}

/* Rules have any bytes in them, and JSON has characters: each byte travels as the one of its
 * number, and the report's own writers escape what is no UTF-8. */
static void set_text(json_t *o, const char *key, const char *s)
{
	char *text, *to;

	if (!s || !*s)
		return;
	to = text = xcalloc(2 * strlen(s) + 1, 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x80)
			*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	json_object_set_new(o, key, json_string(text));
	free(text);
}

static json_t *to_json(const struct rule *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "backend", json_integer(r->backend));
	json_object_set_new(o, "verdict", json_integer(r->verdict));
	set_text(o, "family", r->family);
	set_text(o, "table", r->table);
	set_text(o, "chain", r->chain);
	set_text(o, "text", r->text);
	set_text(o, "comment", r->comment);
	json_object_set_new(o, "handle", json_integer((json_int_t)r->handle));
	json_object_set_new(o, "number", json_integer(r->number));
	json_object_set_new(o, "policy", json_boolean(r->policy));
	json_object_set_new(o, "left_handle", json_integer((json_int_t)r->left_handle));
	json_object_set_new(o, "left_number", json_integer(r->left_number));
	return o;
}

static void set_rules(json_t *o, const char *key, const struct rule *rules, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, to_json(&rules[i]));
	json_object_set_new(o, key, array);
}

static void set_seen(json_t *o, const struct answer *a)
{
	json_t *seen = json_array();

	for (size_t i = 0; i < a->n_seen; i++)
		json_array_append_new(seen, json_integer(a->seen[i]));
	json_object_set_new(o, "seen", seen);
	set_rules(o, "also", a->also, a->n_also);
}

void answer_write(const struct answer *a, FILE *to)
{
	json_t *o = json_object();
	char *why = a->why && a->when ? xasprintf("%s; %s", a->why, a->when)
				      : xstrdup(a->why ? a->why : "");

	if (a->known)
		json_object_set_new(o, "rule", to_json(&a->rule));
	json_object_set_new(o, "certain", json_boolean(a->certain));
	json_object_set_new(o, "others", json_integer((json_int_t)a->others));
	set_rules(o, "may_be", a->may_be, a->n_may_be);
	json_object_set_new(o, "gone", json_boolean(a->gone));
	json_object_set_new(o, "none", json_boolean(a->none));
	json_object_set_new(o, "nat", json_boolean(a->nat));
	json_object_set_new(o, "mixed", json_boolean(a->mixed));
	set_text(o, "why", why);
	json_object_set_new(o, "more", json_boolean(a->more));
	json_object_set_new(o, "unsure", json_boolean(a->unsure));
	json_object_set_new(o, "again", json_boolean(a->again));
	json_object_set_new(o, "changing", json_boolean(a->changing));
	set_text(o, "counters", a->counters);
	set_seen(o, a);
	json_dumpf(o, to, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', to);
	json_decref(o);
	free(why);
}

static char *string_of(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	char *text = s ? xcalloc(strlen(s) + 1, 1) : NULL, *to = text;

	for (; s && *s; s++) {
		if ((unsigned char)*s >= 0x80 && s[1]) {
			*to++ = (char)((unsigned char)s[0] << 6 | (s[1] & 0x3f));
			s++;
		} else {
			*to++ = *s;
		}
	}
	return text;
}

static void read_rule(json_t *o, struct rule *r)
{
	r->backend = (enum rule_backend)json_integer_value(json_object_get(o, "backend"));
	r->verdict = (enum rule_verdict)json_integer_value(json_object_get(o, "verdict"));
	r->family = string_of(o, "family");
	r->table = string_of(o, "table");
	r->chain = string_of(o, "chain");
	r->text = string_of(o, "text");
	r->comment = string_of(o, "comment");
	r->handle = (uint64_t)json_integer_value(json_object_get(o, "handle"));
	r->number = (unsigned int)json_integer_value(json_object_get(o, "number"));
	r->policy = json_is_true(json_object_get(o, "policy"));
	r->left_handle = (uint64_t)json_integer_value(json_object_get(o, "left_handle"));
	r->left_number = (unsigned int)json_integer_value(json_object_get(o, "left_number"));
}

static struct rule *rule_of(json_t *o)
{
	struct rule *r;

	if (!json_is_object(o))
		return NULL;
	r = xcalloc(1, sizeof(*r));
	read_rule(o, r);
	return r;
}

/* An array of n rules, to be freed with them. */
static struct rule *rules_of(json_t *array, size_t *n)
{
	struct rule *rules = xcalloc(json_array_size(array) + 1, sizeof(*rules));
	json_t *o;
	size_t i;

	*n = 0;
	json_array_foreach(array, i, o)
	{
		if (json_is_object(o))
			read_rule(o, &rules[(*n)++]);
	}
	return rules;
}

/* Is what was deduced, when it was still there, the rule that a probe has seen since? */
static bool was_right(const struct group *g)
{
	return g->rule->backend == RULE_NFT && g->rule->handle == g->verdict.rule &&
	       g->rule->table && !strcmp(g->rule->table, g->verdict.table);
}

/* Does the group keep what it has? What was certain stays, whatever a later reading of a changed
 * ruleset says; so does what was deduced and is sure, without a new rule; and a probe may have
 * seen, while the answer was on its way, that no rule did it. */
static bool keeps_rule(const struct group *g, const struct rule *rule, bool gone)
{
	if (g->rule_certain)
		return true;
	if (rule)
		return !rule_may_be_verdict(g);
	return g->rule && !g->rule_unsure && (!gone || was_right(g));
}

/* The longer they change, the later. */
static void ask_again(struct group *g, bool again, bool changing)
{
	g->rule_again = again || changing;
	g->rule_changing = changing;
	g->rule_again_ns = g->rule_counted_ns + (FIRST_WAIT_NS << g->rule_tries);
	g->rule_tries += g->rule_again && g->rule_tries < MAX_DOUBLED;
}

/* Whose the other packets are: of the rule that the group has. */
static void take_seen(struct group *g, json_t *o)
{
	json_t *seen = json_object_get(o, "seen"), *item;
	size_t i;

	group_forget_seen(g);
	json_array_foreach(seen, i, item)
	{
		if (i < g->n_seen)
			g->seen[i].rule = (unsigned int)json_integer_value(item);
	}
	g->seen_answered = json_array_size(seen);
	g->also = rules_of(json_object_get(o, "also"), &g->n_also);
}

/* By another rule than the group's nothing is told of its other packets: the ruleset has changed.
 */
static void take_more(struct group *g, json_t *o, struct rule *rule)
{
	if (rule && g->rule && rule_same(rule, g->rule))
		take_seen(g, o);
	else
		g->seen_answered = g->seen_asked;
	if (rule)
		rule_free(rule);
	free(rule);
}

static void take(struct group *g, json_t *o)
{
	struct rule *rule = rule_of(json_object_get(o, "rule"));

	if (json_is_true(json_object_get(o, "more")) ||
	    keeps_rule(g, rule, json_is_true(json_object_get(o, "gone")))) {
		take_more(g, o, rule);
		return;
	}
	group_forget_rule(g);
	g->rule = rule;
	g->rule_certain = json_is_true(json_object_get(o, "certain"));
	g->rule_unsure = json_is_true(json_object_get(o, "unsure"));
	g->rule_others = (unsigned int)json_integer_value(json_object_get(o, "others"));
	g->rule_may_be = rules_of(json_object_get(o, "may_be"), &g->n_rule_may_be);
	g->rule_mixed = json_is_true(json_object_get(o, "mixed"));
	g->rule_none = json_is_true(json_object_get(o, "none"));
	g->rule_nat = json_is_true(json_object_get(o, "nat"));
	g->rule_why = string_of(o, "why");
	g->rule_counters = string_of(o, "counters");
	g->rule_counted_ns = now_ns(CLOCK_MONOTONIC);
	ask_again(g, json_is_true(json_object_get(o, "again")),
		  json_is_true(json_object_get(o, "changing")));
	take_seen(g, o);
	if (rule)
		log_info(LOG_VERBOSE, "rule known %" PRIu64 " ms after the first drop, %s: %s %s",
			 (g->rule_counted_ns - g->first_ns) / 1000000,
			 g->rule_certain  ? "certain"
			 : g->rule_unsure ? "unsure"
					  : "deduced",
			 rule->table, rule->chain);
}

bool answer_take(struct group *g, const char *line)
{
	json_t *o = json_loads(line, 0, NULL);

	if (!o)
		return false;
	take(g, o);
	json_decref(o);
	return true;
}
