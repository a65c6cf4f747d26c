#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# docs/control.md has a row for every method that tallyd knows, and for every error code, and no other.
# Usage: control_page_test.sh TOP
set -euo pipefail
cd "$1"
page=docs/control.md
status=0

compare() { # WHAT WRITTEN WANTED
	[ -n "$3" ] || { echo "$1: nothing found there to compare with"; exit 1; }
	diff -u --label "$page" --label "$1" <(echo "$2") <(echo "$3") || status=1
}

# The first cells of the first table with this heading, without `.
first_cells() {
	awk -F ' *[|] *' -v heading="$1" '
	$0 == heading { inside = 1; next }
	inside && !/^\|/ { exit }
	inside && !/^\| --- / { gsub(/`/, "", $2); print $2 }' "$page"
}

# Those that need the appliance only, in order; then those that belong to a connection.
known_methods() {
	sed -n '/method_rows\[\] = {/,/^}/p' dataplane/control_methods.c |
		grep -oE '\.name = "[a-z_]+"' | cut -d '"' -f 2
	grep -oE 'strcmp\(method, "[a-z_]+"\) == 0' dataplane/control_client.c | cut -d '"' -f 2
}

compare "tallyd's methods" "$(first_cells '| method | parameters | result |')" "$(known_methods)"
compare "enum control_error" "$(first_cells '| code | meaning |')" \
	"$(sed -n '/^enum control_error/,/^}/s/.*= \(-[0-9]*\),.*/\1/p' wire/control_protocol.h)"
exit "$status"
