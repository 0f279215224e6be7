/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hook programs add to a group: which hook, which devices, whose verdict, which bridge port.
 * Arms them when a drop needs it, and joins what they tell with the drop's sample.
 */
#ifndef WHYDROP_EXPLAIN_H
#define WHYDROP_EXPLAIN_H

#include "arming.h"
#include "host/host.h"
#include "session.h"
#include "table.h"

#define EXPLAIN_RECENT 512
#define EXPLAIN_TOLD   64

struct explain {
	bool deep; /* armed all the time */
	struct arming arming[PROBE_FAMILIES];
	struct { /* samples that a hook_sample may refer to; a ring */
		uint64_t skb, ts;
		size_t group;
		bool told;   /* a hook_sample came */
		int seen;    /* g->seen_last then */
		bool agreed; /* that was told of */
	} recent[EXPLAIN_RECENT];
	unsigned int next;
	struct { /* where and when groups were explained; a ring */
		uint64_t location, at_ns;
		uint32_t netns, in_ifindex;
		enum nf_hook hook;
	} told[EXPLAIN_TOLD];
	unsigned int next_told;
	uint64_t modules_ns; /* when modules were last looked at */
	bool modules_came;
	/* CLOCK_MONOTONIC; until then programs were attached one after the other */
	uint64_t armed_ns[PROBE_FAMILIES];
	/* And since then they were detached, one after the other; 0: they are attached. */
	uint64_t disarmed_ns[PROBE_FAMILIES];
	bool sees_ports;   /* a bridge's function tells the port that a frame was for, if any, */
	uint64_t ports_ns; /* of packets that died since then */
	bool sees_rules;   /* a verdict without a rule is a policy's, */
	uint64_t rules_ns; /* of packets that died since then */
};

/* A sample of the group came: does it need what only hook programs know? Before other records. */
void explain_drop(struct explain *e, struct table *t, size_t group, const struct sample *s);
/* Returns the group that the record belongs to, or NULL. */
struct group *explain_hook(struct explain *e, struct table *t, struct host *h,
			   const struct hook_sample *s);
/* Arm and disarm, notice modules; several times a second. */
void explain_tick(struct explain *e, struct session *s, struct kernel *k, struct host *h);

#endif
