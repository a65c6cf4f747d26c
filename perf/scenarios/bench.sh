#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What Tallywire does in a second, measured and compared. Called by `./run bench`; perf/README.md says
# what each row means.
#
#   bench.sh [--json FILE] [--runs N] [GROUP ...]      all groups unless named
#
# A group is a program perf/<group>_bench or a function bench_<group>; those that compare tallyd with
# something else are in bench_<group>.sh beside this file. Runs that are compared take turns, and
# medians are printed with the spread: machines have moods.
set -euo pipefail
here=$(dirname "$0")
# shellcheck source=tests/lib/rig.sh
. "$here/../../tests/lib/rig.sh"
# shellcheck source=perf/scenarios/bench_replay.sh
. "$here/bench_replay.sh"
# shellcheck source=perf/scenarios/bench_veth.sh
. "$here/bench_veth.sh"
# shellcheck source=perf/scenarios/bench_redis.sh
. "$here/bench_redis.sh"
# shellcheck source=tests/lib/isolation.sh
. "$here/../../tests/lib/isolation.sh"
# shellcheck source=perf/scenarios/bench_isolation.sh
. "$here/bench_isolation.sh"

runs=5
json_file=
wanted=()
rows=() # name|unit|value|spread|note
declare -A value_of=()

# All groups, in the order they are run in: programs first, while the machine is cool.
groups() {
	local program name
	for program in "$RIG_BUILD"/perf/*_bench; do
		[ ! -x "$program" ] || basename "$program" _bench
	done
	for name in replay veth redis isolation memory; do
		echo "$name"
	done
}

take_options() {
	local all
	mapfile -t all < <(groups)
	while [ $# -gt 0 ]; do
		case $1 in
		--json) json_file=$(realpath -m "${2:?--json wants a file}") && shift 2 ;;
		--runs) runs=${2:?--runs wants a number} && shift 2 ;;
		*)
			[[ " ${all[*]} " == *" $1 "* ]] || {
				echo "bench: unknown row '$1': ${all[*]}" >&2
				exit 2
			}
			wanted+=("$1") && shift
			;;
		esac
	done
	[[ $runs =~ ^[1-9][0-9]*$ ]] || { echo "bench: --runs wants a number, not '$runs'" >&2 && exit 2; }
	[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
}

# median FILE, spread FILE: of one number a line. The spread is (largest - smallest) / median.
median() {
	sort -g "$1" | awk '{v[NR] = $1} END {print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

spread() {
	sort -g "$1" | awk -v m="$(median "$1")" 'NR == 1 {l = $1} {h = $1} END {printf "%.2f", (m > 0 ? (h - l) / m : 0)}'
}

# keep NAME UNIT VALUE SPREAD NOTE: for the JSON and the ratios, without printing.
keep() {
	rows+=("$1|$2|$3|$4|$5")
	value_of[$1]=$3
}

# row NAME UNIT VALUE SPREAD NOTE
row() {
	keep "$@"
	printf '%-22s %12s %-14s %6s  %s\n' "$1" "$3" "$2" "$4" "$5"
}

# row_of NAME UNIT DIGITS FILE NOTE: median and spread of the numbers in a file.
row_of() {
	row "$1" "$2" "$(printf %.*f "$3" "$(median "$4")")" "$(spread "$4")" "$5"
}

# ratio NAME A B [NOTE]: row A over row B, where both were measured.
ratio() {
	local a=${value_of[$2]:-} b=${value_of[$3]:-0}
	[ -n "$a" ] || return 0
	awk -v b="$b" 'BEGIN {exit !(b > 0)}' || return 0
	row "$1" times "$(awk -v a="$a" -v b="$b" 'BEGIN {printf "%.2f", a / b}')" "" "$2 / $3${4:-}"
}

# rows_from PROGRAM ...: a program that prints rows in these columns. In the background, so that a signal
# does not wait for its end.
rows_from() {
	local line
	"$@" >rows.txt &
	rig_pids+=($!)
	wait $! || rig_fail "$* failed"
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line =~ ^([^\ ]+)\ +([-+.0-9e]+)\ ([^\ ]+(\ [^\ ]+)*)\ \ +([.0-9]+)(\ \ (.*))?$ ]] || continue
		keep "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[5]}" \
			"${BASH_REMATCH[7]}"
	done <rows.txt
}

# Everything that a running tallyd holds, with a window of a million voters and four options armed.
bench_memory() {
	RIG_VOTERS=1000000
	rig_configure
	rig_start_tallyd
	"$TALLYCTL" open acme/1 --poll "Which?" A B C D --for 60s >/dev/null
	row memory.tallyd MiB "$(awk '/^VmRSS|^HugetlbPages/ {kb += $2} END {printf "%.0f", kb / 1024}' \
		"/proc/$tallyd_pid/status")" "" "resident, huge pages included; 1,000,000 voters, 4 options"
	rig_stop_tallyd
}

# A neighbour that takes CPU time from one of two programs that are compared spoils the comparison.
say_if_busy() {
	local busy
	busy=$({ grep '^cpu ' /proc/stat && sleep 1 && grep '^cpu ' /proc/stat; } | awk '
		{for (i = 2; i <= 9; i++) {all[NR] += $i; if (i != 5 && i != 6) work[NR] += $i}}
		END {printf "%.0f", 100 * (work[2] - work[1]) / (all[2] - all[1])}')
	[ "$busy" -lt 10 ] || echo "note: other programs take $busy % of the CPUs; wait until they are done"
}

measure() {
	local name
	for name in "${wanted[@]}"; do
		if declare -F "bench_$name" >/dev/null; then
			"bench_$name"
		else
			rows_from "$RIG_BUILD/perf/${name}_bench" --runs "$runs"
		fi
	done
	ratio full.over.redis worker.full redis.sadd
}

write_json() {
	printf '%s\n' "${rows[@]}" | python3 -c '
import json, sys
rows = [line.rstrip("\n").split("|", 4) for line in sys.stdin]
print(json.dumps([{"name": n, "unit": u, "value": float(v), "spread": float(s or 0)}
                  for n, u, v, s, _ in rows], indent=2))' >"$json_file"
}

take_options "$@"
rig_need_root
rig_up
rig_huge_pages
rig_keyring
RIG_ACK=none # as what it is compared with: no peer keeps a journal
RIG_VOTERS=2000000
rig_configure
cd "$rig_dir"

echo "machine: $(awk -F': ' '/^model name/ {print $2; exit}' /proc/cpuinfo), $(nproc) CPUs, kernel $(uname -r)"
echo "command: ./run bench ${wanted[*]} --runs $runs (median of the runs; spread: (largest - smallest) / median)"
say_if_busy
printf '%-22s %12s %-14s %6s  %s\n' row value unit spread what
measure
[ -z "$json_file" ] || write_json
