/* rooms/judge/judge.h - what kind of customer this is: rules with points, classes with thresholds, and the job that keeps
 * everybody's judgement, reading what is new of a customer on the way.
 *
 * A committed event names a customer; within a second the job has gathered his evidence, looked at his risk and judged him
 * (all of it on a reader), and wrote what changed: customer.judged (the customer; data: the leading class, empty for none). When rules change all are
 * looked at anew, quietly: no events, but segments look again at whom it moved.
 * Everything that decides is a pure function over a struct (judge_classes).
 */
#pragma once
#include "rooms/customer/customer.h"

/* ---- deciding (pure) ------------------------------------------------------------------------------ */

struct class_limits {
    int64_t enter, leave; /* points: from which on he is in it; below which he is no more */
    int64_t stay_ms;      /* at least so long */
    int64_t known;        /* so many contacts and orders must be known first */
    bool is_on;
};
struct class_facts {
    int64_t score[CLASSES]; /* sums of points; taken as 0 to 100 */
    int64_t known;
    int64_t now_ms;
    int pin; /* the class that a person gave; CLASSES: none */
};
struct class_state {
    struct class_part {
        bool is_in, is_free; /* is_free: came with the word of a person that has ended; it is not held by a minimum stay */
        int64_t score, since_ms, lead_ms; /* lead_ms 0: another leads */
    } of[CLASSES];
};
struct class_verdict {
    struct class_state is;
    int leading;       /* CLASSES: not enough is known yet */
    int64_t due_ms;    /* when a minimum stay ends that holds something back; 0: none does */
    bool is_undecided; /* needs time, or is considering */
};
/* The order in which points were gathered has no part in it; a clock that went back lengthens no stay. */
void judge_classes(const struct class_limits limits[CLASSES], const struct class_facts *f,
                   const struct class_state *was, struct class_verdict *out);
bool class_state_is_same(const struct class_state *a, const struct class_state *b);

/* ---- everybody anew ---------------------------------------------------------------------------------- */

/* `kith classify`: in several threads, only changed rows are written. cx->db reads. `goes_on` may be NULL; false: stop. */
struct judge_pass {
    unsigned threads; /* 0: one for each core, at most 4 */
    bool (*goes_on)(void *arg, int64_t done, int64_t total);
    void *arg;
    int64_t customers, changed, seconds_ms; /* out */
    int64_t leads[CLASSES + 1];             /* out: how many each class leads; the last: none does */
};
enum err judge_everybody(struct store *s, struct cx *cx, struct judge_pass *p) MUST_USE;

/* ---- for the catalogue and the house -------------------------------------------------------------------- */
extern const struct expr_table judge_attributes; /* class, classes, class_since */
enum err judge_users(struct cx *cx, str attribute, struct list *out /* of struct expr_user */) MUST_USE;
/* How long after they happened the events of this process were judged: how many within each of these, and later. */
enum { JUDGE_DELAYS = 12 };
extern const int64_t judge_delays_ms[JUDGE_DELAYS - 1];
void judge_delays(int64_t out[JUDGE_DELAYS]);
extern const struct job_kind judge_job;
extern const struct room judge_room;
