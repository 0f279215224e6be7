/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When hook programs are worth what they cost: a healthy packet pays for them while they are
 * attached. Pure: times come from the caller, in CLOCK_MONOTONIC nanoseconds.
 *
 * A drop that needs explaining arms its family. It stays armed for a while (hold), since attaching
 * is dear and one drop brings another; it is disarmed when nothing has asked for it lately. Where
 * nothing was explained meanwhile, the next time is put off, twice as long each time (back-off).
 * And in the long run it is armed for a tenth of the time at most (duty), whatever comes in: a port
 * scan against an INPUT DROP neither keeps it armed nor makes it flap.
 */
#ifndef WHYDROP_ARMING_H
#define WHYDROP_ARMING_H

#include <stdbool.h>
#include <stdint.h>

#define ARMING_HOLD_NS	      2000000000ULL /* at least, from arming on */
#define ARMING_LINGER_NS      1000000000ULL /* after the last drop that asked */
#define ARMING_BACKOFF_MIN_NS 1000000000ULL
#define ARMING_BACKOFF_MAX_NS 64000000000ULL
#define ARMING_DUTY	      10	     /* armed for one tenth */
#define ARMING_CREDIT_NS      10000000000ULL /* armed at a stretch, after a long rest */

struct arming {
	bool on;
	bool explained;	   /* since it was armed */
	uint64_t since_ns; /* when it was turned on or off */
	uint64_t asked_ns; /* the last drop that needs it; 0: none */
	uint64_t not_before_ns;
	uint64_t backoff_ns;
	uint64_t credit_ns; /* of armed time */
	uint64_t ticked_ns; /* the last call of arming_tick(); 0: none */
};

/* A drop was seen that only an armed probe could explain. */
void arming_ask(struct arming *a, uint64_t now_ns);
/* A drop was explained by a probe. */
void arming_explained(struct arming *a);
/* Should it be armed now? Call it several times a second. */
bool arming_tick(struct arming *a, uint64_t now_ns);
/* Everything is attached now: loading and attaching took their time, of which no credit is spent,
 * and what it is held for begins only here. */
void arming_attached(struct arming *a, uint64_t now_ns);

#endif
