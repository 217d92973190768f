/* expr/expr_test.h - a world of its own for the tests of expr: tables, random customers with unknowns, random catalogues,
 * random conditions. */
#pragma once
#include "db/db_test.h"
#include "expr/expr.h"
#include "messages.h"

enum { PEOPLE = 48, ROWS_OF_ONE = 6 };

/* ---- tables ------------------------------------------------------------------------------ */

#define QUERY(id, np, is_write, lite, post) \
    static const struct query id = {        \
        .name = #id, .sqlite = (lite), .postgres = (post), .n_params = (np), .writes = (is_write)}
#define BOTH(id, np, is_write, text) QUERY(id, np, is_write, text, text)

#define S_COLUMNS "customer_id, n1, n2, z1, z2, m1, t1, t2, d1, y1, y2, w1, k1, due_ms"
QUERY(q_t_s, 0, true,
      "CREATE TABLE t_s (customer_id INTEGER PRIMARY KEY, n1 INTEGER, n2 INTEGER, z1 INTEGER NOT NULL, z2 INTEGER NOT NULL, m1 INTEGER, t1 INTEGER NOT NULL, t2 INTEGER, d1 INTEGER, y1 INTEGER NOT NULL, y2 INTEGER, w1 TEXT NOT NULL, k1 TEXT NOT NULL, due_ms INTEGER NOT NULL)",
      "CREATE TABLE t_s (customer_id BIGINT PRIMARY KEY, n1 BIGINT, n2 BIGINT, z1 BIGINT NOT NULL, z2 BIGINT NOT NULL, m1 BIGINT, t1 BIGINT NOT NULL, t2 BIGINT, d1 BIGINT, y1 BIGINT NOT NULL, y2 BIGINT, w1 TEXT COLLATE \"C\" NOT NULL, k1 TEXT COLLATE \"C\" NOT NULL, due_ms BIGINT NOT NULL)");
QUERY(q_t_c, 0, true, "CREATE TABLE t_c (id INTEGER PRIMARY KEY, w2 TEXT, w3 TEXT NOT NULL)",
      "CREATE TABLE t_c (id BIGINT PRIMARY KEY, w2 TEXT COLLATE \"C\", w3 TEXT COLLATE \"C\" NOT NULL)");
QUERY(q_t_r, 0, true,
      "CREATE TABLE t_r (customer_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, n INTEGER, m INTEGER NOT NULL, w TEXT NOT NULL, k TEXT NOT NULL, y INTEGER NOT NULL, t INTEGER NOT NULL, kind INTEGER NOT NULL, cur TEXT NOT NULL)",
      "CREATE TABLE t_r (customer_id BIGINT NOT NULL, at_ms BIGINT NOT NULL, n BIGINT, m BIGINT NOT NULL, w TEXT COLLATE \"C\" NOT NULL, k TEXT COLLATE \"C\" NOT NULL, y BIGINT NOT NULL, t BIGINT NOT NULL, kind BIGINT NOT NULL, cur TEXT COLLATE \"C\" NOT NULL)");
QUERY(q_t_s_in, 14, true, "INSERT INTO t_s VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
      "INSERT INTO t_s VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)");
QUERY(q_t_c_in, 3, true, "INSERT INTO t_c VALUES (?1,?2,?3)", "INSERT INTO t_c VALUES ($1,$2,$3)");
QUERY(q_t_r_in, 10, true, "INSERT INTO t_r VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
      "INSERT INTO t_r VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)");
QUERY(q_t_s_get, 1, false, "SELECT " S_COLUMNS " FROM t_s WHERE customer_id = ?1", "SELECT " S_COLUMNS " FROM t_s WHERE customer_id = $1");
QUERY(q_t_c_get, 1, false, "SELECT id, w2, w3 FROM t_c WHERE id = ?1", "SELECT id, w2, w3 FROM t_c WHERE id = $1");
#define R_COLUMNS "customer_id, at_ms, n, m, w, k, y, t, kind, cur"
QUERY(q_t_r_get, 1, false, "SELECT " R_COLUMNS " FROM t_r WHERE customer_id = ?1 LIMIT 1000",
      "SELECT " R_COLUMNS " FROM t_r WHERE customer_id = $1 LIMIT 1000");

struct t_s {
    int64_t customer_id;
    opt_int n1, n2;
    int64_t z1, z2;
    opt_int m1;
    when t1;
    opt_int t2, d1;
    bool y1;
    opt_int y2;
    str w1;
    int k1;
    int64_t due_ms;
};
struct t_c {
    int64_t id;
    opt_str w2;
    str w3;
};
struct t_r {
    int64_t customer_id;
    when at;
    opt_int n;
    int64_t m;
    str w;
    int k;
    bool y;
    when t;
    int64_t kind;
    str cur;
};
static const char *const t_codes[] = {"red", "green", "dark_blue"};
static const struct field t_s_fields[] = {
    FIELD(struct t_s, customer_id), FIELD(struct t_s, n1), FIELD(struct t_s, n2), FIELD(struct t_s, z1), FIELD(struct t_s, z2),
    FIELD(struct t_s, m1), FIELD(struct t_s, t1), FIELD(struct t_s, t2), FIELD(struct t_s, d1), FIELD(struct t_s, y1),
    FIELD(struct t_s, y2), FIELD(struct t_s, w1), FIELD_ENUM(struct t_s, k1, t_codes), FIELD(struct t_s, due_ms),
};
static const struct shape t_s_test = SHAPE("t_s", struct t_s, t_s_fields);
static const struct field t_c_fields[] = {FIELD(struct t_c, id), FIELD(struct t_c, w2), FIELD(struct t_c, w3)};
static const struct shape t_c_test = SHAPE("t_c", struct t_c, t_c_fields);
static const struct field t_r_fields[] = {
    FIELD(struct t_r, customer_id), FIELD_AS(struct t_r, at, "at_ms"), FIELD(struct t_r, n), FIELD(struct t_r, m), FIELD(struct t_r, w),
    FIELD_ENUM(struct t_r, k, t_codes), FIELD(struct t_r, y), FIELD(struct t_r, t), FIELD(struct t_r, kind), FIELD(struct t_r, cur),
};
static const struct shape t_r_test = SHAPE("t_r", struct t_r, t_r_fields);

static const struct expr_part s_part = {"s", &t_s_test, &q_t_s_get, false};
static const struct expr_part c_part = {"c", &t_c_test, &q_t_c_get, false};
static const struct expr_part r_part = {"r", &t_r_test, &q_t_r_get, true};

/* ---- the catalogue ------------------------------------------------------------------------- */

#define CHOICES .choices = t_codes, .n_choices = COUNT(t_codes)
static const struct expr_attr row_fields[] = {
    {.name = "at", .type = EXPR_TIME, .field = "at_ms", .sql = "r.at_ms"},
    {.name = "size", .type = EXPR_NUMBER, .unknown = EXPR_NULL, .scale = 3, .field = "n", .sql = "r.n"},
    {.name = "total", .type = EXPR_MONEY, .field = "m", .sql = "r.m"},
    {.name = "word", .type = EXPR_TEXT, .unknown = EXPR_EMPTY, .field = "w", .sql = "r.w"},
    {.name = "colour", .type = EXPR_CHOICE, .field = "k", .sql = "r.k", CHOICES},
    {.name = "open", .type = EXPR_YES_NO, .field = "y", .sql = "r.y"},
    {.name = "seen", .type = EXPR_TIME, .unknown = EXPR_ZERO, .field = "t", .sql = "r.t"},
};
static const struct expr_collection things = {
    .name = "things", .part = &r_part, .from = "t_r r", .root = "r.customer_id", .time_sql = "r.at_ms",
    .time_field = "at_ms", .fields = row_fields, .n = COUNT(row_fields),
};
/* The same rows as values by key. */
static const struct expr_collection values = {
    .name = "values", .part = &r_part, .from = "t_r r", .root = "r.customer_id", .key_sql = "r.kind",
    .key_field = "kind", .key_text_sql = "r.cur", .key_text_field = "cur", .fields = row_fields, .n = COUNT(row_fields),
};
static const struct expr_collection *const test_lists[] = {&things};

static inline bool share_of(const void *part, double *out)
{
    const struct t_s *s = part;
    if (s->z2 == 0)
        return false;
    *out = (double)s->z1 / (double)s->z2;
    return true;
}

#define OF_S .part = &s_part
static const struct expr_attr all_attrs[] = {
    {.name = "number", .type = EXPR_NUMBER, .unknown = EXPR_NULL, OF_S, .field = "n1", .sql = "s.n1"},
    {.name = "milli", .type = EXPR_NUMBER, .unknown = EXPR_NULL, .scale = 3, OF_S, .field = "n2", .sql = "s.n2"},
    {.name = "count_all", .type = EXPR_NUMBER, OF_S, .field = "z1", .sql = "s.z1"},
    {.name = "rank", .type = EXPR_NUMBER, .unknown = EXPR_ZERO, OF_S, .field = "z2", .sql = "s.z2"},
    {.name = "spent", .type = EXPR_MONEY, .unknown = EXPR_NULL, OF_S, .field = "m1", .sql = "s.m1"},
    {.name = "last_at", .type = EXPR_TIME, .unknown = EXPR_ZERO, OF_S, .field = "t1", .sql = "s.t1", .due = "due_ms"},
    {.name = "made_at", .type = EXPR_TIME, .unknown = EXPR_NULL, OF_S, .field = "t2", .sql = "s.t2"},
    {.name = "born", .type = EXPR_DAY, .unknown = EXPR_NULL, OF_S, .field = "d1", .sql = "s.d1"},
    {.name = "vip", .type = EXPR_YES_NO, OF_S, .field = "y1", .sql = "s.y1"},
    {.name = "agreed", .type = EXPR_YES_NO, .unknown = EXPR_NULL, OF_S, .field = "y2", .sql = "s.y2"},
    {.name = "city", .type = EXPR_TEXT, .unknown = EXPR_EMPTY, OF_S, .field = "w1", .sql = "s.w1"},
    {.name = "colour", .type = EXPR_CHOICE, OF_S, .field = "k1", .sql = "s.k1", CHOICES},
    {.name = "share", .type = EXPR_NUMBER, .unknown = EXPR_NULL, OF_S, .get = share_of,
     .sql = "(CAST(s.z1 AS DOUBLE PRECISION) / NULLIF(s.z2, 0))"},
    {.name = "email.domain", .type = EXPR_TEXT, .form = EXPR_LOWER, .cost = EXPR_RECORD, .unknown = EXPR_NULL, .part = &c_part, .field = "w2", .sql = "c.w2"},
    {.name = "country", .type = EXPR_TEXT, .form = EXPR_UPPER, .cost = EXPR_RECORD, .unknown = EXPR_EMPTY, .part = &c_part, .field = "w3", .sql = "c.w3"},
    {.name = "tag", .cost = EXPR_SCAN, .of = &values, .field = "word", .key = 1},
    {.name = "budget", .cost = EXPR_SCAN, .of = &values, .field = "total", .key = 2, .key_text = {"EUR", 3}},
    {.name = "attr.size", .cost = EXPR_SCAN, .of = &values, .field = "size", .key = 3},
    {.name = "visit_at", .cost = EXPR_SCAN, .of = &values, .field = "seen", .key = 1},
    {.name = "attr.ok", .cost = EXPR_SCAN, .of = &values, .field = "open", .key = 2},
    {.name = "liked", .cost = EXPR_SCAN, .of = &values, .field = "colour", .key = 3},
    {.name = "secret", .type = EXPR_NUMBER, .unknown = EXPR_NULL, OF_S, .field = "n1", .sql = "s.n1", .may = 1u << ROLE_RISK},
};
static const struct expr_table all_table = {all_attrs, COUNT(all_attrs), test_lists, COUNT(test_lists)};
static const struct expr_table *const all_tables[] = {&all_table};

static inline enum err test_segment(struct cx *cx, str name, str *text)
{
    (void)cx;
    static const struct {
        const char *name, *text;
    } known[] = {{"good", "vip and number > 2"}, {"better", "segment(good) or colour = red"},
                 {"round", "vip or segment(about)"}, {"about", "not segment(round)"}, {"broken", "nothing = 3"},
                 {"hidden", "vip or secret > 3"}};
    for (size_t i = 0; i < COUNT(known); i++)
        if (str_eq(name, str_of(known[i].name))) {
            *text = str_of(known[i].text);
            return OK;
        }
    return ERR_NOT_FOUND;
}
static const struct expr_catalogue all_catalogue = {all_tables, 1, NULL, test_segment};
/* 2026-11-22T06:30Z, in a zone with summer time */
static const struct expr_world all_world = {&all_catalogue, 1795329000000, {"Europe/Berlin", 13}, {"EUR"}};

/* ---- people ---------------------------------------------------------------------------------- */

struct people {
    struct t_s s[PEOPLE];
    struct t_c c[PEOPLE];
    struct t_r r[PEOPLE][ROWS_OF_ONE];
    size_t n_r[PEOPLE];
    uint64_t seed;
};

static inline int64_t dice(uint64_t *seed, int64_t n)
{
    return (int64_t)(test_random(seed) % (uint64_t)n);
}

static const char *const test_words[] = {"almaty", "tokyo", "東京", "münchen", "new york", "o'brien & co", "100%", "a", "strasse"};

static inline str some_word(uint64_t *seed)
{
    return str_of(test_words[dice(seed, COUNT(test_words))]);
}

/* An instant near now, often on the edge of a day. */
static inline int64_t some_time(uint64_t *seed)
{
    int64_t day = dice(seed, 45) - 40;
    int64_t start = when_of_day((int32_t)(when_day((when){all_world.now_ms}, all_world.time_zone) + day), all_world.time_zone).ms;
    int64_t offsets[] = {0, -1, 1, 3600000 * 7, 86399999};
    return dice(seed, 6) == 0 ? all_world.now_ms - dice(seed, 3) * 3600000 : start + offsets[dice(seed, 5)];
}

static inline opt_int perhaps(uint64_t *seed, int64_t v)
{
    return dice(seed, 4) == 0 ? (opt_int){0} : SOME_INT(v);
}

static inline void people_make(struct people *p, uint64_t seed)
{
    for (int i = 0; i < PEOPLE; i++) {
        uint64_t *x = &seed;
        p->s[i] = (struct t_s){
            .customer_id = i + 1,
            .n1 = perhaps(x, dice(x, 7) - 2),
            .n2 = perhaps(x, (dice(x, 9) - 3) * 500),
            .z1 = dice(x, 6),
            .z2 = dice(x, 5),
            .m1 = perhaps(x, (dice(x, 9) - 2) * 50),
            .t1 = {dice(x, 4) == 0 ? 0 : some_time(x)},
            .t2 = perhaps(x, some_time(x)),
            .d1 = perhaps(x, when_day((when){all_world.now_ms}, all_world.time_zone) - dice(x, 40)),
            .y1 = dice(x, 2),
            .y2 = perhaps(x, dice(x, 2)),
            .w1 = dice(x, 4) == 0 ? S("") : some_word(x),
            .k1 = (int)dice(x, 3),
            .due_ms = dice(x, 2) ? 0 : all_world.now_ms + dice(x, 100000000),
        };
        p->c[i] = (struct t_c){.id = i + 1, .w3 = dice(x, 3) == 0 ? S("") : dice(x, 2) ? S("DE") : S("NO")};
        if (dice(x, 3))
            p->c[i].w2 = SOME_STR(dice(x, 2) ? S("example.com") : S("mail.example"));
        p->n_r[i] = (size_t)dice(x, ROWS_OF_ONE + 1);
        for (size_t j = 0; j < p->n_r[i]; j++)
            p->r[i][j] = (struct t_r){
                .customer_id = i + 1,
                .at = {some_time(x)},
                .n = perhaps(x, (dice(x, 7) - 2) * 500),
                .m = (dice(x, 8) - 1) * 50,
                .w = dice(x, 4) == 0 ? S("") : some_word(x),
                .k = (int)dice(x, 3),
                .y = dice(x, 2),
                .t = {dice(x, 3) == 0 ? 0 : some_time(x)},
                .kind = 1 + dice(x, 3),
                .cur = dice(x, 3) ? S("EUR") : S("USD"),
            };
    }
}

static inline enum err people_apply(struct cx *cx, void *state)
{
    const struct people *p = state;
    TRY(db_run(cx, &q_t_s, NO_ARGS));
    TRY(db_run(cx, &q_t_c, NO_ARGS));
    TRY(db_run(cx, &q_t_r, NO_ARGS));
    for (int i = 0; i < PEOPLE; i++) {
        const struct t_s *s = &p->s[i];
        TRY(db_run(cx, &q_t_s_in, ARGS(V(s->customer_id), V(s->n1), V(s->n2), V(s->z1), V(s->z2), V(s->m1), V(s->t1), V(s->t2), V(s->d1),
                                       V(s->y1), V(s->y2), V(s->w1), V(t_codes[s->k1]), V(s->due_ms))));
        TRY(db_run(cx, &q_t_c_in, ARGS(V(p->c[i].id), V(p->c[i].w2), V(p->c[i].w3))));
        for (size_t j = 0; j < p->n_r[i]; j++) {
            const struct t_r *r = &p->r[i][j];
            TRY(db_run(cx, &q_t_r_in, ARGS(V(r->customer_id), V(r->at), V(r->n), V(r->m), V(r->w), V(t_codes[r->k]), V(r->y), V(r->t),
                                           V(r->kind), V(r->cur))));
        }
    }
    return OK;
}

/* ---- both ways of asking ------------------------------------------------------------------------ */

static inline struct expr_subject subject_of(struct arena *a, const struct expr_part *const *parts, size_t n, const struct people *p, size_t i)
{
    struct expr_subject s = {ARENA_ARRAY(a, n + 1, const void *), n};
    for (size_t k = 0; k < n; k++) {
        struct list *l = ARENA_NEW(a, struct list);
        *l = (struct list){(void *)(uintptr_t)p->r[i], p->n_r[i]};
        s.parts[k] = parts[k] == &s_part ? (const void *)&p->s[i] : parts[k] == &c_part ? (const void *)&p->c[i] : l;
    }
    return s;
}

struct id_row {
    int64_t id;
};
static const struct field id_row_fields[] = {FIELD(struct id_row, id)};
static const struct shape id_row_test = SHAPE("id_row", struct id_row, id_row_fields);

/* A bit for each of the people whom the store chooses. */
static inline uint64_t chosen_by_sql(struct cx *cx, const struct expr_plan *plan, bool by_sets, str *sql)
{
    struct made_text m = made_begin(cx);
    const struct query *q = NULL;
    struct list l = {0};
    uint64_t bits = 0;
    made_sql(&m, expr_needs_customer(plan) ? "SELECT s.customer_id FROM t_s s JOIN t_c c ON c.id = s.customer_id WHERE "
                                           : "SELECT s.customer_id FROM t_s s WHERE ");
    (by_sets ? expr_sql_all : expr_sql)(plan, &m);
    made_sql(&m, " ORDER BY s.customer_id LIMIT 1000");
    *sql = text_str(&m.sql);
    enum err e = made_query(cx, &m, "test", &q);
    if (e == OK)
        e = db_all(cx, q, &id_row_test, &l, made_args(&m));
    if (e != OK)
        fail_msg("not answered: " SFMT, SARG(*sql));
    for (size_t i = 0; i < l.n; i++)
        bits |= 1ULL << (((struct id_row *)l.items)[i].id - 1);
    return bits;
}

/* ---- random catalogues and conditions ------------------------------------------------------------- */

struct wild {
    struct arena *a;
    uint64_t seed;
    const struct expr_attr *attrs; /* in scope */
    size_t n;
    bool in_rows, has_lists;
    struct text *t;
};

static inline int64_t wd(struct wild *w, int64_t n)
{
    return dice(&w->seed, n);
}

static inline void say(struct wild *w, const char *s)
{
    text_add(w->t, str_of(s));
}

static inline enum expr_type type_of(const struct expr_attr *a)
{
    if (!a->of)
        return (enum expr_type)a->type;
    for (size_t i = 0; i < a->of->n; i++)
        if (strcmp(a->of->fields[i].name, a->field) == 0)
            return (enum expr_type)a->of->fields[i].type;
    return EXPR_TYPE_N;
}

/* Some of the attributes, in another order, with other names and costs. */
static inline struct expr_catalogue *wild_catalogue(struct arena *a, uint64_t *seed)
{
    struct expr_attr *attrs = ARENA_ARRAY(a, COUNT(all_attrs), struct expr_attr);
    size_t n = 0;
    for (size_t i = 0; i < COUNT(all_attrs); i++) {
        if (all_attrs[i].may || dice(seed, 4) == 0)
            continue;
        size_t at = (size_t)dice(seed, (int64_t)n + 1);
        attrs[n++] = attrs[at];
        attrs[at] = all_attrs[i];
        if (dice(seed, 2))
            attrs[at].name = arena_printf(a, "%s_%d", attrs[at].name, (int)dice(seed, 100) + 100 * (int)i).ptr;
    }
    if (n == 0)
        attrs[n++] = all_attrs[0];
    struct expr_table *table = ARENA_NEW(a, struct expr_table);
    const struct expr_table **tables = ARENA_ARRAY(a, 1, const struct expr_table *);
    struct expr_catalogue *c = ARENA_NEW(a, struct expr_catalogue);
    *table = (struct expr_table){attrs, n, test_lists, COUNT(test_lists)};
    tables[0] = table;
    *c = (struct expr_catalogue){tables, 1, NULL, NULL};
    return c;
}

static inline void wild_number(struct wild *w)
{
    static const char *const few[] = {"0", "1", "2", "-1", "3", "0.5", "0.501", "1.000", "2.5", "-0.5", "999999999999999", "1.2345"};
    say(w, few[wd(w, COUNT(few))]);
}

static inline void wild_money(struct wild *w)
{
    static const char *const few[] = {"0", "1", "2", "0.50", "1 EUR", "0.50 EUR", "-0.50 EUR", "1.5", "1EUR"};
    say(w, few[wd(w, COUNT(few))]);
}

static inline void wild_time(struct wild *w)
{
    static const char *const few[] = {"today", "now", "today - 1d", "today - 7d", "now - 24h", "now - 90min", "today + 3d", "2026-11-22",
                                      "2026-10-25", "2026-11-01", "today - 2w", "today - 1mo", "now - 7d"};
    say(w, few[wd(w, COUNT(few))]);
}

static inline void wild_day(struct wild *w)
{
    static const char *const few[] = {"today", "today - 1d", "today - 7d", "2026-11-01", "2026-11-22", "today - 1mo + 2d"};
    say(w, few[wd(w, COUNT(few))]);
}

static inline void wild_value(struct wild *w, enum expr_type type)
{
    static const char *const colours[] = {"red", "GREEN", "dark_blue", "\"red\""};
    static const char *const words[] = {"almaty", "Almaty", "\"New York\"", "東京", "München", "\"O'Brien & Co\"", "a", "STRASSE", "\"100%\"",
                                        "nowhere", "de", "NO", "Example.com", "\"\\\"\\\\\""};
    switch (type) {
    case EXPR_NUMBER:
        wild_number(w);
        break;
    case EXPR_MONEY:
        wild_money(w);
        break;
    case EXPR_TIME:
        wild_time(w);
        break;
    case EXPR_DAY:
        wild_day(w);
        break;
    case EXPR_CHOICE:
        say(w, colours[wd(w, COUNT(colours))]);
        break;
    case EXPR_YES_NO:
        say(w, wd(w, 2) ? "true" : "false");
        break;
    default:
        say(w, words[wd(w, COUNT(words))]);
    }
}

static inline void wild_condition(struct wild *w, int depth);

static inline void wild_rows(struct wild *w, const char *field)
{
    static const char *const windows[] = {"", "", " within 7d", " within 1d", " within 24h", " since 2026-11-01", " before today", " since today", " within 2w",
                                          " before 2026-11-20"};
    say(w, "things");
    if (field) {
        say(w, ".");
        say(w, field);
    }
    if (wd(w, 2)) {
        struct wild inner = *w;
        inner.attrs = row_fields;
        inner.n = COUNT(row_fields);
        inner.in_rows = true;
        say(w, " [");
        wild_condition(&inner, 2);
        w->seed = inner.seed;
        say(w, "]");
    }
    say(w, windows[wd(w, COUNT(windows))]);
}

static inline void wild_call(struct wild *w, enum expr_type *type)
{
    static const struct {
        const char *call, *field;
        enum expr_type type;
    } calls[] = {{"count(", NULL, EXPR_NUMBER},     {"sum(", "size", EXPR_NUMBER},  {"min(", "size", EXPR_NUMBER},      {"max(", "total", EXPR_MONEY},
                 {"avg(", "total", EXPR_MONEY},     {"avg(", "size", EXPR_NUMBER},  {"first(", "size", EXPR_NUMBER},    {"last(", "total", EXPR_MONEY},
                 {"distinct(", "word", EXPR_NUMBER}, {"max(", "at", EXPR_TIME},     {"min(", "seen", EXPR_TIME},        {"last(", "seen", EXPR_TIME},
                 {"distinct(", "colour", EXPR_NUMBER}, {"sum(", "total", EXPR_MONEY}, {"distinct(", "size", EXPR_NUMBER}};
    size_t i = (size_t)wd(w, COUNT(calls));
    *type = calls[i].type;
    say(w, calls[i].call);
    wild_rows(w, calls[i].field);
    say(w, ")");
}

static inline void wild_compare(struct wild *w, enum expr_type type)
{
    static const char *const measured[] = {" = ", " != ", " < ", " <= ", " > ", " >= "};
    static const char *const texts[] = {" = ", " != ", " ~ ", " ^= ", " $= "};
    int64_t form = wd(w, 10);
    bool is_measured = type == EXPR_NUMBER || type == EXPR_MONEY || type == EXPR_TIME || type == EXPR_DAY;
    if (form == 0 && is_measured) {
        say(w, " between ");
        wild_value(w, type);
        say(w, " and ");
        wild_value(w, type);
    } else if (form <= 2) {
        say(w, " in (");
        for (int64_t i = 0, n = wd(w, 12); i < n; i++) {
            say(w, i ? ", " : "");
            wild_value(w, type);
        }
        say(w, ")");
    } else {
        say(w, is_measured ? measured[wd(w, 6)] : type == EXPR_TEXT ? texts[wd(w, 5)] : texts[wd(w, 2)]);
        wild_value(w, type);
    }
}

/* Two attributes of one type, and a constant. */
static inline bool wild_sum(struct wild *w, const struct expr_attr *a)
{
    enum expr_type type = type_of(a);
    const struct expr_attr *b = &w->attrs[wd(w, (int64_t)w->n)];
    if (a->of || b->of || type_of(b) != type || (type != EXPR_NUMBER && type != EXPR_MONEY && type != EXPR_TIME && type != EXPR_DAY))
        return false;
    bool can_add = type == EXPR_NUMBER || type == EXPR_MONEY;
    static const char *const ops[] = {" = ", " != ", " < ", " <= ", " > ", " >= "};
    say(w, a->name);
    if (can_add && wd(w, 2)) {
        say(w, wd(w, 2) ? " + " : " - ");
        say(w, b->name);
        say(w, wd(w, 2) ? " + 1" : " - 0.5");
        say(w, ops[wd(w, 6)]);
        wild_value(w, type);
    } else {
        say(w, !can_add && wd(w, 2) ? " + 3d" : "");
        say(w, ops[wd(w, 6)]);
        say(w, b->name);
        say(w, !can_add && wd(w, 2) ? " - 1w" : "");
    }
    return true;
}

static inline void wild_leaf(struct wild *w)
{
    const struct expr_attr *a = &w->attrs[wd(w, (int64_t)w->n)];
    enum expr_type type = type_of(a);
    int64_t form = wd(w, 14);
    if (!w->in_rows && form == 0) {
        say(w, wd(w, 3) ? "any " : "no ");
        wild_rows(w, NULL);
        return;
    }
    if (!w->in_rows && form == 1) {
        wild_call(w, &type);
        if (wd(w, 8) == 0)
            say(w, wd(w, 2) ? " is known" : " is empty");
        else
            wild_compare(w, type);
        return;
    }
    if (form == 2 && wild_sum(w, a))
        return;
    if (form == 3) {
        static const char *const is[] = {" is known", " is empty", " is not known", " is not empty"};
        say(w, a->name);
        say(w, is[wd(w, 4)]);
        return;
    }
    if (form <= 6 && (type == EXPR_TIME || type == EXPR_DAY)) {
        say(w, "days_since(");
        say(w, a->name);
        say(w, ")");
        wild_compare(w, EXPR_NUMBER);
        return;
    }
    if (type == EXPR_YES_NO && wd(w, 2)) {
        say(w, a->name);
        return;
    }
    if (form == 7 && type == EXPR_NUMBER && !a->of) {
        wild_number(w);
        say(w, wd(w, 2) ? " < " : " >= ");
        say(w, a->name);
        return;
    }
    say(w, a->name);
    wild_compare(w, type);
}

static inline void wild_condition(struct wild *w, int depth)
{
    int64_t form = depth > 0 ? wd(w, 10) : 0;
    if (form < 4) {
        wild_leaf(w);
    } else if (form == 4) {
        say(w, "not ");
        say(w, "(");
        wild_condition(w, depth - 1);
        say(w, ")");
    } else {
        const char *by = form <= 7 ? " and " : " or ";
        for (int64_t i = 0, n = 2 + wd(w, 2); i < n; i++) {
            say(w, i ? by : "");
            say(w, "(");
            wild_condition(w, depth - 1);
            say(w, ")");
        }
    }
}
