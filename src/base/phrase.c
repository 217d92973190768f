/* base/phrase.c - phrases of a list in what people wrote: all pieces of all phrases are found in one pass over a sentence
 * (Aho and Corasick), then pieces are put together and limits of words are looked at. */
#include "base/phrase.h"
#include "base/inside.h"
#include "base/person.h"
#include <unicode/uchar.h>

enum {
    GAP_BLANKS = 5,   /* words between two parts of a phrase */
    GAP_LETTERS = 14, /* the same where words have no blanks */
    GAP_OVER = 2,     /* over a comma: one word, as "please" */
    NOT_BLANKS = 4,   /* words between "not" and what is not meant */
    NOT_LETTERS = 6,
    NEAR_BYTES = 160,  /* and in any case */
    PIECES_MAX = 2000, /* found in one sentence */
    PIECE_HITS = 250,
    STEPS_MAX = 200000 /* looks of one search: what is longer is not written by people */
};
static const size_t LIST_BYTES_MAX = (size_t)32 << 20;
enum link { LINK_FIRST, LINK_NEXT, LINK_GAP };
enum { KIND_NOT = -1, KIND_NOT_AFTER = -2, KIND_NOT_NOT = -3, KIND_QUESTION = -4 };

struct part {
    uint32_t piece;
    uint8_t link;
    bool is_open; /* the word may go on */
};
struct phrase {
    int kind;
    str text;
    struct part parts[PHRASE_PARTS_MAX];
    uint8_t n;
    bool at_start, at_end, in_question;
    uint32_t next; /* another phrase that ends with the same piece; 0: none */
};
struct node {
    uint32_t child, sibling, fail, exit; /* exit: the nearest shorter piece that ends here too */
    uint32_t piece;                      /* that ends here; 0: none */
    unsigned char byte;
};
struct piece {
    str text;
    uint32_t ends; /* phrases whose last part it is; 0: none */
};
struct phrases {
    struct arena *arena;
    struct phrase *v;
    struct piece *pieces;
    struct node *nodes;
    size_t n, n_pieces, n_nodes, cap_nodes;
    uint32_t start[256];
};

/* ---- letters ------------------------------------------------------------------------------- */

/* Scripts that are written without blanks. */
static bool is_joined(int32_t c)
{
    return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff) || c == 0x3005;
}

static bool is_letter(int32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    return c >= 0 && u_isalnum(c);
}

static int32_t letter_before(str s, size_t at)
{
    size_t from = at;
    while (from > 0 && ((unsigned char)s.ptr[--from] & 0xc0) == 0x80) {}
    str one = {s.ptr + from, at - from};
    return at ? utf8_next(&one) : -1;
}

static int32_t letter_at(str s, size_t at)
{
    str rest = {s.ptr + at, s.len - at};
    return utf8_next(&rest);
}

/* May a word begin or end between these two? */
static bool is_limit(int32_t left, int32_t right)
{
    return left < 0 || right < 0 || !is_letter(left) || !is_letter(right) || is_joined(left) ||
           is_joined(right);
}

static bool is_limit_at(str s, size_t at)
{
    return is_limit(letter_before(s, at), letter_at(s, at));
}

ptrdiff_t phrase_word(str folded, str word, bool is_open)
{
    size_t from = 0;
    while (word.len && from < folded.len) {
        ptrdiff_t at = str_find((str){folded.ptr + from, folded.len - from}, word);
        if (at < 0)
            return -1;
        size_t start = from + (size_t)at, end = start + word.len;
        if (is_limit_at(folded, start) && (is_open || is_limit_at(folded, end)))
            return (ptrdiff_t)start;
        from = start + utf8_len((str){folded.ptr + start, folded.len - start});
    }
    return -1;
}

static bool has_letter(str s)
{
    int32_t c;
    while ((c = utf8_next(&s)) >= 0)
        if (is_letter(c))
            return true;
    return false;
}

