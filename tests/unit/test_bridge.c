// SPDX-License-Identifier: GPL-2.0-only
/* The faults of bridge ports against a node made of arrays: each one's finding, and the drops and
 * states of healthy bridges that must not give it. */
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>

#include "test.h"

#include "diagnose.h"
#include "fake_host.h"

enum {
	NODE = 1000,
	POD_A = 1001,
	POD_B = 1002
};
enum {
	ETH0 = 2,
	CNI0 = 3,
	VETH_A = 5,
	VETH_B = 6
};

#define MAC(last)                                                                                  \
	{                                                                                          \
		2, 0, 0, 0, 0, last                                                                \
	}
static const uint8_t mac_a[6] = MAC(0xa), mac_b[6] = MAC(0xb), mac_br[6] = MAC(0xcc),
		     mac_far[6] = MAC(0xf), broadcast[6] = {255, 255, 255, 255, 255, 255};

struct lab {
	struct fake_host h;
	struct fake_netns *node, *pods[2];
	struct link *bridge, *uplink, *a, *b; /* the bridge, and its ports */
	struct link *eth[2];		      /* the pods' ends */
	struct group groups[2];
	struct diagnosis d;
};

static struct link *add_port(struct fake_netns *node, uint32_t ifindex, const char *name,
			     const char *kind)
{
	struct link *l = fake_link(node, ifindex, name, kind);

	l->master = CNI0;
	l->mtu = 1450;
	l->flags = IFF_UP | IFF_RUNNING;
	l->port.known = l->port.flood = true;
	l->port.state = BR_STATE_FORWARDING;
	return l;
}

static void add_vlan(struct lab *l, uint32_t ifindex, uint16_t vid, bool pvid)
{
	struct port_vlans *v = &l->node->vlans[l->node->n_vlans++];

	memset(v, 0, sizeof(*v));
	v->ifindex = ifindex;
	vlans_add(v, vid);
	v->pvid = pvid ? vid : 0;
}

static void add_fdb(struct lab *l, uint32_t ifindex, const uint8_t *mac)
{
	struct neigh *e = &l->node->neighs[l->node->n_neighs++];

	e->fdb = e->has_mac = true;
	e->ifindex = ifindex;
	e->master = CNI0;
	memcpy(e->mac, mac, 6);
}

static void add_pod(struct lab *l, size_t i, struct link *port, const uint8_t *mac,
		    const char *cidr)
{
	struct fake_netns *pod = fake_netns(&l->h, POD_A + (uint32_t)i, i ? "pod-b" : "pod-a");
	struct link *eth = fake_link(pod, 2, "eth0", "veth");

	eth->mtu = 1450;
	eth->flags = IFF_UP | IFF_RUNNING;
	eth->peer = port->ifindex;
	eth->peer_is_away = port->peer_is_away = true;
	eth->peer_netns = NODE;
	port->peer = 2;
	port->peer_netns = pod->inode;
	memcpy(eth->mac, mac, 6);
	fake_addr(pod, 2, cidr);
	fake_route(pod, "10.244.1.0/24", NULL, 2);
	fake_route(pod, "0.0.0.0/0", "10.244.1.1", 2);
	add_fdb(l, port->ifindex, mac);
	l->pods[i] = pod;
	l->eth[i] = eth;
}

static int setup(void **state)
{
	struct lab *l = calloc(1, sizeof(*l));

	fake_host_init(&l->h);
	l->node = fake_netns(&l->h, NODE, "node1");
	l->bridge = fake_link(l->node, CNI0, "cni0", "bridge");
	l->bridge->bridge.known = true;
	l->bridge->flags = IFF_UP | IFF_RUNNING;
	l->bridge->mtu = 1450;
	l->bridge->bridge.default_pvid = 1;
	memcpy(l->bridge->mac, mac_br, 6);
	l->uplink = add_port(l->node, ETH0, "eth0", "");
	l->a = add_port(l->node, VETH_A, "vetha", "veth");
	l->b = add_port(l->node, VETH_B, "vethb", "veth");
	add_pod(l, 0, l->a, mac_a, "10.244.1.2/24");
	add_pod(l, 1, l->b, mac_b, "10.244.1.3/24");
	add_fdb(l, ETH0, mac_far);
	fake_addr(l->node, CNI0, "10.244.1.1/24");
	fake_route(l->node, "10.244.1.0/24", NULL, CNI0);
	l->d.faults = fault_catalogue;
	l->d.host = &l->h.base;
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	diagnose_free(&l->d);
	free(l);
	return 0;
}

