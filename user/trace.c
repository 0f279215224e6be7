// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "describe.h"
#include "probe.h"
#include "retransmit.h"
#include "seen.h"
#include "trace.h"
#include "util.h"

#define MAX_LOOKS 5
/* So long until the ring is emptied again; and at the end, for all that is left. */
#define AGAIN_NS     20000000ULL
#define AGAIN_END_NS 2000000000ULL

static bool netns_wanted(const struct filter *f, uint32_t netns)
{
	for (uint32_t i = 0; i < f->n_netns; i++) {
		if (f->netns[i] == netns)
			return true;
	}
	return !f->n_netns;
}

static bool can_read(struct trace *t, uint32_t netns)
{
	const struct link *links;
	size_t n;

	return !t->host->ops->links(t->host, netns, &links, &n);
}

static void note_age(struct trace *t, struct group *g)
{
	bool old = g->state_ns < g->last_ns;

	g->state_stale = g->has_sample && g->netns && g->finding < 0 && g->suspicious &&
			 !g->state_unread && (old || g->too_late);
	t->has_stale |= g->state_stale && old;
}

/* Is what no fault explained of another time than the drop, or was there nothing to look at? */
static void note_state(struct trace *t, struct group *g)
{
	g->state_noted = true;
	if (!g->has_sample || !g->netns)
		return;
	g->state_unread = g->finding < 0 && !can_read(t, g->netns);
	g->state_ns = host_oldest(t->host);
	note_age(t, g);
}

static void diagnose(struct trace *t, size_t i)
{
	struct group *g = &t->table.groups[i];
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	g->looked_ms = now > g->last_ns ? (uint32_t)((now - g->last_ns) / 1000000) : 0;
	diagnose_group(&t->diagnosis, g);
	note_state(t, g);
	/* The kernel does not apply the netns filter to retransmits (bpf/symptoms.bpf.c). */
	if (g->kind != SAMPLE_RETRANSMIT || netns_wanted(&t->filter, g->netns) ||
	    (g->finding >= 0 && netns_wanted(&t->filter, t->diagnosis.findings[g->finding].netns)))
		return;
	/* of one that could not be looked into it is not known where the fault would be */
	if (g->finding >= 0 || !(g->state_unread || t->namespaces_closed))
		g->suspicious = false;
	g->finding = -1;
}

/* What was looked at with older state, so that a flood costs no more than a packet. At the end what
 * there is no time for stays unsure. */
static void look_again(struct trace *t, bool last)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), began = now_ns(CLOCK_THREAD_CPUTIME_ID);
	uint64_t most = last ? AGAIN_END_NS : AGAIN_NS;

	if (!t->has_stale || (pace_wait(&t->pace, now) && !last))
		return;
	host_refresh(t->host, now);
	t->has_stale = false;
	for (size_t i = 0; i < t->table.n; i++) {
		struct group *g = &t->table.groups[i];

		if (!g->state_stale || g->too_late || g->finding >= 0)
			continue;
		if (now_ns(CLOCK_MONOTONIC) - now >= most) {
			t->has_stale = true;
		} else if (host_netns_replaced(t->host, g->netns, g->netns_name)) {
			/* that one's state says nothing of it */
			g->state_unread = true;
			g->state_stale = false;
		} else {
			diagnose(t, i);
		}
	}

	pace_pay(&t->pace, now, now_ns(CLOCK_THREAD_CPUTIME_ID) - began);
}

static void take_sample(struct trace *t, size_t i, const struct sample *s)
{
	struct group *g = &t->table.groups[i];

	g->packets++; /* the exact count comes at the end, if the flow map had room for the group */
	g->bytes += s->len;
	if (!g->first_ns)
		g->first_ns = s->ts;
	g->last_ns = s->ts;
	if (!g->has_sample)
		describe_sample(g, s, &t->kernel, t->host);
	else if (s->kind == SAMPLE_DROP)
		describe_other_hook(g, s, &t->kernel);
	g->other_ports |=
		g->flow.has_ports && (s->sport != g->flow.sport || s->dport != g->flow.dport);
	if (s->kind == SAMPLE_RETRANSMIT) {
		retransmit_take(g, s, t->host);
	} else {
		seen_take(g, s);
		explain_drop(&t->explain, &t->table, i, s);
	}
	if (g->finding >= 0)
		return;
	/* A retransmit is one more each time. A drop is looked at again, too, in case the node
	 * changed: at once a few times, for evidence costs, then when there is time. */
	if (s->kind == SAMPLE_RETRANSMIT || g->packets <= MAX_LOOKS)
		diagnose(t, i);
	else
		note_age(t, g);
}

