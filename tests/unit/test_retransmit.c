// SPDX-License-Identifier: GPL-2.0-only
/* Whose silence it is, and what ends one. */
#include "fake_host.h"
#include "retransmit.h"
#include "test.h"

#define POD 7

struct client {
	struct fake_host host;
	struct fake_netns *netns;
	struct group g;
};

static int setup(void **state)
{
	static struct client p;

	memset(&p, 0, sizeof(p));
	fake_host_init(&p.host);
	p.netns = fake_netns(&p.host, POD, "pod");
	p.netns->icmp_errors = 3;
	p.g.kind = SAMPLE_RETRANSMIT;
	p.g.netns = POD;
	*state = &p;
	return 0;
}

static void again(struct client *p, uint16_t sport, uint64_t ms)
{
	struct sample s = {.kind = SAMPLE_RETRANSMIT, .sport = sport, .ts = (1000 + ms) * 1000000};

	p->g.packets++;
	retransmit_take(&p->g, &s, &p->host.base);
}

static void test_each_connection_has_its_clock(void **state)
{
	struct client *p = *state;

	again(p, 1, 0);
	again(p, 2, 2000);
	again(p, 1, 3000);
	assert_int_equal(p->g.flow.sport, 1);
	assert_int_equal(p->g.silent_ms, 3000);
	again(p, 2, 3500);
	assert_int_equal(p->g.flow.sport, 2);
	assert_int_equal(p->g.silent_ms, 1500);
}

static void test_more_connections_than_slots(void **state)
{
	struct client *p = *state;

	again(p, 1, 0);
	again(p, 1, 1000);
	for (uint16_t sport = 2; sport < 40; sport++)
		again(p, sport, 1000);
	again(p, 1, 5000);
	assert_int_equal(p->g.silent_ms, 5000);
	again(p, 100, 6000);
	assert_int_equal(p->g.silent_ms, 0);
}

/* The error went to another connection, but the other side lives. */
static void test_an_error_is_an_answer(void **state)
{
	struct client *p = *state;

	again(p, 1, 0);
	again(p, 2, 0);
	again(p, 2, 2000);
	p->netns->icmp_errors++;
	again(p, 2, 4000);
	assert_int_equal(p->g.silent_ms, 0);
	again(p, 1, 4100);
	assert_int_equal(p->g.silent_ms, 100);
	again(p, 2, 7500);
	assert_int_equal(p->g.silent_ms, 3500);
}

static void test_errors_of_old_end_nothing(void **state)
{
	struct client *p = *state;

	again(p, 1, 0);
	again(p, 1, 3000);
	assert_int_equal(p->g.silent_ms, 3000);
	p->g.netns = 99; /* not to be read */
	again(p, 1, 4000);
	assert_int_equal(p->g.silent_ms, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_connection_has_its_clock, setup),
		cmocka_unit_test_setup(test_more_connections_than_slots, setup),
		cmocka_unit_test_setup(test_an_error_is_an_answer, setup),
		cmocka_unit_test_setup(test_errors_of_old_end_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
