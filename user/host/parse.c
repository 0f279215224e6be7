// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "parse.h"

#define VLAN_ID_MAX 4094

/* nla_parse() checks every length; what is too short for its type is treated as absent. */
static bool has(struct nlattr **tb, int type, int len)
{
	return tb[type] && nla_len(tb[type]) >= len;
}

static uint32_t get_u32(struct nlattr **tb, int type)
{
	return has(tb, type, 4) ? nla_get_u32(tb[type]) : 0;
}

static uint8_t get_u8(struct nlattr **tb, int type)
{
	return has(tb, type, 1) ? nla_get_u8(tb[type]) : 0;
}

static void get_name(struct nlattr **tb, int type, char *to, size_t size)
{
	size_t n;

	if (!tb[type])
		return;
	n = strnlen(nla_data(tb[type]), (size_t)nla_len(tb[type]));
	if (n >= size)
		n = size - 1;
	memcpy(to, nla_data(tb[type]), n);
	to[n] = '\0';
}

static bool get_addr(struct nlattr **tb, int type, int family, struct addr *to)
{
	if (family == AF_INET && has(tb, type, 4))
		*to = addr_v4(nla_data(tb[type]));
	else if (family == AF_INET6 && has(tb, type, 16))
		*to = addr_v6(nla_data(tb[type]));
	else
		return false;
	return true;
}

/* libnl passes over what is left behind the last whole attribute; here it says that the message was
 * cut. The last one's padding may be missing. */
static int parse_stream(struct nlattr *head, int len, struct nlattr **tb, int max)
{
	struct nlattr *a;
	int rest;

	nla_for_each_attr(a, head, len, rest);
	return rest > 0 || nla_parse(tb, max, head, len, NULL) < 0 ? -EBADMSG : 0;
}

/* The attributes behind a fixed header of the given size. */
static int parse_attrs(const struct nlmsghdr *m, size_t header, struct nlattr **tb, int max)
{
	struct nlmsghdr *h = (struct nlmsghdr *)m; /* libnl takes no const */

	if (h->nlmsg_len < NLMSG_HDRLEN + header)
		return -EBADMSG;
	return parse_stream(nlmsg_attrdata(h, (int)header), nlmsg_attrlen(h, (int)header), tb, max);
}

static int parse_nested(struct nlattr *a, struct nlattr **tb, int max)
{
	return parse_stream(nla_data(a), nla_len(a), tb, max);
}

static void parse_vxlan(struct nlattr *data, struct link *l)
{
	struct nlattr *tb[IFLA_VXLAN_MAX + 1];

	if (parse_nested(data, tb, IFLA_VXLAN_MAX))
		return;
	l->vxlan.vni = get_u32(tb, IFLA_VXLAN_ID);
	l->vxlan.port = has(tb, IFLA_VXLAN_PORT, 2) ? ntohs(nla_get_u16(tb[IFLA_VXLAN_PORT])) : 0;
	l->vxlan.learning = get_u8(tb, IFLA_VXLAN_LEARNING);
	l->vxlan.external = get_u8(tb, IFLA_VXLAN_COLLECT_METADATA);
	if (!get_addr(tb, IFLA_VXLAN_LOCAL, AF_INET, &l->vxlan.local))
		get_addr(tb, IFLA_VXLAN_LOCAL6, AF_INET6, &l->vxlan.local);
	if (!get_addr(tb, IFLA_VXLAN_GROUP, AF_INET, &l->vxlan.remote))
		get_addr(tb, IFLA_VXLAN_GROUP6, AF_INET6, &l->vxlan.remote);
	if (addr_is_multicast(&l->vxlan.remote))
		memset(&l->vxlan.remote, 0, sizeof(l->vxlan.remote));
}

static void parse_geneve(struct nlattr *data, struct link *l)
{
	struct nlattr *tb[IFLA_GENEVE_MAX + 1];

	if (parse_nested(data, tb, IFLA_GENEVE_MAX))
		return;
	l->vxlan.vni = get_u32(tb, IFLA_GENEVE_ID);
	l->vxlan.port = has(tb, IFLA_GENEVE_PORT, 2) ? ntohs(nla_get_u16(tb[IFLA_GENEVE_PORT])) : 0;
	l->vxlan.external = tb[IFLA_GENEVE_COLLECT_METADATA];
	if (!get_addr(tb, IFLA_GENEVE_REMOTE, AF_INET, &l->vxlan.remote))
		get_addr(tb, IFLA_GENEVE_REMOTE6, AF_INET6, &l->vxlan.remote);
}

