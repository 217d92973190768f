/* net/webhook_test.c - what is inside stays unreached, a signature is what others work out, and a receiver that is slow, huge
 * or broken costs no more than agreed. */
#include "net/webhook.h"
#include "base/base_test.h"
#include "base/value.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

static bool inside(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return webhook_is_inside((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return webhook_is_inside((struct sockaddr *)&v6);
}

static void addresses_that_the_internet_does_not_reach_are_inside(void **state)
{
    static const char *const in[] = {"0.0.0.0",
                                     "0.255.255.255",
                                     "10.0.0.0",
                                     "10.255.255.255",
                                     "100.64.0.0",
                                     "100.127.255.255",
                                     "127.0.0.1",
                                     "127.255.255.255",
                                     "169.254.0.0",
                                     "169.254.169.254",
                                     "172.16.0.0",
                                     "172.31.255.255",
                                     "192.0.0.1",
                                     "192.0.2.1",
                                     "192.88.99.1",
                                     "192.168.0.0",
                                     "192.168.255.255",
                                     "198.18.0.0",
                                     "198.19.255.255",
                                     "198.51.100.1",
                                     "203.0.113.255",
                                     "224.0.0.1",
                                     "239.1.1.1",
                                     "240.0.0.1",
                                     "255.255.255.255",
                                     "::",
                                     "::1",
                                     "::127.0.0.1",
                                     "::ffff:127.0.0.1",
                                     "::ffff:10.1.1.1",
                                     "64:ff9b::10.0.0.1",
                                     "64:ff9b:1::1",
                                     "100::1",
                                     "2001::1",
                                     "2001:1ff::1",
                                     "2001:db8::1",
                                     "2002:7f00:1::",
                                     "2002:a00:1::1",
                                     "3fff::1",
                                     "3fff:fff::1",
                                     "fc00::1",
                                     "fd12:3456::1",
                                     "fe80::1",
                                     "fec0::1",
                                     "ff02::1",
                                     "5f00::1"};
    static const char *const out[] = {"1.1.1.1",
                                      "9.255.255.255",
                                      "11.0.0.0",
                                      "100.63.255.255",
                                      "100.128.0.0",
                                      "126.255.255.255",
                                      "128.0.0.0",
                                      "169.253.255.255",
                                      "169.255.0.0",
                                      "172.15.255.255",
                                      "172.32.0.0",
                                      "192.0.1.1",
                                      "192.0.3.0",
                                      "192.88.98.1",
                                      "192.167.255.255",
                                      "192.169.0.0",
                                      "198.17.255.255",
                                      "198.20.0.0",
                                      "198.51.99.1",
                                      "203.0.112.1",
                                      "223.255.255.255",
                                      "::ffff:8.8.8.8",
                                      "64:ff9b::8.8.8.8",
                                      "2001:200::1",
                                      "2001:4860:4860::8888",
                                      "2002:808:808::1",
                                      "2a00::1",
                                      "3ffe::1",
                                      "3fff:1000::1"};
    (void)state;

    for (size_t i = 0; i < COUNT(in); i++)
        if (!inside(in[i]))
            fail_msg("%s is inside", in[i]);
    for (size_t i = 0; i < COUNT(out); i++)
        if (inside(out[i]))
            fail_msg("%s is outside", out[i]);
    assert_true(webhook_is_inside(&(struct sockaddr){.sa_family = AF_UNIX}));
}

static void an_address_is_read_as_a_connection_would_and_refused_by_what_is_wrong_with_it(
    void **state)
{
    static const struct {
        const char *url;
        enum webhook_url_fault fault;
        const char *host;
    } cases[] = {
        {"https://hooks.example.com/x?y=z", WEBHOOK_URL_GOOD, "hooks.example.com"},
        {"HTTP://Hooks.Example.COM:8080", WEBHOOK_URL_GOOD, "hooks.example.com"},
        {"https://[2a00::1]:444/", WEBHOOK_URL_GOOD, "2a00::1"},
        {"https://example.com./", WEBHOOK_URL_GOOD, "example.com"},
        {"http://127.0.0.1/", WEBHOOK_URL_INSIDE, "127.0.0.1"},
        {"http://127.1/", WEBHOOK_URL_INSIDE, NULL},
        {"http://2130706433/", WEBHOOK_URL_INSIDE, NULL},
        {"http://0x7f.1/", WEBHOOK_URL_INSIDE, NULL},
        {"http://0177.0.0.01/", WEBHOOK_URL_INSIDE, NULL},
        {"http://[::ffff:7f00:1]/", WEBHOOK_URL_INSIDE, NULL},
        {"http://[fe80::1%25eth0]/", WEBHOOK_URL_INSIDE, NULL},
        {"http://LOCALHOST./", WEBHOOK_URL_INSIDE, "localhost"},
        {"http://x.localhost/", WEBHOOK_URL_INSIDE, NULL},
        {"ftp://example.com/", WEBHOOK_URL_SCHEME, NULL},
        {"file:///etc/passwd", WEBHOOK_URL_BROKEN, NULL},
        {"gopher://example.com/", WEBHOOK_URL_SCHEME, NULL},
        {"https://a:b@example.com/", WEBHOOK_URL_USER, NULL},
        {"https://a@example.com/", WEBHOOK_URL_USER, NULL},
        {"https://example.com\\@127.0.0.1/", WEBHOOK_URL_BROKEN, NULL},
        {"http:///127.0.0.1/", WEBHOOK_URL_BROKEN, NULL},
        {"http://", WEBHOOK_URL_BROKEN, NULL},
        {"http://?", WEBHOOK_URL_BROKEN, NULL},
        {"example.com", WEBHOOK_URL_BROKEN, NULL},
        {"//example.com/", WEBHOOK_URL_BROKEN, NULL},
        {"http://exa mple.com/", WEBHOOK_URL_BROKEN, NULL},
        {"http://example.com/\r\nX: y", WEBHOOK_URL_BROKEN, NULL},
        {"http://ex\xc3\xa4mple.com/", WEBHOOK_URL_BROKEN, NULL},
        {"http://[::1", WEBHOOK_URL_BROKEN, NULL},
        {"http://localhost../", WEBHOOK_URL_BROKEN, NULL},
        {"http://.example.com/", WEBHOOK_URL_BROKEN, NULL},
        {"http://a..b/", WEBHOOK_URL_BROKEN, NULL},
        {"http://a,b/", WEBHOOK_URL_BROKEN, NULL},
        {"http://%31%32%37.0.0.1/", WEBHOOK_URL_INSIDE, "127.0.0.1"},
        {"", WEBHOOK_URL_BROKEN, NULL},
    };
    struct arena *a = arena_open(1 << 20);
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct webhook_url u = {0};
        enum webhook_url_fault f = webhook_url_read(a, str_of(cases[i].url), &u);
        if (f != cases[i].fault)
            fail_msg("%s: %d instead of %d", cases[i].url, (int)f, (int)cases[i].fault);
        if (cases[i].host && !str_eq(u.host, str_of(cases[i].host)))
            fail_msg("%s: host " SFMT, cases[i].url, SARG(u.host));
    }
    char long_url[WEBHOOK_URL_MAX + 2];
    memset(long_url, 'a', sizeof long_url);
    memcpy(long_url, "https://a.example/", 18);
    assert_int_equal(
        webhook_url_read(a, (str){long_url, WEBHOOK_URL_MAX}, &(struct webhook_url){0}),
        WEBHOOK_URL_GOOD);
    assert_int_equal(
        webhook_url_read(a, (str){long_url, WEBHOOK_URL_MAX + 1}, &(struct webhook_url){0}),
        WEBHOOK_URL_BROKEN);
    arena_close(a);
}

/* printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test */
static void a_signature_is_what_others_work_out_for_the_time_and_the_body(void **state)
{
    struct arena *a = arena_open(1 << 16);
    (void)state;

    str s = webhook_signature(a, S("whsec_test"), 1492774577999, S("{\"id\":\"evt_1\"}"));

    assert_true(str_eq(
        s, S("t=1492774577,v1=7656fc2882a7ca0a651666b36bf2f2f22ee204f54f608f227498a2419f2890b2")));
    assert_false(
        str_eq(s, webhook_signature(a, S("whsec_tesu"), 1492774577999, S("{\"id\":\"evt_1\"}"))));
    assert_false(
        str_eq(s, webhook_signature(a, S("whsec_test"), 1492774578000, S("{\"id\":\"evt_1\"}"))));
    arena_close(a);
}

static void pauses_grow_to_four_hours_and_are_never_the_same_for_all(void **state)
{
    int64_t last = 0;
    (void)state;

    for (int64_t tries = 1; tries < 40; tries++) {
        int64_t least = webhook_pause_ms(tries, 0), most = webhook_pause_ms(tries, 999);
        assert_true(least >= last && most > least && most < least + least / 4);
        assert_true(least >= 30000 && least <= 14400000);
        last = least;
    }
    assert_int_equal(webhook_pause_ms(0, 0), 30000);
    assert_int_equal(last, 14400000);
}

/* ---- receivers ------------------------------------------------------------------------------- */

/* Takes one connection after the other, reads something, answers with these bytes, and perhaps goes on without an end. */
struct receiver {
    int fd;
    uint16_t port;
    const char *answer;
    bool is_endless, is_silent;
    pthread_t thread;
    _Atomic int came;
};

static void *receive(void *arg)
{
    struct receiver *r = arg;
    for (;;) {
        int c = accept(r->fd, NULL, NULL);
        if (c < 0)
            return NULL;
        char in[4096], more[4096];
        memset(more, 'x', sizeof more);
        size_t got =
            0; /* all of it: what is left unread when a connection is closed takes the answer along */
        ssize_t n = 1;
        while (n > 0 && got < sizeof in && !(got > 2 && memcmp(in + got - 2, "{}", 2) == 0)) {
            n = read(c, in + got, sizeof in - got);
            got += n > 0 ? (size_t)n : 0;
        }
        r->came += got > 0;
        if (!r->is_silent && write(c, r->answer, strlen(r->answer)) > 0)
            while (r->is_endless && send(c, more, sizeof more, MSG_NOSIGNAL) > 0) {}
        if (r->is_silent)
            while (read(c, in, sizeof in) > 0) {}
        close(c);
    }
}

static struct receiver *receiver_open(const char *answer, bool is_endless, bool is_silent)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    *r = (struct receiver){.fd = socket(AF_INET, SOCK_STREAM, 0),
                           .answer = answer,
                           .is_endless = is_endless,
                           .is_silent = is_silent};
    assert_int_equal(bind(r->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(r->fd, 16), 0);
    assert_int_equal(getsockname(r->fd, (struct sockaddr *)&at, &n), 0);
    r->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&r->thread, NULL, receive, r), 0);
    return r;
}

