// SPDX-License-Identifier: GPL-2.0-only
/* The report as docs/report.schema.json has it. One element at a time is a tree in memory, since a
 * run may have many thousand groups; what is not known is left out. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "../judge.h"
#include "../rules/rule.h"
#include "../util.h"
#include "words.h"

/* Whole, whatever its length: a command that is cut mends nothing. */
static json_t *string_json(const char *value)
{
	size_t size = strlen(value) * 4 + 1;
	char *safe = xcalloc(size, 1);
	json_t *j = json_string(escape_json(value, safe, size));

	free(safe);
	return j;
}

static void set_string(json_t *o, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(o, key, string_json(value));
}

/* JSON has no larger integers that every reader takes, and jansson none at all. */
static void set_count(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key,
			    json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

/* real_ns is CLOCK_REALTIME; 0: unknown. */
static void set_time(json_t *o, const char *key, int64_t real_ns)
{
	char text[WORD_TIME_STRLEN];

	set_string(o, key, word_time(real_ns, text));
}

static void set_span(json_t *o, const struct report *r, uint64_t first_ns, uint64_t last_ns)
{
	if (first_ns)
		set_time(o, "first", (int64_t)first_ns + r->mono_to_real_ns);
	if (last_ns)
		set_time(o, "last", (int64_t)last_ns + r->mono_to_real_ns);
}

static void set_pod(json_t *netns, const struct pod *pod)
{
	json_t *o = json_object();
	char namespace[256];

	snprintf(namespace, sizeof(namespace), "%.*s", (int)pod->namespace_len, pod->label);
	set_string(o, "namespace", namespace);
	set_string(o, "name", pod->label + pod->namespace_len + 1);
	set_string(o, "uid", pod->uid);
	json_object_set_new(netns, "pod", o);
}

static void set_netns(json_t *o, uint32_t netns, const char *name, const struct pod *pod)
{
	json_t *n;

	if (!netns)
		return;
	n = json_object();
	set_count(n, "inode", netns);
	if (name)
		set_string(n, host_netns_is_holder(name) ? "holder" : "name", name);
	if (pod)
		set_pod(n, pod);
	json_object_set_new(o, "netns", n);
}

static void set_drop_netns(json_t *o, const struct report *r, const struct group *g)
{
	set_netns(o, g->netns, group_netns_name(g, r->host), g->pod);
}

static void set_finding_netns(json_t *o, const struct report *r, const struct finding *f)
{
	bool gone;

	set_netns(o, f->netns, finding_netns_name(f, r->host, &gone), f->pod);
}

static void set_addr(json_t *o, const char *key, const struct addr *a)
{
	char text[ADDR_STRLEN];

	if (a->family)
		set_string(o, key, addr_str(a, text));
}

static void set_flow(json_t *o, const char *key, const struct flow *f)
{
	char text[40], proto[16];
	json_t *j;

	if (!f->l3)
		return;
	j = json_object();
	set_string(j, "proto", flow_proto_str(f, proto));
	set_addr(j, "src", &f->src);
	set_addr(j, "dst", &f->dst);
	if (f->has_ports && f->sport)
		set_count(j, "sport", f->sport);
	if (f->has_ports && f->dport)
		set_count(j, "dport", f->dport);
	if (f->has_tcp_flags)
		set_string(j, "tcp_flags", flow_tcp_flags_str(f, text));
	if (f->has_icmp)
		set_string(j, "icmp", flow_icmp_str(f, text));
	json_object_set_new(o, key, j);
}

static void set_stack(json_t *o, const struct report *r, const struct group *g)
{
	json_t *stack;

	if (!g->n_stack)
		return;
	stack = json_array();
	for (int i = 0; i < g->n_stack; i++) {
		const struct symbol *s = &g->stack[i];
		char text[LOCATION_STRLEN], frame[LOCATION_STRLEN + 72];

		word_location(s, r->addresses_hidden, text);
		snprintf(frame, sizeof(frame), s->module ? "%s [%s]" : "%s", text, s->module);
		json_array_append_new(stack, string_json(frame));
	}
	json_object_set_new(o, "stack", stack);
}

static void set_process(json_t *o, const struct group *g)
{
	json_t *p;

	if (!g->own_context)
		return;
	p = json_object();
	set_count(p, "pid", (uint64_t)g->pid);
	set_string(p, "comm", g->comm);
	json_object_set_new(o, "process", p);
}

static void finding_id(const struct finding *f, char *buf, size_t size)
{
	snprintf(buf, size, "%s:%s", f->fault->id, f->place);
}

/* What hook programs saw; absent where none was attached at that time. */
static void set_verdict(json_t *to, const struct group *g)
{
	json_t *o;

	set_string(to, "decided_by", g->decided_by);
	if (!g->verdict.function)
		return;
	o = json_object();
	set_string(o, "function", g->verdict.function);
	set_string(o, "family", g->verdict.family);
	set_string(o, "table", g->verdict.table);
	set_string(o, "base_chain", g->verdict.chain);
	json_object_set_new(to, "verdict", o);
}

static json_t *rule_json(const struct group *g, const struct rule *r, uint64_t seen)
{
	json_t *o = json_object();
	char sent[RULE_SENT_LEN];

	set_string(o, "backend", rule_backend_name(r->backend));
	set_string(o, "family", r->family);
	set_string(o, "table", r->table);
	set_string(o, "chain", r->chain);
	if (r->handle)
		set_count(o, "handle", r->handle);
	if (r->number)
		set_count(o, "number", r->number);
	json_object_set_new(o, "policy", json_boolean(r->policy));
	set_string(o, "verdict", rule_verdict_name(r->verdict));
	set_string(o, "sent", group_sent_by(g, r, sent));
	set_string(o, "text", r->text);
	set_string(o, "comment", r->comment);
	set_string(o, "owner", rule_owner(r));
	json_object_set_new(o, "intended", json_boolean(rule_is_policy(r)));
	if (seen)
		set_count(o, "seen", seen);
	return o;
}

static void set_may_be(json_t *to, const struct group *g)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < g->n_rule_may_be; i++)
		json_array_append_new(rules, rule_json(g, &g->rule_may_be[i], 0));
	json_object_set_new(to, "rule_may_be", rules);
}

