/* rooms/call/call_cti.h - what telephone systems send to our webhook, in three dresses: JSON, form,
 * query.
 *
 * Members we do not know are passed over; values that cannot be what they should be are treated as
 * not told. Refused, with a sentence: what is not readable at all, an unknown event, a missing call
 * id, a member that is there twice.
 */
#pragma once
#include "rooms/call/call.h"

/* query: behind the '?'; body: JSON when it begins with '{' or content_type says so, else a form.
 * The result lives in cx->arena. */
enum err cti_read(struct cx *cx, str content_type, str query, str body, struct call_told *out)
    MUST_USE;