/* Wait for samples, and learn names that came meanwhile. 0 or -errno. */
static int wait_for_any(struct trace *t, int timeout_ms, bool *samples)
{
	struct pollfd fds[1 + HOST_WATCHED] = {{.fd = session_fd(t->session), .events = POLLIN}};
	size_t n = 1 + host_watch(t->host, fds + 1);
	uint64_t asked = now_ns(CLOCK_MONOTONIC);
	bool changed = false;

	if (t->names_ms >= 0 && t->names_ms < timeout_ms)
		timeout_ms = t->names_ms;
	if (poll(fds, n, timeout_ms) < 0)
		return -errno;
	for (size_t i = 1; i < n; i++)
		changed |= fds[i].revents;
	t->names_ms = host_learn_names(t->host, changed, asked);
	*samples = fds[0].revents;
	return 0;
}

/* With the state that is there now that it has died, and not before. */
static void on_sample(void *arg, const struct sample *s)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), began = now_ns(CLOCK_THREAD_CPUTIME_ID);
	struct trace *t = arg;
	bool anew = !pace_wait(&t->pace, now), more;
	size_t i;

	if (!table_sampled_group(&t->table, s->kind, &s->key, &i))
		return;
	/* what was looked at before may have taken as long as a namespace lives */
	wait_for_any(t, 0, &more);
	host_refresh(t->host, anew ? s->ts : 0);
	take_sample(t, i, s);
	if (anew)
		pace_pay(&t->pace, now, now_ns(CLOCK_THREAD_CPUTIME_ID) - began);
}

static void on_hook(void *arg, const struct hook_sample *s)
{
	struct trace *t = arg;

	explain_hook(&t->explain, &t->table, t->host, s);
}

static bool may_load_bpf(void)
{
	if (capng_get_caps_process())
		return geteuid() == 0;
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) ||
	       (capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) &&
		capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON));
}

/* setns(2) takes it, in the user namespace that owns the netns. */
static bool may_enter_namespaces(void)
{
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
}

/* nfnetlink asks for the first one, and the raw socket of iptables-legacy for the other. */
static bool may_read_rules(void)
{
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
}

static int load_btf(const char *path, struct btf **out)
{
	struct btf *btf = path ? btf__parse(path, NULL) : btf__load_vmlinux_btf();
	char why[128];

	if (btf) {
		*out = btf;
		return 0;
	}
	if (path) {
		libbpf_strerror(errno, why, sizeof(why));
		log_error("--btf '%s': not a BTF file: %s", path, why);
		return EXIT_USAGE;
	}
	log_error("this kernel has no BTF (/sys/kernel/btf/vmlinux; it needs "
		  "CONFIG_DEBUG_INFO_BTF=y): give this kernel's with --btf FILE");
	return EXIT_CANNOT;
}

/* WHYDROP_TEST="rung=raw_tp,refuse=nf_hook_slow,flows=16,ring=4096": see tests/README.md. */
static void test_options(struct session_options *o, bool *deep, struct kernel_facts *facts)
{
	static char copy[128];
	const char *env = secure_getenv("WHYDROP_TEST");
	char *save, *item;

	if (!env)
		return;
	snprintf(copy, sizeof(copy), "%s", env);
	for (item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		if (!strncmp(item, "rung=", 5))
			o->rung = item + 5;
		else if (!strncmp(item, "refuse=", 7))
			o->refused = item + 7;
		else if (!strcmp(item, "on-demand"))
			*deep = false;
		else if (!strcmp(item, "realtime"))
			facts->ring_sleeps = true;
		else if (sscanf(item, "flows=%u", &o->max_flows) != 1 &&
			 sscanf(item, "folds=%u", &o->max_folds) != 1)
			sscanf(item, "ring=%u", &o->ring_bytes);
	}
	log_info(LOG_NORMAL, "WHYDROP_TEST=%s is set: this is not a normal run", env);
}

