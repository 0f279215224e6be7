// SPDX-License-Identifier: GPL-2.0-only
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "describe.h"
#include "doubt.h"
#include "explain.h"
#include "noise.h"
#include "rules/rule.h"
#include "seen.h"
#include "util.h"

#define MODULES_EVERY_NS 1000000000ULL
#define MAX_ASKS	 16 /* samples of one group that ask; then no probe will ever tell */
/* So many groups of one place were explained in so much time: enough of a port scan. */
#define MAX_ALIKE 8
#define ALIKE_NS  60000000000ULL

/* Functions in which bridges drop frames, apart from what netfilter drops on a bridge. */
static const char *const bridge_functions[] = {
	"br_handle_frame",   "br_handle_frame_finish", "br_forward",
	"__br_forward",	     "br_forward_finish",      "br_flood",
	"maybe_deliver",     "br_allowed_ingress",     "__allowed_ingress",
	"br_handle_vlan",    "br_dev_queue_push_xmit", "br_nf_dev_queue_xmit",
	"br_nf_ip_fragment", "br_pass_frame_up",       NULL};
static const char *const netfilter_functions[] = {"nf_hook_slow", "nft_do_chain", NULL};

static bool by_netfilter(const struct group *g)
{
	static const char *const reason[] = {"NETFILTER_DROP", NULL};

	return group_reason(g, reason) || group_at(g, netfilter_functions);
}

/* br_handle_frame() runs the functions of the bridge's prerouting hook itself. */
static bool needs(const struct group *g, enum probe_family family)
{
	static const char *const frame[] = {"br_handle_frame", NULL};

	if (family == PROBES_BRIDGE)
		return group_at(g, bridge_functions);
	return family == PROBES_NETFILTER && (by_netfilter(g) || group_at(g, frame));
}

/* in_ifindex: as it was before the record, for that of the next group will be. */
static void note_told(struct explain *e, const struct group *g, uint32_t in_ifindex)
{
	unsigned int i = e->next_told;

	e->told[i].location = g->key.location;
	e->told[i].netns = g->netns;
	e->told[i].in_ifindex = in_ifindex;
	e->told[i].hook = g->hook;
	e->told[i].at_ns = now_ns(CLOCK_MONOTONIC);
	e->next_told = (i + 1) % EXPLAIN_TOLD;
}

/* For a while only: the next hour's drops of that place may be another rule's. */
static bool enough_alike(const struct explain *e, const struct group *g)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	int alike = 0;

	for (size_t i = 0; i < EXPLAIN_TOLD; i++)
		alike += e->told[i].at_ns && now - e->told[i].at_ns < ALIKE_NS &&
			 e->told[i].location == g->key.location && e->told[i].netns == g->netns &&
			 e->told[i].in_ifindex == g->in_ifindex && e->told[i].hook == g->hook;
	return alike >= MAX_ALIKE;
}

void explain_drop(struct explain *e, struct table *t, size_t group, const struct sample *s)
{
	struct group *g = &t->groups[group];

	e->recent[e->next].skb = s->skb;
	e->recent[e->next].ts = s->ts;
	e->recent[e->next].group = group;
	e->recent[e->next].told = false;
	e->recent[e->next].seen = g->seen_last;
	e->recent[e->next].agreed = false;
	e->next = (e->next + 1) % EXPLAIN_RECENT;
	if (e->deep || g->explained || g->asks >= MAX_ASKS || noise_why(g) || enough_alike(e, g))
		return;
	for (int family = PROBES_ALWAYS + 1; family < PROBE_FAMILIES; family++) {
		if (!needs(g, (enum probe_family)family))
			continue;
		g->asks++;
		arming_ask(&e->arming[family], now_ns(CLOCK_MONOTONIC));
	}
}

/* Without names (kernel.kptr_restrict) the stack tells nothing of any function. */
static bool is_nameless(const struct group *g)
{
	for (int i = 0; i < g->n_stack; i++) {
		if (g->stack[i].name)
			return false;
	}
	return true;
}

/* Where a packet leaves the function that it was in for another part of the stack, which it may die
 * in: a bridge hands frames to its own node, or to the port's device (net/core/dev.c). */
