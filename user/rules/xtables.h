/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rules of iptables, ip6tables, ebtables or arptables may have dropped a packet: a replay
 * against what iptables-save -c and its siblings print.
 */
#ifndef WHYDROP_RULES_XTABLES_H
#define WHYDROP_RULES_XTABLES_H

#include "rule.h"

struct xt_ruleset;

/* The text of one table or of several. It is the node's: whatever it says, there is a ruleset, and
 * what could not be read makes replays cut. The family is that of the tool: "ip", "ip6", "bridge"
 * (ebtables) or "arp". */
struct xt_ruleset *xt_parse(const char *save, enum rule_backend backend, const char *family);
/* What `ebtables-legacy -t TABLE -L --Lc` prints, as text for xt_parse(), to free(): its own
 * ebtables-save is a script that asks for every table, and asking makes it. */
char *xt_of_ebtables(const char *listing);
void xt_free(struct xt_ruleset *r);

/*
 * What may have dropped the packet in its hook. Without a hook, that is in any: then nothing is
 * sure. The table is the one in which the packet died, if that is known; NULL: all that the hook
 * runs, in their order.
 */
void xt_replay(const struct xt_ruleset *r, const char *table, const struct group *g,
	       struct replay *out);

/* Adds what the rules that the packet's hook runs may make of its mark. */
void xt_marks(const struct xt_ruleset *r, const struct group *g, struct marks *marks);

/* The rule with that number, from 1 on, of a chain; false: there is none. A rule that drops nothing
 * is RULE_OTHER. */
bool xt_rule(const struct xt_ruleset *r, const char *table, const char *chain, unsigned int number,
	     struct rule *out);

#endif
