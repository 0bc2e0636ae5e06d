# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.sh: the host's side of the lab, sourced by run, shell and demo.
#
# QEMU emulates a whole machine (L1) with virtualisation, an IOMMU and PCI devices. L1 runs Debian's
# kernel, or one that is built here, on this box's own files, read-only; on aarch64 with Debian's programs for
# it as /usr. In L1 barge boots its guest (L2).

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${lab%/tests/lab}
work=$top/build/lab
cache=${BARGE_LAB_CACHE:-$HOME/.cache/barge-lab}

die() {
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit 1
}

# shellcheck source=tests/lab/fetch.sh
. "$lab/fetch.sh"

# The last part of the aarch64 ones is the page size of L1's kernel.
# shellcheck disable=SC2034 # used by run
all_machines=(x86_64 aarch64-4k aarch64-16k aarch64-64k)

# use_machine MACHINE: what all that follows is about.
# shellcheck disable=SC2034 # used by the scripts that source this file
use_machine() {
	machine=$1 arch=${1%%-*}
	case $arch in
	x86_64) barge=${BARGE:-$top/build/x86_64-release/barge} poke=$work/poke sock=$work/sock tty=ttyS0 ;;
	aarch64) barge=${BARGE_AARCH64:-$top/build/aarch64-release/barge} poke=$work/poke-aarch64 sock=$work/sock-aarch64 tty=ttyAMA0 ;;
	esac
	barge=$(realpath -m -- "$barge")
}
use_machine x86_64

# --- Initramfs ----------------------------------------------------------------------------------

# module_files KERNEL MODULE...: the files of the modules and of all they need, in the order of loading.
module_files() {
	local kernel=$1 release module
	shift
	[ $# -gt 0 ] || return 0
	release=$(ls "$kernel/lib/modules")
	for module; do
		modprobe -d "$kernel" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# unpack_module FILE OUT
unpack_module() {
	case $1 in *.xz) xz -dc "$1" ;; *) cat "$1" ;; esac >"$2"
}

# make_initramfs OUT KERNEL INIT [MODULE...]: busybox, poke, sock, $programs, INIT, the cases, and the modules with
# all they need: init loads them, but for those of $loadable, which "load MODULE" does.
programs=() loadable=()
make_initramfs() {
	local out=$1 kernel=$2 init=$3 module file tree=$1.$$ number=100 busybox=/bin/busybox
	shift 3
	[ "$arch" = "$(uname -m)" ] || busybox=$cache/arm64-root/usr/bin/busybox
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,dev,host,modules,loadable,proc,sys,tmp}
	cp "$busybox" "${programs[@]}" "$tree/bin/"
	cp "$poke" "$tree/bin/poke"
	cp "$sock" "$tree/bin/sock"
	cp "$init" "$tree/init"
	cp -r "$lab/cases" "$tree/"
	module_files "$kernel" "$@" | while read -r file; do
		unpack_module "$file" "$tree/modules/$((number++)).ko"
	done
	for module in "${loadable[@]}"; do
		module_files "$kernel" "$module" | while read -r file; do
			unpack_module "$file" "$tree/loadable/$(basename "${file%.xz}")"
			echo "/loadable/$(basename "${file%.xz}")" >>"$tree/loadable/$module"
		done
	done
	(cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet) >"$tree.cpio"
	mv "$tree.cpio" "$out"
	rm -rf "$tree"
}

# make_l1 NAME, make_l2 NAME: the initramfs of kernel NAME in L1 and in the guest
make_l1() {
	local modules=(9p 9pnet_virtio virtio_pci vfio-pci)
	case $1 in
	generic) modules+=(kvm_amd) ;;
	newest | 64k) modules=() ;;
	esac
	make_initramfs "$work/l1-$1.cpio" "${kernels[$1]}" "$lab/l1-init" "${modules[@]}"
}

make_l2() {
	local modules=(nvme e1000 e1000e ahci sd_mod virtio_pci virtio_blk)
	local loadable=(virtio_net virtio_console virtio-rng virtio_balloon vmw_vsock_virtio_transport virtiofs i6300esb ext4)
	case $1 in
	cloud) modules=(button evdev pvpanic-mmio) loadable=() ;;
	generic) modules+=(button evdev pvpanic-mmio) ;;
	4k | 16k) modules+=(evdev gpio_keys) ;;
	newest | 64k) modules=() loadable=() ;;
	esac
	make_initramfs "$work/l2-$1.cpio" "${kernels[$1]}" "$lab/l2-init" "${modules[@]}"
}

