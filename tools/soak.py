#!/usr/bin/python3
"""A long mixed load on a served house; ends with `N passed, N failed`.

  soak.py [--minutes 20] [--customers 100000]

Each minute: cards, intakes and rings to 100 desks. Watched: resident memory, descriptors, WAL size, threads. The first quarter
is warm-up; from there on the middle of the last quarter may exceed the middle of the second by at most 10 % (memory), nothing (descriptors,
threads).
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"


def run(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True).stdout


class Log:
    """The most that the write-ahead log was, looked at often: it is cut when it begins anew."""

    def __init__(self, data):
        self.path, self.most = data / "kith.db-wal", 0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            if self.path.exists():
                self.most = max(self.most, self.path.stat().st_size)
            time.sleep(0.05)

    def taken(self):
        most, self.most = self.most, 0
        return most >> 20


def look(pid, log):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {"private_kb": int(re.search(r"^Private_Dirty:\s+(\d+)", rollup, re.M).group(1)),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": len(os.listdir(f"/proc/{pid}/task")),
            "wal_mb": log.taken()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--minutes", type=float, default=20)
    p.add_argument("--customers", type=int, default=100000)
    a = p.parse_args()
    run("ninja", "-C", BUILD, "kith", "bench-load", "bench-desks")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="kith-soak.", dir="/var/tmp"))
    data = scratch / "data"  # its key lies beside it
    passed = failed = 0
    seen = []
    try:
        run(BUILD / "kith", "demo", "--data", data, "--customers", a.customers, "--json")
        token, link = run(BUILD / "bench-desks", "--data", data, "--count", 100, "--out", data / "desks").split()
        log = Log(data)
        server = subprocess.Popen([BUILD / "kith", "serve", "--data", data, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                                  stderr=open(data / "log", "ab"), text=True)
        port = next(m.group(1) for line in server.stdout if (m := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)))
        common = ["--port", port, "--token", token, "--customers", a.customers]
        end = time.monotonic() + a.minutes * 60
        errors = 0
        while time.monotonic() < end:
            for mode in (["card", "--seconds", 5], ["intake", "--seconds", 10],
                         ["ring", "--link", link, "--desks", data / "desks", "--rate", 50, "--intakes", 200, "--seconds", 15]):
                done = subprocess.run([str(w) for w in [BUILD / "bench-load", mode[0], *common, *mode[1:]]], capture_output=True, text=True)
                errors += done.returncode != 0
                if done.returncode:
                    print(mode[0], done.stdout[-900:], done.stderr[-300:], flush=True)
            time.sleep(1)
            seen.append(look(server.pid, log))
            print(seen[-1], flush=True)
        server.send_signal(signal.SIGTERM)
        clean = server.wait(30) == 0
        quarter = max(1, len(seen) // 4)
        early, late = seen[quarter:2 * quarter] or seen, seen[-quarter:]
        middle = lambda rows, name: statistics.median(r[name] for r in rows)
        checks = {
            "no request failed": errors == 0,
            "memory is flat": middle(late, "private_kb") <= middle(early, "private_kb") * 1.10 + 4096,
            "descriptors are flat": middle(late, "descriptors") <= middle(early, "descriptors"),
            "threads are flat": middle(late, "threads") <= middle(early, "threads"),
            "the WAL is bounded": max(r["wal_mb"] for r in seen) <= 256,
            "it ends cleanly": clean,
        }
        for name, good in checks.items():
            print("ok" if good else "NOT OK", name)
            passed += good
            failed += not good
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
