// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/ethernet.h>
#include <time.h>

#include "test.h"

#include "rules/nft.h"
#include "rules/nft_plain.h"
#include "util.h"

/* What `nft -j -a list ruleset` prints, as a source. */
struct ruleset {
	json_t *json;
	int reads; /* of chains */
	int uses;  /* of sets, that were asked for */
	bool unreadable_chains, unreadable_sets, unreadable_uses;
};

static json_t *objects(struct ruleset *r, const char *type)
{
	json_t *found = json_array(), *o;
	size_t i;

	json_array_foreach(json_object_get(r->json, "nftables"), i, o)
	{
		if (json_object_get(o, type))
			json_array_append(found, o);
	}
	return found;
}

static bool is(json_t *o, const char *name, const char *value)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s && !strcmp(s, value);
}

static json_t *list_chains(void *arg)
{
	json_t *chains = objects(arg, "chain"), *tables = objects(arg, "table");

	json_array_extend(chains, tables);
	json_decref(tables);
	return chains;
}

static json_t *list_chain(void *arg, const char *family, const char *table, const char *chain)
{
	struct ruleset *r = arg;
	json_t *rules = objects(r, "rule"), *found = json_array(), *o;
	size_t i;

	r->reads++;
	json_array_foreach(rules, i, o)
	{
		json_t *rule = json_object_get(o, "rule");

		if (is(rule, "family", family) && is(rule, "table", table) &&
		    is(rule, "chain", chain))
			json_array_append(found, o);
	}
	json_decref(rules);
	if (r->unreadable_chains) {
		json_decref(found);
		return NULL;
	}
	return json_pack("{s:o}", "nftables", found);
}

static json_t *list_set(void *arg, const char *family, const char *table, const char *name,
			bool map)
{
	struct ruleset *r = arg;
	json_t *sets = objects(r, map ? "map" : "set"), *found = json_array(), *o;
	size_t i;

	json_array_foreach(sets, i, o)
	{
		json_t *set = json_object_get(o, map ? "map" : "set");

		if (is(set, "family", family) && is(set, "table", table) && is(set, "name", name))
			json_array_append(found, o);
	}
	json_decref(sets);
	if (r->unreadable_sets) {
		json_decref(found);
		return NULL;
	}
	return json_pack("{s:o}", "nftables", found);
}

/* The names behind the "@" that one rule's statements add to, or delete from. */
static void add_updated(json_t *updated, json_t *rule)
{
	json_t *statement;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		json_t *set = json_object_get(statement, "set");
		const char *name = json_string_value(json_object_get(
			set ? set : json_object_get(statement, "map"), set ? "set" : "map"));

		if (name && name[0] == '@')
			json_object_set_new(updated, name + 1, json_true());
	}
}

static json_t *list_uses(void *arg, const char *family, const char *table)
{
	struct ruleset *r = arg;
	json_t *rules = objects(r, "rule"), *updated = json_object(), *o;
	size_t i;

	r->uses++;
	json_array_foreach(rules, i, o)
	{
		json_t *rule = json_object_get(o, "rule");

		if (is(rule, "family", family) && is(rule, "table", table))
			add_updated(updated, rule);
	}
	json_decref(rules);
	if (r->unreadable_uses) {
		json_decref(updated);
		return NULL;
	}
	return json_pack("{s:o}", "updated", updated);
}

/* Single quotes for double ones. */
static json_t *parse(const char *text)
{
	char *copy = xstrdup(text);
	json_error_t err;
	json_t *json;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(copy, 0, &err);
	if (!json)
		fail_msg("%s: %s", err.text, copy);
	free(copy);
	return json;
}

#define BASE(family, table, name, hook, prio, policy)                                              \
	"{'chain':{'family':'" family "','table':'" table "','name':'" name                        \
	"','handle':1,'type':'filter','hook':'" hook "','prio':" prio ",'policy':'" policy "'}},"
#define RULE_IN(family, table, chain, handle, expr)                                                \
	"{'rule':{'family':'" family "','table':'" table "','chain':'" chain "','handle':" handle  \
	",'expr':[" expr "]}},"
#define RULE(chain, handle, expr) RULE_IN("inet", "t", chain, handle, expr)
#define FORWARD(policy)		  BASE("inet", "t", "fwd", "forward", "0", policy)
#define MATCH(left, right)	  "{'match':{'op':'==','left':" left ",'right':" right "}}"
#define PAYLOAD(p, f)		  "{'payload':{'protocol':'" p "','field':'" f "'}}"
#define META(key)		  "{'meta':{'key':'" key "'}}"
#define DPORT(port)		  MATCH(PAYLOAD("tcp", "dport"), port)
#define DROP			  "{'drop':null}"
#define ACCEPT			  "{'accept':null}"
#define JUMP(to)		  "{'jump':{'target':'" to "'}}"
#define GOTO(to)		  "{'goto':{'target':'" to "'}}"
#define VMAP(key, data)		  "{'vmap':{'key':" key ",'data':" data "}}"
#define UNKNOWN			  MATCH("{'fib':{'result':'type'}}", "'local'")

static struct addr addr(const char *s)
{
	struct addr a;

	assert_int_equal(addr_parse(s, &a), 0);
	return a;
}

/* A forwarded, new connection to a service's address, which was translated. */
static struct group tcp_packet(void)
{
	struct group g = {
		.kind = SAMPLE_DROP,
		.in = "veth1",
		.out = "eth0",
		.has_sample = true,
		.hook = HOOK_FORWARD,
		.hook_family = "ip",
		.mark = 0x10,
		.ct_state = CT_NEW,
		.has_ct_status = true,
		.ct_status = IPS_DST_NAT,
		.has_original = true,
		.has_src_mac = true,
		.src_mac = {2, 0, 0, 0, 0, 1},
		.dst_mac = {2, 0, 0, 0, 0, 2},
		.flow = {.l3 = ETHERTYPE_IP,
			 .proto = IPPROTO_TCP,
			 .has_ports = true,
			 .sport = 40000,
			 .dport = 80,
			 .has_tcp_flags = true,
			 .tcp_flags = 0x02},
	};

	g.flow.src = addr("10.0.0.1");
	g.flow.dst = addr("10.0.1.2");
	g.original = g.flow;
	g.original.dst = addr("10.96.0.1");
	g.original.dport = 8080;
	return g;
}

static struct group udp6_packet(void)
{
	struct group g = tcp_packet();

	g.hook_family = "ip6";
	g.has_original = false;
	g.flow = (struct flow){.l3 = ETHERTYPE_IPV6,
			       .proto = IPPROTO_UDP,
			       .has_ports = true,
			       .sport = 1234,
			       .dport = 53};
	g.flow.src = addr("fd00::1");
	g.flow.dst = addr("fd00::2");
	return g;
}

static struct replay replay_json(struct ruleset *r, const struct group *g)
{
	struct nft_source src = {r, list_chains, list_chain, list_set, list_uses};
	struct replay out = {};

	assert_int_equal(nft_replay(&src, g, NULL, NULL, NULL, &out), 0);
	return out;
}

/* "5! 7?": handles of the hits, sure or not; "policy" with its chain; "cut". */
static const char *words_of(const struct replay *out)
{
	static const char *const verdicts[] = {"", "reject:", "queue:", "other:"};
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < out->n && n < sizeof(text) - 100; i++) {
		const struct rule_hit *h = &out->hits[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
				      verdicts[h->rule.verdict]);
		if (h->rule.policy)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "policy-%s",
					      h->rule.chain);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%u",
					      (unsigned int)h->rule.handle);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", h->sure ? "!" : "?");
	}
	if (out->cut)
		snprintf(text + n, sizeof(text) - n, "%scut", n ? " " : "");
	return text;
}

static void check(int line, const struct group *g, const char *rules, const char *expected)
{
	char *text = xasprintf("{'nftables':[%s{}]}", rules);
	struct ruleset r = {.json = parse(text)};
	struct replay out = replay_json(&r, g);

	if (strcmp(words_of(&out), expected) != 0)
		fail_msg("line %d: '%s' instead of '%s'", line, words_of(&out), expected);
	replay_free(&out);
	json_decref(r.json);
	free(text);
}

#define CHECK(g, rules, expected) check(__LINE__, g, rules, expected)

