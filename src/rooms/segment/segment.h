/* rooms/segment/segment.h - conditions over HTTP: checked, counted, explained; the attributes they may ask. */
#pragma once
#include "expr/expr.h"
#include "rooms/customer/customer.h"

/* How many customers a checked condition chooses, and the ids of the newest few of them (at most `most`). */
enum err segment_count(struct cx *cx, const struct expr_plan *p, int64_t *n) MUST_USE;
enum err segment_newest(struct cx *cx, const struct expr_plan *p, int64_t most, struct list *out /* of struct customer_ref */) MUST_USE;

extern const struct room segment_room;
