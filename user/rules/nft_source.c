// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../util.h"
#include "nft_plain.h"
#include "nft_source.h"
#include "nft_uses.h"
#include "tool.h"

/* There is no static libnftables: then these are NULL. */
#pragma weak nft_ctx_new
#pragma weak nft_ctx_output_set_flags
#pragma weak nft_ctx_buffer_output
#pragma weak nft_ctx_buffer_error
#pragma weak nft_run_cmd_from_buffer
#pragma weak nft_ctx_get_output_buffer

/* Text is for people: without what counters and sets' elements are at just now. */
static char *by_library(const char *command, bool json)
{
	static struct nft_ctx *nft;

	if (!nft) {
		nft = nft_ctx_new(NFT_CTX_DEFAULT);
		if (!nft || nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))
			return NULL;
	}
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_HANDLE | (json ? NFT_CTX_OUTPUT_JSON
								    : NFT_CTX_OUTPUT_STATELESS));
	if (nft_run_cmd_from_buffer(nft, command))
		return NULL;
	return xstrdup(nft_ctx_get_output_buffer(nft));
}

static char *run(const char *command, bool json)
{
	const char *const argv[] = {"nft", json ? "-ja" : "-as", command, NULL};

	return nft_ctx_new ? by_library(command, json) : tool_output(argv);
}

static char *list_json(const char *what, const char *family, const char *table, const char *name)
{
	json_t *root;
	char *command, *out;

	if (!rule_is_nft_name(family) || !rule_is_nft_name(table) || !rule_is_nft_name(name))
		return NULL;
	root = json_pack("{s[{s{s{ss ss ss}}}]}", "nftables", "list", what, "family", family,
			 "table", table, "name", name);
	command = json_dumps(root, JSON_COMPACT);
	out = command ? run(command, true) : NULL;
	free(command);
	json_decref(root);
	return out;
}

/* The array of what was listed, as a new reference. */
static json_t *items_of(char *text)
{
	json_t *root = text ? json_loads(text, 0, NULL) : NULL;
	json_t *items = json_incref(json_object_get(root, "nftables"));

	json_decref(root);
	free(text);
	return items;
}

static json_t *kept; /* listings by name: arrays, and texts */

static json_t *keep(const char *key, json_t *items)
{
	if (!kept)
		kept = json_object();
	json_object_set_new_nocheck(kept, key, items ? items : json_null());
	return json_incref(items);
}

/* name: "" for a table. Borrowed, and kept. NULL also where one of them is a word of nft's grammar:
 * "goto". */
static const char *list_text(const char *what, const char *family, const char *table,
			     const char *name)
{
	char *key, *out;
	json_t *text;

	if (!rule_is_nft_name(family) || !rule_is_nft_name(table) ||
	    (*name && !rule_is_nft_name(name)))
		return NULL;
	key = xasprintf("list %s %s %s %s", what, family, table, name);
	text = json_object_get(kept, key);
	if (!text) {
		out = run(key, false);
		text = keep(key, out ? json_string_nocheck(out) : NULL);
		json_decref(text); /* that is kept has one, too */
		free(out);
	}
	free(key);
	return json_string_value(text);
}

static json_t *listing(const char *what, const char *family, const char *table, const char *name)
{
	char *key = xasprintf("%s %s %s %s", what, family, table, name);
	json_t *items = json_object_get(kept, key);

	if (items)
		items = json_is_null(items) ? NULL : json_incref(items);
	else
		items = keep(key, items_of(list_json(what, family, table, name)));
	free(key);
	return items;
}

/* Asks nf_tables of this netns; each message of the answer goes to on(). The socket is to be freed;
 * NULL: there was no answer, or it was cut. */
static struct nl_sock *ask(int type, int flags, nl_recvmsg_msg_cb_t on, void *arg)
{
	struct nfgenmsg h = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk)
		return NULL;
	nl_socket_disable_auto_ack(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on, arg);
	if (!nl_connect(sk, NETLINK_NETFILTER) &&
	    nl_send_simple(sk, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_REQUEST | flags, &h,
			   sizeof(h)) >= 0 &&
	    nl_recvmsgs_default(sk) >= 0)
		return sk;
	nl_socket_free(sk);
	return NULL;
}

static int on_table(struct nl_msg *msg, void *arg)
{
	const struct nfgenmsg *h = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	const char *family = nf_family_name(h->nfgen_family);

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*h), tb, NFTA_TABLE_MAX, NULL) || !family ||
	    !tb[NFTA_TABLE_NAME] || !tb[NFTA_TABLE_FLAGS] ||
	    !(ntohl(nla_get_u32(tb[NFTA_TABLE_FLAGS])) & NFT_TABLE_F_DORMANT))
		return NL_OK;
	json_array_append_new(arg,
			      json_pack("{s{sssss[s]}}", "table", "family", family, "name",
					nla_get_string(tb[NFTA_TABLE_NAME]), "flags", "dormant"));
	return NL_OK;
}

