// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pod cannot reach itself through its Service.
 *
 * Its packet's destination is translated to the pod itself while it crosses the bridge
 * (br_nf_pre_routing_finish(), net/bridge/br_netfilter_hooks.c), so that the frame must leave by
 * the port it came by. should_deliver() in net/bridge/br_forward.c allows that only to a port in
 * hairpin mode, and br_forward() frees it, without a reason of its own.
 *
 * A network behind a port sends the bridge frames for its own hosts all the time. So only a packet
 * counts that a pod gets from itself.
 */
#include <stdio.h>
#include <string.h>

#include "../bridge.h"
#include "../catalogue.h"

static bool signature(const struct group *g)
{
	return g->kind == SAMPLE_DROP && g->netns && g->has_sample && g->flow.src.family &&
	       bridge_dropped_out(g) && (addr_eq(&g->flow.src, &g->flow.dst) || g->has_original);
}

static bool is_reflected(const struct group *g, struct host *h, const struct bridge_path *p)
{
	const struct link *own = host_port_of_mac(h, p->netns, p->bridge->ifindex, g->dst_mac);

	return p->out && p->in == p->out && p->in != p->bridge && p->in == own;
}

static void write_fix(struct finding *f, const struct link *port)
{
	char dev[80];

	finding_fix(f, FIX_NOW, "bridge link set dev %s hairpin on",
		    shell_quote(port->name, dev, sizeof(dev)));
	finding_fix(f, FIX_ADVICE,
		    "every pod gets a new port: set \"hairpinMode\": true in the bridge plugin's "
		    "configuration below /etc/cni/net.d and restart the pods");
}

static int examine(const struct group *g, struct host *h, struct finding *f)
{
	char where[NETNS_STRLEN], label[128], check[80], service[ADDR_STRLEN + 16] = "a Service";
	char vip[ADDR_STRLEN], pod[ADDR_STRLEN];
	struct bridge_path p;

	if (!bridge_path_find(g, h, &p) || !is_reflected(g, h, &p) || !p.in->port.known ||
	    p.in->port.hairpin)
		return 0;
	if (g->has_original)
		snprintf(service, sizeof(service), "%s port %u", addr_str(&g->original.dst, vip),
			 g->original.dport);
	snprintf(check, sizeof(check), "port of %s", addr_str(&g->flow.dst, pod));
	finding_evidence(f, AGREES_YES, check, "the one it came by", NULL);
	snprintf(check, sizeof(check), "bridge link %s hairpin", p.in->name);
	finding_evidence(f, AGREES_YES, check, "off", "on");
	netns_phrase(h, p.netns, where);
	f->netns = p.netns;
	f->status = STATUS_CONFIRMED;
	finding_place(f, h, "%s", p.in->name);
	finding_summary(f,
			"%s cannot reach itself through %s: the packet must leave bridge %s of %s "
			"by the %s it came by, whose hairpin mode is off",
			pod, service, p.bridge->name, where, bridge_port_label(h, p.in, label));
	write_fix(f, p.in);
	return 0;
}

const struct fault fault_bridge_hairpin_off = {
	.id = "bridge-hairpin-off",
	.title = "a pod cannot reach itself through its Service (hairpin mode)",
	.link = "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
	.signature = signature,
	.examine = examine,
};
