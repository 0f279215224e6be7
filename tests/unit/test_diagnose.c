// SPDX-License-Identifier: GPL-2.0-only
/* Faults against a node made of arrays: each one's finding, and the healthy or unreadable states
 * that must not give it. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "describe.h"
#include "diagnose.h"
#include "fake_node.h"
#include "noise.h"
#include "rules/rule.h"
#include "util.h"

/* As if nothing had been diagnosed yet. */
static void start_again(struct lab *l)
{
	diagnose_free(&l->d);
	l->d = (struct diagnosis){.faults = fault_catalogue, .host = &l->h.base};
	l->groups[0].finding = -1;
}

static struct group *forward_drop(struct lab *l)
{
	struct group *g = drop(l, 0, "IP_INADDRERRORS", "ip_error", NODE);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.2.2", 80);
	g->in_ifindex = CNI0;
	return g;
}

static void test_ip_forward_off(void **state)
{
	struct lab *l = *state;

	forward_drop(l);
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	assert_string_equal(l->d.findings[0].fix[0].text, "sysctl -w net.ipv4.ip_forward=1");
	assert_int_equal(l->d.findings[0].packets, 10);
}

/* What could not be proven is to be told from what nothing suspects. */
static void test_suspicious(void **state)
{
	struct lab *l = *state;
	struct group *g = forward_drop(l);

	fake_sysctl(l->node, "net/ipv4/ip_forward", "1");
	diagnose_group(&l->d, g);
	assert_int_equal(g->finding, -1);
	assert_true(g->suspicious);
	snprintf(g->reason, sizeof(g->reason), "TCP_OVERWINDOW");
	g->loc.name = "tcp_validate_incoming";
	diagnose_group(&l->d, g);
	assert_int_equal(g->finding, -1);
	assert_false(g->suspicious);
}

/* The inode number of a netns that is gone is given to the next one: no command must run there. */
static void test_finding_keeps_the_name_of_its_netns(void **state)
{
	struct lab *l = *state;
	const struct finding *f;
	bool gone;

	l->node->name = "node1";
	forward_drop(l);
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	f = &l->d.findings[0];
	assert_string_equal(finding_netns_name(f, &l->h.base, &gone), "node1");
	assert_false(gone);
	l->node->name = "another";
	assert_string_equal(finding_netns_name(f, &l->h.base, &gone), "node1");
	assert_true(gone);
}

/* Of a netns that only a process held, a name may come later. */
static void test_finding_takes_a_better_name(void **state)
{
	struct lab *l = *state;
	bool gone;

	l->node->name = "pid 42 (pause)";
	forward_drop(l);
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	l->node->name = "pod-a";
	assert_string_equal(finding_netns_name(&l->d.findings[0], &l->h.base, &gone), "pod-a");
	assert_false(gone);
}

