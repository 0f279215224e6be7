/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The drops of conntrack and NAT themselves, which no rule gave: table full (nf_conntrack_in), a
 * clash when the entry is confirmed, an address that cannot be had
 * (net/netfilter/nf_conntrack_core.c, nf_nat_core.c).
 */
#ifndef WHYDROP_CONNTRACK_BPF_H
#define WHYDROP_CONNTRACK_BPF_H

#include "hooks.bpf.h"

static __always_inline int conntrack_note(__u32 fn, __u64 skb, __u32 ret)
{
	struct table_verdict v;

	if (!is_drop(ret))
		return 0;
	verdict_init(&v, fn);
	verdict_note(skb, &v);
	return 0;
}

static __always_inline int on_skb_first(__u32 fn, const __u64 *arg, __u32 ret)
{
	return conntrack_note(fn, arg[0], ret);
}

static __always_inline int on_skb_second(__u32 fn, const __u64 *arg, __u32 ret)
{
	return conntrack_note(fn, arg[1], ret);
}

HOOK(nf_conntrack_in, FN_NF_CONNTRACK_IN, 2, on_skb_first)
HOOK(__nf_conntrack_confirm, FN_NF_CONNTRACK_CONFIRM, 1, on_skb_first)
HOOK(nf_nat_inet_fn, FN_NF_NAT_INET_FN, 3, on_skb_second)

#endif
