/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nf_tables: nft_do_chain(pkt, priv) (net/netfilter/nf_tables_core.c), where priv is the base
 * chain, and those expressions that say drop (NFT_EXPR_EVAL: expr, regs, pkt), which lead to the
 * rule.
 */
#ifndef WHYDROP_NFT_BPF_H
#define WHYDROP_NFT_BPF_H

#include "hooks.bpf.h"

#define NFT_MAX_BACK  128 /* words from an expression back to its rule's header */
#define NFT_MAX_EXPRS 32
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

/* Do whole expressions stand from `at` up to `end`, and is `expr` one of them? A global function:
 * the verifier goes through its loop once, and not once for each place that it is tried for. */
__noinline int nft_has_expr(__u64 at, __u64 end, __u64 expr)
{
	int found = 0;

	if (!bpf_core_field_exists(struct nft_expr_ops, size))
		return 0;
	for (int i = 0; i < NFT_MAX_EXPRS && at < end; i++) {
		const struct nft_expr_ops *ops = BPF_CORE_READ((struct nft_expr *)at, ops);
		__u32 size = BPF_CORE_READ(ops, size);

		if ((long)ops >= 0 || size < 8 || size & 7)
			return 0;
		found |= at == expr;
		at += size;
	}
	return found && at == end;
}

/*
 * Expressions lie in a chain's blob behind the header of their rule (struct nft_rule_dp,
 * since 5.17): go back until what looks like a header holds whole expressions, this one among them.
 * What a rule's expressions hold may look like the header of its last ones (a counter's pointer; a
 * number that the rule's author chose), so the farthest one counts: what looks like one still
 * farther back would have to take the rule's own header for an expression. 0: not found.
 */
__noinline __u64 nft_rule_of(__u64 expr)
{
	struct nft_rule_dp head;
	__u64 data = expr, handle = 0;

	if (!bpf_core_type_exists(struct nft_rule_dp))
		return 0;
	for (int i = 0; i < NFT_MAX_BACK; i++, data -= 8) {
		if (bpf_probe_read_kernel(&head, sizeof(head), (void *)(data - 8)))
			break;
		if (head.is_last || !head.handle || head.dlen & 7)
			continue;
		if (data + head.dlen > expr && nft_has_expr(data, data + head.dlen, expr))
			handle = head.handle;
	}
	return handle;
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

/* Where the chain has freed the packet, it is known by now whether anybody will ask for its rule,
 * which is dear to find. The ruleset's memory stays while the hook runs (RCU). */
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
			v.rule = nft_rule_of(last.expr);
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
