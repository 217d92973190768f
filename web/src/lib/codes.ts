/* Countries (ISO 3166) by their names in the language of the person, and languages that customers speak. */
import { country_name, words } from './i18n.svelte'

const iso =
  'AD AE AF AG AI AL AM AO AR AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM CN CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FM FO FR GA GB GD GE GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MO MQ MR MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NR NZ OM PA PE PF PG PH PK PL PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ TC TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WS XK YE ZA ZM ZW'.split(' ')

let made: { lang: string; codes: string[] } | null = null
export function countries(): string[] {
  if (made?.lang !== words.lang) {
    const by_name = new Intl.Collator(words.tag)
    made = { lang: words.lang, codes: iso.toSorted((a, b) => by_name.compare(country_name(a), country_name(b))) }
  }
  return made.codes
}
export const speech = ['en', 'ja', 'zh', 'kk', 'ru', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'tr', 'ko', 'uk', 'ar', 'he', 'hi', 'vi', 'th']
