// SPDX-License-Identifier: GPL-2.0-only
/* What rules do with sets, as the kernel tells them. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/msg.h>
#include <stdbool.h>

#include "test.h"

#include "rules/nft_uses.h"

static struct nl_msg *msg;
static struct nlattr *rule;
static json_t *uses;

static int begin(void **state)
{
	(void)state;
	uses = json_pack("{s{}}", "updated");
	msg = nlmsg_alloc();
	rule = nla_nest_start(msg, NFTA_RULE_EXPRESSIONS);
	return 0;
}

static int end(void **state)
{
	(void)state;
	nlmsg_free(msg);
	json_decref(uses);
	return 0;
}

static struct nlattr *start(const char *name, struct nlattr **expr)
{
	*expr = nla_nest_start(msg, NFTA_LIST_ELEM);
	nla_put_string(msg, NFTA_EXPR_NAME, name);
	return nla_nest_start(msg, NFTA_EXPR_DATA);
}

static void stop(struct nlattr *data, struct nlattr *expr)
{
	nla_nest_end(msg, data);
	nla_nest_end(msg, expr);
}

static void plain(const char *name)
{
	struct nlattr *expr, *data = start(name, &expr);

	stop(data, expr);
}

static void payload_at(uint32_t base, uint32_t offset, uint32_t len, uint32_t to)
{
	struct nlattr *expr, *data = start("payload", &expr);

	nla_put_u32(msg, NFTA_PAYLOAD_DREG, htonl(to));
	nla_put_u32(msg, NFTA_PAYLOAD_BASE, htonl(base));
	nla_put_u32(msg, NFTA_PAYLOAD_OFFSET, htonl(offset));
	nla_put_u32(msg, NFTA_PAYLOAD_LEN, htonl(len));
	stop(data, expr);
}

static void payload(uint32_t base, uint32_t len, uint32_t to)
{
	payload_at(base, 0, len, to);
}

/* to: NULL, or a map's register. */
static void lookup(const char *set, uint32_t from, const uint32_t *to)
{
	struct nlattr *expr, *data = start("lookup", &expr);

	nla_put_string(msg, NFTA_LOOKUP_SET, set);
	nla_put_u32(msg, NFTA_LOOKUP_SREG, htonl(from));
	if (to)
		nla_put_u32(msg, NFTA_LOOKUP_DREG, htonl(*to));
	stop(data, expr);
}

static void update(const char *set)
{
	struct nlattr *expr, *data = start("dynset", &expr);

	nla_put_string(msg, NFTA_DYNSET_SET_NAME, set);
	stop(data, expr);
}

/* Of the rule that was made; the next one is begun. */
static bool is_native(int nfproto)
{
	bool is;

	nla_nest_end(msg, rule);
	nft_uses_add(uses, nfproto, rule);
	is = json_object_get(uses, "native");
	end(NULL);
	begin(NULL);
	return is;
}

static void test_rules_of_iptables(void **state)
{
	(void)state;
	plain("meta");
	plain("cmp");
	payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 1);
	plain("range");
	plain("match");
	plain("counter");
	plain("immediate");
	assert_false(is_native(NFPROTO_IPV4));
	assert_false(is_native(NFPROTO_IPV4)); /* no expression at all */
	plain("immediate");
	assert_false(is_native(NFPROTO_IPV4)); /* and is printed as what it is */
}

