// SPDX-License-Identifier: GPL-2.0-only
/*
 * The options are those that extensions/lib*t_*.c of iptables print; what they mean is in the
 * kernel's net/netfilter/xt_*.c, net/ipv[46]/netfilter/ip*_tables.c and net/bridge/netfilter.
 * Whatever is in no table here may match or not.
 */
#include <ctype.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../util.h"
#include "xt_options.h"

#define TCP_FLAGS_SYN  0x17 /* FIN, SYN, RST, ACK: xtables' --syn */
#define ICMP_ANY_CODE  (-1)
#define STATE_BIT(s)   (1U << (s))
#define STATE_BIT_SNAT (1U << 8)
#define STATE_BIT_DNAT (1U << 9)

/* What an answer depends on, besides the packet's own bytes. */
enum needs {
	NEEDS_L4 = 1 << 0, /* false without an L4 header, negated or not: par->fragoff != 0 */
	NEEDS_FLOW = 1 << 1,
	NEEDS_CT = 1 << 2,
};

struct name {
	const char *name;
	unsigned int value;
};

static enum tri tri(bool yes)
{
	return yes ? TRI_YES : TRI_NO;
}

static enum tri tri_or(enum tri a, enum tri b)
{
	return tri_not(tri_and(tri_not(a), tri_not(b)));
}

/* A number at *s, and *s behind it. */
static bool take_number(const char **s, unsigned long most, unsigned long *out)
{
	char *end;

	if (!isdigit((unsigned char)**s))
		return false;
	*out = strtoul(*s, &end, 0);
	*s = end;
	return *out <= most;
}

static bool number(const char *s, unsigned long most, unsigned long *out)
{
	return take_number(&s, most, out) && !*s;
}

static bool named_number(const char *s, const struct name *names, size_t n, unsigned long most,
			 unsigned long *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcasecmp(names[i].name, s)) {
			*out = names[i].value;
			return true;
		}
	}
	return number(s, most, out);
}

/* The next of a list with commas: its length; 0 at the end. */
static size_t list_item(const char **list)
{
	*list += **list == ',';
	return strcspn(*list, ",");
}

static bool in_list(const char *list, const char *word)
{
	size_t n, len = strlen(word);

	for (; (n = list_item(&list)); list += n) {
		if (n == len && !memcmp(list, word, n))
			return true;
	}
	return false;
}

/* The values of all names of a list, or'ed. */
static bool list_bits(const char *list, const struct name *names, size_t n_names, unsigned int *out)
{
	size_t n, i;

	for (*out = 0; (n = list_item(&list)); list += n) {
		for (i = 0; i < n_names; i++) {
			if (strlen(names[i].name) == n && !memcmp(names[i].name, list, n))
				break;
		}
		if (i == n_names)
			return false;
		*out |= names[i].value;
	}
	return true;
}

static enum tri name_is(const char *have, const char *name)
{
	size_t n = strlen(name);

	if (!have[0])
		return TRI_MAYBE;
	if (n && name[n - 1] == '+')
		return tri(!strncmp(have, name, n - 1));
	return tri(!strcmp(have, name));
}

static enum tri ask_in(const struct xt_packet *p, const struct xt_word *value)
{
	return strcmp(value->s, "+") ? packet_in(p->g, value->s, '+') : TRI_YES;
}

static enum tri ask_out(const struct xt_packet *p, const struct xt_word *value)
{
	return strcmp(value->s, "+") ? packet_out(p->g, value->s, '+') : TRI_YES;
}

/* Only bridged packets have such ports; those of the others are as if they had none. */
static enum tri ask_physdev_in(const struct xt_packet *p, const struct xt_word *value)
{
	return packet_bridged(p->g) == TRI_YES ? packet_port_in(p->g, value->s, '+') : TRI_MAYBE;
}

static enum tri ask_physdev_out(const struct xt_packet *p, const struct xt_word *value)
{
	return packet_bridged(p->g) == TRI_YES ? packet_port_out(p->g, value->s, '+') : TRI_MAYBE;
}

