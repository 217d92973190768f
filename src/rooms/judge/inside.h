/* rooms/judge/inside.h - what the files of this room share; nobody else includes it. */
#pragma once
#include "messages.h"
#include "queries.h"
#include "rooms/judge/judge.h"

enum { RULES_MAX = 60, POINTS_MAX = 100, RULE_COST_MAX = 60, PIN_DAYS = 180, PIN_DAYS_MAX = 730 };
static const int64_t JUDGE_DAY_MS = 86400000;

/* ---- what is shipped ----------------------------------------------------------------------- */

struct shipped_rule {
    const char *key;
    int class;
    int64_t points;
    uint16_t label;
    const char *condition;
};
struct class_defaults {
    int64_t enter, leave, stay_days, known;
};
extern const struct class_defaults class_defaults[CLASSES];
const struct shipped_rule *shipped_rules(size_t *n);
const struct shipped_rule *shipped_by_key(str key);

/* ---- rules and classes as they stand ----------------------------------------------------------- */

struct rule {
    rule_id id;
    int class;
    str key, label, condition;
    int64_t points;
    bool is_on;
    opt_int holds;
    when created_at, changed_at;
    int64_t version;
};
struct class_setting {
    int class;
    int64_t enter, leave, stay_days, known;
    bool is_on;
    str advice;
    when changed_at;
    int64_t version;
};
extern const struct shape rule_row_shape, class_setting_row_shape;
enum err rules_read(struct cx *cx, struct list *out) MUST_USE; /* struct rule, without those that are gone */
/* All classes; those nobody changed as they were shipped (version 0). */
enum err class_settings_read(struct cx *cx, struct class_setting out[CLASSES]) MUST_USE;
str rule_label(struct arena *a, enum lang lang, const struct rule *r);
/* Parses, checks, refuses what is a circle or costs too much; a fault without a field. */
enum err rule_plan(struct cx *cx, str condition, struct expr_plan **out) MUST_USE;

/* A rule that counts; one whose condition is right no more counts for nothing. */
struct judging {
    const struct rule *rule;
    struct expr_plan *plan;
    bool moves;
};
struct judge_set {
    struct judging *v;
    size_t n;
    struct class_setting settings[CLASSES];
    struct class_limits limits[CLASSES];
    struct list rules; /* all of them, of struct rule */
};
enum err judge_set_open(struct cx *cx, struct judge_set *out) MUST_USE;
/* Inside apply: what the program brings and the store does not have yet; *did: something was added. */
enum err judge_ship(struct cx *cx, bool *did) MUST_USE;
enum err judge_is_shipped(struct cx *cx, bool *out) MUST_USE; /* there is nothing of that */

/* ---- looking ------------------------------------------------------------------------------------- */

/* One customer in hand. */
struct looked {
    int64_t customer;
    int64_t known;
    uint64_t holds; /* a bit for each of the set's rules */
    int64_t due_ms; /* when it could change by itself; 0: never */
    int64_t depth;  /* of the event because of which he is looked at */
    int pin;
    struct class_state was;
    struct class_verdict verdict;
    bool is_changed; /* a row must be written */
    bool is_moved;   /* he is in other classes, or another leads */
    bool is_told;    /* his history gets a line of it */
    str why;         /* JSON, for the history */
};
/* Those with an id in ids (sorted), or, ids NULL, up to n behind `after`. Roots only. */
enum err judge_look(struct cx *cx, const struct judge_set *s, const int64_t *ids, int64_t after, size_t n,
                    struct looked **out, size_t *n_out) MUST_USE;
/* The same of ids, as if this stood in the store already: a row of each (NULL: as it stands) of one part of what is asked. */
struct judge_given {
    const struct expr_part *part;
    const void *const *rows;
};
enum err judge_look_given(struct cx *cx, const struct judge_set *s, const int64_t *ids, size_t n, struct judge_given given,
                          struct looked **out, size_t *n_out) MUST_USE;
/* For those whose history tells of it: what the rules saw. */
enum err judge_reasons(struct cx *cx, const struct judge_set *s, struct looked *v, size_t n) MUST_USE;
/* Inside apply: writes what changed. is_quiet: tells no events, segments look again. correction: because of this one. */
enum err judge_write(struct cx *cx, const struct looked *v, size_t n, bool is_quiet, int64_t correction) MUST_USE;
void judge_scores(const struct judge_set *s, uint64_t holds, int64_t score[CLASSES]);
/* "because" of one class: [{rule, label, points, lines: [{text, seen}]}] for the rules in holds; for the screen, where each
 * line is drawn as a sentence, with its tree. */
void because_write(struct json_out *j, struct cx *cx, const struct judge_set *s, uint64_t holds, int class,
                   const struct expr_trace *traces, bool as_trees);
/* Inside apply: whom to look at now, any ids; because of an event of that depth (event_depth). */
enum err judge_again(struct cx *cx, const int64_t *customers, size_t n, int64_t depth) MUST_USE;

/* ---- everybody anew ---------------------------------------------------------------------------------- */

struct follow_state {
    int64_t xid, seq;
    opt_int filled_to;
    int64_t round, looked, changed;
    when begun_at, done_at;
    str holds;
};
extern const struct shape judge_follow_row_shape;
/* Inside apply: all are looked at anew, from the beginning. */
enum err judge_all_again(struct cx *cx) MUST_USE;
enum err judge_read_all(struct cx *cx, bool *is_read) MUST_USE;
enum err judge_follow_read(struct cx *cx, struct follow_state *out, bool *is_there) MUST_USE;
/* "id n id n" of how many each rule holds for: added up, and put on the rules at the end (inside apply). */
void holds_add(const struct judge_set *s, const struct looked *v, size_t n, int64_t counts[RULES_MAX]);
str holds_text(struct arena *a, const struct judge_set *s, str before, const int64_t counts[RULES_MAX]);
enum err holds_put(struct cx *cx, str holds) MUST_USE;

/* ---- routes --------------------------------------------------------------------------------------------- */
#define ROUTE(name) enum err name(struct cx *cx, void *in, void *out)
ROUTE(classes_route);
ROUTE(class_patch_plan);
ROUTE(class_patch_apply);
enum err class_again(struct cx *cx, int64_t id, void *out);
ROUTE(rules_route);
ROUTE(rule_route);
ROUTE(rule_add_plan);
ROUTE(rule_add_apply);
ROUTE(rule_patch_plan);
ROUTE(rule_patch_apply);
ROUTE(rule_delete_plan);
ROUTE(rule_delete_apply);
enum err rule_again(struct cx *cx, int64_t id, void *out);
ROUTE(rule_preview_route);
ROUTE(rule_preview_new_route);
ROUTE(classify_apply);
ROUTE(classify_route);
ROUTE(judgement_route);
ROUTE(judgements_route);
ROUTE(correct_plan);
ROUTE(correct_apply);
enum err correct_again(struct cx *cx, int64_t id, void *out);
ROUTE(unpin_plan);
ROUTE(unpin_apply);
extern const struct shape classes_shape, class_patch_shape, class_out_shape, rules_shape, rule_by_id_shape, rule_in_shape,
    rule_patch_shape, rule_out_shape, rule_one_shape, rule_preview_in_shape, preview_out_shape, classify_shape,
    judgement_in_shape, judgement_out_shape, judgements_in_shape, judgements_shape, correct_in_shape, unpin_in_shape;
