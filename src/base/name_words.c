/* base/name_words.c - names cut into words, and each word brought into a form in which spellings agree. */
#include "base/name_words.h"
#include "base/translit.h"
#include <unicode/uchar.h>
#include <unicode/ustring.h>

/* ---- what is left out or weighs little --------------------------------------------------- */

/* Blanks on both sides, so that a word is found whole. */
/* clang-format off */
static const char titles[] = /* none that is a name too, as Don and Sen are */
    " mr mrs ms mx dr prof professor sir madam herr frau fraulein monsieur madame mme mlle mister sr sra srta senor senora "
    "dott dipl jr junior ii iii iv phd esq "
    "llc ltd limited inc incorporated corp corporation company gmbh mbh kgaa ohg sarl sas srl spa oyj asa plc llp pte pty sdn bhd "
    "eood sro "
    "ооо оао зао пао ао ип тоо жшс ақ гоо чп зат ват "
    "господин госпожа гражданин гражданка товарищ мырза ханым "
    "さん さま 様 氏 殿 君 先生 女士 小姐 ";
static const char particles[] =
    " de da di do dos das del della dello degli du des la le las los el al ul van von vom zu zum der den ter ten te af av bin ibn "
    "ben bint y e und and i ";
static const char fathers[] =
    " ovich evich ovna evna ichna inichna ovic evic uly uli ulu qyzy kyzy kizi gizi ogly oglu ugli ович евич овна евна ична ұлы улы уулу "
    "қызы кызы оглы ";
/* Family names that a great many bear, in every people that we know: to agree in one of them says less. */
static const char common[] =
    " smith johnson williams brown jones miller davis wilson taylor thomas martin white harris clark lewis walker hall "
    "garcia rodriguez martinez hernandez lopez gonzalez perez sanchez fernandez silva santos oliveira souza "
    "muller mueller schmidt schneider fischer weber meyer wagner becker rossi russo ferrari bernard dubois durand "
    "ivanov ivanova petrov petrova sidorov sidorova smirnov smirnova kuznetsov kuznetsova popov popova volkov volkova "
    "ahmetov akhmetov akhmetova ospanov ospanova ibragimov ibragimova omarov omarova aliyev aliyeva "
    "wang li zhang liu chen yang zhao huang zhou wu xu sun zhu lin he guo ma "
    "sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato yoshida yamada sasaki "
    "kim lee park choi jung nguyen tran pham kumar singh sharma khan ahmed hussain ";
/* Given names that are one in several languages, as passports and bank cards of one person bear them; '|' parts groups. */
static const char one_name[] =
    " mikhail michael mikhael | petr pyotr peter petro | ekaterina katerina catherine katherine katharina kateryna | evgeny eugene yevhen | "
    "nikolai nicholas mykola | andrei andrew andriy | aleksei alexey alexis oleksiy | pavel paul pavlo | anton anthony antony | "
    "daniil daniel danylo | yakov jacob | matvei matthew | stepan stephen steven | sofia sophia sophie sofya | "
    "mariya maria mary | elena helen helena yelena olena | iosif joseph | grigory gregory hryhoriy | fedor fyodor theodore fedir | "
    "vasily basil vasyl | konstantin constantine kostiantyn | viktor victor | filipp philip phillip | lev leo | artur arthur | "
    "yulia julia yuliya | kseniya xenia oksana | natalia natalya natalie nataliya nathalie | aleksandr alexander oleksandr alexandr | "
    "aleksandra alexandra oleksandra | sergei sergey serge serhiy | vladimir volodymyr wladimir | dmitry dmitri dmytro dimitri | "
    "muhammad mohammed mohammad mohamed muhammed mohamad magomed mukhammed | ahmed ahmad akhmed akhmad | hussein hussain husain huseyn | "
    "ilya elijah illia | igor ihor | oleg oleh | kirill cyril kyrylo | tatiana tatyana tetiana | margarita margaret | ";
/* clang-format on */

