/* db/keyring.c - the ring, its file, its two locks.
 *
 * kith keys 1
 * store ID                                  16 bytes, random
 * primary key | primary phrase OPS KIB SALT
 * recovery PUBLIC                           X25519; the secret is derived from what stands on paper
 * epoch N CIPHER WRAPPED SEALED             the data key: by the primary key; to the recovery key
 * writes N
 * check SHA256                              of all above: damage is told from a wrong key
 *
 * All bytes in hexadecimal. Each wrap is bound to the store, the epoch and the cipher.
 */
#include "db/keyring.h"
#include "base/value.h"
#include "messages.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
    STORE_ID = 16,
    WRAPPED = SEAL_KEY + SEAL_MORE,
    BOUND = 16, /* hash of what an opened key must say it is for */
    BOXED = SEAL_KEY + BOUND + crypto_box_SEALBYTES,
    RECOVERY = 20, /* bytes on the paper: 160 bits */
    RECOVERY_CHARS = 36,
    PHRASE_MIN = 12,
    PHRASE_MAX = 1024,
    PHRASE_OPS = 3,
    PHRASE_KIB = 128 << 10,
};

struct epoch {
    uint8_t number;
    enum seal_cipher cipher;
    uint8_t wrapped[WRAPPED], boxed[BOXED];
};

/* In a page of its own between two that nobody may touch, locked, and not part of a core dump. */
struct secrets {
    uint8_t primary[SEAL_KEY]; /* derived; wraps */
    bool has_primary;
    uint8_t data[KEY_EPOCHS_MAX][SEAL_KEY];
};

struct keyring {
    pthread_rwlock_t lock;
    uint8_t id[STORE_ID], salt[crypto_pwhash_SALTBYTES], recovery[crypto_box_PUBLICKEYBYTES];
    enum key_kind kind;
    uint32_t ops, kib;
    struct epoch epochs[KEY_EPOCHS_MAX];
    size_t n;
    uint8_t writes;
    struct secrets *secrets;
};

static struct keyring *ring_new(void)
{
    uint8_t any;
    random_bytes(&any, 1); /* libsodium is ready after it */
    struct keyring *r = calloc(1, sizeof *r);
    struct secrets *s = r ? sodium_malloc(sizeof *s) : NULL;
    if (!s) {
        free(r);
        return NULL;
    }
    memset(s, 0, sizeof *s);
    r->secrets = s;
    pthread_rwlock_init(&r->lock, NULL);
    return r;
}

void keyring_close(struct keyring *r)
{
    if (!r)
        return;
    pthread_rwlock_destroy(&r->lock);
    sodium_free(r->secrets); /* zeroes */
    free(r);
}

static enum err no_memory(struct cx *cx)
{
    return fault(cx, ERR_BUSY, M_KEYS_MEMORY);
}

/* ---- texts of bytes ------------------------------------------------------------------------------ */

