/* app/look/doctor.c - what is looked at, one small function each. */
#include "app/look/doctor.h"
#include "db/keyring.h"
#include "messages.h"
#include "queries.h"
#include "rooms/settings/settings.h"
#include "rooms/source/source.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    DAY_MS = 86400000,
    MB = 1 << 20,
    LINES_MAX = 24,
    TAIL_SEALS = 50,
    AWAY_DAYS = 90,
    UNUSED_DAYS = 30,
    WEEK_DAYS = 7,
    SKEW_MS = 120000,
    CERT_DAYS = 21,
    BACKUP_OLD_HOURS = 26,
    BACKUP_BAD_HOURS = 7 * 24,
};

const char *const doctor_state_codes[DOCTOR_STATES] = {"ok", "attention", "bad"};
static const struct field doctor_line_fields[] = {
    FIELD(struct doctor_line, check),
    FIELD_ENUM(struct doctor_line, state, doctor_state_codes),
    FIELD(struct doctor_line, title),
    FIELD(struct doctor_line, reason, .doc = "What was found"),
    FIELD(struct doctor_line, advice, .omit_empty = true, .doc = "What to do"),
};
static const struct shape doctor_line_shape =
    SHAPE("security_line", struct doctor_line, doctor_line_fields);
static const struct field doctor_report_fields[] = {
    FIELD(struct doctor_report, at),
    FIELD_ENUM(struct doctor_report, state, doctor_state_codes, .doc = "The worst of all lines"),
    FIELD_LIST(struct doctor_report, lines, &doctor_line_shape),
};
const struct shape doctor_report_shape =
    SHAPE("security_report", struct doctor_report, doctor_report_fields);

/* ---- a line -------------------------------------------------------------------------------------- */

struct look {
    struct store *store;
    struct cx *cx;
    const struct house *house;
    const char *dir; /* NULL: none, or not on this machine */
    struct doctor_line lines[LINES_MAX];
    size_t n;
    int worst;
};

static void say(struct look *l, const char *check, uint16_t title, enum doctor_state state,
                str reason, uint16_t advice)
{
    struct cx *cx = l->cx;
    assert(l->n < LINES_MAX);
    l->lines[l->n++] = (struct doctor_line){
        str_of(check), (int)state, msg_text(cx->arena, cx->lang, title, NULL, 0), reason,
        advice ? msg_text(cx->arena, cx->lang, advice, NULL, 0) : (str){0}};
    if ((int)state > l->worst)
        l->worst = (int)state;
}

#define SAID(l, msg, ...)                                               \
    (fault((l)->cx, ERR_INTERNAL, msg __VA_OPT__(, ) __VA_ARGS__) == OK \
         ? (str){0}                                                     \
         : fault_text((l)->cx->arena, (l)->cx->lang, &(l)->cx->why))

/* ---- keys --------------------------------------------------------------------------------------- */

