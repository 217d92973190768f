#!/usr/bin/python3
"""Does the program judge customers as people who know customers expect? Conformance with stories, with rules that hold
whatever the right answer is, and with a planted population; never accuracy, which only real outcomes can show.

  evaluate.py [--parts stories,meta,planted] [--short] [--only ID,ID] [--honest 20000] [--share 0.01] [--seed 1] [--page docs/evaluation.md] [--postgres URL]

Everything goes through the program's HTTP interface. The whole report is build/evaluate/report.md (figures: report.json);
with --page the summary is put into that page. The last line is `N passed, N failed`."""
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


def percent(x):
    return f"{100 * x:.1f} %"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(str(c).replace("|", "/") for c in row) + " |" for row in rows)])


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.summary, self.details, self.figures = [], [], {}

    def count(self, right, wrong):
        self.passed += right
        self.failed += wrong

    def stories(self, results, is_settled):
        rows = [r for s in results for r in s["rows"]]
        kinds = collections.OrderedDict((k, [r for r in rows if r["kind"] == k]) for k in ("told", "class", "advice", "honest", "fires", "quiet", "evidence"))
        words = {"told": "every event was taken", "class": "the leading class", "advice": "the advice", "honest": "an honest customer is never \"high\"",
                 "fires": "a signal that must fire", "quiet": "a signal that must not fire", "evidence": "evidence found in what was said"}
        whole = sum(all(r["right"] for r in s["rows"]) for s in results)
        self.count(sum(r["right"] for r in rows), sum(not r["right"] for r in rows))
        table_rows = [[words[k], sum(r["right"] for r in rs), len(rs)] for k, rs in kinds.items()]
        self.summary += [f"**Stories**: {whole} of {len(results)} as told in every point." + ("" if is_settled else " The judging had not come to rest."), "",
                         table(["expected", "as expected", "of"], table_rows), ""]
        by_lang = collections.Counter(s["id"][:2] for s in results), collections.Counter(s["id"][:2] for s in results if all(r["right"] for r in s["rows"]))
        self.summary += ["By language: " + ", ".join(f"{l} {by_lang[1][l]} of {n}" for l, n in sorted(by_lang[0].items())) + ".", ""]
        brief = [f"{s['id']} " + ", ".join(f"{r['kind']} {r['want'] if r['kind'] not in ('class', 'advice') else r['got'] + ' instead of ' + r['want']}" for r in s["rows"] if not r["right"])
                 for s in results if not all(r["right"] for r in s["rows"])]
        self.summary += ["Otherwise: " + "; ".join(brief) + ".", ""] if brief else []
        self.details += ["## Stories that went otherwise", ""]
        for s in results:
            wrong = [r for r in s["rows"] if not r["right"]]
            if wrong:
                self.details += [f"- **{s['id']}** {s['about']}", *(f"  - {r['kind']}: {r['want']}; was: {r['got'] or 'none'}" for r in wrong)]
        self.details.append("")

    def meta(self, results):
        self.count(sum(not r["wrong"] for r in results), sum(bool(r["wrong"]) for r in results))
        self.summary += ["**What must hold whoever it is**: " + f"{sum(not r['wrong'] for r in results)} of {len(results)} hold.", "",
                         table(["", "tried", "against it"], [[r["name"], r["tried"], r["wrong"]] for r in results]), ""]
        self.summary += [f"- {r['name']}: {e}" for r in results for e in r["examples"][:2]] + [""]
        self.details += ["## Against what must hold", ""]
        for r in results:
            if r["wrong"]:
                self.details += [f"- **{r['name']}**: {r['wrong']} of {r['tried']}", *(f"  - {e}" for e in r["examples"])]
        self.details.append("")

    def planted(self, f):
        asked = f["accused_per_10000"] <= MOST_ACCUSED
        self.count(asked + (not f["refused"]), (not asked) + bool(f["refused"]))
        row = lambda w: [f"recall at {w} false accusations", percent(f[w]["recall"]) + f" ({percent(f[w]['interval'][0])} to {percent(f[w]['interval'][1])}), from {f[w]['from']} points on"]
        reached = "reached" if f["0.1 %"]["recall"] >= RECALL_WISHED else "not reached"
        self.summary += [f"**Planted population**: {f['honest']:,} honest, {f['fraud']:,} fraudulent accounts ({percent(f['share'])}), {f['requests']:,} requests, seed {f['seed']}.", "",
                         table(["", ""], [["honest at \"high\", of 10,000 (asked: at most 20)", f"{f['accused_per_10000']:.1f}" + ("" if asked else ": too many")],
                                          row("0.1 %"), row("1 %"), ["wished: 0.8 at 0.1 %", reached], ["fraud at \"high\"", percent(f["high_recall"])],
                                          ["at \"medium\": honest", percent(f["medium_honest"])], ["at \"medium\" or \"high\": fraud", percent(f["medium_or_high_recall"])]]), "",
                         "By kind, at 0.1 % and at 1 %: " + "; ".join(f"{k} {a} and {f['1 %']['kinds'][k][0]} of {n}" for k, (a, n) in f["0.1 %"]["kinds"].items()) + ".", ""]
        self.details += ["## Honest people at \"high\"", "", *(f"- {a['risk']}: {', '.join(a['traits']) or 'nothing odd'}: {a['signals']}" for a in f["who_was_accused"]), "",
                         "## Fraud with the lowest risk", "", *(f"- {a['risk']}: {a['kind']}: {a['signals']}" for a in f["who_was_missed"]), ""]

    def text(self, took):
        head = [f"Run on {datetime.date.today().isoformat()}, {took:.0f} s: {self.passed} checks as expected, {self.failed} otherwise.", ""]
        return "\n".join(head + self.summary)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--parts", default="stories,meta,planted")
    p.add_argument("--only", default="", help="these stories only")
    p.add_argument("--short", action="store_true")
    p.add_argument("--honest", type=int)
    p.add_argument("--share", type=float)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--cases", type=int)
    p.add_argument("--page")
    p.add_argument("--postgres", help="the URL of a server where databases may be made")
    a = p.parse_args()
    parts = a.parts.split(",")
    wrong = list(stories.faults(list(stories.told())))
    if wrong:
        print("\n".join(wrong))
        print(f"0 passed, {len(wrong)} failed")
        return 1
    report, began = Report(), time.monotonic()
    report.count(1, 0)  # the stories are sound

    def step(name, run):
        if name not in parts:
            return
        at = time.monotonic()
        try:
            with houses.House(a.postgres) as house:
                house.shop()
                if house.missing:
                    print(f"{name}: without {', '.join(house.missing)}", flush=True)
                result = run(house)
        except Exception as e:
            report.count(0, 1)
            report.summary += [f"**{name}** broke off: {type(e).__name__}: {e}", ""]
            import traceback
            traceback.print_exc()
            return
        report.figures[name] = result
        getattr(report, name)(*(result if isinstance(result, tuple) else (result,)))
        print(f"{name}: {time.monotonic() - at:.0f} s", flush=True)

    only = set(a.only.split(",")) if a.only else None
    step("stories", lambda house: stories.run(house, only))
    step("meta", lambda house: meta.run(house, a.seed, a.cases or (40 if a.short else 150)))
    step("planted", lambda house: planted.run(house, a.seed, a.honest or (5000 if a.short else 20000), a.share or (0.02 if a.short else 0.01)))

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
