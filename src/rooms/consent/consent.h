/* rooms/consent/consent.h - what the customer said about offers and profiling.
 *
 * A record of his words, append-only: each new word stands above the one before. Of the ids of one
 * record the stricter stands (consents_settle of customer.h). The mark do_not_contact is another
 * thing and stays.
 */
#pragma once
#include "rooms/customer/customer.h"

/* May the customer be addressed for this purpose? Only what was given counts; nothing said is no. */
enum err consent_is_given(struct cx *cx, customer_id id, int purpose, bool *is_given) MUST_USE;

/* Inside apply: one more word. `at` 0: now. */
struct consent_new {
    consent_id id; /* made by plan */
    customer_id customer; /* the root */
    int purpose, state;
    str channel, source, proof;
    when at;
};
enum err consent_add(struct cx *cx, const struct consent_new *c) MUST_USE;

extern const struct room consent_room;
