/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a packet and its place out of a struct sk_buff: bounded, and trusting nothing.
 *
 * Every function takes `direct`, a compile-time constant: true in tp_btf programs, where the
 * verifier knows the type of the skb and lets us load from it at the price of a load; false
 * elsewhere, where each access is a bpf_probe_read_kernel().
 */
#ifndef WHYDROP_SKB_BPF_H
#define WHYDROP_SKB_BPF_H

#include "maps.bpf.h"

#define READ(p, field) (direct ? (p)->field : BPF_CORE_READ((p), field))

#define IPPROTO_ICMP	 1
#define IPPROTO_TCP	 6
#define IPPROTO_UDP	 17
#define IPPROTO_ICMPV6	 58
#define IPPROTO_SCTP	 132
#define MAX_EXT_HEADERS	 6
#define MAC_HEADER_UNSET 0xffff

/* Where a packet is, and what its headers say; offsets are from skb->head. */
struct pkt {
	__u64 head;
	__u32 end; /* of the linear part */
	__u32 l3_off, l4_off;
	__u16 l3;
	__u16 sport, dport;
	__u8 proto, cls, icmp_type, icmp_code;
	__u8 has_ports;
	__u8 pad;
	__u8 saddr[16], daddr[16]; /* aligned: the verifier wants that on the stack */
};

/* skb->dev shares a union with dev_scratch and an rbtree node, and a dst pointer with a list
 * anchor: what is found there is a candidate. Small integers must not even be loaded from, since
 * before 5.12 a direct load from a user address is not caught by the JIT. */
static __always_inline bool is_kernel_address(const void *p)
{
	return (__s64)(unsigned long)p < 0;
}

/* The inode of the netns, or 0 if this is not one: its loopback device must lead back to it. */
static __always_inline __u32 net_inum(struct net *net, const bool direct)
{
	struct net_device *lo;

	if (!is_kernel_address(net))
		return 0;
	lo = READ(net, loopback_dev);
	if (!is_kernel_address(lo) || READ(lo, nd_net.net) != net)
		return 0;
	return READ(net, ns.inum);
}

static __always_inline __u32 dev_inum(struct net_device *dev, const bool direct)
{
	if (!is_kernel_address(dev))
		return 0;
	return net_inum(READ(dev, nd_net.net), direct);
}

static __always_inline struct net_device *skb_dst_dev(struct sk_buff *skb, const bool direct)
{
	struct dst_entry *dst = (void *)(READ(skb, _skb_refdst) & ~1UL);

	return is_kernel_address(dst) ? BPF_CORE_READ(dst, dev) : NULL;
}

/* Fill key->netns, ifindex and where they came from; the device goes to *dev (NULL: none). */
static __always_inline void skb_place(struct sk_buff *skb, struct drop_key *key,
				      struct net_device **out, const bool direct)
{
	struct net_device *dev = READ(skb, dev);
	struct sock *sk;

	*out = NULL;
	key->netns = dev_inum(dev, direct);
	if (key->netns) {
		key->ifindex = READ(dev, ifindex);
		key->flags |= NETNS_FROM_DEV;
		*out = dev;
		return;
	}
	dev = skb_dst_dev(skb, direct);
	key->netns = dev_inum(dev, false);
	if (key->netns) {
		key->ifindex = BPF_CORE_READ(dev, ifindex);
		key->flags |= NETNS_FROM_DST;
		*out = dev;
		return;
	}
	/* The verifier knows that skb->sk may be NULL, and takes no sign test for a check of that:
	 * read it as a number. */
	sk = BPF_CORE_READ(skb, sk);
	if (!is_kernel_address(sk))
		return;
	key->netns = net_inum(BPF_CORE_READ(sk, __sk_common.skc_net.net), false);
	if (key->netns)
		key->flags |= NETNS_FROM_SK;
}

static __always_inline __u16 be16(const __u8 *p)
{
	return (__u16)p[0] << 8 | p[1];
}

static __always_inline bool pkt_read(const struct pkt *p, void *to, __u32 off, __u32 len)
{
	return off + len <= p->end && !bpf_probe_read_kernel(to, len, (void *)(p->head + off));
}

