/* rooms/card/card.c - the caller's card: one read for the ids of the record, one batch for
 * everything else. */
#include "messages.h"
#include "queries.h"
#include "rooms/card/inside.h"

enum {
    RECENT = 8,
    ORDERS = 3,
    OPEN_ORDERS = 10,
    NOTES = 3,
    CALLS = 12,
    RELATIONS = 100,
    TASKS = 100,
    PEOPLE = 32, /* whose own calls are looked at */
    LINE_CHARS = 600,
    JSON_LIMIT = 1 << 20,
    ABOUT_CHARS = 80
};

/* clang-format off */
static const struct field greeting_fields[] = {
    FIELD(struct greeting, lang),
    FIELD(struct greeting, text, .personal = true, .doc = "How to address the customer, with the reading"),
    FIELD(struct greeting, sentence, .nullable = true, .doc = "What to say first, in the language of the customer; on a call"),
    FIELD(struct greeting, again, .nullable = true, .doc = "On a second call of the day"),
};
static const struct shape greeting_shape = SHAPE("greeting", struct greeting, greeting_fields);
static const struct field numbers_fields[] = {
    FIELD(struct card_numbers, spent_12m),
    FIELD(struct card_numbers, orders),
    FIELD(struct card_numbers, last_order_at),
    FIELD(struct card_numbers, contacts),
    FIELD(struct card_numbers, last_contact_at),
    FIELD(struct card_numbers, since),
    FIELD_ENUM(struct card_numbers, activity, activity_codes),
    FIELD(struct card_numbers, activity_at, .doc = "Since when"),
};
static const struct shape numbers_shape = SHAPE("card_numbers", struct card_numbers, numbers_fields);
static const struct field advice_fields[] = {
    FIELD(struct card_advice, code),
    FIELD_JSON(struct card_advice, args),
    FIELD_JSON(struct card_advice, because),
};
static const struct shape advice_shape = SHAPE("advice", struct card_advice, advice_fields);
static const struct field open_fields[] = {
    FIELD(struct card_open, type, .doc = "task or order"),
    FIELD(struct card_open, id),
    FIELD(struct card_open, title),
    FIELD(struct card_open, due_at),
    FIELD(struct card_open, is_late),
    FIELD(struct card_open, number, .omit_empty = true),
};
static const struct shape open_shape = SHAPE("card_open", struct card_open, open_fields);
static const struct field card_order_fields[] = {
    FIELD(struct card_order, id),
    FIELD(struct card_order, number),
    FIELD(struct card_order, at),
    FIELD(struct card_order, status),
    FIELD(struct card_order, total),
    FIELD(struct card_order, lines),
    FIELD(struct card_order, first_line),
    FIELD(struct card_order, due_at),
};
const struct shape card_order_shape = SHAPE("card_order", struct card_order, card_order_fields);
static const struct field card_order_row_fields[] = {
    FIELD(struct card_order, id),
    FIELD(struct card_order, number),
    FIELD_AS(struct card_order, at, "at_ms"),
    FIELD(struct card_order, status),
    FIELD_AS(struct card_order, total, "total_minor"),
    FIELD_AS(struct card_order, lines, "count"),
    FIELD(struct card_order, first_line, .nullable = true),
    FIELD_AS(struct card_order, due_at, "due_ms", .nullable = true),
};
const struct shape card_order_row_shape = SHAPE("card_order", struct card_order, card_order_row_fields);
static const struct field card_call_row_fields[] = {
    FIELD(struct card_call, id),
    FIELD_AS(struct card_call, ring_at, "ring_ms"),
    FIELD_AS(struct card_call, answer_at, "answer_ms", .nullable = true),
    FIELD(struct card_call, state),
    FIELD_AS(struct card_call, staff_name, "name", .nullable = true),
    FIELD(struct card_call, outcome),
    FIELD(struct card_call, reason),
    FIELD(struct card_call, note),
    FIELD_AS(struct card_call, spoke, "spoke_id", .nullable = true),
    FIELD(struct card_call, spoke_name),
};
const struct shape card_call_row_shape = SHAPE("card_call", struct card_call, card_call_row_fields);
static const struct field card_candidate_row_fields[] = {
    FIELD(struct card_candidate, id),
    FIELD(struct card_candidate, name),
    FIELD(struct card_candidate, lang),
    FIELD(struct card_candidate, type),
};
const struct shape card_candidate_row_shape = SHAPE("card_candidate", struct card_candidate, card_candidate_row_fields);
static const struct field person_fields[] = {
    FIELD(struct card_person, id, .nullable = true, .doc = "null: only the name is known, from an earlier call"),
    FIELD(struct card_person, name, .personal = true),
    FIELD(struct card_person, name_lang),
    FIELD(struct card_person, relation),
    FIELD(struct card_person, role),
    FIELD(struct card_person, last_call_at, .nullable = true),
};
static const struct shape person_shape = SHAPE("card_person", struct card_person, person_fields);
static const struct field last_call_fields[] = {
    FIELD(struct card_last_call, id, .nullable = true),
    FIELD(struct card_last_call, at),
    FIELD(struct card_last_call, staff_name),
    FIELD(struct card_last_call, outcome),
    FIELD(struct card_last_call, note, .personal = true, .seen_by = MAY_READ_NOTES),
    FIELD(struct card_last_call, is_today),
    FIELD(struct card_last_call, is_unsolved),
};
static const struct shape last_call_shape = SHAPE("card_last_call", struct card_last_call, last_call_fields);
static const struct field choice_fields[] = {
    FIELD(struct card_choice, id),
    FIELD(struct card_choice, name, .personal = true),
    FIELD(struct card_choice, name_lang),
    FIELD(struct card_choice, why),
};
static const struct shape choice_shape = SHAPE("card_choice", struct card_choice, choice_fields);

