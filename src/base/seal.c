/* base/seal.c - ciphers by OpenSSL (HChaCha20 by libsodium); what is derived, and what is authenticated. */
#include "base/seal.h"
#include "base/inside.h"
#include "base/value.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

/* ---- what is fetched once ------------------------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm, *ecb, *poly;
static EVP_KDF *hkdf;
static _Atomic int chosen;

static bool has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    return (getauxval(AT_HWCAP) & (HWCAP_AES | HWCAP_PMULL)) == (HWCAP_AES | HWCAP_PMULL);
#else
    return false;
#endif
}

static void start(void)
{
    base_sodium();
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    poly = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    if (!gcm || !ecb || !poly || !hkdf) {
        log_line(LOG_ERROR, "crypto.missing",
                 "OpenSSL has no AES-256-GCM, ChaCha20-Poly1305 or HKDF");
        abort();
    }
}

static void ready(void)
{
    pthread_once(&once, start);
}

enum seal_cipher seal_cipher_here(void)
{
    int c = atomic_load(&chosen);
    return c ? (enum seal_cipher)c : has_aes() ? SEAL_AES : SEAL_CHACHA;
}

void seal_cipher_set(enum seal_cipher c)
{
    atomic_store(&chosen, (int)c);
}

void seal_forget(void *p, size_t n)
{
    sodium_memzero(p, n);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static OSSL_PARAM octets(const char *name, str s)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)s.ptr, s.len);
}

void hkdf_sha256(str key, str salt, str info, uint8_t *out, size_t n)
{
    ready();
    EVP_KDF_CTX *k = EVP_KDF_CTX_new(hkdf);
    OSSL_PARAM p[5];
    size_t i = 0;
    p[i++] =
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0);
    p[i++] = octets(OSSL_KDF_PARAM_KEY, key);
    if (salt.len) /* none is as many zeros as the hash is long */
        p[i++] = octets(OSSL_KDF_PARAM_SALT, salt);
    if (info.len)
        p[i++] = octets(OSSL_KDF_PARAM_INFO, info);
    p[i] = OSSL_PARAM_construct_end();
    if (!k || EVP_KDF_derive(k, out, n, p) != 1)
        out_of_memory(n); /* nothing else can go wrong with lengths of ours */
    EVP_KDF_CTX_free(k);
}

void seal_derive(const uint8_t key[static SEAL_KEY], const char *label,
                 uint8_t out[static SEAL_KEY])
{
    char info[64];
    int n = snprintf(info, sizeof info, "kith 1 %s", label);
    assert(n > 0 && (size_t)n < sizeof info);
    hkdf_sha256((str){(const char *)key, SEAL_KEY}, (str){0}, (str){info, (size_t)n}, out,
                SEAL_KEY);
}

void seal_nonce(uint8_t out[static SEAL_NONCE])
{
    static _Thread_local uint8_t pool[128 * SEAL_NONCE];
    static _Thread_local size_t left;
    if (!left) {
        random_bytes(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= SEAL_NONCE;
    memcpy(out, pool + left, SEAL_NONCE);
}

/* ---- one key, many messages -------------------------------------------------------------------- */

struct aead {
    enum seal_cipher cipher;
    uint8_t key[SEAL_KEY], half[16]; /* half: K1 of CMAC */
    EVP_CIPHER_CTX *data, *to_block, *from_block;
};

void aead_close(struct aead *a)
{
    if (!a)
        return;
    EVP_CIPHER_CTX_free(a->data); /* OpenSSL clears them */
    EVP_CIPHER_CTX_free(a->to_block);
    EVP_CIPHER_CTX_free(a->from_block);
    seal_forget(a, sizeof *a);
    free(a);
}

static bool blocks(EVP_CIPHER_CTX *c, uint8_t *p, int n)
{
    int out = 0;
    return EVP_CipherUpdate(c, p, &out, p, n) == 1 && out == n;
}

static EVP_CIPHER_CTX *block_context(const uint8_t *key, int seals)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c && (EVP_CipherInit_ex2(c, ecb, key, NULL, seals, NULL) != 1 ||
              EVP_CIPHER_CTX_set_padding(c, 0) != 1)) {
        EVP_CIPHER_CTX_free(c);
        return NULL;
    }
    return c;
}

