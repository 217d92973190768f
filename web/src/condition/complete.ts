/* What may stand where the cursor is, in a condition written as text. */
import type { Attribute, Catalogue, List } from './tree'

export interface Suggestion {
  text: string
  label: string
  /** Stands after the word, so that typing goes on. */
  tail: string
}
export interface Suggestions {
  from: number
  items: Suggestion[]
}
const MOST = 8
const NONE: Suggestions = { from: 0, items: [] }
const SIGN = String.raw`(?:!=|<=|>=|\^=|\$=|[=<>~])`
const signs: Record<string, string[]> = {
  number: ['>=', '<=', '=', 'between'],
  money: ['>=', '<=', '=', 'between'],
  time: ['>=', '<', '=', 'between'],
  day: ['>=', '<', '=', 'between'],
  text: ['=', '!=', '~', '^=', '$=', 'in ('],
  choice: ['=', '!=', 'in ('],
}
const words = ['not', 'any', 'no', 'segment(', 'days_since(', 'count(', 'sum(', 'min(', 'max(', 'avg(', 'first(', 'last(', 'distinct(']

/** The list whose brackets are open at the end of the text. */
function open_list(before: string, c: Catalogue): List | null {
  let depth = 0
  for (let i = before.length - 1; i >= 0; i--) {
    if (before[i] === ']') depth++
    else if (before[i] === '[' && depth-- === 0) {
      const name = /([\w]+)(?:\.\w+)?\s*$/.exec(before.slice(0, i))?.[1]
      return c.lists.find((l) => l.name === name) ?? null
    }
  }
  return null
}

export function suggest(text: string, at: number, c: Catalogue, values_of: (a: Attribute) => { key: string; name: string }[] | null, segments: { key: string; name: string }[]): Suggestions {
  const before = text.slice(0, at)
  const inside = open_list(before, c)
  const names = inside ? inside.fields : c.items
  const fits = (word: string, all: Suggestion[], from: number): Suggestions => {
    const low = word.toLocaleLowerCase()
    const begin = all.filter((s) => s.text.toLowerCase().startsWith(low))
    const found = [...begin, ...all.filter((s) => !begin.includes(s) && low.length > 1 && s.label.toLocaleLowerCase().includes(low))]
    return { from, items: found.filter((s) => s.text !== word).slice(0, MOST) }
  }
  const plain = (s: string): Suggestion => ({ text: s, label: '', tail: /[(]$/.test(s) ? '' : ' ' })

  const segment = /segment\(\s*"([^"]*)$/.exec(before) ?? /segment\(\s*()$/.exec(before)
  if (segment) return fits(segment[1], segments.map((s) => ({ text: quote(s.key), label: s.name, tail: ')' })), at - segment[1].length - (before.endsWith('"') || segment[1] ? 1 : 0))
  /* inside quotation marks nothing else is offered than a value */
  const value = new RegExp(String.raw`([\w.]+)\s*(?:${SIGN}\s*|\bin\s*\((?:[^()]*,)?\s*)("[^"]*|[^\s"()=<>~,]*)$`).exec(before)
  const asked = value && names.find((a) => a.name === value[1])
  if (asked) {
    const typed = value[2].replace(/^"/, '')
    const is_name = /^[A-Za-z][\w]*$/
    const all = (asked.type === 'yes_no' ? [{ key: 'true', name: '' }, { key: 'false', name: '' }] : (values_of(asked) ?? [])).map((v) => ({ text: is_name.test(v.key) && !value[2].startsWith('"') ? v.key : quote(v.key), label: v.name, tail: ' ' }))
    const low = typed.toLocaleLowerCase()
    const found = all.filter((s) => !typed || s.text.replace(/^"/, '').toLocaleLowerCase().startsWith(low) || s.label.toLocaleLowerCase().includes(low))
    return { from: at - value[2].length, items: found.filter((s) => s.text !== value[2]).slice(0, MOST) }
  }
  if ((before.match(/"/g)?.length ?? 0) % 2) return NONE

  const word = /[\w.]*$/.exec(before)![0]
  const head = before.slice(0, at - word.length)
  const call = /\b(count|sum|min|max|avg|first|last|distinct)\(\s*$/.exec(head)
  if (call || /\b(any|no)\s+$/.test(head)) {
    const [name, field] = word.split('.')
    const list = field === undefined ? null : c.lists.find((l) => l.name === name)
    if (call && list) return fits(word, list.fields.map((f) => ({ text: `${name}.${f.name}`, label: f.label, tail: '' })), at - word.length)
    return fits(word, c.lists.map((l) => ({ text: l.name, label: l.label, tail: '' })), at - word.length)
  }
  const days = /\bdays_since\(\s*$/.test(head)
  if (days) return fits(word, names.filter((a) => a.type === 'time' || a.type === 'day').map((a) => ({ text: a.name, label: a.label, tail: ')' })), at - word.length)
  /* behind a name: how it is compared */
  const left = /([\w.]+)\s+$/.exec(head)?.[1]
  const compared = left && names.find((a) => a.name === left)
  if (compared && compared.type !== 'yes_no' && !/(?:=|<|>|~|\band|\bbetween)\s*[\w."]+\s+$/.test(head))
    return fits(word, [...(signs[compared.type] ?? []), ...(compared.maybe_unknown ? ['is known', 'is empty'] : [])].map(plain), at - word.length)
  if (/(?:\b(?:any|no)\s+\w+|\])\s+$/.test(head)) return fits(word, ['within 30d', 'since', 'before', 'and', 'or'].map(plain), at - word.length)
  if (!word) return NONE
  return fits(word, [...names.map((a) => ({ text: a.name, label: a.label, tail: a.type === 'yes_no' ? ' ' : ' ' })), ...(inside ? ['not'] : words).map(plain), plain('and'), plain('or')], at - word.length)
}
const quote = (s: string) => '"' + s.replace(/[\\"]/g, '\\$&') + '"'
