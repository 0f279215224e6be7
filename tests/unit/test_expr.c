// SPDX-License-Identifier: GPL-2.0-only
/* Expressions of assert: what they take, what they match, and what a loss does to a verdict. */
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "catalogue.h"
#include "fake_host.h"
#include "judge.h"
#include "util.h"

enum {
	POD = 5,
	NODE = 6,
};

/* A drop that a fault explains, one that nothing does, one of noise, and a finding of silence. */
struct made {
	struct fake_host h;
	struct report r;
	struct group groups[4];
	struct finding findings[2];
	int of_drop, of_silence;
	struct probe_report probes[2];
	struct assertion a;
};

enum {
	FAULT,
	UNEXPLAINED,
	NOISE,
	RETRANSMIT,
};

static void fill_group(struct group *g, uint64_t packets, const char *src, const char *dst)
{
	*g = (struct group){.kind = SAMPLE_DROP,
			    .packets = packets,
			    .netns = POD,
			    .has_sample = true,
			    .finding = -1,
			    .rule_none = true,
			    .key = {.port = 80},
			    .loc = {.name = "nf_hook_slow.isra.0", .off = 0x7d, .addr = 1}};
	snprintf(g->reason, sizeof(g->reason), "NETFILTER_DROP");
	g->flow = (struct flow){.l3 = ETHERTYPE_IP,
				.proto = IPPROTO_TCP,
				.src = an_addr(src),
				.dst = an_addr(dst),
				.has_ports = true,
				.sport = 40000,
				.dport = 80};
}

static void fill_groups(struct made *m)
{
	struct group *g = m->groups;

	fill_group(&g[FAULT], 10, "10.0.0.1", "10.0.0.2");
	g[FAULT].class = CLASS_FAULT;
	g[FAULT].finding = 0;
	g[FAULT].hook = HOOK_FORWARD;
	g[FAULT].hook_family = "ip";
	snprintf(g[FAULT].in, sizeof(g->in), "veth1");
	snprintf(g[FAULT].out, sizeof(g->out), "eth0");
	snprintf(g[FAULT].bridge, sizeof(g->bridge), "cni0");
	g[FAULT].tunnel = (struct tunnel){.present = true, .kind = "vxlan"};
	g[FAULT].tunnel.inner = (struct flow){.l3 = ETHERTYPE_IPV6,
					      .proto = IPPROTO_UDP,
					      .src = an_addr("fd00::1"),
					      .dst = an_addr("fd00::2"),
					      .has_ports = true,
					      .sport = 1,
					      .dport = 53};
	fill_group(&g[UNEXPLAINED], 5, "10.0.1.1", "10.0.1.2");
	g[UNEXPLAINED].netns = NODE;
	fill_group(&g[NOISE], 3, "10.0.2.1", "10.0.2.2");
	g[NOISE].class = CLASS_NOISE;
	snprintf(g[NOISE].reason, sizeof(g->reason), "NO_SOCKET");
	fill_group(&g[RETRANSMIT], 7, "10.0.3.1", "10.0.3.2");
	g[RETRANSMIT].kind = SAMPLE_RETRANSMIT;
	g[RETRANSMIT].class = CLASS_FAULT;
	g[RETRANSMIT].finding = 1;
	g[RETRANSMIT].reason[0] = '\0';
	g[RETRANSMIT].loc.name = NULL;
}

static int setup(void **state)
{
	struct made *m = calloc(1, sizeof(*m));

	fake_host_init(&m->h);
	fake_netns(&m->h, POD, "pod-a");
	fake_netns(&m->h, NODE, "node1");
	fill_groups(m);
	m->of_drop = FAULT;
	m->of_silence = RETRANSMIT;
	m->findings[0] = (struct finding){.fault = &fault_ip_forward_off,
					  .status = STATUS_CONFIRMED,
					  .netns = NODE,
					  .summary = "off",
					  .packets = 10,
					  .groups = &m->of_drop,
					  .n_groups = 1};
	m->findings[1] = (struct finding){.fault = &fault_vxlan_blocked,
					  .status = STATUS_SUSPECTED,
					  .netns = NODE,
					  .summary = "silent",
					  .groups = &m->of_silence,
					  .n_groups = 1};
	m->r = (struct report){.probes = m->probes,
			       .n_probes = 2,
			       .groups = m->groups,
			       .n_groups = 3,
			       .n_all = 4,
			       .findings = m->findings,
			       .n_findings = 2,
			       .host = &m->h.base};
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct made *m = *state;

	assertion_free(&m->a);
	free(m);
	return 0;
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		"fault",
		"=x",
		"nonesuch=1",
		"Reason=X",
		"reason=",
		"reason=A,",
		",reason=A",
		"reason=A,,hook=input",
		"fault=ip-foward-off",
		"status=sure",
		"hook=pre-routing",
		"family=ipv4",
		"proto=tpc",
		"proto=256",
		"proto=-1",
		"src=10.0.0.0/33",
		"dst=300.1.1.1",
		"src=fd00::1::2",
		"src=10.*/8",
		"dst=example.org",
		"port=0",
		"port=65536",
		"port=80x",
		"port=http",
		"class=error",
		"count>=",
		"count>=-1",
		"count>=1x",
		"count>=99999999999999999999",
		"count=5",
		"count>5",
		"count<5",
		"count<=",
		"count",
		"count>=5,count<=4",
		"reason=A,count>=0",
		"reason>=3",
		"port<=1024",
		"family=inet", /* no hook's */
		"src=l27.*",
		"src=hello*",
		"port=7777?",
		"port=0?",
		"port=[",
		"proto=udp,proto=tcp",
		"hook=input,hook=forward",
		"reason=A,reason=A",
		"proto=icmp,port=80",
		"proto=arp,port=80",
		"proto=icmp6,src=10.0.0.0/8",
		"proto=arp,dst=::/0",
		"src=10.0.0.1,dst=fd00::/8",
		"src=!10.*",
		"src=10.0.0.1-9*",
		"src=999.*",
		"src=10.256.*",
		"src=1.2.3.4.*",
		"src=10.*:*",
		"src=10.0.0.[0",
		"src=10.*,proto=icmp6",
		"src=fd00::*,proto=arp",
		"src=fd00::*,dst=10.*",
		"port=80,port=81,port=82",
		"iface=sixteen-letters-",
		"fault=*,class=unexplained",
		"status=confirmed,class=noise",
		"hook=ingress,family=ip",
		"hook=prerouting,family=arp",
		"hook=forward,family=netdev",
		"src=::ffff:10.0.0.7,dst=fd00::1",
	};
	static const char *const good[] = {
		"src=10.[[:digit:]]*", "src=[[:xdigit:]]*:*",
		"src=10\\.*",	       "src=[!1]*",
		"src=fd*::*",	       "src=FD00::*",
		"src=::ffff:10.*",     "src=*.1",
		"src=1234:*",	       "src=*.[0-9],dst=f*",
		"port=80,port=81",     "port=[1-9]*",
		"src=[]]*,dst=1*",     "iface=sixteen-letters*",
		"fault=*,class=fault", "fault=*,class=*",
		"hook=in*,family=arp", "hook=*gress,family=n*",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct expr e;

		if (!expr_parse("--forbid", bad[i], &e))
			fail_msg("'%s' is taken", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct expr e;

		if (expr_parse("--forbid", good[i], &e))
			fail_msg("'%s' is refused", good[i]);
		expr_free(&e);
	}
}

