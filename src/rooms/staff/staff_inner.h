/* rooms/staff/staff_inner.h - what the files of this room share. */
#pragma once
#include "base/password.h"
#include "messages.h"
#include "queries.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"

enum theme { THEME_SYSTEM, THEME_LIGHT, THEME_DARK, THEME_N };
extern const char *const theme_codes[THEME_N];

struct number {
    int64_t v;
};
extern const struct shape staff_number_shape;

/* ---- staff.c ----------------------------------------------------------------------------- */
/* People after an id, with extensions and queues. */
enum err staff_list(struct cx *cx, int64_t after, int64_t limit, struct list *out) MUST_USE;
/* NULL: as they are. */
enum err staff_handles_write(struct cx *cx, staff_id id, const struct str_list *extensions,
                             const struct str_list *queues) MUST_USE;
enum err staff_handles_check(struct cx *cx, struct str_list *extensions, struct str_list *queues)
    MUST_USE;
/* Writes the row as it is in p if its version is still p->version; ERR_STALE otherwise. */
enum err staff_write(struct cx *cx, const struct staff *p) MUST_USE;
enum err staff_not_last_owner(struct cx *cx, const struct staff *before) MUST_USE;

/* ---- session.c --------------------------------------------------------------------------- */
struct session {
    session_id id;
    when created_at, seen_at;
    str peer, agent;
    bool is_current;
};
extern const struct shape session_shape;
struct log_in {
    str email, password;
    /* the room's own */
    staff_id staff;
    str session_secret, device_secret;
};
/* Plan: is the password right, within the budgets; apply: the session. */
enum err log_in_plan(struct cx *cx, struct log_in *l) MUST_USE;
enum err log_in_take(struct cx *cx, struct log_in *l) MUST_USE;
/* A session for somebody who has just been proven otherwise (the first run). */
void log_in_secrets(struct cx *cx, struct log_in *l);
enum err session_all(struct cx *cx, struct list *out) MUST_USE;
enum err session_end(struct cx *cx, int64_t session, staff_id staff) MUST_USE;
enum err sessions_end_others(struct cx *cx, staff_id staff, int64_t keep) MUST_USE;
/* Is this the person's own password? Counts against the same budget as log-in. */
enum err password_confirm(struct cx *cx, staff_id id, str password) MUST_USE;

/* ---- words.c ----------------------------------------------------------------------------- */
/* Is this one of the commonest passwords, or a word people build them of? Lower case. */
bool word_is_common(str word);

/* ---- token.c ----------------------------------------------------------------------------- */
struct token_row {
    token_id id;
    str name;
    int role;
    int64_t scope_bits;
    when created_at, expires_at;
    struct str_list scopes;
    str token;
};
extern const struct shape token_shape;
enum err token_list(struct cx *cx, int64_t before, int64_t limit, struct list *out) MUST_USE;
enum err token_get(struct cx *cx, token_id id, struct token_row *out) MUST_USE;
enum err token_revoke(struct cx *cx, token_id id) MUST_USE;
/* Texts to bits; ERR_INVALID names the unknown one. */
enum err scopes_read(struct cx *cx, const struct str_list *texts, uint32_t *out) MUST_USE;
