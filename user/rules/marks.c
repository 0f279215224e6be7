// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "marks.h"

struct mark_set {
	int64_t priority;
	uint32_t bits;
};

bool marks_add(struct marks *m, int64_t priority, uint32_t bits)
{
	struct mark_set *s = m->sets;

	while (s < m->sets + m->n && s->priority != priority)
		s++;
	if (s == m->sets + m->n) {
		if (!bits)
			return false;
		m->sets = xreallocarray(m->sets, m->n + 1, sizeof(*m->sets));
		m->sets[m->n++] = (struct mark_set){priority, bits};
		return true;
	}
	bits &= ~s->bits;
	s->bits |= bits;
	return bits;
}

void marks_add_all(struct marks *m, const struct marks *more)
{
	for (size_t i = 0; i < more->n; i++)
		marks_add(m, more->sets[i].priority, more->sets[i].bits);
}

uint32_t marks_from(const struct marks *m, int64_t priority)
{
	uint32_t bits = 0;

	for (size_t i = 0; m && i < m->n; i++) {
		if (m->sets[i].priority >= priority)
			bits |= m->sets[i].bits;
	}
	return bits;
}

void marks_free(struct marks *m)
{
	free(m->sets);
	memset(m, 0, sizeof(*m));
}
