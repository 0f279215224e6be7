// SPDX-License-Identifier: GPL-2.0-only
/* When hook programs are armed, and what their records do to a group. */
#include <linux/if_bridge.h>
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>

#include "catalogue.h"
#include "describe.h"
#include "doubt.h"
#include "explain.h"
#include "fake_host.h"
#include "test.h"

#define MS  1000000ULL
#define SEC 1000000000ULL

/* Ticks each 100 ms from *now on for so long, a drop asking each time or not; returns the time it
 * was armed, and how often it was turned on. */
static uint64_t run(struct arming *a, uint64_t *now, uint64_t span, bool ask, bool explained,
		    unsigned int *times)
{
	uint64_t armed = 0;

	for (uint64_t end = *now + span; *now < end; *now += 100 * MS) {
		bool before = a->on;

		if (ask)
			arming_ask(a, *now);
		if (arming_tick(a, *now)) {
			armed += 100 * MS;
			if (explained)
				arming_explained(a);
		}
		*times += a->on && !before;
	}
	return armed;
}

static void test_off_without_a_drop(void **state)
{
	struct arming a = {};
	uint64_t now = SEC;
	unsigned int times = 0;

	(void)state;
	assert_int_equal(run(&a, &now, 60 * SEC, false, false, &times), 0);
	assert_int_equal(times, 0);
}

static void test_armed_at_once_and_held(void **state)
{
	struct arming a = {};
	uint64_t now = SEC;
	unsigned int times = 0;

	(void)state;
	arming_ask(&a, now);
	assert_true(arming_tick(&a, now));
	assert_int_equal(run(&a, &now, 20 * SEC, false, false, &times), ARMING_HOLD_NS);
	assert_false(a.on);
}

/* However long attaching takes, the flow that asked for it is looked at. */
static void test_held_once_attached(void **state)
{
	struct arming a = {};
	uint64_t now = SEC;
	unsigned int times = 0;

	(void)state;
	arming_ask(&a, now);
	assert_true(arming_tick(&a, now));
	now += 12 * SEC; /* more than there is credit for */
	arming_attached(&a, now);
	assert_int_equal(run(&a, &now, 20 * SEC, false, false, &times), ARMING_HOLD_NS);
	assert_int_equal(times, 0);
	/* nor is it spent: the next drop need not wait for it */
	arming_ask(&a, now);
	assert_true(arming_tick(&a, now));
}

/* A drop that asked long ago, while it was not allowed, is over. */
static void test_an_old_question_is_none(void **state)
{
	struct arming a = {};
	uint64_t now = SEC;
	unsigned int times = 0;

	(void)state;
	arming_ask(&a, now);
	now += 2 * SEC;
	assert_int_equal(run(&a, &now, 5 * SEC, false, false, &times), 0);
}

static void test_back_off(void **state)
{
	struct arming a = {};
	uint64_t now = SEC, last = 0, gap, before = 0;
	int grown = 0;

	(void)state;
	/* one drop each second, never explained: the pauses grow */
	for (int i = 0; i < 4000; i++, now += 100 * MS) {
		bool was = a.on;

		if (i % 10 == 0)
			arming_ask(&a, now);
		arming_tick(&a, now);
		if (was && !a.on)
			last = now;
		if (!was && a.on && last) {
			gap = now - last;
			grown += gap > before;
			before = gap;
		}
	}
	assert_true(grown >= 3);
	assert_true(before >= 10 * SEC);
}

/* A port scan: each drop is another one, for hours. */
static void test_duty(void **state)
{
	struct arming a = {};
	uint64_t now = SEC, armed;
	unsigned int times = 0;

	(void)state;
	armed = run(&a, &now, 3600 * SEC, true, true, &times);
	assert_true(armed <= 3600 * SEC / 10 + ARMING_CREDIT_NS);
	assert_true(armed >= 200 * SEC); /* and is not given up */
	assert_true(times <= 3600 / 20 + 5);
	/* after a rest it may be armed for long again */
	run(&a, &now, 600 * SEC, false, false, &times);
	times = 0;
	armed = run(&a, &now, 12 * SEC, true, true, &times);
	assert_true(armed >= ARMING_CREDIT_NS - SEC);
}

struct world {
	struct fake_host host;
	struct table table;
	struct explain explain;
	struct sample sample;
	struct hook_sample hook;
	size_t group;
};

