#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The table of docs/counters.md has one row per verdict of wire/verdict.h, word for word, in order.
# Usage: counters_test.sh DOC_ROWS PAGE
set -euo pipefail
page=$2
wanted=$("$1" verdicts)
# The first table: from its rule to the first line that is no row.
written=$(awk '/^\| --- /{inside = 1; next} inside && !/^\|/{exit} inside' "$page")
[ -n "$wanted" ] || { echo "no verdicts"; exit 1; }
diff -u --label "$page" --label wire/verdict.h <(echo "$written") <(echo "$wanted")
