// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "test.h"

#include "fault.h"
#include "report.h"
#include "util.h"

struct case_ {
	const char *in, *text, *json;
};

static void test_escapers(void **state)
{
	static const struct case_ cases[] = {
		{"eth0", "eth0", "eth0"},
		{"\033[31mred", "\\x1b[31mred", "\033[31mred"},
		{"a\nb\r\t\177", "a\\x0ab\\x0d\\x09\\x7f", "a\nb\r\t\177"},
		{"caf\xc3\xa9 \xe2\x86\x92", "caf\xc3\xa9 \xe2\x86\x92",
		 "caf\xc3\xa9 \xe2\x86\x92"},
		{"\xff\xfe", "\\xff\\xfe", "\\xff\\xfe"},
		{"\x9b"
		 "2J",
		 "\\x9b2J", "\\x9b2J"},					/* raw C1 */
		{"\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf"},		/* overlong '/' */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80"},
		{"\xc2\x9b[2J", "\\xc2\\x9b[2J", "\xc2\x9b[2J"},	/* C1's CSI */
		{"x\xe2\x80\xae", "x\\xe2\\x80\\xae", "x\xe2\x80\xae"}, /* right-to-left override */
		{"x\xe2\x81\xa6", "x\\xe2\\x81\\xa6", "x\xe2\x81\xa6"},
		{"x\xe2\x86", "x\\xe2\\x86", "x\\xe2\\x86"}, /* cut */
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(escape_text(cases[i].in, buf, sizeof(buf)), cases[i].text);
		assert_string_equal(escape_json(cases[i].in, buf, sizeof(buf)), cases[i].json);
	}
}

/* Every control and every override, by its code point. */
static void test_every_unsafe_point(void **state)
{
	static const struct {
		unsigned int from, to;
	} unsafe[] = {{1, 0x1f}, {0x7f, 0x9f}, {0x202a, 0x202e}, {0x2066, 0x2069}};

	(void)state;
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++) {
		for (unsigned int c = unsafe[i].from; c <= unsafe[i].to; c++) {
			char in[4] = {(char)c}, buf[32];

			if (c >= 0x800)
				snprintf(in, sizeof(in), "%c%c%c", 0xe0 | c >> 12,
					 0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f));
			else if (c >= 0x80)
				snprintf(in, sizeof(in), "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
			escape_text(in, buf, sizeof(buf));
			assert_int_equal(strlen(buf), 4 * strlen(in));
			assert_int_equal(strspn(buf, "\\x0123456789abcdef"), strlen(buf));
			assert_string_equal(escape_json(in, buf, sizeof(buf)), in);
		}
	}
}

static void test_never_cut_inside(void **state)
{
	(void)state;
	for (size_t size = 1; size < 16; size++) {
		char *buf = malloc(size);

		escape_text("\xe2\x86\x92\033\xe2\x86\x92", buf, size);
		assert_true(strlen(buf) < size);
		assert_true(strlen(buf) == 0 || strlen(buf) == 3 || strlen(buf) == 7 ||
			    strlen(buf) == 10);
		free(buf);
	}
}

static void test_shell_quote(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(shell_quote("net.ipv4.ip_forward=1", buf, sizeof(buf)),
			    "net.ipv4.ip_forward=1");
	assert_string_equal(shell_quote("a;reboot", buf, sizeof(buf)), "'a;reboot'");
	assert_string_equal(shell_quote("a'b$(x)", buf, sizeof(buf)), "'a'\\''b$(x)'");
	assert_string_equal(shell_quote("", buf, sizeof(buf)), "''");
}

static void test_sysctl_text(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(sysctl_text("net/ipv4/ip_forward", buf, sizeof(buf)),
			    "net.ipv4.ip_forward");
	assert_string_equal(sysctl_text("net/ipv4/conf/eth0.7/forwarding", buf, sizeof(buf)),
			    "net/ipv4/conf/eth0.7/forwarding");
}

static void test_durations(void **state)
{
	static const char *const bad[] = {"",	 "s",	"abc",	"-1s",	 "1y", "0x10",
					  " 1s", "1s ", "nan",	"inf",	 "1e", "1 s",
					  "1ss", "+1s", "1e3s", "1.2.3s"};
	static const char *const out[] = {"0",	  "0s",		  "0.0001ms",
					  "721h", "99999999999s", "9999999999999999999999h"};
	uint64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(duration_parse(bad[i], &ns), -EINVAL);
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_int_not_equal(duration_parse(out[i], &ns), 0);
	assert_int_equal(ns, 42);
	assert_int_equal(duration_parse("30", &ns), 0);
	assert_int_equal(ns, 30000000000ULL);
	assert_int_equal(duration_parse("500ms", &ns), 0);
	assert_int_equal(ns, 500000000ULL);
	assert_int_equal(duration_parse("1.5m", &ns), 0);
	assert_int_equal(ns, 90000000000ULL);
	assert_int_equal(duration_parse("720h", &ns), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapers),	 cmocka_unit_test(test_every_unsafe_point),
		cmocka_unit_test(test_never_cut_inside), cmocka_unit_test(test_shell_quote),
		cmocka_unit_test(test_sysctl_text),	 cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
