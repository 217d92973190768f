#!/usr/bin/python3
"""Puts the built interface (web/dist) into C: path, type, ETag by content, bytes, and gzip bytes
where they are smaller."""
import gzip
import hashlib
import os
import sys

from sqltext import c_escape, write_if_changed

TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon",
    ".woff2": "font/woff2", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
    ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/wav", ".webp": "image/webp",
}
HEAD = """/* Made by tools/embed.py from web/dist. */
#pragma once
#include <stddef.h>

struct web_file {
    const char *path; /* "/index.html" */
    const char *mime;
    const char *etag;  /* with its quotes; changes with the content */
    const char *bytes;
    size_t size;
    const char *gzip; /* NULL when not smaller */
    size_t gzip_size;
};
extern const struct web_file web_files[]; /* sorted by path, byte order */
extern const size_t web_files_n;
"""


def literal(data):
    return "".join(f'\n    "{c_escape(data[at:at + 400])}"' for at in range(0, len(data), 400)) or ' ""'


def main():
    out_h, out_c, top, paths = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    c, rows = ["/* Made by tools/embed.py from web/dist. */", '#include "web_files.h"'], []
    named = sorted(("/" + os.path.relpath(p, top).replace(os.sep, "/"), p) for p in paths)
    for i, (path, file) in enumerate(named):
        end = os.path.splitext(path)[1]
        if end not in TYPES:
            sys.exit(f"{os.path.relpath(file)}: no type is known for '{end}' files; add it to tools/embed.py")
        with open(file, "rb") as f:
            data = f.read()
        small = gzip.compress(data, 9, mtime=0)
        c.append(f"static const char bytes_{i}[] ={literal(data)};")
        is_smaller = len(small) + 64 < len(data)
        if is_smaller:
            c.append(f"static const char gzip_{i}[] ={literal(small)};")
        etag = hashlib.sha256(data).hexdigest()[:20]
        rows.append(f'    {{"{path}", "{TYPES[end]}", "\\"{etag}\\"", bytes_{i}, {len(data)}, '
                    + (f"gzip_{i}, {len(small)}}}," if is_smaller else "0, 0},"))
    c.append("const struct web_file web_files[] = {\n" + "\n".join(rows or ['    {"", "", "", "", 0, 0, 0},']) + "\n};")
    c.append(f"const size_t web_files_n = {len(rows)};")
    write_if_changed(out_h, HEAD)
    write_if_changed(out_c, "\n".join(c) + "\n")


main()