static bool has_word(const char *list, str word)
{
    char sought[40];
    if (word.len == 0 || word.len + 3 > sizeof sought)
        return false;
    sought[0] = ' ';
    memcpy(sought + 1, word.ptr, word.len);
    sought[word.len + 1] = ' ';
    sought[word.len + 2] = '\0';
    return strstr(list, sought) != NULL;
}

static bool is_fathers(str word)
{
    const char *at = fathers;
    while (*at) {
        const char *end = strchr(at + 1, ' ');
        if (!end)
            return false;
        str ending = {at + 1, (size_t)(end - at - 1)};
        if (ending.len && word.len > ending.len + 2 && str_ends(word, ending))
            return true;
        at = end;
    }
    return false;
}

/* ---- the bare form ----------------------------------------------------------------------- */

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

static const struct {
    const char *from, *to;
} sounds[] = {{"shch", "s"}, {"tsch", "c"}, {"tch", "c"}, {"sch", "s"}, {"sh", "s"}, {"zh", "z"},
              {"kh", "h"},   {"ch", "c"},   {"ph", "f"},  {"th", "t"},  {"ck", "k"}, {"cz", "c"},
              {"ts", "c"},   {"tz", "c"},   {"x", "ks"},  {"qu", "k"},  {"q", "k"},  {"w", "v"},
              {"y", "i"},    {"j", "i"},    {"zz", "z"}};

/* Letters in which spellings of one name differ become one: kh h, y j i, w v, doubles single. */
static void bare_of(str plain, char out[static FORM_BYTES])
{
    char t[FORM_BYTES * 2];
    size_t n = 0;
    while (plain.len && n + 2 < FORM_BYTES) {
        size_t took = 0;
        for (size_t i = 0; i < COUNT(sounds) && !took; i++) {
            str from = str_of(sounds[i].from);
            if (!str_starts(plain, from))
                continue;
            for (const char *to = sounds[i].to; *to; to++)
                t[n++] = *to;
            took = from.len;
        }
        if (!took) {
            t[n++] = plain.ptr[0];
            took = 1;
        }
        plain = (str){plain.ptr + took, plain.len - took};
    }
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        bool doubles = m && out[m - 1] == t[i];
        /* ie at the start or behind a vowel is e: Yelena, Elena; io behind a consonant at the start is e: Fyodor, Fedor. */
        bool drops_i =
            t[i] == 'i' && i + 1 < n && t[i + 1] == 'e' && (i == 0 || is_vowel(t[i - 1]));
        if (!doubles && !drops_i)
            out[m++] = t[i];
    }
    if (m > 3 && out[m - 1] == 'u' && out[m - 2] == 'o') /* Satou, Sato */
        m--;
    out[m] = '\0';
}

/* ---- groups of one name --------------------------------------------------------------------- */

enum { GROUPED_MAX = 200 };
static struct {
    char bare[FORM_BYTES];
    int group;
} grouped[GROUPED_MAX];
static size_t n_grouped;
static pthread_once_t groups_once = PTHREAD_ONCE_INIT;

static void groups_make(void)
{
    str rest = {one_name, sizeof one_name - 1};
    int group = 1;
    while (rest.len) {
        str word = str_cut(&rest, ' ');
        if (str_eq(word, S("|")))
            group++;
        else if (word.len && n_grouped < GROUPED_MAX) {
            bare_of(word, grouped[n_grouped].bare);
            grouped[n_grouped++].group = group;
        }
    }
}

static int group_of(const char *bare)
{
    for (size_t i = 0; i < n_grouped; i++)
        if (strcmp(grouped[i].bare, bare) == 0)
            return grouped[i].group;
    return 0;
}

/* ---- cutting ------------------------------------------------------------------------------ */

static bool is_han(int32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF) || c == 0x3005 ||
           c == 0x3007;
}

