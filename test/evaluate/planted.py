"""A planted population: honest people as they are, with odd traits that nobody explains, and fraud as it is done; each goes
through POST /screen in the order of time. Written from what is known of both (docs/evaluation.md says the sources), never from
how the program judges. One seed gives one population."""
import datetime
import math
import random
from collections import defaultdict

from house import HERE
from words import Said

# Weight, culture, calling code with the head of a mobile number and its further digits, languages, time zones, blocks of addresses at homes.
COUNTRIES = {
    "JP": (17, "ja", "+8190", 8, ["ja"], ["Asia/Tokyo"], ["126.72", "126.81", "133.32", "60.90"]),
    "CN": (17, "zh", "+86138", 8, ["zh"], ["Asia/Shanghai"], ["114.212", "114.86", "58.20", "222.64"]),
    "KZ": (14, "kk", "+7701", 7, ["kk", "ru"], ["Asia/Almaty", "Asia/Aqtobe"], ["2.135", "2.132", "95.56", "178.88"]),
    "RU": (17, "ru", "+7916", 7, ["ru"], ["Europe/Moscow", "Asia/Yekaterinburg", "Asia/Novosibirsk"], ["95.24", "95.25", "178.176", "95.30"]),
    "GB": (11, "en", "+447911", 6, ["en"], ["Europe/London"], ["86.128", "90.192", "81.152", "92.16"]),
    "US": (12, "en", "+1617", 7, ["en", "es"], ["America/New_York", "America/Chicago", "America/Los_Angeles"], ["24.16", "73.12", "68.80", "98.200"]),
    "DE": (5, "de", "+49151", 8, ["de"], ["Europe/Berlin"], ["91.12", "84.128", "93.192"]),
    "FR": (4, "fr", "+336", 8, ["fr"], ["Europe/Paris"], ["90.0", "86.192", "82.64"]),
    "CA": (3, "en", "+1604", 7, ["en", "fr"], ["America/Toronto", "America/Vancouver"], ["24.80", "70.24"]),
}
FREE = {"JP": ["yahoo.co.jp", "gmail.com", "icloud.com"], "CN": ["qq.com", "163.com", "126.com"], "KZ": ["mail.ru", "gmail.com", "mail.kz"],
        "RU": ["mail.ru", "yandex.ru", "gmail.com"], "GB": ["gmail.com", "hotmail.co.uk", "outlook.com"], "US": ["gmail.com", "yahoo.com", "outlook.com"],
        "DE": ["gmx.de", "web.de", "gmail.com"], "FR": ["orange.fr", "gmail.com", "free.fr"], "CA": ["gmail.com", "outlook.com", "yahoo.ca"]}
THROW_AWAY = ["mailinator.com", "guerrillamail.com", "10minutemail.com", "yopmail.com", "temp-mail.org"]
RENTED = {"JP": ["54.250.{}", "54.238.{}"], "CN": ["47.93.{}", "47.94.{}"], "KZ": ["185.98.4", "185.98.5", "185.98.6", "185.98.7"], "RU": ["95.213.{}"],
          "GB": ["35.177.{}", "35.178.{}"], "US": ["3.84.{}", "18.204.{}"], "DE": ["52.29.{}"], "FR": ["52.47.{}"], "CA": ["35.182.{}", "99.79.{}"],
          "NL": ["51.15.{}"]}  # rented servers, where most commercial VPNs leave too
TOR = "185.220.101"
HOBBIES = ["bluefish", "nightowl", "catlover", "runner", "skyline", "greentea", "guitarman", "hanami", "snowflake", "panda", "rosegarden", "volna", "zhuldyz"]
FAMOUS = [("Elvis Presley", "Presley", "Elvis"), ("Brad Pitt", "Pitt", "Brad"), ("Владимир Высоцкий", "Vysotsky", "Vladimir"), ("Лев Толстой", "Tolstoy", "Lev"),
          ("Jackie Chan", "Chan", "Jackie"), ("Taylor Swift", "Swift", "Taylor"), ("木村 拓哉", "Kimura", "Takuya"), ("姚明", "Yao", "Ming")]
# What is bought: ordinary baskets, and what is easily sold again.
BASKETS = [(18, 750), (18, 890), (14, 1290), (9, 2950), (9, 3990), (5, 5990), (6, 4500), (6, 8990), (6, 6990), (2, 15900), (3, 19900), (1.5, 5000), (1, 44900),
           (1, 64900), (1.2, 79900), (0.6, 129900)]
