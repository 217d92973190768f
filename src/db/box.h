/* db/box.h - the file of a backup or of an export: a head that anybody may read, then sealed pieces.
 *
 *   0  "KITHKEEP"
 *   8  version, 1
 *   9  kind: 'P' pages of an SQLite store, 'R' rows of any store
 *  10  epoch of the key, 0
 *  12  length of the ring, 4 bytes, the least first
 *  16  16 random bytes
 *  32  the ring: the bytes of kith.keys (keyring.h), so that the key file or the recovery key opens it
 *      then each piece: its length, 4 bytes; sealed under the ring's "backup" key, bound to all of the head and to its number
 *
 * A sealed piece is a letter and what it holds. So no piece can be read, changed, moved, left out or put into another file
 * unseen; one 'Z' ends a file that has an end, and a file that is followed (backup.h) has none while it grows.
 */
#pragma once
#include "db/keyring.h"

enum { BOX_PIECE_MAX = 2 << 20, BOX_HEAD = 32, BOX_END = 'Z' };
enum box_kind { BOX_PAGES = 'P', BOX_ROWS = 'R' };

struct box_out;
/* Writes the head. `write` takes all n bytes or answers false, with errno. */
enum err box_out_open(struct cx *cx, const struct keyring *ring, enum box_kind kind,
                      bool (*write)(void *arg, const void *p, size_t n), void *arg, struct box_out **out) MUST_USE;
/* One piece: `head` then `body`, which together are at most BOX_PIECE_MAX. */
enum err box_out_add(struct cx *cx, struct box_out *o, char letter, str head, str body) MUST_USE;
int64_t box_out_bytes(const struct box_out *o); /* written so far */
void box_out_close(struct box_out *o);          /* accepts NULL */

struct box_in;
/* Reads the head; `name` is for people. read: up to n bytes, 0 at the end, -1 with errno. */
enum err box_in_open(struct cx *cx, str name, ssize_t (*read)(void *arg, void *p, size_t n), void *arg,
                     struct box_in **out) MUST_USE;
enum box_kind box_in_kind(const struct box_in *b);
str box_in_ring(const struct box_in *b); /* the bytes of the ring; live as long as b */
/* The key, before the first piece. */
enum err box_in_key(struct cx *cx, struct box_in *b, const struct keyring *ring) MUST_USE;
/* The next piece, which lives until the next call; *letter 0: the file ends here, after a whole piece. A piece that is cut
 * off is ERR_INVALID as one that is not as it was written; *is_cut tells. */
enum err box_in_next(struct cx *cx, struct box_in *b, char *letter, str *body, bool *is_cut) MUST_USE;
int64_t box_in_bytes(const struct box_in *b); /* read so far, whole pieces */
/* To the first piece, after the reader's owner has gone back to byte box_in_start. */
int64_t box_in_start(const struct box_in *b);
void box_in_again(struct box_in *b);
void box_in_close(struct box_in *b); /* accepts NULL */
/* A fault that says the file is damaged where it stands. */
enum err box_damaged(struct cx *cx, const struct box_in *b);
