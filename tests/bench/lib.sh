# shellcheck shell=bash disable=SC2154 # logs, bench: of those who source this
# SPDX-License-Identifier: Apache-2.0
# lib.sh: samples, tables, goals and the lab's machine, for run and vfio. $logs is where samples lie.

met=0 missed=0 doubt=0 broken=0

# peer_path NAME GIVEN PROGRAM: the absolute path of a rival; nothing if it is not here.
peer_path() {
	if [ -n "$2" ]; then
		[ -x "$2" ] || die "$1=$2 is no program"
		realpath -s -- "$2"
	else
		command -v "$3" || true
	fi
}

version_of() { "$@" 2>/dev/null | head -n 1 || true; }
release() { basename "$(readlink -f "$1")"; }

# --- Samples --------------------------------------------------------------------------------------

sample() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$logs/all"; }
note() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$logs/notes"; }

# spread: prints "MEDIAN MIN MAX COUNT" of the numbers it reads, nothing if there are none.
spread() {
	sort -g | awk '{ v[NR] = $1 }
		END { if (NR) print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[1], v[NR], NR }'
}

values() { awk -F '\t' -v f="$1" -v p="$2" '$1 == f && $2 == p { print $3 }' "$logs/all"; }
stats() { values "$1" "$2" | spread; }
median() { stats "$1" "$2" | cut -d ' ' -f 1; }

# paired OPERATION FIGURE PEER FIGURE PEER: the spread of ratios or differences, round by round: what
# else this machine does meanwhile is then on both sides.
paired() {
	local operation=$1
	shift
	paste <(values "$1" "$2") <(values "$3" "$4") | awk -F '\t' -v op="$operation" '$1 == "" || $2 == "" { next }
		op == "difference" { print $1 - $2; next }
		$2 > 0 { print $1 / $2 }' | spread
}

label() {
	case $1 in
	barge-reboot) echo "barge, by reboot" ;;
	qemu) echo QEMU ;;
	qemu-*) echo "QEMU ${1#qemu-}" ;;
	*) echo "$1" ;;
	esac
}

# table FIGURE DIGITS UNIT PEER...: a line each, and why a peer is missing.
table() {
	local figure=$1 value="%10.$2f" unit=$3 peer stats why lost
	shift 3
	printf '  %-18s %10s %10s %10s %5s %12s\n' "" "median $unit" min max runs "x barge's"
	for peer; do
		stats=$(stats "$figure" "$peer")
		why=$(awk -F '\t' -v f="$figure" -v p="$peer" '$1 == f && $2 == p { print $3; exit }' "$logs/notes")
		lost=$(values "$figure-lost" "$peer" | wc -l)
		if [ -n "$stats" ]; then
			echo "$stats $(paired ratio "$figure" "$peer" "$figure" barge)" |
				awk -v label="$(label "$peer")" -v value="$value" '{
					ratio = NF > 4 ? sprintf("%.2f", $5) : "-"
					printf "  %-18s " value " " value " " value " %5d %12s\n", label, $1, $2, $3, $4, ratio }'
			[ "$lost" = 0 ] || printf '  %-18s its guest stopped in %s more: %s\n' "" "$lost" "$(values "$figure-lost" "$peer" | tail -n 1)"
		else
			printf '  %-18s left out: %s\n' "$(label "$peer")" "${why:-not measured}"
		fi
	done
}

# goal WHAT VALUE LIMIT [REMARK [BEST]]: whether VALUE, a median, is at most LIMIT; in doubt if only BEST of the rounds is.
goal() {
	if [ -z "$2" ] || [ -z "$3" ]; then
		printf '  goal not judged: %s: not measured\n' "$1"
	elif awk -v v="$2" -v l="$3" 'BEGIN { exit !(v <= l) }'; then
		met=$((met + 1))
		printf '  goal met: %s%s\n' "$1" "${4:+ ($4)}"
	elif awk -v v="${5:-none}" -v l="$3" 'BEGIN { exit !(v != "none" && v + 0 <= l) }'; then
		doubt=$((doubt + 1))
		printf '  goal in doubt, rounds differ by more: %s%s\n' "$1" "${4:+ ($4)}"
	else
		missed=$((missed + 1))
		printf '  goal missed: %s%s\n' "$1" "${4:+ ($4)}"
	fi
}

broke() {
	broken=$((broken + 1))
	printf '  broken: %s\n' "$1"
}

head_line() { printf '\n%s\n' "$1"; }

fresh_samples() {
	rm -rf "$logs" && mkdir -p "$logs"
	: >"$logs/all"
	: >"$logs/notes"
}

# run_l1 FIGURES LIMIT: these figures in one L1, within LIMIT seconds; true if it came to its end. On a busy
# machine L1's timers may fail it: then all begins anew.
run_l1() {
	# shellcheck disable=SC2034 # of become_l1, and told to L1
	local limit=$2 figures=$1 case=nvme-doorbell status try l1 pulse
	tell case bench kvmtool qemu times figures
	for try in 1 2 3; do
		rm -f "$logs"/{samples,doing,verdict,beat}
		status=0
		(become_l1 "$logs" ". $(printf %q "$bench/l1.sh"); bench_main" -serial "file:$logs/l1.console") \
			>"$logs/qemu.log" 2>&1 </dev/null &
		l1=$!
		feel_pulse $l1 >/dev/null 2>&1 &
		pulse=$!
		wait $l1 || status=$?
		kill $pulse 2>/dev/null || true
		if [ -e "$logs/doing" ] && [ -s "$logs/verdict" ]; then break; fi
		echo "  the lab's machine stopped without a word, attempt $try"
	done
	[ ! -s "$logs/samples" ] || cat "$logs/samples" >>"$logs/all"
	[ "$(cat "$logs/verdict" 2>/dev/null)" = ok ] && return
	broke "the lab's machine stopped (status $status) in $(cat "$logs/doing" 2>/dev/null || echo its boot): $(cat "$logs/verdict" 2>/dev/null)"
}

closing_line() {
	printf '\nLoad at the end: %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	printf '%s goals met, %s missed' $met $missed
	[ $doubt = 0 ] || printf ', %s in doubt' $doubt
	[ $broken = 0 ] || printf ', %s broken' $broken
	echo
	[ $broken = 0 ]
}
