// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalogue.h"

const char *netns_label(struct host *h, uint32_t netns, char *buf)
{
	const char *name = host_netns_label(h, netns);

	if (name)
		snprintf(buf, NETNS_STRLEN, "%s", name);
	else
		snprintf(buf, NETNS_STRLEN, "netns %" PRIu32, netns);
	return buf;
}

const char *netns_phrase(struct host *h, uint32_t netns, char *buf)
{
	netns_label(h, netns, buf);
	if (!strcmp(buf, "host"))
		snprintf(buf, NETNS_STRLEN, "this node");
	return buf;
}

const char *group_netns_name(const struct group *g, struct host *h)
{
	bool gone;

	return host_kept_name(h, g->netns, g->netns_name, &gone);
}

const char *group_netns_label(const struct group *g, struct host *h)
{
	return g->pod ? g->pod->label : group_netns_name(g, h);
}

bool dropped_by_netfilter(const struct group *g)
{
	static const char *const reasons[] = {"NETFILTER_DROP", NULL};
	static const char *const functions[] = {"nf_hook_slow", "nft_do_chain", NULL};
	/* also drops what no hook did: a program saw that one did (explain.c) */
	static const char *const frame[] = {"br_handle_frame", NULL};

	return group_reason(g, reasons) || group_at(g, functions) ||
	       (g->hook_seen && group_at(g, frame));
}

bool neighbour_failed(const struct group *g)
{
	static const char *const reasons[] = {"NEIGH_FAILED", "NEIGH_CREATEFAIL", "NEIGH_QUEUEFULL",
					      NULL};
	/* neigh_invalidate() purges what is left when the neighbour is asked for again meanwhile */
	static const char *const unspecified[] = {"NOT_SPECIFIED", "QUEUE_PURGE", NULL};
	static const char *const functions[] = {"arp_error_report",    "neigh_invalidate",
						"ndisc_error_report",  "__neigh_event_send",
						"neigh_timer_handler", NULL};

	return group_reason(g, reasons) || (group_reason(g, unspecified) && group_at(g, functions));
}
