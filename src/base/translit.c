/* base/translit.c */
#include "base/translit.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Names are made of few pieces, and one is read some 30 us: what was read last of each of so many places is kept. */
enum { KEPT = 2048, IN_MOST = 12, OUT_MOST = 40 };
struct translit_kept {
    uint16_t n_in, n_out; /* n_in 0: nothing */
    UChar in[IN_MOST], out[OUT_MOST];
};

static struct translit_kept *place_of(struct translit *t, const UChar *u, int32_t n)
{
    uint32_t h = 2166136261u;
    if (n < 1 || n > IN_MOST)
        return NULL;
    if (!t->kept)
        t->kept = calloc(KEPT, sizeof *t->kept);
    for (int32_t i = 0; i < n; i++)
        h = (h ^ u[i]) * 16777619u;
    return t->kept ? &t->kept[(h ^ h >> 15) % KEPT] : NULL;
}

static bool is_of(const struct translit_kept *k, const UChar *u, int32_t n)
{
    return k->n_in == n && memcmp(k->in, u, (size_t)n * sizeof *u) == 0;
}

static void keep(struct translit_kept *k, const UChar *in, int32_t n_in, const UChar *out,
                 int32_t n_out)
{
    if (n_out > OUT_MOST)
        return;
    k->n_in = (uint16_t)n_in;
    k->n_out = (uint16_t)n_out;
    memcpy(k->in, in, (size_t)n_in * sizeof *in);
    memcpy(k->out, out, (size_t)n_out * sizeof *out);
}

static int32_t read_by_icu(struct translit *t, UChar *u, int32_t n, int32_t cap)
{
    UErrorCode e = U_ZERO_ERROR;
    int32_t limit = n;
    if (!t->t)
        t->t = utrans_openU(t->id, -1, UTRANS_FORWARD, NULL, 0, NULL, &e);
    if (t->t)
        utrans_transUChars(t->t, u, &n, cap, 0, &limit, &e);
    return U_SUCCESS(e) && t->t ? n : 0;
}

int32_t translit(struct translit *t, UChar *u, int32_t n, int32_t cap)
{
    UChar given[IN_MOST];
    pthread_mutex_lock(&t->lock);
    struct translit_kept *k = place_of(t, u, n);
    int32_t made;
    if (k && is_of(k, u, n) && k->n_out <= cap) {
        made = k->n_out;
        memcpy(u, k->out, (size_t)made * sizeof *u);
    } else {
        if (k)
            memcpy(given, u, (size_t)n * sizeof *u);
        made = read_by_icu(t, u, n, cap);
        if (k && made > 0)
            keep(k, given, n, u, made);
    }
    pthread_mutex_unlock(&t->lock);
    return made;
}