static __always_inline void parse_tcp(struct pkt *p, __u8 flags)
{
	/* FIN 1, SYN 2, RST 4, ACK 16 */
	if (flags & 4)
		p->cls = PKT_TCP_RST;
	else if (flags & 2)
		p->cls = flags & 16 ? PKT_TCP_SYNACK : PKT_TCP_SYN;
	else
		p->cls = flags & 1 ? PKT_TCP_FIN : PKT_TCP_DATA;
}

static __always_inline void parse_l4(struct pkt *p)
{
	__u8 h[14];

	if (p->cls == PKT_FRAGMENT)
		return;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		if (!pkt_read(p, h, p->l4_off, 2))
			return;
		p->cls = PKT_ICMP;
		p->icmp_type = h[0];
		p->icmp_code = h[1];
		return;
	}
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_SCTP)
		return;
	if (!pkt_read(p, h, p->l4_off, 4))
		return;
	p->sport = be16(h);
	p->dport = be16(h + 2);
	p->has_ports = 1;
	if (p->proto == IPPROTO_UDP)
		p->cls = PKT_UDP;
	else if (p->proto == IPPROTO_TCP && pkt_read(p, h, p->l4_off, 14))
		parse_tcp(p, h[13]);
}

static __always_inline int parse_ipv4(struct pkt *p)
{
	__u8 h[20];

	if (!pkt_read(p, h, p->l3_off, sizeof(h)) || h[0] >> 4 != 4 || (h[0] & 15) < 5)
		return -1;
	p->proto = h[9];
	__builtin_memcpy(p->saddr, h + 12, 4);
	__builtin_memcpy(p->daddr, h + 16, 4);
	p->l4_off = p->l3_off + (h[0] & 15) * 4;
	if (be16(h + 6) & 0x1fff)
		p->cls = PKT_FRAGMENT;
	return 0;
}

/* Hop-by-hop, routing, fragment, destination options and AH; next is their protocol number. */
static __always_inline bool is_ext_header(__u8 next)
{
	return next == 0 || next == 43 || next == 44 || next == 60 || next == 51;
}

static __always_inline int parse_ipv6(struct pkt *p)
{
	__u8 h[40], next;
	__u32 off;

	if (!pkt_read(p, h, p->l3_off, sizeof(h)) || h[0] >> 4 != 6)
		return -1;
	__builtin_memcpy(p->saddr, h + 8, 16);
	__builtin_memcpy(p->daddr, h + 24, 16);
	next = h[6];
	off = p->l3_off + 40;
	for (int i = 0; i < MAX_EXT_HEADERS && is_ext_header(next); i++) {
		__u8 e[4];

		if (!pkt_read(p, e, off, sizeof(e)))
			break;
		if (next == 44) {
			if (be16(e + 2) & 0xfff8)
				p->cls = PKT_FRAGMENT;
			off += 8;
		} else {
			off += next == 51 ? (e[1] + 2) * 4 : (e[1] + 1) * 8;
		}
		next = e[0];
		if (p->cls == PKT_FRAGMENT)
			break;
	}
	p->proto = next;
	p->l4_off = off;
	return 0;
}

static __always_inline int parse_arp(struct pkt *p)
{
	__u8 h[28];

	/* hardware addresses of another length (InfiniBand) move all that follows */
	if (!pkt_read(p, h, p->l3_off, sizeof(h)) || be16(h + 2) != ETH_P_IP || h[4] != 6 ||
	    h[5] != 4)
		return -1;
	p->cls = PKT_ARP;
	p->icmp_code = h[7];
	__builtin_memcpy(p->saddr, h + 14, 4);
	__builtin_memcpy(p->daddr, h + 24, 4);
	return 0;
}

/* Four bytes of a VLAN tag with what it says before the first byte behind it? Not an IP header. */
static __always_inline bool is_tag(const __u8 *h)
{
	__u16 l3 = be16(h + 2);

	if (l3 == ETH_P_IP)
		return h[4] >> 4 == 4;
	if (l3 == ETH_P_IPV6)
		return h[4] >> 4 == 6;
	return (h[0] >> 4 != 4 && h[0] >> 4 != 6) || l3 == ETH_P_ARP || l3 == ETH_P_8021Q ||
	       l3 == ETH_P_8021AD;
}

