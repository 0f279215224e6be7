// SPDX-License-Identifier: GPL-2.0-only
/* A judged report in each output, with hostile names in it. That JUnit is XML for a real parser is
 * tested by tests/scenarios/assert.sh. */
#include <errno.h>
#include <jansson.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "fake_host.h"
#include "judge.h"

typedef int print_fn(const struct report *, const struct assertion *, FILE *,
		     const struct out_style *);

#define HOSTILE "e\033[2J\xff\n<&\">]]>#\\\xef\xbf\xbe"

struct made {
	struct fake_host h;
	struct report r;
	struct group groups[5];
	struct assertion a;
};

static char *hostile_argv[] = {"run it", HOSTILE, NULL};

static int setup(void **state)
{
	struct made *m = calloc(1, sizeof(*m));

	fake_host_init(&m->h);
	fake_netns(&m->h, 5, HOSTILE);
	for (size_t i = 0; i < 5; i++) {
		m->groups[i] = (struct group){.kind = SAMPLE_DROP,
					      .packets = 2,
					      .netns = 5,
					      .has_sample = true,
					      .finding = -1,
					      .loc = {.name = "ip_error", .addr = 1}};
		strcpy(m->groups[i].reason, "BAD");
		strcpy(m->groups[i].in, "e\033#<&");
	}
	m->r = (struct report){.node = "n<o>de",
			       .kernel = "6.18",
			       .start_ns = 1700000000000000000,
			       .end_ns = 1700000030500000000,
			       .groups = m->groups,
			       .n_groups = 5,
			       .host = &m->h.base};
	m->r.acc =
		(struct accounting){.seen = 12, .counted = 10, .uncounted = 2, .has_missed = true};
	assertion_add(&m->a, EXPR_FORBID, "netns=e\033?2J\xff\n<&\">]]>#?*");
	assertion_add(&m->a, EXPR_FORBID, "reason=OTHER");
	assertion_add(&m->a, EXPR_EXPECT, "reason=BAD,count>=10");
	assertion_add(&m->a, EXPR_ALLOW, "reason=NONE");
	m->a.argv = hostile_argv;
	m->a.wait_status = 3 << 8;
	judge(&m->a, &m->r);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct made *m = *state;

	assertion_free(&m->a);
	free(m);
	return 0;
}

static char *render(const struct made *m, print_fn *print, bool colour)
{
	const struct out_style style = {.colour = colour};
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	assert_int_equal(print(&m->r, &m->a, to, &style), 0);
	fclose(to);
	for (const char *p = text; *p; p++)
		assert_true(colour || (unsigned char)*p >= ' ' || *p == '\n');
	assert_null(strchr(text, '\xff'));
	return text;
}

static void test_text(void **state)
{
	char *text = render(*state, out_assert_text, false);

	assert_has(text, "VIOLATED      forbid netns=e\\x1b?2J\\xff\\x0a<&\">]]>#?*: ");
	assert_has(text, "count 10 (5 groups of drops, 0 findings)\n");
	assert_has(text, "2 × unknown packet, BAD at ip_error in e\\x1b[2J");
	assert_has(text, "and 2 more groups\n");
	assert_has(text,
		   "INCONCLUSIVE  forbid reason=OTHER: count 0 (0 groups of drops, 0 findings); "
		   "not sure: 2 packets dropped that there was no room to count\n");
	assert_has(text, "HELD          expect reason=BAD,count>=10: count 10 ");
	assert_has(text, "VIOLATED      command: 'run it' ");
	assert_has(text, ": exit status 3\n");
	assert_has(text,
		   "INCONCLUSIVE  accounting: 12 seen = 10 counted + 2 uncounted + 0 filtered");
	assert_has(text, "whydrop on n<o>de (Linux 6.18)");
	assert_null(strstr(text, "allow"));
	free(text);
	text = render(*state, out_assert_text, true);
	assert_has(text, "\033[1;31mVIOLATED    \033[0m");
	assert_null(strstr(text, "\033[2J"));
	free(text);
}

/* What this kernel does not count is said, and no reason for a doubt. */
static void test_missed_unknown(void **state)
{
	struct made *m = *state;
	char *text;

	m->r.acc = (struct accounting){.seen = 10, .counted = 10};
	judge(&m->a, &m->r);
	text = render(m, out_tap, false);
	assert_has(text, "\n  # drops that the probe missed are not counted by this kernel");
	assert_has(text, "\nok 5 - accounting\n");
	free(text);
}

