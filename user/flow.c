// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/event.h"
#include "flow.h"
#include "util.h"

#define MAX_EXT_HEADERS 8
#define MAX_VLAN_TAGS	2

struct addr addr_v4(const void *b4)
{
	struct addr a = {.family = AF_INET};

	memcpy(a.b, b4, 4);
	return a;
}

struct addr addr_v6(const void *b16)
{
	struct addr a = {.family = AF_INET6};

	memcpy(a.b, b16, 16);
	return a;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->family && a->family == b->family && !memcmp(a->b, b->b, sizeof(a->b));
}

bool addr_is_multicast(const struct addr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (a->family == AF_INET6)
		return a->b[0] == 0xff;
	return a->family == AF_INET && (a->b[0] >> 4 == 14 || !memcmp(a->b, broadcast, 4));
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zeroes[16];

	return !memcmp(a->b, zeroes, sizeof(zeroes));
}

bool addr_is_linklocal(const struct addr *a)
{
	if (a->family == AF_INET6)
		return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
	return a->family == AF_INET && a->b[0] == 169 && a->b[1] == 254;
}

static bool same_prefix(const struct addr *a, const struct addr *b, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (a->family != b->family || !a->family || bits > (a->family == AF_INET6 ? 128U : 32U))
		return false;
	if (memcmp(a->b, b->b, bytes))
		return false;
	return !rest || !((a->b[bytes] ^ b->b[bytes]) >> (8 - rest));
}

bool flow_same_tuple(const struct flow *a, const struct flow *b)
{
	return a->proto == b->proto && addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst) &&
	       a->sport == b->sport && a->dport == b->dport;
}

bool cidr_has(const struct cidr *c, const struct addr *a)
{
	return same_prefix(&c->addr, a, c->bits);
}

bool cidr_overlap(const struct cidr *a, const struct cidr *b)
{
	return same_prefix(&a->addr, &b->addr, a->bits < b->bits ? a->bits : b->bits);
}

int addr_parse(const char *s, struct addr *out)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, s, b) == 1)
		*out = addr_v4(b);
	else if (inet_pton(AF_INET6, s, b) == 1)
		*out = addr_v6(b);
	else
		return -EINVAL;
	return 0;
}

int cidr_parse(const char *s, struct cidr *out)
{
	const char *slash = strchr(s, '/');
	char text[ADDR_STRLEN], *end;
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	struct cidr c = {};
	unsigned long bits;

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	if (addr_parse(text, &c.addr))
		return -EINVAL;
	bits = c.addr.family == AF_INET6 ? 128 : 32;
	if (slash) {
		unsigned long most = bits;

		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		bits = strtoul(slash + 1, &end, 10);
		if (*end || bits > most)
			return -EINVAL;
	}
	c.bits = (uint8_t)bits;
	*out = c;
	return 0;
}

void cidr_unmap(struct cidr *c)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (c->addr.family != AF_INET6 || c->bits < 96 || memcmp(c->addr.b, mapped, 12) != 0)
		return;
	c->addr = addr_v4(c->addr.b + 12);
	c->bits = (uint8_t)(c->bits - 96);
}

const char *addr_str(const struct addr *a, char *buf)
{
	if (!a->family || !inet_ntop(a->family, a->b, buf, ADDR_STRLEN))
		snprintf(buf, ADDR_STRLEN, "?");
	return buf;
}

const char *cidr_str(const struct cidr *c, char *buf)
{
	char text[ADDR_STRLEN];

	snprintf(buf, CIDR_STRLEN, "%s/%u", addr_str(&c->addr, text), c->bits);
	return buf;
}

static const struct {
	uint8_t proto;
	const char *name;
} protocols[] = {
	{IPPROTO_TCP, "tcp"},	   {IPPROTO_UDP, "udp"},   {IPPROTO_ICMP, "icmp"},
	{IPPROTO_ICMPV6, "icmp6"}, {IPPROTO_SCTP, "sctp"}, {IPPROTO_ESP, "esp"},
	{IPPROTO_AH, "ah"},	   {IPPROTO_GRE, "gre"},   {IPPROTO_IPIP, "ipip"},
	{IPPROTO_IGMP, "igmp"},
};

