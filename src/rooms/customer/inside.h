/* rooms/customer/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/customer/customer.h"
#include "rooms/customer/attr.h"
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
    struct list tags, attributes;
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
extern const struct shape history_row_shape, history_line_row_shape;
struct token_ref {
    token_id id;
    str name;
};
/* A change as the record shows it. */
struct history_line {
    struct history_row row;
    struct staff_ref staff;
    struct token_ref token;
    str part, label;
    history_id undone_by;
    bool can_undo;
};

enum { ATTR_FOLDED_BYTES = 1000 };
bool date_read(struct arena *a, str t, int64_t *day) MUST_USE; /* 2026-01-31 */
struct attr_stored {
    attr_id attr_id;
    customer_id customer_id;
    opt_int num;
    str text, folded;
};
struct attribute {
    str code, label;
    int type;
    struct str_list choices;
    str value; /* JSON */
};
extern const struct shape attr_row_shape, attribute_shape, attr_def_row_shape;
struct attr_value attr_value_of(const struct list *rows, attr_id id, customer_id root);
/* Definitions as read from their table: their lists of choices. */
enum err attr_defs_finish(struct cx *cx, struct list *defs) MUST_USE;
/* Those in use, with the values of a record. */
struct list attributes_of(struct cx *cx, const struct list *defs, const struct list *rows,
                          customer_id root);

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

extern const struct shape history_page_in_shape, history_page_shape, history_undo_shape,
    history_shape;
enum err route_history(struct cx *cx, void *in, void *out);
enum err history_undo_apply(struct cx *cx, void *in, void *out);
enum err history_replay(struct cx *cx, int64_t id, void *out);

extern const struct shape tag_in_shape, tags_in_shape, tags_out_shape;
enum err tag_in_plan(struct cx *cx, void *in, void *out);
enum err tag_in_apply(struct cx *cx, void *in, void *out);
enum err tag_gone_apply(struct cx *cx, void *in, void *out);
enum err route_tags(struct cx *cx, void *in, void *out);

extern const struct shape attr_put_shape, attr_gone_shape, attr_def_shape, attr_defs_shape,
    attr_def_in_shape, attr_def_patch_shape, attr_def_gone_shape;
enum err attr_put_plan(struct cx *cx, void *in, void *out);
enum err attr_put_apply(struct cx *cx, void *in, void *out);
enum err attr_gone_apply(struct cx *cx, void *in, void *out);
enum err route_attr_defs(struct cx *cx, void *in, void *out);
enum err attr_def_in_plan(struct cx *cx, void *in, void *out);
enum err attr_def_in_apply(struct cx *cx, void *in, void *out);
enum err attr_def_patch_plan(struct cx *cx, void *in, void *out);
enum err attr_def_patch_apply(struct cx *cx, void *in, void *out);
enum err attr_def_replay(struct cx *cx, int64_t id, void *out);
enum err attr_def_gone(struct cx *cx, void *in, void *out);
