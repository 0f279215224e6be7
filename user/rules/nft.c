// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../util.h"
#include "nft.h"
#include "nft_match.h"

#define MAX_DEPTH 16	    /* NFT_JUMP_STACK_SIZE, include/net/netfilter/nf_tables.h */
#define MAX_WORK  (8 << 20) /* about a second */
#define MAX_READS 1024	    /* chains: each may be a run of nft */

/* include/uapi/linux/netfilter_ipv4.h */
#define PRI_CONNTRACK (-200)
#define PRI_NAT_DST   (-100)
#define PRI_NAT_SRC   100

/* How a rule or a chain may end; one bit: how it does end. */
enum {
	GO_ON = 1 << 0, /* with the next rule; a chain: with the caller's next rule */
	RETURNS = 1 << 1,
	ACCEPTS = 1 << 2,
	GONE = 1 << 3,
	ANYHOW = GO_ON | RETURNS | ACCEPTS | GONE,
};

/* What rules on the way changed besides the mark, so that rules before them saw something else than
 * the sample. */
enum {
	CHANGED_FLOW = 1 << 0,
	CHANGED_CT = 1 << 1,
};

struct base {
	const char *family, *table, *name;
	json_t *chain;
	enum nf_hook hook;
	json_int_t priority;
	enum tri passed; /* did the packet pass it, if nothing before dropped it? */
};

struct walk {
	const struct nft_source *src;
	const struct group *g;
	struct replay *out;
	struct nft_lookups lookups;
	json_t *listings; /* of chains that were read, by family, table and name */
	json_t *seen;	  /* rules that are in *out */
	struct base *bases;
	size_t n_bases;
	bool exact; /* the packet died in the base chain that is walked: its sample fits */
	unsigned int changed, unknown; /* CHANGED_*; unknown: since an earlier walk saw it */
	struct marks marks;	       /* that rules on the way set, in all walks */
	bool marked;		       /* this one has met others than those before */
	bool first;		       /* the first walk: it knows of no marks yet */
	const struct marks *others;    /* what those who are not nft set, or NULL */

	/* of the base chain that is walked */
	const struct base *base;
	struct nft_packet packet;
	bool sure;     /* the packet got here */
	uint64_t left; /* the handle of its first rule that may leave it by return or goto */
};

/* A rule that is looked at. */
struct place {
	json_t *rule; /* NULL: the base chain's policy */
	const char *chain;
	int depth;
	unsigned int may_end; /* what statements before may have done */
	bool has_packets;
	uint64_t packets;
};

static void set_mark(struct walk *w, uint32_t bits)
{
	if (marks_add(&w->marks, w->base->priority, bits))
		w->marked = true;
}