static const struct field card_fields[] = {
    FIELD_STRUCT(struct card, customer, &customer_shape),
    FIELD_LIST(struct card, marks, &mark_shape),
    FIELD_STRUCT(struct card, greeting, &greeting_shape),
    FIELD_LIST(struct card, identities, &identity_shape),
    FIELD_STRUCT(struct card, numbers, &numbers_shape),
    FIELD_STRUCT(struct card, class, &class_seen_shape, .doc = "What kind of customer this is, and how to serve him"),
    FIELD_STRUCT(struct card, risk, &risk_seen_of_shape, .nullable = true, .seen_by = MAY_READ_RISK, .doc = "As last looked at; GET /customers/{id}/judgement says why"),
    FIELD_LIST(struct card, advice, &advice_shape),
    FIELD_LIST(struct card, open, &open_shape, .doc = "Tasks and orders, late ones first"),
    FIELD_LIST(struct card, recent, &line_shape),
    FIELD_LIST(struct card, orders, &card_order_shape),
    FIELD_LIST(struct card, holdings, &holding_shape),
    FIELD_LIST(struct card, people, &person_shape, .doc = "Latest caller first"),
    FIELD_LIST(struct card, notes, &note_shape),
    FIELD_LIST(struct card, proposals, &proposal_shape),
    FIELD_STRUCT(struct card, last_call, &last_call_shape, .nullable = true),
    FIELD_STRUCT(struct card, ask, &next_ask_shape, .nullable = true, .doc = "The one thing to ask next"),
    FIELD(struct card, questions, .doc = "For the caller check"),
    FIELD(struct card, is_shared_number),
    FIELD_LIST(struct card, candidates, &choice_shape, .doc = "Others who have a handle of this record"),
    FIELD(struct card, version),
};
/* clang-format on */
const struct shape card_shape = SHAPE("card", struct card, card_fields);

/* ---- reading
 * -------------------------------------------------------------------------------------- */

/* What the batch brings, before it is made into the card. */
struct raw {
    struct standing standing;
    struct number_row checked;
    struct list tasks, relations, open_orders, candidates, calls, addresses, fresh, classes, pins;
    const struct settings *house;
    call_id call;
    int32_t today;
};

