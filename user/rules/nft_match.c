// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "nft_match.h"

/* A key, one part for each expression of a concatenation. */
struct key {
	struct nft_value *parts;
	size_t n;
	struct nft_range *exact; /* its only value, or NULL: it may have several */
};

struct element {
	json_t *verdict; /* NULL: of a set */
	struct nft_range *parts;
};

/* Parsed once, for keys of one type: 20,000 elements may be looked at by as many rules. */
struct nft_set {
	json_t *json;	       /* holds names and verdicts */
	bool changes;	       /* packets and time change it: it had other elements then */
	bool limits;	       /* an element's limit or quota may end the rule that finds it */
	bool readable, parsed; /* parsed: the following is valid */
	size_t n_parts;
	struct nft_value *type; /* n_parts values of the type that they were parsed for */
	struct element *elements;
	size_t n, n_exact; /* those of one value come first, sorted */
	struct nft_range *ranges;
	struct element *other; /* "*": every value that no element has */
};

json_t *nft_output(json_t *json)
{
	json_t *array = json_is_object(json) ? json_object_get(json, "nftables") : json;

	return json_is_array(array) ? array : NULL;
}

json_t *nft_member(json_t *object, const char **name)
{
	void *iter = json_object_iter(object);

	if (json_object_size(object) != 1)
		return NULL;
	*name = json_object_iter_key(iter);
	return json_object_iter_value(iter);
}

static bool is_exact(const struct nft_range *r)
{
	return !r->odd && !r->name && !memcmp(r->lo, r->hi, sizeof(r->lo));
}

static bool all_exact(const struct nft_range *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_exact(&parts[i]))
			return false;
	}
	return true;
}

static void set_free(struct nft_set *s)
{
	free(s->type);
	free(s->elements);
	free(s->ranges);
	free(s->other);
	json_decref(s->json);
	free(s);
}

void nft_lookups_free(struct nft_lookups *l)
{
	for (size_t i = 0; i < l->n; i++)
		set_free(l->sets[i]);
	free(l->sets);
	json_decref(l->index);
	memset(l, 0, sizeof(*l));
}

/*
 * Has the element, or the statement, something that may end a rule? The lookup that finds the
 * element runs it: nft_lookup_eval(), net/netfilter/nft_lookup.c.
 */
static bool has_limit(json_t *o)
{
	static const char *const limits[] = {"limit", "quota", "ct count"};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (json_object_get(o, limits[i]))
			return true;
	}
	return false;
}

/* The element's value alone, without timeout, counter and comment. */
static json_t *bare(json_t *c)
{
	json_t *elem = json_object_get(c, "elem");

	return json_is_object(elem) ? json_object_get(elem, "val") : c;
}

static void parse_parts(const struct key *k, json_t *c, struct nft_range *parts)
{
	json_t *concat = k->n > 1 ? json_object_get(c, "concat") : NULL;
	bool fits = k->n == 1 || json_array_size(concat) == k->n;

	for (size_t i = 0; i < k->n; i++) {
		if (fits)
			nft_range(&k->parts[i], concat ? json_array_get(concat, i) : c, &parts[i]);
		else
			parts[i].odd = true;
	}
}

static int compare_parts(const void *a, const void *b, void *n_parts)
{
	const struct element *x = a, *y = b;

	return memcmp(x->parts, y->parts, *(size_t *)n_parts * sizeof(*x->parts));
}

static bool is_catchall(json_t *c)
{
	return json_is_string(c) && !strcmp(json_string_value(c), "*");
}

static void add_element(struct nft_set *s, const struct key *k, json_t *c, struct nft_range *parts)
{
	struct element e = {.parts = parts};
	size_t at = s->n;

	if (json_is_array(c)) { /* a map's [key, verdict] */
		e.verdict = json_array_get(c, 1);
		c = json_array_get(c, 0);
	}
	s->limits = s->limits || has_limit(json_object_get(c, "elem"));
	c = bare(c);
	if (is_catchall(c)) {
		free(s->other);
		s->other = xcalloc(1, sizeof(*s->other));
		*s->other = e;
		return;
	}
	parse_parts(k, c, parts);
	if (all_exact(parts, k->n)) {
		at = s->n_exact++;
		s->elements[s->n] = s->elements[at];
	}
	s->elements[at] = e;
	s->n++;
}

