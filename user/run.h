/* SPDX-License-Identifier: GPL-2.0-only */
/* How a command runs a trace: its files, its signals, its loop. */
#ifndef WHYDROP_RUN_H
#define WHYDROP_RUN_H

#include <stdbool.h>
#include <stdio.h>

#include "cli.h"

/* How long trace_poll() waits where nothing else limits it. */
#define RUN_POLL_MS 100

/* The files of a run. */
struct run {
	const struct cli *cli;
	FILE *to;     /* where the report goes, standard output where no file was named; NULL: it is
			 there */
	bool appends; /* to what a standard stream holds, too */
	bool created; /* by us */
	int ready;    /* --ready-file, open; -1: it is not there */
};

/* Before anything starts: open --output and make way for --ready-file. 0, or EXIT_USAGE, said on
 * stderr; run_end() it in both cases. */
int run_prepare(struct run *r, const struct cli *c);

/*
 * trace_start(), then catch signals and create the ready file: every probe is attached now. The
 * first SIGINT, SIGTERM or SIGHUP asks to end. again: so does each one more; otherwise one that
 * comes half a second later kills, since the person is in a hurry. 0, or an enum exit_code, said on
 * stderr; t is to be freed by trace_free() in both cases.
 */
int run_start(struct run *r, struct trace *t, struct trace_options *opt, bool again);

/* The signal that came since the last call; 0: none. from_terminal: by the kernel, for a key or
 * since the terminal is gone. */
int run_take_signal(bool *from_terminal);

/* Trace until a signal comes, or for duration_ns if that is not 0; with a line on the terminal. 0
 * or -errno where tracing ended early, said on stderr. */
int run_watch(struct trace *t, uint64_t duration_ns);

/* print() the report to where it goes, and close that. 0, or EXIT_OUTPUT where it could not be
 * written wholly, said on stderr. print returns 0 or -errno. */
int run_print(struct run *r, int (*print)(void *arg, FILE *to), void *arg);

/* Take away the ready file, and an empty file where there is no report. */
void run_end(struct run *r);

/* Colours for that stream? */
bool run_wants_colour(FILE *to);

#endif
