# shellcheck shell=bash disable=SC2154 # rig_* and runs are set by those who source this
# SPDX-License-Identifier: BSD-3-Clause
# How much later the receipts of one tenant are while another is flooded: two tenants, a wire, queue and
# worker each (tests/lib/isolation.sh), the same calm votes without and with the flood in turns. Sourced by
# bench.sh after that.
#
#   viewers: flood of wild, valid votes ── veth ── tally0, worker 0 :appliance
#            calm votes of acme         ── veth ── tally1, worker 1

ISOLATION_RATE=5000 # calm votes a second

# isolation_calm NUMBER: acme's votes, beside whatever goes on. Sets isolation_p99 (µs).
isolation_calm() {
	local at
	at=$(isolation_time 2)
	isolation_open "acme/$1" --at "$at" --for "${ISOLATION_SECONDS}s"
	isolation_send "calm_$1" viewer1 "$at" --until-receipted &
	rig_pids+=($!)
	wait $! || rig_fail "acme's receipts: $(cat "calm_$1.sent.json" "calm_$1.sent.err")"
	isolation_p99=$(rig_json "calm_$1.sent.json" 'd["latency_us"]["p99"]')
	rm "calm_$1.pcap"
}

# One turn: quiet, then flooded; its windows are acme/2N and acme/2N+1.
isolation_turn() {
	local quiet=$((2 * $1)) flooded=$((2 * $1 + 1))
	isolation_calm_burst "calm_$quiet" "$quiet"
	isolation_calm_burst "calm_$flooded" "$flooded"
	isolation_calm "$quiet"
	echo "$isolation_p99" >>isolation_quiet.n
	isolation_start_flood flood viewer0
	isolation_calm "$flooded"
	isolation_stop_flood || rig_fail "the flood: $(cat flood.sent.json flood.sent.err)"
	echo "$isolation_p99" >>isolation_flooded.n
	rig_json flood.sent.json 'd["frames_per_s"]' >>isolation_flood.n
}

bench_isolation() {
	local run note
	ISOLATION_SECONDS=2
	# shellcheck disable=SC2034 # isolation.sh reads it
	ISOLATION_VOTERS=$((ISOLATION_RATE * ISOLATION_SECONDS))
	note="${#isolation_cpus[@]} CPUs"
	isolation_has_cpus || note+=", which two senders, two workers, control and kernel share"
	cp -p keyring.json keyring.rig
	isolation_keyring
	isolation_wires
	RIG_HUGEPAGES=no rig_configure af_xdp:tally0 af_xdp:tally1 # the rig's are for one queue
	rig_start_tallyd
	isolation_flood_burst flood wild/1 "$ISOLATION_FLOODERS"
	isolation_open wild/1 --for 3600s
	for ((run = 1; run <= runs; run++)); do
		isolation_turn "$run"
	done
	rig_stop_tallyd
	mv keyring.rig keyring.json
	ip -n "$rig_appliance" link del tally1
	rig_configure
	row_of isolation.quiet.p99 µs 0 isolation_quiet.n "from send to verified receipt, $ISOLATION_RATE voters/s; $note"
	row_of isolation.flooded.p99 µs 0 isolation_flooded.n "the same beside $(printf %.0f \
		"$(median isolation_flood.n)")/s of another tenant, without a limit; $note"
	ratio isolation.ratio isolation.flooded.p99 isolation.quiet.p99 "; $note"
}