static struct group *the_group(struct world *w)
{
	return &w->table.groups[w->group];
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	static const char *const stack[] = {"nft_do_chain", "nf_hook_slow", "ip_forward"};
	struct drop_key key = {.location = 1, .netns = 7};
	struct group *g;

	fake_host_init(&w->host);
	fake_netns(&w->host, 7, "node");
	w->group = table_group(&w->table, SAMPLE_DROP, &key, false);
	g = the_group(w);
	strcpy(g->reason, "NETFILTER_DROP");
	g->has_sample = true;
	g->n_stack = 3;
	g->stack = calloc(3, sizeof(*g->stack));
	for (int i = 0; i < 3; i++)
		g->stack[i].name = stack[i];
	g->loc = g->stack[0];
	w->sample.skb = w->hook.skb = 0xffff888012345678;
	w->sample.ts = w->hook.ts = 42;
	w->hook.kind = SAMPLE_HOOK;
	w->hook.fn = FN_NF_HOOK_SLOW;
	w->hook.has_hook = 1;
	w->hook.pf = NFPROTO_IPV4;
	w->hook.hook = NF_INET_FORWARD;
	strcpy(w->hook.in, "cni0");
	strcpy(w->hook.out, "eth0");
	w->hook.verdict.fn = FN_NFT_DO_CHAIN;
	w->hook.verdict.family = NFPROTO_INET;
	strcpy(w->hook.verdict.table, "fw");
	strcpy(w->hook.verdict.chain, "forward");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	table_free(&w->table);
	free(w);
	return 0;
}

static struct group *hook(struct world *w)
{
	return explain_hook(&w->explain, &w->table, &w->host.base, &w->hook);
}

static void test_join(void **state)
{
	struct world *w = *state;
	struct group *g;

	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_true(w->explain.arming[PROBES_NETFILTER].asked_ns);
	assert_false(w->explain.arming[PROBES_BRIDGE].asked_ns);
	g = hook(w);
	assert_ptr_equal(g, the_group(w));
	assert_true(g->explained);
	assert_int_equal(g->hook, HOOK_FORWARD);
	assert_string_equal(g->hook_family, "ip");
	assert_string_equal(g->in, "cni0");
	assert_string_equal(g->out, "eth0");
	assert_string_equal(g->verdict.function, "nft_do_chain");
	assert_string_equal(g->verdict.family, "inet");
	assert_string_equal(g->verdict.table, "fw");
	assert_string_equal(g->verdict.chain, "forward");
	assert_string_equal(g->decided_by, "nf_hook_slow");
	assert_has(g->path, "ip forward hook");
	/* what is explained asks no more */
	w->explain.arming[PROBES_NETFILTER].asked_ns = 0;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_false(w->explain.arming[PROBES_NETFILTER].asked_ns);
}

/* The first record's hook and verdict stand; another's are told. */
static void test_verdicts_differ(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_ptr_equal(hook(w), g);
	g->rule_certain = true;
	w->sample.ts = ++w->hook.ts;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_ptr_equal(hook(w), g);
	assert_false(g->verdicts_differ);
	assert_true(group_rule_certain(g));
	w->hook.verdict.rule = 4; /* known only now */
	assert_ptr_equal(hook(w), g);
	assert_false(g->verdicts_differ);
	w->hook.hook = NF_INET_PRE_ROUTING;
	assert_ptr_equal(hook(w), g);
	assert_true(g->verdicts_differ && g->hooks_differ);
	assert_true(doubt_hook(g));
	assert_false(group_rule_certain(g));
	assert_int_equal(g->hook, HOOK_FORWARD);
	g->verdicts_differ = g->hooks_differ = false;
	w->hook.hook = NF_INET_FORWARD;
	w->hook.verdict.table_handle = 9; /* it was made anew, and what is certain stays */
	assert_ptr_equal(hook(w), g);
	assert_true(g->verdicts_differ);
	assert_int_equal(g->verdict.table_handle, 0);
	g->rule_certain = false;
	g->rule_explained = true;
	w->hook.verdict.rule = 2;
	w->hook.verdict.family = NFPROTO_IPV4; /* another table of that name */
	assert_ptr_equal(hook(w), g);
	assert_int_equal(g->verdict.table_handle, 0);
	w->hook.verdict.family = NFPROTO_INET;
	g->seen_told = 3;
	assert_ptr_equal(hook(w), g);
	assert_int_equal(g->seen_told, 0);
	assert_int_equal(g->verdict.table_handle, 9);
	assert_int_equal(g->verdict.rule, 2);
	assert_false(g->rule_explained);
	g->verdicts_differ = false;
	strcpy(w->hook.verdict.table, "other");
	assert_ptr_equal(hook(w), g);
	assert_true(g->verdicts_differ);
	assert_string_equal(g->verdict.table, "fw");
	assert_false(doubt_hook(g)); /* which is the same */
}

