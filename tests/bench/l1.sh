# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # share, kernel, barge and the like: of the lab's l1.sh and the host
# l1.sh: what bench runs in L1, after the lab's own l1.sh. Each figure leaves lines "FIGURE PEER VALUE"
# in $share/samples; a peer that does not do its part is left out from then on, with its reason in
# $share/notes.

samples=$share/samples
console=$TMPDIR/console
complaint=$TMPDIR/complaint
nvme_at=0000:00:04.0 # what is passed through
guest_memory=256      # MiB
guest_cpus=1

sample() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$samples"; }

# leave_out FIGURE PEER WHY
declare -A out=()
leave_out() {
	out[$1/$2]=1
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$share/notes"
}

# stopped FIGURE PEER WHY: its guest did not come to its end. The emulated SVM loses a guest once in some twenty that
# are busy with interrupts, whoever runs it (a triple fault, an exit that comes for ever): that is told, and only the
# fourth time the peer is left out.
declare -A losses=()
stopped() {
	losses[$1/$2]=$((${losses[$1/$2]-0} + 1))
	cp "$console" "$share/console-$1-$2-${losses[$1/$2]}"
	cp "$complaint" "$share/complaint-$1-$2-${losses[$1/$2]}"
	sample "$1-lost" "$2" "$3"
	[ "${losses[$1/$2]}" -lt 4 ] || leave_out "$1" "$2" "its guest stopped ${losses[$1/$2]} times: $3"
}

# until_measured FIGURE PEER COMMAND...: once more until it has a sample, or is left out. One round's samples of all peers
# are made side by side, so a round has one of each.
until_measured() {
	until [ -n "${out[$1/$2]-}" ] || "${@:3}"; do :; done
}

# peer_end PEER: how its guest ends.
peer_end() {
	case $1 in
	barge-reboot | kvmtool) echo reboot ;; # kvmtool has no power-off: its guest would hang
	*) echo poweroff ;;
	esac
}

# peer_status PEER: the exit status of a run that went well.
peer_status() { if [ "$1" = barge-reboot ]; then echo 5; else echo 0; fi; }

# peer_command PEER WORDS [vfio]: sets command to what boots $kernel and $initrd in PEER.
peer_command() {
	local peer=$1 words="console=ttyS0 quiet $2" passed=${3-}
	case $peer in
	barge*)
		command=("$barge" run --kernel "$kernel" --initrd "$initrd" --memory "${guest_memory}M" --cpus "$guest_cpus"
			--cmdline "$words")
		[ -z "$passed" ] || command+=(--vfio "$nvme_at")
		;;
	kvmtool)
		[ "$arch" != x86_64 ] || words="console=ttyS0 noapic noacpi pci=conf1 reboot=k panic=1 i8042.direct=1 i8042.dumbkbd=1 i8042.nopnp=1 i8042.noaux=1 quiet $2"
		command=("$kvmtool" run -k "$kernel" -i "$initrd" -c "$guest_cpus" -m "$guest_memory" --console serial -n mode=none --nodefaults -p "$words")
		;;
	qemu-*)
		command=("$qemu" -M "${peer#qemu-}" -accel kvm -cpu host -m "$guest_memory" -smp "$guest_cpus" -nodefaults -no-user-config -display none
			-serial stdio -no-reboot -kernel "$kernel" -initrd "$initrd" -append "$words panic=-1")
		[ -z "$passed" ] || command+=(-device "vfio-pci,host=$nvme_at")
		;;
	esac
}