int trace_start(struct trace *t, struct trace_options *opt)
{
	static const struct session_handlers handlers = {on_sample, on_hook};
	struct session_options so = {.btf_path = opt->btf_path};
	struct btf *btf = NULL;
	bool deep = opt->deep;
	int err;

	memset(t, 0, sizeof(*t));
	if (!may_load_bpf()) {
		log_error("not permitted: tracing needs root, or CAP_BPF and CAP_PERFMON (and "
			  "CAP_SYS_ADMIN and CAP_SYS_PTRACE to look into other namespaces, "
			  "CAP_NET_ADMIN and CAP_NET_RAW to read rules); try `sudo whydrop …`");
		return EXIT_CANNOT;
	}
	probes_log_libbpf();
	t->namespaces_closed = !may_enter_namespaces();
	t->rules_closed = !may_read_rules();
	err = load_btf(opt->btf_path, &btf);
	if (err)
		return err;
	kernel_open(&t->kernel, btf);
	btf__free(btf);
	if (filter_resolve_reasons(opt->filter, &t->kernel) ||
	    (opt->check && opt->check(opt->check_arg, &t->kernel)))
		return EXIT_USAGE;
	opt->host.has_nft = t->kernel.facts.has_nft;
	err = host_open(&opt->host, &t->host);
	if (err) {
		log_error("cannot read this node's state: %s", strerror(-err));
		return EXIT_CANNOT;
	}
	kernel_share_symbols(&t->kernel, host_take_symbol, t->host);
	filter_tunnel_ports(opt->filter, t->host);
	t->filter = so.filter = opt->filter->f;
	t->diagnosis.faults = fault_catalogue;
	t->diagnosis.host = t->host;
	test_options(&so, &deep, &t->kernel.facts);
	t->names_ms = -1;
	t->start_ns = (int64_t)now_ns(CLOCK_REALTIME);
	if (session_open(&so, &t->kernel, &handlers, t, &t->session))
		return EXIT_CANNOT;
	rules_open(&t->rules, t->host);
	/* without samples there is nothing to explain */
	t->explain.deep = deep && !t->kernel.facts.ring_sleeps;
	explain_tick(&t->explain, t->session, &t->kernel, t->host);
	/* what takes longest of the first drop: others may be gone with their namespaces meanwhile
	 */
	if (opt->deep)
		kernel_symbol(&t->kernel, 0);
	malloc_trim(0); /* BTF took tens of megabytes */
	return 0;
}

/* A group's rule is known now: what it means for the node may be more exact. Or it was none after
 * all. */
static void on_rule(void *arg, size_t group)
{
	struct trace *t = arg;

	diagnose_again(&t->diagnosis, t->table.groups, t->table.n, group);
	for (size_t i = 0; i < t->table.n; i++) { /* others may have shared its finding */
		if (!t->table.groups[i].state_noted)
			note_state(t, &t->table.groups[i]);
	}
}

int trace_poll(struct trace *t, int timeout_ms)
{
	bool samples = false;
	int err = wait_for_any(t, timeout_ms, &samples);

	if (!err && samples)
		err = session_poll(t->session, timeout_ms);
	look_again(t, false);
	rules_tick(&t->rules, &t->table, t->host, false, on_rule, t);
	explain_tick(&t->explain, t->session, &t->kernel, t->host);
	return err;
}

uint64_t trace_seen(struct trace *t)
{
	uint64_t stats[STAT_MAX] = {};

	session_stats(t->session, stats);
	return stats[STAT_SEEN];
}

static void on_group(void *arg, enum sample_kind kind, const struct drop_key *key,
		     const struct drop_val *sum, bool folded)
{
	struct trace *t = arg;
	size_t i = table_group(&t->table, kind, key, folded);
	struct group *g = &t->table.groups[i];

	g->packets = sum->packets;
	g->bytes = sum->bytes;
	g->counted = true;
	g->first_ns = sum->first_ns;
	g->last_ns = sum->last_ns;
	if (g->has_sample)
		return;
	describe_key(g, &t->kernel);
	if (!folded && g->finding < 0)
		diagnose(t, i);
}

/* A group that found the flow map full is known by its samples only. Those packets were counted in
 * the small map: take them from there, so that each is in one group. Or they found that full, too,
 * and were counted as uncounted. */
static void take_from_fold(struct trace *t, size_t i)
{
	struct drop_key fold = {.location = t->table.groups[i].key.location,
				.reason = t->table.groups[i].key.reason,
				.netns = t->table.groups[i].key.netns};
	size_t from = table_find(&t->table, SAMPLE_DROP, &fold, true);
	struct group *g = &t->table.groups[i], *f = &t->table.groups[from];

	if (from == t->table.n) {
		t->sampled_only += g->packets;
		return;
	}
	if (f->packets <= g->packets) {
		g->packets = 0; /* the last of them: leave them where they are */
		g->bytes = 0;
		return;
	}
	f->packets -= g->packets;
	f->bytes -= g->bytes < f->bytes ? g->bytes : f->bytes;
}

static void settle_uncounted_groups(struct trace *t)
{
	size_t n = t->table.n;

	for (size_t i = 0; i < n; i++) {
		if (t->table.groups[i].kind == SAMPLE_DROP && !t->table.groups[i].counted)
			take_from_fold(t, i);
	}
}

/* The counters tell of packets that no sample was taken of, when the last look was over. */
static void look_again_at_last(struct trace *t)
{
	for (size_t i = 0; i < t->table.n; i++) {
		if (t->table.groups[i].state_noted)
			note_age(t, &t->table.groups[i]);
	}
	look_again(t, true);
}

/* Drops before retransmits, most packets first; ties in a stable order. */
static int group_order(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void read_first_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");

	if (f && fgets(buf, (int)size, f))
		buf[strcspn(buf, "\n")] = '\0';
	if (f)
		fclose(f);
}

