// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "firewall.h"
#include "util.h"

/* What it asks conntrack's state to be: "INVALID,UNTRACKED …", "{ invalid, untracked } …"; or,
 * *other, not to be. NULL: it does not ask. */
static const char *states_of(const struct rule *r, bool *other)
{
	static const char *const words[] = {"--ctstate", "--state", "state"};

	for (size_t i = r->backend == RULE_NFT ? 2 : 0; i < ARRAY_SIZE(words); i++) {
		const char *list = rule_text_after(r, words[i]), *at = list;

		if (!list)
			continue;
		while (at[-1] == ' ')
			at--;
		at -= strlen(words[i]);
		*other = *list == '!' || (at - r->text >= 3 && !strncmp(at - 3, " ! ", 3));
		return list;
	}
	return NULL;
}

static bool lists_invalid(const char *list)
{
	static const char *const states[] = {"invalid", "new", "established", "related",
					     "untracked"};
	size_t state;

	do {
		size_t n;

		list += strspn(list, "!={}(|&, ");
		n = strcspn(list, "!={}(|&, )");
		for (state = 0; state < ARRAY_SIZE(states); state++) {
			if (n == strlen(states[state]) && !strncasecmp(list, states[state], n))
				break;
		}
		list += n;
	} while (state && state < ARRAY_SIZE(states));
	return !state;
}

bool firewall_asks_for_invalid(const struct rule *r)
{
	bool other = false;
	const char *list = states_of(r, &other);

	if (!list)
		return false;
	/* what a map does with the packet is its verdict, and this is of one that was dropped */
	return !strncmp(list, "vmap ", 5) || lists_invalid(list) != other;
}

/* An error about some flow, or the answer to a ping. */
static bool is_icmp_answer(const struct group *g)
{
	if (g->key.cls != PKT_ICMP)
		return false;
	if (g->flow.proto == IPPROTO_ICMPV6) /* errors are below 128 (RFC 4443) */
		return g->flow.icmp_type < 128 || g->flow.icmp_type == ICMP6_ECHO_REPLY;
	return g->flow.icmp_type == ICMP_DEST_UNREACH || g->flow.icmp_type == ICMP_TIME_EXCEEDED ||
	       g->flow.icmp_type == ICMP_PARAMETERPROB || g->flow.icmp_type == ICMP_ECHOREPLY;
}

/* A UDP server's to one of many clients. For conntrack it opens a connection, once it has forgotten
 * the one that it belongs to. */
static bool is_udp_answer(const struct group *g)
{
	return g->flow.proto == IPPROTO_UDP && g->flow.has_ports &&
	       g->flow.sport < IPPORT_RESERVED && g->flow.dport >= 32768;
}

/* Not the start of a connection, and conntrack knows none. */
static bool is_stray(const struct group *g)
{
	if (g->ct_state != CT_NONE)
		return g->ct_state == CT_NEW && is_udp_answer(g);
	if (g->flow.proto == IPPROTO_TCP)
		return g->key.cls != PKT_TCP_SYN;
	return is_icmp_answer(g) || is_udp_answer(g) || firewall_asks_for_invalid(g->rule);
}

/* Where clouds serve their machines, beside 169.254.0.0/16: Azure's WireServer, whose pods AKS
 * keeps away, and AWS. */
static bool is_of_cloud(const struct addr *a)
{
	static const char *const nets[] = {"168.63.129.16/32", "fd00:ec2::/32"};
	struct cidr c;

	for (size_t i = 0; i < ARRAY_SIZE(nets); i++) {
		if (!cidr_parse(nets[i], &c) && cidr_has(&c, a))
			return true;
	}
	return false;
}

bool firewall_is_chatter(const struct group *g)
{
	return addr_is_multicast(&g->flow.dst) || addr_is_linklocal(&g->flow.dst) ||
	       is_of_cloud(&g->flow.dst);
}

static bool dropped_by_rule(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->rule && rule_may_be_verdict(g) &&
	       g->hook_family && strcmp(g->hook_family, "bridge") != 0 &&
	       strcmp(g->hook_family, "arp") != 0 && !firewall_is_chatter(g) &&
	       dropped_by_netfilter(g);
}

bool firewall_dropped(const struct group *g)
{
	return dropped_by_rule(g) && !is_stray(g);
}

