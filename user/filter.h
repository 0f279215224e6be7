/* SPDX-License-Identifier: GPL-2.0-only */
/* The user's filters: parsed and checked here, applied in the kernel (bpf/filter.bpf.h). */
#ifndef WHYDROP_FILTER_H
#define WHYDROP_FILTER_H

#include "../bpf/event.h"
#include "host/host.h"
#include "kernel.h"

struct filter_args {
	struct filter f;
	/* Reasons are kept as text until the kernel's BTF is read. */
	const char *reasons[WD_MAX_REASONS];
	size_t n_reasons;
	char *text; /* "netns pod-a, port 53"; NULL: no filter. Owned. */
};

/*
 * One per option; value is the user's text. 0, or -EINVAL after having said on stderr what is wrong
 * with the value, quoting it.
 */
int filter_netns(struct filter_args *a, const char *value);
int filter_pid(struct filter_args *a, const char *value);
int filter_iface(struct filter_args *a, const char *value);
int filter_proto(struct filter_args *a, const char *value);
int filter_host(struct filter_args *a, const char *value);
int filter_net(struct filter_args *a, const char *value);
int filter_port(struct filter_args *a, const char *value);
int filter_reason(struct filter_args *a, const char *value);

/* Turn the reasons' names into this kernel's numbers. 0 or -EINVAL, said on stderr. */
int filter_resolve_reasons(struct filter_args *a, struct kernel *k);
/* Can a packet match them all? 0, or -EINVAL, said on stderr. */
int filter_check(const struct filter_args *a);
/* The UDP ports to look into for inner packets: the usual ones and those of the devices found. */
void filter_tunnel_ports(struct filter_args *a, struct host *h);
void filter_free(struct filter_args *a);

#endif
