/* app/errand.h - one request's way through the house; inside of the gate (gate.c, pass.c, reply.c,
 * lanes.c). */
#pragma once
#include "app/gate.h"
#include "app/lanes.h"
#include "app/trie.h"
#include "net/limit.h"
#include <stdatomic.h>

struct errand {
    struct errand *next; /* of a lane */
    struct gate *gate;
    struct http_exchange *x;
    const struct http_request *rq;
    const struct spot *spot;
    const struct route *route;
    const struct stream_route *stream;
    str params[SPOT_PARAMS_MAX];
    struct cx cx; /* its arena is the errand's own and holds the errand */
    void *in, *out;
    bool is_done;   /* the change came back from the store: only the answer is left */
    bool by_cookie; /* who it is was told by a cookie: other pages could have sent it */
    uint8_t pass[32]; /* of a session: under what it is remembered */
    unsigned tries; /* plans that were overtaken */
    enum err result;
    int http_fault; /* 415: a fault of HTTP itself, goes before result */
    struct change change;
    str first; /* of a page: the answers it would ask for first, as JSON */
    str key; /* Idempotency-Key, empty: none */
    uint8_t key_request[32];
    int repeat_status; /* not 0: this key was answered before */
    bool looked_again; /* for a twin with the same key */
    struct lines_run *lines; /* of a row with apply_lines */
    int64_t queued_ns;
};

struct gate {
    struct house *house;
    struct trie *trie;
    struct lanes *lanes;
    struct limits *limits;
    struct pass_book *passes;
    pthread_mutex_t lock;
    struct arena *spare[64]; /* arenas between requests */
    size_t n_spare;
    _Atomic int lang;            /* of the house, for answers given before anybody is known */
    _Atomic int64_t in_store;    /* changes handed to the store that have not come back */
    _Atomic bool is_closing;     /* lines that wait for their turn are refused as busy */
    _Atomic int64_t answered[6]; /* by hundreds of the status */
};

/* ---- pass.c: who is it, may they --------------------------------------------------------- */

struct pass_book;
struct pass_book *pass_book_open(void);
void pass_book_close(struct pass_book *b);
/* Sets cx.actor and cx.lang of the errand, or says why not. */
enum err pass_check(struct errand *e) MUST_USE;
/* Sets the same when a good session came along; false: nobody, or not known just now. */
bool pass_known(struct errand *e);
/* What was remembered of its session is read anew: the language, the name. */
void pass_forget(const struct errand *e);
str pass_cookie_name(const struct errand *e);
str pass_device_name(const struct errand *e);

/* ---- gate.c: arenas between requests, Idempotency-Key ----------------------------------- */

struct arena *gate_arena_take(struct gate *g);
void gate_arena_give(struct gate *g, struct arena *a);
/* Was this key answered before? status 0: no. ERR_INVALID: for another request. */
struct key_answer {
    int64_t status, made_id;
    bool is_same;
};
extern const struct shape key_answer_shape;
int gate_status(const struct route *r);
enum lane_kind gate_lane(const struct errand *e);

/* ---- lines.c: a body of many lines ------------------------------------------------------- */

/* Refuses a body of no lines or of too many; on a worker, in the snapshot of the request. */
enum err lines_open(struct errand *e) MUST_USE;
/* The next turns, until one goes to the store or all is answered; on a worker. */
void lines_go_on(struct errand *e, struct db *db);
void lines_free(struct lines_run *l); /* accepts NULL */

/* ---- reply.c: what leaves ---------------------------------------------------------------- */

/* The answer of e->route from e->out. */
void reply_answer(struct errand *e);
/* problem+json for e->result and cx.why. */
void reply_fault(struct errand *e);
/* Faults of HTTP itself. */
void reply_no_path(struct errand *e);
void reply_method(struct errand *e);
void reply_options(struct errand *e);
enum { STATUS_NOT_ACCEPTABLE = 406, STATUS_MEDIA_TYPE = 415 };
void reply_http_fault(struct errand *e, int status);
/* One line's answer: the number, the status, and the members of `out` or of the problem. */
void reply_line(struct errand *e, struct cx *cx, struct text *to, size_t number,
                const struct line_fate *fate, const void *out);
void reply_lines(struct errand *e, str body);
/* "<version>" of an out struct, or false when it bears none. */
bool version_of(const struct shape *s, const void *p, int64_t *version);

/* ---- files.c: the interface, from the program -------------------------------------------- */

/* False: no such file. */
bool files_answer(struct errand *e);
/* A page of the interface for somebody with a session carries with it what it would ask first: who
 * sits here (docs/http.md, "Static files"). It goes over a worker by this row, then to files_answer. */
extern const struct route files_page;
bool files_is_page_of_somebody(struct errand *e);
void files_begin(struct errand *e);

/* ---- metrics.c --------------------------------------------------------------------------- */
extern const struct room
    house_room; /* /healthz, /readyz, /metrics, /api/v1/meta, /api/v1/openapi.json */
