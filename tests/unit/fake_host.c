// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"

static struct fake_netns *find(struct host *h, uint32_t inode)
{
	struct fake_host *f = (struct fake_host *)h;

	for (size_t i = 0; i < f->n; i++) {
		if (f->netns[i].inode == inode)
			return &f->netns[i];
	}
	return NULL;
}

#define ARRAY_OP(name, type, array, count)                                                         \
	static int name(struct host *h, uint32_t netns, const type **out, size_t *n)               \
	{                                                                                          \
		struct fake_netns *f = find(h, netns);                                             \
                                                                                                   \
		if (!f)                                                                            \
			return -ESRCH;                                                             \
		*out = f->array;                                                                   \
		*n = f->count;                                                                     \
		return 0;                                                                          \
	}

ARRAY_OP(links, struct link, links, n_links)
ARRAY_OP(addrs, struct if_addr, addrs, n_addrs)
ARRAY_OP(routes, struct route, routes, n_routes)
ARRAY_OP(neighs, struct neigh, neighs, n_neighs)
ARRAY_OP(port_vlans, struct port_vlans, vlans, n_vlans)
ARRAY_OP(udp_sockets, struct local_socket, sockets, n_sockets)
ARRAY_OP(tcp_listeners, struct local_socket, listeners, n_listeners)
ARRAY_OP(cidrs, struct known_cidr, cidrs, n_cidrs)

static int conntrack(struct host *h, uint32_t netns, const struct addr *a,
		     const struct ct_entry **out, size_t *n)
{
	struct fake_netns *f = find(h, netns);

	(void)a;
	if (!f)
		return -ESRCH;
	if (f->conntrack_err)
		return f->conntrack_err;
	*out = f->conntrack;
	*n = f->n_conntrack;
	return 0;
}

static int conntrack_get(struct host *h, uint32_t netns, const struct flow *tuple, uint16_t zone,
			 struct ct_entry *out)
{
	const struct ct_entry *e;
	size_t n;
	int err = conntrack(h, netns, NULL, &e, &n);

	for (size_t i = 0; !err && zone == find(h, netns)->zone && i < n; i++) {
		if (flow_same_tuple(&e[i].orig, tuple) || flow_same_tuple(&e[i].reply, tuple)) {
			*out = e[i];
			return 0;
		}
	}
	return err ? err : -ENOENT;
}

static int sysctl(struct host *h, uint32_t netns, const char *name, char *buf, size_t size)
{
	struct fake_netns *f = find(h, netns);

	if (!f)
		return -ESRCH;
	if (f->sysctl_err)
		return f->sysctl_err;
	for (size_t i = 0; i < FAKE_MAX && f->sysctls[i].name; i++) {
		if (strcmp(f->sysctls[i].name, name))
			continue;
		if (!f->sysctls[i].value)
			return -ENOENT;
		snprintf(buf, size, "%s", f->sysctls[i].value);
		return 0;
	}
	if (!strcmp(name, "net/netfilter/nf_conntrack_count")) {
		snprintf(buf, size, "%zu", f->n_conntrack);
		return f->conntrack_err;
	}
	return -ENODATA;
}

static int route_get(struct host *h, uint32_t netns, const struct route_query *q,
		     struct route_answer *out)
{
	struct fake_netns *f = find(h, netns);
	const struct route *best = NULL;

	for (size_t i = 0; f && i < f->n_routes; i++) {
		if (cidr_has(&f->routes[i].dst, &q->dst) &&
		    (!best || f->routes[i].dst.bits > best->dst.bits))
			best = &f->routes[i];
	}
	if (!best)
		return f ? -ENETUNREACH : -ESRCH;
	if (best->type == RTN_BLACKHOLE) /* fib_props, net/ipv4/fib_semantics.c */
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->type = best->type;
	out->oif = best->oif;
	out->gateway = best->gateway;
	out->matched = best->dst;
	return 0;
}

static const struct pod *pod(struct host *h, uint32_t netns)
{
	struct fake_netns *f = find(h, netns);

	return f ? f->pod : NULL;
}

static const char *netns_name(struct host *h, uint32_t netns)
{
	struct fake_netns *f = find(h, netns);

	return f ? f->name : NULL;
}

static const struct netns_name *netns_next_name(struct host *h, uint32_t netns,
						const struct netns_name *last)
{
	struct fake_host *f = (struct fake_host *)h;

	for (const struct netns_name *n = last ? last + 1 : f->names; n < f->names + f->n_names;
	     n++) {
		if (n->inode == netns)
			return n;
	}
	return NULL;
}

