// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "session.h"
#include "drop.skel.h"
#include "symptoms.skel.h"
#include "util.h"

/* Preallocated per-CPU memory that the flow map may take: it is the one that grows with CPUs. */
#define FLOWS_BYTES (64UL << 20)
#define FLOWS_MIN   1024
#define FLOWS_MAX   16384

struct rung {
	const char *how, *program;
};

struct probe_def {
	const char *name;
	const char *object;
	const void *(*elf)(size_t *size);
	struct rung ladder[4];
	bool needed;	   /* without it there is nothing to trace */
	const char *blind; /* what it cannot see */
};

static const struct probe_def defs[SESSION_PROBES] = {
	{"kfree_skb",
	 "drop_bpf",
	 drop_bpf__elf_bytes,
	 {{"tp_btf", "drop_tp_btf"}, {"raw_tp", "drop_raw_tp"}, {"tracepoint", "drop_tracepoint"}},
	 true,
	 "cannot see packets freed by consume_skb, native XDP_DROP, drops inside the NIC, and "
	 "packets that an eBPF datapath takes away before the stack"},
	{"tcp_retransmit_skb",
	 "symptoms_bpf",
	 symptoms_bpf__elf_bytes,
	 {{"tp_btf", "retransmit_tp_btf"},
	  {"raw_tp", "retransmit_raw_tp"},
	  {"tracepoint", "retransmit_tracepoint"}},
	 false,
	 "sees TCP of this node's own pods only: a silent loss of UDP shows nothing here"},
};

struct probe {
	struct bpf_object *obj;
	struct bpf_link *link;
	const struct rung *rung; /* NULL: off */
	bool counts_missed;
	char note[256];
};

struct session {
	struct session_options opt;
	struct kernel_facts facts;
	struct probe probes[SESSION_PROBES];
	struct ring_buffer *ring;
	session_sample_fn *on_sample;
	void *arg;
	int n_cpus;
	uint64_t missed[SESSION_PROBES]; /* read when the programs are detached */
	bool detached;
};

/* libbpf's last warning: the reason why a rung failed, in the words of who knows. */
static char last_warning[512];

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
	if (log_level >= LOG_LIBBPF) /* whole: the verifier's log is many lines in one */
		vfprintf(stderr, fmt, ap);
	return 0;
}

static uint32_t flow_entries(const struct session *s)
{
	size_t one = sizeof(struct drop_key) + sizeof(struct drop_val) * (size_t)s->n_cpus + 64;
	size_t n = FLOWS_BYTES / one;

	if (s->opt.max_flows)
		return s->opt.max_flows;
	return n < FLOWS_MIN ? FLOWS_MIN : n > FLOWS_MAX ? FLOWS_MAX : (uint32_t)n;
}

/* A ring for the samples of all CPUs during a second that userspace does not get to run. */
static uint32_t ring_bytes(const struct session *s)
{
	uint32_t n = 512 << 10;

	if (s->opt.ring_bytes)
		return s->opt.ring_bytes;
	while (n < (uint32_t)s->n_cpus * (256 << 10) && n < (8U << 20))
		n *= 2;
	return n;
}

static int set_map_size(struct bpf_object *obj, const char *name, uint32_t n)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, name);

	return m ? bpf_map__set_max_entries(m, n) : -ENOENT;
}

static int configure(struct session *s, struct bpf_object *obj)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(obj, ".rodata.config");
	struct config cfg = {.filter = s->opt.filter, .has_reason = s->facts.kfree_skb_reason};
	int err = rodata ? bpf_map__set_initial_value(rodata, &cfg, sizeof(cfg)) : -ENOENT;

	if (!err)
		err = set_map_size(obj, "flows", flow_entries(s));
	if (!err && s->opt.max_folds)
		err = set_map_size(obj, "folds", s->opt.max_folds);
	if (!err)
		err = set_map_size(obj, "samples", ring_bytes(s));
	return err;
}

