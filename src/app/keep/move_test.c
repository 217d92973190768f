/* A whole installation goes from any store to any other, and nothing of it is different there. */
#include "app/demo/demo.h"
#include "app/keep/copy.h"
#include "db/db_impl.h"
#include "db/db_test.h"
#include "db/snapshot.h"
#include "messages.h"
#include "rooms/import/import.h"
#include "rooms/order/order.h"
#include "rooms/settings/settings.h"
#include <sys/mman.h>

enum { CUSTOMERS = 60, SEED = 5, FILE_BYTES = 600000 };

static str home; /* URL of PostgreSQL, or none */

static struct keyring *ring_make(struct cx *cx)
{
    struct keyring *ring = NULL;
    str recovery = {0};
    struct key_source key = {.kind = KEY_BYTES, .place = S("test")};
    random_bytes(key.key, sizeof key.key);
    assert_int_equal(keyring_make(cx, &key, &ring, &recovery), OK);
    return ring;
}

static struct test_world *world(bool on_postgres)
{
    void *state = NULL;
    test_url = on_postgres ? home : S(":memory:");
    test_world_open(&state);
    return state;
}

static void world_end(struct test_world *w)
{
    void *state = w;
    test_world_close(&state);
}

static void tell_nobody(void *arg, int64_t done, int64_t total)
{
    (void)arg;
    (void)done;
    (void)total;
}

static str place_of(struct test_world *w)
{
    return str_of(w->store->dir ? w->store->dir : "/dev/shm");
}

struct upload {
    struct import i;
};

static enum err upload_apply(struct cx *cx, void *state)
{
    return import_add(cx, &((struct upload *)state)->i);
}

/* A file that waits to be taken in, of more than one piece. */
static void upload(struct test_world *w)
{
    struct import_stage *g = NULL;
    struct upload u = {.i = {.name = S("a.csv"), .is_staged = true}};
    char *bytes = arena_alloc(w->cx.arena, FILE_BYTES, 1);
    for (size_t i = 0; i < FILE_BYTES; i++)
        bytes[i] = (char)('a' + i % 23);
    assert_int_equal(import_stage_open(w->store, &w->cx, place_of(w), &g), OK);
    assert_int_equal(import_stage_add(g, &w->cx, (str){bytes, FILE_BYTES}), OK);
    assert_int_equal(import_stage_flush(g, &w->cx, &u.i.id, &u.i.size), OK);
    assert_int_equal(db_change(w->store, &w->cx, LANE_INTERACTIVE, upload_apply, &u), OK);
    import_stage_keep(g);
    import_stage_close(g);
}

/* The keeper has sealed the audit: it will write nothing more by itself. */
static void settle(struct test_world *w)
{
    struct audit_state a = {.unsealed = 1};
    while (a.unsealed) {
        usleep(20000);
        assert_int_equal(audit_check(&w->cx, &a), OK);
    }
    for (size_t i = 0; i < a.n_findings; i++)
        print_message("# " SFMT "\n",
                      SARG(audit_finding_text(w->cx.arena, LANG_EN, &a.findings[i])));
    assert_int_equal(a.n_wrong, 0);
}

static bool write_fd(void *arg, const void *p, size_t n)
{
    return write(*(int *)arg, p, n) == (ssize_t)n;
}

static ssize_t read_fd(void *arg, void *p, size_t n)
{
    return read(*(int *)arg, p, n);
}

static struct move_figures out(struct test_world *w, const struct keyring *ring, int fd)
{
    struct move_figures f;
    struct db *d = NULL, *outer = w->cx.db;
    assert_int_equal(snapshot_open(w->store, &w->cx, &d), OK);
    w->cx.db = d;
    assert_int_equal(move_out(w->store, &w->cx, ring, place_of(w), write_fd, &fd, NULL, NULL, &f),
                     OK);
    w->cx.db = outer;
    assert_int_equal(snapshot_is_whole(&w->cx, d), OK);
    snapshot_close(d);
    return f;
}

static enum err in(struct test_world *w, const struct keyring *ring, int fd, struct move_figures *f)
{
    struct box_in *b = NULL;
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    enum err e = box_in_open(&w->cx, S("test"), read_fd, &fd, &b);
    if (e == OK)
        e = box_in_key(&w->cx, b, ring);
    if (e == OK)
        e = move_in(w->store, &w->cx, b, S("test"), place_of(w), NULL, NULL, f);
    box_in_close(b);
    return e;
}

static void must(struct test_world *w, enum err e)
{
    if (e != OK)
        fail_msg("%d: " SFMT, e, SARG(fault_text(w->cx.arena, LANG_EN, &w->cx.why)));
}

