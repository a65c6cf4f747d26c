#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tallyreplay alone on a wire: every frame of a burst arrives, by AF_PACKET and by AF_XDP, as it was
# made; nobody answers, and --until-receipted says so; what cannot be sent is refused in one line.
#
#   viewers: tallyreplay send viewer0 ── veth ── sink0 :sink   (counts, and captures)
set -euo pipefail

build=${TALLYWIRE_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
replay=$build/perf/tallyreplay
sink=tws$$ viewers=twr$$

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || { echo "SKIP: needs root for network namespaces"; exit 77; }
ip netns add "$sink" 2>/dev/null || { echo "SKIP: this kernel gives no network namespaces"; exit 77; }
dir=$(mktemp -d /tmp/tallyreplay.XXXXXX)
clean() {
	ip netns del "$sink" 2>/dev/null || true
	ip netns del "$viewers" 2>/dev/null || true
	rm -rf "$dir"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ip netns add "$viewers"
ip -n "$sink" link add sink0 type veth peer name viewer0 netns "$viewers"
# Nothing but ours on this wire.
ip netns exec "$sink" sysctl -qw net.ipv6.conf.sink0.disable_ipv6=1 2>/dev/null || true
ip netns exec "$viewers" sysctl -qw net.ipv6.conf.viewer0.disable_ipv6=1 2>/dev/null || true
ip -n "$sink" link set sink0 up
cd "$dir"
(
	umask 077
	echo '{"tenants":[{"id":7,"name":"acme","keys":[{"epoch":1,"key":"000102030405060708090a0b0c0d0e0f"}]}]}' >keyring.json
)
"$replay" make --keyring keyring.json --tenant acme --voters 10000 --ipv6 30 --vlan 12 --for 1s \
	--delay 10ms..300ms --out burst.pcap >/dev/null

in_viewers() {
	nsenter --net="/run/netns/$viewers" "$@"
}

arrived() {
	ip -n "$sink" -s -j link show sink0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])'
}

# refused WORD ARGUMENTS...: the sender gives up, with one line that holds the word.
refused() {
	local word=$1
	shift
	in_viewers "$replay" send "$@" >out.txt 2>err.txt && fail "send $* did not fail"
	[ "$(wc -l <err.txt)" -eq 1 ] || fail "send $*: not one line: $(cat err.txt)"
	grep -q -- "$word" err.txt || fail "send $*: no '$word' in: $(cat err.txt)"
}

refused "is down" burst.pcap --interface viewer0
refused "there is no 'viewer9'" burst.pcap --interface viewer9
ip -n "$viewers" link set viewer0 up
head -c 500000 burst.pcap >cut.pcap
refused "cut.pcap: packet [0-9]*: " cut.pcap --interface viewer0
refused "keyring.json: " keyring.json --interface viewer0
refused "none.pcap: " none.pcap --interface viewer0
refused "--keyring" burst.pcap --interface viewer0 --until-receipted
refused "ago" burst.pcap --interface viewer0 --start 2020-01-01T00:00:00Z
chmod 644 keyring.json
refused "keyring.json" burst.pcap --interface viewer0 --keyring keyring.json
chmod 600 keyring.json
refused "number" burst.pcap --interface viewer0 --port 0

for via in af_packet af_xdp; do
	before=$(arrived)
	in_viewers "$replay" send burst.pcap --interface viewer0 --via $via --speed max --json >sent.json 2>err.txt || {
		if [ $via = af_xdp ]; then
			echo "not tried: AF_XDP: $(cat err.txt)"
			continue
		fi
		fail "$via: $(cat err.txt)"
	}
	[ $(($(arrived) - before)) -eq 20000 ] || fail "$via: $(($(arrived) - before)) of 20000 frames arrived"
	grep -q '"frames_sent": 20000,' sent.json || fail "$via: $(cat sent.json)"
done

# True to its timestamps a burst takes as long as the show did: 1 s and what is late.
mac=$(ip -n "$sink" -j link show sink0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])')
in_viewers "$replay" send burst.pcap --interface viewer0 --dst-mac "$mac" --restamp \
	--keyring keyring.json --json >sent.json
python3 -c 'import json; d = json.load(open("sent.json")); assert d["duration_s"] > 1.5, d' ||
	fail "the burst went out too fast"

refused "have no receipt" burst.pcap --interface viewer0 --speed max --until-receipted \
	--keyring keyring.json --timeout 300ms --rounds 2 --in-flight 20000
ip -n "$viewers" link show viewer0 | grep -q xdp && fail "an XDP program is left behind"
echo "20,000 frames arrived each time; bad input was refused"
