/* rooms/evidence/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "messages.h"
#include "queries.h"
#include "rooms/evidence/evidence.h"
#include "rooms/settings/settings.h"
#include "rooms/staff/staff.h"

/* ---- words.c: one text, without a store ------------------------------------------------------ */

/* What this house adds to the lists. */
struct colleague {
    staff_id id;
    str name;
};
struct house_words {
    struct list competitors; /* of str, folded */
    struct list colleagues;  /* of struct colleague */
};
struct said {
    int kind; /* enum evidence_kind, up to EVIDENCE_HURRY */
    str phrase;
    staff_id colleague;
};
struct words_read {
    struct list said;  /* of struct said; each kind once */
    int64_t questions; /* at most QUESTIONS_MAX */
    struct list open;  /* of str: questions that met none of our words, folded */
    bool asks;         /* something that may ask for a colleague stands there: read it again with their names */
};
enum { QUESTIONS_MAX = 20, TEXT_BYTES_MAX = 32000, COMPETITORS_MAX = 200, COMPETITOR_CHARS = 60 };
/* by_staff: a note about him; then questions, haste and temper are not his. */
void words_read(struct arena *a, str subject, str text, bool by_staff, const struct house_words *house,
                struct words_read *out);
/* What stands in our lists under a kind; for tests. */
const struct phrases *words_lists(void);

/* ---- evidence.c ----------------------------------------------------------------------------------- */

enum err competitors_read(struct cx *cx, struct str_list *out) MUST_USE;

/* ---- evidence_http.c -------------------------------------------------------------------------------- */
struct evidence_line {
    int64_t id;
    int kind;
    when at;
    interaction_id interaction;
    struct staff_ref staff;
    str phrase;
    int64_t weight;
};
extern const struct shape evidence_row_shape;
