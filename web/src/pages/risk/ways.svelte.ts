/* Ways to pay, by their codes. */
import { api } from '../../lib/api'
import { has_text, t } from '../../lib/i18n.svelte'

export interface Way {
  code: string
  name: string
  call_back: 'no' | 'yes' | 'days'
  days: number
  countries: string[]
  version: number
}
class Ways {
  items = $state.raw<Way[] | null>(null)
  /* Those that came with Kith have a name in each language, until the company gives them another. */
  names = $derived(Object.fromEntries((this.items ?? []).map((w) => [w.code, !w.version && has_text('risk.way.of.' + w.code) ? t('risk.way.of.' + w.code) : w.name])))
  async load() {
    this.items = (await api.get<{ items: Way[] }>('/payment-methods').catch(() => null))?.items ?? this.items
  }
}
export const ways = new Ways()
