#!/usr/bin/python3
"""After meson has written build.ninja: make ninja list the source files before each build and
configure again when a file came or went (meson itself has no glob that is looked at again)."""
import os
import subprocess
from pathlib import Path

source, build = Path(os.environ["MESON_SOURCE_ROOT"]), Path(os.environ["MESON_BUILD_ROOT"])
lister = source / "tools/sources.py"
# Listed anew, so that build.ninja (written a moment ago) is the younger file.
subprocess.run(["/usr/bin/python3", lister, "--write", build / "sources.list"], check=True)

ninja = build / "build.ninja"
text = ninja.read_text()
rule = "build build.ninja: REGENERATE_BUILD "
assert text.count(rule) == 1, "meson writes build.ninja in another form now; mend tools/postconf.py"
text = text.replace(rule, rule + "sources.list ") + f"""
# Added by tools/postconf.py.
rule LIST_SOURCES
 command = /usr/bin/python3 {lister} --write $out
 description = Looking for new files
 restat = 1

build sources.list.always: phony

build sources.list: LIST_SOURCES sources.list.always
"""
ninja.write_text(text)
