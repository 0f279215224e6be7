/* SPDX-License-Identifier: GPL-2.0-only */
/* nft_do_chain(pkt, priv) (net/netfilter/nf_tables_core.c): priv is the base chain. */
#ifndef WHYDROP_NFT_BPF_H
#define WHYDROP_NFT_BPF_H

#include "hooks.bpf.h"

static __always_inline int on_chain_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	struct nft_pktinfo *pkt = (void *)arg[0];
	struct nft_chain *chain = (void *)arg[1];
	struct nft_table *table;
	struct table_verdict v;
	__u64 skb = 0;

	if (!is_drop(ret))
		return 0;
	verdict_init(&v, fn);
	/* 5.10 has no BTF of modules: then the function is all that is known */
	if (bpf_core_field_exists(struct nft_chain, table)) {
		table = BPF_CORE_READ(chain, table);
		bpf_probe_read_kernel_str(v.chain, sizeof(v.chain), BPF_CORE_READ(chain, name));
		bpf_probe_read_kernel_str(v.table, sizeof(v.table), BPF_CORE_READ(table, name));
		v.family = BPF_CORE_READ_BITFIELD_PROBED(table, family);
	}
	if (bpf_core_field_exists(struct nft_pktinfo, skb))
		skb = (__u64)BPF_CORE_READ(pkt, skb);
	else
		bpf_probe_read_kernel(&skb, sizeof(skb), pkt); /* its first member in 5.10 */
	verdict_note(skb, &v);
	return 0;
}

HOOK(nft_do_chain, FN_NFT_DO_CHAIN, 2, on_chain_return)

#endif
