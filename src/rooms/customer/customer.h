/* rooms/customer/customer.h - who we are dealing with.
 *
 * A customer is one person or company. A row keeps for ever the id it came in by; `root` says which record answers for it.
 * Every function that takes a customer_id takes any id of the record and answers for its root.
 * Memory: text in results lives in cx->arena.
 */
#pragma once
#include "base/person.h"
#include "db/event.h"
#include "net/route.h"

struct customer {
    customer_id id; /* the root */
    int kind;       /* enum customer_kind */
    str name, reading, given, family, patronymic, form_of_address, name_lang;
    str lang, time_zone, country, region, city, company, heard_of_us;
    staff_id owner;
    when created_at, changed_at;
    int64_t version;
};
enum customer_kind { CUSTOMER_PERSON, CUSTOMER_COMPANY };
extern const char *const customer_kind_codes[2];
extern const struct shape customer_shape;

enum identity_type { IDENTITY_PHONE, IDENTITY_EMAIL, IDENTITY_ACCOUNT, IDENTITY_CARD, IDENTITY_PAYMENT,
                     IDENTITY_SOCIAL, IDENTITY_COOKIE, IDENTITY_DEVICE, IDENTITY_EXTERNAL, IDENTITY_TYPE_N };
extern const char *const identity_type_codes[IDENTITY_TYPE_N];
enum identity_state { IDENTITY_CONFIRMED, IDENTITY_CLAIMED, IDENTITY_SHARED, IDENTITY_WRONG };
extern const char *const identity_state_codes[4];

struct identity {
    identity_id id;
    int type, state;
    str value, given, source;
    when first_at, last_at;
};
extern const struct shape identity_shape;

/* Normal form of a handle by its type; false: kept as given, never used to recognise. `reversed` for phones. */
bool identity_normal(struct arena *a, int type, str given, str region, str *value, str *reversed) MUST_USE;

/* The record that answers for this id, and all ids of it (root first, ascending; nearly always one). ERR_NOT_FOUND. */
enum err customer_root(struct cx *cx, customer_id any, customer_id *root, struct list *ids /* of int64_t */) MUST_USE;
enum err customer_get(struct cx *cx, customer_id id, struct customer *out) MUST_USE;

/* Who may own a handle. Owners are roots, without those marked wrong; shared ones are told. */
struct owner {
    customer_id customer;
    int64_t value_id;
    int state;
};
extern const struct shape owner_shape;
/* Owners of each of n normalised handles, in one round trip; list i holds struct owner. A phone without a direct
 * hit is sought by its trunk-stripped suffix. */
struct handle { int type; str value, reversed; struct list owners; };
enum err customer_owners(struct cx *cx, struct handle *handles, size_t n) MUST_USE;

/* Inside apply: makes a record, its name keys and standing row, audit and event. Only intake, import and POST /customers' own
 * route (which goes through intake_take) call it. */
struct customer_new {
    customer_id id; /* made by plan, so that apply may run again */
    int kind;
    str name, reading, given, family, patronymic, form_of_address, lang, time_zone, country, region, city, company, heard_of_us;
    struct name_keys keys;
};
enum err customer_add(struct cx *cx, const struct customer_new *c) MUST_USE;

/* Notes and tasks are served by this room's routes; calls make call-back tasks by this. Inside apply. */
struct task_new {
    task_id id;
    customer_id customer; /* 0: nobody known */
    const char *kind;     /* todo, call_back, promise */
    str title, phone;
    call_id call;
    int64_t priority;
    staff_id assignee;
    when due_at;
};
enum err task_add(struct cx *cx, const struct task_new *t) MUST_USE;

extern const struct room customer_room;
