// SPDX-License-Identifier: GPL-2.0-only
/*
 * A node that should route does not.
 *
 * IPv4: ip_route_input_slow() refuses to route a packet that came in by an interface whose
 * forwarding is off (net/ipv4/route.c), and ip_error() frees it; IP_INADDRERRORS there means just
 * that (5.19). IPv6: ip6_forward() frees it while conf.all.forwarding is 0 (net/ipv6/ip6_output.c).
 *
 * A host that is no router frees stray packets the same way, and rightly: so there must be proof
 * that this netns is meant to forward, and that it has an interface to send the packet out by. That
 * is another one, or the bridge it came by: a pod that asks a Service whose backend is its
 * neighbour.
 */
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "../catalogue.h"

static bool signature(const struct group *g)
{
	static const char *const reasons[] = {"IP_INADDRERRORS", "NOT_SPECIFIED", NULL};
	static const char *const v4[] = {"ip_error", NULL};
	static const char *const v6[] = {"ip6_forward", NULL};

	if (g->kind != SAMPLE_DROP || !g->netns || !group_reason(g, reasons))
		return false;
	return group_maybe_at(g, g->key.l3 == ETHERTYPE_IPV6 ? v6 : v4);
}

/* The interface the packet should leave by, or NULL. The lookup is made without the input
 * interface, since with it the kernel gives the very error that is to be explained. */
static const struct link *way_out(const struct group *g, struct host *h)
{
	struct route_query q = {.dst = g->flow.dst, .mark = g->mark};
	struct route_answer a;

	if (h->ops->route_get(h, g->netns, &q, &a) || a.type != RTN_UNICAST)
		return NULL;
	return host_link(h, g->netns, a.oif);
}

/* A veth whose other end, in another netns, has one of our addresses as its gateway. */
static bool serves_as_gateway(struct host *h, uint32_t netns, const struct link *l)
{
	const struct route *r;
	size_t n;

	if (strcmp(l->kind, "veth") || !l->peer_is_away || !l->peer_netns ||
	    h->ops->routes(h, l->peer_netns, &r, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (host_addr_owner(h, netns, &r[i].gateway))
			return true;
	}
	return false;
}

/* Why is this netns meant to forward? Static text, or NULL. */
static const char *role_of(struct host *h, uint32_t netns, const struct link *l)
{
	if (!l)
		return NULL;
	if (!strcmp(l->kind, "bridge") && host_is_pod_bridge(h, netns, l))
		return "a bridge with pods on it";
	if (host_is_tunnel(l))
		return "a tunnel to other nodes";
	/* the gateway may be an address that nobody has (169.254.1.1 of AWS's CNI and Calico) */
	if (serves_as_gateway(h, netns, l) || host_is_pod_veth(h, netns, l))
		return "a veth whose other end has this node as its gateway";
	return NULL;
}

static void prove_role(struct finding *f, const struct link *l, const char *role)
{
	char check[64];

	snprintf(check, sizeof(check), "role of %s", l->name);
	finding_evidence(f, AGREES_YES, check, role, NULL);
}

static void prove_route(struct finding *f, const struct group *g, const struct link *out)
{
	char dst[ADDR_STRLEN], check[96], value[32];

	snprintf(check, sizeof(check), "route get %s", addr_str(&g->flow.dst, dst));
	snprintf(value, sizeof(value), "dev %s", out->name);
	finding_evidence(f, AGREES_YES, check, value, NULL);
}

/* The node's way out into the world. */
static bool is_uplink(struct host *h, uint32_t netns, const struct link *l)
{
	const struct route *r;
	size_t n;

	if (h->ops->routes(h, netns, &r, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!r[i].dst.bits && r[i].type == RTN_UNICAST && r[i].oif == l->ifindex)
			return true;
	}
	return false;
}

/* Is it off for the whole netns, or for the input interface only? name becomes the sysctl that is
 * to be judged by. Everything that was read is recorded. */
static enum agrees find_switch(struct finding *f, const struct group *g, struct host *h,
			       const struct link *in, bool has_role, char *name, size_t size)
{
	bool v6 = g->key.l3 == ETHERTYPE_IPV6;
	enum agrees off;

	snprintf(name, size, "%s", v6 ? "net/ipv6/conf/all/forwarding" : "net/ipv4/ip_forward");
	/* since 6.17 an interface may forward IPv6 though the netns does not */
	if (v6 && host_conf_is_on(h, g->netns, "ipv6", in, "force_forwarding"))
		return AGREES_NO;
	off = evidence_sysctl(f, h, g->netns, name, "1");
	if (v6 || off != AGREES_NO)
		return off;
	/* One interface only: a storage or management network is closed on purpose. */
	if (!has_role && !is_uplink(h, g->netns, in))
		return AGREES_NO;
	snprintf(name, size, "net/ipv4/conf/%s/forwarding", in->name);
	return evidence_sysctl(f, h, g->netns, name, "1");
}

static void write_fix(struct finding *f, struct host *h, const char *sysctl)
{
	finding_fix_sysctl(f, h, sysctl);
	if (strstr(sysctl, "ipv6"))
		finding_fix(f, FIX_ADVICE,
			    "a router takes no router advertisements: an interface whose default "
			    "route comes from them needs net.ipv6.conf.IF.accept_ra=2");
	finding_fix(f, FIX_ADVICE,
		    "if it is off again after a while, something turns it off: look for it in "
		    "/etc/sysctl.d, /run/sysctl.d, /usr/lib/sysctl.d (later names win) and in "
		    "hardening tools");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const struct link *in = host_link(h, g->netns, g->in_ifindex);
	const struct link *out = way_out(g, h);
	const char *in_role, *out_role;
	char where[NETNS_STRLEN], dst[ADDR_STRLEN], sysctl[64], text[80];
	enum agrees off;

	if (!in || !out || addr_is_linklocal(&g->flow.src))
		return 0;
	in_role = role_of(h, g->netns, in);
	out_role = out != in ? role_of(h, g->netns, out) : NULL;
	if (!in_role && !out_role)
		return 0;
	off = find_switch(f, g, h, in, in_role, sysctl, sizeof(sysctl));
	if (off == AGREES_NO)
		return 0;
	if (in_role)
		prove_role(f, in, in_role);
	if (out_role)
		prove_role(f, out, out_role);
	prove_route(f, g, out);
	netns_phrase(h, g->netns, where);
	f->netns = g->netns;
	f->status = off == AGREES_YES ? STATUS_CONFIRMED : STATUS_SUSPECTED;
	finding_place(f, h, "%s", sysctl);
	finding_summary(f,
			"%s does not forward %s: %s is %s, so what arrives on %s for %s is thrown "
			"away instead of leaving through %s%s",
			where, g->key.l3 == ETHERTYPE_IPV6 ? "IPv6" : "IPv4",
			sysctl_text(sysctl, text, sizeof(text)),
			off == AGREES_YES ? "0" : "perhaps 0 (it could not be read)", in->name,
			addr_str(&g->flow.dst, dst), out->name, out == in ? " again" : "");
	write_fix(f, h, sysctl);
	return 0;
}

const struct fault fault_ip_forward_off = {
	.id = "ip-forward-off",
	.title = "IP forwarding is off",
	.link = "https://docs.kernel.org/networking/ip-sysctl.html",
	.signature = signature,
	.examine = examine,
};