static void receiver_close(struct receiver *r)
{
    shutdown(r->fd, SHUT_RDWR);
    pthread_join(r->thread, NULL);
    close(r->fd);
    free(r);
}

static struct webhook_result send_to(struct webhooks *w, const char *host, uint16_t port,
                                     bool may_inside)
{
    char url[128];
    struct webhook_result r = {0};
    snprintf(url, sizeof url, "http://%s:%u/hook", host, port);
    struct webhook_request q = {
        .tag = 7, .url = str_of(url), .body = S("{}"), .may_inside = may_inside};
    assert_true(webhooks_add(w, &q));
    while (!webhooks_ended(w, &r))
        webhooks_run(w, 100);
    assert_int_equal(r.tag, 7);
    assert_int_equal(webhooks_running(w), 0);
    return r;
}

static void each_way_a_receiver_can_fail_has_its_name(void **state)
{
    static const struct {
        const char *answer;
        enum webhook_end end;
        int status;
    } cases[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n", WEBHOOK_SENT, 204},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", WEBHOOK_SENT, 200},
        {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", WEBHOOK_STATUS, 500},
        {"HTTP/1.1 301 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         WEBHOOK_REDIRECT, 301},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", WEBHOOK_BROKEN, 200},
        {"SSH-2.0-hello\r\n\r\n", WEBHOOK_BROKEN, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n", WEBHOOK_BROKEN, 200},
    };
    struct webhooks *w = webhooks_open(&(struct webhook_options){.ms = 10000});
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct receiver *r = receiver_open(cases[i].answer, false, false);
        struct webhook_result got = send_to(w, "127.0.0.1", r->port, true);
        if (got.end != cases[i].end || got.status != cases[i].status)
            fail_msg("%s: %s %d", cases[i].answer, webhook_end_codes[got.end], got.status);
        receiver_close(r);
    }
    struct receiver *later = receiver_open(
        "HTTP/1.1 503 Later\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", false, false);
    assert_int_equal(send_to(w, "127.0.0.1", later->port, true).retry_after_s, 120);
    receiver_close(later);
    assert_int_equal(send_to(w, "127.0.0.1", 1, true).end, WEBHOOK_CONNECT);
    enum webhook_end end = send_to(w, "no-such-host.invalid", 80, true).end;
    assert_true(end == WEBHOOK_NAME ||
                end == WEBHOOK_SLOW); /* where no name server answers at all */
    webhooks_close(w);
}

