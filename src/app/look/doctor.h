/* app/look/doctor.h - how safe is this house? `kith doctor` and the Security page.
 *
 * Each line says what was looked at just now, what was found and what to do. What cannot be looked at says so: nothing is
 * claimed that is not checked.
 */
#pragma once
#include "app/house.h"

enum doctor_state { DOCTOR_OK, DOCTOR_ATTENTION, DOCTOR_BAD, DOCTOR_STATES };
extern const char *const doctor_state_codes[DOCTOR_STATES];
struct doctor_line {
    str check; /* a code: "backup" */
    int state; /* enum doctor_state */
    str title, reason, advice; /* in the language of cx; no advice: nothing to do */
};
struct doctor_report {
    when at;
    int state; /* the worst */
    struct list lines;
};
extern const struct shape doctor_report_shape;
/* cx->db reads, not inside read_begin. h: the serving house, or NULL when none serves; data_dir may be empty. */
enum err doctor_look(struct store *s, struct cx *cx, const struct house *h, str data_dir, struct doctor_report *out) MUST_USE;

extern const struct room security_room; /* GET /security */
