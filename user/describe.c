// SPDX-License-Identifier: GPL-2.0-only
#include <linux/netfilter/nf_conntrack_common.h>
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "describe.h"
#include "fault.h"
#include "util.h"

#define CT_INFO_UNTRACKED 7 /* IP_CT_UNTRACKED, which no UAPI header has */

static struct addr key_addr(const struct drop_key *key, const uint8_t *b)
{
	return key->l3 == ETHERTYPE_IPV6 ? addr_v6(b) : addr_v4(b);
}

static void flow_from_key(const struct drop_key *key, struct flow *f)
{
	memset(f, 0, sizeof(*f));
	if (!key->l3)
		return;
	f->l3 = key->l3;
	f->proto = key->proto;
	f->src = key_addr(key, key->saddr);
	f->dst = key_addr(key, key->daddr);
	f->has_icmp = key->cls == PKT_ICMP;
	f->icmp_type = key->icmp_type;
	f->icmp_code = key->icmp_code;
	f->is_fragment = key->cls == PKT_FRAGMENT;
	if (!key->port)
		return;
	f->has_ports = true;
	if (key->flags & KEY_PORT_IS_SRC)
		f->sport = key->port;
	else
		f->dport = key->port;
}

void describe_key(struct group *g, struct kernel *k)
{
	if (g->kind == SAMPLE_DROP) {
		kernel_reason_name(k, g->key.reason, g->reason, sizeof(g->reason));
		g->loc = kernel_symbol(k, g->key.location);
	}
	flow_from_key(&g->key, &g->flow);
}

#define MAX_ENTRY 16 /* bytes up to where a traced function goes on after its entry */

struct hook_caller {
	const char *fn;
	enum nf_hook hook;
	const char *family; /* NULL: that of the packet */
};

/*
 * Who calls NF_HOOK(): net/ipv4/ip_input.c, ip_output.c, ip_forward.c, raw.c, arp.c, their siblings
 * in net/ipv6, net/bridge/br_*.c, br_netfilter_hooks.c and net/core/dev.c.
 */
static const struct hook_caller hook_callers[] = {
	{"ip_rcv", HOOK_PREROUTING, "ip"},
	{"ip_list_rcv", HOOK_PREROUTING, "ip"},
	{"ip_sublist_rcv", HOOK_PREROUTING, "ip"},
	{"ip_local_deliver", HOOK_INPUT, "ip"},
	{"ip_forward", HOOK_FORWARD, "ip"},
	{"__ip_local_out", HOOK_OUTPUT, "ip"},
	{"ip_local_out", HOOK_OUTPUT, "ip"},
	{"raw_sendmsg", HOOK_OUTPUT, "ip"},
	{"raw_send_hdrinc", HOOK_OUTPUT, "ip"},
	{"ip_output", HOOK_POSTROUTING, "ip"},
	{"ip_mc_output", HOOK_POSTROUTING, "ip"},
	{"ipv6_rcv", HOOK_PREROUTING, "ip6"},
	{"ipv6_list_rcv", HOOK_PREROUTING, "ip6"},
	{"ip6_sublist_rcv", HOOK_PREROUTING, "ip6"},
	{"ip6_input", HOOK_INPUT, "ip6"},
	{"ip6_mc_input", HOOK_INPUT, "ip6"},
	{"ip6_forward", HOOK_FORWARD, "ip6"},
	{"__ip6_local_out", HOOK_OUTPUT, "ip6"},
	{"ip6_local_out", HOOK_OUTPUT, "ip6"},
	{"ip6_xmit", HOOK_OUTPUT, "ip6"},
	{"ndisc_send_skb", HOOK_OUTPUT, "ip6"},
	{"mld_sendpack", HOOK_OUTPUT, "ip6"},
	{"rawv6_sendmsg", HOOK_OUTPUT, "ip6"},
	{"rawv6_send_hdrinc", HOOK_OUTPUT, "ip6"},
	{"ip6_output", HOOK_POSTROUTING, "ip6"},
	{"br_nf_pre_routing", HOOK_PREROUTING, NULL},
	{"br_nf_pre_routing_ipv6", HOOK_PREROUTING, "ip6"},
	{"br_nf_forward", HOOK_FORWARD, NULL},
	{"br_nf_forward_ip", HOOK_FORWARD, NULL},
	{"br_nf_forward_arp", HOOK_FORWARD, "arp"},
	{"br_nf_post_routing", HOOK_POSTROUTING, NULL},
	/* the rest of the bridge's hook, after br_netfilter ran that of IPv4 inside it */
	{"br_nf_pre_routing_finish", HOOK_PREROUTING, "bridge"},
	{"br_nf_pre_routing_finish_ipv6", HOOK_PREROUTING, "bridge"},
	{"br_nf_pre_routing_finish_bridge", HOOK_PREROUTING, "bridge"},
	{"br_nf_forward_finish", HOOK_FORWARD, "bridge"},
	{"br_pass_frame_up", HOOK_INPUT, "bridge"},
	{"__br_forward", HOOK_FORWARD, "bridge"}, /* or output: is_from_bridge() */
	{"br_forward", HOOK_FORWARD, "bridge"},
	{"br_forward_finish", HOOK_POSTROUTING, "bridge"},
	{"arp_rcv", HOOK_INPUT, "arp"},
	{"arp_xmit", HOOK_OUTPUT, "arp"},
	{"__netif_receive_skb_core", HOOK_INGRESS, "netdev"},
	{"__dev_queue_xmit", HOOK_EGRESS, "netdev"},
};

