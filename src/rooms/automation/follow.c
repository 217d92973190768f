/* rooms/automation/follow.c - events are followed: whose conditions hold (on a reader), what is done then (on the writer). */
#include "rooms/automation/inside.h"

enum { EVENTS = 200, RUNS = 20 };
static const int64_t HOUR_MS = 3600000, DAY_MS = 86400000;

struct follow_row {
    int64_t xid, seq;
};
struct root_row {
    int64_t id, root;
};
struct colleague_row {
    staff_id id;
};
/* clang-format off */
static const struct field follow_fields[] = {FIELD(struct follow_row, xid), FIELD(struct follow_row, seq)};
static const struct shape automation_follow_row_shape = SHAPE("automation_follow_row", struct follow_row, follow_fields);
static const struct field root_fields[] = {FIELD(struct root_row, id), FIELD_AS(struct root_row, root, "root_id")};
static const struct shape automation_root_row_shape = SHAPE("automation_root_row", struct root_row, root_fields);
static const struct field colleague_fields[] = {FIELD(struct colleague_row, id)};
static const struct shape automation_colleague_shape = SHAPE("automation_colleague", struct colleague_row, colleague_fields);
/* clang-format on */

/* ---- plan ----------------------------------------------------------------------------------- */

struct rule {
    const struct automation *a;
    struct expr_plan *plan; /* NULL: everybody */
    int type;
};
struct match {
    const struct automation *a;
    const struct event *event;
    customer_id root;
};
struct automation_page {
    struct follow_row from, to;
    bool is_first; /* the position was not there, or is gone */
    size_t n_events;
    struct match *matches;
    size_t n_matches;
};

size_t automation_page_size(const struct automation_page *p)
{
    return p->n_events + p->is_first;
}

static bool fits(const struct rule *r, const struct event *e)
{
    const struct automation *a = r->a;
    return r->type == e->type && e->customer_id && e->at_ms >= a->on_at.ms &&
           (a->segment.id.v == 0 || a->segment.id.v == e->ref_id);
}

/* Those that can act: one whose condition is right no more stands still, and the page of automations says so. */
static enum err rules_of(struct cx *cx, struct rule **out, size_t *n)
{
    struct list l = {0};
    TRY(automations(cx, &q_automation_on, &l));
    struct rule *r = ARENA_ARRAY(cx->arena, l.n + 1, struct rule);
    *out = r;
    *n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct automation *a = (const struct automation *)l.items + i;
        const struct begin *b = begin_of(a->event);
        struct expr_plan *p = NULL;
        enum err e = b ? automation_plan(cx, a->where, &p) : ERR_INVALID;
        if (e != OK && e != ERR_INVALID)
            return e;
        cx->why = (struct fault){0};
        if (e == OK)
            r[(*n)++] = (struct rule){a, p, b->type};
    }
    return OK;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t sort_once(int64_t *v, size_t n)
{
    size_t kept = 0;
    qsort(v, n, sizeof *v, by_number);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || v[kept - 1] != v[i])
            v[kept++] = v[i];
    return kept;
}

static int64_t root_of(const struct list *roots, int64_t id)
{
    const struct root_row *r = roots->items;
    for (size_t i = 0; i < roots->n; i++)
        if (r[i].id == id)
            return r[i].root;
    return 0; /* erased meanwhile */
}

/* What happened to somebody several times in a moment is one change. */
static bool is_said(const struct automation_page *p, const struct match *m)
{
    for (size_t i = 0; m->event->type == EVENT_CUSTOMER_CHANGED && i < p->n_matches; i++)
        if (p->matches[i].a == m->a && p->matches[i].root.v == m->root.v)
            return true;
    return false;
}

