/* expr/expr.h - the one language for conditions on customers: segments, rules, filters of lists.
 *
 * text or JSON tree -> expr_parse, expr_read_tree -> struct expr -> expr_check (names, types, cost) -> expr_plan (now,
 * today and the base currency settled) -> expr_sql (all customers), expr_holds (one in memory), expr_trace (why).
 * All three choose the same customers. What can be wrong is found by expr_parse and expr_check; after that nothing fails.
 *
 * Unknown values: a comparison with one is false; `not` is the full complement.
 * Memory: everything lives in cx->arena. docs/expressions.md says the language to its users.
 *
 * A list that filters by a person's condition:
 *   struct made_text m = made_begin(cx);
 *   made_sql(&m, "SELECT s.customer_id FROM standing s JOIN customer c ON c.id = s.customer_id WHERE c.root_id = c.id AND ");
 *   TRY(expr_where(cx, &world, where, &m, NULL));
 *   made_sql(&m, " ORDER BY …");
 */
#pragma once
#include "db/db.h"

enum { EXPR_TEXT_MAX = 8192, EXPR_DEPTH_MAX = 16, EXPR_LEAVES_MAX = 200, EXPR_VALUES_MAX = 400, EXPR_TERMS_MAX = 16 };

/* ---- the catalogue of attributes ------------------------------------------------------------- */

enum expr_type { EXPR_YES_NO, EXPR_NUMBER, EXPR_MONEY, EXPR_TIME, EXPR_DAY, EXPR_TEXT, EXPR_CHOICE, EXPR_TYPE_N };
extern const char *const expr_type_codes[EXPR_TYPE_N]; /* "yes_no", "number", … */
/* What a look at it costs: a column of standing (s), a column of the record (c), rows of another table. */
enum expr_cost { EXPR_COLUMN, EXPR_RECORD, EXPR_SCAN, EXPR_COST_N };
extern const char *const expr_cost_codes[EXPR_COST_N];
/* How the store writes "not known". */
enum expr_unknown { EXPR_NEVER, EXPR_NULL, EXPR_ZERO, EXPR_EMPTY }; /* EXPR_NULL wants an optional field */
/* The form in which texts are stored and compared: text_fold(), as they are, in capitals, in small letters (ASCII). */
enum expr_form { EXPR_FOLDED, EXPR_AS_IS, EXPR_UPPER, EXPR_LOWER };

/* What is loaded of one customer: a struct, or a list of structs, by one query with the parameter :customer (the id of
 * the record that answers). */
