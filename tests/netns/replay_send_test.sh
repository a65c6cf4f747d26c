#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tallyreplay alone on a wire: every frame of a burst arrives, by AF_PACKET and by AF_XDP; nobody
# answers, and --until-receipted says so; what cannot be sent is refused in one line.
#
#   viewers: tallyreplay send viewer0 ── veth ── tally0 :appliance   (nobody there; the kernel counts)
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

rig_need_root
rig_up
rig_keyring
cd "$rig_dir"
ip -n "$rig_viewers" link set viewer0 down
"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 10000 --ipv6 30 --vlan 12 --for 1s \
	--delay 10ms..300ms --out burst.pcap >/dev/null

send_burst() {
	rig_in_viewers "$TALLYREPLAY" send "$@"
}

arrived() {
	ip -n "$rig_appliance" -s -j link show tally0 |
		python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])'
}

# refused CODE WORD ARGUMENTS...: the sender ends with this code and one line that holds the word.
refused() {
	local code=$1 word=$2 status=0
	shift 2
	send_burst "$@" >out.txt 2>err.txt || status=$?
	[ "$status" -eq "$code" ] || rig_fail "send $*: exit code $status, not $code: $(cat err.txt)"
	[ "$(wc -l <err.txt)" -eq 1 ] || rig_fail "send $*: not one line: $(cat err.txt)"
	grep -q -- "$word" err.txt || rig_fail "send $*: no '$word' in: $(cat err.txt)"
}

refused 1 "is down" burst.pcap --interface viewer0
refused 1 "there is no 'viewer9'" burst.pcap --interface viewer9
ip -n "$rig_viewers" link set viewer0 up
head -c 500000 burst.pcap >cut.pcap
refused 1 "cut.pcap: packet [0-9]*: " cut.pcap --interface viewer0
refused 1 "keyring.json: " keyring.json --interface viewer0
refused 1 "none.pcap: " none.pcap --interface viewer0
refused 2 "--keyring" burst.pcap --interface viewer0 --until-receipted
refused 2 "never ends by itself" burst.pcap --interface viewer0 --flood --keyring keyring.json \
	--until-receipted
refused 2 "ago" burst.pcap --interface viewer0 --start 2020-01-01T00:00:00Z
chmod 644 keyring.json
refused 1 "keyring.json" burst.pcap --interface viewer0 --keyring keyring.json
chmod 600 keyring.json
refused 2 "number" burst.pcap --interface viewer0 --port 0

# Whether the kernel has such sockets at all is asked of the kernel, not of the sender.
no_xdp=$(python3 -c '
import errno, socket
try:
    socket.socket(44, socket.SOCK_RAW)  # AF_XDP
except OSError as e:
    if e.errno not in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
        raise
    print(e.strerror)')

# send_by VIA: the whole burst, flat out, arrives to the last frame.
send_by() {
	local before
	before=$(arrived)
	send_burst burst.pcap --interface viewer0 --via "$1" --speed max --json >sent.json 2>err.txt ||
		rig_fail "$1: $(cat err.txt)"
	grep -q '"frames_sent": 20000,' sent.json || rig_fail "$1: $(cat sent.json)"
	rig_until "[ \$((\$(arrived) - $before)) -ge 20000 ]" "$1: not all of 20000 frames arrived"
	[ $(($(arrived) - before)) -eq 20000 ] || rig_fail "$1: $(($(arrived) - before)) frames of 20000 arrived"
}
send_by af_packet
[ -n "$no_xdp" ] || send_by af_xdp

# A flood passes through the burst again and again, and its end is no failure.
before=$(arrived)
nsenter --net="/run/netns/$rig_viewers" "$TALLYREPLAY" send burst.pcap --interface viewer0 --flood \
	--json >sent.json &
flood=$!
rig_until "[ \$((\$(arrived) - before)) -gt 40000 ]" "the flood ended by itself"
kill -TERM "$flood"
wait "$flood" || rig_fail "the flood: $(cat sent.json)"
sent=$(rig_json sent.json 'd["frames_sent"]')
[ $(($(arrived) - before)) -eq "$sent" ] || rig_fail "flood: $(($(arrived) - before)) frames of $sent arrived"

# True to its timestamps a burst takes as long as the show did: 1 s and what is late.
send_burst burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" --restamp \
	--keyring keyring.json --json >sent.json
[ "$(rig_json sent.json 'd["duration_s"] > 1.5')" = True ] || rig_fail "the burst went out too fast"

refused 1 "have no receipt" burst.pcap --interface viewer0 --speed max --until-receipted \
	--keyring keyring.json --timeout 300ms --rounds 2 --in-flight 20000
ip -n "$rig_viewers" link show viewer0 | grep -q xdp && rig_fail "an XDP program is left behind"
[ -z "$no_xdp" ] || rig_skip "AF_XDP: $no_xdp; with AF_PACKET all went well"
echo "20,000 frames arrived each time; bad input was refused"
