#!/bin/bash
# import: a million rows, each tenth broken, and 1 GB in one file, by the command, on both stores: counted, bounded memory, twice the same
set -uo pipefail
cd "$(dirname "$0")/../.."
rows=${ROWS:-1000000} most_mb=${MOST_MB:-200}
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -z "${started:-}" ] || tools/postgres.sh stop' EXIT
passed=0 failed=0
tell() { # tell WHAT STATUS
    if [ "$2" -eq 0 ]; then echo "ok   $1"; passed=$((passed + 1)); else echo "FAIL $1"; failed=$((failed + 1)); fi
}
/usr/bin/python3 tools/import-data.py "$rows" >"$work/people.csv"
/usr/bin/python3 tools/import-data.py "${BIG:-20000}" --text 50000 >"$work/big.csv"
want_bad=$((rows / 10))

one() { # one NAME STORE-ARGS…
    local name=$1 made rejected same seconds mb
    shift
    for round in 1 2; do
        /usr/bin/time -f %M -o "$work/mem" build/kith import customers "$work/people.csv" "$@" --json --rejected "$work/no.csv" >"$work/out" 2>"$work/err" || { cat "$work/err"; tell "$name: round $round ends well" 1; return; }
        read -r made same rejected seconds < <(/usr/bin/python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(d["made"], d["same"], d["rejected"], d["seconds"])' "$work/out")
        mb=$(($(tail -n 1 "$work/mem") / 1024))
        echo "     $name, round $round: $rows rows in $seconds s, $(/usr/bin/python3 -c "print(round($rows / $seconds))") rows/s, $mb MB"
        [ "$rejected" -eq "$want_bad" ] && [ $((made + same)) -eq $((rows - want_bad)) ] && { [ $round -eq 1 ] || [ "$made" -eq 0 ]; }
        tell "$name: round $round counts each row once" $?
        [ "$mb" -le "$most_mb" ]
        tell "$name: round $round stays under $most_mb MB" $?
    done
    /usr/bin/time -f %M -o "$work/mem" build/kith import interactions "$work/big.csv" "$@" --json --dry-run >"$work/out" 2>&1
    mb=$(($(tail -n 1 "$work/mem") / 1024))
    [ "$mb" -le "$most_mb" ]
    tell "$name: a file of $(($(stat -c %s "$work/big.csv") >> 20)) MB needs $mb MB" $?
}

mkdir "$work/data"
one SQLite --data "$work/data"
if [ -z "${KITH_TEST_POSTGRES:-}" ]; then
    started=$(tools/postgres.sh start)
    eval "$started"
fi
base=kith_import_$$
psql -q "$KITH_TEST_POSTGRES" -c "CREATE DATABASE $base"
mkdir "$work/pg"
one PostgreSQL --data "$work/pg" --store "${KITH_TEST_POSTGRES%/*}/$base"
psql -q "$KITH_TEST_POSTGRES" -c "DROP DATABASE $base"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
