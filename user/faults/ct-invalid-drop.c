// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conntrack does not recognise the packet as part of a connection, and a rule drops such packets
 * (kube-proxy's KUBE-FORWARD, Calico's and firewalld's chains have one).
 *
 * Mostly the node sees one direction only: answers come back another way than questions went. Late
 * packets of connections that are over are dropped by such rules, too, and are no fault: the packet
 * must be an answer that opens a connection, SYN-ACK. Strangers send such, too (somebody attacks
 * them in this node's name), so one end must be the cluster's.
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped_stray(g) && !g->rule->policy && g->key.cls == PKT_TCP_SYNACK &&
	       firewall_asks_for_invalid(g->rule);
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN], a[ADDR_STRLEN];

	if (!firewall_pods_packet(g, h) && !firewall_cluster_addr(h, g->netns, &g->flow.src) &&
	    !firewall_cluster_addr(h, g->netns, &g->flow.dst))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_evidence(f, AGREES_YES, "conntrack", "knows no connection of this SYN-ACK",
			 "the connection whose SYN passed here");
	finding_summary(f,
			"%s takes %s for invalid, since the SYN that it answers did not pass "
			"conntrack there, and %s drops it",
			where, flow_str(&g->flow, flow), firewall_name(g->rule, name));
	addr_str(&g->flow.dst, a);
	finding_fix(
		f, FIX_ADVICE,
		"find out why the SYN of %s takes another way or is not tracked: `ip route get` on "
		"both ends (asymmetric routing, two uplinks), and NOTRACK rules (`iptables-save -t "
		"raw`, `nft list ruleset | grep notrack`); both directions must pass this node",
		a);
	return 0;
}

const struct fault fault_ct_invalid_drop = {
	.id = "ct-invalid-drop",
	.title = "answers are dropped as invalid, since their questions took another way",
	.link = "https://kubernetes.io/blog/2019/03/29/"
		"kube-proxy-subtleties-debugging-an-intermittent-connection-reset/",
	.signature = signature,
	.examine = examine,
};
