/* net/multipart_test.c - forms with files, in pieces of every size. */
#include "base/base_test.h"
#include "net/multipart.h"

struct feed {
    str left;
    size_t step;
};
static ssize_t feed_read(void *arg, char *to, size_t n)
{
    struct feed *f = arg;
    size_t take = f->left.len < f->step ? f->left.len : f->step;
    take = take < n ? take : n;
    if (take)
        memcpy(to, f->left.ptr, take);
    f->left = (str){f->left.ptr + take, f->left.len - take};
    return (ssize_t)take;
}

/* "name=value[file]\n" of each part, then how it ended. */
static str told(struct cx *cx, str type, str body, size_t step)
{
    struct feed f = {body, step};
    struct text t = text_in(cx->arena, 1 << 20);
    struct multipart *m = multipart_open(type, feed_read, &f);
    struct multipart_part p;
    if (!m)
        return S("no form");
    enum multipart_fate fate;
    while ((fate = multipart_next(m, &p)) == MULTIPART_PART) {
        text_printf(&t, SFMT "%s" SFMT "=", SARG(p.name), p.is_file ? "@" : "", SARG(p.filename));
        char buf[7];
        ssize_t n;
        while ((n = multipart_read(m, buf, sizeof buf)) > 0)
            text_add(&t, (str){buf, (size_t)n});
        text_add_char(&t, n < 0 ? '!' : ';');
    }
    text_add(&t, fate == MULTIPART_END ? S("end") : fate == MULTIPART_CUT ? S("cut") : S("bad"));
    multipart_close(m);
    return text_str(&t);
}

static const str type = {"multipart/form-data; boundary=xYz", 33};

static void parts_are_read_whatever_the_pieces(void **state)
{
    str body = S(
        "--xYz\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\ncustomers\r\n"
        "--xYz\r\nContent-Disposition: form-data; name=\"none\"\r\n\r\n\r\n"
        "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\a b.csv\"\r\n"
        "Content-Type: text/csv\r\n\r\na,b\r\n--xY\r\n--\r\n1,2\r\n--xYz--\r\n");
    for (size_t step = 1; step < body.len; step++)
        assert_str(told(*state, type, body, step),
                   S("kind=customers;none=;file@a b.csv=a,b\r\n--xY\r\n--\r\n1,2;end"));
}

static void what_is_no_form_is_refused(void **state)
{
    struct cx *cx = *state;
    assert_str(told(cx, S("application/json"), S("{}"), 99), S("no form"));
    assert_str(told(cx, S("multipart/form-data"), S(""), 99), S("no form"));
    assert_str(told(cx, S("multipart/form-data; boundary=\"a b\xff\""), S(""), 99), S("no form"));
    assert_str(told(cx, type, S("--xYz\r\n\r\nvalue\r\n--xYz--"), 99), S("bad"));
    assert_str(told(cx, type, S("--xYz\r\nContent-Disposition: form-data\r\n\r\nv\r\n--xYz--"), 99),
               S("bad"));
    assert_str(
        told(cx, type, S("--xYz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv"), 99),
        S("a=!cut"));
    assert_str(told(cx, type, S("--xYz\r\nContent-Disp"), 99), S("cut"));
    assert_str(told(cx, type, S("--other--"), 99), S("cut"));
    assert_str(told(cx, type, S("--xYzzz\r\n"), 99), S("bad"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(parts_are_read_whatever_the_pieces),
                                       TEST(what_is_no_form_is_refused)};
    return cmocka_run_group_tests(tests, test_cx_open, test_cx_close);
}
