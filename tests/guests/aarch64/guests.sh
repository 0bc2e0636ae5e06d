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
# barge gets once the guest has said READY, kN for N restarts by a key, or pty to
# sit at CONSOLE; options; _ stands for a blank within
# a word, INITRD, CONSOLE and DISK for a file
guests() {
	cat <<-END
	entry-4g     entry       0   -               0 --memory 3400M --initrd INITRD --cmdline tiny=1_guest
	flat         flat        0   -               0 --memory 64M --kernel-format flat
	flat-4g      flat        0   -               0 --memory 3400M --kernel-format flat --initrd INITRD
	edges-4g     edges       0   1_regions       0 --memory 3400M
	windows      windows     0   -               0 --memory 64M
	nisv         nisv        0   got_an_abort       0 --memory 64M
	fetch        fetch       0   -               0 --memory 64M
	serial       serial      0   -               0 --memory 64M
	msi          msi         0   -               0 --memory 64M
	features     features    0   -               0 --memory 64M
	features-off features    0   lacks_pmu       0 --memory 64M --cpu-off pmu,sve,pauth --cmdline off=1
	rtc          rtc         0   -               0 --memory 64M
	smp          smp         0   0x2_processors  0 --memory 64M --cpus 2
	smp-8        smp         0   0x8_processors  0 --memory 64M --cpus 8
	button       button      0   pressed         1 --memory 64M
	reset        reset       5   -               0 --memory 64M
	reset-2      reset       5   -               0 --memory 64M --cpus 2
	hang         say         6   time_limit_of_5_s   0 --memory 64M --timeout 5 --cmdline then=1_say:PASS~
	hang-spin    say         6   not_show_"z"    0 --memory 64M --timeout 5 --expect PASS --expect z --cmdline then=2_say:PASS~
	hang-flood   say         6   time_limit      0 --memory 64M --timeout 5 --expect (x+x+)+y --cmdline then=3_say:PASS~xxxxxxxxxxxxxxxxxxxxxxxxx~
	hang-silent  say         6   !               0 --memory 64M --timeout 5 --cmdline then=1
	loop         say         6   rebooted        0 --memory 64M --timeout 5 --on-reboot restart --cmdline then=4_say:PASS~
	restart      say         0   -               k20 --memory 64M --rng --on-reboot restart --timeout 55 --expect key --expect key --until zz --cmdline then=5_say:PASS~key?~
	loop-state   say         6   3_of_3          0 --memory 64M --timeout 5 --on-reboot restart --expect PASS --expect PASS --expect z --cmdline then=4_say:PASS~
	loop-disk    say         6   rebooted        0 --memory 64M --timeout 5 --on-reboot restart --disk DISK --cmdline then=4_say:PASS~
	END
}
