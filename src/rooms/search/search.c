/* rooms/search/search.c - what was typed → candidates → the best of them.
 *
 * The likely ones first: a handle that is exactly this one, an order, the start of a name; only when these do not fill the
 * page the pieces are asked, first of the spelling as typed, then of the others. Every question has its limit inside the
 * index, so one letter costs as little as a whole name. */
#include "messages.h"
#include "queries.h"
#include "rooms/search/inside.h"
#include "rooms/segment/segment.h"
#include "rooms/settings/settings.h"

enum {
    HANDLES_MORE = 4 /* digits of an address are in numbers too */,
    PAGE_DEFAULT = 20,
    PAGE_MOST = 50,
    LIST_MOST = 500
};

struct name_row {
    str key;
    int64_t root;
};
struct found_doc {
    int64_t root;
    str text;
};
struct order_row {
    order_id id;
    str number;
    customer_id customer;
    str name, lang;
    int64_t at_ms;
};
struct shown_row {
    int64_t id;
    int kind;
    str name, lang, company, city;
    int64_t last_ms;
    bool is_vip;
};
struct standing_row {
    int64_t root, last_ms;
    bool is_vip;
};
struct phone_row {
    str value, shown;
};
/* clang-format off */
static const struct field name_fields[] = {
    FIELD(struct name_row, key), FIELD_AS(struct name_row, root, "root_id"),
};
static const struct shape search_name_shape = SHAPE("search_name", struct name_row, name_fields);
static const struct field found_fields[] = {
    FIELD_AS(struct found_doc, root, "customer_id"), FIELD(struct found_doc, text),
};
static const struct shape search_found_doc_shape = SHAPE("search_found_doc", struct found_doc, found_fields);
static const struct field order_fields[] = {
    FIELD(struct order_row, id), FIELD(struct order_row, number), FIELD_AS(struct order_row, customer, "id"),
    FIELD(struct order_row, name), FIELD(struct order_row, lang), FIELD(struct order_row, at_ms),
};
static const struct shape search_order_shape = SHAPE("search_order", struct order_row, order_fields);
static const struct field shown_fields[] = {
    FIELD(struct shown_row, id), FIELD_ENUM(struct shown_row, kind, customer_kind_codes), FIELD(struct shown_row, name),
    FIELD(struct shown_row, lang), FIELD(struct shown_row, company), FIELD(struct shown_row, city),
    FIELD_AS(struct shown_row, last_ms, "last_contact_ms"), FIELD(struct shown_row, is_vip),
};
static const struct shape search_shown_shape = SHAPE("search_shown", struct shown_row, shown_fields);
static const struct field standing_fields[] = {
    FIELD_AS(struct standing_row, root, "customer_id"), FIELD_AS(struct standing_row, last_ms, "last_contact_ms"),
    FIELD(struct standing_row, is_vip),
};
static const struct shape search_standing_shape = SHAPE("search_standing", struct standing_row, standing_fields);
static const struct field phone_fields[] = {FIELD(struct phone_row, value), FIELD(struct phone_row, shown)};
static const struct shape search_phone_shape = SHAPE("search_phone", struct phone_row, phone_fields);
/* clang-format on */

/* ---- candidates ----------------------------------------------------------------------------------- */

struct hit {
    int64_t id; /* a root, or an order */
    bool is_order, is_vip;
    size_t turn; /* of its being found */
    int score;
    enum line_kind by;
    str line; /* where it stands */
    int64_t last_ms;
    const struct order_row *order;
};
struct search {
    struct cx *cx;
    struct asked asked;
    str typed;
    size_t most;  /* candidates of one question */
    size_t named; /* the variant whose beginnings were asked first */
    struct hit *hits;
    size_t n, cap;
};

static struct hit *hit_of(struct search *s, int64_t id, bool is_order)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->hits[i].id == id && s->hits[i].is_order == is_order)
            return &s->hits[i];
    return NULL;
}

static void put(struct search *s, struct hit h)
{
    struct hit *was = hit_of(s, h.id, h.is_order);
    if (was) {
        if (h.score > was->score) {
            h.turn = was->turn;
            *was = h;
        }
        return;
    }
    if (s->n < s->cap) {
        h.turn = s->n;
        s->hits[s->n++] = h;
    }
}

