#!/bin/bash
# The checks of the source text: layers, the tools' own tests, every query on both engines.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0
count() {
    local out p f
    out=$("$@" 2>&1) || true
    printf '%s\n' "$out"
    read -r p _ f _ <<<"$(grep -E '^[0-9]+ passed, [0-9]+ failed' <<<"$out" | tail -n 1)"
    [ -n "${p:-}" ] || { p=0 f=1; }
    passed=$((passed + p)) failed=$((failed + f))
}
count tools/tools_test.py
count tools/layers.py
count tools/sql.sh
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
