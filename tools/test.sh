#!/bin/bash
# Everything that `make test` does, part by part; each part has a budget of time, is printed with the time it took,
# and going over the budget stops it and counts as a failure. A part that ran no test is a failure.
#
#   tools/test.sh              all parts; the last line is `N passed, N failed`
#   tools/test.sh ROOM         the unit tests of one room (a folder of src), under the sanitizers
#   PARTS="unit browser" tools/test.sh      some of the parts
set -uo pipefail
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    tools/install.sh build test && exec tools/unit.sh san "$1"
    exit 1
fi

kept=build/test
passed=0 failed=0 began=$(date +%s)
mkdir -p $kept
printf 'part\tseconds\tbudget\tpassed\tfailed\n' >$kept/results.tsv

postgres_stop() {
    [ -z "${KITH_TEST_POSTGRES_DIR:-}" ] || tools/postgres.sh stop || true
    unset KITH_TEST_POSTGRES KITH_TEST_POSTGRES_DIR
}
trap postgres_stop EXIT
trap 'exit 130' INT TERM

is_wanted() { [ -z "${PARTS:-}" ] || [[ " $PARTS " == *" $1 "* ]]; }

# part NAME BUDGET_SECONDS WHAT-IT-DOES COMMAND…: the command's last line `N passed, N failed` is its result.
part() {
    local name=$1 budget=$2 says=$3 from took status p=0 f=0 counted note=""
    shift 3
    is_wanted "$name" || return 0
    printf '\n== %s: %s (at most %s)\n' "$name" "$says" "$(spell "$budget")"
    from=$(date +%s)
    : >"$kept/$name.log"
    timeout --kill-after=15 "$budget" "$@" >"$kept/$name.log" 2>&1 </dev/null &
    tail -n +1 -f --pid=$! "$kept/$name.log" 2>/dev/null
    wait $!
    status=$?
    took=$(($(date +%s) - from))
    counted=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$kept/$name.log" | tail -n 1)
    [ -z "$counted" ] || read -r p _ f _ <<<"$counted"
    if [ $status -eq 124 ] || [ $status -eq 137 ]; then
        f=$((f + 1)) note="stopped: over its budget"
    elif [ $status -ne 0 ] && [ "$f" -eq 0 ]; then
        f=1 note="ended with status $status"
    elif [ $((p + f)) -eq 0 ]; then
        f=1 note="ran no test"
    fi
    passed=$((passed + p)) failed=$((failed + f))
    printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$took" "$budget" "$p" "$f" >>$kept/results.tsv
    printf -- '-- %s: %s passed, %s failed in %s%s\n' "$name" "$p" "$f" "$(spell $took)" "${note:+ ($note)}"
    [ $status -eq 0 ]
}

spell() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

finish() {
    printf '\n'
    column -t -s $'\t' $kept/results.tsv 2>/dev/null || cat $kept/results.tsv
    printf 'in all %s; the logs are in %s/\n' "$(spell $(($(date +%s) - began)))" $kept
    printf '%s passed, %s failed\n' $passed $failed
    [ $failed -eq 0 ] && [ $passed -gt 0 ]
    exit
}

part install 480 "packages and the pinned Node" tools/part-install.sh || { is_wanted install && finish; }
part build 120 "the program and its tests, warnings are errors" tools/part-build.sh || { is_wanted build && finish; }

if started=$(tools/postgres.sh start); then
    eval "$started"
else
    echo "PostgreSQL did not start; what needs it fails"
fi
part unit 360 "unit tests under address and undefined-behaviour sanitizers" tools/unit.sh san
part layers 60 "who includes whom; every query prepared on both engines; the tools' own tests" tools/part-layers.sh
part stories-sqlite 480 "stories against the program, on SQLite" tools/stories.sh sqlite
part stories-postgres 480 "stories against the program, on PostgreSQL" tools/stories.sh postgres
part browser 480 "the interface: types, unit tests, build compared, browser" tools/browser.sh
part crash 300 "kill -9 in the middle: what was acknowledged is there" tools/crash.sh
part faults 420 "a full disk, limits, clocks, signals: what a machine may do" tools/faults.sh
part fuzz 180 "each parser, 10 s a target" tools/fuzz.sh
finish
