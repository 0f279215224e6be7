// SPDX-License-Identifier: GPL-2.0-only
/* One report, as text and as JSON, with hostile names in it. */
#include <errno.h>
#include <jansson.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "fake_host.h"
#include "report.h"
#include "rules/rule.h"

static const struct fault fault = {.id = "a-fault", .title = "a title", .link = "https://x.test/"};

struct made {
	struct fake_host h;
	struct report r;
	struct group groups[3];
	struct finding f;
	struct probe_report probe;
};

static int setup(void **state)
{
	struct made *m = calloc(1, sizeof(*m));
	struct group *g = m->groups;

	fake_host_init(&m->h);
	fake_netns(&m->h, 5, "pod\033[2J");
	for (int i = 0; i < 3; i++) {
		snprintf(g[i].reason, sizeof(g[i].reason), "IP_INADDRERRORS");
		g[i].kind = SAMPLE_DROP;
		g[i].loc = (struct symbol){.name = "ip_error", .off = 0x94, .addr = 1};
		g[i].packets = 1234567;
		g[i].first_ns = 1000000000;
		g[i].last_ns = 2000000000;
		g[i].netns = 5;
		g[i].finding = -1;
		g[i].flow = (struct flow){.l3 = ETHERTYPE_IP,
					  .proto = IPPROTO_TCP,
					  .src = an_addr("10.0.0.1"),
					  .dst = an_addr("10.0.0.2"),
					  .has_ports = true,
					  .dport = 80};
		memcpy(g[i].in, "e\033[31m\xff\n", 9);
	}
	g[0].finding = 0;
	g[0].class = CLASS_FAULT;
	g[2].class = CLASS_NOISE;
	g[2].noise = "noisy";
	m->f.fault = &fault;
	m->f.status = STATUS_CONFIRMED;
	m->f.netns = 5;
	m->f.place = strdup("node1/eth0");
	finding_summary(&m->f, "it is broken on e\033[0m");
	finding_evidence(&m->f, AGREES_YES, "sysctl x", "0", "1");
	finding_evidence(&m->f, AGREES_UNREAD, "other", "\xff", NULL);
	finding_fix(&m->f, FIX_NOW, "sysctl -w x=1");
	finding_fix(&m->f, FIX_ADVICE, "think");
	m->f.packets = 1234567;
	m->f.groups = calloc(1, sizeof(int));
	m->f.n_groups = 1;
	m->probe = (struct probe_report){.name = "kfree_skb", .how = "tp_btf", .has_missed = true};
	m->r = (struct report){.node = "n",
			       .kernel = "6.18",
			       .start_ns = 1700000000000000000,
			       .end_ns = 1700000030000000000,
			       .probes = &m->probe,
			       .n_probes = 1,
			       .groups = g,
			       .n_groups = 3,
			       .findings = &m->f,
			       .n_findings = 1,
			       .host = &m->h.base};
	m->r.acc = (struct accounting){
		.seen = 3703702, .counted = 3703701, .filtered = 1, .has_missed = true};
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct made *m = *state;

	finding_free(&m->f);
	free(m);
	return 0;
}

static char *render(const struct report *r, bool json, bool colour)
{
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	assert_int_equal(json ? out_json(r, to) : out_text(r, to, colour, true), 0);
	fclose(to);
	return text;
}

static void test_text(void **state)
{
	static const char *const parts[] = {
		"CONFIRMED  a-fault  a title",
		"it is broken on e\\x1b[0m.",
		"1,234,567 packets dropped",
		"✓ sysctl x: 0  (healthy: 1)",
		"? other: \\xff",
		"      ip netns exec 'pod\\x1b[2J' sysctl -w x=1\n",
		"    - think\n",
		"Unexplained drops: 1,234,567 packets in 1 group",
		"Noise: 1,234,567 packets in 1 group that every healthy machine drops: noisy.",
		"3,703,702 drops seen = 3,703,701 counted + 0 uncounted + 1 filtered\n0 missed;"};
	struct made *m = *state;
	char *text = render(&m->r, false, false);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_has(text, parts[i]);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\xff'));
	assert_null(strstr(text, "WARNING"));
	free(text);
}

