/* test/fuzz/phrase.c - a list of phrases and a text, parted by a NUL; without one, a text read by a list of ours. Hits lie
 * inside their sentences, on whole letters. */
#include "base/phrase.h"

static void must(bool b)
{
    if (!b)
        __builtin_trap();
}

static const char *const kinds[] = {"a", "b", "c"};
#define OURS                                                                                                                                     \
    "a\tdiscount*\na\tgive .. discount\na\tcheaper ?\nb\ttoo expensive\nb\t太贵\nb\t高い\nc\tскидк*\nc\tсделай* .. скидк*\n" \
    "not\tnot\nnot\tне\nnot\t不\nnot_after\tません\nnot_after\tемес\nnot_not\tдавай не\nnot_not\t不 .. 吗\nquestion\t^ when\nquestion\tма $\n"

static void must_be_whole(str text, size_t at)
{
    must(at <= text.len && (at == text.len || ((unsigned char)text.ptr[at] & 0xc0) != 0x80));
}

static void read_text(const struct phrases *p, struct arena *a, str text)
{
    struct phrases_found f;
    phrases_find(p, a, text, &f);
    must(f.n_hits <= PHRASE_HITS_MAX && f.n_sentences <= PHRASE_SENTENCES_MAX);
    for (size_t i = 0; i < f.n_sentences; i++)
        must(f.sentences[i].text.len > 0 && str_is_utf8(f.sentences[i].text));
    for (size_t i = 0; i < f.n_hits; i++) {
        const struct phrase_hit *h = &f.hits[i];
        must(h->kind >= 0 && h->kind < (int)COUNT(kinds) && h->sentence < f.n_sentences);
        must(h->from < h->to && h->phrase.len > 0);
        must_be_whole(f.sentences[h->sentence].text, h->from);
        must_be_whole(f.sentences[h->sentence].text, h->to);
    }
    struct str_list words = phrase_words(a, text);
    must(words.n <= PHRASE_WORDS_MAX);
    for (size_t i = 0; i < words.n; i++)
        must(words.items[i].len > 0 && str_is_utf8(words.items[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *a;
    static struct phrases *known;
    size_t file = 0, line = 0;
    if (!a) {
        str list = S(OURS);
        a = arena_open((size_t)64 << 20);
        known = phrases_open(&list, 1, kinds, COUNT(kinds), &file, &line);
        must(known != NULL);
    }
    arena_reset(a);
    /* A copy of exact size, so that a byte read behind it is seen. */
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    const char *nul = size ? memchr(copy, 0, size) : NULL;
    if (nul) {
        str list = {copy, (size_t)(nul - copy)}, text = {nul + 1, size - list.len - 1};
        struct phrases *p = phrases_open(&list, 1, kinds, COUNT(kinds), &file, &line);
        if (p)
            read_text(p, a, text);
        phrases_close(p);
    } else {
        read_text(known, a, (str){copy, size});
    }
    free(copy);
    return 0;
}
