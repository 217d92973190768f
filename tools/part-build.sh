#!/bin/bash
# Second part of the tests: a clean build without a warning.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh build -Dwerror=true
tools/ninja.sh build
# the programs of make bench, too: they use the queries of the rooms
tools/ninja.sh build $(sed -n 's/^build \(bench-[a-z]*\):.*/\1/p' build/build.ninja | sort -u)
build/kith --version
echo "1 passed, 0 failed"
