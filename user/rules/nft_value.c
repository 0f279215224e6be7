// SPDX-License-Identifier: GPL-2.0-only
#include <net/ethernet.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "nft_value.h"

#define NUMBER_LEN 8

/* Names as nft prints them: its src/proto.c, src/ct.c, src/datatype.c; protocols are those of the
 * node's /etc/protocols. */
static const struct nft_word protocols[] = {
	{"hopopt", 0},	    {"icmp", 1},       {"igmp", 2},	 {"ipencap", 4},
	{"ipv4", 4},	    {"tcp", 6},	       {"udp", 17},	 {"dccp", 33},
	{"ipv6", 41},	    {"gre", 47},       {"esp", 50},	 {"ah", 51},
	{"ipv6-route", 43}, {"ipv6-frag", 44}, {"icmpv6", 58},	 {"ipv6-icmp", 58},
	{"ipv6-nonxt", 59}, {"ipv6-opts", 60}, {"ospf", 89},	 {"ipip", 94},
	{"pim", 103},	    {"comp", 108},     {"ipcomp", 108},	 {"vrrp", 112},
	{"l2tp", 115},	    {"sctp", 132},     {"udplite", 136}, {NULL, 0},
};

static const struct nft_word ethertypes[] = {
	{"ip", ETHERTYPE_IP},
	{"ip6", ETHERTYPE_IPV6},
	{"arp", ETHERTYPE_ARP},
	{"8021q", ETHERTYPE_VLAN},
	{"vlan", ETHERTYPE_VLAN},
	{"8021ad", 0x88a8},
	{NULL, 0},
};

static const struct nft_word nfprotos[] = {
	{"ipv4", NFPROTO_IPV4}, {"ipv6", NFPROTO_IPV6}, {NULL, 0}};

static const struct nft_word tcp_flags[] = {
	{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"psh", 0x08}, {"ack", 0x10},
	{"urg", 0x20}, {"ecn", 0x40}, {"cwr", 0x80}, {NULL, 0},
};

static const struct nft_word icmp_types[] = {
	{"echo-reply", 0},	     {"destination-unreachable", 3},
	{"source-quench", 4},	     {"redirect", 5},
	{"echo-request", 8},	     {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11},
	{"parameter-problem", 12},   {"timestamp-request", 13},
	{"timestamp-reply", 14},     {"info-request", 15},
	{"info-reply", 16},	     {"address-mask-request", 17},
	{"address-mask-reply", 18},  {NULL, 0},
};

static const struct nft_word icmp_codes[] = {
	{"net-unreachable", 0},	 {"host-unreachable", 1},  {"prot-unreachable", 2},
	{"port-unreachable", 3}, {"frag-needed", 4},	   {"net-prohibited", 9},
	{"host-prohibited", 10}, {"admin-prohibited", 13}, {NULL, 0},
};

static const struct nft_word icmpv6_types[] = {
	{"destination-unreachable", 1}, {"packet-too-big", 2},
	{"time-exceeded", 3},		{"parameter-problem", 4},
	{"echo-request", 128},		{"echo-reply", 129},
	{"mld-listener-query", 130},	{"mld-listener-report", 131},
	{"mld-listener-done", 132},	{"mld-listener-reduction", 132},
	{"nd-router-solicit", 133},	{"nd-router-advert", 134},
	{"nd-neighbor-solicit", 135},	{"nd-neighbor-advert", 136},
	{"nd-redirect", 137},		{"router-renumbering", 138},
	{"ind-neighbor-solicit", 141},	{"ind-neighbor-advert", 142},
	{"mld2-listener-report", 143},	{NULL, 0},
};

static const struct nft_word icmpv6_codes[] = {
	{"no-route", 0},
	{"admin-prohibited", 1},
	{"addr-unreachable", 3},
	{"port-unreachable", 4},
	{"policy-fail", 5},
	{"reject-route", 6},
	{NULL, 0},
};

