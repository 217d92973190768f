#!/usr/bin/python3
"""Reads the TAP of `node --test` and says it shorter: a line for each test, the whole trouble of each failed one,
and at the end `N passed, N failed`. Only the tests themselves count, not the suites and files around them."""
import re
import sys

LINE = re.compile(r"^(?P<deep> *)(?P<not>not )?ok \d+ - (?P<name>.*?)(?P<skip> # (?:SKIP|TODO).*)?$")


def main():
    passed = failed = skipped = 0
    block, test = None, None  # the YAML block under a test's line
    for line in sys.stdin:
        line = line.rstrip("\n")
        m = LINE.match(line)
        if m:
            test, block = m, None
        elif test and block is None and line.strip() == "---":
            block = []
        elif block is not None and line.strip() == "...":
            text = "\n".join(block)
            is_suite = re.search(r"^\s*type: '?(suite|file)", text, re.M) or "subtestsFailed" in text \
                or re.search(r"error: '\d+ subtests? failed'", text)
            took = re.search(r"duration_ms: ([\d.]+)", text)
            took = f" ({float(took[1]) / 1000:.1f} s)" if took else ""
            if test["skip"]:
                skipped += 1
                print(f"skip {test['name']}{test['skip']}", flush=True)
            elif test["not"] and not is_suite:
                failed += 1
                print(f"FAIL {test['name']}{took}\n{text}", flush=True)
            elif not is_suite:
                passed += 1
                print(f"ok   {test['name']}{took}", flush=True)
            test = block = None
        elif block is not None:
            block.append(line)
        elif line.lstrip().startswith("# ") and not re.match(r"\s*# (Subtest|tests|suites|pass|fail|cancelled|skipped|todo|duration_ms)\b", line):
            print(line, flush=True)  # what the test printed
        elif line.startswith("Bail out!"):
            failed += 1
            print(line, flush=True)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