/* Better ones first; then as they were found. */
static int by_score(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    if (x->score != y->score)
        return y->score - x->score;
    if (x->is_order != y->is_order)
        return x->is_order - y->is_order;
    return x->turn < y->turn ? -1 : x->turn > y->turn;
}

/* Better ones first; then VIP, then who was here last. */
static int by_worth(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    if (x->score != y->score)
        return y->score - x->score;
    if (x->is_order != y->is_order)
        return x->is_order - y->is_order;
    if (x->is_vip != y->is_vip)
        return y->is_vip - x->is_vip;
    if (x->last_ms != y->last_ms)
        return x->last_ms < y->last_ms ? 1 : -1;
    return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

/* "anna" in "anna smith" is a whole word, in "annabel smith" it is not. */
static int name_score(str key, str typed)
{
    if (key.len == typed.len)
        return SCORE_NAME;
    return key.ptr[typed.len] == ' ' ? SCORE_NAME_WORD : SCORE_NAME_START;
}

static void take_names(struct search *s, const struct variant *v, const struct list *rows)
{
    const struct name_row *r = rows->items;
    for (size_t i = 0; i < rows->n; i++)
        put(s, (struct hit){.id = r[i].root,
                            .by = LINE_NAME,
                            .score = name_score(r[i].key, v->text) -
                                     (v->is_other ? OTHER_SPELLING : 0)});
}

static void take_docs(struct search *s, const struct list *rows)
{
    const struct found_doc *r = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        struct fit f = search_fit(&s->asked, r[i].text);
        if (f.score)
            put(s, (struct hit){.id = r[i].root, .by = f.by, .line = f.line, .score = f.score});
    }
}

static void take_orders(struct search *s, const struct list *rows, int score)
{
    const struct order_row *r = rows->items;
    for (size_t i = 0; i < rows->n; i++)
        put(s,
            (struct hit){.id = r[i].id.v,
                         .is_order = true,
                         .last_ms = r[i].at_ms,
                         .score = str_eq_ascii_nocase(r[i].number, s->typed) ? SCORE_ORDER : score,
                         .order = &r[i]});
}

/* ---- questions ---------------------------------------------------------------------------------------- */

static const enum line_kind line_of[IDENTITY_TYPE_N] = {
    [IDENTITY_PHONE] = LINE_PHONE,     [IDENTITY_EMAIL] = LINE_EMAIL,
    [IDENTITY_ACCOUNT] = LINE_ACCOUNT, [IDENTITY_CARD] = LINE_CARD,
    [IDENTITY_SOCIAL] = LINE_SOCIAL,   [IDENTITY_EXTERNAL] = LINE_EXTERNAL,
};

static str behind(struct arena *a, str s)
{
    return arena_printf(a, SFMT "\xF4\x8F\xBF\xBF", SARG(s));
}

static str upper(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.len + 1, 1);
    for (size_t i = 0; i < s.len; i++)
        p[i] = s.ptr[i] >= 'a' && s.ptr[i] <= 'z' ? (char)(s.ptr[i] - 0x20) : s.ptr[i];
    return (str){p, s.len};
}

struct names_read {
    struct list rows;
    struct val args[3];
};

static struct db_read read_names(struct search *s, const struct variant *v, struct names_read *r)
{
    r->args[0] = V(v->text);
    r->args[1] = V(behind(s->cx->arena, v->text));
    r->args[2] = V((int64_t)s->most);
    return (struct db_read){&q_search_by_name, &search_name_shape, false,
                            &r->rows,          {r->args, 3},       false};
}

static bool is_order_like(str q)
{
    for (size_t i = 0; i < q.len; i++)
        if ((unsigned char)q.ptr[i] <= ' ' || (unsigned char)q.ptr[i] >= 0x80)
            return false;
    return q.len > 0;
}

static bool may_be_name(const struct variant *v)
{
    return v->as != READ_HANDLE && !v->is_country;
}