static void set_also(json_t *to, const struct group *g)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < g->n_also; i++)
		json_array_append_new(rules, rule_json(g, &g->also[i], group_also_seen(g, i)));
	json_object_set_new(to, "rules_also", rules);
}

/* Which rule it was, or how many may have been it. */
static void set_rule(json_t *to, const struct group *g)
{
	json_t *o;

	if (!g->rule && g->rule_others) {
		set_count(to, "rule_candidates", g->rule_others);
		set_may_be(to, g);
	}
	if (!g->rule) {
		set_string(to, "no_rule", rule_other_cause(g));
		set_string(to, "rule_unknown", g->rule_why);
		return;
	}
	o = rule_json(g, g->rule, group_rule_seen(g));
	json_object_set_new(o, "certain", json_boolean(group_rule_certain(g)));
	if (g->rule_unsure)
		json_object_set_new(o, "unsure", json_true());
	set_string(o, "why", g->rule_why);
	json_object_set_new(to, "rule", o);
	if (g->n_also)
		set_also(to, g);
}

/* As conntrack(8) writes them. */
static void set_ct_status(json_t *to, uint32_t status)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} bits[] = {{IPS_EXPECTED, "EXPECTED"}, {IPS_SEEN_REPLY, "SEEN_REPLY"},
		    {IPS_ASSURED, "ASSURED"},	{IPS_CONFIRMED, "CONFIRMED"},
		    {IPS_SRC_NAT, "SRC_NAT"},	{IPS_DST_NAT, "DST_NAT"},
		    {IPS_DYING, "DYING"},	{IPS_FIXED_TIMEOUT, "FIXED_TIMEOUT"},
		    {IPS_TEMPLATE, "TEMPLATE"}, {IPS_HELPER, "HELPER"},
		    {IPS_OFFLOAD, "OFFLOAD"}};
	json_t *names = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		if (status & bits[i].bit)
			json_array_append_new(names, json_string(bits[i].name));
	}
	json_object_set_new(to, "status", names);
}

