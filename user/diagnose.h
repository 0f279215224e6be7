/* SPDX-License-Identifier: GPL-2.0-only */
/* Groups × faults → findings. Reads the node through struct host only, so it needs no root. */
#ifndef WHYDROP_DIAGNOSE_H
#define WHYDROP_DIAGNOSE_H

#include "fault.h"

struct diagnosis {
	const struct fault *const *faults; /* NULL-terminated: fault_catalogue */
	struct host *host;
	struct finding *findings;
	size_t n;
};

/*
 * Ask every fault whose signature the group has, and make or strengthen a finding. Sets the group's
 * finding, and whether it is suspicious. State is read now, so call it at the first sample: a
 * short-lived netns is gone later.
 */
void diagnose_group(struct diagnosis *d, struct group *g);
/*
 * What is known of the i-th group's rule is new, or nothing is known of it any more: ask again. It
 * loses a finding that cannot be any more. One that says another rule goes, and is made anew for
 * the groups that it had besides.
 */
void diagnose_again(struct diagnosis *d, struct group *groups, size_t n, size_t i);
/*
 * When everything is counted: classify what is left, drop silences that a drop seen here explains,
 * sum packets and times, sort the findings. groups[].finding is renumbered.
 */
void diagnose_finish(struct diagnosis *d, struct group *groups, size_t n);
void diagnose_free(struct diagnosis *d);

#endif
