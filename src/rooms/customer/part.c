/* rooms/customer/part.c - addresses, holdings and relations: added, changed, taken away and brought
 * back, each step with both values in the history. */
#include "messages.h"
#include "queries.h"
#include "rooms/customer/inside.h"

enum { PART_JSON_LIMIT = 16384 };

/* ---- the three kinds ------------------------------------------------------------------------- */

static enum err address_write(struct cx *cx, customer_id root, const void *part)
{
    const struct address *a = part;
    return db_run(cx, &q_address_put,
                  ARGS(V(a->id), V(root), V(a->kind), V(a->line), V(a->postal), V(a->city),
                       V(a->region), V(a->country), V(a->source), V(a->at)));
}
static enum err holding_write(struct cx *cx, customer_id root, const void *part)
{
    const struct holding *h = part;
    return db_run(cx, &q_holding_put,
                  ARGS(V(h->id), V(root), val_int_or_null(h->product.v), V(h->name), V(h->serial),
                       V(h->plan), V(h->number), val_int_or_null(h->until.ms), V(h->at)));
}
static enum err relation_write(struct cx *cx, customer_id root, const void *part)
{
    const struct relation *r = part;
    return db_run(cx, &q_relation_put,
                  ARGS(V(r->id), V(root), V(r->other.id), V(r->kind), V(r->role), V(r->at)));
}

/* What is there, with commas between. */
static void say(struct text *t, str piece)
{
    if (piece.len == 0)
        return;
    if (t->len)
        text_add(t, S(", "));
    text_add(t, piece);
}
static str address_text(struct arena *a, const void *part)
{
    const struct address *x = part;
    struct text t = text_in(a, 8000);
    say(&t, x->line);
    say(&t, x->postal);
    say(&t, x->city);
    say(&t, x->region);
    say(&t, x->country);
    return arena_printf(a, SFMT ": " SFMT, SARG(x->kind), SARG(text_str(&t)));
}
static str holding_text(struct arena *a, const void *part)
{
    const struct holding *h = part;
    struct text t = text_in(a, 8000);
    say(&t, h->name);
    say(&t, h->plan);
    say(&t, h->serial);
    say(&t, h->number);
    return text_str(&t);
}
static str relation_text(struct arena *a, const void *part)
{
    const struct relation *r = part;
    struct text t = text_in(a, 8000);
    say(&t, r->other.name);
    say(&t, r->role);
    return arena_printf(a, SFMT ": " SFMT, SARG(r->kind), SARG(text_str(&t)));
}

/* Kept without the name of the other, which is that record's own. */
/* clang-format off */
static const struct field relation_kept_fields[] = {
    FIELD(struct relation, id),
    FIELD_AS(struct relation, other.id, "other"),
    FIELD(struct relation, kind),
    FIELD(struct relation, role),
    FIELD(struct relation, at),
};
/* clang-format on */
static const struct shape relation_kept_shape =
    SHAPE("relation_kept", struct relation, relation_kept_fields);

const struct part_kind part_address = {.field = "address",
                                       .add = "address.add",
                                       .change = "address.change",
                                       .remove = "address.remove",
                                       .get = &q_address_get,
                                       .whose = &q_address_whose,
                                       .away = &q_address_delete,
                                       .row = &address_row_shape,
                                       .json = &address_shape,
                                       .write = address_write,
                                       .text = address_text};
const struct part_kind part_holding = {.field = "holding",
                                       .add = "holding.add",
                                       .change = "holding.change",
                                       .remove = "holding.remove",
                                       .get = &q_holding_get,
                                       .whose = &q_holding_whose,
                                       .away = &q_holding_delete,
                                       .row = &holding_row_shape,
                                       .json = &holding_shape,
                                       .write = holding_write,
                                       .text = holding_text};
const struct part_kind part_relation = {.field = "relation",
                                        .add = "relation.add",
                                        .change = "relation.change",
                                        .remove = "relation.remove",
                                        .get = &q_relation_get,
                                        .whose = &q_relation_whose,
                                        .away = &q_relation_delete,
                                        .row = &relation_row_shape,
                                        .json = &relation_kept_shape,
                                        .write = relation_write,
                                        .text = relation_text};

/* ---- one step -------------------------------------------------------------------------------- */

enum err part_get(struct cx *cx, const struct part_kind *k, int64_t id, customer_id *root,
                  void *out)
{
    enum err e = db_int(cx, k->whose, &root->v, ARGS(V(id)));
    if (e == OK)
        e = db_one(cx, k->get, k->row, out, ARGS(V(id)));
    return e == ERR_NOT_FOUND ? fault(cx, ERR_NOT_FOUND, M_PART_UNKNOWN) : e;
}

static str part_json(struct arena *a, const struct part_kind *k, const void *part)
{
    struct text t = text_in(a, PART_JSON_LIMIT);
    struct json_out j = {.to = &t};
    if (!part)
        return S("null");
    json_write(&j, k->json, part);
    return text_str(&t);
}

/* On the record at the other end, from where it reads back. */
static str relation_back_text(struct cx *cx, str self, const void *part)
{
    struct relation r = *(const struct relation *)part;
    r.other.name = self;
    return arena_printf(cx->arena, "← " SFMT, SARG(relation_text(cx->arena, &r)));
}

/* A relation changes two records: a row on each, and each knows the other row, so that it is taken back
 * from either side. */
