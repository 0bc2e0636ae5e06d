# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.sh: the host's side of the lab, sourced by run, shell and demo.
#
# QEMU emulates a whole machine (L1) with AMD virtualisation, an IOMMU and PCI devices. L1 runs
# Debian's generic kernel, or one that is built here, on this box's own files, read-only. In L1 barge boots its guest (L2).

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${lab%/tests/lab}
work=$top/build/lab
cache=${BARGE_LAB_CACHE:-$HOME/.cache/barge-lab}
barge=$(realpath -m -- "${BARGE:-$top/build/x86_64-release/barge}")

# shellcheck disable=SC2034 # both are used by the scripts that source this file
cloud=$cache/cloud-amd64 generic=$cache/amd64 newest='' poke=$work/poke

die() {
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit 1
}

# --- Kernels ------------------------------------------------------------------------------------

# With private_apt=1 apt works on lists of our own: the system's may be empty, old or not ours to refresh.
private_apt=0
apt_do() {
	local program=$1 options=()
	shift
	[ $private_apt = 0 ] || options=(-o "Dir::State::Lists=$cache/apt/lists" -o "Dir::Cache=$cache/apt/cache")
	"$program" -qq "${options[@]}" -o APT::Sandbox::User=root "$@"
}

# newest_kernel FLAVOUR: prints "PACKAGE VERSION" of the kernel Debian's metapackage stands for today.
newest_kernel() {
	local package version
	package=$(apt_do apt-cache depends "linux-image-$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p')
	version=$(apt_do apt-cache show --no-all-versions "${package:-none}" 2>/dev/null | sed -n 's/^Version: //p')
	[ -n "$version" ] && printf '%s %s\n' "$package" "$version"
}

# unpack_kernel DIRECTORY PACKAGE: fills DIRECTORY with vmlinuz, vmlinux and lib/modules.
unpack_kernel() {
	local directory=$1 package=$2
	rm -rf "$directory.new" && mkdir -p "$directory.new/deb" && cd "$directory.new" || return
	(cd deb && apt_do apt-get download "$package") || return
	dpkg-deb -x deb/*.deb deb || return
	# newer packages have their modules below usr
	mkdir lib && mv deb/boot/vmlinuz-* vmlinuz && mv deb/{,usr/}lib/modules lib/ 2>/dev/null
	rm -r deb && depmod -b "$PWD" "$(ls lib/modules)" && "$lab/extract-vmlinux" vmlinuz >vmlinux &&
		mv "$directory.new" "$directory"
}

# want_kernel FLAVOUR: makes $cache/FLAVOUR a link to today's kernel of that flavour.
want_kernel() {
	local flavour=$1 package version directory
	[ ! "$cache/$flavour/" -nt /var/lib/apt/lists ] || return 0
	if ! read -r package version < <(newest_kernel "$flavour"); then
		fresh_lists
		read -r package version < <(newest_kernel "$flavour") || die "apt knows no linux-image-$flavour"
	fi
	directory=$cache/${package}_$version
	if [ ! -d "$directory" ]; then
		echo "downloading $package $version (once, into $cache)" >&2
		(unpack_kernel "$directory" "$package") || {
			fresh_lists
			(unpack_kernel "$directory" "$package") || die "cannot download and unpack $package"
		}
	fi
	touch "$directory"
	ln -sfn "${directory##*/}" "$cache/$flavour"
}

fresh_lists() {
	private_apt=1
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
	apt_do apt-get update || true
}

# want_newest: makes $newest the directory of the self-built kernel; or leaves it empty, and in
# $newest_lack why it cannot be had here.
newest_lack=''
want_newest() {
	newest=$("$lab/kernel/build" "$(uname -m)" 2> >(tee "$work/newest.log" >&2)) || {
		newest=''
		# shellcheck disable=SC2034 # used by run
		newest_lack=$(tail -n 1 "$work/newest.log")
		return 0
	}
	make_initramfs "$work/l1-newest.cpio" "$newest" "$lab/l1-init"
	make_initramfs "$work/l2-newest.cpio" "$newest" "$lab/l2-init"
}

# --- Initramfs ----------------------------------------------------------------------------------

