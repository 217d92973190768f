/* A condition as a sentence for people: names, values, days and amounts as the language has them. Its text form keeps the keys. */
import { country_name, has_text, language_name, money, number, plain_day, t } from '../lib/i18n.svelte'
import { session } from '../lib/session.svelte'
import { ways } from '../pages/risk/ways.svelte'
import { ago_of, DURATION, type Attribute, type Catalogue, type List, type Term, type Tree, type Window } from './tree'

const quoted = (v: string) => t('cond.word', { v })
const any_of = (all: string[], by: 'and' | 'or') => all.reduce((x, y) => t('cond.' + by, { x, y }))

/** The word for a value of an attribute, as it is stored. */
export function value_word(a: Attribute | null, raw: string): string {
  if (a?.type === 'yes_no') return raw === 'true' ? t('list.yes') : raw === 'false' ? t('list.no') : raw
  if (a?.offers === 'country') return country_name(raw.toUpperCase())
  if (a?.offers === 'language') return language_name(raw)
  if (a?.offers === 'payment') return ways.names[raw] ?? (has_text('risk.way.of.' + raw) ? t('risk.way.of.' + raw) : raw)
  return a?.choice_label && has_text(a.choice_label + raw) ? t(a.choice_label + raw) : raw
}
const duration = (d: string): string => {
  const m = DURATION.exec(d)
  return m ? t('cond.length.' + m[2], { n: Number(m[1]) }) : d
}
function amount(of: string, currency: string | undefined): string {
  const code = currency || session.me?.base_currency
  if (!code || !Number.isFinite(Number(of))) return of
  return money({ amount: Math.round(Number(of) * 10 ** digits_of(code)), currency: code }, 'whole')
}
const digits_of = (code: string): number => new Intl.NumberFormat('en', { style: 'currency', currency: code }).resolvedOptions().maximumFractionDigits ?? 2

class Teller {
  constructor(
    private all: Catalogue,
    private inside: List | null = null,
  ) {}

  private attribute(name: string | undefined): Attribute | null {
    return (this.inside ? this.inside.fields : this.all.items).find((a) => a.name === name) ?? null
  }
  /** What a comparison is about: it says how values on the other side are written. */
  of(x: Term | undefined): Attribute | null {
    if (!x) return null
    if (x.sum) return x.sum.map((one) => this.of(one)).find(Boolean) ?? null
    if (x.name !== undefined) return this.attribute(x.name)
    if (x.call && x.call !== 'count' && x.call !== 'distinct') return this.all.lists.find((l) => l.name === x.list)?.fields.find((f) => f.name === x.field) ?? null
    return null
  }

  private rows(x: { list: string; where?: Tree; window?: Window }): string {
    const list = this.all.lists.find((l) => l.name === x.list)
    let l = list?.label ?? x.list
    if (x.where && list) l = t('cond.of', { l, x: new Teller(this.all, list).tree(x.where) })
    if (x.window?.within) l = t('cond.within', { l, d: duration(x.window.within) })
    else if (x.window?.since) l = t('cond.since', { l, d: this.day(x.window.since) })
    else if (x.window?.before) l = t('cond.before_day', { l, d: this.day(x.window.before) })
    return l
  }
  private day = (d: string) => (d === 'today' ? t('filter.today') : /^\d{4}-\d\d-\d\d$/.test(d) ? plain_day(d) : d)

  /** A term: on the left a name is an attribute, on the right it is a value of `a`. */
  term(x: Term, a: Attribute | null, is_right: boolean): string {
    if (x.sum) {
      const back = ago_of(x) ?? (x.sum.length === 2 && x.signs === '+-' && x.sum[0].value === 'now' ? x.sum[1].duration : null)
      if (back) return t('cond.ago', { d: duration(back) })
      return x.sum.map((one, i) => (i ? (x.signs?.[i] === '-' ? ' − ' : ' + ') : '') + this.term(one, a, is_right)).join('')
    }
    if (x.call) {
      const l = this.rows({ list: x.list!, where: x.where, window: x.window })
      if (x.call === 'count') return t('cond.count', { l })
      return t('cond.call', { l, what: t('filter.what.' + x.call), f: this.all.lists.find((o) => o.name === x.list)?.fields.find((f) => f.name === x.field)?.label ?? x.field })
    }
    if (x.days_since !== undefined) return t('cond.days_since', { a: this.attribute(x.days_since)?.label ?? x.days_since })
    if (x.money !== undefined) return amount(x.money, x.currency)
    if (x.number !== undefined) return a?.type === 'money' ? amount(x.number, undefined) : number(Number(x.number))
    if (x.duration !== undefined) return duration(x.duration)
    if (x.date !== undefined) return this.day(x.date)
    if (x.value !== undefined) return x.value === 'today' ? t('filter.today') : x.value === 'now' ? t('cond.now') : value_word({ type: 'yes_no' } as Attribute, x.value)
    if (x.string !== undefined) return quoted(value_word(a, x.string))
    if (!is_right) return this.attribute(x.name)?.label ?? x.name ?? ''
    const other = this.attribute(x.name)
    return other && a?.type !== 'choice' && a?.type !== 'text' ? other.label : quoted(value_word(a, x.name ?? ''))
  }

