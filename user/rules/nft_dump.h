/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules of nftables as the kernel tells them by netlink, in the netns of the process. */
#ifndef WHYDROP_RULES_NFT_DUMP_H
#define WHYDROP_RULES_NFT_DUMP_H

#include <netlink/handlers.h>
#include <stdbool.h>

/* NFPROTO_*; -1: none. */
int nft_nfproto(const char *family);
/* Each rule of the table, or of one chain of it, goes to on_rule(). Were all of them told, and
 * nothing changed under way? chain: or NULL. */
bool nft_dump_rules(int nfproto, const char *table, const char *chain, nl_recvmsg_msg_cb_t on_rule,
		    void *arg);

#endif
