#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A live show of all kinds of questions, small: 1,000 voters answer each, with copies, changes of mind,
# forgeries, early and late answers. Votes, means, seconds and leaderboards must be the burst's known
# answer, every receipt must verify and be one that its kind of question gives.
#
# What counts is the program time in a vote; on a slow machine it may come a minute later.
#
#   viewers: tallyreplay send ── veth ── front → AF_XDP → tallyd :appliance
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

rig_need_root
rig_up
rig_keyring
rig_configure
cd "$rig_dir"
rig_start_tallyd

opens_at=$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%SZ)
python3 - "$opens_at" >show.json <<'EOP'
import json, sys
kinds = [
    {"kind": "poll", "options": ["Red", "Green", "Blue"]},
    {"kind": "poll", "options": ["Red", "Blue"], "revote": True},
    {"kind": "multi", "options": list("ABCDE"), "max_choices": 3},
    {"kind": "multi", "options": list("ABC"), "revote": True},
    {"kind": "quiz", "options": ["Rome", "Bern", "Oslo"], "correct": [1]},
    {"kind": "quiz", "options": ["7", "8", "11"], "correct": [0, 2], "points": 500},
    {"kind": "scale", "min": 1, "max": 10},
    {"kind": "scale", "min": 0, "max": 100, "revote": True},
    {"kind": "upvote", "options": list("abcdef")},
    {"kind": "reaction", "options": ["like", "love"]},
]
for i, interaction in enumerate(kinds):
    interaction.update(tenant="acme", id=101 + i, question="?", opens_at=sys.argv[1],
                       duration_ms=3000, max_delay_ms=60000)
print(json.dumps({"show": "live", "interactions": kinds}))
EOP
"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 1000 --show show.json \
	--delay 50ms..500ms --out burst.pcap --answer answer.json >make.txt
"$TALLYCTL" load show.json >/dev/null || rig_fail "the show is not armed"

rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
	--keyring keyring.json --rundown show.json --start "$opens_at" --until-receipted --json >sent.json ||
	rig_fail "the sender: $(cat sent.json)"
"$TALLYCTL" results --json >results.json
"$TALLYREPLAY" check --quiet --results results.json --answer answer.json >check.txt ||
	rig_fail "$(cat check.txt)"
for status in counted changed duplicate early late; do
	[ "$(rig_json sent.json "d['receipts']['$status'] > 0")" = True ] || rig_fail "nobody was told '$status'"
done
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
echo "$(rig_json sent.json 'd["receipts"]["counted"]') answers of all kinds counted once each," \
	"$(rig_json sent.json 'd["verified"]') receipts verified; $(tail -n 1 check.txt)"
