/* rooms/intake/take.c - writes what was planned: of one contact or of many, each kind of row for all
 * of them in turn. */
#include "messages.h"
#include "queries.h"
#include "rooms/intake/inside.h"

/* What of a batch is written together. */
struct part {
    struct intake *in;
    const struct intake_result *out;
    size_t from, to;
};
/* The next that is written, after *i; false: there is none. */
static bool next(const struct part *b, size_t *i)
{
    for (*i = *i == SIZE_MAX ? b->from : *i + 1; *i < b->to; ++*i)
        if (b->out[*i].err == OK && !b->in[*i].plan->is_repeat)
            return true;
    return false;
}
#define EACH(b, i, p)    \
    size_t i = SIZE_MAX; \
    for (struct intake_plan * p; next(b, &i) && (p = (b)->in[i].plan);)

static enum err sources(struct cx *cx, const struct part *b)
{
    EACH(b, i, p)
    {
        const struct intake *in = &b->in[i];
        if (in->source_id.len && p->interaction.v) /* else the same arrived meanwhile */
            TRY(db_run_must(cx, &q_source_key_insert, M_RECORD_MOVED,
                            ARGS(V(channel_codes[in->channel]), V(in->source_id), V(p->interaction),
                                 V(p->via))));
    }
    return OK;
}

static bool is_contact(int channel)
{
    return channel <= CHANNEL_VISIT;
}

/* The contact, and what else it brought. */
static struct standing_change counted(struct arena *a, const struct intake *in,
                                      const struct intake_plan *p)
{
    struct standing_fact *facts = ARENA_ARRAY(a, in->n_facts + 1, struct standing_fact);
    facts[0] = (struct standing_fact){
        .at = p->at, .is_seen = true, .add.contacts = is_contact(in->channel)};
    for (size_t i = 0; i < in->n_facts; i++)
        facts[i + 1] = in->facts[i];
    return (struct standing_change){p->via, facts, in->n_facts + 1, p->is_new};
}

static enum err records(struct cx *cx, const struct part *b)
{
    EACH(b, i, p)
    {
        struct standing_change first = {0};
        struct customer_new one = p->who;
        if (!p->is_new)
            continue;
        if (p->interaction.v) {
            first = counted(cx->arena, &b->in[i], p);
            one.first = &first;
        }
        TRY(customer_add(cx, &one));
    }
    return OK;
}

static struct change_by change_of(const struct intake *in)
{
    return (struct change_by){.source = intake_source_of(in), .batch = in->batch};
}

static enum err handles(struct cx *cx, const struct part *b)
{
    size_t n = 0;
    EACH(b, i, p)
    n += p->n_gives;
    struct handle_new *all = ARENA_ARRAY(cx->arena, n + 1, struct handle_new);
    n = 0;
    EACH(b, k, q)
    for (size_t g = 0; g < q->n_gives; g++) {
        all[n] = q->gives[g];
        all[n++].customer = q->via;
    }
    TRY(customer_handles_give(cx, all, n));
    EACH(b, m, known)
    {
        struct change_by by = change_of(&b->in[m]);
        if (!known->is_new)
            TRY(identity_history(cx, known->root, known->gives, known->n_gives, &by));
    }
    return OK;
}

static enum err sights(struct cx *cx, const struct part *b)
{
    EACH(b, i, p)
    for (size_t k = 0; k < p->n_sights; k++) {
        const struct sight *s = &p->sights[k];
        if (s->confirms) {
            struct change_by by = change_of(&b->in[i]);
            TRY(identity_confirm(cx, s->value_id, s->via, &by));
        } else {
            TRY(db_run(cx, &q_identity_seen, ARGS(V(cx->now_ms), V(s->value_id), V(s->via))));
        }
    }
    return OK;
}

/* What was empty; the keys were made of what plan saw. */
static enum err fill(struct cx *cx, const struct intake *in, const struct intake_plan *p)
{
    const struct customer_new *w = &p->who;
    struct customer filled = p->seen;
    struct change_by by = change_of(in);
#define X(m, ...) \
    if (w->m.len) \
        filled.m = w->m;
    CUSTOMER_TEXTS(X)
#undef X
    return customer_change(cx, &p->seen, &filled, p->needs_keys ? &w->keys : NULL, &by);
}

