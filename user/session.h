/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF side of a run: choose the rung of each probe's ladder, load, attach, poll, detach, read.
 */
#ifndef WHYDROP_SESSION_H
#define WHYDROP_SESSION_H

#include "../bpf/event.h"
#include "kernel.h"
#include "probe.h"

struct session_options {
	struct filter filter;
	const char *btf_path; /* --btf; NULL: the kernel's own */
	/* For tests (environment WHYDROP_TEST, see tests/README.md). 0 and NULL: not set. */
	const char *rung; /* start each ladder there: "raw_tp", "tracepoint", "kprobe", "stack" */
	const char *refused; /* the probe that the kernel is made to refuse */
	uint32_t max_flows, max_folds, ring_bytes;
};

struct session;

/* Called from session_poll() with records that are valid during the call only. */
struct session_handlers {
	void (*sample)(void *arg, const struct sample *s);
	void (*hook)(void *arg, const struct hook_sample *s);
};

/*
 * Load and attach what is always on. Returns 0, or -errno after having said on stderr what is
 * missing and how to get it. The kernel must outlive the session.
 */
int session_open(const struct session_options *opt, struct kernel *kernel,
		 const struct session_handlers *handlers, void *arg, struct session **out);
bool session_is_armed(const struct session *s, enum probe_family family);
/* Is the hook probe of that function attached now? */
bool session_is_attached(const struct session *s, enum hook_fn fn);
/* Load those families' hook probes, as far as they are not loaded: all that are wanted at once. */
void session_load(struct session *s, const bool families[PROBE_FAMILIES]);
/* Attach what is loaded, also of an armed family, after modules came. False: there is nothing. */
bool session_arm(struct session *s, enum probe_family family);
void session_disarm(struct session *s, enum probe_family family);
/* For poll(): there are samples. */
int session_fd(const struct session *s);
/* Wait up to timeout_ms for samples. 0, or -errno; -EINTR where a signal came. */
int session_poll(struct session *s, int timeout_ms);
/* Detach all programs and wait until none of them still runs, then take the last samples. */
void session_detach(struct session *s);
void session_close(struct session *s);

/* The counters' sums over all CPUs, by enum stat_id. */
int session_stats(struct session *s, uint64_t stats[STAT_MAX]);
/* How each probe is attached, and what it missed. */
size_t session_probes(struct session *s, struct probe_report out[MAX_PROBES]);

typedef void session_group_fn(void *arg, enum sample_kind kind, const struct drop_key *key,
			      const struct drop_val *sum, bool folded);
/* Call fn for each group of the maps, counters summed over the CPUs. After session_detach() only.
 */
int session_read(struct session *s, session_group_fn *fn, void *arg);

#endif
