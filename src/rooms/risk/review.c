/* rooms/risk/review.c - what the risk officer is to look at, and his verdict. It is kept, shown on those who share a trace, and
 * counts there as evidence, not as guilt. */
#include "rooms/risk/inside.h"

struct review_row {
    review_id id;
    str kind;
    int64_t who;
    struct customer_ref customer;
    screened_id screened;
    str screened_name, screened_email;
    block_id block;
    int64_t points, times;
    when at;
    str verdict, note;
    struct staff_ref decided_by;
    when decided_at;
    int64_t version;
};
struct reviews_in {
    int state;
    int64_t limit;
    str cursor;
};
struct reviews {
    struct list items;
    str next;
};
struct review_in {
    review_id id;
    str verdict, note;
    struct review_row seen; /* between plan and apply */
    struct traces traces;
};
struct seen_trace {
    str kind;
    int64_t people, screenings;
};
struct review_one {
    struct review_row review;
    struct risk_answer risk;
    struct list shared, linked;
};
static const char *const states[] = {"open", "decided"};
static const char *const verdicts[] = {"fraud", "honest", "unsure"};
/* clang-format off */
#define HEAD_FIELDS(st, m)                                                                                                     \
    FIELD_AS(st, m id, "id"), FIELD_AS(st, m kind, "kind", .doc = "screened, customer, block"),                                 \
    {.name = "customer", .offset = offsetof(st, m customer), .size = sizeof(struct customer_ref), .type = F_STRUCT, .sub = &customer_ref_shape, .nullable = true, .not_column = true}, \
    FIELD_AS(st, m screened, "screened", .nullable = true), FIELD_AS(st, m screened_name, "name", .personal = true),           \
    FIELD_AS(st, m screened_email, "email", .personal = true), FIELD_AS(st, m block, "block", .nullable = true), FIELD_AS(st, m points, "points"), \
    FIELD_AS(st, m times, "times", .doc = "So often since it is open"), FIELD_AS(st, m at, "at"), FIELD_AS(st, m verdict, "verdict"), FIELD_AS(st, m note, "note"), \
    {.name = "decided_by", .offset = offsetof(st, m decided_by), .size = sizeof(struct staff_ref), .type = F_STRUCT, .sub = &staff_ref_shape, .nullable = true, .not_column = true}, \
    FIELD_AS(st, m decided_at, "decided_at", .nullable = true), FIELD_AS(st, m version, "version")
