/* rooms/customer/customer.h - who we are dealing with.
 *
 * A customer is one person or company. A row keeps for ever the id it came in by; `root` says which
 * record answers for it. Every function that takes a customer_id takes any id of the record and
 * answers for its root. Memory: text in results lives in cx->arena.
 */
#pragma once
#include "base/person.h"
#include "db/event.h"
#include "expr/expr.h"
#include "net/route.h"
#include "rooms/customer/texts.h"

/* People and records as answers name them: {id, name}, null when there is none. */
struct staff_ref {
    staff_id id;
    str name;
};
extern const struct shape staff_ref_shape;
struct customer_ref {
    customer_id id;
    str name, name_lang;
};
extern const struct shape customer_ref_shape;

struct customer {
    customer_id id; /* the root */
    int kind;       /* enum customer_kind */
#define X(m, ...) str m;
    CUSTOMER_TEXTS(X)
#undef X
    str name_lang;
    struct staff_ref owner;
    when created_at, changed_at;
    int64_t version;
};
enum customer_kind { CUSTOMER_PERSON, CUSTOMER_COMPANY };
extern const char *const customer_kind_codes[2];
extern const struct shape customer_shape;     /* JSON */
extern const struct shape customer_row_shape; /* the columns of customer_get */

enum identity_type {
    IDENTITY_PHONE,
    IDENTITY_EMAIL,
    IDENTITY_ACCOUNT,
    IDENTITY_CARD,
    IDENTITY_PAYMENT,
    IDENTITY_SOCIAL,
    IDENTITY_COOKIE,
    IDENTITY_DEVICE,
    IDENTITY_EXTERNAL,
    IDENTITY_TYPE_N
};
extern const char *const identity_type_codes[IDENTITY_TYPE_N];
enum identity_state { IDENTITY_CONFIRMED, IDENTITY_CLAIMED, IDENTITY_SHARED, IDENTITY_WRONG };
extern const char *const identity_state_codes[4];

/* value is empty for a malformed handle: kept as given, state wrong. national: a phone number as
 * people write it. */
struct identity {
    identity_id id;
    int type, state;
    str value, given, national, source;
    when first_at, last_at;
};
extern const struct shape identity_shape;

/* ---- handles --------------------------------------------------------------------------------- */

/* Who may own a handle. Owners are roots, without those marked wrong; shared ones are told. */
struct owner {
    customer_id customer; /* the root */
    customer_id via;      /* the id the handle came in by: rows of this contact keep it */
    int64_t value_id, value_version;
    int state;
    when last_at;
};
extern const struct shape owner_shape;

enum { OWNERS_MANY = 20, OWNERS_READ = 64 };
struct handle {
    int type;
    str value, reversed, shown; /* normal form; empty value: not usable by equality */
    str suffix; /* phone: its last digits backwards, to seek a trunk-stripped number */
    /* filled by customer_owners */
    struct list owners;              /* of struct owner: one for each root */
    int64_t value_id, value_version; /* 0: nobody ever had this handle */
    bool is_weak;                    /* more than OWNERS_MANY owners: recognises nobody */
    bool is_full;   /* OWNERS_READ owners: takes no more; further ones keep it as given */
    bool by_suffix; /* found by the end of the number only */
};
/* Normal form of a handle by its type; false: malformed (kept as given, never used to recognise; a
 * phone may still carry a suffix to seek by). */
bool handle_read(struct arena *a, int type, str given, str region, struct handle *out) MUST_USE;
/* The same, only the texts. `reversed` for phones. */
bool identity_normal(struct arena *a, int type, str given, str region, str *value, str *reversed)
    MUST_USE;
/* Owners of each of n handles, in one round trip; a phone without a direct hit is sought by its
 * suffix (a second one). */
enum err customer_owners(struct cx *cx, struct handle *handles, size_t n) MUST_USE;
/* The same; `more` are reads of the caller that go along in the first round trip. */
enum err customer_owners_and(struct cx *cx, struct handle *handles, size_t n, struct db_read *more,
                             size_t n_more) MUST_USE;

/* For who reads the rows himself: one owner for each root, of the best state and latest sight. */
void customer_owners_settle(struct handle *h, bool by_suffix);

