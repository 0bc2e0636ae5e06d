# shellcheck shell=dash disable=SC2034,SC2154 # variables shared with run
# SPDX-License-Identifier: Apache-2.0
# What tests/guests/run has to know of tiny guests for x86_64.

lib='start.S arch.c' # linked beside the guest

# link OUT SOURCE...
link() {
	"$cc" -std=gnu11 -O2 -I. -Wall -Wextra -Werror -ffreestanding -nostdlib \
		-static -fno-pie -mno-red-zone -mgeneral-regs-only \
		-fno-stack-protector -fcf-protection=none -Wno-interrupt-service-routine \
		-fno-asynchronous-unwind-tables -Wl,--build-id=none \
		-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,-no-warn-rwx-segments \
		-T tests/guests/x86_64/guest.ld -o "$@"
}

# link_alone OUT NAME: of NAME.S and NAME.ld, with nothing beside it.
link_alone() {
	"$cc" -m32 -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,-z,max-page-size=4096 -Wl,-no-warn-rwx-segments \
		-T "tests/guests/x86_64/$2.ld" -o "$1" "tests/guests/x86_64/$2.S"
}

# name, program, expected status, text expected besides PASS, how many SIGTERM
# barge gets once the guest has said READY, kN for N restarts by a key, or pty to
# sit at CONSOLE; options; _ stands for a blank within
# a word, INITRD, CONSOLE and DISK for a file
guests() {
	cat <<-END
	entry-4g     entry       0   -               0 --memory 5G --initrd INITRD --cmdline tiny=1_guest
	multiboot    multiboot   0   -               0 --memory 64M --initrd INITRD --module INITRD,args=second_one --cmdline tiny=1_guest
	ports        ports       0   -               0 --memory 64M
	edges-4g     edges       0   2_regions       0 --memory 5G
	serial       serial      0   by_rep_outsb    0 --memory 64M
	pci-ports    pci_ports   0   -               0 --memory 64M
	acpi         acpi        0   FACP            0 --memory 64M --cpus 2
	smp          smp         0   -               0 --memory 64M --cpus 2
	triple       triple      3   -               0 --memory 64M
	fetch        fetch       3   -               0 --memory 64M
	exit-memory  exit        69  -               0 --memory 64M --cmdline status=5_width=4_memory=1
	reset-i8042  reset_i8042 5   -               0 --memory 64M
	reset-acpi   reset_acpi  5   -               0 --memory 64M
	hang         say         6   time_limit_of_1.5_s 0 --memory 64M --timeout 1.5 --cmdline then=1_say:PASS~
	hang-spin    say         6   not_show_"z"    0 --memory 64M --timeout 1 --expect PASS --expect z --cmdline then=2_say:PASS~
	hang-flood   say         6   time_limit      0 --memory 64M --timeout 1 --expect (x+x+)+y --cmdline then=3_say:PASS~xxxxxxxxxxxxxxxxxxxxxxxxx~
	hang-silent  say         6   !               0 --memory 64M --timeout 1 --cmdline then=1
	loop         say         6   rebooted        0 --memory 64M --timeout 2 --on-reboot restart --cmdline then=4_say:PASS~
	restart      say         0   -               k100 --memory 64M --rng --on-reboot restart --timeout 55 --expect key --expect key --until zz --cmdline then=5_say:PASS~key?~
	loop-state   say         6   3_of_3          0 --memory 64M --timeout 1 --on-reboot restart --expect PASS --expect PASS --expect z --cmdline then=4_say:PASS~
	unmet-triple triple      3   triple_fault    0 --memory 64M --timeout 30 --expect z
	loop-disk    say         6   rebooted        0 --memory 64M --timeout 2 --on-reboot restart --disk DISK --cmdline then=4_say:PASS~
	END
}
