/* rooms/staff/staff.h - the people who work here: roles, extensions, log-in, sessions, tokens.
 *
 * Secrets of sessions and tokens are 256-bit random; only their SHA-256 is stored and looked up.
 */
#pragma once
#include "db/event.h"
#include "net/route.h"

struct staff {
    staff_id id;
    str email, name;
    int role; /* enum role */
    int lang; /* enum lang */
    int theme;
    int64_t text_size;
    bool has_keys, has_sound, is_active, is_ready;
    struct str_list extensions, queues;
    when created_at;
    int64_t version;
};
extern const struct shape staff_shape;

/* Who holds this session secret or API token; ERR_UNAUTHENTICATED when nobody does (any more). One
 * indexed read. */
struct session_use {
    int64_t seen_ms; /* as of at most a minute ago */
    str peer;        /* the address it was used from */
};
enum err staff_by_session(struct cx *cx, str secret, struct actor *out, enum lang *lang,
                          struct session_use *last) MUST_USE;
enum err staff_by_token(struct cx *cx, str secret, struct actor *out) MUST_USE;
/* Inside apply: the session is in use, from cx->peer (the gate, once a minute and when it comes
 * from elsewhere). Another network than before is noted in the audit. */
enum err staff_session_seen(struct cx *cx, int64_t session_id) MUST_USE;
/* An event session.ended bears the member of staff as ref_id; data: the numbers of the sessions,
 * blank-separated, or empty when all of this person ended. */

/* Desks: staff (active) whose extension, e-mail or name equals one of the given texts; none ->
 * members of the queue. Ids ascending, without duplicates; at most 64. */
enum err staff_desks(struct cx *cx, const str *texts, size_t n, str queue,
                     struct list *ids /* of int64_t */) MUST_USE;
/* The same in two steps, each a batch that takes reads of the caller along: a ringing call waits for every one. */
struct desks_sought; /* in cx->arena */
struct db_read;
enum err staff_desks_begin(struct cx *cx, const str *texts, size_t n, struct db_read *more,
                           size_t n_more, struct desks_sought **out) MUST_USE;
enum err staff_desks_end(struct cx *cx, struct desks_sought *d, str queue, struct db_read *more,
                         size_t n_more, struct list *ids /* of int64_t */) MUST_USE;
enum err staff_get(struct cx *cx, staff_id id, struct staff *out) MUST_USE;

/* A new person. staff_plan checks and hashes (70 ms; not on the writer); staff_add inside apply.
 * Everything a person could correct is refused by plan with its sentence. An empty password cannot
 * log in. */
struct staff_new {
    str email, name;
    int role, lang;
    str password;
    struct str_list extensions, queues;
    staff_id id; /* by plan */
    str encoded; /* by plan */
};
enum err staff_plan(struct cx *cx, struct staff_new *p) MUST_USE;
enum err staff_add(struct cx *cx, const struct staff_new *p) MUST_USE;
/* Everybody, by id, at most `limit`. */
enum err staff_everybody(struct cx *cx, int64_t limit, struct list *out) MUST_USE;
enum err staff_by_email(struct cx *cx, str email, struct staff *out) MUST_USE;
/* Inside apply: log-in ends and stays impossible, or a new password (encoded, may be empty:
 * unchanged). */
enum err staff_disable(struct cx *cx, staff_id id) MUST_USE;
enum err staff_reset(struct cx *cx, staff_id id, str encoded) MUST_USE;
/* Refuses what is too short, too long, among the commonest, or made of the house's own words.
 * `own`: name and e-mail of the person. */
enum err staff_password_check(struct cx *cx, str password, str own_name, str own_email) MUST_USE;

/* Inside apply: a token; its secret stands in *secret, once. expires 0: never. */
enum err token_add(struct cx *cx, str name, enum role role, uint32_t scopes, when expires,
                   token_id *id, str *secret) MUST_USE;
/* What a token of this role gets unless asked otherwise. */
uint32_t token_scopes_of(enum role role);

/* The set-up code of the first run, by its hash; empty: there is none. Inside apply. */
enum err staff_setup_code_set(struct cx *cx, str code) MUST_USE;

/* What roles may, for `Me.can`: told once by the gate, at start. */
void staff_can_add(enum role role, str resource, bool writes);

extern const struct room staff_room;
