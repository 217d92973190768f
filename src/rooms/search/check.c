/* rooms/search/check.c - the documents against the records, and FTS5's lists against the documents.
 *
 * The lists are read once, from end to end, whatever the number of customers: for each document the hashes of its pieces are
 * added up, and the lists take off what they name. Where nothing is left over they are right. The few others, and what the lists
 * name and is not there, are looked at closer: a second reading gathers their pieces, so that a repair changes just what differs.
 * PostgreSQL keeps the pieces beside the text and its lists by itself: there the pieces are compared as they stand. */
#include "messages.h"
#include "queries.h"
#include "rooms/search/inside.h"

enum {
    DOCS_PAGE = 1000,
    RECORDS_PAGE = 200,
    DUE_PAGE = 5000,
    CLOSER_MAX = 8192,     /* documents of one closer look */
    STRETCH_NS = 300000000 /* of the lists, in one snapshot */
};
static const size_t CLOSER_BYTES = (size_t)128 << 20;
static const int64_t LISTS_MAX = INT64_C(1) << 40; /* the stretch ends by the clock */

enum stage { DOCS, RECORDS, LISTS, TEXTS, PIECES, COMPARE, OVER };

struct doc_checked {
    struct search_doc_row doc;
    str pieces;
};
struct due_root {
    int64_t id, customer, root;
};
/* clang-format off */
static const struct field doc_checked_fields[] = {
    FIELD_AS(struct doc_checked, doc.id, "id"), FIELD_AS(struct doc_checked, doc.customer, "customer_id"),
    FIELD_AS(struct doc_checked, doc.text, "text"), FIELD_AS(struct doc_checked, pieces, "grams"),
};
static const struct shape search_doc_checked_shape = SHAPE("search_doc_checked", struct doc_checked, doc_checked_fields);
static const struct field due_root_fields[] = {
    FIELD(struct due_root, id), FIELD_AS(struct due_root, customer, "customer_id"), FIELD_AS(struct due_root, root, "root_id"),
};
static const struct shape search_due_root_shape = SHAPE("search_due_root", struct due_root, due_root_fields);
/* clang-format on */

/* Numbers in ascending order. */
struct numbers {
    int64_t *v;
    size_t n, room;
};
struct closer {
    str text;        /* before its pieces were gathered; empty: it is not there */
    struct text has; /* pieces by the lists */
};
struct search_check {
    enum stage stage;
    int64_t after;       /* a number, where the stage stands */
    struct numbers docs; /* all there are */
    uint64_t *left;      /* of each: hashes of its pieces that the lists have not named */
    struct numbers told; /* those that were found wrong */
    struct numbers due;  /* customers that wait */
    bool is_due_read;    /* in this slice */
    struct arena *place; /* of `term` */
    str term;            /* of the lists, where the reading stands */
    uint64_t hash;       /* of it */
    int64_t doc;         /* of it: so far its list is done */
    struct numbers
        nobody; /* documents that only the lists name: the first of those after the number below */
    int64_t nobody_after; /* INT64_MIN: the first reading */
    bool is_more_of_nobody;
    size_t next; /* of docs: from here on they were not looked at closer */
    struct numbers closer;
    struct closer *looks;
    struct arena *arena; /* of the closer look */
    size_t at;           /* of closer */
};

/* ---- memory ------------------------------------------------------------------------------------ */

static bool grow(void **p, size_t room, size_t size)
{
    void *more = realloc(*p, room * size);
    if (more)
        *p = more;
    return more != NULL;
}

static enum err push(struct cx *cx, struct numbers *s, int64_t number)
{
    if (s->n == s->room) {
        size_t room = s->room + s->room / 2 + 1024;
        void *p = s->v;
        if (!grow(&p, room, sizeof *s->v))
            return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
        s->v = p;
        s->room = room;
    }
    s->v[s->n++] = number;
    return OK;
}

