// SPDX-License-Identifier: GPL-2.0-only
/* Which rule it was, from what probes saw and what a node's rules are: one made of texts. */
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "fake_host.h"
#include "rules/reader.h"
#include "util.h"

#define CHAINS_AT(priority, policy)                                                                \
	"[{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"c\", \"type\": "          \
	"\"filter\", \"hook\": \"forward\", \"prio\": " priority ", \"policy\": \"" policy "\"}}]"
#define CHAINS		 CHAINS_AT("0", "accept")
#define RULE(statements) "[" RULE_3(statements) "]"
#define RULE_3(statements)                                                                         \
	"{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"handle\": 3, "                        \
	"\"expr\": [" statements "]}}"
#define DROP   "{\"drop\": null}"
#define ACCEPT "{\"accept\": null}"
#define TO_53                                                                                      \
	"{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"udp\", \"field\": " \
	"\"dport\"}}, \"right\": 53}},"

static struct {
	const char *chains, *rules; /* JSON; rules are those of the only chain */
	const char *saved;	    /* by iptables-nft-save */
	const char *legacy;	    /* by iptables-legacy-save -t mangle */
	const char *filter;	    /* likewise; NULL: an empty one */
	uint32_t generation;
	uint64_t table;		     /* its handle */
	bool closed;		     /* and it cannot be asked */
	int changes;		     /* so many readings change it */
	int reads, forgotten, tools; /* tools: runs of them */
	int texts;		     /* of rules, that were asked for */
	bool full;		     /* conntrack's table */
	bool compat;
	bool native; /* a rule that iptables-nft cannot have written */
} node;

static json_t *list_chains(void *arg)
{
	(void)arg;
	return json_loads(node.chains, 0, NULL);
}

static json_t *list_chain(void *arg, const char *family, const char *table, const char *chain)
{
	(void)arg;
	(void)family;
	(void)table;
	(void)chain;
	node.reads++;
	if (node.changes && node.changes--)
		node.generation++;
	return json_loads(node.rules, 0, NULL);
}

static json_t *list_set(void *arg, const char *family, const char *table, const char *name,
			bool map)
{
	(void)arg;
	(void)family;
	(void)table;
	(void)name;
	(void)map;
	return NULL;
}

static json_t *list_uses(void *arg, const char *family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return node.native ? json_pack("{s{}sb}", "updated", "native", true)
			   : json_pack("{s{}}", "updated");
}

static char *text_of(const char *family, const char *table, const char *chain, uint64_t handle)
{
	(void)family;
	(void)table;
	(void)chain;
	(void)handle;
	node.texts++;
	return strdup("the rule's text");
}

static char *chain_of(const char *family, const char *table, uint64_t handle, bool *gone)
{
	(void)family;
	(void)table;
	*gone = handle != 3;
	return *gone ? NULL : strdup("c");
}

static bool table_of(const char *family, const char *table, uint64_t *handle)
{
	(void)family;
	(void)table;
	*handle = node.table;
	return !node.closed;
}

static uint32_t generation(void)
{
	return node.generation;
}

static const char *legacy_tables(const char *family)
{
	return strcmp(family, "ip") || (!node.legacy && !node.filter) ? "" : "mangle\nfilter\n";
}

static const char *saved(const char *tool, const char *table)
{
	node.tools++;
	if (!strcmp(tool, "iptables-legacy-save")) {
		const char *text = strcmp(table, "mangle") ? node.filter : node.legacy;

		return text ? text : "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n";
	}
	return strcmp(tool, "iptables-nft-save") ? NULL : node.saved;
}

static void forget(void)
{
	node.forgotten++;
}

static bool conntrack_full(void)
{
	return node.full;
}

static const struct nft_source nft = {NULL, list_chains, list_chain, list_set, list_uses};
static const struct rule_source source = {&nft,	    text_of,	    chain_of,
					  table_of, generation,	    legacy_tables,
					  saved,    conntrack_full, forget};

/* A UDP packet to port 53 that rule 3 of chain c dropped, as a probe saw. */
static struct group seen_by_a_probe(void)
{
	struct group g = {.kind = SAMPLE_DROP,
			  .has_sample = true,
			  .netns = 1,
			  .hook = HOOK_FORWARD,
			  .hook_family = "ip",
			  .ct_state = CT_NEW,
			  .explained = true};

	strcpy(g.reason, "NETFILTER_DROP");
	g.loc.name = "nft_do_chain";
	g.flow.l3 = g.key.l3 = ETHERTYPE_IP;
	g.flow.proto = g.key.proto = IPPROTO_UDP;
	g.flow.src = an_addr("10.244.1.2");
	g.flow.dst = an_addr("10.244.2.2");
	g.flow.has_ports = true;
	g.flow.sport = 40000;
	g.flow.dport = 53;
	g.verdict.function = "nft_do_chain";
	g.verdict.family = "ip";
	g.verdict.table_handle = 5;
	strcpy(g.verdict.table, "t");
	strcpy(g.verdict.chain, "c");
	g.verdict.rule = 3;
	return g;
}

/* No program saw it: somebody in the hook dropped it. */
static struct group by_the_place(enum nf_hook hook, enum ct_state state)
{
	struct group g = seen_by_a_probe();

	memset(&g.verdict, 0, sizeof(g.verdict));
	g.explained = false;
	g.hook = hook;
	g.loc.name = "nf_hook_slow";
	g.ct_state = state;
	g.has_ct_status = true;
	return g;
}

static int set_node(void **state)
{
	(void)state;
	memset(&node, 0, sizeof(node));
	node.chains = CHAINS;
	node.rules = RULE(TO_53 DROP);
	node.generation = 7;
	node.table = 5;
	return 0;
}

static struct answer answer(const struct group *g)
{
	struct reader r = {.has_nft = true, .has_nft_compat = node.compat, .from = &source};
	struct answer a = {};

	reader_answer(&r, g, &a);
	reader_more(&r, g, &a);
	reader_close(&r);
	return a;
}

static void assert_unknown(const struct group *g, const char *why)
{
	struct answer a = answer(g);

	assert_false(a.known);
	assert_false(a.certain);
	assert_non_null(a.why);
	assert_has(a.why, why);
	answer_free(&a);
}

#define XT_CHAINS                                                                                  \
	"[{\"chain\": {\"family\": \"ip\", \"table\": \"filter\", \"name\": \"FORWARD\", "         \
	"\"type\": "                                                                               \
	"\"filter\", \"hook\": \"forward\", \"prio\": 0, \"policy\": \"accept\"}}]"