static void test_drop(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", DPORT("80") "," DROP), "5!");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", DPORT("81") "," DROP), "");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", DPORT("80") ",{'reject':null}"), "reject:5!");
	/* the first one that drops is it */
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", DPORT("80") "," DROP) RULE("fwd", "6", DROP),
	      "5!");
	/* elsewhere */
	CHECK(&g, BASE("inet", "t", "in", "input", "0", "drop"), "");
	g.hook = HOOK_INPUT;
	CHECK(&g, BASE("inet", "t", "in", "input", "0", "drop"), "policy-in!");
}

#define QUEUES(queue)                                                                              \
	FORWARD("accept")                                                                          \
	RULE("fwd", "5", "{'queue':{'num':1" queue "}}")                                           \
	BASE("ip", "x", "later", "forward", "5", "drop")

/* A program lets it go on to the next base chain, and so does the bypass flag without one. */
static void test_queue(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	g.loc.name = "nft_do_chain";
	CHECK(&g, QUEUES(""), "policy-later!");
	CHECK(&g, QUEUES(",'flags':'bypass'"), "policy-later!");
	g.loc.name = "nf_queue";
	CHECK(&g, QUEUES(""), "queue:5! policy-later?");
	CHECK(&g, QUEUES(",'flags':'fanout'"), "queue:5! policy-later?");
	CHECK(&g, QUEUES(",'flags':'bypass'"), "queue:5? policy-later?");
	CHECK(&g, QUEUES(",'flags':['fanout','bypass']"), "queue:5? policy-later?");
}

/* A SYN or an ACK that died there was not consumed. */
static void test_synproxy(void **state)
{
	static const char rules[] = FORWARD("accept") RULE("fwd", "5", "{'synproxy':{'mss':1460}}")
		RULE("fwd", "6", DROP);
	struct group g = tcp_packet();

	(void)state;
	g.flow.has_tcp_flags = true;
	g.flow.tcp_flags = 0x02;
	CHECK(&g, rules, "5!");
	g.flow.tcp_flags = 0x11;
	CHECK(&g, rules, "5!");
	g.flow.tcp_flags = 0x04;
	CHECK(&g, rules, "other:5? 6?");
	g.flow.proto = IPPROTO_UDP;
	CHECK(&g, rules, "6!");
}

/* The rule by which the packet leaves the base chain for its policy. */
static uint64_t left_by(const char *rules)
{
	struct group g = tcp_packet();
	char *text = xasprintf("{'nftables':[" FORWARD("drop") "%s{}]}", rules);
	struct ruleset r = {.json = parse(text)};
	struct replay out = replay_json(&r, &g);
	uint64_t left;

	assert_int_equal(out.n, 1);
	assert_true(out.hits[0].rule.policy);
	left = out.hits[0].rule.left_handle;
	replay_free(&out);
	json_decref(r.json);
	free(text);
	return left;
}

static void test_left_the_base_chain(void **state)
{
	(void)state;
	assert_int_equal(left_by(RULE("fwd", "5", DPORT("81") ",{'return':null}")), 0);
	assert_int_equal(left_by(RULE("fwd", "5", DPORT("80") ",{'return':null}")), 5);
	assert_int_equal(left_by(RULE("fwd", "5", "{'goto':{'target':'sub'}}")), 5);
	assert_int_equal(left_by(RULE("fwd", "5", "{'jump':{'target':'sub'}}")
					 RULE("sub", "6", "{'return':null}")),
			 0);
}

static void test_what_a_hit_tells(void **state)
{
	struct group g = tcp_packet();
	struct ruleset r = {
		.json = parse("{'nftables':[" FORWARD("drop") RULE(
			"fwd", "5", UNKNOWN ",{'counter':{'packets':7,'bytes':9}}," DROP) "{}]}")};
	struct replay out;

	(void)state;
	json_object_set_new(
		json_object_get(json_array_get(json_object_get(r.json, "nftables"), 1), "rule"),
		"comment", json_string("why not"));
	out = replay_json(&r, &g);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.hits[0].rule.backend, RULE_NFT);
	assert_string_equal(out.hits[0].rule.family, "inet");
	assert_string_equal(out.hits[0].rule.table, "t");
	assert_string_equal(out.hits[0].rule.chain, "fwd");
	assert_string_equal(out.hits[0].rule.comment, "why not");
	assert_null(out.hits[0].rule.text);
	assert_true(out.hits[0].has_packets);
	assert_int_equal(out.hits[0].packets, 7);
	assert_true(out.hits[1].rule.policy);
	assert_int_equal(out.hits[1].rule.handle, 0);
	assert_string_equal(out.hits[1].rule.text, "policy drop");
	replay_free(&out);
	json_decref(r.json);
}

static void test_policy(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", DPORT("81") "," DROP), "policy-fwd!");
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", DPORT("80") "," ACCEPT), "");
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", UNKNOWN "," ACCEPT), "policy-fwd?");
	CHECK(&g, FORWARD("accept"), "");
	CHECK(&g, FORWARD("odd"), "cut");
}

static void test_jump_goto_return(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g,
	      FORWARD("drop") RULE("fwd", "5", JUMP("a")) RULE("fwd", "6", DROP)
		      RULE("a", "7", DPORT("80") ",{'return':null}") RULE("a", "8", DROP),
	      "6!");
	/* whoever went there does not come back to the rule behind */
	CHECK(&g,
	      FORWARD("drop") RULE("fwd", "5", GOTO("a")) RULE("fwd", "6", DROP)
		      RULE("a", "7", DPORT("81") "," DROP),
	      "policy-fwd!");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", JUMP("a")) RULE("fwd", "6", DROP)
		      RULE("a", "7", GOTO("b")) RULE("a", "8", DROP) RULE("b", "9", DPORT("1")),
	      "6!");
	CHECK(&g,
	      FORWARD("drop") RULE("fwd", "5", JUMP("a")) RULE("fwd", "6", DROP)
		      RULE("a", "7", ACCEPT),
	      "");
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", "{'return':null}") RULE("fwd", "6", DROP),
	      "policy-fwd!");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", "{'continue':null}") RULE("fwd", "6", DROP),
	      "6!");
	/* perhaps it came back, so what follows may have been it, too */
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", JUMP("a")) RULE("fwd", "6", DROP)
		      RULE("a", "7", UNKNOWN ",{'return':null}") RULE("a", "8", DROP),
	      "8? 6?");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", UNKNOWN "," JUMP("a")) RULE("fwd", "6", DROP)
		      RULE("a", "8", DROP),
	      "8? 6?");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", UNKNOWN "," JUMP("a")) RULE("fwd", "6", JUMP("a"))
		      RULE("a", "8", DROP),
	      "8?");
}

static void test_what_is_not_understood(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", UNKNOWN "," DROP)
		      RULE("fwd", "6", DPORT("80") "," DROP),
	      "5? 6?");
	/* a match that fails for sure decides */
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", UNKNOWN "," DPORT("81") "," DROP), "");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", "{'limit':{'rate':1}}," DROP), "5?");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", "{'novel':{}}") RULE("fwd", "6", DROP),
	      "other:5? 6?");
	/* nft prints anonymous chains as text */
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", DPORT("80") ",'jump {\\n drop }'"),
	      "other:5?");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", DPORT("81") ",'jump {\\n drop }'"), "");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", "{'xt':{'type':'target','name':'X'}}"),
	      "other:5?");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", "{'xt':{'type':'match','name':'X'}}," DROP),
	      "5?");
	/* the packet that a tunnel carries is another one */
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5",
				     MATCH("{'payload':{'tunnel':'vxlan',"
					   "'protocol':'tcp','field':'dport'}}",
					   "81") "," DROP),
	      "5?");
}

static void test_base_chains(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	/* who accepts does not speak for the others, who drops does */
	CHECK(&g,
	      BASE("inet", "t", "first", "forward", "-5", "accept") RULE("first", "5", ACCEPT)
		      FORWARD("drop"),
	      "policy-fwd!");
	CHECK(&g, FORWARD("drop") BASE("inet", "t", "first", "forward", "-5", "drop"),
	      "policy-first!");
	CHECK(&g,
	      BASE("inet", "t", "first", "forward", "-5", "accept")
		      RULE("first", "5", UNKNOWN "," DROP) FORWARD("drop"),
	      "5? policy-fwd?");
	CHECK(&g,
	      BASE("inet", "t", "first", "forward", "-5", "drop")
		      RULE("first", "5", UNKNOWN "," ACCEPT) FORWARD("drop"),
	      "policy-first? policy-fwd?");
	/* one that cannot be followed may have come first */
	CHECK(&g, FORWARD("drop") BASE("inet", "t", "same", "forward", "0", "odd"),
	      "policy-fwd? cut");
	/* which of two comes first is not known */
	CHECK(&g, BASE("inet", "t", "same", "forward", "0", "drop") FORWARD("drop"),
	      "policy-same? policy-fwd?");
	CHECK(&g, BASE("inet", "t", "same", "forward", "0", "accept") FORWARD("drop"),
	      "policy-fwd!");
}

