/* rooms/order/turn.h - what keeps the standing true while days go by; part of order.h, which
 * includes it.
 */
#pragma once
#include "db/event.h"

/* At midnight of the business time zone the days that fall out of a window leave it, customer by
 * customer, in slices; after days off it catches up. Then VIPs by share are found. When the time
 * zone or the limits of activity change, all are counted anew. */
extern const struct job_kind standing_turn_job;
/* Activities whose time has come. */
extern const struct job_kind standing_due_job;

/* Inside apply: a record is counted anew from its rows, as after something was taken back. Any of its ids. */
enum err standing_recount(struct cx *cx, customer_id any) MUST_USE;
/* Standing and day rows of a record against the rows they are made of; the jobs have done their
 * work. Not inside read_begin when the record is large. */
enum err standing_verify(struct cx *cx, customer_id root, bool *is_right) MUST_USE;
/* The time for which the windows in the store are true: now, or the end of the last day that was turned. Not settled: they
 * are being counted anew, or the jobs have not run with these rules yet. */
enum err standing_true_for(struct cx *cx, int64_t *now_ms, bool *is_settled) MUST_USE;
/* The next n records (at most 1,000) after *after, counted together: those that look wrong (struct list of int64_t), which a
 * change in between may be the cause of; standing_verify tells in one snapshot. *after becomes 0 at the end. */
enum err standing_check(struct cx *cx, int64_t *after, size_t n, struct list *wrong) MUST_USE;
