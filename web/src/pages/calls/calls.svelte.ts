/* The calls of this desk: what rings, what is talked, what is to be finished, and the one queue. Lives as long as the
 * page, so that leaving the call page, or logging in again, loses nothing. */
import { api } from '../../lib/api'
import { t } from '../../lib/i18n.svelte'
import { live } from '../../lib/live.svelte'
import { router } from '../../lib/router.svelte'
import { say } from '../../lib/say.svelte'
import { complain, session } from '../../lib/session.svelte'
import type { Call, Card, Intake, Outcome, Page, Panel, Ref, Task } from '../../lib/types'
import { ring_tone } from './tone'
import { clean, Work } from './work.svelte'

interface QueueChanged {
  waiting: number
  longest_since?: string | null
  items: Call[]
}

class Calls {
  is_loaded = $state(false)
  error = $state.raw<unknown>(null)
  queue = $state.raw<Call[]>([])
  missed = $state.raw<Call[]>([])
  tasks = $state.raw<Task[]>([])
  /** Ended, mine, not wrapped up yet. */
  unfinished = $state.raw<Call[]>([])
  /** Ringing at this desk, newest last. */
  ringing = $state.raw<Panel[]>([])
  panel = $state.raw<Panel | null>(null)
  work = $state.raw<Work | null>(null)
  is_finishing = $state(false)
  private is_making = false
  private works = new Map<string, Work>()
  private reload_timer: ReturnType<typeof setTimeout> | undefined

  get me() {
    return session.me!.staff.id
  }
  get is_talking() {
    return this.panel?.call.state === 'answered' && this.panel.call.staff?.id === this.me
  }
  get is_wrapping() {
    return !this.is_talking && this.unfinished.length > 0
  }
  get badge() {
    return this.queue.filter((c) => c.state === 'ringing').length
  }
  get has_unsaved() {
    return !!this.work?.is_dirty || [...this.works.values()].some((w) => w.is_dirty)
  }

  begin(): () => void {
    const ends = [
      live.on<Panel>('call.ringing', (p) => this.ring(p)),
      live.on<{ id: string; staff?: Ref; answer_at?: string }>('call.answered', (e) => this.answered(e)),
      live.on<{ id: string; cause?: string; end_at?: string }>('call.ended', (e) => this.ended(e)),
      live.on<{ id: string; version: number }>('call.changed', (e) => this.changed(e)),
      live.on<QueueChanged>('queue.changed', (e) => this.queue_changed(e)),
      live.on<{ id: string }>('task.changed', () => this.reload_soon()),
      live.on<{ id: string; version?: number }>('customer.changed', (e) => this.customer_changed(e.id)),
      live.seldom('customers.changed', () => this.customer_changed(this.panel?.card?.customer.id ?? '')),
      live.on('reset', () => void (this.wanted && this.load())),
      live.on('regained', () => {
        for (const work of this.works.values()) void work.save()
        if (this.wanted) void this.load()
      }),
    ]
    const leave = () => this.works.forEach((work) => work.flush())
    addEventListener('pagehide', leave)
    ends.push(() => removeEventListener('pagehide', leave))
    if (router.path.startsWith('/calls')) this.want()
    return () => ends.forEach((end) => end())
  }

