/* rooms/call/call.h - calls: who rings which desk, who answered, what was said.
 *
 * Telephone systems tell of calls through phone links; every link turns its bytes into struct
 * call_told and calls call_take inside apply. One call is one row. Repeated, reordered and missing
 * events are tolerated: facts are put together in whatever order they come. A known number is
 * known, never verified. The timeline gets its line through intake_take when the call is answered
 * or ends.
 */
#pragma once
#include "rooms/evidence/evidence.h"
#include "rooms/staff/staff.h"

enum call_told_kind {
    TOLD_RING,
    TOLD_ANSWER,
    TOLD_HANGUP,
    TOLD_HELD,
    TOLD_BRIDGED,
    TOLD_TRANSFERRED
};
struct call_told {
    phone_link_id link; /* or the API token that tells */
    str region;         /* default region of the link's numbers */
    int kind;           /* enum call_told_kind */
    str source_id;      /* required */
    str from, to, queue, cause, answering_number, name, extension,
        diversion;         /* empty when not told */
    int direction;         /* DIRECTION_IN, DIRECTION_OUT; DIRECTION_NONE when not told */
    struct str_list users; /* user[]: extensions, e-mail addresses or names of desks */
    when at;               /* 0: now */
    struct call_plan *plan;
};
/* Reads on a worker: the desks, who is calling. */
enum err call_plan(struct cx *cx, struct call_told *told) MUST_USE;
/* Inside apply. *reject: the caller is blocked. ERR_STALE: plan again. */
enum err call_take(struct cx *cx, const struct call_told *told, bool *reject) MUST_USE;

enum call_state { CALL_RINGING, CALL_ANSWERED, CALL_ENDED };
extern const char *const call_state_codes[3];

struct call {
    call_id id;
    int direction, state; /* enum direction, enum call_state */
    str number, e164, national, place, number_kind, number_country;
    bool is_withheld;
    str caller_name; /* as the telephone network says */
    str called, diversion, queue;
    struct {
        customer_id id;
        str name, name_lang;
        int kind;
        str lang;
    } customer;             /* id 0: nobody */
    struct list candidates; /* of struct call_candidate: several who may be calling */
    bool is_chosen;         /* the customer was chosen by a person */
    bool is_vip, is_second; /* second call of the day, the first unsolved */
    int64_t priority;
    when ring_at, answer_at, end_at, wrapped_at;
    struct {
        staff_id id;
        str name;
    } staff; /* who answered */
    str cause, outcome, reason, note;
    int64_t impression_n;
    int impression; /* enum impression */
    struct {
        customer_id id;
        str name;
    } spoke; /* who spoke, when not the customer himself; id may be 0 */
    struct {
        phone_link_id id;
        str name;
    } link;
    struct list checks;  /* of struct call_check */
    str draft;           /* JSON of the unknown-caller form, or empty */
    struct str_list can; /* what the link can do: pull, hold, mute, transfer, hangup, dial */
    int64_t version;
};
struct call_candidate {
    customer_id id;
    str name, lang, name_lang, why;
};
struct call_check {
    str question;
    bool is_right;
};
extern const struct shape call_shape;
enum err call_get(struct cx *cx, call_id id, struct call *out) MUST_USE;
/* The same in one batch with the ids of the caller's record: rows of customer_ids, none when nobody is known. */
enum err call_get_whose(struct cx *cx, call_id id, struct call *out, struct list *rows) MUST_USE;
/* The queue view: live calls, ringing ones first, by priority, then longest wait; at most 50. Items
 * are struct call without lists. *waiting counts the ringing inbound calls, *longest_since is the
 * first ring among them. */
enum err call_queue(struct cx *cx, struct list *out, int64_t *waiting, when *longest_since)
    MUST_USE;

/* What the panel shows for an unknown caller: number, draft, earlier calls, the sentences to say.
 */
struct call_intake {
    str number, national, country, place, number_kind;
    bool is_withheld;
    str caller_name, lang, draft;
    struct list earlier; /* the last calls from this number */
    str say;             /* JSON: field -> sentence, in the caller's probable language */
};
extern const struct shape call_intake_shape;
enum err call_intake(struct cx *cx, const struct call *c, struct call_intake *out) MUST_USE;

/* The form of an unknown caller becomes a customer through the one door; `join`: one who is known
 * already. */
struct call_customer_in {
    call_id id;
    str name, reason, email, other_number, company, address, postal, city, country, opinion,
        heard_of_us, lang;
    customer_id join;
    struct intake intake; /* of plan */
};
extern const struct shape call_customer_in_shape;
enum err call_customer_plan(struct cx *cx, struct call_customer_in *in) MUST_USE;
enum err call_customer_apply(struct cx *cx, const struct call_customer_in *in,
                             struct intake_result *out) MUST_USE;

/* May this person write on the call: it is at his desk, at nobody's, or he leads. ERR_DENIED with a
 * sentence. */
enum err call_may_write(struct cx *cx, const struct call *c) MUST_USE;

extern const struct job_kind call_sweep; /* ends calls that nobody tells of any more */
extern const struct room call_room, phone_link_room;
