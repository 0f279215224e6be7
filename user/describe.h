/* SPDX-License-Identifier: GPL-2.0-only */
/* From numbers and bytes to a group that a person and a fault can read. */
#ifndef WHYDROP_DESCRIBE_H
#define WHYDROP_DESCRIBE_H

#include "group.h"
#include "host/host.h"
#include "kernel.h"

/* From the key alone: reason, location, netns, flow. */
void describe_key(struct group *g, struct kernel *k);
/* What the first sample adds. Reads names and links of the netns at once: it may be gone soon. */
void describe_sample(struct group *g, const struct sample *s, struct kernel *k, struct host *h);

/* What a sample says of the packet itself, and of its connection: flow, tunnel, addresses of
 * frames, mark, conntrack. The group has its key, and nothing of this yet. */
void describe_content(struct group *g, const struct sample *s);

/* g->path anew, after something about the group was learnt. */
void describe_path(struct group *g, struct host *h);
/* g->bridge anew, after g->in or g->out changed. */
void describe_bridge(struct group *g, struct host *h);

/* Does the stack of a later sample show another hook than the group's, which its first one told? */
void describe_other_hook(struct group *g, const struct sample *s, struct kernel *k);
/* Exported for tests: the stack without what tracing put there, and where the packet was freed if a
 * trampoline stands in that place. */
void describe_frames(struct group *g, const struct symbol *frames, int n);
/* Exported for tests: the sender, if the task that was current is it. The stack is there. */
void describe_process(struct group *g, const struct sample *s);
/* The hook that the stack proves, see describe.c. Fills hook and family.
 */
void describe_hook(struct group *g);
/* In, out and bridge, as the packet and its hook show them. */
void describe_interfaces(struct group *g, const struct sample *s, struct host *h);

#endif
