// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/btf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kallsyms.h"
#include "kernel.h"
#include "util.h"

#define REASON_PREFIX "SKB_DROP_REASON_"

/* 16 bytes each: a kernel with all its modules has about 150,000 text symbols. */
struct ksym {
	uint64_t addr;
	uint32_t name;	 /* offset in sym_names */
	uint32_t module; /* offset in sym_names; 0: the kernel itself */
};

const char *kernel_plain_reason(const char *name)
{
	size_t n = strlen(REASON_PREFIX);

	return strncmp(name, REASON_PREFIX, n) ? name : name + n;
}

static int reason_cmp(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* A module's BTF is looked at again when others come. */
static bool is_known(const struct kernel *k, uint32_t value)
{
	for (size_t i = 0; i < k->n_reasons; i++) {
		if (k->reasons[i].value == value)
			return true;
	}
	return false;
}

static void add_enum(struct kernel *k, const struct btf *btf, const struct btf_type *t)
{
	const struct btf_enum *e = btf_enum(t);
	bool core = !strcmp(btf__name_by_offset(btf, t->name_off), "skb_drop_reason");

	for (int i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, e[i].name_off);
		struct reason *r;

		if (!strcmp(name, "SKB_DROP_REASON_SUBSYS_MASK")) {
			k->subsys_mask = (uint32_t)e[i].val;
			continue;
		}
		if (!strcmp(name, REASON_PREFIX "MAX"))
			continue;
		name = kernel_plain_reason(name);
		/* a subsystem's reasons carry its number in the upper bits: others are not theirs
		 */
		if (core != ((uint32_t)e[i].val <= 0xffff))
			continue;
		if (is_known(k, (uint32_t)e[i].val))
			continue;
		k->reasons = xreallocarray(k->reasons, k->n_reasons + 1, sizeof(*k->reasons));
		r = &k->reasons[k->n_reasons++];
		r->value = (uint32_t)e[i].val;
		r->name = xstrdup(name);
	}
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* Every enum *_drop_reason from the first type id on: the core's in vmlinux, the subsystems' where
 * they live (enum mac80211_drop_reason, enum ovs_drop_reason). */
static void add_reason_enums(struct kernel *k, const struct btf *btf, unsigned int first)
{
	unsigned int n = btf__type_cnt(btf);

	for (unsigned int id = first; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_enum(t) &&
		    ends_with(btf__name_by_offset(btf, t->name_off), "_drop_reason"))
			add_enum(k, btf, t);
	}
	if (k->n_reasons)
		qsort(k->reasons, k->n_reasons, sizeof(*k->reasons), reason_cmp);
}

/* typedef void (*btf_trace_kfree_skb)(void *, struct sk_buff *, void *, enum …, struct sock *) */
static const struct btf_type *tracepoint_proto(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *t;

	if (id < 0)
		return NULL;
	t = btf__type_by_id(btf, btf__type_by_id(btf, (unsigned int)id)->type);
	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

static uint64_t hash_word(uint64_t hash, const char *word)
{
	for (; *word && *word != ' ' && *word != '\n'; word++)
		hash = (hash ^ (unsigned char)*word) * 0x100000001b3ULL;
	return hash * 0x100000001b3ULL;
}

uint64_t kernel_module_id(const char *name)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* FNV-1a of the modules' names, states and addresses, and of the directories that they have, which
 * tell one that came again; what changes all the time, like use counts, left out. */
uint64_t kernel_hash_modules(const char *path)
{
	FILE *f = fopen(path, "re"); /* absent in a kernel without modules */
	char line[1024], name[65], state[16], addr[32];
	uint64_t hash = 0xcbf29ce484222325ULL;

	while (f && fgets(line, sizeof(line), f)) {
		/* as below */
		if (sscanf(line, "%64s %*s %*s %*s %15s %31s", name, state, addr) != 3)
			continue;
		hash = hash_word(hash_word(hash_word(hash, name), state), addr);
		hash = (hash ^ kernel_module_id(name)) * 0x100000001b3ULL;
	}
	if (f)
		fclose(f);
	return hash;
}

size_t kernel_read_modules(const char *path, struct module_span **out)
{
	FILE *f = fopen(path, "re");
	char line[1024], state[16];
	size_t n = 0;

	*out = NULL;
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long size, start;

		/* nfnetlink 20480 7 nft_compat,nf_tables, Live 0xffffffffc0342000 (E) */
		if (sscanf(line, "%*s %llu %*s %*s %15s 0x%llx", &size, state, &start) != 3 ||
		    !start || size > UINT64_MAX - start || strcmp(state, "Live") != 0)
			continue;
		*out = xreallocarray(*out, n + 1, sizeof(**out));
		(*out)[n++] = (struct module_span){.start = start, .end = start + size};
	}
	if (f)
		fclose(f);
	return n;
}