/* Whose handle is exactly this; orders; the start of a name as typed. */
static enum err ask_first(struct search *s)
{
    static const int types[] = {IDENTITY_PHONE, IDENTITY_EMAIL,    IDENTITY_ACCOUNT,
                                IDENTITY_CARD,  IDENTITY_EXTERNAL, IDENTITY_SOCIAL};
    struct cx *cx = s->cx;
    struct handle handles[COUNT(types)];
    size_t n = 0, m = 0;
    str region = settings_current(cx)->region;
    for (size_t i = 0; i < COUNT(types); i++)
        if ((types[i] != IDENTITY_PHONE || s->asked.is_number) &&
            (handle_read(cx->arena, types[i], s->typed, region, &handles[n]) ||
             handles[n].suffix.len))
            n++;
    struct names_read names = {0};
    struct list orders = {0}, capitals = {0};
    struct db_read more[3];
    s->named = 0;
    while (s->named < s->asked.n && !may_be_name(&s->asked.variants[s->named]))
        s->named++;
    if (s->named < s->asked.n)
        more[m++] = read_names(s, &s->asked.variants[s->named], &names);
    str number = s->typed, big = upper(cx->arena, number);
    struct val order_args[] = {V(number), V(behind(cx->arena, number)), V(8)};
    struct val big_args[] = {V(big), V(behind(cx->arena, big)), V(8)};
    if (is_order_like(number)) {
        more[m++] = (struct db_read){&q_search_order, &search_order_shape, false,
                                     &orders,         {order_args, 3},     false};
        if (!str_eq(big, number))
            more[m++] = (struct db_read){&q_search_order, &search_order_shape, false,
                                         &capitals,       {big_args, 3},       false};
    }
    TRY(customer_owners_and(cx, handles, n, more, m));
    for (size_t i = 0; i < n; i++) {
        const struct owner *o = handles[i].owners.items;
        for (size_t k = 0; k < handles[i].owners.n && k < s->most; k++)
            put(s, (struct hit){.id = o[k].customer.v,
                                .by = line_of[handles[i].type],
                                .line = handles[i].value,
                                .score = SCORE_HANDLE});
    }
    if (s->named < s->asked.n)
        take_names(s, &s->asked.variants[s->named], &names.rows);
    struct list *both[] = {&orders, &capitals};
    for (size_t i = 0; i < COUNT(both); i++)
        take_orders(s, both[i], SCORE_ORDER_START);
    return OK;
}

static int64_t wanted_more(const struct db_read *r)
{
    return r->args.v[1].i - (int64_t)((const struct list *)r->out)->n;
}

/* Where there were too few among the newest, who may all be of one kind (callers without an address), those in the middle of
 * the store are looked through, and only then the whole lists. */
static enum err ask_again(struct search *s, struct db_read *reads, size_t n_reads)
{
    struct list middle[VARIANTS_MAX] = {0};
    struct val args[VARIANTS_MAX][2];
    struct db_read again[VARIANTS_MAX], *of[VARIANTS_MAX];
    size_t n = 0, left = 0;
    for (size_t i = 0; i < n_reads; i++) {
        if (reads[i].q != &q_search_by_newest || wanted_more(&reads[i]) <= 0)
            continue;
        args[n][0] = reads[i].args.v[0];
        args[n][1] = V(wanted_more(&reads[i]));
        of[n] = &reads[i];
        again[n] = (struct db_read){
            &q_search_by_middle, &search_found_doc_shape, false, &middle[n], {args[n], 2}, false};
        n++;
    }
    if (n)
        TRY(db_batch(s->cx, again, n));
    for (size_t k = 0; k < n; k++) {
        if ((int64_t)middle[k].n == args[k][1].i) {
            take_docs(s, &middle[k]);
            continue;
        }
        again[left] = *of[k];
        again[left++].q = &q_search_by_pieces;
    }
    return left ? db_batch(s->cx, again, left) : OK;
}

