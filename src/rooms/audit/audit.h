/* rooms/audit/audit.h - who saw and who changed what, and who saw unusually much, for the owner, the administrator and the
 * privacy officer.
 *
 * Rows are written by audit_add and audit_view of db/event.h; this room asks them.
 */
#pragma once
#include "db/event.h"
#include "net/route.h"

/* What to look for; what is empty or 0 is not asked. Newest first. */
struct audit_wish {
    int64_t limit;
    str cursor;
    customer_id customer; /* all ids of his record, and exports that held it */
    staff_id staff;
    str actor; /* stf_…, tok_…, phl_…, "system" */
    str act;   /* a code ("customer.view"), or "export", "change", "merge" for all of its kind */
    when from, to;
    bool vip; /* records that are VIP now */
};
struct audit_line {
    when at;
    struct audit_actor {
        str kind, id, name;
    } actor;
    str action;
    customer_id customer;
    str ref, details, peer;
    bool whole; /* an export of many records */
    str held;   /* of such: "yes", or "perhaps", when that was not noted */
};
struct audit_page {
    struct list items;
    str next;
};
extern const struct shape audit_line_shape;
extern const struct shape audit_page_shape;
enum err audit_find(struct cx *cx, const struct audit_wish *w, struct audit_page *out) MUST_USE;

/* Whose records are in an export of many. All inside apply; what goes out is noted before it goes. */
struct audit_export {
    int64_t id; /* by id_new */
    bool is_orders, is_all; /* is_all: without a condition; then it has no parts */
    int64_t until;          /* the last customer, or order, that it can come to */
    str details;
};
enum err audit_export_begin(struct cx *cx, const struct audit_export *x) MUST_USE;
enum err audit_export_part(struct cx *cx, int64_t export_id, int64_t *ids, size_t n) MUST_USE; /* sorts them */
enum err audit_export_done(struct cx *cx, int64_t export_id) MUST_USE;
enum audit_held { HELD_NO, HELD_PERHAPS, HELD_YES };
/* ids: all of one record. PERHAPS: it was broken off, or is of before this was noted. */
enum err audit_export_held(struct cx *cx, int64_t export_id, const int64_t *ids, size_t n, enum audit_held *out) MUST_USE;

/* Who saw how many records today, and who more than is usual. */
struct audit_person {
    staff_id id;
    str name;
    int64_t seen, vips, usual; /* usual: on a working day of the last four weeks */
    bool is_over;              /* more than the house allows before it asks */
};
enum err audit_people_today(struct cx *cx, struct list *out) MUST_USE;
extern const struct job_kind audit_watch_job;

extern const struct room audit_room;
