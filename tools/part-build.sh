#!/bin/bash
# Second part of the tests: a clean build without a warning.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh build -Dwerror=true
tools/ninja.sh build
build/kith --version
echo "1 passed, 0 failed"
