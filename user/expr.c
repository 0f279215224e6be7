// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../bpf/event.h"
#include "catalogue.h"
#include "doubt.h"
#include "expr.h"
#include "out/words.h"
#include "util.h"

/* One group, looked at by one expression. */
struct subject {
	const struct expr *e;
	const struct report *r;
	const struct group *g;
};

struct expr_key {
	const char *name;
	const char *takes; /* for messages */
	bool several;	   /* a packet may have more than one */
	/* Could the value ever match? What a typo makes impossible must not hold for ever. NULL:
	 * any value could. May fill t->net. */
	bool (*possible)(struct expr_term *t);
	/* One of these: the group's own properties, or those of one packet header of it. */
	enum match (*match)(const struct subject *s, const struct expr_term *t);
	enum match (*match_flow)(const struct group *g, const struct flow *f,
				 const struct expr_term *t);
};

static bool glob(const struct expr_term *t, const char *s)
{
	return s && *s && !fnmatch(t->value, s, 0);
}

/* Digits only, at most max. */
static int parse_number(const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return *end || errno || *out > max ? -EINVAL : 0;
}

static enum match sure(bool yes)
{
	return yes ? MATCH_YES : MATCH_NO;
}

static enum match least(enum match a, enum match b)
{
	return a < b ? a : b;
}

static bool possible_fault(struct expr_term *t)
{
	for (const struct fault *const *f = fault_catalogue; *f; f++) {
		if (glob(t, (*f)->id))
			return true;
	}
	return false;
}

/* Few faults show as silences: could it be one that the expression asks for? */
static bool maybe_silence(const struct group *g, const struct expr_term *t)
{
	for (const struct fault *const *f = fault_catalogue; *f; f++) {
		if (glob(t, (*f)->id) && (*f)->signature(g))
			return true;
	}
	return false;
}

static enum match match_fault(const struct subject *s, const struct expr_term *t)
{
	if (doubt_fault(s->r, s->g))
		return s->g->kind == SAMPLE_DROP || maybe_silence(s->g, t) ? MATCH_MAYBE : MATCH_NO;
	return sure(s->g->finding >= 0 && glob(t, s->r->findings[s->g->finding].fault->id));
}

static bool possible_status(struct expr_term *t)
{
	return glob(t, word_status(STATUS_CONFIRMED)) || glob(t, word_status(STATUS_SUSPECTED));
}

static enum match match_status(const struct subject *s, const struct expr_term *t)
{
	if (doubt_fault(s->r, s->g)) /* silences are never more than suspected */
		return s->g->kind == SAMPLE_DROP || glob(t, word_status(STATUS_SUSPECTED))
			       ? MATCH_MAYBE
			       : MATCH_NO;
	return sure(s->g->finding >= 0 &&
		    glob(t, word_status(s->r->findings[s->g->finding].status)));
}

/* On a kernel that gives no reasons: this one is what the place proves. */
static enum match match_unsaid_reason(const struct group *g, const char *wanted)
{
	if (strcmp(wanted, "NETFILTER_DROP") != 0)
		return MATCH_MAYBE;
	return dropped_by_netfilter(g) ? MATCH_YES : doubt_place(g) ? MATCH_MAYBE : MATCH_NO;
}

/* A name, with or without SKB_DROP_REASON_, or a number. One that the kernel gave no name for is
 * shown as a number. */
static enum match match_reason(const struct subject *s, const struct expr_term *t)
{
	const char *wanted = kernel_plain_reason(t->value);
	const struct group *g = s->g;
	uint64_t number;

	if (!fnmatch(wanted, g->reason, 0))
		return MATCH_YES;
	if (g->kind != SAMPLE_DROP)
		return MATCH_NO;
	if (s->r->reasons_unsaid)
		return match_unsaid_reason(g, wanted);
	if (!parse_number(wanted, UINT32_MAX, &number))
		return sure(g->key.reason == number);
	return isdigit((unsigned char)g->reason[0]) ? MATCH_MAYBE : MATCH_NO;
}

