#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `tallyreplay make`, `watch` and `check` as people call them: exit codes, one line each, and no file that was there
# before is harmed. Needs no root.
# Usage: tallyreplay_test.sh TALLYREPLAY
set -u
tallyreplay=$(realpath "$1")
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

# ends CODE PATTERN ARGS...: this exit code and one line that matches; nothing in the directory changes.
ends() {
	local code=$1 pattern=$2 before status
	shift 2
	before=$(ls -A; cksum ./*.json)
	timeout 60 "$tallyreplay" "$@" >/tmp/"${dir##*/}".out 2>&1
	status=$?
	line=$(cat /tmp/"${dir##*/}".out; rm /tmp/"${dir##*/}".out)
	[ $status -eq "$code" ] || fail "$*: exit code $status: $line"
	[ "$(wc -l <<<"$line")" -eq 1 ] || fail "$*: not one line: $line"
	grep -qE -- "^tallyreplay: $pattern" <<<"$line" || fail "$*: no '$pattern' in: $line"
	[ "$(ls -A; cksum ./*.json)" = "$before" ] || fail "$*: changed $(ls -A)"
}

key=000102030405060708090a0b0c0d0e0f
printf '{"tenants":[{"id":7,"name":"acme","keys":[{"epoch":1,"key":"%s"}]}]}\n' $key >keyring.json
make=(make --keyring keyring.json --tenant acme --voters 100)

# --- The good case, and what it leaves.
"$tallyreplay" "${make[@]}" --out burst.pcap --answer answer.json --rundown rundown.json >/dev/null ||
	fail "make"
[ "$(echo ./*)" = "./answer.json ./burst.pcap ./keyring.json ./rundown.json" ] || fail "make left $(echo ./*)"
"$tallyreplay" check --exact --results answer.json --answer answer.json >/dev/null || fail "check"

# --- A file that is read is never written, nor one written twice, whatever it is called.
mkdir sub
ln keyring.json hard.json
ln -s keyring.json soft.json
for same in keyring.json ./keyring.json sub/../keyring.json "$dir/keyring.json" hard.json soft.json; do
	ends 2 "--out: '$same' is the file of --keyring too; name another" "${make[@]}" --out "$same"
	ends 2 "--answer: .*--keyring" "${make[@]}" --out new.pcap --answer "$same"
	ends 2 "--rundown: .*--keyring" "${make[@]}" --out new.pcap --rundown "$same"
done
ends 2 "--answer: .*--out" "${make[@]}" --out new --answer ./new
ends 2 "--rundown: .*--answer" "${make[@]}" --out new --answer sub/new --rundown "$dir/sub/new"
for partial in new.pcap.partial new.pcap.0.partial; do
	cp keyring.json $partial
	"$tallyreplay" make --keyring $partial --tenant acme --voters 100 --out new.pcap >/dev/null ||
		fail "make beside $partial"
	cmp -s keyring.json $partial || fail "$partial was overwritten"
	rm $partial new.pcap
done
ends 1 "/dev/null: is there and is not a regular file" "${make[@]}" --out /dev/null
ends 1 "sub: is there and is not a regular file" "${make[@]}" --out sub

# --- A show is described once, and by a rundown that holds.
show() {
	printf '{"show":"s","interactions":[{"tenant":"%s","id":5,"kind":"reaction","question":"How?",
		"options":["a"],"opens_at":"%s","max_delay_ms":%s}]}\n' "$1" "$2" "$3" >show.json
}
show acme 2026-01-01T00:00:00Z 5000
"$tallyreplay" "${make[@]}" --show show.json --reactions-per-voter 2 --out show.pcap >show.log ||
	fail "make --show"
grep -qE '^show.pcap: 400 datagrams of 100 voters$' show.log || fail "make --show: $(cat show.log)"
rm show.pcap show.log
for of_polls in interactions=2 first-id=7 options=3 opens-at=2026-01-01T00:00:00Z for=3s max-delay=9s \
	rundown=other.json; do
	ends 2 "make: --${of_polls%=*} is of polls; leave it out beside --show" \
		"${make[@]}" --show show.json --out new.pcap "--$of_polls"
done
ends 2 "make: --upvotes-per-voter goes with --show only" "${make[@]}" --out new.pcap --upvotes-per-voter 2
ends 2 "--reactions-per-voter: '0' is not a whole number from 1" \
	"${make[@]}" --out new.pcap --show show.json --reactions-per-voter 0
