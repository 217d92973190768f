/* History of changes: each leaves both values, can be taken back while nothing moved since, and a
 * batch goes back slice by slice. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/customer/inside.h"

struct step {
    enum err (*fn)(struct cx *cx, struct step *s);
    customer_id customer;
    str field, value;
    history_id undo;
    struct change_by by;
    struct undo_tally tally;
    int64_t position;
};

static enum err step_apply(struct cx *cx, void *state)
{
    struct step *s = state;
    return s->fn(cx, s);
}
static enum err go(struct test_world *w, struct step *s)
{
    w->cx.now_ms++;
    return db_change(w->store, &w->cx, LANE_INTERACTIVE, step_apply, s);
}

static enum err add(struct cx *cx, struct step *s)
{
    struct customer_new c = {.id = s->customer, .name = s->value};
    c.keys = customer_keys(cx->arena, s->value, S(""), S(""), S(""));
    return customer_add(cx, &c);
}
static customer_id made(struct test_world *w, str name)
{
    struct step s = {.fn = add, .customer = {id_new(w->cx.now_ms)}, .value = name};
    assert_int_equal(go(w, &s), OK);
    return s.customer;
}

static enum err set_text(struct cx *cx, struct step *s)
{
    struct customer now, next;
    TRY(customer_get(cx, s->customer, &now));
    next = now;
    assert_true(customer_text_set(&next, s->field, s->value));
    return customer_change(cx, &now, &next, NULL, &s->by);
}
static history_id set(struct test_world *w, customer_id c, str field, str value, int64_t batch)
{
    struct step s = {
        .fn = set_text, .customer = c, .field = field, .value = value, .by = {.batch = batch}};
    assert_int_equal(go(w, &s), OK);
    return s.by.made;
}

static enum err undo_step(struct cx *cx, struct step *s)
{
    return history_undo(cx, s->undo, &s->by);
}
static enum err undo(struct test_world *w, history_id id)
{
    struct step s = {.fn = undo_step, .undo = id};
    return go(w, &s);
}

static enum err undo_slice(struct cx *cx, struct step *s)
{
    return history_undo_batch_slice(cx, 77, 2, &s->position, &s->tally);
}

static enum err put_tag(struct cx *cx, struct step *s)
{
    return tag_put(cx, s->customer, s->value, &s->by);
}

static struct customer read_back(struct test_world *w, customer_id c)
{
    struct customer now;
    assert_int_equal(customer_get(&w->cx, c, &now), OK);
    return now;
}

static size_t rows_of(struct test_world *w, customer_id c, struct list *rows)
{
    assert_int_equal(db_all(&w->cx, &q_history_page, &history_line_row_shape, rows,
                            ARGS(V(c), V(INT64_MAX), V(100))),
                     OK);
    struct history_line *l = rows->items;
    for (size_t i = 0; i < rows->n; i++) {
        assert_str(l[i].row.new, S("")); /* nothing of it stands in the row itself */
        history_row_open(&w->cx, &l[i].row);
    }
    return rows->n;
}

static void a_change_leaves_both_values_and_goes_back(void **state)
{
    struct test_world *w = *state;
    customer_id c = made(w, S("Ann Lee"));
    struct list rows;

    history_id h = set(w, c, S("city"), S("Osaka"), 0);
    assert_int_equal(rows_of(w, c, &rows), 1);
    const struct history_line *r = rows.items;
    assert_str(r[0].row.field, S("city"));
    assert_str(r[0].row.old, S(""));
    assert_str(r[0].row.new, S("Osaka"));

    assert_int_equal(undo(w, h), OK);
    assert_str(read_back(w, c).city, S(""));
    assert_int_equal(rows_of(w, c, &rows), 2);
    r = rows.items;
    assert_str(r[0].row.source, S("undo"));
    assert_int_equal(r[1].row.undone_by, r[0].row.id.v);
    assert_int_equal(undo(w, h), ERR_CONFLICT);
    assert_int_equal(undo(w, r[0].row.id), OK); /* taking back the taking back */
    assert_str(read_back(w, c).city, S("Osaka"));
}

