/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command that `whydrop assert` runs. It is forked before tracing is set up, so that nothing of
 * that is left in it (namespaces, descriptors, limits), and waits at a gate until it may start.
 */
#ifndef WHYDROP_CHILD_H
#define WHYDROP_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	char **argv;
	pid_t pid; /* 0: none, or reaped */
	int gate;  /* writing lets it start; -1: closed */
	int fault; /* here it tells why it could not start; -1: closed */
	int wait_status;
};

/* Fork, to wait. 0, or -errno where there is no such program, said on stderr. */
int child_prepare(struct child *c, char **argv);
/* Let it start: it has standard streams, environment and signals as whydrop got them. 0, or -errno
 * where it could not be executed, said on stderr. */
int child_start(struct child *c);
/* Has it ended? Sets wait_status then. */
bool child_ended(struct child *c);
void child_signal(struct child *c, int sig);
/* So that it gets what a key of the terminal sends. */
bool child_in_our_group(const struct child *c);
/* If it never started, it never will. */
void child_free(struct child *c);

#endif
