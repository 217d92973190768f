/* rooms/customer/parts.h - what hangs on a customer; part of customer.h, which includes it. */
#pragma once

/* Who reads what was said about people. */
enum { MAY_READ_NOTES = MAY_SERVE | MAY(ROLE_RISK) | MAY(ROLE_PRIVACY) };

enum mark_kind { MARK_VIP, MARK_DO_NOT_CONTACT, MARK_BLOCKED };
extern const char *const mark_codes[3];
struct mark {
    int mark;
    str reason;
    struct staff_ref staff;
    when at;
};
struct address {
    address_id id;
    str kind, line, postal, city, region, country, source;
    when at;
};
struct holding {
    holding_id id;
    product_id product;
    str name, serial, plan, number;
    when until, at;
};
struct relation {
    relation_id id;
    struct customer_ref other;
    int other_kind;
    str other_lang, kind, role;
    when at;
    bool reads_back; /* kind reads from the other to this record */
};
struct note {
    note_id id;
    str text;
    bool is_cut; /* on the card: the text goes on */
    struct staff_ref staff;
    when at;
};
struct proposal {
    proposal_id id;
    customer_id customer;
    interaction_id interaction;
    str field, value, current, decision;
    when at, decided_at;
};
struct task {
    task_id id;
    str kind, title, phone;
    struct customer_ref customer;
    call_id call;
    int64_t priority;
    struct staff_ref assignee;
    when due_at, done_at, at;
    int64_t version;
};
struct tag {
    tag_id id;
    str name;
};
/* May a tag be named so? Trims it. */
enum err tag_check(struct cx *cx, str *name) MUST_USE;
enum { CUSTOMER_TAGS_MAX = 100 }; /* of one customer */
enum err tag_find(struct cx *cx, str name, struct tag *out) MUST_USE; /* ERR_NOT_FOUND, without a fault */
enum consent_purpose {
    CONSENT_EMAIL,
    CONSENT_SMS,
    CONSENT_PHONE,
    CONSENT_POST,
    CONSENT_PROFILING,
    CONSENT_PURPOSES
};
extern const char *const consent_purpose_codes[CONSENT_PURPOSES];
enum consent_state { CONSENT_GIVEN, CONSENT_REFUSED, CONSENT_WITHDRAWN };
extern const char *const consent_state_codes[3];
/* What the customer said about one purpose. */
struct consent {
    consent_id id;
    int purpose, state;
    str channel, source, proof;
    when at;
    struct staff_ref staff;
};
extern const struct shape consent_shape, consent_row_shape;
/* One for each purpose, of the last words of all ids of a record: a refusal of any of them stands
 * above what the others gave. */
struct list consents_settle(struct arena *a, const struct list *rows);
struct number_row {
    int64_t n;
};
extern const struct shape identity_row_shape, mark_shape, mark_row_shape, address_shape,
    address_row_shape, holding_shape, holding_row_shape, relation_shape, relation_row_shape,
    note_shape, note_row_shape, proposal_shape, proposal_row_shape, task_shape, task_row_shape,
    number_row_shape, tag_shape, tag_row_shape;

/* The value a proposal would replace; empty for handles and addresses. */
str customer_field(const struct customer *c, str field);
/* The newest rows of lists already in order (newest first), one list for each id of a record: at
 * most n. */
struct list newest_of(struct arena *a, struct list *lists, size_t n_lists, size_t size,
                      size_t at_offset, size_t id_offset, size_t n);

/* The relations of a record, both sides of each of its ids: two reads an id, to go along in a batch,
 * then merged in the order in which they were said; at most `most`. */
struct relation_reads {
    struct db_read *reads;
    struct list *lists;
    size_t n;
    int64_t most;
};
struct relation_reads relation_reads(struct cx *cx, struct list ids, int64_t most);
struct list relations_merge(struct arena *a, const struct relation_reads *r);
