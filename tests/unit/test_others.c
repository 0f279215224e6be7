// SPDX-License-Identifier: GPL-2.0-only
/* Who else than rules may have dropped it. */
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "fake_host.h"
#include "rules/others.h"
#include "rules/rule.h"

static struct group to(enum nf_hook hook, const char *dst)
{
	struct group g = {.kind = SAMPLE_DROP, .has_sample = true, .netns = 1, .hook = hook};

	g.flow.l3 = ETHERTYPE_IP;
	g.flow.proto = IPPROTO_TCP;
	g.flow.src = an_addr("127.0.0.1");
	g.flow.dst = an_addr(dst);
	g.flow.has_ports = true;
	g.flow.dport = 80;
	return g;
}

static void test_nat_needs_a_route(void **state)
{
	struct fake_host h;
	struct fake_netns *n;
	struct group g = to(HOOK_OUTPUT, "10.244.1.2");

	(void)state;
	fake_host_init(&h);
	n = fake_netns(&h, 1, "node");
	others_ask(&g, &h.base);
	assert_false(g.nat_no_route); /* there is no NAT */
	g.has_original = true;
	g.original = g.flow;
	g.original.dport = 443;
	others_ask(&g, &h.base);
	assert_false(g.nat_no_route); /* none of the address */
	g.original.dst = an_addr("10.96.0.10");
	others_ask(&g, &h.base);
	assert_true(g.nat_no_route);
	g.hook = HOOK_INPUT;
	others_ask(&g, &h.base);
	assert_false(g.nat_no_route);
	g.hook = HOOK_OUTPUT;
	fake_route(n, "10.244.0.0/16", NULL, 2);
	others_ask(&g, &h.base);
	assert_false(g.nat_no_route);
}

static void test_ipvs_without_a_server(void **state)
{
	struct fake_host h;
	struct fake_netns *n;
	struct group g = to(HOOK_INPUT, "10.96.0.10");

	(void)state;
	fake_host_init(&h);
	n = fake_netns(&h, 1, "node");
	n->ipvs.local = an_addr("10.96.0.10");
	n->ipvs.port = 80;
	others_ask(&g, &h.base);
	assert_true(g.ipvs_service && g.ipvs_no_server);
	g.rule_none = true;
	g.ct_state = CT_NEW;
	assert_has(rule_other_cause(&g), "IPVS, which has no real server");
	n->ipvs_servers = 1;
	others_ask(&g, &h.base);
	assert_true(g.ipvs_service && !g.ipvs_no_server);
	g.flow.dport = 81;
	others_ask(&g, &h.base);
	assert_false(g.ipvs_service || g.ipvs_no_server);
	g = to(HOOK_FORWARD, "10.96.0.10");
	others_ask(&g, &h.base);
	assert_false(g.ipvs_service); /* no hook of its own for that */
}

/* IPVS has many services; but a packet that no probe saw may have been dropped by another one. */
static void test_who_did_it_is_known(void **state)
{
	struct seen_packet seen[2] = {{.told = true}, {.told = false}};
	struct fake_host h;
	struct fake_netns *n;
	struct group g = to(HOOK_INPUT, "10.96.0.10");

	(void)state;
	fake_host_init(&h);
	n = fake_netns(&h, 1, "node");
	g.verdict.function = "nft_do_chain";
	g.seen = seen;
	g.n_seen = 1;
	others_ask(&g, &h.base);
	assert_int_equal(n->ipvs_asked, 0);
	g.n_seen = 2;
	others_ask(&g, &h.base);
	assert_int_equal(n->ipvs_asked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nat_needs_a_route),
		cmocka_unit_test(test_ipvs_without_a_server),
		cmocka_unit_test(test_who_did_it_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
