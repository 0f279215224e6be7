// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fault.h"
#include "../util.h"
#include "rule.h"

void replay_add(struct replay *r, const struct rule_hit *hit)
{
	r->hits = xreallocarray(r->hits, r->n + 1, sizeof(*r->hits));
	r->hits[r->n++] = *hit;
}

void rule_free(struct rule *r)
{
	free(r->family);
	free(r->table);
	free(r->chain);
	free(r->text);
	free(r->comment);
	memset(r, 0, sizeof(*r));
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool rule_same(const struct rule *a, const struct rule *b)
{
	return a->backend == b->backend && a->handle == b->handle && a->number == b->number &&
	       a->policy == b->policy && same_text(a->family, b->family) &&
	       same_text(a->table, b->table) && same_text(a->chain, b->chain);
}

void replay_free(struct replay *r)
{
	for (size_t i = 0; i < r->n; i++)
		rule_free(&r->hits[i].rule);
	free(r->hits);
	memset(r, 0, sizeof(*r));
}

/* Two lines: which rule, and what it has counted. */
static char *counter_lines(const struct rule_hit *hit)
{
	const struct rule *r = &hit->rule;
	char *which = xasprintf("%d %s %s %s %llu %u %d %s", r->backend, r->family, r->table,
				r->chain, (unsigned long long)r->handle, r->number, r->policy,
				r->text ? r->text : "");
	char *lines = hit->has_packets
			      ? xasprintf("%s\n%llu\n", which, (unsigned long long)hit->packets)
			      : xasprintf("%s\n-\n", which);

	free(which);
	return lines;
}

char *replay_counters(const struct replay *r)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < r->n; i++) {
		char *lines = counter_lines(&r->hits[i]), *more = xasprintf("%s%s", all, lines);

		free(lines);
		free(all);
		all = more;
	}
	return all;
}

const struct rule_hit *replay_counted(const struct replay *r, const char *before)
{
	const struct rule_hit *found = NULL;

	if (r->cut)
		return NULL;
	for (size_t i = 0; i < r->n; i++) {
		char *lines = counter_lines(&r->hits[i]);
		size_t which = (size_t)(strchr(lines, '\n') - lines) + 1;
		bool same = !strncmp(before, lines, which);
		bool counted = strncmp(before, lines, strlen(lines)) != 0;

		free(lines);
		if (!same)
			return NULL;
		before += which;
		before += strcspn(before, "\n");
		before += *before == '\n';
		if (!counted && r->hits[i].has_packets)
			continue;
		if (found)
			return NULL;
		found = &r->hits[i];
	}
	return *before ? NULL : found;
}

enum tri tri_and(enum tri a, enum tri b)
{
	if (a == TRI_NO || b == TRI_NO)
		return TRI_NO;
	return a == TRI_YES && b == TRI_YES ? TRI_YES : TRI_MAYBE;
}

enum tri tri_not(enum tri a)
{
	return a == TRI_MAYBE ? TRI_MAYBE : a == TRI_YES ? TRI_NO : TRI_YES;
}

bool rule_may_be_verdict(const struct group *g)
{
	static const char *const tables[] = {"nft_do_chain", "ipt_do_table", "ip6t_do_table",
					     "arpt_do_table", "ebt_do_table"};

	for (size_t i = 0; g->verdict.function && i < ARRAY_SIZE(tables); i++) {
		if (!strcmp(g->verdict.function, tables[i]))
			return true;
	}
	return !g->verdict.function;
}

bool rule_at_nft(const struct group *g)
{
	static const char *const place[] = {"nft_do_chain", NULL};

	return group_at(g, place);
}

bool rule_table_dropped(const struct group *g)
{
	return g->verdict.function ? rule_may_be_verdict(g) : rule_at_nft(g);
}

static enum tri died_at_queue(const struct group *g)
{
	static const char *const reason[] = {"NETFILTER_DROP", NULL};

	if (g->loc.name)
		return rule_at_queue(g) ? TRI_YES : TRI_NO;
	/* its address is hidden; nf_queue() gives no reason */
	return group_reason(g, reason) ? TRI_NO : TRI_MAYBE;
}

