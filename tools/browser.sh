#!/bin/bash
# The interface: its types and own tests, web/dist rebuilt and compared, then the pages in Chromium.
#
#   tools/browser.sh [FILE…]     with files: only these browser tests
set -uo pipefail
cd "$(dirname "$0")/.."
node=$(tools/node.sh) || exit 1
export PATH=$(dirname "$node"):$PATH
export KITH_BIN=${KITH_BIN:-$PWD/build/kith} KITH_TEST_STORE=${KITH_TEST_STORE:-sqlite}
. tools/count.sh
. tools/houses.sh

one() { # one NAME COMMAND…: a step that is right or wrong
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        echo "ok   $name"
        passed=$((passed + 1))
    else
        printf 'FAIL %s\n%s\n' "$name" "$out"
        failed=$((failed + 1))
    fi
}
tests() { "$node" --test --test-reporter=tap --test-concurrency="${KITH_TEST_PARALLEL:-2}" "$@" 2>&1 | tools/tap.py; }
has_script() { "$node" -e 'process.exit(require("./web/package.json").scripts?.[process.argv[1]] ? 0 : 1)' "$1"; }
in_web() { (cd web && npm run --silent "$@"); }

dist_is_what_the_sources_make() {
    local made
    made=$(mktemp -d)
    (cd web && npm run --silent build -- --outDir "$made/dist" --emptyOutDir) &&
        diff -rq web/dist "$made/dist" && echo same
    local status=$?
    rm -rf "$made"
    return $status
}

if [ $# -eq 0 ]; then
    ! has_script check || one "the interface's types are right" in_web check
    one "web/dist is what the sources make" dist_is_what_the_sources_make
    unit=$(find web/src web/test -name '*.test.*' 2>/dev/null | sort)
    [ -z "$unit" ] || count tests $unit
    set -- $(find test/browser -name '*.test.*' | sort)
fi
[ $# -eq 0 ] || count tests "$@"
counted
