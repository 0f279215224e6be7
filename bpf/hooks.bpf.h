/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs on netfilter's and the bridge's functions share. They are attached only while a
 * drop needs explaining, or from the start with --deep and in assert.
 *
 * Each looks at the function's return, and does nothing for a packet of which no sample was taken:
 * a verdict of "drop" is noted by the skb's address (the skb may be freed already, so it is never
 * looked into), and who freed it sends a hook_sample. Userspace joins it with the drop's sample.
 *
 * HOOK() makes the two rungs of a function's ladder: fexit, and kprobe with kretprobe. The latter
 * keeps the arguments by stack pointer: hooks nest, softirqs interrupt processes, so neither one
 * slot per CPU nor the process id tells which call returns.
 */
#ifndef WHYDROP_HOOKS_BPF_H
#define WHYDROP_HOOKS_BPF_H

#include "maps.bpf.h"
#include "nft_rule.bpf.h"

#define HOOK_FRESH_NS	 50000000ULL /* from the sample to the function's return */
#define VERDICT_FRESH_NS 50000000ULL /* from a table's return to that of who called it */
#define NF_DROP		 0
#define NF_STOLEN	 2
#define NFPROTO_ARP	 3
#define NFPROTO_NETDEV	 5
#define NFPROTO_BRIDGE	 7
#define MAX_ARGS	 4

struct call_key {
	__u64 sp;
	__u64 fn;
};

struct call {
	__u64 ts;
	__u64 arg[MAX_ARGS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct call_key);
	__type(value, struct call);
	__uint(max_entries, 4096);
} calls SEC(".maps");

/* The verdict on a packet that is about to be freed, or was just freed, by the skb's address. Its
 * rule is not found yet: that is the expression which said drop. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64);
	__type(value, struct table_verdict);
	__uint(max_entries, 1024);
} verdicts SEC(".maps");

/* nf_tables frees the packet itself since 6.7 and says so with a stolen packet and an errno
 * (NF_DROP_REASON, e0d4593140b0). */
static __always_inline bool is_drop(__u32 verdict)
{
	return (verdict & 0xff) == NF_DROP || ((verdict & 0xff) == NF_STOLEN && verdict >> 16);
}

static __always_inline void verdict_init(struct table_verdict *v, __u32 fn)
{
	__builtin_memset(v, 0, sizeof(*v));
	v->fn = fn;
	v->cpu = bpf_get_smp_processor_id();
	v->ts = bpf_ktime_get_ns();
}

/*
 * The last one counts: memory is given away again within microseconds, and what is still noted of
 * an address may be of a packet before, whose verdict nobody took: not all who run hooks are
 * watched (nf_reinject()), or were by then. A function that says drop since a table that it called
 * did so is no news (verdict_note_outer()).
 */
static __always_inline void verdict_note(__u64 skb, const struct table_verdict *v)
{
	bpf_map_update_elem(&verdicts, &skb, v, BPF_ANY);
}

/* Of a function of IPv4's and IPv6's hooks that may have called a table of theirs. */
static __always_inline void verdict_note_outer(__u64 skb, const struct table_verdict *v)
{
	struct table_verdict *inner = bpf_map_lookup_elem(&verdicts, &skb);

	if (inner && inner->cpu == v->cpu && v->ts - inner->ts <= VERDICT_FRESH_NS &&
	    (inner->fn == FN_IPT_DO_TABLE || inner->fn == FN_IP6T_DO_TABLE ||
	     (inner->fn == FN_NFT_DO_CHAIN && inner->family != NFPROTO_BRIDGE &&
	      inner->family != NFPROTO_ARP && inner->family != NFPROTO_NETDEV)))
		return;
	verdict_note(skb, v);
}

/* For the record of a sample: to find the rule is dear, and most drops have no sample. The
 * ruleset's memory stays while the hook runs (RCU). */
static __always_inline void verdict_take(__u64 skb, struct hook_sample *s)
{
	struct table_verdict *v = bpf_map_lookup_elem(&verdicts, &skb);

	if (!v || v->cpu != (__u16)bpf_get_smp_processor_id() ||
	    bpf_ktime_get_ns() - v->ts > VERDICT_FRESH_NS)
		return;
	s->verdict = *v;
	if (v->rule)
		s->verdict.rule = nft_rule_of(v->rule);
}

/* Most packets have none: to look is free, and deleting locks. */
static __always_inline void verdict_forget(__u64 skb)
{
	if (bpf_map_lookup_elem(&verdicts, &skb))
		bpf_map_delete_elem(&verdicts, &skb);
}

/* What is noted of the sample that was just taken of the packet; NULL if none was. The function
 * that freed it is still running, on the same CPU but for a sender that was preempted meanwhile,
 * while another CPU may have been given the memory for the next packet. */