static void test_counts(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
	} cases[] = {
		{"reason=A", 1, UINT64_MAX},
		{"reason=A,count>=5", 5, UINT64_MAX},
		{"count<=5,reason=A", 0, 5},
		{"count>=2,count<=2", 2, 2},
		{"count>=0,count<=9", 0, 9},
		{"count>=3,count>=7", 7, UINT64_MAX},
		{"count<=18446744073709551614", 0, UINT64_MAX - 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expr e;

		assert_int_equal(expr_parse("--forbid", cases[i].text, &e), 0);
		assert_string_equal(e.text, cases[i].text);
		assert_true(e.min == cases[i].min && e.max == cases[i].max);
		expr_free(&e);
	}
}

/* What a lost record of a hook program makes unsure. */
static void test_wants_hooks(void **state)
{
	static const struct {
		const char *text;
		bool hooks, faults;
	} cases[] = {
		{"reason=X,netns=a,dst=10.0.0.1,location=b,pod=c,proto=tcp,port=1", false, false},
		{"hook=input", true, false},
		{"family=ip", true, false},
		{"reason=X,iface=eth0", true, false},
		{"fault=*", true, true},
		{"status=suspected", true, true},
		{"class=fault", true, true},
		{"class=unexplained", true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct expr e;

		assert_int_equal(expr_parse("--forbid", cases[i].text, &e), 0);
		if (e.wants_hooks != cases[i].hooks || e.wants_faults != cases[i].faults)
			fail_msg("'%s'", cases[i].text);
		expr_free(&e);
	}
}

static enum match match(const struct made *m, const char *text, int group)
{
	struct expr e;
	enum match result;

	if (expr_parse("--forbid", text, &e))
		fail_msg("'%s' is refused", text);
	result = expr_match(&e, &m->r, &m->groups[group]);
	expr_free(&e);
	return result;
}

static void test_matches(void **state)
{
	static const char *const yes[] = {
		"fault=ip-forward-off",
		"fault=*",
		"status=confirmed",
		"reason=NETFILTER_*",
		"hook=forward",
		"hook=*",
		"family=ip",
		"proto=tcp",
		"proto=6",
		"src=10.0.0.1",
		"src=10.0.0.0/24",
		"src=::ffff:10.0.0.1",
		"src=::ffff:10.0.0.0/120",
		"src=10.0.*",
		"dst=10.0.0.2/32",
		"dst=fd00::2",
		"src=fd00::/16",
		"port=80",
		"port=40000",
		"port=8*",
		"port=53",
		"proto=udp,port=53,src=fd00::1,dst=fd00::2",
		"iface=veth1",
		"iface=eth*",
		"iface=cni0",
		"netns=pod-a",
		"netns=5",
		"netns=pod-*",
		"pod=pod-a",
		"fault=*,netns=node1", /* where the fault is */
		"location=nf_hook_slow",
		"location=nf_hook_slow.isra.0",
		"location=nf_hook_slow.isra.0+0x7d",
		"class=fault",
		"class=*",
		"count>=1",
		"reason=NETFILTER_DROP,hook=forward,proto=tcp,src=10.0.0.1,port=80,netns=pod-a",
	};
	static const char *const no[] = {
		"fault=vxlan-*",
		"status=suspected",
		"reason=NETFILTER",
		"hook=input",
		"family=ip6",
		"proto=icmp",
		"proto=17,src=10.0.0.1",
		"src=10.0.0.2",
		"src=10.0.1.0/24",
		"dst=10.0.0.1",
		"port=8",
		"port=5?3",
		"proto=udp,port=80",	     /* of two headers, none has both */
		"src=10.0.0.1,dst=10.9.0.2", /* likewise */
		"iface=veth",
		"netns=node1",
		"netns=pod",
		"fault=*,netns=pod-a",
		"location=nf_hook",
		"class=noise",
		"reason=NETFILTER_DROP,hook=input",
	};
	struct made *m = *state;

	m->groups[FAULT].packets = 1;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (match(m, yes[i], FAULT) != MATCH_YES)
			fail_msg("'%s' does not match", yes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (match(m, no[i], FAULT) != MATCH_NO)
			fail_msg("'%s' matches", no[i]);
	}
}

/* One verdict on the made report. */
static enum verdict judged(struct made *m, enum expr_kind kind, const char *text)
{
	enum verdict v;

	assertion_free(&m->a);
	assert_int_equal(assertion_add(&m->a, kind, text), 0);
	judge(&m->a, &m->r);
	v = m->a.exprs[0].verdict;
	assert_int_equal(v, m->a.verdict);
	assert_int_equal(m->a.exit_code, v == VERDICT_HELD ? 0 : v == VERDICT_VIOLATED ? 1 : 4);
	assert_true((v == VERDICT_INCONCLUSIVE) == (m->a.exprs[0].why != NULL));
	return v;
}

/* Its inode number may be another's by the time of the report. */
static void test_netns_by_the_name_it_had(void **state)
{
	struct made *m = *state;

	m->groups[FAULT].netns_name = "pod-b";
	assert_int_equal(match(m, "netns=pod-b", FAULT), MATCH_YES);
	assert_int_equal(match(m, "pod=pod-a", FAULT), MATCH_NO);
	m->groups[FAULT].netns_name = "pid 42 (pause)"; /* which is no name of its own */
	assert_int_equal(match(m, "netns=pod-a", FAULT), MATCH_YES);
}

/* It was gone before anybody read its name. */
static void test_netns_without_name(void **state)
{
	struct made *m = *state;

	m->groups[FAULT].netns = 99;
	assert_int_equal(match(m, "netns=test*", FAULT), MATCH_MAYBE);
	assert_int_equal(match(m, "pod=test*", FAULT), MATCH_MAYBE);
	assert_int_equal(match(m, "netns=99", FAULT), MATCH_YES);
	m->findings[0].netns = 99;
	assert_int_equal(match(m, "fault=*,netns=test*", FAULT), MATCH_MAYBE);
	assert_int_equal(judged(m, EXPR_FORBID, "netns=test*,src=10.0.0.1"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "namespace");
	assert_int_equal(judged(m, EXPR_EXPECT, "netns=test*,src=10.0.0.1"), VERDICT_INCONCLUSIVE);
}

/* Of one inode number: t1 from 100 to 200, t2 from 300 to 400, no name since. */
static void test_netns_number_used_again(void **state)
{
	static const struct {
		uint64_t first, last;
		enum match t1, t2, other;
	} cases[] = {
		{50, 60, MATCH_YES, MATCH_NO, MATCH_NO}, /* made a moment before it was learned */
		{110, 190, MATCH_YES, MATCH_NO, MATCH_NO},
		{110, 250, MATCH_MAYBE, MATCH_MAYBE, MATCH_NO},
		{210, 220, MATCH_MAYBE, MATCH_MAYBE, MATCH_NO},
		{210, 350, MATCH_MAYBE, MATCH_MAYBE, MATCH_NO},
		{310, 390, MATCH_NO, MATCH_YES, MATCH_NO},
		{110, 390, MATCH_MAYBE, MATCH_MAYBE, MATCH_NO},
		{410, 420, MATCH_MAYBE, MATCH_YES, MATCH_MAYBE}, /* t2's last, or another's */
		{0, 0, MATCH_MAYBE, MATCH_MAYBE, MATCH_MAYBE},	 /* folded: at any time */
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	m->h.names[0] = (struct netns_name){99, "t1", 100, 200};
	m->h.names[1] = (struct netns_name){POD, "pod-a", 1, 0};
	m->h.names[2] = (struct netns_name){99, "t2", 300, 400};
	m->h.n_names = 3;
	fake_netns(&m->h, 99, "t2"); /* the last one that was known */
	g->netns = 99;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		g->first_ns = cases[i].first;
		g->last_ns = cases[i].last;
		if (match(m, "netns=t1", UNEXPLAINED) != cases[i].t1 ||
		    match(m, "netns=t2", UNEXPLAINED) != cases[i].t2 ||
		    match(m, "netns=x", UNEXPLAINED) != cases[i].other ||
		    match(m, "pod=t1", UNEXPLAINED) != cases[i].t1)
			fail_msg("%lu to %lu", cases[i].first, cases[i].last);
		assert_int_equal(match(m, "netns=99", UNEXPLAINED), MATCH_YES);
	}
}

static void test_pod(void **state)
{
	static const struct pod pod = {"default/web-1", 7, "uid"};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	g->netns_name = "cni-1234"; /* whose pod is not known */
	m->h.netns[1].name = "cni-1234";
	assert_int_equal(match(m, "pod=web-*", UNEXPLAINED), MATCH_MAYBE);
	g->pod = &pod;
	assert_int_equal(match(m, "pod=web-*", UNEXPLAINED), MATCH_YES);
	assert_int_equal(match(m, "pod=default/*", UNEXPLAINED), MATCH_YES);
	assert_int_equal(match(m, "pod=web", UNEXPLAINED), MATCH_NO);
	assert_int_equal(match(m, "netns=cni-1234", UNEXPLAINED), MATCH_YES);
	m->findings[0].pod = &pod;
	assert_int_equal(match(m, "pod=web-1,fault=*", FAULT), MATCH_YES);
}

static void test_nothing_matches_what_is_absent(void **state)
{
	static const char *const texts[] = {"hook=*", "family=*", "iface=*", "fault=*", "netns=*"};
	struct made *m = *state;

	m->groups[UNEXPLAINED].netns = 0;
	m->groups[UNEXPLAINED].flow.l3 = 0; /* of a unix socket */
	strcpy(m->groups[UNEXPLAINED].reason, "SOCKET_CLOSE");
	m->groups[UNEXPLAINED].loc.name = "unix_release_sock";
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (match(m, texts[i], UNEXPLAINED) != MATCH_NO)
			fail_msg("'%s' matches", texts[i]);
	}
}

/* Of many packets the counters have the addresses and the service's port; what a tunnel carries and
 * the client's port are those of the first one. */
static void test_only_the_first_packet(void **state)
{
	static const struct {
		const char *text;
		enum match m;
	} texts[] = {
		{"port=80", MATCH_YES},	     {"src=10.0.0.1", MATCH_YES},
		{"port=40000", MATCH_SOME},  {"port=40001", MATCH_MAYBE},
		{"port=4*", MATCH_SOME},     {"port=22", MATCH_NO},
		{"dst=fd00::2", MATCH_SOME}, {"dst=fd00::3", MATCH_MAYBE},
		{"proto=udp", MATCH_SOME},   {"port=53,proto=udp", MATCH_SOME},
	};
	struct made *m = *state;
	struct group *g = &m->groups[FAULT];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		g->tunnel.present = strstr(texts[i].text, "fd00") || strstr(texts[i].text, "udp");
		if (match(m, texts[i].text, FAULT) != texts[i].m)
			fail_msg("'%s' is not %d", texts[i].text, texts[i].m);
	}
	g->tunnel.present = false;
	g->key.cls = PKT_TCP_SYN; /* to a high port from a lower one */
	g->key.port = g->flow.dport = 50000;
	assert_int_equal(match(m, "port=40001", FAULT), MATCH_MAYBE);
	assert_int_equal(match(m, "port=80", FAULT), MATCH_NO);
	g->packets = 1;
	assert_int_equal(match(m, "port=40000", FAULT), MATCH_YES);
	assert_int_equal(match(m, "port=40001", FAULT), MATCH_NO);
}

