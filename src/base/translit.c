/* base/translit.c */
#include "base/translit.h"

int32_t translit(struct translit *t, UChar *u, int32_t n, int32_t cap)
{
    UErrorCode e = U_ZERO_ERROR;
    int32_t limit = n;
    pthread_mutex_lock(&t->lock);
    if (!t->t)
        t->t = utrans_openU(t->id, -1, UTRANS_FORWARD, NULL, 0, NULL, &e);
    if (t->t)
        utrans_transUChars(t->t, u, &n, cap, 0, &limit, &e);
    pthread_mutex_unlock(&t->lock);
    return U_SUCCESS(e) && t->t ? n : 0;
}
