#!/bin/bash
# Builds quietly: says only warnings, and everything when it fails.
#
#   tools/ninja.sh FOLDER [targets]
set -uo pipefail
log=$1/ninja.log
if ninja -C "$@" >"$log" 2>&1; then
    grep -A6 -E ': warning: ' "$log" || true
else
    grep -v -E '^(\[[0-9]+/[0-9]+\]|Compiler for|Dependency|Library|Has header)' "$log"
    exit 1
fi