static unsigned int cut(struct walk *w)
{
	w->out->cut = true;
	w->sure = false;
	set_mark(w, UINT32_MAX);
	return ANYHOW;
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

const char *nft_text(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static uint64_t handle_of(json_t *rule)
{
	json_int_t handle = json_integer_value(json_object_get(rule, "handle"));

	return handle > 0 ? (uint64_t)handle : 0;
}

/* A rule that is met again on another way is one candidate still. */
static bool is_new(struct walk *w, const struct place *at)
{
	char *key = xasprintf("%s %s %s %p", w->base->family, w->base->table, at->chain,
			      (void *)at->rule);
	bool is = !json_object_get(w->seen, key);

	json_object_set_new_nocheck(w->seen, key, json_true());
	free(key);
	return is;
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static bool is_ip_hook(const struct base *b)
{
	return (!strncmp(b->family, "ip", 2) || !strcmp(b->family, "inet")) &&
	       b->hook != HOOK_INGRESS && b->hook != HOOK_EGRESS;
}

static void add_hit(struct walk *w, const struct place *at, enum rule_verdict verdict)
{
	struct rule_hit hit = {.sure = w->sure,
			       .behind_nat = is_ip_hook(w->base) && w->base->hook == HOOK_OUTPUT &&
					     w->base->priority > PRI_NAT_DST,
			       .has_packets = at->has_packets,
			       .packets = at->packets,
			       .rule = {.backend = RULE_NFT, .verdict = verdict}};

	if (!is_new(w, at))
		return;
	hit.rule.family = xstrdup(w->base->family);
	hit.rule.table = xstrdup(w->base->table);
	hit.rule.chain = xstrdup(at->chain);
	hit.rule.handle = handle_of(at->rule);
	hit.rule.comment = copy(nft_text(at->rule, "comment"));
	hit.rule.policy = !at->rule;
	hit.rule.left_handle = at->rule ? 0 : w->left;
	if (!at->rule)
		hit.rule.text = xstrdup("policy drop");
	replay_add(w->out, &hit);
}

static unsigned int walk_chain(struct walk *w, const char *name, int depth);

static unsigned int jump(struct walk *w, const struct place *at, json_t *to)
{
	const char *target = nft_text(to, "target");

	if (!target || at->depth >= MAX_DEPTH)
		return cut(w);
	return walk_chain(w, target, at->depth + 1);
}

/* What comes back from the target does not come back to this chain. */
static unsigned int go_to(struct walk *w, const struct place *at, json_t *to)
{
	unsigned int ends = jump(w, at, to);

	return ends & GO_ON ? (ends & ~(unsigned int)GO_ON) | RETURNS : ends;
}

static unsigned int drop(struct walk *w, const struct place *at, json_t *arg)
{
	(void)arg;
	add_hit(w, at, RULE_DROP);
	return GONE;
}

/* Userspace may send it on to the next base chain, too, or nobody is there. */
static unsigned int queue(struct walk *w, const struct place *at, json_t *arg)
{
	bool bypass = nft_has_flag(json_object_get(arg, "flags"), "bypass");
	enum tri ends = rule_queue_ends(w->g, bypass);

	if (ends == TRI_NO)
		return ACCEPTS;
	w->sure = w->sure && ends == TRI_YES;
	add_hit(w, at, RULE_QUEUE);
	return ACCEPTS | GONE;
}

static unsigned int reject(struct walk *w, const struct place *at, json_t *arg)
{
	(void)arg;
	add_hit(w, at, RULE_REJECT);
	return GONE;
}

/* A statement that may do anything, even drop. */
static unsigned int do_other(struct walk *w, const struct place *at)
{
	w->sure = false;
	set_mark(w, UINT32_MAX);
	add_hit(w, at, RULE_OTHER);
	return ANYHOW;
}

/* What has a SYN or an ACK is consumed, or dropped: net/netfilter/nft_synproxy.c. One that died was
 * not consumed. */
static unsigned int synproxy(struct walk *w, const struct place *at, json_t *arg)
{
	const struct flow *f = &w->packet.g.flow;

	if (f->has_tcp_flags && f->tcp_flags & (TH_SYN | TH_ACK))
		return drop(w, at, arg);
	return do_other(w, at);
}

static enum tri synproxy_applies(const struct walk *w, json_t *arg)
{
	(void)arg;
	return nft_is_l4(&w->packet, IPPROTO_TCP);
}

static unsigned int accept_packet(struct walk *w, const struct place *at, json_t *arg)
{
	(void)w;
	(void)at;
	(void)arg;
	return ACCEPTS;
}

static unsigned int return_packet(struct walk *w, const struct place *at, json_t *arg)
{
	(void)w;
	(void)at;
	(void)arg;
	return RETURNS;
}

static unsigned int pass_on(struct walk *w, const struct place *at, json_t *arg)
{
	(void)w;
	(void)at;
	(void)arg;
	return GO_ON;
}

/* NF_STOLEN: another device has it, and nobody else will see it here. */
static unsigned int forward(struct walk *w, const struct place *at, json_t *arg)
{
	(void)w;
	(void)at;
	(void)arg;
	return GONE;
}

/* Does the expression have a value for every packet? A map may lack its key, a header or an entry
 * of conntrack may be absent, and then the rule ends there (NFT_BREAK). */
static bool has_value(json_t *value, int depth)
{
	static const char *const operators[] = {"|", "&", "^", "<<", ">>", NULL};
	const char *name = "", *key;
	json_t *arg, *part;
	size_t i;

	if (!json_is_object(value))
		return !json_is_array(value);
	arg = nft_member(value, &name);
	if (!strcmp(name, "meta")) {
		key = nft_text(arg, "key");
		return key && (!strcmp(key, "mark") || !strcmp(key, "priority"));
	}
	if (!is_one_of(name, operators))
		return !strcmp(name, "prefix") || !strcmp(name, "range");
	json_array_foreach(arg, i, part)
	{
		if (depth > 8 || !has_value(part, depth + 1))
			return false;
	}
	return true;
}

/* The values that a verdict needs: where to translate to, which queue, which device. */
static bool has_values(json_t *arg)
{
	static const char *const names[] = {"addr", "port", "num", "dev"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!has_value(json_object_get(arg, names[i]), 0))
			return false;
	}
	return true;
}

/* What nft asks before and does not print, or what else it takes: nft_reject's, nft_nat's,
 * nft_fwd_neigh_eval()'s. */
static enum tri reject_applies(const struct walk *w, json_t *arg)
{
	const char *type = nft_text(arg, "type");

	if (type && !strcmp(type, "tcp reset"))
		return nft_is_l4(&w->packet, IPPROTO_TCP);
	if (type && !strcmp(type, "icmp"))
		return nft_is_l3(&w->packet, ETHERTYPE_IP);
	if (type && !strcmp(type, "icmpv6"))
		return nft_is_l3(&w->packet, ETHERTYPE_IPV6);
	return TRI_YES;
}

static enum tri nat_applies(const struct walk *w, json_t *arg)
{
	const char *family = nft_text(arg, "family");

	if (family && !strcmp(family, "ip"))
		return nft_is_l3(&w->packet, ETHERTYPE_IP);
	if (family && !strcmp(family, "ip6"))
		return nft_is_l3(&w->packet, ETHERTYPE_IPV6);
	return TRI_YES;
}

/* Statements that end the rule. A translation drops nothing, and accepts. */
static const struct verdict {
	const char *name;
	unsigned int (*apply)(struct walk *w, const struct place *at, json_t *arg);
	enum tri (*applies)(const struct walk *w, json_t *arg); /* NULL: to every packet */
	bool drops;
} verdicts[] = {
	{"accept", accept_packet, NULL, false},
	{"drop", drop, NULL, true},
	{"continue", pass_on, NULL, false},
	{"return", return_packet, NULL, false},
	{"jump", jump, NULL, false},
	{"goto", go_to, NULL, false},
	{"queue", queue, NULL, true},
	{"reject", reject, reject_applies, true},
	{"snat", accept_packet, nat_applies, false},
	{"dnat", accept_packet, nat_applies, false},
	{"masquerade", accept_packet, NULL, false},
	{"redirect", accept_packet, NULL, false},
	{"fwd", forward, nat_applies, false},
	{"synproxy", synproxy, synproxy_applies, true},
};

static const struct verdict *find_verdict(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		if (!strcmp(verdicts[i].name, name))
			return &verdicts[i];
	}
	return NULL;
}

static unsigned int apply(struct walk *w, const struct place *at, const struct verdict *v,
			  json_t *arg, enum tri t)
{
	if (v->applies)
		t = tri_and(t, v->applies(w, arg));
	if (!has_values(arg))
		t = tri_and(t, TRI_MAYBE);
	if (t == TRI_NO)
		return GO_ON;
	if (t == TRI_MAYBE && v->apply != pass_on)
		w->sure = false;
	return v->apply(w, at, arg) | (t == TRI_MAYBE ? GO_ON : 0);
}

/* Walks through what a verdict map may yield. */
struct mapped {
	struct walk *w;
	const struct place *at;
	enum tri t; /* the rule before it */
	unsigned int ends;
	enum tri on; /* does it yield "continue"? Then the rule goes on behind it */
	bool found;
};

static bool over(struct walk *w)
{
	if (w->lookups.work > MAX_WORK)
		cut(w);
	return w->lookups.work > MAX_WORK;
}

static bool apply_mapped(void *arg, json_t *verdict, enum tri t)
{
	struct mapped *m = arg;
	const char *name = NULL;
	json_t *value = nft_member(verdict, &name);
	const struct verdict *v = value ? find_verdict(name) : NULL;

	m->w->lookups.work++;
	m->found = t == TRI_YES;
	if (v && v->apply == pass_on) {
		m->on = m->found ? TRI_YES : TRI_MAYBE;
		return !over(m->w);
	}
	t = tri_and(t, m->t);
	m->ends |= v ? apply(m->w, m->at, v, value, t) : do_other(m->w, m->at);
	return !over(m->w);
}

/* How it ends the rule; *t: does the rule get to it, and behind it? */
static unsigned int map_verdict(struct walk *w, const struct place *at, json_t *vmap, enum tri *t)
{
	struct nft_place place = {&w->lookups, &w->packet, w->base->family, w->base->table};
	struct mapped m = {.w = w, .at = at, .t = *t};
	unsigned int missed = *t == TRI_YES ? 0 : GO_ON;
	bool known;

	*t = TRI_NO;
	if (!nft_vmap(&place, vmap, apply_mapped, &m, &known))
		return ANYHOW;
	if (!known)
		return do_other(w, at);
	if (w->lookups.cut) /* a verdict that is not there any more may have dropped it */
		return cut(w);
	*t = tri_and(m.t, m.on);
	return m.found ? m.ends | missed : m.ends | GO_ON;
}

static void count(struct place *at, json_t *counter)
{
	json_t *packets = json_object_get(counter, "packets");

	at->has_packets = json_is_integer(packets);
	at->packets = (uint64_t)json_integer_value(packets);
}

static bool is_mark(json_t *expr)
{
	const char *key = nft_text(json_object_get(expr, "meta"), "key");

	return key && !strcmp(key, "mark");
}

/* The bits that may be others if the mark is set to that value. */
static uint32_t marked_bits(json_t *value, int depth)
{
	const char *name = "";
	json_t *pair = nft_member(value, &name), *constant = json_array_get(pair, 1);
	uint32_t operand = (uint32_t)json_integer_value(constant);

	if (is_mark(value))
		return 0;
	if (depth > 8 || json_array_size(pair) != 2 || !json_is_integer(constant))
		return UINT32_MAX;
	if (!strcmp(name, "|") || !strcmp(name, "^"))
		return marked_bits(json_array_get(pair, 0), depth + 1) | operand;
	if (!strcmp(name, "&"))
		return marked_bits(json_array_get(pair, 0), depth + 1) | ~operand;
	return UINT32_MAX;
}

/* Only what the replay knows of the packet matters. */
static enum tri mangle(struct walk *w, json_t *arg)
{
	json_t *key = json_object_get(arg, "key");
	struct nft_value v;

	if (!key)
		return TRI_MAYBE;
	if (json_object_get(key, "meta") || json_object_get(key, "ct")) {
		if (is_mark(key))
			set_mark(w, marked_bits(json_object_get(arg, "value"), 0));
		return has_value(json_object_get(arg, "value"), 0) ? TRI_YES : TRI_MAYBE;
	}
	nft_value(&w->packet, key, &v);
	if (v.kind == NFT_NONE)
		return TRI_NO;
	w->changed |= v.kind == NFT_UNKNOWN ? 0 : CHANGED_FLOW;
	return TRI_MAYBE;
}

/* An element is put into a set. Where there is no room the rule ends, and where the packet has no
 * value for the key, which nft asks before and does not print: net/netfilter/nft_dynset.c. */
static enum tri update_set(const struct nft_place *at, json_t *arg)
{
	const char *op = nft_text(arg, "op");
	enum tri key = nft_has_key(at, json_object_get(arg, "elem"));

	return tri_and(key, op && !strcmp(op, "delete") ? TRI_YES : TRI_MAYBE);
}

/* nft_tcp_header_pointer(), net/netfilter/nft_exthdr.c. An option that is not as it has to be gets
 * the packet dropped there, but not for TCP as people send it. */
static enum tri strip_option(const struct nft_packet *p)
{
	return p->g.flow.is_fragment ? TRI_NO : nft_is_l4(p, IPPROTO_TCP);
}

/* Statements that only change or note something, and those that the rule may end at. */
static const char *const harmless[] = {"counter", "notrack", "log",  "ct helper", "ct timeout",
				       "dup",	  "secmark", "last", NULL};
static const char *const conditions[] = {"limit", "quota",  "ct count", "meter",
					 "flow",  "tproxy", NULL};

/* What iptables left, as far as it is no target. */
static bool is_xt_match(const char *name, json_t *arg)
{
	const char *type = strcmp(name, "xt") ? NULL : nft_text(arg, "type");

	return type && (!strcmp(type, "match") || !strcmp(type, "watcher"));
}

/* No room for one more: xt_hashlimit.c, xt_connlimit.c and nft_connlimit.c, net/netfilter/. */
static bool may_fail(const char *name, json_t *arg)
{
	static const char *const matches[] = {"hashlimit", "connlimit", NULL};
	const char *match = is_xt_match(name, arg) ? nft_text(arg, "name") : NULL;
	json_t *inner = json_object_get(arg, "stmt"), *one = json_array_get(inner, 0);

	/* what a set or a meter does for each of its elements: one statement, or a list */
	return !strcmp(name, "ct count") || (match && is_one_of(match, matches)) ||
	       json_object_get(one ? one : inner, "ct count");
}

/*
 * Does the rule go on behind the statement? Not where a map lacks what it is to note. What is not
 * known may even drop, and so may "ct expectation"
 * (nft_ct_expect_obj_eval(), net/netfilter/nft_ct.c) and what iptables left.
 */
static enum tri statement(struct walk *w, struct place *at, const char *name, json_t *arg)
{
	struct nft_place place = {&w->lookups, &w->packet, w->base->family, w->base->table};

	w->out->may_fail |= may_fail(name, arg);
	if (!strcmp(name, "match"))
		return nft_match(&place, arg);
	if (!strcmp(name, "mangle"))
		return mangle(w, arg);
	if (!strcmp(name, "set") || !strcmp(name, "map"))
		return update_set(&place, arg);
	if (!strcmp(name, "reset"))
		return strip_option(&w->packet);
	if (!strcmp(name, "counter"))
		count(at, arg);
	if (!strcmp(name, "notrack"))
		w->changed |= CHANGED_CT;
	if (is_one_of(name, harmless))
		return json_object_get(arg, "map") || !has_values(arg) ? TRI_MAYBE : TRI_YES;
	if (is_one_of(name, conditions) || is_xt_match(name, arg))
		return TRI_MAYBE;
	at->may_end |= do_other(w, at);
	return TRI_MAYBE;
}

static unsigned int walk_rule(struct walk *w, struct place *at)
{
	json_t *statements = json_object_get(at->rule, "expr"), *object;
	enum tri t = TRI_YES;
	size_t i;

	if (!json_is_array(statements))
		return do_other(w, at);
	json_array_foreach(statements, i, object)
	{
		const char *name = ""; /* nft prints text where it has no JSON: "jump {…}" */
		json_t *arg = nft_member(object, &name);
		const struct verdict *v = find_verdict(name);

		if (v)
			return at->may_end | apply(w, at, v, arg, t);
		if (!strcmp(name, "vmap")) {
			at->may_end |= map_verdict(w, at, arg, &t);
			if (t == TRI_NO)
				return at->may_end;
			continue;
		}
		t = tri_and(t, statement(w, at, name, arg));
		if (t == TRI_NO)
			break;
	}
	return at->may_end | GO_ON;
}

bool nft_rule_may_drop(json_t *rule)
{
	static const char *const others[] = {"match", "mangle", "set", "map", "reset", NULL};
	json_t *object;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, object)
	{
		const char *name = "";
		json_t *arg = nft_member(object, &name);
		const struct verdict *v = find_verdict(name);

		if (v)
			return v->drops;
		if (!is_one_of(name, harmless) && !is_one_of(name, conditions) &&
		    !is_one_of(name, others) && !is_xt_match(name, arg))
			return true;
	}
	return !json_is_array(json_object_get(rule, "expr"));
}

