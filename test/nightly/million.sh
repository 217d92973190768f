#!/bin/bash
# million: 1,000,000 customers on both stores: filled, served, loaded; no request fails, every ring is heard
set -uo pipefail
cd "$(dirname "$0")/../.."
log=build/nightly/million.figures
passed=0 failed=0
for store in sqlite postgres; do
    if tools/bench.py --stores $store --rounds 1 --seconds "${SECONDS_EACH:-10}" --page build/nightly/million-$store.md >"$log" 2>&1; then
        cat "$log"
        bad=$(grep -cE '[1-9][0-9]* errors|[1-9][0-9]* of [0-9]+ not heard' "$log")
    else
        tail -n 20 "$log"
        bad=1
    fi
    if [ "$bad" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
