#!/bin/bash
# Fuzzing: every test/fuzz/*.c is a target for one parser, its corpus lies in test/fuzz/corpus/<target>/.
#
#   tools/fuzz.sh              each target for 10 s (or $SECONDS_EACH), five at a time
#   tools/fuzz.sh phone        one target until stopped; new inputs go into its corpus
set -euo pipefail
cd "$(dirname "$0")/.."
CC=clang CXX=clang++ tools/setup.sh build-fuzz -Dfuzz=true -Db_lundef=false -Doptimization=1
tools/ninja.sh build-fuzz
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/tools/lsan.supp:print_suppressions=0

if [ $# -gt 0 ]; then
    [ -x "build-fuzz/fuzz-$1" ] || { echo "fuzz: there is no target '$1'; there are: $(ls test/fuzz/*.c | xargs -n1 basename -s .c | xargs)" >&2; exit 2; }
    mkdir -p "test/fuzz/corpus/$1"
    dict=(); [ ! -f "test/fuzz/$1.dict" ] || dict=(-dict="test/fuzz/$1.dict")
    exec "build-fuzz/fuzz-$1" -timeout=5 -rss_limit_mb=1024 "${dict[@]}" -artifact_prefix=build-fuzz/ "test/fuzz/corpus/$1"
fi

one() {
    local t=$1 work=build-fuzz/work-$1 log=build-fuzz/$1.log dict=()
    mkdir -p "$work"
    [ ! -f "test/fuzz/$t.dict" ] || dict=(-dict="test/fuzz/$t.dict")
    local seeds=(); [ ! -d "test/fuzz/corpus/$t" ] || seeds=("test/fuzz/corpus/$t")
    if "build-fuzz/fuzz-$t" -max_total_time="${SECONDS_EACH:-10}" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        "${dict[@]}" -artifact_prefix="build-fuzz/$t-" "$work" "${seeds[@]}" >"$log" 2>&1; then
        echo "ok   $t: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        echo "FAIL $t"
        tail -n 40 "$log"
    fi
}
export -f one
results=$(find test/fuzz -maxdepth 1 -name '*.c' -printf '%f\n' | sort | sed 's/\.c$//' | xargs -r -P 5 -I{} bash -c 'one {}')
echo "$results"
passed=$(grep -c '^ok ' <<<"$results" || true) failed=$(grep -c '^FAIL' <<<"$results" || true)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
