/* net/webhook.h - messages that leave the house over HTTP: signed, to hosts outside only, no longer and no bigger than agreed.
 *
 * libcurl's multi interface on one thread, the caller's. Nothing is followed (redirects), nothing of an answer is kept but its
 * status. An address is looked at after its name was resolved, and the connection goes to the address that was looked at, so
 * that a name cannot point inside a moment later. No proxy, no .netrc, no cookies, no other protocol than http and https.
 */
#pragma once
#include "base/base.h"
#include "net/http.h"
#include <sys/socket.h>

enum { WEBHOOK_URL_MAX = 1000, WEBHOOK_BODY_MAX = 65536, WEBHOOK_SECRET = 32, WEBHOOK_AT_ONCE = 16 };

/* ---- addresses ------------------------------------------------------------------------------ */

/* Of this machine, of a private or local net, of documentation, multicast or reserved: nothing that the Internet reaches.
 * IPv4 addresses inside of IPv6 ones (mapped, NAT64, 6to4) are looked at as such. What is no IP address is inside. */
bool webhook_is_inside(const struct sockaddr *a);

struct webhook_url {
    str host; /* lower case, IPv6 without brackets */
    bool is_https;
};
enum webhook_url_fault { WEBHOOK_URL_GOOD, WEBHOOK_URL_BROKEN, WEBHOOK_URL_SCHEME, WEBHOOK_URL_USER, WEBHOOK_URL_INSIDE };
/* Reads an address as a person gave it. INSIDE: its host is written as an address that is inside (decimal, octal and
 * shortened forms too), or is localhost; *out is filled then. */
enum webhook_url_fault webhook_url_read(struct arena *a, str url, struct webhook_url *out);

/* ---- signature --------------------------------------------------------------------------------- */

/* "t=SECONDS,v1=HEX": HMAC-SHA256 of "SECONDS.BODY" under the secret's text. */
str webhook_signature(struct arena *a, str secret, int64_t now_ms, str body);

/* So long until the next try after so many failed ones: 30 s, then growing, at most 4 h, each with up to a fifth more. */
int64_t webhook_pause_ms(int64_t tries, uint32_t random);

/* ---- sending -------------------------------------------------------------------------------------- */

struct webhook_options {
    str ca_file;            /* "": the system's (SSL_CERT_FILE of the environment) */
    int64_t connect_ms, ms; /* 0: 5,000 and 15,000 */
    int64_t answer_bytes;   /* 0: 65,536 of head and body each; a bigger answer is cut off and is a failure */
};
enum webhook_end {
    WEBHOOK_SENT,     /* 2xx */
    WEBHOOK_STATUS,   /* another status */
    WEBHOOK_REDIRECT, /* 3xx: not followed */
    WEBHOOK_INSIDE,   /* the address is inside and its host was not allowed */
    WEBHOOK_NAME,     /* no such host */
    WEBHOOK_CONNECT,  /* nobody answers there */
    WEBHOOK_TLS,      /* certificate or handshake */
    WEBHOOK_SLOW,     /* no answer in time */
    WEBHOOK_BIG,      /* more answer than agreed */
    WEBHOOK_BROKEN,   /* anything else: not HTTP, cut off */
    WEBHOOK_END_N
};
extern const char *const webhook_end_codes[WEBHOOK_END_N];

struct webhook_request {
    int64_t tag; /* the caller's */
    str url, body;
    const struct http_header *headers; /* beside Content-Type: application/json and our User-Agent */
    size_t n;
    bool may_inside; /* an administrator allowed this host */
};
struct webhook_result {
    int64_t tag;
    enum webhook_end end;
    int status;           /* 0: none came */
    int64_t retry_after_s; /* as the receiver asked for; 0: it did not */
};
struct webhooks;
struct webhooks *webhooks_open(const struct webhook_options *o); /* NULL: out of memory */
void webhooks_close(struct webhooks *w);                         /* breaks off what is under way; accepts NULL */
/* Copies everything. False: WEBHOOK_AT_ONCE are under way, or out of memory. */
bool webhooks_add(struct webhooks *w, const struct webhook_request *r) MUST_USE;
size_t webhooks_running(const struct webhooks *w);
/* Moves on, waiting at most so long for something to happen. */
void webhooks_run(struct webhooks *w, int wait_ms);
/* One that has ended; false: none. */
bool webhooks_ended(struct webhooks *w, struct webhook_result *out) MUST_USE;
void webhooks_wake(struct webhooks *w); /* from any thread: webhooks_run returns */
