#!/usr/bin/python3
"""Asks PostgreSQL how it would run each query and refuses those that read a table or an index from end to end, unless
tools/plans.txt or tools/plans-postgres.txt says why that is right. Ends with `N passed, N failed`: one for each query.

  plans_postgres.py URL     of a migrated store that nobody has analyzed

The server then takes ten pages for granted of each table, and plans as it will for a large one. An index with a WHERE holds
only the few rows it is made for; reading one whole is no fault here (but see docs/decisions/020-writer.md, plans)."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import plans
import sqlgen
from sqltext import render

TOP = Path(__file__).resolve().parent.parent
# As a connection of the program says it (src/db/postgres.c), and each plan as it is kept.
BEGIN = "SET jit = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;"
MARK = "=== "


def queries():
    for path in sorted(TOP.glob("src/**/*.sql")):
        for name, _, engine, line, toks in sqlgen.read(str(path)):
            if engine != "sqlite":
                yield name, f"{os.path.relpath(path, TOP)}:{line}", toks


def psql(url, text):
    done = subprocess.run(["psql", "-qXAt", url], input=text, text=True, capture_output=True)
    if done.returncode or done.stderr:
        sys.exit(f"plans_postgres: {done.stderr.strip()[:500]}")
    return done.stdout


def explained(url, asked):
    """{name: plan}; what cannot be explained (LOCK, SET) is left out."""
    words = [BEGIN]
    for name, _, toks in asked:
        params = sqlgen.params_of(toks)
        values = f"({', '.join(['NULL'] * len(params))})" if params else ""
        words += [f"\\echo '{MARK}{name}'", f"PREPARE {name} AS {render(toks, 'postgres', params)};", f"EXPLAIN (FORMAT JSON) EXECUTE {name}{values};"]
    parts = re.split(rf"^{MARK}(\w+)\n", psql(url, "\n".join(words)), flags=re.M)
    return {name: json.loads(text)[0]["Plan"] for name, text in zip(parts[1::2], parts[2::2]) if text.strip()}


def whole(node, partial):
    """What a plan reads from end to end."""
    found = []
    if node["Node Type"] == "Seq Scan":
        found.append(node["Relation Name"])
    if node["Node Type"] in ("Index Scan", "Index Only Scan") and "Index Cond" not in node and node["Index Name"] not in partial:
        found.append(f"{node['Relation Name']} by {node['Index Name']}")
    return found + [w for inner in node.get("Plans", []) for w in whole(inner, partial)]


def main():
    url = sys.argv[1]
    asked = list(queries())
    may = plans.allowed((TOP / "tools/plans.txt").read_text(encoding="utf-8"))
    own = plans.allowed((TOP / "tools/plans-postgres.txt").read_text(encoding="utf-8"))
    partial = set(psql(url, "SELECT indexrelid::regclass FROM pg_index WHERE indpred IS NOT NULL;").split())
    found = explained(url, asked)
    passed, failed = 0, 0
    for name, place, _ in asked:
        reads = whole(found[name], partial) if name in found else []
        if reads and not may.get(name) and not own.get(name):
            print(f"{place}: {name} reads the whole of {', '.join(reads)}; it wants an index, or a line in tools/plans-postgres.txt")
            failed += 1
        elif name in own and not reads:
            print(f"tools/plans-postgres.txt: {name} reads nothing whole any more; take its line out")
            failed += 1
        else:
            passed += 1
    for name in sorted(own.keys() - {name for name, _, _ in asked}):
        print(f"tools/plans-postgres.txt: there is no query {name}")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