/* Rows of each id of the record, in the order of time. */
struct by_time {
    const struct query *q;
    const struct shape *shape;
    size_t at_offset, id_offset;
    int64_t n;
    struct list *out;
};

/* Those without a day last. */
static int by_due(const void *a, const void *b)
{
    const struct card_order *x = a, *y = b;
    int64_t dx = x->due_at.ms ? x->due_at.ms : INT64_MAX,
            dy = y->due_at.ms ? y->due_at.ms : INT64_MAX;
    return dx != dy ? (dx > dy) - (dx < dy) : (x->id.v > y->id.v) - (x->id.v < y->id.v);
}

/* The open orders of all ids of the record as one list, what is due first before the rest. */
static struct list soonest(struct arena *a, const struct list *lists, size_t n_lists)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < n_lists; i++)
        n += lists[i].n;
    struct card_order *all = ARENA_ARRAY(a, n + 1, struct card_order);
    for (size_t i = 0; i < n_lists; i++)
        for (size_t k = 0; k < lists[i].n; k++)
            all[at++] = ((const struct card_order *)lists[i].items)[k];
    if (n > 1)
        qsort(all, n, sizeof(*all), by_due);
    return (struct list){all, n < OPEN_ORDERS ? n : OPEN_ORDERS};
}

static enum err read_all(struct cx *cx, customer_id root, struct list ids, struct card *c,
                         struct raw *r)
{
    struct args by_root = ARGS(V(root));
    struct db_read fixed[] = {
        {&q_customer_get, &customer_row_shape, true, &c->customer, by_root, false},
        {&q_standing_get, &standing_row_shape, true, &r->standing, by_root, false},
        {&q_mark_list, &mark_row_shape, false, &c->marks, by_root, false},
        {&q_identity_list, &identity_row_shape, false, &c->identities, by_root, false},
        {&q_holding_list, &holding_row_shape, false, &c->holdings, by_root, false},
        {&q_proposal_list, &proposal_row_shape, false, &c->proposals, by_root, false},
        {&q_address_list, &address_row_shape, false, &r->addresses, by_root, false},
        {&q_fresh_list, &fresh_row_shape, false, &r->fresh, by_root, false},
        {&q_risk_seen_of, &risk_seen_of_row_shape, true, &c->risk, by_root, false},
        {&q_class_of_customer, &class_in_row_shape, false, &r->classes, by_root, false},
        {&q_class_pin_of, &class_pin_row_shape, false, &r->pins, ARGS(V(root), V(cx->now_ms)),
         false},
        {&q_card_candidates, &card_candidate_row_shape, false, &r->candidates,
         ARGS(V(root), V(root)), false},
        {&q_card_checked, &number_row_shape, true, &r->checked, ARGS(V(r->call)), false},
    };
    size_t n_fixed = COUNT(fixed) - (r->call.v ? 0 : 1);
    const struct by_time timed[] = {
        {&q_card_line_list, &line_row_shape, offsetof(struct line, at), offsetof(struct line, id),
         RECENT, &c->recent},
        {&q_card_order_list, &card_order_row_shape, offsetof(struct card_order, at),
         offsetof(struct card_order, id), ORDERS, &c->orders},
        {&q_note_list, &note_row_shape, offsetof(struct note, at), offsetof(struct note, id), NOTES,
         &c->notes},
        {&q_task_recent, &task_row_shape, offsetof(struct task, id), offsetof(struct task, id),
         TASKS, &r->tasks},
        {&q_card_calls, &card_call_row_shape, offsetof(struct card_call, ring_at),
         offsetof(struct card_call, id), CALLS, &r->calls},
    };
    const int64_t *each = ids.items;
    size_t n_timed = COUNT(timed) * ids.n;
    struct relation_reads relations = relation_reads(cx, ids, RELATIONS);
    size_t n_reads = n_fixed + n_timed + ids.n + relations.n;
    struct db_read *reads = ARENA_ARRAY(cx->arena, n_reads, struct db_read),
                   *open = reads + n_fixed;
    struct list *lists = ARENA_ARRAY(cx->arena, n_timed, struct list);
    struct list *open_orders = ARENA_ARRAY(cx->arena, ids.n, struct list);
    struct val *args = ARENA_ARRAY(cx->arena, 2 * n_timed, struct val);
    memcpy(reads, fixed, n_fixed * sizeof(*reads));
    for (size_t i = 0; i < ids.n; i++)
        open[i] = (struct db_read){&q_card_open_orders, &card_order_row_shape, false,
                                   &open_orders[i],     {args + 2 * i, 1},     false};
    struct db_read *in_time = open + ids.n; /* their first argument is an id of the record too */
    for (size_t i = 0; i < n_timed; i++) {
        const struct by_time *t = &timed[i / ids.n];
        args[2 * i] = V(each[i % ids.n]);
        args[2 * i + 1] = V(t->n);
        in_time[i] = (struct db_read){t->q, t->shape, false, &lists[i], {args + 2 * i, 2}, false};
    }
    memcpy(in_time + n_timed, relations.reads, relations.n * sizeof(*reads));
    TRY(db_batch(cx, reads, n_reads));
    r->relations = relations_merge(cx->arena, &relations);
    r->open_orders = soonest(cx->arena, open_orders, ids.n);
    if (!reads[0].found)
        return fault(cx, ERR_NOT_FOUND, M_CUSTOMER_UNKNOWN);
    for (size_t i = 0; i < COUNT(timed); i++)
        *timed[i].out = newest_of(cx->arena, lists + i * ids.n, ids.n, timed[i].shape->size,
                                  timed[i].at_offset, timed[i].id_offset, (size_t)timed[i].n);
    return OK;
}

