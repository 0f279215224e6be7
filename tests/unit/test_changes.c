// SPDX-License-Identifier: GPL-2.0-only
/* What is known of a ruleset at the time of a drop. */
#include "test.h"

#include "rules/changes.h"
#include "rules/nft_source.h"
#include "rules/rule.h"

#define SECOND 1000000000ULL

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
	changes_tell(&c, &g);
	assert_int_equal(changes_since_drop(&g, 7), CHANGES_UNKNOWN);
	/* the inode number is another one's now, which has had as many changes */
	assert_int_not_equal(nft_source_number(7, 1), nft_source_number(7, 2));
	assert_int_not_equal(nft_source_number(7, 1), nft_source_number(8, 1));
	for (uint64_t cookie = 0; cookie < 100; cookie++) {
		for (uint32_t generation = 1; generation < 100; generation++)
			assert_int_not_equal(nft_source_number(generation, cookie), 0);
	}
	assert_int_not_equal(nft_source_number(0U - 2654435761U, 1), 0);
}

/* A node has more namespaces than there is room for: one where something dies has it. */
static void test_there_is_always_room(void **state)
{
	struct group g = died_at(9);

	(void)state;
	changes_see(&c, 1, 7, 5);
	changes_tell(&c, &g);
	for (uint32_t i = 1; i < CHANGES_NETNS; i++)
		changes_see(&c, 10 + i, 7, 10 + i);
	assert_true(changes_is_due(&c, 2, 500));
	changes_see(&c, 2, 7, 500);
	assert_false(changes_is_due(&c, 2, 501));
	assert_false(changes_is_due(&c, 1, 501)); /* watched, though the oldest */
	assert_true(changes_is_due(&c, 11, 501)); /* not that one */
	assert_false(changes_is_due(&c, 12, 501));
}

static void test_looks_are_not_too_many(void **state)
{
	struct group g = died_at(15);

	(void)state;
	changes_see(&c, 1, 7, 10);
	assert_int_equal(changes_next(&c, SECOND), 0); /* nothing died there */
	changes_tell(&c, &g);
	assert_int_equal(changes_next(&c, SECOND), 1);
	changes_see(&c, 1, 7, SECOND);
	assert_int_equal(changes_next(&c, SECOND + 1), 0);
	assert_int_equal(changes_next(&c, SECOND - 1), 0); /* asked before that look */
	assert_false(changes_is_due(&c, 1, SECOND - 1));
	assert_int_equal(changes_next(&c, 2 * SECOND), 1);
	assert_int_equal(changes_next(&c, 20 * SECOND), 0); /* nothing dies any more */
	changes_see(&c, 1, 0, 20);
	assert_int_equal(changes_next(&c, SECOND), 0);
	memset(&c, 0, sizeof(c));
	assert_true(changes_is_due(&c, 1, 10));
	changes_see(&c, 1, 7, 10);
	assert_false(changes_is_due(&c, 1, 11));
	assert_true(changes_is_due(&c, 1, 1000000000));
}

/* However many there are, each has its turn. */
static void test_looks_take_turns(void **state)
{
	bool looked[40] = {};

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		struct group g = died_at(15);

		g.netns = 100 + i;
		changes_see(&c, g.netns, 7, 10);
		changes_tell(&c, &g);
	}
	for (uint64_t i = 0; i < 40; i++) {
		uint64_t now = SECOND + i * SECOND / 20; /* the first ones are due again */
		uint32_t netns = changes_next(&c, now);

		assert_in_range(netns, 100, 139);
		looked[netns - 100] = true;
		changes_see(&c, netns, 7, now);
	}
	for (size_t i = 0; i < 40; i++)
		assert_true(looked[i]);
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
		cmocka_unit_test_setup(test_there_is_always_room, look_at_nothing),
		cmocka_unit_test_setup(test_looks_are_not_too_many, look_at_nothing),
		cmocka_unit_test_setup(test_looks_take_turns, look_at_nothing),
		cmocka_unit_test_setup(test_who_wants_to_know, look_at_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
