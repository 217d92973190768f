/* rooms/staff/session.c - log-in and sessions.
 *
 * Tries are counted by the network they come from, by account and network, and by account alone; a
 * browser that logged this person in before has a budget of its own, so that guessing from
 * elsewhere never shuts him out. A try that was right is given back. Unknown people cost the same
 * time and get the same sentence as wrong passwords.
 */
#include "base/person.h"
#include "net/limit.h"
#include "rooms/staff/staff_inner.h"
#include <pthread.h>

static const int64_t IDLE_MS = 12ll * 3600 * 1000, LIFE_MS = 7ll * 86400 * 1000,
                     DEVICE_MS = 365ll * 86400 * 1000,
                     CLOCK_BACK_MS =
                         2ll * 86400 * 1000; /* a session outlives a clock set back by a day */

static const struct field session_fields[] = {
    FIELD(struct session, id),
    FIELD(struct session, created_at),
    FIELD(struct session, seen_at),
    FIELD(struct session, peer, .personal = true, .doc = "Address it was used from last"),
    FIELD(struct session, agent, .doc = "The browser's name for itself"),
    FIELD(struct session, is_current, .not_column = true),
};
const struct shape session_shape = SHAPE("session", struct session, session_fields);

/* ---- who --------------------------------------------------------------------------------- */

struct session_who {
    int64_t session, seen_ms;
    str peer;
    int64_t staff;
    int role, lang;
    str name;
};
static const struct field session_who_fields[] = {
    FIELD(struct session_who, session),
    FIELD(struct session_who, seen_ms),
    FIELD(struct session_who, peer),
    FIELD(struct session_who, staff),
    FIELD_ENUM(struct session_who, role, role_codes),
    FIELD_ENUM(struct session_who, lang, lang_codes),
    FIELD(struct session_who, name),
};
static const struct shape session_who_shape =
    SHAPE("session_who", struct session_who, session_who_fields);

static struct val hash_of(struct cx *cx, str secret)
{
    uint8_t *h = arena_alloc(cx->arena, 32, 1);
    sha256(secret, h);
    return val_blob(h, 32);
}

enum err staff_by_session(struct cx *cx, str secret, struct actor *out, enum lang *lang,
                          struct session_use *last)
{
    struct session_who w = {0};
    enum err e = db_one(cx, &q_session_who, &session_who_shape, &w,
                        ARGS(hash_of(cx, secret), V(cx->now_ms - IDLE_MS), V(cx->now_ms - LIFE_MS),
                             V(cx->now_ms + CLOCK_BACK_MS)));
    if (e == ERR_NOT_FOUND)
        return ERR_UNAUTHENTICATED;
    TRY(e);
    *out = (struct actor){.kind = ACTOR_STAFF,
                          .id = w.staff,
                          .session_id = w.session,
                          .role = (enum role)w.role,
                          .name = w.name};
    *lang = (enum lang)w.lang;
    *last = (struct session_use){w.seen_ms, w.peer};
    return OK;
}

struct session_peer {
    str peer;
};
static const struct field session_peer_fields[] = {
    FIELD(struct session_peer, peer),
};
static const struct shape session_peer_shape =
    SHAPE("session_peer", struct session_peer, session_peer_fields);

enum err staff_session_seen(struct cx *cx, int64_t session)
{
    struct session_peer before = {0};
    enum err e = db_one(cx, &q_session_peer, &session_peer_shape, &before, ARGS(V(session)));
    if (e == ERR_NOT_FOUND)
        return OK; /* ended meanwhile */
    TRY(e);
    TRY(db_run(cx, &q_session_seen, ARGS(V(cx->now_ms), V(cx->peer), V(session))));
    if (str_eq(limits_net(cx->arena, before.peer), limits_net(cx->arena, cx->peer)))
        return OK;
    return audit_add(cx, "session.moved", 0, cx->actor.id, (str){0});
}

/* ---- budgets ----------------------------------------------------------------------------- */

