// SPDX-License-Identifier: GPL-2.0-only
/*
 * An interface or route of the node overlaps a Pod or Service CIDR, and one address is claimed by
 * both.
 *
 * Where the node's own network wins the route lookup, packets for pods go to a network that has no
 * such host: NEIGH_FAILED about three seconds later (net/core/neighbour.c). Where the CNI wins,
 * hosts of the node's network cannot be reached the same way. Answers that arrive by the other
 * interface are dropped by the reverse path filter (fib_validate_source(),
 * net/ipv4/fib_frontend.c).
 *
 * A pod that was just deleted fails to resolve, too: it takes an overlap to make a finding.
 */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../catalogue.h"

static bool is_source_check(const struct group *g)
{
	static const char *const reasons[] = {"IP_RPFILTER", "IP_LOCAL_SOURCE", "IP_INVALID_SOURCE",
					      NULL};
	static const char *const unspecified[] = {"NOT_SPECIFIED", NULL};
	static const char *const functions[] = {"ip_rcv_finish_core", "ip_rcv_finish",
						"ip_route_input_slow", NULL};

	return group_reason(g, reasons) || (group_reason(g, unspecified) && group_at(g, functions));
}

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->flow.src.family && g->flow.dst.family &&
	       (neighbour_failed(g) || is_source_check(g));
}

/* Everything that is claimed twice, and by whom. */
struct conflict {
	const struct known_cidr *cidr;
	const struct route *lan; /* the node's own claim */
	const struct link *lan_dev;
	const struct route *cni; /* the CNI's claim; NULL: it has no route of its own */
	const struct link *cni_dev;
	bool own_network; /* the node has an address in lan: no stray route */
};