/* For a finding's drops and for unexplained ones, once each, and not where it says nothing new. */
static void test_text_says_which_service(void **state)
{
	struct made *m = *state;
	char *text, *at;

	for (int i = 0; i < 2; i++) {
		m->groups[i].has_original = true;
		m->groups[i].original = m->groups[i].flow;
	}
	text = render(&m->r, false, false);
	assert_null(strstr(text, "before NAT"));
	free(text);
	for (int i = 0; i < 2; i++)
		m->groups[i].original.dst = an_addr("10.96.0.10");
	text = render(&m->r, false, false);
	at = strstr(text, "its connection before NAT: tcp 10.0.0.1:* > 10.96.0.10:80\n");
	assert_non_null(at);
	assert_has(at + 1, "its connection before NAT: ");
	free(text);
}

static void test_text_says_what_was_lost(void **state)
{
	struct made *m = *state;
	char *text;

	m->r.ended_early = true;
	m->r.acc.uncounted = 1;
	m->r.acc.folded = 2;
	m->r.acc.missed = 3;
	m->r.acc.has_missed = true;
	m->r.acc.samples_lost = 4;
	m->r.acc.hooks_lost = 5;
	m->r.acc.retransmits_lost = 6;
	m->r.addresses_hidden = m->r.rules_closed = true;
	m->probe.degraded = true;
	text = render(&m->r, false, false);
	assert_has(text, "WARNING tracing ended early");
	assert_has(text, "WARNING 1 packet is not in this report");
	assert_has(text, "WARNING 2 packets are counted by reason");
	assert_has(text, "WARNING 3 drops were not seen");
	assert_has(text, "WARNING 4 samples were lost");
	assert_has(text, "WARNING 5 hook records were lost");
	assert_has(text, "WARNING 6 retransmits were not looked at");
	assert_has(text, "WARNING the kernel hides its addresses");
	assert_has(text, "WARNING without CAP_NET_ADMIN or CAP_NET_RAW");
	assert_has(text, "WARNING probe kfree_skb: tp_btf");
	free(text);
}

/* Colours are ours: every escape sequence is one of them. */
static void test_colour(void **state)
{
	struct made *m = *state;
	char *text = render(&m->r, false, true);

	assert_has(text, "\033[1;31mCONFIRMED\033[0m");
	for (const char *p = text; (p = strchr(p, '\033')); p++)
		assert_true(p[1] == '[' && p[1 + 1 + strspn(p + 2, "0123456789;")] == 'm');
	assert_null(strstr(text, "\033[2J"));
	free(text);
}

static void test_json(void **state)
{
	struct made *m = *state;
	char *text = render(&m->r, true, false);
	json_error_t err;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &err), *f, *d;

	assert_non_null(j);
	f = json_array_get(json_object_get(j, "findings"), 0);
	assert_string_equal(json_string_value(json_object_get(f, "id")), "a-fault:node1/eth0");
	assert_string_equal(json_string_value(json_object_get(f, "summary")),
			    "it is broken on e\033[0m");
	assert_true(json_is_null(
		json_object_get(json_array_get(json_object_get(f, "evidence"), 1), "agrees")));
	d = json_array_get(json_object_get(j, "drops"), 0);
	assert_string_equal(json_string_value(json_object_get(d, "location")), "ip_error+0x94");
	assert_string_equal(json_string_value(json_object_get(d, "in")), "e\033[31m\\xff\n");
	assert_null(json_object_get(d, "out"));
	assert_null(json_object_get(json_object_get(d, "flow"), "sport"));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(j, "window"), "start")),
		"2023-11-14T22:13:20.000000Z");
	json_decref(j);
	free(text);
}

/* What hook programs saw: of a finding's drop, and of an unexplained one. Names come from rulesets.
 */
