/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The different packets of a group. One rule is reported for all of them, and a rule may ask what
 * the group's key does not have: the client's port, a mark, the state of the connection. So a few
 * that differ are kept, to be replayed like the first one.
 */
#ifndef WHYDROP_SEEN_H
#define WHYDROP_SEEN_H

#include "group.h"

/* A sample of the group came, which is described, and counted already. */
void seen_take(struct group *g, const struct sample *s);
/* A hook program saw the sample that was like that one (-1: none that is kept) die by the group's
 * verdict, and by its rule or policy. */
void seen_told(struct group *g, int which, bool rule);
/* What was told was of another verdict than the group has now. */
void seen_forget_told(struct group *g);
/* The group as if that one was its only packet; borrowed, not to be freed. */
void seen_view(const struct group *g, size_t which, struct group *view);

#endif