static void what_moved_since_is_not_taken_back_and_both_values_are_told(void **state)
{
    struct test_world *w = *state;
    customer_id c = made(w, S("Ann Lee"));
    history_id h = set(w, c, S("city"), S("Osaka"), 0);
    (void)set(w, c, S("city"), S("Kyoto"), 0);

    assert_int_equal(undo(w, h), ERR_CONFLICT);

    str said = fault_text(w->cx.arena, LANG_EN, &w->cx.why);
    assert_true(str_find(said, S("Kyoto")) >= 0 && str_find(said, S("Osaka")) >= 0);
    assert_str(read_back(w, c).city, S("Kyoto"));
}

static void a_change_of_nothing_writes_nothing(void **state)
{
    struct test_world *w = *state;
    customer_id c = made(w, S("Ann Lee"));
    int64_t version = read_back(w, c).version;
    struct list rows;

    assert_int_equal(set(w, c, S("name"), S("Ann Lee"), 0).v, 0);

    assert_int_equal(read_back(w, c).version, version);
    assert_int_equal(rows_of(w, c, &rows), 0);
}

static void a_name_taken_back_is_found_again_by_its_keys(void **state)
{
    struct test_world *w = *state;
    customer_id c = made(w, S("Ann Lee"));
    history_id h = set(w, c, S("name"), S("Maria Silva"), 0);
    assert_int_equal(undo(w, h), OK);

    struct str_list keys = customer_keys(w->cx.arena, S("Ann Lee"), S(""), S(""), S(""));
    for (size_t i = 0; i < keys.n; i++) {
        int64_t n = 0;
        assert_int_equal(db_int(&w->cx, &q_customer_key_has, &n, ARGS(V(keys.items[i]), V(c))), OK);
        assert_int_equal(n, 1);
    }
}

static void a_batch_goes_back_slice_by_slice_and_counts_what_moved(void **state)
{
    struct test_world *w = *state;
    customer_id c[5];
    for (size_t i = 0; i < 5; i++) {
        c[i] = made(w, S("Ann Lee"));
        (void)set(w, c[i], S("city"), S("Osaka"), 77);
    }
    (void)set(w, c[2], S("city"), S("Kyoto"), 0);
    struct step tag = {.fn = put_tag, .customer = c[0], .value = S("Fair"), .by = {.batch = 77}};
    assert_int_equal(go(w, &tag), OK);

    struct step s = {.fn = undo_slice};
    int slices = 0;
    do {
        assert_int_equal(go(w, &s), OK);
        assert_true(++slices < 10);
    } while (!s.tally.is_finished);

    assert_int_equal(slices, 4);
    assert_int_equal(s.tally.undone, 5);
    assert_int_equal(s.tally.moved, 1);
    for (size_t i = 0; i < 5; i++)
        assert_str(read_back(w, c[i]).city, i == 2 ? S("Kyoto") : S(""));
}

static void tags_are_one_whatever_their_case(void **state)
{
    struct test_world *w = *state;
    customer_id c = made(w, S("Ann Lee"));
    struct step a = {.fn = put_tag, .customer = c, .value = S("Fair 2026")},
                b = {.fn = put_tag, .customer = c, .value = S("ＦＡＩＲ  2026 ")};
    struct list tags;

    assert_int_equal(go(w, &a), OK);
    assert_int_equal(go(w, &b), OK);
    assert_int_equal(b.by.made.v, 0);

    assert_int_equal(db_all(&w->cx, &q_tag_of_customer, &tag_row_shape, &tags, ARGS(V(c))), OK);
    assert_int_equal(tags.n, 1);
    assert_str(((struct tag *)tags.items)->name, S("Fair 2026"));
    assert_int_equal(undo(w, a.by.made), OK);
    assert_int_equal(db_all(&w->cx, &q_tag_of_customer, &tag_row_shape, &tags, ARGS(V(c))), OK);
    assert_int_equal(tags.n, 0);
}

/* ---- custom attributes ---------------------------------------------------------------------- */

