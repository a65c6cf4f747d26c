#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A tallyd that gives up root: prepared, started, and then nobody. Every thread is looked at in /proc,
# while it counts votes, writes its journal, changes a tenant's keys, seals a result and tells its
# service manager that it lives. What it no longer may do, root does for it: --unprepare leaves nothing.
#
#   namespace viewers: tallyreplay ── veth ── namespace appliance: front → AF_XDP → tallyd as nobody
#                                                                     └► notify.sock ► notify_socket.py
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

user=nobody
rig_need_root
id -u "$user" >/dev/null 2>&1 || rig_skip "no user '$user' here"
rig_up
rig_keyring
cd "$rig_dir"
chmod 0711 . # its files are found by name, not listed
mkdir keys && mv keyring.json keys/
rig_huge_pages && rig_huge_back # are there any? --prepare is to set them up itself
rig_configure
sed -i -e "s|$rig_dir/keyring.json|$rig_dir/keys/keyring.json|" \
	-e "s|$rig_dir/control.sock|$rig_dir/run/control.sock|" \
	-e "s#$rig_dir/\(journal\|results\|identity.key\)#$rig_dir/state/\1#" \
	-e "s|^\[appliance\]|&\nuser = $user|" -e "s/^\[\(journal\|results\)\]/&\nkeep_days = 1/" tallyd.conf
export TALLYWIRE_SOCKET=$rig_dir/run/control.sock
ip -n "$rig_appliance" route add 198.18.0.0/16 dev tally0

tallyd() {
	rig_in_appliance "$TALLYD" --config "$rig_dir/tallyd.conf" "$@"
}

# refused NAME PATTERN ARGUMENT...: ends with exit code 1 and one line that matches.
refused() {
	local name=$1 pattern=$2 status=0
	shift 2
	tallyd "$@" >out 2>err || status=$?
	[ "$status" -eq 1 ] || rig_fail "$name: exit code $status: $(cat out err)"
	[ "$(wc -l <err)" -eq 1 ] || rig_fail "$name: not one line: $(cat err)"
	grep -qE "$pattern" err || rig_fail "$name: no '$pattern' in: $(cat err)"
}

has_front() {
	rig_in_appliance ip link show tally0 | grep -q xdp
}

# sysfs of the appliance's namespace, which the test's own /sys is not.
setting() {
	unshare --mount sh -c "mount -t sysfs none /sys && cat /sys/class/net/tally0/$1"
}
export -f setting
settings() {
	rig_in_appliance bash -c 'setting napi_defer_hard_irqs; setting gro_flush_timeout'
	rig_in_appliance ethtool -k tally0 | grep -E '^(rx-vlan-offload|large-receive-offload):'
}

# --- What is not the user's is refused, with what to do, before anything is changed.
settings >settings.before
pages_before=$(cat "$RIG_NR_HUGEPAGES")
refused "a directory of root's that is not empty" "keys: must be $user's own.*keyring.json.*chown -R" --prepare
chown "$user" keys
chmod 0700 keys
refused "a keyring of root's" "keyring.json: cannot be opened: Permission denied.*$user.*own" --prepare
chown "$user" keys/keyring.json
sed "s|^user = .*|user = no-such-user|" tallyd.conf >bad.conf
refused "no such user" "user: no user 'no-such-user'; add it" --config "$rig_dir/bad.conf" --prepare
sed "s|^user = .*|user = root|" tallyd.conf >bad.conf
refused "root as the user" "user: 'root' is root.*without" --config "$rig_dir/bad.conf" --prepare
has_front && rig_fail "a refused --prepare put a front on"
[ ! -e prepared ] || rig_fail "a refused --prepare left a note"

# --- Settings that only some NICs like: set, and put back.
sed "s|^\[front\]|&\ndefer_us = 200|" tallyd.conf >defer.conf
tallyd --config defer.conf --prepare >defer.txt || rig_fail "--prepare with defer_us: $(cat defer.txt)"
[ "$(settings | head -2 | tr '\n' ' ')" = "2 200000 " ] || rig_fail "settings: $(settings)"
tallyd --config defer.conf --unprepare >>defer.txt || rig_fail "--unprepare: $(cat defer.txt)"
settings | diff settings.before - || rig_fail "settings are not as before"

