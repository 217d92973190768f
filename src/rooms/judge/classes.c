/* rooms/judge/classes.c - the classes: their words, thresholds, how many are in each; looking at everybody anew. */
#include "rooms/judge/inside.h"

struct class_count {
    int class;
    int64_t n, leads;
};
struct class_out {
    str key, name, advice;
    bool is_own_advice, is_on;
    int64_t enter, leave, stay_days, known, in, leads, version;
};
struct classes {
    struct list items;
};
struct class_patch {
    str key;
    int64_t enter, leave, stay_days, known;
    bool is_on;
    str advice;
    struct class_setting seen, is; /* between plan and apply */
};
struct classify_out {
    bool is_running;
    int64_t total, looked, changed;
    when begun_at, done_at;
};
/* clang-format off */
static const struct field count_fields[] = {
    FIELD_ENUM(struct class_count, class, class_codes), FIELD(struct class_count, n), FIELD(struct class_count, leads),
};
static const struct shape class_count_row_shape = SHAPE("class_count_row", struct class_count, count_fields);
static const struct field out_fields[] = {
    FIELD(struct class_out, key), FIELD(struct class_out, name, .doc = "In the reader's language"), FIELD(struct class_out, advice),
    FIELD(struct class_out, is_own_advice, .doc = "The company's own words"), FIELD(struct class_out, is_on),
    FIELD(struct class_out, enter, .doc = "Points from which on a customer is in it"),
    FIELD(struct class_out, leave, .doc = "Points below which he is no more"),
    FIELD(struct class_out, stay_days, .doc = "At least so long"),
    FIELD(struct class_out, known, .doc = "So many contacts and orders must be known first"),
    FIELD(struct class_out, in, .doc = "Customers who are in it"), FIELD(struct class_out, leads, .doc = "Those whose leading class it is"),
    FIELD(struct class_out, version),
};
const struct shape class_out_shape = SHAPE("class", struct class_out, out_fields);
static const struct field classes_fields[] = {FIELD_LIST(struct classes, items, &class_out_shape)};
const struct shape classes_shape = SHAPE("classes", struct classes, classes_fields);
static const struct field patch_fields[] = {
    FIELD(struct class_patch, key, .in_path = true),
    FIELD(struct class_patch, enter, .min = 1, .max = 100), FIELD(struct class_patch, leave, .min = 0, .max = 100),
    FIELD(struct class_patch, stay_days, .min = 0, .max = 365), FIELD(struct class_patch, known, .min = 0, .max = 1000),
    FIELD(struct class_patch, is_on), FIELD(struct class_patch, advice, .max_len = 1000, .multiline = true, .doc = "Empty: the house's words"),
};
const struct shape class_patch_shape = SHAPE("class_patch", struct class_patch, patch_fields);
enum { SENT_ENTER = 1, SENT_LEAVE, SENT_STAY, SENT_KNOWN, SENT_ON, SENT_ADVICE };
static const struct field classify_fields[] = {
    FIELD(struct classify_out, is_running), FIELD(struct classify_out, total), FIELD(struct classify_out, looked),
    FIELD(struct classify_out, changed), FIELD(struct classify_out, begun_at, .nullable = true), FIELD(struct classify_out, done_at, .nullable = true),
};
const struct shape classify_shape = SHAPE("classify", struct classify_out, classify_fields);
/* clang-format on */

static struct class_out out_of(struct cx *cx, const struct class_setting *s)
{
    return (struct class_out){
        .key = str_of(class_codes[s->class]),
        .name = class_name(cx->arena, cx->lang, s->class),
        .advice = class_advice(cx->arena, cx->lang, s->class, s->advice),
        .is_own_advice = s->advice.len > 0,
        .is_on = s->is_on,
        .enter = s->enter,
        .leave = s->leave,
        .stay_days = s->stay_days,
        .known = s->known,
        .version = s->version,
    };
}

enum err classes_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct classes *o = out;
    struct class_setting s[CLASSES];
    struct list counts = {0};
    TRY(class_settings_read(cx, s));
    TRY(db_all(cx, &q_class_counts, &class_count_row_shape, &counts, NO_ARGS));
    struct class_out *items = ARENA_ARRAY(cx->arena, CLASSES, struct class_out);
    for (int c = 0; c < CLASSES; c++)
        items[c] = out_of(cx, &s[c]);
    const struct class_count *n = counts.items;
    for (size_t i = 0; i < counts.n; i++) {
        items[n[i].class].in = n[i].n;
        items[n[i].class].leads = n[i].leads;
    }
    o->items = (struct list){items, CLASSES};
    return OK;
}

