#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9, and back: while tallyd is dead its front goes on dropping votes, which never reach the host's
# own stack, though they are addressed to it; the host's other traffic passes. A start that fails leaves
# the front just as it was. The next tallyd joins it and counts again. In the end, without a front, the
# same votes do reach the host: what was looked for all the time can be seen.
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
# The kernel must be able to answer the viewers, or else it drops their packets before it counts them.
ip -n "$rig_appliance" route add 198.18.0.0/16 dev tally0

# One second of 2,000 voters, now; votes that go unanswered are no failure here.
send_burst() {
	rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
		--speed max --json >sent.json || true
	[ "$(rig_json sent.json 'd["frames_sent"]')" = 2000 ] || rig_fail "not sent: $(cat sent.json)"
}

# {} where there is none.
front_program() {
	rig_in_appliance ip -j link show tally0 |
		python3 -c 'import json, sys; print(json.load(sys.stdin)[0].get("xdp", {}))'
}

front_pins() {
	"$RIG_BUILD/tests/netns/front_pins" bpf/tallywire/tally0
}

front_counter() {
	front_pins | sed -n "s/^$1 //p"
}

# The program on the interface, the pins, and what they say but for the counts.
front_state() {
	front_program
	ls bpf/tallywire/tally0 || true
	front_pins | grep -E '^(layout|port|key) ' || true
}

udp_no_ports() {
	# shellcheck disable=SC2016  # $3 is awk's
	rig_in_appliance awk '/^Udp:/ && n++ {print $3}' /proc/net/snmp
}

# expect_drops WHEN: a burst ends in the front, none of it reaches the host, whose other traffic does.
expect_drops() {
	local missed no_ports
	missed=$(front_counter missed) no_ports=$(udp_no_ports)
	send_burst
	rig_until "[ \$((\$(front_counter missed) - $missed)) -eq 2000 ]" "$1: votes not seen by the front"
	[ "$(udp_no_ports)" = "$no_ports" ] || rig_fail "$1: votes fell through to the host's stack"
	# A datagram to another port does reach the host, which counts that nobody listens there.
	rig_in_viewers bash -c 'echo hello >/dev/udp/198.18.255.1/9'
	rig_until "[ \"\$(udp_no_ports)\" -eq $((no_ports + 1)) ]" "$1: the host's own traffic is cut off"
}

# fails NAME PATTERN SED...: a start with tallyd.conf so changed ends in one line; the front stays as it was.
fails() {
	local name=$1 pattern=$2 before after status=0
	shift 2
	sed "$@" tallyd.conf >bad.conf
	before=$(front_state)
	rig_in_appliance timeout -k 1 20 "$TALLYD" --config "$rig_dir/bad.conf" >out 2>err || status=$?
	[ "$status" -eq 1 ] || rig_fail "$name: exit code $status: $(cat err)"
	grep -qE "$pattern" err || rig_fail "$name: no '$pattern' in: $(cat err)"
	after=$(front_state)
	[ "$after" = "$before" ] || rig_fail "$name: the front was $before; it is $after"
	expect_drops "after a start that failed ($name)"
}

"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 2000 --for 1s --to 198.18.255.1 \
	--resent 0 --changed 0 --forged 0 --early 0 --late 0 --out burst.pcap >make.txt
rig_start_tallyd
[ "$(front_program)" != "{}" ] || rig_fail "there is no front"
alive=$(front_state)
rig_kill_tallyd
[ "$(front_state)" = "$alive" ] || rig_fail "the front did not survive: $alive; now $(front_state)"
expect_drops "tallyd is dead"

# --- Starts that fail after the front was joined: other keys, another port, another mode come to nothing.
sed 's/"id":7,"name":"acme"/"id":8,"name":"zoo"/' keyring.json >zoo.json
chmod 0600 zoo.json
zoo="s|^keyring = .*|keyring = $rig_dir/zoo.json|"
no_memory='s|^hugepages = .*|hugepages = yes\npacket_mb = 1048576|'
: >holder.log
rig_in_appliance python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5544))
print("holds", flush=True)
time.sleep(1000)' >holder.log &
rig_pids+=("$!")
rig_wait_for holds holder.log $!
echo "no socket" >precious
fails "its UDP port is in use" "UDP port 5544 is in use" \
	-e "$zoo" -e 's|^\[appliance\]|&\nvote_port = 5544|'
fails "huge pages short" "huge pages: .* wanted" -e "$zoo" -e "$no_memory" -e 's|^\[appliance\]|&\nvote_port = 5545|'
fails "another mode, and no memory" "huge pages: .* wanted" -e "$no_memory" -e 's|^\[front\]|&\nmode = generic|'
fails "no control socket" "precious: " -e "$zoo" -e "s|^control = .*|control = $rig_dir/precious|"
fails "no second port" "missing.pcap" -e "$zoo" -e "\$aport1 = pcap:$rig_dir/missing.pcap"

# --- A good start joins the front, and counts from its own beginning.
rig_start_tallyd
"$TALLYCTL" open acme/101 --poll "Again?" Yes No Perhaps Never --for 60s >/dev/null
rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
	--keyring keyring.json --restamp --until-receipted --json >alive.json ||
	rig_fail "no receipts after the restart: $(cat alive.json)"
"$TALLYCTL" close acme/101 >/dev/null
"$TALLYCTL" results --json >results.json
[ "$(rig_json results.json 'd["interactions"][0]["voters"]')" = 2000 ] ||
	rig_fail "after the restart: $(cat results.json)"
[ "$(rig_json results.json 'd["datagrams"]["unknown"] + d["datagrams"]["missed"]')" = 0 ] ||
	rig_fail "packets of the time before the restart are counted: $(cat results.json)"

# --- A front that was left behind can be taken off by hand, but not from under a live tallyd.
rig_in_appliance "$TALLYD" --config tallyd.conf --unprepare 2>busy.txt && rig_fail "took a live front off"
[ "$(wc -l <busy.txt)" = 1 ] || rig_fail "more than a line: $(cat busy.txt)"
rig_kill_tallyd
rig_in_appliance "$TALLYD" --config tallyd.conf --unprepare >unprepare.txt || rig_fail "--unprepare failed"
[ "$(front_program)" = "{}" ] || rig_fail "the front is still attached"
[ ! -e "$rig_dir/bpf/tallywire" ] || rig_fail "pins are left"

# --- With no front the votes reach the host. Were it not so, nothing above would have been shown.
no_ports=$(udp_no_ports)
send_burst
rig_until "[ \$((\$(udp_no_ports) - $no_ports)) -eq 2000 ]" "without a front the host does not see votes"
echo "killed twice: front survived 5 bad starts, host reached, 2,000 votes counted after the restart"
