#!/usr/bin/python3
"""Tests of the generators and checks of this folder. Ends with `N passed, N failed`."""
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "test/evaluate")]
import i18n  # noqa: E402
import layers  # noqa: E402
import nightly  # noqa: E402
import planted  # noqa: E402
import plans  # noqa: E402
import stories  # noqa: E402


class Folder(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)
        self.top = Path(self.tmp.name)

    def put(self, name, text):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run_tool(self, tool, *args):
        return subprocess.run([sys.executable, HERE / tool, *map(str, args)], cwd=self.top, capture_output=True, text=True)

    def made(self, tool, *inputs):
        """(C text, complaint) of a generator."""
        done = self.run_tool(tool, self.top / "out.h", self.top / "out.c", *inputs)
        return ((self.top / "out.c").read_text() if done.returncode == 0 else None), done.stderr


class Queries(Folder):
    def query(self, text):
        return self.made("sqlgen.py", self.put("a.sql", text))

    def test_parameters_are_numbered_in_order_of_first_appearance(self):
        c, _ = self.query("-- name: a\nUPDATE t SET x = :x, y = :y WHERE x = :x;")
        self.assertIn('"UPDATE t SET x = ?1, y = ?2 WHERE x = ?1"', c)
        self.assertIn('"UPDATE t SET x = $1, y = $2 WHERE x = $1"', c)
        self.assertIn('params_a[] = {"x", "y"}', c)
        self.assertIn(".writes = true", c)

    def test_colons_in_strings_names_and_comments_are_no_parameters(self):
        c, _ = self.query("-- name: a -> b\nSELECT ':no' AS \"x:y\" -- :neither\n /* :nor */ FROM t WHERE a = :yes;")
        self.assertIn('params_a[] = {"yes"}', c)
        self.assertIn(".writes = false", c)
        self.assertIn('.shape = "b"', c)

    def test_a_quote_inside_a_string_does_not_end_it(self):
        c, _ = self.query("-- name: a\nSELECT 'it''s; :here' FROM t;")
        self.assertIn(".n_params = 0", c)

    def test_postgres_casts_are_refused_with_file_and_line(self):
        c, why = self.query("-- name: a\nSELECT x\n::int FROM t;")
        self.assertIsNone(c)
        self.assertIn("a.sql:3: '::'", why)

    def test_star_columns_are_refused_but_count_star_is_not(self):
        for text in ("SELECT * FROM t", "SELECT t.* FROM t", "SELECT a, * FROM t", "DELETE FROM t RETURNING *"):
            self.assertIn("a.sql:2: '*' for columns", self.query(f"-- name: a\n{text};")[1])
        self.assertIsNotNone(self.query("-- name: a\nSELECT count(*), 2 * x FROM t;")[0])

    def test_a_part_stands_in_each_query_that_names_it(self):
        c, _ = self.query("-- part: cols\nt.a,\n  t.b;\n-- name: a\nSELECT {{cols}} FROM t;\n-- name: b\nSELECT {{cols}}, :x FROM t;")
        self.assertIn('"SELECT t.a, t.b FROM t"', c)
        self.assertIn('"SELECT t.a, t.b, ?1 FROM t"', c)

    def test_a_part_used_before_it_is_told_or_told_twice_is_refused(self):
        self.assertIn("a.sql:2: part 'c'", self.query("-- name: a\nSELECT {{c}};\n-- part: c\n1;")[1])
        self.assertIn("a.sql:3: part 'c' is there", self.query("-- part: c\n1;\n-- part: c\n2;")[1])
        self.assertIn("unknown word '{{d}}'", self.query("-- part: c\n1;\n-- name: a\nSELECT {{d}};")[1])

    def test_an_engine_may_have_its_own_text_with_the_first_ones_order(self):
        c, _ = self.query("-- name: a @sqlite\nSELECT 1 WHERE :p = :q;\n-- name: a @postgres\nSELECT 2 WHERE :q = :p;")
        self.assertIn('"SELECT 1 WHERE ?1 = ?2"', c)
        self.assertIn('"SELECT 2 WHERE $2 = $1"', c)

    def test_one_engine_alone_is_refused(self):
        self.assertIn("no text for @postgres", self.query("-- name: a @sqlite\nSELECT 1;")[1])

    def test_different_parameters_of_the_two_texts_are_refused(self):
        text = "-- name: a @sqlite\nSELECT :p;\n-- name: a @postgres\nSELECT :q;"
        self.assertIn("a.sql:3: query 'a' must have", self.query(text)[1])

    def test_a_name_used_twice_is_refused(self):
        self.assertIn("is there already", self.query("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;")[1])

    def test_two_statements_under_one_name_are_refused(self):
        self.assertIn("a.sql:3: a statement without", self.query("-- name: a\nSELECT 1;\nSELECT 2;")[1])

    def test_a_missing_semicolon_is_told(self):
        self.assertIn("does not end with ';'", self.query("-- name: a\nSELECT 1")[1])

    def test_an_unclosed_string_is_told_with_its_line(self):
        self.assertIn("a.sql:2: a ' is opened", self.query("-- name: a\nSELECT 'x FROM t;")[1])

    def test_with_that_inserts_is_writing_and_with_that_selects_is_not(self):
        self.assertIn(".writes = true", self.query("-- name: a\nWITH n AS (SELECT 1 AS x) INSERT INTO t SELECT x FROM n;")[0])
        self.assertIn(".writes = false", self.query("-- name: a\nWITH n AS (SELECT 1 AS x) SELECT x FROM n;")[0])
        self.assertIn(".writes = true", self.query("-- name: a\nSELECT x FROM t FOR UPDATE;")[0])


