/* rooms/staff/staff.c - the people: who they are, what they are called by, which desks they sit at.
 */
#include "base/person.h"
#include "rooms/staff/staff_inner.h"

const char *const theme_codes[THEME_N] = {"system", "light", "dark"};

static const struct field staff_fields[] = {
    FIELD(struct staff, id),
    FIELD(struct staff, email, .personal = true),
    FIELD(struct staff, name, .personal = true),
    FIELD_ENUM(struct staff, role, role_codes),
    FIELD_ENUM(struct staff, lang, lang_codes),
    FIELD_ENUM(struct staff, theme, theme_codes),
    FIELD(struct staff, text_size),
    FIELD(struct staff, has_keys, .doc = "Single-letter keys are on"),
    FIELD(struct staff, has_sound),
    FIELD(struct staff, is_active),
    FIELD(struct staff, is_ready, .doc = "Takes calls now"),
    FIELD(struct staff, extensions, .not_column = true, .doc = "Telephones of this desk"),
    FIELD(struct staff, queues, .not_column = true, .doc = "Call queues this person serves"),
    FIELD(struct staff, created_at),
    FIELD(struct staff, version),
};
const struct shape staff_shape = SHAPE("staff", struct staff, staff_fields);

struct staff_handle {
    int64_t staff;
    str text;
};
static const struct field staff_handle_fields[] = {
    FIELD(struct staff_handle, staff),
    FIELD(struct staff_handle, text),
};
static const struct shape staff_handle_shape =
    SHAPE("staff_handle", struct staff_handle, staff_handle_fields);

static const struct field number_fields[] = {
    FIELD(struct number, v),
};
const struct shape staff_number_shape = SHAPE("staff_number", struct number, number_fields);

/* ---- reading ----------------------------------------------------------------------------- */

/* The texts of one person out of rows ordered by person. */
static struct str_list texts_of(struct cx *cx, const struct list *rows, int64_t staff)
{
    const struct staff_handle *h = rows->items;
    size_t from = 0;
    while (from < rows->n && h[from].staff < staff)
        from++;
    size_t to = from;
    while (to < rows->n && h[to].staff == staff)
        to++;
    struct str_list l = {to > from ? ARENA_ARRAY(cx->arena, to - from, str) : NULL, to - from};
    for (size_t i = 0; i < l.n; i++)
        l.items[i] = h[from + i].text;
    return l;
}

/* Extensions and queues of people ordered by id. */
static enum err handles_read(struct cx *cx, struct staff *p, size_t n)
{
    struct list extensions = {0}, queues = {0};
    if (n == 0)
        return OK;
    struct db_read reads[] = {
        {&q_staff_list_extensions, &staff_handle_shape, false, &extensions,
         ARGS(V(p[0].id), V(p[n - 1].id)), false},
        {&q_staff_list_queues, &staff_handle_shape, false, &queues,
         ARGS(V(p[0].id), V(p[n - 1].id)), false},
    };
    TRY(db_batch(cx, reads, COUNT(reads)));
    for (size_t i = 0; i < n; i++) {
        p[i].extensions = texts_of(cx, &extensions, p[i].id.v);
        p[i].queues = texts_of(cx, &queues, p[i].id.v);
    }
    return OK;
}

enum err staff_get(struct cx *cx, staff_id id, struct staff *out)
{
    TRY(db_one(cx, &q_staff_get, &staff_shape, out, ARGS(V(id))));
    return handles_read(cx, out, 1);
}

enum err staff_by_email(struct cx *cx, str email, struct staff *out)
{
    str normal = {0};
    if (!email_read(cx->arena, email, &normal))
        return ERR_NOT_FOUND;
    TRY(db_one(cx, &q_staff_by_email, &staff_shape, out, ARGS(V(normal))));
    return handles_read(cx, out, 1);
}

enum err staff_list(struct cx *cx, int64_t after, int64_t limit, struct list *out)
{
    TRY(db_all(cx, &q_staff_list, &staff_shape, out, ARGS(V(after), V(limit))));
    return handles_read(cx, out->items, out->n);
}

enum err staff_everybody(struct cx *cx, int64_t limit, struct list *out)
{
    return staff_list(cx, 0, limit, out);
}

/* ---- desks ------------------------------------------------------------------------------- */

enum { DESKS_MAX = 64 };

static void desk_add(int64_t *ids, size_t *n, const struct list *found)
{
    const struct number *f = found->items;
    for (size_t i = 0; i < found->n; i++) {
        size_t at = 0;
        while (at < *n && ids[at] < f[i].v)
            at++;
        if (*n >= DESKS_MAX || (at < *n && ids[at] == f[i].v))
            continue;
        memmove(&ids[at + 1], &ids[at], (*n - at) * sizeof *ids);
        ids[at] = f[i].v;
        ++*n;
    }
}

