/* app/talk.h - conversations of commands with the server that holds their directory: each begins with a line that the desk of
 * people.h was sent over DIR/kith.sock, and goes on on a thread of its own until it is over or the house closes.
 */
#pragma once
#include "app/house.h"

struct talks; /* of one kind */
struct talk {
    struct talks *all;
    struct house *house;
    int fd;
    struct arena *arena;
    struct cx cx; /* its db reads */
    void *wish;
};
struct talk_kind {
    size_t wish_bytes, arena_bytes;
    int max;          /* at once */
    const char *busy; /* what is said to one more */
    enum err (*read)(struct talk *t, str line); /* the line into t->wish */
    void (*carry_out)(struct talk *t);          /* on its thread */
    void (*refuse)(struct talk *t, str why);
};
struct talks *talks_open(struct house *h, const struct talk_kind *kind); /* NULL: no memory */
void talks_close(struct talks *all); /* ends the conversations; accepts NULL */
/* Goes on with a copy of the descriptor. */
void talks_take_over(struct talks *all, int fd, str line);
bool talk_goes_on(const struct talk *t); /* the house is not about to close */
/* One line; false: nobody listens any more, or the house is about to close. */
bool talk_say(struct talk *t, const struct shape *shape, const void *word);
