// SPDX-License-Identifier: GPL-2.0-only
/* Interface names, comm, netns names and rule texts are chosen by others: nothing of them may reach
 * a terminal as a control, and nothing may make JSON invalid. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../report.h"

/* The length of the valid UTF-8 sequence at s, or 0; its code point goes to *cp. */
static size_t utf8_decode(const unsigned char *s, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80	     ? 1
		   : s[0] >> 5 == 6  ? 2
		   : s[0] >> 4 == 14 ? 3
		   : s[0] >> 3 == 30 ? 4
				     : 0;

	if (!n)
		return 0;
	*cp = n == 1 ? s[0] : s[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	if (*cp < least[n] || (*cp >= 0xd800 && *cp <= 0xdfff) || *cp > 0x10ffff)
		return 0;
	return n;
}

/* Controls, and what turns the direction of text or hides in it. */
static bool is_unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || cp == 0x61c ||
	       (cp >= 0xfff9 && cp <= 0xfffb) || (cp >= 0xe0000 && cp <= 0xe007f);
}

static const char *escape(const char *text, char *buf, size_t size, bool controls)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 0;

	while (*s) {
		uint32_t cp;
		size_t len = utf8_decode(s, &cp);

		if (len && !(controls && is_unsafe(cp))) {
			if (n + len >= size)
				break;
			memcpy(buf + n, s, len);
			n += len;
		} else {
			len = len ? len : 1;
			if (n + 4 * len >= size)
				break;
			for (size_t i = 0; i < len; i++)
				n += (size_t)snprintf(buf + n, size - n, "\\x%02x", s[i]);
		}
		s += len;
	}
	buf[n] = '\0';
	return buf;
}

const char *escape_text(const char *s, char *buf, size_t size)
{
	return escape(s, buf, size, true);
}

const char *escape_json(const char *s, char *buf, size_t size)
{
	return escape(s, buf, size, false);
}