/* The chain's listing, borrowed. */
static json_t *read_chain(struct walk *w, const char *name)
{
	char *key = xasprintf("%s %s %s", w->base->family, w->base->table, name);
	json_t *listing = json_object_get(w->listings, key);

	if (!listing && json_object_size(w->listings) < MAX_READS) {
		listing = w->src->chain(w->src->arg, w->base->family, w->base->table, name);
		listing = listing ? listing : json_null();
		if (json_object_set_new_nocheck(w->listings, key, listing))
			listing = NULL;
	}
	free(key);
	return nft_output(listing);
}

/* Older versions of nft list more than was asked for. */
static json_t *rule_of(json_t *object, const char *chain)
{
	json_t *rule = json_object_get(object, "rule");
	const char *in = nft_text(rule, "chain");

	return rule && (!in || !strcmp(in, chain)) ? rule : NULL;
}

static unsigned int walk_chain(struct walk *w, const char *name, int depth)
{
	json_t *listing = read_chain(w, name), *object;
	unsigned int ends = 0;
	size_t i;

	if (!listing)
		return cut(w);
	json_array_foreach(listing, i, object)
	{
		struct place at = {.rule = rule_of(object, name), .chain = name, .depth = depth};
		unsigned int end;

		if (!at.rule)
			continue;
		w->lookups.work += NFT_WORK_RULE;
		if (over(w))
			return ANYHOW;
		end = walk_rule(w, &at);
		if (end & RETURNS && !depth && !w->left)
			w->left = handle_of(at.rule);
		ends |= end & RETURNS ? (end & (ACCEPTS | GONE)) | GO_ON : end & (ACCEPTS | GONE);
		if (!(end & GO_ON))
			return ends;
	}
	return ends | GO_ON;
}