static enum tri ask_logical_in(const struct xt_packet *p, const struct xt_word *value)
{
	/* ebt_basic_match() does not ask where there is no port: nft does */
	return p->g->hook == HOOK_OUTPUT || p->g->hook == HOOK_POSTROUTING
		       ? TRI_MAYBE
		       : name_is(p->g->bridge, value->s);
}

static enum tri ask_logical_out(const struct xt_packet *p, const struct xt_word *value)
{
	return p->g->hook == HOOK_PREROUTING || p->g->hook == HOOK_INPUT
		       ? TRI_MAYBE
		       : name_is(p->g->bridge, value->s);
}

/* "10.0.0.0/255.0.255.0" */
static bool parse_masked(const char *s, struct addr *net, struct addr *mask)
{
	const char *slash = strchr(s, '/');
	char text[ADDR_STRLEN];

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return false;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	return !addr_parse(text, net) && !addr_parse(slash + 1, mask) &&
	       net->family == mask->family;
}

static enum tri in_net(const struct addr *a, const char *value)
{
	struct addr net, mask;
	struct cidr c;

	if (!cidr_parse(value, &c))
		return packet_addr(a, &c);
	if (!a->family || !parse_masked(value, &net, &mask))
		return TRI_MAYBE;
	for (size_t i = 0; i < sizeof(net.b); i++) {
		if ((a->b[i] ^ net.b[i]) & mask.b[i])
			return TRI_NO;
	}
	return tri(a->family == net.family);
}

static enum tri ask_src(const struct xt_packet *p, const struct xt_word *value)
{
	return in_net(&p->g->flow.src, value->s);
}

static enum tri ask_dst(const struct xt_packet *p, const struct xt_word *value)
{
	return in_net(&p->g->flow.dst, value->s);
}

/* "10.0.0.1-10.0.0.9", or one address */
static enum tri in_range(const struct addr *a, const char *value)
{
	const char *dash = strchr(value, '-');
	size_t n = dash ? (size_t)(dash - value) : strlen(value);
	char text[ADDR_STRLEN];
	struct addr from, to;

	if (!a->family || n >= sizeof(text))
		return TRI_MAYBE;
	memcpy(text, value, n);
	text[n] = '\0';
	if (addr_parse(text, &from) || addr_parse(dash ? dash + 1 : value, &to))
		return TRI_MAYBE;
	return tri(a->family == from.family && memcmp(a->b, from.b, sizeof(a->b)) >= 0 &&
		   memcmp(a->b, to.b, sizeof(a->b)) <= 0);
}

static enum tri ask_src_range(const struct xt_packet *p, const struct xt_word *value)
{
	return in_range(&p->g->flow.src, value->s);
}

static enum tri ask_dst_range(const struct xt_packet *p, const struct xt_word *value)
{
	return in_range(&p->g->flow.dst, value->s);
}

/* /etc/protocols, as iptables-save reads it */
static const struct name protocols[] = {
	{"icmp", 1},	  {"igmp", 2},	    {"ipencap", 4},    {"ipv4", 4},   {"tcp", 6},
	{"udp", 17},	  {"dccp", 33},	    {"ipv6", 41},      {"gre", 47},   {"esp", 50},
	{"ah", 51},	  {"icmpv6", 58},   {"ipv6-icmp", 58}, {"ospf", 89},  {"ipip", 94},
	{"pim", 103},	  {"vrrp", 112},    {"l2tp", 115},     {"sctp", 132}, {"mh", 135},
	{"ipv6-mh", 135}, {"udplite", 136},
};

/* An extension header is where the sample's bytes ended, not the protocol. */
static bool proto_is_known(const struct flow *f)
{
	if (f->l3 == ETHERTYPE_IP)
		return f->proto;
	return f->l3 == ETHERTYPE_IPV6 && f->proto != IPPROTO_HOPOPTS &&
	       f->proto != IPPROTO_ROUTING && f->proto != IPPROTO_FRAGMENT &&
	       f->proto != IPPROTO_AH && f->proto != IPPROTO_DSTOPTS;
}

