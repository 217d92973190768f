#!/bin/bash
# Layout of the .c files by .clang-format (headers are laid out by hand). `--check` only says what is not in order.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install.sh check >/dev/null
files=$(find src test/fuzz bench test/sql -name '*.c' -o -name '*.cc')
if [ "${1:-}" = --check ]; then
    clang-format --dry-run -Werror $files
else
    clang-format -i $files
fi
