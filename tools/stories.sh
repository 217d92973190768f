#!/bin/bash
# Stories: each walks through the real program over loopback, as a person or a telephone system would.
#
#   tools/stories.sh sqlite|postgres [FILE…]
#
# The program is build/kith, or $KITH_BIN. Stories read KITH_BIN, KITH_TEST_STORE and, for PostgreSQL, KITH_TEST_POSTGRES
# (the URL of a server where they may make databases of their own).
set -euo pipefail
cd "$(dirname "$0")/.."
store=${1:-sqlite}
shift || true
node=$(tools/node.sh)
export KITH_BIN=${KITH_BIN:-$PWD/build/kith} KITH_TEST_STORE=$store
. tools/houses.sh

case $store in
    sqlite) ;;
    postgres)
        if [ -z "${KITH_TEST_POSTGRES:-}" ]; then
            started=$(tools/postgres.sh start)
            eval "$started"
            trap 'tools/postgres.sh stop' EXIT
        fi
        ;;
    *) echo "stories: unknown store '$store' (sqlite, postgres)" >&2; exit 2 ;;
esac

[ $# -gt 0 ] || set -- $(find test/stories -name '*.test.*' | sort)
if [ $# -eq 0 ]; then
    echo "0 passed, 0 failed"
    exit 1
fi
set +e
"$node" --test --test-reporter=tap --test-concurrency="${KITH_TEST_PARALLEL:-3}" "$@" 2>&1 | tools/tap.py
exit "${PIPESTATUS[1]}"
