// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "cmd.h"
#include "judge.h"
#include "run.h"
#include "util.h"

#define SETTLE_QUIET_NS 200000000ULL /* no drop for so long: the command's packets have settled */
#define SETTLE_MOST_NS	2000000000ULL
#define SETTLE_POLL_MS	20

static const struct {
	const char *name;
	int (*print)(const struct report *r, const struct assertion *a, FILE *to,
		     const struct out_style *style);
} formats[] = {{"text", out_assert_text},
	       {"json", out_assert_json},
	       {"junit", out_junit},
	       {"tap", out_tap}};

struct args {
	struct cli cli;
	struct assertion assertion;
	size_t format; /* index into formats */
};

enum {
	OPT_FORBID = CLI_KEY_FIRST_OWN,
	OPT_EXPECT,
	OPT_ALLOW,
};

static const struct argp_option options[] = {
	{"forbid", OPT_FORBID, "EXPR", 0,
	 "fails if packets match (default: every finding, every unexplained drop)", CLI_GROUP_OWN},
	{"expect", OPT_EXPECT, "EXPR", 0, "fails if none matches", CLI_GROUP_OWN},
	{"allow", OPT_ALLOW, "EXPR", 0, "what matches is forbidden by no --forbid", CLI_GROUP_OWN},
	{"format", CLI_KEY_FORMAT, "text|json|junit|tap", 0, "what to print (default: text)",
	 CLI_GROUP_OUTPUT},
	{0},
};

static int set_format(struct args *a, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(value, formats[i].name))
			continue;
		a->format = i;
		return 0;
	}
	log_error("--format '%s': not text, json, junit or tap", value);
	return -EINVAL;
}

/* The command is what stands behind --, and only that: a stray word is a mistake. */
static int take_command(struct args *a, const char *value, struct argp_state *state)
{
	if (!state->quoted) {
		log_error("unexpected argument '%s': a command stands behind --", value);
		return -EINVAL;
	}
	a->assertion.argv = &state->argv[state->next - 1];
	state->next = state->argc;
	return 0;
}

static int check_together(struct args *a, const struct argp_state *state)
{
	if (state->quoted && !a->assertion.argv) {
		log_error("there is no command behind --");
		return -EINVAL;
	}
	if (a->assertion.argv && a->cli.duration_ns) {
		log_error("--duration and a command ('%s') exclude each other",
			  a->assertion.argv[0]);
		return -EINVAL;
	}
	assertion_set_defaults(&a->assertion);
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *a = state->input;
	int err = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->cli;
		break;
	case OPT_FORBID:
		err = assertion_add(&a->assertion, EXPR_FORBID, value);
		break;
	case OPT_EXPECT:
		err = assertion_add(&a->assertion, EXPR_EXPECT, value);
		break;
	case OPT_ALLOW:
		err = assertion_add(&a->assertion, EXPR_ALLOW, value);
		break;
	case CLI_KEY_FORMAT:
		err = set_format(a, value);
		break;
	case ARGP_KEY_ARG:
		err = take_command(a, value, state);
		break;
	case ARGP_KEY_END:
		err = check_together(a, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		exit(EXIT_USAGE);
	return 0;
}

static const struct argp_child children[] = {{.argp = &cli_argp}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.children = children,
	.args_doc = "[-- CMD ARG...]",
	.doc = "Trace while CMD runs, or without one for --duration or until a signal, and judge "
	       "what was dropped. "
	       "EXPR is KEY=VALUE[,KEY=VALUE...] and count>=N or count<=N: see whydrop(8).\v"
	       "Exit status: 0 all held; 1 something did not hold, CMD failed, or the report could "
	       "not be written; 2 usage; 3 cannot trace here; 4 inconclusive: what was lost could "
	       "have changed the verdict.",
};

/* Until no drop was seen for a while; on a machine that drops all the time, not for ever. */
static int settle(struct trace *t)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), now = start, last = start;
	uint64_t seen = trace_seen(t), more;
	int err = 0;

	while (!err && now - last < SETTLE_QUIET_NS && now - start < SETTLE_MOST_NS) {
		err = trace_poll(t, SETTLE_POLL_MS);
		if (err == -EINTR)
			err = 0;
		more = trace_seen(t);
		now = now_ns(CLOCK_MONOTONIC);
		if (more != seen)
			last = now;
		seen = more;
	}
	return err;
}