/* Of which of the group's packets it is told, and whether by the group's rule. */
static void test_told_of_one_packet(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	g->seen = calloc(3, sizeof(*g->seen));
	g->n_seen = 3;
	g->seen_last = 1;
	w->hook.verdict.rule = 4;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	hook(w);
	assert_true(g->seen[1].told && g->seen[1].told_rule);
	assert_false(g->seen[0].told);
	g->seen_last = 2;
	w->hook.verdict.rule = 0; /* not seen this time */
	w->sample.ts = ++w->hook.ts;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	hook(w);
	assert_true(g->seen[2].told && !g->seen[2].told_rule);
	g->seen_last = -1;
	w->hook.verdict.rule = 4;
	w->sample.ts = ++w->hook.ts;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	hook(w);
	hook(w); /* another function tells of the same */
	assert_int_equal(g->seen_told, 1);
	g->seen_last = 0;
	w->hook.verdict.rule = 5;
	w->sample.ts = ++w->hook.ts;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	hook(w);
	assert_false(g->seen[0].told);
	assert_true(g->verdicts_differ);
}

/* A traced function's last call frees the packet: only the first record may be from where the stack
 * does not lead. A later one is of another packet in the same memory. */
static void test_first_record_of_a_tail_call(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	g->loc_traced = true;
	w->hook.has_hook = 0;
	w->hook.fn = FN_BR_HANDLE_FRAME_FINISH;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_ptr_equal(hook(w), g);
	w->hook.fn = FN_BR_FORWARD;
	assert_null(hook(w));
	w->hook.fn = FN_NF_HOOK_SLOW; /* in the stack */
	assert_ptr_equal(hook(w), g);
}

/* A verdict that nobody took was another packet's, in the same memory. */
static void test_verdict_of_another_hook(void **state)
{
	static const struct {
		uint8_t pf;
		enum hook_fn fn;
		uint8_t family; /* of an nft table */
		bool fits;
	} cases[] = {
		{NFPROTO_IPV4, FN_NFT_DO_CHAIN, NFPROTO_IPV4, true},
		{NFPROTO_IPV4, FN_NFT_DO_CHAIN, NFPROTO_INET, true},
		{NFPROTO_IPV4, FN_NFT_DO_CHAIN, 0, true},
		{NFPROTO_IPV4, FN_NFT_DO_CHAIN, NFPROTO_BRIDGE, false},
		{NFPROTO_IPV4, FN_NFT_DO_CHAIN, NFPROTO_IPV6, false},
		{NFPROTO_IPV6, FN_NFT_DO_CHAIN, NFPROTO_INET, true},
		{NFPROTO_BRIDGE, FN_NFT_DO_CHAIN, NFPROTO_INET, false},
		{NFPROTO_BRIDGE, FN_NFT_DO_CHAIN, NFPROTO_BRIDGE, true},
		{NFPROTO_NETDEV, FN_NFT_DO_CHAIN, NFPROTO_INET, true},
		{NFPROTO_NETDEV, FN_NFT_DO_CHAIN, NFPROTO_NETDEV, true},
		{NFPROTO_ARP, FN_NFT_DO_CHAIN, NFPROTO_INET, false},
		{NFPROTO_ARP, FN_ARPT_DO_TABLE, 0, true},
		{NFPROTO_IPV4, FN_ARPT_DO_TABLE, 0, false},
		{NFPROTO_IPV4, FN_IPT_DO_TABLE, 0, true},
		{NFPROTO_IPV6, FN_IPT_DO_TABLE, 0, false},
		{NFPROTO_IPV6, FN_IP6T_DO_TABLE, 0, true},
		{NFPROTO_IPV4, FN_EBT_DO_TABLE, 0, false},
		{NFPROTO_BRIDGE, FN_EBT_DO_TABLE, 0, true},
		{NFPROTO_BRIDGE, FN_BR_NF_PRE_ROUTING, 0, true},
		{NFPROTO_IPV4, FN_BR_NF_FORWARD, 0, false},
		{NFPROTO_BRIDGE, FN_BR_NF_FORWARD_ARP, 0, true},
		{NFPROTO_ARP, FN_BR_NF_FORWARD_ARP, 0, false},
		{NFPROTO_IPV6, FN_NF_CONNTRACK_IN, 0, true},
		{NFPROTO_BRIDGE, FN_NF_CONNTRACK_CONFIRM, 0, true},
		{NFPROTO_ARP, FN_NF_NAT_INET_FN, 0, false},
	};
	struct world *w = *state;
	struct group *g = the_group(w);

	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w->hook.pf = cases[i].pf;
		w->hook.verdict.fn = cases[i].fn;
		w->hook.verdict.family = cases[i].family;
		g->verdict.function = NULL;
		assert_ptr_equal(hook(w), g);
		if (!g->verdict.function == cases[i].fits)
			fail_msg("case %zu", i);
	}
}

