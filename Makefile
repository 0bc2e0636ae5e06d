# SPDX-License-Identifier: Apache-2.0
# One file, not recursive. Objects go to build/$(ARCH)-$(MODE).
#   make [MODE=release|debug|asan] [ARCH=x86_64|aarch64] [STATIC=1] [WERROR=1] [V=1]
#   make ARCH=aarch64 NATIVE=1 unit    what of aarch64 needs no KVM, built for this machine
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.DEFAULT_GOAL := all

ARCH ?= $(shell uname -m)
MODE ?= release
PREFIX ?= /usr/local
DESTDIR ?=
# Where systemd looks for units, and bash for completions.
UNITDIR ?= $(PREFIX)/lib/systemd/system
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
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
# Empty unless what is built runs on another machine.
foreign_host := $(if $(NATIVE),,$(filter-out $(host),$(ARCH)))
ifneq ($(foreign_host),)
CROSS_COMPILE ?= $(ARCH)-linux-gnu-
STATIC ?= 1
# Where tests/setup cross unpacks Debian's libraries.
sysroot := $(wildcard $(or $(BARGE_LAB_CACHE),$(HOME)/.cache/barge-lab)/$(ARCH)-libs)
endif
CC := $(if $(filter fuzz,$(MODE)),clang,$(if $(filter default file,$(origin CC)),$(CROSS_COMPILE)gcc,$(CC)))
ifeq ($(CC),)
CC := $(CROSS_COMPILE)gcc
endif
STRIP ?= $(CROSS_COMPILE)strip
O ?= build/$(ARCH)$(if $(NATIVE),-native)-$(MODE)
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n')

version := $(shell git describe --always --dirty --match 'v*' 2>/dev/null || echo 0.1)

