/* Words for codes that the server sends; a code that this page does not know is left out or shown as it is. */
import { ago, due, has_text, language_name, t } from './i18n.svelte'
import type { Ask, Coded, ClassSeen } from './types'

/** Args of a reason, with its times written out. */
function readable(args: Coded['args'] = {}): Record<string, string | number> {
  const out: Record<string, string | number> = {}
  for (const [k, v] of Object.entries(args)) {
    if (k === 'staff' && !v) out[k] = 'no'
    else if (v === null || v === undefined) out[k] = ''
    else if (typeof v === 'string' && /^\d{4}-\d\d-\d\dT/.test(v)) out[k] = k === 'due_at' ? due(v) : ago(v)
    else out[k] = k === 'reason' && v ? `(${v})` : v
  }
  return out
}
export function coded(prefix: string, c: Coded): string {
  const key = `${prefix}.${c.code}`
  return has_text(key) ? t(key, readable(c.args)) : ''
}
/** The word for a code, or the code. */
export function word(prefix: string, code: string | null | undefined): string {
  if (!code) return ''
  const key = `${prefix}.${code}`
  return has_text(key) ? t(key) : code
}
/** What was confirmed longest ago, as a question. */
export const ask_still = (ask: Ask): string =>
  t('record.ask_still', { field: word('field', ask.field), value: ask.field === 'lang' ? language_name(ask.value ?? '') : (ask.value ?? '') })
export const channel_icon: Record<string, string> = {
  call: 'phone', email: 'mail', chat: 'chat', fax: 'fax', letter: 'letter', form: 'form', visit: 'globe', order: 'cart', purchase: 'shop', survey: 'star', note: 'note',
}
export const order_tone: Record<string, string> = { open: 'warn', paid: 'acc', shipped: '', delivered: 'ok', cancelled: 'bad' }
export const class_codes = ['regular', 'chatty', 'freeloader', 'time_eater', 'interested', 'company', 'fraud_suspect']
/** A type that asks for more than ordinary service. */
export const says_more = (type: ClassSeen): boolean => !!type.code && type.code !== 'regular'
export const outcome_tone: Record<string, string> = { solved: 'ok', follow_up: 'warn', passed_on: '' }
export const tel = (number: string) => 'tel:' + number.replace(/[^\d+*#]/g, '')
