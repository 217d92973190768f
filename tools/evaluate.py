#!/usr/bin/python3
"""Does the program judge customers as people who know customers expect? Conformance with stories, with rules that hold
whatever the right answer is, and with a planted population; never accuracy, which only real outcomes can show.

  evaluate.py [--parts stories,meta,planted] [--short] [--only ID,ID] [--honest 20000] [--share 0.01] [--seeds 11,12,13] [--page docs/evaluation.md] [--postgres URL]

A failure is: more honest people at "high" than is asked, by any seed; a rule that does not hold; a point of a story that went
otherwise and does not stand in test/evaluate/known-misses.txt, or stands there and is right by now. How much of the fraud is
found is shown and kept, and fails nothing. Everything goes through the program's HTTP interface. The whole report is
build/evaluate/report.md (figures: report.json); with --page the summary is put into that page. The last line is
`N passed, N failed`."""
import argparse
import collections
import datetime
import json
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "test/evaluate"))
import house as houses  # noqa: E402
import meta  # noqa: E402
import planted  # noqa: E402
import stories  # noqa: E402

BEGIN, END = "<!-- evaluate: begin -->", "<!-- evaluate: end -->"
MOST_ACCUSED = 20  # of 10,000 honest at "high": asked
RECALL_WISHED = 0.8  # at 0.1 %: wished
SEEDS = "11,12,13"  # looked at by nobody while points were chosen
KNOWN = TOP / "test/evaluate/known-misses.txt"


def percent(x):
    return f"{100 * x:.1f} %"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(str(c).replace("|", "/") for c in row) + " |" for row in rows)])


