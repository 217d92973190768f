/* rooms/call/call_take.c - what telephone systems tell becomes one row for each call.
 *
 * Facts are put together in whatever order they come: each event fills what is still unknown, the
 * ring decides where it and an earlier word differ. Then the row is settled: who answered, the line
 * on the timeline, the call-back.
 */
#include "rooms/call/call_impl.h"

enum { RING = 1, ANSWER = 2, HANGUP = 4 }; /* bits of told */
enum { AT_MOST_BACK_MS = 3600 * 1000, NEWS_MS = 60 * 1000 };
#define DAY_MS (24 * 3600 * 1000LL)

/* The row while it is worked on. */
struct live {
    call_id id;
    int direction, state;
    int64_t told;
    str number, e164, national, number_kind, number_country;
    bool is_withheld;
    str caller_name, called, diversion, queue;
    customer_id customer;
    bool is_chosen;
    int64_t priority;
    bool is_second;
    when ring_at, answer_at, end_at, news_at;
    staff_id staff;
    str cause;
    interaction_id interaction;
    task_id task;
};
/* clang-format off */
static const struct field live_fields[] = {
    FIELD(struct live, id),
    FIELD_ENUM(struct live, direction, direction_codes),
    FIELD_ENUM(struct live, state, call_state_codes),
    FIELD(struct live, told),
    FIELD(struct live, number),
    FIELD(struct live, e164),
    FIELD(struct live, national),
    FIELD(struct live, number_kind),
    FIELD(struct live, number_country),
    FIELD(struct live, is_withheld),
    FIELD(struct live, caller_name),
    FIELD(struct live, called),
    FIELD(struct live, diversion),
    FIELD(struct live, queue),
    FIELD_AS(struct live, customer, "customer_id", .nullable = true),
    FIELD(struct live, is_chosen),
    FIELD(struct live, priority),
    FIELD(struct live, is_second),
    FIELD_AS(struct live, ring_at, "ring_ms"),
    FIELD_AS(struct live, answer_at, "answer_ms", .nullable = true),
    FIELD_AS(struct live, end_at, "end_ms", .nullable = true),
    FIELD_AS(struct live, news_at, "news_ms", .nullable = true),
    FIELD_AS(struct live, staff, "staff_id", .nullable = true),
    FIELD(struct live, cause),
    FIELD_AS(struct live, interaction, "interaction_id", .nullable = true),
    FIELD_AS(struct live, task, "task_id", .nullable = true),
};
const struct shape call_live_shape = SHAPE("call_live", struct live, live_fields);

struct desk { staff_id staff; };
static const struct field desk_fields[] = {FIELD_AS(struct desk, staff, "staff_id")};
const struct shape call_desk_shape = SHAPE("call_desk", struct desk, desk_fields);

struct caller { str name; bool is_vip, is_blocked, is_second; };
static const struct field caller_fields[] = {
    FIELD(struct caller, name),
    FIELD(struct caller, is_vip),
    FIELD(struct caller, is_blocked),
    FIELD(struct caller, is_second),
};
const struct shape call_caller_shape = SHAPE("call_caller", struct caller, caller_fields);
/* clang-format on */

/* Who has this number. */
struct who {
    str number; /* as given; what follows is said of this one */
    bool is_withheld;
    struct phone phone;
    customer_id customer;   /* the one owner */
    struct list candidates; /* of struct owner: several, or one who shares it */
    struct caller caller;
};

struct call_plan {
    call_id id;        /* of a new row */
    call_id seen;      /* the row that bears the telephone system's id now, ended or not; 0: none */
    task_id task;      /* of a new call-back */
    struct list desks; /* of int64_t: desks that the words name */
    int64_t answerer;  /* the one desk that answered, or 0 */
    bool knows_who;
    struct who who;
    struct intake line; /* its plan is made when line.customer is set */
};

/* ---- who is calling -------------------------------------------------------------------------- */

static str told_number(const struct call_told *t, int direction)
{
    return direction == DIRECTION_OUT ? t->to : t->from;
}

