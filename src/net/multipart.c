/* net/multipart.c - a window of 64 KB over the body, in which the delimiter is looked for. */
#include "net/multipart.h"

enum { WINDOW = 64 << 10, HEAD_MAX = 8 << 10, BOUNDARY_MAX = 70 };

struct multipart {
    ssize_t (*read)(void *arg, char *to, size_t n);
    void *arg;
    char delimiter[BOUNDARY_MAX + 5]; /* CR LF "--" and the boundary */
    size_t delimiter_len;
    char window[WINDOW];
    size_t from, len;
    bool is_over, in_part, is_fresh, is_ended; /* is_fresh: nothing of the part was read */
    char head[HEAD_MAX];
};

/* name=value of a header's parameters; a quoted value loses its quotes. */
static bool parameter(str header, str name, str *out)
{
    (void)str_cut(&header, ';');
    while (header.len) {
        header = str_trim(header);
        size_t i = 0;
        while (i < header.len && header.ptr[i] != '=' && header.ptr[i] != ';')
            i++;
        str key = str_trim((str){header.ptr, i});
        if (i == header.len || header.ptr[i] == ';') {
            header = i < header.len ? (str){header.ptr + i + 1, header.len - i - 1} : (str){0};
            continue;
        }
        str rest = {header.ptr + i + 1, header.len - i - 1}, value;
        if (rest.len && rest.ptr[0] == '"') {
            size_t end = 1;
            while (end < rest.len && rest.ptr[end] != '"')
                end++;
            if (end == rest.len)
                return false;
            value = (str){rest.ptr + 1, end - 1};
            rest = (str){rest.ptr + end + 1, rest.len - end - 1};
            (void)str_cut(&rest, ';');
        } else {
            value = str_trim(str_cut(&rest, ';'));
        }
        if (str_eq_ascii_nocase(key, name)) {
            *out = value;
            return true;
        }
        header = rest;
    }
    return false;
}