const char *flow_proto_str(const struct flow *f, char *buf)
{
	if (f->l3 == ETHERTYPE_ARP) {
		snprintf(buf, 16, "arp");
		return buf;
	}
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (protocols[i].proto == f->proto) {
			snprintf(buf, 16, "%s", protocols[i].name);
			return buf;
		}
	}
	snprintf(buf, 16, "ip-proto-%u", f->proto);
	return buf;
}

const char *flow_tcp_flags_str(const struct flow *f, char *buf)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	/* in the order in which people say them */
	static const int order[] = {1, 0, 2, 3, 4, 5, 6, 7};
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (f->tcp_flags & (1 << order[i]))
			n += (size_t)snprintf(buf + n, 40 - n, "%s%s", n ? "," : "",
					      names[order[i]]);
	}
	if (!n)
		snprintf(buf, 40, "none");
	return buf;
}

struct icmp_name {
	uint8_t type;
	const char *name;
	const char *codes[14];
};

static const struct icmp_name icmp4_names[] = {
	{0, "echo-reply", {0}},
	{3,
	 "dest-unreachable",
	 {"net", "host", "protocol", "port", "frag-needed", "source-route", "net-unknown",
	  "host-unknown", 0, "net-prohibited", "host-prohibited", 0, 0, "admin-prohibited"}},
	{5, "redirect", {"net", "host"}},
	{8, "echo-request", {0}},
	{11, "time-exceeded", {"ttl", "reassembly"}},
	{12, "parameter-problem", {0}},
};

static const struct icmp_name icmp6_names[] = {
	{1,
	 "dest-unreachable",
	 {"no-route", "admin-prohibited", "scope", "address", "port", "policy", "reject-route"}},
	{2, "packet-too-big", {0}},
	{3, "time-exceeded", {"hop-limit", "reassembly"}},
	{4, "parameter-problem", {0}},
	{128, "echo-request", {0}},
	{129, "echo-reply", {0}},
	{130, "mld-query", {0}},
	{131, "mld-report", {0}},
	{132, "mld-done", {0}},
	{133, "router-solicit", {0}},
	{134, "router-advert", {0}},
	{135, "neighbour-solicit", {0}},
	{136, "neighbour-advert", {0}},
	{137, "redirect", {0}},
	{143, "mld2-report", {0}},
};

const char *flow_icmp_str(const struct flow *f, char *buf)
{
	bool v6 = f->proto == IPPROTO_ICMPV6;
	const struct icmp_name *t = v6 ? icmp6_names : icmp4_names;
	size_t n = v6 ? ARRAY_SIZE(icmp6_names) : ARRAY_SIZE(icmp4_names);

	for (size_t i = 0; i < n; i++) {
		const char *code;

		if (t[i].type != f->icmp_type)
			continue;
		code = f->icmp_code < ARRAY_SIZE(t[i].codes) ? t[i].codes[f->icmp_code] : NULL;
		snprintf(buf, 40, "%s%s%s", t[i].name, code ? "/" : "", code ? code : "");
		return buf;
	}
	snprintf(buf, 40, "type %u code %u", f->icmp_type, f->icmp_code);
	return buf;
}

