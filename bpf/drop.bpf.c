// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every dropped packet: tracepoint skb:kfree_skb (net/core/skbuff.c, include/trace/events/skb.h).
 *
 * The only program that is always on. It counts every drop in a per-CPU aggregate; what costs more
 * (stack, header bytes, conntrack) is read for a sample of each group only. One 16-frame stack for
 * each drop would halve a drop storm's throughput.
 */
#include "filter.bpf.h"
#include "sample.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Set while hook programs are attached (user/session.c): then they want to know the samples. */
volatile __u32 armed SEC(".data.armed") = 0;

volatile __u32 flows_full SEC(".data.full") = 0;
volatile __u32 folds_full SEC(".data.full") = 0;

/* The counters of a drop's reason, location and netns; NULL where the small map is full or busy. */
static __always_inline struct drop_val *fold_get(const struct drop_key *key)
{
	struct fold_key fold = {key->location, key->reason, key->netns};

	return counters_get(&folds, &fold, &folds_full);
}

/* Is this the first sample of its reason, location and netns on this CPU? It is owed whatever the
 * budget says: a fault that drops one packet during a port scan must still be explained. */
static __always_inline bool first_of_kind(const struct drop_key *key, __u64 now)
{
	struct drop_val *fold = fold_get(key);

	if (!fold || fold->sampled_ns)
		return false;
	fold->sampled_ns = now;
	return true;
}

static __always_inline bool sample_wanted(struct drop_val *v, const struct drop_key *key, __u64 now)
{
	if (v->sampled_ns && now - v->sampled_ns < SAMPLE_EVERY_NS)
		return false;
	if (!budget_take(BUDGET_DROPS, now) && (v->sampled_ns || !first_of_kind(key, now)))
		return false;
	v->sampled_ns = now;
	return true;
}

static __always_inline void sampled_forget(struct sk_buff *skb)
{
	__u64 address = (__u64)skb;

	if (bpf_map_lookup_elem(&sampled, &address)) /* deleting locks */
		bpf_map_delete_elem(&sampled, &address);
}

static __always_inline void sampled_mark(struct sk_buff *skb, __u64 now)
{
	struct sampled mark = {.ts = now, .cpu = bpf_get_smp_processor_id()};
	__u64 address = (__u64)skb;

	bpf_map_update_elem(&sampled, &address, &mark, BPF_ANY);
}

static __always_inline int on_drop(void *ctx, struct sk_buff *skb, __u64 location, __u32 reason,
				   const bool direct)
{
	struct drop_key key = {.location = location, .reason = reason};
	struct net_device *dev;
	struct drop_val *v;
	struct pkt p = {};
	__u32 len;
	__u64 now;

	stat_add(STAT_SEEN);
	if (armed) /* what is known about an skb at this address was another packet */
		sampled_forget(skb);
	skb_place(skb, &key, &dev, direct);
	skb_parse(skb, &p, direct);
	if (!filter_netns(key.netns) || !filter_reason(reason) || !filter_iface(dev) ||
	    !filter_contents(&p)) {
		stat_add(STAT_FILTERED);
		return 0;
	}
	key_set_packet(&key, &p);
	now = bpf_ktime_get_ns();
	len = READ(skb, len);
	v = counters_get(&flows, &key, &flows_full);
	if (!v)
		v = fold_get(&key);
	if (!v) {
		stat_add(STAT_UNCOUNTED);
		if (!budget_take_uncounted(now))
			return 0;
	} else {
		val_add(v, now, len);
		if (!sample_wanted(v, &key, now))
			return 0;
	}
	sample_drop(ctx, skb, &key, &p, dev, now, direct);
	if (armed)
		sampled_mark(skb, now);
	return 0;
}

SEC("tp_btf/kfree_skb")
int drop_tp_btf(__u64 *ctx)
{
	return on_drop(ctx, (struct sk_buff *)ctx[0], ctx[1], config.has_reason ? (__u32)ctx[2] : 0,
		       true);
}

SEC("raw_tp/kfree_skb")
int drop_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return on_drop(ctx, (struct sk_buff *)ctx->args[0], ctx->args[1],
		       config.has_reason ? (__u32)ctx->args[2] : 0, false);
}

SEC("tracepoint/skb/kfree_skb")
int drop_tracepoint(struct trace_event_raw_kfree_skb *ctx)
{
	__u32 reason = 0;

	if (bpf_core_field_exists(ctx->reason))
		reason = ctx->reason;
	return on_drop(ctx, ctx->skbaddr, (__u64)(unsigned long)ctx->location, reason, false);
}
