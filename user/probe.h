/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel attachments of a run: a table of them, a ladder of ways for each, and what became of
 * it. A probe that cannot be loaded never stops another one.
 *
 * Those of PROBES_ALWAYS are attached at the start. The others watch functions that healthy packets
 * pass, too: they are loaded when something first needs explaining, and attached while it does.
 */
#ifndef WHYDROP_PROBE_H
#define WHYDROP_PROBE_H

#include "kernel.h"
#include "report.h"

#define MAX_PROBES  40
#define MAX_OBJECTS 64

enum probe_family {
	PROBES_ALWAYS,
	PROBES_NETFILTER,
	PROBES_BRIDGE,
	PROBE_FAMILIES,
};

struct bpf_object;
struct probe_def;
struct rung;

enum probe_state {
	PROBE_UNTRIED, /* also: no such function now, but its module may come */
	PROBE_LOADED,
	PROBE_FAILED,
};

struct probe {
	const struct probe_def *def;
	enum probe_state state;
	const struct rung *rung; /* PROBE_LOADED: which one holds */
	struct bpf_object *obj;	 /* shared by the probes of one object that were loaded together */
	uint64_t addr;		 /* the function's, when it was tried; 0: hidden */
	uint64_t module;	 /* which loading of its module that was; 0: it has none */
	uint64_t rules_module;	 /* which loading of nf_tables it can read, if it does */
	struct bpf_link *links[2];
	bool ever_attached;
	uint64_t missed;
	uint64_t missed_before; /* of those by programs that are closed: its module was gone */
	char note[256];		/* why the rungs above did not hold */
};

struct probe_set {
	struct probe probes[MAX_PROBES];
	size_t n;
	struct bpf_object *objects[MAX_OBJECTS]; /* the first is kfree_skb's, which has every map */
	size_t n_objects;
	const char *btf_path; /* NULL: the kernel's own */
	const char
		*test_rung; /* NULL, or where ladders that have it start; "stack": no hook probes */
	const char *test_refused; /* NULL, or the probe none of whose programs loads */
	struct kernel *kernel;
	int fexit_refused; /* -errno: why this kernel takes no fexit at all; 0: it may */
	int (*prepare)(void *arg, struct bpf_object *obj); /* sizes and shares maps before load */
	void *arg;
	bool needed[PROBE_FAMILIES];	      /* since the start: a drop did, or --deep */
	uint64_t attached_ns[PROBE_FAMILIES]; /* in all, up to the last detaching */
	uint64_t since_ns[PROBE_FAMILIES];    /* CLOCK_MONOTONIC; 0: not attached */
};

/* The other members are the caller's to fill. Takes over libbpf's messages. */
void probes_init(struct probe_set *s);
/* Load and attach PROBES_ALWAYS. 0, or -errno where one without which nothing works did not. */
int probes_start(struct probe_set *s);
/* Load those families' hook probes that are not loaded yet and whose functions this kernel has now.
 * It takes time, less when together, and a loaded program may keep its function's module from being
 * unloaded. */
void probes_load(struct probe_set *s, const bool families[PROBE_FAMILIES]);
/* Attach those that are loaded, or detach them. What cannot be attached says so in its note. */
void probes_attach(struct probe_set *s, enum probe_family family);
void probes_detach(struct probe_set *s, enum probe_family family);
bool probe_is_attached(const struct probe_set *s, const char *name);
/* Has the family a probe that is loaded? */
bool probes_usable(const struct probe_set *s, enum probe_family family);
/* What the probes skipped; while they are loaded. */
void probes_read_missed(struct probe_set *s);
void probes_close(struct probe_set *s);
/* Returns how many there are. */
size_t probes_report(const struct probe_set *s, struct probe_report out[MAX_PROBES]);

/* The kernel's name of a function that hook programs watch. */
const char *probe_function(enum hook_fn fn);
/* The family of the probe that watches it. */
enum probe_family probe_family(enum hook_fn fn);
/* What libbpf says goes to the log from here on, and its warnings are kept. */
void probes_log_libbpf(void);
/* libbpf's last warning; "" if there was none. */
const char *probe_last_warning(void);

#endif
