/* Records and their parts: normal forms, keys, merged pairs, changes with a version, tasks in
 * order. */
#include "db/db_test.h"
#include "queries.h"
#include "rooms/customer/inside.h"

static struct customer_new person(struct test_world *w, str name)
{
    struct customer_new c = {.id = {id_new(w->cx.now_ms)}, .name = name};
    c.keys = customer_keys(w->cx.arena, name, S(""), S(""), S(""));
    return c;
}

static enum err add(struct cx *cx, void *c)
{
    return customer_add(cx, c);
}

static customer_id made(struct test_world *w, str name)
{
    struct customer_new c = person(w, name);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, add, &c), OK);
    return c.id;
}

static enum err run_query(struct cx *cx, void *q)
{
    return db_run(cx, q, NO_ARGS);
}

/* A route's plan and apply, as the gate runs them. */
struct call {
    enum err (*apply)(struct cx *cx, void *in, void *out);
    void *in, *out;
};
static enum err call_apply(struct cx *cx, void *state)
{
    struct call *c = state;
    return c->apply(cx, c->in, c->out);
}
static enum err run(struct test_world *w, const char *method_path, void *in, void *out)
{
    for (size_t i = 0; i < customer_room.n; i++) {
        const struct route *r = &customer_room.routes[i];
        str name = arena_printf(w->cx.arena, "%s %s", http_method_names[r->method], r->path);
        if (!str_eq(name, str_of(method_path)))
            continue;
        if (r->read)
            return r->read(&w->cx, in, out);
        if (r->plan) {
            enum err e = r->plan(&w->cx, in, out);
            if (e != OK)
                return e;
        }
        struct call c = {r->apply, in, out};
        return db_change(w->store, &w->cx, LANE_INTERACTIVE, call_apply, &c);
    }
    fail_msg("no route %s", method_path);
    return ERR_INTERNAL;
}

