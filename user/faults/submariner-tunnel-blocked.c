// SPDX-License-Identifier: GPL-2.0-only
/*
 * A packet filter drops the tunnel between clusters (Submariner).
 *
 * What it needs: between gateways UDP 4500 (IPsec NAT-T, and the default port of its WireGuard and
 * VXLAN cable drivers), UDP 500 (IKE), ESP where there is no NAT, UDP 4490 (NAT discovery); between
 * all nodes of one cluster UDP 4800 (the VXLAN device vx-submariner).
 *
 * All but 4800 are used by other IPsec tunnels, too, and the Internet scans for them: a device of
 * Submariner in the netns makes the difference.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../firewall.h"
#include "../tunnel.h"

static const struct {
	uint8_t proto;
	uint16_t port;
	const char *what, *purpose;
} channels[] = {
	{IPPROTO_UDP, 4500, "UDP 4500",
	 "the tunnel between gateways (IPsec NAT-T or cable driver)"},
	{IPPROTO_UDP, 4490, "UDP 4490", "NAT discovery between gateways"},
	{IPPROTO_UDP, SUBMARINER_PORT, "UDP 4800", "vx-submariner between a cluster's nodes"},
	{IPPROTO_UDP, 500, "UDP 500", "IKE between gateways"},
	{IPPROTO_ESP, 0, "ESP", "the IPsec tunnel between gateways"},
};

#define N_CHANNELS (sizeof(channels) / sizeof(channels[0]))

static size_t find_channel(const struct group *g)
{
	size_t i = 0;

	while (i < N_CHANNELS &&
	       (channels[i].proto != g->key.proto ||
		(channels[i].port && (!g->flow.has_ports || channels[i].port != g->flow.dport))))
		i++;
	return i;
}

static bool signature(const struct group *g)
{
	if (tunnel_maybe_silence(g))
		return true;
	return g->kind == SAMPLE_DROP && g->has_sample && g->netns && g->flow.l3 &&
	       find_channel(g) < N_CHANNELS && dropped_by_netfilter(g) &&
	       firewall_by_rule(g) != TRI_NO;
}

/* A device that only Submariner makes, or a VXLAN device on its port. */
static const struct link *find_mark(struct host *h, uint32_t netns)
{
	const struct link *links;
	size_t n;

	if (h->ops->links(h, netns, &links, &n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (tunnel_is_submariner(&links[i]) || !strcmp(links[i].name, "submariner") ||
		    !strcmp(links[i].name, "vxlan-tunnel"))
			return &links[i];
	}
	return NULL;
}

static enum agrees has_ipsec(struct finding *f, const struct group *g, struct host *h)
{
	int xfrm = h->ops->has_xfrm(h, g->netns);
	enum agrees agrees = xfrm == 1 ? AGREES_YES : xfrm ? AGREES_UNREAD : AGREES_NO;
	const char *value = xfrm == 1 ? "present" : xfrm ? strerror(-xfrm) : "none";

	finding_evidence(f, agrees, "IPsec states (ip xfrm state)", value, "present");
	return agrees;
}

/* Is this end of the channel really in use here? Recorded as evidence. */
static enum agrees in_use(struct finding *f, const struct group *g, struct host *h,
			  const struct link *dev)
{
	uint16_t port = g->flow.dport;
	char check[48];

	if (g->key.proto == IPPROTO_ESP)
		return has_ipsec(f, g, h);
	if (dev)
		return AGREES_YES; /* tunnel_evidence() shows it */
	snprintf(check, sizeof(check), "UDP socket on port %u", port);
	if (!host_listens(h, g->netns, IPPROTO_UDP, port, NULL))
		return AGREES_NO;
	finding_evidence(f, AGREES_YES, check, "bound", NULL);
	return AGREES_YES;
}

static bool is_private(const struct addr *a)
{
	static const char *const nets[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
					   "100.64.0.0/10", "fc00::/7"};
	struct cidr c;

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		if (!cidr_parse(nets[i], &c) && cidr_has(&c, a))
			return true;
	}
	return false;
}

/* Does this node send to it what a gateway sends to another? A gateway without conntrack is none
 * that can tell: who scans it would be a false alarm. */
