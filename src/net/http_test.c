/* net/http_test.c - hostile and plain requests, byte by byte, against a real server. */
#include <sys/resource.h>

#include "net/http_test.h"

#define GET_END " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static struct test_server *plain; /* one server for all tests that need no options of their own */

static int open_plain(void **state)
{
    test_cx_open(state);
    plain = test_open(*state, (struct http_options){0});
    return 0;
}

static int close_plain(void **state)
{
    test_stop(plain);
    return test_cx_close(state);
}

/* ---- plain requests ----------------------------------------------------------------------------
 */

static void a_request_is_answered_from_another_thread_and_at_once(void **state)
{
    struct cx *cx = *state;

    str later = ask(cx, plain,
                    S("GET /a/b?q=1&r=%20 HTTP/1.1\r\nHost: a\r\nX-Note:  n \r\n"
                      "Connection: close\r\n\r\n"));
    str now = ask(cx, plain, S("GET /now" GET_END));

    assert_int_equal(status_of(later), 200);
    assert_has(later,
               S("GET [/a/b] [q=1&r=%20] body= peer=127.0.0.1 sid= note=n tls=0 loopback=1"));
    assert_int_equal(status_of(now), 200);
    assert_has(now, S("GET [/now] []"));
}

static void escapes_in_the_path_are_decoded_and_the_query_is_left_as_sent(void **state)
{
    str got = ask(*state, plain,
                  S("GET /%D0%B0%20b/c?x=%2F%00 HTTP/1.1\r\nHost: a\r\n"
                    "Connection: close\r\n\r\n"));

    assert_has(got, S("GET [/а b/c] [x=%2F%00]"));
}

static void every_answer_carries_the_security_headers(void **state)
{
    str got = ask(*state, plain, S("GET /x" GET_END));
    str bad = ask(*state, plain, S("GET /x HTTP/1.1\r\n\r\n"));

    str all[] = {got, bad};
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_has(all[i], S("X-Content-Type-Options: nosniff\r\n"));
        assert_has(all[i], S("Referrer-Policy: same-origin\r\n"));
        assert_has(all[i],
                   S("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"));
        assert_has(all[i], S("Cross-Origin-Opener-Policy: same-origin\r\n"));
        assert_has(all[i], S("Cache-Control: no-store\r\n"));
        assert_has_not(all[i], S("Strict-Transport-Security"));
        assert_has_not(all[i], S("Server:"));
    }
}

static void a_handlers_own_headers_replace_the_standard_ones(void **state)
{
    str got = ask(*state, plain, S("GET /own" GET_END));

    assert_has(got, S("cache-control: max-age=60\r\n"));
    assert_has_not(got, S("no-store"));
    assert_has(got, S("Content-Security-Policy: default-src 'self'\r\n"));
    assert_has_not(got, S("default-src 'none'"));
    assert_has(got, S("Set-Cookie: one=1\r\n"));
    assert_has(got, S("Set-Cookie: two=2\r\n"));
}

static void a_header_with_a_line_break_in_it_is_not_sent(void **state)
{
    str got = ask(*state, plain, S("GET /own" GET_END));

    assert_has_not(got, S("X-Bad"));
    assert_has_not(got, S("b=c"));
}

static void head_has_the_length_but_no_body(void **state)
{
    str got = ask(*state, plain, S("HEAD /big?1234" GET_END));

    assert_has(got, S("Content-Length: 1234\r\n"));
    assert_true(str_ends(got, S("\r\n\r\n")));
}

static void no_content_has_no_body(void **state)
{
    str got = ask(*state, plain, S("GET /empty" GET_END));

    assert_int_equal(status_of(got), 204);
    assert_true(str_ends(got, S("\r\n\r\n")));
}

static void pipelined_requests_are_answered_in_their_order(void **state)
{
    str got = ask(*state, plain,
                  S("GET /one HTTP/1.1\r\nHost: a\r\n\r\n"
                    "POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                    "GET /now/three HTTP/1.1\r\nHost: a\r\n\r\n"
                    "GET /four" GET_END));

    ptrdiff_t at[] = {str_find(got, S("[/one]")), str_find(got, S("[/two] [] body=abc")),
                      str_find(got, S("[/now/three]")), str_find(got, S("[/four]"))};
    assert_int_equal(count_of(got, S("HTTP/1.1 200 ")), 4);
    for (size_t i = 0; i < COUNT(at); i++)
        assert_true(at[i] > (i ? at[i - 1] : 0));
}

