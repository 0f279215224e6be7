// SPDX-License-Identifier: GPL-2.0-only
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "catalogue.h"
#include "noise.h"
#include "rules/rule.h"

struct noise {
	const char *why;
	const char *const *reasons;	     /* one of these, or any if NULL */
	const char *const *functions;	     /* and freed in one of these, or anywhere if NULL */
	bool (*also)(const struct group *g); /* and this, unless NULL */
};

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static bool is_local_only(const struct group *g)
{
	return !g->key.l3 && (g->key.flags & KEY_FROM_MASK) != NETNS_FROM_DEV;
}

static bool is_not_ip(const struct group *g)
{
	return !g->key.l3;
}

static bool to_group_address(const struct group *g)
{
	return g->key.l3 && addr_is_multicast(&g->flow.dst);
}

/* Before there were reasons, a firewall that drops DHCP, VRRP or neighbour discovery says no more
 * than a group that nobody has joined. A bridge has only its own PREROUTING drops and closed ports
 * where frames come in. */
static bool to_unwanted_group(const struct group *g)
{
	static const char *const bridge[] = {"br_handle_frame", NULL};

	return to_group_address(g) && !dropped_by_netfilter(g) && !group_at(g, bridge);
}

/* Late packets of connections that are over; a SYN or SYN-ACK is not that. */
static bool is_late_tcp(const struct group *g)
{
	return g->key.cls == PKT_TCP_RST || g->key.cls == PKT_TCP_FIN || g->key.cls == PKT_TCP_DATA;
}

static bool not_waiting_for_neighbour(const struct group *g)
{
	static const char *const neigh[] = {"neigh_invalidate", "neigh_timer_handler",
					    "__neigh_event_send", NULL};

	return !group_at(g, neigh);
}

/* nf_nat_icmp_reply_translation() drops redirects of translated flows, since they would be wrong
 * (net/netfilter/nf_nat_proto.c). */
static bool is_redirect(const struct group *g)
{
	return g->key.cls == PKT_ICMP &&
	       g->key.icmp_type == (g->key.proto == IPPROTO_ICMPV6 ? 137 : 5);
}

static bool is_duplicate(const struct group *g)
{
	return g->rule && rule_purpose(g->rule) == PURPOSE_DUPLICATES;
}

static bool is_echo_reply(const struct group *g)
{
	return g->key.cls == PKT_ICMP &&
	       g->key.icmp_type == (g->key.proto == IPPROTO_ICMPV6 ? 129 : 0);
}

static bool is_ipv6_control(const struct group *g)
{
	/* MLD and neighbour discovery: types 130–137 and 143 */
	return g->key.cls == PKT_ICMP && g->key.proto == IPPROTO_ICMPV6 &&
	       ((g->key.icmp_type >= 130 && g->key.icmp_type <= 137) || g->key.icmp_type == 143);
}

static const struct noise table[] = {
	{"TCP discards what it already has or cannot use; the sender copes",
	 LIST("TCP_OLD_DATA", "TCP_OLD_SEQUENCE", "TCP_OLD_ACK", "TCP_TOO_OLD_ACK", "TCP_OFOMERGE",
	      "TCP_OFO_DROP", "TCP_OFO_QUEUE_PRUNE", "TCP_RFC7323_PAWS", "TCP_RFC7323_PAWS_ACK",
	      "TCP_RFC7323_TW_PAWS", "TCP_RFC7323_TSECR", "TCP_INVALID_SEQUENCE",
	      "TCP_INVALID_ACK_SEQUENCE", "TCP_INVALID_END_SEQUENCE", "TCP_ACK_UNSENT_DATA",
	      "TCP_ZEROWINDOW", "TCP_OVERWINDOW", "TCP_RESET", "TCP_CLOSE", "TCP_FLAGS",
	      "TCP_FASTOPEN"),
	 NULL, NULL},
	{"ping's reply, freed after it was handed to the pinging process",
	 LIST("NO_SOCKET", "NOT_SPECIFIED"), LIST("ping_rcv", "icmp_rcv", "icmpv6_rcv"),
	 is_echo_reply},
	{"late packets of connections that are over", LIST("NO_SOCKET"), NULL, is_late_tcp},
	{"late packets of connections that are over", LIST("NOT_SPECIFIED"),
	 LIST("tcp_v4_rcv", "tcp_v6_rcv"), is_late_tcp},
	{"queues of a closing socket or a device that goes away",
	 LIST("QUEUE_PURGE", "SOCKET_CLOSE", "NEIGH_DEAD", "SKB_UCOPY_FAULT"), NULL,
	 not_waiting_for_neighbour},
	{"errors queued for a socket that closed", NULL,
	 LIST("inet_sock_destruct", "skb_queue_purge", "skb_queue_purge_reason", "tcp_disconnect"),
	 NULL},
	{"frames for other hosts", LIST("OTHERHOST"), NULL, NULL},
	{"link-layer control frames without a listener",
	 LIST("UNHANDLED_PROTO", "MAC_IEEE_MAC_CONTROL"), NULL, is_not_ip},
	{"messages between local sockets",
	 LIST("UNIX_DISCONNECT", "UNIX_SKIP_OOB", "PACKET_SOCK_ERROR"), NULL, NULL},
	{"messages between local sockets, no packets", LIST("NOT_SPECIFIED", "SOCKET_FILTER"), NULL,
	 is_local_only},
	{"IPv6 control traffic where IPv6 is off or nobody listens",
	 LIST("IPV6DISABLED", "INVALID_PROTO"), NULL, is_ipv6_control},
	{"IPv6 multicast where IPv6 is off or nobody listens",
	 LIST("IPV6DISABLED", "INVALID_PROTO"), NULL, to_group_address},
	{"neighbour discovery that is not for this host",
	 LIST("IPV6_NDISC_FRAG", "IPV6_NDISC_HOP_LIMIT", "IPV6_NDISC_BAD_CODE",
	      "IPV6_NDISC_BAD_OPTIONS", "IPV6_NDISC_NS_OTHERHOST"),
	 NULL, NULL},
	{"neighbour discovery and group membership of IPv6", NULL,
	 LIST("vxlan_xmit", "ip6_mc_input", "ndisc_rcv", "igmp6_event_query", "br_flood",
	      "ip6_finish_output2", "icmpv6_rcv", "ip6_protocol_deliver_rcu", "icmpv6_notify"),
	 is_ipv6_control},
	{"multicast or broadcast without a receiver",
	 LIST("NO_TX_TARGET", "NOT_SPECIFIED", "VXLAN_NO_REMOTE", "IP_INNOROUTES"), NULL,
	 to_unwanted_group},
	{"ICMP redirects about translated flows, which NAT always drops", LIST("NETFILTER_DROP"),
	 NULL, is_redirect},
	{"duplicates that a bridge in promiscuous mode makes, and kubelet's rule takes away", NULL,
	 NULL, is_duplicate},
	/* inet_rtm_getroute(), net/ipv4/route.c, makes one, and frees it if there is no route */
	{"route lookups (`ip route get`, and whydrop's own), which are no packets",
	 LIST("NOT_SPECIFIED"), LIST("inet_rtm_getroute", "inet6_rtm_getroute"), NULL},
	{"frees that a driver put off", LIST("NOT_SPECIFIED"), LIST("net_tx_action"), NULL},
};

const char *noise_why(const struct group *g)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct noise *n = &table[i];

		if ((!n->reasons || group_reason(g, n->reasons)) &&
		    (!n->functions || group_at(g, n->functions)) && (!n->also || n->also(g)))
			return n->why;
	}
	return NULL;
}
