// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kallsyms.h"
#include "util.h"

#define BUFFER (64 << 10) /* stdio would take the file's block size: 1 KiB */

/* Hexadecimal, as the kernel writes it; stops at the first other character. strtoull() takes three
 * times as long. */
static uint64_t parse_addr(char **p)
{
	uint64_t addr = 0;

	for (;; (*p)++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			addr = addr << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			addr = addr << 4 | (uint64_t)(c - 'a' + 10);
		else
			return addr;
	}
}

/* "ffffffff81000000 T _stext\t[module]", terminated. */
static bool parse_line(char *p, struct kallsyms_line *l)
{
	char *end;

	l->addr = parse_addr(&p);
	if (p[0] != ' ' || !p[1] || p[2] != ' ')
		return false;
	l->type = p[1];
	l->name = p + 3;
	l->module = NULL;
	end = strchr(l->name, '\t');
	if (!end)
		return true;
	*end = '\0';
	if (end[1] == '[') {
		l->module = end + 2;
		end[2 + strcspn(end + 2, "]")] = '\0';
	}
	return true;
}

int kallsyms_read(const char *path, void (*fn)(void *arg, const struct kallsyms_line *l), void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n;
	char *buf;

	if (fd < 0)
		return -errno;
	buf = xcalloc(1, BUFFER);
	while ((n = read(fd, buf + have, BUFFER - have)) > 0) {
		char *line = buf, *end;

		have += (size_t)n;
		while ((end = memchr(line, '\n', have - (size_t)(line - buf)))) {
			struct kallsyms_line l;

			*end = '\0';
			if (parse_line(line, &l))
				fn(arg, &l);
			line = end + 1;
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
	}
	n = n < 0 ? -errno : 0;
	free(buf);
	close(fd);
	return (int)n;
}

/* show_initstate(), kernel/module/main.c: "coming" and "going", too. One that is going has left its
 * subsystem before its names leave kallsyms. What is built in has no such file. */
bool module_is_live(const char *path)
{
	FILE *f = fopen(path, "re");
	char state[16] = "";
	bool live = f && fgets(state, sizeof(state), f) && !strcmp(state, "live\n");

	if (f)
		fclose(f);
	return live;
}
