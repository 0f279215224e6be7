// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../util.h"
#include "words.h"

const char *word_status(enum status status)
{
	return status == STATUS_CONFIRMED ? "confirmed" : "suspected";
}

const char *word_class(enum group_class class)
{
	static const char *const words[] = {[CLASS_UNEXPLAINED] = "unexplained",
					    [CLASS_FAULT] = "fault",
					    [CLASS_NOISE] = "noise"};

	return words[class];
}

const char *word_fix(enum fix_when when)
{
	static const char *const words[] = {
		[FIX_NOW] = "now", [FIX_PERSIST] = "persist", [FIX_ADVICE] = "advice"};

	return words[when];
}

const char *word_time(int64_t real_ns, char *buf)
{
	time_t sec = (time_t)(real_ns / 1000000000);
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (real_ns <= 0 || !gmtime_r(&sec, &tm))
		return buf;
	n = strftime(buf, WORD_TIME_STRLEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, WORD_TIME_STRLEN - n, ".%06dZ", (int)(real_ns % 1000000000 / 1000));
	return buf;
}

const char *word_location(const struct symbol *s, bool hidden, char *buf)
{
	if (s->name && s->off)
		snprintf(buf, LOCATION_STRLEN, "%s+0x%" PRIx64, s->name, s->off);
	else if (s->name) /* told by a record: no call returns to a function's first byte */
		snprintf(buf, LOCATION_STRLEN, "%s", s->name);
	else if (hidden)
		snprintf(buf, LOCATION_STRLEN, "(address hidden)");
	else
		snprintf(buf, LOCATION_STRLEN, "0x%" PRIx64, s->addr);
	return buf;
}

const char *word_decision(const struct group *g, char *buf)
{
	const char *function = g->verdict.function ? g->verdict.function : g->decided_by;
	const char *family = g->verdict.family;
	int n;

	buf[0] = '\0';
	if (!function)
		return buf;
	n = snprintf(buf, VERDICT_STRLEN, "by %s", function);
	if (g->verdict.table[0])
		n += snprintf(buf + n, VERDICT_STRLEN - (size_t)n, ", table %s%s%s",
			      family ? family : "", family ? " " : "", g->verdict.table);
	if (g->verdict.chain[0])
		n += snprintf(buf + n, VERDICT_STRLEN - (size_t)n, ", base chain %s",
			      g->verdict.chain);
	if (g->port.known)
		snprintf(buf + n, VERDICT_STRLEN - (size_t)n, ", to bridge port %s (%s%s%s)",
			 g->out, host_port_state(g->port.state), g->port.hairpin ? ", hairpin" : "",
			 g->port.isolated ? ", isolated" : "");
	return buf;
}