/* Not by nft, whose 1.0.6 crashes where it prints such a table in JSON. */
static void add_dormant_tables(json_t *items)
{
	nl_socket_free(ask(NFT_MSG_GETTABLE, NLM_F_DUMP, on_table, items));
}

static json_t *read_chains(void *arg)
{
	json_t *items = json_object_get(kept, "chains");

	(void)arg;
	if (items)
		return json_is_null(items) ? NULL : json_incref(items);
	items = items_of(run("list chains", true));
	if (items)
		add_dormant_tables(items);
	return keep("chains", items);
}

static json_t *read_chain(void *arg, const char *family, const char *table, const char *chain)
{
	char *key = xasprintf("chain %s %s %s", family, table, chain);
	bool read = json_object_get(kept, key);
	json_t *plain = read ? NULL : nft_plain_chain(family, table, chain);

	(void)arg;
	if (plain)
		plain = keep(key, plain);
	free(key);
	return plain ? plain : listing("chain", family, table, chain);
}

/* A rule of a chain that was listed already; NULL: it was not, or says more than plain rules do. */
static char *plain_text(const char *family, const char *table, const char *chain, uint64_t handle)
{
	json_t *items = read_chain(NULL, family, table, chain), *item;
	char *text = NULL;
	size_t i;

	json_array_foreach(items, i, item)
	{
		json_t *rule = json_object_get(item, "rule");

		if (rule && (uint64_t)json_integer_value(json_object_get(rule, "handle")) == handle)
			text = nft_plain_text(rule);
	}
	json_decref(items);
	return text;
}

static json_t *read_set(void *arg, const char *family, const char *table, const char *name,
			bool map)
{
	(void)arg;
	return listing(map ? "map" : "set", family, table, name);
}

static json_t *read_uses(void *arg, const char *family, const char *table)
{
	char *key = xasprintf("uses %s %s", family, table);
	json_t *uses = json_object_get(kept, key);

	(void)arg;
	if (uses)
		uses = json_is_null(uses) ? NULL : json_incref(uses);
	else
		uses = keep(key, nft_uses(family, table));
	free(key);
	return uses;
}

const struct nft_source nft_source_node = {NULL, read_chains, read_chain, read_set, read_uses};

void nft_source_forget(void)
{
	json_decref(kept);
	kept = NULL;
}

static int on_generation(struct nl_msg *msg, void *arg)
{
	struct nlattr *id = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct nfgenmsg), NFTA_GEN_ID);

	if (id && nla_len(id) == sizeof(uint32_t))
		*(uint32_t *)arg = ntohl(nla_get_u32(id));
	return NL_STOP;
}

uint32_t nft_source_number(uint32_t generation, uint64_t cookie)
{
	/* both are small: spread out, no two of them add up to the same */
	uint32_t number = generation + (uint32_t)cookie * 2654435761U;

	return number ? number : 1;
}

/* Of a socket; 0: before 5.14 there is none. */
static uint64_t netns_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) ? 0 : cookie;
}

uint32_t nft_source_generation(void)
{
	uint32_t generation = 0;
	struct nl_sock *sk = ask(NFT_MSG_GETGEN, 0, on_generation, &generation);

	if (sk && generation)
		generation = nft_source_number(generation, netns_cookie(nl_socket_get_fd(sk)));
	nl_socket_free(sk);
	return generation;
}

struct table_query {
	const char *family, *name;
	uint64_t handle;
};

static int on_handle(struct nl_msg *msg, void *arg)
{
	const struct nfgenmsg *h = nlmsg_data(nlmsg_hdr(msg));
	const char *family = nf_family_name(h->nfgen_family);
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	struct table_query *q = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*h), tb, NFTA_TABLE_MAX, NULL) || !family ||
	    strcmp(family, q->family) != 0 || !tb[NFTA_TABLE_NAME] ||
	    nla_strcmp(tb[NFTA_TABLE_NAME], q->name) != 0 || !tb[NFTA_TABLE_HANDLE] ||
	    nla_len(tb[NFTA_TABLE_HANDLE]) != sizeof(q->handle))
		return NL_OK;
	q->handle = be64toh(nla_get_u64(tb[NFTA_TABLE_HANDLE]));
	return NL_OK;
}

bool nft_source_table(const char *family, const char *table, uint64_t *handle)
{
	struct table_query q = {family, table, 0};
	struct nl_sock *sk = ask(NFT_MSG_GETTABLE, NLM_F_DUMP, on_handle, &q);
	bool known = sk;

	*handle = q.handle;
	nl_socket_free(sk);
	return known;
}

char *nft_source_text(const char *family, const char *table, const char *chain, uint64_t handle)
{
	char *rule = plain_text(family, table, chain, handle);
	const char *text;

	if (rule)
		return rule;
	text = list_text("chain", family, table, chain);
	if (!text)
		text = list_text("table", family, table, "");
	return text ? nft_rule_text(text, handle) : NULL;
}

char *nft_source_chain(const char *family, const char *table, uint64_t handle, bool *gone)
{
	const char *text = list_text("table", family, table, "");
	char *chain = text ? nft_rule_chain(text, handle) : NULL;

	*gone = text && !chain;
	return chain;
}