/* Without nft_compat the tools of iptables-nft would load it: then it is a rule of nft's. */
static void test_no_tool_loads_nft_compat(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	node.chains = XT_CHAINS;
	node.saved = "*filter\n:FORWARD ACCEPT [0:0]\n[0:0] -A FORWARD -p udp -j DROP\nCOMMIT\n";
	strcpy(g.verdict.table, "filter");
	strcpy(g.verdict.chain, "FORWARD");
	a = answer(&g);
	assert_true(a.certain);
	assert_int_equal(a.rule.backend, RULE_NFT);
	assert_int_equal(node.tools, 0);
	answer_free(&a);
	node.compat = true;
	a = answer(&g);
	assert_true(a.certain);
	assert_int_equal(a.rule.backend, RULE_IPTABLES_NFT);
	assert_string_equal(a.rule.text, "-A FORWARD -p udp -j DROP");
	answer_free(&a);
	node.saved = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m comment --comment \"# Table "
		     "`filter' is incompatible\"\nCOMMIT\n"
		     "*filter\n:FORWARD ACCEPT [0:0]\n[0:0] -A FORWARD -p udp -j DROP\nCOMMIT\n"
		     "# Table `raw' is incompatible, use 'nft' tool.\n";
	a = answer(&g);
	assert_int_equal(a.rule.backend, RULE_IPTABLES_NFT);
	answer_free(&a);
	node.saved = "# Table `filter' is incompatible, use 'nft' tool.\n";
	a = answer(&g);
	assert_int_equal(a.rule.backend, RULE_NFT);
	answer_free(&a);
}

/* iptables-nft-save prints what looks something up in a set without that. */
static void test_native_rules_in_a_table_of_that_name(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	node.compat = true;
	node.chains = XT_CHAINS;
	node.saved = "*filter\n:FORWARD ACCEPT [0:0]\n[0:0] -A FORWARD -p udp -j DROP\nCOMMIT\n";
	strcpy(g.verdict.table, "filter");
	strcpy(g.verdict.chain, "FORWARD");
	a = answer(&g);
	assert_int_equal(a.rule.backend, RULE_IPTABLES_NFT);
	answer_free(&a);
	node.native = true;
	a = answer(&g);
	assert_true(a.certain);
	assert_int_equal(a.rule.backend, RULE_NFT);
	assert_string_equal(a.rule.text, "the rule's text");
	answer_free(&a);
	/* by a replay */
	g = by_the_place(HOOK_FORWARD, CT_NEW);
	g.loc.name = "nft_do_chain";
	a = answer(&g);
	assert_true(a.known && !a.certain);
	assert_int_equal(a.rule.backend, RULE_NFT);
	assert_int_equal(a.rule.handle, 3);
	answer_free(&a);
}

static void test_rule_that_a_probe_saw(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a = answer(&g);

	(void)state;
	assert_true(a.known && a.certain && !a.gone);
	assert_int_equal(a.rule.handle, 3);
	assert_string_equal(a.rule.text, "the rule's text");
	assert_int_equal(a.generation, 7);
	assert_int_equal(node.forgotten, 1); /* what a child before may have read */
	answer_free(&a);
}

/* A reload gives handles anew. */
static void test_handle_of_another_rule_now(void **state)
{
	struct group g = seen_by_a_probe();

	(void)state;
	node.rules = RULE(TO_53 ACCEPT);
	g.asks = 1;
	assert_unknown(&g, "changed since");
	node.rules = RULE("{\"jump\": {\"target\": \"c\"}}");
	assert_unknown(&g, "changed since");
	g.verdict.rule = 4;
	assert_unknown(&g, "changed since");
}

/* The rule that has the handle now drops, but not such packets. */
static void test_handle_of_another_drop_now(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	g.flow.dport = 54;
	assert_unknown(&g, "changed since");
	g.asks = 1; /* the sample is not of the packet that the probe saw */
	a = answer(&g);
	assert_true(a.certain);
	answer_free(&a);
}

/* As from a child process. */
static void tell(struct group *g, struct answer *a)
{
	char *line = NULL;
	size_t size;
	FILE *f = open_memstream(&line, &size);

	answer_write(a, f);
	fclose(f);
	assert_true(answer_take(g, line));
	free(line);
	answer_free(a);
}

static void test_ruleset_changes_while_it_is_read(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	node.changes = 1;
	a = answer(&g);
	assert_true(a.certain);
	assert_int_equal(a.generation, 8);
	assert_int_equal(node.forgotten, 2);
	answer_free(&a);
	node.changes = 99;
	assert_unknown(&g, "changes while it is read");
	a = answer(&g);
	assert_true(a.changing); /* so that it is asked again */
	answer_free(&a);
}

#define COUNTED(packets)                                                                           \
	RULE(TO_53 "{\"counter\": {\"packets\": " packets ", \"bytes\": 0}}, " DROP)

/* Whoever has counted fewer than died did not drop them all. */
static void test_rule_that_counted_too_few(void **state)
{
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	struct answer a;

	(void)state;
	g.loc.name = "nft_do_chain";
	g.packets = 4;
	node.rules = COUNTED("4");
	a = answer(&g);
	assert_true(a.known);
	answer_free(&a);
	node.rules = COUNTED("3");
	a = answer(&g);
	assert_false(a.known);
	assert_int_equal(a.others, 1);
	assert_has(a.why, "counted fewer");
	answer_free(&a);
}

/* As it was noted of the last drop. */
static void test_ruleset_changed_since_the_drop(void **state)
{
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	struct answer a;

	(void)state;
	g.loc.name = "nft_do_chain";
	g.packets = 4;
	g.first_ns = g.last_ns = 50;
	g.rule_drop_generation = 7;
	g.rule_since_ns = 40;
	g.rule_read_ns = 60;
	a = answer(&g);
	assert_true(a.known && !a.unsure && !a.again);
	assert_null(a.when);
	tell(&g, &a);
	assert_null(strstr(g.rule_why, "drop, and"));
	group_forget_rule(&g);
	g.rule_since_ns = 60;
	a = answer(&g);
	assert_true(a.known && !a.unsure);
	assert_has(a.when, "ms after the drop, and whether they changed");
	tell(&g, &a);
	assert_has(g.rule_why, "ms after the drop");
	group_forget_rule(&g);
	g.rule_drop_generation = 6;
	a = answer(&g);
	assert_true(!a.known && a.again && !a.none);
	assert_has(a.why, "changed since the drop");
	answer_free(&a);
	node.rules = COUNTED("4"); /* maybe other packets than those */
	a = answer(&g);
	assert_true(a.known && a.unsure && a.again);
	assert_has(a.when, "changed since the drop");
	answer_free(&a);
	node.rules = "[]";
	a = answer(&g);
	assert_true(!a.known && a.again && !a.none);
	answer_free(&a);
}

