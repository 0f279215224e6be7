// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symptoms of drops that happen elsewhere: tracepoint tcp:tcp_retransmit_skb
 * (include/trace/events/tcp.h). It fires for retransmits only, so a healthy packet pays nothing.
 *
 * The netns filter is not applied here: the symptom shows in the pod's netns while the fault is in
 * the node's, so userspace keeps what concerns the wanted ones.
 */
#include "filter.bpf.h"
#include "sample.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define TCP_SYN_SENT 2

volatile __u32 retransmits_full SEC(".data.full") = 0;

static __always_inline void copy_v6(__u8 *to, const struct in6_addr *a)
{
	__builtin_memcpy(to, a->in6_u.u6_addr8, 16);
}

/* An IPv4 flow of an IPv6 socket is an IPv4 flow. */
static __always_inline bool is_v4_mapped(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline void sock_addresses(struct sock *sk, struct pkt *p, const bool direct)
{
	__u16 family = READ(sk, __sk_common.skc_family);
	struct in6_addr a;
	__u32 v4;

	p->l3 = ETH_P_IP;
	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&a, sk, __sk_common.skc_v6_daddr);
		copy_v6(p->daddr, &a);
		BPF_CORE_READ_INTO(&a, sk, __sk_common.skc_v6_rcv_saddr);
		copy_v6(p->saddr, &a);
		p->l3 = ETH_P_IPV6;
		if (!is_v4_mapped(p->daddr))
			return;
		p->l3 = ETH_P_IP;
		__builtin_memset(p->saddr, 0, 16);
		__builtin_memset(p->daddr, 0, 16);
	}
	v4 = READ(sk, __sk_common.skc_daddr);
	__builtin_memcpy(p->daddr, &v4, 4);
	v4 = READ(sk, __sk_common.skc_rcv_saddr);
	__builtin_memcpy(p->saddr, &v4, 4);
}

static __always_inline int on_retransmit(struct sock *sk, const bool direct)
{
	struct drop_key key = {};
	struct pkt p = {};
	struct drop_val *v;
	struct sample *s;
	__u64 now;
	__u8 state;

	if (!is_kernel_address(sk))
		return 0;
	sock_addresses(sk, &p, direct);
	p.proto = IPPROTO_TCP;
	p.has_ports = 1;
	p.sport = READ(sk, __sk_common.skc_num);
	p.dport = bpf_ntohs(READ(sk, __sk_common.skc_dport));
	state = READ(sk, __sk_common.skc_state);
	p.cls = state == TCP_SYN_SENT ? PKT_TCP_SYN : PKT_TCP_DATA;
	if (filter_contents_set() && !contents_match(&p))
		return 0;
	key.netns = net_inum(READ(sk, __sk_common.skc_net.net), direct);
	key.flags = NETNS_FROM_SK;
	key_set_packet(&key, &p);
	v = counters_get(&retransmits, &key, &retransmits_full);
	if (!v) {
		stat_add(STAT_RETRANS_LOST);
		return 0;
	}
	now = bpf_ktime_get_ns();
	val_add(v, now, 0);
	/* every one that the budget allows: userspace counts them by connection */
	if (!budget_take(BUDGET_RETRANSMITS, now)) {
		stat_add(STAT_RETRANS_LOST);
		return 0;
	}
	s = sample_reserve(SAMPLE_RETRANSMIT, &key, now);
	if (!s)
		return 0;
	s->sport = p.sport;
	s->dport = p.dport;
	s->sk_state = state;
	s->sk_err = BPF_CORE_READ(sk, sk_err_soft);
	sample_submit(s);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int retransmit_tp_btf(__u64 *ctx)
{
	return on_retransmit((struct sock *)ctx[0], true);
}

SEC("raw_tp/tcp_retransmit_skb")
int retransmit_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_retransmit((struct sock *)ctx->args[0], false);
}

SEC("tracepoint/tcp/tcp_retransmit_skb")
int retransmit_tracepoint(void *ctx)
{
	struct trace_event_raw_tcp_retransmit_skb *own = ctx;
	struct trace_event_raw_tcp_event_sk_skb *shared = ctx;

	/* The event has had a record of its own since 6.9; before, it shared a class. */
	if (bpf_core_type_exists(struct trace_event_raw_tcp_retransmit_skb))
		return on_retransmit((void *)own->skaddr, false);
	return on_retransmit((void *)shared->skaddr, false);
}
