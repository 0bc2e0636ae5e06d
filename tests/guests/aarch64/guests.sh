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
	console-pty  say         0   the_console_serial_is_at pty --memory 64M --console pty:CONSOLE --cmdline then=5_say:PASS~key?~
	console-file say         0   ^56$            0 --memory 64M --console file:CONSOLE,max-size=8 --cmdline say:lost~1234~56~PASS~
	timestamps   say         0   ^\\[_*[0-9]*\\.[0-9]*\\]_two 0 --memory 64M --timestamps --cmdline say:PASS~two~
	hang         say         6   time_limit_of_5_s   0 --memory 64M --timeout 5 --cmdline then=1_say:PASS~
	hang-spin    say         6   not_show_"z"    0 --memory 64M --timeout 5 --expect PASS --expect z --cmdline then=2_say:PASS~
	hang-flood   say         6   time_limit      0 --memory 64M --timeout 5 --expect (x+x+)+y --cmdline then=3_say:PASS~xxxxxxxxxxxxxxxxxxxxxxxxx~
	hang-silent  say         6   !               0 --memory 64M --timeout 5 --cmdline then=1
	loop         say         6   rebooted        0 --memory 64M --timeout 5 --on-reboot restart --cmdline then=4_say:PASS~
	restart      say         0   -               k20 --memory 64M --rng --on-reboot restart --timeout 55 --expect key --expect key --until zz --cmdline then=5_say:PASS~key?~
	loop-exit    say         5   -               0 --memory 64M --timeout 30 --cmdline then=4_say:PASS~
	loop-until   say         0   -               0 --memory 64M --timeout 30 --on-reboot restart --until ^PASS$ --cmdline then=4_say:two~PASS
	loop-state   say         6   3_of_3          0 --memory 64M --timeout 5 --on-reboot restart --expect PASS --expect PASS --expect z --cmdline then=4_say:PASS~
	loop-fail    say         7   fail-on_"o$"    0 --memory 64M --timeout 30 --on-reboot restart --fail-on o$ --cmdline then=4_say:PASS~two
	expect       say         0   -               0 --memory 64M --expect ^PASS$ --expect l.gin:_$ --cmdline say:PASS~login:_
	expect-order say         7   2_of_2          0 --memory 64M --expect ^b$ --expect ^a$ --cmdline say:PASS~a~b
	expect-twice say         7   2_of_2          0 --memory 64M --expect PASS --expect PASS --cmdline say:PASS_PASS~
	expect-exit  exit        64  -               0 --memory 64M --expect PASS
	unmet-exit   exit        7   not_show_"z"    0 --memory 64M --expect z
	unmet-exit-3 exit        67  -               0 --memory 64M --expect z --cmdline status=3
	unmet-panic  panic       4   -               0 --memory 64M --expect z --timeout 50
	fail-on      say         7   matches:_bad    0 --memory 64M --fail-on ^bad --timeout 50 --cmdline then=2_say:PASS~bad_thing~
	fail-on-off  say         7   matches:_bad    0 --memory 64M --fail-on nix --fail-on bad --cmdline say:PASS~bad
	until        say         0   -               0 --memory 64M --until login:_$ --timeout 50 --cmdline then=1_say:PASS~login:_
	until-unmet  say         7   1_of_1          0 --memory 64M --until login --expect z --timeout 50 --cmdline then=1_say:PASS~login:_
	oops         say         7   end_Kernel      0 --memory 64M --fail-on-oops --timeout 50 --cmdline then=1_say:PASS~Kernel_panic_-_not_syncing:_x~---[_end_Kernel_panic_-_not_syncing~
	oops-not     say         0   -               0 --memory 64M --fail-on-oops --cmdline say:PASS~a_Kernel_panic~
	garbage      garbage     0   -               0 --memory 64M --cpus 2
	virtio-rules virtio_rules 0  -               0 --memory 64M --rng
	virtio-disk  virtio_disk 0   -               0 --memory 64M --disk DISK,serial=tiny
	loop-disk    say         6   rebooted        0 --memory 64M --timeout 5 --on-reboot restart --disk DISK --cmdline then=4_say:PASS~
	virtio-disk-t virtio_disk 0  -               0 --memory 64M --disk DISK,serial=tiny,io=threads
	watchdog     watchdog    0   -               0 --memory 64M --watchdog fail
	watchdog-6   watchdog    6   guest_hangs     0 --memory 64M --watchdog fail --cmdline hang=1
	watchdog-5   watchdog    5   is_reset        0 --memory 64M --watchdog reset --cmdline hang=1
	watchdog-two watchdog    0   is_reset        0 --memory 64M --watchdog reset --on-reboot restart --disk DISK --cmdline hang=2
	END
}