/* A look before the drop saw another ruleset, or the first look after it did: the rule may be the
 * one that came with the change. The next drop decides. */
static void test_rule_that_may_be_newer(void **state)
{
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	struct answer a;

	(void)state;
	g.loc.name = "nft_do_chain";
	g.first_ns = g.last_ns = 50;
	g.rule_drop_generation = 7;
	g.rule_before_ns = 40;
	g.rule_since_ns = g.rule_read_ns = 60;
	a = answer(&g);
	assert_true(a.known && a.unsure && a.again);
	assert_has(a.when, "have changed before it or since");
	tell(&g, &a);
	assert_true(g.rule && g.rule_unsure && g.rule_again);
	g.rule_drop_generation = 6;
	g.rule_before_ns = 0;
	g.rule_since_ns = g.rule_read_ns = 40;
	a = answer(&g);
	assert_true(a.known && a.unsure);
	assert_has(a.when, "have changed before it or since");
	answer_free(&a);
	/* rules of iptables-legacy have no generation */
	node.rules = "[]";
	node.filter = "*filter\n:FORWARD ACCEPT [0:0]\n[1:60] -A FORWARD -j DROP\nCOMMIT\n";
	g.loc.name = "nf_hook_slow";
	a = answer(&g);
	assert_true(a.known && !a.unsure);
	answer_free(&a);
	node.filter = NULL;
	/* another drop, after the change; and none of the rules there now is it */
	g.loc.name = "nft_do_chain";
	g.rule_drop_generation = 7;
	g.last_ns = 70;
	node.rules = "[]";
	a = answer(&g);
	assert_false(a.known);
	tell(&g, &a);
	assert_null(g.rule);
	assert_false(g.rule_unsure);
	/* or that one is */
	node.rules = RULE(TO_53 DROP);
	g.rule_before_ns = 55;
	g.rule_since_ns = 60;
	a = answer(&g);
	assert_true(a.known && !a.unsure && !a.again);
	assert_has(a.when, "died before the ruleset was changed");
	tell(&g, &a);
	assert_false(g.rule_unsure);
	group_free(&g);
}

/* The ruleset may have changed: a table's handles are given once. But it may be another table by
 * now, in which the handle, or the policy, is another's. */
static void test_table_made_anew(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	g.first_ns = g.last_ns = 50;
	g.rule_drop_generation = 6;
	g.rule_since_ns = 40;
	g.rule_read_ns = 60;
	a = answer(&g);
	assert_true(a.known && a.certain); /* the packet still comes by it */
	answer_free(&a);
	g.asks = 1;
	node.rules = RULE("{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": "
			  "\"udp\", \"field\": \"dport\"}}, \"right\": 443}}," DROP);
	a = answer(&g); /* which was put in its place, and has its handle */
	assert_true(a.known && !a.certain);
	assert_has(a.why, "changed since");
	answer_free(&a);
	g.rule_drop_generation = 7;
	a = answer(&g);
	assert_true(a.known && a.certain);
	answer_free(&a);
	g.rule_drop_generation = 6;
	node.rules = "[]";
	node.chains = CHAINS_AT("0", "drop");
	g.verdict.rule = 0;
	g.verdict.policy = true;
	a = answer(&g);
	assert_true(a.known && a.rule.policy && !a.certain);
	answer_free(&a);
	node.closed = true;
	a = answer(&g);
	assert_false(a.gone);
	answer_free(&a);
	node.closed = false;
	node.table = 6;
	for (int policy = 0; policy < 2; policy++) {
		g.verdict.policy = policy;
		g.verdict.rule = policy ? 0 : 3;
		a = answer(&g);
		assert_true(!a.known && !a.certain && a.gone);
		assert_has(a.why, "made anew");
		answer_free(&a);
	}
	node.table = 0; /* it is not there at all */
	a = answer(&g);
	assert_true(!a.known && a.gone);
	answer_free(&a);
}

/* Conntrack is before the rule: it may have refused the packet. */
static void test_conntrack_table_is_full(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	node.legacy = "*mangle\n:PREROUTING DROP [1:60]\nCOMMIT\n";
	memset(&g.verdict, 0, sizeof(g.verdict));
	g.explained = false;
	g.hook = HOOK_PREROUTING;
	g.loc.name = "nf_hook_slow";
	g.ct_state = CT_NONE;
	a = answer(&g);
	assert_true(a.known && !a.certain);
	answer_free(&a);
	node.full = true;
	a = answer(&g);
	assert_false(a.known);
	assert_int_equal(a.others, 1);
	answer_free(&a);
	g.ct_state = CT_NEW; /* it has an entry */
	a = answer(&g);
	assert_true(a.known);
	answer_free(&a);
}

/* A new route for what NAT translated failed, so that nothing behind NAT had it. */
static void test_nat_without_a_route(void **state)
{
	struct group g = by_the_place(HOOK_OUTPUT, CT_NEW);
	struct answer a;

	(void)state;
	node.filter = "*filter\n:OUTPUT DROP [9:540]\nCOMMIT\n";
	g.has_original = true;
	g.original = g.flow;
	g.original.dst = an_addr("10.96.0.10");
	a = answer(&g);
	assert_true(a.known);
	answer_free(&a);
	g.nat_no_route = true;
	a = answer(&g);
	assert_true(!a.known && a.none);
	answer_free(&a);
	node.legacy = "*mangle\n:OUTPUT DROP [9:540]\nCOMMIT\n"; /* it has passed that, too */
	g.original = g.flow;
	a = answer(&g);
	assert_true(a.known);
	assert_string_equal(a.rule.table, "mangle");
	answer_free(&a);
}

/* In the output hook it comes before the filter table, in the input hook behind it. */
static void test_ipvs(void **state)
{
	struct group g = by_the_place(HOOK_OUTPUT, CT_NONE);
	struct answer a;

	(void)state;
	node.filter = "*filter\n:OUTPUT DROP [9:540]\n:INPUT ACCEPT [0:0]\n"
		      "[9:540] -A INPUT -m limit --limit 1/s -j DROP\nCOMMIT\n";
	g.ipvs_service = true;
	a = answer(&g);
	assert_true(a.known);
	answer_free(&a);
	g.ipvs_no_server = true;
	a = answer(&g);
	assert_true(!a.known && a.none);
	answer_free(&a);
	g.hook = HOOK_INPUT;
	a = answer(&g);
	assert_true(!a.known && a.others == 1);
	answer_free(&a);
}