struct aead *aead_open(enum seal_cipher cipher, const uint8_t key[static SEAL_KEY])
{
    ready();
    struct aead *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->cipher = cipher;
    memcpy(a->key, key, SEAL_KEY);
    a->data = EVP_CIPHER_CTX_new();
    a->to_block = block_context(key, 1);
    a->from_block = block_context(key, 0);
    const EVP_CIPHER *c = cipher == SEAL_AES ? gcm : poly;
    if (!a->data || !a->to_block || !a->from_block ||
        EVP_CipherInit_ex2(a->data, c, NULL, NULL, 1, NULL) != 1 ||
        !blocks(a->to_block, a->half, 16)) {
        aead_close(a);
        return NULL;
    }
    /* K1 of CMAC: the block of zeros enciphered, doubled in GF(2^128); no branch by a secret. */
    uint8_t carry = a->half[0] >> 7;
    for (int i = 0; i < 15; i++)
        a->half[i] = (uint8_t)(a->half[i] << 1 | a->half[i + 1] >> 7);
    a->half[15] = (uint8_t)((uint8_t)(a->half[15] << 1) ^ (uint8_t)(0x87 & -carry));
    return a;
}

/* The message's own key and 96-bit nonce. XAES-256-GCM: a KDF of NIST SP 800-108r1 with CMAC over the first half of the
 * nonce; the second half is GCM's. XChaCha20: HChaCha20 over 16 bytes, the rest behind four zeros. */
static bool message_key(struct aead *a, const uint8_t nonce[static SEAL_NONCE],
                        uint8_t key[static SEAL_KEY], uint8_t iv[static 12])
{
    if (a->cipher == SEAL_CHACHA) {
        memset(iv, 0, 4);
        memcpy(iv + 4, nonce + 16, 8);
        return crypto_core_hchacha20(key, nonce, a->key, NULL) == 0;
    }
    static const uint8_t first[2][4] = {{0, 1, 'X', 0}, {0, 2, 'X', 0}};
    for (int i = 0; i < 2; i++) {
        memcpy(key + 16 * i, first[i], 4);
        memcpy(key + 16 * i + 4, nonce, 12);
        for (int j = 0; j < 16; j++)
            key[16 * i + j] ^= a->half[j];
    }
    memcpy(iv, nonce + 12, 12);
    return blocks(a->to_block, key, SEAL_KEY);
}

static bool begin(struct aead *a, const uint8_t *nonce, str bound, int seals)
{
    uint8_t key[SEAL_KEY], iv[12];
    int n = 0;
    bool ok = message_key(a, nonce, key, iv) &&
              EVP_CipherInit_ex2(a->data, NULL, key, iv, seals, NULL) == 1 &&
              (!bound.len || EVP_CipherUpdate(a->data, NULL, &n, (const uint8_t *)bound.ptr,
                                              (int)bound.len) == 1);
    seal_forget(key, sizeof key);
    return ok;
}

static bool pass(struct aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
    int done = 0;
    return n <= INT32_MAX && (n == 0 || (EVP_CipherUpdate(a->data, out, &done, in, (int)n) == 1 &&
                                         (size_t)done == n));
}

bool aead_seal(struct aead *a, const uint8_t nonce[static SEAL_NONCE], str bound, const uint8_t *in,
               size_t n, uint8_t *out, uint8_t tag[static SEAL_TAG])
{
    int end = 0;
    return begin(a, nonce, bound, 1) && pass(a, in, n, out) &&
           EVP_CipherFinal_ex(a->data, tag, &end) == 1 &&
           EVP_CIPHER_CTX_ctrl(a->data, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, tag) == 1;
}

bool aead_unseal(struct aead *a, const uint8_t nonce[static SEAL_NONCE], str bound,
                 const uint8_t *in, size_t n, uint8_t *out, const uint8_t tag[static SEAL_TAG])
{
    int end = 0;
    uint8_t expected[SEAL_TAG], none[SEAL_TAG];
    memcpy(expected, tag, SEAL_TAG);
    return begin(a, nonce, bound, 0) && pass(a, in, n, out) &&
           EVP_CIPHER_CTX_ctrl(a->data, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, expected) == 1 &&
           EVP_CipherFinal_ex(a->data, none, &end) == 1;
}

void aead_block(struct aead *a, bool seals, uint8_t block[static 16])
{
    if (!blocks(seals ? a->to_block : a->from_block, block, 16))
        out_of_memory(0);
}

/* ---- one message in memory ----------------------------------------------------------------------- */

str seal_bytes(struct arena *arena, const uint8_t key[static SEAL_KEY], str bound, str plain)
{
    uint8_t *out = arena_alloc(arena, plain.len + SEAL_MORE, 1), *nonce = out + 1,
            *text = nonce + SEAL_NONCE;
    out[0] = (uint8_t)seal_cipher_here();
    seal_nonce(nonce);
    struct aead *a = aead_open((enum seal_cipher)out[0], key);
    if (!a ||
        !aead_seal(a, nonce, bound, (const uint8_t *)plain.ptr, plain.len, text, text + plain.len))
        out_of_memory(plain.len);
    aead_close(a);
    return (str){(char *)out, plain.len + SEAL_MORE};
}

