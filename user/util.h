/* SPDX-License-Identifier: GPL-2.0-only */
/* Small helpers without a subject of their own. */
#ifndef WHYDROP_UTIL_H
#define WHYDROP_UTIL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit codes, docs/whydrop.8. */
enum exit_code {
	EXIT_TRACED = 0,
	EXIT_OUTPUT = 1, /* the report could not be written wholly */
	EXIT_USAGE = 2,
	EXIT_CANNOT = 3, /* cannot trace on this machine */
	/* assert's */
	EXIT_HELD = 0,
	EXIT_VIOLATED = 1,
	EXIT_INCONCLUSIVE = 4, /* what was lost could have changed the verdict */
};

enum log_level {
	LOG_ERRORS,
	LOG_NORMAL,
	LOG_VERBOSE,
	LOG_LIBBPF,
};
extern enum log_level log_level;

/* One line on stderr, "whydrop: " before it; untrusted bytes are escaped. Never a newline in fmt.
 */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Allocate or exit with EXIT_CANNOT and a line on stderr. */
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap);

uint64_t now_ns(int clock);

/* A closed pipe is an error of a write; to a command it is what it was before sigpipe_ignore(). */
void sigpipe_ignore(void);
void sigpipe_restore(void);

/* Which known name is spelled much like the one that was given? best NULL: none is. */
struct likeness {
	const char *name;
	const char *best;
	size_t least;
};
void like_try(struct likeness *l, const char *known);
/* ": did you mean X?", or "". */
const char *like_hint(const struct likeness *l, char *buf, size_t size);

/* Of something that events ask for: it takes a tenth of the time at most, apart from short bursts.
 */
struct pace {
	uint64_t paid_ns; /* CLOCK_MONOTONIC: when what it has taken makes a tenth */
};
/* How long it has to wait, in nanoseconds; 0: not at all. */
uint64_t pace_wait(const struct pace *p, uint64_t now_ns);
/* It took so much of the CPU. */
void pace_pay(struct pace *p, uint64_t now_ns, uint64_t cpu_ns);

/* "30s", "500ms", "2m", "1h", "1.5s"; a bare number is seconds. 0, -EINVAL, or -ERANGE (0, or more
 * than 30 days). */
int duration_parse(const char *s, uint64_t *ns);

#endif
