#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A start that fails: each time one line that names the thing and the remedy, exit code 1, and nothing
# half done: no pin, no program on an interface, no socket file, no directory of DPDK's, no process.
#
#   namespace appliance: tally0 (up, the rig's), other0 (up), down0 (down) ── tallyd, again and again
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

rig_need_root
rig_up
rig_keyring
cd "$rig_dir"
failures=0

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# What a start may not change: files, pins, and the programs on all interfaces.
state() {
	find . \( -name bad.conf -o -name err -o -name out -o -name before -o -name after \
		-o -name tallyd.log -o -name '*.lock' \) -prune -o -printf '%p %y %s %m\n' |
		sed 's|^\(\./journal/.* f\) [0-9]*|\1|' | sort # one that lives fills its next segment
	ip -n "$rig_appliance" -o link show | grep -oE '^[0-9]+: [^:@]*|xdp[a-z]*|prog/xdp id [0-9]+' || true
}

# configure [PORT ...]: the rig's configuration, as bad.conf.
configure() {
	rig_configure "$@"
	mv tallyd.conf bad.conf
}

# set_option SECTION KEY VALUE: in bad.conf, instead of what it says.
set_option() {
	sed -i -e "/^$2 = /d" bad.conf
	if grep -q "^\[$1\]" bad.conf; then
		sed -i -e "s|^\[$1\]|&\n$2 = $3|" bad.conf
	else
		printf '[%s]\n%s = %s\n' "$1" "$2" "$3" >>bad.conf
	fi
}

# Waits 20 s for the process, then ends it. Its exit code is in $status.
await() {
	local tries=0
	while kill -0 "$1" 2>/dev/null && [ $((tries += 1)) -lt 400 ]; do
		sleep 0.05
	done
	kill -9 "$1" 2>/dev/null && fail "$name: it did not end by itself"
	status=0
	wait "$1" 2>/dev/null || status=$?
}

# refused NAME PATTERN: tallyd --config bad.conf ends with a line that matches PATTERN, and nothing is left.
refused() {
	local name=$1 pattern=$2 status pid
	state >before
	nsenter --net="/run/netns/$rig_appliance" "$TALLYD" --config "$rig_dir/bad.conf" >out 2>err &
	pid=$!
	rig_pids+=("$pid")
	await "$pid"
	[ "$status" -eq 1 ] || fail "$name: exit code $status"
	[ "$(wc -l <err)" -eq 1 ] || fail "$name: not one line: $(cat err)"
	[ ! -s out ] || fail "$name: on stdout: $(head -3 out)"
	grep -qE "^tallyd: .*$pattern" err || fail "$name: no '$pattern' in: $(cat err)"
	state >after
	diff before after || fail "$name: something is left"
	[ ! -e "/var/run/dpdk/tallywire-$pid" ] || fail "$name: left /var/run/dpdk/tallywire-$pid"
}

# A program that has the UDP port of the votes, at this address. $holder is its id.
hold_port() {
	: >holder.log
	nsenter --net="/run/netns/$rig_appliance" python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 4433))
print("holds", flush=True)
time.sleep(60)' "$1" >holder.log 2>&1 &
	holder=$!
	rig_pids+=("$holder")
	rig_wait_for holds holder.log "$holder"
}

release_port() {
	kill "$holder"
	wait "$holder" 2>/dev/null || true
	rm holder.log
}

ip -n "$rig_appliance" link add other0 type veth peer name other1
ip -n "$rig_appliance" link set other1 up
rig_quiet_link "$rig_appliance" other0 198.18.254.1
ip -n "$rig_appliance" link add down0 type veth peer name down1

# --- Interfaces.
configure af_xdp:nosuch0
refused "a missing interface" "nosuch0: no such interface: .ip link"
configure af_xdp:down0
refused "an interface that is down" "down0: .* down: ip link set dev down0 up"
configure af_xdp:tally0 af_xdp:down0
refused "the second of two is down" "down0: .* down: ip link set dev down0 up"
configure af_xdp:tally0:4
refused "more queues than there are" "\[ports\] port0 = af_xdp:tally0:4: "
configure af_xdp:lo
set_option front mode native
refused "no native mode" "lo: .*native"

# --- Another program is on it.
printf '__attribute__((section("xdp"), used)) int pass(void *c) { return 2; }' |
	clang -O2 -target bpf -x c -c - -o pass.o
configure af_xdp:tally0
for mode in xdpgeneric xdpdrv; do
	ip -n "$rig_appliance" link set dev tally0 $mode obj pass.o sec xdp
	refused "a foreign program ($mode)" "tally0: XDP program [0-9]+ .*remove it with"
	ip -n "$rig_appliance" link set dev tally0 $mode off
