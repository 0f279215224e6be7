// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "catalogue.h"

/* br_pass_frame_up() is inlined into br_handle_frame_finish() on most kernels. */
bool bridge_dropped_in(const struct group *g)
{
	static const char *const functions[] = {"br_handle_frame",
						"br_handle_frame_finish",
						"br_allowed_ingress",
						"__allowed_ingress",
						"br_pass_frame_up",
						"br_dev_xmit",
						NULL};
	static const char *const reasons[] = {"BRIDGE_INGRESS_STP_STATE", NULL};

	return group_at(g, functions) || group_reason(g, reasons);
}

bool bridge_dropped_out(const struct group *g)
{
	static const char *const functions[] = {
		"br_forward",	  "__br_forward",	    "br_flood",	   "maybe_deliver",
		"br_handle_vlan", "br_handle_frame_finish", "br_dev_xmit", NULL};

	return group_at(g, functions);
}

bool bridge_is_leaf(const struct link *port)
{
	return (!strcmp(port->kind, "veth") && port->peer_is_away) || !strcmp(port->kind, "tun");
}

static bool is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* A question for a neighbour's address, by ARP or ND, of somebody who has an address already:
 * duplicate address detection and announcements expect no answer. */
static bool is_question(const struct group *g)
{
	const struct flow *f = &g->flow;

	if (!f->src.family || addr_is_unspecified(&f->src))
		return false;
	if (f->l3 == ETHERTYPE_ARP)
		return f->icmp_code == 1 && !addr_eq(&f->src, &f->dst);
	return f->proto == IPPROTO_ICMPV6 && f->has_icmp && f->icmp_type == 135 &&
	       !addr_is_linklocal(&f->src);
}

static const struct link *bridge_of(struct host *h, uint32_t netns, const struct link *l)
{
	const struct link *b = !l			   ? NULL
			       : strcmp(l->kind, "bridge") ? host_link(h, netns, l->master)
							   : l;

	return b && !strcmp(b->kind, "bridge") ? b : NULL;
}

static void find_out_by_mac(struct host *h, const uint8_t *mac, struct bridge_path *p)
{
	uint32_t bridge = p->bridge->ifindex;

	if (!memcmp(mac, p->bridge->mac, sizeof(p->bridge->mac))) {
		p->out = p->bridge;
		return;
	}
	p->out = host_fdb_port(h, p->netns, bridge, mac);
	p->learned = p->out;
	if (!p->out)
		p->out = host_port_of_mac(h, p->netns, bridge, mac);
}

static void find_out_by_addr(struct host *h, const struct addr *a, struct bridge_path *p)
{
	p->by_addr = true;
	if (host_addr_owner(h, p->netns, a) == p->bridge->ifindex)
		p->out = p->bridge;
	else
		p->out = host_port_of_addr(h, p->netns, p->bridge->ifindex, a);
}

static bool find_frame(const struct group *g, struct host *h, struct bridge_path *p)
{
	bool known_sender;

	if (!g->has_src_mac || (g->key.flags & KEY_FROM_MASK) != NETNS_FROM_DEV)
		return false;
	p->netns = g->netns;
	p->in = host_link(h, p->netns, g->key.ifindex);
	p->bridge = bridge_of(h, p->netns, p->in);
	if (!p->bridge)
		return false;
	known_sender = p->in == p->bridge || bridge_is_leaf(p->in);
	if (!is_group(g->dst_mac)) {
		find_out_by_mac(h, g->dst_mac, p);
		return known_sender || p->out;
	}
	if (!is_question(g))
		return false;
	if (g->flow.l3 == ETHERTYPE_ARP)
		find_out_by_addr(h, &g->flow.dst, p);
	return known_sender || p->out;
}

/* A packet that its sender could not even address: the question went over this bridge, or did not
 * get so far. */
static bool find_question(const struct group *g, struct host *h, struct bridge_path *p)
{
	struct route_query q = {.dst = g->flow.dst, .mark = g->mark};
	const struct link *dev = host_link(h, g->netns, g->key.ifindex);
	struct route_answer a;

	if (!dev || !g->flow.dst.family || h->ops->route_get(h, g->netns, &q, &a) ||
	    a.type != RTN_UNICAST || a.oif != dev->ifindex)
		return false;
	p->resolving = true;
	p->netns = g->netns;
	p->in = dev;
	if (strcmp(dev->kind, "bridge")) {
		if (strcmp(dev->kind, "veth") || !dev->peer_is_away || !dev->peer_netns)
			return false;
		p->netns = dev->peer_netns;
		p->in = host_link(h, p->netns, dev->peer);
	}
	p->bridge = bridge_of(h, p->netns, p->in);
	if (!p->bridge)
		return false;
	find_out_by_addr(h, a.gateway.family ? &a.gateway : &g->flow.dst, p);
	return true;
}

bool bridge_path_find(const struct group *g, struct host *h, struct bridge_path *p)
{
	memset(p, 0, sizeof(*p));
	return neighbour_failed(g) ? find_question(g, h, p) : find_frame(g, h, p);
}

const char *bridge_port_label(struct host *h, const struct link *port, char *buf)
{
	const char *name = port->peer_is_away && port->peer_netns
				   ? host_netns_label(h, port->peer_netns)
				   : NULL;

	if (!strcmp(port->kind, "bridge"))
		snprintf(buf, 128, "bridge %s itself", port->name);
	else if (name)
		snprintf(buf, 128, "port %s (%s)", port->name, name);
	else
		snprintf(buf, 128, "port %s", port->name);
	return buf;
}