/* enum skb_drop_reason_subsys (include/net/dropreason.h). */
static void add_subsystems(struct kernel *k, const struct btf *btf)
{
	static const char prefix[] = "SKB_DROP_REASON_SUBSYS_";
	int id = btf__find_by_name_kind(btf, "skb_drop_reason_subsys", BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (unsigned int)id) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, btf_enum(t)[i].name_off);

		if (strncmp(name, prefix, sizeof(prefix) - 1) ||
		    !strcmp(name + sizeof(prefix) - 1, "NUM"))
			continue;
		k->subsystems = xreallocarray(k->subsystems, k->n_subsystems + 1, sizeof(char *));
		k->subsystems[k->n_subsystems++] = xstrdup(name + sizeof(prefix) - 1);
	}
}

static const struct btf_type *find_member(const struct btf *btf, const struct btf_type *t,
					  const char *name)
{
	for (int i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *own = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *type = btf__type_by_id(btf, m->type), *found;

		if (!strcmp(own, name))
			return type;
		found = *own ? NULL : find_member(btf, type, name);
		if (found)
			return found;
	}
	return NULL;
}

/* dd8657894c11 (programs of perf events count what they miss) and e0d4593140b0 (nf_tables frees
 * what it drops), which have no trace of their own in BTF, came in 6.7 as this count did. */
static bool counts_what_links_missed(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "bpf_link_info", BTF_KIND_STRUCT);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (unsigned int)id) : NULL;

	return find_member(btf, find_member(btf, t, "kprobe_multi"), "missed");
}

static bool is_realtime(void)
{
	FILE *f = fopen("/sys/kernel/realtime", "re");
	bool is = f && fgetc(f) == '1';

	if (f)
		fclose(f);
	return is;
}

/* A spinlock_t is one that sleeps where the kernel is a real-time one, and programs on tracepoints
 * run with preemption off: until it became a raw one (CVE-2024-50138, 6.12 and backports). */
static bool has_plain_ring_lock(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "bpf_ringbuf", BTF_KIND_STRUCT);
	const struct btf_type *lock = find_member(
		btf, id > 0 ? btf__type_by_id(btf, (unsigned int)id) : NULL, "spinlock");

	return !lock || !strcmp(btf__name_by_offset(btf, lock->name_off), "spinlock_t");
}

void kernel_open(struct kernel *k, const struct btf *btf)
{
	const struct btf_type *proto;

	memset(k, 0, sizeof(*k));
	k->modules_hash = kernel_hash_modules("/proc/modules");
	if (!btf)
		return;
	proto = tracepoint_proto(btf, "btf_trace_kfree_skb");
	k->facts.kfree_skb_reason = proto && btf_vlen(proto) >= 4;
	k->facts.counts_missed =
		btf__find_by_name_kind(btf, "bpf_prog_inc_misses_counter", BTF_KIND_FUNC) > 0;
	/* 2c865a8a28a1, which is to be seen in nf_tables' own BTF, came in 5.17 as this helper did
	 */
	k->facts.rule_headers = btf__find_by_name_kind(btf, "get_func_arg", BTF_KIND_FUNC) > 0;
	k->facts.counts_missed_perf = counts_what_links_missed(btf);
	k->facts.nft_frees = k->facts.counts_missed_perf;
	k->facts.ring_sleeps = is_realtime() && has_plain_ring_lock(btf);
	k->facts.bridge_ports = btf__find_by_name_kind(btf, "net_bridge_port", BTF_KIND_STRUCT) > 0;
	k->facts.has_nft = btf__find_by_name_kind(btf, "nft_do_chain", BTF_KIND_FUNC) > 0;
	add_reason_enums(k, btf, 1);
	add_subsystems(k, btf);
}