static struct attr_def defined(struct test_world *w, str code, int type, str choices)
{
    struct attr_def d = {.id = {id_new(w->cx.now_ms)},
                         .code = code,
                         .label = code,
                         .type = type,
                         .is_active = true,
                         .choices_json = choices};
    struct list one = {&d, 1};
    assert_int_equal(attr_defs_finish(&w->cx, &one), OK);
    return d;
}

static enum err def_add(struct cx *cx, void *state)
{
    const struct attr_def *d = state;
    return db_run(cx, &q_attr_def_insert,
                  ARGS(V(d->id), V(d->code), V(d->label), V(attr_type_codes[d->type]),
                       V(d->choices_json), V(0), V(cx->now_ms)));
}

static void values_are_read_by_their_type_or_refused(void **state)
{
    struct test_world *w = *state;
    static const struct {
        int type;
        const char *given, *text, *json; /* text NULL: refused */
        int64_t num;
    } cases[] = {
        {ATTR_NUMBER, "12.5", "12.5", "12.5", 12500},
        {ATTR_NUMBER, "-0.001", "-0.001", "-0.001", -1},
        {ATTR_NUMBER, "1.2345", NULL, NULL, 0},
        {ATTR_NUMBER, "1e5", NULL, NULL, 0},
        {ATTR_NUMBER, "9999999999999999999999", NULL, NULL, 0},
        {ATTR_NUMBER, "-", NULL, NULL, 0},
        {ATTR_NUMBER, "5.", NULL, NULL, 0},
        {ATTR_MONEY, "1234.5 EUR", "1234.50 EUR", "{\"amount\":123450,\"currency\":\"EUR\"}",
         123450},
        {ATTR_MONEY, "900 JPY", "900 JPY", "{\"amount\":900,\"currency\":\"JPY\"}", 900},
        {ATTR_MONEY, "9.5 JPY", NULL, NULL, 0},
        {ATTR_MONEY, "9.5", NULL, NULL, 0},
        {ATTR_DATE, "1970-01-02", "1970-01-02", "\"1970-01-02\"", 1},
        {ATTR_DATE, "1969-12-31", "1969-12-31", "\"1969-12-31\"", -1},
        {ATTR_DATE, "2026-02-30", NULL, NULL, 0},
        {ATTR_DATE, "31.01.2026", NULL, NULL, 0},
        {ATTR_YES_NO, "Yes", "yes", "true", 1},
        {ATTR_YES_NO, "maybe", NULL, NULL, 0},
        {ATTR_CHOICE, "RED", "Red", "\"Red\"", 0},
        {ATTR_CHOICE, "green", NULL, NULL, 0},
        {ATTR_CHOICES, "blue; red;blue", "Blue; Red", "[\"Blue\",\"Red\"]", 0},
        {ATTR_TEXT, " \xd8\xb4\xd9\x83\xd8\xb1\xd8\xa7 ", "\xd8\xb4\xd9\x83\xd8\xb1\xd8\xa7",
         "\"\xd8\xb4\xd9\x83\xd8\xb1\xd8\xa7\"", 0},
        {ATTR_TEXT, "a\x01z", NULL, NULL, 0},
        {ATTR_TEXT, "", "", "null", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool has_list = cases[i].type >= ATTR_CHOICE;
        struct attr_def d =
            defined(w, S("x"), cases[i].type, has_list ? S("[\"Red\",\"Blue\"]") : S("[]"));
        struct attr_value v, again;
        enum err e = attr_value_read(&w->cx, &d, str_of(cases[i].given), &v);
        if (!cases[i].text) {
            assert_int_equal(e, ERR_INVALID);
            continue;
        }
        assert_int_equal(e, OK);
        assert_str(attr_value_text(w->cx.arena, &d, &v), str_of(cases[i].text));
        assert_str(attr_value_json(w->cx.arena, &d, &v), str_of(cases[i].json));
        if (cases[i].num)
            assert_int_equal(v.row[0].num.v, cases[i].num);
        assert_int_equal(attr_value_read_json(&w->cx, &d, str_of(cases[i].json), &again), OK);
        assert_str(attr_value_text(w->cx.arena, &d, &again), str_of(cases[i].text));
    }
}

struct put {
    customer_id c;
    const struct attr_def *d;
    str text;
    struct change_by by;
};
static enum err put_apply(struct cx *cx, void *state)
{
    struct put *p = state;
    struct attr_value v;
    TRY(attr_value_read(cx, p->d, p->text, &v));
    p->by = (struct change_by){0};
    return attr_put(cx, p->c, p->d, &v, &p->by);
}

static void attributes_are_set_cleared_and_taken_back(void **state)
{
    struct test_world *w = *state;
    customer_id c = made(w, S("Ann Lee"));
    struct attr_def d = defined(w, S("colours"), ATTR_CHOICES, S("[\"Red\",\"Blue\",\"Green\"]"));
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, def_add, &d), OK);
    struct record r;

    struct put p = {.c = c, .d = &d, .text = S("red; blue")};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, put_apply, &p), OK);
    history_id first = p.by.made;
    w->cx.now_ms++;
    p.text = S("");
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, put_apply, &p), OK);
    history_id cleared = p.by.made;
    assert_int_equal(record_get(&w->cx, c, &r), OK);
    assert_int_equal(r.attributes.n, 1);
    assert_str(((struct attribute *)r.attributes.items)->value, S("null"));

    assert_int_equal(undo(w, first), ERR_CONFLICT); /* cleared since */
    assert_int_equal(undo(w, cleared), OK);
    assert_int_equal(record_get(&w->cx, c, &r), OK);
    assert_str(((struct attribute *)r.attributes.items)->value, S("[\"Blue\",\"Red\"]"));
}

