/* db/postgres.c - PostgreSQL by libpq's pipeline: what need not be waited for is sent and read later.
 *
 * Everything sent puts an expectation into a queue; drain() reads the answers in that order. BEGIN leaves
 * with the first statement of a snapshot or change, COMMIT with the last ones.
 */
#include "db/postgres.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_INT8_ARRAY = 1016,
    OID_TEXT_ARRAY = 1009,
    OID_NUMERIC = 1700,
    OID_XID8 = 5069,
};
enum {
    PARAMS_MAX = 99, /* of a query of the house */
    STEADY = 64,     /* texts made at run time that are kept; rules there are sixty */
    CONNECT_MS = 2000,
    READ_SLACK_MS = 1000,
    WRITE_LIMIT_MS = 30000,
    PATIENT_MS = 86400000
};

struct kept {
    const struct query *q;
    char name[16];
    uint8_t kinds[PARAMS_MAX]; /* VAL_NULL: type left to the server */
    bool is_sent;              /* to be believed only while no failure comes back */
};

struct expect {
    enum { EXPECT_ROWS, EXPECT_PREPARE, EXPECT_SYNC } kind;
    const struct query *q;
    struct sink *to;
    int64_t *changed;
    uint16_t must; /* a row, or ERR_STALE with this sentence */
    struct kept *kept;
};

/* A text made at run time that is kept as a query of a file is: `q` is what it is known by, as long as it is here. */
struct steady {
    char *text;
    struct query q;
    uint64_t used; /* by pg.n_steady_uses */
};

struct pg {
    PGconn *c;
    struct store *store;
    struct kept **kept; /* open addressing by the query's address */
    size_t n_kept, cap_kept;
    struct steady steady[STEADY];
    uint64_t n_steady_uses;
    unsigned names;
    struct expect *expects;
    size_t first, n_expects, cap_expects;
    bool in_transaction; /* BEGIN was sent */
    bool has_read;       /* something of this snapshot was answered */
    bool is_lost, wants_retry;
    bool is_patient; /* migrations, bulk loads */
    bool in_part, is_hurried;
    enum { SCANS_OFF, SCANS_ON, SCANS_UNKNOWN } scans; /* enable_seqscan on this connection */
    uint64_t plans_of; /* the store's plans_turn that its plans are of; 0: none */
    bool asked_xid, has_musts;
    int64_t xid;
    enum err failure; /* the first one since the pipeline was last empty of faults */
    struct fault why;
    int64_t next_try_ns, back_off_ms;
};

