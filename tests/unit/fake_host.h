/* SPDX-License-Identifier: GPL-2.0-only */
/* A node made of arrays, so that faults are tested without root. What a test does not give cannot
 * be read: -ENODATA. */
#ifndef WHYDROP_FAKE_HOST_H
#define WHYDROP_FAKE_HOST_H

#include "host/host.h"

#define FAKE_MAX 16

struct fake_sysctl {
	const char *name, *value; /* value NULL: does not exist */
};

struct fake_netns {
	uint32_t inode;
	const char *name;
	const struct pod *pod;
	struct link links[FAKE_MAX];
	struct if_addr addrs[FAKE_MAX];
	struct route routes[FAKE_MAX];
	struct neigh neighs[FAKE_MAX];
	struct port_vlans vlans[FAKE_MAX];
	struct ct_entry conntrack[FAKE_MAX];
	struct local_socket sockets[FAKE_MAX], listeners[FAKE_MAX];
	struct known_cidr cidrs[FAKE_MAX];
	struct fake_sysctl sysctls[FAKE_MAX];
	size_t n_links, n_addrs, n_routes, n_neighs, n_vlans, n_conntrack, n_sockets, n_listeners,
		n_cidrs;
	uint16_t zone;		       /* of all conntrack entries */
	int conntrack_err, sysctl_err; /* -errno of every such read; 0: as the arrays say */
	int xfrm;
	unsigned int queue; /* the only one that a program listens on */
	uint64_t queue_dropped;
	struct local_socket ipvs; /* the only service of IPVS */
	unsigned int ipvs_servers, ipvs_asked;
	const void *rules; /* the only bytes that are in its rules */
	size_t n_rules;
	const char *rules_table, *rules_chain; /* that those are in */
	int rules_err;
	bool legacy; /* iptables-legacy has every table */
	uint64_t icmp_errors;
};

struct fake_host {
	struct host base;
	struct fake_netns netns[4];
	size_t n;
	struct netns_name names[4]; /* that numbers had before */
	size_t n_names;
};

void fake_host_init(struct fake_host *h);
struct fake_netns *fake_netns(struct fake_host *h, uint32_t inode, const char *name);
struct link *fake_link(struct fake_netns *n, uint32_t ifindex, const char *name, const char *kind);
void fake_addr(struct fake_netns *n, uint32_t ifindex, const char *cidr);
/* gateway NULL: on link. route_get answers with the longest match. */
struct route *fake_route(struct fake_netns *n, const char *dst, const char *gateway, uint32_t oif);
void fake_sysctl(struct fake_netns *n, const char *name, const char *value);

/* What tests need, too. */
struct addr an_addr(const char *text);
struct cidr a_cidr(const char *text);

#endif
