// SPDX-License-Identifier: GPL-2.0-only
/* Is there something like that in a netns's rules? Their bytes are searched and not understood, but
 * for whose they are: a chain's name, or an address that packets are sent on to. */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../util.h"
#include "real.h"

struct search {
	const struct rules_like *like;
	bool six;
	bool found;
};

static void look(struct search *s, const void *at, size_t n)
{
	s->found = s->found || memmem(at, n, s->like->bytes, s->like->n);
}

static bool is_chain(const struct search *s, const char *name)
{
	return !s->like->chain || !strncmp(name, s->like->chain, strlen(s->like->chain));
}

/* Rule by rule, but for what a chain begins with, which has its name and stays when it is flushed.
 */
static void look_in_entries(struct search *s, const char *at, size_t n)
{
	size_t least = s->six ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
	bool wanted = is_chain(s, "");
	size_t offsets = s->six ? offsetof(struct ip6t_entry, target_offset)
				: offsetof(struct ipt_entry, target_offset);

	while (n >= least) {
		uint16_t target, next; /* they stand side by side */
		struct xt_entry_target t;

		memcpy(&target, at + offsets, sizeof(target));
		memcpy(&next, at + offsets + sizeof(target), sizeof(next));
		if (next < least || next > n || target + sizeof(t) > next)
			return;
		memcpy(&t, at + target, sizeof(t));
		if (!strcmp(t.u.user.name, XT_ERROR_TARGET))
			wanted = target + sizeof(struct xt_error_target) <= next &&
				 is_chain(s, at + target +
						     offsetof(struct xt_error_target, errorname));
		else if (wanted)
			look(s, at, next);
		at += next;
		n -= next;
	}
}

/* All of the table's entries at once, as iptables-legacy-save gets them. The structures of IPv6
 * have the same names and numbers in them. */
static int look_in_legacy(struct search *s, const char *table)
{
	int level = s->six ? IPPROTO_IPV6 : IPPROTO_IP, err = 0;
	int fd = socket(s->six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = {};
	struct ipt_get_entries *entries;
	socklen_t size = sizeof(info);

	if (fd < 0)
		return -errno;
	snprintf(info.name, sizeof(info.name), "%s", table);
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &size)) {
		err = -errno;
		close(fd);
		return err;
	}
	size = (socklen_t)(sizeof(*entries) + info.size);
	entries = xcalloc(size, 1);
	snprintf(entries->name, sizeof(entries->name), "%s", table);
	entries->size = info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &size))
		err = -errno; /* -EAGAIN: it has changed since */
	else
		look_in_entries(s, (const char *)entries->entrytable, info.size);
	free(entries);
	close(fd);
	return err;
}

/* Is the attribute that string, or how it begins? */
static bool is_name(struct nlattr *attr, const char *name, bool whole)
{
	const char *have = attr ? nla_get_string(attr) : "";

	return !name || !strncmp(have, name, strlen(name) + whole);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *m = nlmsg_hdr(msg);
	const struct nfgenmsg *h = nlmsg_data(m);
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct search *s = arg;

	if (nlmsg_parse(m, sizeof(*h), tb, NFTA_RULE_MAX, NULL) ||
	    !is_name(tb[NFTA_RULE_TABLE], s->like->table, true) ||
	    !is_name(tb[NFTA_RULE_CHAIN], s->like->chain, false))
		return NL_OK;
	/* those of the other version of IP are no answer; family inet's are for both */
	if (h->nfgen_family != (s->six ? NFPROTO_IPV4 : NFPROTO_IPV6))
		look(s, h, (size_t)nlmsg_datalen(m));
	return NL_OK;
}

static int look_in_nft(struct search *s)
{
	struct nfgenmsg h = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	struct nl_sock *sk = nl_socket_alloc();
	int err = -ENOMEM;

	if (!sk)
		return err;
	nl_socket_disable_auto_ack(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, s);
	if (nl_connect(sk, NETLINK_NETFILTER) ||
	    nl_send_simple(sk, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
			   NLM_F_REQUEST | NLM_F_DUMP, &h, sizeof(h)) < 0 ||
	    nl_recvmsgs_default(sk))
		err = -EBADMSG;
	else
		err = 0;
	nl_socket_free(sk);
	return err;
}

int read_rules_have(bool six, bool has_legacy_nat, bool has_nft, const struct rules_like *like)
{
	struct search s = {.like = like, .six = six};
	int err = has_legacy_nat && !like->table ? look_in_legacy(&s, "nat") : 0;

	if (!s.found && !err && has_nft)
		err = look_in_nft(&s);
	return s.found ? 1 : err;
}
