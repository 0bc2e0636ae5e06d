# SPDX-License-Identifier: Apache-2.0
# One file, not recursive. Objects go to build/$(ARCH)-$(MODE).
#   make [MODE=release|debug|asan] [ARCH=x86_64|aarch64] [WERROR=1] [V=1]
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.DEFAULT_GOAL := all

ARCH ?= $(shell uname -m)
MODE ?= release
PREFIX ?= /usr/local
DESTDIR ?=
ifneq ($(filter-out x86_64 aarch64,$(ARCH)),)
$(error ARCH=$(ARCH) is not supported: x86_64 or aarch64)
endif
ifneq ($(filter-out release debug asan fuzz,$(MODE)),)
$(error MODE=$(MODE) is unknown: release, debug or asan)
endif

ifeq ($(wildcard arch-$(ARCH)/*.c),)
$(error ARCH=$(ARCH): this version of barge is for $(patsubst arch-%/,%,$(sort $(dir $(wildcard arch-*/*.c)))) only)
endif

host := $(shell uname -m)
ifneq ($(ARCH),$(host))
CROSS_COMPILE ?= $(ARCH)-linux-gnu-
endif
CC := $(if $(filter fuzz,$(MODE)),clang,$(if $(filter default file,$(origin CC)),$(CROSS_COMPILE)gcc,$(CC)))
ifeq ($(CC),)
CC := $(CROSS_COMPILE)gcc
endif
STRIP ?= $(CROSS_COMPILE)strip
O ?= build/$(ARCH)-$(MODE)
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n')

version := $(shell git describe --always --dirty --match 'v*' 2>/dev/null || echo 0.1)

