/* base/log.c - one line per failure on stderr, written whole by one write. */
#include "base/inside.h"
#include <stdatomic.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static _Atomic int most_level = LOG_INFO;

void log_level_set(enum log_level most)
{
    atomic_store(&most_level, most);
}

struct line {
    char bytes[4096];
    size_t len;
};

static const char cut_mark[] = " cut=1";

static bool line_add(struct line *l, const char *p, size_t n)
{
    if (n > sizeof l->bytes - sizeof cut_mark - 1 - l->len)
        return false;
    memcpy(l->bytes + l->len, p, n);
    l->len += n;
    return true;
}

/* Nothing that a terminal or a reader of lines would act on; bytes that are no text as \xNN. */
static void line_add_encoded(struct line *l, str s)
{
    bool fits = true;
    while (fits && s.len) {
        size_t n = utf8_len(s);
        if (n && !str_is_control((str){s.ptr, n})) {
            fits = line_add(l, s.ptr, n);
        } else {
            n = n ? n : 1;
            for (size_t i = 0; fits && i < n; i++) {
                char hex[8];
                int k = snprintf(hex, sizeof hex, "\\x%02x", (unsigned char)s.ptr[i]);
                fits = line_add(l, hex, (size_t)k);
            }
        }
        s.ptr += n;
        s.len -= n;
    }
    if (!fits) {
        memcpy(l->bytes + l->len, cut_mark, sizeof cut_mark - 1);
        l->len += sizeof cut_mark - 1;
    }
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&most_level, memory_order_relaxed))
        return;
    struct line l;
    char time[TIME_CHARS], said[4096];
    time_write(time, (when){clock_now_ms()});
    l.len = (size_t)snprintf(l.bytes, 256, "time=%s level=%s event=%.120s", time,
                             level_names[level], event);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    if (n > 0) {
        (void)line_add(&l, " ", 1);
        line_add_encoded(&l, (str){said, (size_t)n < sizeof said ? (size_t)n : sizeof said - 1});
    }
    l.bytes[l.len++] = '\n';
    ssize_t written = write(STDERR_FILENO, l.bytes, l.len);
    (void)written; /* nowhere to say that nothing can be said */
}

str log_quoted(struct arena *a, str s)
{
    str clean = str_clean(a, s, 200);
    struct text t = text_in(a, clean.len * 2 + 2);
    text_add_char(&t, '"');
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.ptr[i] == '"' || clean.ptr[i] == '\\')
            text_add_char(&t, '\\');
        text_add_char(&t, clean.ptr[i]);
    }
    text_add_char(&t, '"');
    return text_str(&t);
}
