#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `./run` as people call it: what it does not know it refuses before it does anything, a run of tests counts
# only what it ran itself. The tools that it calls are stand-ins here; nothing is installed or built.
# Usage: run_test.sh TOP
set -u
top=$1
command -v python3 >/dev/null || { echo "SKIP: needs python3, as run does"; exit 77; }
dir=$(mktemp -d /tmp/tallywire.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failures=0

fail() {
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# stand_in NAME: a program of this name, from standard input.
stand_in() {
	{ echo '#!/bin/bash' && cat; } >"$dir/bin/$1"
	chmod +x "$dir/bin/$1"
}

mkdir -p "$dir/bin" "$dir/build/meson-logs"
cp "$top/run" "$dir/run"
cd "$dir" || exit 1
export PATH=$dir/bin:$PATH
for name in apt-get clang-format cppcheck ninja shellcheck; do
	# shellcheck disable=SC2016 # the stand-in's own
	stand_in $name <<<'echo "$(basename "$0") $*" >>called'
done
stand_in dpkg-query <<<'printf installed'
# Tests as $dir/tests says: a line of the log each; none where there is no such file.
stand_in meson <<'END'
echo "meson $*" >>called
case $1 in
introspect) echo '[{"suite":["tallywire:unit"]},{"suite":["tallywire:netns","tallywire:unit"]}]' ;;
test) [ ! -f tests ] || cp tests build/meson-logs/testlog.json; exit "$(cat code)" ;;
esac
END
stand_in git <<<'echo "fatal: not a git repository" >&2; exit 128'
echo 0 >code
touch -d '+1 day' build/build.ninja

# refused CODE TEXT WORD...: ./run WORD... ends with the code, and the text on stderr alone.
refused() {
	local wanted=$1 text=$2 code
	shift 2
	: >called
	./run "$@" >out 2>err
	code=$?
	[ $code -eq "$wanted" ] || fail "run $*: exit code $code, not $wanted"
	grep -qF -- "$text" err || fail "run $*: no '$text' in: $(cat err)"
	[ ! -s out ] || fail "run $*: on stdout: $(cat out)"
}

# The same, and no program was called.
refused_at_once() {
	refused 2 "$@"
	[ ! -s called ] || fail "run ${*:2}: it called $(cat called)"
}

refused_at_once "no verb 'wrongverb'" wrongverb
refused_at_once "no verb 'wrongverb'" wrongverb unit
refused_at_once "no verb '--version'" --version
refused_at_once "'demo' takes no further word: '--help'" demo --help
refused_at_once "'build' takes no further word: 'tallyd'" build tallyd
refused_at_once "'check' takes no further word: ''" check ''
for seconds in abc 0 -1 1.5 '' '60 ' 99999999999; do
	refused_at_once "fuzz wants a number of seconds, not '$seconds'" fuzz "$seconds"
done
refused_at_once "'fuzz' takes no further word: '60'" fuzz 60 60
for words in "" help --help; do
	# shellcheck disable=SC2086 # no word is no word
	./run $words >out 2>err || fail "run $words: exit code $?"
	grep -q './run fuzz SECONDS' out || fail "run $words: says $(cat out err)"
done

# --- A suite that is none: named, with those that there are; nothing was tested.
refused 1 "no suite 'TYPO': netns unit" test TYPO
refused 1 "no suite 'uni': netns unit" test unit uni
grep -q "^meson test" called && fail "tests ran in spite of a suite that is none: $(cat called)"

# tested CODE LAST-LINE WORD...: ./run test ends with the code, and the line.
tested() {
	local wanted=$1 line=$2 code
	shift 2
	./run test "$@" >out 2>err
	code=$?
	[ $code -eq "$wanted" ] || fail "run test $*: exit code $code, not $wanted"
	[ "$(tail -n 1 out)" = "$line" ] || fail "run test $*: not '$line', but: $(cat out err)"
}

# --- Single checks are counted where a program reports them, else the program.
cat >tests <<'END'
{"name": "a", "result": "OK", "stdout": "ok 1 - x\nok 2 - y # SKIP no such thing here\n"}
{"name": "b", "result": "OK", "stdout": "all as it should be\n"}
{"name": "c", "result": "SKIP", "stdout": "SKIP: needs root\n"}
END
: >called
tested 0 "2 passed, 0 failed, 2 skipped" unit
grep -q "^meson test .* --suite unit$" called || fail "another suite was asked for: $(cat called)"
grep -qx "skipped: a - no such thing here" out || fail "no reason: $(cat out)"
grep -qx "skipped: c - needs root" out || fail "no reason: $(cat out)"
cat >tests <<'END'
{"name": "a", "result": "FAIL", "stdout": "ok 1 - x\nnot ok 2 - y\n"}
{"name": "b", "result": "TIMEOUT", "stdout": "ok 1 - x\n"}
{"name": "c", "result": "FAIL", "stdout": "FAIL: z\n"}
END
echo 1 >code
tested 1 "2 passed, 3 failed, 0 skipped"

# --- The log of an earlier run is not this run's.
rm tests
refused 1 "meson has not tested anything" test

# --- Nothing is checked where git does not answer, or knows no file.
refused 1 "git names no files here" check
stand_in git </dev/null
refused 1 "git names no files here" check
[ ! -s called ] || fail "checked nothing with $(cat called)"

# --- A build folder from before a package came is configured anew, once.
touch -d 2000-01-01 build/build.ninja
stand_in ninja <<<'touch -d "+1 day" build/build.ninja'
: >called
./run build >out 2>err || fail "run build: $(cat err)"
./run build >out 2>err || fail "run build: $(cat err)"
[ "$(cat called)" = "meson setup build --reconfigure" ] || fail "not configured anew once: $(cat called)"

[ $failures -eq 0 ] && echo "all as it should be"
exit $((failures > 0))
