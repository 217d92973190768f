/* rooms/evidence/words.c - reads one text by the lists of phrases: what is asked, promised, named, said in anger; which
 * questions are off the matter. */
#include "base/person.h"
#include "base/phrase.h"
#include "phrase_lists.h" /* so that this file is compiled again when the lists have changed */
#include "rooms/evidence/inside.h"
#include <pthread.h>

#define IN_BINARY(name, file)                                                                  \
    __asm__(".pushsection .rodata\n.balign 16\n" #name ":\n.incbin \"" KITH_DEMO_DATA "/" file \
            "\"\n" #name "_end:\n.byte 0\n.popsection\n");                                     \
    extern const char name[] __asm__(#name), name##_end[] __asm__(#name "_end")
IN_BINARY(phrases_en, "phrases/en.tsv");
IN_BINARY(phrases_ja, "phrases/ja.tsv");
IN_BINARY(phrases_zh, "phrases/zh.tsv");
IN_BINARY(phrases_kk, "phrases/kk.tsv");
IN_BINARY(phrases_ru, "phrases/ru.tsv");

/* Behind the kinds of evidence: words by which a question leans on what was said before, and words of the shop. */
enum { KIND_THIS = EVIDENCE_HURRY + 1, KIND_MATTER, KINDS };
static const char *const kinds[KINDS] = {"discount_asked", "promise_more",    "competitor_named",
                                         "price_remark",   "colleague_asked", "referral_given",
                                         "aggressive",     "hurry",           "this",
                                         "matter"};
enum { LEAST_WORDS = 3, LEAST_LETTERS = 5 /* of a question that stands by itself */ };

static struct phrases *lists;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lists_open(void)
{
    const str files[] = {{phrases_en, (size_t)(phrases_en_end - phrases_en)},
                         {phrases_ja, (size_t)(phrases_ja_end - phrases_ja)},
                         {phrases_zh, (size_t)(phrases_zh_end - phrases_zh)},
                         {phrases_kk, (size_t)(phrases_kk_end - phrases_kk)},
                         {phrases_ru, (size_t)(phrases_ru_end - phrases_ru)}};
    size_t file = 0, line = 0;
    lists = phrases_open(files, COUNT(files), kinds, KINDS, &file, &line);
    if (!lists) {
        fprintf(stderr, "kith: phrase list %zu, line %zu is wrong\n", file, line);
        abort();
    }
}

const struct phrases *words_lists(void)
{
    pthread_once(&once, lists_open);
    return lists;
}

/* ---- what of a message is his own -------------------------------------------------------------- */

static bool begins_quote(str line)
{
    static const char *const heads[] = {
        "-----", "_____", "from:", "sent:", "от:", "отправлено:", "кімнен:", "差出人:", "发件人:"};
    static const char *const ends[] = {
        "wrote:", "writes:", "пишет:", "написал:",    "написала:",    "писал(а):",
        "жазды:", "写道:",   "写道：", "書きました:", "のメッセージ:"};
    for (size_t i = 0; i < COUNT(heads); i++)
        if (str_starts(line, str_of(heads[i])))
            return true;
    for (size_t i = 0; i < COUNT(ends); i++)
        if (str_ends(line, str_of(ends[i])))
            return true;
    return false;
}

/* Without what he quotes: those words were ours, or of before. */
static str own_words(struct arena *a, str subject, str text)
{
    struct text t = text_in(a, subject.len + text.len + 2);
    text_add(&t, subject);
    text_add_char(&t, '\n');
    while (text.len) {
        str line = str_trim(str_cut(&text, '\n'));
        if (str_starts(line, S(">")))
            continue;
        if (line.len && begins_quote(text_fold(a, line)))
            break;
        text_add(&t, line);
        text_add_char(&t, '\n');
    }
    return text_str(&t);
}

/* ---- colleagues ------------------------------------------------------------------------------------ */

static bool is_ascii(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

/* Names bend in Russian and Kazakh: their last letter may be another, and more may follow. */
static bool has_name(str sentence, str word)
{
    bool is_plain = is_ascii(word), bends = (unsigned char)word.ptr[0] == 0xd0 ||
                                            (unsigned char)word.ptr[0] == 0xd1 ||
                                            (unsigned char)word.ptr[0] == 0xd2;
    if (is_plain ? word.len < 3 : str_chars(word) < 2)
        return false;
    if (bends && str_chars(word) >= 4)
        word.len -= 2;
    return phrase_word(sentence, word, bends) >= 0;
}

static bool ends_with_one(str s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_ends(s, str_of(list[i])))
            return true;
    return false;
}

static bool starts_with_one(str s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_starts(s, str_of(list[i])))
            return true;
    return false;
}

/* 陈静 is asked for as 小陈, 陈姐, 陈经理; 王小明 as 小明. */
static bool has_name_in_han(str sentence, str word)
{
    static const char *const before[] = {"小", "老", "阿", "大"};
    static const char *const behind[] = {"姐",   "哥",   "先生", "女士", "小姐", "老师",
                                         "经理", "师傅", "阿姨", "客服", "主管", "店长"};
    enum { BYTES = 3 }; /* of a character */
    unsigned char head = (unsigned char)word.ptr[0];
    if (head < 0xe3 || head > 0xe9 || word.len < 2 * BYTES || word.len > 4 * BYTES)
        return false;
    str family = {word.ptr, BYTES}, given = {word.ptr + BYTES, word.len - BYTES};
    if (given.len > BYTES && str_find(sentence, given) >= 0)
        return true;
    for (size_t from = 0; from < sentence.len;) {
        ptrdiff_t at = str_find((str){sentence.ptr + from, sentence.len - from}, family);
        if (at < 0)
            return false;
        str left = {sentence.ptr, from + (size_t)at};
        from = left.len + BYTES;
        if (ends_with_one(left, before, COUNT(before)) ||
            starts_with_one((str){sentence.ptr + from, sentence.len - from}, behind, COUNT(behind)))
            return true;
    }
    return false;
}

static void colleague_find(struct arena *a, str sentence, const struct list *colleagues,
                           struct said *out)
{
    const struct colleague *c = colleagues->items;
    size_t best = 0;
    for (size_t i = 0; i < colleagues->n; i++) {
        str name = text_fold(a, c[i].name), word;
        size_t n = 0;
        while ((word = str_cut(&name, ' ')).len)
            n += has_name(sentence, word) || has_name_in_han(sentence, word);
        if (n > best) {
            best = n;
            *out = (struct said){EVIDENCE_COLLEAGUE_ASKED, out->phrase, c[i].id};
        } else if (n && n == best) {
            out->colleague.v = 0; /* two of that name: one of them */
        }
    }
}

/* ---- one text ----------------------------------------------------------------------------------------- */

static struct said *said_of(struct words_read *w, int kind)
{
    struct said *s = w->said.items;
    for (size_t i = 0; i < w->said.n; i++)
        if (s[i].kind == kind)
            return &s[i];
    return NULL;
}

static void say(struct words_read *w, struct said s)
{
    if (!said_of(w, s.kind))
        ((struct said *)w->said.items)[w->said.n++] = s;
}

/* A name, a shop or a person is named also where something is denied of it. */
static bool counts(const struct phrase_hit *h, bool by_staff)
{
    if (h->kind >= KIND_THIS || h->kind == EVIDENCE_COLLEAGUE_ASKED)
        return false;
    if (by_staff && (h->kind == EVIDENCE_AGGRESSIVE || h->kind == EVIDENCE_HURRY))
        return false;
    return !h->is_negated || h->kind == EVIDENCE_COMPETITOR_NAMED;
}

static void competitors_find(const struct phrases_found *f, const struct list *names,
                             struct words_read *out)
{
    const str *v = names->items;
    for (size_t i = 0; i < names->n; i++)
        for (size_t k = 0; k < f->n_sentences; k++)
            if (phrase_word(f->sentences[k].text, v[i],
                            (unsigned char)v[i].ptr[0] >= 0xd0 &&
                                (unsigned char)v[i].ptr[0] <= 0xd2) >= 0) {
                struct said *was = said_of(out, EVIDENCE_COMPETITOR_NAMED);
                if (was)
                    was->phrase = v[i]; /* the name says more than "elsewhere" */
                else
                    say(out, (struct said){EVIDENCE_COMPETITOR_NAMED, v[i], {0}});
                return;
            }
}

/* Words, or letters where words have no blanks. */
static bool is_whole_question(str s)
{
    size_t blanks = 1, chars = str_chars(s);
    for (size_t i = 0; i < s.len; i++)
        blanks += s.ptr[i] == ' ';
    return blanks >= LEAST_WORDS || (s.len >= 3 * LEAST_LETTERS && s.len > 2 * chars);
}

static void questions_count(struct arena *a, const struct phrases_found *f, struct words_read *out)
{
    str *open = ARENA_ARRAY(a, QUESTIONS_MAX, str);
    bool is_any_matter = false;
    for (size_t i = 0; i < f->n_hits; i++)
        is_any_matter = is_any_matter || f->hits[i].kind == KIND_MATTER;
    size_t h = 0;
    for (size_t k = 0; k < f->n_sentences && out->questions < QUESTIONS_MAX; k++) {
        bool meets = false, leans = false;
        while (h < f->n_hits && f->hits[h].sentence < k)
            h++;
        for (; h < f->n_hits && f->hits[h].sentence == k; h++) {
            int kind = f->hits[h].kind;
            leans = leans || kind == KIND_THIS;
            meets = meets || kind == KIND_MATTER || kind == EVIDENCE_DISCOUNT_ASKED ||
                    kind == EVIDENCE_PRICE_REMARK || kind == EVIDENCE_COMPETITOR_NAMED ||
                    kind == EVIDENCE_COLLEAGUE_ASKED;
        }
        if (!f->sentences[k].is_question)
            continue;
        out->questions++;
        if (!meets && !(leans && is_any_matter) && is_whole_question(f->sentences[k].text))
            open[out->open.n++] = f->sentences[k].text;
    }
    out->open.items = open;
}

void words_read(struct arena *a, str subject, str text, bool by_staff,
                const struct house_words *house, struct words_read *out)
{
    struct phrases_found f;
    *out = (struct words_read){.said = {ARENA_ARRAY(a, EVIDENCE_N, struct said), 0}};
    if (text.len > TEXT_BYTES_MAX)
        text.len = TEXT_BYTES_MAX;
    phrases_find(words_lists(), a, own_words(a, subject, text), &f);
    for (size_t i = 0; i < f.n_hits; i++) {
        const struct phrase_hit *h = &f.hits[i];
        if (counts(h, by_staff))
            say(out, (struct said){h->kind, h->phrase, {0}});
        if (h->kind != EVIDENCE_COLLEAGUE_ASKED)
            continue;
        struct said asked = {.phrase = h->phrase, .kind = -1};
        out->asks = true;
        colleague_find(a, f.sentences[h->sentence].text, &house->colleagues, &asked);
        if (asked.kind >= 0)
            say(out, asked);
    }
    competitors_find(&f, &house->competitors, out);
    if (!by_staff)
        questions_count(a, &f, out);
}
