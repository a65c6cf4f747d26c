# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The rig of the demo, the benchmarks and the netns tests. Sourced, never run.
#
#   namespace viewers               namespace appliance
#   ┌───────────────────┐           ┌──────────────────────────┐
#   │ tallyreplay       │           │ front → AF_XDP → tallyd  │
#   │           viewer0 ├── veth ───┤ tally0                   │
#   └───────────────────┘           └──────────────────────────┘
#
# Everything carries this process's id and goes away with rig_down, which also runs on errors and
# signals: namespaces, processes, pins (a bpffs of its own), huge pages, files.

RIG_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
RIG_BUILD=${TALLYWIRE_BUILD:-$RIG_TOP/build}
TALLYD=$RIG_BUILD/dataplane/tallyd
# shellcheck disable=SC2034  # used by the scripts that source this
TALLYCTL=$RIG_BUILD/ctl/tallyctl
# shellcheck disable=SC2034
TALLYREPLAY=$RIG_BUILD/perf/tallyreplay
RIG_HUGE_MB=104 # what one queue needs, and a little
rig_dir=
rig_pids=()
rig_huge_before=
# What the appliance's configuration says; a test may change them before rig_configure.
RIG_HUGEPAGES=no
RIG_VOTERS=1000000

rig_skip() {
	echo "SKIP: $*"
	exit 77
}

rig_fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# What the machine must have; exits 77 with the reason where it has not.
rig_need_root() {
	[ "$(id -u)" -eq 0 ] || rig_skip "needs root for network namespaces and XDP"
	ip netns add "twcheck$$" 2>/dev/null || rig_skip "this kernel gives no network namespaces"
	ip netns del "twcheck$$"
}

rig_in_appliance() {
	nsenter --net="/run/netns/$rig_appliance" "$@"
}

rig_in_viewers() {
	nsenter --net="/run/netns/$rig_viewers" "$@"
}

rig_up() {
	rig_dir=$(mktemp -d /tmp/tallywire.XXXXXX)
	rig_appliance=twa$$ rig_viewers=twv$$
	trap rig_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$rig_dir/bpf"
	mount -t bpf "tallywire$$" "$rig_dir/bpf"
	ip netns add "$rig_appliance"
	ip netns add "$rig_viewers"
	ip -n "$rig_appliance" link add tally0 type veth peer name viewer0 netns "$rig_viewers"
	rig_quiet_link "$rig_appliance" tally0 198.18.255.1
	rig_quiet_link "$rig_viewers" viewer0 198.18.255.2
	# shellcheck disable=SC2034
	rig_tally_mac=$(ip -n "$rig_appliance" -o link show tally0 |
		sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/')
}

# rig_quiet_link NAMESPACE INTERFACE ADDRESS: up, with an address, and without IPv6 chatter.
rig_quiet_link() {
	ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1" 2>/dev/null || true
	ip -n "$1" addr add "$3/24" dev "$2"
	ip -n "$1" link set lo up
	ip -n "$1" link set "$2" up
}

# Huge pages for the appliance, on top of what there is. Falls back where memory is in pieces.
rig_huge_pages() {
	local file=/proc/sys/vm/nr_hugepages free
	[ -w $file ] || return 0
	rig_huge_before=$(cat $file)
	echo $((rig_huge_before + RIG_HUGE_MB / 2)) >$file
	free=$(awk '/^HugePages_Free/ {f = $2} /^Hugepagesize/ {s = $2} END {print f * s / 1024}' /proc/meminfo)
	[ "${free%.*}" -ge 100 ] && RIG_HUGEPAGES=yes
	return 0
}

rig_down() {
	local status=$? pid
	trap - EXIT INT TERM
	for pid in "${rig_pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${rig_pids[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	ip netns del "$rig_viewers" 2>/dev/null || true
	ip netns del "$rig_appliance" 2>/dev/null || true
	umount "$rig_dir/bpf" 2>/dev/null || true
	[ -z "$rig_huge_before" ] || echo "$rig_huge_before" >/proc/sys/vm/nr_hugepages
	rm -rf "$rig_dir"
	exit "$status"
}

# A keyring with one tenant, acme (7). The key is made anew each time, and gone with the rig.
rig_keyring() {
	local key
	key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	(
		umask 077
		printf '{"tenants":[{"id":7,"name":"acme","keys":[{"epoch":1,"key":"%s"}]}]}\n' \
			"$key" >"$rig_dir/keyring.json"
	)
}

# rig_configure [PORT ...]: writes tallyd.conf for these ports (af_xdp:tally0 unless given).
rig_configure() {
	local port number=0
	[ $# -gt 0 ] || set -- af_xdp:tally0
	cat >"$rig_dir/tallyd.conf" <<-EOF
		[appliance]
		keyring = $rig_dir/keyring.json
		control = $rig_dir/control.sock
		[windows]
		voters = $RIG_VOTERS
		[memory]
		hugepages = $RIG_HUGEPAGES
		[front]
		pin_dir = $rig_dir/bpf/tallywire
		[ports]
	EOF
	for port in "$@"; do
		echo "port$number = $port" >>"$rig_dir/tallyd.conf"
		number=$((number + 1))
	done
	export TALLYWIRE_SOCKET=$rig_dir/control.sock
}

# Starts tallyd in the appliance's namespace and returns when it is ready. $tallyd_pid is its id.
rig_start_tallyd() {
	: >"$rig_dir/tallyd.log"
	# nsenter becomes tallyd, so $! is tallyd's own id; a shell function would stand between.
	nsenter --net="/run/netns/$rig_appliance" "$TALLYD" --config "$rig_dir/tallyd.conf" \
		>"$rig_dir/tallyd.log" 2>&1 &
	tallyd_pid=$!
	rig_pids+=("$tallyd_pid")
	rig_wait_for "tallyd: ready" "$rig_dir/tallyd.log" "$tallyd_pid"
}

# rig_wait_for TEXT FILE PID: until the line is there; fails when the process ends first.
rig_wait_for() {
	until grep -q "$1" "$2"; do
		kill -0 "$3" 2>/dev/null || { cat "$2" >&2; rig_fail "'$1' never came"; }
		sleep 0.05
	done
}

# rig_until COMMAND COMPLAINT: until the command succeeds; a bound on tries, not a measure of time.
rig_until() {
	local tries
	for tries in {1..200}; do
		eval "$1" && return
		sleep 0.05
	done
	rig_fail "$2 (after $tries tries)"
}

# Ends tallyd in an orderly way and waits for it.
rig_stop_tallyd() {
	kill -TERM "$tallyd_pid"
	wait "$tallyd_pid"
}

# rig_json FILE EXPRESSION: a Python expression over the JSON document `d`.
rig_json() {
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}
