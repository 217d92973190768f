"""Customer stories (stories/*.json), told to the program event by event as a shop's server and staff would, and what it then
says of the customer compared with what the teller expected."""
import datetime
import ipaddress
import json
import re
import time

from house import HERE, Refused
from words import ADVICE, CLASSES, EVIDENCE, SIGNALS, Said, class_of

CHANNELS = {"email": "email", "chat": "chat", "form": "email", "visit": "email", "call": "phone"}
UNITS = {"d": 86400, "h": 3600, "m": 60}
KNOWN = {"sign_up", "order", "return", "note", "impression", "block", "abuse", *CHANNELS}


def told():
    for path in sorted((HERE / "stories").glob("*.json")):
        for story in json.loads(path.read_text(encoding="utf-8")):
            yield path.stem, story


def faults(stories):
    """What is wrong with the stories themselves."""
    seen = {}
    for lang, s in stories:
        for person in [s["who"], *s.get("others", [])]:
            for key in ("email", "phone"):
                value = person.get(key)
                if value and seen.setdefault(value, s["id"]) != s["id"]:
                    yield f"{s['id']}: {value} stands in {seen[value]} too"
            if person.get("ip"):
                ipaddress.ip_address(person["ip"])
        if seen.setdefault(s["id"], s) is not s:
            yield f"{s['id']} stands twice"
        if not s["id"].startswith(lang):
            yield f"{s['id']} stands among {lang}"
        e = s["expect"]
        for kind, allowed in (("class", CLASSES), ("advice", ADVICE), ("fires", SIGNALS), ("quiet", SIGNALS), ("evidence", EVIDENCE)):
            yield from (f"{s['id']}: {kind} {w}?" for w in e.get(kind, []) if w not in allowed)
        yield from (f"{s['id']}: {w} is to fire and to be quiet" for w in set(e.get("fires", [])) & set(e.get("quiet", [])))
        yield from (f"{s['id']}: {what}?" for _, what, *_ in s["events"] if what not in KNOWN)