static bool is_handed_over(const struct symbol *s)
{
	static const char *const functions[] = {"netif_receive_skb",
						"__netif_receive_skb",
						"__netif_receive_skb_core",
						"__netif_receive_skb_one_core",
						"__netif_receive_skb_list_core",
						"netif_receive_skb_list_internal",
						"dev_queue_xmit",
						"__dev_queue_xmit",
						NULL};

	return symbol_is(s, functions);
}

/* Was the packet freed in that function? The skb's memory may have been another packet since. What
 * a watched function called last is not in the stack: it returns, and tells, before all others.
 * nf_hook_slow() says drop when it has freed the packet itself. */
static bool was_in(const struct group *g, const char *function, bool first)
{
	const char *const wanted[] = {function, NULL};

	if (g->loc_traced && first)
		return true;
	if (is_nameless(g))
		return !strcmp(function, probe_function(FN_NF_HOOK_SLOW));
	for (int i = 0; i < g->n_stack && !is_handed_over(&g->stack[i]); i++) {
		if (symbol_is(&g->stack[i], wanted))
			return true;
	}
	return false;
}

static enum nf_hook inet_hook(uint8_t hook)
{
	static const enum nf_hook hooks[] = {[NF_INET_PRE_ROUTING] = HOOK_PREROUTING,
					     [NF_INET_LOCAL_IN] = HOOK_INPUT,
					     [NF_INET_FORWARD] = HOOK_FORWARD,
					     [NF_INET_LOCAL_OUT] = HOOK_OUTPUT,
					     [NF_INET_POST_ROUTING] = HOOK_POSTROUTING};

	return hook < ARRAY_SIZE(hooks) ? hooks[hook] : HOOK_NONE;
}

static enum nf_hook hook_of(const struct hook_sample *s)
{
	switch (s->pf) {
	case NFPROTO_ARP:
		return s->hook == NF_ARP_IN    ? HOOK_INPUT
		       : s->hook == NF_ARP_OUT ? HOOK_OUTPUT
					       : HOOK_FORWARD;
	case NFPROTO_NETDEV:
		return s->hook == NF_NETDEV_INGRESS ? HOOK_INGRESS : HOOK_EGRESS;
	default: /* IPv4, IPv6, and the bridge, which has the same numbers */
		return inet_hook(s->hook);
	}
}

static void take_hook(struct group *g, enum nf_hook hook, uint8_t pf)
{
	if (g->hook_seen) {
		g->hooks_differ |= g->hook != hook || g->hook_family != nf_family_name(pf);
		g->verdicts_differ |= g->hooks_differ;
		return;
	}
	g->hook_seen = true;
	g->hook = hook;
	g->hook_family = nf_family_name(pf);
}

static bool is_policy(const struct table_verdict *v, bool sees_rules)
{
	return sees_rules && !v->rule && v->policy == 1 + NF_DROP;
}

/* Of an nft table; NULL: of none. */
static const char *family_of(const struct table_verdict *v)
{
	return v->fn == FN_NFT_DO_CHAIN && v->family ? nf_family_name(v->family) : NULL;
}

/* Is it of the group's table and base chain, by name? */
static bool same_chain(const struct group *g, const struct table_verdict *v)
{
	return g->verdict.function == probe_function(v->fn) && g->verdict.family == family_of(v) &&
	       !strncmp(g->verdict.table, v->table, sizeof(v->table)) &&
	       !strncmp(g->verdict.chain, v->chain, sizeof(v->chain));
}

/* A verdict of whose rule nothing is known contradicts none. */
static bool same_verdict(const struct group *g, const struct table_verdict *v, bool sees_rules)
{
	if (!same_chain(g, v) || g->verdict.table_handle != v->table_handle)
		return false;
	if (v->rule)
		return !g->verdict.policy && (!g->verdict.rule || g->verdict.rule == v->rule);
	return !g->verdict.rule || !is_policy(v, sees_rules);
}

/* Can the verdict be one of that hook? One that nobody took is left for the next packet in the same
 * memory, which may have died in another hook. */