/* Documents that have the pieces of some variants. */
static enum err ask_pieces(struct search *s, size_t from, size_t to, struct db_read *more,
                           size_t n_more)
{
    struct cx *cx = s->cx;
    bool is_postgres = db_is_postgres(cx);
    struct names_read found[VARIANTS_MAX] = {0};
    struct db_read reads[3 * VARIANTS_MAX + 2];
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        struct names_read *f = &found[i];
        bool is_common = false;
        if (s->asked.variants[i].pieces.len == 0)
            continue;
        str pieces = {0};
        TRY(search_thin(cx, s->asked.variants[i].pieces, &pieces, &is_common));
        is_common &= is_postgres;
        f->args[0] = V(pieces);
        f->args[1] = V((int64_t)(s->asked.variants[i].as == READ_HANDLE && s->most <= 2 * PAGE_MOST
                                     ? HANDLES_MORE * s->most
                                     : s->most));
        reads[n++] = (struct db_read){is_common ? &q_search_by_newest : &q_search_by_pieces,
                                      &search_found_doc_shape,
                                      false,
                                      &f->rows,
                                      {f->args, 2},
                                      false};
    }
    for (size_t i = 0; i < n_more; i++)
        reads[n++] = more[i];
    TRY(db_batch(cx, reads, n));
    TRY(ask_again(s, reads, n - n_more));
    for (size_t i = from; i < to; i++)
        take_docs(s, &found[i].rows);
    return OK;
}

/* Pieces of variants from..to; on the first time names of the other spellings and the end of an order's number. */
static enum err ask_more(struct search *s, size_t from, size_t to, bool is_first)
{
    struct names_read names[VARIANTS_MAX] = {0};
    struct db_read more[VARIANTS_MAX + 1];
    struct list orders = {0};
    struct cx *cx = s->cx;
    size_t n = 0;
    for (size_t i = s->named + 1; is_first && i < s->asked.n; i++)
        if (s->asked.variants[i].as == READ_NAME)
            more[n++] = read_names(s, &s->asked.variants[i], &names[i]);
    str end = upper(cx->arena, s->typed);
    struct val order_args[] = {V(end), V(8)};
    if (is_first && is_order_like(end) && end.len >= 4)
        more[n++] = (struct db_read){
            &q_search_order_by_end, &search_order_shape, false, &orders, {order_args, 2}, false};
    TRY(ask_pieces(s, from, to, more, n));
    for (size_t i = 0; i < s->asked.n; i++)
        take_names(s, &s->asked.variants[i], &names[i].rows);
    take_orders(s, &orders, SCORE_ORDER_END);
    return OK;
}

static size_t customers_of(const struct search *s, int64_t *ids)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!s->hits[i].is_order)
            ids[n++] = s->hits[i].id;
    return n;
}

static void set_worth(struct search *s, int64_t root, bool is_vip, int64_t last_ms)
{
    struct hit *h = hit_of(s, root, false);
    if (h) {
        h->is_vip = is_vip;
        h->last_ms = last_ms;
    }
}

/* Who they are, and with that who of equals comes first. */
static enum err look_up(struct search *s, struct list *shown)
{
    int64_t *ids = ARENA_ARRAY(s->cx->arena, s->n + 1, int64_t);
    size_t n = customers_of(s, ids);
    *shown = (struct list){0};
    if (n)
        TRY(db_all(s->cx, &q_search_shown, &search_shown_shape, shown, ARGS(val_ints(ids, n))));
    const struct shown_row *r = shown->items;
    for (size_t i = 0; i < shown->n; i++)
        set_worth(s, r[i].id, r[i].is_vip, r[i].last_ms);
    return OK;
}

/* The second alone. */
static enum err look_up_worth(struct search *s)
{
    int64_t *ids = ARENA_ARRAY(s->cx->arena, s->n + 1, int64_t);
    size_t n = customers_of(s, ids);
    struct list rows = {0};
    if (n)
        TRY(db_all(s->cx, &q_search_standing, &search_standing_shape, &rows,
                   ARGS(val_ints(ids, n))));
    const struct standing_row *r = rows.items;
    for (size_t i = 0; i < rows.n; i++)
        set_worth(s, r[i].root, r[i].is_vip, r[i].last_ms);
    return OK;
}

static void order(struct search *s, size_t limit)
{
    qsort(s->hits, s->n, sizeof *s->hits, by_worth);
    s->n = s->n < limit ? s->n : limit;
}

