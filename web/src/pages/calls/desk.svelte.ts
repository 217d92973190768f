/* What stands open on the call page, and what a key means at this moment. The parts of the page register here, so that
 * the list of keys stays in one place (Calls.svelte). */
import { calls } from './calls.svelte'

type Part = 'check' | 'people' | 'record'

class Desk {
  opened = $state<Part | null>(null)
  /** Who takes digits now: the first group of choices that is not answered. */
  group = $state.raw<{ size: number; has_zero: boolean; choose: (n: number) => void } | null>(null)
  finish: (() => void) | null = null

  toggle(part: Part) {
    this.opened = this.opened === part ? null : part
    if (this.opened) this.focus_part(part)
  }
  /** Moves the focus into a part of the card, where its own keys work. */
  focus_part(part: string) {
    requestAnimationFrame(() => {
      const box = document.querySelector<HTMLElement>(`[data-part="${part}"]`)
      box?.scrollIntoView({ block: 'nearest' })
      box?.querySelector<HTMLElement>('button, a, input')?.focus()
    })
  }
  /** Up and down in the queue, my work and the missed calls; Enter opens. */
  move(by: number) {
    const rows = [...document.querySelectorAll<HTMLElement>('.left .item, .left .task a')].filter((e) => e.offsetParent)
    const at = rows.indexOf(document.activeElement as HTMLElement)
    rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))]?.focus()
  }
  focus_note() {
    document.getElementById('call-note')?.focus()
  }
  leave() {
    const at = document.activeElement as HTMLElement | null
    if (at && at !== document.body && at.matches('input, textarea, select')) at.blur()
    else if (this.opened) this.opened = null
    else at?.blur()
  }
  has_digit(n: number) {
    return !!this.group && (n === 0 ? this.group.has_zero : n <= this.group.size)
  }
  digit(n: number) {
    this.group?.choose(n)
  }
  save_or_finish() {
    if (calls.panel?.call.state === 'ended') this.finish?.()
    else void calls.work?.save()
  }
}
export const desk = new Desk()
