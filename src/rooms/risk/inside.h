/* rooms/risk/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "messages.h"
#include "queries.h"
#include "rooms/risk/risk.h"

enum {
    MAY_RISK = MAY_LEAD | MAY(ROLE_RISK),
    MAY_SEE_RISK = MAY_SERVE | MAY(ROLE_RISK) | MAY(ROLE_PRIVACY),
};

/* ---- traces ---------------------------------------------------------------------------------- */

enum trace_kind { TRACE_EMAIL, TRACE_DOMAIN, TRACE_PHONE, TRACE_DEVICE, TRACE_CARD, TRACE_IP, TRACE_NETWORK, TRACE_ADDRESS, TRACE_NAME, TRACE_KINDS };
extern const char *const trace_kind_codes[TRACE_KINDS]; /* the first eight are those of a block list */
enum { BLOCK_KINDS = TRACE_NAME };
/* The normal form in which small changes of the same thing are the same; empty: it says nothing. region: of phones. */
str trace_normal(struct arena *a, int kind, str value, str region);
int64_t trace_hash(struct arena *a, int kind, str normal); /* 0 for an empty one */
/* All that a sign-up leaves; 0: not given. */
struct traces {
    int64_t of[TRACE_KINDS];
    int64_t who; /* by e-mail, else phone, else name and country */
};
struct phone said_phone(struct arena *a, const struct risk_said *s);
void traces_of(struct cx *cx, const struct risk_said *s, struct traces *out);
/* What blocks and verdicts are asked by: everything but the name. */
size_t traces_list(const struct traces *t, int64_t out[static TRACE_KINDS]);

/* ---- what is thought of a customer ------------------------------------------------------------------ */

struct risk_look {
    customer_id root;
    int64_t points, level, confidence, who;
    str fired;
    bool is_news; /* else merged or gone meanwhile, or as it is kept */
};

/* ---- what was seen before ------------------------------------------------------------------------ */

struct trace_row {
    int64_t kind; /* of screened_seen */
    int64_t at, screened, who, card, ip;
    bool is_kin; /* somebody of the same name or family; no column */
};
struct block_hit {
    block_id id;
    str kind, value, reason;
};
struct verdict_hit {
    int64_t trace;
    str verdict;
    bool is_self;
    when at;
    review_id review;
};
struct screened_row {
    int64_t id, at;
    str name, email, traces, answer;
};
struct owner_row {
    int64_t root;
    str type;
    bool is_blocked;
};
extern const struct shape screened_row_shape, screened_trace_row_shape, risk_block_hit_row_shape, risk_verdict_hit_row_shape, risk_owner_row_shape;

/* Rows that were read for a sign-up; counted by seen_count (pure). */
enum { SEEN_ROWS = 100 };
struct memory {
    struct list device, card, network, address, who; /* of struct trace_row, newest first */
    struct list blocks, verdicts, owners, outcomes;
};
void seen_count(const struct memory *m, const struct traces *t, int64_t now_ms, struct risk_seen *out);
void verdicts_count(const struct list *verdicts, const struct traces *own, struct risk_seen *out);
void seen_nothing(struct risk_seen *out, int64_t now_ms);
/* What files and libraries know: countries, networks, domains, numbers, names. */
void seen_sources(struct cx *cx, const struct risk_said *s, str reading, struct risk_seen *out);
/* From which total an order is large, in minor units of its currency; 0: not known. */
enum err large_from(struct cx *cx, currency c, int64_t *out) MUST_USE;

struct outcome_row {
    str kind;
    int64_t n;
};
extern const struct shape risk_outcome_row_shape;
void outcome_facts(const struct list *outcomes, int64_t abuse, struct risk_facts *f);

/* ---- what is kept of an answer ----------------------------------------------------------------------- */

uint16_t risk_label(int signal);
void sign_add(struct risk *out, int signal, int points); /* in their order */
str facts_text(struct arena *a, const struct risk_facts *f, const struct risk *r, str country);
/* False: not one of ours. */
bool facts_read(struct cx *cx, str text, struct risk_facts *f, struct risk *r, str *country);


/* ---- what is kept in memory ------------------------------------------------------------------------------ */

/* After risk_house_now: may one of these be on the block list, or a verdict have been said about it? False: as of at most a second
 * ago no, on the node where it was said: no. Few houses list more than is kept; then it may always be. */
bool may_be_listed(struct cx *cx, const int64_t *traces, size_t n);
/* Inside apply: rules, ways to pay, the block list or a verdict are another now. */
void house_changed(void);

/* ---- reviews --------------------------------------------------------------------------------------------- */

