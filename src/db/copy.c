/* db/copy.c - a backup in a file: written under another name, verified, renamed. */
#include "db/backup.h"
#include "db/db_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct telling {
    const struct copy_wish *w;
    const char *part;
};

static bool tell(void *arg, int64_t done, int64_t total)
{
    const struct telling *t = arg;
    return !t->w->goes_on || t->w->goes_on(t->w->arg, t->part, done, total);
}

enum err copy_not_written(struct cx *cx)
{
    int os = errno;
    return fault(cx, os == ENOSPC || os == EDQUOT ? ERR_NO_SPACE : ERR_INVALID, M_KEEP_NOT_WRITTEN,
                 MARG("reason", arena_str(cx->arena, str_of(strerror(os)))));
}

bool copy_sync_parent(struct cx *cx, const char *path)
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

enum err copy_write(struct cx *cx, struct store *s, const struct keyring *ring, int fd,
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

enum err copy_make(struct cx *cx, struct store *s, const struct keyring *ring,
                   const struct copy_wish *w, int64_t *bytes, int64_t *copy_ms)
{
    struct telling t = {w, "verify"};
    int64_t from = clock_mono_ns();
    str part = arena_printf(cx->arena, "%s.part", w->to);
    (void)unlink(part.ptr); /* of one that was killed */
    int fd = open(part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return copy_not_written(cx);
    enum err e = copy_write(cx, s, ring, fd, w, bytes);
    *copy_ms = (clock_mono_ns() - from) / MS_NS;
    close(fd);
    if (e == OK)
        e = backup_verify(cx, ring, part.ptr, tell, &t);
    if (e == OK && (rename(part.ptr, w->to) != 0 || !copy_sync_parent(cx, w->to)))
        e = copy_not_written(cx);
    if (e != OK)
        (void)unlink(part.ptr);
    return e;
}
