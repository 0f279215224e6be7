/* SPDX-License-Identifier: GPL-2.0-only */
/* What is not known about a group: where a plain no could be wrong. */
#ifndef WHYDROP_DOUBT_H
#define WHYDROP_DOUBT_H

#include "report.h"

/* Only a sample tells hook, interfaces and what a tunnel carries. */
bool doubt_unsampled(const struct group *g);
/* No name of the function that freed it: the kernel hides it, or a trampoline of tracing stands
 * where it would be seen, and the stack did not tell who called that. */
bool doubt_place(const struct group *g);
/* Had it the signature of a fault that only a rule, or the node's state, would have proven? What
 * nothing suspects needs no proof. */
bool doubt_proof(const struct report *r, const struct group *g);
/* Might a fault be behind it that was not recognised? */
bool doubt_fault(const struct report *r, const struct group *g);
/* Without function names the stack proves no hook, and a packet filter drops in some hook. */
bool doubt_hook(const struct group *g);
/* The packet has indices of interfaces; the names of some, and whose port they are, are state. */
bool doubt_iface(const struct group *g);

#endif