bool rule_is_under(const struct group *g, const char *prefix)
{
	for (int i = 0; i < g->n_stack; i++) {
		if (g->stack[i].name && !strncmp(g->stack[i].name, prefix, strlen(prefix)))
			return true;
	}
	return false;
}

enum tri rule_queue_ends(const struct group *g, bool bypass)
{
	/* a program's verdict sent it on, and another rule queued it again */
	bool again = rule_is_under(g, "nf_reinject") || rule_is_under(g, "nfqnl_");

	return tri_and(died_at_queue(g), bypass || again ? TRI_MAYBE : TRI_YES);
}

/* A chain of nftables' NAT drops what its expression has no address for (masquerade, redirect). */
static bool in_nat_chain(const struct group *g)
{
	return g->rule_nat || rule_is_under(g, "nft_nat_do_chain") ||
	       (g->verdict.function && strstr(g->verdict.function, "t_do_table") &&
		!strcmp(g->verdict.table, "nat"));
}

bool rule_is_none(const struct group *g)
{
	return !rule_may_be_verdict(g) ||
	       (g->rule_none && (!rule_table_dropped(g) || in_nat_chain(g)));
}

bool rule_at_queue(const struct group *g)
{
	static const char *const place[] = {"nf_queue", NULL};

	return group_at(g, place);
}

/* Where a new connection is confirmed, and before that gets its source address. NAT that is done
 * (nf_nat_setup_info(), net/netfilter/nf_nat_core.c) had an address, and may have had no free port.
 */
static const char *cause_at_the_end(const struct group *g)
{
	if (g->has_ct_status && !(g->ct_status & IPS_SRC_NAT_DONE))
		return "NAT, without an address to give it, or conntrack, where another packet was "
		       "faster";
	if (g->has_ct_status && !(g->ct_status & IPS_SRC_NAT))
		return "conntrack, where another packet was faster";
	return "conntrack, where another packet was faster, or NAT without a free port";
}

/* By what the hook has in it, and by what conntrack knew of the packet. */
static const char *cause_by_place(const struct group *g)
{
	bool first = g->hook == HOOK_PREROUTING || g->hook == HOOK_OUTPUT;

	if (in_nat_chain(g))
		return "NAT, which has no address to give it (masquerade, redirect)";
	if (g->ipvs_no_server)
		return "IPVS, which has no real server for that service";
	if (g->hook == HOOK_OUTPUT && g->has_original && !g->ipvs_service)
		return "NAT, without a route to where it sends the packet";
	if (g->ipvs_service)
		return "IPVS, conntrack, NAT or another function of the hook";
	if (first && g->ct_state == CT_NONE)
		return "conntrack, whose table may be full";
	if ((g->hook == HOOK_POSTROUTING || g->hook == HOOK_INPUT) && g->ct_state == CT_NEW)
		return cause_at_the_end(g);
	return "conntrack, NAT or another function of the hook";
}

const char *rule_other_cause(const struct group *g)
{
	static const struct {
		const char *function, *cause;
	} causes[] = {
		{"nf_conntrack_in", "conntrack, which has no room for a new connection"},
		{"__nf_conntrack_confirm",
		 "conntrack, where another connection has its addresses and ports already"},
		{"nf_nat_inet_fn", "NAT, without a free port, an address or a route"},
	};

	for (size_t i = 0; g->verdict.function && i < ARRAY_SIZE(causes); i++) {
		if (!strcmp(causes[i].function, g->verdict.function))
			return causes[i].cause;
	}
	return rule_is_none(g) && rule_may_be_verdict(g) ? cause_by_place(g) : NULL;
}

static enum tri name_matches(const char *have, const char *name, char wildcard)
{
	size_t len = strlen(name);

	if (!have[0])
		return TRI_MAYBE;
	if (len && wildcard && name[len - 1] == wildcard)
		return strncmp(have, name, len - 1) ? TRI_NO : TRI_YES;
	return strcmp(have, name) ? TRI_NO : TRI_YES;
}

