/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet's addresses and ports, as far as they were seen. Pure data and pure functions. */
#ifndef WHYDROP_FLOW_H
#define WHYDROP_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IPv4 or IPv6 address in network byte order. family 0: none. */
struct addr {
	uint8_t family; /* AF_INET, AF_INET6 or 0 */
	uint8_t b[16];
};

struct cidr {
	struct addr addr;
	uint8_t bits; /* prefix length in the address's own family */
};

#define ADDR_STRLEN 46
#define CIDR_STRLEN 50
#define FLOW_STRLEN 160

struct flow {
	uint16_t l3;   /* ethertype; 0: this flow is not known */
	uint8_t proto; /* IP protocol; with l3 0x0806: 0 */
	struct addr src, dst;
	bool has_ports;
	uint16_t sport, dport; /* host order, valid if has_ports */
	bool has_icmp;
	uint8_t icmp_type, icmp_code; /* ARP: icmp_code is the operation, has_icmp is false */
	bool has_tcp_flags;
	uint8_t tcp_flags; /* the byte at offset 13 of the TCP header */
	bool is_fragment;  /* not the first fragment */
	bool has_ah;	   /* IPv6: what is above is behind an authentication header */
};

struct addr addr_v4(const void *b4);
struct addr addr_v6(const void *b16);
bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_is_multicast(const struct addr *a); /* IPv4 broadcast counts too */
bool addr_is_linklocal(const struct addr *a);
bool addr_is_unspecified(const struct addr *a); /* 0.0.0.0, ::, or none at all */
bool cidr_has(const struct cidr *c, const struct addr *a);
bool cidr_overlap(const struct cidr *a, const struct cidr *b);
/* The same protocol, addresses and ports. */
bool flow_same_tuple(const struct flow *a, const struct flow *b);
/* 0, or -EINVAL. Accepts "10.0.0.0/8", "10.1.2.3" (full length), and IPv6. Host bits may be set. */
int addr_parse(const char *s, struct addr *out);
int cidr_parse(const char *s, struct cidr *out);
/* ::ffff:10.0.0.1, as programs write IPv4 addresses of IPv6 sockets: on the wire it is 10.0.0.1. */
void cidr_unmap(struct cidr *c);
/* Write the text form and return buf. buf must have room for *_STRLEN bytes. */
const char *addr_str(const struct addr *a, char *buf);
const char *cidr_str(const struct cidr *c, char *buf);
/* "tcp 10.0.0.1:4242 > 10.0.0.2:80 SYN"; buf of FLOW_STRLEN. */
const char *flow_str(const struct flow *f, char *buf);
/* "tcp", "udp", "icmp", "icmp6", "sctp", "esp", "arp", or "ip-proto-89". buf of 16. */
const char *flow_proto_str(const struct flow *f, char *buf);
/* "SYN", "SYN,ACK"…; buf of 40. Needs has_tcp_flags. */
const char *flow_tcp_flags_str(const struct flow *f, char *buf);
/* "echo-request", "dest-unreachable/port"…, or "type 42 code 0"; buf of 40. Needs has_icmp. */
const char *flow_icmp_str(const struct flow *f, char *buf);

/* What belongs to an IP protocol number, or to PROTO_ARP (bpf/event.h), whose addresses are IPv4.
 */
bool proto_has_ports(uint32_t proto);
bool proto_may_be_ipv4(uint32_t proto);
bool proto_may_be_ipv6(uint32_t proto);

/*
 * Parse a packet from its network header on. Returns the bytes consumed up to the end of the L4
 * ports (the offset of the transport header goes to *l4_off), or -EINVAL where not even the network
 * header is whole. Bounded by len whatever the bytes say. l3 is the ethertype of p.
 */
int flow_parse(uint16_t l3, const uint8_t *p, size_t len, struct flow *out, size_t *l4_off);

struct tunnel {
	bool present;
	const char *kind; /* "vxlan", "geneve", or "icmp" for the packet quoted in an ICMP error */
	uint32_t vni;	  /* valid unless kind is "icmp" */
	uint8_t inner_src_mac[6], inner_dst_mac[6];
	struct flow inner;
};
/* What the outer packet carries, if its payload is a plausible VXLAN or Geneve header. */
void flow_parse_inner(const struct flow *outer, const uint8_t *p, size_t len, size_t l4_off,
		      struct tunnel *out);

#endif
