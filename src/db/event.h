/* db/event.h - events (committed domain facts), audit rows and jobs: what a change records beside its rows.
 *
 * An event holds ids and small codes only; what people see is rendered at delivery.
 */
#pragma once
#include "db/db.h"

#define EVENT_LIST(X)                                                                          \
    X(EVENT_CUSTOMER_CREATED, "customer.created") X(EVENT_CUSTOMER_CHANGED, "customer.changed") \
    X(EVENT_CUSTOMERS_CHANGED, "customers.changed") X(EVENT_CUSTOMER_MERGED, "customer.merged") X(EVENT_INTERACTION_ADDED, "interaction.added") \
    X(EVENT_ORDER_ADDED, "order.added") X(EVENT_CALL_RINGING, "call.ringing")                  \
    X(EVENT_CALL_ANSWERED, "call.answered") X(EVENT_CALL_ENDED, "call.ended")                  \
    X(EVENT_CALL_CHANGED, "call.changed") X(EVENT_TASK_CHANGED, "task.changed")                \
    X(EVENT_STAFF_CHANGED, "staff.changed") X(EVENT_SESSION_ENDED, "session.ended")            \
    X(EVENT_PHONE_LINK_CHANGED, "phone_link.changed") X(EVENT_SETTINGS_CHANGED, "settings.changed") \
    X(EVENT_SEGMENT_ENTERED, "segment.entered") X(EVENT_SEGMENT_LEFT, "segment.left") \
    X(EVENT_NOTICE_ADDED, "notice.added") X(EVENT_CUSTOMER_JUDGED, "customer.judged")
enum event_type {
#define X(name, code) name,
    EVENT_LIST(X)
#undef X
    EVENT_N
};
extern const char *const event_codes[EVENT_N];

struct event {
    int64_t xid; /* PostgreSQL transaction; 0 on SQLite */
    int64_t seq;
    int type; /* enum event_type */
    int64_t at_ms;
    int64_t customer_id; /* 0 none */
    int64_t ref_id;      /* call, order, staff … by type */
    str data;            /* ids and small codes, blank-separated; e.g. desks of a ring */
    int64_t depth;       /* 0: of people and doors; else how many automations stand one behind the other before it */
};
/* Inside apply. */
enum err event_add(struct cx *cx, enum event_type type, int64_t customer_id, int64_t ref_id, str data) MUST_USE;
/* Inside apply, until it is called with 0: events that are added, and customers who become due (rules_due), come of an event of
 * that depth. Whoever makes events because of events, or because a customer was due, hands their depth on, so that a circle
 * of automations is seen. */
void event_depth(struct cx *cx, int64_t depth);
/* Inside apply, for changes of many records: from here on customer.created, customer.changed, interaction.added and
 * order.added are only counted; event_gathered makes one customers.changed of them, whose data is their number. */
void event_gather(struct cx *cx);
enum err event_gathered(struct cx *cx) MUST_USE;
/* Committed events in order, called on one thread of the store; must only enqueue. */
void store_on_events(struct store *s, void (*publish)(void *arg, const struct event *e, size_t n), void *arg);
/* PostgreSQL: what this node committed, at once, ahead of its turn in the order, from several threads; each event comes in
 * its turn all the same. Must only enqueue. */
void store_on_commits(struct store *s, void (*announce)(void *arg, const struct event *e, size_t n), void *arg);
/* Events after a position, oldest first, at most `limit`; *is_gone when the position is older than what is kept. */
enum err event_after(struct cx *cx, int64_t xid, int64_t seq, size_t limit, struct list *out, bool *is_gone) MUST_USE;
/* The newest position. */
enum err event_newest(struct cx *cx, int64_t *xid, int64_t *seq) MUST_USE;

/* Inside apply: these customers are looked at again by every rule (segments, the judge), without an event of their own; what
 * event_gather counts comes here by itself. The same id may stand twice. */
enum err rules_due(struct cx *cx, const int64_t *customers, size_t n) MUST_USE;
/* The same where they wrote something and no event told of it: the judge looks for it. */
enum err rules_due_untold(struct cx *cx, const int64_t *customers, size_t n) MUST_USE;
/* Only by segments: the judge knows already. */
enum err segments_due(struct cx *cx, const int64_t *customers, size_t n) MUST_USE;

/* ---- audit ----------------------------------------------------------------------------------- */
extern const char *const actor_codes[5]; /* by the kind of an actor: nobody, staff, token, system, phone_link */
/* Commits with the act. action: a short code ("customer.change"). ref: the record. details: ids, field names
 * and hashes, never values. */
enum err audit_add(struct cx *cx, const char *action, int64_t customer_id, int64_t ref_id, str details) MUST_USE;
/* A view of a customer: kept in memory by the store of cx->db, one row per (actor, customer, 15 minutes), written once a
 * second. */
void audit_view(const struct cx *cx, int64_t customer_id);

/* What changed on a record. It is kept sealed with a key of that customer; deleting the key (audit_key; it goes with the
 * customer) is erasing. The fields before `sealed` are of its row of history and are bound to it. */
struct audit_kept {
    int64_t value_id, customer_id, at_ms;
    str actor_kind;
    int64_t actor_id;
    str source, field;
    int64_t part_id;
    str sealed;
    str wrapped; /* the customer's key; empty: erased */
};
extern const struct shape audit_kept_shape;
struct audit_said { str was, is, data; };
/* Inside apply; sets value_id and sealed. */
enum err audit_value_add(struct cx *cx, struct audit_kept *k, const struct audit_said *said) MUST_USE;
enum audit_open { AUDIT_OPEN_FINE, AUDIT_OPEN_ERASED, AUDIT_OPEN_WRONG };
enum audit_open audit_value_open(struct cx *cx, const struct audit_kept *k, struct audit_said *out) MUST_USE;

