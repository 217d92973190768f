/* A condition as the server's tree, and as rows that read like sentences. What rows cannot say stays a part of the tree and
 * is shown as text, so that tree → rows → tree gives the same tree. */

export interface Window {
  within?: string
  since?: string
  before?: string
}
export interface Term {
  name?: string
  string?: string
  number?: string
  money?: string
  currency?: string
  duration?: string
  date?: string
  value?: string
  days_since?: string
  call?: string
  list?: string
  field?: string
  where?: Tree
  window?: Window
  sum?: Term[]
  signs?: string
}
export interface Tree {
  and?: Tree[]
  or?: Tree[]
  not?: Tree
  cmp?: string
  left?: Term
  right?: Term
  in?: Term
  values?: Term[]
  between?: Term
  low?: Term
  high?: Term
  is?: 'known' | 'empty'
  negated?: boolean
  of?: Term
  any?: string
  no?: string
  where?: Tree
  window?: Window
  segment?: string
  word?: string
  name?: string
}

export interface Attribute {
  name: string
  label: string
  type: 'yes_no' | 'number' | 'money' | 'time' | 'day' | 'text' | 'choice'
  several: boolean
  maybe_unknown: boolean
  group?: string
  days?: number
  choices?: { code: string }[]
  choice_label?: string
  offers?: string
}
export interface List {
  name: string
  label: string
  has_time: boolean
  fields: Attribute[]
}
export interface Catalogue {
  items: Attribute[]
  lists: List[]
}

export type Join = 'all' | 'any' | 'none'
export interface Row {
  id: number
  kind: 'attribute' | 'list' | 'segment' | 'text'
  /** `not` stands in front. */
  not: boolean
  /** Of an attribute: its name; of a segment: its name. */
  name: string
  /** days_since(name) is compared. */
  days: boolean
  /** '=', …, 'in', 'between', 'known', 'unknown', 'empty', 'filled', 'yes' (alone). */
  op: string
  values: Term[]
  /** Rows of another table: which, and 'any', 'no', or what is worked out of them. */
  list: string
  what: string
  field: string
  window: Window | null
  inner: Group | null
  /** What rows cannot say. */
  part: Tree | null
}
export interface Group {
  id: number
  join: Join
  rows: (Row | Group)[]
}
export const is_group = (x: Row | Group): x is Group => 'join' in x

let last = 0
const fresh = () => ++last
export const new_row = (more: Partial<Row> = {}): Row => ({ id: fresh(), kind: 'attribute', not: false, name: '', days: false, op: '=', values: [], list: '', what: 'any', field: '', window: null, inner: null, part: null, ...more })
export const new_group = (join: Join, rows: (Row | Group)[] = []): Group => ({ id: fresh(), join, rows })

export const calls = ['count', 'sum', 'min', 'max', 'avg', 'first', 'last', 'distinct']
export const compares = (r: Row) => r.kind === 'attribute' || (r.kind === 'list' && r.what !== 'any' && r.what !== 'no')
const NUMBER = /^-?\d{1,15}(\.\d{1,9})?$/
export const DURATION = /^(\d+)(min|h|d|w|mo|y)$/

/** What a value is compared with: the attribute, the field of the list, or a number made of rows. */
export function attribute_of(c: Catalogue, r: Row, inside: List | null): Attribute | null {
  const of = (name: string, l: List | null) => (l ? l.fields : c.items).find((a) => a.name === name) ?? null
  if (r.kind === 'attribute') return of(r.name, inside)
  const field = of(r.field, list_of(c, r) ?? null)
  return field && r.what !== 'distinct' && r.what !== 'count' ? field : { name: '', label: '', type: 'number', several: false, maybe_unknown: false }
}
export const list_of = (c: Catalogue, r: Row) => c.lists.find((l) => l.name === r.list)
export const type_of = (c: Catalogue, r: Row, inside: List | null): Attribute['type'] => (r.days ? 'number' : (attribute_of(c, r, inside)?.type ?? 'text'))

/* ---- the tree as rows ---------------------------------------------------------------------------- */

const ago = (t: Term) => (t.sum?.length === 2 && t.signs === '+-' && t.sum[0].value === 'today' && /^\d*(d|w|mo|y)$/.test(t.sum[1].duration ?? '') ? t.sum[1].duration! : null)
export const days_ago = (duration: string): Term => ({ sum: [{ value: 'today' }, { duration }], signs: '+-' })
export const ago_of = ago

