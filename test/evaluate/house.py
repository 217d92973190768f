"""The real program with a shop of its own behind HTTP: what a shop's server, its staff and nobody else can do.

    with House() as house:
        house.shop()
        answer = house.ask("POST", "/screen", {...})          # raises unless 2xx
        status, answer = house.say("POST", "/screen", {...})  # whatever came

Nothing here knows how the program judges."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KITH_BIN", TOP / "build/kith"))
HERE = pathlib.Path(__file__).resolve().parent


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, method, target, status, body):
        detail = body.get("detail") or body.get("title") if isinstance(body, dict) else body
        super().__init__(f"{method} {target}: {status} {detail}")
        self.status, self.body = status, body


class House:
    """`server`: the URL of a PostgreSQL where a database may be made; without it SQLite."""

    made = 0

    def __init__(self, server=None):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="kith-evaluate."))
        self.data = self.scratch / "data"
        self.data.mkdir()
        self.args, self.base = ["--data", str(self.data)], None
        if server:
            House.made += 1
            self.base, self.admin = f"evaluate_{os.getpid()}_{House.made}", server
            self.psql(f"CREATE DATABASE {self.base}")
            self.args += ["--store", server.rsplit("/", 1)[0] + "/" + self.base]
        self.server = None
        self.missing = []
        self.local = threading.local()

    def psql(self, sql):
        subprocess.run(["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", self.admin, "-c", sql], check=True, capture_output=True)

    # ---- the program -------------------------------------------------------------------------

    def run(self, *words):
        done = subprocess.run([str(BIN), *words], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"kith {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def __enter__(self):
        try:
            self.missing = self.update()
            self.token = self.run("token", "add", *self.args, "--name", "evaluate", "--role", "owner", "--scope", "read", "--scope", "write",
                                  "--scope", "intake", "--scope", "vouch", "--scope", "admin").strip()
            self.log = open(self.scratch / "log", "wb")
            self.server = subprocess.Popen([str(BIN), "serve", *self.args, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                                           stderr=self.log, text=True)
            self.port = next((int(m.group(1)) for line in self.server.stdout if (m := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line))),
                             None)
            if self.port is None:
                raise RuntimeError("kith did not start: " + (self.scratch / "log").read_text(errors="replace")[-2000:])
            # what it says later is read and thrown away, so that it never waits for us
            threading.Thread(target=lambda: [None for _ in self.server.stdout], daemon=True).start()
            return self
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, *_):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(60)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)
        if self.base:
            self.psql(f"DROP DATABASE IF EXISTS {self.base} WITH (FORCE)")

    def update(self):
        """The offline data that a careful administrator has; → the keys of those that are missing all the same."""
        countries = country_files()
        self.run("data", "update", *self.args, *(["--from", str(countries)] if countries else []), "--from", str(HERE / "networks"))
        if pathlib.Path("/usr/share/publicsuffix/public_suffix_list.dat").exists():
            self.run("data", "update", *self.args, "--from", "/usr/share/publicsuffix/public_suffix_list.dat")
        rows = json.loads(self.run("data", "list", *self.args, "--json"))
        return [row["key"] for row in rows if row["state"] not in ("loaded", "old") and row["key"] != "vpn"]

    # ---- asking ------------------------------------------------------------------------------

    def say(self, method, target, body=None, lines=None, most=60.0):
        """(status, answer) of one request; `lines`: many JSON values, one a line. Who is told that the house is busy asks again,
        as a shop's server does."""
        end = time.monotonic() + most
        while True:
            status, answer = self.once(method, target, body, lines)
            if status not in (429, 503) or time.monotonic() >= end:
                return status, answer
            time.sleep(0.2)

    def once(self, method, target, body, lines):
        if lines is not None:
            sent, kind = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines).encode(), "application/x-ndjson"
        else:
            sent, kind = (None if body is None else json.dumps(body, ensure_ascii=False).encode()), "application/json"
        headers = {"Authorization": f"Bearer {self.token}"}
        if sent is not None:
            headers["Content-Type"] = kind
        for again in (False, True):
            line = getattr(self.local, "line", None)
            if line is None:
                line = self.local.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                line.request(method, "/api/v1" + target, body=sent, headers=headers)
                answer = line.getresponse()
                text = answer.read().decode()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # an idle connection may be closed between two requests
                line.close()
                self.local.line = None
                if again:
                    raise
        if "ndjson" in (answer.getheader("Content-Type") or ""):
            return answer.status, [json.loads(row) for row in text.splitlines() if row]
        try:
            return answer.status, json.loads(text) if text else None
        except ValueError:
            return answer.status, text

    def ask(self, method, target, body=None, lines=None):
        status, answer = self.say(method, target, body, lines)
        if not 200 <= status < 300:
            raise Refused(method, target, status, answer)
        return answer

    # ---- the shop ----------------------------------------------------------------------------

    def shop(self):
        """What the shop sells in five languages, whom it competes with, and what it sold to whom so far."""
        told = json.loads((HERE / "shop.json").read_text(encoding="utf-8"))
        self.prices = {p["sku"]: p["price"] for p in told["products"]}
        self.names = {p["sku"]: p["names"] for p in told["products"]}
        for p in told["products"]:
            for lang, name in p["names"].items():
                self.ask("POST", "/products", {"sku": f"{p['sku']}-{lang}", "name": name, "price": {"amount": p["price"], "currency": "EUR"},
                                               "category": p["category"]})
        rows = self.ask("POST", "/bulk/orders", lines=list(past_orders(told["past"], self.prices, self.names)))
        bad = [r for r in rows if not 200 <= r["status"] < 300]
        if bad:
            raise RuntimeError(f"{len(bad)} orders of the past were refused: {bad[0]}")
        for kind in self.ask("GET", "/classes")["items"]:  # stories of months are told within seconds: nobody stays what he was before the last of it
            self.ask("PATCH", f"/classes/{kind['key']}", {"stay_days": 0})
        self.ask("PUT", "/competitors", {"names": told["competitors"]})
        for n, name in enumerate(told["staff"]):  # whom customers ask for
            self.ask("POST", "/staff", {"email": f"desk{n}@shop.example", "name": name, "role": "agent", "password": f"a lamp beside river {n}"})

    def line(self, sku, quantity, lang):
        return {"sku": f"{sku}-{lang}", "name": self.names[sku][lang], "quantity": quantity, "price": self.prices[sku]}


