// SPDX-License-Identifier: GPL-2.0-only
/*
 * kube-proxy's rules are gone (somebody flushed or reloaded the firewall), and what is sent to
 * Services leaves the node as it is, by the default route. Nothing is dropped here; seen as TCP
 * that is sent again and again, or as no route to the Service's network.
 *
 * Where something else than netfilter translates Services (eBPF), connections never have a
 * Service's address on the node: conntrack must know this one, untranslated. What has no route may
 * be for a Service that it does not know.
 */
#include <linux/netfilter/nf_conntrack_common.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../firewall.h"
#include "../tunnel.h"

static bool signature(const struct group *g)
{
	static const char *const reasons[] = {"IP_INNOROUTES", "IP_OUTNOROUTES", NULL};
	static const char *const functions[] = {"ip_error", NULL}; /* before 5.17 */

	return tunnel_maybe_silence(g) || (g->kind == SAMPLE_DROP && g->netns &&
					   (group_reason(g, reasons) || group_at(g, functions)));
}

/* Recorded. */
static bool has_no_route(const struct group *g, struct host *h, uint32_t node, struct finding *f)
{
	struct route_query q = {.dst = g->flow.dst};
	struct route_answer route;
	char check[96], a[ADDR_STRLEN];

	if (h->ops->route_get(h, node, &q, &route) != -ENETUNREACH)
		return false;
	snprintf(check, sizeof(check), "route get %s", addr_str(&g->flow.dst, a));
	finding_evidence(f, AGREES_YES, check, "no route", NULL);
	return true;
}

/* Is it tracked with the Service's address as who will answer? Recorded. */
static bool is_untranslated(const struct group *g, struct host *h, uint32_t node, struct finding *f)
{
	char value[FLOW_STRLEN + 32], flow[FLOW_STRLEN];
	struct ct_entry e;

	if (h->ops->conntrack_get(h, node, &g->flow, 0, &e) || (e.status & IPS_SEEN_REPLY) ||
	    !addr_eq(&e.reply.src, &g->flow.dst))
		return false;
	snprintf(value, sizeof(value), "%s [UNREPLIED], not translated", flow_str(&e.orig, flow));
	finding_evidence(f, AGREES_YES, "conntrack", value, "a pod's address as who answers");
	return true;
}

/* Are kube-proxy's rules there after all? Then they have none for this Service, which is another
 * thing. Its chains stay when they are flushed, and so do its rules of other tables: it must be a
 * jump to a Service's chain (of iptables-nft: iptables-legacy has no names in jumps), a translation
 * in one of its chains, or a rule of its own table. What others translate (Docker's and the CNI's
 * published ports) is not for Services. Recorded. */
static bool has_rules(const struct group *g, struct host *h, uint32_t node, struct finding *f)
{
	static const struct rules_like likes[] = {
		{.chain = "KUBE-", .bytes = "KUBE-SVC-", .n = 9},
		{.chain = "KUBE-", .bytes = "DNAT", .n = 4},
		{.table = "kube-proxy", .bytes = "", .n = 0},
	};
	int err = host_rules_have_any(h, node, g->flow.dst.family == AF_INET6, likes,
				      sizeof(likes) / sizeof(likes[0]));

	if (err > 0)
		return true;
	finding_evidence(f, err ? AGREES_UNREAD : AGREES_YES,
			 "rules of KUBE-… that lead to KUBE-SVC-… or have DNAT, or of a table "
			 "kube-proxy",
			 err ? strerror(-err) : "none", "kube-proxy's");
	if (err)
		f->status = STATUS_SUSPECTED;
	return false;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	uint32_t pod = g->kind == SAMPLE_RETRANSMIT ? host_node_of(h, g->netns) : 0;
	uint32_t node = pod ? pod : g->netns;
	char where[NETNS_STRLEN], flow[FLOW_STRLEN], net[ADDR_STRLEN + 4];
	const struct known_cidr *services = firewall_service_cidr(h, node, &g->flow.dst);

	/* kube-proxy's IPVS mode gives the node the Services' addresses, and needs no rules */
	if (!services || host_addr_owner(h, node, &g->flow.dst) || host_others_translate(h, node) ||
	    (g->kind == SAMPLE_RETRANSMIT ? !is_untranslated(g, h, node, f)
					  : !has_no_route(g, h, node, f)))
		return 0;
	netns_phrase(h, node, where);
	f->netns = node;
	f->status = g->kind == SAMPLE_RETRANSMIT ? STATUS_SUSPECTED : STATUS_CONFIRMED;
	if (has_rules(g, h, node, f)) {
		f->status = STATUS_NONE;
		return 0;
	}
	f->silent = g->flow.dst;
	finding_evidence(f, AGREES_YES, "Service CIDR", cidr_str(&services->net, net), NULL);
	finding_evidence(f, AGREES_YES, "where it is known from", services->source, NULL);
	finding_place_netns(f, h);
	finding_summary(f,
			"nothing on %s translates what is sent to Services, which %s: %s; "
			"kube-proxy's rules are gone",
			where,
			g->kind == SAMPLE_RETRANSMIT ? "leaves as it is and is never answered"
						     : "has no route as it is, and is thrown away",
			flow_str(&g->flow, flow));
	finding_fix(
		f, FIX_ADVICE,
		"look for them: `iptables-save -t nat | grep KUBE-SERVICES`, `nft list table ip "
		"kube-proxy`; if they are gone, restart kube-proxy, and find who flushes them (a "
		"reload of firewalld or nftables.service)");
	return 0;
}

const struct fault fault_kube_rules_flushed = {
	.id = "kube-rules-flushed",
	.title = "nothing translates what is sent to Services",
	.link = "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
	.signature = signature,
	.examine = examine,
};
