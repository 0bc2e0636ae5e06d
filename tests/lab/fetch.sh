# shellcheck shell=bash disable=SC2154 # cache, lab, work and the like: of lib.sh
# SPDX-License-Identifier: Apache-2.0
# fetch.sh: kernels and programs for the lab's machines, sourced by lib.sh. Each is fetched or built when it
# is wanted for the first time, and taken from the cache afterwards.
#
# A kernel is a directory with vmlinuz, on x86_64 vmlinux, too, and Debian's have lib/modules:
#   cloud, generic   x86_64: Debian's        4k, 16k   aarch64: Debian's, by their page size
#   newest           x86_64: built here      64k       aarch64: built here
#
# want_kernel NAME: kernels[NAME] is its directory; or why there is none, in lacks[NAME].
declare -A kernels=() lacks=()

# shellcheck source=tests/apt.sh
. "$lab/../apt.sh"

want_kernel() {
	[ -z "${kernels[$1]-}${lacks[$1]-}" ] || return 0
	case $1 in
	cloud) debian_kernel cloud cloud-amd64 ;;
	generic) debian_kernel generic amd64 ;;
	4k) debian_kernel 4k arm64 "$(apt_suite)" ;;
	# where the stable release has no such kernel, a newer one has
	16k) debian_kernel 16k arm64-16k "$(apt_suite)" testing sid ;;
	newest) built_kernel newest x86_64 ;;
	64k) built_kernel 64k aarch64-64k ;;
	*) die "there is no kernel $1" ;;
	esac
}

# --- Debian's kernels ---------------------------------------------------------------------------

# Apt works on this box's lists unless $apt_dir names other ones.
lists_do() {
	local program=$1
	shift
	if [ -n "${apt_dir-}" ]; then
		apt_do "$program" -qq "$@"
	else
		"$program" -qq -o APT::Sandbox::User=root "$@"
	fi
}

# depends PACKAGE: prints what it depends on and what looks like a kernel or a part of one, by its release.
depends() { lists_do apt-cache depends "$1" 2>/dev/null | sed -nE 's/^ *Depends: (linux-(base|binary|image|modules)-[0-9][^ ]*)$/\1/p'; }

# newest_kernel FLAVOUR: prints "PACKAGE VERSION" of the kernel Debian's metapackage stands for today.
newest_kernel() {
	local package version
	package=$(depends "linux-image-$1" | grep '^linux-image-')
	version=$(lists_do apt-cache show --no-all-versions "${package:-none}" 2>/dev/null | sed -n 's/^Version: //p')
	[ -n "$version" ] && printf '%s %s\n' "$package" "$version"
}

# unpack_kernel DIRECTORY PACKAGE
unpack_kernel() {
	local directory=$1 package=$2 parts deb
	rm -rf "$directory.new" && mkdir -p "$directory.new/deb" && cd "$directory.new" || return
	mapfile -t parts < <(depends "$package")
	(cd deb && lists_do apt-get download "$package" "${parts[@]}") || return
	for deb in deb/*.deb; do dpkg-deb -x "$deb" deb || return; done
	# newer packages have it all below usr
	mkdir lib && mv deb/{,usr/}lib/modules lib/ 2>/dev/null
	mv deb/boot/vmlinuz-* vmlinuz 2>/dev/null || mv lib/modules/*/vmlinuz vmlinuz || return
	rm -r deb && depmod -b "$PWD" "$(ls lib/modules)" || return
	# an arm64 Image is what QEMU boots already
	[ "$(od -An -c -j 56 -N 4 vmlinuz | tr -d ' ')" = ARMd ] || "$lab/extract-vmlinux" vmlinuz >vmlinux || return
	mv "$directory.new" "$directory"
}

# debian_kernel NAME FLAVOUR [SUITE...]: today's kernel of that flavour; of another architecture if suites are
# given, from the first that has it.
debian_kernel() {
	local name=$1 flavour=$2 package='' version directory apt_dir='' suite
	shift 2
	if [ ! "$cache/$flavour/" -nt /var/lib/apt/lists ]; then
		read -r package version < <(if [ $# = 0 ]; then newest_kernel "$flavour"; fi) || true
		for suite in "${@:-$(apt_suite)}"; do
			[ -z "$package" ] || break
			apt_dir=$cache/apt-$suite${1+-arm64}
			! apt_use "$suite" ${1+arm64} || read -r package version < <(newest_kernel "$flavour") || true
		done
		if [ -n "$package" ]; then
			directory=$cache/${package}_$version
			[ -d "$directory" ] || {
				echo "downloading $package $version (once, into $cache)" >&2
				(unpack_kernel "$directory" "$package" >&2) || package=''
			}
		fi
		[ -z "$package" ] || { ln -sfn "${directory##*/}" "$cache/$flavour" && touch "$directory"; }
	fi
	# what was there yesterday will do when nothing newer can be had
	if [ -f "$cache/$flavour/vmlinuz" ]; then
		kernels[$name]=$cache/$flavour
	else
		lacks[$name]="Debian's linux-image-$flavour cannot be had here: $(tail -n 1 "$apt_dir/log" 2>/dev/null)"
	fi
}

# built_kernel NAME ARCHITECTURE[-VARIANT]: the newest there is, built here.
built_kernel() {
	local directory
	if directory=$("$lab/kernel/build" "$2" 2> >(tee "$work/$1.log" >&2)); then
		kernels[$1]=$directory
	else
		lacks[$1]=$(tail -n 1 "$work/$1.log")
	fi
}

# --- Programs for L1 on aarch64 -----------------------------------------------------------------

# virtiofsd is in qemu-system-common
arm64_packages=(usr-is-merged bash busybox-static coreutils diffutils e2fsprogs findutils grep kmod mawk mount procps
	qemu-system-common sed util-linux)

# want_arm64_programs: $cache/arm64-root/usr is what L1 has as /usr: Debian's programs for arm64, of the release
# that this box runs, so that what both have in /etc fits.
want_arm64_programs() {
	local root=$cache/arm64-root apt_dir deb wanted
	wanted="$(apt_suite): ${arm64_packages[*]}"
	if [ "$(cat "$root/packages" 2>/dev/null)" = "$wanted" ]; then
		ln -sf bash "$root/usr/bin/sh"
		return
	fi
	echo "downloading Debian's programs for arm64 (once, into $cache)" >&2
	apt_dir=$cache/apt-$(apt_suite)-arm64
	apt_use "$(apt_suite)" arm64 || die "$(tail -n 1 "$apt_dir/log")"
	rm -rf "$root.new" && mkdir -p "$root.new"/usr/{bin,lib,lib64,sbin} "$apt_dir/programs/partial"
	ln -s usr/{bin,lib,lib64,sbin} "$root.new/"
	apt_do apt-get -qq -y --no-install-recommends --download-only -o "Dir::Cache::Archives=$apt_dir/programs" \
		install "${arm64_packages[@]}" >&2 || die "the programs for arm64 cannot be downloaded"
	for deb in "$apt_dir"/programs/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root.new" --keep-directory-symlink || die "$deb cannot be unpacked"
	done
	rm -r "$apt_dir/programs"
	ln -s mawk "$root.new/usr/bin/awk"
	ln -s bash "$root.new/usr/bin/sh"
	echo "$wanted" >"$root.new/packages"
	rm -rf "$root" && mv "$root.new" "$root"
}
