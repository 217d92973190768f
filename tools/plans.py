#!/usr/bin/python3
"""Asks SQLite how it would run each query and refuses those that read a whole table, unless tools/plans.txt says why
that is right. Ends with `N passed, N failed`: one for each query."""
import glob
import os
import re
import sqlite3
import sys
from pathlib import Path

import migrations
import sqlgen
from sqltext import render

TOP = Path(__file__).resolve().parent.parent


def empty_store(paths):
    """An empty migrated SQLite in memory."""
    db = sqlite3.connect(":memory:")
    db.execute("PRAGMA writable_schema = ON")  # a migration may write the text of a constraint
    for path in sorted(paths, key=os.path.basename):
        for engine, toks in migrations.statements(path, Path(path).read_text(encoding="utf-8")):
            if engine in (None, "sqlite"):
                sql = render(toks, "sqlite")
                db.execute(sql)
                if sql.lstrip().startswith("UPDATE sqlite_schema"):  # what comes after it reads the schema anew
                    db.execute("PRAGMA writable_schema = RESET")
                    db.execute("PRAGMA writable_schema = ON")
    db.execute("PRAGMA writable_schema = RESET")
    # Made by the store itself, before any migration.
    db.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT, sha256 TEXT)")
    return db


# Queries that are quick only along one index: another one serves too, but holds everything that ever happened to a record.
ALONG = {"watch_counts": "audit_views"}


def plan(db, sql, n_params):
    """The steps of SQLite's plan. Functions that the program registers are stood in for by name."""
    while True:
        try:
            return [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql, [None] * n_params)]
        except sqlite3.OperationalError as e:
            m = re.match(r"no such function: (\w+)", str(e))
            if not m:
                raise
            db.create_function(m[1], -1, lambda *args: args[0] if args else None)


def partial_indexes(db):
    """Indexes with a WHERE: they hold only the few rows they are made for, so reading one whole is no fault."""
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'")}


def scans(steps, partial=()):
    """Names of the tables that are read whole; results of inner queries are no tables."""
    inner = {m[1] for s in steps if (m := re.match(r"(?:MATERIALIZE|CO-ROUTINE) (\S+)", s))}
    found = []
    for step in steps:
        m = re.match(r"SCAN (\S+)(?: USING (?:COVERING )?INDEX (\S+))?$", step)  # not "SCAN CONSTANT ROW", "SCAN 4 CONSTANT ROWS", "… VIRTUAL TABLE …"
        if m and m[1] not in inner and not m[1].startswith("(") and m[2] not in partial:
            found.append(m[1])
    return found


def ordered():
    """Names of the queries that are read along an index in its order, however long: src/rooms/card/ordered_test.c."""
    return set(re.findall(r"ORDERED\((\w+)\)", (TOP / "src/rooms/card/ordered_test.c").read_text(encoding="utf-8"))) - {"name"}


def allowed(text):
    """{query: why} of plans.txt."""
    rows = (line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows}


def asked_for():
    """Names of the queries that the program or a test asks."""
    files = [p for below in ("src", "test", "bench") for p in (TOP / below).rglob("*") if p.suffix in (".c", ".h")]
    return {name for p in files for name in re.findall(r"\bq_(\w+)", p.read_text(encoding="utf-8"))}


def main():
    db = empty_store(glob.glob(str(TOP / "migrations/*.sql")))
    may = allowed((TOP / "tools/plans.txt").read_text(encoding="utf-8"))
    partial, along = partial_indexes(db), ordered()
    passed, failed, seen = 0, 0, set()
    for path in sorted(glob.glob(str(TOP / "src/**/*.sql"), recursive=True)):
        shown = os.path.relpath(path, TOP)
        for name, _, engine, line, toks in sqlgen.read(path):
            if engine == "postgres":
                continue
            params = sqlgen.params_of(toks)
            try:
                steps = plan(db, render(toks, "sqlite", params), len(params))
                whole = scans(steps, partial)
            except sqlite3.Error as e:
                print(f"{shown}:{line}: {name}: {e}")
                failed += 1
                continue
            seen.add(name)
            if name in along and any("TEMP B-TREE" in s for s in steps):
                print(f"{shown}:{line}: {name} sorts: there is no index in its order")
                failed += 1
                continue
            if name in ALONG and not any(f"INDEX {ALONG[name]} " in s for s in steps):
                print(f"{shown}:{line}: {name} does not go along {ALONG[name]}")
                failed += 1
                continue
            if whole and not may.get(name):
                print(f"{shown}:{line}: {name} reads the whole of {', '.join(whole)}; it wants an index, or a line in tools/plans.txt")
                failed += 1
            elif name in may and not whole:
                print(f"tools/plans.txt: {name} reads no whole table any more; take its line out")
                failed += 1
            else:
                passed += 1
    for name in sorted(seen - asked_for()):
        print(f"nobody asks the query {name}")
        failed += 1
    for name in sorted(may.keys() - seen):
        print(f"tools/plans.txt: there is no query {name}")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
