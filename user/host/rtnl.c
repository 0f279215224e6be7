// SPDX-License-Identifier: GPL-2.0-only
/* Questions to rtnetlink and ctnetlink, asked in the netns that the thread is in. */
#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../util.h"
#include "parse.h"
#include "real.h"

#define TRIES	  3 /* a dump that changed under way (NLM_F_DUMP_INTR) is asked for again */
#define RCV_BYTES (1 << 20)

void *vec_add(struct vec *v, const void *item)
{
	if (v->n == v->room) {
		v->room = v->room ? v->room * 2 : 32;
		v->data = xreallocarray(v->data, v->room, v->size);
	}
	memcpy((char *)v->data + v->n * v->size, item, v->size);
	return (char *)v->data + v->size * v->n++;
}

/* Parses one message into ctx: 0, 1 to skip it, or -errno. */
typedef int message_fn(const struct nlmsghdr *m, void *ctx);

struct exchange {
	message_fn *parse;
	void *ctx;
	bool dump; /* else one answer; ctnetlink marks that, too, as one of many to come */
	int err;   /* of the kernel or the parser */
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct exchange *x = arg;
	int err = x->parse(nlmsg_hdr(msg), x->ctx);

	if (err < 0 && !x->err)
		x->err = err;
	return x->dump ? NL_OK : NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct exchange *x = arg;

	(void)from;
	x->err = e->error;
	return NL_STOP;
}

/* A dump that fails on its way says so in the closing NLMSG_DONE, which libnl does not look into.
 */
static int on_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *m = nlmsg_hdr(msg);
	struct exchange *x = arg;
	int err;

	if (m->nlmsg_len >= NLMSG_LENGTH(sizeof(err))) {
		memcpy(&err, NLMSG_DATA(m), sizeof(err));
		if (err < 0 && !x->err)
			x->err = err;
	}
	return NL_STOP;
}

static struct nl_sock *open_socket(int protocol, struct exchange *x)
{
	struct timeval patience = {.tv_sec = 2};
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk)
		return NULL;
	if (nl_connect(sk, protocol)) {
		nl_socket_free(sk);
		return NULL;
	}
	nl_socket_disable_auto_ack(sk);
	nl_socket_set_buffer_size(sk, RCV_BYTES, 0);
	setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_valid, x);
	nl_socket_modify_cb(sk, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, x);
	nl_socket_modify_err_cb(sk, NL_CB_CUSTOM, on_error, x);
	return sk;
}

