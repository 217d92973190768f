/* net/tls_test.c - TLS in the port: versions, ciphers, certificates that change, strangers kept
 * out. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <ifaddrs.h>
#include <net/if.h>

#include "net/http_test.h"

/* A folder with certificate and key of the test, removed at its end. */
struct files {
    char dir[64], cert[80], key[80];
};

static void file_write(const char *name, const gnutls_datum_t *pem)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(pem->data, 1, pem->size, f), pem->size);
    assert_int_equal(fclose(f), 0);
}

/* A self-signed certificate for this name, valid for so many days. */
static void certificate_make(const struct files *at, const char *name, int days)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_crt_init(&crt), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    gnutls_x509_crt_set_version(crt, 3);
    gnutls_x509_crt_set_serial(crt, "\x01", 1);
    gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(crt, time(NULL) + days * 86400);
    gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                  (unsigned)strlen(name));
    gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), 0);
    gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    assert_int_equal(gnutls_x509_crt_set_key(crt, key), 0);
    assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
    gnutls_datum_t pem;
    assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
    file_write(at->cert, &pem);
    gnutls_free(pem.data);
    assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
    file_write(at->key, &pem);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

static struct files files_make(void)
{
    struct files f = {.dir = "/tmp/kith-tls-XXXXXX"};
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.cert, sizeof f.cert, "%s/cert.pem", f.dir);
    snprintf(f.key, sizeof f.key, "%s/key.pem", f.dir);
    return f;
}

static void files_remove(const struct files *f)
{
    unlink(f->cert);
    unlink(f->key);
    rmdir(f->dir);
}

static struct http_options options_of(const struct files *f)
{
    return (struct http_options){.tls_cert_file = str_of(f->cert), .tls_key_file = str_of(f->key)};
}

/* ---- a client
 * -------------------------------------------------------------------------------------- */

struct client {
    gnutls_session_t tls;
    gnutls_certificate_credentials_t cred;
    int fd;
    int handshake; /* 0, or why not */
};

static struct client call(int fd, const char *priorities)
{
    struct client c = {.fd = fd};
    assert_int_equal(gnutls_certificate_allocate_credentials(&c.cred), 0);
    assert_int_equal(gnutls_init(&c.tls, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_priority_set_direct(c.tls, priorities, NULL), 0);
    gnutls_credentials_set(c.tls, GNUTLS_CRD_CERTIFICATE, c.cred);
    gnutls_transport_set_int(c.tls, fd);
    gnutls_handshake_set_timeout(c.tls, PATIENCE_MS);
    do
        c.handshake = gnutls_handshake(c.tls);
    while (c.handshake < 0 && !gnutls_error_is_fatal(c.handshake));
    return c;
}

static void hang_up(struct client *c)
{
    gnutls_deinit(c->tls);
    gnutls_certificate_free_credentials(c->cred);
    close(c->fd);
}

static void say(struct client *c, str s)
{
    while (s.len > 0) {
        ssize_t n = gnutls_record_send(c->tls, s.ptr, s.len);
        assert_true(n > 0);
        s.ptr += n;
        s.len -= (size_t)n;
    }
}

static str hear(struct cx *cx, struct client *c, str stop)
{
    struct text t = text_in(cx->arena, 1 << 20);
    char buf[4096];
    ssize_t n = 0;
    while (str_find(text_str(&t), stop) < 0 &&
           ((n = gnutls_record_recv(c->tls, buf, sizeof buf)) > 0 || n == GNUTLS_E_AGAIN))
        if (n > 0)
            text_add(&t, (str){buf, (size_t)n});
    return text_str(&t);
}

static str name_shown(struct cx *cx, struct client *c)
{
    unsigned n = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(c->tls, &n);
    assert_true(n == 1);
    gnutls_x509_crt_t crt;
    char name[100];
    size_t len = sizeof name;
    gnutls_x509_crt_init(&crt);
    assert_int_equal(gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER), 0);
    assert_int_equal(
        gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len), 0);
    gnutls_x509_crt_deinit(crt);
    return arena_str(cx->arena, (str){name, len});
}

/* ---- tests
 * ------------------------------------------------------------------------------------------ */