/* All questions that are needed for `limit` results; twice as many of the best remain, to be put in order. */
static enum err ask(struct cx *cx, str q, size_t limit, struct search *s)
{
    *s = (struct search){.cx = cx, .most = 2 * limit > SEARCH_LEAST ? 2 * limit : SEARCH_LEAST};
    s->typed = str_clean(cx->arena, str_trim(q), SEARCH_CHARS_MAX);
    if (str_starts(s->typed, S("#")))
        s->typed = (str){s->typed.ptr + 1, s->typed.len - 1};
    search_read(cx->arena, s->typed, &s->asked);
    s->cap = (HANDLES_MORE + 1) * s->most * (VARIANTS_MAX + 1) + 200;
    s->hits = ARENA_ARRAY(cx->arena, s->cap, struct hit);
    if (s->asked.n == 0)
        return OK;
    TRY(ask_first(s));
    size_t first = s->asked.is_number ? s->asked.n : 1;
    if (s->n < limit)
        TRY(ask_more(s, 0, first, true));
    if (s->n < limit && first < s->asked.n)
        TRY(ask_more(s, first, s->asked.n, false));
    qsort(s->hits, s->n, sizeof *s->hits, by_score);
    s->n = s->n < 2 * limit ? s->n : 2 * limit;
    return OK;
}

enum err search_customers(struct cx *cx, str q, size_t limit, struct list *ids)
{
    struct search s;
    *ids = (struct list){0};
    limit = limit < LIST_MOST ? limit : LIST_MOST;
    TRY(ask(cx, q, limit, &s));
    TRY(look_up_worth(&s));
    order(&s, limit);
    int64_t *out = ARENA_ARRAY(cx->arena, s.n + 1, int64_t);
    *ids = (struct list){out, customers_of(&s, out)};
    return OK;
}

/* ---- the route ------------------------------------------------------------------------------------------ */

struct matched {
    str by, text;
    struct list marks;
};
struct found {
    str type, id, kind, title, title_lang, detail;
    struct customer_ref customer;
    double score;
    struct matched matched;
};
struct search_in {
    str q;
    int64_t limit;
};
struct search_out {
    struct list items;
    str where, trouble;
};
/* clang-format off */
static const struct field search_in_fields[] = {
    FIELD(struct search_in, q, .required = true, .max_len = SEARCH_CHARS_MAX, .doc = "Any fragment: name, phone number, e-mail, order, tag, company, card"),
    FIELD(struct search_in, limit, .min = 1, .max = PAGE_MOST, .doc = "How many at most (default 20)"),
};
static const struct shape search_in_shape = SHAPE("search_in", struct search_in, search_in_fields);
static const struct field search_mark_fields[] = {
    FIELD(struct mark_at, from, .doc = "In characters"), FIELD(struct mark_at, length),
};
static const struct shape search_mark_shape = SHAPE("mark_at", struct mark_at, search_mark_fields);
static const struct field matched_fields[] = {
    FIELD(struct matched, by, .doc = "name, company, tag, email, phone, card, account, social, external, order_number"),
    FIELD(struct matched, text, .personal = true, .doc = "Where it stands"),
    FIELD_LIST(struct matched, marks, &search_mark_shape, .doc = "Which part of it"),
};
static const struct shape matched_shape = SHAPE("matched", struct matched, matched_fields);
static const struct field search_found_fields[] = {
    FIELD(struct found, type, .doc = "customer or order"),
    FIELD(struct found, id),
    FIELD(struct found, kind, .omit_empty = true, .doc = "Of a customer: person or company"),
    FIELD(struct found, title, .personal = true),
    FIELD(struct found, title_lang),
    FIELD(struct found, detail),
    FIELD_STRUCT(struct found, customer, &customer_ref_shape, .nullable = true, .doc = "Of an order: whose"),
    FIELD(struct found, score, .doc = "1: exactly this; falls with how loosely it fits"),
    FIELD_STRUCT(struct found, matched, &matched_shape),
};
static const struct shape search_found_shape = SHAPE("search_found", struct found, search_found_fields);
static const struct field search_out_fields[] = {
    FIELD_LIST(struct search_out, items, &search_found_shape),
    FIELD(struct search_out, where, .omit_empty = true, .doc = "The condition that stood beside the words"),
    FIELD(struct search_out, trouble, .omit_empty = true, .doc = "What is wrong with it; then all of it was taken for words"),
};
static const struct shape search_out_shape = SHAPE("search", struct search_out, search_out_fields);
/* clang-format on */