static enum tri number_is(uint8_t have, const char *value)
{
	unsigned long proto;

	return named_number(value, protocols, ARRAY_SIZE(protocols), 255, &proto)
		       ? tri(have == proto)
		       : TRI_MAYBE;
}

static enum tri proto_is(const struct flow *f, const char *value)
{
	return proto_is_known(f) ? number_is(f->proto, value) : TRI_MAYBE;
}

static enum tri ask_proto(const struct xt_packet *p, const struct xt_word *value)
{
	if (!strcmp(value->s, "all") || !strcmp(value->s, "0"))
		return TRI_YES;
	/* iptables-nft asks nft for it, which stops there (nft_value.c) */
	if (p->by_nft && p->g->flow.has_ah)
		return number_is(IPPROTO_AH, value->s);
	return proto_is(&p->g->flow, value->s);
}

static enum tri ask_fragment(const struct xt_packet *p, const struct xt_word *value)
{
	(void)value;
	return p->g->flow.l3 ? tri(p->g->flow.is_fragment) : TRI_MAYBE;
}

/* "80", "1024:65535", or a list of both. Port 0 stands for one that the key does not tell. */
static enum tri port_is(const struct flow *f, uint16_t port, const char *list)
{
	unsigned long from, to;
	bool found = false;

	for (; *list; list += *list == ',') {
		if (!take_number(&list, 65535, &from))
			return TRI_MAYBE;
		to = from;
		if (*list == ':' && (list++, !take_number(&list, 65535, &to)))
			return TRI_MAYBE;
		if (*list && *list != ',')
			return TRI_MAYBE;
		found = found || (port >= from && port <= to);
	}
	return f->has_ports && port ? tri(found) : TRI_MAYBE;
}

static enum tri ask_sport(const struct xt_packet *p, const struct xt_word *value)
{
	return port_is(&p->g->flow, p->g->flow.sport, value->s);
}

static enum tri ask_dport(const struct xt_packet *p, const struct xt_word *value)
{
	return port_is(&p->g->flow, p->g->flow.dport, value->s);
}

static enum tri ask_ports(const struct xt_packet *p, const struct xt_word *value)
{
	return tri_or(ask_sport(p, value), ask_dport(p, value));
}

static const struct name tcp_flags[] = {
	{"FIN", 0x01}, {"SYN", 0x02}, {"RST", 0x04}, {"PSH", 0x08},
	{"ACK", 0x10}, {"URG", 0x20}, {"ALL", 0x3f}, {"NONE", 0},
};

static enum tri ask_tcp_flags(const struct xt_packet *p, const struct xt_word *value)
{
	unsigned int mask, set;

	if (!list_bits(value[0].s, tcp_flags, ARRAY_SIZE(tcp_flags), &mask) ||
	    !list_bits(value[1].s, tcp_flags, ARRAY_SIZE(tcp_flags), &set) ||
	    !p->g->flow.has_tcp_flags)
		return TRI_MAYBE;
	return tri((p->g->flow.tcp_flags & mask) == set);
}

static enum tri ask_syn(const struct xt_packet *p, const struct xt_word *value)
{
	(void)value;
	return p->g->flow.has_tcp_flags ? tri((p->g->flow.tcp_flags & TCP_FLAGS_SYN) == 0x02)
					: TRI_MAYBE;
}

struct icmp_name {
	const char *name;
	int type, code;
};

