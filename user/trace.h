/* SPDX-License-Identifier: GPL-2.0-only */
/* A tracing run from first sample to report: session → table → describe → diagnose → report. */
#ifndef WHYDROP_TRACE_H
#define WHYDROP_TRACE_H

#include "diagnose.h"
#include "explain.h"
#include "filter.h"
#include "kernel.h"
#include "report.h"
#include "rules/rules.h"
#include "session.h"
#include "table.h"
#include "util.h"

struct trace {
	struct kernel kernel;
	struct host *host;
	struct session *session;
	struct table table;
	struct diagnosis diagnosis;
	struct filter filter;
	struct explain explain;
	struct rules rules;
	bool has_stale;	       /* groups whose state is to be looked at again */
	int names_ms;	       /* in how long new names are to be read; -1: there are none */
	struct pace pace;      /* of looks with new state; else a second's old state must do */
	uint64_t sampled_only; /* packets that no map had room for, known by their samples */
	struct probe_report probes[MAX_PROBES];
	int64_t start_ns;	/* CLOCK_REALTIME */
	bool rules_closed;	/* may not read all rules of the packet filter */
	bool namespaces_closed; /* may not enter others than its own */
};

struct trace_options {
	struct filter_args *filter;
	struct host_options host;
	const char *btf_path;
	bool deep; /* hook programs are attached from the start to the end */
	/* What else hangs on the kernel's BTF; NULL: nothing. 0, or -errno, said on stderr. */
	int (*check)(void *arg, struct kernel *k);
	void *check_arg;
};

/* Everything up to attached probes. 0, or an enum exit_code after having said why on stderr. */
int trace_start(struct trace *t, struct trace_options *opt);
/* Handle what arrives during timeout_ms. 0, -EINTR, or -errno. */
int trace_poll(struct trace *t, int timeout_ms);
uint64_t trace_seen(struct trace *t);
/* Detach, count, diagnose, and fill the report, whose memory stays the trace's. 0 or -errno. */
int trace_finish(struct trace *t, struct report *r);
void trace_free(struct trace *t);

#endif