#define WORD(id, text) \
    static const struct query id = {.name = #id, .sqlite = "", .postgres = (text)}
WORD(w_begin, "BEGIN ISOLATION LEVEL REPEATABLE READ");
WORD(w_begin_read, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
WORD(w_commit, "COMMIT");
WORD(w_rollback, "ROLLBACK");
WORD(w_save, "SAVEPOINT part");
WORD(w_release, "RELEASE SAVEPOINT part");
WORD(w_back, "ROLLBACK TO SAVEPOINT part");
WORD(w_hurry, "SET LOCAL lock_timeout = 20"); /* ms */
WORD(w_soft, "SET LOCAL synchronous_commit = off");
WORD(
    w_scans_off,
    "SELECT set_config('enable_seqscan', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false)");
WORD(
    w_scans_on,
    "SELECT set_config('enable_seqscan', 'on', false), set_config('plan_cache_mode', 'auto', false)");
WORD(w_plan_anew, "DISCARD PLANS"); /* the statements stay, each is planned at its next use */
WORD(w_xid, "SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)");

/* ---- connecting ------------------------------------------------------------------------------------- */

static void hang_up(struct pg *p)
{
    if (p->c)
        PQfinish(p->c);
    p->c = NULL;
    for (size_t i = 0; i < p->cap_kept; i++) {
        free(p->kept[i]);
        p->kept[i] = NULL;
    }
    p->n_kept = 0;
    p->first = p->n_expects = 0;
    p->in_transaction = p->has_read = p->asked_xid = false;
}

static bool wait_for(int fd, short events, int64_t until_ns)
{
    for (;;) {
        int64_t ms = (until_ns - clock_mono_ns()) / MS_NS;
        struct pollfd w = {.fd = fd, .events = events};
        int n = poll(&w, 1, ms > 0 ? (int)(ms < 60000 ? ms : 60000) : 0);
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

/* What goes wrong is logged where it is understood. */
static void say_nothing(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

/* A connection by the URL, waited for at most CONNECT_MS; NULL when there is none. */
PGconn *pg_connect(const char *url)
{
    const char *const keys[] = {"dbname",          "client_encoding",  "fallback_application_name",
                                "keepalives_idle", "tcp_user_timeout", NULL};
    const char *const values[] = {url, "UTF8", "kith", "10", "10000", NULL};
    int64_t until = clock_mono_ns() + CONNECT_MS * MS_NS;
    PGconn *c = PQconnectStartParams(keys, values, 1);
    if (!c)
        return NULL;
    PostgresPollingStatusType st =
        PQstatus(c) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (st != PGRES_POLLING_OK && st != PGRES_POLLING_FAILED) {
        if (!wait_for(PQsocket(c), st == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
            break;
        st = PQconnectPoll(c);
    }
    if (st == PGRES_POLLING_OK) {
        PQsetNoticeReceiver(c, say_nothing, NULL);
        return c;
    }
    PQfinish(c);
    return NULL;
}

/* Limits of time: of a read, of a change, or none for migrations and loads. Who counts everybody by rows of other tables needs
 * their customers in memory: without it PostgreSQL goes through them anew for each one. */
static bool session_set(PGconn *c, bool is_writer, bool is_patient)
{
    int statement = is_patient ? 0 : is_writer ? WRITE_LIMIT_MS / 2 : READ_LIMIT_MS;
    int lock = is_patient ? 0 : is_writer ? WRITE_LIMIT_MS / 3 : READ_LIMIT_MS;
    char sql[400];
    snprintf(
        sql, sizeof sql,
        "SET statement_timeout = %d; SET lock_timeout = %d; "
        "SET idle_in_transaction_session_timeout = %d; "
        "SET jit = off; SET client_min_messages = error; SET enable_seqscan = %s; SET plan_cache_mode = %s%s",
        statement, lock, is_patient ? 0 : WRITE_LIMIT_MS, is_patient ? "on" : "off",
        is_patient ? "auto" : "force_generic_plan",
        is_writer || is_patient ? "" : "; SET work_mem = '64MB'");
    PGresult *r = PQexec(c, sql);
    bool is_set = PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    return is_set;
}

/* Connects when there is no connection; after a failure not before the back-off is over. */
static bool ready(struct db *d)
{
    struct pg *p = d->pg;
    if (p->c && !p->is_lost && PQstatus(p->c) == CONNECTION_OK)
        return true;
    int64_t now = clock_mono_ns();
    if (now < p->next_try_ns)
        return false;
    hang_up(p);
    p->is_lost = false;
    p->c = pg_connect(d->store->url);
    if (p->c && session_set(p->c, d->is_writer, p->is_patient) && PQsetnonblocking(p->c, 1) == 0 &&
        PQenterPipelineMode(p->c) == 1) {
        p->back_off_ms = 0;
        p->scans = p->is_patient ? SCANS_ON : SCANS_OFF;
        p->plans_of = atomic_load(&p->store->plans_turn);
        return true;
    }
    hang_up(p);
    p->back_off_ms = p->back_off_ms ? (p->back_off_ms < 2000 ? p->back_off_ms * 2 : 4000) : 100;
    p->next_try_ns = clock_mono_ns() + p->back_off_ms * MS_NS;
    return false;
}

static enum err away(struct cx *cx)
{
    (void)fault(cx, ERR_BUSY, M_STORE_AWAY);
    cx->why.retry_after_s = 2;
    return ERR_BUSY;
}

enum err pg_open(struct cx *cx, struct store *s, bool is_writer, struct db **out)
{
    struct db *d = calloc(1, sizeof *d);
    struct pg *p = calloc(1, sizeof *p);
    if (!d || !p) {
        free(d);
        free(p);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    p->store = s;
    *d = (struct db){.store = s, .pg = p, .is_writer = is_writer};
    *out = d;
    return OK; /* connects at the first use */
}

void pg_close(struct db *d)
{
    if (!d)
        return;
    hang_up(d->pg);
    for (size_t i = 0; i < STEADY; i++)
        free(d->pg->steady[i].text);
    free(d->pg->kept);
    free(d->pg->expects);
    free(d->pg);
    db_free_common(d);
}

PGconn *pg_raw(struct db *d)
{
    return ready(d) ? d->pg->c : NULL;
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static void lost(struct pg *p)
{
    p->is_lost = true;
}

static void keep_failure(struct cx *cx, struct pg *p, enum err e)
{
    p->scans = SCANS_UNKNOWN; /* a SET of this transaction is taken back with it */
    if (p->failure == OK) {
        p->failure = e;
        p->why = cx->why;
    }
}

static enum err failure_of(struct cx *cx, struct pg *p, const struct query *q, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    str code = state ? str_of(state) : S("");
    if (PQstatus(p->c) != CONNECTION_OK || !code.len || str_starts(code, S("57P")) ||
        str_starts(code, S("08")) || str_eq(code, S("25006")) || str_eq(code, S("25P03"))) {
        lost(p);
        return away(cx);
    }
    if (str_eq(code, S("23505")))
        return fault(cx, ERR_CONFLICT, M_STORE_CONFLICT);
    if (str_eq(code, S("40001")) || str_eq(code, S("40P01"))) {
        p->wants_retry = true;
        (void)fault(cx, ERR_BUSY, M_STORE_BUSY);
        cx->why.retry_after_s = 1;
        return ERR_BUSY;
    }
    if (str_eq(code, S("57014")) || str_eq(code, S("55P03"))) {
        p->wants_retry = p->in_part && str_eq(code, S("55P03"));
        (void)fault(cx, ERR_BUSY, str_eq(code, S("57014")) ? M_STORE_TOO_SLOW : M_STORE_BUSY);
        cx->why.retry_after_s = 1;
        return ERR_BUSY;
    }
    if (str_eq(code, S("53100")))
        return fault(cx, ERR_NO_SPACE, M_STORE_NO_SPACE);
    if (str_eq(code, S("54000")))
        return fault(cx, ERR_TOO_BIG, M_STORE_TOO_BIG);
    /* other texts may hold values; those of wrong SQL do not */
    const char *text = str_starts(code, S("42")) ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)
                                                 : PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    log_line(LOG_ERROR, "sql", "query=%s state=%s reason=%s", q ? q->name : "-", code.ptr,
             text ? text : "-");
    return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

/* ---- cells ------------------------------------------------------------------------------------------------ */

static uint64_t big_endian(const char *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

/* Digits in base 10,000: sums and averages come so. */
static struct val numeric(const char *p, int len)
{
    if (len < 8)
        return VNULL;
    int n = (int16_t)big_endian(p, 2), weight = (int16_t)big_endian(p + 2, 2);
    bool is_negative = big_endian(p + 4, 2) == 0x4000, is_whole = n <= weight + 1;
    double d = 0;
    __int128 whole = 0;
    for (int i = 0; i < n && 8 + 2 * i + 2 <= len; i++) {
        int digit = (int)big_endian(p + 8 + 2 * i, 2);
        double scale = 1;
        for (int k = 0; k < (weight - i < 0 ? i - weight : weight - i); k++)
            scale *= 10000;
        d += weight - i < 0 ? digit / scale : digit * scale;
        if (is_whole && weight < 5)
            whole = whole * 10000 + digit;
    }
    for (int k = n; is_whole && weight < 5 && k <= weight; k++)
        whole *= 10000;
    if (is_whole && weight < 5 && whole <= INT64_MAX)
        return val_int((int64_t)(is_negative ? -whole : whole));
    return val_double(is_negative ? -d : d);
}

static struct val cell_of(const PGresult *r, int row, int col)
{
    if (PQgetisnull(r, row, col))
        return VNULL;
    const char *p = PQgetvalue(r, row, col);
    int len = PQgetlength(r, row, col);
    union {
        uint64_t u;
        double d;
    } eight;
    union {
        uint32_t u;
        float f;
    } four;
    switch (PQftype(r, col)) {
    case OID_BOOL:
        return val_int(p[0] != 0);
    case OID_INT2:
        return val_int((int16_t)big_endian(p, 2));
    case OID_INT4:
        return val_int((int32_t)big_endian(p, 4));
    case OID_INT8:
    case OID_XID8:
        return val_int((int64_t)big_endian(p, 8));
    case OID_FLOAT8:
        eight.u = big_endian(p, 8);
        return val_double(eight.d);
    case OID_FLOAT4:
        four.u = (uint32_t)big_endian(p, 4);
        return val_double((double)four.f);
    case OID_NUMERIC:
        return numeric(p, len);
    case OID_BYTEA:
        return val_blob(p, (size_t)len);
    default:
        return val_str((str){p, (size_t)len});
    }
}

enum { COLUMNS_MAX = 64 };

static enum err take_rows(struct cx *cx, const struct expect *e, const PGresult *r)
{
    int rows = PQntuples(r), n = PQnfields(r);
    if (n > COLUMNS_MAX)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    struct val cells[COLUMNS_MAX];
    bool wants_more = e->to && e->to->kind != SINK_NONE;
    for (int row = 0; row < rows && wants_more; row++) {
        for (int i = 0; i < n; i++)
            cells[i] = cell_of(r, row, i);
        TRY(sink_row(cx, e->q, e->to, cells, (size_t)n, &wants_more));
    }
    return OK;
}

/* ---- the pipeline ---------------------------------------------------------------------------------------------- */

static bool expect(struct pg *p, struct expect e)
{
    if (p->n_expects == p->cap_expects) {
        size_t cap = p->cap_expects ? p->cap_expects * 2 : 64;
        struct expect *more = realloc(p->expects, cap * sizeof *more);
        if (!more) {
            lost(p);
            return false;
        }
        p->expects = more;
        p->cap_expects = cap;
    }
    p->expects[p->n_expects++] = e;
    return true;
}

/* The next answer, waited for until the deadline; *is_end: the end of this statement's answers. */
static PGresult *next_result(struct pg *p, int64_t until_ns)
{
    while (PQisBusy(p->c)) {
        int unsent = PQflush(p->c);
        if (unsent < 0 || !wait_for(PQsocket(p->c), unsent ? POLLIN | POLLOUT : POLLIN, until_ns) ||
            PQconsumeInput(p->c) != 1) {
            lost(p);
            return NULL;
        }
    }
    return PQgetResult(p->c);
}

static void take(struct cx *cx, struct pg *p, const struct expect *e, const PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_TUPLES_OK: {
        enum err x = p->failure == OK ? take_rows(cx, e, r) : OK;
        if (x != OK)
            keep_failure(cx, p, x);
    }
        FALLTHROUGH;
    case PGRES_COMMAND_OK:
        if (e->changed) {
            int64_t n = 0;
            *e->changed = str_to_int(str_of(PQcmdTuples((PGresult *)(uintptr_t)r)), &n) ? n : 0;
        }
        if (e->must && str_eq(str_of(PQcmdTuples((PGresult *)(uintptr_t)r)), S("0"))) {
            (void)fault(cx, ERR_STALE, e->must);
            keep_failure(cx, p, ERR_STALE);
        }
        p->has_read = true;
        return;
    case PGRES_PIPELINE_ABORTED:
        if (e->kept)
            e->kept->is_sent = e->kind != EXPECT_PREPARE && e->kept->is_sent;
        p->plans_of = e->q == &w_plan_anew ? 0 : p->plans_of;
        return;
    default:
        if (e->kept && e->kind == EXPECT_PREPARE)
            e->kept->is_sent = false;
        enum err x = failure_of(cx, p, e->q, r);
        if (p->failure == OK || p->is_lost) {
            p->failure = x;
            p->why = cx->why;
        }
    }
}

/* Reads all answers that are due; the first failure among them. */
static enum err drain(struct cx *cx, struct db *d)
{
    struct pg *p = d->pg;
    int64_t limit = p->is_patient  ? PATIENT_MS
                    : d->is_writer ? WRITE_LIMIT_MS
                                   : READ_LIMIT_MS + READ_SLACK_MS;
    int64_t until = clock_mono_ns() + limit * MS_NS;
    while (p->first < p->n_expects && !p->is_lost) {
        struct expect *e = &p->expects[p->first];
        PGresult *r = next_result(p, until);
        if (!r) { /* the end of a statement's answers, or of the connection */
            if (PQstatus(p->c) != CONNECTION_OK)
                lost(p);
            else if (!p->is_lost)
                p->first++;
            continue;
        }
        if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
            p->first++;
        } else {
            take(cx, p, e, r);
        }
        PQclear(r);
    }
    p->first = p->n_expects = 0;
    if (p->is_lost) {
        p->failure = OK;
        return away(cx);
    }
    enum err e = p->failure;
    if (e != OK)
        cx->why = p->why;
    p->failure = OK;
    return e;
}

static enum err sync_and_drain(struct cx *cx, struct db *d)
{
    struct pg *p = d->pg;
    if (PQpipelineSync(p->c) != 1 || !expect(p, (struct expect){.kind = EXPECT_SYNC}))
        lost(p);
    return drain(cx, d);
}

/* ---- statements ---------------------------------------------------------------------------------------------------- */

static size_t slot_of(const struct pg *p, const struct query *q)
{
    size_t i = (((uintptr_t)q >> 4) * 0x9e3779b97f4a7c15ULL >> 32) & (p->cap_kept - 1);
    while (p->kept[i] &&
           p->kept[i]->q !=
               q) /* NOLINT(clang-analyzer-unix.Malloc): what grew is freed, what is read is new */
        i = (i + 1) & (p->cap_kept - 1);
    return i;
}

static struct kept *kept_of(struct pg *p, const struct query *q)
{
    if (2 * p->n_kept >= p->cap_kept) {
        struct pg bigger = *p;
        bigger.cap_kept = p->cap_kept ? p->cap_kept * 2 : 256;
        bigger.kept = calloc(bigger.cap_kept, sizeof *bigger.kept);
        if (!bigger.kept)
            return NULL;
        for (size_t i = 0; i < p->cap_kept; i++)
            if (p->kept[i])
                bigger.kept[slot_of(&bigger, p->kept[i]->q)] = p->kept[i];
        free(p->kept);
        *p = bigger;
    }
    size_t at = slot_of(p, q);
    if (!p->kept[at]) { /* NOLINT(clang-analyzer-unix.Malloc) */
        p->kept[at] = calloc(1, sizeof **p->kept);
        if (!p->kept[at])
            return NULL;
        p->kept[at]->q = q;
        p->n_kept++;
    }
    return p->kept[at];
}

static Oid oid_of(unsigned kind)
{
    static const Oid oids[] = {
        [VAL_NULL] = 0,
        [VAL_INT] = OID_INT8,
        [VAL_TEXT] = OID_TEXT,
        [VAL_BLOB] = OID_BYTEA,
        [VAL_DOUBLE] = OID_FLOAT8,
        [VAL_INTS] = OID_INT8_ARRAY,
        [VAL_TEXTS] = OID_TEXT_ARRAY,
    };
    return oids[kind];
}

/* Sends the preparation when there is none, or none for these kinds of values. */
static bool prepare(struct pg *p, struct kept *k, struct args a)
{
    bool fits = k->is_sent;
    for (size_t i = 0; i < a.n; i++) {
        unsigned kind = a.v[i].kind;
        if (kind == VAL_NULL || kind == k->kinds[i] ||
            (kind == VAL_INT && k->kinds[i] == VAL_DOUBLE))
            continue;
        k->kinds[i] = (uint8_t)kind;
        fits = false;
    }
    if (fits)
        return true;
    Oid types[PARAMS_MAX];
    for (size_t i = 0; i < a.n; i++)
        types[i] = oid_of(k->kinds[i]);
    snprintf(k->name, sizeof k->name, "s%u", ++p->names);
    k->is_sent = true;
    return PQsendPrepare(p->c, k->name, k->q->postgres, (int)a.n, types) == 1 &&
           expect(p, (struct expect){.kind = EXPECT_PREPARE, .q = k->q, .kept = k});
}

static void put(struct text *t, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        text_add_char(t, (char)(v >> (8 * i) & 0xff));
}

/* A one-dimensional array in PostgreSQL's binary form. */
static str array_of(struct arena *a, const struct val *v)
{
    struct text t = text_in(a, (size_t)64 << 20);
    put(&t, v->i ? 1 : 0, 4);
    put(&t, 0, 4);
    put(&t, v->kind == VAL_INTS ? OID_INT8 : OID_TEXT, 4);
    if (v->i) {
        put(&t, (uint64_t)v->i, 4);
        put(&t, 1, 4);
    }
    for (int64_t i = 0; i < v->i; i++) {
        if (v->kind == VAL_INTS) {
            put(&t, 8, 4);
            put(&t, (uint64_t)((const int64_t *)(const void *)v->s.ptr)[i], 8);
        } else {
            str s = ((const str *)(const void *)v->s.ptr)[i];
            put(&t, s.len, 4);
            text_add(&t, s);
        }
    }
    return text_str(&t);
}

/* What goes over the wire of each parameter; the arrays are the caller's. */
struct wire {
    const char **values;
    int *lengths, *formats;
    uint8_t (*numbers)[8];
};

static void wire_put(struct cx *cx, const struct wire *w, size_t i, const struct val *v,
                     unsigned kind)
{
    w->formats[i] = 1;
    w->lengths[i] = 8;
    w->values[i] = (const char *)w->numbers[i];
    union {
        double d;
        uint64_t u;
    } eight = {.u = (uint64_t)v->i};
    if (kind == VAL_DOUBLE)
        eight.d = v->kind == VAL_INT ? (double)v->i : v->d;
    for (int b = 0; b < 8; b++)
        w->numbers[i][b] = (uint8_t)(eight.u >> (56 - 8 * b));
    str s = v->s;
    switch (v->kind) {
    case VAL_NULL:
        w->values[i] = NULL;
        break;
    case VAL_INTS:
    case VAL_TEXTS:
        s = array_of(cx->arena, v);
        FALLTHROUGH;
    case VAL_TEXT:
    case VAL_BLOB:
        w->values[i] = s.len ? s.ptr : "";
        w->lengths[i] = (int)s.len;
        break;
    default:
        break;
    }
}

/* A text made at run time goes with its values in one message: the server keeps nothing of it and plans by the values. */
static bool send_made(struct cx *cx, struct pg *p, const struct query *q, struct args a,
                      struct sink *to)
{
    struct wire w = {ARENA_ARRAY(cx->arena, a.n + 1, const char *),
                     ARENA_ARRAY(cx->arena, a.n + 1, int), ARENA_ARRAY(cx->arena, a.n + 1, int),
                     arena_alloc(cx->arena, a.n + 1, 8)};
    Oid *types = ARENA_ARRAY(cx->arena, a.n + 1, Oid);
    for (size_t i = 0; i < a.n; i++) {
        types[i] = oid_of(a.v[i].kind);
        wire_put(cx, &w, i, &a.v[i], a.v[i].kind);
    }
    return PQsendQueryParams(p->c, q->postgres, (int)a.n, types, w.values, w.lengths, w.formats,
                             1) == 1 &&
           expect(p, (struct expect){.kind = EXPECT_ROWS, .q = q, .to = to});
}

static bool send_kept(struct cx *cx, struct pg *p, const struct query *q, struct args a,
                      struct sink *to, int64_t *changed)
{
    struct kept *k = kept_of(p, q);
    if (!k || a.n > PARAMS_MAX || !prepare(p, k, a))
        return false;
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];
    uint8_t numbers[PARAMS_MAX][8];
    const struct wire w = {values, lengths, formats, numbers};
    for (size_t i = 0; i < a.n; i++)
        wire_put(cx, &w, i, &a.v[i], k->kinds[i]);
    return PQsendQueryPrepared(p->c, k->name, (int)a.n, values, lengths, formats, 1) == 1 &&
           expect(p, (struct expect){.kind = EXPECT_ROWS, .q = q, .to = to, .changed = changed});
}

/* The server forgets a statement; the next one of this slot is prepared under a name of its own. */
static bool forget(struct pg *p, struct kept *k)
{
    static const struct query q_forget = {.name = "deallocate"};
    char sql[40];
    if (!k->is_sent)
        return true;
    k->is_sent = false;
    snprintf(sql, sizeof sql, "DEALLOCATE %s", k->name);
    return PQsendQueryParams(p->c, sql, 0, NULL, NULL, NULL, NULL, 1) == 1 &&
           expect(p, (struct expect){.kind = EXPECT_ROWS, .q = &q_forget});
}

/* What a text made at run time is kept as; the one that was not used for longest makes room. NULL: no memory, or the connection
 * is gone. */
static const struct query *steady_of(struct pg *p, const struct query *made)
{
    struct steady *at = &p->steady[0];
    for (size_t i = 0; i < STEADY; i++) {
        struct steady *s = &p->steady[i];
        if (s->text && str_eq(str_of(s->text), str_of(made->postgres))) {
            s->used = ++p->n_steady_uses;
            return &s->q;
        }
        if (s->used < at->used)
            at = s;
    }
    struct kept *k = kept_of(p, &at->q);
    char *text = strdup(made->postgres);
    if (!k || !text || !forget(p, k)) {
        free(text);
        return NULL;
    }
    memset(k->kinds, 0, sizeof k->kinds);
    free(at->text);
    *at = (struct steady){
        text, {.name = made->name, .sqlite = "", .postgres = text}, ++p->n_steady_uses};
    return &at->q;
}

static bool send_word(struct cx *cx, struct pg *p, const struct query *w)
{
    return send_kept(cx, p, w, NO_ARGS, NULL, NULL);
}

/* The statements of the rooms go by indexes; a plan that was made while a table was empty must not go on to read all of
 * it when it has grown. Texts made at run time (lists, segments) may read a table whole, and are planned by their values.
 * Those of the rooms are planned once: left to itself the server plans whatever has a list for a parameter anew each time,
 * since with the list it counts fewer rows; that took it twice as long as everything it then did. */
static bool let_scan(struct cx *cx, struct pg *p, bool is_made)
{
    if (p->is_patient || (int)p->scans == (is_made ? SCANS_ON : SCANS_OFF))
        return true;
    p->scans = is_made ? SCANS_ON : SCANS_OFF;
    return send_word(cx, p, is_made ? &w_scans_on : &w_scans_off);
}

/* What was planned while a table was small must not be used when it has outgrown that (plans.c). */
static bool let_plan(struct cx *cx, struct pg *p)
{
    uint64_t turn = atomic_load_explicit(&p->store->plans_turn, memory_order_relaxed);
    if (p->plans_of == turn)
        return true;
    p->plans_of = turn;
    return send_word(cx, p, &w_plan_anew);
}

static bool send(struct cx *cx, struct pg *p, const struct query *q, struct args a, struct sink *to,
                 int64_t *changed)
{
    if (q->is_steady && a.n <= PARAMS_MAX && !p->is_patient && !(q = steady_of(p, q)))
        return false;
    bool is_made = q->is_made;
    return let_plan(cx, p) && let_scan(cx, p, is_made) &&
           (is_made ? send_made(cx, p, q, a, to) : send_kept(cx, p, q, a, to, changed));
}

/* Sends what must stand before the statement: BEGIN, and for a change the question for its number. */
static bool send_begin(struct cx *cx, struct db *d, const struct query *q, bool wants_snapshot)
{
    struct pg *p = d->pg;
    if (!p->in_transaction && (d->is_writer || wants_snapshot)) {
        p->in_transaction = true;
        p->has_read = false;
        if (!send_word(cx, p, d->is_writer ? &w_begin : &w_begin_read))
            return false;
    }
    if (d->is_writer && q->writes && !p->asked_xid) {
        static _Thread_local struct sink to;
        to = (struct sink){.kind = SINK_INT, .out = &p->xid};
        p->asked_xid = true;
        p->xid = 0;
        return send(cx, p, &w_xid, NO_ARGS, &to, NULL);
    }
    return true;
}

/* A snapshot of which nothing was read yet may begin anew on a new connection. */
static bool may_begin_again(struct db *d, bool had_read)
{
    return !d->is_writer && d->pg->is_lost && !had_read && ready(d);
}

static enum err read_may_go_on(struct cx *cx, struct db *d)
{
    if (d->is_writer || !d->in_read || clock_mono_ns() <= d->deadline_ns)
        return OK;
    (void)fault(cx, ERR_BUSY, M_STORE_TOO_SLOW);
    cx->why.retry_after_s = 1;
    return ERR_BUSY;
}

enum err pg_rows(struct cx *cx, struct db *d, const struct query *q, struct args a, struct sink *to)
{
    struct pg *p = d->pg;
    TRY(read_may_go_on(cx, d));
    if (!ready(d))
        return away(cx);
    bool had_read = p->in_transaction && p->has_read;
    struct sink fresh = *to;
    for (int tries = 0;; tries++) {
        *to = fresh;
        if (!send_begin(cx, d, q, d->in_read) || !send(cx, p, q, a, to, NULL))
            lost(p);
        enum err e = sync_and_drain(cx, d);
        if (!p->is_lost || tries > 0 || !may_begin_again(d, had_read))
            return e;
    }
}

enum err pg_run(struct cx *cx, struct db *d, const struct query *q, struct args a, int64_t *changed)
{
    struct pg *p = d->pg;
    if (!ready(d))
        return away(cx);
    if (!send_begin(cx, d, q, false) || !send(cx, p, q, a, NULL, changed)) {
        lost(p);
        return away(cx);
    }
    return changed ? sync_and_drain(cx, d) : OK;
}

enum err pg_run_must(struct cx *cx, struct db *d, const struct query *q, struct args a,
                     uint16_t msg)
{
    struct pg *p = d->pg;
    TRY(pg_run(cx, d, q, a, NULL));
    p->expects[p->n_expects - 1].must = msg;
    p->has_musts = true;
    return OK;
}

enum err pg_be_soft(struct cx *cx, struct db *d)
{
    return pg_run(cx, d, &w_soft, NO_ARGS, NULL);
}

enum err pg_musts(struct cx *cx, struct db *d)
{
    struct pg *p = d->pg;
    if (!p->has_musts)
        return OK;
    p->has_musts = false;
    return p->n_expects ? sync_and_drain(cx, d) : OK;
}

static enum err batch_once(struct cx *cx, struct db *d, struct db_read *reads, struct sink *sinks,
                           size_t n)
{
    struct pg *p = d->pg;
    bool is_short = !d->in_read && !d->is_writer; /* a snapshot for this batch alone */
    for (size_t i = 0; i < n && !p->is_lost; i++) {
        sinks[i] = (struct sink){.kind = reads[i].one ? SINK_ONE : SINK_ALL,
                                 .shape = reads[i].shape,
                                 .out = reads[i].out};
        if (!reads[i].one)
            *(struct list *)reads[i].out = (struct list){0};
        if (!send_begin(cx, d, reads[i].q, true) ||
            !send(cx, p, reads[i].q, reads[i].args, &sinks[i], NULL))
            lost(p);
    }
    if (is_short && !p->is_lost && !send_word(cx, p, &w_commit))
        lost(p);
    enum err e = sync_and_drain(cx, d);
    if (is_short)
        p->in_transaction = false;
    if (is_short && e != OK && !p->is_lost) { /* COMMIT was passed over */
        struct fault why = cx->why;
        if (!send_word(cx, p, &w_rollback) || sync_and_drain(cx, d) != OK)
            lost(p);
        cx->why = why;
    }
    return e;
}

enum err pg_batch(struct cx *cx, struct db *d, struct db_read *reads, size_t n)
{
    if (n == 0)
        return OK;
    TRY(read_may_go_on(cx, d));
    if (!ready(d))
        return away(cx);
    struct sink *sinks = ARENA_ARRAY(cx->arena, n, struct sink);
    bool had_read = d->pg->in_transaction && d->pg->has_read;
    enum err e = batch_once(cx, d, reads, sinks, n);
    if (d->pg->is_lost && may_begin_again(d, had_read))
        e = batch_once(cx, d, reads, sinks, n);
    TRY(e);
    for (size_t i = 0; i < n; i++) {
        reads[i].found = sinks[i].n > 0;
        (void)sink_end(&sinks[i]);
    }
    return OK;
}

/* ---- snapshots, transactions ----------------------------------------------------------------------------------------- */

enum err pg_read_begin(struct cx *cx, struct db *d)
{
    (void)cx;
    int64_t now = clock_mono_ns();
    d->in_read = true; /* BEGIN leaves with the first statement */
    d->deadline_ns = now + READ_LIMIT_MS * MS_NS;
    atomic_store(&d->read_started_ns, now);
    return OK;
}

void pg_read_end(struct db *d)
{
    struct pg *p = d->pg;
    d->in_read = false;
    d->deadline_ns = 0;
    atomic_store(&d->read_started_ns, 0);
    if (!p->in_transaction || p->is_lost)
        return;
    p->in_transaction = false;
    struct cx cx = {0}; /* COMMIT has no arguments; its answer is read with the next statement's */
    if (!send_word(&cx, p, &w_commit) || PQpipelineSync(p->c) != 1 ||
        !expect(p, (struct expect){.kind = EXPECT_SYNC}) || PQflush(p->c) < 0)
        lost(p);
}

/* One statement as it is, waited for. */
enum err pg_exec(struct cx *cx, struct db *d, const char *sql)
{
    static const struct query q_exec = {.name = "exec"};
    struct pg *p = d->pg;
    str text = str_of(sql);
    if (!ready(d))
        return away(cx);
    if (str_starts(text, S("BEGIN")))
        p->in_transaction = p->asked_xid = true;
    if (str_eq(text, S("COMMIT")) || str_eq(text, S("ROLLBACK")))
        p->in_transaction = p->asked_xid = false;
    if (PQsendQueryParams(p->c, sql, 0, NULL, NULL, NULL, NULL, 1) != 1 ||
        !expect(p, (struct expect){.kind = EXPECT_ROWS, .q = &q_exec}))
        lost(p);
    return sync_and_drain(cx, d);
}

void pg_change_begin(struct db *d)
{
    struct pg *p = d->pg;
    p->wants_retry = p->asked_xid = p->has_musts = p->in_part = p->is_hurried = false;
    p->failure = OK;
    p->xid = 0;
    p->in_transaction = false;
}

/* Ends the change that apply has sent; *how tells what became of it. */
enum err pg_change_end(struct cx *cx, struct db *d, enum err e, enum pg_end *how)
{
    struct pg *p = d->pg;
    *how = PG_END_CLEAR;
    bool commits = e == OK && !p->is_lost && !p->wants_retry;
    if (!p->in_transaction && !p->is_lost)
        return e; /* nothing was asked of the database */
    if (p->is_lost) {
        *how = PG_END_AGAIN; /* COMMIT never left */
        return e;
    }
    struct fault why = cx->why;
    enum err end = OK;
    if (commits) {
        if (!send_word(cx, p, &w_commit))
            lost(p);
        end = sync_and_drain(cx, d);
        if (p->is_lost) {
            *how = PG_END_UNKNOWN;
            return end;
        }
        if (end == OK) {
            p->in_transaction = false;
            return OK;
        }
        why = cx->why;
        e = end;
    }
    if (p->n_expects) /* what was sent and not read; a failure in there would swallow ROLLBACK */
        (void)sync_and_drain(cx, d);
    bool again = p->wants_retry && !p->is_lost;
    p->scans = SCANS_UNKNOWN;
    if (p->is_lost || !send_word(cx, p, &w_rollback) || sync_and_drain(cx, d) != OK)
        lost(p);
    p->in_transaction = false;
    cx->why = why;
    if (again)
        *how = PG_END_AGAIN;
    return e;
}

enum err pg_change_flush(struct cx *cx, struct db *d)
{
    return d->pg->in_transaction ? sync_and_drain(cx, d) : OK;
}

/* Who has others' locks in hand waits for one more only shortly: so two transactions that wait for each other part. */
void pg_part_begin(struct cx *cx, struct db *d)
{
    struct pg *p = d->pg;
    p->in_part = true;
    if (!send_begin(cx, d, &w_save, false) || (!p->is_hurried && !send_word(cx, p, &w_hurry)) ||
        !send_word(cx, p, &w_save))
        lost(p);
    p->is_hurried = true;
}

/* The others of the transaction stay as they are, unless the connection is lost. */
enum err pg_part_end(struct cx *cx, struct db *d, enum err e, enum pg_end *how)
{
    struct pg *p = d->pg;
    if (e == OK && !p->wants_retry && !p->is_lost) {
        if (!send_word(cx, p, &w_release))
            lost(p);
        e = sync_and_drain(cx, d);
    }
    p->in_part = false;
    *how = PG_END_CLEAR;
    if (e == OK && !p->wants_retry && !p->is_lost)
        return OK;
    struct fault why = cx->why;
    if (p->n_expects && !p->is_lost) /* a failure in there would swallow what follows */
        (void)sync_and_drain(cx, d);
    p->scans = SCANS_UNKNOWN;
    if (p->is_lost || !send_word(cx, p, &w_back) || !send_word(cx, p, &w_release) ||
        sync_and_drain(cx, d) != OK)
        lost(p);
    cx->why = why;
    if (p->is_lost || p->wants_retry)
        *how = PG_END_AGAIN;
    p->wants_retry = false;
    return e;
}

void pg_be_patient(struct db *d, bool is_patient)
{
    d->pg->is_patient = is_patient;
    hang_up(d->pg); /* the next use connects with other limits */
}

int64_t pg_change_xid(struct db *d)
{
    return d->pg->xid;
}

bool pg_reconnect(struct db *d)
{
    return ready(d);
}

bool pg_is_connected(struct db *d)
{
    return d->pg->c && !d->pg->is_lost;
}
