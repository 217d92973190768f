/* rooms/search/index.c - the documents of the search: made of the records, written a page at a time.
 *
 * A change of a record leaves a row in search_due. A page reads some of them on a reader, makes the texts anew and writes what
 * differs in one change: FTS5 writes its lists once for the whole page. Safe to run twice. */
#include "queries.h"
#include "rooms/search/inside.h"

enum { TEXT_BYTES_MAX = 64 << 10, PAGE_MAX = 500, FILL_PAGE = 100 };

struct due_row {
    int64_t id, customer;
};
struct record_row {
    int64_t root;
    str name, reading, company;
};
struct handle_row {
    int64_t root;
    int type;
    str value;
};
struct tag_row {
    int64_t root;
    str name;
};
struct newest_row {
    int64_t n;
};
/* clang-format off */
static const struct field due_fields[] = {FIELD(struct due_row, id), FIELD_AS(struct due_row, customer, "customer_id")};
static const struct shape search_due_row_shape = SHAPE("search_due_row", struct due_row, due_fields);
static const struct field root_fields[] = {FIELD(struct search_root_row, id), FIELD_AS(struct search_root_row, root, "root_id")};
const struct shape search_root_shape = SHAPE("search_root", struct search_root_row, root_fields);
static const struct field record_fields[] = {
    FIELD_AS(struct record_row, root, "root_id"), FIELD(struct record_row, name),
    FIELD(struct record_row, reading), FIELD(struct record_row, company),
};
static const struct shape search_record_shape = SHAPE("search_record", struct record_row, record_fields);
static const struct field handle_fields[] = {
    FIELD_AS(struct handle_row, root, "root_id"), FIELD_ENUM(struct handle_row, type, identity_type_codes),
    FIELD(struct handle_row, value),
};
static const struct shape search_handle_row_shape = SHAPE("search_handle_row", struct handle_row, handle_fields);
static const struct field tag_fields[] = {FIELD_AS(struct tag_row, root, "root_id"), FIELD(struct tag_row, name)};
static const struct shape search_tag_shape = SHAPE("search_tag", struct tag_row, tag_fields);
static const struct field doc_fields[] = {
    FIELD(struct search_doc_row, id), FIELD_AS(struct search_doc_row, customer, "customer_id"), FIELD(struct search_doc_row, text),
};
const struct shape search_doc_shape = SHAPE("search_doc", struct search_doc_row, doc_fields);
static const struct field newest_fields[] = {FIELD_AS(struct newest_row, n, "id")};
static const struct shape search_number_shape = SHAPE("search_number", struct newest_row, newest_fields);
/* clang-format on */

/* ---- the text of a record ---------------------------------------------------------------------- */

static void add_line(struct text *t, char letter, str s)
{
    char head[3] = {letter, ' ', 0};
    str line = s;
    if (s.len == 0 || t->len + s.len > TEXT_BYTES_MAX)
        return;
    for (str rest = text_str(t); rest.len;) { /* once each */
        str l = str_cut(&rest, '\n');
        if (l.len == line.len + 2 && l.ptr[0] == letter &&
            memcmp(l.ptr + 2, line.ptr, line.len) == 0)
            return;
    }
    text_add(t, str_of(head));
    text_add(t, s);
    text_add_char(t, '\n');
}

static void add_keys(struct arena *a, struct text *t, char letter, str name, str reading)
{
    if (name.len == 0 && reading.len == 0)
        return;
    struct name_keys k = name_keys(a, name, reading);
    for (size_t i = 0; i < k.n; i++)
        add_line(t, letter, k.keys[i]);
}

static str digits_of(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        if (is_digit(s.ptr[i]))
            p[n++] = s.ptr[i];
    return (str){p, n};
}

