#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `tallyd --replay` as a studio calls it: known answers from every capture format, votes at the edges of
# a window, and each bad input answered with one line and nothing half done. Needs no root.
# Usage: replay_test.sh TALLYD TALLYREPLAY
set -u
tallyd=$(realpath "$1") tallyreplay=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || { echo "SKIP: needs python3 to write captures"; exit 77; }
dir=$(mktemp -d /tmp/tallywire.XXXXXX)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$dir" || exit 1
umask 077
failures=0
key=000102030405060708090a0b0c0d0e0f

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

captures() {
	python3 "$here/captures.py" "$@"
}

# replay CAPTURE RUNDOWN RESULTS: with the good keyring; stderr goes to the file err.
replay() {
	timeout 30 "$tallyd" --replay "$1" --keyring keyring.json --rundown "$2" --results "$3" 2>err
}

# One line on stderr, and nothing on stdout.
expect_one_line() {
	[ "$(wc -l <err)" -eq 1 ] && [ ! -s out ] && return
	fail "$1: not one line on stderr: $(cat out err)"
}

# refused NAME PATTERN ARGS...: tallyd ends with 1 and a line that matches PATTERN; a results file that
# is there stays as it is, one that is not does not appear, and nothing else is left in the directory.
refused() {
	local name=$1 pattern=$2 old before status
	shift 2
	for old in "" "an older result"; do
		rm -f results.json out err
		[ -z "$old" ] || echo "$old" >results.json
		: >out
		: >err
		before=$(ls -A)
		timeout 30 "$tallyd" "$@" >out 2>err
		status=$?
		[ $status -eq 1 ] || fail "$name: exit code $status"
		expect_one_line "$name"
		grep -qE "^tallyd: $pattern" err || fail "$name: no '$pattern' in: $(cat err)"
		[ "$(cat results.json 2>/dev/null)" = "$old" ] || fail "$name: results.json has changed"
		[ "$(ls -A)" = "$before" ] || fail "$name: left $(ls -A)"
	done
	rm -f results.json
}

# The same where just one of the four files is bad.
refused_capture() {
	refused "capture: $1" "$2" --replay "$3" --keyring keyring.json --rundown rundown.json \
		--results results.json
}

refused_keyring() {
	refused "keyring: $1" "$2" --replay burst.pcap --keyring "$3" --rundown rundown.json \
		--results results.json
}

refused_rundown() {
	refused "rundown: $1" "$2" --replay burst.pcap --keyring keyring.json --rundown "$3" \
		--results results.json
}

refused_results() {
	refused "results: $1" "$2" --replay burst.pcap --keyring keyring.json --rundown rundown.json \
		--results "$3"
}

# misused NAME ARGS...: exit code 2, one line.
misused() {
	local name=$1 before status
	shift
	: >out
	: >err
	before=$(ls -A)
	timeout 30 "$tallyd" "$@" >out 2>err
	status=$?
	[ $status -eq 2 ] || fail "$name: exit code $status"
	expect_one_line "$name"
	[ "$(ls -A)" = "$before" ] || fail "$name: left $(ls -A)"
}

printf '{"tenants":[{"id":7,"name":"acme","keys":[{"epoch":1,"key":"%s"}]}]}\n' $key >keyring.json

# --- A burst comes to exactly its known answer, from whatever format, and each time the same.
"$tallyreplay" make --keyring keyring.json --tenant acme --voters 3000 --interactions 3 --ipv6 20 \
	--vlan 5 --out burst.pcap --answer answer.json --rundown rundown.json >make.log 2>&1 ||
	fail "tallyreplay make: $(cat make.log)"
replay burst.pcap rundown.json first.json || fail "burst: $(cat err)"
[ "$(wc -l <err)" -eq 1 ] || fail "burst: more than a line: $(cat err)"
"$tallyreplay" check --exact --results first.json --answer answer.json >check.log 2>&1 ||
	fail "the burst has another result: $(cat check.log)"
replay burst.pcap rundown.json second.json || fail "burst, again: $(cat err)"
cmp first.json second.json || fail "the same capture, another result"
replay burst.pcap rundown.json - >third.json || fail "burst to stdout: $(cat err)"
cmp first.json third.json || fail "stdout has another result"
replay burst.pcap rundown.json second.json || fail "burst over an older result: $(cat err)"
cmp first.json second.json || fail "an older result was not replaced"
for format in us-le us-be ns-le ns-be pcapng-le pcapng-be; do
	captures convert burst.pcap $format burst.$format || fail "captures.py $format"
	replay burst.$format rundown.json $format.json || fail "$format: $(cat err)"
	cmp first.json $format.json || fail "$format has another result"
