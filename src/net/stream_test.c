/* net/stream_test.c - event streams: order, slow readers, departures, many at once. */
#include "net/http_test.h"

#define EVENTS "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"

/* Undoes the chunked coding of what follows the head. */
static str body_of(struct cx *cx, str answer)
{
    struct text t = text_in(cx->arena, answer.len + 1);
    ptrdiff_t at = str_find(answer, S("\r\n\r\n"));
    assert_true(at > 0);
    str rest = {answer.ptr + at + 4, answer.len - (size_t)at - 4};
    while (rest.len > 0) {
        char *end = NULL;
        size_t n = strtoul(rest.ptr, &end, 16), head = (size_t)(end - rest.ptr) + 2;
        if (n == 0 || head + n > rest.len)
            break;
        text_add(&t, (str){rest.ptr + head, n});
        size_t step = head + n + 2;
        rest = step >= rest.len ? (str){0} : (str){rest.ptr + step, rest.len - step};
    }
    return text_str(&t);
}

/* Sends to stream i; false when it is over. */
static bool feed(struct test_server *t, size_t i, str event)
{
    struct http_chunk *c = http_chunk_new(event);
    assert_non_null(c);
    pthread_mutex_lock(&t->lock);
    bool is_sent = t->streams[i].s && http_stream_send(t->streams[i].s, c);
    pthread_mutex_unlock(&t->lock);
    http_chunk_free(c);
    return is_sent;
}

static void finish(struct test_server *t, size_t i)
{
    pthread_mutex_lock(&t->lock);
    if (t->streams[i].s)
        http_stream_end(t->streams[i].s);
    pthread_mutex_unlock(&t->lock);
}

static void the_head_of_a_stream_leaves_at_once_and_events_follow_in_order(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = test_open(cx, (struct http_options){0});
    int fd = dial(t);
    bool ended = false;
    put(fd, S(EVENTS));
    str head = get_until(cx, fd, S(":\n\n"), &ended);
    assert_false(ended);
    await(atomic_load(&t->n_streams) == 1);
    struct text all = text_in(cx->arena, 1 << 20);
    for (int i = 0; i < 300; i++) {
        str event = arena_printf(cx->arena, "id: %d\ndata: %0200d\n\n", i, i);
        text_add(&all, event);
        assert_true(feed(t, 0, event));
        if (i % 50 == 0)
            nap_ms(10);
    }
    finish(t, 0);
    str rest = get_all(cx, fd);
    close(fd);
    await(atomic_load(&t->n_closed) == 1);
    test_stop(t);

    assert_has(head, S("Content-Type: text/event-stream\r\n"));
    assert_has(head, S("Cache-Control: no-store\r\n"));
    str whole = arena_printf(cx->arena, SFMT SFMT, SARG(head), SARG(rest));
    str body = body_of(cx, whole);
    assert_true(str_starts(body, S(":\n\n")));
    assert_str(((str){body.ptr + 3, body.len - 3}), text_str(&all));
}

static void a_silent_stream_is_kept_alive_by_comment_lines(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){.beat_seconds = 1});
    int fd = dial(t);
    bool ended = false;
    put(fd, S(EVENTS));
    get_until(*state, fd, S(":\n\n"), &ended);
    get_until(*state, fd, S(":\n\n"), &ended);
    get_until(*state, fd, S(":\n\n"), &ended);
    assert_false(ended);
    close(fd);
    await(atomic_load(&t->n_closed) == 1);
    test_stop(t);
}