static void add_handle(struct arena *a, struct text *t, int type, str value)
{
    static const int lines[IDENTITY_TYPE_N] = {
        [IDENTITY_PHONE] = LINE_PHONE,
        [IDENTITY_EMAIL] = LINE_EMAIL,
        [IDENTITY_ACCOUNT] = LINE_ACCOUNT,
        [IDENTITY_CARD] = LINE_CARD,
        [IDENTITY_PAYMENT] = -1,
        [IDENTITY_SOCIAL] = LINE_SOCIAL,
        [IDENTITY_COOKIE] = -1,
        [IDENTITY_DEVICE] = -1,
        [IDENTITY_EXTERNAL] = LINE_EXTERNAL,
    };
    int line = lines[type];
    if (line < 0)
        return;
    if (value.len && value.ptr[0] == '!') /* malformed, kept as given: found as given */
        value = (str){value.ptr + 1, value.len - 1};
    value = text_fold(a, value);
    add_line(t, line_letters[line], type == IDENTITY_PHONE ? digits_of(a, value) : value);
}

str search_names_text(struct arena *a, str name, str reading)
{
    struct text t = text_in(a, TEXT_BYTES_MAX + 4096);
    add_keys(a, &t, line_letters[LINE_NAME], name, reading);
    return text_str(&t);
}

str search_text(struct arena *a, str names, str company, const struct search_handle *handles,
                size_t n)
{
    struct text t = text_in(a, TEXT_BYTES_MAX + 4096);
    text_add(&t, names);
    add_keys(a, &t, line_letters[LINE_COMPANY], company, (str){0});
    for (size_t i = 0; i < n; i++)
        add_handle(a, &t, handles[i].type, handles[i].value);
    return text_str(&t);
}

/* A line at a time: what a line is says its first letter, which is no word of it. */
str search_pieces(struct arena *a, str text)
{
    struct text words = text_in(a, text.len + 1), out = text_in(a, (size_t)1 << 20);
    for (str rest = text; rest.len;) {
        str l = str_cut(&rest, '\n');
        if (l.len > 2)
            text_add(&words, (str){l.ptr + 1, l.len - 1});
    }
    struct str_list_ g = grams(a, text_str(&words));
    for (size_t i = 0; i < g.n; i++) {
        if (i)
            text_add_char(&out, ' ');
        text_add(&out, g.items[i]);
    }
    return text_str(&out);
}

/* ---- a page -------------------------------------------------------------------------------------- */

struct search_page {
    int64_t *due;
    size_t n_due;
    struct search_work *work;
    size_t n;
};

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t single(int64_t *v, size_t n)
{
    size_t m = 0;
    qsort(v, n, sizeof *v, by_number);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || v[i] != v[m - 1])
            v[m++] = v[i];
    return m;
}

