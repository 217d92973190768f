/* rooms/customer/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/customer/customer.h"
#include "rooms/customer/history.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"

struct standing_out {
    when first_at, last_contact_at;
    int64_t contacts, orders;
    money spent, spent_12m;
    when last_order_at;
};
struct record {
    struct customer customer;
    struct list marks, identities, addresses, holdings, relations, tasks, notes, proposals;
    struct standing_out standing;
    struct str_list more;
    int64_t version;
};
extern const struct shape record_shape;
enum err record_get(struct cx *cx, customer_id id, struct record *out) MUST_USE;

/* How the input of every addition to a record begins; plan finds the root. */
struct part_in {
    customer_id id, root;
};
/* Inside apply: audit and event of an addition. */
enum err part_changed(struct cx *cx, customer_id root, const char *action, int64_t ref, str details)
    MUST_USE;

/* The text of a record by the name of its field; NULL: none of its own. */
str *customer_text(struct customer *c, str field);

struct history_row {
    history_id id;
    customer_id customer;
    when at;
    str actor_kind;
    int64_t actor_id;
    str source, field;
    int64_t part;
    str old, new, data;
    int64_t batch, undone_by;
};
extern const struct shape history_row_shape;

struct page_in {
    int64_t limit;
    str cursor;
};
struct page_out {
    struct list items;
    str next;
};

/* Handlers and shapes of the routes (customer_http.c). */
extern const struct shape by_id_shape, page_in_shape, customer_page_shape, patch_shape;
enum err route_record(struct cx *cx, void *in, void *out);
enum err route_list(struct cx *cx, void *in, void *out);
extern const struct shape notes_in_shape, notes_page_shape;
enum err route_notes(struct cx *cx, void *in, void *out);
enum err patch_plan(struct cx *cx, void *in, void *out);
enum err patch_apply(struct cx *cx, void *in, void *out);
enum err patch_replay(struct cx *cx, int64_t id, void *out);

extern const struct shape identity_in_shape, identity_patch_shape, mark_in_shape, mark_gone_shape,
    address_in_shape, holding_in_shape, relation_in_shape, note_in_shape, proposal_in_shape;
enum err part_plan(struct cx *cx, void *in, void *out);
enum err identity_plan(struct cx *cx, void *in, void *out);
enum err identity_apply(struct cx *cx, void *in, void *out);
enum err identity_replay(struct cx *cx, int64_t id, void *out);
enum err identity_patch(struct cx *cx, void *in, void *out);
enum err mark_plan(struct cx *cx, void *in, void *out);
enum err mark_apply(struct cx *cx, void *in, void *out);
enum err mark_gone_plan(struct cx *cx, void *in, void *out);
enum err mark_gone_apply(struct cx *cx, void *in, void *out);
enum err address_plan(struct cx *cx, void *in, void *out);
enum err address_apply(struct cx *cx, void *in, void *out);
enum err holding_apply(struct cx *cx, void *in, void *out);
enum err relation_plan(struct cx *cx, void *in, void *out);
enum err relation_apply(struct cx *cx, void *in, void *out);
extern const struct shape address_gone_shape, holding_gone_shape, relation_gone_shape;
enum err address_gone(struct cx *cx, void *in, void *out);
enum err holding_gone(struct cx *cx, void *in, void *out);
enum err relation_gone(struct cx *cx, void *in, void *out);
enum err note_apply(struct cx *cx, void *in, void *out);
enum err proposal_plan(struct cx *cx, void *in, void *out);
enum err proposal_apply(struct cx *cx, void *in, void *out);

extern const struct shape task_in_shape, task_patch_shape, task_list_shape, task_page_shape;
enum err task_in_plan(struct cx *cx, void *in, void *out);
enum err task_in_apply(struct cx *cx, void *in, void *out);
enum err task_replay(struct cx *cx, int64_t id, void *out);
enum err task_patch_plan(struct cx *cx, void *in, void *out);
enum err task_patch_apply(struct cx *cx, void *in, void *out);
enum err route_tasks(struct cx *cx, void *in, void *out);