# wait_console PATTERN [SECONDS]: until the guest says it, for at most a minute; or until the process $pid is gone.
wait_console() {
	local end=$((SECONDS + ${2-60}))
	until grep -qaE "$1" "$console"; do
		kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

last_line() { tail -n 1 "$1" | tr -d '\r' | tr '\t' ' '; }

# boot_once FIGURE PEER [vfio]: one run, from exec to the process's end.
boot_once() {
	local figure=$1 peer=$2 pid watcher watchdog ended start end status=0 command words
	words="end=$(peer_end "$2")"
	doing "$figure: $peer"
	case $figure in nvme) words+=" disk=1" ;; esac
	peer_command "$peer" "$words" "${3-}"
	rm -f "$TMPDIR/up"
	watch_console <"$TMPDIR/out" &
	watcher=$!
	sleep 100 &
	watchdog=$!
	exec 6>"$TMPDIR/out"
	start=$EPOCHREALTIME
	"${command[@]}" </dev/null >&6 2>"$complaint" 6>&- &
	pid=$!
	wait -n -p ended $pid $watchdog || status=$?
	end=$EPOCHREALTIME
	[ "$ended" = $pid ] || status="unknown, not ended after 100 s"
	exec 6>&-
	kill -9 $pid $watchdog 2>/dev/null || true
	wait $watcher $pid $watchdog 2>/dev/null || true
	if [ "$status" != "$(peer_status "$peer")" ] || [ ! -s "$TMPDIR/up" ]; then
		cp "$console" "$share/console-$figure-$peer"
		leave_out "$figure" "$peer" "it ended with status $status: $(last_line "$complaint") $(last_line "$console")"
	elif [ -z "$warm" ]; then
		sample "$figure" "$peer" "$(seconds "$start" "$end")"
		sample "$figure-up" "$peer" "$(seconds "$start" "$(cat "$TMPDIR/up")")"
	fi
}

watch_console() {
	local line
	while read -r line; do
		printf '%s\n' "$line"
		case $line in *"bench: up"*) echo "$EPOCHREALTIME" >"$TMPDIR/up" ;; esac
	done >"$console"
}

seconds() { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.4f", to - from }'; }

# rounds FIGURE:PEER[:vfio]...: all once to warm up, then $times times all of them in turn.
rounds() {
	local round run figure peer passed warm=1
	for ((round = 0; round <= times; round++)); do
		for run; do
			IFS=: read -r figure peer passed <<<"$run"
			[ -n "${out[$figure/$peer]-}" ] || boot_once "$figure" "$peer" "${passed-}"
		done
		warm=
	done
}

# --- the figures: bench ----------------------------------------------------------------------------------

# in_turn ROUND PEER...: those of them that are here, the last one first in every second round: who comes first may
# have an advantage
in_turn() {
	local peers
	mapfile -t peers < <(present "${@:2}")
	if [ $(($1 % 2)) = 1 ]; then printf '%s\n' "${peers[@]}" | tac; else printf '%s\n' "${peers[@]}"; fi
}

# present PEER...: those of them that are here
present() {
	local peer
	for peer; do
		case $peer in
		barge*) echo "$peer" ;;
		kvmtool) [ -z "$kvmtool" ] || echo "$peer" ;;
		qemu-*) [ -z "$qemu" ] || echo "$peer" ;;
		esac
	done
}

boot() {
	local runs
	mapfile -t runs <<<"$(present barge kvmtool qemu-microvm qemu-q35 barge-reboot)"
	rounds "${runs[@]/#/boot:}"
}

boot-aarch64() {
	local runs
	mapfile -t runs <<<"$(present barge kvmtool)"
	rounds "${runs[@]/#/boot-aarch64:}"
}

# With the drive, and barge without it for the difference.
nvme() {
	local runs
	bind_vfio "$nvme_at"
	mapfile -t runs <<<"$(present barge qemu-q35)"
	runs=("${runs[@]/#/nvme:}")
	rounds "${runs[@]/%/:vfio}" nvme-without:barge
}

# memory_of PID: prints "FILE ANONYMOUS" in KiB, without the guest's RAM: mappings of 256 MiB and more.
memory_of() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { size = rss = anonymous = 0 }
		/^Size:/ { size = $2 } /^Rss:/ { rss = $2 }
		/^Anonymous:/ && size < 262144 { file += rss - $2; anon += $2 }
		END { print file + 0, anon + 0 }' "/proc/$1/smaps"
}