/* libnl's own errors that are not the kernel's */
static int from_libnl(int err)
{
	if (err >= 0)
		return 0;
	switch (-err) {
	case NLE_DUMP_INTR:
		return -EINTR;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

/* Send what is in msg and give each answer to parse. */
static int ask(int protocol, struct nl_msg *msg, message_fn *parse, void *ctx)
{
	struct exchange x = {.parse = parse, .ctx = ctx};
	struct nl_sock *sk = open_socket(protocol, &x);
	int err;

	if (!sk)
		return -EPROTONOSUPPORT;
	x.dump = nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP;
	err = nl_send_auto(sk, msg);
	if (err >= 0)
		err = nl_recvmsgs_default(sk);
	nl_socket_free(sk);
	return x.err ? x.err : from_libnl(err);
}

static int dump(int protocol, int type, const void *header, size_t size, message_fn *parse,
		struct vec *out)
{
	int err = -EINTR;

	for (int i = 0; i < TRIES && err == -EINTR; i++) {
		struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
		size_t before = out->n;

		if (!msg)
			return -ENOMEM;
		if (nlmsg_append(msg, (void *)header, size, NLMSG_ALIGNTO))
			err = -ENOMEM;
		else
			err = ask(protocol, msg, parse, out);
		nlmsg_free(msg);
		if (err == -EINTR && i + 1 < TRIES)
			out->n = before;
	}
	return err == -EINTR ? 0 : err; /* changing all the time: what came is the best there is */
}

static int on_addr(const struct nlmsghdr *m, void *ctx)
{
	struct if_addr a;
	int err = parse_addr(m, &a);

	if (!err)
		vec_add(ctx, &a);
	return err;
}

int read_addrs(struct vec *out)
{
	struct ifaddrmsg h = {.ifa_family = AF_UNSPEC};

	out->size = sizeof(struct if_addr);
	return dump(NETLINK_ROUTE, RTM_GETADDR, &h, sizeof(h), on_addr, out);
}

static int on_route(const struct nlmsghdr *m, void *ctx)
{
	const struct rtmsg *rt = NLMSG_DATA(m);
	struct route r;
	int err = parse_route(m, &r);

	/* path MTUs and redirects of single hosts are dumped, too: no configuration */
	if (!err && !(rt->rtm_flags & RTM_F_CLONED))
		vec_add(ctx, &r);
	return err;
}

int read_routes(struct vec *out)
{
	struct rtmsg h = {.rtm_family = AF_INET};
	int err;

	out->size = sizeof(struct route);
	err = dump(NETLINK_ROUTE, RTM_GETROUTE, &h, sizeof(h), on_route, out);
	h.rtm_family = AF_INET6;
	return err ? err : dump(NETLINK_ROUTE, RTM_GETROUTE, &h, sizeof(h), on_route, out);
}

static int on_neigh(const struct nlmsghdr *m, void *ctx)
{
	struct neigh n;
	int err = parse_neigh(m, &n);

	if (!err)
		vec_add(ctx, &n);
	return err;
}

int read_neighs(struct vec *out)
{
	struct ndmsg nd = {.ndm_family = AF_UNSPEC};
	/* the FDB dump has always been asked for with a link's header (net/core/rtnetlink.c) */
	struct ifinfomsg ifi = {.ifi_family = AF_BRIDGE};
	int err;

	out->size = sizeof(struct neigh);
	err = dump(NETLINK_ROUTE, RTM_GETNEIGH, &nd, sizeof(nd), on_neigh, out);
	return err ? err : dump(NETLINK_ROUTE, RTM_GETNEIGH, &ifi, sizeof(ifi), on_neigh, out);
}

static int on_vlans(const struct nlmsghdr *m, void *ctx)
{
	struct port_vlans v;
	int err = parse_vlans(m, &v);

	if (!err)
		vec_add(ctx, &v);
	return err;
}

int read_vlans(struct vec *out)
{
	struct {
		struct ifinfomsg ifi;
		struct nlattr attr;
		uint32_t mask;
	} h = {.ifi.ifi_family = AF_BRIDGE,
	       .attr = {.nla_len = NLA_HDRLEN + sizeof(h.mask), .nla_type = IFLA_EXT_MASK},
	       .mask = RTEXT_FILTER_BRVLAN_COMPRESSED};

	out->size = sizeof(struct port_vlans);
	return dump(NETLINK_ROUTE, RTM_GETLINK, &h, sizeof(h), on_vlans, out);
}

struct links_ctx {
	struct vec *links, ids;
};

static int on_link(const struct nlmsghdr *m, void *ctx)
{
	struct links_ctx *c = ctx;
	struct link l;
	int id, err = parse_link(m, &l, &id);

	if (err)
		return err;
	vec_add(c->links, &l);
	vec_add(&c->ids, &id);
	return 0;
}

static int dump_links(struct links_ctx *c)
{
	struct ifinfomsg h = {.ifi_family = AF_UNSPEC};
	int err = -EINTR;

	for (int i = 0; i < TRIES && err == -EINTR; i++) {
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);

		if (!msg)
			return -ENOMEM;
		c->links->n = c->ids.n = 0;
		err = nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO)
			      ? -ENOMEM
			      : ask(NETLINK_ROUTE, msg, on_link, c);
		nlmsg_free(msg);
	}
	return err == -EINTR ? 0 : err;
}

static int on_nsid(const struct nlmsghdr *m, void *ctx)
{
	return parse_nsid(m, ctx);
}

/* The id that the netns we are in has for another one; -1: none. */
static int nsid_of(const struct netns_entry *e)
{
	struct rtgenmsg h = {.rtgen_family = AF_UNSPEC};
	struct nl_msg *msg;
	int id = -1, fd = netns_open(e);

	if (fd < 0)
		return -1;
	msg = nlmsg_alloc_simple(RTM_GETNSID, NLM_F_REQUEST);
	if (msg && !nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO) &&
	    !nla_put_u32(msg, NETNSA_FD, (uint32_t)fd))
		ask(NETLINK_ROUTE, msg, on_nsid, &id);
	nlmsg_free(msg);
	close(fd);
	return id;
}