static void test_what_hook_programs_saw(void **state)
{
	struct made *m = *state;
	struct group *g = m->groups;
	char *text;
	json_t *j, *d;

	m->f.groups[0] = 0;
	g[0].decided_by = "nf_hook_slow";
	g[0].verdict.function = "nft_do_chain";
	g[0].verdict.family = "inet";
	strcpy(g[0].verdict.table, "f\033[2Jw");
	strcpy(g[0].verdict.chain, "in\xff");
	g[1].decided_by = "br_forward";
	strcpy(g[1].out, "vethb");
	g[1].port.known = g[1].port.isolated = true;
	g[1].port.state = 3;
	text = render(&m->r, false, false);
	assert_has(text, "by nft_do_chain, table inet f\\x1b[2Jw, base chain in\\xff\n");
	assert_has(text, "by br_forward, to bridge port vethb (forwarding, isolated)\n");
	free(text);
	text = render(&m->r, true, false);
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	d = json_object_get(json_array_get(json_object_get(j, "drops"), 0), "verdict");
	assert_string_equal(json_string_value(json_object_get(d, "function")), "nft_do_chain");
	assert_string_equal(json_string_value(json_object_get(d, "table")), "f\033[2Jw");
	assert_string_equal(json_string_value(json_object_get(d, "base_chain")), "in\\xff");
	d = json_object_get(json_array_get(json_object_get(j, "drops"), 1), "port");
	assert_string_equal(json_string_value(json_object_get(d, "state")), "forwarding");
	assert_true(json_is_true(json_object_get(d, "isolated")));
	assert_true(json_is_false(json_object_get(d, "hairpin")));
	assert_null(json_object_get(json_array_get(json_object_get(j, "drops"), 1), "verdict"));
	json_decref(j);
	free(text);
}

/* Of a drop that no rule did, who then; and of a rule that is meant, that it is. */
static void test_rules_and_none(void **state)
{
	struct made *m = *state;
	struct rule policy = {.family = (char *)"ip",
			      .table = (char *)"filter",
			      .chain = (char *)"cali-tw-1",
			      .number = 2,
			      .text = (char *)"-A cali-tw-1 -j DROP",
			      .backend = RULE_IPTABLES_LEGACY};
	struct group *g = m->groups;
	char *text;
	json_t *j, *d;

	m->f.groups[0] = 0;
	g[0].rule = &policy;
	g[1].hook = HOOK_PREROUTING;
	g[1].verdict.function = "nf_conntrack_in";
	text = render(&m->r, false, false);
	assert_has(text, "(written by Calico) (a policy: perhaps intended)\n");
	assert_has(text, "rule: none did it: conntrack, which has no room for a new connection\n");
	free(text);
	text = render(&m->r, true, false);
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	d = json_object_get(json_array_get(json_object_get(j, "drops"), 0), "rule");
	assert_true(json_is_true(json_object_get(d, "intended")));
	d = json_object_get(json_array_get(json_object_get(j, "drops"), 1), "no_rule");
	assert_has(json_string_value(d), "no room");
	json_decref(j);
	free(text);
	g[0].rule = NULL;
}

/* What the sender of the packet got. */
static void test_reject(void **state)
{
	struct made *m = *state;
	struct rule reject = {.family = (char *)"inet",
			      .table = (char *)"fw",
			      .chain = (char *)"out",
			      .handle = 3,
			      .text = (char *)"udp dport 53 reject",
			      .backend = RULE_NFT,
			      .verdict = RULE_REJECT};
	struct group *g = m->groups;
	char *text;
	json_t *j, *d;

	m->f.groups[0] = 0;
	g[0].rule = &reject;
	g[0].flow.l3 = 0x86dd;
	text = render(&m->r, false, false);
	assert_has(text,
		   "handle 3: udp dport 53 reject, which sends back icmpv6 port-unreachable\n");
	free(text);
	text = render(&m->r, true, false);
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	d = json_object_get(json_array_get(json_object_get(j, "drops"), 0), "rule");
	assert_string_equal(json_string_value(json_object_get(d, "verdict")), "reject");
	assert_string_equal(json_string_value(json_object_get(d, "sent")),
			    "icmpv6 port-unreachable");
	json_decref(j);
	free(text);
	g[0].rule = NULL;
}

