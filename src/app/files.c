/* app/files.c - the interface's files, which stand in the program. */
#include "app/errand.h"
#include "web_files.h"

/* docs/http.md, "The interface's files", says why each word is there. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
                             "'self' data:; font-src 'self'; "
                             "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri "
                             "'none'; form-action 'none'; "
                             "frame-ancestors 'none'; require-trusted-types-for 'script'; "
                             "trusted-types svelte-trusted-html kith";

static const struct web_file *file_at(str path)
{
    size_t from = 0, to = web_files_n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = str_cmp(path, str_of(web_files[mid].path));
        if (c == 0)
            return &web_files[mid];
        if (c < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return NULL;
}

/* A page of the interface has an address of its own but no file; a name with a dot is a file or
 * nothing. */
static bool is_page(str path)
{
    for (size_t i = path.len; i > 0 && path.ptr[i - 1] != '/'; i--)
        if (path.ptr[i - 1] == '.')
            return false;
    return true;
}

static bool takes_gzip(str accept)
{
    while (accept.len) {
        str coding = str_cut(&accept, ','), name = str_trim(str_cut(&coding, ';'));
        if (str_eq_ascii_nocase(name, S("gzip")))
            return !str_starts(str_trim(coding), S("q=0")) ||
                   str_starts(str_trim(coding), S("q=0."));
    }
    return false;
}

static bool is_known(str header, str etag)
{
    while (header.len) {
        str t = str_trim(str_cut(&header, ','));
        if (str_starts(t, S("W/")))
            t = (str){t.ptr + 2, t.len - 2};
        if (str_eq(t, etag))
            return true;
    }
    return false;
}

bool files_answer(struct errand *e)
{
    enum http_method m = e->rq->method;
    const struct web_file *f = file_at(e->rq->path);
    if (!f && is_page(e->rq->path))
        f = file_at(S("/index.html"));
    if (!f)
        return false;
    struct http_header h[8];
    size_t n = 0;
    if (m != HTTP_GET && m != HTTP_HEAD) {
        h[n++] = (struct http_header){S("Allow"), S("GET, HEAD")};
        http_reply(e->x, m == HTTP_OPTIONS ? 204 : 405, S("text/plain; charset=utf-8"), h, n, S(""),
                   true);
        return true;
    }
    bool is_small = f->gzip && takes_gzip(http_header_of(e->x, "Accept-Encoding"));
    str plain = str_of(f->etag);
    str etag =
        is_small ? arena_printf(e->cx.arena, SFMT "-gzip\"", (int)plain.len - 1, plain.ptr) : plain;
    h[n++] = (struct http_header){S("ETag"), etag};
    h[n++] = (struct http_header){S("Cache-Control"), S("no-cache")};
    h[n++] = (struct http_header){S("Vary"), S("Accept-Encoding")};
    h[n++] = (struct http_header){S("Content-Security-Policy"), str_of(policy)};
    h[n++] = (struct http_header){S("Cross-Origin-Opener-Policy"), S("same-origin")};
    if (is_known(http_header_of(e->x, "If-None-Match"), etag)) {
        http_reply(e->x, 304, S(""), h, n, S(""), true);
        return true;
    }
    if (is_small)
        h[n++] = (struct http_header){S("Content-Encoding"), S("gzip")};
    str body = is_small ? (str){f->gzip, f->gzip_size} : (str){f->bytes, f->size};
    http_reply(e->x, 200, str_of(f->mime), h, n, body, true);
    return true;
}
