// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule hands packets to a program (NFQUEUE: an IDS, a filter of names), and the program does not
 * run, or does not keep up. Without the rule's bypass flag they are dropped then (nf_queue(),
 * net/netfilter/nf_queue.c), and the kernel gives no reason.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../firewall.h"

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->rule && g->rule->verdict == RULE_QUEUE &&
	       rule_at_queue(g);
}

struct queues {
	long first, last; /* -1: not known, since the rule computes it, say */
};

/* As iptables or nft writes them, one or several that it spreads packets over. */
static struct queues queues_of(const struct rule *r)
{
	static const char *const before[] = {"--queue-num ", "--queue-balance ", "queue num ",
					     " to "};

	for (size_t i = 0; r->text && i < sizeof(before) / sizeof(before[0]); i++) {
		const char *number = strstr(r->text, before[i]);
		char *end;
		long n;

		if (!number)
			continue;
		number += strlen(before[i]);
		n = strtol(number, &end, 10);
		if (end != number && n >= 0 && n <= UINT16_MAX) {
			struct queues q = {n, n};

			/* --queue-balance 0:3, queue to 0-3 */
			if (*end == ':' || *end == '-')
				q.last = strtol(end + 1, NULL, 10);
			if (q.last < n || q.last > UINT16_MAX)
				q.last = n;
			return q;
		}
	}
	return (struct queues){-1, -1};
}

/* Why it is not taken; recorded. NULL: the queue takes packets. */
static const char *trouble(struct finding *f, const struct group *g, struct host *h, long queue)
{
	char check[48], value[64];
	uint64_t dropped = 0;
	int err =
		queue < 0 ? -ENODATA : h->ops->nfqueue(h, g->netns, (unsigned int)queue, &dropped);

	snprintf(check, sizeof(check), queue < 0 ? "queue" : "queue %ld", queue);
	f->status = STATUS_CONFIRMED;
	if (err == -ENOENT) {
		finding_evidence(f, AGREES_YES, check, "no program listens", "a program listens");
		return "no program listens";
	}
	if (err) {
		f->status = STATUS_SUSPECTED;
		finding_evidence(f, AGREES_UNREAD, check, strerror(-err), "a program listens");
		return "maybe no program listens";
	}
	if (!dropped)
		return NULL;
	/* since it was bound: it may keep up now, and another may have been absent then */
	f->status = STATUS_SUSPECTED;
	snprintf(value, sizeof(value), "%" PRIu64 " packets found no room so far", dropped);
	finding_evidence(f, AGREES_YES, check, value, "a program that keeps up");
	return "the program may not keep up";
}

/* The one of them that nobody listens to, or else the one that has dropped most. */
static long worst_of(const struct group *g, struct host *h, struct queues q)
{
	long worst = q.first;
	uint64_t dropped = 0, most = 0;

	for (long i = q.first; i >= 0 && i <= q.last; i++) {
		int err = h->ops->nfqueue(h, g->netns, (unsigned int)i, &dropped);

		if (err == -ENOENT)
			return i;
		if (!err && dropped > most) {
			most = dropped;
			worst = i;
		}
	}
	return worst;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN],
		queue[32] = "its queue";
	long number = worst_of(g, h, queues_of(g->rule));
	const char *why = trouble(f, g, h, number);
	enum status status = f->status;

	if (!why) {
		f->status = STATUS_NONE;
		return 0;
	}
	firewall_finding(f, g, h);
	if (status < f->status)
		f->status = status;
	if (number >= 0)
		snprintf(queue, sizeof(queue), "queue %ld", number);
	netns_phrase(h, g->netns, where);
	finding_summary(f, "%s on %s hands packets to %s, where %s, so they are dropped: %s",
			firewall_name(g->rule, name), where, queue, why, flow_str(&g->flow, flow));
	finding_fix(f, FIX_ADVICE,
		    "start the program that %s is for (an IDS, a DNS filter, a node agent), or see "
		    "why it is slow; with the rule's bypass flag (iptables: --queue-bypass, nft: "
		    "queue flags bypass) packets pass while nobody listens",
		    queue);
	return 0;
}

const struct fault fault_queue_no_listener = {
	.id = "queue-no-listener",
	.title = "a rule hands packets to a program that does not take them",
	.link = "https://wiki.nftables.org/wiki-nftables/index.php/Queueing_to_userspace",
	.signature = signature,
	.examine = examine,
};
