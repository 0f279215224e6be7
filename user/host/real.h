/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the real host share among themselves. */
#ifndef WHYDROP_HOST_REAL_H
#define WHYDROP_HOST_REAL_H

#include <sys/types.h>

#include "host.h"

/* A namespace that was found, by what name, and the way into it. */
struct netns_entry {
	uint32_t inode;
	int pid;    /* a process that holds it; 0: none known */
	char *name; /* "host", a name, or "pid 42 (nginx)" */
	char *path;
};

struct netns_table {
	struct netns_entry *entries;
	size_t n;
	uint64_t scanned_ns; /* CLOCK_MONOTONIC */
	uint32_t own, host;  /* inodes: ours, and the machine's (pid 1's) */
	int own_fd;	     /* the way back */
};

enum cache_kind {
	CACHE_LINKS,
	CACHE_ADDRS,
	CACHE_ROUTES,
	CACHE_NEIGHS,
	CACHE_UDP,
	CACHE_CIDRS,
	CACHE_CONNTRACK, /* an answer, not to be found again */
};

struct cached {
	uint32_t netns;
	enum cache_kind kind;
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
	struct known_cidr *given; /* by the user */
	size_t n_given;
	bool kallsyms_read, has_ctnetlink, has_xfrm_user;
};

/* A growing array. item points to size bytes. */
struct vec {
	void *data;
	size_t n, room, size;
};
void *vec_add(struct vec *v, const void *item);

int netns_table_open(struct netns_table *t);
void netns_table_close(struct netns_table *t);
/* Look again at what is on the machine, at most every 200 ms unless `now`. */
void netns_table_scan(struct netns_table *t, bool now);
const struct netns_entry *netns_table_find(struct netns_table *t, uint32_t inode);
/* Enter the netns; 0 or -ESRCH. Every success is followed by netns_leave(). */
int netns_enter(struct netns_table *t, uint32_t inode);
void netns_leave(struct netns_table *t);

/* Readers; the calling thread is in the netns already. *out is malloc()ed. */
int read_links(struct netns_table *t, struct vec *out);
int read_addrs(struct vec *out);
int read_routes(struct vec *out);
int read_neighs(struct vec *out);
int read_route_get(const struct route_query *q, struct route_answer *out);
int read_conntrack(const struct addr *a, bool has_ctnetlink, struct vec *out);
int read_udp_sockets(struct vec *out);
int read_sysctl(const char *name, char *buf, size_t size);
int read_has_xfrm(void);
/* Not in the netns. */
int read_cidrs(struct real_host *h, uint32_t netns, struct vec *out);
void read_kallsyms_names(struct real_host *h);

#endif
