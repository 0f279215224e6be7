// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "drop.skel.h"
#include "hooks.skel.h"
#include "symptoms.skel.h"
#include "util.h"

#define ENOTSUPP 524 /* the kernel's own (include/linux/errno.h), which leaks out */

struct rung {
	const char *how;
	const char *programs[2]; /* the second of a pair, or NULL */
};

struct probe_object {
	const char *name;
	const void *(*elf)(size_t *size);
};

/* It has not returned when the packet is freed where nf_tables frees what it drops. */
#define FREES_LATELY 1U
/* It is for nothing but the handles of rules. */
#define FINDS_RULES 2U
/* It has not returned either, and says "stolen", as of what goes on: a program on it sees nothing.
 */
#define FREES_UNSAID 4U

/* It looks rules up in nf_tables' memory, of which the kernel tells nothing before that is there.
 */
#define READS_RULES 8U

struct probe_def {
	const char *name; /* the tracepoint or the function */
	const struct probe_object *object;
	enum probe_family family;
	bool needed; /* without it there is nothing to trace */
	struct rung ladder[4];
	const char *blind; /* what it cannot see */
	/* What stays unknown without a program on it: it has returned when the packet is freed.
	 * NULL: it has not, so that a sample's stack shows it. */
	const char *without;
	unsigned int flags;
};

static const struct probe_object drop = {"drop_bpf", drop_bpf__elf_bytes};
static const struct probe_object hooks = {"hooks_bpf", hooks_bpf__elf_bytes};
static const struct probe_object symptoms = {"symptoms_bpf", symptoms_bpf__elf_bytes};

