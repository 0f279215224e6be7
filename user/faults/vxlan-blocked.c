// SPDX-License-Identifier: GPL-2.0-only
/*
 * A packet filter drops the overlay's own packets.
 *
 * Seen as a netfilter drop of a UDP packet to the port of a VXLAN or Geneve device of that netns,
 * in the input hook (ip_local_deliver) or in the output hook under iptunnel_xmit(). Where the other
 * node drops them, this node sees only TCP that is sent again and again.
 *
 * Strangers who send to the port from elsewhere are rightly dropped: the peer must be a VTEP of the
 * device, as far as the device keeps a list of them. Where it keeps none (Cilium, Antrea), what
 * comes in must at least be a tunnel's packet, and whose it is the operator must say.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../firewall.h"
#include "../tunnel.h"

static bool signature(const struct group *g)
{
	if (tunnel_maybe_silence(g))
		return true;
	return g->kind == SAMPLE_DROP && g->has_sample && g->netns && g->flow.has_ports &&
	       g->key.proto == IPPROTO_UDP && dropped_by_netfilter(g) &&
	       firewall_by_rule(g) != TRI_NO;
}

static void describe_silence(const struct group *g, struct host *h, struct finding *f)
{
	struct addr vtep;
	uint32_t node;
	const struct link *dev = tunnel_silence(g, h, f, &node, &vtep);
	char what[48];

	if (!dev || tunnel_is_submariner(dev))
		return;
	snprintf(what, sizeof(what), "%s (UDP %u)",
		 strcmp(dev->kind, "geneve") ? "VXLAN" : "Geneve", dev->vxlan.port);
	tunnel_silence_finding(f, g, h, node, dev, &vtep, what);
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const struct link *dev;
	enum direction direction;
	enum vtep_known known;
	struct addr peer;
	bool trusted;
	char where[NETNS_STRLEN], what[32], hook[64], a[ADDR_STRLEN];

	if (g->kind == SAMPLE_RETRANSMIT) {
		describe_silence(g, h, f);
		return 0;
	}
	dev = tunnel_device(g, h);
	direction = tunnel_direction(g, h, &peer);
	if (!dev || tunnel_is_submariner(dev) || direction == DIRECTION_NONE)
		return 0;
	known = tunnel_knows_vtep(h, g->netns, dev, &peer);
	trusted = known == VTEP_KNOWN || direction == DIRECTION_OUT;
	if (known == VTEP_UNKNOWN || (!trusted && !g->tunnel.inner.l3))
		return 0;
	f->netns = g->netns;
	f->status = trusted ? STATUS_CONFIRMED : STATUS_SUSPECTED;
	netns_phrase(h, g->netns, where);
	snprintf(what, sizeof(what), "UDP %u", g->flow.dport);
	tunnel_evidence(f, g, dev, &peer, known);
	finding_place(f, h, "%s/%s", dev->name, direction == DIRECTION_IN ? "in" : "out");
	finding_summary(f,
			"%s on %s drops %s (%s) %s VTEP %s in %s, so pods behind %s are cut off "
			"from that node",
			tunnel_culprit(g), where, strcmp(dev->kind, "geneve") ? "VXLAN" : "Geneve",
			what, direction == DIRECTION_IN ? "from" : "to", addr_str(&peer, a),
			tunnel_hook(g, hook), dev->name);
	tunnel_rule(f, g, what, &peer, direction, trusted);
	return 0;
}

const struct fault fault_vxlan_blocked = {
	.id = "vxlan-blocked",
	.title = "the overlay network's packets are blocked",
	.link = "https://github.com/flannel-io/flannel/blob/master/Documentation/backends.md",
	.signature = signature,
	.examine = examine,
};
