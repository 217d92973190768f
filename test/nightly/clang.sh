#!/bin/bash
# built by clang without a warning; unit tests and stories
set -uo pipefail
cd "$(dirname "$0")/../.."

. tools/count.sh
count tools/unit.sh clang
export KITH_BIN=$PWD/build-clang/kith
count tools/stories.sh sqlite
counted
