/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Made by scripts/vmlinux-gen from vmlinux/types.list and a kernel's BTF: change the list, not this.
 *
 * Records hold only the fields in use, so sizes and offsets mean nothing: read fields through CO-RE,
 * and never copy a whole record.
 *
 * list 88633cf2a69d164fe6093be4c0c0f64d558ce8bb4e3e04dbf3b42fe1b266c322
 * body 293557bd6a0fd80efb60eacd27f595288df8b3061422273d70973f62f5ec2eb3
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

struct net;
struct net_bridge;
struct net_device;
struct nft_expr_ops;
struct nft_table;
struct sk_buff;
struct sock;

/* What libbpf's own headers need. */
typedef unsigned char __u8;
typedef short unsigned int __u16;
typedef unsigned int __u32;
typedef long long unsigned int __u64;
typedef signed char __s8;
typedef short int __s16;
typedef int __s32;
typedef long long int __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
typedef long unsigned int __kernel_ulong_t;
typedef __kernel_ulong_t __kernel_size_t;
typedef __kernel_size_t size_t;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
};

enum {
	BPF_F_NO_PREALLOC = 1,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

enum {
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
};

enum {
	BPF_F_CURRENT_CPU = 4294967295,
};

/*
 * The contexts of raw tracepoints and kprobes. A machine's registers are not in another one's
 * BTF.
 */
struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
#endif

/* The packet. */
struct sk_buff {
	unsigned int len;
	unsigned int data_len;
	__be16 protocol;
	__u32 mark;
	int skb_iif;
	unsigned char *head;
	unsigned char *data;
	__u16 network_header;
	__u16 transport_header;
	__u16 mac_header;
	__u16 vlan_tci;
	__u8 pkt_type : 3;
	long unsigned int _nfct;
	long unsigned int _skb_refdst;
	struct sock *sk;
	struct net_device *dev;
};

/* Where it was. */
struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
	struct net_device *loopback_dev;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	char name[16];
	possible_net_t nd_net;
};

struct dst_entry {
	struct net_device *dev;
};

/* Whose it was. */
struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be16 u6_addr16[8];
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	short unsigned int skc_family;
	unsigned char skc_state;
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	int sk_err_soft;
};

/* Its connection, as conntrack knows it. */
union nf_inet_addr {
	__u32 all[4];
	__be32 ip;
	__be32 ip6[4];
};

union nf_conntrack_man_proto {
	__be16 all;
};

typedef u16 u_int16_t;

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	u_int16_t l3num;
};

typedef u8 u_int8_t;

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
			struct {
				__be16 port;
			} tcp;
			struct {
				__be16 port;
			} udp;
			struct {
				u_int8_t type;
				u_int8_t code;
			} icmp;
			struct {
				__be16 port;
			} dccp;
			struct {
				__be16 port;
			} sctp;
			struct {
				__be16 key;
			} gre;
		} u;
		u_int8_t protonum;
		struct {
		} __nfct_hash_offsetend;
		u_int8_t dir;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conntrack_zone {
	u16 id;
};

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
	long unsigned int status;
	struct nf_conntrack_zone zone;
};

/*
 * Netfilter's hooks, and who gives verdicts in them. ebtables is absent from this list's kernel
 * or is on its way out elsewhere, so its table is written by hand, and so are bit fields.
 */
struct nf_hook_state {
	u8 hook;
	u8 pf;
	struct net_device *in;
	struct net_device *out;
};

struct nft_chain {
	struct nft_table *table;
	char *name;
};

struct nft_base_chain {
	u8 policy;
	struct nft_chain chain;
};

struct nft_expr {
	const struct nft_expr_ops *ops;
};

struct nft_expr_ops {
	unsigned int size;
};

struct nft_verdict {
	u32 code;
};

struct nft_pktinfo {
	struct sk_buff *skb;
};

struct xt_table {
	char name[32];
};

struct nft_table {
	char *name;
	u64 handle;
	u16 family : 6;
};
struct nft_regs {
	struct nft_verdict verdict;
};
struct nft_rule_dp {
	u64 is_last : 1;
	u64 dlen : 12;
	u64 handle : 42;
};
struct ebt_table {
	char name[32];
};

/* The bridge. */
struct net_bridge {
	struct net_device *dev;
};

struct net_bridge_port {
	struct net_bridge *br;
	struct net_device *dev;
	long unsigned int flags;
	u8 state;
};

/*
 * Tracepoints by their record. tcp_retransmit_skb has its own since 6.9 (a TRACE_EVENT), before
 * it shared the class tcp_event_sk_skb with others: try the flavour with bpf_core_type_exists().
 */
enum skb_drop_reason {
	SKB_NOT_DROPPED_YET = 0,
};

struct trace_event_raw_kfree_skb {
	void *skbaddr;
	void *location;
	enum skb_drop_reason reason;
};

struct trace_event_raw_tcp_retransmit_skb {
	const void *skbaddr;
	const void *skaddr;
};

struct trace_event_raw_tcp_event_sk_skb {
	const void *skbaddr;
	const void *skaddr;
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif
