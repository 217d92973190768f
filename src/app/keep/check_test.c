/* Each damage that `kith check` can name is planted here, and it must be named; a whole store must be found whole. */
#include "app/demo/demo.h"
#include "app/keep/check.h"
#include "db/db_impl.h"
#include "db/db_test.h"
#include "messages.h"
#include "rooms/order/order.h"
#include <fcntl.h>

enum { CUSTOMERS = 30, SEED = 3 };

/* ---- a house with customers ------------------------------------------------------------------ */

struct job_step {
    int64_t position, progress, total;
    bool finished;
};

static enum err turn_apply(struct cx *cx, void *state)
{
    struct job_step *s = state;
    return standing_turn_job.slice(cx, S(""), &s->position, &s->progress, &s->total, &s->finished);
}

static void tell_nobody(void *arg, int64_t done, int64_t total)
{
    (void)arg;
    (void)done;
    (void)total;
}

static void fill(struct test_world *w)
{
    w->cx.actor = (struct actor){.kind = ACTOR_SYSTEM};
    const struct demo_progress p = {tell_nobody, NULL};
    struct demo_filled f = {0};
    struct job_step s = {0};
    assert_int_equal(demo_fill_generated(w->store, &w->cx, CUSTOMERS, SEED, &p, &f), OK);
    while (!s.finished)
        assert_int_equal(db_change(w->store, &w->cx, LANE_BULK, turn_apply, &s), OK);
}

static int house(void **state)
{
    static struct test_house full = {.fill = fill};
    test_world_of(&full, state);
    struct test_world *w = *state;
    w->cx.actor = (struct actor){.kind = ACTOR_SYSTEM};
    return 0;
}

/* SQL as it stands, past all rooms; on SQLite without foreign keys. */
static void plant(struct test_world *w, const char *sql)
{
    struct db *d = NULL;
    if (test_is_postgres()) {
        assert_int_equal(pg_open(&w->cx, w->store, true, &d), OK);
        assert_int_equal(pg_exec(&w->cx, d, sql), OK);
        pg_close(d);
        return;
    }
    assert_int_equal(lite_open(&w->cx, w->store, LITE_LOADER, &d), OK);
    assert_int_equal(lite_exec(&w->cx, d, sql), OK);
    lite_close(d);
}

struct seen {
    int codes[64];
    bool mended[64];
    size_t n;
};

static void note(void *arg, const struct fault *damage, bool is_mended)
{
    struct seen *s = arg;
    assert_true(s->n < COUNT(s->codes));
    s->mended[s->n] = is_mended;
    s->codes[s->n++] = damage->msg;
}

static struct seen look(struct test_world *w, bool repairs, struct check_result *r)
{
    struct seen s = {0};
    const struct check_wish wish = {.repairs = repairs,
                                    .is_alone = true,
                                    .data_dir = str_of(w->store->dir ? w->store->dir : ""),
                                    .found = note,
                                    .arg = &s};
    enum err e = check_store(w->store, &w->cx, &wish, r);
    if (e != OK)
        fail_msg("check: " SFMT, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
    return s;
}

static void must_find(struct test_world *w, int code)
{
    struct check_result r;
    struct seen s = look(w, false, &r);
    bool is_found = false;
    for (size_t i = 0; i < s.n; i++)
        is_found |= s.codes[i] == code;
    if (!is_found)
        fail_msg("%s was not found among %zu damages", msg_name((uint16_t)code), s.n);
    assert_true(r.damages > 0);
}

static void must_be_whole(struct test_world *w)
{
    struct check_result r;
    struct seen s = look(w, false, &r);
    if (s.n)
        fail_msg("found %s", msg_name((uint16_t)s.codes[0]));
    assert_int_equal(r.damages, 0);
    assert_false(r.is_partial);
    assert_true(r.rows > CUSTOMERS);
}

/* Found, mended when asked to, and gone then. */
static void must_mend(struct test_world *w, int code)
{
    must_find(w, code);
    struct check_result r;
    struct seen s = look(w, true, &r);
    assert_true(s.n > 0 && s.mended[0]);
    assert_int_equal(r.mended, r.damages);
    must_be_whole(w);
}

/* ---- */

static void a_whole_store_is_found_whole(void **state)
{
    must_be_whole(*state);
}

static bool is_not_there_yet(void *part, const char *at, int64_t done, int64_t total)
{
    assert_true(done >= 0 && total >= 0);
    return strcmp(part, at) != 0;
}

/* As when who asked has gone away. */
static void a_check_ends_where_it_is_told_to(void **state)
{
    struct test_world *w = *state;
    static char parts[][12] = {"rows",    "records", "identities", "orders", "consents",
                               "figures", "names",   "search",     "audit"};
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct check_result r;
        const struct check_wish wish = {
            .is_alone = true, .data_dir = S(""), .goes_on = is_not_there_yet, .arg = parts[i]};
        assert_int_equal(check_store(w->store, &w->cx, &wish, &r), ERR_BUSY);
        assert_int_equal(w->cx.why.msg, M_KEEP_STOPPED);
    }
    must_be_whole(w);
}

#define PLANTED(test, code, sql)   \
    static void test(void **state) \
    {                              \
        plant(*state, sql);        \
        must_find(*state, code);   \
    }
#define PLANTED_AND_MENDED(test, code, sql) \
    static void test(void **state)          \
    {                                       \
        plant(*state, sql);                 \
        must_mend(*state, code);            \
    }

#define A_CUSTOMER "(SELECT min(id) FROM customer)"
#define AN_ORDER "(SELECT min(order_id) FROM order_line)"

static void a_row_that_refers_to_nothing_is_named(void **state)
{
    if (test_is_postgres())
        plant(*state, "ALTER TABLE note DROP CONSTRAINT note_customer_id_fkey");
    plant(*state, "INSERT INTO note (id, customer_id, text, at_ms) VALUES (1, 77, 'x', 0)");
    if (test_is_postgres()) /* the bond is gone with its constraint; one that no constraint keeps must do */
        plant(
            *state,
            "INSERT INTO source_key (channel, source_id, interaction_id, customer_id) VALUES ('call', 'x', 5, 6)");
    must_find(*state, M_CHECK_REFERENCE);
}

PLANTED(
    a_source_key_without_its_interaction_is_named, M_CHECK_REFERENCE,
    "INSERT INTO source_key (channel, source_id, interaction_id, customer_id) VALUES ('call', 'x', 5, 6)")
PLANTED(a_record_that_answers_through_another_is_named, M_CHECK_ROOT,
        "UPDATE customer SET root_id = CASE id WHEN " A_CUSTOMER
        " THEN (SELECT max(id) FROM customer) ELSE " A_CUSTOMER " END WHERE id IN (" A_CUSTOMER
        ", (SELECT max(id) FROM customer))")
PLANTED_AND_MENDED(a_wrong_counted_figure_is_named_and_mended, M_CHECK_STANDING,
                   "UPDATE standing SET orders = orders + 1 WHERE customer_id = " A_CUSTOMER)
PLANTED_AND_MENDED(a_missing_row_of_counted_figures_is_named_and_mended, M_CHECK_STANDING,
                   "DELETE FROM standing WHERE customer_id = " A_CUSTOMER)
PLANTED_AND_MENDED(
    a_wrong_day_row_is_named_and_mended, M_CHECK_STANDING,
    "UPDATE standing_day SET contacts = contacts + 1 WHERE customer_id = (SELECT min(customer_id) FROM standing_day)")
/* More rows than a page of records reads at once: its records are looked at one by one. */
PLANTED_AND_MENDED(
    a_wrong_figure_beside_a_customer_of_very_many_contacts_is_named_and_mended, M_CHECK_STANDING,
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20001) "
    "INSERT INTO interaction (id, customer_id, channel, direction, trust, at_ms) "
    "SELECT i, " A_CUSTOMER
    ", 'call', 'in', 'typed', (SELECT max(last_contact_ms) FROM standing) - i FROM n")
PLANTED_AND_MENDED(a_time_of_the_last_order_that_is_wrong_is_named_and_mended, M_CHECK_STANDING,
                   "UPDATE standing SET last_order_ms = last_order_ms + 1 WHERE customer_id = "
                   "(SELECT max(customer_id) FROM standing)")
PLANTED_AND_MENDED(
    a_day_of_figures_too_many_is_named_and_mended, M_CHECK_STANDING,
    "INSERT INTO standing_day (customer_id, day, contacts, orders, discounted, spent_minor, "
    "returned_minor, discount_minor) "
    "SELECT max(customer_id), max(day) + 1, 1, 0, 0, 0, 0, 0 FROM standing_day")
PLANTED_AND_MENDED(
    a_mark_by_hand_that_was_not_counted_is_named_and_mended, M_CHECK_STANDING,
    "INSERT INTO customer_mark (customer_id, mark, reason, at_ms) VALUES (" A_CUSTOMER
    ", 'vip', 'x', 1)")
PLANTED(
    counted_figures_of_nobody_are_named, M_CHECK_STANDING_STRAY,
    "INSERT INTO standing (customer_id, kind, activity, activity_due_ms, activity_ms, first_ms) VALUES (5, 'person', 'new', 0, 1, 1)")
PLANTED_AND_MENDED(a_name_without_its_keys_is_named_and_mended, M_CHECK_KEYS,
                   "DELETE FROM customer_key WHERE customer_id = " A_CUSTOMER)
PLANTED_AND_MENDED(a_folded_text_of_another_name_is_named_and_mended, M_CHECK_KEYS,
                   "UPDATE customer SET folded_name = 'x' WHERE id = " A_CUSTOMER)
PLANTED_AND_MENDED(a_missing_document_of_the_search_is_named_and_mended, M_CHECK_SEARCH,
                   "DELETE FROM search_doc WHERE customer_id = " A_CUSTOMER)
PLANTED_AND_MENDED(a_document_that_says_something_else_is_named_and_mended, M_CHECK_SEARCH,
                   "UPDATE search_doc SET text = 'n x' WHERE customer_id = " A_CUSTOMER)
PLANTED(a_document_of_nobody_is_named, M_CHECK_SEARCH,
        "UPDATE search_doc SET customer_id = 5 WHERE customer_id = " A_CUSTOMER)
PLANTED(
    a_number_that_does_not_fit_its_backward_form_is_named, M_CHECK_PHONE,
    "UPDATE identity_value SET reversed = '123' WHERE id = (SELECT min(id) FROM identity_value WHERE reversed IS NOT NULL)")
PLANTED(an_order_without_its_lines_is_named, M_CHECK_ORDER,
        "DELETE FROM order_line WHERE order_id = " AN_ORDER)
PLANTED(
    an_order_that_says_another_return_is_named, M_CHECK_ORDER,
    "INSERT INTO order_return (id, order_id, quantity_milli, amount_minor, at_ms) VALUES (1, " AN_ORDER
    ", 1000, 7, 1)")
PLANTED(
    a_segment_that_counts_wrongly_is_named, M_CHECK_SEGMENT,
    "INSERT INTO segment (id, name, folded, condition, members, created_ms, changed_ms) VALUES (1, 'a', 'a', 'orders > 1', 3, 1, 1)")
PLANTED(
    an_import_without_its_file_is_named, M_CHECK_IMPORT,
    "INSERT INTO import (id, kind, name, state, size_bytes, is_staged, map, actor_kind, actor_id, lang, made_ms) "
    "VALUES (1, 'orders', 'a.csv', 'ready', 10, 1, '', 'system', 0, 'en', 1)")

static void a_last_word_of_another_purpose_is_named(void **state)
{
    plant(*state, "INSERT INTO consent (id, customer_id, purpose, state, channel, at_ms, noted_ms) "
                  "VALUES (1, " A_CUSTOMER ", 'email_offers', 'given', 'call', 1, 1)");
    must_be_whole(*state);
    plant(*state,
          "INSERT INTO consent_now (customer_id, purpose, consent_id, at_ms) VALUES (" A_CUSTOMER
          ", 'profiling', 1, 1)");
    must_find(*state, M_CHECK_CONSENT);
}

static void grams_that_are_gone_are_named_and_mended(void **state)
{
    struct test_world *w = *state;
    plant(w, test_is_postgres() ? "UPDATE search_doc SET grams = '' WHERE customer_id = " A_CUSTOMER
                                : "INSERT INTO search_gram (search_gram) VALUES ('delete-all')");
    must_find(w, M_CHECK_SEARCH);
    struct check_result r;
    (void)look(w, true, &r);
    assert_int_equal(r.mended, r.damages);
    must_be_whole(w);
}

/* ---- the lists of FTS5: PostgreSQL keeps its own by itself, there the pieces beside the text are another's ---- */

#define A_DOC "(SELECT id FROM search_doc WHERE customer_id = " A_CUSTOMER ")"

static void a_piece_too_many_is_named_and_mended(void **state)
{
    plant(*state,
          test_is_postgres()
              ? "UPDATE search_doc SET grams = grams || ' zzz' WHERE customer_id = " A_CUSTOMER
              : "INSERT INTO search_gram (rowid, grams) VALUES (" A_DOC ", 'zzz')");
    must_mend(*state, M_CHECK_SEARCH);
}

/* A piece of many, that many have. */
static void a_missing_piece_is_named_and_mended(void **state)
{
    plant(*state, test_is_postgres()
                      ? "UPDATE search_doc SET grams = replace(grams, ' ple', '') WHERE id = "
                        "(SELECT min(id) FROM search_doc WHERE text LIKE '%example%')"
                      : "INSERT INTO search_gram (search_gram, rowid, grams) VALUES ('delete', "
                        "(SELECT min(id) FROM search_doc WHERE text LIKE '%example%'), 'ple')");
    must_mend(*state, M_CHECK_SEARCH);
}

/* One has what the other lacks: in number and in all together they are as they should be. */
static void pieces_of_one_that_stand_with_another_are_named_and_mended(void **state)
{
    struct test_world *w = *state;
    if (test_is_postgres())
        return;
    plant(w, "INSERT INTO search_gram (search_gram, rowid, grams) VALUES ('delete', "
             "(SELECT min(id) FROM search_doc WHERE text LIKE '%example%'), 'ple')");
    plant(w, "INSERT INTO search_gram (rowid, grams) VALUES ((SELECT min(id) FROM search_doc WHERE "
             "text NOT LIKE '%ple%'), 'ple')");
    struct check_result r;
    (void)look(w, false, &r);
    assert_int_equal(r.damages, 2);
    must_mend(w, M_CHECK_SEARCH);
}

static void pieces_of_a_document_that_is_no_more_are_named_and_mended(void **state)
{
    struct test_world *w = *state;
    if (test_is_postgres())
        return;
    plant(w, "INSERT INTO search_gram (rowid, grams) VALUES (1000000, 'yvo von one'), (-7, 'one')");
    must_mend(w, M_CHECK_SEARCH_STRAY);
}

/* More than are looked at closer in one go. */
static void the_pieces_of_thousands_that_are_no_more_are_all_counted(void **state)
{
    struct test_world *w = *state;
    struct check_result r;
    if (test_is_postgres())
        return;
    plant(w, "WITH RECURSIVE n (i) AS (SELECT 10001 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
             "INSERT INTO search_gram (rowid, grams) SELECT -i, 'one' FROM n");
    (void)look(w, false, &r);
    assert_int_equal(r.damages, 20000);
    (void)look(w, true, &r);
    assert_int_equal(r.mended, 20000);
    must_be_whole(w);
}

/* Its pieces stay, and come out when it is written anew. */
static void documents_that_are_gone_are_written_anew_and_leave_nothing_behind(void **state)
{
    struct test_world *w = *state;
    struct check_result r;
    plant(w, "DELETE FROM search_doc WHERE id > 3");
    (void)look(w, true, &r);
    assert_true(r.damages >= CUSTOMERS - 3);
    assert_int_equal(r.mended, r.damages);
    must_be_whole(w);
}

static void what_waits_for_the_search_is_not_wrong_yet(void **state)
{
    struct test_world *w = *state;
    plant(w, "INSERT INTO tag (id, name, folded) VALUES (1, 'quiet', 'quiet')");
    plant(w, "INSERT INTO customer_tag (customer_id, tag_id, at_ms) VALUES (" A_CUSTOMER ", 1, 1)");
    must_find(w, M_CHECK_SEARCH);
    plant(w, "INSERT INTO search_due (customer_id) VALUES (" A_CUSTOMER ")");
    must_be_whole(w);
    plant(w, "DELETE FROM search_due");
    must_mend(w, M_CHECK_SEARCH);
}

static enum err audit_apply(struct cx *cx, void *state)
{
    (void)state;
    return audit_add(cx, "test", 0, 0, S("x"));
}

static void a_row_taken_out_of_the_audit_is_named(void **state)
{
    struct test_world *w = *state;
    bool is_more = true;
    if (test_is_postgres())
        return; /* there the chain follows two minutes behind; the store's own tests cover it */
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, audit_apply, NULL), OK);
    while (is_more)
        assert_int_equal(audit_seal_slice(w->store, &w->cx, &is_more), OK);
    must_be_whole(w);
    plant(w, "DELETE FROM audit WHERE id = (SELECT min(id) FROM audit)");
    must_find(w, M_AUDIT_ROW_GONE);
}

/* The log into the database, then other bytes where a page of it lies. */
static void a_page_of_other_bytes_is_named(void **state)
{
    struct test_world *w = *state;
    if (test_is_postgres())
        return; /* its files are the database's own matter */
    struct db *d = NULL;
    int frames = 0, done = 0;
    assert_int_equal(lite_open(&w->cx, w->store, LITE_LOADER, &d), OK);
    assert_int_equal(lite_checkpoint(d, &frames, &done), 0);
    assert_int_equal(frames, done);
    lite_close(d);
    static const char other[VAULT_PAGE] = "other bytes";
    str path = arena_printf(w->cx.arena, "%s/kith.db", w->store->dir);
    int fd = open(path.ptr, O_WRONLY | O_CLOEXEC);
    for (int page = 9; page < 40; page++)
        assert_int_equal(pwrite(fd, other, sizeof other, (off_t)page * VAULT_PAGE), sizeof other);
    close(fd);
    struct check_result r;
    struct seen s = look(w, false, &r);
    bool is_found = false;
    for (size_t i = 0; i < s.n; i++)
        is_found |= s.codes[i] == M_CHECK_PAGE || s.codes[i] == M_CHECK_STRUCTURE;
    assert_true(is_found);
}

static int all(void)
{
#define CHECK(fn) cmocka_unit_test_setup_teardown(fn, house, test_world_close)
    const struct CMUnitTest tests[] = {
        CHECK(a_whole_store_is_found_whole),
        CHECK(a_check_ends_where_it_is_told_to),
        CHECK(a_row_that_refers_to_nothing_is_named),
        CHECK(a_source_key_without_its_interaction_is_named),
        CHECK(a_record_that_answers_through_another_is_named),
        CHECK(a_wrong_counted_figure_is_named_and_mended),
        CHECK(a_missing_row_of_counted_figures_is_named_and_mended),
        CHECK(a_wrong_day_row_is_named_and_mended),
        CHECK(a_wrong_figure_beside_a_customer_of_very_many_contacts_is_named_and_mended),
        CHECK(a_time_of_the_last_order_that_is_wrong_is_named_and_mended),
        CHECK(a_day_of_figures_too_many_is_named_and_mended),
        CHECK(a_mark_by_hand_that_was_not_counted_is_named_and_mended),
        CHECK(counted_figures_of_nobody_are_named),
        CHECK(a_name_without_its_keys_is_named_and_mended),
        CHECK(a_folded_text_of_another_name_is_named_and_mended),
        CHECK(a_missing_document_of_the_search_is_named_and_mended),
        CHECK(a_document_that_says_something_else_is_named_and_mended),
        CHECK(a_document_of_nobody_is_named),
        CHECK(a_number_that_does_not_fit_its_backward_form_is_named),
        CHECK(an_order_without_its_lines_is_named),
        CHECK(an_order_that_says_another_return_is_named),
        CHECK(a_segment_that_counts_wrongly_is_named),
        CHECK(an_import_without_its_file_is_named),
        CHECK(a_last_word_of_another_purpose_is_named),
        CHECK(grams_that_are_gone_are_named_and_mended),
        CHECK(a_piece_too_many_is_named_and_mended),
        CHECK(a_missing_piece_is_named_and_mended),
        CHECK(pieces_of_one_that_stand_with_another_are_named_and_mended),
        CHECK(pieces_of_a_document_that_is_no_more_are_named_and_mended),
        CHECK(the_pieces_of_thousands_that_are_no_more_are_all_counted),
        CHECK(documents_that_are_gone_are_written_anew_and_leave_nothing_behind),
        CHECK(what_waits_for_the_search_is_not_wrong_yet),
        CHECK(a_row_taken_out_of_the_audit_is_named),
        CHECK(a_page_of_other_bytes_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return test_on_stores(all);
}
