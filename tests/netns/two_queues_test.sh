#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A voter's twin votes arrive on two queues of one port at the same time, over and over. Each voter is
# counted once; the twin is a duplicate and is told the choice that stands.
#
#   namespace appliance
#   ┌────────────────────────────────────────────────────────────┐
#   │ twins: thread 0 ─ fd 0 ─► queue 0 ┐                ┌ worker 0 │
#   │                                   ├ tap0 ─ front ──┤          │  one ballot
#   │        thread 1 ─ fd 1 ─► queue 1 ┘                └ worker 1 │
#   └────────────────────────────────────────────────────────────┘
#
# With LENGTH, the tap keeps only so many receipts until they are read and drops the others: then votes
# are sent again, and the copy of the vote that stands is a duplicate of itself.
#
# Usage: two_queues_test.sh [VOTERS [LENGTH]]
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"
# shellcheck source=tests/lib/twins.sh
. "$(dirname "$0")/../lib/twins.sh"

voters=${1:-${TWINS_VOTERS:-200000}}
rig_need_root
[ -c /dev/net/tun ] || rig_skip "this kernel has no tap devices"
rig_up
rig_keyring
rig_configure af_xdp:tap0:2
cd "$rig_dir"

twins_open "$rig_appliance" "$voters" tap:tap0 tap:tap0
rig_quiet_link "$rig_appliance" tap0 198.18.253.1
[ $# -lt 2 ] || ip -n "$rig_appliance" link set tap0 txqueuelen "$2"
rig_start_tallyd
twins_race
twins_judge
twins_lists_two
must '[(c["port"], c["queue"]) for c in s["cores"]] == [("af_xdp:tap0:2", 0), ("af_xdp:tap0:2", 1)]' "queues"
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
