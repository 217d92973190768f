/* rooms/judge/preview.c - what a rule would change before it is kept: who would come into each class, who would leave it,
 * ten of them. Customers are looked at page by page, spread over all; where time is short for everybody the numbers are an
 * estimate, and say so. Minimum stays are not waited for: what would come of it in the end is shown. */
#include "rooms/judge/inside.h"

enum { PAGE = 4000, SAMPLE = 10, LOOK_MS = 700, STRIPES = 16 };

struct preview_in {
    rule_id id;
    str class, label, condition;
    int64_t points;
    bool is_on, is_gone;
};
struct move_out {
    str class, name;
    int64_t enters, leaves, leads_more, leads_less;
};
struct moved_out {
    customer_id id;
    str name, name_lang, was, leading;
};
struct preview_out {
    int64_t looked, total;
    bool is_estimate;
    int64_t holds, moved;
    struct list classes, sample;
};
/* clang-format off */
static const struct field in_fields[] = {
    FIELD(struct preview_in, id, .in_path = true),
    FIELD(struct preview_in, class), FIELD(struct preview_in, label),
    FIELD(struct preview_in, condition, .max_len = EXPR_TEXT_MAX, .multiline = true),
    FIELD(struct preview_in, points, .min = -POINTS_MAX, .max = POINTS_MAX), FIELD(struct preview_in, is_on),
    FIELD(struct preview_in, is_gone, .doc = "If it were taken away"),
};
const struct shape rule_preview_in_shape = SHAPE("rule_preview_in", struct preview_in, in_fields);
const struct shape rule_preview_new_shape = {.name = "rule_preview_new", .size = sizeof(struct preview_in), .fields = in_fields + 1, .n = COUNT(in_fields) - 2};
enum { SENT_CLASS = 1, SENT_LABEL, SENT_CONDITION, SENT_POINTS, SENT_ON };
static const struct field move_fields[] = {
    FIELD(struct move_out, class), FIELD(struct move_out, name), FIELD(struct move_out, enters, .doc = "Would come into it"),
    FIELD(struct move_out, leaves), FIELD(struct move_out, leads_more, .doc = "Would have it as leading class"), FIELD(struct move_out, leads_less),
};
static const struct shape move_shape = SHAPE("rule_preview_class", struct move_out, move_fields);
static const struct field moved_fields[] = {
    FIELD(struct moved_out, id), FIELD(struct moved_out, name, .personal = true), FIELD(struct moved_out, name_lang, .omit_empty = true),
    FIELD(struct moved_out, was, .nullable = true, .doc = "The leading class now"), FIELD(struct moved_out, leading, .nullable = true, .doc = "And then"),
};
static const struct shape moved_shape = SHAPE("rule_preview_customer", struct moved_out, moved_fields);
static const struct field out_fields[] = {
    FIELD(struct preview_out, looked), FIELD(struct preview_out, total), FIELD(struct preview_out, is_estimate, .doc = "Not everybody was looked at"),
    FIELD(struct preview_out, holds, .doc = "The rule holds for so many"), FIELD(struct preview_out, moved, .doc = "So many would change"),
    FIELD_LIST(struct preview_out, classes, &move_shape), FIELD_LIST(struct preview_out, sample, &moved_shape, .doc = "Ten of them"),
};
const struct shape preview_out_shape = SHAPE("rule_preview", struct preview_out, out_fields);
static const struct field ref_fields[] = {FIELD(struct customer_ref, id), FIELD(struct customer_ref, name)};
static const struct shape ref_shape = SHAPE("customer_ref_row", struct customer_ref, ref_fields);
/* clang-format on */

struct preview {
    struct arena *page; /* of one stripe */
    struct judge_set before, after;
    int changed; /* place of the rule in `after`; -1: it is not there */
    int64_t enters[CLASSES], leaves[CLASSES], more[CLASSES + 1], less[CLASSES + 1];
    int64_t looked, moved, holds;
    int64_t sample[SAMPLE];
    struct looked at[SAMPLE];
    int then[SAMPLE];
    size_t n_sample;
};

/* ---- two sets of rules ------------------------------------------------------------------------- */

static void without_stay(struct judge_set *s)
{
    for (int c = 0; c < CLASSES; c++)
        s->limits[c].stay_ms = 0;
}

