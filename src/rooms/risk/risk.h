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
    str name, email, phone, country, city, address, company, language, time_zone;
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
enum risk_holder { RISK_HOLDER_UNKNOWN, RISK_HOLDER_SAME, RISK_HOLDER_FAMILY, RISK_HOLDER_OTHER };
/* How often it was seen, with whom; -1: not known (nothing to go by). */
struct risk_seen {
    str ip_country, domain, phone_country;
    int network, domain_kind, phone_kind; /* enum phone_kind */
    int holder;
    str holder_why, famous; /* whom the name is like */
    int is_famous;          /* enum risk_state */
    bool is_phone_read;
    int64_t cards_of_person, people_of_card, people_of_device, people_of_address, people_of_ip; /* this one included */
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
/* Does the name before the @ look like the name? RISK_UNKNOWN: it says nothing (info@), or there is nothing to compare. */
int risk_email_is_like(struct arena *a, str email, str name);
/* RISK_YES: people in that country do not speak it, do not keep that time; by the system's locales and zones. */
int risk_language_differs(str language, str country);
int risk_zone_differs(str zone, str country, int64_t now_ms);