def country_files():
    """The folder of Debian's tor-geoipdb. Where it is not installed its package is fetched and unpacked beside the build: to
    be installed it wants Tor itself."""
    for folder in (pathlib.Path("/usr/share/tor"), TOP / "build/evaluate/geoip/usr/share/tor"):
        if (folder / "geoip").exists():
            return folder
    beside = TOP / "build/evaluate/geoip"
    beside.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "tor-geoipdb"], cwd=beside, check=True, capture_output=True)
        subprocess.run(["dpkg", "-x", next(beside.glob("tor-geoipdb*.deb")), beside], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError, StopIteration):
        return None
    return beside / "usr/share/tor"


def past_orders(past, prices, names):
    """Some hundreds of ordinary paid orders of the past year, so that there is something that is usual."""
    import datetime
    import random
    chance = random.Random(past["seed"])
    now = datetime.datetime.now(datetime.timezone.utc)
    skus, weights = zip(*past["weights"].items())
    for n in range(past["orders"]):
        who = chance.randrange(past["customers"])
        at = now - datetime.timedelta(days=chance.uniform(1, 360))
        sku = chance.choices(skus, weights)[0]
        yield {"number": f"P-{n}", "currency": "EUR", "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "status": "delivered",
               "identities": [{"type": "email", "value": f"buyer{who}@past-buyers.example"}], "claims": {"name": f"Past Buyer {who}"},
               "payment_method": "card",
               "lines": [{"sku": f"{sku}-en", "name": names[sku]["en"], "quantity": chance.choice([1, 1, 1, 2]), "price": prices[sku]}]}
