// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node drops what its pods send through it, because the policy of the forward chain is DROP and
 * no rule lets pods through: Docker sets it at its start, ufw and other tools by default.
 *
 * Seen as a netfilter drop in the forward hook that a chain's policy gave and no rule. Packets that
 * conntrack calls invalid are not counted: to drop those is what rulesets are for.
 */
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && g->hook == HOOK_FORWARD && g->rule->policy &&
	       packet_bridged(g) != TRI_YES;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN];

	if (!firewall_pods_packet(g, h))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_summary(f,
			"%s on %s is to drop, and no rule accepts what pods send through it: %s "
			"from %s to %s",
			firewall_name(g->rule, name), where, flow_str(&g->flow, flow), g->in,
			g->out);
	firewall_fix_policy(f, g, h);
	finding_fix(
		f, FIX_ADVICE,
		"for good: in what sets it at its start (Docker: \"ip-forward-no-drop\": true in "
		"daemon.json; ufw: DEFAULT_FORWARD_POLICY in /etc/default/ufw; firewalld: a "
		"policy or zone for the pods' interface), or keep the policy and accept the "
		"pods' addresses ahead of it");
	return 0;
}

const struct fault fault_forward_policy_drop = {
	.id = "forward-policy-drop",
	.title = "the forward chain's policy drops what pods send",
	.link = "https://docs.docker.com/engine/network/packet-filtering-firewalls/",
	.signature = signature,
	.examine = examine,
};
