/* rooms/card/greeting.c - how to address a customer, in his language, with the reading of the name.
 *
 *   ja  田中様（たなか あいこ）     zh  王女士（Wáng Měi）     ru  Пётр Иванович     kk  Айгерім
 * ханым     en  Ms Tanaka
 */
#include "messages.h"
#include "rooms/card/inside.h"

/* Family names of two characters; all others have one. */
static const char *const double_names[] = {"欧阳", "歐陽", "司马", "司馬", "上官", "诸葛", "諸葛",
                                           "东方", "東方", "夏侯", "皇甫", "尉迟", "公孙", "慕容",
                                           "令狐", "司徒", "长孙", "宇文", "端木", "南宫"};

static str first_word(str s)
{
    str rest = s, word = str_cut(&rest, ' ');
    str wide = word; /* the ideographic blank too */
    ptrdiff_t at = str_find(wide, S("\xE3\x80\x80"));
    return at > 0 ? (str){wide.ptr, (size_t)at} : word;
}

static str last_word(str s)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == ' ')
            return (str){s.ptr + i, s.len - i};
    return s;
}

static bool is_one_of(str s, const char *const *of, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, str_of(of[i])))
            return true;
    return false;
}

static str with_reading(struct arena *a, str text, str reading, const char *open, const char *close)
{
    return reading.len
               ? arena_printf(a, SFMT "%s" SFMT "%s", SARG(text), open, SARG(reading), close)
               : text;
}

static str ja(struct arena *a, const struct customer *c)
{
    str who = c->family;
    bool is_eastern =
        str_eq(script_lang(c->name), S("ja")) || str_eq(script_lang(c->name), S("zh"));
    if (who.len == 0)
        who = c->kind == CUSTOMER_PERSON && is_eastern ? first_word(c->name) : c->name;
    str form = c->form_of_address.len ? c->form_of_address : S("様");
    return with_reading(a, arena_printf(a, SFMT SFMT, SARG(who), SARG(form)), c->reading, "（",
                        "）");
}

static str han_family(str name)
{
    str word = first_word(name);
    if (word.len < name.len) /* written with a blank: the family name stands first */
        return word;
    for (size_t i = 0; i < COUNT(double_names); i++)
        if (str_starts(word, str_of(double_names[i])) && word.len > strlen(double_names[i]))
            return (str){word.ptr, strlen(double_names[i])};
    return word.len > 3 && word.len <= 12 ? (str){word.ptr, 3} : word;
}

static str zh(struct arena *a, const struct customer *c)
{
    str text = c->name;
    if (c->form_of_address.len && c->kind == CUSTOMER_PERSON) {
        bool is_han = str_eq(script_lang(c->name), S("zh"));
        str who = c->family.len ? c->family : is_han ? han_family(c->name) : c->name;
        text = arena_printf(a, SFMT SFMT, SARG(who), SARG(c->form_of_address));
    }
    return with_reading(a, text, c->reading, "（", "）");
}

static str ru(struct arena *a, const struct customer *c)
{
    if (c->given.len && c->patronymic.len)
        return arena_printf(a, SFMT " " SFMT, SARG(c->given), SARG(c->patronymic));
    return c->form_of_address.len ? c->form_of_address : c->given.len ? c->given : c->name;
}

static str kk(struct arena *a, const struct customer *c)
{
    static const char *const polite[] = {"ханым", "мырза", "Ханым", "Мырза"};
    str given = c->given.len ? c->given : c->name;
    if (is_one_of(c->form_of_address, polite, COUNT(polite)))
        return arena_printf(a, SFMT " " SFMT, SARG(given), SARG(c->form_of_address));
    if (c->form_of_address.len)
        return c->form_of_address;
    return given.len && c->patronymic.len
               ? arena_printf(a, SFMT " " SFMT, SARG(given), SARG(c->patronymic))
               : given;
}

static str en(struct arena *a, const struct customer *c)
{
    str text = c->name;
    if (c->form_of_address.len && c->kind == CUSTOMER_PERSON) {
        str who = c->family.len ? c->family : last_word(c->name);
        text = arena_printf(a, SFMT " " SFMT, SARG(c->form_of_address), SARG(who));
    }
    return with_reading(a, text, c->reading, " (", ")");
}

/* The language spoken, else that of the name's script, else the house's. */
static enum lang spoken(const struct customer *c, enum lang house)
{
    enum lang by_name = c->name_lang.len ? lang_pick(c->name_lang, house) : house;
    return c->lang.len ? lang_pick(c->lang, by_name) : by_name;
}

struct greeting greeting_of(struct arena *a, const struct customer *c, enum lang house_lang)
{
    static str (*const by[LANG_N])(struct arena *, const struct customer *) = {en, ja, zh, kk, ru};
    enum lang lang = spoken(c, house_lang);
    return (struct greeting){.lang = str_of(lang_codes[lang]),
                             .text = c->name.len ? by[lang](a, c) : (str){0}};
}