RESOLD = [79900, 129900, 64900, 19900, 5000]

# Of the fraudulent accounts: what share, and who plays it.
KINDS = {"careless": (0.27, "careless"), "fitted card": (0.33, "fitted"), "ring": (0.20, "ring"), "card tester": (0.06, "tester"),
         "account taken over": (0.09, "taken_over"), "friendly": (0.05, "friendly")}


def neighbour(ip, chance):
    """Another address of the same kind and country."""
    head = ".".join(ip.split(".")[:2])
    for patterns in [*RENTED.values(), *([b + ".{}" for b in v[6]] for v in COUNTRIES.values())]:
        if any(p.startswith(head + ".") for p in patterns):
            return f"{chance.choice(patterns).format(chance.randrange(256))}.{chance.randrange(1, 255)}"
    return ip


def people():
    names = defaultdict(list)
    for row in (HERE / "people.txt").read_text(encoding="utf-8").splitlines():
        if row and row[0] != "#":
            culture, part, *words = row.split()
            for w in words:
                local, _, latin = w.partition("|")
                names[culture, part].append((local, (latin or local).split("/")))
    return names


class World:
    def __init__(self, seed, honest, share, now):
        self.r, self.now, self.names = random.Random(seed), now, people()
        self.later = random.Random(seed + 10**6)  # what was thought of later, so that all else of a seed stays as it was
        self.n = 0
        self.events = []  # (time, number, actor, request)
        self.actors = []
        self.carriers = {c: [f"{self.r.choice(v[6])}.{self.r.randrange(256)}.{self.r.randrange(1, 255)}" for _ in range(max(2, honest // 2500))]
                         for c, v in COUNTRIES.items()}  # mobile networks put hundreds of people behind one address
        for _ in range(honest):
            self.honest()
        self.frauds = dict.fromkeys(KINDS, 0)
        self.to_come = round(len(self.actors) * share / (1 - share))
        while self.to_come > sum(self.frauds.values()):
            self.fraud()
        self.events.sort(key=lambda e: e[:2])

    # ---- small things ------------------------------------------------------------------------

    def yes(self, p):
        return self.r.random() < p

    def one(self, weighted):
        return self.r.choices([w for _, w in weighted], [w for w, _ in weighted])[0]

    def country(self):
        return self.one([(v[0], c) for c, v in COUNTRIES.items()])

    def number(self):
        self.n += 1
        return self.n

    def name(self, culture, family=None):
        part = self.r.choice(["men", "women"])
        family = family or self.r.choice(self.names[culture, "family"])
        given = self.r.choice(self.names[culture, part])
        own, latin = family
        if part == "women" and culture in ("ru", "kk") and own[-1] == "в":
            own, latin = own + "а", [l + "a" for l in latin]
        local = {"ja": f"{own} {given[0]}", "zh": own + given[0]}.get(culture, f"{given[0]} {own}")
        if culture == "ru" and self.yes(0.3):
            local = f"{own} {given[0]}"
        return {"local": local, "family": family, "own": latin, "given": given[1], "culture": culture}

    def card_name(self, n):
        family, given = self.r.choice(n["own"]), self.r.choice(n["given"])
        how = self.one([(64, "full"), (8, "initial"), (8, "family first"), (6, "middle"), (4, "title"), (10, "lower")])
        made = {"full": f"{given} {family}", "initial": f"{given[0]} {family}", "family first": f"{family} {given}",
                "middle": f"{given} {self.r.choice('ABDJKLMRST')} {family}", "title": f"{self.r.choice(['MR', 'MRS', 'MS'])} {given} {family}",
                "lower": f"{given} {family}"}[how]
        return made if how == "lower" else made.upper()

    def email(self, n, c):
        family, given = self.r.choice(n["own"]).lower(), self.r.choice(n["given"]).lower()
        year, tail = self.r.randrange(50, 99) + 1900 if self.yes(0.5) else self.r.randrange(10, 999), self.number()
        named = [f"{given}.{family}{year}", f"{family}{given}{tail}", f"{given}{family[0]}{tail}", f"{given[0]}.{family}.{year}.{tail}", f"{family}.{given}{tail}"]
        if c == "CN" and self.yes(0.45):
            return f"{self.r.randrange(10**8, 10**10)}@qq.com"
        local = self.one([(62, self.r.choice(named)), (24, f"{self.r.choice(HOBBIES)}{tail}"), (14, f"{family}{tail}")])
        domain = self.one([(84, self.r.choice(FREE[c])), (7, f"firm{tail}.example"), (7, f"isp-{c.lower()}.example"), (0.5, self.r.choice(THROW_AWAY)),
                           (1.5, "privaterelay.appleid.com")])
        return f"{local}@{domain}"

    def phone(self, c):
        _, _, head, digits, *_ = COUNTRIES[c]
        return head + str(self.r.randrange(10 ** (digits - 1), 10**digits))

    def home(self, c):
        return f"{self.r.choice(COUNTRIES[c][6])}.{self.r.randrange(256)}.{self.r.randrange(1, 255)}"

    def rented(self, near=None, stays=0.0):
        where = near if self.yes(stays) else self.r.choice(sorted(RENTED))
        return f"{self.r.choice(RENTED[where]).format(self.r.randrange(256))}.{self.r.randrange(1, 255)}"

    def elsewhere(self, c):
        other = self.country()
        return other if other != c else self.elsewhere(c)

    def address(self, c):
        return {"city": f"Town {self.r.randrange(300)}", "address": f"{self.r.randrange(1, 250)} Street {self.r.randrange(4000)}, {c}"}

    def device(self):
        return f"dev-{self.number()}"

    def card(self):
        return f"fp-{self.number()}"

    def time(self, most=30 * 86400):
        return self.now - datetime.timedelta(seconds=self.r.uniform(60, most))

    def actor(self, kind, traits=()):
        self.actors.append({"kind": kind, "traits": list(traits), "risk": -1, "level": "", "signals": {}})
        return self.actors[-1]

    def put(self, actor, at, request):
        n = self.number()
        said = {k: v for k, v in request.items() if v is not None}
        said["customer"] = {k: v for k, v in said["customer"].items() if v}
        self.events.append((at, n, actor, {"id": f"planted-{n}", "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **said}))

    def basket(self, prices=None):
        total = self.r.choice(prices) if prices else self.one(BASKETS) * self.one([(70, 1), (20, 2), (10, 3)])
        return total

    # ---- honest people -----------------------------------------------------------------------

    def honest(self):
        r, traits = self.r, []
        c = self.country()
        culture = COUNTRIES[c][1]
        if self.yes(0.06):  # lives elsewhere than his people; all else fits
            culture = COUNTRIES[self.elsewhere(c)][1]
        n = self.name(culture)
        if self.yes(0.002):
            local, family, given = r.choice(FAMOUS)
            if self.yes(0.85):
                n, _ = {**n, "local": local, "own": [family], "given": [given]}, traits.append("namesake")
            else:
                n, _ = {**n, "local": local}, traits.append("signs with a famous name")
        zone, language = r.choice(COUNTRIES[c][5]), COUNTRIES[c][4][0]
        if self.yes(0.10):
            language = r.choice(["en", "ru", "zh", "de", "es"])
        phone, email, place, device = self.phone(c), self.email(n, c), self.address(c), self.device()
        if self.yes(0.03):
            phone, _ = self.phone(self.elsewhere(c)), traits.append("foreign phone")
        if c == "JP" and self.yes(0.03):
            phone, _ = "+8150" + str(r.randrange(10**7, 10**8)), traits.append("Internet telephone")
        guest = self.yes(0.05)  # gives as little as the form lets him
        ip = r.choice(self.carriers[c]) if self.yes(0.3) else self.home(c)
        where = self.one([(86, "home"), (3, "travel"), (5, "vpn"), (2.5, "roaming"), (1, "wrong map"), (2.45, "office"), (0.05, "tor")])
        if where in ("travel", "roaming", "wrong map"):
            abroad = self.elsewhere(c)
            ip, _ = self.home(abroad), traits.append(where)
            if where == "travel" and self.yes(0.5):
                zone = r.choice(COUNTRIES[abroad][5])
        elif where == "vpn":
            ip, _ = self.rented(c, 0.15 if c == "CN" else 0.45), traits.append("VPN")
        elif where == "tor":
            ip, _ = f"{TOR}.{r.randrange(1, 255)}", traits.append("Tor")
        customer = {"name": n["local"], "email": email, "country": c, "language": language if self.yes(0.9) else None,
                    "time_zone": zone if self.yes(0.9) else None}
        if not guest:
            customer.update(phone=phone if self.yes(0.94) else None, **(place if self.yes(0.98) else {}))
        else:
            traits.append("says little")
        old = self.yes(0.45)
        age = r.randrange(20, 900) if old else r.choice([0, 0, 0, 0, 1, 3, 10])
        history = {"paid_orders": 1 + min(20, int(r.expovariate(0.45))) if old else 0, "age_days": age, "questions": self.one([(80, 0), (13, 1), (5, 2), (2, 4)])}
        seconds = r.randrange(7, 16) if self.yes(0.12) else max(12, int(r.lognormvariate(math.log(75), 0.6)))
        total, express = self.basket(), self.yes(0.14)
        if self.yes(0.012):
            total, _ = total * r.randrange(6, 15), traits.append("large order")  # a wedding, an office, a school
        payment = self.honest_payment(n, c, traits)
        actor, at = self.actor("honest", traits), self.time()
        common = {"customer": customer, "ip": ip, "device": device if self.yes(0.95) else None}
        if not old:
            self.put(actor, at - datetime.timedelta(minutes=r.randrange(2, 50)), {**common, "form_seconds": seconds, "history": history})
        order = {"total": total, "currency": "EUR", "express": express, "items": []}
        if payment["method"] == "card" and self.yes(0.035):  # the first card is declined, another is tried
            traits.append("second card")
            self.put(actor, at - datetime.timedelta(minutes=1), {**common, "order": order, "payment": payment, "history": history})
            payment = {**payment, "card_fingerprint": self.card()}
        self.put(actor, at, {**common, "order": order, "payment": payment, "history": history})
        if self.yes(0.15):  # comes again, from wherever he is then
            again = min(at + datetime.timedelta(days=r.uniform(0.2, 20)), self.now - datetime.timedelta(seconds=30))
            common = {**common, **self.anew(common, actor)}
            self.put(actor, again, {**common, "ip": self.home(c) if self.yes(0.5) else ip, "order": {**order, "total": self.basket()}, "payment": payment, "history": history})
        if self.yes(0.06):  # somebody of the household orders on the same device, often with the same card
            other = self.name(culture, n["family"])
            second = self.actor("honest", ["household"])
            pay = payment if self.yes(0.6) else self.honest_payment(other, c, second["traits"])
            self.put(second, self.time(20 * 86400), {**common, "customer": {**customer, "name": other["local"], "email": self.email(other, c), "phone": self.phone(c)},
                                                     "order": {**order, "total": self.basket()}, "payment": pay,
                                                     "history": {"paid_orders": 0, "age_days": 0, "questions": 0}})
        if (where == "office" and self.yes(0.35)) or self.yes(0.004):  # a dormitory, an office: others from the same address the same days
            for _ in range(r.randrange(2, 6)):
                other = self.name(culture)
                mate = self.actor("honest", ["same network"])
                self.put(mate, at + datetime.timedelta(minutes=r.randrange(-3000, 3000)), {
                    "customer": {"name": other["local"], "email": self.email(other, c), "phone": self.phone(c), "country": c, "language": language, **place},
                    "ip": ip, "device": self.device(), "form_seconds": r.randrange(30, 200), "order": {**order, "total": self.basket(), "express": False},
                    "payment": self.honest_payment(other, c, mate["traits"]), "history": {"paid_orders": 0, "age_days": 0, "questions": 0}})

    def anew(self, common, actor):
        """Who comes again may have a new telephone, or has moved house with it."""
        chance = self.later.random()
        if chance >= 0.06:
            return {}
        actor["traits"].append("new telephone" if chance > 0.015 else "moved house, new telephone")
        moved = {} if chance > 0.015 else {"city": f"Town {self.later.randrange(300)}", "address": f"{self.later.randrange(1, 250)} New Street {self.later.randrange(4000)}"}
        return {"device": f"dev-new-{len(self.events)}", "customer": {**common["customer"], **moved}}

    def honest_payment(self, n, c, traits):
        r = self.r
        method = self.one([(80, "card"), (11, "bank_transfer"), (9, "cash")])
        if method != "card":
            return {"method": method, "prepaid": method == "bank_transfer"}
        whose = self.one([(89.5, "own"), (4, "family card"), (1.5, "gift"), (1.2, "married name"), (1.3, "company card"), (1.5, "partner's card"), (1, "nickname")])
        holder, culture = n, n["culture"]
        if whose == "family card":
            holder = self.name(culture, n["family"])
        elif whose == "gift":
            holder = self.name(self.r.choice([culture, "en", "ru"]))
        elif whose == "married name":
            holder = {**n, "own": r.choice(self.names[culture, "family"])[1]}
        elif whose == "partner's card":
            holder = self.name(culture)
        elif whose == "nickname":
            holder = {**n, "given": [r.choice(self.names[culture, "men"] + self.names[culture, "women"])[1][0][:4]]}
        text = f"{r.choice(['NORDIC', 'SILVER', 'EAST', 'HARBOUR'])} {r.choice(['TRADING LTD', 'GMBH', 'DESIGN LLC'])}" if whose == "company card" else self.card_name(holder)
        if whose != "own":
            traits.append(whose)
        issued = c
        if self.yes(0.045):  # the account of the old home, or of a bank that lives on the telephone
            issued = r.choice([self.elsewhere(c), "LT", "BE", "GB"])
            if issued != c:
                traits.append("foreign card")
        return {"method": "card", "card_fingerprint": self.card(), **({"card_name": text} if self.yes(0.92) else {}), **({"card_country": issued} if self.yes(0.92) else {})}

    # ---- fraud -------------------------------------------------------------------------------

    def fraud(self):
        """One scheme more, of the kind that is furthest behind its share."""
        kind = max(KINDS, key=lambda k: KINDS[k][0] * self.to_come - self.frauds[k])
        self.frauds[kind] += getattr(self, KINDS[kind][1])(kind, self.to_come - sum(self.frauds.values()))

    def victim(self):
        c = self.country()
        return self.name(COUNTRIES[c][1]), c

    def stolen(self, n, c):
        return {"method": "card", "card_fingerprint": self.card(), "card_name": self.card_name(n), "card_country": c}

    def careless(self, kind, most):
        r = self.r
        v, card_of = self.victim()
        c = card_of if self.yes(0.45) else self.elsewhere(card_of)
        own = self.name(COUNTRIES[self.country()][1])
        name = self.one([(50, own["local"]), (12, r.choice(FAMOUS)[0]), (18, "".join(r.choice("qwertasdfgzxcvb") for _ in range(r.randrange(2, 8)))), (20, v["local"])])
        domain = r.choice(THROW_AWAY) if self.yes(0.3) else r.choice(FREE[c])
        ip = self.one([(12, f"{TOR}.{r.randrange(1, 255)}"), (43, self.rented()), (30, self.home(self.elsewhere(c))), (15, self.home(c))])
        customer = {"name": name, "email": f"{''.join(r.choice('abcdefghkmnprstuvz') for _ in range(6))}{r.randrange(10, 9999)}@{domain}", "country": c,
                    "language": self.one([(55, "en"), (45, COUNTRIES[c][4][0])]), "time_zone": r.choice(COUNTRIES[c if self.yes(0.4) else self.elsewhere(c)][5]),
                    "phone": self.one([(45, None), (35, self.phone(c)), (20, self.phone(self.elsewhere(c)))]), **(self.address(c) if self.yes(0.75) else {})}
        self.fraud_order(kind, customer, ip, self.device(), self.stolen(v, card_of), self.time())
        return 1

    def fitted(self, kind, most):
        """Everything as the card says: the victim's name and country, an exit near the victim, a parcel address of somebody else."""
        r = self.r
        v, c = self.victim()
        ip = self.one([(55, self.home(c)), (28, self.rented(c, 0.8)), (17, self.home(self.elsewhere(c)))])
        zone = r.choice(COUNTRIES[c if self.yes(0.7) else self.elsewhere(c)][5])
        fits = self.yes(0.6)
        customer = {"name": v["local"] if self.yes(0.6) else f"{v['given'][0]} {v['own'][0]}",
                    "email": self.email(v, c) if fits else f"{r.choice(HOBBIES)}{r.randrange(1000, 99999)}@{r.choice(FREE[c])}", "country": c,
                    "language": COUNTRIES[c][4][0] if self.yes(0.75) else "en", "time_zone": zone,
                    "phone": self.one([(35, None), (50, self.phone(c)), (15, self.phone(self.elsewhere(c)))]), **self.address(c)}
        self.fraud_order(kind, customer, ip, self.device(), self.stolen(v, c), self.time(), express=0.45)
        return 1

    def ring(self, kind, most):
        """Some accounts over a few days; a device, an address for parcels or a network comes again."""
        r = self.r
        size = min(most, r.randrange(3, 9))
        v, c = self.victim()
        device, drop, ip, start = self.device(), self.address(c), self.one([(60, self.home(c)), (40, self.rented(c, 0.8))]), self.time(25 * 86400)
        keeps_device, keeps_ip = self.yes(0.6), self.yes(0.5)
        for n in range(size):
            v, card_of = self.name(COUNTRIES[c][1]), c if self.yes(0.75) else self.elsewhere(c)
            account = v if self.yes(0.5) else self.name(COUNTRIES[c][1])
            customer = {"name": account["local"], "email": self.email(account, c) if self.yes(0.5) else f"{r.choice(HOBBIES)}{r.randrange(10**4, 10**6)}@{r.choice(FREE[c])}",
                        "country": c, "language": COUNTRIES[c][4][0], "time_zone": r.choice(COUNTRIES[c][5]), "phone": self.phone(c) if self.yes(0.4) else None,
                        **(drop if self.yes(0.8) else self.address(c))}
            self.fraud_order(kind, customer, ip if keeps_ip else self.home(c), device if keeps_device or self.yes(0.2) else self.device(), self.stolen(v, card_of),
                             start + datetime.timedelta(hours=n * r.uniform(0.5, 14)), express=0.5)
        return size

    def tester(self, kind, most):
        """Many cards within minutes, small sums, then one large."""
        r = self.r
        c = self.country()
        own, device, ip, start = self.name(COUNTRIES[c][1]), self.device(), self.one([(50, self.home(c)), (50, self.rented())]), self.time()
        actor = self.actor(kind)
        customer = {"name": own["local"], "email": f"{r.choice(HOBBIES)}{r.randrange(10**4, 10**6)}@{r.choice(FREE[c])}", "country": c}
        for n in range(r.randrange(4, 12)):
            v, card_of = self.victim()
            self.put(actor, start + datetime.timedelta(seconds=n * r.randrange(20, 120)), {
                "customer": customer, "ip": ip, "device": device, "form_seconds": r.randrange(2, 8), "payment": self.stolen(v, card_of),
                "order": {"total": 750 if n < 6 else r.choice(RESOLD), "currency": "EUR", "express": False, "items": []},
                "history": {"paid_orders": 0, "age_days": 0, "questions": 0}})
        return 1

    def taken_over(self, kind, most):
        """An old customer's account in other hands: device, network and address are new, the past is his."""
        r = self.r
        v, c = self.victim()
        customer = {"name": v["local"], "email": self.email(v, c), "phone": self.phone(c), "country": c, "language": COUNTRIES[c][4][0],
                    "time_zone": r.choice(COUNTRIES[c if self.yes(0.5) else self.elsewhere(c)][5]), **self.address(c)}
        ip = self.one([(40, self.rented()), (30, self.home(self.elsewhere(c))), (30, self.home(c))])
        at, own = self.time(20 * 86400), self.stolen(v, c)
        owner = self.actor("honest", ["his account is taken over later"])
        self.put(owner, at - datetime.timedelta(days=r.uniform(2, 9)), {
            "customer": customer, "ip": self.home(c), "device": self.device(), "payment": own, "order": {"total": self.basket(), "currency": "EUR", "express": False, "items": []},
            "history": {"paid_orders": r.randrange(1, 9), "age_days": r.randrange(60, 900), "questions": 0}})
        other, card_of = self.victim()
        pay = own if self.yes(0.55) else self.stolen(other, card_of)
        history = {"paid_orders": r.randrange(1, 9), "age_days": r.randrange(60, 900), "questions": r.choice([0, 0, 1])}
        self.fraud_order(kind, {**customer, **(self.address(c) if self.yes(0.8) else {})}, ip, self.device(), pay, at, history=history, sign_up=False)
        return 1

    def friendly(self, kind, most):
        """Orders as anybody does and disputes it later: nothing to be seen in the order."""
        v, c = self.victim()
        customer = {"name": v["local"], "email": self.email(v, c), "phone": self.phone(c), "country": c, "language": COUNTRIES[c][4][0],
                    "time_zone": COUNTRIES[c][5][0], **self.address(c)}
        self.fraud_order(kind, customer, self.home(c), self.device(), self.stolen(v, c), self.time(), express=0.14, prices=None)
        return 1

    def fraud_order(self, kind, customer, ip, device, payment, at, express=0.6, history=None, sign_up=True, prices=RESOLD):
        r = self.r
        actor = self.actor(kind)
        history = history or {"paid_orders": 0, "age_days": 0, "questions": self.one([(92, 0), (8, 1)])}
        common = {"customer": customer, "ip": ip, "device": device, "history": history}
        if sign_up:
            self.put(actor, at - datetime.timedelta(minutes=r.randrange(1, 20)), {**common, "form_seconds": r.randrange(3, 15) if self.yes(0.5) else r.randrange(15, 90)})
        total = self.basket(prices) * (self.one([(55, 1), (30, 2), (15, 3)]) if prices else 1)
        self.put(actor, at, {**common, "payment": payment, "order": {"total": total, "currency": "EUR", "express": self.yes(express), "items": []}})


# All windows of the risk count from the time of the request, so a day of its own makes the same of one seed on any day.
NOW = datetime.datetime(2025, 3, 19, 12, tzinfo=datetime.timezone.utc)


def run(house, seed, honest, share, tell=lambda *_: None):
    """Sends everybody through; → the figures."""
    world = World(seed, honest, share, NOW)
    refused = 0
    for n, (_, _, actor, request) in enumerate(world.events):
        status, answer = house.say("POST", "/screen", request)
        if not 200 <= status < 300:
            refused += 1
            print(f"POST /screen: {status} {str(answer)[:300]}", flush=True)
            if refused > 20:
                raise RuntimeError(f"POST /screen: {status} {answer}")
            continue
        said = Said(answer)
        if said.risk > actor["risk"]:
            actor.update(risk=said.risk, level=said.level, signals=said.signals)
        if n % 2000 == 0:
            tell(n, len(world.events))
    good = [a for a in world.actors if a["kind"] == "honest"]
    bad = [a for a in world.actors if a["kind"] != "honest"]
    accused = [a for a in good if a["level"] == "high"]
    figures = {"seed": seed, "honest": len(good), "fraud": len(bad), "share": len(bad) / (len(good) + len(bad)), "requests": len(world.events), "refused": refused,
               "accused": len(accused), "accused_per_10000": 10000 * len(accused) / len(good), "high_recall": share_of(bad, lambda a: a["level"] == "high"),
               "medium_honest": share_of(good, lambda a: a["level"] == "medium"), "medium_or_high_recall": share_of(bad, lambda a: a["level"] in ("medium", "high"))}
    for words, allowed in (("0.1 %", 0.001), ("1 %", 0.01)):
        bound = threshold(good, allowed)
        kinds = sorted({a["kind"] for a in bad})
        figures[words] = {"from": bound, "recall": share_of(bad, lambda a: a["risk"] >= bound), "interval": wilson(sum(a["risk"] >= bound for a in bad), len(bad)),
                          "kinds": {k: [sum(a["risk"] >= bound for a in bad if a["kind"] == k), sum(a["kind"] == k for a in bad)] for k in kinds}}
    figures["who_was_accused"] = [{"risk": a["risk"], "traits": a["traits"], "signals": a["signals"]} for a in sorted(accused, key=lambda a: -a["risk"])[:20]]
    figures["who_was_missed"] = [{"kind": a["kind"], "risk": a["risk"], "signals": a["signals"]} for a in sorted(bad, key=lambda a: a["risk"])[:20]]
    return figures


def share_of(actors, holds):
    return sum(map(holds, actors)) / len(actors) if actors else 0.0


def threshold(good, allowed):
    """The lowest risk from which on at most so large a part of the honest would be accused."""
    most = int(allowed * len(good))
    by_risk = sorted((a["risk"] for a in good), reverse=True)
    return 0 if most >= len(by_risk) else by_risk[most] + 1


def wilson(hits, n, z=1.96):
    if n == 0:
        return [0.0, 1.0]
    p, d = hits / n, 1 + z * z / n
    middle, half = (p + z * z / (2 * n)) / d, z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
    return [max(0.0, middle - half), min(1.0, middle + half)]
