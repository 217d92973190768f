/* base/ndjson.h - a text of lines, one JSON object each (NDJSON, "JSON lines").
 *
 * A line ends with LF or CR LF, the last one may go without; blank lines are passed over but
 * counted; a byte order mark at the very beginning is passed over. What a line holds is json_read's
 * business.
 */
#pragma once
#include "base/base.h"

struct ndjson {
    str rest;
    size_t number; /* of the line that ndjson_next gave last, from 1, blank ones counted */
};
struct ndjson ndjson_of(str text);
/* The next line with something in it; false: there is none. Nothing is copied. */
bool ndjson_next(struct ndjson *n, str *line);
/* How many lines have something in them; stops counting after `most` + 1. */
size_t ndjson_count(str text, size_t most);