/* Typographic apostrophes become the plain one. */
static str fold(struct arena *a, str text)
{
    str f = text_fold(a, text);
    struct text t = text_in(a, f.len + 1);
    str rest = f;
    ptrdiff_t at = 0;
    if (str_find(f, S("\xe2\x80\x99")) < 0 && str_find(f, S("\xca\xbc")) < 0)
        return f;
    while ((at = str_find(rest, S("\xe2\x80\x99"))) >= 0) {
        text_add(&t, (str){rest.ptr, (size_t)at});
        text_add_char(&t, '\'');
        rest = (str){rest.ptr + at + 3, rest.len - (size_t)at - 3};
    }
    text_add(&t, rest);
    return text_str(&t);
}

/* ---- reading a list ---------------------------------------------------------------------------- */

static uint32_t child_of(const struct phrases *p, uint32_t node, unsigned char byte)
{
    uint32_t at = node ? p->nodes[node].child : p->start[byte];
    while (node && at && p->nodes[at].byte != byte)
        at = p->nodes[at].sibling;
    return at;
}

static uint32_t child_made(struct phrases *p, uint32_t node, unsigned char byte)
{
    uint32_t at = child_of(p, node, byte);
    if (at || p->n_nodes == p->cap_nodes)
        return at;
    at = (uint32_t)p->n_nodes++;
    p->nodes[at] = (struct node){.byte = byte};
    if (node) {
        p->nodes[at].sibling = p->nodes[node].child;
        p->nodes[node].child = at;
    } else {
        p->start[byte] = at;
    }
    return at;
}

/* 0: there is no room. */
static uint32_t piece_of(struct phrases *p, str text)
{
    uint32_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        at = child_made(p, at, (unsigned char)text.ptr[i]);
        if (!at)
            return 0;
    }
    if (!p->nodes[at].piece) {
        p->nodes[at].piece = (uint32_t)p->n_pieces;
        p->pieces[p->n_pieces++] = (struct piece){.text = text};
    }
    return p->nodes[at].piece;
}

static int kind_of(str s, const char *const *kinds, size_t n, bool *is_known)
{
    static const struct {
        const char *name;
        int kind;
    } ours[] = {{"not", KIND_NOT},
                {"not_after", KIND_NOT_AFTER},
                {"not_not", KIND_NOT_NOT},
                {"question", KIND_QUESTION}};
    *is_known = true;
    for (size_t i = 0; i < COUNT(ours); i++)
        if (str_eq(s, str_of(ours[i].name)))
            return ours[i].kind;
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, str_of(kinds[i])))
            return (int)i;
    *is_known = false;
    return 0;
}

/* Words up to the next `..` or the next word that may go on become one piece. */
static bool part_add(struct phrases *p, struct phrase *ph, str words, uint8_t link, bool is_open)
{
    if (words.len == 0 || ph->n == PHRASE_PARTS_MAX)
        return false;
    uint32_t piece = piece_of(p, words);
    ph->parts[ph->n++] = (struct part){piece, ph->n == 1 ? (uint8_t)LINK_FIRST : link, is_open};
    return piece > 0;
}

static bool phrase_read(struct phrases *p, struct phrase *ph, str s)
{
    uint8_t link = LINK_NEXT;
    str word, words = {0};
    while ((word = str_cut(&s, ' ')).len) {
        bool is_open = str_ends(word, S("*"));
        bool is_gap = str_eq(word, S(".."));
        if (str_eq(word, S("^")) && !ph->n && !words.len && !ph->at_start) {
            ph->at_start = true;
            continue;
        }
        if (str_eq(word, S("$")) && !s.len) {
            ph->at_end = true;
            break;
        }
        if (str_eq(word, S("?")) && !s.len) {
            ph->in_question = true;
            break;
        }
        if (is_gap) {
            if (words.len && !part_add(p, ph, words, link, false))
                return false;
            if (!ph->n)
                return false;
            words = (str){0};
            link = LINK_GAP;
            continue;
        }
        word.len -= is_open;
        if (word.len == 0)
            return false;
        words = words.len ? (str){words.ptr, (size_t)(word.ptr + word.len - words.ptr)} : word;
        if (is_open) {
            if (!part_add(p, ph, words, link, true))
                return false;
            words = (str){0};
            link = LINK_NEXT;
        }
    }
    if (words.len && !part_add(p, ph, words, link, false))
        return false;
    return ph->n > 0 && (words.len || link == LINK_NEXT); /* a gap leads somewhere */
}