static bool fits_hook(const struct table_verdict *v, uint8_t pf)
{
	bool ip = pf == NFPROTO_IPV4 || pf == NFPROTO_IPV6;

	switch (v->fn) {
	case FN_NFT_DO_CHAIN: /* inet has chains in hooks of devices, too */
		return !v->family || v->family == pf ||
		       (v->family == NFPROTO_INET && (ip || pf == NFPROTO_NETDEV));
	case FN_IPT_DO_TABLE:
		return pf == NFPROTO_IPV4;
	case FN_IP6T_DO_TABLE:
		return pf == NFPROTO_IPV6;
	case FN_ARPT_DO_TABLE:
		return pf == NFPROTO_ARP;
	case FN_EBT_DO_TABLE:
	case FN_BR_NF_PRE_ROUTING:
	case FN_BR_NF_FORWARD:
	case FN_BR_NF_FORWARD_IP:
	case FN_BR_NF_FORWARD_ARP:
	case FN_BR_NF_POST_ROUTING:
		return pf == NFPROTO_BRIDGE;
	default: /* conntrack, which bridges have, too, and NAT */
		return ip || pf == NFPROTO_BRIDGE;
	}
}

/* A function that stands for the whole of netfilter gives no verdict of its own. */
static bool has_verdict(const struct hook_sample *s)
{
	const struct table_verdict *v = &s->verdict;

	return probe_function(v->fn) && fits_hook(v, s->has_hook ? s->pf : NFPROTO_BRIDGE);
}

/* Of the same base chain, in a table that was made anew since: the node has that one now. */
static bool is_of_new_table(const struct group *g, const struct table_verdict *v)
{
	return same_chain(g, v) && v->table_handle > g->verdict.table_handle && !g->rule_certain;
}

/* Is it the group's? */
static bool take_verdict(struct group *g, const struct hook_sample *s, bool sees_rules)
{
	const struct table_verdict *v = &s->verdict;

	if (!has_verdict(s))
		return false;
	if (g->verdict.function) {
		bool same = same_verdict(g, v, sees_rules);

		g->verdicts_differ |= !same;
		if (!is_of_new_table(g, v))
			return same;
		g->rule_explained = false;
		seen_forget_told(g);
	}
	g->verdict.function = probe_function(v->fn);
	g->verdict.family = family_of(v);
	snprintf(g->verdict.table, sizeof(g->verdict.table), "%s", v->table);
	snprintf(g->verdict.chain, sizeof(g->verdict.chain), "%s", v->chain);
	g->verdict.table_handle = v->table_handle;
	g->verdict.rule = v->rule;
	g->verdict.policy = is_policy(v, sees_rules);
	return true;
}

/* Each sample once, though several functions may tell of it. */
static void note_agreed(struct explain *e, int at, struct group *g, const struct table_verdict *v)
{
	bool rule = v->rule ? v->rule == g->verdict.rule : g->verdict.policy;

	if (!e->recent[at].agreed)
		seen_told(g, e->recent[at].seen, rule);
	e->recent[at].agreed = true;
}

static void take_name(char *to, const char *name)
{
	if (!to[0])
		snprintf(to, WD_IFNAMSIZ, "%.*s", WD_IFNAMSIZ - 1, name);
}

/* A device that the hook has none of, the packet may have all the same. Is it another one? */
static bool take_device(char *to, uint32_t *to_ifindex, const char *name, uint32_t ifindex)
{
	bool other = name[0] && strncmp(to, name, WD_IFNAMSIZ) != 0;

	if (other) {
		to[0] = '\0';
		take_name(to, name);
	}
	if (name[0])
		*to_ifindex = ifindex;
	return other;
}

/* What the packet shows is a guess; nf_hook_slow() has the devices that rules ask for. But where
 * br_netfilter runs IP's hooks these are the bridge, and the group has its ports. */
static void take_devices(struct group *g, struct host *h, const struct hook_sample *s, bool first)
{
	bool in, out;

	if (!first || packet_bridged(g) != TRI_NO) {
		take_name(g->in, s->in);
		take_name(g->out, s->out);
		return;
	}
	in = take_device(g->in, &g->in_ifindex, s->in, s->in_ifindex);
	out = take_device(g->out, &g->out_ifindex, s->out, s->out_ifindex);
	if (in || out)
		describe_bridge(g, h);
}

