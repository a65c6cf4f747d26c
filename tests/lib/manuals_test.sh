#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# docs/tallyd.8 and docs/tallyd.conf.5 say what tallyd does: every option, default and limit, both
# ways. And groff, where there is one, finds no fault with any manual.
# Usage: manuals_test.sh TALLYD DOC_ROWS DOCS
set -euo pipefail
tallyd=$1 doc_rows=$2 docs=$3
status=0

compare() { # WHAT WRITTEN WANTED
	diff -u --label "$1" --label program <(echo "$2") <(echo "$3") || status=1
}

# section|key|default|limits, from ".SS [section]", ".B key" after ".TP", "Default: D. Limits: L."
page_options() {
	awk '
	/^\.SS \[/ { section = $2; gsub(/[][]/, "", section); key = "" }
	/^\.SH / { section = "" }
	/^\.B / && after_tp { key = $2 }
	{ after_tp = /^\.TP/ }
	/^Default: / && section != "" {
		match($0, /\. Limits: /)
		standard = substr($0, 10, RSTART - 10)
		limits = substr($0, RSTART + RLENGTH)
		sub(/\.$/, "", limits)
		print section "|" key "|" standard "|" limits
	}' "$docs/tallyd.conf.5" | sed 's/\\-/-/g; s/\\&//g'
}

# section|key|default, from the INI text of --config-help.
help_options() {
	"$tallyd" --config-help | awk -F ' = ' '
	/^\[/ { section = $0; gsub(/[][]/, "", section) }
	/^#/ || !/ = / { next }
	{ print section "|" $1 "|" ($2 == "" ? "empty" : $2) }'
}

options=$(page_options)
[ -n "$options" ] || { echo "$docs/tallyd.conf.5: no options found"; exit 1; }
compare tallyd.conf.5 "$options" "$("$doc_rows" options)"
compare "tallyd.conf.5 (--config-help)" "$(cut -d '|' -f 1-3 <<<"$options")" "$(help_options)"

# The options of tallyd itself: each has its paragraph, and no paragraph is about another.
page_flags() {
	awk '/^\.SH /{inside = $2 == "OPTIONS"} inside && after_tp {print $2} {after_tp = /^\.TP/}' \
		"$docs/tallyd.8" | sed 's/\\-/-/g' | sort
}
help_flags() {
	"$tallyd" --help | grep -oE -- '--[a-z-]+' | sort -u
}
compare tallyd.8 "$(page_flags)" "$(help_flags)"

if command -v groff >/dev/null; then
	for page in "$docs"/*.[1-8]; do
		faults=$(groff -ww -man -Tutf8 -z "$page" 2>&1)
		[ -z "$faults" ] || { echo "$faults"; status=1; }
	done
else
	echo "no groff here: the manuals' form is not checked"
fi
exit "$status"