/* The packet that an ICMP error quotes was not dropped. */
static void test_quoted_packet(void **state)
{
	struct made *m = *state;

	m->groups[FAULT].tunnel.kind = "icmp";
	assert_int_equal(match(m, "dst=fd00::2", FAULT), MATCH_NO);
}

struct doubt {
	const char *text;
	enum match m;
};

static void check_doubts(const struct made *m, const struct doubt *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (match(m, d[i].text, UNEXPLAINED) != d[i].m)
			fail_msg("'%s' is not %d", d[i].text, d[i].m);
	}
}

/* A fragment in its queue has no device; a packet filter drops in a hook, even if its record is
 * lost. */
static void test_packet_of_unknown_place(void **state)
{
	static const struct doubt doubts[] = {
		{"netns=pod-a", MATCH_MAYBE},
		{"pod=pod-a", MATCH_MAYBE},
		{"iface=eth0", MATCH_MAYBE},
		{"hook=input", MATCH_MAYBE},
		{"family=ip", MATCH_MAYBE},
		{"netns=pod-a,reason=NO_SOCKET", MATCH_NO},
		{"netns=pod-a,src=10.9.9.9", MATCH_NO},
	};
	struct made *m = *state;

	m->groups[UNEXPLAINED].netns = 0;
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
}

/* A table gave the verdict, and none of its rules as they are now can have: which one did? */
static void test_table_of_changed_rules(void **state)
{
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_NO);
	g->verdict.function = "nft_do_chain";
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_MAYBE);
}

