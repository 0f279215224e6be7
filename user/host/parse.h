/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's answers, one message or line each, parsed without any I/O so that tests can feed
 * them cut-short and hostile input. 0; -EBADMSG for a message that is malformed; 1 for one to be
 * skipped.
 */
#ifndef WHYDROP_HOST_PARSE_H
#define WHYDROP_HOST_PARSE_H

#include <stdio.h>

#include "host.h"

struct nlmsghdr;

/* Of IPVS. */
struct ipvs_service {
	uint8_t proto;
	struct addr addr;
	uint16_t port;	      /* 0: every one */
	unsigned int servers; /* of any weight */
};

/* netnsid: IFLA_LINK_NETNSID, -1 if the peer is in the same netns. */
int parse_link(const struct nlmsghdr *m, struct link *out, int *netnsid);
int parse_addr(const struct nlmsghdr *m, struct if_addr *out);
int parse_route(const struct nlmsghdr *m, struct route *out);
int parse_neigh(const struct nlmsghdr *m, struct neigh *out);
/* An AF_BRIDGE link with its VLANs; 1 for a port that has none. */
int parse_vlans(const struct nlmsghdr *m, struct port_vlans *out);
int parse_nsid(const struct nlmsghdr *m, int *out);
int parse_conntrack(const struct nlmsghdr *m, struct ct_entry *out);
/* A line of /proc/net/udp or udp6. */
int parse_socket_line(const char *line, struct local_socket *out, unsigned int *state);
/* Of /proc/net/snmp, where a line of names comes before one of values: name is "Icmp:InErrors". Of
 * snmp6, which has one counter in a line: "Icmp6InErrors". */
int parse_snmp(FILE *f, const char *name, uint64_t *n);
int parse_snmp6(FILE *f, const char *name, uint64_t *n);
/* A line of /proc/net/ip_vs; 1 for what is no service that a flow can be to: one by mark. */
int parse_ipvs_service(const char *line, struct ipvs_service *out);
/* How many servers of any weight is that line: 1 or 0? */
unsigned int parse_ipvs_server(const char *line);
/* How many servers has the service that the flow is to? Or -ENOENT. */
int ipvs_servers_of(const struct ipvs_service *all, size_t n, const struct flow *to,
		    unsigned int *servers);
/* A line of /proc/net/nf_conntrack. */
int parse_conntrack_line(const char *line, struct ct_entry *out);

#endif