int expr_check_reasons(const struct expr *e, const char *option, struct kernel *k)
{
	for (size_t i = 0; i < e->n && k->facts.kfree_skb_reason; i++) {
		const struct expr_term *t = &e->terms[i];

		if (t->key->match == match_reason && !kernel_reasons_matching(k, t->value, NULL, 0))
			return kernel_no_such_reason(k, option, e->text, t->value);
	}
	return 0;
}

static bool possible_hook(struct expr_term *t)
{
	for (enum nf_hook h = HOOK_NONE + 1; h <= HOOK_EGRESS; h++) {
		if (glob(t, hook_name(h)))
			return true;
	}
	return false;
}

static enum match match_hook(const struct subject *s, const struct expr_term *t)
{
	return doubt_hook(s->g) ? MATCH_MAYBE : sure(glob(t, hook_name(s->g->hook)));
}

/* The hooks of each family (include/uapi/linux/netfilter.h and beside it). */
static const struct {
	const char *family;
	enum nf_hook first, last;
} families[] = {
	{"ip", HOOK_PREROUTING, HOOK_POSTROUTING},     {"ip6", HOOK_PREROUTING, HOOK_POSTROUTING},
	{"bridge", HOOK_PREROUTING, HOOK_POSTROUTING}, {"arp", HOOK_INPUT, HOOK_OUTPUT},
	{"netdev", HOOK_INGRESS, HOOK_EGRESS},
};

static bool possible_family(struct expr_term *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (glob(t, families[i].family))
			return true;
	}
	return false;
}

static enum match match_family(const struct subject *s, const struct expr_term *t)
{
	return doubt_hook(s->g) ? MATCH_MAYBE : sure(glob(t, s->g->hook_family));
}

static bool possible_iface(struct expr_term *t)
{
	return strlen(t->value) < WD_IFNAMSIZ || strpbrk(t->value, "*?[\\");
}

static enum match match_iface(const struct subject *s, const struct expr_term *t)
{
	const struct group *g = s->g;

	if (glob(t, g->in) || glob(t, g->out) || glob(t, g->bridge))
		return MATCH_YES;
	return doubt_unsampled(g) || (!g->netns && g->flow.l3) || doubt_iface(g) ? MATCH_MAYBE
										 : MATCH_NO;
}

/* A finding's is where the fault is, which may be another than where packets died: of a fault that
 * was not recognised it is not known. */
static bool netns_of(const struct subject *s, uint32_t *netns)
{
	*netns = s->g->netns;
	if (!s->e->about_findings)
		return true;
	if (s->g->finding >= 0)
		*netns = s->r->findings[s->g->finding].netns;
	return s->g->finding >= 0;
}

static const char *netns_name(const struct subject *s)
{
	struct host *h = s->r->host;
	bool gone;

	if (s->e->about_findings)
		return finding_netns_name(&s->r->findings[s->g->finding], h, &gone);
	return group_netns_name(s->g, h);
}

/* A packet is in some namespace, though the skb may tell none: a fragment in its queue. What is no
 * packet (of a unix socket, say) is in none. */
static enum match somewhere(const struct group *g)
{
	return g->folded || g->flow.l3 ? MATCH_MAYBE : MATCH_NO;
}

/* From when to when was it seen? */
static void time_of(const struct subject *s, uint64_t *first, uint64_t *last)
{
	const struct finding *f = s->e->about_findings ? &s->r->findings[s->g->finding] : NULL;

	*first = f ? f->first_ns : s->g->first_ns;
	*last = f ? f->last_ns : s->g->last_ns;
	if (!*last)
		*last = UINT64_MAX;
}

/*
 * The names of its own that the netns may have had, since a number is given away again: those of
 * that time. Between two names it may have been either: one that lost its name lives on until the
 * last process leaves it, and a new one is learned a moment after it is made. After the last name
 * it may be one that never was learned.
 */