# --- Prepared: twice is as good as once.
tallyd --prepare >prepare.txt || rig_fail "--prepare: $(cat prepare.txt)"
tallyd --prepare >>prepare.txt || rig_fail "--prepare again: $(cat prepare.txt)"
has_front || rig_fail "no front after --prepare: $(cat prepare.txt)"
settings | grep -q "rx-vlan-offload: off" || rig_fail "settings: $(settings)"
[ "$(stat -c '%U %a' state run state/journal | sort -u | cut -d ' ' -f 1 | uniq)" = "$user" ] ||
	rig_fail "directories: $(ls -la . state)"
[ "$(stat -c '%U %a' prepared)" = "root 600" ] || rig_fail "the note: $(stat -c '%U %a' prepared)"

# A start that lacks a right is told by its name, also where the kernel would only say "umem".
for right in sys_admin net_admin net_raw ipc_lock setuid setgid setpcap; do
	rig_in_appliance setpriv --bounding-set "-$right" "$TALLYD" --config tallyd.conf 2>err && rig_fail "$right"
	grep -qi "^tallyd: .*needs CAP_$right to .*: start it as root" err || rig_fail "$right: $(cat err)"
done

# --- Serves.
python3 "$RIG_TOP/tests/lib/notify_socket.py" "$rig_dir/notify.sock" >notified.txt 2>&1 &
rig_pids+=("$!")
rig_wait_for listens notified.txt "$!"
export NOTIFY_SOCKET=$rig_dir/notify.sock WATCHDOG_USEC=400000
rig_start_tallyd
unset NOTIFY_SOCKET WATCHDOG_USEC
rig_until "grep -q READY=1 notified.txt" "READY=1 is not said"

