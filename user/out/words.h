/* SPDX-License-Identifier: GPL-2.0-only */
/* What the outputs have in common: words for enums and pieces of a group. */
#ifndef WHYDROP_OUT_WORDS_H
#define WHYDROP_OUT_WORDS_H

#include "../report.h"

const char *word_status(enum status status);
const char *word_class(enum group_class class);
const char *word_fix(enum fix_when when);

#define WORD_TIME_STRLEN 48
/* "2026-11-23T04:00:00.000000Z" of CLOCK_REALTIME nanoseconds; "" for what is not known. */
const char *word_time(int64_t real_ns, char *buf);

#define LOCATION_STRLEN 160
/* "ip_error+0x94", "(address hidden)"; buf of LOCATION_STRLEN. */
const char *word_location(const struct symbol *s, bool hidden, char *buf);

#define VERDICT_STRLEN 256
/* "by nft_do_chain, table inet fw, base chain input": what hook programs saw of the drop; "" if
 * nothing. buf of VERDICT_STRLEN. */
const char *word_decision(const struct group *g, char *buf);

#endif
