/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ipt_do_table() and its siblings for IPv6, ARP and the bridge: iptables-legacy and ebtables
 * (net/ipv4/netfilter/ip_tables.c, net/bridge/netfilter/ebtables.c). Hook functions since 5.16:
 * (table, skb, state), before (skb, state, table).
 */
#ifndef WHYDROP_XTABLES_BPF_H
#define WHYDROP_XTABLES_BPF_H

#include "hooks.bpf.h"

static __always_inline void table_note(__u32 fn, __u64 skb, const char *name)
{
	struct table_verdict v;

	verdict_init(&v, fn);
	bpf_probe_read_kernel_str(v.table, sizeof(v.table), name);
	verdict_note(skb, &v);
}

static __always_inline const char *xt_name(__u64 table)
{
	struct xt_table *t = (void *)table;

	return bpf_core_field_exists(t->name) ? (const char *)&t->name : NULL;
}

static __always_inline const char *ebt_name(__u64 table)
{
	struct ebt_table *t = (void *)table;

	return bpf_core_field_exists(t->name) ? (const char *)&t->name : NULL;
}

/* Which of the two it is does not matter: what is noted of an address that is no skb's is never
 * asked for. */
static __always_inline int on_table_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	if (!is_drop(ret))
		return 0;
	table_note(fn, arg[1], xt_name(arg[0]));
	table_note(fn, arg[0], xt_name(arg[2]));
	return 0;
}

static __always_inline int on_ebtable_return(__u32 fn, const __u64 *arg, __u32 ret)
{
	if (!is_drop(ret))
		return 0;
	table_note(fn, arg[1], ebt_name(arg[0]));
	table_note(fn, arg[0], ebt_name(arg[2]));
	return 0;
}

HOOK(ipt_do_table, FN_IPT_DO_TABLE, 3, on_table_return)
HOOK(ip6t_do_table, FN_IP6T_DO_TABLE, 3, on_table_return)
HOOK(arpt_do_table, FN_ARPT_DO_TABLE, 3, on_table_return)
HOOK(ebt_do_table, FN_EBT_DO_TABLE, 3, on_ebtable_return)

#endif
