#!/bin/bash
# Static analysis of our own C: clang-tidy with the checks of .clang-tidy.
#
#   tools/tidy.sh [FILE…]
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install.sh build test check
CC=clang CXX=clang++ tools/setup.sh build-clang -Dwerror=true
tools/ninja.sh build-clang queries.h migrations.h messages.h web_files.h
[ $# -gt 0 ] || set -- $(find src -name '*.c' ! -name '*_test.c' | sort)
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 clang-tidy -p build-clang --quiet