/* ---- making
 * ------------------------------------------------------------------------------------------ */

static const struct mark *mark_of(const struct card *c, int mark)
{
    const struct mark *m = c->marks.items;
    for (size_t i = 0; i < c->marks.n; i++)
        if (m[i].mark == mark)
            return &m[i];
    return NULL;
}

static bool is_past(const struct cx *cx, when t)
{
    return t.ms && t.ms < cx->now_ms;
}

/* Tasks and orders that wait; late ones first, then by the day they are due. */
static int late_then_due(const void *a, const void *b)
{
    const struct card_open *x = a, *y = b;
    if (x->is_late != y->is_late)
        return x->is_late ? -1 : 1;
    int64_t dx = x->due_at.ms ? x->due_at.ms : INT64_MAX,
            dy = y->due_at.ms ? y->due_at.ms : INT64_MAX;
    return dx != dy ? (dx > dy) - (dx < dy) : str_cmp(x->id, y->id);
}

static void make_open(struct cx *cx, struct card *c, const struct raw *r)
{
    struct card_open *out =
        ARENA_ARRAY(cx->arena, r->tasks.n + r->open_orders.n + 1, struct card_open);
    size_t n = 0;
    const struct task *t = r->tasks.items;
    for (size_t i = 0; i < r->tasks.n; i++)
        out[n++] = (struct card_open){.type = S("task"),
                                      .id = id_text(cx->arena, "tsk", t[i].id.v),
                                      .title = t[i].title,
                                      .due_at = t[i].due_at,
                                      .is_late = is_past(cx, t[i].due_at)};
    const struct card_order *o = r->open_orders.items;
    for (size_t i = 0; i < r->open_orders.n; i++)
        out[n++] = (struct card_open){.type = S("order"),
                                      .id = id_text(cx->arena, "ord", o[i].id.v),
                                      .title = o[i].first_line,
                                      .due_at = o[i].due_at,
                                      .is_late = is_past(cx, o[i].due_at),
                                      .number = o[i].number};
    if (n > 1)
        qsort(out, n, sizeof(*out), late_then_due);
    c->open = (struct list){out, n};
}