#define HOOK(fn, family, blind) RETURNED(fn, family, blind, NULL, 0)
#define RETURNED(fn, family, blind, without, flags)                                                \
	{                                                                                          \
#fn, &hooks, family, false,                                                        \
			{{"fexit", {#fn "_fexit" } },                                              \
			  {"kprobe", {#fn "_kprobe", #fn "_kretprobe" } } }, blind, without, flags \
	}
#define RULE(fn) RETURNED(fn, PROBES_NETFILTER, VERDICTS "; tells the rule", DEDUCED, FINDS_RULES)
#define TABLE(fn)                                                                                  \
	RETURNED(fn, PROBES_NETFILTER, VERDICTS "; tells the table, not the rule", DEDUCED, 0)
#define OWN(fn, family, flags) RETURNED(fn, family, VERDICTS, UNTOLD, flags)
#define VERDICTS	       "sees drops only, and only while attached"
#define FRAMES		       "sees frames of which a sample was taken, and only while attached"
#define DEDUCED		       "the rule is deduced from the ruleset, where it can be"
#define UNTOLD		       "that a drop was its own, and no rule's, is not told"

/* One line a probe. Functions that a kernel has inlined or not at all are off there. */
static const struct probe_def defs[] = {
	{"kfree_skb",
	 &drop,
	 PROBES_ALWAYS,
	 true,
	 {{"tp_btf", {"drop_tp_btf"}},
	  {"raw_tp", {"drop_raw_tp"}},
	  {"tracepoint", {"drop_tracepoint"}}},
	 "cannot see packets freed by consume_skb, native XDP_DROP, drops inside the NIC, and "
	 "packets that an eBPF datapath takes away before the stack",
	 NULL,
	 0},
	{"tcp_retransmit_skb",
	 &symptoms,
	 PROBES_ALWAYS,
	 false,
	 {{"tp_btf", {"retransmit_tp_btf"}},
	  {"raw_tp", {"retransmit_raw_tp"}},
	  {"tracepoint", {"retransmit_tracepoint"}}},
	 "sees TCP of this node's own pods only: a silent loss of UDP shows nothing here",
	 NULL,
	 0},
	RETURNED(nf_hook_slow, PROBES_NETFILTER,
		 VERDICTS "; cannot see the bridge's own prerouting hook (br_handle_frame)", NULL,
		 READS_RULES),
	/* the bridge's prerouting hook has netfilter's functions, too: it takes their verdicts */
	RETURNED(br_handle_frame, PROBES_NETFILTER, FRAMES, NULL, READS_RULES),
	RETURNED(nft_do_chain, PROBES_NETFILTER, VERDICTS "; tells table and base chain", DEDUCED,
		 FREES_LATELY),
	RULE(nft_immediate_eval),
	RULE(nft_lookup_eval),
	RULE(nft_reject_ipv4_eval),
	RULE(nft_reject_ipv6_eval),
	RULE(nft_reject_inet_eval),
	RULE(nft_reject_bridge_eval),
	RULE(nft_target_eval_xt),
	RULE(nft_target_eval_bridge),
	TABLE(ipt_do_table),
	TABLE(ip6t_do_table),
	TABLE(arpt_do_table),
	TABLE(ebt_do_table),
	OWN(nf_conntrack_in, PROBES_NETFILTER, 0),
	OWN(__nf_conntrack_confirm, PROBES_NETFILTER, 0),
	OWN(nf_nat_inet_fn, PROBES_NETFILTER, 0),
	OWN(br_nf_pre_routing, PROBES_BRIDGE, FREES_UNSAID),
	OWN(br_nf_forward, PROBES_BRIDGE, FREES_UNSAID),
	OWN(br_nf_forward_ip, PROBES_BRIDGE, FREES_UNSAID),
	OWN(br_nf_forward_arp, PROBES_BRIDGE, FREES_UNSAID),
	OWN(br_nf_post_routing, PROBES_BRIDGE, FREES_UNSAID),
	HOOK(br_nf_dev_queue_xmit, PROBES_BRIDGE, FRAMES),
	HOOK(br_handle_frame_finish, PROBES_BRIDGE, FRAMES),
	HOOK(br_allowed_ingress, PROBES_BRIDGE, FRAMES),
	HOOK(br_forward, PROBES_BRIDGE, FRAMES),
	HOOK(__br_forward, PROBES_BRIDGE, FRAMES),
	HOOK(br_flood, PROBES_BRIDGE, FRAMES),
	HOOK(br_handle_vlan, PROBES_BRIDGE, FRAMES),
	HOOK(br_dev_queue_push_xmit, PROBES_BRIDGE, FRAMES),
};
_Static_assert(ARRAY_SIZE(defs) <= MAX_PROBES, "struct probe_set has room for all");

const char *probe_function(enum hook_fn fn)
{
	static const char *const names[FN_MAX] = {
		[FN_NF_HOOK_SLOW] = "nf_hook_slow",
		[FN_NFT_DO_CHAIN] = "nft_do_chain",
		[FN_IPT_DO_TABLE] = "ipt_do_table",
		[FN_IP6T_DO_TABLE] = "ip6t_do_table",
		[FN_ARPT_DO_TABLE] = "arpt_do_table",
		[FN_EBT_DO_TABLE] = "ebt_do_table",
		[FN_NF_CONNTRACK_IN] = "nf_conntrack_in",
		[FN_NF_CONNTRACK_CONFIRM] = "__nf_conntrack_confirm",
		[FN_NF_NAT_INET_FN] = "nf_nat_inet_fn",
		[FN_NFT_IMMEDIATE_EVAL] = "nft_immediate_eval",
		[FN_NFT_LOOKUP_EVAL] = "nft_lookup_eval",
		[FN_NFT_REJECT_IPV4_EVAL] = "nft_reject_ipv4_eval",
		[FN_NFT_REJECT_IPV6_EVAL] = "nft_reject_ipv6_eval",
		[FN_NFT_REJECT_INET_EVAL] = "nft_reject_inet_eval",
		[FN_NFT_REJECT_BRIDGE_EVAL] = "nft_reject_bridge_eval",
		[FN_NFT_TARGET_EVAL_XT] = "nft_target_eval_xt",
		[FN_NFT_TARGET_EVAL_BRIDGE] = "nft_target_eval_bridge",
		[FN_BR_NF_PRE_ROUTING] = "br_nf_pre_routing",
		[FN_BR_NF_FORWARD] = "br_nf_forward",
		[FN_BR_NF_FORWARD_IP] = "br_nf_forward_ip",
		[FN_BR_NF_FORWARD_ARP] = "br_nf_forward_arp",
		[FN_BR_NF_POST_ROUTING] = "br_nf_post_routing",
		[FN_BR_NF_DEV_QUEUE_XMIT] = "br_nf_dev_queue_xmit",
		[FN_BR_HANDLE_FRAME] = "br_handle_frame",
		[FN_BR_HANDLE_FRAME_FINISH] = "br_handle_frame_finish",
		[FN_BR_ALLOWED_INGRESS] = "br_allowed_ingress",
		[FN_BR_FORWARD] = "br_forward",
		[FN_BR_FORWARD_ONE] = "__br_forward",
		[FN_BR_FLOOD] = "br_flood",
		[FN_BR_HANDLE_VLAN] = "br_handle_vlan",
		[FN_BR_DEV_QUEUE_PUSH_XMIT] = "br_dev_queue_push_xmit",
	};

	return fn < FN_MAX ? names[fn] : NULL;
}

enum probe_family probe_family(enum hook_fn fn)
{
	const char *name = probe_function(fn);

	for (size_t i = 0; name && i < ARRAY_SIZE(defs); i++) {
		if (!strcmp(defs[i].name, name))
			return defs[i].family;
	}
	return PROBES_ALWAYS;
}

/* libbpf's last warning: the reason why a rung failed, in the words of who knows. */
static char last_warning[512];
/* The last program that a warning was about: "libbpf: prog 'NAME': …". */
static char failed_program[64];

const char *probe_last_warning(void)
{
	return last_warning;
}

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[sizeof(last_warning)];
	va_list again;

	va_copy(again, ap);
	vsnprintf(line, sizeof(line), fmt, again);
	va_end(again);
	line[strcspn(line, "\n")] = '\0';
	if (level == LIBBPF_WARN && strncmp(line, "libbpf: failed to load object", 29))
		snprintf(last_warning, sizeof(last_warning), "%s", line);
	if (level == LIBBPF_WARN)
		sscanf(line, "libbpf: prog '%63[^']'", failed_program);
	if (log_level >= LOG_LIBBPF) /* whole: the verifier's log is many lines in one */
		vfprintf(stderr, fmt, ap);
	return 0;
}

void probes_log_libbpf(void)
{
	libbpf_set_print(print_libbpf);
}

void probes_init(struct probe_set *s)
{
	const char *names[ARRAY_SIZE(defs)];

	s->n = ARRAY_SIZE(defs);
	for (size_t i = 0; i < s->n; i++) {
		s->probes[i].def = &defs[i];
		names[i] = defs[i].name;
	}
	kernel_watch_functions(s->kernel, names, s->n);
}

/*
 * libbpf looks up the tracepoint in tracefs. That may not be mounted, and mounting it for all is
 * not ours to do; and where it can be reached through debugfs, merely looking mounts it there. So
 * both happen in a mount namespace of our own, which ends with us.
 */
static void enter_own_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL)) {
		log_info(LOG_VERBOSE, "no mount namespace of our own: %s", strerror(errno));
		return;
	}
	if (access("/sys/kernel/tracing/events", F_OK) &&
	    access("/sys/kernel/debug/tracing/events", F_OK) &&
	    mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL))
		log_info(LOG_VERBOSE, "cannot mount tracefs: %s", strerror(errno));
}

