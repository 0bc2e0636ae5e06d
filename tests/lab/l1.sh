# shellcheck shell=bash disable=SC2154 # case, lab, work, barge, kernels and the like: told by the host
# SPDX-License-Identifier: Apache-2.0
# l1.sh: what a case can use in L1. The first thing that goes wrong ends L1 with its reason.
#
#   bind_vfio ADDRESS...          hands PCI devices to vfio-pci
#   unbind_vfio ADDRESS...        takes them back, also from a running barge
#   barge_bind, barge_unbind A... both by barge; what it says goes to $share/out
#   run_guest OPTION...           boots the case's guest in barge: status 0 and "lab: ok" expected
#   run_barge STATUS OPTION...    barge run OPTION...; ends with STATUS, and nothing is left behind
#   start_guest OPTION...         the same two in halves, with await, tell_guest and kill "$pid" between
#   end_barge STATUS
#   said PATTERN, complained TEXT what the last run's console and its complaint must contain
#   as_nobody                     from then on barge runs without any privilege
#   guest_kernel NAME             the next guest's: cloud, generic (more drivers), newest; 4k, 16k, 64k on aarch64
#   kvm_stat NAME                 a counter of /sys/kernel/debug/kvm, of the VM that runs
#   mmio_exits                    how often its guest accessed MMIO that barge answered
#   touch_bar                     how a BAR of several GiB is mapped once the guest has touched it
#   trace EVENT[:FILTER]...       records events of L1's kernel, traced PATTERN counts what it has
#   trace_slots, slots            records memslots from the next guest on, lists those there are
#   note TEXT                     shown in the case's line
#   fail REASON, skip REASON
#
# For run_guest and start_guest: kernel, initrd and words (more words of kernel command line) may be
# set before the call.
set -Eeuo pipefail
trap 'fail "line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND"' ERR
trap 'fail "the case stopped early"' EXIT

share=/run/lab
runs=0
bound=()

# guest_kernel NAME: what the next guest boots. An uncompressed kernel is up sooner, where there is one.
guest_kernel() {
	local name=$1
	case $arch:$1 in
	aarch64:cloud | aarch64:generic) name=4k ;;
	aarch64:newest) name=64k ;;
	esac
	[ -n "${kernels[$name]-}" ] || fail "there is no kernel $name for the guest: does the case say guest_kernels=\"$1\"?"
	kernel=${kernels[$name]}/vmlinuz
	[ "$name" != generic ] || kernel=${kernels[$name]}/vmlinux
	initrd=$work/l2-$name.cpio
}
guest_kernel cloud

# verdict LINE: leaves LINE for the host and ends L1 at once.
verdict() {
	trap - EXIT ERR
	printf '%s\n' "${1//$'\n'/ }" >"$share/verdict"
	echo b >/proc/sysrq-trigger
	sleep 1000
}
fail() {
	dmesg >"$share/dmesg" 2>/dev/null || true
	verdict "FAIL $*"
}
skip() { verdict "skip $*"; }

# note WHAT: a number worth showing in the case's line.
note() { notes=$*; }
notes=

# doing WHAT: named by the host if the time runs out.
doing() { printf '%s\n' "$*" >"$share/doing"; }

# L1's heart: the host can tell by it whether L1 or what runs in it hangs.
(trap - ERR EXIT && set +e && while echo >"$share/beat" && sleep 2; do :; done) &

# load MODULE...: into L1's kernel; those that are built here have everything built in
load() { [ -z "$l1_modules" ] || modprobe -a -d "$l1_modules" "$@"; }

bind_vfio() {
	local device
	for address; do
		device=/sys/bus/pci/devices/$address
		[ ! -e "$device/driver" ] || echo "$address" >"$device/driver/unbind"
		echo vfio-pci >"$device/driver_override"
		echo "$address" >/sys/bus/pci/drivers_probe
		[ "$(driver_of "$address")" = vfio-pci ] || fail "$address cannot be bound to vfio-pci"
	done
	bound+=("$@")
}

barge_bind() {
	"$barge" bind "$@" >"$share/out" 2>&1 || fail "bind $*: $(cat "$share/out")"
	for address; do
		[ "$(driver_of "$address")" = vfio-pci ] || fail "bind left $address on $(driver_of "$address")"
	done
	bound+=("$@")
}

barge_unbind() {
	"$barge" unbind "$@" >"$share/out" 2>&1 || fail "unbind $*: $(cat "$share/out")"
	forget_bound "$@"
}

