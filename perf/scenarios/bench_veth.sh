# shellcheck shell=bash disable=SC2154 # rig_* and runs are set by those who source this
# SPDX-License-Identifier: BSD-3-Clause
# The appliance on AF_XDP and its peer on kernel sockets (perf/peers/socket_server.c), on the rig's
# veth pair, in turns: same sender, same bursts, same core library, one core each. Sourced by
# bench.sh.
#
#   viewers: tallyreplay send on CPU 0 ── veth ── appliance: one server, its worker on the last CPU
#
# The server is started anew for every try, so that all tries find the same machine.

VETH_ADDRESS=198.19.0.1 # where tallyreplay's votes go
VETH_SECONDS=2          # of each burst
VETH_STEP=50000
veth_servers=(afxdp sockets)
veth_cpu=$(($(nproc) - 1))
# SOCKET_SERVER_ARGS="--cpus 0,1 --poll" tries the peer in another way.
read -ra veth_socket_server <<<"${SOCKET_SERVER_ARGS:---cpus $veth_cpu}"
# Set by veth_try and what it calls.
rate=0 lead=0 opens_at='' server_pid=0
declare -A got=()

# What a kernel's own stack needs and AF_XDP does not: the address is local, and the viewers of
# 198.18.0.0/16 are behind a neighbour whose MAC is known. The rig's own addresses lie in that
# network, where they would make martians of some viewers.
veth_addresses() {
	local viewer_mac
	viewer_mac=$(ip -n "$rig_viewers" -o link show viewer0 | sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/')
	ip -n "$rig_appliance" addr flush dev tally0
	ip -n "$rig_appliance" addr add 192.0.2.1/30 dev tally0
	ip -n "$rig_appliance" addr add "$VETH_ADDRESS/32" dev tally0
	ip -n "$rig_appliance" neigh add 192.0.2.2 lladdr "$viewer_mac" nud permanent dev tally0
	ip -n "$rig_appliance" route add 198.18.0.0/16 via 192.0.2.2
}

# veth_time SECONDS: the time so long from now, as the rundown and the sender want it.
veth_time() {
	date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%S.%6NZ
}

# Each start_… begins with the server, waits until it is ready, and opens acme/101 $lead seconds
# later; sets server_pid and opens_at. Each stop_… writes results.json and ends the server.
start_afxdp() {
	rig_start_tallyd
	server_pid=$tallyd_pid
	opens_at=$(veth_time "$lead")
	"$TALLYCTL" open acme/101 --poll "Which?" A B C D --for "${VETH_SECONDS}s" --at "$opens_at" >/dev/null
}

stop_afxdp() {
	"$TALLYCTL" results acme/101 --json >results.json
	"$TALLYCTL" stats --json >stats.json
	rig_json stats.json 'd["cores"][0]["cycles_per_vote"]' >>"veth_cycles_$rate.n"
	rig_stop_tallyd
}

# tallyd whose receipts wait for its journal.
start_durable() {
	RIG_ACK=durable RIG_SEGMENT_MB=64 rig_configure
	start_afxdp
}

stop_durable() {
	"$TALLYCTL" results acme/101 --json >results.json
	rig_stop_tallyd
	rm -r journal results
	rig_configure
}

start_sockets() {
	opens_at=$(veth_time "$(awk -v l="$lead" 'BEGIN {print l + 0.1}')")
	cat >sockets.rundown <<-EOF
		{"show": "veth", "interactions": [{"tenant": "acme", "id": 101, "kind": "poll",
		 "question": "Which?", "options": ["A", "B", "C", "D"], "opens_at": "$opens_at",
		 "duration_ms": ${VETH_SECONDS}000}]}
	EOF
	: >sockets.json
	nsenter --net="/run/netns/$rig_appliance" "$RIG_BUILD/perf/peers/socket_server" \
		--keyring keyring.json --rundown sockets.rundown --listen "$VETH_ADDRESS:4433" \
		--voters "$RIG_VOTERS" "${veth_socket_server[@]}" >sockets.json 2>sockets.log &
	server_pid=$!
	rig_pids+=("$server_pid")
	rig_wait_for "socket_server: ready" sockets.json "$server_pid"
}

stop_sockets() {
	kill -TERM "$server_pid"
	wait "$server_pid"
	sed 1d sockets.json >results.json
}

# CPU time so far: of the server's threads, and of softirqs on the CPUs that are not its own, in ns.
# What a softirq takes on top of the server is in the server's own time.
veth_times() {
	cat "/proc/$server_pid/task/"*/schedstat | awk '{ns += $1} END {printf "%.0f ", ns}'
	awk -v own="cpu$veth_cpu" -v tick=$((1000000000 / $(getconf CLK_TCK))) \
		'/^cpu[0-9]/ && $1 != own {t += $8} END {printf "%.0f\n", t * tick}' /proc/stat
}

# Waits for the burst and for its end, and writes what CPU time it took: process, softirqs elsewhere.
veth_watch_cpu() {
	local before after
	sleep "$(awk -v at="$(date -d "$opens_at" +%s.%N)" -v now="$EPOCHREALTIME" \
		'BEGIN {print (at > now) ? at - now : 0}')"
	before=$(veth_times)
	sleep "$VETH_SECONDS"
	after=$(veth_times)
	echo "$before $after"
}

# veth_try SERVER RATE: a burst at RATE a second. Sets got[lost], got[reached] (votes/s), got[p50] and
# got[p99] (µs), got[cpu] and got[softirq] (ns per vote). A vote is lost when it is not counted, or when
# its receipt does not come back.
veth_try() {
	local server=$1 voters=$(($2 * VETH_SECONDS)) sender_pid times name value
	rate=$2
	lead=$(awk -v v="$voters" 'BEGIN {print 1 + v / 1e6}') # the sender signs before it sends
	"start_$server"
	nsenter --net="/run/netns/$rig_viewers" taskset -c 0 "$TALLYREPLAY" send "veth_$2.pcap" \
		--interface viewer0 --dst-mac "$rig_tally_mac" --keyring keyring.json --restamp \
		--start "$opens_at" --timeout 500ms --json >sent.json 2>sent.log &
	sender_pid=$!
	rig_pids+=("$sender_pid")
	times=$(veth_watch_cpu)
	wait "$sender_pid" || { cat sent.log >&2; rig_fail "the receipts of $server are not right"; }
	"stop_$server"
	while read -r name value; do
		got[$name]=$value
	done < <(veth_outcome "$voters" "$times")
}

# veth_outcome VOTERS TIMES: name and value of what sent.json, results.json and the times say.
veth_outcome() {
	python3 - "$@" <<-'EOF'
		import json, sys
		voters = int(sys.argv[1])
		process, softirq, process_end, softirq_end = map(int, sys.argv[2].split())
		sent, results = json.load(open("sent.json")), json.load(open("results.json"))
		print("lost", max(voters - results["interactions"][0]["voters"], sent["unanswered"]))
		print("reached", round(sent["frames_per_s"]))
		print("p50", sent["latency_us"]["p50"])
		print("p99", sent["latency_us"]["p99"])
		print("cpu", round((process_end - process) / voters))
		print("softirq", round((softirq_end - softirq) / voters))
	EOF
}

veth_burst() {
	"$TALLYREPLAY" make --keyring keyring.json --tenant acme --voters $(($1 * VETH_SECONDS)) \
		--first-id 101 --for "${VETH_SECONDS}s" --first-second $((100 / VETH_SECONDS)) \
		--delay 0ms..0ms --resent 0 --changed 0 --forged 0 --early 0 --late 0 \
		--to "$VETH_ADDRESS" --out "veth_$1.pcap" >/dev/null
}

# The rows at 200,000 a second, which every machine of this kind carries.
veth_at_200k() {
	local run server name
	veth_burst 200000
	for ((run = 0; run < runs; run++)); do
		for server in "${veth_servers[@]}"; do
			veth_try "$server" 200000
			for name in lost p50 p99 cpu softirq; do
				echo "${got[$name]}" >>"veth_$server.$name"
			done
		done
	done
	rm veth_200000.pcap
	for server in "${veth_servers[@]}"; do
		row_of "veth.$server.lost" votes 0 "veth_$server.lost" \
			"of $((200000 * VETH_SECONDS)) at 200,000/s: not counted, or no receipt came back"
		row_of "veth.$server.p50" µs 0 "veth_$server.p50" "from send to verified receipt, at 200,000/s"
		row_of "veth.$server.p99" µs 0 "veth_$server.p99" "the same"
		row_of "veth.$server.cpu" ns/vote 0 "veth_$server.cpu" \
			"CPU time of the process at 200,000/s$([ "$server" = sockets ] || echo "; it polls, so a whole core")"
		row_of "veth.$server.softirq" ns/vote 0 "veth_$server.softirq" \
			"softirqs on the other CPUs: the kernel's part before the server"
	done
	row_of veth.afxdp.cycles cycles/vote 0 veth_cycles_200000.n \
		"tallyd's own count, kernel calls included, empty polls not"
}

# Sets got[p50] and got[p99] (µs): one page written and synced after the other, where the journal is.
veth_fdatasync() {
	local name value
	while read -r name value; do
		got[$name]=$value
	done < <(
		python3 - <<-'EOF'
			import os, time
			file = os.open("fdatasync", os.O_WRONLY | os.O_CREAT, 0o600)
			os.posix_fallocate(file, 0, 1000 * 4096)
			os.fsync(file)
			taken = []
			for page in range(1000):
			    begun = time.perf_counter_ns()
			    os.pwrite(file, b"x" * 4096, page * 4096)
			    os.fdatasync(file)
			    taken.append(time.perf_counter_ns() - begun)
			os.unlink("fdatasync")
			taken.sort()
			print("p50", taken[500] // 1000)
			print("p99", taken[990] // 1000)
		EOF
	)
}

# Receipts that wait for the journal, and the disk alone. About half of what two CPUs carry with it:
# sender, journal, control and the kernel's part share one of them.
veth_durable() {
	local run name
	rig_has_uring || return 0
	veth_burst 100000
	for ((run = 0; run < runs; run++)); do
		veth_try durable 100000
		for name in lost p50 p99; do
			echo "${got[$name]}" >>"veth_durable.$name"
		done
		veth_fdatasync
		for name in p50 p99; do
			echo "${got[$name]}" >>"veth_fdatasync.$name"
		done
	done
	rm veth_100000.pcap
	row_of veth.durable.lost votes 0 veth_durable.lost "of $((100000 * VETH_SECONDS)) at 100,000/s, ack = durable"
	row_of veth.durable.p50 µs 0 veth_durable.p50 "from send to verified receipt, the vote on disk before"
	row_of veth.durable.p99 µs 0 veth_durable.p99 \
		"the same; $(nproc) CPUs for sender, worker, journal and control"
	row_of veth.fdatasync.p50 µs 0 veth_fdatasync.p50 "one page written and synced, on the same disk, alone"
	row_of veth.fdatasync.p99 µs 0 veth_fdatasync.p99 "the same"
}

# veth_holds SERVER RATE: whether nothing is lost in one try of three, and the sender keeps up.
veth_holds() {
	local tries
	for ((tries = 0; tries < 3; tries++)); do
		veth_try "$1" "$2"
		[ "${got[lost]}" -gt 0 ] || break
	done
	ended[$1]="at $2: ${got[lost]} lost, ${got[reached]}/s sent"
	[ "${got[lost]}" -eq 0 ] && [ "${got[reached]}" -ge $(($2 * 95 / 100)) ]
}

# The highest rate without loss, both servers going up together.
veth_best() {
	local server next still
	local -A best=() ended=()
	for server in "${veth_servers[@]}"; do
		best[$server]=0
		[ "$(median "veth_$server.lost")" != 0 ] || best[$server]=200000
	done
	still=("${veth_servers[@]}")
	for ((next = 200000 + VETH_STEP; next <= 1000000 && ${#still[@]}; next += VETH_STEP)); do
		veth_burst "$next"
		for server in "${still[@]}"; do
			if veth_holds "$server" "$next"; then
				best[$server]=$next
			else
				mapfile -t still < <(printf '%s\n' "${still[@]}" | grep -vx "$server")
			fi
		done
		rm "veth_$next.pcap"
	done
	for server in "${veth_servers[@]}"; do
		row "veth.$server.best" votes/s "${best[$server]}" "" \
			"highest rate without loss in steps of $VETH_STEP; ${ended[$server]}"
	done
	ratio veth.ratio veth.afxdp.best veth.sockets.best
}

bench_veth() {
	veth_addresses
	veth_at_200k
	veth_durable
	veth_best
}