static void test_tap(void **state)
{
	static const char *const parts[] = {
		"TAP version 13\n1..5\nnot ok 1 - forbid "
		"netns=e\\\\x1b?2J\\\\xff\\\\x0a<&\">]]>\\#?*\n",
		"\nnot ok 2 - forbid reason=OTHER # inconclusive\n  # count 0 ",
		"\nok 3 - expect reason=BAD,count>=10\n  # count 10 ",
		"\nnot ok 4 - command: ",
		"\n  # exit status 3\n",
		"\nnot ok 5 - accounting # inconclusive\n",
	};
	char *text = render(*state, out_tap, false), *rest, *line, *save;
	size_t points = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_has(text, parts[i]);
	rest = strchr(strchr(text, '\n') + 1, '\n');
	for (line = strtok_r(rest, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool point = !strncmp(line, "ok ", 3) || !strncmp(line, "not ok ", 7);

		points += point;
		if (!point && strncmp(line, "  # ", 4) != 0)
			fail_msg("neither a test point nor a comment: %s", line);
	}
	assert_int_equal(points, 5);
	free(text);
}

static void test_junit(void **state)
{
	static const char *const parts[] = {
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"whydrop assert\" "
		"tests=\"5\" failures=\"2\" errors=\"2\" skipped=\"0\" time=\"30.500\" "
		"timestamp=\"2023-11-14T22:13:20.000000Z\" hostname=\"n&lt;o&gt;de\">\n",
		"name=\"forbid "
		"netns=e\\x1b?2J\\xff\\x0a&lt;&amp;&quot;&gt;]]&gt;#?*\">\n"
		"    <failure type=\"violated\" message=\"count 10 ",
		"name=\"forbid reason=OTHER\">\n    <error type=\"inconclusive\" message=\"count "
		"0 ",
		"name=\"expect reason=BAD,count&gt;=10\">\n    <system-out>count 10 ",
		"BAD at ip_error in "
		"e\\x1b[2J\\xff\\x0a&lt;&amp;&quot;&gt;]]&gt;#\\\\xef\\xbf\\xbe\n",
		"<system-out>whydrop on n&lt;o&gt;de (Linux 6.18), 30.5 s\n",
		"</system-out>\n</testsuite>\n",
	};
	char *text = render(*state, out_junit, false);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_has(text, parts[i]);
	assert_null(strstr(text, "\xef\xbf\xbe"));
	free(text);
}

static json_t *load(const struct made *m)
{
	char *text = render(m, out_assert_json, false);
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *assert;

	assert_non_null(j);
	assert = json_incref(json_object_get(j, "assert"));
	json_decref(j);
	free(text);
	return assert;
}

static void test_json(void **state)
{
	struct made *m = *state;
	json_t *j = load(m), *e, *c = json_object_get(j, "command");

	assert_string_equal(json_string_value(json_object_get(j, "verdict")), "violated");
	assert_int_equal(json_integer_value(json_object_get(j, "exit")), 1);
	assert_int_equal(json_array_size(json_object_get(j, "expressions")), 4);
	e = json_array_get(json_object_get(j, "expressions"), 0);
	assert_string_equal(json_string_value(json_object_get(e, "kind")), "forbid");
	assert_string_equal(json_string_value(json_object_get(e, "verdict")), "violated");
	assert_int_equal(json_integer_value(json_object_get(e, "count")), 10);
	assert_int_equal(json_array_size(json_object_get(e, "matched")), 5);
	assert_null(json_object_get(e, "why"));
	e = json_array_get(json_object_get(j, "expressions"), 1);
	assert_string_equal(json_string_value(json_object_get(e, "verdict")), "inconclusive");
	assert_non_null(json_object_get(e, "why"));
	e = json_array_get(json_object_get(j, "expressions"), 3);
	assert_string_equal(json_string_value(json_object_get(e, "kind")), "allow");
	assert_null(json_object_get(e, "verdict"));
	assert_int_equal(json_array_size(json_object_get(c, "argv")), 2);
	assert_int_equal(json_integer_value(json_object_get(c, "exit")), 3);
	assert_null(json_object_get(c, "signal"));
	json_decref(j);
	m->a.wait_status = 9;
	j = load(m);
	c = json_object_get(j, "command");
	assert_int_equal(json_integer_value(json_object_get(c, "signal")), 9);
	assert_null(json_object_get(c, "exit"));
	json_decref(j);
	m->a.argv = NULL;
	j = load(m);
	assert_null(json_object_get(j, "command"));
	json_decref(j);
}

static void test_full_disk(void **state)
{
	static print_fn *const prints[] = {out_assert_text, out_assert_json, out_junit, out_tap};
	const struct out_style style = {};
	struct made *m = *state;

	for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
		FILE *to = fopen("/dev/full", "w");

		assert_int_equal(prints[i](&m->r, &m->a, to, &style), -ENOSPC);
		fclose(to);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_text),  T(test_missed_unknown), T(test_tap),
		T(test_junit), T(test_json),	       T(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