void kernel_close(struct kernel *k)
{
	for (size_t i = 0; i < k->n_reasons; i++)
		free(k->reasons[i].name);
	free(k->reasons);
	for (size_t i = 0; i < k->n_subsystems; i++)
		free(k->subsystems[i]);
	free(k->subsystems);
	free(k->syms);
	free(k->sym_names);
	free(k->modules);
	free(k->watched);
	tdestroy(k->names, free);
	memset(k, 0, sizeof(*k));
}

/* When a subsystem's reason is met, and not again until modules change: a machine has a
 * hundred of them with BTF. */
static void add_module_reasons(struct kernel *k)
{
	struct btf *base;
	struct dirent *e;
	DIR *dir;

	if (k->modules_tried)
		return;
	k->modules_tried = true;
	base = btf__load_vmlinux_btf();
	dir = opendir("/sys/kernel/btf");
	while (base && dir && (e = readdir(dir))) {
		struct btf *btf;
		char path[320];

		if (e->d_name[0] == '.' || !strcmp(e->d_name, "vmlinux"))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/btf/%s", e->d_name);
		btf = btf__parse_split(path, base);
		if (!btf)
			continue;
		add_reason_enums(k, btf, btf__type_cnt(base));
		btf__free(btf);
	}
	if (dir)
		closedir(dir);
	btf__free(base);
}

void kernel_load_reasons(struct kernel *k)
{
	if (k->subsys_mask)
		add_module_reasons(k);
}

static const char *find_reason(const struct kernel *k, uint32_t reason)
{
	struct reason want = {.value = reason}, *r;

	r = bsearch(&want, k->reasons, k->n_reasons, sizeof(want), reason_cmp);
	return r ? r->name : NULL;
}

void kernel_reason_name(struct kernel *k, uint32_t reason, char *buf, size_t size)
{
	const char *name;

	if (!k->facts.kfree_skb_reason) {
		snprintf(buf, size, "NOT_SPECIFIED");
		return;
	}
	name = find_reason(k, reason);
	if (!name && (reason & k->subsys_mask)) {
		add_module_reasons(k);
		name = find_reason(k, reason);
	}
	if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%u", reason);
}

int kernel_no_such_reason(const struct kernel *k, const char *option, const char *text,
			  const char *glob)
{
	struct likeness like = {.name = kernel_plain_reason(glob)};
	char hint[96];

	for (size_t i = 0; i < k->n_reasons; i++)
		like_try(&like, k->reasons[i].name);
	log_error("%s '%s': this kernel has no drop reason '%s'%s (whydrop probes -o json "
		  "lists them; those of a module are there once it is loaded)",
		  option, text, glob, like_hint(&like, hint, sizeof(hint)));
	return -EINVAL;
}

/* Those of a subsystem may be in a module that is not there yet, or that has no BTF. */
static bool may_be_reason(const struct kernel *k, unsigned long number)
{
	if (number > UINT32_MAX || !k->n_reasons)
		return number <= UINT32_MAX;
	if (number & k->subsys_mask)
		return number >> 16 < k->n_subsystems;
	return find_reason(k, (uint32_t)number) != NULL;
}

size_t kernel_reasons_matching(struct kernel *k, const char *glob, uint32_t *out, size_t max)
{
	size_t n = 0;
	char *end;
	unsigned long number = strtoul(glob, &end, 10);

	if (isdigit((unsigned char)glob[0]) && !*end) {
		if (!may_be_reason(k, number))
			return 0;
		if (max)
			out[0] = (uint32_t)number;
		return 1;
	}
	glob = kernel_plain_reason(glob);
	for (int pass = 0; pass < 2 && !n; pass++) {
		if (pass)
			add_module_reasons(k);
		for (size_t i = 0; i < k->n_reasons; i++) {
			if (fnmatch(glob, k->reasons[i].name, 0))
				continue;
			if (n < max)
				out[n] = k->reasons[i].value;
			n++;
		}
	}
	return n;
}

