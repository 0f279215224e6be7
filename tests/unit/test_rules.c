// SPDX-License-Identifier: GPL-2.0-only
/* Answers on their way from the child that reads the rules. */
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "rules/rule.h"
#include "rules/rules.h"
#include "rules/tool.h"
#include "util.h"

#define ANSWER "{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", \"handle\": "

static struct group groups[2];
static struct table table = {.groups = groups, .n = 2};
static unsigned int told;

static void on_told(void *arg, size_t group)
{
	(void)arg;
	told += 1U << (4 * group);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A child that is at work until it is killed. */
static struct rules ask(int *fd)
{
	struct rules r = {.asked = {0, 1}, .n_asked = 2, .n_taken = 2};
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	r.pid = fork();
	if (!r.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[1]);
		pause();
		_exit(0);
	}
	r.fd = fds[0];
	*fd = fds[1];
	return r;
}

/* Each is taken when it comes, though others are still being read. */
static void test_answers_are_taken_as_they_come(void **state)
{
	struct rules r;
	int fd;

	(void)state;
	r = ask(&fd);
	say(fd, "1 " ANSWER "5}}\n0 " ANSWER);
	rules_tick(&r, &table, NULL, false, on_told, NULL);
	assert_int_equal(told, 0x10);
	assert_int_equal(groups[1].rule->handle, 5);
	assert_null(groups[0].rule);
	assert_int_equal(r.n_asked, 1);
	assert_int_equal(r.asked[0], 0);
	assert_int_equal(r.asked[1], 1);
	say(fd, "6}}\nno answer\n");
	rules_tick(&r, &table, NULL, false, on_told, NULL);
	assert_int_equal(told, 0x11);
	assert_int_equal(groups[0].rule->handle, 6);
	assert_int_equal(r.n_asked, 0);
	rules_close(&r);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	close(fd);
	group_free(&groups[0]);
	group_free(&groups[1]);
}

/* What was only about other packets of groups whose rule is known rests long, and keeps nobody else
 * waiting; what the child had no time for is asked again. */
static void test_who_waits(void **state)
{
	static const struct host_options none;
	const uint64_t second = 1000000000, now = now_ns(CLOCK_MONOTONIC);
	struct pollfd ends;
	struct host *h;
	int fd;

	(void)state;
	assert_int_equal(host_open(&none, &h), 0);
	for (int urgent = 0; urgent < 2; urgent++) {
		struct rules r = ask(&fd);

		r.started_ns = r.told_ns = now - 5 * second;
		groups[0].seen_only = true;
		groups[1].seen_only = !urgent;
		groups[0].seen_asked = 3;
		groups[0].seen_answered = 1;
		close(fd);
		ends = (struct pollfd){.fd = r.fd};
		assert_int_equal(poll(&ends, 1, -1), 1);
		rules_tick(&r, &table, h, false, on_told, NULL);
		assert_int_equal(r.pid, 0);
		assert_int_equal(groups[0].seen_asked, 1);
		assert_int_equal(r.not_before_ns > now + 40 * second, urgent);
		assert_int_equal(r.seen_not_before_ns > now + 400 * second, !urgent);
		group_free(&groups[0]);
		group_free(&groups[1]);
	}
	host_close(h);
}

/* Also where whoever started the tracer had it ignore SIGCHLD: then nobody knows how a tool ended.
 */
static void test_tool_that_fails(void **state)
{
	static const char *const fails[] = {"sh", "-c", "echo '*filter'; exit 3", NULL};
	static const char *const works[] = {"sh", "-c", "echo '*filter'", NULL};
	char *text;

	(void)state;
	assert_null(tool_output(fails));
	text = tool_output(works);
	assert_string_equal(text, "*filter\n");
	free(text);
	signal(SIGCHLD, SIG_IGN);
	assert_null(tool_output(fails));
	signal(SIGCHLD, SIG_DFL);
}

/* What the reader of rules runs ends with it, whatever it is at. */
static void test_tools_end_with_their_reader(void **state)
{
	char script[64];
	const char *const tool[] = {"sh", "-c", script, NULL};
	struct rules r = {};
	struct pollfd ends;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, 0), 0); /* the tool has it open, too */
	snprintf(script, sizeof(script), "echo >&%d; exec sleep 1000", fds[1]);
	r.pid = fork();
	if (!r.pid) {
		setpgid(0, 0);
		tool_output(tool);
		_exit(1);
	}
	close(fds[1]);
	r.fd = dup(fds[0]);
	assert_int_equal(read(fds[0], &(char){0}, 1), 1);
	rules_close(&r);
	ends = (struct pollfd){.fd = fds[0]};
	assert_int_equal(poll(&ends, 1, 10000), 1);
	assert_true(ends.revents & POLLHUP);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_taken_as_they_come),
		cmocka_unit_test(test_who_waits),
		cmocka_unit_test(test_tool_that_fails),
		cmocka_unit_test(test_tools_end_with_their_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