unbind_vfio() {
	for address; do
		doing "unbinding $address"
		echo "$address" >/sys/bus/pci/drivers/vfio-pci/unbind
		[ ! -e "/sys/bus/pci/devices/$address/driver" ] || fail "$address is still bound"
		forget_bound "$address"
	done
}

# forget_bound ADDRESS...: nothing_left looks for them no more
forget_bound() {
	local device kept=()
	for address; do
		for device in "${bound[@]}"; do
			[ "$device" = "$address" ] || kept+=("$device")
		done
		bound=("${kept[@]}") kept=()
	done
}

driver_of() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }
group_of() { basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")"; }

# as_nobody: from now on barge runs without any privilege.
runner=()
as_nobody() { runner=(setpriv --reuid=nobody --regid=nogroup --clear-groups); }

start_barge() {
	runs=$((runs + 1))
	console=$share/barge-$runs.console
	complaint=$share/barge-$runs.stderr
	doing "run $runs: barge run $*"
	terminal=$(stty -a <"/dev/$tty")
	setsid ${runner[@]+"${runner[@]}"} "$barge" run "$@" <"${stdin:-/dev/$tty}" >"$console" 2>"$complaint" &
	pid=$!
}

end_barge() {
	local status=0
	wait "$pid" || status=$?
	[ "$status" = "$1" ] || fail "barge's status is $status, not $1, after run $runs$(last_words)"
	nothing_left
}

last_words() {
	[ ! -s "$complaint" ] || printf '; it said: %s' "$(tail -n 1 "$complaint")"
	[ ! -s "$console" ] || printf '; the guest said: %s' "$(tail -n 1 "$console" | tr -d '\r')"
}

# nothing_left: no process, no VM, the terminal as before, and the devices free for the next run.
nothing_left() {
	local address
	! pgrep -s "$pid" >/dev/null || fail "run $runs left processes behind: $(pgrep -l -s "$pid" | tr '\n' ' ')"
	[ -z "$(find /sys/kernel/debug/kvm -mindepth 1 -type d 2>/dev/null)" ] || fail "run $runs left a VM behind"
	[ "$(stty -a <"/dev/$tty")" = "$terminal" ] || fail "run $runs left the terminal changed: $(stty -a <"/dev/$tty")"
	for address in "${bound[@]}"; do
		[ "$(driver_of "$address")" = vfio-pci ] || fail "run $runs left $address on another driver"
		: 2>/dev/null <>"/dev/vfio/$(group_of "$address")" || fail "run $runs left the group of $address in use"
	done
}

run_barge() {
	local status=$1
	shift
	start_barge "$@"
	end_barge "$status"
}

start_guest() {
	guest_options
	start_barge "${guest_options[@]}" "$@"
}

# TCG does not tell L1's KVM what the guest writes to XCR0, whoever runs it: CPUID then contradicts what the
# guest's kernel has found out about XSAVE, and the newest does not survive that.
guest_options() {
	local more=${words:+ $words}
	[ "$arch:${kernel%/*}" != "x86_64:$newest" ] || more+=" noxsave"
	guest_options=(--kernel "$kernel" --initrd "$initrd" --memory 256M --cmdline "console=ttyS0 quiet lab=$case$more")
}

run_guest() {
	start_guest "$@"
	end_barge 0
	said '^lab: ok'
}

said() {
	grep -qE "$1" "$console" || fail "the guest never said '$1' in run $runs$(last_words)"
}

# complained TEXT...: one sentence of barge's, holding each TEXT.
complained() {
	local text
	{ [ "$(wc -l <"$complaint")" = 1 ] && grep -q '^barge: ' "$complaint"; } ||
		fail "run $runs: not one sentence beginning 'barge: ': $(cat "$complaint")"
	for text; do
		grep -qF -- "$text" "$complaint" || fail "run $runs: '$text' is not named in: $(cat "$complaint")"
	done
}

# await PATTERN: until the guest says it.
await() {
	doing "run $runs: waiting for the guest to say '$1'"
	until grep -qE "$1" "$console"; do
		kill -0 "$pid" 2>/dev/null || fail "barge ended before the guest said '$1'$(last_words)"
		sleep 0.1
	done
}

# keyboard: the next guests' console input is a pipe, into which tell_guest types a line.
keyboard() {
	stdin=$TMPDIR/keyboard
	[ -p "$stdin" ] || mkfifo "$stdin"
	exec 7<>"$stdin"
}
tell_guest() { printf '%s\n' "$*" >&7; }

