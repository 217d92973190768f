/* rooms/staff/staff_http.c - routes: the first run, log-in, oneself, people, tokens. */
#include "rooms/staff/staff_inner.h"

#define SENT(cx, i) ((cx)->sent >> (i)&1)

/* ---- Me ---------------------------------------------------------------------------------- */

struct me {
    struct staff staff;
    str company, base_currency, time_zone, region, sending_held;
    struct str_list can;
    str session_secret, device_secret;
};
static const struct field me_fields[] = {
    FIELD_STRUCT(struct me, staff, &staff_shape),
    FIELD(struct me, company),
    FIELD(struct me, base_currency),
    FIELD(struct me, time_zone),
    FIELD(struct me, region),
    FIELD(struct me, sending_held, .doc = "Why nothing is sent: restored, copied; empty: it is"),
    FIELD(struct me, can, .doc = "What this role may, by resource; for drawing only"),
    FIELD(struct me, session_secret, .secret = true),
    FIELD(struct me, device_secret, .secret = true),
};
static const struct shape me_shape = SHAPE("me", struct me, me_fields);

enum { CANS_MAX = 200 };
static struct {
    str resource;
    uint32_t reads, writes;
} cans[CANS_MAX]; /* told once at start, then only read */
static size_t n_cans;

void staff_can_add(enum role role, str resource, bool writes)
{
    size_t i = 0;
    while (i < n_cans && !str_eq(cans[i].resource, resource))
        i++;
    if (i == CANS_MAX)
        return;
    if (i == n_cans)
        cans[n_cans++].resource = resource;
    *(writes ? &cans[i].writes : &cans[i].reads) |= MAY(role);
}

static struct str_list cans_of(struct cx *cx, int role)
{
    struct str_list l = {ARENA_ARRAY(cx->arena, n_cans * 2 + 1, str), 0};
    for (size_t i = 0; i < n_cans; i++) {
        if (cans[i].reads & MAY(role))
            l.items[l.n++] = arena_printf(cx->arena, SFMT ".read", SARG(cans[i].resource));
        if (cans[i].writes & MAY(role))
            l.items[l.n++] = arena_printf(cx->arena, SFMT ".write", SARG(cans[i].resource));
    }
    return l;
}

static enum err me_read(struct cx *cx, struct me *me)
{
    TRY(staff_get(cx, (staff_id){cx->actor.id}, &me->staff));
    const struct settings *s = settings_current(cx);
    me->company = s->company;
    me->sending_held = s->sending_held;
    me->base_currency = arena_str(cx->arena, str_of(s->base_currency.code));
    me->time_zone = s->time_zone;
    me->region = s->region;
    me->can = cans_of(cx, me->staff.role);
    return OK;
}

static enum err me_get(struct cx *cx, void *in, void *out)
{
    (void)in;
    return me_read(cx, out);
}

/* ---- log-in, log-out --------------------------------------------------------------------- */

static const struct field log_in_fields[] = {
    FIELD(struct log_in, email, .required = true, .max_len = 254),
    FIELD(struct log_in, password, .required = true, .max_len = PASSWORD_MAX, .secret = true),
};
static const struct shape log_in_shape = SHAPE("log_in", struct log_in, log_in_fields);

static enum err session_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    return log_in_plan(cx, in);
}

static enum err session_begin(struct cx *cx, void *in, void *out)
{
    struct log_in *l = in;
    struct me *me = out;
    TRY(log_in_take(cx, l));
    TRY(me_read(cx, me));
    me->session_secret = l->session_secret;
    me->device_secret = l->device_secret;
    cx->lang = (enum lang)me->staff.lang;
    return OK;
}

static enum err session_leave(struct cx *cx, void *in, void *out)
{
    (void)in;
    (void)out;
    enum err e = session_end(cx, cx->actor.session_id, (staff_id){cx->actor.id});
    return e == ERR_NOT_FOUND ? OK : e; /* ended meanwhile */
}