static void key(struct look *l)
{
    struct key_source k = {0};
    const char *check = "key";
    if (!l->dir) {
        say(l, check, M_DOCTOR_KEY, DOCTOR_ATTENTION, SAID(l, M_DOCTOR_NOT_HERE), 0);
        return;
    }
    str file = l->house ? l->house->key_file : (str){0};
    if (key_find(l->cx, str_of(l->dir), file, KEY_NONE, false, &k) != OK) {
        say(l, check, M_DOCTOR_KEY, DOCTOR_ATTENTION, SAID(l, M_DOCTOR_KEY_UNSEEN),
            M_DOCTOR_KEY_UNSEEN_DO);
        return;
    }
    enum key_kind kind = k.kind;
    str place = k.place;
    key_source_forget(&k);
    struct stat st;
    if (kind == KEY_PHRASE) {
        say(l, check, M_DOCTOR_KEY, DOCTOR_OK, SAID(l, M_DOCTOR_KEY_PHRASE), 0);
    } else if (place.len == 0 || place.ptr[0] != '/' ||
               stat(arena_cstr(l->cx->arena, place), &st) != 0) {
        say(l, check, M_DOCTOR_KEY, DOCTOR_OK, SAID(l, M_DOCTOR_KEY_OTHER, MARG("place", place)),
            0);
    } else if (st.st_mode & 077) {
        say(l, check, M_DOCTOR_KEY, DOCTOR_BAD,
            SAID(l, M_DOCTOR_KEY_OPEN, MARG("place", place),
                 MARG("mode", arena_printf(l->cx->arena, "%04o", (unsigned)st.st_mode & 07777))),
            M_DOCTOR_KEY_OPEN_DO);
    } else {
        struct stat dir;
        bool is_beside = stat(l->dir, &dir) == 0 && dir.st_dev == st.st_dev;
        say(l, check, M_DOCTOR_KEY, is_beside ? DOCTOR_ATTENTION : DOCTOR_OK,
            is_beside ? SAID(l, M_DOCTOR_KEY_BESIDE, MARG("place", place))
                      : SAID(l, M_DOCTOR_KEY_FINE, MARG("place", place)),
            is_beside ? M_DOCTOR_KEY_BESIDE_DO : 0);
    }
}

static void recovery(struct look *l)
{
    str confirmed = {0};
    int64_t at = 0;
    bool is_read = settings_get(l->cx, "recovery_confirmed", &confirmed) == OK;
    bool is = is_read && str_to_int(confirmed, &at) && at > 0;
    struct stat st;
    str keys = arena_printf(l->cx->arena, "%s/kith.keys", l->dir ? l->dir : "");
    if (is && l->dir && stat(keys.ptr, &st) == 0 && (int64_t)st.st_mtime * 1000 > at)
        is = false; /* they were changed since: perhaps that paper opens no more */
    say(l, "recovery", M_DOCTOR_RECOVERY, is ? DOCTOR_OK : DOCTOR_ATTENTION,
        is ? SAID(l, M_DOCTOR_RECOVERY_FINE, MNUM("days", (l->cx->now_ms - at) / DAY_MS))
           : SAID(l, M_DOCTOR_RECOVERY_NOT),
        is ? 0 : M_DOCTOR_RECOVERY_DO);
}

/* ---- the network ----------------------------------------------------------------------------------- */

/* Days until the certificate ends; false: it cannot be read. */
static bool cert_days(struct look *l, str file, int64_t *days)
{
    gnutls_datum_t bytes = {0};
    gnutls_x509_crt_t crt = NULL;
    bool is_read = gnutls_load_file(arena_cstr(l->cx->arena, file), &bytes) == GNUTLS_E_SUCCESS &&
                   gnutls_x509_crt_init(&crt) == GNUTLS_E_SUCCESS &&
                   gnutls_x509_crt_import(crt, &bytes, GNUTLS_X509_FMT_PEM) == GNUTLS_E_SUCCESS;
    if (is_read)
        *days = ((int64_t)gnutls_x509_crt_get_expiration_time(crt) * 1000 - l->cx->now_ms) / DAY_MS;
    if (crt)
        gnutls_x509_crt_deinit(crt);
    gnutls_free(bytes.data);
    return is_read;
}

