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
    customer_id customer; /* all ids of his record, and exports that may have held it */
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
    bool whole; /* an export of many records, that may have held the one asked for */
};
struct audit_page {
    struct list items;
    str next;
};
extern const struct shape audit_line_shape;
extern const struct shape audit_page_shape;
enum err audit_find(struct cx *cx, const struct audit_wish *w, struct audit_page *out) MUST_USE;

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
