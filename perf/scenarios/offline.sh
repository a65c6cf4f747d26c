#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The demo for those without root: the same burst, judged from its capture. Called by `./run demo`.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${TALLYWIRE_BUILD:-$top/build}
dir=$(mktemp -d /tmp/tallywire.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

umask 077
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '{"tenants":[{"id":7,"name":"acme","keys":[{"epoch":1,"key":"%s"}]}]}\n' "$key" >"$dir/keyring.json"
cd "$dir"
"$build/perf/tallyreplay" make --keyring keyring.json --tenant acme --voters 500000 --options 4 \
	--out burst.pcap --answer answer.json --rundown rundown.json
"$build/dataplane/tallyd" --replay burst.pcap --keyring keyring.json --rundown rundown.json \
	--results results.json
"$build/perf/tallyreplay" check --exact --results results.json --answer answer.json