static void network(struct look *l)
{
    const struct house *h = l->house;
    int64_t days = 0;
    const char *check = "network";
    if (!h || !h->http) {
        say(l, check, M_DOCTOR_NETWORK, DOCTOR_OK, SAID(l, M_DOCTOR_NOT_SERVING), 0);
    } else if (h->tls_cert.len && !cert_days(l, h->tls_cert, &days)) {
        say(l, check, M_DOCTOR_NETWORK, DOCTOR_BAD,
            SAID(l, M_DOCTOR_CERT_UNREAD, MARG("file", h->tls_cert)), M_DOCTOR_CERT_DO);
    } else if (h->tls_cert.len) {
        enum doctor_state s = days < 0           ? DOCTOR_BAD
                              : days < CERT_DAYS ? DOCTOR_ATTENTION
                                                 : DOCTOR_OK;
        say(l, check, M_DOCTOR_NETWORK, s,
            days < 0 ? SAID(l, M_DOCTOR_CERT_OVER)
                     : SAID(l, M_DOCTOR_CERT_DAYS, MNUM("days", days)),
            s ? M_DOCTOR_CERT_DO : 0);
    } else if (h->has_proxies) {
        say(l, check, M_DOCTOR_NETWORK, DOCTOR_OK, SAID(l, M_DOCTOR_PROXY), 0);
    } else {
        say(l, check, M_DOCTOR_NETWORK, DOCTOR_OK, SAID(l, M_DOCTOR_LOOPBACK), 0);
    }
}

/* ---- the disk --------------------------------------------------------------------------------------- */

static void disk(struct look *l)
{
    struct statvfs v;
    if (!l->dir || statvfs(l->dir, &v) != 0) {
        say(l, "disk", M_DOCTOR_DISK, DOCTOR_ATTENTION, SAID(l, M_DOCTOR_NOT_HERE), 0);
        return;
    }
    struct stat st;
    int64_t room = (int64_t)(v.f_bavail * v.f_frsize), all = (int64_t)(v.f_blocks * v.f_frsize);
    str file = arena_printf(l->cx->arena, "%s/kith.db", l->dir);
    int64_t size = stat(file.ptr, &st) == 0 ? (int64_t)st.st_size : 0;
    int64_t percent = all ? room * 100 / all : 100;
    enum doctor_state s = room < 512LL * MB                       ? DOCTOR_BAD
                          : room < 2048LL * MB || room < 2 * size ? DOCTOR_ATTENTION
                                                                  : DOCTOR_OK;
    say(l, "disk", M_DOCTOR_DISK, s,
        SAID(l, M_DOCTOR_DISK_ROOM, MNUM("mb", room / MB), MNUM("percent", percent),
             MNUM("size", size / MB)),
        s ? M_DOCTOR_DISK_DO : 0);
}

static void log_size(struct look *l)
{
    struct store_figures f;
    if (store_is_postgres(l->store))
        return; /* PostgreSQL keeps its own log */
    store_figures(l->store, &f);
    enum doctor_state s = f.wal_bytes >= (int64_t)WAL_INTERACTIVE_MB * MB ? DOCTOR_BAD
                          : f.wal_bytes >= (int64_t)WAL_BULK_MB * MB      ? DOCTOR_ATTENTION
                                                                          : DOCTOR_OK;
    say(l, "log", M_DOCTOR_LOG, s, SAID(l, M_DOCTOR_LOG_MB, MNUM("mb", f.wal_bytes / MB)),
        s ? M_DOCTOR_LOG_DO : 0);
    s = f.oldest_reader_ms > 10000  ? DOCTOR_BAD
        : f.oldest_reader_ms > 3000 ? DOCTOR_ATTENTION
                                    : DOCTOR_OK;
    say(l, "readers", M_DOCTOR_READERS, s,
        SAID(l, M_DOCTOR_READERS_MS, MNUM("ms", f.oldest_reader_ms)), s ? M_DOCTOR_LOG_DO : 0);
}

static enum err clock_line(struct look *l)
{
    int64_t mark = 0, newest = 0;
    TRY(db_int(l->cx, &q_doctor_mark, &mark, NO_ARGS));
    TRY(db_int(l->cx, &q_doctor_newest, &newest, NO_ARGS));
    int64_t ahead = (mark ? id_ms(mark) : 0) - l->cx->now_ms;
    if (newest - l->cx->now_ms > ahead)
        ahead = newest - l->cx->now_ms;
    bool is_back = ahead > SKEW_MS;
    say(l, "clock", M_DOCTOR_CLOCK, is_back ? DOCTOR_BAD : DOCTOR_OK,
        is_back ? SAID(l, M_DOCTOR_CLOCK_BACK, MNUM("seconds", ahead / 1000))
                : SAID(l, M_DOCTOR_CLOCK_FINE),
        is_back ? M_DOCTOR_CLOCK_DO : 0);
    return OK;
}

