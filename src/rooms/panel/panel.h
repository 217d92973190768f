/* rooms/panel/panel.h - everything the operator's panel needs of a call, in one answer: call, card,
 * intake.
 */
#pragma once
#include "rooms/card/card.h"

/* {"call": Call, "card": Card|null, "intake": Intake|null} for cx's role and language, in
 * cx->arena. ERR_NOT_FOUND. */
enum err panel_json(struct cx *cx, call_id id, str *out) MUST_USE;
/* The same while it rings; else *is_ringing is false, and there is nothing. */
enum err panel_ring_json(struct cx *cx, call_id id, bool *is_ringing, str *out) MUST_USE;
extern const struct room panel_room; /* GET /calls/{id}, POST /calls/{id}/customer */
