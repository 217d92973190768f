/* base/famous.c - is this the name of somebody famous? The list of data/famous.tsv, read once, looked up in
 * microseconds. */
#include "base/embed.h"
#include "base/name_words.h"
#include "base_data.h" /* so that this file is compiled again when the list has changed */
#include <pthread.h>

IN_BINARY(famous_tsv, "famous.tsv");

enum { LETTERS = 26, DENSE_NEAR_CHARS = 6, COLUMNS = 5 };
static const size_t MEMORY = (size_t)16 << 20;

struct person {
    str name, field;
};
/* One writing in letters. */
struct form {
    const struct person *person;
    str written;
    struct name_words words;
    size_t last; /* of its words: the family name, which must agree where there are three */
};
/* A bare form of a word of a form. */
struct entry {
    const struct form *form;
    const char *bare;
    struct name_sign sign;
    struct entry *next;
};
struct dense {
    const struct person *person;
    str written, key;
    uint64_t sign; /* which characters it has */
    bool is_kana;
};
static struct {
    struct arena *arena;
    struct person *persons;
    struct form *forms;
    struct dense *dense;
    size_t n_persons, n_forms, n_dense;
    struct entry *by_letter[LETTERS];
} list;
static pthread_once_t list_once = PTHREAD_ONCE_INIT;

/* ---- reading --------------------------------------------------------------------------------- */

static void add_entries(struct form *f)
{
    for (size_t i = 0; i < f->words.n; i++) {
        struct name_word *w = &f->words.words[i];
        if (w->class != CLASS_FULL)
            continue;
        f->last = i;
        for (size_t k = 0; k < w->n; k++) {
            char c = w->bare[k][0];
            if (c < 'a' || c > 'z')
                continue;
            struct entry *e = ARENA_NEW(list.arena, struct entry);
            *e = (struct entry){f, w->bare[k], w->sign[k], list.by_letter[c - 'a']};
            list.by_letter[c - 'a'] = e;
        }
    }
}

static uint64_t sign_of(str key)
{
    uint64_t sign = 0;
    while (key.len)
        sign |= UINT64_C(1) << ((unsigned)utf8_next(&key) & 63);
    return sign;
}

static void add_writing(const struct person *p, str written)
{
    size_t pieces = 0;
    str key = name_dense(list.arena, written, 0, &pieces);
    if (key.len) {
        bool is_kana = true;
        for (str rest = key; rest.len && is_kana;) {
            int32_t c = utf8_next(&rest);
            is_kana = c >= 0x30A1 && c <= 0x30FF;
        }
        for (size_t i = 0; i < list.n_dense; i++)
            if (str_eq(list.dense[i].key, key))
                return;
        list.dense[list.n_dense++] = (struct dense){p, written, key, sign_of(key), is_kana};
        return;
    }
    struct form *f = &list.forms[list.n_forms];
    *f = (struct form){.person = p, .written = written};
    name_words(list.arena, written, &f->words);
    list.n_forms++;
    add_entries(f);
}

static void add_cell(const struct person *p, str cell)
{
    while (cell.len) {
        str one = str_cut(&cell, '|');
        if (!str_eq(one, S("=")))
            add_writing(p, one);
    }
}

static void list_read(void)
{
    str all = IN_BINARY_STR(famous_tsv), rest = all;
    size_t lines = 0, writings = 0;
    list.arena = arena_open(MEMORY);
    if (!list.arena)
        out_of_memory(MEMORY);
    for (size_t i = 0; i < all.len; i++) {
        lines += all.ptr[i] == '\n';
        writings += all.ptr[i] == '\t' || all.ptr[i] == '|' || all.ptr[i] == '\n';
    }
    list.persons = ARENA_ARRAY(list.arena, lines + 1, struct person);
    list.forms = ARENA_ARRAY(list.arena, writings + 1, struct form);
    list.dense = ARENA_ARRAY(list.arena, writings + 1, struct dense);
    while (rest.len) {
        str line = str_cut(&rest, '\n'), cells[COLUMNS];
        if (!line.len || line.ptr[0] == '#')
            continue;
        for (size_t i = 0; i < COLUMNS; i++)
            cells[i] = str_cut(&line, '\t');
        struct person *p = &list.persons[list.n_persons++];
        str names = cells[0];
        *p = (struct person){str_cut(&names, '|'), line};
        for (size_t i = 0; i < COLUMNS; i++)
            add_cell(p, cells[i]);
    }
    assert(!arena_is_over(list.arena));
}

size_t famous_count(void)
{
    pthread_once(&list_once, list_read);
    return list.n_persons;
}

/* ---- looking ----------------------------------------------------------------------------------- */

