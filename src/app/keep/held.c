/* app/keep/held.c - knows a restored store by the mark of the restore, and a copied one by its place. */
#include "app/keep/held.h"
#include "base/value.h"
#include "queries.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    str now;
    const char *why; /* NULL: nothing new */
};

struct store_place {
    str place;
};
static const struct field store_place_fields[] = {FIELD(struct store_place, place)};
static const struct shape store_place_shape =
    SHAPE("store_place", struct store_place, store_place_fields);

/* The machine, the path and the directory itself: a copy differs in one of them. With PostgreSQL the database: it stays the
 * same through a fail-over, and is another one after a dump was read in. As a hash: it goes into the store, and out with it. */
static enum err place_now(struct cx *cx, str data_dir, str *out)
{
    struct store_place p = {0};
    struct text t = text_in(cx->arena, 16384);
    if (db_is_postgres(cx)) {
        TRY(db_one(cx, &q_store_place, &store_place_shape, &p, NO_ARGS));
        text_add(&t, p.place);
    } else {
        char *real = realpath(arena_cstr(cx->arena, data_dir), NULL), id[64] = "";
        struct stat st = {0};
        int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, id, sizeof id - 1) : 0;
        if (fd >= 0)
            close(fd);
        (void)stat(arena_cstr(cx->arena, data_dir), &st);
        text_printf(&t, "%.*s|%s|%llu", n > 0 ? (int)n : 0, id, real ? real : "-",
                    (unsigned long long)st.st_ino);
        free(real);
    }
    uint8_t h[32];
    sha256(text_str(&t), h);
    struct text hex = text_in(cx->arena, 80);
    for (size_t i = 0; i < 16; i++)
        text_printf(&hex, "%02x", h[i]);
    *out = text_str(&hex);
    return OK;
}

static str mark_of(struct cx *cx, str data_dir)
{
    return arena_printf(cx->arena, SFMT "/restored", SARG(data_dir));
}

static enum err place_apply(struct cx *cx, void *state)
{
    const struct place *p = state;
    TRY(settings_set(cx, "place", p->now));
    return p->why ? sending_hold(cx, p->why) : OK;
}

enum err held_begin(struct store *s, struct cx *cx, str data_dir)
{
    struct place p = {0};
    str before = {0};
    TRY(settings_get(cx, "place", &before));
    TRY(place_now(cx, data_dir, &p.now));
    bool is_restored = data_dir.len && access(mark_of(cx, data_dir).ptr, F_OK) == 0;
    if (is_restored)
        p.why = "restored";
    else if (before.len && !str_eq(before, p.now))
        p.why = "copied";
    if (!p.why && before.len)
        return OK;
    TRY(db_change(s, cx, LANE_INTERACTIVE, place_apply, &p));
    if (is_restored)
        (void)unlink(mark_of(cx, data_dir).ptr);
    if (p.why)
        log_line(LOG_WARN, "sending.held", "why=%s", p.why);
    return OK;
}

enum err held_release(struct cx *cx, str data_dir)
{
    struct place p = {0};
    TRY(place_now(cx, data_dir, &p.now));
    TRY(settings_set(cx, "place", p.now));
    if (data_dir.len)
        (void)unlink(mark_of(cx, data_dir).ptr);
    return sending_release(cx);
}
