// SPDX-License-Identifier: GPL-2.0-only
/*
 * Masquerading finds no address to give to what leaves: neither the device nor any other has one of
 * global scope (inet_select_addr(), net/ipv4/devinet.c), so that nf_nat_masquerade_ipv4() drops the
 * packet (net/netfilter/nf_nat_masquerade.c). An uplink has lost its lease, say, on a node whose
 * pods have a link-local gateway.
 *
 * IPv6 takes link-local addresses, too, which every device has.
 */
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../conntrack.h"
#include "../firewall.h"

static bool signature(const struct group *g)
{
	return conntrack_refused(g) && g->hook == HOOK_POSTROUTING && g->has_ct_status &&
	       !(g->ct_status & IPS_SRC_NAT_DONE) && g->flow.src.family == AF_INET &&
	       !addr_is_multicast(&g->flow.dst);
}

/* Recorded. */
static bool has_no_address(struct host *h, uint32_t netns, struct finding *f)
{
	const struct if_addr *a;
	size_t n;

	if (h->ops->addrs(h, netns, &a, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (a[i].net.addr.family == AF_INET && a[i].scope == RT_SCOPE_UNIVERSE)
			return false;
	}
	finding_evidence(f, AGREES_YES, "IPv4 addresses of global scope", "none, on any device",
			 "one, of the device that packets leave by");
	return true;
}

/* By iptables' target, or nftables' expression. Recorded. */
static int masquerades(struct host *h, uint32_t netns, struct finding *f)
{
	static const struct rules_like likes[] = {{.bytes = "MASQUERADE", .n = 10},
						  {.bytes = "masq", .n = 5}};
	int has = host_rules_have_any(h, netns, false, likes, sizeof(likes) / sizeof(likes[0]));

	if (has)
		finding_evidence(f, has > 0 ? AGREES_YES : AGREES_UNREAD, "rules that masquerade",
				 has > 0 ? "some" : strerror(-has), NULL);
	return has;
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], flow[FLOW_STRLEN];
	int has;

	if (!has_no_address(h, g->netns, f) || !(has = masquerades(h, g->netns, f)))
		return 0;
	netns_phrase(h, g->netns, where);
	f->netns = g->netns;
	f->status = has > 0 ? STATUS_CONFIRMED : STATUS_SUSPECTED;
	finding_place(f, h, "%s", g->out);
	finding_summary(f,
			"%s masquerades what leaves through %s, and has no IPv4 address to give "
			"it, so it is dropped: %s",
			where, g->out[0] ? g->out : "a device", flow_str(&g->flow, flow));
	finding_fix(
		f, FIX_ADVICE,
		"give %s its address back (`ip -4 address show`): a DHCP client that has stopped "
		"or lost its lease, a network manager that took the device over",
		g->out[0] ? g->out : "the device");
	return 0;
}

const struct fault fault_masq_no_address = {
	.id = "masq-no-address",
	.title = "masquerading has no address to give to what leaves",
	.link = "https://wiki.nftables.org/wiki-nftables/index.php/"
		"Performing_Network_Address_Translation_(NAT)",
	.signature = signature,
	.examine = examine,
};
