// SPDX-License-Identifier: GPL-2.0-only
/* Netlink answers built by hand: what is read out of them, and that a cut is noticed wherever it
 * is. */
#include <errno.h>
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

#include "test.h"

#include "fake_host.h"
#include "host/parse.h"

/* A message that is built attribute by attribute. */
static union {
	struct nlmsghdr h;
	uint8_t bytes[4096];
} msg;

static void begin(int type, const void *header, size_t size)
{
	memset(&msg, 0, sizeof(msg));
	msg.h.nlmsg_type = (uint16_t)type;
	msg.h.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(size));
	memcpy(NLMSG_DATA(&msg.h), header, size);
}

static struct nlattr *put(int type, const void *data, size_t size)
{
	struct nlattr *a = (struct nlattr *)(msg.bytes + msg.h.nlmsg_len);

	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + size);
	if (size)
		memcpy((char *)a + NLA_HDRLEN, data, size);
	msg.h.nlmsg_len += NLA_ALIGN(a->nla_len);
	return a;
}

static struct nlattr *put_str(int type, const char *s)
{
	return put(type, s, strlen(s) + 1);
}

static void put_u8(int type, uint8_t v)
{
	put(type, &v, sizeof(v));
}

static void put_u32(int type, uint32_t v)
{
	put(type, &v, sizeof(v));
}

static void put_be16(int type, uint16_t v)
{
	v = htons(v);
	put(type, &v, sizeof(v));
}

static void put_be32(int type, uint32_t v)
{
	put_u32(type, htonl(v));
}

static void put_address(int type, const char *text)
{
	struct addr a = an_addr(text);

	put(type, a.b, a.family == AF_INET6 ? 16 : 4);
}

static struct nlattr *nest(int type)
{
	return put(type | NLA_F_NESTED, NULL, 0);
}

static void end(struct nlattr *a)
{
	a->nla_len = (uint16_t)(msg.bytes + msg.h.nlmsg_len - (uint8_t *)a);
}

/* Parse a copy of the first len bytes that lies at the end of its allocation, so that the
 * sanitizers see every byte too far. */
static int parse_any(const struct nlmsghdr *m)
{
	union {
		struct link link;
		struct if_addr addr;
		struct route route;
		struct neigh neigh;
		struct port_vlans vlans;
		struct ct_entry ct;
		int id;
	} out;
	int id, err = 1;

	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
		err = parse_link(m, &out.link, &id);
		if (!err) {
			assert_non_null(memchr(out.link.name, 0, sizeof(out.link.name)));
			assert_non_null(memchr(out.link.kind, 0, sizeof(out.link.kind)));
		}
		/* the same message, as the answer to another question */
		return err < 0 ? err : parse_vlans(m, &out.vlans) == -EBADMSG ? -EBADMSG : err;
	case RTM_NEWADDR:
		return parse_addr(m, &out.addr);
	case RTM_NEWROUTE:
		return parse_route(m, &out.route);
	case RTM_NEWNEIGH:
		return parse_neigh(m, &out.neigh);
	case RTM_NEWNSID:
		return parse_nsid(m, &out.id);
	default:
		return parse_conntrack(m, &out.ct);
	}
}

static int parse_cut(size_t len)
{
	struct nlmsghdr *m = malloc(len);
	int err;

	memcpy(m, &msg, len);
	m->nlmsg_len = (uint32_t)len;
	err = parse_any(m);
	free(m);
	return err;
}

/* Where a cut is at the end of an attribute nothing tells it from a shorter message; everywhere
 * else it must be noticed. Nested attributes are whole or their parent is cut. */
