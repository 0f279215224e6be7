// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "trace.h"
#include "util.h"

#define MAX_CIDRS 16
#define POLL_MS	  100

enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
};

struct args {
	struct filter_args filter;
	struct cidr pod_cidrs[MAX_CIDRS], service_cidrs[MAX_CIDRS];
	size_t n_pod_cidrs, n_service_cidrs;
	uint64_t duration_ns; /* 0: until a signal */
	enum format format;
	const char *output, *ready_file, *btf;
	bool all, deep;
};

enum {
	OPT_DURATION = 'd',
	OPT_FORMAT = 'o',
	OPT_VERBOSE = 'v',
	OPT_QUIET = 'q',
	OPT_LONG_ONLY = 0x100, /* from here on options without a letter */
	OPT_NETNS,
	OPT_PID,
	OPT_IFACE,
	OPT_PROTO,
	OPT_HOST,
	OPT_NET,
	OPT_PORT,
	OPT_REASON,
	OPT_POD_CIDR,
	OPT_SERVICE_CIDR,
	OPT_OUTPUT,
	OPT_ALL,
	OPT_DEEP,
	OPT_BTF,
	OPT_READY_FILE,
	OPT_VERSION,
};

static const struct argp_option options[] = {
	{"duration", OPT_DURATION, "T", 0,
	 "stop after T: 500ms, 30s, 2m, 1h (default: until Ctrl-C)", 1},
	{0, 0, 0, 0,
	 "Filters, each repeatable: values of one are alternatives, all kinds must agree", 2},
	{"netns", OPT_NETNS, "NAME|PATH|INODE", 0, "drops in that network namespace", 2},
	{"pid", OPT_PID, "PID", 0, "drops in that process's network namespace", 2},
	{"iface", OPT_IFACE, "NAME", 0, "drops at that interface", 2},
	{"proto", OPT_PROTO, "NAME|NUMBER", 0, "tcp, udp, icmp, icmp6, sctp, esp, arp, 47…", 2},
	{"host", OPT_HOST, "ADDR", 0, "packets from or to it, also inside VXLAN and Geneve", 2},
	{"net", OPT_NET, "CIDR", 0, "packets from or to that prefix", 2},
	{"port", OPT_PORT, "PORT", 0, "packets from or to that port", 2},
	{"reason", OPT_REASON, "NAME", 0, "this kernel's drop reasons, with globs: 'NEIGH_*'", 2},
	{0, 0, 0, 0, "Diagnosis", 3},
	{"pod-cidr", OPT_POD_CIDR, "CIDR", 0, "a Pod CIDR, where the node does not tell", 3},
	{"service-cidr", OPT_SERVICE_CIDR, "CIDR", 0, "a Service CIDR, likewise", 3},
	{"btf", OPT_BTF, "FILE", 0, "the kernel's BTF, where it has none of its own", 3},
	{"deep", OPT_DEEP, 0, 0,
	 "attach the programs on netfilter's and the bridge's functions from the start: every "
	 "packet "
	 "pays a little, and the first drop already tells hook, devices and table",
	 3},
	{0, 0, 0, 0, "Output", 4},
	{"format", OPT_FORMAT, "text|json", 0, "what to print (default: text)", 4},
	{"output", OPT_OUTPUT, "FILE", 0, "print there (default: standard output)", 4},
	{"all", OPT_ALL, 0, 0, "show noise, too", 4},
	{"ready-file", OPT_READY_FILE, "FILE", 0, "create FILE once every probe is attached", 4},
	{"verbose", OPT_VERBOSE, 0, 0, "more detail; twice: what libbpf says", 4},
	{"quiet", OPT_QUIET, 0, 0, "no progress, errors only", 4},
	{"version", OPT_VERSION, 0, 0, "print the version", -1},
	{0},
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static int add_cidr(const char *option, const char *value, struct cidr *list, size_t *n)
{
	if (*n == MAX_CIDRS) {
		log_error("--%s: at most %d of them", option, MAX_CIDRS);
		return -EINVAL;
	}
	if (cidr_parse(value, &list[*n])) {
		log_error("--%s '%s': not a prefix such as 10.244.0.0/16", option, value);
		return -EINVAL;
	}
	(*n)++;
	return 0;
}

static int set_duration(struct args *a, const char *value)
{
	int err = duration_parse(value, &a->duration_ns);

	if (err)
		log_error("--duration '%s': %s", value,
			  err == -ERANGE ? "must be between 1ms and 30 days (720h)"
					 : "not a duration such as 500ms, 30s, 2m or 1h");
	return err;
}

static int set_format(struct args *a, const char *value)
{
	if (!strcmp(value, "text"))
		a->format = FORMAT_TEXT;
	else if (!strcmp(value, "json"))
		a->format = FORMAT_JSON;
	else
		return log_error("--format '%s': not text or json", value), -EINVAL;
	return 0;
}

static const struct {
	int key;
	int (*add)(struct filter_args *a, const char *value);
} filter_options[] = {
	{OPT_NETNS, filter_netns}, {OPT_PID, filter_pid},	{OPT_IFACE, filter_iface},
	{OPT_PROTO, filter_proto}, {OPT_HOST, filter_host},	{OPT_NET, filter_net},
	{OPT_PORT, filter_port},   {OPT_REASON, filter_reason},
};

static int parse_filter(int key, const char *value, struct args *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(filter_options); i++) {
		if (filter_options[i].key == key)
			return filter_options[i].add(&a->filter, value);
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *a = state->input;
	int err = 0;

	switch (key) {
	case OPT_DURATION:
		err = set_duration(a, value);
		break;
	case OPT_FORMAT:
		err = set_format(a, value);
		break;
	case OPT_POD_CIDR:
		err = add_cidr("pod-cidr", value, a->pod_cidrs, &a->n_pod_cidrs);
		break;
	case OPT_SERVICE_CIDR:
		err = add_cidr("service-cidr", value, a->service_cidrs, &a->n_service_cidrs);
		break;
	case OPT_OUTPUT:
		a->output = value;
		break;
	case OPT_READY_FILE:
		a->ready_file = value;
		break;
	case OPT_BTF:
		a->btf = value;
		break;
	case OPT_DEEP:
		a->deep = true;
		break;
	case OPT_ALL:
		a->all = true;
		break;
	case OPT_VERBOSE:
		log_level = log_level >= LOG_VERBOSE ? LOG_LIBBPF : LOG_VERBOSE;
		break;
	case OPT_QUIET:
		log_level = LOG_ERRORS;
		break;
	case OPT_VERSION:
		puts("whydrop " VERSION);
		exit(fflush(stdout) ? EXIT_OUTPUT : 0);
	case ARGP_KEY_ARG:
		log_error("unexpected argument '%s': see `whydrop trace --help`", value);
		err = -EINVAL;
		break;
	default:
		err = parse_filter(key, value, a);
		if (err == ARGP_ERR_UNKNOWN)
			return err;
	}
	if (err)
		exit(EXIT_USAGE);
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = "Watch packets being dropped, and say which misconfiguration drops them, with the "
	       "proof and the fix.\v"
	       "Exit status: 0 traced, whatever was found; 1 the report could not be written "
	       "wholly; 2 usage; 3 cannot trace here.",
};

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
	if (!lstat(path, &st) && (!S_ISREG(st.st_mode) || st.st_size))
		err = -EEXIST;
	else if (access(dirname(copy), W_OK | X_OK) || (!unlink(path) ? 0 : errno != ENOENT))
		err = -errno;
	if (err)
		log_error("--ready-file '%s': %s", path, strerror(-err));
	free(copy);
	return err;
}