static void furnish(struct test_world *w)
{
    const struct demo_progress p = {tell_nobody, NULL};
    struct demo_filled f = {0};
    assert_int_equal(demo_fill_generated(w->store, &w->cx, CUSTOMERS, SEED, &p, &f), OK);
    upload(w);
    settle(w);
}

static void moves(bool from_postgres, bool to_postgres)
{
    struct test_world *a = world(from_postgres), *b = world(to_postgres);
    struct keyring *ring = ring_make(&a->cx);
    struct move_figures f;
    int first = memfd_create("first", MFD_CLOEXEC), second = memfd_create("second", MFD_CLOEXEC);
    furnish(a);

    struct move_figures gone = out(a, ring, first);
    must(b, in(b, ring, first, &f));
    struct move_figures back = out(b, ring, second);

    assert_int_equal(gone.rows, f.rows);
    assert_int_equal(gone.rows, back.rows);
    assert_memory_equal(gone.digest, back.digest, 32);
    assert_true(gone.rows > 10 * CUSTOMERS);

    bool is_held = false;
    assert_int_equal(sending_is_held(&b->cx, &is_held), OK);
    assert_true(is_held);
    struct check_result r;
    const struct check_wish look = {.is_alone = true, .data_dir = place_of(b)};
    must(b, check_store(b->store, &b->cx, &look, &r));
    assert_int_equal(r.damages, 0);

    struct move_figures again;
    assert_int_equal(in(b, ring, first, &again), ERR_INVALID); /* it is not empty any more */
    assert_int_equal(b->cx.why.msg, M_KEEP_NOT_EMPTY);
    arena_close(again.keep);
    arena_close(f.keep);
    struct move_figures still = out(b, ring, second);
    assert_memory_equal(back.digest, still.digest, 32);
    close(first);
    close(second);
    keyring_close(ring);
    world_end(a);
    world_end(b);
}

static void sqlite_goes_to_sqlite_as_it_is(void **state)
{
    (void)state;
    moves(false, false);
}

static void sqlite_goes_to_postgres_as_it_is(void **state)
{
    (void)state;
    if (home.len)
        moves(false, true);
}

static void postgres_goes_to_sqlite_as_it_is(void **state)
{
    (void)state;
    if (home.len)
        moves(true, false);
}

/* ---- an audit whose ids are not in the order of its seals -------------------------------------- */

static enum err run_apply(struct cx *cx, void *sql)
{
    const struct query q = {
        .name = "planted", .sqlite = sql, .postgres = sql, .writes = true}; /* each text once */
    struct query *kept = ARENA_NEW(cx->arena, struct query);
    *kept = q;
    return db_run(cx, kept, NO_ARGS);
}

static void run(struct test_world *w, const char *sql)
{
    must(w, db_change(w->store, &w->cx, LANE_INTERACTIVE, run_apply, (void *)(uintptr_t)sql));
}

/* Rows of the audit with these ids; their `ref_id` counts from `ref`. */
struct planted {
    int64_t first, step, n, ref;
};

static enum err plant_apply(struct cx *cx, void *state)
{
    static const struct query q = {
        .name = "plant",
        .n_params = 2,
        .writes = true,
        .sqlite =
            "INSERT INTO audit (id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer) "
            "VALUES (?1, 1, 'staff', 2, 'customer.view', 7, ?2, '', '')",
        .postgres =
            "INSERT INTO audit (id, at_ms, actor_kind, actor_id, action, customer_id, ref_id, details, peer) "
            "VALUES ($1, 1, 'staff', 2, 'customer.view', 7, $2, '', '')"};
    const struct planted *p = state;
    for (int64_t i = 0; i < p->n; i++)
        TRY(db_run(cx, &q, ARGS(V(p->first + i * p->step), V(p->ref + i))));
    return OK;
}

static void plant(struct test_world *w, int64_t first, int64_t step, int64_t n, int64_t ref)
{
    struct planted p = {first, step, n, ref};
    must(w, db_change(w->store, &w->cx, LANE_INTERACTIVE, plant_apply, &p));
}

static void act(struct test_world *w)
{
    plant(w, id_new(clock_now_ms()), 0, 1, 50);
}

/* Three seals, of which the second and the third hold rows that lie among those of the first. Gives the first id. */
static int64_t furnish_out_of_order(struct test_world *w)
{
    int64_t first = id_new(clock_now_ms());
    plant(w, first, 10, 10, 1);
    settle(w);
    plant(w, first + 35, 0, 1, 11);
    settle(w);
    plant(w, first + 5, 0, 1, 12);
    act(w);
    settle(w);
    return first;
}

static struct audit_state audit_of(struct test_world *w)
{
    struct audit_state a = {0};
    assert_int_equal(audit_check(&w->cx, &a), OK);
    return a;
}

static void named(struct test_world *w, enum audit_wrong what, int64_t n)
{
    struct audit_state a = audit_of(w);
    assert_int_equal(a.n_wrong, n);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(a.findings[i].what, what);
}

struct house2 {
    struct test_world *w;
    struct keyring *ring;
    int fd;
    struct arena *keep;
};

static struct house2 moved_from(struct test_world *a, bool to_postgres)
{
    struct house2 h = {.w = world(to_postgres),
                       .ring = ring_make(&a->cx),
                       .fd = memfd_create("moved", MFD_CLOEXEC)};
    struct move_figures f;
    (void)out(a, h.ring, h.fd);
    must(h.w, in(h.w, h.ring, h.fd, &f));
    h.keep = f.keep;
    return h;
}

static void house2_end(struct house2 *h)
{
    close(h->fd);
    keyring_close(h->ring);
    world_end(h->w);
    arena_close(h->keep);
}

/* Heads of the chain are sealed by each store's own keys here; a move between directories takes the keys along. */
static struct audit_state whole_but_for_the_head(struct test_world *w)
{
    struct audit_state a = audit_of(w);
    assert_true(a.n_wrong <= 1);
    if (a.n_wrong)
        assert_int_equal(a.findings[0].what, AUDIT_HEAD_GONE);
    return a;
}

static void an_audit_out_of_order_is_whole_after_any_move_and_back(void **state)
{
    (void)state;
    if (!home.len)
        return;
    struct test_world *a = world(true);
    (void)furnish_out_of_order(a);
    struct audit_state was = audit_of(a);
    assert_int_equal(was.rows, 13);
    assert_true(was.seals >= 3);

    struct house2 b = moved_from(a, false);
    struct audit_state is = whole_but_for_the_head(b.w);
    assert_int_equal(is.rows, 13);
    assert_str(is.head_chain, was.head_chain); /* what the log said of it holds */
    act(b.w);
    settle(b.w); /* it goes on, and a head of this store's own is written */
    assert_int_equal(audit_of(b.w).rows, 14);

    struct house2 c = moved_from(b.w, false), d = moved_from(b.w, true);
    assert_int_equal(whole_but_for_the_head(c.w).rows, 14);
    assert_int_equal(whole_but_for_the_head(d.w).rows, 14);
    house2_end(&d);
    house2_end(&c);
    house2_end(&b);
    world_end(a);
}

static void what_was_done_to_a_moved_audit_is_named(void **state)
{
    (void)state;
    if (!home.len)
        return;
    struct test_world *a = world(true);
    int64_t first = furnish_out_of_order(a);
    struct house2 b = moved_from(a, false);
    act(b.w);
    settle(b.w);

    plant(b.w, first + 7, 0, 1, 99);
    named(b.w, AUDIT_ROW_PUT, 1);
    run(b.w, "INSERT INTO audit_moved SELECT id, 1 FROM audit WHERE ref_id = 99");
    named(b.w, AUDIT_ROW_PUT, 1); /* and saying that a seal holds it does not help */
    run(b.w, "DELETE FROM audit WHERE ref_id = 99");
    named(b.w, AUDIT_ROW_PUT, 0);
    run(b.w, "UPDATE audit SET peer = 'x' WHERE ref_id IN (4, 11)");
    named(b.w, AUDIT_ROW_CHANGED, 2);
    run(b.w, "UPDATE audit SET peer = '' WHERE ref_id IN (4, 11)");
    run(b.w, "DELETE FROM audit WHERE ref_id = 12");
    named(b.w, AUDIT_ROW_GONE, 1);

    house2_end(&b);
    world_end(a);
}

/* What was put in before the move is not sealed by the move as if it had been there. */
static void what_was_put_in_before_a_move_is_named_behind_it(void **state)
{
    (void)state;
    for (int to_postgres = 0; to_postgres < (home.len ? 2 : 1); to_postgres++) {
        struct test_world *a = world(false);
        act(a);
        settle(a);
        plant(a, 5, 0, 1, 99);
        named(a, AUDIT_ROW_PUT, 1);

        struct house2 b = moved_from(a, to_postgres);
        act(b.w);
        struct audit_state s = {.unsealed = 1};
        while (s.unsealed) {
            usleep(20000);
            s = audit_of(b.w);
        }
        named(b.w, AUDIT_ROW_PUT, 1);
        house2_end(&b);
        world_end(a);
    }
}