static bool line_read(struct phrases *p, str line, const char *const *kinds, size_t n_kinds)
{
    bool is_known = false;
    str kind = str_cut(&line, '\t');
    struct phrase *ph = &p->v[p->n];
    *ph = (struct phrase){.kind = kind_of(str_trim(kind), kinds, n_kinds, &is_known)};
    if (!is_known || line.len == 0 || line.len > PHRASE_BYTES_MAX || !str_is_utf8(line))
        return false;
    ph->text = arena_str(p->arena, str_trim(line));
    str folded = fold(p->arena, ph->text);
    if (!has_letter(folded) || !phrase_read(p, ph, folded))
        return false;
    struct piece *last = &p->pieces[ph->parts[ph->n - 1].piece];
    ph->next = last->ends;
    last->ends = (uint32_t)p->n++;
    return true;
}

/* Where a search goes on when the next byte does not fit: the longest end of what was read that begins a piece. */
static void nodes_join(struct phrases *p, struct arena *scratch)
{
    uint32_t *line = ARENA_ARRAY(scratch, p->n_nodes, uint32_t);
    size_t head = 0, tail = 0;
    for (int b = 0; b < 256; b++)
        if (p->start[b])
            line[tail++] = p->start[b];
    while (head < tail) {
        uint32_t at = line[head++];
        struct node *n = &p->nodes[at];
        n->exit = p->nodes[n->fail].piece ? n->fail : p->nodes[n->fail].exit;
        for (uint32_t c = n->child; c; c = p->nodes[c].sibling) {
            uint32_t f = n->fail, to;
            while (!(to = child_of(p, f, p->nodes[c].byte)) && f)
                f = p->nodes[f].fail;
            p->nodes[c].fail = to;
            line[tail++] = c;
        }
    }
}

/* There was room for more nodes and pieces than came of the text. */
static void shrink(struct phrases *p)
{
    struct node *nodes = ARENA_ARRAY(p->arena, p->n_nodes, struct node);
    struct piece *pieces = ARENA_ARRAY(p->arena, p->n_pieces, struct piece);
    memcpy(nodes, p->nodes, p->n_nodes * sizeof *nodes);
    memcpy(pieces, p->pieces, p->n_pieces * sizeof *pieces);
    p->nodes = nodes;
    p->pieces = pieces;
    p->cap_nodes = p->n_nodes;
}

struct phrases *phrases_open(const str *files, size_t n_files, const char *const *kinds,
                             size_t n_kinds, size_t *file, size_t *line)
{
    struct arena *a = arena_open(LIST_BYTES_MAX), *scratch = arena_open(LIST_BYTES_MAX);
    size_t bytes = 0, n_lines = 1;
    *file = *line = 0;
    if (!a || !scratch) {
        arena_close(a);
        arena_close(scratch);
        return NULL;
    }
    for (size_t f = 0; f < n_files; f++) {
        bytes += files[f].len;
        for (size_t i = 0; i < files[f].len; i++)
            n_lines += files[f].ptr[i] == '\n';
        n_lines++;
    }
    struct phrases *p = ARENA_NEW(a, struct phrases);
    bool is_good = bytes <= (1 << 20) && n_lines <= PHRASES_MAX;
    size_t room = is_good ? n_lines + 1 : 1;
    /* Folding may make a text longer: three times, and a little. */
    p->cap_nodes = is_good ? 4 * bytes + 64 : 1;
    *p = (struct phrases){.arena = a,
                          .v = ARENA_ARRAY(a, room, struct phrase),
                          .pieces = ARENA_ARRAY(scratch, room * PHRASE_PARTS_MAX + 1, struct piece),
                          .nodes = ARENA_ARRAY(scratch, p->cap_nodes, struct node),
                          .n = 1,
                          .n_pieces = 1,
                          .n_nodes = 1,
                          .cap_nodes = p->cap_nodes};
    for (size_t f = 0; is_good && f < n_files; f++) {
        str rest = files[f];
        size_t at = 0;
        while (is_good && rest.len) {
            str one = str_cut(&rest, '\n');
            at++;
            if (str_trim(one).len == 0 || one.ptr[0] == '#')
                continue;
            is_good =
                line_read(p, one, kinds, n_kinds) && !arena_is_over(a) && !arena_is_over(scratch);
            *file = f;
            *line = at;
        }
    }
    if (is_good) {
        nodes_join(p, scratch);
        shrink(p);
    }
    arena_close(scratch);
    if (!is_good)
        arena_close(a);
    return is_good ? p : NULL;
}

