/* db/vault.h - an SQLite file system that seals what it writes.
 *
 * kith.db     pages of 4 KiB (8 KiB in a store that an earlier version made; a store keeps its own), each with 40 bytes at
 *             its end that SQLite leaves to us: a nonce of 24, whose first byte is the epoch of the key, and a tag of 16.
 *             The page number is bound to it. Page 1 begins with sixteen bytes of ours, the first of them the version of
 *             this format (1: pages of 8 KiB, 2: of 4 KiB); its bytes 16 to 99 (sizes and counters) are readable, and
 *             authenticated.
 * kith.db-wal a frame's page likewise, bound to its place in the log; of a frame's head the checks and salts are
 *             enciphered as one block, for the checks are made of plain text. Page numbers and commit marks are readable.
 * journals    pages likewise.
 * Everything else that SQLite would write outside (temporary files, journals of several databases) is refused: it holds
 * them in memory. Nothing is mapped into memory.
 * A page that is not as it was written is never handed out: SQLite gets an I/O error, and vault_damage tells which.
 */
#pragma once
#include "db/keyring.h"

/* A new store has pages of VAULT_PAGE bytes, an older one of VAULT_PAGE_MOST. */
enum { VAULT_PAGE = 4096, VAULT_PAGE_MOST = 8192, VAULT_RESERVED = SEAL_NONCE + SEAL_TAG };
/* How long the pages of a kith.db are, by its first bytes; of one that has none yet, how long they will be. Before SQLite has
 * it open, whose locks would go when it is closed here. */
size_t vault_page_of(const char *path);

/* What SQLite is told once, before anything of it is used; again, nothing happens. */
void sqlite_ready(void);

struct vault;
/* The ring is lent. Its file system stands below SQLite's default one, which may be a faulty one of tests. With a cache
 * (db/page_cache.h), which all connections share, it serves one store and no other process may write into that; 0: none. */
struct vault *vault_open(const struct keyring *ring, size_t page, size_t cache_bytes); /* NULL: out of memory */
void vault_close(struct vault *v);              /* after the last connection; accepts NULL */
const char *vault_name(const struct vault *v);  /* for sqlite3_open_v2 */
size_t vault_page(const struct vault *v);         /* of its store, in bytes */
size_t vault_cache_bytes(const struct vault *v); /* of memory that the cache holds; accepts NULL */
void vault_forget(struct vault *v);             /* what the cache holds, so that files are read again */

/* What this thread was refused last, and forgets it: false when nothing. */
struct vault_damage {
    char file[32]; /* "kith.db-wal" */
    int64_t page;  /* of kith.db, from 1; 0: not known */
    int64_t offset;
};
bool vault_damage(struct vault_damage *out);

/* What a file is by its first bytes. */
enum vault_look { VAULT_NOTHING, VAULT_SEALED, VAULT_PLAIN, VAULT_OTHER, VAULT_LATER };
enum vault_look vault_look(const char *path); /* NOTHING: not there, or empty */

/* ---- raw pages: for rotation, conversion, backups -------------------------------------------------- */
/* Seals pages and opens them, of one thread at a time. */
struct vault_hand;
struct vault_hand *vault_hand_open(const struct keyring *ring, size_t page); /* NULL: out of memory */
void vault_hand_close(struct vault_hand *h);
/* A page of kith.db in place. */
bool vault_seal_page(struct vault_hand *h, uint8_t epoch, int64_t page, uint8_t *bytes) MUST_USE;
/* False: not as it was written, or of no epoch of the ring. */
bool vault_open_page(struct vault_hand *h, int64_t page, uint8_t *bytes) MUST_USE;
/* A whole frame of the log, head and page, at its offset. */
enum { VAULT_FRAME_HEAD = 24, VAULT_LOG_HEAD = 32 };
bool vault_open_frame(struct vault_hand *h, int64_t offset, uint8_t *bytes) MUST_USE;

/* ---- rotation ---------------------------------------------------------------------------------------- */
/* New pages are sealed under the ring's writing epoch from now on. By the thread that writes, outside of a transaction:
 * the frames of one transaction are of one epoch. */
void vault_epoch_take(struct vault *v);
void vault_epochs_changed(struct vault *v); /* after one was dropped: derived keys are forgotten */
bool vault_log_is_new(const struct vault *v); /* the log was begun anew under the epoch that writes */

/* Seals the next pages of `dir`/kith.db that are of an older epoch anew, where they stand: first into DIR/kith.db-pages,
 * to the disk, then in place, to the disk, and the former away, so that a power failure harms none. Nobody else writes
 * into kith.db meanwhile. *page: where to go on, from 1; past *pages: all done. */
enum err vault_rotate_slice(struct cx *cx, struct vault *v, const char *dir, int64_t *page, int64_t *pages) MUST_USE;
/* What a slice left that was killed: before the store is opened. */
enum err vault_rotate_mend(struct cx *cx, const struct keyring *ring, const char *dir) MUST_USE;

/* A store of before the vault: kith.db is sealed into a copy which then takes its place. Killed at any moment, the next
 * start begins again. `tell` hears of the progress, may be NULL. */
enum err vault_convert(struct cx *cx, const struct keyring *ring, const char *dir,
                       void (*tell)(int64_t done, int64_t all)) MUST_USE;