struct sessions {
    struct list items;
    str next;
};
static const struct field sessions_fields[] = {
    FIELD_LIST(struct sessions, items, &session_shape),
    FIELD(struct sessions, next, .nullable = true),
};
static const struct shape sessions_shape = SHAPE("sessions", struct sessions, sessions_fields);

static enum err sessions_get(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct sessions *s = out;
    return session_all(cx, &s->items);
}

struct session_in {
    session_id id;
};
static const struct field session_in_fields[] = {FIELD(struct session_in, id, .in_path = true)};
static const struct shape session_in_shape =
    SHAPE("session_in", struct session_in, session_in_fields);

static enum err session_drop(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct session_in *s = in;
    return session_end(cx, s->id.v, (staff_id){cx->actor.id});
}

/* ---- the first run ----------------------------------------------------------------------- */

struct setup_in {
    str code, email, name, password, company;
    int lang;
    str time_zone, base_currency, region;
    /* the room's own */
    struct staff_new person;
    struct settings_in house;
    struct log_in log_in;
};
static const struct field setup_fields[] = {
    FIELD(struct setup_in, code, .required = true, .max_len = 40, .secret = true,
          .doc = "As the server's console shows it"),
    FIELD(struct setup_in, email, .required = true, .max_len = 254),
    FIELD(struct setup_in, name, .required = true),
    FIELD(struct setup_in, password, .required = true, .max_len = PASSWORD_MAX, .secret = true),
    FIELD(struct setup_in, company, .required = true),
    FIELD_ENUM(struct setup_in, lang, lang_codes, .required = true),
    FIELD(struct setup_in, time_zone, .required = true, .max_len = 60),
    FIELD(struct setup_in, base_currency, .required = true, .max_len = 3),
    FIELD(struct setup_in, region, .max_len = 2),
};
static const struct shape setup_shape = SHAPE("setup", struct setup_in, setup_fields);
static const uint64_t ALL_SETTINGS = SETTINGS_HOUSE;

/* The code without blanks and hyphens, upper case: as people copy it. */
static str code_hash(struct cx *cx, str code)
{
    char *p = arena_alloc(cx->arena, code.len + 1, 1);
    size_t n = 0;
    for (size_t i = 0; i < code.len; i++)
        if (code.ptr[i] != '-' && code.ptr[i] != ' ')
            p[n++] =
                code.ptr[i] >= 'a' && code.ptr[i] <= 'z' ? (char)(code.ptr[i] - 32) : code.ptr[i];
    uint8_t hash[32];
    sha256((str){p, n}, hash);
    struct text t = text_in(cx->arena, 64);
    for (size_t i = 0; i < sizeof hash; i++)
        text_printf(&t, "%02x", hash[i]);
    return text_str(&t);
}

enum err staff_setup_code_set(struct cx *cx, str code)
{
    return settings_set(cx, "setup_code", code.len ? code_hash(cx, code) : (str){0});
}

static enum err setup_open(struct cx *cx, str code)
{
    str kept = {0}, has_owner = {0};
    TRY(settings_get(cx, "has_owner", &has_owner));
    if (str_eq(has_owner, S("1")))
        return fault(cx, ERR_CONFLICT, M_SETUP_OVER);
    TRY(settings_get(cx, "setup_code", &kept));
    str given = code_hash(cx, code);
    if (kept.len != given.len || !equal_constant_time(kept.ptr, given.ptr, given.len))
        return fault_field(cx, ERR_DENIED, S("code"), M_SETUP_CODE);
    return OK;
}

static enum err setup_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct setup_in *s = in;
    TRY(setup_open(cx, s->code));
    s->house = (struct settings_in){s->company, s->lang, s->time_zone, s->base_currency, s->region};
    TRY(settings_check(cx, &s->house, ALL_SETTINGS));
    s->person = (struct staff_new){.email = s->email,
                                   .name = s->name,
                                   .role = ROLE_OWNER,
                                   .lang = s->lang,
                                   .password = s->password};
    TRY(staff_plan(cx, &s->person));
    s->log_in.staff = s->person.id;
    log_in_secrets(cx, &s->log_in);
    return OK;
}

