/* app/talk.c - conversations of commands with the server. */
#include "app/talk.h"
#include "app/people.h"
#include "messages.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct talks {
    struct house *house;
    const struct talk_kind *kind;
    _Atomic bool is_closing;
    pthread_mutex_t lock;
    pthread_cond_t none;
    int n;
};

struct talks *talks_open(struct house *h, const struct talk_kind *kind)
{
    struct talks *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->house = h;
    all->kind = kind;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->none, NULL);
    return all;
}

void talks_close(struct talks *all)
{
    if (!all)
        return;
    atomic_store(&all->is_closing, true);
    pthread_mutex_lock(&all->lock);
    while (all->n)
        pthread_cond_wait(&all->none, &all->lock);
    pthread_mutex_unlock(&all->lock);
    pthread_mutex_destroy(&all->lock);
    pthread_cond_destroy(&all->none);
    free(all);
}

bool talk_goes_on(const struct talk *t)
{
    return !atomic_load(&t->all->is_closing);
}

bool talk_say(struct talk *t, const struct shape *shape, const void *word)
{
    struct arena *a = arena_open((size_t)1 << 20);
    bool is_sent = a && desk_line_send(t->fd, a, shape, word);
    arena_close(a);
    return is_sent && talk_goes_on(t);
}

static void talk_free(struct talk *t)
{
    struct talks *all = t->all;
    reader_close(t->cx.db);
    if (t->fd >= 0)
        close(t->fd);
    arena_close(t->arena);
    free(t->wish);
    free(t);
    pthread_mutex_lock(&all->lock);
    all->n--;
    pthread_cond_signal(&all->none);
    pthread_mutex_unlock(&all->lock);
}

static void *talk_main(void *arg)
{
    struct talk *t = arg;
    if (store_reader(t->house->store, &t->cx, &t->cx.db) == OK)
        t->all->kind->carry_out(t);
    else
        t->all->kind->refuse(t, fault_text(t->arena, LANG_EN, &t->cx.why));
    talk_free(t);
    return NULL;
}

static bool thread_runs(struct talk *t)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool runs = pthread_create(&thread, &attr, talk_main, t) == 0;
    pthread_attr_destroy(&attr);
    return runs;
}

void talks_take_over(struct talks *all, int fd, str line)
{
    struct talk *t = all ? calloc(1, sizeof *t) : NULL;
    struct arena *a = t ? arena_open(all->kind->arena_bytes) : NULL;
    void *wish = a ? calloc(1, all->kind->wish_bytes) : NULL;
    if (!wish) {
        arena_close(a);
        free(t);
        return;
    }
    *t = (struct talk){.all = all,
                       .house = all->house,
                       .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
                       .arena = a,
                       .wish = wish};
    t->cx = (struct cx){.arena = a,
                        .house = all->house,
                        .now_ms = clock_now_ms(),
                        .actor = {.kind = ACTOR_SYSTEM},
                        .if_match = -1,
                        .peer = S("")};
    pthread_mutex_lock(&all->lock);
    bool has_room = all->n < all->kind->max && talk_goes_on(t);
    all->n++;
    pthread_mutex_unlock(&all->lock);
    bool is_sound = all->kind->read(t, line) == OK;
    if (is_sound && has_room && t->fd >= 0 && thread_runs(t))
        return;
    all->kind->refuse(t, is_sound ? str_of(all->kind->busy) : fault_text(a, LANG_EN, &t->cx.why));
    talk_free(t);
}
