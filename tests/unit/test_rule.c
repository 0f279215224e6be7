// SPDX-License-Identifier: GPL-2.0-only
/* A rule as a report writes it, and the commands that a fix makes of it. */
#include <linux/netfilter/nf_conntrack_common.h>

#include "test.h"

#include "rules/rule.h"

static const struct rule nft_rule = {.backend = RULE_NFT,
				     .family = "inet",
				     .table = "fw",
				     .chain = "input",
				     .handle = 7,
				     .text = "udp dport 8472 drop"};
static const struct rule legacy_rule = {.backend = RULE_IPTABLES_LEGACY,
					.family = "ip6",
					.table = "filter",
					.chain = "KUBE-FORWARD",
					.number = 3,
					.text = "-A KUBE-FORWARD -j DROP"};

static void take(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void test_rule_is_written_with_its_place(void **state)
{
	(void)state;
	take(rule_str(&nft_rule), "nft inet fw input handle 7: udp dport 8472 drop");
	take(rule_str(&legacy_rule),
	     "ip6tables-legacy filter KUBE-FORWARD 3: -A KUBE-FORWARD -j DROP "
	     "(written by kube-proxy)");
}

static void test_accept_stands_ahead_of_the_rule(void **state)
{
	(void)state;
	take(rule_accept_command(&nft_rule, "-p udp", "udp dport 8472"),
	     "nft insert rule inet fw input handle 7 udp dport 8472 accept");
	assert_true(rule_is_nft_word("forward") && rule_is_nft_word("logs"));
	take(rule_accept_command(&legacy_rule, "-p udp --dport 8472", "udp"),
	     "ip6tables-legacy -w -t filter -I KUBE-FORWARD 3 -p udp --dport 8472 -j ACCEPT");
}

static void test_accept_overrules_no_rule_ahead_of_the_policy(void **state)
{
	struct rule r = legacy_rule;

	(void)state;
	r.policy = true;
	take(rule_accept_command(&r, "-p udp", "x"),
	     "ip6tables-legacy -w -t filter -A KUBE-FORWARD -p udp -j ACCEPT");
	r = nft_rule;
	r.policy = true;
	take(rule_accept_command(&r, "x", "udp dport 53"),
	     "nft add rule inet fw input udp dport 53 accept");
}

/* Behind a return or goto of the chain an accept at its end does nothing. */
static void test_accept_stands_ahead_of_where_packets_leave(void **state)
{
	struct rule r = legacy_rule;

	(void)state;
	r.policy = true;
	r.number = 0;
	r.left_number = 2;
	take(rule_accept_command(&r, "-p udp", "x"),
	     "ip6tables-legacy -w -t filter -I KUBE-FORWARD 2 -p udp -j ACCEPT");
	r = nft_rule;
	r.policy = true;
	r.handle = 0;
	r.left_handle = 9;
	take(rule_accept_command(&r, "x", "udp dport 53"),
	     "nft insert rule inet fw input handle 9 udp dport 53 accept");
}

static void test_policy_accepts_again(void **state)
{
	(void)state;
	take(rule_policy_command(&nft_rule), "nft chain inet fw input '{ policy accept; }'");
	take(rule_policy_command(&legacy_rule),
	     "ip6tables-legacy -w -t filter -P KUBE-FORWARD ACCEPT");
}

static void test_hostile_names_are_one_word(void **state)
{
	struct rule r = legacy_rule;

	(void)state;
	r.chain = "in; rm -rf $HOME";
	take(rule_policy_command(&r), "ip6tables-legacy -w -t filter -P 'in; rm -rf $HOME' ACCEPT");
	r.chain = "it's";
	take(rule_policy_command(&r), "ip6tables-legacy -w -t filter -P 'it'\\''s' ACCEPT");
}

/* nft's own grammar would see more in it than a name, whatever quotes it has. */
static void test_hostile_names_make_no_command_of_nft(void **state)
{
	static char *const names[] = {"c handle 2;flush ruleset;delete rule ip t c",
				      "",
				      "a b",
				      "$(id)",
				      "a#",
				      "1",
				      "a\\b",
				      "log",
				      "drop"};
	struct rule r = nft_rule;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		r.chain = names[i];
		assert_null(rule_delete_command(&r));
		assert_null(rule_accept_command(&r, "", ""));
		assert_null(rule_policy_command(&r));
		r.chain = "input";
		r.table = names[i];
		assert_null(rule_delete_command(&r));
		r.table = "fw";
	}
}

static void test_no_command_without_a_tool_or_a_place(void **state)
{
	struct rule r = legacy_rule;

	(void)state;
	r = nft_rule;
	r.table = NULL;
	assert_null(rule_policy_command(&r));
}