static int direction_of(const struct call_told *t, int otherwise)
{
    return t->direction == DIRECTION_NONE ? otherwise : t->direction;
}

/* Midnight of the business day. */
static int64_t day_start(struct cx *cx)
{
    str zone = settings_current(cx)->time_zone;
    return when_of_day(when_day((when){cx->now_ms}, zone), zone).ms;
}

/* Two batches find out, and other reads may go along with either: the owners, then what the queue must know of the one. */
struct who_asked {
    struct handle handle;
    bool is_asked; /* a number that could be somebody's */
    struct val keys[2], day_and_whom[2];
    struct number_row is_second; /* of a number that is nobody's */
};

static void who_begin(struct cx *cx, str number, str region, struct who *w, struct who_asked *a)
{
    *w = (struct who){.number = number, .is_withheld = phone_is_withheld(number)};
    *a = (struct who_asked){.is_asked = false};
    if (w->is_withheld)
        return;
    region = region.len ? region : settings_current(cx)->region;
    w->phone = phone_read(cx->arena, number, region);
    a->is_asked =
        handle_read(cx->arena, IDENTITY_PHONE, number, region, &a->handle) || a->handle.suffix.len;
}

static struct db_read who_owners(struct who_asked *a)
{
    a->keys[0] = V(a->handle.value);
    a->keys[1] = V(identity_type_codes[IDENTITY_PHONE]);
    return (struct db_read){&q_identity_owners, &owner_shape, false,
                            &a->handle.owners,  {a->keys, 2}, false};
}

static struct db_read who_caller(struct cx *cx, struct who *w, struct who_asked *a)
{
    const struct handle *h = &a->handle;
    const struct owner *o = h->owners.items;
    if (h->owners.n == 1 && !h->is_weak && o->state != IDENTITY_SHARED) {
        w->customer = o->via;
        a->day_and_whom[0] = V(day_start(cx));
        a->day_and_whom[1] = V(o->customer);
        return (struct db_read){&q_call_caller, &call_caller_shape,   true,
                                &w->caller,     {a->day_and_whom, 2}, false};
    }
    if (!h->is_weak)
        w->candidates = h->owners;
    a->day_and_whom[0] = V(w->phone.e164);
    a->day_and_whom[1] = V(day_start(cx));
    return (struct db_read){&q_call_second_by_number,
                            &number_row_shape,
                            true,
                            &a->is_second,
                            {a->day_and_whom, 2},
                            false};
}

static void who_end(struct who *w, const struct who_asked *a)
{
    if (!w->customer.v)
        w->caller.is_second = a->is_second.n != 0;
}

static enum err who_is(struct cx *cx, str number, str region, struct who *w)
{
    struct who_asked a;
    who_begin(cx, number, region, w, &a);
    if (!a.is_asked)
        return OK;
    TRY(customer_owners(cx, &a.handle, 1));
    struct db_read caller = who_caller(cx, w, &a);
    TRY(db_batch(cx, &caller, 1));
    who_end(w, &a);
    return OK;
}

static void put_who(struct live *c, const struct who *w)
{
    c->number = w->number;
    c->is_withheld = w->is_withheld;
    c->e164 = w->phone.e164;
    c->national = w->phone.national;
    c->number_kind = w->phone.is_possible ? str_of(phone_kind_codes[w->phone.kind]) : S("");
    c->number_country = str_of(w->phone.country);
    c->is_second = w->caller.is_second && c->direction == DIRECTION_IN;
    c->priority = (w->caller.is_vip ? PRIORITY_VIP : 0) + (c->is_second ? PRIORITY_SECOND : 0);
    if (!c->is_chosen)
        c->customer = w->customer;
}

/* ---- plan --------------------------------------------------------------------------------------
 */

static bool is_ring(const struct call_told *t)
{
    return t->kind == TOLD_RING;
}

