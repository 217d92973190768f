/* The words: every text a person reads comes from here, in the language of the person. */
import { format, type Args, type Text } from './message'

export const languages = ['en', 'ja', 'zh', 'kk', 'ru'] as const
export type Lang = (typeof languages)[number]
export const language_names: Record<Lang, string> = { en: 'English', ja: '日本語', zh: '中文', kk: 'Қазақша', ru: 'Русский' }

const catalogues: Record<Lang, () => Promise<{ default: Record<string, Text> }>> = {
  en: () => import('virtual:catalogue/en'),
  ja: () => import('virtual:catalogue/ja'),
  zh: () => import('virtual:catalogue/zh'),
  kk: () => import('virtual:catalogue/kk'),
  ru: () => import('virtual:catalogue/ru'),
}

/* Chromium says that it knows Kazakh and writes 'M11': days and months then come from the catalogue, names of countries and
 * languages from kazakh.json (of Unicode CLDR), and numbers are written as in Russian, which is how Kazakh writes them. */
const knows_kazakh = !/^M\d/.test(new Intl.DateTimeFormat('kk', { month: 'short' }).format(0))

let names: Partial<Record<'language' | 'region' | 'currency', Record<string, string>>> | null = null

class Words {
  lang = $state<Lang>('en')
  time_zone = $state<string | undefined>(undefined)
  texts = $state.raw<Record<string, Text>>({})
  region = $state('')
  /** The tag for Intl: Chinese is simplified; English days and months go as the company's country writes them. */
  tag = $derived(this.lang === 'zh' ? 'zh-Hans' : this.lang === 'en' ? (this.region === 'US' ? 'en-US' : 'en-GB') : this.lang === 'kk' && !knows_kazakh ? 'ru' : this.lang)

  async use(lang: Lang) {
    const [found, own] = await Promise.all([catalogues[lang](), lang === 'kk' && !knows_kazakh ? import('./kazakh.json') : null])
    names = own?.default ?? null
    this.texts = found.default
    this.lang = lang
    document.documentElement.lang = lang === 'zh' ? 'zh-Hans' : lang
  }
}
export const words = new Words()

export function is_lang(code: string | null | undefined): code is Lang {
  return languages.includes(code as Lang)
}

/** The language the browser asks for, as far as we speak it. */
export function browser_lang(): Lang | null {
  for (const tag of navigator.languages) {
    const code = tag.slice(0, 2).toLowerCase()
    if (is_lang(code)) return code
  }
  return null
}

export function t(key: string, args: Args = {}): string {
  const text = words.texts[key]
  if (text === undefined) {
    missing.add(key)
    return key
  }
  return format(text, args, words.tag)
}
/** Is there a word for this code? Codes come from the server, which may be newer than this page. */
export const has_text = (key: string) => words.texts[key] !== undefined

/* Tests read this: no page may ask for a text that is not there. */
const missing = new Set<string>()
Object.defineProperty(window, 'kith_missing_texts', { get: () => [...missing] })

/* ---- numbers, money, time ------------------------------------------------------------------- */

export const number = (n: number) => new Intl.NumberFormat(words.tag).format(n)

export interface Money {
  amount: number
  currency: string
}
/** 'whole': an amount that a person wrote: 0 is told, and a round one has no decimals. */
export function money(m: Money | null | undefined, how?: 'whole'): string {
  if (!m || (!m.amount && !how)) return '–'
  const style = new Intl.NumberFormat(words.tag, { style: 'currency', currency: m.currency, currencyDisplay: 'narrowSymbol' })
  const digits = style.resolvedOptions().maximumFractionDigits ?? 2
  if (how && m.amount % 10 ** digits === 0) return new Intl.NumberFormat(words.tag, { style: 'currency', currency: m.currency, currencyDisplay: 'narrowSymbol', maximumFractionDigits: 0 }).format(m.amount / 10 ** digits)
  return style.format(m.amount / 10 ** digits)
}

const day_ms = 86_400_000
const options = (o: Intl.DateTimeFormatOptions): Intl.DateTimeFormatOptions => ({ timeZone: words.time_zone, ...o })
const day_key = (ms: number) => new Intl.DateTimeFormat('en-CA', options({ dateStyle: 'short' })).format(ms)

export const clock = (at: string | number | Date) =>
  new Intl.DateTimeFormat(words.tag, options({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })).format(new Date(at))