static const struct field review_fields[] = {HEAD_FIELDS(struct review_row, )};
const struct shape review_shape = SHAPE("risk_review", struct review_row, review_fields);
static const struct field review_row_fields[] = {
    FIELD(struct review_row, id), FIELD(struct review_row, kind), FIELD(struct review_row, who), FIELD_AS(struct review_row, customer.id, "root_id", .nullable = true),
    FIELD_AS(struct review_row, customer.name, "customer_name"), FIELD_AS(struct review_row, screened, "screened_id", .nullable = true),
    FIELD_AS(struct review_row, screened_name, "name"), FIELD_AS(struct review_row, screened_email, "email"), FIELD_AS(struct review_row, block, "block_id", .nullable = true),
    FIELD(struct review_row, points), FIELD(struct review_row, times), FIELD_AS(struct review_row, at, "at_ms"), FIELD(struct review_row, verdict), FIELD(struct review_row, note),
    FIELD_AS(struct review_row, decided_by.id, "decided_by", .nullable = true), FIELD_AS(struct review_row, decided_by.name, "staff_name"),
    FIELD_AS(struct review_row, decided_at, "decided_ms", .nullable = true), FIELD(struct review_row, version),
};
static const struct shape risk_review_row_shape = SHAPE("risk_review_row", struct review_row, review_row_fields);
static const struct field reviews_in_fields[] = {FIELD_ENUM(struct reviews_in, state, states, .doc = "open (default), the gravest first; decided, the newest first"), PAGE_FIELDS(struct reviews_in)};
const struct shape reviews_in_shape = SHAPE("risk_reviews_in", struct reviews_in, reviews_in_fields);
static const struct field reviews_fields[] = {FIELD_LIST(struct reviews, items, &review_shape), FIELD(struct reviews, next, .nullable = true)};
const struct shape reviews_shape = SHAPE("risk_reviews", struct reviews, reviews_fields);
static const struct field by_id_fields[] = {FIELD(struct review_in, id, .in_path = true)};
const struct shape review_by_id_shape = SHAPE("risk_review_by_id", struct review_in, by_id_fields);
static const struct field verdict_in_fields[] = {
    FIELD(struct review_in, id, .in_path = true), FIELD(struct review_in, verdict, .required = true, .names = verdicts, .n_names = COUNT(verdicts)),
    FIELD(struct review_in, note, .max_len = 2000, .multiline = true, .doc = "Why"),
};
const struct shape verdict_in_shape = SHAPE("risk_verdict_in", struct review_in, verdict_in_fields);
static const struct field trace_fields[] = {
    FIELD(struct seen_trace, kind), FIELD(struct seen_trace, people, .doc = "Who left the same trace, this one included"), FIELD(struct seen_trace, screenings),
};
static const struct shape trace_shape = SHAPE("risk_trace", struct seen_trace, trace_fields);
static const struct field one_fields[] = {
    HEAD_FIELDS(struct review_one, review.), FIELD_STRUCT(struct review_one, risk, &risk_answer_shape),
    FIELD_LIST(struct review_one, shared, &trace_shape), FIELD_LIST(struct review_one, linked, &review_shape, .doc = "Verdicts on those who share a trace"),
};
const struct shape review_one_shape = SHAPE("risk_review_one", struct review_one, one_fields);
/* clang-format on */

enum err review_put(struct cx *cx, const struct review_new *r)
{
    return db_run(cx, &q_risk_review_open_put,
                  ARGS(V(id_new(cx->now_ms)), V(r->kind), V(r->who), val_int_or_null(r->customer),
                       val_int_or_null(r->screened), val_int_or_null(r->block), V(r->points),
                       V(cx->now_ms)));
}

/* ---- reading -------------------------------------------------------------------------------------- */

static void names_finish(struct list *l)
{
    struct review_row *r = l->items;
    for (size_t i = 0; i < l->n; i++)
        r[i].customer.name_lang = script_lang(r[i].customer.name);
}

enum err reviews_route(struct cx *cx, void *in, void *out)
{
    struct reviews_in *a = in;
    struct reviews *o = out;
    bool is_decided = a->state == 1;
    const char *tag = is_decided ? "risk.decided" : "risk.open";
    int64_t sort, before;
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &sort, &before));
    TRY(db_all(cx, is_decided ? &q_risk_review_list_done : &q_risk_review_list_open,
               &risk_review_row_shape, &o->items, ARGS(V(sort), V(before), V(a->limit + 1))));
    if ((int64_t)o->items.n > a->limit) {
        o->items.n = (size_t)a->limit;
        const struct review_row *last = (const struct review_row *)o->items.items + a->limit - 1;
        o->next = cursor_make(cx->arena, cx->now_ms, tag,
                              is_decided ? last->decided_at.ms : last->points, last->id.v);
    }
    names_finish(&o->items);
    return OK;
}

static enum err get(struct cx *cx, review_id id, struct review_row *out)
{
    enum err e = db_one(cx, &q_risk_review_get, &risk_review_row_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_RISK_REVIEW_UNKNOWN) : e;
}

/* "email:123 device:456" as written by a screening. */
static void traces_read(str text, struct traces *out)
{
    *out = (struct traces){0};
    while (text.len) {
        str number = str_cut(&text, ' '), kind = str_cut(&number, ':');
        for (int i = 0; i < TRACE_KINDS; i++)
            if (str_eq(kind, str_of(trace_kind_codes[i])) && !str_to_int(number, &out->of[i]))
                out->of[i] = 0;
    }
    out->who = out->of[TRACE_EMAIL]   ? out->of[TRACE_EMAIL]
               : out->of[TRACE_PHONE] ? out->of[TRACE_PHONE]
                                      : out->of[TRACE_NAME];
}

