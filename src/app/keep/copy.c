/* app/keep/copy.c - an installation as rows, into a file and out of it. */
#include "app/keep/copy.h"
#include "db/snapshot.h"
#include "messages.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
    enum err e = key_find(cx, dir, key_file, wanted, false, &k);
    if (e != OK && cx->why.msg == M_KEYS_NO_KEY)
        return fault(cx, ERR_INVALID, M_KEEP_NO_KEY, MARG("file", name));
    TRY(e);
    e = keyring_open(cx, bytes, name, &k, out);
    key_source_forget(&k);
    return e;
}

/* ---- as rows ----------------------------------------------------------------------------------- */

static bool write_fd(void *arg, const void *p, size_t n)
{
    for (const char *at = p; n;) {
        ssize_t w = write(*(int *)arg, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        at += w;
        n -= (size_t)w;
    }
    return true;
}

static ssize_t read_fd(void *arg, void *p, size_t n)
{
    return read(*(int *)arg, p, n);
}

static enum err rows_of(struct cx *cx, struct store *s, struct db *d, const struct keyring *ring,
                        str data_dir, int fd, const struct copy_wish *w, struct move_figures *out)
{
    struct db *outer = cx->db;
    cx->db = d;
    enum err e = move_out(s, cx, ring, data_dir, write_fd, &fd, w->goes_on, w->arg, out);
    if (e == OK)
        e = snapshot_is_whole(cx, d);
    cx->db = outer;
    return e == OK && fsync(fd) != 0 ? copy_not_written(cx) : e;
}

static bool tell_copy(void *arg, int64_t done, int64_t total)
{
    const struct copy_wish *w = arg;
    return !w->goes_on || w->goes_on(w->arg, "copy", done, total);
}

/* An SQLite store that others write: its copy is read. */
static enum err rows_by_copy(struct cx *cx, struct store *s, const struct keyring *ring,
                             str data_dir, int fd, const struct copy_wish *w,
                             struct move_figures *out)
{
    str part = arena_printf(cx->arena, SFMT "/export.part", SARG(data_dir)),
        dir = arena_printf(cx->arena, SFMT "/export.copy", SARG(data_dir));
    struct restored done;
    struct copy_reader *r = NULL;
    int64_t bytes = 0;
    const struct restore_wish back = {.from = part.ptr,
                                      .dir = dir.ptr,
                                      .at_ms = INT64_MAX,
                                      .is_scratch = true,
                                      .goes_on = tell_copy,
                                      .arg = (void *)(uintptr_t)w};
    (void)unlink(part.ptr);
    backup_remove(dir.ptr);
    int copy = open(part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (copy < 0)
        return copy_not_written(cx);
    enum err e = copy_write(cx, s, ring, copy, w, &bytes);
    close(copy);
    if (e == OK)
        e = backup_restore(cx, ring, &back, &done);
    (void)unlink(part.ptr);
    if (e == OK)
        e = copy_reader_open(cx, ring, dir.ptr, &r);
    if (e == OK)
        e = rows_of(cx, s, copy_reader_db(r), ring, dir, fd, w, out);
    copy_reader_close(r);
    backup_remove(dir.ptr);
    return e;
}

static enum err box_of(struct cx *cx, int *fd, const char *path, const struct keyring *ring,
                       struct box_in **out)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return copy_not_written(cx);
    TRY(box_in_open(cx, str_of(path), read_fd, fd, out));
    return box_in_key(cx, *out, ring);
}

/* Into a store of its own, and looked at there. */
static enum err rows_verify(struct cx *cx, const char *path, const struct keyring *ring,
                            str key_dir, const struct copy_wish *w, const struct move_figures *want)
{
    struct box_in *b = NULL;
    struct move_figures found = {0};
    int fd = -1;
    str dir = arena_printf(cx->arena, "%s.check", path);
    backup_remove(dir.ptr);
    enum err e = box_of(cx, &fd, path, ring, &b);
    if (e == OK)
        e = rows_into_directory(cx, b, ring, str_of(path), dir.ptr, key_dir, w, &found);
    if (e == OK && memcmp(found.digest, want->digest, 32) != 0)
        e = box_damaged(cx, b);
    box_in_close(b);
    if (fd >= 0)
        close(fd);
    backup_remove(dir.ptr);
    return e;
}

enum err rows_make(struct cx *cx, struct store *s, const struct keyring *ring, str data_dir,
                   bool is_alone, bool is_verified, const struct copy_wish *w,
                   struct move_figures *out)
{
    str part = arena_printf(cx->arena, "%s.part", w->to);
    struct db *d = NULL;
    (void)unlink(part.ptr);
    int fd = open(part.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return copy_not_written(cx);
    enum err e = OK;
    if (store_is_postgres(s) || is_alone) {
        e = snapshot_open(s, cx, &d);
        if (e == OK)
            e = rows_of(cx, s, d, ring, data_dir, fd, w, out);
        snapshot_close(d);
    } else {
        e = rows_by_copy(cx, s, ring, data_dir, fd, w, out);
    }
    close(fd);
    if (e == OK && is_verified)
        e = rows_verify(cx, part.ptr, ring, data_dir, w, out);
    if (e == OK && (rename(part.ptr, w->to) != 0 || !copy_sync_parent(cx, w->to)))
        e = copy_not_written(cx);
    if (e != OK)
        (void)unlink(part.ptr);
    return e;
}

static enum err rows_into(struct cx *cx, struct box_in *b, str name, const struct store_options *so,
                          const struct copy_wish *w, struct move_figures *out)
{
    struct store *s = NULL;
    struct db *outer = cx->db;
    struct check_result found = {0};
    const struct check_wish look = {.is_quick = true, .is_alone = true, .data_dir = so->data_dir};
    *out = (struct move_figures){0};
    enum err e = store_open(cx, so, &s);
    if (e == OK)
        e = store_reader(s, cx, &cx->db);
    if (e == OK)
        e = move_in(s, cx, b, name, so->data_dir, w->goes_on, w->arg, out);
    if (e == OK && !store_is_postgres(s)) { /* PostgreSQL has seen to that */
        e = check_store(s, cx, &look, &found);
        if (e == OK && found.damages)
            e = box_damaged(cx, b);
    }
    if (cx->db != outer)
        reader_close(cx->db);
    cx->db = outer;
    store_close(s);
    arena_close(out->keep);
    out->keep = NULL;
    return e;
}

enum err rows_into_directory(struct cx *cx, struct box_in *b, const struct keyring *ring, str name,
                             const char *dir, str key_dir, const struct copy_wish *w,
                             struct move_figures *out)
{
    str to = arena_printf(cx->arena, "%s.importing", dir);
    const struct store_options so = {.data_dir = to, .key_dir = key_dir};
    backup_remove(to.ptr);
    if (mkdir(to.ptr, 0700) != 0)
        return copy_not_written(cx);
    enum err e = keyring_save(cx, ring, to.ptr);
    if (e == OK)
        e = rows_into(cx, b, name, &so, w, out);
    if (e == OK && rename(to.ptr, dir) != 0)
        e = errno == ENOTEMPTY || errno == EEXIST
                ? fault(cx, ERR_INVALID, M_KEEP_NOT_EMPTY, MARG("dir", str_of(dir)))
                : copy_not_written(cx);
    if (e == OK && !copy_sync_parent(cx, dir))
        e = copy_not_written(cx);
    if (e != OK)
        backup_remove(to.ptr);
    return e;
}

enum err rows_into_database(struct cx *cx, struct box_in *b, const struct keyring *ring, str name,
                            const char *dir, const char *url, const struct copy_wish *w,
                            struct move_figures *out)
{
    str keys = {0};
    const struct store_options so = {.data_dir = str_of(dir), .url = str_of(url)};
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return copy_not_written(cx);
    TRY(keyring_file(cx, dir, &keys));
    if (keys.len)
        return fault(cx, ERR_INVALID, M_KEEP_HAS_KEYS, MARG("dir", str_of(dir)));
    TRY(keyring_save(cx, ring, dir));
    enum err e = rows_into(cx, b, name, &so, w, out);
    if (e != OK)
        (void)unlink(arena_printf(cx->arena, "%s/kith.keys", dir).ptr);
    return e;
}