/** Can a field of the rows hold it? */
function is_plain(t: Term, type: Attribute['type']): boolean {
  switch (type) {
    case 'number':
      return t.number !== undefined
    case 'money':
      return t.number !== undefined || t.money !== undefined
    case 'time':
    case 'day':
      return t.date !== undefined || t.value === 'today' || ago(t) !== null
    case 'yes_no':
      return t.value === 'true' || t.value === 'false'
    default:
      return t.string !== undefined || t.name !== undefined
  }
}

function read_rows(c: Catalogue, where: Tree | undefined, list: string): Group | null {
  const l = c.lists.find((x) => x.name === list)
  return where && l ? read_group(c, where, l, 1) : null
}

function subject(c: Catalogue, t: Term, inside: List | null): Partial<Row> | null {
  if (t.name !== undefined || t.days_since !== undefined) {
    const name = t.name ?? t.days_since!
    return (inside ? inside.fields : c.items).some((a) => a.name === name) ? { kind: 'attribute', name, days: t.name === undefined } : null
  }
  if (t.call === undefined || inside || !c.lists.some((l) => l.name === t.list)) return null
  return { kind: 'list', what: t.call, list: t.list!, field: t.field ?? '', window: t.window ?? null, inner: read_rows(c, t.where, t.list!) }
}

function read_leaf(c: Catalogue, t: Tree, inside: List | null): Row | null {
  const compared = (left: Term, op: string, values: Term[]): Row | null => {
    const s = subject(c, left, inside)
    if (!s) return null
    const r = new_row({ ...s, op, values })
    const type = type_of(c, r, inside)
    return values.every((v) => is_plain(v, type)) ? r : null
  }
  if (t.cmp) return compared(t.left!, t.cmp, [t.right!])
  if (t.in) return t.values!.length ? compared(t.in, 'in', t.values!) : null
  if (t.between) return compared(t.between, 'between', [t.low!, t.high!])
  if (t.is) return compared(t.of!, t.is === 'known' ? (t.negated ? 'unknown' : 'known') : t.negated ? 'filled' : 'empty', [])
  if (t.name) return compared({ name: t.name }, 'yes', [])
  if (inside) return null
  if (t.segment !== undefined) return new_row({ kind: 'segment', name: t.segment })
  const list = t.any ?? t.no
  if (list === undefined || !c.lists.some((l) => l.name === list)) return null
  return new_row({ kind: 'list', what: t.any ? 'any' : 'no', list, window: t.window ?? null, inner: read_rows(c, t.where, list) })
}

function read_row(c: Catalogue, t: Tree, inside: List | null): Row {
  const leaf = read_leaf(c, t.not ?? t, inside)
  return leaf ? { ...leaf, not: !!t.not } : new_row({ kind: 'text', part: t })
}

/** Groups stand one level deep; what is deeper is a part shown as text. */
export function read_group(c: Catalogue, t: Tree, inside: List | null = null, level = 0): Group {
  const join: Join = t.or ? 'any' : t.not?.or ? 'none' : 'all'
  const members = t.and ?? t.or ?? t.not?.or ?? [t]
  return new_group(
    join,
    members.map((m) => (level === 0 && (m.and || m.or || m.not?.or) ? read_group(c, m, inside, 1) : read_row(c, m, inside))),
  )
}

/* ---- rows as the tree ------------------------------------------------------------------------------- */

export function is_filled(t: Term | undefined): boolean {
  if (!t) return false
  if (t.value) return true
  if (t.sum) return DURATION.test(ago(t) ?? '')
  if (t.number !== undefined || t.money !== undefined) return NUMBER.test(t.number ?? t.money!)
  if (t.date !== undefined) return /^\d{4}-\d\d-\d\d$/.test(t.date)
  return !!(t.string ?? t.name ?? '').trim()
}
const needed = (op: string) => (['known', 'unknown', 'empty', 'filled', 'yes'].includes(op) ? 0 : op === 'between' ? 2 : 1)
export { needed }
export function is_whole(r: Row): boolean {
  const window_fits = !r.window || DURATION.test(r.window.within ?? '1d') && (r.window.since ?? r.window.before ?? 'today') !== ''
  if (r.kind === 'text') return true
  if (r.kind === 'segment') return !!r.name
  if (!window_fits) return false
  if (!compares(r)) return !!r.list
  const values = r.op === 'in' ? r.values : r.values.slice(0, needed(r.op))
  return values.length >= needed(r.op) && values.every(is_filled)
}

