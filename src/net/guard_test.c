/* net/guard_test.c - addresses, paths, headers, cookies and forwarded clients. */
#include "net/guard.h"

#include "base/base_test.h"

static void addresses_are_read_and_written_back(void **state)
{
    static const char *const pairs[][2] = {
        {"127.0.0.1", "127.0.0.1"},    {"::1", "::1"},         {"2001:DB8:0::1", "2001:db8::1"},
        {"::ffff:1.2.3.4", "1.2.3.4"}, {"0.0.0.0", "0.0.0.0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct net_addr a;
        char text[NET_ADDR_TEXT];
        assert_true(net_addr_parse(str_of(pairs[i][0]), &a));
        assert_str(net_addr_text(&a, text), str_of(pairs[i][1]));
    }
}

static void what_is_no_address_is_not_read_as_one(void **state)
{
    static const char *const bad[] = {"",           "1.2.3",    "1.2.3.4.5",  "256.1.1.1",
                                      "0x7f.0.0.1", "127.1",    "2130706433", "::1%lo",
                                      " 1.2.3.4",   "1.2.3.4 ", "localhost",  ":::"};
    (void)state;
    struct net_addr a;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(net_addr_parse(str_of(bad[i]), &a));
    assert_false(net_addr_parse(S("1.2.3.4\0"), &a));
}

static bool is_in(const char *block, const char *addr)
{
    struct net_block b;
    struct net_addr a;
    assert_true(net_block_parse(str_of(block), &b));
    assert_true(net_addr_parse(str_of(addr), &a));
    return net_block_has(&b, &a);
}

static void a_network_holds_its_own_addresses_only(void **state)
{
    (void)state;
    assert_true(is_in("10.0.0.0/8", "10.255.255.255"));
    assert_false(is_in("10.0.0.0/8", "11.0.0.0"));
    assert_true(is_in("192.0.2.128/25", "192.0.2.255"));
    assert_false(is_in("192.0.2.128/25", "192.0.2.127"));
    assert_true(is_in("192.0.2.7", "192.0.2.7"));
    assert_false(is_in("192.0.2.7", "192.0.2.6"));
    assert_true(is_in("0.0.0.0/0", "8.8.8.8"));
    assert_false(is_in("0.0.0.0/0", "::1"));
    assert_true(is_in("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(is_in("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(is_in("::/0", "2001:db8::1"));
}

static void loopback_is_all_of_127_and_one_address_of_ipv6(void **state)
{
    (void)state;
    static const char *const in[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"},
                             *const out[] = {"126.255.255.255", "128.0.0.1", "::2",
                                             "::", "10.0.0.1"};
    struct net_addr a;
    for (size_t i = 0; i < COUNT(in); i++)
        assert_true(net_addr_parse(str_of(in[i]), &a) && net_addr_is_loopback(&a));
    for (size_t i = 0; i < COUNT(out); i++)
        assert_true(net_addr_parse(str_of(out[i]), &a) && !net_addr_is_loopback(&a));
}

static enum refusal path_of(struct cx *cx, const char *raw, str *path)
{
    size_t len = strlen(raw);
    char *buf = arena_alloc(cx->arena, 1, len + 1);
    memcpy(buf, raw, len);
    return guard_path(buf, len, path);
}

static void plain_paths_are_decoded_once(void **state)
{
    static const char *const pairs[][2] = {
        {"/", "/"},           {"/a/", "/a/"},
        {"/a%20b", "/a b"},   {"/%41%62", "/Ab"},
        {"/%2541", "/%41"},   {"/...", "/..."},
        {"/a..b", "/a..b"},   {"/.a", "/.a"},
        {"/%E2%82%AC", "/€"}, {"/a+b&c=d;e", "/a+b&c=d;e"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        str path = {0};
        assert_int_equal(path_of(*state, pairs[i][0], &path), REFUSE_NOTHING);
        assert_str(path, str_of(pairs[i][1]));
    }
}

/* ---- the client behind proxies
 * ------------------------------------------------------------------------ */

static void assert_client(const char *from, const char *one, const char *two, const char *expected)
{
    struct net_block proxies[3];
    struct net_addr a;
    assert_true(net_block_parse(S("10.0.0.0/8"), &proxies[0]));
    assert_true(net_block_parse(S("127.0.0.1"), &proxies[1]));
    assert_true(net_block_parse(S("2001:db8:1::/48"), &proxies[2]));
    assert_true(net_addr_parse(str_of(from), &a));
    struct http_header h[] = {{S("Accept"), S("1.1.1.1")},
                              {S("X-Forwarded-For"), str_of(one)},
                              {S("x-forwarded-for"), str_of(two)}};
    struct net_addr client = guard_client(proxies, 3, &a, h, two ? 3 : one ? 2 : 1);
    char text[NET_ADDR_TEXT];
    assert_str(net_addr_text(&client, text), str_of(expected));
}

static void the_client_is_the_right_most_hop_that_is_no_listed_proxy(void **state)
{
    (void)state;
    assert_client("192.0.2.1", "1.1.1.1", NULL, "192.0.2.1");
    assert_client("10.0.0.1", NULL, NULL, "10.0.0.1");
    assert_client("10.0.0.1", "1.1.1.1", NULL, "1.1.1.1");
    assert_client("10.0.0.1", "6.6.6.6, 1.1.1.1", NULL, "1.1.1.1");
    assert_client("10.0.0.1", "6.6.6.6,1.1.1.1 , 10.9.9.9", NULL, "1.1.1.1");
    assert_client("10.0.0.1", "6.6.6.6", "1.1.1.1", "1.1.1.1");
    assert_client("10.0.0.1", "6.6.6.6, 1.1.1.1", "10.3.3.3,127.0.0.1", "1.1.1.1");
    assert_client("10.0.0.1", "10.4.4.4, 10.5.5.5", NULL, "10.4.4.4");
    assert_client("10.0.0.1", "1.1.1.1:4711", NULL, "1.1.1.1");
    assert_client("2001:db8:1::5", "[2001:db8:2::1]:4711", NULL, "2001:db8:2::1");
    assert_client("2001:db8:1::5", "2001:db8:2::1", NULL, "2001:db8:2::1");
    assert_client("2001:db8:1::5", "[2001:db8:2::1]", NULL, "2001:db8:2::1");
}

static void an_unreadable_hop_ends_the_chain_at_the_proxy_that_named_it(void **state)
{
    (void)state;
    assert_client("10.0.0.1", "unknown", NULL, "10.0.0.1");
    assert_client("10.0.0.1", "1.1.1.1, _hidden", NULL, "10.0.0.1");
    assert_client("10.0.0.1", "1.1.1.1, garbage, 10.2.2.2", NULL, "10.2.2.2");
    assert_client("10.0.0.1", "1.1.1.1,", NULL, "10.0.0.1");
    assert_client("10.0.0.1", "1.1.1.1, ,10.2.2.2", NULL, "10.2.2.2");
    assert_client("10.0.0.1", "127.1", NULL, "10.0.0.1");
    assert_client("10.0.0.1", "1.1.1.1:0", NULL, "10.0.0.1");
    assert_client("10.0.0.1", "[::1", NULL, "10.0.0.1");
}

static void cookies_are_found_by_their_whole_name(void **state)
{
    (void)state;
    struct http_header h[] = {{S("Cookie"), S("xsid=1; sid2=2 ;sid = a=b ; other")},
                              {S("cookie"), S("second=2; sid=a=b")}};
    assert_str(guard_cookie(h, 2, S("sid")), S("a=b"));
    assert_str(guard_cookie(h, 2, S("second")), S("2"));
    assert_int_equal(guard_cookie(h, 2, S("id")).len, 0);
    assert_int_equal(guard_cookie(h, 0, S("sid")).len, 0);
    assert_int_equal(guard_cookie(h, 2, S("other")).len, 0);
}

static void every_refusal_has_a_status_a_code_and_a_sentence(void **state)
{
    struct cx *cx = *state;
    for (int r = REFUSE_NOTHING + 1; r < REFUSE_N; r++) {
        const struct refusal_row *row = guard_refusal((enum refusal)r);
        assert_in_range(row->status, 400, 505);
        assert_non_null(row->code);
        for (int l = 0; l < LANG_N; l++)
            assert_true(msg_text(cx->arena, (enum lang)l, row->msg, NULL, 0).len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_read_and_written_back),
        TEST(what_is_no_address_is_not_read_as_one),
        TEST(a_network_holds_its_own_addresses_only),
        TEST(loopback_is_all_of_127_and_one_address_of_ipv6),
        TEST(plain_paths_are_decoded_once),
        TEST(the_client_is_the_right_most_hop_that_is_no_listed_proxy),
        TEST(an_unreadable_hop_ends_the_chain_at_the_proxy_that_named_it),
        TEST(cookies_are_found_by_their_whole_name),
        TEST(every_refusal_has_a_status_a_code_and_a_sentence),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