static void test_arptables_is_no_iptables(void **state)
{
	struct rule r = {.backend = RULE_ARPTABLES,
			 .family = "arp",
			 .table = "filter",
			 .chain = "INPUT",
			 .number = 1,
			 .text = "-A INPUT -j DROP -s 10.0.0.9"};

	(void)state;
	assert_string_equal(rule_backend_name(r.backend), "arptables");
	take(rule_str(&r), "arptables-nft filter INPUT 1: -A INPUT -j DROP -s 10.0.0.9");
	take(rule_delete_command(&r), "arptables-nft -t filter -D INPUT 1");
	assert_null(rule_accept_command(&r, "-p udp", ""));
}

static void test_delete_by_handle_or_number(void **state)
{
	struct rule r = legacy_rule;

	(void)state;
	take(rule_delete_command(&nft_rule), "nft delete rule inet fw input handle 7");
	take(rule_delete_command(&r), "ip6tables-legacy -w -t filter -D KUBE-FORWARD 3");
	r.backend = RULE_EBTABLES;
	take(rule_delete_command(&r), "ebtables-nft -t filter -D KUBE-FORWARD 3");
	r.number = 0;
	assert_null(rule_delete_command(&r));
}

static void test_owner_by_chain_table_and_comment(void **state)
{
	struct rule r = {.chain = "INPUT", .table = "filter"};

	(void)state;
	assert_null(rule_owner(&r));
	r.comment = "cali:Xy12";
	assert_string_equal(rule_owner(&r), "Calico");
	r.chain = "KUBE-NWPLCY-2";
	assert_string_equal(rule_owner(&r), "kube-router, for a NetworkPolicy");
	r.chain = "DOCKER-ISOLATION-STAGE-2";
	r.comment = NULL;
	assert_string_equal(rule_owner(&r), "Docker, to keep its networks apart");
	assert_true(rule_is_policy(&r));
	r.chain = "DOCKER-USER";
	assert_non_null(strstr(rule_owner(&r), "admin"));
	r.chain = "KUBE-ROUTER-INPUT";
	assert_string_equal(rule_owner(&r), "kube-router");
	r.chain = "cali-INPUT";
	r.text =
		"-A cali-INPUT -p ipencap -m comment --comment \"Drop IPIP packets from non-Calico "
		"hosts\" -j DROP";
	assert_false(rule_is_policy(&r));
	r.text = NULL;
	r.chain = "DOCKER-INTERNAL";
	assert_string_equal(rule_owner(&r), "Docker, to keep its networks apart");
	assert_true(rule_is_policy(&r));
	r.chain = "PREROUTING";
	assert_null(rule_owner(&r));
	r.table = "raw";
	r.text = "-A PREROUTING -d 172.18.0.2/32 ! -i br-0123456789ab -j DROP";
	assert_string_equal(rule_owner(&r), "Docker, to keep its networks apart");
	r.text = "-A PREROUTING -d 172.18.0.2/32 -j DROP";
	assert_null(rule_owner(&r));
	r.table = "filter";
	r.text = NULL;
	r.chain = "cali-from-wl-dispatch";
	assert_true(rule_is_policy(&r));
	r.text = "-A cali-from-wl-dispatch -m comment --comment \"cali:zT\" -m comment --comment "
		 "\"Unknown interface\" -j DROP";
	assert_false(rule_is_policy(&r)); /* Calico does not know it yet, or any more */
	r.chain = "filter_FORWARD";
	r.table = "firewalld";
	assert_string_equal(rule_owner(&r), "firewalld");
	assert_int_equal(rule_purpose(&r), PURPOSE_UNKNOWN);
	r.chain = "KUBE-DEDUP";
	r.table = "filter";
	r.text = NULL;
	assert_int_equal(rule_purpose(&r), PURPOSE_DUPLICATES);
	assert_false(rule_is_policy(&r));
	r.chain = "KUBE-PROXY-FIREWALL";
	assert_int_equal(rule_purpose(&r), PURPOSE_SOURCE_RANGES);
	r.chain = "KUBE-IPVS-FILTER";
	assert_int_equal(rule_purpose(&r), PURPOSE_NO_SUCH_SERVICE);
	r.chain = "KUBE-FIREWALL";
	assert_int_equal(rule_purpose(&r), PURPOSE_GUARD);
}

