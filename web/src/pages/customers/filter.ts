/* Conditions as sentence-like rows, and as the text of an expression. What the rows cannot say stays text. */
import type { Column, Operator } from './list.svelte'

export interface Condition {
  column: Column
  operator: Operator
  v: string
  w: string
}
export const needs = (o: Operator) => (o.text.includes('{w}') ? 2 : o.text.includes('{v}') ? 1 : 0)

/** How a value is written: codes and numbers plain, all else in quotes. */
function written(column: Column, value: string): string {
  const kind = column.value_type ?? column.type
  if (['number', 'money', 'time', 'date', 'yes_no'].includes(kind)) return value.trim()
  if (kind === 'choice' && !column.value_type) return value
  return '"' + value.replace(/[\\"]/g, '\\$&') + '"'
}
const unwritten = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replace(/\\(["\\])/g, '$1') : text)

export function condition_text(c: Condition): string {
  return c.operator.text.replace('{a}', c.column.attribute).replace('{v}', written(c.column, c.v)).replace('{w}', written(c.column, c.w))
}
export const filter_text = (all: Condition[]) => all.filter((c) => !needs(c.operator) || c.v.trim()).map(condition_text).join(' and ')

const VALUE = '("(?:[^"\\\\]|\\\\.)*"|[^\\s()"]+)'
function pattern(c: Column, o: Operator): RegExp {
  const text = o.text.replace(/[.*+?^$|()[\]\\]/g, '\\$&').replace('{a}', c.attribute.replace('.', '\\.')).replace('{v}', VALUE).replace('{w}', VALUE)
  return new RegExp('^' + text + '(?=$|\\s+and\\s)')
}
/** The rows of a text; null when they cannot say it. */
export function conditions(text: string, columns: Column[]): Condition[] | null {
  const out: Condition[] = []
  let rest = text.trim()
  while (rest) {
    let best: { length: number; c: Condition } | null = null
    for (const column of columns)
      for (const operator of column.operators) {
        const m = pattern(column, operator).exec(rest)
        if (m && m[0].length > (best?.length ?? 0)) best = { length: m[0].length, c: { column, operator, v: unwritten(m[1] ?? ''), w: unwritten(m[2] ?? '') } }
      }
    if (!best) return null
    out.push(best.c)
    rest = rest.slice(best.length).replace(/^\s+and\s+/, '')
  }
  return out
}
