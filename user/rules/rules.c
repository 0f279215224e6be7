// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../util.h"
#include "reader.h"
#include "nft_source.h"
#include "others.h"
#include "rule.h"
#include "rules.h"

#define DUTY	  10  /* a child runs for one tenth of the time at most: rulesets may be large */
#define SEEN_DUTY 100 /* where it reads for more packets of groups whose rule is known */
#define SEEN_NS	  1000000000ULL /* so long, and then those wait who know no rule */
#define CHILD_S	  20		/* then it is killed */
/* A set of 300,000 elements; the trace is to survive what is larger. */
#define CHILD_BYTES  (384U << 20)
#define LAST_WAIT_NS 10000000000ULL
#define MAX_ANSWER   (4U << 20)
#define MAX_LOOKS    8 /* at the generations of rulesets, at one time */

static void say(const struct answer *a, size_t group, FILE *to)
{
	fprintf(to, "%zu ", group);
	answer_write(a, to);
	fflush(to);
}

/* First each one's rule, and then what other packets of theirs need, as far as there is time. */
static void answer_all(struct reader *reader, struct table *t, const size_t *groups, size_t n,
		       FILE *to)
{
	static struct answer answers[RULES_MAX_GROUPS];
	uint64_t began;

	for (size_t i = 0; i < n; i++) {
		reader_answer(reader, &t->groups[groups[i]], &answers[i]);
		if (!t->groups[groups[i]].seen_only)
			say(&answers[i], groups[i], to);
	}
	began = now_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < n; i++) {
		if (now_ns(CLOCK_MONOTONIC) - began < SEEN_NS &&
		    reader_more(reader, &t->groups[groups[i]], &answers[i]))
			say(&answers[i], groups[i], to);
		answer_free(&answers[i]);
	}
}

__attribute__((noreturn)) static void be_child(struct table *t, struct host *h, uint32_t netns,
					       struct reader *reader, const size_t *groups,
					       size_t n, int fd)
{
	const struct rlimit most = {CHILD_BYTES, CHILD_BYTES};
	char *path;
	FILE *to;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0); /* with its tools: rules_close() */
	/* what libraries say of rulesets may have anything in it, and the parent tells how it went
	 */
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	/* the trace's programs are attached as long as somebody holds their links */
	dup2(fd, STDERR_FILENO + 1);
	close_range(STDERR_FILENO + 2, ~0U, 0);
	to = fdopen(STDERR_FILENO + 1, "w");
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would hide how a tool ended */
	alarm(CHILD_S);
	setrlimit(RLIMIT_DATA, &most);
	path = xasprintf("%s:/usr/sbin:/sbin", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	setenv("PATH", path, 1);
	fcntl(STDERR_FILENO + 1, F_SETFD, FD_CLOEXEC);
	if (!to || fputc('\n', to) == EOF || fflush(to) || host_enter(h, netns))
		_exit(1);
	answer_all(reader, t, groups, n, to);
	reader_close(reader);
	_exit(0);
}

/* Of whom a probe has seen that no rule did it, there is no answer to come. */
static void tell_others(struct table *t, void (*told)(void *arg, size_t group), void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		if (turns_no_rule_did_it(&t->groups[i]))
			told(arg, i);
	}
}

static void read_generation(void *arg)
{
	*(uint32_t *)arg = nft_source_generation();
}

static void look(struct rules *r, struct host *h, uint32_t netns)
{
	uint32_t generation = 0;

	if (host_has_nft(h))
		host_visit(h, netns, read_generation, &generation);
	changes_see(&r->changes, netns, generation, now_ns(CLOCK_MONOTONIC));
}

void rules_open(struct rules *r, struct host *h)
{
	uint32_t *all;
	size_t n;

	if (!host_has_nft(h))
		return;
	n = host_netns_all(h, &all);
	for (size_t i = 0; i < n && i < CHANGES_NETNS; i++)
		look(r, h, all[i]);
	free(all);
}

/* Of those whose rules are to be read; whom there is no look left for is the first one next time.
 * How many looks that took. */
static unsigned int look_at_drops(struct rules *r, struct table *t, struct host *h)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	size_t first = r->look_first;
	unsigned int looks = 0;

	for (size_t k = 0; k < t->n; k++) {
		size_t i = (first + k) % t->n;
		struct group *g = &t->groups[i];

		if (!changes_wants(g))
			continue;
		if (changes_is_due(&r->changes, g->netns, now)) {
			if (looks == MAX_LOOKS) {
				r->look_first = i;
				break;
			}
			look(r, h, g->netns);
			looks++;
		}
		changes_tell(&r->changes, g);
	}
	return looks;
}

/* Where nothing died for some time, this asks the kernel nothing. */
static void look_for_changes(struct rules *r, struct table *t, struct host *h)
{
	unsigned int looks = look_at_drops(r, t, h);
	uint32_t netns;

	for (; looks < MAX_LOOKS; looks++) {
		netns = changes_next(&r->changes, now_ns(CLOCK_MONOTONIC));
		if (!netns)
			break;
		look(r, h, netns);
	}
}

