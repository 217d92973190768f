/* rooms/import/export.h - customers and orders as a file, page by page, each page its own snapshot.
 *
 * CSV: UTF-8 with a byte order mark, RFC 4180, a header with the names that an import knows; several
 * values of a cell are parted by "; ". A cell that a spreadsheet would run as a formula (it begins
 * with = + - @ tab or CR) gets an apostrophe in front; an import takes it off again. NDJSON: an
 * object a line.
 */
#pragma once
#include "expr/expr.h"
#include "rooms/order/order.h"

enum export_what { EXPORT_CUSTOMERS, EXPORT_ORDERS };
enum export_format { EXPORT_CSV, EXPORT_NDJSON };
extern const char *const export_format_codes[2];
enum { MAY_EXPORT = MAY_LEAD | MAY(ROLE_PRIVACY) };

struct export_in {
    int format;
    str where; /* a condition on customers; empty: all */
};
extern const struct shape export_in_shape;
struct export_run;
/* Refuses a condition that cannot be read, with its place. cx (a reader) must live as long. */
enum err export_open(struct cx *cx, int what, const struct export_in *in, struct export_run **out)
    MUST_USE;
/* Adds the next page; the header stands before the first. Before it can leave, the store has noted whose records are in it; with
 * the first page, that there is an export at all. */
enum err export_page(struct export_run *r, struct store *s, struct text *to, bool *finished) MUST_USE;
void export_close(struct export_run *r); /* accepts NULL */