static void check_cuts(size_t header)
{
	size_t whole = msg.h.nlmsg_len, first = NLMSG_HDRLEN + NLMSG_ALIGN(header);
	bool boundary[sizeof(msg.bytes)] = {};

	for (size_t at = first; at <= whole;) {
		const struct nlattr *a = (const struct nlattr *)(msg.bytes + at);

		boundary[at] = true;
		if (at == whole)
			break;
		/* the last one's padding may be missing */
		for (size_t i = at + a->nla_len; i < at + NLA_ALIGN(a->nla_len); i++)
			boundary[i] = true;
		at += NLA_ALIGN(a->nla_len);
	}
	for (size_t len = NLMSG_HDRLEN; len <= whole; len++) {
		int err = parse_cut(len);

		/* NLMSG_ALIGN of a header that is no multiple of four */
		if (!boundary[len] && (len < NLMSG_HDRLEN + header || len > first) &&
		    err != -EBADMSG)
			fail_msg("cut to %zu of %zu bytes: %d", len, whole, err);
	}
}

/* Every byte with every bit flipped, and the whole length range in every length-like place. */
static void check_bit_flips(void)
{
	size_t whole = msg.h.nlmsg_len;

	for (size_t i = NLMSG_HDRLEN; i < whole; i++) {
		for (int bit = 0; bit < 8; bit++) {
			msg.bytes[i] ^= (uint8_t)(1 << bit);
			parse_cut(whole);
			msg.bytes[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t i = NLMSG_HDRLEN; i + 2 <= whole; i += 2) {
		static const uint16_t lengths[] = {0, 1, 3, 4, 5, 0x7fff, 0x8000, 0xffff};
		uint16_t was;

		memcpy(&was, msg.bytes + i, 2);
		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			memcpy(msg.bytes + i, &lengths[k], 2);
			parse_cut(whole);
		}
		memcpy(msg.bytes + i, &was, 2);
	}
}

static void check_hostile(size_t header)
{
	assert_int_equal(parse_cut(msg.h.nlmsg_len), 0);
	check_cuts(header);
	check_bit_flips();
}

static const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};

static void build_link(const char *name)
{
	struct ifinfomsg h = {.ifi_index = 7, .ifi_type = 1, .ifi_flags = 0x1043};

	begin(RTM_NEWLINK, &h, sizeof(h));
	put_str(IFLA_IFNAME, name);
	put_u32(IFLA_MTU, 1450);
	put(IFLA_ADDRESS, mac1, sizeof(mac1));
}

static void link_vxlan(void **state)
{
	struct nlattr *info, *data;
	struct link l;
	int id;

	(void)state;
	build_link("flannel.1");
	put_u32(IFLA_LINK, 2);
	info = nest(IFLA_LINKINFO);
	put_str(IFLA_INFO_KIND, "vxlan");
	data = nest(IFLA_INFO_DATA);
	put_u32(IFLA_VXLAN_ID, 1);
	put_address(IFLA_VXLAN_LOCAL, "172.28.128.101");
	put_be16(IFLA_VXLAN_PORT, 8472);
	put_u8(IFLA_VXLAN_LEARNING, 0);
	end(data);
	end(info);
	assert_int_equal(parse_link(&msg.h, &l, &id), 0);
	assert_string_equal(l.name, "flannel.1");
	assert_string_equal(l.kind, "vxlan");
	assert_int_equal(l.ifindex, 7);
	assert_int_equal(l.arphrd, 1);
	assert_int_equal(l.flags, 0x1043);
	assert_int_equal(l.mtu, 1450);
	assert_int_equal(l.peer, 2);
	assert_false(l.peer_is_away);
	assert_int_equal(id, -1);
	assert_memory_equal(l.mac, mac1, 6);
	assert_int_equal(l.vxlan.vni, 1);
	assert_int_equal(l.vxlan.port, 8472);
	assert_false(l.vxlan.learning);
	assert_int_equal(l.vxlan.local.family, AF_INET);
	assert_int_equal(l.vxlan.remote.family, 0);
	check_hostile(sizeof(struct ifinfomsg));
}

