/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * br_netfilter's own functions (net/bridge/br_netfilter_hooks.c). Its hook functions drop what is
 * malformed; the hooks of IPv4, IPv6 and ARP that they run are nf_hook_slow's. br_nf_forward() was
 * two, br_nf_forward_ip() and br_nf_forward_arp(), before 6.12: what has these names since then is
 * inlined into it, or no hook function. br_nf_dev_queue_xmit() goes on behind the postrouting hook
 * that it is given to, and drops what is too long for the port.
 */
#ifndef WHYDROP_BR_NETFILTER_BPF_H
#define WHYDROP_BR_NETFILTER_BPF_H

#include "bridge.bpf.h"

/* (priv, skb, state) */
static __always_inline int on_hookfn_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct table_verdict v;

	if (!is_drop(ret))
		return 0;
	verdict_init(&v, fn);
	verdict_note(arg[1], &v);
	return 0;
}

HOOK(br_nf_pre_routing, FN_BR_NF_PRE_ROUTING, 3, on_hookfn_return)
HOOK(br_nf_forward, FN_BR_NF_FORWARD, 3, on_hookfn_return)
HOOK(br_nf_forward_ip, FN_BR_NF_FORWARD_IP, 3, on_hookfn_return)
HOOK(br_nf_forward_arp, FN_BR_NF_FORWARD_ARP, 3, on_hookfn_return)
HOOK(br_nf_post_routing, FN_BR_NF_POST_ROUTING, 3, on_hookfn_return)
HOOK_ANY(br_nf_dev_queue_xmit, FN_BR_NF_DEV_QUEUE_XMIT, 3, on_okfn_return)

#endif