static enum err match_events(struct cx *cx, const struct rule *rules, size_t n_rules,
                             const struct event *v, size_t n, size_t most,
                             struct automation_page *p)
{
    int64_t *ids = ARENA_ARRAY(cx->arena, n + 1, int64_t),
            *wanted = ARENA_ARRAY(cx->arena, n + 1, int64_t);
    size_t n_ids = 0, n_wanted = 0, n_plans = 0;
    const struct expr_plan **plans = ARENA_ARRAY(cx->arena, n_rules + 1, const struct expr_plan *);
    struct expr_many *many = NULL;
    struct list roots = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_rules; k++)
            if (fits(&rules[k], &v[i])) {
                ids[n_ids++] = v[i].customer_id;
                break;
            }
    n_ids = sort_once(ids, n_ids);
    if (n_ids)
        TRY(db_all(cx, &q_automation_roots, &automation_root_row_shape, &roots,
                   ARGS(val_ints(ids, n_ids))));
    for (size_t i = 0; i < roots.n; i++)
        wanted[n_wanted++] = ((const struct root_row *)roots.items)[i].root;
    n_wanted = sort_once(wanted, n_wanted);
    for (size_t k = 0; k < n_rules; k++)
        if (rules[k].plan)
            plans[n_plans++] = rules[k].plan;
    if (n_plans && n_wanted)
        TRY(expr_load_many(cx, plans, n_plans, wanted, n_wanted, &many));
    p->matches = ARENA_ARRAY(cx->arena, most + n_rules + 1, struct match);
    for (size_t i = 0; i < n && p->n_matches < most; i++) {
        int64_t root = root_of(&roots, v[i].customer_id);
        const int64_t *at =
            root && n_wanted ? bsearch(&root, wanted, n_wanted, sizeof *wanted, by_number) : NULL;
        for (size_t k = 0; at && k < n_rules; k++) {
            struct match m = {rules[k].a, &v[i], {root}};
            struct expr_subject s = {0};
            if (!fits(&rules[k], &v[i]) || is_said(p, &m))
                continue;
            if (!rules[k].plan || (expr_one_of(many, rules[k].plan, (size_t)(at - wanted), &s) &&
                                   expr_holds(rules[k].plan, &s)))
                p->matches[p->n_matches++] = m;
        }
        p->to = (struct follow_row){v[i].xid, v[i].seq};
        p->n_events++;
    }
    return OK;
}

enum err automation_page_plan(struct cx *cx, size_t most, struct automation_page **out)
{
    struct automation_page *p = ARENA_NEW(cx->arena, struct automation_page);
    struct rule *rules = NULL;
    size_t n = 0;
    struct list l = {0};
    bool is_gone = false;
    *out = p;
    TRY(rules_of(cx, &rules, &n));
    if (n == 0)
        return OK;
    enum err e =
        db_one(cx, &q_automation_follow_get, &automation_follow_row_shape, &p->from, NO_ARGS);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == OK)
        TRY(event_after(cx, p->from.xid, p->from.seq, EVENTS, &l, &is_gone));
    p->is_first = e == ERR_NOT_FOUND || is_gone;
    if (p->is_first) /* too long away: what was missed stays so */
        return event_newest(cx, &p->to.xid, &p->to.seq);
    return match_events(cx, rules, n, l.items, l.n, most ? most : RUNS, p);
}

/* ---- apply: one automation for one customer ------------------------------------------------------- */

struct run {
    run_id id;
    const struct match *m;
    str ref;
    const char *reason; /* of an action that could not be done */
    size_t place;
};

static enum err due_of(struct cx *cx, int64_t days, when *out)
{
    *out = (when){0};
    if (days) {
        str zone = settings_current(cx)->time_zone;
        *out = (when){when_of_day(when_day((when){cx->now_ms}, zone) + (int32_t)days + 1, zone).ms -
                      1};
    }
    return OK;
}

static enum err colleagues(struct cx *cx, const struct action *k, customer_id root,
                           struct list *out)
{
    if (k->to == TO_COLLEAGUE)
        return db_all(cx, &q_automation_colleague, &automation_colleague_shape, out,
                      ARGS(V(k->staff.id)));
    if (k->to == TO_RESPONSIBLE)
        TRY(db_all(cx, &q_automation_owner, &automation_colleague_shape, out, ARGS(V(root))));
    if (k->to == TO_MANAGERS || out->n == 0) /* nobody is responsible: those who lead */
        return db_all(cx, &q_automation_managers, &automation_colleague_shape, out, NO_ARGS);
    return OK;
}