/* Names that stand between the frame that freed the packet and nf_hook_slow() when it was a hook
 * function that freed it: the hook functions of iptables, nft, conntrack, br_netfilter, IPVS. */
static const char *const hook_prefixes[] = {"nf_",  "nft_",   "ipt_",	"ip6t_", "arpt_",
					    "ebt_", "br_nf_", "ip_vs_", NULL};

static bool is_hook_function(const char *name)
{
	for (const char *const *p = hook_prefixes; name && *p; p++) {
		if (!strncmp(name, *p, strlen(*p)))
			return true;
	}
	return false;
}

static const struct hook_caller *find_caller(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(hook_callers); i++) {
		if (symbol_name_is(name, hook_callers[i].fn))
			return &hook_callers[i];
	}
	return NULL;
}

static const char *family_of(const struct flow *f)
{
	return f->l3 == ETHERTYPE_IPV6 ? "ip6" : f->l3 == ETHERTYPE_ARP ? "arp" : "ip";
}

/* Is the frame of the stack called for what the node itself sends over the bridge? Its function is
 * that of both hooks (__br_forward(), net/bridge/br_forward.c); whichever of these two called it is
 * nearer. */
static bool is_from_bridge(const struct group *g, int frame)
{
	for (int i = frame; i < g->n_stack; i++) {
		if (symbol_name_is(g->stack[i].name, "br_dev_xmit"))
			return true;
		if (symbol_name_is(g->stack[i].name, "br_handle_frame_finish"))
			return false;
	}
	return false;
}

/*
 * Enclosing frames prove nothing: ip_sabotage_in() of br_netfilter runs the rest of the receive
 * path inside nf_hook_slow(). The hook is that of the first nf_hook_slow() frame only if it is the
 * dropping frame itself, or if all between the two are hook functions.
 *
 * br_handle_frame() runs the functions of its prerouting hook itself (nf_hook_bridge_pre(), mostly
 * inlined), and drops frames for other reasons, too: a hook function must be there. Where it calls
 * nf_hook_slow(), that is the input hook, for link-local addresses, or the prerouting one, at a
 * disabled port: the stack does not tell which, and it is no hook_caller.
 */
void describe_hook(struct group *g)
{
	const struct hook_caller *c;
	const char *name = NULL;
	int i = 0, dropped_at;

	while (i < g->n_stack && g->stack[i].addr != g->key.location)
		i++;
	for (dropped_at = i; i < g->n_stack; i++) {
		name = g->stack[i].name;
		if (i > dropped_at && symbol_name_is(name, "br_handle_frame")) {
			g->hook = HOOK_PREROUTING;
			g->hook_family = "bridge";
			return;
		}
		if (!name || !is_hook_function(name))
			return;
		if (!strncmp(name, "nf_hook_slow", 12))
			break;
	}
	/* wrappers that the compiler kept out of line: nf_hook.constprop.0, nf_hook_slow_list */
	while (i < g->n_stack && g->stack[i].name &&
	       (!strncmp(g->stack[i].name, "nf_hook", 7) ||
		!strncmp(g->stack[i].name, "br_nf_hook_thresh", 17)))
		i++;
	c = i < g->n_stack ? find_caller(g->stack[i].name) : NULL;
	if (!c)
		return;
	g->hook = c->hook;
	g->hook_family = c->family ? c->family : family_of(&g->flow);
	if (g->hook == HOOK_FORWARD && !strcmp(g->hook_family, "bridge") && is_from_bridge(g, i))
		g->hook = HOOK_OUTPUT;
}

static bool has_prefix(const char *s, const char *const *prefixes)
{
	for (; s && *prefixes; prefixes++) {
		if (!strncmp(s, *prefixes, strlen(*prefixes)))
			return true;
	}
	return false;
}