/* The input of a route from its JSON, the id of its path filled in. */
static void *input(struct test_world *w, const char *method_path, customer_id id, str json)
{
    for (size_t i = 0; i < customer_room.n; i++) {
        const struct route *r = &customer_room.routes[i];
        str name = arena_printf(w->cx.arena, "%s %s", http_method_names[r->method], r->path);
        if (!str_eq(name, str_of(method_path)))
            continue;
        void *in = arena_alloc(w->cx.arena, 1, r->in->size);
        enum err e = json_read(&w->cx, r->in, json, in, &w->cx.sent);
        if (e != OK)
            fail_msg(SFMT, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
        memcpy(in, &id, sizeof(id)); /* every input of a part begins with the id of its record */
        return in;
    }
    return NULL;
}

static void handles_have_one_normal_form(void **state)
{
    struct test_world *w = *state;
    static const struct {
        int type;
        const char *given, *region, *value;
    } cases[] = {
        {IDENTITY_PHONE, "+81 3-5550-0142", "", "+81355500142"},
        {IDENTITY_PHONE, "03-5550-0142", "JP", "+81355500142"},
        {IDENTITY_PHONE, "anonymous", "JP", ""},
        {IDENTITY_PHONE, "123", "JP", ""},
        {IDENTITY_PHONE, "+", "", ""},
        {IDENTITY_PHONE, "<script>", "GB", ""},
        {IDENTITY_EMAIL, " Ann@EXAMPLE.com ", "", "ann@example.com"},
        {IDENTITY_EMAIL, "ann", "", ""},
        {IDENTITY_EMAIL, "a@b@c", "", ""},
        {IDENTITY_SOCIAL, "Telegram:@Ann", "", "telegram:ann"},
        {IDENTITY_SOCIAL, "ann", "", ""},
        {IDENTITY_SOCIAL, ":ann", "", ""},
        {IDENTITY_ACCOUNT, " A-1 ", "", "A-1"},
        {IDENTITY_ACCOUNT, "!1!x", "", ""},
        {IDENTITY_COOKIE, "line\nfeed", "", ""},
        {IDENTITY_EXTERNAL, "", "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct handle h;
        bool good = handle_read(w->cx.arena, cases[i].type, str_of(cases[i].given),
                                str_of(cases[i].region), &h);
        assert_str(h.value, str_of(cases[i].value));
        assert_int_equal(good, cases[i].value[0] != '\0');
    }
}

static void a_local_number_leaves_its_end_to_seek_by(void **state)
{
    struct test_world *w = *state;
    struct handle h;

    assert_false(handle_read(w->cx.arena, IDENTITY_PHONE, S("(03) 5550-0142"), S(""), &h));
    assert_str(h.suffix, S("241005553"));
    assert_false(handle_read(w->cx.arena, IDENTITY_PHONE, S("555-12"), S(""), &h));
    assert_str(h.suffix, S(""));
    assert_true(handle_read(w->cx.arena, IDENTITY_PHONE, S("+81 3 5550 0142"), S(""), &h));
    assert_str(h.suffix, S(""));
}

static void keys_are_sorted_single_and_never_too_long_for_an_index(void **state)
{
    struct test_world *w = *state;
    str wide = {arena_alloc(w->cx.arena, 3, 500), 1500};
    for (size_t i = 0; i < 500; i++)
        memcpy((char *)wide.ptr + 3 * i, "田", 3);

    struct str_list keys = customer_keys(w->cx.arena, wide, S("たなか"), wide, S("JP"));

    assert_true(keys.n > 2);
    for (size_t i = 0; i < keys.n; i++) {
        assert_true(keys.items[i].len <= 300);
        assert_true(str_is_utf8(keys.items[i]));
        if (i)
            assert_true(str_cmp(keys.items[i - 1], keys.items[i]) < 0);
    }
    assert_int_equal(customer_keys(w->cx.arena, S(""), S(""), S("x"), S("JP")).n, 0);
}

static void a_merged_record_answers_by_either_id_with_the_parts_of_both(void **state)
{
    struct test_world *w = *state;
    customer_id a = made(w, S("Ann Lee")), b = made(w, S("A. Lee"));
    struct note n;
    for (int i = 0; i < 3; i++) {
        w->cx.now_ms += 1000;
        assert_int_equal(
            run(w, "POST /api/v1/customers/{id}/notes",
                input(w, "POST /api/v1/customers/{id}/notes", i % 2 ? a : b, S("{\"text\":\"x\"}")),
                &n),
            OK);
    }
    str sql = arena_printf(w->cx.arena, "UPDATE customer SET root_id = %lld WHERE id = %lld",
                           (long long)a.v, (long long)b.v);
    struct query *q = ARENA_NEW(w->cx.arena, struct query);
    *q = (struct query){.name = "m", .sqlite = sql.ptr, .postgres = sql.ptr, .writes = true};
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, run_query, q), OK);

    struct record by_a = {0}, by_b = {0};
    assert_int_equal(record_get(&w->cx, a, &by_a), OK);
    assert_int_equal(record_get(&w->cx, b, &by_b), OK);

    assert_int_equal(by_a.customer.id.v, a.v);
    assert_int_equal(by_b.customer.id.v, a.v);
    assert_int_equal(by_b.notes.n, 3);
    const struct note *notes = by_b.notes.items;
    assert_true(notes[0].at.ms > notes[1].at.ms && notes[1].at.ms > notes[2].at.ms);
    customer_id root;
    struct list ids;
    assert_int_equal(customer_root(&w->cx, b, &root, &ids), OK);
    assert_int_equal(ids.n, 2);
    assert_int_equal(((int64_t *)ids.items)[0], a.v);
}

#define PATCH "PATCH /api/v1/customers/{id}"

static void a_change_touches_only_what_was_sent_and_moves_the_version(void **state)
{
    struct test_world *w = *state;
    customer_id id = made(w, S("Ann Lee"));
    struct record r = {0};

    assert_int_equal(
        run(w, PATCH, input(w, PATCH, id, S("{\"city\":\"Leeds\",\"country\":\"gb\"}")), &r), OK);

    assert_str(r.customer.name, S("Ann Lee"));
    assert_str(r.customer.city, S("Leeds"));
    assert_str(r.customer.country, S("GB"));
    assert_int_equal(r.customer.version, 2);
}