static void a_huge_answer_is_cut_off_and_a_silent_receiver_is_left(void **state)
{
    struct webhooks *w =
        webhooks_open(&(struct webhook_options){.ms = 10000, .answer_bytes = 10000});
    struct webhooks *hasty = webhooks_open(&(struct webhook_options){.ms = 200});
    struct receiver *body = receiver_open("HTTP/1.1 200 OK\r\n\r\n", true, false);
    struct receiver *head = receiver_open("HTTP/1.1 200 OK\r\nX-A: ", true, false);
    struct receiver *silent = receiver_open("", false, true);
    (void)state;

    assert_int_equal(send_to(w, "127.0.0.1", body->port, true).end, WEBHOOK_BIG);
    enum webhook_end end = send_to(w, "127.0.0.1", head->port, true)
                               .end; /* curl has a limit of its own for one line */
    assert_true(end == WEBHOOK_BIG || end == WEBHOOK_BROKEN);
    assert_int_equal(send_to(hasty, "127.0.0.1", silent->port, true).end, WEBHOOK_SLOW);

    receiver_close(body);
    receiver_close(head);
    receiver_close(silent);
    webhooks_close(w);
    webhooks_close(hasty);
}

/* By its number and by a name: what counts is the address that the connection would go to. */
static void nothing_inside_is_connected_to_unless_it_may(void **state)
{
    struct webhooks *w = webhooks_open(&(struct webhook_options){.ms = 10000});
    struct receiver *r = receiver_open("HTTP/1.1 204 No Content\r\n\r\n", false, false);
    (void)state;

    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    assert_int_equal(send_to(w, "127.0.0.1", r->port, false).end, WEBHOOK_INSIDE);
    assert_int_equal(send_to(w, "localhost", r->port, false).end, WEBHOOK_INSIDE);
    assert_int_equal(send_to(w, "2130706433", r->port, false).end, WEBHOOK_INSIDE);
    assert_int_equal(r->came, 0);
    assert_int_equal(send_to(w, "127.0.0.1", r->port, true).end,
                     WEBHOOK_SENT); /* and no proxy is asked */
    assert_int_equal(send_to(w, "127.0.0.1", r->port, false).end,
                     WEBHOOK_INSIDE); /* no connection is lent */
    unsetenv("http_proxy");

    receiver_close(r);
    webhooks_close(w);
}