/* At most one character more, less or other. */
static bool is_one_apart(str l, str r)
{
    size_t n = str_chars(l), m = str_chars(r);
    if (n < DENSE_NEAR_CHARS || m < DENSE_NEAR_CHARS || (n > m ? n - m : m - n) > 1)
        return false;
    while (l.len && r.len) {
        str l_next = l, r_next = r;
        if (utf8_next(&l_next) != utf8_next(&r_next)) {
            if (n > m)
                return str_eq(l_next, r);
            return n < m ? str_eq(l, r_next) : str_eq(l_next, r_next);
        }
        l = l_next;
        r = r_next;
    }
    return true;
}

static bool found(const struct person *p, str written, struct famous *out)
{
    *out = (struct famous){p->name, written, p->field};
    return true;
}

static bool find_dense(struct arena *a, str name, struct famous *out)
{
    size_t pieces = 1;
    for (size_t turned = 0; turned < pieces && turned < 4; turned++) {
        str key = name_dense(a, name, turned, &pieces);
        uint64_t sign = sign_of(key);
        for (size_t i = 0; key.len && i < list.n_dense; i++) {
            const struct dense *d = &list.dense[i];
            if (__builtin_popcountll(d->sign ^ sign) > 2) /* one other character is two of them */
                continue;
            if (str_eq(d->key, key) || (d->is_kana && is_one_apart(d->key, key)))
                return found(d->person, d->written, out);
        }
    }
    return false;
}

/* A family name and a given name in full, or in a slip of the pen one of the two. */
static bool is_that(struct arena *a, const struct form *f, const struct name_words *w)
{
    struct name_match m;
    name_words_match(a, &f->words, w, &m);
    if (m.is_same != SAYS_YES)
        return false;
    int full = 0;
    bool has_last = false;
    for (size_t i = 0; i < m.n; i++) {
        bool is_full = m.pairs[i].how >= NAME_NEAR && m.pairs[i].weight > 0.55;
        full += is_full;
        str last = f->words.words[f->last].shown;
        has_last |= is_full && m.pairs[i].left.ptr <= last.ptr &&
                    m.pairs[i].left.ptr + m.pairs[i].left.len >= last.ptr + last.len;
    }
    return full >= 2 && (has_last || f->words.n < 3);
}

static bool find(struct arena *a, str name, struct famous *out)
{
    struct name_words w;
    name_words(a, name, &w);
    if (w.is_long)
        return false;
    if ((w.scripts & (SCRIPT_HAN | SCRIPT_HIRAGANA | SCRIPT_KATAKANA)) && find_dense(a, name, out))
        return true;
    if (w.scripts & SCRIPT_HAN) /* the sounds alone are those of many names */
        return false;
    for (size_t i = 0; i < w.n; i++) {
        if (w.words[i].class == CLASS_INITIAL || w.words[i].class == CLASS_PARTICLE)
            continue;
        for (size_t k = 0; k < w.words[i].n; k++) {
            const char *bare = w.words[i].bare[k];
            struct name_sign sign = w.words[i].sign[k];
            if (*bare < 'a' || *bare > 'z')
                continue;
            for (const struct entry *e = list.by_letter[*bare - 'a']; e; e = e->next)
                if (name_signs_may_agree(sign, e->sign) &&
                    name_bare_agree(bare, e->bare) != NAME_ALONE && is_that(a, e->form, &w))
                    return found(e->form->person, e->form->written, out);
        }
    }
    return false;
}

/* ---- remembering -------------------------------------------------------------------- */

/* A look costs some 60 us and names come again: a table without chains for each thread, whose pages are touched only as they
 * fill. What a famous person is called lives as long as the list. */
enum { PLACES = 2048, KEPT_BYTES = 63 };
struct kept {
    uint8_t len; /* 0: free */
    char name[KEPT_BYTES];
    struct famous who; /* without a name: nobody */
};
static pthread_key_t kept_key;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;

static void kept_key_make(void)
{
    if (pthread_key_create(&kept_key, free) != 0)
        abort();
}

static struct kept *place_for(str name)
{
    pthread_once(&kept_once, kept_key_make);
    struct kept *table = pthread_getspecific(kept_key);
    if (!table) {
        table = calloc(PLACES, sizeof *table);
        if (!table || pthread_setspecific(kept_key, table) != 0)
            out_of_memory(PLACES * sizeof *table);
    }
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.ptr[i]) * 0x100000001B3u;
    return &table[(h ^ h >> 32) % PLACES];
}

bool famous_find(struct arena *a, str name, struct famous *out)
{
    pthread_once(&list_once, list_read);
    *out = (struct famous){0};
    if (name.len == 0 || name.len > NAME_CHARS_MAX * 4)
        return false;
    if (name.len > KEPT_BYTES)
        return find(a, name, out);
    struct kept *k = place_for(name);
    if (k->len != name.len || memcmp(k->name, name.ptr, name.len) != 0) {
        k->who = (struct famous){0};
        (void)find(a, name, &k->who);
        k->len = (uint8_t)name.len;
        memcpy(k->name, name.ptr, name.len);
    }
    *out = k->who;
    return k->who.name.len > 0;
}