enum err search_check_open(struct cx *cx, struct search_check **out)
{
    struct search_check *k = calloc(1, sizeof *k);
    *out = k;
    if (!k)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    k->after = INT64_MIN;
    k->nobody_after = INT64_MIN;
    k->place = arena_open((size_t)1 << 20);
    k->arena = arena_open(CLOSER_BYTES);
    return k->place && k->arena ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

void search_check_close(struct search_check *k)
{
    if (!k)
        return;
    free(k->docs.v);
    free(k->told.v);
    free(k->due.v);
    free(k->nobody.v);
    free(k->closer.v);
    free(k->left);
    arena_close(k->place);
    arena_close(k->arena);
    free(k);
}

/* ---- numbers ----------------------------------------------------------------------------------- */

/* The place of the number, or where it would stand. From `from` on in strides that double: a list of documents goes forward. */
static size_t seek(const struct numbers *s, size_t from, int64_t number)
{
    size_t low = from && s->v[from - 1] >= number ? 0 : from, step = 1;
    while (low + step <= s->n && s->v[low + step - 1] < number) {
        low += step;
        step *= 2;
    }
    size_t high = low + step - 1 < s->n ? low + step - 1 : s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->v[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct numbers *s, size_t at, int64_t number)
{
    return at < s->n && s->v[at] == number;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The sum over the pieces of a document must not be nought by chance: each is mixed well. */
static uint64_t hash_of(str piece)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a, then the finish of SplitMix64 */
    for (size_t i = 0; i < piece.len; i++)
        h = (h ^ (uint8_t)piece.ptr[i]) * 1099511628211u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static uint64_t sum_of(str pieces)
{
    uint64_t sum = 0;
    while (pieces.len)
        sum += hash_of(str_cut(&pieces, ' '));
    return sum;
}

/* ---- what waits ---------------------------------------------------------------------------------- */

static enum err due_read(struct cx *cx, struct search_check *k)
{
    struct list rows = {0};
    int64_t after = INT64_MIN;
    k->due.n = 0;
    do {
        TRY(db_all(cx, &q_search_due_roots, &search_due_root_shape, &rows,
                   ARGS(V(after), V(DUE_PAGE))));
        const struct due_root *d = rows.items;
        for (size_t i = 0; i < rows.n; i++) {
            after = d[i].id;
            TRY(push(cx, &k->due, d[i].customer));
            if (d[i].root != d[i].customer)
                TRY(push(cx, &k->due, d[i].root));
        }
    } while (rows.n == DUE_PAGE);
    if (k->due.n)
        qsort(k->due.v, k->due.n, sizeof *k->due.v, by_number);
    k->is_due_read = true;
    return OK;
}

/* Many may wait, so they are kept; whom they do not explain is sought among those of this snapshot. */
static enum err waits(struct cx *cx, struct search_check *k, int64_t customer, bool *does)
{
    *does = is_at(&k->due, seek(&k->due, 0, customer), customer);
    if (*does || k->is_due_read)
        return OK;
    TRY(due_read(cx, k));
    *does = is_at(&k->due, seek(&k->due, 0, customer), customer);
    return OK;
}

/* ---- documents, records ------------------------------------------------------------------------- */

/* Documents of customers who are no record of their own, or none at all, and nothing waits. */
static enum err docs_slice(struct cx *cx, struct search_check *k, struct search_wrong *out,
                           size_t *n, int64_t *rows)
{
    struct list page = {0};
    TRY(db_all(cx, &q_search_docs_after, &search_root_shape, &page,
               ARGS(V(k->after), V(DOCS_PAGE))));
    const struct search_root_row *r = page.items;
    *rows = (int64_t)page.n;
    for (size_t i = 0; i < page.n; i++) {
        bool does = true;
        k->after = r[i].id;
        TRY(push(cx, &k->docs, r[i].id));
        if (r[i].root)
            TRY(waits(cx, k, r[i].root, &does));
        if (does)
            continue;
        out[(*n)++] = (struct search_wrong){.customer = r[i].root};
        TRY(push(cx, &k->told, r[i].id));
    }
    if (page.n == DOCS_PAGE)
        return OK;
    k->left = calloc(k->docs.n + 1, sizeof *k->left);
    k->stage = RECORDS;
    k->after = INT64_MIN;
    return k->left ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

static int by_customer(const void *a, const void *b)
{
    int64_t x = ((const struct doc_checked *)a)->doc.customer,
            y = ((const struct doc_checked *)b)->doc.customer;
    return (x > y) - (x < y);
}

static bool is_as_wanted(const struct cx *cx, const struct search_work *want,
                         const struct doc_checked *is)
{
    return is ? str_eq(is->doc.text, want->text) &&
                    (!db_is_postgres(cx) || str_eq(is->pieces, want->pieces))
              : want->text.len == 0;
}

static enum err record(struct cx *cx, struct search_check *k, const struct search_work *want,
                       const struct doc_checked *is, struct search_wrong *out, size_t *n)
{
    bool is_right = is_as_wanted(cx, want, is), does = false;
    if (!is_right)
        TRY(waits(cx, k, want->customer, &does));
    if (!is_right && !does) {
        out[(*n)++] = (struct search_wrong){.customer = want->customer};
        if (is)
            TRY(push(cx, &k->told, is->doc.id));
    }
    size_t at = is ? seek(&k->docs, 0, is->doc.id) : 0;
    if (is && is_at(&k->docs, at, is->doc.id)) /* what is wrong is looked at closer */
        k->left[at] += is_right ? sum_of(want->pieces)
                       : does   ? sum_of(search_pieces(cx->arena, is->doc.text))
                                : 1;
    return OK;
}

static enum err records_slice(struct cx *cx, struct search_check *k, struct search_wrong *out,
                              size_t *n, int64_t *rows)
{
    struct list page = {0}, docs = {0};
    TRY(db_all(cx, &q_search_fill_page, &search_root_shape, &page,
               ARGS(V(k->after), V(RECORDS_PAGE))));
    const struct search_root_row *r = page.items;
    int64_t *roots = ARENA_ARRAY(cx->arena, page.n + 1, int64_t);
    size_t n_roots = 0;
    *rows = (int64_t)page.n;
    for (size_t i = 0; i < page.n; i++) {
        k->after = r[i].id;
        if (r[i].id == r[i].root)
            roots[n_roots++] = r[i].id;
    }
    if (page.n < RECORDS_PAGE)
        k->stage = db_is_postgres(cx) ? OVER : LISTS;
    if (!n_roots)
        return OK;
    struct search_work *want = ARENA_ARRAY(cx->arena, n_roots, struct search_work);
    TRY(search_texts(cx, roots, n_roots, want));
    TRY(db_all(cx, &q_search_docs_checked, &search_doc_checked_shape, &docs,
               ARGS(val_ints(roots, n_roots))));
    for (size_t i = 0; i < n_roots; i++) {
        struct doc_checked key = {.doc.customer = roots[i]};
        TRY(record(cx, k, &want[i],
                   docs.n ? bsearch(&key, docs.items, docs.n, sizeof key, by_customer) : NULL, out,
                   n));
    }
    return OK;
}

/* ---- lists --------------------------------------------------------------------------------------- */

struct passing {
    struct cx *cx;
    struct search_check *k;
    int64_t until_ns, rows;
    size_t at;
    bool is_cut;
};

/* The lowest are kept; the others' turn comes when these were looked at. Above the newest document of the beginning they were
 * mostly written meanwhile: of those only some. */
static enum err nobodys(struct cx *cx, struct search_check *k, int64_t doc)
{
    struct numbers *s = &k->nobody;
    int64_t newest = k->docs.n ? k->docs.v[k->docs.n - 1] : INT64_MIN;
    size_t at = seek(s, 0, doc);
    if (doc <= k->nobody_after || is_at(s, at, doc) ||
        (doc > newest && k->nobody_after > INT64_MIN))
        return OK;
    if (s->n < CLOSER_MAX)
        TRY(push(cx, s, doc));
    else
        k->is_more_of_nobody |= (at < CLOSER_MAX ? s->v[CLOSER_MAX - 1] : doc) <= newest;
    if (at == CLOSER_MAX)
        return OK;
    memmove(s->v + at + 1, s->v + at, (s->n - 1 - at) * sizeof *s->v);
    s->v[at] = doc;
    return OK;
}

static enum err lists_row(void *arg, const struct val *cells, size_t n)
{
    struct passing *r = arg;
    struct search_check *k = r->k;
    str term = cells[0].s;
    int64_t doc = cells[1].i;
    (void)n;
    if (!str_eq(term, k->term)) {
        r->is_cut = r->rows > 0 && clock_mono_ns() > r->until_ns;
        arena_reset(k->place);
        k->term = arena_str(k->place, term);
        k->hash = hash_of(term);
        k->doc = INT64_MIN;
        if (r->is_cut)
            return ERR_BUSY;
    }
    if (doc <= k->doc)
        return OK;
    k->doc = doc;
    r->rows++;
    const struct numbers *s = k->stage == PIECES ? &k->closer : &k->docs;
    r->at = seek(s, r->at, doc);
    bool is_there = is_at(s, r->at, doc);
    if (k->stage == PIECES && is_there) {
        struct text *has = &k->looks[r->at].has;
        if (has->len)
            text_add_char(has, ' ');
        text_add(has, term);
        return arena_is_over(k->arena) ? ERR_TOO_BIG : OK;
    }
    if (k->stage == PIECES || (k->nobody_after > INT64_MIN && is_there))
        return OK;
    if (!is_there)
        return nobodys(r->cx, k, doc);
    k->left[r->at] -= k->hash;
    return OK;
}

/* A stretch of the lists, to the end of one of them; one that takes longer than a snapshot may live goes on where it was.
 * *is_all: there is no more. */
static enum err stretch(struct cx *cx, struct search_check *k, int64_t *rows, bool *is_all)
{
    struct passing r = {.cx = cx, .k = k, .until_ns = clock_mono_ns() + STRETCH_NS};
    str from = arena_str(cx->arena, k->term);
    enum err e = db_each(cx, &q_search_lists, ARGS(V(from), V(LISTS_MAX)), lists_row, &r);
    r.is_cut = r.is_cut || (e == ERR_BUSY && r.rows > 0);
    *rows = r.rows;
    *is_all = e == OK;
    if (r.is_cut)
        cx->why = (struct fault){0};
    else
        k->term = (str){0};
    return r.is_cut ? OK : e;
}

/* ---- closer ---------------------------------------------------------------------------------------- */

/* Whom to look at closer next: documents, then those that the lists alone name. */
static enum err choose(struct cx *cx, struct search_check *k)
{
    if (k->told.n)
        qsort(k->told.v, k->told.n, sizeof *k->told.v, by_number);
    k->closer.n = k->at = 0;
    for (; k->next < k->docs.n && k->closer.n < CLOSER_MAX; k->next++)
        if (k->left[k->next])
            TRY(push(cx, &k->closer, k->docs.v[k->next]));
    if (!k->closer.n && k->nobody.n) {
        for (size_t i = 0; i < k->nobody.n; i++)
            TRY(push(cx, &k->closer, k->nobody.v[i]));
        k->nobody_after = k->nobody.v[k->nobody.n - 1];
        k->nobody.n = 0;
    }
    if (!k->closer.n) {
        k->stage = k->is_more_of_nobody ? LISTS : OVER;
        k->is_more_of_nobody = false;
        return OK;
    }
    arena_reset(k->arena);
    k->looks = ARENA_ARRAY(k->arena, k->closer.n, struct closer);
    for (size_t i = 0; i < k->closer.n; i++)
        k->looks[i].has = text_in(k->arena, (size_t)1 << 20);
    k->stage = TEXTS;
    return OK;
}

static enum err closer_docs(struct cx *cx, const struct search_check *k, struct list *docs,
                            size_t *n)
{
    size_t rest = k->closer.n - k->at;
    *n = rest < RECORDS_PAGE ? rest : RECORDS_PAGE;
    return db_all(cx, &q_search_docs_of, &search_doc_shape, docs,
                  ARGS(val_ints(k->closer.v + k->at, *n)));
}

static enum err texts_slice(struct cx *cx, struct search_check *k)
{
    struct list docs = {0};
    size_t n = 0;
    TRY(closer_docs(cx, k, &docs, &n));
    const struct search_doc_row *d = docs.items;
    for (size_t i = 0; i < docs.n; i++)
        k->looks[seek(&k->closer, k->at, d[i].id)].text = arena_str(k->arena, d[i].text);
    k->at += n;
    if (k->at == k->closer.n) {
        k->stage = PIECES;
        k->at = 0;
    }
    return OK;
}

/* Of two lists in order: what only one of them has. */
static void differ(struct arena *a, str want, str has, str *missing, str *surplus)
{
    struct text only[] = {text_in(a, want.len + 1), text_in(a, has.len + 1)};
    str x = str_cut(&want, ' '), y = str_cut(&has, ' ');
    while (x.len || y.len) {
        int c = !y.len ? -1 : !x.len ? 1 : str_cmp(x, y);
        if (c) {
            struct text *t = &only[c > 0];
            if (t->len)
                text_add_char(t, ' ');
            text_add(t, c > 0 ? y : x);
        }
        if (c <= 0)
            x = str_cut(&want, ' ');
        if (c >= 0)
            y = str_cut(&has, ' ');
    }
    *missing = text_str(&only[0]);
    *surplus = text_str(&only[1]);
}

/* What was written while the pieces were gathered is left alone. */
static enum err compare_slice(struct cx *cx, struct search_check *k, struct search_wrong *out,
                              size_t *n)
{
    struct list docs = {0};
    size_t n_asked = 0, at = 0;
    TRY(closer_docs(cx, k, &docs, &n_asked));
    const struct search_doc_row *d = docs.items;
    for (size_t i = 0; i < n_asked; i++) {
        struct closer *look = &k->looks[k->at + i];
        int64_t id = k->closer.v[k->at + i];
        struct search_wrong w = {
            .doc = id, .text = look->text, .is_known = is_at(&k->told, seek(&k->told, 0, id), id)};
        while (at < docs.n && d[at].id < id)
            at++;
        bool is_there = at < docs.n && d[at].id == id;
        w.customer = is_there ? d[at].customer : 0;
        if (!str_eq(is_there ? d[at].text : (str){0}, look->text) || (is_there && w.is_known))
            continue;
        differ(cx->arena, search_pieces(cx->arena, look->text), text_str(&look->has), &w.missing,
               &w.surplus);
        if (w.missing.len || w.surplus.len)
            out[(*n)++] = w;
    }
    k->at += n_asked;
    return k->at == k->closer.n ? choose(cx, k) : OK;
}

enum err search_check_step(struct cx *cx, struct search_check *k, struct list *wrong, int64_t *rows,
                           bool *is_over)
{
    struct search_wrong *out = ARENA_ARRAY(cx->arena, DOCS_PAGE, struct search_wrong);
    size_t n = 0;
    bool is_all = false;
    enum err e = OK;
    *rows = 0;
    k->is_due_read = false;
    if (k->stage == DOCS)
        e = docs_slice(cx, k, out, &n, rows);
    else if (k->stage == RECORDS)
        e = records_slice(cx, k, out, &n, rows);
    else if (k->stage == TEXTS)
        e = texts_slice(cx, k);
    else if (k->stage == COMPARE)
        e = compare_slice(cx, k, out, &n);
    else {
        e = stretch(cx, k, rows, &is_all);
        if (e == OK && is_all && k->stage == LISTS)
            e = choose(cx, k);
        else if (e == OK && is_all)
            k->stage = COMPARE;
    }
    *wrong = (struct list){out, n};
    *is_over = k->stage == OVER;
    return e;
}

/* ---- repair ------------------------------------------------------------------------------------------ */

/* Only what differs: FTS5 calls itself corrupt when more is taken out than was put in. */
static enum err pieces_mend(struct cx *cx, const struct search_wrong *w)
{
    struct list docs = {0};
    TRY(db_all(cx, &q_search_docs_of, &search_doc_shape, &docs, ARGS(val_ints(&w->doc, 1))));
    const struct search_doc_row *d = docs.items;
    if (!str_eq(docs.n ? d->text : (str){0}, w->text))
        return OK; /* written anew meanwhile */
    if (w->surplus.len)
        TRY(db_run(cx, &q_search_gram_delete, ARGS(V(w->doc), V(w->surplus))));
    return w->missing.len ? db_run(cx, &q_search_gram_insert, ARGS(V(w->doc), V(w->missing))) : OK;
}

enum err search_mend(struct cx *cx, const struct search_wrong *w, size_t n)
{
    int64_t *customers = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    size_t n_customers = 0;
    for (size_t i = 0; i < n; i++)
        if (!w[i].doc)
            customers[n_customers++] = w[i].customer;
    for (size_t i = 0; i < n; i++)
        if (w[i].doc)
            TRY(pieces_mend(cx, &w[i]));
    return n_customers ? search_anew(cx, customers, n_customers) : OK;
}