/* The bridge's own prerouting hook is left by br_handle_frame(), not by nf_hook_slow(): it belongs
 * to netfilter's probes. */
static void test_frame_hook(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	g->stack[0].name = "br_handle_frame"; /* where it dies before 6.7 */
	g->loc = g->stack[0];
	strcpy(g->reason, "NOT_SPECIFIED");
	g->key.l3 = 0x0800;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_true(w->explain.arming[PROBES_NETFILTER].asked_ns);
	w->hook.fn = FN_BR_HANDLE_FRAME;
	w->hook.has_hook = 0;
	/* a frame that no hook dropped, or whose verdict is left of a packet in another hook */
	w->hook.verdict.fn = FN_MAX;
	assert_ptr_equal(hook(w), g);
	assert_int_equal(g->hook, HOOK_NONE);
	w->hook.verdict.fn = FN_NFT_DO_CHAIN;
	w->hook.verdict.family = NFPROTO_INET;
	assert_ptr_equal(hook(w), g);
	assert_int_equal(g->hook, HOOK_NONE);
	assert_false(dropped_by_netfilter(g));
	w->hook.verdict.family = NFPROTO_BRIDGE;
	assert_ptr_equal(hook(w), g);
	assert_true(dropped_by_netfilter(g));
	assert_string_equal(g->verdict.family, "bridge");
	assert_int_equal(g->hook, HOOK_PREROUTING);
	assert_string_equal(g->hook_family, "bridge");
}

/* Nearly everything that a bridge's port receives dies below br_handle_frame(). */
static void test_not_netfilters(void **state)
{
	static const char *const stack[] = {"udp_rcv", "br_pass_frame_up", "br_handle_frame"};
	struct world *w = *state;
	struct group *g = the_group(w);

	for (int i = 0; i < 3; i++)
		g->stack[i].name = stack[i];
	g->loc = g->stack[0];
	strcpy(g->reason, "NO_SOCKET");
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_false(w->explain.arming[PROBES_NETFILTER].asked_ns);
	assert_false(w->explain.arming[PROBES_BRIDGE].asked_ns);
}

static void test_not_joined(void **state)
{
	struct world *w = *state;

	assert_null(hook(w)); /* of a sample that never came */
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	w->hook.ts++; /* the same memory, another packet */
	assert_null(hook(w));
	w->hook.ts--;
	w->hook.fn = FN_BR_FORWARD; /* it was not there that this one died */
	assert_null(hook(w));
	w->hook.fn = FN_MAX + 7;
	assert_null(hook(w));
	assert_false(the_group(w)->explained);
	/* the ring of samples has moved on */
	w->hook.fn = FN_NF_HOOK_SLOW;
	for (int i = 0; i < EXPLAIN_RECENT; i++) {
		w->sample.ts = 1000 + (uint64_t)i;
		explain_drop(&w->explain, &w->table, w->group, &w->sample);
	}
	assert_null(hook(w));
}

