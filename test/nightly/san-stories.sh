#!/bin/bash
# stories on both stores, the program under address and undefined-behaviour sanitizers
set -uo pipefail
cd "$(dirname "$0")/../.."

. tools/count.sh
tools/setup.sh build-san -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1
tools/ninja.sh build-san kith peek || exit 1
export KITH_BIN=$PWD/build-san/kith KITH_TEST_SLOW=5
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 LSAN_OPTIONS=suppressions=$PWD/tools/lsan.supp:print_suppressions=0
count tools/stories.sh sqlite
count tools/stories.sh postgres
counted
