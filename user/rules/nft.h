/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet against an nftables ruleset, as libnftables prints it in JSON (libnftables-json(5)). The
 * JSON comes from the node: whatever is missing or odd in it may match or not.
 */
#ifndef WHYDROP_RULES_NFT_H
#define WHYDROP_RULES_NFT_H

#include "rule.h"

/*
 * Where the replay reads from; each returns a new reference or NULL (it cannot be read: cut). Both
 * the output's "nftables" array and the object around it will do.
 */
struct nft_source {
	void *arg;
	/* `nft -j list chains`, all families; and {"table": …} for tables that are dormant, with
	 * their flags */
	json_t *(*chains)(void *arg);
	/* `nft -j -a list chain …` */
	json_t *(*chain)(void *arg, const char *family, const char *table, const char *chain);
	/* `nft -j list set …`, or map */
	json_t *(*set)(void *arg, const char *family, const char *table, const char *name,
		       bool map);
	/* What the table's rules do with sets: {"updated": {"name": true, …}}, those that packets
	 * change; "native": true where iptables-nft cannot have written some rule */
	json_t *(*uses)(void *arg, const char *family, const char *table);
};

/*
 * Adds every rule and policy that may have dropped the packet to *out, in the order in which it met
 * them. Texts of rules stay NULL, see nft_rule_text(). which: may a table be looked at? NULL: all.
 *
 * With g->verdict's table and chain, only that base chain is walked. Where the hook or its family
 * is not known, every base chain that the packet may have passed is, and no hit is sure.
 *
 * marks: gets what the rules that it met may make of the packet's mark; or NULL.
 *
 * 0, or -ENODATA where the list of chains cannot be read; out->cut is set then, too.
 */
int nft_replay(const struct nft_source *src, const struct group *g,
	       bool (*which)(void *arg, const char *family, const char *table), void *which_arg,
	       struct marks *marks, struct replay *out);

/* Can a rule, as nft lists it, be the one that dropped a packet? Not one that accepts or jumps. */
bool nft_rule_may_drop(json_t *rule);

/*
 * The text of the rule with that handle in the output of `nft -a list chain …`: malloc'ed, on one
 * line, without the handle. NULL: it is not there, or a comment looks like it.
 */
char *nft_rule_text(const char *listing, uint64_t handle);
/* The chain of that rule in the output of `nft -a list table …`: malloc'ed, or NULL. */
char *nft_rule_chain(const char *listing, uint64_t handle);

/* The string at that key, the object's own; NULL: there is none. */
const char *nft_text(json_t *object, const char *name);
/* Is it a base chain of the hook, and the family, that the packet died in? */
bool nft_is_at_hook(json_t *chain, const struct group *g);
/*
 * Did iptables-nft, ebtables-nft or arptables-nft make that table? By its name, and by its base
 * chains, which must all be theirs. chains: as nft_source's.
 */
bool nft_is_xtables(json_t *chains, const char *family, const char *table);

#endif
