#!/usr/bin/python3
"""make bench: the figures of docs/performance.md, on both stores.

  bench.py [--customers 1000000] [--stores sqlite,postgres] [--seconds 10] [--rounds 3] [--keep]

Fills N customers by `kith demo`, serves them, and drives the load over loopback (bench/load.c); client and server share the
machine. Each figure is the median of the rounds. The tables go between the markers of docs/performance.md, with machine, date
and command.
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True, **more).stdout


def memory_mb(pid):
    """Resident memory that is the process's own: private and its share of what is shared (PSS)."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: round(int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)) / 1024, 1)
            for name in ("Rss", "Pss", "Private_Dirty")}


def memory_sentence(server):
    """Caches apart: without the pages of the store that are kept (kith_store_cache_bytes), which are a choice and not a need."""
    m = memory_mb(server.pid)
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics").read().decode()
    cache = int(re.search(r"^kith_store_cache_bytes (\d+)", text, re.M).group(1)) / 2 ** 20
    return f"RSS {m['Rss']} MB, of it {cache:.1f} MB of pages that are kept: {m['Rss'] - cache:.1f} MB apart from them; private dirty {m['Private_Dirty']} MB"


class Server:
    def __init__(self, data, store):
        words = [BUILD / "kith", "serve", "--data", data, "--listen", "127.0.0.1:0"] + (["--store", store] if store else [])
        begun = time.monotonic()
        self.process = subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE, stderr=open(data / "server.log", "ab"), text=True)
        for line in self.process.stdout:
            if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found.group(1))
                break
        else:
            sys.exit("bench: the server did not start: " + (data / "server.log").read_text()[-500:])
        self.start_ms = round((time.monotonic() - begun) * 1000)
        self.pid = self.process.pid

    def settle(self):
        """Until what follows the writes (judging, segments) is done: figures are of one thing each."""
        def used():
            return sum(map(int, pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        before, until, calm = used(), time.monotonic() + 600, 0
        while calm < 3 and time.monotonic() < until:
            time.sleep(1)
            now = used()
            calm = calm + 1 if now - before <= 3 else 0  # hundredths of a second of processor time
            before = now

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def behind_ms(pid):
    """Processor time of the threads that stand back (jobs, the search's index): what follows the contacts."""
    threads = {int(stat.parent.name): stat.read_text().rsplit(")", 1)[1].split() for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")}
    first = int(threads[pid][16])
    ticks = sum(int(t[11]) + int(t[12]) for t in threads.values() if int(t[16]) > first)  # utime, stime, nice: proc(5)
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def load(server, options, mode, *more):
    """One round; an error of the load is said, its figures are kept (they carry the error count)."""
    words = [BUILD / "bench-load", mode, "--port", server.port, "--pid", server.pid, "--token", options["token"],
             "--customers", options["customers"], *more]
    behind = behind_ms(server.pid)
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    behind = behind_ms(server.pid) - behind
    if done.stderr:
        print("   ", done.stderr.strip()[:300], file=sys.stderr)
    if not done.stdout.startswith("{"):
        sys.exit(f"bench: {mode} gave no figures")
    found = json.loads(done.stdout)
    if mode in ("intake", "create", "screen"):
        f = found[mode]
        f["behind_ms_each"] = behind / max(1, f["n"])
    return found


def flush_ms(directory):
    """How long this disk takes to flush 8 KB written over what is there: what a commit waits for, at the least."""
    took = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as f:
        f.write(b"x" * (4 << 20))
        os.fsync(f.fileno())
        for i in range(200):
            os.pwrite(f.fileno(), b"y" * 8192, i * 8192)
            begun = time.monotonic()
            os.fdatasync(f.fileno())
            took.append((time.monotonic() - begun) * 1000)
    took.sort()
    return f"{took[100]:.2f} ms (p99 {took[198]:.1f})"


def median_round(rounds, key):
    """The round in the middle by its p99."""
    return sorted(rounds, key=lambda r: r[key]["p99_ms"])[len(rounds) // 2]


def sentence(f):
    behind = f" ({f['behind_ms_each']:.3f} of it in what follows)" if "behind_ms_each" in f else ""
    return f"{f['per_second']:,}/s, p50 {f['p50_ms']:.2f} ms, p99 {f['p99_ms']:.2f} ms, {f['cpu_ms_each']:.3f} CPU-ms each{behind}, {f['errors']} errors"


def many_lines(server, options, a):
    """Bodies of many lines, from one and from four at a time; and what single intakes feel beside them."""
    rows = []
    for connections in (1, 4):
        rounds = [load(server, options, "bulk", "--connections", connections, "--seconds", a.seconds) for _ in range(a.rounds)]
        r = sorted(rounds, key=lambda r: r["lines"]["per_second"])[len(rounds) // 2]
        rows.append(("bulk", f"{connections} connections, 1,000 lines a request",
                     f"{r['lines']['per_second']:,} lines/s, {r['lines']['cpu_ms_each']:.3f} CPU-ms each, {r['bulk']['errors']} errors"))
    beside = subprocess.Popen([str(w) for w in (BUILD / "bench-load", "bulk", "--port", server.port, "--token", options["token"], "--customers",
                                                options["customers"], "--connections", 2, "--seconds", a.seconds * a.rounds + 2)],
                              stdout=subprocess.DEVNULL)
    rounds = [load(server, options, "intake", "--connections", 4, "--seconds", a.seconds) for _ in range(a.rounds)]
    beside.wait(120)
    rows.append(("intake beside bulk", "4 connections, 2 of bulk", sentence(median_round(rounds, "intake")["intake"])))
    return rows


def read_through(folder):
    """The store's files, once: on a server that runs for a while they stand in the system's memory, which some machines empty while they rest."""
    for f in sorted(pathlib.Path(folder).rglob("*")):
        if f.is_file():
            with open(f, "rb") as file:
                while file.read(1 << 20):
                    pass


def judging(server):
    """What the program counts of its judging: events by how long after they were judged, and the time it stood on the writer."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=30).read().decode()
    within = [(math.inf if le == "+Inf" else int(le), int(n)) for le, n in re.findall(r'^kith_judged_ms_bucket\{le="([^"]+)"\} (\d+)', text, re.M)]
    return within, int(re.search(r'^kith_job_write_us_total\{job="judge.follow"\} (\d+)', text, re.M).group(1))


def judged(before, after, load):
    """Rows: the bound below which 99 of 100 events were judged, and what judging adds to the writer's work for each."""
    within = [(bound, n - was) for (bound, n), (_, was) in zip(after[0], before[0])]
    events = within[-1][1]
    p99, late = next(bound for bound, n in within if n >= 0.99 * events), events - next(n for bound, n in within if bound == 1000)
    return [("judged", load, f"{events:,} events, p99 within {p99 if p99 < math.inf else 'more than 5,000'} ms; {late} later than 1 s"),
            ("judging on the writer", load, f"{(after[1] - before[1]) / max(events, 1):.1f} µs for each event")]


def other_store(url, name):
    """A second database of the same cluster, or nothing: SQLite's second store is a second directory."""
    if not url:
        return None
    run("psql", "-qX", url, "-c", f"CREATE DATABASE {name}")
    return re.sub(r"/[^/]*$", f"/{name}", url)


def lookup_of_a_tenth(name, url, a, scratch):
    """Look-ups beside those of the whole table, in a store of a tenth of the customers."""
    data = scratch / f"{name}-tenth"
    data.mkdir()
    url = other_store(url, "tenth")
    store = ["--store", url] if url else []
    few = a.customers // 10
    run(BUILD / "kith", "demo", "--data", data, *store, "--customers", few, "--seed", 1, "--json")
    token, _ = run(BUILD / "bench-desks", "--data", data, *store, "--count", 1, "--out", data / "desks").split()
    server = Server(data, url)
    try:
        rounds = [load(server, {"token": token, "customers": few}, "lookup", "--connections", 8, "--seconds", a.seconds)
                  for _ in range(a.rounds)]
    finally:
        server.stop()
    f = median_round(rounds, "lookup")["lookup"]
    return ("lookup", f"the same at {few:,} customers", sentence(f))


def idle_memory(name, url, scratch):
    """The demo company, served and not asked for anything."""
    data = scratch / f"{name}-company"
    data.mkdir()
    url = other_store(url, "company")
    run(BUILD / "kith", "demo", "--data", data, *(["--store", url] if url else []), "--json")
    server = Server(data, url)
    try:
        time.sleep(15)
        said = memory_sentence(server)
    finally:
        server.stop()
    return "memory idle", "the demo company, 15 s after the start", said


def orders_by_lines(server, options, a):
    """Orders of two goods as lines of POST /bulk/orders."""
    rounds = [load(server, options, "orders", "--connections", 1, "--seconds", a.seconds) for _ in range(a.rounds)]
    r = sorted(rounds, key=lambda r: r["lines"]["per_second"])[len(rounds) // 2]
    return ("orders by NDJSON", "one client, 1,000 lines a request, two goods each",
            f"{r['lines']['per_second']:,} lines/s, {r['lines']['cpu_ms_each']:.3f} CPU-ms each, {r['orders']['errors']} errors")


def imports(data, store, a):
    """A file of customers nobody has, then the same file again, by the command while nothing else runs."""
    people = data / "people.csv"
    with people.open("w") as f:
        subprocess.run([TOP / "tools/import-data.py", str(a.import_rows)], stdout=f, check=True)
    rows = []
    for what in ("new", "known"):
        r = subprocess.run(["/usr/bin/time", "-f", "%M %U %S", BUILD / "kith", "import", "customers", people, "--data", data, *store, "--json",
                            "--rejected", data / "rejected.csv"], capture_output=True, text=True, check=True)
        done, (kb, user, system) = json.loads(r.stdout), r.stderr.split()[-3:]
        rows.append((f"CSV import, {what}", f"{a.import_rows:,} rows, each tenth broken, into {a.customers:,} customers",
                     f"{a.import_rows / done['seconds']:,.0f} rows/s, {1000 * (float(user) + float(system)) / a.import_rows:.3f} CPU-ms each, "
                     f"RSS {int(kb) // 1024} MB"))
    people.unlink()
    return rows


def store_alone(name, url, a, scratch):
    """The writer without HTTP, and a whole installation as rows taken in."""
    out, back = scratch / f"{name}-writer", scratch / f"{name}-back"
    out.mkdir()
    alone = other_store(url, "writer") or out
    said = run(BUILD / "bench-writer", alone, 64, a.seconds)
    rows = [("single-row changes", "64 clients, four statements each, no HTTP", said.strip().splitlines()[-1])]
    data = scratch / f"{name}-tenth"
    store = ["--store", re.sub(r"/[^/]*$", "/tenth", url)] if url else []
    run(BUILD / "kith", "export", "all", scratch / "all.kith", "--data", data, *store, "--json")
    shutil.copy(f"{data}.key", f"{back}.key")
    url = other_store(url, "back")
    done = json.loads(run(BUILD / "kith", "import", "all", scratch / "all.kith", "--data", back, *(["--store", url] if url else []), "--json"))
    (scratch / "all.kith").unlink()
    rows.append(("rows by the bulk way", f"`kith import all` of {a.customers // 10:,} customers",
                 f"{done['rows'] / done['seconds']:,.0f} rows/s ({done['rows']:,} in {done['seconds']:.1f} s)"))
    return rows


def backup_beside_writes(server, options, data, a):
    """`kith backup` of the whole store, then its trial restore, while intakes go on; the copy and the store on one disk."""
    to = data.parent / "copy.kith"
    words = [BUILD / "bench-load", "intake", "--port", server.port, "--pid", server.pid, "--token", options["token"], "--customers", options["customers"],
             "--connections", 32, "--rate", 2000, "--seconds", 60]
    writes = subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    done = json.loads(run(BUILD / "kith", "backup", "--data", data, "--to", to, "--json"))
    f = json.loads(writes.communicate()[0])["intake"]
    to.unlink()
    return ("backup beside writes", f"the copy took {done['copy_seconds']:.1f} s of the 60 s, the command with its trial restore {done['seconds']:.0f} s; "
            "2,000 intakes/s at fixed times",
            f"{done['bytes'] / 1e6 / done['copy_seconds']:.0f} MB/s ({done['bytes'] / 1e6:,.0f} MB); intake {f['per_second']:,}/s, p99 {f['p99_ms']:.1f} ms")


def turn_of_the_day(data, store, a):
    """The next days' turns by a clock that goes ahead; nothing else runs."""
    made = json.loads(run(BUILD / "bench-turn", "--data", data, *store, "--rounds", a.rounds, "--share", 200))
    t = sorted((r["turn"] for r in made["rounds"]), key=lambda t: t["seconds"])[a.rounds // 2]
    return ("turn of the day", f"{a.customers:,} customers, VIP: the best 2 %",
            f"{t['seconds']:.1f} s in {t['slices']:,} slices, the longest {t['longest_ms']:.0f} ms")


def judged_anew(data, store):
    """Everybody's type by the rules as they are; rows are written where it changed. Nothing else runs."""
    d = json.loads(run(BUILD / "kith", "classify", "--data", data, *store, "--json"))
    return "classify", f"{d['customers']:,} customers, the rules shipped", f"{d['seconds']:.1f} s; {d['changed']:,} changed"


def measure(name, url, files, a, scratch):
    data = scratch / name
    data.mkdir()
    store = ["--store", url] if url else []
    begun = time.monotonic()
    run(BUILD / "kith", "demo", "--data", data, *store, "--customers", a.customers, "--seed", 1, "--json")
    rows = [("fill", f"{a.customers:,} customers", f"{time.monotonic() - begun:.0f} s")]
    print(f"  {name}: filled in {rows[0][2]}", flush=True)
    token, link = run(BUILD / "bench-desks", "--data", data, *store, "--count", a.desks, "--out", data / "desks").split()
    options = {"token": token, "customers": a.customers}
    if url:
        # as on a server that runs for a while: the WAL's files are there and used again
        run("psql", "-qX", url, "-c", "CHECKPOINT")
    server = Server(data, url)
    try:
        rows.append(("start to ready", f"at {a.customers:,} customers", f"{server.start_ms} ms"))
        rows.append(("flush of the disk", "8 KB over what is there, before the rounds", flush_ms(data)))

        def rest():
            server.settle()
            read_through(files or data)

        rest()
        load(server, options, "intake", "--seconds", a.warm)
        for mode, connections in (("intake", 64), ("create", 64), ("read", 32), ("card", 32), ("lookup", 8), ("screen", 8), ("search-name", 8),
                                  ("search-phone", 8), ("search-email", 8), ("search-short", 8), ("list", 8), ("list-rare", 8)):
            rest()
            rounds = [load(server, options, mode, "--connections", connections, "--seconds", a.seconds) for _ in range(a.rounds)]
            f = median_round(rounds, mode)[mode]
            rows.append((mode, f"{connections} connections", sentence(f)))
            print("   ", *rows[-1], flush=True)
            if asked := {"intake": 2000 if url else 3000, "screen": 2000}.get(mode):
                rest()
                rounds = [load(server, options, mode, "--connections", connections, "--rate", asked, "--seconds", a.seconds) for _ in range(a.rounds)]
                rows.append((mode, f"{connections} connections, {asked:,}/s at fixed times", sentence(median_round(rounds, mode)[mode])))
                print("   ", *rows[-1], flush=True)
            if mode == "lookup":
                rows.append(lookup_of_a_tenth(name, url, a, scratch))
                print("   ", *rows[-1], flush=True)
        rest()
        for row in (*many_lines(server, options, a), orders_by_lines(server, options, a)):
            rows.append(row)
            print("   ", *row, flush=True)
        rest()
        if not url:
            rows.append(backup_beside_writes(server, options, data, a))
            print("   ", *rows[-1], flush=True)
        rest()
        before = judging(server)
        rounds = [load(server, options, "ring", "--link", link, "--desks", data / "desks", "--rate", a.rate, "--intakes", a.intakes,
                       "--seconds", a.seconds) for _ in range(a.rounds)]
        r = median_round(rounds, "ring_to_card")
        f = r["ring_to_card"]
        rows.append(("ring to card", f"{a.desks} desks, {a.rate} calls/s, {a.intakes} intakes/s",
                     f"p50 {f['p50_ms']:.2f} ms, p99 {f['p99_ms']:.2f} ms, worst {f['max_ms']:.0f} ms; {r['not_heard']} of {3 * r['rings']} "
                     f"not heard, {r['answered_first']} answered before they could be shown; intake p99 {r['intake']['p99_ms']:.1f} ms; server {r['server_cpu']:.2f} cores"))
        print("   ", *rows[-1], flush=True)
        server.settle()
        for row in judged(before, judging(server), f"{a.intakes} intakes/s beside {a.rate} calls/s"):
            rows.append(row)
            print("   ", *row, flush=True)
        rows.append(("memory after the load", f"{a.desks} operators were connected", memory_sentence(server)))
        rows.append(("flush of the disk", "the same, after the rounds", flush_ms(data)))
    finally:
        server.stop()
    for row in imports(data, store, a):
        rows.append(row)
        print("   ", *row, flush=True)
    for row in store_alone(name, url, a, scratch):
        rows.append(row)
        print("   ", *row, flush=True)
    for row in (turn_of_the_day(data, store, a), judged_anew(data, store)):
        rows.append(row)
        print("   ", *row, flush=True)
    rows.append(idle_memory(name, url, scratch))
    print("   ", *rows[-1], flush=True)
    return rows


def advised():
    """PostgreSQL's settings as the manual gives them: what is measured is what a reader gets."""
    return re.search(r"(?m)^(    shared_buffers = .*\n(?:    \w+ = .*\n)+)", (TOP / "docs/operations.md").read_text()).group(1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--customers", type=int, default=1000000)
    p.add_argument("--stores", default="sqlite,postgres")
    p.add_argument("--seconds", type=int, default=10)
    p.add_argument("--warm", type=int, default=20, help="seconds of intakes that are not counted: a fresh PostgreSQL writes each page "
                   "whole at its first change after a checkpoint, and makes new WAL segments")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--desks", type=int, default=500)
    p.add_argument("--rate", type=int, default=200)
    p.add_argument("--intakes", type=int, default=500)
    p.add_argument("--import-rows", type=int, default=200000)
    p.add_argument("--keep", action="store_true", help="leave the data where it is and say where")
    p.add_argument("--page", default=TOP / "docs/performance.md", type=pathlib.Path)
    a = p.parse_args()
    run("ninja", "-C", BUILD, "kith", "bench-load", "bench-desks", "bench-turn", "bench-writer")
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="kith-bench.", dir=os.environ.get("KITH_BENCH_DIR", "/var/tmp")))
    tables = {}
    try:
        for name in a.stores.split(","):
            url, env = None, {}
            if name == "postgres":
                env = dict(re.findall(r"export (\w+)='([^']*)'", run(TOP / "tools/postgres.sh", "start", env={
                    **os.environ, "KITH_TEST_POSTGRES_PARENT": "/var/tmp", "KITH_TEST_POSTGRES_CONF": advised()})))
                url = env["KITH_TEST_POSTGRES"]
            try:
                tables[name] = measure(name, url, env.get("KITH_TEST_POSTGRES_DIR"), a, scratch)
            finally:
                if env:
                    run(TOP / "tools/postgres.sh", "stop", env["KITH_TEST_POSTGRES_DIR"])
    finally:
        if a.keep:
            print("bench: data left in", scratch)
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    page = a.page
    old = page.read_text() if page.exists() else "# Performance\n"
    for name, rows in tables.items():
        text = "\n".join([
            f"Measured {datetime.date.today()} on {os.cpu_count()} cores ({cpu.group(1) if cpu else 'unknown processor'}), client and server on the "
            f"same machine, `make bench`: callers by Zipf (s = 1), 80 % known; warm (its files read before each, {a.warm} s of intakes before the first); sealed; median of "
            f"{a.rounds} rounds of {a.seconds} s by p99.", "",
            f"| {name} | load | measured |", "| --- | --- | --- |", *[f"| {w} | {l} | {m} |" for w, l, m in rows], ""])
        begin, end = f"<!-- bench: {name} -->", f"<!-- /bench: {name} -->"
        block = f"{begin}\n{text}{end}"
        if begin in old:
            old = old[:old.index(begin)] + block + old[old.index(end) + len(end):]
        else:
            old += "\n" + block + "\n"
        print(text)
    page.write_text(old)


main()
