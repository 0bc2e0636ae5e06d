# shellcheck shell=dash
# SPDX-License-Identifier: Apache-2.0
# The tiny guests of every architecture; columns as in ARCH/guests.sh, which has the others.

common_guests() {
	cat <<-END
	entry        entry       0   -               0 --memory 64M --initrd INITRD --cmdline tiny=1_guest
	mmio         mmio        0   -               0 --memory 64M
	edges        edges       0   1_regions       0 --memory 64M
	edges-odd    edges       0   1_regions       0 --memory 77M
	pci          pci         0   -               0 --memory 64M
	irq          irq         0   -               0 --memory 64M
	panic        panic       4   -               0 --memory 64M
	exit-0       exit        64  -               0 --memory 64M
	exit-3       exit        67  -               0 --memory 64M --cmdline status=3
	exit-62      exit        126 -               0 --memory 64M --cmdline status=62_width=4
	exit-256     exit        127 -               0 --memory 64M --cmdline status=256_width=4
	stuck        stuck       143 -               2 --memory 64M
	console-pty  say         0   the_console_serial_is_at pty --memory 64M --console pty:CONSOLE --cmdline then=5_say:PASS~key?~
	console-file say         0   ^56$            0 --memory 64M --console file:CONSOLE,max-size=8 --cmdline say:lost~1234~56~PASS~
	timestamps   say         0   ^\\[_*[0-9]*\\.[0-9]*\\]_two 0 --memory 64M --timestamps --cmdline say:PASS~two~
	loop-exit    say         5   -               0 --memory 64M --timeout 30 --cmdline then=4_say:PASS~
	loop-until   say         0   -               0 --memory 64M --timeout 30 --on-reboot restart --until ^PASS$ --cmdline then=4_say:two~PASS
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
	virtio-disk-t virtio_disk 0  -               0 --memory 64M --disk DISK,serial=tiny,io=threads
	watchdog     watchdog    0   -               0 --memory 64M --watchdog fail
	watchdog-6   watchdog    6   guest_hangs     0 --memory 64M --watchdog fail --cmdline hang=1
	watchdog-5   watchdog    5   is_reset        0 --memory 64M --watchdog reset --cmdline hang=1
	watchdog-two watchdog    0   is_reset        0 --memory 64M --watchdog reset --on-reboot restart --disk DISK --cmdline hang=2
	END
}