static void test_families(void **state)
{
	struct group g = tcp_packet(), g6 = udp6_packet();
	const char *both = BASE("ip", "a", "four", "forward", "0", "drop")
		BASE("ip6", "a", "six", "forward", "0", "drop")
			BASE("bridge", "a", "br", "forward", "0", "drop");

	(void)state;
	CHECK(&g, both, "policy-four!");
	CHECK(&g6, both, "policy-six!");
	CHECK(&g6, FORWARD("drop"), "policy-fwd!");
	CHECK(&g6, FORWARD("accept") RULE("fwd", "5", DPORT("53") "," DROP), "");
	CHECK(&g6,
	      FORWARD("accept")
		      RULE("fwd", "5", MATCH(PAYLOAD("ip", "protocol"), "'udp'") "," DROP),
	      "");
	/* an extension header may stand before it */
	CHECK(&g6,
	      FORWARD("accept") RULE("fwd", "5", MATCH(PAYLOAD("ip6", "nexthdr"), "'udp'") "," DROP)
		      RULE("fwd", "6", MATCH(PAYLOAD("ip6", "nexthdr"), "'tcp'") "," DROP),
	      "5?");
	g.hook_family = "bridge";
	CHECK(&g, both, "policy-br!");
	/* not known: a bridge's hook, or IP's */
	g.hook_family = NULL;
	CHECK(&g, both, "policy-four? policy-br?");
	g = tcp_packet();
	g.hook = HOOK_NONE;
	CHECK(&g, FORWARD("drop") BASE("inet", "t", "in", "input", "0", "drop"),
	      "policy-fwd? policy-in?");
}

static void test_named_verdict(void **state)
{
	struct group g = tcp_packet();
	const char *rules = BASE("ip", "t", "fwd", "forward", "-5", "drop") FORWARD("accept")
		RULE("fwd", "5", UNKNOWN "," DROP);

	(void)state;
	strcpy(g.verdict.table, "t");
	strcpy(g.verdict.chain, "fwd");
	g.verdict.family = "inet";
	CHECK(&g, rules, "5?");
	g.verdict.family = "ip";
	CHECK(&g, rules, "policy-fwd!");
	strcpy(g.verdict.chain, "gone");
	CHECK(&g, rules, "cut");
}

static bool not_filter(void *arg, const char *family, const char *table)
{
	(void)family;
	return strcmp(table, arg) != 0;
}

static void test_tables_of_others(void **state)
{
	struct group g = tcp_packet();
	struct ruleset r = {.json = parse("{'nftables':[" FORWARD("drop") BASE(
				    "ip", "x", "y", "forward", "5", "drop") "{}]}")};
	struct nft_source src = {&r, list_chains, list_chain, list_set, list_uses};
	struct replay out = {};

	(void)state;
	assert_int_equal(nft_replay(&src, &g, not_filter, "t", NULL, &out), 0);
	assert_string_equal(words_of(&out), "policy-y!");
	replay_free(&out);
	strcpy(g.verdict.table, "t");
	strcpy(g.verdict.chain, "fwd");
	assert_int_equal(nft_replay(&src, &g, not_filter, "t", NULL, &out), 0);
	assert_string_equal(words_of(&out), "");
	replay_free(&out);
	json_decref(r.json);
}

#define MISSING                                                                                    \
	"{'map':{'key':" PAYLOAD("ip", "saddr") ",'data':{'set':[['10.9.9.9','10.0.0.2']]}}}"

/* A map that lacks the key ends the rule: it neither drops nor accepts. */
static void test_maps_that_may_miss(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g,
	      FORWARD("accept") RULE(
		      "fwd", "5", "{'mangle':{'key':" META("mark") ",'value':" MISSING "}}," DROP),
	      "5?");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5",
				     "{'mangle':{'key':" META("mark") ",'value':{'|':[" META(
					     "mark") ",5]}}}," DROP),
	      "5!");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", "{'dnat':{'addr':" MISSING "}}")
		      RULE("fwd", "6", DROP),
	      "6?");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", "{'dnat':{'addr':'10.0.0.2','port':80}}")
		      RULE("fwd", "6", DROP),
	      "");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", "{'queue':{'num':" MISSING "}}"), "queue:5?");
}

/* Packets put elements into it and time takes them out: what is in it now tells nothing for sure.
 */
static void test_sets_that_change(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g,
	      FORWARD("accept") "{'map':{'family':'inet','table':'t','name':'m','flags':['dynamic']"
				","
				"'elem':[[80,{'drop':null}],[81,{'accept':null}]]}}," RULE(
					"fwd", "5",
					"{'vmap':{'key':" PAYLOAD("tcp", "dport") ",'data':'@m'}}")
					RULE("fwd", "6", DROP),
	      "5? 6? cut");
	CHECK(&g,
	      FORWARD("accept") "{'set':{'family':'inet','table':'t','name':'s','timeout':60,"
				"'elem':[80]}}," RULE(
					"fwd", "5",
					MATCH(PAYLOAD("tcp", "dport"), "'@s'") "," DROP),
	      "5?");
}

#define UPDATE(op, elem) "{'set':{'op':'" op "','elem':" elem ",'set':'@s'}},"

/* The rule ends where the packet has no key or the set no room: nft_dynset.c */
static void test_sets_that_packets_fill(void **state)
{
	struct group g = tcp_packet(), g6 = udp6_packet();
	const char *add =
		FORWARD("accept") RULE("fwd", "5", UPDATE("add", PAYLOAD("ip", "saddr")) DROP)
			RULE("fwd", "6",
			     UPDATE("update", "{'elem':{'val':" PAYLOAD("ip6", "saddr") "}}") DROP)
				RULE("fwd", "7", DROP);
	const char *delete =
		FORWARD("accept") RULE("fwd", "5", UPDATE("delete", PAYLOAD("ip", "saddr")) DROP)
			RULE("fwd", "7", DROP);

	(void)state;
	CHECK(&g, add, "5? 7?");
	CHECK(&g6, add, "6? 7?");
	CHECK(&g, delete, "5!");
	CHECK(&g6, delete, "7!");
	/* what an element led to that is gone, nobody knows */
	CHECK(&g,
	      FORWARD("accept") "{'map':{'family':'inet','table':'t','name':'m','flags':['dynamic']"
				"}"
				"}," RULE("fwd", "5", VMAP(PAYLOAD("tcp", "dport"), "'@m'"))
					RULE("fwd", "6", DROP),
	      "6? cut");
	CHECK(&g,
	      BASE("inet", "t", "first", "forward", "-5", "accept") FORWARD(
		      "drop") "{'map':{'family':'inet','table':'t','name':'m','flags':'dynamic'}}"
			      "," RULE("first", "5", VMAP(PAYLOAD("tcp", "dport"), "'@m'")),
	      "policy-fwd? cut");
}

/* nft 1.0.6 prints no flag of a set that packets change. The rule that does may be in a chain that
 * this packet does not come by. */