done

# --- The UDP port is taken.
for address in 0.0.0.0 198.18.255.1 ::; do
	hold_port $address
	refused "the port is in use at $address" "tally0: UDP port 4433 is in use .*ss -ulpn"
	release_port
done

# --- Keys and pins.
chmod 0640 keyring.json
refused "a keyring for the group" "keyring.json: .*mode 0640.*chmod 600"
chmod 0600 keyring.json
set_option appliance keyring "$rig_dir/missing.json"
refused "no keyring" "missing.json: .*No such file"
configure
mkdir plain
set_option front pin_dir "$rig_dir/plain/pins"
refused "no bpffs" "plain: no bpffs there.*mount -t bpf"
set_option front pin_dir "$rig_dir/nowhere/pins"
refused "no directory for pins" "nowhere: no bpffs there.*mount -t bpf"

# --- Memory and cores.
configure
set_option memory hugepages yes
set_option memory packet_mb 1048576
refused "huge pages short" "huge pages: 1048576 MiB wanted.*nr_hugepages"
configure
set_option memory mbufs 1048576
set_option memory packet_mb 64
refused "no room for packets" "no memory for 1048576 packet buffers.*packet_mb"
for lcores in 0@0 0@0,1@0,2@0 0@0,1@4095 'garbage(' 0-9999 -1; do
	configure
	set_option cores lcores "$lcores"
	refused "lcores '$lcores'" "\[cores\] lcores: .*'${lcores//(/\\(}'"
done
has='(this machine has|tallyd may use only) CPUs [0-9,-]+: name those'
beyond=$(($(nproc --all) + 5)) # a CPU that this machine has not
for lcores in "0@0,1@$beyond" "0@0,$beyond" "0@0,1@(0,$beyond)"; do
	configure
	set_option cores lcores "$lcores"
	refused "a CPU too many in '$lcores'" "names CPU $beyond; $has"
done
configure
set_option cores lcores 0@0,1@0,2@0
refused "an lcore too many" "names 3 lcores; 1 queues need 2"
configure af_xdp:tally0 af_xdp:other0
set_option cores lcores 0@0,1@0
refused "an lcore too few" "names 2 lcores; 2 queues need 3"

# A CPU that the machine has and a container may not use, by a cpuset that leaves CPU 0.
cpuset_home=/sys/fs/cgroup/cpuset$(sed -n 's/^[0-9]*:cpuset://p' /proc/self/cgroup)
cpuset=$cpuset_home/tallywire$$
leave_cpuset() {
	local status=$?
	set +e
	echo $$ >"$cpuset_home/tasks"
	rmdir "$cpuset"
	return "$status"
}
if [ "$(nproc)" -gt 1 ] && mkdir "$cpuset" 2>/dev/null; then
	trap 'leave_cpuset; rig_down' EXIT
	echo 0 >"$cpuset/cpuset.cpus"
	echo 0 >"$cpuset/cpuset.mems"
	echo $$ >"$cpuset/tasks"
	configure
	set_option cores lcores 0@0,1@1
	refused "a CPU that the cpuset forbids" "names CPU 1; tallyd may use only CPUs 0: name those"
	rig_configure
	rig_start_tallyd # the default placement keeps to the cpuset
	rig_stop_tallyd || fail "in a cpuset: $(cat tallyd.log)"
	leave_cpuset
	set -e
	trap rig_down EXIT
else
	echo "not tried: no cpuset of our own, or one CPU only"
fi

# --- Other ports. The front of the first is gone again when the second fails.
for first in "" af_xdp:tally0; do
	configure $first "pcap:$rig_dir/missing.pcap"
	refused "$first, then no capture" "pcap:.*missing.pcap: .*No such file.*; name a pcap file"
	configure $first "pcap:$rig_dir/keyring.json"
	refused "$first, then no pcap" "keyring.json.*; name a pcap file"
	configure $first "pcap:$rig_dir/plain"
	refused "$first, then a directory" "plain.*; name a pcap file"
	configure $first dpdk:nonsense
	refused "$first, then no device" "dpdk:nonsense: .*; name a device as DPDK does"
	configure $first dpdk:net_null0,nonsense=1
	refused "$first, then bad devargs" "dpdk:net_null0,nonsense=1: .*; name a device"
	configure $first "dpdk:net_tap0,iface=" # of a name that no interface can have
	refused "$first, then a bad tap" "dpdk:net_tap0,iface=: .*; name a device"