static void test_families_and_hooks(void **state)
{
	static const struct {
		uint8_t pf, hook;
		const char *family;
		enum nf_hook want;
	} cases[] = {
		{NFPROTO_IPV6, NF_INET_LOCAL_IN, "ip6", HOOK_INPUT},
		{NFPROTO_BRIDGE, NF_INET_PRE_ROUTING, "bridge", HOOK_PREROUTING},
		{NFPROTO_BRIDGE, NF_INET_LOCAL_OUT, "bridge", HOOK_OUTPUT},
		{NFPROTO_ARP, NF_ARP_IN, "arp", HOOK_INPUT},
		{NFPROTO_ARP, NF_ARP_OUT, "arp", HOOK_OUTPUT},
		{NFPROTO_ARP, NF_ARP_FORWARD, "arp", HOOK_FORWARD},
		{NFPROTO_NETDEV, NF_NETDEV_INGRESS, "netdev", HOOK_INGRESS},
		{NFPROTO_IPV4, 200, "ip", HOOK_NONE},
	};
	struct world *w = *state;

	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w->hook.pf = cases[i].pf;
		w->hook.hook = cases[i].hook;
		the_group(w)->hook_seen = false; /* a first sample */
		assert_non_null(hook(w));
		assert_int_equal(the_group(w)->hook, cases[i].want);
		assert_string_equal(the_group(w)->hook_family, cases[i].family);
	}
	w->hook.pf = 250;
	the_group(w)->hook_seen = false;
	hook(w);
	assert_null(the_group(w)->hook_family);
}

static void test_bridge_port(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	strcpy(g->reason, "NOT_SPECIFIED");
	g->key.l3 = 0x0800;
	g->stack[0].name = "br_forward";
	g->stack[1].name = "br_handle_frame_finish";
	g->loc = g->stack[0];
	g->in_ifindex = g->out_ifindex = 3;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_true(w->explain.arming[PROBES_BRIDGE].asked_ns);
	assert_false(w->explain.arming[PROBES_NETFILTER].asked_ns);
	w->hook.fn = FN_BR_FORWARD;
	w->hook.has_hook = 0;
	w->hook.verdict.fn = FN_MAX;
	w->hook.has_port = 1;
	w->hook.port_state = BR_STATE_FORWARDING;
	w->hook.port_flags = 1U << 16;
	w->hook.out_ifindex = 5;
	strcpy(w->hook.out, "vethb");
	strcpy(w->hook.bridge, "cni0");
	w->hook.fn = FN_BR_HANDLE_FRAME_FINISH; /* the outer one tells less */
	w->hook.has_port = 0;
	assert_non_null(hook(w));
	assert_false(g->way_told); /* br_forward() may have no program */
	w->explain.sees_ports = true;
	assert_non_null(hook(w));
	assert_true(g->way_told); /* it would have told before */
	g->way_told = w->explain.sees_ports = false;
	g->decided_by = NULL;
	w->hook.fn = FN_BR_FORWARD;
	assert_non_null(hook(w)); /* without BTF of its module */
	assert_false(g->way_told);
	w->hook.has_port = 1;
	assert_non_null(hook(w));
	assert_true(g->way_told);
	assert_string_equal(g->decided_by, "br_forward");
	assert_string_equal(g->out, "vethb");
	assert_string_equal(g->bridge, "cni0");
	assert_true(g->port.known && g->port.isolated && !g->port.hairpin);
	assert_null(g->verdict.function);
}