# --- L1 -----------------------------------------------------------------------------------------

# prepare [MACHINE[:KERNEL]...]: everything for L1s on these machines, x86_64 if none is given, whose guests want
# these kernels besides the usual ones; a KERNEL may also be L1's. Quick when nothing is missing.
prepare() {
	local wanted known=$machine
	[ $# -gt 0 ] || set -- x86_64
	"$top/tests/setup" lab || exit
	mkdir -p "$work" "$cache"
	make_disk
	# for this box, too: what a case does afterwards
	"${CC:-cc}" -std=gnu11 -O2 -static -o "$work/poke" "$lab/poke.c" || die "poke.c does not build"
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -static -o "$work/sock" "$lab/sock.c" || die "sock.c does not build"
	exec 8>"$cache/lock" && flock 8
	for wanted in $(printf '%s\n' "${@%%-*}" "${@%%:*}" | grep -xE 'x86_64|aarch64' | sort -u); do
		use_machine "$wanted"
		"prepare_$arch"
	done
	for wanted in $(printf '%s\n' "$@" | sort -u); do
		use_machine "${wanted%%:*}"
		case $wanted in
		*:*) prepare_kernel "${wanted#*:}" ;;
		aarch64-*) prepare_kernel "${machine#aarch64-}" ;;
		esac
	done
	flock -u 8
	use_machine "$known"
	name_kernels
}

# name_kernels: cloud, generic and newest are those of this machine's guests; newest is empty where there is none.
name_kernels() {
	if [ "$arch" = x86_64 ]; then
		cloud=${kernels[cloud]-} generic=${kernels[generic]-} newest=${kernels[newest]-}
	else
		cloud=${kernels[4k]-} generic=${kernels[4k]-} newest=${kernels[64k]-}
	fi
}

# prepare_kernel NAME: for L1 and the guest, if it can be had
prepare_kernel() {
	want_kernel "$1"
	[ -n "${kernels[$1]-}" ] || return 0
	[ "$1" = cloud ] || make_l1 "$1"
	make_l2 "$1"
}

prepare_x86_64() {
	local kernel
	have_barge "make"
	for kernel in cloud generic; do
		prepare_kernel $kernel
		[ -n "${kernels[$kernel]-}" ] || die "${lacks[$kernel]}"
	done
}

prepare_aarch64() {
	"$top/tests/setup" lab-aarch64 || exit
	have_barge "make ARCH=aarch64"
	want_arm64_programs
	aarch64-linux-gnu-gcc -std=gnu11 -O2 -static -o "$poke" "$lab/poke.c" || die "poke.c does not build for aarch64"
	aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE -O2 -static -o "$sock" "$lab/sock.c" ||
		die "sock.c does not build for aarch64"
	prepare_kernel 4k
	[ -n "${kernels[4k]-}" ] || die "${lacks[4k]}"
}

# have_barge COMMAND: which is how it is made
have_barge() {
	[ -x "$barge" ] || die "there is no $barge: build it first ($1), or name another one with $(
		[ "$arch" = x86_64 ] && echo BARGE || echo BARGE_AARCH64)=path"
}

make_disk() {
	disk=$work/disk.img
	[ -f "$disk.sum" ] || {
		head -c 64M >"$disk" < <(echo "This is the first line of a disk which the host wrote." && seq 1 9999999)
		sha256sum <"$disk" | cut -d ' ' -f 1 >"$disk.sum"
	}
	# shellcheck disable=SC2034 # used by the cases
	disk_sum=$(cat "$disk.sum")
}

# The next L1: which kernel it runs on x86_64, stock or newest; its memory; more words for its kernel; on
# aarch64 its interrupt controller and processor.
l1_kernel=stock
l1_memory=4G
l1_words=''
l1_gic="gic-version=3,its=on"
l1_cpu="max,sve=off,pauth-impdef=on"

# l1_has QEMU-OPTION...: for the next L1.
l1_has=()
l1_has() { l1_has+=("$@"); }