static const char *end_str(const struct flow *f, const struct addr *a, uint16_t port, char *buf,
			   size_t size)
{
	char text[ADDR_STRLEN];

	addr_str(a, text);
	if (!f->has_ports)
		snprintf(buf, size, "%s", text);
	else if (!port)
		snprintf(buf, size, a->family == AF_INET6 ? "[%s]:*" : "%s:*", text);
	else
		snprintf(buf, size, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
	return buf;
}

static const char *detail_str(const struct flow *f, char *buf)
{
	static const char *const arp[] = {"", "request", "reply"};

	buf[0] = '\0';
	if (f->has_tcp_flags)
		return flow_tcp_flags_str(f, buf);
	if (f->has_icmp)
		return flow_icmp_str(f, buf);
	if (f->l3 == ETHERTYPE_ARP && f->icmp_code < ARRAY_SIZE(arp))
		snprintf(buf, 40, "%s", arp[f->icmp_code]);
	else if (f->is_fragment)
		snprintf(buf, 40, "fragment");
	return buf;
}

const char *flow_str(const struct flow *f, char *buf)
{
	char proto[16], src[64], dst[64], detail[40];

	if (!f->l3) {
		snprintf(buf, FLOW_STRLEN, "unknown packet");
		return buf;
	}
	detail_str(f, detail);
	snprintf(buf, FLOW_STRLEN, "%s %s > %s%s%s", flow_proto_str(f, proto),
		 end_str(f, &f->src, f->sport, src, sizeof(src)),
		 end_str(f, &f->dst, f->dport, dst, sizeof(dst)), detail[0] ? " " : "", detail);
	return buf;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static size_t parse_l4(const uint8_t *p, size_t len, size_t off, struct flow *f)
{
	if (off >= len) /* what extension headers claim may lie past the end */
		return len;
	if (f->is_fragment)
		return off;
	p += off;
	len -= off;
	if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6) {
		if (len < 2)
			return off;
		f->has_icmp = true;
		f->icmp_type = p[0];
		f->icmp_code = p[1];
		return off + 2;
	}
	if ((f->proto != IPPROTO_TCP && f->proto != IPPROTO_UDP && f->proto != IPPROTO_SCTP) ||
	    len < 4)
		return off;
	f->has_ports = true;
	f->sport = be16(p);
	f->dport = be16(p + 2);
	if (f->proto == IPPROTO_TCP && len > 13) {
		f->has_tcp_flags = true;
		f->tcp_flags = p[13];
	}
	return off + 4;
}

static int parse_ipv4(const uint8_t *p, size_t len, struct flow *f, size_t *l4_off)
{
	size_t ihl;

	if (len < 20 || p[0] >> 4 != 4)
		return -EINVAL;
	ihl = (size_t)(p[0] & 15) * 4;
	if (ihl < 20 || ihl > len)
		return -EINVAL;
	f->proto = p[9];
	f->src = addr_v4(p + 12);
	f->dst = addr_v4(p + 16);
	f->is_fragment = be16(p + 6) & 0x1fff;
	*l4_off = ihl;
	return (int)parse_l4(p, len, ihl, f);
}

static int parse_ipv6(const uint8_t *p, size_t len, struct flow *f, size_t *l4_off)
{
	size_t off = 40;
	uint8_t next;

	if (len < 40 || p[0] >> 4 != 6)
		return -EINVAL;
	f->src = addr_v6(p + 8);
	f->dst = addr_v6(p + 24);
	next = p[6];
	for (int i = 0; i < MAX_EXT_HEADERS && off + 8 <= len && !f->is_fragment; i++) {
		const uint8_t *e = p + off;

		if (next == IPPROTO_FRAGMENT) {
			f->is_fragment = be16(e + 2) & 0xfff8;
			off += 8;
		} else if (next == IPPROTO_AH) {
			f->has_ah = true;
			off += ((size_t)e[1] + 2) * 4;
		} else if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
			   next == IPPROTO_DSTOPTS) {
			off += ((size_t)e[1] + 1) * 8;
		} else {
			break;
		}
		next = e[0];
	}
	f->proto = next;
	*l4_off = off;
	return (int)parse_l4(p, len, off, f);
}

static int parse_arp(const uint8_t *p, size_t len, struct flow *f, size_t *l4_off)
{
	if (len < 28 || be16(p + 2) != ETHERTYPE_IP || p[4] != 6 || p[5] != 4)
		return -EINVAL;
	f->icmp_code = p[7];
	f->src = addr_v4(p + 14);
	f->dst = addr_v4(p + 24);
	*l4_off = 28;
	return 28;
}