/* ---- people and programs --------------------------------------------------------------------------- */

static enum err tokens(struct look *l)
{
    int64_t endless = 0, unused = 0, now = l->cx->now_ms;
    TRY(db_int(l->cx, &q_doctor_tokens_endless, &endless, NO_ARGS));
    TRY(db_int(l->cx, &q_doctor_tokens_unused, &unused,
               ARGS(V(now - (int64_t)UNUSED_DAYS * DAY_MS), V(now))));
    bool is_fine = !endless && !unused;
    say(l, "tokens", M_DOCTOR_TOKENS, is_fine ? DOCTOR_OK : DOCTOR_ATTENTION,
        is_fine ? SAID(l, M_DOCTOR_TOKENS_FINE)
                : SAID(l, M_DOCTOR_TOKENS_N, MNUM("endless", endless), MNUM("unused", unused),
                       MNUM("days", UNUSED_DAYS)),
        is_fine ? 0 : M_DOCTOR_TOKENS_DO);
    return OK;
}

static enum err staff(struct look *l)
{
    int64_t away = 0, since = l->cx->now_ms - (int64_t)AWAY_DAYS * DAY_MS;
    TRY(db_int(l->cx, &q_doctor_staff_away, &away, ARGS(V(since), V(id_first_of(since)))));
    say(l, "staff", M_DOCTOR_STAFF, away ? DOCTOR_ATTENTION : DOCTOR_OK,
        SAID(l, M_DOCTOR_STAFF_N, MNUM("n", away), MNUM("days", AWAY_DAYS)),
        away ? M_DOCTOR_STAFF_DO : 0);
    return OK;
}

static enum err sessions(struct look *l)
{
    int64_t moved = 0, since = id_first_of(l->cx->now_ms - (int64_t)WEEK_DAYS * DAY_MS);
    TRY(db_int(l->cx, &q_doctor_acts, &moved, ARGS(V("session.moved"), V(since))));
    say(l, "sessions", M_DOCTOR_SESSIONS, moved ? DOCTOR_ATTENTION : DOCTOR_OK,
        SAID(l, M_DOCTOR_SESSIONS_N, MNUM("n", moved)), moved ? M_DOCTOR_SESSIONS_DO : 0);
    return OK;
}

static enum err views(struct look *l)
{
    const struct settings *s = settings_current(l->cx);
    int64_t over = 0, day = when_day((when){l->cx->now_ms}, s->time_zone);
    if (!s->views_alert) {
        say(l, "views", M_DOCTOR_VIEWS, DOCTOR_ATTENTION, SAID(l, M_DOCTOR_VIEWS_OFF),
            M_DOCTOR_VIEWS_OFF_DO);
        return OK;
    }
    TRY(db_int(l->cx, &q_doctor_over, &over, ARGS(V(day))));
    say(l, "views", M_DOCTOR_VIEWS, over ? DOCTOR_ATTENTION : DOCTOR_OK,
        SAID(l, M_DOCTOR_VIEWS_N, MNUM("n", over), MNUM("limit", s->views_alert)),
        over ? M_DOCTOR_VIEWS_DO : 0);
    return OK;
}

/* ---- the store ---------------------------------------------------------------------------------------- */