/* Latest caller first. */
static void put_person(struct card_person *out, size_t *n, struct card_person p)
{
    size_t at = (*n)++;
    for (; at > 0 && out[at - 1].last_call_at.ms < p.last_call_at.ms; at--)
        out[at] = out[at - 1];
    out[at] = p;
}

static bool has_person(const struct card_person *out, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(out[i].name, name))
            return true;
    return false;
}

/* When these people last called from their own records; a second batch, only where there are any.
 */
static enum err read_own_calls(struct cx *cx, const struct list *relations, struct number_row *out)
{
    const struct relation *rel = relations->items;
    size_t n = relations->n < PEOPLE ? relations->n : PEOPLE;
    struct db_read reads[PEOPLE];
    struct val ids[PEOPLE];
    for (size_t i = 0; i < n; i++) {
        ids[i] = V(rel[i].other.id);
        reads[i] = (struct db_read){
            &q_card_last_call_of, &number_row_shape, true, &out[i], {&ids[i], 1}, false};
    }
    return n ? db_batch(cx, reads, n) : OK;
}

static enum err make_people(struct cx *cx, struct card *c, const struct raw *r)
{
    struct number_row own[PEOPLE] = {0};
    TRY(read_own_calls(cx, &r->relations, own));
    struct card_person *out =
        ARENA_ARRAY(cx->arena, r->relations.n + r->calls.n + 1, struct card_person);
    size_t n = 0;
    const struct relation *rel = r->relations.items;
    const struct card_call *k = r->calls.items;
    for (size_t i = 0; i < r->relations.n; i++) {
        if (rel[i].other.id.v == c->customer.id.v)
            continue;
        struct card_person p = {.id = rel[i].other.id,
                                .name = rel[i].other.name,
                                .name_lang =
                                    customer_name_lang(rel[i].other.name, rel[i].other_lang),
                                .relation = rel[i].kind,
                                .role = rel[i].role};
        for (size_t m = 0; m < r->calls.n && !p.last_call_at.ms; m++)
            if (k[m].spoke.v == p.id.v)
                p.last_call_at = k[m].ring_at;
        if (i < PEOPLE && own[i].n > p.last_call_at.ms)
            p.last_call_at.ms = own[i].n;
        put_person(out, &n, p);
    }
    for (size_t m = 0; m < r->calls.n;
         m++) /* those who spoke before and have no record of their own */
        if (k[m].spoke_name.len && !has_person(out, n, k[m].spoke_name))
            put_person(out, &n,
                       (struct card_person){
                           .name = k[m].spoke_name,
                           .name_lang = customer_name_lang(k[m].spoke_name, c->customer.lang),
                           .last_call_at = k[m].ring_at});
    c->people = (struct list){out, n};
    return OK;
}

static void make_last_call(struct card *c, const struct raw *r)
{
    const struct card_call *k = r->calls.items, *last = NULL;
    for (size_t i = 0; i < r->calls.n && !(last && last->answer_at.ms); i++) {
        bool is_over = k[i].id.v != r->call.v && str_eq(k[i].state, S("ended"));
        if (is_over && (!last || k[i].answer_at.ms))
            last = &k[i];
    }
    if (!last)
        return;
    c->last_call = (struct card_last_call){
        .id = last->id,
        .at = last->ring_at,
        .staff_name = last->staff_name,
        .outcome = last->outcome,
        .note = last->note.len ? last->note : last->reason,
        .is_today = when_day(last->ring_at, r->house->time_zone) == r->today,
        .is_unsolved = !str_eq(last->outcome, S("solved")),
    };
}

