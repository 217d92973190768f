/* rooms/call/call.h - calls: who rings which desk, who answered, what was said.
 *
 * Telephone systems tell of calls through phone links; every link turns its bytes into struct call_told and calls call_take
 * inside apply. One call is one row. Repeated, reordered and missing events are tolerated. A known number is known,
 * never verified. The timeline gets its line through intake_take when the call is answered or ends.
 */
#pragma once
#include "rooms/intake/intake.h"
#include "rooms/staff/staff.h"

enum call_told_kind { TOLD_RING, TOLD_ANSWER, TOLD_HANGUP, TOLD_HELD, TOLD_BRIDGED, TOLD_TRANSFERRED };
struct call_told {
    phone_link_id link;
    str region;          /* default region of the link */
    int kind;            /* enum call_told_kind */
    str source_id, from, to, queue, cause, answering_number, name;
    int direction;       /* DIRECTION_IN, DIRECTION_OUT */
    struct str_list users; /* user[], extension, to … that name desks */
    struct call_plan *plan;
};
enum err call_plan(struct cx *cx, struct call_told *told) MUST_USE;
/* *reject: the caller is blocked. */
enum err call_take(struct cx *cx, const struct call_told *told, bool *reject) MUST_USE;

struct call {
    call_id id;
    int direction, state; /* codes in, out; ringing, answered, ended */
    str number, e164, called, queue, place;
    str number_kind, number_country;
    bool is_withheld;
    customer_id customer;
    str customer_name, customer_kind;
    struct list candidates;   /* several owners: struct candidate {id, name, why} */
    bool is_vip, is_second;   /* second call of the day, unsolved */
    int64_t priority;
    when ring_at, answer_at, end_at, wrapped_at;
    staff_id staff;
    str staff_name, cause, outcome, reason, note;
    int64_t impression;
    customer_id spoke;
    str spoke_name;
    phone_link_id link;
    struct list checks;       /* struct call_check {question, is_right} */
    str draft;                /* JSON of the unknown-caller form, or empty */
    struct str_list can;      /* what the link can do: pull, hold, mute, transfer, hangup, dial */
    int64_t version;
};
extern const struct shape call_shape;
enum err call_get(struct cx *cx, call_id id, struct call *out) MUST_USE;
/* The queue view: live calls ordered by priority, then longest wait; at most 50. Items are struct call without lists. */
enum err call_queue(struct cx *cx, struct list *out) MUST_USE;
extern const struct room call_room;