/* Goes over the whole chain and opens all values; pages by itself, cx must not be inside read_begin. */
enum audit_wrong {
    AUDIT_ROW_CHANGED, AUDIT_ROW_GONE, AUDIT_ROW_PUT, AUDIT_VALUE_CHANGED, AUDIT_VALUE_GONE, AUDIT_VALUE_PUT,
    AUDIT_VALUE_UNREAD, /* not opened by its key, or not the value of this row of history */
    AUDIT_SEAL_WRONG, AUDIT_SEAL_GONE,
    AUDIT_TAIL_GONE,  /* the installation's key knows later seals */
    AUDIT_HEAD_WRONG, AUDIT_HEAD_GONE, /* the newest seal is not the one that the key (or the log) says */
    AUDIT_WRONG_N
};
struct audit_finding { enum audit_wrong what; int64_t seal, id; };
struct audit_state {
    int64_t rows, values, seals, erased; /* under seals; values nobody can read any more */
    int64_t unsealed;                    /* rows that wait for their seal, at most a few seconds */
    int64_t wrong_seal;                  /* 0: all is as it was; else the first with something wrong, or 1 */
    int64_t n_wrong;
    struct audit_finding *findings; /* the first 100 */
    size_t n_findings;
    int64_t head; /* the newest seal, and its hash in hex */
    str head_chain;
};
enum err audit_check(struct cx *cx, struct audit_state *out) MUST_USE;
/* The same, against a seal and its hash that were kept elsewhere (the log tells one a day). */
enum err audit_check_against(struct cx *cx, int64_t seal, str chain_hex, struct audit_state *out) MUST_USE;
/* Only the newest seals and their rows, which is quick; may be inside read_begin. */
enum err audit_check_tail(struct cx *cx, int64_t seals, struct audit_state *out) MUST_USE;
/* Inside apply, after a rotation of keys: the next customers' keys are wrapped by the epoch that writes now. *after begins at
 * 0; when it is finished nothing of the audit needs an earlier epoch. */
enum err audit_rewrap_slice(struct cx *cx, int64_t *after, bool *is_finished) MUST_USE;
/* A store that rows of another come into: nothing is sealed while it is held. */
void audit_seals_hold(struct store *s, bool is_held);
/* After all of them have come: which seal holds which row, for on PostgreSQL ids are not in the order of seals; what no seal
 * held yet gets one. Rows that lie further back without a seal are left as they are, and the check names them. */
enum err audit_taken_in(struct store *s, struct cx *cx) MUST_USE;
/* One sentence: "row 42 of the audit was changed after it was sealed (seal 7)". */
str audit_finding_text(struct arena *a, enum lang lang, const struct audit_finding *f);
void audit_finding_fault(struct cx *cx, const struct audit_finding *f); /* the same into cx->why */
/* ---- jobs -------------------------------------------------------------------------------------- */
/* A job is a row, safe to run twice, run in slices on the bulk lane by one thread. A kind has `slice`, or `plan` and `write`:
 * the second where what there is to read takes longer than what there is to write, for the writer is for others too. */
struct job_kind {
    const char *name;
    /* One slice, inside apply of the bulk lane. Sets *finished, or *position for the next slice; may set
     * *progress of *total for people. */
    enum err (*slice)(struct cx *cx, str args, int64_t *position, int64_t *progress, int64_t *total, bool *finished);
    int64_t every_ms; /* not 0: runs again that long after its end */
    /* Inside apply, once, when a slice has failed so often that it is not tried again (one that comes again is, but
     * rarely): so that a person sees it where he waits for it. May be NULL. */
    enum err (*gave_up)(struct cx *cx, str args, enum err why);
    /* Reading only: is there nothing to do? Then no change is made for its turn, and it is asked again a quarter of a second
     * later. May be NULL. */
    bool (*is_idle)(struct cx *cx);
    /* Reading only, in one snapshot and beside the writer: finds out what there is to do. *found (NULL: nothing) lives until it
     * was written. It may be old by then: `write` trusts it only in what a later event brings up again, and hands back ERR_STALE
     * where it must be planned anew. */
    enum err (*plan)(struct cx *cx, str args, void **found);
    /* Inside apply of the bulk lane; may run again with what was found, so it changes nothing of that. *finished: all is done. */
    enum err (*write)(struct cx *cx, const void *found, bool *finished);
};
extern const struct job_kind audit_values_job; /* seals the values of a store of before */
/* h: whose jobs they are (NULL: nobody serves); their contexts carry it, as those of requests do. */
void store_jobs_start(struct store *s, struct house *h, const struct job_kind *kinds, size_t n);
enum err job_add(struct cx *cx, const char *kind, str args) MUST_USE; /* inside apply */
/* What the jobs of this process cost since its start: how long they planned beside the writer, and stood on it. */
struct job_figures {
    const char *kind;
    int64_t slices, plan_us, write_us;
};
enum { JOB_KINDS_MAX = 64 };
size_t store_job_figures(struct store *s, struct job_figures out[JOB_KINDS_MAX]);

/* ---- what the search must read anew --------------------------------------------------------------- */
/* Inside apply: something by which these customers are found has changed (a name, a handle, a tag, a merge). Their places in
 * the search's index are written within a second after the commit. Any id of a record will do. */
enum err search_due(struct cx *cx, const int64_t *customers, size_t n) MUST_USE;

/* ---- leases -------------------------------------------------------------------------------------- */
/* Inside apply: what only one node may do at a time. *is_mine for that long, counted from now. */
enum err store_lease(struct cx *cx, const char *name, int64_t ms, bool *is_mine) MUST_USE;