  private compared(cmp: string, left: Term, right: Term, negated: boolean): string {
    const of = this.of(left)
    const n = /^\d+$/.test(right.number ?? '') ? Number(right.number) : null
    if (left.days_since !== undefined && n !== null) {
      const a = this.attribute(left.days_since)?.label ?? left.days_since
      if (cmp === '<=' || cmp === '<') return this.not(t('cond.days_less', { a, n: cmp === '<' ? n - 1 : n }), negated)
      if (cmp === '>' || cmp === '>=') return this.not(t('cond.days_more', { a, n: cmp === '>=' ? n - 1 : n }), negated)
    }
    const a = this.term(left, of, false)
    const v = this.term(right, of, true)
    const is_time = of?.type === 'time' || of?.type === 'day'
    if (of?.type === 'yes_no' && cmp === '=' && (right.value === 'true' || right.value === 'false')) {
      if (right.value === 'true') return negated ? t(of.maybe_unknown ? 'cond.no_or_unknown' : 'cond.no', { a }) : a
      return this.not(t('cond.no', { a }), negated)
    }
    if (cmp === '=' && negated) return t(of?.maybe_unknown && !of.several ? 'cond.is_not_or_unknown' : 'cond.is_not', { a, v })
    if (cmp === '!=' && !negated) return t(of?.maybe_unknown ? 'cond.is_other' : 'cond.is_not', { a, v })
    if (cmp === '~' && negated) return t('cond.contains_not', { a, v })
    const key = is_time
      ? { '=': 'on', '!=': 'is_not', '>=': 'from', '>': 'after', '<': 'before', '<=': 'until' }[cmp]
      : { '=': of && (of.type === 'text' || of.type === 'choice') ? 'is' : 'equals', '!=': 'is_not', '>=': 'at_least', '>': 'more', '<': 'less', '<=': 'at_most', '~': 'contains', '^=': 'starts', '$=': 'ends' }[cmp]
    return this.not(key ? t('cond.' + key, { a, v }) : `${a} ${cmp} ${v}`, negated)
  }
  private not = (x: string, negated: boolean) => (negated ? t('cond.not', { x }) : x)

  private leaf(x: Tree, negated: boolean): string {
    if (x.cmp) return this.compared(x.cmp, x.left!, x.right!, negated)
    if (x.in) {
      const of = this.of(x.in)
      const a = this.term(x.in, of, false)
      const v = any_of(x.values!.map((one) => this.term(one, of, true)), 'or')
      return t(negated ? (of?.maybe_unknown && !of.several ? 'cond.is_not_or_unknown' : 'cond.is_not') : 'cond.is', { a, v })
    }
    if (x.between) {
      const of = this.of(x.between)
      return this.not(t('cond.between', { a: this.term(x.between, of, false), v: this.term(x.low!, of, true), w: this.term(x.high!, of, true) }), negated)
    }
    if (x.is) {
      const is_known = (x.is === 'known') !== (!!x.negated !== negated)
      return t(is_known ? 'cond.known' : 'cond.unknown', { a: this.term(x.of!, null, false) })
    }
    if (x.segment !== undefined) return t(negated ? 'cond.not_in_segment' : 'cond.in_segment', { v: quoted(x.segment) })
    const list = x.any ?? x.no
    if (list !== undefined) return t((x.any !== undefined) !== negated ? 'cond.any' : 'cond.none', { l: this.rows({ list, where: x.where, window: x.window }) })
    if (x.name !== undefined) {
      const a = this.attribute(x.name)
      return negated ? t(a?.maybe_unknown ? 'cond.no_or_unknown' : 'cond.no', { a: a?.label ?? x.name }) : (a?.label ?? x.name)
    }
    return this.not(quoted(x.word ?? ''), negated)
  }
  tree(x: Tree, is_part = false): string {
    const many = x.and ?? x.or
    if (many) {
      const said = any_of(many.map((one) => this.tree(one, !!x.and)), x.and ? 'and' : 'or')
      return is_part && x.or ? t('cond.group', { x: said }) : said
    }
    if (x.not) return x.not.and || x.not.or || x.not.not ? t('cond.not', { x: this.tree(x.not) }) : this.leaf(x.not, true)
    return this.leaf(x, false)
  }
  /** The attribute that the only comparison of a tree is about. */
  about(x: Tree): Attribute | null {
    const leaf = x.not ?? x
    return this.of(leaf.left ?? leaf.in ?? leaf.between ?? leaf.of) ?? this.attribute(leaf.name)
  }
}

export const sentence = (all: Catalogue, tree: Tree): string => new Teller(all).tree(tree)

/** A value that the server saw, as it wrote it, in words. */
export function seen_word(all: Catalogue, tree: Tree, seen: string): string {
  const leaf = tree.not ?? tree
  const a = new Teller(all).about(tree)
  if (!a || (leaf.left ?? leaf.in ?? leaf.between)?.days_since !== undefined || (leaf.left?.sum && a.type !== 'money')) return a?.type === 'time' && /^\d{4}-/.test(seen) ? plain_day(seen) : seen
  if (a.type === 'time' || a.type === 'day') return /^\d{4}-\d\d-\d\d/.test(seen) ? plain_day(seen) : seen
  const of_money = /^(-?\d+(?:\.\d+)?) ([A-Z]{3})$/.exec(seen)
  if (of_money) return amount(of_money[1], of_money[2])
  if (a.type === 'number') return Number.isFinite(Number(seen)) ? number(Number(seen)) : seen
  if (a.type === 'money') return seen
  return a.several ? seen.split(', ').map((one) => value_word(a, one)).join(', ') : value_word(a, seen)
}