/* Known by reason, location and netns only. */
static void test_folded(void **state)
{
	static const struct doubt doubts[] = {
		{"reason=NETFILTER_DROP", MATCH_YES},
		{"reason=NO_SOCKET", MATCH_NO},
		{"location=nf_hook_slow", MATCH_YES},
		{"netns=node1", MATCH_YES},
		{"netns=pod-a", MATCH_NO},
		{"reason=NETFILTER_DROP,src=10.9.9.9", MATCH_MAYBE},
		{"reason=NO_SOCKET,src=10.9.9.9", MATCH_NO},
		{"fault=*", MATCH_MAYBE},
		{"fault=*,netns=pod-a", MATCH_MAYBE}, /* the fault may be elsewhere */
		{"fault=*,reason=NO_SOCKET", MATCH_NO},
		{"status=suspected", MATCH_MAYBE},
		{"hook=input", MATCH_MAYBE},
		{"family=ip6", MATCH_MAYBE},
		{"iface=x", MATCH_MAYBE},
		{"port=1", MATCH_MAYBE},
		{"proto=udp", MATCH_MAYBE},
		{"class=noise", MATCH_MAYBE},
		{"class=unexplained", MATCH_MAYBE},
		{"class=*", MATCH_YES},
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	g->folded = true;
	g->has_sample = false;
	g->flow = (struct flow){};
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
	assert_int_equal(expr_not_noise(&m->r, g), MATCH_MAYBE);
}

/* Known by the flow map's key. */
static void test_without_sample(void **state)
{
	static const struct doubt doubts[] = {
		{"reason=NETFILTER_DROP,location=nf_hook_slow,netns=node1", MATCH_YES},
		{"proto=tcp,src=10.0.1.1,dst=10.0.1.2,port=80", MATCH_YES},
		{"src=10.9.9.9", MATCH_NO},
		{"proto=udp", MATCH_NO},
		{"port=4430", MATCH_MAYBE}, /* the other port */
		{"port=443", MATCH_NO},
		{"hook=input", MATCH_MAYBE},
		{"iface=x", MATCH_MAYBE},
		{"fault=*", MATCH_MAYBE},
		{"class=unexplained", MATCH_MAYBE},
		{"class=[fu]*", MATCH_YES},
		{"class=noise", MATCH_NO},
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	g->has_sample = false;
	g->flow.sport = 0;
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
	assert_int_equal(expr_not_noise(&m->r, g), MATCH_YES);
	g->flow.proto = IPPROTO_UDP;
	assert_int_equal(match(m, "dst=10.9.9.9", UNEXPLAINED), MATCH_MAYBE); /* a tunnel's? */
}

static void test_hidden_addresses(void **state)
{
	static const struct doubt doubts[] = {
		{"reason=NETFILTER_DROP", MATCH_YES}, {"location=x", MATCH_MAYBE},
		{"hook=input", MATCH_MAYBE},	      {"fault=*", MATCH_MAYBE},
		{"class=noise", MATCH_MAYBE},	      {"iface=x", MATCH_MAYBE},
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	m->r.addresses_hidden = true;
	g->loc.name = NULL;
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
	strcpy(g->reason, "NOT_SPECIFIED"); /* a bridge's, perhaps */
	assert_int_equal(match(m, "iface=x", UNEXPLAINED), MATCH_MAYBE);
	strcpy(g->reason, "NO_SOCKET");
	assert_int_equal(match(m, "iface=x", UNEXPLAINED), MATCH_NO);
}

/* The programs that tracing attached stand where the function would be seen. */
static void test_place_behind_trampoline(void **state)
{
	static const char *const names[] = {"bpf_trampoline_6442514321", "kretprobe_trampoline",
					    "arch_rethook_trampoline", NULL /* gone since */};
	static const struct doubt doubts[] = {
		{"location=nft_do_chain", MATCH_MAYBE},
		{"hook=input", MATCH_MAYBE},
		{"fault=*", MATCH_MAYBE},
		{"class=noise", MATCH_MAYBE},
		{"iface=x", MATCH_MAYBE},
		{"reason=NOT_SPECIFIED", MATCH_YES},
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	strcpy(g->reason, "NOT_SPECIFIED");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		g->loc.name = names[i];
		check_doubts(m, doubts, ARRAY_SIZE(doubts));
	}
	g->loc = (struct symbol){.name = "bpf_trampoline_6442514321", .off = 0x63};
	assert_int_equal(match(m, "location=bpf_trampoline_*", UNEXPLAINED), MATCH_YES);
	assert_int_equal(judged(m, EXPR_FORBID, "location=nft_do_chain"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "not sure");
}

/* Where netfilter may have dropped it and neither stack nor record tells the hook: before there
 * were reasons, what a program of an NFQUEUE let go, the bridge's prerouting hook. */
static void test_hook_not_known(void **state)
{
	static const char *const places[] = {"nf_hook_slow", "nft_do_chain.constprop.0",
					     "nf_reinject",  "nfqnl_reinject",
					     "nf_queue",     "br_handle_frame"};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	strcpy(g->reason, "NOT_SPECIFIED");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		g->loc.name = places[i];
		if (match(m, "hook=prerouting", UNEXPLAINED) != MATCH_MAYBE ||
		    match(m, "family=bridge", UNEXPLAINED) != MATCH_MAYBE)
			fail_msg("%s", places[i]);
		assert_int_equal(judged(m, EXPR_FORBID, "hook=prerouting"), VERDICT_INCONCLUSIVE);
	}
	g->finding = 0; /* a port that the spanning tree blocks */
	assert_int_equal(match(m, "hook=prerouting", UNEXPLAINED), MATCH_NO);
	g->finding = -1;
	g->loc.name = "udp_queue_rcv_one_skb";
	assert_int_equal(match(m, "hook=prerouting", UNEXPLAINED), MATCH_NO);
	g->loc.name = "nf_hook_slow";
	g->hook = HOOK_INPUT;
	g->hook_family = "ip";
	assert_int_equal(match(m, "hook=prerouting", UNEXPLAINED), MATCH_NO);
}

/* The port that a bridge was sending to is told by a hook program's record only. */
static void test_way_out_not_known(void **state)
{
	static const char *const places[] = {"br_forward", "__br_forward", "br_flood",
					     "br_handle_vlan", "br_dev_xmit"};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	strcpy(g->reason, "NOT_SPECIFIED");
	strcpy(g->in, "port1");
	strcpy(g->bridge, "br0");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		g->loc.name = places[i];
		if (match(m, "iface=port2", UNEXPLAINED) != MATCH_MAYBE ||
		    match(m, "iface=port1", UNEXPLAINED) != MATCH_YES)
			fail_msg("%s", places[i]);
		assert_int_equal(judged(m, EXPR_FORBID, "iface=port2"), VERDICT_INCONCLUSIVE);
		g->finding = 0; /* which knows the port, and the group does not */
		assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_MAYBE);
		g->finding = -1;
		g->explained = true; /* by a record that has no port */
		assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_MAYBE);
		g->way_told = true;
		assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_NO);
		g->explained = g->way_told = false;
	}
	g->loc.name = "nf_hook_slow";
	assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_MAYBE);
	g->hook = HOOK_INPUT; /* before which there is no way out */
	assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_NO);
	g->hook = HOOK_FORWARD;
	assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_MAYBE);
	g->hook_seen = true;
	assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_NO);
	g->in_ifindex = 7; /* whose name could not be read */
	g->in[0] = '\0';
	assert_int_equal(match(m, "iface=port2", UNEXPLAINED), MATCH_MAYBE);
}

