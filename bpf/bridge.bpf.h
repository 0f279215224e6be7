/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bridge forwarding (net/bridge/br_input.c, br_forward.c, br_vlan.c). Hairpin, isolation, VLAN, STP
 * and MTU drops are NOT_SPECIFIED up to 7.3: the port that the frame was for, its state and its
 * flags at that moment tell which it was.
 */
#ifndef WHYDROP_BRIDGE_BPF_H
#define WHYDROP_BRIDGE_BPF_H

#include "hooks.bpf.h"

static __always_inline int tell(__u32 fn, __u64 skb, struct net_bridge_port *port,
				struct net_bridge *br)
{
	struct hook_sample *s = hook_sample_reserve(fn, skb);

	if (!s)
		return 0;
	if (port && bpf_core_field_exists(struct net_bridge_port, br))
		hook_sample_port(s, port);
	if (br && bpf_core_field_exists(struct net_bridge, dev))
		BPF_CORE_READ_STR_INTO(&s->bridge, br, dev, name);
	bpf_ringbuf_submit(s, 0);
	return 0;
}

/* (port, skb, …) */
static __always_inline int on_port_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	return tell(fn, arg[1], (void *)arg[0], NULL);
}

/* (br, skb, …) */
static __always_inline int on_flood_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	return tell(fn, arg[1], NULL, (void *)arg[0]);
}

/* (br, vlan group, skb, …) */
static __always_inline int on_ingress_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	return tell(fn, arg[2], NULL, (void *)arg[0]);
}

/* (br, port or NULL, vlan group, skb) */
static __always_inline int on_vlan_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	return tell(fn, arg[3], (void *)arg[1], (void *)arg[0]);
}

/* (net, sk, skb) */
static __always_inline int on_okfn_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	return tell(fn, arg[2], NULL, NULL);
}

/* (pskb): runs the functions of the bridge's prerouting hook without nf_hook_slow(), so it is the
 * one that takes their verdict. */
static __always_inline int on_frame_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct hook_sample *s;
	__u64 skb = 0;

	bpf_probe_read_kernel(&skb, sizeof(skb), (void *)arg[0]);
	s = hook_sample_reserve(fn, skb);
	if (s) {
		verdict_take(skb, s);
		bpf_ringbuf_submit(s, 0);
	}
	verdict_forget(skb);
	return 0;
}

HOOK_KPROBES(br_handle_frame, FN_BR_HANDLE_FRAME, 0, on_frame_return)
/* A pointer to a pointer may be read from the context by newer kernels only, by this helper
 * from 5.17 on. */
SEC("fexit/br_handle_frame")
int br_handle_frame_fexit(__u64 *ctx)
{
	__u64 pskb = 0;

	bpf_get_func_arg(ctx, 0, &pskb);
	return on_frame_return(FN_BR_HANDLE_FRAME, &pskb, 0);
}

HOOK_ANY(br_handle_frame_finish, FN_BR_HANDLE_FRAME_FINISH, 3, on_okfn_return)
HOOK_ANY(br_allowed_ingress, FN_BR_ALLOWED_INGRESS, 4, on_ingress_return)
HOOK_ANY(br_forward, FN_BR_FORWARD, 4, on_port_return)
HOOK_ANY(__br_forward, FN_BR_FORWARD_ONE, 3, on_port_return)
HOOK_ANY(br_flood, FN_BR_FLOOD, 4, on_flood_return)
HOOK_ANY(br_handle_vlan, FN_BR_HANDLE_VLAN, 4, on_vlan_return)
HOOK_ANY(br_dev_queue_push_xmit, FN_BR_DEV_QUEUE_PUSH_XMIT, 3, on_okfn_return)

#endif
