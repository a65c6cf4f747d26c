# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Twin votes through two ways at once, and what must come of it. Sourced after rig.sh by the stories
# two_queues and two_ports; starts nothing by itself.

TWINS=$RIG_BUILD/tests/netns/twins
# At full speed a disk would answer for many of them, with busy; who wins does not depend on it.
# shellcheck disable=SC2034 # rig.sh reads it
RIG_ACK=immediate
twins_pid=

# The race may have left tallyd stopped, and a stopped process does not hear that it shall end.
twins_down() {
	local status=$?
	set +e
	kill "$twins_pid" 2>/dev/null
	wait "$twins_pid" 2>/dev/null
	[ -z "${tallyd_pid:-}" ] || kill -CONT "$tallyd_pid" 2>/dev/null
	return "$status"
}

# twins_open NAMESPACE VOTERS WAY WAY: opens both ways, so that tallyd finds them; skips where the
# machine has none.
twins_open() {
	local namespace=$1 status=0
	shift
	: >twins.json
	nsenter --net="/run/netns/$namespace" "$TWINS" keyring.json acme 101 "$1" tallyd.pid "${@:2}" \
		>twins.json 2>twins.err &
	twins_pid=$!
	trap 'twins_down; rig_down' EXIT
	until grep -q open twins.json; do
		if ! kill -0 "$twins_pid" 2>/dev/null; then
			wait "$twins_pid" || status=$?
			[ "$status" -ne 77 ] || rig_skip "$(sed 's/^SKIP: //' twins.err)"
			rig_fail "$(cat twins.err)"
		fi
		sleep 0.05
	done
}

# twins_race: asks the question, lets the twins race, closes, and takes results and stats.
twins_race() {
	"$TALLYCTL" open acme/101 --poll "Which?" A B C D --for 3600s --max-delay 60s >/dev/null
	echo "$tallyd_pid" >tallyd.pid
	kill -USR1 "$twins_pid"
	until grep -q wrong twins.json; do
		kill -0 "$twins_pid" 2>/dev/null || rig_fail "the race ended early: $(cat twins.err)"
		"$TALLYCTL" stats --json >snapshot.json || rig_fail "conservation: $(cat snapshot.json)"
		sleep 0.2
	done
	"$TALLYCTL" close acme/101 >/dev/null
	sed -i /open/d twins.json
	"$TALLYCTL" results --json >results.json
	"$TALLYCTL" stats --json >stats.json
	"$TALLYCTL" stats >stats.txt
	"$TALLYCTL" list >list.txt
}

# must EXPRESSION COMPLAINT: over t (what the twins saw), w (the window's result), s (stats), v (voters).
must() {
	python3 -c '
import json, sys
t, r, s = (json.load(open(n + ".json")) for n in ("twins", "results", "stats"))
w, v = r["interactions"][0], t["voters"]
sys.exit(not eval(sys.argv[1]))' "$1" ||
		rig_fail "$2 (not: $1): $(cat twins.json twins.err results.json stats.json stats.txt)"
}

# twins_judge: each voter once, the receipts agree with each other and with the result, nothing is lost
# from sight, and both workers had their half.
twins_judge() {
	must 't["wrong"] == 0' "receipts that contradict each other"
	must 'sum(t["won"]) == v and t["counted"] + t["counted_lost"] == v' "not every voter won once"
	must 'w["voters"] == v' "not every voter is counted once"
	must '[o["votes"] for o in w["options"]] == t["votes"]' "the result is not what the receipts say"
	must 'w["receipts"]["counted"] == v' "receipts that say counted"
	must 'w["receipts"]["duplicate"] == s["datagrams"]["received"] - v' "receipts that say duplicate"
	must 's["datagrams"]["received"] + s["datagrams"]["missed"] >= 2 * v + sum(t["resent"])' "votes came by other ways"
	must 's["conserved"] and s["datagrams"]["in_flight"] == 0' "conservation"
	must 'len(s["cores"]) == 2 and len({c["lcore"] for c in s["cores"]}) == 2' "two workers on two lcores"
	must 'all(c["received"] >= v for c in s["cores"])' "a worker did not see every voter"
	must 'sum(c["received"] for c in s["cores"]) == s["datagrams"]["received"]' "the cores do not add up"
	must 'all(c["receipts_sent"] + c["receipts_unsent"] == c["received"] for c in s["cores"])' "a vote without an answer"
	# Few voters on busy CPUs may never meet; many do.
	[ "$(nproc)" -lt 2 ] || must 't["close"] > 0 or t["voters"] < 10000' \
		"the two workers were never at the same voter at once"
	python3 -c '
import json
t = json.load(open("twins.json"))
print("%d voters voted twice at once, counted once each; the second way won %d, both won in %d of %d batches;"
      " %d pairs were received within 20 us; %d resent"
      % (t["voters"], t["won"][1], t["mixed_batches"], t["batches"], t["close"], sum(t["resent"])))'
}

# twins_lists_two: the tables for people have a row or a column for each worker, with its own figures.
twins_lists_two() {
	local worker received
	for worker in 0 1; do
		received=$(rig_json stats.json "'{:,}'.format(d['cores'][$worker]['received'])")
		grep -qE "^ *$worker +$received +[0-9]" stats.txt ||
			rig_fail "no row of worker $worker with $received received: $(cat stats.txt)"
	done
	grep -qE "^CYCLES BY STEP +WORKER 0 +WORKER 1$" stats.txt || rig_fail "no column each: $(cat stats.txt)"
	grep -qE "acme/101" list.txt || rig_fail "no window: $(cat list.txt)"
}
