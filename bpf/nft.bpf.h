/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nf_tables: nft_do_chain(pkt, priv) (net/netfilter/nf_tables_core.c), where priv is the base
 * chain, and those expressions that say drop (NFT_EXPR_EVAL: expr, regs, pkt), which lead to the
 * rule (nft_rule.bpf.h).
 */
#ifndef WHYDROP_NFT_BPF_H
#define WHYDROP_NFT_BPF_H

#include "hooks.bpf.h"

/* From a rule's verdict to its chain's return: nothing waits there, but an emulated machine may
 * stand still. */
#define RULE_FRESH_NS 1000000000ULL

/* The expression that said drop: the last one of its rule. */
struct dropping_expr {
	__u64 ts;
	__u64 expr;
};

/* They wait for their nft_do_chain() to return. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64); /* the skb's address */
	__type(value, struct dropping_expr);
	__uint(max_entries, 1024);
} dropping SEC(".maps");

static __always_inline __u64 nft_skb(struct nft_pktinfo *pkt)
{
	__u64 skb = 0;

	if (bpf_core_field_exists(struct nft_pktinfo, skb))
		return (__u64)BPF_CORE_READ(pkt, skb);
	bpf_probe_read_kernel(&skb, sizeof(skb), pkt); /* its first member in 5.10 */
	return skb;
}

static __always_inline int on_eval_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct nft_regs *regs = (void *)arg[1];
	struct dropping_expr last = {.expr = arg[0]};
	__u64 skb;
	__u32 code;

	code = BPF_CORE_READ(regs, verdict.code);
	if ((__s32)code < 0 || !is_drop(code)) /* NFT_CONTINUE and the like are negative */
		return 0;
	last.ts = bpf_ktime_get_ns();
	skb = nft_skb((void *)arg[2]);
	bpf_map_update_elem(&dropping, &skb, &last, BPF_ANY);
	return 0;
}

/* It is taken once: the next packet in that memory has none. expr 0: nobody saw it. */
static __always_inline struct dropping_expr nft_take_dropping(__u64 skb)
{
	struct dropping_expr *found = bpf_map_lookup_elem(&dropping, &skb), last = {};

	if (found) {
		last = *found;
		bpf_map_delete_elem(&dropping, &skb);
	}
	return last;
}

/* Where the chain has freed the packet, it is known by now whether anybody will ask how it died. */
static __always_inline int on_chain_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct nft_chain *chain = (void *)arg[1];
	struct nft_base_chain *base;
	struct nft_table *table;
	struct dropping_expr last;
	struct table_verdict v;
	__u64 skb;

	if (!is_drop(ret))
		return 0;
	skb = nft_skb((void *)arg[0]);
	last = nft_take_dropping(skb);
	if ((ret & 0xff) == NF_STOLEN && !sampled_now(skb))
		return 0;
	verdict_init(&v, fn);
	/* 5.10 has no BTF of modules: then the function is all that is known */
	if (bpf_core_field_exists(struct nft_chain, table)) {
		table = BPF_CORE_READ(chain, table);
		bpf_probe_read_kernel_str(v.chain, sizeof(v.chain), BPF_CORE_READ(chain, name));
		bpf_probe_read_kernel_str(v.table, sizeof(v.table), BPF_CORE_READ(table, name));
		v.family = BPF_CORE_READ_BITFIELD_PROBED(table, family);
		v.table_handle = BPF_CORE_READ(table, handle);
	}
	/* where rules are not seen (on_eval_return()), none does not mean the policy */
	if (bpf_core_type_exists(struct nft_rule_dp) &&
	    bpf_core_field_exists(struct nft_base_chain, chain)) {
		base = (void *)chain - bpf_core_field_offset(struct nft_base_chain, chain);
		v.policy = 1 + BPF_CORE_READ(base, policy);
	}
	if (last.expr) {
		v.policy = 0; /* whoever it was */
		if (v.ts - last.ts <= RULE_FRESH_NS)
			v.rule = last.expr; /* verdict_take() finds whose it is */
	}
	verdict_note(skb, &v);
	return 0;
}

HOOK(nft_do_chain, FN_NFT_DO_CHAIN, 2, on_chain_return)
/* bpf_get_func_arg() since ctx[0] has the type of a pointer, which a global function does not take;
 * it is there from 5.17 on, as struct nft_rule_dp is. */
#define NFT_EVAL(name, fn)                                                                         \
	SEC("fexit/" #name)                                                                        \
	int name##_fexit(__u64 *ctx)                                                               \
	{                                                                                          \
		__u64 arg[MAX_ARGS] = {};                                                          \
                                                                                                   \
		bpf_get_func_arg(ctx, 0, &arg[0]);                                                 \
		bpf_get_func_arg(ctx, 1, &arg[1]);                                                 \
		bpf_get_func_arg(ctx, 2, &arg[2]);                                                 \
		return on_eval_return(fn, arg, 0);                                                 \
	}                                                                                          \
	HOOK_KPROBES(name, fn, 0, on_eval_return)

NFT_EVAL(nft_immediate_eval, FN_NFT_IMMEDIATE_EVAL)
NFT_EVAL(nft_lookup_eval, FN_NFT_LOOKUP_EVAL)
NFT_EVAL(nft_reject_ipv4_eval, FN_NFT_REJECT_IPV4_EVAL)
NFT_EVAL(nft_reject_ipv6_eval, FN_NFT_REJECT_IPV6_EVAL)
NFT_EVAL(nft_reject_inet_eval, FN_NFT_REJECT_INET_EVAL)
NFT_EVAL(nft_reject_bridge_eval, FN_NFT_REJECT_BRIDGE_EVAL)
NFT_EVAL(nft_target_eval_xt, FN_NFT_TARGET_EVAL_XT)
NFT_EVAL(nft_target_eval_bridge, FN_NFT_TARGET_EVAL_BRIDGE)

#endif