static bool is_program_of(const struct rung *r, const char *name)
{
	return !strcmp(r->programs[0], name) || (r->programs[1] && !strcmp(r->programs[1], name));
}

static bool wants_program(struct probe *const *set, size_t n, size_t rung, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (is_program_of(&set[i]->def->ladder[rung], name))
			return true;
	}
	return false;
}

/* For tests (probe_set.test_refused): as another type the kernel does not take its program. */
static void spoil(const struct probe_set *s, struct probe *const *set, size_t n, size_t rung,
		  const struct bpf_object *obj)
{
	for (size_t i = 0; i < n && s->test_refused; i++) {
		if (!strcmp(set[i]->def->name, s->test_refused))
			bpf_program__set_type(bpf_object__find_program_by_name(
						      obj, set[i]->def->ladder[rung].programs[0]),
					      BPF_PROG_TYPE_SOCKET_FILTER);
	}
}

/* The programs of that rung of all these probes, which are of one object, in one bpf_object. */
static int open_and_load(struct probe_set *s, struct probe *const *set, size_t n, size_t rung,
			 struct bpf_object **out)
{
	const struct probe_object *object = set[0]->def->object;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = object->name,
		    .btf_custom_path = s->btf_path);
	struct bpf_object *obj;
	struct bpf_program *prog;
	size_t size;
	const void *elf = object->elf(&size);
	int err;

	obj = bpf_object__open_mem(elf, size, &opts);
	if (!obj)
		return -errno;
	bpf_object__for_each_program(prog, obj) bpf_program__set_autoload(
		prog, wants_program(set, n, rung, bpf_program__name(prog)));
	spoil(s, set, n, rung, obj);
	err = s->prepare(s->arg, obj);
	if (!err)
		err = bpf_object__load(obj);
	if (err) {
		bpf_object__close(obj);
		return err;
	}
	if (s->n_objects == MAX_OBJECTS) { /* modules that come and go all day */
		bpf_object__close(obj);
		return -E2BIG;
	}
	s->objects[s->n_objects++] = obj;
	*out = obj;
	return 0;
}