static enum agrees is_gateway(struct finding *f, const struct group *g, struct host *h,
			      const struct addr *peer)
{
	const struct ct_entry *e;
	char check[80], a[ADDR_STRLEN];
	size_t n;
	int err = h->ops->conntrack(h, g->netns, peer, &e, &n);
	enum agrees agrees = err ? AGREES_UNREAD : AGREES_NO;

	for (size_t i = 0; !err && i < n; i++) {
		if (e[i].proto == g->key.proto && addr_eq(&e[i].orig.dst, peer))
			agrees = AGREES_YES;
	}
	snprintf(check, sizeof(check), "conntrack of %s", addr_str(peer, a));
	if (agrees != AGREES_NO)
		finding_evidence(f, agrees, check, err ? strerror(-err) : "this node sends to it",
				 NULL);
	return agrees;
}

/* A packet that came from the Internet may be anybody's: that is who scans for VPNs. */
static enum status judge_peer(struct finding *f, const struct group *g, struct host *h,
			      enum direction direction, const struct addr *peer)
{
	enum agrees known;

	if (direction == DIRECTION_OUT || is_private(peer))
		return STATUS_CONFIRMED;
	known = is_gateway(f, g, h, peer);
	return known == AGREES_YES  ? STATUS_CONFIRMED
	       : known == AGREES_NO ? STATUS_NONE
				    : STATUS_SUSPECTED;
}

/* How sure is it that these are the tunnel's own packets? ESP that arrives where no IPsec is
 * configured yet is at least odd on a machine with Submariner. */
static enum status judge(struct finding *f, const struct group *g, struct host *h,
			 const struct link *dev, enum direction direction, const struct addr *peer)
{
	const struct link *mark = find_mark(h, g->netns);
	enum vtep_known known = VTEP_NO_LIST;
	enum status sure;
	enum agrees used;

	if (dev)
		known = tunnel_knows_vtep(h, g->netns, dev, peer);
	if (known == VTEP_UNKNOWN)
		return STATUS_NONE;
	used = in_use(f, g, h, dev);
	if (used != AGREES_YES && !(mark && g->key.proto == IPPROTO_ESP))
		return STATUS_NONE;
	tunnel_evidence(f, g, dev, peer, known);
	if (mark) {
		finding_evidence(f, AGREES_YES, "device of Submariner", mark->name, NULL);
		if (!dev && (sure = judge_peer(f, g, h, direction, peer)) != STATUS_CONFIRMED)
			return sure;
		return used == AGREES_YES ? STATUS_CONFIRMED : STATUS_SUSPECTED;
	}
	finding_evidence(f, AGREES_UNREAD, "device of Submariner",
			 "none here: it may be another IPsec tunnel", NULL);
	return direction == DIRECTION_OUT || is_private(peer) ? STATUS_SUSPECTED : STATUS_NONE;
}

static void describe_silence(const struct group *g, struct host *h, struct finding *f)
{
	struct addr vtep;
	uint32_t node;
	const struct link *dev = tunnel_silence(g, h, f, &node, &vtep);

	if (dev && tunnel_is_submariner(dev))
		tunnel_silence_finding(f, g, h, node, dev, &vtep, "Submariner (UDP 4800)");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	size_t channel = find_channel(g);
	enum direction direction;
	char where[NETNS_STRLEN], hook[64], a[ADDR_STRLEN];
	struct addr peer;

	if (g->kind == SAMPLE_RETRANSMIT) {
		describe_silence(g, h, f);
		return 0;
	}
	direction = tunnel_direction(g, h, &peer);
	if (direction == DIRECTION_NONE)
		return 0;
	f->status = judge(f, g, h, tunnel_device(g, h), direction, &peer);
	if (f->status == STATUS_NONE)
		return 0;
	f->netns = g->netns;
	netns_phrase(h, g->netns, where);
	finding_place(f, h, "%s/%s", channels[channel].what,
		      direction == DIRECTION_IN ? "in" : "out");
	finding_summary(f, "%s on %s drops %s %s %s in %s: it is %s, so the other side is cut off",
			tunnel_culprit(g), where, channels[channel].what,
			direction == DIRECTION_IN ? "from" : "to", addr_str(&peer, a),
			tunnel_hook(g, hook), channels[channel].purpose);
	tunnel_rule(f, g, channels[channel].what, &peer, direction, true);
	return 0;
}

const struct fault fault_submariner_tunnel_blocked = {
	.id = "submariner-tunnel-blocked",
	.title = "the cross-cluster tunnel's packets are blocked",
	.link = "https://submariner.io/operations/nat-traversal/",
	.signature = signature,
	.examine = examine,
};
