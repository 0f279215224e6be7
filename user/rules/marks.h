/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which bits of a packet's mark the rules in its hook may set. A sample shows the mark that the
 * packet had when it died: rules before those saw another one, whoever's they are.
 */
#ifndef WHYDROP_RULES_MARKS_H
#define WHYDROP_RULES_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed at first. */
struct marks {
	struct mark_set *sets;
	size_t n;
};

#define MARKS_ANY INT64_MIN /* as a priority: of rules wherever in the hook */

/* Rules with that priority in their hook may set those bits. False: that was known already. */
bool marks_add(struct marks *m, int64_t priority, uint32_t bits);
void marks_add_all(struct marks *m, const struct marks *more);
/* The bits that rules of that priority, or behind it, may set; m may be NULL. */
uint32_t marks_from(const struct marks *m, int64_t priority);
void marks_free(struct marks *m);

#endif