bool proto_has_ports(uint32_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

bool proto_may_be_ipv4(uint32_t proto)
{
	return proto != IPPROTO_ICMPV6;
}

bool proto_may_be_ipv6(uint32_t proto)
{
	return proto != IPPROTO_ICMP && proto != IPPROTO_IGMP && proto != PROTO_ARP;
}

int flow_parse(uint16_t l3, const uint8_t *p, size_t len, struct flow *out, size_t *l4_off)
{
	struct flow f = {};
	size_t tags = 0, l4 = 0;
	int n = -EINVAL;

	for (int i = 0; i < MAX_VLAN_TAGS && (l3 == ETHERTYPE_VLAN || l3 == 0x88a8); i++) {
		if (len < tags + 4)
			return -EINVAL;
		l3 = be16(p + tags + 2);
		tags += 4;
	}
	f.l3 = l3;
	if (l3 == ETHERTYPE_IP)
		n = parse_ipv4(p + tags, len - tags, &f, &l4);
	else if (l3 == ETHERTYPE_IPV6)
		n = parse_ipv6(p + tags, len - tags, &f, &l4);
	else if (l3 == ETHERTYPE_ARP)
		n = parse_arp(p + tags, len - tags, &f, &l4);
	if (n < 0)
		return n;
	*out = f;
	*l4_off = tags + l4;
	return n + (int)tags;
}

/* Types of ICMP and ICMPv6 that quote the packet they complain about. */
static bool is_icmp_error(const struct flow *f)
{
	if (f->proto == IPPROTO_ICMPV6)
		return f->icmp_type >= 1 && f->icmp_type <= 4;
	return f->icmp_type == 3 || f->icmp_type == 5 || f->icmp_type == 11 || f->icmp_type == 12;
}

static void parse_quoted(const struct flow *outer, const uint8_t *p, size_t len, size_t off,
			 struct tunnel *t)
{
	size_t l4;

	if (!is_icmp_error(outer) || off + 8 >= len ||
	    flow_parse(outer->l3, p + off + 8, len - off - 8, &t->inner, &l4) < 0)
		return;
	t->present = true;
	t->kind = "icmp";
}

static void parse_frame(const uint8_t *p, size_t len, struct tunnel *t)
{
	size_t l4;

	if (len < ETH_HLEN)
		return;
	memcpy(t->inner_dst_mac, p, ETH_ALEN);
	memcpy(t->inner_src_mac, p + ETH_ALEN, ETH_ALEN);
	flow_parse(be16(p + 12), p + ETH_HLEN, len - ETH_HLEN, &t->inner, &l4);
}

void flow_parse_inner(const struct flow *outer, const uint8_t *p, size_t len, size_t l4_off,
		      struct tunnel *out)
{
	struct tunnel t = {};
	size_t off = l4_off + 8; /* past the UDP header */
	const uint8_t *h;

	memset(out, 0, sizeof(*out));
	if (outer->has_icmp) {
		parse_quoted(outer, p, len, l4_off, out);
		return;
	}
	if (outer->proto != IPPROTO_UDP || !outer->has_ports || off > len || len - off < 8)
		return;
	h = p + off;
	t.vni = (uint32_t)h[4] << 16 | (uint32_t)h[5] << 8 | h[6];
	if (h[0] == 0x08 && !h[1] && !h[2] && !h[3] && !h[7]) {
		t.kind = "vxlan";
		off += 8;
	} else if (!(h[0] >> 6) && !(h[1] & 0x3f) && be16(h + 2) == 0x6558 && !h[7]) {
		t.kind = "geneve";
		off += 8 + (size_t)(h[0] & 0x3f) * 4;
	} else {
		return;
	}
	t.present = true;
	if (off < len)
		parse_frame(p + off, len - off, &t);
	*out = t;
}
