#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9, and back: while tallyd is dead its front goes on dropping votes, which never reach the host's
# own stack; the host's other traffic passes. The next tallyd joins the front and counts again.
#
#   viewers: tallyreplay send, ping ── veth ── front (survives) → tallyd (killed, started anew)
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

rig_need_root
rig_up
rig_keyring
rig_configure
cd "$rig_dir"

# send_burst NAME: one second of 2,000 voters, now; votes that go unanswered are no failure here.
send_burst() {
	rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
		--speed max --json >"$1.json" || true
}

front_program() {
	rig_in_appliance ip -j link show tally0 |
		python3 -c 'import json, sys; print(json.load(sys.stdin)[0].get("xdp", {}).get("prog", {}).get("id", 0))'
}

udp_no_ports() {
	# shellcheck disable=SC2016  # $3 is awk's
	rig_in_appliance awk '/^Udp:/ && n++ {print $3}' /proc/net/snmp
}

"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 2000 --for 1s \
	--resent 0 --changed 0 --forged 0 --early 0 --late 0 --out burst.pcap >make.txt
rig_start_tallyd
[ "$(front_program)" != 0 ] || rig_fail "there is no front"

kill -9 "$tallyd_pid"
wait "$tallyd_pid" 2>/dev/null || true
[ "$(front_program)" != 0 ] || rig_fail "the front died with tallyd"
before=$(udp_no_ports)
send_burst dead
[ "$(udp_no_ports)" = "$before" ] || rig_fail "votes fell through to the host's stack"
# A datagram to another port does reach the host, which counts that nobody listens there.
rig_in_viewers bash -c 'echo hello >/dev/udp/198.18.255.1/9'
rig_until "[ \"\$(udp_no_ports)\" -gt $before ]" "the host's own traffic is cut off"

rig_start_tallyd
"$TALLYCTL" open acme/101 --poll "Again?" Yes No Perhaps Never --for 60s >/dev/null
rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
	--keyring keyring.json --restamp --until-receipted --json >alive.json ||
	rig_fail "no receipts after the restart: $(cat alive.json)"
"$TALLYCTL" close acme/101 >/dev/null
"$TALLYCTL" results --json >results.json
[ "$(rig_json results.json 'd["interactions"][0]["voters"]')" = 2000 ] ||
	rig_fail "after the restart: $(cat results.json)"
[ "$(rig_json results.json 'd["datagrams"]["unknown"]')" = 0 ] ||
	rig_fail "packets of the time before the restart are counted: $(cat results.json)"

# A front that was left behind can be taken off by hand, but not from under a live tallyd.
rig_in_appliance "$TALLYD" --config tallyd.conf --detach 2>busy.txt && rig_fail "detached a live front"
[ "$(wc -l <busy.txt)" = 1 ] || rig_fail "more than a line: $(cat busy.txt)"
kill -9 "$tallyd_pid"
wait "$tallyd_pid" 2>/dev/null || true
rig_in_appliance "$TALLYD" --config tallyd.conf --detach >detach.txt || rig_fail "--detach failed"
[ "$(front_program)" = 0 ] || rig_fail "the front is still attached"
[ ! -e "$rig_dir/bpf/tallywire" ] || rig_fail "pins are left"
echo "killed twice: front survived, host reached, 2,000 votes counted after the restart"
