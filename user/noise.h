/* SPDX-License-Identifier: GPL-2.0-only */
/* Drops that every healthy machine has. */
#ifndef WHYDROP_NOISE_H
#define WHYDROP_NOISE_H

#include "group.h"

/* Why the group is noise (static text), or NULL. */
const char *noise_why(const struct group *g);

#endif
