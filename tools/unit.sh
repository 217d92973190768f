#!/bin/bash
# Unit tests: every src/**/*_test.c, in a build of the wanted kind.
#
#   tools/unit.sh plain|san|tsan|clang [ROOM]
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-plain}
room=${2:-}
case $kind in
    plain) folder=build; tools/setup.sh build ;;
    san)
        folder=build-san
        tools/setup.sh build-san -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1
        ;;
    tsan)
        folder=build-tsan
        tools/setup.sh build-tsan -Db_sanitize=thread -Db_lundef=false -Doptimization=1
        ;;
    clang)
        folder=build-clang
        CC=clang CXX=clang++ tools/setup.sh build-clang -Dwerror=true
        ;;
    *) echo "unit: unknown kind '$kind' (plain, san, tsan, clang)" >&2; exit 2 ;;
esac
tools/ninja.sh $folder
exec tools/unit.py $folder $room