static struct limits *budgets; /* of this process, like the memory and the cores it guards */
static pthread_once_t budgets_once = PTHREAD_ONCE_INIT;
static void budgets_open(void)
{
    budgets = limits_open(32768);
    if (!budgets)
        abort();
}

struct budget {
    const char *what;
    int64_t every_ns;
    unsigned burst;
};
static const struct budget by_device = {"log-in device", 5000000000, 20};
static const struct budget by_net = {"log-in net", 2000000000, 40};
static const struct budget by_both = {"log-in account net", 12000000000, 8};
static const struct budget by_account = {"log-in account", 2000000000, 60};

struct tries {
    const struct budget *budget[3];
    str who[3];
    size_t n;
};

static enum err tries_take(struct cx *cx, const struct tries *t)
{
    for (size_t i = 0; i < t->n; i++) {
        uint32_t wait_s = 1;
        const struct budget *b = t->budget[i];
        if (limits_take(budgets, b->what, t->who[i], clock_mono_ns(), b->every_ns, b->burst,
                        &wait_s))
            continue;
        while (i-- > 0)
            limits_give(budgets, t->budget[i]->what, t->who[i], t->budget[i]->every_ns);
        enum err e = fault(cx, ERR_TOO_MANY, M_STAFF_SLOW, MNUM("seconds", wait_s));
        cx->why.retry_after_s = wait_s;
        return e;
    }
    return OK;
}

static void tries_give(const struct tries *t)
{
    for (size_t i = 0; i < t->n; i++)
        limits_give(budgets, t->budget[i]->what, t->who[i], t->budget[i]->every_ns);
}