# Every thread is the user, without a capability, and behind the filter.
check_threads() {
	local uid gid task threads=0
	uid=$(id -u "$user") gid=$(id -g "$user")
	for task in "/proc/$tallyd_pid/task"/*; do
		[ "$(awk -v uid="$uid" -v gid="$gid" '
			/^Uid:/ {bad += $2 != uid || $3 != uid || $4 != uid || $5 != uid}
			/^Gid:/ {bad += $2 != gid || $3 != gid || $4 != gid || $5 != gid}
			/^Groups:/ {bad += NF > 1}
			/^Cap(Inh|Prm|Eff|Bnd|Amb):/ {bad += $2 !~ /^0+$/; seen++}
			/^NoNewPrivs:/ {bad += $2 != 1; seen++}
			/^Seccomp:/ {bad += $2 != 2; seen++}
			END {print bad + (seen != 7)}' "$task/status")" = 0 ] ||
			rig_fail "$1: $(cat "$task/comm") is not powerless: $(cat "$task/status")"
		threads=$((threads + 1))
	done
	[ "$threads" -ge 3 ] || rig_fail "$1: $threads threads only"
}
check_threads "at the start"
# Keys, their table and the key that signs, a page each at least: locked, and in no core file. The kernel
# shows neighbours as one.
[ "$(awk '/^Locked:/ {kb = $2} /^VmFlags:/ && / lo / && / dd / {sum += kb} END {print (sum >= 12)}' \
	"/proc/$tallyd_pid/smaps")" = 1 ] || rig_fail "keys are on no locked pages: $(cat "/proc/$tallyd_pid/smaps")"

"$TALLYREPLAY" make --keyring keys/keyring.json --tenant acme --voters 2000 --for 1s --to 198.18.255.1 \
	--max-delay 60s --resent 0 --changed 0 --forged 0 --early 0 --late 0 --out burst.pcap >make.txt
"$TALLYCTL" open acme/101 --poll "Who?" Yes No Perhaps Never --for 60s --max-delay 60s >/dev/null
"$TALLYCTL" open acme/102 --poll "Short, and sealed" Yes No --for 1s --max-delay 1s >/dev/null
rig_in_viewers "$TALLYREPLAY" send burst.pcap --interface viewer0 --dst-mac "$rig_tally_mac" \
	--keyring keys/keyring.json --restamp --until-receipted --json >sent.json ||
	rig_fail "no receipts: $(cat sent.json tallyd.log)"
check_threads "after votes"

# The keyring is saved, and the front told, without root.
"$TALLYCTL" tenant rotate acme >/dev/null || rig_fail "rotate: $(cat tallyd.log)"
grep -q '"epoch": 2' keys/keyring.json || rig_fail "the keyring was not saved: $(ls -l keys)"
"$TALLYCTL" voter revoke acme 42 >/dev/null || rig_fail "revoke: $(cat tallyd.log)"
"$TALLYCTL" tenant add zoo --id 8 >/dev/null || rig_fail "add: $(cat tallyd.log)"
"$TALLYCTL" tenant retire zoo >/dev/null || rig_fail "retire: $(cat tallyd.log)"
for words in "deny 203.0.113.0/24 --for 10m" "allow 2001:db8::/32" "panic on" "panic off" \
	"remove 2001:db8::/32" list; do
	# shellcheck disable=SC2086 # words
	"$TALLYCTL" front $words >front.txt || rig_fail "front $words: $(cat tallyd.log)"
done
grep -q "203.0.113.0/24" front.txt || rig_fail "the front's list: $(cat front.txt)"
"$TALLYCTL" stats --json >stats.json
[ "$(rig_json stats.json 'd["conserved"]')" = True ] || rig_fail "conservation: $(cat stats.json)"
"$TALLYCTL" close acme/101 >/dev/null
"$TALLYCTL" watch acme/102 --json >/dev/null # ends when the window is final
"$TALLYCTL" reveal acme/102 >/dev/null
"$TALLYCTL" results --json >results.json
[ "$(rig_json results.json 'd["interactions"][0]["voters"]')" = 2000 ] || rig_fail "$(cat results.json)"
if [ "$RIG_ACK" != none ]; then
	rig_until "ls state/results/acme-102-*/manifest.sig >/dev/null 2>&1" "no sealed result: $(cat tallyd.log)"
	"$TALLYCTL" audit state/results/acme-102-* --journal state/journal >audit.txt || [ $? -eq 4 ] ||
		rig_fail "the sealed result: $(cat audit.txt)"
	[ -z "$(find state ! -user "$user")" ] || rig_fail "not the user's: $(find state ! -user "$user" -ls)"
fi
check_threads "after sealing"
rig_until "[ \$(grep -c WATCHDOG=1 notified.txt) -ge 2 ]" "the watchdog hears nothing: $(cat notified.txt)"

# --- Neither under a live one, nor by it: the front stays at the stop, and drops.
refused "--unprepare under a live tallyd" "tally0: process $tallyd_pid holds the front" --unprepare
refused "--prepare under a live tallyd" "tally0: process $tallyd_pid holds the front" --prepare
rig_stop_tallyd || rig_fail "tallyd does not end in an orderly way ($?): $(cat tallyd.log)"
grep -q "tallyd: stopped; fronts stay" tallyd.log || rig_fail "the stop: $(cat tallyd.log)"
rig_until "grep -q STOPPING=1 notified.txt" "STOPPING=1 is not said"
[ ! -e run/control.sock ] || rig_fail "the control socket is left"
[ ! -e "/var/run/dpdk/tallywire-$tallyd_pid" ] || rig_fail "DPDK's directory is left"
has_front || rig_fail "the front went with tallyd"

# --- It starts again from what it left, and dies of nothing but the signal.
rig_start_tallyd
check_threads "the second start"
if [ "$RIG_ACK" != none ]; then
	"$TALLYCTL" results --json >again.json
	[ "$(rig_json again.json 'd["interactions"][0]["voters"]')" = 2000 ] || rig_fail "$(cat again.json)"
fi
rig_stop_tallyd || rig_fail "the second stop: $(cat tallyd.log)"

# --- All is as it was.
tallyd --unprepare >unprepare.txt || rig_fail "--unprepare: $(cat unprepare.txt)"
has_front && rig_fail "the front is still on: $(cat unprepare.txt)"
[ ! -e bpf/tallywire ] || rig_fail "pins are left: $(ls -R bpf)"
[ ! -e prepared ] || rig_fail "the note is left"
settings >settings.after
diff settings.before settings.after || rig_fail "settings are not as before"
[ "$(cat "$RIG_NR_HUGEPAGES")" = "$pages_before" ] || echo "note: others change huge pages too"
tallyd --unprepare >unprepare.txt || rig_fail "--unprepare again: $(cat unprepare.txt)"
echo "prepared, dropped, served as $user in $(wc -l <prepare.txt) lines of preparation, put back"
