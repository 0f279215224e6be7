/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF programs and userspace share: the only such header.
 *
 * All integers are in host byte order unless a field says otherwise; addresses are in network byte
 * order, an IPv4 address stands in the first four bytes and the rest is 0. Nothing here has hidden
 * padding, since drop_key is hashed byte by byte.
 */
#ifndef WHYDROP_EVENT_H
#define WHYDROP_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define WD_IFNAMSIZ    16
#define WD_COMM_LEN    16
#define WD_STACK_DEPTH 40
#define WD_HDR_BYTES   192 /* from the link-layer header, or from the network header without one */

#define WD_TABLE_LEN 32
#define WD_CHAIN_LEN 64

#define WD_MAX_NETNS	    16
#define WD_MAX_IFACES	    16
#define WD_MAX_PROTOS	    16
#define WD_MAX_NETS	    16
#define WD_MAX_PORTS	    16
#define WD_MAX_REASONS	    64
#define WD_MAX_TUNNEL_PORTS 16

/* What kind of packet it was, as far as it changes the meaning of a drop. */
enum pkt_class {
	PKT_OTHER,
	PKT_TCP_SYN,
	PKT_TCP_SYNACK,
	PKT_TCP_RST,
	PKT_TCP_FIN,
	PKT_TCP_DATA, /* established: ACK, data */
	PKT_UDP,
	PKT_ICMP,     /* drop_key.icmp_type and icmp_code are set */
	PKT_ARP,      /* drop_key.icmp_code is the operation */
	PKT_FRAGMENT, /* not the first fragment: no ports */
};

/* Where drop_key.netns and ifindex came from (skb->dev shares a union, so each is validated). */
enum netns_from {
	NETNS_UNKNOWN,
	NETNS_FROM_DEV,
	NETNS_FROM_DST, /* the route's output device: the packet was on its way out */
	NETNS_FROM_SK,	/* the owning socket: the origin, also after a veth crossing */
};

#define KEY_PORT_IS_SRC 0x04 /* the service-side port is the packet's source port */
#define KEY_FROM_MASK	0x03 /* enum netns_from */

struct drop_key {
	__u64 location; /* instruction address; 0 on fold-map lookups that do not use it */
	__u32 reason;	/* the running kernel's number; 0 where it gives none */
	__u32 netns;	/* inode; 0: unknown */
	__u32 ifindex;	/* 0: unknown */
	__u16 l3;	/* ethertype of the network header, e.g. 0x0800; 0: not parsed */
	__u16 port;	/* the service-side port; 0: none */
	__u8 proto;	/* IP protocol after extension headers; 0 with l3 ARP or unparsed */
	__u8 cls;	/* enum pkt_class */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 flags; /* KEY_* */
	__u8 pad[3];
	__u8 saddr[16];
	__u8 daddr[16];
};

/* The small map that counts by these three when the flow map is full. */
struct fold_key {
	__u64 location;
	__u32 reason;
	__u32 netns;
};

/* Times are CLOCK_MONOTONIC nanoseconds. Counters are only ever added to atomically. */
struct drop_val {
	__u64 packets;
	__u64 bytes; /* sum of skb->len */
	__u64 first_ns;
	__u64 last_ns;
	__u64 sampled_ns; /* when this CPU last sent a sample of the group; 0: never */
};

/* What a record of the ring buffer is; its first member. */
enum sample_kind {
	SAMPLE_DROP = 1,
	SAMPLE_RETRANSMIT = 2,
	SAMPLE_HOOK = 3, /* a struct hook_sample */
};

struct ct_tuple {
	__u8 saddr[16];
	__u8 daddr[16];
	__u16 sport; /* host order; ICMP: the id */
	__u16 dport; /* host order; ICMP: type << 8 | code */
	__u16 l3num; /* AF_INET or AF_INET6 */
	__u8 proto;
	__u8 pad;
};

#define SAMPLE_HAS_CT 0x01

#define CT_INFO_UNSEEN 0xffffffffU /* the kernel's types do not tell */
#define CT_INFO_NONE   0xfffffffeU /* no entry: invalid, or conntrack did not run */