/* extensions/libxt_icmp.h, the ones that people write */
static const struct icmp_name icmp4_names[] = {
	{"echo-reply", 0, ICMP_ANY_CODE},
	{"destination-unreachable", 3, ICMP_ANY_CODE},
	{"network-unreachable", 3, 0},
	{"host-unreachable", 3, 1},
	{"protocol-unreachable", 3, 2},
	{"port-unreachable", 3, 3},
	{"fragmentation-needed", 3, 4},
	{"source-quench", 4, ICMP_ANY_CODE},
	{"redirect", 5, ICMP_ANY_CODE},
	{"echo-request", 8, ICMP_ANY_CODE},
	{"router-advertisement", 9, ICMP_ANY_CODE},
	{"router-solicitation", 10, ICMP_ANY_CODE},
	{"time-exceeded", 11, ICMP_ANY_CODE},
	{"parameter-problem", 12, ICMP_ANY_CODE},
	{"timestamp-request", 13, ICMP_ANY_CODE},
	{"timestamp-reply", 14, ICMP_ANY_CODE},
	{NULL, 0, 0},
};

static const struct icmp_name icmp6_names[] = {
	{"destination-unreachable", 1, ICMP_ANY_CODE},
	{"packet-too-big", 2, ICMP_ANY_CODE},
	{"time-exceeded", 3, ICMP_ANY_CODE},
	{"parameter-problem", 4, ICMP_ANY_CODE},
	{"echo-request", 128, ICMP_ANY_CODE},
	{"echo-reply", 129, ICMP_ANY_CODE},
	{"router-solicitation", 133, ICMP_ANY_CODE},
	{"router-advertisement", 134, ICMP_ANY_CODE},
	{"neighbour-solicitation", 135, ICMP_ANY_CODE},
	{"neighbour-advertisement", 136, ICMP_ANY_CODE},
	{"redirect", 137, ICMP_ANY_CODE},
	{NULL, 0, 0},
};

static bool parse_icmp(const char *s, const struct icmp_name *names, int *type, int *code)
{
	unsigned long t, c = 0;

	for (; names->name; names++) {
		if (!strcmp(names->name, s)) {
			*type = names->type;
			*code = names->code;
			return true;
		}
	}
	if (!take_number(&s, 255, &t) || (*s && *s != '/') || (*s && !number(s + 1, 255, &c)))
		return false;
	*type = (int)t;
	*code = *s ? (int)c : ICMP_ANY_CODE;
	return true;
}

static enum tri icmp_is(const struct flow *f, const char *value, const struct icmp_name *names)
{
	int type, code;

	if (!strcmp(value, "any"))
		return TRI_YES;
	if (!f->has_icmp || !parse_icmp(value, names, &type, &code))
		return TRI_MAYBE;
	return tri(f->icmp_type == type && (code == ICMP_ANY_CODE || f->icmp_code == code));
}

static enum tri ask_icmp4(const struct xt_packet *p, const struct xt_word *value)
{
	return icmp_is(&p->g->flow, value->s, icmp4_names);
}

static enum tri ask_icmp6(const struct xt_packet *p, const struct xt_word *value)
{
	return icmp_is(&p->g->flow, value->s, icmp6_names);
}

static const struct name states[] = {
	{"INVALID", STATE_BIT(CT_NONE)},
	{"NEW", STATE_BIT(CT_NEW)},
	{"ESTABLISHED", STATE_BIT(CT_ESTABLISHED)},
	{"RELATED", STATE_BIT(CT_RELATED)},
	{"UNTRACKED", STATE_BIT(CT_UNTRACKED)},
	{"SNAT", STATE_BIT_SNAT},
	{"DNAT", STATE_BIT_DNAT},
};

/* conntrack_mt(): the states of NAT are in addition to the others, and need an entry */
static enum tri ask_state(const struct xt_packet *p, const struct xt_word *value)
{
	const struct group *g = p->g;
	unsigned int want, have = STATE_BIT(g->ct_state);

	if (g->ct_state == CT_UNSEEN || !list_bits(value->s, states, ARRAY_SIZE(states), &want))
		return TRI_MAYBE;
	if (want & have)
		return TRI_YES;
	if (!(want & (STATE_BIT_SNAT | STATE_BIT_DNAT)) || g->ct_state == CT_NONE ||
	    g->ct_state == CT_UNTRACKED)
		return TRI_NO;
	if (!g->has_ct_status)
		return TRI_MAYBE;
	return tri((want & STATE_BIT_SNAT && g->ct_status & IPS_SRC_NAT) ||
		   (want & STATE_BIT_DNAT && g->ct_status & IPS_DST_NAT));
}

