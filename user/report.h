/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that one run learned, as the outputs see it. See docs/report.schema.json. */
#ifndef WHYDROP_REPORT_H
#define WHYDROP_REPORT_H

#include <stdio.h>

#include "fault.h"

enum armed {
	ARMED_ALWAYS,
	ARMED_ON_DEMAND,
	ARMED_NEVER,
};

struct probe_report {
	const char *name; /* "kfree_skb" */
	const char *how;  /* "tp_btf", "raw_tp", "tracepoint", … or "off" */
	enum armed armed;
	uint64_t armed_ns; /* ARMED_ON_DEMAND: for how long */
	bool degraded;	   /* not its first choice, or off */
	bool has_missed;   /* this kernel counts runs that it skipped */
	uint64_t missed;
	char note[512]; /* why it is degraded or off, what that means, and what it cannot see */
};

struct accounting {
	uint64_t seen, counted, folded, uncounted, filtered;
	bool has_missed;
	uint64_t missed;
	uint64_t samples_sent, samples_lost;
	uint64_t unsampled; /* groups that have no sample (budget): described by their key alone */
	uint64_t retransmits_lost; /* retransmits that nobody looked at: what could have told of a
				    * silence */
	uint64_t hooks_lost;	   /* records of hook programs */
};

struct report {
	char node[65], kernel[65], boot_id[40]; /* boot_id "": unknown */
	int64_t start_ns, end_ns;		/* CLOCK_REALTIME */
	int64_t mono_to_real_ns;		/* add to a CLOCK_MONOTONIC time */
	struct probe_report *probes;
	size_t n_probes;
	struct accounting acc;
	struct group *groups; /* SAMPLE_DROP groups, most packets first, */
	size_t n_groups;
	size_t n_all;		  /* and behind those the others: retransmits */
	struct finding *findings; /* the worst first */
	size_t n_findings;
	bool ended_early;	/* tracing failed before its end */
	bool has_all;		/* the command has the option --all */
	bool show_all;		/* and it was given: noise, too, in text */
	bool reasons_unsaid;	/* this kernel gives no drop reasons (before 5.17) */
	bool addresses_hidden;	/* kernel.kptr_restrict hides symbols */
	bool no_samples;	/* the lock of the ring buffer may sleep here: nothing is sampled */
	bool rules_closed;	/* without CAP_NET_ADMIN or CAP_NET_RAW not all rules can be read */
	bool namespaces_closed; /* without CAP_SYS_ADMIN no other netns' state can be read */
	struct host *host;	/* for the names of namespaces */
	const char *filter_text; /* the user's filters as one line; NULL: none */
};

/* All return 0 or -errno of the first failed write; the stream is flushed. */
int out_text(const struct report *r, FILE *to, bool colour, bool verbose);
int out_json(const struct report *r, FILE *to);
/* One probe as in the report; the reference is the caller's. */
struct json_t *report_probe_json(const struct probe_report *p);

/* The same for a report that was judged (judge.h): text and JSON hold the whole report, too. */
struct assertion;
struct out_style {
	bool colour, verbose; /* of text */
};
int out_assert_text(const struct report *r, const struct assertion *a, FILE *to,
		    const struct out_style *style);
int out_assert_json(const struct report *r, const struct assertion *a, FILE *to,
		    const struct out_style *style);
int out_junit(const struct report *r, const struct assertion *a, FILE *to,
	      const struct out_style *style);
int out_tap(const struct report *r, const struct assertion *a, FILE *to,
	    const struct out_style *style);

/*
 * The one escaper of each output. text: bytes that are not printable UTF-8, and every control
 * character (C0, DEL, C1, and the bidi overrides) become \xNN; returns buf, cut at size.
 * json: only what is not valid UTF-8 becomes the text \xNN, since the JSON writer escapes controls.
 */
const char *escape_text(const char *s, char *buf, size_t size);
const char *escape_json(const char *s, char *buf, size_t size);

#endif
