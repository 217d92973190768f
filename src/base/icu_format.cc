/* base/icu_format.cc - ICU has named arguments in C++ only. */
#include "base/icu_format.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include <unicode/fmtable.h>
#include <unicode/locid.h>
#include <unicode/msgfmt.h>
#include <unicode/unistr.h>

/* MessageFormat makes its number formats at first use, also in const calls: hence the lock. */
struct icu_format {
    std::mutex lock;
    icu::MessageFormat format;

    icu_format(const char *pattern, const char *lang, UErrorCode &e)
        : format(icu::UnicodeString::fromUTF8(pattern), icu::Locale(lang), e)
    {
    }
};

extern "C" struct icu_format *icu_format_open(const char *pattern, const char *lang)
{
    UErrorCode e = U_ZERO_ERROR;
    auto *f = new icu_format(pattern, lang, e);
    if (U_SUCCESS(e))
        return f;
    delete f;
    return nullptr;
}

extern "C" void icu_format_close(struct icu_format *f)
{
    delete f;
}

static icu::UnicodeString utf16(const char *p, size_t n)
{
    return icu::UnicodeString::fromUTF8(icu::StringPiece(p, static_cast<int32_t>(n)));
}

extern "C" char *icu_format_say(struct icu_format *f, const struct icu_arg *args, size_t n,
                                size_t *len)
{
    std::vector<icu::UnicodeString> names(n);
    std::vector<icu::Formattable> values(n);
    for (size_t i = 0; i < n; i++) {
        names[i] = icu::UnicodeString::fromUTF8(args[i].name);
        if (args[i].text)
            values[i].setString(utf16(args[i].text, args[i].text_len));
        else
            values[i].setInt64(args[i].number);
    }
    UErrorCode e = U_ZERO_ERROR;
    icu::UnicodeString said;
    {
        std::lock_guard<std::mutex> hold(f->lock);
        f->format.format(names.data(), values.data(), static_cast<int32_t>(n), said, e);
    }
    if (U_FAILURE(e))
        return nullptr;
    std::string text;
    said.toUTF8String(text);
    char *out = static_cast<char *>(std::malloc(text.size() + 1));
    if (!out)
        return nullptr;
    std::memcpy(out, text.c_str(), text.size() + 1);
    *len = text.size();
    return out;
}