struct sample {
	__u32 kind; /* enum sample_kind */
	__u32 cpu;
	__u64 ts; /* CLOCK_MONOTONIC, ns */
	struct drop_key key;
	__u32 pid; /* the task that ran: the sender only if the stack shows no softirq above it */
	__u32 tgid;
	char comm[WD_COMM_LEN];
	__u32 mark;
	__u32 len;   /* skb->len */
	__u32 iif;   /* skb->skb_iif; 0: sent from here */
	__u16 sport; /* host order; 0: none */
	__u16 dport;
	char dev_name[WD_IFNAMSIZ]; /* of key.ifindex; not necessarily terminated */
	__u8 flags;		    /* SAMPLE_HAS_* */
	__u8 sk_state;		    /* SAMPLE_RETRANSMIT: the socket's TCP state */
	__u16 vlan_tci;		    /* 0: none in the skb's own field */
	__u16 hdr_len;		    /* bytes of hdr that are filled */
	__u16 l3_off;		    /* where the network header starts in hdr */
	__u32 sk_err;	 /* SAMPLE_RETRANSMIT: sk_err_soft, an errno from an ICMP error; 0: none */
	__s32 stack_len; /* frames in stack; negative: -errno */
	__u32 ct_status; /* enum ip_conntrack_status bits of the entry */
	__u32 oif;	 /* the route's output device, of the same netns; 0: not routed yet */
	__u32 ct_zone;	 /* of the entry; 0: the default one */
	__u32 ct_info;	 /* enum ip_conntrack_info, or a CT_INFO_* */
	__u64 skb;	 /* SAMPLE_DROP: with ts, what a hook_sample refers to */
	struct ct_tuple ct_orig;
	struct ct_tuple ct_reply;
	__u64 stack[WD_STACK_DEPTH];
	__u8 hdr[WD_HDR_BYTES];
};

/* The functions that hook programs watch: bpf/hooks.bpf.c. */
enum hook_fn {
	FN_NF_HOOK_SLOW,
	FN_NFT_DO_CHAIN,
	FN_IPT_DO_TABLE,
	FN_IP6T_DO_TABLE,
	FN_ARPT_DO_TABLE,
	FN_EBT_DO_TABLE,
	FN_NF_CONNTRACK_IN,
	FN_NF_CONNTRACK_CONFIRM,
	FN_NF_NAT_INET_FN,
	FN_NFT_IMMEDIATE_EVAL,
	FN_NFT_LOOKUP_EVAL,
	FN_NFT_REJECT_IPV4_EVAL,
	FN_NFT_REJECT_IPV6_EVAL,
	FN_NFT_REJECT_INET_EVAL,
	FN_NFT_REJECT_BRIDGE_EVAL,
	FN_NFT_TARGET_EVAL_XT,
	FN_NFT_TARGET_EVAL_BRIDGE,
	FN_BR_NF_PRE_ROUTING,
	FN_BR_NF_FORWARD,
	FN_BR_NF_FORWARD_IP,
	FN_BR_NF_FORWARD_ARP,
	FN_BR_NF_POST_ROUTING,
	FN_BR_NF_DEV_QUEUE_XMIT,
	FN_BR_HANDLE_FRAME,
	FN_BR_HANDLE_FRAME_FINISH,
	FN_BR_ALLOWED_INGRESS,
	FN_BR_FORWARD,
	FN_BR_FORWARD_ONE, /* __br_forward */
	FN_BR_FLOOD,
	FN_BR_HANDLE_VLAN,
	FN_BR_DEV_QUEUE_PUSH_XMIT,
	FN_MAX,
};

/* A hook function said drop: which one, and with which table. Texts are terminated, "" where not
 * known. */
struct table_verdict {
	__u32 fn;    /* enum hook_fn; FN_MAX: none was seen */
	__u8 family; /* nft: the table's NFPROTO_* */
	__u8 policy; /* nft: NFT_POLICY_*, 1 + what the base chain does with what no rule decides;
		      * 0: not known */
	__u16 cpu;   /* where it was given */
	__u64 ts;    /* bpf_ktime_get_ns() when it was given */
	__u64 rule;  /* nft: the handle of the rule that said drop; 0: none was seen */
	__u64 table_handle; /* nft: another one if it is made anew, and its rules' begin anew, too
			     */
	char table[WD_TABLE_LEN];
	char chain[WD_CHAIN_LEN]; /* nft: the base chain that the hook runs */
};