static void test_ip_forward_off_interface(void **state)
{
	struct lab *l = *state;

	forward_drop(l);
	fake_sysctl(l->node, "net/ipv4/conf/cni0/forwarding", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	assert_string_equal(l->d.findings[0].fix[0].text,
			    "sysctl -w net.ipv4.conf.cni0.forwarding=1");
}

/* Since 6.17 one interface may be exempt. */
static void test_ip6_forward_off(void **state)
{
	struct lab *l = *state;
	struct group *g = forward_drop(l);

	g->loc.name = "ip6_forward";
	set_flow(g, IPPROTO_UDP, "fd00:1::2", 1000, "fd00:2::2", 53);
	fake_route(l->node, "fd00:2::/64", NULL, FLANNEL);
	fake_sysctl(l->node, "net/ipv6/conf/all/forwarding", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	start_again(l);
	fake_sysctl(l->node, "net/ipv6/conf/cni0/force_forwarding", "1");
	assert_null(diagnose(l, 1));
}

/* A Service whose backend is the pod's neighbour: out by the bridge that it came in by. */
static void test_ip_forward_back_by_the_bridge(void **state)
{
	struct lab *l = *state;
	struct group *g = forward_drop(l);

	g->flow.dst = an_addr("10.244.1.3");
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	assert_has(l->d.findings[0].summary, "through cni0 again");
	/* no bridge of pods: a stray packet that the switch sent to the wrong host */
	start_again(l);
	g->in_ifindex = ETH0;
	g->flow.dst = an_addr("192.168.77.9");
	assert_null(diagnose(l, 1));
}

/* AWS's CNI and Calico: the pod's gateway is an address that nobody has. */
static void test_ip_forward_of_a_veth(void **state)
{
	struct lab *l = *state;
	struct group *g = forward_drop(l);
	struct link *eni = fake_link(l->node, LAN0, "eni1", "veth");
	struct fake_netns *pod = fake_netns(&l->h, 1003, "pod-c");
	struct link *eth = fake_link(pod, 2, "eth0", "veth");

	eni->peer_is_away = eth->peer_is_away = true;
	eni->peer = 2;
	eni->peer_netns = 1003;
	eth->peer = LAN0;
	eth->peer_netns = NODE;
	fake_route(pod, "169.254.1.1/32", NULL, 2);
	fake_route(l->node, "203.0.113.0/24", "192.168.77.10", ETH0);
	g->in_ifindex = LAN0;
	g->flow.dst = an_addr("203.0.113.9");
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_null(diagnose(l, 1)); /* it is nobody's way out */
	start_again(l);
	fake_route(pod, "0.0.0.0/0", "169.254.1.1", 2);
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
}

/* Each switch in a file of its own: that of IPv6 must not take the place of IPv4's. */
static void test_ip_forward_for_good(void **state)
{
	struct lab *l = *state;

	forward_drop(l);
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	/* the node's files are not those of another namespace */
	assert_int_equal(l->d.findings[0].fix[1].when, FIX_ADVICE);
	assert_has(l->d.findings[0].fix[1].text, "net.ipv4.ip_forward=1 in whatever sets up node1");
	start_again(l);
	l->node->name = "host";
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	assert_has(l->d.findings[0].summary, "this node does not forward IPv4");
	assert_string_equal(l->d.findings[0].place, "host/net/ipv4/ip_forward");
	assert_int_equal(l->d.findings[0].fix[1].when, FIX_PERSIST);
	assert_string_equal(l->d.findings[0].fix[1].text,
			    "printf '%s\\n' net.ipv4.ip_forward=1 > "
			    "/etc/sysctl.d/99-zz-net.ipv4.ip_forward.conf");
	start_again(l);
	fake_sysctl(l->node, "net/ipv4/ip_forward", "1");
	snprintf(l->node->links[1].name, sizeof(l->node->links[1].name), "cni$0.1");
	fake_sysctl(l->node, "net/ipv4/conf/cni$0.1/forwarding", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
	assert_string_equal(l->d.findings[0].fix[1].text,
			    "printf '%s\\n' 'net/ipv4/conf/cni$0.1/forwarding=1' > "
			    "'/etc/sysctl.d/99-zz-net.ipv4.conf.cni$0.1.forwarding.conf'");
}

static void test_ip_forward_old_kernel(void **state)
{
	struct lab *l = *state;

	snprintf(forward_drop(l)->reason, 48, "NOT_SPECIFIED");
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
}

static void test_ip_forward_unreadable(void **state)
{
	struct lab *l = *state;

	forward_drop(l);
	l->node->sysctl_err = -EACCES;
	assert_finding(l, 1, "ip-forward-off", STATUS_SUSPECTED);
}

/* A stray packet in a pod, which forwards nothing and need not. */
static void test_ip_forward_not_a_router(void **state)
{
	struct lab *l = *state;
	struct group *g = forward_drop(l);

	g->netns = POD_A;
	g->in_ifindex = 2;
	fake_sysctl(l->a, "net/ipv4/ip_forward", "0");
	assert_null(diagnose(l, 1));
	assert_int_equal(g->class, CLASS_UNEXPLAINED);
}

/* A host with two networks that is no router: a stray packet for the other one. */
static void test_ip_forward_two_networks(void **state)
{
	struct lab *l = *state;
	struct group *g = forward_drop(l);

	fake_link(l->a, 3, "net1", "");
	fake_route(l->a, "10.9.0.0/24", NULL, 3);
	fake_sysctl(l->a, "net/ipv4/ip_forward", "0");
	g->netns = POD_A;
	g->in_ifindex = 2;
	g->flow.dst = an_addr("10.9.0.5");
	assert_null(diagnose(l, 1));
}

static void test_ip_forward_on(void **state)
{
	struct lab *l = *state;

	forward_drop(l);
	assert_null(diagnose(l, 1));
}

static struct group *bridge_drop(struct lab *l)
{
	struct group *g = drop(l, 0, "NO_SOCKET", "tcp_v4_rcv", POD_A);
	struct ct_entry *e = &l->node->conntrack[l->node->n_conntrack++];

	set_flow(g, IPPROTO_TCP, "10.244.1.3", 8080, "10.244.1.2", 40000);
	g->key.cls = PKT_TCP_SYNACK;
	g->in_ifindex = 2;
	g->has_src_mac = true;
	memcpy(g->src_mac, mac_b, 6);
	e->proto = IPPROTO_TCP;
	e->orig = g->flow;
	e->orig.src = g->flow.dst;
	e->orig.sport = 40000;
	e->orig.dst = an_addr("10.96.0.10");
	e->orig.dport = 80;
	e->reply = g->flow;
	return g;
}

static void test_bridge_nf_off(void **state)
{
	struct lab *l = *state;

	bridge_drop(l);
	fake_sysctl(l->node, "net/bridge/bridge-nf-call-iptables", "0");
	assert_finding(l, 1, "bridge-nf-off", STATUS_CONFIRMED);
	assert_int_equal(l->d.findings[0].netns, NODE);
	assert_has(l->d.findings[0].summary, "10.96.0.10");
}

static void test_bridge_nf_module_missing(void **state)
{
	struct lab *l = *state;

	bridge_drop(l);
	fake_sysctl(l->node, "net/bridge/bridge-nf-call-iptables", NULL);
	assert_finding(l, 1, "bridge-nf-off", STATUS_CONFIRMED);
	assert_string_equal(l->d.findings[0].fix[0].text, "modprobe br_netfilter");
}

static void test_bridge_nf_on_or_flag_set(void **state)
{
	struct lab *l = *state;

	bridge_drop(l);
	assert_null(diagnose(l, 1));
	fake_sysctl(l->node, "net/bridge/bridge-nf-call-iptables", "0");
	l->node->links[1].bridge.nf_call_iptables = true;
	assert_null(diagnose(l, 1));
}

/* A client that died before its SYN-ACK came: no translation, no fault. */
static void test_bridge_nf_no_translation(void **state)
{
	struct lab *l = *state;

	bridge_drop(l);
	fake_sysctl(l->node, "net/bridge/bridge-nf-call-iptables", "0");
	l->node->n_conntrack = 0;
	assert_null(diagnose(l, 1));
	l->node->conntrack_err = -ENODATA;
	assert_finding(l, 1, "bridge-nf-off", STATUS_SUSPECTED);
}

static struct group *vxlan_drop(struct lab *l, const char *src)
{
	struct group *g = drop(l, 0, "NETFILTER_DROP", "nft_do_chain", NODE);

	set_flow(g, IPPROTO_UDP, src, 50000, "192.168.77.1", 8472);
	g->hook = HOOK_INPUT;
	g->hook_family = "ip";
	g->tunnel.present = true;
	g->tunnel.kind = "vxlan";
	g->tunnel.vni = 1;
	return g;
}

static struct rule vxlan_rule(void)
{
	return (struct rule){.family = (char *)"ip",
			     .table = (char *)"fw",
			     .chain = (char *)"input",
			     .handle = 7,
			     .text = (char *)"udp dport 8472 drop"};
}

static void test_vxlan_blocked(void **state)
{
	struct lab *l = *state;

	vxlan_drop(l, "192.168.77.2");
	assert_finding(l, 1, "vxlan-blocked", STATUS_CONFIRMED);
	assert_has(l->d.findings[0].summary, "192.168.77.2");
	assert_has(l->d.findings[0].summary, "8472");
}

/* It may have come with a change of the ruleset after the drop. */
static void test_vxlan_blocked_by_a_newer_rule(void **state)
{
	struct lab *l = *state;
	struct group *g = vxlan_drop(l, "192.168.77.2");
	struct rule rule = vxlan_rule();

	g->rule = &rule;
	g->rule_unsure = true;
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	g->rule_unsure = false;
	assert_finding(l, 1, "vxlan-blocked", STATUS_CONFIRMED);
	g->rule = NULL;
}

static void test_vxlan_stranger_or_other_vni(void **state)
{
	struct lab *l = *state;
	struct group *g = vxlan_drop(l, "203.0.113.7");

	assert_null(diagnose(l, 1));
	g->flow.src = an_addr("192.168.77.2");
	g->tunnel.vni = 99;
	assert_null(diagnose(l, 1));
	g->tunnel.vni = 1;
	g->flow.dport = 8473;
	assert_null(diagnose(l, 1));
}

static struct group *silence(struct lab *l)
{
	struct group *g = drop(l, 0, "", NULL, POD_A);
	struct ct_entry *e = &l->node->conntrack[l->node->n_conntrack++];

	g->kind = SAMPLE_RETRANSMIT;
	g->silent_ms = 6000;
	g->key.cls = PKT_TCP_SYN;
	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.2.2", 80);
	e->proto = IPPROTO_TCP;
	e->orig = g->flow;
	e->reply = g->flow;
	e->reply.src = g->flow.dst;
	e->reply.dst = g->flow.src;
	return g;
}

static void test_silence(void **state)
{
	struct lab *l = *state;

	silence(l);
	l->node->zone = 7; /* a socket has none: wherever the node tracks it */
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	assert_int_equal(l->d.findings[0].packets, 0);
	assert_has(l->d.findings[0].summary, "192.168.77.2");
}

static void test_no_silence(void **state)
{
	struct lab *l = *state;
	struct group *g = silence(l);

	l->node->conntrack[0].status = 2; /* IPS_SEEN_REPLY */
	assert_null(diagnose(l, 1));
	l->node->conntrack[0].status = 0;
	g->sk_err = EHOSTUNREACH;
	assert_null(diagnose(l, 1));
	g->sk_err = 0;
	g->silent_ms = 2000; /* many packets, but of different connections */
	assert_null(diagnose(l, 1));
	g->silent_ms = 6000;
	g->flow.sport = 40001; /* conntrack knows others, not this: it is over */
	assert_null(diagnose(l, 1));
	g->flow.sport = 40000;
	/* and not where something seen here explains it */
	set_flow(drop(l, 1, "QDISC_DROP", "x", NODE), IPPROTO_TCP, "10.244.1.2", 40000,
		 "10.244.2.2", 80);
	assert_null(diagnose(l, 2));
}

/* A netns without rules has no conntrack: what it does not track cannot speak against it. */
static void test_silence_untracked(void **state)
{
	struct lab *l = *state;

	silence(l);
	l->node->n_conntrack = 0;
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
}

/* Looked at later, it may have been answered meanwhile; an entry of conntrack says whether it was.
 */
static void test_silence_looked_at_too_late(void **state)
{
	struct lab *l = *state;
	struct group *g = silence(l);

	g->looked_ms = 30000;
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	assert_false(g->too_late);
	start_again(l);
	g = &l->groups[0];
	l->node->n_conntrack = 0;
	assert_null(diagnose(l, 1));
	assert_true(g->suspicious && g->too_late);
	g->looked_ms = 900;
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	assert_false(g->too_late);
}

static void test_silence_of_submariner(void **state)
{
	struct lab *l = *state;

	silence(l);
	l->node->links[2].vxlan.port = 4800;
	assert_finding(l, 1, "submariner-tunnel-blocked", STATUS_SUSPECTED);
}

/* A policy in the remote pod: others get answers over the same route. */
static void test_no_silence_where_others_answer(void **state)
{
	struct lab *l = *state;
	struct ct_entry *e;

	silence(l);
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_tcp_timeout_established", "432000");
	e = &l->node->conntrack[l->node->n_conntrack++];
	*e = l->node->conntrack[0];
	e->orig.sport = 50000;
	e->orig.dport = 8080;
	e->tcp_state = 3;
	e->status = 2;
	e->timeout = 431998;
	assert_null(diagnose(l, 1));
	e->timeout = 431900; /* idle since before */
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	start_again(l);
	l->groups[0].looked_ms = 100000; /* then it was since the silence began, before the look */
	assert_null(diagnose(l, 1));
}

/* The same, told by a question of DNS: an answered UDP flow that lives on may ask in vain by now.
 */
static void test_no_silence_where_udp_is_answered(void **state)
{
	struct lab *l = *state;
	struct ct_entry *e;

	silence(l);
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_udp_timeout", "30");
	e = &l->node->conntrack[l->node->n_conntrack++];
	*e = l->node->conntrack[0];
	e->proto = IPPROTO_UDP;
	e->orig.proto = e->reply.proto = IPPROTO_UDP;
	e->orig.sport = 50000;
	e->orig.dport = 53;
	e->status = 2; /* IPS_SEEN_REPLY */
	e->timeout = 28;
	assert_null(diagnose(l, 1));
	/* what the others ask and get answered here comes in, which does not show that this goes
	 * out */
	e->reply = e->orig;
	e->orig.src = e->reply.dst;
	e->orig.dst = e->reply.src;
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	start_again(l);
	e->orig = e->reply;
	e->reply.src = e->orig.dst;
	e->reply.dst = e->orig.src;
	assert_null(diagnose(l, 1));
	e->status = 2 | 4; /* IPS_ASSURED */
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	start_again(l);
	e->status = 2;
	e->timeout = 25; /* the answer may be older than the silence */
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
}

static void add_cidr(struct fake_netns *n, const char *cidr)
{
	struct known_cidr *c = &n->cidrs[n->n_cidrs++];

	c->net = a_cidr(cidr);
	snprintf(c->source, sizeof(c->source), "test");
}

static struct group *unresolved(struct lab *l)
{
	struct group *g = drop(l, 0, "NEIGH_FAILED", "neigh_invalidate", NODE);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.2.2", 80);
	add_cidr(l->node, "10.244.0.0/16");
	g->key.ifindex = LAN0;
	return g;
}

static void test_pod_cidr_conflict(void **state)
{
	struct lab *l = *state;

	unresolved(l);
	fake_link(l->node, LAN0, "lan0", "");
	fake_route(l->node, "10.244.2.0/25", NULL, LAN0)->protocol = RTPROT_BOOT;
	assert_finding(l, 1, "pod-cidr-conflict", STATUS_CONFIRMED);
	assert_string_equal(l->d.findings[0].fix[0].text, "ip route del 10.244.2.0/25 dev lan0");
}

/* The packets that waited with the one that NEIGH_FAILED is about. */
static void test_pod_cidr_conflict_purged(void **state)
{
	struct lab *l = *state;

	snprintf(unresolved(l)->reason, sizeof(l->groups[0].reason), "QUEUE_PURGE");
	fake_link(l->node, LAN0, "lan0", "");
	fake_route(l->node, "10.244.2.0/25", NULL, LAN0)->protocol = RTPROT_BOOT;
	assert_finding(l, 1, "pod-cidr-conflict", STATUS_CONFIRMED);
}

static void test_pod_cidr_conflict_network(void **state)
{
	struct lab *l = *state;

	unresolved(l);
	fake_link(l->node, LAN0, "lan0", "");
	fake_addr(l->node, LAN0, "10.244.2.100/25");
	fake_route(l->node, "10.244.2.0/25", NULL, LAN0)->protocol = RTPROT_KERNEL;
	assert_finding(l, 1, "pod-cidr-conflict", STATUS_CONFIRMED);
	assert_string_equal(l->d.findings[0].fix[0].text,
			    "ip route replace 10.244.2.2 via 10.244.2.0 dev flannel.1 onlink");
}

/* A pod that is gone, on this node or the other: nothing overlaps. */
static void test_deleted_pod(void **state)
{
	struct lab *l = *state;
	struct group *g = unresolved(l);

	assert_null(diagnose(l, 1));
	g->flow.dst = an_addr("10.244.1.77");
	assert_null(diagnose(l, 1));
}

/* A wide network around the Pod CIDR, and a deleted pod. */
static void test_wide_network(void **state)
{
	struct lab *l = *state;
	struct group *g = unresolved(l);

	fake_addr(l->node, ETH0, "10.0.0.5/8");
	fake_route(l->node, "10.0.0.0/8", NULL, ETH0)->protocol = RTPROT_KERNEL;
	g->flow.dst = an_addr("10.244.1.77");
	g->key.ifindex = CNI0;
	assert_null(diagnose(l, 1));
}

/* The network is as wide as the cluster's: a host of it may be meant, or a deleted pod. */
static void test_same_network(void **state)
{
	struct lab *l = *state;
	struct group *g = unresolved(l);

	fake_link(l->node, LAN0, "lan0", "");
	fake_addr(l->node, LAN0, "10.244.0.9/16");
	fake_route(l->node, "10.244.0.0/16", NULL, LAN0)->protocol = RTPROT_KERNEL;
	g->flow.dst = an_addr("10.244.1.77");
	g->key.ifindex = CNI0;
	assert_finding(l, 1, "pod-cidr-conflict", STATUS_SUSPECTED);
	assert_int_equal(l->d.findings[0].fix[0].when, FIX_ADVICE);
}

/* The way to the other nodes' pods, through a router that has them all: the cluster's own. */
static void test_route_to_the_cluster(void **state)
{
	struct lab *l = *state;
	struct group *g = unresolved(l);

	l->node->n_routes--; /* no overlay */
	fake_route(l->node, "10.244.0.0/16", "192.168.77.254", ETH0);
	g->flow.dst = an_addr("10.244.1.77");
	g->key.ifindex = CNI0;
	assert_null(diagnose(l, 1));
}

/* In a pod, and on a machine that has no pods, nothing conflicts. */
static void test_conflict_needs_a_node(void **state)
{
	struct lab *l = *state;
	struct group *g = unresolved(l);

	fake_route(l->a, "10.244.1.0/24", NULL, 2);
	add_cidr(l->a, "10.244.0.0/16");
	g->netns = POD_A;
	g->flow.dst = an_addr("10.244.1.77");
	g->key.ifindex = 2;
	assert_null(diagnose(l, 1));
}

/* macvlan, or a cloud whose pods live in the node's own network: the CNI claims nothing. */
static void test_pods_in_own_network(void **state)
{
	struct lab *l = *state;
	struct group *g = unresolved(l);

	add_cidr(l->node, "192.168.77.0/24");
	g->flow.dst = an_addr("192.168.77.99");
	g->key.ifindex = ETH0;
	assert_null(diagnose(l, 1));
}

/* A route that another table has is not deleted from this one. */
static void test_conflict_in_other_table(void **state)
{
	struct lab *l = *state;

	unresolved(l);
	fake_link(l->node, LAN0, "lan0", "");
	fake_route(l->node, "10.244.2.0/25", NULL, LAN0)->table = 100;
	assert_finding(l, 1, "pod-cidr-conflict", STATUS_CONFIRMED);
	assert_int_equal(l->d.findings[0].fix[0].when, FIX_ADVICE);
	assert_has(l->d.findings[0].fix[0].text, "table 100");
}

/* Two addresses need two commands, in one finding. */
static void test_conflict_of_two_addresses(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 1, "NEIGH_FAILED", "neigh_invalidate", NODE);

	unresolved(l);
	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.2.3", 80);
	g->key.ifindex = LAN0;
	fake_link(l->node, LAN0, "lan0", "");
	fake_addr(l->node, LAN0, "10.244.2.100/25");
	fake_route(l->node, "10.244.2.0/25", NULL, LAN0)->protocol = RTPROT_KERNEL;
	assert_finding(l, 2, "pod-cidr-conflict", STATUS_CONFIRMED);
	assert_has(l->d.findings[0].fix[0].text, "10.244.2.2 ");
	assert_has(l->d.findings[0].fix[l->d.findings[0].n_fix - 1].text, "10.244.2.3 ");
}

/* A network closed on purpose stays closed; the node's way out must be open. */
static void test_closed_interface(void **state)
{
	struct lab *l = *state;
	struct group *g = forward_drop(l);

	g->in_ifindex = ETH0;
	set_flow(g, IPPROTO_TCP, "192.168.77.10", 80, "10.244.1.2", 40000);
	fake_sysctl(l->node, "net/ipv4/conf/eth0/forwarding", "0");
	assert_null(diagnose(l, 1));
	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	assert_finding(l, 1, "ip-forward-off", STATUS_CONFIRMED);
}

/* A closed UDP port is an everyday thing: it takes the proof. */
static void test_bridge_nf_closed_port(void **state)
{
	struct lab *l = *state;
	struct group *g = bridge_drop(l);

	g->key.proto = g->flow.proto = IPPROTO_UDP;
	g->key.cls = PKT_UDP;
	g->loc.name = "__udp4_lib_rcv";
	fake_sysctl(l->node, "net/bridge/bridge-nf-call-iptables", "0");
	l->node->conntrack_err = -ENODATA;
	assert_null(diagnose(l, 1));
}

/* A CNI that routes natively has routes for Pod CIDRs through the nodes' own network. */
static void test_native_routing(void **state)
{
	struct lab *l = *state;

	unresolved(l);
	l->node->n_routes = 2;
	fake_route(l->node, "10.244.2.0/24", "192.168.77.2", ETH0);
	assert_null(diagnose(l, 1));
}

/* A device that is told the other end per packet knows no VTEPs, and anybody may scan its port. */
static void test_vxlan_of_strangers(void **state)
{
	struct lab *l = *state;
	struct group *g = vxlan_drop(l, "203.0.113.7");
	struct rule rule = vxlan_rule();

	g->rule = &rule;
	l->node->links[2].vxlan.external = true;
	l->node->n_neighs = 0;
	g->tunnel.present = false;
	assert_null(diagnose(l, 1)); /* no VXLAN at all */
	g->tunnel.present = true;
	assert_null(diagnose(l, 1)); /* with nothing in it */
	g->tunnel.inner.l3 = ETHERTYPE_IP;
	g->tunnel.inner.src = an_addr("10.244.7.7");
	g->tunnel.inner.dst = an_addr("10.244.1.2");
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	assert_int_equal(l->d.findings[0].fix[0].when, FIX_ADVICE);
	assert_has(l->d.findings[0].fix[0].text,
		   "only if 203.0.113.7 is a node of this cluster: nft insert rule ip fw input");
	g->rule = NULL;
}

static struct group *submariner_drop(struct lab *l, uint8_t proto, uint16_t port)
{
	struct group *g = drop(l, 0, "NETFILTER_DROP", "nf_hook_slow", NODE);

	set_flow(g, proto, "192.168.77.2", port, "192.168.77.1", port);
	g->verdict.function = "ipt_do_table";
	return g;
}

static void test_submariner(void **state)
{
	struct lab *l = *state;
	struct link *dev;

	submariner_drop(l, IPPROTO_UDP, 4500);
	assert_null(diagnose(l, 1)); /* nobody listens */
	l->node->sockets[l->node->n_sockets++].port = 4500;
	assert_finding(l, 1, "submariner-tunnel-blocked", STATUS_SUSPECTED);
	diagnose_free(&l->d);
	dev = fake_link(l->node, 9, "vx-submariner", "vxlan");
	dev->vxlan.port = 4800;
	assert_finding(l, 1, "submariner-tunnel-blocked", STATUS_CONFIRMED);
}

static void test_submariner_esp(void **state)
{
	struct lab *l = *state;
	struct link *dev;

	submariner_drop(l, IPPROTO_ESP, 0);
	assert_null(diagnose(l, 1)); /* neither Submariner nor IPsec */
	dev = fake_link(l->node, 9, "vx-submariner", "vxlan");
	dev->vxlan.port = 4800;
	assert_finding(l, 1, "submariner-tunnel-blocked", STATUS_SUSPECTED);
	diagnose_free(&l->d);
	l->node->xfrm = 1;
	assert_finding(l, 1, "submariner-tunnel-blocked", STATUS_CONFIRMED);
}

/* A gateway is scanned, too. But whom it sends to itself is another gateway. */
static void test_scan_of_a_gateway(void **state)
{
	struct lab *l = *state;
	struct group *g = submariner_drop(l, IPPROTO_UDP, 4500);
	struct link *dev = fake_link(l->node, 9, "vx-submariner", "vxlan");
	struct ct_entry *e;

	dev->vxlan.port = 4800;
	l->node->sockets[l->node->n_sockets++].port = 4500;
	g->flow.src = an_addr("198.51.100.9");
	assert_null(diagnose(l, 1));
	e = &l->node->conntrack[l->node->n_conntrack++];
	e->proto = IPPROTO_UDP;
	e->orig.dst = an_addr("198.51.100.9");
	assert_finding(l, 1, "submariner-tunnel-blocked", STATUS_CONFIRMED);
	diagnose_free(&l->d);
	g->finding = -1;
	l->node->conntrack_err = -EPERM;
	assert_finding(l, 1, "submariner-tunnel-blocked", STATUS_SUSPECTED);
}

/* An Internet scan of a VPN's port is the firewall's everyday work. */
static void test_scan_is_no_fault(void **state)
{
	struct lab *l = *state;
	struct group *g = submariner_drop(l, IPPROTO_UDP, 500);

	l->node->sockets[l->node->n_sockets++].port = 500;
	g->flow.src = an_addr("198.51.100.9");
	assert_null(diagnose(l, 1));
}

static void test_one_finding_for_many_flows(void **state)
{
	struct lab *l = *state;

	for (size_t i = 0; i < 3; i++) {
		struct group *g = drop(l, i, "IP_INADDRERRORS", "ip_error", NODE);

		set_flow(g, IPPROTO_UDP, "10.244.1.2", (uint16_t)(1000 + i), "10.244.2.2", 53);
		g->in_ifindex = CNI0;
		g->first_ns = 100 - i;
		g->last_ns = 200 + i;
	}
	fake_sysctl(l->node, "net/ipv4/ip_forward", "0");
	assert_finding(l, 3, "ip-forward-off", STATUS_CONFIRMED);
	assert_int_equal(l->d.findings[0].packets, 33);
	assert_int_equal(l->d.findings[0].n_groups, 3);
	assert_int_equal(l->d.findings[0].first_ns, 98);
	assert_int_equal(l->d.findings[0].last_ns, 202);
}

static void set_stack(struct group *g, const char *const *names)
{
	size_t n = 0;

	while (names[n])
		n++;
	g->stack = calloc(n, sizeof(*g->stack));
	g->n_stack = (int)n;
	for (size_t i = 0; i < n; i++) {
		g->stack[i].name = names[i];
		g->stack[i].addr = 0xffffffff81000000ULL + i;
	}
	g->key.location = g->stack[1].addr; /* below the tracer's own frame */
}

/* The i-th group, that died where the stack says. */
static enum nf_hook hook_by(struct lab *l, size_t i, const char *reason, const char *const *stack)
{
	struct group *g = drop(l, i, reason, stack[1], NODE);

	set_stack(g, stack);
	describe_hook(g);
	return g->hook;
}

static void test_hook_from_stack(void **state)
{
	static const char *const nft[] = {"bpf_trace_run4",
					  "nft_do_chain",
					  "nft_do_chain_inet",
					  "nf_hook_slow",
					  "ip_local_deliver",
					  "ip_rcv",
					  NULL};
	static const char *const legacy[] = {"bpf_trace_run4", "nf_hook_slow", "ip_forward",
					     "ip_rcv", NULL};
	/* ip_sabotage_in() runs the receive path inside a hook: that hook did not drop it */
	static const char *const sabotage[] = {"bpf_trace_run4", "ip_error", "ip_sabotage_in",
					       "nf_hook_slow",	 "ip_rcv",   NULL};
	struct lab *l = *state;

	assert_int_equal(hook_by(l, 0, "NETFILTER_DROP", nft), HOOK_INPUT);
	assert_string_equal(l->groups[0].hook_family, "ip");
	assert_int_equal(hook_by(l, 1, "NETFILTER_DROP", legacy), HOOK_FORWARD);
	assert_int_equal(hook_by(l, 2, "IP_INADDRERRORS", sabotage), HOOK_NONE);
}

/* The bridge's prerouting hook, which br_handle_frame() runs itself. */
static void test_hook_of_a_frame(void **state)
{
	static const char *const frame[] = {"bpf_trace_run4", "nft_do_chain", "nft_do_chain_bridge",
					    "br_handle_frame", NULL};
	/* no hook: a bad source address, say */
	static const char *const no_hook[] = {"bpf_trace_run4", "br_handle_frame",
					      "__netif_receive_skb_core", NULL};
	/* the input hook of a link-local frame, or the prerouting one of a disabled port */
	static const char *const either[] = {"bpf_trace_run4",	    "nft_do_chain",
					     "nft_do_chain_bridge", "nf_hook_slow",
					     "br_handle_frame",	    NULL};
	struct lab *l = *state;

	assert_int_equal(hook_by(l, 0, "NETFILTER_DROP", frame), HOOK_PREROUTING);
	assert_string_equal(l->groups[0].hook_family, "bridge");
	assert_int_equal(hook_by(l, 1, "NOT_SPECIFIED", no_hook), HOOK_NONE);
	assert_int_equal(hook_by(l, 2, "NETFILTER_DROP", either), HOOK_NONE);
}

/* One function calls the hook of what is forwarded and that of what the node itself sends. */
static void test_hook_of_what_the_node_bridges(void **state)
{
	static const char *const own[] = {
		"bpf_trace_run4", "nft_do_chain", "nft_do_chain_bridge", "nf_hook_slow",
		"__br_forward",	  "br_forward",	  "br_dev_xmit",	 NULL};
	/* and a bridge in another netns, to which it was sent by way of this one */
	static const char *const forwarded[] = {"bpf_trace_run4",
						"nft_do_chain",
						"nft_do_chain_bridge",
						"nf_hook_slow",
						"__br_forward",
						"br_forward",
						"br_handle_frame_finish",
						"br_handle_frame",
						"do_softirq",
						"br_dev_xmit",
						NULL};
	struct lab *l = *state;

	assert_int_equal(hook_by(l, 0, "NETFILTER_DROP", own), HOOK_OUTPUT);
	assert_string_equal(l->groups[0].hook_family, "bridge");
	assert_int_equal(hook_by(l, 1, "NETFILTER_DROP", forwarded), HOOK_FORWARD);
}

/* br_forward() is traced and jumps to the free: the place is where it would have returned to. */
static void test_free_under_a_trampoline(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NOT_SPECIFIED", "bpf_trampoline_6442494", NODE);
	const struct symbol frames[] = {
		{.name = "bpf_trace_run3", .addr = 1, .off = 0x4c},
		{.name = "kfree_skb_reason", .addr = 2, .off = 0x7b},
		{.name = "bpf_trampoline_6442494", .addr = 3, .off = 0x41},
		{.name = "br_forward", .addr = 4, .off = 5},
		{.name = "br_handle_frame_finish", .addr = 5, .off = 0x3fa},
		{.name = "br_handle_frame", .addr = 6, .off = 0x1f1},
	};

	g->key.location = 3;
	describe_frames(g, frames, 6);
	assert_string_equal(g->loc.name, "br_handle_frame_finish");
	assert_true(g->loc_traced);
	assert_int_equal(g->n_stack, 5);
}

/* That of another tracer, which came when the symbols had been read, has no name: it hides neither
 * the hook nor the place. */
static void test_trampoline_without_name(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NOT_SPECIFIED", "nf_hook_slow", NODE);
	const struct symbol in_hook[] = {
		{.name = "kfree_skb", .addr = 1, .off = 0x75},
		{.name = "nf_hook_slow", .addr = 2, .off = 0x93},
		{.addr = 3},
		{.name = "nf_hook_slow", .addr = 4, .off = 5},
		{.name = "__ip_local_out", .addr = 5, .off = 0xd8},
	};
	const struct symbol in_tail_call[] = {
		{.name = "kfree_skb", .addr = 1, .off = 0x75},
		{.addr = 3},
		{.name = "br_forward", .addr = 4, .off = 5},
		{.name = "br_handle_frame_finish", .addr = 5, .off = 0x3fa},
	};
	/* no trampoline: a function of a module that is gone */
	const struct symbol gone[] = {
		{.name = "kfree_skb", .addr = 1, .off = 0x75},
		{.addr = 3},
		{.name = "nf_hook_slow", .addr = 4, .off = 0x3e},
	};
	const struct symbol hidden[] = {{.addr = 1}, {.addr = 2}};

	g->key.location = 2;
	describe_frames(g, in_hook, 5);
	describe_hook(g);
	assert_int_equal(g->n_stack, 3);
	assert_int_equal(g->hook, HOOK_OUTPUT);
	g = drop(l, 1, "NOT_SPECIFIED", NULL, NODE);
	g->key.location = 3;
	describe_frames(g, in_tail_call, 4);
	assert_string_equal(g->loc.name, "br_handle_frame_finish");
	g = drop(l, 2, "NOT_SPECIFIED", NULL, NODE);
	g->key.location = 3;
	describe_frames(g, gone, 3);
	assert_int_equal(g->n_stack, 3);
	assert_null(g->loc.name);
	g = drop(l, 3, "NOT_SPECIFIED", NULL, NODE);
	describe_frames(g, hidden, 2);
	assert_int_equal(g->n_stack, 2);
	assert_null(g->loc.name);
}

/* The task that is current sent it: not what it reads, nor what it does for others. */
static void test_sender_is_who_sent_it(void **state)
{
	struct lab *l = *state;
	const struct symbol frames[] = {
		{.name = "kfree_skb_reason", .addr = 1},
		{.name = "nf_hook_slow", .addr = 2},
		{.name = "__x64_sys_sendto", .addr = 3},
		{.name = "do_syscall_64", .addr = 4},
	};
	const struct symbol polling[] = {
		{.name = "kfree_skb_reason", .addr = 1},     {.name = "ip_forward", .addr = 2},
		{.name = "__napi_poll", .addr = 3},	     {.name = "napi_busy_loop", .addr = 4},
		{.name = "__x64_sys_epoll_wait", .addr = 5},
	};
	struct sample sent = {.tgid = 7, .comm = "curl"}, received = {.tgid = 7, .iif = 2};
	struct group *g = drop(l, 0, "NETFILTER_DROP", "nf_hook_slow", NODE);

	describe_frames(g, frames, 4);
	describe_process(g, &sent);
	assert_true(g->own_context);
	assert_int_equal(g->pid, 7);
	assert_string_equal(g->comm, "curl");
	g = drop(l, 1, "UDP_CSUM", "udp_recvmsg", NODE);
	describe_frames(g, frames, 4);
	describe_process(g, &received);
	assert_false(g->own_context);
	g = drop(l, 2, "IP_INADDRERRORS", "ip_forward", NODE);
	describe_frames(g, polling, 5);
	describe_process(g, &sent);
	assert_false(g->own_context);
}

/* The same by a kretprobe on 5.10, whose stack ends there. */
static void test_free_under_a_kretprobe(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NOT_SPECIFIED", "kretprobe_trampoline", NODE);
	const struct symbol frames[] = {
		{.name = "bpf_trace_run2", .addr = 1, .off = 0x34},
		{.name = "kfree_skb", .addr = 2, .off = 0x75},
		{.name = "kretprobe_trampoline", .addr = 3},
	};

	g->key.location = 3;
	describe_frames(g, frames, 3);
	assert_true(g->loc_traced);
	assert_int_equal(g->n_stack, 2);
}

static void test_noise(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NO_SOCKET", "tcp_v4_rcv", POD_A);

	set_flow(g, IPPROTO_TCP, "10.244.1.3", 80, "10.244.1.2", 40000);
	g->key.cls = PKT_TCP_RST;
	assert_non_null(noise_why(g));
	g->key.cls = PKT_TCP_SYN;
	assert_null(noise_why(g));
	g->key.cls = PKT_TCP_SYNACK;
	assert_null(noise_why(g));
	snprintf(g->reason, sizeof(g->reason), "NETFILTER_DROP");
	g->key.cls = PKT_TCP_RST;
	assert_null(noise_why(g));
	/* no packet, but a question for a route: this program asks them, too */
	snprintf(g->reason, sizeof(g->reason), "NOT_SPECIFIED");
	g->loc.name = "ip_route_input_slow";
	assert_null(noise_why(g));
	g->loc.name = "inet_rtm_getroute";
	assert_non_null(noise_why(g));
}

/* A kernel without reasons: a group that nobody has joined, and a firewall that drops DHCP. */
static void test_noise_to_groups(void **state)
{
	static const char *const quiet[] = {"ip_rcv_finish_core", "br_flood", "vxlan_xmit"};
	static const char *const rules[] = {"nf_hook_slow", "nft_do_chain", "br_handle_frame"};
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NOT_SPECIFIED", "", NODE);

	set_flow(g, IPPROTO_UDP, "10.244.1.3", 68, "255.255.255.255", 67);
	for (size_t i = 0; i < ARRAY_SIZE(quiet); i++) {
		g->loc.name = quiet[i];
		assert_non_null(noise_why(g));
		g->loc.name = rules[i];
		assert_null(noise_why(g));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_ip_forward_off),
		T(test_suspicious),
		T(test_finding_keeps_the_name_of_its_netns),
		T(test_finding_takes_a_better_name),
		T(test_ip_forward_off_interface),
		T(test_ip6_forward_off),
		T(test_ip_forward_back_by_the_bridge),
		T(test_ip_forward_for_good),
		T(test_ip_forward_old_kernel),
		T(test_ip_forward_unreadable),
		T(test_ip_forward_not_a_router),
		T(test_ip_forward_two_networks),
		T(test_ip_forward_on),
		T(test_bridge_nf_off),
		T(test_bridge_nf_module_missing),
		T(test_bridge_nf_on_or_flag_set),
		T(test_bridge_nf_no_translation),
		T(test_vxlan_blocked),
		T(test_vxlan_blocked_by_a_newer_rule),
		T(test_vxlan_stranger_or_other_vni),
		T(test_vxlan_of_strangers),
		T(test_ip_forward_of_a_veth),
		T(test_hook_of_what_the_node_bridges),
		T(test_silence),
		T(test_no_silence),
		T(test_pod_cidr_conflict),
		T(test_pod_cidr_conflict_purged),
		T(test_pod_cidr_conflict_network),
		T(test_deleted_pod),
		T(test_native_routing),
		T(test_silence_untracked),
		T(test_silence_looked_at_too_late),
		T(test_silence_of_submariner),
		T(test_no_silence_where_others_answer),
		T(test_no_silence_where_udp_is_answered),
		T(test_wide_network),
		T(test_route_to_the_cluster),
		T(test_same_network),
		T(test_conflict_needs_a_node),
		T(test_pods_in_own_network),
		T(test_conflict_in_other_table),
		T(test_conflict_of_two_addresses),
		T(test_closed_interface),
		T(test_bridge_nf_closed_port),
		T(test_submariner),
		T(test_submariner_esp),
		T(test_scan_of_a_gateway),
		T(test_scan_is_no_fault),
		T(test_one_finding_for_many_flows),
		T(test_hook_from_stack),
		T(test_hook_of_a_frame),
		T(test_free_under_a_trampoline),
		T(test_free_under_a_kretprobe),
		T(test_trampoline_without_name),
		T(test_sender_is_who_sent_it),
		T(test_noise),
		T(test_noise_to_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
