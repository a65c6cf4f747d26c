#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The drawing in docs/architecture.md (the block ```tree) and the tree name the same files.
# Usage: architecture_test.sh TOP
set -euo pipefail
cd "$1"
page=docs/architecture.md

# The rooms whose every file is in the drawing; of the others only what it names must exist.
rooms=(. wire client ebpf dataplane dataplane/core dataplane/show ctl perf)

# "name.{c,h}" as name.c and name.h; directories end in a slash.
expand() {
	local name suffix
	while read -r name; do
		case $name in
		*.\{*\})
			suffix=${name##*.\{}
			for suffix in $(tr , ' ' <<<"${suffix%\}}"); do
				echo "${name%.\{*}.$suffix"
			done
			;;
		*) echo "$name" ;;
		esac
	done
}

# The paths in the drawing: two blanks of indentation for each room that one lies in.
drawn() {
	awk '
	/^```/ { inside = $0 == "```tree"; next }
	inside && NF {
		match($0, /^ */)
		depth = RLENGTH / 2
		parent[depth + 1] = parent[depth] $1
		print parent[depth] $1
	}' "$page" | expand
}

# What lies in a room. Left out: meson.build below the top, what is hidden, what a build leaves. At the top
# people try things, so there only what git knows counts; without git, what no file of ours is called.
found() {
	local room=$1 path known
	if [ "$room" = . ]; then
		known=$(git ls-files 2>/dev/null | sed 's|/.*|/|' | sort -u) || true
		if ! grep -qx README.md <<<"$known"; then
			known=$(printf '%s\n' */ ./*.md LICENSE run meson* | sed 's|^\./||' |
				while read -r path; do [ -e "$path/build.ninja" ] || echo "$path"; done)
		fi
		grep -vE '^(\.|build)' <<<"$known"
		return
	fi
	for path in "$room"/*; do
		path=${path#./}
		case $path in
		build* | */meson.build | *~ | *.orig | *.rej) continue ;;
		esac
		if [ -d "$path" ]; then
			echo "$path/"
		else
			echo "$path"
		fi
	done
}

status=0
drawing=$(drawn)
[ "$(wc -l <<<"$drawing")" -gt 50 ] || { echo "$page: the drawing is not found"; exit 1; }

while read -r path; do
	if [[ $path = */ && ! -d $path ]] || [[ $path != */ && ! -f $path ]]; then
		echo "$page: the drawing has $path, the tree has not"
		status=1
	fi
done <<<"$drawing"

twice=$(sort <<<"$drawing" | uniq -d)
[ -z "$twice" ] || { echo "$page: drawn twice: $twice"; status=1; }

for room in "${rooms[@]}"; do
	while read -r path; do
		if ! grep -qxF -- "$path" <<<"$drawing"; then
			echo "$page: the tree has $path, the drawing has not"
			status=1
		fi
	done < <(found "$room")
done
exit "$status"
