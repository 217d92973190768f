/* db/ring.c - the keys that a store holds while it is open. */
#include "db/db_impl.h"
#include "db/keyring.h"
#include <unistd.h>

/* Unit tests have stores without a place: one ring for as long as the process lives. */
static struct keyring *ring_of_process;

static void make_ring_of_process(void)
{
    struct arena *a = arena_open(1 << 20);
    struct cx cx = {.arena = a};
    struct key_source k = {.kind = KEY_BYTES, .place = S("memory")};
    str recovery = {0};
    random_bytes(k.key, sizeof k.key);
    if (!a || keyring_make(&cx, &k, &ring_of_process, &recovery) != OK)
        abort();
    key_source_forget(&k);
    arena_close(a);
}

static enum err ring_of_directory(struct cx *cx, const char *dir, struct keyring **out)
{
    struct key_source k = {0};
    str bytes = {0}, recovery = {0}, place = arena_printf(cx->arena, "%s/kith.keys", dir);
    TRY(keyring_file(cx, dir, &bytes));
    TRY(key_find(cx, str_of(dir), (str){0}, KEY_NONE, bytes.len == 0, &k));
    enum err e =
        bytes.len ? keyring_open(cx, bytes, place, &k, out) : keyring_make(cx, &k, out, &recovery);
    key_source_forget(&k);
    return e == OK && !bytes.len ? keyring_save(cx, *out, dir) : e;
}

enum err store_ring_open(struct cx *cx, struct store *s, const struct store_options *o)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (s->is_temporary || !o->data_dir.len) {
        pthread_once(&once, make_ring_of_process);
        s->ring = ring_of_process;
        return OK;
    }
    return ring_of_directory(cx, arena_cstr(cx->arena, o->data_dir), &s->ring);
}

void store_ring_close(struct store *s)
{
    if (s->ring != ring_of_process)
        keyring_close(s->ring);
    s->ring = NULL;
}

struct keyring *db_ring(const struct cx *cx)
{
    return cx->db->store->ring;
}