static enum match match_names(const struct subject *s, const struct expr_term *t, uint32_t netns)
{
	struct host *h = s->r->host;
	const struct netns_name *n = h ? h->ops->netns_next_name(h, netns, NULL) : NULL, *next;
	const char *name = netns_name(s);
	bool yes = glob(t, name), no = false;
	uint64_t first, last, before = 0;

	if (!n)
		return yes ? MATCH_YES : name ? MATCH_NO : MATCH_MAYBE;
	yes &= host_netns_is_holder(name); /* the others are those below */
	time_of(s, &first, &last);
	for (; n; n = next) {
		next = h->ops->netns_next_name(h, netns, n);
		if (before <= last && (!next || next->from_ns >= first)) {
			yes |= glob(t, n->name);
			no |= !glob(t, n->name);
		}
		before = n->to_ns ? n->to_ns : UINT64_MAX;
	}
	if (yes)
		return no ? MATCH_MAYBE : MATCH_YES;
	return before < last ? MATCH_MAYBE : MATCH_NO;
}

static enum match match_netns(const struct subject *s, const struct expr_term *t)
{
	char inode[16];
	uint32_t netns;

	if (!netns_of(s, &netns))
		return MATCH_MAYBE;
	if (!netns)
		return somewhere(s->g);
	snprintf(inode, sizeof(inode), "%u", netns);
	return glob(t, inode) ? MATCH_YES : match_names(s, t, netns);
}

/* containerd's "cni-" and a UUID, or CRI-O's UUID alone. */
static bool is_made_up(const char *name)
{
	return !strncmp(name, "cni-", 4) ||
	       (strlen(name) == 36 && strspn(name, "0123456789abcdef-") == 36);
}

/* "name" or "namespace/name"; without Kubernetes a netns of its own name may stand for a pod. Of
 * what a CNI or a process only holds, the pod is not known. */
static enum match match_pod(const struct subject *s, const struct expr_term *t)
{
	const struct pod *pod = s->g->pod;
	const char *name;
	uint32_t netns;

	if (!netns_of(s, &netns))
		return MATCH_MAYBE;
	if (!netns)
		return somewhere(s->g);
	if (s->e->about_findings)
		pod = s->r->findings[s->g->finding].pod;
	if (pod)
		return sure(glob(t, pod->label) || glob(t, pod->label + pod->namespace_len + 1));
	name = netns_name(s);
	if (!name || ((host_netns_is_holder(name) || is_made_up(name)) && !glob(t, name)))
		return MATCH_MAYBE;
	return match_names(s, t, netns);
}

/* ip_error, ip_error+0x94, and without the suffixes that compilers add: foo.isra.0 is foo. */
static enum match match_location(const struct subject *s, const struct expr_term *t)
{
	const struct symbol *loc = &s->g->loc;
	char text[LOCATION_STRLEN], base[LOCATION_STRLEN];

	snprintf(base, sizeof(base), "%s", loc->name ? loc->name : "");
	base[strcspn(base, ".")] = '\0';
	if (glob(t, loc->name) || glob(t, base) || glob(t, word_location(loc, false, text)))
		return MATCH_YES;
	return doubt_place(s->g) ? MATCH_MAYBE : MATCH_NO;
}

static bool possible_class(struct expr_term *t)
{
	return glob(t, word_class(CLASS_FAULT)) || glob(t, word_class(CLASS_NOISE)) ||
	       glob(t, word_class(CLASS_UNEXPLAINED));
}

/* Could the group be of that class, as far as is known? Noise is told by what the counters have,
 * unless they are folded; a fault may need the sample. */
static bool could_be(const struct report *r, const struct group *g, enum group_class class)
{
	if (g->class == class)
		return true;
	if (g->finding >= 0)
		return false;
	if (g->folded || doubt_place(g))
		return true;
	return class == CLASS_FAULT && (!g->has_sample || r->namespaces_closed);
}