/* The namespace was gone before its state was read. */
static void test_state_not_read(void **state)
{
	static const struct doubt doubts[] = {
		{"fault=*", MATCH_MAYBE},     {"status=confirmed", MATCH_MAYBE},
		{"class=fault", MATCH_MAYBE}, {"class=unexplained", MATCH_YES},
		{"class=noise", MATCH_NO},    {"iface=cni0", MATCH_MAYBE},
		{"reason=NO_*", MATCH_YES},   {"fault=*,reason=X", MATCH_NO},
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	strcpy(g->reason, "NO_SOCKET");
	g->loc.name = "udp_rcv";
	g->state_unread = true;
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_NO); /* which nothing suspects */
	g->suspicious = true;
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "not sure");
	g->state_unread = false;
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_NO);
	m->r.rules_closed = true;
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_MAYBE);
	assert_int_equal(match(m, "class=fault", UNEXPLAINED), MATCH_MAYBE);
	m->r.rules_closed = false;
	g->state_stale = true;
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_MAYBE);
	g->class = CLASS_NOISE; /* as what dies with its namespace is */
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_NO);
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_HELD);
}

/* Before 5.17 no drop has a reason: only the place may prove one. */
static void test_kernel_without_reasons(void **state)
{
	static const struct doubt doubts[] = {
		{"reason=NETFILTER_DROP", MATCH_YES},
		{"reason=SKB_DROP_REASON_NETFILTER_DROP", MATCH_YES},
		{"reason=NO_SOCKET", MATCH_MAYBE},
		{"reason=NETFILTER_DORP", MATCH_MAYBE},
		{"reason=NETFILTER_*", MATCH_MAYBE},
		{"reason=7", MATCH_MAYBE},
		{"reason=NOT_SPECIFIED", MATCH_YES},
		{"reason=*", MATCH_YES},
		{"reason=NO_SOCKET,src=10.9.9.9", MATCH_NO},
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	m->r.reasons_unsaid = true;
	strcpy(g->reason, "NOT_SPECIFIED");
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
	assert_int_equal(judged(m, EXPR_FORBID, "reason=NO_SOCKET,src=10.0.1.1"),
			 VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "5 packets of which this kernel gives no reason");
	assert_int_equal(judged(m, EXPR_EXPECT, "reason=NEIGH_FAILED"), VERDICT_INCONCLUSIVE);
	g->loc.name = "udp_queue_rcv_one_skb";
	assert_int_equal(match(m, "reason=NETFILTER_DROP", UNEXPLAINED), MATCH_NO);
	g->loc.name = "kretprobe_trampoline";
	assert_int_equal(match(m, "reason=NETFILTER_DROP", UNEXPLAINED), MATCH_MAYBE);
}

static void test_reason_by_number(void **state)
{
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	g->key.reason = 8;
	assert_int_equal(match(m, "reason=8", UNEXPLAINED), MATCH_YES);
	assert_int_equal(match(m, "reason=9", UNEXPLAINED), MATCH_NO);
	assert_int_equal(match(m, "reason=SKB_DROP_REASON_NETFILTER_*", UNEXPLAINED), MATCH_YES);
	strcpy(g->reason, "196609"); /* whose name nothing told: a module's */
	assert_int_equal(match(m, "reason=OVS_*", UNEXPLAINED), MATCH_MAYBE);
}

/* What this kernel does not have would hold for ever. */
static void test_reasons_are_checked(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"reason=NETFILTER_DROP", true},
		{"reason=SKB_DROP_REASON_NO_SOCKET", true},
		{"reason=NO_*", true},
		{"reason=12345", false},
		{"reason=3", true},
		{"reason=0x3", false},
		{"reason=65537", true},
		{"reason=99999999", false},
		{"src=10.0.0.1", true},
		{"reason=NETFILTER_DORP", false},
		{"reason=OVS_*", false},
		{"hook=input,reason=netfilter_drop", false},
	};
	struct reason reasons[] = {{2, "NOT_SPECIFIED"}, {3, "NO_SOCKET"}, {8, "NETFILTER_DROP"}};
	struct kernel k = {.reasons = reasons,
			   .n_reasons = 3,
			   .subsys_mask = 0xffff0000,
			   .n_subsystems = 2,
			   .modules_tried = true};
	struct made *m = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int gives = 0; gives < 2; gives++) {
			k.facts.kfree_skb_reason = gives;
			assertion_free(&m->a);
			assert_int_equal(assertion_add(&m->a, EXPR_ALLOW, cases[i].text), 0);
			if (!assertion_check_reasons(&m->a, &k) != (cases[i].good || !gives))
				fail_msg("%s", cases[i].text);
		}
	}
}

/* The ports of a fragment are in the first one. */
static void test_fragment(void **state)
{
	struct made *m = *state;
	struct flow *f = &m->groups[UNEXPLAINED].flow;

	f->has_ports = false;
	f->is_fragment = true;
	assert_int_equal(match(m, "port=53", UNEXPLAINED), MATCH_MAYBE);
	assert_int_equal(match(m, "port=53,proto=udp", UNEXPLAINED), MATCH_NO);
	f->proto = IPPROTO_ICMP;
	assert_int_equal(match(m, "port=53", UNEXPLAINED), MATCH_NO);
	/* of a tunnel, perhaps, whose inner header is in the first one */
	f->proto = IPPROTO_UDP;
	assert_int_equal(match(m, "dst=10.244.2.2", UNEXPLAINED), MATCH_NO);
	m->groups[UNEXPLAINED].key.cls = PKT_FRAGMENT;
	assert_int_equal(match(m, "dst=10.244.2.2", UNEXPLAINED), MATCH_MAYBE);
	assert_int_equal(match(m, "proto=tcp", UNEXPLAINED), MATCH_MAYBE);
	/* its headers went on where they are not read any more */
	f->l3 = ETHERTYPE_IPV6;
	f->proto = IPPROTO_DSTOPTS;
	assert_int_equal(match(m, "proto=tcp", UNEXPLAINED), MATCH_MAYBE);
	assert_int_equal(match(m, "port=53", UNEXPLAINED), MATCH_MAYBE);
}