static void parse_bridge(struct nlattr *data, struct link *l)
{
	struct nlattr *tb[IFLA_BR_MAX + 1];

	if (parse_nested(data, tb, IFLA_BR_MAX))
		return;
	l->bridge.known = true;
	l->bridge.nf_call_iptables = get_u8(tb, IFLA_BR_NF_CALL_IPTABLES);
	l->bridge.nf_call_ip6tables = get_u8(tb, IFLA_BR_NF_CALL_IP6TABLES);
	l->bridge.vlan_filtering = get_u8(tb, IFLA_BR_VLAN_FILTERING);
	l->bridge.stp = get_u32(tb, IFLA_BR_STP_STATE);
	if (has(tb, IFLA_BR_VLAN_DEFAULT_PVID, 2))
		l->bridge.default_pvid = nla_get_u16(tb[IFLA_BR_VLAN_DEFAULT_PVID]);
}

static void parse_port(struct nlattr *data, struct link *l)
{
	struct nlattr *tb[IFLA_BRPORT_MAX + 1];

	if (parse_nested(data, tb, IFLA_BRPORT_MAX))
		return;
	l->port.known = true;
	l->port.state = get_u8(tb, IFLA_BRPORT_STATE);
	l->port.hairpin = get_u8(tb, IFLA_BRPORT_MODE);
	l->port.isolated = get_u8(tb, IFLA_BRPORT_ISOLATED);
	l->port.flood = get_u8(tb, IFLA_BRPORT_UNICAST_FLOOD);
}

static const struct {
	const char *kind;
	void (*parse)(struct nlattr *data, struct link *l);
} link_kinds[] = {
	{"vxlan", parse_vxlan},
	{"geneve", parse_geneve},
	{"bridge", parse_bridge},
};

static void parse_linkinfo(struct nlattr *info, struct link *l)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];
	char slave[16] = "";

	if (parse_nested(info, tb, IFLA_INFO_MAX))
		return;
	get_name(tb, IFLA_INFO_KIND, l->kind, sizeof(l->kind));
	get_name(tb, IFLA_INFO_SLAVE_KIND, slave, sizeof(slave));
	for (size_t i = 0; i < ARRAY_SIZE(link_kinds) && tb[IFLA_INFO_DATA]; i++) {
		if (!strcmp(l->kind, link_kinds[i].kind))
			link_kinds[i].parse(tb[IFLA_INFO_DATA], l);
	}
	if (!strcmp(slave, "bridge") && tb[IFLA_INFO_SLAVE_DATA])
		parse_port(tb[IFLA_INFO_SLAVE_DATA], l);
}

int parse_link(const struct nlmsghdr *m, struct link *out, int *netnsid)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg *ifi;
	struct link l = {};

	if (m->nlmsg_type != RTM_NEWLINK)
		return 1;
	if (parse_attrs(m, sizeof(*ifi), tb, IFLA_MAX))
		return -EBADMSG;
	ifi = NLMSG_DATA(m);
	l.ifindex = (uint32_t)ifi->ifi_index;
	l.arphrd = ifi->ifi_type;
	l.flags = ifi->ifi_flags;
	get_name(tb, IFLA_IFNAME, l.name, sizeof(l.name));
	if (has(tb, IFLA_ADDRESS, 6))
		memcpy(l.mac, nla_data(tb[IFLA_ADDRESS]), 6);
	l.mtu = get_u32(tb, IFLA_MTU);
	l.master = get_u32(tb, IFLA_MASTER);
	l.peer = get_u32(tb, IFLA_LINK);
	*netnsid = -1;
	if (has(tb, IFLA_LINK_NETNSID, 4)) {
		*netnsid = (int)nla_get_u32(tb[IFLA_LINK_NETNSID]);
		l.peer_is_away = true;
	}
	if (tb[IFLA_LINKINFO])
		parse_linkinfo(tb[IFLA_LINKINFO], &l);
	*out = l;
	return 0;
}