class Migrations(Folder):
    def test_words_in_braces_differ_by_engine(self):
        c, _ = self.made("migrations.py", self.put("0001_a.sql", "CREATE TABLE t (id {{id}}, b {{blob}}){{strict}};"))
        self.assertIn('"CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB) STRICT"', c)
        self.assertIn('"CREATE TABLE t (id BIGINT PRIMARY KEY, b BYTEA)"', c)

    def test_an_unknown_word_in_braces_is_refused(self):
        self.assertIn("0001_a.sql:1: unknown word '{{uuid}}'",
                      self.made("migrations.py", self.put("0001_a.sql", "CREATE TABLE t (id {{uuid}});"))[1])

    def test_a_statement_may_be_for_one_engine(self):
        c, _ = self.made("migrations.py", self.put("0001_a.sql", "-- @postgres\nCREATE X;\nCREATE Y;\n-- @sqlite\nCREATE Z;"))
        lite, post = c.split("sqlite_1[]")[1].split("postgres_1[]")
        self.assertNotIn("CREATE X", lite)
        self.assertIn("CREATE Z", lite)
        self.assertIn("CREATE X", post)
        self.assertIn("CREATE Y", post.split("struct migration")[0])

    def test_a_triggers_body_stays_whole(self):
        c, _ = self.made("migrations.py", self.put("0001_a.sql", "CREATE TRIGGER r AFTER INSERT ON t BEGIN "
                         "UPDATE t SET x = CASE WHEN 1 THEN 2 ELSE 3 END; DELETE FROM u; END;\nCREATE TABLE v (x);"))
        self.assertIn("sqlite_1, 2, postgres_1, 2", c)

    def test_a_gap_in_the_numbers_is_refused(self):
        self.assertIn("the next migration is 0001", self.made("migrations.py", self.put("0002_a.sql", "CREATE X;"))[1])


class Messages(Folder):
    FIVE = '"en": "{0}", "ja": "{0}", "zh": "{0}", "kk": "{0}", "ru": "{0}"'

    def catalogue(self, text):
        return self.made("i18n.py", self.put("a.json", text))

    def test_upper_case_keys_are_for_c_and_dotted_ones_are_not(self):
        c, _ = self.catalogue('{"HELLO": {%s}, "call.hello": {%s}}' % ((self.FIVE.replace("{0}", "hi"),) * 2))
        self.assertIn('"HELLO"', c)
        self.assertNotIn("call.hello", c)
        self.assertIn("M_HELLO", (self.top / "out.h").read_text())

    def test_a_missing_language_stops_the_build(self):
        self.assertIn('HELLO: has no text in kk', self.catalogue('{"HELLO": {"en": "a", "ja": "a", "zh": "a", "ru": "a"}}')[1])

    def test_different_arguments_stop_the_build(self):
        five = self.FIVE.replace("{0}", "{name}").replace('"ru": "{name}"', '"ru": "{nom}"')
        self.assertIn("ru has the arguments ['nom'], en has ['name']", self.catalogue('{"HELLO": {%s}}' % five)[1])

    def test_a_key_used_twice_stops_the_build(self):
        five = self.FIVE.replace("{0}", "x")
        self.assertIn("twice", self.catalogue('{"HELLO": {%s}, "HELLO": {%s}}' % (five, five))[1])

    def test_arguments_are_read_as_icu_reads_them(self):
        self.assertEqual(i18n.arguments("'{no}' it''s {a} {n, plural, =0 {none} one {# of {b}} other {#}}"),
                         {"a": "text", "n": "number", "b": "text"})
        for bad in ("{", "}", "{a", "{n, plural, one {x}}", "{A}", "{}"):
            with self.assertRaises(i18n.Wrong, msg=bad):
                i18n.arguments(bad)