static void a_change_of_an_older_version_is_refused(void **state)
{
    struct test_world *w = *state;
    customer_id id = made(w, S("Ann Lee"));
    struct record r = {0};
    assert_int_equal(run(w, PATCH, input(w, PATCH, id, S("{\"city\":\"Leeds\"}")), &r), OK);

    w->cx.if_match = 1;
    assert_int_equal(run(w, PATCH, input(w, PATCH, id, S("{\"city\":\"York\"}")), &r), ERR_STALE);
    w->cx.if_match = 2;
    assert_int_equal(run(w, PATCH, input(w, PATCH, id, S("{\"city\":\"York\"}")), &r), OK);

    assert_str(r.customer.city, S("York"));
}

static void a_new_name_is_found_and_the_old_one_no_more(void **state)
{
    struct test_world *w = *state;
    customer_id id = made(w, S("Ann Lee"));
    struct record r = {0};

    assert_int_equal(run(w, PATCH, input(w, PATCH, id, S("{\"name\":\"Анна Ли\"}")), &r), OK);

    struct query *q = ARENA_NEW(w->cx.arena, struct query);
    const char *sql = "SELECT count(*) FROM customer_key WHERE key LIKE '%ann lee%'";
    *q = (struct query){.name = "k", .sqlite = sql, .postgres = sql};
    int64_t n = -1;
    assert_int_equal(db_int(&w->cx, q, &n, NO_ARGS), OK);
    assert_int_equal(n, 0);
}

