// SPDX-License-Identifier: GPL-2.0-only
/* Whose rules are read next. */
#include "test.h"

#include "rules/rule.h"
#include "rules/turns.h"

#define MAX 64

static struct group groups[5000];
static size_t taken[MAX];

static struct table make(size_t n)
{
	struct table t = {.groups = groups, .n = n};

	memset(groups, 0, sizeof(groups));
	for (size_t i = 0; i < n; i++) {
		groups[i].kind = SAMPLE_DROP;
		groups[i].has_sample = true;
		groups[i].netns = 1;
		groups[i].hook = HOOK_INPUT;
		groups[i].key.l3 = 0x0800;
		strcpy(groups[i].reason, "NETFILTER_DROP");
	}
	return t;
}

static bool has(size_t n, size_t group)
{
	for (size_t i = 0; i < n; i++) {
		if (taken[i] == group)
			return true;
	}
	return false;
}

/* A scan of thousands of ports, and one drop elsewhere. */
static void test_scan_keeps_nobody_waiting(void **state)
{
	struct table t = make(5000);
	struct turns turns = {};
	uint32_t netns;
	size_t n;

	(void)state;
	groups[0].hook = HOOK_FORWARD;
	n = turns_take(&turns, &t, taken, MAX, &netns);
	assert_int_equal(n, MAX);
	assert_true(has(n, 0));
	assert_true(has(n, 4999)); /* the newest */
	groups[1].netns = 2;
	groups[1].hook = HOOK_FORWARD;
	n = turns_take(&turns, &t, taken, MAX, &netns);
	assert_int_equal(netns, 2);
	assert_int_equal(n, 1);
	/* but those of the scan get their turn, too: one of them may be of another rule */
	for (size_t left = 5000 - MAX - 1; left; left -= n) {
		n = turns_take(&turns, &t, taken, MAX, &netns);
		assert_int_equal(n, left < MAX ? left : MAX);
	}
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
}

static void test_namespaces_take_turns(void **state)
{
	struct table t = make(300);
	struct turns turns = {};
	uint32_t a, b;

	(void)state;
	for (size_t i = 0; i < 150; i++)
		groups[i].netns = 2;
	assert_int_not_equal(turns_take(&turns, &t, taken, MAX, &a), 0);
	assert_int_not_equal(turns_take(&turns, &t, taken, MAX, &b), 0);
	assert_int_not_equal(a, b);
	turns_take(&turns, &t, taken, MAX, &b);
	assert_int_equal(a, b);
}

/* Asked once; and again when hook programs have told something. */
static void test_who_asks(void **state)
{
	struct table t = make(2);
	struct turns turns = {};
	uint32_t netns;

	(void)state;
	strcpy(groups[1].reason, "NO_SOCKET");
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	assert_int_equal(taken[0], 0);
	assert_true(groups[1].rule_asked); /* nothing is to be asked there, ever */
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
	groups[0].explained = true;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
	groups[1].explained = true;
	groups[1].verdict.function = "nft_do_chain";
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	groups[0].rule_counters = (char *)"x";
	groups[0].last_ns = 5;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
}

/* Not at once, and of rules that have changed since the drop only after another one. */
static void test_changed_rules_are_asked_for_again(void **state)
{
	struct table t = make(1);
	struct turns turns = {};
	struct rule rule = {};
	uint32_t netns;

	(void)state;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	groups[0].rule_again = groups[0].rule_changing = true;
	groups[0].rule_again_ns = 100;
	turns.now_ns = 99;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
	turns.now_ns = 100;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0); /* it has been */
	groups[0].rule_again = true;
	groups[0].rule_changing = false;
	groups[0].rule_counted_ns = groups[0].last_ns = 50;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
	groups[0].last_ns = 60;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	/* so are those of which one is named that may be newer than the drop */
	groups[0].rule = &rule;
	groups[0].rule_again = true;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
	groups[0].rule_unsure = true;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	assert_false(groups[0].seen_only);
	groups[0].n_seen = 2; /* nobody asks whose its other packets are, until then */
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
}

/* Packets that are not like the first: once the rule is known, and after those who know none. */
static void test_other_packets_come_last(void **state)
{
	struct table t = make(2);
	struct turns turns = {};
	struct rule rule = {};
	uint32_t netns;

	(void)state;
	turns_take(&turns, &t, taken, MAX, &netns);
	groups[0].n_seen = 2;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
	groups[0].rule = &rule;
	groups[1].rule_asked = false;
	groups[1].netns = 2;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	assert_int_equal(taken[0], 1);
	turns.rest = true;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
	turns.rest = false;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	assert_int_equal(taken[0], 0);
	assert_true(groups[0].seen_only);
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 0);
}

/* They make no question of those who know none much longer. */
static void test_few_ride_with_others(void **state)
{
	struct table t = make(20);
	struct turns turns = {};
	struct rule rule = {};
	uint32_t netns;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		groups[i].rule = i ? &rule : NULL;
		groups[i].rule_asked = i;
		groups[i].n_seen = 2;
	}
	turns.rest = true;
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 1);
	assert_int_equal(taken[0], 0);
	groups[0].rule_asked = turns.rest = false;
	n = turns_take(&turns, &t, taken, MAX, &netns);
	assert_true(has(n, 0));
	assert_in_range(n, 2, 6);
	assert_int_equal(turns_take(&turns, &t, taken, MAX, &netns), 20 - n);
}

/* It is told once, so that faults look again, and what was deduced goes. */
static void test_conntrack_did_it(void **state)
{
	struct table t = make(1);

	(void)state;
	groups[0].rule_why = strdup("deduced");
	assert_false(turns_no_rule_did_it(&t.groups[0]));
	groups[0].explained = true;
	groups[0].verdict.function = "__nf_conntrack_confirm";
	assert_true(turns_no_rule_did_it(&t.groups[0]));
	assert_null(groups[0].rule_why);
	assert_false(turns_no_rule_did_it(&t.groups[0]));
	groups[0].verdict.function = "nft_do_chain";
	groups[0].rule_explained = false;
	assert_false(turns_no_rule_did_it(&t.groups[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan_keeps_nobody_waiting),
		cmocka_unit_test(test_namespaces_take_turns),
		cmocka_unit_test(test_who_asks),
		cmocka_unit_test(test_other_packets_come_last),
		cmocka_unit_test(test_few_ride_with_others),
		cmocka_unit_test(test_conntrack_did_it),
		cmocka_unit_test(test_changed_rules_are_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