static void a_body_in_pieces_arrives_whole(void **state)
{
    int fd = dial(plain);
    put(fd, S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Le"));
    nap_ms(30);
    put(fd, S("ngth: 10\r\nConnection: close\r\n\r\n01234"));
    nap_ms(30);
    put(fd, S("56789"));
    str got = get_all(*state, fd);
    close(fd);

    assert_has(got, S("body=0123456789 peer"));
}

static void a_cookie_is_found_and_two_that_differ_are_not_believed(void **state)
{
    str one = ask(*state, plain,
                  S("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; sid=xyz; b=2\r\n"
                    "Connection: close\r\n\r\n"));
    str two = ask(*state, plain,
                  S("GET / HTTP/1.1\r\nHost: a\r\nCookie: sid=mine; sid=theirs\r\n"
                    "Connection: close\r\n\r\n"));

    assert_has(one, S("sid=xyz note"));
    assert_has(two, S("sid= note"));
}

static void a_client_of_http_1_0_is_served_and_closed(void **state)
{
    str got = ask(*state, plain, S("GET /old HTTP/1.0\r\n\r\n"));

    assert_int_equal(status_of(got), 200);
    assert_has(got, S("[/old]"));
}

/* ---- framing that could be read in two ways
 * ------------------------------------------------------ */

static void two_lengths_are_refused(void **state)
{
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        400);
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), 400);
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\ncontent-LENGTH: 3\r\n\r\nabc"), 400);
}

static void a_length_that_is_not_a_plain_number_is_refused(void **state)
{
    static const char *const bad[] = {
        "+3", "-3", "0x3", "3, 3", "3 3", "", "3;", "\xef\xbc\x93", "99999999999999999999999"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cx *cx = *state;
        str got = ask(
            cx, plain,
            arena_printf(
                cx->arena,
                "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\nabcGET /smuggled" GET_END,
                bad[i]));
        assert_in_range(status_of(got), 400, 413);
        assert_has_not(got,
                       S("200 OK")); /* the library itself refuses these, and may say it twice */
    }
}

static void a_length_beside_chunks_is_refused(void **state)
{
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n0\r\n\r\n"),
                   400);
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
                     "3\r\n\r\n0\r\n\r\n"),
                   400);
    assert_refused(*state, plain,
                   S("GET /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
                     "0\r\n\r\n0\r\n\r\n"),
                   400);
}

static void a_host_is_a_name_or_an_address_with_at_most_one_port(void **state)
{
    static const char *const good[] = {"a",       "a.b-c_d",     "a:80", "127.0.0.1:8080", "[::1]",
                                       "[::1]:1", "[fe80::1.2]", "a:",   "xn--bcher-k"};
    static const char *const bad[] = {"",       "a:b:c",    "a:b",   "a:80:81", "::1", "[::1",
                                      "[::1]x", "[]",       ":80",   "a/b",     "a@b", "a b",
                                      "[g::]",  "a:123456", "a:80/", "[::1]:x"};
    struct cx *cx = *state;
    for (size_t i = 0; i < COUNT(good); i++) {
        str got = ask(*state, plain,
                      arena_printf(cx->arena,
                                   "GET /p HTTP/1.1\r\nHost: %s\r\n"
                                   "Connection: close\r\n\r\n",
                                   good[i]));
        assert_int_equal(status_of(got), 200);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_refused(*state, plain,
                       arena_printf(cx->arena, "GET /p HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]), 400);
}

static void a_transfer_encoding_other_than_chunked_is_refused(void **state)
{
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400);
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        400);
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
                   400);
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"), 400);
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0b"
                     "chunked\r\n\r\n0\r\n\r\n"),
                   400);
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), 400);
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                     "chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                   400);
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                     "chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
                   400);
    assert_refused(*state, plain,
                   S("POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                   400);
}

static void a_request_in_chunks_is_the_last_of_its_connection(void **state)
{
    str got = ask(*state, plain,
                  S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\nGET /smuggled" GET_END));

    assert_int_equal(answers_in(got), 1);
    assert_has(got, S("body=abcdefg peer"));
    assert_has(got, S("Connection: close\r\n"));
    assert_has_not(got, S("smuggled"));
}

static void bare_line_feeds_in_chunk_lines_smuggle_nothing(void **state)
{
    str got = ask(*state, plain,
                  S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\nabc\n0\n\nGET /smuggled" GET_END));

    assert_int_equal(answers_in(got), 1);
    assert_has_not(got, S("smuggled"));
}

static void chunk_sizes_that_are_no_numbers_are_refused(void **state)
{
    str heads[] = {S("x\r\nabc\r\n0\r\n\r\n"),   S("-3\r\nabc\r\n0\r\n\r\n"),
                   S("0x3\r\nabc\r\n0\r\n\r\n"), S("3\r\nabcd\r\n0\r\n\r\n"),
                   S("\r\nabc\r\n0\r\n\r\n"),    S("ffffffffffffffffff\r\nabc")};
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct cx *cx = *state;
        str all =
            arena_printf(cx->arena,
                         "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" SFMT
                         "GET /smuggled" GET_END,
                         SARG(heads[i]));
        str got = ask(cx, plain, all);
        assert_in_range(status_of(got), 400, 413);
        assert_int_equal(answers_in(got), 1);
    }
}

static void a_request_must_name_one_host(void **state)
{
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400);
}

static void a_second_credential_or_content_type_is_refused(void **state)
{
    assert_refused(*state, plain,
                   S("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nAuthorization: "
                     "Bearer y\r\n\r\n"),
                   400);
    assert_refused(*state, plain,
                   S("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: "
                     "c/d\r\nContent-Length: 0\r\n\r\n"),
                   400);
    assert_refused(
        *state, plain,
        S("GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: x\r\nIdempotency-Key: y\r\n\r\n"), 400);
}

static void bare_line_feeds_are_refused_wherever_they_stand(void **state)
{
    assert_refused(*state, plain, S("GET / HTTP/1.1\nHost: a\r\nConnection: close\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\nConnection: close\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\nHost: a\nConnection: close\n\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.0\n\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.0\r\n\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.0\n\r\n"), 400);
}

static void bare_carriage_returns_are_refused(void **state)
{
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\rX: b\r\nConnection: close\r\n\r\n"),
                   400);
    assert_refused(*state, plain,
                   S("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\nConnection: close\r\n\r\n"), 400);
    assert_refused(*state, plain,
                   S("GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\nConnection: close\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET /\r HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                   400);
}

static void folded_header_lines_are_refused(void **state)
{
    assert_refused(*state, plain,
                   S("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\nConnection: close\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n \r\n\r\n"), 400);
    assert_refused(
        *state, plain,
        S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), 400);
    assert_refused(*state, plain,
                   S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n 0\r\n\r\n0123456789"),
                   400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400);
}

static void a_blank_before_the_colon_is_refused(void **state)
{
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc"),
                   400);
    assert_refused(*state, plain,
                   S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
                   400);
}