  private queue_changed(e: QueueChanged) {
    this.queue = e.items ?? []
    if (!this.wanted && !this.knows_queue) void this.find_ringing(this.queue)
    this.knows_queue = true
  }
  knows_queue = false
  /** The lists, once; other pages need none of them. */
  want() {
    this.wanted ??= this.load()
  }
  private wanted: Promise<void> | null = null
  async load() {
    try {
      const [queue, mine] = await Promise.all([
        api.get<Page<Call>>('/calls?view=queue'),
        api.get<Page<Call>>('/calls?view=mine&limit=20'),
        this.load_lists(),
      ])
      this.queue = queue.items
      this.unfinished = mine.items.filter(is_unfinished)
      const talking = mine.items.find((c) => c.state === 'answered')
      const asked = location.pathname === '/calls' ? new URLSearchParams(location.search).get('call') : null
      this.error = null
      this.is_loaded = true
      if (asked && !this.panel) await this.open(asked)
      else if (talking && !this.panel) await this.open(talking.id)
      else if (this.panel && !this.works.get(this.panel.call.id)?.is_dirty) await this.refresh()
      if (!this.panel && this.unfinished.length) await this.open(this.unfinished[0].id)
      // a ring whose end we missed while the connection was lost
      const live_ids = new Set(queue.items.map((c) => c.id))
      this.ringing = this.ringing.filter((p) => live_ids.has(p.call.id))
      if (this.panel?.call.state === 'ringing' && !live_ids.has(this.panel.call.id)) this.show(null)
      await this.find_ringing(queue.items)
    } catch (e) {
      this.error = e
    }
  }
  /** Which of the live calls ring here, for a page opened in the middle of a ring. */
  private async find_ringing(queue: Call[]) {
    if (!queue.some((c) => c.state === 'ringing')) return
    try {
      const desks = await api.get<Page<{ id: string; state: string; call?: string | null }>>('/desks')
      const mine = desks.items.find((d) => d.id === this.me)
      if (mine?.state === 'ringing' && mine.call && !this.ringing.some((p) => p.call.id === mine.call))
        this.ring(await this.fetch(mine.call), true)
    } catch {
      /* the next ring comes by the stream */
    }
  }
  private async read_unfinished() {
    this.unfinished = (await api.get<Page<Call>>('/calls?view=mine&limit=20')).items.filter(is_unfinished)
  }
  private async load_lists() {
    const [missed, tasks] = await Promise.all([
      api.get<Page<Call>>('/calls?view=missed&limit=20'),
      api.get<Page<Task>>('/tasks?view=open&limit=50'),
    ])
    this.missed = missed.items
    this.tasks = tasks.items
  }
  private reload_soon() {
    this.reload_timer ??= setTimeout(() => {
      this.reload_timer = undefined
      this.load_lists().catch(() => {})
    }, 300)
  }

  private async fetch(id: string): Promise<Panel> {
    return whole(await api.get<Panel>(`/calls/${id}`))
  }
  private show(panel: Panel | null) {
    if (this.work?.is_dirty) void this.work.save()
    if (panel && this.panel?.call.id === panel.call.id) panel = { ...panel, call: onward(this.panel.call, panel.call) }
    this.panel = panel
    if (!panel) {
      this.work = null
      return
    }
    let work = this.works.get(panel.call.id)
    if (!work) {
      work = new Work(panel.call, panel.intake?.draft ?? panel.call.draft, () => void this.refresh().catch(() => {}))
      this.works.set(panel.call.id, work)
      for (const [id, w] of this.works) if (this.works.size > 20 && !w.is_dirty && w !== work) this.works.delete(id)
    } else work.follow(panel.call)
    this.work = work
  }
  /** Opens any call that this person may see. */
  async open(id: string) {
    try {
      const ringing = this.ringing.find((p) => p.call.id === id)
      this.show(ringing ?? (await this.fetch(id)))
    } catch (e) {
      complain(e)
    }
  }
  async refresh() {
    const id = this.panel?.call.id
    if (!id) return
    const fresh = await this.fetch(id)
    if (this.panel?.call.id === id) this.show(fresh)
  }
  close() {
    this.show(null)
  }

  /* ---- what the telephone system tells -------------------------------------------------------- */

