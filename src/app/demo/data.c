/* Reads the two files that lie in the binary. They are ours, so what does not fit is a mistake of ours: assert. */
#include "app/demo/data.h"
#include "demo_data.h" /* so that this file is compiled again when the data has changed */

#include <zlib.h>

#define IN_BINARY(name, file)                                                                  \
    __asm__(".pushsection .rodata\n.balign 16\n" #name ":\n.incbin \"" KITH_DEMO_DATA "/" file \
            "\"\n" #name "_end:\n.byte 0\n.popsection\n");                                     \
    extern const char name[] __asm__(#name), name##_end[] __asm__(#name "_end")
IN_BINARY(demo_people, "people.txt");
IN_BINARY(demo_retail, "retail.txt.gz");

/* ---- people ---------------------------------------------------------------------------------- */

enum { PER_CULTURE_MAX = 200 };
static size_t count_rows(str text, char kind)
{
    size_t n = 0;
    for (str line = str_cut(&text, '\n'); line.ptr; line = str_cut(&text, '\n'))
        n += line.len && line.ptr[0] == kind;
    return n;
}

static void word_add(struct words *to, struct word w)
{
    assert(to->n < PER_CULTURE_MAX);
    ((struct word *)(uintptr_t)to->items)[to->n++] = w;
}

static struct words words_room(struct arena *a)
{
    return (struct words){ARENA_ARRAY(a, PER_CULTURE_MAX, struct word), 0};
}

static str or_else(str s, str otherwise)
{
    return s.len ? s : otherwise;
}

const struct people *people_open(struct arena *a)
{
    str all = {demo_people, (size_t)(demo_people_end - demo_people)};
    struct people *p = ARENA_NEW(a, struct people);
    struct culture *cultures = ARENA_ARRAY(a, count_rows(all, 'C'), struct culture), *c = NULL;
    struct phrase *phrases = ARENA_ARRAY(a, count_rows(all, 'M'), struct phrase);
    for (str line = str_cut(&all, '\n'); line.ptr; line = str_cut(&all, '\n')) {
        if (!line.len || line.ptr[0] == '#')
            continue;
        char kind = line.ptr[0];
        str f[6] = {0};
        for (size_t i = 0; i < COUNT(f) && line.ptr; i++)
            f[i] = str_cut(&line, '\t');
        if (kind == 'M') {
            phrases[p->n_phrases++] = (struct phrase){f[1], f[2], f[3]};
            continue;
        }
        if (kind == 'C') {
            c = &cultures[p->n++];
            *c = (struct culture){.code = f[1],
                                  .lang = f[3],
                                  .is_family_first = str_eq(f[4], S("family")),
                                  .families = words_room(a),
                                  .women = words_room(a),
                                  .men = words_room(a),
                                  .patronymics = words_room(a),
                                  .firms = words_room(a),
                                  .towns = ARENA_ARRAY(a, PER_CULTURE_MAX, struct town),
                                  .lines = ARENA_ARRAY(a, PER_CULTURE_MAX, str)};
            continue;
        }
        assert(c);
        if (kind == 'F') {
            str male = str_cut(&f[1], '|');
            word_add(&c->families,
                     (struct word){male, or_else(f[1], male), f[2], or_else(f[3], male)});
        } else if (kind == 'G') {
            word_add(str_eq(f[4], S("f")) ? &c->women : &c->men,
                     (struct word){f[1], f[1], f[2], or_else(f[3], f[1])});
        } else if (kind == 'P') {
            word_add(&c->patronymics, (struct word){f[1], f[2], {0}, {0}});
        } else if (kind == 'B') {
            word_add(&c->firms, (struct word){f[1], f[1], {0}, f[2]});
        } else if (kind == 'T') {
            int64_t digits = 0;
            bool is_number = str_to_int(f[3], &digits);
            assert(is_number && digits > 0 && digits < 8);
            (void)is_number;
            ((struct town *)(uintptr_t)c->towns)[c->n_towns++] =
                (struct town){f[1], f[2], f[4], (unsigned)digits};
        } else if (kind == 'A') {
            ((str *)(uintptr_t)c->lines)[c->n_lines++] = f[1];
        }
    }
    p->cultures = cultures;
    p->phrases = phrases;
    return p;
}

const struct culture *people_culture(const struct people *p, const char *code)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->cultures[i].code, str_of(code)))
            return &p->cultures[i];
    assert(false && "a culture that people.txt has");
    return p->cultures;
}

