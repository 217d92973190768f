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

static const struct web_file *file_of(str path)
{
    const struct web_file *f = file_at(path);
    return f || !is_page(path) ? f : file_at(S("/index.html"));
}

/* ---- pages of somebody ------------------------------------------------------------------------ */

const struct route files_page = {.method = HTTP_GET,
                                 .path = "/",
                                 .is_public = true,
                                 .without_store = true,
                                 .out = &raw_reply_shape};

bool files_is_page_of_somebody(struct errand *e)
{
    return (e->rq->method == HTTP_GET || e->rq->method == HTTP_HEAD) &&
           http_cookie_of(e->x, pass_cookie_name(e).ptr).len > 0 &&
           file_of(e->rq->path) == file_at(S("/index.html"));
}

/* What GET of that path answers, as a member. */
static bool add_answer(struct errand *e, struct json_out *j, const char *name, const char *path)
{
    str none[SPOT_PARAMS_MAX];
    const struct spot *s = trie_find(e->gate->trie, str_of(path), none);
    const struct route *r = s->route[HTTP_GET];
    void *out = arena_alloc(e->cx.arena, 1, r->out->size);
    if (r->read(&e->cx, NULL, out) != OK)
        return false;
    json_key(j, str_of(name));
    json_write(j, r->out, out);
    return true;
}

/* A text in it must not end the element it stands in. */
static str html_safe(struct arena *a, str json)
{
    struct text t = text_in(a, 6 * json.len + 1);
    for (size_t i = 0; i < json.len; i++)
        if (json.ptr[i] == '<')
            text_add(&t, S("\\u003c"));
        else
            text_add(&t, (str){json.ptr + i, 1});
    return text_str(&t);
}

void files_begin(struct errand *e)
{
    if (!pass_known(e))
        return;
    struct text t = text_in(e->cx.arena, 65536);
    struct json_out j = {.to = &t, .role_bit = MAY(e->cx.actor.role)};
    json_object_begin(&j);
    bool is_whole =
        add_answer(e, &j, "state", "/api/v1/state") && add_answer(e, &j, "me", "/api/v1/session");
    json_object_end(&j);
    if (is_whole)
        e->first = html_safe(e->cx.arena, text_str(&t));
}

/* The page with a block of data, which the policy lets stand because no script runs in it. */
static void page_answer(struct errand *e, const struct web_file *f)
{
    str page = {f->bytes, f->size};
    ptrdiff_t at = str_find(page, S("</body>"));
    struct http_header h[] = {
        {S("Cache-Control"), S("no-store")},
        {S("Vary"), S("Cookie")},
        {S("Content-Security-Policy"), str_of(policy)},
        {S("Cross-Origin-Opener-Policy"), S("same-origin")},
    };
    str body = arena_printf(
        e->cx.arena, SFMT "<script type=\"application/json\" id=\"first\">" SFMT "</script>" SFMT,
        (int)at, page.ptr, SARG(e->first), (int)(page.len - (size_t)at), page.ptr + at);
    http_reply(e->x, 200, str_of(f->mime), h, COUNT(h), body, true);
}

bool files_answer(struct errand *e)
{
    enum http_method m = e->rq->method;
    const struct web_file *f = file_of(e->rq->path);
    if (!f)
        return false;
    if (e->first.len) {
        page_answer(e, f);
        return true;
    }
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
