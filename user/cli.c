// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "util.h"

enum {
	OPT_DURATION = 'd',
	OPT_HELP = 'h', /* what everybody tries; --help and -? are argp's own */
	OPT_VERBOSE = 'v',
	OPT_QUIET = 'q',
	OPT_LONG_ONLY = 0x100, /* from here on options without a letter */
	OPT_NETNS,
	OPT_PID,
	OPT_IFACE,
	OPT_PROTO,
	OPT_HOST,
	OPT_NET,
	OPT_PORT,
	OPT_REASON,
	OPT_POD_CIDR,
	OPT_SERVICE_CIDR,
	OPT_OUTPUT,
	OPT_BTF,
	OPT_READY_FILE,
	OPT_VERSION,
};

static const struct argp_option options[] = {
	{"duration", OPT_DURATION, "T", 0,
	 "stop after T: 500ms, 30s, 2m, 1h (default: until Ctrl-C)", CLI_GROUP_OWN},
	{0, 0, 0, 0,
	 "Filters, each repeatable: values of one are alternatives, all kinds must agree",
	 CLI_GROUP_FILTER},
	{"netns", OPT_NETNS, "NAME|PATH|INODE", 0, "drops in that network namespace",
	 CLI_GROUP_FILTER},
	{"pid", OPT_PID, "PID", 0, "drops in that process's network namespace", CLI_GROUP_FILTER},
	{"iface", OPT_IFACE, "NAME", 0, "drops at that interface", CLI_GROUP_FILTER},
	{"proto", OPT_PROTO, "NAME|NUMBER", 0,
	 "tcp, udp, icmp, icmp6, sctp, esp, ah, gre, ipip, igmp, arp, 47…", CLI_GROUP_FILTER},
	{"host", OPT_HOST, "ADDR", 0, "packets from or to it, also inside VXLAN and Geneve",
	 CLI_GROUP_FILTER},
	{"net", OPT_NET, "CIDR", 0, "packets from or to that prefix", CLI_GROUP_FILTER},
	{"port", OPT_PORT, "PORT", 0, "packets from or to that port", CLI_GROUP_FILTER},
	{"reason", OPT_REASON, "NAME", 0, "this kernel's drop reasons, with globs: 'NEIGH_*'",
	 CLI_GROUP_FILTER},
	{0, 0, 0, 0, "Diagnosis", CLI_GROUP_DIAGNOSIS},
	{"pod-cidr", OPT_POD_CIDR, "CIDR", 0, "a Pod CIDR, where the node does not tell",
	 CLI_GROUP_DIAGNOSIS},
	{"service-cidr", OPT_SERVICE_CIDR, "CIDR", 0, "a Service CIDR, likewise",
	 CLI_GROUP_DIAGNOSIS},
	{"btf", OPT_BTF, "FILE", 0, "the kernel's BTF, where it has none of its own",
	 CLI_GROUP_DIAGNOSIS},
	{0, 0, 0, 0, "Output", CLI_GROUP_OUTPUT},
	{"output", OPT_OUTPUT, "FILE", 0, "print there (default: standard output)",
	 CLI_GROUP_OUTPUT},
	{"ready-file", OPT_READY_FILE, "FILE", 0, "create FILE once every probe is attached",
	 CLI_GROUP_OUTPUT},
	{"verbose", OPT_VERBOSE, 0, 0, "more detail; twice: what libbpf says", CLI_GROUP_OUTPUT},
	{"quiet", OPT_QUIET, 0, 0, "no progress, errors only", CLI_GROUP_OUTPUT},
	{"version", OPT_VERSION, 0, 0, "print the version", -1},
	{0, OPT_HELP, 0, OPTION_HIDDEN, 0, -1},
	{0},
};

static int add_cidr(const char *option, const char *value, struct cidr *list, size_t *n)
{
	if (*n == CLI_MAX_CIDRS) {
		log_error("--%s: at most %d of them", option, CLI_MAX_CIDRS);
		return -EINVAL;
	}
	if (cidr_parse(value, &list[*n])) {
		log_error("--%s '%s': not a prefix such as 10.244.0.0/16", option, value);
		return -EINVAL;
	}
	(*n)++;
	return 0;
}

static int set_duration(struct cli *c, const char *value)
{
	int err = duration_parse(value, &c->duration_ns);

	if (err)
		log_error("--duration '%s': %s", value,
			  err == -ERANGE ? "must be between 1ms and 30 days (720h)"
					 : "not a duration such as 500ms, 30s, 2m or 1h");
	return err;
}

static const struct {
	int key;
	int (*add)(struct filter_args *a, const char *value);
} filter_options[] = {
	{OPT_NETNS, filter_netns}, {OPT_PID, filter_pid},	{OPT_IFACE, filter_iface},
	{OPT_PROTO, filter_proto}, {OPT_HOST, filter_host},	{OPT_NET, filter_net},
	{OPT_PORT, filter_port},   {OPT_REASON, filter_reason},
};

static int parse_filter(int key, const char *value, struct cli *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(filter_options); i++) {
		if (filter_options[i].key == key)
			return filter_options[i].add(&c->filter, value);
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct cli *c = state->input;
	int err = 0;

	switch (key) {
	case OPT_DURATION:
		err = set_duration(c, value);
		break;
	case OPT_POD_CIDR:
		err = add_cidr("pod-cidr", value, c->pod_cidrs, &c->n_pod_cidrs);
		break;
	case OPT_SERVICE_CIDR:
		err = add_cidr("service-cidr", value, c->service_cidrs, &c->n_service_cidrs);
		break;
	case OPT_OUTPUT:
		c->output = value;
		break;
	case OPT_READY_FILE:
		c->ready_file = value;
		break;
	case OPT_BTF:
		c->btf = value;
		break;
	case OPT_VERBOSE:
		log_level = log_level >= LOG_VERBOSE ? LOG_LIBBPF : LOG_VERBOSE;
		break;
	case OPT_QUIET:
		log_level = LOG_ERRORS;
		break;
	case OPT_HELP:
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		break;
	case OPT_VERSION:
		puts("whydrop " VERSION);
		exit(fflush(stdout) ? EXIT_OUTPUT : 0);
	default:
		err = parse_filter(key, value, c);
		if (err == ARGP_ERR_UNKNOWN)
			return err;
	}
	if (err)
		exit(EXIT_USAGE);
	return 0;
}

const struct argp cli_argp = {
	.options = options,
	.parser = parse_option,
};

struct trace_options cli_trace_options(struct cli *c)
{
	return (struct trace_options){
		.filter = &c->filter,
		.host = {c->pod_cidrs, c->service_cidrs, c->n_pod_cidrs, c->n_service_cidrs},
		.btf_path = c->btf};
}

void cli_free(struct cli *c)
{
	filter_free(&c->filter);
}