static enum err do_task(struct cx *cx, const struct action *k, customer_id root)
{
    struct list who = {0};
    struct task_new t = {.id = {id_new(cx->now_ms)},
                         .customer = root,
                         .kind = "todo",
                         .title = k->text,
                         .phone = S(""),
                         .priority = k->priority};
    if (k->to == TO_COLLEAGUE)
        TRY(db_all(cx, &q_automation_colleague, &automation_colleague_shape, &who,
                   ARGS(V(k->staff.id))));
    else if (k->to == TO_RESPONSIBLE)
        TRY(db_all(cx, &q_automation_owner, &automation_colleague_shape, &who, ARGS(V(root))));
    if (who.n)
        t.assignee = ((const struct colleague_row *)who.items)[0].id;
    TRY(due_of(cx, k->days, &t.due_at));
    return task_add(cx, &t);
}

static enum err do_notify(struct cx *cx, struct run *r, const struct action *k)
{
    struct list who = {0};
    size_t told = 0;
    TRY(colleagues(cx, k, r->m->root, &who));
    for (size_t i = 0; i < who.n; i++) {
        enum err e = notice_add(cx, ((const struct colleague_row *)who.items)[i].id, r->m->root,
                                r->m->a->id, k->text);
        if (e != OK && e != ERR_TOO_MANY)
            return e;
        told += e == OK;
    }
    if (told == 0)
        r->reason = who.n ? "notices_full" : "nobody";
    return OK;
}

static enum err do_tag(struct cx *cx, struct run *r, const struct action *k)
{
    struct change_by by = {.source = "automation"};
    int64_t n = 0;
    if (k->kind == ACTION_UNTAG)
        return tag_take(cx, r->m->root, k->tag, &by);
    TRY(db_int(cx, &q_automation_tags, &n, ARGS(V(r->m->root))));
    if (n >= CUSTOMER_TAGS_MAX) {
        r->reason = "tags_full";
        return OK;
    }
    return tag_put(cx, r->m->root, k->tag, &by);
}

static enum err do_webhook(struct cx *cx, struct run *r)
{
    enum err e = delivery_add(cx, r->m->a->id, r->id, r->m->root, r->m->a->event, r->ref);
    if (e == ERR_TOO_MANY)
        r->reason = "messages_full";
    return e == ERR_TOO_MANY ? OK : e;
}

static enum err do_action(struct cx *cx, struct run *r, const struct action *k)
{
    int64_t raised = 0;
    switch ((enum action_kind)k->kind) {
    case ACTION_TAG:
    case ACTION_UNTAG:
        return do_tag(cx, r, k);
    case ACTION_TASK:
        return do_task(cx, k, r->m->root);
    case ACTION_PRIORITY:
        return tasks_raise(cx, r->m->root, k->priority, &raised);
    case ACTION_NOTIFY:
        return do_notify(cx, r, k);
    case ACTION_WEBHOOK:
        return do_webhook(cx, r);
    case ACTION_N:
        break;
    }
    return ERR_INTERNAL;
}

static enum err write_run(struct cx *cx, const struct run *r, const char *outcome)
{
    const struct match *m = r->m;
    return db_run(cx, &q_automation_run_insert,
                  ARGS(V(r->id), V(m->a->id), V(m->root), V(m->a->event), V(r->ref),
                       V(m->event->depth), V(outcome), V((int64_t)r->place),
                       V(r->reason ? r->reason : ""), V(cx->now_ms)));
}

static enum err stopped(struct cx *cx, const struct run *r, const char *why)
{
    log_line(LOG_WARN, "automation.stopped", "automation=" SFMT " why=%s",
             SARG(id_text(cx->arena, "aut", r->m->a->id.v)), why);
    TRY(db_run(cx, &q_automation_stopped, ARGS(V(why), V(cx->now_ms), V(r->m->a->id))));
    return write_run(cx, r, why);
}

/* Was it done for him already, so that it is not his turn? */
static enum err is_resting(struct cx *cx, const struct match *m, bool *out)
{
    int64_t at = 0;
    *out = false;
    if (!m->a->again_days.has)
        return OK;
    enum err e = db_int(cx, &q_automation_last_get, &at, ARGS(V(m->a->id), V(m->root)));
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    *out = m->a->again_days.v == 0 || at > cx->now_ms - m->a->again_days.v * DAY_MS;
    return OK;
}

