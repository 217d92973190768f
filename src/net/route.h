/* net/route.h - what a room offers to the network: rows that say who may, what comes in, what goes
 * out.
 *
 * The gate decodes, checks rights, encodes and documents from the row. GET has `read`, and so may a POST that only asks. Every other
 * method has `apply` (on the writer) and may have `plan` (on a worker, before). `in` is a zeroed
 * struct filled from path, query and body; it may be larger than its shape: what stands behind the
 * shape's fields is the room's own stash between plan and apply (give the struct's whole size in
 * the shape).
 */
#pragma once
#include "base/field.h"
#include "net/http.h"

#define MAY(role) (1u << (role))
enum {
    MAY_NOBODY = 0, /* no session or token needed: the row must set is_public */
    MAY_ALL = (1u << ROLE_N) - 1,
    MAY_ADMIN = MAY(ROLE_OWNER) | MAY(ROLE_ADMINISTRATOR),
    MAY_LEAD = MAY_ADMIN | MAY(ROLE_MANAGER),
    MAY_SERVE = MAY_LEAD | MAY(ROLE_AGENT) | MAY(ROLE_OPERATOR), /* answers customers */
    MAY_SEE_CUSTOMERS = MAY_ALL & ~MAY(ROLE_BRANCH),
    MAY_AUDIT = MAY_ADMIN | MAY(ROLE_PRIVACY),
};
/* Scopes of API tokens; a token has a role and scopes, both must allow. */
#define SCOPE_LIST(X)         \
    X(SCOPE_READ, "read")     \
    X(SCOPE_WRITE, "write")   \
    X(SCOPE_INTAKE, "intake") \
    X(SCOPE_VOUCH, "vouch")   \
    X(SCOPE_CTI, "cti")       \
    X(SCOPE_ADMIN, "admin")   \
    X(SCOPE_METRICS, "metrics")
enum scope {
#define X(name, code) name##_BIT,
    SCOPE_LIST(X)
#undef X
        SCOPE_N
};
#define X(name, code) static const uint32_t name UNUSED = 1u << name##_BIT;
SCOPE_LIST(X)
#undef X
extern const char *const scope_codes[SCOPE_N];

/* An answer that is not JSON: set `out` of the row to &raw_reply_shape. */
struct raw_reply {
    int status;
    str content_type, body;
};
extern const struct shape raw_reply_shape;

/* The input of a row with is_raw: the room decodes the body itself (webhooks that pass over what
 * they do not know). The input struct begins with this; the members of the path are filled by the
 * shape as usual, query and body are left as sent. */
struct raw_in {
    str content_type, query, body;
};

/* What became of one line of a row with apply_lines. */
struct line_fate {
    enum err err; /* set it, and why, to refuse this line alone */
    struct fault why;
    int64_t made_id; /* as cx->made_id: kept for a repeated Idempotency-Key */
};
/* Lines that could be read, in their order: a turn's worth. */
struct lines {
    size_t n;
    void *in, *out; /* n structs each by the row's shapes, one after another */
    struct line_fate *fate;
    void *stash; /* the room's own, from plan to apply */
    /* For an apply_lines that can end early: it asks must_end (NULL: no need) after each `piece` of lines, which it sets, and sets
     * done to how many it took: the others come again, planned anew. done is n before. */
    bool (*must_end)(void *arg);
    void *must_end_arg;
    size_t done, piece;
};

struct route {
    const char *path; /* "/api/v1/customers/{id}/notes" */
    enum err (*read)(struct cx *cx, void *in, void *out);
    enum err (*plan)(struct cx *cx, void *in, void *out);
    enum err (*apply)(struct cx *cx, void *in, void *out);
    /* Fills out again for a repeated Idempotency-Key from the id that apply left in cx->made_id;
     * without it the answer of a repeat has the status and no body. */
    enum err (*replay)(struct cx *cx, int64_t id, void *out);
    /* NDJSON: each line of the body is an `in`, and is answered by a line with what the single
     * request would have got: `out`, or the problem. Lines are planned and applied a turn at a
     * time, each turn a change of the bulk lane (apply may run again; ERR_STALE plans again); what
     * the two return concerns all lines of the turn. A refused line has its fate set by plan (apply
     * passes it over) or by apply (which then wrote nothing of it). An Idempotency-Key holds for
     * each line; `replay` gives the answer of a line again. The row is heavy by itself. */
    enum err (*plan_lines)(struct cx *cx, struct lines *l);
    enum err (*apply_lines)(struct cx *cx, struct lines *l);
    uint16_t lines_a_turn; /* at most (0: 250); fewer when that many take longer than a turn may */
    const struct shape *in, *out; /* NULL: nothing comes, 204 goes */
    const char *summary;
    enum http_method method;
    uint32_t may;        /* bits of roles */
    uint32_t scope;      /* a token needs this one (0: SCOPE_READ for GET, SCOPE_WRITE else) */
    uint32_t body_limit; /* bytes; 0: 65,536 */
    uint32_t per_minute; /* budget per client address for public rows; 0: 600 */
    uint16_t status;     /* 0: 200, or 204 without out */
    bool is_public;
    bool without_store; /* read touches no tables: it answers also while the store is away */
    bool takes_form;   /* form bodies too; GET query may write (the listed unsafe GETs) */
    bool is_raw;       /* `in` begins with struct raw_in */
    bool is_heavy;     /* may not use the card's reserved worker; a change goes by the bulk lane */
    bool is_card;      /* may use it */
    bool session_only; /* for a person's session; a token is refused */
    bool hashes_password; /* plan runs on the threads for passwords: few at once, a bounded line */
    bool opens_session;   /* `out` has secret texts session_secret and device_secret: they leave as
                             cookies */
    bool ends_session;    /* the cookie is taken back and Clear-Site-Data sent */
};
struct room {
    const char *name;
    const struct route *routes;
    size_t n;
};
#define ROOM(nm, table)                                    \
    {                                                      \
        .name = (nm), .routes = (table), .n = COUNT(table) \
    }

/* The common inputs of lists: members `int64_t limit; str cursor;` of the input struct. */
#define PAGE_FIELDS(st)                                                             \
    FIELD(st, limit, .min = 1, .max = 200, .doc = "How many at most (default 50)"), \
        FIELD(st, cursor, .max_len = 400, .doc = "As given by `next` of the page before")