static enum match match_class(const struct subject *s, const struct expr_term *t)
{
	static const enum group_class all[] = {CLASS_UNEXPLAINED, CLASS_FAULT, CLASS_NOISE};
	bool some = false, other = false;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!could_be(s->r, s->g, all[i]))
			continue;
		if (glob(t, word_class(all[i])))
			some = true;
		else
			other = true;
	}
	/* that nothing explains it is sure, but not that nothing would have */
	if (!some && s->g->finding < 0 && doubt_proof(s->r, s->g) &&
	    glob(t, word_class(CLASS_FAULT)))
		return MATCH_MAYBE;
	return some && other ? MATCH_MAYBE : sure(some);
}

enum match expr_not_noise(const struct report *r, const struct group *g)
{
	if (!could_be(r, g, CLASS_NOISE))
		return MATCH_YES;
	return could_be(r, g, CLASS_FAULT) || could_be(r, g, CLASS_UNEXPLAINED) ? MATCH_MAYBE
										: MATCH_NO;
}

static bool matches_proto(const struct expr_term *t, const struct flow *f)
{
	char name[16];
	uint64_t number;

	if (!parse_number(t->value, 255, &number))
		return f->l3 != ETHERTYPE_ARP && f->proto == number;
	return glob(t, flow_proto_str(f, name));
}

static bool possible_proto(struct expr_term *t)
{
	struct flow f = {.l3 = ETHERTYPE_ARP};

	if (matches_proto(t, &f))
		return true;
	f.l3 = ETHERTYPE_IP;
	for (unsigned int proto = 0; proto < 256; proto++) {
		f.proto = (uint8_t)proto;
		if (matches_proto(t, &f))
			return true;
	}
	return false;
}

/* The headers of IPv6 that stand before the protocol's: one of those came last of what was read.
 * Not AH, which may as well be what is asked for. */
static bool is_cut_short(const struct flow *f)
{
	return f->l3 == ETHERTYPE_IPV6 &&
	       (f->proto == IPPROTO_HOPOPTS || f->proto == IPPROTO_ROUTING ||
		f->proto == IPPROTO_FRAGMENT || f->proto == IPPROTO_DSTOPTS);
}

static enum match match_proto(const struct group *g, const struct flow *f,
			      const struct expr_term *t)
{
	(void)g;
	if (matches_proto(t, f))
		return MATCH_YES;
	return is_cut_short(f) ? MATCH_MAYBE : MATCH_NO;
}

/* Where the "[...]" ends that p is at the begin of; NULL: it is none, and means a bracket. */
static const char *end_of_bracket(const char *p)
{
	p++;
	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p && *p != ']') {
		const char class_end[] = {p[1], ']', '\0'};
		const char *end =
			*p == '[' && p[1] && strchr(":.=", p[1]) ? strstr(p + 2, class_end) : NULL;

		p = end ? end + 2 : p + 1;
	}
	return *p ? p + 1 : NULL;
}

/* What a glob tells of the addresses that it matches. */
struct addr_glob {
	bool begins; /* all up to here was no wild character */
	bool ipv4;   /* it begins with a number and a dot */
	bool ipv6;   /* it has what only these have */
	unsigned int number, dots;
};

/* Could an address have that character there? */
static bool take_addr_char(struct addr_glob *g, char c)
{
	if (!strchr("0123456789abcdef.:", c))
		return false;
	g->ipv6 |= c == ':' || isalpha((unsigned char)c);
	if (!g->begins || g->ipv6)
		return true;
	if (c == '.') {
		g->ipv4 = true;
		g->number = 0;
		return ++g->dots <= 3;
	}
	g->number = g->number * 10 + (unsigned int)(c - '0');
	return g->number <= 255 || !g->ipv4; /* the first one may be IPv6's */
}

/* family: 0 where it may match both. */
static bool parse_addr_glob(const char *p, uint8_t *family)
{
	struct addr_glob g = {.begins = true};
	unsigned int first = 0;

	while (*p) {
		const char *end = *p == '['		   ? end_of_bracket(p)
				  : *p == '*' || *p == '?' ? p + 1
							   : NULL;

		if (end) {
			g.begins = false;
			p = end;
			continue;
		}
		if (*p == '\\' && p[1])
			p++;
		first = g.number;
		if (!take_addr_char(&g, *p++) || (g.ipv4 && first > 255))
			return false;
	}
	*family = g.ipv6 ? AF_INET6 : g.ipv4 ? AF_INET : 0;
	return !(g.ipv4 && g.ipv6);
}

