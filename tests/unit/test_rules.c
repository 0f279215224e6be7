// SPDX-License-Identifier: GPL-2.0-only
/* Answers on their way from the child that reads the rules. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "rules/rule.h"
#include "rules/rules.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_taken_as_they_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
