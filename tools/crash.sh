#!/bin/bash
# Crash rounds: writers at every door record what was acknowledged, the server is killed with SIGKILL, started again, and
# asked. Then the same with a disk that loses, tears and refuses (test/disk), at ten times as many places.
#
#   tools/crash.sh             20 rounds, on both stores
#   ROUNDS=500 tools/crash.sh  as many rounds on each
set -euo pipefail
cd "$(dirname "$0")/.."
node=$(tools/node.sh)
export KITH_BIN=${KITH_BIN:-$PWD/build/kith} KITH_CRASH_ROUNDS=${ROUNDS:-20}
if [ -z "${KITH_TEST_POSTGRES:-}" ]; then
    started=$(tools/postgres.sh start)
    eval "$started"
    trap 'tools/postgres.sh stop' EXIT
fi
files=$(find test/crash -name '*.test.*' | sort)
if [ -z "$files" ]; then
    echo "0 passed, 0 failed"
    exit 1
fi
. tools/count.sh
set +e
rounds() {
    KITH_TEST_STORE=$1 "$node" --test --test-reporter=tap --test-concurrency=1 $files 2>&1 | tools/tap.py
}
count build/crash-disk --rounds $((KITH_CRASH_ROUNDS * 10))
count rounds sqlite
count rounds postgres
counted
