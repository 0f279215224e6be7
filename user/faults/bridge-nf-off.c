// SPDX-License-Identifier: GPL-2.0-only
/*
 * A Service whose backend is on the same bridge as the client never answers.
 *
 * The client's packet is routed and its destination translated in PREROUTING, but the answer goes
 * from pod to pod over the bridge. Only br_netfilter takes bridged frames through the IP hooks,
 * where the answer's source would be translated back (net/bridge/br_netfilter_hooks.c). Without it
 * the client gets a SYN-ACK from an address it never wrote to, and no socket fits. Nothing is
 * dropped at the bridge: the proof is the answer in the client's netns, joined with the node's
 * conntrack entry that shows the translation and no reply.
 *
 * br_netfilter is on if the netns's sysctl or the bridge's own flag is.
 */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "../catalogue.h"

static bool signature(const struct group *g)
{
	static const char *const reasons[] = {"NO_SOCKET", "NOT_SPECIFIED", NULL};
	static const char *const tcp[] = {"tcp_v4_rcv", "tcp_v6_rcv", NULL};
	static const char *const udp[] = {"__udp4_lib_rcv", "udp_rcv", "__udp6_lib_rcv",
					  "udpv6_rcv", NULL};

	if (g->kind != SAMPLE_DROP || !g->has_sample || !g->flow.has_ports || !g->has_src_mac ||
	    !group_reason(g, reasons))
		return false;
	return g->key.cls == PKT_TCP_SYNACK ? group_maybe_at(g, tcp)
					    : g->key.proto == IPPROTO_UDP && group_maybe_at(g, udp);
}

/* Where the answer came from and went to, on the node. */
struct place {
	uint32_t node;
	const struct link *bridge, *client_port, *server_port;
};

/* Both ends on one bridge, and the frame came from the server's port: a routed one has the bridge's
 * own address as its source. */
static bool find_place(const struct group *g, struct host *h, struct place *p)
{
	const struct link *in = host_link(h, g->netns, g->in_ifindex);

	if (!in || strcmp(in->kind, "veth") || !in->peer_is_away || !in->peer_netns)
		return false;
	p->node = in->peer_netns;
	p->client_port = host_link(h, p->node, in->peer);
	if (!p->client_port || !p->client_port->master)
		return false;
	p->bridge = host_link(h, p->node, p->client_port->master);
	if (!p->bridge || strcmp(p->bridge->kind, "bridge"))
		return false;
	p->server_port = host_fdb_port(h, p->node, p->bridge->ifindex, g->src_mac);
	return p->server_port && p->server_port != p->client_port;
}

/* The client's entry, the answer's flow being its reply, was its destination translated to the
 * answer's source? */
static bool is_translated(const struct group *g, const struct ct_entry *e)
{
	return addr_eq(&e->orig.src, &g->flow.dst) && e->orig.sport == g->flow.dport &&
	       addr_eq(&e->reply.src, &g->flow.src) && e->reply.sport == g->flow.sport &&
	       (!addr_eq(&e->orig.dst, &g->flow.src) || e->orig.dport != g->flow.sport);
}

/* STATUS_CONFIRMED: the translation is proved. SUSPECTED: conntrack could not be read. */
static enum status prove_translation(struct finding *f, const struct group *g, struct host *h,
				     uint32_t node, struct ct_entry *found)
{
	char check[80], value[FLOW_STRLEN * 2 + 40], a[FLOW_STRLEN], b[FLOW_STRLEN];
	struct ct_entry e;
	int err = h->ops->conntrack_get(h, node, &g->flow, 0, &e);

	snprintf(check, sizeof(check), "conntrack of %s", addr_str(&g->flow.dst, a));
	if (err == -ENOENT)
		return STATUS_NONE;
	/* without conntrack nothing was translated; and a UDP packet to a closed port is an
	 * everyday thing, so that it takes the proof */
	if (err && (h->ops->sysctl(h, node, "net/netfilter/nf_conntrack_max", value,
				   sizeof(value)) == -ENOENT ||
		    g->key.proto == IPPROTO_UDP))
		return STATUS_NONE;
	if (err) {
		finding_evidence(f, AGREES_UNREAD, check, strerror(-err),
				 "an entry without reply for the translated flow");
		return STATUS_SUSPECTED;
	}
	if (!is_translated(g, &e) || (e.status & IPS_SEEN_REPLY))
		return STATUS_NONE;
	*found = e;
	snprintf(value, sizeof(value), "%s, answered as %s [UNREPLIED]", flow_str(&e.orig, a),
		 flow_str(&e.reply, b));
	finding_evidence(f, AGREES_YES, check, value, "replies seen");
	return STATUS_CONFIRMED;
}

