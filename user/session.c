// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "session.h"
#include "util.h"

/* Preallocated per-CPU memory that the flow map may take: it is the one that grows with CPUs. */
#define FLOWS_BYTES (64UL << 20)
#define FLOWS_MIN   1024
#define FLOWS_MAX   16384

struct session {
	struct session_options opt;
	struct probe_set probes;
	struct ring_buffer *ring;
	const struct session_handlers *handlers;
	void *arg;
	int n_cpus;
	int armed_fd;
	bool detached;
	uint64_t poll_until_ns; /* CLOCK_MONOTONIC; 0: until the ring is empty */
};

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
	struct config cfg = {.filter = s->opt.filter,
			     .has_reason = s->probes.kernel->facts.kfree_skb_reason,
			     .no_samples = s->probes.kernel->facts.ring_sleeps};
	int err = rodata ? bpf_map__set_initial_value(rodata, &cfg, sizeof(cfg)) : -ENOENT;

	if (!err)
		err = set_map_size(obj, "flows", flow_entries(s));
	if (!err && s->opt.max_folds)
		err = set_map_size(obj, "folds", s->opt.max_folds);
	if (!err)
		err = set_map_size(obj, "samples", ring_bytes(s));
	return err;
}

static struct bpf_map *find_shared_map(const struct session *s, const char *name)
{
	struct bpf_map *m = NULL;

	for (size_t i = 0; i < s->probes.n_objects && !m; i++)
		m = bpf_object__find_map_by_name(s->probes.objects[i], name);
	return m;
}

static int map_fd(const struct session *s, const char *name)
{
	return bpf_map__fd(find_shared_map(s, name));
}

/* All objects use the same maps: those of the first one that has them. */
static int share_maps(struct session *s, struct bpf_object *obj)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, obj)
	{
		struct bpf_map *shared = find_shared_map(s, bpf_map__name(m));
		int err = 0;

		if (shared && !strchr(bpf_map__name(m), '.'))
			err = bpf_map__reuse_fd(m, bpf_map__fd(shared));
		if (err)
			return err;
	}
	return 0;
}

static int prepare_object(void *arg, struct bpf_object *obj)
{
	struct session *s = arg;
	int err = configure(s, obj);

	return err ? err : share_maps(s, obj);
}

static int handle_sample(void *ctx, void *data, size_t size)
{
	struct session *s = ctx;
	uint32_t kind;

	if (size < sizeof(kind))
		return 0;
	memcpy(&kind, data, sizeof(kind));
	if (kind == SAMPLE_HOOK && size >= sizeof(struct hook_sample))
		s->handlers->hook(s->arg, data);
	else if (kind != SAMPLE_HOOK && size >= sizeof(struct sample))
		s->handlers->sample(s->arg, data);
	/* what fills the ring as fast as we empty it must not keep us here: this record is done */
	return s->poll_until_ns && now_ns(CLOCK_MONOTONIC) >= s->poll_until_ns ? -ECANCELED : 0;
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
	const char *warning = probe_last_warning();

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
			  warning[0] ? ": " : "", warning);
}

/* The flag in bpf/drop.bpf.c. */
static void set_armed(const struct session *s, uint32_t on)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(s->armed_fd, &zero, &on, BPF_ANY))
		log_info(LOG_VERBOSE, "cannot set the armed flag: %s", strerror(errno));
}

int session_open(const struct session_options *opt, struct kernel *kernel,
		 const struct session_handlers *handlers, void *arg, struct session **out)
{
	struct session *s = xcalloc(1, sizeof(*s));
	int err;

	s->opt = *opt;
	s->handlers = handlers;
	s->arg = arg;
	s->n_cpus = libbpf_num_possible_cpus();
	s->probes.btf_path = opt->btf_path;
	s->probes.test_rung = opt->rung;
	s->probes.test_refused = opt->refused;
	s->probes.kernel = kernel;
	s->probes.prepare = prepare_object;
	s->probes.arg = s;
	probes_init(&s->probes);
	err = probes_start(&s->probes);
	if (err) {
		explain_failure(err);
		goto fail;
	}
	s->armed_fd = map_fd(s, ".data.armed");
	s->ring = ring_buffer__new(map_fd(s, "samples"), handle_sample, s, NULL);
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

bool session_is_attached(const struct session *s, enum hook_fn fn)
{
	return probe_is_attached(&s->probes, probe_function(fn));
}

bool session_is_armed(const struct session *s, enum probe_family family)
{
	return s->probes.since_ns[family];
}

void session_load(struct session *s, const bool families[PROBE_FAMILIES])
{
	probes_load(&s->probes, families);
}

/* The flag first on, last off: a hook program that finds no sample is only idle. */
bool session_arm(struct session *s, enum probe_family family)
{
	if (!probes_usable(&s->probes, family))
		return false;
	set_armed(s, 1);
	probes_attach(&s->probes, family);
	return true;
}

void session_disarm(struct session *s, enum probe_family family)
{
	probes_detach(&s->probes, family);
	if (!s->probes.since_ns[PROBES_NETFILTER] && !s->probes.since_ns[PROBES_BRIDGE])
		set_armed(s, 0);
}

int session_fd(const struct session *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int session_poll(struct session *s, int timeout_ms)
{
	int n;

	s->poll_until_ns = now_ns(CLOCK_MONOTONIC) + (uint64_t)timeout_ms * 1000000;
	n = ring_buffer__poll(s->ring, timeout_ms);
	s->poll_until_ns = 0;
	return n < 0 && n != -ECANCELED ? n : 0;
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
	for (int family = 0; family < PROBE_FAMILIES; family++)
		probes_detach(&s->probes, (enum probe_family)family);
	wait_grace_period();
	probes_read_missed(&s->probes);
	s->detached = true;
	ring_buffer__consume(s->ring);
}

void session_close(struct session *s)
{
	if (!s)
		return;
	ring_buffer__free(s->ring);
	probes_close(&s->probes);
	free(s);
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

size_t session_probes(struct session *s, struct probe_report out[MAX_PROBES])
{
	return probes_report(&s->probes, out);
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
	int fd = map_fd(s, r->map), err;
	void *prev = NULL;

	while (!(err = bpf_map_get_next_key(fd, prev, &next))) {
		struct drop_val sum = {};

		key = next;
		prev = &key;
		err = bpf_map_lookup_elem(fd, &key, values);
		if (err)
			break;
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
	return err == -ENOENT ? 0 : err; /* the end; nothing is deleted in these maps */
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