static bool resolve_peers(const struct netns_table *t, struct link *links, const int *ids, size_t n)
{
	bool all = true;

	for (size_t j = 0; j < t->n; j++) {
		int id = nsid_of(&t->entries[j]);

		for (size_t i = 0; id >= 0 && i < n; i++) {
			if (links[i].peer_is_away && ids[i] == id)
				links[i].peer_netns = t->entries[j].inode;
		}
	}
	for (size_t i = 0; i < n; i++)
		all &= !links[i].peer_is_away || links[i].peer_netns;
	return all;
}

int read_links(struct netns_table *t, struct vec *out)
{
	struct links_ctx c = {.links = out, .ids = {.size = sizeof(int)}};
	int err;

	out->size = sizeof(struct link);
	err = dump_links(&c);
	/* a pod may be younger than the last look at what namespaces there are */
	if (!err && !resolve_peers(t, out->data, c.ids.data, out->n)) {
		netns_table_scan(t);
		resolve_peers(t, out->data, c.ids.data, out->n);
	}
	free(c.ids.data);
	return err;
}

static int on_route_answer(const struct nlmsghdr *m, void *ctx)
{
	return parse_route(m, ctx);
}

static int put_addr(struct nl_msg *msg, int type, const struct addr *a)
{
	return nla_put(msg, type, a->family == AF_INET6 ? 16 : 4, a->b);
}

static int route_get(const struct route_query *q, uint32_t flags, struct route *r)
{
	struct rtmsg h = {.rtm_family = q->dst.family,
			  .rtm_dst_len = q->dst.family == AF_INET6 ? 128 : 32,
			  .rtm_flags = flags};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	int err = -ENOMEM;

	if (q->src.family)
		h.rtm_src_len = h.rtm_dst_len;
	if (msg && !nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO) &&
	    !put_addr(msg, RTA_DST, &q->dst) &&
	    (!q->src.family || !put_addr(msg, RTA_SRC, &q->src)) &&
	    (!q->iif || !nla_put_u32(msg, RTA_IIF, q->iif)) &&
	    (!q->mark || !nla_put_u32(msg, RTA_MARK, q->mark)))
		err = ask(NETLINK_ROUTE, msg, on_route_answer, r);
	nlmsg_free(msg);
	return err;
}

int read_route_get(const struct route_query *q, struct route_answer *out)
{
	struct route r = {}, match = {};
	int err = route_get(q, 0, &r);

	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	out->type = r.type;
	out->oif = r.oif;
	out->gateway = r.gateway;
	out->prefsrc = r.prefsrc;
	if (!route_get(q, RTM_F_FIB_MATCH, &match))
		out->matched = match.dst;
	return 0;
}

struct ct_ctx {
	struct vec *out;
	const struct addr *a;
};

static bool flow_has(const struct flow *f, const struct addr *a)
{
	return addr_eq(&f->src, a) || addr_eq(&f->dst, a);
}

static void add_entry(struct ct_ctx *c, const struct ct_entry *e)
{
	bool told = e->proto == IPPROTO_TCP || e->proto == IPPROTO_UDP;
	bool wanted = c->a ? flow_has(&e->orig, c->a) || flow_has(&e->reply, c->a)
			   : told && e->status & IPS_SEEN_REPLY;

	if (wanted)
		vec_add(c->out, e);
}

static int on_conntrack(const struct nlmsghdr *m, void *ctx)
{
	struct ct_entry e;
	int err = parse_conntrack(m, &e);

	if (!err)
		add_entry(ctx, &e);
	return err;
}

static int read_conntrack_file(struct ct_ctx *c)
{
	FILE *f = fopen("/proc/thread-self/net/nf_conntrack", "re");
	char line[1024];

	if (!f)
		return -ENODATA;
	while (fgets(line, sizeof(line), f)) {
		struct ct_entry e;

		if (!parse_conntrack_line(line, &e))
			add_entry(c, &e);
	}
	fclose(f);
	return 0;
}

