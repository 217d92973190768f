/* Ways to pay, by their codes. */
import { api } from '../../lib/api'

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
  names = $derived(Object.fromEntries((this.items ?? []).map((w) => [w.code, w.name])))
  async load() {
    this.items = (await api.get<{ items: Way[] }>('/payment-methods').catch(() => null))?.items ?? this.items
  }
}
export const ways = new Ways()