static enum err setup(struct cx *cx, void *in, void *out)
{
    struct setup_in *s = in;
    struct me *me = out;
    TRY(db_run(cx, &q_staff_role_lock, ARGS(V(cx->now_ms))));
    TRY(setup_open(cx, s->code));
    TRY(staff_add(cx, &s->person));
    TRY(log_in_take(cx, &s->log_in));
    TRY(settings_put(cx, &s->house, ALL_SETTINGS));
    TRY(staff_setup_code_set(cx, (str){0}));
    TRY(me_read(cx, me));
    /* settings_current may still hold what was before this change */
    me->company = str_trim(s->company);
    me->base_currency = s->base_currency;
    me->time_zone = s->time_zone;
    me->region = s->region;
    me->session_secret = s->log_in.session_secret;
    me->device_secret = s->log_in.device_secret;
    cx->lang = (enum lang)s->lang;
    return OK;
}

/* ---- oneself ----------------------------------------------------------------------------- */

struct me_in {
    str name;
    int lang, theme;
    int64_t text_size;
    bool has_keys, has_sound, is_ready;
};
enum { ME_NAME, ME_LANG, ME_THEME, ME_TEXT_SIZE, ME_HAS_KEYS, ME_HAS_SOUND, ME_IS_READY };
static const struct field me_in_fields[] = {
    FIELD(struct me_in, name),
    FIELD_ENUM(struct me_in, lang, lang_codes),
    FIELD_ENUM(struct me_in, theme, theme_codes),
    FIELD(struct me_in, text_size, .min = 100, .max = 150),
    FIELD(struct me_in, has_keys),
    FIELD(struct me_in, has_sound),
    FIELD(struct me_in, is_ready),
};
static const struct shape me_in_shape = SHAPE("me_in", struct me_in, me_in_fields);

static enum err me_change(struct cx *cx, void *in, void *out)
{
    const struct me_in *m = in;
    struct me *me = out;
    struct staff p = {0};
    TRY(staff_get(cx, (staff_id){cx->actor.id}, &p));
    if (cx->if_match >= 0 && cx->if_match != p.version)
        return ERR_STALE;
    if (SENT(cx, ME_NAME)) {
        p.name = str_trim(m->name);
        if (p.name.len == 0)
            return fault_field(cx, ERR_INVALID, S("name"), M_STAFF_NAME);
    }
    p.lang = SENT(cx, ME_LANG) ? m->lang : p.lang;
    p.theme = SENT(cx, ME_THEME) ? m->theme : p.theme;
    p.text_size = SENT(cx, ME_TEXT_SIZE) ? m->text_size : p.text_size;
    p.has_keys = SENT(cx, ME_HAS_KEYS) ? m->has_keys : p.has_keys;
    p.has_sound = SENT(cx, ME_HAS_SOUND) ? m->has_sound : p.has_sound;
    p.is_ready = SENT(cx, ME_IS_READY) ? m->is_ready : p.is_ready;
    TRY(staff_write(cx, &p));
    if (SENT(cx, ME_NAME))
        TRY(audit_add(cx, "staff.change", 0, p.id.v, S("name")));
    return me_read(cx, me);
}

struct password_in {
    str old, new;
    str encoded; /* the room's own */
};
static const struct field password_fields[] = {
    FIELD(struct password_in, old, .required = true, .max_len = PASSWORD_MAX, .secret = true),
    FIELD(struct password_in, new, .required = true, .max_len = PASSWORD_MAX, .secret = true),
};
static const struct shape password_shape =
    SHAPE("password_in", struct password_in, password_fields);

static enum err password_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct password_in *p = in;
    struct staff me = {0};
    TRY(staff_get(cx, (staff_id){cx->actor.id}, &me));
    enum err e = staff_password_check(cx, p->new, me.name, me.email);
    if (e != OK) {
        cx->why.field = S("new");
        return e;
    }
    TRY(password_confirm(cx, me.id, p->old));
    return password_hash(cx, p->new, &p->encoded);
}