static enum err claims(struct cx *cx, const struct part *b)
{
    EACH(b, i, p)
    {
        const struct proposed *prop = p->proposals.items;
        if (p->fills)
            TRY(fill(cx, &b->in[i], p));
        struct change_by by = change_of(&b->in[i]);
        if (p->has_address)
            TRY(p->is_new ? address_add(cx, p->via, &p->address)
                          : address_put_new(cx, p->via, &p->address, &by));
        for (size_t k = 0; k < p->proposals.n; k++)
            TRY(db_run(cx, &q_proposal_insert,
                       ARGS(V(prop[k].id), V(p->via), V(p->interaction), V(prop[k].field),
                            V(prop[k].value), V(cx->now_ms))));
    }
    return OK;
}

static enum err lines(struct cx *cx, const struct part *b)
{
    struct standing_change *changes =
        ARENA_ARRAY(cx->arena, b->to - b->from + 1, struct standing_change);
    size_t n = 0;
    EACH(b, i, p)
    {
        const struct intake *in = &b->in[i];
        if (p->interaction.v == 0)
            continue;
        TRY(db_run(cx, &q_interaction_insert,
                   ARGS(V(p->interaction), V(p->via), V(channel_codes[in->channel]),
                        V(direction_codes[in->direction]), V(trust_codes[p->trust]), V(p->at),
                        val_int_or_null(in->staff.v), val_int_or_null(in->ref_id), V(in->subject),
                        V(in->text), V(in->ip), V(p->is_new), V(p->result.matched_by))));
        if (!p->is_new) /* counted with the record */
            changes[n++] = counted(cx->arena, in, p);
        TRY(event_add(cx, EVENT_INTERACTION_ADDED, p->root.v, p->interaction.v,
                      str_of(channel_codes[in->channel])));
    }
    return standing_add_many(cx, changes, n);
}

static enum err duplicates(struct cx *cx, const struct part *b)
{
    EACH(b, i, p)
    {
        const struct duplicate *d = p->result.duplicates.items;
        for (size_t k = 0; k < p->result.duplicates.n; k++)
            TRY(db_run(cx, &q_possible_duplicate_insert,
                       ARGS(V(p->root), V(d[k].id), V(p->interaction), V(d[k].probability),
                            V(d[k].why), V(cx->now_ms))));
    }
    return OK;
}

static enum err audits(struct cx *cx, const struct part *b)
{
    EACH(b, i, p)
    TRY(audit_add(cx, "intake", p->root.v, p->interaction.v ? p->interaction.v : p->root.v,
                  str_of(channel_codes[b->in[i].channel])));
    return OK;
}

static enum err take_part(struct cx *cx, const struct part *b)
{
    TRY(sources(cx, b));
    TRY(records(cx, b));
    TRY(handles(cx, b));
    TRY(sights(cx, b));
    TRY(claims(cx, b));
    TRY(lines(cx, b));
    TRY(duplicates(cx, b));
    return audits(cx, b);
}

enum err intake_take_some(struct cx *cx, struct intake *in, size_t n, struct intake_result *out,
                          const struct intake_pieces *pieces, size_t *taken)
{
    *taken = 0;
    if (n == 0)
        return OK;
    if (n > 1)
        event_gather(cx);
    struct part b = {.in = in, .out = out};
    size_t planned = in[0].plan->n_first;
    do {
        b.from = b.to;
        if (b.from == planned) /* the rest must see what was just written */
            TRY(intake_plan_part(cx, in, b.from, n, out, &planned));
        b.to = pieces && planned - b.from > pieces->each ? b.from + pieces->each : planned;
        TRY(take_part(cx, &b));
    } while (b.to < n && !(pieces && pieces->must_end(pieces->arg)));
    *taken = b.to;
    return n > 1 ? event_gathered(cx) : OK;
}

enum err intake_take_many(struct cx *cx, struct intake *in, size_t n, struct intake_result *out)
{
    size_t taken;
    return intake_take_some(cx, in, n, out, NULL, &taken);
}

enum err intake_take(struct cx *cx, const struct intake *in, struct intake_result *out)
{
    struct intake one = *in;
    *out = in->plan->result;
    return intake_take_many(cx, &one, 1, out);
}
