/* base/secret.c - randomness, hashes and sealed cursors: the only file of base that knows libsodium
 * and OpenSSL. */
#include "base/inside.h"
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_md;

static void start(void)
{
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sodium_init() < 0 || !sha256_md) {
        log_line(LOG_ERROR, "crypto.missing", "libsodium or OpenSSL did not start");
        abort();
    }
}

void base_sodium(void)
{
    pthread_once(&sodium_once, start);
}

void random_bytes(void *out, size_t n)
{
    base_sodium();
    randombytes_buf(out, n);
}

static str base64url(struct arena *a, const uint8_t *bytes, size_t n)
{
    size_t cap = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *p = arena_alloc(a, cap, 1);
    sodium_bin2base64(p, cap, bytes, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return (str){p, cap - 1};
}

str random_token(struct arena *a, size_t n)
{
    uint8_t *bytes = arena_alloc(a, n, 1);
    random_bytes(bytes, n);
    str token = base64url(a, bytes, n);
    sodium_memzero(bytes, n);
    return token;
}

void sha256(str data, uint8_t out[32])
{
    base_sodium();
    if (EVP_Digest(data.ptr, data.len, out, NULL, sha256_md, NULL) != 1)
        out_of_memory(0);
}

bool equal_constant_time(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

/* ---- cursors ------------------------------------------------------------------------ */

/* nonce, then (made_ms, sort, id) sealed by XChaCha20-Poly1305 with the list's tag as context. */
enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    SEALED = 3 * sizeof(int64_t) + crypto_aead_xchacha20poly1305_ietf_ABYTES,
};
static const int64_t CURSOR_MS = 24 * 3600 * 1000;
static uint8_t cursor_key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
static bool has_cursor_key;
static pthread_rwlock_t cursor_lock = PTHREAD_RWLOCK_INITIALIZER;

void cursor_key_set(const uint8_t key[32])
{
    pthread_rwlock_wrlock(&cursor_lock);
    memcpy(cursor_key, key, sizeof cursor_key);
    has_cursor_key = true;
    pthread_rwlock_unlock(&cursor_lock);
}

/* Without a key of the store, cursors live as long as the process. */
static void key_copy(uint8_t out[sizeof cursor_key])
{
    base_sodium();
    pthread_rwlock_rdlock(&cursor_lock);
    bool has = has_cursor_key;
    memcpy(out, cursor_key, sizeof cursor_key);
    pthread_rwlock_unlock(&cursor_lock);
    if (has)
        return;
    pthread_rwlock_wrlock(&cursor_lock);
    if (!has_cursor_key)
        randombytes_buf(cursor_key, sizeof cursor_key);
    has_cursor_key = true;
    memcpy(out, cursor_key, sizeof cursor_key);
    pthread_rwlock_unlock(&cursor_lock);
}

/* What a cursor says: numbers, then the text of an order by text. */
struct cursor {
    int64_t made_ms, sort, id;
    char text[CURSOR_TEXT_MAX];
};
enum {
    CURSOR_HEAD = 3 * sizeof(int64_t),
    CURSOR_MAX = NONCE + sizeof(struct cursor) + crypto_aead_xchacha20poly1305_ietf_ABYTES
};

static str cursor_seal(struct arena *a, const char *tag, const struct cursor *said, size_t n_text)
{
    uint8_t key[sizeof cursor_key], whole[CURSOR_MAX];
    unsigned long long n = 0;
    key_copy(key);
    randombytes_buf(whole, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(whole + NONCE, &n, (const uint8_t *)said,
                                               CURSOR_HEAD + n_text, (const uint8_t *)tag,
                                               strlen(tag), NULL, whole, key);
    sodium_memzero(key, sizeof key);
    return base64url(a, whole, NONCE + (size_t)n);
}

str cursor_make(struct arena *a, int64_t now_ms, const char *tag, int64_t sort, int64_t id)
{
    return cursor_seal(a, tag, &(struct cursor){.made_ms = now_ms, .sort = sort, .id = id}, 0);
}

str cursor_make_text(struct arena *a, int64_t now_ms, const char *tag, str sort, int64_t id)
{
    struct cursor said = {.made_ms = now_ms, .id = id};
    size_t n = sort.len < sizeof said.text ? sort.len : sizeof said.text;
    if (n)
        memcpy(said.text, sort.ptr, n);
    return cursor_seal(a, tag, &said, n);
}

/* libsodium takes some bytes above 0x7F for letters. */
static bool is_base64url(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
              c == '_'))
            return false;
    }
    return s.len > 0;
}

static bool cursor_open(str cursor, int64_t now_ms, const char *tag, struct cursor *said,
                        size_t *n_text)
{
    uint8_t key[sizeof cursor_key], whole[CURSOR_MAX];
    size_t n = 0;
    unsigned long long n_said = 0;
    const char *end = NULL;
    if (!is_base64url(cursor) ||
        sodium_base642bin(whole, sizeof whole, cursor.ptr, cursor.len, NULL, &n, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        n < NONCE + SEALED || end != cursor.ptr + cursor.len)
        return false;
    key_copy(key);
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(
        (uint8_t *)said, &n_said, NULL, whole + NONCE, n - NONCE, (const uint8_t *)tag, strlen(tag),
        whole, key);
    sodium_memzero(key, sizeof key);
    *n_text = (size_t)n_said - CURSOR_HEAD;
    /* A clock that went back a little does not make a cursor old. */
    return !bad && said->made_ms >= now_ms - CURSOR_MS && said->made_ms <= now_ms + CURSOR_MS;
}

bool cursor_read(str cursor, int64_t now_ms, const char *tag, int64_t *sort, int64_t *id)
{
    struct cursor said;
    size_t n;
    if (!cursor_open(cursor, now_ms, tag, &said, &n) || n != 0)
        return false;
    *sort = said.sort;
    *id = said.id;
    return true;
}

bool cursor_read_text(struct arena *a, str cursor, int64_t now_ms, const char *tag, str *sort,
                      int64_t *id)
{
    struct cursor said;
    size_t n;
    if (!cursor_open(cursor, now_ms, tag, &said, &n))
        return false;
    *sort = arena_str(a, (str){said.text, n});
    *id = said.id;
    return true;
}
