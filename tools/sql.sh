#!/bin/bash
# Migrates an empty SQLite and an empty PostgreSQL, prepares every query on both, compares columns with shapes, and asks PostgreSQL
# for its plans.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/build.ninja ] || tools/setup.sh build
tools/ninja.sh build sql-check
if [ -z "${KITH_TEST_POSTGRES:-}" ]; then
    started=$(tools/postgres.sh start)
    eval "$started"
    trap 'tools/postgres.sh stop' EXIT
fi
name=kith_sql_$$
psql -q "$KITH_TEST_POSTGRES" -c "CREATE DATABASE $name"
folder=$(mktemp -d)
status=0
mkdir "$folder/data" # its key lies beside it
build/sql-check "$folder/data" "${KITH_TEST_POSTGRES%/*}/$name" || status=$?
[ $status -ne 0 ] || tools/plans_postgres.py "${KITH_TEST_POSTGRES%/*}/$name" || status=$?
psql -q "$KITH_TEST_POSTGRES" -c "DROP DATABASE $name" || true
rm -rf "$folder"
exit $status
