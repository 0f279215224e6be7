// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cmd.h"
#include "trace.h"
#include "util.h"

#define LINE_WIDTH 100

enum {
	OPT_BTF = 0x100,
};

struct args {
	const char *btf;
	bool json;
};

static const struct argp_option options[] = {
	{"btf", OPT_BTF, "FILE", 0, "the kernel's BTF, where it has none of its own", 0},
	{"format", 'o', "text|json", 0, "what to print (default: text)", 0},
	{"verbose", 'v', 0, 0,
	 "what each probe cannot see, why what was tried first did not hold, and the reasons' "
	 "names; "
	 "twice: what libbpf says",
	 0},
	{0, 'h', 0, OPTION_HIDDEN, 0, 0},
	{0},
};

static int parse_option(int key, char *value, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case OPT_BTF:
		a->btf = value;
		break;
	case 'o':
		if (strcmp(value, "text") && strcmp(value, "json")) {
			log_error("--format '%s': text or json", value);
			exit(EXIT_USAGE);
		}
		a->json = !strcmp(value, "json");
		break;
	case 'v':
		log_level = log_level >= LOG_VERBOSE ? LOG_LIBBPF : LOG_VERBOSE;
		break;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		break;
	case ARGP_KEY_ARG:
		log_error("unexpected argument '%s': see `whydrop probes --help`", value);
		exit(EXIT_USAGE);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = "Load and attach every probe for a moment, and say what this kernel allows: how "
	       "each "
	       "is attached or why not, what it cannot see, and which drop reasons there are.\v"
	       "Exit status: 0 drops can be traced here; 1 the list could not be written wholly; "
	       "2 usage; 3 cannot trace here.",
};

static bool has_footnote(const struct probe_report *p)
{
	bool plain = p->armed == ARMED_ON_DEMAND && !strcmp(p->how, "fexit");

	return !plain || log_level >= LOG_VERBOSE;
}

/* Many share a note: it is one footnote. Returns how many there are; those of number[i] 0 have
 * none, and text[k] is that of number k + 1. */
static size_t number_notes(const struct trace *t, size_t n, size_t number[MAX_PROBES],
			   const char *text[MAX_PROBES])
{
	size_t notes = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		number[i] = 0;
		if (!has_footnote(&t->probes[i]))
			continue;
		while (k < notes && strcmp(text[k], t->probes[i].note) != 0)
			k++;
		if (k == notes)
			text[notes++] = t->probes[i].note;
		number[i] = k + 1;
	}
	return notes;
}

static void print_probes(const struct trace *t, size_t n)
{
	size_t number[MAX_PROBES], notes;
	const char *text[MAX_PROBES];

	notes = number_notes(t, n, number, text);
	for (size_t i = 0; i < n; i++) {
		printf("%-24s %-10s", t->probes[i].name, t->probes[i].how);
		if (number[i])
			printf(" [%zu]", number[i]);
		putchar('\n');
	}
	putchar('\n');
	for (size_t k = 0; k < notes; k++)
		printf("[%zu] %s\n", k + 1, text[k]);
}

/* Words, as many to a line as have room. */
static void print_names(const struct reason *r, size_t n)
{
	size_t used = LINE_WIDTH;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(r[i].name) + 1;

		if (used + len > LINE_WIDTH) {
			printf("%s ", i ? "\n" : "");
			used = 1;
		}
		printf(" %s", r[i].name);
		used += len;
	}
	putchar('\n');
}

static void print_text(const struct trace *t, size_t n)
{
	const struct kernel *k = &t->kernel;
	struct utsname u = {};

	uname(&u);
	printf("Linux %s %s: ", u.release, u.machine);
	if (!k->facts.kfree_skb_reason)
		printf("gives no drop reasons (they came with 5.17); functions tell instead\n");
	else
		printf("%zu drop reasons%s\n", k->n_reasons,
		       log_level >= LOG_VERBOSE ? ":" : "; -v lists them");
	if (k->n_reasons && log_level >= LOG_VERBOSE)
		print_names(k->reasons, k->n_reasons);
	if (k->n_subsystems) {
		printf("subsystems with reasons of their own:");
		for (size_t i = 0; i < k->n_subsystems; i++)
			printf(" %s", k->subsystems[i]);
		putchar('\n');
	}
	if (k->addresses_hidden)
		puts("addresses are hidden (kernel.kptr_restrict, CAP_SYSLOG): no function names");
	putchar('\n');
	print_probes(t, n);
	puts("\nAttached all the time: kfree_skb, tcp_retransmit_skb. The others only while a drop "
	     "needs\nexplaining, or with --deep and in `whydrop assert`. -v says what each cannot "
	     "see.\n"
	     "stack: no program; a sample's stack shows the function, which frees the packet "
	     "before it "
	     "returns.\noff: no program, and nothing else shows the function.");
}

static int print_json(const struct trace *t, size_t n)
{
	json_t *o = json_object(), *probes = json_array(), *reasons = json_array();
	json_t *subsystems = json_array();
	struct utsname u = {};
	int err;

	uname(&u);
	json_object_set_new(o, "kernel", json_string(u.release));
	json_object_set_new(o, "machine", json_string(u.machine));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(probes, report_probe_json(&t->probes[i]));
	for (size_t i = 0; i < t->kernel.n_reasons; i++)
		json_array_append_new(reasons, json_string(t->kernel.reasons[i].name));
	for (size_t i = 0; i < t->kernel.n_subsystems; i++)
		json_array_append_new(subsystems, json_string(t->kernel.subsystems[i]));
	json_object_set_new(o, "probes", probes);
	json_object_set_new(o, "reasons", reasons);
	json_object_set_new(o, "subsystems", subsystems);
	json_object_set_new(o, "addresses_hidden", json_boolean(t->kernel.addresses_hidden));
	err = json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(o);
	return err;
}

int cmd_probes(int argc, char **argv)
{
	struct filter_args none = {};
	struct args a = {};
	struct trace_options opt = {.filter = &none, .deep = true};
	struct trace t;
	size_t n;
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	opt.btf_path = a.btf;
	err = trace_start(&t, &opt);
	if (!err) {
		kernel_load_reasons(&t.kernel);
		session_detach(t.session);
		n = session_probes(t.session, t.probes);
		if (a.json)
			print_json(&t, n);
		else
			print_text(&t, n);
		if (fflush(stdout) || ferror(stdout)) {
			log_error("the list could not be written wholly: %s", strerror(errno));
			err = EXIT_OUTPUT;
		}
	}
	trace_free(&t);
	return err;
}
