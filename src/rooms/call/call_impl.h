/* rooms/call/call_impl.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "messages.h"
#include "queries.h"
#include "rooms/call/call.h"
#include "rooms/settings/settings.h"

enum {
    SOURCE_ID_MAX = 200, /* characters of a telephone system's call id */
    NUMBER_MAX = 200,    /* of a number as given */
    NOTE_MAX = 20000,
    RINGS_AT_MOST_MS = 10 * 60 * 1000,
    SILENT_AT_MOST_MS = 12 * 3600 * 1000,
    WAITS_LONG_MS = 2 * 60 * 1000, /* then a caller passes those who call a second time */
    /* Words about an ended call that arrive within this time belong to it; later ones are a new
     * call that bears an old id (a ring), or nothing (all others). */
    LATE_MS = 10 * 1000,
    CANDIDATES_MAX = 16,
    PRIORITY_VIP = 3,
    PRIORITY_SECOND = 1,
};
extern const char *const call_outcome_codes[4]; /* "", solved, follow_up, passed_on */
int call_outcome_of(str code);

/* Columns of the queries that end in `-> call_row`; place and the language of the name are filled
 * behind. */
extern const struct shape call_row_shape;
extern const struct shape call_candidate_shape, call_check_shape;
/* What a row does not hold: place, languages of names, draft as JSON. */
void call_finish(struct cx *cx, struct call *c);
/* A call that the actor may write on; for plans. */
enum err call_for_writing(struct cx *cx, call_id id, struct call *out) MUST_USE;
/* One audit row per call and person. Inside apply. */
enum err call_touched(struct cx *cx, const struct call *c) MUST_USE;
/* Tells the desk it is at. Inside apply. */
enum err call_tell_changed(struct cx *cx, call_id id, customer_id customer, staff_id staff)
    MUST_USE;
/* The line of a call on somebody's timeline. `given`: the number, when it made us know him; else
 * empty. */
struct intake call_line(struct cx *cx, call_id id, int direction, when ring_at, staff_id staff,
                        customer_id customer, str given);

/* The sentences for an unknown caller as JSON, in a language. */
enum err say_json(struct cx *cx, enum lang lang, str *out) MUST_USE;
/* The language somebody with a number of that country probably speaks. */
enum lang say_lang(struct cx *cx, str country);

/* Routes of this room that stand in other files than its table. */
extern const struct shape call_person_shape;
enum err call_person_plan(struct cx *cx, void *in, void *out) MUST_USE;
enum err call_person(struct cx *cx, void *in, void *out) MUST_USE;
extern const struct shape draft_in_shape, draft_out_shape, say_in_shape, say_out_shape,
    lookup_in_shape;
enum err draft_plan(struct cx *cx, void *in, void *out) MUST_USE;
enum err draft_apply(struct cx *cx, void *in, void *out) MUST_USE;
enum err say_read(struct cx *cx, void *in, void *out) MUST_USE;
enum err say_apply(struct cx *cx, void *in, void *out) MUST_USE;
enum err lookup_read(struct cx *cx, void *in, void *out) MUST_USE;