enum tri packet_bridged(const struct group *g)
{
	static const char *const functions[] = {"br_nf_pre_routing",
						"br_nf_pre_routing_ipv6",
						"br_nf_forward",
						"br_nf_forward_ip",
						"br_nf_forward_finish",
						"br_nf_post_routing",
						NULL};
	static const char *const hook[] = {"nf_hook_slow", NULL};
	const char *port = g->in[0] ? g->in : g->out;

	/* br_netfilter runs the hooks before routing, of forwarding and behind it */
	if (g->hook == HOOK_INPUT || g->hook == HOOK_OUTPUT)
		return TRI_NO;
	if (!g->bridge[0] || !strcmp(port, g->bridge) ||
	    (g->hook_family && strcmp(g->hook_family, "ip") && strcmp(g->hook_family, "ip6")))
		return TRI_NO;
	/* who called the hook: a routed packet may have crossed a bridge before, further up */
	for (int i = 0; i + 1 < g->n_stack; i++) {
		if (symbol_is(&g->stack[i], hook))
			return symbol_is(&g->stack[i + 1], functions) ? TRI_YES : TRI_NO;
	}
	return TRI_MAYBE;
}

/* The port, or the bridge instead, or one of the two. */
static enum tri device_matches(const struct group *g, const char *port, const char *name,
			       char wildcard)
{
	enum tri is_bridge = packet_bridged(g);
	enum tri by_port = name_matches(port, name, wildcard);
	enum tri by_bridge = name_matches(g->bridge, name, wildcard);

	if (is_bridge == TRI_MAYBE)
		return by_port == by_bridge ? by_port : TRI_MAYBE;
	return is_bridge == TRI_YES ? by_bridge : by_port;
}

enum tri packet_port_in(const struct group *g, const char *name, char wildcard)
{
	if (g->hook == HOOK_OUTPUT || g->hook == HOOK_EGRESS)
		return TRI_NO;
	/* ip_output() tells where a routed packet came in since 5.7 (net/ipv4/ip_output.c), and for
	 * what this node sends there is nothing to tell */
	if (g->hook == HOOK_POSTROUTING)
		return TRI_MAYBE;
	return name_matches(g->in, name, wildcard);
}

enum tri packet_port_out(const struct group *g, const char *name, char wildcard)
{
	if (g->hook == HOOK_PREROUTING || g->hook == HOOK_INPUT || g->hook == HOOK_INGRESS)
		return TRI_NO;
	return name_matches(g->out, name, wildcard);
}

enum tri packet_in(const struct group *g, const char *name, char wildcard)
{
	enum tri port = packet_port_in(g, name, wildcard);

	if (g->hook == HOOK_OUTPUT || g->hook == HOOK_EGRESS || g->hook == HOOK_POSTROUTING)
		return port;
	/* or its VLAN device: sysctl bridge-nf-pass-vlan-input-dev */
	if (g->vlan && packet_bridged(g) != TRI_NO)
		return TRI_MAYBE;
	return device_matches(g, g->in, name, wildcard);
}

bool packet_out_unsure(const struct group *g)
{
	return g->hook == HOOK_NONE && !g->in[0];
}

enum tri packet_out(const struct group *g, const char *name, char wildcard)
{
	if (g->hook == HOOK_PREROUTING || g->hook == HOOK_INPUT || g->hook == HOOK_INGRESS)
		return TRI_NO;
	return packet_out_unsure(g) ? TRI_MAYBE : device_matches(g, g->out, name, wildcard);
}

enum tri packet_addr(const struct addr *a, const struct cidr *c)
{
	if (!a->family)
		return TRI_MAYBE;
	return cidr_has(c, a) ? TRI_YES : TRI_NO;
}

const char *rule_backend_name(enum rule_backend backend)
{
	static const char *const names[] = {[RULE_NFT] = "nft",
					    [RULE_IPTABLES_NFT] = "iptables-nft",
					    [RULE_IPTABLES_LEGACY] = "iptables-legacy",
					    [RULE_ARPTABLES] = "arptables",
					    [RULE_EBTABLES] = "ebtables",
					    [RULE_EBTABLES_LEGACY] = "ebtables"};

	return (size_t)backend < ARRAY_SIZE(names) ? names[backend] : "?";
}

