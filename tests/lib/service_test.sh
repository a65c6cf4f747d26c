#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# docs/tallyd.service: systemd understands every line of it, and tallyd every option it is started with.
# Usage: service_test.sh TALLYD DOCS
set -euo pipefail
tallyd=$(realpath "$1") docs=$2
command -v systemd-analyze >/dev/null || { echo "SKIP: no systemd-analyze here"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/tallywire.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Our own tallyd in the place where it would be installed; the manuals need not be.
sed -e "s|/usr/local/sbin/tallyd|$tallyd|" -e '/^Documentation=/d' "$docs/tallyd.service" >"$work/tallyd.service"
[ "$(grep -c "$tallyd" "$work/tallyd.service")" -eq 2 ] || { echo "it starts another tallyd"; exit 1; }
systemd-analyze verify --man=no "$work/tallyd.service" >"$work/words" 2>&1 || true
if [ -s "$work/words" ]; then
	cat "$work/words"
	exit 1
fi
while read -r option; do
	"$tallyd" --help | grep -q -- "$option" || { echo "tallyd has no $option"; exit 1; }
done < <(grep '^ExecStart' "$docs/tallyd.service" | grep -oE -- '--[a-z-]+')

# 0 is all that systemd can shut out, 10 nothing: what the start needs is left, as its comments say.
score=$(systemd-analyze security --offline=true "$work/tallyd.service" 2>/dev/null |
	sed -n 's/.*Overall exposure level for tallyd.service: \([0-9]*\)\..*/\1/p')
[ -z "$score" ] || [ "$score" -le 3 ] || { echo "exposure level $score"; exit 1; }
