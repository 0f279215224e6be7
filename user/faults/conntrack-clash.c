// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two packets of a new connection were under way at once, and conntrack confirmed the one and
 * dropped the other (nf_ct_resolve_clash(), net/netfilter/nf_conntrack_core.c): a resolver that
 * sends its A and AAAA questions from one port, an NFQUEUE program that holds packets.
 *
 * The proof is the entry of the one that won.
 */
#include <linux/netfilter/nf_conntrack_common.h>

#include "../conntrack.h"

static bool signature(const struct group *g)
{
	return conntrack_refused(g) && !conntrack_source_translated(g);
}

/* Did the packet die before source NAT, which the entry has seen? Then it did not come to be
 * confirmed, and the entry is that of a later try. */
static bool died_before(const struct group *g, const struct ct_entry *e)
{
	return g->has_ct_status && !(g->ct_status & IPS_SRC_NAT_DONE) &&
	       (e->status & IPS_SRC_NAT_DONE);
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const struct flow *asked = g->has_original ? &g->original : &g->flow;
	char where[NETNS_STRLEN], flow[FLOW_STRLEN];
	struct ct_entry other;

	if (!conntrack_own(f, asked, g, h, &other) || died_before(g, &other))
		return 0;
	netns_phrase(h, g->netns, where);
	f->netns = g->netns;
	f->status = STATUS_CONFIRMED;
	flow_str(asked, flow);
	finding_place(f, h, "%u/%u", asked->proto, asked->dport);
	finding_summary(
		f,
		"on %s conntrack drops a packet of a new connection, since another packet of "
		"the same was faster: %s",
		where, flow);
	finding_fix(f, FIX_ADVICE,
		    "for DNS: NodeLocal DNSCache, or `options single-request-reopen` in "
		    "resolv.conf, so "
		    "that two questions do not leave at once from one port; for TCP: look at what "
		    "holds "
		    "packets (NFQUEUE: an IDS or a filter that is too slow)");
	return 0;
}

const struct fault fault_conntrack_clash = {
	.id = "conntrack-clash",
	.title = "two packets of one new connection raced, and one was dropped",
	.link = "https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/",
	.signature = signature,
	.examine = examine,
};
