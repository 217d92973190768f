/* net/flow_test.c - bodies that flow: nothing is lost, nobody waits for a slow one, the end is told. */
#include "base/value.h"
#include "net/http_test.h"

struct flow_seen {
    _Atomic int64_t bytes, ended; /* ended: 0 not yet, 1 whole, -1 cut */
    _Atomic uint32_t sum;
    _Atomic int nap_us;
    _Atomic int threads;
};
static struct flow_seen seen;

static void *flow_main(void *arg)
{
    struct http_exchange *x = arg;
    str path = http_request(x)->path;
    char piece[10000];
    if (str_eq(path, S("/refuse"))) {
        nap_ms(20);
        http_reply(x, 403, S("text/plain"), NULL, 0, S("no"), true);
    } else if (str_eq(path, S("/out")) || str_eq(path, S("/half"))) {
        memset(piece, 'x', sizeof piece);
        bool goes = http_flow_begin(x, 200, S("text/plain"), NULL, 0);
        for (int i = 0; goes && i < 300; i++) {
            goes = http_flow_write(x, (str){piece, sizeof piece});
            if (goes)
                atomic_fetch_add(&seen.bytes, (int64_t)sizeof piece);
        }
        http_flow_end(x, goes && str_eq(path, S("/out")));
    } else {
        ssize_t n;
        uint32_t sum = 0;
        while ((n = http_body_read(x, piece, sizeof piece)) > 0) {
            for (ssize_t i = 0; i < n; i++)
                sum = sum * 31 + (unsigned char)piece[i];
            atomic_fetch_add(&seen.bytes, n);
            if (atomic_load(&seen.nap_us))
                usleep((useconds_t)atomic_load(&seen.nap_us));
        }
        atomic_store(&seen.sum, sum);
        atomic_store(&seen.ended, n == 0 ? 1 : -1);
        http_reply(x, n == 0 ? 200 : 400, S("text/plain"), NULL, 0, S("read"), true);
    }
    atomic_fetch_sub(&seen.threads, 1);
    return NULL;
}

static void flow_handle(void *arg, struct http_exchange *x)
{
    (void)arg;
    pthread_t t;
    atomic_fetch_add(&seen.threads, 1);
    assert_int_equal(pthread_create(&t, NULL, flow_main, x), 0);
    pthread_detach(t);
}

static size_t flow_limit(void *arg, enum http_method m, str path)
{
    (void)arg, (void)m, (void)path;
    return 64 << 20;
}

static bool flow_takes(void *arg, enum http_method m, str path)
{
    (void)arg, (void)m;
    return !str_eq(path, S("/whole"));
}

static struct test_server *flow_open(struct cx *cx)
{
    struct test_server *t = calloc(1, sizeof *t);
    assert_non_null(t);
    struct http_options o = {.host = S("127.0.0.1"),
                             .threads = 2,
                             .header_seconds = 2,
                             .body_limit = flow_limit,
                             .takes_flow = flow_takes,
                             .handle = flow_handle};
    seen = (struct flow_seen){0};
    assert_int_equal(http_open(cx, &o, &t->http), OK);
    return t;
}

static void flow_close(struct test_server *t)
{
    http_close(t->http, 2000);
    await(atomic_load(&seen.threads) == 0);
    free(t);
}

static bool put_body(int fd, size_t n, uint32_t *sum)
{
    char piece[8192];
    for (size_t at = 0; at < n;) {
        size_t take = n - at < sizeof piece ? n - at : sizeof piece;
        for (size_t i = 0; i < take; i++) {
            piece[i] = (char)((at + i) * 7 + (at + i) / 251);
            *sum = *sum * 31 + (unsigned char)piece[i];
        }
        if (!put(fd, (str){piece, take}))
            return false;
        at += take;
    }
    return true;
}

static void a_body_flows_through_a_slow_reader_and_nothing_is_lost(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    atomic_store(&seen.nap_us, 500);
    int fd = dial(t);
    uint32_t sum = 0;
    enum { BODY = 3000000 };
    assert_true(
        put(fd, arena_printf(cx->arena,
                             "POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", BODY)));
    assert_true(put_body(fd, BODY, &sum));
    await(atomic_load(&seen.ended) != 0);
    assert_int_equal(atomic_load(&seen.ended), 1);
    assert_int_equal(atomic_load(&seen.bytes), BODY);
    assert_int_equal(atomic_load(&seen.sum), sum);
    bool ended = false;
    assert_int_equal(status_of(get_until(cx, fd, S("read"), &ended)), 200);
    close(fd);
    flow_close(t);
}

