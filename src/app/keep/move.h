/* app/keep/move.h - a whole installation as rows, from any store into any empty one.
 *
 * A file of box.h of kind 'R'. Its pieces ('Z' see box.h; numbers the least byte first):
 *   'v' how many migrations 4, the SHA-256 of each one's file in hex 64; greatest id that may be in use 8, time in ms 8
 *   't' a table: length 4 and name; how many columns 4, each: type 1 (0 number, 1 text, 2 bytes, 3 real), length 4, name
 *   'r' rows of that table: how many 4; each column: 0 nothing; 1 number 8; 2 real 8; 3 text, 4 bytes: length 4, itself
 *   'i' a piece of an import's file: its id 8, offset 8, bytes
 *   'Z' rows 8, digest 32
 * Tables come by name, columns by name, rows by key. The digest runs over all 't', 'r' and 'i': two stores with the same
 * records have the same, whatever engine they are on. Left out: what belongs to one process or one place (nodes, leases,
 * the numbers of PostgreSQL's transactions, grams of the search, whether sending is held), which the import makes anew.
 */
#pragma once
#include "app/keep/check.h"
#include "db/box.h"
#include "db/db.h"

struct move_figures {
    int64_t rows, bytes;
    uint8_t digest[32];
    struct arena *keep; /* move_in: to be closed after the store; its statements point into it */
};
/* cx->db: a snapshot of all of it, or a store that nobody else has. data_dir: where files of imports lie. */
enum err move_out(struct store *s, struct cx *cx, const struct keyring *ring, str data_dir,
                  bool (*write)(void *arg, const void *p, size_t n), void *arg,
                  bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total), void *teller,
                  struct move_figures *out) MUST_USE;
/* Into a store that was just made and has nobody else; `b` has its key. cx->db reads from it. */
enum err move_in(struct store *s, struct cx *cx, struct box_in *b, str name, str data_dir,
                 bool (*goes_on)(void *arg, const char *part, int64_t done, int64_t total), void *teller,
                 struct move_figures *out) MUST_USE;