/* A match that has no room for one more drops the packet, and its chain's policy did not. */
static void test_policy_or_a_full_match(void **state)
{
	static const struct {
		const char *rule;
		bool certain;
	} cases[] = {
		{RULE("{\"xt\": {\"type\": \"match\", \"name\": \"comment\"}}, {\"accept\": null}"),
		 true},
		{RULE("{\"xt\": {\"type\": \"match\", \"name\": \"hashlimit\"}}, {\"accept\": "
		      "null}"),
		 false},
		{RULE("{\"ct count\": {\"val\": 9}}, {\"accept\": null}"), false},
		{RULE("{\"set\": {\"op\": \"add\", \"elem\": 1, \"set\": \"@s\", \"stmt\": [{\"ct "
		      "count\": {\"val\": 9}}]}}"),
		 false},
		{RULE("{\"meter\": {\"name\": \"m\", \"key\": 1, \"stmt\": {\"ct count\": "
		      "{\"val\": 9}}}}"),
		 false},
		/* which such a packet does not come to */
		{RULE("{\"match\": {\"op\": \"==\", \"left\": {\"meta\": {\"key\": \"l4proto\"}}, "
		      "\"right\": "
		      "\"icmp\"}}, {\"ct count\": {\"val\": 9}}, {\"accept\": null}"),
		 true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct group g = seen_by_a_probe();
		struct answer a;

		g.verdict.rule = 0;
		g.verdict.policy = true;
		node.chains = CHAINS_AT("0", "drop");
		node.rules = cases[i].rule;
		a = answer(&g);
		assert_true(a.known && a.rule.policy);
		assert_int_equal(a.certain, cases[i].certain);
		answer_free(&a);
	}
}

/* Packets that leave the chain for its policy by a return: which rule that is, in its owner's way.
 */
static void test_policy_behind_a_return(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	g.verdict.rule = 0;
	g.verdict.policy = true;
	node.chains = "[{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"c\", "
		      "\"type\": \"filter\", \"hook\": \"forward\", \"prio\": 0, \"policy\": "
		      "\"drop\"}}]";
	node.rules = RULE(TO_53 "{\"return\": null}");
	a = answer(&g);
	assert_true(a.certain && a.rule.policy);
	assert_int_equal(a.rule.left_handle, 3);
	assert_int_equal(a.rule.left_number, 0);
	answer_free(&a);
	node.chains = "[{\"chain\": {\"family\": \"ip\", \"table\": \"filter\", \"name\": "
		      "\"FORWARD\", \"type\": \"filter\", \"hook\": \"forward\", \"prio\": 0, "
		      "\"policy\": \"drop\"}}]";
	node.saved = "*filter\n:FORWARD DROP [0:0]\n[0:0] -A FORWARD -p udp -j RETURN\nCOMMIT\n";
	node.compat = true;
	strcpy(g.verdict.table, "filter");
	strcpy(g.verdict.chain, "FORWARD");
	a = answer(&g);
	assert_true(a.certain && a.rule.policy);
	assert_int_equal(a.rule.backend, RULE_IPTABLES_NFT);
	assert_int_equal(a.rule.left_number, 1);
	answer_free(&a);
}

#define MAY_BE(chain)                                                                              \
	"*filter\n:" chain " ACCEPT [0:0]\n[9:540] -A " chain                                      \
	" -m limit --limit 1/s -j DROP\nCOMMIT\n"

/* One rule may match, and nobody else in the hook can have dropped such a packet. */
static void test_only_one_may_have(void **state)
{
	static const struct {
		enum nf_hook hook;
		const char *rules;
		enum ct_state ct;
		bool helper, full, known;
	} cases[] = {
		{HOOK_OUTPUT, MAY_BE("OUTPUT"), CT_NEW, .known = true},
		{HOOK_OUTPUT, MAY_BE("OUTPUT"), CT_NONE, .known = true},
		{HOOK_OUTPUT, MAY_BE("OUTPUT"), CT_NONE, .full = true},
		{HOOK_INPUT, MAY_BE("INPUT"), CT_ESTABLISHED, .known = true},
		{HOOK_INPUT, MAY_BE("INPUT"), CT_ESTABLISHED, .helper = true},
		{HOOK_INPUT, MAY_BE("INPUT"), CT_NONE, .full = true, .known = true},
		{HOOK_INPUT, MAY_BE("INPUT"), CT_NEW, .known = false},
		{HOOK_INPUT, MAY_BE("INPUT"), CT_RELATED, .known = false},
		{HOOK_INPUT, MAY_BE("INPUT"), CT_UNSEEN, .known = false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct group g = by_the_place(cases[i].hook, cases[i].ct);
		struct answer a;

		node.filter = cases[i].rules;
		node.full = cases[i].full;
		g.ct_status = cases[i].helper ? IPS_HELPER : 0;
		a = answer(&g);
		assert_int_equal(a.known, cases[i].known);
		assert_int_equal(a.n_may_be, !cases[i].known);
		answer_free(&a);
	}
}

/* A rule that may match is the only one that can have done it, where conntrack passes all such. */
static void test_before_conntrack(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	node.legacy =
		"*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter --invert -j DROP\n"
		"COMMIT\n";
	memset(&g.verdict, 0, sizeof(g.verdict));
	g.explained = false;
	g.hook = HOOK_PREROUTING;
	g.loc.name = "nf_hook_slow";
	g.ct_state = CT_NONE;
	a = answer(&g);
	assert_true(a.known && !a.certain);
	answer_free(&a);
	node.full = true;
	a = answer(&g);
	assert_false(a.known);
	answer_free(&a);
}

/* A chain of NAT's drops what masquerade has no address for, and no rule says so. */
static void test_drop_of_nat(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	node.rules = RULE("{\"masquerade\": null}");
	g.verdict.rule = 0;
	a = answer(&g);
	assert_true(a.none && !a.nat);
	assert_has(a.why, "none of the rules there now");
	answer_free(&a);
	node.chains =
		"[{\"chain\": {\"family\": \"ip\", \"table\": \"t\", \"name\": \"c\", \"type\": "
		"\"nat\", \"hook\": \"forward\", \"prio\": 0, \"policy\": \"accept\"}}]";
	a = answer(&g);
	assert_true(a.none && a.nat);
	assert_null(a.why);
	tell(&g, &a);
	assert_true(rule_is_none(&g));
	assert_has(rule_other_cause(&g), "no address");
	group_free(&g);
}

/* The same where a probe tells no chain, as on 5.10: if the ruleset is what it was, and NAT has a
 * chain in that hook. */
static void test_drop_of_nat_untold(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	node.rules = RULE("{\"masquerade\": null}");
	node.chains =
		"[{\"chain\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"c\", \"type\": "
		"\"nat\", \"hook\": \"forward\", \"prio\": 0, \"policy\": \"accept\"}}]";
	g.verdict.rule = 0;
	g.verdict.family = NULL;
	g.verdict.table[0] = g.verdict.chain[0] = '\0';
	a = answer(&g);
	assert_true(a.none && !a.nat); /* when the ruleset was changed is not known */
	answer_free(&a);
	g.rule_drop_generation = node.generation;
	a = answer(&g);
	assert_true(a.none && a.nat);
	answer_free(&a);
	g.hook = HOOK_INPUT;
	a = answer(&g);
	assert_true(a.none && !a.nat);
	answer_free(&a);
	group_free(&g);
}

/* At nf_queue() only a rule that queues can have done it, and that rule alone is enough. */
static void test_only_queues_at_a_queue(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a;

	(void)state;
	memset(&g.verdict, 0, sizeof(g.verdict));
	g.explained = false;
	g.loc.name = "nf_queue";
	strcpy(g.reason, "NOT_SPECIFIED");
	node.rules =
		"[" RULE_3("{\"limit\": {}}, " DROP) ", " RULE_3("{\"limit\": {}}, {\"queue\": "
								 "{\"num\": 7}}") "]";
	a = answer(&g);
	assert_true(a.known);
	assert_int_equal(a.rule.verdict, RULE_QUEUE);
	answer_free(&a);
}

/* Such a packet as no probe saw die, in the function of that name. */
static struct group seen_by_nobody(const char *place)
{
	struct group g = seen_by_a_probe();

	memset(&g.verdict, 0, sizeof(g.verdict));
	g.explained = false;
	g.loc.name = place;
	return g;
}

static void assert_deduced(const struct group *g, enum rule_backend backend)
{
	struct answer a = answer(g);

	assert_true(a.known);
	assert_false(a.certain);
	assert_int_equal(a.rule.backend, backend);
	answer_free(&a);
}

static void assert_open(const struct group *g)
{
	struct answer a = answer(g);

	assert_false(a.known);
	answer_free(&a);
}

#define COUNTS(packets) "{\"counter\": {\"packets\": " packets ", \"bytes\": 0}},"

/* The counter is read after the drop. */
static void test_rule_that_counted_nothing(void **state)
{
	struct group g = seen_by_nobody("nft_do_chain");

	(void)state;
	node.rules = RULE(TO_53 COUNTS("1") DROP);
	assert_deduced(&g, RULE_NFT);
	node.rules = RULE(TO_53 COUNTS("0") DROP);
	assert_unknown(&g, "counted no packet");
	/* also where it is the only one that may have */
	node.rules = RULE("{\"limit\": {}}," COUNTS("0") DROP);
	assert_unknown(&g, "counted no packet");
	/* behind the verdict nothing counts */
	node.rules = RULE(TO_53 DROP "," COUNTS("0") "{\"log\": null}");
	assert_deduced(&g, RULE_NFT);
	node.rules = RULE(TO_53 ACCEPT);
	g = seen_by_nobody("nf_hook_slow");
	node.legacy = "*mangle\n:FORWARD ACCEPT [9:9]\n[1:60] -A FORWARD -j DROP\nCOMMIT\n";
	assert_deduced(&g, RULE_IPTABLES_LEGACY);
	node.legacy = "*mangle\n:FORWARD ACCEPT [9:9]\n[0:0] -A FORWARD -j DROP\nCOMMIT\n";
	assert_unknown(&g, "counted no packet");
	/* iptables-nft's policies do not count */
	node.legacy = NULL;
	node.compat = true;
	node.chains = XT_CHAINS;
	node.saved = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
	g = seen_by_nobody("nft_do_chain");
	assert_deduced(&g, RULE_IPTABLES_NFT);
	node.saved = "*filter\n:FORWARD DROP [0:0]\n[0:0] -A FORWARD -j DROP\nCOMMIT\n";
	assert_unknown(&g, "counted no packet");
}

/* What one packet filter has that cannot be followed may have dropped it before the other one. */
static void test_other_filter_cannot_be_followed(void **state)
{
	struct group g = seen_by_nobody("ip_forward");

	(void)state;
	node.legacy = "*mangle\n:FORWARD ACCEPT [9:9]\n[1:60] -A FORWARD -j DROP\nCOMMIT\n";
	node.rules = RULE(TO_53 ACCEPT);
	assert_deduced(&g, RULE_IPTABLES_LEGACY);
	node.rules = "null"; /* nft's chain */
	assert_open(&g);
	node.rules = RULE(TO_53 DROP);
	node.legacy = "*mangle\n:FORWARD ACCEPT [9:9]\n-A POSTROUTING -j ACCEPT\nCOMMIT\n";
	assert_deduced(&g, RULE_NFT);
	node.legacy = "*mangle\n:FORWARD ACCEPT [9:9]\nodd\nCOMMIT\n";
	assert_open(&g);
}

#define MARK "{\"meta\": {\"key\": \"mark\"}}"
#define HAS_MARK(n)                                                                                \
	"{\"match\": {\"op\": \"==\", \"left\": {\"&\": [" MARK ", " n "]}, \"right\": " n "}},"
#define SET_MARK(n) "{\"mangle\": {\"key\": " MARK ", \"value\": {\"|\": [" MARK ", " n "]}}}"

/* One packet filter sets what another one, which runs before, asks for: it saw another mark. */
static void test_marks_of_another_filter(void **state)
{
	static const char early[] = CHAINS_AT("-200", "drop");
	struct group g = seen_by_nobody("nft_do_chain");
	struct answer a;

	(void)state;
	g.mark = 5;
	node.legacy = "*mangle\n:FORWARD ACCEPT [9:9]\n"
		      "-A FORWARD -j MARK --set-xmark 0x1/0x1\nCOMMIT\n";
	node.rules = RULE(HAS_MARK("1") DROP);
	assert_deduced(&g, RULE_NFT); /* the mark is set before */
	node.chains = early;
	assert_open(&g);		       /* or else it is the policy */
	node.rules = RULE(HAS_MARK("4") DROP); /* not by that rule */
	a = answer(&g);
	assert_true(a.known && a.rule.handle == 3);
	answer_free(&a);
	/* and the other way round */
	g = seen_by_nobody("nf_hook_slow");
	g.mark = 5;
	node.chains = CHAINS;
	node.rules = RULE(SET_MARK("1"));
	node.legacy = "*mangle\n:FORWARD DROP [9:9]\n"
		      "[1:9] -A FORWARD -m mark --mark 0x1/0x1 -j DROP\nCOMMIT\n";
	assert_open(&g);
	node.rules = RULE(SET_MARK("2"));
	a = answer(&g);
	assert_true(a.known && a.rule.number == 1);
	answer_free(&a);
	node.rules = RULE(SET_MARK("1"));
	node.chains = early;
	assert_deduced(&g, RULE_IPTABLES_LEGACY);
	/* it is set between two tables of the other one */
	node.chains = CHAINS_AT("-100", "accept");
	node.legacy = "*mangle\n:FORWARD ACCEPT [9:9]\n"
		      "-A FORWARD -j MARK --set-xmark 0x0/0x1\nCOMMIT\n"
		      "*filter\n:FORWARD ACCEPT [9:9]\n"
		      "[1:9] -A FORWARD -m mark --mark 0x1/0x1 -j DROP\n"
		      "-A FORWARD -j MARK --set-xmark 0x1/0x1\n"
		      "[1:9] -A FORWARD -j DROP\nCOMMIT\n";
	assert_open(&g);
}

/* What a program let go on from its queue died elsewhere. */
static void test_queue_did_not_do_it(void **state)
{
	struct group g = seen_by_nobody("nft_do_chain");
	struct answer a;

	(void)state;
	node.rules = "[" RULE_3("{\"queue\": {\"num\": 7}}") "]";
	assert_open(&g);
	node.rules =
		"[" RULE_3("{\"match\": {\"op\": \"==\", \"left\": {\"fib\": {}}, \"right\": 1}},"
			   "{\"queue\": {\"num\": 7}}") ", " RULE_3(TO_53 DROP) "]";
	a = answer(&g);
	assert_true(a.known);
	assert_int_equal(a.rule.verdict, RULE_DROP);
	answer_free(&a);
}

#define FROM(port)                                                                                 \
	"{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"udp\", \"field\": " \
	"\"sport\"}}, \"right\": " port "}},"
#define RULE_4(statements)                                                                         \
	"{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"handle\": 4, "                        \
	"\"expr\": [" statements "]}}"

/* Packets of one group by their source port: the first is the group's. */
static void set_seen(struct group *g, struct seen_packet *seen, size_t n, const uint16_t *ports)
{
	g->seen = seen;
	g->n_seen = n;
	g->flow.sport = ports[0];
	for (size_t i = 0; i < n; i++)
		seen[i] = (struct seen_packet){
			.flow = g->flow, .ct_state = g->ct_state, .packets = i + 1};
	for (size_t i = 0; i < n; i++)
		seen[i].flow.sport = ports[i];
	seen[0].first = true;
}

/* Another packet of the group is another rule's, and of one nobody knows. */
static void test_rules_of_one_group(void **state)
{
	static const uint16_t ports[] = {1000, 2000, 1000, 3000};
	struct group g = seen_by_a_probe();
	struct seen_packet seen[4];
	struct answer a;

	(void)state;
	node.rules = "[" RULE_3(FROM("1000") DROP) ", " RULE_4(FROM("2000") DROP) "]";
	memset(&g.verdict, 0, sizeof(g.verdict));
	g.explained = false;
	set_seen(&g, seen, 4, ports);
	a = answer(&g);
	assert_int_equal(a.rule.handle, 3);
	assert_int_equal(a.n_seen, 4);
	assert_int_equal(a.seen[0], SEEN_SAME);
	assert_int_equal(a.seen[1], SEEN_ALSO);
	assert_int_equal(a.seen[2], SEEN_SAME);
	assert_int_equal(a.seen[3], SEEN_UNKNOWN);
	assert_int_equal(a.n_also, 1);
	assert_int_equal(a.also[0].handle, 4);
	answer_free(&a);
	/* the first that is kept is not the one that the group is described by */
	seen[0].first = false;
	seen[0].flow.sport = 2000;
	a = answer(&g);
	assert_int_equal(a.rule.handle, 3);
	assert_int_equal(a.seen[0], SEEN_ALSO);
	answer_free(&a);
	seen[0].first = true;
	seen[0].flow.sport = 1000;
	/* a probe saw the other rule, of the second packet */
	g.verdict = seen_by_a_probe().verdict;
	g.verdict.rule = 4;
	g.asks = 1;
	seen[1].told = seen[1].told_rule = true;
	a = answer(&g);
	assert_true(a.certain);
	assert_int_equal(a.rule.handle, 4);
	assert_int_equal(a.seen[0], SEEN_ALSO);
	assert_int_equal(a.seen[1], SEEN_SAME);
	assert_int_equal(a.also[0].handle, 3);
	answer_free(&a);
}

static struct answer deduced(const char *text)
{
	struct answer a = {.known = true, .why = "x"};

	a.rule.backend = RULE_NFT;
	a.rule.family = strdup("ip");
	a.rule.table = strdup("t");
	a.rule.chain = strdup("c");
	a.rule.handle = 5;
	a.rule.text = strdup(text);
	return a;
}

/* A group's rule is told before its packets are replayed; and each of them is replayed once. */
static void test_rule_comes_before_other_packets(void **state)
{
	static const uint16_t ports[] = {1000, 2000, 1000, 3000};
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	struct reader r = {.has_nft = true, .from = &source};
	struct seen_packet seen[4];
	struct answer a = {};
	int reads;

	(void)state;
	g.loc.name = "nft_do_chain";
	node.rules = "[" RULE_3(FROM("1000") DROP) ", " RULE_4(FROM("2000") DROP) "]";
	set_seen(&g, seen, 3, ports);
	reader_answer(&r, &g, &a);
	assert_true(a.known && !a.more);
	assert_int_equal(node.reads, 1);
	assert_int_equal(a.n_seen, 1);
	assert_true(reader_more(&r, &g, &a));
	assert_true(a.known && a.more);
	assert_int_equal(node.reads, 3);
	assert_int_equal(a.seen[1], SEEN_ALSO);
	g.rule = &a.rule;
	g.also = a.also;
	g.n_also = a.n_also;
	for (size_t i = 0; i < 3; i++)
		seen[i].rule = a.seen[i];
	/* one more came since, also by the other rule */
	g.seen_only = true;
	g.seen_answered = 3;
	seen[3] = seen[1];
	g.n_seen = 4;
	reads = node.reads;
	for (int round = 0; round < 2; round++) {
		struct answer now = {};

		reader_answer(&r, &g, &now);
		assert_true(reader_more(&r, &g, &now));
		assert_true(now.more);
		if (!round) {
			assert_int_equal(node.reads, reads + 2);
			assert_int_equal(now.n_seen, 4);
			assert_int_equal(now.seen[1], SEEN_ALSO);
			assert_int_equal(now.seen[3], SEEN_ALSO);
			assert_int_equal(now.n_also, 1);
			assert_string_equal(now.also[0].text, "the rule's text");
		} else {
			/* all would be another rule's now: nothing is asked of them */
			assert_int_equal(node.reads, reads + 3);
			assert_int_equal(now.n_also, 0);
		}
		answer_free(&now);
		node.rules = "[" RULE_4(FROM("1000") DROP) "]";
	}
	answer_free(&a);
	/* neither has counted them all: it is asked of each packet whose it is, also of the first
	 */
	node.rules = "[" RULE_3(FROM("1000") COUNTS("1") DROP) ", " RULE_4(FROM("2000") COUNTS("2")
										   DROP) "]";
	g.packets = 3;
	g.n_seen = 2;
	g.n_also = 0;
	g.seen_only = true;
	g.seen_answered = 1;
	a = deduced("drop");
	a.rule.handle = 3;
	g.rule = &a.rule;
	for (int round = 0; round < 2; round++) {
		struct answer now = {};

		reader_answer(&r, &g, &now);
		assert_false(now.known);
		assert_true(reader_more(&r, &g, &now));
		assert_int_equal(now.more, !round);
		assert_int_equal(now.n_seen, 2);
		assert_int_equal(now.rule.handle, 3);
		assert_int_equal(now.also[0].handle, 4);
		answer_free(&now);
		g.seen_only = false;
	}
	answer_free(&a);
	node.rules = "[" RULE_4(FROM("1000") DROP) "]";
	g.packets = 0;
	/* what was read is of two rulesets */
	g.seen_only = false;
	reader_answer(&r, &g, &a);
	node.changes = 1;
	assert_false(reader_more(&r, &g, &a));
	answer_free(&a);
	reader_close(&r);
}

/* Some died before the ruleset changed: of those is not known what dropped them. */
static void test_packets_of_another_ruleset(void **state)
{
	static const uint16_t ports[] = {1000, 2000, 1000, 3000};
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	struct seen_packet seen[4];
	struct answer a;

	(void)state;
	g.loc.name = "nft_do_chain";
	node.rules = "[" RULE_3(FROM("1000") DROP) ", " RULE_4(FROM("2000") DROP) "]";
	set_seen(&g, seen, 4, ports);
	for (size_t i = 0; i < 4; i++)
		seen[i].first_ns = seen[i].last_ns = 50 + 10 * i;
	g.first_ns = 50;
	g.last_ns = 80;
	g.rule_drop_generation = 7;
	g.rule_before_ns = 61;
	g.rule_since_ns = 65;
	g.rule_read_ns = 90;
	a = answer(&g);
	assert_true(a.known && !a.unsure); /* the third is as the first was */
	assert_int_equal(a.seen[0], SEEN_UNKNOWN);
	assert_int_equal(a.seen[1], SEEN_UNKNOWN);
	assert_int_equal(a.seen[2], SEEN_SAME);
	assert_int_equal(a.n_also, 0);
	answer_free(&a);
	/* one of those before was like one since */
	seen[2].first_ns = 55;
	a = answer(&g);
	assert_int_equal(a.seen[2], SEEN_UNKNOWN);
	answer_free(&a);
	/* what died since is not that rule's */
	seen[2].flow.sport = 3000;
	a = answer(&g);
	assert_true(a.known && a.unsure);
	answer_free(&a);
	seen[0].last_ns = 70;
	a = answer(&g);
	assert_true(a.known && !a.unsure);
	answer_free(&a);
}

/* Packets are many, and rules are: those are parsed once, and texts are made of what is told. */
static void test_rules_are_read_once(void **state)
{
	static const uint16_t ports[] = {1000, 2000, 3000, 4000};
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	struct reader r = {.has_nft = true, .from = &source};
	struct seen_packet seen[4];
	struct answer a = {};

	(void)state;
	node.filter = "*filter\n:FORWARD ACCEPT [0:0]\n[9:9] -A FORWARD -j DROP\nCOMMIT\n";
	node.rules = "[]";
	set_seen(&g, seen, 4, ports);
	reader_answer(&r, &g, &a);
	assert_int_equal(a.rule.backend, RULE_IPTABLES_LEGACY);
	assert_int_equal(node.tools, 2); /* a run for each table */
	answer_free(&a);
	/* until they change */
	node.filter = NULL;
	reader_answer(&r, &g, &a);
	assert_int_equal(a.rule.backend, RULE_IPTABLES_LEGACY);
	answer_free(&a);
	node.generation++;
	reader_answer(&r, &g, &a);
	assert_false(a.known);
	answer_free(&a);
	reader_close(&r);
	/* for each of the four packets both may have been it */
	g.loc.name = "nft_do_chain";
	node.legacy = NULL;
	node.rules = "[" RULE_3("{\"limit\": {}}," DROP) ", " RULE_4("{\"limit\": {}}," DROP) "]";
	a = answer(&g);
	assert_int_equal(a.n_may_be, 2);
	assert_string_equal(a.may_be[1].text, "the rule's text");
	assert_int_equal(node.texts, 2);
	answer_free(&a);
}

/* Whose the other packets are arrives, too; and asking for those alone changes no rule. */
static void test_seen_arrives(void **state)
{
	struct group g = seen_by_a_probe();
	struct answer a = deduced("drop");

	(void)state;
	g.packets = 100;
	g.seen = calloc(3, sizeof(*g.seen));
	g.n_seen = 3;
	for (size_t i = 0; i < 3; i++)
		g.seen[i].packets = 10 + i;
	memset(&g.verdict, 0, sizeof(g.verdict));
	tell(&g, &a);
	assert_int_equal(group_rule_seen(&g), 0);
	a = deduced("drop");
	a.more = true;
	a.n_seen = 3;
	a.seen[0] = SEEN_SAME;
	a.seen[1] = SEEN_ALSO;
	a.n_also = 1;
	a.also[0] = (struct rule){.table = strdup("u"), .handle = 9};
	tell(&g, &a);
	assert_int_equal(g.seen_answered, 3);
	assert_int_equal(group_rule_seen(&g), 10);
	assert_int_equal(group_also_seen(&g, 0), 11);
	assert_int_equal(g.also[0].handle, 9);
	g.rule_certain = true;
	assert_false(group_rule_certain(&g));
	g.rule_certain = false;
	/* the first packet would be another rule's now: the ruleset has changed */
	a = deduced("drop");
	a.rule.handle = 6;
	a.more = true;
	a.n_seen = 1;
	a.seen[0] = SEEN_SAME;
	g.seen_asked = 4;
	tell(&g, &a);
	assert_int_equal(g.seen_answered, 4); /* not to be asked again */
	assert_int_equal(g.rule->handle, 5);
	assert_int_equal(g.n_also, 1);
	group_free(&g);
}

/* Unless it was that one that was deduced. */
static void test_gone_rule_replaces_a_deduced_one(void **state)
{
	struct answer a = deduced("drop"), gone = {.gone = true, .why = "gone"};
	struct group g = seen_by_a_probe();

	(void)state;
	tell(&g, &a);
	assert_non_null(g.rule);
	g.verdict.rule = 5;
	tell(&g, &gone);
	assert_non_null(g.rule);
	g.verdict.rule = 3;
	gone = (struct answer){.gone = true, .why = "gone"};
	tell(&g, &gone);
	assert_null(g.rule);
	assert_string_equal(g.rule_why, "gone");
	group_free(&g);
}

/* A probe saw conntrack's verdict while the answer was on its way. */
static void test_no_rule_after_all(void **state)
{
	struct answer a = deduced("drop");
	struct group g = seen_by_a_probe();

	(void)state;
	g.verdict.function = "nf_conntrack_in";
	tell(&g, &a);
	assert_null(g.rule);
	group_free(&g);
}

/* Who may have been it is told, as far as it helps. */
static void test_several_may_have(void **state)
{
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	struct answer a;

	(void)state;
	node.filter = "*filter\n:FORWARD DROP [1:1]\n"
		      "[1:1] -A FORWARD -m limit --limit 1/s -j DROP\n"
		      "[1:1] -A FORWARD -m limit --limit 2/s -j DROP\n"
		      "[1:1] -A FORWARD -m limit --limit 3/s -j DROP\n"
		      "[1:1] -A FORWARD -m limit --limit 4/s -j DROP\nCOMMIT\n";
	a = answer(&g);
	tell(&g, &a);
	assert_null(g.rule);
	assert_int_equal(g.rule_others, 5);
	assert_int_equal(g.n_rule_may_be, 4);
	assert_int_equal(g.rule_may_be[3].number, 4);
	assert_string_equal(g.rule_may_be[0].text, "-A FORWARD -m limit --limit 1/s -j DROP");
	node.filter = NULL;
	a = answer(&g);
	tell(&g, &a);
	assert_int_equal(g.n_rule_may_be, 0);
	group_free(&g);
}

/* The next time is later each time, for a while. */
static void test_again_is_later_each_time(void **state)
{
	struct group g = by_the_place(HOOK_FORWARD, CT_NEW);
	uint64_t waited = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct answer a = {.changing = true, .why = "x"};
		uint64_t wait;

		tell(&g, &a);
		assert_true(g.rule_again && g.rule_changing);
		wait = g.rule_again_ns - g.rule_counted_ns;
		assert_true(i < 6 ? wait > waited : wait == waited || i == 6);
		waited = wait;
	}
	assert_in_range(waited, 10000000000ULL, 60000000000ULL);
	group_free(&g);
}

/* Not only UTF-8: the kernel takes any comment. */
static void test_any_bytes_arrive(void **state)
{
	char bytes[256];
	struct group g = {};
	struct answer a;

	(void)state;
	for (int i = 1; i < 256; i++)
		bytes[i - 1] = (char)i;
	bytes[255] = '\0';
	a = deduced(bytes);
	a.rule.comment = strdup("gr\xc3\xbc\xc3\x9f\x65 \xff");
	tell(&g, &a);
	assert_non_null(g.rule);
	assert_string_equal(g.rule->text, bytes);
	assert_string_equal(g.rule->comment, "gr\xc3\xbc\xc3\x9f\x65 \xff");
	group_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rule_that_a_probe_saw, set_node),
		cmocka_unit_test_setup(test_no_tool_loads_nft_compat, set_node),
		cmocka_unit_test_setup(test_native_rules_in_a_table_of_that_name, set_node),
		cmocka_unit_test_setup(test_handle_of_another_rule_now, set_node),
		cmocka_unit_test_setup(test_handle_of_another_drop_now, set_node),
		cmocka_unit_test_setup(test_ruleset_changes_while_it_is_read, set_node),
		cmocka_unit_test_setup(test_table_made_anew, set_node),
		cmocka_unit_test(test_any_bytes_arrive),
		cmocka_unit_test_setup(test_nat_without_a_route, set_node),
		cmocka_unit_test_setup(test_rule_that_counted_too_few, set_node),
		cmocka_unit_test_setup(test_ruleset_changed_since_the_drop, set_node),
		cmocka_unit_test_setup(test_rule_that_may_be_newer, set_node),
		cmocka_unit_test_setup(test_packets_of_another_ruleset, set_node),
		cmocka_unit_test_setup(test_rules_are_read_once, set_node),
		cmocka_unit_test_setup(test_rule_comes_before_other_packets, set_node),
		cmocka_unit_test_setup(test_only_one_may_have, set_node),
		cmocka_unit_test_setup(test_ipvs, set_node),
		cmocka_unit_test_setup(test_policy_or_a_full_match, set_node),
		cmocka_unit_test_setup(test_policy_behind_a_return, set_node),
		cmocka_unit_test_setup(test_several_may_have, set_node),
		cmocka_unit_test(test_again_is_later_each_time),
		cmocka_unit_test_setup(test_conntrack_table_is_full, set_node),
		cmocka_unit_test_setup(test_no_rule_after_all, set_node),
		cmocka_unit_test_setup(test_drop_of_nat, set_node),
		cmocka_unit_test_setup(test_drop_of_nat_untold, set_node),
		cmocka_unit_test_setup(test_before_conntrack, set_node),
		cmocka_unit_test_setup(test_rules_of_one_group, set_node),
		cmocka_unit_test_setup(test_seen_arrives, set_node),
		cmocka_unit_test_setup(test_only_queues_at_a_queue, set_node),
		cmocka_unit_test_setup(test_queue_did_not_do_it, set_node),
		cmocka_unit_test_setup(test_rule_that_counted_nothing, set_node),
		cmocka_unit_test_setup(test_other_filter_cannot_be_followed, set_node),
		cmocka_unit_test_setup(test_marks_of_another_filter, set_node),
		cmocka_unit_test_setup(test_gone_rule_replaces_a_deduced_one, set_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