/* A row that no seal holds yet, and whose id is less than some that are sealed: it gets a seal, on either store. */
static void what_was_not_sealed_yet_is_sealed_behind_a_move(void **state)
{
    (void)state;
    for (int to_postgres = 0; to_postgres < (home.len ? 2 : 1); to_postgres++) {
        struct test_world *a = world(false);
        int64_t first = id_new(clock_now_ms());
        plant(a, first, 10, 10, 1);
        settle(a);
        plant(a, first + 35, 0, 1, 11);

        struct house2 b = moved_from(a, to_postgres);
        act(b.w);
        settle(b.w);
        assert_int_equal(audit_of(b.w).rows, 12);
        house2_end(&b);
        world_end(a);
    }
}

/* One changed byte, and a file that ends at any place, are refused, and the sentence says what is wrong. */
static void a_damaged_or_cut_file_is_refused(void **state)
{
    (void)state;
    struct test_world *a = world(false);
    struct keyring *ring = ring_make(&a->cx);
    struct move_figures f;
    int whole = memfd_create("whole", MFD_CLOEXEC);
    settle(a);
    struct move_figures gone = out(a, ring, whole);
    for (int64_t at = 0; at < gone.bytes; at += at < 600 ? 29 : gone.bytes / 15) {
        struct test_world *b = world(false);
        char was, is;
        assert_int_equal(pread(whole, &was, 1, at), 1);
        is = (char)(was ^ 16);
        assert_int_equal(pwrite(whole, &is, 1, at), 1);
        f.keep = NULL;
        enum err e = in(b, ring, whole, &f);
        assert_int_equal(e, ERR_INVALID);
        assert_true(b->cx.why.msg == M_KEEP_DAMAGED || b->cx.why.msg == M_KEEP_NOT_OURS ||
                    b->cx.why.msg == M_KEEP_LATER || b->cx.why.msg == M_KEEP_CUT);
        assert_int_equal(pwrite(whole, &was, 1, at), 1);
        world_end(b);
        arena_close(f.keep);
    }
    for (int64_t at = 1; at < gone.bytes; at += gone.bytes / 12) {
        struct test_world *b = world(false);
        assert_int_equal(ftruncate(whole, gone.bytes - at), 0);
        f.keep = NULL;
        assert_int_equal(in(b, ring, whole, &f), ERR_INVALID);
        assert_true(b->cx.why.msg == M_KEEP_CUT || b->cx.why.msg == M_KEEP_NOT_OURS);
        world_end(b);
        arena_close(f.keep);
    }
    close(whole);
    keyring_close(ring);
    world_end(a);
}

/* Pieces of another file, in another order, twice: each is good, together they are not. */
static void pieces_in_another_order_are_refused(void **state)
{
    (void)state;
    struct test_world *a = world(false), *b = world(false);
    struct keyring *ring = ring_make(&a->cx);
    struct box_out *o = NULL;
    struct move_figures f = {0};
    int fd = memfd_create("orders", MFD_CLOEXEC);
    assert_int_equal(box_out_open(&a->cx, ring, BOX_ROWS, write_fd, &fd, &o), OK);
    assert_int_equal(box_out_add(&a->cx, o, 'r', S(""), S("\1\0\0\0")), OK);
    box_out_close(o);
    assert_int_equal(in(b, ring, fd, &f), ERR_INVALID);
    assert_int_equal(b->cx.why.msg, M_KEEP_DAMAGED);
    close(fd);
    keyring_close(ring);
    world_end(a);
    world_end(b);
    arena_close(f.keep);
}

int main(void)
{
    const char *url = getenv("KITH_TEST_POSTGRES");
    home = str_of(url && *url ? url : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlite_goes_to_sqlite_as_it_is),
        cmocka_unit_test(sqlite_goes_to_postgres_as_it_is),
        cmocka_unit_test(postgres_goes_to_sqlite_as_it_is),
        cmocka_unit_test(an_audit_out_of_order_is_whole_after_any_move_and_back),
        cmocka_unit_test(what_was_done_to_a_moved_audit_is_named),
        cmocka_unit_test(what_was_put_in_before_a_move_is_named_behind_it),
        cmocka_unit_test(what_was_not_sealed_yet_is_sealed_behind_a_move),
        cmocka_unit_test(a_damaged_or_cut_file_is_refused),
        cmocka_unit_test(pieces_in_another_order_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_databases_gone();
    return failed;
}
