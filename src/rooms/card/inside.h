/* rooms/card/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "rooms/card/card.h"
#include "rooms/settings/settings.h"

/* ---- a line of the timeline -------------------------------------------------------------------
 */

struct line_ref {
    str type, id, number; /* call or order */
};
struct line_call {
    str outcome, note, cause, spoke_name;
    int64_t duration_s;
    call_id id;
};
struct line_order {
    str number;
    money total;
    str status;
    order_id id;
};
struct line {
    interaction_id id;
    str channel, direction, trust;
    when at;
    struct staff_ref staff;
    str subject, text;
    bool is_cut; /* text goes on: GET /interactions/{id} */
    int64_t ref_id;
    struct line_ref ref;
    struct line_call call;
    struct line_order order;
    when answer_at, end_at;
};
extern const struct shape line_shape, line_row_shape;
/* At most so many characters; true: there was more. */
bool cut_to(str *s, size_t chars);
/* Makes of rows what people read; texts are cut to `chars`. */
void lines_finish(struct cx *cx, struct list *lines, size_t chars);

struct timeline_in {
    customer_id id;
    struct str_list channel;
    str q;
    int64_t limit;
    str cursor;
};
struct timeline {
    struct list items;
    int64_t looked;
    when until;
    str next;
};

/* ---- greeting
 * -------------------------------------------------------------------------------------- */

struct greeting {
    str lang, text, sentence, again;
};
/* How to address him, in his language; house_lang when nothing says which. */
struct greeting greeting_of(struct arena *a, const struct customer *c, enum lang house_lang);

/* ---- the card
 * ------------------------------------------------------------------------------------------ */

struct card_order {
    order_id id;
    str number;
    when at;
    str status;
    money total;
    int64_t lines;
    str first_line;
    when due_at;
};
struct card_call {
    call_id id;
    when ring_at, answer_at;
    str state, staff_name, outcome, reason, note;
    customer_id spoke;
    str spoke_name; /* when he who spoke has no record */
};
struct card_candidate {
    customer_id id;
    str name, lang, type;
};
extern const struct shape card_order_row_shape, card_order_shape, card_call_row_shape,
    card_candidate_row_shape, card_shape;

struct card_numbers {
    money spent_12m;
    int64_t orders;
    when last_order_at;
    int64_t contacts;
    when last_contact_at, since;
    int activity;
    when activity_at;
};
struct card_advice {
    str code, args, because; /* the last two JSON */
};
struct card_open {
    str type, id, title;
    when due_at;
    bool is_late;
    str number;
};
struct card_person {
    customer_id id;
    str name, name_lang, relation, role;
    when last_call_at;
};
struct card_last_call {
    call_id id;
    when at;
    str staff_name, outcome, note;
    bool is_today, is_unsolved;
};
struct card_choice {
    customer_id id;
    str name, name_lang, why;
};
struct card {
    struct customer customer;
    struct list marks;
    struct greeting greeting;
    struct list identities;
    struct card_numbers numbers;
    struct class_seen class;
    struct risk_seen_of risk;
    struct list advice, open, recent, orders, holdings, people, notes, proposals;
    struct card_last_call last_call;
    struct next_ask ask;
    struct str_list questions;
    bool is_shared_number;
    struct list candidates;
    int64_t version;
};
enum err card_get(struct cx *cx, customer_id id, call_id call, struct card *out) MUST_USE;

/* Handlers of card_http.c. */
extern const struct shape timeline_in_shape, timeline_shape, line_in_shape;
enum err route_timeline(struct cx *cx, void *in, void *out);
enum err route_line(struct cx *cx, void *in, void *out);
