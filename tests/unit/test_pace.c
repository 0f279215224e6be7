// SPDX-License-Identifier: GPL-2.0-only
/* What events ask for takes a tenth of the time, whatever they ask. */
#include "test.h"

#include "util.h"

#define MS 1000000ULL

/* Asked for all the time, in steps of a millisecond: how much of ten seconds does it take? */
static uint64_t taken(uint64_t cost)
{
	struct pace p = {};
	uint64_t now = 1000 * MS, end = now + 10000 * MS, sum = 0;

	while (now < end) {
		if (pace_wait(&p, now)) {
			now += MS;
			continue;
		}
		pace_pay(&p, now, cost);
		sum += cost;
		now += cost;
	}
	return sum;
}

static void a_tenth(void **state)
{
	(void)state;
	assert_in_range(taken(MS), 900 * MS, 1100 * MS);
	assert_in_range(taken(10 * MS), 900 * MS, 1100 * MS);
	assert_in_range(taken(100 * MS), 900 * MS, 1200 * MS);
}

static void a_burst_at_once(void **state)
{
	struct pace p = {};

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_true(pace_wait(&p, 5000 * MS) == 0);
		pace_pay(&p, 5000 * MS, 2 * MS);
	}
	pace_pay(&p, 5000 * MS, 2 * MS);
	assert_true(pace_wait(&p, 5000 * MS) == 20 * MS);
	assert_true(pace_wait(&p, 5020 * MS) == 0);
	assert_true(pace_wait(&p, 9000 * MS) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tenth),
		cmocka_unit_test(a_burst_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