bool seal_open_bytes(struct arena *arena, const uint8_t key[static SEAL_KEY], str bound, str sealed,
                     str *plain)
{
    const uint8_t *in = (const uint8_t *)sealed.ptr;
    if (sealed.len < SEAL_MORE || (in[0] != SEAL_AES && in[0] != SEAL_CHACHA))
        return false;
    size_t n = sealed.len - SEAL_MORE;
    const uint8_t *nonce = in + 1, *text = nonce + SEAL_NONCE;
    uint8_t *out = arena_alloc(arena, n + 1, 1);
    struct aead *a = aead_open((enum seal_cipher)in[0], key);
    if (!a)
        out_of_memory(n);
    bool ok = aead_unseal(a, nonce, bound, text, n, out, text + n);
    aead_close(a);
    if (!ok)
        seal_forget(out, n);
    else
        *plain = (str){(char *)out, n};
    return ok;
}

/* ---- streams --------------------------------------------------------------------------------------- */

/* Head, number, last: what is bound to a chunk; the nonce is the number, for the key is the stream's own. */
struct stream {
    struct aead *aead;
    uint8_t bound[SEAL_HEAD + 9];
    uint64_t number;
};

static void stream_bound(struct stream *s, bool is_last, uint8_t nonce[static SEAL_NONCE])
{
    memset(nonce, 0, SEAL_NONCE);
    for (int i = 0; i < 8; i++)
        s->bound[SEAL_HEAD + i] = nonce[SEAL_NONCE - 1 - i] = (uint8_t)(s->number >> 8 * i);
    s->bound[SEAL_HEAD + 8] = is_last;
}

static bool stream_start(struct stream *s, const uint8_t *key)
{
    uint8_t own[SEAL_KEY];
    hkdf_sha256((str){(const char *)key, SEAL_KEY}, (str){(char *)s->bound + 8, 24},
                S("kith 1 stream"), own, sizeof own);
    s->aead = aead_open((enum seal_cipher)s->bound[0], own);
    seal_forget(own, sizeof own);
    return s->aead;
}

struct seal_out {
    struct stream s;
    bool (*write)(void *owner, const void *p, size_t n);
    void *owner;
    size_t n;
    bool has_failed;
    uint8_t chunk[SEAL_CHUNK + SEAL_TAG];
};

struct seal_out *seal_out_open(const uint8_t key[static SEAL_KEY], uint8_t epoch,
                               enum seal_kind kind,
                               bool (*write)(void *owner, const void *p, size_t n), void *owner)
{
    struct seal_out *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->write = write;
    o->owner = owner;
    o->s.bound[0] = (uint8_t)seal_cipher_here();
    o->s.bound[1] = (uint8_t)kind;
    o->s.bound[2] = epoch;
    random_bytes(o->s.bound + 8, 24);
    if (!stream_start(&o->s, key) || !write(owner, o->s.bound, SEAL_HEAD)) {
        seal_out_close(o);
        return NULL;
    }
    return o;
}

static bool chunk_out(struct seal_out *o, bool is_last)
{
    uint8_t nonce[SEAL_NONCE];
    stream_bound(&o->s, is_last, nonce);
    if (o->has_failed ||
        !aead_seal(o->s.aead, nonce, (str){(char *)o->s.bound, sizeof o->s.bound}, o->chunk, o->n,
                   o->chunk, o->chunk + o->n) ||
        !o->write(o->owner, o->chunk, o->n + SEAL_TAG)) {
        o->has_failed = true;
        return false;
    }
    o->s.number++;
    o->n = 0;
    return true;
}

bool seal_out_add(struct seal_out *o, const void *p, size_t n)
{
    for (const uint8_t *from = p; n;) {
        if (o->n == SEAL_CHUNK && !chunk_out(o, false)) /* full, and more comes: not the last */
            return false;
        size_t take = SEAL_CHUNK - o->n < n ? SEAL_CHUNK - o->n : n;
        memcpy(o->chunk + o->n, from, take);
        o->n += take;
        from += take;
        n -= take;
    }
    return !o->has_failed;
}

bool seal_out_end(struct seal_out *o)
{
    return chunk_out(o, true);
}

void seal_out_close(struct seal_out *o)
{
    if (!o)
        return;
    aead_close(o->s.aead);
    seal_forget(o, sizeof *o);
    free(o);
}