static void detach(struct probe *p)
{
	for (size_t i = ARRAY_SIZE(p->links); i-- > 0;) {
		bpf_link__destroy(p->links[i]);
		p->links[i] = NULL;
	}
}

/* A return probe needs the arguments that its partner keeps, so it comes second and goes first. */
static int attach(struct probe *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->links) && p->rung->programs[i]; i++) {
		struct bpf_program *prog =
			bpf_object__find_program_by_name(p->obj, p->rung->programs[i]);
		int err;

		p->links[i] = bpf_program__attach(prog);
		if (!p->links[i]) {
			err = errno == ENOTSUPP ? -EOPNOTSUPP : -errno;
			detach(p);
			return err;
		}
	}
	p->ever_attached = true;
	return 0;
}

static void note_failure(struct probe *p, const char *how, int err)
{
	size_t used = strlen(p->note);

	log_info(LOG_VERBOSE, "%s: %s: %s%s%s", p->def->name, how, strerror(-err),
		 last_warning[0] ? ": " : "", last_warning);
	snprintf(p->note + used, sizeof(p->note) - used, "%sno %s (%s)", used ? ", " : "", how,
		 strerror(-err));
}

/* Without the kernel's kprobe events libbpf would write into tracefs, where it would outlive us. */
static bool can_try(const struct rung *rung)
{
	return strcmp(rung->how, "kprobe") ||
	       !access("/sys/bus/event_source/devices/kprobe/type", F_OK);
}

static size_t first_rung(const struct probe_set *s, const struct probe_def *def)
{
	if (!s->test_rung)
		return 0;
	if (def->family != PROBES_ALWAYS && !strcmp(s->test_rung, "stack"))
		return ARRAY_SIZE(def->ladder) - 1;
	for (size_t i = 0; def->ladder[i].how; i++) {
		if (!strcmp(def->ladder[i].how, s->test_rung))
			return i;
	}
	return 0;
}

static int try_rung(struct probe_set *s, struct probe *const *set, size_t n, size_t rung)
{
	const struct rung *r = &set[0]->def->ladder[rung];
	struct bpf_object *obj = NULL;
	int err;

	last_warning[0] = failed_program[0] = '\0';
	if (!can_try(r))
		return -EOPNOTSUPP;
	if (s->fexit_refused && !strcmp(r->how, "fexit"))
		return s->fexit_refused;
	if (!strcmp(r->how, "tracepoint"))
		enter_own_mounts();
	err = open_and_load(s, set, n, rung, &obj);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		struct probe *p = set[i];

		p->obj = obj;
		p->rung = &p->def->ladder[rung];
		err = p->def->family == PROBES_ALWAYS ? attach(p) : 0;
		if (err) {
			bpf_object__close(obj);
			s->n_objects--;
			return err; /* those have an object each */
		}
		p->state = PROBE_LOADED;
	}
	return 0;
}

/* By the kernel, whatever the program: then neither another function nor a second try helps. */
static bool is_refused(int err)
{
	return err == -EPERM || err == -EOPNOTSUPP;
}

static void note_refusal(struct probe_set *s, const struct rung *rung, int err)
{
	if (is_refused(err) && !strcmp(rung->how, "fexit"))
		s->fexit_refused = err;
}

static int load(struct probe_set *s, struct probe **set, size_t n, size_t rung);

/* One of them did not load: that one on its own, and the others without it. libbpf names it in its
 * warning; where it does not, all go on their own. */