static enum tri ask_ctdir(const struct xt_packet *p, const struct xt_word *value)
{
	const struct group *g = p->g;
	bool reply = !strcmp(value->s, "REPLY");

	if ((!reply && strcmp(value->s, "ORIGINAL")) ||
	    (g->ct_state != CT_NEW && g->ct_state != CT_ESTABLISHED && g->ct_state != CT_RELATED))
		return TRI_MAYBE;
	return tri(reply == g->ct_reply);
}

/* The entry's original tuple; all zero where it is not known. That of an ICMP error is not the
 * error's own, and both are RELATED. */
static struct flow original(const struct group *g)
{
	struct flow f = g->flow;

	if (g->has_original)
		return g->original;
	if (!g->has_ct_status || (g->ct_state != CT_NEW && g->ct_state != CT_ESTABLISHED))
		return (struct flow){};
	if (g->ct_reply) {
		f.src = g->flow.dst;
		f.dst = g->flow.src;
		f.sport = g->flow.dport;
		f.dport = g->flow.sport;
	}
	return f;
}

static enum tri ask_ctproto(const struct xt_packet *p, const struct xt_word *value)
{
	struct flow f = original(p->g);

	return proto_is(&f, value->s);
}

static enum tri ask_ctorigsrc(const struct xt_packet *p, const struct xt_word *value)
{
	struct flow f = original(p->g);

	return in_net(&f.src, value->s);
}

static enum tri ask_ctorigdst(const struct xt_packet *p, const struct xt_word *value)
{
	struct flow f = original(p->g);

	return in_net(&f.dst, value->s);
}

static enum tri ask_ctorigsrcport(const struct xt_packet *p, const struct xt_word *value)
{
	struct flow f = original(p->g);

	return port_is(&f, f.sport, value->s);
}

static enum tri ask_ctorigdstport(const struct xt_packet *p, const struct xt_word *value)
{
	struct flow f = original(p->g);

	return port_is(&f, f.dport, value->s);
}

bool xt_mark_parse(const char *s, uint32_t *value, uint32_t *mask)
{
	unsigned long v, m = UINT32_MAX;

	if (!take_number(&s, UINT32_MAX, &v) || (*s && (*s++ != '/' || !number(s, UINT32_MAX, &m))))
		return false;
	*value = (uint32_t)v;
	*mask = (uint32_t)m;
	return true;
}

static enum tri ask_mark(const struct xt_packet *p, const struct xt_word *value)
{
	uint32_t want, mask;

	if (!xt_mark_parse(value->s, &want, &mask))
		return TRI_MAYBE;
	if ((want & ~mask) || ((p->mark ^ want) & mask & p->mark_known))
		return TRI_NO;
	return mask & ~p->mark_known ? TRI_MAYBE : TRI_YES;
}

struct mac {
	uint8_t b[6];
};

static bool parse_mac(const char *s, struct mac *out)
{
	int end = 0;

	return sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &out->b[0], &out->b[1],
		      &out->b[2], &out->b[3], &out->b[4], &out->b[5], &end) == 6 &&
	       !s[end];
}

/* ebt_print_mac_and_mask() */
static const struct {
	const char *name;
	const char *mac, *mask;
} mac_names[] = {
	{"Unicast", "00:00:00:00:00:00", "01:00:00:00:00:00"},
	{"Multicast", "01:00:00:00:00:00", "01:00:00:00:00:00"},
	{"Broadcast", "ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff"},
	{"BGA", "01:80:c2:00:00:00", "ff:ff:ff:ff:ff:ff"},
};

