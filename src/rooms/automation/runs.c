/* rooms/automation/runs.c - what automations did, what they would have done, notices to colleagues. */
#include "rooms/automation/inside.h"

enum { SAMPLE = 10, LOOKS = 100, DRY_DAYS = 7, DRY_FITTING = 2000 };
static const int64_t DAY_MS = 86400000;

/* ---- runs --------------------------------------------------------------------------------------- */

static const char *const outcome_codes[] = {"done", "failed", "loop", "often"};
static const char *const webhook_codes[] = {"", "waiting", "sent", "dead"};
struct runs_in {
    automation_id id;
    int64_t limit;
    str cursor;
};
struct run_row {
    run_id id;
    automation_id automation;
    struct customer_ref customer;
    str event, ref;
    int64_t depth;
    int outcome;
    int64_t place;
    str reason;
    when at;
    int webhook;
};
struct runs {
    struct list items;
    str next;
};
/* clang-format off */
static const struct field runs_in_fields[] = {FIELD(struct runs_in, id, .in_path = true), PAGE_FIELDS(struct runs_in)};
const struct shape runs_in_shape = SHAPE("automation_runs_in", struct runs_in, runs_in_fields);
static const struct field run_row_fields[] = {
    FIELD(struct run_row, id), FIELD_AS(struct run_row, automation, "automation_id"), FIELD_AS(struct run_row, customer.id, "customer_id"),
    FIELD_AS(struct run_row, customer.name, "name"), FIELD(struct run_row, event), FIELD(struct run_row, ref), FIELD(struct run_row, depth),
    FIELD_ENUM(struct run_row, outcome, outcome_codes), FIELD(struct run_row, place), FIELD(struct run_row, reason), FIELD_AS(struct run_row, at, "at_ms"),
    FIELD_ENUM(struct run_row, webhook, webhook_codes, .nullable = true),
};
static const struct shape automation_run_row_shape = SHAPE("automation_run_row", struct run_row, run_row_fields);
static const struct field run_fields[] = {
    FIELD(struct run_row, id), FIELD_STRUCT(struct run_row, customer, &customer_ref_shape), FIELD(struct run_row, event),
    FIELD(struct run_row, ref, .omit_empty = true, .doc = "What it happened to"),
    FIELD(struct run_row, depth, .doc = "So many automations stood one behind the other before it"),
    FIELD_ENUM(struct run_row, outcome, outcome_codes, .doc = "done; failed: an action could not be done; loop, often: it was stopped"),
    FIELD(struct run_row, place, .doc = "Of the first action that could not be done, from 0"),
    FIELD(struct run_row, reason, .omit_empty = true, .doc = "Why it could not: tags_full, notices_full, messages_full, nobody"),
    FIELD_ENUM(struct run_row, webhook, webhook_codes, .omit_empty = true, .doc = "Of its message: waiting, sent, dead"), FIELD(struct run_row, at),
};
static const struct shape run_shape = SHAPE("automation_run", struct run_row, run_fields);
static const struct field runs_fields[] = {FIELD_LIST(struct runs, items, &run_shape), FIELD(struct runs, next, .nullable = true)};
const struct shape runs_shape = SHAPE("automation_runs", struct runs, runs_fields);
/* clang-format on */

enum err runs_route(struct cx *cx, void *in, void *out)
{
    struct runs_in *a = in;
    struct runs *o = out;
    struct automation one = {0};
    int64_t sort, before;
    TRY(automation_one(cx, a->id, &one));
    TRY(page_begin(cx, "automation_runs", &a->limit, a->cursor, &sort, &before));
    TRY(db_all(cx, &q_automation_runs, &automation_run_row_shape, &o->items,
               ARGS(V(a->id), V(before), V(a->limit))));
    struct run_row *r = o->items.items;
    for (size_t i = 0; i < o->items.n; i++)
        r[i].customer.name_lang = script_lang(r[i].customer.name);
    if ((int64_t)o->items.n == a->limit)
        o->next = cursor_make(cx->arena, cx->now_ms, "automation_runs", r[o->items.n - 1].id.v,
                              r[o->items.n - 1].id.v);
    return OK;
}

/* ---- dry run -------------------------------------------------------------------------------------- */