static int class_of(str key)
{
    int c = 0;
    while (c < CLASSES && !str_eq(key, str_of(class_codes[c])))
        c++;
    return c;
}

enum err class_patch_plan(struct cx *cx, void *in, void *out)
{
    (void)out;
    struct class_patch *a = in;
    struct class_setting all[CLASSES];
    int c = class_of(a->key);
    if (c == CLASSES)
        return fault(cx, ERR_NOT_FOUND, M_CLASS_UNKNOWN);
    TRY(class_settings_read(cx, all));
    struct class_setting s = a->seen = all[c];
    if (cx->if_match >= 0 && cx->if_match != s.version)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    s.enter = cx->sent >> SENT_ENTER & 1 ? a->enter : s.enter;
    s.leave = cx->sent >> SENT_LEAVE & 1 ? a->leave : s.leave;
    s.stay_days = cx->sent >> SENT_STAY & 1 ? a->stay_days : s.stay_days;
    s.known = cx->sent >> SENT_KNOWN & 1 ? a->known : s.known;
    s.is_on = cx->sent >> SENT_ON & 1 ? a->is_on : s.is_on;
    s.advice = cx->sent >> SENT_ADVICE & 1 ? str_trim(a->advice) : s.advice;
    if (s.leave >= s.enter)
        return fault_at(cx, fault(cx, ERR_INVALID, M_CLASS_LIMITS), S("leave"));
    a->is = s;
    return OK;
}

static struct val staff_of(const struct cx *cx)
{
    return cx->actor.kind == ACTOR_STAFF ? V(cx->actor.id) : VNULL;
}

enum err class_patch_apply(struct cx *cx, void *in, void *out)
{
    const struct class_patch *a = in;
    const struct class_setting *s = &a->is, *was = &a->seen;
    const struct class_defaults *d = &class_defaults[s->class];
    int64_t n = 0, version = was->version ? was->version : 1;
    TRY(db_run(cx, &q_class_setting_ship,
               ARGS(V(class_codes[s->class]), V(d->enter), V(d->leave), V(d->stay_days),
                    V(d->known), V(cx->now_ms))));
    TRY(db_run_count(cx, &q_class_setting_put, &n,
                     ARGS(V(s->enter), V(s->leave), V(s->stay_days), V(s->known), V(s->is_on),
                          V(s->advice), staff_of(cx), V(cx->now_ms), V(class_codes[s->class]),
                          V(version))));
    if (n == 0)
        return fault(cx, ERR_STALE, M_RECORD_MOVED);
    bool is_other = s->enter != was->enter || s->leave != was->leave ||
                    s->stay_days != was->stay_days || s->known != was->known ||
                    s->is_on != was->is_on;
    if (is_other)
        TRY(judge_all_again(cx));
    TRY(audit_add(cx, "class.change", 0, 0, str_of(class_codes[s->class])));
    cx->made_id = s->class + 1;
    return class_again(cx, cx->made_id, out);
}

enum err class_again(struct cx *cx, int64_t id, void *out)
{
    struct class_setting all[CLASSES];
    if (id < 1 || id > CLASSES)
        return fault(cx, ERR_NOT_FOUND, M_CLASS_UNKNOWN);
    TRY(class_settings_read(cx, all));
    *(struct class_out *)out = out_of(cx, &all[id - 1]);
    return OK;
}

/* ---- everybody anew ------------------------------------------------------------------------ */

enum err classify_route(struct cx *cx, void *in, void *out)
{
    (void)in;
    struct follow_state f = {0};
    bool is_there = false;
    TRY(judge_follow_read(cx, &f, &is_there));
    int64_t total = f.looked;
    if (f.filled_to.has)
        TRY(db_int(cx, &q_judge_total, &total, NO_ARGS));
    *(struct classify_out *)out =
        (struct classify_out){f.filled_to.has, total, f.looked, f.changed, f.begun_at, f.done_at};
    return OK;
}

enum err classify_apply(struct cx *cx, void *in, void *out)
{
    TRY(judge_all_again(cx));
    TRY(audit_add(cx, "class.all", 0, 0, (str){0}));
    return classify_route(cx, in, out);
}