/* Texts that may name desks: those that are called, then those of the call. */
static size_t desk_texts(struct cx *cx, const struct call_told *t, str **out)
{
    str *names = ARENA_ARRAY(cx->arena, t->users.n + 3, str);
    size_t n = 0;
    for (size_t i = 0; i < t->users.n; i++)
        names[n++] = t->users.items[i];
    str more[] = {t->answering_number, t->extension,
                  t->direction == DIRECTION_OUT ? t->from : t->to};
    for (size_t i = 0; i < COUNT(more); i++)
        if (more[i].len)
            names[n++] = more[i];
    *out = names;
    return n;
}

static bool is_answer(const struct call_told *t)
{
    return t->kind == TOLD_ANSWER || t->kind == TOLD_BRIDGED || t->kind == TOLD_TRANSFERRED;
}

static bool wants_who(const struct call_told *t, const struct live *c, bool is_there, str number)
{
    return number.len && (!is_there || (!str_eq(c->number, number) &&
                                        (!c->number.len || (is_ring(t) && !(c->told & RING)))));
}

/* Who rings where, and the row that is there, in two batches for nearly every ring. */
static enum err plan_reads(struct cx *cx, struct call_told *t, struct call_plan *p, struct live *c)
{
    str *names = NULL, number = told_number(t, direction_of(t, DIRECTION_IN)),
        answerer = t->answering_number.len ? t->answering_number : t->extension;
    size_t n_names = desk_texts(cx, t, &names), n_first = 0, n_then = 0;
    struct who_asked asked = {.is_asked = false};
    struct desks_sought *sought = NULL;
    struct list found = {0};
    struct db_read first[2], then[1];
    const struct args key = ARGS(V(t->link), V(t->source_id));
    first[n_first++] = (struct db_read){&q_call_live_by_key, &call_live_shape, true, c, key, false};
    if (is_ring(t) && number.len)
        who_begin(cx, number, t->region, &p->who, &asked);
    if (asked.is_asked && asked.handle.value.len)
        first[n_first++] = who_owners(&asked);
    /* The number that answered says who; the list of those called only when it holds one. */
    const str *texts = is_answer(t) ? &answerer : names;
    TRY(staff_desks_begin(cx, texts, is_ring(t) ? n_names : is_answer(t), first, n_first, &sought));
    p->seen = first[0].found ? c->id : (call_id){0};
    bool is_there = first[0].found && c->state != CALL_ENDED;
    p->knows_who = is_ring(t) && wants_who(t, c, is_there, number);
    if (asked.is_asked)
        customer_owners_settle(&asked.handle, false);
    bool is_sought = asked.is_asked && !asked.handle.owners.n && asked.handle.suffix.len;
    if (p->knows_who && asked.is_asked && !is_sought)
        then[n_then++] = who_caller(cx, &p->who, &asked);
    TRY(staff_desks_end(cx, sought, is_ring(t) ? t->queue : S(""), then, n_then,
                        is_ring(t) ? &p->desks : &found));
    if (n_then)
        who_end(&p->who, &asked);
    if (p->knows_who && is_sought) /* by its last digits */
        TRY(who_is(cx, number, t->region, &p->who));
    if (is_answer(t) && found.n == 0 && n_names)
        TRY(staff_desks(cx, names, n_names, S(""), &found));
    p->answerer = found.n == 1 ? *(int64_t *)found.items : 0;
    return OK;
}

static struct intake line_of(struct cx *cx, const struct live *c)
{
    return call_line(cx, c->id, c->direction, c->ring_at, c->staff, c->customer,
                     c->is_chosen ? S("") : c->e164);
}

static bool wants_line(const struct live *c)
{
    return c->customer.v && !c->interaction.v &&
           (c->answer_at.ms || (c->state == CALL_ENDED && !str_eq(c->cause, S("rejected"))));
}

enum err call_plan(struct cx *cx, struct call_told *t)
{
    struct call_plan *p = ARENA_NEW(cx->arena, struct call_plan);
    t->plan = p;
    cx->is_urgent = is_ring(t);
    p->id = (call_id){id_new(cx->now_ms)};
    p->task = (task_id){id_new(cx->now_ms)};
    struct live c = {0};
    TRY(plan_reads(cx, t, p, &c));
    bool is_there = p->seen.v && c.state != CALL_ENDED;