struct expr_part {
    const char *name;
    const struct shape *shape;
    const struct query *load;
    bool is_list;
    /* The same rows of many customers, in their order, by {{ints}} :customers, and where in the struct the id (int64_t)
     * stands. NULL: each is read by itself. Not for lists. */
    const struct query *load_many;
    size_t id_at;
};
struct expr_collection;
struct expr_attr {
    const char *name;  /* as written in expressions: lower_case_words, parts by points */
    uint16_t label;    /* message: what it is, for people; argument `days` */
    str title;         /* instead: the company's own label */
    uint16_t days;     /* of a window */
    uint8_t type, cost, unknown, form;
    uint8_t scale;     /* number: stored as that many decimals without the point; money is always minor units */
    const char *const *choices; /* codes of a choice */
    size_t n_choices;
    uint32_t may;      /* roles that may use it; 0: all */
    /* One accessor in C: the field of that name in the part's struct, or a number worked out of it (false: not known) … */
    const struct expr_part *part;
    const char *field;
    bool (*get)(const void *part, double *out);
    /* … and one form in SQL, over standing s, and with EXPR_RECORD the customer c (the record that answers); in a row of a collection over
     * the names of its `from`. sql_postgres where the engines differ. */
    const char *sql, *sql_postgres;
    /* The value stands in a row that not everybody has; without it, it is 0, or not known. Then who asks of everybody goes
     * through those rows alone: "trait t", "t.customer_id", "t.questions". NULL: not offered. */
    const char *aside_from, *aside_own, *aside_sql;
    /* The field of the part with the time (ms) at which the value may change by itself; 0 in it: never. */
    const char *due;
    /* Several values (tags, phones): the field `field` of the rows of this collection; a comparison asks whether one of
     * them answers it. The members above from type on are then those of the row there. */
    const struct expr_collection *of;
    int64_t key;  /* only rows with this key, where the collection has keys */
    str key_text; /* and this one, when not empty (the currency of money) */
    /* For the interface: under which heading it stands ("record", "reach", "marks", "contacts", "money", "own"); what the words
     * of its choices begin with ("activity."); values that it offers: a code ("country", "language", "colleague", "tag", "payment"), or these. */
    const char *group, *choice_label, *offers;
    struct str_list values;
};
/* Rows of a customer: `any orders [total > 100] within 30d`, `count(interactions)`. */
struct expr_collection {
    const char *name;
    uint16_t label;
    uint32_t may;
    const struct expr_part *part;
    const char *from;             /* "interaction i JOIN customer r ON r.id = i.customer_id" */
    const char *root;             /* the record that answers for the row: "r.root_id" */
    const char *where;            /* more that must hold; NULL: nothing */
    /* The same rows from their own end, for counting everybody: the tables without the customer,
     * and whom a row belongs to by its own word ("interaction i", "i.customer_id"). NULL: not offered. */
    const char *from_own, *own;
    bool by_customer; /* an index of those tables begins with whose a row is and its time */
    const char *time_sql, *time_field; /* of a row, ms; NULL: windows are refused */
    const char *key_sql, *key_field, *key_text_sql, *key_text_field; /* the last: a text or a choice */
    const struct expr_attr *fields;
    size_t n;
};
/* Each room has its table; app/rooms.c lists them. */
struct expr_table {
    const struct expr_attr *attrs;
    size_t n;
    const struct expr_collection *const *collections;
    size_t n_collections;
};
/* What keeps a condition that names an attribute: a sentence part for people ("the segment “Idle”"). */
struct expr_user {
    str who;
};
struct expr_catalogue {
    const struct expr_table *const *tables;
    size_t n;
    /* Rows that stand in the store (custom attributes), into cx->arena; may be NULL. */
    enum err (*more)(struct cx *cx, struct expr_table *out);
    /* The text of a segment, ERR_NOT_FOUND when there is none; may be NULL. */
    enum err (*segment)(struct cx *cx, str name, str *text);
    /* Who uses an attribute; one function of each room that keeps conditions. */
    enum err (*const *users)(struct cx *cx, str attribute, struct list *out /* of struct expr_user */);
    size_t n_users;
};
extern const struct expr_catalogue house_catalogue; /* app/rooms.c */
/* The row of the collection behind an attribute of several values, else the attribute itself: its type, its choices. */
const struct expr_attr *expr_attr_value(const struct expr_attr *attr);
/* May the actor's role use it (`may` of an attribute or collection)? */
bool expr_may_use(const struct cx *cx, uint32_t may);

/* What an evaluation stands on; now is read once. */
struct expr_world {
    const struct expr_catalogue *catalogue;
    int64_t now_ms;
    str time_zone; /* of the business */
    currency base;
    str inside; /* the segment whose condition this is to become: leading back to it is a circle */
    /* Of a condition that stands already: who wrote it could use what it names, whoever reads it now. */
    bool is_stored;
};

/* ---- text and tree ------------------------------------------------------------------------------ */

struct expr;
/* Where and why a text is refused; cx->why holds the sentence. */
struct expr_trouble {
    size_t at;   /* characters before it in the text */
    str nearest; /* name that was perhaps meant, or empty */
};
/* ERR_INVALID with cx->why; `why` may be NULL. */
enum err expr_parse(struct cx *cx, str text, struct expr **out, struct expr_trouble *why) MUST_USE;
enum err expr_read_tree(struct cx *cx, str json, struct expr **out, struct expr_trouble *why) MUST_USE;
/* parse(text(tree)) is the same tree. */
str expr_text(struct arena *a, const struct expr *e);
void expr_write_tree(struct json_out *j, const struct expr *e);
str expr_tree(struct arena *a, const struct expr *e); /* as a text of its own */
/* The tree of a text that is kept, for who draws it as a sentence; empty when it is right no more. Tells no fault. */
str expr_tree_of(struct cx *cx, str text);
bool expr_is_same(const struct expr *a, const struct expr *b);

/* Does it name this attribute? */
bool expr_names(const struct expr *e, str attribute);
/* The same of a checked one, also inside the segments that it names. */
bool expr_leans_on(const struct expr *checked, str attribute);

/* Whoever takes an attribute out of use asks first who leans on it. */
enum err expr_users(struct cx *cx, const struct expr_catalogue *c, str attribute, struct list *out /* of struct expr_user */) MUST_USE;
/* Does it name this segment (text_fold of its name)? */
bool expr_names_segment(struct arena *a, const struct expr *e, str folded);

/* Finds every name, checks types, cost and what the actor's role may use. `text` is what was parsed (empty for a tree),
 * for the place of a fault. Free words are refused: expr_words takes them off first. */
