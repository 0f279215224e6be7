/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group of drops (or of TCP retransmits, the symptom of a silent drop elsewhere): the aggregate's
 * counters, joined with its first sample and described in a person's terms. This is what faults,
 * noise rules and outputs look at; none of them sees a BPF map.
 */
#ifndef WHYDROP_GROUP_H
#define WHYDROP_GROUP_H

#include "../bpf/event.h"
#include "flow.h"

#define GROUP_CONNECTIONS 8

struct pod;
struct rule;

struct symbol {
	const char *name;   /* owned by the kernel module; NULL: not known (hidden or none) */
	const char *module; /* NULL: the kernel itself */
	uint64_t addr;
	uint64_t off; /* from the start of name */
};

enum nf_hook {
	HOOK_NONE,
	HOOK_PREROUTING,
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_POSTROUTING,
	HOOK_INGRESS,
	HOOK_EGRESS,
};

/* The packet's connection, as conntrack saw it before the packet died. */
enum ct_state {
	CT_UNSEEN,
	CT_NONE, /* no entry: invalid, or conntrack did not run */
	CT_NEW,
	CT_ESTABLISHED,
	CT_RELATED,
	CT_UNTRACKED,
};

enum group_class {
	CLASS_UNEXPLAINED,
	CLASS_FAULT,
	CLASS_NOISE,
};

/* A packet of a group, as far as a rule may ask of it what the group's key does not have. */
struct seen_packet {
	struct flow flow;
	bool has_original;
	struct flow original;
	enum ct_state ct_state;
	bool ct_reply, has_ct_status;
	uint32_t ct_status, ct_zone;
	struct flow ct_tuples[2];
	uint32_t mark;
	uint16_t vlan;
	uint8_t src_mac[6], dst_mac[6];
	bool has_src_mac;

	bool first;		    /* it is the one that the group is described by */
	uint64_t first_ns, last_ns; /* CLOCK_MONOTONIC: of samples like it, */
	uint64_t packets;	    /* which are so many */
	bool told;		    /* a hook program saw one of them die by the group's verdict, */
	bool told_rule;		    /* and by the same rule or policy */
	unsigned int rule;	    /* SEEN_*: whose it was */
};

enum {
	SEEN_UNKNOWN,
	SEEN_SAME, /* the group's rule */
	SEEN_ALSO, /* + its index: another one */
};

#define GROUP_SEEN 12 /* different packets of a group */
#define GROUP_ALSO 3  /* other rules that are named */

struct group {
	enum sample_kind kind;
	struct drop_key key;
	uint64_t packets, bytes;
	uint64_t first_ns, last_ns; /* CLOCK_MONOTONIC; 0: unknown (a folded group). Of its samples
				     * until the counters are read. */
	bool counted;		    /* the counters are exact, not the number of samples */
	bool folded;		    /* counted by reason, location and netns only */

	/* From here on: described. Strings are never NULL unless said. */
	char reason[48];       /* without SKB_DROP_REASON_; "NOT_SPECIFIED"; or a number */
	struct symbol loc;     /* where it was freed */
	bool loc_told;	       /* a hook program's record named loc */
	bool loc_traced;       /* by a function that loc called and that a hook program watched */
	uint32_t netns;	       /* inode; 0: unknown */
	char *netns_name;      /* as it was when the sample came; NULL: none was known. Owned. */
	const struct pod *pod; /* of that netns, likewise; NULL: none was known. The host's. */
	char in[WD_IFNAMSIZ], out[WD_IFNAMSIZ], bridge[WD_IFNAMSIZ]; /* "": unknown */
	uint32_t in_ifindex, out_ifindex;
	struct flow flow; /* from the sample; without one, what the key tells */
	bool other_ports; /* there were samples of other ports: the key has the service's only */
	struct tunnel tunnel; /* what the packet carries */
	bool has_original;
	struct flow original; /* conntrack's original tuple, where NAT changed the flow */
	enum ct_state ct_state;
	bool ct_reply;	    /* CT_ESTABLISHED and CT_RELATED: in the reply's direction */
	bool has_ct_status; /* and ct_status, IPS_* bits; and the entry's tuples and zone */
	uint32_t ct_status;
	struct flow ct_tuples[2]; /* of the original direction, and of the reply */
	uint32_t ct_zone;
	enum nf_hook hook;
	const char *hook_family; /* "ip", "ip6", "bridge", "arp", "netdev"; NULL: unknown */
	bool own_context;	 /* the process below is the sender */
	int pid;
	char comm[WD_COMM_LEN + 1];
	char *path; /* "pod-a → veth1 → cni0 → ip_forward ✗"; NULL: nothing known */

