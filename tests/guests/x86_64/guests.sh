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
# barge gets once the guest has said READY, options; _ stands for a blank within
# a word, INITRD for a file
guests() {
	cat <<-END
	entry        entry       0   -               0 --memory 64M --initrd INITRD --cmdline tiny=1_guest
	entry-4g     entry       0   -               0 --memory 5G --initrd INITRD --cmdline tiny=1_guest
	multiboot    multiboot   0   -               0 --memory 64M --initrd INITRD --cmdline tiny=1_guest
	ports        ports       0   -               0 --memory 64M
	mmio         mmio        0   -               0 --memory 64M
	edges        edges       0   1_regions       0 --memory 64M
	edges-odd    edges       0   1_regions       0 --memory 77M
	edges-4g     edges       0   2_regions       0 --memory 5G
	serial       serial      0   by_rep_outsb    0 --memory 64M
	pci          pci         0   -               0 --memory 64M
	pci-ports    pci_ports   0   -               0 --memory 64M
	acpi         acpi        0   FACP            0 --memory 64M --cpus 2
	irq          irq         0   -               0 --memory 64M
	smp          smp         0   -               0 --memory 64M --cpus 2
	triple       triple      3   -               0 --memory 64M
	fetch        fetch       3   -               0 --memory 64M
	panic        panic       4   -               0 --memory 64M
	exit-0       exit        64  -               0 --memory 64M
	exit-3       exit        67  -               0 --memory 64M --cmdline status=3
	exit-62      exit        126 -               0 --memory 64M --cmdline status=62_width=4
	exit-256     exit        127 -               0 --memory 64M --cmdline status=256_width=4
	exit-memory  exit        69  -               0 --memory 64M --cmdline status=5_width=4_memory=1
	reset-i8042  reset_i8042 5   -               0 --memory 64M
	reset-acpi   reset_acpi  5   -               0 --memory 64M
	stuck        stuck       143 -               2 --memory 64M
	garbage      garbage     0   -               0 --memory 64M --cpus 2
	virtio-rules virtio_rules 0  -               0 --memory 64M --rng
	END
}