static const struct nft_word arp_operations[] = {{"request", 1}, {"reply", 2}, {NULL, 0}};

/* NF_CT_STATE_BIT() and its siblings, include/uapi/linux/netfilter/nf_conntrack_common.h */
#define STATE_BIT(ctinfo) (1U << ((ctinfo) % IP_CT_IS_REPLY + 1))
#define STATE_INVALID	  (1U << 0)
#define STATE_UNTRACKED	  (1U << 6)

static const struct nft_word ct_states[] = {
	{"invalid", STATE_INVALID},
	{"established", STATE_BIT(IP_CT_ESTABLISHED)},
	{"related", STATE_BIT(IP_CT_RELATED)},
	{"new", STATE_BIT(IP_CT_NEW)},
	{"untracked", STATE_UNTRACKED},
	{NULL, 0},
};

static const struct nft_word ct_statuses[] = {
	{"expected", IPS_EXPECTED}, {"seen-reply", IPS_SEEN_REPLY},
	{"assured", IPS_ASSURED},   {"confirmed", IPS_CONFIRMED},
	{"snat", IPS_SRC_NAT},	    {"dnat", IPS_DST_NAT},
	{"dying", IPS_DYING},	    {NULL, 0},
};

static const struct nft_word ct_directions[] = {{"original", 0}, {"reply", 1}, {NULL, 0}};

static void put_number(uint8_t *b, uint64_t n)
{
	for (int i = NUMBER_LEN - 1; i >= 0; i--, n >>= 8)
		b[i] = (uint8_t)n;
}

static void set_number(struct nft_value *v, uint64_t n, const struct nft_word *words)
{
	v->kind = NFT_NUMBER;
	v->words = words;
	v->len = NUMBER_LEN;
	put_number(v->any[v->n++], n);
}

static void set_bytes(struct nft_value *v, const uint8_t *b, size_t len)
{
	v->kind = NFT_BYTES;
	v->len = len;
	memcpy(v->any[v->n++], b, len);
}

static void set_addr(struct nft_value *v, const struct addr *a)
{
	if (a->family)
		set_bytes(v, a->b, a->family == AF_INET6 ? 16 : 4);
}

/* A tag in the frame hides what flow_parse() found behind it from nft, but from IP's own hooks. */
enum tri nft_is_l3(const struct nft_packet *p, uint16_t l3)
{
	const struct group *g = &p->g;

	if (!strcmp(p->family, "ip") || !strcmp(p->family, "ip6"))
		return l3 == (p->family[2] ? ETHERTYPE_IPV6 : ETHERTYPE_IP) ? TRI_YES : TRI_NO;
	if (!g->flow.l3 || (g->key.l3 && g->key.l3 != g->flow.l3))
		return TRI_MAYBE;
	return g->flow.l3 == l3 ? TRI_YES : TRI_NO;
}

static enum tri is_ip(const struct nft_packet *p)
{
	enum tri v4 = nft_is_l3(p, ETHERTYPE_IP), v6 = nft_is_l3(p, ETHERTYPE_IPV6);

	return tri_not(tri_and(tri_not(v4), tri_not(v6)));
}

static const uint8_t extensions[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH,
				     IPPROTO_DSTOPTS};

static bool is_extension(const struct flow *f)
{
	return f->l3 == ETHERTYPE_IPV6 && memchr(extensions, f->proto, sizeof(extensions));
}

/*
 * Has the packet a protocol, and which? It is the one behind IPv6's extension headers, and a
 * fragment's, too, but for AH, where nft stops: nft_set_pktinfo_ipv6(),
 * include/net/netfilter/nf_tables_ipv6.h. A fragment that is not the first has none if it begins
 * with another such header (ipv6_find_hdr(), net/ipv6/exthdrs_core.c). Otherwise that is where the
 * sample's bytes ended.
 */
