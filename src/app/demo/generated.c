/* Whom `kith demo --customers N` makes: a fixed function of the number, no state. */
#include "app/demo/generated.h"

/* In the order of people.txt: share of the culture in 100, an area code and a digit no local number begins with (0; Spain 2), digits behind,
 * and how such a number is written, '#' for a digit. */
static const struct plan {
    unsigned share;
    const char *area;
    unsigned digits;
    const char *shown;
} plans[] = {{36, "+44200", 7, "+## ## #### ####"}, {8, "+49300", 7, "+## ## ########"},
             {7, "+3310", 7, "+## # ## ## ## ##"},  {6, "+34200", 6, "+## #########"},
             {12, "+8130", 7, "+## #-####-####"},   {10, "+86210", 7, "+## ##########"},
             {9, "+74950", 6, "+# ### ###-##-##"},  {9, "+77270", 6, "+# ### ### ####"},
             {2, "+97140", 6, "+### ########"},     {1, "+302100", 6, "+## ## #### ####"}};

/* The culture of customer i, and which of its people he is: each hundred has `share` of them. */
static size_t place(int64_t i, int64_t *nth)
{
    unsigned at = (unsigned)(i * 37 % 100);
    size_t c = 0;
    for (; at >= plans[c].share; c++)
        at -= plans[c].share;
    *nth = i / 100 * plans[c].share + at;
    return c;
}

size_t generated_culture(int64_t i)
{
    int64_t nth = 0;
    return place(i, &nth);
}

struct generated_phone generated_phone(int64_t i)
{
    assert(i >= 0 && i < 10000000);
    int64_t nth = 0;
    const struct plan *p = &plans[place(i, &nth)];
    /* The factors share no divisor with a power of ten: every number once, in no order. */
    uint64_t local =
        p->digits == 7 ? (uint64_t)nth * 7654321u % 10000000u : (uint64_t)nth * 654321u % 1000000u;
    struct generated_phone out;
    snprintf(out.text, sizeof out.text, "%s%0*u", p->area, (int)p->digits, (unsigned)local);
    return out;
}

struct generated_phone generated_shown(int64_t i)
{
    int64_t nth = 0;
    const char *from = plans[place(i, &nth)].shown;
    struct generated_phone number = generated_phone(i), out = {0};
    const char *digit = number.text + 1;
    for (size_t k = 0; from[k]; k++)
        out.text[k] = from[k] == '#' ? *digit++ : from[k];
    return out;
}