/* One rule stands for a group; another one's packets are told. */
static void test_rules_also(void **state)
{
	struct made *m = *state;
	struct rule rule = {.family = (char *)"ip",
			    .table = (char *)"filter",
			    .chain = (char *)"OUTPUT",
			    .number = 1,
			    .text = (char *)"-A OUTPUT --sport 1 -j DROP",
			    .backend = RULE_IPTABLES_LEGACY};
	struct rule also = rule;
	struct seen_packet seen[] = {{.packets = 2, .rule = SEEN_SAME},
				     {.packets = 3, .rule = SEEN_ALSO},
				     {.packets = 1, .rule = SEEN_UNKNOWN}};
	struct group *g = m->groups;
	char *text;
	json_t *j, *d;

	also.number = 2;
	m->f.groups[0] = 0;
	g[0].packets = 100;
	g[0].rule = &rule;
	g[0].rule_certain = true;
	g[0].seen = seen;
	g[0].n_seen = 3;
	text = render(&m->r, false, false);
	assert_has(text, "seen for 2 of 100 packets\n"); /* -v */
	free(text);
	g[0].also = &also;
	g[0].n_also = 1;
	text = render(&m->r, false, false);
	assert_has(text, "seen for 2 of 100 packets\n");
	assert_has(text, "another rule dropped 3 of them: iptables-legacy filter OUTPUT 2:");
	free(text);
	text = render(&m->r, true, false);
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	d = json_object_get(json_array_get(json_object_get(j, "drops"), 0), "rule");
	assert_int_equal(json_integer_value(json_object_get(d, "seen")), 2);
	assert_true(json_is_false(json_object_get(d, "certain")));
	d = json_array_get(
		json_object_get(json_array_get(json_object_get(j, "drops"), 0), "rules_also"), 0);
	assert_int_equal(json_integer_value(json_object_get(d, "number")), 2);
	assert_int_equal(json_integer_value(json_object_get(d, "seen")), 3);
	json_decref(j);
	free(text);
	g[0].rule = g[0].also = NULL;
	g[0].seen = NULL;
	g[0].n_seen = g[0].n_also = 0;
}

static void test_full_disk(void **state)
{
	struct made *m = *state;
	FILE *to = fopen("/dev/full", "w");

	assert_int_equal(out_json(&m->r, to), -ENOSPC);
	fclose(to);
	to = fopen("/dev/full", "w");
	assert_int_equal(out_text(&m->r, to, false, false), -ENOSPC);
	fclose(to);
}

static void test_one_is_singular(void **state)
{
	struct made *m = *state;
	char *text;

	m->r.acc = (struct accounting){.seen = 1,
				       .counted = 1,
				       .folded = 1,
				       .has_missed = true,
				       .missed = 1,
				       .samples_lost = 1,
				       .unsampled = 1};
	text = render(&m->r, false, false);
	assert_has(text, "1 drop seen = 1 counted");
	assert_has(text, "WARNING 1 packet is counted by reason");
	assert_has(text, "WARNING 1 drop was not seen");
	assert_has(text, "WARNING 1 sample was lost");
	assert_has(text, "1 group had no sample and is described");
	free(text);
}

/* That nothing is sampled is no loss of samples. */
static void test_text_without_samples(void **state)
{
	struct made *m = *state;
	char *text;

	m->r.no_samples = true;
	m->r.acc.samples_lost = 4;
	text = render(&m->r, false, false);
	assert_has(text, "WARNING the lock of BPF's ring buffer may sleep");
	assert_null(strstr(text, "samples were lost"));
	free(text);
}

