/* rooms/audit/watch.c - how many records each member of staff sees on a day; who passes the limit of the house is told to the
 * audit and the log, once a day. */
#include "messages.h"
#include "queries.h"
#include "rooms/audit/audit.h"
#include "rooms/settings/settings.h"

enum {
    WATCH_EVERY_MS = 5000,
    WATCH_ROWS = 200,
    SETTLED_MS = 3000, /* views are written by short changes; ids of two nodes overlap no longer */
    DAYS_USUAL = 28,
};

struct watch_row {
    int64_t id;
};
static const struct field watch_row_fields[] = {FIELD(struct watch_row, id)};
const struct shape watch_row_shape = SHAPE("watch_row", struct watch_row, watch_row_fields);

struct watch_over {
    staff_id staff;
    int64_t seen;
};
static const struct field watch_over_fields[] = {
    FIELD(struct watch_over, staff),
    FIELD(struct watch_over, seen),
};
const struct shape watch_over_shape = SHAPE("watch_over", struct watch_over, watch_over_fields);

static enum err told(struct cx *cx, int32_t day, const struct watch_over *o, int64_t limit)
{
    TRY(db_run(cx, &q_watch_told, ARGS(V((int64_t)day), V(o->staff))));
    log_line(LOG_WARN, "audit_alert", "staff=" SFMT " records=%lld limit=%lld",
             SARG(id_text(cx->arena, "stf", o->staff.v)), (long long)o->seen, (long long)limit);
    return audit_add(
        cx, "alert.views", 0, o->staff.v,
        arena_printf(cx->arena, "records=%lld limit=%lld", (long long)o->seen, (long long)limit));
}

struct watch_counted {
    staff_id staff;
    int64_t seen, vips;
};
static const struct field watch_counted_fields[] = {
    FIELD(struct watch_counted, staff),
    FIELD(struct watch_counted, seen),
    FIELD(struct watch_counted, vips),
};
const struct shape watch_counted_shape =
    SHAPE("watch_counted", struct watch_counted, watch_counted_fields);

/* The next views of one day, counted: each record once for each person and day. */
struct page {
    int64_t told;        /* what had been counted to */
    int64_t first;       /* the day's first id */
    int64_t after, last; /* the page: ids above `after` up to `last` */
    int32_t day;
    bool is_end;
    struct list counted;
};

static enum err counted_to(struct cx *cx, int64_t *after)
{
    enum err e = db_int(cx, &q_watch_at, after, NO_ARGS);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* The day that is counted, and the next views of it; what is left of another day is history. */
static enum err next_views(struct cx *cx, int64_t limit, struct page *p, struct list *rows)
{
    const struct settings *s = settings_current(cx);
    TRY(counted_to(cx, &p->told));
    p->day = when_day((when){cx->now_ms}, s->time_zone);
    p->first = id_first_of(when_of_day(p->day, s->time_zone).ms);
    p->after = p->told < p->first ? p->first - 1 : p->told;
    return db_all(cx, &q_watch_next, &watch_row_shape, rows,
                  ARGS(V(p->after), V(id_first_of(cx->now_ms - SETTLED_MS)), V(limit)));
}

static bool is_idle(struct cx *cx)
{
    struct page p = {0};
    struct list rows = {0};
    return next_views(cx, 1, &p, &rows) == OK && !rows.n;
}

static enum err plan(struct cx *cx, str args, void **found)
{
    struct page *p = ARENA_NEW(cx->arena, struct page);
    struct list rows = {0};
    (void)args;
    TRY(next_views(cx, WATCH_ROWS, p, &rows));
    if (!rows.n)
        return OK;
    p->is_end = rows.n < WATCH_ROWS;
    p->last = ((const struct watch_row *)rows.items)[rows.n - 1].id;
    *found = p;
    return db_all(cx, &q_watch_counts, &watch_counted_shape, &p->counted,
                  ARGS(V(p->after), V(p->last), V(p->first)));
}

static enum err write_page(struct cx *cx, const void *found, bool *finished)
{
    const struct settings *s = settings_current(cx);
    const struct page *p = found;
    struct list over = {0};
    int64_t after = 0;
    TRY(counted_to(cx, &after));
    if (after != p->told)
        return ERR_STALE;
    const struct watch_counted *c = p->counted.items;
    for (size_t i = 0; i < p->counted.n; i++)
        TRY(db_run(cx, &q_watch_add,
                   ARGS(V((int64_t)p->day), V(c[i].staff), V(c[i].seen), V(c[i].vips))));
    TRY(db_run(cx, &q_watch_at_set, ARGS(V(arena_printf(cx->arena, "%lld", (long long)p->last)))));
    *finished = p->is_end;
    if (!s->views_alert)
        return OK;
    TRY(db_all(cx, &q_watch_over, &watch_over_shape, &over,
               ARGS(V((int64_t)p->day), V(s->views_alert))));
    const struct watch_over *o = over.items;
    for (size_t i = 0; i < over.n; i++)
        TRY(told(cx, p->day, &o[i], s->views_alert));
    return OK;
}

const struct job_kind audit_watch_job = {.name = "audit.watch",
                                         .is_idle = is_idle,
                                         .plan = plan,
                                         .write = write_page,
                                         .every_ms = WATCH_EVERY_MS};

static const struct field person_row_fields[] = {
    FIELD(struct audit_person, id),    FIELD(struct audit_person, name),
    FIELD(struct audit_person, seen),  FIELD(struct audit_person, vips),
    FIELD(struct audit_person, usual),
};
const struct shape watch_person_shape =
    SHAPE("watch_person", struct audit_person, person_row_fields);

enum err audit_people_today(struct cx *cx, struct list *out)
{
    const struct settings *s = settings_current(cx);
    int64_t day = when_day((when){cx->now_ms}, s->time_zone);
    TRY(db_all(cx, &q_watch_people, &watch_person_shape, out, ARGS(V(day - DAYS_USUAL), V(day))));
    struct audit_person *p = out->items;
    for (size_t i = 0; i < out->n; i++)
        p[i].is_over = (s->views_alert && p[i].seen > s->views_alert) ||
                       (p[i].usual >= 20 && p[i].seen > 3 * p[i].usual);
    return OK;
}