static bool before(const struct base *b, json_int_t priority, enum nf_hook one, enum nf_hook other)
{
	return (b->hook == one || b->hook == other) && b->priority <= priority;
}

static void forget_headers(struct group *g)
{
	g->flow.src.family = g->flow.dst.family = 0;
	g->flow.has_ports = false;
	g->has_src_mac = false;
}

/* What a base chain that the packet left alive could not know yet, or knew otherwise. */
static void forget_later(const struct walk *w, struct group *g)
{
	const struct base *b = w->base;
	bool translated = g->has_original && !flow_same_tuple(&g->original, &g->flow);
	bool nat_since = !w->exact && (w->g->hook == HOOK_NONE ||
				       before(b, PRI_NAT_DST, HOOK_PREROUTING, HOOK_OUTPUT) ||
				       before(b, PRI_NAT_SRC, HOOK_POSTROUTING, HOOK_INPUT));

	if (w->unknown & CHANGED_FLOW || (translated && nat_since))
		forget_headers(g);
	if (nat_since && g->ct_state != CT_ESTABLISHED) /* its bits come with it */
		g->has_ct_status = false;
	/* no entry now is no entry then */
	if (w->unknown & CHANGED_CT ||
	    (!w->exact && g->ct_state != CT_NONE &&
	     (b->hook == HOOK_INGRESS || before(b, PRI_CONNTRACK, HOOK_PREROUTING, HOOK_OUTPUT)))) {
		g->ct_state = CT_UNSEEN;
		g->has_original = false;
	}
}

