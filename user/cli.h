/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command that traces takes on its command line, once: an argp child. */
#ifndef WHYDROP_CLI_H
#define WHYDROP_CLI_H

#include <argp.h>

#include "filter.h"
#include "trace.h"

#define CLI_MAX_CIDRS 16

struct cli {
	struct filter_args filter;
	struct cidr pod_cidrs[CLI_MAX_CIDRS], service_cidrs[CLI_MAX_CIDRS];
	size_t n_pod_cidrs, n_service_cidrs;
	uint64_t duration_ns; /* 0: not given */
	const char *output, *ready_file, *btf;
};

enum {
	CLI_KEY_FORMAT = 'o',	    /* each command has a --format of its own */
	CLI_KEY_FIRST_OWN = 0x1000, /* from here on a command's options without a letter */
};

/* The groups of options in --help. */
enum {
	CLI_GROUP_OWN = 1,
	CLI_GROUP_FILTER,
	CLI_GROUP_DIAGNOSIS,
	CLI_GROUP_OUTPUT,
};

/* The input is a struct cli. A wrong value is said on stderr, and ends the program (EXIT_USAGE). */
extern const struct argp cli_argp;

/* What tracing takes of it; points into c. */
struct trace_options cli_trace_options(struct cli *c);
void cli_free(struct cli *c);

#endif
