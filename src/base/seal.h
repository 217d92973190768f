/* base/seal.h - sealed bytes: nobody reads them without the key, and nobody changes one unseen.
 *
 * One cipher for all: AES-256-GCM under a key derived for each message from a nonce of 24 bytes (XAES-256-GCM,
 * c2sp.org/XAES-256-GCM), so that nonces may be drawn at random without end; where the processor has no AES,
 * XChaCha20-Poly1305. What is sealed by one is opened by both kinds of machine: the first byte says which.
 * Keys of 32 bytes are never used for two purposes: seal_derive makes one for each label (HKDF-SHA256, RFC 5869).
 */
#pragma once
#include "base/base.h"
#include <sys/types.h>

enum { SEAL_KEY = 32, SEAL_NONCE = 24, SEAL_TAG = 16 };

/* The numbers stand in files: never change one. They are the version of the format as well. */
enum seal_cipher { SEAL_AES = 1, SEAL_CHACHA = 2 };
enum seal_cipher seal_cipher_here(void); /* what this processor is quick at */
void seal_cipher_set(enum seal_cipher c); /* for tests: take this one from now on; 0: what is quick */

void hkdf_sha256(str key, str salt, str info, uint8_t *out, size_t n);
/* The key of one purpose. */
void seal_derive(const uint8_t key[static SEAL_KEY], const char *label, uint8_t out[static SEAL_KEY]);
/* So that the compiler does not leave it out. */
void seal_forget(void *p, size_t n);

/* ---- one message in memory ----------------------------------------------------------------- */
/* version, nonce, text, tag. `bound` is not in it but must be the same when it is opened: what it is, whose, where. */
enum { SEAL_MORE = 1 + SEAL_NONCE + SEAL_TAG };
str seal_bytes(struct arena *a, const uint8_t key[static SEAL_KEY], str bound, str plain);
/* False: another key, other bounds, or not one bit as it was. */
bool seal_open_bytes(struct arena *a, const uint8_t key[static SEAL_KEY], str bound, str sealed, str *plain) MUST_USE;

/* ---- many messages under one key: pages ------------------------------------------------------ */
/* Of one thread at a time. `in` and `out` may be the same; nonces are the caller's: never the same twice. */
struct aead;
struct aead *aead_open(enum seal_cipher c, const uint8_t key[static SEAL_KEY]); /* NULL: out of memory */
void aead_close(struct aead *a);                                               /* forgets the key; accepts NULL */
bool aead_seal(struct aead *a, const uint8_t nonce[static SEAL_NONCE], str bound, const uint8_t *in, size_t n,
               uint8_t *out, uint8_t tag[static SEAL_TAG]) MUST_USE;
/* False: `out` holds nothing of use. */
bool aead_unseal(struct aead *a, const uint8_t nonce[static SEAL_NONCE], str bound, const uint8_t *in, size_t n,
                 uint8_t *out, const uint8_t tag[static SEAL_TAG]) MUST_USE;
/* One block of 16 bytes under AES-256, both ways: the same block gives the same block. For short fields that must keep
 * their place and are never the same twice. */
void aead_block(struct aead *a, bool seals, uint8_t block[static 16]);
/* Nonces, 24 random bytes each, drawn in advance by the thread. */
void seal_nonce(uint8_t out[static SEAL_NONCE]);

/* ---- files and streams of any length ------------------------------------------------------------ */
/* Head of 32 bytes (version, kind, epoch of the key, 5 zeros, 24 random), then chunks of 64 KiB + 16; in each the head, its number and
 * whether it is the last are authenticated: chunks can not be changed, moved, left out, added or cut off unseen. Each
 * stream has a key of its own, derived from the random part. */
enum { SEAL_CHUNK = 65536, SEAL_HEAD = 32 };
/* What a stream is; a backup does not open as a blob. Numbers stand in files. */
enum seal_kind { SEAL_OF_BLOB = 1, SEAL_OF_BACKUP = 2, SEAL_OF_EXPORT = 3, SEAL_OF_LOG = 4, SEAL_OF_SPOOL = 5 };

struct seal_out;
/* epoch: of the ring's key (keyring.h), for the reader to find it; 0 when the key is kept elsewhere.
 * write: all n bytes, or false. NULL: out of memory, or the head was not written. */
struct seal_out *seal_out_open(const uint8_t key[static SEAL_KEY], uint8_t epoch, enum seal_kind kind,
                               bool (*write)(void *owner, const void *p, size_t n), void *owner);
bool seal_out_add(struct seal_out *s, const void *p, size_t n) MUST_USE; /* false: write failed, now or before */
bool seal_out_end(struct seal_out *s) MUST_USE; /* the last chunk; without it a reader says that the end is missing */
void seal_out_close(struct seal_out *s);        /* accepts NULL; does not end */
/* How long n bytes become. */
static inline uint64_t seal_size(uint64_t n)
{
    return SEAL_HEAD + n + (n ? (n + SEAL_CHUNK - 1) / SEAL_CHUNK : 1) * SEAL_TAG;
}

enum seal_state {
    SEAL_GOOD,
    SEAL_END,     /* all was read, and all was as it was */
    SEAL_UNKNOWN, /* no stream of this kind, or of a later version */
    SEAL_DAMAGED, /* a chunk is not as it was, or the key is another one */
    SEAL_CUT,     /* the end is missing */
    SEAL_UNREAD   /* read failed; errno */
};
struct seal_in;
/* read: up to n bytes; 0 at the end, -1 on failure. */
struct seal_in *seal_in_open(enum seal_kind kind, ssize_t (*read)(void *owner, void *p, size_t n), void *owner);
/* Once, before all: reads the head and says under which epoch it was sealed. */
enum seal_state seal_in_head(struct seal_in *s, uint8_t *epoch) MUST_USE;
/* Then the key. */
void seal_in_key(struct seal_in *s, const uint8_t key[static SEAL_KEY]);
/* The next chunk, which lives until the next call; SEAL_END comes with no bytes. Nothing unauthenticated is ever
 * handed out. */
enum seal_state seal_in_next(struct seal_in *s, str *chunk) MUST_USE;
/* Any chunk, for whoever has the sealed bytes at hand and knows which is the last: instead of seal_in_next. False: it is not
 * as it was. The chunk lives until the next call. */
bool seal_in_at(struct seal_in *s, uint64_t number, bool is_last, const uint8_t *sealed, size_t n, str *chunk) MUST_USE;
uint64_t seal_in_chunk(const struct seal_in *s); /* how many were good: the number, from 0, of the one that is not */
void seal_in_close(struct seal_in *s);           /* accepts NULL */