memory() {
	local peer file anonymous command pid round
	for ((round = 0; round < 3; round++)); do
		for peer in $(present barge kvmtool qemu-microvm qemu-q35); do
			[ -z "${out[memory/$peer]-}" ] || continue
			doing "memory: $peer"
			peer_command "$peer" end=wait
			"${command[@]}" </dev/null >"$console" 2>"$complaint" &
			pid=$!
			if wait_console 'bench: up'; then
				read -r file anonymous <<<"$(memory_of $pid)"
				sample memory "$peer" $((file + anonymous))
				sample memory-file "$peer" "$file"
				sample memory-anonymous "$peer" "$anonymous"
			else
				leave_out memory "$peer" "its guest did not come up: $(last_line "$complaint")"
			fi
			kill -9 $pid
			wait $pid 2>/dev/null || true
		done
	done
}

mmio_exits() { cat /sys/kernel/debug/kvm/*-*/mmio_exits; }

# The lab's case nvme-doorbell, whoever runs its guest: MMIO exits over 1,000 reads.
doorbell() {
	local peer before command pid initrd=$work/l2-cloud.cpio
	[ "${bound[*]}" = "$nvme_at" ] || bind_vfio "$nvme_at"
	exec 7<>"$TMPDIR/keys"
	for peer in $(present barge qemu-q35); do
		doing "doorbell: $peer"
		peer_command "$peer" lab=nvme-doorbell vfio
		"${command[@]}" <"$TMPDIR/keys" >"$console" 2>"$complaint" &
		pid=$!
		if wait_console 'lab: ready' && before=$(mmio_exits) && echo go >&7 && wait_console 'lab: done'; then
			sample doorbell "$peer" $(($(mmio_exits) - before))
			echo go >&7
			wait_console 'lab: ok' || leave_out doorbell "$peer" "its guest did not read a thousand times"
		else
			leave_out doorbell "$peer" "its guest stopped: $(last_line "$console") $(last_line "$complaint")"
			kill -9 $pid 2>/dev/null || true
		fi
		wait $pid || true
	done
}

# --- the figures: bench-vfio ------------------------------------------------------------------------

# A BAR of 64 GiB: to init with it and without it, then its mappings.
huge() {
	local run runs=() peer
	bind_vfio "$nvme_at"
	for peer in $(present barge qemu-q35); do runs+=("huge:$peer:vfio" "huge-without:$peer"); done
	rounds "${runs[@]}"
	for peer in $(present barge qemu-q35); do huge_entries "$peer"; done
}

# bar_start: where the BAR of 64 GiB is in L1.
bar_start() { awk '{ from = $1 } length($2) > 11 { print substr(from, 3); exit }' "/sys/bus/pci/devices/$nvme_at/resource"; }

# huge_entries PEER: what the BAR costs until the guest's init, and how it is mapped once it is touched.
huge_entries() {
	local peer=$1 command pid
	doing "huge-entries: $peer"
	peer_command "$peer" "end=wait touch=64" vfio
	trace_ioctls
	"${command[@]}" </dev/null >"$console" 2>"$complaint" &
	pid=$!
	if wait_console 'bench: up'; then
		cp "$tracing/trace" "$share/trace-$peer"
		sample huge-maps "$peer" "$(traced " map: .*paddr=0x$(bar_start) ")"
		sample huge-unmaps "$peer" "$(awk '/ unmap: / && match($0, /unmapped_size=[0-9]+/) &&
			substr($0, RSTART + 14, RLENGTH - 14) + 0 >= 2 ^ 30 { n++ } END { print n + 0 }' "$tracing/trace")"
		wait_console 'bench: touched 64' && sample huge-entries "$peer" "$(kvm_stat pages_1g)"
	else
		leave_out huge-entries "$peer" "its guest did not come up: $(last_line "$complaint")"
	fi
	kill -9 $pid
	wait $pid 2>/dev/null || true
}