static void link_geneve(void **state)
{
	struct nlattr *info, *data;
	struct addr want = an_addr("fd00::2");
	struct link l;
	int id;

	(void)state;
	build_link("genev_sys");
	info = nest(IFLA_LINKINFO);
	put_str(IFLA_INFO_KIND, "geneve");
	data = nest(IFLA_INFO_DATA);
	put_u32(IFLA_GENEVE_ID, 0xffffff);
	put_be16(IFLA_GENEVE_PORT, 6081);
	put_address(IFLA_GENEVE_REMOTE6, "fd00::2");
	put(IFLA_GENEVE_COLLECT_METADATA, NULL, 0);
	end(data);
	end(info);
	assert_int_equal(parse_link(&msg.h, &l, &id), 0);
	assert_int_equal(l.vxlan.vni, 0xffffff);
	assert_int_equal(l.vxlan.port, 6081);
	assert_true(l.vxlan.external);
	assert_true(addr_eq(&l.vxlan.remote, &want));
	check_hostile(sizeof(struct ifinfomsg));
}

static void link_veth_port(void **state)
{
	struct nlattr *info, *data;
	struct link l;
	int id;

	(void)state;
	build_link("veth1234");
	put_u32(IFLA_LINK, 3);
	put_u32(IFLA_LINK_NETNSID, 5);
	put_u32(IFLA_MASTER, 4);
	info = nest(IFLA_LINKINFO);
	put_str(IFLA_INFO_KIND, "veth");
	put_str(IFLA_INFO_SLAVE_KIND, "bridge");
	data = nest(IFLA_INFO_SLAVE_DATA);
	put_u8(IFLA_BRPORT_STATE, BR_STATE_FORWARDING);
	put_u8(IFLA_BRPORT_MODE, 1);
	put_u8(IFLA_BRPORT_ISOLATED, 1);
	put_u8(IFLA_BRPORT_UNICAST_FLOOD, 1);
	end(data);
	end(info);
	assert_int_equal(parse_link(&msg.h, &l, &id), 0);
	assert_true(l.peer_is_away);
	assert_int_equal(id, 5);
	assert_int_equal(l.peer, 3);
	assert_int_equal(l.peer_netns, 0);
	assert_int_equal(l.master, 4);
	assert_true(l.port.known && l.port.hairpin && l.port.isolated && l.port.flood);
	assert_int_equal(l.port.state, BR_STATE_FORWARDING);
	assert_false(l.bridge.known);
	check_hostile(sizeof(struct ifinfomsg));
}

static void link_bridge(void **state)
{
	uint16_t pvid = 7;
	struct nlattr *info, *data;
	struct link l;
	int id;

	(void)state;
	build_link("cni0");
	info = nest(IFLA_LINKINFO);
	put_str(IFLA_INFO_KIND, "bridge");
	data = nest(IFLA_INFO_DATA);
	put_u8(IFLA_BR_VLAN_FILTERING, 1);
	put_u8(IFLA_BR_NF_CALL_IP6TABLES, 1);
	put_u32(IFLA_BR_STP_STATE, 2);
	put(IFLA_BR_VLAN_DEFAULT_PVID, &pvid, sizeof(pvid));
	end(data);
	end(info);
	assert_int_equal(parse_link(&msg.h, &l, &id), 0);
	assert_true(l.bridge.known && l.bridge.vlan_filtering && l.bridge.nf_call_ip6tables);
	assert_false(l.bridge.nf_call_iptables);
	assert_true(l.bridge.stp);
	assert_int_equal(l.bridge.default_pvid, 7);
	check_hostile(sizeof(struct ifinfomsg));
}

