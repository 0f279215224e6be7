// SPDX-License-Identifier: GPL-2.0-only
/* What is known of a ruleset at the time of a drop. */
#include "test.h"

#include "rules/changes.h"
#include "rules/rule.h"

static struct changes c;

static int look_at_nothing(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	return 0;
}

static struct group died_at(uint64_t ns)
{
	struct group g = {.kind = SAMPLE_DROP, .has_sample = true, .netns = 1, .last_ns = ns};

	strcpy(g.reason, "NETFILTER_DROP");
	return g;
}

/* What a reading of that generation says of a drop. */
static enum changes_answer since(uint64_t drop_ns, uint32_t generation)
{
	struct group g = died_at(drop_ns);

	changes_tell(&c, &g);
	return changes_since_drop(&g, generation);
}

static void test_looks_before_and_after(void **state)
{
	(void)state;
	assert_int_equal(since(15, 7), CHANGES_UNKNOWN); /* nobody looked */
	changes_see(&c, 1, 7, 10);
	assert_int_equal(since(15, 7), CHANGES_NONE);
	assert_int_equal(since(15, 8), CHANGES_UNKNOWN); /* before it, or since */
	assert_int_equal(since(5, 7), CHANGES_UNKNOWN);
	assert_int_equal(since(5, 8), CHANGES_SINCE);
	changes_see(&c, 1, 7, 20);
	assert_int_equal(since(15, 7), CHANGES_NONE);
	assert_int_equal(since(15, 8), CHANGES_SINCE);
	changes_see(&c, 1, 8, 30);
	assert_int_equal(since(15, 8), CHANGES_SINCE); /* it was 7 at 20 */
	assert_int_equal(since(25, 8), CHANGES_UNKNOWN);
	assert_int_equal(since(35, 8), CHANGES_NONE);
	assert_int_equal(since(35, 0), CHANGES_UNKNOWN);
	changes_see(&c, 1, 0, 40); /* the way in is gone */
	assert_int_equal(since(45, 8), CHANGES_UNKNOWN);
	changes_see(&c, 1, 8, 50);
	assert_int_equal(since(35, 8), CHANGES_UNKNOWN);
}

/* What died a while before the last drop. */
static void test_earlier_packets(void **state)
{
	struct group g = died_at(35);

	(void)state;
	assert_false(changes_maybe_since(&g, 35, 7));
	changes_see(&c, 1, 7, 20);
	changes_tell(&c, &g);
	assert_false(changes_maybe_since(&g, 15, 7)); /* nobody looked before */
	assert_true(changes_maybe_since(&g, 35, 8));
	changes_see(&c, 1, 8, 30);
	changes_tell(&c, &g);
	assert_false(changes_maybe_since(&g, 35, 8));
	assert_true(changes_maybe_since(&g, 25, 8));
	assert_true(changes_maybe_since(&g, 15, 8));
	/* a packet that came since is judged by the same looks */
	g.last_ns = 40;
	assert_int_equal(changes_since_drop(&g, 8), CHANGES_NONE);
	assert_int_equal(changes_since_drop(&g, 9), CHANGES_UNKNOWN);
}

static void test_another_netns_is_another_ruleset(void **state)
{
	struct group g = died_at(15);

	(void)state;
	changes_see(&c, 2, 7, 10);
	assert_int_equal(since(15, 7), CHANGES_UNKNOWN);
	for (uint32_t i = 0; i < 2 * CHANGES_NETNS; i++)
		changes_see(&c, 10 + i, 7, 10);
	assert_false(changes_is_due(&c, 1, 1000000000)); /* no room: never */
	changes_tell(&c, &g);
	assert_int_equal(changes_since_drop(&g, 7), CHANGES_UNKNOWN);
}

static void test_looks_are_not_too_many(void **state)
{
	struct group g = died_at(15);

	(void)state;
	changes_see(&c, 1, 7, 10);
	changes_tell(&c, &g);
	assert_true(c.seen[0].watched);
	changes_see(&c, 1, 0, 20);
	assert_false(c.seen[0].watched);
	memset(&c, 0, sizeof(c));
	assert_true(changes_is_due(&c, 1, 10));
	changes_see(&c, 1, 7, 10);
	assert_false(changes_is_due(&c, 1, 11));
	assert_true(changes_is_due(&c, 1, 1000000000));
}

/* Each drop is noted, until the rule is known or nobody asks any more. */
static void test_who_wants_to_know(void **state)
{
	struct group g = died_at(15);
	struct rule rule = {};

	(void)state;
	assert_true(changes_wants(&g));
	changes_tell(&c, &g);
	assert_false(changes_wants(&g));
	g.last_ns = 16;
	g.rule_asked = true;
	assert_false(changes_wants(&g));
	g.rule_again = true;
	assert_true(changes_wants(&g));
	/* a rule that may be newer than the drop */
	g.rule = &rule;
	assert_false(changes_wants(&g));
	g.rule_unsure = true;
	assert_true(changes_wants(&g));
	/* or other packets of one that is known */
	g.rule_unsure = false;
	g.n_seen = 2;
	assert_true(changes_wants(&g));
	strcpy(g.reason, "NO_SOCKET");
	assert_false(changes_wants(&g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_looks_before_and_after, look_at_nothing),
		cmocka_unit_test_setup(test_earlier_packets, look_at_nothing),
		cmocka_unit_test_setup(test_another_netns_is_another_ruleset, look_at_nothing),
		cmocka_unit_test_setup(test_looks_are_not_too_many, look_at_nothing),
		cmocka_unit_test_setup(test_who_wants_to_know, look_at_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
