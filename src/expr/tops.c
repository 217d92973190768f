/* expr/tops.c - what a condition is made of at its top, for who chooses a way through the rows. */
#include "expr/inside.h"

static bool is_plain(const struct bound *b)
{
    return b->kind == B_RANGE || b->kind == B_TEXT || b->kind == B_ANY;
}

/* The leaf that compares: of rows of another table, the one condition on them. */
static const struct bound *leaf_of(const struct bound *b)
{
    return b->kind == B_ANY && b->rows.inner ? b->rows.inner : b;
}

static void describe(const struct bound *b, struct expr_top *out)
{
    const struct bound *leaf = leaf_of(b);
    const struct range *r = &leaf->range;
    out->is_rows = b->kind == B_ANY;
    if (!is_plain(b) || (out->is_rows && (leaf == b || b->rows.has_from || b->rows.has_until)))
        return;
    if (leaf->kind == B_TEXT && leaf->op == CMP_EQ && leaf->n_texts == 1) {
        out->how = TOP_EQUAL;
        out->text = leaf->texts[0];
    } else if (leaf->kind == B_RANGE && !r->is_outside && !leaf->is_real) {
        out->how = r->has_lo && r->has_hi && r->lo == r->hi ? TOP_EQUAL : TOP_RANGE;
        out->number = r->lo;
    } else {
        return;
    }
    out->column = leaf->ref.attr->sql;
}

size_t expr_tops(struct cx *cx, const struct expr_plan *p, struct expr_top *out, size_t max)
{
    struct bound *root = p->root;
    struct bound **of = root->kind == B_AND ? root->of : &root;
    size_t n = root->kind == B_AND ? root->n : 1;
    n = n < max ? n : max;
    for (size_t i = 0; i < n; i++) {
        struct expr_plan *one = ARENA_NEW(cx->arena, struct expr_plan);
        *one = *p;
        one->root = of[i];
        out[i] = (struct expr_top){.plan = one};
        describe(of[i], &out[i]);
    }
    return n;
}
