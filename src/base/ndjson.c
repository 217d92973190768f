/* base/ndjson.c - a text cut into lines of JSON. */
#include "base/ndjson.h"

struct ndjson ndjson_of(str text)
{
    if (str_starts(text, S("\xEF\xBB\xBF")))
        text = (str){text.ptr + 3, text.len - 3};
    return (struct ndjson){.rest = text};
}

/* Only what JSON calls blank: a line with anything else in it is somebody's line, and answered. */
static bool is_blank(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != ' ' && s.ptr[i] != '\t' && s.ptr[i] != '\r')
            return false;
    return true;
}

bool ndjson_next(struct ndjson *n, str *line)
{
    while (n->rest.len) {
        const char *end = memchr(n->rest.ptr, '\n', n->rest.len);
        size_t len = end ? (size_t)(end - n->rest.ptr) : n->rest.len;
        size_t whole = end ? len + 1 : len;
        str s = {n->rest.ptr, len};
        n->rest = (str){n->rest.ptr + whole, n->rest.len - whole};
        n->number++;
        if (is_blank(s))
            continue;
        if (s.ptr[s.len - 1] == '\r')
            s.len--;
        *line = s;
        return true;
    }
    return false;
}

size_t ndjson_count(str text, size_t most)
{
    struct ndjson n = ndjson_of(text);
    size_t count = 0;
    str line;
    while (count <= most && ndjson_next(&n, &line))
        count++;
    return count;
}