/* ---- merged records -------------------------------------------------------------------------- */

static enum err merge(struct cx *cx, void *state)
{
    const customer_id *both = state;
    str sql = arena_printf(cx->arena, "UPDATE customer SET root_id = %lld WHERE id = %lld",
                           (long long)both[0].v, (long long)both[1].v);
    struct query *q = ARENA_NEW(cx->arena, struct query);
    *q = (struct query){.name = "m", .sqlite = sql.ptr, .postgres = sql.ptr, .writes = true};
    return db_run(cx, q, NO_ARGS);
}

static void a_merged_record_has_one_history_and_the_roots_own_values(void **state)
{
    struct test_world *w = *state;
    customer_id both[2] = {made(w, S("Ann Lee")), made(w, S("A. Lee"))};
    struct attr_def d = defined(w, S("size"), ATTR_NUMBER, S("[]"));
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, def_add, &d), OK);
    for (int i = 0; i < 2; i++) {
        struct put p = {.c = both[i], .d = &d, .text = i ? S("7") : S("5")};
        assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, put_apply, &p), OK);
        w->cx.now_ms++;
        (void)set(w, both[i], S("city"), i ? S("Kyoto") : S("Osaka"), 0);
        struct step tag = {.fn = put_tag, .customer = both[i], .value = S("Fair")};
        assert_int_equal(go(w, &tag), OK);
    }
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, merge, both), OK);

    struct record r;
    assert_int_equal(record_get(&w->cx, both[1], &r), OK);
    assert_int_equal(r.customer.id.v, both[0].v);
    assert_str(((struct attribute *)r.attributes.items)->value, S("5"));
    assert_int_equal(r.tags.n, 1);

    struct {
        customer_id id;
        int64_t limit;
        str cursor;
    } in = {.id = both[1], .limit = 2};
    size_t seen = 0;
    int64_t last = INT64_MAX;
    do {
        struct page_out page = {0};
        assert_int_equal(route_history(&w->cx, &in, &page), OK);
        const struct history_line *l = page.items.items;
        for (size_t i = 0; i < page.items.n; i++, seen++) {
            assert_true(l[i].row.id.v < last);
            last = l[i].row.id.v;
        }
        in.cursor = page.next;
    } while (in.cursor.len);
    assert_int_equal(seen, 6);
}

