// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "util.h"

static const struct {
	const char *name;
	uint32_t proto;
} protocols[] = {
	{"tcp", IPPROTO_TCP},	   {"udp", IPPROTO_UDP},       {"icmp", IPPROTO_ICMP},
	{"icmp6", IPPROTO_ICMPV6}, {"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP},
	{"esp", IPPROTO_ESP},	   {"ah", IPPROTO_AH},	       {"gre", IPPROTO_GRE},
	{"ipip", IPPROTO_IPIP},	   {"igmp", IPPROTO_IGMP},     {"arp", PROTO_ARP},
};

static void add_text(struct filter_args *a, const char *kind, const char *value)
{
	char *old = a->text;

	a->text = xasprintf("%s%s%s %s", old ? old : "", old ? ", " : "", kind, value);
	free(old);
}

/* Is there room for one more? */
static int room(uint32_t n, uint32_t max, const char *option)
{
	if (n < max)
		return 0;
	log_error("--%s: at most %u of them", option, max);
	return -EINVAL;
}

static int bad(const char *option, const char *value, const char *why)
{
	log_error("--%s '%s': %s", option, value, why);
	return -EINVAL;
}

/* Digits only, at most max. */
static int parse_number(const char *s, unsigned long max, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*out = strtoul(s, &end, 10);
	return *end || errno || *out > max ? -EINVAL : 0;
}

static int add_netns(struct filter_args *a, const char *option, const char *value, uint32_t inode)
{
	if (room(a->f.n_netns, WD_MAX_NETNS, option))
		return -EINVAL;
	a->f.netns[a->f.n_netns++] = inode;
	add_text(a, option, value);
	return 0;
}

int filter_netns(struct filter_args *a, const char *value)
{
	uint32_t inode;
	int err = host_netns_resolve(value, &inode);

	if (err)
		return bad("netns", value,
			   "no such network namespace (a name in /run/netns, a path such as "
			   "/proc/PID/ns/net, or an inode number)");
	return add_netns(a, "netns", value, inode);
}

int filter_pid(struct filter_args *a, const char *value)
{
	unsigned long pid;
	uint32_t inode;

	if (parse_number(value, INT32_MAX, &pid) || !pid)
		return bad("pid", value, "not a process id");
	if (host_netns_of_pid((int)pid, &inode))
		return bad("pid", value, "no such process, or its namespace cannot be read");
	return add_netns(a, "pid", value, inode);
}

int filter_iface(struct filter_args *a, const char *value)
{
	size_t n = strlen(value);

	if (!n || n >= WD_IFNAMSIZ || strchr(value, '/'))
		return bad("iface", value, "not an interface name (1 to 15 bytes)");
	if (room(a->f.n_ifaces, WD_MAX_IFACES, "iface"))
		return -EINVAL;
	memcpy(a->f.ifaces[a->f.n_ifaces++], value, n);
	add_text(a, "iface", value);
	return 0;
}

int filter_proto(struct filter_args *a, const char *value)
{
	unsigned long number;
	uint32_t proto = UINT32_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (!strcasecmp(value, protocols[i].name))
			proto = protocols[i].proto;
	}
	if (proto == UINT32_MAX && !parse_number(value, 255, &number))
		proto = (uint32_t)number;
	if (proto == UINT32_MAX)
		return bad("proto", value,
			   "not a protocol (tcp, udp, icmp, icmp6, sctp, esp, "
			   "ah, gre, ipip, igmp, arp, or a number up to 255)");
	if (room(a->f.n_protos, WD_MAX_PROTOS, "proto"))
		return -EINVAL;
	a->f.protos[a->f.n_protos++] = proto;
	add_text(a, "proto", value);
	return 0;
}

static void make_mask(uint8_t *mask, unsigned int bits)
{
	for (unsigned int i = 0; i < 16; i++)
		mask[i] = bits >= i * 8 + 8 ? 0xff
			  : bits > i * 8    ? (uint8_t)(0xff << (8 - (bits - i * 8)))
					    : 0;
}

static int add_net(struct filter_args *a, const char *option, const char *value, struct cidr *c)
{
	struct net_filter *n;

	if (room(a->f.n_nets, WD_MAX_NETS, option))
		return -EINVAL;
	cidr_unmap(c);
	n = &a->f.nets[a->f.n_nets++];
	n->l3 = c->addr.family == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	make_mask(n->mask, c->bits);
	for (int i = 0; i < 16; i++)
		n->addr[i] = c->addr.b[i] & n->mask[i];
	add_text(a, option, value);
	return 0;
}

