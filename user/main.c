// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "util.h"

static const struct command commands[] = {
	{"trace", "watch packets being dropped and say which misconfiguration drops them",
	 cmd_trace},
	{"probes", "say what this kernel allows: each probe, how it attaches or why not",
	 cmd_probes},
	{"assert",
	 "trace while a command runs, and fail where packets were dropped that should not",
	 cmd_assert},
};

static void print_help(FILE *to)
{
	fputs("Usage: whydrop COMMAND [OPTION...]\n"
	      "Tells why the kernel threw packets away, and what to change so that it stops.\n\n"
	      "Commands:\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`whydrop COMMAND --help` lists a command's options; whydrop(8) says more.\n"
	      "Most often:  whydrop trace --duration 30s\n",
	      to);
}

static int run_command(const struct command *c, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "whydrop %s", c->name);
	argv[0] = name;
	return c->run(argc, argv);
}

/* A missing standard stream would be given to the next file that is opened. What is printed to it
 * is an error, and not lost in silence. */
static void fill_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static const char *command_hint(const char *given, char *buf, size_t size)
{
	struct likeness like = {.name = given};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		like_try(&like, commands[i].name);
	return like_hint(&like, buf, size);
}

int main(int argc, char **argv)
{
	char hint[64];

	fill_standard_streams();
	argp_err_exit_status = EXIT_USAGE;
	sigpipe_ignore();
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return fflush(stdout) ? EXIT_OUTPUT : 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("whydrop " VERSION);
		return fflush(stdout) ? EXIT_OUTPUT : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return run_command(&commands[i], argc - 1, argv + 1);
	}
	log_error("unknown command '%s'%s (`whydrop --help` lists them)", argv[1],
		  command_hint(argv[1], hint, sizeof(hint)));
	return EXIT_USAGE;
}