/* Every object but the first uses the first one's maps. */
static int share_maps(struct session *s, struct bpf_object *obj)
{
	struct bpf_map *m, *first;

	if (obj == s->probes[0].obj)
		return 0;
	bpf_object__for_each_map(m, obj)
	{
		int err;

		if (strchr(bpf_map__name(m), '.'))
			continue;
		first = bpf_object__find_map_by_name(s->probes[0].obj, bpf_map__name(m));
		err = first ? bpf_map__reuse_fd(m, bpf_map__fd(first)) : -ENOENT;
		if (err)
			return err;
	}
	return 0;
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

static int try_rung(struct session *s, const struct probe_def *def, struct probe *p,
		    const struct rung *rung)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = def->object,
		    .btf_custom_path = s->opt.btf_path);
	struct bpf_program *prog, *chosen = NULL;
	size_t size;
	const void *elf = def->elf(&size);
	int err;

	if (!strcmp(rung->how, "tracepoint"))
		enter_own_mounts();
	p->obj = bpf_object__open_mem(elf, size, &opts);
	if (!p->obj)
		return -errno;
	bpf_object__for_each_program(prog, p->obj)
	{
		bool wanted = !strcmp(bpf_program__name(prog), rung->program);

		bpf_program__set_autoload(prog, wanted);
		if (wanted)
			chosen = prog;
	}
	err = configure(s, p->obj);
	if (!err)
		err = share_maps(s, p->obj);
	if (!err)
		err = bpf_object__load(p->obj);
	if (!err) {
		p->link = bpf_program__attach(chosen);
		err = p->link ? 0 : -errno;
	}
	if (err) {
		bpf_object__close(p->obj);
		p->obj = NULL;
		return err;
	}
	p->rung = rung;
	return 0;
}

/* Down the ladder until something holds. p->note collects why the rungs above did not. */
static int climb_down(struct session *s, const struct probe_def *def, struct probe *p)
{
	const struct rung *rung = def->ladder;
	size_t used = 0;
	int err = -ENOENT;

	if (s->opt.rung) {
		while (rung->how && strcmp(rung->how, s->opt.rung))
			rung++;
	}
	for (; rung->how; rung++) {
		last_warning[0] = '\0';
		err = try_rung(s, def, p, rung);
		if (!err)
			break;
		log_info(LOG_VERBOSE, "%s: %s: %s", def->name, rung->how, strerror(-err));
		used += (size_t)snprintf(p->note + used, sizeof(p->note) - used, "%sno %s (%s)",
					 used ? ", " : "", rung->how, strerror(-err));
		if (used >= sizeof(p->note))
			used = sizeof(p->note) - 1;
	}
	/* Runs that are skipped since the same program runs on this CPU are counted from 6.1 on
	 * for raw tracepoints (kernel/trace/bpf_trace.c, __bpf_trace_run). */
	p->counts_missed = p->rung && s->facts.counts_missed && strcmp(p->rung->how, "tracepoint");
	return err;
}

static int handle_sample(void *ctx, void *data, size_t size)
{
	struct session *s = ctx;

	if (size >= sizeof(struct sample))
		s->on_sample(s->arg, data);
	return 0;
}

static bool locked_down(void)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	bool confidential = f && fgets(text, sizeof(text), f) && strstr(text, "[confidentiality]");

	if (f)
		fclose(f);
	return confidential;
}

static void explain_failure(int err)
{
	if ((err == -EPERM || err == -EACCES) && locked_down())
		log_error("the kernel is locked down (confidentiality), so BPF may not read its "
			  "memory: boot with lockdown=integrity or without it");
	else if (err == -EPERM)
		log_error("the kernel refuses BPF programs: run as root with CAP_BPF and "
			  "CAP_PERFMON (or CAP_SYS_ADMIN), and see what forbids bpf() here "
			  "(seccomp of the container, an LSM)");
	else if (err == -ENOMEM)
		log_error("no memory for the BPF maps (before 5.11 they count against "
			  "`ulimit -l`: raise it)");
	else
		log_error("cannot attach to kfree_skb: %s%s%s", strerror(-err),
			  last_warning[0] ? ": " : "", last_warning);
}

int session_open(const struct session_options *opt, const struct kernel_facts *facts,
		 session_sample_fn *on_sample, void *arg, struct session **out)
{
	struct session *s = xcalloc(1, sizeof(*s));
	struct bpf_map *samples;
	int err;

	libbpf_set_print(print_libbpf);
	s->opt = *opt;
	s->facts = *facts;
	s->on_sample = on_sample;
	s->arg = arg;
	s->n_cpus = libbpf_num_possible_cpus();
	for (int i = 0; i < SESSION_PROBES; i++) {
		err = climb_down(s, &defs[i], &s->probes[i]);
		if (err && defs[i].needed) {
			explain_failure(err);
			goto fail;
		}
	}
	samples = bpf_object__find_map_by_name(s->probes[0].obj, "samples");
	s->ring = ring_buffer__new(bpf_map__fd(samples), handle_sample, s, NULL);
	if (!s->ring) {
		err = -errno;
		log_error("cannot read the ring buffer: %s", strerror(-err));
		goto fail;
	}
	*out = s;
	return 0;
fail:
	session_close(s);
	return err;
}