/* The entry as it was when the packet died. */
static void set_conntrack(json_t *to, const struct group *g)
{
	static const char *const states[] = {[CT_NONE] = "none",
					     [CT_NEW] = "new",
					     [CT_ESTABLISHED] = "established",
					     [CT_RELATED] = "related",
					     [CT_UNTRACKED] = "untracked"};
	json_t *o;

	if (g->ct_state == CT_UNSEEN)
		return;
	o = json_object();
	set_string(o, "state", states[g->ct_state]);
	if (g->has_ct_status) {
		json_object_set_new(o, "reply_direction", json_boolean(g->ct_reply));
		set_ct_status(o, g->ct_status);
		set_count(o, "zone", g->ct_zone);
		set_flow(o, "original", &g->ct_tuples[0]);
		set_flow(o, "reply", &g->ct_tuples[1]);
	}
	json_object_set_new(to, "conntrack", o);
}

static void set_port(json_t *to, const struct group *g)
{
	json_t *o;

	if (!g->port.known)
		return;
	o = json_object();
	set_string(o, "state", host_port_state(g->port.state));
	json_object_set_new(o, "hairpin", json_boolean(g->port.hairpin));
	json_object_set_new(o, "isolated", json_boolean(g->port.isolated));
	json_object_set_new(to, "port", o);
}

static json_t *drop_json(const struct report *r, const struct group *g)
{
	char text[LOCATION_STRLEN], id[512];
	json_t *o = json_object();

	set_string(o, "reason", g->reason);
	set_string(o, "location", word_location(&g->loc, r->addresses_hidden, text));
	set_string(o, "module", g->loc.module);
	set_string(o, "class", word_class(g->class));
	set_string(o, "noise", g->noise);
	set_count(o, "packets", g->packets);
	set_count(o, "bytes", g->bytes);
	if (g->folded)
		json_object_set_new(o, "folded", json_true());
	set_span(o, r, g->first_ns, g->last_ns);
	set_drop_netns(o, r, g);
	set_string(o, "in", g->in);
	set_string(o, "out", g->out);
	set_string(o, "bridge", g->bridge);
	set_flow(o, "flow", &g->flow);
	if (g->tunnel.present) {
		set_flow(o, "inner", &g->tunnel.inner);
		if (strcmp(g->tunnel.kind, "icmp"))
			set_count(o, "vni", g->tunnel.vni);
	}
	if (g->has_original)
		set_flow(o, "original", &g->original);
	set_conntrack(o, g);
	set_string(o, "hook", hook_name(g->hook));
	if (g->verdicts_differ)
		json_object_set_new(o, "verdicts_differ", json_true());
	set_string(o, "family", g->hook_family);
	set_verdict(o, g);
	set_rule(o, g);
	set_port(o, g);
	set_string(o, "path", g->path);
	set_stack(o, r, g);
	set_process(o, g);
	if (g->finding >= 0) {
		finding_id(&r->findings[g->finding], id, sizeof(id));
		set_string(o, "finding", id);
	}
	return o;
}