static bool parse_mac_mask(const char *s, struct mac *mac, struct mac *mask)
{
	const char *slash = strchr(s, '/');
	char text[18];

	for (size_t i = 0; i < ARRAY_SIZE(mac_names); i++) {
		if (!strcmp(mac_names[i].name, s))
			return parse_mac(mac_names[i].mac, mac) &&
			       parse_mac(mac_names[i].mask, mask);
	}
	memset(mask, 0xff, sizeof(*mask));
	if (!slash)
		return parse_mac(s, mac);
	snprintf(text, sizeof(text), "%.*s", (int)(slash - s), s);
	return parse_mac(text, mac) && parse_mac(slash + 1, mask);
}

static enum tri mac_is(const struct xt_packet *p, const uint8_t *have, const char *value)
{
	struct mac mac, mask;

	if (!p->g->has_src_mac || !parse_mac_mask(value, &mac, &mask))
		return TRI_MAYBE;
	for (size_t i = 0; i < sizeof(mac.b); i++) {
		if ((have[i] ^ mac.b[i]) & mask.b[i])
			return TRI_NO;
	}
	return TRI_YES;
}

static enum tri ask_src_mac(const struct xt_packet *p, const struct xt_word *value)
{
	return mac_is(p, p->g->src_mac, value->s);
}

static enum tri ask_dst_mac(const struct xt_packet *p, const struct xt_word *value)
{
	return mac_is(p, p->g->dst_mac, value->s);
}

/* xt_mac.c: of a frame that came in; what is before the packet on its way out may be another's */
static enum tri ask_mac_source(const struct xt_packet *p, const struct xt_word *value)
{
	return p->g->hook == HOOK_OUTPUT || p->g->hook == HOOK_POSTROUTING ? TRI_MAYBE
									   : ask_src_mac(p, value);
}

static const struct name ethertypes[] = {
	{"IPv4", ETHERTYPE_IP},
	{"ARP", ETHERTYPE_ARP},
	{"IPv6", ETHERTYPE_IPV6},
	{"802_1Q", ETHERTYPE_VLAN},
};

/* To ebtables a tagged frame is 802.1Q. But the tag may be the bridge's own for what came without
 * one, its PVID, and which hooks see that depends on the hook. */
static enum tri ask_ethertype(const struct xt_packet *p, const struct xt_word *value)
{
	const struct group *g = p->g;
	unsigned long type;

	if (!g->flow.l3 || g->vlan ||
	    !named_number(value->s, ethertypes, ARRAY_SIZE(ethertypes), 0xffff, &type))
		return TRI_MAYBE;
	return tri(g->flow.l3 == type);
}

static enum tri ask_eb_proto(const struct xt_packet *p, const struct xt_word *value)
{
	return proto_is(&p->g->flow, value->s);
}

static const struct name arp_ops[] = {{"Request", 1}, {"Reply", 2}};

static enum tri ask_arp_op(const struct xt_packet *p, const struct xt_word *value)
{
	unsigned long op;

	if (p->g->flow.l3 != ETHERTYPE_ARP ||
	    !named_number(value->s, arp_ops, ARRAY_SIZE(arp_ops), 0xffff, &op))
		return TRI_MAYBE;
	return tri(p->g->flow.icmp_code == op);
}

static enum tri ask_nothing(const struct xt_packet *p, const struct xt_word *value)
{
	(void)p;
	(void)value;
	return TRI_YES;
}

static enum tri ask_unknown(const struct xt_packet *p, const struct xt_word *value)
{
	(void)p;
	(void)value;
	return TRI_MAYBE;
}