/* What the mark may not have been yet in this base chain. */
static uint32_t later_marks(const struct walk *w)
{
	int64_t from = w->g->hook == HOOK_NONE ? MARKS_ANY : w->base->priority;

	return marks_from(&w->marks, from) | (w->exact ? 0 : marks_from(w->others, from));
}

static void set_packet(struct walk *w)
{
	struct nft_packet *p = &w->packet;
	const struct group *g = w->g;

	p->family = w->base->family;
	p->g = *g;
	p->mark_unknown = g->has_sample && !w->first ? later_marks(w) : UINT32_MAX;
	if (packet_out_unsure(g))
		p->g.out[0] = '\0';
	p->g.hook = w->base->hook;
	p->g.hook_family = is_ip_hook(w->base) ? "ip" : w->base->family;
	forget_later(w, &p->g);
}

static unsigned int walk_policy(struct walk *w)
{
	const char *policy = nft_text(w->base->chain, "policy");
	struct place at = {.chain = w->base->name};

	if (policy && !strcmp(policy, "accept"))
		return ACCEPTS;
	if (!policy || strcmp(policy, "drop") != 0)
		return cut(w);
	add_hit(w, &at, RULE_DROP);
	return GONE;
}

/* Does the packet get past it? */
static bool walk_base(struct walk *w, const struct base *b, bool sure)
{
	unsigned int ends;

	w->base = b;
	w->left = 0;
	w->sure = sure && b->passed == TRI_YES;
	set_packet(w);
	ends = walk_chain(w, b->name, 0);
	if (ends & GO_ON)
		ends |= walk_policy(w);
	return ends & ACCEPTS || b->passed != TRI_YES;
}