static json_t *evidence_json(const struct finding *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct evidence *e = &f->evidence[i];
		json_t *o = json_object();

		set_string(o, "check", e->check);
		json_object_set_new(o, "value", json_string(""));
		set_string(o, "value", e->value);
		set_string(o, "want", e->want);
		json_object_set_new(o, "agrees",
				    e->agrees == AGREES_UNREAD
					    ? json_null()
					    : json_boolean(e->agrees == AGREES_YES));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *fix_json(const struct report *r, const struct finding *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_fix; i++) {
		const struct fix *x = &f->fix[i];
		json_t *o = json_object();

		set_string(o, "when", word_fix(x->when));
		set_string(o, x->when == FIX_ADVICE ? "text" : "command", x->text);
		if (x->when == FIX_NOW) {
			char *line = finding_command(f, r->host, x->text);

			set_string(o, "run", line);
			free(line);
		}
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *finding_json(const struct report *r, const struct finding *f)
{
	json_t *o = json_object(), *drops = json_array();
	char id[512];

	finding_id(f, id, sizeof(id));
	set_string(o, "id", id);
	set_string(o, "fault", f->fault->id);
	set_string(o, "title", f->fault->title);
	set_string(o, "status", word_status(f->status));
	set_string(o, "summary", f->summary);
	set_count(o, "packets", f->packets);
	set_span(o, r, f->first_ns, f->last_ns);
	set_finding_netns(o, r, f);
	set_string(o, "path", f->path);
	json_object_set_new(o, "evidence", evidence_json(f));
	json_object_set_new(o, "fix", fix_json(r, f));
	set_string(o, "link", f->fault->link);
	for (size_t i = 0; i < f->n_groups; i++) {
		if ((size_t)f->groups[i] < r->n_groups) /* not a retransmit */
			json_array_append_new(drops, json_integer(f->groups[i]));
	}
	json_object_set_new(o, "drops", drops);
	return o;
}

json_t *report_probe_json(const struct probe_report *p)
{
	static const char *const armed[] = {[ARMED_ALWAYS] = "always",
					    [ARMED_ON_DEMAND] = "on-demand",
					    [ARMED_NEVER] = "never"};
	json_t *o = json_object();

	set_string(o, "name", p->name);
	set_string(o, "how", p->how);
	if (p->has_missed)
		set_count(o, "missed", p->missed);
	set_string(o, "armed", armed[p->armed]);
	if (p->armed == ARMED_ON_DEMAND)
		set_count(o, "armed_ms", p->armed_ns / 1000000);
	set_string(o, "note", p->note);
	return o;
}

static json_t *accounting_json(const struct accounting *a)
{
	json_t *o = json_object(), *samples = json_object();

	set_count(o, "seen", a->seen);
	set_count(o, "counted", a->counted);
	set_count(o, "folded", a->folded);
	set_count(o, "uncounted", a->uncounted);
	set_count(o, "filtered", a->filtered);
	if (a->has_missed)
		set_count(o, "missed", a->missed);
	set_count(samples, "sent", a->samples_sent);
	set_count(samples, "lost", a->samples_lost);
	set_count(samples, "groups_without", a->unsampled);
	set_count(samples, "hooks_lost", a->hooks_lost);
	set_count(samples, "retransmits_lost", a->retransmits_lost);
	json_object_set_new(o, "samples", samples);
	return o;
}

static json_t *indices_json(const int *list, size_t n)
{
	json_t *o = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(o, json_integer(list[i]));
	return o;
}

static json_t *judged_json(const struct judged *j)
{
	json_t *o = json_object();

	set_string(o, "kind", word_kind(j->kind));
	set_string(o, "text", j->expr.text);
	set_count(o, "count", j->count);
	if (j->kind != EXPR_ALLOW)
		set_string(o, "verdict", word_verdict(j->verdict));
	set_string(o, "why", j->why);
	json_object_set_new(o, "matched", indices_json(j->drops, j->n_drops));
	if (j->verdict == VERDICT_INCONCLUSIVE)
		json_object_set_new(o, "unsure", indices_json(j->unsure, j->n_unsure));
	json_object_set_new(o, "findings", indices_json(j->findings, j->n_findings));
	return o;
}

static json_t *command_json(const struct assertion *a)
{
	json_t *o = json_object(), *argv = json_array();

	for (char **arg = a->argv; *arg; arg++)
		json_array_append_new(argv, string_json(*arg));
	json_object_set_new(o, "argv", argv);
	if (WIFSIGNALED(a->wait_status))
		set_count(o, "signal", (uint64_t)WTERMSIG(a->wait_status));
	else
		set_count(o, "exit", (uint64_t)WEXITSTATUS(a->wait_status));
	set_string(o, "verdict",
		   word_verdict(assertion_command_failed(a) ? VERDICT_VIOLATED : VERDICT_HELD));
	return o;
}

static json_t *assertion_json(const struct assertion *a)
{
	json_t *o = json_object(), *exprs = json_array();

	set_string(o, "verdict", word_verdict(a->verdict));
	set_count(o, "exit", (uint64_t)a->exit_code);
	for (size_t i = 0; i < a->n; i++)
		json_array_append_new(exprs, judged_json(&a->exprs[i]));
	json_object_set_new(o, "expressions", exprs);
	if (a->argv)
		json_object_set_new(o, "command", command_json(a));
	return o;
}

static json_t *head_json(const struct report *r, const struct assertion *a)
{
	json_t *o = json_object(), *tool = json_object(), *node = json_object(),
	       *window = json_object(), *probes = json_array();

	set_string(o, "schema", "whydrop.report/1");
	set_string(tool, "version", VERSION);
	/* required, and a host name may be empty: as uname(1) of a host that was given none */
	set_string(node, "name", r->node[0] ? r->node : "(none)");
	set_string(node, "kernel", r->kernel);
	set_string(node, "boot_id", r->boot_id);
	set_time(window, "start", r->start_ns);
	set_time(window, "end", r->end_ns);
	json_object_set_new(window, "seconds", json_real((double)(r->end_ns - r->start_ns) / 1e9));
	for (size_t i = 0; i < r->n_probes; i++)
		json_array_append_new(probes, report_probe_json(&r->probes[i]));
	json_object_set_new(o, "tool", tool);
	json_object_set_new(o, "node", node);
	if (r->ended_early)
		json_object_set_new(window, "ended_early", json_true());
	if (r->no_samples)
		json_object_set_new(window, "no_samples", json_true());
	if (r->rules_closed)
		json_object_set_new(window, "rules_closed", json_true());
	if (r->namespaces_closed)
		json_object_set_new(window, "namespaces_closed", json_true());
	json_object_set_new(o, "window", window);
	set_string(o, "filter", r->filter_text);
	json_object_set_new(o, "probes", probes);
	json_object_set_new(o, "accounting", accounting_json(&r->acc));
	if (a)
		json_object_set_new(o, "assert", assertion_json(a));
	return o;
}

static int dump(json_t *o, FILE *to)
{
	int err = o ? json_dumpf(o, to, JSON_COMPACT | JSON_ENSURE_ASCII) : -1;

	json_decref(o);
	return err ? -EIO : 0;
}

/* {"schema":…} as {"schema":… so that the two long lists can follow element by element */
static int write_head(const struct report *r, const struct assertion *a, FILE *to)
{
	json_t *o = head_json(r, a);
	char *text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
	int err = 0;

	json_decref(o);
	if (!text)
		return -ENOMEM;
	if (fwrite(text, strlen(text) - 1, 1, to) != 1)
		err = -errno;
	free(text);
	return err;
}

static int write_all(const struct report *r, const struct assertion *a, FILE *to)
{
	int err = write_head(r, a, to);

	fputs(",\n\"findings\":[", to);
	for (size_t i = 0; i < r->n_findings && !err; i++) {
		fputs(i ? ",\n" : "\n", to);
		err = dump(finding_json(r, &r->findings[i]), to);
	}
	fputs("],\n\"drops\":[", to);
	for (size_t i = 0; i < r->n_groups && !err; i++) {
		fputs(i ? ",\n" : "\n", to);
		err = dump(drop_json(r, &r->groups[i]), to);
	}
	fputs("]}\n", to);
	return err;
}

int out_assert_json(const struct report *r, const struct assertion *a, FILE *to,
		    const struct out_style *style)
{
	int err;

	(void)style;
	errno = 0;
	err = write_all(r, a, to);
	if (fflush(to) || ferror(to) || err)
		return errno ? -errno : -EIO;
	return 0;
}

int out_json(const struct report *r, FILE *to)
{
	return out_assert_json(r, NULL, to, NULL);
}
