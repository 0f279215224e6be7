/* SPDX-License-Identifier: GPL-2.0-only */
/* What vxlan-blocked and submariner-tunnel-blocked share: a tunnel's packet and its two ends. */
#ifndef WHYDROP_TUNNEL_H
#define WHYDROP_TUNNEL_H

#include "catalogue.h"

enum direction {
	DIRECTION_NONE, /* neither end is here: somebody else's tunnel passes through */
	DIRECTION_IN,
	DIRECTION_OUT,
};

/* Which way a dropped packet went, by whose addresses it has; peer is the other end. */
enum direction tunnel_direction(const struct group *g, struct host *h, struct addr *peer);
/* The VXLAN or Geneve device with that UDP port, the one with the packet's VNI first, or NULL. */
const struct link *tunnel_device(const struct group *g, struct host *h);
/* Is there any in that netns? */
bool tunnel_any(struct host *h, uint32_t netns);
/* By its name, or by being a VXLAN device on Submariner's port. */
#define SUBMARINER_PORT 4800
bool tunnel_is_submariner(const struct link *l);

enum vtep_known {
	VTEP_UNKNOWN, /* the device has a list, and it is not on it: a stranger */
	VTEP_NO_LIST, /* the device learns, or is told per packet */
	VTEP_KNOWN,
};
enum vtep_known tunnel_knows_vtep(struct host *h, uint32_t netns, const struct link *dev,
				  const struct addr *vtep);

/* Describe device, peer, verdict and inner packet as evidence. */
void tunnel_evidence(struct finding *f, const struct group *g, const struct link *dev,
		     const struct addr *peer, enum vtep_known known);
/* "the ip input hook", or "netfilter" where the stack did not tell. buf of 64. */
const char *tunnel_hook(const struct group *g, char *buf);
/* Who drops: "a packet filter rule", or what may be one. Static. */
const char *tunnel_culprit(const struct group *g);
/*
 * The rule, as evidence and in the finding's place, and what to do about it: where it is known, the
 * command that lets the peer's packets through ahead of it; only as an advice unless the peer is
 * trusted to be one of the cluster's. A finding is SUSPECTED at most where it is not known whether
 * a rule did it at all. what: "UDP 8472".
 */
void tunnel_rule(struct finding *f, const struct group *g, const char *what,
		 const struct addr *peer, enum direction direction, bool trusted);

/*
 * A retransmitted SYN that leaves by a tunnel device: the device, the VTEP behind it, and
 * conntrack's word that nothing came back. Evidence goes to f. Returns the device, or NULL where
 * this is no silence of a tunnel.
 */
const struct link *tunnel_silence(const struct group *g, struct host *h, struct finding *f,
				  uint32_t *node, struct addr *vtep);
void tunnel_silence_finding(struct finding *f, const struct group *g, struct host *h, uint32_t node,
			    const struct link *dev, const struct addr *vtep, const char *what);
/* Could a group like this be such a silence? */
bool tunnel_maybe_silence(const struct group *g);

#endif