static void test_sets_that_other_rules_fill(void **state)
{
	struct group g = tcp_packet();

	(void)state;
#define LOOKALIKE                                                                                  \
	FORWARD("accept")                                                                          \
	"{'set':{'family':'inet','table':'t','name':'s','elem':['10.0.0.1','10.9.9.9']}},"         \
	"{'map':{'family':'inet','table':'t','name':'m','elem':[[443,{'drop':null}]]}}," RULE(     \
		"fwd", "5", MATCH(PAYLOAD("ip", "saddr"), "'@s'") "," DROP)                        \
		RULE("fwd", "6", VMAP(PAYLOAD("tcp", "dport"), "'@m'")) RULE("fwd", "7", DROP)
	CHECK(&g, LOOKALIKE, "5!");
	CHECK(&g, LOOKALIKE RULE_IN("inet", "other", "c", "8", UPDATE("add", "0") ACCEPT), "5!");
	CHECK(&g, LOOKALIKE RULE("c", "8", UPDATE("add", PAYLOAD("ip", "saddr")) ACCEPT), "5? 7?");
	CHECK(&g, LOOKALIKE RULE("c", "8", UPDATE("update", PAYLOAD("ip", "saddr")) ACCEPT),
	      "5? 7?");
	CHECK(&g, LOOKALIKE RULE("c", "8", UPDATE("delete", PAYLOAD("ip", "daddr")) ACCEPT),
	      "5? 7?");
	CHECK(&g,
	      LOOKALIKE RULE("c", "8", "{'map':{'op':'add','elem':1,'data':2,'map':'@m'}}," ACCEPT),
	      "5!");
	g.flow.src = addr("10.0.0.2");
	CHECK(&g, LOOKALIKE, "7!");
	CHECK(&g,
	      LOOKALIKE RULE("c", "8", "{'map':{'op':'add','elem':1,'data':2,'map':'@m'}}," ACCEPT),
	      "7? cut");
}

/* Where nobody can tell who changes a set; and it is asked once for each set, not for each rule. */
static void test_uses_of_sets(void **state)
{
	struct group g = tcp_packet();
	struct ruleset r = {.json = parse("{'nftables':[" LOOKALIKE LOOKALIKE "{}]}")};
	struct replay out = replay_json(&r, &g);

	(void)state;
	assert_string_equal(words_of(&out), "5!");
	assert_int_equal(r.uses, 1);
	replay_free(&out);
	r.unreadable_uses = true;
	out = replay_json(&r, &g);
	assert_false(out.hits[0].sure);
	replay_free(&out);
	json_decref(r.json);
}

#define LIMITED(stmt) "{'elem':{'val':80," stmt "}}"
#define IN(op, elements)                                                                           \
	"{'match':{'op':'" op "','left':" PAYLOAD("tcp", "dport") ",'right':{'set':[" elements     \
								  "]}}},"

/* A lookup that finds an element runs what it has: nft_lookup.c */
static void test_sets_with_limits(void **state)
{
	struct group g = tcp_packet();
	const char *quota = LIMITED("'quota':{'val':100}"),
		   *counter = LIMITED("'counter':{'packets':0}");
	static const char in[] =
		FORWARD("accept") RULE("fwd", "5", IN("%s", "%s") DROP) RULE("fwd", "6", DROP);
	const struct {
		const char *op, *elements, *expected;
	} cases[] = {{"==", quota, "5? 6?"}, {"!=", quota, "6!"},
		     {"==", counter, "5!"},  {"==", LIMITED("'limit':{'rate':1}"), "5? 6?"},
		     {"==", "'*'", "5!"},    {"!=", "'*'", "5? 6?"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *rules = xasprintf(in, cases[i].op, cases[i].elements);

		CHECK(&g, rules, cases[i].expected);
		free(rules);
	}
	CHECK(&g,
	      FORWARD("accept") "{'set':{'family':'inet','table':'t','name':'s','stmt':[{'quota':{}"
				"}],"
				"'elem':[80]}}," RULE(
					"fwd", "5", MATCH(PAYLOAD("tcp", "dport"), "'@s'") "," DROP)
					RULE("fwd", "6", DROP),
	      "5? 6?");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5",
				     VMAP(PAYLOAD("tcp", "dport"),
					  "{'set':[[" LIMITED("'quota':{}") "," DROP "]]}"))
		      RULE("fwd", "6", DROP),
	      "5? 6?");
}

/* nft asks for an Ethernet device first, by which the packet came in. */
static void test_link_layer(void **state)
{
	struct group g = tcp_packet();
	static const char rules[] =
		"{'chain':{'family':'%s','table':'t','name':'c','type':'filter',"
		"'hook':'%s','prio':0,'policy':'drop'}}," RULE_IN(
			"%s", "t", "c", "5", MATCH(PAYLOAD("ether", "type"), "'ip'") "," DROP);
	static const struct {
		enum nf_hook hook;
		const char *name, *family, *pf, *in, *expected;
	} cases[] = {{HOOK_FORWARD, "forward", "inet", "ip", "veth1", "5!"},
		     {HOOK_INPUT, "input", "ip", "ip", "lo", "5? policy-c?"},
		     {HOOK_OUTPUT, "output", "inet", "ip", "", "policy-c!"},
		     {HOOK_OUTPUT, "output", "bridge", "bridge", "", "5!"},
		     {HOOK_EGRESS, "egress", "netdev", "netdev", "veth1", "5? policy-c?"},
		     {HOOK_POSTROUTING, "postrouting", "inet", "ip", "veth1", "5? policy-c?"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = xasprintf(rules, cases[i].family, cases[i].name, cases[i].family);

		g.hook = cases[i].hook;
		g.hook_family = cases[i].pf;
		strcpy(g.in, cases[i].in);
		CHECK(&g, text, cases[i].expected);
		free(text);
	}
	/* a tunnel's device has no such header */
	g = tcp_packet();
	g.has_src_mac = false;
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", MATCH(PAYLOAD("ether", "type"), "'ip'") "," DROP),
	      "5?");
	/* behind a tag in the frame nft finds no ports */
	g = tcp_packet();
	g.hook_family = "bridge";
	g.key.l3 = ETHERTYPE_VLAN;
	CHECK(&g,
	      BASE("bridge", "b", "f", "forward", "0", "accept") RULE_IN(
		      "bridge", "b", "f", "5", MATCH(PAYLOAD("th", "dport"), "80") "," DROP),
	      "5?");
}

/* Statements that look as if they only noted something. */
static void test_statements_that_may_end(void **state)
{
	struct group g = tcp_packet(), g6 = udp6_packet();
	const char *reset = FORWARD("drop")
		RULE("fwd", "5", "{'reset':{'tcp option':{'name':'sack-perm'}}}," DROP);

	(void)state;
	CHECK(&g, reset, "5!");
	CHECK(&g6, reset, "policy-fwd!");
	g.flow.is_fragment = true;
	CHECK(&g, reset, "policy-fwd!");
	g.flow.is_fragment = false;
	CHECK(&g,
	      FORWARD("drop") RULE(
		      "fwd", "5",
		      "{'counter':{'map':{'key':" PAYLOAD("tcp", "dport") ",'data':'@m'}}}," DROP),
	      "5? policy-fwd?");
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", "{'dup':{'addr':" MISSING "}}," DROP),
	      "5? policy-fwd?");
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", "{'dup':{'addr':'10.0.0.9'}}," DROP), "5!");
	CHECK(&g6,
	      FORWARD("drop")
		      RULE("fwd", "5", "{'fwd':{'dev':'eth0','family':'ip','addr':'10.0.0.9'}}")
			      RULE("fwd", "6", DROP),
	      "6!");
	/* it may fail, and then it drops: nft_ct_expect_obj_eval() */
	CHECK(&g, FORWARD("drop") RULE("fwd", "5", "{'ct expectation':'e'}," ACCEPT),
	      "other:5? policy-fwd?");
}

