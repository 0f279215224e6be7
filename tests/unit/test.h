/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka wants these before itself. */
#ifndef WHYDROP_TEST_H
#define WHYDROP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define assert_has(text, part)                                                                     \
	do {                                                                                       \
		if (!strstr(text, part))                                                           \
			fail_msg("'%s' is not in: %s", part, text);                                \
	} while (0)

/* An exact copy on the heap, so that the sanitizer sees the first byte read past its end. */
static inline uint8_t *exact_copy(const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, p, n);
	return copy;
}

#endif
