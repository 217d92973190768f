#!/usr/bin/python3
"""Turns named queries (src/**/*.sql) into C constants, one text for each engine.

  -- name: customer_by_phone -> customer          the result has the columns of customer_shape
  SELECT … WHERE p.phone = :phone;                parameters count in order of first appearance

What several queries of a file have in common is a part of its own, and stands in them as {{name}}:

  -- part: order_columns
  o.id, o.number, o.at_ms;

`@sqlite` or `@postgres` at the end of the name line gives an engine its own text; then both must be
there with the same parameters, and the order is that of the text that stands first."""
import os
import re
import sys

from sqltext import ENGINES, c_string, render, solid, stop, tokens, write_if_changed

NAME = re.compile(r"--\s*name:\s*(?P<name>\S+)(?:\s*->\s*(?P<shape>[a-z][a-z0-9_]*))?(?:\s+@(?P<engine>\w+))?\s*$")
PART = re.compile(r"--\s*part:\s*(?P<name>[a-z][a-z0-9_]*)\s*$")
WRITING = {"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CREATE", "DROP", "ALTER", "TRUNCATE"}


# The texts of a room's own row, listed once in its texts.h: `{{customer_texts}}` or `{{customer_texts r.}}` its columns, `:` its parameters, `=` its
# columns set.
TEXTS = re.compile(r"\{\{([a-z]+)_texts(?:\s+([a-z]+\.|[:=]))?\}\}")
ROOMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../src/rooms")


def texts_of(m):
    with open(f"{ROOMS}/{m[1]}/texts.h", encoding="utf-8") as f:
        names = re.findall(r"^\s+X\((\w+),", f.read(), re.M)
    one = {":": ":{0}", "=": "{0} = :{0}"}.get(m[2], (m[2] or "") + "{0}")
    return ", ".join(one.format(n) for n in names)


def read(path):
    """Yields (name, shape, engine, line, tokens) of each query of a file."""
    with open(path, encoding="utf-8") as f:
        text = TEXTS.sub(texts_of, f.read())
    known = [m["name"] for m in map(PART.match, text.splitlines()) if m]
    parts, head, body, done = {}, None, [], True
    for tok in tokens(path, text, parts=known):
        kind, piece, line = tok
        m = NAME.match(piece) if kind == "comment" else None
        part = PART.match(piece) if kind == "comment" else None
        if kind == "comment" and re.match(r"--\s*name\b", piece) and not m:
            stop(path, line, "a name line reads '-- name: what_it_does [-> shape] [@sqlite|@postgres]'")
        if m or part:
            if not done:
                stop(path, head[3], f"query '{head[0]}' does not end with ';'")
            if part and part["name"] in parts:
                stop(path, line, f"part '{part['name']}' is there already")
            if m and not re.fullmatch(r"[a-z][a-z0-9_]*", m["name"]):
                stop(path, line, f"query name '{m['name']}' is not lower_case_words")
            if m and m["engine"] and m["engine"] not in ENGINES:
                stop(path, line, f"unknown engine '@{m['engine']}'")
            head, body, done = (m["name"], m["shape"], m["engine"], line) if m else (part["name"], PART, None, line), [], False
        elif kind in ("space", "comment"):
            body.append(tok)
        elif done:
            stop(path, line, "a statement without a '-- name:' line of its own (a query is one statement)")
        elif kind == "brace" and piece[2:-2] in known:
            if piece[2:-2] not in parts:
                stop(path, line, f"part '{piece[2:-2]}' stands further down; it comes before what uses it")
            body += parts[piece[2:-2]]
        elif piece == ";":
            if not solid(body):
                stop(path, line, f"query '{head[0]}' is empty")
            if head[1] is PART:
                parts[head[0]] = solid_ends(body)
            else:
                yield (*head, body)
            done = True
        else:
            body.append(tok)
    if not done:
        stop(path, head[3], f"query '{head[0]}' does not end with ';'")


def solid_ends(toks):
    """Without the space around."""
    at = [i for i, t in enumerate(toks) if t[0] not in ("space", "comment")]
    return toks[at[0]:at[-1] + 1]