static enum err sets_of(struct cx *cx, const struct rule *r, bool is_gone, struct preview *p)
{
    TRY(judge_set_open(cx, &p->before));
    without_stay(&p->before);
    p->after = p->before;
    p->after.v = ARENA_ARRAY(cx->arena, p->before.n + 2, struct judging);
    p->after.n = 0;
    p->changed = -1;
    for (size_t i = 0; i < p->before.n; i++)
        if (p->before.v[i].rule->id.v != r->id.v)
            p->after.v[p->after.n++] = p->before.v[i];
    if (is_gone || !r->is_on || p->after.n == RULES_MAX)
        return OK;
    struct expr_plan *plan = NULL;
    struct rule *kept = ARENA_NEW(cx->arena, struct rule);
    *kept = *r;
    enum err e = rule_plan(cx, r->condition, &plan);
    if (e != OK)
        return fault_at(cx, e, S("condition"));
    p->changed = (int)p->after.n;
    p->after.v[p->after.n++] = (struct judging){kept, plan, expr_moves(plan)};
    return OK;
}

/* ---- counting ---------------------------------------------------------------------------------------- */

static void count(struct preview *p, const struct looked *a, const struct looked *b)
{
    bool is_moved = a->verdict.leading != b->verdict.leading;
    p->looked++;
    p->holds += p->changed >= 0 ? (int64_t)(b->holds >> p->changed & 1) : 0;
    for (int c = 0; c < CLASSES; c++) {
        bool was = a->verdict.is.of[c].is_in, is = b->verdict.is.of[c].is_in;
        p->enters[c] += is && !was;
        p->leaves[c] += was && !is;
        is_moved |= was != is;
    }
    if (!is_moved)
        return;
    p->moved++;
    if (a->verdict.leading != b->verdict.leading) {
        p->less[a->verdict.leading]++;
        p->more[b->verdict.leading]++;
    }
    if (p->n_sample < SAMPLE) {
        p->sample[p->n_sample] = a->customer;
        p->at[p->n_sample] = *a;
        p->then[p->n_sample++] = b->verdict.leading;
    }
}

static enum err look(struct cx *cx, struct preview *p, int64_t after, size_t most, size_t *n,
                     int64_t *last)
{
    struct looked *a = NULL, *b = NULL;
    struct arena *whole = cx->arena;
    size_t n_b = 0;
    *n = 0;
    arena_reset(p->page);
    cx->arena = p->page;
    enum err e = judge_look(cx, &p->before, NULL, after, most, &a, n);
    if (e == OK)
        e = judge_look(cx, &p->after, NULL, after, most, &b, &n_b);
    cx->arena = whole;
    if (e != OK) /* what it says lives no longer than the page */
        return cx->why.n_args ? fault(cx, e, M_STORE_FAILED) : e;
    for (size_t i = 0, k = 0; i < *n; i++) {
        while (k < n_b && b[k].customer < a[i].customer)
            k++;
        if (k < n_b && b[k].customer == a[i].customer)
            count(p, &a[i], &b[k]);
    }
    if (*n)
        *last = a[*n - 1].customer;
    return OK;
}

/* How many of a stripe fit into the time that is left for each. */
static size_t as_many(size_t some, int64_t spent_ns)
{
    int64_t each_ns = LOOK_MS * INT64_C(1000000) / STRIPES, most = PAGE;
    int64_t fits = spent_ns > 0 ? (int64_t)some * each_ns / spent_ns : most;
    return (size_t)(fits < 50 ? 50 : fits > most ? most : fits);
}

/* Small houses whole; else stripes from the first customer to the last, each as long as time allows. */
static enum err everybody(struct cx *cx, struct preview *p, int64_t total, bool *is_whole)
{
    int64_t last = INT64_MIN / 2, begun = clock_mono_ns();
    size_t n = 0, some = PAGE;
    *is_whole = total <= 2 * PAGE;
    if (*is_whole) {
        do
            TRY(look(cx, p, last, PAGE, &n, &last));
        while (n == PAGE);
        return OK;
    }
    some = 500;
    for (int i = 0; i < STRIPES && clock_mono_ns() - begun < 2 * LOOK_MS * INT64_C(1000000); i++) {
        int64_t at = clock_mono_ns(), skip = total / STRIPES - (int64_t)some;
        TRY(look(cx, p, last, some, &n, &last));
        some = as_many(some, clock_mono_ns() - at);
        enum err e = db_int(cx, &q_judge_skip, &last, ARGS(V(last), V(skip > 0 ? skip : 0)));
        if (e == ERR_NOT_FOUND)
            break;
        TRY(e);
    }
    return OK;
}