static enum agrees prove_off(struct finding *f, struct host *h, const struct place *p, bool v6,
			     const char *sysctl)
{
	bool flag = v6 ? p->bridge->bridge.nf_call_ip6tables : p->bridge->bridge.nf_call_iptables;
	enum agrees off;
	char check[64];

	if (p->bridge->bridge.known && flag)
		return AGREES_NO;
	off = evidence_sysctl(f, h, p->node, sysctl, "1");
	if (off == AGREES_NO)
		return AGREES_NO;
	snprintf(check, sizeof(check), "bridge %s %s", p->bridge->name,
		 v6 ? "nf_call_ip6tables" : "nf_call_iptables");
	if (p->bridge->bridge.known)
		finding_evidence(f, AGREES_YES, check, "0", NULL);
	return off;
}

static void write_fix(struct finding *f, struct host *h, uint32_t node, const char *sysctl)
{
	char value[8];

	if (h->ops->sysctl(h, node, sysctl, value, sizeof(value)) == -ENOENT)
		finding_fix(f, FIX_NOW, "modprobe br_netfilter");
	finding_fix(f, FIX_PERSIST, "echo br_netfilter > /etc/modules-load.d/br_netfilter.conf");
	finding_fix_sysctl(f, h, sysctl);
}

static void write_summary(struct finding *f, const struct group *g, const struct place *p,
			  const char *where, const struct ct_entry *e, const char *sysctl)
{
	char client[ADDR_STRLEN], server[ADDR_STRLEN], service[ADDR_STRLEN + 48] = "a Service";
	char vip[ADDR_STRLEN], text[80];

	if (e)
		snprintf(service, sizeof(service), "Service %s port %u",
			 addr_str(&e->orig.dst, vip), e->orig.dport);
	finding_summary(f,
			"answers of %s to %s skip the packet filter on bridge %s of %s, since %s "
			"is not 1: they reach the client with the backend's address instead of "
			"that of %s, and are thrown away",
			addr_str(&g->flow.src, server), addr_str(&g->flow.dst, client),
			p->bridge->name, where, sysctl_text(sysctl, text, sizeof(text)), service);
}

/* From the backend straight to the client, past the packet filter. */
static void write_path(struct finding *f, const struct group *g, struct host *h,
		       const struct place *p)
{
	char server[NETNS_STRLEN], client[NETNS_STRLEN];

	if (p->server_port->peer_netns)
		netns_label(h, p->server_port->peer_netns, server);
	else
		addr_str(&g->flow.src, server);
	free(f->path);
	f->path = xasprintf("%s → %s → %s → %s → %s → %s ✗", server, p->server_port->name,
			    p->bridge->name, p->client_port->name, netns_label(h, g->netns, client),
			    g->loc.name ? g->loc.name : g->reason);
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	bool v6 = g->key.l3 == ETHERTYPE_IPV6;
	const char *sysctl =
		v6 ? "net/bridge/bridge-nf-call-ip6tables" : "net/bridge/bridge-nf-call-iptables";
	struct ct_entry e = {};
	char where[NETNS_STRLEN], check[64];
	struct place p;
	enum agrees off;

	if (!find_place(g, h, &p))
		return 0;
	off = prove_off(f, h, &p, v6, sysctl);
	if (off == AGREES_NO)
		return 0;
	f->status = prove_translation(f, g, h, p.node, &e);
	if (f->status == STATUS_NONE)
		return 0;
	if (off != AGREES_YES)
		f->status = STATUS_SUSPECTED;
	snprintf(check, sizeof(check), "ports of bridge %s", p.bridge->name);
	finding_evidence(f, AGREES_YES, check,
			 "the answer came straight from the backend's port, not by routing", NULL);
	f->netns = p.node;
	netns_phrase(h, p.node, where);
	finding_place(f, h, "%s/%s", p.bridge->name, v6 ? "ip6" : "ip");
	write_summary(f, g, &p, where, e.proto ? &e : NULL, sysctl);
	write_path(f, g, h, &p);
	write_fix(f, h, p.node, sysctl);
	return 0;
}

const struct fault fault_bridge_nf_off = {
	.id = "bridge-nf-off",
	.title = "bridged packets skip the packet filter (br_netfilter)",
	.link = "https://kubernetes.io/docs/setup/production-environment/container-runtimes/",
	.signature = signature,
	.examine = examine,
};
