/* app/keep/held.h - a store that finds itself restored, or in another place, sends nothing until a person says so.
 */
#pragma once
#include "rooms/settings/settings.h"

/* At the start, before anything could leave. cx->db reads. */
enum err held_begin(struct store *s, struct cx *cx, str data_dir) MUST_USE;
/* Inside apply: where this store lives is as it is found now, and sending goes on. */
enum err held_release(struct cx *cx, str data_dir) MUST_USE;