static bool possible_addr(struct expr_term *t)
{
	t->is_net = !cidr_parse(t->value, &t->net);
	if (t->is_net)
		cidr_unmap(&t->net);
	t->family = t->is_net ? t->net.addr.family : 0;
	for (char *c = t->value; *c; c++) /* as addresses are written */
		*c = (char)tolower((unsigned char)*c);
	return t->is_net || (strpbrk(t->value, "*?[\\") && parse_addr_glob(t->value, &t->family));
}

static enum match match_addr(const struct expr_term *t, const struct addr *a)
{
	char text[ADDR_STRLEN];

	if (t->is_net || !a->family)
		return sure(t->is_net && cidr_has(&t->net, a));
	return sure(glob(t, addr_str(a, text)));
}

static enum match match_src(const struct group *g, const struct flow *f, const struct expr_term *t)
{
	(void)g;
	return match_addr(t, &f->src);
}

static enum match match_dst(const struct group *g, const struct flow *f, const struct expr_term *t)
{
	(void)g;
	return match_addr(t, &f->dst);
}

static bool matches_port(const struct expr_term *t, uint16_t port)
{
	char text[8];
	uint64_t number;

	if (!parse_number(t->value, 65535, &number))
		return port == number;
	snprintf(text, sizeof(text), "%u", port);
	return port && glob(t, text);
}

static bool possible_port(struct expr_term *t)
{
	for (unsigned int port = 1; port <= 65535; port++) {
		if (matches_port(t, (uint16_t)port))
			return true;
	}
	return false;
}

static bool has_port(const struct expr_term *t, const struct flow *f)
{
	return matches_port(t, f->sport) || matches_port(t, f->dport);
}

/* Could the client's port, which the counters do not have, be one that is asked for? Clients do not
 * use privileged ports. It is the higher one of the two, but for what opens a connection. */
static bool client_may_have(const struct expr_term *t, const struct group *g)
{
	bool opens = g->key.cls == PKT_TCP_SYN || g->key.cls == PKT_TCP_SYNACK;
	uint64_t port;

	return parse_number(t->value, 65535, &port) ||
	       (port >= IPPORT_RESERVED && (opens || port >= g->key.port));
}

/* The ports of a fragment are in the first one. */
static bool has_lost_ports(const struct flow *f)
{
	return f->l3 != ETHERTYPE_ARP && (proto_has_ports(f->proto) || is_cut_short(f));
}

/* The counters know the port of the service's side only: the other is that of the first packet. */
static enum match match_port(const struct group *g, const struct flow *f, const struct expr_term *t)
{
	if (!f->has_ports)
		return has_lost_ports(f) ? MATCH_MAYBE : MATCH_NO;
	if (f != &g->flow) /* what is inside of a tunnel is the first packet's anyway */
		return sure(has_port(t, f));
	if (matches_port(t, g->key.port))
		return MATCH_YES;
	if (doubt_unsampled(g) || g->packets > 1)
		return has_port(t, f) ? MATCH_SOME : client_may_have(t, g) ? MATCH_MAYBE : MATCH_NO;
	return sure(has_port(t, f));
}