/* Of the screening it is about, else the one it is open for. */
static enum err traces_of_review(struct cx *cx, const struct review_row *r, struct traces *out)
{
    struct screened_row s = {0};
    *out = (struct traces){.who = r->who, .of[TRACE_EMAIL] = r->who};
    if (!r->screened.v)
        return OK;
    enum err e = db_one(cx, &q_screened_get, &screened_row_shape, &s, ARGS(V(r->screened)));
    if (e == OK)
        traces_read(s.traces, out);
    return e == ERR_NOT_FOUND ? OK : e;
}

static const int telling[] = {TRACE_EMAIL, TRACE_PHONE, TRACE_DEVICE, TRACE_CARD, TRACE_ADDRESS};

static enum err shared_of(struct cx *cx, const struct traces *t, struct list *out)
{
    struct seen_trace *s = ARENA_ARRAY(cx->arena, COUNT(telling), struct seen_trace);
    size_t n = 0;
    for (size_t i = 0; i < COUNT(telling); i++) {
        struct list rows = {0};
        int64_t trace = t->of[telling[i]];
        if (!trace)
            continue;
        TRY(db_all(cx, &q_screened_trace_list, &screened_trace_row_shape, &rows,
                   ARGS(V(trace), V((int64_t)0), V(INT64_MAX), V((int64_t)SEEN_ROWS))));
        const struct trace_row *r = rows.items;
        int64_t people = 0;
        for (size_t k = 0; k < rows.n; k++) {
            bool is_new = true;
            for (size_t j = 0; j < k; j++)
                is_new = is_new && r[j].who != r[k].who;
            people += is_new;
        }
        if (rows.n)
            s[n++] =
                (struct seen_trace){str_of(trace_kind_codes[telling[i]]), people, (int64_t)rows.n};
    }
    *out = (struct list){s, n};
    return OK;
}

/* Reviews of the customer himself, and verdicts on those who share a trace with him, newest first. */
enum err reviews_about(struct cx *cx, customer_id root, const struct list *hits, struct list *out)
{
    struct list own = {0}, linked = {0};
    const struct verdict_hit *v = hits->items;
    int64_t ids[50];
    size_t n = 0, n_ids = 0;
    TRY(db_all(cx, &q_risk_review_of_customer, &risk_review_row_shape, &own, ARGS(V(root))));
    for (size_t i = 0; i < hits->n && n_ids < COUNT(ids); i++)
        ids[n_ids++] = v[i].review.v;
    if (n_ids)
        TRY(db_all(cx, &q_risk_review_some, &risk_review_row_shape, &linked,
                   ARGS(val_ints(ids, n_ids))));
    struct review_row *all = ARENA_ARRAY(cx->arena, own.n + linked.n + 1, struct review_row);
    const struct review_row *o = own.items, *l = linked.items;
    for (size_t i = 0, k = 0; i < own.n || k < linked.n;) {
        const struct review_row *next =
            k >= linked.n || (i < own.n && o[i].id.v >= l[k].id.v) ? &o[i++] : &l[k++];
        if (n == 0 || all[n - 1].id.v != next->id.v)
            all[n++] = *next;
    }
    *out = (struct list){all, n};
    names_finish(out);
    return OK;
}

static enum err linked_of(struct cx *cx, const struct review_row *r, const struct traces *t,
                          struct list *out)
{
    struct list hits = {0};
    int64_t traces[COUNT(telling)], ids[50];
    size_t n = 0, n_ids = 0;
    for (size_t i = 0; i < COUNT(telling); i++)
        if (t->of[telling[i]])
            traces[n++] = t->of[telling[i]];
    if (n)
        TRY(db_all(cx, &q_risk_verdict_hits, &risk_verdict_hit_row_shape, &hits,
                   ARGS(val_ints(traces, n))));
    const struct verdict_hit *v = hits.items;
    for (size_t i = 0; i < hits.n; i++)
        if (v[i].review.v != r->id.v)
            ids[n_ids++] = v[i].review.v;
    if (n_ids)
        TRY(db_all(cx, &q_risk_review_some, &risk_review_row_shape, out,
                   ARGS(val_ints(ids, n_ids))));
    names_finish(out);
    return OK;
}

