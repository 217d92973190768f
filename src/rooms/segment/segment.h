/* rooms/segment/segment.h - named conditions and who is in them; conditions over HTTP.
 *
 * A segment is followed: a job keeps its members, so that coming and going are events (segment.entered, segment.left; the
 * customer and the segment). The first filling of a segment, and the one after its condition was changed, tell no events.
 */
#pragma once
#include "expr/expr.h"
#include "rooms/customer/customer.h"

struct segment {
    segment_id id;
    str name, text;
    int64_t members;
    opt_int filled_to; /* while it is filled */
    str failure;       /* code of the error that filling ended with */
    when created_at, changed_at;
    int64_t version;
};
/* The text of a segment by its name; ERR_NOT_FOUND without a fault. For the catalogue. */
enum err segment_text(struct cx *cx, str name, str *text) MUST_USE;
/* Segments whose condition names this attribute, for the catalogue. */
enum err segment_users(struct cx *cx, str attribute, struct list *out /* of struct expr_user */) MUST_USE;

/* How many customers a checked condition chooses, and the newest few of them (at most `most`). */
enum err segment_count(struct cx *cx, const struct expr_plan *p, int64_t *n) MUST_USE;
enum err segment_newest(struct cx *cx, const struct expr_plan *p, int64_t most, struct list *out /* of struct customer_ref */) MUST_USE;

extern const struct job_kind segment_job;
extern const struct room segment_room;
