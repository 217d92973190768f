#include "base/base_test.h"
#include "messages.h"
#include "rooms/source/inside.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a folder of the test's own ---------------------------------------------------------------- */

struct desk {
    struct cx *cx;
    char dir[64], files[80];
};

static int desk_open(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    assert_non_null(d);
    void *cx = NULL;
    test_cx_open(&cx);
    d->cx = cx;
    snprintf(d->dir, sizeof d->dir, "%s", "/tmp/kith-source-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->files, sizeof d->files, "%s/files", d->dir);
    assert_int_equal(mkdir(d->files, 0700), 0);
    *state = d;
    return 0;
}

static int desk_close(void **state)
{
    struct desk *d = *state;
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", d->dir);
    assert_int_equal(system(command), 0);
    void *cx = d->cx;
    test_cx_close(&cx);
    free(d);
    return 0;
}
#define DESK_TEST(fn) cmocka_unit_test_setup_teardown(fn, desk_open, desk_close)

static str put(struct desk *d, const char *name, str bytes)
{
    str path = arena_printf(d->cx->arena, "%s/%s", d->files, name);
    FILE *f = fopen(path.ptr, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    fclose(f);
    return path;
}

static enum err update(struct desk *d, const str *from, size_t n, const char *kind)
{
    struct source_made made;
    struct source_wish w = {
        .data_dir = str_of(d->dir), .from = from, .n_from = n, .kind = str_of(kind)};
    d->cx->why = (struct fault){0};
    return source_update(d->cx, &w, &made);
}

static struct source *made_of(struct desk *d, const char *name, const char *text)
{
    str path = put(d, name, str_of(text));
    if (update(d, &path, 1, "") != OK)
        fail_msg("%s: " SFMT, name, SARG(fault_text(d->cx->arena, LANG_EN, &d->cx->why)));
    struct source *s = source_open(str_of(d->dir));
    assert_non_null(s);
    return s;
}

/* ---- countries ------------------------------------------------------------------------------------ */

static const char geoip[] =
    "# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n# Vendor:    IPFire Project\n# License:   CC BY-SA 4.0\n"
    "16777216,16777471,AU\n16777472,16778239,CN\n16778240,16779263,AU\n"
    "33554432,33554432,??\n33554433,33554433,EU\n33554434,33554434,UK\n4294967040,4294967295,JP\n";
static const char geoip6[] =
    "2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP\n2001:db8::1,2001:db8::1,KZ\n";

static void assert_country(struct source *s, const char *ip, const char *wanted)
{
    char country[3];
    bool is_known = source_ip_country(s, str_of(ip), country);
    if (strcmp(country, wanted) != 0 || is_known != (*wanted != '\0'))
        fail_msg("%s is of '%s', wanted '%s'", ip, country, wanted);
}

static void an_address_has_a_country_or_it_is_unknown(void **state)
{
    struct desk *d = *state;
    str files[] = {put(d, "geoip", str_of(geoip)), put(d, "geoip6", str_of(geoip6))};
    assert_int_equal(update(d, files, 2, ""), OK);
    struct source *s = source_open(str_of(d->dir));
    static const char *const cases[][2] = {
        {"1.0.0.0", "AU"},
        {"1.0.0.255", "AU"},
        {"1.0.1.0", "CN"},
        {"1.0.3.255", "CN"},
        {"1.0.4.0", "AU"},
        {"1.0.8.0", ""},
        {"0.255.255.255", ""},
        {"2.0.0.0", ""},
        {"2.0.0.1", ""},
        {"2.0.0.2", "GB"},
        {"255.255.255.255", "JP"},
        {"255.255.254.255", ""},
        {"2001:200::1", "JP"},
        {"2001:1ff::", ""},
        {"2001:201::", ""},
        {"2001:db8::1", "KZ"},
        {"2001:db8::2", ""},
        {"2001:db8::", ""},
        {"::ffff:1.0.0.1", "AU"},
        {"64:ff9b::1.0.1.1", "CN"},
        {"[2001:200::1]", "JP"},
        {"2001:200::1%eth0", "JP"},
        {" 1.0.0.1 ", "AU"},
        {"127.0.0.1", ""},
        {"", ""},
        {"1.0.0", ""},
        {"1.0.0.256", ""},
        {"1.0.0.1:80", ""},
        {"01.0.0.1", ""},
        {"example.com", ""},
        {"::", ""},
        {"2001:200::1::", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_country(s, cases[i][0], cases[i][1]);
    assert_int_equal(source_ip_is_of(s, S("1.0.0.1"), S("au")), SAYS_YES);
    assert_int_equal(source_ip_is_of(s, S("1.0.0.1"), S("CN")), SAYS_NO);
    assert_int_equal(source_ip_is_of(s, S("127.0.0.1"), S("CN")), SAYS_UNKNOWN);
    assert_int_equal(source_ip_is_of(s, S("1.0.0.1"), S("")), SAYS_UNKNOWN);
    struct source_row rows[SOURCE_ROWS];
    source_rows(s, d->cx, rows);
    assert_int_equal(rows[SOURCE_COUNTRY].state, SOURCE_LOADED);
    assert_str(rows[SOURCE_COUNTRY].date, S("2026-06-25"));
    assert_str(rows[SOURCE_COUNTRY].licence, S("CC BY-SA 4.0"));
    assert_str(rows[SOURCE_COUNTRY].attribution, S("IPFire Project, https://location.ipfire.org"));
    assert_str(rows[SOURCE_COUNTRY].origin, S("geoip, geoip6"));
    d->cx->now_ms += (int64_t)300 * 86400000;
    source_rows(s, d->cx, rows);
    assert_int_equal(rows[SOURCE_COUNTRY].state, SOURCE_OLD);
    source_close(s);
}

/* What the ranges say, asked one by one, is what the text says. */
static void random_ranges_are_found_as_they_were_written(void **state)
{
    struct desk *d = *state;
    uint64_t seed = 7;
    static const char *const codes[] = {"JP", "KZ", "RU", "CN", "US"};
    struct text t = text_in(d->cx->arena, 1 << 20);
    uint32_t from[500], to[500];
    size_t code[500];
    uint32_t at = 1000;
    for (size_t i = 0; i < 500; i++) {
        at += (uint32_t)(test_random(&seed) % 3) * 500;
        from[i] = at;
        at += (uint32_t)(test_random(&seed) % 3000);
        to[i] = at++;
        code[i] = test_random(&seed) % 5;
        text_printf(&t, "%u,%u,%s\n", from[i], to[i], codes[code[i]]);
    }
    struct source *s = made_of(d, "geoip", arena_cstr(d->cx->arena, text_str(&t)));
    for (int k = 0; k < 20000; k++) {
        uint32_t ip = (uint32_t)(test_random(&seed) % (at + 2000)), net = htonl(ip);
        char text[INET_ADDRSTRLEN];
        const char *wanted = "";
        for (size_t i = 0; i < 500; i++)
            if (ip >= from[i] && ip <= to[i])
                wanted = codes[code[i]];
        assert_country(s, inet_ntop(AF_INET, &net, text, sizeof text), wanted);
    }
    source_close(s);
}

static void without_files_everything_is_unknown(void **state)
{
    struct desk *d = *state;
    struct source *s = source_open(str_of(d->dir)), *const both[] = {s, NULL};
    for (size_t i = 0; i < 2; i++) {
        str base;
        assert_country(both[i], "1.0.0.1", "");
        struct source_network n = source_ip_network(both[i], S("1.0.0.1"));
        assert_true(n.kind == SOURCE_NET_UNKNOWN && n.tor == SAYS_UNKNOWN &&
                    n.vpn == SAYS_UNKNOWN && n.hosting == SAYS_UNKNOWN);
        assert_false(source_domain_base(both[i], S("mail.example.com"), &base));
        assert_false(source_is_loaded(both[i], SOURCE_COUNTRY));
    }
    assert_int_equal(source_domain(s, S("gmail.com")),
                     SOURCE_MAIL_FREE); /* ours are always there */
    assert_int_equal(source_domain(NULL, S("gmail.com")), SOURCE_MAIL_UNKNOWN);
    struct source_row rows[SOURCE_ROWS];
    source_rows(NULL, d->cx, rows);
    assert_int_equal(rows[SOURCE_COUNTRY].state, SOURCE_MISSING);
    assert_int_equal(rows[SOURCE_FAMOUS].state, SOURCE_LOADED);
    source_close(s);
}

/* ---- networks ---------------------------------------------------------------------------------------- */

static void a_network_is_tor_hosting_none_or_unknown(void **state)
{
    struct desk *d = *state;
    source_close(made_of(
        d, "tor-exits.txt",
        "# date: 2026-11-20\n192.0.2.1\n2001:db8::/48 ; a remark\nExitAddress 192.0.2.9 2026-11-20 10:00:00\n"));
    struct source *s = source_open(str_of(d->dir));
    assert_int_equal(source_ip_network(s, S("192.0.2.1")).kind, SOURCE_NET_TOR);
    assert_int_equal(source_ip_network(s, S("192.0.2.9")).tor, SAYS_YES);
    assert_int_equal(source_ip_network(s, S("2001:db8:0:ffff::1")).tor, SAYS_YES);
    assert_int_equal(source_ip_network(s, S("2001:db8:1::")).tor, SAYS_NO);
    /* No list of hosting: no does not follow. */
    assert_int_equal(source_ip_network(s, S("192.0.2.2")).tor, SAYS_NO);
    assert_int_equal(source_ip_network(s, S("192.0.2.2")).kind, SOURCE_NET_UNKNOWN);
    source_close(s);
    source_close(made_of(d, "hosting.csv",
                         "198.51.100.0/24,somebody\n203.0.113.5-203.0.113.9\n192.0.2.0/30\n"));
    s = made_of(d, "vpn_ranges.txt", "203.0.113.200\n");
    assert_int_equal(source_ip_network(s, S("198.51.100.255")).kind, SOURCE_NET_HOSTING);
    assert_int_equal(source_ip_network(s, S("203.0.113.9")).kind, SOURCE_NET_HOSTING);
    assert_int_equal(source_ip_network(s, S("203.0.113.10")).kind, SOURCE_NET_NONE);
    assert_int_equal(source_ip_network(s, S("192.0.2.1")).kind, SOURCE_NET_TOR);
    assert_int_equal(source_ip_network(s, S("192.0.2.1")).hosting, SAYS_YES);
    assert_int_equal(source_ip_network(s, S("203.0.113.200")).kind, SOURCE_NET_VPN);
    /* The list of hosting has nothing of IPv6. */
    assert_int_equal(source_ip_network(s, S("2001:db8:1::")).hosting, SAYS_UNKNOWN);
    assert_int_equal(source_ip_network(s, S("2001:db8:1::")).kind, SOURCE_NET_UNKNOWN);
    source_close(s);
}

/* ---- domains -------------------------------------------------------------------------------------------- */

static const char suffixes[] =
    "// ===BEGIN ICANN DOMAINS===\n// VERSION: 2026-01-02_03-04-05_UTC\ncom\nuk\nco.uk\njp\nco.jp\n*.kawasaki.jp\n!city.kawasaki.jp\n*.ck\n!www.ck\n"
    "рф\n公司.cn\ncn\n// ===BEGIN PRIVATE DOMAINS===\ngithub.io\nio\n";

static void the_registered_domain_follows_the_public_suffixes(void **state)
{
    struct desk *d = *state;
    struct source *s = made_of(d, "public_suffix_list.dat", suffixes);
    static const char *const cases[][2] = {
        {"example.com", "example.com"},
        {"mail.Example.com", "Example.com"},
        {"a.b.example.co.uk", "example.co.uk"},
        {"anna@mail.example.co.uk", "example.co.uk"},
        {"co.uk", ""},
        {"example.com.", "example.com"},
        {"x.y.kawasaki.jp", "x.y.kawasaki.jp"},
        {"a.x.y.kawasaki.jp", "x.y.kawasaki.jp"},
        {"y.kawasaki.jp", ""},
        {"city.kawasaki.jp", "city.kawasaki.jp"},
        {"a.city.kawasaki.jp", "city.kawasaki.jp"},
        {"www.ck", "www.ck"},
        {"a.b.ck", "a.b.ck"},
        {"b.ck", ""},
        {"me.github.io", "me.github.io"},
        {"github.io", ""},
        {"xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"},
        {"a.example.unheardof", "example.unheardof"},
        {"localhost", ""},
        {"", ""},
        {"..", ""},
        {"a..b", ""},
        {"a b.com", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str base;
        bool is = source_domain_base(s, str_of(cases[i][0]), &base);
        if (is != (cases[i][1][0] != '\0') || !str_eq(base, str_of(cases[i][1])))
            fail_msg("%s: '" SFMT "', wanted '%s'", cases[i][0], SARG(base), cases[i][1]);
    }
    struct source_row rows[SOURCE_ROWS];
    source_rows(s, d->cx, rows);
    assert_str(rows[SOURCE_SUFFIX].licence, S("MPL-2.0"));
    assert_str(rows[SOURCE_SUFFIX].date, S("2026-01-02"));
    source_close(s);
}

static void a_mail_domain_is_disposable_free_or_another(void **state)
{
    struct desk *d = *state;
    struct source *s = source_open(str_of(d->dir));
    assert_int_equal(source_domain(s, S("anna@gmail.com")), SOURCE_MAIL_FREE);
    assert_int_equal(source_domain(s, S("MAIL.RU")), SOURCE_MAIL_FREE);
    assert_int_equal(source_domain(s, S("corp.mail.ru")),
                     SOURCE_MAIL_OTHER); /* below a free one: somebody's own */
    assert_int_equal(source_domain(s, S("mailinator.com")), SOURCE_MAIL_DISPOSABLE);
    assert_int_equal(source_domain(s, S("x.mailinator.com")), SOURCE_MAIL_DISPOSABLE);
    assert_int_equal(source_domain(s, S("notmailinator.example")), SOURCE_MAIL_OTHER);
    assert_int_equal(source_domain(s, S("example.com")), SOURCE_MAIL_OTHER);
    assert_int_equal(source_domain(s, S("nonsense")), SOURCE_MAIL_UNKNOWN);
    source_close(s);
    /* A list of free providers that has throw-away ones in it: they stay what they are. */
    source_close(made_of(d, "free_mail.txt", "example.org\nmailinator.com\nthrow.example\n"));
    s = made_of(d, "disposable.json", "[\"throw.example\",\n \"*.bin.example\", \"почта.рф\"]\n");
    assert_int_equal(source_domain(s, S("example.org")), SOURCE_MAIL_FREE);
    assert_int_equal(source_domain(s, S("mailinator.com")), SOURCE_MAIL_DISPOSABLE);
    assert_int_equal(source_domain(s, S("throw.example")), SOURCE_MAIL_DISPOSABLE);
    assert_int_equal(source_domain(s, S("a.bin.example")), SOURCE_MAIL_DISPOSABLE);
    assert_int_equal(source_domain(s, S("xn--80a1acny.xn--p1ai")), SOURCE_MAIL_DISPOSABLE);
    assert_int_equal(source_domain(s, S("gmail.com")), SOURCE_MAIL_FREE);
    source_close(s);
}

/* ---- what is refused ----------------------------------------------------------------------------------------- */

static void what_is_wrong_is_refused_with_its_line_and_changes_nothing(void **state)
{
    struct desk *d = *state;
    source_close(made_of(d, "tor.txt", "192.0.2.1\n"));
    static const struct {
        const char *name, *text, *kind;
        uint16_t msg;
        int64_t line;
    } cases[] = {
        {"tor.txt", "192.0.2.1\n192.0.2.1/33\n", "", M_SOURCE_LINE, 2},
        {"tor.txt", "192.0.2.1\n\n192.0.2.300\n", "", M_SOURCE_LINE, 3},
        {"tor.txt", "192.0.2.9-192.0.2.1\n", "", M_SOURCE_LINE, 1},
        {"tor.txt", "192.0.2.9-2001:db8::\n", "", M_SOURCE_LINE, 1},
        {"tor.txt", "0.0.0.0/0\n", "", M_SOURCE_WIDE, 1},
        {"tor.txt", "::/0\n", "", M_SOURCE_WIDE, 1},
        {"tor.txt", "", "", M_SOURCE_EMPTY, 0},
        {"tor.txt", "# nothing\n", "", M_SOURCE_EMPTY, 0},
        {"geoip", "1,5,JP\n3,9,KZ\n", "", M_SOURCE_OVERLAP, 0},
        {"geoip", "1,5,JP\n9,3,KZ\n", "", M_SOURCE_LINE, 2},
        {"geoip", "1,5,JP\n6,4294967296,KZ\n", "", M_SOURCE_LINE, 2},
        {"geoip", "1,5,JP\n6,7,KAZ\n", "", M_SOURCE_LINE, 2},
        {"geoip", "1,5,??\n", "", M_SOURCE_EMPTY, 0},
        {"list.txt", "192.0.2.1\n", "", M_SOURCE_KIND, 0},
        {"list.txt", "192.0.2.1\n", "free", M_SOURCE_KIND, 0},
        {"list.txt", "192.0.2.1\n", "weather", M_SOURCE_NO_KIND, 0},
        {"disposable.txt", "a.example\nno domain!\n", "", M_SOURCE_LINE, 2},
        {"disposable.txt", "a.example\nGMail.com\n", "", M_SOURCE_GREAT, 0},
        {"disposable.txt", "a.example\ncom\n", "", M_SOURCE_LINE, 2},
        {"disposable.txt", "a.example\n\xFF\xFE.example\n", "", M_SOURCE_NO_TEXT, 0},
        {"public_suffix_list.dat", "// ===BEGIN ICANN DOMAINS===\nc om\n..\n", "", M_SOURCE_LINE,
         3},
        {"bad.mmdb", "nothing of the kind", "", M_SOURCE_MMDB, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        str files[] = {put(d, "vpn.txt", S("203.0.113.1\n")),
                       put(d, cases[i].name, str_of(cases[i].text))};
        enum err e =
            update(d, *cases[i].kind ? files + 1 : files, *cases[i].kind ? 1 : 2, cases[i].kind);
        const struct fault *f = &d->cx->why;
        bool has_line = !cases[i].line;
        for (size_t k = 0; k < f->n_args; k++)
            has_line |= strcmp(f->args[k].name, "line") == 0 && f->args[k].number == cases[i].line;
        if (e != ERR_INVALID || f->msg != cases[i].msg || !has_line)
            fail_msg("%s '%s': %s, " SFMT, cases[i].name, cases[i].text, err_code(e),
                     SARG(fault_text(d->cx->arena, LANG_EN, f)));
    }
    struct source *s = source_open(str_of(d->dir));
    assert_int_equal(source_ip_network(s, S("192.0.2.1")).tor, SAYS_YES);
    assert_false(source_is_loaded(s, SOURCE_VPN)); /* it stood beside one that was refused */
    source_close(s);
}

static void a_folder_is_read_and_what_is_none_of_ours_is_passed_over_and_told(void **state)
{
    struct desk *d = *state;
    (void)put(d, "geoip", str_of(geoip));
    (void)put(d, "tor.txt", S("192.0.2.1\n"));
    (void)put(d, "README", S("These are lists.\n"));
    (void)put(d, ".hidden", S("192.0.2.1\n"));
    str from[] = {str_of(d->files)};
    struct source_made made;
    struct source_wish w = {.data_dir = str_of(d->dir), .from = from, .n_from = 1};
    assert_int_equal(source_update(d->cx, &w, &made), OK);
    assert_true(made.is_made[SOURCE_COUNTRY] && made.is_made[SOURCE_TOR] &&
                !made.is_made[SOURCE_VPN]);
    assert_int_equal(made.passed.n, 1);
    assert_str(made.passed.items[0], S("README"));
    /* Once more, from where they came. */
    (void)put(d, "tor.txt", S("192.0.2.7\n"));
    w.n_from = 0;
    assert_int_equal(source_update(d->cx, &w, &made), OK);
    assert_true(made.is_made[SOURCE_COUNTRY] && made.is_made[SOURCE_TOR]);
    struct source *s = source_open(str_of(d->dir));
    assert_int_equal(source_ip_network(s, S("192.0.2.7")).tor, SAYS_YES);
    assert_int_equal(source_ip_network(s, S("192.0.2.1")).tor, SAYS_NO);
    source_close(s);
}

static void a_file_that_was_damaged_is_left_out_and_told(void **state)
{
    struct desk *d = *state;
    source_close(made_of(d, "geoip", geoip));
    str path = arena_printf(d->cx->arena, "%s/sources/country", d->dir);
    FILE *f = fopen(path.ptr, "rb");
    assert_non_null(f);
    static char bytes[1 << 16];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(n > 100 && n < sizeof bytes);
    for (size_t at = 0; at < n; at += 7) {
        f = fopen(path.ptr, "wb");
        bytes[at] = (char)(bytes[at] ^ 4);
        assert_int_equal(fwrite(bytes, 1, n, f), n);
        bytes[at] = (char)(bytes[at] ^ 4);
        fclose(f);
        struct source *s = source_open(str_of(d->dir));
        struct source_row rows[SOURCE_ROWS];
        source_rows(s, d->cx, rows);
        if (rows[SOURCE_COUNTRY].state != SOURCE_DAMAGED || rows[SOURCE_COUNTRY].why.len == 0)
            fail_msg("byte %zu of %zu was another, and nobody saw it", at, n);
        assert_country(s, "1.0.0.1", "");
        source_close(s);
    }
    assert_int_equal(truncate(path.ptr, (off_t)n / 2), 0);
    struct source *s = source_open(str_of(d->dir));
    assert_country(s, "1.0.0.1", "");
    source_close(s);
}

/* ---- a database as MaxMind writes it ------------------------------------------------------------------------- */

enum { NODES = 4000, EMPTY = -1 };
struct tree {
    int32_t child[NODES][2]; /* a node; EMPTY; -2 - offset of data */
    int32_t n;
    uint8_t data[400];
    size_t data_n;
};

static void tree_put(struct tree *t, const uint8_t *ip, int bits, int32_t value)
{
    int32_t node = 0;
    if (!t->n) {
        t->child[0][0] = t->child[0][1] = EMPTY;
        t->n = 1;
    }
    for (int i = 0; i < bits; i++) {
        int bit = ip[i / 8] >> (7 - i % 8) & 1;
        if (i == bits - 1) {
            t->child[node][bit] = value;
            return;
        }
        if (t->child[node][bit] < 0) {
            assert_true(t->n < NODES);
            t->child[t->n][0] = t->child[t->n][1] = EMPTY;
            t->child[node][bit] = t->n++;
        }
        node = t->child[node][bit];
    }
}

static size_t text_put(uint8_t *to, const char *s)
{
    to[0] = (uint8_t)(2 << 5 | strlen(s));
    memcpy(to + 1, s, strlen(s));
    return strlen(s) + 1;
}

/* {"country": {"iso_code": code}}; the value for tree_put. */
static int32_t country_put(struct tree *t, const char *code)
{
    size_t at = t->data_n;
    uint8_t *p = t->data;
    p[t->data_n++] = 7 << 5 | 1;
    t->data_n += text_put(p + t->data_n, "country");
    p[t->data_n++] = 7 << 5 | 1;
    t->data_n += text_put(p + t->data_n, "iso_code");
    t->data_n += text_put(p + t->data_n, code);
    return -2 - (int32_t)at;
}

static int32_t flag_put(struct tree *t, const char *name)
{
    size_t at = t->data_n;
    uint8_t *p = t->data;
    p[t->data_n++] = 7 << 5 | 1;
    t->data_n += text_put(p + t->data_n, name);
    p[t->data_n++] = 0 << 5 | 1; /* true, of the extended type 14 */
    p[t->data_n++] = 14 - 7;
    return -2 - (int32_t)at;
}

static void record_put(struct text *t, const struct tree *tree, int32_t child)
{
    int32_t v = child >= 0 ? child : child == EMPTY ? tree->n : tree->n + 16 + (-2 - child);
    text_add_char(t, (char)(v >> 16));
    text_add_char(t, (char)(v >> 8));
    text_add_char(t, (char)v);
}

static void number_put(struct text *t, const char *name, uint8_t type, uint8_t bytes, uint64_t v)
{
    uint8_t room[64];
    size_t n = text_put(room, name);
    text_add(t, (str){(char *)room, n});
    if (type > 7) {
        text_add_char(t, (char)bytes);
        text_add_char(t, (char)(type - 7));
    } else {
        text_add_char(t, (char)(type << 5 | bytes));
    }
    for (int i = bytes - 1; i >= 0; i--)
        text_add_char(t, (char)(v >> (8 * i)));
}

static str tree_bytes(struct arena *a, const struct tree *tree, int ip_version, const char *type)
{
    struct text t = text_in(a, 1 << 20);
    uint8_t room[100];
    for (int32_t i = 0; i < tree->n; i++) {
        record_put(&t, tree, tree->child[i][0]);
        record_put(&t, tree, tree->child[i][1]);
    }
    for (int i = 0; i < 16; i++)
        text_add_char(&t, 0);
    text_add(&t, (str){(const char *)tree->data, tree->data_n});
    text_add(&t, S("\xAB\xCD\xEFMaxMind.com"));
    text_add_char(&t, (char)(7 << 5 | 9));
    number_put(&t, "node_count", 6, 4, (uint64_t)tree->n);
    number_put(&t, "record_size", 5, 2, 24);
    number_put(&t, "ip_version", 5, 2, (uint64_t)ip_version);
    number_put(&t, "binary_format_major_version", 5, 2, 2);
    number_put(&t, "binary_format_minor_version", 5, 2, 0);
    number_put(&t, "build_epoch", 9, 8, 1782345600); /* 2026-06-25 */
    text_add(&t, (str){(char *)room, text_put(room, "database_type")});
    text_add(&t, (str){(char *)room, text_put(room, type)});
    text_add(&t, (str){(char *)room, text_put(room, "languages")});
    text_add_char(&t, 0);
    text_add_char(&t, 11 - 7); /* an empty array */
    text_add(&t, (str){(char *)room, text_put(room, "description")});
    text_add_char(&t, (char)(7 << 5));
    return text_str(&t);
}

static void a_database_of_maxmind_is_walked_without_its_aliases(void **state)
{
    struct desk *d = *state;
    static struct tree t;
    t = (struct tree){0};
    uint8_t ip[16] = {0};
    int32_t jp = country_put(&t, "JP"), kz = country_put(&t, "KZ"), none = country_put(&t, "Q");
    ip[12] = 192, ip[14] = 2;
    tree_put(&t, ip, 96 + 24, jp); /* 192.0.2.0/24 */
    memcpy(ip + 12, (uint8_t[]){198, 51, 100, 7}, 4);
    tree_put(&t, ip, 128, kz);
    memcpy(ip + 12, (uint8_t[]){198, 51, 100, 8}, 4);
    tree_put(&t, ip, 128, none);
    int32_t v4 = 0; /* the node of ::/96 */
    for (int i = 0; i < 96; i++)
        v4 = t.child[v4][0];
    assert_true(v4 > 0);
    static const uint8_t mapped[16] = {[10] = 0xFF, [11] = 0xFF}, six_to_four[16] = {0x20, 0x02},
                         doc[16] = {0x20, 0x01, 0x0D, 0xB8};
    tree_put(&t, mapped, 96, v4);
    tree_put(&t, six_to_four, 16, v4);
    tree_put(&t, doc, 32, kz);
    str path = put(d, "GeoLite2-Country.mmdb", tree_bytes(d->cx->arena, &t, 6, "GeoLite2-Country"));
    assert_int_equal(update(d, &path, 1, ""), OK);
    struct source *s = source_open(str_of(d->dir));
    static const char *const cases[][2] = {
        {"192.0.2.0", "JP"},        {"192.0.2.255", "JP"},  {"192.0.3.0", ""},
        {"192.0.1.255", ""},        {"198.51.100.7", "KZ"}, {"198.51.100.8", ""},
        {"::ffff:192.0.2.1", "JP"}, {"2002::", ""},         {"2001:db8::5", "KZ"},
        {"2001:db9::", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_country(s, cases[i][0], cases[i][1]);
    struct source_row rows[SOURCE_ROWS];
    source_rows(s, d->cx, rows);
    assert_int_equal(rows[SOURCE_COUNTRY].records, 3);
    assert_str(rows[SOURCE_COUNTRY].date, S("2026-06-25"));
    assert_true(str_find(rows[SOURCE_COUNTRY].attribution, S("MaxMind")) >= 0);
    source_close(s);
    /* Countries come from one place at a time. */
    str both[] = {path, put(d, "geoip", str_of(geoip))};
    assert_int_equal(update(d, both, 2, ""), ERR_INVALID);
    assert_int_equal(d->cx->why.msg, M_SOURCE_TWO);
}

static void a_database_may_tell_of_networks(void **state)
{
    struct desk *d = *state;
    static struct tree t;
    t = (struct tree){0};
    int32_t tor = flag_put(&t, "is_tor_exit_node"), hosting = flag_put(&t, "is_hosting_provider"),
            vpn = flag_put(&t, "is_anonymous_vpn");
    tree_put(&t, (uint8_t[]){192, 0, 2, 1}, 32, tor);
    tree_put(&t, (uint8_t[]){198, 51, 100, 0}, 24, hosting);
    tree_put(&t, (uint8_t[]){203, 0, 113, 0}, 25, vpn);
    str path =
        put(d, "GeoIP2-Anonymous-IP.mmdb", tree_bytes(d->cx->arena, &t, 4, "GeoIP2-Anonymous-IP"));
    assert_int_equal(update(d, &path, 1, ""), OK);
    struct source *s = source_open(str_of(d->dir));
    assert_int_equal(source_ip_network(s, S("192.0.2.1")).kind, SOURCE_NET_TOR);
    assert_int_equal(source_ip_network(s, S("198.51.100.200")).kind, SOURCE_NET_HOSTING);
    assert_int_equal(source_ip_network(s, S("203.0.113.127")).kind, SOURCE_NET_VPN);
    assert_int_equal(source_ip_network(s, S("203.0.113.128")).kind, SOURCE_NET_NONE);
    assert_false(source_is_loaded(s, SOURCE_COUNTRY));
    source_close(s);
}

static void a_tree_that_bites_its_tail_is_refused(void **state)
{
    struct desk *d = *state;
    static struct tree t;
    t = (struct tree){0};
    tree_put(&t, (uint8_t[]){192, 0, 2, 1}, 32, country_put(&t, "JP"));
    t.child[t.n - 1][0] = 0;
    t.child[t.n - 2][0] = 0;
    str path = put(d, "c.mmdb", tree_bytes(d->cx->arena, &t, 4, "x"));
    assert_int_equal(update(d, &path, 1, ""), ERR_INVALID);
    assert_int_equal(d->cx->why.msg, M_SOURCE_MMDB);
}

static void a_tree_that_claims_to_be_longer_than_its_file_is_refused(void **state)
{
    struct desk *d = *state;
    static struct tree t;
    t = (struct tree){0};
    tree_put(&t, (uint8_t[]){192, 0, 2, 1}, 32, country_put(&t, "JP"));
    str bytes = tree_bytes(d->cx->arena, &t, 4, "x");
    ptrdiff_t at = str_find(bytes, S("node_count"));
    assert_true(at > 0);
    char *count = arena_cstr(d->cx->arena, bytes);
    memcpy(count + at + 11, "\x80\0\0\x02", 4); /* times six: overflows 32 bits */
    str path = put(d, "c.mmdb", (str){count, bytes.len});
    assert_int_equal(update(d, &path, 1, ""), ERR_INVALID);
    assert_int_equal(d->cx->why.msg, M_SOURCE_MMDB);
}

/* Times six and the 16 zeros behind the tree it is 12 in 32 bits, and the way to ::/96 leads far out of the file. */
static void a_tree_whose_length_goes_round_32_bits_is_refused_before_a_node_is_read(void **state)
{
    struct desk *d = *state;
    static struct tree t;
    t = (struct tree){0};
    tree_put(&t, (uint8_t[16]){192, 0, 2, 1}, 128, country_put(&t, "JP"));
    str bytes = tree_bytes(d->cx->arena, &t, 6, "x");
    ptrdiff_t at = str_find(bytes, S("node_count"));
    assert_true(at > 0);
    char *round = arena_cstr(d->cx->arena, bytes);
    memcpy(round + at + 11, "\x2A\xAA\xAA\xAA", 4);
    memcpy(round, "\xFF\xFF\xFF", 3);
    str path = put(d, "c.mmdb", (str){round, bytes.len});
    assert_int_equal(update(d, &path, 1, ""), ERR_INVALID);
    assert_int_equal(d->cx->why.msg, M_SOURCE_MMDB);
}

/* `bytes` up to `upto`, then `more`, then the rest. */
static str spliced(struct desk *d, str bytes, str upto, str more)
{
    struct text t = text_in(d->cx->arena, bytes.len + more.len + 1);
    ptrdiff_t at = str_find(bytes, upto);
    assert_true(at >= 0);
    text_add(&t, (str){bytes.ptr, (size_t)at});
    text_add(&t, more);
    text_add(&t, (str){bytes.ptr + at, bytes.len - (size_t)at});
    return text_str(&t);
}

static void a_value_without_end_is_refused(void **state)
{
    enum { DEEP = 2000000 };
    struct desk *d = *state;
    static struct tree t;
    struct text deep = text_in(d->cx->arena, 2 * DEEP + 10);
    t = (struct tree){0};
    tree_put(&t, (uint8_t[]){192, 0, 2, 1}, 32, country_put(&t, "JP"));
    tree_put(&t, (uint8_t[]){192, 0, 2, 2}, 32, -2 - (int32_t)t.data_n); /* what is spliced in */
    str bytes = tree_bytes(d->cx->arena, &t, 4, "x"), marker = S("\xAB\xCD\xEFMaxMind.com");
    text_add(&deep, S("\xE1\x41x")); /* {"x": [[[... */
    for (int i = 0; i < DEEP; i++)
        text_add(&deep, S("\x01\x04"));
    text_add(&deep, S("\x40"));
    /* Languages of twenty times the languages. */
    str languages = S("\0\4\x4B"
                      "description");
    size_t at = (size_t)(str_find(bytes, languages) - str_find(bytes, marker)) - marker.len;
    struct text wide = text_in(d->cx->arena, 100);
    text_add(&wide, S("\x14\x04"));
    for (int i = 0; i < 20; i++)
        text_add(&wide, (str){(char[]){(char)(1 << 5 | at >> 8), (char)at}, 2});
    text_add(&wide, S("\x41y")); /* whose value is what was there */
    str hostile[] = {spliced(d, bytes, marker, text_str(&deep)),
                     spliced(d, bytes, languages, text_str(&wide))};
    for (size_t i = 0; i < COUNT(hostile); i++) {
        str path = put(d, "c.mmdb", hostile[i]);
        assert_int_equal(update(d, &path, 1, ""), ERR_INVALID);
        assert_int_equal(d->cx->why.msg, M_SOURCE_MMDB);
    }
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

struct asking {
    struct source *s;
    _Atomic bool stops, is_wrong;
};

static void *ask(void *arg)
{
    struct asking *a = arg;
    while (!atomic_load(&a->stops)) {
        char country[3];
        bool is = source_ip_country(a->s, S("1.0.0.1"), country);
        bool is_mail = source_domain(a->s, S("x.mailinator.com")) == SOURCE_MAIL_DISPOSABLE;
        if (!is || memcmp(country, "AU", 2) != 0 || !is_mail)
            atomic_store(&a->is_wrong, true);
    }
    return NULL;
}

static void answers_stay_right_while_the_files_are_loaded_anew(void **state)
{
    struct desk *d = *state;
    struct asking a = {.s = made_of(d, "geoip", geoip)};
    pthread_t t[3];
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, ask, &a), 0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(source_reload(a.s), 1);
    atomic_store(&a.stops, true);
    for (size_t i = 0; i < COUNT(t); i++)
        pthread_join(t[i], NULL);
    assert_false(atomic_load(&a.is_wrong));
    source_close(a.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(an_address_has_a_country_or_it_is_unknown),
        DESK_TEST(random_ranges_are_found_as_they_were_written),
        DESK_TEST(without_files_everything_is_unknown),
        DESK_TEST(a_network_is_tor_hosting_none_or_unknown),
        DESK_TEST(the_registered_domain_follows_the_public_suffixes),
        DESK_TEST(a_mail_domain_is_disposable_free_or_another),
        DESK_TEST(what_is_wrong_is_refused_with_its_line_and_changes_nothing),
        DESK_TEST(a_folder_is_read_and_what_is_none_of_ours_is_passed_over_and_told),
        DESK_TEST(a_file_that_was_damaged_is_left_out_and_told),
        DESK_TEST(a_database_of_maxmind_is_walked_without_its_aliases),
        DESK_TEST(a_database_may_tell_of_networks),
        DESK_TEST(a_tree_that_bites_its_tail_is_refused),
        DESK_TEST(a_tree_that_claims_to_be_longer_than_its_file_is_refused),
        DESK_TEST(a_tree_whose_length_goes_round_32_bits_is_refused_before_a_node_is_read),
        DESK_TEST(a_value_without_end_is_refused),
        DESK_TEST(answers_stay_right_while_the_files_are_loaded_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
