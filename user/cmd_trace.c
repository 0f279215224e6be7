// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "run.h"
#include "util.h"

enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
};

struct args {
	struct cli cli;
	enum format format;
	bool all, deep;
};

enum {
	OPT_ALL = CLI_KEY_FIRST_OWN,
	OPT_DEEP,
};

static const struct argp_option options[] = {
	{"format", CLI_KEY_FORMAT, "text|json", 0, "what to print (default: text)",
	 CLI_GROUP_OUTPUT},
	{"all", OPT_ALL, 0, 0, "show noise, too", CLI_GROUP_OUTPUT},
	{"deep", OPT_DEEP, 0, 0,
	 "attach the programs on netfilter's and the bridge's functions from the start: every "
	 "packet pays a little, and the first drop already tells hook, devices and table",
	 CLI_GROUP_DIAGNOSIS},
	{0},
};

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

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->cli;
		break;
	case CLI_KEY_FORMAT:
		if (set_format(a, value))
			exit(EXIT_USAGE);
		break;
	case OPT_ALL:
		a->all = true;
		break;
	case OPT_DEEP:
		a->deep = true;
		break;
	case ARGP_KEY_ARG:
		log_error("unexpected argument '%s': see `whydrop trace --help`", value);
		exit(EXIT_USAGE);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {{.argp = &cli_argp}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.children = children,
	.doc = "Watch packets being dropped, and say which misconfiguration drops them, with the "
	       "proof and the fix.\v"
	       "Exit status: 0 traced, whatever was found; 1 tracing ended early by a failure, or "
	       "the "
	       "report could not be written wholly; 2 usage; 3 cannot trace here.",
};

struct printed {
	const struct args *a;
	const struct report *r;
};

static int print(void *arg, FILE *to)
{
	const struct printed *p = arg;

	if (p->a->format == FORMAT_JSON)
		return out_json(p->r, to);
	return out_text(p->r, to, run_wants_colour(to), log_level >= LOG_VERBOSE);
}

static int run(struct args *a, struct run *files)
{
	struct trace_options opt = cli_trace_options(&a->cli);
	struct report r;
	struct printed p = {a, &r};
	struct trace t;
	bool ended_early;
	int err;

	opt.deep = a->deep;
	err = run_start(files, &t, &opt, false);
	if (err)
		goto out;
	ended_early = run_watch(&t, a->cli.duration_ns) != 0;
	err = trace_finish(&t, &r);
	if (err) {
		log_error("cannot read what was counted: %s", strerror(-err));
		err = EXIT_OUTPUT;
		goto out;
	}
	r.ended_early = ended_early;
	r.has_all = true;
	r.show_all = a->all;
	r.filter_text = a->cli.filter.text;
	err = run_print(files, print, &p);
	if (!err && ended_early)
		err = EXIT_OUTPUT;
out:
	trace_free(&t);
	return err;
}

int cmd_trace(int argc, char **argv)
{
	struct args a = {};
	struct run files;
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	err = run_prepare(&files, &a.cli);
	if (!err)
		err = run(&a, &files);
	run_end(&files);
	cli_free(&a.cli);
	return err;
}