/* The sample shows what rules before made of the mark, but also what rules behind did. */
static void test_marks_of_other_chains(void **state)
{
	struct group g = tcp_packet(); /* its mark is 0x10 */
	static const char rules[] =
		BASE("inet", "t", "early", "forward", "-5", "accept") RULE("early", "6", "%s")
			FORWARD("accept") RULE("fwd", "5", MATCH(META("mark"), "16") "," DROP)
				BASE("inet", "t", "late", "forward", "5", "accept")
					RULE("late", "7", "%s");
	static const char log[] = "{'log':null}",
			  set[] = "{'mangle':{'key':" META("mark") ",'value':16}}";
	static const struct {
		const char *early, *late, *expected;
	} cases[] = {{log, log, "5!"}, {set, log, "5!"}, {log, set, "5?"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = xasprintf(rules, cases[i].early, cases[i].late);

		CHECK(&g, text, cases[i].expected);
		free(text);
	}
}

static void test_bits_of_marks(void **state)
{
	struct group g = tcp_packet();
	static const char rules[] = FORWARD("drop")
		RULE("fwd", "5", MATCH("{'&':[" META("mark") ",16]}", "0") "," ACCEPT)
			RULE("fwd", "6", "{'mangle':{'key':" META("mark") ",'value':%s}}");
	static const struct {
		const char *value, *expected;
	} cases[] = {
		/* the last one that is there is it, whatever the mark was */
		{"{'|':[" META("mark") ",32]}", "policy-fwd!"},
		{"{'|':[" META("mark") ",16]}", "policy-fwd?"},
		{"{'&':[" META("mark") ",16]}", "policy-fwd!"},
		{"{'&':[" META("mark") ",32]}", "policy-fwd?"},
		{"{'^':[{'&':[" META("mark") ",16]},1]}", "policy-fwd!"},
		{"16", "policy-fwd?"},
		{"{'ct':{'key':'mark'}}", "policy-fwd?"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = xasprintf(rules, cases[i].value);

		CHECK(&g, text, cases[i].expected);
		free(text);
	}
}

static void test_dormant_tables(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g,
	      "{'table':{'family':'inet','name':'t','flags':'dormant'}}," FORWARD("drop")
		      BASE("ip", "t", "awake", "forward", "5", "drop"),
	      "policy-awake!");
	CHECK(&g, "{'table':{'family':'inet','name':'t','flags':['owner']}}," FORWARD("drop"),
	      "policy-fwd!");
}

/* NAT gives its bits to the connection, and runs its chains, at its own place in the hook. */
static void test_where_nat_is(void **state)
{
	struct group g = tcp_packet();
	const char *status = MATCH("{'&':[{'ct':{'key':'status'}},'dnat']}", "'dnat'") "," DROP;
	char *rules = xasprintf(
		BASE("inet", "t", "early", "prerouting", "-150", "accept") RULE("early", "5", "%s")
			BASE("inet", "t", "late", "prerouting", "0", "accept")
				RULE("late", "6", "%s"),
		status, status);
	const char *nat = "{'chain':{'family':'inet','table':'t','name':'nat','type':'nat',"
			  "'hook':'prerouting','prio':50,'policy':'drop'}}," BASE(
				  "inet", "t", "filter", "prerouting", "0", "drop");

	(void)state;
	g.hook = HOOK_PREROUTING;
	CHECK(&g, rules, "5? 6?");
	g.ct_state = CT_ESTABLISHED;
	CHECK(&g, rules, "5!");
	g.ct_state = CT_NEW;
	CHECK(&g, nat, "policy-nat? policy-filter?");
	free(rules);
}

static char *plain(const char *expr)
{
	json_t *rule = parse(expr);
	char *text = nft_plain_text(rule);

	json_decref(rule);
	return text;
}

static void test_plain_rules_are_written_here(void **state)
{
	char *text = plain("{'expr':[{'counter':{'packets':1,'bytes':2}},{'drop':null}]}");

	(void)state;
	assert_string_equal(text, "counter drop");
	free(text);
	text = plain("{'expr':[{'reject':null}]}");
	assert_string_equal(text, "reject");
	free(text);
	assert_null(plain("{'expr':[]}"));
	assert_null(plain("{'comment':'x','expr':[{'drop':null}]}"));
	assert_null(plain("{'expr':[{'counter':'named'},{'drop':null}]}"));
	assert_null(plain("{'expr':[{'reject':{'type':'tcp reset'}}]}"));
	assert_null(plain("{'expr':[{'match':{}},{'drop':null}]}"));
}

static void test_fragments(void **state)
{
	struct group g = tcp_packet();
	const char *port = FORWARD("accept") RULE("fwd", "5", DPORT("80") "," DROP)
		RULE("fwd", "6", MATCH(META("l4proto"), "'tcp'") "," DROP);

	(void)state;
	g.flow.has_ports = g.flow.has_tcp_flags = false;
	CHECK(&g, port, "5? 6?"); /* it has ports, but they were not seen */
	/* nft takes what stands in their place for ports, if it loads few bytes */
	g.flow.is_fragment = true;
	CHECK(&g, port, "5? 6?");
	CHECK(&g,
	      FORWARD("accept") RULE(
		      "fwd", "5",
		      "{'match':{'op':'!=','left':" PAYLOAD("tcp", "dport") ",'right':1}}," DROP),
	      "5?");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", IN("==", "80,81") DROP), "5?");
	CHECK(&g,
	      FORWARD("accept")
		      RULE("fwd", "5", VMAP(PAYLOAD("th", "dport"), "{'set':[[80," DROP "]]}"))
			      RULE("fwd", "6", DROP),
	      "5? 6?");
	g.flow.proto = IPPROTO_ICMP; /* which it asks for first */
	CHECK(&g, port, "");
}

/* nft stops at IPv6's authentication header, which conntrack and ip6tables go past. */
static void test_authentication_header(void **state)
{
	struct group g = udp6_packet();
	const char *rules =
		FORWARD("accept") RULE("fwd", "5", MATCH(PAYLOAD("udp", "dport"), "53") "," DROP)
			RULE("fwd", "6", MATCH(META("l4proto"), "'udp'") "," DROP)
				RULE("fwd", "7", MATCH(META("l4proto"), "'ah'") "," DROP);
	const char *th =
		FORWARD("accept") RULE("fwd", "5", MATCH(PAYLOAD("th", "dport"), "53") "," DROP)
			RULE("fwd", "6", MATCH(PAYLOAD("ah", "spi"), "1") "," DROP)
				RULE("fwd", "7", DROP);

	(void)state;
	CHECK(&g, rules, "5!");
	g.flow.has_ah = true;
	CHECK(&g, rules, "7!");
	CHECK(&g, th, "5? 6? 7?");
	/* where the sample's bytes end */
	g.flow.has_ah = g.flow.has_ports = false;
	g.flow.proto = IPPROTO_DSTOPTS;
	CHECK(&g, rules, "5? 6? 7?");
	/* ipv6_find_hdr() finds no protocol there */
	g.flow.is_fragment = true;
	CHECK(&g, rules, "");
	CHECK(&g, th, "7!");
}

static void test_what_is_not_known(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	g.in[0] = '\0';
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", MATCH(META("iifname"), "'lo'") "," DROP),
	      "5?");
	g.ct_state = CT_UNSEEN;
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", MATCH("{'ct':{'key':'state'}}", "'new'") "," DROP),
	      "5?");
	g.ct_state = CT_NONE;
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5",
				     "{'match':{'op':'in','left':{'ct':{'key':'state'}},"
				     "'right':'invalid'}}," DROP),
	      "5!");
	CHECK(&g,
	      FORWARD("accept")
		      RULE("fwd", "5", MATCH("{'ct':{'key':'direction'}}", "'original'") "," DROP),
	      "");
	/* only one port, as in a group without a sample */
	g.flow.sport = 0;
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", MATCH(PAYLOAD("tcp", "sport"), "7") "," DROP),
	      "5?");
}

/* What was another when earlier base chains looked at the packet. */
static void test_earlier_chains(void **state)
{
	struct group g = tcp_packet();
	const char *raw = BASE("inet", "t", "raw", "prerouting", "-300", "accept")
		RULE("raw", "5", MATCH(PAYLOAD("ip", "daddr"), "'10.0.1.2'") "," DROP)
			RULE("raw", "6", MATCH("{'ct':{'key':'state'}}", "'established'") "," DROP);
	const char *late = BASE("inet", "t", "late", "prerouting", "0", "accept")
		RULE("late", "5", MATCH(PAYLOAD("ip", "daddr"), "'10.0.1.3'") "," DROP);
	const char *mark = MATCH(META("mark"), "16");
	char *rules;

	(void)state;
	g.hook = HOOK_PREROUTING;
	CHECK(&g, raw, "5? 6?");
	CHECK(&g, late, "");
	strcpy(g.verdict.table, "t");
	strcpy(g.verdict.chain, "raw");
	CHECK(&g, raw, "5!");
	/* a rule on the way sets the mark */
	g = tcp_packet();
	rules = xasprintf(FORWARD("drop") RULE("fwd", "5", "%s," ACCEPT), mark);
	CHECK(&g, rules, "");
	free(rules);
	rules = xasprintf(FORWARD("drop") RULE("fwd", "5", "%s," ACCEPT) RULE(
				  "fwd", "6", "{'mangle':{'key':" META("mark") ",'value':16}}"),
			  mark);
	CHECK(&g, rules, "policy-fwd?");
	free(rules);
}

