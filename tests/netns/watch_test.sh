#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Viewers watch a show: 300 of them, over IPv4 and IPv6. Each window that is scheduled, opens, closes, is
# revealed or cancelled is told to each of them three times, with a right tag; they vote when told, and
# hear who leads with the reveal and not before. Who cannot receive at its address gets challenges
# and nothing else, however often it asks and whatever happens meanwhile. A full table leaves
# everyone in who is in.
#
#   viewers: tallyreplay watch    ── veth ── front → AF_XDP → tallyd :appliance
#            tallyreplay watch --spoof
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

VIEWERS=300
ROOM=310

rig_need_root
rig_up
rig_keyring
rig_configure
cd "$rig_dir"
sed -i "s/^\[journal\]/[watch]\nsubscribers = $ROOM\n&/" tallyd.conf
rig_start_tallyd

# play NAME OPTIONS...: viewers in the background; $player is their process. nsenter becomes tallyreplay.
play() {
	local name=$1
	shift
	nsenter --net="/run/netns/$rig_viewers" "$TALLYREPLAY" watch --interface viewer0 \
		--dst-mac "$rig_tally_mac" --keyring keyring.json --tenant acme --every 5s --for 10m --json \
		"$@" >"$name.json" 2>"$name.txt" &
	player=$!
}

# viewers MEMBER: what the appliance says of them.
viewers() {
	"$TALLYCTL" stats --json >stats.json
	rig_json stats.json "d['viewers']['$1']"
}

# told ROUNDS COMPLAINT: until so many changes are told, each three times to all.
told() {
	rig_until "[ \$(viewers rounds) -ge $1 ] && [ \$(viewers rounds_due) -eq 0 ]" "$2"
}

far=$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%SZ)
python3 - "$far" >show.json <<'EOP'
import json, sys
print(json.dumps({"show": "evening", "interactions": [
    {"tenant": "acme", "id": i, "kind": "poll", "question": "?", "options": ["A", "B"], "opens_at": sys.argv[1]}
    for i in (801, 802)]}))
EOP
"$TALLYCTL" load show.json >/dev/null
told 1 "the show is not told, to nobody"

play watch --viewers "$VIEWERS" --ipv6 30 --vote 1
watching=$player
play spoof --viewers 50 --first 5000 --spoof
spoofing=$player
rig_until "[ \$(viewers subscribers) -eq $VIEWERS ]" "not all viewers are subscribed"

"$TALLYCTL" open acme/101 --poll "Which colour?" Red Blue --for 10m --max-delay 1s >/dev/null
told 2 "the opening is not told to all"
counted() {
	"$TALLYCTL" results acme/101 --json >results.json
	rig_json results.json 'd["interactions"][0]["receipts"]["counted"]'
}
rig_until "[ \$(counted) -eq $VIEWERS ]" "not all who were told have voted"
"$TALLYCTL" open acme/102 --poll "And now?" Red Blue Green --at "$far" >/dev/null
told 3 "the scheduled window is not told"
"$TALLYCTL" close acme/101 >/dev/null
told 4 "the close is not told"
"$TALLYCTL" watch acme/101 --json >/dev/null # ends when the window is final
"$TALLYCTL" reveal acme/101 >/dev/null
told 5 "the reveal is not told"
"$TALLYCTL" cancel acme/102 >/dev/null
told 6 "that it is cancelled is not told"

# Ten places are left: of further viewers ten get one, and nobody loses theirs.
play late --viewers 50 --first 9000
late=$player
rig_until "[ \$(viewers no_room) -ge 40 ]" "the table never was full"
[ "$(viewers subscribers)" -eq "$ROOM" ] || rig_fail "$(viewers subscribers) subscribers of $ROOM places"

for player in "$late" "$spoofing" "$watching"; do
	kill -TERM "$player"
	wait "$player" || rig_fail "the viewers: $(cat -- *.txt *.json)"
done

# expect EXPRESSION COMPLAINT: over the viewers' report.
expect() {
	[ "$(rig_json watch.json "$1")" = True ] || rig_fail "$2: $(cat watch.json)"
}
expect "[(c['id'], c['state']) for c in d['changes']] == [(101, 'open'), (102, 'scheduled'), (101, 'closed'),
	(101, 'revealed'), (102, 'cancelled')]" "not the changes that were made"
expect "all(c['viewers'] == $VIEWERS and c['least'] == c['most'] == 3 for c in d['changes'])" \
	"not everybody was told three times"
expect "all((c['leader'], c['share']) == ((1, 10000) if c['state'] == 'revealed' else (0xFFFF, 0))
	for c in d['changes'])" "who led is told wrongly"
expect "d['votes'] == d['receipted'] == d['receipts']['counted'] == $VIEWERS" "not all votes counted"
expect "d['pushed'] == $VIEWERS * 3 * 5" "more was pushed"
expect "d['wrong'] == 0 and d['too_soon'] == 0 and d['missed'] == 0" "wrong datagrams"
[ "$(rig_json spoof.json "(d['challenges'] >= 50 and d['answers'] == d['pushed'] == d['wrong'] == 0 and
	d['bytes_in'] == 64 * d['challenges'] and d['bytes_in'] * 4 <= d['bytes_out'])")" = True ] ||
	rig_fail "a source that was spoofed: $(cat spoof.json)"
"$TALLYCTL" stats --json >stats.json
[ "$(rig_json stats.json "(d['conserved'] and d['viewers']['dropped'] == d['viewers']['rounds_lost'] == 0 and
	d['datagrams']['watch'] == d['viewers']['challenges'] + d['viewers']['answered'])")" = True ] ||
	rig_fail "the appliance's own books: $(cat stats.json)"
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
echo "$VIEWERS viewers were told of 5 changes three times each, in at most" \
	"$(rig_json watch.json 'max(c["spread_ms"] for c in d["changes"])') ms from the first to the last of them"