static enum err password_change(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct password_in *p = in;
    TRY(db_run(cx, &q_staff_password_set, ARGS(V(p->encoded), V(cx->now_ms), V(cx->actor.id))));
    TRY(sessions_end_others(cx, (staff_id){cx->actor.id}, cx->actor.session_id));
    return audit_add(cx, "staff.password", 0, cx->actor.id, (str){0});
}

/* ---- people ------------------------------------------------------------------------------ */

struct page_in {
    int64_t limit;
    str cursor;
};
static const struct field page_in_fields[] = {PAGE_FIELDS(struct page_in)};
static const struct shape page_in_shape = SHAPE("page_in", struct page_in, page_in_fields);

struct staff_page {
    struct list items;
    str next;
};
static const struct field staff_page_fields[] = {
    FIELD_LIST(struct staff_page, items, &staff_shape),
    FIELD(struct staff_page, next, .nullable = true),
};
static const struct shape staff_page_shape =
    SHAPE("staff_page", struct staff_page, staff_page_fields);

static enum err page_begin(struct cx *cx, const struct page_in *p, const char *tag, int64_t from,
                           int64_t *limit, int64_t *id)
{
    int64_t sort = 0;
    *limit = p->limit ? p->limit : 50;
    *id = from;
    if (p->cursor.len && !cursor_read(p->cursor, cx->now_ms, tag, &sort, id))
        return fault_field(cx, ERR_INVALID, S("cursor"), M_STAFF_CURSOR);
    return OK;
}

static enum err staff_page(struct cx *cx, void *in, void *out)
{
    struct staff_page *page = out;
    int64_t limit = 0, after = 0;
    TRY(page_begin(cx, in, "staff", 0, &limit, &after));
    TRY(staff_list(cx, after, limit + 1, &page->items));
    if ((int64_t)page->items.n > limit) {
        page->items.n = (size_t)limit;
        const struct staff *last = (const struct staff *)page->items.items + limit - 1;
        page->next = cursor_make(cx->arena, cx->now_ms, "staff", 0, last->id.v);
    }
    return OK;
}

struct staff_ref {
    staff_id id;
};
static const struct field staff_ref_fields[] = {FIELD(struct staff_ref, id, .in_path = true)};
static const struct shape staff_ref_shape = SHAPE("staff_ref", struct staff_ref, staff_ref_fields);

static enum err staff_one(struct cx *cx, void *in, void *out)
{
    const struct staff_ref *r = in;
    return staff_get(cx, r->id, out);
}

static enum err staff_again(struct cx *cx, int64_t id, void *out)
{
    return staff_get(cx, (staff_id){id}, out);
}

/* An owner gives any role; others any but the owner's. */
static enum err may_give(struct cx *cx, int role)
{
    bool is_free =
        cx->actor.role == ROLE_OWNER || cx->actor.kind == ACTOR_SYSTEM || role != ROLE_OWNER;
    if (is_free)
        return OK;
    enum err e = fault(cx, ERR_DENIED, M_STAFF_ROLE_GIVE, MARG("role", str_of(role_codes[role])));
    return fault_at(cx, e, S("role"));
}

struct staff_in {
    str email, name;
    int role;
    str password;
    int lang;
    struct str_list extensions, queues;
    struct staff_new person; /* the room's own */
};
enum { NEW_LANG = 4 };
static const struct field staff_in_fields[] = {
    FIELD(struct staff_in, email, .required = true, .max_len = 254),
    FIELD(struct staff_in, name, .required = true),
    FIELD_ENUM(struct staff_in, role, role_codes, .required = true),
    FIELD(struct staff_in, password, .max_len = PASSWORD_MAX, .secret = true,
          .doc = "Without one nobody can log in"),
    FIELD_ENUM(struct staff_in, lang, lang_codes),
    FIELD(struct staff_in, extensions, .max_len = 20),
    FIELD(struct staff_in, queues, .max_len = 50),
};
static const struct shape staff_in_shape = SHAPE("staff_in", struct staff_in, staff_in_fields);

