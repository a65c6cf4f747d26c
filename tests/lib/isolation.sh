# shellcheck shell=bash disable=SC2154 # rig_* are set by rig.sh
# SPDX-License-Identifier: BSD-3-Clause
# Tenants side by side on two wires: one is flooded while the viewers of another vote at a calm rate.
# Sourced after rig.sh by the story isolation and by the benchmark; starts nothing by itself. All files
# are in the current directory.

ISOLATION_SECONDS=1        # of calm votes
ISOLATION_VOTERS=3000      # of the calm tenant
ISOLATION_LIMIT=20000      # votes/s of loud
# shellcheck disable=SC2034 # used by those who source this
ISOLATION_FLOODERS=10000   # voters of loud and wild
ISOLATION_CPUS=8           # as many let two senders, two workers, control and the kernel work side by side
mapfile -t isolation_cpus < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
isolation_macs=()
isolation_flood_pid=

# acme is calm, loud has a limit of votes, wild has none, small has all the others.
isolation_keyring() {
	python3 - "$ISOLATION_LIMIT" >keyring.json <<-'EOF'
		import json, os, sys
		limits = {"acme": None, "loud": {"votes_per_s": int(sys.argv[1])}, "wild": None,
		          "small": {"voters": 1000, "windows": 2, "memory_mb": 1}}
		tenants = [{"id": 7 + n, "name": name, "keys": [{"epoch": 1, "key": os.urandom(16).hex()}]}
		           | ({"limits": limits[name]} if limits[name] else {})
		           for n, name in enumerate(limits)]
		print(json.dumps({"tenants": tenants}))
	EOF
	chmod 600 keyring.json
}

# The second wire, and where the frames of each go.
isolation_wires() {
	local wire
	ip -n "$rig_appliance" link add tally1 type veth peer name viewer1 netns "$rig_viewers"
	rig_quiet_link "$rig_appliance" tally1 198.18.253.1
	rig_quiet_link "$rig_viewers" viewer1 198.18.253.2
	for wire in 0 1; do
		isolation_macs[wire]=$(ip -n "$rig_appliance" -o link show "tally$wire" |
			sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/')
	done
}

# isolation_burst NAME TENANT/ID VOTERS [OPTION ...]: NAME.pcap and NAME.answer.json.
isolation_burst() {
	"$TALLYREPLAY" make --keyring keyring.json --tenant "${2%/*}" --first-id "${2#*/}" --voters "$3" \
		--options 3 --max-delay 600s --out "$1.pcap" --answer "$1.answer.json" "${@:4}" >make.txt
}

# The calm audience answers as any does; it is spread over the whole time.
isolation_calm_burst() { # NAME ID
	isolation_burst "$1" "acme/$2" "$ISOLATION_VOTERS" --for "${ISOLATION_SECONDS}s" --first-second 50 \
		--delay 0ms..100ms --resent 10 --changed 10 --forged 2 --early 2 --late 0
}

# Valid votes, all within less than what a vote may be ahead of its time.
isolation_flood_burst() { # NAME TENANT/ID VOTERS
	isolation_burst "$@" --for 200ms --first-second 100 --delay 0ms..0ms --resent 0 --changed 0 \
		--forged 0 --early 0 --late 0
}

# isolation_time SECONDS: the time so long from now.
isolation_time() {
	date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%S.%6NZ
}

isolation_open() { # TENANT/ID OPTION ...
	"$TALLYCTL" open "$1" --poll "Question $1" A B C --max-delay 600s "${@:2}" >/dev/null
}

# isolation_send NAME INTERFACE TIME [OPTION ...]: its report in NAME.sent.json. INTERFACE ends in the
# number of its wire. Becomes the sender, so start it in the background. Calm and flooding senders have
# CPUs of their own where there are enough; the workers are on the last ones.
isolation_send() {
	local name=$1 interface=$2 start=$3 cpu=1
	shift 3
	[[ " $* " == *" --flood "* ]] || cpu=2
	! isolation_has_cpus || taskset -cp "${isolation_cpus[cpu]}" "$BASHPID" >/dev/null
	exec nsenter --net="/run/netns/$rig_viewers" "$TALLYREPLAY" send "$name.pcap" --interface "$interface" \
		--dst-mac "${isolation_macs[${interface: -1}]}" --keyring keyring.json --restamp --start "$start" \
		--json "$@" >"$name.sent.json" 2>"$name.sent.err"
}

# The window is open already.
isolation_start_flood() { # NAME INTERFACE
	isolation_send "$@" +100ms --flood &
	isolation_flood_pid=$!
	rig_pids+=("$isolation_flood_pid")
}

# 0 where it was still under way and none of its receipts was wrong.
isolation_stop_flood() {
	kill -TERM "$isolation_flood_pid" && wait "$isolation_flood_pid"
}

# Two senders on each wire, as two machines at a switch: calmN and floodN, which see their own receipts
# only. 1 where the kernel has no such interfaces.
isolation_share() {
	local wire who
	for wire in 0 1; do
		for who in calm flood; do
			ip -n "$rig_viewers" link add link "viewer$wire" name "$who$wire" type macvlan mode private \
				2>/dev/null || return 1
			ip -n "$rig_viewers" link set "$who$wire" up
		done
	done
}

isolation_has_cpus() {
	[ "${#isolation_cpus[@]}" -ge "$ISOLATION_CPUS" ]
}