/* What is told of the rule stands once; and of several findings each is in one line at the top. */
static void test_text_says_it_once(void **state)
{
	struct made *m = *state;
	struct rule rule = {.family = (char *)"ip",
			    .table = (char *)"fw",
			    .chain = (char *)"forward",
			    .text = (char *)"drop"};
	struct finding two[2];
	char *text, *at;

	m->groups[0].rule = &rule;
	m->groups[0].other_ports = true;
	m->f.rule = rule_str(&rule);
	finding_evidence(&m->f, AGREES_YES, "rule", m->f.rule, NULL);
	text = render(&m->r, false, false);
	at = strstr(text, "CONFIRMED");
	assert_non_null(at);
	assert_null(strstr(text, "✓ rule: "));
	assert_has(at, "10.0.0.2:80 (and from other ports)\n");
	assert_null(strstr(text, "2 findings"));
	free(text);
	two[0] = two[1] = m->f;
	two[1].packets = 0;
	m->r.findings = two;
	m->r.n_findings = 2;
	text = render(&m->r, false, false);
	assert_has(text, "\n2 findings: a-fault (1,234,567), a-fault (silence)\n");
	free(text);
}

/* A report that lost or left out everything must not say that nothing was dropped. */
static void test_no_findings_says_what_it_means(void **state)
{
	static const struct {
		struct accounting acc;
		const char *text;
	} cases[] = {
		{{.seen = 9, .counted = 9}, "No findings: nothing known to be misconfigured"},
		{{.seen = 5, .uncounted = 5}, "No findings: 5 drops were seen, but there was no"},
		{{.seen = 6, .uncounted = 5, .filtered = 1}, "No findings: 5 drops were seen, but"},
		{{.seen = 1, .filtered = 1}, "No dropped packet matches the filters; 1 drop was"},
	};
	struct made *m = *state;

	m->r.n_groups = m->r.n_findings = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text;

		m->r.acc = cases[i].acc;
		text = render(&m->r, false, false);
		assert_has(text, cases[i].text);
		assert_null(strstr(text, "No packet was dropped"));
		free(text);
	}
}

static void test_show_all(void **state)
{
	struct made *m = *state;
	char *text;

	text = render(&m->r, false, false);
	assert_has(text, "json lists them."); /* `whydrop assert` has no --all */
	free(text);
	m->r.has_all = true;
	text = render(&m->r, false, false);
	assert_has(text, "--all");
	free(text);
	m->r.show_all = true;
	text = render(&m->r, false, false);
	assert_has(text, "Noise: 1,234,567 packets in 1 group\n");
	assert_has(text, "noise: noisy\n");
	assert_null(strstr(text, "--all"));
	free(text);
}

static void test_where_a_fix_runs(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{"host", "Fix now\n      sysctl -w x=1\n"},
		{"pod-a", "Fix now\n      ip netns exec pod-a sysctl -w x=1\n"},
		{"pid 42 (x)", "Fix now\n      nsenter -t 42 -n sysctl -w x=1\n"},
		{"/run/x y", "Fix now\n      nsenter --net='/run/x y' sysctl -w x=1\n"},
		{NULL, "Fix now in netns 5, of which no name and no process is known:\n      # "
		       "there: sysctl"},
	};
	struct made *m = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text;

		m->h.netns[0].name = cases[i].name;
		text = render(&m->r, false, false);
		assert_has(text, cases[i].text);
		free(text);
	}
}

/* What the shell makes of it must happen in that netns. */
static void test_fix_of_a_shell(void **state)
{
	struct made *m = *state;
	char *line;

	m->h.netns[0].name = "pod-a";
	line = finding_command(&m->f, &m->h.base, "echo 'a b' > /tmp/c");
	assert_string_equal(line, "ip netns exec pod-a sh -c 'echo '\\''a b'\\'' > /tmp/c'");
	free(line);
}

static json_t *only_drop(const struct report *r)
{
	char *text = render(r, true, false);
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *drop;

	assert_non_null(j);
	drop = json_incref(json_array_get(json_object_get(j, "drops"), 0));
	json_decref(j);
	free(text);
	return drop;
}

