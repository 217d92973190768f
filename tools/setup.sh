#!/bin/bash
# Sets up a build folder with meson when it is not there, or when it was set up otherwise.
#
#   tools/setup.sh FOLDER [meson options]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
shift
wanted="${CC:-cc} $*"
if [ -f "$folder/build.ninja" ] && [ "$(cat "$folder/.options" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
log=$(mktemp)
if [ -f "$folder/build.ninja" ] && [ -f "$folder/.options" ] && [ "$(cut -d' ' -f1 "$folder/.options")" = "${CC:-cc}" ]; then
    meson configure "$folder" "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
elif [ -f "$folder/build.ninja" ] && [ ! -f "$folder/.options" ] && [ -z "${CC:-}" ]; then
    meson configure "$folder" "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
else
    [ ! -f "$folder/build.ninja" ] || rm -rf "$folder" # another compiler's; a new folder may hold logs of the tests
    meson setup "$folder" "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
rm -f "$log"
echo "$wanted" >"$folder/.options"