static __always_inline struct sampled *sampled_now(__u64 skb)
{
	struct sampled *drop = bpf_map_lookup_elem(&sampled, &skb);

	return drop && drop->cpu == bpf_get_smp_processor_id() &&
			       bpf_ktime_get_ns() - drop->ts <= HOOK_FRESH_NS
		       ? drop
		       : NULL;
}

/* A record about the packet, if a sample of it was just taken; NULL otherwise. */
static __always_inline struct hook_sample *hook_sample_reserve(__u32 fn, __u64 skb)
{
	struct sampled *drop = sampled_now(skb);
	struct hook_sample *s;

	if (!drop || drop->told & (1ULL << fn))
		return NULL;
	s = ring_reserve(sizeof(*s));
	if (!s) {
		stat_add(STAT_HOOKS_LOST);
		return NULL;
	}
	drop->told |= 1ULL << fn;
	__builtin_memset(s, 0, sizeof(*s));
	s->kind = SAMPLE_HOOK;
	s->fn = fn;
	s->skb = skb;
	s->ts = drop->ts;
	s->verdict.fn = FN_MAX;
	return s;
}

static __always_inline void hook_sample_port(struct hook_sample *s, struct net_bridge_port *port)
{
	struct net_device *dev = BPF_CORE_READ(port, dev);

	s->has_port = 1;
	s->port_state = BPF_CORE_READ(port, state);
	s->port_flags = BPF_CORE_READ(port, flags);
	s->out_ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&s->out, dev, name);
	BPF_CORE_READ_STR_INTO(&s->bridge, port, br, dev, name);
}

static __always_inline int call_enter(__u32 fn, struct pt_regs *ctx)
{
	struct call_key key = {PT_REGS_SP(ctx), fn};
	struct call call = {
		bpf_ktime_get_ns(),
		{PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx)}};

	bpf_map_update_elem(&calls, &key, &call, BPF_ANY);
	return 0;
}

/* On return the stack pointer is above the return address, and kernels differ in whether their
 * kretprobe trampoline's own words count. Two calls of a function are further apart than that, but
 * a call that was never seen to return may still be noted nearby: the youngest one counts. */
static __always_inline bool call_leave(__u32 fn, struct pt_regs *ctx, struct call *to)
{
	struct call_key key = {PT_REGS_SP(ctx), fn}, found = {};

	for (int i = 0; i < 4; i++, key.sp -= 8) {
		struct call *call = bpf_map_lookup_elem(&calls, &key);

		if (!call || (found.sp && call->ts <= to->ts))
			continue;
		*to = *call;
		found = key;
	}
	if (!found.sp)
		return false;
	bpf_map_delete_elem(&calls, &found);
	return true;
}

/*
 * The programs for function `name`, which call on_return(fn, arg, ret) with its first n arguments.
 * HOOK_ANY is for functions whose return value does not matter: ret is 0.
 */
#define HOOK_FEXIT(name, fn, n, ret, on_return)                                                    \
	SEC("fexit/" #name)                                                                        \
	int name##_fexit(__u64 *ctx)                                                               \
	{                                                                                          \
		__u64 arg[MAX_ARGS] = {ctx[0]};                                                    \
                                                                                                   \
		if (n > 1)                                                                         \
			arg[1] = ctx[1];                                                           \
		if (n > 2)                                                                         \
			arg[2] = ctx[2];                                                           \
		if (n > 3)                                                                         \
			arg[3] = ctx[3];                                                           \
		return on_return(fn, arg, ret);                                                    \
	}
#define HOOK_KPROBES(name, fn, ret, on_return)                                                     \
	SEC("kprobe/" #name)                                                                       \
	int name##_kprobe(struct pt_regs *ctx)                                                     \
	{                                                                                          \
		return call_enter(fn, ctx);                                                        \
	}                                                                                          \
	SEC("kretprobe/" #name)                                                                    \
	int name##_kretprobe(struct pt_regs *ctx)                                                  \
	{                                                                                          \
		struct call call;                                                                  \
                                                                                                   \
		if (!call_leave(fn, ctx, &call))                                                   \
			return 0;                                                                  \
		return on_return(fn, call.arg, ret);                                               \
	}
#define HOOK(name, fn, n, on_return)                                                               \
	HOOK_FEXIT(name, fn, n, (__u32)ctx[n], on_return)                                          \
	HOOK_KPROBES(name, fn, (__u32)PT_REGS_RC(ctx), on_return)
#define HOOK_ANY(name, fn, n, on_return)                                                           \
	HOOK_FEXIT(name, fn, n, 0, on_return)                                                      \
	HOOK_KPROBES(name, fn, 0, on_return)

#endif
