// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>

#include "catalogue.h"

const char *netns_label(struct host *h, uint32_t netns, char *buf)
{
	const char *name = h->ops->netns_name(h, netns);

	if (name)
		snprintf(buf, 128, "%s", name);
	else
		snprintf(buf, 128, "netns %" PRIu32, netns);
	return buf;
}

bool dropped_by_netfilter(const struct group *g)
{
	static const char *const reasons[] = {"NETFILTER_DROP", NULL};
	static const char *const functions[] = {"nf_hook_slow", "nft_do_chain", NULL};

	return group_reason(g, reasons) || group_at(g, functions);
}