static void hex_add(struct text *t, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        text_add_char(t, digits[p[i] >> 4]);
        text_add_char(t, digits[p[i] & 15]);
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool hex_read(str s, uint8_t *out, size_t n)
{
    if (s.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(s.ptr[2 * i]), low = hex_digit(s.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool key_read(str text, uint8_t out[static SEAL_KEY])
{
    if (text.len == SEAL_KEY) { /* too short for either spelling */
        memcpy(out, text.ptr, SEAL_KEY);
        return true;
    }
    str word = {0};
    while (text.len) {
        str line = str_trim(str_cut(&text, '\n'));
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        if (word.len)
            return false;
        word = line;
    }
    if (hex_read(word, out, SEAL_KEY))
        return true;
    static const int variants[] = {
        sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
        sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    for (size_t i = 0; i < word.len; i++)
        if ((unsigned char)word.ptr[i] > 126)
            return false;
    for (size_t i = 0; word.len && i < COUNT(variants); i++) {
        size_t n = 0;
        const char *end = NULL;
        if (sodium_base642bin(out, SEAL_KEY, word.ptr, word.len, NULL, &n, &end, variants[i]) ==
                0 &&
            n == SEAL_KEY && end == word.ptr + word.len)
            return true;
    }
    return false;
}

/* ---- the recovery key ------------------------------------------------------------------------------ */

/* Without I, L, O and U: what is read from paper is not mistaken. */
static const char paper[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void recovery_check(const uint8_t *bytes, uint8_t out[static 3])
{
    uint8_t hash[32], whole[RECOVERY + 13];
    memcpy(whole, "kith recovery", 13);
    memcpy(whole + 13, bytes, RECOVERY);
    sha256((str){(char *)whole, sizeof whole}, hash);
    memcpy(out, hash, 3);
    out[2] &= 0xf0; /* 20 bits: four characters */
    sodium_memzero(whole, sizeof whole);
}

static int bits_at(const uint8_t *p, size_t at)
{
    int v = 0;
    for (size_t i = at; i < at + 5; i++)
        v = v << 1 | (p[i / 8] >> (7 - i % 8) & 1);
    return v;
}

/* KITH-XXXX-…: nine groups of four. */
static str recovery_print(struct arena *a, const uint8_t *bytes)
{
    uint8_t whole[RECOVERY + 3];
    memcpy(whole, bytes, RECOVERY);
    recovery_check(bytes, whole + RECOVERY);
    struct text t = text_in(a, 64);
    for (size_t i = 0; i < RECOVERY_CHARS; i++) {
        if (i && i % 4 == 0)
            text_add_char(&t, '-');
        text_add_char(&t, paper[bits_at(whole, 5 * i)]);
    }
    sodium_memzero(whole, sizeof whole);
    return text_str(&t);
}

static int paper_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    c = (char)(c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c);
    const char *p = c ? strchr(paper, c) : NULL;
    return p ? (int)(p - paper) : -1;
}

static bool recovery_read(str typed, uint8_t out[static RECOVERY])
{
    uint8_t whole[RECOVERY + 3] = {0}, check[3];
    size_t n = 0;
    for (size_t i = 0; i < typed.len; i++) {
        char c = typed.ptr[i];
        if (c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        int v = paper_value(c);
        if (v < 0 || n == RECOVERY_CHARS)
            return false;
        for (size_t b = 0; b < 5; b++)
            if (v >> (4 - b) & 1)
                whole[(5 * n + b) / 8] |= (uint8_t)(0x80 >> (5 * n + b) % 8);
        n++;
    }
    recovery_check(whole, check);
    bool ok = n == RECOVERY_CHARS && sodium_memcmp(check, whole + RECOVERY, 3) == 0;
    if (ok)
        memcpy(out, whole, RECOVERY);
    sodium_memzero(whole, sizeof whole);
    return ok;
}

static void recovery_pair(const uint8_t *bytes, uint8_t public[static crypto_box_PUBLICKEYBYTES],
                          uint8_t secret[static crypto_box_SECRETKEYBYTES])
{
    uint8_t seed[crypto_box_SEEDBYTES];
    hkdf_sha256((str){(const char *)bytes, RECOVERY}, (str){0}, S("kith 1 recovery"), seed,
                sizeof seed);
    crypto_box_seed_keypair(public, secret, seed);
    sodium_memzero(seed, sizeof seed);
}

/* ---- wrapping ------------------------------------------------------------------------------------------ */

static str bound_of(const struct keyring *r, const struct epoch *e, char out[static 64])
{
    memcpy(out, "kith keys 1 ", 12);
    memcpy(out + 12, r->id, STORE_ID);
    out[12 + STORE_ID] = (char)e->number;
    out[13 + STORE_ID] = (char)e->cipher;
    return (str){out, 14 + STORE_ID};
}

static enum err wrap_primary(struct cx *cx, struct keyring *r, size_t i)
{
    char bound[64];
    str w = seal_bytes(cx->arena, r->secrets->primary, bound_of(r, &r->epochs[i], bound),
                       (str){(char *)r->secrets->data[i], SEAL_KEY});
    memcpy(r->epochs[i].wrapped, w.ptr, WRAPPED);
    return OK;
}

static void wrap_recovery(struct keyring *r, size_t i)
{
    char bound[64];
    uint8_t whole[SEAL_KEY + BOUND], hash[32];
    sha256(bound_of(r, &r->epochs[i], bound), hash);
    memcpy(whole, r->secrets->data[i], SEAL_KEY);
    memcpy(whole + SEAL_KEY, hash, BOUND);
    if (crypto_box_seal(r->epochs[i].boxed, whole, sizeof whole, r->recovery) != 0)
        abort(); /* a public key of small order: ours is none, and a file's was checked */
    sodium_memzero(whole, sizeof whole);
}

static bool unwrap_primary(struct cx *cx, struct keyring *r, size_t i)
{
    char bound[64];
    str plain;
    if (!seal_open_bytes(cx->arena, r->secrets->primary, bound_of(r, &r->epochs[i], bound),
                         (str){(char *)r->epochs[i].wrapped, WRAPPED}, &plain) ||
        plain.len != SEAL_KEY)
        return false;
    memcpy(r->secrets->data[i], plain.ptr, SEAL_KEY);
    seal_forget((void *)(uintptr_t)plain.ptr, plain.len);
    return true;
}

static bool unwrap_recovery(struct keyring *r, size_t i, const uint8_t *secret)
{
    char bound[64];
    uint8_t whole[SEAL_KEY + BOUND], hash[32];
    sha256(bound_of(r, &r->epochs[i], bound), hash);
    bool ok = crypto_box_seal_open(whole, r->epochs[i].boxed, BOXED, r->recovery, secret) == 0 &&
              sodium_memcmp(whole + SEAL_KEY, hash, BOUND) == 0;
    if (ok)
        memcpy(r->secrets->data[i], whole, SEAL_KEY);
    sodium_memzero(whole, sizeof whole);
    return ok;
}

static enum err primary_derive(struct cx *cx, struct keyring *r, const struct key_source *k)
{
    if (k->kind == KEY_PHRASE) {
        if (crypto_pwhash(r->secrets->primary, SEAL_KEY, k->phrase.ptr, k->phrase.len, r->salt,
                          r->ops, (size_t)r->kib << 10, crypto_pwhash_ALG_ARGON2ID13) != 0)
            return no_memory(cx);
    } else {
        hkdf_sha256((str){(const char *)k->key, SEAL_KEY}, (str){(char *)r->id, STORE_ID},
                    S("kith 1 primary"), r->secrets->primary, SEAL_KEY);
    }
    r->secrets->has_primary = true;
    return OK;
}

/* ---- its text ------------------------------------------------------------------------------------------ */

static void text_of(const struct keyring *r, struct text *t)
{
    text_add(t, S("kith keys 1\nstore "));
    hex_add(t, r->id, STORE_ID);
    if (r->kind == KEY_PHRASE) {
        text_printf(t, "\nprimary phrase %u %u ", r->ops, r->kib);
        hex_add(t, r->salt, sizeof r->salt);
    } else {
        text_add(t, S("\nprimary key"));
    }
    text_add(t, S("\nrecovery "));
    hex_add(t, r->recovery, sizeof r->recovery);
    for (size_t i = 0; i < r->n; i++) {
        text_printf(t, "\nepoch %u %u ", r->epochs[i].number, (unsigned)r->epochs[i].cipher);
        hex_add(t, r->epochs[i].wrapped, WRAPPED);
        text_add_char(t, ' ');
        hex_add(t, r->epochs[i].boxed, BOXED);
    }
    text_printf(t, "\nwrites %u\n", r->writes);
    uint8_t hash[32];
    sha256(text_str(t), hash);
    text_add(t, S("check "));
    hex_add(t, hash, sizeof hash);
    text_add_char(t, '\n');
}

str keyring_bytes(const struct keyring *ring, struct arena *a)
{
    struct keyring *r = (struct keyring *)(uintptr_t)ring; /* for its lock */
    struct text t = text_in(a, KEYRING_FILE_MAX);
    pthread_rwlock_rdlock(&r->lock);
    text_of(r, &t);
    pthread_rwlock_unlock(&r->lock);
    return text_str(&t);
}

/* A number without sign or leading zero. */
static bool number(str *rest, int64_t least, int64_t most, uint32_t *out)
{
    str word = str_cut(rest, ' ');
    int64_t v = 0;
    if (word.len == 0 || !is_digit(word.ptr[0]) || (word.len > 1 && word.ptr[0] == '0') ||
        !str_to_int(word, &v) || v < least || v > most)
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool line_primary(struct keyring *r, str rest)
{
    if (str_eq(rest, S("key"))) {
        r->kind = KEY_BYTES;
        return true;
    }
    r->kind = KEY_PHRASE; /* bounds: what a hostile file may make us compute */
    return str_eq(str_cut(&rest, ' '), S("phrase")) && number(&rest, 1, 16, &r->ops) &&
           number(&rest, 8192, 1 << 20, &r->kib) && hex_read(rest, r->salt, sizeof r->salt);
}

static bool line_epoch(struct keyring *r, str rest)
{
    uint32_t n = 0, cipher = 0;
    if (r->n == KEY_EPOCHS_MAX || !number(&rest, 1, 255, &n) ||
        !number(&rest, SEAL_AES, SEAL_CHACHA, &cipher))
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (r->epochs[i].number == n)
            return false;
    struct epoch *e = &r->epochs[r->n++];
    e->number = (uint8_t)n;
    e->cipher = (enum seal_cipher)cipher;
    return hex_read(str_cut(&rest, ' '), e->wrapped, WRAPPED) && hex_read(rest, e->boxed, BOXED);
}

static bool line_is(struct keyring *r, int number_of, str line)
{
    str rest = line, word = str_cut(&rest, ' ');
    switch (number_of) {
    case 1:
        return str_eq(line, S("kith keys 1"));
    case 2:
        return str_eq(word, S("store")) && hex_read(rest, r->id, STORE_ID);
    case 3:
        return str_eq(word, S("primary")) && line_primary(r, rest);
    case 4: {
        uint8_t shared[crypto_scalarmult_BYTES], one[crypto_scalarmult_SCALARBYTES] = {1};
        return str_eq(word, S("recovery")) && hex_read(rest, r->recovery, sizeof r->recovery) &&
               crypto_scalarmult(shared, one, r->recovery) == 0; /* no point of small order */
    }
    default:
        break;
    }
    uint32_t n = 0;
    if (str_eq(word, S("epoch")))
        return !r->writes && line_epoch(r, rest);
    if (!str_eq(word, S("writes")) || r->writes || r->n == 0 || !number(&rest, 1, 255, &n) ||
        rest.len)
        return false;
    r->writes = (uint8_t)n;
    return n == r->epochs[r->n - 1].number; /* the newest does */
}

static enum err damaged(struct cx *cx, str place, int line)
{
    return fault(cx, ERR_INVALID, M_KEYS_DAMAGED, MARG("where", place), MNUM("line", line));
}

static enum err parse(struct cx *cx, str bytes, str place, struct keyring *r)
{
    str first = bytes, whole = bytes, version = str_cut(&first, '\n');
    int64_t n = 0;
    if (str_eq(str_cut(&version, ' '), S("kith")) && str_eq(str_cut(&version, ' '), S("keys")) &&
        str_to_int(version, &n) && n > 1)
        return fault(cx, ERR_INVALID, M_KEYS_LATER, MARG("where", place));
    if (bytes.len > KEYRING_FILE_MAX)
        return damaged(cx, place, 1);
    int line = 1;
    for (; bytes.len && !r->writes; line++)
        if (!line_is(r, line, str_cut(&bytes, '\n')))
            return damaged(cx, place, line);
    uint8_t is[32];
    struct text end = text_in(cx->arena, 128);
    sha256((str){whole.ptr, whole.len - bytes.len}, is);
    text_add(&end, S("check "));
    hex_add(&end, is, sizeof is);
    text_add_char(&end, '\n');
    if (!r->writes || !str_eq(bytes, text_str(&end)))
        return damaged(cx, place, line);
    return OK;
}

/* ---- making and opening ---------------------------------------------------------------------------------- */

static void epoch_new(struct keyring *r, uint8_t n)
{
    size_t i = r->n++;
    r->epochs[i] = (struct epoch){.number = n, .cipher = seal_cipher_here()};
    random_bytes(r->secrets->data[i], SEAL_KEY);
    r->writes = n;
    wrap_recovery(r, i);
}

static str recovery_new(struct keyring *r, struct arena *a)
{
    uint8_t bytes[RECOVERY], secret[crypto_box_SECRETKEYBYTES];
    random_bytes(bytes, sizeof bytes);
    recovery_pair(bytes, r->recovery, secret);
    str s = recovery_print(a, bytes);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(secret, sizeof secret);
    return s;
}

static enum err primary_set(struct cx *cx, struct keyring *r, const struct key_source *k)
{
    if (k->kind == KEY_PHRASE && str_chars(k->phrase) < PHRASE_MIN)
        return fault(cx, ERR_INVALID, M_KEYS_PHRASE_SHORT, MNUM("least", PHRASE_MIN));
    uint8_t salt[sizeof r->salt];
    random_bytes(salt, sizeof salt);
    memcpy(r->salt, salt, sizeof salt);
    r->kind = k->kind;
    r->ops = PHRASE_OPS;
    r->kib = PHRASE_KIB;
    TRY(primary_derive(cx, r, k));
    for (size_t i = 0; i < r->n; i++)
        TRY(wrap_primary(cx, r, i));
    return OK;
}

enum err keyring_make(struct cx *cx, const struct key_source *k, struct keyring **out,
                      str *recovery)
{
    *out = NULL;
    struct keyring *r = ring_new();
    if (!r)
        return no_memory(cx);
    random_bytes(r->id, STORE_ID);
    *recovery = recovery_new(r, cx->arena);
    epoch_new(r, 1);
    enum err e = primary_set(cx, r, k);
    if (e != OK) {
        keyring_close(r);
        return e;
    }
    *out = r;
    return OK;
}

enum err keyring_kind(struct cx *cx, str bytes, str place, enum key_kind *out)
{
    struct keyring *r = ring_new();
    enum err e = r ? parse(cx, bytes, place, r) : no_memory(cx);
    *out = e == OK ? r->kind : KEY_NONE;
    keyring_close(r);
    return e;
}

static enum err open_all(struct cx *cx, struct keyring *r, str place, const struct key_source *k)
{
    bool opens = k->kind == r->kind;
    if (opens)
        TRY(primary_derive(cx, r, k));
    for (size_t i = 0; opens && i < r->n; i++)
        opens = unwrap_primary(cx, r, i);
    return opens
               ? OK
               : fault(cx, ERR_INVALID, M_KEYS_WRONG, MARG("key", k->place), MARG("where", place));
}

enum err keyring_open(struct cx *cx, str bytes, str place, const struct key_source *k,
                      struct keyring **out)
{
    *out = NULL;
    struct keyring *r = ring_new();
    enum err e = r ? parse(cx, bytes, place, r) : no_memory(cx);
    if (e == OK)
        e = open_all(cx, r, place, k);
    if (e != OK) {
        keyring_close(r);
        return e;
    }
    *out = r;
    return OK;
}

enum err keyring_open_recovery(struct cx *cx, str bytes, str place, str typed, struct keyring **out)
{
    *out = NULL;
    uint8_t paper_bytes[RECOVERY], public[crypto_box_PUBLICKEYBYTES],
        secret[crypto_box_SECRETKEYBYTES];
    struct keyring *r = ring_new();
    enum err e = r ? parse(cx, bytes, place, r) : no_memory(cx);
    if (e == OK && !recovery_read(typed, paper_bytes))
        e = fault(cx, ERR_INVALID, M_KEYS_RECOVERY_TYPED);
    if (e == OK) {
        recovery_pair(paper_bytes, public, secret);
        bool opens = sodium_memcmp(public, r->recovery, sizeof public) == 0;
        for (size_t i = 0; opens && i < r->n; i++)
            opens = unwrap_recovery(r, i, secret);
        if (!opens)
            e = fault(cx, ERR_INVALID, M_KEYS_RECOVERY_WRONG, MARG("where", place));
        sodium_memzero(secret, sizeof secret);
        sodium_memzero(paper_bytes, sizeof paper_bytes);
    }
    if (e != OK) {
        keyring_close(r);
        return e;
    }
    *out = r;
    return OK;
}

/* ---- its keys ---------------------------------------------------------------------------------------------- */

static ptrdiff_t index_of(const struct keyring *r, uint8_t epoch)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->epochs[i].number == epoch)
            return (ptrdiff_t)i;
    return -1;
}

static struct keyring *reading(const struct keyring *ring)
{
    struct keyring *r = (struct keyring *)(uintptr_t)ring;
    pthread_rwlock_rdlock(&r->lock);
    return r;
}

str keyring_id(const struct keyring *r, struct arena *a)
{
    struct text t = text_in(a, 2 * STORE_ID + 1);
    hex_add(&t, r->id, STORE_ID);
    return text_str(&t);
}

uint8_t keyring_epoch(const struct keyring *ring)
{
    struct keyring *r = reading(ring);
    uint8_t n = r->writes;
    pthread_rwlock_unlock(&r->lock);
    return n;
}

bool keyring_has(const struct keyring *ring, uint8_t epoch)
{
    struct keyring *r = reading(ring);
    bool has = index_of(r, epoch) >= 0;
    pthread_rwlock_unlock(&r->lock);
    return has;
}

size_t keyring_epochs(const struct keyring *ring, uint8_t out[static KEY_EPOCHS_MAX])
{
    struct keyring *r = reading(ring);
    size_t n = r->n;
    for (size_t i = 0; i < n; i++)
        out[i] = r->epochs[i].number;
    pthread_rwlock_unlock(&r->lock);
    return n;
}

enum seal_cipher keyring_cipher(const struct keyring *ring, uint8_t epoch)
{
    struct keyring *r = reading(ring);
    ptrdiff_t i = index_of(r, epoch);
    enum seal_cipher c = i < 0 ? SEAL_AES : r->epochs[i].cipher;
    pthread_rwlock_unlock(&r->lock);
    return c;
}

bool keyring_derive(const struct keyring *ring, uint8_t epoch, const char *label,
                    uint8_t out[static SEAL_KEY])
{
    struct keyring *r = reading(ring);
    ptrdiff_t i = index_of(r, epoch);
    if (i >= 0)
        seal_derive(r->secrets->data[i], label, out);
    pthread_rwlock_unlock(&r->lock);
    return i >= 0;
}

str keyring_seal(const struct keyring *r, struct arena *a, const char *label, str bound, str plain)
{
    uint8_t key[SEAL_KEY], epoch = keyring_epoch(r);
    if (!keyring_derive(r, epoch, label, key))
        abort(); /* the epoch that writes is never dropped */
    str sealed = seal_bytes(a, key, bound, plain);
    seal_forget(key, sizeof key);
    char *whole = arena_alloc(a, sealed.len + 1, 1);
    whole[0] = (char)epoch;
    memcpy(whole + 1, sealed.ptr, sealed.len);
    return (str){whole, sealed.len + 1};
}

bool keyring_unseal(const struct keyring *r, struct arena *a, const char *label, str bound,
                    str sealed, str *plain)
{
    uint8_t key[SEAL_KEY];
    if (!sealed.len || !keyring_derive(r, keyring_epoch_of(sealed), label, key))
        return false;
    bool ok = seal_open_bytes(a, key, bound, (str){sealed.ptr + 1, sealed.len - 1}, plain);
    seal_forget(key, sizeof key);
    return ok;
}

/* ---- changing it ------------------------------------------------------------------------------------------- */

void keyring_drop(struct keyring *r, uint8_t epoch)
{
    pthread_rwlock_wrlock(&r->lock);
    ptrdiff_t at = epoch == r->writes ? -1 : index_of(r, epoch);
    if (at >= 0) {
        size_t i = (size_t)at, behind = r->n - i - 1;
        memmove(&r->epochs[i], &r->epochs[i + 1], behind * sizeof r->epochs[0]);
        memmove(r->secrets->data[i], r->secrets->data[i + 1], behind * SEAL_KEY);
        r->n--;
        sodium_memzero(r->secrets->data[r->n], SEAL_KEY);
        sodium_memzero(&r->epochs[r->n], sizeof r->epochs[0]);
    }
    pthread_rwlock_unlock(&r->lock);
}

enum err keyring_change(struct cx *cx, struct keyring *r, const struct key_source *k)
{
    pthread_rwlock_wrlock(&r->lock);
    enum err e = primary_set(cx, r, k);
    pthread_rwlock_unlock(&r->lock);
    return e;
}

enum err keyring_renew_recovery(struct cx *cx, struct keyring *r, str *recovery)
{
    pthread_rwlock_wrlock(&r->lock);
    *recovery = recovery_new(r, cx->arena);
    for (size_t i = 0; i < r->n; i++)
        wrap_recovery(r, i);
    pthread_rwlock_unlock(&r->lock);
    return OK;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static enum err unreadable(struct cx *cx, str place, int os)
{
    return fault(cx, ERR_INVALID, M_KEYS_UNREADABLE, MARG("key", place),
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

/* ERR_NOT_FOUND without a word when there is none. */
static enum err file_read(struct cx *cx, const char *path, size_t most, str *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    char *bytes = arena_alloc(cx->arena, most + 1, 1);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && n <= most) {
        got = read(fd, bytes + n, most + 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    int os = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0 || n > most)
        return unreadable(cx, arena_str(cx->arena, str_of(path)), got < 0 ? os : EFBIG);
    *out = (str){bytes, n};
    return OK;
}

static bool write_all(int fd, str s)
{
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0)
            return false;
        s = (str){s.ptr + n, s.len - (size_t)n};
    }
    return fsync(fd) == 0;
}

static bool folder_sync(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dir = !slash          ? "."
                      : slash == path ? "/"
                                      : arena_str(a, (str){path, (size_t)(slash - path)}).ptr;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

enum err keyring_file(struct cx *cx, const char *dir, str *bytes)
{
    *bytes = (str){0};
    enum err e =
        file_read(cx, arena_printf(cx->arena, "%s/kith.keys", dir).ptr, KEYRING_FILE_MAX, bytes);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err file_save(struct cx *cx, str bytes, const char *dir)
{
    str path = arena_printf(cx->arena, "%s/kith.keys", dir),
        fresh = arena_printf(cx->arena, "%s/kith.keys.new", dir);
    int fd = open(fresh.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, bytes);
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    if (ok && rename(fresh.ptr, path.ptr) == 0 && folder_sync(cx->arena, path.ptr))
        return OK;
    int os = errno;
    (void)unlink(fresh.ptr);
    return fault(cx, os == ENOSPC || os == EDQUOT ? ERR_NO_SPACE : ERR_INVALID, M_STORE_CANNOT_OPEN,
                 MARG("where", path), MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

enum err keyring_save(struct cx *cx, const struct keyring *r, const char *dir)
{
    return file_save(cx, keyring_bytes(r, cx->arena), dir);
}

enum err keyring_add(struct cx *cx, struct keyring *r, const char *dir)
{
    pthread_rwlock_wrlock(&r->lock);
    enum err e = OK;
    if (r->n > 1) {
        e = fault(cx, ERR_CONFLICT, M_KEYS_ROTATING);
    } else {
        uint8_t before = r->writes;
        struct text t = text_in(cx->arena, KEYRING_FILE_MAX);
        epoch_new(r, (uint8_t)(before % 255 + 1));
        e = wrap_primary(cx, r, r->n - 1);
        text_of(r, &t);
        if (e == OK && dir)
            e = file_save(cx, text_str(&t), dir);
        if (e != OK) {
            r->writes = before;
            r->n--;
            sodium_memzero(r->secrets->data[r->n], SEAL_KEY);
        }
    }
    pthread_rwlock_unlock(&r->lock);
    return e;
}

/* Gives a file the name that it is to have; never over another one. */
static bool name_new(const char *temp, const char *path)
{
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return true;
    return errno == EINVAL && link(temp, path) == 0 && unlink(temp) == 0;
}

enum err key_file_make(struct cx *cx, const char *path, uint8_t out[static SEAL_KEY])
{
    random_bytes(out, SEAL_KEY);
    struct text t = text_in(cx->arena, 1024);
    text_add(
        &t,
        S("# A key of Kith. With it and the data directory, or a backup, everything can be read; without it, nothing.\n"
          "# Keep a copy in another place than the data.\n"));
    hex_add(&t, out, SEAL_KEY);
    text_add_char(&t, '\n');
    /* whole or not at all: half a key file would be taken for somebody's wrong one at the next start */
    const char *temp = arena_printf(cx->arena, "%s.new", path).ptr;
    (void)unlink(temp);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, text_str(&t)) && name_new(temp, path);
    int os = errno;
    if (fd >= 0)
        close(fd);
    if (ok && !folder_sync(cx->arena, path)) {
        os = errno;
        ok = false;
        (void)unlink(path);
    }
    seal_forget(t.ptr, t.len);
    if (ok)
        return OK;
    if (fd >= 0)
        (void)unlink(temp);
    return unreadable(cx, arena_str(cx->arena, str_of(path)), os);
}

/* ---- finding the primary key ------------------------------------------------------------------------------------ */

void key_source_forget(struct key_source *k)
{
    if (k->phrase.len)
        seal_forget((void *)(uintptr_t)k->phrase.ptr, k->phrase.len);
    seal_forget(k, sizeof *k);
}

static enum err key_from_text(struct cx *cx, str text, str place, struct key_source *out)
{
    bool is_key = key_read(text, out->key);
    if (text.len && place.ptr) /* the arena is not locked into memory */
        seal_forget((void *)(uintptr_t)text.ptr, text.len);
    if (!is_key)
        return fault(cx, ERR_INVALID, M_KEYS_NO_KEY_IN_IT, MARG("key", place));
    out->kind = KEY_BYTES;
    out->place = place;
    return OK;
}

/* ERR_NOT_FOUND: no such file. */
static enum err key_from_file(struct cx *cx, const char *path, struct key_source *out)
{
    str text;
    struct stat st;
    TRY(file_read(cx, path, 4096, &text));
    if (stat(path, &st) == 0 && (st.st_mode & S_IROTH))
        log_line(LOG_WARN, "key.open", "file=%.*s reason=\"everybody on this machine may read it\"",
                 SARG(log_quoted(cx->arena, str_of(path))));
    return key_from_text(cx, text, arena_str(cx->arena, str_of(path)), out);
}

static enum err phrase_take(struct cx *cx, str text, str place, struct key_source *out)
{
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (!text.len || text.len > PHRASE_MAX || !str_is_utf8(text))
        return fault(cx, ERR_INVALID, M_KEYS_PHRASE_SHORT, MNUM("least", PHRASE_MIN));
    *out = (struct key_source){.kind = KEY_PHRASE, .phrase = text, .place = place};
    return OK;
}

static enum err phrase_ask(struct cx *cx, str where, struct key_source *out)
{
    struct termios as_it_was, quiet;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &as_it_was) != 0)
        return fault(cx, ERR_INVALID, M_KEYS_NO_PHRASE, MARG("where", where));
    quiet = as_it_was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "kith: pass phrase for " SFMT ": ", SARG(where));
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    char *bytes = arena_alloc(cx->arena, PHRASE_MAX + 2, 1);
    ssize_t n = read(STDIN_FILENO, bytes, PHRASE_MAX + 2);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
    fputc('\n', stderr);
    return phrase_take(cx, (str){bytes, n > 0 ? (size_t)n : 0}, S("the terminal"), out);
}

static enum err find_phrase(struct cx *cx, str where, struct key_source *out)
{
    const char *path = getenv("KITH_PASS_PHRASE_FILE");
    if (!path)
        return phrase_ask(cx, where, out);
    str text, place = arena_str(cx->arena, str_of(path));
    enum err e = file_read(cx, path, PHRASE_MAX + 2, &text);
    return e == ERR_NOT_FOUND ? unreadable(cx, place, ENOENT)
           : e != OK          ? e
                              : phrase_take(cx, text, place, out);
}

/* ERR_NOT_FOUND: nothing of the kind is set. */
static enum err find_named(struct cx *cx, str key_file, bool may_make, struct key_source *out)
{
    const char *from = key_file.len ? arena_cstr(cx->arena, key_file) : getenv("KITH_KEY_FILE");
    if (from && *from) {
        enum err e = key_from_file(cx, from, out);
        if (e != ERR_NOT_FOUND)
            return e;
        if (!may_make)
            return unreadable(cx, arena_str(cx->arena, str_of(from)), ENOENT);
        TRY(key_file_make(cx, from, out->key));
        out->kind = KEY_BYTES;
        out->place = arena_str(cx->arena, str_of(from));
        out->is_made = true;
        return OK;
    }
    if ((from = getenv("CREDENTIALS_DIRECTORY"))) {
        enum err e = key_from_file(cx, arena_printf(cx->arena, "%s/kith.key", from).ptr, out);
        if (e != ERR_NOT_FOUND)
            return e;
    }
    if ((from = getenv("KITH_KEY")))
        return key_from_text(cx, arena_str(cx->arena, str_of(from)), S("KITH_KEY"), out);
    return ERR_NOT_FOUND;
}

enum err key_find(struct cx *cx, str dir, str key_file, enum key_kind wanted, bool may_make,
                  struct key_source *out)
{
    *out = (struct key_source){0};
    char *whole = realpath(arena_cstr(cx->arena, dir),
                           NULL); /* beside ".", and with a whole name in sentences */
    if (whole)
        dir = arena_str(cx->arena, str_of(whole));
    free(whole);
    while (dir.len > 1 && dir.ptr[dir.len - 1] == '/')
        dir.len--;
    str keys = arena_printf(cx->arena, SFMT "/kith.keys", SARG(dir)),
        beside = arena_printf(cx->arena, SFMT ".key", SARG(dir));
    if (wanted == KEY_PHRASE)
        return find_phrase(cx, keys, out);
    enum err e = find_named(cx, key_file, may_make, out);
    if (e == ERR_NOT_FOUND && wanted == KEY_NONE && getenv("KITH_PASS_PHRASE_FILE"))
        return find_phrase(cx, keys, out);
    if (e != ERR_NOT_FOUND)
        return e;
    e = key_from_file(cx, beside.ptr, out);
    if (e != ERR_NOT_FOUND)
        return e;
    if (!may_make)
        return fault(cx, ERR_INVALID, M_KEYS_NO_KEY, MARG("where", keys), MARG("key", beside));
    TRY(key_file_make(cx, beside.ptr, out->key));
    out->kind = KEY_BYTES;
    out->place = beside;
    out->is_made = true;
    return OK;
}