static void parse_set(struct nft_set *s, const struct key *k, json_t *elements)
{
	size_t n = json_is_array(elements) ? json_array_size(elements) : elements ? 1 : 0;

	s->parsed = true;
	s->n_parts = k->n;
	s->type = xcalloc(k->n, sizeof(*s->type));
	memcpy(s->type, k->parts, k->n * sizeof(*s->type));
	s->elements = xcalloc(n + 1, sizeof(*s->elements));
	s->ranges = xcalloc((n + 1) * k->n, sizeof(*s->ranges));
	for (size_t i = 0; i < n; i++)
		add_element(s, k, json_is_array(elements) ? json_array_get(elements, i) : elements,
			    &s->ranges[i * k->n]);
	qsort_r(s->elements, s->n_exact, sizeof(*s->elements), compare_parts, &s->n_parts);
}

static bool same_type(const struct nft_set *s, const struct key *k)
{
	if (!s->parsed || s->n_parts != k->n)
		return false;
	for (size_t i = 0; i < k->n; i++) {
		const struct nft_value *a = &s->type[i], *b = &k->parts[i];

		if (a->kind != b->kind || a->words != b->words || a->len != b->len)
			return false;
	}
	return true;
}

/* The "set" or "map" object in an output. */
static json_t *find_set(json_t *json)
{
	json_t *object, *output = nft_output(json);
	size_t i;

	json_array_foreach(output, i, object)
	{
		json_t *set = json_object_get(object, "set");

		set = set ? set : json_object_get(object, "map");
		if (json_is_object(set))
			return set;
	}
	return NULL;
}

bool nft_has_flag(json_t *flags, const char *name)
{
	json_t *flag;
	size_t i;

	if (json_is_string(flags))
		return !strcmp(json_string_value(flags), name);
	json_array_foreach(flags, i, flag)
	{
		if (json_is_string(flag) && !strcmp(json_string_value(flag), name))
			return true;
	}
	return false;
}

static bool set_changes(json_t *set)
{
	json_t *flags = json_object_get(set, "flags");

	return nft_has_flag(flags, "dynamic") || nft_has_flag(flags, "timeout") ||
	       json_object_get(set, "timeout");
}

/* Does a rule add packets' values to it, or delete them? No newer generation of the ruleset tells
 * that one did. */
static bool is_updated(const struct nft_place *at, const char *name)
{
	const struct nft_source *src = at->lookups->src;
	json_t *uses = src->uses(src->arg, at->family, at->table);
	bool is = !uses || json_object_get(json_object_get(uses, "updated"), name);

	json_decref(uses);
	return is;
}

static bool has_limits(json_t *set)
{
	json_t *statement;
	size_t i;

	json_array_foreach(json_object_get(set, "stmt"), i, statement)
	{
		if (has_limit(statement))
			return true;
	}
	return false;
}

static struct nft_set *read_set(const struct nft_place *at, const char *name, bool map)
{
	struct nft_lookups *l = at->lookups;
	struct nft_set *s = xcalloc(1, sizeof(*s));

	s->json = l->src->set(l->src->arg, at->family, at->table, name, map);
	s->readable = find_set(s->json) != NULL;
	s->changes = set_changes(find_set(s->json)) || is_updated(at, name);
	s->limits = has_limits(find_set(s->json));
	l->cut = l->cut || !s->readable;
	l->sets = xreallocarray(l->sets, l->n + 1, sizeof(void *));
	l->sets[l->n++] = s;
	return s;
}

static struct nft_set *named_set(const struct nft_place *at, const char *name, bool map)
{
	struct nft_lookups *l = at->lookups;
	char *key = xasprintf("%s %s %s", at->family, at->table, name);
	struct nft_set *s;
	json_t *found;

	if (!l->index)
		l->index = json_object();
	found = json_object_get(l->index, key);
	if (found) {
		s = l->sets[json_integer_value(found)];
	} else {
		s = read_set(at, name, map);
		json_object_set_new_nocheck(l->index, key, json_integer((json_int_t)l->n - 1));
	}
	free(key);
	return s;
}

static const char *set_name(json_t *data)
{
	const char *name = json_string_value(data);

	return name && name[0] == '@' ? name + 1 : NULL;
}