static enum err staff_new_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct staff_in *s = in;
    TRY(may_give(cx, s->role));
    int lang = SENT(cx, NEW_LANG) ? s->lang : settings_current(cx)->lang;
    s->person = (struct staff_new){.email = s->email,
                                   .name = s->name,
                                   .role = s->role,
                                   .lang = lang,
                                   .password = s->password,
                                   .extensions = s->extensions,
                                   .queues = s->queues};
    return staff_plan(cx, &s->person);
}

static enum err staff_new_take(struct cx *cx, void *in, void *out)
{
    struct staff_in *s = in;
    TRY(staff_add(cx, &s->person));
    cx->made_id = s->person.id.v;
    return staff_get(cx, s->person.id, out);
}

struct staff_patch {
    staff_id id;
    str name;
    int role;
    bool is_active;
    str password;
    struct str_list extensions, queues;
    int lang;
    str encoded; /* the room's own */
};
enum {
    PATCH_ID,
    PATCH_NAME,
    PATCH_ROLE,
    PATCH_IS_ACTIVE,
    PATCH_PASSWORD,
    PATCH_EXTENSIONS,
    PATCH_QUEUES,
    PATCH_LANG
};
static const struct field staff_patch_fields[] = {
    FIELD(struct staff_patch, id, .in_path = true),
    FIELD(struct staff_patch, name),
    FIELD_ENUM(struct staff_patch, role, role_codes),
    FIELD(struct staff_patch, is_active),
    FIELD(struct staff_patch, password, .max_len = PASSWORD_MAX, .secret = true),
    FIELD(struct staff_patch, extensions, .max_len = 20),
    FIELD(struct staff_patch, queues, .max_len = 50),
    FIELD_ENUM(struct staff_patch, lang, lang_codes),
};
static const struct shape staff_patch_shape =
    SHAPE("staff_patch", struct staff_patch, staff_patch_fields);

static enum err may_touch(struct cx *cx, const struct staff *p)
{
    return p->role == ROLE_OWNER && cx->actor.role != ROLE_OWNER
               ? fault(cx, ERR_DENIED, M_STAFF_OWNER_TOUCH)
               : OK;
}

static enum err staff_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct staff_patch *s = in;
    struct staff p = {0};
    TRY(staff_get(cx, s->id, &p));
    TRY(may_touch(cx, &p));
    if (SENT(cx, PATCH_ROLE))
        TRY(may_give(cx, s->role));
    if (SENT(cx, PATCH_NAME) && str_trim(s->name).len == 0)
        return fault_field(cx, ERR_INVALID, S("name"), M_STAFF_NAME);
    TRY(staff_handles_check(cx, &s->extensions, &s->queues));
    if (!SENT(cx, PATCH_PASSWORD))
        return OK;
    TRY(staff_password_check(cx, s->password, SENT(cx, PATCH_NAME) ? s->name : p.name, p.email));
    return password_hash(cx, s->password, &s->encoded);
}

static void patch_into(const struct cx *cx, const struct staff_patch *s, struct staff *p)
{
    p->name = SENT(cx, PATCH_NAME) ? str_trim(s->name) : p->name;
    p->role = SENT(cx, PATCH_ROLE) ? s->role : p->role;
    p->is_active = SENT(cx, PATCH_IS_ACTIVE) ? s->is_active : p->is_active;
    p->lang = SENT(cx, PATCH_LANG) ? s->lang : p->lang;
}

static str changed_names(struct cx *cx)
{
    struct text t = text_in(cx->arena, 200);
    for (size_t i = 0; i < COUNT(staff_patch_fields); i++)
        if (SENT(cx, i))
            text_printf(&t, "%s%s", t.len ? " " : "", staff_patch_fields[i].name);
    return text_str(&t);
}