static void load_apart(struct probe_set *s, struct probe **set, size_t n, size_t rung, int err)
{
	struct probe *rest[MAX_PROBES], *apart[MAX_PROBES];
	size_t n_rest = 0, n_apart = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_program_of(&set[i]->def->ladder[rung], failed_program))
			apart[n_apart++] = set[i];
		else
			rest[n_rest++] = set[i];
	}
	if (n_apart != 1) {
		for (size_t i = 0; i < n; i++)
			load(s, &set[i], 1, rung);
		return;
	}
	note_failure(apart[0], apart[0]->def->ladder[rung].how, err);
	load(s, rest, n_rest, rung);
	load(s, apart, n_apart, rung + 1);
}

/* fexit takes the function's type from its module's BTF, which modules have since 5.11: without it
 * the load of all is bound to fail. */
static bool lacks_btf(const struct probe_set *s, const struct probe *p)
{
	struct symbol at;

	return kernel_has_function(s->kernel, p->def->name, &at) && at.module &&
	       !kernel_has_btf_of(at.module);
}

/* Those without BTF go one rung down; returns how many of the set are left. */
static size_t leave_out(struct probe_set *s, struct probe **set, size_t n, size_t rung)
{
	struct probe *out[MAX_PROBES];
	size_t kept = 0, n_out = 0;

	for (size_t i = 0; i < n; i++) {
		if (!lacks_btf(s, set[i])) {
			set[kept++] = set[i];
			continue;
		}
		snprintf(set[i]->note, sizeof(set[i]->note), "no %s (no BTF of its module)",
			 set[i]->def->ladder[rung].how);
		out[n_out++] = set[i];
	}
	if (n_out)
		load(s, out, n_out, rung + 1);
	return kept;
}

/* Down the ladder until something holds: together, since each object reads the kernel's BTF, or
 * apart where that fails. Of a single one: 0, or why no rung held. */
static int load(struct probe_set *s, struct probe **set, size_t n, size_t rung)
{
	const struct rung *r = &set[0]->def->ladder[rung];
	int err;

	if (!r->how) {
		for (size_t i = 0; i < n; i++)
			set[i]->state = PROBE_FAILED;
		return 0;
	}
	if (!strcmp(r->how, "fexit") && !s->fexit_refused) {
		n = leave_out(s, set, n, rung);
		if (!n)
			return 0;
	}
	err = try_rung(s, set, n, rung);
	if (!err)
		return 0;
	if (n > 1 && !is_refused(err)) {
		load_apart(s, set, n, rung, err);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		note_failure(set[i], r->how, err);
		set[i]->rung = NULL;
	}
	note_refusal(s, r, err);
	load(s, set, n, rung + 1);
	return set[0]->state == PROBE_LOADED ? 0 : err;
}

int probes_start(struct probe_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct probe *p = &s->probes[i];
		int err;

		if (p->def->family != PROBES_ALWAYS)
			continue;
		err = load(s, &p, 1, first_rung(s, p->def));
		if (err && p->def->needed)
			return err;
	}
	return 0;
}

static uint64_t which_module(const struct symbol *at)
{
	return at->module ? kernel_module_id(at->module) : 0;
}

/* Runs that are skipped since the same program runs on this CPU are counted from 6.1 on for raw
 * tracepoints (kernel/trace/bpf_trace.c, __bpf_trace_run), and for trampolines by then, too. Plain
 * tracepoints skip whenever any other of their kind runs there (trace_call_bpf()), and so do
 * kprobes, whose returns are also skipped when too many calls are under way (struct kretprobe,
 * nmissed): that is in no count of programs. */
static bool counts_missed(const struct probe_set *s, const struct probe *p)
{
	if (p->state != PROBE_LOADED || !strcmp(p->rung->how, "kprobe"))
		return false;
	if (strcmp(p->rung->how, "tracepoint") != 0)
		return s->kernel->facts.counts_missed;
	return s->kernel->facts.counts_missed_perf;
}

/* Of the program that is loaded now. */
static uint64_t read_missed(const struct probe *p)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(p->obj, p->rung->programs[0]);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) ? 0
									  : info.recursion_misses;
}