/* Did it happen in a system call that is about this packet? Walking outwards, the entry of one
 * comes before any interrupt or softirq, and before the work for others that system calls take
 * over: the queue of a device, or of one to poll; and it was no netlink message either, of one who
 * lets an NFQUEUE go or sets a device down. */
static bool in_own_context(const struct group *g)
{
	static const char *const others[] = {"netlink_rcv_skb", "__qdisc_run",
					     "__napi_poll",	"napi_busy_loop",
					     "do_softirq",	"__do_softirq",
					     "handle_softirqs", "net_rx_action",
					     "irq_exit",	"__irq_exit",
					     "run_ksoftirqd",	"asm_",
					     "el1h_64_irq",	NULL};
	static const char *const syscall[] = {
		"entry_SYSCALL", "do_syscall_64",  "__x64_sys_", "__ia32_sys_", "el0_svc",
		"__arm64_sys_",	 "invoke_syscall", "do_el0_svc", "__sys_",	NULL};

	for (int i = 0; i < g->n_stack; i++) {
		if (has_prefix(g->stack[i].name, others))
			return false;
		if (has_prefix(g->stack[i].name, syscall))
			return true;
	}
	return false;
}

/* BPF programs and their trampolines, and the kretprobes' one: what tracing put on the stack. A
 * traced function is there twice, the second time where it called the trampoline at its entry. */
static bool is_ours(const struct symbol *s, const struct symbol *inner)
{
	static const char *const probes[] = {"bpf_trampoline_",		"bpf_prog_",
					     "__kretprobe_trampoline",	"kretprobe_trampoline",
					     "arch_rethook_trampoline", NULL};

	if (inner && s->name && s->name == inner->name && s->off <= MAX_ENTRY)
		return true;
	return (s->module && !strcmp(s->module, "bpf")) || has_prefix(s->name, probes);
}

/* One that another tracer made since the symbols were read has no name, as has a module that is
 * gone; but a function called it at its entry. */
static bool is_nameless_trampoline(const struct symbol *frames, int i, int n)
{
	return !frames[i].name && i + 1 < n && frames[i + 1].name && frames[i + 1].off <= MAX_ENTRY;
}

static bool is_tracing(const struct symbol *frames, int i, int n, const struct symbol *inner)
{
	return is_ours(&frames[i], inner) || is_nameless_trampoline(frames, i, n);
}

/* Where the packet was freed if the location is a trampoline's: the function that it ran jumped to
 * the free (a tail call). Without it, its caller would be seen there: the next on the stack but for
 * where the trampoline was called, at the function's entry. Before 5.15 stacks end at the
 * kretprobes' one: then no caller is known. */
static void look_behind_trampoline(struct group *g, const struct symbol *frames, int n)
{
	int i = 0;

	while (i < n && frames[i].addr != g->key.location)
		i++;
	if (!is_ours(&g->loc, NULL) && !(i < n && is_nameless_trampoline(frames, i, n)))
		return;
	g->loc_traced = true;
	while (++i < n) {
		if (is_tracing(frames, i, n, NULL) || frames[i].off <= MAX_ENTRY)
			continue;
		g->loc = frames[i];
		return;
	}
}

void describe_frames(struct group *g, const struct symbol *frames, int n)
{
	g->stack = xcalloc((size_t)n, sizeof(*g->stack));
	for (int i = 0; i < n; i++) {
		const struct symbol *inner = g->n_stack ? &g->stack[g->n_stack - 1] : NULL;

		if (!is_tracing(frames, i, n, inner))
			g->stack[g->n_stack++] = frames[i];
	}
	look_behind_trampoline(g, frames, n);
}

static void describe_stack(struct group *g, const struct sample *s, struct kernel *k)
{
	struct symbol frames[WD_STACK_DEPTH];
	int n = s->stack_len > WD_STACK_DEPTH ? WD_STACK_DEPTH : s->stack_len;

	if (n <= 0)
		return;
	for (int i = 0; i < n; i++)
		frames[i] = kernel_symbol(k, s->stack[i]);
	describe_frames(g, frames, n);
	/* kallsyms may hide addresses: then only equal addresses are known, and no names */
	describe_hook(g);
}

void describe_other_hook(struct group *g, const struct sample *s, struct kernel *k)
{
	struct group other = {.kind = g->kind, .key = g->key, .flow = g->flow};

	if (g->hook_seen || g->hook == HOOK_NONE)
		return;
	describe_stack(&other, s, k);
	/* a stack that is cut off, or ends at a trampoline, tells none */
	g->hooks_differ |=
		other.hook != HOOK_NONE &&
		(other.hook != g->hook || strcmp(other.hook_family, g->hook_family) != 0);
	free(other.stack);
}

