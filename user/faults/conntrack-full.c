// SPDX-License-Identifier: GPL-2.0-only
/*
 * The connection tracking table is full: packets of new connections are dropped before any rule
 * sees them (__nf_conntrack_alloc(), net/netfilter/nf_conntrack_core.c, "nf_conntrack: table
 * full").
 *
 * Each netns counts its own entries; the limit is one for all.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../firewall.h"

/* Some entries may have gone since the packet died. */
#define FULL_PERCENT 95

static bool signature(const struct group *g)
{
	return (firewall_without_rule(g) || firewall_maybe_without_rule(g)) &&
	       (g->hook == HOOK_PREROUTING || g->hook == HOOK_OUTPUT) && g->ct_state == CT_NONE;
}

static bool read_number(struct host *h, uint32_t netns, const char *name, unsigned long *n)
{
	char value[32], *end;

	if (h->ops->sysctl(h, netns, name, value, sizeof(value)))
		return false;
	*n = strtoul(value, &end, 10);
	return end != value;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], value[32], want[32], flow[FLOW_STRLEN];
	unsigned long count, max;

	if (!read_number(h, g->netns, "net/netfilter/nf_conntrack_count", &count) ||
	    !read_number(h, g->netns, "net/netfilter/nf_conntrack_max", &max) || !max ||
	    count < max / 100.0 * FULL_PERCENT)
		return 0;
	netns_phrase(h, g->netns, where);
	f->netns = g->netns;
	f->status = STATUS_CONFIRMED;
	if (firewall_maybe_without_rule(g)) {
		f->status = STATUS_SUSPECTED;
		finding_evidence(f, AGREES_UNREAD, "rules of this hook",
				 "some may have dropped it, too", "none");
	}
	snprintf(value, sizeof(value), "%lu", count);
	snprintf(want, sizeof(want), "well below %lu", max);
	finding_evidence(f, AGREES_YES, "sysctl net.netfilter.nf_conntrack_count", value, want);
	snprintf(value, sizeof(value), "%lu", max);
	finding_evidence(f, AGREES_YES, "sysctl net.netfilter.nf_conntrack_max", value, NULL);
	finding_place_netns(f, h);
	finding_summary(f,
			"the connection tracking table of %s is full (%lu of %lu entries), so new "
			"connections are dropped: %s",
			where, count, max, flow_str(&g->flow, flow));
	finding_fix(
		f, FIX_ADVICE,
		"in the host's own namespace: `sysctl -w net.netfilter.nf_conntrack_max=%lu` (kube-"
		"proxy sets it by --conntrack-max-per-core), and /etc/sysctl.d to keep it",
		max * 4);
	finding_fix(f, FIX_ADVICE,
		    "see who fills it: `conntrack -L | awk '{print $4, $5}' | sort | uniq -c | "
		    "sort -rn | "
		    "head`; short nf_conntrack_tcp_timeout_time_wait and _close_wait help where "
		    "connections are short");
	return 0;
}

const struct fault fault_conntrack_full = {
	.id = "conntrack-full",
	.title = "the connection tracking table is full",
	.link = "https://docs.kernel.org/networking/nf_conntrack-sysctl.html",
	.signature = signature,
	.examine = examine,
};
