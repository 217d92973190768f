/* rooms/risk/risk.h - how likely is it that somebody deceives us, by which signs, how sure are we, and what to do.
 *
 * A sign-up, an order or a record -> facts (what each signal says: yes, no, not known) -> risk_score -> points, level, advice.
 * Pure: risk_facts_of and risk_score look at nothing but what they are given; POST /screen, the job that follows customers,
 * previews and tests share them. What is not known lowers the confidence and nothing else; nothing is refused by itself.
 *
 * Memory: texts live in cx->arena, or are those that were given.
 */
#pragma once
#include "rooms/order/order.h"
#include "rooms/risk/signals.h"

enum risk_group {
#define X(name, code) name,
    RISK_GROUP_LIST(X)
#undef X
        RISK_GROUPS
};
enum risk_check {
#define X(name, code) name,
    RISK_CHECK_LIST(X)
#undef X
        RISK_CHECKS
};
enum risk_signal {
#define X(name, code, group, check, points, beside) name,
    RISK_SIGNAL_LIST(X)
#undef X
        RISK_SIGNALS
};
extern const char *const risk_group_codes[RISK_GROUPS];
extern const char *const risk_check_codes[RISK_CHECKS];
extern const char *const risk_signal_codes[RISK_SIGNALS];
struct risk_signal_kind {
    int group, check, points;
    bool beside; /* counts only when another one does that needs no company */
};
extern const struct risk_signal_kind risk_signal_kinds[RISK_SIGNALS];

/* ---- facts ------------------------------------------------------------------------------------- */

enum risk_state { RISK_UNKNOWN, RISK_NO, RISK_YES };
struct risk_fact {
    int state;    /* enum risk_state */
    int strength; /* of yes: 1 to 100 percent of the signal's points; 0: all */
    str a, b;     /* what was seen, for the sentence */
    int64_t n;
};
struct risk_facts {
    struct risk_fact of[RISK_SIGNALS];
};

/* ---- rules ------------------------------------------------------------------------------------- */

struct risk_rule {
    int points; /* 0 to 100 */
    bool is_off;
};
struct risk_rules {
    struct risk_rule of[RISK_SIGNALS];
};
void risk_rules_default(struct risk_rules *out);

enum risk_level { RISK_LOW, RISK_MEDIUM, RISK_HIGH, RISK_LEVELS };
extern const char *const risk_level_codes[RISK_LEVELS]; /* low medium high */
enum { RISK_MEDIUM_FROM = 33, RISK_HIGH_FROM = 67 };
enum risk_advice { RISK_ACCEPT, RISK_ACCEPT_3DS, RISK_IRREVOCABLE, RISK_HOLD, RISK_REFUSE, RISK_ADVICES };
extern const char *const risk_advice_codes[RISK_ADVICES]; /* accept accept_3ds irrevocable hold refuse */

/* ---- the answer --------------------------------------------------------------------------------- */

struct risk_sign {
    int signal;
    int points; /* what it brings, less what its group takes off; of trust below 0 */
};
struct risk {
    int points; /* 0 to 100 */
    int level, advice;
    int known, checks; /* of the checks */
    struct risk_sign signs[RISK_SIGNALS]; /* those that fired: risk by points, then trust */
    size_t n;
    bool is_unknown[RISK_CHECKS];
};
/* A group's signals by noisy-or, groups summed, trust taken off, 0 to 100. A block list's word is not lowered by trust. */
void risk_score(const struct risk_facts *f, const struct risk_rules *r, struct risk *out);

/* ---- what a checkout says, and what the house knows about it -------------------------------------- */

struct risk_said {
    str reading; /* of the name, where it is in Han */
    str name, email, phone, country, city, address, company, language, time_zone;
    bool is_phone_read; /* number: of phone, by who looked at it already */
    struct phone number;
    str ip, device;
    opt_int form_seconds;
    bool has_payment;
    str method, card_name, card_country, card_fingerprint;
    bool is_prepaid;
    bool has_order, is_express;
    int64_t total;
    currency currency;
    bool has_history; /* the shop's own word */
    opt_int paid_orders, age_days, questions;
};
enum risk_network { RISK_NETWORK_UNKNOWN, RISK_NETWORK_NONE, RISK_NETWORK_HOSTING, RISK_NETWORK_TOR };
enum risk_domain { RISK_DOMAIN_UNKNOWN, RISK_DOMAIN_OTHER, RISK_DOMAIN_FREE, RISK_DOMAIN_DISPOSABLE };
enum risk_holder { RISK_HOLDER_UNKNOWN, RISK_HOLDER_SAME, RISK_HOLDER_FAMILY, RISK_HOLDER_COMPANY, RISK_HOLDER_OTHER };
/* How often it was seen, with whom; -1: not known (nothing to go by). */
struct risk_seen {
    str ip_country, domain, phone_country;
    int network, domain_kind;
    int is_voip; /* enum risk_state */
    int holder;
    str holder_why, famous; /* whom the name is like */
    int is_famous;          /* enum risk_state */
    bool is_phone_read;
    int64_t cards_of_person, people_of_card, people_of_device, people_of_address, people_of_ip; /* this one included */
    int64_t strangers_of_device, strangers_of_card; /* of those people, who share no name with this one; -1: not looked at */
    int64_t news; /* of device, network, address and card that an account had before, so many are others now; -1: not known */
    int64_t signups_ip, signups_network, signups_device;                                         /* of an hour, this one included */
    int64_t large_from; /* minor units of said.currency from which an order is large; 0: not known */
    bool is_blocked, is_listed, is_verdict, is_judged_fraud, is_judged_honest;
    str blocked_by, listed_by, verdict_by; /* what is shared: "email", "device" … */
    int64_t now_ms;
};
/* Adds to *f what these say; facts that are there already stay unless something is known now. */
void risk_facts_of(struct arena *a, const struct risk_said *said, const struct risk_seen *seen, struct risk_facts *f);

