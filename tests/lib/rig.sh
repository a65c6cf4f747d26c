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
# signals, and which no further signal disturbs: namespaces, processes, pins (a bpffs of its own), huge
# pages, DPDK's directories, files. tests/netns/rig_down_test.sh holds it to that.

RIG_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
RIG_BUILD=${TALLYWIRE_BUILD:-$RIG_TOP/build}
TALLYD=$RIG_BUILD/dataplane/tallyd
# shellcheck disable=SC2034  # used by the scripts that source this
TALLYCTL=$RIG_BUILD/ctl/tallyctl
# shellcheck disable=SC2034
TALLYREPLAY=$RIG_BUILD/perf/tallyreplay
RIG_HUGE_MB=104 # what one queue needs, and a little
RIG_NR_HUGEPAGES=${RIG_NR_HUGEPAGES:-/proc/sys/vm/nr_hugepages}
rig_dir=
rig_pids=()
# What the appliance's configuration says; a test may change them before rig_configure.
RIG_HUGEPAGES=no
RIG_VOTERS=1000000
RIG_ACK=durable
RIG_SEGMENT_MB=4 # each start writes two of them

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
	# A namespace without a name: it ends with `true`.
	unshare --net --mount true 2>/dev/null || rig_skip "this kernel gives no network namespaces"
	grep -qw bpf /proc/filesystems || rig_skip "this kernel has no BPF"
}

# The journal needs io_uring, which some containers refuse: then tallyd runs without, and it is said.
rig_has_uring() {
	# io_uring_setup(1, NULL): EFAULT where it is allowed.
	python3 -c 'import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(425, 1, None)
raise SystemExit(ctypes.get_errno() != 14)'
}

rig_in_appliance() {
	nsenter --net="/run/netns/$rig_appliance" "$@"
}

rig_in_viewers() {
	nsenter --net="/run/netns/$rig_viewers" "$@"
}

# Names first, then the traps, then the things: whenever a signal comes, rig_down knows what to look for.
rig_up() {
	rig_dir=$(mktemp -u "${TMPDIR:-/tmp}/tallywire.XXXXXX")
	rig_appliance=twa$$ rig_viewers=twv$$
	trap rig_down EXIT
	trap 'rig_interrupted 129' HUP
	trap 'rig_interrupted 130' INT
	trap 'rig_interrupted 141' PIPE
	trap 'rig_interrupted 143' TERM
	mkdir -m 0700 "$rig_dir"
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

# Huge pages for the appliance, on top of what there is. Where memory is in pieces there are none, which
# is said, and nothing has changed.
rig_huge_pages() {
	local kb pages
	kb=$(awk '/^Hugepagesize:/ {print $2}' /proc/meminfo)
	pages=$(((RIG_HUGE_MB * 1024 + ${kb:-2048} - 1) / ${kb:-2048}))
	rig_huge_change "$pages" "$rig_dir/huge_pages" || true
	if [ "$(cat "$rig_dir/huge_pages" 2>/dev/null)" = "$pages" ]; then
		RIG_HUGEPAGES=yes
	else
		rig_huge_back
		echo "note: no $RIG_HUGE_MB MiB of huge pages to be had here; hugepages = no" >&2
	fi
}

# rig_huge_change PAGES FILE: so many more, or fewer; by how many the number did change goes into FILE.
# Other rigs may be at it too, so it is a sum, and locked: the lock is on the number itself. A process
# of its own, which no signal stops between the change and the note of it.
rig_huge_change() (
	trap '' HUP INT PIPE TERM
	exec 2>/dev/null 9<"$RIG_NR_HUGEPAGES" || exit 0
	flock -w 30 9
	before=$(cat "$RIG_NR_HUGEPAGES")
	echo $((before + $1 > 0 ? before + $1 : 0)) >"$RIG_NR_HUGEPAGES" || true
	echo $(($(cat "$RIG_NR_HUGEPAGES") - before)) >"$2"
)

# Gives back what rig_huge_pages took, and no more.
rig_huge_back() {
	local pages
	pages=$(cat "$rig_dir/huge_pages" 2>/dev/null || true)
	[ "${pages:-0}" -le 0 ] || rig_huge_change "-$pages" /dev/null || true
	rm -f "$rig_dir/huge_pages"
}

# rig_interrupted STATUS: a signal came. Does what the end of the script would do: `exit` alone would not,
# where the script is already about to end.
rig_interrupted() {
	trap '' HUP INT PIPE TERM
	set +e
	eval "set -- $1 $(trap -p EXIT)" # STATUS trap -- COMMAND EXIT
	rig_status "$1"
	eval "${4:-}"
	exit "$1"
}

rig_status() {
	return "$1"
}

# Ends what this script started: asks first, and does not ask for ever.
rig_end_processes() {
	local tries namespace
	# shellcheck disable=SC2046 # ids
	{
		kill $(jobs -pr)
		kill -CONT $(jobs -pr)
		for ((tries = 0; tries < 100; tries++)); do
			[ -n "$(jobs -pr)" ] || break
			sleep 0.05
		done
		kill -KILL $(jobs -pr)
		for namespace in "$rig_viewers" "$rig_appliance"; do
			kill -KILL $(ip netns pids "$namespace")
		done
		wait
	} 2>/dev/null
}

rig_down() {
	local status=$? pid
	trap '' HUP INT PIPE TERM
	trap - EXIT
	set +e
	rig_end_processes
	ip netns del "$rig_viewers" 2>/dev/null
	ip netns del "$rig_appliance" 2>/dev/null
	umount "$rig_dir/bpf" 2>/dev/null
	rig_huge_back
	# A tallyd that was killed leaves its directory.
	for pid in "${rig_pids[@]}"; do
		[ -e "/proc/$pid" ] || rm -rf "/var/run/dpdk/tallywire-$pid"
	done
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
	if [ "$RIG_ACK" != none ] && ! rig_has_uring; then
		echo "note: this system refuses io_uring; ack = none" >&2
		RIG_ACK=none
	fi
	cat >"$rig_dir/tallyd.conf" <<-EOF
		[appliance]
		keyring = $rig_dir/keyring.json
		control = $rig_dir/control.sock
		prepared = $rig_dir/prepared
		[windows]
		voters = $RIG_VOTERS
		[journal]
		directory = $rig_dir/journal
		ack = $RIG_ACK
		segment_mb = $RIG_SEGMENT_MB
		[results]
		directory = $rig_dir/results
		identity = $rig_dir/identity.key
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

# rig_wait_for TEXT FILE PID: until the line is there; fails when the process ends first, or after a
# minute's tries.
rig_wait_for() {
	local tries
	for tries in {1..1200}; do
		grep -q "$1" "$2" && return
		kill -0 "$3" 2>/dev/null || break
		sleep 0.05
	done
	cat "$2" >&2
	rig_fail "'$1' never came ($tries tries)"
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

# Ends tallyd in an orderly way and waits for it; its exit code is the function's.
rig_stop_tallyd() {
	kill -TERM "$tallyd_pid"
	rig_until "! kill -0 $tallyd_pid 2>/dev/null" "tallyd does not end"
	wait "$tallyd_pid"
}

# Ends tallyd as a crash would.
rig_kill_tallyd() {
	kill -KILL "$tallyd_pid"
	wait "$tallyd_pid" 2>/dev/null || true
}

# rig_json FILE EXPRESSION: a Python expression over the JSON document `d`.
rig_json() {
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}
