/* rooms/customer/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/customer/customer.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"

struct standing_out {
    when first_at, last_contact_at;
    int64_t contacts, orders;
    money spent, spent_12m;
    when last_order_at;
    int64_t orders_12m, discounted_12m;
    money returned_12m, discount_12m;
    int activity;
    when activity_at;
    struct standing_vip vip;
};
struct record {
    struct customer customer;
    struct list marks, identities, addresses, holdings, relations, tasks, notes, proposals;
    struct list tags, attributes, freshness, consents;
    struct next_ask ask;
    struct standing_out standing;
    struct class_seen class;
    struct risk_seen_of risk;
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

const char *change_source(const struct cx *cx, const struct change_by *by);

struct history_row {
    history_id id;
    customer_id customer;
    when at;
    str actor_kind;
    int64_t actor_id;
    str source, field;
    int64_t part;
    str old, new, data; /* in the row itself, of before; else where they were sealed */
    int64_t batch, undone_by;
    customer_id via; /* the id it was done on */
    int64_t value_id;
    str sealed, wrapped;
    bool is_damaged; /* not as it was sealed: old, new, data are empty */
};
extern const struct shape history_row_shape, history_line_row_shape;
/* Puts what was sealed where it is read. */
void history_row_open(struct cx *cx, struct history_row *h);
struct token_ref {
    token_id id;
    str name;
};
/* A change as the record shows it. */
struct history_line {
    struct history_row row;
    struct staff_ref staff;
    struct token_ref token;
    str part, label, about;
    history_id undone_by;
    bool can_undo, is_damaged;
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

/* Addresses, holdings, relations: what is the same for the three. */
struct part_kind {
    const char *field, *add, *change, *remove; /* of the history; codes of the audit */
    const struct query *get, *whose, *away;
    const struct shape *row, *json; /* both of its struct */
    enum err (*write)(struct cx *cx, customer_id root, const void *part);
    str (*text)(struct arena *a, const void *part);
};
extern const struct part_kind part_address, part_holding, part_relation;
enum { PARTS_MAX = 500 };
/* The part and whose it is; ERR_NOT_FOUND with its fault. */
enum err part_get(struct cx *cx, const struct part_kind *k, int64_t id, customer_id *root,
                  void *out) MUST_USE;
/* Inside apply: one step from `was` (NULL: it is new) to `next` (NULL: it goes), with its history. */
enum err part_put(struct cx *cx, const struct part_kind *k, customer_id root, int64_t id,
                  const void *was, const void *next, struct change_by *by) MUST_USE;
enum err part_undo(struct cx *cx, const struct part_kind *k, const struct history_row *h,
                   struct change_by *by) MUST_USE;
/* The refusal of an undo: what stands there now. */
enum err history_moved(struct cx *cx, const struct history_row *h, str now) MUST_USE;

struct page_out {
    struct list items;
    str next;
};

/* Handlers and shapes of the routes (customer_http.c). */
extern const struct shape by_id_shape, patch_shape;
enum err route_record(struct cx *cx, void *in, void *out);
extern const struct shape notes_in_shape, notes_page_shape;
enum err route_notes(struct cx *cx, void *in, void *out);
enum err patch_plan(struct cx *cx, void *in, void *out);
enum err patch_apply(struct cx *cx, void *in, void *out);
enum err patch_replay(struct cx *cx, int64_t id, void *out);

extern const struct shape identity_gone_shape;
enum err identity_gone(struct cx *cx, void *in, void *out);
enum err identity_state_put(struct cx *cx, identity_id id, int state, struct change_by *by) MUST_USE;
enum err identity_undo(struct cx *cx, const struct history_row *h, struct change_by *by) MUST_USE;
enum err identity_state_undo(struct cx *cx, const struct history_row *h, struct change_by *by) MUST_USE;
extern const struct shape identity_in_shape, identity_patch_shape, mark_in_shape, mark_gone_shape,
    address_in_shape, holding_in_shape, relation_in_shape, note_in_shape, proposal_in_shape;
enum err part_plan(struct cx *cx, void *in, void *out);
enum err identity_plan(struct cx *cx, void *in, void *out);
enum err identity_apply(struct cx *cx, void *in, void *out);
enum err identity_replay(struct cx *cx, int64_t id, void *out);
enum err identity_patch(struct cx *cx, void *in, void *out);
/* Who may give a mark may take it away, and take either back. */
enum err mark_may(struct cx *cx, int mark) MUST_USE;
enum err mark_plan(struct cx *cx, void *in, void *out);
enum err mark_apply(struct cx *cx, void *in, void *out);
enum err mark_gone_plan(struct cx *cx, void *in, void *out);
enum err mark_gone_apply(struct cx *cx, void *in, void *out);
enum err address_plan(struct cx *cx, void *in, void *out);
enum err address_apply(struct cx *cx, void *in, void *out);
enum err address_replay(struct cx *cx, int64_t id, void *out);
enum err address_patch(struct cx *cx, void *in, void *out);
enum err holding_plan(struct cx *cx, void *in, void *out);
enum err holding_apply(struct cx *cx, void *in, void *out);
enum err holding_replay(struct cx *cx, int64_t id, void *out);
enum err holding_patch(struct cx *cx, void *in, void *out);
enum err relation_replay(struct cx *cx, int64_t id, void *out);
enum err relation_patch(struct cx *cx, void *in, void *out);
extern const struct shape address_patch_shape, holding_patch_shape, relation_patch_shape;
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

extern const struct shape confirm_in_shape;
enum err confirm_plan(struct cx *cx, void *in, void *out);
enum err confirm_apply(struct cx *cx, void *in, void *out);

struct person_row {
    struct relation relation;
    str reading;
};
extern const struct shape people_in_shape, people_out_shape, tasks_in_shape;
enum err route_people(struct cx *cx, void *in, void *out);
enum err route_customer_tasks(struct cx *cx, void *in, void *out);