/* What a rule dropped that is not known may be any of the faults that rules are. */
static void test_rule_not_known(void **state)
{
	static const struct doubt doubts[] = {
		{"fault=forward-rule-drop", MATCH_MAYBE},
		{"fault=*", MATCH_MAYBE},
		{"status=confirmed", MATCH_MAYBE},
		{"fault=*,reason=NO_SOCKET", MATCH_NO},
		{"class=fault", MATCH_MAYBE},
		{"class=unexplained", MATCH_YES},
		{"class=[fu]*", MATCH_YES},
		{"class=noise", MATCH_NO},
		{"reason=NETFILTER_DROP", MATCH_YES},
	};
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	g->rule_none = false;
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
	assert_int_equal(expr_not_noise(&m->r, g), MATCH_YES);
	g->rule_others = 2; /* several may have been it */
	check_doubts(m, doubts, ARRAY_SIZE(doubts));
	g->verdict.function = "nf_conntrack_in"; /* which is no rule */
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_NO);
	g->verdict.function = NULL;
	strcpy(g->reason, "NOT_SPECIFIED");
	g->loc.name = "nf_queue"; /* a rule handed it to a program */
	assert_int_equal(match(m, "fault=queue-no-listener", UNEXPLAINED), MATCH_MAYBE);
	g->class = CLASS_NOISE; /* whose rule is never asked for */
	assert_int_equal(match(m, "fault=*", UNEXPLAINED), MATCH_NO);
	assert_int_equal(match(m, "class=fault", UNEXPLAINED), MATCH_NO);
}

static void test_verdicts(void **state)
{
	static const struct {
		enum expr_kind kind;
		const char *text;
		enum verdict v;
		uint64_t count;
	} cases[] = {
		{EXPR_FORBID, "reason=NETFILTER_DROP", VERDICT_VIOLATED, 15},
		{EXPR_FORBID, "reason=NETFILTER_DROP,count>=15", VERDICT_VIOLATED, 15},
		{EXPR_FORBID, "reason=NETFILTER_DROP,count>=16", VERDICT_HELD, 15},
		{EXPR_FORBID, "reason=NETFILTER_DROP,count<=14", VERDICT_HELD, 15},
		{EXPR_FORBID, "reason=X", VERDICT_HELD, 0},
		{EXPR_FORBID, "reason=NO_SOCKET", VERDICT_HELD, 0}, /* noise */
		{EXPR_FORBID, "reason=NO_SOCKET,class=noise", VERDICT_VIOLATED, 3},
		{EXPR_FORBID, "reason=NO_SOCKET,class=*", VERDICT_VIOLATED, 3},
		{EXPR_FORBID, "fault=ip-forward-off", VERDICT_VIOLATED, 10},
		{EXPR_FORBID, "fault=*", VERDICT_VIOLATED, 11}, /* a silence counts 1 */
		{EXPR_FORBID, "fault=vxlan-blocked", VERDICT_VIOLATED, 1},
		{EXPR_FORBID, "fault=vxlan-blocked,dst=10.0.3.2", VERDICT_VIOLATED, 1},
		{EXPR_FORBID, "fault=vxlan-blocked,dst=10.0.0.2", VERDICT_HELD, 0},
		{EXPR_FORBID, "status=suspected", VERDICT_VIOLATED, 1},
		{EXPR_FORBID, "fault=*,netns=pod-a", VERDICT_HELD, 0},
		{EXPR_FORBID, "class=unexplained", VERDICT_VIOLATED, 5},
		{EXPR_EXPECT, "reason=NO_SOCKET", VERDICT_HELD, 3},
		{EXPR_EXPECT, "reason=NO_SOCKET,count>=4", VERDICT_VIOLATED, 3},
		{EXPR_EXPECT, "reason=NO_SOCKET,count<=3", VERDICT_HELD, 3},
		{EXPR_EXPECT, "reason=NO_SOCKET,count<=2", VERDICT_VIOLATED, 3},
		{EXPR_EXPECT, "reason=X", VERDICT_VIOLATED, 0},
		{EXPR_EXPECT, "reason=X,count<=0", VERDICT_HELD, 0},
	};
	struct made *m = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (judged(m, cases[i].kind, cases[i].text) != cases[i].v ||
		    m->a.exprs[0].count != cases[i].count)
			fail_msg("'%s': %s, count %lu", cases[i].text,
				 word_verdict(m->a.exprs[0].verdict), m->a.exprs[0].count);
	}
}

/* Every loss, and what it may change: never what is proven. */
static void test_losses(void **state)
{
	enum {
		UNCOUNTED,
		MISSED,
		UNKNOWN_MISSED,
		SAMPLES,
		RETRANSMITS,
		OTHER_PROBE,
		EARLY,
		LOSSES,
	};
	static const struct {
		enum expr_kind kind;
		const char *text;
		enum verdict v[LOSSES];
	} cases[] = {
#define H VERDICT_HELD
#define I VERDICT_INCONCLUSIVE
#define V VERDICT_VIOLATED
		{EXPR_FORBID, "reason=X", {I, I, H, H, H, H, I}},
		{EXPR_FORBID, "reason=X,count>=2", {I, I, H, H, H, H, I}},
		{EXPR_FORBID, "reason=X,count>=3", {H, H, H, H, H, H, I}},
		{EXPR_FORBID, "reason=NETFILTER_DROP", {V, V, V, V, V, V, V}},
		{EXPR_FORBID, "reason=NETFILTER_DROP,count>=16", {I, I, H, H, H, H, I}},
		{EXPR_FORBID, "reason=NETFILTER_DROP,count<=15", {I, I, V, V, V, V, I}},
		{EXPR_FORBID, "fault=bridge-nf-off", {I, I, H, I, I, I, I}},
		{EXPR_FORBID, "fault=*", {V, V, V, V, V, V, V}},
		{EXPR_FORBID, "class=fault,reason=X", {I, I, H, I, I, I, I}},
		{EXPR_EXPECT, "reason=NETFILTER_DROP", {H, H, H, H, H, H, H}},
		{EXPR_EXPECT, "reason=NETFILTER_DROP,count>=17", {I, I, V, V, V, V, I}},
		{EXPR_EXPECT, "reason=NETFILTER_DROP,count>=18", {V, V, V, V, V, V, I}},
		{EXPR_EXPECT, "reason=X,count<=0", {I, I, H, H, H, H, I}},
		{EXPR_EXPECT, "reason=NETFILTER_DROP,count<=14", {V, V, V, V, V, V, V}},
		{EXPR_EXPECT, "fault=ip-forward-off", {H, H, H, H, H, H, H}},
		{EXPR_EXPECT, "fault=bridge-nf-off", {I, I, V, I, I, I, I}},
#undef H
#undef I
#undef V
	};
	static const struct accounting losses[LOSSES] = {
		[UNCOUNTED] = {.uncounted = 2, .has_missed = true},
		[MISSED] = {.missed = 2, .has_missed = true},
		[UNKNOWN_MISSED] = {.has_missed = false, .missed = 2},
		[SAMPLES] = {.samples_lost = 2},
		[RETRANSMITS] = {.retransmits_lost = 2},
	};
	struct made *m = *state;

	for (int loss = 0; loss < LOSSES; loss++) {
		m->r.acc = losses[loss];
		m->probes[1].has_missed = loss == OTHER_PROBE;
		m->probes[1].missed = loss == OTHER_PROBE ? 2 : 0;
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			m->r.ended_early = loss == EARLY;
			if (judged(m, cases[i].kind, cases[i].text) != cases[i].v[loss])
				fail_msg("'%s', loss %d: %s", cases[i].text, loss,
					 word_verdict(m->a.exprs[0].verdict));
		}
	}
}

