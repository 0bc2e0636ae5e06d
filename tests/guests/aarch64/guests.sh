# shellcheck shell=dash disable=SC2034,SC2154 # variables shared with run
# SPDX-License-Identifier: Apache-2.0
# What tests/guests/run has to know of tiny guests for aarch64.

lib='start.S arch.c mmu.c fdt.c gic.c' # linked beside the guest

# link OUT SOURCE...
# -mstrict-align: before the MMU is on, an access that is not aligned faults.
link() {
	local to=$1
	shift
	"$cc" -std=gnu11 -O2 -I. -Wall -Wextra -Werror -ffreestanding -nostdlib \
		-static-pie -fpie -mgeneral-regs-only -mstrict-align -mno-outline-atomics \
		-fno-stack-protector -mbranch-protection=none \
		-fno-asynchronous-unwind-tables -Wl,--build-id=none \
		-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,-no-warn-rwx-segments \
		-T tests/guests/aarch64/guest.ld -o "$to.elf" "$@" &&
		"${cross}objcopy" -O binary "$to.elf" "$to"
}

# link_alone OUT NAME: of NAME.S and NAME.ld, with nothing beside it.
link_alone() {
	"$cc" -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,-no-warn-rwx-segments -T "tests/guests/aarch64/$2.ld" \
		-o "$1.elf" "tests/guests/aarch64/$2.S" &&
		"${cross}objcopy" -O binary "$1.elf" "$1"
}

# name, program, expected status, text expected besides PASS, how many SIGTERM
# barge gets once the guest has said READY, options; _ stands for a blank within
# a word, INITRD for a file
guests() {
	cat <<-END
	entry        entry       0   -               0 --memory 64M --initrd INITRD --cmdline tiny=1_guest
	entry-4g     entry       0   -               0 --memory 3400M --initrd INITRD --cmdline tiny=1_guest
	flat         flat        0   -               0 --memory 64M --kernel-format flat
	flat-4g      flat        0   -               0 --memory 3400M --kernel-format flat --initrd INITRD
	mmio         mmio        0   -               0 --memory 64M
	edges        edges       0   1_regions       0 --memory 64M
	edges-odd    edges       0   1_regions       0 --memory 77M
	edges-4g     edges       0   1_regions       0 --memory 3400M
	windows      windows     0   -               0 --memory 64M
	nisv         nisv        0   got_an_abort       0 --memory 64M
	fetch        fetch       0   -               0 --memory 64M
	serial       serial      0   -               0 --memory 64M
	pci          pci         0   -               0 --memory 64M
	irq          irq         0   -               0 --memory 64M
	msi          msi         0   -               0 --memory 64M
	features     features    0   -               0 --memory 64M
	features-off features    0   lacks_pmu       0 --memory 64M --cpu-off pmu,sve,pauth --cmdline off=1
	rtc          rtc         0   -               0 --memory 64M
	smp          smp         0   0x2_processors  0 --memory 64M --cpus 2
	smp-8        smp         0   0x8_processors  0 --memory 64M --cpus 8
	button       button      0   pressed         1 --memory 64M
	stuck        stuck       143 -               2 --memory 64M
	panic        panic       4   -               0 --memory 64M
	reset        reset       5   -               0 --memory 64M
	reset-2      reset       5   -               0 --memory 64M --cpus 2
	exit-0       exit        64  -               0 --memory 64M
	exit-3       exit        67  -               0 --memory 64M --cmdline status=3
	exit-62      exit        126 -               0 --memory 64M --cmdline status=62_width=4
	exit-256     exit        127 -               0 --memory 64M --cmdline status=256_width=4
	garbage      garbage     0   -               0 --memory 64M --cpus 2
	virtio-rules virtio_rules 0  -               0 --memory 64M --rng
	END
}