    str number = told_number(t, direction_of(t, is_there ? c.direction : DIRECTION_IN));
    if (!wants_who(t, &c, is_there, number)) {
        p->knows_who = false;
    } else if (!p->knows_who || !str_eq(p->who.number, number)) {
        TRY(who_is(cx, number, t->region, &p->who));
        p->knows_who = true;
    }
    /* Most calls get their line here; what this guess misses is planned on the writer. */
    if (is_there && c.customer.v && !c.interaction.v &&
        (t->kind == TOLD_ANSWER || t->kind == TOLD_HANGUP)) {
        if (t->kind == TOLD_ANSWER)
            c.staff.v = p->answerer;
        p->line = line_of(cx, &c);
        TRY(intake_plan(cx, &p->line));
    }
    return OK;
}

/* ---- take: the facts
 * ------------------------------------------------------------------------------- */

static int64_t told_at(const struct cx *cx, const struct call_told *t)
{
    bool is_usable =
        t->at.ms > 0 && t->at.ms <= cx->now_ms && cx->now_ms - t->at.ms <= AT_MOST_BACK_MS;
    return is_usable ? t->at.ms : cx->now_ms;
}

static bool is_other_number(struct cx *cx, const struct call_told *t, const struct live *c)
{
    str number = told_number(t, direction_of(t, c->direction));
    if (!number.len || !c->number.len || str_eq(number, c->number))
        return false;
    struct phone p =
        phone_read(cx->arena, number, t->region.len ? t->region : settings_current(cx)->region);
    return !(p.is_possible && str_eq(p.e164, c->e164));
}

/* The call id was used before: is this another call that bears it? */
static bool is_reused(struct cx *cx, const struct call_told *t, const struct live *c)
{
    if (c->state != CALL_ENDED)
        return false;
    bool is_late = cx->now_ms - c->end_at.ms > LATE_MS;
    return (is_ring(t) && is_late) || is_other_number(cx, t, c);
}

static void fill(str *have, str told, bool decides)
{
    if (told.len && (!have->len || decides))
        *have = told;
}

static enum err take_facts(struct cx *cx, const struct call_told *t, struct call_plan *p,
                           struct live *c)
{
    bool decides = is_ring(t) && !(c->told & RING);
    if (t->direction != DIRECTION_NONE && (decides || !c->told))
        c->direction = t->direction;
    str number = told_number(t, c->direction);
    if (number.len && !str_eq(number, c->number) && (!c->number.len || decides)) {
        if (!p->knows_who || !str_eq(p->who.number, number))
            TRY(who_is(cx, number, t->region, &p->who));
        p->knows_who = true;
        put_who(c, &p->who);
    } else if (!number.len && !c->number.len && decides) {
        c->is_withheld = true; /* it rings and nobody says who */
    }
    fill(&c->called, c->direction == DIRECTION_OUT ? t->from : t->to, decides);
    fill(&c->queue, t->queue, decides);
    fill(&c->caller_name, t->name, decides);
    fill(&c->diversion, t->diversion, decides);
    return OK;
}

static void answered(const struct cx *cx, const struct call_told *t, const struct call_plan *p,
                     struct live *c)
{
    int64_t at = told_at(cx, t);
    if (c->state == CALL_ENDED &&
        str_eq(c->cause, S("rejected"))) { /* the telephone system did not mind us */
        c->state = CALL_ANSWERED;
        c->end_at.ms = 0;
        c->cause = S("");
    }
    if (!c->answer_at.ms) {
        c->answer_at.ms = c->state == CALL_ENDED && at > c->end_at.ms ? c->end_at.ms : at;
        if (c->state == CALL_RINGING)
            c->state = CALL_ANSWERED;
    }
    if (p->answerer && (!c->staff.v || c->state == CALL_ANSWERED))
        c->staff.v = p->answerer;
    c->told |= ANSWER;
}

