/* What the operator writes about one call: kept in the page, sent to the server within a second, kept again until the
 * server has it. Nothing personal is written on the computer. */
import { api, ApiError } from '../../lib/api'
import { complain } from '../../lib/session.svelte'
import type { Call, Draft, Impression, Match, Outcome } from '../../lib/types'

type Told = 'note' | 'reason' | 'outcome' | 'impression'

export class Work {
  readonly id: string
  note = $state('')
  reason = $state('')
  outcome = $state<Outcome>('')
  impression = $state<Impression>('')
  follow_title = $state('')
  follow_due = $state('')
  draft = $state<Draft>({})
  matches = $state.raw<Match[]>([])
  /** The one question was answered or skipped. */
  has_asked = $state(false)
  answer = $state('')
  saved_at = $state<Date | null>(null)
  is_failed = $state(false)
  is_dirty = $state(false)
  private dirty = new Set<Told | 'draft'>()
  private sent = new Set<Told | 'draft'>()
  private version = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private sending: Promise<void> | null = null

  /** The call got its customer elsewhere, so that the draft has no place any more. */
  private taken: () => void

  constructor(call: Call, draft: Draft | null | undefined, taken: () => void) {
    this.taken = taken
    this.id = call.id
    this.draft = { ...(draft ?? {}) }
    this.follow(call)
  }
  /** What the server knows, without touching what is being typed. */
  follow(call: Call) {
    if (call.version <= this.version) return
    this.version = call.version
    const is_mine = (what: Told) => this.dirty.has(what) || this.sent.has(what)
    if (!is_mine('note')) this.note = call.note ?? ''
    if (!is_mine('reason')) this.reason = call.reason ?? ''
    if (!is_mine('outcome')) this.outcome = call.outcome ?? ''
    if (!is_mine('impression')) this.impression = call.impression ?? ''
  }
  touch(what: Told | 'draft') {
    this.dirty.add(what)
    this.is_dirty = true
    this.timer ??= setTimeout(() => void this.save(), what === 'draft' ? 350 : 900)
  }
  async save(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    while (this.sending) await this.sending
    if (!this.dirty.size) return
    this.sending = this.send()
    await this.sending
    this.sending = null
  }
  /** The window goes: what is not sent yet leaves with it. */
  flush() {
    if (this.dirty.size) void this.send(true)
  }
  private async send(keepalive = false) {
    const now = new Set(this.dirty)
    this.dirty.clear()
    this.sent = now
    try {
      const body: Record<string, unknown> = {}
      for (const field of now) if (field !== 'draft') body[field] = this[field]
      if (Object.keys(body).length) {
        const call = await api.patch<Call>(`/calls/${this.id}`, body, { keepalive })
        this.version = Math.max(this.version, call.version)
      }
      if (now.has('draft')) {
        const found = await api.put<{ matches?: Match[] }>(`/calls/${this.id}/draft`, clean(this.draft), { keepalive })
        this.matches = found?.matches ?? []
      }
      this.saved_at = new Date()
      this.is_failed = false
    } catch (e) {
      const is_taken = e instanceof ApiError && e.status === 409 && now.delete('draft')
      for (const field of now) this.dirty.add(field)
      if (!this.is_failed && !(e instanceof ApiError && (e.is_offline || e.status === 401))) complain(e)
      this.is_failed = true
      const is_ours = e instanceof ApiError && e.status === 422 // asking again would not help
      if (is_taken) this.taken()
      if (!is_ours && now.size) this.timer ??= setTimeout(() => void this.save(), 3000)
    }
    this.sent = new Set()
    this.is_dirty = this.dirty.size > 0
  }
  /** The draft becomes a customer: nothing of it is on its way any more, nor will be. */
  async take_draft() {
    this.dirty.delete('draft')
    while (this.sending) await this.sending
    this.dirty.delete('draft')
    this.is_dirty = this.dirty.size > 0
  }
  forget() {
    clearTimeout(this.timer)
    this.dirty.clear()
    this.is_dirty = false
  }
}

/** Fields that say something, trimmed. */
export function clean(draft: Draft): Draft {
  return Object.fromEntries(
    Object.entries(draft)
      .map(([k, v]) => [k, (v ?? '').trim()])
      .filter(([, v]) => v),
  )
}
