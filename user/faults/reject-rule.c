// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule refuses packets of pods or of the cluster: the sender gets a TCP reset or an ICMP error at
 * once, "Connection refused" or "No route to host", where nothing is wrong with the other end.
 *
 * REJECT sends its answer first and drops then (net/ipv4/netfilter/nf_reject_ipv4.c), so it is a
 * netfilter drop by a rule whose text says what is sent. kube-proxy's own are svc-no-endpoints.
 */
#include <string.h>

#include "../firewall.h"

static bool signature(const struct group *g)
{
	return firewall_dropped(g) && g->rule->verdict == RULE_REJECT;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], name[FIREWALL_NAME_LEN], flow[FLOW_STRLEN], buf[RULE_SENT_LEN];
	const char *sent = group_sent_by(g, g->rule, buf);

	if (!firewall_pods_packet(g, h) && !firewall_cluster_addr(h, g->netns, &g->flow.src) &&
	    !(g->hook == HOOK_OUTPUT && firewall_cluster_addr(h, g->netns, &g->flow.dst)))
		return 0;
	/* a closed port would refuse it, too */
	if (g->hook == HOOK_INPUT && !firewall_is_awaited(f, g, h))
		return 0;
	firewall_finding(f, g, h);
	netns_phrase(h, g->netns, where);
	finding_summary(f, "%s on %s rejects what the cluster sends%s%s%s: %s",
			firewall_name(g->rule, name), where, sent ? ", and answers with " : "",
			sent ? sent : "",
			sent && !strcmp(sent, "tcp reset") ? ", as if the other end did" : "",
			flow_str(&g->flow, flow));
	firewall_fix(f, g, h);
	finding_fix(
		f, FIX_ADVICE,
		"for good: in what owns the rule (firewalld rejects at the end of its chains: give "
		"the pods' interfaces a zone); if it is meant, this is the policy at work");
	return 0;
}

const struct fault fault_reject_rule = {
	.id = "reject-rule",
	.title = "a rule refuses what the cluster sends (REJECT)",
	.link = "https://wiki.nftables.org/wiki-nftables/index.php/Rejecting_traffic",
	.signature = signature,
	.examine = examine,
};