static bool is_boundary(str b)
{
    if (b.len == 0 || b.len > BOUNDARY_MAX || b.ptr[b.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
        if (!is_letter && !memchr("'()+_,-./:=? ", c, 13))
            return false;
    }
    return true;
}

struct multipart *multipart_open(str content_type, ssize_t (*read)(void *, char *, size_t),
                                 void *arg)
{
    str type = content_type, boundary = {0};
    type = str_trim(str_cut(&type, ';'));
    if (!str_eq_ascii_nocase(type, S("multipart/form-data")) ||
        !parameter(content_type, S("boundary"), &boundary) || !is_boundary(boundary))
        return NULL;
    struct multipart *m = malloc(sizeof *m);
    if (!m)
        return NULL;
    memset(m, 0, offsetof(struct multipart, window));
    m->read = read;
    m->arg = arg;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = boundary.len + 4;
    /* The first delimiter stands at the very beginning: its line end is ours. */
    memcpy(m->window, "\r\n", 2);
    m->from = 0;
    m->len = 2;
    m->is_over = m->is_fresh = m->is_ended = false;
    m->in_part = true; /* of the preamble */
    return m;
}

void multipart_close(struct multipart *m)
{
    free(m);
}

/* More bytes into the window; false: none came. */
static bool refill(struct multipart *m)
{
    if (m->is_over)
        return false;
    if (m->from) {
        memmove(m->window, m->window + m->from, m->len - m->from);
        m->len -= m->from;
        m->from = 0;
    }
    ssize_t n = m->len < WINDOW ? m->read(m->arg, m->window + m->len, WINDOW - m->len) : -1;
    if (n <= 0) {
        m->is_over = true;
        return false;
    }
    m->len += (size_t)n;
    return true;
}

static bool has(struct multipart *m, size_t n)
{
    while (m->len - m->from < n)
        if (!refill(m))
            return false;
    return true;
}

ssize_t multipart_read(struct multipart *m, char *to, size_t n)
{
    /* An empty part: the delimiter follows its head at once, whose line end is the delimiter's. */
    if (m->in_part && m->is_fresh && has(m, m->delimiter_len - 2) &&
        memcmp(m->window + m->from, m->delimiter + 2, m->delimiter_len - 2) == 0) {
        m->from += m->delimiter_len - 2;
        m->in_part = false;
    }
    m->is_fresh = false;
    while (m->in_part) {
        size_t have = m->len - m->from;
        const char *at = memmem(m->window + m->from, have, m->delimiter, m->delimiter_len);
        size_t sure = at                         ? (size_t)(at - (m->window + m->from))
                      : have >= m->delimiter_len ? have - m->delimiter_len + 1
                                                 : 0;
        if (sure > 0) {
            size_t take = sure < n ? sure : n;
            memcpy(to, m->window + m->from, take);
            m->from += take;
            return (ssize_t)take;
        }
        if (at) {
            m->from += m->delimiter_len;
            m->in_part = false;
            break;
        }
        if (!refill(m))
            return -1;
    }
    return 0;
}

/* A header line that is unfolded; its name and what follows. */
static bool disposition(str head, str *out)
{
    bool is_found = false;
    while (head.len) {
        str line = str_cut(&head, '\n'), value = line;
        str name = str_trim(str_cut(&value, ':'));
        if (!value.ptr || name.len == 0)
            return false;
        if (!str_eq_ascii_nocase(name, S("Content-Disposition")))
            continue;
        if (is_found)
            return false;
        is_found = true;
        *out = str_trim(value);
    }
    return is_found;
}

static enum multipart_fate head_read(struct multipart *m, struct multipart_part *out)
{
    size_t n = 0;
    for (;;) { /* up to the empty line */
        if (!has(m, 1))
            return MULTIPART_CUT;
        if (n == HEAD_MAX)
            return MULTIPART_MALFORMED;
        char c = m->window[m->from++];
        if (c == 0)
            return MULTIPART_MALFORMED;
        m->head[n++] = c;
        if (n >= 4 && memcmp(m->head + n - 4, "\r\n\r\n", 4) == 0)
            break;
        if (n == 2 && memcmp(m->head, "\r\n", 2) == 0)
            return MULTIPART_MALFORMED; /* a part without a name */
    }
    str value = {0}, kind;
    if (!disposition((str){m->head, n - 4}, &value))
        return MULTIPART_MALFORMED;
    kind = value;
    kind = str_trim(str_cut(&kind, ';'));
    if (!str_eq_ascii_nocase(kind, S("form-data")) || !parameter(value, S("name"), &out->name) ||
        !str_is_utf8(out->name))
        return MULTIPART_MALFORMED;
    out->is_file = parameter(value, S("filename"), &out->filename);
    if (!str_is_utf8(out->filename))
        out->filename = S("?");
    for (size_t i = out->filename.len; i > 0; i--)
        if (out->filename.ptr[i - 1] == '/' || out->filename.ptr[i - 1] == '\\') {
            out->filename = (str){out->filename.ptr + i, out->filename.len - i};
            break;
        }
    m->in_part = true;
    m->is_fresh = true;
    return MULTIPART_PART;
}

enum multipart_fate multipart_next(struct multipart *m, struct multipart_part *out)
{
    char scrap[4096];
    ssize_t n;
    *out = (struct multipart_part){0};
    if (m->is_ended)
        return MULTIPART_END;
    while ((n = multipart_read(m, scrap, sizeof scrap)) > 0)
        continue;
    if (n < 0 || !has(m, 2))
        return MULTIPART_CUT;
    if (memcmp(m->window + m->from, "--", 2) == 0) {
        m->is_ended = true;
        return MULTIPART_END;
    }
    while (has(m, 1) && (m->window[m->from] == ' ' || m->window[m->from] == '\t'))
        m->from++;
    if (!has(m, 2))
        return MULTIPART_CUT;
    if (memcmp(m->window + m->from, "\r\n", 2) != 0)
        return MULTIPART_MALFORMED;
    m->from += 2;
    return head_read(m, out);
}

bool multipart_text(struct multipart *m, struct arena *a, size_t most, str *out)
{
    char *p = arena_alloc(a, most + 1, 1);
    size_t n = 0;
    for (;;) {
        ssize_t got = multipart_read(m, p + n, most + 1 - n);
        if (got < 0)
            return false;
        if (got == 0)
            break;
        n += (size_t)got;
        if (n > most)
            return false;
    }
    *out = (str){p, n};
    return true;
}
