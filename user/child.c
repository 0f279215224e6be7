// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "util.h"

static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) ? -errno : 0;
}

/* Would execvp() find it? Asked before anything starts; it may still fail later. */
static int find_program(const char *name)
{
	const char *path = getenv("PATH");
	char *copy, *rest, *dir, *file;
	int err = -ENOENT;

	if (strchr(name, '/'))
		return check_file(name);
	copy = rest = xstrdup(path ? path : "/bin:/usr/bin");
	while (*name && err && (dir = strsep(&rest, ":"))) {
		int failed;

		file = xasprintf("%s/%s", *dir ? dir : ".", name);
		failed = check_file(file);
		free(file);
		if (failed != -ENOENT && failed != -ENOTDIR)
			err = failed;
	}
	free(copy);
	return err;
}

static int cannot_run(const char *name, int err)
{
	log_error("cannot run '%s': %s", name, strerror(-err));
	return err;
}

static void (*sigchld_given)(int) = SIG_DFL;

/* In the child: what we changed of the signals is as a program expects it. */
__attribute__((noreturn)) static void wait_and_exec(char **argv, int gate, int fault)
{
	char go;
	int err;

	sigpipe_restore();
	signal(SIGCHLD, sigchld_given);
	if (read(gate, &go, 1) != 1)
		_exit(0);
	execvp(argv[0], argv);
	err = errno;
	if (write(fault, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int child_prepare(struct child *c, char **argv)
{
	int gate[2], fault[2], err = find_program(argv[0]);
	pid_t pid;

	if (err)
		return cannot_run(argv[0], err);
	if (pipe2(gate, O_CLOEXEC))
		return cannot_run(argv[0], -errno);
	if (pipe2(fault, O_CLOEXEC)) {
		err = -errno;
		goto close_gate;
	}
	sigchld_given = signal(SIGCHLD, SIG_DFL); /* ignored, it would take the exit status away */
	pid = fork();
	if (pid < 0) {
		err = -errno;
		goto close_fault;
	}
	if (!pid) {
		close(gate[1]);
		close(fault[0]);
		wait_and_exec(argv, gate[0], fault[1]);
	}
	close(gate[0]);
	close(fault[1]);
	*c = (struct child){.argv = argv, .pid = pid, .gate = gate[1], .fault = fault[0]};
	return 0;
close_fault:
	close(fault[0]);
	close(fault[1]);
close_gate:
	close(gate[0]);
	close(gate[1]);
	return cannot_run(argv[0], err);
}

static void close_both(struct child *c)
{
	if (c->gate >= 0)
		close(c->gate);
	if (c->fault >= 0)
		close(c->fault);
	c->gate = c->fault = -1;
}

static void on_child(int sig)
{
	(void)sig; /* only to interrupt a wait */
}

int child_start(struct child *c)
{
	/* a poll() is interrupted all the same, and the report's writing is not: as PID 1 of a
	 * container we have children that are not ours, too */
	const struct sigaction wake = {.sa_handler = on_child,
				       .sa_flags = SA_NOCLDSTOP | SA_RESTART};
	ssize_t n = -1;
	int err = 0;

	sigaction(SIGCHLD, &wake, NULL);
	if (write(c->gate, "", 1) == 1) {
		do {
			n = read(c->fault, &err, sizeof(err));
		} while (n < 0 && errno == EINTR);
	}
	close_both(c);
	/* a good exec closes the pipe; one that was killed at the gate has ended, as child_ended()
	 * tells */
	return n == sizeof(err) ? cannot_run(c->argv[0], -err) : 0;
}

bool child_ended(struct child *c)
{
	pid_t got = c->pid ? waitpid(c->pid, &c->wait_status, WNOHANG) : 0;

	if (got == c->pid || (got < 0 && errno != EINTR))
		c->pid = 0;
	return !c->pid;
}

void child_signal(struct child *c, int sig)
{
	if (!c->pid)
		return;
	kill(c->pid, sig);
	kill(c->pid, SIGCONT); /* one that is stopped would not take it before that */
}

bool child_in_our_group(const struct child *c)
{
	return c->pid && getpgid(c->pid) == getpgrp();
}

void child_free(struct child *c)
{
	close_both(c);
	if (c->pid)
		waitpid(c->pid, &c->wait_status, 0);
	c->pid = 0;
}