/* A tunnel's packet in the output hook still has the tunnel's device. */
static void test_output_devices(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);
	struct fake_netns *node = &w->host.netns[0];
	struct link *vx = fake_link(node, 5, "vx0", "vxlan");
	struct sample *s = &w->sample;

	fake_link(node, 2, "eth0", "");
	fake_link(node, 3, "br0", "bridge");
	vx->master = 3;
	vx->port.known = true;
	g->netns = 7;
	g->hook = HOOK_OUTPUT;
	g->hook_family = "ip";
	s->key.ifindex = 5;
	s->key.flags = NETNS_FROM_DEV;
	strcpy(s->dev_name, "vx0");
	s->oif = 2;
	describe_interfaces(g, s, &w->host.base);
	assert_string_equal(g->out, "eth0");
	assert_int_equal(g->out_ifindex, 2);
	assert_string_equal(g->bridge, "");
	assert_false(doubt_iface(g));
	/* its route leads out of another namespace */
	s->oif = 0;
	g->out[0] = '\0';
	describe_interfaces(g, s, &w->host.base);
	assert_string_equal(g->out, "");
	assert_true(doubt_iface(g));
	/* without a device, the sample has the route's */
	s->oif = s->key.ifindex = 2;
	s->key.flags = NETNS_FROM_DST;
	strcpy(s->dev_name, "eth0");
	describe_interfaces(g, s, &w->host.base);
	assert_string_equal(g->out, "eth0");
	assert_int_equal(g->out_ifindex, 2);
	/* a bridge's frame has its port there */
	g->hook_family = "bridge";
	s->key.ifindex = 5;
	s->key.flags = NETNS_FROM_DEV;
	strcpy(s->dev_name, "vx0");
	describe_interfaces(g, s, &w->host.base);
	assert_string_equal(g->out, "vx0");
	assert_string_equal(g->bridge, "br0");
	/* which hook it is, only the record tells */
	g->hook = HOOK_NONE;
	g->hook_family = NULL;
	assert_true(doubt_iface(g));
	w->hook.hook = NF_INET_LOCAL_OUT;
	w->hook.in[0] = '\0';
	w->hook.out_ifindex = 2;
	explain_drop(&w->explain, &w->table, w->group, s);
	assert_ptr_equal(hook(w), g);
	assert_string_equal(g->out, "eth0");
	assert_int_equal(g->out_ifindex, 2);
	assert_string_equal(g->bridge, "");
	assert_has(g->path, "ip output hook → eth0 ✗");
	assert_false(doubt_iface(g));
	strcpy(w->hook.out, "eth1"); /* the first stands */
	assert_ptr_equal(hook(w), g);
	assert_string_equal(g->out, "eth0");
}

/* Where br_netfilter runs the hook of IP, it has the bridge: the ports are worth more. */
static void test_devices_of_a_bridged_frame(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	g->stack[2].name = "br_nf_forward";
	strcpy(g->in, "vetha");
	strcpy(g->out, "vethb");
	strcpy(g->bridge, "cni0");
	strcpy(w->hook.out, "cni0");
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	assert_ptr_equal(hook(w), g);
	assert_string_equal(g->in, "vetha");
	assert_string_equal(g->out, "vethb");
	assert_string_equal(g->bridge, "cni0");
	/* and a packet that is routed between two has none of the ports */
	g->hook_seen = false;
	g->stack[2].name = "ip_forward";
	assert_ptr_equal(hook(w), g);
	assert_string_equal(g->in, "cni0");
}

/* A bridge's function stands outside of all that a frame goes through on its own node. */
static void test_what_is_around_did_not_decide(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);
	static const char *const stack[] = {"ip_error", "__netif_receive_skb_one_core",
					    "br_handle_frame_finish"};

	strcpy(g->reason, "IP_INADDRERRORS");
	for (int i = 0; i < 3; i++)
		g->stack[i].name = stack[i];
	g->loc = g->stack[0];
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	w->hook.fn = FN_BR_HANDLE_FRAME_FINISH;
	w->hook.has_hook = 0;
	assert_null(hook(w));
	assert_null(g->decided_by);
	g->stack[1].name = "nf_hook_slow";
	assert_non_null(hook(w));
}

/* Where addresses are hidden no function is seen in the stack, but a hook's drop is one for sure.
 */
static void test_hidden_addresses(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	for (int i = 0; i < g->n_stack; i++)
		g->stack[i].name = NULL;
	g->loc.name = NULL;
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	w->hook.fn = FN_BR_FORWARD;
	assert_null(hook(w));
	w->hook.fn = FN_NF_HOOK_SLOW;
	assert_non_null(hook(w));
	assert_int_equal(g->hook, HOOK_FORWARD);
}

/* One family's programs do not wait for another's. */
static void test_other_family_comes_later(void **state)
{
	struct world *w = *state;

	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	w->explain.armed_ns[PROBES_BRIDGE] = w->sample.ts + 1;
	assert_non_null(hook(w));
}

/* A tail call leaves the function that freed the packet out of the stack: only its caller is seen.
 */
static void test_function_that_is_not_on_the_stack(void **state)
{
	struct world *w = *state;
	struct group *g = the_group(w);

	strcpy(g->reason, "NOT_SPECIFIED");
	g->stack[0].name = "br_handle_frame_finish";
	g->loc = g->stack[0];
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	w->hook.fn = FN_BR_FORWARD;
	assert_null(hook(w));
	g->loc_traced = true;
	g->loc.name = "kretprobe_trampoline"; /* as where stacks end there, before 5.15 */
	assert_non_null(hook(w));
	assert_string_equal(g->decided_by, "br_forward");
	assert_string_equal(g->loc.name, "br_forward");
	assert_false(doubt_place(g));
	w->hook.fn = FN_NF_HOOK_SLOW;
	hook(w);
	assert_string_equal(g->loc.name, "br_forward");
	/* another packet of the group, in another function */
	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	w->hook.fn = FN_BR_FLOOD;
	assert_non_null(hook(w));
	assert_true(doubt_place(g));
}