void phrases_close(struct phrases *p)
{
    if (p)
        arena_close(p->arena);
}

size_t phrases_count(const struct phrases *p)
{
    return p->n - 1;
}

/* ---- sentences ------------------------------------------------------------------------------------ */

struct sentence {
    struct phrase_sentence out;
    const bool *breaks; /* at each byte: a part of the sentence ends here (commas and the like) */
};

/* Where a sentence or a part of it ends: 0 no, 1 a part, 2 the sentence, 3 a question. */
static int end_at(str s, size_t at, int32_t c)
{
    bool is_last = at + 1 >= s.len;
    switch (c) {
    case '?':
    case 0x061f:
        return 3;
    case '!':
    case ';':
    case 0x3002: /* 。 */
        return 2;
    case '.':
        return is_last || s.ptr[at + 1] == ' ' || s.ptr[at + 1] == '.' ? 2 : 0;
    case ',':
    case '(':
    case ')':
    case 0x3001: /* 、 */
    case 0x2013:
    case 0x2014:
        return 1;
    case ':':
        return is_last || s.ptr[at + 1] == ' ' ? 1 : 0;
    default:
        return 0;
    }
}

struct search {
    const struct phrases *p;
    struct arena *arena;
    struct phrases_found *out;
    struct phrase_hit *hits, *all; /* all: of one sentence, also of our own kinds */
    struct phrase_sentence *sentences;
    struct seen *seen;
    size_t steps;
};
struct seen {
    uint32_t piece, from, to;
};

/* ---- putting pieces together ------------------------------------------------------------------------- */

/* Between two places: how many blanks, how many letters of scripts without them; where a part of the sentence ends, `over`. */
static bool is_near(const struct sentence *s, size_t from, size_t to, size_t blanks, size_t letters,
                    size_t over)
{
    str between = {s->out.text.ptr + from, to - from};
    size_t b = 0, l = 0;
    int32_t c;
    bool is_broken = false;
    if (between.len > NEAR_BYTES)
        return false;
    for (size_t i = from; i < to; i++)
        is_broken = is_broken || s->breaks[i];
    while ((c = utf8_next(&between)) >= 0) {
        b += c == ' ';
        l += is_joined(c);
    }
    return b <= (is_broken ? over : blanks) && l <= (is_broken ? over : letters);
}

/* The rest of a word that may go on, and one blank. */
static bool is_next(str s, size_t from, size_t to, bool is_open)
{
    while (is_open && from < to && s.ptr[from] != ' ')
        from++;
    return (to == from + 1 && s.ptr[from] == ' ') || (to == from && from && is_limit_at(s, from));
}

/* Whether a part of a phrase stands there; its first letter goes to *start. */
static bool stands(struct search *q, const struct sentence *s, const struct phrase *ph, int part,
                   const struct seen *at, size_t *start)
{
    str t = s->out.text;
    if (!is_limit_at(t, at->from) || (!ph->parts[part].is_open && !is_limit_at(t, at->to)))
        return false;
    if (part == 0) {
        *start = at->from;
        return true;
    }
    const struct part *before = &ph->parts[part - 1];
    for (const struct seen *w = at; w > q->seen;) {
        w--;
        if (w->to + NEAR_BYTES < at->from || ++q->steps > STEPS_MAX)
            return false;
        if (w->piece != before->piece || w->to > at->from)
            continue;
        bool fits = ph->parts[part].link == LINK_NEXT
                        ? is_next(t, w->to, at->from, before->is_open)
                        : is_near(s, w->to, at->from, GAP_BLANKS, GAP_LETTERS, GAP_OVER);
        if (fits && stands(q, s, ph, part - 1, w, start))
            return true;
    }
    return false;
}

static bool is_end(str s, size_t at, bool is_open)
{
    while (is_open && at < s.len && is_letter(letter_at(s, at)))
        at += utf8_len((str){s.ptr + at, s.len - at});
    return !has_letter((str){s.ptr + at, s.len - at});
}

/* What looks like "not" but is a way to ask does not count as one. */
static bool is_excused(const struct phrase_hit *all, size_t n, const struct phrase_hit *no)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].kind == KIND_NOT_NOT && all[i].from < no->to && all[i].to > no->from)
            return true;
    return false;
}