struct seal_in {
    struct stream s;
    ssize_t (*read)(void *owner, void *p, size_t n);
    void *owner;
    enum seal_kind kind;
    enum seal_state state;
    size_t n; /* read, and not yet opened */
    bool has_ended;
    uint8_t chunk[SEAL_CHUNK + SEAL_TAG + 1]; /* one more: whether another chunk follows */
    uint8_t plain[SEAL_CHUNK];
};

struct seal_in *seal_in_open(enum seal_kind kind, ssize_t (*read)(void *owner, void *p, size_t n),
                             void *owner)
{
    struct seal_in *i = calloc(1, sizeof *i);
    if (!i)
        out_of_memory(sizeof *i);
    i->read = read;
    i->owner = owner;
    i->kind = kind;
    return i;
}

static bool fill(struct seal_in *i, uint8_t *to, size_t *have, size_t want)
{
    while (*have < want) {
        ssize_t got = i->read(i->owner, to + *have, want - *have);
        if (got < 0)
            return false;
        if (got == 0)
            return true;
        *have += (size_t)got;
    }
    return true;
}

enum seal_state seal_in_head(struct seal_in *i, uint8_t *epoch)
{
    static const uint8_t zeros[5];
    size_t n = 0;
    uint8_t *head = i->s.bound;
    *epoch = 0;
    if (!fill(i, head, &n, SEAL_HEAD))
        return i->state = SEAL_UNREAD;
    if (n < SEAL_HEAD)
        return i->state = SEAL_CUT;
    if ((head[0] != SEAL_AES && head[0] != SEAL_CHACHA) || head[1] != (uint8_t)i->kind ||
        memcmp(head + 3, zeros, sizeof zeros) != 0)
        return i->state = SEAL_UNKNOWN;
    *epoch = head[2];
    return SEAL_GOOD;
}

void seal_in_key(struct seal_in *i, const uint8_t key[static SEAL_KEY])
{
    if (i->state == SEAL_GOOD && !stream_start(&i->s, key))
        out_of_memory(0);
}

static bool opens(struct seal_in *i, size_t n, bool is_last)
{
    uint8_t nonce[SEAL_NONCE];
    stream_bound(&i->s, is_last, nonce);
    return aead_unseal(i->s.aead, nonce, (str){(char *)i->s.bound, sizeof i->s.bound}, i->chunk, n,
                       i->plain, i->chunk + n);
}

/* One byte is read beyond the chunk to know whether it is the last; it begins the next. */
static enum seal_state chunk_in(struct seal_in *i, str *chunk)
{
    enum { WHOLE = SEAL_CHUNK + SEAL_TAG };
    if (!fill(i, i->chunk, &i->n, WHOLE + 1))
        return SEAL_UNREAD;
    bool is_last = i->n <= WHOLE;
    size_t n = is_last ? i->n : WHOLE;
    if (n < SEAL_TAG)
        return SEAL_CUT;
    n -= SEAL_TAG;
    if (!opens(i, n, is_last)) {
        /* Good, but not the last one of its stream: what came behind is gone. */
        bool is_cut = is_last && n == SEAL_CHUNK && opens(i, n, false);
        seal_forget(i->plain, sizeof i->plain);
        return is_cut ? SEAL_CUT : SEAL_DAMAGED;
    }
    *chunk = (str){(char *)i->plain, n};
    i->has_ended = is_last;
    i->chunk[0] = i->chunk[WHOLE];
    i->n = 1;
    return is_last && n == 0 ? SEAL_END : SEAL_GOOD;
}

enum seal_state seal_in_next(struct seal_in *i, str *chunk)
{
    *chunk = (str){0};
    if (i->state != SEAL_GOOD)
        return i->state;
    assert(i->s.aead);
    if (i->has_ended)
        return i->state = SEAL_END;
    i->state = chunk_in(i, chunk);
    if (i->state == SEAL_GOOD)
        i->s.number++;
    return i->state;
}

bool seal_in_at(struct seal_in *i, uint64_t number, bool is_last, const uint8_t *sealed, size_t n,
                str *chunk)
{
    *chunk = (str){0};
    if (i->state != SEAL_GOOD || !i->s.aead || n < SEAL_TAG || n > SEAL_CHUNK + SEAL_TAG)
        return false;
    memcpy(i->chunk, sealed, n);
    i->s.number = number;
    if (!opens(i, n - SEAL_TAG, is_last)) {
        seal_forget(i->plain, sizeof i->plain);
        return false;
    }
    *chunk = (str){(char *)i->plain, n - SEAL_TAG};
    return true;
}

uint64_t seal_in_chunk(const struct seal_in *i)
{
    return i->s.number;
}

void seal_in_close(struct seal_in *i)
{
    if (!i)
        return;
    aead_close(i->s.aead);
    seal_forget(i, sizeof *i);
    free(i);
}
