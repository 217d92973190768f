/* base/base.h - what every file starts from: text views, arenas, errors, the context.
 *
 * str    a view of bytes: pointer and length, by value, not owned, not NUL-terminated.
 * arena  memory with the life of a request; never freed piece by piece; has a limit.
 * text   the only growing buffer; lives in an arena, born with a limit.
 * cx     the one context argument: arena, clock, actor, store connection, the fault.
 *
 * Errors: functions that can fail return enum err; `fault` sets the message a person will
 * read and hands back the code; TRY returns on the first error; CLEANUP runs at scope end.
 */
#pragma once
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#error "base.h is C; C++ shims have headers of their own"
#endif

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UNUSED __attribute__((unused))
#define FALLTHROUGH __attribute__((fallthrough))

/* Unsafe functions are renamed away; the compiler's complaint names the cure. */
#undef strcpy
#undef strcat
#undef sprintf
#undef strtok
#undef gets
#define strcpy use_str_or_text_instead_of_strcpy
#define strcat use_text_instead_of_strcat
#define sprintf use_text_printf_instead_of_sprintf
#define strtok use_str_cut_instead_of_strtok

/* ---- str ---------------------------------------------------------------------------- */

typedef struct {
    const char *ptr;
    size_t len;
} str;

#define S(literal) ((str){"" literal "", sizeof(literal) - 1})
#define SFMT "%.*s"
#define SARG(s) (int)(s).len, (s).ptr

static inline str str_of(const char *z)
{
    return (str){z, z ? strlen(z) : 0};
}
static inline bool str_is_empty(str s)
{
    return s.len == 0;
}
static inline bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
bool str_eq_ascii_nocase(str a, str b);
/* Byte order; for sorting. */
int str_cmp(str a, str b);
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
/* ASCII white space off both ends. */
str str_trim(str s);
/* Cuts `*rest` at the first `sep`: returns what stands before it; *rest is what stands after
 * (empty, ptr NULL, when there was none). */
str str_cut(str *rest, char sep);
/* Position of `needle`, or -1. */
ptrdiff_t str_find(str s, str needle);
/* Whole text as a decimal int64; false on anything else (sign allowed, no blanks, no overflow). */
bool str_to_int(str s, int64_t *out) MUST_USE;
/* Valid UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF)? */
bool str_is_utf8(str s);
/* Number of code points; s must be valid UTF-8. */
size_t str_chars(str s);
struct arena;
/* Text that may be shown to people and terminals: control characters, marks that turn text around and
 * bytes that are not UTF-8 become U+FFFD; what is longer than max_chars ends with an ellipsis. */
str str_clean(struct arena *a, str s, size_t max_chars);
static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- arena -------------------------------------------------------------------------- */

/* Opens an arena that hands out at most limit_bytes. NULL only when the machine is out of memory. */
struct arena *arena_open(size_t limit_bytes);
void arena_close(struct arena *a); /* accepts NULL */
/* Forgets everything, keeps the first block for the next request. */
void arena_reset(struct arena *a);
/* n * size zeroed bytes, aligned for any type; NULL when the limit is reached (arena_is_over then
 * says so until reset). Callers in rooms use arena_alloc, which never returns NULL: past the limit
 * it hands out an overdraft (at most 256 MB, then the program stops) and marks the arena over; the
 * next read or write of the store and the reply encoder turn that into ERR_TOO_BIG. */
void *arena_try(struct arena *a, size_t n, size_t size) MUST_USE;
void *arena_alloc(struct arena *a, size_t n, size_t size) __attribute__((returns_nonnull));
bool arena_is_over(const struct arena *a);
size_t arena_used(const struct arena *a);
/* Copies; the copy is NUL-terminated after its last byte (the NUL is not counted). */
str arena_str(struct arena *a, str s);
char *arena_cstr(struct arena *a, str s);
str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), 1, sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_alloc((a), (n), sizeof(type)))

