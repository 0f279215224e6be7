// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "nft_dump.h"
#include "nft_plain.h"

struct listing {
	const char *family, *table, *chain;
	int nfproto;
	json_t *rules;
	bool odd;
};

static int parse(struct nlattr *in, int max, struct nlattr **tb)
{
	return in ? nla_parse_nested(tb, max, in, NULL) : -1;
}

/* NULL: another verdict. */
static json_t *verdict_json(struct nlattr *data)
{
	struct nlattr *expr[NFTA_IMMEDIATE_MAX + 1], *value[NFTA_DATA_MAX + 1];
	struct nlattr *verdict[NFTA_VERDICT_MAX + 1];

	if (parse(data, NFTA_IMMEDIATE_MAX, expr) ||
	    parse(expr[NFTA_IMMEDIATE_DATA], NFTA_DATA_MAX, value) ||
	    parse(value[NFTA_DATA_VERDICT], NFTA_VERDICT_MAX, verdict) ||
	    !verdict[NFTA_VERDICT_CODE])
		return NULL;
	switch ((int32_t)ntohl(nla_get_u32(verdict[NFTA_VERDICT_CODE]))) {
	case NF_DROP:
		return json_pack("{sn}", "drop");
	case NF_ACCEPT:
		return json_pack("{sn}", "accept");
	case NFT_RETURN:
		return json_pack("{sn}", "return");
	default:
		return NULL;
	}
}

/* That nothing listens on the port, which nft writes without saying so. */
static json_t *reject_json(struct nlattr *data, int nfproto)
{
	struct nlattr *tb[NFTA_REJECT_MAX + 1];
	uint32_t type;
	uint8_t code;

	if (parse(data, NFTA_REJECT_MAX, tb) || !tb[NFTA_REJECT_TYPE] || !tb[NFTA_REJECT_ICMP_CODE])
		return NULL;
	type = ntohl(nla_get_u32(tb[NFTA_REJECT_TYPE]));
	code = nla_get_u8(tb[NFTA_REJECT_ICMP_CODE]);
	if ((nfproto == NFPROTO_IPV4 && type == NFT_REJECT_ICMP_UNREACH &&
	     code == ICMP_PORT_UNREACH) ||
	    (nfproto == NFPROTO_IPV6 && type == NFT_REJECT_ICMP_UNREACH &&
	     code == ICMP6_DST_UNREACH_NOPORT) ||
	    (nfproto == NFPROTO_INET && type == NFT_REJECT_ICMPX_UNREACH &&
	     code == NFT_REJECT_ICMPX_PORT_UNREACH))
		return json_pack("{sn}", "reject");
	return NULL;
}

static uint64_t number(struct nlattr *a)
{
	return a && nla_len(a) == sizeof(uint64_t) ? be64toh(nla_get_u64(a)) : 0;
}

static json_t *counter_json(struct nlattr *data)
{
	struct nlattr *tb[NFTA_COUNTER_MAX + 1];

	if (parse(data, NFTA_COUNTER_MAX, tb))
		return NULL;
	return json_pack("{s{sIsI}}", "counter", "packets",
			 (json_int_t)number(tb[NFTA_COUNTER_PACKETS]), "bytes",
			 (json_int_t)number(tb[NFTA_COUNTER_BYTES]));
}

static json_t *statement_json(struct nlattr *expr, int nfproto)
{
	struct nlattr *tb[NFTA_EXPR_MAX + 1];
	const char *name;

	if (parse(expr, NFTA_EXPR_MAX, tb) || !tb[NFTA_EXPR_NAME])
		return NULL;
	name = nla_get_string(tb[NFTA_EXPR_NAME]);
	if (!strcmp(name, "immediate"))
		return verdict_json(tb[NFTA_EXPR_DATA]);
	if (!strcmp(name, "reject"))
		return reject_json(tb[NFTA_EXPR_DATA], nfproto);
	return strcmp(name, "counter") ? NULL : counter_json(tb[NFTA_EXPR_DATA]);
}

static json_t *statements_json(struct nlattr *expressions, int nfproto)
{
	json_t *all = json_array(), *one;
	struct nlattr *expr;
	int rest;

	nla_for_each_nested(expr, expressions, rest)
	{
		one = statement_json(expr, nfproto);
		if (!one) {
			json_decref(all);
			return NULL;
		}
		json_array_append_new(all, one);
	}
	return all;
}

/* Comments are in the user data, as nft alone knows. */
static int on_rule(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct listing *l = arg;
	json_t *statements = NULL;

	if (!nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) &&
	    tb[NFTA_RULE_EXPRESSIONS] && tb[NFTA_RULE_CHAIN] && !tb[NFTA_RULE_USERDATA] &&
	    !strcmp(nla_get_string(tb[NFTA_RULE_CHAIN]), l->chain))
		statements = statements_json(tb[NFTA_RULE_EXPRESSIONS], l->nfproto);
	l->odd = l->odd || !statements;
	if (statements)
		json_array_append_new(l->rules,
				      json_pack("{s{sssssssIso}}", "rule", "family", l->family,
						"table", l->table, "chain", l->chain, "handle",
						(json_int_t)number(tb[NFTA_RULE_HANDLE]), "expr",
						statements));
	return NL_OK;
}

json_t *nft_plain_chain(const char *family, const char *table, const char *chain)
{
	struct listing l = {family, table, chain, nft_nfproto(family), json_array(), false};

	/* a chain without rules may be none at all */
	if (l.nfproto >= 0 && nft_dump_rules(l.nfproto, table, chain, on_rule, &l) && !l.odd &&
	    json_array_size(l.rules))
		return l.rules;
	json_decref(l.rules);
	return NULL;
}

char *nft_plain_text(json_t *rule)
{
	static const char *const plain[] = {"drop", "accept", "return", "reject"};
	json_t *object, *expr = json_object_get(rule, "expr");
	char text[64] = "";
	size_t i, k, n = 0;

	if (json_object_get(rule, "comment"))
		return NULL;
	json_array_foreach(expr, i, object)
	{
		const char *word = NULL;

		for (k = 0; k < ARRAY_SIZE(plain); k++) {
			if (json_is_null(json_object_get(object, plain[k])))
				word = plain[k];
		}
		if (json_is_object(json_object_get(object, "counter")))
			word = "counter";
		if (!word || n + strlen(word) + 2 > sizeof(text))
			return NULL;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", word);
	}
	return *text ? xstrdup(text) : NULL;
}
