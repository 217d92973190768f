/* test/fuzz/multipart.c - any body as a form, in pieces of any size: the same parts, and an end. */
#include "net/multipart.h"

struct feed {
    const uint8_t *p;
    size_t n, step;
};
static ssize_t feed_read(void *arg, char *to, size_t n)
{
    struct feed *f = arg;
    size_t take = f->n < f->step ? f->n : f->step;
    take = take < n ? take : n;
    if (take)
        memcpy(to, f->p, take);
    f->p += take;
    f->n -= take;
    return (ssize_t)take;
}

static uint64_t sum(const uint8_t *data, size_t size, size_t step)
{
    struct feed f = {data, size, step};
    struct multipart *m = multipart_open(S("multipart/form-data; boundary=b"), feed_read, &f);
    struct multipart_part p;
    enum multipart_fate fate;
    uint64_t h = 1;
    if (!m)
        __builtin_trap();
    while ((fate = multipart_next(m, &p)) == MULTIPART_PART) {
        h = h * 31 + p.name.len;
        char buf[100];
        ssize_t n;
        while ((n = multipart_read(m, buf, sizeof buf)) > 0)
            for (ssize_t i = 0; i < n; i++)
                h = h * 31 + (unsigned char)buf[i];
    }
    multipart_close(m);
    return h * 31 + fate;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sum(data, size, 1) != sum(data, size, 1 << 20))
        __builtin_trap();
    return 0;
}
