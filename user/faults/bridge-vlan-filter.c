// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bridge filters VLANs, and a port is no member of the frame's.
 *
 * What comes in without a tag by a port without a PVID, or with a tag the port has not, is freed in
 * __allowed_ingress() (net/bridge/br_vlan.c), inlined into br_allowed_ingress() on many kernels;
 * what the node itself sends takes the same way, with the bridge as the port. What is for the node
 * is freed in br_pass_frame_up() if the bridge is no member, what is for another port in
 * br_forward(), or in br_flood(), since a port that leaves a VLAN forgets what it learned there.
 *
 * On a trunk, frames of VLANs that nobody here is in are everyday, also to addresses that somebody
 * here has in another VLAN; and untagged ones, where all of its VLANs are tagged.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>

#include "../bridge.h"
#include "../catalogue.h"

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->has_sample &&
	       (bridge_dropped_in(g) || bridge_dropped_out(g) || neighbour_failed(g));
}

struct vlan_table {
	const struct port_vlans *ports;
	size_t n;
};

static const struct port_vlans none;

/* A port without any VLAN is not in the table. */
static const struct port_vlans *of_port(const struct vlan_table *t, const struct link *port)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->ports[i].ifindex == port->ifindex)
			return &t->ports[i];
	}
	return &none;
}

static bool is_on(struct host *h, const struct bridge_path *p, uint32_t ifindex)
{
	const struct link *l = host_link(h, p->netns, ifindex);

	return l && (l->ifindex == p->bridge->ifindex || l->master == p->bridge->ifindex);
}

/* The VLAN of untagged frames on this bridge: what all others on it have, or what new ports get. 0:
 * they differ, so that nobody can say which was meant. */
static uint16_t usual_vlan(struct host *h, const struct bridge_path *p, const struct vlan_table *t)
{
	uint16_t vid = 0;

	for (size_t i = 0; i < t->n; i++) {
		uint16_t other = t->ports[i].pvid;

		if (!other || !is_on(h, p, t->ports[i].ifindex))
			continue;
		if (vid && vid != other)
			return 0;
		vid = other;
	}
	return vid ? vid : p->bridge->bridge.default_pvid;
}

/* Who lacks which VLAN. */
struct lack {
	const struct link *port;
	uint16_t vid;  /* 0: not known which it should be */
	bool untagged; /* it must be the port's PVID as well */
};

/* Was it let in as a member of vid, or rightly refused (0: untagged, and there is no PVID)? */
static bool lacks_on_ingress(const struct port_vlans *v, uint16_t vid)
{
	return vid ? !vlans_have(v, vid) : !v->pvid;
}

static bool has_any(const struct port_vlans *v)
{
	for (size_t i = 0; i < sizeof(v->members); i++) {
		if (v->members[i])
			return true;
	}
	return false;
}

/* May a frame of that VLAN, as it was let in (0: untagged), rightly die at this trunk? Only what
 * somebody here is in the VLAN for is missed. */
static bool trunk_may_refuse(const struct bridge_path *p, const struct vlan_table *t, uint16_t vid)
{
	if (p->in == p->bridge || bridge_is_leaf(p->in))
		return false;
	if (!vid)
		return has_any(of_port(t, p->in));
	return !p->out || p->out == p->in || !vlans_have(of_port(t, p->out), vid);
}

static bool find_lack(const struct group *g, struct host *h, const struct bridge_path *p,
		      const struct vlan_table *t, struct lack *l)
{
	const struct port_vlans *in = of_port(t, p->in), *out;
	uint16_t vid = p->resolving ? 0 : g->vlan;

	if (lacks_on_ingress(in, vid)) {
		*l = (struct lack){p->in, vid ? vid : usual_vlan(h, p, t), !vid};
		return !trunk_may_refuse(p, t, vid);
	}
	/* a tag that the frame did not have is put on it as it comes in */
	vid = vid ? vid : in->pvid;
	if (!p->out || p->out == p->in || vlans_have(of_port(t, p->out), vid))
		return false;
	/* One that is in another VLAN is kept apart on purpose; but one whose VLANs are all tagged
	 * has the address in more than one, or the frame would not be for it. */
	out = of_port(t, p->out);
	*l = (struct lack){p->out, vid, !has_any(out)};
	return l->untagged || (!out->pvid && !p->by_addr);
}

static void write_fix(struct finding *f, const struct bridge_path *p, const struct lack *l)
{
	char dev[80], bridge[80];

	if (!l->vid) {
		finding_fix(f, FIX_ADVICE,
			    "the other ports are in several VLANs: bridge vlan add dev %s vid N%s "
			    "pvid untagged, with N the one that this port is meant to be in",
			    l->port->name, l->port == p->bridge ? " self" : "");
		return;
	}
	finding_fix(f, FIX_NOW, "bridge vlan add dev %s vid %u%s%s",
		    shell_quote(l->port->name, dev, sizeof(dev)), l->vid,
		    l->untagged ? " pvid untagged" : "", l->port == p->bridge ? " self" : "");
	if (l->untagged && !p->bridge->bridge.default_pvid)
		finding_fix(f, FIX_ADVICE,
			    "new ports of %s get no VLAN, since its default PVID is 0: ip link set "
			    "dev %s type bridge vlan_default_pvid %u, before ports are added",
			    p->bridge->name, shell_quote(p->bridge->name, bridge, sizeof(bridge)),
			    l->vid);
	finding_fix(
		f, FIX_ADVICE,
		"look for what removes the VLAN: the bridge plugin's \"vlan\" and \"vlanTrunk\" "
		"below /etc/cni/net.d, systemd-networkd's [BridgeVLAN]");
}

static void write_state(struct finding *f, const struct bridge_path *p, const struct lack *l)
{
	char check[80], value[64], want[32];

	snprintf(check, sizeof(check), "bridge %s vlan_filtering", p->bridge->name);
	finding_evidence(f, AGREES_YES, check, "1", NULL);
	snprintf(check, sizeof(check), "bridge vlan show dev %s", l->port->name);
	if (l->vid)
		snprintf(value, sizeof(value), "not a member of VLAN %u", l->vid);
	else
		snprintf(value, sizeof(value), "no PVID");
	snprintf(want, sizeof(want), "%u%s", l->vid, l->untagged ? " PVID" : "");
	finding_evidence(f, AGREES_YES, check, value, l->vid ? want : "a PVID");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], label[128], vlan[40] = "any VLAN for untagged frames";
	struct vlan_table t;
	struct bridge_path p;
	struct lack l;

	if (!bridge_path_find(g, h, &p) || !p.bridge->bridge.vlan_filtering ||
	    h->ops->vlans(h, p.netns, &t.ports, &t.n) || !find_lack(g, h, &p, &t, &l))
		return 0;
	if (l.vid)
		snprintf(vlan, sizeof(vlan), "VLAN %u", l.vid);
	write_state(f, &p, &l);
	f->netns = p.netns;
	f->status = STATUS_CONFIRMED;
	netns_phrase(h, p.netns, where);
	finding_place(f, h, "%s", l.port->name);
	finding_summary(f,
			"bridge %s of %s filters VLANs, and %s is not in %s: what comes from "
			"there or is for it is thrown away",
			p.bridge->name, where, bridge_port_label(h, l.port, label), vlan);
	write_fix(f, &p, &l);
	return 0;
}

const struct fault fault_bridge_vlan_filter = {
	.id = "bridge-vlan-filter",
	.title = "a bridge port is no member of the frames' VLAN",
	.link = "https://man7.org/linux/man-pages/man8/bridge.8.html",
	.signature = signature,
	.examine = examine,
};
