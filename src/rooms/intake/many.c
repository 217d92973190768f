/* rooms/intake/many.c - many through the one door at once. */
#include "rooms/intake/intake.h"

/* What is wrong with this one alone; anything else ends the whole call. */
static bool is_its_own(enum err e)
{
    return e == ERR_INVALID || e == ERR_NOT_FOUND;
}

static enum err plan_one(struct cx *cx, struct intake *in, struct intake_result *out)
{
    cx->why = (struct fault){0};
    enum err e = intake_plan(cx, in);
    if (e != OK && !is_its_own(e))
        return e;
    *out = (struct intake_result){.err = e, .why = cx->why};
    cx->why = (struct fault){0};
    return OK;
}

enum err intake_plan_many(struct cx *cx, struct intake *in, size_t n, struct intake_result *out)
{
    assert(n <= INTAKES_MAX);
    for (size_t i = 0; i < n; i++)
        TRY(plan_one(cx, &in[i], &out[i]));
    return OK;
}

/* Each is planned once more, on what those before it wrote. */
enum err intake_take_many(struct cx *cx, struct intake *in, size_t n, struct intake_result *out)
{
    for (size_t i = 0; i < n; i++) {
        TRY(plan_one(cx, &in[i], &out[i]));
        if (out[i].err != OK)
            continue;
        TRY(intake_take(cx, &in[i], &out[i]));
        out[i].err = OK;
    }
    return OK;
}