static const struct xt_option iptables_options[] = {
	{NULL, "-s", 1, NEEDS_FLOW, ask_src},
	{NULL, "-d", 1, NEEDS_FLOW, ask_dst},
	{NULL, "-i", 1, 0, ask_in},
	{NULL, "-o", 1, 0, ask_out},
	{NULL, "-p", 1, 0, ask_proto},
	{NULL, "-f", 0, 0, ask_fragment},
	{"tcp,udp,sctp", "--sport", 1, NEEDS_L4 | NEEDS_FLOW, ask_sport},
	{"tcp,udp,sctp", "--dport", 1, NEEDS_L4 | NEEDS_FLOW, ask_dport},
	{"multiport", "--sports", 1, NEEDS_L4 | NEEDS_FLOW, ask_sport},
	{"multiport", "--dports", 1, NEEDS_L4 | NEEDS_FLOW, ask_dport},
	{"multiport", "--ports", 1, NEEDS_L4 | NEEDS_FLOW, ask_ports},
	{"tcp", "--tcp-flags", 2, NEEDS_L4, ask_tcp_flags},
	{"tcp", "--syn", 0, NEEDS_L4, ask_syn},
	{"icmp", "--icmp-type", 1, NEEDS_L4, ask_icmp4},
	{"icmp6", "--icmpv6-type", 1, NEEDS_L4, ask_icmp6},
	{"conntrack", "--ctstate", 1, NEEDS_CT, ask_state},
	{"conntrack", "--ctdir", 1, NEEDS_CT, ask_ctdir},
	{"conntrack", "--ctproto", 1, NEEDS_CT, ask_ctproto},
	{"conntrack", "--ctorigsrc", 1, NEEDS_CT, ask_ctorigsrc},
	{"conntrack", "--ctorigdst", 1, NEEDS_CT, ask_ctorigdst},
	{"conntrack", "--ctorigsrcport", 1, NEEDS_CT, ask_ctorigsrcport},
	{"conntrack", "--ctorigdstport", 1, NEEDS_CT, ask_ctorigdstport},
	{"state", "--state", 1, NEEDS_CT, ask_state},
	{"mark", "--mark", 1, 0, ask_mark},
	{"iprange", "--src-range", 1, NEEDS_FLOW, ask_src_range},
	{"iprange", "--dst-range", 1, NEEDS_FLOW, ask_dst_range},
	{"mac", "--mac-source", 1, 0, ask_mac_source},
	{"physdev", "--physdev-in", 1, 0, ask_physdev_in},
	{"physdev", "--physdev-out", 1, 0, ask_physdev_out},
	{"comment", "--comment", 1, 0, ask_nothing},
};

static const struct xt_option ebtables_options[] = {
	{NULL, "-p", 1, 0, ask_ethertype},
	{NULL, "-s", 1, 0, ask_src_mac},
	{NULL, "-d", 1, 0, ask_dst_mac},
	{NULL, "-i", 1, 0, ask_in},
	{NULL, "-o", 1, 0, ask_out},
	{NULL, "--logical-in", 1, 0, ask_logical_in},
	{NULL, "--logical-out", 1, 0, ask_logical_out},
	{NULL, "--ip-src", 1, 0, ask_src},
	{NULL, "--ip-dst", 1, 0, ask_dst},
	{NULL, "--ip-proto", 1, 0, ask_eb_proto},
	{NULL, "--ip-sport", 1, NEEDS_L4, ask_sport},
	{NULL, "--ip-dport", 1, NEEDS_L4, ask_dport},
	{NULL, "--ip-icmp-type", 1, NEEDS_L4, ask_icmp4},
	{NULL, "--ip6-src", 1, 0, ask_src},
	{NULL, "--ip6-dst", 1, 0, ask_dst},
	{NULL, "--ip6-proto", 1, 0, ask_eb_proto},
	{NULL, "--ip6-sport", 1, NEEDS_L4, ask_sport},
	{NULL, "--ip6-dport", 1, NEEDS_L4, ask_dport},
	{NULL, "--ip6-icmp-type", 1, NEEDS_L4, ask_icmp6},
	{NULL, "--arp-op", 1, 0, ask_arp_op},
	{NULL, "--arp-ip-src", 1, 0, ask_src},
	{NULL, "--arp-ip-dst", 1, 0, ask_dst},
	{NULL, "--mark", 1, 0, ask_mark},
	/* watchers see what matched, and counters are no question */
	{NULL, "--log", 0, 0, ask_nothing},
	{NULL, "--log-level", 1, 0, ask_nothing},
	{NULL, "--log-prefix", 1, 0, ask_nothing},
	{NULL, "--log-ip", 0, 0, ask_nothing},
	{NULL, "--log-arp", 0, 0, ask_nothing},
	{NULL, "--log-ip6", 0, 0, ask_nothing},
	{NULL, "--nflog", 0, 0, ask_nothing},
	{NULL, "--nflog-group", 1, 0, ask_nothing},
	{NULL, "--nflog-prefix", 1, 0, ask_nothing},
	{NULL, "--nflog-range", 1, 0, ask_nothing},
	{NULL, "--nflog-threshold", 1, 0, ask_nothing},
	{NULL, "-c", 2, 0, ask_nothing},
};