bool firewall_dropped_stray(const struct group *g)
{
	return dropped_by_rule(g) && is_stray(g);
}

bool firewall_without_rule(const struct group *g)
{
	if (g->kind != SAMPLE_DROP || !g->netns || !g->has_sample || !dropped_by_netfilter(g))
		return false;
	return rule_is_none(g);
}

bool firewall_maybe_without_rule(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->has_sample && dropped_by_netfilter(g) &&
	       !g->rule && g->rule_others && !g->verdict.function && !rule_table_dropped(g);
}

enum tri firewall_by_rule(const struct group *g)
{
	if (firewall_without_rule(g))
		return TRI_NO;
	return g->rule || rule_table_dropped(g) ? TRI_YES : TRI_MAYBE;
}

/* A pod's own veth, or a bridge that pods are ports of. */
static bool leads_to_pods(struct host *h, uint32_t netns, uint32_t ifindex)
{
	const struct link *l = host_link(h, netns, ifindex);

	return l && (host_is_pod_veth(h, netns, l) || host_is_pod_bridge(h, netns, l));
}

/* The narrowest one that has the address, or the widest; NULL: none. */
static const struct known_cidr *known(struct host *h, uint32_t netns, const struct addr *a,
				      enum cidr_role role, bool widest)
{
	const struct known_cidr *c, *best = NULL;
	size_t n;