def known_misses(stories_told, only=None):
    """{(story, point): why} of the list, and what is wrong with the list."""
    known, wrong = {}, []
    points = {s["id"]: set(stories.points(s)) for _, s in stories_told}
    for n, line in enumerate(KNOWN.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        story, point, why = ([*map(str.strip, line.split("|", 2)), "", ""])[:3]
        if not why or point not in points.get(story, ()) or (story, point) in known:
            wrong.append(f"{KNOWN.name}:{n}: '{line.strip()}' is no point of a story with a reason, or stands there twice")
        elif not only or story in only:
            known[story, point] = why
    return known, wrong


class Report:
    def __init__(self, known):
        self.known = known
        self.passed = self.failed = 0
        self.summary, self.details, self.figures, self.failures = [], [], {}, []

    def count(self, right, wrong):
        self.passed += right
        for one in wrong:
            self.failed += 1
            self.failures.append(one)

    def stories(self, results, is_settled):
        rows = [r for s in results for r in s["rows"]]
        kinds = collections.OrderedDict((k, [r for r in rows if r["kind"] == k]) for k in ("told", "class", "advice", "honest", "fires", "quiet", "evidence"))
        words = {"told": "every event was taken", "class": "the leading class", "advice": "the advice", "honest": "an honest customer is never \"high\"",
                 "fires": "a signal that must fire", "quiet": "a signal that must not fire", "evidence": "evidence found in what was said"}
        whole = sum(all(r["right"] for r in s["rows"]) for s in results)
        told = [(s["id"], f"{r['kind']} {r['want']}", r) for s in results for r in s["rows"]]
        missed = [(story, point, r) for story, point, r in told if not r["right"]]
        self.count(sum(r["right"] and (story, point) not in self.known for story, point, r in told),
                   [f"{story}: {point}; was: {r['got'] or 'none'}" for story, point, r in missed if (story, point) not in self.known]
                   + [f"{story}: {point} is right now: take it off {KNOWN.name}" for story, point, r in told if r["right"] and (story, point) in self.known]
                   + ([] if is_settled else ["the judging had not come to rest"]))
        table_rows = [[words[k], sum(r["right"] for r in rs), len(rs)] for k, rs in kinds.items()]
        self.summary += [f"**Stories**: {whole} of {len(results)} as told in every point.", "", table(["expected", "as expected", "of"], table_rows), ""]
        by_lang = collections.Counter(s["id"][:2] for s in results), collections.Counter(s["id"][:2] for s in results if all(r["right"] for r in s["rows"]))
        self.summary += ["By language: " + ", ".join(f"{l} {by_lang[1][l]} of {n}" for l, n in sorted(by_lang[0].items())) + ".", ""]
        if missed:
            self.summary += ["Otherwise than told:", "", table(["story", "expected", "was", "known: why"], [
                [story, point, (r["got"] or "none") if r["kind"] in ("class", "advice", "told") else "not so", self.known.get((story, point), "**not known: a failure**")]
                for story, point, r in missed]), ""]
        self.details += ["## Stories that went otherwise", ""]
        for s in results:
            wrong = [r for r in s["rows"] if not r["right"]]
            if wrong:
                self.details += [f"- **{s['id']}** {s['about']}", *(f"  - {r['kind']}: {r['want']}; was: {r['got'] or 'none'}" for r in wrong)]
        self.details.append("")

    def meta(self, results):
        self.count(sum(not r["wrong"] for r in results), [f"{r['name']}: {r['wrong']} of {r['tried']} against it" for r in results if r["wrong"]])
        self.summary += ["**What must hold whoever it is**: " + f"{sum(not r['wrong'] for r in results)} of {len(results)} hold.", "",
                         table(["", "tried", "against it"], [[r["name"], r["tried"], r["wrong"]] for r in results]), ""]
        self.summary += [f"- {r['name']}: {e}" for r in results for e in r["examples"][:2]] + [""]
        self.details += ["## Against what must hold", ""]
        for r in results:
            if r["wrong"]:
                self.details += [f"- **{r['name']}**: {r['wrong']} of {r['tried']}", *(f"  - {e}" for e in r["examples"])]
        self.details.append("")

    def planted(self, runs):
        for f in runs:
            too_many = f["accused_per_10000"] > MOST_ACCUSED
            self.count((not too_many) + (not f["refused"]), [f"seed {f['seed']}: {f['accused_per_10000']:.1f} of 10,000 honest at high"] * too_many
                       + [f"seed {f['seed']}: {f['refused']} requests refused"] * bool(f["refused"]))
        told = lambda f, w: f"{percent(f[w]['recall'])} ({percent(f[w]['interval'][0])} to {percent(f[w]['interval'][1])}), from {f[w]['from']}"
        rows = [["honest", lambda f: f"{f['honest']:,}"], ["fraudulent accounts", lambda f: f"{f['fraud']:,} ({percent(f['share'])})"], ["requests", lambda f: f"{f['requests']:,}"],
                ["**honest at \"high\", of 10,000 (asked: at most 20)**", lambda f: f"{f['accused_per_10000']:.1f}" + (": too many" if f["accused_per_10000"] > MOST_ACCUSED else "")],
                ["recall at 0.1 % false accusations (wished: 80 %)", lambda f: told(f, "0.1 %")], ["recall at 1 %", lambda f: told(f, "1 %")],
                ["fraud at \"high\"", lambda f: percent(f["high_recall"])], ["at \"medium\": honest", lambda f: percent(f["medium_honest"])],
                ["at \"medium\" or \"high\": fraud", lambda f: percent(f["medium_or_high_recall"])]]
        wished = sum(f["0.1 %"]["recall"] >= RECALL_WISHED for f in runs)
        self.summary += [f"**Planted population**: the wished recall is reached by {wished} of {len(runs)} seeds.", "",
                         table(["", *(f"seed {f['seed']}" for f in runs)], [[words, *(say(f) for f in runs)] for words, say in rows]), "",
                         "Found by kind, at 0.1 % and at 1 %, of how many:", "",
                         table(["", *(f"seed {f['seed']}" for f in runs)],
                               [[k, *(" / ".join(map(str, (*f["0.1 %"]["kinds"][k][:1], *f["1 %"]["kinds"][k]))) if k in f["1 %"]["kinds"] else "" for f in runs)]
                                for k in planted.KINDS]), ""]
        for f in runs:
            self.details += [f"## Seed {f['seed']}: honest people at \"high\"", "", *(f"- {a['risk']}: {', '.join(a['traits']) or 'nothing odd'}: {a['signals']}" for a in f["who_was_accused"]), "",
                             f"## Seed {f['seed']}: fraud with the lowest risk", "", *(f"- {a['risk']}: {a['kind']}: {a['signals']}" for a in f["who_was_missed"]), ""]

    def text(self, took):
        head = [f"Run on {datetime.date.today().isoformat()}, {took:.0f} s: {self.passed} checks passed, {self.failed} failed, {len(self.known)} points of stories known to be missed.", ""]
        return "\n".join(head + [f"- failed: {one}" for one in self.failures] + [""] * bool(self.failures) + self.summary)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--parts", default="stories,meta,planted")
    p.add_argument("--only", default="", help="these stories only")
    p.add_argument("--short", action="store_true")
    p.add_argument("--honest", type=int)
    p.add_argument("--share", type=float)
    p.add_argument("--seeds", default=SEEDS, help="one population each")
    p.add_argument("--cases", type=int)
    p.add_argument("--page")
    p.add_argument("--postgres", help="the URL of a server where databases may be made")
    a = p.parse_args()
    parts = a.parts.split(",")
    only = set(a.only.split(",")) if a.only else None
    seeds = [int(s) for s in a.seeds.split(",")]
    all_told = list(stories.told())
    known, wrong = known_misses(all_told, only)
    wrong += stories.faults(all_told)
    if wrong:
        print("\n".join(wrong))
        print(f"0 passed, {len(wrong)} failed")
        return 1
    report, began = Report(known if "stories" in parts else {}), time.monotonic()
    report.count(1, [])  # the stories and the list are sound

    def within(run):
        with houses.House(a.postgres) as house:
            house.shop()
            if house.missing:
                print(f"without {', '.join(house.missing)}", flush=True)
            return run(house)

    def step(name, run):
        if name not in parts:
            return
        at = time.monotonic()
        try:
            result = run()
        except Exception as e:
            report.count(0, [f"{name} broke off: {type(e).__name__}: {e}"])
            import traceback
            traceback.print_exc()
            return
        report.figures[name] = result
        getattr(report, name)(*(result if isinstance(result, tuple) else (result,)))
        print(f"{name}: {time.monotonic() - at:.0f} s", flush=True)

    step("stories", lambda: within(lambda house: stories.run(house, only)))
    step("meta", lambda: within(lambda house: meta.run(house, seeds[0], a.cases or (40 if a.short else 150))))
    step("planted", lambda: [within(lambda house, seed=seed: planted.run(house, seed, a.honest or (10000 if a.short else 20000), a.share or (0.02 if a.short else 0.01)))
                             for seed in seeds])

    text = report.text(time.monotonic() - began)
    out = TOP / "build/evaluate"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text("# Conformance\n\n" + text + "\n" + "\n".join(report.details), encoding="utf-8")
    (out / "report.json").write_text(json.dumps(report.figures, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    if a.page and not only and set(parts) == {"stories", "meta", "planted"}:
        page = TOP / a.page
        before, rest = page.read_text(encoding="utf-8").split(BEGIN, 1)
        page.write_text(before + f"{BEGIN}\n{text}\n{END}" + rest.split(END, 1)[1], encoding="utf-8")
    print("\n" + text)
    print("\n".join(report.details[:200]))
    print(f"{report.passed} passed, {report.failed} failed")
    return 0 if report.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