static int64_t scaled(const struct preview *p, int64_t n, int64_t total)
{
    return p->looked ? (int64_t)((double)n * (double)total / (double)p->looked + 0.5) : 0;
}

static enum err sample_of(struct cx *cx, struct preview *p, struct list *out)
{
    struct list names = {0};
    struct moved_out *m = ARENA_ARRAY(cx->arena, SAMPLE, struct moved_out);
    if (p->n_sample)
        TRY(db_all(cx, &q_judge_names, &ref_shape, &names, ARGS(val_ints(p->sample, p->n_sample))));
    const struct customer_ref *c = names.items;
    for (size_t i = 0; i < p->n_sample; i++) {
        m[i] = (struct moved_out){.id = {p->sample[i]},
                                  .was = str_of(class_codes[p->at[i].verdict.leading]),
                                  .leading = str_of(class_codes[p->then[i]])};
        for (size_t k = 0; k < names.n; k++)
            if (c[k].id.v == p->sample[i]) {
                m[i].name = c[k].name;
                m[i].name_lang = script_lang(c[k].name);
            }
    }
    *out = (struct list){m, p->n_sample};
    return OK;
}

static enum err preview_by(struct cx *cx, const struct rule *r, bool is_gone, struct preview *p,
                           struct preview_out *o)
{
    int64_t total = 0;
    bool is_whole = false;
    TRY(sets_of(cx, r, is_gone, p));
    TRY(db_int(cx, &q_judge_total, &total, NO_ARGS));
    TRY(everybody(cx, p, total, &is_whole));
    if (is_whole)
        total = p->looked;
    *o = (struct preview_out){
        p->looked, total, !is_whole, scaled(p, p->holds, total), scaled(p, p->moved, total),
        {0},       {0}};
    struct move_out *m = ARENA_ARRAY(cx->arena, CLASSES, struct move_out);
    for (int c = 0; c < CLASSES; c++)
        m[c] = (struct move_out){str_of(class_codes[c]),         class_name(cx->arena, cx->lang, c),
                                 scaled(p, p->enters[c], total), scaled(p, p->leaves[c], total),
                                 scaled(p, p->more[c], total),   scaled(p, p->less[c], total)};
    o->classes = (struct list){m, CLASSES};
    return sample_of(cx, p, &o->sample);
}

static enum err preview(struct cx *cx, const struct rule *r, bool is_gone, struct preview_out *o)
{
    struct preview *p = ARENA_NEW(cx->arena, struct preview);
    p->page = arena_open((size_t)32 << 20);
    if (!p->page)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    enum err e = preview_by(cx, r, is_gone, p, o);
    arena_close(p->page);
    return e;
}

/* ---- routes ------------------------------------------------------------------------------------------------ */

static enum err class_read(struct cx *cx, str key, int *out)
{
    *out = 0;
    while (*out < CLASSES && !str_eq(key, str_of(class_codes[*out])))
        ++*out;
    return *out < CLASSES ? OK : fault_field(cx, ERR_INVALID, S("class"), M_CLASS_UNKNOWN);
}

enum err rule_preview_route(struct cx *cx, void *in, void *out)
{
    const struct preview_in *a = in;
    struct rule r = {0};
    enum err e = db_one(cx, &q_rule_get, &rule_row_shape, &r, ARGS(V(a->id)));
    if (e != OK)
        return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_RULE_UNKNOWN) : e;
    if (cx->sent >> SENT_CLASS & 1)
        TRY(class_read(cx, a->class, &r.class));
    r.condition = cx->sent >> SENT_CONDITION & 1 ? a->condition : r.condition;
    r.points = cx->sent >> SENT_POINTS & 1 ? a->points : r.points;
    r.is_on = cx->sent >> SENT_ON & 1 ? a->is_on : r.is_on;
    return preview(cx, &r, a->is_gone, out);
}

enum err rule_preview_new_route(struct cx *cx, void *in, void *out)
{
    const struct preview_in *a = in;
    struct rule r = {
        .label = a->label, .condition = a->condition, .points = a->points, .is_on = true};
    TRY(class_read(cx, a->class, &r.class));
    return preview(cx, &r, false, out);
}