/* One letter, one letter again and again, a row of the keyboard, consonants alone. */
bool risk_name_is_noise(struct arena *a, str name);
/* RISK_YES: people in that country do not speak it, do not keep that time; by the system's locales and zones. */
int risk_language_differs(str language, str country);
int risk_zone_differs(str zone, str country, int64_t now_ms);

/* ---- the house's rules and ways to pay ------------------------------------------------------------- */

enum risk_call_back { RISK_CALL_BACK_NO, RISK_CALL_BACK_YES, RISK_CALL_BACK_DAYS };
extern const char *const risk_call_back_codes[3]; /* no yes days: can the payer take the money back */
struct risk_method {
    str code, name;
    int call_back;
    int64_t days;
    str countries; /* blank-separated; empty: all */
    int64_t position;
    bool is_gone;
    int64_t version; /* 0: as shipped */
};
enum { RISK_METHODS_MAX = 50, RISK_METHODS_ROOM = 120 }; /* shown; with those that are gone */
struct risk_house {
    struct risk_rules rules;
    int64_t versions[RISK_SIGNALS]; /* of a rule that was changed; 0: as shipped */
    struct risk_method methods[RISK_METHODS_ROOM];
    size_t n_methods;
};
/* Read anew each time: two small tables. */
enum err risk_house_read(struct cx *cx, struct risk_house *out) MUST_USE;
/* The same as of at most a second ago (on the node where it was changed: as it is), from a copy in memory. Memory: cx->arena. */
enum err risk_house_now(struct cx *cx, const struct risk_house **out) MUST_USE;
/* The codes of the methods that go with this advice in this country (empty: not known). */
struct str_list risk_methods_for(struct arena *a, const struct risk_house *h, int advice, str country);

/* ---- for people: words in the language of cx ----------------------------------------------------------- */

struct risk_signal_out {
    str name, group, label;
    int64_t points;
    str evidence;
};
struct risk_answer {
    int64_t risk;
    double confidence; /* 0 to 1 */
    int level;         /* enum risk_level */
    str summary;       /* "Low · 8 of 100 · 9 of 19 checks known" */
    struct list signals; /* of struct risk_signal_out */
    str advice, advice_code;
    struct str_list payment, unknown;
};
extern const struct shape risk_signal_out_shape, risk_answer_shape;
void risk_answer_of(struct cx *cx, const struct risk *r, const struct risk_facts *f, const struct risk_house *h, str country,
                    struct risk_answer *out);

/* ---- customers ------------------------------------------------------------------------------------------- */

/* Looks at records anew (roots in order; by few statements for all; reading only, beside the writer), then writes what is thought of
 * it where that changed. A level that becomes high puts it into the review queue. What the look saw may be old when it is written: whatever changed since is an
 * event of that customer, and he is looked at again; when rules change, what was written is scored anew (risk_rescore_job). */
struct risk_look; /* lives in cx->arena */
enum err risk_look_many(struct cx *cx, const struct risk_house *h, const int64_t *roots, size_t n, struct risk_look **out /* n */) MUST_USE;
bool risk_is_news(const struct risk_look *l); /* there is something to write */
/* What conditions may ask of the risk, and, in the arena, the row of that part as it will stand when the look is written. */
extern const struct expr_part risk_part;
const void *risk_part_of(struct arena *a, const struct risk_look *l);
/* Inside apply, of records that answer for themselves. */
struct risk_writing {
    const struct risk_look *look;
    int64_t depth; /* of the event because of which he was looked at */
};
enum err risk_write_many(struct cx *cx, const struct risk_writing *w, size_t n) MUST_USE;
/* The look with its reasons; reading only. */
enum err risk_of(struct cx *cx, customer_id root, struct risk_answer *out) MUST_USE;
/* As last written, for pages of customers (roots in order): points -1 where nobody looked yet. */
struct risk_brief {
    customer_id customer;
    int64_t points;
    int level;
    int64_t confidence; /* percent */
};
enum err risk_briefs(struct cx *cx, const int64_t *roots, size_t n, struct risk_brief *out) MUST_USE;

extern const struct expr_table risk_attributes;
extern const struct job_kind risk_rescore_job, risk_forget_job;
extern const struct room risk_room;