void probes_read_missed(struct probe_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct probe *p = &s->probes[i];

		if (counts_missed(s, p))
			p->missed = p->missed_before + read_missed(p);
	}
}

/* Which loading of nf_tables it can read; 0: none, or it is no module. */
static uint64_t rules_module(const struct probe_set *s, const struct probe *p)
{
	struct symbol at;

	if (!(p->def->flags & READS_RULES) || !s->kernel->facts.rule_headers ||
	    !kernel_has_function(s->kernel, probe_function(FN_NFT_DO_CHAIN), &at))
		return 0;
	return which_module(&at);
}

/* The module of its function is gone: it may come again, or has done so. Or nf_tables came. */
static void forget_absent(struct probe_set *s, struct probe *p)
{
	struct symbol at;

	if (p->state == PROBE_UNTRIED ||
	    (kernel_has_function(s->kernel, p->def->name, &at) && at.addr == p->addr &&
	     which_module(&at) == p->module && rules_module(s, p) == p->rules_module))
		return;
	detach(p);
	if (counts_missed(s, p))
		p->missed_before += read_missed(p);
	p->state = PROBE_UNTRIED;
}

/* Where modules come and go all day, so do objects: those close whose programs nobody has. The
 * first one has the maps. */
static void close_unused(struct probe_set *s)
{
	size_t kept = 1;

	for (size_t i = 1; i < s->n_objects; i++) {
		bool used = false;

		for (size_t k = 0; k < s->n && !used; k++)
			used = s->probes[k].state == PROBE_LOADED &&
			       s->probes[k].obj == s->objects[i];
		if (used)
			s->objects[kept++] = s->objects[i];
		else
			bpf_object__close(s->objects[i]);
	}
	if (s->n_objects)
		s->n_objects = kept;
}

/* Why its program would tell nothing; NULL: it does. Where rules have no header (struct
 * nft_rule_dp), or there is no BTF that tells of it, those on expressions do not even load. */
static const char *why_useless(const struct probe_set *s, const struct probe *p)
{
	if (p->def->flags & FREES_UNSAID && s->kernel->facts.nft_frees)
		return "it frees what it drops itself, and does not return that";
	if (p->def->flags & FINDS_RULES && (!s->kernel->facts.rule_headers || lacks_btf(s, p)))
		return "rules cannot be found in memory before 5.17 or without BTF of modules";
	return NULL;
}

void probes_load(struct probe_set *s, const bool families[PROBE_FAMILIES])
{
	struct probe *set[MAX_PROBES];
	struct symbol at;
	const char *why;
	size_t n = 0;

	for (int i = 0; i < PROBE_FAMILIES; i++)
		s->needed[i] |= families[i];
	for (size_t i = 0; i < s->n; i++) {
		struct probe *p = &s->probes[i];

		if (!families[p->def->family])
			continue;
		forget_absent(s, p);
		if (p->state != PROBE_UNTRIED || !kernel_has_function(s->kernel, p->def->name, &at))
			continue;
		p->addr = at.addr;
		p->module = which_module(&at);
		p->rules_module = rules_module(s, p);
		why = why_useless(s, p);
		snprintf(p->note, sizeof(p->note), "%s", why ? why : "");
		if (why)
			p->state = PROBE_FAILED;
		else
			set[n++] = p;
	}
	close_unused(s);
	if (n)
		load(s, set, n, first_rung(s, set[0]->def));
}

/* What loads need not attach: arm64 had no trampolines that call programs before 6.4. What does not
 * goes one rung down, together. */
static void attach_rung(struct probe_set *s, enum probe_family family, size_t rung, FILE *names)
{
	struct probe *down[MAX_PROBES];
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct probe *p = &s->probes[i];
		int err;

		if (p->def->family != family || p->state != PROBE_LOADED || p->links[0] ||
		    p->rung != &p->def->ladder[rung])
			continue;
		last_warning[0] = '\0';
		err = attach(p);
		if (!err) {
			if (names)
				fprintf(names, " %s", p->def->name);
			continue;
		}
		note_failure(p, p->rung->how, err);
		note_refusal(s, p->rung, err);
		p->rung = NULL;
		down[n++] = p;
	}
	if (n)
		load(s, down, n, rung + 1);
}

