#!/bin/bash
# What a machine, a disk, a network or a clock may do to the running program.
#
#   tools/faults.sh [sqlite|postgres] [FILE…]     no store: both
set -euo pipefail
cd "$(dirname "$0")/.."
node=$(tools/node.sh)
export KITH_BIN=${KITH_BIN:-$PWD/build/kith}
stores="sqlite postgres"
case ${1:-} in sqlite | postgres) stores=$1; shift ;; esac
if [[ $stores == *postgres* && -z ${KITH_TEST_POSTGRES:-} ]]; then
    started=$(tools/postgres.sh start)
    eval "$started"
    trap 'tools/postgres.sh stop' EXIT
fi
[ $# -gt 0 ] || set -- $(find test/faults -name '*.test.*' | sort)
if [ $# -eq 0 ]; then
    echo "0 passed, 0 failed"
    exit 1
fi
. tools/count.sh
set +e
faults() {
    local store=$1
    shift
    KITH_TEST_STORE=$store "$node" --test --test-reporter=tap --test-concurrency="${KITH_TEST_PARALLEL:-2}" "$@" 2>&1 | tools/tap.py
}
for store in $stores; do count faults "$store" "$@"; done
counted