/* What a text may name, the best sense first. */
enum { BY_EXTENSION, BY_EMAIL, BY_NAME, SENSES };
struct desk_text {
    struct val keys[SENSES];
    struct list found[SENSES];
};

static struct db_read desk_read(struct desk_text *t, int sense)
{
    static const struct query *const by[SENSES] = {&q_staff_desk_by_extension,
                                                   &q_staff_desk_by_email, &q_staff_desk_by_name};
    return (struct db_read){by[sense],        &staff_number_shape,  false,
                            &t->found[sense], {&t->keys[sense], 1}, false};
}

/* Between the two batches. */
struct desks_sought {
    struct desk_text *texts;
    size_t n;
};

/* `more` goes along behind the n reads that are there; what it found goes back to the caller. */
static enum err batch_and(struct cx *cx, struct db_read *reads, size_t n, struct db_read *more,
                          size_t n_more)
{
    if (n_more)
        memcpy(reads + n, more, n_more * sizeof *more);
    if (n + n_more)
        TRY(db_batch(cx, reads, n + n_more));
    if (n_more)
        memcpy(more, reads + n, n_more * sizeof *more);
    return OK;
}

enum err staff_desks_begin(struct cx *cx, const str *texts, size_t n, struct db_read *more,
                           size_t n_more, struct desks_sought **out)
{
    struct desks_sought *d = ARENA_NEW(cx->arena, struct desks_sought);
    struct db_read *reads = ARENA_ARRAY(cx->arena, n + n_more + 1, struct db_read);
    d->texts = ARENA_ARRAY(cx->arena, n + 1, struct desk_text);
    for (size_t i = 0; i < n; i++) {
        str t = str_trim(texts[i]), email = {0};
        if (!t.len || t.len > 800)
            continue;
        d->texts[d->n] = (struct desk_text){
            .keys = {V(t), email_read(cx->arena, t, &email) ? V(email) : VNULL, V(t)}};
        reads[d->n] = desk_read(&d->texts[d->n], BY_EXTENSION);
        d->n++;
    }
    *out = d;
    return batch_and(cx, reads, d->n, more, n_more);
}

enum err staff_desks_end(struct cx *cx, struct desks_sought *d, str queue, struct db_read *more,
                         size_t n_more, struct list *ids)
{
    int64_t *out = ARENA_ARRAY(cx->arena, DESKS_MAX + 1, int64_t);
    struct db_read *reads = ARENA_ARRAY(cx->arena, 2 * d->n + n_more + 1, struct db_read);
    struct desk_text *t = d->texts;
    size_t n_out = 0, n_reads = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (t[i].found[BY_EXTENSION].n)
            continue;
        if (t[i].keys[BY_EMAIL].kind != VAL_NULL)
            reads[n_reads++] = desk_read(&t[i], BY_EMAIL);
        reads[n_reads++] = desk_read(&t[i], BY_NAME);
    }
    TRY(batch_and(cx, reads, n_reads, more, n_more));
    for (size_t i = 0; i < d->n; i++)
        for (int sense = 0; sense < SENSES; sense++)
            if (t[i].found[sense].n) {
                desk_add(out, &n_out, &t[i].found[sense]);
                break;
            }
    if (n_out == 0 && queue.len) {
        struct list found = {0};
        TRY(db_all(cx, &q_staff_desk_by_queue, &staff_number_shape, &found, ARGS(V(queue))));
        desk_add(out, &n_out, &found);
    }
    *ids = (struct list){out, n_out};
    return OK;
}

enum err staff_desks(struct cx *cx, const str *texts, size_t n, str queue, struct list *ids)
{
    struct desks_sought *d = NULL;
    TRY(staff_desks_begin(cx, texts, n, NULL, 0, &d));
    return staff_desks_end(cx, d, queue, NULL, 0, ids);
}

/* ---- new people -------------------------------------------------------------------------- */

/* Trimmed, without empty ones; the same twice is one (the table says so). */
static enum err handles_check(struct cx *cx, struct str_list *l, str field)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        str t = str_trim(l->items[i]);
        if (t.len > 64)
            return fault_field(cx, ERR_INVALID, field, M_STAFF_HANDLE);
        if (t.len)
            l->items[n++] = t;
    }
    l->n = n;
    return OK;
}