/* A UDP packet of pod-a to pod-b that died there. */
static struct group *drop(struct lab *l, const char *where, uint32_t dev, const uint8_t *dst_mac)
{
	struct group *g = &l->groups[0];

	memset(g, 0, sizeof(*g));
	g->kind = SAMPLE_DROP;
	g->packets = 10;
	g->has_sample = g->has_src_mac = true;
	g->finding = -1;
	g->netns = g->key.netns = NODE;
	g->key.ifindex = g->in_ifindex = dev;
	g->key.flags = NETNS_FROM_DEV;
	memcpy(g->src_mac, mac_a, 6);
	memcpy(g->dst_mac, dst_mac, 6);
	snprintf(g->reason, sizeof(g->reason), "NOT_SPECIFIED");
	g->loc.name = where;
	g->flow.l3 = g->key.l3 = ETHERTYPE_IP;
	g->flow.proto = g->key.proto = IPPROTO_UDP;
	g->flow.src = an_addr("10.244.1.2");
	g->flow.dst = an_addr("10.244.1.3");
	g->len = 500;
	return g;
}

/* Who has this address? */
static struct group *drop_arp(struct lab *l, const char *where, uint32_t dev, const char *target)
{
	struct group *g = drop(l, where, dev, broadcast);

	g->flow.l3 = g->key.l3 = ETHERTYPE_ARP;
	g->flow.proto = g->key.proto = 0;
	g->flow.icmp_code = 1;
	g->flow.dst = an_addr(target);
	return g;
}

/* What waited in pod-a for an answer to that. */
static struct group *drop_unresolved(struct lab *l, const char *dst)
{
	struct group *g = drop(l, "neigh_invalidate", 2, mac_b);

	snprintf(g->reason, sizeof(g->reason), "NEIGH_FAILED");
	g->has_src_mac = false;
	g->netns = g->key.netns = POD_A;
	g->flow.dst = an_addr(dst);
	return g;
}

static const struct finding *diagnose(struct lab *l)
{
	diagnose_free(&l->d);
	l->groups[0].finding = -1;
	diagnose_group(&l->d, &l->groups[0]);
	diagnose_finish(&l->d, l->groups, 1);
	return l->d.n ? &l->d.findings[0] : NULL;
}

static void assert_none(struct lab *l)
{
	const struct finding *f = diagnose(l);

	if (f)
		fail_msg("%s: %s", f->fault->id, f->summary);
}

/* A finding in the node, and its first command; NULL: advice only. */
static void assert_found(struct lab *l, const char *fault, enum status status, const char *fix)
{
	const struct finding *f = diagnose(l);

	if (!f)
		fail_msg("no finding, expected %s", fault);
	assert_string_equal(f->fault->id, fault);
	assert_int_equal(f->status, status);
	assert_true(f->place && f->summary && f->n_evidence && f->n_fix);
	if (fix)
		assert_string_equal(f->fix[0].text, fix);
	assert_int_equal(f->fix[0].when, fix ? FIX_NOW : FIX_ADVICE);
}

static struct group *drop_reflected(struct lab *l)
{
	struct group *g = drop(l, "br_forward", VETH_A, mac_a);

	g->flow.dst = g->flow.src;
	return g;
}