done

# --- A capture without packets is a show without votes.
head -c 24 burst.pcap >header.pcap
replay header.pcap rundown.json zero.json || fail "header only: $(cat err)"
captures zero-check zero.json || fail "header only: not all zero: $(cat zero.json)"
grep -q '"state": "final"' zero.json || fail "header only: not final"

# --- Another port: no packet is a vote.
timeout 30 "$tallyd" --replay burst.pcap --keyring keyring.json --rundown rundown.json \
	--results port.json --port 4434 2>err || fail "--port: $(cat err)"
[ "$(grep -c '"voters": 0' port.json)" -eq 3 ] || fail "--port: votes on another port"

# --- Votes at the edges of a window, to the µs; the first and the last voter; stamps that go back.
captures edges $key edges.pcap edges.json || fail "captures.py edges"
replay edges.pcap edges.json edges.results || fail "edges: $(cat err)"
captures edges-check edges.results || fail "edges: see above"

# --- Points, leaderboards, means and seconds come to what the contract says, for all voter numbers.
cp keyring.json one.json
printf '{"tenants":[{"id":7,"name":"acme","keys":[{"epoch":1,"key":"%s"}]},
	{"id":8,"name":"zoo","keys":[{"epoch":1,"key":"%s"}]}]}\n' $key $key >keyring.json
PYTHONDONTWRITEBYTECODE=1 python3 "$here/kinds.py" make $key kinds.pcap kinds.json || fail "kinds.py"
replay kinds.pcap kinds.json kinds.results || fail "kinds: $(cat err)"
PYTHONDONTWRITEBYTECODE=1 python3 "$here/kinds.py" check kinds.results || fail "kinds: see above"
mv one.json keyring.json

# --- Bad captures.
refused_capture "missing" "missing.pcap: .*No such file" missing.pcap
refused_capture "a directory" "\.: is not a file" .
mkfifo fifo
refused_capture "a FIFO" "fifo: is not a file" fifo
: >zero.pcap
refused_capture "zero bytes" "zero.pcap: is empty" zero.pcap
head -c 10 burst.pcap >cut.pcap
refused_capture "cut in its header" "cut.pcap: .*truncated" cut.pcap
head -c 31 burst.pcap >cut.pcap
refused_capture "cut in a packet's header" "cut.pcap: packet 1: .*truncated.*again" cut.pcap
head -c 45 burst.pcap >cut.pcap
refused_capture "cut in a packet" "cut.pcap: packet 1: .*truncated.*again" cut.pcap
head -c -1 burst.pcap >cut.pcap
refused_capture "cut in its last packet" "cut.pcap: packet [0-9]{4,}: .*truncated.*again" cut.pcap
head -c 20 burst.pcapng-le >cut.pcap
refused_capture "pcapng, cut in its header" "cut.pcap: .*truncated" cut.pcap
head -c -5 burst.pcapng-be >cut.pcap
refused_capture "pcapng, cut in its last packet" "cut.pcap: packet [0-9]{4,}: .*again" cut.pcap
head -c 28 burst.pcapng-le >cut.pcap
refused_capture "pcapng without an interface" "cut.pcap: " cut.pcap
{ head -c 32 burst.pcap; printf '\377\377\377\177\377\377\377\177'; tail -c +41 burst.pcap; } >cut.pcap
refused_capture "a packet of 2 GiB" "cut.pcap: packet 1: .*again" cut.pcap
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\2\0\0\0\2\0\010\6\0\0\0' >picture.png
refused_capture "a picture" "picture.png: .*pcap or pcapng" picture.png
echo "hello, studio" >text.txt
refused_capture "text" "text.txt: .*pcap or pcapng" text.txt
refused_capture "the rundown" "rundown.json: .*pcap or pcapng" rundown.json
gzip -c burst.pcap >burst.gz
refused_capture "compressed" "burst.gz: .*pcap or pcapng" burst.gz
captures link-type burst.pcap 113 cooked.pcap
refused_capture "of 'any'" "cooked.pcap: holds link type LINUX_SLL, not Ethernet; record" cooked.pcap
captures link-type burst.pcap 101 raw.pcap
refused_capture "of raw IP" "raw.pcap: holds link type RAW, not Ethernet; record" raw.pcap
captures link-type burst.pcap 9999 strange.pcap
refused_capture "of a strange link" "strange.pcap: holds link type .*, not Ethernet" strange.pcap

