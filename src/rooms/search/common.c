/* rooms/search/common.c - which pieces many have ("mail", "exa", the code of the country).
 *
 * A list of half a million says little and takes milliseconds to go through. Beside rarer pieces only one such is asked for,
 * and none that nearly everybody has. And where all pieces are common: FTS5 goes through its lists from the newest on and stops
 * at the limit, but PostgreSQL's GIN reads a list whole before the first row comes, so the newest documents are looked through
 * first, then those in the middle. What is common says a count of a thousand documents, evenly from all, made anew each ten minutes. It decides the way,
 * never what is found. */
#include "queries.h"
#include "rooms/search/inside.h"
#include <pthread.h>

enum {
    SLOTS = 1 << 16,
    SAMPLE = 1000,
    COMMON = 2,
    RARE = 10,
    ALL_HAVE = 40 /* of 100 */,
    AGE_MS = 600000
};

struct sample_row {
    str text;
};
static const struct field sample_fields[] = {FIELD(struct sample_row, text)};
static const struct shape search_sample_shape =
    SHAPE("search_sample", struct sample_row, sample_fields);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint16_t counts[SLOTS]; /* two pieces may share one: then a rare one is taken for common */
    size_t n;
    int64_t made_ms;
} common;

static size_t slot_of(str piece)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < piece.len; i++)
        h = (h ^ (uint8_t)piece.ptr[i]) * 1099511628211u;
    return (h ^ h >> 32) % SLOTS;
}

static enum err count_when_due(struct cx *cx)
{
    struct list rows = {0};
    pthread_mutex_lock(&lock);
    bool is_due = common.made_ms == 0 || cx->now_ms > common.made_ms + AGE_MS;
    if (is_due)
        common.made_ms = cx->now_ms; /* the others go on with what there is */
    pthread_mutex_unlock(&lock);
    if (!is_due)
        return OK;
    int64_t newest = 0, *ids = ARENA_ARRAY(cx->arena, SAMPLE, int64_t);
    enum err e = db_int(cx, &q_search_doc_newest, &newest, NO_ARGS);
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    for (int64_t i = 0; i < SAMPLE; i++)
        ids[i] = 1 + i * newest / SAMPLE;
    TRY(db_all(cx, &q_search_sample, &search_sample_shape, &rows, ARGS(val_ints(ids, SAMPLE))));
    const struct sample_row *r = rows.items;
    uint16_t *counts = ARENA_ARRAY(cx->arena, SLOTS, uint16_t);
    for (size_t i = 0; i < rows.n; i++)
        for (str rest = search_pieces(cx->arena, r[i].text); rest.len;)
            counts[slot_of(str_cut(&rest, ' '))]++;
    pthread_mutex_lock(&lock);
    memcpy(common.counts, counts, sizeof common.counts);
    common.n = rows.n;
    pthread_mutex_unlock(&lock);
    return OK;
}

static bool has_share(str piece, unsigned of_100)
{
    return common.counts[slot_of(piece)] * 100u >= common.n * of_100;
}

static str rarest_common(str pieces)
{
    str found = {0};
    for (str rest = pieces; rest.len;) {
        str piece = str_cut(&rest, ' ');
        if (has_share(piece, RARE) && !has_share(piece, ALL_HAVE) &&
            (!found.len || common.counts[slot_of(piece)] < common.counts[slot_of(found)]))
            found = piece;
    }
    return found;
}

enum err search_thin(struct cx *cx, str pieces, str *out, bool *is_common)
{
    struct text thin = text_in(cx->arena, pieces.len + 1);
    bool has_rare = false;
    *is_common = true;
    *out = pieces;
    TRY(count_when_due(cx));
    pthread_mutex_lock(&lock);
    bool knows = common.n >= SAMPLE / 2;
    for (str rest = pieces; rest.len && knows;) {
        str piece = str_cut(&rest, ' ');
        has_rare |= !has_share(piece, RARE);
        *is_common &= has_share(piece, COMMON);
    }
    /* of the common ones, which mostly come together ("mai", "ail"), one is enough */
    str one = has_rare ? rarest_common(pieces) : (str){0};
    for (str rest = pieces; rest.len && has_rare;) {
        str piece = str_cut(&rest, ' ');
        if (has_share(piece, RARE) && !str_eq(piece, one))
            continue;
        if (thin.len)
            text_add_char(&thin, ' ');
        text_add(&thin, piece);
    }
    pthread_mutex_unlock(&lock);
    *is_common &= knows;
    if (thin.len)
        *out = text_str(&thin);
    return OK;
}
