// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "util.h"

/* The signal that asked to end; negative: it came from the terminal. */
static volatile sig_atomic_t stop;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	stop = info->si_code > 0 ? -sig : sig;
}

static void catch_signals(bool again)
{
	const struct sigaction ours = {.sa_sigaction = on_signal,
				       .sa_flags = SA_SIGINFO | (again ? 0 : (int)SA_RESETHAND)};
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* what nohup or a shell's & had ignored stays so */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &ours, NULL);
	}
}

int run_take_signal(bool *from_terminal)
{
	int sig = stop;

	if (sig) /* one that comes in between is not lost */
		stop = 0;
	*from_terminal = sig < 0;
	return abs(sig);
}

/* The report goes to a file that is opened before anything starts, so that an unwritable one is a
 * usage error and not a lost report; what it holds is kept until there is a report. */
static FILE *open_output(const char *path)
{
	FILE *f;
	int fd;

	if (!path || !strcmp(path, "-"))
		return stdout;
	fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		log_error("--output '%s': %s", path, strerror(errno));
	return f;
}

/* A harness waits for this file to appear: a left-over one must not be mistaken for ours, and it
 * must not appear too early, not even to try. */
static int prepare_ready_file(const char *path)
{
	struct stat st;
	char *copy;
	int err = 0;

	if (!path)
		return 0;
	copy = xstrdup(path);
	if (!*path || path[strlen(path) - 1] == '/')
		err = -EISDIR;
	else if (!lstat(path, &st) && (!S_ISREG(st.st_mode) || st.st_size))
		err = -EEXIST;
	else if (access(dirname(copy), W_OK | X_OK) || (!unlink(path) ? 0 : errno != ENOENT))
		err = -errno;
	if (err)
		log_error("--ready-file '%s': %s", path, strerror(-err));
	free(copy);
	return err;
}

static int write_ready_file(const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;

	if (fd >= 0)
		close(fd);
	if (fd >= 0 || !path)
		return 0;
	log_error("--ready-file '%s': %s", path, strerror(errno));
	return EXIT_CANNOT;
}

int run_prepare(const struct cli *c, FILE **to)
{
	FILE *f;

	if (filter_check(&c->filter) || prepare_ready_file(c->ready_file))
		return EXIT_USAGE;
	f = open_output(c->output);
	if (!f)
		return EXIT_USAGE;
	*to = f;
	return 0;
}

int run_start(struct trace *t, struct trace_options *opt, const struct cli *c, bool again)
{
	int err = trace_start(t, opt);

	if (err)
		return err;
	catch_signals(again);
	return write_ready_file(c->ready_file);
}

static void print_live(struct trace *t, uint64_t left_ns, uint64_t elapsed_ns)
{
	char when[64];

	if (left_ns)
		snprintf(when, sizeof(when), "%" PRIu64 " s left", left_ns / 1000000000 + 1);
	else
		snprintf(when, sizeof(when), "%" PRIu64 " s, Ctrl-C for the report",
			 elapsed_ns / 1000000000);
	fprintf(stderr, "\r\033[Kwhydrop: %s · %" PRIu64 " drops · %zu finding%s so far", when,
		trace_seen(t), t->diagnosis.n, t->diagnosis.n == 1 ? "" : "s");
	fflush(stderr);
}

int run_watch(struct trace *t, uint64_t duration_ns)
{
	bool live = isatty(STDERR_FILENO) && log_level >= LOG_NORMAL;
	uint64_t start = now_ns(CLOCK_MONOTONIC), elapsed = 0, shown = 0;
	int err = 0;

	while (!stop && (!duration_ns || elapsed < duration_ns)) {
		uint64_t left = duration_ns ? duration_ns - elapsed : 0;
		int ms = left && left < RUN_POLL_MS * 1000000ULL ? (int)(left / 1000000) + 1
								 : RUN_POLL_MS;

		err = trace_poll(t, ms);
		if (err && err != -EINTR)
			break;
		err = 0;
		elapsed = now_ns(CLOCK_MONOTONIC) - start;
		if (live && (!shown || elapsed - shown > 250000000)) {
			print_live(t, left, elapsed);
			shown = elapsed;
		}
	}
	if (live)
		fputs("\r\033[K", stderr);
	if (err)
		log_error("tracing ended early: %s", strerror(-err));
	return err;
}

bool run_wants_colour(FILE *to)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(to)) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

int run_print(const struct cli *c, FILE *to, int (*print)(void *arg, FILE *to), void *arg)
{
	int err;

	/* A file that we opened; standard output may be appended to what others wrote. */
	if (to != stdout && ftruncate(fileno(to), 0))
		errno = 0; /* a FIFO or a device */
	err = print(arg, to);
	if (fclose(to) && !err)
		err = -errno;
	if (err)
		log_error("the report could not be written wholly to %s: %s",
			  c->output ? c->output : "standard output", strerror(-err));
	return err ? EXIT_OUTPUT : 0;
}
