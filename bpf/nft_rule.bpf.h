/* SPDX-License-Identifier: GPL-2.0-only */
/* The rule that an expression of nf_tables belongs to (include/net/netfilter/nf_tables.h). */
#ifndef WHYDROP_NFT_RULE_BPF_H
#define WHYDROP_NFT_RULE_BPF_H

#include "maps.bpf.h"

#define NFT_MAX_BACK  128 /* words from an expression back to its rule's header */
#define NFT_MAX_EXPRS 32

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

#endif
