#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The rig takes everything down again, however its script ends: by itself, by an error, by one signal or by
# dozens of them, to the script alone or to all of its processes as Ctrl-C sends them, and at whatever
# moment. No namespace, mount, process, file, directory of DPDK's is left, and as many huge pages as before.
#
#   this story ── HUP, INT, TERM, again and again ──► a script on the rig: namespaces, tallyd, huge pages
#
# The number of huge pages is a file of this story's, so that others may change the machine's meanwhile.
set -euo pipefail
# shellcheck source=tests/lib/rig.sh
. "$(dirname "$0")/../lib/rig.sh"

rig_need_root
dir=$(mktemp -d /tmp/rigdown.XXXXXX)
scripts=() # process ids, each its group's too
end() {
	local status=$? pid tries
	trap '' HUP INT TERM
	set +e
	# shellcheck disable=SC2046 # ids
	for ((tries = 0; tries < 300; tries++)); do
		kill $(jobs -pr) 2>/dev/null || break
		sleep 0.05
	done
	for pid in "${scripts[@]}"; do # what is here is what the rig has failed to do
		kill -KILL -- "-$pid"
		ip netns pids "twa$pid" | xargs -r kill -KILL
		ip netns del "twa$pid"
		ip netns del "twv$pid"
		umount -l "tallywire$pid"
	done 2>/dev/null
	wait
	rm -rf "$dir"
	exit "$status"
}
trap end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$dir"
mkdir tmp
echo 7 >nr_hugepages
export TMPDIR=$dir/tmp RIG_NR_HUGEPAGES=$dir/nr_hugepages RIG_TOP TALLYWIRE_BUILD=$RIG_BUILD

# The script that is disturbed: script.sh HOW_IT_ENDS. Its steps are written to the file `steps`.
cat >script.sh <<'SCRIPT'
set -euo pipefail
. "$RIG_TOP/tests/lib/rig.sh"
rig_need_root
rig_up
rig_huge_pages
RIG_HUGEPAGES=no # there are none
rig_keyring
rig_configure
rig_start_tallyd
echo "$tallyd_pid" >>"$TMPDIR/../tallyds"
case $1 in
stubborn) # one that does not hear TERM, and one that hears nothing at present
	(trap '' TERM; exec sleep 1000) &
	kill -STOP "$tallyd_pid"
	;;
crash) rig_kill_tallyd ;;
esac
echo "$1" >>"$TMPDIR/../steps"
case $1 in
error) false ;;
leave | crash) exit 0 ;;
own) trap 'echo ending >>"$TMPDIR/../steps"; sleep 0.5; rig_down' EXIT && exit 0 ;;
esac
sleep 1000 &
wait $!
SCRIPT

# start HOW: script.sh, as leader of a group of its own that hears INT. $script is its id.
start() {
	: >steps
	: >tallyds
	set -m
	bash script.sh "$1" >>script.log 2>&1 &
	set +m
	script=$!
	scripts+=("$script")
}

# What a script left. Its id is part of every name.
left() {
	ip netns list | grep -E "^tw[av]$1\b"
	grep "^tallywire$1 " /proc/mounts
	pgrep -a -g "$1"
	ls -A tmp
	sed 's|^|/var/run/dpdk/tallywire-|' tallyds | xargs -r ls -d 2>/dev/null
	grep -vx 7 nr_hugepages
	return 0
}

# Waits for the script's end, with a bound; nothing may be left.
expect_nothing_left() {
	local status=0 found
	rig_until "! kill -0 $script 2>/dev/null" "$1: the script does not end: $(cat script.log)"
	wait "$script" || status=$?
	found=$(left "$script")
	[ -z "$found" ] || rig_fail "$1 (exit code $status): left behind: $found; it said: $(cat script.log)"
	[ "$2" = any ] || [ "$status" -eq "$2" ] || rig_fail "$1: exit code $status: $(cat script.log)"
}

# hammer TARGET SIGNAL...: one after the other, over and over, until there is nobody to hear them.
hammer() {
	local target=$1 signal
	shift
	for signal in $(for _ in {1..1000}; do echo "$@"; done); do
		kill "-$signal" -- "$target" 2>/dev/null || break
		signals=$((signals + 1))
		sleep 0.005
	done
}
signals=0

# --- By itself.
start leave
expect_nothing_left "the end of the script" 0
start error
expect_nothing_left "an error" 1
start crash
expect_nothing_left "tallyd crashed" 0

# --- When all is up: one signal, then no end of them; to the script (its id), and to all (-id).
rows=("INT 130" "TERM 143")
# What was ignored when a shell came, as under nohup, it cannot trap.
((0x$(awk '/^SigIgn/ {print $2}' "/proc/$$/status") & 1)) || rows+=("HUP 129")
for row in "${rows[@]}"; do
	read -r signal code <<<"$row"
	for sign in "" -; do
		start wait
		rig_until "[ -s steps ]" "the script does not come up: $(cat script.log)"
		kill "-$signal" -- "$sign$script"
		hammer "$sign$script" INT TERM "$signal"
		expect_nothing_left "$signal to $sign$script" "$code"
	done
done
start stubborn
rig_until "[ -s steps ]" "the script does not come up: $(cat script.log)"
hammer "$script" INT TERM
expect_nothing_left "with processes that do not end when they are asked" 130
start own
rig_until "grep -q ending steps" "the script does not come to its end: $(cat script.log)"
hammer "-$script" INT TERM
expect_nothing_left "while the script tidies up itself, before the rig does" any

# --- At any other moment: on the way up, and while it ends by itself.
for tens in {0..9..3}; do
	start wait
	sleep "0.$tens"
	hammer "-$script" TERM INT HUP
	expect_nothing_left "signals from 0.$tens s on" any
	start leave
	rig_until "[ -s steps ] || ! kill -0 $script 2>/dev/null" "the script does not come up"
	hammer "-$script" INT TERM
	expect_nothing_left "signals while it leaves" any
done

# --- Where there are no huge pages to be had it goes on without, and says so.
for none in "$dir/nowhere" /proc/sys/kernel/ngroups_max; do # a file that is not there, one that cannot be written
	: >script.log
	RIG_NR_HUGEPAGES=$none start leave
	expect_nothing_left "no huge pages" 0
	grep -q "^note: .*hugepages = no" script.log || rig_fail "no huge pages, and not a word: $(cat script.log)"
done

# --- Two at once do not take each other's huge pages, nor leave theirs.
start wait
first=$script
rig_until "[ -s steps ]" "the first does not come up: $(cat script.log)"
one=$(cat nr_hugepages)
start wait
rig_until "[ -s steps ]" "the second does not come up: $(cat script.log)"
[ "$one" -gt 7 ] || rig_fail "the first took no huge pages"
[ "$(cat nr_hugepages)" -eq $((one + one - 7)) ] || rig_fail "$(cat nr_hugepages) for two, $one for one"
kill "$first"
rig_until "! kill -0 $first 2>/dev/null" "the first does not end"
[ "$(cat nr_hugepages)" = "$one" ] || rig_fail "$(cat nr_hugepages) huge pages, not those of the second"
kill "$script"
expect_nothing_left "two at once" 143
echo "${#scripts[@]} scripts, $signals signals, nothing left behind"