/* Says at once which ones, since there are many. */
void probes_attach(struct probe_set *s, enum probe_family family)
{
	char *names = NULL;
	size_t size;
	FILE *f = open_memstream(&names, &size);

	for (size_t rung = 0; rung + 1 < ARRAY_SIZE(defs[0].ladder); rung++)
		attach_rung(s, family, rung, f);
	close_unused(s);
	if (!s->since_ns[family])
		s->since_ns[family] = now_ns(CLOCK_MONOTONIC);
	if (f && !fclose(f) && *names)
		log_info(LOG_VERBOSE, "attached:%s", names);
	free(names);
}

void probes_detach(struct probe_set *s, enum probe_family family)
{
	/* who takes what others note stands before them, and goes after them */
	for (size_t i = s->n; i-- > 0;) {
		if (s->probes[i].def->family == family)
			detach(&s->probes[i]);
	}
	if (s->since_ns[family])
		s->attached_ns[family] += now_ns(CLOCK_MONOTONIC) - s->since_ns[family];
	s->since_ns[family] = 0;
}

bool probe_is_attached(const struct probe_set *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->probes[i].def->name, name))
			return s->probes[i].links[0] != NULL;
	}
	return false;
}

bool probes_usable(const struct probe_set *s, enum probe_family family)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->probes[i].def->family == family && s->probes[i].state == PROBE_LOADED)
			return true;
	}
	return false;
}

void probes_close(struct probe_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		detach(&s->probes[i]);
	while (s->n_objects)
		bpf_object__close(s->objects[--s->n_objects]);
}

/* Does a sample's stack show the function, without a program on it? */
static bool is_on_stack(const struct probe_set *s, const struct probe *p)
{
	const struct probe_def *def = p->def;

	bool frees = def->flags & (FREES_LATELY | FREES_UNSAID) && s->kernel->facts.nft_frees;

	return def->family != PROBES_ALWAYS && p->state != PROBE_UNTRIED &&
	       !s->kernel->addresses_hidden && (!def->without || frees);
}

/* Appends a part, behind a separator where something is there. */
static void add(char *buf, size_t size, const char *separator, const char *part)
{
	size_t used = strlen(buf);

	if (*part)
		snprintf(buf + used, size - used, "%s%s", used ? separator : "", part);
}

/* Why it is not at the top of its ladder, what that means, and what it cannot see. */
static void describe(const struct probe_set *s, const struct probe *p, char *buf, size_t size)
{
	bool without = p->def->family != PROBES_ALWAYS && p->state != PROBE_LOADED;

	buf[0] = '\0';
	if (without && p->state == PROBE_UNTRIED)
		add(buf, size, "; ",
		    s->needed[p->def->family]
			    ? "no such function here now: its module is not loaded, or the "
			      "compiler inlined it"
		    : s->kernel->facts.ring_sleeps
			    ? "nothing is sampled on this real-time kernel, to be explained"
			    : "no drop needed it");
	else
		add(buf, size, "; ", p->note);
	if (without && p->state == PROBE_FAILED && !is_on_stack(s, p))
		add(buf, size, "; ",
		    p->def->without ? p->def->without
				    : "addresses are hidden, and so is the stack");
	if (without)
		add(buf, size, "; ", "a program on it");
	add(buf, size, without ? " " : "; ", p->def->blind);
}

size_t probes_report(const struct probe_set *s, struct probe_report out[MAX_PROBES])
{
	for (size_t i = 0; i < s->n; i++) {
		const struct probe *p = &s->probes[i];
		bool always = p->def->family == PROBES_ALWAYS;

		memset(&out[i], 0, sizeof(out[i]));
		out[i].name = p->def->name;
		out[i].how = p->state == PROBE_LOADED ? p->rung->how
			     : is_on_stack(s, p)      ? "stack"
						      : "off";
		out[i].armed = !p->ever_attached ? ARMED_NEVER
			       : always		 ? ARMED_ALWAYS
						 : ARMED_ON_DEMAND;
		out[i].armed_ns = always ? 0 : s->attached_ns[p->def->family];
		out[i].degraded = always && (p->state != PROBE_LOADED || p->rung != p->def->ladder);
		out[i].has_missed = counts_missed(s, p);
		out[i].missed = p->missed;
		describe(s, p, out[i].note, sizeof(out[i].note));
	}
	return s->n;
}