/* Each writes chains, tables or comments that begin so. Those of policies come before the others of
 * their owner. */
static const struct owner {
	const char *chain, *table, *comment; /* how one of them begins; NULL: any */
	const char *name;
	enum rule_purpose purpose;
} owners[] = {
	{"DOCKER-USER", NULL, NULL, "the node's admin, where Docker leaves room", PURPOSE_UNKNOWN},
	{"CNI-ADMIN", NULL, NULL, "the node's admin, where CNI plugins leave room",
	 PURPOSE_UNKNOWN},
	{"KUBE-ROUTER-", NULL, NULL, "kube-router", PURPOSE_UNKNOWN},
	{"KUBE-NWPLCY", NULL, NULL, "kube-router, for a NetworkPolicy", PURPOSE_POLICY},
	{"KUBE-POD-FW", NULL, NULL, "kube-router, for a NetworkPolicy", PURPOSE_POLICY},
	{"cali-", NULL, NULL, "Calico", PURPOSE_POLICY},
	{NULL, NULL, "cali:", "Calico", PURPOSE_POLICY},
	{NULL, "calico", NULL, "Calico", PURPOSE_POLICY},
	{"WEAVE-NPC", NULL, NULL, "Weave, for a NetworkPolicy", PURPOSE_POLICY},
	{"CILIUM_", NULL, NULL, "Cilium", PURPOSE_UNKNOWN},
	{"ANTREA-", NULL, NULL, "Antrea", PURPOSE_POLICY},
	{"FLANNEL-", NULL, NULL, "flannel", PURPOSE_UNKNOWN},
	{NULL, "flannel", NULL, "flannel", PURPOSE_UNKNOWN},
	{"KUBE-FIREWALL", NULL, NULL, "kubelet, to protect the node", PURPOSE_GUARD},
	{"KUBE-KUBELET", NULL, NULL, "kubelet", PURPOSE_UNKNOWN},
	{"KUBE-DEDUP", NULL, NULL, "kubelet, against duplicates", PURPOSE_DUPLICATES},
	{"AKS-DEDUP", NULL, NULL, "AKS, against duplicates", PURPOSE_DUPLICATES},
	{"KUBE-IPVS-FILTER", NULL, NULL, "kube-proxy, to protect the node",
	 PURPOSE_NO_SUCH_SERVICE},
	{"KUBE-PROXY-FIREWALL", NULL, NULL, "kube-proxy, for loadBalancerSourceRanges",
	 PURPOSE_SOURCE_RANGES},
	{"KUBE-", NULL, NULL, "kube-proxy", PURPOSE_UNKNOWN},
	{"firewall-", "kube-proxy", NULL, "kube-proxy, for loadBalancerSourceRanges",
	 PURPOSE_SOURCE_RANGES},
	{"cluster-ips-check", "kube-proxy", NULL, "kube-proxy, where a Service has no such port",
	 PURPOSE_NO_SUCH_SERVICE},
	{NULL, "kube-proxy", NULL, "kube-proxy", PURPOSE_UNKNOWN},
	{NULL, "kube-network-policies", NULL, "kube-network-policies, for a NetworkPolicy",
	 PURPOSE_POLICY},
	{"CNI-", NULL, NULL, "a CNI plugin", PURPOSE_UNKNOWN},
	{"DOCKER", NULL, NULL, "Docker, to keep its networks apart", PURPOSE_APART},
	{NULL, "docker", NULL, "Docker, to keep its networks apart", PURPOSE_APART},
	{"SUBMARINER-", NULL, NULL, "Submariner", PURPOSE_UNKNOWN},
	{"ufw", NULL, NULL, "ufw", PURPOSE_UNKNOWN},
	{NULL, "firewalld", NULL, "firewalld", PURPOSE_UNKNOWN},
	{"f2b-", NULL, NULL, "fail2ban", PURPOSE_UNKNOWN},
	{NULL, "f2b-", NULL, "fail2ban", PURPOSE_UNKNOWN},
	{"LIBVIRT_", NULL, NULL, "libvirt", PURPOSE_UNKNOWN},
};

