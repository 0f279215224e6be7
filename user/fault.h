/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The catalogue of faults and what they produce. One fault is one file in user/faults/ that defines
 * one `const struct fault`, listed in user/catalogue.c, with a scenario of the same id.
 */
#ifndef WHYDROP_FAULT_H
#define WHYDROP_FAULT_H

#include "group.h"
#include "host/host.h"

enum status {
	STATUS_NONE,	  /* not this fault */
	STATUS_SUSPECTED, /* the state could not be read, or only part agrees */
	STATUS_CONFIRMED, /* the drop was seen and the node's state agrees */
};

enum fix_when {
	FIX_NOW,     /* sh -c runs text as printed inside the finding's netns, and that mends it */
	FIX_PERSIST, /* sh -c; keeps it after a reboot */
	FIX_ADVICE,  /* what no command mends */
};

/* Does a piece of evidence speak for the finding? */
enum agrees {
	AGREES_NO,
	AGREES_YES,
	AGREES_UNREAD, /* it could not be read */
};

struct evidence {
	char *check; /* "sysctl net.ipv4.ip_forward" */
	char *value;
	char *want; /* what a healthy node has; NULL: nothing particular */
	enum agrees agrees;
};

struct fix {
	enum fix_when when;
	char *text;
};

struct finding {
	const struct fault *fault;
	enum status status;
	char *place;   /* with the fault's id: the finding's identity, e.g. "host/eth0" */
	char *summary; /* one sentence that names the interface, address, rule or value at fault */
	uint32_t
		netns; /* where the fault is and the fix runs; may differ from where packets died */
	char *netns_name; /* as it was then, kept by diagnose(): the inode number of a netns that is
			   * gone is given to another one; NULL: it had none */
	const struct pod *pod; /* of the netns, likewise; NULL: none. The host's. */
	struct evidence *evidence;
	size_t n_evidence;
	struct fix *fix;
	size_t n_fix;
	char *path;    /* where packets went; NULL: that of its largest group, or nothing known */
	char *rule;    /* the rule at fault, rule_str(): stands before one of the same fault and
			* place that knows none; NULL: none, or not known */
	bool too_late; /* about a silence: it may have been answered before it was looked at */
	struct addr silent; /* about a silence: who does not answer. A drop of packets from or to
			     * that address explains it, and the finding goes. */

	/* Kept by diagnose(). */
	uint64_t packets, first_ns, last_ns;
	int *groups; /* indices of the groups it explains */
	size_t n_groups;
};

struct fault {
	const char *id;	   /* the catalogue's id */
	const char *title; /* "IP forwarding is off" */
	const char *link;  /* where to read on */
	/* Cheap: could a group like this come from this fault? Looks at the group only. */
	bool (*signature)(const struct group *g);
	/*
	 * Read the evidence and fill f: status, place, summary, netns, evidence, fix. f is empty
	 * and STATUS_NONE where it is not this fault. 0, or -errno: it is not this one either.
	 */
	int (*examine)(const struct group *g, struct host *h, struct finding *f);
};

extern const struct fault *const fault_catalogue[]; /* NULL-terminated, in order of preference */

/* For examine(): printf-like; memory is the finding's. Failures to allocate are fatal (exit 3). */
/* Where it is, below its netns, which is set by then; or that netns as a whole. */
void finding_place(struct finding *f, struct host *h, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void finding_place_netns(struct finding *f, struct host *h);
void finding_summary(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define EVIDENCE_SENT "what it sends back"
/* check, value and want are copied; want may be NULL. */
void finding_evidence(struct finding *f, enum agrees agrees, const char *check, const char *value,
		      const char *want);
void finding_fix(struct finding *f, enum fix_when when, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The commands that set a switch, "net/ipv4/ip_forward", to 1: now, and for good in a file of its
 * own, so that those of two findings do not overwrite each other. */
void finding_fix_sysctl(struct finding *f, struct host *h, const char *name);
void finding_free(struct finding *f);
/* The name of the finding's netns: of its own, a holder's, or NULL. *gone: it had one of its own,
 * and another netns has its inode number now. */
const char *finding_netns_name(const struct finding *f, struct host *h, bool *gone);
/* A shell command of the finding's netns as it is run in the host's; NULL: nothing leads there. To
 * free(). */
char *finding_command(const struct finding *f, struct host *h, const char *command);
/* The same of a group's netns; h may be NULL. */
const char *group_netns_name(const struct group *g, struct host *h);
/* "namespace/name" of its pod, or that name; for people. */
const char *group_netns_label(const struct group *g, struct host *h);
/* s as one word of a POSIX shell, quoted only if it must be. Returns buf (4 * strlen + 3 bytes). */
const char *shell_quote(const char *s, char *buf, size_t size);

/* "net/ipv4/ip_forward" as sysctl(8) is mostly given it: "net.ipv4.ip_forward"; with slashes where
 * an interface name has a dot in it. Returns buf. */
const char *sysctl_text(const char *name, char *buf, size_t size);

/* Read a sysctl that is a switch and record it as evidence; `want` is its healthy value. It agrees
 * with the fault when it is 0 or does not exist. */
enum agrees evidence_sysctl(struct finding *f, struct host *h, uint32_t netns, const char *name,
			    const char *want);

#endif
