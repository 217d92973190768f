/* db/box.c - sealed pieces behind a head that holds the ring. */
#include "db/box.h"
#include "base/value.h"
#include "messages.h"
#include <errno.h>
#include <stdlib.h>

static const char magic[] = "KITHKEEP";
enum { VERSION = 1, RING_LENGTH_AT = 12, SALT_AT = 16 };
static const size_t ARENA_BYTES = (size_t)16 << 20;

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What a piece is bound to: the hash of the head, the number of the piece. */
struct bound {
    uint8_t head[32], number[8];
};

static str bound_of(struct bound *b, int64_t number)
{
    for (int i = 0; i < 8; i++)
        b->number[i] = (uint8_t)(number >> (8 * i));
    return (str){(const char *)b, sizeof *b};
}

/* ---- out --------------------------------------------------------------------------------------- */

struct box_out {
    bool (*write)(void *arg, const void *p, size_t n);
    void *arg;
    struct aead *aead;
    uint8_t *piece; /* length, cipher, nonce, text, tag: what seal_bytes makes, in place */
    enum seal_cipher cipher;
    struct bound bound;
    int64_t number, bytes;
};
enum { TEXT_AT = 4 + 1 + SEAL_NONCE };

static enum err not_written(struct cx *cx)
{
    int os = errno;
    return fault(cx, os == ENOSPC || os == EDQUOT ? ERR_NO_SPACE : ERR_INVALID, M_KEEP_NOT_WRITTEN,
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

enum err box_out_open(struct cx *cx, const struct keyring *ring, enum box_kind kind,
                      bool (*write)(void *arg, const void *p, size_t n), void *arg,
                      struct box_out **out)
{
    *out = NULL;
    struct box_out *o = calloc(1, sizeof *o);
    uint8_t key[SEAL_KEY], epoch = keyring_epoch(ring);
    if (!o)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    o->cipher = seal_cipher_here();
    o->piece = malloc(TEXT_AT + 1 + BOX_PIECE_MAX + SEAL_TAG);
    if (keyring_derive(ring, epoch, "backup", key))
        o->aead = aead_open(o->cipher, key);
    seal_forget(key, sizeof key);
    if (!o->piece || !o->aead) {
        box_out_close(o);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    o->write = write;
    o->arg = arg;
    str bytes = keyring_bytes(ring, cx->arena);
    uint8_t *head = arena_alloc(cx->arena, BOX_HEAD + bytes.len, 1);
    memcpy(head, magic, 8);
    head[8] = VERSION;
    head[9] = (uint8_t)kind;
    head[10] = epoch;
    put32(head + RING_LENGTH_AT, (uint32_t)bytes.len);
    random_bytes(head + SALT_AT, 16);
    memcpy(head + BOX_HEAD, bytes.ptr, bytes.len);
    size_t n = BOX_HEAD + bytes.len;
    sha256((str){(const char *)head, n}, o->bound.head);
    if (!write(arg, head, n)) {
        enum err e = not_written(cx);
        box_out_close(o);
        return e;
    }
    o->bytes = (int64_t)n;
    *out = o;
    return OK;
}

enum err box_out_add(struct cx *cx, struct box_out *o, char letter, str head, str body)
{
    size_t n = 1 + head.len + body.len;
    assert(n <= BOX_PIECE_MAX + 1);
    uint8_t *text = o->piece + TEXT_AT;
    text[0] = (uint8_t)letter;
    if (head.len)
        memcpy(text + 1, head.ptr, head.len);
    if (body.len)
        memcpy(text + 1 + head.len, body.ptr, body.len);
    size_t sealed = SEAL_MORE + n;
    put32(o->piece, (uint32_t)sealed);
    o->piece[4] = (uint8_t)o->cipher;
    seal_nonce(o->piece + 5);
    if (!aead_seal(o->aead, o->piece + 5, bound_of(&o->bound, o->number), text, n, text, text + n))
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    if (!o->write(o->arg, o->piece, 4 + sealed))
        return not_written(cx);
    o->number++;
    o->bytes += 4 + (int64_t)sealed;
    return OK;
}

int64_t box_out_bytes(const struct box_out *o)
{
    return o->bytes;
}

void box_out_close(struct box_out *o)
{
    if (!o)
        return;
    aead_close(o->aead);
    free(o->piece);
    free(o);
}

/* ---- in ------------------------------------------------------------------------------------------- */

struct box_in {
    ssize_t (*read)(void *arg, void *p, size_t n);
    void *arg;
    struct arena *keep, *arena;
    str name, ring;
    enum box_kind kind;
    uint8_t epoch;
    struct bound bound;
    uint8_t key[SEAL_KEY];
    int64_t number, bytes, start;
};

/* How many came; fewer only at the end. -1: failure. */
static ssize_t read_all(struct box_in *b, void *p, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = b->read(b->arg, (char *)p + got, n - got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

static enum err unread(struct cx *cx, const struct box_in *b)
{
    return fault(cx, ERR_INVALID, M_KEEP_UNREAD, MARG("file", b->name),
                 MARG("reason", arena_str(cx->arena, str_of(strerror(errno)))));
}

enum err box_damaged(struct cx *cx, const struct box_in *b)
{
    return fault(cx, ERR_INVALID, M_KEEP_DAMAGED, MARG("file", b->name), MNUM("at", b->bytes));
}

static enum err head_read(struct cx *cx, struct box_in *b)
{
    uint8_t head[BOX_HEAD];
    ssize_t n = read_all(b, head, sizeof head);
    if (n < 0)
        return unread(cx, b);
    if (n < BOX_HEAD || memcmp(head, magic, 8) != 0)
        return fault(cx, ERR_INVALID, M_KEEP_NOT_OURS, MARG("file", b->name));
    if (head[8] != VERSION)
        return fault(cx, ERR_INVALID, M_KEEP_LATER, MARG("file", b->name));
    uint32_t length = get32(head + RING_LENGTH_AT);
    if ((head[9] != BOX_PAGES && head[9] != BOX_ROWS) || head[11] != 0 || length == 0 ||
        length > KEYRING_FILE_MAX)
        return box_damaged(cx, b);
    uint8_t *all = arena_alloc(b->keep, BOX_HEAD + length, 1);
    memcpy(all, head, BOX_HEAD);
    n = read_all(b, all + BOX_HEAD, length);
    if (n < 0)
        return unread(cx, b);
    if ((uint32_t)n < length)
        return fault(cx, ERR_INVALID, M_KEEP_CUT, MARG("file", b->name));
    b->kind = head[9] == BOX_PAGES ? BOX_PAGES : BOX_ROWS;
    b->epoch = head[10];
    b->ring = (str){(const char *)all + BOX_HEAD, length};
    sha256((str){(const char *)all, BOX_HEAD + length}, b->bound.head);
    b->start = b->bytes = BOX_HEAD + (int64_t)length;
    return OK;
}

enum err box_in_open(struct cx *cx, str name, ssize_t (*read)(void *arg, void *p, size_t n),
                     void *arg, struct box_in **out)
{
    *out = NULL;
    struct box_in *b = calloc(1, sizeof *b);
    if (!b)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    b->keep = arena_open((size_t)1 << 20);
    b->arena = arena_open(ARENA_BYTES);
    if (!b->keep || !b->arena) {
        box_in_close(b);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    b->read = read;
    b->arg = arg;
    b->name = arena_str(b->keep, name);
    enum err e = head_read(cx, b);
    if (e != OK) {
        box_in_close(b);
        return e;
    }
    *out = b;
    return OK;
}

enum box_kind box_in_kind(const struct box_in *b)
{
    return b->kind;
}

str box_in_ring(const struct box_in *b)
{
    return b->ring;
}

enum err box_in_key(struct cx *cx, struct box_in *b, const struct keyring *ring)
{
    return keyring_derive(ring, b->epoch, "backup", b->key) ? OK : box_damaged(cx, b);
}

enum err box_in_next(struct cx *cx, struct box_in *b, char *letter, str *body, bool *is_cut)
{
    uint8_t length[4];
    *letter = 0;
    *body = (str){0};
    *is_cut = false;
    arena_reset(b->arena);
    ssize_t n = read_all(b, length, sizeof length);
    if (n < 0)
        return unread(cx, b);
    if (n == 0)
        return OK;
    uint32_t size = n == 4 ? get32(length) : 0;
    if (n == 4 && (size <= SEAL_MORE || size > BOX_PIECE_MAX + 1 + SEAL_MORE))
        return box_damaged(cx, b);
    char *sealed = arena_alloc(b->arena, size + 1, 1);
    ssize_t got = n == 4 ? read_all(b, sealed, size) : 0;
    if (got < 0)
        return unread(cx, b);
    if (n < 4 || (size_t)got < size) {
        *is_cut = true;
        return fault(cx, ERR_INVALID, M_KEEP_CUT, MARG("file", b->name));
    }
    str plain = {0};
    if (!seal_open_bytes(b->arena, b->key, bound_of(&b->bound, b->number), (str){sealed, size},
                         &plain) ||
        plain.len < 1)
        return box_damaged(cx, b);
    b->number++;
    b->bytes += 4 + (int64_t)size;
    *letter = plain.ptr[0];
    *body = (str){plain.ptr + 1, plain.len - 1};
    return OK;
}

int64_t box_in_bytes(const struct box_in *b)
{
    return b->bytes;
}

int64_t box_in_start(const struct box_in *b)
{
    return b->start;
}

void box_in_again(struct box_in *b)
{
    b->number = 0;
    b->bytes = b->start;
}

void box_in_close(struct box_in *b)
{
    if (!b)
        return;
    seal_forget(b->key, sizeof b->key);
    arena_close(b->keep);
    arena_close(b->arena);
    free(b);
}