static enum err device_is_known(struct cx *cx, str email, bool *out)
{
    int64_t one = 0;
    *out = false;
    if (cx->device.len == 0 || cx->device.len > 100)
        return OK;
    enum err e = db_int(cx, &q_device_known, &one, ARGS(hash_of(cx, cx->device), V(email)));
    *out = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err tries_for(struct cx *cx, str email, struct tries *out)
{
    bool is_known = false;
    pthread_once(&budgets_once, budgets_open);
    TRY(device_is_known(cx, email, &is_known));
    if (is_known) {
        *out =
            (struct tries){{&by_device},
                           {arena_printf(cx->arena, SFMT " " SFMT, SARG(email), SARG(cx->device))},
                           1};
        return OK;
    }
    str net = limits_net(cx->arena, cx->peer);
    *out =
        (struct tries){{&by_net, &by_both, &by_account},
                       {net, arena_printf(cx->arena, SFMT " " SFMT, SARG(email), SARG(net)), email},
                       3};
    return OK;
}

/* ---- log-in ------------------------------------------------------------------------------ */

struct log_in_row {
    staff_id id;
    str password;
    bool is_active;
};
static const struct field log_in_row_fields[] = {
    FIELD(struct log_in_row, id),
    FIELD(struct log_in_row, password, .secret = true),
    FIELD(struct log_in_row, is_active),
};
static const struct shape log_in_row_shape =
    SHAPE("log_in_row", struct log_in_row, log_in_row_fields);

void log_in_secrets(struct cx *cx, struct log_in *l)
{
    l->session_secret = random_token(cx->arena, 32);
    l->device_secret =
        cx->device.len >= 40 && cx->device.len <= 100 ? cx->device : random_token(cx->arena, 32);
}

enum err log_in_plan(struct cx *cx, struct log_in *l)
{
    struct tries tries = {0};
    struct log_in_row row = {0};
    str email = {0};
    if (!email_read(cx->arena, l->email, &email))
        email = l->email; /* nobody's; refused like a wrong one */
    TRY(tries_for(cx, email, &tries));
    TRY(tries_take(cx, &tries));
    enum err e = db_one(cx, &q_staff_log_in, &log_in_row_shape, &row, ARGS(V(email)));
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    bool is_right = password_is(row.password, l->password);
    if (!is_right || !row.is_active)
        return fault(cx, ERR_UNAUTHENTICATED, M_STAFF_WRONG_PAIR);
    tries_give(&tries);
    l->staff = row.id;
    log_in_secrets(cx, l);
    return OK;
}

enum err log_in_take(struct cx *cx, struct log_in *l)
{
    struct staff p = {0};
    enum err e = staff_get(cx, l->staff, &p);
    if (e == ERR_NOT_FOUND || (e == OK && !p.is_active))
        return fault(cx, ERR_UNAUTHENTICATED, M_STAFF_WRONG_PAIR);
    TRY(e);
    cx->actor = (struct actor){.kind = ACTOR_STAFF,
                               .id = p.id.v,
                               .session_id = id_new(cx->now_ms),
                               .role = (enum role)p.role,
                               .name = p.name};
    TRY(db_run(cx, &q_session_sweep,
               ARGS(V(p.id), V(cx->now_ms - IDLE_MS), V(cx->now_ms - LIFE_MS))));
    TRY(db_run(cx, &q_session_insert,
               ARGS(V(cx->actor.session_id), hash_of(cx, l->session_secret), V(p.id), V(cx->now_ms),
                    V(cx->peer), V(cx->agent))));
    TRY(db_run(cx, &q_device_sweep, ARGS(V(p.id), V(cx->now_ms - DEVICE_MS))));
    TRY(db_run(cx, &q_device_insert, ARGS(hash_of(cx, l->device_secret), V(p.id), V(cx->now_ms))));
    return audit_add(cx, "session.begin", 0, p.id.v, (str){0});
}

enum err password_confirm(struct cx *cx, staff_id id, str password)
{
    struct tries tries = {0};
    struct log_in_row row = {0};
    TRY(tries_for(cx, arena_printf(cx->arena, "%lld", (long long)id.v), &tries));
    TRY(tries_take(cx, &tries));
    TRY(db_one(cx, &q_staff_password_of, &log_in_row_shape, &row, ARGS(V(id))));
    if (!password_is(row.password, password))
        return fault_field(cx, ERR_INVALID, S("old"), M_STAFF_OLD_PASSWORD);
    tries_give(&tries);
    return OK;
}

/* ---- sessions ---------------------------------------------------------------------------- */

enum err session_all(struct cx *cx, struct list *out)
{
    TRY(db_all(cx, &q_session_list, &session_shape, out,
               ARGS(V(cx->actor.id), V(cx->now_ms - IDLE_MS), V(cx->now_ms - LIFE_MS))));
    struct session *s = out->items;
    for (size_t i = 0; i < out->n; i++)
        s[i].is_current = s[i].id.v == cx->actor.session_id;
    return OK;
}

enum err session_end(struct cx *cx, int64_t session, staff_id staff)
{
    int64_t ended = 0;
    TRY(db_run_count(cx, &q_session_delete, &ended, ARGS(V(session), V(staff))));
    if (ended == 0)
        return ERR_NOT_FOUND;
    TRY(audit_add(cx, "session.end", 0, staff.v, (str){0}));
    return event_add(cx, EVENT_SESSION_ENDED, 0, staff.v,
                     arena_printf(cx->arena, "%lld", (long long)session));
}

enum err sessions_end_others(struct cx *cx, staff_id staff, int64_t keep)
{
    struct list ended = {0};
    TRY(db_all(cx, &q_session_others, &staff_number_shape, &ended, ARGS(V(staff), V(keep))));
    if (ended.n == 0)
        return OK;
    struct text ids = text_in(cx->arena, 21 * ended.n);
    const struct number *n = ended.items;
    for (size_t i = 0; i < ended.n; i++)
        text_printf(&ids, "%s%lld", i ? " " : "", (long long)n[i].v);
    TRY(db_run(cx, &q_session_delete_others, ARGS(V(staff), V(keep))));
    return event_add(cx, EVENT_SESSION_ENDED, 0, staff.v, keep ? text_str(&ids) : (str){0});
}