static void no_more_are_under_way_than_agreed_and_closing_breaks_them_off(void **state)
{
    struct webhooks *w = webhooks_open(&(struct webhook_options){0});
    struct receiver *silent = receiver_open("", false, true);
    char url[64];
    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", silent->port);
    struct webhook_request q = {.url = str_of(url), .body = S("{}"), .may_inside = true};

    for (int i = 0; i < WEBHOOK_AT_ONCE; i++)
        assert_true(webhooks_add(w, &q));
    assert_false(webhooks_add(w, &q));
    webhooks_run(w, 10);
    assert_int_equal(webhooks_running(w), WEBHOOK_AT_ONCE);

    webhooks_close(w);
    receiver_close(silent);
}

static void a_header_cannot_be_forged_and_a_body_has_its_limit(void **state)
{
    struct webhooks *w = webhooks_open(&(struct webhook_options){0});
    struct http_header bad = {S("Kith-Event"), S("x\r\nEvil: 1")};
    char *big = calloc(1, WEBHOOK_BODY_MAX + 1);
    (void)state;

    assert_false(webhooks_add(
        w, &(struct webhook_request){
               .url = S("http://127.0.0.1:1/"), .body = S("{}"), .headers = &bad, .n = 1}));
    assert_false(webhooks_add(w, &(struct webhook_request){.url = S("http://127.0.0.1:1/"),
                                                           .body = {big, WEBHOOK_BODY_MAX + 1}}));
    assert_int_equal(webhooks_running(w), 0);

    free(big);
    webhooks_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_the_internet_does_not_reach_are_inside),
        cmocka_unit_test(
            an_address_is_read_as_a_connection_would_and_refused_by_what_is_wrong_with_it),
        cmocka_unit_test(a_signature_is_what_others_work_out_for_the_time_and_the_body),
        cmocka_unit_test(pauses_grow_to_four_hours_and_are_never_the_same_for_all),
        cmocka_unit_test(each_way_a_receiver_can_fail_has_its_name),
        cmocka_unit_test(a_huge_answer_is_cut_off_and_a_silent_receiver_is_left),
        cmocka_unit_test(nothing_inside_is_connected_to_unless_it_may),
        cmocka_unit_test(no_more_are_under_way_than_agreed_and_closing_breaks_them_off),
        cmocka_unit_test(a_header_cannot_be_forged_and_a_body_has_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