static int ksym_cmp(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

struct name_pool {
	char *text;
	size_t len, room;
};

static uint32_t pool_add(struct name_pool *p, const char *s)
{
	size_t n = strlen(s) + 1;
	uint32_t at = (uint32_t)p->len;

	if (p->len + n > p->room) {
		p->room = (p->room + n) * 2;
		p->text = xreallocarray(p->text, p->room, 1);
	}
	memcpy(p->text + p->len, s, n);
	p->len += n;
	return at;
}

struct watched {
	const char *name, *module; /* module: given out, or NULL */
	bool present;
	uint64_t addr; /* 0: hidden */
};

static int watched_cmp(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void kernel_watch_functions(struct kernel *k, const char *const *names, size_t n)
{
	free(k->watched);
	k->watched = xcalloc(n, sizeof(*k->watched));
	k->n_watched = n;
	for (size_t i = 0; i < n; i++)
		k->watched[i].name = names[i];
	qsort(k->watched, n, sizeof(*k->watched), watched_cmp);
	k->watched_read = false;
}

static struct watched *find_watched(const struct kernel *k, const char *name)
{
	struct watched want = {.name = name};

	return k->n_watched ? bsearch(&want, k->watched, k->n_watched, sizeof(want), watched_cmp)
			    : NULL;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Names outlive the table they came from, which is read anew now and then. */
static const char *keep_name(struct kernel *k, const char *name)
{
	const char *const *found = tfind(name, &k->names, name_cmp);

	if (!found)
		found = tsearch(xstrdup(name), &k->names, name_cmp);
	return found ? *found : "?";
}

/* A reading of /proc/kallsyms. */
struct reading {
	struct kernel *k;
	bool symbols; /* not only which of the watched functions there are */
	struct name_pool pool;
	size_t room;
	char last_module[64];
	uint32_t module_at;
};

static void add_symbol(struct reading *r, const struct kallsyms_line *l)
{
	struct kernel *k = r->k;

	if (!l->addr)
		return;
	if (k->n_syms == r->room) {
		r->room = r->room ? r->room * 2 : 65536;
		k->syms = xreallocarray(k->syms, r->room, sizeof(*k->syms));
	}
	if (l->module && strcmp(l->module, r->last_module)) {
		snprintf(r->last_module, sizeof(r->last_module), "%s", l->module);
		r->module_at = pool_add(&r->pool, l->module);
	}
	k->syms[k->n_syms].addr = l->addr;
	k->syms[k->n_syms].name = pool_add(&r->pool, l->name);
	k->syms[k->n_syms++].module = l->module ? r->module_at : 0;
}

static bool is_live(const char *module)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	return module_is_live(path);
}

/* Text symbols only: code is what is looked up. */
static void take_line(void *arg, const struct kallsyms_line *l)
{
	struct reading *r = arg;
	struct watched *w;

	if (r->k->share)
		r->k->share(r->k->share_arg, l);
	if (l->type != 't' && l->type != 'T' && l->type != 'w' && l->type != 'W')
		return;
	r->k->addresses_hidden &= !l->addr;
	w = find_watched(r->k, l->name);
	/* no program is attached to one that is loading, and its coming to life is a change */
	if (w && (!l->module || is_live(l->module))) {
		w->present = true;
		w->module = l->module ? keep_name(r->k, l->module) : NULL;
		w->addr = l->addr;
	}
	if (r->symbols)
		add_symbol(r, l);
}

static void read_kallsyms(struct kernel *k, bool symbols)
{
	struct reading r = {.k = k, .symbols = symbols};

	for (size_t i = 0; i < k->n_watched; i++)
		k->watched[i].present = false;
	k->watched_read = true;
	k->addresses_hidden = true;
	if (symbols) {
		k->syms_hash = kernel_hash_modules("/proc/modules");
		free(k->syms);
		free(k->sym_names);
		free(k->modules);
		k->n_modules = kernel_read_modules("/proc/modules", &k->modules);
		k->syms = NULL;
		k->n_syms = 0;
		k->syms_tried = true;
		pool_add(&r.pool, ""); /* offset 0 is no module */
	}
	if (k->share)
		k->share(k->share_arg, NULL);
	kallsyms_read(KALLSYMS, take_line, &r);
	if (!symbols)
		return;
	k->sym_names = r.pool.text;
	if (k->n_syms)
		qsort(k->syms, k->n_syms, sizeof(*k->syms), ksym_cmp);
}

bool kernel_has_function(struct kernel *k, const char *name, struct symbol *at)
{
	const struct watched *w;

	if (!k->watched_read) /* the symbols change once programs are attached */
		read_kallsyms(k, false);
	w = find_watched(k, name);
	if (!w || !w->present)
		return false;
	*at = (struct symbol){.name = w->name, .module = w->module, .addr = w->addr};
	return true;
}

bool kernel_has_btf_of(const char *module)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module);
	return !access(path, F_OK);
}