/*
 * The set that data names or contains, parsed for that key. *own: the caller has to free it. NULL:
 * it is neither, or could not be read.
 */
static struct nft_set *get_set(const struct nft_place *at, const struct key *k, json_t *data,
			       bool map, bool *own)
{
	const char *name = set_name(data);
	json_t *elements = json_object_get(data, "set");
	struct nft_set *s;

	*own = !name;
	if (name) {
		s = named_set(at, name, map);
		if (!s->readable)
			return NULL;
		elements = json_object_get(find_set(s->json), "elem");
	} else if (elements) {
		s = xcalloc(1, sizeof(*s));
	} else {
		return NULL;
	}
	if (same_type(s, k))
		return s;
	if (s->parsed) { /* somebody up the stack may be in the midst of its elements */
		struct nft_set *other = xcalloc(1, sizeof(*other));

		other->changes = s->changes;
		other->limits = s->limits;
		s = other;
		*own = true;
	}
	at->lookups->work += json_array_size(elements) * NFT_WORK_PARSE;
	parse_set(s, k, elements);
	return s;
}

static enum tri key_in(const struct nft_place *at, const struct key *k, const struct element *e)
{
	enum tri t = TRI_YES;

	for (size_t i = 0; i < k->n && t != TRI_NO; i++)
		t = tri_and(t, nft_in_range(at->packet, &k->parts[i], &e->parts[i]));
	return t;
}