static bool begins(const char *s, const char *with)
{
	return !with || (s && !strncmp(s, with, strlen(with)));
}

/* The address of a container is only for what comes by its own bridge: a rule without a chain of
 * its own. */
static bool is_dockers(const struct rule *r)
{
	return begins(r->table, "raw") && begins(r->chain, "PREROUTING") && r->text &&
	       (strstr(r->text, " ! -i docker0 ") || strstr(r->text, " ! -i br-"));
}

static const struct owner *owner_of(const struct rule *r)
{
	static const struct owner docker = {NULL, NULL, NULL, "Docker, to keep its networks apart",
					    PURPOSE_APART};

	if (is_dockers(r))
		return &docker;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		if (begins(r->chain, owners[i].chain) && begins(r->table, owners[i].table) &&
		    begins(r->comment, owners[i].comment))
			return &owners[i];
	}
	return NULL;
}

const char *rule_owner(const struct rule *r)
{
	const struct owner *o = owner_of(r);

	return o ? o->name : NULL;
}

enum rule_purpose rule_purpose(const struct rule *r)
{
	const struct owner *o = owner_of(r);
	/* Calico's own, which no policy asks for: it is out of step with the interface, or with the
	 * cluster's nodes, whose tunnels it takes for forged ones */
	static const char *const own[] = {"Unknown interface", "non-Calico hosts",
					  "non-allowed hosts"};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if ((r->text && strstr(r->text, own[i])) ||
		    (r->comment && strstr(r->comment, own[i])))
			return PURPOSE_UNKNOWN;
	}
	return o ? o->purpose : PURPOSE_UNKNOWN;
}

bool rule_is_policy(const struct rule *r)
{
	enum rule_purpose purpose = rule_purpose(r);

	return purpose != PURPOSE_UNKNOWN && purpose != PURPOSE_DUPLICATES;
}

const char *rule_tool(const struct rule *r)
{
	bool six = r->family && !strcmp(r->family, "ip6");

	if (r->backend == RULE_IPTABLES_NFT)
		return six ? "ip6tables-nft" : "iptables-nft";
	if (r->backend == RULE_IPTABLES_LEGACY)
		return six ? "ip6tables-legacy" : "iptables-legacy";
	if (r->backend == RULE_EBTABLES_LEGACY)
		return "ebtables-legacy";
	if (r->backend == RULE_ARPTABLES)
		return "arptables-nft";
	return r->backend == RULE_EBTABLES ? "ebtables-nft" : "nft";
}

char *rule_str(const struct rule *r)
{
	const char *owner = rule_owner(r);
	char number[48] = "";

	if (r->handle)
		snprintf(number, sizeof(number), " handle %" PRIu64, r->handle);
	else if (r->number)
		snprintf(number, sizeof(number), " %u", r->number);
	return xasprintf("%s %s%s%s %s%s: %s%s%s%s", rule_tool(r),
			 r->backend == RULE_NFT && r->family ? r->family : "",
			 r->backend == RULE_NFT ? " " : "", r->table ? r->table : "?",
			 r->chain ? r->chain : "?", number, r->text ? r->text : "?",
			 owner ? " (written by " : "", owner ? owner : "", owner ? ")" : "");
}

/* Of iptables, whose matches and options those of frames' tables do not have. */
static bool is_iptables(const struct rule *r)
{
	return r->backend == RULE_IPTABLES_NFT || r->backend == RULE_IPTABLES_LEGACY;
}

bool rule_is_nft_name(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || (*s && strchr("_-./", *s)))
		s++;
	return !*s;
}

/* Words of nft's grammar (its scanner) that somebody may name a chain, a table or an interface by.
 */
