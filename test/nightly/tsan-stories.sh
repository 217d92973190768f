#!/bin/bash
# stories on both stores, the program under the thread sanitizer
set -uo pipefail
cd "$(dirname "$0")/../.."

. tools/count.sh
tools/setup.sh build-tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1
tools/ninja.sh build-tsan kith peek || exit 1
export KITH_BIN=$PWD/build-tsan/kith KITH_TEST_SLOW=10
export TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1:suppressions=$PWD/tools/tsan.supp
count tools/stories.sh sqlite
count tools/stories.sh postgres
counted