static void take_port(const struct explain *e, struct group *g, const struct hook_sample *s)
{
	/* whoever forwards it to a port tells before br_handle_frame_finish() does */
	g->way_told |=
		s->has_port || s->fn == FN_BR_FLOOD ||
		(s->fn == FN_BR_HANDLE_FRAME_FINISH && e->sees_ports && s->ts >= e->ports_ns);
	/* what no fault explained yet may have another cause by now, at another port */
	if (!s->has_port || (g->port.known && g->finding >= 0))
		return;
	g->port.known = true;
	g->port.state = s->port_state;
	g->port.hairpin = s->port_flags & (1U << 0);   /* BR_HAIRPIN_MODE */
	g->port.isolated = s->port_flags & (1U << 16); /* BR_ISOLATED */
	if (!g->out_ifindex || g->out_ifindex == g->in_ifindex ||
	    g->out_ifindex == g->port.ifindex) {
		g->out_ifindex = s->out_ifindex;
		snprintf(g->out, sizeof(g->out), "%.*s", WD_IFNAMSIZ - 1, s->out);
	}
	g->port.ifindex = s->out_ifindex;
}

/* Index into e->recent, or -1. */
static int find_recent(const struct explain *e, const struct hook_sample *s)
{
	for (unsigned int k = 1; k <= EXPLAIN_RECENT; k++) {
		unsigned int at = (e->next + EXPLAIN_RECENT - k) % EXPLAIN_RECENT;

		if (e->recent[at].skb == s->skb && e->recent[at].ts == s->ts && s->skb)
			return (int)at;
	}
	return -1;
}

/* While programs are attached or detached, one may see what another one misses. */
static bool all_attached(const struct explain *e, const struct hook_sample *s)
{
	enum probe_family family = probe_family(s->fn);
	uint64_t end = e->disarmed_ns[family];

	return s->ts >= e->armed_ns[family] && (!end || s->ts < end);
}

/* It jumped to the free, and the stack ends at the trampoline that it was to return to. Other
 * packets of the group may have died in another function, where the same trampoline stands. */
static void take_place(struct group *g, const char *function)
{
	if (g->loc_told && g->loc.name != function) {
		g->loc.name = NULL;
	} else if (!g->loc_told && g->loc_traced && doubt_place(g)) {
		g->loc = (struct symbol){.name = function, .addr = g->key.location};
		g->loc_told = true;
	}
}

struct group *explain_hook(struct explain *e, struct table *t, struct host *h,
			   const struct hook_sample *s)
{
	const char *function = probe_function(s->fn);
	char flow[FLOW_STRLEN];
	uint32_t in_ifindex;
	struct group *g;
	int at;

	if (!function || !all_attached(e, s) || (at = find_recent(e, s)) < 0)
		return NULL;
	g = &t->groups[e->recent[at].group];
	in_ifindex = g->in_ifindex;
	if (!was_in(g, function, !e->recent[at].told))
		return NULL;
	if (!e->recent[at].told)
		take_place(g, function);
	e->recent[at].told = true;
	for (int family = PROBES_ALWAYS + 1; family < PROBE_FAMILIES; family++) {
		if (needs(g, (enum probe_family)family))
			arming_explained(&e->arming[family]);
	}
	if (!g->decided_by)
		g->decided_by = function;
	if (s->has_hook) {
		bool first = !g->hook_seen;

		take_hook(g, hook_of(s), s->pf);
		take_devices(g, h, s, first);
	} else if (s->fn == FN_BR_HANDLE_FRAME && has_verdict(s)) {
		/* of the hook that it runs itself; nf_hook_slow() takes the verdicts of others */
		take_hook(g, HOOK_PREROUTING, NFPROTO_BRIDGE);
	}
	if (take_verdict(g, s, e->sees_rules && s->ts >= e->rules_ns))
		note_agreed(e, at, g, &s->verdict);
	take_port(e, g, s);
	take_name(g->bridge, s->bridge);
	if (!g->explained) {
		note_told(e, g, in_ifindex);
		log_info(LOG_VERBOSE, "explained by %s: %s", function, flow_str(&g->flow, flow));
	}
	g->explained = true;
	describe_path(g, h);
	return g;
}