class WebFiles(Folder):
    def test_bytes_etag_and_smaller_gzip_are_kept_and_sorted_by_path(self):
        self.put("dist/z.css", "a{}" * 200)
        self.put("dist/index.html", "<p>?\"\\</p>")
        done = self.run_tool("embed.py", "out.h", "out.c", "dist", "dist/z.css", "dist/index.html")
        self.assertEqual(done.returncode, 0, done.stderr)
        c = (self.top / "out.c").read_text()
        self.assertLess(c.index('"/index.html"'), c.index('"/z.css"'))
        self.assertIn("gzip_1", c)
        self.assertNotIn("gzip_0", c)
        self.assertIn("const size_t web_files_n = 2;", c)

    def test_the_same_files_make_the_same_c(self):
        path = self.put("dist/a.js", "x" * 1000)
        self.run_tool("embed.py", "a.h", "a.c", "dist", path)
        self.run_tool("embed.py", "b.h", "b.c", "dist", path)
        self.assertEqual((self.top / "a.c").read_text(), (self.top / "b.c").read_text())

    def test_a_file_of_unknown_type_is_refused(self):
        self.assertIn("no type is known", self.run_tool("embed.py", "o.h", "o.c", "dist", self.put("dist/a.exe", "x")).stderr)


class Layers(Folder):
    ORDER = ["staff", "customer", "intake", "call"]

    def why(self, path, included):
        return layers.complaint(path, included, self.ORDER, lambda p: p == "rooms/call/call_inner.h")

    def test_arrows_point_down_only(self):
        self.assertIsNone(self.why("db/sqlite.c", "base/base.h"))
        self.assertIn("arrows point down only", self.why("base/text.c", "db/db.h"))
        self.assertIn("arrows point down only", self.why("net/http.c", "db/db.h"))
        self.assertIn("arrows point down only", self.why("rooms/call/call.c", "app/gate.h"))
        self.assertIsNone(self.why("app/main.c", "rooms/call/call.h"))

    def test_rooms_include_to_the_left_only_and_only_the_contract(self):
        self.assertIsNone(self.why("rooms/call/call.c", "rooms/customer/customer.h"))
        self.assertIn("to its right", self.why("rooms/customer/customer.c", "rooms/call/call.h"))
        self.assertIn("only the contract", self.why("rooms/call/call.c", "rooms/customer/names.h"))
        self.assertIn("only the contract", self.why("app/main.c", "rooms/customer/names.h"))

    def test_a_rooms_own_files_are_its_own(self):
        self.assertIsNone(self.why("rooms/call/call.c", "rooms/call/call_inner.h"))
        self.assertIsNone(self.why("rooms/call/call.c", "call_inner.h"))

    def test_rooms_and_floors_nobody_knows_are_refused(self):
        self.assertIn("not in the order", self.why("rooms/attic/attic.c", "base/base.h"))
        self.assertIn("not in the order", self.why("rooms/call/call.c", "rooms/attic/attic.h"))
        self.assertIn("lies on no floor", self.why("cellar/x.c", "base/base.h"))
        self.assertIn("neither a header", self.why("base/text.c", "somewhere.h"))

    def test_made_headers_are_for_the_floors_that_need_them(self):
        self.assertIsNone(self.why("base/text.c", "messages.h"))
        self.assertIn("may not see queries.h", self.why("base/text.c", "queries.h"))
        self.assertIsNone(self.why("rooms/call/call.c", "queries.h"))

    def test_the_program_names_file_and_line(self):
        self.put("docs/map.md", "text\n    rooms: staff call\n")
        self.put("src/base/a.c", '#include "base/a.h"\n#include "db/db.h"\n')
        self.put("src/base/a.h", "")
        self.put("src/db/db.h", "")
        done = self.run_tool("layers.py", self.top)
        self.assertEqual(done.returncode, 1)
        self.assertIn("src/base/a.c:2: base may not include db", done.stdout)
        self.assertTrue(done.stdout.endswith("2 passed, 1 failed\n"))


