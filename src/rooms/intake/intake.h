/* rooms/intake/intake.h - the one door into the record.
 *
 * Every channel does only this: bytes -> struct intake -> intake_plan on a worker -> intake_take
 * inside apply. intake_plan normalises, recognises and makes name keys; intake_take re-checks what
 * plan saw and writes. ERR_STALE from intake_take: plan again (the gate and db_change callers
 * loop).
 *
 * Recognition: proven or presented, on a confirmed or claimed handle with one owner, is that
 * customer; typed is filed under that customer as "not proven", fills nothing confirmed, what
 * differs becomes proposals; several owners: the highest-ranked handle decides, the others are
 * possible duplicates with their evidence; a shared handle alone gives a choice; nothing known
 * makes a new customer with what was given.
 */
#pragma once
#include "rooms/customer/customer.h"

enum channel {
    CHANNEL_CALL,
    CHANNEL_EMAIL,
    CHANNEL_CHAT,
    CHANNEL_FAX,
    CHANNEL_LETTER,
    CHANNEL_FORM,
    CHANNEL_VISIT,
    CHANNEL_ORDER,
    CHANNEL_PURCHASE,
    CHANNEL_SURVEY,
    CHANNEL_NOTE,
    CHANNEL_N
};
extern const char *const channel_codes[CHANNEL_N];
enum direction { DIRECTION_IN, DIRECTION_OUT, DIRECTION_NONE };
extern const char *const direction_codes[3];
enum trust { TRUST_PROVEN, TRUST_PRESENTED, TRUST_TYPED };
extern const char *const trust_codes[3];

struct intake_identity {
    int type;
    str value;     /* as given */
    bool verified; /* counts only from a token with scope vouch */
};
struct intake_claims {
#define X(m, ...) str m;
    CUSTOMER_TEXTS(X)
#undef X
    str kind;
    str address_kind, address_line, address_postal; /* one address, with city, region, country */
};
struct intake {
    int channel, direction;
    when at;                /* 0: now */
    str source_id;          /* the source's own id: the same again changes nothing */
    struct list identities; /* of struct intake_identity; at most 16 */
    struct intake_claims claims;
    str subject, text, ip;
    /* set by the route, never by the sender */
    int trust;
    customer_id customer; /* chosen by a person: recognition is passed over */
    int64_t ref_id;       /* call or order */
    staff_id staff;
    bool no_interaction;      /* only make or complete the customer (POST /customers) */
    const char *source;       /* where handles, addresses and changes came from; NULL: the channel */
    int64_t batch;            /* the import whose rows of history this is part of; 0: none */
    const struct standing_fact *facts; /* what else the contact brought: counted with it */
    size_t n_facts;
    struct intake_plan *plan; /* by intake_plan */
};
struct duplicate {
    customer_id id;
    double probability;
    str why;
};
struct intake_result {
    customer_id customer; /* the root */
    customer_id via;      /* the id that the rows of this contact keep */
    bool is_new, is_repeat; /* is_repeat: this source_id was answered before */
    interaction_id interaction;
    str matched_by; /* "phone", "email" …, "chosen", "" new; a repeated source_id says what the
                       first answer said */
    struct list duplicates; /* of struct duplicate */
    struct list ignored;    /* of struct intake_ignored */
    bool changes;           /* something of a known record is filled, added or proposed */
    struct list differs;    /* of struct intake_differs: what is proposed, beside what stands there */
    enum err err;           /* of intake_take_many: what became of this one */
    struct fault why;       /* when err is not OK: its sentence, and the field at fault */
};
struct intake_differs {
    str field, now, claimed;
};
/* A handle that recognised nobody, and why: malformed, withheld, too_many_owners. */
struct intake_ignored {
    int type;
    str value, why;
};
extern const struct shape intake_identity_shape, intake_claims_shape, intake_answer_shape;

enum err intake_plan(struct cx *cx, struct intake *in) MUST_USE;
/* What take will answer, by what plan saw. */
const struct intake_result *intake_planned(const struct intake *in);
/* What the contact with this interaction was answered. */
enum err intake_repeat(struct cx *cx, interaction_id id, struct intake_result *out) MUST_USE;
enum err intake_take(struct cx *cx, const struct intake *in, struct intake_result *out) MUST_USE;

/* Many at once: the same rules and the same answers as one by one in the order given, so the second
 * of a batch may meet the customer that the first one made. One that is refused (ERR_INVALID,
 * ERR_NOT_FOUND: out[i].err and out[i].why) is left out alone and the others go on; what the calls
 * themselves return concerns all of them. intake_take_many takes the very arrays that
 * intake_plan_many got, inside one change: all good ones are written with it, or none. ERR_STALE
 * from it: call intake_plan_many again with the same arrays and apply again (later ones lean on
 * earlier ones, so all are planned anew). What plan tells of a few may be nearer the truth after
 * take: those that need a second look at what the first ones write. Panels and rules hear of one
 * event, customers.changed. A turn of the bulk lane is short: callers with much to do bring it in
 * changes of about INTAKES_TURN. Memory: an arena of about 16 KB for each. */
enum { INTAKES_MAX = 1000, INTAKES_TURN = 100 };
enum err intake_plan_many(struct cx *cx, struct intake *in, size_t n, struct intake_result *out)
    MUST_USE;
enum err intake_take_many(struct cx *cx, struct intake *in, size_t n, struct intake_result *out)
    MUST_USE;
/* The same in pieces of so many contacts, all in one change; must_end is asked between two. When it says so, the first *taken
 * are written, and the others are as if they had never been planned. */
struct intake_pieces {
    size_t each;
    bool (*must_end)(void *arg);
    void *arg;
};
enum err intake_take_some(struct cx *cx, struct intake *in, size_t n, struct intake_result *out,
                          const struct intake_pieces *pieces, size_t *taken) MUST_USE;

extern const struct expr_table intake_attributes; /* what conditions may ask */
extern const struct room intake_room; /* POST /intake, POST /customers */