static void a_client_that_hangs_up_is_noticed_without_an_event(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    int fd = dial(t), half = dial(t), rst = dial(t);
    bool ended = false;
    put(fd, S(EVENTS));
    put(half, S(EVENTS));
    put(rst, S(EVENTS));
    get_until(*state, fd, S(":\n\n"), &ended);
    get_until(*state, half, S(":\n\n"), &ended);
    get_until(*state, rst, S(":\n\n"), &ended);
    await(figures(t).streams == 3);
    nap_ms(50); /* let all three fall asleep */

    close(fd);
    await(figures(t).streams == 2);
    shutdown(half, SHUT_WR);
    await(figures(t).streams == 1);
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(rst, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(rst);
    await(figures(t).streams == 0);

    assert_int_equal(atomic_load(&t->n_closed), 3);
    await(figures(t).connections == 0);
    close(half);
    test_stop(t);
}

static void a_reader_that_falls_behind_is_dropped_after_whole_events_and_told_to_retry(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = test_open(cx, (struct http_options){0});
    int fd = dial(t), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(fd, S(EVENTS));
    await(atomic_load(&t->n_streams) == 1);
    int n = 0;
    bool is_open = true;
    while (is_open && n < 100000) {
        char event[1100];
        int len = snprintf(event, sizeof event, "data: <%0999d>\n\n", n++);
        is_open = feed(t, 0, (str){event, (size_t)len});
    }
    assert_false(is_open);
    assert_true(n > 200);  /* the queue took 256 KB before it gave up … */
    assert_true(n < 2000); /* … and the kernel did not swallow megabytes */
    assert_false(feed(t, 0, S("data: more\n\n")));
    str body = body_of(cx, get_all(cx, fd));
    close(fd);
    await(atomic_load(&t->n_closed) == 1);
    test_stop(t);

    assert_true(str_ends(body, S("\n\nretry: 3000\n\n")));
    assert_int_equal(count_of(body, S("data: <")), count_of(body, S(">\n\n")));
    assert_has_not(body, S("more"));
}

static void a_reader_that_never_reads_is_cut_in_the_end(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = test_open(cx, (struct http_options){0});
    int fd = dial(t), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(fd, S(EVENTS));
    await(atomic_load(&t->n_streams) == 1);
    char event[1000];
    memset(event, 'x', sizeof event);
    while (feed(t, 0, (str){event, sizeof event}))
        ;
    await(atomic_load(&t->n_closed) == 1);
    await(figures(t).connections == 0);
    close(fd);
    test_stop(t);
}

static void five_hundred_events_are_the_most_that_wait(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    int fd = dial(t), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(fd, S(EVENTS));
    await(atomic_load(&t->n_streams) == 1);
    char filler[2000];
    memset(filler, 'x', sizeof filler);
    /* Fill the kernel's buffers, then count how many tiny ones the queue takes. */
    for (int quiet = 0; quiet < 20;) {
        assert_true(feed(t, 0, (str){filler, sizeof filler}));
        nap_ms(10);
        char scrap;
        quiet = recv(fd, &scrap, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ? quiet + 1 : 0;
    }
    int n = 0;
    while (n < 100000 && feed(t, 0, S("e\n\n")))
        n++;
    assert_true(n <= 5000);
    close(fd);
    await(atomic_load(&t->n_closed) == 1);
    test_stop(t);
}

static void five_hundred_streams_hear_every_event_in_order(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = test_open(cx, (struct http_options){.max_connections = 600});
    enum { CLIENTS = 500, ROUNDS = 200 };
    static int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial(t);
        put(fds[i], S(EVENTS));
    }
    await(atomic_load(&t->n_streams) == CLIENTS);
    for (int k = 0; k < ROUNDS; k++) {
        struct http_chunk *c = http_chunk_new(arena_printf(cx->arena, "data: ring %d\n\n", k));
        pthread_mutex_lock(&t->lock);
        for (int i = 0; i < CLIENTS; i++)
            assert_true(http_stream_send(t->streams[i].s, c));
        pthread_mutex_unlock(&t->lock);
        http_chunk_free(c);
    }
    for (int i = 0; i < CLIENTS; i++)
        finish(t, (size_t)i);
    for (int i = 0; i < CLIENTS; i++) {
        str body = body_of(cx, get_all(cx, fds[i]));
        close(fds[i]);
        ptrdiff_t before = 0;
        for (int k = 0; k < ROUNDS; k++) {
            char want[32];
            int len = snprintf(want, sizeof want, "data: ring %d\n\n", k);
            ptrdiff_t at = str_find((str){body.ptr + before, body.len - (size_t)before},
                                    (str){want, (size_t)len});
            if (at < 0)
                fail_msg("client %d missed event %d or heard it early", i, k);
            before += at + len;
        }
        arena_reset(cx->arena);
    }
    await(atomic_load(&t->n_closed) == CLIENTS);
    await(figures(t).connections == 0);
    test_stop(t);
}

static void *storm(void *arg)
{
    struct test_server *t = arg;
    struct http_chunk *c = http_chunk_new(S("data: storm\n\n"));
    for (int k = 0; k < 400; k++) {
        pthread_mutex_lock(&t->lock);
        size_t n = atomic_load(&t->n_streams);
        for (size_t i = 0; i < n; i++)
            if (t->streams[i].s)
                http_stream_send(t->streams[i].s, c);
        pthread_mutex_unlock(&t->lock);
    }
    http_chunk_free(c);
    return NULL;
}

static void clients_may_come_and_go_in_the_middle_of_a_storm(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    pthread_t stormers[2];
    for (size_t i = 0; i < COUNT(stormers); i++)
        pthread_create(&stormers[i], NULL, storm, t);
    for (int i = 0; i < 300; i++) {
        int fd = dial(t);
        put(fd, S(EVENTS));
        if (i % 3 == 0)
            nap_ms(1);
        close(fd);
    }
    for (size_t i = 0; i < COUNT(stormers); i++)
        pthread_join(stormers[i], NULL);
    await(figures(t).connections == 0);
    assert_int_equal(figures(t).streams, 0);
    assert_int_equal(atomic_load(&t->n_closed), atomic_load(&t->n_streams));
    test_stop(t);
}

static void closing_the_server_ends_streams_with_a_retry_line(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = test_open(cx, (struct http_options){0});
    int fds[20];
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = dial(t);
        put(fds[i], S(EVENTS));
    }
    await(atomic_load(&t->n_streams) == COUNT(fds));
    http_close(t->http, 20000);
    t->http = NULL;
    assert_int_equal(atomic_load(&t->n_closed), COUNT(fds));
    for (size_t i = 0; i < COUNT(fds); i++) {
        assert_true(str_ends(body_of(cx, get_all(cx, fds[i])), S("retry: 3000\n\n")));
        close(fds[i]);
    }
    test_stop(t);
}