static void show_order(struct search *s, const struct hit *h, struct found *out)
{
    const struct order_row *o = h->order;
    struct arena *a = s->cx->arena;
    str lang = customer_name_lang(o->name, o->lang);
    *out = (struct found){.type = S("order"),
                          .id = id_text(a, "ord", o->id.v),
                          .title = o->number,
                          .detail = o->name,
                          .customer = {o->customer, o->name, lang},
                          .score = h->score / 100.0,
                          .matched = {S("order_number"), o->number, {0}}};
    out->matched.marks = search_marks(a, &s->asked, o->number, false);
}

static const struct shown_row *shown_of(const struct list *rows, int64_t id)
{
    const struct shown_row *r = rows->items;
    for (size_t i = 0; i < rows->n; i++)
        if (r[i].id == id)
            return &r[i];
    return NULL;
}

static bool show_customer(struct search *s, const struct hit *h, const struct list *shown,
                          struct found *out)
{
    struct arena *a = s->cx->arena;
    const struct shown_row *r = shown_of(shown, h->id);
    if (!r)
        return false;
    str detail = r->company.len && r->city.len
                     ? arena_printf(a, SFMT " · " SFMT, SARG(r->company), SARG(r->city))
                 : r->company.len ? r->company
                                  : r->city;
    *out = (struct found){.type = S("customer"),
                          .id = id_text(a, "cus", r->id),
                          .kind = str_of(customer_kind_codes[r->kind]),
                          .title = r->name,
                          .title_lang = customer_name_lang(r->name, r->lang),
                          .detail = detail,
                          .score = h->score / 100.0,
                          .matched = {str_of(line_words[h->by]), h->line, {0}}};
    bool is_name = h->by <= LINE_TAG;
    if (h->by == LINE_NAME)
        out->matched.text = r->name;
    else if (h->by == LINE_COMPANY && r->company.len)
        out->matched.text = r->company;
    out->matched.marks = search_marks(a, &s->asked, out->matched.text, is_name);
    return true;
}

/* Numbers as people write them. */
static enum err write_numbers(struct search *s, struct found *f, size_t n)
{
    struct arena *a = s->cx->arena;
    str *values = ARENA_ARRAY(a, n + 1, str);
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (str_eq(f[i].matched.by, S("phone")) && f[i].matched.text.len) {
            if (f[i].matched.text.ptr[0] != '+')
                f[i].matched.text = arena_printf(a, "+" SFMT, SARG(f[i].matched.text));
            values[m++] = f[i].matched.text;
        }
    if (m == 0)
        return OK;
    struct list rows = {0};
    TRY(db_all(s->cx, &q_search_phones, &search_phone_shape, &rows, ARGS(val_texts(values, m))));
    const struct phone_row *p = rows.items;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(f[i].matched.by, S("phone")))
            continue;
        for (size_t k = 0; k < rows.n; k++)
            if (p[k].shown.len && str_eq(p[k].value, f[i].matched.text))
                f[i].matched.text = p[k].shown;
        f[i].matched.marks = search_marks(a, &s->asked, f[i].matched.text, false);
    }
    return OK;
}

/* ---- filters beside the words ---------------------------------------------------------------------------- */

struct filtered {
    str words;
    const struct whose *whose; /* NULL: no condition stands beside the words */
    const struct expr_plan *plan;
    str where, trouble;
};

/* "pushk country = RU": words, and a condition on whom they find. What is no condition that holds together is words; where
 * signs say that one was meant, it is told what is wrong with it. */