/* One VLAN, or the begin or end of a range. False: a range that is none. */
static bool take_vlan(const struct bridge_vlan_info *i, struct port_vlans *v, uint16_t *begin)
{
	uint16_t first = i->flags & BRIDGE_VLAN_INFO_RANGE_END ? *begin : i->vid;

	if (i->vid > VLAN_ID_MAX || !first || first > i->vid)
		return false;
	*begin = 0;
	if (i->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) {
		*begin = i->vid;
		return true;
	}
	for (uint16_t vid = first; vid <= i->vid; vid++)
		vlans_add(v, vid);
	if (i->flags & BRIDGE_VLAN_INFO_PVID)
		v->pvid = i->vid;
	return true;
}

int parse_vlans(const struct nlmsghdr *m, struct port_vlans *out)
{
	struct nlattr *tb[IFLA_MAX + 1], *a;
	struct port_vlans v = {};
	struct ifinfomsg *ifi;
	uint16_t begin = 0;
	bool any = false;
	int rest;

	if (m->nlmsg_type != RTM_NEWLINK)
		return 1;
	if (parse_attrs(m, sizeof(*ifi), tb, IFLA_MAX))
		return -EBADMSG;
	ifi = NLMSG_DATA(m);
	v.ifindex = (uint32_t)ifi->ifi_index;
	if (ifi->ifi_family != AF_BRIDGE || !tb[IFLA_AF_SPEC])
		return 1;
	nla_for_each_nested(a, tb[IFLA_AF_SPEC], rest)
	{
		struct bridge_vlan_info info;

		if (nla_type(a) != IFLA_BRIDGE_VLAN_INFO)
			continue;
		if (nla_len(a) < (int)sizeof(info))
			return -EBADMSG;
		memcpy(&info, nla_data(a), sizeof(info));
		if (!take_vlan(&info, &v, &begin))
			return -EBADMSG;
		any = true;
	}
	if (rest > 0 || begin)
		return -EBADMSG;
	if (any)
		*out = v;
	return any ? 0 : 1;
}

static bool fits_family(int family, unsigned int bits)
{
	return bits <= (family == AF_INET ? 32U : 128U);
}

int parse_addr(const struct nlmsghdr *m, struct if_addr *out)
{
	struct nlattr *tb[IFA_MAX + 1];
	struct if_addr a = {};
	struct ifaddrmsg *ifa;

	if (m->nlmsg_type != RTM_NEWADDR)
		return 1;
	if (parse_attrs(m, sizeof(*ifa), tb, IFA_MAX))
		return -EBADMSG;
	ifa = NLMSG_DATA(m);
	if (!fits_family(ifa->ifa_family, ifa->ifa_prefixlen))
		return -EBADMSG;
	a.ifindex = ifa->ifa_index;
	a.net.bits = ifa->ifa_prefixlen;
	a.scope = ifa->ifa_scope;
	/* IFA_ADDRESS is the other end of a point-to-point link */
	if (!get_addr(tb, IFA_LOCAL, ifa->ifa_family, &a.net.addr) &&
	    !get_addr(tb, IFA_ADDRESS, ifa->ifa_family, &a.net.addr))
		return 1;
	*out = a;
	return 0;
}

/* A gateway of the other family: struct rtvia, whose address has no length of its own. */
static void get_via(struct nlattr *a, struct addr *to)
{
	const struct rtvia *via = a ? nla_data(a) : NULL;
	int n = a ? nla_len(a) - (int)sizeof(*via) : 0;

	if (n >= 4 && via->rtvia_family == AF_INET)
		*to = addr_v4(via->rtvia_addr);
	else if (n >= 16 && via->rtvia_family == AF_INET6)
		*to = addr_v6(via->rtvia_addr);
}