static unsigned script_of(int32_t c)
{
    if (is_han(c))
        return SCRIPT_HAN;
    if (c >= 0x3041 && c <= 0x309F)
        return SCRIPT_HIRAGANA;
    if ((c >= 0x30A1 && c <= 0x30FF && c != 0x30FB) || (c >= 0x31F0 && c <= 0x31FF) ||
        (c >= 0xFF66 && c <= 0xFF9D))
        return SCRIPT_KATAKANA;
    if (c >= 0x400 && c <= 0x52F)
        return SCRIPT_CYRILLIC;
    bool is_wide = (c >= 0xFF21 && c <= 0xFF3A) || (c >= 0xFF41 && c <= 0xFF5A);
    if (c < 0x250 || (c >= 0x1E00 && c <= 0x1EFF) || c == 0x259 || is_wide)
        return SCRIPT_LATIN;
    return SCRIPT_OTHER;
}

static bool is_inside_word(int32_t c)
{
    bool is_apostrophe =
        c == '\'' || c == 0x2018 || c == 0x2019 || c == 0x2BC || c == '`' || c == 0xB4;
    return is_apostrophe || u_isalnum(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0 ||
           script_of(c) == SCRIPT_KATAKANA;
}

/* Cuts the next word off; false at the end. */
static bool piece_next(str *rest, str *piece, unsigned *scripts, size_t *letters)
{
    const char *from = NULL;
    *scripts = 0;
    *letters = 0;
    for (;;) {
        str ahead = *rest;
        const char *at = ahead.ptr;
        int32_t c = utf8_next(&ahead);
        if (c < 0 || !is_inside_word(c)) {
            if (c >= 0)
                *rest = ahead;
            if (from || c < 0) {
                *piece = (str){from, from ? (size_t)(at - from) : 0};
                return from != NULL;
            }
            continue;
        }
        if (u_isalpha(c) || script_of(c) == SCRIPT_KATAKANA) {
            *scripts |= script_of(c);
            ++*letters;
        }
        from = from ? from : at;
        *rest = ahead;
    }
}

static void add_form(struct name_word *w, str plain)
{
    if (plain.len == 0 || w->n == FORMS_MAX)
        return;
    for (size_t i = 0; i < plain.len; i++)
        if (!((plain.ptr[i] >= 'a' && plain.ptr[i] <= 'z') || is_digit(plain.ptr[i])))
            return;
    bare_of(plain, w->bare[w->n]);
    for (size_t i = 0; i < w->n; i++)
        if (str_eq(w->plain[i], plain))
            return;
    w->sign[w->n] = name_sign_of(w->bare[w->n]);
    w->plain[w->n++] = plain;
}

static void finish(struct name_word *w, size_t letters)
{
    w->weight = 1;
    for (size_t i = 0; i < w->n && !w->group; i++)
        w->group = group_of(w->bare[i]);
    if (letters == 1) {
        w->class = CLASS_INITIAL;
        w->weight = 0.5;
    } else if (has_word(particles, w->folded)) {
        w->class = CLASS_PARTICLE;
        w->weight = 0.2;
    } else
        for (size_t i = 0; i < w->n && w->weight > 0.9; i++)
            if (has_word(common, w->plain[i]))
                w->weight = 0.7;
}

/* Han is read as Mandarin, a word for each character. */
static void add_syllables(struct name_words *out, str shown, str reading)
{
    size_t chars = str_chars(shown), syllables = 1;
    for (size_t i = 0; i < reading.len; i++)
        syllables += reading.ptr[i] == ' ';
    for (str rest = shown; reading.len && out->n < WORDS_MAX;) {
        struct name_word w = {.shown = shown};
        str one = str_cut(&reading, ' ');
        if (chars == syllables) {
            const char *at = rest.ptr;
            (void)utf8_next(&rest);
            w.shown = (str){at, (size_t)(rest.ptr - at)};
        }
        w.folded = w.shown;
        add_form(&w, one);
        for (str more = name_han_others(w.shown); more.len;)
            add_form(&w, str_cut(&more, ' '));
        finish(&w, 2);
        out->words[out->n++] = w;
    }
}

/* Kazakh letters as Russian papers write them: Өтеғұлов, Утегулов. */
static str russified(struct arena *a, str folded)
{
    static const struct {
        int32_t from, to;
    } letters[] = {{0x4D9, 0x430} /* ә */, {0x493, 0x433} /* ғ */, {0x49B, 0x43A} /* қ */,
                   {0x4A3, 0x43D} /* ң */, {0x4E9, 0x443} /* ө */, {0x4B1, 0x443} /* ұ */,
                   {0x4AF, 0x443} /* ү */, {0x4BB, 0x445} /* һ */, {0x456, 0x438} /* і */};
    struct text t = text_in(a, folded.len * 2 + 4);
    bool is_other = false;
    for (int32_t c; (c = utf8_next(&folded)) >= 0;) {
        for (size_t i = 0; i < COUNT(letters); i++)
            if (letters[i].from == c) {
                c = letters[i].to;
                is_other = true;
                break;
            }
        text_add_codepoint(&t, c);
    }
    return is_other ? text_str(&t) : (str){0};
}

/* Russian as passports of the last century wrote it, after the French: Жуков, Joukov; Евгений, Evgueni. */
static str in_french(struct arena *a, str folded)
{
    static const char *const letters[32] = {"a",  "b",     "v", "g",  "d", "e",  "j",   "z",
                                            "i",  "i",     "k", "l",  "m", "n",  "o",   "p",
                                            "r",  "s",     "t", "ou", "f", "kh", "ts",  "tch",
                                            "ch", "chtch", "",  "y",  "",  "e",  "iou", "ia"};
    struct text t = text_in(a, folded.len * 5 + 4);
    for (int32_t c; (c = utf8_next(&folded)) >= 0;) {
        bool is_soft = false;
        str ahead = folded;
        int32_t next = utf8_next(&ahead);
        is_soft = next == 0x435 || next == 0x438 || next == 0x44D || next == 0x44B;
        if (c == 0x451)
            text_add(&t, S("io"));
        else if (c < 0x430 || c > 0x44F)
            return (str){0};
        else
            text_add(&t, c == 0x433 && is_soft ? S("gu") : str_of(letters[c - 0x430]));
    }
    return text_str(&t);
}

/* おおの on a card may be Ohno. */
static void add_with_h(struct arena *a, struct name_word *w)
{
    for (size_t k = 0, n = w->n; k < n; k++) {
        char *out = ARENA_ARRAY(a, w->plain[k].len + 1, char);
        memcpy(out, w->plain[k].ptr, w->plain[k].len);
        for (size_t i = 1; i < w->plain[k].len; i++)
            if (out[i - 1] == 'o' && (out[i] == 'o' || out[i] == 'u'))
                out[i] = 'h';
        add_form(w, (str){out, w->plain[k].len});
    }
}

static void add_other_papers(struct arena *a, struct name_word *w)
{
    str other = russified(a, w->folded);
    struct name_keys k = name_keys(a, other, (str){0});
    for (size_t i = 0; i < k.n; i++)
        add_form(w, k.keys[i]);
    add_form(w, in_french(a, other.len ? other : w->folded));
}

static void add_piece(struct arena *a, struct name_words *out, str piece, unsigned scripts,
                      size_t letters)
{
    struct name_keys k = name_keys(a, piece, (str){0});
    if (out->n == WORDS_MAX) {
        out->is_long = true;
        return;
    }
    if (k.n == 0)
        return;
    if (scripts & SCRIPT_HAN) {
        if (k.n > 1)
            add_syllables(out, piece, k.keys[k.n - 1]);
        return;
    }
    struct name_word w = {.shown = piece, .folded = k.keys[0]};
    for (size_t i = 0; i < k.n; i++)
        add_form(&w, k.keys[i]);
    if (scripts & (SCRIPT_HIRAGANA | SCRIPT_KATAKANA))
        add_with_h(a, &w);
    if (scripts == SCRIPT_CYRILLIC && letters > 1)
        add_other_papers(a, &w);
    finish(&w, letters);
    out->words[out->n++] = w;
}

/* "Le" and "Ben" are names where there is only one other word. */
static void particles_find(struct name_words *w)
{
    size_t full = 0;
    for (size_t i = 0; i < w->n; i++)
        full += w->words[i].class == CLASS_FULL;
    for (size_t i = 0; i < w->n && full < 2; i++)
        if (w->words[i].class == CLASS_PARTICLE) {
            w->words[i].class = CLASS_FULL;
            w->words[i].weight = 1;
        }
}

/* "Ivan Petrovich" may be a man of the family Petrovich; "Ivan Petrovich Sidorov" has a father. */
static void fathers_find(struct name_words *w)
{
    size_t full = 0;
    for (size_t i = 0; i < w->n; i++)
        full += w->words[i].class == CLASS_FULL;
    for (size_t i = 0; i < w->n && full > 2; i++) {
        struct name_word *one = &w->words[i];
        bool is = one->class == CLASS_FULL && is_fathers(one->folded);
        for (size_t j = 0; j < one->n; j++)
            is = is || (one->class == CLASS_FULL && is_fathers(one->plain[j]));
        if (is) {
            one->class = CLASS_FATHER;
            one->weight = 0.5;
            full--;
        }
    }
}

void name_words(struct arena *a, str name, struct name_words *out)
{
    pthread_once(&groups_once, groups_make);
    struct name_word room[WORDS_MAX];
    *out = (struct name_words){.words = room};
    if (!str_is_utf8(name))
        name = str_clean(a, name, NAME_CHARS_MAX + 1);
    str head = name;
    for (size_t i = 0; i < NAME_CHARS_MAX && head.len; i++)
        (void)utf8_next(&head);
    out->is_long = head.len > 0;
    name.len -= head.len;
    for (int pass = 0; pass < 2 && out->n == 0; pass++) {
        str rest = name, piece;
        unsigned scripts;
        size_t letters;
        out->scripts = 0;
        while (piece_next(&rest, &piece, &scripts, &letters)) {
            str folded = text_fold(a, piece);
            if (pass == 0 && has_word(titles, folded))
                continue;
            if (letters == 0 && pass == 0)
                continue;
            out->scripts |= scripts;
            add_piece(a, out, piece, scripts, letters);
        }
    }
    particles_find(out);
    fathers_find(out);
    out->words = ARENA_ARRAY(a, out->n, struct name_word);
    if (out->n)
        memcpy(out->words, room, out->n * sizeof *room);
}

/* ---- Han and Kana as one text --------------------------------------------------------------- */

static struct translit simple = {.id = u"Hant-Hans", .lock = PTHREAD_MUTEX_INITIALIZER};

/* Japanese characters that are neither the old nor the Chinese simple ones, as the latter. */
static UChar32 variant(UChar32 c)
{
    static const UChar32 pairs[][2] = {
        {0x9AD9, 0x9AD8} /* 髙高 */,
        {0xFA11, 0x5D0E} /* 﨑崎 */,
        {0x6FA4, 0x6CFD},
        {0x6CA2, 0x6CFD} /* 沢泽 */,
        {0x8FBA, 0x8FB9} /* 辺边 */,
        {0x9089, 0x8FB9},
        {0x908A, 0x8FB9},
        {0x5E83, 0x5E7F} /* 広广 */,
        {0x6D5C, 0x6EE8} /* 浜滨 */,
        {0x685C, 0x6A31} /* 桜樱 */,
        {0x7ADC, 0x9F99} /* 竜龙 */,
        {0x658E, 0x9F50} /* 斎齐 */,
        {0x6589, 0x9F50},
        {0x9F4B, 0x9F50},
        {0x9F4A, 0x9F50},
        {0x5D8B, 0x5C9B} /* 嶋岛 */,
        {0x5D8C, 0x5C9B},
        {0x5FB3, 0x5FB7} /* 徳德 */,
        {0x6075, 0x60E0} /* 恵惠 */,
        {0x5B9F, 0x5B9E} /* 実实 */,
        {0x6804, 0x8363} /* 栄荣 */,
        {0x5186, 0x5706} /* 円圆 */,
        {0x6B53, 0x6B22},
        {0x5263, 0x5251} /* 剣剑 */,
        {0x9244, 0x94C1} /* 鉄铁 */,
        {0x6238, 0x6237} /* 戸户 */,
        {0x6E0B, 0x6DA9} /* 渋涩 */,
        {0x8535, 0x85CF} /* 蔵藏 */,
        {0x9ED2, 0x9ED1} /* 黒黑 */,
        {0x5F4C, 0x5F25} /* 彌弥 */,
        {0x771E, 0x771F} /* 眞真 */,
        {0x95A2, 0x5173} /* 関关 */,
        {0x58F2, 0x5356},
        {0x8AAD, 0x8BFB},
        {0x9298, 0x94B1},
        {0x92AD, 0x94B1} /* 銭钱 */,
        {0x58FD, 0x5BFF} /* 壽寿 */,
    };
    for (size_t i = 0; i < COUNT(pairs); i++)
        if (pairs[i][0] == c)
            return pairs[i][1];
    return c;
}

static bool is_left_out(str folded)
{
    static const char *const firms[] = {"株式会社",     "有限会社",     "合同会社", "有限公司",
                                        "股份有限公司", "有限责任公司", "集团"};
    for (size_t i = 0; i < COUNT(firms); i++)
        if (str_eq(folded, str_of(firms[i])))
            return true;
    return has_word(titles, folded);
}

static str without_honour(str piece)
{
    static const char *const honours[] = {"先生", "女士", "小姐", "様", "さん", "さま", "氏", "殿"};
    for (size_t i = 0; i < COUNT(honours); i++) {
        str h = str_of(honours[i]);
        if (piece.len >= h.len + 6 && str_ends(piece, h))
            return (str){piece.ptr, piece.len - h.len};
    }
    return piece;
}

str name_dense(struct arena *a, str name, size_t turned, size_t *n_pieces)
{
    str pieces[WORDS_MAX], rest = name, piece;
    unsigned scripts, all = 0;
    size_t n = 0, letters, bytes = 0;
    *n_pieces = 0;
    if (!str_is_utf8(name) || name.len > NAME_CHARS_MAX * 4)
        return (str){0};
    while (n < WORDS_MAX && piece_next(&rest, &piece, &scripts, &letters)) {
        str folded = text_fold(a, piece);
        if (is_left_out(folded))
            continue;
        all |= scripts;
        pieces[n] = without_honour(folded);
        bytes += pieces[n++].len;
    }
    *n_pieces = n;
    if (!(all & (SCRIPT_HAN | SCRIPT_HIRAGANA | SCRIPT_KATAKANA)) || bytes == 0)
        return (str){0};
    struct text t = text_in(a, bytes * 3 + 16);
    for (size_t i = 0; i < n; i++)
        text_add(&t, pieces[(i + turned) % n]);
    str joined = text_str(&t);
    UErrorCode e = U_ZERO_ERROR;
    int32_t cap = (int32_t)joined.len * 2 + 16, u_n = 0, out_n = 0;
    UChar *u = ARENA_ARRAY(a, (size_t)cap, UChar);
    u_strFromUTF8(u, cap, &u_n, joined.ptr, (int32_t)joined.len, &e);
    if (U_FAILURE(e))
        return (str){0};
    if (all & SCRIPT_HAN) {
        /* The Japanese forms first: their simple ones would be taken for old ones. */
        for (int32_t i = 0; i < u_n; i++)
            u[i] = (UChar)variant(u[i]);
        u_n = translit(&simple, u, u_n, cap);
        for (int32_t i = 0; i < u_n; i++)
            u[i] = (UChar)variant(u[i]);
    }
    int32_t m = 0;
    for (int32_t i = 0; i < u_n; i++) /* hiragana as katakana, long marks off */
        if (u[i] != 0x30FC)
            u[m++] = u[i] >= 0x3041 && u[i] <= 0x3096 ? (UChar)(u[i] + 0x60) : u[i];
    char *out = ARENA_ARRAY(a, (size_t)m * 3 + 1, char);
    u_strToUTF8(out, m * 3 + 1, &out_n, u, m, &e);
    return U_FAILURE(e) ? (str){0} : (str){out, (size_t)out_n};
}

/* ---- words that agree --------------------------------------------------------------------- */

/* In halves. The first letter and a vowel at the end tell names apart: Elena Alena, Daniel Daniela. */
static int cost_gap(char c, bool is_first, bool is_last)
{
    if (is_first)
        return 4;
    if (is_last && is_vowel(c))
        return 5;
    return is_vowel(c) || c == 'h' ? 1 : 2;
}

static int cost_swap(char a, char b, bool is_first, bool is_last)
{
    static const char pairs[] = "ckkcszzseiievffvghhg";
    if (a == b)
        return 0;
    bool is_ck = (a == 'c' && b == 'k') || (a == 'k' && b == 'c');
    if (is_first && !is_ck) /* Carl, Karl; but Sakharov, Zakharov */
        return 4;
    for (size_t i = 0; i + 1 < sizeof pairs; i += 2)
        if (pairs[i] == a && pairs[i + 1] == b)
            return is_last && is_vowel(a) ? 5 : 1;
    return is_last && (is_vowel(a) || is_vowel(b)) ? 5 : 2;
}

static int distance(const char *a, size_t n, const char *b, size_t m)
{
    int row[2][FORM_BYTES + 1];
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j ? row[0][j - 1] + cost_gap(b[j - 1], j == 1, j == m) : 0;
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i & 1], *before = row[(i - 1) & 1];
        now[0] = before[0] + cost_gap(a[i - 1], i == 1, i == n);
        for (size_t j = 1; j <= m; j++) {
            bool is_first = i == 1 && j == 1, is_last = i == n && j == m;
            int best = before[j - 1] + cost_swap(a[i - 1], b[j - 1], is_first, is_last);
            int less = before[j] + cost_gap(a[i - 1], i == 1, i == n && j == m);
            int more = now[j - 1] + cost_gap(b[j - 1], j == 1, i == n && j == m);
            best = less < best ? less : best;
            now[j] = more < best ? more : best;
        }
    }
    return row[n & 1][m];
}

