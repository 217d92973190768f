/* base/value.h - small values passed by copy: time, money, ids, optional values.
 *
 * Time is epoch milliseconds UTC. Money is integer minor units; the exponent is ISO 4217's.
 * Ids are 64-bit, time-ordered, and never go back when the clock does.
 */
#pragma once
#include "base/base.h"

/* ---- optional values ---------------------------------------------------------------- */
typedef struct { bool has; int64_t v; } opt_int;
typedef struct { bool has; str v; } opt_str;
#define SOME_INT(x) ((opt_int){true, (x)})
#define SOME_STR(x) ((opt_str){true, (x)})

/* ---- time --------------------------------------------------------------------------- */
typedef struct { int64_t ms; } when; /* 0 = none */
/* RFC 3339 in UTC with milliseconds only when not zero: "2026-11-22T06:30:00Z". */
str when_text(struct arena *a, when t);
/* RFC 3339 with any offset; years 1..9999; leap second 60 is read as the following second. */
bool when_parse(str s, when *out) MUST_USE;
/* Day number (days since 1970-01-01) of an instant in a named IANA time zone. Unknown zone: UTC. The zones are
 * the system's (tzdata): they follow the laws of this year, which ICU's own table of 2022 does not. */
int32_t when_day(when t, str zone);
/* First instant of that day in the zone (of the next, where a zone skipped that day). */
when when_of_day(int32_t day, str zone);
bool zone_is_known(str zone);
/* Now, from the system clock; only main loops call it, to fill cx->now_ms. */
int64_t clock_now_ms(void);
int64_t clock_mono_ns(void);

/* ---- money -------------------------------------------------------------------------- */
typedef struct { char code[4]; } currency; /* "EUR", NUL-terminated; "" = none */
typedef struct { int64_t amount; currency currency; } money; /* minor units */
/* Known ISO 4217 code in upper case? */
bool currency_parse(str s, currency *out) MUST_USE;
/* Digits after the point: JPY 0, EUR 2, KWD 3; -1 unknown. */
int currency_exponent(currency c);
/* round-half-even(quantity in thousandths * unit price / 1000); false on overflow. */
bool money_line(int64_t quantity_milli, money unit, money *out) MUST_USE;
/* a + b of one currency; false on overflow or different currencies. */
bool money_add(money a, money b, money *out) MUST_USE;
/* "1234.56" style text of minor units, without currency sign; for exports and logs of amounts. */
str money_text(struct arena *a, money m);

/* ---- ids ---------------------------------------------------------------------------- */
/* 41 bits ms since 2020-01-01, 10 bits node, 12 bits sequence. Thread-safe; monotonic within the
 * process: when the clock goes back, ids go on from the highest made. */
void id_start(unsigned node, int64_t high_water); /* high_water: the greatest id in the store */
int64_t id_new(int64_t now_ms);
int64_t id_high_water(void);
/* Millisecond of creation. */
int64_t id_ms(int64_t id);
/* The smallest id of a millisecond: 41 bits of time since 2020, 22 bits of node and count. */
static inline int64_t id_first_of(int64_t ms)
{
    return (ms - 1577836800000) << 22;
}
/* "cus_" + 13 characters of Crockford base32, lower case. */
str id_text(struct arena *a, const char *prefix, int64_t id);
/* Accepts only the given prefix; false otherwise. Upper case and i/l/o folded as Crockford says. */
bool id_parse(str s, const char *prefix, int64_t *out) MUST_USE;

/* One type per entity, so that an order id never takes a customer's place. Prefixes as in the API. */
#define ID_TYPES(X)                                                                            \
    X(customer_id, "cus") X(identity_id, "idn") X(interaction_id, "itx") X(staff_id, "stf")    \
    X(session_id, "ses") X(token_id, "tok") X(note_id, "not") X(task_id, "tsk")                \
    X(address_id, "adr") X(holding_id, "hld") X(product_id, "prd") X(order_id, "ord")          \
    X(call_id, "cal") X(phone_link_id, "phl") X(merge_id, "mrg") X(relation_id, "rel")         \
    X(proposal_id, "prp") X(import_id, "imp") X(return_id, "ret") X(history_id, "hst") X(tag_id, "tag")             \
    X(attr_id, "atr") X(consent_id, "cns") X(fact_id, "fct") X(view_id, "viw") X(bulk_id, "blk") X(segment_id, "seg")   \
    X(automation_id, "aut") X(run_id, "run") X(delivery_id, "dlv") X(notice_id, "ntc")   \
    X(rule_id, "rul") X(correction_id, "cor")  \
    X(screened_id, "scr") X(review_id, "rvw") X(block_id, "lst") X(report_id, "rep")
#define X(type, prefix) typedef struct { int64_t v; } type;
ID_TYPES(X)
#undef X

/* ---- random and hashes (libsodium, OpenSSL behind) ---------------------------------- */
void random_bytes(void *out, size_t n);
/* n random bytes as base64url without padding. */
str random_token(struct arena *a, size_t n);
void sha256(str data, uint8_t out[32]);
bool equal_constant_time(const void *a, const void *b, size_t n);

/* ---- cursors of lists --------------------------------------------------------------- */
/* Sealed (sort value, id) with its list's tag, valid 24 h; opaque to clients. */
void cursor_key_set(const uint8_t key[32]);
str cursor_make(struct arena *a, int64_t now_ms, const char *tag, int64_t sort, int64_t id);
/* False: not ours, of another list, or too old. */
bool cursor_read(str cursor, int64_t now_ms, const char *tag, int64_t *sort, int64_t *id) MUST_USE;
/* The same for orders by text; of a longer one the first bytes are kept, the id settles the rest. */
enum { CURSOR_TEXT_MAX = 200 };
str cursor_make_text(struct arena *a, int64_t now_ms, const char *tag, str sort, int64_t id);
bool cursor_read_text(struct arena *a, str cursor, int64_t now_ms, const char *tag, str *sort, int64_t *id) MUST_USE;