int session_poll(struct session *s, int timeout_ms)
{
	int n = ring_buffer__poll(s->ring, timeout_ms);

	return n < 0 ? n : 0;
}

static uint64_t read_missed(const struct probe *p)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, p->obj)
	{
		if (!bpf_program__autoload(prog))
			continue;
		if (!bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			return info.recursion_misses;
	}
	return 0;
}

/* Programs run under rcu_read_lock(): after a grace period none is left halfway. */
static void wait_grace_period(void)
{
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(50000);
}

void session_detach(struct session *s)
{
	if (s->detached)
		return;
	for (int i = 0; i < SESSION_PROBES; i++) {
		bpf_link__destroy(s->probes[i].link);
		s->probes[i].link = NULL;
	}
	wait_grace_period();
	for (int i = 0; i < SESSION_PROBES; i++) {
		if (s->probes[i].counts_missed)
			s->missed[i] = read_missed(&s->probes[i]);
	}
	s->detached = true;
	ring_buffer__consume(s->ring);
}

void session_close(struct session *s)
{
	if (!s)
		return;
	ring_buffer__free(s->ring);
	for (int i = SESSION_PROBES - 1; i >= 0; i--) {
		bpf_link__destroy(s->probes[i].link);
		bpf_object__close(s->probes[i].obj);
	}
	free(s);
}

static int map_fd(const struct session *s, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(s->probes[0].obj, name));
}

int session_stats(struct session *s, uint64_t stats[STAT_MAX])
{
	uint64_t *values = xcalloc((size_t)s->n_cpus, sizeof(*values));
	int fd = map_fd(s, "stats"), err = 0;

	for (uint32_t id = 0; id < STAT_MAX && !err; id++) {
		err = bpf_map_lookup_elem(fd, &id, values);
		stats[id] = 0;
		for (int cpu = 0; cpu < s->n_cpus && !err; cpu++)
			stats[id] += values[cpu];
	}
	free(values);
	return err;
}

size_t session_probes(struct session *s, struct probe_report out[SESSION_PROBES])
{
	for (int i = 0; i < SESSION_PROBES; i++) {
		const struct probe *p = &s->probes[i];
		const char *sep = p->note[0] ? "; " : "";

		memset(&out[i], 0, sizeof(out[i]));
		out[i].name = defs[i].name;
		out[i].how = p->rung ? p->rung->how : "off";
		out[i].armed = p->rung ? ARMED_ALWAYS : ARMED_NEVER;
		out[i].degraded = p->rung != &defs[i].ladder[0];
		out[i].has_missed = p->counts_missed;
		out[i].missed = s->missed[i];
		snprintf(out[i].note, sizeof(out[i].note), "%s%s%s", p->note, sep, defs[i].blind);
	}
	return SESSION_PROBES;
}

static void add_val(struct drop_val *sum, const struct drop_val *v)
{
	if (!v->packets)
		return;
	if (!sum->packets || v->first_ns < sum->first_ns)
		sum->first_ns = v->first_ns;
	if (v->last_ns > sum->last_ns)
		sum->last_ns = v->last_ns;
	sum->packets += v->packets;
	sum->bytes += v->bytes;
}

struct map_reader {
	const char *map;
	enum sample_kind kind;
	bool folded;
};

static int read_map(struct session *s, const struct map_reader *r, session_group_fn *fn, void *arg)
{
	struct drop_val *values = xcalloc((size_t)s->n_cpus, sizeof(*values));
	union {
		struct drop_key flow;
		struct fold_key fold;
	} key, next;
	int fd = map_fd(s, r->map);
	void *prev = NULL;

	while (!bpf_map_get_next_key(fd, prev, &next)) {
		struct drop_val sum = {};

		key = next;
		prev = &key;
		if (bpf_map_lookup_elem(fd, &key, values))
			continue;
		for (int cpu = 0; cpu < s->n_cpus; cpu++)
			add_val(&sum, &values[cpu]);
		if (!sum.packets)
			continue;
		if (r->folded) {
			struct drop_key flow = {.location = key.fold.location,
						.reason = key.fold.reason,
						.netns = key.fold.netns};

			fn(arg, r->kind, &flow, &sum, true);
		} else {
			fn(arg, r->kind, &key.flow, &sum, false);
		}
	}
	free(values);
	return 0;
}

int session_read(struct session *s, session_group_fn *fn, void *arg)
{
	static const struct map_reader readers[] = {
		{"flows", SAMPLE_DROP, false},
		{"folds", SAMPLE_DROP, true},
		{"retransmits", SAMPLE_RETRANSMIT, false},
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(readers) && !err; i++)
		err = read_map(s, &readers[i], fn, arg);
	return err;
}
