#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A tenant's key is rotated in the middle of its burst. Votes signed with the old key and with the new
# one are all counted, none is bad_tag, none is lost. When the old epoch is retired its votes end as
# unknown_key, at the front. A second tenant comes, is asked, and goes; a third has a limit, and what is
# over it is policed. The keyring says all of it after a restart, where acme has a queue of its own.
#
#   namespace viewers                                namespace appliance
#   ┌─────────────────────────────────────┐          ┌─────────────────────────┐
#   │ tallyreplay send, epoch 1 ─ viewer0 ├── veth ──┤ tally0 ─ front ┐        │
#   │                                     │          │                ├ tallyd │
#   │ tallyreplay send, epoch 2 ─ viewer1 ├── veth ──┤ tally1 ─ front ┘        │
#   └─────────────────────────────────────┘          └─────────────────────────┘
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

voters=${1:-5000}
rig_need_root
RIG_ACK=immediate # every receipt is counted, and a slow disk answers busy
rig_up
rig_keyring
rig_configure af_xdp:tally0 af_xdp:tally1
cd "$rig_dir"
ip -n "$rig_appliance" link add tally1 type veth peer name viewer1 netns "$rig_viewers"
rig_quiet_link "$rig_appliance" tally1 198.18.253.1
rig_quiet_link "$rig_viewers" viewer1 198.18.253.2
macs=("$rig_tally_mac" "$(ip -n "$rig_appliance" -o link show tally1 |
	sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/')")
cp -p keyring.json old.json

# make_burst NAME TENANT/ID KEYRING DURATION: a burst without forgeries, NAME.pcap.
make_burst() {
	"$TALLYREPLAY" make --keyring "$3" --tenant "${2%/*}" --voters "$voters" --first-id "${2#*/}" \
		--options 3 --forged 0 --for "$4" --delay 50ms..500ms --max-delay 60s \
		--out "$1.pcap" --answer "$1.answer.json" >make.txt
}

# send_burst NAME WIRE KEYRING TIME [OPTION ...]: as viewers do, its report in NAME.sent.json. Two at a
# time take a wire each, since each looks at all receipts that come in on its own.
send_burst() {
	local name=$1 wire=$2 keyring=$3 start=$4
	shift 4
	rig_in_viewers "$TALLYREPLAY" send "$name.pcap" --interface "viewer$wire" \
		--dst-mac "${macs[$wire]}" --keyring "$keyring" --restamp --start "$start" --json "$@" \
		>"$name.sent.json"
}

open_poll() { # TENANT/ID TIME DURATION
	"$TALLYCTL" open "$1" --poll "Question $1" A B C --for "$3" --max-delay 60s --at "$2" >/dev/null
}

in_seconds() {
	date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ
}

counter() {
	"$TALLYCTL" stats --json >stats.json
	rig_json stats.json "d['datagrams']['$1']"
}

expect_counters() { # WHEN NAME=VALUE ...
	local pair when=$1
	shift
	for pair in "$@"; do
		[ "$(counter "${pair%=*}")" = "${pair#*=}" ] || rig_fail "$when: $pair: $(cat stats.json)"
	done
	[ "$(rig_json stats.json 'd["conserved"]')" = True ] || rig_fail "$when: not conserved"
}

check_results() { # NAME TENANT/ID
	"$TALLYCTL" results "$2" --json >results.json
	"$TALLYREPLAY" check --results results.json --answer "$1.answer.json" >check.txt ||
		rig_fail "$1: $(cat check.txt)"
}

rig_start_tallyd
make_burst before acme/101 old.json 8s
opens_at=$(in_seconds 2)
open_poll acme/101 "$opens_at" 8s
send_burst before 0 old.json "$opens_at" --until-receipted &
sender=$!
rig_pids+=("$sender")

# In the middle of the burst: votes are counted, and not all of them.
rig_until "[ \"\$(counter counted)\" -gt 0 ]" "no vote was counted"
"$TALLYCTL" tenant rotate acme --json >rotated.json
[ "$(counter counted)" -lt "$voters" ] || rig_fail "the burst was over before the key was rotated"
[ "$(rig_json rotated.json 'd["epoch"]')" = 2 ] || rig_fail "not epoch 2"
key=$(rig_json rotated.json 'd["key"]')
grep -q "\"epoch\": 2, \"key\": \"$key\"" keyring.json || rig_fail "the key is not in the keyring"
[ "$(stat -c %a keyring.json)" = 600 ] || rig_fail "the keyring's mode is $(stat -c %a keyring.json)"

# The login service has the new key now: other viewers sign with it while the old burst goes on.
make_burst after acme/102 keyring.json 2s
opens_at=$(in_seconds 2)
open_poll acme/102 "$opens_at" 2s
send_burst after 1 keyring.json "$opens_at" --until-receipted || rig_fail "$(cat after.sent.json)"
wait "$sender" || rig_fail "$(cat before.sent.json)"
check_results before acme/101
check_results after acme/102
expect_counters "both epochs" bad_tag=0 unknown_key=0 unknown=0 missed=0 in_flight=0

# The old epoch ends: its votes reach nobody, the new one's are counted.
"$TALLYCTL" tenant retire acme --epoch 1 >retired.txt
grep -qx 'acme: epoch 1 is retired; valid: 2' retired.txt || rig_fail "$(cat retired.txt)"
make_burst late acme/103 old.json 1s
make_burst new acme/104 keyring.json 1s
opens_at=$(in_seconds 2)
open_poll acme/103 "$opens_at" 1s
send_burst late 0 old.json "$opens_at" --speed max || true # no receipt comes
sent=$(rig_json late.sent.json 'd["frames_sent"]')
rig_until "[ \"\$(counter unknown_key)\" = $sent ]" "the retired epoch's $sent votes"
opens_at=$(in_seconds 2)
open_poll acme/104 "$opens_at" 1s
send_burst new 1 keyring.json "$opens_at" --until-receipted || rig_fail "$(cat new.sent.json)"
check_results new acme/104
expect_counters "the old epoch retired" bad_tag=0 "unknown_key=$sent" missed=0 in_flight=0
"$TALLYCTL" results acme/103 --json >results.json
[ "$(rig_json results.json 'd["interactions"][0]["voters"]')" = 0 ] || rig_fail "a retired key counts"

# A tenant comes, is asked, and goes when its windows are over.
"$TALLYCTL" tenant add kino --max-delay 30s --votes-per-s 900000000 >added.txt
grep -q "^key     [0-9a-f]\{32\}$" added.txt || rig_fail "no key: $(cat added.txt)"
make_burst kino kino/1 keyring.json 1s
opens_at=$(in_seconds 2)
open_poll kino/1 "$opens_at" 1s
send_burst kino 1 keyring.json "$opens_at" --until-receipted || rig_fail "$(cat kino.sent.json)"
check_results kino kino/1
"$TALLYCTL" tenant retire kino 2>busy.txt && rig_fail "a tenant with an open window was retired"
grep -q "kino/1 is" busy.txt || rig_fail "$(cat busy.txt)"
"$TALLYCTL" cancel kino/1 >/dev/null
# shellcheck disable=SC2016 # rig_until evaluates it
rig_until '"$TALLYCTL" tenant retire kino >/dev/null 2>retire.txt || ! grep -q "try again in a moment" retire.txt' \
	"kino/1 is never sealed"
[ ! -s retire.txt ] || rig_fail "$(cat retire.txt)"

# The front drops what is over a tenant's limit, and each vote is somewhere.
"$TALLYCTL" tenant add small --max-delay 30s --votes-per-s 1 >/dev/null
make_burst small small/1 keyring.json 1s
opens_at=$(in_seconds 2)
open_poll small/1 "$opens_at" 1s
send_burst small 1 keyring.json "$opens_at" --speed max || true # most get no receipt
sent=$(rig_json small.sent.json 'd["frames_sent"]')
judged_and_policed() {
	"$TALLYCTL" results small/1 --json >results.json
	"$TALLYCTL" tenant list --json >list.json
	policed=$(rig_json list.json 'sum(t["policed"] for t in d["tenants"] if t["name"] == "small")')
	echo $(($(rig_json results.json 'sum(d["interactions"][0]["receipts"].values())') + policed))
}
rig_until "[ \"\$(judged_and_policed)\" = $sent ]" "not every one of $sent votes is somewhere"
policed=$(rig_json list.json 'sum(t["policed"] for t in d["tenants"])')
[ "$policed" -gt 0 ] || rig_fail "nothing was policed"
expect_counters "a limit" "policed=$policed" missed=0 in_flight=0

# A keyring that is edited is left alone, and everything goes on.
printf '\n{' >>keyring.json
"$TALLYCTL" tenant rotate acme 2>edited.txt && rig_fail "an edited keyring was overwritten"
grep -q "was changed since tallyd read it" edited.txt || rig_fail "$(cat edited.txt)"
truncate -s -2 keyring.json
"$TALLYCTL" tenant list --json >list.json
[ "$(rig_json list.json '[(t["name"], t["epochs"]) for t in d["tenants"]]')" = "[('acme', [2]), ('small', [1])]" ] ||
	rig_fail "$(cat list.json)"
grep -q "$key" list.json && rig_fail "the list has a key in it"

rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
printf '[owners]\nnobody = port0:0\n' >>tallyd.conf
"$TALLYD" --config tallyd.conf --check-config 2>owners.txt && rig_fail "nobody owns a queue"
grep -q "\[owners\] nobody = port0:0: the keyring .* has no such tenant" owners.txt ||
	rig_fail "$(cat owners.txt)"
sed -i 's/^nobody/acme/' tallyd.conf
rig_start_tallyd
"$TALLYCTL" tenant list --json >list.json
[ "$(rig_json list.json '[(t["name"], t["epochs"]) for t in d["tenants"]]')" = "[('acme', [2]), ('small', [1])]" ] ||
	rig_fail "after a restart: $(cat list.json)"

# tally0's queue is acme's alone now.
"$TALLYCTL" tenant retire acme 2>owners.txt && rig_fail "a tenant with queues was retired"
grep -q "acme owns queues" owners.txt || rig_fail "$(cat owners.txt)"
make_burst other small/2 keyring.json 1s
make_burst own acme/105 keyring.json 1s
opens_at=$(in_seconds 2)
open_poll small/2 "$opens_at" 1s
send_burst other 0 keyring.json "$opens_at" --speed max || true # no receipt comes
sent=$(rig_json other.sent.json 'd["frames_sent"]')
rig_until "[ \"\$(counter policed)\" = $sent ]" "$sent votes on another tenant's queue"
opens_at=$(in_seconds 2)
open_poll acme/105 "$opens_at" 1s
send_burst own 0 keyring.json "$opens_at" --until-receipted || rig_fail "$(cat own.sent.json)"
check_results own acme/105
expect_counters "a queue of its own" "policed=$sent" missed=0 in_flight=0

# A single voter's key is revoked while the window is open: it gets no answer and is not counted. Restored,
# it is taken again.
make_burst one acme/106 keyring.json 1s
opens_at=$(in_seconds 2)
open_poll acme/106 "$opens_at" 1s
"$TALLYCTL" voter revoke acme 42 >revoked.txt
grep -qx 'acme: voter 42 is revoked under epochs 2' revoked.txt || rig_fail "$(cat revoked.txt)"
send_burst one 0 keyring.json "$opens_at" --until-receipted --rounds 3 &&
	rig_fail "a revoked voter has a receipt: $(cat one.sent.json)"
"$TALLYCTL" results acme/106 --json >results.json
[ "$(rig_json results.json 'd["interactions"][0]["voters"]')" = $((voters - 1)) ] ||
	rig_fail "not all but the revoked voter: $(cat results.json)"
[ "$(counter unknown_key)" -gt 0 ] || rig_fail "where did voter 42's votes go? $(cat stats.json)"
grep -q '"revoked": \[42\]' keyring.json || rig_fail "the keyring does not say who is revoked"
"$TALLYCTL" voter restore acme 42 >/dev/null
make_burst restored acme/107 keyring.json 1s
opens_at=$(in_seconds 2)
open_poll acme/107 "$opens_at" 1s
send_burst restored 0 keyring.json "$opens_at" --until-receipted || rig_fail "$(cat restored.sent.json)"
check_results restored acme/107
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
[ "$(find . -name '*.tmp' | wc -l)" = 0 ] || rig_fail "files are left beside the keyring: $(ls)"
echo "$voters votes of each epoch counted; $policed over a limit and $sent on another's queue policed"
