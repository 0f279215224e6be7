/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading /proc/kallsyms, which has more than a hundred thousand lines. */
#ifndef WHYDROP_KALLSYMS_H
#define WHYDROP_KALLSYMS_H

#include <stdbool.h>
#include <stdint.h>

#define KALLSYMS "/proc/kallsyms"

/* Valid during the call only. */
struct kallsyms_line {
	uint64_t addr; /* 0: hidden */
	char type;     /* 'T', 't', 'W'… */
	const char *name;
	const char *module; /* NULL: the kernel itself */
};

/* Call fn for each line of the file. 0, or -errno where it cannot be read. */
int kallsyms_read(const char *path, void (*fn)(void *arg, const struct kallsyms_line *l),
		  void *arg);

/* By its initstate, a file below /sys/module. */
bool module_is_live(const char *path);

#endif