static void a_line_that_is_no_header_is_refused(void **state)
{
    assert_refused(*state, plain,
                   S("GET / HTTP/1.1\r\nHost: : \n: \nSmuggled: x\r\n\r\nGET /x" GET_END), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\n:\r\nX: y\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n"), 400);
}

static void a_nul_anywhere_in_the_head_is_refused(void **state)
{
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX: b\0\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX: b\0\r\nY: c\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\n\0hidden: b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1\r\nHost: a\r\n\0\r\nX: b\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET\0 / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

static void a_request_line_with_too_many_blanks_is_refused(void **state)
{
    assert_refused(*state, plain, S("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

static void paths_that_could_mean_another_path_are_refused(void **state)
{
    static const char *const bad[] = {
        "/a%00b",  "/%00",       "/a%0ab",         "/a%7f",   "/..",        "/../etc/passwd",
        "/a/../b", "/a/..",      "/%2e%2e/x",      "/.%2E/x", "/a/./b",     "/.",
        "//a",     "/a//b",      "/a%2fb",         "/a%5cb",  "/a\\b",      "/%",
        "/%4",     "/%zz",       "/%ff",           "/%c0%af", "/%ed%a0%80", "a",
        "",        "http://a/b", "http://other/b", "a:80",    "/a#b",       "*",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cx *cx = *state;
        str all = arena_printf(cx->arena, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", bad[i]);
        str got = ask(cx, plain, all);
        if (bad[i][0] && (status_of(got) != 400 || answers_in(got) != 1))
            fail_msg("'%s': '" SFMT "'", bad[i], SARG(got));
        assert_has_not(got, S("200 OK"));
    }
}

static void other_versions_are_refused(void **state)
{
    assert_refused(*state, plain, S("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
    assert_refused(*state, plain, S("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
    assert_refused(*state, plain, S("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505);
    assert_refused(*state, plain, S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    assert_refused(*state, plain, S("GET / http/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_refused(*state, plain, S("GET /\r\n\r\n"), 400);
}

static void unknown_methods_are_refused_with_the_known_ones(void **state)
{
    static const char *const bad[] = {"TRACE", "CONNECT", "get", "GETT", "BREW"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cx *cx = *state;
        str got =
            ask(cx, plain, arena_printf(cx->arena, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", bad[i]));
        assert_int_equal(status_of(got), 405);
        assert_has(got, S("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
    }
}

static void a_refusal_says_why_in_the_language_asked_for(void **state)
{
    str en = ask(*state, plain, S("GET /.. HTTP/1.1\r\nHost: a\r\n\r\n"));
    str ja = ask(*state, plain,
                 S("POST /none HTTP/1.1\r\nHost: a\r\nAccept-Language: ja\r\nContent-Length: "
                   "5\r\n\r\nabcde"));

    assert_has(en, S("Content-Type: application/problem+json\r\n"));
    assert_has(en, S("\"status\":400"));
    assert_has(en, S("\"code\":\"malformed\""));
    assert_has(en, S("The path of the request is not acceptable."));
    assert_has(ja, S("\"code\":\"too_big\""));
    assert_has(ja, S("リクエスト本文"));
}

/* ---- sizes
 * ------------------------------------------------------------------------------------------- */

static void sixty_four_headers_pass_and_more_are_refused(void **state)
{
    struct cx *cx = *state;
    int counts[] = {64, 65, 300};
    for (size_t k = 0; k < COUNT(counts); k++) {
        struct text t = text_in(cx->arena, 65536);
        text_add(&t, S("GET /n HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"));
        for (int i = 2; i < counts[k]; i++)
            text_printf(&t, "X%d: y\r\n", i);
        text_add(&t, S("\r\n"));
        str got = ask(cx, plain, text_str(&t));
        assert_int_equal(status_of(got), counts[k] <= 64 ? 200 : 431);
    }
}

static void large_heads_are_refused_and_the_largest_allowed_is_answered(void **state)
{
    struct cx *cx = *state;
    struct {
        size_t n;
        int status;
    } cases[] = {{7000, 200}, {8100, 200}, {8300, 431}, {9500, 431}, {40000, 431}, {1000000, 431}};
    for (size_t k = 0; k < COUNT(cases); k++) {
        char *fill = arena_alloc(cx->arena, 1, cases[k].n + 1);
        memset(fill, 'y', cases[k].n);
        str got = ask(
            cx, plain,
            arena_printf(cx->arena,
                         "GET /n HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: %s\r\n\r\n", fill));
        if (status_of(got) != cases[k].status)
            fail_msg("%zu bytes: '" SFMT "'", cases[k].n, SARG(got));
    }
}

static void a_long_address_is_refused_as_such(void **state)
{
    struct cx *cx = *state;
    size_t sizes[] = {6000, 6200, 8000, 30000, 500000};
    for (size_t k = 0; k < COUNT(sizes); k++) {
        char *fill = arena_alloc(cx->arena, 1, sizes[k] + 1);
        memset(fill, 'y', sizes[k]);
        str got = ask(cx, plain, arena_printf(cx->arena, "GET /n?%s" GET_END, fill));
        int want = sizes[k] <= 6140 ? 200 : 414;
        if (status_of(got) != want)
            fail_msg("%zu bytes: '" SFMT "'", sizes[k], SARG(got));
    }
}

static void a_body_up_to_the_routes_limit_passes_and_one_byte_more_does_not(void **state)
{
    struct cx *cx = *state;
    char *fill = arena_alloc(cx->arena, 1, 10002);
    memset(fill, 'y', 10001);

    str fits = ask(cx, plain,
                   arena_printf(cx->arena,
                                "POST /p HTTP/1.1\r\nHost: a\r\nConnection: "
                                "close\r\nContent-Length: 10000\r\n\r\n%.10000s",
                                fill));
    str not =
        ask(cx, plain,
            arena_printf(cx->arena,
                         "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10001\r\n\r\n%s", fill));
    str none = ask(cx, plain, S("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"));
    str empty =
        ask(cx, plain,
            S("POST /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));

    assert_int_equal(status_of(fits), 200);
    assert_int_equal(status_of(not ), 413);
    assert_int_equal(status_of(none), 413);
    assert_int_equal(status_of(empty), 200);
}

static void a_hundred_megabytes_are_refused_before_they_are_sent(void **state)
{
    int fd = dial(plain);
    put(fd, S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n"));
    str got = get_all(*state, fd);
    close(fd);

    assert_int_equal(status_of(got), 413);
}

static void a_client_that_sends_on_still_gets_to_read_its_refusal(void **state)
{
    struct cx *cx = *state;
    char *fill = arena_alloc(cx->arena, 1, 1 << 20);
    int fd = dial(plain);
    put(fd, S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n"));
    for (int i = 0; i < 3; i++)
        put(fd, (str){fill, 1 << 20});
    bool ended = false;
    str got = get_until(cx, fd, S("\r\n\r\n"), &ended);
    close(fd);

    assert_int_equal(status_of(got), 413);
}

static void chunks_over_the_limit_are_refused(void **state)
{
    struct cx *cx = *state;
    struct text t = text_in(cx->arena, 1 << 20);
    text_add(&t, S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 101; i++)
        text_printf(&t, "64\r\n%0100d\r\n", i);
    text_add(&t, S("0\r\n\r\n"));
    str got = ask(cx, plain, text_str(&t));

    assert_int_equal(status_of(got), 413);
    assert_int_equal(count_of(got, S("HTTP/1.1 ")), 1);
    assert_has(got, S("\"code\":\"too_big\""));
}

static void a_large_body_is_taken_where_the_route_wants_one(void **state)
{
    struct cx *cx = *state;
    size_t n = 20 << 20;
    int fd = dial(plain);
    put(fd,
        arena_printf(
            cx->arena,
            "POST /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
            n));
    char *fill = calloc(1, n);
    assert_non_null(fill);
    memset(fill, 'z', n);
    bool is_sent = put(fd, (str){fill, n});
    str got = get_all(cx, fd);
    close(fd);

    assert_true(is_sent);
    assert_int_equal(status_of(got), 200);
    ptrdiff_t at = str_find(got, S("body="));
    assert_true(at > 0 && got.len > n);
    assert_memory_equal(got.ptr + at + 5, fill, n);
    free(fill);
}

static void a_client_that_asks_first_is_told_to_go_on(void **state)
{
    int fd = dial(plain);
    bool ended = false;
    put(fd, S("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
              "3\r\nConnection: close\r\n\r\n"));
    str first = get_until(*state, fd, S("\r\n\r\n"), &ended);
    put(fd, S("abc"));
    str rest = get_all(*state, fd);
    close(fd);

    assert_true(str_starts(first, S("HTTP/1.1 100 Continue\r\n")));
    assert_int_equal(status_of(rest), 200);
    assert_has(rest, S("body=abc peer"));
}

static void a_client_that_asks_first_for_too_much_is_refused_without_go_on(void **state)
{
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 30000\r\n\r\n"),
        413);
    assert_refused(
        *state, plain,
        S("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 3\r\n\r\nabc"), 417);
}

/* ---- slow clients
 * ---------------------------------------------------------------------------------------- */

/* Sends one byte each 100 ms until the server hangs up; false when it never does. */
static bool is_cut_while_dripping(int fd, str drip)
{
    int64_t until = clock_mono_ns() + (int64_t)PATIENCE_MS * 1000000;
    for (size_t i = 0; clock_mono_ns() < until; i++) {
        char c;
        if (!put(fd, (str){drip.ptr + i % drip.len, 1}) || recv(fd, &c, 1, MSG_DONTWAIT) == 0)
            return true;
        nap_ms(100);
    }
    return false;
}

static void a_head_that_drips_is_cut(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){.header_seconds = 1});
    int fd = dial(t), in_line = dial(t);
    put(fd, S("GET / HTTP/1.1\r\nHost: a\r\nX: "));
    put(in_line, S("GET /"));

    assert_true(is_cut_while_dripping(fd, S("y")));
    assert_true(is_cut_while_dripping(in_line, S("y")));
    assert_true(figures(t).cut_slow >= 2);

    close(fd);
    close(in_line);
    test_stop(t);
}

static void a_silent_client_is_cut(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){.header_seconds = 1});
    int fd = dial(t);
    str got = get_all(*state, fd);
    close(fd);

    assert_int_equal(got.len, 0);
    await(figures(t).connections == 0);
    test_stop(t);
}

static void a_body_that_drips_is_cut_and_a_steady_one_is_not(void **state)
{
    struct test_server *t = test_open(
        *state, (struct http_options){.header_seconds = 1, .body_bytes_per_second = 1000000});
    int fd = dial(t);
    put(fd, S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n"));
    assert_true(is_cut_while_dripping(fd, S("y")));
    close(fd);
    test_stop(t);

    t = test_open(*state, (struct http_options){.header_seconds = 1, .body_bytes_per_second = 1});
    fd = dial(t);
    put(fd, S("POST /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20\r\n\r\n"));
    for (int i = 0; i < 20; i++) {
        nap_ms(100);
        put(fd, S("y"));
    }
    str got = get_all(*state, fd);
    close(fd);
    assert_int_equal(status_of(got), 200);
    test_stop(t);
}

static void a_connection_idle_between_requests_is_closed_and_not_counted_as_slow(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){.idle_seconds = 1});
    int fd = dial(t);
    put(fd, S("GET /now HTTP/1.1\r\nHost: a\r\n\r\n"));
    str got = get_all(*state, fd);
    close(fd);

    assert_int_equal(status_of(got), 200);
    assert_int_equal(figures(t).cut_slow, 0);
    test_stop(t);
}

static void a_client_that_does_not_read_its_answer_is_cut(void **state)
{
    struct test_server *t = test_open(
        *state, (struct http_options){.header_seconds = 1, .body_bytes_per_second = 100000000});
    int fd = dial(t), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    put(fd, S("GET /big?40000000 HTTP/1.1\r\nHost: a\r\n\r\n"));

    await(figures(t).cut_slow == 1);
    await(figures(t).connections == 0);
    close(fd);
    test_stop(t);
}

static void a_slow_handler_is_no_slow_client(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){.header_seconds = 1});
    int fd = dial(t);
    put(fd, S("GET /keep HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    nap_ms(1600);
    pthread_mutex_lock(&t->lock);
    struct http_exchange *x = t->kept;
    pthread_mutex_unlock(&t->lock);
    assert_non_null(x);
    test_echo(x);
    str got = get_all(*state, fd);
    close(fd);

    assert_int_equal(status_of(got), 200);
    test_stop(t);
}

static struct http_exchange *kept_of(struct test_server *t)
{
    struct http_exchange *x = NULL;
    while (!x) {
        nap_ms(2);
        pthread_mutex_lock(&t->lock);
        x = t->kept;
        pthread_mutex_unlock(&t->lock);
    }
    return x;
}

/* ---- how many
 * -----------------------------------------------------------------------------------------------
 */

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void beyond_the_limit_connections_wait_their_turn_without_a_busy_loop(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){.max_connections = 3});
    int fds[3];
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = dial(t);
        put(fds[i], S("GET /now HTTP/1.1\r\n"));
    }
    await(figures(t).connections == 3);
    int late = dial(t);
    put(late, S("GET /late" GET_END));
    double before = cpu_seconds();
    nap_ms(1000);
    double used = cpu_seconds() - before;
    struct pollfd p = {.fd = late, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_true(used < 0.2);
    close(fds[0]);
    assert_has(get_all(*state, late), S("[/late]"));

    close(late);
    close(fds[1]);
    close(fds[2]);
    test_stop(t);
}

static void in_a_full_house_the_longest_idle_connection_makes_room(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){.max_connections = 3});
    int fds[3];
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = dial(t);
        bool ended = false;
        put(fds[i], S("GET /now HTTP/1.1\r\nHost: a\r\n\r\n"));
        get_until(*state, fds[i], S("loopback=1"), &ended);
        assert_false(ended);
        nap_ms(20);
    }
    str got = ask(*state, t, S("GET /late" GET_END));

    assert_has(got, S("[/late]"));
    assert_int_equal(get_all(*state, fds[0]).len, 0); /* it was the first to fall idle */
    assert_int_equal(figures(t).cut_slow, 0);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    test_stop(t);
}

static void a_handler_can_see_that_its_client_has_hung_up(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    int fd = dial(t);
    put(fd, S("GET /keep HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct http_exchange *x = kept_of(t);
    assert_false(http_client_is_gone(x));
    close(fd);
    await(http_client_is_gone(x));
    test_echo(x);
    await(figures(t).connections == 0);
    test_stop(t);
}

static void when_descriptors_run_out_accepting_pauses_and_heals(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    struct rlimit before, few;
    getrlimit(RLIMIT_NOFILE, &before);
    int probe = dup(0);
    close(probe);
    few = (struct rlimit){(rlim_t)probe + 20, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    int fds[64], n = 0;
    while (n < 64) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            break;
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons(http_port(t->http)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
        fds[n++] = fd;
    }
    assert_true(n > 0 && n < 64);
    put(fds[n - 1], S("GET /last" GET_END));
    double start = cpu_seconds();
    nap_ms(1000);
    double used = cpu_seconds() - start;
    setrlimit(RLIMIT_NOFILE, &before);
    str got = get_all(*state, fds[n - 1]);

    assert_true(used < 0.2);
    assert_has(got, S("[/last]"));
    for (int i = 0; i < n; i++)
        close(fds[i]);
    test_stop(t);
}

static void a_thousand_short_connections_leave_nothing_behind(void **state)
{
    struct cx *cx = *state;
    struct test_server *t = test_open(cx, (struct http_options){0});
    for (int i = 0; i < 1000; i++) {
        int fd = dial(t);
        put(fd, i % 3 == 0   ? S("GET /x" GET_END)
                : i % 3 == 1 ? S("GET /x HTTP/1.1\r\nHos")
                             : S("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"));
        if (i % 3 == 0) {
            assert_int_equal(status_of(get_all(cx, fd)), 200);
            arena_reset(cx->arena);
        }
        close(fd);
    }
    await(figures(t).connections == 0);
    assert_int_equal(figures(t).cut_slow, 0);
    test_stop(t);
}

/* ---- behind a proxy
 * --------------------------------------------------------------------------------------- */

static void forwarded_addresses_count_from_listed_proxies_only(void **state)
{
    struct cx *cx = *state;
    str via =
        S("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 198.51.100.7\r\n"
          "X-Forwarded-For: 10.1.2.3\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n");
    str proxies[] = {S("127.0.0.1"), S("10.0.0.0/8")};
    struct test_server *t =
        test_open(cx, (struct http_options){.proxies = proxies, .n_proxies = 2});
    str listed = ask(cx, t, via);
    str direct = ask(cx, plain, via);
    test_stop(t);

    assert_has(listed, S("peer=198.51.100.7 "));
    assert_has(listed, S("tls=1 loopback=0"));
    assert_has(listed, S("Strict-Transport-Security: max-age="));
    assert_has(direct, S("peer=127.0.0.1 "));
    assert_has(direct, S("tls=0 loopback=0"));
}

/* ---- opening and closing
 * ------------------------------------------------------------------------------------- */

static str refusal_of(struct cx *cx, struct http_options o)
{
    struct test_server t = {0};
    assert_int_equal(test_try(cx, &t, o), ERR_INVALID);
    return fault_text(cx->arena, LANG_EN, &cx->why);
}

static void listening_outside_in_clear_text_is_refused_with_a_sentence(void **state)
{
    struct cx *cx = *state;

    assert_has(refusal_of(cx, (struct http_options){.host = S("0.0.0.0")}), S("in clear text"));
    assert_has(refusal_of(cx, (struct http_options){.host = S("::")}), S("in clear text"));
    assert_has(refusal_of(cx, (struct http_options){.host = S("example.com")}),
               S("“example.com” is not an address"));
}

static void a_proxy_that_is_no_network_is_refused_with_a_sentence(void **state)
{
    str bad[] = {S("10.0.0.0/33"), S("10.0.0.1/8"), S("proxy"), S(""), S("::1/129"), S("1.2.3.4/")};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cx *cx = *state;
        str why = refusal_of(cx, (struct http_options){.proxies = &bad[i], .n_proxies = 1});
        assert_has(why, S("is neither an address nor a network"));
    }
}

static void a_port_in_use_is_refused_with_a_sentence(void **state)
{
    struct cx *cx = *state;
    str why = refusal_of(cx, (struct http_options){.port = http_port(plain->http)});

    assert_has(why, S("cannot listen on 127.0.0.1"));
    assert_has(why, S("in use"));
}

static void ipv6_is_served_too(void **state)
{
    struct cx *cx = *state;
    struct test_server t = {0};
    pthread_mutex_init(&t.lock, NULL);
    if (test_try(cx, &t, (struct http_options){.host = S("::1")}) != OK) {
        skip();
        return;
    }
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6,
                             .sin6_port = htons(http_port(t.http)),
                             .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    put(fd, S("GET /now" GET_END));
    str got = get_all(cx, fd);
    close(fd);
    http_close(t.http, 1000);

    assert_has(got, S("peer=::1 "));
    assert_has(got, S("loopback=1"));
}

struct late {
    struct test_server *t;
    struct http_exchange *x;
};

static void *answer_late(void *arg)
{
    struct late *l = arg;
    nap_ms(300);
    test_echo(l->x);
    return NULL;
}

static void closing_waits_for_what_was_accepted(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    int fd = dial(t), idle = dial(t);
    put(fd, S("GET /keep HTTP/1.1\r\nHost: a\r\n\r\n"));
    struct late l = {t, kept_of(t)};
    pthread_t thread;
    pthread_create(&thread, NULL, answer_late, &l);
    http_close(t->http, 30000);
    pthread_join(thread, NULL);
    t->http = NULL;
    str got = get_all(*state, fd);
    close(fd);
    close(idle);

    assert_int_equal(status_of(got), 200);
    assert_has(got, S("[/keep]"));
    test_stop(t);
}

static void an_answer_after_the_close_is_safe_and_goes_nowhere(void **state)
{
    struct test_server *t = test_open(*state, (struct http_options){0});
    int fd = dial(t);
    put(fd, S("POST /keep HTTP/1.1\r\nHost: a\r\nX-Note: n\r\nContent-Length: 3\r\n\r\nabc"));
    struct http_exchange *x = kept_of(t);
    http_close(t->http, 50);
    t->http = NULL;
    assert_str(http_request(x)->body, S("abc"));
    assert_str(http_header_of(x, "X-Note"), S("n"));
    test_echo(x);
    str got = get_all(*state, fd);
    close(fd);

    assert_int_equal(got.len, 0);
    test_stop(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered_from_another_thread_and_at_once),
        TEST(escapes_in_the_path_are_decoded_and_the_query_is_left_as_sent),
        TEST(every_answer_carries_the_security_headers),
        TEST(a_handlers_own_headers_replace_the_standard_ones),
        TEST(a_header_with_a_line_break_in_it_is_not_sent),
        TEST(head_has_the_length_but_no_body),
        TEST(no_content_has_no_body),
        TEST(pipelined_requests_are_answered_in_their_order),
        TEST(a_body_in_pieces_arrives_whole),
        TEST(a_cookie_is_found_and_two_that_differ_are_not_believed),
        TEST(a_client_of_http_1_0_is_served_and_closed),
        TEST(two_lengths_are_refused),
        TEST(a_length_that_is_not_a_plain_number_is_refused),
        TEST(a_length_beside_chunks_is_refused),
        TEST(a_host_is_a_name_or_an_address_with_at_most_one_port),
        TEST(a_transfer_encoding_other_than_chunked_is_refused),
        TEST(a_request_in_chunks_is_the_last_of_its_connection),
        TEST(bare_line_feeds_in_chunk_lines_smuggle_nothing),
        TEST(chunk_sizes_that_are_no_numbers_are_refused),
        TEST(a_request_must_name_one_host),
        TEST(a_second_credential_or_content_type_is_refused),
        TEST(bare_line_feeds_are_refused_wherever_they_stand),
        TEST(bare_carriage_returns_are_refused),
        TEST(folded_header_lines_are_refused),
        TEST(a_blank_before_the_colon_is_refused),
        TEST(a_line_that_is_no_header_is_refused),
        TEST(a_nul_anywhere_in_the_head_is_refused),
        TEST(a_request_line_with_too_many_blanks_is_refused),
        TEST(paths_that_could_mean_another_path_are_refused),
        TEST(other_versions_are_refused),
        TEST(unknown_methods_are_refused_with_the_known_ones),
        TEST(a_refusal_says_why_in_the_language_asked_for),
        TEST(sixty_four_headers_pass_and_more_are_refused),
        TEST(large_heads_are_refused_and_the_largest_allowed_is_answered),
        TEST(a_long_address_is_refused_as_such),
        TEST(a_body_up_to_the_routes_limit_passes_and_one_byte_more_does_not),
        TEST(a_hundred_megabytes_are_refused_before_they_are_sent),
        TEST(a_client_that_sends_on_still_gets_to_read_its_refusal),
        TEST(chunks_over_the_limit_are_refused),
        TEST(a_large_body_is_taken_where_the_route_wants_one),
        TEST(a_client_that_asks_first_is_told_to_go_on),
        TEST(a_client_that_asks_first_for_too_much_is_refused_without_go_on),
        TEST(a_head_that_drips_is_cut),
        TEST(a_silent_client_is_cut),
        TEST(a_body_that_drips_is_cut_and_a_steady_one_is_not),
        TEST(a_connection_idle_between_requests_is_closed_and_not_counted_as_slow),
        TEST(a_client_that_does_not_read_its_answer_is_cut),
        TEST(a_slow_handler_is_no_slow_client),
        TEST(beyond_the_limit_connections_wait_their_turn_without_a_busy_loop),
        TEST(in_a_full_house_the_longest_idle_connection_makes_room),
        TEST(a_handler_can_see_that_its_client_has_hung_up),
        TEST(when_descriptors_run_out_accepting_pauses_and_heals),
        TEST(a_thousand_short_connections_leave_nothing_behind),
        TEST(forwarded_addresses_count_from_listed_proxies_only),
        TEST(listening_outside_in_clear_text_is_refused_with_a_sentence),
        TEST(a_proxy_that_is_no_network_is_refused_with_a_sentence),
        TEST(a_port_in_use_is_refused_with_a_sentence),
        TEST(ipv6_is_served_too),
        TEST(closing_waits_for_what_was_accepted),
        TEST(an_answer_after_the_close_is_safe_and_goes_nowhere),
    };
    return cmocka_run_group_tests(tests, open_plain, close_plain);
}
