/* SPDX-License-Identifier: GPL-2.0-only */
/* Filling a struct sample in the ring buffer: what is too dear to do for every drop. */
#ifndef WHYDROP_SAMPLE_BPF_H
#define WHYDROP_SAMPLE_BPF_H

#include "skb.bpf.h"

static __always_inline struct sample *sample_reserve(__u32 kind, const struct drop_key *key,
						     __u64 now)
{
	struct sample *s = ring_reserve(sizeof(*s));
	__u64 id;

	if (!s) {
		stat_add(STAT_SAMPLES_LOST);
		return NULL;
	}
	id = bpf_get_current_pid_tgid();
	s->kind = kind;
	s->cpu = bpf_get_smp_processor_id();
	s->ts = now;
	s->key = *key;
	s->pid = (__u32)id;
	s->tgid = id >> 32;
	bpf_get_current_comm(s->comm, sizeof(s->comm));
	s->mark = s->len = s->iif = 0;
	s->sport = s->dport = 0;
	__builtin_memset(s->dev_name, 0, sizeof(s->dev_name));
	s->flags = s->sk_state = 0;
	s->vlan_tci = s->hdr_len = s->l3_off = 0;
	s->sk_err = s->ct_status = s->oif = s->ct_zone = 0;
	s->ct_info = CT_INFO_UNSEEN;
	s->skb = 0;
	s->stack_len = 0;
	return s;
}

static __always_inline void sample_submit(struct sample *s)
{
	stat_add(STAT_SAMPLES_SENT);
	bpf_ringbuf_submit(s, 0);
}

/* From the link-layer header on if there is one, so that bridge ports can be told by MAC. */
static __always_inline void sample_headers(struct sample *s, struct sk_buff *skb,
					   const struct pkt *p, const bool direct)
{
	__u32 net = READ(skb, network_header), mac = READ(skb, mac_header);
	__u32 start = net;
	__u64 n;

	if (mac != MAC_HEADER_UNSET && mac < net && net - mac <= 32)
		start = mac;
	if (start >= p->end)
		return;
	n = p->end - start;
	/* In C, clang compares a copy and the verifier does not see that n is bounded. */
	asm volatile("if %[n] <= %[max] goto +1\n"
		     "%[n] = %[max]"
		     : [n] "+r"(n)
		     : [max] "i"(WD_HDR_BYTES));
	if (bpf_probe_read_kernel(s->hdr, n, (void *)(p->head + start)))
		return;
	s->hdr_len = n;
	s->l3_off = net - start;
}

static __always_inline void sample_tuple(struct ct_tuple *to, struct nf_conntrack_tuple *t)
{
	BPF_CORE_READ_INTO(&to->saddr, t, src.u3.all);
	BPF_CORE_READ_INTO(&to->daddr, t, dst.u3.all);
	to->sport = bpf_ntohs(BPF_CORE_READ(t, src.u.all));
	to->dport = bpf_ntohs(BPF_CORE_READ(t, dst.u.all));
	to->l3num = BPF_CORE_READ(t, src.l3num);
	to->proto = BPF_CORE_READ(t, dst.protonum);
	to->pad = 0;
}

/* The low three bits of _nfct are the packet's ctinfo (include/linux/skbuff.h). Where nf_conntrack
 * is a module without readable BTF there is no struct nf_conn and this is left out. */
static __always_inline void sample_conntrack(struct sample *s, struct sk_buff *skb,
					     const bool direct)
{
	struct nf_conn *ct;
	__u64 nfct;

	if (!bpf_core_field_exists(skb->_nfct))
		return;
	nfct = READ(skb, _nfct);
	s->ct_info = nfct ? nfct & 7 : CT_INFO_NONE;
	if (!bpf_core_field_exists(struct nf_conn, tuplehash))
		return;
	ct = (void *)(nfct & ~7UL);
	if (!is_kernel_address(ct))
		return;
	sample_tuple(&s->ct_orig, __builtin_preserve_access_index(&ct->tuplehash[0].tuple));
	sample_tuple(&s->ct_reply, __builtin_preserve_access_index(&ct->tuplehash[1].tuple));
	s->ct_status = BPF_CORE_READ(ct, status);
	if (bpf_core_field_exists(ct->zone))
		s->ct_zone = BPF_CORE_READ(ct, zone.id);
	s->flags |= SAMPLE_HAS_CT;
}

static __always_inline void sample_route(struct sample *s, struct sk_buff *skb, const bool direct)
{
	struct net_device *dev = skb_dst_dev(skb, direct);

	if (dev_inum(dev, false) == s->key.netns)
		s->oif = BPF_CORE_READ(dev, ifindex);
}

/* Until 6.2 a tag that was taken off leaves vlan_tci as it was, and only clears this bit
 * (__vlan_hwaccel_clear_tag(), include/linux/if_vlan.h). */
struct sk_buff___before_6_2 {
	__u8 vlan_present : 1;
} __attribute__((preserve_access_index));

static __always_inline bool has_vlan_tag(struct sk_buff *skb)
{
	struct sk_buff___before_6_2 *old = (void *)skb;

	return !bpf_core_field_exists(old->vlan_present) ||
	       BPF_CORE_READ_BITFIELD_PROBED(old, vlan_present);
}

static __always_inline void sample_drop(void *ctx, struct sk_buff *skb, const struct drop_key *key,
					const struct pkt *p, struct net_device *dev, __u64 now,
					const bool direct)
{
	struct sample *s = sample_reserve(SAMPLE_DROP, key, now);

	if (!s)
		return;
	s->skb = (__u64)skb;
	s->mark = READ(skb, mark);
	s->len = READ(skb, len);
	s->iif = READ(skb, skb_iif);
	s->vlan_tci = has_vlan_tag(skb) ? READ(skb, vlan_tci) : 0;
	if (p->has_ports) {
		s->sport = p->sport;
		s->dport = p->dport;
	}
	if (dev)
		BPF_CORE_READ_STR_INTO(&s->dev_name, dev, name);
	sample_headers(s, skb, p, direct);
	sample_conntrack(s, skb, direct);
	sample_route(s, skb, direct);
	s->stack_len = bpf_get_stack(ctx, s->stack, sizeof(s->stack), 0);
	if (s->stack_len > 0)
		s->stack_len /= sizeof(s->stack[0]);
	sample_submit(s);
}

#endif