# --- Bad keyrings.
refused_keyring "missing" "missing.json: .*No such file" missing.json
refused_keyring "a directory" "\.: is not a regular file" .
for mode in 0640 0644 0604 0620 0601 0777; do
	cp keyring.json open.json
	chmod $mode open.json
	refused_keyring "mode $mode" "open.json: .*mode $mode.*chmod 600 open.json" open.json
done
echo '{"tenants":[]}' >bad.json
refused_keyring "no tenants" "bad.json: tenants: " bad.json
: >bad.json
refused_keyring "empty" "bad.json: is empty" bad.json
head -c 40 keyring.json >bad.json
refused_keyring "cut" "bad.json: line 1, column [0-9]+: " bad.json
sed 's/"name"/"nmae"/' keyring.json >bad.json
refused_keyring "an unknown field" "bad.json: tenants\[0\]" bad.json
grep -q $key err && fail "the message shows the key"
if [ "$(id -u)" -ne 0 ]; then
	cp keyring.json closed.json
	chmod 0200 closed.json
	refused_keyring "not readable" "closed.json: .*Permission denied" closed.json
fi

# --- Bad rundowns.
bad_rundown() {
	local expression=$3
	python3 -c "import json; d = json.load(open('rundown.json')); i = d['interactions']; $expression
json.dump(d, open('bad.json', 'w'))"
	refused_rundown "$1" "bad.json: $2" bad.json
}
refused_rundown "missing" "missing.json: .*No such file" missing.json
refused_rundown "no JSON" "text.txt: line 1, column [0-9]+: " text.txt
refused_rundown "the capture" "burst.pcap: line 1" burst.pcap
bad_rundown "an unknown field" "titel" "d['titel'] = 'x'"
bad_rundown "an unknown field inside" "interactions\[1\].colour" "i[1]['colour'] = 'x'"
bad_rundown "a wrong type" "interactions\[2\].id" "i[2]['id'] = '103'"
bad_rundown "overlapping ids" "interactions\[2\].id: .*interactions\[0\]" "i[2]['id'] = i[0]['id']"
bad_rundown "an unknown tenant" "interactions\[0\].tenant: .*keyring" "i[0]['tenant'] = 'zoo'"
bad_rundown "no time" "interactions\[0\].opens_at" "i[0]['opens_at'] = '20:00'"

# --- Results that cannot be written.
mkdir target
refused_results "no such directory" "nowhere/results.json: .*No such file or directory" \
	nowhere/results.json
refused_results "a directory" "target: .*not a regular file" target
ln -s results.json link
refused_results "a link" "link: .*not a regular file" link
refused_results "a read-only place" "/proc/results.json: cannot be created" /proc/results.json
refused_results "below a file" "text.txt/results.json: .*Not a directory" text.txt/results.json
refused_results "a long name" "n{300}: " "$(printf 'n%.0s' {1..300})"
if [ "$(id -u)" -ne 0 ]; then
	chmod 0500 target
	refused_results "a closed directory" "target/results.json: .*Permission denied" \
		target/results.json
	chmod 0700 target
fi
replay burst.pcap rundown.json - >/dev/full && fail "full stdout: exit code 0"
grep -q '^tallyd: standard output: .*No space' err || fail "full stdout: $(cat err)"
[ "$(wc -l <err)" -eq 1 ] || fail "full stdout: more than a line: $(cat err)"

# --- Wrong arguments.
good=(--replay burst.pcap --keyring keyring.json --rundown rundown.json --results results.json)
misused "nothing"
misused "a word" "${good[@]}" word
misused "an unknown option" "${good[@]}" --fast
misused "a short option" -r burst.pcap
misused "no value" --replay
misused "no keyring" --replay burst.pcap --rundown rundown.json --results results.json
misused "no rundown" --replay burst.pcap --keyring keyring.json --results results.json
misused "no results" --replay burst.pcap --keyring keyring.json --rundown rundown.json
misused "no capture" --keyring keyring.json --rundown rundown.json --results results.json
misused "both ways" "${good[@]}" --config tallyd.conf
misused "a check of nothing" --check-config
misused "replay and check" "${good[@]}" --check-config
misused "replay and unprepare" "${good[@]}" --unprepare
misused "serve with a keyring" --config tallyd.conf --keyring keyring.json
misused "serve with results" --config tallyd.conf --results results.json
misused "check and unprepare" --config tallyd.conf --check-config --unprepare
misused "prepare and unprepare" --config tallyd.conf --prepare --unprepare
misused "prepare without a configuration" --prepare
for port in 0 65536 -1 x 4433x '' 99999999999999999999 ' 4433' +4433; do
	misused "port '$port'" "${good[@]}" --port "$port"
done

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures > 0))
