#!/usr/bin/python3
"""Checks who includes whom: floors downwards only, rooms to the left only and by their contract.

The order of the rooms is the line `rooms: …` of docs/map.md. Ends with `N passed, N failed`: one for each file."""
import os
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
# floor: floors it may include besides itself
BELOW = {
    "base": set(),
    "db": {"base"},
    "net": {"base"},
    "expr": {"base", "db", "net"},
    "rooms": {"base", "db", "net", "expr"},
    "app": {"base", "db", "net", "expr", "rooms"},
}
# headers that the build makes: the lowest floors that may see them
GENERATED = {
    "messages.h": set(BELOW),
    "queries.h": {"db", "expr", "rooms", "app"},
    "migrations.h": {"db", "app"},
    "web_files.h": {"net", "app"},
    "demo_data.h": {"app"},
    "base_data.h": set(BELOW),
    "phrase_lists.h": {"rooms"},
}


def room_order(text):
    m = re.search(r"^\s*rooms: (.+)$", text, re.M)
    if not m:
        sys.exit("docs/map.md: the line `rooms: …` with the order of the rooms is missing")
    return m[1].split()


def place(path):
    """(floor, room) of a path below src, or (None, None)."""
    parts = Path(path).parts
    if len(parts) < 2 or parts[0] not in BELOW:
        return None, None
    if parts[0] == "rooms":
        return ("rooms", parts[1]) if len(parts) > 2 else (None, None)
    return parts[0], None


def complaint(path, included, order, exists):
    """Why a file (path below src) may not include this, or None."""
    floor, room = place(path)
    if floor is None:
        return f"lies on no floor; there are {', '.join(BELOW)} and rooms/<room>"
    if room is not None and room not in order:
        return f"room '{room}' is not in the order of docs/map.md"
    beside = os.path.normpath(os.path.join(os.path.dirname(path), included))
    if exists(beside):
        included = beside
    if included in GENERATED:
        if floor not in GENERATED[included]:
            return f"{floor} may not see {included}"
        return None
    to, to_room = place(included)
    if to is None:
        return f'"{included}" is neither a header of src nor one the build makes'
    if to != floor and to not in BELOW[floor]:
        return f"{floor} may not include {to}: arrows point down only"
    if to != "rooms" or floor != "rooms" or to_room == room:
        if to == "rooms" and floor == "app" and included != f"rooms/{to_room}/{to_room}.h":
            return f"only the contract rooms/{to_room}/{to_room}.h is for others"
        return None
    if to_room not in order:
        return f"room '{to_room}' is not in the order of docs/map.md"
    if included != f"rooms/{to_room}/{to_room}.h":
        return f"only the contract rooms/{to_room}/{to_room}.h is for others"
    if order.index(to_room) > order.index(room):
        return f"room '{room}' may not include '{to_room}', which is to its right"
    return None


def main():
    top = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    src = top / "src"
    order = room_order((top / "docs/map.md").read_text(encoding="utf-8"))
    passed = failed = 0
    for file in sorted(p for p in src.rglob("*") if p.suffix in (".c", ".h", ".cc")):
        path = file.relative_to(src).as_posix()
        is_clean = True
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            m = INCLUDE.match(line)
            why = m and complaint(path, m[1], order, lambda p: (src / p).is_file())
            if why:
                print(f"src/{path}:{number}: {why}")
                is_clean = False
        passed, failed = passed + is_clean, failed + (not is_clean)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
