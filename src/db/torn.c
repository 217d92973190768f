/* db/torn.c - a log that is found at the start: does it end where a power failure tore it, or was it damaged?
 *
 * SQLite takes the first frame that does not fit for the end of the log, whatever lies behind it. That is right after a power
 * failure, for of what was not synced any part may be missing, and nothing of it was acknowledged. It is wrong when a bit was
 * changed while nobody looked. Two things tell: the index of the log (kith.db-shm) knows how many frames were committed, and while
 * the machine goes on it is never older than the log; and the head of the log is synced before the first frame is written.
 */
#include "db/db_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { INDEX_WORDS = 25, FORMAT = 3007000 /* the only one */ };
static const uint32_t MAGIC = 0x377f0682; /* the last bit: which end of a word the sums begin at */

struct sum {
    uint32_t a, b;
};

struct log {
    int fd;
    int64_t frames; /* whole ones in the file */
    uint8_t head[VAULT_LOG_HEAD];
    bool is_big;
    struct vault_hand *hand;
    int64_t page; /* bytes */
    uint8_t frame[VAULT_FRAME_HEAD + VAULT_PAGE_MOST];
    struct sum sum; /* up to the frame that was read last */
};

/* What the index says: frames that were committed, and how many of them are in the database. */
struct said {
    bool
        has; /* whole, and written since the machine was started: else it may be older than the log, or of commits that were lost */
    uint8_t salts[8];
    int64_t frames, carried;
};

/* ---- numbers, sums (sqlite.org/fileformat2.html, 4.2) -------------------------------------------- */

static uint32_t word(const uint8_t *p, bool is_big)
{
    return is_big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                  : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void sum_add(struct sum *s, const uint8_t *p, size_t n, bool is_big)
{
    for (size_t i = 0; i < n; i += 8) {
        s->a += word(p + i, is_big) + s->b;
        s->b += word(p + i + 4, is_big) + s->a;
    }
}

static bool sum_is(const struct sum *s, const uint8_t *p)
{
    return s->a == word(p, true) && s->b == word(p + 4, true);
}

static bool head_is_whole(struct log *l)
{
    const uint8_t *h = l->head;
    l->is_big = h[3] & 1;
    l->sum = (struct sum){0};
    sum_add(&l->sum, h, 24, l->is_big);
    return (word(h, true) & ~1u) == MAGIC && word(h + 4, true) == FORMAT &&
           word(h + 8, true) == l->page && sum_is(&l->sum, h + 24);
}

/* ---- frames -------------------------------------------------------------------------------------- */

/* It was sealed here, in this place. */
static bool frame_opens(struct log *l, int64_t i)
{
    int64_t size = VAULT_FRAME_HEAD + l->page, at = VAULT_LOG_HEAD + i * size;
    return pread(l->fd, l->frame, (size_t)size, at) == size &&
           vault_open_frame(l->hand, at, l->frame);
}

/* As recovery would have it: it goes on from the frame before. */
static bool frame_follows(struct log *l, int64_t i)
{
    if (!frame_opens(l, i) || memcmp(l->frame + 8, l->head + 16, 8) != 0 ||
        word(l->frame, true) == 0)
        return false;
    sum_add(&l->sum, l->frame, 8, l->is_big);
    sum_add(&l->sum, l->frame + VAULT_FRAME_HEAD, (size_t)l->page, l->is_big);
    return sum_is(&l->sum, l->frame + 16);
}

/* ---- the index (sqlite.org/walformat.html, 2.1) ---------------------------------------------------- */

static struct said index_read(struct cx *cx, const char *dir)
{
    uint32_t w[INDEX_WORDS], a = 0, b = 0;
    struct said s = {0};
    struct stat st;
    struct timespec now, up;
    int fd = open(arena_printf(cx->arena, "%s/kith.db-shm", dir).ptr, O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && pread(fd, w, sizeof w, 0) == sizeof w && fstat(fd, &st) == 0;
    if (fd >= 0)
        close(fd);
    if (!is_read)
        return s;
    for (int i = 0; i < 10; i += 2) {
        a += w[i] + b;
        b += w[i + 1] + a;
    }
    s.frames = w[4];
    s.carried = w[24];
    memcpy(s.salts, &w[8], 8);
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    s.has = memcmp(w, w + 12, 48) == 0 && a == w[10] && b == w[11] && w[0] == FORMAT &&
            st.st_mtim.tv_sec > now.tv_sec - up.tv_sec;
    return s;
}

/* ---- the verdict ------------------------------------------------------------------------------------- */

static enum err damaged(struct cx *cx, int64_t frame)
{
    return fault(cx, ERR_INTERNAL, M_STORE_LOG_DAMAGED, MNUM("frame", frame + 1));
}

/* Nothing of it can be read: fine when nothing was in it, or all of it is in the database. */
static enum err without_head(struct cx *cx, struct log *l, const struct said *s)
{
    if (s->has)
        return s->carried >= s->frames ? OK
               : l->frames             ? damaged(cx, 0)
                                       : fault(cx, ERR_INTERNAL, M_STORE_LOG_MISSING);
    for (int64_t i = 0; i < l->frames; i++)
        if (frame_opens(l, i))
            return damaged(cx, 0); /* the head is synced before the first frame is written */
    return OK;
}

static enum err judge(struct cx *cx, struct log *l, const struct said *s)
{
    if (!head_is_whole(l))
        return without_head(cx, l, s);
    if (!s->has || memcmp(s->salts, l->head + 16, 8) != 0 || s->carried >= s->frames)
        return OK; /* it says nothing of this log, or nothing can be lost */
    for (int64_t i = 0; i < s->frames; i++)
        if (i >= l->frames || !frame_follows(l, i))
            return damaged(cx, i);
    return OK;
}

enum err log_judge(struct cx *cx, const struct keyring *ring, const char *dir, size_t page)
{
    struct stat st = {0};
    struct log *l = calloc(1, sizeof *l);
    struct said s = index_read(cx, dir);
    if (l) {
        l->page = (int64_t)page;
        l->hand = vault_hand_open(ring, page);
    }
    if (!l || !l->hand) {
        free(l);
        return fault(cx, ERR_INTERNAL, M_STORE_FAILED);
    }
    l->fd = open(arena_printf(cx->arena, "%s/kith.db-wal", dir).ptr, O_RDONLY | O_CLOEXEC);
    bool is_there = l->fd >= 0 && fstat(l->fd, &st) == 0;
    bool has_head = is_there && pread(l->fd, l->head, sizeof l->head, 0) == sizeof l->head;
    l->frames = has_head ? (st.st_size - VAULT_LOG_HEAD) / (VAULT_FRAME_HEAD + l->page) : 0;
    enum err e = judge(cx, l, &s);
    if (e != OK)
        log_line(LOG_ERROR, "log.damaged", "frames=%lld said=%lld carried=%lld",
                 (long long)l->frames, (long long)(s.has ? s.frames : -1),
                 (long long)(s.has ? s.carried : -1));
    if (l->fd >= 0)
        close(l->fd);
    seal_forget(l->frame, sizeof l->frame);
    vault_hand_close(l->hand);
    free(l);
    return e;
}
