/* rooms/customer/identity.c - routes of handles: given to a record, said what they are, taken away
 * when they were given by mistake. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

/* ---- history --------------------------------------------------------------------------------- */

/* What brings a handle back. */
struct identity_kept {
    int type, state;
    str given, source;
};
/* clang-format off */
static const struct field identity_kept_fields[] = {
    FIELD_ENUM(struct identity_kept, type, identity_type_codes),
    FIELD_ENUM(struct identity_kept, state, identity_state_codes),
    FIELD(struct identity_kept, given, .max_len = 1000),
    FIELD(struct identity_kept, source),
};
/* clang-format on */
static const struct shape identity_kept_shape =
    SHAPE("identity_kept", struct identity_kept, identity_kept_fields);

static enum err identity_said(struct cx *cx, customer_id root, identity_id id,
                              const struct identity_kept *k, bool is_here, struct change_by *by)
{
    struct text t = text_in(cx->arena, 8000);
    struct json_out j = {.to = &t};
    json_write(&j, &identity_kept_shape, k);
    struct history_new h = {.customer = root,
                            .field = S("identity"),
                            .part = id.v,
                            .old = is_here ? (str){0} : k->given,
                            .new = is_here ? k->given : (str){0},
                            .data = text_str(&t)};
    return history_add(cx, &h, 1, by);
}

static enum err state_said(struct cx *cx, customer_id root, const struct identity *was, int state,
                           struct change_by *by)
{
    struct history_new h = {.customer = root,
                            .field = S("identity.state"),
                            .part = was->id.v,
                            .old = str_of(identity_state_codes[was->state]),
                            .new = str_of(identity_state_codes[state]),
                            .data = was->given};
    return was->state == state ? OK : history_add(cx, &h, 1, by);
}

enum err identity_history(struct cx *cx, customer_id root, const struct handle_new *h, size_t n,
                          struct change_by *by)
{
    for (size_t i = 0; i < n; i++) {
        if (h[i].handle->value.len == 0)
            continue; /* kept as given, perhaps for the tenth time */
        struct identity_kept k = {h[i].type, h[i].state, h[i].given, str_of(h[i].source)};
        TRY(identity_said(cx, root, h[i].id, &k, true, by));
    }
    return OK;
}

/* ---- giving ---------------------------------------------------------------------------------- */

struct identity_in {
    struct part_in part;
    int type, state;
    str value;
    struct handle handle;
    identity_id made;
    int64_t value_id;
};
/* clang-format off */
static const struct field identity_in_fields[] = {
    FIELD_AS(struct identity_in, part.id, "id", .in_path = true),
    FIELD_ENUM(struct identity_in, type, identity_type_codes, .required = true),
    FIELD(struct identity_in, value, .required = true, .max_len = 254),
    FIELD_ENUM(struct identity_in, state, identity_state_codes, .doc = "confirmed, claimed (default), shared, wrong"),
};
/* clang-format on */
const struct shape identity_in_shape = SHAPE("identity_in", struct identity_in, identity_in_fields);
enum { IDENTITY_IN_STATE = 3 };

enum err identity_plan(struct cx *cx, void *in, void *out)
{
    struct identity_in *a = in;
    TRY(part_plan(cx, in, out));
    if (!((cx->sent >> IDENTITY_IN_STATE) & 1))
        a->state = IDENTITY_CLAIMED;
    if (!handle_read(cx->arena, a->type, a->value, settings_current(cx)->region, &a->handle)) {
        (void)fault(cx, ERR_INVALID, M_IDENTITY_MALFORMED, MARG("given", a->value),
                    MARG("type", str_of(identity_type_codes[a->type])));
        return fault_at(cx, ERR_INVALID, S("value"));
    }
    a->handle.suffix = (str){0};
    TRY(customer_owners(cx, &a->handle, 1));
    const struct owner *o = a->handle.owners.items;
    for (size_t i = 0; i < a->handle.owners.n; i++)
        if (o[i].customer.v == a->part.root.v)
            return fault_field(cx, ERR_CONFLICT, S("value"), M_IDENTITY_HERE);
    if (a->handle.is_full)
        return fault_field(cx, ERR_CONFLICT, S("value"), M_IDENTITY_FULL);
    if (a->made.v == 0) {
        a->made.v = id_new(cx->now_ms);
        a->value_id = id_new(cx->now_ms);
    }
    return OK;
}