static void tell_armed(struct kernel *k, enum probe_family family, const char *what)
{
	log_info(LOG_VERBOSE, "%s probes %s", family == PROBES_BRIDGE ? "bridge" : "netfilter",
		 what);
	/* its trampolines appear in stacks, and they are symbols, too */
	kernel_forget_symbols(k);
}

static void arm(struct explain *e, struct session *s, struct kernel *k, enum probe_family family)
{
	bool was = session_is_armed(s, family), saw_rules = e->sees_rules;

	if (!session_arm(s, family))
		return;
	/* what came to others because of a module changes nothing about what those saw */
	if (!was) {
		e->armed_ns[family] = now_ns(CLOCK_MONOTONIC);
		e->disarmed_ns[family] = 0;
		arming_attached(&e->arming[family], e->armed_ns[family]);
	}
	if (family == PROBES_BRIDGE) {
		e->sees_ports = session_is_attached(s, FN_BR_FORWARD) &&
				(k->facts.bridge_ports || kernel_has_btf_of("bridge"));
		e->ports_ns = now_ns(CLOCK_MONOTONIC); /* br_forward()'s module may be the one */
	}
	if (family == PROBES_NETFILTER)
		e->sees_rules = session_is_attached(s, FN_NFT_IMMEDIATE_EVAL) &&
				session_is_attached(s, FN_NFT_LOOKUP_EVAL);
	if (e->sees_rules && !saw_rules)
		e->rules_ns = now_ns(CLOCK_MONOTONIC);
	tell_armed(k, family, "armed");
}

/* A detached program, too, has the address that its function had when it was loaded, and up to 6.3
 * nothing keeps the module there (31bf1dbccfb0): so before each arming, too. */
static void look_at_modules(struct explain *e, struct kernel *k, struct host *h)
{
	e->modules_ns = now_ns(CLOCK_MONOTONIC);
	if (!kernel_modules_changed(k))
		return;
	e->modules_came = true;
	host_forget_modules(h);
}

/*
 * Those that a drop needs, or all; what came with a module joins the armed ones.
 *
 * They are loaded at the first drop that needs them, not before, though it waits for that. A loaded
 * fexit program holds its function's module (prog->aux->mod, since 6.4): a run that sees no drop
 * would keep br_netfilter, nf_tables and the like from being unloaded all the same. And loading is
 * dear, of which most is libbpf's search in the kernel's BTF: some tenths of a second, on a slow
 * machine many seconds, in which nothing else is done, of each run however short. What dies
 * meanwhile is counted, and its samples have room in the ring buffer.
 */
static void arm_and_disarm(struct explain *e, struct session *s, struct kernel *k, struct host *h)
{
	bool want[PROBE_FAMILIES] = {}, on[PROBE_FAMILIES] = {};
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	for (int i = PROBES_ALWAYS + 1; i < PROBE_FAMILIES; i++) {
		bool was = e->arming[i].on;

		want[i] = e->deep || arming_tick(&e->arming[i], now);
		if (e->arming[i].on && !was)
			look_at_modules(e, k, h);
	}
	for (int i = PROBES_ALWAYS + 1; i < PROBE_FAMILIES; i++) {
		enum probe_family family = (enum probe_family)i;
		bool is = session_is_armed(s, family);

		on[i] = want[i] && (!is || e->modules_came);
		if (want[i] || !is)
			continue;
		e->disarmed_ns[family] = now_ns(CLOCK_MONOTONIC);
		session_disarm(s, family);
		tell_armed(k, family, "disarmed");
	}
	session_load(s, on);
	for (int i = PROBES_ALWAYS + 1; i < PROBE_FAMILIES; i++) {
		if (on[i])
			arm(e, s, k, (enum probe_family)i);
	}
}

void explain_tick(struct explain *e, struct session *s, struct kernel *k, struct host *h)
{
	if (now_ns(CLOCK_MONOTONIC) - e->modules_ns >= MODULES_EVERY_NS)
		look_at_modules(e, k, h);
	arm_and_disarm(e, s, k, h);
	e->modules_came = false;
}