static enum tri has_l4(const struct nft_packet *p, uint8_t *proto)
{
	const struct flow *f = &p->g.flow;
	enum tri ip = is_ip(p);

	*proto = f->has_ah ? IPPROTO_AH : f->proto;
	if (ip != TRI_YES || f->has_ah)
		return ip;
	if (is_extension(f))
		return f->is_fragment ? TRI_NO : TRI_MAYBE;
	return f->proto ? TRI_YES : TRI_MAYBE;
}

enum tri nft_is_l4(const struct nft_packet *p, uint8_t proto)
{
	uint8_t have;
	enum tri has = has_l4(p, &have);

	if (has != TRI_YES)
		return has;
	return have == proto ? TRI_YES : TRI_NO;
}

static void get_saddr(const struct nft_packet *p, struct nft_value *v)
{
	set_addr(v, &p->g.flow.src);
}

static void get_daddr(const struct nft_packet *p, struct nft_value *v)
{
	set_addr(v, &p->g.flow.dst);
}

static void get_proto(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.flow.proto)
		set_number(v, p->g.flow.proto, protocols);
}

/* The first header's: which extension headers there are is not known. */
static void get_nexthdr(const struct nft_packet *p, struct nft_value *v)
{
	if (!p->g.flow.proto)
		return;
	set_number(v, p->g.flow.proto, protocols);
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
		set_number(v, extensions[i], protocols);
}

/* Of a group without a sample only one port is known, the other is 0. */
static void get_port(const struct nft_packet *p, uint16_t port, struct nft_value *v)
{
	if (p->g.flow.has_ports && port)
		set_number(v, port, NULL);
}

static void get_sport(const struct nft_packet *p, struct nft_value *v)
{
	get_port(p, p->g.flow.sport, v);
}

static void get_dport(const struct nft_packet *p, struct nft_value *v)
{
	get_port(p, p->g.flow.dport, v);
}

static void get_tcp_flags(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.flow.has_tcp_flags)
		set_number(v, p->g.flow.tcp_flags, tcp_flags);
}

static void get_icmp_type(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.flow.has_icmp)
		set_number(v, p->g.flow.icmp_type, icmp_types);
}

static void get_icmp_code(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.flow.has_icmp)
		set_number(v, p->g.flow.icmp_code, icmp_codes);
}

static void get_icmpv6_type(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.flow.has_icmp)
		set_number(v, p->g.flow.icmp_type, icmpv6_types);
}

static void get_icmpv6_code(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.flow.has_icmp)
		set_number(v, p->g.flow.icmp_code, icmpv6_codes);
}

static void get_ether_saddr(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.has_src_mac)
		set_bytes(v, p->g.src_mac, sizeof(p->g.src_mac));
}

static void get_ether_daddr(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.has_src_mac)
		set_bytes(v, p->g.dst_mac, sizeof(p->g.dst_mac));
}

static void get_vlan_id(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.vlan)
		set_number(v, p->g.vlan, NULL);
}

static void get_protocol(const struct nft_packet *p, struct nft_value *v)
{
	if (nft_is_l3(p, p->g.flow.l3) == TRI_YES)
		set_number(v, p->g.flow.l3, ethertypes);
}

/* nft puts a tag that the packet's own field has back into the header: nft_payload_copy_vlan(),
 * net/netfilter/nft_payload.c. */
static void get_ether_type(const struct nft_packet *p, struct nft_value *v)
{
	if (!p->g.vlan && p->g.has_src_mac)
		get_protocol(p, v);
}

static void get_arp_operation(const struct nft_packet *p, struct nft_value *v)
{
	set_number(v, p->g.flow.icmp_code, arp_operations);
}