# 4 KiB reads a second: of the guest in each peer, and of L1 itself.
rate() {
	local peer round guest_cpus=2
	for ((round = 0; round < times; round++)); do
		rate_here
		bind_vfio "$nvme_at"
		for peer in $(present barge qemu-q35); do rate_guest "$peer"; done
	done
}

rate_here() {
	local node
	doing "rate: L1"
	echo >"/sys/bus/pci/devices/$nvme_at/driver_override"
	echo "$nvme_at" >"/sys/bus/pci/devices/$nvme_at/driver/unbind" || true
	echo "$nvme_at" >/sys/bus/pci/drivers_probe
	until node=$(ls -d "/sys/bus/pci/devices/$nvme_at"/nvme/nvme*/nvme*n1 2>/dev/null); do sleep 0.1; done
	until [ -b "/dev/${node##*/}" ]; do sleep 0.1; done
	sample rate L1 "$("$reader" "/dev/${node##*/}" 4 5)"
}

rate_guest() {
	local peer=$1 command pid value
	doing "rate: $peer"
	peer_command "$peer" "end=poweroff disk=1 rate=5" vfio
	"${command[@]}" </dev/null >"$console" 2>"$complaint" &
	pid=$!
	if wait_console 'bench: reads a second'; then
		value=$(sed -n 's/.*bench: reads a second: \([0-9.]*\).*/\1/p' "$console")
		sample rate "$peer" "$value"
	else
		leave_out rate "$peer" "its guest stopped: $(last_line "$console") $(last_line "$complaint")"
		kill -9 $pid 2>/dev/null || true
	fi
	wait $pid || true
}

# --- the figures: bench-disk ------------------------------------------------------------------------

# disk_command PEER WORDS: sets command to what boots $kernel with $image as its virtio disk, and without an
# initrd if $initrd is empty.
disk_command() {
	local peer=$1 words="console=ttyS0 quiet noxsave $2" drive="file=$image,format=raw,if=none,id=disk,cache=none,aio=io_uring"
	local ram=(${initrd:+--initrd "$initrd"})
	local plain="noapic noacpi pci=conf1 reboot=k panic=1 i8042.direct=1 i8042.dumbkbd=1 i8042.nopnp=1 i8042.noaux=1"
	case $peer in
	barge)
		command=("$barge" run --kernel "$kernel" "${ram[@]}" --memory "${guest_memory}M" --cpus "$guest_cpus"
			--disk "$image,direct=yes" --cmdline "$words")
		;;
	kvmtool)
		command=("$kvmtool" run -k "$kernel" ${initrd:+-i "$initrd"} -c "$guest_cpus" -m "$guest_memory" --console serial
			-n mode=none --nodefaults -d "$image,direct" -p "$plain $words")
		;;
	qemu-*)
		command=("$qemu" -M q35 -accel kvm -cpu host -m "$guest_memory" -smp "$guest_cpus" -nodefaults -no-user-config
			-display none -serial stdio -no-reboot -kernel "$kernel" ${initrd:+-initrd "$initrd"} -append "$words panic=-1"
			-name "bench,debug-threads=on" -drive "$drive")
		case $peer in
		*iothread) command+=(-object "iothread,id=io" -device "virtio-blk-pci,drive=disk,iothread=io") ;;
		*) command+=(-device "virtio-blk-pci,drive=disk") ;;
		esac
		;;
	esac
}

# place PID: its vCPU has a CPU of L1 to itself, the rest of it, with the kernel's vhost threads, the other: where L1's
# scheduler puts them differs from run to run, and more than what is measured.
place() {
	local task cpu
	for task in "/proc/$1/task"/* $(grep -lsx "vhost-$1" /proc/[0-9]*/comm | sed 's|/comm||' || true); do
		case $(cat "$task/comm") in vcpu-* | CPU*KVM) cpu=1 ;; *) cpu=0 ;; esac
		taskset -pc $cpu "${task##*/}" >/dev/null
	done
}

