/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains whose rules only count and end: "reject", "counter drop". Where thousands of rules have
 * sets of their own, libnftables reads all of them for each chain that it lists, and the kernel
 * looks for each by its name: seconds, for the chain that most drops of kube-proxy's end in.
 */
#ifndef WHYDROP_RULES_NFT_PLAIN_H
#define WHYDROP_RULES_NFT_PLAIN_H

#include <jansson.h>
#include <stdint.h>

/* Such a chain as `nft -j -a list chain` prints its rules, read by netlink in the netns of the
 * process; NULL: it has other rules, or could not be read. */
json_t *nft_plain_chain(const char *family, const char *table, const char *chain);
/* The rule of a listing as `nft list` writes it, to free(); NULL: it is none of these. */
char *nft_plain_text(json_t *rule);

#endif
