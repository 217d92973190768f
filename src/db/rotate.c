/* db/rotate.c - another data key while everything goes on.
 *
 * 1. kith.keys holds the new one, on the disk; the writer takes it up between two batches.
 * 2. The pages of kith.db are sealed anew, slice by slice (reseal.c); readers, the writer and the log are not waited for.
 * 3. The log is begun anew, so that no frame of the old key is needed.
 * 4. What parts keep sealed in rows is sealed anew.
 * 5. The old key is dropped from kith.keys.
 * Killed anywhere, kith.keys says that two keys are in use, and the next start goes on at 2, where pages tell by themselves
 * which are done.
 */
#include "db/db_impl.h"
#include "queries.h"
#include <time.h>

enum { PARTS_MAX = 8, REST_MS = 2, LOG_TRIES = 600, LOG_MS = 100 };

struct rotor {
    struct store *s;
    pthread_t thread;
    const struct key_part *parts;
    size_t n_parts;
    struct arena *arena;
    struct cx cx;
    _Atomic bool stops, is_running, has_failed;
    _Atomic int64_t done, all;
};

static void rest(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static enum err pages(struct rotor *r)
{
    struct store *s = r->s;
    int64_t page = 1, all = 1;
    while (page <= all && !atomic_load(&r->stops)) {
        arena_reset(r->arena);
        TRY(vault_rotate_slice(&r->cx, s->vault, s->dir, &page, &all));
        atomic_store(&r->all, all);
        atomic_store(&r->done, page - 1);
        rest(REST_MS); /* whoever waits to write into the file goes first */
    }
    return OK;
}

static enum err touch(struct cx *cx, void *arg)
{
    (void)arg;
    return db_run(
        cx, &q_store_meta_set,
        ARGS(V("key_epoch"), V(arena_printf(cx->arena, "%u", keyring_epoch(db_ring(cx))))));
}

/* The log begins anew by a change after all of it was carried over; readers stand in the way for two seconds at most. */
static enum err log_renewed(struct rotor *r)
{
    struct store *s = r->s;
    for (int i = 0; i < LOG_TRIES && !atomic_load(&r->stops); i++) {
        arena_reset(r->arena);
        checkpoint_finish(s);
        TRY(db_change(s, &r->cx, LANE_BULK, touch, NULL));
        if (vault_log_is_new(s->vault))
            return OK;
        rest(LOG_MS);
    }
    return fault(&r->cx, ERR_BUSY, M_STORE_BUSY);
}

struct turn {
    const struct key_part *part;
    int64_t at, next;
    bool is_finished;
};

/* May run twice. */
static enum err turn_apply(struct cx *cx, void *arg)
{
    struct turn *t = arg;
    t->next = t->at;
    return t->part->renew(cx, &t->next, &t->is_finished);
}

static enum err rows(struct rotor *r)
{
    for (size_t i = 0; i < r->n_parts; i++)
        for (struct turn t = {.part = &r->parts[i]}; !t.is_finished && !atomic_load(&r->stops);
             t.at = t.next) {
            arena_reset(r->arena);
            r->cx.now_ms = clock_now_ms();
            TRY(db_change(r->s, &r->cx, LANE_BULK, turn_apply, &t));
        }
    return OK;
}

static enum err old_dropped(struct rotor *r)
{
    struct store *s = r->s;
    uint8_t epochs[KEY_EPOCHS_MAX];
    size_t n = keyring_epochs(s->ring, epochs);
    for (size_t i = 0; i + 1 < n; i++)
        keyring_drop(s->ring, epochs[i]);
    TRY(keys_save(&r->cx, s));
    if (s->vault)
        vault_epochs_changed(s->vault);
    log_line(LOG_INFO, "key.rotated", "epoch=%u", keyring_epoch(s->ring));
    return OK;
}

static enum err turn(struct rotor *r)
{
    struct store *s = r->s;
    if (s->vault) {
        pause_begin(s);
        vault_epoch_take(s->vault);
        pause_end(s);
        TRY(pages(r));
        if (!atomic_load(&r->stops))
            TRY(log_renewed(r));
    }
    TRY(rows(r));
    return atomic_load(&r->stops) ? OK : old_dropped(r);
}

static void *rotor_main(void *arg)
{
    struct rotor *r = arg;
    enum err e = turn(r);
    if (e != OK) {
        str why = fault_text(r->arena, LANG_EN, &r->cx.why);
        log_line(LOG_ERROR, "key.rotation", "reason=" SFMT, SARG(log_quoted(r->arena, why)));
        atomic_store(&r->has_failed, true);
    }
    atomic_store(&r->is_running, false);
    return NULL;
}

static void rotor_close(struct rotor *r)
{
    arena_close(r->arena);
    free(r);
}

void rotate_stop(struct store *s)
{
    if (!s->rotor)
        return;
    atomic_store(&s->rotor->stops, true);
    pthread_join(s->rotor->thread, NULL);
    rotor_close(s->rotor);
    s->rotor = NULL;
}

enum err store_rotate(struct store *s, struct cx *cx, const struct key_part *parts, size_t n,
                      bool is_new)
{
    uint8_t epochs[KEY_EPOCHS_MAX];
    if (!s->keys_dir)
        return is_new ? fault(cx, ERR_INVALID, M_KEYS_NONE) : OK;
    if (s->rotor && atomic_load(&s->rotor->is_running))
        return is_new ? fault(cx, ERR_CONFLICT, M_KEYS_ROTATING) : OK;
    rotate_stop(s);
    if (!is_new && keyring_epochs(s->ring, epochs) < 2)
        return OK;
    if (is_new)
        TRY(keyring_add(cx, s->ring, s->keys_dir));
    struct rotor *r = calloc(1, sizeof *r);
    if (!r || !(r->arena = arena_open((size_t)16 << 20))) {
        free(r);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    r->s = s;
    r->parts = parts;
    r->n_parts = n;
    r->is_running = true;
    r->cx = (struct cx){.arena = r->arena,
                        .now_ms = clock_now_ms(),
                        .actor = {.kind = ACTOR_SYSTEM},
                        .if_match = -1,
                        .peer = S("")};
    if (pthread_create(&r->thread, NULL, rotor_main, r) != 0) {
        rotor_close(r);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    s->rotor = r;
    return OK;
}

void store_rotation(struct store *s, struct rotation *out)
{
    struct rotor *r = s->rotor;
    *out = (struct rotation){.epoch = s->ring ? keyring_epoch(s->ring) : 0};
    if (!r)
        return;
    out->is_running = atomic_load(&r->is_running);
    out->has_failed = atomic_load(&r->has_failed);
    out->done = atomic_load(&r->done);
    out->all = atomic_load(&r->all);
}
