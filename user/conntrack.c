// SPDX-License-Identifier: GPL-2.0-only
#include "conntrack.h"
#include "firewall.h"

bool conntrack_refused(const struct group *g)
{
	return firewall_without_rule(g) && (g->hook == HOOK_POSTROUTING || g->hook == HOOK_INPUT) &&
	       g->ct_state == CT_NEW;
}

bool conntrack_source_translated(const struct group *g)
{
	return g->has_original && (!addr_eq(&g->original.src, &g->flow.src) ||
				   (g->flow.has_ports && g->original.sport != g->flow.sport));
}

static struct flow answer_of(const struct flow *f)
{
	struct flow a = *f;

	a.src = f->dst;
	a.dst = f->src;
	a.sport = f->dport;
	a.dport = f->sport;
	return a;
}

static bool is_same(const struct flow *a, const struct flow *b)
{
	return addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst) && a->sport == b->sport &&
	       a->dport == b->dport;
}

bool conntrack_other(struct finding *f, const struct group *g, struct host *h, struct ct_entry *e)
{
	struct flow answer = answer_of(&g->flow);
	char text[FLOW_STRLEN];

	if (h->ops->conntrack_get(h, g->netns, &answer, (uint16_t)g->ct_zone, e) ||
	    is_same(&e->orig, &g->original))
		return false;
	finding_evidence(f, AGREES_YES, "this packet, after NAT", flow_str(&g->flow, text), NULL);
	finding_evidence(f, AGREES_YES, "who has that already", flow_str(&e->orig, text), "nobody");
	return true;
}

bool conntrack_own(struct finding *f, const struct flow *asked, const struct group *g,
		   struct host *h, struct ct_entry *e)
{
	char text[FLOW_STRLEN];

	if (h->ops->conntrack_get(h, g->netns, asked, (uint16_t)g->ct_zone, e) ||
	    !is_same(&e->orig, asked))
		return false;
	finding_evidence(f, AGREES_YES, "conntrack has it already", flow_str(&e->orig, text),
			 "no entry yet");
	return true;
}
