// SPDX-License-Identifier: GPL-2.0-only
/* The different packets of a group. */
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "seen.h"

static struct group g;

static int setup(void **state)
{
	(void)state;
	memset(&g, 0, sizeof(g));
	g.kind = SAMPLE_DROP;
	g.key.l3 = ETHERTYPE_IP;
	g.key.proto = IPPROTO_UDP;
	g.netns = 7;
	g.has_sample = true;
	strcpy(g.reason, "NETFILTER_DROP");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	group_free(&g);
	return 0;
}

static struct sample sample_of(uint16_t sport, uint32_t mark, uint32_t ct_info)
{
	return (struct sample){.kind = SAMPLE_DROP,
			       .key = g.key,
			       .ts = g.packets + 1,
			       .sport = sport,
			       .dport = 53,
			       .mark = mark,
			       .ct_info = ct_info};
}

static void take(const struct sample *s)
{
	g.packets++;
	seen_take(&g, s);
}

static void sample(uint16_t sport, uint32_t mark, uint32_t ct_info)
{
	struct sample s = sample_of(sport, mark, ct_info);

	take(&s);
}

static void test_what_differs(void **state)
{
	(void)state;
	sample(1000, 0, 2);
	sample(1000, 0, 2);
	assert_int_equal(g.n_seen, 1);
	assert_int_equal(g.seen[0].packets, 2);
	assert_int_equal(g.seen[0].first_ns, 1);
	assert_int_equal(g.seen[0].last_ns, 2);
	assert_int_equal(g.seen_last, 0);
	sample(1001, 0, 2);
	sample(1000, 1, 2);
	sample(1000, 0, 0); /* IP_CT_ESTABLISHED */
	assert_int_equal(g.n_seen, 4);
	assert_int_equal(g.seen_last, 3);
	assert_int_equal(g.seen[2].mark, 1);
	assert_int_equal(g.seen[3].ct_state, CT_ESTABLISHED);
	sample(1001, 0, 2);
	assert_int_equal(g.seen[1].packets, 2);
}

/* Whom a frame is for, whether it has that header at all, and what is known of its connection. */
static void test_what_else_rules_ask(void **state)
{
	struct sample s = sample_of(1000, 0, 2);

	(void)state;
	take(&s);
	s.l3_off = s.hdr_len = ETH_HLEN;
	take(&s); /* all addresses are 0 */
	assert_int_equal(g.n_seen, 2);
	s.hdr[0] = 2; /* of the destination */
	take(&s);
	assert_int_equal(g.n_seen, 3);
	s.flags |= SAMPLE_HAS_CT;
	take(&s);
	assert_int_equal(g.n_seen, 4);
	take(&s);
	assert_int_equal(g.n_seen, 4);
}

/* The first that is kept is the first of all only if a rule may have dropped that one. */
static void test_which_is_the_first(void **state)
{
	(void)state;
	g.loc.name = "br_handle_frame";
	strcpy(g.reason, "NOT_SPECIFIED");
	sample(1000, 0, 2);
	assert_int_equal(g.n_seen, 0);
	g.verdict.function = "nft_do_chain";
	sample(1001, 0, 2);
	assert_int_equal(g.n_seen, 1);
	assert_false(g.seen[0].first);
	group_free(&g);
	g.packets = 0;
	sample(1000, 0, 2);
	sample(1001, 0, 2);
	assert_true(g.seen[0].first);
	assert_false(g.seen[1].first);
}

/* The first few, and then ever more seldom. */
static void test_bounded(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 16; port++)
		sample(port, 0, 2);
	assert_int_equal(g.n_seen, 6);
	assert_int_equal(g.seen[4].flow.sport, 8);
	assert_int_equal(g.seen[5].flow.sport, 16);
	for (uint16_t port = 17; port < 60000; port++)
		sample(port, 0, 2);
	assert_int_equal(g.n_seen, GROUP_SEEN);
	assert_int_equal(g.seen_last, -1);
}

/* What netfilter did not drop is nobody's rule. */
static void test_no_rule(void **state)
{
	(void)state;
	strcpy(g.reason, "NO_SOCKET");
	sample(1000, 0, 2);
	assert_int_equal(g.n_seen, 0);
	assert_int_equal(g.seen_last, -1);
}

static void test_told(void **state)
{
	struct group view;

	(void)state;
	sample(1000, 0, 2);
	sample(1001, 5, 2);
	g.verdict.function = "nft_do_chain";
	g.verdict.rule = 3;
	seen_told(&g, 1, false);
	seen_view(&g, 0, &view);
	assert_null(view.verdict.function);
	assert_int_equal(view.flow.sport, 1000);
	assert_int_equal(view.last_ns, 1);
	seen_view(&g, 1, &view);
	assert_non_null(view.verdict.function);
	assert_int_equal(view.verdict.rule, 0);
	assert_int_equal(view.mark, 5);
	seen_told(&g, 1, true);
	seen_view(&g, 1, &view);
	assert_int_equal(view.verdict.rule, 3);
	/* of those that are not kept, a probe's word counts */
	g.rule_certain = true;
	g.seen[1].rule = SEEN_SAME;
	assert_int_equal(group_rule_seen(&g), 1);
	g.packets = 9;
	seen_told(&g, -1, true);
	seen_told(&g, -1, false);
	assert_int_equal(group_rule_seen(&g), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_differs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_else_rules_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_which_is_the_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
