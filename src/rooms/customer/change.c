/* rooms/customer/change.c - changing a record: its own fields, tags and marks, each with its row of
 * history. Everything here runs inside apply. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

/* ---- rows of history ------------------------------------------------------------------------- */

const char *change_source(const struct cx *cx, const struct change_by *by)
{
    if (by && by->source)
        return by->source;
    return cx->actor.kind == ACTOR_STAFF   ? "staff"
           : cx->actor.kind == ACTOR_TOKEN ? "api"
                                           : "system";
}

/* By what the search finds a record. */
static bool is_searched(str field)
{
    static const char *const fields[] = {"name", "reading", "company", "tag", "identity"};
    for (size_t i = 0; i < COUNT(fields); i++)
        if (str_starts(field, str_of(fields[i])))
            return true;
    return false;
}

enum err history_add(struct cx *cx, const struct history_new *h, size_t n, struct change_by *by)
{
    for (size_t i = 0; i < n; i++) {
        history_id id = h[i].id.v ? h[i].id : (history_id){id_new(cx->now_ms)};
        struct audit_kept k = {.customer_id = h[i].customer.v,
                               .at_ms = cx->now_ms,
                               .actor_kind = str_of(actor_codes[cx->actor.kind]),
                               .actor_id = cx->actor.id,
                               .source = str_of(change_source(cx, by)),
                               .field = h[i].field,
                               .part_id = h[i].part};
        TRY(audit_value_add(cx, &k, &(struct audit_said){h[i].old, h[i].new, h[i].data}));
        TRY(db_run(cx, &q_history_insert,
                   ARGS(V(id), V(k.customer_id), V(k.at_ms), V(k.actor_kind), V(k.actor_id),
                        V(k.source), V(k.field), V(k.part_id), V(k.value_id),
                        val_int_or_null(by ? by->batch : 0))));
        if (is_searched(h[i].field))
            TRY(search_due(cx, &h[i].customer.v, 1));
        if (by)
            by->made = id;
    }
    return OK;
}

/* ---- own fields ------------------------------------------------------------------------------ */

/* The texts of a record that may be changed: name_lang is worked out. */
static bool is_own_text(const struct field *f)
{
    return f->type == F_STR && strcmp(f->name, "name_lang") != 0;
}

static str *text_at(struct customer *c, const struct field *f)
{
    return (str *)(void *)((char *)c + f->offset);
}

str *customer_text(struct customer *c, str field)
{
    for (size_t i = 0; i < customer_shape.n; i++) {
        const struct field *f = &customer_shape.fields[i];
        if (is_own_text(f) && str_eq(field, str_of(f->name)))
            return text_at(c, f);
    }
    return NULL;
}

bool customer_text_set(struct customer *c, str field, str value)
{
    str *at = customer_text(c, field);
    if (at)
        *at = value;
    return at != NULL;
}

static str id_or_none(struct arena *a, staff_id id)
{
    return id.v ? id_text(a, "stf", id.v) : (str){0};
}

/* What differs, a row of history each. */
static size_t differences(struct arena *a, const struct customer *seen, const struct customer *next,
                          struct history_new *out)
{
    struct customer was = *seen, is = *next;
    size_t n = 0;
    if (was.kind != is.kind)
        out[n++] = (struct history_new){.field = S("kind"),
                                        .old = str_of(customer_kind_codes[was.kind]),
                                        .new = str_of(customer_kind_codes[is.kind])};
    for (size_t i = 0; i < customer_shape.n; i++) {
        const struct field *f = &customer_shape.fields[i];
        if (!is_own_text(f) || str_eq(*text_at(&was, f), *text_at(&is, f)))
            continue;
        out[n++] = (struct history_new){
            .field = str_of(f->name), .old = *text_at(&was, f), .new = *text_at(&is, f)};
    }
    if (was.owner.id.v != is.owner.id.v)
        out[n++] = (struct history_new){.field = S("owner"),
                                        .old = id_or_none(a, was.owner.id),
                                        .new = id_or_none(a, is.owner.id)};
    for (size_t i = 0; i < n; i++)
        out[i].customer = seen->id;
    return n;
}

static bool names_differ(const struct customer *a, const struct customer *b)
{
    return !str_eq(a->name, b->name) || !str_eq(a->reading, b->reading) ||
           !str_eq(a->company, b->company) || !str_eq(a->country, b->country);
}