static bool is_cni_device(struct host *h, uint32_t netns, const struct link *l)
{
	static const char *const kinds[] = {"vxlan", "geneve", "ipip", "wireguard", "gre", "sit"};
	static const char *const names[] = {"cali",	     "cilium_", "flannel", "lxc",
					    "vx-submariner", "ovn-",	"antrea-", "kube-"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(l->kind, kinds[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(l->name, names[i], strlen(names[i])))
			return true;
	}
	return host_is_pod_veth(h, netns, l) || host_is_pod_bridge(h, netns, l);
}

static bool is_host_route(const struct route *r)
{
	return r->dst.bits == (r->dst.addr.family == AF_INET6 ? 128 : 32);
}

/* The better of two claims to an address: the longer prefix. */
static const struct route *better(const struct route *a, const struct route *b)
{
	return !a || b->dst.bits > a->dst.bits ? b : a;
}

/* Split the routes that cover the address into the CNI's and the node's own. Default and host
 * routes claim nothing, nor do routes through a gateway unless they take an address from a claim of
 * the CNI's own: with a CNI that routes natively they are its work, and a wider one is its way to
 * the other nodes. */
static void find_claims(struct host *h, uint32_t netns, const struct addr *a, struct conflict *c)
{
	const struct route *r, *lan = NULL, *via = NULL;
	size_t n;

	if (h->ops->routes(h, netns, &r, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct link *dev;

		if (r[i].type != RTN_UNICAST || !r[i].dst.bits || is_host_route(&r[i]) ||
		    r[i].table == RT_TABLE_LOCAL || !cidr_has(&r[i].dst, a))
			continue;
		dev = host_link(h, netns, r[i].oif);
		if (!dev)
			continue;
		if (is_cni_device(h, netns, dev))
			c->cni = better(c->cni, &r[i]);
		else if (r[i].gateway.family)
			via = better(via, &r[i]);
		else
			lan = better(lan, &r[i]);
	}
	if (via && (!c->cni || via->dst.bits < c->cni->dst.bits))
		via = NULL;
	c->lan = via && (!lan || via->dst.bits > lan->dst.bits) ? via : lan;
	c->lan_dev = c->lan ? host_link(h, netns, c->lan->oif) : NULL;
	c->cni_dev = c->cni ? host_link(h, netns, c->cni->oif) : NULL;
}

/* The widest CIDR that has the address: who looks for the border of the cluster wants that. */
static bool find_conflict(struct host *h, uint32_t netns, const struct addr *a, struct conflict *c)
{
	const struct known_cidr *k;
	size_t n;

	memset(c, 0, sizeof(*c));
	find_claims(h, netns, a, c);
	if (!c->lan || h->ops->cidrs(h, netns, &k, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		/* A Pod network without a route of the CNI is the node's own network by design:
		 * macvlan, a cloud's VPC. */
		if (k[i].role == CIDR_POD && !c->cni)
			continue;
		if (cidr_has(&k[i].net, a) && cidr_overlap(&k[i].net, &c->lan->dst) &&
		    (!c->cidr || k[i].net.bits < c->cidr->net.bits))
			c->cidr = &k[i];
	}
	return c->cidr;
}

/* A pod is no node, and neither is a machine without pods. */
static bool has_pods(struct host *h, uint32_t netns)
{
	const struct link *l;
	size_t n;

	if (h->ops->links(h, netns, &l, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (host_is_pod_bridge(h, netns, &l[i]) || host_is_pod_veth(h, netns, &l[i]))
			return true;
	}
	return false;
}

enum winner {
	WINNER_UNKNOWN,
	WINNER_LAN,
	WINNER_CNI,
};

/* Whose device does the lookup for the address lead to now? Recorded. */
static enum winner find_winner(struct finding *f, const struct group *g, struct host *h,
			       const struct addr *a, const struct conflict *c)
{
	struct route_query q = {.dst = *a, .mark = g->mark};
	char check[80], value[64], text[ADDR_STRLEN];
	struct route_answer answer;
	const struct link *dev;

	if (h->ops->route_get(h, g->netns, &q, &answer))
		return WINNER_UNKNOWN;
	dev = host_link(h, g->netns, answer.oif);
	snprintf(check, sizeof(check), "route get %s", addr_str(a, text));
	snprintf(value, sizeof(value), "dev %s", dev ? dev->name : "?");
	finding_evidence(f, AGREES_YES, check, value, NULL);
	if (answer.oif == c->lan->oif)
		return WINNER_LAN;
	return c->cni && answer.oif == c->cni->oif ? WINNER_CNI : WINNER_UNKNOWN;
}

/*
 * Did this packet die of the conflict? Where the node's own network won, it went out there, or came
 * in by the CNI's device and failed the source check. Where the CNI won, it may as well be a pod
 * that was just deleted: a suspicion at most, and none where the node's network is wider than the
 * cluster's, since then it holds much besides.
 */
static enum status judge(const struct group *g, const struct conflict *c, enum winner winner)
{
	if (is_source_check(g))
		return winner == WINNER_LAN && c->cni && g->in_ifindex == c->cni->oif
			       ? STATUS_CONFIRMED
			       : STATUS_NONE;
	if (winner == WINNER_LAN)
		return g->key.ifindex == c->lan->oif ? STATUS_CONFIRMED : STATUS_NONE;
	if (winner == WINNER_CNI && c->lan->dst.bits >= c->cidr->net.bits)
		return STATUS_SUSPECTED;
	return STATUS_NONE;
}

/* Does the device have an address in the prefix? Then it is a network that the node is really in,
 * whoever made the route; otherwise the route is a stray one. */
static bool is_own_network(struct host *h, uint32_t netns, const struct route *r)
{
	const struct if_addr *a;
	size_t n;

	if (h->ops->addrs(h, netns, &a, &n))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (a[i].ifindex == r->oif && cidr_has(&r->dst, &a[i].net.addr))
			return true;
	}
	return false;
}

static void prove(struct finding *f, const struct conflict *c)
{
	char check[192], value[160], net[CIDR_STRLEN];

	snprintf(check, sizeof(check), "%s CIDR (%s)",
		 c->cidr->role == CIDR_POD ? "Pod" : "Service", c->cidr->source);
	finding_evidence(f, AGREES_YES, check, cidr_str(&c->cidr->net, net), NULL);
	snprintf(check, sizeof(check), "%s of %s", c->own_network ? "network" : "route",
		 c->lan_dev->name);
	snprintf(value, sizeof(value), "%s, overlaps it", cidr_str(&c->lan->dst, net));
	finding_evidence(f, AGREES_YES, check, value, NULL);
}

static const char *ip_command(const struct addr *a)
{
	return a->family == AF_INET6 ? "ip -6" : "ip";
}

/* Before 5.14 a network's first address is a broadcast address, too, and no gateway can be that:
 * not even flannel's, which has the first address of each Pod CIDR. */
static bool is_broadcast(struct host *h, uint32_t netns, const struct addr *a,
			 const struct link *dev)
{
	const struct route *r;
	size_t n;

	if (h->ops->routes(h, netns, &r, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (r[i].type == RTN_BROADCAST && r[i].oif == dev->ifindex &&
		    addr_eq(&r[i].dst.addr, a))
			return true;
	}
	return false;
}

/* A stray route goes away. */
static void remove_route(struct finding *f, const struct addr *a, const struct conflict *c)
{
	char dev[80], net[CIDR_STRLEN], gw[ADDR_STRLEN];
	bool via = c->lan->gateway.family;

	if (c->lan->table != RT_TABLE_MAIN) {
		finding_fix(f, FIX_ADVICE,
			    "the route is in table %u: remove it there (ip route "
			    "show table all; ip rule)",
			    c->lan->table);
		return;
	}
	finding_fix(f, FIX_NOW, "%s route del %s%s%s dev %s", ip_command(a),
		    cidr_str(&c->lan->dst, net), via ? " via " : "",
		    via ? addr_str(&c->lan->gateway, gw) : "",
		    shell_quote(c->lan_dev->name, dev, sizeof(dev)));
	finding_fix(f, FIX_ADVICE,
		    "what else uses that route loses it: look first whose it is (a VPN's, a "
		    "storage network's)");
}

/* A network that the node is really in stays, and the one address gets the CNI's route. */
static void add_host_route(struct finding *f, struct host *h, const struct addr *a,
			   const struct conflict *c)
{
	const struct route *r = c->cni;
	char dev[80], lan[80], text[ADDR_STRLEN], gw[ADDR_STRLEN], net[CIDR_STRLEN];
	bool via;

	if (!r || r->table != RT_TABLE_MAIN)
		return;
	via = r->gateway.family;
	if (via && is_broadcast(h, f->netns, &r->gateway, c->lan_dev))
		finding_fix(f, FIX_NOW, "ip route del broadcast %s dev %s table local",
			    addr_str(&r->gateway, gw),
			    shell_quote(c->lan_dev->name, lan, sizeof(lan)));
	finding_fix(f, FIX_NOW, "%s route replace %s%s%s dev %s%s", ip_command(a),
		    addr_str(a, text), via ? " via " : "", via ? addr_str(&r->gateway, gw) : "",
		    shell_quote(c->cni_dev->name, dev, sizeof(dev)),
		    via && a->family == AF_INET ? " onlink" : "");
	finding_fix(f, FIX_ADVICE,
		    "that brings back %s only: the other pods in %s stay out of reach until the "
		    "networks no longer overlap",
		    text, cidr_str(&c->lan->dst, net));
}

static void write_fix(struct finding *f, struct host *h, const struct addr *a,
		      const struct conflict *c, enum winner winner)
{
	char net[CIDR_STRLEN];

	if (winner == WINNER_LAN && c->own_network)
		add_host_route(f, h, a, c);
	else if (winner == WINNER_LAN)
		remove_route(f, a, c);
	finding_fix(f, FIX_ADVICE,
		    "for good one of the two must move: give the network on %s another prefix, or "
		    "the cluster another %s CIDR; %s must not be in both",
		    c->lan_dev->name, c->cidr->role == CIDR_POD ? "Pod" : "Service",
		    cidr_str(&c->lan->dst, net));
}

static void write_summary(struct finding *f, const struct group *g, const struct addr *a,
			  const struct conflict *c, const char *where, enum winner winner)
{
	char net[CIDR_STRLEN], cidr[CIDR_STRLEN], text[ADDR_STRLEN];

	finding_summary(f, "%s %s on %s of %s overlaps the %s CIDR %s: packets %s %s %s",
			c->own_network ? "network" : "route", cidr_str(&c->lan->dst, net),
			c->lan_dev->name, where, c->cidr->role == CIDR_POD ? "Pod" : "Service",
			cidr_str(&c->cidr->net, cidr), is_source_check(g) ? "from" : "to",
			addr_str(a, text),
			is_source_check(g)     ? "fail the check of their source"
			: winner == WINNER_LAN ? "go to that network instead of the pod"
					       : "go to the pods' network, and nobody there has "
						 "that address");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const struct addr *a = is_source_check(g) ? &g->flow.src : &g->flow.dst;
	char where[NETNS_STRLEN], net[CIDR_STRLEN];
	enum winner winner;
	struct conflict c;

	if (!has_pods(h, g->netns) || !find_conflict(h, g->netns, a, &c))
		return 0;
	c.own_network = is_own_network(h, g->netns, c.lan);
	prove(f, &c);
	winner = find_winner(f, g, h, a, &c);
	f->status = judge(g, &c, winner);
	if (f->status == STATUS_NONE)
		return 0;
	f->netns = g->netns;
	netns_phrase(h, g->netns, where);
	finding_place(f, h, "%s/%s", c.lan_dev->name, cidr_str(&c.lan->dst, net));
	write_summary(f, g, a, &c, where, winner);
	write_fix(f, h, a, &c, winner);
	return 0;
}

const struct fault fault_pod_cidr_conflict = {
	.id = "pod-cidr-conflict",
	.title = "a network of the node overlaps the cluster's",
	.link = "https://kubernetes.io/docs/concepts/cluster-administration/networking/",
	.signature = signature,
	.examine = examine,
};
