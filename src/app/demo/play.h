/* app/demo/play.h - incoming calls for a newcomer to see: who calls, and the player.
 */
#pragma once
#include "base/value.h"
#include <stdatomic.h>

/* What the player of calls needs: the telephone link's token, an API token that may see the desks, and who calls. */
enum { DEMO_CALLERS_MAX = 64 };
struct demo_play {
    str link_token, api_token;
    str callers[DEMO_CALLERS_MAX]; /* in the order of the play; "" withheld */
    size_t n_callers;
};
/* Plays calls through the telephone link of the server at 127.0.0.1:port, as a telephone system would, to the desks that are
 * ready, until *stop; waits while there is none. A caller talks talk_s seconds. A thread of its own. */
enum { DEMO_TALK_S = 50 };
void demo_play_calls(uint16_t port, const struct demo_play *play, int64_t talk_s, const atomic_bool *stop);
