// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "fake_node.h"

const uint8_t mac_b[6] = {2, 0, 0, 0, 0, 0xb};

static void make_pod(struct fake_netns *pod, const char *cidr, uint32_t peer)
{
	struct link *l = fake_link(pod, 2, "eth0", "veth");

	l->peer = peer;
	l->peer_is_away = true;
	l->peer_netns = NODE;
	fake_addr(pod, 2, cidr);
	fake_route(pod, "0.0.0.0/0", "10.244.1.1", 2);
}

static void make_port(struct fake_netns *node, uint32_t ifindex, const char *name, uint32_t netns)
{
	struct link *l = fake_link(node, ifindex, name, "veth");

	l->master = CNI0;
	l->port.known = true;
	l->peer = 2;
	l->peer_is_away = true;
	l->peer_netns = netns;
}

void add_fdb(struct fake_netns *n, uint32_t ifindex, uint32_t master, const uint8_t *mac,
	     const char *dst)
{
	struct neigh *e = &n->neighs[n->n_neighs++];

	e->fdb = true;
	e->ifindex = ifindex;
	e->master = master;
	memcpy(e->mac, mac, 6);
	e->has_mac = true;
	if (dst)
		e->dst = an_addr(dst);
}

/* A healthy flannel node with two pods. */
int setup(void **state)
{
	struct lab *l = calloc(1, sizeof(*l));
	static const uint8_t remote_mac[6] = {2, 0xff, 0, 0, 0, 2};
	struct link *dev;
	struct neigh *gw;

	fake_host_init(&l->h);
	l->node = fake_netns(&l->h, NODE, "node1");
	l->a = fake_netns(&l->h, POD_A, "pod-a");
	l->b = fake_netns(&l->h, POD_B, "pod-b");
	make_pod(l->a, "10.244.1.2/24", VETH_A);
	make_pod(l->b, "10.244.1.3/24", VETH_B);
	fake_link(l->node, ETH0, "eth0", "");
	fake_link(l->node, CNI0, "cni0", "bridge")->bridge.known = true;
	dev = fake_link(l->node, FLANNEL, "flannel.1", "vxlan");
	dev->vxlan.vni = 1;
	dev->vxlan.port = 8472;
	make_port(l->node, VETH_A, "vetha", POD_A);
	make_port(l->node, VETH_B, "vethb", POD_B);
	fake_addr(l->node, ETH0, "192.168.77.1/24");
	fake_addr(l->node, CNI0, "10.244.1.1/24");
	fake_route(l->node, "192.168.77.0/24", NULL, ETH0)->protocol = RTPROT_KERNEL;
	fake_route(l->node, "10.244.1.0/24", NULL, CNI0)->protocol = RTPROT_KERNEL;
	fake_route(l->node, "10.244.2.0/24", "10.244.2.0", FLANNEL);
	gw = &l->node->neighs[l->node->n_neighs++];
	gw->ifindex = FLANNEL;
	gw->dst = an_addr("10.244.2.0");
	memcpy(gw->mac, remote_mac, 6);
	gw->has_mac = true;
	add_fdb(l->node, FLANNEL, 0, remote_mac, "192.168.77.2");
	add_fdb(l->node, VETH_B, CNI0, mac_b, NULL);
	fake_sysctl(l->node, "net/ipv4/ip_forward", "1");
	fake_sysctl(l->node, "net/ipv4/conf/cni0/forwarding", "1");
	fake_sysctl(l->node, "net/ipv6/conf/all/forwarding", "1");
	fake_sysctl(l->node, "net/bridge/bridge-nf-call-iptables", "1");
	l->d.faults = fault_catalogue;
	l->d.host = &l->h.base;
	*state = l;
	return 0;
}

int teardown(void **state)
{
	struct lab *l = *state;

	for (size_t i = 0; i < 4; i++)
		group_free(&l->groups[i]);
	diagnose_free(&l->d);
	free(l);
	return 0;
}

struct group *drop(struct lab *l, size_t i, const char *reason, const char *where, uint32_t netns)
{
	struct group *g = &l->groups[i];

	g->kind = SAMPLE_DROP;
	g->packets = 10 + i;
	g->has_sample = true;
	g->finding = -1;
	g->netns = g->key.netns = netns;
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	g->loc.name = where;
	return g;
}

void set_flow(struct group *g, uint8_t proto, const char *src, uint16_t sport, const char *dst,
	      uint16_t dport)
{
	g->flow.src = an_addr(src);
	g->flow.dst = an_addr(dst);
	g->flow.l3 = g->key.l3 = g->flow.src.family == AF_INET6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	g->flow.proto = g->key.proto = proto;
	g->flow.has_ports = sport || dport;
	g->flow.sport = sport;
	g->flow.dport = dport;
}

const struct finding *diagnose(struct lab *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		diagnose_group(&l->d, &l->groups[i]);
	diagnose_finish(&l->d, l->groups, n);
	return l->d.n ? &l->d.findings[0] : NULL;
}

void assert_finding(struct lab *l, size_t n, const char *fault, enum status status)
{
	const struct finding *f = diagnose(l, n);

	if (!f)
		fail_msg("no finding, expected %s", fault);
	assert_int_equal(l->d.n, 1);
	assert_string_equal(f->fault->id, fault);
	assert_int_equal(f->status, status);
	assert_true(f->place && f->summary && f->n_evidence && f->n_fix && f->netns);
}