struct review_new {
    const char *kind;
    int64_t who, customer, screened, block, points;
};
enum err reviews_about(struct cx *cx, customer_id root, const struct list *hits /* of struct verdict_hit */, struct list *out) MUST_USE;
/* risk_of, with the reviews (may be NULL). */
enum err risk_read(struct cx *cx, customer_id root, struct risk_answer *out, struct list *reviews) MUST_USE;
enum err review_put(struct cx *cx, const struct review_new *r) MUST_USE;

/* ---- routes ------------------------------------------------------------------------------------------------ */

/* The members of an answer in a struct that holds it: m is the way to it. */
#define RISK_ANSWER_FIELDS(st, m)                                                                                                                  \
    FIELD_AS(st, m risk, "risk", .doc = "0 to 100"), FIELD_AS(st, m confidence, "confidence", .doc = "0 to 1: how much of what is asked is known"), \
        {.name = "level", .offset = offsetof(st, m level), .size = sizeof(int), .type = F_ENUM, .names = risk_level_codes, .n_names = RISK_LEVELS},  \
        FIELD_AS(st, m summary, "summary"),                                                                                                        \
        {.name = "signals", .offset = offsetof(st, m signals), .size = sizeof(struct list), .type = F_LIST, .sub = &risk_signal_out_shape,          \
         .not_column = true},                                                                                                                      \
        FIELD_AS(st, m advice, "advice"), FIELD_AS(st, m advice_code, "advice_code", .doc = "accept, accept_3ds, irrevocable, hold, refuse"),      \
        FIELD_AS(st, m payment, "payment", .doc = "Codes of the payment methods to accept"),                                                       \
        FIELD_AS(st, m unknown, "unknown", .doc = "Checks that could not be made")

extern const struct shape screen_in_shape, screen_out_shape;
enum err screen_plan(struct cx *cx, void *in, void *out);
enum err screen_apply(struct cx *cx, void *in, void *out);
enum err screen_again(struct cx *cx, int64_t id, void *out);

extern const struct shape signals_shape, signal_patch_shape, signal_shape, signal_preview_shape, payment_methods_shape, payment_method_in_shape,
    payment_method_patch_shape, payment_method_by_code_shape, payment_method_shape;
enum err signals_route(struct cx *cx, void *in, void *out);
enum err signal_patch_plan(struct cx *cx, void *in, void *out);
enum err signal_patch_apply(struct cx *cx, void *in, void *out);
enum err signal_preview_route(struct cx *cx, void *in, void *out);
enum err methods_route(struct cx *cx, void *in, void *out);
enum err method_add_plan(struct cx *cx, void *in, void *out);
enum err method_patch_plan(struct cx *cx, void *in, void *out);
enum err method_delete_plan(struct cx *cx, void *in, void *out);
enum err method_apply(struct cx *cx, void *in, void *out);

extern const struct shape review_shape, reviews_in_shape, reviews_shape, review_by_id_shape, review_one_shape, verdict_in_shape;
enum err reviews_route(struct cx *cx, void *in, void *out);
enum err review_route(struct cx *cx, void *in, void *out);
enum err verdict_plan(struct cx *cx, void *in, void *out);
enum err verdict_apply(struct cx *cx, void *in, void *out);
enum err verdict_again(struct cx *cx, int64_t id, void *out);

extern const struct shape blocks_in_shape, blocks_shape, block_in_shape, block_shape, block_by_id_shape, wish_in_shape;
enum err blocks_route(struct cx *cx, void *in, void *out);
enum err block_add_plan(struct cx *cx, void *in, void *out);
enum err block_add_apply(struct cx *cx, void *in, void *out);
enum err block_again(struct cx *cx, int64_t id, void *out);
enum err block_plan(struct cx *cx, void *in, void *out);
enum err block_end_apply(struct cx *cx, void *in, void *out);
enum err block_wish_apply(struct cx *cx, void *in, void *out);

extern const struct shape reports_waiting_in_shape, reports_waiting_shape, reports_in_shape, reports_shape, report_in_shape, report_shape, report_decide_shape;
enum err reports_waiting_route(struct cx *cx, void *in, void *out);
enum err reports_route(struct cx *cx, void *in, void *out);
enum err report_add_plan(struct cx *cx, void *in, void *out);
enum err report_add_apply(struct cx *cx, void *in, void *out);
enum err report_again(struct cx *cx, int64_t id, void *out);
enum err report_decide_plan(struct cx *cx, void *in, void *out);
enum err report_decide_apply(struct cx *cx, void *in, void *out);

struct customer_in {
    customer_id id;
};
extern const struct shape customer_in_shape, customer_risk_shape;
enum err customer_risk_route(struct cx *cx, void *in, void *out);
