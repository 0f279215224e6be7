/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rules of a table do with sets, as the kernel tells by netlink: libnftables' JSON writes
 * iptables' multiport as a set in one version and as "xt" in another, and of a set that packets
 * change 1.0.6 does not say so.
 */
#ifndef WHYDROP_RULES_NFT_USES_H
#define WHYDROP_RULES_NFT_USES_H

#include <jansson.h>
#include <netlink/attr.h>

/* As nft_source's; a new reference. */
json_t *nft_uses(const char *family, const char *table);
/* Adds a rule, by its NFTA_RULE_EXPRESSIONS. */
void nft_uses_add(json_t *uses, int nfproto, struct nlattr *expressions);

#endif