/*
 * Of chains with one priority the one that was registered last runs first (nf_hook_entries_grow(),
 * net/netfilter/core.c), which the list does not tell: if two of them may have dropped the packet,
 * neither is sure, and none is if one of them could not be followed.
 */
static size_t walk_priority(struct walk *w, size_t i, bool sure, bool *gone)
{
	size_t first = w->out->n, chains = 0, end = i;

	for (; end < w->n_bases && w->bases[end].priority == w->bases[i].priority; end++) {
		size_t n = w->out->n;

		*gone |= !walk_base(w, &w->bases[end], sure);
		chains += w->out->n > n;
	}
	if (chains > 1 || (end - i > 1 && w->out->cut)) {
		for (size_t k = first; k < w->out->n; k++)
			w->out->hits[k].sure = false;
	}
	return end;
}

static void walk_bases(struct walk *w)
{
	bool gone = false;
	size_t i = 0;

	while (i < w->n_bases && !gone && !over(w))
		i = walk_priority(w, i, !w->out->n && !w->out->cut, &gone);
	w->out->cut = w->out->cut || w->lookups.cut;
}

static enum nf_hook find_hook(const char *name)
{
	for (enum nf_hook h = HOOK_NONE + 1; h <= HOOK_EGRESS; h++) {
		if (!strcmp(hook_name(h), name))
			return h;
	}
	return HOOK_NONE;
}

/* A chain's device, of which newer versions let the name end in a "*". */
static bool is_device(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return !strncmp(pattern, name, n - 1);
	return !strcmp(pattern, name);
}

static bool is_family(const char *family, const char *a, const char *b)
{
	return !strcmp(family, a) || !strcmp(family, b);
}

static enum tri sees_family(const struct group *g, const struct base *b)
{
	const char *pf = g->hook_family;

	if (pf && (!strcmp(pf, "ip") || !strcmp(pf, "ip6")))
		return is_family(b->family, pf, "inet") && is_ip_hook(b) ? TRI_YES : TRI_NO;
	if (pf && !strcmp(pf, "netdev")) /* tables of inet have an ingress hook, too */
		return is_family(b->family, pf, "inet") && !is_ip_hook(b) ? TRI_YES : TRI_NO;
	if (pf && is_family(pf, "bridge", "arp"))
		return !strcmp(b->family, pf) ? TRI_YES : TRI_NO;
	if (!g->flow.l3 || is_family(b->family, "bridge", "netdev"))
		return TRI_MAYBE;
	if (g->flow.l3 == ETHERTYPE_ARP)
		return !strcmp(b->family, "arp") ? TRI_MAYBE : TRI_NO;
	if (!strcmp(b->family, "inet"))
		return TRI_MAYBE;
	return !strcmp(b->family, g->flow.l3 == ETHERTYPE_IPV6 ? "ip6" : "ip") ? TRI_MAYBE : TRI_NO;
}

/* A chain of a device; older versions of nft do not print which. */
static enum tri sees_device(const struct group *g, const struct base *b)
{
	json_t *devices = json_object_get(b->chain, "dev"), *device;
	const char *name = b->hook == HOOK_EGRESS ? g->out : g->in;
	size_t i;

	if (b->hook != HOOK_INGRESS && b->hook != HOOK_EGRESS)
		return TRI_YES;
	if (!devices || !name[0])
		return TRI_MAYBE;
	if (json_is_string(devices))
		return is_device(json_string_value(devices), name) ? TRI_YES : TRI_NO;
	json_array_foreach(devices, i, device)
	{
		if (json_is_string(device) && is_device(json_string_value(device), name))
			return TRI_YES;
	}
	return json_is_array(devices) ? TRI_NO : TRI_MAYBE;
}

/* Chains of NAT see the first packet of a connection only: nf_nat_inet_fn(),
 * net/netfilter/nf_nat_core.c. */
static enum tri sees_connection(const struct group *g, const struct base *b)
{
	const char *type = nft_text(b->chain, "type");

	if (type && strcmp(type, "nat") != 0)
		return TRI_YES;
	if (g->ct_state == CT_ESTABLISHED || g->ct_state == CT_NONE || g->ct_state == CT_UNTRACKED)
		return TRI_NO;
	return TRI_MAYBE;
}

static enum tri passes(const struct group *g, const struct base *b)
{
	enum tri t = TRI_MAYBE;

	if (g->hook != HOOK_NONE)
		t = b->hook == g->hook ? TRI_YES : TRI_NO;
	t = tri_and(t, sees_family(g, b));
	t = tri_and(t, sees_device(g, b));
	return tri_and(t, sees_connection(g, b));
}

