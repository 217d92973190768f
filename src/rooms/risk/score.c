/* rooms/risk/score.c - facts to points, level, advice; pure. */
#include "rooms/risk/inside.h"
#include <math.h>

const char *const risk_group_codes[RISK_GROUPS] = {
#define X(name, code) code,
    RISK_GROUP_LIST(X)
#undef X
};
const char *const risk_check_codes[RISK_CHECKS] = {
#define X(name, code) code,
    RISK_CHECK_LIST(X)
#undef X
};
const char *const risk_signal_codes[RISK_SIGNALS] = {
#define X(name, code, group, check, points, beside) code,
    RISK_SIGNAL_LIST(X)
#undef X
};
const struct risk_signal_kind risk_signal_kinds[RISK_SIGNALS] = {
#define X(name, code, group, check, points, beside) {group, check, points, beside},
    RISK_SIGNAL_LIST(X)
#undef X
};
const char *const risk_level_codes[RISK_LEVELS] = {"low", "medium", "high"};
const char *const risk_advice_codes[RISK_ADVICES] = {"accept", "accept_3ds", "irrevocable", "hold",
                                                     "refuse"};
enum { WITH_3DS_FROM = 20, IRREVOCABLE_FROM = 50 };

void risk_rules_default(struct risk_rules *out)
{
    for (int i = 0; i < RISK_SIGNALS; i++)
        out->of[i] = (struct risk_rule){.points = risk_signal_kinds[i].points};
}

/* The part of 1 that a signal brings by itself; 0: it did not fire. */
static double weight(const struct risk_facts *f, const struct risk_rules *r, int i)
{
    if (f->of[i].state != RISK_YES || r->of[i].is_off)
        return 0;
    int strength = f->of[i].strength > 0 ? f->of[i].strength : 100;
    double p = r->of[i].points / 100.0 * (strength < 100 ? strength : 100) / 100.0;
    return p < 0 ? 0 : p < 1 ? p : 1;
}

static bool has_company(const double *w)
{
    for (int i = 0; i < RISK_SIGNALS; i++)
        if (w[i] > 0 && !risk_signal_kinds[i].beside && risk_signal_kinds[i].group != RISK_OF_TRUST)
            return true;
    return false;
}

struct group {
    double rest, sum; /* the product of what is left of 1, and the plain sum */
};
static double group_points(const struct group *g)
{
    return 100 * (1 - g->rest);
}

static bool is_before(const struct risk_sign *a, const struct risk_sign *b)
{
    bool a_trust = risk_signal_kinds[a->signal].group == RISK_OF_TRUST,
         b_trust = risk_signal_kinds[b->signal].group == RISK_OF_TRUST;
    if (a_trust != b_trust)
        return b_trust;
    return a_trust ? a->points < b->points : a->points > b->points;
}

void sign_add(struct risk *out, int signal, int points)
{
    struct risk_sign s = {signal, points};
    size_t at = out->n++;
    for (; at > 0 && is_before(&s, &out->signs[at - 1]); at--)
        out->signs[at] = out->signs[at - 1];
    out->signs[at] = s;
}

/* What somebody did or gave is told also where it does not count alone, with 0 points; what he is called, what he left out,
 * or that he asked nothing, is not. */
static bool is_worth_telling(int signal)
{
    return signal == RISK_HURRY || signal == RISK_EMAIL_UNLIKE_NAME || signal == RISK_FREE_EMAIL ||
           signal == RISK_LANGUAGE;
}

static void checks_count(const struct risk_facts *f, struct risk *out)
{
    for (int c = RISK_CHECK_NONE + 1; c < RISK_CHECKS; c++)
        out->is_unknown[c] = true;
    for (int i = 0; i < RISK_SIGNALS; i++)
        if (f->of[i].state != RISK_UNKNOWN)
            out->is_unknown[risk_signal_kinds[i].check] = false;
    out->checks = RISK_CHECKS - 1;
    for (int c = RISK_CHECK_NONE + 1; c < RISK_CHECKS; c++)
        out->known += !out->is_unknown[c];
}

static int advice_of(int points, bool is_listed)
{
    if (points >= RISK_HIGH_FROM)
        return is_listed ? RISK_REFUSE : RISK_HOLD;
    return points >= IRREVOCABLE_FROM ? RISK_IRREVOCABLE
           : points >= WITH_3DS_FROM  ? RISK_ACCEPT_3DS
                                      : RISK_ACCEPT;
}

void risk_score(const struct risk_facts *f, const struct risk_rules *r, struct risk *out)
{
    *out = (struct risk){0};
    double w[RISK_SIGNALS], total = 0;
    struct group g[RISK_GROUPS];
    for (int i = 0; i < RISK_GROUPS; i++)
        g[i] = (struct group){1, 0};
    for (int i = 0; i < RISK_SIGNALS; i++)
        w[i] = weight(f, r, i);
    bool is_company = has_company(w);
    for (int i = 0; i < RISK_SIGNALS; i++) {
        if (risk_signal_kinds[i].beside && !is_company)
            w[i] = 0;
        g[risk_signal_kinds[i].group].rest *= 1 - w[i];
        g[risk_signal_kinds[i].group].sum += w[i];
    }
    for (int i = 0; i < RISK_GROUPS; i++)
        total += i == RISK_OF_TRUST ? -group_points(&g[i]) : group_points(&g[i]);
    double floor = 100 * w[RISK_LISTED]; /* a person's word */
    total = total < floor ? floor : total;
    out->points = total <= 0 ? 0 : total >= 100 ? 100 : (int)lround(total);
    out->level = out->points >= RISK_HIGH_FROM     ? RISK_HIGH
                 : out->points >= RISK_MEDIUM_FROM ? RISK_MEDIUM
                                                   : RISK_LOW;
    out->advice = advice_of(out->points, w[RISK_LISTED] > 0);
    for (int i = 0; i < RISK_SIGNALS; i++) {
        int group = risk_signal_kinds[i].group;
        double share = w[i] > 0 ? group_points(&g[group]) * w[i] / g[group].sum : 0;
        if (w[i] > 0 || (f->of[i].state == RISK_YES && !r->of[i].is_off && is_worth_telling(i)))
            sign_add(out, i, (int)lround(group == RISK_OF_TRUST ? -share : share));
    }
    checks_count(f, out);
}
