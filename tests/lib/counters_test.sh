#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The first table of docs/counters.md has one row per verdict of wire/verdict.h, the second one per rule of
# wire/front_maps.h, word for word, in order.
# Usage: counters_test.sh DOC_ROWS PAGE
set -euo pipefail
page=$2

# table N: from its rule to the first line that is no row.
table() {
	awk -v wanted="$1" '/^\| --- /{inside = ++tables == wanted; next} !/^\|/{inside = 0} inside' "$page"
}

compare() { # WHAT N SOURCE
	local rows
	rows=$("$doc_rows" "$1")
	[ -n "$rows" ] || { echo "no $1"; exit 1; }
	diff -u --label "$page" --label "$3" <(table "$2") <(echo "$rows")
}

doc_rows=$1
compare verdicts 1 wire/verdict.h
compare rules 2 wire/front_maps.h
