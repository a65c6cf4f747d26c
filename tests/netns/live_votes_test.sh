#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A live show, small: two questions, 10,000 voters each, over IPv4 and IPv6, with copies, changes of
# mind, forgeries, early and late answers. The result must be the burst's known answer, every
# receipt must verify, conservation must hold in every snapshot on the way, and nothing is left behind.
# A third question, without votes, goes through all its states meanwhile.
#
# What counts is the program time in a vote; on a slow machine it may come a minute later.
#
#   viewers: tallyreplay send ── veth ── front → AF_XDP → tallyd :appliance
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

vlan=${1:-} # a VLAN id: the same story, tagged
rig_need_root
rig_up
rig_keyring
rig_configure
cd "$rig_dir"

"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 10000 --interactions 2 \
	--options 3 --for 2s --delay 50ms..500ms --max-delay 60s --ipv6 30 ${vlan:+--vlan "$vlan"} \
	--out burst.pcap --answer answer.json >make.txt
rig_start_tallyd
opens_at=$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%SZ)
for id in 101 102; do
	"$TALLYCTL" open "acme/$id" --poll "Question $id" A B C --for 2s --max-delay 60s \
		--at "$opens_at" >/dev/null
done
"$TALLYCTL" open acme/103 --poll "Short" Yes No --for 1s --max-delay 1s >/dev/null

# Snapshots while the votes come in: each must add up.
(
	while sleep 0.1; do
		"$TALLYCTL" stats --json || exit 1
	done
) >snapshots.txt 2>/dev/null &
snapshots=$!
rig_pids+=("$snapshots")

# IPv6 votes come in too, although the interface has no IPv6 address: the front does not ask.
rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
	--keyring keyring.json --restamp --start "$opens_at" --until-receipted --json >sent.json ||
	rig_fail "the sender: $(cat sent.json)"
kill "$snapshots"
"$TALLYCTL" watch acme/103 --json >/dev/null # ends when the window is final
"$TALLYCTL" reveal acme/103 --json | grep -q '"revealed"' || rig_fail "a final window is revealed"
"$TALLYCTL" reveal acme/101 2>early.txt && rig_fail "a window is revealed before its end"
"$TALLYCTL" results --json >results.json
"$TALLYCTL" stats --json >stats.json

"$TALLYREPLAY" check --results results.json --answer answer.json >check.txt ||
	rig_fail "$(cat check.txt)"
[ "$(rig_json stats.json 'd["conserved"] and d["datagrams"]["in_flight"] == 0')" = True ] ||
	rig_fail "conservation: $(cat stats.json)"
grep -q '"conserved": false' snapshots.txt && rig_fail "conservation does not hold in a snapshot"
[ "$(grep -c '"conserved": true' snapshots.txt)" -ge 1 ] || rig_fail "no snapshot was taken"
# In the results document everything adds up too: datagrams and all receipts are what was received.
[ "$(rig_json results.json 'd["datagrams"]["received"] == sum(v for k, v in d["datagrams"].items()
	if k not in ("received", "missed")) + sum(sum(i["receipts"].values()) for i in d["interactions"])')" = True ] ||
	rig_fail "the results document does not add up: $(cat results.json)"

# The third question is sealed by itself, and what is sealed can be counted again while tallyd runs. Where
# packets were missed meanwhile that is said, and is no difference.
audit_it() {
	local key code=0
	for _ in $(seq 100); do
		ls results/acme-103-*/manifest.sig >/dev/null 2>&1 && break
		sleep 0.1
	done
	key=$("$TALLYCTL" identity --json | sed -n 's/.*"hex": "\(.*\)".*/\1/p')
	"$TALLYCTL" audit results/acme-103-* --journal journal --identity "$key" >audit.txt || code=$?
	[ "$code" = 0 ] || [ "$code" = 4 ] || rig_fail "the sealed result: $(cat audit.txt tallyd.log)"
}
[ "$RIG_ACK" = none ] || audit_it

rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
rig_in_appliance ip link show tally0 | grep -q xdp && rig_fail "the front is still attached"
[ ! -e "$rig_dir/bpf/tallywire" ] || rig_fail "pins are left: $(ls -R "$rig_dir/bpf/tallywire")"
[ ! -e "$TALLYWIRE_SOCKET" ] || rig_fail "the control socket is left"
echo "20,000 answers counted once each, $(rig_json sent.json 'd["verified"]') receipts verified"