static enum err run_one(struct cx *cx, const struct match *planned)
{
    const struct begin *b = begin_of_type(planned->event->type);
    struct match now = *planned;
    const struct match *m = &now;
    struct run r = {.id = {id_new(cx->now_ms)}, .m = m, .ref = S("")};
    int64_t often = 0;
    bool rests = false;
    enum err e = db_int(cx, &q_automation_root, &now.root.v,
                        ARGS(V(planned->root))); /* merged since the plan? */
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e; /* erased */
    if (b && b->prefix && m->event->ref_id)
        r.ref = id_text(cx->arena, b->prefix, m->event->ref_id);
    TRY(is_resting(cx, m, &rests));
    if (rests)
        return OK;
    if (m->event->depth >= AUTOMATION_DEPTH)
        return stopped(cx, &r, "loop");
    TRY(db_int(cx, &q_automation_run_count, &often,
               ARGS(V(m->root), V(m->a->id), V(cx->now_ms - HOUR_MS))));
    if (often > AUTOMATION_OFTEN) /* it is said once */
        return OK;
    if (often == AUTOMATION_OFTEN)
        return stopped(cx, &r, "often");
    const struct action *k = m->a->actions.items;
    event_depth(cx, m->event->depth + 1);
    for (size_t i = 0; i < m->a->actions.n; i++) {
        const char *before = r.reason;
        TRY(do_action(cx, &r, &k[i]));
        if (r.reason != before && !before)
            r.place = i;
    }
    event_depth(cx, 0);
    TRY(db_run(cx, &q_automation_last_put, ARGS(V(m->a->id), V(m->root), V(cx->now_ms))));
    return write_run(cx, &r, r.reason ? "failed" : "done");
}

enum err automation_page_write(struct cx *cx, struct automation_page *p, bool is_skipped)
{
    struct follow_row now = {0};
    struct actor was = cx->actor;
    enum err e = db_one(cx, &q_automation_follow_get, &automation_follow_row_shape, &now, NO_ARGS);
    bool is_same = e == OK && now.xid == p->from.xid && now.seq == p->from.seq;
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (!is_same && !(p->is_first && e == ERR_NOT_FOUND))
        return ERR_STALE;
    cx->actor = (struct actor){.kind = ACTOR_SYSTEM};
    e = OK;
    for (size_t i = 0; i < p->n_matches && e == OK && !is_skipped; i++)
        e = run_one(cx, &p->matches[i]);
    cx->actor = was;
    TRY(e);
    return db_run(cx, &q_automation_follow_put, ARGS(V(p->to.xid), V(p->to.seq)));
}

/* ---- taking out -------------------------------------------------------------------------------------- */

static enum err take_out(struct cx *cx, int64_t id)
{
    static const struct query *const slices[] = {
        &q_automation_runs_drop, &q_automation_deliveries_drop, &q_automation_lasts_drop};
    for (size_t i = 0; i < COUNT(slices); i++) {
        int64_t n = 0;
        TRY(db_run_count(cx, slices[i], &n, ARGS(V(id))));
        if (n)
            return OK;
    }
    return db_run(cx, &q_automation_drop, ARGS(V(id)));
}

static enum err slice(struct cx *cx, str args, int64_t *position, int64_t *progress, int64_t *total,
                      bool *finished)
{
    static const struct query *const old[] = {&q_automation_runs_old, &q_deliveries_old,
                                              &q_notices_old};
    int64_t id = 0, n = 0, before = id_first_of(cx->now_ms - KEPT_DAYS * DAY_MS);
    (void)args;
    (void)position;
    (void)progress;
    (void)total;
    *finished = false;
    enum err e = db_int(cx, &q_automation_going, &id, NO_ARGS);
    if (e == OK)
        return take_out(cx, id);
    if (e != ERR_NOT_FOUND)
        return e;
    for (size_t i = 0; i < COUNT(old); i++) {
        TRY(db_run_count(cx, old[i], &n, ARGS(V(before))));
        if (n)
            return OK;
    }
    *finished = true;
    return OK;
}
const struct job_kind automation_job = {
    .name = "automation.tidy", .slice = slice, .every_ms = 60000};
