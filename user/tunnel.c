// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "firewall.h"
#include "retransmit.h"
#include "tunnel.h"
#include "util.h"

enum direction tunnel_direction(const struct group *g, struct host *h, struct addr *peer)
{
	enum direction d = DIRECTION_NONE;

	if (g->hook == HOOK_OUTPUT || host_addr_owner(h, g->netns, &g->flow.src))
		d = DIRECTION_OUT;
	else if (host_addr_owner(h, g->netns, &g->flow.dst))
		d = DIRECTION_IN;
	if (d != DIRECTION_NONE)
		*peer = d == DIRECTION_OUT ? g->flow.dst : g->flow.src;
	return d;
}

bool tunnel_is_submariner(const struct link *l)
{
	return !strncmp(l->name, "vx-submariner", 13) ||
	       (!strcmp(l->kind, "vxlan") && l->vxlan.port == SUBMARINER_PORT);
}

const struct link *tunnel_device(const struct group *g, struct host *h)
{
	const struct link *links;
	size_t n;

	if (h->ops->links(h, g->netns, &links, &n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (host_is_tunnel(&links[i]) && links[i].vxlan.port == g->flow.dport &&
		    (links[i].vxlan.external || !g->tunnel.present ||
		     links[i].vxlan.vni == g->tunnel.vni))
			return &links[i];
	}
	return NULL;
}

enum vtep_known tunnel_knows_vtep(struct host *h, uint32_t netns, const struct link *dev,
				  const struct addr *vtep)
{
	enum vtep_known known = dev->vxlan.remote.family ? VTEP_UNKNOWN : VTEP_NO_LIST;
	const struct neigh *e;
	size_t n;

	if (addr_eq(&dev->vxlan.remote, vtep))
		return VTEP_KNOWN;
	if (h->ops->neighs(h, netns, &e, &n))
		return known;
	for (size_t i = 0; i < n; i++) {
		if (!e[i].fdb || e[i].ifindex != dev->ifindex || !e[i].dst.family)
			continue;
		if (addr_eq(&e[i].dst, vtep))
			return VTEP_KNOWN;
		if (!dev->vxlan.learning)
			known = VTEP_UNKNOWN;
	}
	return known;
}

const char *tunnel_hook(const struct group *g, char *buf)
{
	if (g->hook)
		snprintf(buf, 64, "the %s %s hook", g->hook_family, hook_name(g->hook));
	else
		snprintf(buf, 64, "netfilter");
	return buf;
}

void tunnel_evidence(struct finding *f, const struct group *g, const struct link *dev,
		     const struct addr *peer, enum vtep_known known)
{
	static const char *const list[] = {[VTEP_UNKNOWN] = "not in the device's list",
					   [VTEP_NO_LIST] = "the device keeps no list",
					   [VTEP_KNOWN] = "a VTEP of this device"};
	char check[96], value[256], a[FLOW_STRLEN], hook[64];

	snprintf(value, sizeof(value), "%s by %s in %s", g->reason,
		 g->loc.name ? g->loc.name : "the kernel", tunnel_hook(g, hook));
	finding_evidence(f, AGREES_YES, "drop", value, NULL);
	if (dev) {
		snprintf(check, sizeof(check), "link %s", dev->name);
		snprintf(value, sizeof(value), "%s id %u, UDP port %u", dev->kind, dev->vxlan.vni,
			 dev->vxlan.port);
		finding_evidence(f, AGREES_YES, check, value, NULL);
		snprintf(check, sizeof(check), "fdb %s for %s", dev->name, addr_str(peer, a));
		finding_evidence(f, known == VTEP_KNOWN ? AGREES_YES : AGREES_UNREAD, check,
				 list[known], NULL);
	}
	if (g->tunnel.present && g->tunnel.inner.l3)
		finding_evidence(f, AGREES_YES, "the packet inside", flow_str(&g->tunnel.inner, a),
				 NULL);
}

const char *tunnel_culprit(const struct group *g)
{
	return firewall_by_rule(g) == TRI_YES ? "a packet filter rule"
					      : "netfilter (a rule, or conntrack)";
}

/* An accept ahead of the rule, for this peer alone, which the operator must know if nothing here
 * does. False: there is no such command. */
static bool fix_rule(struct finding *f, const struct group *g, const struct addr *peer,
		     enum direction direction, bool trusted)
{
	bool in = direction == DIRECTION_IN, six = peer->family == AF_INET6;
	char match[160], nft[160], a[ADDR_STRLEN], proto[16];
	char *command;
	bool known;

	addr_str(peer, a);
	flow_proto_str(&g->flow, proto);
	if (g->flow.has_ports) {
		snprintf(match, sizeof(match), "%s %s -p %s --dport %u", in ? "-s" : "-d", a, proto,
			 g->flow.dport);
		snprintf(nft, sizeof(nft), "%s %s %s %s dport %u", six ? "ip6" : "ip",
			 in ? "saddr" : "daddr", a, proto, g->flow.dport);
	} else {
		snprintf(match, sizeof(match), "%s %s -p %u", in ? "-s" : "-d", a, g->flow.proto);
		snprintf(nft, sizeof(nft), "%s %s %s meta l4proto %u", six ? "ip6" : "ip",
			 in ? "saddr" : "daddr", a, g->flow.proto);
	}
	command = rule_accept_command(g->rule, match, nft);
	known = command != NULL;
	if (known && trusted)
		finding_fix(f, FIX_NOW, "%s", command);
	else if (known)
		finding_fix(f, FIX_ADVICE, "only if %s is a node of this cluster: %s", a, command);
	free(command);
	return known;
}

static void advise(struct finding *f, const struct group *g, const char *what,
		   const struct addr *peer)
{
	static const char by_hand[] =
		"remove the rule that drops it, or accept it ahead of that rule in the same chain; "
		"an accept in another table does not help. `nft -a list ruleset`, "
		"`iptables-legacy -S` and `iptables-nft -S` show the rules";
	char hook[64], a[ADDR_STRLEN];

	finding_fix(f, FIX_ADVICE, "let %s to and from the other nodes (here %s) through %s: %s",
		    what, addr_str(peer, a), tunnel_hook(g, hook), by_hand);
}

/* Two rules that drop the same tunnel's packets are two findings. */
static void name_rule(struct finding *f, const struct group *g)
{
	char *tunnel = f->place, name[FIREWALL_NAME_LEN];

	f->place = xasprintf("%s/%s/%s", tunnel, g->rule->family ? g->rule->family : "",
			     firewall_name(g->rule, name));
	firewall_evidence(f, g);
	free(tunnel);
}

void tunnel_rule(struct finding *f, const struct group *g, const char *what,
		 const struct addr *peer, enum direction direction, bool trusted)
{
	if (firewall_by_rule(g) != TRI_YES) {
		f->status = STATUS_SUSPECTED;
		finding_evidence(f, AGREES_UNREAD, "the rule",
				 "not known, so that it may be conntrack, too", NULL);
	}
	if (g->rule_unsure)
		f->status = STATUS_SUSPECTED;
	if (g->rule)
		name_rule(f, g);
	if (!g->rule || !fix_rule(f, g, peer, direction, trusted))
		advise(f, g, what, peer);
	finding_fix(f, FIX_ADVICE,
		    "for good: in what owns the rule (firewalld: firewall-cmd --permanent "
		    "--add-port=…, nftables.conf, the cloud's security group, the hardening tool)");
}

bool tunnel_maybe_silence(const struct group *g)
{
	return g->kind == SAMPLE_RETRANSMIT && g->has_sample && g->key.cls == PKT_TCP_SYN &&
	       g->silent_ms >= RETRANSMIT_SILENT_MS && !g->sk_err && g->netns;
}

/* Nobody can tell whether it was answered. At the moment of a retransmit it was not. */
static void note_untold(const struct group *g, struct finding *f, const char *check, int err)
{
	f->too_late = g->looked_ms >= 1000;
	finding_evidence(f, AGREES_UNREAD, check, err ? strerror(-err) : "nothing is tracked here",
			 "replies seen");
}

/* The connection's entry, in whatever zone: that takes a dump. */
static int entry_of(const struct group *g, struct host *h, uint32_t node, struct ct_entry *out)
{
	int err = h->ops->conntrack_get(h, node, &g->flow, 0, out);
	const struct ct_entry *e;
	size_t n;

	if (err != -ENOENT || h->ops->conntrack(h, node, &g->flow.src, &e, &n))
		return err;
	for (size_t i = 0; i < n; i++) {
		if (flow_same_tuple(&e[i].orig, &g->flow)) {
			*out = e[i];
			return 0;
		}
	}
	return err;
}

/* Where the flow really goes, since a Service's address is translated on the node. False where
 * conntrack knows that it was answered, or does not know it at all: then it is not under way. */
static bool real_destination(const struct group *g, struct host *h, uint32_t node,
			     struct finding *f, struct addr *dst)
{
	char check[80], flow[FLOW_STRLEN], value[FLOW_STRLEN + 16];
	struct ct_entry e;
	int err = entry_of(g, h, node, &e);

	snprintf(check, sizeof(check), "conntrack of %s", addr_str(&g->flow.src, flow));
	*dst = g->flow.dst;
	if (!err && flow_same_tuple(&e.orig, &g->flow)) {
		*dst = e.reply.src;
		snprintf(value, sizeof(value), "%s [UNREPLIED]", flow_str(&e.orig, flow));
		finding_evidence(f, AGREES_YES, check, value, "replies seen");
		return !(e.status & IPS_SEEN_REPLY);
	}
	/* without rules that need it, conntrack does not work in a netns at all */
	if (!err || err == -ENOENT)
		err = host_tracks(h, node);
	if (err > 0)
		return false;
	note_untold(g, f, check, err);
	return true;
}

#define TCP_CONNTRACK_ESTABLISHED 3 /* include/uapi/linux/netfilter/nf_conntrack_tcp.h */
#define TCP_CONNTRACK_TIME_WAIT	  7
#define UDP_STREAM_S		  2 /* then an answered one is IPS_ASSURED (nf_conntrack_proto_udp.c) */

/* What an entry's timeout begins with; NULL where progress cannot be told from it. An answered UDP
 * flow that asks on and on in vain keeps its timeout fresh, too, but only one that is assured. */
static const char *timeout_of(const struct ct_entry *e)
{
	if (e->proto == IPPROTO_UDP && !(e->status & IPS_ASSURED))
		return "net/netfilter/nf_conntrack_udp_timeout";
	if (e->proto == IPPROTO_TCP && e->tcp_state == TCP_CONNTRACK_ESTABLISHED)
		return "net/netfilter/nf_conntrack_tcp_timeout_established";
	if (e->proto == IPPROTO_TCP && e->tcp_state == TCP_CONNTRACK_TIME_WAIT)
		return "net/netfilter/nf_conntrack_tcp_timeout_time_wait";
	return NULL;
}

/* Seconds since the entry's connection last made progress, at most; UINT32_MAX: not known. Packets
 * that are only sent again do not count: conntrack shortens the timeout of those. */
static uint32_t idle_seconds(struct host *h, uint32_t node, const struct ct_entry *e)
{
	const char *name = timeout_of(e);
	char value[32];
	unsigned long most;

	if (!name || !(e->status & IPS_SEEN_REPLY) ||
	    h->ops->sysctl(h, node, name, value, sizeof(value)))
		return UINT32_MAX;
	most = strtoul(value, NULL, 10);
	if (e->proto == IPPROTO_UDP)
		most += UDP_STREAM_S; /* the answer came up to so long before its last packet */
	return most >= e->timeout ? (uint32_t)(most - e->timeout) : UINT32_MAX;
}

/* Did another connection over the same route get answers since this one fell silent? Then the
 * tunnel works, and it is the other end that does not answer: a policy there, or an overloaded pod.
 */
static bool route_answers(const struct group *g, struct host *h, uint32_t node,
			  const struct cidr *route)
{
	uint32_t silent_s = (g->silent_ms + g->looked_ms) / 1000;
	const struct ct_entry *e;
	size_t n;

	if (!route->addr.family || h->ops->conntrack(h, node, NULL, &e, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		/* an established TCP connection had packets both ways, whoever opened it; of UDP
		 * that is answered here nothing is known to have come back there */
		bool answers = cidr_has(route, &e[i].reply.src) ||
			       (e[i].proto == IPPROTO_TCP && cidr_has(route, &e[i].orig.src));

		if (answers && idle_seconds(h, node, &e[i]) < silent_s)
			return true;
	}
	return false;
}

/* The VTEP behind next_hop on a tunnel device: neighbour → MAC → FDB, or the device's own remote.
 */
static bool find_vtep(struct host *h, uint32_t node, const struct link *dev,
		      const struct addr *next_hop, struct addr *vtep)
{
	const struct neigh *e, *mac = NULL;
	size_t n;

	if (dev->vxlan.remote.family) {
		*vtep = dev->vxlan.remote;
		return true;
	}
	if (h->ops->neighs(h, node, &e, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!e[i].fdb && e[i].ifindex == dev->ifindex && e[i].has_mac &&
		    addr_eq(&e[i].dst, next_hop))
			mac = &e[i];
	}
	for (size_t i = 0; mac && i < n; i++) {
		if (e[i].fdb && e[i].ifindex == dev->ifindex && e[i].dst.family &&
		    !memcmp(e[i].mac, mac->mac, sizeof(mac->mac))) {
			*vtep = e[i].dst;
			return true;
		}
	}
	return false;
}

/* Before conntrack is asked, which may be a long answer. */
bool tunnel_any(struct host *h, uint32_t netns)
{
	const struct link *l;
	size_t n;

	if (h->ops->links(h, netns, &l, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (host_is_tunnel(&l[i]))
			return true;
	}
	return false;
}

static const struct link *silent_device(const struct group *g, struct host *h, struct finding *f,
					uint32_t *node, struct addr *vtep)
{
	struct route_query q = {.mark = 0};
	struct route_answer route;
	const struct link *dev;
	char check[96], value[160], a[ADDR_STRLEN];

	*node = host_node_of(h, g->netns);
	if (!*node || !tunnel_any(h, *node))
		*node = g->netns; /* a process of the node itself */
	if (!tunnel_any(h, *node) || !real_destination(g, h, *node, f, &q.dst) ||
	    h->ops->route_get(h, *node, &q, &route) || route.type != RTN_UNICAST)
		return NULL;
	dev = host_link(h, *node, route.oif);
	if (!dev || !host_is_tunnel(dev) || route_answers(g, h, *node, &route.matched) ||
	    !find_vtep(h, *node, dev, route.gateway.family ? &route.gateway : &q.dst, vtep))
		return NULL;
	snprintf(check, sizeof(check), "route get %s", addr_str(&q.dst, a));
	snprintf(value, sizeof(value), "dev %s, VTEP %s", dev->name, addr_str(vtep, a));
	finding_evidence(f, AGREES_YES, check, value, NULL);
	return dev;
}

const struct link *tunnel_silence(const struct group *g, struct host *h, struct finding *f,
				  uint32_t *node, struct addr *vtep)
{
	const struct link *dev = silent_device(g, h, f, node, vtep);

	f->too_late = f->too_late && dev;
	return f->too_late ? NULL : dev;
}

void tunnel_silence_finding(struct finding *f, const struct group *g, struct host *h, uint32_t node,
			    const struct link *dev, const struct addr *vtep, const char *what)
{
	char where[NETNS_STRLEN], a[ADDR_STRLEN], flow[FLOW_STRLEN];

	netns_phrase(h, node, where);
	f->netns = node;
	f->silent = *vtep;
	f->status = STATUS_SUSPECTED;
	finding_place(f, h, "%s/silent/%s", dev->name, addr_str(vtep, a));
	finding_summary(
		f,
		"packets of %s leave %s through %s to VTEP %s, and nothing comes back: %s may be "
		"blocked on that node or on the way",
		flow_str(&g->flow, flow), where, dev->name, addr_str(vtep, a), what);
	finding_evidence(f, AGREES_UNREAD, "the other side",
			 "this node drops none of these packets; whether the other one does "
			 "cannot be seen from here",
			 NULL);
	finding_fix(f, FIX_ADVICE,
		    "run whydrop on the node with address %s: it names the rule if that node "
		    "drops them; if it sees no drop, look at the firewall between the nodes "
		    "(security group, router) for %s",
		    a, what);
}