static int nfqueue(struct host *h, uint32_t netns, unsigned int queue, uint64_t *dropped)
{
	struct fake_netns *f = find(h, netns);

	if (!f || f->queue != queue)
		return f ? -ENOENT : -ESRCH;
	*dropped = f->queue_dropped;
	return 0;
}

static int ipvs_servers(struct host *h, uint32_t netns, const struct flow *to, unsigned int *n)
{
	struct fake_netns *f = find(h, netns);

	if (!f)
		return -ESRCH;
	f->ipvs_asked++;
	if (!addr_eq(&f->ipvs.local, &to->dst) || f->ipvs.port != to->dport)
		return -ENOENT;
	*n = f->ipvs_servers;
	return 0;
}

static int rules_have(struct host *h, uint32_t netns, bool six, const struct rules_like *like)
{
	struct fake_netns *f = find(h, netns);

	(void)six;
	if (!f || f->rules_err)
		return f ? f->rules_err : -ESRCH;
	if (like->table && (!f->rules_table || strcmp(like->table, f->rules_table)))
		return 0;
	if (like->chain &&
	    (!f->rules_chain || strncmp(like->chain, f->rules_chain, strlen(like->chain))))
		return 0;
	return f->n_rules && memmem(f->rules, f->n_rules, like->bytes, like->n);
}

static const char *iptables(struct host *h, uint32_t netns, bool six, const char *table)
{
	struct fake_netns *f = find(h, netns);

	(void)table;
	if (f && f->legacy)
		return six ? "ip6tables-legacy" : "iptables-legacy";
	return six ? "ip6tables-nft" : "iptables-nft";
}

static int has_xfrm(struct host *h, uint32_t netns)
{
	struct fake_netns *f = find(h, netns);

	return f ? f->xfrm : -ESRCH;
}

static int icmp_errors(struct host *h, uint32_t netns, uint64_t *n)
{
	struct fake_netns *f = find(h, netns);

	if (!f)
		return -ESRCH;
	*n = f->icmp_errors;
	return 0;
}

static const struct host_ops ops = {
	.sysctl = sysctl,
	.links = links,
	.addrs = addrs,
	.routes = routes,
	.route_get = route_get,
	.neighs = neighs,
	.vlans = port_vlans,
	.conntrack = conntrack,
	.conntrack_get = conntrack_get,
	.udp_sockets = udp_sockets,
	.tcp_listeners = tcp_listeners,
	.icmp_errors = icmp_errors,
	.cidrs = cidrs,
	.netns_name = netns_name,
	.netns_next_name = netns_next_name,
	.pod = pod,
	.nfqueue = nfqueue,
	.ipvs_servers = ipvs_servers,
	.rules_have = rules_have,
	.iptables = iptables,
	.has_xfrm = has_xfrm,
};

void fake_host_init(struct fake_host *h)
{
	memset(h, 0, sizeof(*h));
	h->base.ops = &ops;
}

struct fake_netns *fake_netns(struct fake_host *h, uint32_t inode, const char *name)
{
	struct fake_netns *n = &h->netns[h->n++];

	n->inode = inode;
	n->name = name;
	return n;
}

struct link *fake_link(struct fake_netns *n, uint32_t ifindex, const char *name, const char *kind)
{
	struct link *l = &n->links[n->n_links++];

	l->ifindex = ifindex;
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->kind, sizeof(l->kind), "%s", kind);
	return l;
}

struct addr an_addr(const char *text)
{
	struct addr a = {0};

	if (addr_parse(text, &a))
		abort();
	return a;
}

struct cidr a_cidr(const char *text)
{
	struct cidr c = {0};

	if (cidr_parse(text, &c))
		abort();
	return c;
}

void fake_addr(struct fake_netns *n, uint32_t ifindex, const char *cidr)
{
	n->addrs[n->n_addrs].ifindex = ifindex;
	n->addrs[n->n_addrs++].net = a_cidr(cidr);
}

struct route *fake_route(struct fake_netns *n, const char *dst, const char *gateway, uint32_t oif)
{
	struct route *r = &n->routes[n->n_routes++];

	r->dst = a_cidr(dst);
	if (gateway)
		r->gateway = an_addr(gateway);
	r->oif = oif;
	r->type = RTN_UNICAST;
	r->table = RT_TABLE_MAIN;
	return r;
}

void fake_sysctl(struct fake_netns *n, const char *name, const char *value)
{
	size_t i = 0;

	while (n->sysctls[i].name && strcmp(n->sysctls[i].name, name))
		i++;
	n->sysctls[i].name = name;
	n->sysctls[i].value = value;
}
