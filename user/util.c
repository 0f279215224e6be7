// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"
#include "util.h"

enum log_level log_level = LOG_NORMAL;

static void log_line(const char *fmt, va_list ap)
{
	char line[1024], safe[4096];

	vsnprintf(line, sizeof(line), fmt, ap);
	fprintf(stderr, "whydrop: %s\n", escape_text(line, safe, sizeof(safe)));
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
}

void log_info(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
}

static void *check_alloc(void *p)
{
	if (p)
		return p;
	fputs("whydrop: out of memory\n", stderr);
	exit(EXIT_CANNOT);
}

void *xcalloc(size_t n, size_t size)
{
	return check_alloc(calloc(n ? n : 1, size));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return check_alloc(reallocarray(p, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
	return check_alloc(strdup(s));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return check_alloc(s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

#define MAX_LIKE 64 /* bytes of a name that are compared */

/* How many letters are to be put in, taken out or changed to make b of a (Levenshtein). */
static size_t letters_between(const char *a, const char *b)
{
	size_t row[MAX_LIKE + 1], n = strnlen(b, MAX_LIKE);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; i < MAX_LIKE && a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t best = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j + 1] = diagonal + 1 < best ? diagonal + 1 : best;
		}
	}
	return row[n];
}

void like_try(struct likeness *l, const char *known)
{
	size_t n = letters_between(l->name, known);

	if (n >= (l->best ? l->least : strlen(l->name) / 3 + 1))
		return;
	l->least = n;
	l->best = known;
}

const char *like_hint(const struct likeness *l, char *buf, size_t size)
{
	snprintf(buf, size, l->best ? ": did you mean %s?" : "", l->best);
	return buf;
}

#define PACE_SHARE 10
#define PACE_BURST 200000000ULL /* ahead of what it may take: 20 ms of the CPU */

uint64_t pace_wait(const struct pace *p, uint64_t now_ns)
{
	return p->paid_ns > now_ns + PACE_BURST ? p->paid_ns - now_ns - PACE_BURST : 0;
}

void pace_pay(struct pace *p, uint64_t now_ns, uint64_t cpu_ns)
{
	p->paid_ns = (p->paid_ns > now_ns ? p->paid_ns : now_ns) + PACE_SHARE * cpu_ns;
}

static void (*sigpipe_given)(int) = SIG_DFL;

void sigpipe_ignore(void)
{
	sigpipe_given = signal(SIGPIPE, SIG_IGN);
}

void sigpipe_restore(void)
{
	signal(SIGPIPE, sigpipe_given);
}

uint64_t now_ns(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

int duration_parse(const char *s, uint64_t *ns)
{
	static const struct {
		const char *suffix;
		double ns;
	} units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"h", 3600e9}};
	const double most = 30 * 86400e9;
	char *end;
	double v;

	/* strtod alone would take "nan", hex, "1e3", and blanks before it */
	v = strtod(s, &end);
	if (!isdigit((unsigned char)s[0]) || strspn(s, "0123456789.") != (size_t)(end - s))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		v *= units[i].ns;
		if (!(v >= 1e6) || v > most)
			return -ERANGE;
		*ns = (uint64_t)v;
		return 0;
	}
	return -EINVAL;
}
