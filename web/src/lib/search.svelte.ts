/* What is typed is looked for; an answer that comes late is not shown. */
import { api, query } from './api'
import { problem } from './session.svelte'
import type { Found, Page } from './types'

export const found_path = (f: Found) => (f.type === 'order' ? `/customers/${f.customer!.id}?order=${f.id}` : `/customers/${f.id}`)
export const found_icon = (f: Found) => (f.type === 'order' ? 'cart' : f.kind === 'company' ? 'building' : 'person')
/** What was found by something that the title does not show. */
export const found_elsewhere = (f: Found) => f.matched.by !== 'name' && f.matched.by !== 'order_number' && f.matched.text !== '' && f.matched.text !== f.title

export class Search {
  found = $state.raw<Found[]>([])
  is_busy = $state(false)
  fault = $state<string | null>(null)
  /** What the shown answer is for. */
  asked = $state('')
  /** A condition that stood beside the words, and what is wrong with one. */
  where = $state('')
  trouble = $state('')

  constructor(text: () => string, limit: number, wait_ms = 70) {
    $effect(() => {
      const q = text().trim()
      this.fault = null
      if (!q) {
        this.found = []
        this.asked = this.where = this.trouble = ''
        this.is_busy = false
        return
      }
      this.is_busy = true
      const stop = new AbortController()
      const timer = setTimeout(async () => {
        try {
          const page = await api.get<Page<Found> & { where?: string; trouble?: string }>('/search' + query({ q, limit }), { signal: stop.signal })
          this.found = page.items
          this.where = page.where ?? ''
          this.trouble = page.trouble ?? ''
          this.asked = q
        } catch (e) {
          if ((e as Error).name === 'AbortError') return
          this.found = []
          this.fault = problem(e)
        }
        this.is_busy = false
      }, wait_ms)
      return () => {
        clearTimeout(timer)
        stop.abort()
      }
    })
  }
}
