// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "diagnose.h"
#include "noise.h"
#include "rules/rule.h"
#include "util.h"

#define MAX_FIXES 32

static int find_finding(const struct diagnosis *d, const struct fault *fault, const char *place)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->findings[i].fault == fault && !strcmp(d->findings[i].place, place))
			return (int)i;
	}
	return -1;
}

/* The same finding from another group may need one more command, say for another address. */
static void take_commands(struct finding *to, const struct finding *from)
{
	for (size_t i = 0; i < from->n_fix; i++) {
		bool known = from->fix[i].when != FIX_NOW || to->n_fix >= MAX_FIXES;

		for (size_t j = 0; j < to->n_fix && !known; j++)
			known = !strcmp(to->fix[j].text, from->fix[i].text);
		if (!known)
			finding_fix(to, FIX_NOW, "%s", from->fix[i].text);
	}
}

/* Where there is room for one more: that of one that was taken back, or at the end. */
static int new_finding(struct diagnosis *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (!d->findings[i].fault)
			return (int)i;
	}
	d->findings = xreallocarray(d->findings, d->n + 1, sizeof(*d->findings));
	return (int)d->n++;
}

/* f's memory goes to the diagnosis, or is freed where the same finding stands as strongly. */
static int add_finding(struct diagnosis *d, struct finding *f)
{
	int i = find_finding(d, f->fault, f->place);

	if (i < 0) {
		i = new_finding(d);
		d->findings[i] = *f;
		return i;
	}
	if (f->status > d->findings[i].status ||
	    (f->status == d->findings[i].status && f->rule && !d->findings[i].rule)) {
		finding_free(&d->findings[i]);
		d->findings[i] = *f;
	} else {
		take_commands(&d->findings[i], f);
		finding_free(f);
	}
	return i;
}

static void take_name(struct finding *f, struct host *h)
{
	const char *name = f->netns ? h->ops->netns_name(h, f->netns) : NULL;

	f->netns_name = name ? xstrdup(name) : NULL;
	f->pod = f->netns ? h->ops->pod(h, f->netns) : NULL;
}

void diagnose_group(struct diagnosis *d, struct group *g)
{
	g->suspicious = g->state_noted = g->too_late = false;
	for (const struct fault *const *fault = d->faults; *fault; fault++) {
		struct finding f = {.fault = *fault};

		if (!(*fault)->signature(g))
			continue;
		g->suspicious = true;
		if ((*fault)->examine(g, d->host, &f) || f.status == STATUS_NONE) {
			g->too_late |= f.too_late;
			finding_free(&f);
			continue;
		}
		take_name(&f, d->host);
		g->finding = add_finding(d, &f);
		return;
	}
}

static bool says_rule(const struct finding *f, const struct rule *r)
{
	char *text = r ? rule_str(r) : NULL;
	bool same = text && f->rule && !strcmp(text, f->rule);

	free(text);
	return same;
}

static size_t count_groups(const struct group *groups, size_t n, int finding)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += groups[i].finding == finding;
	return count;
}

/* What was seen of the node when the finding was made may be gone: then it stands, as long as it
 * may. */
static bool still_stands(const struct finding *f, const struct group *g)
{
	return f->fault->signature(g) && (!f->rule || says_rule(f, g->rule));
}

/* The group was diagnosed anew: is what it had before stronger, and still true? */
static bool is_worse_off(const struct diagnosis *d, const struct finding *old,
			 const struct group *g)
{
	return still_stands(old, g) &&
	       (g->finding < 0 || d->findings[g->finding].status < old->status);
}

/* What it says of a rule may be of the group that leaves: it is made anew from those that stay, or
 * kept for those of which nothing as strong can be seen any more. */
static void leave(struct diagnosis *d, struct group *groups, size_t n, struct group *g)
{
	int id = g->finding, kept = -1;
	struct finding old;

	if (count_groups(groups, n, id) > 1 && !d->findings[id].rule)
		return;
	old = d->findings[id];
	memset(&d->findings[id], 0, sizeof(old));
	g->finding = -1;
	for (size_t i = 0; i < n; i++) {
		if (groups[i].finding != id)
			continue;
		groups[i].finding = -1;
		diagnose_group(d, &groups[i]);
		if (!is_worse_off(d, &old, &groups[i]))
			continue;
		if (kept < 0) {
			kept = new_finding(d);
			d->findings[kept] = old;
		}
		groups[i].finding = kept;
	}
	if (kept < 0)
		finding_free(&old);
}

