#!/usr/bin/python3
"""Turns migrations/NNNN_name.sql into a C table of single statements for each engine.

A line `-- @sqlite` or `-- @postgres` lets the statement that follows it run on that engine only."""
import hashlib
import os
import re
import sys

from sqltext import ENGINES, c_string, render, solid, stop, tokens, write_if_changed


def statements(path, text):
    """Yields (engine or None, tokens). A trigger's body (BEGIN … END) belongs to its statement."""
    body, engine, depth, first = [], None, 0, 1
    for tok in tokens(path, text):
        kind, piece, line = tok
        m = re.match(r"--\s*@(\w+)\s*$", piece) if kind == "comment" else None
        if m:
            if m[1] not in ENGINES:
                stop(path, line, f"unknown engine '@{m[1]}'")
            if solid(body):
                stop(path, line, "an engine's line stands before its statement, not inside")
            engine = m[1]
            continue
        if kind == "param":
            stop(path, line, f"'{piece}': a migration has no parameters")
        words = [p.upper() for k, p, _ in solid(body)]
        is_trigger = words[:1] == ["CREATE"] and "TRIGGER" in words[:3]
        if kind == "word" and is_trigger:
            if piece.upper() in ("BEGIN", "CASE"):
                depth += 1
            elif piece.upper() == "END":
                depth -= 1
        if piece == ";" and kind == "mark" and depth == 0:
            if not solid(body):
                stop(path, line, "an empty statement")
            yield engine, body
            body, engine = [], None
            continue
        if not solid(body):
            first = line
        body.append(tok)
    if solid(body):
        stop(path, first, "the last statement does not end with ';'")


def main():
    out_h, out_c, paths = sys.argv[1], sys.argv[2], sys.argv[3:]
    h = """/* Made by tools/migrations.py from migrations/. */
#pragma once
#include <stddef.h>

struct migration {
    int number;
    const char *name; /* "customer" of 0001_customer.sql */
    const char *hash; /* SHA-256 of the file, in hex: a merged migration never changes */
    const char *const *sqlite; /* single statements */
    size_t n_sqlite;
    const char *const *postgres;
    size_t n_postgres;
};
extern const struct migration migrations[]; /* in order; numbers count from 1 without a gap */
extern const size_t migrations_n;
"""
    c, rows = ['/* Made by tools/migrations.py from migrations/. */', '#include "migrations.h"'], []
    for i, path in enumerate(sorted(paths, key=os.path.basename), 1):
        shown = os.path.relpath(path)
        m = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", os.path.basename(path))
        if not m:
            stop(shown, 1, "a migration is called NNNN_words.sql")
        if int(m[1]) != i:
            stop(shown, 1, f"the next migration is {i:04d}; numbers count without a gap, each once")
        with open(path, "rb") as f:
            raw = f.read()
        found = list(statements(shown, raw.decode("utf-8")))
        sizes = []
        for e in ENGINES:
            texts = [render(t, e) for only, t in found if only in (None, e)]
            sizes.append(len(texts))
            if texts:
                c.append(f"static const char *const {e}_{i}[] = {{" + "".join(f"\n    ({c_string(t)})," for t in texts) + "\n};")
        refs = [f"{e}_{i}" if n else "0" for e, n in zip(ENGINES, sizes)]
        rows.append(f'    {{{i}, "{m[2]}", "{hashlib.sha256(raw).hexdigest()}", '
                    f'{refs[0]}, {sizes[0]}, {refs[1]}, {sizes[1]}}},')
    c.append("const struct migration migrations[] = {\n" + "\n".join(rows or ['    {0, "", "", 0, 0, 0, 0},']) + "\n};")
    c.append(f"const size_t migrations_n = {len(rows)};")
    write_if_changed(out_h, h)
    write_if_changed(out_c, "\n".join(c) + "\n")


if __name__ == "__main__":
    main()
