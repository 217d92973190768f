#!/bin/bash
# The long tests: each test/nightly/*.sh is a part; its second line says `# name: what it shows`, and it ends with
# `N passed, N failed`. The results go into the table of docs/performance.md, each row when its part has run.
#
#   tools/nightly.sh                 all parts, one after the other
#   PARTS="tsan clang" tools/nightly.sh    some
set -uo pipefail
cd "$(dirname "$0")/.."
tools/install.sh build test nightly || exit 1
tools/part-build.sh || exit 1
started=$(tools/postgres.sh start) || exit 1
eval "$started"
trap 'tools/postgres.sh stop' EXIT
mkdir -p build/nightly
all_passed=0 all_failed=0

for script in test/nightly/*.sh; do
    name=$(basename "$script" .sh)
    [ -z "${PARTS:-}" ] || [[ " $PARTS " == *" $name "* ]] || continue
    says=$(sed -n '2s/^# *//p' "$script")
    printf '\n== %s: %s\n' "$name" "$says"
    from=$(date +%s)
    : >build/nightly/"$name".log
    timeout --kill-after=30 "${HOURS_EACH:-4}h" "$script" >build/nightly/"$name".log 2>&1 </dev/null &
    tail -n +1 -f --pid=$! build/nightly/"$name".log
    wait $!
    status=$?
    p=0 f=0
    counted=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' build/nightly/"$name".log | tail -n 1)
    [ -z "$counted" ] || read -r p _ f _ <<<"$counted"
    if [ $status -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    if [ $((p + f)) -eq 0 ]; then f=1; fi
    all_passed=$((all_passed + p)) all_failed=$((all_failed + f))
    tools/nightly.py "$name" "$says" "$p" "$f" $(($(date +%s) - from))
done
printf '%s passed, %s failed\n' $all_passed $all_failed
[ $all_failed -eq 0 ] && [ $all_passed -gt 0 ]
