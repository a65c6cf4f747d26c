#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A whole show of all kinds, offline: the burst that `tallyreplay make --show` makes of its rundown comes
# to its known answer in `tallyd --replay`, byte for byte, and each time to the same. Needs no root.
# Usage: show_replay_test.sh TALLYD TALLYREPLAY
set -u
tallyd=$(realpath "$1") tallyreplay=$(realpath "$2")
command -v python3 >/dev/null || { echo "SKIP: needs python3 to read results"; exit 77; }
dir=$(mktemp -d /tmp/tallywire.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$dir" || exit 1
umask 077
failures=0

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# make TENANT OUT ARGS...: the tenant's burst, OUT.pcap, with OUT.answer.
make() {
	local tenant=$1 out=$2
	shift 2
	"$tallyreplay" make --keyring keyring.json --tenant "$tenant" --show show.json --voters 2000 \
		--out "$out.pcap" --answer "$out.answer" "$@" >make.log 2>&1 || fail "make $out: $(cat make.log)"
}

# comes_to NAME: its capture comes to its known answer, twice.
comes_to() {
	local again
	for again in first second; do
		timeout 60 "$tallyd" --replay "$1.pcap" --keyring keyring.json --rundown show.json \
			--results "$1.$again" 2>err || fail "$1: $(cat err)"
	done
	"$tallyreplay" check --exact --quiet --results "$1.first" --answer "$1.answer" >check.log 2>&1 ||
		fail "$1 has another result: $(cat check.log)"
	cmp "$1.first" "$1.answer" || fail "$1: the results file is not the known answer, byte for byte"
	cmp "$1.first" "$1.second" || fail "$1: the same capture, another result"
}

cat >keyring.json <<'EOK'
{"tenants":[
  {"id":7,"name":"acme","keys":[{"epoch":1,"key":"000102030405060708090a0b0c0d0e0f"}]},
  {"id":8,"name":"beta","keys":[{"epoch":3,"key":"f0e0d0c0b0a090807060504030201000"}]}]}
EOK
# One of each kind, and those that can with revote; windows at the same time, one after the other, of
# lengths that are no whole seconds; and questions of another tenant with the same ids.
cat >show.json <<'EOS'
{"show":"saturday","interactions":[
  {"tenant":"acme","id":1,"kind":"poll","question":"Which colour?","options":["Red","Green","Blue"],
   "opens_at":"2026-11-22T20:00:02Z"},
  {"tenant":"acme","id":2,"kind":"poll","question":"And now?","options":["Red","Blue"],"revote":true,
   "opens_at":"2026-11-22T20:00:05Z","duration_ms":15000},
  {"tenant":"acme","id":3,"kind":"multi","question":"Which ones?","options":["A","B","C","D","E"],
   "max_choices":3,"opens_at":"2026-11-22T20:00:00Z"},
  {"tenant":"acme","id":4,"kind":"multi","question":"Sure?","options":["A","B","C"],"revote":true,
   "opens_at":"2026-11-22T20:00:30Z","max_delay_ms":9000},
  {"tenant":"beta","id":1,"kind":"quiz","question":"Odd?","options":["1","2"],"correct":[0],
   "opens_at":"2026-11-22T20:00:01Z"},
  {"tenant":"acme","id":5,"kind":"quiz","question":"Capital?","options":["Rome","Bern","Oslo","Wien"],
   "correct":[1],"opens_at":"2026-11-22T20:00:10Z"},
  {"tenant":"acme","id":6,"kind":"quiz","question":"Prime?","options":["7","8","9","11"],
   "correct":[0,3],"points":500,"opens_at":"2026-11-22T20:00:40Z","duration_ms":7500},
  {"tenant":"acme","id":7,"kind":"scale","question":"How good?","min":1,"max":10,
   "opens_at":"2026-11-22T20:00:00Z"},
  {"tenant":"acme","id":8,"kind":"scale","question":"Still?","min":500,"max":1523,"revote":true,
   "opens_at":"2026-11-22T20:00:20Z"},
  {"tenant":"acme","id":9,"kind":"upvote","question":"Which act?","options":["a","b","c","d","e","f"],
   "opens_at":"2026-11-22T20:00:00.25Z"},
  {"tenant":"acme","id":10,"kind":"reaction","question":"How is it?","options":["like","love"],
   "opens_at":"2026-11-22T20:00:01.5Z","duration_ms":6300},
  {"tenant":"beta","id":10,"kind":"upvote","question":"Which?","options":["only"],
   "opens_at":"2026-11-22T20:00:00Z"}]}
EOS

# --- The usual burst, one of other shares, times, habits and addresses, and that of the other tenant.
make acme usual
comes_to usual
make acme other --seed 9 --resent 10 --changed 30 --forged 1 --early 10 --late 5 --first-second 20 \
	--delay 0s..4s --upvotes-per-voter 6 --reactions-per-voter 9 --ipv6 50 --vlan 12
comes_to other
make beta beta --upvotes-per-voter 5
comes_to beta

# --- What the rows are worth: nothing in the story is empty that it is told to be about.
python3 - usual.first other.first <<'EOP' || fail "usual, other: see above"
import json, sys
voters = 2000
for name, upvotes, seconds in ((sys.argv[1], 3, 3), (sys.argv[2], 6, 7)):
    results = json.load(open(name))
    of = {(i["tenant"], i["id"]): i for i in results["interactions"]}
    acme = {id: i for (tenant, id), i in of.items() if tenant == "acme"}
    for id, i in acme.items():
        several = {"upvote": upvotes, "reaction": seconds}.get(i["kind"], 1)
        receipts, revote = i["receipts"], id in (2, 4, 8)
        assert i["voters"] == voters and receipts["counted"] == voters * several, (name, id, receipts)
        assert (receipts["changed"] > 0) == revote, (name, id, receipts)
        assert all(receipts[r] > 0 for r in ("duplicate", "early", "late")), (name, id, receipts)
        assert all(o["votes"] > 0 for o in i["options"] if i["kind"] != "scale"), (name, id)
    assert sum(o["votes"] for o in acme[3]["options"]) > voters, name
    assert acme[7]["mean"] > 1 and acme[8]["mean"] > 500, name
    assert [len(row) for row in acme[10]["series"]] == [2] * 7, name
    assert len({e["points"] for e in results["leaderboards"][1]["entries"]}) > 1, name
    assert [b["tenant"] for b in results["leaderboards"]] == ["beta", "acme"], name
    assert results["leaderboards"][0]["entries"] == [] and of["beta", 1]["voters"] == 0, name
EOP

# --- A known answer is one of this burst alone.
for of in mean series leaderboard leaderboards; do
	python3 - usual.answer $of >spoilt.answer <<'EOP'
import json, sys
answer, member = json.load(open(sys.argv[1])), sys.argv[2]
holder = [d for d in [answer] + answer["interactions"] if member in d][-1]
holder[member] = {"mean": 0, "series": [[0, 0]], "leaderboard": [{"voter": 1, "points": 1}],
                  "leaderboards": [{"tenant": "acme", "entries": [{"voter": 1, "points": 1}]}]}[member]
print(json.dumps(answer))
EOP
	"$tallyreplay" check --results usual.first --answer spoilt.answer >check.log 2>&1 &&
		fail "check does not see another $of"
	grep -q "$of.* DIFFERS" check.log || fail "check says nothing of another $of: $(cat check.log)"
done

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures > 0))