static void link_hostile_names(void **state)
{
	struct link l;
	int id;

	(void)state;
	build_link("a\n\033[31mb\xff");
	assert_int_equal(parse_link(&msg.h, &l, &id), 0);
	assert_string_equal(l.name, "a\n\033[31mb\xff"); /* raw: outputs escape */

	/* neither terminated nor of a name's length */
	build_link("x");
	put(IFLA_IFNAME, "0123456789abcdefghij", 20);
	assert_int_equal(parse_link(&msg.h, &l, &id), 0);
	assert_string_equal(l.name, "0123456789abcde");
	check_hostile(sizeof(struct ifinfomsg));

	build_link("x");
	put(IFLA_IFNAME, NULL, 0);
	assert_int_equal(parse_link(&msg.h, &l, &id), 0);
	assert_string_equal(l.name, "");
	check_hostile(sizeof(struct ifinfomsg));
}

/* A value that is too short for its type is no value; nothing is read behind it. */
static void link_short_values(void **state)
{
	static const int types[] = {IFLA_MTU, IFLA_MASTER, IFLA_LINK, IFLA_LINK_NETNSID,
				    IFLA_ADDRESS};
	struct link l;
	int id;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct ifinfomsg h = {.ifi_index = 7};

		begin(RTM_NEWLINK, &h, sizeof(h));
		put(types[i], "\xff\xff\xff", 3);
		assert_int_equal(parse_link(&msg.h, &l, &id), 0);
		assert_int_equal(l.mtu | l.master | l.peer, 0);
		assert_false(l.peer_is_away);
		assert_int_equal(l.mac[0], 0);
		check_hostile(sizeof(h));
	}
}

static void untouched_on_failure(void **state)
{
	struct link l, was;
	int id = 42;

	(void)state;
	build_link("eth0");
	memset(&l, 0x5a, sizeof(l));
	was = l;
	msg.h.nlmsg_len = NLMSG_HDRLEN + 4;
	assert_int_equal(parse_link(&msg.h, &l, &id), -EBADMSG);
	msg.h.nlmsg_type = RTM_DELLINK;
	assert_int_equal(parse_link(&msg.h, &l, &id), 1);
	assert_memory_equal(&l, &was, sizeof(l));
	assert_int_equal(id, 42);
}

static void address(void **state)
{
	struct ifaddrmsg h = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 3};
	struct addr local = an_addr("10.244.1.1");
	struct if_addr a;

	(void)state;
	begin(RTM_NEWADDR, &h, sizeof(h));
	put_address(IFA_ADDRESS, "10.244.1.99"); /* the peer's, on a point-to-point link */
	put_address(IFA_LOCAL, "10.244.1.1");
	assert_int_equal(parse_addr(&msg.h, &a), 0);
	assert_true(addr_eq(&a.net.addr, &local));
	assert_int_equal(a.net.bits, 24);
	assert_int_equal(a.ifindex, 3);
	check_hostile(sizeof(h));
}

static void address_bogus_prefix(void **state)
{
	struct ifaddrmsg h = {.ifa_family = AF_INET, .ifa_prefixlen = 200, .ifa_index = 3};
	struct if_addr a;

	(void)state;
	begin(RTM_NEWADDR, &h, sizeof(h));
	put_address(IFA_ADDRESS, "10.244.1.1");
	assert_int_equal(parse_addr(&msg.h, &a), -EBADMSG);
}

static void route_v4(void **state)
{
	struct rtmsg h = {.rtm_family = AF_INET,
			  .rtm_dst_len = 16,
			  .rtm_table = RT_TABLE_MAIN,
			  .rtm_type = RTN_UNICAST,
			  .rtm_protocol = RTPROT_STATIC};
	struct addr gw = an_addr("192.168.1.1");
	struct cidr dst = a_cidr("10.244.0.0/16");
	struct route r;

	(void)state;
	begin(RTM_NEWROUTE, &h, sizeof(h));
	put_u32(RTA_TABLE, 1000);
	put_address(RTA_DST, "10.244.0.0");
	put_address(RTA_GATEWAY, "192.168.1.1");
	put_address(RTA_PREFSRC, "192.168.1.7");
	put_u32(RTA_OIF, 2);
	put_u32(RTA_PRIORITY, 100);
	assert_int_equal(parse_route(&msg.h, &r), 0);
	assert_int_equal(r.table, 1000);
	assert_int_equal(r.type, RTN_UNICAST);
	assert_int_equal(r.protocol, RTPROT_STATIC);
	assert_int_equal(r.oif, 2);
	assert_int_equal(r.metric, 100);
	assert_true(addr_eq(&r.gateway, &gw));
	assert_true(addr_eq(&r.dst.addr, &dst.addr));
	assert_int_equal(r.dst.bits, 16);
	check_hostile(sizeof(h));
}

