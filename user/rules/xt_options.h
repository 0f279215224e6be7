/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of iptables, ebtables and arptables: what they ask of a packet. */
#ifndef WHYDROP_RULES_XT_OPTIONS_H
#define WHYDROP_RULES_XT_OPTIONS_H

#include "rule.h"

/* The packet as a table saw it. */
struct xt_packet {
	const struct group *g;
	bool routed; /* a hook of IPv4 or IPv6: not the bridge's, not ARP's */
	bool by_nft; /* its rules are nft's */
	/* The group shows the packet as it died; conntrack, or NAT, may have changed it since. */
	bool ct_since, nat_since;
	uint32_t mark, mark_known; /* and which of its bits are known */
};

enum xt_syntax {
	XT_IPTABLES,
	XT_EBTABLES,
	XT_ARPTABLES,
};

struct xt_word {
	char *s;
	bool quoted; /* then it is no option */
};

struct xt_option {
	const char *match; /* -m: the names of those that have it, with commas; NULL: none */
	const char *name;
	unsigned int values;
	unsigned int needs; /* private */
	enum tri (*ask)(const struct xt_packet *p, const struct xt_word *values);
};

/* match: the last -m, or "". NULL: not known. */
const struct xt_option *xt_option_find(enum xt_syntax syntax, const char *match, const char *name);
enum tri xt_option_ask(const struct xt_option *o, const struct xt_packet *p,
		       const struct xt_word *values, bool negated);
/* What -m NAME asks without an option: for the header, if it is a protocol's. */
enum tri xt_match_ask(enum xt_syntax syntax, const char *name, const struct xt_packet *p);
enum tri xt_is_arp_request(const struct xt_packet *p);
/* "0x8000/0x8000"; without a mask all bits count. */
bool xt_mark_parse(const char *s, uint32_t *value, uint32_t *mask);

#endif
