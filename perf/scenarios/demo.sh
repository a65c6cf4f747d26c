#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The whole way of a vote, to be watched: a million datagrams of half a million viewers go in at the
# wire, the studio sees bars move, and in the end the result is compared with what it must be.
# Called by `./run demo`. Leaves the machine as it was, also when it is interrupted.
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../../tests/lib/rig.sh"

step() {
	printf '\n\033[1m%s\033[0m\n' "$*"
}

rig_need_root
rig_up
rig_huge_pages
rig_keyring
rig_configure
cd "$rig_dir"

step "1. A burst: 1,000,000 datagrams of 500,000 viewers, 70 % of the answers within one second"
"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters 500000 --options 4 \
	--first-second 70 --resent 30 --changed 12 --forged 2 --early 3 --late 3 --max-delay 10s \
	--out burst.pcap --answer answer.json

step "2. The appliance, behind its XDP front"
rig_start_tallyd
cat tallyd.log

step "3. The producer opens a poll of 20 seconds"
opens_at=$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%SZ)
"$TALLYCTL" open acme/101 --poll "Which colour?" Red Blue Green Yellow --for 20s --max-delay 10s \
	--at "$opens_at"

step "4. The viewers answer, and ask again until they have a receipt"
nsenter --net="/run/netns/$rig_viewers" "$TALLYREPLAY" send burst.pcap --interface viewer0 \
	--dst-mac "$rig_tally_mac" --keyring keyring.json --restamp --start "$opens_at" --speed 1 \
	--until-receipted >send.txt 2>&1 &
sender=$!
rig_pids+=("$sender")
"$TALLYCTL" watch acme/101
sent=0
wait "$sender" || sent=$?

step "5. The result"
"$TALLYCTL" results acme/101
"$TALLYCTL" results --json >results.json

step "6. Where every packet went"
"$TALLYCTL" stats

step "7. What the viewers got back"
cat send.txt

step "8. The result against the burst's known answer"
agreed=0
"$TALLYREPLAY" check --results results.json --answer answer.json || agreed=$?
rig_stop_tallyd
[ "$sent$agreed" = 00 ] || rig_fail "the demo did not come out as it must"
echo "Every vote counted, once."