	/* Evidence that only the sample gives. */
	bool has_sample;
	bool suspicious;   /* it has the signature of a fault, proven or not */
	uint64_t state_ns; /* CLOCK_MONOTONIC: how old what was known of it then was */
	bool state_noted;  /* the two below are of the last time that a fault was looked for */
	bool state_stale;  /* what was known of it when a fault was looked for was older than the
			    * last sample */
	bool state_unread; /* when a fault was looked for, the netns was gone or closed */
	uint8_t src_mac[6], dst_mac[6];
	bool has_src_mac; /* and dst_mac */
	uint16_t vlan;	  /* VLAN ID in the packet's own field; 0: untagged, or only in the frame */
	uint32_t len;	  /* bytes from where the packet's data started when it died */
	uint32_t mark;
	/* Retransmits: a group is many connections. silent_ms is the time from the first to the
	 * last retransmit of the one that flow.sport names. */
	struct {
		uint16_t sport;
		uint32_t times;
		uint64_t since_ns; /* CLOCK_MONOTONIC */
	} connections[GROUP_CONNECTIONS];
	uint32_t silent_ms;
	uint32_t looked_ms;   /* from the last retransmit until a fault was looked for */
	bool too_late;	      /* and by then it may have been answered: nothing here can tell */
	uint64_t icmp_errors; /* that had reached the netns when it was last looked at */
	uint8_t sk_state;     /* retransmits: TCP state */
	int sk_err;	      /* retransmits: pending soft error */
	int n_stack;
	struct symbol *stack; /* n_stack frames; owned by the group */

	/* What hook programs saw (explain.c). Texts "" and NULL where they did not. */
	bool explained;
	bool hook_seen;	      /* by a program, not told from the stack */
	bool hooks_differ;    /* its packets died in several hooks: this is the first's */
	bool verdicts_differ; /* or by several tables or rules: likewise */
	bool way_told; /* by a record: the port that a bridge sent it to, or that there is none */
	unsigned int asks;	/* samples that asked for hook programs */
	const char *decided_by; /* the innermost function that one of them saw the packet die in */
	struct {
		const char *function; /* "nft_do_chain": who said drop; static */
		const char *family;   /* of an nft table; static */
		char table[WD_TABLE_LEN], chain[WD_CHAIN_LEN];
		uint64_t rule;	       /* nft: the handle of the rule that said drop; 0: not seen */
		uint64_t table_handle; /* nft: of the table, as it was then */
		bool policy;	       /* no rule did, but the base chain's policy */
	} verdict;
	struct { /* the bridge port that the frame was for, at that moment */
		bool known;
		uint8_t state; /* enum BR_STATE_* */
		uint32_t ifindex;
		bool hairpin, isolated;
	} port;

