# shellcheck shell=bash disable=SC2154 # rig_* and runs are set by those who source this
# SPDX-License-Identifier: BSD-3-Clause
# The same votes as SADD and SETBIT, to a redis-server of our own on a Unix socket: no port, nothing
# on disk, gone with the rig. Sourced by bench.sh.

# In Debian the server's program comes with redis-tools and goes by its name; the package redis-server
# would start a server for everybody.
bench_redis() {
	local client=$RIG_BUILD/perf/peers/redis_bench server redis_pid
	server=$(command -v redis-server || command -v redis-check-rdb || true)
	if [ ! -x "$client" ] || [ -z "$server" ]; then
		echo "redis: left out, there is no Redis or no hiredis (Debian: redis-tools, libhiredis-dev)"
		return
	fi
	(
		taskset -p -c "$(($(nproc) - 1))" "$BASHPID"
		exec -a redis-server "$server" --port 0 --dir "$rig_dir" --save '' --appendonly no \
			--unixsocket "$rig_dir/redis.sock"
	) >redis.log 2>&1 &
	redis_pid=$!
	rig_pids+=("$redis_pid")
	rig_wait_for "ready to accept connections" redis.log "$redis_pid"
	rows_from taskset -c 0 "$client" "$rig_dir/redis.sock" --runs "$runs"
	kill "$redis_pid"
	wait "$redis_pid" || true
}
