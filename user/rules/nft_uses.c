// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/ethernet.h>
#include <netlink/msg.h>
#include <stdint.h>
#include <string.h>

#include "nft_dump.h"
#include "nft_uses.h"

/* What a rule has done so far. */
struct rule_uses {
	json_t *uses;
	int nfproto;
	uint32_t mac; /* the register with an Ethernet address that nothing has read yet; 0: none */
	bool header, counter;
};

static uint32_t number(struct nlattr *a)
{
	return a && nla_len(a) == sizeof(uint32_t) ? ntohl(nla_get_u32(a)) : 0;
}

static int parse(struct nlattr *in, int max, struct nlattr **tb)
{
	return in ? nla_parse_nested(tb, max, in, NULL) : -1;
}

static void is_native(json_t *uses)
{
	json_object_set_new_nocheck(uses, "native", json_true());
}

/* Ports, TCP's flags, ICMP's type with its code: more of a transport header iptables-nft does not
 * ask for, nor print: for "udp length 13 counter accept" its tool says "-p udp -j ACCEPT". */
static bool asks_as_iptables(uint32_t offset, uint32_t len)
{
	return (offset == 0 && len <= 4) || (offset == 2 && len == 2) || (offset == 13 && len == 1);
}

/* ebtables' among puts an address of IP behind that of Ethernet, or none. */
static void payload(struct rule_uses *r, struct nlattr *data)
{
	struct nlattr *tb[NFTA_PAYLOAD_MAX + 1];
	uint32_t base, len;

	r->header = true;
	if (parse(data, NFTA_PAYLOAD_MAX, tb))
		return;
	base = number(tb[NFTA_PAYLOAD_BASE]);
	len = number(tb[NFTA_PAYLOAD_LEN]);
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER &&
	    !asks_as_iptables(number(tb[NFTA_PAYLOAD_OFFSET]), len))
		is_native(r->uses);
	if (base == NFT_PAYLOAD_LL_HEADER && len == ETH_ALEN)
		r->mac = number(tb[NFTA_PAYLOAD_DREG]);
	else if (base != NFT_PAYLOAD_NETWORK_HEADER || len != sizeof(struct in_addr))
		r->mac = 0;
}

/* The only one that iptables-nft and its siblings write: ebtables' among, in a set of its own. */
static void lookup(struct rule_uses *r, struct nlattr *data)
{
	struct nlattr *tb[NFTA_LOOKUP_MAX + 1];
	bool among = !parse(data, NFTA_LOOKUP_MAX, tb) && r->nfproto == NFPROTO_BRIDGE && r->mac &&
		     tb[NFTA_LOOKUP_SET] &&
		     !strncmp(nla_get_string(tb[NFTA_LOOKUP_SET]), "__set", 5) &&
		     number(tb[NFTA_LOOKUP_SREG]) == r->mac && !tb[NFTA_LOOKUP_DREG];

	r->mac = 0;
	if (!among)
		is_native(r->uses);
}

static void update(struct rule_uses *r, struct nlattr *data)
{
	struct nlattr *tb[NFTA_DYNSET_MAX + 1];

	if (!parse(data, NFTA_DYNSET_MAX, tb) && tb[NFTA_DYNSET_SET_NAME])
		json_object_set_new_nocheck(json_object_get(r->uses, "updated"),
					    nla_get_string(tb[NFTA_DYNSET_SET_NAME]), json_true());
}

static void expression(struct rule_uses *r, struct nlattr *expr)
{
	struct nlattr *tb[NFTA_EXPR_MAX + 1];
	const char *name;

	if (parse(expr, NFTA_EXPR_MAX, tb) || !tb[NFTA_EXPR_NAME])
		return;
	name = nla_get_string(tb[NFTA_EXPR_NAME]);
	r->counter = r->counter || !strcmp(name, "counter");
	if (!strcmp(name, "payload"))
		payload(r, tb[NFTA_EXPR_DATA]);
	else if (!strcmp(name, "lookup"))
		lookup(r, tb[NFTA_EXPR_DATA]);
	else if (!strcmp(name, "dynset"))
		update(r, tb[NFTA_EXPR_DATA]);
	else
		r->mac = 0;
}

/* iptables-nft counts in each rule, and leaves out what it does not know of a header: for
 * "udp length 13 drop" its tool prints "-p udp -j DROP". */
void nft_uses_add(json_t *uses, int nfproto, struct nlattr *expressions)
{
	struct rule_uses r = {.uses = uses, .nfproto = nfproto};
	struct nlattr *expr;
	int rest;

	nla_for_each_nested(expr, expressions, rest)
	{
		expression(&r, expr);
	}
	if (r.header && !r.counter)
		is_native(uses);
}

struct dump {
	json_t *uses;
	int nfproto;
};

static int on_rule(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct dump *d = arg;

	if (!nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) &&
	    tb[NFTA_RULE_EXPRESSIONS])
		nft_uses_add(d->uses, d->nfproto, tb[NFTA_RULE_EXPRESSIONS]);
	return NL_OK;
}

json_t *nft_uses(const char *family, const char *table)
{
	struct dump d = {json_pack("{s{}}", "updated"), nft_nfproto(family)};

	if (d.nfproto >= 0 && nft_dump_rules(d.nfproto, table, NULL, on_rule, &d))
		return d.uses;
	json_decref(d.uses);
	return NULL;
}
