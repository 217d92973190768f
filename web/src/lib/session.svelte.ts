/* Who sits here. */
import { api, ApiError, api_watch } from './api'
import { browser_lang, is_lang, t, words } from './i18n.svelte'
import { keys } from './keys.svelte'
import { live } from './live.svelte'
import { say } from './say.svelte'
import type { Me, Staff, State } from './types'

/** What the page carries for somebody with a session; once. */
function told_first(): { state: State; me: Me } | null {
  const block = document.getElementById('first')
  block?.remove()
  return block?.textContent ? JSON.parse(block.textContent) : null
}

class Session {
  state = $state.raw<State | null>(null)
  me = $state.raw<Me | null>(null)
  /** The log-in ended while working: ask for it over the page, nothing on it is lost. */
  is_ended = $state(false)
  is_down = $state(false)

  async begin() {
    api_watch(
      () => this.end(),
      () => (this.is_down = false),
      () => live.is_known && live.lost(),
    )
    live.on('session.ended', () => this.end())
    live.on<{ id?: string }>(['staff.changed', 'settings.changed'], (e, type) => {
      if (type === 'staff.changed' && e.id !== this.me?.staff.id) return
      api.get<Me>('/session').then(
        (me) => this.take(me),
        () => {},
      )
    })
    const first = told_first()
    if (first) {
      this.state = first.state
      await this.take(first.me)
      return
    }
    try {
      const me = api.get<Me>('/session', { is_log_in: true }).catch((e: unknown) => e)
      this.state = await api.get<State>('/state')
      const found = await me
      if (this.state.has_owner && found instanceof Error) throw found
      if (this.state.has_owner) await this.take(found as Me)
      else await this.speak()
    } catch (e) {
      await this.speak()
      if (e instanceof ApiError && e.status !== 401) this.is_down = true
    }
  }
  /** The language of the person, else of the browser, else of the company. */
  private async speak() {
    const lang = this.me?.staff.lang
    await words.use(is_lang(lang) ? lang : (browser_lang() ?? (is_lang(this.state?.lang) ? this.state.lang : 'en')))
  }
  async take(me: Me) {
    if (this.me && this.me.staff.id !== me.staff.id) {
      location.reload() // somebody else: nothing of the one before may stay
      return
    }
    this.me = me
    this.is_ended = false
    words.time_zone = me.time_zone || undefined
    words.region = me.region
    await this.speak()
    this.dress(me.staff)
    if (this.listens) live.start(me.staff.id)
  }
  /** Called when the page stands: an event before that would be heard by nobody. */
  listen() {
    this.listens = true
    live.start(this.me!.staff.id)
  }
  private listens = false
  dress(staff: Staff) {
    const root = document.documentElement
    if (staff.theme === 'system') delete root.dataset.theme
    else root.dataset.theme = staff.theme
    root.style.fontSize = staff.text_size === 100 ? '' : `${staff.text_size * 0.875}%` // 100 is 14 px
    keys.is_on = staff.has_keys
  }
  async change(part: Partial<Pick<Staff, 'name' | 'lang' | 'theme' | 'text_size' | 'has_keys' | 'has_sound' | 'is_ready'>>) {
    await this.take(await api.patch<Me>('/me', part))
  }
  async log_out() {
    try {
      await api.delete('/session')
    } catch (e) {
      say.toast(problem(e), 'bad')
      return
    }
    live.stop()
    location.assign('/')
  }
  private end() {
    live.stop()
    if (this.me) this.is_ended = true
  }
  is(...roles: string[]): boolean {
    return !!this.me && roles.includes(this.me.staff.role)
  }
  /** May this person do that? For drawing only; the server decides. */
  get serves() {
    return this.is('owner', 'administrator', 'manager', 'agent', 'operator')
  }
  get administers() {
    return this.is('owner', 'administrator')
  }
}
export const session = new Session()

/** The sentence for an error: the server's own, else ours. */
export function problem(e: unknown): string {
  if (e instanceof ApiError) {
    if (e.is_offline) return t('error.offline')
    if (e.message) return e.message.charAt(0).toLocaleUpperCase(words.tag) + e.message.slice(1)
    return t('error.status', { status: e.status })
  }
  if ((e as Error)?.name === 'AbortError') return ''
  return t('error.page')
}
/** Says an error as a passing line. */
export function complain(e: unknown) {
  say.toast(problem(e), 'bad')
}