int parse_route(const struct nlmsghdr *m, struct route *out)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct route r = {};
	struct rtmsg *rt;

	if (m->nlmsg_type != RTM_NEWROUTE)
		return 1;
	if (parse_attrs(m, sizeof(*rt), tb, RTA_MAX))
		return -EBADMSG;
	rt = NLMSG_DATA(m);
	if (rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6)
		return 1;
	if (rt->rtm_flags & RTM_F_CLONED && rt->rtm_type == RTN_UNSPEC)
		return 1;
	if (!fits_family(rt->rtm_family, rt->rtm_dst_len))
		return -EBADMSG;
	r.dst.bits = rt->rtm_dst_len;
	if (!get_addr(tb, RTA_DST, rt->rtm_family, &r.dst.addr))
		r.dst.addr.family = rt->rtm_family; /* the default route */
	if (!get_addr(tb, RTA_GATEWAY, rt->rtm_family, &r.gateway))
		get_via(tb[RTA_VIA], &r.gateway);
	get_addr(tb, RTA_PREFSRC, rt->rtm_family, &r.prefsrc);
	r.oif = get_u32(tb, RTA_OIF);
	r.metric = get_u32(tb, RTA_PRIORITY);
	r.table = has(tb, RTA_TABLE, 4) ? nla_get_u32(tb[RTA_TABLE]) : rt->rtm_table;
	r.type = rt->rtm_type;
	r.protocol = rt->rtm_protocol;
	*out = r;
	return 0;
}

int parse_neigh(const struct nlmsghdr *m, struct neigh *out)
{
	struct nlattr *tb[NDA_MAX + 1];
	struct neigh n = {};
	struct ndmsg *nd;

	if (m->nlmsg_type != RTM_NEWNEIGH)
		return 1;
	if (parse_attrs(m, sizeof(*nd), tb, NDA_MAX))
		return -EBADMSG;
	nd = NLMSG_DATA(m);
	n.fdb = nd->ndm_family == AF_BRIDGE;
	n.ifindex = (uint32_t)nd->ndm_ifindex;
	n.master = get_u32(tb, NDA_MASTER);
	n.state = nd->ndm_state;
	if (has(tb, NDA_LLADDR, 6)) {
		memcpy(n.mac, nla_data(tb[NDA_LLADDR]), 6);
		n.has_mac = true;
	}
	if (n.fdb && has(tb, NDA_DST, 16))
		get_addr(tb, NDA_DST, AF_INET6, &n.dst);
	else
		get_addr(tb, NDA_DST, n.fdb ? AF_INET : nd->ndm_family, &n.dst);
	*out = n;
	return 0;
}

int parse_nsid(const struct nlmsghdr *m, int *out)
{
	struct nlattr *tb[NETNSA_MAX + 1];

	if (m->nlmsg_type != RTM_NEWNSID)
		return 1;
	if (parse_attrs(m, sizeof(struct rtgenmsg), tb, NETNSA_MAX) || !has(tb, NETNSA_NSID, 4))
		return -EBADMSG;
	*out = (int)nla_get_u32(tb[NETNSA_NSID]);
	return 0;
}

static int parse_tuple(struct nlattr *a, struct flow *out)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];
	struct flow f = {.l3 = ETHERTYPE_IP};

	if (!a || parse_nested(a, tb, CTA_TUPLE_MAX) || !tb[CTA_TUPLE_IP] || !tb[CTA_TUPLE_PROTO] ||
	    parse_nested(tb[CTA_TUPLE_IP], ip, CTA_IP_MAX) ||
	    parse_nested(tb[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX))
		return -EBADMSG;
	if (!get_addr(ip, CTA_IP_V4_SRC, AF_INET, &f.src) ||
	    !get_addr(ip, CTA_IP_V4_DST, AF_INET, &f.dst)) {
		f.l3 = ETHERTYPE_IPV6;
		if (!get_addr(ip, CTA_IP_V6_SRC, AF_INET6, &f.src) ||
		    !get_addr(ip, CTA_IP_V6_DST, AF_INET6, &f.dst))
			return -EBADMSG;
	}
	f.proto = get_u8(proto, CTA_PROTO_NUM);
	if (has(proto, CTA_PROTO_SRC_PORT, 2) && has(proto, CTA_PROTO_DST_PORT, 2)) {
		f.has_ports = true;
		f.sport = ntohs(nla_get_u16(proto[CTA_PROTO_SRC_PORT]));
		f.dport = ntohs(nla_get_u16(proto[CTA_PROTO_DST_PORT]));
	}
	*out = f;
	return 0;
}