enum { LEAST_NEAR = 5, MOST_LONGER = 2 };

/* In halves: how far apart two bare forms may be of which the shorter has so many letters. */
static int most_apart(size_t shorter)
{
    return shorter >= 10 ? 4 : shorter >= 7 ? 2 : 1;
}

enum name_how name_bare_agree(const char *l, const char *r)
{
    size_t n = strlen(l), m = strlen(r), shorter = n < m ? n : m;
    if (n == m && memcmp(l, r, n) == 0)
        return n ? NAME_SPELLED : NAME_ALONE;
    if (shorter < LEAST_NEAR || (n > m ? n - m : m - n) > MOST_LONGER)
        return NAME_ALONE;
    int halves = distance(l, n, r, m);
    if (halves <= 1)
        return NAME_SPELLED;
    return halves <= most_apart(shorter) ? NAME_NEAR : NAME_ALONE;
}

struct name_sign name_sign_of(const char *bare)
{
    struct name_sign s = {0};
    for (; bare[s.n]; s.n++)
        s.letters |= UINT32_C(1) << ((unsigned char)bare[s.n] & 31);
    return s;
}

/* A letter that only one of the two has costs a gap, of at least one half, or stands in a swap, which costs at least one half
 * and may explain two of them. */
bool name_signs_may_agree(struct name_sign l, struct name_sign r)
{
    size_t shorter = l.n < r.n ? l.n : r.n, longer = l.n < r.n ? r.n : l.n;
    if (shorter < LEAST_NEAR)
        return l.n == r.n && l.letters == r.letters;
    return longer - shorter <= MOST_LONGER &&
           __builtin_popcount(l.letters ^ r.letters) <= 2 * most_apart(shorter);
}

