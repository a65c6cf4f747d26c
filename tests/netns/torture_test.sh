#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The worst network: of what goes either way a fifth is lost, some comes twice, some late and out of order,
# and the link goes down and up in the middle of the burst, on the network's side and on the appliance's. A
# hundred thousand viewers resend until they have a receipt: each is counted exactly once.
#
#   viewers: tallyreplay send viewer0 ── veth ── left0 relay right0 ── veth ── tally0 front → tallyd :appliance
#                                        20 % lost, 5 % twice, 10 % late        up ↕ down
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

voters=${1:-100000}
rig_need_root
rig_up
rig_keyring
rig_configure
cd "$rig_dir"

# Another veth in between; both of the relay's ends are in the viewers' namespace, without addresses.
ip -n "$rig_viewers" link del viewer0
ip -n "$rig_appliance" link add tally0 type veth peer name right0 netns "$rig_viewers"
ip -n "$rig_viewers" link add viewer0 type veth peer name left0
rig_quiet_link "$rig_appliance" tally0 198.18.255.1
rig_quiet_link "$rig_viewers" viewer0 198.18.255.2
for end in left0 right0; do
	rig_in_viewers sysctl -qw "net.ipv6.conf.$end.disable_ipv6=1" 2>/dev/null || true
	ip -n "$rig_viewers" link set "$end" up
done
rig_tally_mac=$(ip -n "$rig_appliance" -o link show tally0 | sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/')

: >relay.txt
nsenter --net="/run/netns/$rig_viewers" "$RIG_BUILD/tests/netns/relay" left0 right0 20261122 20 5 10 \
	>relay.txt 2>&1 &
relay=$!
rig_pids+=("$relay")
rig_wait_for "relay: ready" relay.txt "$relay"
rig_start_tallyd

"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters "$voters" --options 3 --for 3s \
	--delay 50ms..500ms --max-delay 600s --forged 0 --ipv6 30 --out burst.pcap --answer answer.json >make.txt
opens_at=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)
"$TALLYCTL" open acme/101 --poll "Still there?" A B C --for 3s --max-delay 600s --at "$opens_at" >/dev/null

received() {
	"$TALLYCTL" stats --json | sed -n '/"datagrams"/,/"received"/s/.*"received": \([0-9]*\).*/\1/p'
}

# flap NAMESPACE INTERFACE AT: once so many have been received, down; and up when nothing more gets through.
flap() {
	local before after=-1
	until [ "$(received)" -ge "$3" ]; do
		kill -0 "$sender" || rig_fail "the burst never came to $3 datagrams: $(cat sent.json sent.err)"
		sleep 0.05
	done
	ip -n "$1" link set "$2" down
	before=$(received)
	while [ "$after" != "$before" ]; do
		after=$before
		sleep 0.1
		before=$(received)
	done
	ip -n "$1" link set "$2" up
	echo "$2 was down at $before datagrams" >>flaps.txt
}

rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
	--keyring keyring.json --restamp --start "$opens_at" --until-receipted --in-flight 4096 --timeout 60s --json \
	>sent.json 2>sent.err &
sender=$!
flap "$rig_viewers" right0 $((voters / 10))
flap "$rig_appliance" tally0 $((voters / 4))
flap "$rig_viewers" right0 $((voters / 2))
wait "$sender" || rig_fail "the sender: $(cat sent.json sent.err)"
[ "$(wc -l <flaps.txt)" = 3 ] || rig_fail "the link did not go down three times: $(cat flaps.txt)"

"$TALLYCTL" close acme/101 >/dev/null 2>&1 || true # where it is not over yet
"$TALLYCTL" results --json >results.json
"$TALLYCTL" stats --json >stats.json
kill -TERM "$relay"
wait "$relay" || rig_fail "the relay: $(cat relay.txt)"

# Each viewer once, and for what they chose; nothing is lost on the way through the appliance.
"$TALLYREPLAY" check --results results.json --answer answer.json >check.txt ||
	rig_fail "$(cat check.txt results.json)"
[ "$(rig_json results.json 'd["interactions"][0]["voters"]')" = "$voters" ] || rig_fail "$(cat results.json)"
[ "$(rig_json results.json 'sum(o["votes"] for o in d["interactions"][0]["options"])')" = "$voters" ] ||
	rig_fail "votes are not voters: $(cat results.json)"
[ "$(rig_json stats.json 'd["conserved"]')" = True ] || rig_fail "conservation: $(cat stats.json)"

# And the network was as bad as it should be: were it not, nothing above would have been shown.
python3 - relay.txt "$voters" <<'END' || rig_fail "not so bad a network: $(cat relay.txt)"
import re, sys
ways = [list(map(int, re.findall(r"\d+", line.split(":")[1]))) for line in open(sys.argv[1]) if " came" in line]
voters = int(sys.argv[2])
assert len(ways) == 2
for came, lost, doubled, reordered, down in ways:
    assert came > voters and 0.19 < lost / came < 0.21, (came, lost)
    assert doubled > came * 0.04 and reordered > came * 0.05, (doubled, reordered)
assert ways[0][4] > 0, "nothing was sent while the link was down"
END
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
echo "$voters voters counted once each; $(paste -sd ';' flaps.txt); $(tail -2 relay.txt | paste -sd ';')"