static enum err filters(struct cx *cx, str q, struct filtered *f)
{
    *f = (struct filtered){.words = q};
    struct fault before = cx->why;
    struct expr_world *world = ARENA_NEW(cx->arena, struct expr_world);
    struct expr *e = NULL, *rest = NULL;
    struct str_list words = {0};
    struct expr_plan *plan = NULL;
    *world = settings_world(cx);
    enum err err = expr_parse(cx, q, &e, NULL);
    if (err == OK)
        err = expr_words(cx, world, e, &words, &rest);
    bool is_meant = err == OK && rest && expr_compares(rest);
    if (is_meant)
        err = expr_check(cx, world, q, rest, NULL);
    if (err != OK && err != ERR_INVALID)
        return err;
    if (!is_meant || err != OK) {
        bool has_signs = false;
        for (size_t i = 0; i < q.len; i++)
            has_signs |= q.ptr[i] == '=' || q.ptr[i] == '<' || q.ptr[i] == '>' || q.ptr[i] == '~';
        if (is_meant && has_signs)
            f->trouble = fault_text(cx->arena, cx->lang, &cx->why);
        cx->why = before;
        return OK;
    }
    TRY(expr_plan(cx, world, rest, &plan));
    f->plan = plan;
    f->where = expr_text(cx->arena, rest);
    struct text t = text_in(cx->arena, (size_t)SEARCH_CHARS_MAX * 8);
    for (size_t i = 0; i < words.n; i++) {
        if (i)
            text_add_char(&t, ' ');
        text_add(&t, words.items[i]);
    }
    f->words = text_str(&t);
    return whose_read(cx, f->where, &f->whose);
}

/* Those of the hits whose customer fulfils it. */
static enum err keep_filtered(struct search *s, const struct whose *w)
{
    struct owned {
        int64_t customer;
        struct hit hit;
    };
    static const struct whose_rows rows = {.size = sizeof(struct owned)};
    struct owned *v = ARENA_ARRAY(s->cx->arena, s->n + 1, struct owned);
    for (size_t i = 0; i < s->n; i++)
        v[i] = (struct owned){s->hits[i].is_order ? s->hits[i].order->customer.v : s->hits[i].id,
                              s->hits[i]};
    struct list kept = {v, s->n};
    TRY(whose_keep(s->cx, w, &rows, &kept));
    for (size_t i = 0; i < kept.n; i++)
        s->hits[i] = v[i].hit;
    s->n = kept.n;
    return OK;
}

/* No words: the newest who fulfil it. */
static enum err newest_filtered(struct search *s, const struct expr_plan *p, size_t limit)
{
    struct list newest = {0};
    TRY(segment_newest(s->cx, p, (int64_t)limit, &newest));
    const struct customer_ref *c = newest.items;
    for (size_t i = 0; i < newest.n; i++)
        put(s, (struct hit){.id = c[i].id.v, .by = LINE_NAME, .line = c[i].name, .score = 1});
    return OK;
}

static enum err ask_filtered(struct cx *cx, const struct filtered *f, size_t limit,
                             struct search *s)
{
    if (!f->whose)
        return ask(cx, f->words, limit, s);
    TRY(ask(cx, f->words, LIST_MOST, s));
    return f->words.len ? keep_filtered(s, f->whose) : newest_filtered(s, f->plan, limit);
}

static enum err route_search(struct cx *cx, void *in, void *out)
{
    const struct search_in *a = in;
    struct search_out *found = out;
    struct search s;
    struct list shown = {0};
    size_t limit = a->limit ? (size_t)a->limit : PAGE_DEFAULT, m = 0;
    struct filtered filtered = {0};
    TRY(filters(cx, a->q, &filtered));
    TRY(ask_filtered(cx, &filtered, limit, &s));
    found->where = filtered.where;
    found->trouble = filtered.trouble;
    TRY(look_up(&s, &shown));
    order(&s, limit);
    struct found *f = ARENA_ARRAY(cx->arena, s.n + 1, struct found);
    for (size_t i = 0; i < s.n; i++) {
        if (s.hits[i].is_order)
            show_order(&s, &s.hits[i], &f[m++]);
        else
            m += show_customer(&s, &s.hits[i], &shown, &f[m]);
    }
    found->items = (struct list){f, m};
    TRY(write_numbers(&s, f, m));
    for (size_t i = 0; i < m; i++) /* nobody knows the name yet */
        if (f[i].title.len == 0)
            f[i].title = f[i].matched.text.len ? f[i].matched.text : f[i].detail;
    return OK;
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_GET, .path = "/api/v1/search", .may = MAY_SEE_CUSTOMERS, .read = route_search, .in = &search_in_shape,
     .out = &search_out_shape,
     .summary = "Customers and orders by any fragment: name in any script, phone, e-mail, order number, tag, company, card"},
};
/* clang-format on */
const struct room search_room = ROOM("search", routes);
