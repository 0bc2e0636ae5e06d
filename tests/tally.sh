# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the runners: run steps one after the other and add up what they
# say. A step closes with `N passed, N failed[, N skipped]`; one that does not
# counts as one, by its exit status.

tally_passed=0
tally_failed=0
tally_skipped=0
tally_bad=()
tally_line='^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$'

# tally_step NAME COMMAND...: shows the output as it comes.
tally_step() {
	local name=$1 log status line p f s t0=$SECONDS
	shift
	log=$(mktemp)
	printf '\n== %s\n' "$name"
	"$@" 2>&1 </dev/null | tee "$log"
	status=${PIPESTATUS[0]}
	line=$(grep -E "$tally_line" "$log" | tail -n 1)
	rm -f "$log"
	if [ -n "$line" ]; then
		read -r p _ f _ s _ <<<"$line"
	else
		p=$((status == 0)) f=0 s=0
	fi
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	tally_passed=$((tally_passed + p))
	tally_failed=$((tally_failed + f))
	tally_skipped=$((tally_skipped + ${s:-0}))
	if [ "$f" -ne 0 ]; then
		tally_bad+=("$name")
	fi
	printf '== %s: %s passed, %s failed, %s skipped (%s s, %s s in all)\n' \
		"$name" "$p" "$f" "${s:-0}" "$((SECONDS - t0))" "$SECONDS"
}

# Names of the steps that failed, if any.
tally_show_bad() {
	local name
	echo
	for name in "${tally_bad[@]}"; do
		echo "failed: $name"
	done
}

# The closing line; returns whether all went well.
tally_close() {
	local skipped=
	if [ "$tally_skipped" -ne 0 ]; then
		skipped=", $tally_skipped skipped"
	fi
	echo "$tally_passed passed, $tally_failed failed$skipped"
	[ "$tally_failed" -eq 0 ]
}
