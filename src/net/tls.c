/* net/tls.c - certificate and key from files, for GnuTLS; read again without dropping a connection.
 */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

#include "messages.h"
#include "net/http_inner.h"

/* TLS 1.2 and 1.3, forward secrecy, AEAD; no renegotiation by the client. */
const char tls_priorities[] =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:+AEAD:"
    "+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "+SIGN-EDDSA-ED25519:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:"
    "+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:"
    "+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:"
    "+CTYPE-X509:+COMP-NULL:%SERVER_PRECEDENCE:%SAFE_RENEGOTIATION";

enum { CHAIN_MAX = 8, WARN_DAYS = 21 };

/* One reading of the files. Older ones stay until the server closes: a handshake may be using them.
 */
struct tls_pair {
    struct tls_pair *older;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n_chain;
    gnutls_privkey_t key;
};
struct tls {
    _Atomic(struct tls_pair *) now;
    char *cert_file, *key_file;
};

static void pair_free(struct tls_pair *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n_chain; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    free(p);
}

static enum err file_fault(struct cx *cx, const char *file, int code)
{
    return fault(cx, ERR_INVALID, M_NET_CERTIFICATE, MARG("file", str_of(file)),
                 MARG("reason", str_of(gnutls_strerror(code))));
}

/* A certificate that is no longer or not yet valid is served all the same: refusing to start would
 * take the house down at night; the log says it each time. */
static void warn_of_expiry(const gnutls_pcert_st *leaf)
{
    gnutls_x509_crt_t crt = NULL;
    if (gnutls_pcert_export_x509((gnutls_pcert_st *)leaf, &crt) != 0)
        return;
    time_t end = gnutls_x509_crt_get_expiration_time(crt), now = time(NULL);
    int days = (int)((end - now) / 86400);
    if (days < WARN_DAYS)
        log_line(LOG_WARN, "tls.expiry", "days_left=%d", days);
    gnutls_x509_crt_deinit(crt);
}

/* Does the key belong to the certificate? */
static int match(struct tls_pair *p)
{
    gnutls_pubkey_t pub = NULL;
    int code = gnutls_pubkey_init(&pub);
    uint8_t of_key[64], of_cert[64];
    size_t n_key = sizeof of_key, n_cert = sizeof of_cert;
    if (code == 0)
        code = gnutls_pubkey_import_privkey(pub, p->key, 0, 0);
    if (code == 0)
        code = gnutls_pubkey_get_key_id(pub, 0, of_key, &n_key);
    if (code == 0)
        code = gnutls_pubkey_get_key_id(p->chain[0].pubkey, 0, of_cert, &n_cert);
    if (pub)
        gnutls_pubkey_deinit(pub);
    if (code == 0 && (n_key != n_cert || memcmp(of_key, of_cert, n_key) != 0))
        code = GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
    return code;
}

static enum err pair_read(struct cx *cx, const struct tls *t, struct tls_pair *p)
{
    gnutls_datum_t pem = {0};
    int code = gnutls_load_file(t->cert_file, &pem);
    if (code == 0) {
        unsigned n = CHAIN_MAX;
        code = gnutls_pcert_list_import_x509_raw(p->chain, &n, &pem, GNUTLS_X509_FMT_PEM, 0);
        p->n_chain = code == 0 ? n : 0;
        gnutls_free(pem.data);
    }
    if (code == 0 && p->n_chain == 0)
        code = GNUTLS_E_NO_CERTIFICATE_FOUND;
    if (code != 0)
        return file_fault(cx, t->cert_file, code);

    pem = (gnutls_datum_t){0};
    code = gnutls_load_file(t->key_file, &pem);
    if (code == 0)
        code = gnutls_privkey_init(&p->key);
    if (code == 0)
        code = gnutls_privkey_import_x509_raw(p->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (pem.data) {
        gnutls_memset(pem.data, 0, pem.size);
        gnutls_free(pem.data);
    }
    if (code == 0)
        code = match(p);
    return code == 0 ? OK : file_fault(cx, t->key_file, code);
}

enum err tls_reload(struct tls *t, struct cx *cx)
{
    struct tls_pair *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_INTERNAL;
    enum err e = pair_read(cx, t, p);
    if (e != OK) {
        pair_free(p);
        return e;
    }
    warn_of_expiry(&p->chain[0]);
    p->older = atomic_load(&t->now);
    atomic_store(&t->now, p);
    return OK;
}

enum err tls_open(struct cx *cx, const struct http_options *o, struct tls **out)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_INTERNAL;
    t->cert_file = strndup(o->tls_cert_file.ptr, o->tls_cert_file.len);
    t->key_file = strndup(o->tls_key_file.ptr, o->tls_key_file.len);
    enum err e = t->cert_file && t->key_file ? tls_reload(t, cx) : ERR_INTERNAL;
    if (e != OK) {
        tls_close(t);
        return e;
    }
    *out = t;
    return OK;
}

void tls_close(struct tls *t)
{
    if (!t)
        return;
    for (struct tls_pair *p = atomic_load(&t->now), *older; p; p = older) {
        older = p->older;
        pair_free(p);
    }
    free(t->cert_file);
    free(t->key_file);
    free(t);
}

int tls_certificate(gnutls_session_t session, const gnutls_datum_t *ca, int n_ca,
                    const gnutls_pk_algorithm_t *algos, int n_algos, gnutls_pcert_st **pcert,
                    unsigned int *n_pcert, gnutls_privkey_t *key)
{
    (void)ca, (void)n_ca, (void)algos, (void)n_algos;
    struct MHD_Connection *c = gnutls_session_get_ptr(session);
    struct conn *conn =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!conn)
        return -1;
    struct tls_pair *p = atomic_load(&conn->server->tls->now);
    *pcert = p->chain;
    *n_pcert = p->n_chain;
    *key = p->key;
    return 0;
}
