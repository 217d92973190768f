/* base/translit.h - a transliterator of ICU by its rules, one for all threads: ICU takes a lock of its own round each call
 * anyway, and a second copy of the tables would cost megabytes. */
#pragma once
#include <pthread.h>
#include <unicode/utrans.h>

struct translit {
    const UChar *id; /* "Any-Latin; Lower" */
    pthread_mutex_t lock;
    UTransliterator *t; /* opened when it is first needed */
    struct translit_kept *kept; /* of short pieces, what they were */
};
/* In place, n of cap units; how many there are then, 0: it is too long, or ICU does not know the rules. */
int32_t translit(struct translit *t, UChar *u, int32_t n, int32_t cap);