static void fill_node(struct report *r)
{
	struct utsname u;

	if (!uname(&u)) {
		snprintf(r->node, sizeof(r->node), "%s", u.nodename);
		snprintf(r->kernel, sizeof(r->kernel), "%s", u.release);
	}
	read_first_line("/proc/sys/kernel/random/boot_id", r->boot_id, sizeof(r->boot_id));
}

static void fill_accounting(struct trace *t, const uint64_t *stats, struct report *r)
{
	struct accounting *a = &r->acc;

	a->seen = stats[STAT_SEEN];
	a->filtered = stats[STAT_FILTERED];
	a->uncounted = stats[STAT_UNCOUNTED] - t->sampled_only;
	a->samples_sent = stats[STAT_SAMPLES_SENT];
	a->samples_lost = stats[STAT_SAMPLES_LOST];
	for (size_t i = 0; i < r->n_groups; i++) {
		a->counted += r->groups[i].packets;
		if (r->groups[i].folded)
			a->folded += r->groups[i].packets;
		else if (!r->groups[i].has_sample)
			a->unsampled++;
	}
	a->hooks_lost = stats[STAT_HOOKS_LOST];
	a->retransmits_lost = stats[STAT_RETRANS_LOST];
	/* kfree_skb's: the accounting is about drops */
	a->has_missed = t->probes[0].has_missed;
	a->missed = t->probes[0].missed;
}

/* The one that had that name, and not another one with its inode number. */
static bool is_still_there(struct trace *t, uint32_t netns, const char *name)
{
	return can_read(t, netns) && !host_netns_replaced(t->host, netns, name);
}

/* What looked like a silence may have been answered since, or the same way was. Where the state
 * that would tell it is gone, or there is no time left to read it, it stands, and is not sure;
 * where nothing tracks connections it stands as it was found. */
static void end_silences(struct trace *t)
{
	uint64_t began = now_ns(CLOCK_MONOTONIC);
	const struct finding *f;

	host_refresh(t->host, began);
	for (size_t i = 0; i < t->table.n; i++) {
		struct group *g = &t->table.groups[i];
		int was = g->finding;

		if (g->kind != SAMPLE_RETRANSMIT || was < 0)
			continue;
		f = &t->diagnosis.findings[was];
		g->state_unread = now_ns(CLOCK_MONOTONIC) - began >= AGAIN_END_NS ||
				  !is_still_there(t, g->netns, g->netns_name) ||
				  !is_still_there(t, f->netns, f->netns_name);
		if (g->state_unread)
			continue;
		g->finding = -1;
		diagnose(t, i);
		if (g->finding < 0 && g->too_late)
			g->finding = was;
	}
}

int trace_finish(struct trace *t, struct report *r)
{
	uint64_t stats[STAT_MAX];
	int err;

	session_detach(t->session);
	host_learn_last_names(t->host);
	host_refresh(t->host, 0);
	rules_tick(&t->rules, &t->table, t->host, true, on_rule, t);
	memset(r, 0, sizeof(*r));
	r->start_ns = t->start_ns;
	r->end_ns = (int64_t)now_ns(CLOCK_REALTIME);
	r->mono_to_real_ns = r->end_ns - (int64_t)now_ns(CLOCK_MONOTONIC);
	err = session_stats(t->session, stats);
	if (!err)
		err = session_read(t->session, on_group, t);
	if (err)
		return err;
	settle_uncounted_groups(t);
	look_again_at_last(t);
	end_silences(t);
	if (t->table.n)
		qsort(t->table.groups, t->table.n, sizeof(*t->table.groups), group_order);
	diagnose_finish(&t->diagnosis, t->table.groups, t->table.n);
	fill_node(r);
	r->n_probes = session_probes(t->session, t->probes);
	r->probes = t->probes;
	r->groups = t->table.groups;
	r->n_all = t->table.n;
	while (r->n_groups < t->table.n && r->groups[r->n_groups].kind == SAMPLE_DROP)
		r->n_groups++;
	r->findings = t->diagnosis.findings;
	r->n_findings = t->diagnosis.n;
	r->reasons_unsaid = !t->kernel.facts.kfree_skb_reason;
	r->addresses_hidden = t->kernel.addresses_hidden;
	r->namespaces_closed = t->namespaces_closed;
	r->rules_closed = t->rules_closed;
	r->no_samples = t->kernel.facts.ring_sleeps;
	r->host = t->host;
	fill_accounting(t, stats, r);
	return 0;
}

void trace_free(struct trace *t)
{
	rules_close(&t->rules);
	session_close(t->session);
	diagnose_free(&t->diagnosis);
	table_free(&t->table);
	if (t->host)
		host_close(t->host);
	kernel_close(&t->kernel);
}