/* ---- text: the growing buffer ------------------------------------------------------- */

struct text {
    char *ptr;
    size_t len, cap, limit;
    struct arena *arena; /* NULL: malloc, freed by text_free */
    bool is_over;        /* something did not fit; contents stop before it */
};
struct text text_in(struct arena *a, size_t limit_bytes);
struct text text_on_heap(size_t limit_bytes);
void text_free(struct text *t); /* heap texts; accepts a zeroed one */
void text_add(struct text *t, str s);
void text_add_char(struct text *t, char c);
void text_add_int(struct text *t, int64_t v);
void text_printf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline str text_str(const struct text *t)
{
    return (str){t->ptr, t->len};
}

/* ---- errors ------------------------------------------------------------------------- */

/* Few, and they mean what the caller can do. HTTP turns each into a status in one table. */
#define ERR_LIST(X)                                                                            \
    X(OK, "ok")                                                                                \
    X(ERR_NOT_FOUND, "not_found")                                                              \
    X(ERR_INVALID, "invalid")         /* input a person can correct; 422 */                    \
    X(ERR_MALFORMED, "malformed")     /* not readable at all; 400 */                           \
    X(ERR_CONFLICT, "conflict")       /* 409 */                                                \
    X(ERR_STALE, "stale")             /* a version moved: plan again; outside 412 */           \
    X(ERR_UNAUTHENTICATED, "unauthenticated") /* 401 */                                        \
    X(ERR_DENIED, "denied")           /* 403 */                                                \
    X(ERR_BUSY, "busy")               /* 503, Retry-After */                                   \
    X(ERR_TOO_MANY, "too_many")       /* 429, Retry-After */                                   \
    X(ERR_TOO_BIG, "too_big")         /* 413 */                                                \
    X(ERR_NO_SPACE, "no_space")       /* 507 */                                                \
    X(ERR_INTERNAL, "internal")       /* 500: our own mistake */
enum err {
#define X(name, code) name,
    ERR_LIST(X)
#undef X
};
/* The code as written in problem+json, e.g. "not_found". */
const char *err_code(enum err e);

/* Five languages; the order is that of the catalogue tables. */
enum lang { LANG_EN, LANG_JA, LANG_ZH, LANG_KK, LANG_RU, LANG_N };
extern const char *const lang_codes[LANG_N]; /* "en", "ja", ... */
/* First known language of an Accept-Language header or a plain code; fallback if none. */
enum lang lang_pick(str accept_language, enum lang fallback);

/* One argument of a message: named as in the catalogue. */
struct msg_arg {
    const char *name;
    enum { MSG_TEXT, MSG_INT } kind;
    str text;
    int64_t number;
};
#define MARG(n, s) ((struct msg_arg){.name = (n), .kind = MSG_TEXT, .text = (s)})
#define MNUM(n, v) ((struct msg_arg){.name = (n), .kind = MSG_INT, .number = (v)})
enum { MSG_ARGS_MAX = 4 };

/* What went wrong, kept by message id so that it can be said in any language. */
struct fault {
    enum err err;
    uint16_t msg; /* enum msg of the generated messages.h; 0 = none */
    uint8_t n_args;
    struct msg_arg args[MSG_ARGS_MAX]; /* text copied to the arena */
    str field;                         /* JSON name of the member at fault, or empty */
    uint32_t retry_after_s;            /* for ERR_BUSY, ERR_TOO_MANY */
};

/* ---- the context -------------------------------------------------------------------- */

struct db;   /* db/db.h: a connection */
struct house; /* app: what the process owns; rooms never look inside */

/* Roles of staff. A staff member has one role; MAY_ masks stand in route rows. */
#define ROLE_LIST(X)                                                                           \
    X(ROLE_OWNER, "owner") X(ROLE_ADMINISTRATOR, "administrator") X(ROLE_MANAGER, "manager")   \
    X(ROLE_AGENT, "agent") X(ROLE_OPERATOR, "operator") X(ROLE_MARKETER, "marketer")           \
    X(ROLE_RISK, "risk") X(ROLE_PRIVACY, "privacy") X(ROLE_BRANCH, "branch")