/* Inside apply: gives a record a handle. The handle as plan saw it: ERR_STALE when its owners have
 * changed since. `id` is made by plan. A malformed or full handle is kept as given, by this record
 * alone. */
struct handle_new {
    const struct handle *handle; /* by customer_owners in plan; value empty: kept as given */
    identity_id id;
    int64_t value_id; /* made by plan; used when the handle is new to the house */
    int type, state;
    str given;
    const char *source;   /* channel code, or "staff" */
    customer_id customer; /* for customer_handles_give */
};
/* Several at once, sorted inside by (type, value): on PostgreSQL that order is the mutex of
 * recognition. */
enum err customer_handles_add(struct cx *cx, customer_id customer, struct handle_new *h, size_t n)
    MUST_USE;
/* The same for handles of several records, each with its `customer`; those of one value in the
 * order given. */
enum err customer_handles_give(struct cx *cx, struct handle_new *h, size_t n) MUST_USE;

/* ---- records -----------------------------------------------------------------------------------
 */

/* The record that answers for this id, and all ids of it (root first, then ascending; nearly always
 * one). ERR_NOT_FOUND. */
enum err customer_root(struct cx *cx, customer_id any, customer_id *root,
                       struct list *ids /* of int64_t */) MUST_USE;
/* Of some hundred records (in order) the ids of each, its own first; none where it answers for itself no more. */
enum err customers_ids(struct cx *cx, const int64_t *roots, size_t n, struct list *out /* n, of int64_t */) MUST_USE;
/* The same from rows of the query customer_ids, read by customer_ids_shape. */
extern const struct shape customer_ids_shape;
enum err customer_root_of(struct cx *cx, const struct list *rows, customer_id *root) MUST_USE;
enum err customer_ids_of(struct cx *cx, const struct list *rows, customer_id *root,
                         struct list *ids /* of int64_t */) MUST_USE;
enum err customer_get(struct cx *cx, customer_id id, struct customer *out) MUST_USE;
/* "ja", "zh", … for drawing the name: by its script, Han by the language spoken. */
str customer_name_lang(str name, str lang);

/* Inside apply: makes a record, its name keys and standing row, audit and event. Only intake,
 * import and POST /customers' own route (which goes through intake_take) call it. */
struct standing_change;
struct customer_new {
    customer_id id; /* made by plan, so that apply may run again */
    int kind;
#define X(m, ...) str m;
    CUSTOMER_TEXTS(X)
#undef X
    struct str_list keys; /* by customer_keys */
    const struct standing_change *first; /* what is counted of him at once; NULL: nothing yet */
};
enum err customer_add(struct cx *cx, const struct customer_new *c) MUST_USE;
/* The search keys of a record, each also with its last word in front (so that the start of either
 * name finds it), and its "same name" keys ('=…'); sorted, without duplicates. */
enum { CUSTOMER_KEYS_MAX = 2 * NAME_KEYS_MAX + 2 };
struct str_list customer_keys(struct arena *a, str name, str reading, str company, str country);
/* The "same name" keys alone, none for a record without a name: [0] with the country, [1] with the
 * company if there is one. */
struct str_list customer_same_keys(struct arena *a, str name, str company, str country);

/* The next n customers after *after, the keys of their names and the folded texts against the names themselves: those that
 * are wrong (struct list of int64_t). with_folded: the texts were filled. *after becomes 0 at the end. */
enum err customer_keys_check(struct cx *cx, int64_t *after, size_t n, bool with_folded, struct list *wrong) MUST_USE;
/* Inside apply: made anew. */
enum err customer_keys_mend(struct cx *cx, customer_id id) MUST_USE;
enum err customer_keys_add(struct cx *cx, customer_id c, struct str_list keys)
    MUST_USE; /* inside apply */

/* Refuses what no record may hold; `at` is the prefix of the member's name in the fault
 * ("claims."). Normalises country and language to their usual case. */
enum err customer_check(struct cx *cx, const char *at, str *lang, str *time_zone, str *country)
    MUST_USE;

/* The rules of the texts: each checks a value, trimmed of nothing, and puts it into its usual form.
 * `member` is named in the fault. */