/* Headers, and what nft itself asks before it looks into them and does not print. */
static const struct header {
	const char *name;
	uint16_t l3; /* 0: any */
	uint8_t l4;  /* 0: any, in the transport header */
	bool transport;
} headers[] = {
	{"ether", 0, 0, false},		  {"vlan", 0, 0, false},
	{"ip", ETHERTYPE_IP, 0, false},	  {"ip6", ETHERTYPE_IPV6, 0, false},
	{"arp", ETHERTYPE_ARP, 0, false}, {"tcp", 0, IPPROTO_TCP, true},
	{"udp", 0, IPPROTO_UDP, true},	  {"udplite", 0, IPPROTO_UDPLITE, true},
	{"sctp", 0, IPPROTO_SCTP, true},  {"dccp", 0, IPPROTO_DCCP, true},
	{"icmp", 0, IPPROTO_ICMP, true},  {"icmpv6", 0, IPPROTO_ICMPV6, true},
	{"igmp", 0, IPPROTO_IGMP, true},  {"esp", 0, IPPROTO_ESP, true},
	{"ah", 0, IPPROTO_AH, true},	  {"comp", 0, IPPROTO_COMP, true},
	{"gre", 0, IPPROTO_GRE, true},	  {"th", 0, 0, true},
};

static const struct field {
	const char *header, *name;
	void (*get)(const struct nft_packet *p, struct nft_value *v);
} fields[] = {
	{"ip", "saddr", get_saddr},	     {"ip", "daddr", get_daddr},
	{"ip", "protocol", get_proto},	     {"ip6", "saddr", get_saddr},
	{"ip6", "daddr", get_daddr},	     {"ip6", "nexthdr", get_nexthdr},
	{"tcp", "sport", get_sport},	     {"tcp", "dport", get_dport},
	{"tcp", "flags", get_tcp_flags},     {"udp", "sport", get_sport},
	{"udp", "dport", get_dport},	     {"sctp", "sport", get_sport},
	{"sctp", "dport", get_dport},	     {"th", "sport", get_sport},
	{"th", "dport", get_dport},	     {"icmp", "type", get_icmp_type},
	{"icmp", "code", get_icmp_code},     {"icmpv6", "type", get_icmpv6_type},
	{"icmpv6", "code", get_icmpv6_code}, {"ether", "saddr", get_ether_saddr},
	{"ether", "daddr", get_ether_daddr}, {"ether", "type", get_ether_type},
	{"vlan", "id", get_vlan_id},	     {"arp", "operation", get_arp_operation},
	{"arp", "saddr ip", get_saddr},	     {"arp", "daddr ip", get_daddr},
};

/* Outside of bridges nft asks before whether the packet came in by an Ethernet device ("meta
 * iiftype", which ends the rule where there is none); a loopback is no such device. In the output
 * hook there is no header yet, either. */
static enum tri has_link_header(const struct nft_packet *p)
{
	if (!strcmp(p->family, "bridge"))
		return TRI_YES;
	if (p->g.hook == HOOK_OUTPUT)
		return TRI_NO;
	if (p->g.hook == HOOK_POSTROUTING || p->g.hook == HOOK_EGRESS || !strcmp(p->g.in, "lo"))
		return TRI_MAYBE;
	return TRI_YES;
}

/*
 * Of a fragment that is not the first, nft_payload_eval() has no transport header, but
 * nft_payload_fast_eval() (net/netfilter/nf_tables_core.c), which loads 1, 2 and 4 bytes, takes
 * what stands in its place for one; newer kernels ask there, too. Behind an AH is no header for
 * nft, but the AH itself.
 */
static enum tri has_transport(const struct nft_packet *p, uint8_t proto)
{
	const struct flow *f = &p->g.flow;
	uint8_t any;
	enum tri has = proto ? nft_is_l4(p, proto) : has_l4(p, &any);

	return f->is_fragment || f->has_ah ? tri_and(has, TRI_MAYBE) : has;
}

static enum tri has_header(const struct nft_packet *p, const struct header *h)
{
	if (h->l3)
		return nft_is_l3(p, h->l3);
	return h->transport ? has_transport(p, h->l4) : has_link_header(p);
}

