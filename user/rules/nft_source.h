/* SPDX-License-Identifier: GPL-2.0-only */
/* nftables' rulesets by libnftables, or by nft itself where that is not linked (a static build). */
#ifndef WHYDROP_RULES_NFT_SOURCE_H
#define WHYDROP_RULES_NFT_SOURCE_H

#include "nft.h"

/* In the netns of the calling process; what was read is kept until it is forgotten. */
extern const struct nft_source nft_source_node;
void nft_source_forget(void);
/* Of the ruleset: another number after each change (net/netfilter/nf_tables_api.c, base_seq), and
 * in another netns, also one that has the inode number of one that is gone; before 5.14 that cannot
 * be told. Only where nf_tables is in the kernel: it would be loaded. 0: not known. */
uint32_t nft_source_generation(void);
/* What that is made of: the kernel's number, not 0, and the netns's cookie (SO_NETNS_COOKIE). */
uint32_t nft_source_number(uint32_t generation, uint64_t cookie);
/* The handle of a table; 0: it is not there. False: that cannot be asked. */
bool nft_source_table(const char *family, const char *table, uint64_t *handle);
/* A rule as `nft list` writes it; to free(). NULL: not found. */
char *nft_source_text(const char *family, const char *table, const char *chain, uint64_t handle);
/* The chain that has the rule with that handle; to free(). NULL: not found, or the table cannot be
 * listed, which takes time where there are thousands of chains. gone: it was, without that rule. */
char *nft_source_chain(const char *family, const char *table, uint64_t handle, bool *gone);

#endif
