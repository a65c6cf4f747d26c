# shellcheck shell=bash disable=SC2154 # rig_* and runs are set by those who source this
# SPDX-License-Identifier: BSD-3-Clause
# A capture judged offline, and the same capture handed over by DPDK's own driver for captures.
# Sourced by bench.sh. Both clocks run from the first packet to the last: starting up is in neither,
# but in replay.process.

# The capture through tallyd: its own clock, and the whole process from outside.
replay_tallyd() {
	local from to
	from=${EPOCHREALTIME/./}
	taskset -c "$(($(nproc) - 1))" "$TALLYD" --replay replay.pcap --keyring keyring.json --rundown rundown.json \
		--results results.json 2>replay.log
	to=${EPOCHREALTIME/./}
	awk '{for (i = 1; i < NF; i++) if ($(i + 1) == "s,") {print $2 / $i / 1e6; exit}}' \
		replay.log >>replay_tallyd.rate
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

bench_replay() {
	local run
	"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 500000 --options 4 \
		--out replay.pcap --rundown rundown.json >/dev/null
	for ((run = 0; run < runs; run++)); do
		replay_tallyd
		! command -v dpdk-testpmd >/dev/null || replay_testpmd
	done
	row_of replay.tallyd "M votes/s" 2 replay_tallyd.rate \
		"tallyd --replay: 1,000,000 packets read, judged, answered; one core"
	row_of replay.process "M votes/s" 2 replay_process.rate \
		"the same, the whole process: start, results file and end included"
	if [ -s replay_testpmd.rate ]; then
		row_of replay.testpmd "M packets/s" 2 replay_testpmd.rate \
			"dpdk-testpmd rxonly, net_pcap on the same file: reads, does nothing"
		ratio replay.ratio replay.tallyd replay.testpmd
	else
		echo "replay.testpmd: left out, there is no dpdk-testpmd (Debian: dpdk-dev)"
	fi
	rm -f replay.pcap
}