/* The kernel's names may have been cut to the event's length. */
static bool is_named(const struct group *g, const struct base *b)
{
	return (!g->verdict.family || !strcmp(b->family, g->verdict.family)) &&
	       !strncmp(b->table, g->verdict.table, WD_TABLE_LEN - 1) &&
	       !strncmp(b->name, g->verdict.chain, WD_CHAIN_LEN - 1);
}

/* NAT runs its chains itself, where it is in the hook: nf_nat_inet_fn(),
 * net/netfilter/nf_nat_core.c. */
static json_int_t priority_of(json_t *chain, enum nf_hook hook)
{
	const char *type = nft_text(chain, "type");

	if (!type || strcmp(type, "nat") != 0)
		return json_integer_value(json_object_get(chain, "prio"));
	return hook == HOOK_PREROUTING || hook == HOOK_OUTPUT ? PRI_NAT_DST : PRI_NAT_SRC;
}

/* False: it is no base chain. */
static bool read_base(json_t *chain, struct base *b)
{
	const char *hook = nft_text(chain, "hook");

	*b = (struct base){.chain = chain,
			   .family = nft_text(chain, "family"),
			   .table = nft_text(chain, "table"),
			   .name = nft_text(chain, "name")};
	if (!hook || !json_is_integer(json_object_get(chain, "prio")) || !b->family || !b->table ||
	    !b->name)
		return false;
	b->hook = find_hook(hook);
	b->priority = priority_of(chain, b->hook);
	return b->hook != HOOK_NONE;
}

static int by_priority(const void *a, const void *b)
{
	const struct base *x = a, *y = b;

	return (x->priority > y->priority) - (x->priority < y->priority);
}

/* Dormant tables, whose chains see no packets, as keys of an object. */
static json_t *dormant_tables(json_t *chains)
{
	json_t *all = json_object(), *object;
	size_t i;

	json_array_foreach(chains, i, object)
	{
		json_t *table = json_object_get(object, "table");
		const char *family = nft_text(table, "family"), *name = nft_text(table, "name");
		char *key;

		if (!family || !name || !nft_has_flag(json_object_get(table, "flags"), "dormant"))
			continue;
		key = xasprintf("%s %s", family, name);
		json_object_set_new_nocheck(all, key, json_true());
		free(key);
	}
	return all;
}

static bool is_dormant(json_t *dormant, const struct base *b)
{
	char *key = xasprintf("%s %s", b->family, b->table);
	bool is = json_object_get(dormant, key);

	free(key);
	return is;
}

static void find_bases(struct walk *w, json_t *chains,
		       bool (*which)(void *arg, const char *family, const char *table), void *arg)
{
	bool named = w->g->verdict.table[0] && w->g->verdict.chain[0], there = false;
	json_t *dormant = dormant_tables(chains), *object;
	size_t i;

	json_array_foreach(chains, i, object)
	{
		struct base b;

		if (!read_base(json_object_get(object, "chain"), &b) || is_dormant(dormant, &b))
			continue;
		b.passed = named ? is_named(w->g, &b) ? TRI_YES : TRI_NO : passes(w->g, &b);
		there = there || b.passed != TRI_NO;
		if (b.passed == TRI_NO || (which && !which(arg, b.family, b.table)))
			continue;
		w->bases = xreallocarray(w->bases, w->n_bases + 1, sizeof(*w->bases));
		w->bases[w->n_bases++] = b;
	}
	w->exact = named && w->n_bases == 1;
	for (i = 0; named && !w->exact && i < w->n_bases; i++)
		w->bases[i].passed = TRI_MAYBE;
	if (w->n_bases)
		qsort(w->bases, w->n_bases, sizeof(*w->bases), by_priority);
	w->lookups.cut = named && !there;
	json_decref(dormant);
}

static void walk_once(struct walk *w)
{
	replay_free(w->out);
	w->marked = false;
	w->seen = json_object();
	w->lookups.work = 0;
	walk_bases(w);
	json_decref(w->seen);
}

/*
 * The sample shows the packet as it was at its end. A mark that a rule on the way set is not what
 * rules before that one saw, and which rules are on the way must not depend on it: so at first the
 * mark is unknown.
 */
static void walk(struct walk *w)
{
	w->first = true;
	walk_once(w);
	w->first = false;
	do {
		w->unknown = w->changed;
		walk_once(w);
	} while (w->unknown != w->changed || w->marked);
}

int nft_replay(const struct nft_source *src, const struct group *g,
	       bool (*which)(void *arg, const char *family, const char *table), void *which_arg,
	       struct marks *marks, struct replay *out)
{
	json_t *chains = src->chains(src->arg);
	struct replay found = {};
	struct walk w = {
		.src = src, .g = g, .out = &found, .lookups = {.src = src}, .others = out->others};

	if (!nft_output(chains)) {
		json_decref(chains);
		out->cut = true;
		return -ENODATA;
	}
	w.listings = json_object();
	find_bases(&w, nft_output(chains), which, which_arg);
	walk(&w);
	for (size_t i = 0; i < found.n; i++)
		replay_add(out, &found.hits[i]);
	out->cut = out->cut || found.cut;
	out->may_fail = out->may_fail || found.may_fail;
	if (marks)
		marks_add_all(marks, &w.marks);
	free(found.hits);
	free(w.bases);
	marks_free(&w.marks);
	nft_lookups_free(&w.lookups);
	json_decref(w.listings);
	json_decref(chains);
	return 0;
}