enum err customer_change(struct cx *cx, const struct customer *seen, const struct customer *next,
                         const struct str_list *keys, struct change_by *by)
{
    struct history_new *h = ARENA_ARRAY(cx->arena, customer_shape.n + 2, struct history_new);
    size_t n = differences(cx->arena, seen, next, h);
    if (n == 0)
        return OK;
    const struct customer *c = next;
    int64_t changed = 0;
#define X(m, ...) V(c->m),
    TRY(db_run_count(cx, &q_customer_update, &changed,
                     ARGS(V(customer_kind_codes[c->kind]),
                          CUSTOMER_TEXTS(X) val_int_or_null(c->owner.id.v), V(cx->now_ms),
                          CUSTOMER_FOLDED(CUSTOMER_FOLD) V(seen->id), V(seen->version))));
#undef X
    if (changed == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    if (seen->kind != next->kind)
        TRY(standing_kind_set(cx, seen->id, next->kind));
    if (names_differ(seen, next)) {
        TRY(db_run(cx, &q_customer_keys_delete, ARGS(V(seen->id))));
        struct str_list made = {0};
        if (!keys) {
            made = customer_keys(cx->arena, c->name, c->reading, c->company, c->country);
            keys = &made;
        }
        TRY(customer_keys_add(cx, seen->id, *keys));
    }
    TRY(history_add(cx, h, n, by));
    for (size_t i = 0; i < n; i++)
        if (h[i].new.len)
            TRY(fresh_put(cx, seen->id, h[i].field, 0, change_source(cx, by)));
    struct text named = text_in(cx->arena, 4000);
    for (size_t i = 0; i < n; i++) {
        if (i)
            text_add_char(&named, ' ');
        text_add(&named, h[i].field);
    }
    return part_changed(cx, seen->id, "customer.change", seen->id.v, text_str(&named));
}

/* ---- tags ------------------------------------------------------------------------------------ */

static struct val staff_or_null(const struct cx *cx)
{
    return val_int_or_null(cx->actor.kind == ACTOR_STAFF ? cx->actor.id : 0);
}

enum err tag_find(struct cx *cx, str name, struct tag *out)
{
    return db_one(cx, &q_tag_by_folded, &tag_row_shape, out, ARGS(V(text_fold(cx->arena, name))));
}

static enum err tag_said(struct cx *cx, customer_id root, const struct tag *t, bool is_put,
                         struct change_by *by)
{
    struct history_new h = {.customer = root,
                            .field = S("tag"),
                            .part = t->id.v,
                            .old = is_put ? (str){0} : t->name,
                            .new = is_put ? t->name : (str){0}};
    TRY(history_add(cx, &h, 1, by));
    return part_changed(cx, root, is_put ? "tag.add" : "tag.remove", t->id.v, (str){0});
}

enum err tag_put(struct cx *cx, customer_id root, str name, struct change_by *by)
{
    struct tag t;
    int64_t n = 0;
    name = str_trim(name);
    enum err e = tag_find(cx, name, &t);
    if (e == ERR_NOT_FOUND) {
        TRY(db_run(cx, &q_tag_insert,
                   ARGS(V(id_new(cx->now_ms)), V(name), V(text_fold(cx->arena, name)))));
        e = tag_find(cx, name, &t);
    }
    TRY(e);
    TRY(db_int(cx, &q_customer_tag_has, &n, ARGS(V(t.id), V(root))));
    if (n)
        return OK;
    TRY(db_run(cx, &q_customer_tag_insert,
               ARGS(V(root), V(t.id), V(cx->now_ms), staff_or_null(cx))));
    return tag_said(cx, root, &t, true, by);
}

enum err tag_take(struct cx *cx, customer_id root, str name, struct change_by *by)
{
    struct tag t;
    int64_t n = 0;
    enum err e = tag_find(cx, name, &t);
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    TRY(db_run_count(cx, &q_customer_tag_delete, &n, ARGS(V(t.id), V(root))));
    return n ? tag_said(cx, root, &t, false, by) : OK;
}

/* ---- marks ----------------------------------------------------------------------------------- */

enum err mark_put(struct cx *cx, customer_id root, int mark, str reason, struct change_by *by)
{
    struct mark was = {0};
    str code = str_of(mark_codes[mark]);
    enum err e = db_one(cx, &q_mark_of, &mark_row_shape, &was, ARGS(V(code), V(root)));
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_NOT_FOUND)
        was = (struct mark){0};
    if (str_eq(was.reason, reason))
        return OK;
    if (reason.len)
        TRY(db_run(cx, &q_mark_set,
                   ARGS(V(root), V(code), V(reason), staff_or_null(cx), V(cx->now_ms))));
    else
        TRY(db_run(cx, &q_mark_remove, ARGS(V(code), V(root))));
    if (mark == MARK_VIP)
        TRY(standing_hand_set(cx, root, reason.len > 0));
    struct history_new h = {.customer = root,
                            .field = arena_printf(cx->arena, "mark." SFMT, SARG(code)),
                            .old = was.reason,
                            .new = reason};
    TRY(history_add(cx, &h, 1, by));
    return part_changed(cx, root, reason.len ? "mark.add" : "mark.remove", root.v, code);
}