static void route_default_and_blackhole(void **state)
{
	struct rtmsg h = {
		.rtm_family = AF_INET6, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_BLACKHOLE};
	struct route r;

	(void)state;
	begin(RTM_NEWROUTE, &h, sizeof(h));
	assert_int_equal(parse_route(&msg.h, &r), 0);
	assert_int_equal(r.dst.addr.family, AF_INET6);
	assert_int_equal(r.dst.bits, 0);
	assert_int_equal(r.oif, 0);
	assert_int_equal(r.table, RT_TABLE_MAIN);
	assert_int_equal(r.type, RTN_BLACKHOLE);
	check_cuts(sizeof(h));
}

/* "10.0.0.0/8 via inet6 fe80::1": unnumbered BGP */
static void route_via_other_family(void **state)
{
	struct rtmsg h = {.rtm_family = AF_INET, .rtm_dst_len = 8, .rtm_type = RTN_UNICAST};
	struct addr gw = an_addr("fe80::1");
	uint8_t via[18] = {};
	uint16_t family = AF_INET6;
	struct route r;

	(void)state;
	memcpy(via, &family, 2);
	memcpy(via + 2, gw.b, 16);
	begin(RTM_NEWROUTE, &h, sizeof(h));
	put_address(RTA_DST, "10.0.0.0");
	put_u32(RTA_OIF, 2);
	put(RTA_VIA, via, sizeof(via));
	assert_int_equal(parse_route(&msg.h, &r), 0);
	assert_true(addr_eq(&r.gateway, &gw));
	check_hostile(sizeof(h));

	begin(RTM_NEWROUTE, &h, sizeof(h));
	put(RTA_VIA, via, 6); /* an IPv6 address of four bytes */
	assert_int_equal(parse_route(&msg.h, &r), 0);
	assert_int_equal(r.gateway.family, 0);
	check_hostile(sizeof(h));
}

static void route_bogus_prefix(void **state)
{
	struct rtmsg h = {.rtm_family = AF_INET, .rtm_dst_len = 33};
	struct route r;

	(void)state;
	begin(RTM_NEWROUTE, &h, sizeof(h));
	assert_int_equal(parse_route(&msg.h, &r), -EBADMSG);
}

static void neigh_arp(void **state)
{
	struct ndmsg h = {.ndm_family = AF_INET, .ndm_ifindex = 3, .ndm_state = NUD_FAILED};
	struct addr a = an_addr("10.0.0.9");
	struct neigh n;

	(void)state;
	begin(RTM_NEWNEIGH, &h, sizeof(h));
	put_address(NDA_DST, "10.0.0.9");
	assert_int_equal(parse_neigh(&msg.h, &n), 0);
	assert_false(n.fdb);
	assert_false(n.has_mac);
	assert_true(addr_eq(&n.dst, &a));
	assert_int_equal(n.state, NUD_FAILED);
	check_hostile(sizeof(h));
}

