/* rooms/evidence/attributes.c - what conditions may ask of what customers say, and of what colleagues thought of them. */
#include "rooms/evidence/inside.h"

/* clang-format off */
static const struct field trait_fields[] = {
    FIELD_AS(struct trait, id, "customer_id"),
    FIELD_AS(struct trait, counts[EVIDENCE_DISCOUNT_ASKED], "asked_discount"),
    FIELD_AS(struct trait, counts[EVIDENCE_PROMISE_MORE], "promised_more"),
    FIELD_AS(struct trait, counts[EVIDENCE_COMPETITOR_NAMED], "named_competitor"),
    FIELD_AS(struct trait, counts[EVIDENCE_PRICE_REMARK], "price_remarks"),
    FIELD_AS(struct trait, counts[EVIDENCE_COLLEAGUE_ASKED], "asked_colleague"),
    FIELD_AS(struct trait, counts[EVIDENCE_REFERRAL_GIVEN], "referred"),
    FIELD_AS(struct trait, counts[EVIDENCE_AGGRESSIVE], "aggressive"),
    FIELD_AS(struct trait, counts[EVIDENCE_HURRY], "hurried"),
    FIELD_AS(struct trait, counts[EVIDENCE_QUESTION], "questions"),
    FIELD_AS(struct trait, counts[EVIDENCE_OFF_MATTER], "off_matter"),
    FIELD_AS(struct trait, colleague, "colleague_id"),
    FIELD_ENUM(struct trait, impression, impression_codes),
    FIELD(struct trait, impression_by), FIELD_AS(struct trait, impression_at, "impression_ms"),
    FIELD_AS(struct trait, due_at, "due_ms"), FIELD(struct trait, read_id), FIELD(struct trait, read_ms), FIELD(struct trait, n_ids),
};
const struct shape trait_row_shape = SHAPE("trait_row", struct trait, trait_fields);
static const struct expr_part trait_part = {"trait", &trait_row_shape, &q_trait_get, false, &q_trait_many, offsetof(struct trait, id)};

static bool off_matter_share(const void *part, double *out)
{
    const struct trait *t = part;
    if (t->counts[EVIDENCE_QUESTION] <= 0)
        return false;
    *out = (double)t->counts[EVIDENCE_OFF_MATTER] / (double)t->counts[EVIDENCE_QUESTION];
    return true;
}

#define OF_TRAIT .group = "said", .cost = EXPR_SCAN, .part = &trait_part
#define ASIDE(sql) .aside_from = "trait t", .aside_own = "t.customer_id", .aside_sql = (sql)
#define COLUMN(c, none) "COALESCE((SELECT t." c " FROM trait t WHERE t.customer_id = s.customer_id), " none ")"
#define SAID(column, lab) {.name = column, .label = (lab), .days = EVIDENCE_DAYS, OF_TRAIT, .type = EXPR_NUMBER, .field = column, .sql = COLUMN(column, "0"), ASIDE("t." column)}

static const struct expr_attr attrs[] = {
    SAID("asked_discount", M_ATTR_ASKED_DISCOUNT),
    SAID("promised_more", M_ATTR_PROMISED_MORE),
    SAID("named_competitor", M_ATTR_NAMED_COMPETITOR),
    SAID("price_remarks", M_ATTR_PRICE_REMARKS),
    SAID("asked_colleague", M_ATTR_ASKED_COLLEAGUE),
    SAID("referred", M_ATTR_REFERRED),
    SAID("aggressive", M_ATTR_AGGRESSIVE),
    SAID("hurried", M_ATTR_HURRIED),
    SAID("questions", M_ATTR_QUESTIONS),
    SAID("off_matter", M_ATTR_OFF_MATTER),
    {.name = "off_matter_share", .label = M_ATTR_OFF_MATTER_SHARE, .days = EVIDENCE_DAYS, OF_TRAIT, .type = EXPR_NUMBER, .unknown = EXPR_NULL,
     .get = off_matter_share,
     .sql = "(SELECT CAST(t.off_matter AS DOUBLE PRECISION) / NULLIF(t.questions, 0) FROM trait t WHERE t.customer_id = s.customer_id)",
     ASIDE("(CAST(t.off_matter AS DOUBLE PRECISION) / NULLIF(t.questions, 0))")},
    {.name = "impression", .label = M_ATTR_IMPRESSION, .days = EVIDENCE_DAYS, OF_TRAIT, .type = EXPR_CHOICE, .unknown = EXPR_EMPTY,
     .field = "impression", .sql = COLUMN("impression", "''"), .choices = impression_codes + 1, .n_choices = IMPRESSION_N - 1,
     .choice_label = "impression.", ASIDE("t.impression")},
    {.name = "impression_at", .label = M_ATTR_IMPRESSION_AT, OF_TRAIT, .type = EXPR_TIME, .unknown = EXPR_ZERO, .field = "impression_ms",
     .sql = COLUMN("impression_ms", "0"), ASIDE("t.impression_ms")},
};
/* clang-format on */
const struct expr_table evidence_attributes = {.attrs = attrs, .n = COUNT(attrs)};
