/* base/person.h - how people and companies are written and found: phone numbers, e-mail
 * addresses, name keys and grams.
 */
#pragma once
#include "base/value.h"

/* ---- answers ------------------------------------------------------------------------ */

/* What is not known is neither: it counts for nobody and against nobody. */
enum says { SAYS_UNKNOWN, SAYS_NO, SAYS_YES, SAYS_N };
extern const char *const says_codes[SAYS_N]; /* "unknown", "no", "yes" */

/* ---- phone numbers (libphonenumber behind a small C face) --------------------------- */

enum phone_kind { PHONE_UNKNOWN, PHONE_MOBILE, PHONE_FIXED, PHONE_FIXED_OR_MOBILE, PHONE_VOIP,
                  PHONE_TOLL_FREE, PHONE_PREMIUM, PHONE_SHARED_COST, PHONE_PERSONAL, PHONE_PAGER, PHONE_KIND_N };
extern const char *const phone_kind_codes[PHONE_KIND_N];
struct phone {
    bool is_possible;      /* E.164 below is usable for recognition */
    bool is_valid;         /* by numbering plan; a score, not a gate (metadata ages) */
    enum phone_kind kind;
    bool plan_has_voip;    /* the numbering plan has numbers of its own for Internet telephony (JP 050, GB 056, KZ 751) */
    bool is_country_shared; /* not valid, and several countries are behind its country code: country is the first of them */
    char country[3];       /* ISO 3166, "" unknown */
    str e164;              /* "+81355500142"; empty when not possible */
    str reversed;          /* digits of e164 backwards, for suffix look-up by equality */
    str national;          /* for people to read: formatted international */
};
/* Reads any writing: spaces, brackets, slashes, full-width digits, tel: and sip: URIs, a missing '+'
 * before a country code, trunk prefixes of default_region ("" = only full numbers). Never fails on
 * input: anonymous, short and alphanumeric texts come back with is_possible = false. At most 250 bytes
 * are looked at; longer input is not possible. */
struct phone phone_read(struct arena *a, str as_given, str default_region);
/* '+' and 8 to 15 digits, nothing else: nearly always the normal form already. What the directory has under that text was one;
 * when it has nothing, the number is read after all. Reading one that was not read lately costs some 50 us. */
bool phone_looks_full(str as_given);
/* True for "anonymous", "unknown", "private", "withheld", "restricted", "unavailable", "", "-", sip:anonymous@… */
bool phone_is_withheld(str as_given);
/* Internet telephony? No only where the plan would tell it: a number of the United States is unknown. */
enum says phone_is_voip(const struct phone *p);
/* Is it of this country (ISO 3166, any case)? Unknown when either is not known. */
enum says phone_is_of(const struct phone *p, str country);
/* Place or country of the number in a language, e.g. "Tokyo" / "東京"; empty when unknown. */
str phone_place(struct arena *a, str e164, enum lang lang);

/* ---- e-mail ------------------------------------------------------------------------- */

/* Normal form: local part as it is but ASCII-lower-cased, domain lower-case by IDNA (ICU).
 * False: not an address (or longer than 254). */
bool email_read(struct arena *a, str as_given, str *normal) MUST_USE;

/* ---- names -------------------------------------------------------------------------- */

enum { NAME_KEYS_MAX = 6 };
/* The search keys of a name, without duplicates: the case-folded original (Katakana as Hiragana), the
 * generic Latin key, the typed one (mueller, oersted), Russian by BGN, Kazakh and Russian as passports
 * write them, Kana by Hepburn with long vowels short. Words are parted by one blank; apostrophes and
 * points vanish, other marks part words. `reading` (may be empty) adds its own keys; a Japanese reading
 * does away with the Mandarin one of the name. Names longer than 2,000 bytes get the keys of their first
 * 500 characters. Result in the arena; text without a letter or digit has none. */
struct name_keys { str keys[NAME_KEYS_MAX]; size_t n; };
struct name_keys name_keys(struct arena *a, str name, str reading);
/* One key for equality ("same name"): generic Latin key with sorted words. */
str name_equal_key(struct arena *a, str name);
struct str_list_ { str *items; size_t n; };
/* The pieces by which a text is found: of each word (in lower case, as name_keys writes it; everything but letters and digits
 * parts words) its beginnings of one and two characters ("_a", "_an"), its trigrams, and of four digits in a row also those;
 * of Han, Kana and Hangul each character and each pair. Sorted, single, without blanks. */
struct str_list_ grams(struct arena *a, str text);
/* The pieces that every text must have in which each word of this one stands: a word of one or two letters at the beginning
 * of a word, a longer one anywhere. is_cut: the first word may be the end of another, so if it is short it says nothing. */
struct str_list_ grams_wanted(struct arena *a, str text, bool is_cut);
/* BCP 47 tag of the script for drawing: "ja" when kana are present, "zh" for Han alone, "ko" for Hangul,
 * "ru", "kk" by Kazakh letters, "" when Latin or unknown. */
str script_lang(str text);

/* ---- texts -------------------------------------------------------------------------- */

/* The one form in which texts are compared: NFKC with case folding, blanks single. Any length; names, tags
 * and choices that look the same are the same. */
str text_fold(struct arena *a, str s);
