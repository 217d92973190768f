/* The file of a backup or export: its head and pieces as they come (even first byte), or pieces that are sealed well but
 * hold anything (odd). Nothing may be made of either but what is whole. */
#include "db/backup.h"
#include "db/box.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct keyring *ring;
static struct arena *arena;

static struct cx fresh(void)
{
    arena_reset(arena);
    return (struct cx){.arena = arena, .if_match = -1, .peer = S("")};
}

static void make_ring(void)
{
    struct key_source k = {.kind = KEY_BYTES, .place = S("fuzz")};
    str recovery = {0};
    arena = arena_open((size_t)64 << 20);
    struct cx cx = fresh();
    memset(k.key, 7, sizeof k.key);
    if (keyring_make(&cx, &k, &ring, &recovery) != OK)
        abort();
}

struct bytes {
    const uint8_t *p;
    size_t n;
};

static ssize_t take(void *arg, void *p, size_t n)
{
    struct bytes *b = arg;
    size_t some = n < b->n ? n : b->n;
    if (some)
        memcpy(p, b->p, some);
    b->p += some;
    b->n -= some;
    return (ssize_t)some;
}

static bool put(void *arg, const void *p, size_t n)
{
    return write(*(int *)arg, p, n) == (ssize_t)n;
}

static void as_it_comes(const uint8_t *data, size_t size)
{
    struct cx cx = fresh();
    struct bytes b = {data, size};
    struct box_in *in = NULL;
    char letter = 1;
    str body;
    bool is_cut;
    if (box_in_open(&cx, S("fuzz"), take, &b, &in) == OK && box_in_key(&cx, in, ring) == OK)
        while (letter && box_in_next(&cx, in, &letter, &body, &is_cut) == OK)
            continue;
    box_in_close(in);
}

/* Pieces: a letter, two bytes of length, that many bytes. */
static void sealed_well(const uint8_t *data, size_t size)
{
    struct cx cx = fresh();
    struct box_out *out = NULL;
    struct restored r;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64], dir[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    snprintf(dir, sizeof dir, "/dev/shm/kith-fuzz-%d", (int)getpid());
    if (fd < 0 || box_out_open(&cx, ring, BOX_PAGES, put, &fd, &out) != OK)
        abort();
    while (size >= 3) {
        size_t n = (size_t)data[1] | (size_t)data[2] << 8;
        n = n < size - 3 ? n : size - 3;
        if (box_out_add(&cx, out, (char)data[0], (str){0}, (str){(const char *)data + 3, n}) != OK)
            abort();
        data += 3 + n;
        size -= 3 + n;
    }
    box_out_close(out);
    const struct restore_wish w = {
        .from = path, .dir = dir, .at_ms = INT64_MAX, .is_scratch = true};
    (void)!backup_restore(&cx, ring, &w, &r);
    backup_remove(dir);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!ring)
        make_ring();
    if (size == 0)
        return 0;
    if (data[0] % 2)
        sealed_well(data + 1, size - 1);
    else
        as_it_comes(data + 1, size - 1);
    return 0;
}