int filter_host(struct filter_args *a, const char *value)
{
	struct cidr c;

	if (addr_parse(value, &c.addr))
		return bad("host", value, "not an IPv4 or IPv6 address (a prefix goes to --net)");
	c.bits = c.addr.family == AF_INET6 ? 128 : 32;
	return add_net(a, "host", value, &c);
}

int filter_net(struct filter_args *a, const char *value)
{
	struct cidr c;

	if (cidr_parse(value, &c))
		return bad("net", value, "not a prefix such as 10.244.0.0/16 or fd00::/48");
	return add_net(a, "net", value, &c);
}

int filter_port(struct filter_args *a, const char *value)
{
	unsigned long port;

	if (parse_number(value, 65535, &port) || !port)
		return bad("port", value, "not a port (1 to 65535)");
	if (room(a->f.n_ports, WD_MAX_PORTS, "port"))
		return -EINVAL;
	a->f.ports[a->f.n_ports++] = (uint16_t)port;
	add_text(a, "port", value);
	return 0;
}

int filter_reason(struct filter_args *a, const char *value)
{
	if (!*value)
		return bad("reason", value, "empty");
	if (room((uint32_t)a->n_reasons, WD_MAX_REASONS, "reason"))
		return -EINVAL;
	a->reasons[a->n_reasons++] = value;
	add_text(a, "reason", value);
	return 0;
}

int filter_resolve_reasons(struct filter_args *a, struct kernel *k)
{
	for (size_t i = 0; i < a->n_reasons; i++) {
		uint32_t left = WD_MAX_REASONS - a->f.n_reasons;
		size_t n;

		if (!k->facts.kfree_skb_reason)
			return bad("reason", a->reasons[i],
				   "this kernel gives no drop reasons (they came with 5.17)");
		n = kernel_reasons_matching(k, a->reasons[i], a->f.reasons + a->f.n_reasons, left);
		if (!n)
			return kernel_no_such_reason(k, "--reason", a->reasons[i], a->reasons[i]);
		if (n > left)
			return bad("reason", a->reasons[i], "matches too many reasons: name fewer");
		a->f.n_reasons += (uint32_t)n;
	}
	return 0;
}

static bool any_proto(const struct filter *f, bool (*is)(uint32_t proto))
{
	for (uint32_t i = 0; i < f->n_protos; i++) {
		if (is(f->protos[i]))
			return true;
	}
	return !f->n_protos;
}

static bool any_net(const struct filter *f, uint16_t l3)
{
	for (uint32_t i = 0; i < f->n_nets; i++) {
		if (f->nets[i].l3 == l3)
			return true;
	}
	return !f->n_nets;
}

int filter_check(const struct filter_args *a)
{
	const struct filter *f = &a->f;
	const char *why = NULL;

	if (f->n_ports && !any_proto(f, proto_has_ports))
		why = "that protocol has no ports";
	else if (!(any_net(f, ETHERTYPE_IP) && any_proto(f, proto_may_be_ipv4)) &&
		 !(any_net(f, ETHERTYPE_IPV6) && any_proto(f, proto_may_be_ipv6)))
		why = "that protocol is none of that address family";
	if (!why)
		return 0;
	log_error("'%s': no packet can match: %s", a->text, why);
	return -EINVAL;
}

static void add_tunnel_port(struct filter *f, uint16_t port)
{
	for (uint32_t i = 0; i < f->n_tunnel_ports; i++) {
		if (f->tunnel_ports[i] == port)
			return;
	}
	if (port && f->n_tunnel_ports < WD_MAX_TUNNEL_PORTS)
		f->tunnel_ports[f->n_tunnel_ports++] = port;
}

static void add_netns_ports(struct filter *f, struct host *h, uint32_t netns)
{
	const struct link *links;
	size_t n;

	if (h->ops->links(h, netns, &links, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		if (host_is_tunnel(&links[i]))
			add_tunnel_port(f, links[i].vxlan.port);
	}
}

void filter_tunnel_ports(struct filter_args *a, struct host *h)
{
	/* flannel and Cilium, the IANA port, Geneve, Submariner */
	static const uint16_t usual[] = {8472, 4789, 6081, 4800};
	uint32_t *all;
	size_t n;

	if (!a->f.n_nets && !a->f.n_ports && !a->f.n_protos)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		add_tunnel_port(&a->f, usual[i]);
	/* a node need not be the machine itself, nor among the namespaces that are looked at */
	n = host_netns_all(h, &all);
	for (size_t i = 0; i < n; i++)
		add_netns_ports(&a->f, h, all[i]);
	free(all);
}

void filter_free(struct filter_args *a)
{
	free(a->text);
	a->text = NULL;
}