static void test_who_did_it_if_no_rule_did(void **state)
{
	struct symbol nat[] = {{.name = "nft_nat_do_chain"}};
	struct group g = {.hook = HOOK_POSTROUTING, .ct_state = CT_NEW};

	(void)state;
	assert_null(rule_other_cause(&g)); /* the rules were not read */
	g.rule_none = true;
	assert_has(rule_other_cause(&g), "another packet was faster, or NAT without a free port");
	g.has_ct_status = true;
	assert_has(rule_other_cause(&g), "NAT, without an address");
	g.ct_status = IPS_SRC_NAT_DONE;
	assert_string_equal(rule_other_cause(&g), "conntrack, where another packet was faster");
	g.ct_status |= IPS_SRC_NAT;
	assert_has(rule_other_cause(&g), "NAT without a free port");
	/* a chain of NAT's, where a rule that drops would be one that may have */
	g.loc.name = "nft_do_chain";
	assert_null(rule_other_cause(&g));
	g.stack = nat;
	g.n_stack = 1;
	assert_has(rule_other_cause(&g), "NAT, which has no address");
	g.stack = NULL;
	g.n_stack = 0;
	g.loc.name = NULL;
	g.hook = HOOK_PREROUTING;
	g.ct_state = CT_NONE;
	assert_has(rule_other_cause(&g), "table may be full");
	g.hook = HOOK_OUTPUT;
	g.has_original = true;
	assert_has(rule_other_cause(&g), "without a route");
	/* nf_hook_slow() frees what IPVS drops: no stack tells of it */
	g.hook = HOOK_INPUT;
	g.ct_state = CT_NEW;
	g.ipvs_service = true;
	assert_has(rule_other_cause(&g), "IPVS, conntrack");
	g.ipvs_no_server = true;
	assert_has(rule_other_cause(&g), "IPVS, which has no real server");
	g.rule_none = false;
	g.verdict.function = "__nf_conntrack_confirm"; /* a probe saw it */
	assert_has(rule_other_cause(&g), "already");
	g.verdict.function = "nft_do_chain";
	assert_null(rule_other_cause(&g));
}

static void assert_sent(enum rule_backend backend, bool six, const char *text, const char *sent)
{
	struct rule r = {.backend = backend, .verdict = RULE_REJECT, .text = (char *)text};
	char buf[RULE_SENT_LEN];

	if (sent)
		assert_string_equal(rule_sent(&r, six, buf), sent);
	else
		assert_null(rule_sent(&r, six, buf));
	r.verdict = RULE_DROP;
	assert_null(rule_sent(&r, six, buf));
}

static void test_what_reject_sends(void **state)
{
	(void)state;
	assert_sent(RULE_NFT, false, "udp dport 53 counter reject", "icmp port-unreachable");
	assert_sent(RULE_NFT, true, "reject", "icmpv6 port-unreachable");
	assert_sent(RULE_NFT, false, "tcp dport 5 reject with tcp reset", "tcp reset");
	assert_sent(RULE_NFT, true, "reject with icmpx admin-prohibited comment \"x\"",
		    "icmpv6 admin-prohibited");
	assert_sent(RULE_NFT, false, "reject with icmp type host-unreachable",
		    "icmp host-unreachable");
	assert_sent(RULE_NFT, false,
		    "log prefix \"reject with tcp reset\" reject comment \"reject\"",
		    "icmp port-unreachable");
	assert_sent(RULE_NFT, false, "jump somewhere", NULL);
	assert_sent(RULE_NFT, false, NULL, NULL);
	assert_sent(RULE_IPTABLES_LEGACY, false,
		    "-A INPUT -p tcp -j REJECT --reject-with tcp-reset", "tcp reset");
	assert_sent(RULE_IPTABLES_NFT, true,
		    "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited",
		    "icmpv6 adm-prohibited");
	assert_sent(RULE_IPTABLES_NFT, false,
		    "-A INPUT -m comment --comment \"\\\" --reject-with tcp-reset\" -j REJECT "
		    "--reject-with icmp-port-unreachable",
		    "icmp port-unreachable");
	assert_sent(RULE_IPTABLES_LEGACY, false, "-A INPUT -j REJECT", "icmp port-unreachable");
}

static void test_three_values(void **state)
{
	(void)state;
	assert_int_equal(tri_and(TRI_YES, TRI_YES), TRI_YES);
	assert_int_equal(tri_and(TRI_YES, TRI_MAYBE), TRI_MAYBE);
	assert_int_equal(tri_and(TRI_MAYBE, TRI_NO), TRI_NO);
	assert_int_equal(tri_not(TRI_MAYBE), TRI_MAYBE);
	assert_int_equal(tri_not(TRI_NO), TRI_YES);
}