static bool is_negated(const struct sentence *s, const struct phrase_hit *all, size_t n,
                       const struct phrase_hit *h)
{
    for (size_t i = 0; i < n; i++) {
        const struct phrase_hit *no = &all[i];
        bool is_before = no->kind == KIND_NOT && no->to <= h->from &&
                         is_near(s, no->to, h->from, NOT_BLANKS, NOT_LETTERS, 0);
        bool is_behind = no->kind == KIND_NOT_AFTER && no->from >= h->to &&
                         is_near(s, h->to, no->from, NOT_BLANKS, NOT_LETTERS, 0);
        if ((is_before || is_behind) && !is_excused(all, n, no))
            return true;
    }
    return false;
}

static size_t pieces_of(const struct search *q, str t)
{
    const struct phrases *p = q->p;
    uint32_t at = 0;
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        uint32_t to;
        while (!(to = child_of(p, at, (unsigned char)t.ptr[i])) && at)
            at = p->nodes[at].fail;
        at = to;
        for (uint32_t e = p->nodes[at].piece ? at : p->nodes[at].exit; e; e = p->nodes[e].exit) {
            if (n == PIECES_MAX) {
                q->out->is_cut = true;
                return n;
            }
            uint32_t len = (uint32_t)p->pieces[p->nodes[e].piece].text.len, end = (uint32_t)i + 1;
            q->seen[n++] = (struct seen){p->nodes[e].piece, end - len, end};
        }
    }
    return n;
}

static int by_place(const void *a, const void *b)
{
    const struct phrase_hit *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->to != y->to ? (x->to < y->to ? -1 : 1) : (x->kind > y->kind) - (x->kind < y->kind);
}

static void sentence_find(struct search *q, struct sentence *s)
{
    const struct phrases *p = q->p;
    size_t n_seen = pieces_of(q, s->out.text), n = 0;
    struct phrase_hit *all = q->all;
    for (size_t i = 0; i < n_seen; i++)
        for (uint32_t k = p->pieces[q->seen[i].piece].ends; k; k = p->v[k].next) {
            const struct phrase *ph = &p->v[k];
            const struct part *last = &ph->parts[ph->n - 1];
            size_t start = 0;
            if (!stands(q, s, ph, ph->n - 1, &q->seen[i], &start) ||
                (ph->at_start && has_letter((str){s->out.text.ptr, start})) ||
                (ph->at_end && !is_end(s->out.text, q->seen[i].to, last->is_open)))
                continue;
            if (n == PIECE_HITS) {
                q->out->is_cut = true;
                break;
            }
            all[n++] = (struct phrase_hit){
                ph->kind, ph->text, start, q->seen[i].to, q->out->n_sentences, ph->in_question};
            s->out.is_question = s->out.is_question || ph->kind == KIND_QUESTION;
        }
    if (n)
        qsort(all, n, sizeof *all, by_place);
    for (size_t i = 0; i < n; i++) {
        bool wants_question = all[i].is_negated; /* until here */
        if (all[i].kind < 0 || (wants_question && !s->out.is_question))
            continue;
        if (q->out->n_hits == PHRASE_HITS_MAX) {
            q->out->is_cut = true;
            break;
        }
        struct phrase_hit h = all[i];
        h.is_negated = is_negated(s, all, n, &h);
        q->hits[q->out->n_hits++] = h;
    }
}

/* Sentences of one line, folded. */
static void line_find(struct search *q, str line)
{
    str f = fold(q->arena, line);
    bool *breaks = ARENA_ARRAY(q->arena, f.len + 1, bool);
    size_t from = 0, at = 0;
    while (from < f.len && !q->out->is_cut) {
        if (f.ptr[from] == ' ' && at == from) {
            at = ++from;
            continue;
        }
        str rest = {f.ptr + at, f.len - at};
        int32_t c = utf8_next(&rest);
        int end = c < 0 ? 2 : end_at(f, at, c);
        breaks[at] = end == 1;
        size_t next = c < 0 ? f.len : (size_t)(rest.ptr - f.ptr);
        if (end < 2) {
            at = next;
            continue;
        }
        struct sentence s = {.out = {{f.ptr + from, at - from}, end == 3}, .breaks = breaks + from};
        if (has_letter(s.out.text)) {
            if (q->out->n_sentences == PHRASE_SENTENCES_MAX) {
                q->out->is_cut = true;
                return;
            }
            sentence_find(q, &s);
            q->sentences[q->out->n_sentences++] = s.out;
        }
        from = at = next;
    }
}