static const struct header *find_header(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		if (!strcmp(headers[i].name, name))
			return &headers[i];
	}
	return NULL;
}

/* A field whose header the packet may have or not is not known either. "tunnel": of the packet
 * that this one carries. */
static void payload_value(const struct nft_packet *p, json_t *o, struct nft_value *v)
{
	const char *protocol = json_string_value(json_object_get(o, "protocol"));
	const char *name = json_string_value(json_object_get(o, "field"));
	const struct header *h = protocol ? find_header(protocol) : NULL;
	enum tri has;

	if (!h || !name || json_object_get(o, "tunnel"))
		return;
	has = has_header(p, h);
	if (has == TRI_NO)
		v->kind = NFT_NONE;
	if (has != TRI_YES)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!strcmp(fields[i].header, protocol) && !strcmp(fields[i].name, name))
			fields[i].get(p, v);
	}
}

/* nft_pf() is the hook's own, but for tables of inet that of the packet. */
static void get_nfproto(const struct nft_packet *p, struct nft_value *v)
{
	if (strcmp(p->family, "inet") && strcmp(p->family, "ip") && strcmp(p->family, "ip6"))
		return;
	if (nft_is_l3(p, ETHERTYPE_IP) == TRI_YES)
		set_number(v, NFPROTO_IPV4, nfprotos);
	else if (nft_is_l3(p, ETHERTYPE_IPV6) == TRI_YES)
		set_number(v, NFPROTO_IPV6, nfprotos);
}

static void get_l4proto(const struct nft_packet *p, struct nft_value *v)
{
	uint8_t proto;
	enum tri has = has_l4(p, &proto);

	if (has == TRI_NO)
		v->kind = NFT_NONE;
	else if (has == TRI_YES)
		set_number(v, proto, protocols);
}

static void get_mark(const struct nft_packet *p, struct nft_value *v)
{
	if (p->mark_unknown == UINT32_MAX)
		return;
	set_number(v, p->g.mark, NULL);
	put_number(v->unknown, p->mark_unknown);
}

static void get_in(const struct nft_packet *p, struct nft_value *v)
{
	(void)p;
	v->kind = NFT_IN;
}

static void get_out(const struct nft_packet *p, struct nft_value *v)
{
	(void)p;
	v->kind = NFT_OUT;
}

static const struct {
	const char *key;
	void (*get)(const struct nft_packet *p, struct nft_value *v);
} meta_keys[] = {
	{"iifname", get_in},	  {"iif", get_in},	    {"oifname", get_out},
	{"oif", get_out},	  {"mark", get_mark},	    {"protocol", get_protocol},
	{"nfproto", get_nfproto}, {"l4proto", get_l4proto},
};

static void meta_value(const struct nft_packet *p, json_t *o, struct nft_value *v)
{
	const char *key = json_string_value(json_object_get(o, "key"));

	for (size_t i = 0; key && i < ARRAY_SIZE(meta_keys); i++) {
		if (!strcmp(meta_keys[i].key, key))
			meta_keys[i].get(p, v);
	}
}

/* Without an entry the state is "invalid", whether conntrack ran or not: nft_ct_get_eval(),
 * net/netfilter/nft_ct.c. */
static void get_ct_state(const struct nft_packet *p, struct nft_value *v)
{
	static const uint32_t bits[] = {[CT_NONE] = STATE_INVALID,
					[CT_NEW] = STATE_BIT(IP_CT_NEW),
					[CT_ESTABLISHED] = STATE_BIT(IP_CT_ESTABLISHED),
					[CT_RELATED] = STATE_BIT(IP_CT_RELATED),
					[CT_UNTRACKED] = STATE_UNTRACKED};

	if (p->g.ct_state != CT_UNSEEN)
		set_number(v, bits[p->g.ct_state], ct_states);
}