static void test_interfaces_of_a_packet(void **state)
{
	struct group g = {.hook = HOOK_FORWARD, .in = "cali12"};

	(void)state;
	assert_int_equal(packet_in(&g, "cali+", '+'), TRI_YES);
	assert_int_equal(packet_in(&g, "cali+", 0), TRI_NO);
	assert_int_equal(packet_in(&g, "eth0", '+'), TRI_NO);
	assert_int_equal(packet_out(&g, "eth0", '+'), TRI_MAYBE);
	g.hook = HOOK_INPUT;
	assert_int_equal(packet_out(&g, "eth0", '+'), TRI_NO);
	g.hook = HOOK_OUTPUT;
	assert_int_equal(packet_in(&g, "cali12", '+'), TRI_NO);
}

/* Three that may have done it; the counter of one that does not count is none. */
static void make_replay(struct rule_hit *hits, const uint64_t *packets)
{
	static const char *const texts[] = {"-A a -j DROP", "-A b -j DROP", "-A c -j DROP"};

	memset(hits, 0, 3 * sizeof(*hits));
	for (unsigned int i = 0; i < 3; i++) {
		hits[i].rule = legacy_rule;
		hits[i].rule.text = (char *)texts[i];
		hits[i].rule.number = i + 1;
		hits[i].has_packets = packets[i] != UINT64_MAX;
		hits[i].packets = packets[i];
	}
}

static const struct rule_hit *counted(struct rule_hit *hits, const uint64_t *before,
				      const uint64_t *after)
{
	struct replay r = {.hits = hits, .n = 3};
	const struct rule_hit *hit;
	char *noted;

	make_replay(hits, before);
	noted = replay_counters(&r);
	make_replay(hits, after);
	hit = replay_counted(&r, noted);
	free(noted);
	return hit;
}

static void test_who_alone_counted_did_it(void **state)
{
	static const uint64_t none = UINT64_MAX;
	struct rule_hit hits[3];

	(void)state;
	assert_ptr_equal(counted(hits, (uint64_t[]){5, 9, 0}, (uint64_t[]){5, 10, 0}), &hits[1]);
	assert_ptr_equal(counted(hits, (uint64_t[]){5, 9, 9}, (uint64_t[]){5, 9, 99}), &hits[2]);
	/* another one's traffic, or nothing at all, or a reset */
	assert_null(counted(hits, (uint64_t[]){5, 9, 0}, (uint64_t[]){6, 10, 0}));
	assert_null(counted(hits, (uint64_t[]){5, 9, 0}, (uint64_t[]){5, 9, 0}));
	/* one that does not count is always one of them */
	assert_ptr_equal(counted(hits, (uint64_t[]){5, none, 0}, (uint64_t[]){5, none, 0}),
			 &hits[1]);
	assert_null(counted(hits, (uint64_t[]){5, none, 0}, (uint64_t[]){6, none, 0}));
}

static void test_counters_of_other_rules_tell_nothing(void **state)
{
	struct rule_hit hits[3];
	struct replay r = {.hits = hits, .n = 3};
	char *noted;

	(void)state;
	make_replay(hits, (uint64_t[]){5, 9, 0});
	noted = replay_counters(&r);
	make_replay(hits, (uint64_t[]){5, 10, 0});
	hits[0].rule.text = (char *)"-A z -j DROP";
	assert_null(replay_counted(&r, noted));
	make_replay(hits, (uint64_t[]){5, 10, 0});
	r.n = 2;
	assert_null(replay_counted(&r, noted));
	r.n = 3;
	assert_ptr_equal(replay_counted(&r, noted), &hits[1]);
	r.cut = true;
	assert_null(replay_counted(&r, noted));
	r.cut = false;
	/* whatever is in it */
	for (size_t cut = 0; cut < strlen(noted); cut++) {
		char *part = strndup(noted, cut);

		(void)replay_counted(&r, part);
		free(part);
	}
	free(noted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_alone_counted_did_it),
		cmocka_unit_test(test_counters_of_other_rules_tell_nothing),
		cmocka_unit_test(test_rule_is_written_with_its_place),
		cmocka_unit_test(test_accept_stands_ahead_of_the_rule),
		cmocka_unit_test(test_accept_overrules_no_rule_ahead_of_the_policy),
		cmocka_unit_test(test_accept_stands_ahead_of_where_packets_leave),
		cmocka_unit_test(test_policy_accepts_again),
		cmocka_unit_test(test_hostile_names_are_one_word),
		cmocka_unit_test(test_hostile_names_make_no_command_of_nft),
		cmocka_unit_test(test_no_command_without_a_tool_or_a_place),
		cmocka_unit_test(test_arptables_is_no_iptables),
		cmocka_unit_test(test_delete_by_handle_or_number),
		cmocka_unit_test(test_owner_by_chain_table_and_comment),
		cmocka_unit_test(test_who_did_it_if_no_rule_did),
		cmocka_unit_test(test_what_reject_sends),
		cmocka_unit_test(test_three_values),
		cmocka_unit_test(test_interfaces_of_a_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