static void requests_and_refusals_travel_over_tls_1_3_and_1_2(void **state)
{
    struct cx *cx = *state;
    struct files f = files_make();
    certificate_make(&f, "one.example", 90);
    struct test_server *t = test_open(cx, options_of(&f));
    const char *versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct client c = call(dial(t), versions[i]);
        assert_int_equal(c.handshake, 0);
        say(&c, S("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
        str got = hear(cx, &c, S("loopback=1"));
        assert_has(got, S("Strict-Transport-Security: max-age=31536000\r\n"));
        assert_has(got, S("body=abc peer=127.0.0.1 sid= note= tls=1"));
        say(&c, S("GET / HTTP/1.1\nHost: a\r\n\r\n"));
        assert_int_equal(status_of(hear(cx, &c, S("\"}"))), 400);
        hang_up(&c);
        c = call(dial(t), versions[i]);
        say(&c, S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2af8\r\n"));
        char fill[0x2af8];
        memset(fill, 'x', sizeof fill);
        say(&c, (str){fill, sizeof fill});
        assert_int_equal(status_of(hear(cx, &c, S("\"}"))), 413);
        hang_up(&c);
    }
    test_stop(t);
    files_remove(&f);
}

static void old_versions_and_weak_ciphers_are_refused(void **state)
{
    struct files f = files_make();
    certificate_make(&f, "one.example", 90);
    struct test_server *t = test_open(*state, options_of(&f));
    const char *weak[] = {
        "LEGACY:-VERS-ALL:+VERS-TLS1.1",
        "LEGACY:-VERS-ALL:+VERS-TLS1.0",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
    };
    for (size_t i = 0; i < COUNT(weak); i++) {
        struct client c = call(dial(t), weak[i]);
        assert_true(c.handshake < 0);
        hang_up(&c);
    }
    str clear = ask(*state, t, S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_has_not(clear, S("200 OK"));
    test_stop(t);
    files_remove(&f);
}

static void a_new_certificate_is_used_for_new_connections_and_old_ones_stay(void **state)
{
    struct cx *cx = *state;
    struct files f = files_make();
    certificate_make(&f, "one.example", 90);
    struct test_server *t = test_open(cx, options_of(&f));
    struct client old = call(dial(t), "NORMAL");
    assert_str(name_shown(cx, &old), S("one.example"));

    certificate_make(&f, "two.example", 90);
    assert_int_equal(http_reload_tls(t->http, cx), OK);
    struct client new = call(dial(t), "NORMAL");

    assert_str(name_shown(cx, &new), S("two.example"));
    say(&old, S("GET /old HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_has(hear(cx, &old, S("loopback=1")), S("[/old]"));
    hang_up(&old);
    hang_up(&new);
    test_stop(t);
    files_remove(&f);
}

static void a_broken_certificate_is_refused_by_name_and_the_old_one_stays(void **state)
{
    struct cx *cx = *state;
    struct files f = files_make(), other = files_make();
    certificate_make(&f, "one.example", 90);
    certificate_make(&other, "other.example", 90);
    struct test_server *t = test_open(cx, options_of(&f));
    file_write(f.cert, &(gnutls_datum_t){(unsigned char *)"no", 2});
    assert_int_equal(http_reload_tls(t->http, cx), ERR_INVALID);
    str broken = fault_text(cx->arena, LANG_EN, &cx->why);
    struct client c = call(dial(t), "NORMAL");
    assert_str(name_shown(cx, &c), S("one.example"));
    hang_up(&c);

    struct test_server u = {0};
    struct http_options mixed = {.tls_cert_file = str_of(other.cert),
                                 .tls_key_file = str_of(f.key)};
    assert_int_equal(test_try(cx, &u, mixed), ERR_INVALID);
    str mismatch = fault_text(cx->arena, LANG_EN, &cx->why);
    mixed.tls_key_file = S("/nonexistent/key.pem");
    assert_int_equal(test_try(cx, &u, mixed), ERR_INVALID);
    str missing = fault_text(cx->arena, LANG_EN, &cx->why);

    assert_has(broken, str_of(f.cert));
    assert_has(mismatch, str_of(f.key));
    assert_has(missing, S("/nonexistent/key.pem"));
    test_stop(t);
    files_remove(&f);
    files_remove(&other);
}

static void a_handshake_that_never_ends_is_cut(void **state)
{
    struct files f = files_make();
    certificate_make(&f, "one.example", 90);
    struct http_options o = options_of(&f);
    o.header_seconds = 1;
    struct test_server *t = test_open(*state, o);
    int fd = dial(t);
    put(fd, S("\x16\x03\x01\x02\x00\x01\x00"));
    str got = get_all(*state, fd);
    close(fd);

    assert_has_not(got, S("HTTP/"));
    await(figures(t).connections == 0);
    assert_int_equal(figures(t).cut_slow, 1);
    test_stop(t);
    files_remove(&f);
}

static void streams_run_over_tls(void **state)
{
    struct cx *cx = *state;
    struct files f = files_make();
    certificate_make(&f, "one.example", 90);
    struct test_server *t = test_open(cx, options_of(&f));
    struct client c = call(dial(t), "NORMAL");
    say(&c, S("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"));
    hear(cx, &c, S(":\n\n"));
    struct http_chunk *event = http_chunk_new(S("data: over tls\n\n"));
    pthread_mutex_lock(&t->lock);
    assert_true(http_stream_send(t->streams[0].s, event));
    pthread_mutex_unlock(&t->lock);
    http_chunk_free(event);
    assert_has(hear(cx, &c, S("over tls\n\n")), S("data: over tls\n\n"));
    hang_up(&c);
    await(atomic_load(&t->n_closed) == 1);
    test_stop(t);
    files_remove(&f);
}

/* ---- from outside: an address of this machine that is not loopback
 * --------------------------------------- */

static bool outside_address(struct in_addr *out)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (struct ifaddrs *i = all; i && !found; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && !(i->ifa_flags & IFF_LOOPBACK)) {
            *out = ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
            found = true;
        }
    freeifaddrs(all);
    return found;
}

static int dial_outside(const struct test_server *t, struct in_addr to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(http_port(t->http)), .sin_addr = to};
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void one_address_gets_so_many_connections_and_loopback_is_apart(void **state)
{
    struct in_addr here;
    if (!outside_address(&here)) {
        skip();
        return;
    }
    struct cx *cx = *state;
    struct files f = files_make();
    certificate_make(&f, "one.example", 90);
    struct http_options o = options_of(&f);
    o.host = S("0.0.0.0");
    o.max_per_peer = 3;
    struct test_server *t = test_open(cx, o);
    struct client in[4];
    for (int i = 0; i < 3; i++) {
        in[i] = call(dial_outside(t, here), "NORMAL");
        assert_int_equal(in[i].handshake, 0);
    }
    in[3] = call(dial_outside(t, here), "NORMAL");
    assert_true(in[3].handshake < 0);
    hang_up(&in[3]);
    for (int i = 0; i < 10; i++) {
        struct client c = call(dial(t), "NORMAL");
        assert_int_equal(c.handshake, 0);
        hang_up(&c);
    }
    for (int i = 0; i < 3; i++)
        hang_up(&in[i]);
    await(figures(t).connections == 0);
    struct client again = call(dial_outside(t, here), "NORMAL");
    assert_int_equal(again.handshake, 0);
    hang_up(&again);
    test_stop(t);
    files_remove(&f);
}

static void without_tls_only_listed_proxies_get_in_from_outside(void **state)
{
    struct in_addr here;
    if (!outside_address(&here)) {
        skip();
        return;
    }
    struct cx *cx = *state;
    char own[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &here, own, sizeof own);
    str other[] = {S("203.0.113.7")}, mine[] = {str_of(own)};

    struct test_server *t = test_open(
        cx, (struct http_options){.host = S("0.0.0.0"), .proxies = other, .n_proxies = 1});
    int fd = dial_outside(t, here);
    put(fd, S("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    str stranger = get_all(cx, fd);
    close(fd);
    test_stop(t);
    t = test_open(cx, (struct http_options){.host = S("0.0.0.0"), .proxies = mine, .n_proxies = 1});
    fd = dial_outside(t, here);
    put(fd, S("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.9\r\nConnection: "
              "close\r\n\r\n"));
    str proxy = get_all(cx, fd);
    close(fd);
    test_stop(t);

    assert_int_equal(stranger.len, 0);
    assert_has(proxy, S("peer=198.51.100.9 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_and_refusals_travel_over_tls_1_3_and_1_2),
        TEST(old_versions_and_weak_ciphers_are_refused),
        TEST(a_new_certificate_is_used_for_new_connections_and_old_ones_stay),
        TEST(a_broken_certificate_is_refused_by_name_and_the_old_one_stays),
        TEST(a_handshake_that_never_ends_is_cut),
        TEST(streams_run_over_tls),
        TEST(one_address_gets_so_many_connections_and_loopback_is_apart),
        TEST(without_tls_only_listed_proxies_get_in_from_outside),
    };
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
