#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every verb and option that tallyctl's --help names occurs in its completion and in its man page.
# Usage: ctl_pages_test.sh TALLYCTL COMPLETION MANPAGE
set -u
tallyctl=$1 completion=$2 manpage=$(sed 's/\\-/-/g' "$3")
missing=0

# The word stands by itself: "--for" is not found in "--forever".
expect() {
	if ! grep -qE -- "(^|[^A-Za-z0-9-])$2([^A-Za-z0-9-]|\$)" <<<"$3"; then
		echo "$1: $2 is missing"
		missing=1
	fi
}

options_of() {
	"$tallyctl" "$@" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

verbs=$("$tallyctl" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ "$(wc -w <<<"$verbs")" -ge 15 ] || { echo "--help names too few verbs: $verbs"; exit 1; }

for verb in $verbs; do
	expect "$completion" "$verb" "$(cat "$completion")"
	expect "$3" "$verb" "$(grep -E '^\.BI? ' <<<"$manpage")"
	for option in $(options_of "$verb"); do
		expect "$completion ($verb)" "$option" "$(cat "$completion")"
		expect "$3 ($verb)" "$option" "$manpage"
	done
done
for code in 0 1 2 3; do
	expect "$3 (exit status)" "$code" "$(sed -n '/^.SH EXIT STATUS/,/^.SH ENV/p' <<<"$manpage" | grep '^\.B ')"
done

# What the completion offers is what --help names, verb by verb.
# shellcheck source=/dev/null
. "$completion"
for verb in $verbs; do
	COMP_WORDS=(tallyctl "$verb" --) COMP_CWORD=2
	_tallyctl
	offered=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
	if [ "$offered" != "$(options_of "$verb" | sort)" ]; then
		echo "$completion: $verb is offered: $offered"
		missing=1
	fi
done
exit "$missing"