/* Causes are codes; what a telephone system makes up does not reach the page. */
static str known_cause(str told)
{
    static const char *const known[] = {"normalClearing", "busy",     "cancel",    "noAnswer",
                                        "congestion",     "notFound", "forwarded", "lost"};
    for (size_t i = 0; i < COUNT(known); i++)
        if (str_eq_ascii_nocase(told, str_of(known[i])))
            return str_of(known[i]);
    return told.len ? S("other") : S("normalClearing");
}

static void ended(const struct cx *cx, const struct call_told *t, struct live *c)
{
    if (c->state != CALL_ENDED) {
        c->state = CALL_ENDED;
        c->end_at.ms = told_at(cx, t);
        if (c->end_at.ms < c->answer_at.ms)
            c->end_at = c->answer_at;
        c->cause = known_cause(t->cause);
    }
    c->told |= HANGUP;
}

/* ---- take: the row settles
 * --------------------------------------------------------------------------- */

static bool is_missed(const struct live *c)
{
    return c->direction == DIRECTION_IN && c->state == CALL_ENDED && !c->answer_at.ms &&
           !c->is_withheld && c->number.len && !str_eq(c->cause, S("rejected")) &&
           !str_eq(c->cause, S("forwarded"));
}

static enum err open_call_back(struct cx *cx, const struct live *c, int64_t *task)
{
    *task = 0;
    if (!c->e164.len)
        return OK;
    enum err e = db_int(cx, &q_call_back_open, task, ARGS(V(c->e164), V(cx->now_ms - 30 * DAY_MS)));
    return e == ERR_NOT_FOUND ? OK : e;
}

/* One open call-back for a number, however often it rang in vain. */
static enum err call_back(struct cx *cx, struct call_plan *p, struct live *c)
{
    int64_t open = 0;
    TRY(open_call_back(cx, c, &open));
    if (open) {
        c->task.v = open;
        return OK;
    }
    str name = p->who.caller.name;
    if (c->customer.v && !name.len) {
        struct customer known = {0};
        TRY(customer_get(cx, c->customer, &known));
        name = known.name;
    }
    str who = name.len ? name : c->national.len ? c->national : c->number;
    struct msg_arg args[] = {MARG("who", who)};
    struct task_new task = {
        .id = p->task,
        .customer = c->customer,
        .kind = "call_back",
        .title = msg_text(cx->arena, (enum lang)settings_current(cx)->lang, M_CALL_BACK, args, 1),
        .phone = c->e164.len ? c->e164 : c->number,
        .call = c->id,
        .priority = c->priority >= PRIORITY_VIP,
    };
    c->task = p->task;
    return task_add(cx, &task);
}

static enum err call_back_done(struct cx *cx, const struct live *c, int64_t task)
{
    int64_t changed = 0;
    TRY(db_run_count(cx, &q_call_back_done, &changed,
                     ARGS(V(cx->now_ms), val_int_or_null(c->staff.v), V(task))));
    return changed ? event_add(cx, EVENT_TASK_CHANGED, c->customer.v, task, S("")) : OK;
}

/* Somebody spoke with this number: it need not be called back any more. */
static enum err no_call_back(struct cx *cx, const struct live *c)
{
    int64_t open = c->task.v;
    if (!open)
        TRY(open_call_back(cx, c, &open));
    return open ? call_back_done(cx, c, open) : OK;
}

static enum err timeline(struct cx *cx, struct call_plan *p, struct live *c)
{
    struct intake line = line_of(cx, c);
    if (p->line.plan && p->line.customer.v == c->customer.v &&
        str_eq(p->line.source_id, line.source_id) && p->line.staff.v == c->staff.v &&
        p->line.at.ms == line.at.ms) {
        line = p->line;
    } else {
        TRY(intake_plan(cx, &line)); /* the events of the call came close behind each other */
    }
    struct intake_result r = {0};
    TRY(intake_take(cx, &line, &r));
    c->interaction = r.interaction;
    return OK;
}

