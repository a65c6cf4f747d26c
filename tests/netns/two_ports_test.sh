#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A voter's twin votes arrive on two ports at the same time, each port a veth pair with a front of its
# own. Each voter is counted once, whichever port the winner came by.
#
#   namespace viewers                      namespace appliance
#   ┌───────────────────────────┐          ┌────────────────────────────┐
#   │ twins: thread 0 ─ viewer0 ├── veth ──┤ tally0 ─ front ─ worker 0 ┐ │
#   │                           │          │                           ├─┤ one ballot
#   │        thread 1 ─ viewer1 ├── veth ──┤ tally1 ─ front ─ worker 1 ┘ │
#   └───────────────────────────┘          └────────────────────────────┘
#
# Usage: two_ports_test.sh [VOTERS]
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"
# shellcheck source=tests/lib/twins.sh
. "$(dirname "$0")/../lib/twins.sh"

voters=${1:-${TWINS_VOTERS:-100000}}
rig_need_root
rig_up
rig_keyring
rig_configure af_xdp:tally0 af_xdp:tally1
cd "$rig_dir"

ip -n "$rig_appliance" link add tally1 type veth peer name viewer1 netns "$rig_viewers"
rig_quiet_link "$rig_appliance" tally1 198.18.253.1
rig_quiet_link "$rig_viewers" viewer1 198.18.253.2
twins_open "$rig_viewers" "$voters" wire:viewer0 wire:viewer1
rig_start_tallyd
twins_race
twins_judge
twins_lists_two
must '[c["port"] for c in s["cores"]] == ["af_xdp:tally0", "af_xdp:tally1"]' "ports"
must 'all(p["steered"] >= v for p in s["ports"])' "a front did not see every voter"
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way: $(cat tallyd.log)"