# touch_bar: a guest whose function is touch_guest; huge is then how many entries of 1 GiB it has. None is
# of its RAM, which is smaller than that.
touch_bar() {
	bind_vfio 0000:00:04.0
	keyboard
	start_guest --vfio 0000:00:04.0
	await 'lab: touched'
	huge=$(kvm_stat pages_1g)
	note "$huge of 1 GiB, $(kvm_stat pages_2m) of 2 MiB, $(kvm_stat pages_4k) of 4 KiB, with RAM's"
	huge_is_wanted || fail "barge did not ask for large pages (MADV_HUGEPAGE) where it mapped the BAR"
	tell_guest go
	end_barge 0
	said '^lab: ok'
}

# huge_is_wanted: MADV_HUGEPAGE (hg) is set on all mappings of a GiB and more of the device's file. Linux 7.2
# maps BARs by large pages without it, older ones do not.
huge_is_wanted() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { bar = /vfio/; next }
		$1 == "Size:" && $2 < 1048576 { bar = 0 }
		$1 == "VmFlags:" && bar { if (/ hg/) good = 1; else bad = 1 }
		END { exit bad || !good }' "/proc/$pid/smaps"
}

kvm_stat() { cat /sys/kernel/debug/kvm/*-*/"$1"; }
mmio_exits() { kvm_stat "$(if [ "$arch" = x86_64 ]; then echo mmio_exits; else echo mmio_exit_user; fi)"; }

# --- What L1's kernel does. The ioctls, of which kind whatever the monitor:
tracing=/sys/kernel/debug/tracing
# shellcheck disable=SC2034 # used by the cases
{
	slot_ioctls='cmd: (0x)?(4020ae46|40a0ae49)' # KVM_SET_USER_MEMORY_REGION and ..._REGION2
	map_ioctls='cmd: (0x)?(3b71|3b85|3b8f)' # VFIO_IOMMU_MAP_DMA, IOMMU_IOAS_MAP, IOMMU_IOAS_MAP_FILE
	unmap_ioctls='cmd: (0x)?(3b72|3b86)' # VFIO_IOMMU_UNMAP_DMA, IOMMU_IOAS_UNMAP
}

# trace EVENT[:FILTER]...: forgets what was traced and traces these, GROUP/NAME as in events of tracefs.
trace() {
	local event
	echo 16384 >$tracing/buffer_size_kb
	echo 0 >$tracing/events/enable
	echo >$tracing/trace
	for event; do
		[ -d "$tracing/events/${event%%:*}" ] || fail "L1's kernel has no event ${event%%:*}"
		case $event in *:*) echo "${event#*:}" >"$tracing/events/${event%%:*}/filter" ;; esac
		echo 1 >"$tracing/events/${event%%:*}/enable"
	done
}
trace_ioctls() {
	local filter='' cmd
	for cmd in 4020ae46 40a0ae49 3b71 3b72 3b85 3b86 3b8f; do filter+="${filter:+ || }cmd == 0x$cmd"; done
	trace "syscalls/sys_enter_ioctl:$filter" iommu/map iommu/unmap
}

# trace_slots: the next guest's memslots; slots prints those that there are, NUMBER ADDRESS SIZE each. What the
# ioctl is given is a struct kvm_userspace_memory_region, or one that begins in the same way (kvm-api 4.35); cmd
# and its address are where the architecture's struct pt_regs has them.
trace_slots() {
	local function=__x64_sys_ioctl cmd='+104(%di)' arg='+96(%di)'
	[ "$arch" = x86_64 ] || { function=__arm64_sys_ioctl cmd='+8(%x0)' arg='+16(%x0)'; }
	echo "p:lab/slot $function cmd=$cmd:x32 id=+u0($arg):u32 gpa=+u8($arg):x64 size=+u16($arg):u64" >$tracing/kprobe_events
	trace 'lab/slot:cmd == 0x4020ae46 || cmd == 0x40a0ae49'
}
slots() {
	sed -n 's/.*slot:.* id=\([0-9]*\) gpa=\(0x[0-9a-f]*\) size=\([0-9]*\).*/\1 \2 \3/p' $tracing/trace |
		awk '{ if ($3 == 0) delete at[$1]; else at[$1] = $0 } END { for (id in at) print at[id] }'
}

# traced PATTERN: how many lines of the trace match it.
traced() { grep -cE "$1" $tracing/trace || true; }

doing "starting"

case_main() {
	# shellcheck source=/dev/null
	. "$lab/cases/$case"
	l1
	verdict "ok${notes:+ $notes}"
}
