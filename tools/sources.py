#!/usr/bin/python3
"""Lists the source files of one kind, sorted, one a line; meson asks it when it configures.

  sources.py KIND             lib, program, tests, sql, migrations, i18n, web, fuzz, bench, crash, all
  sources.py --write FILE     writes the list of all files; leaves FILE alone when nothing changed
"""
import os
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
# kind: (folder, ends of the names that belong, ends of the names that do not)
KINDS = {
    "lib": ("src", (".c", ".cc"), ("_test.c", "src/app/main.c")),
    "program": ("src/app", ("/main.c",), ()),
    "tests": ("src", ("_test.c",), ()),
    "sql": ("src", (".sql",), ()),
    "migrations": ("migrations", (".sql",), ()),
    "i18n": ("i18n", (".json",), ()),
    "web": ("web/dist", ("",), ()),
    "fuzz": ("test/fuzz", (".c",), ()),
    "bench": ("bench", (".c",), ()),
    "crash": ("test/crash", (".c",), ()),
}


def files(kind):
    folder, ends, not_ends = KINDS[kind]
    found = []
    for base, folders, names in os.walk(TOP / folder):
        folders[:] = [f for f in folders if not f.startswith(".")]
        for name in names:
            path = os.path.relpath(os.path.join(base, name), TOP)
            if name.startswith(".") or not path.endswith(ends) or (not_ends and path.endswith(not_ends)):
                continue
            if any(c.isspace() for c in path):
                sys.exit(f"{path}: a file name may not hold blanks")
            found.append(path)
    return sorted(found)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--write":
        text = "".join(f"{k} {p}\n" for k in KINDS for p in files(k))
        out = Path(sys.argv[2])
        if not out.exists() or out.read_text() != text:
            out.write_text(text)
        return
    if len(sys.argv) != 2 or sys.argv[1] not in (*KINDS, "all"):
        sys.exit(__doc__)
    for kind in KINDS if sys.argv[1] == "all" else sys.argv[1:]:
        for path in files(kind):
            print(path)


main()