# disk_rate FIGURE PEER WORDS: reads a second, exits and interrupts for each.
disk_rate() {
	local figure=$1 peer=$2 command pid before after line
	doing "$figure: $peer"
	disk_command "$peer" "end=poweroff $3"
	"${command[@]}" </dev/null >"$console" 2>"$complaint" &
	pid=$!
	if wait_console 'bench: up' 20 && place $pid && wait_console 'bench: reading' 20 && before=$(kvm_stat exits) && wait_console 'bench: rate' 25; then
		after=$(kvm_stat exits)
		line=$(tr -d '\r' <"$console" | sed -n 's/.*bench: rate //p')
		sample "$figure" "$peer" "${line%% *}"
		sample "$figure-interrupts" "$peer" "$(awk -v r="${line%% *}" -v i="${line##* }" 'BEGIN { print i / (r * 8) }')"
		sample "$figure-exits" "$peer" "$(awk -v r="${line%% *}" -v n=$((after - before)) 'BEGIN { print n / (r * 8) }')"
		wait $pid || true
		return
	fi
	kill -9 $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
	stopped "$figure" "$peer" "$(last_line "$console") $(last_line "$complaint")"
	return 1
}

# disk_rates IMAGE: all that reads, each round all peers.
disk_rates() {
	local image=$1 name=$2 peer round guest_cpus=1 kernel=$newest/vmlinuz
	[ -e "$kernel" ] || kernel=$newest/vmlinux
	for ((round = 0; round < times; round++)); do
		for peer in $(in_turn $round barge qemu-q35 qemu-q35-iothread); do
			until_measured "$name-random" "$peer" disk_rate "$name-random" "$peer" "vda=16"
			until_measured "$name-single" "$peer" disk_rate "$name-single" "$peer" "vda=1"
			until_measured "$name-sequential" "$peer" disk_rate "$name-sequential" "$peer" "vda=2 how=sequential"
		done
	done
}

disk-memory() {
	load brd
	disk_rates /dev/ram0 memory
}

disk-drive() {
	load nvme
	until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
	disk_rates /dev/nvme0n1 drive
}

# --- the figures: bench-net -------------------------------------------------------------------------

# net_command PEER WORDS: sets command to what boots $kernel with a card at the tap bench0.
net_command() {
	local words="console=ttyS0 quiet noxsave $2"
	case $1 in
	barge)
		command=("$barge" run --kernel "$kernel" --initrd "$initrd" --memory "${guest_memory}M" --cpus "$guest_cpus"
			--net "tap:bench0,vhost=on" --cmdline "$words")
		;;
	qemu-*)
		command=("$qemu" -M q35 -accel kvm -cpu host -m "$guest_memory" -smp "$guest_cpus" -nodefaults -no-user-config
			-display none -serial stdio -no-reboot -kernel "$kernel" -initrd "$initrd" -append "$words panic=-1"
			-name "bench,debug-threads=on"
			-netdev "tap,id=net,ifname=bench0,script=no,downscript=no,vhost=on" -device "virtio-net-pci,netdev=net,romfile=")
		;;
	esac
}

