/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nf_hook_slow() (net/netfilter/core.c), which runs the functions of a hook: it is the one that
 * knows hook, family and devices. Since 5.18 it returns a negative errno exactly when the packet
 * was dropped, before with NF_DROP_GETERR(); 1 and 0 are accepted, queued and stolen.
 */
#ifndef WHYDROP_NETFILTER_BPF_H
#define WHYDROP_NETFILTER_BPF_H

#include "hooks.bpf.h"

static __always_inline int on_hook_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct nf_hook_state *state = (void *)arg[1];
	struct hook_sample *s;
	struct net_device *dev;

	if ((__s32)ret >= 0)
		return 0;
	s = hook_sample_reserve(fn, arg[0]);
	if (s) {
		s->has_hook = 1;
		s->hook = BPF_CORE_READ(state, hook);
		s->pf = BPF_CORE_READ(state, pf);
		dev = BPF_CORE_READ(state, in);
		s->in_ifindex = BPF_CORE_READ(dev, ifindex);
		BPF_CORE_READ_STR_INTO(&s->in, dev, name);
		dev = BPF_CORE_READ(state, out);
		s->out_ifindex = BPF_CORE_READ(dev, ifindex);
		BPF_CORE_READ_STR_INTO(&s->out, dev, name);
		verdict_take(arg[0], s);
		bpf_ringbuf_submit(s, 0);
	}
	verdict_forget(arg[0]);
	return 0;
}

HOOK(nf_hook_slow, FN_NF_HOOK_SLOW, 4, on_hook_return)

#endif