static const struct element *search(const struct nft_set *s, const struct key *k)
{
	struct element wanted = {.parts = k->exact};
	size_t from = 0, to = s->n_exact;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = compare_parts(&wanted, &s->elements[middle], (void *)&k->n);

		if (!order)
			return &s->elements[middle];
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

/* The next element that the key may be in; *pos is 0 at first. */
static const struct element *next_element(const struct nft_place *at, const struct nft_set *s,
					  const struct key *k, size_t *pos, enum tri *t)
{
	if (!*pos && k->exact && s->n_exact) {
		const struct element *e = search(s, k);

		*pos = s->n_exact;
		*t = TRI_YES;
		if (e)
			return e;
	}
	while (*pos < s->n) {
		const struct element *e = &s->elements[(*pos)++];

		at->lookups->work++;
		*t = key_in(at, k, e);
		if (*t != TRI_NO)
			return e;
	}
	return NULL;
}

/* A key of which every part has one value only can be searched for. */
static void find_exact(struct key *k)
{
	static const uint8_t none[NFT_VALUE_LEN];

	for (size_t i = 0; i < k->n; i++) {
		const struct nft_value *v = &k->parts[i];

		if ((v->kind != NFT_NUMBER && v->kind != NFT_BYTES) || v->n != 1 ||
		    memcmp(v->unknown, none, sizeof(none)) != 0)
			return;
	}
	k->exact = xcalloc(k->n, sizeof(*k->exact));
	for (size_t i = 0; i < k->n; i++) {
		memcpy(k->exact[i].lo, k->parts[i].any[0], NFT_VALUE_LEN);
		memcpy(k->exact[i].hi, k->parts[i].any[0], NFT_VALUE_LEN);
	}
}

static void key_init(const struct nft_place *at, json_t *expr, struct key *k)
{
	json_t *concat = json_object_get(expr, "concat");

	k->n = json_array_size(concat) ? json_array_size(concat) : 1;
	k->parts = xcalloc(k->n, sizeof(*k->parts));
	k->exact = NULL;
	for (size_t i = 0; i < k->n; i++)
		nft_value(at->packet, json_array_size(concat) ? json_array_get(concat, i) : expr,
			  &k->parts[i]);
	find_exact(k);
}

static void key_free(struct key *k)
{
	free(k->parts);
	free(k->exact);
}

static bool lacks_part(const struct key *k)
{
	for (size_t i = 0; i < k->n; i++) {
		if (k->parts[i].kind == NFT_NONE)
			return true;
	}
	return false;
}

/*
 * Does the lookup let the rule go on? One that is to find nothing may, too, where there is a "*":
 * nft_lookup_eval(), net/netfilter/nft_lookup.c, looks for that only where the rule would end.
 */
static enum tri look_up(const struct nft_set *s, enum tri found, bool inverted)
{
	if (s->changes || (inverted && s->other))
		return TRI_MAYBE;
	if (inverted)
		return tri_not(found);
	if (s->other)
		found = TRI_YES;
	return s->limits && found == TRI_YES ? TRI_MAYBE : found;
}

static enum tri in_set(const struct nft_place *at, const struct key *k, json_t *right,
		       bool inverted)
{
	enum tri t, best = TRI_NO;
	struct nft_set *s;
	size_t pos = 0;
	bool own;

	s = get_set(at, k, right, false, &own);
	if (!s)
		return TRI_MAYBE;
	while (best != TRI_YES && next_element(at, s, k, &pos, &t))
		best = t;
	best = look_up(s, best, inverted);
	if (own)
		set_free(s);
	return best;
}

static enum tri is_constant(const struct nft_place *at, const struct key *k, json_t *right)
{
	struct nft_range *parts = xcalloc(k->n, sizeof(*parts));
	struct element e = {.parts = parts};
	enum tri t;

	parse_parts(k, right, parts);
	t = key_in(at, k, &e);
	free(parts);
	return t;
}

static enum tri compare(const struct key *k, const char *op, json_t *right)
{
	struct nft_range r;

	if (k->n != 1)
		return TRI_MAYBE;
	nft_range(&k->parts[0], right, &r);
	return nft_compare(&k->parts[0], op, &r);
}

static enum tri match_key(const struct nft_place *at, const struct key *k, const char *op,
			  json_t *right)
{
	bool set = set_name(right) || json_object_get(right, "set");
	bool equal = !strcmp(op, "==") || (set && !strcmp(op, "in")), differ = !strcmp(op, "!=");
	enum tri t;

	if (lacks_part(k))
		return TRI_NO;
	if (!equal && !differ)
		return set ? TRI_MAYBE : compare(k, op, right);
	if (set)
		return in_set(at, k, right, differ);
	t = is_constant(at, k, right);
	return differ ? tri_not(t) : t;
}

enum tri nft_has_key(const struct nft_place *at, json_t *expr)
{
	enum tri t = TRI_YES;
	struct key k;

	key_init(at, bare(expr), &k);
	for (size_t i = 0; i < k.n; i++)
		t = tri_and(t, k.parts[i].kind == NFT_NONE	? TRI_NO
			       : k.parts[i].kind == NFT_UNKNOWN ? TRI_MAYBE
								: TRI_YES);
	key_free(&k);
	return t;
}

enum tri nft_match(const struct nft_place *at, json_t *match)
{
	const char *op = json_string_value(json_object_get(match, "op"));
	json_t *left = json_object_get(match, "left"), *right = json_object_get(match, "right");
	struct key k;
	enum tri t;

	if (!op || !left || !right)
		return TRI_MAYBE;
	key_init(at, left, &k);
	t = match_key(at, &k, op, right);
	key_free(&k);
	return t;
}

static bool each_verdict(const struct nft_place *at, const struct nft_set *s, const struct key *k,
			 bool (*each)(void *arg, json_t *verdict, enum tri t), void *arg)
{
	const struct element *e;
	enum tri t, other = TRI_YES;
	size_t pos = 0;

	if (s->changes) { /* nobody knows what it led to */
		at->lookups->cut = true;
		other = TRI_MAYBE;
	}
	while ((e = next_element(at, s, k, &pos, &t))) {
		if (!each(arg, e->verdict, s->changes || s->limits ? TRI_MAYBE : t))
			return false;
		if (t == TRI_YES)
			return true;
		other = TRI_MAYBE;
	}
	return !s->other || each(arg, s->other->verdict, s->limits ? TRI_MAYBE : other);
}

bool nft_vmap(const struct nft_place *at, json_t *vmap,
	      bool (*each)(void *arg, json_t *verdict, enum tri t), void *arg, bool *known)
{
	json_t *expr = json_object_get(vmap, "key");
	struct nft_set *s;
	bool all = true, own;
	struct key k;

	*known = true;
	key_init(at, expr, &k);
	if (!lacks_part(&k)) {
		s = get_set(at, &k, json_object_get(vmap, "data"), true, &own);
		*known = s && expr;
		if (*known)
			all = each_verdict(at, s, &k, each, arg);
		if (s && own)
			set_free(s);
	}
	key_free(&k);
	return all;
}
