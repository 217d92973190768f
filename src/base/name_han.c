/* base/name_han.c - how a name in Han may stand on a card in Latin letters: characters that are read in several ways, and
 * Japanese family names of data/families_ja.tsv. */
#include "base/embed.h"
#include "base/name_words.h"
#include "base_data.h" /* so that this file is compiled again when the list has changed */

IN_BINARY(families_ja, "families_ja.tsv");

/* ---- readings of one character -------------------------------------------------------------- */

/* Beside the usual one of Mandarin: family names that are read otherwise than the word, names as they are written in Hong
 * Kong, Taiwan and Singapore, ü as banks (lv) and passports (lyu) write it. */
static const struct {
    const char *characters, *readings;
} others[] = {
    {"单單", "shan"},
    {"曾", "zeng tsang tseng"},
    {"解", "xie"},
    {"仇", "qiu"},
    {"查", "zha cha"},
    {"盖蓋", "ge gai"},
    {"朴", "piao pu"},
    {"覃", "qin tan"},
    {"缪繆", "miao"},
    {"乐樂", "yue le"},
    {"区區", "ou au"},
    {"召", "shao zhao"},
    {"员員", "yun"},
    {"翟", "zhai di"},
    {"尉", "yu wei"},
    {"折", "she"},
    {"种", "chong"},
    {"秘", "bi"},
    {"繁", "po"},
    {"沈", "shen shum sim"},
    {"盛", "sheng cheng"},
    {"洗冼", "xian sin"},
    {"乜", "nie"},
    {"行", "hang xing"},
    {"长長", "chang zhang"},
    {"朝", "chao zhao"},
    {"重", "zhong chong"},
    {"茜", "qian xi"},
    {"晟", "sheng cheng"},
    {"强強", "qiang jiang"},
    {"柏", "bai bo"},
    {"伯", "bo bai"},
    {"厦廈", "xia sha"},
    {"薄", "bo bao"},
    {"莎", "sha suo"},
    {"娜那", "na nuo"},
    {"都", "du dou"},
    {"车車", "che ju"},
    {"传傳", "chuan zhuan"},
    {"藏", "zang cang"},
    {"宿", "su xiu"},
    {"合", "he ge"},
    {"吕呂律绿綠旅", "lv lyu lui"},
    {"女", "nv nyu"},
    {"陈陳", "chan tan"},
    {"黄黃", "wong ng ooi hwang"},
    {"王", "wong ong heng"},
    {"李", "lee lei"},
    {"张張", "cheung chang teo chong"},
    {"刘劉", "lau liew low liou"},
    {"林", "lam lim"},
    {"吴吳", "ng goh woo"},
    {"梁", "leung liang neo"},
    {"郑鄭", "cheng tay chang"},
    {"谢謝", "tse hsieh chia cheah"},
    {"周", "chow chou chew"},
    {"何", "ho"},
    {"杨楊", "yeung yeo"},
    {"蔡", "choi tsai chua choy"},
    {"徐", "hsu tsui"},
    {"许許", "hui hsu koh"},
    {"郭", "kwok kuo quek"},
    {"罗羅", "lo law"},
    {"朱", "chu choo"},
    {"冯馮", "fung feng foong"},
    {"邓鄧", "tang teng"},
    {"叶葉", "yip yeh yap"},
    {"赵趙", "chiu chao"},
    {"孙孫", "suen sng"},
    {"胡", "wu oh"},
    {"高", "ko kao"},
    {"卢盧", "lo loo"},
    {"苏蘇", "so soh"},
    {"洪", "hung ang"},
    {"钟鐘鍾", "chung"},
    {"陆陸", "luk loke"},
    {"韩韓", "hon hong"},
    {"潘", "poon phua"},
    {"江", "kong chiang"},
    {"方", "fong png"},
    {"余", "yee"},
    {"袁", "yuen"},
    {"温溫", "wan"},
    {"姚", "yiu"},
    {"蒋蔣", "chiang tseung"},
    {"彭", "pang peng"},
    {"侯", "hau hou"},
    {"麦麥", "mak"},
    {"邱", "yau chiu khoo"},
    {"廖", "liu liew"},
    {"雷", "lui"},
    {"石", "shek shi"},
    {"金", "kim kam"},
    {"关關", "kwan"},
    {"唐", "tong"},
    {"施", "sze shih"},
    {"丁", "ting"},
    {"程", "ching"},
    {"崔", "chui tsui"},
    {"文", "man"},
    {"白", "pak pai"},
};