static const struct expr_key keys[] = {
	{"fault", "a fault of whydrop(8), or a glob of them", false, possible_fault, match_fault,
	 NULL},
	{"status", "confirmed or suspected", false, possible_status, match_status, NULL},
	{"reason", "a drop reason", false, NULL, match_reason, NULL},
	{"hook", "prerouting, input, forward, output, postrouting, ingress or egress", false,
	 possible_hook, match_hook, NULL},
	{"family",
	 "that of the hook, ip, ip6, arp, bridge or netdev: chains of family inet are in hooks of "
	 "ip and ip6",
	 false, possible_family, match_family, NULL},
	{"proto",
	 "tcp, udp, icmp, icmp6, sctp, esp, ah, gre, ipip, igmp, arp, or a number up to 255", false,
	 possible_proto, NULL, match_proto},
	{"src", "an address, a prefix, or a glob", false, possible_addr, NULL, match_src},
	{"dst", "an address, a prefix, or a glob", false, possible_addr, NULL, match_dst},
	{"port", "a port (1 to 65535), or a glob", true, possible_port, NULL, match_port},
	{"iface", "an interface's name, of 15 bytes at most, or a glob", true, possible_iface,
	 match_iface, NULL},
	{"netns", "a network namespace's name or inode number", false, NULL, match_netns, NULL},
	{"pod", "a pod's name, or namespace/name", false, NULL, match_pod, NULL},
	{"location", "a kernel function", false, NULL, match_location, NULL},
	{"class", "fault, noise or unexplained", false, possible_class, match_class, NULL},
};

static enum match match_header(const struct expr *e, const struct group *g, const struct flow *f)
{
	enum match m = MATCH_YES;

	for (size_t i = 0; i < e->n; i++) {
		if (e->terms[i].key->match_flow)
			m = least(m, e->terms[i].key->match_flow(g, f, &e->terms[i]));
	}
	return m;
}

static bool asks_for_flow(const struct expr *e)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->terms[i].key->match_flow)
			return true;
	}
	return false;
}

/* What is known of the first packet only. */
static enum match of_the_first(enum match m, const struct group *g)
{
	if (g->packets == 1 || m == MATCH_MAYBE)
		return m;
	return m == MATCH_YES ? MATCH_SOME : MATCH_MAYBE;
}

/* All of them must agree on one header: the dropped packet's own, or that of what it carries. */
static enum match match_flows(const struct expr *e, const struct group *g)
{
	enum match own = MATCH_NO, inner = MATCH_NO;

	if (!asks_for_flow(e))
		return MATCH_YES;
	if (g->folded)
		return MATCH_MAYBE;
	if (g->flow.l3)
		own = match_header(e, g, &g->flow);
	if (g->tunnel.present && strcmp(g->tunnel.kind, "icmp") && g->tunnel.inner.l3)
		inner = of_the_first(match_header(e, g, &g->tunnel.inner), g);
	else if ((!g->has_sample || g->key.cls == PKT_FRAGMENT) && g->flow.l3 &&
		 g->flow.proto == IPPROTO_UDP) /* a tunnel's, perhaps */
		inner = MATCH_MAYBE;
	return own > inner ? own : inner;
}

/* Is it told by samples and records, and by what the diagnosis makes of them? */
static bool is_learned(const struct expr_key *key)
{
	return key->match == match_fault || key->match == match_status ||
	       key->match == match_hook || key->match == match_family ||
	       key->match == match_iface || key->match == match_class;
}

static enum match match_terms(const struct expr *e, const struct report *r, const struct group *g,
			      bool learned)
{
	const struct subject s = {e, r, g};
	enum match m = match_flows(e, g);

	for (size_t i = 0; i < e->n && m != MATCH_NO; i++) {
		const struct expr_key *key = e->terms[i].key;

		if (key->match && (learned || !is_learned(key)))
			m = least(m, key->match(&s, &e->terms[i]));
	}
	return m;
}

enum match expr_match(const struct expr *e, const struct report *r, const struct group *g)
{
	return match_terms(e, r, g, true);
}

bool expr_could_match(const struct expr *e, const struct report *r, const struct group *g)
{
	return match_terms(e, r, g, false) != MATCH_NO;
}

/* What is being parsed, for messages. */
struct parser {
	const char *option, *text;
	struct expr *e;
};

static int bad(const struct parser *p, const char *part, const char *why)
{
	if (strcmp(part, p->text))
		log_error("%s '%s': '%s': %s", p->option, p->text, part, why);
	else
		log_error("%s '%s': %s", p->option, p->text, why);
	return -EINVAL;
}

