/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps and settings that all objects share. Userspace opens drop.bpf.o first and gives its maps
 * to the others with bpf_map__reuse_fd(); sizes are set before load (user/session.c).
 */
#ifndef WHYDROP_MAPS_BPF_H
#define WHYDROP_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

#include "event.h"

#define NULL ((void *)0)
#define true 1
#define false 0

#define ETH_P_IP     0x0800
#define ETH_P_ARP    0x0806
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8
#define ETH_P_IPV6   0x86dd
#define ETH_P_TEB    0x6558
#define AF_INET	     2
#define AF_INET6     10
#define E2BIG	     7

#define SAMPLE_EVERY_NS	   250000000ULL /* of one group on one CPU */
#define SAMPLE_TOKEN_NS	   5000000ULL	/* one more sample per CPU each 5 ms: 200 a second */
#define SAMPLE_MAX_TOKENS  200
#define UNCOUNTED_EVERY_NS 50000000ULL /* of all drops on one CPU that no map had room for */

/* Set by userspace before load, in a section of its own so that the map's value is just this; the
 * verifier removes what is not in use. */
const volatile struct config config SEC(".rodata.config") = {};
#define filter (config.filter)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, struct drop_key);
	__type(value, struct drop_val);
	__uint(max_entries, 16384);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, struct fold_key);
	__type(value, struct drop_val);
	__uint(max_entries, 1024);
} folds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, struct drop_key);
	__type(value, struct drop_val);
	__uint(max_entries, 2048);
} retransmits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, STAT_MAX);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct sample_budget);
	__uint(max_entries, BUDGET_MAX);
} budget SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} samples SEC(".maps");

/* While hook programs are armed: the packets of which a sample was taken, by the skb's address. */
struct sampled {
	__u64 ts;   /* the sample's */
	__u64 told; /* bit n: enum hook_fn n sent its hook_sample */
	__u32 cpu;  /* that frees it */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u64);
	__type(value, struct sampled);
	__uint(max_entries, 1024);
} sampled SEC(".maps");

/* Before 6.1 a program that is interrupted by itself runs nested: every counter is added to
 * atomically, and nothing else is kept per CPU that a nested run could corrupt for good. */
static __always_inline void stat_add(__u32 id)
{
	__u64 *v = bpf_map_lookup_elem(&stats, &id);

	if (v)
		__sync_fetch_and_add(v, 1);
}

static __always_inline void val_add(struct drop_val *v, __u64 now, __u32 len)
{
	if (!v->packets)
		v->first_ns = now;
	__sync_fetch_and_add(&v->packets, 1);
	if (len) /* of a constant 0 clang makes an atomic OR, which 5.10 does not have */
		__sync_fetch_and_add(&v->bytes, len);
	v->last_ns = now;
}

/* The counters of that key on this CPU; NULL where the map is full or busy. Nothing is ever taken
 * out of these maps, so full stays full, and there is no further try: before 6.0 each would go
 * through the free lists of all CPUs, one lock after the other, with interrupts off (54a9c3a42d92).
 */
static __always_inline struct drop_val *counters_get(void *map, const void *key,
						     volatile __u32 *full)
{
	struct drop_val zero = {};
	struct drop_val *v = bpf_map_lookup_elem(map, key);

	if (v || *full)
		return v;
	/* -EEXIST is fine: another CPU was first. */
	if (bpf_map_update_elem(map, key, &zero, BPF_NOEXIST) == -E2BIG)
		*full = 1;
	return bpf_map_lookup_elem(map, key);
}

/* A record of the ring; NULL where it is full, or not to be used. */
static __always_inline void *ring_reserve(const __u64 size)
{
	return config.no_samples ? NULL : bpf_ringbuf_reserve(&samples, size, 0);
}

/* May this CPU send one more sample? In a scan every drop is a new group. */
static __always_inline bool budget_take(__u32 id, __u64 now)
{
	struct sample_budget *b = bpf_map_lookup_elem(&budget, &id);
	__u64 add;

	if (!b)
		return false;
	add = (now - b->refilled_ns) / SAMPLE_TOKEN_NS;
	if (add) {
		b->tokens += add;
		if (b->tokens > SAMPLE_MAX_TOKENS)
			b->tokens = SAMPLE_MAX_TOKENS;
		b->refilled_ns = now;
	}
	if (!b->tokens)
		return false;
	b->tokens--;
	return true;
}

/* Where the maps are full a new kind of drop has no counters, which would say when it was sampled
 * last: all such drops share a part of the budget. */
static __always_inline bool budget_take_uncounted(__u64 now)
{
	__u32 drops = BUDGET_DROPS;
	struct sample_budget *b = bpf_map_lookup_elem(&budget, &drops);

	if (!b || now - b->uncounted_ns < UNCOUNTED_EVERY_NS || !budget_take(BUDGET_DROPS, now))
		return false;
	b->uncounted_ns = now;
	return true;
}

static __always_inline bool filter_netns(__u32 netns)
{
	if (!filter.n_netns || !netns)
		return true;
	for (__u32 i = 0; i < WD_MAX_NETNS; i++) {
		if (i < filter.n_netns && filter.netns[i] == netns)
			return true;
	}
	return false;
}

#endif