int read_conntrack(const struct addr *a, bool has_ctnetlink, struct vec *out)
{
	struct nfgenmsg h = {.nfgen_family = a ? a->family : AF_UNSPEC, .version = NFNETLINK_V0};
	struct ct_ctx c = {out, a};
	struct nl_msg *msg;
	int err;

	out->size = sizeof(struct ct_entry);
	/* asking a subsystem that is not there would load its module */
	if (!has_ctnetlink)
		return read_conntrack_file(&c);
	msg = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
				 NLM_F_REQUEST | NLM_F_DUMP);
	err = msg && !nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO)
		      ? ask(NETLINK_NETFILTER, msg, on_conntrack, &c)
		      : -ENOMEM;
	nlmsg_free(msg);
	return err == -EINTR ? 0 : err;
}

static int put_tuple(struct nl_msg *msg, const struct flow *f)
{
	bool v6 = f->src.family == AF_INET6;
	struct nlattr *tuple = nla_nest_start(msg, CTA_TUPLE_ORIG | NLA_F_NESTED), *part;

	if (!tuple)
		return -ENOMEM;
	part = nla_nest_start(msg, CTA_TUPLE_IP | NLA_F_NESTED);
	if (!part || put_addr(msg, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, &f->src) ||
	    put_addr(msg, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, &f->dst))
		return -ENOMEM;
	nla_nest_end(msg, part);
	part = nla_nest_start(msg, CTA_TUPLE_PROTO | NLA_F_NESTED);
	if (!part || nla_put_u8(msg, CTA_PROTO_NUM, f->proto) ||
	    nla_put_u16(msg, CTA_PROTO_SRC_PORT, htons(f->sport)) ||
	    nla_put_u16(msg, CTA_PROTO_DST_PORT, htons(f->dport)))
		return -ENOMEM;
	nla_nest_end(msg, part);
	nla_nest_end(msg, tuple);
	return 0;
}

static int on_conntrack_entry(const struct nlmsghdr *m, void *ctx)
{
	return parse_conntrack(m, ctx);
}

/* Without ctnetlink there is nothing but the whole list. */
static int find_conntrack_entry(const struct flow *tuple, struct ct_entry *out)
{
	struct vec v = {.size = sizeof(struct ct_entry)};
	struct ct_ctx c = {&v, &tuple->src};
	int err = read_conntrack_file(&c);
	const struct ct_entry *e = v.data;

	for (size_t i = 0; i < v.n; i++) {
		if (flow_same_tuple(&e[i].orig, tuple) || flow_same_tuple(&e[i].reply, tuple)) {
			*out = e[i];
			free(v.data);
			return 0;
		}
	}
	free(v.data);
	return err ? err : -ENOENT;
}

int read_conntrack_entry(const struct flow *tuple, uint16_t zone, bool has_ctnetlink,
			 struct ct_entry *out)
{
	struct nfgenmsg h = {.nfgen_family = tuple->src.family, .version = NFNETLINK_V0};
	struct ct_entry e = {};
	struct nl_msg *msg;
	int err = -ENOMEM;

	if (!has_ctnetlink) /* whose file tells of all zones */
		return find_conntrack_entry(tuple, out);
	msg = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_REQUEST);
	if (msg && !nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO) && !put_tuple(msg, tuple) &&
	    !(zone && nla_put_u16(msg, CTA_ZONE, htons(zone))))
		err = ask(NETLINK_NETFILTER, msg, on_conntrack_entry, &e);
	nlmsg_free(msg);
	if (!err)
		*out = e;
	return err;
}

static int count_message(const struct nlmsghdr *m, void *ctx)
{
	(void)m;
	(*(int *)ctx)++;
	return 0;
}

/* XFRM_MSG_GETSA, include/uapi/linux/xfrm.h; that header and netinet/in.h exclude each other. */
#define GET_SA 0x12

int read_has_xfrm(void)
{
	struct nl_msg *msg = nlmsg_alloc_simple(GET_SA, NLM_F_REQUEST | NLM_F_DUMP);
	int n = 0, err = msg ? ask(NETLINK_XFRM, msg, count_message, &n) : -ENOMEM;

	nlmsg_free(msg);
	return err ? err : n > 0;
}
