// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bridge port does not forward, or the whole bridge is down, which disables its ports.
 *
 * What comes in is freed in br_handle_frame(), or while the port is learning in
 * br_handle_frame_finish() (net/bridge/br_input.c; BRIDGE_INGRESS_STP_STATE from 6.14), what
 * would go out in br_forward() or br_flood(). The question for an address that is flooded past the
 * port is no drop: there the packet that waits for the answer dies.
 *
 * With the spanning tree on, blocking is how it breaks loops, and listening and learning is how a
 * port begins, for twice the forward delay (15 s each): nothing is said of what dies then, unless
 * an address was asked for in vain for the three seconds that takes, of or for a pod, behind which
 * there can be no loop. With it off a port forwards at once, and any other state is set by hand or
 * left behind by a daemon.
 */
#include <linux/if_bridge.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "../bridge.h"
#include "../catalogue.h"

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->has_sample &&
	       (bridge_dropped_in(g) || bridge_dropped_out(g) || neighbour_failed(g));
}

/* Without a carrier a port is disabled, and that is no wonder. */
static bool is_closed(const struct link *port)
{
	return port && port->port.known && (port->flags & IFF_RUNNING) &&
	       port->port.state != BR_STATE_FORWARDING;
}

static bool is_starting(const struct link *port)
{
	return port->port.state == BR_STATE_LISTENING || port->port.state == BR_STATE_LEARNING;
}

static enum status judge(const struct bridge_path *p, const struct link *port)
{
	if (!p->bridge->bridge.known)
		return STATUS_NONE;
	if (!p->bridge->bridge.stp)
		return STATUS_CONFIRMED;
	return p->resolving && is_starting(port) && bridge_is_leaf(port) ? STATUS_SUSPECTED
									 : STATUS_NONE;
}

/* Behind pods there is no loop, which the spanning tree would have to break. */
static bool has_only_leaves(struct host *h, const struct bridge_path *p)
{
	const struct link *l;
	size_t n;

	if (h->ops->links(h, p->netns, &l, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (l[i].master == p->bridge->ifindex && !bridge_is_leaf(&l[i]))
			return false;
	}
	return true;
}

static void write_fix(struct finding *f, struct host *h, const struct bridge_path *p,
		      const struct link *port)
{
	char dev[80], bridge[80];

	shell_quote(port->name, dev, sizeof(dev));
	shell_quote(p->bridge->name, bridge, sizeof(bridge));
	if (p->bridge->bridge.stp && !has_only_leaves(h, p)) {
		finding_fix(f, FIX_ADVICE,
			    "wait for twice the forward delay of %s (30 s); a shorter one: ip link "
			    "set dev %s type bridge forward_delay 400 (hundredths of a second)",
			    p->bridge->name, bridge);
		return;
	}
	if (p->bridge->bridge.stp)
		finding_fix(f, FIX_NOW, "ip link set dev %s type bridge stp_state 0", bridge);
	/* turning it off leaves the ports as they are */
	finding_fix(f, FIX_NOW, "bridge link set dev %s state %d", dev, BR_STATE_FORWARDING);
	finding_fix(f, FIX_ADVICE,
		    p->bridge->bridge.stp
			    ? "a bridge that has only pods on it needs no spanning tree: create it "
			      "with STP=no, or with a forward delay of 0"
			    : "something set the state of the port, a script or a spanning tree "
			      "daemon that is gone: look for it, or it will do so again");
}

/* A bridge that is down has all of its ports disabled, and takes none of them out of that. */
static void describe_bridge(struct host *h, struct finding *f, const struct bridge_path *p)
{
	char where[NETNS_STRLEN], dev[80], check[80];

	snprintf(check, sizeof(check), "ip link show dev %s", p->bridge->name);
	finding_evidence(f, AGREES_YES, check, "down", "up");
	f->netns = p->netns;
	f->status = STATUS_CONFIRMED;
	netns_phrase(h, p->netns, where);
	finding_place(f, h, "%s", p->bridge->name);
	finding_summary(f, "bridge %s of %s is down, so none of its ports passes packets",
			p->bridge->name, where);
	finding_fix(f, FIX_NOW, "ip link set dev %s up",
		    shell_quote(p->bridge->name, dev, sizeof(dev)));
	finding_fix(f, FIX_ADVICE,
		    "routes over %s went away with it: look whether what made them makes them "
		    "again",
		    p->bridge->name);
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], label[128], check[80];
	const struct link *port;
	struct bridge_path p;
	const char *state;

	if (!bridge_path_find(g, h, &p))
		return 0;
	port = is_closed(p.in) ? p.in : p.out;
	if (!is_closed(port))
		return 0;
	if (!(p.bridge->flags & IFF_UP)) {
		describe_bridge(h, f, &p);
		return 0;
	}
	f->status = judge(&p, port);
	if (f->status == STATUS_NONE)
		return 0;
	state = host_port_state(port->port.state);
	snprintf(check, sizeof(check), "bridge link %s state", port->name);
	finding_evidence(f, AGREES_YES, check, state, "forwarding");
	snprintf(check, sizeof(check), "bridge %s stp_state", p.bridge->name);
	finding_evidence(f, p.bridge->bridge.stp ? AGREES_UNREAD : AGREES_YES, check,
			 p.bridge->bridge.stp ? "on" : "off", NULL);
	f->netns = p.netns;
	netns_phrase(h, p.netns, where);
	finding_place(f, h, "%s", port->name);
	finding_summary(f, "%s of bridge %s of %s is %s, so it passes no packets%s",
			bridge_port_label(h, port, label), p.bridge->name, where, state,
			p.bridge->bridge.stp ? " until the spanning tree is done with it" : "");
	write_fix(f, h, &p, port);
	return 0;
}

const struct fault fault_bridge_stp_blocked = {
	.id = "bridge-stp-blocked",
	.title = "a bridge port does not forward, or the bridge is down",
	.link = "https://docs.kernel.org/networking/bridge.html",
	.signature = signature,
	.examine = examine,
};