/* Its MAC addresses are those in the ARP packet, which the sample's flow does not have. */
static const struct xt_option arptables_options[] = {
	{NULL, "-s", 1, 0, ask_src},
	{NULL, "-d", 1, 0, ask_dst},
	{NULL, "-i", 1, 0, ask_in},
	{NULL, "-o", 1, 0, ask_out},
	{NULL, "--opcode", 1, 0, ask_arp_op},
	{NULL, "--src-mac", 1, 0, ask_unknown},
	{NULL, "--dst-mac", 1, 0, ask_unknown},
	{NULL, "--h-length", 1, 0, ask_unknown},
	{NULL, "--h-type", 1, 0, ask_unknown},
	{NULL, "--proto-type", 1, 0, ask_unknown},
};

static const struct {
	const struct xt_option *options;
	size_t n;
} syntaxes[] = {
	[XT_IPTABLES] = {iptables_options, ARRAY_SIZE(iptables_options)},
	[XT_EBTABLES] = {ebtables_options, ARRAY_SIZE(ebtables_options)},
	[XT_ARPTABLES] = {arptables_options, ARRAY_SIZE(arptables_options)},
};

const struct xt_option *xt_option_find(enum xt_syntax syntax, const char *match, const char *name)
{
	for (size_t i = 0; i < syntaxes[syntax].n; i++) {
		const struct xt_option *o = &syntaxes[syntax].options[i];

		if (!strcmp(o->name, name) && (!o->match || in_list(o->match, match)))
			return o;
	}
	return NULL;
}

/*
 * Has the packet the transport header that a match needs? Those of iptables find none in a fragment
 * that is not the first. But of tcp and udp iptables-nft makes expressions of nft, since 1.8.8,
 * which may take what stands there for one; and behind IPv6's authentication header nft has that.
 */
static enum tri has_l4(const struct xt_packet *p, const struct xt_option *o)
{
	const struct flow *f = &p->g->flow;

	if (p->by_nft && (f->has_ah || (f->is_fragment && in_list(o->match, "tcp"))))
		return TRI_MAYBE;
	return tri(!f->is_fragment);
}

enum tri xt_option_ask(const struct xt_option *o, const struct xt_packet *p,
		       const struct xt_word *values, bool negated)
{
	enum tri answer;

	if (o->needs & NEEDS_L4 && has_l4(p, o) != TRI_YES)
		return has_l4(p, o);
	if ((o->needs & NEEDS_FLOW && p->nat_since) || (o->needs & NEEDS_CT && p->ct_since))
		return TRI_MAYBE;
	answer = o->ask(p, values);
	return negated ? tri_not(answer) : answer;
}

enum tri xt_match_ask(enum xt_syntax syntax, const char *name, const struct xt_packet *p)
{
	for (size_t i = 0; i < syntaxes[syntax].n; i++) {
		const struct xt_option *o = &syntaxes[syntax].options[i];

		if (o->match && in_list(o->match, name))
			return o->needs & NEEDS_L4 ? has_l4(p, o) : TRI_YES;
	}
	return TRI_MAYBE;
}

enum tri xt_is_arp_request(const struct xt_packet *p)
{
	return ask_arp_op(p, &(struct xt_word){.s = (char *)"Request"});
}