static enum err email_free(struct cx *cx, str email)
{
    struct staff other = {0};
    enum err e = db_one(cx, &q_staff_by_email, &staff_shape, &other, ARGS(V(email)));
    if (e == OK)
        return fault_field(cx, ERR_CONFLICT, S("email"), M_STAFF_EMAIL_TAKEN);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err staff_plan(struct cx *cx, struct staff_new *p)
{
    str normal = {0};
    p->name = str_trim(p->name);
    if (p->name.len == 0)
        return fault_field(cx, ERR_INVALID, S("name"), M_STAFF_NAME);
    if (!email_read(cx->arena, p->email, &normal))
        return fault_field(cx, ERR_INVALID, S("email"), M_STAFF_EMAIL);
    p->email = normal;
    TRY(handles_check(cx, &p->extensions, S("extensions")));
    TRY(handles_check(cx, &p->queues, S("queues")));
    TRY(email_free(cx, p->email));
    p->id = (staff_id){id_new(cx->now_ms)};
    p->encoded = (str){0};
    if (p->password.len == 0)
        return OK;
    TRY(staff_password_check(cx, p->password, p->name, p->email));
    return password_hash(cx, p->password, &p->encoded);
}

enum err staff_handles_write(struct cx *cx, staff_id id, const struct str_list *extensions,
                             const struct str_list *queues)
{
    if (extensions) {
        TRY(db_run(cx, &q_staff_extension_clear, ARGS(V(id))));
        for (size_t i = 0; i < extensions->n; i++)
            TRY(db_run(cx, &q_staff_extension_insert, ARGS(V(extensions->items[i]), V(id))));
    }
    if (queues) {
        TRY(db_run(cx, &q_staff_queue_clear, ARGS(V(id))));
        for (size_t i = 0; i < queues->n; i++)
            TRY(db_run(cx, &q_staff_queue_insert, ARGS(V(queues->items[i]), V(id))));
    }
    return OK;
}

enum err staff_handles_check(struct cx *cx, struct str_list *extensions, struct str_list *queues)
{
    TRY(handles_check(cx, extensions, S("extensions")));
    return handles_check(cx, queues, S("queues"));
}

enum err staff_add(struct cx *cx, const struct staff_new *p)
{
    TRY(email_free(cx, p->email));
    enum err e = db_run(cx, &q_staff_insert,
                        ARGS(V(p->id), V(p->email), V(p->name), V(role_codes[p->role]),
                             V(p->encoded), V(lang_codes[p->lang]), V(cx->now_ms)));
    if (e == ERR_CONFLICT)
        return fault_field(cx, e, S("email"), M_STAFF_EMAIL_TAKEN);
    TRY(e);
    TRY(staff_handles_write(cx, p->id, &p->extensions, &p->queues));
    if (p->role == ROLE_OWNER)
        TRY(settings_set(cx, "has_owner", S("1")));
    TRY(audit_add(cx, "staff.add", 0, p->id.v, str_of(role_codes[p->role])));
    return event_add(cx, EVENT_STAFF_CHANGED, 0, p->id.v, (str){0});
}

/* ---- change ------------------------------------------------------------------------------ */

enum err staff_write(struct cx *cx, const struct staff *p)
{
    int64_t changed = 0;
    TRY(db_run_count(cx, &q_staff_update, &changed,
                     ARGS(V(p->name), V(role_codes[p->role]), V(p->is_active),
                          V(lang_codes[p->lang]), V(theme_codes[p->theme]), V(p->text_size),
                          V(p->has_keys), V(p->has_sound), V(p->is_ready), V(cx->now_ms), V(p->id),
                          V(p->version))));
    if (changed != 1)
        return ERR_STALE;
    return event_add(cx, EVENT_STAFF_CHANGED, 0, p->id.v, (str){0});
}

/* The house always has somebody who may do everything. `before` is an owner who is about to be
 * none. */
enum err staff_not_last_owner(struct cx *cx, const struct staff *before)
{
    int64_t owners = 0;
    TRY(db_run(cx, &q_staff_role_lock, ARGS(V(cx->now_ms))));
    if (before->role != ROLE_OWNER || !before->is_active)
        return OK;
    TRY(db_int(cx, &q_staff_owners, &owners, NO_ARGS));
    return owners > 1 ? OK : fault(cx, ERR_CONFLICT, M_STAFF_LAST_OWNER);
}

enum err staff_disable(struct cx *cx, staff_id id)
{
    struct staff p = {0};
    TRY(staff_get(cx, id, &p));
    TRY(staff_not_last_owner(cx, &p));
    p.is_active = false;
    TRY(staff_write(cx, &p));
    TRY(sessions_end_others(cx, id, 0));
    return audit_add(cx, "staff.change", 0, id.v, S("is_active"));
}

enum err staff_reset(struct cx *cx, staff_id id, str encoded)
{
    TRY(db_run(cx, &q_staff_password_set, ARGS(V(encoded), V(cx->now_ms), V(id))));
    TRY(db_run(cx, &q_device_clear, ARGS(V(id))));
    TRY(sessions_end_others(cx, id, 0));
    return audit_add(cx, "staff.password", 0, id.v, (str){0});
}
