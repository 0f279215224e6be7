// SPDX-License-Identifier: GPL-2.0-only
/*
 * A UDP Service goes on to a pod that is gone: conntrack translates a flow as it did for its first
 * packet, however the Service's rules have changed since, as long as the client goes on sending
 * from the same port (DNS, syslog, QUIC). The old pod's address does not resolve any more, or its
 * bridge finds no port for it, or its route is gone and a blackhole behind it (Calico; ip_error(),
 * net/ipv4/route.c).
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "../firewall.h"

/* A bridge floods what it has no entry for, and where no other port takes that, it dies there. */
static bool maybe_flooded(const struct group *g)
{
	static const char *const functions[] = {"br_flood", "br_handle_frame_finish", "br_dev_xmit",
						NULL};

	return g->has_src_mac && group_maybe_at(g, functions);
}

static bool maybe_unroutable(const struct group *g)
{
	static const char *const functions[] = {"ip_error", NULL};

	return group_maybe_at(g, functions);
}

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->has_original &&
	       g->flow.proto == IPPROTO_UDP && !addr_eq(&g->original.dst, &g->flow.dst) &&
	       (neighbour_failed(g) || maybe_unroutable(g) || maybe_flooded(g));
}

/* Is there no way to it but a blackhole? Recorded. */
static bool has_no_route(const struct group *g, struct host *h, struct finding *f)
{
	struct route_query q = {.dst = g->flow.dst, .mark = g->mark};
	struct route_answer a;
	int err = h->ops->route_get(h, g->netns, &q, &a);

	if (err != -EINVAL && err != -EHOSTUNREACH && err != -EACCES)
		return false;
	finding_evidence(f, AGREES_YES, "route get", strerror(-err), "a pod");
	return true;
}

/* Does nobody have the address? Recorded. */
static bool is_gone(const struct group *g, struct host *h, struct finding *f)
{
	const struct link *port = host_link(h, g->netns, g->in_ifindex);

	if (neighbour_failed(g)) {
		finding_evidence(f, AGREES_YES, "neighbour",
				 "does not resolve: nobody has that address", "a pod");
		return true;
	}
	/* where the place is hidden it may have been either */
	if (maybe_unroutable(g) && has_no_route(g, h, f))
		return true;
	if (!maybe_flooded(g) || !port || !port->master ||
	    host_fdb_port(h, g->netns, port->master, g->dst_mac) ||
	    host_port_of_addr(h, g->netns, port->master, &g->flow.dst))
		return false;
	finding_evidence(f, AGREES_YES, "ports of the bridge", "none leads to that address",
			 "a pod");
	return true;
}

/* Does IPVS translate it, which has no rules that could be read? Its dummy device has the Services'
 * addresses (kube-proxy). */
static bool is_of_ipvs(const struct group *g, struct host *h)
{
	const struct link *l =
		host_link(h, g->netns, host_addr_owner(h, g->netns, &g->original.dst));

	return l && !strcmp(l->kind, "dummy");
}

/* Do the rules still lead there? Then the pod is only about to go, or kube-proxy is behind, and who
 * forgets the entry gets the same one again. Recorded. */
static void ask_rules(const struct group *g, struct host *h, struct finding *f)
{
	bool six = g->flow.dst.family == AF_INET6;
	struct rules_like with_addr = {.bytes = g->flow.dst.b, .n = six ? 16 : 4};
	int has = h->ops->rules_have(h, g->netns, six, &with_addr);

	finding_evidence(f,
			 has < 0 ? AGREES_UNREAD
			 : has	 ? AGREES_NO
				 : AGREES_YES,
			 "rules with that address",
			 has < 0 ? strerror(-has)
			 : has	 ? "some, which may still send new flows to it"
				 : "none",
			 has ? "none" : NULL);
	f->status = has || is_of_ipvs(g, h) ? STATUS_SUSPECTED : STATUS_CONFIRMED;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], asked[ADDR_STRLEN], gone[ADDR_STRLEN], value[FLOW_STRLEN];
	struct ct_entry e;

	if (h->ops->conntrack_get(h, g->netns, &g->original, (uint16_t)g->ct_zone, &e) ||
	    !addr_eq(&e.reply.src, &g->flow.dst) || !is_gone(g, h, f))
		return 0;
	netns_phrase(h, g->netns, where);
	addr_str(&g->original.dst, asked);
	addr_str(&g->flow.dst, gone);
	f->netns = g->netns;
	ask_rules(g, h, f);
	finding_evidence(f, AGREES_YES, "conntrack, asked for", flow_str(&e.orig, value), NULL);
	finding_evidence(f, AGREES_YES, "conntrack, answered as", flow_str(&e.reply, value), NULL);
	finding_place(f, h, "%s/%u/%s", asked, g->original.dport, gone);
	finding_summary(f,
			"%s still sends UDP flows for %s port %u to %s, which is gone: they began "
			"before it "
			"went, and conntrack keeps them as they were",
			where, asked, g->original.dport, gone);
	if (f->status == STATUS_SUSPECTED)
		finding_fix(
			f, FIX_ADVICE,
			"see whether the Service's rules still have %s (`iptables-save`, `nft list "
			"ruleset`): then kube-proxy is behind or stands still, and its log says "
			"why",
			gone);
	finding_fix(f, f->status == STATUS_SUSPECTED ? FIX_ADVICE : FIX_NOW,
		    "conntrack -D -p udp --orig-dst %s --orig-port-dst %u --reply-src %s", asked,
		    g->original.dport, gone);
	finding_fix(
		f, FIX_ADVICE,
		"for good: kube-proxy does this when an endpoint goes; if it does not, look at its "
		"version and its log (\"conntrack\")");
	return 0;
}

const struct fault fault_stale_udp_dnat = {
	.id = "stale-udp-dnat",
	.title = "UDP to a Service goes on to a pod that is gone",
	.link = "https://kubernetes.io/docs/reference/networking/virtual-ips/",
	.signature = signature,
	.examine = examine,
};
