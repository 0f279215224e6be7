/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a reader reads rules from: the node's own library and tools, or what a test has. */
#ifndef WHYDROP_RULES_SOURCE_H
#define WHYDROP_RULES_SOURCE_H

#include "nft.h"

struct rule_source {
	const struct nft_source *nft;
	/* as nft_source_text() and nft_source_chain() */
	char *(*nft_text)(const char *family, const char *table, const char *chain,
			  uint64_t handle);
	char *(*nft_chain)(const char *family, const char *table, uint64_t handle, bool *gone);
	/* as nft_source_table() */
	bool (*table)(const char *family, const char *table, uint64_t *handle);
	/* Of nft's ruleset: another number after each change. 0: not known. */
	uint32_t (*generation)(void);
	/* The tables of iptables-legacy that the netns has, one a line: asking for another one
	 * would make it (net/netfilter/x_tables.c, xt_find_table_lock). Valid until the next call.
	 */
	const char *(*legacy_tables)(const char *family);
	/* What `tool -c` or `tool -c -t table` prints, the source's own; NULL: it cannot be read.
	 */
	const char *(*saved)(const char *tool, const char *table);
	/* Is conntrack's table so full that it may have refused new connections? */
	bool (*conntrack_full)(void);
	/* All of the above is read once, until it is forgotten. */
	void (*forget)(void);
};

extern const struct rule_source rule_source_node;

#endif