/* One of the programs was not there yet: what the others saw is not the whole. */
static void test_half_armed(void **state)
{
	struct world *w = *state;

	explain_drop(&w->explain, &w->table, w->group, &w->sample);
	w->explain.armed_ns[PROBES_NETFILTER] = w->sample.ts + 1;
	assert_null(hook(w));
	assert_false(the_group(w)->explained);
	w->explain.armed_ns[PROBES_NETFILTER] = w->sample.ts;
	w->explain.disarmed_ns[PROBES_NETFILTER] = w->sample.ts; /* or was not there any more */
	assert_null(hook(w));
	w->explain.disarmed_ns[PROBES_NETFILTER] = w->sample.ts + 1;
	assert_non_null(hook(w));
}

/* Drops of `n` groups that differ in their port, each of which a hook program explains where it may
 * be armed; returns how many asked for that. */
static int scan(struct world *w, uint16_t first, int n, uint32_t in_ifindex)
{
	int asked = 0;

	for (int i = 0; i < n; i++) {
		struct drop_key key = {.location = 1,
				       .netns = 7,
				       .port = (uint16_t)(first + i),
				       .ifindex = in_ifindex};
		size_t id = table_group(&w->table, SAMPLE_DROP, &key, false);
		struct group *g = &w->table.groups[id];

		strcpy(g->reason, "NETFILTER_DROP");
		g->in_ifindex = in_ifindex;
		g->hook = HOOK_FORWARD;
		g->loc.name = "nf_hook_slow";
		g->loc_traced = true;
		w->explain.arming[PROBES_NETFILTER].asked_ns = 0;
		w->sample.ts = ++w->hook.ts;
		explain_drop(&w->explain, &w->table, id, &w->sample);
		if (!w->explain.arming[PROBES_NETFILTER].asked_ns)
			continue;
		asked++;
		assert_non_null(hook(w));
	}
	return asked;
}

/* Of a thousand ports that a scan tries, a few tell enough. */
static void test_a_scan_stops_asking(void **state)
{
	struct world *w = *state;

	assert_in_range(scan(w, 1, 200, 3), 1, 20);
	/* what comes in elsewhere is another matter */
	assert_in_range(scan(w, 1000, 200, 4), 1, 20);
}

/* What was explained in the morning is no reason not to look in the evening. */
static void test_a_place_asks_again_later(void **state)
{
	struct world *w = *state;

	assert_in_range(scan(w, 1, 200, 3), 1, 20);
	assert_int_equal(scan(w, 1000, 200, 3), 0);
	for (size_t i = 0; i < EXPLAIN_TOLD; i++)
		w->explain.told[i].at_ns -= w->explain.told[i].at_ns ? 61 * SEC : 0;
	assert_in_range(scan(w, 2000, 200, 3), 1, 20);
}

static void test_hopeless_groups_stop_asking(void **state)
{
	struct world *w = *state;
	int asked = 0;

	for (int i = 0; i < 100; i++) {
		w->explain.arming[PROBES_NETFILTER].asked_ns = 0;
		explain_drop(&w->explain, &w->table, w->group, &w->sample);
		asked += w->explain.arming[PROBES_NETFILTER].asked_ns != 0;
	}
	assert_in_range(asked, 5, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off_without_a_drop),
		cmocka_unit_test(test_armed_at_once_and_held),
		cmocka_unit_test(test_held_once_attached),
		cmocka_unit_test(test_an_old_question_is_none),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_duty),
		cmocka_unit_test_setup_teardown(test_join, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verdicts_differ, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_around_did_not_decide, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_hidden_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_family_comes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_of_one_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_record_of_a_tail_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_verdict_of_another_hook, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frame_hook, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_netfilters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_families_and_hooks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridge_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output_devices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices_of_a_bridged_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_function_that_is_not_on_the_stack, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_half_armed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_scan_stops_asking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_place_asks_again_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hopeless_groups_stop_asking, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
