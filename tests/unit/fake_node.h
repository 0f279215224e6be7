/* SPDX-License-Identifier: GPL-2.0-only */
/* A healthy flannel node with two pods, for tests of faults: of a fake host, with a diagnosis. */
#ifndef WHYDROP_FAKE_NODE_H
#define WHYDROP_FAKE_NODE_H

#include "diagnose.h"
#include "fake_host.h"

enum {
	NODE = 1000,
	POD_A = 1001,
	POD_B = 1002
};
enum {
	ETH0 = 2,
	CNI0 = 3,
	FLANNEL = 4,
	VETH_A = 5,
	VETH_B = 6,
	LAN0 = 7
};

extern const uint8_t mac_b[6];

struct lab {
	struct fake_host h;
	struct fake_netns *node, *a, *b;
	struct group groups[4];
	struct diagnosis d;
};

/* cmocka's: make it, take it away. *state is the struct lab. */
int setup(void **state);
int teardown(void **state);

void add_fdb(struct fake_netns *n, uint32_t ifindex, uint32_t master, const uint8_t *mac,
	     const char *dst);
/* The i-th group: a drop with a sample. */
struct group *drop(struct lab *l, size_t i, const char *reason, const char *where, uint32_t netns);
void set_flow(struct group *g, uint8_t proto, const char *src, uint16_t sport, const char *dst,
	      uint16_t dport);
/* The groups are diagnosed; the worst finding or NULL. */
const struct finding *diagnose(struct lab *l, size_t n);
/* The same, and this is the only finding. */
void assert_finding(struct lab *l, size_t n, const char *fault, enum status status);

#endif
