// SPDX-License-Identifier: GPL-2.0-only
#include "arming.h"

void arming_ask(struct arming *a, uint64_t now_ns)
{
	a->asked_ns = now_ns;
}

void arming_explained(struct arming *a)
{
	a->explained = true;
}

static void account(struct arming *a, uint64_t now_ns)
{
	uint64_t passed = now_ns - a->ticked_ns;

	if (!a->ticked_ns)
		a->credit_ns = ARMING_CREDIT_NS;
	else if (a->on)
		a->credit_ns -= passed < a->credit_ns ? passed : a->credit_ns;
	else
		a->credit_ns += passed / ARMING_DUTY;
	if (a->credit_ns > ARMING_CREDIT_NS)
		a->credit_ns = ARMING_CREDIT_NS;
	a->ticked_ns = now_ns;
}

static bool may_turn_on(const struct arming *a, uint64_t now_ns)
{
	/* an old question is no reason: its flow may be over */
	return a->asked_ns && now_ns - a->asked_ns < ARMING_LINGER_NS &&
	       now_ns >= a->not_before_ns && a->credit_ns >= ARMING_HOLD_NS;
}

static bool should_turn_off(const struct arming *a, uint64_t now_ns)
{
	if (!a->credit_ns)
		return true;
	return now_ns - a->since_ns >= ARMING_HOLD_NS && now_ns - a->asked_ns >= ARMING_LINGER_NS;
}

static void turn_off(struct arming *a, uint64_t now_ns)
{
	a->on = false;
	a->since_ns = now_ns;
	if (a->explained || !a->backoff_ns)
		a->backoff_ns = ARMING_BACKOFF_MIN_NS;
	else if (a->backoff_ns < ARMING_BACKOFF_MAX_NS)
		a->backoff_ns *= 2;
	a->not_before_ns = now_ns + a->backoff_ns;
}

bool arming_tick(struct arming *a, uint64_t now_ns)
{
	account(a, now_ns);
	if (!a->on && may_turn_on(a, now_ns)) {
		a->on = true;
		a->explained = false;
		a->since_ns = now_ns;
	} else if (a->on && should_turn_off(a, now_ns)) {
		turn_off(a, now_ns);
	}
	return a->on;
}

void arming_attached(struct arming *a, uint64_t now_ns)
{
	a->since_ns = now_ns;
	a->ticked_ns = now_ns;
}
