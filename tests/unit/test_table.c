// SPDX-License-Identifier: GPL-2.0-only
/* Groups, and how many of them samples may make. */
#include "test.h"

#include "table.h"

/* The kernel's map of flows is full, and a scan goes on all day. */
static void test_a_scan_makes_no_end_of_groups(void **state)
{
	struct drop_key key = {.location = 1, .reason = 2, .netns = 3};
	struct table t = {};
	size_t first, i;

	(void)state;
	assert_true(table_sampled_group(&t, SAMPLE_DROP, &key, &first));
	for (uint32_t k = 1; k < 100000; k++) {
		memcpy(key.daddr, &k, sizeof(k));
		table_sampled_group(&t, SAMPLE_DROP, &key, &i);
	}
	assert_int_equal(t.n, TABLE_SAMPLED + TABLE_LATE);
	assert_false(table_sampled_group(&t, SAMPLE_DROP, &key, &i));
	assert_true(table_sampled_group(&t, SAMPLE_RETRANSMIT, &key, &i));
	/* what is there takes its samples, and another kind of drop gets its groups */
	memset(key.daddr, 0, sizeof(key.daddr));
	assert_true(table_sampled_group(&t, SAMPLE_DROP, &key, &i));
	assert_int_equal(i, first);
	key.location = 9;
	assert_true(table_sampled_group(&t, SAMPLE_DROP, &key, &i));
	assert_int_equal(i, TABLE_SAMPLED + TABLE_LATE + 1);
	/* the counters know all */
	key.location = 1;
	memset(key.daddr, 0xff, sizeof(key.daddr));
	assert_int_equal(table_group(&t, SAMPLE_DROP, &key, false), i + 1);
	table_free(&t);
}

static void test_find_makes_none(void **state)
{
	struct drop_key key = {.location = 1};
	struct table t = {};

	(void)state;
	assert_int_equal(table_find(&t, SAMPLE_DROP, &key, false), 0);
	assert_int_equal(t.n, 0);
	assert_int_equal(table_group(&t, SAMPLE_DROP, &key, true), 0);
	assert_int_equal(table_find(&t, SAMPLE_DROP, &key, true), 0);
	assert_int_equal(table_find(&t, SAMPLE_DROP, &key, false), 1);
	assert_int_equal(table_find(&t, SAMPLE_RETRANSMIT, &key, true), 1);
	table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_scan_makes_no_end_of_groups),
		cmocka_unit_test(test_find_makes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
