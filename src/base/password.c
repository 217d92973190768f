/* base/password.c - Argon2id by libsodium. */
#include "base/password.h"
#include <pthread.h>
#include <sodium.h>

enum { PASSES = 2, MEMORY_BYTES = 64 << 20 };

/* Compared against when there is no such person, so that the answer takes as long. */
static char nobody[crypto_pwhash_STRBYTES];
static pthread_once_t nobody_once = PTHREAD_ONCE_INIT;

static void make_nobody(void)
{
    uint8_t random[32];
    if (sodium_init() < 0)
        abort();
    randombytes_buf(random, sizeof random);
    if (crypto_pwhash_str(nobody, (const char *)random, sizeof random, PASSES, MEMORY_BYTES) != 0)
        nobody[0] = 0;
}

enum err password_hash(struct cx *cx, str password, str *out)
{
    char encoded[crypto_pwhash_STRBYTES];
    if (sodium_init() < 0 ||
        crypto_pwhash_str(encoded, password.ptr, password.len, PASSES, MEMORY_BYTES) != 0) {
        cx->why = (struct fault){.err = ERR_BUSY, .retry_after_s = 2};
        return ERR_BUSY;
    }
    *out = arena_str(cx->arena, str_of(encoded));
    return OK;
}

bool password_is(str encoded, str password)
{
    char z[crypto_pwhash_STRBYTES] = {0};
    pthread_once(&nobody_once, make_nobody);
    bool is_somebody = encoded.len > 0 && encoded.len < sizeof z;
    if (is_somebody)
        memcpy(z, encoded.ptr, encoded.len);
    bool is_right =
        crypto_pwhash_str_verify(is_somebody ? z : nobody, password.ptr, password.len) == 0;
    return is_right && is_somebody;
}