def check(path, toks):
    before = ""
    for kind, piece, line in solid(toks):
        if piece == "*" and before.upper() in ("SELECT", "DISTINCT", "ALL", "RETURNING", ".", ","):
            stop(path, line, "'*' for columns; name them, the list is part of the contract")
        before = piece


def writes(toks):
    words = [p.upper() for k, p, _ in solid(toks) if k == "word"]
    locks = any(a == "FOR" and b in ("UPDATE", "SHARE", "NO", "KEY") for a, b in zip(words, words[1:]))
    if words[0] in ("SELECT", "VALUES"):
        return locks
    if words[0] == "WITH":
        return locks or any(w in ("INSERT", "UPDATE", "DELETE", "MERGE") for w in words)
    return True


def params_of(toks):
    return list(dict.fromkeys(p[1:] for k, p, _ in toks if k == "param"))


def main():
    out_h, out_c, paths = sys.argv[1], sys.argv[2], sys.argv[3:]
    queries = {}  # name: {shape, where, params, texts{engine: tokens}}
    for path in sorted(paths):
        shown = os.path.relpath(path)
        for name, shape, engine, line, toks in read(path):
            check(shown, toks)
            q = queries.get(name)
            if q is None:
                q = queries[name] = {"shape": shape, "at": (shown, line), "params": params_of(toks), "texts": {}}
            elif engine is None or None in q["texts"] or engine in q["texts"]:
                stop(shown, line, f"query '{name}' is there already ({q['at'][0]}:{q['at'][1]})")
            elif sorted(params_of(toks)) != sorted(q["params"]) or shape != q["shape"]:
                stop(shown, line, f"query '{name}' must have the shape and the parameters of its other text: "
                                  f"{', '.join(q['params']) or 'none'}")
            q["texts"][engine] = toks
            if len(q["params"]) > 99:
                stop(shown, line, f"query '{name}' has {len(q['params'])} parameters; 99 is the limit")
    for name, q in queries.items():
        if None not in q["texts"] and len(q["texts"]) != 2:
            other = [e for e in ENGINES if e not in q["texts"]][0]
            stop(*q["at"], f"query '{name}' has no text for @{other}")

    names = sorted(queries)
    h = ["/* Made by tools/sqlgen.py from the .sql files of src/. */", "#pragma once"]
    c = ["/* Made by tools/sqlgen.py from the .sql files of src/. */"]
    h.append('#include "db/db.h"' if names else "struct query;")
    c.append('#include "queries.h"')
    for name in names:
        q = queries[name]
        h.append(f"extern const struct query q_{name};{' /* -> ' + q['shape'] + ' */' if q['shape'] else ''}")
        sides = [render(q["texts"].get(e, q["texts"].get(None)), e, q["params"]) for e in ENGINES]
        toks = q["texts"].get("sqlite", q["texts"].get(None))
        if q["params"]:
            c.append(f"static const char *const params_{name}[] = {{" + ", ".join(f'"{p}"' for p in q["params"]) + "};")
        c.append(f"""const struct query q_{name} = {{
    .name = "{name}",
    .sqlite = {c_string(sides[0])},
    .postgres = {c_string(sides[1]) if sides[1] != sides[0] else c_string(sides[0])},
    .params = {'params_' + name if q['params'] else '0'},
    .n_params = {len(q['params'])},
    .shape = {'"' + q['shape'] + '"' if q['shape'] else '0'},
    .writes = {'true' if writes(toks) else 'false'},
}};""")
    h.append("/* All of them, by name, then NULL; for the check that prepares every query. */")
    h.append("extern const struct query *const all_queries[];")
    c.append("const struct query *const all_queries[] = {" + "".join(f"\n    &q_{n}," for n in names) + "\n    0,\n};")
    h.append(f"enum {{ ALL_QUERIES_N = {len(names)} }};")
    write_if_changed(out_h, "\n".join(h) + "\n")
    write_if_changed(out_c, "\n".join(c) + "\n")


if __name__ == "__main__":
    main()