static enum err settle(struct cx *cx, struct call_plan *p, const struct live *was,
                       const struct list *desks, struct live *c)
{
    const struct desk *d = desks->items;
    if (c->answer_at.ms && !c->staff.v && desks->n == 1)
        c->staff = d->staff;
    if (wants_line(c))
        TRY(timeline(cx, p, c));
    if (is_missed(c) && !c->task.v)
        TRY(call_back(cx, p, c));
    if (c->answer_at.ms && !was->answer_at.ms)
        TRY(no_call_back(cx, c));
    return OK;
}

/* ---- take: the row, its desks, its events
 * ------------------------------------------------------------- */

static enum err write_row(struct cx *cx, const struct call_told *t, const struct live *c,
                          bool is_new)
{
    struct val v[] = {
        V(c->id),
        V(t->link),
        V(t->source_id),
        V(direction_codes[c->direction]),
        V(call_state_codes[c->state]),
        V(c->told),
        V(c->number),
        V(c->e164),
        V(c->national),
        V(c->number_kind),
        V(c->number_country),
        V(c->is_withheld),
        V(c->caller_name),
        V(c->called),
        V(c->diversion),
        V(c->queue),
        val_int_or_null(c->customer.v),
        V(c->is_chosen),
        V(c->priority),
        V(c->is_second),
        V(c->ring_at),
        val_int_or_null(c->answer_at.ms),
        val_int_or_null(c->end_at.ms),
        V(c->news_at),
        val_int_or_null(c->staff.v),
        V(c->cause),
        val_int_or_null(c->interaction.v),
        val_int_or_null(c->task.v),
        V(c->id),
    };
    enum { KEYS = 3 };
    if (is_new)
        return db_run(cx, &q_call_insert, (struct args){v, COUNT(v) - 1});
    return db_run(cx, &q_call_update, (struct args){v + KEYS, COUNT(v) - KEYS});
}

/* "staff cause desk desk …", 0 and - for none: what the hub needs to know where an event goes. */
static str event_data(struct cx *cx, const struct live *c, const struct list *desks)
{
    struct text t = text_in(cx->arena, 4096);
    text_add_int(&t, c->staff.v);
    text_add_char(&t, ' ');
    text_add(&t, c->cause.len ? c->cause : S("-"));
    const struct desk *d = desks->items;
    for (size_t i = 0; i < desks->n; i++) {
        text_add_char(&t, ' ');
        text_add_int(&t, d[i].staff.v);
    }
    return text_str(&t);
}

static bool has_desk(const struct list *desks, int64_t staff)
{
    const struct desk *d = desks->items;
    for (size_t i = 0; i < desks->n; i++)
        if (d[i].staff.v == staff)
            return true;
    return false;
}

/* Adds the desks that this ring names; *fresh are those that did not ring before. */
static enum err take_desks(struct cx *cx, const struct call_plan *p, const struct live *c,
                           struct list *desks, struct list *fresh)
{
    const int64_t *named = p->desks.items;
    struct desk *all = ARENA_ARRAY(cx->arena, desks->n + p->desks.n + 1, struct desk);
    struct desk *more = ARENA_ARRAY(cx->arena, p->desks.n + 1, struct desk);
    int64_t *ids = ARENA_ARRAY(cx->arena, p->desks.n + 1, int64_t);
    size_t n = desks->n, n_more = 0;
    if (n)
        memcpy(all, desks->items, n * sizeof *all);
    for (size_t i = 0; i < p->desks.n; i++) {
        if (has_desk(desks, named[i]))
            continue;
        ids[n_more] = named[i];
        more[n_more++].staff.v = named[i];
        all[n++].staff.v = named[i];
    }
    *desks = (struct list){all, n};
    *fresh = (struct list){more, n_more};
    return n_more ? db_run(cx, &q_call_desks_add, ARGS(V(c->id), val_ints(ids, n_more))) : OK;
}

static enum err take_candidates(struct cx *cx, const struct live *c, const struct who *w)
{
    const struct owner *o = w->candidates.items;
    bool is_shared = false;
    for (size_t i = 0; i < w->candidates.n; i++)
        is_shared |= o[i].state == IDENTITY_SHARED;
    for (size_t i = 0; i < w->candidates.n && i < CANDIDATES_MAX; i++)
        TRY(db_run(
            cx, &q_call_candidate_add,
            ARGS(V(c->id), V(o[i].via), V(is_shared ? S("shared_number") : S("same_number")))));
    return OK;
}