static enum err risk_of_review(struct cx *cx, const struct review_row *r, struct risk_answer *out)
{
    struct screened_row s = {0};
    if (r->customer.id.v)
        return risk_of(cx, r->customer.id, out);
    enum err e = r->screened.v
                     ? db_one(cx, &q_screened_get, &screened_row_shape, &s, ARGS(V(r->screened)))
                     : ERR_NOT_FOUND;
    struct risk_facts f = {0};
    struct risk score = {0};
    struct risk_house h;
    str country = {0};
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == OK && !facts_read(cx, s.answer, &f, &score, &country))
        return ERR_INTERNAL;
    TRY(risk_house_read(cx, &h));
    risk_answer_of(cx, &score, &f, &h, country, out);
    return OK;
}

enum err review_route(struct cx *cx, void *in, void *out)
{
    struct review_one *o = out;
    struct traces t;
    TRY(get(cx, ((struct review_in *)in)->id, &o->review));
    o->review.customer.name_lang = script_lang(o->review.customer.name);
    TRY(traces_of_review(cx, &o->review, &t));
    TRY(risk_of_review(cx, &o->review, &o->risk));
    TRY(shared_of(cx, &t, &o->shared));
    if (o->review.customer.id.v)
        audit_view(cx, o->review.customer.id.v);
    return linked_of(cx, &o->review, &t, &o->linked);
}

/* ---- the verdict ------------------------------------------------------------------------------------- */

enum err verdict_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct review_in *a = in;
    TRY(get(cx, a->id, &a->seen));
    if (cx->if_match >= 0 && cx->if_match != a->seen.version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    return traces_of_review(cx, &a->seen, &a->traces);
}

/* Whoever has one of these handles is looked at anew. */
static enum err others_due(struct cx *cx, const struct review_in *a)
{
    struct screened_row s = {0};
    str values[1];
    size_t n = 0;
    if (a->seen.customer.id.v)
        TRY(rules_due(cx, &a->seen.customer.id.v, 1));
    enum err e = a->seen.screened.v ? db_one(cx, &q_screened_get, &screened_row_shape, &s,
                                             ARGS(V(a->seen.screened)))
                                    : ERR_NOT_FOUND;
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    if (email_read(cx->arena, s.email, &values[0]))
        n = 1;
    struct list l = {0};
    if (n)
        TRY(db_all(cx, &q_risk_owner_list, &risk_owner_row_shape, &l, ARGS(val_texts(values, n))));
    const struct owner_row *o = l.items;
    for (size_t i = 0; i < l.n; i++)
        TRY(rules_due(cx, &o[i].root, 1));
    return OK;
}

enum err verdict_apply(struct cx *cx, void *in, void *out)
{
    const struct review_in *a = in;
    int64_t n = 0;
    bool is_again = a->seen.decided_at.ms > 0;
    struct val staff = cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
    TRY(db_run_count(cx, is_again ? &q_risk_review_redecide : &q_risk_review_decide, &n,
                     ARGS(V(a->verdict), V(str_trim(a->note)), staff, V(cx->now_ms), V(a->id))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    TRY(db_run(cx, &q_risk_verdict_drop, ARGS(V(a->id))));
    for (size_t i = 0; i < COUNT(telling); i++) {
        int64_t trace = a->traces.of[telling[i]];
        if (trace)
            TRY(db_run(
                cx, &q_risk_verdict_put,
                ARGS(V(trace), V(a->id), V(a->verdict), V(trace == a->traces.who), V(cx->now_ms))));
    }
    house_changed();
    TRY(others_due(cx, a));
    TRY(audit_add(cx, "risk.verdict", a->seen.customer.id.v, a->id.v, a->verdict));
    cx->made_id = a->id.v;
    return get(cx, a->id, out);
}

enum err verdict_again(struct cx *cx, int64_t id, void *out)
{
    return get(cx, (review_id){id}, out);
}
