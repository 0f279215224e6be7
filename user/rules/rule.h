/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Firewall rules: which one dropped a packet. Pure data, and the replay of one packet against a
 * ruleset's own text, as far as the packet is known.
 *
 * A replay never guesses: what it does not understand, or what the packet's sample does not tell,
 * may match or not (TRI_MAYBE). So it ends with every rule and policy that may have dropped the
 * packet, and only where there is one alone may somebody say that it was that one.
 */
#ifndef WHYDROP_RULES_RULE_H
#define WHYDROP_RULES_RULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../group.h"
#include "marks.h"

enum rule_backend {
	RULE_NFT,
	RULE_IPTABLES_NFT,
	RULE_IPTABLES_LEGACY,
	RULE_ARPTABLES, /* of nft, as iptables-nft's */
	RULE_EBTABLES,
	RULE_EBTABLES_LEGACY,
};

enum rule_verdict {
	RULE_DROP,
	RULE_REJECT,
	RULE_QUEUE,
	RULE_OTHER, /* it may drop or not: what its target does is not known here */
};

/* What a rule is known to be there for, by who wrote it. */
enum rule_purpose {
	PURPOSE_UNKNOWN,
	PURPOSE_POLICY,		 /* it carries out NetworkPolicies, or the plugin's own */
	PURPOSE_APART,		 /* Docker's: its networks are kept apart */
	PURPOSE_SOURCE_RANGES,	 /* a Service's loadBalancerSourceRanges */
	PURPOSE_NO_SUCH_SERVICE, /* a Service's address at a port that it does not have */
	PURPOSE_GUARD,		 /* kubelet's: 127.0.0.0/8 from elsewhere, marked packets */
	PURPOSE_DUPLICATES,	 /* what a bridge in promiscuous mode gets twice (kubenet, AKS) */
};

/* Strings are the rule's own; NULL: not known or none. */
struct rule {
	enum rule_backend backend;
	enum rule_verdict verdict;
	char *family; /* "ip", "ip6", "inet", "arp", "bridge", "netdev" */
	char *table, *chain;
	uint64_t handle;     /* nft; 0: none */
	unsigned int number; /* iptables: 1-based place in the chain; 0: none */
	bool policy;	     /* the chain's policy, not a rule */
	/* A policy: the first rule of its chain, a return or goto, by which such packets may leave
	 * it, as handle (nft) or number (iptables); 0: they come to its end. */
	uint64_t left_handle;
	unsigned int left_number;
	char *text; /* as its owner would write it: nft, or iptables-save syntax ("-A …") */
	char *comment;
};

enum tri {
	TRI_NO,
	TRI_YES,
	TRI_MAYBE,
};

struct rule_hit {
	struct rule rule;
	/* Every part matches, and nothing before it may have ended the packet's way. */
	bool sure;
	/* In the output hook, behind NAT of the destination, which may have dropped it first. */
	bool behind_nat;
	bool has_packets; /* the rule counts */
	uint64_t packets; /* its counter */
};

/* What may have dropped the packet, in the order in which it met them. */
struct replay {
	struct rule_hit *hits;
	size_t n;
	/* Something on the packet's way could not be followed: others than hits may have done it.
	 */
	bool cut;
	bool may_fail; /* a match on its way drops what it has no room to note: no rule's verdict */
	bool unread;   /* the same of all that another packet filter has: no hit is sure then */
	/* What other packet filters' rules in the hook may make of the mark; to be set before, or
	 * NULL: there are none. */
	const struct marks *others;
};

/* Adds a copy of nothing: the rule's memory becomes the replay's. */
void replay_add(struct replay *r, const struct rule_hit *hit);
void replay_free(struct replay *r);
void rule_free(struct rule *r);
/* What the replay's rules have counted, as text to free(), for replay_counted(). */
char *replay_counters(const struct replay *r);
/*
 * Packets that are replayed as those before died since replay_counters(): the one rule that may
 * have dropped them, as only its counter is another one. NULL: there are others, some do not count,
 * the rules have changed, or the replay was cut.
 */
const struct rule_hit *replay_counted(const struct replay *r, const char *before);
/* Does nft's grammar take it as a name? The kernel takes any bytes from others, and quotes for a
 * shell do not help: nft reads its words as one command. */
bool rule_is_nft_name(const char *s);
/* And is it none of the words that mean something there, as in `nft list chain ip fw log`? */
bool rule_is_nft_word(const char *s);
/* Is it one rule or policy: the same place, not the same text? */
bool rule_same(const struct rule *a, const struct rule *b);
/* "drop", "reject", "queue"; "other": its target is not known here. */
const char *rule_verdict_name(enum rule_verdict verdict);
/* What follows the last such word of the rule's text, comments and other quoted text left out;
 * NULL: the word is not there. */