# nvme ADDRESS IMAGE [DEVICE-OPTIONS]: an NVMe drive at 0000:00:ADDRESS. The shared disk stays as it
# is: what is written to it is dropped.
nvme() {
	local drive=file=$2,if=none,id=drive$1,format=raw
	[ "$2" != "$disk" ] || drive+=,snapshot=on
	l1_has -drive "$drive" -device "nvme,drive=drive$1,serial=lab$1,addr=$1${3+,$3}"
}

# tell NAME...: variables L1 shall know too.
told=()
tell() { told+=("$@"); }

# large_bars: the next L1 has room for BARs of a GiB and more.
large_bars() { [ "$arch" != x86_64 ] || l1_has -global q35-pcihost.pci-hole64-size=256G; }

# become_l1 SHARE JOB QEMU-OPTION...: becomes an L1 that runs the commands JOB with l1.sh loaded. The
# directory SHARE is /run/lab there, writable.
become_l1() {
	local share=$1 job=$2 kernel emulator words name
	shift 2
	kernel=$(l1_kernel_name)
	name_kernels
	# where L1 finds its modules, if it has any
	l1_modules=${kernels[$kernel]}
	[ -d "$l1_modules/lib/modules" ] || l1_modules=''
	{
		tell lab work barge cloud generic newest poke sock machine arch tty l1_modules
		for name in "${told[@]}"; do printf '%s=%q\n' "$name" "${!name}"; done
		declare -p kernels
		printf '. %q\n%s\n' "$lab/l1.sh" "$job"
	} >"$share/job"
	"qemu_$arch"
	# If this process dies, however it dies, so does the machine.
	exec setpriv --pdeathsig TERM timeout --foreground -k 5 "${limit:-0}" "${emulator[@]}" -m "$l1_memory" \
		-nodefaults -no-user-config -display none -no-reboot -initrd "$work/l1-$kernel.cpio" \
		-append "console=$tty quiet panic=-1 oops=panic $words${l1_words:+ $l1_words}" \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=host,mount_tag=host \
		-fsdev "local,id=lab,path=$share,security_model=none" -device virtio-9p-pci,fsdev=lab,mount_tag=lab \
		"${l1_has[@]}" "$@"
}

# l1_kernel_name: which of the kernels L1 runs
l1_kernel_name() {
	case $arch:$l1_kernel in
	aarch64:*) echo "${machine#aarch64-}" ;;
	x86_64:stock) echo generic ;;
	*) echo "$l1_kernel" ;;
	esac
}

# Without ERMS the kernel clears memory by quadwords: TCG runs `rep stosb` a byte at a time.
qemu_x86_64() {
	rm -f "$share/usr"
	emulator=(qemu-system-x86_64 -M "q35,kernel-irqchip=off" -accel "tcg,thread=multi" -cpu "max,phys-bits=46,-erms" -smp 2
		-kernel "${kernels[$kernel]}/vmlinux" -device "intel-iommu,intremap=on,caching-mode=on,aw-bits=48")
	words="no_timer_check nohz=off highres=off intel_iommu=on mitigations=off"
}

# L1's programs are told by their directory. pauth-impdef: the architected algorithm costs TCG very much.
qemu_aarch64() {
	[ "$(uname -m)" = aarch64 ] || printf '%s\n' "$cache/arm64-root/usr" >"$share/usr"
	emulator=(qemu-system-aarch64 -M "virt,virtualization=on,$l1_gic,iommu=smmuv3" -accel "tcg,thread=multi"
		-cpu "$l1_cpu" -smp 2 -kernel "${kernels[$kernel]}/vmlinuz")
	# VFIO maps a BAR that is smaller than a page only where it begins one, which nobody else sees to
	words="mitigations=off pci=resource_alignment=00:04.0;00:05.0;00:06.0;00:07.0"
}

# feel_pulse PID: ends an L1 that stands still, long before its time is up.
feel_pulse() {
	while sleep 5; do
		! stood_still || kill "$1" || break
	done
}

# stood_still: L1 ended without a verdict, and its heart had stopped long before. Under TCG on a busy
# box its timers can stop for good, which says nothing about barge.
# shellcheck disable=SC2154 # logs: of run and bench
stood_still() {
	[ ! -s "$logs/verdict" ] && [ -e "$logs/beat" ] &&
		[ $((EPOCHSECONDS - $(stat -c %Y "$logs/beat"))) -gt 60 ]
}
