/* db/keyring.h - the keys of one installation.
 *
 * A random data key of 32 bytes for each epoch; the first byte of each page's nonce, and a byte in the head of each sealed
 * file, is the epoch. One epoch writes, all of the ring read; `kith key rotate` begins a new one and drops the old one
 * when nothing is sealed under it any more.
 * DIR/kith.keys holds each data key twice: wrapped by the primary key (a key file, a systemd credential, the environment,
 * a pass phrase by Argon2id) and sealed to the recovery key, which only exists on paper. Nothing in it is readable without
 * one of the two; the same bytes stand at the head of each backup and export.
 * Nobody uses a data key directly: keyring_derive gives one for a label: "page", "wal", "blob", "backup", "audit". Whoever
 * keeps something sealed under a derived key keeps the epoch beside it (seal_out_open puts it into the stream's head).
 * Secrets are locked into memory and kept out of core dumps; all calls may come from any thread.
 */
#pragma once
#include "base/seal.h"

enum { KEYRING_FILE_MAX = 16384, KEY_EPOCHS_MAX = 16 };

/* ---- where the primary key comes from ---------------------------------------------------------- */

struct key_source {
    enum key_kind { KEY_NONE, KEY_BYTES, KEY_PHRASE } kind;
    uint8_t key[SEAL_KEY]; /* KEY_BYTES */
    str phrase;            /* KEY_PHRASE; in arena */
    str place;             /* for people: "/etc/kith/kith.key" */
    bool is_made;          /* just now, with a new key */
};
/* In this order: `key_file` (--key-file) or KITH_KEY_FILE; $CREDENTIALS_DIRECTORY/kith.key; KITH_KEY; KITH_PASS_PHRASE_FILE
 * or, when `wanted` is KEY_PHRASE and a person sits there, asked on the terminal; DIR.key beside the directory. A file that
 * is not there is made when may_make (0600, never over another). wanted: KEY_NONE takes what there is. */
enum err key_find(struct cx *cx, str dir, str key_file, enum key_kind wanted, bool may_make,
                  struct key_source *out) MUST_USE;
/* A key as people write it: 64 hexadecimal digits or base64 of 32 bytes, behind lines that begin with '#'; or 32 bytes. */
bool key_read(str text, uint8_t out[static SEAL_KEY]) MUST_USE;
/* Makes a file with a new key: 0600, on the disk with its directory; never over another one. */
enum err key_file_make(struct cx *cx, const char *path, uint8_t out[static SEAL_KEY]) MUST_USE;
void key_source_forget(struct key_source *k);

/* ---- the ring ------------------------------------------------------------------------------------ */

struct keyring;
/* A ring of one epoch. *recovery is the recovery key as it is printed once, in arena; it is kept nowhere. */
enum err keyring_make(struct cx *cx, const struct key_source *k, struct keyring **out, str *recovery) MUST_USE;
/* From the bytes of a kith.keys; `place` is named when they are damaged, of a later version, or belong to another key. */
enum err keyring_open(struct cx *cx, str bytes, str place, const struct key_source *k, struct keyring **out) MUST_USE;
/* By the recovery key as a person typed it: case, blanks and hyphens do not matter, O is 0, I and L are 1. Such a ring has
 * no primary key until keyring_change. */
enum err keyring_open_recovery(struct cx *cx, str bytes, str place, str typed, struct keyring **out) MUST_USE;
/* What kind of primary key these bytes want. */
enum err keyring_kind(struct cx *cx, str bytes, str place, enum key_kind *out) MUST_USE;
void keyring_close(struct keyring *r); /* forgets the keys; accepts NULL */

str keyring_bytes(const struct keyring *r, struct arena *a);
/* DIR/kith.keys: all of it or nothing (a temporary file, fsync, rename, fsync of the directory). */
enum err keyring_save(struct cx *cx, const struct keyring *r, const char *dir) MUST_USE;
/* *bytes is empty when there is no such file. */
enum err keyring_file(struct cx *cx, const char *dir, str *bytes) MUST_USE;

str keyring_id(const struct keyring *r, struct arena *a); /* of the installation, in hexadecimal: the same through every change */
uint8_t keyring_epoch(const struct keyring *r); /* that writes; never 0 */
bool keyring_has(const struct keyring *r, uint8_t epoch);
size_t keyring_epochs(const struct keyring *r, uint8_t out[static KEY_EPOCHS_MAX]); /* ascending by age; the last writes */
enum seal_cipher keyring_cipher(const struct keyring *r, uint8_t epoch);
/* False: the ring has no such epoch, and what was sealed under it can not be opened. */
bool keyring_derive(const struct keyring *r, uint8_t epoch, const char *label, uint8_t out[static SEAL_KEY]) MUST_USE;

/* One message under the writing epoch's key of a label; the epoch stands before it. For keys of blobs, values of the
 * audit, and other short secrets kept in rows. */
str keyring_seal(const struct keyring *r, struct arena *a, const char *label, str bound, str plain);
bool keyring_unseal(const struct keyring *r, struct arena *a, const char *label, str bound, str sealed, str *plain) MUST_USE;
static inline uint8_t keyring_epoch_of(str sealed)
{
    return sealed.len ? (uint8_t)sealed.ptr[0] : 0;
}

/* ---- changing it: in memory; keyring_save makes it last -------------------------------------------- */

/* A new data key, which writes from now on; it is in `dir`/kith.keys before anybody can use it (NULL: in memory only).
 * ERR_CONFLICT: an earlier rotation has not come to its end. */
enum err keyring_add(struct cx *cx, struct keyring *r, const char *dir) MUST_USE;
void keyring_drop(struct keyring *r, uint8_t epoch); /* not the one that writes */
enum err keyring_change(struct cx *cx, struct keyring *r, const struct key_source *k) MUST_USE; /* another primary key */
enum err keyring_renew_recovery(struct cx *cx, struct keyring *r, str *recovery) MUST_USE; /* the old one opens no more */