void phrases_find(const struct phrases *p, struct arena *a, str text, struct phrases_found *out)
{
    *out = (struct phrases_found){0};
    struct search q = {.p = p,
                       .arena = a,
                       .out = out,
                       .hits = ARENA_ARRAY(a, PHRASE_HITS_MAX, struct phrase_hit),
                       .all = ARENA_ARRAY(a, PIECE_HITS, struct phrase_hit),
                       .sentences = ARENA_ARRAY(a, PHRASE_SENTENCES_MAX, struct phrase_sentence),
                       .seen = ARENA_ARRAY(a, PIECES_MAX, struct seen)};
    out->hits = q.hits;
    out->sentences = q.sentences;
    while (text.len && !out->is_cut)
        line_find(&q, str_cut(&text, '\n'));
    out->is_cut = out->is_cut || q.steps > STEPS_MAX;
}

/* ---- words of a name ------------------------------------------------------------------------------- */

enum { STEM_LETTERS = 5, LEAST_LETTERS = 4, LEAST_DIGITED = 3, WORD_BYTES = 60 };

static void word_put(struct str_list *to, str w)
{
    for (size_t i = 0; i < to->n; i++)
        if (str_eq(to->items[i], w))
            return;
    if (w.len && w.len <= WORD_BYTES && to->n < PHRASE_WORDS_MAX)
        to->items[to->n++] = w;
}

static str beginning(str s, size_t letters)
{
    str rest = s;
    while (letters && utf8_next(&rest) >= 0)
        letters--;
    return (str){s.ptr, (size_t)(rest.ptr - s.ptr)};
}

static void spaced_put(struct str_list *to, str w)
{
    bool has_digit = false;
    for (size_t i = 0; i < w.len; i++)
        has_digit = has_digit || is_digit(w.ptr[i]);
    size_t letters = str_chars(w);
    if (has_digit && letters >= LEAST_DIGITED) {
        word_put(to, w);
        return;
    }
    if (!has_digit && letters <= STEM_LETTERS && letters > LEAST_LETTERS && str_ends(w, S("s")))
        w.len--;
    if (!has_digit && str_chars(w) >= LEAST_LETTERS)
        word_put(to, beginning(w, STEM_LETTERS));
}

enum script { SCRIPT_NONE, SCRIPT_SPACED, SCRIPT_KATAKANA, SCRIPT_HAN };
static enum script script_of(int32_t c)
{
    if ((c >= 0x30a1 && c <= 0x30fa) || c == 0x30fc)
        return SCRIPT_KATAKANA;
    if (c >= 0x3040 && c <= 0x30ff)
        return SCRIPT_NONE;
    if (is_joined(c))
        return SCRIPT_HAN;
    return is_letter(c) ? SCRIPT_SPACED : SCRIPT_NONE;
}

static void run_put(struct str_list *to, enum script script, str run)
{
    if (script == SCRIPT_SPACED)
        spaced_put(to, run);
    if (script == SCRIPT_KATAKANA && str_chars(run) >= 2)
        word_put(to, run);
    while (script == SCRIPT_HAN && str_chars(run) >= 2) {
        word_put(to, beginning(run, 2));
        (void)utf8_next(&run);
    }
}

struct str_list phrase_words(struct arena *a, str text)
{
    struct str_list out = {ARENA_ARRAY(a, PHRASE_WORDS_MAX, str), 0};
    str rest = fold(a, text), run = {rest.ptr, 0};
    enum script script = SCRIPT_NONE;
    for (;;) {
        const char *at = rest.ptr;
        int32_t c = utf8_next(&rest);
        enum script now = c < 0 ? SCRIPT_NONE : script_of(c);
        if (now != script) {
            run.len = (size_t)(at - run.ptr);
            run_put(&out, script, run);
            run = (str){at, 0};
            script = now;
        }
        if (c < 0)
            return out;
    }
}