# --- what is built ----------------------------------------------------------
core_src := $(sort $(wildcard core/*.c))
dev_src := $(sort $(wildcard devices/*.c))
vfio_src := $(sort $(wildcard vfio/*.c))
arch_src := $(sort $(wildcard arch-$(ARCH)/*.c))
vmm_src := $(sort $(wildcard vmm/*.c))
src := $(core_src) $(dev_src) $(vfio_src) $(arch_src) $(vmm_src)
obj := $(src:%.c=$(O)/%.o)
lib_obj := $(filter-out $(O)/vmm/main.o,$(obj))
hdr := $(sort $(wildcard core/*.h devices/*.h vfio/*.h arch-$(ARCH)/*.h vmm/*.h))
# A test of one architecture bears its name: test_x86_64_*, fuzz_aarch64_*.
foreign := $(filter-out $(ARCH),x86_64 aarch64)
unit := $(filter-out test_$(foreign)_%,$(patsubst tests/unit/%.c,%,\
	$(sort $(wildcard tests/unit/test_*.c))))
fuzz := $(filter-out fuzz_$(foreign)_%,$(patsubst tests/fuzz/%.c,%,\
	$(sort $(wildcard tests/fuzz/fuzz_*.c))))

# --- how --------------------------------------------------------------------
warn := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion \
	-Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings \
	$(if $(WERROR),-Werror)
hard := -fstack-protector-strong -fPIE
opt_release := -O2 -ffunction-sections -fdata-sections -D_FORTIFY_SOURCE=2
opt_debug := -Og
opt_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
opt_fuzz := -O1 -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all
ini_inc := $(firstword $(wildcard /usr/include/iniparser) /usr/include)
cppflags = -I. -I$(O) -isystem $(ini_inc) -D_GNU_SOURCE $(CPPFLAGS)
cflags = -std=gnu11 -g $(opt_$(MODE)) $(hard) $(warn) \
	-ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
ldflags = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections \
	$(filter -fsanitize=%,$(subst $(comma)fuzzer-no-link,,$(opt_$(MODE)))) $(LDFLAGS)
comma := ,
libs := -liniparser -lpthread

.PHONY: all FORCE
all: $(O)/barge compile_commands.json

# Flags and compiler are a prerequisite: changing them rebuilds.
$(O)/.flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(CC) $(cppflags) $(cflags) $(ldflags)' | cmp -s - $@ || \
		echo '$(CC) $(cppflags) $(cflags) $(ldflags)' >$@
$(O)/version.h: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '#define BARGE_VERSION "$(version)"' | cmp -s - $@ || \
		echo '#define BARGE_VERSION "$(version)"' >$@
$(O)/vmm/main.o $(O)/vmm/help.o: $(O)/version.h

$(O)/%.o: %.c $(O)/.flags
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(cppflags) $(cflags) -MMD -MP -c -o $@ $<

# The doubles are not what a fuzzer is to explore.
$(O)/tests/unit/%.o: private opt_fuzz := $(filter-out -fsanitize=%,$(opt_fuzz)) \
	-fsanitize=address,undefined

$(O)/barge: $(obj)
	$(say) LD $@
	$(Q)$(CC) $(cflags) $(ldflags) -o $@ $^ $(libs)

compile_commands.json: $(O)/.flags $(src)
	$(say) GEN $@
	$(Q){ echo '['; sep=; for f in $(src); do \
		printf '%s\n{"directory":"%s","file":"%s","command":"%s"}' "$$sep" \
		'$(CURDIR)' "$$f" '$(CC) $(cppflags) $(cflags) -c '"$$f"; \
		sep=,; done; echo ']'; } >$@

# --- unit tests: each links the objects of everything but main --------------
# The linker takes from the archive only what a test needs.
$(O)/libbarge.a: $(lib_obj)
	$(Q)rm -f $@ && $(CROSS_COMPILE)ar rcs $@ $^
fakes := $(patsubst %.c,$(O)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
$(O)/tests/libfakes.a: $(fakes)
	$(Q)rm -f $@ && $(CROSS_COMPILE)ar rcs $@ $^
# test_vfio_* and fuzz_vfio_* have a host of their own: these calls are its.
wrapped := open openat close ioctl eventfd epoll_create1 read write pread pwrite \
	mmap munmap madvise readlink access stat lstat fstat realpath opendir \
	closedir scandir fopen fdopen fclose malloc calloc realloc free sysconf \
	__open_2 __openat_2 __read_chk __pread_chk __readlink_chk
wrap_flags := -Wl,-u,__wrap_open $(wrapped:%=-Wl,--wrap=%)
$(O)/tests/unit/test_vfio_%: wrap := $(wrap_flags)
$(O)/tests/fuzz/fuzz_vfio_%: wrap := $(wrap_flags)
$(O)/tests/unit/test_%: $(O)/tests/unit/test_%.o $(O)/tests/libfakes.a $(O)/libbarge.a
	$(say) LD $@
	$(Q)$(CC) $(cflags) $(ldflags) $(wrap) -o $@ $^ -lcmocka $(libs)
$(O)/tests/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/libfakes.a $(O)/libbarge.a
	$(say) LD $@
	$(Q)$(CC) $(cflags) $(ldflags) $(wrap) -fsanitize=fuzzer -o $@ $^ $(libs)
.PHONY: unit-bin fuzz-bin
unit-bin: $(unit:%=$(O)/tests/unit/%)
fuzz-bin: $(fuzz:%=$(O)/tests/fuzz/%)
.PRECIOUS: $(O)/%.o

.PHONY: check test unit demo bench bench-vfio clean install uninstall fuzz lint format
check:
	$(Q)ARCH=$(ARCH) tests/check $(O)
unit: unit-bin
	$(Q)tests/unit/run $(O)/tests/unit
fuzz:
	$(Q)tests/fuzz/run
test:
	$(Q)tests/all
demo:
	$(Q)tests/setup build lab
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/lab/demo
bench:
	$(Q)tests/setup build lab
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/bench/run
bench-vfio:
	$(Q)tests/setup build lab
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/bench/vfio
lint:
	$(Q)tests/lint
format:
	clang-format -i $(src) $(hdr) $(wildcard tests/*/*.c tests/*/*.h)

install: $(O)/barge
	install -D -m 755 $(O)/barge $(DESTDIR)$(PREFIX)/bin/barge
	$(STRIP) $(DESTDIR)$(PREFIX)/bin/barge
	install -D -m 644 man/barge.1 $(DESTDIR)$(PREFIX)/share/man/man1/barge.1
	install -D -m 644 man/barge.ini.5 \
		$(DESTDIR)$(PREFIX)/share/man/man5/barge.ini.5
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/barge \
		$(DESTDIR)$(PREFIX)/share/man/man1/barge.1 \
		$(DESTDIR)$(PREFIX)/share/man/man5/barge.ini.5
clean:
	rm -rf build compile_commands.json

-include $(obj:.o=.d) $(wildcard $(O)/tests/*/*.d)
