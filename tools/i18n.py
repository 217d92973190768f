#!/usr/bin/python3
"""Turns i18n/<part>.json into messages.h and messages.c, and checks the catalogues.

  { "PHONE_COUNTRY": {"en": "…", "ja": "…", "zh": "…", "kk": "…", "ru": "…"}, … }

UPPER_CASE keys are for C (M_PHONE_COUNTRY); lower.case.with.dots are for the interface only. Every key
has all five languages, each with the same named arguments (ICU MessageFormat); else nothing is built."""
import json
import os
import re
import sys

from sqltext import c_string, write_if_changed

LANGS = ("en", "ja", "zh", "kk", "ru")  # the order of enum lang
ARGS_MAX = 4  # MSG_ARGS_MAX of base/base.h


class Wrong(Exception):
    pass


def arguments(text):
    """{name: type} of the arguments of a MessageFormat text; raises Wrong when it is not one."""
    found = {}

    def message(at, depth):
        """Reads message text up to its closing brace (depth > 0) or the end."""
        while at < len(text):
            c = text[at]
            if c == "'":
                at = quoted(at)
            elif c == "{":
                at = argument(at + 1, depth)
            elif c == "}":
                if depth == 0:
                    raise Wrong("a '}' that nothing opened")
                return at
            else:
                at += 1
        if depth:
            raise Wrong("a '{' is never closed")
        return at

    def quoted(at):
        if text[at + 1:at + 2] == "'":
            return at + 2
        if text[at + 1:at + 2] in ("{", "}"):  # '{…}' stands for itself
            end = text.find("'", at + 1)
            return len(text) if end < 0 else end + 1
        return at + 1

    def argument(at, depth):
        m = re.compile(r"\s*([a-z][a-z0-9_]*)\s*").match(text, at)
        if not m:
            raise Wrong("an argument is written {name} or {name, plural, …}")
        name, at, kind = m[1], m.end(), "text"
        if text[at:at + 1] == ",":
            m = re.compile(r",\s*(plural|select|selectordinal|number|date|time)\s*").match(text, at)
            if not m:
                raise Wrong(f"argument '{name}' has an unknown type")
            kind, at = m[1], m.end()
            if kind in ("plural", "select", "selectordinal"):
                if text[at:at + 1] != ",":
                    raise Wrong(f"{kind} of '{name}' has no cases")
                at, cases = at + 1, set()
                while True:
                    m = re.compile(r"\s*(=\d+|[A-Za-z_]\w*)\s*\{").match(text, at)
                    if not m:
                        break
                    cases.add(m[1])
                    at = message(m.end(), depth + 1) + 1
                if "other" not in cases:
                    raise Wrong(f"{kind} of '{name}' needs the case 'other'")
                at = re.compile(r"\s*").match(text, at).end()
            elif text[at:at + 1] == ",":
                at = text.find("}", at)
        if text[at:at + 1] != "}":
            raise Wrong(f"argument '{name}' is not closed")
        # plural in one language and a plain number in another (no plural forms) is fine
        found[name] = "number" if kind in ("plural", "selectordinal", "number") else kind
        return at + 1

    message(0, 0)
    return found


def no_doubles(pairs):
    keys = [k for k, _ in pairs]
    for k in keys:
        if keys.count(k) > 1:
            raise Wrong(f"key '{k}' is there twice")
    return dict(pairs)


def load(paths):
    """{key: {lang: text}} of all files; complains about everything at once."""
    wrong, all_, home = [], {}, {}
    for path in sorted(paths):
        shown = os.path.relpath(path)
        try:
            with open(path, encoding="utf-8") as f:
                part = json.load(f, object_pairs_hook=no_doubles)
        except (ValueError, Wrong) as e:
            wrong.append(f"{shown}: {e}")
            continue
        for key, texts in part.items():
            where = f"{shown}: {key}"
            if not re.fullmatch(r"[A-Z][A-Z0-9_]*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)+", key):
                wrong.append(f"{where}: a key is UPPER_CASE (for C) or lower.case.with.dots (for the interface)")
                continue
            if key in all_:
                wrong.append(f"{where}: is in {home[key]} already")
                continue
            if not isinstance(texts, dict) or not all(isinstance(t, str) for t in texts.values()):
                wrong.append(f"{where}: wants one text for each of {', '.join(LANGS)}")
                continue
            all_[key], home[key] = texts, shown
            lacking = [l for l in LANGS if not texts.get(l, "").strip()]
            if lacking:
                wrong.append(f"{where}: has no text in {', '.join(lacking)}")
            strange = [l for l in texts if l not in LANGS]
            if strange:
                wrong.append(f"{where}: unknown language {', '.join(strange)}")
            args = {}
            for lang in LANGS:
                try:
                    args[lang] = arguments(texts.get(lang, ""))
                except Wrong as e:
                    wrong.append(f"{where}: {lang}: {e}")
            if len(args) == len(LANGS) and not lacking:
                for lang in LANGS[1:]:
                    if set(args[lang]) != set(args["en"]):
                        wrong.append(f"{where}: {lang} has the arguments {sorted(args[lang])}, en has {sorted(args['en'])}")
                if key[0].isupper() and len(args["en"]) > ARGS_MAX:
                    wrong.append(f"{where}: {len(args['en'])} arguments; a message of C takes {ARGS_MAX}")
    return all_, wrong


def main():
    out_h, out_c, paths = sys.argv[1], sys.argv[2], sys.argv[3:]
    all_, wrong = load(paths)
    if wrong:
        sys.exit("\n".join(wrong))
    keys = sorted(k for k in all_ if k[0].isupper())
    h = ["/* Made by tools/i18n.py from i18n/. */", "#pragma once", "",
         "enum msg {", "    M_NONE,"]
    for k in keys:
        h.append(f"    M_{k}, /* {all_[k]['en'].replace('*/', '* /').replace('/*', '/ *').splitlines()[0]} */")
    h += ["    M_N", "};",
          "/* By enum msg: the stable name, and the ICU MessageFormat text in each language (enum lang). */",
          "extern const char *const msg_names[M_N];",
          f"extern const char *const msg_patterns[{len(LANGS)}][M_N];"]
    c = ["/* Made by tools/i18n.py from i18n/. */", '#include "messages.h"',
         "const char *const msg_names[M_N] = {", '    "",'] + [f'    "{k}",' for k in keys] + ["};",
         f"const char *const msg_patterns[{len(LANGS)}][M_N] = {{"]
    for lang in LANGS:
        c.append("    {")
        c.append('        "",')
        c += [f"        {c_string(all_[k][lang])}," for k in keys]
        c.append("    },")
    c.append("};")
    write_if_changed(out_h, "\n".join(h) + "\n")
    write_if_changed(out_c, "\n".join(c) + "\n")


if __name__ == "__main__":
    main()
