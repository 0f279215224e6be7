// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#include "../util.h"
#include "nft_dump.h"

int nft_nfproto(const char *family)
{
	static const struct {
		const char *name;
		int nfproto;
	} families[] = {{"ip", NFPROTO_IPV4},	    {"ip6", NFPROTO_IPV6},
			{"inet", NFPROTO_INET},	    {"arp", NFPROTO_ARP},
			{"bridge", NFPROTO_BRIDGE}, {"netdev", NFPROTO_NETDEV}};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (!strcmp(families[i].name, family))
			return families[i].nfproto;
	}
	return -1;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	(void)msg;
	*(bool *)arg = true;
	return NL_STOP;
}

bool nft_dump_rules(int nfproto, const char *table, const char *chain, nl_recvmsg_msg_cb_t on_rule,
		    void *arg)
{
	struct nfgenmsg h = {.nfgen_family = (uint8_t)nfproto, .version = NFNETLINK_V0};
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
						NLM_F_REQUEST | NLM_F_DUMP);
	struct nl_sock *sk = nl_socket_alloc();
	bool finished = false;

	if (msg && sk && !nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO) &&
	    !nla_put_string(msg, NFTA_RULE_TABLE, table) &&
	    (!chain || !nla_put_string(msg, NFTA_RULE_CHAIN, chain)) &&
	    !nl_connect(sk, NETLINK_NETFILTER)) {
		nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_rule, arg);
		nl_socket_modify_cb(sk, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &finished);
		finished = nl_send_auto(sk, msg) >= 0 && !nl_recvmsgs_default(sk) && finished;
	}
	nlmsg_free(msg);
	nl_socket_free(sk);
	return finished;
}
