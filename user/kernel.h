/* SPDX-License-Identifier: GPL-2.0-only */
/* What the running kernel calls things: drop reasons from BTF, symbols from kallsyms. */
#ifndef WHYDROP_KERNEL_H
#define WHYDROP_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "group.h"
#include "util.h"

struct btf;
struct kallsyms_line;

/* What the kernel's BTF says about the tracepoints we use, and what else is in it. */
struct kernel_facts {
	bool kfree_skb_reason;	 /* it has a reason argument (5.17, 5.15.58) */
	bool counts_missed;	 /* raw tracepoint programs count skipped runs (6.1), */
	bool counts_missed_perf; /* and those on plain tracepoints and kprobes, too (6.7) */
	bool rule_headers;	 /* nft's rules have a header in memory, with their handle (5.17) */
	bool nft_frees;		 /* nft_do_chain() frees what it drops (6.7) */
	bool has_nft;		 /* nf_tables is built in, not a module */
	bool ring_sleeps;	 /* the lock of BPF's ring buffers may sleep, where nothing may */
	bool bridge_ports;	 /* it has bridges' ports, also where the bridge is a module */
};

struct reason {
	uint32_t value;
	char *name; /* without SKB_DROP_REASON_ */
};

/* Where a module's text is, and up to 6.3 all of it; its size is that of all its parts
 * (kernel/module/procfs.c). */
struct module_span {
	uint64_t start, end;
};

#define KERNEL_NAMELESS 64

struct kernel {
	struct kernel_facts facts;
	struct reason *reasons; /* sorted by value; those of subsystems are added when met */
	size_t n_reasons;
	char **subsystems; /* "MAC80211_UNUSABLE": those that this kernel knows of */
	size_t n_subsystems;
	uint32_t subsys_mask; /* SKB_DROP_REASON_SUBSYS_MASK; 0: this kernel has no subsystems */
	struct ksym *syms;    /* sorted by address; NULL: not read yet */
	size_t n_syms;
	char *sym_names;
	struct module_span *modules; /* as old as syms */
	size_t n_modules;
	void *names;		 /* a tree of those that were given out: they outlive the above */
	struct watched *watched; /* sorted by name */
	size_t n_watched;
	void (*share)(void *arg, const struct kallsyms_line *l); /* or NULL */
	void *share_arg;
	uint64_t modules_hash; /* of /proc/modules */
	uint64_t syms_hash;    /* the same when syms were read */
	/* addresses that syms were read for, without a symbol */
	uint64_t nameless[KERNEL_NAMELESS];
	size_t next_nameless;
	struct pace syms_pace; /* of reading them again for the sake of an address */
	bool watched_read, syms_tried, addresses_hidden, modules_tried;
};

/* btf: the kernel's own or that of --btf. Only read, not kept. */
void kernel_open(struct kernel *k, const struct btf *btf);
void kernel_close(struct kernel *k);

/* The reason's name without SKB_DROP_REASON_, "NOT_SPECIFIED" for 0 on kernels that give none, the
 * number as text where no name is known. Looks into module BTF for subsystems' reasons. */
void kernel_reason_name(struct kernel *k, uint32_t reason, char *buf, size_t size);
/* Read those of all subsystems that are there now. */
void kernel_load_reasons(struct kernel *k);
/* Every reason whose name matches the glob (fnmatch), with or without the prefix, or a number.
 * Returns how many there are, of which at most max are stored. */
size_t kernel_reasons_matching(struct kernel *k, const char *glob, uint32_t *out, size_t max);
/* name without SKB_DROP_REASON_. */
const char *kernel_plain_reason(const char *name);
/* Says on stderr that no reason matches the glob, which is all or a part of that option's text, and
 * which one it may have been meant to be. -EINVAL. */
int kernel_no_such_reason(const struct kernel *k, const char *option, const char *text,
			  const char *glob);

/* Functions that kernel_has_function() is going to be asked about. The names must live on. */
void kernel_watch_functions(struct kernel *k, const char *const *names, size_t n);
/* Is there such a function now, in the kernel or in a module? Also where addresses are hidden: then
 * at->addr is 0. */
bool kernel_has_function(struct kernel *k, const char *name, struct symbol *at);
/* A module that came again is another one, though it may be where it was: its directory in sysfs
 * is. 0: there is none of that name. */
uint64_t kernel_module_id(const char *name);
/* Does the kernel tell the types of that module? Modules have BTF since 5.11. */
bool kernel_has_btf_of(const char *module);
/* Were modules loaded or unloaded since the last call? Then functions and symbols are read anew. */
bool kernel_modules_changed(struct kernel *k);
/* What that looks at, of the file /proc/modules. */
uint64_t kernel_hash_modules(const char *path);
/* Where the modules of the file /proc/modules are that are live, none where addresses are hidden;
 * of one that is loading kallsyms has the symbols of its init section, too, whose place others
 * take. Returns how many; *out is the caller's to free. */
size_t kernel_read_modules(const char *path, struct module_span **out);
/*
 * Is the address behind the module that has the symbol? There are others, and code that is made
 * while the kernel runs, as trampolines are: also where its init section was, whose symbols are
 * there if they were read while it was loading. Of BPF programs and of the pages of ftrace and
 * kprobes, which have one name each, too far away.
 */
bool kernel_outside_module(const char *module, uint64_t sym, uint64_t addr,
			   const struct module_span *spans, size_t n);
/* Symbols are to be read anew: BPF programs came, which are symbols, too. */
void kernel_forget_symbols(struct kernel *k);

/* Whenever kallsyms is read fn() gets each line, too, and NULL before the first one. */
void kernel_share_symbols(struct kernel *k, void (*fn)(void *arg, const struct kallsyms_line *l),
			  void *arg);

/* The strings live as long as the kernel. name is NULL where kallsyms has no symbol for it or hides
 * addresses. */
struct symbol kernel_symbol(struct kernel *k, uint64_t addr);

#endif