static void closing_does_not_wait_for_a_stream_that_nobody_reads(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    int fd = dial(t), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(fd, S(EVENTS));
    await(atomic_load(&t->n_streams) == 1);
    char event[1000];
    memset(event, 'x', sizeof event);
    for (int i = 0; i < 250; i++)
        feed(t, 0, (str){event, sizeof event});
    int64_t before = clock_mono_ns();
    http_close(t->http, 200);
    t->http = NULL;
    assert_true(clock_mono_ns() - before < (int64_t)9000 * 1000000);
    assert_int_equal(atomic_load(&t->n_closed), 1);
    close(fd);
    test_stop(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_head_of_a_stream_leaves_at_once_and_events_follow_in_order),
        TEST(a_silent_stream_is_kept_alive_by_comment_lines),
        TEST(a_client_that_hangs_up_is_noticed_without_an_event),
        TEST(a_reader_that_falls_behind_is_dropped_after_whole_events_and_told_to_retry),
        TEST(a_reader_that_never_reads_is_cut_in_the_end),
        TEST(five_hundred_events_are_the_most_that_wait),
        TEST(five_hundred_streams_hear_every_event_in_order),
        TEST(clients_may_come_and_go_in_the_middle_of_a_storm),
        TEST(closing_the_server_ends_streams_with_a_retry_line),
        TEST(closing_does_not_wait_for_a_stream_that_nobody_reads),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