static enum err chain(struct look *l)
{
    struct audit_state a = {0};
    TRY(audit_check_tail(l->cx, TAIL_SEALS, &a));
    if (a.wrong_seal)
        say(l, "audit", M_DOCTOR_AUDIT, DOCTOR_BAD,
            a.n_findings ? audit_finding_text(l->cx->arena, l->cx->lang, &a.findings[0]) : S(""),
            M_DOCTOR_AUDIT_DO);
    else if (a.unsealed > 5000)
        say(l, "audit", M_DOCTOR_AUDIT, DOCTOR_ATTENTION,
            SAID(l, M_DOCTOR_AUDIT_WAITS, MNUM("n", a.unsealed)), M_DOCTOR_AUDIT_WAITS_DO);
    else
        say(l, "audit", M_DOCTOR_AUDIT, DOCTOR_OK,
            SAID(l, M_DOCTOR_AUDIT_FINE, MNUM("seals", a.seals), MNUM("rows", a.rows)), 0);
    return OK;
}

static enum err jobs(struct look *l)
{
    int64_t n = 0;
    TRY(db_int(l->cx, &q_doctor_jobs, &n, NO_ARGS));
    say(l, "jobs", M_DOCTOR_JOBS, n ? DOCTOR_ATTENTION : DOCTOR_OK,
        SAID(l, M_DOCTOR_JOBS_N, MNUM("n", n)), n ? M_DOCTOR_JOBS_DO : 0);
    return OK;
}

static enum err schema(struct look *l)
{
    int64_t n = 0;
    TRY(db_int(l->cx, &q_doctor_schema, &n, NO_ARGS));
    say(l, "schema", M_DOCTOR_SCHEMA, DOCTOR_OK,
        SAID(l, M_DOCTOR_SCHEMA_N, MARG("version", S(KITH_VERSION)), MNUM("step", n)), 0);
    return OK;
}

static void backup(struct look *l)
{
    str at = {0}, place = {0};
    int64_t ms = 0;
    if (settings_get(l->cx, "backup_verified", &at) != OK || !str_to_int(at, &ms) ||
        settings_get(l->cx, "backup_place", &place) != OK) {
        say(l, "backup", M_DOCTOR_BACKUP, DOCTOR_BAD, SAID(l, M_DOCTOR_BACKUP_NONE),
            M_DOCTOR_BACKUP_DO);
        return;
    }
    int64_t hours = (l->cx->now_ms - ms) / 3600000;
    enum doctor_state s = hours > BACKUP_BAD_HOURS   ? DOCTOR_BAD
                          : hours > BACKUP_OLD_HOURS ? DOCTOR_ATTENTION
                                                     : DOCTOR_OK;
    say(l, "backup", M_DOCTOR_BACKUP, s,
        SAID(l, M_DOCTOR_BACKUP_AGE, MNUM("hours", hours), MARG("place", place)),
        s ? M_DOCTOR_BACKUP_DO : 0);
}

/* ---- data about addresses -------------------------------------------------------------------------------- */

