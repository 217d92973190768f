/* base/phrase.h - finds phrases of a list in what people wrote, in any of our scripts.
 *
 * A list is text, one phrase a line: its kind, a tab, the phrase; `#` begins a remark. In a phrase
 *   word*       the word may go on: "discount*" finds discounts
 *   a .. b      b follows a within a few words of the same part of the sentence
 *   ^ a, a $    the sentence begins with a, ends with it
 *   a ?         only in a question
 * Text and phrases are compared as text_fold makes them. Latin and Cyrillic words are whole words; scripts without blanks are
 * looked at letter by letter. Three kinds of a list say what is not meant: `not` (stands before), `not_after` (stands
 * behind), and `not_not` (looks like one, but is a polite way to ask: "couldn't you"). A kind `question` makes a sentence a
 * question that lacks its mark.
 *
 * A list is read once and then only looked at, by any number of threads.
 */
#pragma once
#include "base/field.h"

enum { PHRASE_BYTES_MAX = 200, PHRASE_PARTS_MAX = 4, PHRASES_MAX = 8000, PHRASE_HITS_MAX = 500, PHRASE_SENTENCES_MAX = 500 };

struct phrases;
/* `kinds` are the words that may stand before the tab, besides the four above, and live as long as the list. NULL: *line is
 * the number of the line that is wrong, 0: too many phrases. Several files are one list: they follow each other. */
struct phrases *phrases_open(const str *files, size_t n_files, const char *const *kinds, size_t n_kinds, size_t *file, size_t *line) MUST_USE;
void phrases_close(struct phrases *p); /* accepts NULL */
size_t phrases_count(const struct phrases *p);

struct phrase_hit {
    int kind;        /* the place in `kinds` */
    str phrase;      /* as the list has it */
    size_t from, to; /* bytes of the sentence's text */
    size_t sentence;
    bool is_negated;
};
struct phrase_sentence {
    str text; /* folded */
    bool is_question;
};
struct phrases_found {
    const struct phrase_hit *hits; /* in the order of the text */
    size_t n_hits;
    const struct phrase_sentence *sentences;
    size_t n_sentences;
    bool is_cut; /* more than the limits: the rest was not looked at */
};
/* Never fails; the text may be anything. Memory: a. */
void phrases_find(const struct phrases *p, struct arena *a, str text, struct phrases_found *out);

/* Where a text (folded as text_fold does) stands in another as a word or words of its own; -1: nowhere. is_open: the word may
 * go on. */
ptrdiff_t phrase_word(str folded, str word, bool is_open);

/* The words by which a thing is named, for comparing names with what people ask: those of four letters and more up to their
 * fifth, so that endings make no difference, those with digits whole, Katakana by the word, Han by pairs. Single; at most
 * PHRASE_WORDS_MAX. */
enum { PHRASE_WORDS_MAX = 100 };
struct str_list phrase_words(struct arena *a, str text);