static void ask(struct rules *r, struct table *t, struct host *h)
{
	struct reader reader = {.from = &rule_source_node};
	uint32_t netns;
	int fds[2];
	char up;

	r->turns.now_ns = now_ns(CLOCK_MONOTONIC);
	r->n_asked = r->n_taken = turns_take(&r->turns, t, r->asked, RULES_MAX_GROUPS, &netns);
	for (size_t i = 0; i < r->n_asked; i++)
		others_ask(&t->groups[r->asked[i]], h);
	if (!r->n_asked || pipe2(fds, O_CLOEXEC))
		return;
	reader.has_nft = host_has_nft(h);
	reader.has_nft_compat = host_has_nft_compat(h);
	reader.has_ebtables = host_has_ebtables(h);
	r->pid = fork();
	if (!r->pid)
		be_child(t, h, netns, &reader, r->asked, r->n_asked, fds[1]);
	close(fds[1]);
	if (r->pid < 0) {
		r->pid = 0;
		close(fds[0]);
		return;
	}
	/* until it has let go of what it got from here */
	while (read(fds[0], &up, 1) < 0 && errno == EINTR)
		;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	r->fd = fds[0];
	r->started_ns = r->told_ns = now_ns(CLOCK_MONOTONIC);
}

static void answered(struct rules *r, const struct table *t, size_t group)
{
	for (size_t i = 0; i < r->n_asked; i++) {
		if (r->asked[i] != group)
			continue;
		r->asked[i] = r->asked[--r->n_asked];
		r->asked[r->n_asked] = group;
		if (!t->groups[group].seen_only)
			r->told_ns = now_ns(CLOCK_MONOTONIC);
	}
}

/* Of those that have no answer and will get none. */
static void say_why(struct rules *r, struct table *t, const char *why)
{
	for (size_t i = 0; i < r->n_asked; i++) {
		struct group *g = &t->groups[r->asked[i]];

		if (!g->rule && !g->rule_why)
			g->rule_why = xstrdup(why);
	}
	r->n_asked = 0;
}

/* Those that have come as a whole. */
static void take_lines(struct rules *r, struct table *t, void (*told)(void *arg, size_t group),
		       void *arg)
{
	char *line = r->answer, *end;
	size_t left = r->n_answer;

	for (; left && (end = memchr(line, '\n', left)); line = end + 1) {
		char *text;
		size_t i = strtoul(line, &text, 10);

		*end = '\0';
		left -= (size_t)(end + 1 - line);
		if (i < t->n && answer_take(&t->groups[i], text)) {
			answered(r, t, i);
			told(arg, i);
		}
	}
	if (left)
		memmove(r->answer, line, left);
	r->n_answer = left;
}

/* What the child had no time for is asked again. For what was more urgent than other packets of
 * those whose rule is known, it rests longer. */
static void settle(struct rules *r, const struct table *t)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), urgent = r->told_ns;

	for (size_t i = 0; i < r->n_taken; i++) {
		struct group *g = &t->groups[r->asked[i]];

		if (i < r->n_asked && !g->seen_only)
			urgent = now;
		g->seen_asked = g->seen_answered;
	}
	r->not_before_ns = now + (urgent - r->started_ns) * (DUTY - 1);
	r->seen_not_before_ns = now + (now - urgent) * (SEEN_DUTY - 1);
}

/* Takes the answers that have come. Has the child ended? */
static bool collect(struct rules *r, struct table *t, void (*told)(void *arg, size_t group),
		    void *arg)
{
	char buf[4096];
	ssize_t n;
	int err;

	while ((n = read(r->fd, buf, sizeof(buf))) > 0) {
		if (r->n_answer + (size_t)n >= MAX_ANSWER)
			r->n_answer = 0; /* nobody's line is that long */
		r->answer = xreallocarray(r->answer, r->n_answer + (size_t)n, 1);
		memcpy(r->answer + r->n_answer, buf, (size_t)n);
		r->n_answer += (size_t)n;
	}
	err = n < 0 ? errno : 0;
	take_lines(r, t, told, arg);
	if (err == EAGAIN || err == EINTR)
		return false;
	settle(r, t);
	say_why(r, t,
		now_ns(CLOCK_MONOTONIC) - r->started_ns < CHILD_S * 1000000000ULL
			? "what reads the rules has ended before it had read them, or they are too "
			  "large"
			: "there are too many rules to read them in time");
	rules_close(r);
	return true;
}

void rules_close(struct rules *r)
{
	if (r->pid) {
		struct rusage used = {};

		/* what it runs may be at work still, where it has been killed itself */
		if (kill(-r->pid, SIGKILL))
			kill(r->pid, SIGKILL);
		close(r->fd);
		while (wait4(r->pid, NULL, 0, &used) < 0 && errno == EINTR)
			;
		log_info(LOG_VERBOSE, "rules read in %" PRIu64 " ms with %ld KiB",
			 (now_ns(CLOCK_MONOTONIC) - r->started_ns) / 1000000, used.ru_maxrss);
	}
	r->pid = 0;
	free(r->answer);
	r->answer = NULL;
	r->n_answer = 0;
}

void rules_tick(struct rules *r, struct table *t, struct host *h, bool last,
		void (*told)(void *arg, size_t group), void *arg)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + LAST_WAIT_NS;

	do {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};

		if (r->pid && last)
			poll(&p, 1, 100);
		if (r->pid && !collect(r, t, told, arg))
			continue;
		tell_others(t, told, arg);
		look_for_changes(r, t, h);
		r->turns.rest = !last && now_ns(CLOCK_MONOTONIC) < r->seen_not_before_ns;
		if (last || now_ns(CLOCK_MONOTONIC) >= r->not_before_ns)
			ask(r, t, h);
	} while (last && r->pid && now_ns(CLOCK_MONOTONIC) < end);
	if (!last)
		return;
	say_why(r, t, "the trace ended before the rules were read");
	rules_close(r);
}