/** A date from its parts by the catalogue; null where the browser knows the language. */
function own_date(at: Date, key: string): string | null {
  if (words.tag !== 'ru' || words.lang !== 'kk') return null
  const [year, month, day] = day_key(at.getTime()).split('-').map(Number)
  return t(key, { year: String(year), month: t('date.months').split(' ')[month - 1], day: String(day) })
}
export const date = (at: string | number | Date) => {
  const d = new Date(at)
  const is_this_year = day_key(d.getTime()).slice(0, 4) === day_key(Date.now()).slice(0, 4)
  return (
    own_date(d, is_this_year ? 'date.day_month' : 'date.day_month_year') ??
    new Intl.DateTimeFormat(words.tag, options({ day: 'numeric', month: 'short', year: is_this_year ? undefined : 'numeric' })).format(d)
  )
}
/** The day of a date without a time, or of a time: noon of that day in the business time zone stands for it. */
export function plain_day(text: string): string {
  if (text.length > 10) return date(text)
  const noon = Date.parse(text + 'T12:00:00Z')
  const there = day_key(noon)
  return date(there === text ? noon : there > text ? noon - day_ms / 2 : noon + day_ms / 2)
}
export const date_time = (at: string | number | Date) => `${date(at)}, ${clock(at)}`
export const month_year = (at: string) =>
  own_date(new Date(at), 'date.month_year') ?? new Intl.DateTimeFormat(words.tag, options({ month: 'long', year: 'numeric' })).format(new Date(at))

/** Whole days from today in the business time zone: 0 today, −1 yesterday. */
export function days_from_today(at: string | number): number {
  const there = Date.parse(day_key(new Date(at).getTime()))
  return Math.round((there - Date.parse(day_key(Date.now()))) / day_ms)
}
/** "14:32" today, "Yesterday", else "3 Oct". */
export function day_short(at: string): string {
  const days = days_from_today(at)
  if (days === 0) return clock(at)
  if (days !== -1 && days !== 1) return date(at)
  const text = relative_day(days)
  return text.charAt(0).toLocaleUpperCase(words.tag) + text.slice(1)
}
function relative_day(days: number): string {
  if (days === 0) return t('date.today')
  if (days === -1) return t('date.yesterday')
  if (days === 1) return t('date.tomorrow')
  return days < 0 ? t('date.days_ago', { n: -days }) : t('date.in_days', { n: days })
}
/** "6 days ago", "today"; past two months the date itself. */
export function ago(at: string): string {
  const days = days_from_today(at)
  if (Math.abs(days) > 60) return date(at)
  return relative_day(days)
}
/** "today 17:00", "tomorrow 9:00", "3 Oct, 12:00". */
export function due(at: string): string {
  const days = days_from_today(at)
  if (Math.abs(days) > 1) return date_time(at)
  return `${relative_day(days)} ${clock(at)}`
}
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const h = Math.floor(s / 3600)
  const mm = String(Math.floor((s % 3600) / 60)).padStart(h ? 2 : 1, '0')
  return (h ? h + ':' : '') + mm + ':' + String(s % 60).padStart(2, '0')
}
/** "4 min 10 s" in words of the language. */
export function duration_words(seconds: number): string {
  const unit = (n: number, u: string) =>
    new Intl.NumberFormat(words.tag, { style: 'unit', unit: u, unitDisplay: 'short' }).format(n)
  const m = Math.floor(seconds / 60)
  const s = Math.floor(seconds % 60)
  return [m ? unit(m, 'minute') : '', s || !m ? unit(s, 'second') : ''].filter(Boolean).join(' ')
}

/* Dear to make: hundreds of names are asked for at once. */
const namers = new Map<string, Intl.DisplayNames>()
function display_name(type: 'language' | 'region' | 'currency', code: string): string {
  const own = names?.[type]?.[code]
  if (own) return own
  try {
    const key = `${type} ${words.tag}`
    if (!namers.has(key)) namers.set(key, new Intl.DisplayNames([words.tag], { type }))
    return namers.get(key)!.of(code) ?? code
  } catch {
    return code
  }
}
export const language_name = (code: string) => display_name('language', code)
export const country_name = (code: string) => display_name('region', code)
export const currency_name = (code: string) => display_name('currency', code)