static void members_that_cannot_be_are_refused_by_name(void **state)
{
    struct test_world *w = *state;
    customer_id id = made(w, S("Ann Lee"));
    static const struct {
        const char *json, *field;
    } cases[] = {
        {"{\"country\":\"1A\"}", "country"},
        {"{\"lang\":\"x\"}", "lang"},
        {"{\"time_zone\":\"Moon\"}", "time_zone"},
        {"{\"owner\":\"stf_0000000000001\"}", "owner"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct record r = {0};
        assert_int_equal(run(w, PATCH, input(w, PATCH, id, str_of(cases[i].json)), &r),
                         ERR_INVALID);
        assert_str(w->cx.why.field, str_of(cases[i].field));
    }
}

static void only_a_manager_marks_a_vip_and_with_a_reason(void **state)
{
    struct test_world *w = *state;
    customer_id id = made(w, S("Ann Lee"));
    struct mark m;
    const char *post = "POST /api/v1/customers/{id}/marks";

    w->cx.actor = (struct actor){.kind = ACTOR_STAFF, .id = 1, .role = ROLE_OPERATOR};
    assert_int_equal(
        run(w, post, input(w, post, id, S("{\"mark\":\"vip\",\"reason\":\"friend\"}")), &m),
        ERR_DENIED);
    w->cx.actor.role = ROLE_MANAGER;
    assert_int_equal(
        run(w, post, input(w, post, id, S("{\"mark\":\"vip\",\"reason\":\"big orders\"}")), &m),
        OK);

    struct record r = {0};
    assert_int_equal(record_get(&w->cx, id, &r), OK);
    assert_int_equal(r.marks.n, 1);
    assert_str(((struct mark *)r.marks.items)->reason, S("big orders"));
}

static void a_malformed_handle_of_staff_is_refused_and_a_second_one_conflicts(void **state)
{
    struct test_world *w = *state;
    customer_id id = made(w, S("Ann Lee"));
    struct identity i;
    const char *post = "POST /api/v1/customers/{id}/identities";

    assert_int_equal(
        run(w, post, input(w, post, id, S("{\"type\":\"phone\",\"value\":\"123\"}")), &i),
        ERR_INVALID);
    assert_str(w->cx.why.field, S("value"));
    assert_int_equal(
        run(w, post, input(w, post, id, S("{\"type\":\"email\",\"value\":\"a@example.com\"}")), &i),
        OK);
    assert_int_equal(i.state, IDENTITY_CLAIMED);
    assert_int_equal(
        run(w, post, input(w, post, id, S("{\"type\":\"email\",\"value\":\"A@EXAMPLE.com\"}")), &i),
        ERR_CONFLICT);
}

static void relations_show_on_both_sides_and_a_record_is_not_related_to_itself(void **state)
{
    struct test_world *w = *state;
    customer_id ann = made(w, S("Ann Lee")), firm = made(w, S("Huadong Parts"));
    struct relation rel;
    const char *post = "POST /api/v1/customers/{id}/relations";
    str json = arena_printf(w->cx.arena,
                            "{\"other\":\"" SFMT "\",\"kind\":\"works_at\",\"role\":\"buyer\"}",
                            SARG(id_text(w->cx.arena, "cus", firm.v)));

    assert_int_equal(run(w, post, input(w, post, ann, json), &rel), OK);
    assert_int_equal(run(w, post, input(w, post, ann, json), &rel), OK); /* said twice: one row */
    assert_int_equal(run(w, post, input(w, post, firm, json), &rel), ERR_INVALID);

    struct record r = {0};
    assert_int_equal(record_get(&w->cx, firm, &r), OK);
    assert_int_equal(r.relations.n, 1);
    const struct relation *back = r.relations.items;
    assert_true(back->reads_back);
    assert_str(back->other.name, S("Ann Lee"));
    assert_str(back->role, S("buyer"));
}

static enum err add_task(struct cx *cx, void *t)
{
    return task_add(cx, t);
}

static void open_tasks_come_by_priority_then_age_page_by_page(void **state)
{
    struct test_world *w = *state;
    for (int i = 0; i < 7; i++) {
        struct task_new t = {.id = {id_new(w->cx.now_ms + i)},
                             .kind = "call_back",
                             .title = S("call"),
                             .priority = i % 3};
        assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, add_task, &t), OK);
    }
    struct {
        int view;
        int64_t limit;
        str cursor, where;
    } in = {.view = 1, .limit = 3};
    int64_t seen = 0, last_priority = 99, last_id = 0;
    for (int page = 0; page < 3; page++) {
        struct page_out out = {0};
        assert_int_equal(run(w, "GET /api/v1/tasks", &in, &out), OK);
        const struct task *t = out.items.items;
        for (size_t i = 0; i < out.items.n; i++, seen++) {
            assert_true(t[i].priority < last_priority ||
                        (t[i].priority == last_priority && t[i].id.v > last_id));
            last_priority = t[i].priority;
            last_id = t[i].id.v;
        }
        in.cursor = out.next;
        assert_int_equal(out.next.len > 0, page < 2);
    }
    assert_int_equal(seen, 7);
}

static void an_unknown_customer_is_not_found(void **state)
{
    struct test_world *w = *state;
    struct part_in in = {.id = {12345}};
    struct record r = {0};

    assert_int_equal(run(w, "GET /api/v1/customers/{id}", &in, &r), ERR_NOT_FOUND);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(handles_have_one_normal_form),
        STORE_TEST(a_local_number_leaves_its_end_to_seek_by),
        STORE_TEST(keys_are_sorted_single_and_never_too_long_for_an_index),
        STORE_TEST(a_merged_record_answers_by_either_id_with_the_parts_of_both),
        STORE_TEST(a_change_touches_only_what_was_sent_and_moves_the_version),
        STORE_TEST(a_change_of_an_older_version_is_refused),
        STORE_TEST(a_new_name_is_found_and_the_old_one_no_more),
        STORE_TEST(members_that_cannot_be_are_refused_by_name),
        STORE_TEST(only_a_manager_marks_a_vip_and_with_a_reason),
        STORE_TEST(a_malformed_handle_of_staff_is_refused_and_a_second_one_conflicts),
        STORE_TEST(relations_show_on_both_sides_and_a_record_is_not_related_to_itself),
        STORE_TEST(open_tasks_come_by_priority_then_age_page_by_page),
        STORE_TEST(an_unknown_customer_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    static const uint8_t key[32] = {1};
    cursor_key_set(key);
    return test_on_stores(all);
}
