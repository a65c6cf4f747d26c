#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What tallyd does in a second, measured and compared. Called by `./run bench`; perf/README.md says what
# each row means.
#
#   bench.sh [--json FILE] [--runs N] [row ...]      rows: replay live memory; all unless named
#
# Runs that are compared take turns, and medians are printed with the spread: machines have moods.
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../../tests/lib/rig.sh"

runs=5
json_file=
wanted=()
rows=() # name|unit|value|spread|note

while [ $# -gt 0 ]; do
	case $1 in
	--json) json_file=$(realpath -m "$2") && shift 2 ;;
	--runs) runs=$2 && shift 2 ;;
	replay | live | memory) wanted+=("$1") && shift ;;
	*) echo "bench: unknown row '$1': replay, live, memory" >&2 && exit 2 ;;
	esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=(replay live memory)

# median FILE, spread FILE: of one number a line. The spread is (largest - smallest) / median.
median() {
	sort -g "$1" | awk '{v[NR] = $1} END {print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

spread() {
	sort -g "$1" | awk -v m="$(median "$1")" 'NR == 1 {l = $1} {h = $1} END {printf "%.2f", (m > 0 ? (h - l) / m : 0)}'
}

# row NAME UNIT VALUE SPREAD NOTE
row() {
	rows+=("$1|$2|$3|$4|$5")
	printf '%-22s %12s %-14s %6s  %s\n' "$1" "$3" "$2" "$4" "$5"
}

# Seconds of wall time that a command takes, to a µs.
seconds() {
	local from to
	from=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>&1
	to=${EPOCHREALTIME/./}
	awk -v us=$((to - from)) 'BEGIN {printf "%.6f", us / 1e6}'
}

# The whole program, start to results file, on a million packets; beside it a reader that only reads.
bench_replay() {
	local run
	"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 500000 --options 4 \
		--out replay.pcap --rundown rundown.json >/dev/null
	for ((run = 0; run < runs; run++)); do
		seconds "$TALLYD" --replay replay.pcap --keyring keyring.json \
			--rundown rundown.json --results results.json >>tallyd.s
		echo >>tallyd.s
		seconds tcpdump -r replay.pcap -w /dev/null >>tcpdump.s
		echo >>tcpdump.s
	done
	awk '{print 1 / $1}' tallyd.s >tallyd.rate
	awk '{print 1 / $1}' tcpdump.s >tcpdump.rate
	row replay.tallyd "M votes/s" "$(printf %.2f "$(median tallyd.rate)")" "$(spread tallyd.rate)" \
		"tallyd --replay, whole process, one core, 1,000,000 packets"
	row replay.reader "M packets/s" "$(printf %.2f "$(median tcpdump.rate)")" "$(spread tcpdump.rate)" \
		"tcpdump -r FILE -w /dev/null: reads and judges nothing"
	row replay.ratio "of reader" \
		"$(awk -v a="$(median tallyd.rate)" -v b="$(median tcpdump.rate)" 'BEGIN {printf "%.2f", a / b}')" \
		"" "replay.tallyd / replay.reader"
}

next_id=1000

# one_rate RATE: two seconds of votes at RATE a second, sent once. Sets lost, reached, p50, p99.
one_rate() {
	local opens_at voters=$(($1 * 2)) id=$((next_id++))
	"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters "$voters" --first-id "$id" \
		--for 2s --first-second 50 --delay 0ms..0ms --resent 0 --changed 0 --forged 0 \
		--early 0 --late 0 --out rate.pcap >/dev/null
	opens_at=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)
	"$TALLYCTL" open "acme/$id" --poll "$1 a second" A B C D --for 2s --at "$opens_at" >/dev/null
	nsenter --net="/run/netns/$rig_viewers" "$TALLYREPLAY" send rate.pcap --interface viewer0 \
		--dst-mac "$rig_tally_mac" --keyring keyring.json --restamp --start "$opens_at" \
		--json >sent.json || true
	"$TALLYCTL" results "acme/$id" --json >rate.json
	lost=$((voters - $(rig_json rate.json 'd["interactions"][0]["voters"]')))
	reached=$(rig_json sent.json 'round(d["frames_per_s"])')
	p50=$(rig_json sent.json 'd["latency_us"]["p50"]')
	p99=$(rig_json sent.json 'd["latency_us"]["p99"]')
}

# The rate without loss: 200,000 a second must go through; from there up until votes are lost.
bench_live() {
	local rate best=0 run lost reached p50 p99
	rig_start_tallyd
	for ((run = 0; run < runs; run++)); do
		one_rate 200000
		echo "$lost" >>lost.n
		echo "$p50" >>p50.us
		echo "$p99" >>p99.us
	done
	row live.200k.lost votes "$(median lost.n)" "$(spread lost.n)" \
		"of 400,000 at 200,000/s over veth, sender and appliance on $(nproc) cores"
	row live.200k.p50 µs "$(median p50.us)" "$(spread p50.us)" "from send to receipt"
	row live.200k.p99 µs "$(median p99.us)" "$(spread p99.us)" "from send to receipt"
	for ((rate = 250000; rate <= 1000000; rate += 50000)); do
		lost=1
		for ((run = 0; run < 3 && lost > 0; run++)); do # a rate holds if one try of three does
			one_rate "$rate"
		done
		[ "$lost" -eq 0 ] || break
		[ "$reached" -ge $((rate * 95 / 100)) ] || break # the sender is at its own end
		best=$rate
	done
	row live.best votes/s "$best" "" \
		"highest rate without loss in steps of 50,000; at $rate: $lost lost, $reached/s sent"
	rig_stop_tallyd
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

rig_need_root
rig_up
rig_huge_pages
rig_keyring
RIG_VOTERS=2000000
rig_configure
cd "$rig_dir"

echo "machine: $(awk -F': ' '/^model name/ {print $2; exit}' /proc/cpuinfo), $(nproc) CPUs, kernel $(uname -r)"
echo "command: ./run bench${wanted[*]:+ ${wanted[*]}} (median of $runs runs; spread: (largest - smallest) / median)"
printf '%-22s %12s %-14s %6s  %s\n' row value unit spread what
for name in "${wanted[@]}"; do
	"bench_$name"
done
if [ -n "$json_file" ]; then
	printf '%s\n' "${rows[@]}" | python3 -c '
import json, sys
rows = [line.rstrip("\n").split("|") for line in sys.stdin]
print(json.dumps([{"name": n, "unit": u, "value": float(v), "spread": float(s or 0)}
                  for n, u, v, s, _ in rows], indent=2))' >"$json_file"
fi