static void make_candidates(struct cx *cx, struct card *c, const struct raw *r)
{
    const struct card_candidate *from = r->candidates.items;
    struct card_choice *out = ARENA_ARRAY(cx->arena, r->candidates.n + 1, struct card_choice);
    size_t n = 0;
    for (size_t i = 0; i < r->candidates.n; i++) {
        bool is_told = false;
        for (size_t k = 0; k < n; k++)
            is_told |= out[k].id.v == from[i].id.v;
        c->is_shared_number |= str_eq(from[i].type, S("phone"));
        if (!is_told)
            out[n++] = (struct card_choice){
                from[i].id, from[i].name, customer_name_lang(from[i].name, from[i].lang),
                arena_printf(cx->arena, "shared_" SFMT, SARG(from[i].type))};
    }
    c->candidates = (struct list){out, n};
    const struct identity *id = c->identities.items;
    for (size_t i = 0; i < c->identities.n; i++)
        c->is_shared_number |= id[i].type == IDENTITY_PHONE && id[i].state == IDENTITY_SHARED;
}

/* ---- advice
 * -------------------------------------------------------------------------------------------- */

struct advisor {
    struct cx *cx;
    struct card_advice *out;
    size_t n, cap;
};
struct pair {
    const char *name;
    str text;
    when at;
    int64_t number;
    enum { PAIR_TEXT, PAIR_WHEN, PAIR_INT } kind;
};
#define P_TEXT(k, v) ((struct pair){.name = (k), .text = (v), .kind = PAIR_TEXT})
#define P_WHEN(k, v) ((struct pair){.name = (k), .at = (v), .kind = PAIR_WHEN})
#define P_INT(k, v) ((struct pair){.name = (k), .number = (v), .kind = PAIR_INT})
#define PAIRS(...)                      \
    (const struct pair[]){__VA_ARGS__}, \
        sizeof((const struct pair[]){__VA_ARGS__}) / sizeof(struct pair)

static void write_pairs(struct json_out *j, struct arena *a, const struct pair *p, size_t n)
{
    json_object_begin(j);
    for (size_t i = 0; i < n; i++) {
        json_key(j, str_of(p[i].name));
        if (p[i].kind == PAIR_INT)
            json_int(j, p[i].number);
        else
            json_str(j, p[i].kind == PAIR_WHEN ? when_text(a, p[i].at) : p[i].text);
    }
    json_object_end(j);
}

/* One advice with one reason; `because` may be given more reasons of no args by name. */
static void advise(struct advisor *v, const char *code, const struct pair *args, size_t n_args,
                   const char *why, const struct pair *because, size_t n_because)
{
    if (v->n == v->cap)
        return;
    struct arena *a = v->cx->arena;
    struct text args_text = text_in(a, JSON_LIMIT), why_text = text_in(a, JSON_LIMIT);
    struct json_out j = {.to = &args_text};
    write_pairs(&j, a, args, n_args);
    j = (struct json_out){.to = &why_text};
    json_array_begin(&j);
    json_object_begin(&j);
    json_key(&j, S("code"));
    json_str(&j, str_of(why));
    json_key(&j, S("args"));
    write_pairs(&j, a, because, n_because);
    json_object_end(&j);
    json_array_end(&j);
    v->out[v->n++] = (struct card_advice){str_of(code), text_str(&args_text), text_str(&why_text)};
}

static void advise_mark(struct advisor *v, const struct card *c, int mark, const char *code,
                        const char *why)
{
    const struct mark *m = mark_of(c, mark);
    if (m)
        advise(v, code, NULL, 0, why, PAIRS(P_TEXT("reason", m->reason), P_WHEN("at", m->at)));
}

