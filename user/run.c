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

/* timeout(1) and its like send what the terminal sends once more, and twice what they send */
#define REPEATED_NS 500000000ULL

/* The signal that asked to end, until somebody took it; negative: it came from the terminal. */
static volatile sig_atomic_t stop;
static uint64_t
	asked_ns; /* when the last one came that counted; they do not interrupt each other */
static volatile sig_atomic_t each_counts;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	(void)context;
	if (!each_counts && asked_ns) {
		if (now - asked_ns < REPEATED_NS)
			return;
		signal(sig, SIG_DFL);
		raise(sig); /* kills when this returns */
		return;
	}
	asked_ns = now;
	stop = info->si_code > 0 ? -sig : sig;
}

static void catch_signals(bool again)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	/* waits are interrupted all the same, and the report's writing is not */
	struct sigaction ours = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction old;

	each_counts = again;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&ours.sa_mask, signals[i]);
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

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is it what goes to the standard stream? There it is appended to what others wrote. */
static bool is_stream(const struct stat *st, int stream)
{
	int flags = fcntl(stream, F_GETFL);
	struct stat own;

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !fstat(stream, &own) &&
	       same_file(st, &own);
}

/* The descriptor that a path is a name of, or that goes to the same file; -1: none. Opening it anew
 * would write over what others write there, and a socket cannot be opened at all. */
static int find_stream(const char *path)
{
	struct stat st;
	int fd, end = 0;

	if (!strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	if ((sscanf(path, "/dev/fd/%9d%n", &fd, &end) == 1 ||
	     sscanf(path, "/proc/self/fd/%9d%n", &fd, &end) == 1) &&
	    !path[end] && fd >= 0)
		return fd;
	if (stat(path, &st))
		return -1;
	return is_stream(&st, STDOUT_FILENO)   ? STDOUT_FILENO
	       : is_stream(&st, STDERR_FILENO) ? STDERR_FILENO
					       : -1;
}

/* A descriptor of its own for that stream, or -errno. */
static int share_stream(int stream)
{
	int flags = fcntl(stream, F_GETFL), fd;

	if (flags < 0)
		return -errno;
	if ((flags & O_ACCMODE) == O_RDONLY) /* such as the one that stands for a closed one */
		return -EBADF;
	fd = fcntl(stream, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/* A descriptor of the file, or -errno. O_CREAT on what is there already may be forbidden
 * (fs.protected_regular, fs.protected_fifos). */
static int open_report(const char *path, bool *created)
{
	const int flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0644);

	*created = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags);
	if (fd < 0 && errno == ENOENT) /* a symbolic link to what is not there yet */
		fd = open(path, flags | O_CREAT, 0644);
	return fd < 0 ? -errno : fd;
}

/* The report goes to a file that is opened before anything starts, so that an unwritable one is a
 * usage error and not a lost report; what it holds is kept until there is a report. */
static int open_output(struct run *r)
{
	const char *path = r->cli->output;
	int stream, fd;

	r->to = stdout;
	r->appends = true;
	if (!path || !strcmp(path, "-"))
		return 0;
	stream = find_stream(path);
	r->appends = stream >= 0;
	fd = r->appends ? share_stream(stream) : open_report(path, &r->created);
	if (fd >= 0 && stream == STDOUT_FILENO) {
		close(fd);
		return 0;
	}
	r->to = fd < 0 ? NULL : fdopen(fd, "w");
	if (r->to)
		return 0;
	log_error("--output '%s': %s", path, strerror(fd < 0 ? -fd : errno));
	return -EINVAL;
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

/* It stays open: its inode's number is given to no other file until it is taken away. */
static int write_ready_file(struct run *r)
{
	const char *path = r->cli->ready_file;

	r->ready = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	if (r->ready >= 0 || !path)
		return 0;
	log_error("--ready-file '%s': %s", path, strerror(errno));
	return EXIT_CANNOT;
}

int run_prepare(struct run *r, const struct cli *c)
{
	struct stat st;

	*r = (struct run){.cli = c, .ready = -1};
	if (filter_check(&c->filter) || prepare_ready_file(c->ready_file) || open_output(r))
		return EXIT_USAGE;
	if (c->ready_file && !lstat(c->ready_file, &st)) {
		log_error("--ready-file '%s': it is where the report goes, too", c->ready_file);
		return EXIT_USAGE;
	}
	/* it was made to try, and no way to die shall leave it there empty */
	if (r->created)
		unlink(c->output);
	return 0;
}

int run_start(struct run *r, struct trace *t, struct trace_options *opt, bool again)
{
	int err = trace_start(t, opt);

	if (err)
		return err;
	catch_signals(again);
	return write_ready_file(r);
}

static void print_live(struct trace *t, uint64_t left_ns, uint64_t elapsed_ns)
{
	char when[64];

	if (left_ns)
		snprintf(when, sizeof(when), "%" PRIu64 " s left",
			 (left_ns + 999999999) / 1000000000);
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

/* It was opened to try, or the command took it away. */
static int find_output_again(struct run *r)
{
	struct stat opened, named;
	int fd;

	if (r->appends || fstat(fileno(r->to), &opened) || !S_ISREG(opened.st_mode) ||
	    (!stat(r->cli->output, &named) && same_file(&opened, &named)))
		return 0;
	fd = open_report(r->cli->output, &r->created);
	if (fd < 0)
		return fd;
	fclose(r->to);
	r->to = fdopen(fd, "w");
	return r->to ? 0 : -errno;
}

int run_print(struct run *r, int (*print)(void *arg, FILE *to), void *arg)
{
	int err = find_output_again(r);

	if (each_counts) { /* nobody takes them any more, and those that were taken are over */
		asked_ns = 0;
		each_counts = false;
	}
	if (!err && !r->appends && ftruncate(fileno(r->to), 0))
		errno = 0; /* a FIFO or a device */
	if (!err)
		err = print(arg, r->to);
	if (r->to && fclose(r->to) && !err)
		err = -errno;
	r->to = NULL;
	if (err)
		log_error("the report could not be written wholly to %s: %s",
			  r->cli->output ? r->cli->output : "standard output", strerror(-err));
	return err ? EXIT_OUTPUT : 0;
}

/* Is the open file still what its path names? */
static bool is_named(int fd, const char *path, struct stat *st)
{
	struct stat named;

	return !fstat(fd, st) && !lstat(path, &named) && same_file(st, &named);
}

void run_end(struct run *r)
{
	struct stat st;

	if (r->ready >= 0) {
		if (is_named(r->ready, r->cli->ready_file, &st))
			unlink(r->cli->ready_file);
		close(r->ready);
	}
	if (r->to && r->created && is_named(fileno(r->to), r->cli->output, &st) && !st.st_size)
		unlink(r->cli->output);
	if (r->to && r->to != stdout)
		fclose(r->to);
	r->to = NULL;
}
