#!/bin/bash
# The figures of docs/performance.md: builds, starts a PostgreSQL of its own, hands over to bench/run.sh.
#
#   tools/bench.sh [arguments of bench/run.sh]
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install.sh build test
tools/setup.sh build
tools/ninja.sh build
started=$(KITH_TEST_POSTGRES_PARENT=${BENCH_DIR:-/var/tmp} KITH_TEST_POSTGRES_BUFFERS=1GB tools/postgres.sh start)
eval "$started"
trap 'tools/postgres.sh stop' EXIT
export KITH_BIN=${KITH_BIN:-$PWD/build/kith}
bench/run.sh "$@"
