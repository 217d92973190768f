/* base/id.c - 64-bit ids, time-ordered, that never go back; their text in Crockford base32. */
#include "base/inside.h"
#include <stdatomic.h>

enum { SEQUENCE_BITS = 12, NODE_BITS = 10, TEXT_CHARS = 13 };
static const int64_t EPOCH_MS = 1577836800000;         /* 2020-01-01 */
static const int64_t LAST_MS = ((int64_t)1 << 41) - 1; /* in 2089 */
/* A clock that says 2080 and later is wrong and is not followed: ids never go back, so one moment of it would use up all
 * that are left. */
static const int64_t FOLLOWED_MS = 1893456000000;

/* Milliseconds and sequence of the newest id, as one number that only grows: a full sequence
 * runs on into the next millisecond. */
static _Atomic int64_t newest;
static _Atomic int64_t node_bits;

static int64_t compose(int64_t n)
{
    int64_t ms = n >> SEQUENCE_BITS, sequence = n & ((1 << SEQUENCE_BITS) - 1);
    return ms << (SEQUENCE_BITS + NODE_BITS) | atomic_load(&node_bits) | sequence;
}

static int64_t split(int64_t id)
{
    return id >> (SEQUENCE_BITS + NODE_BITS) << SEQUENCE_BITS | (id & ((1 << SEQUENCE_BITS) - 1));
}

void id_start(unsigned node, int64_t high_water)
{
    assert(node < 1u << NODE_BITS);
    atomic_store(&node_bits, (int64_t)(node & ((1u << NODE_BITS) - 1)) << SEQUENCE_BITS);
    /* Another node's id of the same millisecond may be greater in its node bits only: its
     * milliseconds are what must not come again. */
    int64_t least = high_water > 0 ? split(high_water | ((1 << SEQUENCE_BITS) - 1)) : 0;
    int64_t n = atomic_load(&newest);
    while (n < least && !atomic_compare_exchange_weak(&newest, &n, least)) {}
}

int64_t id_new(int64_t now_ms)
{
    int64_t ms = now_ms - EPOCH_MS;
    ms = ms < 0 || ms > FOLLOWED_MS ? 0 : ms;
    int64_t now = ms << SEQUENCE_BITS, n = atomic_load(&newest), next;
    do {
        next = n >= now ? n + 1 : now;
    } while (!atomic_compare_exchange_weak(&newest, &n, next));
    assert(next >> SEQUENCE_BITS <= LAST_MS);
    return compose(next);
}

int64_t id_high_water(void)
{
    return compose(atomic_load(&newest));
}

int64_t id_ms(int64_t id)
{
    return (id >> (SEQUENCE_BITS + NODE_BITS)) + EPOCH_MS;
}

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

str id_text(struct arena *a, const char *prefix, int64_t id)
{
    size_t n = strlen(prefix);
    char *p = arena_alloc(a, n + 1 + TEXT_CHARS + 1, 1);
    memcpy(p, prefix, n);
    id_write(p + n, id);
    return (str){p, n + 1 + TEXT_CHARS};
}

void id_write(char *out, int64_t id)
{
    uint64_t left = (uint64_t)id;
    out[0] = '_';
    for (size_t i = TEXT_CHARS; i > 0; i--, left >>= 5)
        out[i] = alphabet[left & 31];
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c + ('a' - 'A'));
    if (c == 'i' || c == 'l')
        c = '1';
    if (c == 'o')
        c = '0';
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

bool id_parse(str s, const char *prefix, int64_t *out)
{
    str p = str_of(prefix);
    if (s.len != p.len + 1 + TEXT_CHARS || !str_starts(s, p) || s.ptr[p.len] != '_')
        return false;
    uint64_t v = 0;
    for (size_t i = p.len + 1; i < s.len; i++) {
        int digit = value_of(s.ptr[i]);
        if (digit < 0 || v >> 59) /* the next shift would lose a bit */
            return false;
        v = v << 5 | (uint64_t)digit;
    }
    if (v == 0 || v > INT64_MAX)
        return false;
    *out = (int64_t)v;
    return true;
}
