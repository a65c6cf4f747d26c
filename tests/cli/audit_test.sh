#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Results sealed by a show without packets are certified when they are counted again from the journal;
# CRoaring alone reads who voted what; and every kind of tampering is found and named. Needs no root.
# Usage: audit_test.sh TALLYCTL SEALED_SHOW ROARING_LIST
set -u
tallyctl=$(realpath "$1") sealed_show=$(realpath "$2") roaring_list=$(realpath "$3")
dir=$(mktemp -d /var/tmp/tallywire.XXXXXX)
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

# audits CODE PATTERN FOLDER ARGS...: tallyctl audit ends so and says so.
audits() {
	local code=$1 pattern=$2 folder=$3 said got
	shift 3
	said=$("$tallyctl" audit "$folder" --journal show/journal "$@" 2>&1)
	got=$?
	[ "$got" = "$code" ] || fail "audit $folder $*: ends with $got, not $code: $said"
	grep -qE -- "$pattern" <<<"$said" || fail "audit $folder $*: does not say '$pattern': $said"
}

# set_is FILE AWK...: its numbers are those below 1000000 that the awk condition on v names.
set_is() {
	cmp -s <("$roaring_list" "$1") <(awk "BEGIN { for (v = 0; v < $3; v++) if ($2) print v }") ||
		fail "$1 is not the voters with $2"
}

# The voters of poll 1: 0 to 2998, and 900000 in the place of 2999.
poll_is() {
	cmp -s <("$roaring_list" "$1") \
		<(awk "BEGIN { for (v = 0; v < 3000; v++) if ($2) print v < 2999 ? v : 900000 }") ||
		fail "$1 is not the voters with $2"
}

# tampered FOLDER: a fresh copy of it, in `copy`.
tampered() {
	rm -rf copy
	cp -r "$1" copy
}

mkdir show missed immediate other
timeout 50 "$sealed_show" show 2>err
code=$?
[ $code = 77 ] && { echo "SKIP: $(cat err)"; exit 77; }
[ $code = 0 ] || { echo "FAIL: sealed_show: $(cat err)"; exit 1; }
results=show/results
key=$("$tallyctl" audit "$results"/acme-1-* --journal show/journal --json | sed -n 's/.*"identity": "\(.*\)".*/\1/p')

# All kinds come to the same again.
count=0
for folder in "$results"/acme-*; do
	audits 0 '^certified: acme/' "$folder" --identity "$key"
	count=$((count + 1))
done
[ "$count" = 8 ] || fail "$count results were sealed, not 8"
audits 0 'as it says itself' "$results"/acme-1-*
audits 0 '"verdict": "certified"' "$results"/acme-1-* --json
[ "$(stat -c %a show/identity.key)" = 600 ] || fail "the key has mode $(stat -c %a show/identity.key)"

# Who voted what, as others read it.
for i in 0 1 2; do
	poll_is "$(echo "$results"/acme-1-*/option-$i.roaring)" "v % 3 == $i"
	set_is "$(echo "$results"/acme-8-*/option-$i.roaring)" "v % 3 == $i || (v + 1) % 3 == $i" 60
done
poll_is "$(echo "$results"/acme-1-*/voters.roaring)" 1
set_is "$(echo "$results"/acme-2-*/option-0.roaring)" "v >= 50" 100
set_is "$(echo "$results"/acme-2-*/option-1.roaring)" "v < 50" 100
for i in 0 1 2 3; do
	set_is "$(echo "$results"/acme-3-*/option-$i.roaring)" "int((v % 15 + 1) / 2 ^ $i) % 2" 1000
done
set_is "$(echo "$results"/acme-4-*/option-0.roaring)" "v % 2 == 0" 200
for i in 1 2 3 4 5 6 7 8 9 10; do
	set_is "$(echo "$results"/acme-5-*/value-$i.roaring)" "v % 10 + 1 == $i" 100
done
for i in 0 1 2 3 4; do
	set_is "$(echo "$results"/acme-6-*/option-$i.roaring)" "v % 5 == $i || (v + 1) % 5 == $i" 100
done
cmp -s <(od -An -v -tu1 -w6 "$results"/acme-7-*/pairs | awk '{ print ($3 * 256 + $4), ($5 * 256 + $6) }') \
	<(awk 'BEGIN { for (v = 0; v < 100; v++) print v, v * 10 }') || fail "pairs are not who was for what"

# Tables.
"$tallyctl" export "$results"/acme-1-* | tr -d '\r' >table
printf 'index,label,votes\n0,"Red",1000\n1,"Green, light",1000\n2,"Blue",1000\n' | cmp -s - table ||
	fail "export of a poll: $(cat table)"