class Teller:
    """Tells one story to the house."""

    def __init__(self, house, lang, story, now):
        self.house, self.lang, self.story, self.now = house, lang, story, now
        self.people = [self.person(n, p) for n, p in enumerate([story["who"], *story.get("others", [])])]
        self.trouble = []

    def person(self, n, who):
        own = {"device": f"device-{self.story['id']}-{n}", "card": f"card-{self.story['id']}-{n}"}
        return {**own, **who, "id": None, "orders": [], "screens": []}

    def at(self, when):
        number, unit = re.fullmatch(r"-(\d+)([dhm])", when).groups()
        moment = self.now - datetime.timedelta(seconds=int(number) * UNITS[unit])
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment

    def tell(self, n):
        """Event n of the story; trouble is kept, and the story goes on."""
        when, what, *rest = self.story["events"][n]
        text, more = (rest[0], rest[1] if len(rest) > 1 else {}) if rest and isinstance(rest[0], str) else ("", rest[0] if rest else {})
        at, moment = self.at(when)
        p = self.people[more.get("as", 0)]
        try:
            getattr(self, what if what in ("sign_up", "order", "note", "impression", "block", "abuse") else "give_back" if what == "return" else "contact")(
                p, at, moment, text, {**more, "channel": what, "n": n})
        except (Refused, LookupError) as e:
            self.trouble.append(f"{what} {when}: {e}")

    # ---- what happens ------------------------------------------------------------------------

    def identities(self, p, verified=()):
        return [{"type": t, "value": p[t], **({"verified": True} if t in verified else {})} for t in ("email", "phone") if p.get(t)]

    def claims(self, p, more):
        pairs = {"name": p.get("name"), "reading": p.get("reading"), "company": p.get("company"), "kind": p.get("kind"), "country": p.get("country"),
                 "city": p.get("city"), "language": p.get("language"), "time_zone": p.get("time_zone"), "heard_of_us": more.get("source"),
                 "address_kind": "delivery" if p.get("address") else None, "address_line": p.get("address")}
        return {k: v for k, v in pairs.items() if v}

    def take(self, p, body):
        answer = self.house.ask("POST", "/intake", body)
        p["id"] = p["id"] or answer["customer"]["id"]
        return answer

    def sign_up(self, p, at, moment, _, more):
        self.screen(p, at, moment, more)
        self.take(p, {"channel": "form", "direction": "in", "at": at, "source_id": f"{self.story['id']}-{more['n']}", "subject": "Sign-up",
                      "identities": self.identities(p, more.get("verified", ())), "claims": self.claims(p, more), **self.ip(p, more)})

    def contact(self, p, at, moment, text, more):
        by = CHANNELS[more["channel"]]
        handles = [i for i in self.identities(p) if i["type"] == by] or self.identities(p)
        claims = {k: v for k, v in self.claims(p, more).items() if k in ("name", "reading", "country", "language")}
        self.take(p, {"channel": more["channel"], "direction": "in", "at": at, "source_id": f"{self.story['id']}-{more['n']}", "identities": handles,
                      "claims": claims, **({} if more["channel"] == "call" else {"text": text, **self.ip(p, more)})})
        if more["channel"] == "call" and text:  # what the operator noted
            self.house.ask("POST", f"/customers/{p['id']}/notes", {"text": text})

    def order(self, p, at, moment, _, more):
        pay = more.get("pay", {"method": "card"})
        number = f"{self.story['id']}-{more['n']}"
        lines = [self.house.line(sku, n, self.lang) for sku, n in more["items"]]
        total = sum(l["price"] * l["quantity"] for l in lines) - more.get("discount", 0)
        items = [{"sku": l["sku"], "name": l["name"], "qty": l["quantity"], "price": l["price"]} for l in lines]
        extra = {"order": {"total": total, "currency": "EUR", "express": bool(more.get("express")), "items": items}}
        if not more.get("free"):
            extra["payment"] = self.payment(p, pay, more)
        self.screen(p, at, moment, more, extra)
        made = self.house.ask("POST", "/orders", {
            "number": number, "channel": "order", "at": at, "currency": "EUR", "status": "open", "lines": lines,
            **({"customer": p["id"]} if p["id"] else {"identities": self.identities(p), "claims": self.claims(p, more)}),
            **({"payment_method": pay["method"]} if not more.get("free") else {}),
            **{k: more[k] for k in ("promotions", "discount") if k in more}})
        p["id"] = p["id"] or made["customer"]["id"]
        p["orders"].append(made["id"])
        for n, kind in enumerate(more.get("facts", [])):
            self.house.ask("POST", f"/orders/{made['id']}/facts", {"kind": kind, "at": self.later(moment, (n + 1) * 3600), "source_id": f"{number}-{kind}"})

    def later(self, moment, seconds):
        return min(moment + datetime.timedelta(seconds=seconds), self.now).strftime("%Y-%m-%dT%H:%M:%SZ")

    def payment(self, p, pay, more):
        if pay["method"] != "card":
            return {"method": pay["method"], "prepaid": bool(pay.get("prepaid"))}
        return {"method": "card", "card_fingerprint": more.get("card", p["card"]),
                **{k: v for k in ("card_name", "card_country") if (v := more.get(k, p.get(k)))}}

    def ip(self, p, more):
        ip = more.get("ip", p.get("ip"))
        return {"ip": ip} if ip else {}

    def screen(self, p, at, moment, more, extra=None):
        customer = {k: v for k in ("name", "reading", "email", "phone", "country", "city", "address", "company", "language", "time_zone")
                    if (v := more.get(k, p.get(k)))}
        body = {"id": f"{self.story['id']}-{more['n']}", "at": at, "customer": customer, **self.ip(p, more), "device": more.get("device", p["device"]),
                **({"form_seconds": more["form_seconds"]} if "form_seconds" in more else {}), **(extra or {}),
                "history": self.history(more, moment)}
        try:
            p["screens"].append(Said(self.house.ask("POST", "/screen", body)))
        except Refused as e:  # the shop sells without an answer
            self.trouble.append(str(e))

    def history(self, more, moment):
        """What the shop knows of this person before this event, in whatever order the events are told."""
        paid = asked = 0
        since = moment
        for when, what, *rest in self.story["events"][:more["n"]]:
            said, detail = (rest[0] if rest and isinstance(rest[0], str) else ""), (rest[-1] if rest and isinstance(rest[-1], dict) else {})
            if detail.get("as", 0) != more.get("as", 0):
                continue
            since = min(since, self.at(when)[1]) if what in ("sign_up", "order") else since
            asked += len(re.findall(r"[?？]", said)) if what in CHANNELS and what != "call" else 0
            facts = detail.get("facts", [])
            paid += "paid" in facts and "charge_back" not in facts
        return {"paid_orders": paid, "age_days": (moment - since).days, "questions": asked}

    def give_back(self, p, at, moment, _, more):
        self.house.ask("POST", f"/orders/{p['orders'][-1]}/returns", {"line": more["line"], "quantity": more["quantity"], "reason": more["reason"], "at": at})

    def note(self, p, at, moment, text, more):
        self.house.ask("POST", f"/customers/{p['id']}/notes", {"text": text})

    def impression(self, p, at, moment, text, more):
        self.house.ask("POST", f"/customers/{p['id']}/impression", {"impression": text})

    def block(self, p, at, moment, _, more):
        self.house.ask("POST", f"/customers/{p['id']}/marks", {"mark": "blocked", "reason": more["reason"]})

    def abuse(self, p, at, moment, _, more):
        report = self.house.ask("POST", f"/customers/{p['id']}/abuse-reports", {"text": more["text"]})
        if more["confirmed"]:
            self.house.ask("POST", f"/abuse-reports/{report['id']}/decide", {"confirmed": True})

    # ---- what the program says then ----------------------------------------------------------

    def look(self):
        try:
            self.judgement = self.house.ask("GET", f"/customers/{self.people[0]['id']}/judgement") if self.people[0]["id"] else None
        except Refused as e:
            self.judgement = None
            self.trouble.append(str(e))
        return self.judgement

    def verdicts(self):
        """(kind, what was expected, what was said, right or not) of each thing expected."""
        expect, p = self.story["expect"], self.people[0]
        if self.judgement is None:
            yield "told", "all events are taken", "; ".join(sorted(set(self.trouble))) or "nobody was made", False
            return
        yield "told", "all events are taken", "; ".join(sorted(set(self.trouble))), not self.trouble
        risk = Said(self.judgement.get("risk"))
        all_said = [*p["screens"], risk]
        fired = set().union(*(s.signals for s in all_said))
        if "class" in expect:
            got = class_of(self.judgement)
            yield "class", " or ".join(expect["class"]), got, got in expect["class"]
        if "advice" in expect:
            last = p["screens"][-1] if p["screens"] else risk
            want = [ADVICE[a] for a in expect["advice"]]
            yield "advice", " or ".join(want), f"{last.advice} ({last.risk})", last.advice in want
            if set(want) <= {"accept", "accept_3ds"}:
                worst = max(all_said, key=lambda s: s.risk or 0)
                yield "honest", "never high", f"{worst.level} {worst.risk}: {', '.join(worst.signals)}", worst.level != "high"
        for word in expect.get("fires", []):
            yield "fires", word, ", ".join(sorted(fired)), bool(fired & set(SIGNALS[word]))
        for word in expect.get("quiet", []):
            yield "quiet", word, ", ".join(sorted(fired)), not fired & set(SIGNALS[word])
        for word in expect.get("evidence", []):
            holds = self.explain(EVIDENCE[word])
            yield "evidence", word, "" if holds else str(holds), holds is True

    def explain(self, text):
        from urllib.parse import quote
        try:
            return self.house.ask("GET", f"/customers/{self.people[0]['id']}/explain?text={quote(text)}")["holds"]
        except Refused as e:
            return str(e)