/* Of which iptables-nft-save tells the protocol only. */
static void test_transport_headers(void **state)
{
	static const struct {
		uint32_t offset, len;
		bool native;
	} cases[] = {
		{0, 1, false},	{0, 2, false}, {2, 2, false}, {0, 4, false},
		{13, 1, false}, {1, 1, true}, /* icmp code */
		{4, 2, true},		      /* udp length */
		{6, 2, true},	{4, 4, true},  {8, 4, true},  {14, 2, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		plain("meta");
		payload_at(NFT_PAYLOAD_TRANSPORT_HEADER, cases[i].offset, cases[i].len, 1);
		plain("cmp");
		plain("counter");
		plain("immediate");
		assert_int_equal(is_native(NFPROTO_IPV4), cases[i].native);
	}
}

/* Which iptables-nft-save prints without it. */
static void test_lookups(void **state)
{
	static const uint32_t verdict = 0;

	(void)state;
	payload(NFT_PAYLOAD_NETWORK_HEADER, 4, 1);
	lookup("blk", 1, NULL);
	plain("counter");
	assert_true(is_native(NFPROTO_IPV4));
	payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 1);
	lookup("__set0", 1, NULL);
	plain("counter");
	assert_true(is_native(NFPROTO_IPV6));
	plain("meta");
	lookup("__map0", 1, &verdict);
	plain("counter");
	assert_true(is_native(NFPROTO_ARP));
}

/* "udp length 13 drop": iptables-nft-save prints "-p udp -j DROP". */
static void test_header_without_a_counter(void **state)
{
	(void)state;
	payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 1);
	plain("cmp");
	plain("immediate");
	assert_true(is_native(NFPROTO_IPV4));
}

/* "--among-src 02:00:00:00:00:01=10.0.0.1": the only lookup that a sibling of iptables-nft writes.
 */
static void test_ebtables_among(void **state)
{
	static const uint32_t verdict = 0;

	(void)state;
	payload(NFT_PAYLOAD_LL_HEADER, 6, 1);
	lookup("__set0", 1, NULL);
	payload(NFT_PAYLOAD_LL_HEADER, 6, 1);
	payload(NFT_PAYLOAD_NETWORK_HEADER, 4, 10);
	lookup("__set1", 1, NULL);
	plain("counter");
	assert_false(is_native(NFPROTO_BRIDGE));
	for (int i = 0; i < 6; i++) {
		payload(NFT_PAYLOAD_LL_HEADER, i == 0 ? 2 : 6, 1);
		if (i == 1)
			plain("cmp"); /* it was for that */
		if (i == 2)
			payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 10);
		lookup(i == 3 ? "named" : "__set0", i == 4 ? 9 : 1, i == 5 ? &verdict : NULL);
		plain("counter");
		assert_true(is_native(NFPROTO_BRIDGE));
	}
	payload(NFT_PAYLOAD_LL_HEADER, 6, 1);
	lookup("__set0", 1, NULL);
	plain("counter");
	assert_true(is_native(NFPROTO_IPV4));
}

static void test_sets_that_packets_change(void **state)
{
	json_t *updated = json_object_get(uses, "updated");

	(void)state;
	update("dyn");
	plain("cmp");
	update("other");
	nla_nest_end(msg, rule);
	nft_uses_add(uses, NFPROTO_INET, rule);
	assert_int_equal(json_object_size(updated), 2);
	assert_true(json_is_true(json_object_get(updated, "dyn")));
	assert_true(json_is_true(json_object_get(updated, "other")));
}

/* As no kernel tells it. */
static void test_odd_expressions(void **state)
{
	(void)state;
	plain("payload");
	plain("dynset");
	nla_put_u32(msg, NFTA_LIST_ELEM, 0);
	plain("counter");
	assert_false(is_native(NFPROTO_BRIDGE));
	plain("lookup");
	assert_true(is_native(NFPROTO_BRIDGE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules_of_iptables, begin, end),
		cmocka_unit_test_setup_teardown(test_transport_headers, begin, end),
		cmocka_unit_test_setup_teardown(test_lookups, begin, end),
		cmocka_unit_test_setup_teardown(test_header_without_a_counter, begin, end),
		cmocka_unit_test_setup_teardown(test_ebtables_among, begin, end),
		cmocka_unit_test_setup_teardown(test_sets_that_packets_change, begin, end),
		cmocka_unit_test_setup_teardown(test_odd_expressions, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