ends 2 "--show: '.*show.json' is the file of --out too" "${make[@]}" --out show.json --show ./show.json
ends 1 "missing.json: cannot be opened" "${make[@]}" --out new.pcap --show missing.json
ends 1 "answer.json: datagrams: is an unknown field" "${make[@]}" --out new.pcap --show answer.json
show acme 2026-01-01T00:00:00Z 3000
ends 1 "--delay: .* interaction 5's max_delay of 3 s" "${make[@]}" --out new.pcap --show show.json
show acme 2110-01-01T00:00:00Z 5000
ends 1 "show.json: interaction 5 opens .*2106" "${make[@]}" --out new.pcap --show show.json
show zoo 2026-01-01T00:00:00Z 5000
ends 1 "show.json: interactions\[0\].tenant: " "${make[@]}" --out new.pcap --show show.json
echo '{"show":"s","interactions":[]}' >show.json
ends 1 "show.json: asks nothing of the tenant acme" "${make[@]}" --out new.pcap --show show.json
rm show.json

# --- send: what is asked is read before anything goes out.
send=(send burst.pcap --interface lo)
ends 2 "--rundown: it names tenants, so give --keyring too" "${send[@]}" --rundown rundown.json
ends 1 "missing.json: cannot be opened" "${send[@]}" --keyring keyring.json --rundown missing.json
ends 1 "answer.json: datagrams: is an unknown field" \
	"${send[@]}" --keyring keyring.json --rundown answer.json

# --- watch: what is missing or contradicts itself is said before anything goes out.
ends 2 "watch: --interface is needed" watch --keyring keyring.json --tenant acme
ends 2 "watch: --keyring is needed" watch --interface lo --tenant acme
ends 2 "watch: --tenant is needed" watch --interface lo --keyring keyring.json
watch=(watch --interface lo --keyring keyring.json --tenant acme)
ends 2 "watch: 'x' is one word too many" "${watch[@]}" x
ends 2 "watch: no such option '--what'" "${watch[@]}" --what
ends 2 "--viewers: '0' is not a whole number from 1" "${watch[@]}" --viewers 0
ends 2 "--vote: '65535' is not a whole number from 0 to 65534" "${watch[@]}" --vote 65535
ends 2 "--spoof: who hears nothing cannot vote" "${watch[@]}" --spoof --vote 1
ends 2 "--every: '5' is not a duration" "${watch[@]}" --every 5
ends 1 "--tenant: 'zoo' is not in keyring.json; name one" "${watch[@]}" --tenant zoo
ends 1 "--interface: there is no 'nowhere9'" "${watch[@]}" --interface nowhere9

# --- A wrong command line is wrong before the keyring is read.
wrong=(make --keyring missing.json --tenant acme --voters 100 --out new.pcap)
ends 2 "--delay: '3s..1s' runs backwards" "${wrong[@]}" --delay 3s..1s
ends 2 "--delay: .*max_delay of 1 s; shorten it or give a longer max delay" \
	"${wrong[@]}" --max-delay 1s
ends 2 "--for: a window lasts from 1ms to 24h" "${wrong[@]}" --for 0s
ends 2 "--for: a window lasts from 1ms to 24h" "${wrong[@]}" --for 25h
ends 2 "--for: '20' is not a duration, .* its unit, us, ms, s, m or h" "${wrong[@]}" --for 20
ends 2 "--max-delay: at most 600 s" "${wrong[@]}" --max-delay 1h
ends 2 "shares: resent, .* 110 %; leave something below 100 %" "${wrong[@]}" --resent 90
ends 2 "--early: .*choose a smaller share" "${wrong[@]}" --resent 0 --early 60
ends 2 "--first-id: 4294967295 and 2 interactions .* choose 4294967294 at most" \
	"${wrong[@]}" --first-id 4294967295 --interactions 2
ends 2 "--opens-at: .*2106" "${wrong[@]}" --opens-at 2110-01-01T00:00:00Z
ends 1 "missing.json: cannot be opened" "${wrong[@]}"
ends 1 "--delay: .*max_delay of 5 s" "${make[@]}" --out new.pcap --delay 1s..5s

# --- check: what is no results document is said in a line.
ends 1 "check: missing.json: cannot be opened: No such file or directory; check its path" \
	check --results missing.json --answer answer.json
ends 1 "check: sub: is not a regular file" check --results answer.json --answer sub
mkfifo fifo
ends 1 "check: fifo: is not a regular file" check --results fifo --answer answer.json
ends 1 "check: rundown.json: is no results document; give what .tallyd --replay" \
	check --results rundown.json --answer answer.json
ends 1 "check: rundown.json: is no results document; give what .tallyreplay make --answer" \
	check --results answer.json --answer rundown.json
ends 1 "check: keyring.json: is no results document" check --results keyring.json --answer answer.json
echo '{"a":' >cut.json
ends 1 "check: cut.json: line 2, column [0-9]+: " check --results cut.json --answer answer.json

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures > 0))
