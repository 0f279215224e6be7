/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the real host share among themselves. */
#ifndef WHYDROP_HOST_REAL_H
#define WHYDROP_HOST_REAL_H

#include <stdio.h>
#include <sys/types.h>

#include "../util.h"
#include "host.h"

/* A namespace that was found, by what name, and the way into it. One that is gone keeps its name,
 * until another one gets its inode number. */
struct netns_entry {
	uint32_t inode;
	unsigned int scan; /* the one that saw it last */
	int pid;	   /* a process that holds it; 0: none known */
	size_t named;	   /* index into names */
	unsigned int look; /* the one that saw that name last */
	char *path;
	const struct pod *pod; /* NULL: none is known */
};

struct netns_table {
	struct netns_entry *entries;
	size_t n;
	struct netns_name **names; /* "host", a name, or "pid 42 (nginx)"; old ones stay in use */
	size_t n_names;
	struct pod **pods; /* every one that was ever found, likewise */
	size_t n_pods;
	unsigned int scan, look;
	bool names_changed;
	uint64_t quiet_ns;	       /* CLOCK_MONOTONIC: the names were as they were seen */
	struct pace pace;	       /* of looks at names that changed */
	uint64_t named_ns, scanned_ns; /* CLOCK_MONOTONIC: the last look at names, and at /proc */
	uint64_t ns_dev;	       /* of nsfs */
	uint32_t own, host;	       /* inodes: ours, and the machine's (pid 1's) */
	int own_fd;		       /* the way back */
	bool away;		       /* in another netns: own needs no capability to stay */
	int watched[HOST_WATCHED];     /* mount tables: our own, and the machine's; -1: none */
};

enum cache_kind {
	CACHE_LINKS,
	CACHE_ADDRS,
	CACHE_ROUTES,
	CACHE_NEIGHS,
	CACHE_VLANS,
	CACHE_UDP,
	CACHE_TCP,
	CACHE_IPVS,
	CACHE_CIDRS,
	CACHE_CONNTRACK, /* an answer, not to be found again */
};

struct cached {
	uint32_t netns;
	enum cache_kind kind;
	struct addr of; /* CACHE_CONNTRACK: whose entries; family 0: of all */
	uint64_t read_ns;
	int err;
	void *data;
	size_t n;
};

struct real_host {
	struct host base;
	struct netns_table table;
	struct cached *cache;
	size_t n_cache;
	uint64_t oldest_ns;	  /* of what was taken from it since host_refresh() */
	struct known_cidr *given; /* by the user */
	size_t n_given;
	bool has_nft; /* built in */
	bool kallsyms_read, has_ctnetlink, has_xfrm_user, has_nft_compat, has_ebtables;
};

/* A growing array. item points to size bytes. */
struct vec {
	void *data;
	size_t n, room, size;
};
void *vec_add(struct vec *v, const void *item);

int netns_table_open(struct netns_table *t);
void netns_table_close(struct netns_table *t);
/* Look at what is there, and note changes of mount tables from now on. */
void netns_table_watch(struct netns_table *t);
/* Look at names now. */
void netns_table_look(struct netns_table *t);
/* See host_learn_names(). */
int netns_table_learn(struct netns_table *t, bool changed, uint64_t asked_ns);
/* "host", a name, or "pid 42 (nginx)" */
const char *netns_entry_name(const struct netns_table *t, const struct netns_entry *e);
/* Look again at what is on the machine: at names at most every 20 ms, at processes every 200 ms. */
void netns_table_scan(struct netns_table *t);
/* A descriptor of the netns, or -ESRCH if the way in leads nowhere or to another one by now. */
int netns_open(const struct netns_entry *e);
const struct netns_entry *netns_table_find(struct netns_table *t, uint32_t inode);
/* Enter the netns; 0, -ESRCH, or what setns(2) says. Every success is followed by netns_leave(). */
int netns_enter(struct netns_table *t, uint32_t inode);
void netns_leave(struct netns_table *t);

/* Readers; the calling thread is in the netns already. *out is malloc()ed. */
int read_links(struct netns_table *t, struct vec *out);
int read_addrs(struct vec *out);
int read_routes(struct vec *out);
int read_neighs(struct vec *out);
int read_route_get(const struct route_query *q, struct route_answer *out);
int read_conntrack(const struct addr *a, bool has_ctnetlink, struct vec *out);
int read_vlans(struct vec *out);
int read_conntrack_entry(const struct flow *tuple, uint16_t zone, bool has_ctnetlink,
			 struct ct_entry *out);
int read_sockets(bool tcp, struct vec *out);
int read_icmp_errors(uint64_t *n);
/* Services, of which there may be thousands. -ENOENT: IPVS is not there. */
int read_ipvs(struct vec *out);
/* From what the file has, for tests. */
void read_ipvs_file(FILE *f, struct vec *out);
int read_sysctl(const char *name, char *buf, size_t size);
int read_has_xfrm(void);
/* has_…: what may be asked without loading or making anything. */
int read_rules_have(bool six, bool has_legacy_nat, bool has_nft, const struct rules_like *like);
/* Not in the netns. */
int read_cidrs(struct real_host *h, uint32_t netns, struct vec *out);
/* What a CNI's configuration, flannel's subnet.env and a command line say; for tests. text and args
 * are terminated, flannel's text is written to. */
void cidrs_from_cni_files(const char *root, uint32_t netns, struct vec *out);
/* Has it any? */
bool cidrs_from_cni(const char *text, uint32_t netns, const char *source, struct vec *out);
void cidrs_from_flannel(char *text, uint32_t netns, struct vec *out);
void cidrs_from_arguments(const char *args, size_t len, uint32_t netns, struct vec *out);
/* The pod of a process; false: none is known. */
bool read_pod(int pid, struct pod *out);
/* What it is made of, for tests: the UID in /proc/PID/cgroup's text, and a folder of /var/log/pods.
 */
bool pod_uid_of_cgroup(const char *text, char uid[40]);
bool pod_of_log_folder(const char *name, const char *uid, struct pod *out);
void read_kallsyms_names(struct real_host *h, const char *path);
/* As host_take_symbol(). */
void take_kallsyms_name(void *host, const struct kallsyms_line *l);

#endif