/* All rows come in the order of the ids. */
enum err search_texts(struct cx *cx, const int64_t *roots, size_t n, struct search_work *out)
{
    struct list names = {0}, handles = {0}, tags = {0};
    struct val ids = val_ints(roots, n);
    struct db_read reads[] = {
        {&q_search_names, &search_record_shape, false, &names, {&ids, 1}, false},
        {&q_search_handles, &search_handle_row_shape, false, &handles, {&ids, 1}, false},
        {&q_search_tags, &search_tag_shape, false, &tags, {&ids, 1}, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    const struct record_row *r = names.items;
    const struct handle_row *h = handles.items;
    const struct tag_row *g = tags.items;
    size_t ri = 0, hi = 0, gi = 0;
    for (size_t i = 0; i < n; i++) {
        struct text t = text_in(cx->arena, TEXT_BYTES_MAX + 4096);
        for (; ri < names.n && r[ri].root <= roots[i]; ri++)
            if (r[ri].root == roots[i]) {
                add_keys(cx->arena, &t, line_letters[LINE_NAME], r[ri].name, r[ri].reading);
                add_keys(cx->arena, &t, line_letters[LINE_COMPANY], r[ri].company, (str){0});
            }
        for (; hi < handles.n && h[hi].root <= roots[i]; hi++)
            if (h[hi].root == roots[i])
                add_handle(cx->arena, &t, h[hi].type, h[hi].value);
        for (; gi < tags.n && g[gi].root <= roots[i]; gi++)
            if (g[gi].root == roots[i])
                add_keys(cx->arena, &t, line_letters[LINE_TAG], g[gi].name, (str){0});
        str pieces = search_pieces(cx->arena, text_str(&t));
        out[i] = (struct search_work){roots[i], pieces.len ? text_str(&t) : (str){0}, pieces};
    }
    return OK;
}

/* What becomes of these customers: the texts of those that answer; the others, merged into one of them or gone, go. */
static enum err plan(struct cx *cx, const int64_t *customers, size_t n, struct search_page *p)
{
    struct list rows = {0};
    TRY(db_all(cx, &q_search_roots, &search_root_shape, &rows, ARGS(val_ints(customers, n))));
    const struct search_root_row *r = rows.items;
    int64_t *roots = ARENA_ARRAY(cx->arena, n, int64_t);
    size_t n_roots = 0;
    for (size_t i = 0; i < rows.n; i++)
        roots[n_roots++] = r[i].root;
    n_roots = single(roots, n_roots);
    p->work = ARENA_ARRAY(cx->arena, 2 * n, struct search_work);
    if (n_roots)
        TRY(search_texts(cx, roots, n_roots, p->work));
    p->n = n_roots;
    for (size_t i = 0; i < n; i++)
        if (!bsearch(&customers[i], roots, n_roots, sizeof *roots, by_number))
            p->work[p->n++] = (struct search_work){.customer = customers[i]};
    return OK;
}

enum err search_page_plan(struct cx *cx, size_t limit, struct search_page **out)
{
    struct list due = {0};
    struct search_page *p = ARENA_NEW(cx->arena, struct search_page);
    *p = (struct search_page){0};
    *out = p;
    TRY(db_all(cx, &q_search_due_list, &search_due_row_shape, &due,
               ARGS(V((int64_t)(limit < PAGE_MAX ? limit : PAGE_MAX)))));
    if (due.n == 0)
        return OK;
    const struct due_row *d = due.items;
    int64_t *customers = ARENA_ARRAY(cx->arena, due.n, int64_t);
    p->due = ARENA_ARRAY(cx->arena, due.n, int64_t);
    for (size_t i = 0; i < due.n; i++) {
        p->due[p->n_due++] = d[i].id;
        customers[i] = d[i].customer;
    }
    return plan(cx, customers, single(customers, due.n), p);
}

size_t search_page_size(const struct search_page *p)
{
    return p->n_due;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static enum err doc_delete(struct cx *cx, const struct search_doc_row *was)
{
    if (!db_is_postgres(cx))
        TRY(db_run(cx, &q_search_gram_delete,
                   ARGS(V(was->id), V(search_pieces(cx->arena, was->text)))));
    return db_run(cx, &q_search_doc_delete, ARGS(V(was->id)));
}

static enum err doc_change(struct cx *cx, const struct search_doc_row *was,
                           const struct search_work *w)
{
    if (!db_is_postgres(cx)) {
        TRY(db_run(cx, &q_search_gram_delete,
                   ARGS(V(was->id), V(search_pieces(cx->arena, was->text)))));
        TRY(db_run(cx, &q_search_gram_insert, ARGS(V(was->id), V(w->pieces))));
    }
    return db_run(cx, &q_search_doc_update, ARGS(V(w->text), V(was->id), V(w->pieces)));
}

static enum err doc_add(struct cx *cx, int64_t id, const struct search_work *w)
{
    TRY(db_run(cx, &q_search_doc_insert, ARGS(V(id), V(w->customer), V(w->text), V(w->pieces))));
    return db_is_postgres(cx) ? OK : db_run(cx, &q_search_gram_insert, ARGS(V(id), V(w->pieces)));
}

static int by_customer(const void *a, const void *b)
{
    int64_t x = ((const struct search_doc_row *)a)->customer,
            y = ((const struct search_doc_row *)b)->customer;
    return (x > y) - (x < y);
}

static enum err write_all(struct cx *cx, const struct search_work *w, size_t n)
{
    struct list docs = {0};
    struct newest_row newest = {0};
    int64_t *ids = ARENA_ARRAY(cx->arena, n, int64_t);
    for (size_t i = 0; i < n; i++)
        ids[i] = w[i].customer;
    struct val of = val_ints(ids, n);
    struct db_read reads[] = {
        {&q_search_docs, &search_doc_shape, false, &docs, {&of, 1}, false},
        {&q_search_doc_newest, &search_number_shape, true, &newest, NO_ARGS, false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    for (size_t i = 0; i < n; i++) {
        struct search_doc_row key = {.customer = w[i].customer};
        const struct search_doc_row *was =
            docs.n ? bsearch(&key, docs.items, docs.n, sizeof key, by_customer) : NULL;
        if (was && str_eq(was->text, w[i].text))
            continue;
        if (was && w[i].text.len)
            TRY(doc_change(cx, was, &w[i]));
        else if (was)
            TRY(doc_delete(cx, was));
        else if (w[i].text.len)
            TRY(doc_add(cx, ++newest.n, &w[i]));
    }
    return OK;
}

enum err search_page_write(struct cx *cx, struct search_page *p)
{
    int64_t gone = 0;
    if (p->n_due == 0)
        return OK;
    TRY(db_run_count(cx, &q_search_due_done, &gone, ARGS(val_ints(p->due, p->n_due))));
    if (gone != (int64_t)p->n_due)
        return ERR_STALE; /* another node was here */
    return write_all(cx, p->work, p->n);
}

/* ---- stores from before ------------------------------------------------------------------------------- */

/* On the writer: what it reads is what is. */
static enum err fill_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                           int64_t *total, bool *finished)
{
    (void)args;
    (void)total;
    struct list rows = {0};
    TRY(db_all(cx, &q_search_fill_page, &search_root_shape, &rows,
               ARGS(V(*position), V(FILL_PAGE))));
    const struct search_root_row *r = rows.items;
    *finished = rows.n < FILL_PAGE;
    *progress += (int64_t)rows.n;
    if (rows.n == 0)
        return OK;
    int64_t *customers = ARENA_ARRAY(cx->arena, rows.n, int64_t);
    for (size_t i = 0; i < rows.n; i++)
        customers[i] = r[i].id;
    *position = customers[rows.n - 1];
    struct search_page p = {0};
    TRY(plan(cx, customers, rows.n, &p));
    return write_all(cx, p.work, p.n);
}
const struct job_kind search_fill = {.name = "search.fill", .slice = fill_slice};

/* ---- made anew --------------------------------------------------------------------------------------- */

enum err search_anew(struct cx *cx, const int64_t *customers, size_t n)
{
    struct search_page p = {0};
    struct list docs = {0};
    struct newest_row newest = {0};
    TRY(plan(cx, customers, n, &p));
    int64_t *ids = ARENA_ARRAY(cx->arena, p.n, int64_t);
    for (size_t i = 0; i < p.n; i++)
        ids[i] = p.work[i].customer;
    TRY(db_all(cx, &q_search_docs, &search_doc_shape, &docs, ARGS(val_ints(ids, p.n))));
    enum err e = db_one(cx, &q_search_doc_newest, &search_number_shape, &newest, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    const struct search_doc_row *d = docs.items;
    for (size_t i = 0; i < docs.n;
         i++) /* FTS5 calls itself corrupt when asked to drop grams it lost: */
        TRY(db_run(cx, &q_search_doc_delete,
                   ARGS(V(d[i].id)))); /* they stay, under a number of nobody */
    for (size_t i = 0; i < p.n; i++)
        if (p.work[i].text.len)
            TRY(doc_add(cx, ++newest.n, &p.work[i]));
    return OK;
}