/* Nothing is cut, nothing turns negative, and no hostile byte makes an element go away. */
static void test_json_extremes(void **state)
{
	struct symbol frames[2] = {{.name = "bad\xff", .off = 1, .module = "m\xfe"}, {.addr = 1}};
	struct made *m = *state;
	struct group *g = m->groups;
	json_t *d, *stack;

	g->packets = UINT64_MAX;
	g->loc.name = NULL;
	g->stack = frames;
	g->n_stack = 2;
	g->path = malloc(10001);
	memset(g->path, 'a', 10000);
	g->path[10000] = '\0';
	m->r.addresses_hidden = true;
	d = only_drop(&m->r);
	assert_true(json_integer_value(json_object_get(d, "packets")) == INT64_MAX);
	assert_int_equal(json_string_length(json_object_get(d, "path")), 10000);
	assert_string_equal(json_string_value(json_object_get(d, "location")), "(address hidden)");
	stack = json_object_get(d, "stack");
	assert_int_equal(json_array_size(stack), 2);
	assert_string_equal(json_string_value(json_array_get(stack, 0)), "bad\\xff+0x1 [m\\xfe]");
	json_decref(d);
	free(g->path);
	g->path = NULL;
	g->n_stack = 0;
	g->stack = NULL;
}

static void test_json_has_what_is_required(void **state)
{
	struct made *m = *state;
	json_t *j;
	char *text;

	m->r.node[0] = '\0';
	text = render(&m->r, true, false);
	j = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "node"), "name")),
			    "(none)");
	assert_null(json_object_get(json_object_get(j, "node"), "boot_id"));
	json_decref(j);
	free(text);
}

static void test_long_lists(void **state)
{
	enum {
		N = 25
	};
	struct made *m = *state;
	struct group *many = calloc(N, sizeof(*many));
	char *text = NULL;
	size_t n;
	FILE *to;

	for (int i = 0; i < N; i++) {
		many[i] = m->groups[i < 5 ? 0 : 1];
		many[i].packets = (uint64_t)(100 - i);
	}
	m->f.groups = realloc(m->f.groups, 5 * sizeof(int));
	for (m->f.n_groups = 0; m->f.n_groups < 5; m->f.n_groups++)
		m->f.groups[m->f.n_groups] = (int)m->f.n_groups;
	many[24].class = CLASS_UNEXPLAINED;
	m->r.groups = many;
	m->r.n_groups = N;
	text = render(&m->r, false, false);
	assert_has(text, "              and 2 more flows\n");
	assert_null(strstr(text, "more group")); /* verbose, and 20 */
	free(text);
	many[4].class = CLASS_UNEXPLAINED;
	to = open_memstream(&text, &n);
	assert_int_equal(out_text(&m->r, to, false, false), 0);
	fclose(to);
	assert_has(text, "and 1 more group (all of them with -v, or -o json)");
	free(text);
	free(many);
}

static void test_nothing_seen(void **state)
{
	struct made *m = *state;
	char *text;

	m->r.n_groups = m->r.n_findings = 0;
	m->r.acc = (struct accounting){};
	text = render(&m->r, false, false);
	assert_has(text, "No packet was dropped");
	assert_has(text, "missed unknown");
	free(text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_text),
		T(test_text_says_what_was_lost),
		T(test_text_says_which_service),
		T(test_colour),
		T(test_json),
		T(test_what_hook_programs_saw),
		T(test_rules_and_none),
		T(test_reject),
		T(test_rules_also),
		T(test_full_disk),
		T(test_nothing_seen),
		T(test_one_is_singular),
		T(test_no_findings_says_what_it_means),
		T(test_text_without_samples),
		T(test_text_says_it_once),
		T(test_show_all),
		T(test_where_a_fix_runs),
		T(test_fix_of_a_shell),
		T(test_json_extremes),
		T(test_json_has_what_is_required),
		T(test_long_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
