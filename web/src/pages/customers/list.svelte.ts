/* The customers' table: what is asked of the server, what has come, what is chosen. */
import { api, ApiError, query } from '../../lib/api'
import { t } from '../../lib/i18n.svelte'
import type { Ref } from '../../lib/types'
import type { Money } from '../../lib/i18n.svelte'

export interface Column {
  name: string
  type: string
  label?: string
  title?: string
  value_type?: string
  is_sortable: boolean
  falls: boolean
  is_shown: boolean
  width: number
  choices?: string[]
  choice_label?: string
}
export interface FormField {
  name: string
  type: string
  label: string
  max_len?: number
  choices?: string[]
  choice_label?: string
}
export interface Meta {
  lists: { customers: { columns: Column[] } }
  forms: { customer_new: { fields: FormField[] } }
}
export interface Shown {
  name: string
  width: number
}
export interface View {
  id: string | null
  code: string
  name: string
  is_shared: boolean
  is_own: boolean
  may_change: boolean
  where: string
  q: string
  sort: string
  columns: Shown[]
  version: number
}
export type Cell = string | number | boolean | null | string[] | Money | Ref
export type Row = { id: string; name_lang: string } & Record<string, Cell>
export interface Count {
  count: number
  how: 'exact' | 'at_least' | 'about'
}
interface Page {
  items: Row[]
  next: string | null
  is_cut: boolean
}

export const view_key = (v: View) => v.id ?? v.code
export const view_name = (v: View) => v.name || t('view.' + v.code)
/* A heading is not cut by itself, nor by the arrow of the order: about so many pixels, with the edges. */
const name_width = (c: Column) => Math.ceil([...column_name(c)].reduce((n, char) => n + (char >= '\u2e80' ? 12.5 : char >= '\u0400' ? 8 : 7.2), c.is_sortable ? (list.sort.replace('-', '') === c.name ? 34 : 24) : 20))
export const column_name = (c: Column) => c.title || (c.label ? t(c.label) : c.name)

const PAGE = 100
/** Pages without a row that are looked through before we ask. */
const PATIENCE = 20

class CustomerList {
  columns = $state.raw<Column[]>([])
  form = $state.raw<FormField[]>([])
  views = $state.raw<View[]>([])
  view = $state.raw<View | null>(null)
  where = $state('')
  q = $state('')
  sort = $state('')
  shown = $state.raw<Shown[]>([])

  rows = $state.raw<Row[]>([])
  next = $state.raw<string | null>(null)
  count = $state.raw<Count | null>(null)
  is_loading = $state(false)
  is_first = $state(true)
  /** Pages that were looked through and gave too little: the server stopped there. */
  empty_pages = $state(0)
  error = $state.raw<unknown>(null)

  /** The address that the rows are of. */
  search = ''
  at = $state(0)
  chosen = $state.raw<ReadonlySet<string>>(new Set())
  /** All that the filter finds, not only what is chosen here. */
  is_all = $state(false)
  private anchor = 0
  private run = 0
  private stop: AbortController | null = null