struct dry_in {
    automation_id id;
    str event, where;
    segment_id segment;
    opt_int again_days;
    int64_t days;
};
struct dry_out {
    when since;
    int64_t events, runs, customers;
    struct list sample;
    bool is_partial;
};
struct event_row {
    int64_t seq;
    int type;
    int64_t at_ms, customer_id, ref_id;
};
struct root_row {
    int64_t id, root;
};
/* clang-format off */
static const struct field dry_in_fields[] = {
    FIELD(struct dry_in, event, .required = true, .doc = "As of an automation"),
    FIELD(struct dry_in, segment, .nullable = true),
    FIELD(struct dry_in, where, .max_len = EXPR_TEXT_MAX, .multiline = true),
    FIELD(struct dry_in, again_days, .max = 3650),
    FIELD(struct dry_in, days, .min = 1, .max = KEPT_DAYS, .doc = "So many days back (default 7)"),
};
const struct shape dry_in_shape = SHAPE("automation_dry_in", struct dry_in, dry_in_fields);
static const struct field dry_of_fields[] = {
    FIELD(struct dry_in, id, .in_path = true),
    FIELD(struct dry_in, days, .min = 1, .max = KEPT_DAYS, .doc = "So many days back (default 7)"),
};
const struct shape dry_of_shape = SHAPE("automation_dry_of", struct dry_in, dry_of_fields);
static const struct field dry_out_fields[] = {
    FIELD(struct dry_out, since, .doc = "What was looked at: from then on"),
    FIELD(struct dry_out, events, .doc = "Events of this kind"),
    FIELD(struct dry_out, runs, .doc = "So often it would have acted, by what is known of the customers now"),
    FIELD(struct dry_out, customers, .doc = "For so many customers"),
    FIELD_LIST(struct dry_out, sample, &customer_ref_shape, .doc = "Ten of them"),
    FIELD(struct dry_out, is_partial, .doc = "There was more than is looked at"),
};
const struct shape dry_out_shape = SHAPE("automation_dry", struct dry_out, dry_out_fields);
static const struct field event_row_fields[] = {
    FIELD(struct event_row, seq), FIELD_ENUM(struct event_row, type, event_codes), FIELD(struct event_row, at_ms), FIELD(struct event_row, customer_id),
    FIELD(struct event_row, ref_id),
};
static const struct shape automation_event_row_shape = SHAPE("automation_event_row", struct event_row, event_row_fields);
static const struct field root_fields[] = {FIELD(struct root_row, id), FIELD_AS(struct root_row, root, "root_id")};
static const struct shape automation_root_row_shape = SHAPE("automation_root_row", struct root_row, root_fields);
static const struct field ref_row_fields[] = {FIELD(struct customer_ref, id), FIELD(struct customer_ref, name)};
static const struct shape customer_ref_row_shape = SHAPE("customer_ref_row", struct customer_ref, ref_row_fields);
/* clang-format on */

/* A customer whom events of this kind named: does the condition hold of him now? */
struct person {
    int64_t root, last_ms; /* when it would have acted last */
    bool holds, has_acted;
};

static int by_root(const void *a, const void *b)
{
    int64_t x = ((const struct person *)a)->root, y = ((const struct person *)b)->root;
    return (x > y) - (x < y);
}

static enum err look(struct cx *cx, const struct expr_plan *p, struct person *v, size_t n)
{
    for (size_t from = 0; from < n; from += LOOKS) {
        int64_t ids[LOOKS];
        size_t k = n - from < LOOKS ? n - from : LOOKS;
        struct expr_many *many = NULL;
        for (size_t i = 0; i < k; i++)
            ids[i] = v[from + i].root;
        if (p)
            TRY(expr_load_many(cx, &p, 1, ids, k, &many));
        for (size_t i = 0; i < k; i++) {
            struct expr_subject s = {0};
            v[from + i].holds = !p || (expr_one_of(many, p, i, &s) && expr_holds(p, &s));
        }
    }
    return OK;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = ((const struct root_row *)a)->id, y = ((const struct root_row *)b)->id;
    return (x > y) - (x < y);
}