static int parse_count(const struct parser *p, const char *part, const char *op)
{
	struct expr *e = p->e;
	uint64_t n;

	if ((op[0] != '<' && op[0] != '>') || op[1] != '=')
		return bad(p, part, "a count is compared: count>=N or count<=N");
	if (parse_number(op + 2, UINT64_MAX, &n))
		return bad(p, part, "not a number");
	if (!e->has_count)
		e->min = 0;
	e->has_count = true;
	if (op[0] == '>')
		e->min = n > e->min ? n : e->min;
	else
		e->max = n < e->max ? n : e->max;
	return 0;
}

static const struct expr_key *find_key(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].name) == len && !strncmp(keys[i].name, name, len))
			return &keys[i];
	}
	return NULL;
}

static const struct expr_term *find_term(const struct expr *e, const char *name)
{
	const struct expr_key *key = find_key(name, strlen(name));

	for (size_t i = 0; i < e->n; i++) {
		if (e->terms[i].key == key)
			return &e->terms[i];
	}
	return NULL;
}

static void note_key(struct expr *e, const struct expr_term *t)
{
	if (t->key->match == match_fault || t->key->match == match_status)
		e->about_findings = e->wants_faults = e->wants_hooks = true;
	else if (t->key->match == match_hook || t->key->match == match_family ||
		 t->key->match == match_iface)
		e->wants_hooks = true;
	e->has_reason |= t->key->match == match_reason;
	if (t->key->match == match_class) {
		e->has_class = e->wants_hooks = true;
		e->wants_faults |= glob(t, word_class(CLASS_FAULT));
	}
}

static bool hook_has_family(const struct expr_term *hook, const struct expr_term *family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		for (enum nf_hook h = families[i].first; h <= families[i].last; h++) {
			if (glob(hook, hook_name(h)) && glob(family, families[i].family))
				return true;
		}
	}
	return false;
}

/* The same of what no header tells. */
static const char *impossible_group(const struct expr *e)
{
	const struct expr_term *class = find_term(e, "class"), *hook = find_term(e, "hook");
	const struct expr_term *family = find_term(e, "family");

	if (e->about_findings && class && !glob(class, word_class(CLASS_FAULT)))
		return "what has a finding is of class fault (each an expression: one or the "
		       "other)";
	if (hook && family && !hook_has_family(hook, family))
		return "that family has no such hook";
	return NULL;
}

/* Could a header of that protocol and IP version be what is asked for, but for its ports? */
static bool possible_of(const struct expr *e, uint32_t proto, bool ipv6)
{
	const struct flow f = {.l3 = proto == PROTO_ARP ? ETHERTYPE_ARP
				     : ipv6		? ETHERTYPE_IPV6
							: ETHERTYPE_IP,
			       .proto = (uint8_t)proto};

	if (!(ipv6 ? proto_may_be_ipv6(proto) : proto_may_be_ipv4(proto)))
		return false;
	for (size_t i = 0; i < e->n; i++) {
		const struct expr_term *t = &e->terms[i];

		if ((t->key->match_flow == match_proto && !matches_proto(t, &f)) ||
		    (t->family && (t->family == AF_INET6) != ipv6))
			return false;
	}
	return true;
}

static bool more_than_two_ports(const struct expr *e)
{
	uint64_t ports[2], port;
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++) {
		if (e->terms[i].key->match_flow != match_port ||
		    parse_number(e->terms[i].value, 65535, &port) || (n > 0 && ports[0] == port) ||
		    (n > 1 && ports[1] == port))
			continue;
		if (n == 2)
			return true;
		ports[n++] = port;
	}
	return false;
}

/* Why no header can have all of it; NULL: one can. */
static const char *impossible(const struct expr *e)
{
	bool ports = find_term(e, "port"), ipv4 = true, ipv6 = true, headers = false;

	if (more_than_two_ports(e))
		return "a packet has two ports";
	for (size_t i = 0; i < e->n; i++) {
		ipv4 = ipv4 && e->terms[i].family != AF_INET6;
		ipv6 = ipv6 && e->terms[i].family != AF_INET;
	}
	if (!ipv4 && !ipv6)
		return "its addresses are of both address families";
	for (uint32_t i = 0; i <= 256; i++) {
		uint32_t proto = i < 256 ? i : PROTO_ARP;

		if (!possible_of(e, proto, false) && !possible_of(e, proto, true))
			continue;
		if (!ports || proto_has_ports(proto))
			return NULL;
		headers = true;
	}
	return headers ? "that protocol has no ports"
		       : "that protocol is none of that address family";
}

