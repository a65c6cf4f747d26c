# shellcheck shell=bash disable=SC2154 # rig_* and runs are set by those who source this
# SPDX-License-Identifier: BSD-3-Clause
# A capture judged offline, and the same capture handed over by DPDK's own driver for captures.
# Sourced by bench.sh. Both clocks run from the first packet to the last: starting up is in neither,
# but in replay.process.

# M packets/s, from the line that tallyd ends with.
tallyd_rate() {
	awk '{for (i = 1; i < NF; i++) if ($(i + 1) == "s,") {print $2 / $i / 1e6; exit}}' "$1"
}

# The capture through tallyd: its own clock, and the whole process from outside.
replay_tallyd() {
	local from to
	from=${EPOCHREALTIME/./}
	taskset -c "$(($(nproc) - 1))" "$TALLYD" --replay replay.pcap --keyring keyring.json --rundown rundown.json \
		--results results.json 2>replay.log
	to=${EPOCHREALTIME/./}
	tallyd_rate replay.log >>replay_tallyd.rate
	awk -v us=$((to - from)) 'BEGIN {print 1e6 / us}' >>replay_process.rate
}

# The capture through testpmd, which takes each packet, frees it and does nothing else. It counts the
# cycles of the polls that brought packets, and stops at the end of its input.
replay_testpmd() {
	mkfifo testpmd.in
	stdbuf -oL dpdk-testpmd --lcores "0@0,1@$(($(nproc) - 1))" --no-huge -m 256 --no-pci --no-telemetry \
		--file-prefix "tallywire$$" --log-level error --vdev net_pcap0,rx_pcap=replay.pcap -- \
		--forward-mode=rxonly --record-core-cycles --no-flush-rx --total-num-mbufs=4096 \
		<testpmd.in >testpmd.log 2>&1 &
	rig_pids+=($!)
	exec 9>testpmd.in
	rig_until "grep -q 'Press enter' testpmd.log" "dpdk-testpmd does not start: see testpmd.log"
	sleep 1 # at 1,000,000 packets in less than 0.2 s
	echo >&9
	exec 9>&-
	wait $! || { cat testpmd.log >&2; rig_fail "dpdk-testpmd failed"; }
	rm testpmd.in
	# "CPU cycles/packet=260.15 (total cycles=… / total rxonly packets=1000000) at 2600 MHz Clock"
	sed -n 's/.*cycles\/packet=\([0-9.]*\) .* packets=\([0-9]*\)) at \([0-9]*\) MHz.*/\1 \2 \3/p' \
		testpmd.log >testpmd.cycles
	awk '$2 != 1000000 {exit 1} {print $3 / $1}' testpmd.cycles >>replay_testpmd.rate ||
		rig_fail "dpdk-testpmd did not take all packets: $(cat testpmd.cycles)"
}

# A rundown of all kinds, revotes too, asked at the same time.
mixed_show() {
	python3 - <<'EOP'
import json
kinds = [
    {"kind": "poll", "options": list("abcd")},
    {"kind": "poll", "options": list("abcd"), "revote": True},
    {"kind": "multi", "options": list("abcdefgh"), "max_choices": 3},
    {"kind": "quiz", "options": list("abcd"), "correct": [1]},
    {"kind": "scale", "min": 1, "max": 10},
    {"kind": "scale", "min": 1, "max": 10, "revote": True},
    {"kind": "upvote", "options": [str(item) for item in range(1000)]},
    {"kind": "reaction", "options": list("abcd")},
]
for i, interaction in enumerate(kinds):
    interaction.update(tenant="acme", id=i, question="?", opens_at="2026-01-01T00:00:00Z")
print(json.dumps({"show": "mixed", "interactions": kinds}))
EOP
}

# The mixed show through tallyd, by its own clock; its result must be its known answer.
mixed_tallyd() {
	taskset -c "$(($(nproc) - 1))" "$TALLYD" --replay mixed.pcap --keyring keyring.json --rundown mixed.json \
		--results mixed.results 2>mixed.log
	cmp -s mixed.results mixed.answer || rig_fail "the mixed show has another result than its known answer"
	tallyd_rate mixed.log >>replay_mixed.rate
}

bench_replay() {
	local run
	mixed_show >mixed.json
	"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 100000 --show mixed.json \
		--out mixed.pcap --answer mixed.answer >/dev/null
	"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 500000 --options 4 \
		--out replay.pcap --rundown rundown.json >/dev/null
	for ((run = 0; run < runs; run++)); do
		replay_tallyd
		mixed_tallyd
		! command -v dpdk-testpmd >/dev/null || replay_testpmd
	done
	row_of replay.tallyd "M votes/s" 2 replay_tallyd.rate \
		"tallyd --replay: 1,000,000 packets read, judged, answered; one core"
	row_of replay.process "M votes/s" 2 replay_process.rate \
		"the same, the whole process: start, results file and end included"
	row_of replay.mixed "M votes/s" 2 replay_mixed.rate \
		"the same of a show: 2,400,000 packets to questions of all kinds at once"
	ratio replay.mixed.ratio replay.mixed replay.tallyd
	if [ -s replay_testpmd.rate ]; then
		row_of replay.testpmd "M packets/s" 2 replay_testpmd.rate \
			"dpdk-testpmd rxonly, net_pcap on the same file: reads, does nothing"
		ratio replay.ratio replay.tallyd replay.testpmd
	else
		echo "replay.testpmd: left out, there is no dpdk-testpmd (Debian: dpdk-dev)"
	fi
	rm -f replay.pcap mixed.pcap
}