static void an_answer_before_the_end_of_the_body_is_read_by_who_sends_on(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int fd = dial(t);
    uint32_t sum = 0;
    assert_true(put(fd, S("POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n\r\n")));
    (void)put_body(fd, 2000000, &sum);
    assert_int_equal(status_of(get_all(cx, fd)), 403);
    close(fd);
    flow_close(t);
}

static void a_client_that_hangs_up_ends_the_reading(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int fd = dial(t);
    uint32_t sum = 0;
    assert_true(put(fd, S("POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")));
    assert_true(put_body(fd, 100000, &sum));
    await(atomic_load(&seen.bytes) == 100000);
    close(fd);
    await(atomic_load(&seen.ended) == -1);
    flow_close(t);
}

static void a_body_that_drips_is_cut_while_it_flows(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int fd = dial(t);
    assert_true(put(fd, S("POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: 3000\r\n\r\nx")));
    await(atomic_load(&seen.ended) == -1);
    close(fd);
    flow_close(t);
}

static void chunks_over_the_limit_end_the_reading(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int fd = dial(t);
    assert_true(put(fd, S("POST /in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")));
    char *chunk = arena_alloc(cx->arena, 1, 1 << 20);
    for (int i = 0;
         i < 70 && put(fd, S("100000\r\n")) && put(fd, (str){chunk, 1 << 20}) && put(fd, S("\r\n"));
         i++)
        continue;
    await(atomic_load(&seen.ended) == -1);
    assert_true(atomic_load(&seen.bytes) <= 64 << 20);
    assert_int_equal(status_of(get_all(cx, fd)), 413);
    close(fd);
    flow_close(t);
}

static void a_reply_flows_as_fast_as_it_is_read_and_ends_with_its_last_chunk(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int fd = dial(t);
    assert_true(put(fd, S("GET /out HTTP/1.1\r\nHost: h\r\n\r\n")));
    nap_ms(300); /* nobody reads: the writer waits with little in hand */
    str got = get_until(cx, fd, S("\r\n0\r\n\r\n"), &(bool){false});
    assert_int_equal(status_of(got), 200);
    assert_true(str_ends(got, S("\r\n0\r\n\r\n")));
    assert_int_equal(atomic_load(&seen.bytes), 3000000);
    close(fd);
    flow_close(t);
}

static void a_reply_that_could_not_be_ended_has_no_last_chunk(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int fd = dial(t);
    assert_true(put(fd, S("GET /half HTTP/1.1\r\nHost: h\r\n\r\n")));
    assert_false(str_ends(get_all(cx, fd), S("\r\n0\r\n\r\n")));
    close(fd);
    flow_close(t);
}

static void a_client_that_reads_no_more_sets_the_writer_free(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int fd = dial(t);
    assert_true(put(fd, S("GET /out HTTP/1.1\r\nHost: h\r\n\r\n")));
    await(atomic_load(&seen.bytes) > 0);
    close(fd);
    await(atomic_load(&seen.threads) == 0);
    flow_close(t);
}

static void closing_the_server_ends_what_flows(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = flow_open(cx);
    int in = dial(t), out = dial(t);
    uint32_t sum = 0;
    assert_true(put(in, S("POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n\r\n")));
    assert_true(put_body(in, 50000, &sum));
    assert_true(put(out, S("GET /out HTTP/1.1\r\nHost: h\r\n\r\n")));
    await(atomic_load(&seen.bytes) > 50000);
    flow_close(t);
    close(in);
    close(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_flows_through_a_slow_reader_and_nothing_is_lost),
        TEST(an_answer_before_the_end_of_the_body_is_read_by_who_sends_on),
        TEST(a_client_that_hangs_up_ends_the_reading),
        TEST(a_body_that_drips_is_cut_while_it_flows),
        TEST(chunks_over_the_limit_end_the_reading),
        TEST(a_reply_flows_as_fast_as_it_is_read_and_ends_with_its_last_chunk),
        TEST(a_reply_that_could_not_be_ended_has_no_last_chunk),
        TEST(a_client_that_reads_no_more_sets_the_writer_free),
        TEST(closing_the_server_ends_what_flows),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