# net_rate PEER out|in
net_rate() {
	local peer=$1 way=$2 command pid value=''
	doing "net-$way: $peer"
	rm -f "$TMPDIR/taken"
	net_command "$peer" "end=poweroff net=$way"
	"${command[@]}" </dev/null >"$console" 2>"$complaint" &
	pid=$!
	until [ -e /sys/class/net/bench0 ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
	busybox ip addr add 10.9.0.1/24 dev bench0
	busybox ip link set bench0 up
	if ! wait_console 'bench: net' || ! place $pid; then
		doing "net-$way: $peer does not come up"
	elif [ "$way" = out ]; then
		timeout 30 taskset -c 0 "$stream" take 5001 >"$TMPDIR/taken" || true
		value=$(cat "$TMPDIR/taken")
	else
		timeout 30 taskset -c 0 "$stream" give 10.9.0.2 5001 6 || true
		! wait_console 'bench: rate' || value=$(tr -d '\r' <"$console" | sed -n 's/.*bench: rate //p')
	fi
	if [ -n "$value" ]; then
		sample "net-$way" "$peer" "$value"
		wait $pid || true
		return
	fi
	kill -9 $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
	stopped "net-$way" "$peer" "$(last_line "$console") $(last_line "$complaint")"
	return 1
}

net() {
	local peer round way guest_cpus=1 kernel=$newest/vmlinuz
	[ -e "$kernel" ] || kernel=$newest/vmlinux
	load tun vhost_net
	busybox ip link set lo up
	for ((round = 0; round < times; round++)); do
		for peer in $(in_turn $round barge qemu-q35); do
			for way in out in; do
				until_measured "net-$way" "$peer" net_rate "$peer" "$way"
			done
		done
	done
}

# From exec to init on a root file system, which is no initramfs.
disk-root() {
	local peer round command pid start image=/dev/ram0 initrd='' kernel=$newest/vmlinuz
	[ -e "$kernel" ] || kernel=$newest/vmlinux
	load brd
	dd if="$work/bench-root.img" of="$image" bs=1M status=none
	for ((round = 0; round <= times; round++)); do
		for peer in $(present barge kvmtool qemu-q35); do
			[ -z "${out[root/$peer]-}" ] || continue
			doing "root: $peer"
			disk_command "$peer" "root=/dev/vda ro init=/init end=wait"
			: >"$console"
			start=$EPOCHREALTIME
			"${command[@]}" </dev/null >"$console" 2>"$complaint" &
			pid=$!
			if wait_up; then
				[ $round = 0 ] || sample root "$peer" "$(seconds "$start" "$EPOCHREALTIME")"
			else
				cp "$console" "$share/console-root-$peer"
				leave_out root "$peer" "its guest did not come up: $(last_line "$console") $(last_line "$complaint")"
			fi
			kill -9 $pid
			wait $pid 2>/dev/null || true
		done
	done
}

# wait_up: as wait_console, but looks without pause.
wait_up() {
	local end=$((SECONDS + 60)) text
	while [ $SECONDS -lt $end ]; do
		text=$(<"$console")
		case $text in *"bench: up"*) return ;; esac
		read -rt 0.02 <>"$TMPDIR/keys" || true
	done
	return 1
}

# From exec to the first KVM_RUN, with a device and 4 GiB, all of which must be pinned for it.
entry() {
	local peer round ms command guest_memory=4096
	[ "${bound[*]}" = "$nvme_at" ] || bind_vfio "$nvme_at"
	for ((round = 0; round <= times; round++)); do
		for peer in $(present barge qemu-q35); do
			doing "entry: $peer"
			peer_command "$peer" end=wait vfio
			[ "$peer" != barge ] || command+=(--verbose)
			if ms=$("$first_run" "${command[@]}" </dev/null 2>"$complaint" | grep -E '^[0-9.]+$' | tail -n 1); then
				[ $round = 0 ] || sample entry "$peer" "$ms"
			else
				leave_out entry "$peer" "it never came to KVM_RUN: $(last_line "$complaint")"
			fi
			[ "$peer" != barge ] || cp "$complaint" "$share/entry-steps"
		done
	done
}

bench_main() {
	local figure
	initrd=$work/bench.cpio
	[ "$arch" = x86_64 ] || initrd=$work/bench-$arch.cpio
	mkfifo "$TMPDIR/out" "$TMPDIR/keys"
	: >"$samples"
	for figure in $figures; do
		"$figure"
	done
	verdict ok
}