static enum err tell(struct cx *cx, const struct live *was, const struct live *c,
                     const struct list *desks, const struct list *fresh, bool is_new)
{
    if (c->state == CALL_RINGING && (is_new || fresh->n))
        return event_add(cx, EVENT_CALL_RINGING, c->customer.v, c->id.v,
                         event_data(cx, c, is_new ? desks : fresh));
    bool is_moved = c->state == CALL_ANSWERED &&
                    (was->state != CALL_ANSWERED || was->staff.v != c->staff.v || is_new);
    if (is_moved)
        return event_add(cx, EVENT_CALL_ANSWERED, c->customer.v, c->id.v, event_data(cx, c, desks));
    if (c->state == CALL_ENDED && (was->state != CALL_ENDED || is_new))
        return event_add(cx, EVENT_CALL_ENDED, c->customer.v, c->id.v, event_data(cx, c, desks));
    return call_tell_changed(cx, c->id, c->customer, c->staff);
}

static bool is_same(const struct live *a, const struct live *b)
{
    return a->direction == b->direction && a->state == b->state && a->told == b->told &&
           str_eq(a->number, b->number) && str_eq(a->caller_name, b->caller_name) &&
           str_eq(a->called, b->called) && str_eq(a->diversion, b->diversion) &&
           str_eq(a->queue, b->queue) && a->customer.v == b->customer.v &&
           a->is_withheld == b->is_withheld && a->ring_at.ms == b->ring_at.ms &&
           a->answer_at.ms == b->answer_at.ms && a->end_at.ms == b->end_at.ms &&
           a->staff.v == b->staff.v && str_eq(a->cause, b->cause) &&
           a->interaction.v == b->interaction.v && a->task.v == b->task.v;
}

static bool is_blocked(const struct live *c)
{
    return c->state == CALL_ENDED && str_eq(c->cause, S("rejected"));
}

/* Takes the call's id, its row and desks: in one round trip when it is the row that plan saw. */
static enum err take_row(struct cx *cx, const struct call_told *t, call_id planned, int64_t *seen,
                         struct live *c, struct list *desks)
{
    struct number_row taken = {0};
    const struct args key = ARGS(V(t->link), V(t->source_id)), id = ARGS(V(planned));
    struct db_read reads[] = {
        {&q_call_key_lock, &number_row_shape, true, &taken, key, false},
        {&q_call_live_get, &call_live_shape, true, c, id, false},
        {&q_call_desks, &call_desk_shape, false, desks, id, false},
    };
    TRY(db_batch(cx, reads, planned.v ? COUNT(reads) : 1));
    *seen = taken.n;
    if (taken.n == planned.v)
        return OK;
    struct db_read anew[] = {
        {&q_call_live_get, &call_live_shape, true, c, ARGS(V(taken.n)), false},
        {&q_call_desks, &call_desk_shape, false, desks, ARGS(V(taken.n)), false},
    };
    *c = (struct live){.id = {0}};
    *desks = (struct list){0};
    return taken.n ? db_batch(cx, anew, COUNT(anew)) : OK;
}

enum err call_take(struct cx *cx, const struct call_told *t, bool *reject)
{
    *reject = false;
    struct call_plan *p = t->plan;
    int64_t seen = 0;
    struct live c = {0};
    struct list desks = {0}, fresh = {0};
    /* Of an id that nobody has told of nothing is read: that it is still so is asked where it is written. */
    bool is_first = !p->seen.v && t->kind != TOLD_HELD;
    if (!is_first)
        TRY(take_row(cx, t, p->seen, &seen, &c, &desks));
    bool is_new = !seen || is_reused(cx, t, &c);
    if (!is_new && c.state == CALL_ENDED && cx->now_ms - c.end_at.ms > LATE_MS)
        return OK; /* late words about a call that is over */
    if (is_new && t->kind == TOLD_HELD)
        return OK; /* of a call nobody told of */
    if (is_new)
        c = (struct live){.id = p->id, .direction = DIRECTION_IN, .ring_at = {told_at(cx, t)}};

