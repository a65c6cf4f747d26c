#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# docs/tallyreplay.1 has a paragraph for every option of every verb of tallyreplay, and no paragraph about
# another; what --help gives as an option's default stands in its paragraph.
# Usage: replay_page_test.sh TALLYREPLAY PAGE
set -euo pipefail
tallyreplay=$1 page=$2
status=0

complain() {
	echo "$page: $*"
	status=1
}

# The section of a verb, with plain hyphens.
section() {
	awk -v verb="$1" '/^\.S[sh] /{inside = $2 == "tallyreplay" && $3 == verb} inside' "$page" | sed 's/\\-/-/g'
}

# Options as they head paragraphs: ".It Fl -resent Ar PCT , Fl -changed Ar PCT".
page_options() {
	section "$1" | grep '^\.It ' | grep -oE 'Fl -[a-z0-9-]+' | sed 's/Fl -/--/' | sort
}

help_options() {
	"$tallyreplay" "$1" --help | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' | sort
}

# option default, of options whose line in --help ends in "(30)", "(200ms..3s)", "(198.19.0.1:4433)" or the like.
help_defaults() {
	"$tallyreplay" "$1" --help |
		sed -nE 's/^  (--[a-z0-9-]+) .*\(([a-z]*[0-9][^ )]*|af_[a-z]+)\)$/\1 \2/p'
}

# paragraph VERB OPTION: from the line that names it to the next.
paragraph() {
	section "$1" | awk -v option="Fl -${2#--}" '
	/^\.It / { inside = index($0 " ", option " ") }
	/^\.El/ { inside = 0 }
	inside'
}

verbs=$("$tallyreplay" --help | sed -nE 's/^  ([a-z]+)  .*/\1/p')
[ "$(wc -w <<<"$verbs")" -ge 3 ] || { echo "--help names too few verbs: $verbs"; exit 1; }
defaults=0
for verb in $verbs; do
	[ -n "$(section "$verb")" ] || complain "no section about $verb"
	diff -u --label "$page: $verb" --label "--help" <(page_options "$verb") <(help_options "$verb") || status=1
	while read -r option default; do
		defaults=$((defaults + 1))
		paragraph "$verb" "$option" | grep -E '^Defaults? ' | grep -qE "[ ,]${default//./\\.}([,. ]|\$)" ||
			complain "$verb $option: its default is not $default"
	done < <(help_defaults "$verb")
done
[ "$defaults" -ge 15 ] || complain "only $defaults defaults found in --help"
exit "$status"
