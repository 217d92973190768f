/* base/phone_lib.cc - libphonenumber speaks C++ only. */
#include "base/phone_lib.h"

#include <cstdlib>
#include <cstring>
#include <list>
#include <set>
#include <string>

#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <phonenumbers/geocoding/phonenumber_offline_geocoder.h>
#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberOfflineGeocoder;
using i18n::phonenumbers::PhoneNumberUtil;

/* It would write to stdout what it thinks of a number. */
class Silence : public i18n::phonenumbers::Logger
{
  public:
    void WriteMessage(const std::string &) override
    {
    }
    void WriteLevel() override
    {
    }
};

static const PhoneNumberUtil &util()
{
    static const PhoneNumberUtil *one = [] {
        PhoneNumberUtil *u = PhoneNumberUtil::GetInstance();
        u->SetLogger(new Silence);
        return u;
    }();
    return *one;
}

static const PhoneNumberOfflineGeocoder &geocoder()
{
    static const auto *one = new PhoneNumberOfflineGeocoder;
    return *one;
}

/* In the order of enum phone_kind. */
static unsigned char kind_of(PhoneNumberUtil::PhoneNumberType t)
{
    switch (t) {
    case PhoneNumberUtil::MOBILE:
        return 1;
    case PhoneNumberUtil::FIXED_LINE:
        return 2;
    case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
        return 3;
    case PhoneNumberUtil::VOIP:
        return 4;
    case PhoneNumberUtil::TOLL_FREE:
        return 5;
    case PhoneNumberUtil::PREMIUM_RATE:
        return 6;
    case PhoneNumberUtil::SHARED_COST:
        return 7;
    case PhoneNumberUtil::PERSONAL_NUMBER:
    case PhoneNumberUtil::UAN:
        return 8;
    case PhoneNumberUtil::PAGER:
        return 9;
    default:
        return 0;
    }
}

static bool put(char *out, size_t size, const std::string &s)
{
    if (s.size() >= size)
        return false;
    std::memcpy(out, s.c_str(), s.size() + 1);
    return true;
}

extern "C" void phone_lib_read(const char *text, size_t len, const char *region,
                               struct phone_lib *out)
{
    *out = phone_lib{};
    PhoneNumber number;
    if (util().Parse(std::string(text, len), *region ? region : "ZZ", &number) !=
        PhoneNumberUtil::NO_PARSING_ERROR)
        return;
    if (util().IsPossibleNumberWithReason(number) != PhoneNumberUtil::IS_POSSIBLE)
        return;
    std::string s, country;
    util().Format(number, PhoneNumberUtil::E164, &s);
    /* A number outside the plan may hold a trunk prefix still, which the next reading would take
     * off: +81 000 1…. One number has one form, so it is read until it stays as it is. */
    PhoneNumberUtil::PhoneNumberType type = util().GetNumberType(number);
    for (std::string before; before != s && type == PhoneNumberUtil::UNKNOWN;) {
        before = s;
        if (util().Parse(before, "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR ||
            util().IsPossibleNumberWithReason(number) != PhoneNumberUtil::IS_POSSIBLE)
            return;
        util().Format(number, PhoneNumberUtil::E164, &s);
        type = util().GetNumberType(number);
    }
    if (!put(out->e164, sizeof out->e164, s))
        return;
    out->is_possible = true;
    util().Format(number, PhoneNumberUtil::INTERNATIONAL, &s);
    if (!put(out->national, sizeof out->national, s)) /* never seen; E.164 is readable too */
        put(out->national, sizeof out->national, out->e164);
    out->is_valid = type != PhoneNumberUtil::UNKNOWN; /* as IsValidNumber says it */
    out->kind = kind_of(type);
    if (out->is_valid)
        util().GetRegionCodeForNumber(number, &country);
    else
        util().GetRegionCodeForCountryCode(number.country_code(), &country);
    if (country.size() != 2 || country == "ZZ")
        return;
    put(out->country, sizeof out->country, country);
    std::set<PhoneNumberUtil::PhoneNumberType> kinds;
    util().GetSupportedTypesForRegion(country, &kinds);
    out->plan_has_voip = kinds.count(PhoneNumberUtil::VOIP) != 0;
    if (!out->is_valid) {
        std::list<std::string> regions;
        util().GetRegionCodesForCountryCallingCode(number.country_code(), &regions);
        out->is_country_shared = regions.size() > 1;
    }
}

static std::string country_name(int calling_code, const char *lang)
{
    std::string region, name;
    util().GetRegionCodeForCountryCode(calling_code, &region);
    if (region.size() == 2 && region != "ZZ") {
        icu::UnicodeString u;
        icu::Locale("", region.c_str()).getDisplayCountry(icu::Locale(lang), u);
        u.toUTF8String(name);
    }
    return name;
}

extern "C" char *phone_lib_place(const char *e164, size_t len, const char *lang, size_t *out_len)
{
    PhoneNumber number;
    if (util().Parse(std::string(e164, len), "ZZ", &number) != PhoneNumberUtil::NO_PARSING_ERROR)
        return nullptr;
    std::string place = geocoder().GetDescriptionForNumber(number, icu::Locale(lang));
    if (place.empty()) /* not in the numbering plan, which ages: the country at least */
        place = country_name(number.country_code(), lang);
    if (place.empty())
        return nullptr;
    char *out = static_cast<char *>(std::malloc(place.size() + 1));
    if (!out)
        return nullptr;
    std::memcpy(out, place.c_str(), place.size() + 1);
    *out_len = place.size();
    return out;
}
