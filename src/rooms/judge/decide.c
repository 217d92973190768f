/* rooms/judge/decide.c - from points to classes: two thresholds, a minimum stay, one that leads. No store, no clock. */
#include "rooms/judge/judge.h"

enum {
    MARGIN = 10 /* so much more another must have to take the lead */
};

static int64_t clamped(int64_t score)
{
    return score < 0 ? 0 : score > 100 ? 100 : score;
}

static void sooner(int64_t *due, int64_t at)
{
    if (*due == 0 || at < *due)
        *due = at;
}

/* How long what began at `since` must still last; a beginning in the future is now. */
static int64_t stay_left(int64_t since, int64_t stay, int64_t now)
{
    int64_t end = (since < now ? since : now) + stay;
    return end > now ? end - now : 0;
}

static void decide_one(const struct class_limits *l, const struct class_facts *f,
                       const struct class_part *was, int64_t score, struct class_part *is,
                       int64_t *due)
{
    *is = (struct class_part){.score = score};
    if (!l->is_on)
        return;
    if (!was->is_in) {
        is->is_in = score >= l->enter && f->known >= l->known;
        is->since_ms = is->is_in ? f->now_ms : 0;
        return;
    }
    int64_t left = was->is_free ? 0 : stay_left(was->since_ms, l->stay_ms, f->now_ms);
    is->is_free = was->is_free;
    is->is_in = score >= l->leave || left > 0;
    is->since_ms = was->since_ms < f->now_ms ? was->since_ms : f->now_ms;
    is->lead_ms = was->lead_ms;
    if (score < l->leave && left > 0)
        sooner(due, f->now_ms + left);
}

/* The strongest; "ordinary" only when there is nothing else to say, a suspicion before all. */
static int strongest(const struct class_state *s)
{
    int best = CLASSES;
    if (s->of[CLASS_FRAUD_SUSPECT].is_in)
        return CLASS_FRAUD_SUSPECT;
    for (int c = 0; c < CLASSES; c++)
        if (s->of[c].is_in && c != CLASS_REGULAR &&
            (best == CLASSES || s->of[c].score > s->of[best].score))
            best = c;
    return best == CLASSES && s->of[CLASS_REGULAR].is_in ? CLASS_REGULAR : best;
}

static int leading_of(const struct class_state *s)
{
    for (int c = 0; c < CLASSES; c++)
        if (s->of[c].is_in && s->of[c].lead_ms)
            return c;
    return CLASSES;
}

static int leads(const struct class_limits limits[CLASSES], const struct class_facts *f,
                 const struct class_state *s, int64_t *due)
{
    int was = leading_of(s), best = strongest(s);
    bool is_weak = was == CLASSES || was == CLASS_REGULAR;
    if (is_weak || best == was || best == CLASS_FRAUD_SUSPECT)
        return best;
    if (s->of[best].score < s->of[was].score + MARGIN)
        return was;
    int64_t left =
        s->of[was].is_free ? 0 : stay_left(s->of[was].lead_ms, limits[was].stay_ms, f->now_ms);
    if (left > 0)
        sooner(due, f->now_ms + left);
    return left > 0 ? was : best;
}

void judge_classes(const struct class_limits limits[CLASSES], const struct class_facts *f,
                   const struct class_state *before, struct class_verdict *out)
{
    const struct class_state copy = *before, *was = &copy; /* it may be the one in *out */
    *out = (struct class_verdict){.leading = CLASSES};
    struct class_state *is = &out->is;
    for (int c = 0; c < CLASSES; c++)
        decide_one(&limits[c], f, &was->of[c], clamped(f->score[c]), &is->of[c], &out->due_ms);
    out->leading = f->pin < CLASSES ? f->pin : leads(limits, f, is, &out->due_ms);
    if (f->pin < CLASSES && !is->of[f->pin].is_in) {
        struct class_part *p = &is->of[f->pin];
        p->is_in = true;
        p->since_ms = was->of[f->pin].is_in ? was->of[f->pin].since_ms : f->now_ms;
        p->lead_ms = was->of[f->pin].lead_ms;
    }
    for (int c = 0; c < CLASSES; c++) {
        struct class_part *p = &is->of[c];
        if (c != out->leading)
            p->lead_ms = 0;
        else if (p->lead_ms == 0 || p->lead_ms > f->now_ms)
            p->lead_ms = f->now_ms;
    }
    const struct class_limits *t = &limits[CLASS_TIME_EATER], *i = &limits[CLASS_INTERESTED];
    int64_t from = (t->enter < i->enter ? t->enter : i->enter) - CLASS_CLOSE;
    out->is_undecided = f->pin == CLASSES && t->is_on && i->is_on && f->known >= t->known &&
                        f->known >= i->known &&
                        (out->leading == CLASSES || out->leading == CLASS_REGULAR ||
                         out->leading == CLASS_TIME_EATER || out->leading == CLASS_INTERESTED) &&
                        class_is_close(is->of[CLASS_TIME_EATER].score,
                                       is->of[CLASS_INTERESTED].score, from > 1 ? from : 1);
}

bool class_state_is_same(const struct class_state *a, const struct class_state *b)
{
    for (int c = 0; c < CLASSES; c++) {
        const struct class_part *x = &a->of[c], *y = &b->of[c];
        if (x->is_in != y->is_in)
            return false;
        if (x->is_in &&
            (x->score != y->score || x->since_ms != y->since_ms || x->lead_ms != y->lead_ms))
            return false;
    }
    return true;
}
