/* test/fuzz/name_match.c - two names in any script, an address and a famous name: bounded, the same when turned. */
#include "base/name_match.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    if (!a)
        a = arena_open((size_t)32 << 20);
    arena_reset(a);
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *whole = malloc(size ? size : 1);
    if (!whole)
        return 0;
    if (size)
        memcpy(whole, data, size);
    str right = {whole, size}, left = str_cut(&right, '|');
    struct name_match m, turned;
    struct famous f;
    name_match(a, left, right, &m);
    name_match(a, right, left, &turned);
    must(m.n <= NAME_PAIRS_MAX && m.score >= 0 && m.score <= 1.000001);
    must(m.is_same == turned.is_same && m.shares == turned.shares);
    must(!(m.is_same == SAYS_YES && m.shares));
    for (size_t i = 0; i < m.n; i++)
        must(m.pairs[i].how >= 0 && m.pairs[i].how < NAME_HOW_N &&
             (m.pairs[i].left.len || m.pairs[i].right.len));
    must(str_is_utf8(name_match_text(a, &m)));
    (void)name_in_email(a, left, right);
    if (famous_find(a, left, &f))
        must(f.name.len && f.written.len);
    must(!arena_is_over(a));
    free(whole);
    return 0;
}