# make_initramfs OUT KERNEL INIT [MODULE...]: busybox, poke, $programs, INIT, the cases, and the modules with
# all they need.
programs=()
make_initramfs() {
	local out=$1 kernel=$2 init=$3 release module tree=$1.$$ number=100
	shift 3
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,dev,host,modules,proc,sys,tmp}
	cp /bin/busybox "$poke" "${programs[@]}" "$tree/bin/"
	cp "$init" "$tree/init"
	cp -r "$lab/cases" "$tree/"
	[ $# = 0 ] || release=$(ls "$kernel/lib/modules")
	for module; do
		modprobe -d "$kernel" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r module; do
		case $module in *.xz) xz -dc "$module" ;; *) cat "$module" ;; esac >"$tree/modules/$((number++)).ko"
	done
	(cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet) >"$tree.cpio"
	mv "$tree.cpio" "$out"
	rm -rf "$tree"
}

# --- L1 -----------------------------------------------------------------------------------------

# prepare: everything that all L1s share. Quick when nothing is missing.
prepare() {
	"$top/tests/setup" lab || exit
	[ -x "$barge" ] || die "there is no $barge: build it first, or name another one with BARGE=path"
	mkdir -p "$work" "$cache"
	exec 8>"$cache/lock" && flock 8
	want_kernel amd64
	want_kernel cloud-amd64
	flock -u 8
	"${CC:-cc}" -std=gnu11 -O2 -static -o "$poke" "$lab/poke.c" || die "poke.c does not build"
	make_initramfs "$work/l1-stock.cpio" "$generic" "$lab/l1-init" 9p 9pnet_virtio virtio_pci kvm_amd vfio-pci
	make_initramfs "$work/l2-cloud.cpio" "$cloud" "$lab/l2-init" button evdev pvpanic-mmio
	make_initramfs "$work/l2-generic.cpio" "$generic" "$lab/l2-init" button evdev pvpanic-mmio nvme e1000 e1000e ahci sd_mod virtio_pci virtio_blk
	disk=$work/disk.img
	[ -f "$disk.sum" ] || {
		head -c 64M >"$disk" < <(echo "This is the first line of a disk which the host wrote." && seq 1 9999999)
		sha256sum <"$disk" | cut -d ' ' -f 1 >"$disk.sum"
	}
	# shellcheck disable=SC2034 # used by the cases
	disk_sum=$(cat "$disk.sum")
}

# The next L1: which kernel it runs, stock or newest; its memory; more words for its kernel.
l1_kernel=stock
l1_memory=4G
l1_words=''

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

# become_l1 SHARE JOB QEMU-OPTION...: becomes an L1 that runs the commands JOB with l1.sh loaded. The
# directory SHARE is /run/lab there, writable.
become_l1() {
	local share=$1 job=$2 kernel=$generic
	shift 2
	[ "$l1_kernel" != newest ] || kernel=$newest
	{
		tell lab work barge cloud generic newest poke l1_kernel
		for name in "${told[@]}"; do printf '%s=%q\n' "$name" "${!name}"; done
		printf '. %q\n%s\n' "$lab/l1.sh" "$job"
	} >"$share/job"
	# Without ERMS the kernel clears memory by quadwords: TCG runs `rep stosb` a byte at a time.
	# If this process dies, however it dies, so does the machine.
	exec setpriv --pdeathsig TERM timeout --foreground -k 5 "${limit:-0}" \
		qemu-system-x86_64 -M q35,kernel-irqchip=off -accel tcg,thread=multi -cpu max,phys-bits=46,-erms -smp 2 -m "$l1_memory" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$kernel/vmlinux" -initrd "$work/l1-$l1_kernel.cpio" \
		-append "console=ttyS0 quiet panic=-1 oops=panic no_timer_check nohz=off highres=off intel_iommu=on mitigations=off${l1_words:+ $l1_words}" \
		-device intel-iommu,intremap=on,caching-mode=on,aw-bits=48 \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=host,mount_tag=host \
		-fsdev "local,id=lab,path=$share,security_model=none" -device virtio-9p-pci,fsdev=lab,mount_tag=lab \
		"${l1_has[@]}" "$@"
}

# feel_pulse PID: ends an L1 that stands still, long before its time is up.
feel_pulse() {
	while sleep 5; do
		! stood_still || kill "$1" || break
	done
}

# stood_still: L1 ended without a verdict, and its heart had stopped long before. Under TCG on a busy
# box its timers can stop for good, which says nothing about barge.
stood_still() {
	[ ! -s "$logs/verdict" ] && [ -e "$logs/beat" ] &&
		[ $((EPOCHSECONDS - $(stat -c %Y "$logs/beat"))) -gt 60 ]
}