static void test_nat_chains(void **state)
{
	struct group g = tcp_packet();
	const char *nat =
		"{'chain':{'family':'ip','table':'n','name':'nat','type':'nat',"
		"'hook':'prerouting','prio':-100,'policy':'accept'}}," RULE_IN(
			"ip", "n", "nat", "5", DPORT("80") ",{'dnat':{'addr':'10.0.0.9'}}")
			RULE_IN("ip", "n", "nat", "6", DROP);

	(void)state;
	g.hook = HOOK_PREROUTING;
	g.has_original = false;
	CHECK(&g, nat, "");
	g.flow.dport = 81;
	CHECK(&g, nat, "6?");
	g.ct_state = CT_ESTABLISHED;
	CHECK(&g, nat, "");
}

static void test_bridge_ports(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	strcpy(g.bridge, "br0");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", MATCH(META("iifname"), "'veth1'") "," DROP),
	      "5?");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", MATCH(META("iifname"), "'lo'") "," DROP), "");
	/* before 5.7, IP's postrouting did not know where the packet came from */
	g = tcp_packet();
	g.hook = HOOK_POSTROUTING;
	CHECK(&g,
	      BASE("inet", "t", "post", "postrouting", "0", "accept")
		      RULE("post", "5", MATCH(META("iifname"), "'veth1'") "," DROP),
	      "5?");
}

static void test_devices(void **state)
{
	struct group g = tcp_packet();
	const char *chain = "{'chain':{'family':'netdev','table':'n','name':'c','type':'filter',"
			    "'hook':'ingress','prio':0,'policy':'drop'%s}},";
	static const struct {
		const char *dev, *expected;
	} cases[] = {{"", "policy-c?"},
		     {",'dev':'veth1'", "policy-c!"},
		     {",'dev':'veth2'", ""},
		     {",'dev':['veth2','veth1']", "policy-c!"},
		     {",'dev':['eth*','veth*']", "policy-c!"},
		     {",'dev':'eth*'", ""}};

	(void)state;
	g.hook = HOOK_INGRESS;
	g.hook_family = "netdev";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = xasprintf(chain, cases[i].dev);

		CHECK(&g, text, cases[i].expected);
		free(text);
	}
}

static void test_arp(void **state)
{
	struct group g = {.hook = HOOK_INPUT,
			  .hook_family = "arp",
			  .has_sample = true,
			  .flow = {.l3 = ETHERTYPE_ARP, .icmp_code = 1}};
	const char *rules = BASE("arp", "a", "i", "input", "0", "accept") RULE_IN(
		"arp", "a", "i", "5", MATCH(PAYLOAD("arp", "operation"), "'reply'") "," DROP)
		RULE_IN("arp", "a", "i", "6",
			MATCH(PAYLOAD("arp", "daddr ip"), "'10.0.0.1'") "," DROP);

	(void)state;
	g.flow.dst = addr("10.0.0.1");
	CHECK(&g, rules, "6!");
	g.flow.icmp_code = 2;
	CHECK(&g, rules, "5!");
}

#define SET(type, name, elements)                                                                  \
	"{'" type "':{'family':'inet','name':'" name "','table':'t','elem':[" elements "]}},"

static void test_maps(void **state)
{
	struct group g = tcp_packet();
	const char *key = "{'concat':[" PAYLOAD("ip", "daddr") "," PAYLOAD("tcp", "dport") "]}";
	char *rules = xasprintf(
		FORWARD("accept") SET("map", "m",
				      "[{'concat':['10.0.1.2',81]}," DROP "],"
				      "[{'elem':{'val':{'concat':['10.0.1.2',80]}}}," JUMP("a") "]")
			RULE("fwd", "5", VMAP("%s", "'@m'")) RULE("a", "7", DROP)
				RULE("fwd", "8", DROP),
		key);

	(void)state;
	CHECK(&g, rules, "7!");
	/* every element that may be meant */
	g.flow.has_ports = false;
	CHECK(&g, rules, "5? 7? 8?");
	g.flow.dst = addr("10.0.1.3");
	CHECK(&g, rules, "8!");
	g.flow.proto = IPPROTO_UDP;
	CHECK(&g, rules, "8!");
	free(rules);
	g = tcp_packet();
	/* the catch-all is for those that no other element has */
	CHECK(&g,
	      FORWARD("accept")
		      RULE("fwd", "5",
			   VMAP(PAYLOAD("tcp", "dport"),
				"{'set':[[{'range':[79,81]}," ACCEPT "],['*'," DROP "]]}")),
	      "");
	CHECK(&g,
	      FORWARD("accept") RULE(
		      "fwd", "5",
		      VMAP(PAYLOAD("tcp", "dport"), "{'set':[['odd'," ACCEPT "],['*'," DROP "]]}")),
	      "5?");
	CHECK(&g,
	      FORWARD("accept") SET("set", "s", "'10.0.0.1','*'")
		      RULE("fwd", "5", MATCH(PAYLOAD("ip", "daddr"), "'@s'") "," DROP),
	      "5!");
}

static void test_small_print(void **state)
{
	struct group g = tcp_packet();

	(void)state;
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5", UNKNOWN ",{'continue':null}")
		      RULE("fwd", "6", DROP),
	      "6!");
	/* behind a map's "continue" the rule goes on, but not where the map has nothing */
	CHECK(&g,
	      FORWARD("accept") RULE(
		      "fwd", "5",
		      VMAP(PAYLOAD("tcp", "dport"), "{'set':[[80,{'continue':null}]]}") "," DROP)
		      RULE("fwd", "6", DROP),
	      "5!");
	CHECK(&g,
	      FORWARD("accept") RULE(
		      "fwd", "5",
		      VMAP(PAYLOAD("tcp", "dport"), "{'set':[[81,{'continue':null}]]}") "," DROP)
		      RULE("fwd", "6", DROP),
	      "6!");
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5",
				     UNKNOWN "," VMAP(PAYLOAD("tcp", "dport"),
						      "{'set':[[80,{'continue':null}]]}") "," DROP)
		      RULE("fwd", "6", DROP),
	      "5? 6?");
	/* it may be what is odd, or what no element has */
	CHECK(&g,
	      FORWARD("accept") RULE("fwd", "5",
				     VMAP(PAYLOAD("tcp", "dport"),
					  "{'set':[['odd',{'continue':null}],['*'," DROP "]]}")),
	      "5?");
	/* of the bits of ct's status some are known */
	CHECK(&g,
	      FORWARD("accept")
		      RULE("fwd", "5",
			   MATCH("{'&':[{'ct':{'key':'status'}},'dnat']}", "'dnat'") "," DROP),
	      "5!");
	/* a set that is looked at by keys of two types */
	CHECK(&g,
	      FORWARD("accept") SET("set", "s", "'10.0.0.9'") RULE(
		      "fwd", "5",
		      MATCH("{'concat':[" PAYLOAD("ip", "saddr") "," PAYLOAD("ip", "daddr") "]}",
			    "'@s'") "," DROP)
		      RULE("fwd", "6", MATCH(PAYLOAD("ip", "saddr"), "'@s'") "," DROP),
	      "5?");
	/* of chains in different hooks only one saw it: no drop in one ends the others */
	g.hook = HOOK_NONE;
	CHECK(&g, FORWARD("drop") BASE("inet", "t", "in", "input", "5", "drop"),
	      "policy-fwd? policy-in?");
	/* nft does not see what is behind a tag in the frame */
	g.hook = HOOK_FORWARD;
	g.hook_family = "bridge";
	g.key.l3 = ETHERTYPE_VLAN;
	CHECK(&g,
	      BASE("bridge", "b", "f", "forward", "0", "accept")
		      RULE_IN("bridge", "b", "f", "5",
			      MATCH(PAYLOAD("ip", "saddr"), "'10.0.0.1'") "," DROP),
	      "5?");
}

static void test_unreadable(void **state)
{
	struct group g = tcp_packet();
	struct ruleset r = {
		.json = parse("{'nftables':[" FORWARD("accept") SET("set", "s", "1") RULE(
			"fwd", "5", MATCH(PAYLOAD("tcp", "dport"), "'@s'") "," DROP) "{}]}")};
	struct replay out;

	(void)state;
	out = replay_json(&r, &g);
	assert_string_equal(words_of(&out), "");
	replay_free(&out);
	r.unreadable_sets = true;
	out = replay_json(&r, &g);
	assert_string_equal(words_of(&out), "5? cut");
	replay_free(&out);
	r.unreadable_chains = true;
	out = replay_json(&r, &g);
	assert_string_equal(words_of(&out), "cut");
	replay_free(&out);
	json_decref(r.json);
}