done

# --- The control socket cannot be made.
configure
echo "keep me" >precious
set_option appliance control "$rig_dir/precious"
refused "a file in the socket's place" "precious: is there and is no socket; remove it"
grep -q "keep me" precious || fail "the file in the socket's place is gone"
set_option appliance control "$rig_dir/nowhere/deep/control.sock"
refused "no directory for the socket" "nowhere/deep: cannot be made: .*; make it or set"
set_option appliance control "$rig_dir/precious/control.sock"
refused "a file above the socket" "precious/control.sock.*: cannot be made: .*; set"
set_option appliance control "$rig_dir/$(printf 'n%.0s' {1..100})"
refused "a long name" "nnn: longer than a socket path can be .*; set"
configure
set_option appliance control_group nobodys-group
refused "no such group" "control_group: no group 'nobodys-group'; add it"

# --- The public socket cannot be made. The control socket is gone again.
configure
set_option appliance public "$rig_dir/precious"
refused "a file in the public socket's place" "precious: is there and is no socket; remove it or set .appliance. public"
grep -q "keep me" precious || fail "the file in the public socket's place is gone"
set_option appliance public "$rig_dir/nowhere/deep/public.sock"
refused "no directory for the public socket" "nowhere/deep: cannot be made: .*; make it or set .appliance. public"
set_option appliance public "$rig_dir/control.sock"
refused "one socket for both" "bad.conf: .appliance. public: the same path as control; name another"
set_option appliance public "$rig_dir/plain/../control.sock"
refused "one socket for both, written otherwise" "public: .*control.sock is the control socket; name another"
set_option appliance public "$rig_dir/$(printf 'n%.0s' {1..100})"
refused "a long name for the public socket" "nnn: longer than a socket path can be .*; set .appliance. public"
set_option appliance public "$rig_dir/public.sock"
set_option appliance public_group nobodys-group
refused "no such group for the public socket" "public_group: no group 'nobodys-group'; add it"
set_option appliance public_group ""
set_option appliance public_mode 0466
refused "a mode without the owner's right" "public_mode: '0466' is no octal mode"
set_option appliance public_mode 0666

# --- The configuration itself.
echo "hugepages no" >>bad.conf
refused "a line that is no option" "bad.conf: line [0-9]+: "
rm bad.conf
refused "no configuration" "bad.conf: cannot be read: No such file"

# --- Another tallyd runs. It goes on as if nothing had been.
rig_configure
sed -i -e "s|^control = .*|&\npublic = $rig_dir/public.sock\npublic_mode = 0606|" tallyd.conf
rig_start_tallyd
modes=$(stat -c %a control.sock public.sock)
[ "$modes" = $'660\n606' ] || fail "the sockets' modes are $modes"
cp tallyd.conf bad.conf
refused "the same in all" "another tallyd serves it; stop that one"
set_option appliance control "$rig_dir/second.sock"
set_option appliance public ""
refused "the same interface" "tally0: process $tallyd_pid holds the front.*stop it first"
set_option front pin_dir "$rig_dir/bpf/second"
refused "the same interface, pinned elsewhere" "tally0: XDP program [0-9]+ .*stop its owner"
configure af_xdp:other0
refused "the same control socket" "control.sock: another tallyd serves it; stop that one or"
configure af_xdp:other0
set_option appliance control "$rig_dir/second.sock"
set_option appliance public "$rig_dir/public.sock"
refused "the same public socket" "public.sock: another tallyd serves it; stop that one or set .appliance. public"
"$TALLYCTL" --socket "$rig_dir/public.sock" list >list.txt 2>&1 || fail "nobody answers the public: $(cat list.txt)"
"$TALLYCTL" --socket "$rig_dir/public.sock" stats >list.txt 2>&1 && fail "the public may ask for stats"
grep -q "not on the public socket" list.txt || fail "stats on the public socket: $(cat list.txt)"
"$TALLYCTL" list >list.txt 2>&1 || fail "the first tallyd does not answer: $(cat list.txt)"
rig_stop_tallyd || fail "the first tallyd does not end well: $(cat tallyd.log)"
[ ! -e bpf/tallywire ] || fail "pins are left: $(find bpf/tallywire)"
[ ! -e control.sock ] || fail "the socket file is left"
[ ! -e public.sock ] || fail "the public socket file is left"
[ ! -e "/var/run/dpdk/tallywire-$tallyd_pid" ] || fail "DPDK's directory is left"

[ $failures -eq 0 ] || exit 1
echo "all as it should be"
