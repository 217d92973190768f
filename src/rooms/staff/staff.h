/* rooms/staff/staff.h - the people who work here: roles, extensions, log-in, sessions, tokens.
 *
 * Secrets of sessions and tokens are 256-bit random; only their SHA-256 is stored and compared in constant time.
 */
#pragma once
#include "db/event.h"
#include "net/route.h"

struct staff {
    staff_id id;
    str email, name;
    int role; /* enum role */
    int lang; /* enum lang */
    str theme;
    int64_t text_size;
    bool has_keys, has_sound, is_active, is_ready;
    struct str_list extensions, queues;
    when created_at;
    int64_t version;
};
extern const struct shape staff_shape;

/* Who holds this session secret or API token; ERR_UNAUTHENTICATED when nobody does (any more). One indexed read. */
enum err staff_by_session(struct cx *cx, str secret, struct actor *out, enum lang *lang) MUST_USE;
enum err staff_by_token(struct cx *cx, str secret, struct actor *out) MUST_USE;

/* Desks: staff (active) whose extension, e-mail or name equals one of the given texts; none -> members of the queue.
 * Ids ascending, without duplicates; at most 64. */
enum err staff_desks(struct cx *cx, const str *texts, size_t n, str queue, struct list *ids /* of int64_t */) MUST_USE;
enum err staff_get(struct cx *cx, staff_id id, struct staff *out) MUST_USE;

extern const struct room staff_room;
