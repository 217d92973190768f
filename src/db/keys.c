/* db/keys.c - the ring of a store: found, or made at its first start; a plain store of before is sealed with it. */
#include "db/db_impl.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what a person hears -------------------------------------------------------------------------- */

static void say_made(str place, bool is_made, str recovery)
{
    if (getenv("JOURNAL_STREAM")) { /* systemd keeps what is said here */
        fprintf(
            stderr,
            "kith: the data is sealed; its key %s " SFMT "\n"
            "kith: this log keeps no secrets: `kith key recovery` shows the key that opens the data when that one is lost\n",
            is_made ? "was made in" : "is the one from", SARG(place));
        fflush(stderr);
        return;
    }
    fprintf(
        stderr,
        "kith: the data is sealed; its key %s " SFMT "\n"
        "kith: keep a copy of the key in another place than the data: without it nothing can be read\n"
        "kith: the recovery key opens the data, and each backup, when that key is lost; it is shown this once,\n"
        "kith: write it on paper and keep it apart from this machine:\n"
        "kith:\n"
        "kith:     " SFMT "\n"
        "kith:\n",
        is_made ? "was made in" : "is the one from", SARG(place), SARG(recovery));
    fflush(stderr);
}

static void say_sealing(int64_t done, int64_t all)
{
    static _Thread_local int64_t said = -1;
    int64_t percent = all ? done * 100 / all : 100;
    if (done >= all || percent >= said + 10 || percent < said) {
        fprintf(stderr, "kith: sealing the data of before: %lld %%\n", (long long)percent);
        fflush(stderr);
        said = percent;
    }
}

static const struct key_voice loud = {say_made, say_sealing};

static const struct key_voice *voice_of(const struct store_options *o)
{
    return o->voice ? o->voice : &loud;
}

/* ---- the ring ---------------------------------------------------------------------------------------- */

static enum err ring_find(struct cx *cx, const char *dir, str bytes, const struct store_options *o,
                          struct keyring **out)
{
    enum key_kind kind;
    struct key_source k;
    str place = arena_printf(cx->arena, "%s/kith.keys", dir);
    TRY(keyring_kind(cx, bytes, place, &kind));
    TRY(key_find(cx, o->key_dir.len ? o->key_dir : str_of(dir), o->key_file, kind, false, &k));
    enum err e = keyring_open(cx, bytes, place, &k, out);
    key_source_forget(&k);
    return e;
}

static enum err ring_make(struct cx *cx, const char *dir, const struct store_options *o,
                          struct keyring **out)
{
    struct key_source k;
    str recovery;
    TRY(key_find(cx, str_of(dir), o->key_file, KEY_NONE, true, &k));
    str place = k.place;
    bool is_made = k.is_made;
    enum err e = keyring_make(cx, &k, out, &recovery);
    key_source_forget(&k);
    TRY(e);
    TRY(keyring_save(cx, *out, dir));
    voice_of(o)->made(place, is_made, recovery);
    seal_forget((void *)(uintptr_t)recovery.ptr, recovery.len);
    return OK;
}

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

static enum err no_place(struct store *s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_ring_of_process);
    s->ring = ring_of_process;
    return OK;
}

void keys_close(struct store *s)
{
    if (s->ring != ring_of_process)
        keyring_close(s->ring);
    s->ring = NULL;
}

static enum err no_such(struct cx *cx, uint16_t msg, const char *dir)
{
    return fault(cx, ERR_INVALID, msg, MARG("where", arena_str(cx->arena, str_of(dir))));
}

/* The file that takes its place is another one. */
static enum err convert(struct cx *cx, struct store *s, const struct store_options *o)
{
    TRY(vault_convert(cx, s->ring, s->dir, voice_of(o)->sealing));
    int fd = open(arena_printf(cx->arena, "%s/kith.db", s->dir).ptr, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    close(s->file_fd);
    s->file_fd = fd;
    return OK;
}

static enum err lite_keys(struct cx *cx, struct store *s, const struct store_options *o)
{
    enum vault_look look = vault_look(arena_printf(cx->arena, "%s/kith.db", s->dir).ptr);
    str bytes;
    if (look == VAULT_LATER)
        return no_such(cx, M_STORE_SEALED_LATER, s->dir);
    if (look == VAULT_OTHER)
        return no_such(cx, M_STORE_NO_STORE, s->dir);
    s->keys_dir = strdup(s->dir);
    TRY(keyring_file(cx, s->dir, &bytes));
    if (bytes.len)
        TRY(ring_find(cx, s->dir, bytes, o, &s->ring));
    else if (look == VAULT_SEALED)
        return no_such(cx, M_KEYS_MISSING, s->dir);
    else
        TRY(ring_make(cx, s->dir, o, &s->ring));
    if (look == VAULT_PLAIN)
        TRY(convert(cx, s, o));
    TRY(vault_rotate_mend(cx, s->ring, s->dir));
    s->vault = vault_open(s->ring, s->page, lite_cache(s, CACHE_SHARED));
    return s->vault ? OK : fault(cx, ERR_INTERNAL, M_STORE_FAILED);
}

enum err keys_open(struct cx *cx, struct store *s, const struct store_options *o)
{
    str bytes;
    if (s->is_temporary && !getenv("KITH_TEST_SEALED"))
        return no_place(s);
    if (!s->is_postgres)
        return lite_keys(cx, s, o);
    if (!o->data_dir.len)
        return no_place(s);
    const char *dir = arena_cstr(cx->arena, o->data_dir);
    s->keys_dir = strdup(dir);
    TRY(keyring_file(cx, dir, &bytes));
    return bytes.len ? ring_find(cx, dir, bytes, o, &s->ring) : ring_make(cx, dir, o, &s->ring);
}

enum err keys_save(struct cx *cx, struct store *s)
{
    return s->keys_dir ? keyring_save(cx, s->ring, s->keys_dir) : OK;
}

enum err store_keys(struct cx *cx, const struct store_options *o, struct keyring **out)
{
    str bytes;
    *out = NULL;
    const char *dir = arena_cstr(cx->arena, o->data_dir);
    TRY(keyring_file(cx, dir, &bytes));
    return bytes.len ? ring_find(cx, dir, bytes, o, out) : no_such(cx, M_KEYS_MISSING, dir);
}

struct keyring *store_ring(struct store *s)
{
    return s->ring;
}

struct keyring *db_ring(const struct cx *cx)
{
    return cx->db->store->ring;
}