  async meta() {
    const [meta, views] = await Promise.all([api.get<Meta>('/meta'), api.get<{ items: View[] }>('/views')])
    this.columns = meta.lists.customers.columns
    this.form = meta.forms.customer_new.fields
    this.views = views.items
  }
  async reload_views() {
    this.views = (await api.get<{ items: View[] }>('/views')).items
  }
  column(name: string): Column | undefined {
    return this.columns.find((c) => c.name === name)
  }
  /** The columns that stand, with their widths. */
  get table(): { column: Column; width: number }[] {
    return this.shown.flatMap((s) => {
      const column = this.column(s.name)
      return column ? [{ column, width: s.width || Math.max(column.width, name_width(column)) }] : []
    })
  }
  use(view: View, args: URLSearchParams) {
    this.view = view
    this.where = args.get('where') ?? view.where
    this.q = args.get('q') ?? view.q
    this.sort = args.get('sort') ?? view.sort
    /* A view for everybody may have columns that are not for everybody's eyes. */
    const own = view.columns.filter((s) => this.column(s.name))
    this.shown = own.length ? own : this.columns.filter((c) => c.is_shown).map((c) => ({ name: c.name, width: 0 }))
  }
  get is_changed(): boolean {
    const v = this.view
    return !!v && (v.where !== this.where || v.q !== this.q || v.sort !== this.sort || (v.columns.some((s) => this.column(s.name)) ? JSON.stringify(v.columns.filter((s) => this.column(s.name))) !== JSON.stringify(this.shown) : this.shown.some((s) => s.width > 0 || !this.column(s.name)?.is_shown) || this.shown.length !== this.columns.filter((c) => c.is_shown).length))
  }
  private asked(more: Record<string, string | number | null>) {
    const names = [...new Set([...this.shown.map((s) => s.name), 'name', 'is_vip', 'kind', 'phone'])]
    return '/customers' + query({ where: this.where, q: this.q, sort: this.sort, columns: names.join(','), ...more })
  }
  /** From the start. Quiet: the rows that stand stay until the new ones are here. */
  async load(quiet = false) {
    const run = ++this.run
    this.stop?.abort()
    this.stop = new AbortController()
    this.is_loading = true
    this.error = null
    this.empty_pages = 0
    if (!quiet) {
      this.is_first = true
      this.count = null
      this.clear()
    }
    try {
      const page = await api.get<Page>(this.asked({ limit: quiet ? Math.min(200, Math.max(PAGE, this.rows.length)) : PAGE }), { signal: this.stop.signal })
      if (run !== this.run) return
      const same = page.items.findIndex((r) => r.id === this.rows[this.at]?.id) // the keys went on meanwhile
      this.rows = page.items
      this.next = page.next
      this.at = quiet ? Math.max(0, same < 0 ? Math.min(this.at, page.items.length - 1) : same) : 0
      this.empty_pages = page.is_cut ? 1 : 0
      this.is_first = false
      void this.ask_count(run, quiet)
    } catch (e) {
      if (run !== this.run || (e as Error).name === 'AbortError') return
      if (e instanceof ApiError && e.field === 'where') {
        /* the filter tells what is wrong with it */
        this.rows = []
        this.next = null
        this.is_first = false
      } else if (!quiet) this.error = e
    }
    if (run === this.run) this.is_loading = false
  }
  private async ask_count(run: number, quiet: boolean) {
    if (!this.next && !this.q) {
      this.count = { count: this.rows.length, how: 'exact' }
      return
    }
    if (quiet && this.count) return
    try {
      const count = await api.get<Count>('/customers/count' + query({ where: this.where, q: this.q }), { signal: this.stop!.signal })
      if (run === this.run) this.count = count
    } catch {
      /* the list stands without it */
    }
  }
  get is_patient() {
    return this.empty_pages < PATIENCE
  }
  async more(anew = false) {
    if (!this.next || this.is_loading) return
    if (anew) this.empty_pages = 0
    const run = this.run
    this.is_loading = true
    try {
      const page = await api.get<Page>(this.asked({ limit: PAGE, cursor: this.next }), { signal: this.stop!.signal })
      if (run !== this.run) return
      const known = new Set(this.rows.map((r) => r.id)) // one that moved stands once
      const fresh = page.items.filter((r) => !known.has(r.id))
      if (fresh.length) this.rows = [...this.rows, ...fresh]
      this.next = page.next
      this.empty_pages = page.items.length ? 0 : this.empty_pages + 1
    } catch (e) {
      if (run !== this.run || (e as Error).name === 'AbortError') return
      this.error = e
    }
    if (run === this.run) this.is_loading = false
  }

  /* ---- choosing ---- */
  move(to: number, extend = false) {
    const from = this.at
    this.at = Math.max(0, Math.min(to, this.rows.length - 1))
    if (!extend) this.anchor = this.at
    else {
      if (!this.chosen.size) this.anchor = from
      const [a, b] = [Math.min(this.anchor, this.at), Math.max(this.anchor, this.at)]
      this.chosen = new Set([...this.chosen, ...this.rows.slice(a, b + 1).map((r) => r.id)])
    }
  }
  toggle(i: number, extend = false) {
    const row = this.rows[i]
    if (!row) return
    this.is_all = false
    if (extend) {
      this.move(i, true)
      return
    }
    const next = new Set(this.chosen)
    if (!next.delete(row.id)) next.add(row.id)
    this.chosen = next
    this.anchor = this.at = i
  }
  choose_page() {
    this.is_all = false
    this.chosen = this.chosen.size === this.rows.length ? new Set() : new Set(this.rows.map((r) => r.id))
  }
  clear() {
    this.chosen = new Set()
    this.is_all = false
  }
}
export const list = new CustomerList()