/* clang-format off */
static const char *const nft_words[] = {
	"accept", "add", "ah", "all", "arp", "auto-merge", "bridge", "ct", "chain", "cgroup",
	"comment", "comp", "constant", "continue", "counter", "create", "day", "dccp", "define",
	"delete", "describe", "device", "devices", "dnat", "drop", "dst", "dup", "dynamic",
	"ecn", "element", "elements", "esp", "ether", "exists", "expires", "export", "fib",
	"flags", "flow", "flowtable", "flush", "frag", "fwd", "goto", "handle", "hbh", "hook",
	"hour", "icmp", "icmpv6", "igmp", "iif", "iifname", "import", "include", "index", "inet",
	"insert", "interval", "ip", "ip6", "ipsec", "jhash", "jump", "limit", "list", "log",
	"map", "mark", "masquerade", "meta", "meter", "mh", "monitor", "notrack", "numgen",
	"oif", "oifname", "or", "osf", "policy", "position", "priority", "queue", "quota",
	"random", "redefine", "redirect", "reject", "rename", "replace", "reset", "return", "rt",
	"rule", "ruleset", "sctp", "secmark", "set", "size", "snat", "socket", "synproxy",
	"table", "tcp", "th", "time", "timeout", "tproxy", "type", "typeof", "udp", "udplite",
	"undefine", "update", "vlan", "vmap", "xt",
};
/* clang-format on */

bool rule_is_nft_word(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(nft_words); i++) {
		if (!strcmp(s, nft_words[i]))
			return false;
	}
	return rule_is_nft_name(s);
}

/* The names of table and chain, quoted for a shell: what a command starts with. NULL: not known, or
 * not to be written. */
static char *command_on(const struct rule *r, const char *nft_verb, const char *xt_verb)
{
	char table[512], chain[512];

	if (!r->table || !r->chain || !r->family || strlen(r->table) > 100 ||
	    strlen(r->chain) > 100)
		return NULL;
	if (r->backend == RULE_NFT && (!rule_is_nft_word(r->table) || !rule_is_nft_word(r->chain)))
		return NULL;
	shell_quote(r->table, table, sizeof(table));
	shell_quote(r->chain, chain, sizeof(chain));
	if (r->backend == RULE_NFT)
		return xasprintf("nft %s %s %s %s", nft_verb, r->family, table, chain);
	return xasprintf("%s%s -t %s %s %s", rule_tool(r), is_iptables(r) ? " -w" : "", table,
			 xt_verb, chain);
}

static char *append(char *command, const char *rest)
{
	char *whole = command ? xasprintf("%s %s", command, rest) : NULL;

	free(command);
	return whole;
}

/* "-I CHAIN 3", "insert rule … handle 7". */
static char *insert_at(const struct rule *r, uint64_t handle, unsigned int number)
{
	char place[48] = "";

	if (r->backend == RULE_NFT && handle)
		snprintf(place, sizeof(place), "handle %" PRIu64, handle);
	else if (r->backend != RULE_NFT && number)
		snprintf(place, sizeof(place), "%u", number);
	return *place ? append(command_on(r, "insert rule", "-I"), place)
		      : command_on(r, "insert rule", "-I");
}

char *rule_accept_command(const struct rule *r, const char *xt_match, const char *nft_match)
{
	bool nft = r->backend == RULE_NFT;
	char *command;

	if (r->backend == RULE_ARPTABLES)
		return NULL;
	if (!r->policy)
		command = insert_at(r, r->handle, r->number);
	else if (r->left_handle || r->left_number)
		command = insert_at(r, r->left_handle, r->left_number);
	else
		command = command_on(r, "add rule", "-A");
	command = append(command, nft ? nft_match : xt_match);
	return append(command, nft ? "accept" : "-j ACCEPT");
}

char *rule_delete_command(const struct rule *r)
{
	char number[48];

	if (r->backend == RULE_NFT && r->handle)
		snprintf(number, sizeof(number), "handle %" PRIu64, r->handle);
	else if (r->backend != RULE_NFT && r->number)
		snprintf(number, sizeof(number), "%u", r->number);
	else
		return NULL;
	return append(command_on(r, "delete rule", "-D"), number);
}

char *rule_policy_command(const struct rule *r)
{
	return append(command_on(r, "chain", "-P"),
		      r->backend == RULE_NFT ? "'{ policy accept; }'" : "ACCEPT");
}
