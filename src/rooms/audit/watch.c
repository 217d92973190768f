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

/* A slice counts the next views of one day: each record once for each person and day. */
static enum err watch_slice(struct cx *cx, str args, int64_t *position, int64_t *progress,
                            int64_t *total, bool *finished)
{
    const struct settings *s = settings_current(cx);
    struct list rows = {0}, over = {0};
    int64_t after = 0;
    (void)args;
    (void)total;
    (void)position; /* begins anew each time: how far it came is kept beside */
    enum err e = db_int(cx, &q_watch_at, &after, NO_ARGS);
    if (e != ERR_NOT_FOUND)
        TRY(e);
    int32_t day = when_day((when){cx->now_ms}, s->time_zone);
    int64_t first = id_first_of(when_of_day(day, s->time_zone).ms);
    if (after < first - 1)
        after = first - 1; /* what a stop left of another day is history */
    TRY(db_all(cx, &q_watch_next, &watch_row_shape, &rows,
               ARGS(V(after), V(id_first_of(cx->now_ms - SETTLED_MS)), V((int64_t)WATCH_ROWS))));
    *finished = rows.n < WATCH_ROWS;
    if (!rows.n)
        return OK;
    int64_t last = ((const struct watch_row *)rows.items)[rows.n - 1].id;
    TRY(db_run(cx, &q_watch_count, ARGS(V((int64_t)day), V(after), V(last), V(first))));
    TRY(db_run(cx, &q_watch_at_set, ARGS(V(arena_printf(cx->arena, "%lld", (long long)last)))));
    *progress += (int64_t)rows.n;
    if (!s->views_alert)
        return OK;
    TRY(db_all(cx, &q_watch_over, &watch_over_shape, &over,
               ARGS(V((int64_t)day), V(s->views_alert))));
    const struct watch_over *o = over.items;
    for (size_t i = 0; i < over.n; i++)
        TRY(told(cx, day, &o[i], s->views_alert));
    return OK;
}

const struct job_kind audit_watch_job = {"audit.watch", watch_slice, WATCH_EVERY_MS};

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