/* Bits of NAT stay once a connection has them; the others may have come after the packet. */
static void get_ct_status(const struct nft_packet *p, struct nft_value *v)
{
	if (!p->g.has_ct_status)
		return;
	set_number(v, p->g.ct_status, ct_statuses);
	put_number(v->unknown, ~(uint64_t)(IPS_SRC_NAT | IPS_DST_NAT));
}

static void get_ct_direction(const struct nft_packet *p, struct nft_value *v)
{
	set_number(v, p->g.ct_state != CT_NEW && p->g.ct_reply, ct_directions);
}

/* An error that conntrack relates to a connection has that one's entry. */
static void get_ct_protocol(const struct nft_packet *p, struct nft_value *v)
{
	if (p->g.has_original)
		set_number(v, p->g.original.proto, protocols);
	else if (p->g.ct_state != CT_RELATED)
		get_proto(p, v);
}

static void get_ct_original(const struct nft_packet *p, const char *key, struct nft_value *v)
{
	const struct flow *o = &p->g.original;

	if (!p->g.has_original)
		return;
	if ((!strncmp(key, "ip ", 3) && o->l3 != ETHERTYPE_IP) ||
	    (!strncmp(key, "ip6 ", 4) && o->l3 != ETHERTYPE_IPV6)) {
		v->kind = NFT_NONE;
		return;
	}
	key += !strncmp(key, "ip ", 3) ? 3 : !strncmp(key, "ip6 ", 4) ? 4 : 0;
	if (!strcmp(key, "saddr"))
		set_addr(v, &o->src);
	else if (!strcmp(key, "daddr"))
		set_addr(v, &o->dst);
	else if (!strcmp(key, "proto-src") && o->has_ports)
		set_number(v, o->sport, NULL);
	else if (!strcmp(key, "proto-dst") && o->has_ports)
		set_number(v, o->dport, NULL);
}

static void ct_value(const struct nft_packet *p, json_t *o, struct nft_value *v)
{
	const char *key = json_string_value(json_object_get(o, "key"));
	json_t *dir = json_object_get(o, "dir");

	if (!key)
		return;
	if (!strcmp(key, "state")) {
		get_ct_state(p, v);
	} else if (p->g.ct_state == CT_NONE || p->g.ct_state == CT_UNTRACKED) {
		v->kind = NFT_NONE;
	} else if (p->g.ct_state == CT_UNSEEN) {
		return;
	} else if (dir) {
		if (json_is_string(dir) && !strcmp(json_string_value(dir), "original"))
			get_ct_original(p, key, v);
	} else if (!strcmp(key, "status")) {
		get_ct_status(p, v);
	} else if (!strcmp(key, "direction")) {
		get_ct_direction(p, v);
	} else if (!strcmp(key, "protocol")) {
		get_ct_protocol(p, v);
	}
}

static void masked_value(const struct nft_packet *p, json_t *pair, struct nft_value *v)
{
	struct nft_range mask;

	nft_value(p, json_array_get(pair, 0), v);
	if (v->kind == NFT_UNKNOWN || v->kind == NFT_NONE)
		return;
	nft_range(v, json_array_get(pair, 1), &mask);
	if (json_array_size(pair) != 2 || mask.odd || mask.name ||
	    memcmp(mask.lo, mask.hi, sizeof(mask.lo)) != 0) {
		v->kind = NFT_UNKNOWN;
		return;
	}
	for (size_t i = 0; i < v->len; i++) {
		for (size_t k = 0; k < v->n; k++)
			v->any[k][i] &= mask.lo[i];
		v->unknown[i] &= mask.lo[i];
	}
}

