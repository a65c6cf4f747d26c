#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What makes the viewer's library fit for phones and consoles: it compiles as strict C99 and C11, alone and
# from its own folder; C++ takes its header; it calls nothing but memcpy and its like; it keeps no
# variables; it has at most 1,000 lines.
# Usage: client_library_test.sh TOP
set -euo pipefail
cd "$1/client"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

command -v cc >/dev/null || { echo "SKIP: no C compiler 'cc'"; exit 77; }
sources=(tw_*.c)
for standard in c99 c11; do
	for source in "${sources[@]}"; do
		cc -std=$standard -pedantic-errors -Wall -Wextra -Wshadow -Wconversion -Wcast-align -Wvla -Werror \
			-O2 -c "$source" -o "$work/${source%.c}.o" || fail "$source is not strict $standard"
	done
done

# Compilers make memcpy, memmove, memset and memcmp of their own accord; -fstack-protector its own call.
strangers=$(nm -u "$work"/*.o | awk '/ U / {print $2}' | sort -u |
	grep -vxE 'tw_[a-z0-9_]+|mem(cpy|move|set|cmp)|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_' || true)
[ -z "$strangers" ] || fail "it calls $strangers"
variables=$(nm "$work"/*.o | awk '$2 ~ /^[bBdDC]$/ {print $3}' | grep -v '^texts' || true)
[ -z "$variables" ] || fail "it keeps variables: $variables"
others=$(nm -g --defined-only "$work"/*.o | awk 'NF == 3 {print $3}' | grep -v '^tw_' || true)
[ -z "$others" ] || fail "names without its prefix: $others"

if command -v c++ >/dev/null; then
	printf '#include "%s/tw_client.h"\nstruct tw_client client;\nuint64_t next() { return tw_client_next_us(&client); }\n' \
		"$PWD" >"$work/player.cc"
	c++ -std=c++98 -pedantic-errors -Wall -Wextra -Werror -c "$work/player.cc" -o "$work/player.o" 2>"$work/why" ||
		c++ -std=c++11 -pedantic-errors -Wall -Wextra -Werror -c "$work/player.cc" -o "$work/player.o" ||
		fail "C++ does not take the header"
	nm -u "$work/player.o" | grep -q ' tw_client_next_us$' || fail "C++ does not find the C functions"
fi

lines=$(cat tw_*.c tw_*.h | wc -l)
[ "$lines" -le 1000 ] || fail "the library has $lines lines, and 1000 are what it may have"
echo "$lines lines, strict C99 and C11, no calls but memcpy's kind"
