# SPDX-License-Identifier: GPL-2.0-only
# `make help` lists the targets.
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
VERSION := 0.1.0

NATIVE := $(shell uname -m | sed -e 's/x86_64/x86/' -e 's/aarch64/arm64/')
ARCH ?= $(NATIVE)
ifeq ($(ARCH),$(NATIVE))
B := build
else
# The libraries come from the root that scripts/vm makes for machines of that architecture.
B := build/$(ARCH)
CROSS_arm64 := aarch64-linux-gnu
CROSS := $(or $(CROSS_$(ARCH)),$(error there is no cross build for ARCH=$(ARCH)))
SYSROOT := $(or $(shell scripts/vm root $(ARCH)),$(error there is no root for ARCH=$(ARCH)))
CC := $(CROSS)-gcc --sysroot=$(SYSROOT)
AR := $(CROSS)-ar
export PKG_CONFIG_SYSROOT_DIR := $(SYSROOT)
export PKG_CONFIG_LIBDIR := $(SYSROOT)/usr/lib/$(CROSS)/pkgconfig
endif
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

PKGS := libbpf libelf zlib libnl-3.0 jansson libcap-ng
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
# libnftables is no package of the static build: its symbols are weak (user/rules/nft_source.c)
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) -Wl,--no-as-needed $(shell pkg-config --libs libnftables)
WARN := -Wall -Wextra -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
	-I$(B) -Ibpf -Iuser $(PKG_CFLAGS) -MMD -MP
BPF_CFLAGS := -g -O2 -Wall -Wextra -Werror -target bpf -mcpu=v2 -Ivmlinux -Ibpf -Wno-unused-parameter \
	-Wno-missing-declarations

BPF_SRC := $(wildcard bpf/*.bpf.c)
SKEL := $(patsubst bpf/%.bpf.c,$(B)/%.skel.h,$(BPF_SRC))
SRC := $(filter-out user/main.c,$(wildcard user/*.c user/host/*.c user/faults/*.c user/out/*.c user/rules/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
FAKES := $(patsubst tests/unit/%.c,$(B)/tests/%.o,$(wildcard tests/unit/fake_*.c))
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))

.DELETE_ON_ERROR:
.SECONDARY:
all: $(B)/whydrop $(B)/tests/traffic $(B)/tests/sysctls ## build/whydrop, and what the lab needs

$(B)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) vmlinux/vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -D__TARGET_ARCH_$(ARCH) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(B)/user/%.o: user/%.c $(SKEL)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/libwhydrop.a: $(OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(OBJ)

$(B)/whydrop: $(B)/user/main.o $(B)/libwhydrop.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

static: $(B)/whydrop.static ## one binary without shared libraries
$(B)/whydrop.static: $(B)/user/main.o $(B)/libwhydrop.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ $(shell pkg-config --static --libs $(PKGS))

arm64: ## build/arm64/whydrop, by a cross compiler
	scripts/deps build arm64
	$(MAKE) ARCH=arm64

$(B)/tests/traffic $(B)/tests/sysctls: $(B)/tests/%: tests/lib/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -MMD -MP -static -o $@ $< -pthread

$(B)/tests/fake_%.o: tests/unit/fake_%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -c $< -o $@

$(B)/tests/test_%: tests/unit/test_%.c $(FAKES) $(B)/libwhydrop.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -o $@ $< $(FAKES) $(B)/libwhydrop.a $(PKG_LIBS) -lcmocka

check: $(B)/whydrop $(UNIT) ## unit tests, without root
	@tests/unit/run $(UNIT)

test: deps ## everything this machine can run (installs what is missing)
	tests/run

deps: ## install what building and testing needs
	scripts/deps build test

demo: ## a lab, a fault (FAULT=ip-forward-off), a diagnosis
	scripts/deps build test
	$(MAKE) all
	scripts/demo

vm: all $(if $(filter arm64%,$(KERNEL)),arm64) ## a shell on another kernel: KERNEL=6.1
	scripts/deps vm
	scripts/vm shell $(or $(KERNEL),6.1)

test-vm: all arm64 ## every scenario on every kernel (CORE=1: a core set)
	scripts/deps test vm
	tests/vm/run $(if $(CORE),-c)

bench-vm: all ## what forwarding costs with whydrop idle and with --deep: KERNEL=6.12 ROUNDS=3
	scripts/deps build test vm
	WHYDROP_VM_ACCEL=icount scripts/vm run -t 3000 $(or $(KERNEL),6.12) -- tests/vm/forwarding $(ROUNDS)

lint: $(SKEL) ## clang-format, clang-tidy, shellcheck, man page
	scripts/lint

install: $(B)/whydrop ## DESTDIR= PREFIX=
	install -D -m 0755 $(B)/whydrop $(DESTDIR)$(PREFIX)/sbin/whydrop
	install -D -m 0644 docs/whydrop.8 $(DESTDIR)$(PREFIX)/share/man/man8/whydrop.8
	install -D -m 0644 docs/report.schema.json $(DESTDIR)$(PREFIX)/share/whydrop/report.schema.json

clean: ## remove build/
	rm -rf $(B)

help: ## this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: all static arm64 check test deps demo vm test-vm bench-vm lint install clean help
-include $(shell find $(B) -name '*.d' 2>/dev/null)