  private ring(told: Panel, is_old = false) {
    const p = whole(told)
    if (p.call.state !== 'ringing') {
      // a stream that begins in the middle of a talk tells of it so
      if (p.call.staff?.id === this.me && !this.panel) this.show(p)
      return
    }
    this.ringing = [...this.ringing.filter((x) => x.call.id !== p.call.id), p]
    const is_idle = !this.panel || (this.panel.call.state === 'ended' && !!this.panel.call.wrapped_at)
    const may_show = is_idle || (this.panel?.call.state === 'ended' && this.panel.call.staff?.id !== this.me)
    if (may_show) this.show(p)
    if (is_old) return
    const who = caller_name(p.call)
    say.hear(t('calls.rings', { who }), may_show)
    if (session.me!.staff.has_sound) ring_tone(p.call.id)
  }
  private answered(e: { id: string; staff?: Ref; answer_at?: string }) {
    const p = this.ringing.find((x) => x.call.id === e.id)
    this.ringing = this.ringing.filter((x) => x.call.id !== e.id)
    const is_mine = e.staff?.id === this.me
    const change = (call: Call): Call => ({ ...call, state: 'answered', staff: e.staff ?? null, answer_at: e.answer_at ?? call.answer_at })
    this.queue = this.queue.map((c) => (c.id === e.id ? change(c) : c))
    if (is_mine) {
      if (p) this.show({ ...p, call: change(p.call) })
      else if (this.panel?.call.id === e.id) this.show({ ...this.panel, call: change(this.panel.call) })
      else void this.open(e.id)
    } else if (this.panel?.call.id === e.id) {
      say.toast(t('calls.answered_by', { who: e.staff?.name ?? '' }), 'info')
      this.next()
    }
  }
  private ended(e: { id: string; cause?: string; end_at?: string }) {
    this.ringing = this.ringing.filter((x) => x.call.id !== e.id)
    this.queue = this.queue.filter((c) => c.id !== e.id)
    if (this.panel?.call.id !== e.id) {
      this.read_unfinished().catch(() => {})
      return
    }
    const call: Call = { ...this.panel.call, state: 'ended', cause: e.cause, end_at: e.end_at ?? new Date().toISOString() }
    if (call.answer_at && call.staff?.id === this.me) {
      this.show({ ...this.panel, call })
      this.unfinished = [call, ...this.unfinished.filter((c) => c.id !== call.id)]
      say.hear(t('calls.ended_finish'))
    } else {
      say.toast(t('calls.hung_up', { who: caller_name(call) }), 'info')
      this.reload_soon()
      this.next()
    }
  }
  private changed(e: { id: string; version: number }) {
    if (this.panel?.call.id === e.id && e.version > this.panel.call.version && !this.work?.is_dirty) this.refresh().catch(() => {})
  }
  private customer_changed(id: string) {
    if (this.panel?.card?.customer.id === id) void this.read_card(id)
  }
  async read_card(id: string) {
    try {
      const card = whole_card(await api.get<Card>(`/customers/${id}/card?call=${this.panel?.call.id ?? ''}`))
      if (this.panel?.card?.customer.id === id) this.panel = { ...this.panel, card }
    } catch {
      /* the old one stays on the screen */
    }
  }

  /* ---- what the operator does ------------------------------------------------------------------ */

