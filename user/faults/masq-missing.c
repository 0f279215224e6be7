// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pods send out of the cluster leaves with their own addresses, which nobody outside has a way
 * back to: no rule masquerades it. Nothing is dropped here; seen as TCP that is sent again and
 * again.
 *
 * Clusters whose network knows the pods need no NAT. So it is a suspicion only where pods are
 * behind a tunnel, which the outside cannot know of, and conntrack has the connection untranslated.
 * It cannot tell what an eBPF datapath translates behind it, and a pod's global IPv6 address needs
 * no NAT.
 */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "../firewall.h"
#include "../tunnel.h"

static bool signature(const struct group *g)
{
	return tunnel_maybe_silence(g);
}

/* Global unicast (RFC 4291), but for unique local addresses (RFC 4193). */
static bool is_global6(const struct addr *a)
{
	return a->family == AF_INET6 && (a->b[0] & 0xe0) == 0x20;
}

/* The uplink by which the node sends to dst, out of the cluster, or NULL. Recorded. */
static const struct link *leaves_by(const struct addr *dst, struct host *h, uint32_t node,
				    struct finding *f)
{
	struct route_query q = {.dst = *dst};
	struct route_answer route;
	const struct link *dev;
	char check[80], value[64], a[ADDR_STRLEN];

	if (firewall_cluster_addr(h, node, dst) || h->ops->route_get(h, node, &q, &route) ||
	    route.type != RTN_UNICAST)
		return NULL;
	dev = host_link(h, node, route.oif);
	if (!dev || host_is_tunnel(dev) || host_is_pod_veth(h, node, dev) ||
	    host_is_pod_bridge(h, node, dev))
		return NULL;
	snprintf(check, sizeof(check), "route get %s", addr_str(dst, a));
	snprintf(value, sizeof(value), "dev %s", dev->name);
	finding_evidence(f, AGREES_YES, check, value, NULL);
	return dev;
}

/* Is the connection tracked, unanswered and its source untranslated? Or does nothing need conntrack
 * there, and so nothing translates? dst: where it really goes, as a Service's address is
 * translated. Recorded. */
static bool is_untranslated(const struct group *g, struct host *h, uint32_t node, struct finding *f,
			    struct addr *dst)
{
	char value[FLOW_STRLEN + 32], flow[FLOW_STRLEN];
	struct ct_entry e;
	int err = h->ops->conntrack_get(h, node, &g->flow, 0, &e);

	*dst = g->flow.dst;
	if (err == -ENOENT && !host_tracks(h, node)) {
		finding_evidence(f, AGREES_YES, "conntrack",
				 "tracks nothing, so nothing is translated",
				 "the node's address as source");
		return true;
	}
	if (err || (e.status & IPS_SEEN_REPLY) || !addr_eq(&e.reply.dst, &g->flow.src))
		return false;
	*dst = e.reply.src;
	snprintf(value, sizeof(value), "%s [UNREPLIED], not translated", flow_str(&e.orig, flow));
	finding_evidence(f, AGREES_YES, "conntrack", value, "the node's address as source");
	return true;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	uint32_t node = host_node_of(h, g->netns);
	char where[NETNS_STRLEN], flow[FLOW_STRLEN], net[ADDR_STRLEN + 4], name[4 * IFNAME_LEN + 3];
	const struct known_cidr *pods;
	const struct link *dev;
	struct addr dst;

	if (!node || !tunnel_any(h, node) || host_others_translate(h, node) ||
	    is_global6(&g->flow.src) || !is_untranslated(g, h, node, f, &dst))
		return 0;
	dev = leaves_by(&dst, h, node, f);
	pods = firewall_pod_cidr(h, node, &g->flow.src);
	if (!dev || !pods)
		return 0;
	netns_phrase(h, node, where);
	f->netns = node;
	f->status = STATUS_SUSPECTED;
	f->silent = dst;
	finding_place(f, h, "%s", dev->name);
	finding_summary(f,
			"what pods send out of the cluster leaves %s through %s with the pods' own "
			"addresses, since nothing masquerades it, and no answer comes: %s",
			where, dev->name, flow_str(&g->flow, flow));
	finding_fix(f, FIX_NOW, "%s -w -t nat -A POSTROUTING -s %s -o %s -j MASQUERADE",
		    h->ops->iptables(h, node, pods->net.addr.family == AF_INET6, "nat"),
		    cidr_str(&pods->net, net), shell_quote(dev->name, name, sizeof(name)));
	finding_fix(f, FIX_ADVICE,
		    "for good: the network plugin makes this rule (flannel: --ip-masq, CNI bridge: "
		    "ipMasq, ip-masq-agent); restart it if something flushed its rules");
	return 0;
}

const struct fault fault_masq_missing = {
	.id = "masq-missing",
	.title = "what pods send out of the cluster is not masqueraded",
	.link = "https://kubernetes.io/docs/tasks/administer-cluster/ip-masq-agent/",
	.signature = signature,
	.examine = examine,
};