static void neigh_fdb(void **state)
{
	struct ndmsg h = {.ndm_family = AF_BRIDGE, .ndm_ifindex = 5, .ndm_state = NUD_PERMANENT};
	struct addr v4 = an_addr("172.28.128.102"), v6 = an_addr("fd00::2");
	struct neigh n;

	(void)state;
	begin(RTM_NEWNEIGH, &h, sizeof(h));
	put(NDA_LLADDR, mac2, 6);
	put_address(NDA_DST, "172.28.128.102");
	assert_int_equal(parse_neigh(&msg.h, &n), 0);
	assert_true(n.fdb && n.has_mac);
	assert_true(addr_eq(&n.dst, &v4));
	check_hostile(sizeof(h));

	begin(RTM_NEWNEIGH, &h, sizeof(h));
	put(NDA_LLADDR, mac2, 6);
	put_u32(NDA_MASTER, 4);
	put_address(NDA_DST, "fd00::2");
	assert_int_equal(parse_neigh(&msg.h, &n), 0);
	assert_true(addr_eq(&n.dst, &v6));
	assert_int_equal(n.master, 4);
	check_hostile(sizeof(h));
}

static void put_vlan(uint16_t flags, uint16_t vid)
{
	struct bridge_vlan_info info = {flags, vid};

	put(IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

static struct nlattr *begin_vlans(int family)
{
	struct ifinfomsg h = {.ifi_family = (uint8_t)family, .ifi_index = 5};

	begin(RTM_NEWLINK, &h, sizeof(h));
	put_str(IFLA_IFNAME, "veth1");
	return nest(IFLA_AF_SPEC);
}

static void vlans(void **state)
{
	struct nlattr *spec = begin_vlans(AF_BRIDGE);
	struct port_vlans v;
	uint16_t mode = 0;

	(void)state;
	put(IFLA_BRIDGE_MODE, &mode, sizeof(mode));
	put_vlan(BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, 7);
	put_vlan(BRIDGE_VLAN_INFO_RANGE_BEGIN, 100);
	put_vlan(BRIDGE_VLAN_INFO_RANGE_END, 102);
	put_vlan(0, 4094);
	end(spec);
	assert_int_equal(parse_vlans(&msg.h, &v), 0);
	assert_int_equal(v.ifindex, 5);
	assert_int_equal(v.pvid, 7);
	for (uint16_t vid = 0; vid < 4096; vid++)
		assert_int_equal(vlans_have(&v, vid),
				 vid == 7 || (vid >= 100 && vid <= 102) || vid == 4094);
	check_hostile(sizeof(struct ifinfomsg));

	/* a port without any, and a link that was not asked about as a bridge's port */
	end(begin_vlans(AF_BRIDGE));
	assert_int_equal(parse_vlans(&msg.h, &v), 1);
	spec = begin_vlans(AF_UNSPEC);
	put_vlan(0, 3);
	end(spec);
	assert_int_equal(parse_vlans(&msg.h, &v), 1);
	assert_int_equal(v.pvid, 7);
}

/* Ranges that end before they begin, or never do either, and VLANs that do not exist. */
static void vlans_hostile(void **state)
{
	static const struct bridge_vlan_info bad[][2] = {
		{{BRIDGE_VLAN_INFO_RANGE_BEGIN, 9}, {BRIDGE_VLAN_INFO_RANGE_END, 8}},
		{{0, 3}, {BRIDGE_VLAN_INFO_RANGE_END, 8}},
		{{0, 3}, {BRIDGE_VLAN_INFO_RANGE_BEGIN, 8}},
		{{0, 3}, {0, 0}},
		{{0, 3}, {0, 4095}},
		{{0, 3}, {0, 0xffff}},
		{{BRIDGE_VLAN_INFO_RANGE_BEGIN, 3}, {BRIDGE_VLAN_INFO_RANGE_END, 0xffff}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nlattr *spec = begin_vlans(AF_BRIDGE);
		struct port_vlans v;

		put_vlan(bad[i][0].flags, bad[i][0].vid);
		put_vlan(bad[i][1].flags, bad[i][1].vid);
		end(spec);
		assert_int_equal(parse_vlans(&msg.h, &v), -EBADMSG);
	}
}

static void nsid(void **state)
{
	struct rtgenmsg h = {};
	int id = 42;

	(void)state;
	begin(RTM_NEWNSID, &h, sizeof(h));
	assert_int_equal(parse_nsid(&msg.h, &id), -EBADMSG);
	assert_int_equal(id, 42);
	put_u32(NETNSA_NSID, (uint32_t)-1);
	assert_int_equal(parse_nsid(&msg.h, &id), 0);
	assert_int_equal(id, -1);
	check_hostile(sizeof(h));
}

static void put_tuple(int type, const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	bool v6 = an_addr(src).family == AF_INET6;
	struct nlattr *tuple = nest(type), *ip, *proto;

	ip = nest(CTA_TUPLE_IP);
	put_address(v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, src);
	put_address(v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, dst);
	end(ip);
	proto = nest(CTA_TUPLE_PROTO);
	put_u8(CTA_PROTO_NUM, IPPROTO_TCP);
	put_be16(CTA_PROTO_SRC_PORT, sport);
	put_be16(CTA_PROTO_DST_PORT, dport);
	end(proto);
	end(tuple);
}

static void build_conntrack(const char *client, const char *service, const char *backend)
{
	struct nfgenmsg h = {.nfgen_family = an_addr(client).family};
	struct nlattr *info, *tcp;

	begin(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, &h, sizeof(h));
	put_tuple(CTA_TUPLE_ORIG, client, service, 40000, 80);
	put_tuple(CTA_TUPLE_REPLY, backend, client, 8080, 40000);
	put_be32(CTA_STATUS, IPS_CONFIRMED | IPS_DST_NAT);
	put_be32(CTA_TIMEOUT, 117);
	info = nest(CTA_PROTOINFO);
	tcp = nest(CTA_PROTOINFO_TCP);
	put_u8(CTA_PROTOINFO_TCP_STATE, 1);
	end(tcp);
	end(info);
}

static void conntrack(void **state)
{
	struct addr backend = an_addr("10.244.1.3"), v6 = an_addr("fd00:1::3");
	struct ct_entry e;

	(void)state;
	build_conntrack("10.244.1.2", "10.96.0.10", "10.244.1.3");
	assert_int_equal(parse_conntrack(&msg.h, &e), 0);
	assert_int_equal(e.proto, IPPROTO_TCP);
	assert_int_equal(e.orig.l3, ETHERTYPE_IP);
	assert_int_equal(e.orig.sport, 40000);
	assert_int_equal(e.orig.dport, 80);
	assert_true(addr_eq(&e.reply.src, &backend));
	assert_int_equal(e.reply.sport, 8080);
	assert_int_equal(e.status, IPS_CONFIRMED | IPS_DST_NAT);
	assert_int_equal(e.timeout, 117);
	assert_int_equal(e.tcp_state, 1);
	check_hostile(sizeof(struct nfgenmsg));

	build_conntrack("fd00:1::2", "fd00:96::10", "fd00:1::3");
	assert_int_equal(parse_conntrack(&msg.h, &e), 0);
	assert_int_equal(e.orig.l3, ETHERTYPE_IPV6);
	assert_true(addr_eq(&e.reply.src, &v6));
	check_hostile(sizeof(struct nfgenmsg));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_vxlan),
		cmocka_unit_test(link_geneve),
		cmocka_unit_test(link_veth_port),
		cmocka_unit_test(link_bridge),
		cmocka_unit_test(link_hostile_names),
		cmocka_unit_test(link_short_values),
		cmocka_unit_test(untouched_on_failure),
		cmocka_unit_test(address),
		cmocka_unit_test(address_bogus_prefix),
		cmocka_unit_test(route_v4),
		cmocka_unit_test(route_default_and_blackhole),
		cmocka_unit_test(route_via_other_family),
		cmocka_unit_test(route_bogus_prefix),
		cmocka_unit_test(neigh_arp),
		cmocka_unit_test(neigh_fdb),
		cmocka_unit_test(vlans),
		cmocka_unit_test(vlans_hostile),
		cmocka_unit_test(nsid),
		cmocka_unit_test(conntrack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