/* The command's end is the run's. A signal is the command's to obey; a key of the terminal sent it
 * to the command, too, unless that left our process group. That a terminal is gone is told to its
 * first process only. */
static int watch_command(struct trace *t, struct child *c)
{
	bool from_terminal;
	int err = 0;

	while (!child_ended(c)) {
		int sig = run_take_signal(&from_terminal);

		if (sig && !(from_terminal && sig == SIGINT && child_in_our_group(c)))
			child_signal(c, sig);
		if (err)
			usleep(RUN_POLL_MS * 1000); /* no tracing any more */
		else
			err = trace_poll(t, RUN_POLL_MS);
		if (err == -EINTR)
			err = 0;
	}
	if (!err)
		err = settle(t);
	if (err)
		log_error("tracing ended early: %s", strerror(-err));
	return err;
}

/* 0, or EXIT_USAGE where the command could not be started. */
static int watch(struct args *a, struct trace *t, struct child *c, bool *ended_early)
{
	bool from_terminal;
	int err;

	if (!a->assertion.argv) {
		*ended_early = run_watch(t, a->cli.duration_ns) != 0;
		a->assertion.cut_short = a->cli.duration_ns && run_take_signal(&from_terminal);
		return 0;
	}
	err = child_start(c);
	if (err)
		return EXIT_USAGE;
	*ended_early = watch_command(t, c) != 0;
	a->assertion.wait_status = c->wait_status;
	return 0;
}

struct printed {
	const struct args *a;
	const struct report *r;
};

static int print(void *arg, FILE *to)
{
	const struct printed *p = arg;
	const struct out_style style = {run_wants_colour(to), log_level >= LOG_VERBOSE};

	return formats[p->a->format].print(p->r, &p->a->assertion, to, &style);
}

/* Where the report goes to a file, a person wants to know all the same why it failed. */
static void tell(const struct assertion *a)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct judged *j = &a->exprs[i];

		if (j->kind != EXPR_ALLOW && j->verdict != VERDICT_HELD)
			log_info(LOG_NORMAL, "%s: %s %s", word_verdict(j->verdict),
				 word_kind(j->kind), j->expr.text);
	}
	if (assertion_command_failed(a))
		log_info(LOG_NORMAL, "%s: command %s failed", word_verdict(VERDICT_VIOLATED),
			 a->argv[0]);
}

static int check(void *arg, struct kernel *k)
{
	return assertion_check_reasons(arg, k);
}

static int run(struct args *a, struct run *files, struct child *c)
{
	struct trace_options opt = cli_trace_options(&a->cli);
	struct report r;
	struct printed p = {a, &r};
	struct trace t;
	bool ended_early = false;
	int err;

	/* the only packet that a test loses is no reason to look at the next one */
	opt.deep = true;
	opt.check = check;
	opt.check_arg = &a->assertion;
	err = run_start(files, &t, &opt, a->assertion.argv != NULL);

	if (!err)
		err = watch(a, &t, c, &ended_early);
	if (err)
		goto out;
	err = trace_finish(&t, &r);
	if (err) {
		log_error("cannot read what was counted: %s", strerror(-err));
		err = EXIT_CANNOT;
		goto out;
	}
	r.ended_early = ended_early;
	r.filter_text = a->cli.filter.text;
	judge(&a->assertion, &r);
	if (files->to != stdout)
		tell(&a->assertion);
	err = run_print(files, print, &p);
	if (!err)
		err = a->assertion.exit_code;
out:
	trace_free(&t);
	return err;
}

int cmd_assert(int argc, char **argv)
{
	struct child child = {.gate = -1, .fault = -1};
	struct args a = {};
	struct run files;
	int err;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	err = run_prepare(&files, &a.cli);
	if (!err && a.assertion.argv && child_prepare(&child, a.assertion.argv))
		err = EXIT_USAGE;
	if (!err)
		err = run(&a, &files, &child);
	child_free(&child);
	run_end(&files);
	assertion_free(&a.assertion);
	cli_free(&a.cli);
	return err;
}
