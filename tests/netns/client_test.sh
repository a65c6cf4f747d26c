#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Viewers with the library for players watch: they are told that a window opens, vote, and are told that it
# closes and is revealed. Others vote over UDP sockets, IPv4 and IPv6, through a wire that loses a fifth of
# the datagrams each way. Each one hears that the answer stands, and each is counted once.
#
#   namespace viewers                                          namespace appliance
#   ┌──────────────────────────────────────────┐               ┌─────────────────────────┐
#   │ example_vote ×40 ── nft: 20 % lost ──────┼──── veth ─────┤ front → AF_XDP → tallyd │
#   └──────────────────────────────────────────┘               └─────────────────────────┘
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

voters=40
vote=$RIG_BUILD/client/example_vote
rig_need_root
command -v nft >/dev/null || rig_skip "needs nft to lose datagrams (Debian: nftables)"
rig_up
rig_keyring
rig_configure
cd "$rig_dir"

# quiet_ipv6 NAMESPACE INTERFACE ADDRESS: reachable at once, no detection of duplicates.
quiet_ipv6() {
	ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=0" || return
	ip -n "$1" addr add "$3/64" dev "$2" nodad
}
has_ipv6=no
quiet_ipv6 "$rig_appliance" tally0 2001:2:0:1::1 && quiet_ipv6 "$rig_viewers" viewer0 2001:2:0:1::2 &&
	has_ipv6=yes

rig_start_tallyd
"$TALLYCTL" open acme/102 --poll "The wrong one" Yes No --for 60s >/dev/null
"$TALLYCTL" cancel acme/102 >/dev/null

# credential VOTER: as the login service would hand it out.
credential() {
	"$TALLYCTL" key acme "$1" --keyring keyring.json | sed -n 's/^credential  *//p'
}

# vote_as VOTER HOST INTERACTION CHOICE: what the viewer saw is in vote-VOTER, the exit code in code-VOTER.
vote_as() {
	local code=0
	rig_in_viewers "$vote" "$2" 4433 "$(credential "$1")" "$3" "$4" >"vote-$1" 2>"dropped-$1" || code=$?
	echo "$code" >"code-$1"
}

# On a wire that loses nothing: one send, and what a cancelled question says.
vote_as 900 198.18.255.1 102 1
grep -q '^cancelled interaction=102 choice=1 stands=none sends=1 ' vote-900 || rig_fail "$(cat vote-900 dropped-900)"
[ "$(cat code-900)" = 1 ] || rig_fail "a vote that does not count ends with $(cat code-900)"
for word in "$(credential 1)0" "${rig_dir}" tallywire1:; do
	code=0
	"$vote" 198.18.255.1 4433 "$word" 101 1 2>refused || code=$?
	[ "$code" = 2 ] || rig_fail "the credential '$word' was taken"
	[ "$(wc -l <refused)" = 1 ] || rig_fail "not one line: $(cat refused)"
done

# Nobody says when: each viewer votes when told to, and the window closes when all have.
watchers=8
told=()
for voter in $(seq 501 $((500 + watchers))); do
	vote_as "$voter" 198.18.255.1 watch $((voter % 2)) &
	told+=($!)
	rig_pids+=($!)
done
"$TALLYCTL" open acme/103 --poll "When told" Yes No --for 60s --max-delay 2s --at +1s >/dev/null
rig_until "[ \$(cat vote-50? 2>/dev/null | grep -c '^counted interaction=103 ') = $watchers ]" "not all voted when told"
"$TALLYCTL" close acme/103 >/dev/null
"$TALLYCTL" watch acme/103 --json >/dev/null # ends when the window is final
"$TALLYCTL" reveal acme/103 >/dev/null
wait "${told[@]}"
for voter in $(seq 501 $((500 + watchers))); do
	[ "$(cat "code-$voter")" = 0 ] || rig_fail "voter $voter: $(cat "vote-$voter" "dropped-$voter")"
	[ "$(grep -o '^[a-z]* interaction=103' "vote-$voter" | grep -v scheduled | tr '\n' ' ')" = \
		"open interaction=103 counted interaction=103 closed interaction=103 revealed interaction=103 " ] ||
		rig_fail "voter $voter was not told each change once: $(cat "vote-$voter")"
done

rig_in_viewers nft -f - 2>nft.txt <<-EOF_RULES || rig_skip "this kernel loses no datagrams: $(head -1 nft.txt)"
	table inet loss {
		counter lost { }
		chain out {
			type filter hook output priority 0;
			udp dport 4433 numgen random mod 100 < 20 counter name lost drop
		}
		chain in {
			type filter hook input priority 0;
			udp sport 4433 numgen random mod 100 < 20 counter name lost drop
		}
	}
EOF_RULES

"$TALLYCTL" open acme/101 --poll "Which colour?" Red Blue Green Grey --for 60s --max-delay 60s >/dev/null
viewers=()
for voter in $(seq "$voters"); do
	host=198.18.255.1
	[ "$has_ipv6" = no ] || [ $((voter % 2)) = 0 ] || host=2001:2:0:1::1
	vote_as "$voter" "$host" 101 $((voter % 4)) &
	viewers+=($!)
	rig_pids+=($!)
done
wait "${viewers[@]}"

for voter in $(seq "$voters"); do
	[ "$(cat "code-$voter")" = 0 ] || rig_fail "voter $voter: $(cat "vote-$voter" "dropped-$voter")"
	grep -qE "^(counted|duplicate) interaction=101 choice=$((voter % 4)) stands=$((voter % 4)) " "vote-$voter" ||
		rig_fail "voter $voter: $(cat "vote-$voter")"
done
lost=$(rig_in_viewers nft list counter inet loss lost | sed -n 's/.*packets \([0-9]*\).*/\1/p')
[ "$lost" -gt 0 ] || rig_fail "nothing was lost"
"$TALLYCTL" results --json >results.json
[ "$(rig_json results.json '[(i["voters"], [o["votes"] for o in i["options"]], i["receipts"]["counted"])
	for i in d["interactions"] if i["id"] == 101]')" = "[($voters, [10, 10, 10, 10], $voters)]" ] ||
	rig_fail "not each voter once: $(cat results.json)"
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
again=$(cat vote-? vote-?? | grep -vc ' sends=1 ' || true)
echo "$watchers viewers told; $voters answers counted once each, IPv6: $has_ipv6; $lost datagrams lost, $again viewers asked again"
