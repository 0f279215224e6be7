// SPDX-License-Identifier: GPL-2.0-only
/*
 * A frame is larger than the MTU of the device it is handed to, below IP: nobody is told.
 *
 * is_skb_forwardable() (net/core/dev.c) allows the MTU, a link-layer header and a VLAN tag, and
 * anything that is still to be segmented (GSO). br_dev_queue_push_xmit() asks it for the port a
 * bridge sends by (net/bridge/br_forward.c), __dev_forward_skb() for a veth's other end. It also
 * refuses what goes to a device that is down: so the length must prove it. With br_netfilter,
 * br_nf_dev_queue_xmit() comes before and fragments what is larger than the port's MTU, unless it
 * may not (br_nf_ip_fragment(), net/bridge/br_netfilter_hooks.c).
 */
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "../catalogue.h"
#include "../util.h"

#define VLAN_HLEN 4

struct check {
	const char *const *functions;
	bool veth;	/* for a veth's other end; else for a bridge port */
	uint32_t extra; /* what it allows beyond the MTU */
	uint32_t l2;	/* what counts as length beyond the IP packet */
};

static const char *const at_filter[] = {"br_nf_dev_queue_xmit", "br_nf_ip_fragment", NULL};
static const char *const at_port[] = {"br_dev_queue_push_xmit", "br_forward_finish", NULL};
static const char *const at_veth[] = {"__dev_forward_skb",
				      "____dev_forward_skb",
				      "__dev_forward_skb2",
				      "dev_forward_skb",
				      "veth_forward_skb",
				      "veth_xmit",
				      NULL};

static const struct check checks[] = {
	{at_filter, false, 0, 0},
	{at_port, false, ETH_HLEN + VLAN_HLEN, ETH_HLEN},
	{at_veth, true, ETH_HLEN + VLAN_HLEN, ETH_HLEN},
};

static const struct check *find_check(const struct group *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (group_at(g, checks[i].functions))
			return &checks[i];
	}
	return NULL;
}

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->has_sample && find_check(g);
}

/* From where to where: to is too small for what from sends. */
struct step {
	const struct link *from, *to;
	uint32_t netns; /* of to */
};

static bool find_veth(const struct group *g, struct host *h, struct step *s)
{
	s->from = host_link(h, g->netns, g->key.ifindex);
	if (!s->from || strcmp(s->from->kind, "veth"))
		return false;
	s->netns = s->from->peer_is_away ? s->from->peer_netns : g->netns;
	s->to = host_link(h, s->netns, s->from->peer);
	return s->to;
}

/* Whoever on the bridge can send such a frame: the port it came by, or the bridge itself. */
static bool find_port(const struct group *g, struct host *h, struct step *s)
{
	const struct link *in = host_link(h, g->netns, g->in_ifindex);

	s->netns = g->netns;
	s->to = host_link(h, g->netns, g->key.ifindex);
	if (!s->to || !s->to->master)
		return false;
	s->from = in && in->master == s->to->master ? in : host_link(h, g->netns, s->to->master);
	return s->from;
}

static void mtu_evidence(struct finding *f, const struct link *l, enum agrees agrees, uint32_t want)
{
	char check[64], value[16], wanted[24];

	snprintf(check, sizeof(check), "mtu of %s", l->name);
	snprintf(value, sizeof(value), "%u", l->mtu);
	snprintf(wanted, sizeof(wanted), "at least %u", want);
	finding_evidence(f, agrees, check, value, want ? wanted : NULL);
}

/* A tunnel or a network card has its MTU from what lies below it. */
static bool can_grow(const struct link *l)
{
	return !strcmp(l->kind, "veth") || !strcmp(l->kind, "tun");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	const struct check *c = find_check(g);
	char where[NETNS_STRLEN], dev[80], value[32];
	struct step s = {};

	if ((g->key.flags & KEY_FROM_MASK) != NETNS_FROM_DEV ||
	    !(c->veth ? find_veth(g, h, &s) : find_port(g, h, &s)))
		return 0;
	if (!(s.to->flags & IFF_UP) || g->len <= s.to->mtu + c->extra ||
	    g->len > s.from->mtu + c->extra)
		return 0;
	snprintf(value, sizeof(value), "%u bytes", g->len - c->l2);
	finding_evidence(f, AGREES_YES, "packet without its link-layer header", value, NULL);
	mtu_evidence(f, s.to, AGREES_YES, s.from->mtu);
	mtu_evidence(f, s.from, AGREES_YES, 0);
	f->netns = s.netns;
	f->status = STATUS_CONFIRMED;
	netns_phrase(h, s.netns, where);
	finding_place(f, h, "%s", s.to->name);
	finding_summary(f,
			"packets up to the MTU of %s, %u, do not fit %s of %s, whose MTU is %u: "
			"they are thrown away below IP, where no sender is told",
			s.from->name, s.from->mtu, s.to->name, where, s.to->mtu);
	if (can_grow(s.to))
		finding_fix(f, FIX_NOW, "ip link set dev %s mtu %u",
			    shell_quote(s.to->name, dev, sizeof(dev)), s.from->mtu);
	finding_fix(
		f, FIX_ADVICE,
		"all ports of a bridge and both ends of a veth need one MTU: set \"mtu\" in the "
		"CNI's configuration. Where %s cannot be larger, lower the senders to %u",
		s.to->name, s.to->mtu);
	return 0;
}

const struct fault fault_l2_mtu_mismatch = {
	.id = "l2-mtu-mismatch",
	.title = "a device is too small for what is bridged to it (MTU)",
	.link = "https://docs.kernel.org/networking/bridge.html",
	.signature = signature,
	.examine = examine,
};