static void hairpin(void **state)
{
	struct lab *l = *state;

	drop_reflected(l);
	assert_found(l, "bridge-hairpin-off", STATUS_CONFIRMED,
		     "bridge link set dev vetha hairpin on");
	assert_int_equal(l->d.findings[0].netns, NODE);
	l->a->port.hairpin = true;
	assert_none(l);
}

static void hairpin_service(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, "br_handle_frame_finish", VETH_A, mac_a);

	g->has_original = true;
	g->original.dst = an_addr("10.96.0.10");
	g->original.dport = 80;
	assert_found(l, "bridge-hairpin-off", STATUS_CONFIRMED,
		     "bridge link set dev vetha hairpin on");
	assert_has(l->d.findings[0].summary, "10.96.0.10 port 80");
}

/* A switch behind the uplink floods what is for another host there; a bridge inside a pod does the
 * same; and a frame dropped before the bridge looked where it goes proves nothing. */
static void hairpin_not(void **state)
{
	static const uint8_t inner[6] = MAC(0xaa);
	struct lab *l = *state;

	drop(l, "br_forward", ETH0, mac_far);
	assert_none(l);
	l->groups[0].has_original = true;
	assert_none(l);
	add_fdb(l, VETH_A, inner);
	drop_reflected(l);
	memcpy(l->groups[0].dst_mac, inner, 6);
	assert_none(l);
	drop_reflected(l)->loc.name = "br_handle_frame";
	assert_none(l);
}

static void stp(void **state)
{
	struct lab *l = *state;

	l->a->port.state = BR_STATE_DISABLED;
	drop(l, "br_handle_frame", VETH_A, mac_b);
	assert_found(l, "bridge-stp-blocked", STATUS_CONFIRMED,
		     "bridge link set dev vetha state 3");
	drop_arp(l, "br_handle_frame", VETH_A, "10.244.1.1");
	assert_found(l, "bridge-stp-blocked", STATUS_CONFIRMED,
		     "bridge link set dev vetha state 3");
	/* hidden addresses, but a reason that says it all */
	drop(l, NULL, VETH_A, mac_b);
	snprintf(l->groups[0].reason, sizeof(l->groups[0].reason), "BRIDGE_INGRESS_STP_STATE");
	assert_found(l, "bridge-stp-blocked", STATUS_CONFIRMED,
		     "bridge link set dev vetha state 3");
	l->a->port.state = BR_STATE_FORWARDING;
	assert_none(l);
}

static void stp_egress(void **state)
{
	struct lab *l = *state;

	l->b->port.state = BR_STATE_LISTENING;
	drop(l, "br_forward", VETH_A, mac_b);
	assert_found(l, "bridge-stp-blocked", STATUS_CONFIRMED,
		     "bridge link set dev vethb state 3");
	drop_unresolved(l, "10.244.1.3");
	assert_found(l, "bridge-stp-blocked", STATUS_CONFIRMED,
		     "bridge link set dev vethb state 3");
}

/* A loop that the spanning tree breaks, a port that begins, one without a carrier, and a standby
 * uplink that hears what its segment has to say. */
static void stp_not(void **state)
{
	struct lab *l = *state;

	l->a->port.state = BR_STATE_DISABLED;
	l->a->flags = IFF_UP;
	drop(l, "br_forward", VETH_B, mac_a);
	assert_none(l);

	l->bridge->bridge.stp = true;
	l->a->flags |= IFF_RUNNING;
	l->a->port.state = BR_STATE_BLOCKING;
	drop(l, "br_handle_frame", VETH_A, mac_b);
	assert_none(l);
	l->a->port.state = BR_STATE_LISTENING;
	assert_none(l);

	l->bridge->bridge.stp = false;
	l->uplink->port.state = BR_STATE_DISABLED;
	drop_arp(l, "br_handle_frame", ETH0, "192.168.77.200");
	assert_none(l);
}

