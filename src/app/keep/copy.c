/* app/keep/copy.c - a backup: written under another name, verified, renamed. */
#include "app/keep/copy.h"
#include "messages.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum err keep_ring(struct cx *cx, struct store *s, str dir, str key_file, struct keyring **out)
{
    (void)s;
    struct key_source k = {0};
    str bytes = {0}, recovery = {0}, place = arena_printf(cx->arena, SFMT "/kith.keys", SARG(dir));
    enum key_kind wanted = KEY_NONE;
    TRY(keyring_file(cx, arena_cstr(cx->arena, dir), &bytes));
    if (bytes.len)
        TRY(keyring_kind(cx, bytes, place, &wanted));
    TRY(key_find(cx, dir, key_file, wanted, !bytes.len, &k));
    enum err e =
        bytes.len ? keyring_open(cx, bytes, place, &k, out) : keyring_make(cx, &k, out, &recovery);
    if (e == OK && !bytes.len)
        e = keyring_save(cx, *out, arena_cstr(cx->arena, dir));
    key_source_forget(&k);
    return e;
}

enum err keep_ring_of_file(struct cx *cx, struct box_in *b, str name, str dir, str key_file,
                           str recovery, struct keyring **out)
{
    struct key_source k = {0};
    str bytes = box_in_ring(b);
    enum key_kind wanted = KEY_NONE;
    if (recovery.len) {
        TRY(keyring_open_recovery(cx, bytes, name, recovery, out));
        TRY(key_find(cx, dir, key_file, KEY_NONE, true, &k));
        enum err e = keyring_change(cx, *out, &k);
        key_source_forget(&k);
        return e;
    }
    TRY(keyring_kind(cx, bytes, name, &wanted));
    TRY(key_find(cx, dir, key_file, wanted, false, &k));
    enum err e = keyring_open(cx, bytes, name, &k, out);
    key_source_forget(&k);
    return e;
}

/* ---- making one ----------------------------------------------------------------------------- */

static enum err not_written(struct cx *cx)
{
    int os = errno;
    return fault(cx, os == ENOSPC || os == EDQUOT ? ERR_NO_SPACE : ERR_INVALID, M_KEEP_NOT_WRITTEN,
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

struct telling {
    const struct copy_wish *w;
    const char *part;
};

static bool tell(void *arg, int64_t done, int64_t total)
{
    const struct telling *t = arg;
    return !t->w->goes_on || t->w->goes_on(t->w->arg, t->part, done, total);
}

static enum err write_it(struct cx *cx, struct store *s, const struct keyring *ring, int fd,
                         const struct copy_wish *w, int64_t *bytes)
{
    struct backup *b = NULL;
    struct telling t = {w, "copy"};
    TRY(backup_begin(s, cx, ring, fd, false, &b));
    enum err e = backup_pages(b, cx, tell, &t);
    if (e == OK)
        e = backup_end(b, cx);
    *bytes = backup_bytes(b);
    backup_close(b);
    return e;
}

static bool sync_parent(struct cx *cx, const char *path)
{
    char *dir = arena_cstr(cx->arena, str_of(path)), *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir ? 1 : 0] = 0;
    int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_synced;
}

enum err copy_make(struct cx *cx, struct store *s, const struct keyring *ring,
                   const struct copy_wish *w, int64_t *bytes)
{
    struct telling t = {w, "verify"};
    str part = arena_printf(cx->arena, "%s.part", w->to);
    (void)unlink(part.ptr); /* of one that was killed */
    int fd = open(part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return not_written(cx);
    enum err e = write_it(cx, s, ring, fd, w, bytes);
    close(fd);
    if (e == OK)
        e = backup_verify(cx, ring, part.ptr, tell, &t);
    if (e == OK && (rename(part.ptr, w->to) != 0 || !sync_parent(cx, w->to)))
        e = not_written(cx);
    if (e != OK)
        (void)unlink(part.ptr);
    return e;
}
