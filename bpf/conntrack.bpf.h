/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The drops of conntrack and NAT themselves, which no rule gave: table full (nf_conntrack_in), a
 * clash when the entry is confirmed, an address that cannot be had
 * (net/netfilter/nf_conntrack_core.c, nf_nat_core.c).
 */
#ifndef WHYDROP_CONNTRACK_BPF_H
#define WHYDROP_CONNTRACK_BPF_H

#include "hooks.bpf.h"

#define NF_INET_PRE_ROUTING 0

static __always_inline int on_conntrack_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct nf_hook_state *state = (void *)arg[1];
	struct table_verdict v;

	if (!is_drop(ret))
		return 0;
	/* act_ct and Open vSwitch ask for a packet that is in no hook, and drop it themselves */
	if (BPF_CORE_READ(state, hook) == NF_INET_PRE_ROUTING && !BPF_CORE_READ(state, in))
		return 0;
	verdict_init(&v, fn);
	verdict_note(arg[0], &v);
	return 0;
}

static __always_inline int on_confirm_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct table_verdict v;

	if (!is_drop(ret))
		return 0;
	verdict_init(&v, fn);
	verdict_note(arg[0], &v);
	return 0;
}

/* Runs the chains of NAT's tables. */
static __always_inline int on_nat_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct table_verdict v;

	if (!is_drop(ret))
		return 0;
	verdict_init(&v, fn);
	verdict_note_outer(arg[1], &v);
	return 0;
}

HOOK(nf_conntrack_in, FN_NF_CONNTRACK_IN, 2, on_conntrack_return)
HOOK(__nf_conntrack_confirm, FN_NF_CONNTRACK_CONFIRM, 1, on_confirm_return)
HOOK(nf_nat_inet_fn, FN_NF_NAT_INET_FN, 3, on_nat_return)

#endif