enum err identity_apply(struct cx *cx, void *in, void *out)
{
    const struct identity_in *a = in;
    struct handle_new h = {.handle = &a->handle,
                           .id = a->made,
                           .value_id = a->value_id,
                           .type = a->type,
                           .state = a->state,
                           .given = str_trim(a->value),
                           .source = "staff"};
    TRY(customer_handles_add(cx, a->part.root, &h, 1));
    /* It may have been here as wrong: then the row stays and says so no more. */
    TRY(db_run(cx, &q_identity_state_set,
               ARGS(V(identity_state_codes[a->state]),
                    V(a->handle.value_id ? a->handle.value_id : a->value_id), V(a->part.root))));
    TRY(identity_history(cx, a->part.root, &h, 1, NULL));
    TRY(part_changed(cx, a->part.root, "identity.add", a->made.v,
                     str_of(identity_type_codes[a->type])));
    cx->made_id = a->made.v;
    *(struct identity *)out = (struct identity){.id = a->made,
                                                .type = a->type,
                                                .state = a->state,
                                                .value = a->handle.value,
                                                .given = h.given,
                                                .national = a->handle.shown,
                                                .source = S("staff"),
                                                .first_at = {cx->now_ms},
                                                .last_at = {cx->now_ms}};
    return OK;
}

enum err identity_replay(struct cx *cx, int64_t id, void *out)
{
    return db_one(cx, &q_identity_get, &identity_row_shape, out, ARGS(V(id)));
}

/* ---- saying what it is ------------------------------------------------------------------------ */

struct identity_patch {
    identity_id id;
    int state;
};
/* clang-format off */
static const struct field identity_patch_fields[] = {
    FIELD(struct identity_patch, id, .in_path = true),
    FIELD_ENUM(struct identity_patch, state, identity_state_codes, .required = true),
};
/* clang-format on */
const struct shape identity_patch_shape =
    SHAPE("identity_patch", struct identity_patch, identity_patch_fields);

struct identity_at {
    int64_t value_id;
    customer_id customer, root;
};
/* clang-format off */
static const struct field identity_at_fields[] = {
    FIELD(struct identity_at, value_id),
    FIELD_AS(struct identity_at, customer, "customer_id"),
    FIELD_AS(struct identity_at, root, "root_id"),
};
/* clang-format on */
static const struct shape identity_at_shape =
    SHAPE("identity_place", struct identity_at, identity_at_fields);

static enum err identity_read(struct cx *cx, identity_id id, struct identity_at *at,
                              struct identity *out)
{
    enum err e = db_one(cx, &q_identity_place, &identity_at_shape, at, ARGS(V(id)));
    if (e == OK)
        e = db_one(cx, &q_identity_get, &identity_row_shape, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_IDENTITY_UNKNOWN) : e;
}

enum err identity_state_put(struct cx *cx, identity_id id, int state, struct change_by *by)
{
    struct identity_at at;
    struct identity was;
    TRY(identity_read(cx, id, &at, &was));
    /* What is kept as given recognises nobody, so it is nobody's alone. */
    if (was.value.len == 0 && (state == IDENTITY_CONFIRMED || state == IDENTITY_CLAIMED))
        return fault_field(cx, ERR_INVALID, S("state"), M_IDENTITY_STAYS_WRONG);
    if (was.state == state)
        return OK;
    TRY(db_run(cx, &q_identity_value_touch, ARGS(V(at.value_id))));
    TRY(db_run(cx, &q_identity_state_set,
               ARGS(V(identity_state_codes[state]), V(at.value_id), V(at.customer))));
    TRY(state_said(cx, at.root, &was, state, by));
    return part_changed(cx, at.root, "identity.change", id.v, str_of(identity_state_codes[state]));
}

enum err identity_confirm(struct cx *cx, int64_t value_id, customer_id via, struct change_by *by)
{
    struct identity was;
    int64_t n = 0;
    enum err e = db_one(cx, &q_identity_of, &identity_row_shape, &was, ARGS(V(value_id), V(via)));
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    TRY(db_run_count(cx, &q_identity_confirm, &n, ARGS(V(cx->now_ms), V(value_id), V(via))));
    return n ? state_said(cx, via, &was, IDENTITY_CONFIRMED, by) : OK;
}

