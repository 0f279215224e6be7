/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's filters, applied before anything is counted or sampled. What cannot be parsed is never
 * filtered out by a rule about its contents unless it positively fails it.
 */
#ifndef WHYDROP_FILTER_BPF_H
#define WHYDROP_FILTER_BPF_H

#include "skb.bpf.h"

static __always_inline bool filter_contents_set(void)
{
	return filter.n_nets || filter.n_ports || filter.n_protos;
}

static __always_inline bool filter_reason(__u32 reason)
{
	if (!filter.n_reasons)
		return true;
	for (__u32 i = 0; i < WD_MAX_REASONS; i++) {
		if (i < filter.n_reasons && filter.reasons[i] == reason)
			return true;
	}
	return false;
}

static __always_inline bool filter_iface(struct net_device *dev)
{
	__u64 name[2] = {};

	if (!filter.n_ifaces)
		return true;
	if (!dev)
		return false;
	BPF_CORE_READ_STR_INTO((char(*)[WD_IFNAMSIZ])name, dev, name);
	for (__u32 i = 0; i < WD_MAX_IFACES; i++) {
		const volatile __u64 *want = (const volatile __u64 *)filter.ifaces[i];

		if (i < filter.n_ifaces && want[0] == name[0] && want[1] == name[1])
			return true;
	}
	return false;
}

/* More extension headers than are looked at, or one that cannot be read: what follows may be all.
 */
static __always_inline bool proto_unknown(const struct pkt *p)
{
	return p->l3 == ETH_P_IPV6 && is_ext_header(p->proto);
}

static __always_inline bool proto_matches(const struct pkt *p)
{
	__u32 proto = p->l3 == ETH_P_ARP ? PROTO_ARP : p->proto;

	if (!filter.n_protos || proto_unknown(p))
		return true;
	for (__u32 i = 0; i < WD_MAX_PROTOS; i++) {
		if (i < filter.n_protos && filter.protos[i] == proto)
			return true;
	}
	return false;
}

static __always_inline bool ports_match(const struct pkt *p)
{
	if (!filter.n_ports)
		return true;
	if (!p->has_ports) /* TCP, UDP and SCTP whose ports are in another fragment may match */
		return p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP ||
		       p->proto == IPPROTO_SCTP || proto_unknown(p);
	for (__u32 i = 0; i < WD_MAX_PORTS; i++) {
		if (i < filter.n_ports &&
		    (filter.ports[i] == p->sport || filter.ports[i] == p->dport))
			return true;
	}
	return false;
}

static __always_inline bool net_has(const volatile struct net_filter *net, const __u8 *addr)
{
	const volatile __u32 *want = (const volatile __u32 *)net->addr;
	const volatile __u32 *mask = (const volatile __u32 *)net->mask;
	const __u32 *a = (const __u32 *)addr;

	return !(((a[0] & mask[0]) ^ want[0]) | ((a[1] & mask[1]) ^ want[1]) |
		 ((a[2] & mask[2]) ^ want[2]) | ((a[3] & mask[3]) ^ want[3]));
}

static __always_inline bool nets_match(const struct pkt *p)
{
	__u16 family = p->l3 == ETH_P_ARP ? ETH_P_IP : p->l3;

	if (!filter.n_nets)
		return true;
	for (__u32 i = 0; i < WD_MAX_NETS; i++) {
		if (i < filter.n_nets && filter.nets[i].l3 == family &&
		    (net_has(&filter.nets[i], p->saddr) || net_has(&filter.nets[i], p->daddr)))
			return true;
	}
	return false;
}

static __noinline bool contents_match(const struct pkt *p)
{
	if (!p)
		return false;
	return proto_matches(p) && ports_match(p) && nets_match(p);
}

static __always_inline bool is_tunnel_port(__u16 port)
{
	for (__u32 i = 0; i < WD_MAX_TUNNEL_PORTS; i++) {
		if (i < filter.n_tunnel_ports && filter.tunnel_ports[i] == port)
			return true;
	}
	return false;
}

/* p is the outer packet; it matches if it does itself or if what it carries does, or may. */
static __always_inline bool filter_contents(const struct pkt *p)
{
	struct pkt inner;

	if (!filter_contents_set() || !p->l3 || contents_match(p))
		return true;
	if (!filter.n_tunnel_ports)
		return false;
	/* of a fragmented tunnel only the first fragment says what it carries */
	if (proto_unknown(p) || (p->proto == IPPROTO_UDP && !p->has_ports))
		return true;
	if (p->proto != IPPROTO_UDP || !is_tunnel_port(p->dport))
		return false;
	inner = *p;
	switch (pkt_enter_tunnel(&inner)) {
	case ENTERED:
		return !inner.l3 || contents_match(&inner);
	case ENTERED_UNKNOWN:
		return true;
	default:
		return false;
	}
}

#endif