static void test_other_losses(void **state)
{
	struct made *m = *state;

	m->r.acc = (struct accounting){.hooks_lost = 1};
	assert_int_equal(judged(m, EXPR_FORBID, "hook=output"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "hook programs");
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X"), VERDICT_HELD);
	m->r.acc = (struct accounting){.seen = 30, .counted = 18, .uncounted = 5, .filtered = 5};
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X,count>=8"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X,count>=7"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "2 packets counted that could not be read");
	m->r.acc = (struct accounting){};
	m->probes[1].how = "off";
	m->probes[1].degraded = true;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "is off");
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_FORBID, "fault=*"), VERDICT_VIOLATED);
	m->probes[1].how = "raw_tp";
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_HELD);
	m->a.cut_short = true;
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "signal");
	assert_int_equal(judged(m, EXPR_FORBID, "reason=NETFILTER_DROP"), VERDICT_VIOLATED);
	assert_int_equal(judged(m, EXPR_EXPECT, "reason=NETFILTER_DROP"), VERDICT_HELD);
}

static void test_forbidden_fault_of_a_rule_not_known(void **state)
{
	struct made *m = *state;

	assert_int_equal(judged(m, EXPR_FORBID, "fault=forward-rule-drop"), VERDICT_HELD);
	m->groups[UNEXPLAINED].rule_none = false;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=forward-rule-drop"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "rule is not sure");
	assert_int_equal(judged(m, EXPR_FORBID, "class=unexplained"), VERDICT_VIOLATED);
	assert_int_equal(judged(m, EXPR_EXPECT, "fault=forward-rule-drop"), VERDICT_INCONCLUSIVE);
}

static void test_the_first_packet_counts(void **state)
{
	struct made *m = *state;

	m->groups[FAULT].tunnel.present = false;
	assert_int_equal(judged(m, EXPR_FORBID, "port=40000,src=10.0.0.1"), VERDICT_VIOLATED);
	assert_int_equal(judged(m, EXPR_FORBID, "port=40001,src=10.0.0.1"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "10 packets");
	assert_int_equal(judged(m, EXPR_EXPECT, "port=40000"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_EXPECT, "port=40000,src=10.0.0.1,count>=2"),
			 VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "9 packets");
	assert_int_equal(judged(m, EXPR_FORBID, "port=40000,src=10.0.0.1,count>=11"), VERDICT_HELD);
}

/* On a plain tracepoint whatever else runs on the CPU makes the kernel skip our program. */
static void test_skips_that_nobody_counts(void **state)
{
	struct made *m = *state;

	m->probes[0].how = "tracepoint";
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "plain tracepoint");
	assert_int_equal(judged(m, EXPR_FORBID, "reason=NETFILTER_DROP"), VERDICT_VIOLATED);
	assert_int_equal(judged(m, EXPR_EXPECT, "reason=NETFILTER_DROP"), VERDICT_HELD);
	m->probes[0].has_missed = true;
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X"), VERDICT_HELD);
	m->probes[1].how = "tracepoint"; /* of retransmits */
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_INCONCLUSIVE);
	m->probes[0] = (struct probe_report){.how = "raw_tp"}; /* before 6.1 it runs nested */
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X"), VERDICT_HELD);
}

/* The same flow died in one hook first and in another one later. */
static void test_verdicts_differ(void **state)
{
	struct made *m = *state;

	m->groups[FAULT].hooks_differ = true;
	assert_int_equal(match(m, "hook=forward", FAULT), MATCH_MAYBE);
	assert_int_equal(match(m, "hook=prerouting", FAULT), MATCH_MAYBE);
	assert_int_equal(judged(m, EXPR_FORBID, "hook=prerouting"), VERDICT_INCONCLUSIVE);
}

/* More flows than room: its samples made it a group, and all its packets are in a folded one. */
static void test_group_without_packets(void **state)
{
	struct made *m = *state;

	m->groups[FAULT].packets = 0;
	assert_int_equal(judged(m, EXPR_FORBID, "dst=fd00::2"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_FORBID, "src=10.0.0.1"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_FORBID, "reason=NETFILTER_DROP,count>=6"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_EXPECT, "dst=fd00::2,count<=0"), VERDICT_HELD);
}

/* Folded groups and those without a sample matter to what asks for what they do not have. */
static void test_unsure_groups(void **state)
{
	struct made *m = *state;
	struct group *g = &m->groups[UNEXPLAINED];

	g->has_sample = false;
	assert_int_equal(judged(m, EXPR_FORBID, "src=10.0.1.1"), VERDICT_VIOLATED);
	assert_int_equal(judged(m, EXPR_FORBID, "src=10.0.1.1,hook=input"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "5 packets without a sample");
	assert_int_equal(judged(m, EXPR_FORBID, "hook=input,count>=6"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_EXPECT, "hook=input"), VERDICT_INCONCLUSIVE);
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_INCONCLUSIVE);
	g->folded = true;
	assert_int_equal(judged(m, EXPR_FORBID, "src=10.9.9.9"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "5 packets known by reason, place and netns only");
	assert_int_equal(judged(m, EXPR_FORBID, "reason=X,src=10.9.9.9"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_FORBID, "netns=node1"), VERDICT_INCONCLUSIVE); /* noise? */
	assert_int_equal(judged(m, EXPR_FORBID, "netns=node1,class=*"), VERDICT_VIOLATED);
	assert_int_equal(judged(m, EXPR_EXPECT, "netns=node1"), VERDICT_HELD);
}

static void add(struct made *m, enum expr_kind kind, const char *text)
{
	assert_int_equal(assertion_add(&m->a, kind, text), 0);
}

static void test_allow(void **state)
{
	struct made *m = *state;

	add(m, EXPR_FORBID, "reason=NETFILTER_DROP");
	add(m, EXPR_FORBID, "fault=*");
	add(m, EXPR_EXPECT, "src=10.0.1.1");
	add(m, EXPR_ALLOW, "src=10.0.1.0/24");
	add(m, EXPR_ALLOW, "fault=ip-forward-off,netns=node1");
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exprs[0].verdict, VERDICT_HELD);
	assert_int_equal(m->a.exprs[1].verdict, VERDICT_VIOLATED);
	assert_true(m->a.exprs[1].count == 1); /* the silence */
	assert_true(m->a.exprs[2].count == 5); /* an allow takes nothing from an expect */
	assert_true(m->a.exprs[3].count == 5);
	assert_int_equal(m->a.exprs[2].verdict, VERDICT_HELD);
	assert_int_equal(m->a.exit_code, 1);
}

static void test_allowed_silence(void **state)
{
	struct made *m = *state;

	add(m, EXPR_FORBID, "fault=*");
	add(m, EXPR_ALLOW, "fault=*,status=suspected");
	add(m, EXPR_ALLOW, "class=fault,reason=NETFILTER_DROP");
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 0);
}