void nft_value(const struct nft_packet *p, json_t *expr, struct nft_value *v)
{
	static const struct {
		const char *name;
		void (*value)(const struct nft_packet *p, json_t *o, struct nft_value *v);
	} kinds[] = {{"payload", payload_value},
		     {"meta", meta_value},
		     {"ct", ct_value},
		     {"&", masked_value}};

	memset(v, 0, sizeof(*v));
	if (json_object_size(expr) != 1)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		json_t *o = json_object_get(expr, kinds[i].name);

		if (o)
			kinds[i].value(p, o, v);
	}
}

static bool find_word(const struct nft_word *words, const char *name, uint64_t *number)
{
	for (; words && words->name; words++) {
		if (!strcmp(words->name, name)) {
			*number = words->number;
			return true;
		}
	}
	return false;
}

static bool parse_number(const struct nft_value *v, json_t *c, uint64_t *n)
{
	if (json_is_string(c))
		return find_word(v->words, json_string_value(c), n);
	*n = (uint64_t)json_integer_value(c);
	return json_is_integer(c) && json_integer_value(c) >= 0;
}

/* "syn", or the sum of flags: a list, or {"|": […]}, which may be nested. */
static bool parse_flags(const struct nft_value *v, json_t *c, int depth, uint64_t *n)
{
	json_t *parts = json_is_object(c) && json_object_size(c) == 1 ? json_object_get(c, "|") : c;
	json_t *part;
	size_t i;

	if (!json_is_array(parts))
		return parse_number(v, c, n);
	*n = 0;
	json_array_foreach(parts, i, part)
	{
		uint64_t flag;

		if (depth > 8 || !parse_flags(v, part, depth + 1, &flag))
			return false;
		*n |= flag;
	}
	return json_array_size(parts) > 0;
}

static bool parse_bytes(const struct nft_value *v, const char *s, uint8_t *b)
{
	struct addr a;
	char end;

	if (v->len == ETH_ALEN)
		return sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &b[0], &b[1], &b[2],
			      &b[3], &b[4], &b[5], &end) == ETH_ALEN;
	if (addr_parse(s, &a) || (a.family == AF_INET6 ? 16 : 4) != v->len)
		return false;
	memcpy(b, a.b, v->len);
	return true;
}

static bool parse_single(const struct nft_value *v, json_t *c, uint8_t *b)
{
	uint64_t n;

	if (v->kind == NFT_BYTES)
		return json_is_string(c) && parse_bytes(v, json_string_value(c), b);
	if (!parse_flags(v, c, 0, &n))
		return false;
	put_number(b, n);
	return true;
}

static bool parse_prefix(const struct nft_value *v, json_t *prefix, struct nft_range *r)
{
	json_t *len = json_object_get(prefix, "len");
	json_int_t bits = json_integer_value(len);

	if (v->kind != NFT_BYTES || !json_is_integer(len) || bits < 0 ||
	    (size_t)bits > v->len * 8 || !parse_single(v, json_object_get(prefix, "addr"), r->lo))
		return false;
	for (size_t i = 0; i < v->len; i++, bits -= 8) {
		uint8_t host = bits >= 8 ? 0 : bits <= 0 ? 0xff : (uint8_t)(0xff >> bits);

		r->lo[i] &= (uint8_t)~host;
		r->hi[i] = r->lo[i] | host;
	}
	return true;
}

static bool parse_range(const struct nft_value *v, json_t *c, struct nft_range *r)
{
	json_t *prefix = json_object_get(c, "prefix"), *range = json_object_get(c, "range");

	if (prefix)
		return parse_prefix(v, prefix, r);
	if (range)
		return json_array_size(range) == 2 &&
		       parse_single(v, json_array_get(range, 0), r->lo) &&
		       parse_single(v, json_array_get(range, 1), r->hi);
	if (!parse_single(v, c, r->lo))
		return false;
	memcpy(r->hi, r->lo, sizeof(r->hi));
	return true;
}