str people_phrase(const struct people *p, const char *kind, str lang, uint64_t r)
{
    for (int pass = 0; pass < 2; pass++, lang = S("en")) {
        size_t n = 0;
        for (size_t i = 0; i < p->n_phrases; i++)
            n += str_eq(p->phrases[i].kind, str_of(kind)) && str_eq(p->phrases[i].lang, lang);
        if (!n)
            continue;
        size_t at = r % n;
        for (size_t i = 0; i < p->n_phrases; i++)
            if (str_eq(p->phrases[i].kind, str_of(kind)) && str_eq(p->phrases[i].lang, lang) &&
                at-- == 0)
                return p->phrases[i].text;
    }
    return S("");
}

/* ---- the shop's history ------------------------------------------------------------------------ */

static uint32_t number_of(str s)
{
    int64_t v = 0;
    bool is_number = str_to_int(s, &v);
    assert(is_number && v >= 0 && v <= UINT32_MAX);
    (void)is_number;
    return (uint32_t)v;
}

static str unpacked(struct arena *a)
{
    size_t packed = (size_t)(demo_retail_end - demo_retail);
    uint32_t size = 0; /* RFC 1952: the last four bytes */
    memcpy(&size, demo_retail + packed - 4, 4);
    char *out = arena_alloc(a, 1, size);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)demo_retail,
                  .avail_in = (uInt)packed,
                  .next_out = (Bytef *)out,
                  .avail_out = size};
    int e = inflateInit2(&z, 15 + 16);
    assert(e == Z_OK);
    e = inflate(&z, Z_FINISH);
    assert(e == Z_STREAM_END);
    (void)e;
    inflateEnd(&z);
    return (str){out, size};
}

static void lines_read(struct arena *a, str s, struct retail_order *o)
{
    size_t n = 1;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == ' ';
    struct retail_line *lines = ARENA_ARRAY(a, n, struct retail_line);
    for (size_t i = 0; i < n; i++) {
        str one = str_cut(&s, ' ');
        lines[i].product = number_of(str_cut(&one, ':'));
        lines[i].quantity = number_of(str_cut(&one, ':'));
        lines[i].pence = number_of(one);
    }
    o->lines = lines;
    o->n_lines = n;
}

const struct retail *retail_open(struct arena *a)
{
    str all = unpacked(a);
    struct retail *r = ARENA_NEW(a, struct retail);
    struct retail_product *products = ARENA_ARRAY(a, count_rows(all, 'P'), struct retail_product);
    struct retail_order *orders =
        ARENA_ARRAY(a, count_rows(all, 'O') + count_rows(all, 'R'), struct retail_order);
    for (str line = str_cut(&all, '\n'); line.ptr; line = str_cut(&all, '\n')) {
        str kind = str_cut(&line, '\t'), first = str_cut(&line, '\t');
        if (str_eq(kind, S("P"))) {
            products[r->n_products++] = (struct retail_product){first, line};
        } else if (kind.len) {
            struct retail_order *o = &orders[r->n_orders++];
            o->customer = number_of(first);
            o->minutes = number_of(str_cut(&line, '\t'));
            o->is_return = str_eq(kind, S("R"));
            if (!o->is_return) {
                str country = str_cut(&line, '\t');
                if (country.len == 2)
                    memcpy(o->country, country.ptr, 2);
            }
            lines_read(a, line, o);
            if (o->customer >= r->n_customers)
                r->n_customers = o->customer + 1;
        }
    }
    r->products = products;
    r->orders = orders;
    return r;
}
