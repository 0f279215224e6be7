// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../util.h"
#include "tool.h"

#define MAX_OUTPUT (256U << 20)

extern char **environ;

/* The whole of fd, or NULL. */
static char *read_all(int fd)
{
	size_t n = 0, room = 1 << 16;
	char *s = xreallocarray(NULL, room, 1);
	ssize_t got;

	while ((got = read(fd, s + n, room - n - 1)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || n >= MAX_OUTPUT) {
			free(s);
			return NULL;
		}
		n += (size_t)got;
		if (room - n < 2) {
			room *= 2;
			s = xreallocarray(s, room, 1);
		}
	}
	s[n] = '\0';
	return s;
}

static int spawn(const char *const argv[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t deadly;
	int err;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	/* who writes to nobody is to end */
	sigemptyset(&deadly);
	sigaddset(&deadly, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &deadly);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	err = posix_spawnp(pid, argv[0], &fa, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return err;
}

char *tool_output(const char *const argv[])
{
	int fds[2], err, status;
	bool ended;
	char *s;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return NULL;
	err = spawn(argv, fds[1], &pid);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		errno = err;
		return NULL;
	}
	s = read_all(fds[0]);
	close(fds[0]);
	while (!(ended = waitpid(pid, &status, 0) == pid) && errno == EINTR)
		;
	if (s && ended && WIFEXITED(status) && !WEXITSTATUS(status))
		return s;
	free(s);
	errno = EIO;
	return NULL;
}