	if (h->ops->cidrs(h, netns, &c, &n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (c[i].role == role && (!c[i].netns || c[i].netns == netns) &&
		    cidr_has(&c[i].net, a) && (!best || (c[i].net.bits > best->net.bits) != widest))
			best = &c[i];
	}
	return best;
}

const struct known_cidr *firewall_pod_cidr(struct host *h, uint32_t netns, const struct addr *a)
{
	return known(h, netns, a, CIDR_POD, false);
}

const struct known_cidr *firewall_service_cidr(struct host *h, uint32_t netns, const struct addr *a)
{
	return known(h, netns, a, CIDR_SERVICE, false);
}

bool firewall_pods_packet(const struct group *g, struct host *h)
{
	if (leads_to_pods(h, g->netns, g->in_ifindex))
		return true;
	return leads_to_pods(h, g->netns, g->out_ifindex) &&
	       (g->ct_state == CT_ESTABLISHED || firewall_pod_cidr(h, g->netns, &g->flow.src));
}

static bool is_other_node(struct host *h, uint32_t netns, const struct addr *a)
{
	const struct neigh *e;
	const struct route *r;
	size_t n;

	if (!h->ops->neighs(h, netns, &e, &n)) {
		for (size_t i = 0; i < n; i++) {
			if (e[i].fdb && addr_eq(&e[i].dst, a))
				return true;
		}
	}
	if (h->ops->routes(h, netns, &r, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (r[i].dst.bits && addr_eq(&r[i].gateway, a) &&
		    firewall_pod_cidr(h, netns, &r[i].dst.addr))
			return true;
	}
	return false;
}

bool firewall_cluster_addr(struct host *h, uint32_t netns, const struct addr *a)
{
	return a->family && (firewall_pod_cidr(h, netns, a) || firewall_service_cidr(h, netns, a) ||
			     is_other_node(h, netns, a));
}

const char *firewall_name(const struct rule *r, char *buf)
{
	char which[64] = "a rule";

	if (r->policy)
		snprintf(which, sizeof(which), "the policy");
	else if (r->handle)
		snprintf(which, sizeof(which), "the rule with handle %llu",
			 (unsigned long long)r->handle);
	else if (r->number)
		snprintf(which, sizeof(which), "rule %u", r->number);
	snprintf(buf, FIREWALL_NAME_LEN, "%s of chain %s (%s, table %s%s%s)", which,
		 r->chain ? r->chain : "?", rule_tool(r),
		 r->backend == RULE_NFT && r->family ? r->family : "",
		 r->backend == RULE_NFT && r->family ? " " : "", r->table ? r->table : "?");
	return buf;
}

/* Does it check the way back: -m rpfilter, fib saddr? */
static bool is_reverse_path(const struct rule *r)
{
	const char *fib = r->backend == RULE_NFT ? rule_text_after(r, "fib") : NULL;

	return fib ? !strncmp(fib, "saddr", 5)
		   : r->backend != RULE_NFT && rule_text_after(r, "rpfilter");
}

void firewall_evidence(struct finding *f, const struct group *g)
{
	char buf[RULE_SENT_LEN];
	const char *sent = group_sent_by(g, g->rule, buf);
	enum agrees agrees = g->rule_unsure ? AGREES_UNREAD : AGREES_YES;

	free(f->rule);
	f->rule = rule_str(g->rule);
	finding_evidence(f, agrees, "rule", f->rule, NULL);
	if (is_reverse_path(g->rule))
		finding_evidence(f, AGREES_YES, "what it checks",
				 "that the way back to the sender is the one by which it came "
				 "(reverse path): `ip route get` tells it",
				 NULL);
	if (sent)
		finding_evidence(f, AGREES_YES, EVIDENCE_SENT, sent, NULL);
	if (g->rule_why)
		finding_evidence(f, agrees,
				 group_rule_certain(g) ? "how it is known" : "how it was deduced",
				 g->rule_why, NULL);
}

void firewall_finding(struct finding *f, const struct group *g, struct host *h)
{
	const char *owner = rule_owner(g->rule);
	char name[FIREWALL_NAME_LEN];

	f->netns = g->netns;
	f->status = g->rule_unsure ? STATUS_SUSPECTED : STATUS_CONFIRMED;
	finding_place(f, h, "%s/%s", g->rule->family ? g->rule->family : "",
		      firewall_name(g->rule, name));
	firewall_evidence(f, g);
	if (owner)
		finding_evidence(f, AGREES_YES, "who wrote the rule, by its names", owner, NULL);
}

/* A name that neither a shell nor nft's grammar sees more in than a name. */
static bool is_plain(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       strlen(s);
}

/* For conntrack it belongs to a connection that was let through. */
static bool is_known_answer(const struct group *g)
{
	return g->ct_state == CT_ESTABLISHED || g->ct_state == CT_RELATED;
}

static bool is_broadcast(const struct group *g, struct host *h)
{
	struct route_query q = {.dst = g->flow.dst};
	struct route_answer a;

	return g->flow.dst.family == AF_INET && !h->ops->route_get(h, g->netns, &q, &a) &&
	       a.type == RTN_BROADCAST;
}

bool firewall_is_awaited(struct finding *f, const struct group *g, struct host *h)
{
	char check[64];
	unsigned int servers;

	if (is_broadcast(g, h))
		return false;
	if (!g->flow.has_ports || is_known_answer(g))
		return g->ct_state != CT_RELATED;
	snprintf(check, sizeof(check), "%s port %u", g->flow.proto == IPPROTO_TCP ? "tcp" : "udp",
		 g->flow.dport);
	/* IPVS takes it behind the rules: ip_vs_ops4, net/netfilter/ipvs/ip_vs_core.c */
	if (!h->ops->ipvs_servers(h, g->netns, &g->flow, &servers)) {
		finding_evidence(f, AGREES_YES, check, "a Service of IPVS", NULL);
		return true;
	}
	if (!host_listens(h, g->netns, g->flow.proto, g->flow.dport, &g->flow.dst))
		return false;
	finding_evidence(f, AGREES_YES, check, "a process of the node waits there", NULL);
	return true;
}

/* What such a packet has in common with those that should pass, in both syntaxes. */
struct match {
	char xt[256], nft[256];
	bool narrow;  /* it asks where the packet is from or to */
	bool one_way; /* answers come through the same chain, and do not match */
};

static void match_add(struct match *m, const char *xt, const char *nft)
{
	size_t x = strlen(m->xt), n = strlen(m->nft);

	snprintf(m->xt + x, sizeof(m->xt) - x, "%s%s", x ? " " : "", xt);
	snprintf(m->nft + n, sizeof(m->nft) - n, "%s%s", n ? " " : "", nft);
}

static void match_interface(struct match *m, const char *xt, const char *nft, const char *name)
{
	char xt_text[48], nft_text[48];

	if (!is_plain(name))
		return;
	snprintf(xt_text, sizeof(xt_text), "%s %s", xt, name);
	/* a number, or a word of nft's grammar, is a name in quotes only; they are for the shell,
	 * too */
	snprintf(nft_text, sizeof(nft_text), rule_is_nft_word(name) ? "%s %s" : "%s '\"%s\"'", nft,
		 name);
	match_add(m, xt_text, nft_text);
	m->narrow = true;
}

static void match_interfaces(struct match *m, const struct group *g)
{
	bool bridged = packet_bridged(g) == TRI_YES;

	if (g->hook != HOOK_OUTPUT && g->hook != HOOK_POSTROUTING)
		match_interface(m, "-i", "iifname", bridged ? g->bridge : g->in);
	if (g->hook == HOOK_FORWARD || g->hook == HOOK_POSTROUTING)
		match_interface(m, "-o", "oifname", bridged ? g->bridge : g->out);
}

static void match_cidr(struct match *m, bool src, const struct cidr *c)
{
	char net[CIDR_STRLEN], xt[CIDR_STRLEN + 8], nft[CIDR_STRLEN + 16];

	cidr_str(c, net);
	snprintf(xt, sizeof(xt), "%s %s", src ? "-s" : "-d", net);
	snprintf(nft, sizeof(nft), "%s %s %s", c->addr.family == AF_INET6 ? "ip6" : "ip",
		 src ? "saddr" : "daddr", net);
	match_add(m, xt, nft);
	m->narrow = true;
}

/* The pods' network that has the address, or that one alone. */
static void match_addr(struct match *m, bool src, const struct addr *a, uint32_t netns,
		       struct host *h)
{
	const struct known_cidr *pods = known(h, netns, a, CIDR_POD, true);
	struct cidr one = {.addr = *a, .bits = a->family == AF_INET6 ? 128 : 32};

	if (a->family)
		match_cidr(m, src, pods ? &pods->net : &one);
}

/* The side that is a service's: of an answer that conntrack does not know as one, the sender's. */
static void match_service(struct match *m, const struct group *g)
{
	bool by_source = g->key.flags & KEY_PORT_IS_SRC;
	uint16_t port = by_source ? g->flow.sport : g->flow.dport;
	char xt[80], nft[80], proto[16];

	if (g->flow.has_ports) {
		flow_proto_str(&g->flow, proto);
		snprintf(xt, sizeof(xt), "-p %s --%s %u", proto, by_source ? "sport" : "dport",
			 port);
		snprintf(nft, sizeof(nft), "%s %s %u", proto, by_source ? "sport" : "dport", port);
	} else {
		snprintf(xt, sizeof(xt), "-p %u", g->flow.proto);
		snprintf(nft, sizeof(nft), "meta l4proto %u", g->flow.proto);
	}
	match_add(m, xt, nft);
}

#define ANSWERS_XT  "-m conntrack --ctstate RELATED,ESTABLISHED"
#define ANSWERS_NFT "ct state related,established"

/* Does nobody but the cluster's come by it? */
static bool is_inside(struct host *h, uint32_t netns, uint32_t ifindex)
{
	const struct link *l = host_link(h, netns, ifindex);

	return l && (host_is_tunnel(l) || leads_to_pods(h, netns, ifindex));
}

/* Answers are let through as such; what is bridged, from port to port; of the rest, what goes the
 * same way to the same port. Only who asked, where others come by that way, too: into the node, and
 * from the node's own network to pods. */
static void make_match(struct match *m, const struct group *g, struct host *h)
{
	memset(m, 0, sizeof(*m));
	match_interfaces(m, g);
	if (packet_bridged(g) == TRI_YES && g->hook == HOOK_FORWARD && m->narrow)
		return;
	if (is_known_answer(g)) {
		match_add(m, ANSWERS_XT, ANSWERS_NFT);
		m->narrow = true;
		return;
	}
	if (g->hook == HOOK_INPUT || g->hook == HOOK_PREROUTING || !m->narrow ||
	    (g->hook == HOOK_FORWARD && !is_inside(h, g->netns, g->in_ifindex)))
		match_addr(m, g->hook != HOOK_OUTPUT,
			   g->hook == HOOK_OUTPUT ? &g->flow.dst : &g->flow.src, g->netns, h);
	match_service(m, g);
	m->one_way = g->hook == HOOK_FORWARD;
}

/* Does the rule stop what comes back, too, most likely? */
static bool is_broad(const struct rule *r)
{
	static const char *const words[] = {"--dport", "--dports", "--sport", "--sports",
					    "--ports", "dport",	   "sport"};

	for (size_t i = 0; !r->policy && r->text && i < ARRAY_SIZE(words); i++) {
		if (rule_text_after(r, words[i]))
			return false;
	}
	return true;
}

/* Takes the command's memory. */
static bool fix_now(struct finding *f, char *command)
{
	if (command)
		finding_fix(f, FIX_NOW, "%s", command);
	free(command);
	return command;
}

bool firewall_fix(struct finding *f, const struct group *g, struct host *h)
{
	struct match m;

	make_match(&m, g, h);
	if (!m.narrow || !fix_now(f, rule_accept_command(g->rule, m.xt, m.nft)))
		return false;
	if (m.one_way && is_broad(g->rule))
		fix_now(f, rule_accept_command(g->rule, ANSWERS_XT, ANSWERS_NFT));
	return true;
}

/* What comes from the network, or goes to it. */
static bool fix_network(struct finding *f, const struct group *g, bool src, const struct cidr *net)
{
	struct match m = {};

	match_cidr(&m, src, net);
	return fix_now(f, rule_accept_command(g->rule, m.xt, m.nft));
}

/* Of answers, all of them; else what the networks of pods at both ends send; or, if none is known
 * of who sent it, what is sent to that of the other end. */
bool firewall_fix_policy(struct finding *f, const struct group *g, struct host *h)
{
	const struct known_cidr *from = known(h, g->netns, &g->flow.src, CIDR_POD, true);
	const struct known_cidr *to = known(h, g->netns, &g->flow.dst, CIDR_POD, true);
	bool fixed;

	/* an answer, though its question could pass: whoever sends to pods on his own accord may
	 * not */
	if (is_known_answer(g))
		return fix_now(f, rule_accept_command(g->rule, ANSWERS_XT, ANSWERS_NFT));
	fixed = from && fix_network(f, g, true, &from->net);
	if (to &&
	    !(from && from->net.bits == to->net.bits && addr_eq(&from->net.addr, &to->net.addr)))
		fixed |= fix_network(f, g, from != NULL, &to->net);
	if (fixed)
		return fix_now(f, rule_accept_command(g->rule, ANSWERS_XT, ANSWERS_NFT));
	return fix_now(f, rule_policy_command(g->rule));
}

/* Does the rule drop others, too, by a set, a map or a list, or let some through? */
static bool is_for_many(const struct rule *r)
{
	return r->text &&
	       (strpbrk(r->text, "{@") || strstr(r->text, "vmap") || strstr(r->text, "--among"));
}

/* From the one address to the other. */
static bool fix_pair(struct finding *f, const struct group *g)
{
	static const struct {
		uint16_t l3;
		const char *xt, *nft;
	} frames[] = {
		{ETHERTYPE_IP, "-p IPv4 --ip-source %s --ip-destination %s",
		 "ip saddr %s ip daddr %s"},
		{ETHERTYPE_IPV6, "-p IPv6 --ip6-source %s --ip6-destination %s",
		 "ip6 saddr %s ip6 daddr %s"},
		{ETHERTYPE_ARP, "-p ARP --arp-ip-src %s --arp-ip-dst %s",
		 "arp saddr ip %s arp daddr ip %s"},
	};
	char src[ADDR_STRLEN], dst[ADDR_STRLEN], xt[160], nft[160];

	for (size_t i = 0; i < ARRAY_SIZE(frames) && g->flow.src.family && g->flow.dst.family;
	     i++) {
		if (frames[i].l3 != g->flow.l3)
			continue;
		addr_str(&g->flow.src, src);
		addr_str(&g->flow.dst, dst);
		snprintf(xt, sizeof(xt), frames[i].xt, src, dst);
		snprintf(nft, sizeof(nft), frames[i].nft, src, dst);
		return fix_now(f, rule_accept_command(g->rule, xt, nft));
	}
	return false;
}

bool firewall_fix_frame(struct finding *f, const struct group *g)
{
	return is_for_many(g->rule) ? fix_pair(f, g) : firewall_fix_delete(f, g);
}

bool firewall_fix_delete(struct finding *f, const struct group *g)
{
	return fix_now(f, g->rule->policy ? rule_policy_command(g->rule)
					  : rule_delete_command(g->rule));
}
