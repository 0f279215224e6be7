// SPDX-License-Identifier: GPL-2.0-only
/*
 * Source NAT has no free port left: the packet gets an address and port that another connection to
 * the same server already has, and conntrack does not confirm it (__nf_conntrack_confirm(),
 * net/netfilter/nf_conntrack_core.c, insert_failed).
 *
 * The proof is the other connection: the answers to this packet would be its answers. If the packet
 * kept the port of its sender, that was free when NAT looked, and both asked at once: which the
 * next attempt settles.
 */
#include "../conntrack.h"

static bool signature(const struct group *g)
{
	return conntrack_refused(g) && conntrack_source_translated(g);
}

static void describe_race(struct finding *f, const struct group *g, const char *where,
			  const char *from, const char *to)
{
	char flow[FLOW_STRLEN];

	f->status = STATUS_SUSPECTED;
	finding_summary(
		f,
		"source NAT on %s gave two connections to %s port %u the same port of %s at once, "
		"so %s is dropped",
		where, to, g->flow.dport, from, flow_str(&g->original, flow));
	finding_fix(f, FIX_ADVICE,
		    "let the SNAT rule choose ports at random (iptables: --random-fully, nft: "
		    "fully-random), as clients that all send from one port (NTP, SIP, IKE) meet "
		    "otherwise");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], a[ADDR_STRLEN], b[ADDR_STRLEN], flow[FLOW_STRLEN];
	struct ct_entry other;

	if (!conntrack_other(f, g, h, &other))
		return 0;
	netns_phrase(h, g->netns, where);
	f->netns = g->netns;
	addr_str(&g->flow.src, a);
	addr_str(&g->flow.dst, b);
	finding_place(f, h, "%s/%s/%u", a, b, g->flow.dport);
	if (g->flow.sport == g->original.sport) {
		describe_race(f, g, where, a, b);
		return 0;
	}
	f->status = STATUS_CONFIRMED;
	finding_summary(f,
			"source NAT on %s has no free port of %s left for connections to %s port "
			"%u, so %s is dropped",
			where, a, b, g->flow.dport, flow_str(&g->original, flow));
	finding_fix(
		f, FIX_ADVICE,
		"give the SNAT rule more addresses or a wider range of ports (--random-fully, an "
		"egress gateway, more nodes), or let clients keep their connections open instead "
		"of making new ones; `conntrack -L -d %s -p %s | wc -l` counts those that hold the "
		"ports",
		b, g->flow.proto == 6 ? "tcp" : "udp");
	return 0;
}

const struct fault fault_snat_port_exhausted = {
	.id = "snat-port-exhausted",
	.title = "source NAT has no free port left",
	.link = "https://kubernetes.io/docs/reference/networking/virtual-ips/",
	.signature = signature,
	.examine = examine,
};