static void make_advice(struct cx *cx, struct card *c, const struct raw *r)
{
    enum { MOST = 12 };
    struct advisor v = {cx, ARENA_ARRAY(cx->arena, MOST, struct card_advice), 0, MOST};
    advise_mark(&v, c, MARK_BLOCKED, "blocked", "mark_blocked");
    advise_mark(&v, c, MARK_VIP, "vip_first", "mark_vip");
    const struct card_last_call *last = &c->last_call;
    if (last->id.v && last->is_today && last->is_unsolved)
        advise(&v, "second_call", NULL, 0, "call_before",
               PAIRS(P_WHEN("at", last->at), P_TEXT("staff", last->staff_name),
                     P_TEXT("outcome", last->outcome)));
    const struct card_order *o = r->open_orders.items;
    for (size_t i = 0; i < r->open_orders.n && v.n < MOST - 5; i++)
        if (is_past(cx, o[i].due_at))
            advise(&v, "late_order", PAIRS(P_TEXT("number", o[i].number)), "order_due",
                   PAIRS(P_TEXT("number", o[i].number), P_WHEN("due_at", o[i].due_at)));
    const struct task *t = r->tasks.items;
    for (size_t i = 0; i < r->tasks.n && v.n < MOST - 4; i++)
        if (str_eq(t[i].kind, S("promise")) && t[i].due_at.ms &&
            when_day(t[i].due_at, r->house->time_zone) <= r->today)
            advise(&v, "promise_due", PAIRS(P_TEXT("title", t[i].title)), "task_due",
                   PAIRS(P_TEXT("title", t[i].title), P_WHEN("due_at", t[i].due_at)));
    if (c->is_shared_number)
        advise(&v, "check_before_change", NULL, 0, "number_shared", NULL, 0);
    else if (r->call.v && r->checked.n == 0)
        advise(&v, "check_before_change", NULL, 0, "number_not_proven", NULL, 0);
    if (c->customer.kind == CUSTOMER_COMPANY && c->people.n)
        advise(&v, "company_names", NULL, 0, "is_company", PAIRS(P_INT("n", (int64_t)c->people.n)));
    advise_mark(&v, c, MARK_DO_NOT_CONTACT, "do_not_contact", "mark_do_not_contact");
    c->advice = (struct list){v.out, v.n};
}

/* ---- what to ask
 * --------------------------------------------------------------------------------------- */

static bool has_handle(const struct card *c, int type)
{
    const struct identity *id = c->identities.items;
    for (size_t i = 0; i < c->identities.n; i++)
        if (id[i].type == type && id[i].state != IDENTITY_WRONG)
            return true;
    return false;
}

/* One thing that is not known; nothing while something is late, or the customer is blocked. */
static void make_ask(struct cx *cx, struct card *c, const struct raw *r)
{
    const struct card_open *o = c->open.items;
    if ((c->open.n && o[0].is_late) || mark_of(c, MARK_BLOCKED))
        return;
    struct list fresh = fresh_of(cx, &c->customer, &c->identities, &r->addresses, &r->fresh);
    c->ask = ask_next(cx, &c->customer, &c->identities, &fresh, r->addresses.n > 0, false);
}

static bool has_postal(const struct list *addresses)
{
    const struct address *a = addresses->items;
    for (size_t i = 0; i < addresses->n; i++)
        if (a[i].postal.len)
            return true;
    return false;
}

static void make_questions(struct cx *cx, struct card *c, const struct raw *r)
{
    enum { ASKED = 2 };
    str *out = ARENA_ARRAY(cx->arena, 4, str);
    size_t n = 0;
    if (c->orders.n)
        out[n++] = S("order_number");
    if (has_postal(&r->addresses))
        out[n++] = S("postcode");
    if (c->orders.n)
        out[n++] = S("last_purchase");
    if (has_handle(c, IDENTITY_EMAIL))
        out[n++] = S("email");
    c->questions = (struct str_list){out, n < ASKED ? n : ASKED};
}

/* ---- the greeting of a call
 * -------------------------------------------------------------------------------- */

static str about(str note)
{
    str rest = note, first = str_trim(str_cut(&rest, '\n'));
    size_t chars = 0;
    for (size_t i = 0; i < first.len; i++)
        if (((unsigned char)first.ptr[i] & 0xC0) != 0x80 && chars++ == ABOUT_CHARS)
            first.len = i;
    return first;
}