/* Parse from p->l3_off on as p->l3, which becomes 0 if it is not that. */
static __noinline int pkt_parse(struct pkt *p)
{
	int err = -1;

	if (!p)
		return -1;
	/* A tag that is not in the skb's own field: an output device that cannot insert it leaves
	 * the network header at the IP header, other paths leave it at the tag. */
	if (p->l3 == ETH_P_8021Q || p->l3 == ETH_P_8021AD) {
		__u8 h[5];

		if (!pkt_read(p, h, p->l3_off, sizeof(h)))
			return -1;
		/* a tag's priority and ID may look like the start of an IP header */
		if (is_tag(h)) {
			p->l3 = be16(h + 2);
			p->l3_off += 4;
		} else {
			p->l3 = h[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
		}
	}
	if (p->l3 == ETH_P_IP)
		err = parse_ipv4(p);
	else if (p->l3 == ETH_P_IPV6)
		err = parse_ipv6(p);
	else if (p->l3 == ETH_P_ARP)
		err = parse_arp(p);
	if (err) {
		p->l3 = 0;
		return err;
	}
	if (p->l3 != ETH_P_ARP)
		parse_l4(p);
	return 0;
}

/* Find the headers and parse them; p->l3 is 0 where that is not possible. */
static __always_inline void skb_parse(struct sk_buff *skb, struct pkt *p, const bool direct)
{
	p->head = (__u64)(unsigned long)READ(skb, head);
	p->end = (__u64)(unsigned long)READ(skb, data) - p->head + READ(skb, len) -
		 READ(skb, data_len);
	p->l3_off = READ(skb, network_header);
	p->l3 = bpf_ntohs(READ(skb, protocol));
	pkt_parse(p);
}

enum entered {
	ENTERED_NOTHING, /* it is no such tunnel's packet */
	ENTERED_UNKNOWN, /* the headers are not in what can be read */
	ENTERED,
};

/* Replace p, a UDP packet with ports, by what it carries, if that is plausibly VXLAN or Geneve. */
static __always_inline enum entered pkt_enter_tunnel(struct pkt *p)
{
	__u32 off = p->l4_off + 8;
	__u8 h[8], eth[2];

	if (!pkt_read(p, h, off, sizeof(h)))
		return ENTERED_UNKNOWN;
	if (h[0] == 0x08 && !h[1] && !h[2] && !h[3])
		off += 8;
	else if (!(h[0] >> 6) && be16(h + 2) == ETH_P_TEB)
		off += 8 + (h[0] & 0x3f) * 4;
	else
		return ENTERED_NOTHING;
	if (!pkt_read(p, eth, off + 12, 2))
		return ENTERED_UNKNOWN;
	p->l3 = be16(eth);
	p->l3_off = off + 14;
	p->cls = PKT_OTHER;
	p->has_ports = 0;
	pkt_parse(p);
	return ENTERED;
}

/* The service's side of a flow, so that a thousand clients are one group: told by the flags where
 * they tell, otherwise the lower port, since clients take theirs from the ephemeral range. */
static __always_inline void key_set_port(struct drop_key *key, const struct pkt *p)
{
	bool src = p->sport < p->dport;

	if (!p->has_ports)
		return;
	if (p->cls == PKT_TCP_SYN)
		src = false;
	else if (p->cls == PKT_TCP_SYNACK)
		src = true;
	key->port = src ? p->sport : p->dport;
	if (src)
		key->flags |= KEY_PORT_IS_SRC;
}

static __always_inline void key_set_packet(struct drop_key *key, const struct pkt *p)
{
	if (!p->l3)
		return;
	key->l3 = p->l3;
	key->proto = p->proto;
	key->cls = p->cls;
	key->icmp_type = p->icmp_type;
	key->icmp_code = p->icmp_code;
	__builtin_memcpy(key->saddr, p->saddr, 16);
	__builtin_memcpy(key->daddr, p->daddr, 16);
	key_set_port(key, p);
}

#endif