enum err customer_rule_any(struct cx *cx, str member, str *value) MUST_USE;
enum err customer_rule_lang(struct cx *cx, str member, str *value) MUST_USE;
enum err customer_rule_zone(struct cx *cx, str member, str *value) MUST_USE;
enum err customer_rule_country(struct cx *cx, str member, str *value) MUST_USE;
enum err customer_rule_past(struct cx *cx, str member, str *value) MUST_USE; /* a day that was: 1990-01-31 */

struct address_new {
    address_id id;
    str kind, line, postal, city, region, country, source;
};
extern const char *const address_kind_codes[4];
enum err address_add(struct cx *cx, customer_id customer, const struct address_new *a)
    MUST_USE; /* inside apply */

/* kind reads from customer to other: works_at … Said before: only the role may be new, and *id is
 * that of then. Inside apply. */
enum relation_kind {
    RELATION_WORKS_AT,
    RELATION_BRANCH_OF,
    RELATION_RESELLS_FOR,
    RELATION_PARTNER_OF,
    RELATION_FAMILY,
    RELATION_REFERRED_BY,
    RELATION_N
};
extern const char *const relation_codes[RELATION_N];
struct relation_new {
    relation_id id; /* made by plan */
    customer_id customer, other;
    int kind;
    str role;
};
enum err relation_add(struct cx *cx, const struct relation_new *r, relation_id *id) MUST_USE;

/* Notes and tasks are served by this room's routes; calls make call-back tasks by this. Inside
 * apply. */
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
/* Inside apply: the record's open tasks of a lower priority get this one. */
enum task_priority { TASK_ORDINARY, TASK_HIGH, TASK_URGENT };
extern const char *const task_priority_codes[3];
enum err tasks_raise(struct cx *cx, customer_id root, int priority, int64_t *raised) MUST_USE;

/* ---- pages
 * ---------------------------------------------------------------------------------------- */

/* The common frame of lists: where a page begins. Sort and id are INT64_MAX on the first page.
 * Faults name `cursor`. */
enum err page_begin(struct cx *cx, const char *tag, int64_t *limit, str cursor, int64_t *sort,
                    int64_t *id) MUST_USE;

/* ---- lists filtered by whose a row is ------------------------------------------------------------ */

/* `where` of a list of orders, calls, tasks, members: a condition on the customer (whose.c). NULL: everybody's rows. */
struct whose;
/* Faults name `where`. */
enum err whose_read(struct cx *cx, str where, const struct whose **out) MUST_USE;
/* The tag of a cursor with the condition in it: a cursor of another filter is refused. */
const char *whose_tag(struct cx *cx, const char *tag, str where);
struct whose_rows {
    size_t size, customer; /* of a row; where in it the id (int64_t) of the record that answers stands, 0 for nobody */
    /* Up to n rows behind `after` (NULL: from where the page begins), in the list's order. */
    enum err (*read)(struct cx *cx, void *state, const void *after, int64_t n, struct list *out);
};
/* Up to `limit` rows that fit; *last: the row behind which the next page begins, NULL at the end. A page may be short, or
 * empty, and yet have a next one: so many rows were looked at. */
enum err whose_page(struct cx *cx, const struct whose *w, const struct whose_rows *r, void *state, int64_t limit,
                    struct list *out, const void **last) MUST_USE;
/* Takes those that do not fit out of the rows. */
enum err whose_keep(struct cx *cx, const struct whose *w, const struct whose_rows *r, struct list *rows) MUST_USE;
enum err whose_holds(struct cx *cx, const struct whose *w, customer_id root, bool *out) MUST_USE;
#define WHERE_FIELD(st) FIELD(st, where, .max_len = EXPR_TEXT_MAX, .doc = "A condition that the customer fulfils; pages may be short and have a next one")

#include "rooms/customer/parts.h" /* marks, addresses, notes, tasks …: rows and their JSON */
#include "rooms/customer/standing.h"
#include "rooms/customer/class.h"
#include "rooms/customer/history.h"
#include "rooms/customer/attr.h"
#include "rooms/customer/fresh.h"

/* What conditions may ask (attributes.c); the second gives the company's own attributes. */
extern const struct expr_table customer_attributes;
enum err customer_attributes_more(struct cx *cx, struct expr_table *out) MUST_USE;

extern const struct job_kind customer_fold_job; /* folded texts of records from before they had them */
extern const struct room customer_room;
