#!/bin/bash
# All that is quick, before a change is offered: layout, layers, static analysis, sanitizers, short fuzz.
set -uo pipefail
cd "$(dirname "$0")/.."
tools/install.sh build test check || exit 1
wrong=()
step() { echo "== $1"; shift; "$@" || wrong+=("$*"); }
step "layout" tools/format.sh --check
step "layers, queries, tools" tools/part-layers.sh
step "a build without a warning" tools/part-build.sh
step "static analysis" tools/tidy.sh
step "unit tests under sanitizers" tools/unit.sh san
step "unit tests built by clang" tools/unit.sh clang
step "each parser for 10 s" tools/fuzz.sh
[ ${#wrong[@]} -eq 0 ] && { echo "check: all is well"; exit 0; }
printf 'check: %s\n' "${wrong[@]}"
exit 1