static enum err relation_history(struct cx *cx, const struct history_new *here,
                                 const struct relation *was, const struct relation *next, str kept,
                                 struct change_by *by)
{
    struct customer self;
    customer_id there, other = (next ? next : was)->other.id;
    struct change_by own = {0}, back = {.source = by ? by->source : NULL};
    struct history_new h = *here;
    TRY(customer_get(cx, here->customer, &self));
    enum err e = customer_root(cx, other, &there, NULL);
    bool is_apart = e == OK && there.v != self.id.v;
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    history_id first = {id_new(cx->now_ms)}, second = {id_new(cx->now_ms)};
    h.id = first;
    if (is_apart)
        h.data = arena_printf(cx->arena, "{" SFMT ",\"beside\":\"" SFMT "\"}", SARG(kept),
                              SARG(id_text(cx->arena, "hst", second.v)));
    TRY(history_add(cx, &h, 1, by ? by : &own));
    if (!is_apart)
        return OK;
    h.id = second;
    h.customer = there;
    h.old = was ? relation_back_text(cx, self.name, was) : (str){0};
    h.new = next ? relation_back_text(cx, self.name, next) : (str){0};
    h.data = arena_printf(cx->arena, "{" SFMT ",\"of\":\"" SFMT "\",\"beside\":\"" SFMT "\"}",
                          SARG(kept), SARG(id_text(cx->arena, "cus", here->customer.v)),
                          SARG(id_text(cx->arena, "hst", first.v)));
    TRY(history_add(cx, &h, 1, &back));
    if (by)
        by->beside = second;
    return event_add(cx, EVENT_CUSTOMER_CHANGED, there.v, here->part, (str){0});
}

enum err part_put(struct cx *cx, const struct part_kind *k, customer_id root, int64_t id,
                  const void *was, const void *next, struct change_by *by)
{
    struct arena *a = cx->arena;
    str old = part_json(a, k, was), new = part_json(a, k, next);
    if (str_eq(old, new))
        return OK;
    if (next)
        TRY(k->write(cx, root, next));
    else
        TRY(db_run(cx, k->away, ARGS(V(id))));
    struct history_new h = {
        .customer = root,
        .field = str_of(k->field),
        .part = id,
        .old = was ? k->text(a, was) : (str){0},
        .new = next ? k->text(a, next) : (str){0},
    };
    str kept = arena_printf(a, "\"old\":" SFMT ",\"new\":" SFMT, SARG(old), SARG(new));
    h.data = arena_printf(a, "{" SFMT "}", SARG(kept));
    if (k == &part_relation)
        TRY(relation_history(cx, &h, was, next, kept, by));
    else
        TRY(history_add(cx, &h, 1, by));
    return part_changed(cx, root, !was ? k->add : next ? k->change : k->remove, id, (str){0});
}

/* ---- back ------------------------------------------------------------------------------------ */

struct kept {
    str old, new;
    customer_id of;    /* of a relation, at its other end: the record that has it */
    history_id beside; /* and the row there */
};
/* clang-format off */
static const struct field kept_fields[] = {
    FIELD_JSON(struct kept, old, .any_in = true),
    FIELD_JSON(struct kept, new, .any_in = true),
    FIELD(struct kept, of),
    FIELD(struct kept, beside),
};
/* clang-format on */
static const struct shape kept_shape = SHAPE("kept", struct kept, kept_fields);

/* What was accepted once is read back whatever its length: the limits stand at the door. */
static enum err part_read(struct cx *cx, const struct part_kind *k, str json, void **out)
{
    *out = NULL;
    if (json.len == 0 || str_eq(json, S("null")))
        return OK;
    struct shape wide = *k->json;
    struct field *fields = ARENA_ARRAY(cx->arena, wide.n, struct field);
    memcpy(fields, wide.fields, wide.n * sizeof(*fields));
    for (size_t i = 0; i < wide.n; i++)
        fields[i].max_len = PART_JSON_LIMIT;
    wide.fields = fields;
    *out = arena_alloc(cx->arena, 1, wide.size);
    return json_read(cx, &wide, json, *out, NULL);
}

enum err part_undo(struct cx *cx, const struct part_kind *k, const struct history_row *h,
                   struct change_by *by)
{
    struct kept kept;
    void *old, *new, *now = arena_alloc(cx->arena, 1, k->json->size);
    customer_id root = h->customer;
    TRY(json_read(cx, &kept_shape, h->data, &kept, NULL));
    if (kept.of.v)
        TRY(customer_root(cx, kept.of, &root, NULL));
    TRY(part_read(cx, k, kept.old, &old));
    TRY(part_read(cx, k, kept.new, &new));
    enum err e = db_one(cx, k->get, k->row, now, ARGS(V(h->part)));
    if (e == ERR_NOT_FOUND)
        now = NULL;
    else
        TRY(e);
    if (!str_eq(part_json(cx->arena, k, now), part_json(cx->arena, k, new)))
        return history_moved(cx, h, now ? k->text(cx->arena, now) : (str){0});
    if (old && k == &part_relation) { /* the other may be gone */
        struct relation *r = old;
        struct customer there;
        TRY(customer_get(cx, r->other.id, &there));
        r->other = (struct customer_ref){there.id, there.name, there.name_lang};
    }
    TRY(part_put(cx, k, root, h->part, now, old, by));
    if (kept.of.v && by->beside.v) { /* asked from the other end */
        history_id there = by->made;
        by->made = by->beside;
        by->beside = there;
    }
    if (kept.beside.v && by->beside.v)
        TRY(db_run(cx, &q_history_undone, ARGS(V(by->beside), V(kept.beside))));
    return OK;
}