static void write_ready_file(const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;

	if (fd >= 0)
		close(fd);
	else if (path)
		log_error("--ready-file '%s': %s", path, strerror(errno));
}

static void catch_signals(void)
{
	/* A second one kills: the person is in a hurry. */
	const struct sigaction ours = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* what nohup or a shell's & had ignored stays so */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &ours, NULL);
	}
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

static int watch(struct trace *t, uint64_t duration_ns)
{
	bool live = isatty(STDERR_FILENO) && log_level >= LOG_NORMAL;
	uint64_t start = now_ns(CLOCK_MONOTONIC), elapsed = 0, shown = 0;
	int err = 0;

	while (!stop && (!duration_ns || elapsed < duration_ns)) {
		uint64_t left = duration_ns ? duration_ns - elapsed : 0;
		int ms = left && left < POLL_MS * 1000000ULL ? (int)(left / 1000000) + 1 : POLL_MS;

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
	return err;
}

static bool want_colour(FILE *to)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(to)) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

static int print_report(const struct args *a, struct report *r, FILE *to)
{
	int err;

	/* A file that we opened; standard output may be appended to what others wrote. */
	if (to != stdout && ftruncate(fileno(to), 0))
		errno = 0; /* a FIFO or a device */
	err = a->format == FORMAT_JSON ? out_json(r, to)
				       : out_text(r, to, want_colour(to), log_level >= LOG_VERBOSE);

	if (fclose(to) && !err)
		err = -errno;
	if (err)
		log_error("the report could not be written wholly to %s: %s",
			  a->output ? a->output : "standard output", strerror(-err));
	return err ? EXIT_OUTPUT : EXIT_TRACED;
}

static int run(struct args *a, FILE *to)
{
	struct trace_options opt = {
		.filter = &a->filter,
		.host = {a->pod_cidrs, a->service_cidrs, a->n_pod_cidrs, a->n_service_cidrs},
		.btf_path = a->btf,
		.deep = a->deep};
	struct report r;
	struct trace t;
	int err = trace_start(&t, &opt);

	if (err)
		goto out;
	catch_signals();
	write_ready_file(a->ready_file);
	err = watch(&t, a->duration_ns);
	if (err)
		log_error("tracing ended early: %s", strerror(-err));
	err = trace_finish(&t, &r);
	if (err) {
		log_error("cannot read what was counted: %s", strerror(-err));
		err = EXIT_OUTPUT;
		goto out;
	}
	r.show_all = a->all;
	r.filter_text = a->filter.text;
	err = print_report(a, &r, to);
out:
	trace_free(&t);
	return err;
}

int cmd_trace(int argc, char **argv)
{
	struct args a = {};
	FILE *to;
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (prepare_ready_file(a.ready_file))
		return EXIT_USAGE;
	to = open_output(a.output);
	if (!to)
		return EXIT_USAGE;
	err = run(&a, to);
	filter_free(&a.filter);
	return err;
}