function with_rows<T extends Tree | Term>(r: Row, t: T): T {
  const where = r.inner && write_group(r.inner)
  return { ...t, ...(where ? { where } : {}), ...(r.window ? { window: { ...r.window } } : {}) }
}
function left_of(r: Row): Term {
  if (r.kind === 'list') return with_rows(r, { call: r.what, list: r.list, ...(r.field ? { field: r.field } : {}) })
  return r.days ? { days_since: r.name } : { name: r.name }
}
function write_leaf(r: Row): Tree {
  if (r.kind === 'segment') return { segment: r.name }
  if (!compares(r)) return with_rows(r, r.what === 'any' ? { any: r.list } : { no: r.list })
  const left = left_of(r)
  switch (r.op) {
    case 'yes':
      return { name: r.name }
    case 'known':
    case 'unknown':
      return { is: 'known', negated: r.op === 'unknown', of: left }
    case 'empty':
    case 'filled':
      return { is: 'empty', negated: r.op === 'filled', of: left }
    case 'in':
      return { in: left, values: r.values }
    case 'between':
      return { between: left, low: r.values[0], high: r.values[1] }
    default:
      return { cmp: r.op, left, right: r.values[0] }
  }
}
export function write_row(r: Row): Tree | null {
  if (r.kind === 'text') return r.part
  if (!is_whole(r)) return null
  const leaf = write_leaf(r)
  return r.not ? { not: leaf } : leaf
}
/** Null: nothing is said. */
export function write_group(g: Group): Tree | null {
  const all = g.rows.map((x) => (is_group(x) ? write_group(x) : write_row(x))).filter((t) => t !== null)
  if (!all.length) return null
  if (g.join === 'none') return { not: all.length > 1 ? { or: all } : all[0] }
  return all.length === 1 ? all[0] : g.join === 'all' ? { and: all } : { or: all }
}
export const count_parts = (g: Group): number => g.rows.reduce((n, x) => n + (is_group(x) ? count_parts(x) : x.kind === 'text' ? 1 : x.inner ? count_parts(x.inner) : 0), 0)

/* ---- what can be asked of a type ------------------------------------------------------------------------ */

export interface Way {
  /** In front of it `not `, `days ` where they stand. */
  key: string
  label: string
}
const w = (key: string, label: string): Way => ({ key, label })
const known = [w('known', 'known'), w('unknown', 'unknown')]
const days = [w('days <=', 'days_less'), w('days >', 'days_more')]
const dates = [w('=', 'on'), w('>=', 'after'), w('<', 'before'), w('between', 'between')]
/* Read, and shown where they stand; not offered. */
const rare = [w('empty', 'unknown'), w('filled', 'known'), w('>', 'later'), w('<=', 'until'), w('!=', 'is_other')]
export const rare_label = (key: string) => rare.find((r) => r.key === key)?.label ?? null

export function ways(a: Attribute): Way[] {
  const several = a.several && a.group !== 'own' // of the company's own there is one, but for merged records
  const unsure = a.maybe_unknown && !several
  const other = unsure ? [w('!=', 'is_other')] : []
  const tail = a.maybe_unknown ? known : []
  switch (a.type) {
    case 'yes_no':
      return unsure || several ? [w('yes', 'yes'), w('= false', 'false'), w('not yes', 'no_or_unknown'), ...known] : [w('yes', 'yes'), w('not yes', 'no')]
    case 'number':
    case 'money':
      return [w('>=', 'at_least'), w('<=', 'at_most'), w('=', 'equals'), w('between', 'between'), w('>', 'more'), w('<', 'less'), ...other, ...tail]
    case 'time':
    case 'day':
      return [...days, ...dates, ...tail]
    case 'choice':
      return [w('=', 'is'), w('in', 'one_of'), ...other, w('not =', unsure ? 'is_not_or_unknown' : 'is_not'), w('not in', 'none_of'), ...tail]
    default:
      if (several) return [w('=', 'has'), w('in', 'has_one_of'), w('not =', 'has_not'), w('not in', 'has_none_of'), w('~', 'has_with'), w('^=', 'has_from'), ...tail]
      return [w('=', 'is'), w('in', 'one_of'), ...other, w('not =', unsure ? 'is_not_or_unknown' : 'is_not'), w('not in', 'none_of'), w('~', 'contains'), w('not ~', 'contains_not'), w('^=', 'starts'), w('$=', 'ends'), ...tail]
  }
}
export function way_of(r: Row): string {
  const bool = r.op === '=' && (r.values[0]?.value === 'true' || r.values[0]?.value === 'false')
  return (r.not ? 'not ' : '') + (r.days ? 'days ' : '') + r.op + (bool ? ' ' + r.values[0].value : '')
}
export function set_way(r: Row, key: string) {
  const m = /^(not )?(days )?(\S+)(?: (true|false))?$/.exec(key)!
  r.not = !!m[1]
  const was_days = r.days
  r.days = !!m[2]
  r.op = m[3]
  if (m[4]) r.values = [{ value: m[4] }]
  else if (was_days !== r.days) r.values = []
}