/* Countries, suffixes and the like; lists of networks exist only where somebody brings one. */
static void sources(struct look *l)
{
    struct cx *cx = l->cx;
    struct source_row rows[SOURCE_ROWS];
    struct text missing = text_in(cx->arena, 2000), old = text_in(cx->arena, 2000);
    int64_t n = 0;
    struct source *own = l->house ? NULL : source_open(l->dir ? str_of(l->dir) : (str){0});
    source_rows(l->house ? l->house->source : own, cx, rows);
    source_close(own);
    for (size_t i = 0; i < SOURCE_ROWS; i++) {
        bool is_needed = rows[i].key == SOURCE_COUNTRY || rows[i].key == SOURCE_SUFFIX;
        bool is_bad = rows[i].state == SOURCE_OLD || rows[i].state == SOURCE_DAMAGED;
        struct text *t = is_bad ? &old : &missing;
        n += rows[i].state != SOURCE_MISSING && rows[i].state != SOURCE_DAMAGED;
        if (is_bad || (is_needed && rows[i].state == SOURCE_MISSING)) {
            text_add(t, t->len ? S(", ") : S(""));
            text_add(t, rows[i].title);
        }
    }
    bool is_fine = !missing.len && !old.len;
    say(l, "sources", M_DOCTOR_SOURCES, is_fine ? DOCTOR_OK : DOCTOR_ATTENTION,
        is_fine
            ? SAID(l, M_DOCTOR_SOURCES_FINE, MNUM("n", n), MARG("date", rows[SOURCE_COUNTRY].date))
        : missing.len ? SAID(l, M_DOCTOR_SOURCES_MISSING, MARG("what", text_str(&missing)))
                      : SAID(l, M_DOCTOR_SOURCES_OLD, MARG("what", text_str(&old))),
        is_fine ? 0 : M_DOCTOR_SOURCES_DO);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

enum err doctor_look(struct store *s, struct cx *cx, const struct house *h, str data_dir,
                     struct doctor_report *out)
{
    struct look l = {.store = s, .cx = cx, .house = h};
    l.dir = data_dir.len ? arena_cstr(cx->arena, data_dir) : NULL;
    backup(&l);
    key(&l);
    recovery(&l);
    TRY(chain(&l));
    network(&l);
    disk(&l);
    log_size(&l);
    sources(&l);
    static enum err (*const looks[])(struct look *) = {clock_line, tokens, staff, sessions,
                                                       views,      jobs,   schema};
    for (size_t i = 0; i < COUNT(looks); i++)
        TRY(looks[i](&l));
    cx->why = (struct fault){0};
    struct doctor_line *lines = ARENA_ARRAY(cx->arena, l.n, struct doctor_line);
    memcpy(lines, l.lines, l.n * sizeof *lines);
    *out = (struct doctor_report){{cx->now_ms}, l.worst, {lines, l.n}};
    return OK;
}

/* ---- routes ---------------------------------------------------------------------------------------------- */

static enum err report(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct house *h = cx->house;
    return doctor_look(h->store, cx, h, h->data_dir, out);
}

struct recovery_in {
    str key;
};
static const struct field recovery_in_fields[] = {
    FIELD(struct recovery_in, key, .required = true, .max_len = 200, .secret = true),
};
static const struct shape recovery_in_shape =
    SHAPE("recovery_in", struct recovery_in, recovery_in_fields);

/* Whoever holds the paper types it in; it is tried and kept nowhere. */
static enum err recovery_plan(struct cx *cx, void *in, void *out)
{
    const struct recovery_in *r = in;
    const struct house *h = cx->house;
    struct keyring *ring = NULL;
    str bytes = {0};
    (void)out;
    const char *dir = arena_cstr(cx->arena, h->data_dir);
    TRY(keyring_file(cx, dir, &bytes));
    enum err e = keyring_open_recovery(cx, bytes, h->data_dir, r->key, &ring);
    keyring_close(ring);
    return e == OK ? OK : fault_field(cx, ERR_INVALID, S("key"), M_DOCTOR_RECOVERY_WRONG);
}

static enum err recovery_apply(struct cx *cx, void *in, void *out)
{
    (void)in;
    (void)out;
    TRY(settings_set(cx, "recovery_confirmed",
                     arena_printf(cx->arena, "%lld", (long long)cx->now_ms)));
    return audit_add(cx, "key.confirm", 0, 0, (str){0});
}

/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_POST, .path = "/api/v1/security/recovery", .may = MAY_ADMIN, .session_only = true, .plan = recovery_plan, .apply = recovery_apply,
     .in = &recovery_in_shape, .summary = "The recovery key is at hand: it is tried, and the time is noted"},
    {.method = HTTP_GET, .path = "/api/v1/security", .may = MAY_ADMIN, .scope = 1u << SCOPE_ADMIN_BIT, .is_heavy = true, .session_only = true,
     .read = report, .out = &doctor_report_shape, .summary = "How safe this house is, line by line"},
};
/* clang-format on */
const struct room security_room = ROOM("security", routes);