enum err identity_patch(struct cx *cx, void *in, void *out)
{
    const struct identity_patch *a = in;
    TRY(identity_state_put(cx, a->id, a->state, NULL));
    cx->made_id = a->id.v;
    return identity_replay(cx, a->id.v, out);
}

/* ---- taking away ------------------------------------------------------------------------------ */

struct identity_gone_in {
    identity_id id;
};
static const struct field identity_gone_fields[] = {
    FIELD(struct identity_gone_in, id, .in_path = true),
};
const struct shape identity_gone_shape =
    SHAPE("identity_gone", struct identity_gone_in, identity_gone_fields);

/* Only what was written by mistake goes. One that a contact came in by stays, as wrong at most:
 * else the next contact would bring it again. */
static enum err identity_drop(struct cx *cx, identity_id id, struct change_by *by)
{
    struct identity_at at;
    struct identity was;
    TRY(identity_read(cx, id, &at, &was));
    bool is_written = str_eq(was.source, S("staff")) || str_eq(was.source, S("proposal")) ||
                      str_eq(was.source, S("import"));
    if (!is_written || was.last_at.ms != was.first_at.ms)
        return fault(cx, ERR_CONFLICT, M_IDENTITY_SEEN);
    TRY(db_run(cx, &q_identity_value_touch, ARGS(V(at.value_id))));
    TRY(db_run(cx, &q_identity_owner_delete, ARGS(V(at.value_id), V(at.customer))));
    struct identity_kept k = {was.type, was.state, was.given, was.source};
    TRY(identity_said(cx, at.root, id, &k, false, by));
    return part_changed(cx, at.root, "identity.remove", id.v,
                        str_of(identity_type_codes[was.type]));
}

enum err identity_gone(struct cx *cx, void *in, void *out)
{
    (void)out;
    return identity_drop(cx, ((struct identity_gone_in *)in)->id, NULL);
}

/* ---- taking back ------------------------------------------------------------------------------ */

static enum err identity_back(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    struct identity_kept k;
    struct handle handle;
    TRY(json_read(cx, &identity_kept_shape, h->data, &k, NULL));
    if (!handle_read(cx->arena, k.type, k.given, settings_current(cx)->region, &handle))
        handle.value = (str){0};
    handle.suffix = (str){0};
    TRY(customer_owners(cx, &handle, 1));
    const struct owner *o = handle.owners.items;
    for (size_t i = 0; i < handle.owners.n; i++)
        if (o[i].customer.v == h->customer.v)
            return history_moved(cx, h, k.given);
    if (handle.is_full)
        return fault(cx, ERR_CONFLICT, M_IDENTITY_FULL);
    struct handle_new n = {.handle = &handle,
                           .id = {h->part},
                           .value_id = id_new(cx->now_ms),
                           .type = k.type,
                           .state = k.state,
                           .given = k.given,
                           .source = arena_cstr(cx->arena, k.source)};
    TRY(customer_handles_add(cx, h->customer, &n, 1));
    TRY(identity_history(cx, h->customer, &n, 1, by));
    return part_changed(cx, h->customer, "identity.add", h->part,
                        str_of(identity_type_codes[k.type]));
}

enum err identity_undo(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    struct identity now;
    enum err e = db_one(cx, &q_identity_get, &identity_row_shape, &now, ARGS(V(h->part)));
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (h->new.len) /* it was given */
        return e == OK ? identity_drop(cx, (identity_id){h->part}, by)
                       : history_moved(cx, h, (str){0});
    return e == OK ? history_moved(cx, h, now.given) : identity_back(cx, h, by);
}

enum err identity_state_undo(struct cx *cx, const struct history_row *h, struct change_by *by)
{
    struct identity_at at;
    struct identity now;
    TRY(identity_read(cx, (identity_id){h->part}, &at, &now));
    str code = str_of(identity_state_codes[now.state]);
    if (!str_eq(code, h->new))
        return history_moved(cx, h, code);
    for (int i = 0; i < (int)COUNT(identity_state_codes); i++)
        if (str_eq(h->old, str_of(identity_state_codes[i])))
            return identity_state_put(cx, now.id, i, by);
    return fault(cx, ERR_CONFLICT, M_HISTORY_STAYS);
}