def points(story):
    """What a story expects, as `kind word` each: the names by which its misses are known."""
    e = story["expect"]
    yield "told all events are taken"
    if "class" in e:
        yield "class " + " or ".join(e["class"])
    if "advice" in e:
        yield "advice " + " or ".join(ADVICE[a] for a in e["advice"])
        if set(e["advice"]) <= {"accept", "3ds"}:
            yield "honest never high"
    for kind in ("fires", "quiet", "evidence"):
        yield from (f"{kind} {w}" for w in e.get(kind, []))


def caught_up(house, most):
    """What is written last is read last: once a message of now was read, so was all that came before it."""
    made = house.ask("POST", "/intake", {"channel": "chat", "direction": "in", "identities": [{"type": "email", "value": f"marker{time.monotonic_ns()}@example.com"}],
                                         "claims": {"name": "A Marker"}, "text": "That is too expensive."})
    end = time.monotonic() + most
    while time.monotonic() < end:
        if house.ask("GET", f"/customers/{made['customer']['id']}/explain?text=price_remarks%20%3E%3D%201")["holds"]:
            return True
        time.sleep(0.25)
    return False


def settled(house, look, quiet=2.0, most=180.0):
    """Waits until all that was told is read and nothing changes any more; the follower's work is done within a second of each event."""
    last, since, end = None, time.monotonic(), time.monotonic() + most
    if not caught_up(house, most):
        return False
    while time.monotonic() < end:
        seen = json.dumps(look(), sort_keys=True, default=str)
        if seen != last:
            last, since = seen, time.monotonic()
        elif time.monotonic() - since >= quiet:
            return True
        time.sleep(0.25)
    return False


def run(house, only=None):
    """All stories in one house, each told from its beginning to its end; → list of results."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    tellers = [Teller(house, lang, s, now) for lang, s in told() if not only or s["id"] in only]
    for t in tellers:
        for n in range(len(t.story["events"])):
            t.tell(n)
    is_settled = settled(house, lambda: [(j or {}).get("class") and [class_of(j), Said(j.get("risk")).risk] for j in (t.look() for t in tellers)])
    results = []
    for t in tellers:
        rows = [{"kind": k, "want": w, "got": g, "right": r} for k, w, g, r in t.verdicts()]
        results.append({"id": t.story["id"], "about": t.story["about"], "rows": rows})
    return results, is_settled