# --- what is built ----------------------------------------------------------
core_src := $(sort $(wildcard core/*.c))
dev_src := $(sort $(wildcard devices/*.c))
vfio_src := $(sort $(wildcard vfio/*.c))
arch_src := $(sort $(wildcard arch-$(ARCH)/*.c))
# What speaks to a KVM of that architecture compiles for no other one.
ifneq ($(NATIVE),)
arch_src := $(filter-out arch-aarch64/vm.c arch-aarch64/gic.c arch-aarch64/vcpu.c arch-aarch64/start.c,$(arch_src))
endif
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
ifneq ($(NATIVE),)
unit := $(filter-out test_$(ARCH)_kvm,$(filter test_$(ARCH)_%,$(unit)))
fuzz := $(filter fuzz_$(ARCH)_%,$(fuzz))
endif

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
ini_inc := $(firstword $(wildcard $(sysroot:%=%/usr/include/iniparser) /usr/include/iniparser) /usr/include)
sys_lib := $(sysroot:%=%/usr/lib/$(ARCH)-linux-gnu)
cppflags = -I. -I$(O) -isystem $(ini_inc) $(sysroot:%=-isystem %/usr/include) -D_GNU_SOURCE $(CPPFLAGS)
cflags = -std=gnu11 -g $(opt_$(MODE)) $(hard) $(warn) \
	-ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
pie := -pie
ldflags = $(pie) $(sys_lib:%=-L%) -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections \
	$(filter -fsanitize=%,$(subst $(comma)fuzzer-no-link,,$(opt_$(MODE)))) $(LDFLAGS)
comma := ,
libs_aarch64 := -lfdt -lz -lzstd
libs := -liniparser -luring $(libs_$(ARCH)) -lpthread
# Programs of tests are never static: there is no static cmocka.
static := $(filter-out 0,$(STATIC))
all_flags = $(CC) $(cppflags) $(cflags) $(ldflags)$(static:%= static)
$(O)/barge: private pie := $(if $(static),-static-pie,-pie)
$(O)/tests/unit/%: private ldflags += $(sys_lib:%=-Wl,-rpath,%)

.PHONY: all FORCE
all: $(O)/barge $(if $(foreign_host),,compile_commands.json)
ifneq ($(NATIVE),)
.DEFAULT_GOAL := unit-bin
endif

# Flags and compiler are a prerequisite: changing them rebuilds.
has_libs := $(if $(foreign_host),$(sysroot)$(wildcard /usr/lib/$(ARCH)-linux-gnu/libiniparser.*),yes)
$(O)/.flags: FORCE
	$(Q)$(or $(has_libs:%=:),{ echo 'There are no libraries of $(ARCH) here; tests/setup cross gets them.' >&2; false; })
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(all_flags)' | cmp -s - $@ || echo '$(all_flags)' >$@
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

compile_commands.json: $(O)/compile_commands.json
	$(Q)cp $< $@
$(O)/compile_commands.json: $(O)/.flags $(src)
	$(say) GEN $@
	$(Q){ echo '['; sep=; for f in $(src); do \
		printf '%s\n{"directory":"%s","file":"%s","command":"%s"}' "$$sep" \
		'$(CURDIR)' "$$f" '$(CC) $(cppflags) $(cflags) -c '"$$f"; \
		sep=,; done; echo ']'; } >$@

# --- unit tests: each links the objects of everything but main --------------
# The linker takes from the archive only what a test needs.
$(O)/libbarge.a: $(lib_obj)
	$(Q)rm -f $@ && $(CROSS_COMPILE)ar rcs $@ $^
fakes := $(patsubst %.c,$(O)/%.o,$(filter-out tests/unit/test_% tests/unit/fake_$(foreign)_%,\
	$(wildcard tests/unit/*.c)))
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
# These bring their own: each calls them as it likes.
$(O)/tests/unit/test_vhost: wrap := -Wl,--wrap=open,--wrap=ioctl
$(O)/tests/unit/test_net: wrap := -Wl,--wrap=open,--wrap=ioctl,--wrap=readv,--wrap=writev
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

.PHONY: check test unit demo bench bench-vfio bench-disk bench-net clean install uninstall fuzz lint format
check:
	$(Q)ARCH=$(ARCH) tests/check $(O)
# Another architecture's tests run in an emulator, once with each of these page sizes of the host.
PAGE_SIZES ?= 4096 16384 65536
unit: unit-bin
	$(Q)$(if $(foreign_host),EMULATOR='qemu-$(ARCH)-static -L /usr/$(ARCH)-linux-gnu' \
		PAGE_SIZES='$(PAGE_SIZES)') tests/unit/run $(O)/tests/unit
fuzz:
	$(Q)tests/fuzz/run
test:
	$(Q)tests/all
demo:
	$(Q)tests/setup build lab
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/lab/demo
bench bench-vfio bench-disk bench-net:
	$(Q)tests/setup build lab
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/bench/$(if $(filter bench,$@),all,$(@:bench-%=%))
lint:
	$(Q)tests/lint
format:
	clang-format -i $(src) $(hdr) $(wildcard tests/*/*.[ch] tests/*/*/*.[ch])

install: $(O)/barge
	install -D -m 755 $(O)/barge $(DESTDIR)$(PREFIX)/bin/barge
	$(STRIP) $(DESTDIR)$(PREFIX)/bin/barge
	install -D -m 644 man/barge.1 $(DESTDIR)$(PREFIX)/share/man/man1/barge.1
	install -D -m 644 man/barge.ini.5 \
		$(DESTDIR)$(PREFIX)/share/man/man5/barge.ini.5
	install -d $(DESTDIR)$(UNITDIR)
	sed 's,^ExecStart=barge ,ExecStart=$(PREFIX)/bin/barge ,' \
		contrib/systemd/barge@.service >$(DESTDIR)$(UNITDIR)/barge@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/barge@.service
	install -D -m 644 contrib/bash-completion/barge \
		$(DESTDIR)$(COMPLETIONDIR)/barge
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/barge \
		$(DESTDIR)$(PREFIX)/share/man/man1/barge.1 \
		$(DESTDIR)$(PREFIX)/share/man/man5/barge.ini.5 \
		$(DESTDIR)$(UNITDIR)/barge@.service \
		$(DESTDIR)$(COMPLETIONDIR)/barge
clean:
	rm -rf build compile_commands.json

-include $(obj:.o=.d) $(wildcard $(O)/tests/*/*.d)