void diagnose_again(struct diagnosis *d, struct group *groups, size_t n, size_t i)
{
	struct group *g = &groups[i];
	int old = g->finding;

	if (old >= 0 && !still_stands(&d->findings[old], g)) {
		leave(d, groups, n, g);
		old = -1;
	}
	g->finding = -1;
	diagnose_group(d, g);
	if (old >= 0 && is_worse_off(d, &d->findings[old], g))
		g->finding = old;
}

static bool same_ends(const struct flow *a, const struct flow *b)
{
	return b->l3 && ((addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst)) ||
			 (addr_eq(&a->src, &b->dst) && addr_eq(&a->dst, &b->src)));
}

/* A silence is one only if nothing seen here died on the way between the same two, or to or from
 * the one who is silent. Late packets and other noise explain nothing. */
static bool explained_by_drop(const struct group *silence, const struct addr *silent,
			      const struct group *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct group *g = &groups[i];

		if (g->kind != SAMPLE_DROP || g->class == CLASS_NOISE)
			continue;
		if (same_ends(&silence->flow, &g->flow) || addr_eq(silent, &g->flow.src) ||
		    addr_eq(silent, &g->flow.dst) ||
		    (g->tunnel.present && same_ends(&silence->flow, &g->tunnel.inner)))
			return true;
	}
	return false;
}

static void classify(struct group *g)
{
	g->noise = NULL;
	if (g->finding >= 0) {
		g->class = CLASS_FAULT;
		return;
	}
	g->noise = g->folded ? NULL : noise_why(g);
	g->class = g->noise ? CLASS_NOISE : CLASS_UNEXPLAINED;
}

static void sum_finding(struct finding *f, int id, const struct group *groups, size_t n)
{
	const struct group *largest = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct group *g = &groups[i];

		if (g->finding != id)
			continue;
		f->groups = xreallocarray(f->groups, f->n_groups + 1, sizeof(*f->groups));
		f->groups[f->n_groups++] = (int)i;
		if (g->kind == SAMPLE_DROP)
			f->packets += g->packets;
		if (g->first_ns && (!f->first_ns || g->first_ns < f->first_ns))
			f->first_ns = g->first_ns;
		if (g->last_ns > f->last_ns)
			f->last_ns = g->last_ns;
		if (g->path && (!largest || g->packets > largest->packets))
			largest = g;
	}
	if (largest && !f->path)
		f->path = xstrdup(largest->path);
}

static int worse_first(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->status != y->status)
		return x->status > y->status ? -1 : 1;
	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	if (x->fault != y->fault)
		return strcmp(x->fault->id, y->fault->id);
	return strcmp(x->place, y->place);
}

void diagnose_finish(struct diagnosis *d, struct group *groups, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		classify(&groups[i]);
	for (size_t i = 0; i < n; i++) {
		struct group *g = &groups[i];

		if (g->kind == SAMPLE_RETRANSMIT && g->finding >= 0 &&
		    explained_by_drop(g, &d->findings[g->finding].silent, groups, n))
			g->finding = -1;
	}
	for (size_t i = 0; i < d->n; i++)
		sum_finding(&d->findings[i], (int)i, groups, n);
	for (size_t i = 0; i < d->n; i++) {
		if (d->findings[i].n_groups)
			d->findings[kept++] = d->findings[i];
		else
			finding_free(&d->findings[i]);
	}
	d->n = kept;
	if (d->n)
		qsort(d->findings, d->n, sizeof(*d->findings), worse_first);
	for (size_t i = 0; i < d->n; i++) {
		for (size_t j = 0; j < d->findings[i].n_groups; j++)
			groups[d->findings[i].groups[j]].finding = (int)i;
	}
}

void diagnose_free(struct diagnosis *d)
{
	for (size_t i = 0; i < d->n; i++)
		finding_free(&d->findings[i]);
	free(d->findings);
	d->findings = NULL;
	d->n = 0;
}