    struct live was = c;
    if (is_new)
        desks = (struct list){0};
    TRY(take_facts(cx, t, p, &c));

    bool is_stranger =
        p->knows_who && str_eq(c.number, p->who.number) && !str_eq(was.number, c.number);
    switch (t->kind) {
    case TOLD_RING:
        if (told_at(cx, t) < c.ring_at.ms)
            c.ring_at.ms = told_at(cx, t);
        if (is_new && p->knows_who && p->who.caller.is_blocked && c.direction == DIRECTION_IN) {
            c.state = CALL_ENDED;
            c.end_at = c.ring_at;
            c.cause = S("rejected");
        }
        c.told |= RING;
        break;
    case TOLD_ANSWER:
    case TOLD_BRIDGED:
    case TOLD_TRANSFERRED:
        answered(cx, t, p, &c);
        break;
    case TOLD_HANGUP:
        ended(cx, t, &c);
        break;
    case TOLD_HELD:
        break;
    }
    *reject = is_ring(t) && is_blocked(&c);
    if (cx->now_ms - c.news_at.ms > NEWS_MS || is_new)
        c.news_at.ms = cx->now_ms;

    if (is_new) { /* its desks and its line point at the row */
        TRY(write_row(cx, t, &c, true));
        if (is_first)
            TRY(db_run_must(cx, &q_call_key_first, M_CALL_MOVED,
                            ARGS(V(t->link), V(t->source_id), V(c.id))));
        else
            TRY(db_run(cx, &q_call_key_set, ARGS(V(c.id), V(t->link), V(t->source_id))));
    }
    if (is_ring(t) && !is_blocked(&c))
        TRY(take_desks(cx, p, &c, &desks, &fresh));
    if (is_stranger)
        TRY(take_candidates(cx, &c, &p->who));
    struct live written = c;
    TRY(settle(cx, p, &was, &desks, &c));

    if (!is_new && !fresh.n && is_same(&was, &c)) { /* said before */
        bool is_news = was.news_at.ms != c.news_at.ms && c.state != CALL_ENDED;
        return is_news ? write_row(cx, t, &c, false) : OK;
    }
    if (!is_new || !is_same(&written, &c))
        TRY(write_row(cx, t, &c, false));
    return tell(cx, &was, &c, &desks, &fresh, is_new);
}

/* ---- calls that nobody tells of any more
 * --------------------------------------------------------------- */

static enum err end_lost(struct cx *cx, struct live *c)
{
    struct live was = *c;
    struct call_plan p = {.task = {id_new(cx->now_ms)}};
    struct list desks = {0}, none = {0};
    TRY(db_all(cx, &q_call_desks, &call_desk_shape, &desks, ARGS(V(c->id))));
    struct call_told hangup = {.kind = TOLD_HANGUP, .cause = S("lost")};
    ended(cx, &hangup, c);
    TRY(settle(cx, &p, &was, &desks, c));
    TRY(write_row(cx, &hangup, c, false));
    return tell(cx, &was, c, &desks, &none, false);
}

static enum err sweep(struct cx *cx, str args, int64_t *position, int64_t *progress, int64_t *total,
                      bool *finished)
{
    (void)args, (void)position, (void)total;
    struct list lost = {0};
    TRY(db_all(cx, &q_call_live_lost, &call_live_shape, &lost,
               ARGS(V(cx->now_ms - RINGS_AT_MOST_MS), V(cx->now_ms - SILENT_AT_MOST_MS))));
    struct live *c = lost.items;
    for (size_t i = 0; i < lost.n; i++)
        TRY(end_lost(cx, &c[i]));
    *progress += (int64_t)lost.n;
    *finished = lost.n < 50;
    return OK;
}

const struct job_kind call_sweep = {.name = "call_sweep", .slice = sweep, .every_ms = 15 * 1000};