/* An allow that may match leaves in doubt what it would take away. */
static void test_doubtful_allow(void **state)
{
	struct made *m = *state;

	m->groups[UNEXPLAINED].has_sample = false;
	add(m, EXPR_FORBID, "netns=node1");
	add(m, EXPR_ALLOW, "hook=input");
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 4);
}

/* What was lost may have told the allowed one, or that it is another. */
static void test_losses_of_an_allow(void **state)
{
	struct made *m = *state;

	m->groups[UNEXPLAINED].hook = HOOK_INPUT;
	m->groups[UNEXPLAINED].hook_family = "ip";
	add(m, EXPR_FORBID, "netns=node1");
	add(m, EXPR_ALLOW, "hook=input");
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 0);
	m->r.acc.hooks_lost = 1;
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 4);
	assert_int_equal(m->a.exprs[0].n_unsure, 1);
	assert_int_equal(m->a.exprs[0].unsure[0], UNEXPLAINED);
	assertion_free(&m->a);
	add(m, EXPR_FORBID, "netns=node1");
	add(m, EXPR_ALLOW, "fault=*");
	m->r.acc = (struct accounting){};
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 1);
	m->r.acc.samples_lost = 1;
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 4);
	assertion_free(&m->a);
	add(m, EXPR_FORBID, "src=10.0.0.1");
	add(m, EXPR_ALLOW, "fault=*"); /* a finding stands */
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 0);
	assertion_free(&m->a);
	add(m, EXPR_FORBID, "src=10.0.1.1");
	add(m, EXPR_ALLOW, "fault=*,dst=10.0.9.9"); /* never that one's */
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 1);
}

/* A silence in a namespace that could not be looked into. */
static void test_silence_not_looked_into(void **state)
{
	struct made *m = *state;
	struct group *g = &m->groups[RETRANSMIT];

	m->r.n_findings = 1;
	g->finding = -1;
	g->class = CLASS_UNEXPLAINED;
	g->key.cls = PKT_TCP_SYN;
	g->silent_ms = 3000;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked"), VERDICT_HELD);
	g->suspicious = true;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked"), VERDICT_HELD);
	g->state_unread = true;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked"), VERDICT_INCONCLUSIVE);
	assert_has(m->a.exprs[0].why, "silence");
	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked,dst=10.0.9.9"), VERDICT_HELD);
	assert_int_equal(judged(m, EXPR_FORBID, "status=suspected,src=10.0.3.1"),
			 VERDICT_INCONCLUSIVE);
	/* which no silence is */
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_HELD);
	m->groups[FAULT].tunnel.present = false;
	assert_int_equal(judged(m, EXPR_FORBID, "status=confirmed,src=10.0.3.1"), VERDICT_HELD);
	g->state_unread = false;
	g->state_stale = true; /* looked at too late */
	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked"), VERDICT_INCONCLUSIVE);
	g->state_stale = false;
	m->r.rules_closed = true;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=masq-missing,dst=10.0.3.2"),
			 VERDICT_INCONCLUSIVE);
	m->r.rules_closed = false;
	m->r.namespaces_closed = true;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked,dst=10.0.3.2"),
			 VERDICT_INCONCLUSIVE);
}

/* It was found, and may have been answered when nobody could ask any more. */
static void test_silence_that_is_gone(void **state)
{
	struct made *m = *state;

	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked"), VERDICT_VIOLATED);
	m->groups[RETRANSMIT].state_unread = true;
	assert_int_equal(judged(m, EXPR_FORBID, "fault=vxlan-blocked"), VERDICT_INCONCLUSIVE);
	assert_int_equal(judged(m, EXPR_FORBID, "fault=bridge-nf-off"), VERDICT_HELD);
}

static void test_allow_has_no_count(void **state)
{
	struct made *m = *state;

	assert_int_equal(assertion_add(&m->a, EXPR_ALLOW, "reason=X,count>=2"), -EINVAL);
}

static void test_defaults(void **state)
{
	struct made *m = *state;

	add(m, EXPR_ALLOW, "src=10.9.9.9");
	m->groups[FAULT].tunnel.present = false;
	assertion_set_defaults(&m->a);
	judge(&m->a, &m->r);
	assert_int_equal(m->a.n, 3);
	assert_true(m->a.exprs[1].count == 11);
	assert_true(m->a.exprs[2].count == 5);
	assertion_free(&m->a);
	add(m, EXPR_EXPECT, "reason=NO_SOCKET");
	assertion_set_defaults(&m->a);
	assert_int_equal(m->a.n, 1);
}

/* A proven failure wins over a doubt, and a doubt over success. */
static void test_worst_wins(void **state)
{
	struct made *m = *state;

	m->r.acc = (struct accounting){.uncounted = 1};
	add(m, EXPR_FORBID, "reason=X");
	add(m, EXPR_EXPECT, "reason=NO_SOCKET");
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 4);
	add(m, EXPR_FORBID, "reason=NETFILTER_DROP");
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 1);
}

static void test_command(void **state)
{
	char *argv[] = {"x", NULL};
	struct made *m = *state;

	m->a.argv = argv;
	add(m, EXPR_FORBID, "reason=X");
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 0);
	m->a.wait_status = 3 << 8;
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 1);
	m->a.wait_status = 9; /* a signal */
	m->r.acc.uncounted = 1;
	judge(&m->a, &m->r);
	assert_int_equal(m->a.exit_code, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_refused),
		T(test_counts),
		T(test_matches),
		T(test_netns_by_the_name_it_had),
		T(test_netns_without_name),
		T(test_netns_number_used_again),
		T(test_pod),
		T(test_nothing_matches_what_is_absent),
		T(test_only_the_first_packet),
		T(test_the_first_packet_counts),
		T(test_quoted_packet),
		T(test_table_of_changed_rules),
		T(test_folded),
		T(test_wants_hooks),
		T(test_skips_that_nobody_counts),
		T(test_packet_of_unknown_place),
		T(test_rule_not_known),
		T(test_forbidden_fault_of_a_rule_not_known),
		T(test_other_losses),
		T(test_verdicts_differ),
		T(test_without_sample),
		T(test_hidden_addresses),
		T(test_place_behind_trampoline),
		T(test_hook_not_known),
		T(test_way_out_not_known),
		T(test_state_not_read),
		T(test_fragment),
		T(test_kernel_without_reasons),
		T(test_reason_by_number),
		T(test_reasons_are_checked),
		T(test_group_without_packets),
		T(test_verdicts),
		T(test_losses),
		T(test_unsure_groups),
		T(test_allow),
		T(test_allowed_silence),
		T(test_doubtful_allow),
		T(test_losses_of_an_allow),
		T(test_silence_not_looked_into),
		T(test_silence_that_is_gone),
		T(test_allow_has_no_count),
		T(test_defaults),
		T(test_worst_wins),
		T(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
