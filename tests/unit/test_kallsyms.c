// SPDX-License-Identifier: GPL-2.0-only
/* Reading /proc/kallsyms, and what is concluded from the names there. */
#include <errno.h>
#include <unistd.h>

#include "test.h"

#include "host/real.h"
#include "kallsyms.h"
#include "kernel.h"

static char path[] = "/tmp/kallsyms.XXXXXX";

static int setup(void **state)
{
	(void)state;
	strcpy(path + strlen(path) - 6, "XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

struct seen {
	unsigned int n;
	char text[512];
};

static void see(void *arg, const struct kallsyms_line *l)
{
	struct seen *s = arg;
	size_t used = strlen(s->text);

	s->n++;
	if (used < sizeof(s->text))
		snprintf(s->text + used, sizeof(s->text) - used, "%llx/%c/%s/%s ",
			 (unsigned long long)l->addr, l->type, l->name,
			 l->module ? l->module : "-");
}

static void test_lines(void **state)
{
	struct seen s = {};

	(void)state;
	write_file("ffffffff81abcdef T _stext\n"
		   "0000000000000000 t nft_do_chain\t[nf_tables]\n"
		   "nonsense\n"
		   "\n"
		   "ffffffffc0000010 d with space\n"
		   "ffffffffc0000020 t bpf_prog_1_x\t[bpf]\n"
		   "ffffffffc0000030 t not_whole");
	assert_int_equal(kallsyms_read(path, see, &s), 0);
	assert_string_equal(s.text, "ffffffff81abcdef/T/_stext/- 0/t/nft_do_chain/nf_tables "
				    "ffffffffc0000010/d/with space/- "
				    "ffffffffc0000020/t/bpf_prog_1_x/bpf ");
	assert_int_equal(kallsyms_read("/nonexistent", see, &s), -ENOENT);
}

/* Lines end anywhere in what is read at once. */
static void test_many_lines(void **state)
{
	struct seen s = {};
	FILE *f = fopen(path, "w");

	(void)state;
	for (unsigned int i = 0; i < 30000; i++)
		fprintf(f, "%016x T %.*s\n", i + 1, (int)(i % 60) + 1,
			"a_rather_long_name_of_a_function_of_which_a_part_is_taken_for_it");
	fclose(f);
	assert_int_equal(kallsyms_read(path, see, &s), 0);
	assert_int_equal(s.n, 30000);
}

/* A module that is unloaded would be loaded again by asking its subsystem. */
static void test_subsystem_is_gone(void **state)
{
	struct real_host h = {};

	(void)state;
	write_file("ffffffffc0000010 t ctnetlink_dump_table.isra.0\t[nf_conntrack_netlink]\n"
		   "ffffffffc0000020 t nft_match_select_ops\t[nft_compat]\n"
		   "ffffffffc0000030 T ebt_do_table\t[ebtables]\n"
		   "ffffffffc0000040 t xfrm_user_rcv_msg\t[xfrm_user]\n");
	read_kallsyms_names(&h, path);
	assert_true(h.has_ctnetlink && h.has_nft_compat && h.has_ebtables && h.has_xfrm_user);
	write_file("ffffffffc0000020 t nft_match_select_ops\t[nft_compat]\n");
	read_kallsyms_names(&h, path); /* not told that modules changed */
	assert_true(h.has_ctnetlink);
	h.kallsyms_read = false;
	read_kallsyms_names(&h, path);
	assert_true(h.has_nft_compat);
	assert_false(h.has_ctnetlink || h.has_ebtables || h.has_xfrm_user);
}

/* It is a large file. */
static void test_read_once_for_all(void **state)
{
	struct real_host h = {.has_xfrm_user = true};
	struct kernel k;

	(void)state;
	kernel_open(&k, NULL);
	kernel_share_symbols(&k, host_take_symbol, &h.base);
	assert_false(h.kallsyms_read);
	kernel_symbol(&k, 0);
	assert_true(h.kallsyms_read);
	kernel_close(&k);
	host_take_symbol(&h.base, NULL);
	assert_false(h.has_xfrm_user);
	host_take_symbol(&h.base, &(struct kallsyms_line){.name = "xfrm_user_rcv_msg"});
	write_file("");
	read_kallsyms_names(&h, path);
	assert_true(h.has_xfrm_user);
}

/* What lies behind a module's end is not its last function. */
static void test_modules(void **state)
{
	struct module_span *spans;

	(void)state;
	write_file("nfnetlink 20480 7 nft_compat,nf_tables, Live 0xffffffffc0342000\n"
		   "jitterentropy_rng 16384 1 - Live 0xffffffffc0123000 (E)\n"
		   "hidden 4096 0 - Live 0x0000000000000000\n"
		   "nonsense\n"
		   "huge 18446744073709551615 0 - Live 0xffffffffc0123000\n");
	assert_int_equal(kernel_read_modules(path, &spans), 2);
	assert_int_equal(spans[0].start, 0xffffffffc0342000);
	assert_int_equal(spans[0].end, 0xffffffffc0347000);
	assert_int_equal(spans[1].end, 0xffffffffc0127000);
	free(spans);
	write_file("xt_mark 16384 1 - Loading 0xffffffffc0123000 (E)\n");
	assert_int_equal(kernel_read_modules(path, &spans), 0);
	assert_null(spans);
	assert_int_equal(kernel_read_modules("/nonexistent", &spans), 0);
}

/* Nor what lies behind a page that ftrace made: another one, which is not in kallsyms yet. */
static void test_outside_module(void **state)
{
	static const struct module_span spans[] = {{.start = 0x10000, .end = 0x14000},
						   {.start = 0x20000, .end = 0x21000}};

	(void)state;
	assert_false(kernel_outside_module("nf_tables", 0x10100, 0x13fff, spans, 2));
	assert_true(kernel_outside_module("nf_tables", 0x10100, 0x14000, spans, 2));
	assert_false(kernel_outside_module("nf_tables", 0x10100, 0x14000, NULL, 0)); /* not known */
	assert_false(kernel_outside_module("__builtin__ftrace", 0x18000, 0x18203, spans, 2));
	assert_true(kernel_outside_module("__builtin__ftrace", 0x18000, 0x1a03b, spans, 2));
	assert_true(kernel_outside_module("__builtin__ftrace", 0x18000, 0x1a03b, NULL, 0));
	assert_false(kernel_outside_module("bpf", 0x18000, 0x1a03b, spans, 2));
}

static void test_module_is_live(void **state)
{
	(void)state;
	write_file("live\n");
	assert_true(module_is_live(path));
	write_file("going\n"); /* its subsystem is gone, its names are not */
	assert_false(module_is_live(path));
	write_file("");
	assert_false(module_is_live(path));
	assert_false(module_is_live("/nonexistent"));
}

static uint64_t hash_of(const char *text)
{
	write_file(text);
	return kernel_hash_modules(path);
}

/* One that went and came again in between has another address. */
static void test_modules_changed(void **state)
{
	uint64_t first = hash_of("nf_tables 356352 12 nft_ct, Live 0xffffffffc0a00000\n"
				 "vxlan 155648 0 - Live 0xffffffffc0b00000 (OE)\n");

	(void)state;
	assert_true(first == hash_of("nf_tables 356352 99 - Live 0xffffffffc0a00000\n"
				     "vxlan 155648 7 a, Live 0xffffffffc0b00000\n"));
	assert_false(first == hash_of("nf_tables 356352 99 - Live 0xffffffffc0a00000\n"
				      "vxlan 155648 7 a, Loading 0xffffffffc0b00000\n"));
	assert_false(first == hash_of("nf_tables 356352 12 nft_ct, Live 0xffffffffc0a00000\n"
				      "vxlan 155648 0 - Live 0xffffffffc0c00000 (OE)\n"));
	assert_false(first == hash_of("nf_tables 356352 12 nft_ct, Live 0xffffffffc0a00000\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_subsystem_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_once_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_module_is_live, setup, teardown),
		cmocka_unit_test(test_outside_module),
		cmocka_unit_test_setup_teardown(test_modules_changed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