static void parse_protoinfo(struct nlattr *a, struct ct_entry *e)
{
	struct nlattr *tb[CTA_PROTOINFO_MAX + 1], *tcp[CTA_PROTOINFO_TCP_MAX + 1];

	if (!a || parse_nested(a, tb, CTA_PROTOINFO_MAX) || !tb[CTA_PROTOINFO_TCP] ||
	    parse_nested(tb[CTA_PROTOINFO_TCP], tcp, CTA_PROTOINFO_TCP_MAX))
		return;
	e->tcp_state = get_u8(tcp, CTA_PROTOINFO_TCP_STATE);
}

int parse_conntrack(const struct nlmsghdr *m, struct ct_entry *out)
{
	struct nlattr *tb[CTA_MAX + 1];
	struct ct_entry e = {};

	if (m->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return 1;
	if (parse_attrs(m, sizeof(struct nfgenmsg), tb, CTA_MAX) ||
	    parse_tuple(tb[CTA_TUPLE_ORIG], &e.orig) || parse_tuple(tb[CTA_TUPLE_REPLY], &e.reply))
		return -EBADMSG;
	e.proto = e.orig.proto;
	e.status = ntohl(get_u32(tb, CTA_STATUS));
	e.timeout = ntohl(get_u32(tb, CTA_TIMEOUT));
	parse_protoinfo(tb[CTA_PROTOINFO], &e);
	*out = e;
	return 0;
}

/* The address as /proc prints it: 32-bit words in host order, in hex. */
static int parse_hex_addr(const char *s, size_t digits, struct addr *out)
{
	uint8_t b[16];

	for (size_t i = 0; i < digits / 8; i++) {
		char word[9];
		uint32_t v;
		char *end;

		memcpy(word, s + i * 8, 8);
		word[8] = '\0';
		v = (uint32_t)strtoul(word, &end, 16);
		if (*end)
			return -EBADMSG;
		memcpy(b + i * 4, &v, 4);
	}
	*out = digits == 8 ? addr_v4(b) : addr_v6(b);
	return 0;
}

/* "  12: 00000000:2118 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 0 2 0…": the
 * local address, port, …, uid, timeout, inode. */
int parse_socket_line(const char *line, struct local_socket *out, unsigned int *state)
{
	struct local_socket s = {};
	unsigned long inode;
	unsigned int port;
	char local[40];
	size_t digits;

	if (sscanf(line, " %*u: %39[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %lu", local, &port,
		   state, &inode) != 4)
		return 1; /* the heading */
	digits = strlen(local);
	if ((digits != 8 && digits != 32) || port > 65535)
		return -EBADMSG;
	if (parse_hex_addr(local, digits, &s.local))
		return -EBADMSG;
	s.port = (uint16_t)port;
	*out = s;
	return 0;
}

/* The line that starts with prefix; 0 or -EBADMSG. */
static int find_line(FILE *f, const char *prefix, size_t len, char *line, size_t size)
{
	while (fgets(line, (int)size, f)) {
		if (!strncmp(line, prefix, len))
			return 0;
	}
	return -EBADMSG;
}

int parse_snmp(FILE *f, const char *name, uint64_t *n)
{
	const char *field = strchr(name, ':') + 1;
	size_t prefix = (size_t)(field - name);
	char names[1024], values[1024], *save_name, *save_value, *column, *value;
	int err = find_line(f, name, prefix, names, sizeof(names));

	if (!err)
		err = find_line(f, name, prefix, values, sizeof(values));
	if (err)
		return err;
	column = strtok_r(names + prefix, " \n", &save_name);
	value = strtok_r(values + prefix, " \n", &save_value);
	while (column && value && strcmp(column, field)) {
		column = strtok_r(NULL, " \n", &save_name);
		value = strtok_r(NULL, " \n", &save_value);
	}
	return column && value && sscanf(value, "%" SCNu64, n) == 1 ? 0 : -EBADMSG;
}

int parse_snmp6(FILE *f, const char *name, uint64_t *n)
{
	size_t len = strlen(name);
	char line[256];
	int err = find_line(f, name, len, line, sizeof(line));

	if (err)
		return err;
	return sscanf(line + len, " %" SCNu64, n) == 1 ? 0 : -EBADMSG;
}

/* The next " key=" from *p on; its value goes to buf. */
static bool next_value(const char **p, const char *key, char *buf, size_t size)
{
	const char *at = strstr(*p, key);
	size_t n;

	if (!at)
		return false;
	at += strlen(key);
	n = strcspn(at, " \n");
	if (n >= size)
		return false;
	memcpy(buf, at, n);
	buf[n] = '\0';
	*p = at + n;
	return true;
}

static int parse_line_tuple(const char **p, const char *family, uint8_t proto, struct flow *f)
{
	char src[48], dst[48], port[8];

	memset(f, 0, sizeof(*f));
	f->proto = proto;
	f->l3 = strcmp(family, "ipv6") ? ETHERTYPE_IP : ETHERTYPE_IPV6;
	if (!next_value(p, "src=", src, sizeof(src)) || !next_value(p, "dst=", dst, sizeof(dst)) ||
	    addr_parse(src, &f->src) || addr_parse(dst, &f->dst))
		return -EBADMSG;
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_SCTP)
		return 0;
	if (!next_value(p, "sport=", port, sizeof(port)))
		return -EBADMSG;
	f->sport = (uint16_t)atoi(port);
	if (!next_value(p, "dport=", port, sizeof(port)))
		return -EBADMSG;
	f->dport = (uint16_t)atoi(port);
	f->has_ports = true;
	return 0;
}