/* The task that was current is the sender only if the drop happened in its own system call, and the
 * packet was not received: that one dies where it is read (udp_recvmsg()), or is taken from a
 * socket's backlog by who uses it. */
void describe_process(struct group *g, const struct sample *s)
{
	g->own_context = !s->iif && in_own_context(g);
	if (!g->own_context)
		return;
	g->pid = (int)s->tgid;
	memcpy(g->comm, s->comm, WD_COMM_LEN);
}

static void describe_packet(struct group *g, const struct sample *s)
{
	size_t len = s->hdr_len <= WD_HDR_BYTES ? s->hdr_len : WD_HDR_BYTES;
	const uint8_t *p = s->hdr + s->l3_off;
	size_t l4_off;

	g->len = s->len;
	g->vlan = s->vlan_tci & 0xfff;
	if (s->l3_off > len)
		return;
	if (s->l3_off >= ETH_HLEN) {
		memcpy(g->dst_mac, s->hdr, ETH_ALEN);
		memcpy(g->src_mac, s->hdr + ETH_ALEN, ETH_ALEN);
		g->has_src_mac = true;
	}
	len -= s->l3_off;
	if (g->key.l3 && flow_parse(g->key.l3, p, len, &g->flow, &l4_off) > 0)
		flow_parse_inner(&g->flow, p, len, l4_off, &g->tunnel);
}

static struct addr tuple_addr(const struct ct_tuple *t, const uint8_t *b)
{
	return t->l3num == AF_INET6 ? addr_v6(b) : addr_v4(b);
}

static void describe_ct_state(struct group *g, const struct sample *s)
{
	static const enum ct_state states[] = {[IP_CT_ESTABLISHED] = CT_ESTABLISHED,
					       [IP_CT_RELATED] = CT_RELATED,
					       [IP_CT_NEW] = CT_NEW,
					       [IP_CT_ESTABLISHED_REPLY] = CT_ESTABLISHED,
					       [IP_CT_RELATED_REPLY] = CT_RELATED,
					       [CT_INFO_UNTRACKED] = CT_UNTRACKED};

	g->has_ct_status = s->flags & SAMPLE_HAS_CT;
	g->ct_status = s->ct_status;
	if (s->ct_info == CT_INFO_NONE)
		g->ct_state = CT_NONE;
	else if (s->ct_info < ARRAY_SIZE(states))
		g->ct_state = states[s->ct_info];
	g->ct_reply = s->ct_info >= IP_CT_IS_REPLY && s->ct_info < CT_INFO_UNTRACKED;
}

static struct flow tuple_flow(const struct ct_tuple *t)
{
	return (struct flow){
		.l3 = t->l3num == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP,
		.proto = t->proto,
		.src = tuple_addr(t, t->saddr),
		.dst = tuple_addr(t, t->daddr),
		.has_ports = t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP ||
			     t->proto == IPPROTO_SCTP,
		.sport = t->sport,
		.dport = t->dport,
	};
}

/* The entry, and its original tuple if the packet as it is shows neither direction of it. */
static void describe_conntrack(struct group *g, const struct sample *s)
{
	const struct flow *o = &g->ct_tuples[0], *r = &g->ct_tuples[1];

	describe_ct_state(g, s);
	if (!(s->flags & SAMPLE_HAS_CT) || !s->ct_orig.l3num)
		return;
	g->ct_tuples[0] = tuple_flow(&s->ct_orig);
	g->ct_tuples[1] = tuple_flow(&s->ct_reply);
	g->ct_zone = s->ct_zone;
	g->has_original = !addr_eq(&o->src, &r->dst) || !addr_eq(&o->dst, &r->src) ||
			  (o->has_ports && (o->sport != r->dport || o->dport != r->sport));
	if (g->has_original)
		g->original = *o;
}

static void set_name(char *to, struct host *h, uint32_t netns, uint32_t ifindex)
{
	const struct link *l = ifindex ? host_link(h, netns, ifindex) : NULL;

	if (l)
		memcpy(to, l->name, WD_IFNAMSIZ);
}

void describe_bridge(struct group *g, struct host *h)
{
	const struct link *port =
		host_link(h, g->netns, g->in_ifindex ? g->in_ifindex : g->out_ifindex);

	g->bridge[0] = '\0';
	if (port && port->master && port->port.known)
		set_name(g->bridge, h, g->netns, port->master);
}