static enum err staff_patch_take(struct cx *cx, void *in, void *out)
{
    const struct staff_patch *s = in;
    struct staff p = {0};
    TRY(staff_get(cx, s->id, &p));
    if (cx->if_match >= 0 && cx->if_match != p.version)
        return ERR_STALE;
    TRY(may_touch(cx, &p));
    struct staff now = p;
    patch_into(cx, s, &now);
    bool is_less = p.role != now.role || (p.is_active && !now.is_active);
    if (is_less && (now.role != ROLE_OWNER || !now.is_active))
        TRY(staff_not_last_owner(cx, &p));
    TRY(staff_write(cx, &now));
    TRY(staff_handles_write(cx, p.id, SENT(cx, PATCH_EXTENSIONS) ? &s->extensions : NULL,
                            SENT(cx, PATCH_QUEUES) ? &s->queues : NULL));
    if (SENT(cx, PATCH_PASSWORD))
        TRY(staff_reset(cx, p.id, s->encoded));
    if (is_less)
        TRY(sessions_end_others(cx, p.id, 0));
    TRY(audit_add(cx, "staff.change", 0, p.id.v, changed_names(cx)));
    return staff_get(cx, p.id, out);
}

/* ---- tokens ------------------------------------------------------------------------------ */

struct token_page {
    struct list items;
    str next;
};
static const struct field token_page_fields[] = {
    FIELD_LIST(struct token_page, items, &token_shape),
    FIELD(struct token_page, next, .nullable = true),
};
static const struct shape token_page_shape =
    SHAPE("token_page", struct token_page, token_page_fields);

static enum err token_page(struct cx *cx, void *in, void *out)
{
    struct token_page *page = out;
    int64_t limit = 0, before = 0;
    TRY(page_begin(cx, in, "token", INT64_MAX, &limit, &before));
    TRY(token_list(cx, before, limit + 1, &page->items));
    if ((int64_t)page->items.n > limit) {
        page->items.n = (size_t)limit;
        const struct token_row *last = (const struct token_row *)page->items.items + limit - 1;
        page->next = cursor_make(cx->arena, cx->now_ms, "token", 0, last->id.v);
    }
    return OK;
}

struct token_in {
    str name;
    int role;
    struct str_list scopes;
    when expires_at;
    uint32_t bits; /* the room's own */
};
static const struct field token_in_fields[] = {
    FIELD(struct token_in, name, .required = true),
    FIELD_ENUM(struct token_in, role, role_codes, .required = true),
    FIELD(struct token_in, scopes, .required = true, .max_len = SCOPE_N,
          .doc = "read, write, intake, vouch, cti, admin, metrics"),
    FIELD(struct token_in, expires_at),
};
static const struct shape token_in_shape = SHAPE("token_in", struct token_in, token_in_fields);

static enum err token_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct token_in *t = in;
    TRY(may_give(cx, t->role));
    TRY(scopes_read(cx, &t->scopes, &t->bits));
    /* A token never makes another that may more than itself. */
    if (cx->actor.kind == ACTOR_TOKEN && t->bits & ~cx->actor.scopes)
        return fault_field(cx, ERR_DENIED, S("scopes"), M_TOKEN_MORE);
    if (t->expires_at.ms && t->expires_at.ms <= cx->now_ms)
        return fault_field(cx, ERR_INVALID, S("expires_at"), M_TOKEN_PAST);
    return OK;
}

static enum err token_take(struct cx *cx, void *in, void *out)
{
    const struct token_in *t = in;
    struct token_row *row = out;
    token_id id = {0};
    str secret = {0};
    TRY(token_add(cx, str_trim(t->name), (enum role)t->role, t->bits, t->expires_at, &id, &secret));
    TRY(token_get(cx, id, row));
    row->token = secret;
    return OK;
}

static enum err token_again(struct cx *cx, int64_t id, void *out)
{
    return token_get(cx, (token_id){id}, out);
}

struct token_ref {
    token_id id;
};
static const struct field token_ref_fields[] = {FIELD(struct token_ref, id, .in_path = true)};
static const struct shape token_ref_shape = SHAPE("token_ref", struct token_ref, token_ref_fields);

static enum err token_drop(struct cx *cx, void *in, void *out)
{
    (void)out;
    const struct token_ref *r = in;
    return token_revoke(cx, r->id);
}

/* ---- rows -------------------------------------------------------------------------------- */