/* "\t\ttcp dport 80 drop # handle 5": does the line end with that handle? */
static const char *find_handle(const char *line, const char *end, uint64_t handle)
{
	char suffix[40];
	size_t n = (size_t)snprintf(suffix, sizeof(suffix), " # handle %" PRIu64, handle);

	if ((size_t)(end - line) < n || strncmp(end - n, suffix, n) != 0)
		return NULL;
	return end - n;
}

/* Of a line with all that its strings have: nft writes a comment as it is, even one that has the
 * ends of lines in it and looks like rules. A '"' inside is not escaped either. */
static const char *line_end(const char *text)
{
	bool quoted = false;

	for (char before = ' '; *text && (quoted || *text != '\n'); before = *text++) {
		if (*text == '"')
			quoted = quoted ? !strchr(" ,;\n", text[1]) : before == ' ';
	}
	return text;
}

/* A rule begins behind two tabs; its further lines are deeper, or close what it opened. */
static bool begins_rule(const char *line)
{
	return line[0] == '\t' && line[1] == '\t' && !strchr("\t }\n", line[2]);
}

/* Joins the lines from one to the other with single blanks. */
static char *join_lines(const char *from, const char *to)
{
	char *text = xcalloc((size_t)(to - from) + 1, 1);
	size_t n = 0;

	while (from < to) {
		if (*from == '\n') {
			from += strspn(from, "\n\t ");
			text[n++] = ' ';
		} else {
			text[n++] = *from++;
		}
	}
	return text;
}

char *nft_rule_text(const char *listing, uint64_t handle)
{
	const char *rule = NULL, *next;
	char *text = NULL;

	for (const char *line = listing; *line; line = next) {
		const char *end = line_end(line), *text_end = find_handle(line, end, handle);

		next = *end ? end + 1 : end;
		if (begins_rule(line))
			rule = line + 2;
		else if (line[0] != '\t' || line[1] != '\t')
			rule = NULL; /* a table's or a chain's own line */
		if (!rule || !text_end)
			continue;
		if (text) { /* one of them is some comment's */
			free(text);
			return NULL;
		}
		text = join_lines(rule, text_end);
	}
	return text;
}

/* "\tchain forward { # handle 1" */
static bool is_chain(const char *line, const char **name, size_t *n)
{
	static const char before[] = "\tchain ";

	if (strncmp(line, before, sizeof(before) - 1))
		return false;
	*name = line + sizeof(before) - 1;
	*n = strcspn(*name, " \n");
	return *n;
}

char *nft_rule_chain(const char *listing, uint64_t handle)
{
	const char *chain = NULL, *next;
	size_t n = 0;

	for (const char *line = listing; *line; line = next) {
		const char *end = line_end(line);

		next = *end ? end + 1 : end;
		if (line[0] == '\t' && line[1] != '\t' && line[1] != '}' &&
		    !is_chain(line, &chain, &n))
			chain = NULL; /* a set, a map… */
		else if (line[0] == '\t' && line[1] == '\t' && chain &&
			 find_handle(line, end, handle))
			return strndup(chain, n);
	}
	return NULL;
}

/* Built-in chains have the names of their hooks; ebtables' brouting is in prerouting. */
static bool is_builtin(const struct base *b)
{
	const char *name = b->name;

	for (const char *c = name; *c; c++) {
		if (*c < 'A' || *c > 'Z')
			return false;
	}
	return !strcasecmp(name, hook_name(b->hook)) ||
	       (!strcmp(name, "BROUTING") && b->hook == HOOK_PREROUTING);
}

bool nft_is_at_hook(json_t *chain, const struct group *g)
{
	struct base b;

	return read_base(chain, &b) && b.hook == g->hook && sees_family(g, &b) == TRI_YES;
}

bool nft_is_xtables(json_t *chains, const char *family, const char *table)
{
	static const struct {
		const char *family;
		const char *tables[6];
	} owned[] = {
		{"ip", {"filter", "nat", "mangle", "raw", "security"}},
		{"ip6", {"filter", "nat", "mangle", "raw", "security"}},
		{"bridge", {"filter", "nat", "broute"}},
		{"arp", {"filter"}},
	};
	bool named = false, any = false;
	json_t *object, *output = nft_output(chains);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(owned); i++)
		named = named ||
			(!strcmp(owned[i].family, family) && is_one_of(table, owned[i].tables));
	if (!named) /* there may be thousands of chains, and many ask */
		return false;
	json_array_foreach(output, i, object)
	{
		struct base b;

		if (!read_base(json_object_get(object, "chain"), &b) ||
		    strcmp(b.family, family) != 0 || strcmp(b.table, table) != 0)
			continue;
		if (!is_builtin(&b))
			return false;
		any = true;
	}
	return any;
}
