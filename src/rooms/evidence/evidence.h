/* rooms/evidence/evidence.h - what customers say that shows how they deal with us.
 *
 * Messages, notes and the notes of calls are read once, after they were written, by lists of phrases in five languages;
 * a colleague may add his impression with one key. What was found (evidence) counts for 180 days in one narrow row a
 * record (trait), which is what rules ask. Nothing here judges: rooms/judge does.
 */
#pragma once
#include "rooms/order/order.h"

enum evidence_kind {
    EVIDENCE_DISCOUNT_ASKED,
    EVIDENCE_PROMISE_MORE,
    EVIDENCE_COMPETITOR_NAMED,
    EVIDENCE_PRICE_REMARK,
    EVIDENCE_COLLEAGUE_ASKED,
    EVIDENCE_REFERRAL_GIVEN,
    EVIDENCE_AGGRESSIVE,
    EVIDENCE_HURRY,
    EVIDENCE_QUESTION,
    EVIDENCE_OFF_MATTER,
    EVIDENCE_IMPRESSION,
    EVIDENCE_N
};
extern const char *const evidence_codes[EVIDENCE_N]; /* "discount_asked" … */

/* What a colleague may say after a call: the keys of classes that people can tell by an ear. Never a suspicion. */
enum impression {
    IMPRESSION_NONE,
    IMPRESSION_REGULAR,
    IMPRESSION_CHATTY,
    IMPRESSION_FREELOADER,
    IMPRESSION_TIME_EATER,
    IMPRESSION_INTERESTED,
    IMPRESSION_COMPANY,
    IMPRESSION_N
};
extern const char *const impression_codes[IMPRESSION_N]; /* "", "regular" … */

enum { EVIDENCE_DAYS = 180 }; /* so long it counts */

/* Of a record; no row: all of it is zero. Counts are of the last 180 days. */
struct trait {
    customer_id id; /* the root */
    int64_t counts[EVIDENCE_IMPRESSION]; /* by kind; questions are counted one by one, of the others texts that hold them */
    staff_id colleague; /* asked for last, by name */
    int impression;     /* enum impression */
    staff_id impression_by;
    when impression_at;
    when due_at; /* when the oldest of it falls out; 0: never */
    int64_t read_id, read_ms, n_ids; /* how far its texts were read; of how many ids */
};
extern const struct shape trait_row_shape; /* the columns of trait_get, trait_many */
/* Of the record that answers for this id; zero when nothing was ever read. */
enum err trait_of(struct cx *cx, customer_id any, struct trait *out) MUST_USE;

/* One of several records whose texts are read together. */
struct evidence_ask {
    customer_id root;
    const int64_t *told; /* is_told: nothing was written since the last time but these contacts */
    size_t n_told;
    bool is_told;
};
/* Within a second after an event named a record what was written since the last time is read (reading only, beside the
 * writer), then what was found is kept and the trait brought up to date. Safe at any time and twice: a text counts once. */
struct evidence_found; /* of one record; lives in cx->arena */
enum err evidence_read(struct cx *cx, customer_id any, struct evidence_found **out) MUST_USE;
/* The same of up to EVIDENCE_TOGETHER records (in order), by few statements for all. out: NULL of one that answers for itself
 * no more. Who was read the last time before `followed_ms` is not taken at his word (is_told): events were passed over since.
 * *is_too_much: they wrote so much that each is to be read by himself; nothing was read. */
enum { EVIDENCE_TOGETHER = 60 };
enum err evidence_read_many(struct cx *cx, const struct evidence_ask *asks, size_t n, int64_t followed_ms, struct evidence_found **out, bool *is_too_much) MUST_USE;
bool evidence_is_more(const struct evidence_found *f); /* a long history: the next time goes on where this one stood */
size_t evidence_rows(const struct evidence_found *f); /* about so many are to be written */
bool evidence_is_news(const struct evidence_found *f); /* something that rules ask may not be as it was */
/* Inside apply, of several records (in order, each once), by few questions for all. */
struct evidence_writing {
    const struct evidence_found *found;
    int64_t depth;    /* of the event because of which he was read */
    bool has_changed; /* out: something that rules ask is not as it was (segments are told) */
    bool is_stale;    /* out: he was read by another meanwhile, or answers for himself no more; nothing was written, and he is to be read again */
};
enum err evidence_write_many(struct cx *cx, struct evidence_writing *w, size_t n) MUST_USE;

/* Inside apply: the impression of a colleague. `source`: the call it was had in, else a new id; the same source again
 * replaces what was said before (also of another customer). IMPRESSION_NONE takes back what this
 * source said, or, of a source that said nothing, what anybody said. Customer 0: nobody's any more. It fades after 180 days. */
struct impression_new {
    customer_id customer;
    int impression;
    int64_t source;
    interaction_id interaction;
    staff_id staff;
};
enum err impression_put(struct cx *cx, const struct impression_new *in) MUST_USE;

extern const struct job_kind evidence_due_job; /* takes out what falls out of the 180 days */
extern const struct expr_table evidence_attributes; /* what conditions may ask */
extern const struct room evidence_room;