static json_t *load_expressions(void)
{
	json_error_t err;
	json_t *json = json_load_file("tests/fixtures/nft/expressions.json", 0, &err);

	if (!json)
		fail_msg("expressions.json: %s", err.text);
	return json;
}

/* The same ruleset with one of its rules only. */
static json_t *only_rule(json_t *ruleset, size_t n)
{
	json_t *array = json_array(), *o;
	size_t i;

	json_array_foreach(json_object_get(ruleset, "nftables"), i, o)
	{
		if (!json_object_get(o, "rule") || i == n)
			json_array_append(array, o);
	}
	return json_pack("{s:o}", "nftables", array);
}

static void test_expressions(void **state)
{
	json_t *all = load_expressions(), *o;
	struct group g = tcp_packet();
	size_t i, tested = 0;

	(void)state;
	json_array_foreach(json_object_get(all, "nftables"), i, o)
	{
		json_t *rule = json_object_get(o, "rule");
		struct ruleset r = {.json = only_rule(all, i)};
		const char *expected = json_string_value(json_object_get(rule, "comment"));
		const char *got;
		struct replay out;

		if (rule) {
			out = replay_json(&r, &g);
			got = out.n != 1 ? "no" : out.hits[0].sure ? "yes" : "maybe";
			if (strcmp(got, expected) != 0)
				fail_msg("%s: %s", got, json_dumps(rule, 0));
			assert_false(out.cut);
			replay_free(&out);
			tested++;
		}
		json_decref(r.json);
	}
	assert_int_equal(tested, 154);
	json_decref(all);
}

static json_t *odd_value(unsigned int kind)
{
	switch (kind) {
	case 0:
		return json_null();
	case 1:
		return json_integer(-1);
	case 2:
		return json_string("");
	case 3:
		return json_array();
	case 4:
		return json_object();
	default:
		return NULL; /* removed */
	}
}

/* Replaces or removes every member of every object in turn, and replays after each change. */
static void break_each(struct ruleset *r, const struct group *g, json_t *at, unsigned int kind,
		       int *n)
{
	json_t *copy, *v;
	const char *key;
	size_t i;

	json_array_foreach(at, i, v) break_each(r, g, v, kind, n);
	if (!json_is_object(at))
		return;
	copy = json_copy(at);
	json_object_foreach(copy, key, v)
	{
		json_t *odd = odd_value(kind);
		struct replay out;

		break_each(r, g, v, kind, n);
		if (odd)
			json_object_set_new(at, key, odd);
		else
			json_object_del(at, key);
		out = replay_json(r, g);
		replay_free(&out);
		json_object_set(at, key, v);
		(*n)++;
	}
	json_decref(copy);
}

static json_t *sub_array(json_t *array, size_t from, size_t n)
{
	json_t *some = json_array();

	for (size_t i = from; i < from + n && i < json_array_size(array); i++)
		json_array_append(some, json_array_get(array, i));
	return some;
}

/* One rule at a time: with the others the walk would end before the broken one. */
static void test_broken_json(void **state)
{
	json_t *all = load_expressions(), *array = json_object_get(all, "nftables");
	struct group g = tcp_packet();
	int n = 0;

	(void)state;
	for (unsigned int kind = 0; kind < 6; kind++) {
		size_t sets = 0;

		while (sets < json_array_size(array) &&
		       !json_object_get(json_array_get(array, sets), "rule"))
			sets++;
		for (size_t i = sets; i < json_array_size(array); i++) {
			json_t *some = sub_array(array, 0, sets), *rule = json_array_get(array, i);
			struct ruleset r = {.json = json_object()};

			json_array_append(some, rule);
			json_object_set_new(r.json, "nftables", some);
			if (i % 3 == kind % 3) /* it takes long, and many are alike */
				break_each(&r, &g, rule, kind, &n);
			json_decref(r.json);
		}
		for (size_t i = 0; i < sets; i++) {
			struct ruleset r = {.json = all};

			break_each(&r, &g, json_array_get(array, i), kind, &n);
		}
	}
	assert_true(n > 2000);
	json_decref(all);
}

static void test_limits(void **state)
{
	struct group g = tcp_packet();
	char *rules = xstrdup(FORWARD("accept") RULE("fwd", "5", JUMP("0"))), *longer;

	(void)state;
	/* the kernel allows no loops, but who knows what is in the JSON */
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", JUMP("fwd")), "cut");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", GOTO("a")) RULE("a", "6", GOTO("a")), "cut");
	CHECK(&g, FORWARD("accept") RULE("fwd", "5", "{'jump':{}}") RULE("fwd", "6", DROP),
	      "6? cut");
	/* 2 ** 16 ways, times what is at their ends */
	for (int i = 0; i < 15; i++) {
		longer = xasprintf("%s{'rule':{'family':'inet','table':'t','chain':'%d','expr':["
				   "{'jump':{'target':'%d'}}]}},"
				   "{'rule':{'family':'inet','table':'t','chain':'%d','expr':["
				   "{'jump':{'target':'%d'}}]}},",
				   rules, i, i + 1, i, i + 1);
		free(rules);
		rules = longer;
	}
	for (int i = 0; i < 200; i++) {
		longer = xasprintf("%s" RULE("15", "7", DPORT("81") "," DROP), rules);
		free(rules);
		rules = longer;
	}
	longer = xasprintf("%s" RULE("fwd", "9", DROP), rules);
	CHECK(&g, longer, "cut");
	free(longer);
	free(rules);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void append(struct ruleset *r, json_t *o)
{
	json_array_append_new(json_object_get(r->json, "nftables"), o);
}

static json_t *rule_json(const char *chain, int handle, json_t *expr)
{
	return json_pack("{s:{s:s,s:s,s:s,s:i,s:o}}", "rule", "family", "inet", "table", "t",
			 "chain", chain, "handle", handle, "expr", expr);
}

/* As many rules as a big node has, each with the same big set, and all alike. */
static void test_many_rules(void **state)
{
	struct ruleset r = {.json = parse("{'nftables':[" FORWARD(
				    "accept") "{'set':{'family':'inet',"
					      "'name':'s','table':'t','elem':[]}}]}")};
	json_t *elements = json_object_get(
		json_object_get(json_array_get(json_object_get(r.json, "nftables"), 1), "set"),
		"elem");
	json_t *expr =
		parse("[" MATCH(PAYLOAD("ip", "saddr"), "'@s'") "," DPORT("81") "," DROP "]");
	struct group g = tcp_packet();
	struct replay out;
	char text[ADDR_STRLEN];
	double start;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "10.0.%d.%d", i >> 8, i & 0xff);
		json_array_append_new(elements, json_string(text));
		append(&r, rule_json("fwd", i + 10, json_incref(expr)));
	}
	json_decref(expr);
	append(&r, rule_json("fwd", 5, parse("[" DPORT("80") "," DROP "]")));
	start = seconds();
	out = replay_json(&r, &g);
	if (seconds() - start > 0.5)
		fail_msg("%.2f s", seconds() - start);
	assert_string_equal(words_of(&out), "5!");
	replay_free(&out);
	json_decref(r.json);
}

/* The chains of other services are not read. */
static void test_many_chains(void **state)
{
	struct ruleset r = {.json = parse("{'nftables':[" FORWARD(
				    "accept") "{'map':{'family':'inet',"
					      "'name':'m','table':'t','elem':[]}}]}")};
	json_t *elements = json_object_get(
		json_object_get(json_array_get(json_object_get(r.json, "nftables"), 1), "map"),
		"elem");
	struct group g = tcp_packet();
	struct replay out;
	char name[16];

	(void)state;
	append(&r, rule_json("fwd", 5, parse("[" VMAP(PAYLOAD("tcp", "dport"), "'@m'") "]")));
	for (int i = 1; i < 2000; i++) {
		snprintf(name, sizeof(name), "svc-%d", i);
		json_array_append_new(elements,
				      json_pack("[i,{s:{s:s}}]", i, "jump", "target", name));
	}
	append(&r, rule_json("svc-80", 7, parse("[" DROP "]")));
	out = replay_json(&r, &g);
	assert_string_equal(words_of(&out), "7!");
	assert_int_equal(r.reads, 2);
	replay_free(&out);
	/* nor all that may be meant */
	g.flow.has_ports = false;
	out = replay_json(&r, &g);
	assert_string_equal(words_of(&out), "7? cut");
	assert_true(r.reads < 1100);
	replay_free(&out);
	json_decref(r.json);
}

