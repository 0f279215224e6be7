/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands: one cmd_*.c each, listed in main.c. */
#ifndef WHYDROP_CMD_H
#define WHYDROP_CMD_H

struct command {
	const char *name;
	const char *summary; /* one line for `whydrop --help` */
	/* argv[0] is "whydrop NAME". Returns an enum exit_code. */
	int (*run)(int argc, char **argv);
};

int cmd_trace(int argc, char **argv);
int cmd_probes(int argc, char **argv);
int cmd_assert(int argc, char **argv);

#endif