static void of_the_last_words_a_refusal_stands_above_a_consent(void **state)
{
    struct test_world *w = *state;
    struct consent said[] = {
        {.id = {5}, .purpose = CONSENT_EMAIL, .state = CONSENT_GIVEN, .at = {900}},
        {.id = {4}, .purpose = CONSENT_EMAIL, .state = CONSENT_WITHDRAWN, .at = {800}},
        {.id = {3}, .purpose = CONSENT_SMS, .state = CONSENT_GIVEN, .at = {700}},
        {.id = {2}, .purpose = CONSENT_SMS, .state = CONSENT_GIVEN, .at = {600}},
        {.id = {1}, .purpose = CONSENT_POST, .state = CONSENT_REFUSED, .at = {500}},
        {.id = {6}, .purpose = CONSENT_POST, .state = CONSENT_WITHDRAWN, .at = {400}},
    };
    struct list rows = {said, COUNT(said)}, stands = consents_settle(w->cx.arena, &rows);
    const struct consent *c = stands.items;
    assert_int_equal(stands.n, 3);
    assert_int_equal(c[0].id.v, 4);
    assert_int_equal(c[1].id.v, 3);
    assert_int_equal(c[2].id.v, 1);
}

static void one_thing_is_asked_and_nothing_while_something_is_late(void **state)
{
    struct test_world *w = *state;
    struct cx *cx = &w->cx;
    int64_t day = 24 * 3600 * 1000;
    struct customer c = {
        .id = {1}, .name = S("Ann"), .lang = S("en"), .created_at = {cx->now_ms - 400 * day}};
    struct identity id[] = {
        {.id = {11},
         .type = IDENTITY_EMAIL,
         .state = IDENTITY_CONFIRMED,
         .value = S("a@x.example"),
         .source = S("email"),
         .first_at = {cx->now_ms - 900 * day},
         .last_at = {cx->now_ms - 1 * day}},
        {.id = {12},
         .type = IDENTITY_PHONE,
         .state = IDENTITY_CLAIMED,
         .value = S("+442079460018"),
         .source = S("form"),
         .first_at = {cx->now_ms - 800 * day},
         .last_at = {cx->now_ms - 1 * day}},
    };
    struct fresh_row confirmed = {
        .field = S("name"), .source = S("staff"), .confirmed_at = {cx->now_ms - 10 * day}};
    struct list ids = {id, 2}, none = {0}, rows = {&confirmed, 1};

    struct list fresh = fresh_of(cx, &c, &ids, &none, &rows);
    const struct fresh *f = fresh.items;
    assert_int_equal(fresh.n, 4); /* name, lang, e-mail, phone */
    assert_false(f[0].is_old);    /* confirmed ten days ago */
    assert_true(f[1].is_old);     /* as old as the record */
    assert_false(f[2].is_old);    /* wrote yesterday from it */
    assert_true(f[3].is_old);     /* claimed only: a contact by it proves nothing */
    assert_str(ask_next(cx, &c, &ids, &fresh, false, false).field, S("address"));
    struct next_ask old = ask_next(cx, &c, &ids, &fresh, true, false);
    assert_str(old.field, S("phone"));
    assert_str(old.why, S("old"));
    assert_str(old.part, f[3].part);
    assert_int_equal(ask_next(cx, &c, &ids, &fresh, true, true).field.len, 0);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_change_leaves_both_values_and_goes_back),
        STORE_TEST(what_moved_since_is_not_taken_back_and_both_values_are_told),
        STORE_TEST(a_change_of_nothing_writes_nothing),
        STORE_TEST(a_name_taken_back_is_found_again_by_its_keys),
        STORE_TEST(a_batch_goes_back_slice_by_slice_and_counts_what_moved),
        STORE_TEST(tags_are_one_whatever_their_case),
        STORE_TEST(values_are_read_by_their_type_or_refused),
        STORE_TEST(attributes_are_set_cleared_and_taken_back),
        STORE_TEST(a_merged_record_has_one_history_and_the_roots_own_values),
        STORE_TEST(of_the_last_words_a_refusal_stands_above_a_consent),
        STORE_TEST(one_thing_is_asked_and_nothing_while_something_is_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