const char *rule_text_after(const struct rule *r, const char *word);
#define RULE_SENT_LEN 80
/* What a rule that rejects sends back of an IPv4 or IPv6 packet: "tcp reset", "icmp
 * port-unreachable". Returns buf of RULE_SENT_LEN; NULL: nothing, or it is not known. */
const char *rule_sent(const struct rule *r, bool six, char *buf);
/* "nft", "iptables-legacy"… */
const char *rule_backend_name(enum rule_backend backend);
/* The tool that changes such rules: "ip6tables-nft", "nft"… */
const char *rule_tool(const struct rule *r);
/* "iptables-nft filter FORWARD 3: -A FORWARD …", "nft inet fw input handle 7: udp dport 1 drop",
 * "nft inet fw input: policy drop"; to free(). Bytes are the node's own: escape them. */
char *rule_str(const struct rule *r);
/* Who wrote it, by the names and comments that it is known for: "kube-proxy", "Docker"; NULL: not
 * known. Static. */
const char *rule_owner(const struct rule *r);
enum rule_purpose rule_purpose(const struct rule *r);
/* Does it deny what somebody means to be denied: any purpose, but duplicates, which nobody misses?
 */
bool rule_is_policy(const struct rule *r);
/*
 * The command that lets packets through ahead of the rule, in its own chain, since an accept in
 * another one does not help: the match in the syntax of iptables or ebtables, or of nft, as the
 * backend needs.
 * Ahead of a policy is at the chain's end, where it overrules no other rule, or ahead of the rule
 * by which such packets leave the chain. To free(). NULL: there is no such command for this
 * backend.
 */
char *rule_accept_command(const struct rule *r, const char *xt_match, const char *nft_match);
/* The command that takes the rule away, by its handle or number; to free(). NULL: there is none. */
char *rule_delete_command(const struct rule *r);
/* The command after which the chain's policy accepts; to free(). NULL: there is none. */
char *rule_policy_command(const struct rule *r);
/* Does what a probe saw of the verdict leave it to a table of rules? Conntrack and NAT give some,
 * too. True where none was seen. */
bool rule_may_be_verdict(const struct group *g);
/* Is it known that no rule did it: a probe saw conntrack's or NAT's own verdict, or the rules were
 * read and none may have? */
bool rule_is_none(const struct group *g);
/* Did nf_tables free it itself? */
bool rule_at_nft(const struct group *g);
/* Is it known that a table of rules gave the verdict, by what a probe saw or by where the packet
 * was freed? */
bool rule_table_dropped(const struct group *g);
/* Netfilter dropped it and no rule did: who then, as far as hook programs or the place tell.
 * Static; NULL: a rule may have done it, or netfilter did not. */
const char *rule_other_cause(const struct group *g);
/* Does a function whose name begins so stand in the stack? False where its addresses are hidden. */
bool rule_is_under(const struct group *g, const char *prefix);
/* Was it dropped because a queue to a program did not take it? Only rules that queue may be it. */
bool rule_at_queue(const struct group *g);
/*
 * Did a rule that queues, and that the packet met, end its way? NO: it died elsewhere, so a program
 * gave it back, or there was none and the rule's bypass flag let it go on; nf_hook_slow(),
 * net/netfilter/core.c. Then the table is done with it, and the next one had it. MAYBE: the place
 * is that of queues, but both may be true of another rule's.
 */
enum tri rule_queue_ends(const struct group *g, bool bypass);
/* NO if one is NO, YES if both are YES, otherwise MAYBE. */
enum tri tri_and(enum tri a, enum tri b);
enum tri tri_not(enum tri a);

/* Does br_netfilter run the IP hooks for a bridged frame? Then they see the bridge as in and out
 * (br_nf_forward, net/bridge/br_netfilter_hooks.c), and the group has its ports. */
enum tri packet_bridged(const struct group *g);
/*
 * What a rule may ask of a dropped packet, as YES, NO or MAYBE. An interface that is not known ("")
 * may be any, unless the hook has none: input has no out, output has no in. A name that ends in the
 * wildcard ('+': iptables, '*': nft) stands for all that begin so.
 */
enum tri packet_in(const struct group *g, const char *name, char wildcard);
enum tri packet_out(const struct group *g, const char *name, char wildcard);
/* May its device be a tunnel's that sent it, not the way out? In the output hook it is, and it is
 * not known whether that is the hook. */
bool packet_out_unsure(const struct group *g);
/* The same, of a bridge's ports where the hook sees the bridge. */
enum tri packet_port_in(const struct group *g, const char *name, char wildcard);
enum tri packet_port_out(const struct group *g, const char *name, char wildcard);
enum tri packet_addr(const struct addr *a, const struct cidr *c);

#endif