static void make_greeting(struct cx *cx, struct card *c, const struct raw *r)
{
    c->greeting = greeting_of(cx->arena, &c->customer, (enum lang)r->house->lang);
    enum lang lang = lang_pick(c->greeting.lang, LANG_EN);
    if (r->call.v && c->greeting.text.len)
        c->greeting.sentence =
            msg_text(cx->arena, lang, M_GREETING,
                     (const struct msg_arg[]){MARG("name", c->greeting.text)}, 1);
    str what = about(c->last_call.note);
    if (c->last_call.id.v && c->last_call.is_today && what.len && c->last_call.is_unsolved)
        c->greeting.again = msg_text(cx->arena, lang, M_GREETING_AGAIN,
                                     (const struct msg_arg[]){MARG("about", what)}, 1);
}

/* ---- the card
 * ---------------------------------------------------------------------------------------------- */

static enum err card_make(struct cx *cx, customer_id root, struct list ids, call_id call,
                          struct card *c)
{
    *c = (struct card){0};
    struct raw r = {.house = settings_current(cx), .call = call};
    r.today = when_day((when){cx->now_ms}, r.house->time_zone);
    TRY(read_all(cx, root, ids, c, &r));

    c->customer.name_lang = customer_name_lang(c->customer.name, c->customer.lang);
    c->version = c->customer.version;
    c->numbers = (struct card_numbers){
        .spent_12m = {r.standing.window[WINDOW_365D].spent, r.house->base_currency},
        .orders = r.standing.all.orders,
        .last_order_at = r.standing.last_order_at,
        .contacts = r.standing.all.contacts,
        .last_contact_at = r.standing.last_contact_at,
        .since = r.standing.first_at,
        .activity = r.standing.activity,
        .activity_at = r.standing.activity_at,
    };
    c->class = class_seen_of(cx->arena, cx->lang, &r.classes, &r.pins);
    standing_vip_mark(cx, &r.standing, &c->marks);
    struct proposal *p = c->proposals.items;
    for (size_t i = 0; i < c->proposals.n; i++)
        p[i].current = customer_field(&c->customer, p[i].field);
    lines_finish(cx, &c->recent, LINE_CHARS);
    struct note *note = c->notes.items;
    for (size_t i = 0; i < c->notes.n; i++)
        note[i].is_cut = cut_to(&note[i].text, LINE_CHARS);
    make_open(cx, c, &r);
    TRY(make_people(cx, c, &r));
    make_last_call(c, &r);
    make_candidates(cx, c, &r);
    make_advice(cx, c, &r);
    make_ask(cx, c, &r);
    make_questions(cx, c, &r);
    make_greeting(cx, c, &r);
    return OK;
}

enum err card_get(struct cx *cx, customer_id id, call_id call, struct card *c)
{
    customer_id root;
    struct list ids;
    TRY(customer_root(cx, id, &root, &ids));
    return card_make(cx, root, ids, call, c);
}

static enum err card_write(struct cx *cx, const struct card *c, str *out)
{
    struct text t = text_in(cx->arena, JSON_LIMIT);
    bool has_role = cx->actor.kind == ACTOR_STAFF || cx->actor.kind == ACTOR_TOKEN;
    struct json_out j = {.to = &t,
                         .role_bit = cx->actor.kind == ACTOR_SYSTEM ? 0
                                     : has_role                     ? 1u << cx->actor.role
                                                                    : 1u << 31};
    json_write(&j, &card_shape, c);
    if (t.is_over)
        return fault(cx, ERR_TOO_BIG, M_TOO_BIG);
    *out = text_str(&t);
    return OK;
}

enum err card_json(struct cx *cx, customer_id id, call_id call, str *out)
{
    struct card c;
    TRY(card_get(cx, id, call, &c));
    return card_write(cx, &c, out);
}

enum err card_json_of(struct cx *cx, const struct list *rows, call_id call, str *out)
{
    struct card c;
    customer_id root;
    struct list ids;
    TRY(customer_ids_of(cx, rows, &root, &ids));
    TRY(card_make(cx, root, ids, call, &c));
    return card_write(cx, &c, out);
}