#define ADMIN_SCOPE (1u << SCOPE_ADMIN_BIT)
/* clang-format off */
static const struct route routes[] = {
    {.method = HTTP_POST, .path = "/api/v1/setup", .is_public = true, .hashes_password = true, .opens_session = true,
     .per_minute = 20, .plan = setup_plan, .apply = setup, .in = &setup_shape, .out = &me_shape,
     .summary = "The first run: the owner and the house, with the code that the console shows"},
    {.method = HTTP_POST, .path = "/api/v1/session", .is_public = true, .hashes_password = true, .opens_session = true,
     .plan = session_plan, .apply = session_begin, .in = &log_in_shape, .out = &me_shape, .summary = "Log in"},
    {.method = HTTP_GET, .path = "/api/v1/session", .may = MAY_ALL, .session_only = true, .read = me_get, .out = &me_shape,
     .summary = "Who am I"},
    {.method = HTTP_DELETE, .path = "/api/v1/session", .may = MAY_ALL, .session_only = true, .ends_session = true,
     .apply = session_leave, .summary = "Log out"},
    {.method = HTTP_GET, .path = "/api/v1/sessions", .may = MAY_ALL, .session_only = true, .read = sessions_get,
     .out = &sessions_shape, .summary = "Where I am logged in"},
    {.method = HTTP_DELETE, .path = "/api/v1/sessions/{id}", .may = MAY_ALL, .session_only = true, .apply = session_drop,
     .in = &session_in_shape, .summary = "End one of my sessions"},
    {.method = HTTP_PATCH, .path = "/api/v1/me", .may = MAY_ALL, .session_only = true, .apply = me_change, .in = &me_in_shape,
     .out = &me_shape, .summary = "My own settings"},
    {.method = HTTP_POST, .path = "/api/v1/me/password", .may = MAY_ALL, .session_only = true, .hashes_password = true,
     .plan = password_plan, .apply = password_change, .in = &password_shape,
     .summary = "A new password of mine; ends my other sessions"},
    {.method = HTTP_GET, .path = "/api/v1/staff", .may = MAY_LEAD, .read = staff_page, .in = &page_in_shape,
     .out = &staff_page_shape, .summary = "The people who work here"},
    {.method = HTTP_POST, .path = "/api/v1/staff", .may = MAY_ADMIN, .scope = ADMIN_SCOPE, .hashes_password = true,
     .plan = staff_new_plan, .apply = staff_new_take, .replay = staff_again, .in = &staff_in_shape, .out = &staff_shape,
     .status = 201, .summary = "A new person"},
    {.method = HTTP_GET, .path = "/api/v1/staff/{id}", .may = MAY_LEAD, .read = staff_one, .in = &staff_ref_shape,
     .out = &staff_shape, .summary = "One person"},
    {.method = HTTP_PATCH, .path = "/api/v1/staff/{id}", .may = MAY_ADMIN, .scope = ADMIN_SCOPE, .hashes_password = true,
     .plan = staff_patch_plan, .apply = staff_patch_take, .in = &staff_patch_shape, .out = &staff_shape,
     .summary = "Change role, desk, access or password of a person"},
    {.method = HTTP_GET, .path = "/api/v1/tokens", .may = MAY_ADMIN, .scope = ADMIN_SCOPE, .read = token_page,
     .in = &page_in_shape, .out = &token_page_shape, .summary = "Tokens of programs, newest first"},
    {.method = HTTP_POST, .path = "/api/v1/tokens", .may = MAY_ADMIN, .scope = ADMIN_SCOPE, .plan = token_plan,
     .apply = token_take, .replay = token_again, .in = &token_in_shape, .out = &token_shape, .status = 201,
     .summary = "A new token; its secret is shown once"},
    {.method = HTTP_DELETE, .path = "/api/v1/tokens/{id}", .may = MAY_ADMIN, .scope = ADMIN_SCOPE, .apply = token_drop,
     .in = &token_ref_shape, .summary = "Revoke a token"},
};
/* clang-format on */
const struct room staff_room = ROOM("staff", routes);