  /** The server's newer call, without the lists it leaves out. */
  put(call: Call) {
    if (this.panel?.call.id === call.id) this.panel = { ...this.panel, call: { ...this.panel.call, ...onward(this.panel.call, call) } }
  }
  /** Of several candidates this one calls. */
  async choose(customer: string) {
    const id = this.panel!.call.id
    try {
      await api.patch<Call>(`/calls/${id}`, { customer })
      await this.refresh()
    } catch (e) {
      complain(e)
    }
  }
  /** Somebody nobody knew speaks: gets a record, related to this customer. */
  async someone(person: { name: string; role?: string; relation?: string }): Promise<boolean> {
    const id = this.panel!.call.id
    try {
      this.put(await api.post<Call>(`/calls/${id}/people`, person))
      await this.refresh()
      return true
    } catch (e) {
      complain(e)
      return false
    }
  }
  async spoke(person: { id?: string; name?: string }) {
    const id = this.panel!.call.id
    try {
      this.put(await api.patch<Call>(`/calls/${id}`, person.id ? { spoke: person.id } : { spoke_name: person.name }))
      if (!person.id) await this.refresh()
    } catch (e) {
      complain(e)
    }
  }
  async check(question: string, is_right: boolean) {
    const id = this.panel!.call.id
    try {
      this.put(await api.post<Call>(`/calls/${id}/checks`, { question, is_right }))
    } catch (e) {
      complain(e)
    }
  }
  /** The draft becomes a customer, or joins one that is there. */
  async make_customer(join?: string): Promise<boolean> {
    if (this.is_making) return false
    this.is_making = true
    const { call } = this.panel!
    const work = this.work!
    try {
      await work.take_draft()
      const made = await api.post<{ customer: { id: string; is_new: boolean }; call: Call; card: Card }>(`/calls/${call.id}/customer`, {
        ...clean(work.draft),
        ...(join && { join }),
      })
      say.toast(t(made.customer.is_new ? 'intake.made' : 'intake.joined'))
      const knows = (c: Call) => (c.id === call.id ? { ...c, ...onward(c, made.call) } : c)
      this.unfinished = this.unfinished.map(knows)
      this.queue = this.queue.map(knows)
      if (this.panel?.call.id === call.id) this.show(whole({ call: { ...this.panel.call, ...made.call }, card: made.card, intake: null }))
      return true
    } catch (e) {
      complain(e)
      return false
    } finally {
      this.is_making = false
    }
  }
  /** Outcome, note and follow-up are written; the next call may come. */
  async finish(): Promise<boolean> {
    const panel = this.panel!
    const work = this.work!
    if (this.is_finishing) return false
    this.is_finishing = true
    try {
      if (!panel.call.customer && panel.intake && work.draft.name?.trim() && !(await this.make_customer())) return false
      work.forget()
      const body: Record<string, unknown> = { outcome: work.outcome as Outcome, note: work.note, reason: work.reason }
      if (work.impression) body.impression = work.impression
      if (work.outcome !== 'solved' && work.follow_title.trim())
        body.follow_up = { title: work.follow_title.trim(), ...(work.follow_due && { due_at: new Date(work.follow_due).toISOString() }) }
      await api.post<Call>(`/calls/${panel.call.id}/wrap-up`, body)
      const task = this.tasks.find((x) => x.call === panel.call.id && x.kind === 'call_back')
      if (task && !panel.call.answer_at) await api.patch(`/tasks/${task.id}`, { done: true })
      this.works.delete(panel.call.id)
      this.unfinished = this.unfinished.filter((c) => c.id !== panel.call.id)
      say.toast(t('calls.finished'))
      this.reload_soon()
      this.next()
      return true
    } catch (e) {
      work.touch('note')
      complain(e)
      return false
    } finally {
      this.is_finishing = false
    }
  }
  /** What waits for this desk: a ring, else a call to finish, else nothing. */
  next() {
    const ring = this.ringing[0]
    if (ring) this.show(ring)
    else if (this.unfinished.length) void this.open(this.unfinished[0].id)
    else this.show(null)
  }
  async done(task: Task) {
    try {
      await api.patch<Task>(`/tasks/${task.id}`, { done: true })
      this.tasks = this.tasks.filter((x) => x.id !== task.id)
      this.missed = this.missed.filter((c) => c.id !== task.call)
      say.toast(t('task.is_done'), 'ok', () => {
        api.patch(`/tasks/${task.id}`, { done: false }).then(() => this.load_lists(), complain)
      })
    } catch (e) {
      complain(e)
    }
  }
}
export const calls = new Calls()

/** Calls left unfinished for days are the log's, not the desk's. */
const is_unfinished = (c: Call) => !!c.end_at && !!c.answer_at && !c.wrapped_at && Date.now() - Date.parse(c.end_at) < 12 * 3_600_000

/* An answer of the server may have left it before the event that we know already: a call goes on, never back. */
const steps = ['ringing', 'answered', 'ended']
function onward(known: Call, told: Call): Call {
  if (steps.indexOf(told.state) >= steps.indexOf(known.state)) return told
  const { state, staff, answer_at, end_at, cause } = known
  return { ...told, state, staff, answer_at, end_at, cause }
}

export function caller_name(call: Call): string {
  if (call.customer) return call.customer.name
  if (call.is_withheld) return t('calls.withheld')
  return call.national || call.number || t('calls.unknown')
}

/* Empty members may be left out of an answer. */
export function whole(p: Panel): Panel {
  return { call: p.call, card: p.card ? whole_card(p.card) : null, intake: p.intake ? whole_intake(p.intake) : null }
}
function whole_intake(i: Intake): Intake {
  return { ...i, earlier: i.earlier ?? [], say: i.say ?? {} }
}
export function whole_card(c: Card): Card {
  return {
    ...c,
    numbers: c.numbers ?? {},
    marks: c.marks ?? [],
    identities: c.identities ?? [],
    advice: (c.advice ?? []).map((a) => ({ ...a, because: a.because ?? [] })),
    open: c.open ?? [],
    recent: c.recent ?? [],
    orders: c.orders ?? [],
    holdings: c.holdings ?? [],
    people: c.people ?? [],
    notes: c.notes ?? [],
    proposals: c.proposals ?? [],
    questions: c.questions ?? [],
    candidates: c.candidates ?? [],
  }
}
