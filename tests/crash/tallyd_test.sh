#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The real tallyd, killed eight times in the middle of a burst and started again: the sender, who resends
# what has no receipt and nothing else, ends with a receipt for each vote, and the result is the burst's
# answer. What tallyd had acknowledged before a kill was never sent again: it was in the journal.
#
#   viewers: tallyreplay send ── veth ── front → AF_XDP → tallyd (kill -9) → journal
#
# TALLYWIRE_KILLS=N: so many kills.
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

kills=${TALLYWIRE_KILLS:-8}
rig_need_root
rig_has_uring || rig_skip "this system refuses io_uring"
rig_up
rig_keyring
rig_configure
cd "$rig_dir"

counted() {
	"$TALLYCTL" stats --json >stats.json
	rig_json stats.json 'd["datagrams"]["counted"]'
}

# Sent at the pace of its timestamps: a vote before its time is early, and that is its receipt for good.
# Refused votes are not in the journal while the window is not final: there are none.
"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 100000 --options 4 --for 4s \
	--resent 0 --changed 0 --forged 0 --early 0 --late 0 --max-delay 600s --out burst.pcap --answer answer.json >make.txt
rig_start_tallyd
opens_at=$(date -u -d '+3 seconds' +%Y-%m-%dT%H:%M:%SZ)
"$TALLYCTL" open acme/101 --poll "Still there?" A B C D --for 4s --max-delay 600s --at "$opens_at" >/dev/null
rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
	--keyring keyring.json --restamp --start "$opens_at" --until-receipted --in-flight 512 \
	--timeout 60s --json >sent.json 2>sent.txt &
sender=$!
rig_pids+=("$sender")

before=0 killed=0
while [ "$killed" -lt "$kills" ]; do
	rig_until "[ \"\$(counted)\" -gt $before ] || ! kill -0 $sender 2>/dev/null" "no vote is counted"
	kill -0 "$sender" 2>/dev/null || break
	before=$(counted)
	rig_kill_tallyd
	killed=$((killed + 1))
	rig_start_tallyd
done
[ "$killed" -gt 0 ] || rig_fail "nothing was killed: $(cat sent.json sent.txt)"
wait "$sender" || rig_fail "the sender: $(cat sent.json sent.txt)"
"$TALLYCTL" results --json >results.json
"$TALLYREPLAY" check --results results.json --answer answer.json >check.txt || rig_fail "$(cat check.txt)"
"$TALLYCTL" journal >journal.txt || rig_fail "$(cat journal.txt)"
grep -q "^recovered  1 windows" journal.txt || rig_fail "nothing was read back: $(cat journal.txt)"
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
echo "killed $killed times: $(rig_json results.json 'd["interactions"][0]["voters"]') voters, each counted once"