class Plans(unittest.TestCase):
    def scans(self, sql):
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x, y)")
        db.execute("CREATE INDEX t_x ON t (x)")
        return plans.scans(plans.plan(db, sql, sql.count("?")))

    def test_reading_a_whole_table_is_seen(self):
        self.assertEqual(self.scans("SELECT id FROM t WHERE y = ?1"), ["t"])
        self.assertEqual(self.scans("SELECT norm(y) FROM t"), ["t"])

    def test_reading_by_an_index_is_not(self):
        self.assertEqual(self.scans("SELECT y FROM t WHERE x = ?1"), [])
        self.assertEqual(self.scans("SELECT t.y FROM (SELECT id FROM t WHERE x = ?1 LIMIT 8) k JOIN t ON t.id = k.id"), [])
        self.assertEqual(self.scans("SELECT y FROM t WHERE id IN (SELECT value FROM json_each(?1))"), [])


class Nightly(unittest.TestCase):
    def test_a_parts_row_is_replaced_and_the_others_stay(self):
        page = nightly.with_row("# Figures\n", "| a | x | 1 | 0 | 0:00:01 | day |")
        page = nightly.with_row(page, "| b | y | 2 | 0 | 0:00:02 | day |")
        page = nightly.with_row(page, "| a | x | 0 | 9 | 0:00:03 | day |")
        self.assertEqual(page.count("| a |"), 1)
        self.assertIn("| a | x | 0 | 9 |", page)
        self.assertIn("| b | y | 2 |", page)
        self.assertTrue(page.startswith("# Figures\n"))


class Sources(Folder):
    def test_the_list_is_left_alone_when_nothing_changed(self):
        list_ = self.top / "list"
        self.run_tool("sources.py", "--write", list_)
        before = list_.stat().st_mtime_ns
        self.run_tool("sources.py", "--write", list_)
        self.assertEqual(before, list_.stat().st_mtime_ns)
        self.assertIn("migrations migrations/0001", list_.read_text())


class Evaluation(unittest.TestCase):
    def test_the_stories_are_sound_and_hold_every_class_and_signal(self):
        told = list(stories.told())
        expected = {k: {w for _, s in told for w in s["expect"].get(k, [])} for k in ("class", "fires")}

        self.assertEqual(len(told), 120)
        self.assertEqual(list(stories.faults(told)), [])
        self.assertEqual(set(stories.CLASSES) - expected["class"], set())
        self.assertEqual(set(stories.SIGNALS) - expected["fires"], set())

    def test_a_story_that_takes_anothers_number_is_a_fault(self):
        told = [(lang, {**s, "who": {**s["who"], "phone": "+447700900101"}}) for lang, s in stories.told()][:2]

        self.assertEqual(len(list(stories.faults(told))), 1)

    def test_the_bound_accuses_no_more_of_the_honest_than_is_allowed(self):
        good = [{"risk": r} for r in [0] * 990 + [40] * 5 + [60] * 5]

        self.assertEqual(planted.threshold(good, 0.005), 41)
        self.assertEqual(planted.threshold(good, 0.001), 61)
        self.assertEqual(planted.threshold(good, 0.01), 1)

    def test_one_seed_gives_one_population_of_the_share_asked(self):
        import datetime
        now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        one, same, other = (planted.World(seed, 1000, 0.01, now) for seed in (5, 5, 6))
        asked = lambda w: [e[3] for e in w.events]
        bad = sum(a["kind"] != "honest" for a in one.actors)

        self.assertEqual(asked(one), asked(same))
        self.assertNotEqual(asked(one), asked(other))
        self.assertAlmostEqual(bad / len(one.actors), 0.01, delta=0.001)


class Papers(unittest.TestCase):
    def test_every_test_that_the_page_on_security_names_is_there(self):
        top = HERE.parent
        words = "".join(p.read_text(encoding="utf-8") for folder in ("src", "test")
                        for p in sorted((top / folder).rglob("*test*")) if p.suffix in (".c", ".mjs")).replace("\\'", "'")
        page = (top / "docs/security.md").read_text(encoding="utf-8")
        table = page[page.index("## Attacks"):page.index("## ASVS")]
        named = [n for n in re.findall(r"`([^`]+)`", "".join(line.rsplit("|", 2)[1] for line in table.splitlines() if line.startswith("| ")))
                 if " " in n or n.count("_") > 2]
        self.assertGreater(len(named), 60)
        self.assertEqual([n for n in named if n not in words], [])


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=1, module="__main__").result
    bad = len(result.failures) + len(result.errors)
    sys.stderr.flush()
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