/* Three seconds without an answer, and a pod that cannot be a loop. */
static void stp_starting(void **state)
{
	struct lab *l = *state;

	l->bridge->bridge.stp = true;
	l->a->port.state = BR_STATE_LEARNING;
	drop_unresolved(l, "10.244.1.3");
	/* there may be a loop behind the uplink */
	assert_found(l, "bridge-stp-blocked", STATUS_SUSPECTED, NULL);
	assert_has(l->d.findings[0].fix[0].text, "forward_delay");
	l->uplink->master = 0;
	assert_found(l, "bridge-stp-blocked", STATUS_SUSPECTED,
		     "ip link set dev cni0 type bridge stp_state 0");
	l->a->port.state = BR_STATE_BLOCKING;
	assert_none(l);
}

/* It has all of its ports disabled, and takes none of them out of that. */
static void stp_of_a_bridge_that_is_down(void **state)
{
	struct lab *l = *state;

	l->bridge->flags = 0;
	l->a->port.state = l->b->port.state = BR_STATE_DISABLED;
	drop(l, "br_handle_frame", VETH_A, mac_b);
	assert_found(l, "bridge-stp-blocked", STATUS_CONFIRMED, "ip link set dev cni0 up");
	assert_string_equal(l->d.findings[0].place, "node1/cni0");
	drop(l, "br_handle_frame", VETH_B, mac_a);
	assert_found(l, "bridge-stp-blocked", STATUS_CONFIRMED, "ip link set dev cni0 up");
	assert_string_equal(l->d.findings[0].place, "node1/cni0");
	l->a->port.state = l->b->port.state = BR_STATE_FORWARDING; /* it went down since */
	assert_none(l);
}

static void filter_vlans(struct lab *l, uint16_t vid_a, uint16_t vid_b, uint16_t vid_bridge)
{
	l->bridge->bridge.vlan_filtering = true;
	l->node->n_vlans = 0;
	if (vid_a)
		add_vlan(l, VETH_A, vid_a, true);
	if (vid_b)
		add_vlan(l, VETH_B, vid_b, true);
	if (vid_bridge)
		add_vlan(l, CNI0, vid_bridge, true);
}

static void vlan_ingress(void **state)
{
	struct lab *l = *state;

	drop(l, "br_allowed_ingress", VETH_A, mac_b);
	filter_vlans(l, 0, 1, 1);
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev vetha vid 1 pvid untagged");
	filter_vlans(l, 0, 7, 7);
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev vetha vid 7 pvid untagged");
	/* nobody can say which it should be */
	filter_vlans(l, 0, 7, 8);
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED, NULL);
	/* nobody else has one: what a new port gets */
	filter_vlans(l, 0, 0, 0);
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev vetha vid 1 pvid untagged");
	filter_vlans(l, 1, 1, 1);
	assert_none(l);
	filter_vlans(l, 0, 1, 1);
	l->bridge->bridge.vlan_filtering = false;
	assert_none(l);
}

static void vlan_tagged(void **state)
{
	struct lab *l = *state;

	filter_vlans(l, 1, 1, 1);
	drop(l, "__allowed_ingress", VETH_A, mac_b)->vlan = 9;
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED, "bridge vlan add dev vetha vid 9");
	vlans_add(&l->node->vlans[0], 9);
	vlans_add(&l->node->vlans[1], 9);
	assert_none(l);
}

static void vlan_egress(void **state)
{
	struct lab *l = *state;

	filter_vlans(l, 1, 0, 1);
	drop(l, "br_flood", VETH_A, mac_b)->vlan = 1;
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev vethb vid 1 pvid untagged");
	drop_unresolved(l, "10.244.1.3");
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev vethb vid 1 pvid untagged");
	/* pods that are kept apart by different VLANs */
	filter_vlans(l, 1, 2, 1);
	assert_none(l);
	drop(l, "br_flood", VETH_A, mac_b)->vlan = 1;
	assert_none(l);
}