static json_t *no_chains(void *arg)
{
	(void)arg;
	return NULL;
}

static void test_no_chains(void **state)
{
	struct nft_source src = {NULL, no_chains, list_chain, list_set, list_uses};
	struct group g = tcp_packet();
	struct replay out = {};

	(void)state;
	assert_int_equal(nft_replay(&src, &g, NULL, NULL, NULL, &out), -ENODATA);
	assert_true(out.cut);
	replay_free(&out);
}

static const char listing[] = "table ip x { # handle 4\n"
			      "\tset s { # handle 26\n"
			      "\t\ttype ipv4_addr\n"
			      "\t}\n"
			      "\n"
			      "\tchain c { # handle 1\n"
			      "\t\ttype filter hook input priority filter; policy accept;\n"
			      "\t\ttcp dport 1-65535 jump {\n"
			      "\t\t\tcounter packets 0 bytes 0 drop\n"
			      "\t\t\treturn\n"
			      "\t\t} # handle 21\n"
			      "\t\tip saddr { 10.0.0.1, 10.0.0.3,\n"
			      "\t\t\t   10.0.0.5 } drop comment \"a # handle 5 b\" # handle 25\n"
			      "\t\tct mark set 0x00000001 drop # handle 6\n"
			      "\t}\n"
			      "}\n";

static void test_text(void **state)
{
	static const struct {
		uint64_t handle;
		const char *text;
	} cases[] = {
		{6, "ct mark set 0x00000001 drop"},
		{21, "tcp dport 1-65535 jump { counter packets 0 bytes 0 drop return }"},
		{25, "ip saddr { 10.0.0.1, 10.0.0.3, 10.0.0.5 } drop comment \"a # handle 5 b\""},
		{1, NULL},
		{4, NULL},
		{5, NULL},
		{26, NULL},
		{2, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = nft_rule_text(listing, cases[i].handle);

		if (cases[i].text)
			assert_string_equal(text, cases[i].text);
		else
			assert_null(text);
		free(text);
	}
	assert_null(nft_rule_text("", 1));
	/* cut anywhere */
	for (size_t n = 0; n < sizeof(listing); n++) {
		char *part = (char *)exact_copy(listing, n + 1);

		part[n] = '\0';
		free(nft_rule_text(part, 25));
		free(nft_rule_chain(part, 25));
		free(part);
	}
}

/* nft writes comments as they are. */
static void test_comments_that_look_like_rules(void **state)
{
	static const char in_c[] = "table ip x {\n\tchain c { # handle 1\n",
			  real[] = "\t\tudp dport 9999 drop comment \"REAL\" # handle 3\n\t}\n}\n";
	static const struct {
		const char *comment, *two, *three; /* texts of rules 2 and 3 */
	} cases[] = {
		{"x\n\t\tudp dport 9999 accept comment 'harmless' # handle 3\n\t\ttcp dport 5",
		 "drop comment \"x udp dport 9999 accept comment 'harmless' # handle 3 tcp dport "
		 "5\"",
		 "udp dport 9999 drop comment \"REAL\""},
		{"x\n\t}\n\n\tchain d { # handle 9\n\t\tdrop # handle 3\n\t}\n\tset s {",
		 "drop comment \"x } chain d { # handle 9 drop # handle 3 } set s {\"",
		 "udp dport 9999 drop comment \"REAL\""},
		/* netlink takes what nft's grammar does not */
		{"a\" b", "drop comment \"a\" b\"", "udp dport 9999 drop comment \"REAL\""},
		{"a \"b", "drop comment \"a \"b\"", "udp dport 9999 drop comment \"REAL\""},
		{"a \"b\" c", "drop comment \"a \"b\" c\"", "udp dport 9999 drop comment \"REAL\""},
		{"x\"\n\t\taccept # handle 3\n\t\ttcp dport 5 drop comment \"y",
		 "tcp dport 5 drop comment \"y\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *all = xasprintf("%s\t\tdrop comment \"%s\" # handle 2\n%s", in_c,
				      cases[i].comment, real);
		char *two = nft_rule_text(all, 2), *three = nft_rule_text(all, 3);
		char *chain = nft_rule_chain(all, 3);

		assert_string_equal(two, cases[i].two);
		if (cases[i].three)
			assert_string_equal(three, cases[i].three);
		else
			assert_null(three);
		assert_string_equal(chain, "c");
		assert_null(nft_rule_text(all, 9));
		free(chain);
		free(three);
		free(two);
		free(all);
	}
}

static void test_chain_of_a_rule(void **state)
{
	static const uint64_t of_c[] = {6, 21, 25}, of_none[] = {1, 4, 5, 26, 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(of_c); i++) {
		char *chain = nft_rule_chain(listing, of_c[i]);

		assert_string_equal(chain, "c");
		free(chain);
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_none); i++)
		assert_null(nft_rule_chain(listing, of_none[i]));
}

static void test_xtables(void **state)
{
	static const struct {
		const char *family, *table, *chains;
		bool is;
	} cases[] = {
		{"ip", "filter", BASE("ip", "filter", "FORWARD", "forward", "0", "drop"), true},
		{"ip", "filter",
		 BASE("ip", "filter", "FORWARD", "forward", "0", "drop")
			 BASE("ip", "filter", "mine", "input", "0", "drop"),
		 false},
		{"ip", "filter", BASE("ip", "filter", "forward", "forward", "0", "drop"), false},
		{"ip", "filter", BASE("ip", "filter", "INPUT", "forward", "0", "drop"), false},
		{"ip", "filter", BASE("ip", "nat", "INPUT", "input", "0", "drop"), false},
		{"ip", "mine", BASE("ip", "mine", "FORWARD", "forward", "0", "drop"), false},
		{"inet", "filter", BASE("inet", "filter", "FORWARD", "forward", "0", "drop"),
		 false},
		{"ip6", "raw", BASE("ip6", "raw", "PREROUTING", "prerouting", "-300", "accept"),
		 true},
		{"bridge", "broute",
		 BASE("bridge", "broute", "BROUTING", "prerouting", "-300", "accept"), true},
		{"bridge", "mangle", BASE("bridge", "mangle", "OUTPUT", "output", "-300", "accept"),
		 false},
		{"arp", "filter", BASE("arp", "filter", "INPUT", "input", "0", "accept"), true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = xasprintf("[%s{}]", cases[i].chains);
		json_t *chains = parse(text);

		if (nft_is_xtables(chains, cases[i].family, cases[i].table) != cases[i].is)
			fail_msg("%s %s: %s", cases[i].family, cases[i].table, text);
		json_decref(chains);
		free(text);
	}
	assert_false(nft_is_xtables(NULL, "ip", "filter"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_synproxy),
		cmocka_unit_test(test_left_the_base_chain),
		cmocka_unit_test(test_what_a_hit_tells),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_jump_goto_return),
		cmocka_unit_test(test_what_is_not_understood),
		cmocka_unit_test(test_base_chains),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_named_verdict),
		cmocka_unit_test(test_tables_of_others),
		cmocka_unit_test(test_maps_that_may_miss),
		cmocka_unit_test(test_sets_that_change),
		cmocka_unit_test(test_sets_that_packets_fill),
		cmocka_unit_test(test_sets_that_other_rules_fill),
		cmocka_unit_test(test_uses_of_sets),
		cmocka_unit_test(test_sets_with_limits),
		cmocka_unit_test(test_link_layer),
		cmocka_unit_test(test_statements_that_may_end),
		cmocka_unit_test(test_marks_of_other_chains),
		cmocka_unit_test(test_bits_of_marks),
		cmocka_unit_test(test_dormant_tables),
		cmocka_unit_test(test_where_nat_is),
		cmocka_unit_test(test_plain_rules_are_written_here),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_authentication_header),
		cmocka_unit_test(test_what_is_not_known),
		cmocka_unit_test(test_earlier_chains),
		cmocka_unit_test(test_nat_chains),
		cmocka_unit_test(test_bridge_ports),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_small_print),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_broken_json),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_many_chains),
		cmocka_unit_test(test_no_chains),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_comments_that_look_like_rules),
		cmocka_unit_test(test_chain_of_a_rule),
		cmocka_unit_test(test_xtables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
