/* db/blob.h - files that belong to rows, sealed each with a key of its own.
 *
 * The key is random and stands wrapped in the table `blob`; the file, or its pieces in a table, can be read by nobody
 * without it, and deleting it is erasing the file. A sealed file is a stream of seal.h; it is read in any order.
 */
#pragma once
#include "base/seal.h"
#include "db/db.h"

struct blob_key {
    uint8_t key[SEAL_KEY];
};
/* A new key for `id` of a kind ('import'), whose row is committed when this returns: before a byte is written under it. */
enum err blob_make(struct store *s, struct cx *cx, const char *kind, int64_t id, struct blob_key *out) MUST_USE;
/* ERR_NOT_FOUND without a word: it was erased, or is a file of before there were keys. */
enum err blob_key_of(struct cx *cx, int64_t id, struct blob_key *out) MUST_USE;
enum err blob_forget(struct cx *cx, int64_t id) MUST_USE; /* inside a change */
/* For the rotation of the ring (key_part). */
enum err blob_rewrap_slice(struct cx *cx, int64_t *after, bool *is_finished) MUST_USE;

/* Writing: into fd, which stays the caller's. False: errno. */
struct blob_out;
struct blob_out *blob_out_open(const struct blob_key *k, int fd); /* NULL: errno */
bool blob_out_add(struct blob_out *b, str bytes) MUST_USE;
bool blob_out_end(struct blob_out *b) MUST_USE; /* all of it, on the disk; its directory is the caller's */
void blob_out_close(struct blob_out *b);        /* accepts NULL */

/* Reading, of one thread at a time. */
struct blob_in;
bool blob_looks_sealed(int fd);
struct blob_in *blob_in_open(const struct blob_key *k, int fd); /* takes fd; NULL: no memory, or it is no sealed file */
int64_t blob_in_size(const struct blob_in *b);                  /* of the text */
ssize_t blob_in_read(struct blob_in *b, int64_t at, char *to, size_t n); /* -1: failed, or damaged */
void blob_in_close(struct blob_in *b);                                  /* accepts NULL */