static void vlan_self(void **state)
{
	struct lab *l = *state;

	filter_vlans(l, 1, 1, 0);
	drop_arp(l, "br_pass_frame_up", VETH_A, "10.244.1.1")->vlan = 1;
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev cni0 vid 1 pvid untagged self");
	/* other groups of the same fault join it */
	assert_string_equal(l->d.findings[0].place, "node1/cni0");
	drop(l, "br_dev_xmit", CNI0, mac_a);
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev cni0 vid 1 pvid untagged self");
	assert_string_equal(l->d.findings[0].place, "node1/cni0");
}

/* A router's port, and the bridge for the sake of its VLAN devices: tagged frames only. */
static void vlan_egress_tagged(void **state)
{
	struct lab *l = *state;

	filter_vlans(l, 30, 0, 0);
	add_vlan(l, VETH_B, 10, false);
	drop(l, "br_flood", VETH_A, mac_b)->vlan = 30;
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED, "bridge vlan add dev vethb vid 30");
	filter_vlans(l, 30, 30, 0);
	add_vlan(l, CNI0, 10, false);
	drop(l, "br_pass_frame_up", VETH_A, mac_br)->vlan = 30;
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev cni0 vid 30 self");
	/* its untagged address is nobody's business in that VLAN */
	drop_arp(l, "br_pass_frame_up", VETH_A, "10.244.1.1")->vlan = 30;
	assert_none(l);
}

/* Routers have one MAC in all VLANs, and tenants the same addresses: that somebody has it here in
 * one VLAN says nothing of another. */
static void vlan_of_a_trunk(void **state)
{
	struct lab *l = *state;

	filter_vlans(l, 10, 10, 0);
	add_vlan(l, ETH0, 10, false);
	drop(l, "__allowed_ingress", ETH0, mac_far)->vlan = 42;
	assert_none(l);
	drop_arp(l, "__allowed_ingress", ETH0, "10.244.1.2")->vlan = 42;
	assert_none(l);
	drop(l, "__allowed_ingress", ETH0, mac_a)->vlan = 42;
	assert_none(l);
	/* the switch's native VLAN, which is not the pods' */
	drop_arp(l, "__allowed_ingress", ETH0, "10.244.1.2");
	assert_none(l);
	/* but what a pod here is in the VLAN for is missed */
	filter_vlans(l, 42, 10, 0);
	add_vlan(l, ETH0, 10, false);
	drop(l, "__allowed_ingress", ETH0, mac_a)->vlan = 42;
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED, "bridge vlan add dev eth0 vid 42");
	filter_vlans(l, 10, 10, 10);
	drop(l, "__allowed_ingress", ETH0, mac_a);
	assert_found(l, "bridge-vlan-filter", STATUS_CONFIRMED,
		     "bridge vlan add dev eth0 vid 10 pvid untagged");
}

/* A trunk brings frames of VLANs that nobody here is in. A bridge that is a switch only is in none
 * of its pods' VLANs, and drops its copy of each broadcast. Multicast goes everywhere, and a DAD
 * probe expects no answer. */
