#!/usr/bin/python3
"""Runs the unit tests of a build folder, four programs at a time (they wait for the disk more than for a core), counts their TAP lines, and ends with
`N passed, N failed`. A program that crashes or hangs, and one that runs no test, is a failure too.

  unit.py FOLDER [ROOM]"""
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SECONDS = 900 if "tsan" in " ".join(sys.argv[1:2]) else 240  # one program; the sanitizers are slow, that of threads beside other work most of all


# They take longest and begin first, so that none runs on alone at the end; an order and nothing else.
LONG = ["list-list", "demo-fill", "db-io", "db-migrate", "call-call", "intake-intake", "intake-many", "keep-check", "keep-move", "db-store", "db-audit",
        "expr-wild", "card-card", "search-search"]


def turn(test):
    return LONG.index(test["name"]) if test["name"] in LONG else len(LONG)


def run(test):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", KITH_BUILD=str(FOLDER.resolve()),
               ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:strict_string_checks=1:detect_stack_use_after_return=1",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
               TSAN_OPTIONS=f"halt_on_error=1:second_deadlock_stack=1:suppressions={TOP / 'tools/tsan.supp'}",
               LSAN_OPTIONS=f"suppressions={TOP / 'tools/lsan.supp'}:print_suppressions=0")
    from_ = time.monotonic()
    try:
        done = subprocess.run(test["cmd"], cwd=TOP, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=SECONDS)
        out, status = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as e:
        out, status = (e.stdout or b"").decode("utf-8", "replace"), None
    skipped = len(re.findall(r"(?m)^not ok \d+ # SKIP", out)) + len(re.findall(r"(?m)^ok .*# SKIP", out))
    passed = len(re.findall(r"(?m)^ok \d+\b(?!.*# SKIP)", out))
    failed = len(re.findall(r"(?m)^not ok \d+\b(?! # SKIP)", out))
    why = ""
    if status is None:
        why, failed = f"stopped after {SECONDS} s", failed + 1
    elif status < 0:
        why, failed = f"ended by signal {-status}", failed + 1
    elif status > 0 and failed == 0:
        why, failed = f"ended with status {status}", 1
    elif passed + failed == 0:
        why, failed = "ran no test", 1
    return test["name"], passed, failed, skipped, time.monotonic() - from_, out, why


def main():
    room = sys.argv[2] if len(sys.argv) > 2 else None
    listing = subprocess.run(["meson", "introspect", "--tests", FOLDER], check=True, stdout=subprocess.PIPE).stdout
    tests = sorted((t for t in json.loads(listing) if room is None or any(s.split(":")[-1] == room for s in t["suite"])), key=turn)
    if not tests:
        print(f"no unit tests{' in ' + room if room else ''}")
        print("0 passed, 0 failed")
        sys.exit(1)
    passed = failed = skipped = 0
    with ThreadPoolExecutor(max_workers=4) as pool:
        for name, p, f, s, took, out, why in pool.map(run, tests):
            passed, failed, skipped = passed + p, failed + f, skipped + s
            print(f"{'ok  ' if f == 0 else 'FAIL'} {name}: {p} passed, {f} failed{f', {s} skipped' if s else ''} "
                  f"in {took:.1f} s{' (' + why + ')' if why else ''}", flush=True)
            if f:
                print("    " + "\n    ".join(out.strip().splitlines()[-80:]), flush=True)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


FOLDER = Path(sys.argv[1])
main()