enum err expr_check(struct cx *cx, const struct expr_world *w, str text, struct expr *e, struct expr_trouble *why) MUST_USE;
/* Does it compare, ask of rows or name a segment: more than words and names? */
bool expr_compares(const struct expr *e);
/* Takes the free words at the top (side by side, joined by and) off a parsed expression: *rest is what is left, NULL for
 * nothing. Words anywhere else stay and are refused by expr_check. To be called after expr_parse. */
enum err expr_words(struct cx *cx, const struct expr_world *w, struct expr *e, struct str_list *words, struct expr **rest) MUST_USE;

/* ---- evaluation ------------------------------------------------------------------------------------ */

struct expr_plan;
enum err expr_plan(struct cx *cx, const struct expr_world *w, const struct expr *checked, struct expr_plan **out) MUST_USE;

/* Adds the condition, in brackets, over standing s and the customer c that answers (c.id = s.customer_id). */
void expr_sql(const struct expr_plan *p, struct made_text *m);
/* The same for who counts or lists everybody: rows of other tables are gathered once, not asked for each customer. */
void expr_sql_all(const struct expr_plan *p, struct made_text *m);
/* The same of records that none was merged into; of the others it knows their own rows only: they are asked by expr_sql. */
void expr_sql_own(const struct expr_plan *p, struct made_text *m);
/* What asking it of one customer costs: 1 for a column of the narrow table, 2 for one of the record, 8 for rows of another
 * table, 20 where those are added up. */
unsigned expr_cost(const struct expr_plan *p);
/* False: the condition looks at s alone, c need not be joined. */
bool expr_needs_customer(const struct expr_plan *p);
/* parse, check, plan, sql in one. */
enum err expr_where(struct cx *cx, const struct expr_world *w, str text, struct made_text *m,
                    struct expr_trouble *why) MUST_USE;

/* What stands at the top of a condition, joined by `and`: a list chooses by it which index to go by. */
struct expr_top {
    const struct expr_plan *plan;                    /* it alone */
    enum { TOP_OTHER, TOP_EQUAL, TOP_RANGE } how;    /* one column compared with a value, or with a range */
    const char *column;                              /* its SQL in the catalogue */
    bool is_rows;                                    /* of rows of another table: expr_sql_ids */
    str text;                                        /* TOP_EQUAL: the value, if it is a text … */
    int64_t number;                                  /* … or a whole number as stored */
};
/* Could the answer about somebody change with no event: today, now, a window, an attribute with a due time? */
bool expr_moves(const struct expr_plan *p);
size_t expr_tops(struct cx *cx, const struct expr_plan *p, struct expr_top *out, size_t max);
/* For a top with is_rows: SELECT DISTINCT … AS id, written from those rows, so that their index is used. */
void expr_sql_ids(const struct expr_plan *p, struct made_text *m);

/* One customer in memory: parts by their place in the plan. */
struct expr_subject {
    const void **parts; /* struct, or struct list */
    size_t n;
};
/* Reads what the plan needs, in one round trip. ERR_NOT_FOUND: no such record. */
enum err expr_load(struct cx *cx, const struct expr_plan *p, int64_t customer, struct expr_subject *out) MUST_USE;
/* Of many customers (ids in order) what several plans need, each part read once. */
struct expr_many;
/* Is all that it needs read by one statement for many customers (standing, the record, what is counted of them), not by rows of
 * each? Then many are quicker looked at in memory than asked for by SQL. */
bool expr_loads_many(const struct expr_plan *p);
enum err expr_load_many(struct cx *cx, const struct expr_plan *const *plans, size_t n_plans, const int64_t *ids, size_t n,
                        struct expr_many **out) MUST_USE;
bool expr_uses(const struct expr_plan *p, const struct expr_part *part);
/* This row of the i-th instead of the one that the store has. */
void expr_give(struct expr_many *m, const struct expr_part *part, size_t i, const void *row);
/* False: there is no such record. */
bool expr_one_of(const struct expr_many *m, const struct expr_plan *p, size_t i, struct expr_subject *out);
bool expr_holds(const struct expr_plan *p, const struct expr_subject *s);

struct expr_line {
    str text;        /* the leaf as written */
    str seen;        /* the value it saw; empty: not known */
    bool verdict;    /* of the leaf itself */
    when flip_at;    /* the earliest time at which it could change with no event; 0: never */
    const struct expr *from; /* the leaf itself */
};
struct expr_trace {
    bool holds;
    when flip_at;      /* of the answer */
    struct list lines; /* struct expr_line, in the order written */
};
extern const struct shape expr_trace_shape;
enum err expr_trace(struct cx *cx, const struct expr_plan *p, const struct expr_subject *s, struct expr_trace *out) MUST_USE;
