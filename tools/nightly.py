#!/usr/bin/python3
"""Puts the result of one nightly part into the table of docs/performance.md.

  nightly.py NAME WHAT PASSED FAILED SECONDS"""
import datetime
import sys
from pathlib import Path

BEGIN, END = "<!-- nightly: begin -->", "<!-- nightly: end -->"
HEAD = ["| part | shows | passed | failed | took | day |", "| --- | --- | --- | --- | --- | --- |"]


def with_row(text, row):
    """The page with the row of this part put in or replaced."""
    if BEGIN not in text:
        text = text.rstrip("\n") + f"\n\n## Last nightly run\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN, 1)
    table, after = rest.split(END, 1)
    name = row.split("|")[1].strip()
    rows = [l for l in table.splitlines() if l.startswith("| ") and l not in HEAD and l.split("|")[1].strip() != name]
    return before + "\n".join([BEGIN, *HEAD, *sorted([*rows, row]), END]) + after


def main():
    name, what, passed, failed, seconds = sys.argv[1:]
    page = Path(__file__).resolve().parent.parent / "docs/performance.md"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Figures\n"
    s = int(seconds)
    took = f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}"
    what = what.replace("|", "/")
    row = f"| {name} | {what} | {passed} | {failed} | {took} | {datetime.date.today().isoformat()} |"
    page.write_text(with_row(text, row), encoding="utf-8")


if __name__ == "__main__":
    main()