/* "ipv4 2 tcp 6 117 SYN_SENT src=… dst=… sport=… dport=… [UNREPLIED] src=…" */
int parse_conntrack_line(const char *line, struct ct_entry *out)
{
	struct ct_entry e = {};
	unsigned int proto, timeout = 0;
	const char *p = line;
	char family[8];

	/* a flow in a flowtable has no timeout */
	if (sscanf(line, "%7s %*u %*s %u %u", family, &proto, &timeout) < 2 || proto > 255)
		return -EBADMSG;
	e.proto = (uint8_t)proto;
	e.timeout = timeout;
	if (parse_line_tuple(&p, family, e.proto, &e.orig) ||
	    parse_line_tuple(&p, family, e.proto, &e.reply))
		return -EBADMSG;
	e.status = strstr(line, "[UNREPLIED]") ? 0 : IPS_SEEN_REPLY;
	*out = e;
	return 0;
}

/* "0A600001:0050", "[fd00:0000:…]:0050" */
static bool parse_ipvs_address(const char *s, struct ipvs_service *out)
{
	unsigned int v4, port;
	char v6[48];

	if (sscanf(s, "[%47[0-9a-fA-F:]]:%4x", v6, &port) == 2) {
		if (addr_parse(v6, &out->addr))
			return false;
	} else if (sscanf(s, "%8x:%4x", &v4, &port) == 2) {
		out->addr = (struct addr){.family = AF_INET};
		v4 = htonl(v4);
		memcpy(out->addr.b, &v4, sizeof(v4));
	} else {
		return false;
	}
	out->port = (uint16_t)port;
	return true;
}

int parse_ipvs_service(const char *line, struct ipvs_service *out)
{
	char proto[8], address[64];

	memset(out, 0, sizeof(*out));
	if (sscanf(line, "%7s %63s", proto, address) != 2)
		return 1;
	out->proto = !strcmp(proto, "TCP")    ? IPPROTO_TCP
		     : !strcmp(proto, "UDP")  ? IPPROTO_UDP
		     : !strcmp(proto, "SCTP") ? IPPROTO_SCTP
					      : 0;
	return out->proto && parse_ipvs_address(address, out) ? 0 : 1;
}

unsigned int parse_ipvs_server(const char *line)
{
	int weight;

	return sscanf(line, " -> %*s %*s %d", &weight) == 1 && weight > 0;
}

int ipvs_servers_of(const struct ipvs_service *all, size_t n, const struct flow *to,
		    unsigned int *servers)
{
	unsigned int sum = 0;
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		/* port 0: a persistent service for all of them */
		if (all[i].proto != to->proto || (all[i].port && all[i].port != to->dport) ||
		    !addr_eq(&all[i].addr, &to->dst))
			continue;
		found = true;
		sum += all[i].servers;
	}
	if (!found)
		return -ENOENT;
	*servers = sum;
	return 0;
}