static enum err people_of(struct cx *cx, const struct event_row *v, size_t n, struct list *roots,
                          struct person **out, size_t *n_out)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    for (size_t i = 0; i < n; i++)
        ids[i] = v[i].customer_id;
    if (n)
        TRY(db_all(cx, &q_automation_roots, &automation_root_row_shape, roots,
                   ARGS(val_ints(ids, n))));
    struct person *p = ARENA_ARRAY(cx->arena, roots->n + 1, struct person);
    for (size_t i = 0; i < roots->n; i++)
        p[i].root = ((const struct root_row *)roots->items)[i].root;
    qsort(p, roots->n, sizeof *p, by_root);
    size_t kept = 0;
    for (size_t i = 0; i < roots->n; i++)
        if (kept == 0 || p[kept - 1].root != p[i].root)
            p[kept++] = p[i];
    *out = p;
    *n_out = kept;
    return OK;
}

static bool rests(const struct dry_in *a, const struct person *p, int64_t at_ms)
{
    if (!p->has_acted || !a->again_days.has)
        return false;
    return a->again_days.v == 0 || at_ms - p->last_ms < a->again_days.v * DAY_MS;
}

static enum err sample_of(struct cx *cx, const struct person *p, size_t n, struct list *out)
{
    int64_t ids[SAMPLE];
    size_t k = 0;
    for (size_t i = n; i-- > 0 && k < SAMPLE;)
        if (p[i].has_acted)
            ids[k++] = p[i].root;
    if (k == 0)
        return OK;
    TRY(db_all(cx, &q_automation_names, &customer_ref_row_shape, out, ARGS(val_ints(ids, k))));
    for (size_t i = 0; i < out->n; i++) {
        struct customer_ref *c = (struct customer_ref *)out->items + i;
        c->name_lang = script_lang(c->name);
    }
    return OK;
}

static enum err dry(struct cx *cx, const struct dry_in *a, struct dry_out *o)
{
    const struct begin *b = begin_of(a->event);
    int64_t since = cx->now_ms - (a->days ? a->days : DRY_DAYS) * DAY_MS, oldest = 0;
    struct expr_plan *plan = NULL;
    struct list events = {0}, roots = {0};
    struct person *people = NULL;
    size_t n = 0;
    if (!b)
        return fault_field(cx, ERR_INVALID, S("event"), M_AUTOMATION_EVENT);
    enum err e = automation_plan(cx, a->where, &plan);
    if (e != OK)
        return fault_at(cx, e, S("where"));
    TRY(db_all(cx, &q_automation_events, &automation_event_row_shape, &events,
               ARGS(V(event_codes[b->type]), V(since))));
    TRY(db_int(cx, &q_automation_events_from, &oldest, NO_ARGS));
    struct event_row *v = events.items;
    o->is_partial = events.n == DRY_FITTING;
    o->since = (when){o->is_partial ? v[events.n - 1].at_ms : oldest > since ? oldest : since};
    size_t kept = 0;
    for (size_t i = 0; i < events.n; i++)
        if (a->segment.v == 0 || v[i].ref_id == a->segment.v)
            v[kept++] = v[i];
    o->events = (int64_t)kept;
    TRY(people_of(cx, v, kept, &roots, &people, &n));
    TRY(look(cx, plan, people, n));
    for (size_t i = kept; i-- > 0;) { /* oldest first */
        const struct root_row *r = roots.n ? bsearch(&(struct root_row){v[i].customer_id, 0},
                                                     roots.items, roots.n, sizeof *r, by_id)
                                           : NULL;
        struct person *p =
            r ? bsearch(&(struct person){.root = r->root}, people, n, sizeof *people, by_root)
              : NULL;
        if (!p || !p->holds || rests(a, p, v[i].at_ms))
            continue;
        o->customers += !p->has_acted;
        o->runs++;
        p->has_acted = true;
        p->last_ms = v[i].at_ms;
    }
    return sample_of(cx, people, n, &o->sample);
}

enum err dry_route(struct cx *cx, void *in, void *out)
{
    return dry(cx, in, out);
}

enum err dry_of_route(struct cx *cx, void *in, void *out)
{
    struct dry_in *a = in;
    struct automation one = {0};
    TRY(automation_one(cx, a->id, &one));
    a->event = one.event;
    a->where = one.where;
    a->segment = one.segment.id;
    a->again_days = one.again_days;
    return dry(cx, a, out);
}

