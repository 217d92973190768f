/* rooms/judge/set.c - the rules and classes as they stand, made ready for looking; what the program brings. */
#include "rooms/judge/inside.h"

struct rule_key {
    str key;
};
/* clang-format off */
static const struct field rule_fields[] = {
    FIELD(struct rule, id), FIELD_ENUM(struct rule, class, class_codes), FIELD(struct rule, key), FIELD(struct rule, label),
    FIELD(struct rule, condition), FIELD(struct rule, points), FIELD(struct rule, is_on), FIELD(struct rule, holds),
    FIELD_AS(struct rule, created_at, "created_ms"), FIELD_AS(struct rule, changed_at, "changed_ms"), FIELD(struct rule, version),
};
const struct shape rule_row_shape = SHAPE("rule_row", struct rule, rule_fields);
static const struct field setting_fields[] = {
    FIELD_ENUM(struct class_setting, class, class_codes), FIELD(struct class_setting, enter), FIELD(struct class_setting, leave),
    FIELD(struct class_setting, stay_days), FIELD(struct class_setting, known), FIELD(struct class_setting, is_on),
    FIELD(struct class_setting, advice), FIELD_AS(struct class_setting, changed_at, "changed_ms"), FIELD(struct class_setting, version),
};
const struct shape class_setting_row_shape = SHAPE("class_setting_row", struct class_setting, setting_fields);
static const struct field key_fields[] = {FIELD(struct rule_key, key)};
static const struct shape rule_key_shape = SHAPE("rule_key", struct rule_key, key_fields);
/* clang-format on */

enum err rules_read(struct cx *cx, struct list *out)
{
    return db_all(cx, &q_rule_list, &rule_row_shape, out, NO_ARGS);
}

enum err class_settings_read(struct cx *cx, struct class_setting out[CLASSES])
{
    struct list l = {0};
    for (int c = 0; c < CLASSES; c++) {
        const struct class_defaults *d = &class_defaults[c];
        out[c] = (struct class_setting){.class = c,
                                        .enter = d->enter,
                                        .leave = d->leave,
                                        .stay_days = d->stay_days,
                                        .known = d->known,
                                        .is_on = true};
    }
    TRY(db_all(cx, &q_class_setting_list, &class_setting_row_shape, &l, NO_ARGS));
    const struct class_setting *v = l.items;
    for (size_t i = 0; i < l.n; i++)
        out[v[i].class] = v[i];
    return OK;
}

str rule_label(struct arena *a, enum lang lang, const struct rule *r)
{
    const struct shipped_rule *s = r->label.len ? NULL : shipped_by_key(r->key);
    return s ? msg_text(a, lang, s->label, NULL, 0) : r->label;
}

/* ---- conditions ---------------------------------------------------------------------------- */

enum err rule_plan(struct cx *cx, str condition, struct expr_plan **out)
{
    static const char *const own[] = {"class", "classes", "class_since"};
    struct expr_world world = settings_world(cx);
    struct expr *e = NULL;
    world.is_stored = true; /* whoever writes rules may use all */
    TRY(expr_parse(cx, condition, &e, NULL));
    TRY(expr_check(cx, &world, condition, e, NULL));
    for (size_t i = 0; i < COUNT(own); i++)
        if (expr_leans_on(e, str_of(own[i])))
            return fault(cx, ERR_INVALID, M_RULE_CIRCLE, MARG("name", str_of(own[i])));
    TRY(expr_plan(cx, &world, e, out));
    unsigned cost = expr_cost(*out);
    if (cost > RULE_COST_MAX)
        return fault(cx, ERR_INVALID, M_RULE_COSTLY, MNUM("cost", cost),
                     MNUM("most", RULE_COST_MAX));
    return OK;
}

enum err judge_set_open(struct cx *cx, struct judge_set *out)
{
    *out = (struct judge_set){0};
    TRY(class_settings_read(cx, out->settings));
    TRY(rules_read(cx, &out->rules));
    for (int c = 0; c < CLASSES; c++) {
        const struct class_setting *s = &out->settings[c];
        out->limits[c] = (struct class_limits){s->enter, s->leave, s->stay_days * JUDGE_DAY_MS,
                                               s->known, s->is_on};
    }
    const struct rule *r = out->rules.items;
    out->v = ARENA_ARRAY(cx->arena, out->rules.n + 1, struct judging);
    for (size_t i = 0; i < out->rules.n && out->n < RULES_MAX; i++) {
        struct expr_plan *p = NULL;
        if (!r[i].is_on || !out->settings[r[i].class].is_on)
            continue;
        enum err e = rule_plan(cx, r[i].condition, &p);
        if (e != OK && e != ERR_INVALID)
            return e;
        if (e == OK)
            out->v[out->n++] = (struct judging){&r[i], p, expr_moves(p)};
    }
    cx->why = (struct fault){0};
    return OK;
}

void judge_scores(const struct judge_set *s, uint64_t holds, int64_t score[CLASSES])
{
    memset(score, 0, CLASSES * sizeof *score);
    for (size_t i = 0; i < s->n; i++)
        if (holds >> i & 1)
            score[s->v[i].rule->class] += s->v[i].rule->points;
}

/* ---- what the program brings ------------------------------------------------------------------ */

static bool has_key(const struct list *keys, const char *key)
{
    const struct rule_key *k = keys->items;
    for (size_t i = 0; i < keys->n; i++)
        if (str_eq(k[i].key, str_of(key)))
            return true;
    return false;
}

enum err judge_is_shipped(struct cx *cx, bool *out)
{
    size_t n = 0;
    struct list keys = {0};
    (void)shipped_rules(&n);
    TRY(db_all(cx, &q_rule_keys, &rule_key_shape, &keys, NO_ARGS));
    *out = keys.n >= n;
    return OK;
}

enum err judge_ship(struct cx *cx, bool *did)
{
    size_t n = 0;
    const struct shipped_rule *r = shipped_rules(&n);
    struct list keys = {0};
    *did = false;
    TRY(db_all(cx, &q_rule_keys, &rule_key_shape, &keys, NO_ARGS));
    for (size_t i = 0; i < n && keys.n < n; i++) {
        struct expr_plan *p = NULL;
        if (has_key(&keys, r[i].key))
            continue;
        enum err e = rule_plan(cx, str_of(r[i].condition), &p);
        if (e == ERR_INVALID) { /* it asks what nobody here knows yet */
            cx->why = (struct fault){0};
            continue;
        }
        TRY(e);
        int64_t id = id_new(cx->now_ms);
        TRY(db_run(cx, &q_rule_insert,
                   ARGS(V(id), V(class_codes[r[i].class]), V(r[i].key), V(""), V(r[i].condition),
                        V(r[i].points), V(true), VNULL, V(cx->now_ms))));
        TRY(db_run(cx, &q_rule_version_keep, ARGS(VNULL, V(cx->now_ms), V(id))));
        *did = true;
    }
    for (int c = 0; c < CLASSES && keys.n == 0; c++) {
        const struct class_defaults *d = &class_defaults[c];
        TRY(db_run(cx, &q_class_setting_ship,
                   ARGS(V(class_codes[c]), V(d->enter), V(d->leave), V(d->stay_days), V(d->known),
                        V(cx->now_ms))));
    }
    return OK;
}
