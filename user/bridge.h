/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A frame's way over a Linux bridge: by which port it came, and which one it was for. What the
 * faults of bridge ports share.
 */
#ifndef WHYDROP_BRIDGE_H
#define WHYDROP_BRIDGE_H

#include "group.h"
#include "host/host.h"

struct bridge_path {
	uint32_t netns; /* of the bridge */
	const struct link *bridge;
	const struct link *in;	/* a port; the bridge itself for what the node sent */
	const struct link *out; /* the same; NULL: where the destination lives is not known */
	bool learned;		/* out is what the FDB says */
	bool by_addr;		/* out is whose device has the IP address that is asked for */
	bool resolving;		/* a packet that waited for its next hop's address: no frame of it
				 * was ever seen, only the one that asks for the address */
};

/* Was the frame freed where a bridge lets frames in, or where it sends them out (net/bridge)? */
bool bridge_dropped_in(const struct group *g);
bool bridge_dropped_out(const struct group *g);
/*
 * False where the drop has nothing to do with a bridge, or where the frame is one that a healthy
 * bridge drops: multicast and broadcast other than a question for an address, and what a network
 * behind a port that is no pod's floods.
 */
bool bridge_path_find(const struct group *g, struct host *h, struct bridge_path *p);
/* A port with one machine behind it: a pod, a container, a VM. */
bool bridge_is_leaf(const struct link *port);
/* What a person calls it: "port veth1 (pod-a)", "bridge cni0 itself". Returns buf of 128. */
const char *bridge_port_label(struct host *h, const struct link *port, char *buf);

#endif