/* ---- notices -------------------------------------------------------------------------------------------- */

static const char *const notice_states[] = {"new", "all"};
struct notices_in {
    int state;
    int64_t limit;
    str cursor;
};
struct notice {
    notice_id id;
    struct customer_ref customer;
    str text;
    when at, seen_at;
};
struct notices {
    struct list items;
    str next;
};
struct notice_in {
    notice_id id;
};
/* clang-format off */
static const struct field notices_in_fields[] = {
    FIELD_ENUM(struct notices_in, state, notice_states, .doc = "new: not seen yet; all"), PAGE_FIELDS(struct notices_in),
};
const struct shape notices_in_shape = SHAPE("notices_in", struct notices_in, notices_in_fields);
static const struct field notice_row_fields[] = {
    FIELD(struct notice, id), FIELD_AS(struct notice, customer.id, "root_id"), FIELD_AS(struct notice, customer.name, "name"), FIELD(struct notice, text),
    FIELD_AS(struct notice, at, "at_ms"), FIELD_AS(struct notice, seen_at, "seen_ms", .nullable = true),
};
static const struct shape notice_row_shape = SHAPE("notice_row", struct notice, notice_row_fields);
static const struct field notice_fields[] = {
    FIELD(struct notice, id), FIELD_STRUCT(struct notice, customer, &customer_ref_shape), FIELD(struct notice, text), FIELD(struct notice, at),
    FIELD(struct notice, seen_at, .nullable = true),
};
static const struct shape notice_shape = SHAPE("notice", struct notice, notice_fields);
static const struct field notices_fields[] = {FIELD_LIST(struct notices, items, &notice_shape), FIELD(struct notices, next, .nullable = true)};
const struct shape notices_shape = SHAPE("notices", struct notices, notices_fields);
static const struct field notice_by_id_fields[] = {FIELD(struct notice_in, id, .in_path = true)};
const struct shape notice_by_id_shape = SHAPE("notice_by_id", struct notice_in, notice_by_id_fields);
/* clang-format on */

enum err notice_add(struct cx *cx, staff_id staff, customer_id customer, automation_id a, str text)
{
    int64_t waiting = 0, id = id_new(cx->now_ms);
    TRY(db_int(cx, &q_notice_waiting, &waiting, ARGS(V(staff), V(NOTICES_MAX))));
    if (waiting >= NOTICES_MAX)
        return ERR_TOO_MANY;
    TRY(db_run(cx, &q_notice_insert,
               ARGS(V(id), V(staff), V(customer), V(a), V(text), V(cx->now_ms))));
    return event_add(cx, EVENT_NOTICE_ADDED, 0, id,
                     arena_printf(cx->arena, "%lld", (long long)staff.v));
}

static int64_t me(const struct cx *cx)
{
    return cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0;
}

enum err notices_route(struct cx *cx, void *in, void *out)
{
    struct notices_in *a = in;
    struct notices *o = out;
    int64_t sort, before;
    const char *tag = a->state ? "notices_all" : "notices_new";
    TRY(page_begin(cx, tag, &a->limit, a->cursor, &sort, &before));
    TRY(db_all(cx, a->state ? &q_notice_all : &q_notice_new, &notice_row_shape, &o->items,
               ARGS(V(me(cx)), V(before), V(a->limit))));
    struct notice *n = o->items.items;
    for (size_t i = 0; i < o->items.n; i++)
        n[i].customer.name_lang = script_lang(n[i].customer.name);
    if ((int64_t)o->items.n == a->limit)
        o->next =
            cursor_make(cx->arena, cx->now_ms, tag, n[o->items.n - 1].id.v, n[o->items.n - 1].id.v);
    return OK;
}

enum err notice_seen_apply(struct cx *cx, void *in, void *out)
{
    const struct notice_in *a = in;
    int64_t n = 0;
    (void)out;
    TRY(db_run_count(cx, &q_notice_seen, &n, ARGS(V(cx->now_ms), V(a->id), V(me(cx)))));
    if (n)
        return OK;
    TRY(db_int(cx, &q_notice_has, &n, ARGS(V(a->id), V(me(cx)))));
    return n ? OK : fault(cx, ERR_NOT_FOUND, M_NOTICE_UNKNOWN);
}