str name_han_others(str character)
{
    for (size_t i = 0; character.len && i < COUNT(others); i++)
        if (str_find(str_of(others[i].characters), character) >= 0)
            return str_of(others[i].readings);
    return (str){0};
}

/* ---- Japanese family names -------------------------------------------------------------------- */

/* Ways of writing Japanese in Latin letters become one: shi si, ō ou oh o, mb nb. */
static size_t level(str latin, char out[static FORM_BYTES])
{
    static const struct {
        const char *from, *to;
    } ways[] = {{"shi", "si"}, {"sh", "sy"}, {"tch", "tty"}, {"chi", "ti"}, {"ch", "ty"},
                {"tsu", "tu"}, {"fu", "hu"}, {"ji", "zi"},   {"j", "zy"},   {"dz", "z"},
                {"mb", "nb"},  {"mp", "np"}, {"mm", "nm"},   {"ou", "o"},   {"oo", "o"},
                {"uu", "u"},   {"aa", "a"},  {"wo", "o"}};
    size_t n = 0;
    for (size_t i = 0; i < latin.len && n + 4 < FORM_BYTES;) {
        str rest = {latin.ptr + i, latin.len - i};
        size_t took = 0;
        bool is_long =
            str_starts(rest, S("oh")) && (rest.len == 2 || !strchr("aeiouy", rest.ptr[2]));
        if (is_long) {
            out[n++] = 'o';
            i += 2;
            continue;
        }
        for (size_t k = 0; k < COUNT(ways) && !took; k++)
            if (str_starts(rest, str_of(ways[k].from))) {
                for (const char *to = ways[k].to; *to; to++)
                    out[n++] = *to;
                took = strlen(ways[k].from);
            }
        if (!took)
            out[n++] = rest.ptr[0];
        i += took ? took : 1;
    }
    out[n] = '\0';
    return n;
}

/* The readings of a family name; empty: not on our list. */
static str readings_of(str family)
{
    str rest = IN_BINARY_STR(families_ja);
    while (rest.len) {
        str line = str_cut(&rest, '\n');
        if (line.len && line.ptr[0] != '#' && str_eq(str_cut(&line, '\t'), family))
            return line;
    }
    return (str){0};
}

/* The longest beginning that is a family name and leaves something for the given one; a single character says nothing where
 * no blank stands behind it. */
static str beginning_of(str whole)
{
    str found = {0}, rest = whole;
    for (size_t n = 1; utf8_next(&rest) >= 0 && rest.len; n++) {
        str readings = n > 1 ? readings_of((str){whole.ptr, whole.len - rest.len}) : (str){0};
        found = readings.len ? readings : found;
    }
    return found;
}

static bool has_reading(const struct name_words *latin, str readings)
{
    while (readings.len) {
        char one[FORM_BYTES], other[FORM_BYTES];
        level(str_cut(&readings, ' '), one);
        for (size_t i = 0; i < latin->n; i++)
            for (size_t k = 0; k < latin->words[i].n; k++)
                if (level(latin->words[i].plain[k], other) && strcmp(one, other) == 0)
                    return true;
    }
    return false;
}

enum says name_family_japanese(struct arena *a, str han, const struct name_words *latin)
{
    str rest = text_fold(a, han), first = str_cut(&rest, ' ');
    str readings = rest.len ? readings_of(first) : beginning_of(first);
    if (!readings.len && rest.len) /* the given name first */
        readings = readings_of(rest);
    if (!readings.len)
        return SAYS_UNKNOWN;
    return has_reading(latin, readings) ? SAYS_YES : SAYS_NO;
}