	/* The rule that dropped them (rules/rules.c). */
	bool rule_asked, rule_explained; /* asked at all, and with what hook programs saw */
	bool rule_waits;		 /* somebody is to be asked */
	struct rule *rule;		 /* NULL: not known; owned by the group */
	bool rule_certain;		 /* seen by a probe, not deduced */
	unsigned int rule_others;	 /* without a rule: so many may have been it */
	struct rule *rule_may_be;	 /* the first of those; owned by the group */
	size_t n_rule_may_be;
	bool ipvs_service, ipvs_no_server; /* it was for a service of IPVS, which had no server */
	bool nat_no_route; /* output hook: NAT sent it to where no route led when that was asked */
	bool rule_mixed;   /* the rule is one of iptables, and the other iptables has some here, too
			    */
	bool rule_none;	   /* the rules were read, and none may have been it */
	bool rule_nat;	   /* and the chain that a probe saw it die in is one of NAT's */
	char *rule_why;	   /* why it is that one, or why it is not known; or NULL */
	/* Of several that may have been it: their counters, as rules/reader.c noted them, and when;
	 * who counts more after another drop? */
	char *rule_counters;	  /* NULL: none, or they do not help */
	uint64_t rule_counted_ns; /* CLOCK_MONOTONIC; not before they were read */
	unsigned int rule_counts; /* so often */
	/* Are they all of one rule (seen.c)? */
	struct seen_packet *seen; /* n_seen; owned by the group */
	size_t n_seen, seen_asked, seen_answered;
	int seen_last;		 /* which of them the last sample is like; -1: none */
	uint64_t seen_different; /* samples that were like none before */
	uint64_t seen_told;	 /* of those that are not kept: a probe saw the same rule */
	bool seen_only;		 /* the rules were asked about them, once the rule was known */
	struct rule *also;	 /* n_also rules that dropped some of them instead; owned */
	size_t n_also;
	/* Changing rules (rules/changes.c): nft's generation by the last look near a drop, 0: not
	 * known; and when (CLOCK_MONOTONIC) it was seen first and last, and the one before it last,
	 * 0: none was. */
	uint64_t rule_noted_ns; /* that drop */
	uint32_t rule_drop_generation;
	uint64_t rule_since_ns, rule_read_ns, rule_before_ns;
	bool rule_unsure; /* the rule may be newer than the drop: a change was seen near it */
	/* Without a rule that is sure: they changed while they were read, or since the drop. Ask
	 * again, not before (CLOCK_MONOTONIC), after so many times. */
	bool rule_again, rule_changing;
	uint64_t rule_again_ns;
	unsigned int rule_tries;

	enum group_class class;
	const char *noise; /* why it is noise; static text, or NULL */
	int finding;	   /* index into findings, or -1 */
};

/* Did a probe see that rule drop a packet of the group, and was none that was looked at dropped by
 * another? */
bool group_rule_certain(const struct group *g);
/* Of so many of its packets it is known that the rule dropped them: samples that a probe saw, or
 * whose replay ends there. 0: not counted. */
uint64_t group_rule_seen(const struct group *g);
/* The same of the i-th of g->also. */
uint64_t group_also_seen(const struct group *g, size_t i);
/* What a rule sent to who sent the packet, as rule_sent(). */
const char *group_sent_by(const struct group *g, const struct rule *r, char *buf);
/* "input"; NULL for HOOK_NONE. */
const char *hook_name(enum nf_hook hook);
/* The name of an NFPROTO_*, "ip" or "inet" for example; NULL for an unknown one. */
const char *nf_family_name(unsigned int nfproto);
/* Does that name stand for the function, or for what the compiler made of it: name.part.0,
 * name.cold? False for NULL. */
bool symbol_name_is(const char *sym, const char *fn);
/* Is the symbol one of these functions (NULL-terminated)? Suffixes like .isra.0 and .cold do not
 * matter. False where the address is hidden. */
bool symbol_is(const struct symbol *s, const char *const *functions);
/* Is the function that freed the packet one of these? As symbol_is(). */
bool group_at(const struct group *g, const char *const *functions);
/* The same, or the address is hidden and the kernel gave a reason, which then must do. */
bool group_maybe_at(const struct group *g, const char *const *functions);
/* The reason's name is one of these (NULL-terminated). */
bool group_reason(const struct group *g, const char *const *reasons);
/* It was not that rule: nothing is known of one. */
void group_forget_rule(struct group *g);
/* Whose rule the packets are, but for the group's own. */
void group_forget_seen(struct group *g);
void group_free(struct group *g);

#endif
