/* What conditions may ask, in the language of the person; and the values that can be offered. */
import { api } from '../lib/api'
import { countries, speech } from '../lib/codes'
import { country_name, has_text, language_name, t, words } from '../lib/i18n.svelte'
import { ways } from '../pages/risk/ways.svelte'
import type { Attribute, Catalogue } from './tree'

export interface Option {
  key: string
  name: string
}
const named = (all: { name: string }[]): Option[] => all.map((x) => ({ key: x.name, name: x.name }))

class Known {
  all = $state.raw<Catalogue | null>(null)
  private lang = ''
  private asked: Promise<void> | null = null
  colleagues = $state.raw<Option[] | null>(null)
  tags = $state.raw<Option[] | null>(null)
  segments = $state.raw<Option[] | null>(null)

  /** It could not be asked for. */
  is_lost = $state(false)

  /** Once for each time a condition is opened: the company's own attributes may be others by now. */
  async load() {
    if (this.lang !== words.lang) this.all = null
    this.lang = words.lang
    this.asked ??= api.get<Catalogue>('/attributes').then((all) => void (this.all = all))
    try {
      await this.asked
      this.is_lost = false
    } catch (e) {
      this.is_lost = true
      throw e
    } finally {
      this.asked = null
    }
  }
  /** For sentences that are only read: what is known in this language will do. */
  async begin() {
    if (!this.all || this.lang !== words.lang) await this.load()
  }
  fetch(what: 'colleagues' | 'tags' | 'segments') {
    if (this[what] !== null) return
    this[what] = []
    const path = { colleagues: '/customers/owners', tags: '/tags', segments: '/segments' }[what]
    api.get<{ items: { name: string }[] }>(path).then(
      (p) => (this[what] = named(p.items)),
      () => (this[what] = null),
    )
  }
  forget_segments() {
    this.segments = null
  }
}
export const known = new Known()

/** The values that are offered for an attribute; null: it is typed. */
export function offered(a: Attribute): Option[] | null {
  if (a.offers === 'country') return countries().map((k) => ({ key: k, name: country_name(k) }))
  if (a.offers === 'language') return speech.map((k) => ({ key: k, name: language_name(k) }))
  if (a.offers === 'colleague') return known.colleagues
  if (a.offers === 'tag') return known.tags?.length ? known.tags : null
  if (a.offers === 'payment') return ways.items?.length ? ways.items.map(({ code }) => ({ key: code, name: ways.names[code] })) : null
  if (!a.choices?.length) return null
  return a.choices.map(({ code }) => ({ key: code, name: has_text(a.choice_label + code) ? t(a.choice_label + code) : code }))
}
/** Asks for what offered() will need. */
export function prepare(a: Attribute | null) {
  if (a?.offers === 'colleague') known.fetch('colleagues')
  if (a?.offers === 'tag') known.fetch('tags')
  if (a?.offers === 'payment' && !ways.items) void ways.load()
}