"$tallyctl" export "$results"/acme-4-* | grep -q '^0,"Yes",100,1' || fail "export of a quiz"
"$tallyctl" export "$results"/acme-5-* | grep -q '^10,10' || fail "export of a scale"
[ "$("$tallyctl" export "$results"/acme-8-* | wc -l)" = 16 ] || fail "export of a reaction"
"$tallyctl" export "$results"/acme-1-* --json | grep -q '"voters": 3000' || fail "export --json"
"$tallyctl" export show >out 2>&1 && fail "export of a directory without a result"
grep -q 'result.json: cannot be read' out || fail "export says: $(cat out)"

# Tampering with the files.
poll=$(echo "$results"/acme-1-*)
tampered "$poll"
printf '\x7f' | dd of=copy/option-0.roaring bs=1 seek=40 conv=notrunc status=none
audits 1 'option-0.roaring: was changed' copy
tampered "$poll"
cp copy/option-1.roaring copy/option-0.roaring
audits 1 'option-0.roaring: 1000 voters are in it that the journal does not have, 1000 of the' copy
tampered "$poll"
sed -i '0,/"votes": 1000/s//"votes": 1001/' copy/result.json
audits 1 'result.json: was changed' copy
audits 1 'options\[0\]\.votes: sealed as 1001, the journal has 1000' copy
tampered "$poll"
sed -i 's/"missed": 0/"missed": 1/; s/"certifiable": true/"certifiable": false/' copy/manifest.json
audits 1 'manifest.sig: is not the signature' copy
audits 1 'manifest.json: missed: sealed as 1, the journal has 0' copy
tampered "$poll"
printf '\x01' | dd of=copy/manifest.sig bs=1 seek=5 conv=notrunc status=none
audits 1 'manifest.sig: is not the signature' copy
tampered "$poll"
rm copy/voters.roaring
audits 1 'voters.roaring: cannot be read: No such file' copy
tampered "$poll"
touch copy/option-9.roaring
audits 1 'option-9.roaring: is not in the manifest' copy
tampered "$poll"
rm copy/manifest.sig
audits 1 'manifest.sig: cannot be read' copy
tampered "$poll"
echo '{' >copy/manifest.json
audits 1 'manifest.json: line 2, column 0: not valid JSON' copy
tampered "$poll"
sed -i 's/"option-0.roaring"/"..\/option-0.roaring"/' copy/manifest.json
audits 1 'files\[0\].name: is no name of a sealed file' copy
audits 1 'manifest.json: cannot be read' nothing

# Another key, and keys that are none.
audits 1 'signed by another appliance' "$poll" --identity "${key//[0-4]/a}"
audits 2 'is not a key of 64 hex digits' "$poll" --identity abc

# Another journal, a cut one, a damaged one, none.
timeout 50 "$sealed_show" other other 2>err || fail "sealed_show other: $(cat err)"
"$tallyctl" audit "$poll" --journal other/journal >out 2>&1 && fail "certified with another journal"
# In how many blocks its votes are is never the same.
grep -qE '^(journal|result.json): ' out || fail "with another journal: $(cat out)"
"$tallyctl" audit "$poll" --journal nowhere >out 2>&1 && fail "certified without a journal"
grep -q 'journal: nowhere: cannot be read' out || fail "without a journal: $(cat out)"
mkdir empty
"$tallyctl" audit "$poll" --journal empty >out 2>&1 && fail "certified with an empty journal"
grep -q 'the result was counted up to block' out || fail "with an empty journal: $(cat out)"
cp -r show/journal cut
truncate -s 8192 cut/0000000000000001.journal
"$tallyctl" audit "$poll" --journal cut >out 2>&1 && fail "certified with a cut journal"
grep -q 'should be there (its length cannot be)' out || fail "with a cut journal: $(cat out)"
cp -r show/journal damaged
printf '\xff' | dd of=damaged/0000000000000001.journal bs=1 seek=12288 conv=notrunc status=none
"$tallyctl" audit "$poll" --journal damaged >out 2>&1 && fail "certified with a damaged journal"
grep -q 'should be there' out || fail "with a damaged journal: $(cat out)"

# What nobody can vouch for.
timeout 50 "$sealed_show" missed missed 2>err || fail "sealed_show missed: $(cat err)"
"$tallyctl" audit missed/results/acme-1-* --journal missed/journal >out 2>&1
[ $? = 4 ] || fail "missed: ends otherwise: $(cat out)"
grep -q '^not certifiable: acme/1: .*; 3 packets were missed' out || fail "missed: $(cat out)"
timeout 50 "$sealed_show" immediate immediate 2>err || fail "sealed_show immediate: $(cat err)"
"$tallyctl" audit immediate/results/acme-1-* --journal immediate/journal >out 2>&1
[ $? = 4 ] || fail "immediate: ends otherwise: $(cat out)"
grep -q '^not certifiable: .*; its receipts did not wait' out || fail "immediate: $(cat out)"
"$tallyctl" audit "$poll" --journal immediate/journal >out 2>&1 &&
	fail "certified by a journal whose receipts did not wait"

[ "$failures" = 0 ] || { echo "$failures failures"; exit 1; }
echo "all kinds certified, all tampering found"