/*
 * What a hook program saw of a packet of which a sample was taken: on its way out of the function
 * that freed it. Innermost functions come first.
 */
struct hook_sample {
	__u32 kind; /* SAMPLE_HOOK */
	__u32 fn;   /* enum hook_fn */
	__u64 skb;
	__u64 ts; /* that of the sample, not of this record */
	__u8 has_hook;
	__u8 pf;   /* NFPROTO_*, nf_hook_state.pf */
	__u8 hook; /* nf_hook_state.hook: its meaning depends on pf */
	__u8 has_port;
	__u8 port_state; /* enum BR_STATE_*, include/uapi/linux/if_bridge.h */
	__u8 pad[3];
	__u32 port_flags; /* BR_HAIRPIN_MODE, BR_ISOLATED…, include/linux/if_bridge.h */
	__u32 in_ifindex, out_ifindex;
	char in[WD_IFNAMSIZ], out[WD_IFNAMSIZ], bridge[WD_IFNAMSIZ];
	__u32 pad2;
	struct table_verdict verdict;
};

/* Per-CPU counters. seen is counted on its own, before anything else can go wrong. */
enum stat_id {
	STAT_SEEN,
	STAT_FILTERED,
	STAT_UNCOUNTED,
	STAT_SAMPLES_SENT,
	STAT_SAMPLES_LOST, /* the ring buffer was full */
	STAT_RETRANS_LOST, /* retransmits that no map had room for, or no sample was allowed for */
	STAT_HOOKS_LOST,   /* hook samples that the ring buffer had no room for */
	STAT_MAX,
};

/* Drops must not take the samples of silences: each kind has its own. */
enum budget_id {
	BUDGET_DROPS,
	BUDGET_RETRANSMITS,
	BUDGET_MAX,
};

/* Per-CPU token bucket for samples. */
struct sample_budget {
	__u64 refilled_ns;
	__u64 tokens;
	__u64 uncounted_ns; /* the last sample of a drop that no map had room for */
};

struct net_filter {
	__u8 addr[16];
	__u8 mask[16];
	__u16 l3; /* 0x0800 or 0x86dd */
	__u16 pad[3];
};

/*
 * The filters, in .rodata so that the verifier removes what is not in use. Values of one kind are
 * alternatives; every kind in use must agree. A packet that could not be parsed far enough for a
 * filter on its contents passes that filter.
 */
struct filter {
	__u32 n_netns, n_ifaces, n_protos, n_nets, n_ports, n_reasons, n_tunnel_ports, pad;
	__u32 netns[WD_MAX_NETNS];
	char ifaces[WD_MAX_IFACES][WD_IFNAMSIZ];
	/* IP protocol number, or PROTO_ARP */
	__u32 protos[WD_MAX_PROTOS];
	struct net_filter nets[WD_MAX_NETS];
	__u16 ports[WD_MAX_PORTS];
	__u32 reasons[WD_MAX_REASONS];
	/* UDP ports whose payload is looked into for nets, ports and protos: VXLAN and Geneve */
	__u16 tunnel_ports[WD_MAX_TUNNEL_PORTS];
};

#define PROTO_ARP 0x10000

/* What userspace tells the programs before they are loaded: map .rodata.config. */
struct config {
	struct filter filter;
	__u8 has_reason; /* skb:kfree_skb has a reason argument (5.17, 5.15.58) */
	__u8 no_samples; /* the ring buffer is not to be touched here */
	__u8 pad[6];
};

#ifndef __bpf__
_Static_assert(sizeof(struct drop_key) == 64, "drop_key is hashed: no hidden padding");
_Static_assert(sizeof(struct fold_key) == 16, "fold_key is hashed: no hidden padding");
_Static_assert(sizeof(struct sample) % 8 == 0, "ring buffer records are 8-byte aligned");
_Static_assert(sizeof(struct hook_sample) % 8 == 0, "ring buffer records are 8-byte aligned");
_Static_assert(FN_MAX <= 32, "one bit each in struct sampled");
#endif

#endif