static bool ends(const char *s, size_t n, const char *with)
{
    size_t m = strlen(with);
    return n > m + 1 && memcmp(s + n - m, with, m) == 0;
}

/* A woman's family name in its man's form: Petrova, Zelenskaia, Kovalska, Pushkina. */
static size_t stem_of(const char *s, char out[static FORM_BYTES])
{
    size_t n = strlen(s);
    memcpy(out, s, n + 1);
    if (ends(s, n, "ova") || ends(s, n, "eva") || ends(s, n, "ina"))
        n -= 1;
    else if (ends(s, n, "aia"))
        n -= 3;
    else if (ends(s, n, "ska") || ends(s, n, "cka"))
        n -= 1;
    out[n] = '\0';
    return n;
}

static bool is_hers(const char *hers, const char *his)
{
    char stem[FORM_BYTES];
    size_t n = strlen(hers), m = strlen(his), k = stem_of(hers, stem);
    if (k == n || k < 4 || m < k || memcmp(stem, his, k) != 0)
        return false;
    const char *rest = his + k;
    if (ends(hers, n, "aia"))
        return strcmp(rest, "i") == 0 || strcmp(rest, "oi") == 0 || strcmp(rest, "ei") == 0;
    if (ends(hers, n, "ska") || ends(hers, n, "cka"))
        return strcmp(rest, "i") == 0;
    return *rest == '\0';
}