void nft_range(const struct nft_value *v, json_t *constant, struct nft_range *r)
{
	memset(r, 0, sizeof(*r));
	if (v->kind == NFT_IN || v->kind == NFT_OUT) {
		r->name = json_string_value(constant);
		r->odd = !r->name;
	} else if ((v->kind != NFT_NUMBER && v->kind != NFT_BYTES) ||
		   !parse_range(v, constant, r)) {
		memset(r, 0, sizeof(*r));
		r->odd = true;
	}
}

static enum tri agree(enum tri a, enum tri b)
{
	return a == b ? a : TRI_MAYBE;
}

static enum tri name_is(const struct nft_packet *p, enum nft_kind kind, const char *name)
{
	enum tri (*is)(const struct group *g, const char *name, char wildcard) =
		kind == NFT_IN ? packet_in : packet_out;

	return is(&p->g, name, '*');
}

static enum tri one_in_range(const struct nft_value *v, const uint8_t *b, const struct nft_range *r)
{
	bool all = true;

	for (size_t i = 0; i < v->len; i++)
		all = all && !v->unknown[i];
	if (all)
		return memcmp(b, r->lo, v->len) >= 0 && memcmp(b, r->hi, v->len) <= 0 ? TRI_YES
										      : TRI_NO;
	if (memcmp(r->lo, r->hi, v->len) != 0)
		return TRI_MAYBE;
	for (size_t i = 0; i < v->len; i++) {
		if ((b[i] ^ r->lo[i]) & ~v->unknown[i])
			return TRI_NO;
	}
	return TRI_MAYBE;
}

enum tri nft_in_range(const struct nft_packet *p, const struct nft_value *v,
		      const struct nft_range *r)
{
	enum tri t = TRI_MAYBE;

	if (v->kind == NFT_NONE)
		return TRI_NO;
	if (r->odd || v->kind == NFT_UNKNOWN)
		return TRI_MAYBE;
	if (r->name)
		return name_is(p, v->kind, r->name);
	for (size_t i = 0; i < v->n; i++) {
		enum tri one = one_in_range(v, v->any[i], r);

		t = i ? agree(t, one) : one;
	}
	return t;
}

/* Has any of these bits? */
static enum tri has_bits(const struct nft_value *v, const uint8_t *b, const uint8_t *bits)
{
	enum tri t = TRI_NO;

	for (size_t i = 0; i < v->len; i++) {
		if (b[i] & bits[i] & ~v->unknown[i])
			return TRI_YES;
		if (bits[i] & v->unknown[i])
			t = TRI_MAYBE;
	}
	return t;
}

static enum tri compare_one(const struct nft_value *v, const uint8_t *b, const char *op,
			    const uint8_t *constant)
{
	static const uint8_t none[NFT_VALUE_LEN];
	int order = memcmp(b, constant, v->len);

	if (!strcmp(op, "in"))
		return has_bits(v, b, constant);
	if (!strcmp(op, "!"))
		return tri_not(has_bits(v, b, constant));
	if (memcmp(v->unknown, none, sizeof(none)) != 0)
		return TRI_MAYBE;
	if (!strcmp(op, "<"))
		return order < 0 ? TRI_YES : TRI_NO;
	if (!strcmp(op, ">"))
		return order > 0 ? TRI_YES : TRI_NO;
	if (!strcmp(op, "<="))
		return order <= 0 ? TRI_YES : TRI_NO;
	if (!strcmp(op, ">="))
		return order >= 0 ? TRI_YES : TRI_NO;
	return TRI_MAYBE;
}

enum tri nft_compare(const struct nft_value *v, const char *op, const struct nft_range *r)
{
	enum tri t = TRI_MAYBE;

	if (v->kind == NFT_NONE)
		return TRI_NO;
	if (r->odd || r->name || memcmp(r->lo, r->hi, sizeof(r->lo)) != 0)
		return TRI_MAYBE;
	for (size_t i = 0; i < v->n; i++) {
		enum tri one = compare_one(v, v->any[i], op, r->lo);

		t = i ? agree(t, one) : one;
	}
	return t;
}