/* In the output hooks of IPv4 and IPv6 the packet has no device yet, or a tunnel's that sends it:
 * the hook's is the route's (__ip_local_out(), net/ipv4/ip_output.c). */
static bool is_at_output(const struct group *g)
{
	return g->hook == HOOK_OUTPUT && g->hook_family &&
	       (!strcmp(g->hook_family, "ip") || !strcmp(g->hook_family, "ip6"));
}

/* skb->dev is the input device until the packet is routed, the output device from then on;
 * skb_iif is set at receive only. */
void describe_interfaces(struct group *g, const struct sample *s, struct host *h)
{
	uint32_t ifindex = s->key.ifindex;

	if ((s->key.flags & KEY_FROM_MASK) == NETNS_FROM_DEV && s->iif == ifindex) {
		g->in_ifindex = ifindex;
		memcpy(g->in, s->dev_name, WD_IFNAMSIZ - 1);
	} else {
		if (!is_at_output(g) || s->oif == ifindex) {
			g->out_ifindex = ifindex;
			memcpy(g->out, s->dev_name, WD_IFNAMSIZ - 1);
		}
		g->in_ifindex = s->iif;
		set_name(g->in, h, g->netns, s->iif);
	}
	/* in other hooks the route leads to lo, or is none yet */
	if ((g->hook == HOOK_FORWARD || is_at_output(g)) && !g->out[0]) {
		g->out_ifindex = s->oif;
		set_name(g->out, h, g->netns, s->oif);
	}
	describe_bridge(g, h);
}

struct path {
	char text[512];
	size_t n;
};

static void path_add(struct path *p, const char *step)
{
	int n;

	if (!step || !*step)
		return;
	n = snprintf(p->text + p->n, sizeof(p->text) - p->n, "%s%s", p->n ? " → " : "", step);
	if (n > 0 && p->n + (size_t)n < sizeof(p->text))
		p->n += (size_t)n;
}

/* The port by which it came: of a bridge that routes, the one behind which the source MAC lives. */
static const struct link *ingress_port(const struct group *g, struct host *h)
{
	const struct link *in = host_link(h, g->netns, g->in_ifindex);
	const struct link *port;

	if (!in || strcmp(in->kind, "bridge") || !g->has_src_mac)
		return in;
	port = host_fdb_port(h, g->netns, in->ifindex, g->src_mac);
	return port ? port : in;
}

void describe_path(struct group *g, struct host *h)
{
	const struct link *port = ingress_port(g, h);
	struct path p = {};
	char end[128];

	if (!port && !g->in[0])
		path_add(&p, group_netns_label(g, h));
	if (port && port->peer_is_away && port->peer_netns)
		path_add(&p, host_netns_label(h, port->peer_netns));
	if (port && strcmp(port->name, g->in))
		path_add(&p, port->name);
	path_add(&p, g->in);
	path_add(&p, strcmp(g->bridge, g->in) ? g->bridge : NULL);
	if (g->hook)
		snprintf(end, sizeof(end), "%s %s hook", g->hook_family, hook_name(g->hook));
	else
		snprintf(end, sizeof(end), "%s", g->loc.name ? g->loc.name : g->reason);
	path_add(&p, end);
	path_add(&p, strcmp(g->out, g->in) ? g->out : NULL);
	free(g->path);
	g->path = p.n ? xasprintf("%s ✗", p.text) : NULL;
}

static void keep_netns_name(struct group *g, struct host *h)
{
	const char *name = g->netns ? h->ops->netns_name(h, g->netns) : NULL;

	g->netns_name = name ? xstrdup(name) : NULL;
	g->pod = g->netns ? h->ops->pod(h, g->netns) : NULL;
}

void describe_content(struct group *g, const struct sample *s)
{
	flow_from_key(&g->key, &g->flow);
	g->mark = s->mark;
	if (s->sport || s->dport) {
		g->flow.has_ports = true;
		g->flow.sport = s->sport;
		g->flow.dport = s->dport;
	}
	if (g->kind != SAMPLE_DROP)
		return;
	describe_packet(g, s);
	describe_conntrack(g, s);
}

void describe_sample(struct group *g, const struct sample *s, struct kernel *k, struct host *h)
{
	if (g->has_sample)
		return;
	describe_key(g, k);
	g->has_sample = true;
	keep_netns_name(g, h);
	g->sk_state = s->sk_state;
	describe_content(g, s);
	if (g->kind != SAMPLE_DROP)
		return;
	describe_stack(g, s, k);
	describe_process(g, s);
	if (g->netns)
		describe_interfaces(g, s, h);
	describe_path(g, h);
}
