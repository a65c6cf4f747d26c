#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Viewers with books, and lives that end (tests/crash/crash_story.c), on the disks that this takes.
#
#   crash_test.sh kill   kill -9, on the disk below TMPDIR
#   crash_test.sh power  power is cut: ext4 on a loop device whose file is in memory, shut down and
#                        mounted again
#   crash_test.sh full   the same small disk, with a file on it that leaves no room for the journal
#
# TALLYWIRE_CRASHES=N: so many lives.
set -euo pipefail
story=$TALLYWIRE_BUILD/tests/crash/crash_story
top=$(mktemp -d "${TMPDIR:-/tmp}/tallywire-crash.XXXXXX")
device=

taken() {
	mountpoint -q "$1"
}

# What a killed process had open is given back a moment after its end.
patiently() {
	local tries
	for tries in {1..100}; do
		"$@" 2>/dev/null && return
		sleep 0.05
	done
	echo "$* ($tries tries)" >&2
}

clean_up() {
	local status=$?
	trap '' HUP INT TERM
	set +e
	taken "$top/disk" && patiently umount "$top/disk"
	[ -z "$device" ] || patiently losetup -d "$device"
	taken "$top/memory" && patiently umount "$top/memory"
	rm -rf "$top"
	exit "$status"
}
trap clean_up EXIT
trap 'exit 143' HUP INT TERM

skip() {
	echo "SKIP: $*"
	exit 77
}

failed() {
	grep -h "io_uring: " "$top/log" && skip "this system refuses io_uring"
	grep -v "read back" "$top/log" >&2
	exit 1
}

# take_disk MB: $device, mounted at $top/disk.
take_disk() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to mount a disk of its own"
	command -v mkfs.ext4 >/dev/null || skip "needs mkfs.ext4 (e2fsprogs)"
	mkdir "$top/memory" "$top/disk"
	mount -t tmpfs -o "size=$(($1 + 16))m" tmpfs "$top/memory" || skip "no tmpfs can be mounted here"
	truncate -s "$1M" "$top/memory/disk"
	mkfs.ext4 -q -m 0 "$top/memory/disk"
	device=$(losetup --find --show "$top/memory/disk") || skip "no loop device is to be had here"
	mount -t ext4 "$device" "$top/disk" || skip "ext4 cannot be mounted here"
}

case $1 in
kill)
	"$story" kill "${TALLYWIRE_CRASHES:-200}" "$top/journal" 2>"$top/log" || failed
	;;
power)
	take_disk 160
	"$story" power "${TALLYWIRE_CRASHES:-50}" "$top/disk" "$device" 2>"$top/log" || failed
	;;
full)
	take_disk 32
	# Room for the journal's first segment, and no second.
	free=$(df --output=avail -B 1K "$top/disk" | tail -1)
	fallocate -l "$((free - 1700))K" "$top/disk/filler"
	mkdir "$top/disk/journal"
	"$story" full 1 "$top/disk/journal" "$top/disk/filler" 2>"$top/log" || failed
	;;
esac
