#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What the pages point at exists: every relative link, and every path that begins with a room.
# Usage: links_test.sh TOP
set -euo pipefail
cd "$1"
status=0

missing() {
	echo "$1: there is no $2"
	status=1
}

# ](target), without those that leave the tree.
links_of() {
	grep -oE '\]\([^)#][^)]*\)' "$1" | sed -E 's/^\]\(//; s/\)$//; s/#.*//' |
		grep -vE '^(https?|mailto):' || true
}

# wire/vote_packet.h, docs/decisions/: not preceded by another part of a path (build/ctl/tallyctl).
paths_of() {
	grep -oE '(^|[^A-Za-z0-9_./-])(wire|client|ebpf|dataplane|ctl|perf|tests|docs|LICENSES)/[A-Za-z0-9_./*-]*' \
		"$1" | grep -oE '(wire|client|ebpf|dataplane|ctl|perf|tests|docs|LICENSES)/.*' | sed 's/[.,:]*$//' || true
}

pages=(README.md CONTRIBUTING.md LICENSE docs/*.md docs/decisions/*.md perf/*.md perf/results/*.md)
for page in "${pages[@]}"; do
	[ -f "$page" ] || { missing "the tree" "$page"; continue; }
	while read -r target; do
		[ -z "$target" ] || [ -e "$(dirname "$page")/$target" ] || missing "$page" "$target"
	done < <(links_of "$page")
	while read -r path; do
		# A star stands for any name, and a program may be named as it is built.
		[ -z "$path" ] || [ -f "$path.c" ] || compgen -G "$path" >/dev/null || missing "$page" "$path"
	done < <(paths_of "$page" | sort -u)
done
exit "$status"