bool kernel_modules_changed(struct kernel *k)
{
	uint64_t before = k->modules_hash;

	k->modules_hash = kernel_hash_modules("/proc/modules");
	if (before == k->modules_hash)
		return false;
	k->modules_tried = false; /* new ones may bring reasons of their own */
	k->watched_read = k->syms_tried = false;
	return true;
}

void kernel_share_symbols(struct kernel *k, void (*fn)(void *arg, const struct kallsyms_line *l),
			  void *arg)
{
	k->share = fn;
	k->share_arg = arg;
}

void kernel_forget_symbols(struct kernel *k)
{
	k->syms_tried = false;
}

/* The last function before a hole has no end in kallsyms: farther away than this is another thing.
 */
#define MAX_FUNCTION 0x40000
#define MAX_BPF	     0x10000 /* the same of BPF programs, which modules may follow */
#define MAX_BUILTIN  0x1000  /* and of ftrace's and kprobes' pages, one name each */

bool kernel_outside_module(const char *module, uint64_t sym, uint64_t addr,
			   const struct module_span *spans, size_t n)
{
	if (!strncmp(module, "__builtin__", 11))
		return addr - sym >= MAX_BUILTIN;
	if (!strcmp(module, "bpf"))
		return addr - sym > MAX_BPF;
	for (size_t i = 0; i < n; i++) {
		if (spans[i].start <= sym && addr < spans[i].end)
			return false;
	}
	return n;
}

/* The symbol that the address is in; NULL: none. */
static const struct ksym *find_symbol(const struct kernel *k, uint64_t addr)
{
	const struct ksym *sym;
	size_t lo = 0, hi = k->n_syms;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	/* Of several names for one address take the first, whatever order the sort left them in. */
	sym = &k->syms[lo - 1];
	while (sym > k->syms && sym[-1].addr == sym->addr)
		sym--;
	if (addr - sym->addr > MAX_FUNCTION ||
	    (sym->module && kernel_outside_module(k->sym_names + sym->module, sym->addr, addr,
						  k->modules, k->n_modules)))
		return NULL;
	return sym;
}

/* For an address without a symbol: it may be a function of a module that came since, or the
 * trampoline that another tracer had made, which on newer kernels does not show by who called it
 * (seen on 7.3). That one may be gone, too, so it is not asked for all the time. */
static bool read_again(struct kernel *k)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), began = now_ns(CLOCK_THREAD_CPUTIME_ID);

	if (pace_wait(&k->syms_pace, now) && kernel_hash_modules("/proc/modules") == k->syms_hash)
		return false;
	read_kallsyms(k, true);
	pace_pay(&k->syms_pace, now, now_ns(CLOCK_THREAD_CPUTIME_ID) - began);
	return true;
}

/* What stands on every stack may have no name (net.core.bpf_jit_harden hides BPF programs): it was
 * read for, and is not again until something changes. */
static const struct ksym *find_nameless(struct kernel *k, uint64_t addr)
{
	const struct ksym *sym;

	for (size_t i = 0; i < KERNEL_NAMELESS; i++) {
		if (k->nameless[i] == addr)
			return NULL;
	}
	if (!read_again(k))
		return NULL;
	sym = find_symbol(k, addr);
	if (!sym)
		k->nameless[k->next_nameless++ % KERNEL_NAMELESS] = addr;
	return sym;
}

struct symbol kernel_symbol(struct kernel *k, uint64_t addr)
{
	struct symbol s = {.addr = addr};
	const struct ksym *sym;

	if (!k->syms_tried) {
		memset(k->nameless, 0, sizeof(k->nameless));
		read_kallsyms(k, true);
	}
	sym = find_symbol(k, addr);
	if (!sym && k->n_syms)
		sym = find_nameless(k, addr);
	if (!sym)
		return s;
	s.name = keep_name(k, k->sym_names + sym->name);
	s.module = sym->module ? keep_name(k, k->sym_names + sym->module) : NULL;
	s.off = addr - sym->addr;
	return s;
}