static bool is_initial_of(const struct name_word *initial, const struct name_word *word)
{
    for (size_t i = 0; i < initial->n; i++)
        for (size_t j = 0; j < word->n; j++)
            if (initial->plain[i].ptr[0] == word->plain[j].ptr[0] ||
                strncmp(initial->bare[i], word->bare[j], strlen(initial->bare[i])) == 0)
                return true;
    return false;
}

/* Given names in -in and -ina are two names, not two forms of one. */
static bool is_given_in(const struct name_word *w)
{
    static const char names[] =
        " martin valentin konstantin constantin augustin justin celestin albin marin katrin kristin "
        "karin robin colin edvin alvin melvin marvin gavin kevin beniamin ioakin faustin kventin severin "
        "martina valentina konstantina augustina iustina celestina albina marina katrina kristina karina ";
    for (size_t i = 0; i < w->n; i++)
        if (has_word(names, str_of(w->bare[i])))
            return true;
    return false;
}

enum name_how name_words_agree(const struct name_word *l, const struct name_word *r)
{
    bool is_left = l->class == CLASS_INITIAL, is_right = r->class == CLASS_INITIAL;
    if (str_eq(l->folded, r->folded))
        return is_left || is_right ? NAME_INITIAL : NAME_SAME;
    if (is_left || is_right) {
        bool is_part = l->class == CLASS_PARTICLE || r->class == CLASS_PARTICLE;
        bool is = (is_left && is_initial_of(l, r)) || (is_right && is_initial_of(r, l));
        return is && !is_part ? NAME_INITIAL : NAME_ALONE;
    }
    if (l->group && l->group == r->group)
        return NAME_SPELLED;
    enum name_how best = NAME_ALONE;
    for (size_t i = 0; i < l->n; i++)
        for (size_t j = 0; j < r->n && best != NAME_SPELLED; j++) {
            if (!name_signs_may_agree(l->sign[i], r->sign[j]))
                continue;
            enum name_how how = name_bare_agree(l->bare[i], r->bare[j]);
            best = how > best ? how : best;
        }
    bool may_end = l->class == CLASS_FULL && r->class == CLASS_FULL && best < NAME_SPELLED &&
                   !is_given_in(l) && !is_given_in(r);
    for (size_t i = 0; may_end && i < l->n; i++)
        for (size_t j = 0; j < r->n; j++)
            if (is_hers(l->bare[i], r->bare[j]) || is_hers(r->bare[j], l->bare[i]))
                return NAME_ENDING;
    return best;
}