static int unknown_key(const struct parser *p, const char *part, size_t len)
{
	char name[32], hint[64], why[256];
	struct likeness like = {.name = name};

	snprintf(name, sizeof(name), "%.*s", (int)len, part);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		like_try(&like, keys[i].name);
	like_try(&like, "count");
	snprintf(
		why, sizeof(why),
		"unknown key%s (fault, status, reason, hook, family, proto, src, dst, port, iface, "
		"netns, pod, location, class, count)",
		like_hint(&like, hint, sizeof(hint)));
	return bad(p, part, why);
}

static const char *fault_hint(const struct expr_term *t, char *buf, size_t size)
{
	struct likeness like = {.name = t->value};

	if (t->key->match == match_fault) {
		for (const struct fault *const *f = fault_catalogue; *f; f++)
			like_try(&like, (*f)->id);
	}
	return like_hint(&like, buf, size);
}

static int parse_term(const struct parser *p, const char *part)
{
	size_t len = strcspn(part, "=<>");
	const struct expr_key *key = find_key(part, len);
	struct expr *e = p->e;
	struct expr_term *t;
	char why[256], hint[64];

	if (len == 5 && !strncmp(part, "count", 5))
		return parse_count(p, part, part + len);
	if (!part[len])
		return bad(p, part, "not KEY=VALUE");
	if (!key)
		return unknown_key(p, part, len);
	if (part[len] != '=')
		return bad(p, part, "only a count is compared with >= or <=");
	if (!part[len + 1])
		return bad(p, part, "empty value");
	if (!key->several && find_term(e, key->name)) {
		snprintf(why, sizeof(why),
			 "there is a %s already, and all must match: for one of several give a "
			 "glob, or each an expression",
			 key->name);
		return bad(p, part, why);
	}
	e->terms = xreallocarray(e->terms, e->n + 1, sizeof(*e->terms));
	t = &e->terms[e->n++];
	*t = (struct expr_term){.key = key, .value = xstrdup(part + len + 1)};
	if (key->possible && !key->possible(t)) {
		snprintf(why, sizeof(why), "nothing can match: it takes %s%s", key->takes,
			 fault_hint(t, hint, sizeof(hint)));
		return bad(p, part, why);
	}
	note_key(e, t);
	return 0;
}

static int parse_terms(const struct parser *p)
{
	char *copy = xstrdup(p->text), *rest = copy, *part;
	char message[128];
	const char *why;
	int err = 0;

	while (!err && (part = strsep(&rest, ",")))
		err = *part ? parse_term(p, part) : bad(p, p->text, "a part of it is empty");
	free(copy);
	if (err)
		return err;
	why = impossible(p->e);
	if (!why)
		why = impossible_group(p->e);
	if (why) {
		snprintf(message, sizeof(message), "no packet can match: %s", why);
		return bad(p, p->text, message);
	}
	if (p->e->min > p->e->max)
		return bad(p, p->text, "the counts contradict each other");
	if (!p->e->min && p->e->max == UINT64_MAX)
		return bad(p, p->text, "every count is at least 0");
	return 0;
}

int expr_parse(const char *option, const char *text, struct expr *out)
{
	struct expr e = {.min = 1, .max = UINT64_MAX};
	const struct parser p = {option, text, &e};
	int err = parse_terms(&p);

	if (err) {
		expr_free(&e);
		return err;
	}
	e.text = xstrdup(text);
	*out = e;
	return 0;
}

void expr_free(struct expr *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->terms[i].value);
	free(e->terms);
	free(e->text);
	*e = (struct expr){};
}
