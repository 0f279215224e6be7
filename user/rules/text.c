// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "rule.h"

/* The next word, or quoted text as a whole: a comment or a log's prefix may say anything. Its
 * length; 0: there is none. Only iptables writes quotes within quotes. */
static size_t next_word(const char **s, bool iptables)
{
	size_t n = 0;
	bool quoted = false;

	*s += strspn(*s, " ");
	for (; (*s)[n] && (quoted || (*s)[n] != ' '); n++) {
		if (iptables && (*s)[n] == '\\' && (*s)[n + 1])
			n++;
		else if ((*s)[n] == '"')
			quoted = !quoted;
	}
	return n;
}

const char *rule_text_after(const struct rule *r, const char *word)
{
	const char *s = r->text ? r->text : "", *found = NULL;
	bool iptables = r->backend != RULE_NFT;
	size_t n;

	for (; (n = next_word(&s, iptables)); s += n) {
		if (n == strlen(word) && !strncmp(s, word, n))
			found = s + n + strspn(s + n, " ");
	}
	return found;
}

/* "--reject-with tcp-reset", "icmp-port-unreachable", "icmp6-adm-prohibited":
 * extensions/libipt_REJECT.c
 */
static void of_iptables(const char *with, bool six, char *buf)
{
	const char *kind = with ? strchr(with, '-') : NULL;

	if (with && !strncmp(with, "tcp-reset", 9))
		snprintf(buf, RULE_SENT_LEN, "tcp reset");
	else
		snprintf(buf, RULE_SENT_LEN, "%s %.*s", six ? "icmpv6" : "icmp",
			 kind ? (int)strcspn(kind + 1, " ") : 16,
			 kind ? kind + 1 : "port-unreachable");
}

/* "with tcp reset", "with icmpx port-unreachable", "with icmp type host-unreachable"; or nothing,
 * which is what nft writes for its default (nft(8), REJECT STATEMENT). */
static void of_nft(const char *rest, bool six, char *buf)
{
	char word[3][32] = {};
	const char *kind = "port-unreachable";

	if (sscanf(rest, "with %31s %31s %31s", word[0], word[1], word[2]) >= 2)
		kind = strcmp(word[1], "type") ? word[1] : word[2];
	if (!strcmp(word[0], "tcp"))
		snprintf(buf, RULE_SENT_LEN, "tcp reset");
	else
		snprintf(buf, RULE_SENT_LEN, "%s %s", six ? "icmpv6" : "icmp", kind);
}

const char *rule_sent(const struct rule *r, bool six, char *buf)
{
	bool iptables = r->backend != RULE_NFT;
	const char *rest = NULL;

	if (r->verdict != RULE_REJECT || !r->text)
		return NULL;
	if (iptables)
		of_iptables(rule_text_after(r, "--reject-with"), six, buf);
	else if ((rest = rule_text_after(r, "reject")))
		of_nft(rest, six, buf);
	return iptables || rest ? buf : NULL;
}

const char *rule_verdict_name(enum rule_verdict verdict)
{
	static const char *const names[] = {[RULE_DROP] = "drop",
					    [RULE_REJECT] = "reject",
					    [RULE_QUEUE] = "queue",
					    [RULE_OTHER] = "other"};

	return (size_t)verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "?";
}
