/* rooms/card/card.h - the caller's card: the whole customer with history in one answer, read in one
 * batch.
 */
#pragma once
#include "rooms/call/call.h"

/* Renders the card of a customer as JSON for one role and language-neutral (codes and data; the
 * interface words them), in cx->arena. Shape: docs/http.md, "Card". `call` (0: none) adds what
 * belongs to a ring: greeting for this call, second call. */
enum err card_json(struct cx *cx, customer_id id, call_id call, str *out) MUST_USE;
/* The same for who has read customer_ids already: its rows. */
enum err card_json_of(struct cx *cx, const struct list *rows, call_id call, str *out) MUST_USE;
extern const struct room card_room;
