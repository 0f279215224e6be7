// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bridge may not pass the frame to the port behind which its destination is.
 *
 * Isolated: br_skb_isolated() passes nothing from one isolated port to another (should_deliver(),
 * net/bridge/br_forward.c; freed in br_forward(), or in br_flood() where the destination has not
 * been learned). Flood off: a frame for an address that has not been learned goes to no port
 * without BR_FLOOD; br_flood() frees it where no port is left (NO_TX_TARGET, 6.14).
 *
 * Both also stop the question for an address, in silence: the flooded frame has other ports to go
 * to. Then the sender's packet dies of an unresolved neighbour.
 */
#include <stdio.h>
#include <string.h>

#include "../bridge.h"
#include "../catalogue.h"

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->has_sample &&
	       (bridge_dropped_out(g) || neighbour_failed(g));
}

static void switch_evidence(struct finding *f, const struct link *port, const char *name,
			    const char *value, const char *want)
{
	char check[80];

	snprintf(check, sizeof(check), "bridge link %s %s", port->name, name);
	finding_evidence(f, AGREES_YES, check, value, want);
}

static void examine_isolated(const struct bridge_path *p, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], from[128], to[128], dev[80];
	/* the two are named in one order, whoever of them sends: one finding for both ways */
	const struct link *a = p->in->ifindex < p->out->ifindex ? p->in : p->out;
	const struct link *b = a == p->in ? p->out : p->in;

	switch_evidence(f, a, "isolated", "on", "off on one of the two");
	switch_evidence(f, b, "isolated", "on", "off on one of the two");
	f->status = STATUS_CONFIRMED;
	netns_phrase(h, p->netns, where);
	finding_place(f, h, "%s-%s", a->name, b->name);
	finding_summary(f,
			"bridge %s of %s passes nothing between %s and %s, since both are "
			"isolated; that may be meant, and if so this is the policy at work",
			p->bridge->name, where, bridge_port_label(h, a, from),
			bridge_port_label(h, b, to));
	finding_fix(f, FIX_NOW, "bridge link set dev %s isolated off",
		    shell_quote(b->name, dev, sizeof(dev)));
	finding_fix(f, FIX_ADVICE,
		    "find what isolates the ports: the bridge plugin's \"portIsolation\" below "
		    "/etc/cni/net.d, Isolated= in systemd-networkd's files, a VM's "
		    "<port isolated='yes'/>");
}

static void examine_flood(const struct group *g, const struct bridge_path *p, struct host *h,
			  struct finding *f)
{
	char where[NETNS_STRLEN], to[128], check[80], dev[80];

	switch_evidence(f, p->out, "flood", "off", "on");
	snprintf(check, sizeof(check), "FDB of %s for %02x:%02x:%02x:%02x:%02x:%02x",
		 p->bridge->name, g->dst_mac[0], g->dst_mac[1], g->dst_mac[2], g->dst_mac[3],
		 g->dst_mac[4], g->dst_mac[5]);
	finding_evidence(f, AGREES_YES, check, "no entry", p->out->name);
	f->status = STATUS_CONFIRMED;
	netns_phrase(h, p->netns, where);
	finding_place(f, h, "%s", p->out->name);
	finding_summary(f,
			"bridge %s of %s has not learned where the destination is, and does not "
			"flood to %s, behind which it is",
			p->bridge->name, where, bridge_port_label(h, p->out, to));
	finding_fix(f, FIX_NOW, "bridge link set dev %s flood on",
		    shell_quote(p->out->name, dev, sizeof(dev)));
	finding_fix(f, FIX_ADVICE,
		    "where flooding is off on purpose the ports need static entries: bridge fdb "
		    "add MAC dev PORT master static");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	static const char *const flood[] = {"br_flood", "br_handle_frame_finish", "br_dev_xmit",
					    NULL};
	struct bridge_path p;

	if (!bridge_path_find(g, h, &p) || !p.out || p.in == p.out || !p.out->port.known)
		return 0;
	f->netns = p.netns;
	if (p.in->port.isolated && p.out->port.isolated)
		examine_isolated(&p, h, f);
	else if (!p.resolving && !p.learned && !p.out->port.flood && group_at(g, flood))
		examine_flood(g, &p, h, f);
	return 0;
}

const struct fault fault_bridge_no_egress = {
	.id = "bridge-no-egress",
	.title = "a bridge passes nothing on to a port (isolated, or flooding off)",
	.link = "https://man7.org/linux/man-pages/man8/bridge.8.html",
	.signature = signature,
	.examine = examine,
};
