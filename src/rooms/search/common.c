/* rooms/search/common.c - which pieces nearly everybody has ("mail", "exa", the code of the country).
 *
 * FTS5 goes through its lists from the newest on and stops at the limit. PostgreSQL's GIN reads a list whole before the first
 * row comes, and a list of half a million is ten milliseconds; so where all pieces are common the newest documents are looked
 * through first. Common is what is common among the newest: a count of a thousand of them, made anew each ten minutes. It
 * decides the way, never what is found. */
#include "queries.h"
#include "rooms/search/inside.h"
#include <pthread.h>

enum { SLOTS = 1 << 16, SAMPLE = 1000, OF_100 = 5, AGE_MS = 600000 };

struct pieces_row {
    str grams;
};
static const struct field pieces_fields[] = {FIELD(struct pieces_row, grams)};
static const struct shape search_pieces_row_shape =
    SHAPE("search_pieces_row", struct pieces_row, pieces_fields);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint16_t counts[SLOTS]; /* two pieces may share one: then a rare one is taken for common */
    size_t n;
    int64_t made_ms;
} common;

static uint16_t *count_of(str piece)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < piece.len; i++)
        h = (h ^ (uint8_t)piece.ptr[i]) * 1099511628211u;
    return &common.counts[(h ^ h >> 32) % SLOTS];
}

static void count(const struct list *rows)
{
    const struct pieces_row *r = rows->items;
    memset(common.counts, 0, sizeof common.counts);
    for (size_t i = 0; i < rows->n; i++) {
        for (str rest = r[i].grams; rest.len;)
            ++*count_of(str_cut(&rest, ' '));
    }
    common.n = rows->n;
}

enum err search_is_common(struct cx *cx, str pieces, bool *out)
{
    *out = false;
    pthread_mutex_lock(&lock);
    bool is_old = common.made_ms == 0 || cx->now_ms > common.made_ms + AGE_MS;
    if (is_old)
        common.made_ms = cx->now_ms; /* the others go on with what there is */
    pthread_mutex_unlock(&lock);
    if (is_old) {
        struct list rows = {0};
        TRY(db_all(cx, &q_search_sample, &search_pieces_row_shape, &rows, ARGS(V(SAMPLE))));
        pthread_mutex_lock(&lock);
        count(&rows);
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    bool is_common = common.n >= SAMPLE;
    for (str rest = pieces; rest.len && is_common;)
        is_common = *count_of(str_cut(&rest, ' ')) * 100u >= common.n * OF_100;
    pthread_mutex_unlock(&lock);
    *out = is_common;
    return OK;
}
