// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs on netfilter's and the bridge's functions, one file a family. They are one object
 * since each object that libbpf loads costs a search through the BTF of the kernel and of all its
 * modules; userspace loads those programs whose functions this kernel has, and where one is refused
 * goes on without it (user/probe.c).
 */
#include "hooks.bpf.h"

#include "netfilter.bpf.h"
#include "nft.bpf.h"
#include "xtables.bpf.h"
#include "conntrack.bpf.h"
#include "bridge.bpf.h"
#include "br_netfilter.bpf.h"

char LICENSE[] SEC("license") = "GPL";