enum role {
#define X(name, code) name,
    ROLE_LIST(X)
#undef X
    ROLE_N
};
extern const char *const role_codes[ROLE_N];

/* Who acts: a member of staff (session), a token, the system itself, or nobody yet. */
struct actor {
    enum actor_kind { ACTOR_NOBODY, ACTOR_STAFF, ACTOR_TOKEN, ACTOR_SYSTEM, ACTOR_PHONE_LINK } kind;
    int64_t id;         /* staff, token or phone link id */
    int64_t session_id; /* for ACTOR_STAFF over a session */
    enum role role;
    uint32_t scopes; /* SCOPE_ bits of staff.h, tokens only */
    str name;        /* for display in results, not for decisions */
};

struct cx {
    struct arena *arena;
    struct db *db;       /* read connection of this worker, or the writer's inside apply */
    struct house *house; /* process-wide services, opaque below app */
    int64_t now_ms;      /* epoch ms UTC; never ask SQL or the system for the time */
    struct actor actor;
    enum lang lang;    /* of the person asking */
    str peer;          /* client address as text, for limits and audit */
    str agent;         /* the client's User-Agent, cut to 200 bytes; for the list of sessions */
    str device;        /* secret of the cookie of a browser that logged in before, or empty */
    uint64_t request;  /* number in log lines */
    int64_t if_match;  /* version named by If-Match; -1 = none sent */
    uint64_t sent;     /* bit per field of the route's input that was present (PATCH) */
    int64_t made_id;   /* set by apply: the record this request made, for Idempotency-Key */
    int64_t key;       /* set by plan: the record its change writes to; those of one key follow each other */
    bool is_urgent;    /* set by plan: somebody waits at a telephone for what its change tells */
    struct fault why;  /* set by fault() */
};

/* Sets cx->why and returns e. Message ids are M_… of messages.h. */
#define fault(cx, e, msg, ...)                                                                 \
    fault_set((cx), (e), (msg), (const struct msg_arg[]){__VA_ARGS__ __VA_OPT__(, ){0}},       \
              (sizeof((const struct msg_arg[]){__VA_ARGS__ __VA_OPT__(, ){0}}) /               \
               sizeof(struct msg_arg)) - 1)
enum err fault_set(struct cx *cx, enum err e, uint16_t msg, const struct msg_arg *args, size_t n);
/* The same, naming the member at fault. */
enum err fault_field(struct cx *cx, enum err e, str field, uint16_t msg);
/* Names the member at fault of the fault just set, if it has none; returns e. */
enum err fault_at(struct cx *cx, enum err e, str field);
/* Its words live in `a` from here on: before the arena goes that they were made in. */
void fault_keep(struct arena *a, struct fault *f);

#define TRY(expr)                                                                              \
    do {                                                                                       \
        enum err try_e_ = (expr);                                                              \
        if (try_e_ != OK)                                                                      \
            return try_e_;                                                                     \
    } while (0)

/* The sentence of a message in one language (ICU MessageFormat, named arguments), in arena. */
str msg_text(struct arena *a, enum lang lang, uint16_t msg, const struct msg_arg *args, size_t n);
str fault_text(struct arena *a, enum lang lang, const struct fault *f);
/* A message's stable name ("PHONE_COUNTRY"), for logs and tests. */
const char *msg_name(uint16_t msg);

/* ---- log: one line per failure, key=value, control characters encoded --------------- */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
/* "time=… level=error event=<event> <fmt>". Texts from outside go through log_quoted. */
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Lines above this level are not written; LOG_INFO at start. */
void log_level_set(enum log_level most);
/* A value that cannot pass for other keys: in quotes, with its quotes and backslashes escaped, cut
 * after 200 characters. */
str log_quoted(struct arena *a, str s);