static void vlan_not(void **state)
{
	static const uint8_t stranger[6] = MAC(0x77), group[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct lab *l = *state;

	filter_vlans(l, 1, 1, 0);
	add_vlan(l, ETH0, 1, true);
	drop(l, "__allowed_ingress", ETH0, stranger)->vlan = 42;
	assert_none(l);
	drop_arp(l, "__allowed_ingress", ETH0, "10.1.2.3")->vlan = 42;
	assert_none(l);
	drop(l, "br_handle_frame_finish", VETH_A, group)->vlan = 1;
	assert_none(l);
	drop_arp(l, "br_pass_frame_up", VETH_A, "10.244.1.3")->vlan = 1;
	assert_none(l);
	filter_vlans(l, 0, 1, 1);
	drop_arp(l, "__allowed_ingress", VETH_A, "10.244.1.2");
	assert_none(l);
	l->groups[0].flow.src = an_addr("0.0.0.0");
	assert_none(l);
}

static void isolated(void **state)
{
	struct lab *l = *state;

	l->a->port.isolated = l->b->port.isolated = true;
	drop(l, "br_forward", VETH_A, mac_b);
	assert_found(l, "bridge-no-egress", STATUS_CONFIRMED,
		     "bridge link set dev vethb isolated off");
	assert_has(l->d.findings[0].summary, "may be meant");
	/* the other way is the same finding */
	drop(l, "br_forward", VETH_B, mac_a);
	assert_found(l, "bridge-no-egress", STATUS_CONFIRMED,
		     "bridge link set dev vethb isolated off");
	drop_unresolved(l, "10.244.1.3");
	assert_found(l, "bridge-no-egress", STATUS_CONFIRMED,
		     "bridge link set dev vethb isolated off");
	/* through the gateway nothing is in the way */
	drop_unresolved(l, "10.244.2.2");
	assert_none(l);
	l->a->port.isolated = false;
	drop(l, "br_forward", VETH_A, mac_b);
	assert_none(l);
}

static void flood_off(void **state)
{
	struct lab *l = *state;

	l->b->port.flood = false;
	drop(l, "br_flood", VETH_A, mac_b);
	assert_none(l); /* it has been learned: the frame was one before that */
	l->node->n_neighs = 0;
	assert_found(l, "bridge-no-egress", STATUS_CONFIRMED, "bridge link set dev vethb flood on");
	drop(l, "br_forward", VETH_A, mac_b);
	assert_none(l);
	/* an address that nobody has any more */
	drop(l, "br_flood", VETH_A, (const uint8_t[6])MAC(0x99));
	assert_none(l);
	/* docker0 without a container */
	drop(l, "br_flood", CNI0, broadcast);
	assert_none(l);
}

static void mtu(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, "br_dev_queue_push_xmit", VETH_A, mac_a);

	g->in_ifindex = VETH_B;
	g->len = 1414;
	l->a->mtu = 1300;
	l->a->flags = IFF_UP;
	assert_found(l, "l2-mtu-mismatch", STATUS_CONFIRMED, "ip link set dev vetha mtu 1450");
	/* it came from the node */
	g->in_ifindex = 0;
	l->b->mtu = 1400;
	assert_found(l, "l2-mtu-mismatch", STATUS_CONFIRMED, "ip link set dev vetha mtu 1450");
	assert_has(l->d.findings[0].summary, "cni0, 1450");
	g->len = 1300 + 14 + 4;
	assert_none(l);
	/* br_netfilter looks before there is a link-layer header */
	g->loc.name = "br_nf_dev_queue_xmit";
	assert_found(l, "l2-mtu-mismatch", STATUS_CONFIRMED, "ip link set dev vetha mtu 1450");
	g->len = 1300;
	assert_none(l);
	/* what lies below a tunnel says how large it can be */
	g->len = 1414;
	snprintf(l->a->kind, sizeof(l->a->kind), "vxlan");
	assert_found(l, "l2-mtu-mismatch", STATUS_CONFIRMED, NULL);
}

static void mtu_veth(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, "veth_xmit", VETH_A, mac_a);

	g->len = 1414;
	assert_none(l);
	l->eth[0]->mtu = 1300;
	assert_found(l, "l2-mtu-mismatch", STATUS_CONFIRMED, "ip link set dev eth0 mtu 1450");
	assert_int_equal(l->d.findings[0].netns, POD_A);
	l->eth[0]->flags = 0; /* down: the same check drops everything */
	assert_none(l);
	/* larger than its own sender may: not what the MTUs say */
	l->eth[0]->flags = IFF_UP;
	g->len = 9000;
	assert_none(l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hairpin),
		T(hairpin_service),
		T(hairpin_not),
		T(stp),
		T(stp_egress),
		T(stp_not),
		T(stp_starting),
		T(vlan_ingress),
		T(vlan_tagged),
		T(vlan_egress),
		T(vlan_self),
		T(vlan_not),
		T(isolated),
		T(flood_off),
		T(mtu),
		T(mtu_veth),
		T(stp_of_a_bridge_that_is_down),
		T(vlan_egress_tagged),
		T(vlan_of_a_trunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
