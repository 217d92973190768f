/* Keys. Single keys work only when no field has focus, follow the place of the key (event.code) so that Cyrillic and
 * Kazakh layouts work, are ignored while an input method composes, and can be switched off. */
import { onMount } from 'svelte'

export interface Key {
  /** 'KeyV', 'Digit1', 'Escape', 'Enter', 'Slash', '?' … */
  code: string
  ctrl?: boolean
  shift?: boolean
  /** Works inside fields too (Esc, Ctrl Enter). */
  in_fields?: boolean
  /** Told in the list of keys; absent: not told. */
  label?: () => string
  /** Shown in the list. */
  shown?: string
  when?: () => boolean
  run: (e: KeyboardEvent) => void
}
interface Group {
  title: () => string
  keys: Key[]
}

class Keys {
  is_on = $state(true)
  groups = $state.raw<Group[]>([])
  /** A dialog stands open: keys of the page below sleep. */
  is_modal = $state(0)

  use(title: () => string, keys: Key[]) {
    onMount(() => {
      const group = { title, keys }
      this.groups = [...this.groups, group]
      return () => (this.groups = this.groups.filter((g) => g !== group))
    })
  }
  press = (e: KeyboardEvent) => {
    if (this.is_modal || e.isComposing || e.keyCode === 229 || e.altKey || e.metaKey || e.defaultPrevented) return
    const in_field = is_field(e.target)
    for (const group of this.groups.toReversed())
      for (const key of group.keys) {
        const is_symbol = key.code.length === 1
        if (is_symbol ? e.key !== key.code : e.code !== key.code && !(key.code.startsWith('Digit') && e.code === 'Numpad' + key.code.slice(5))) continue
        if (!!key.ctrl !== e.ctrlKey) continue
        if (!is_symbol && !!key.shift !== e.shiftKey) continue
        if (in_field && !key.in_fields) continue
        const is_single = !key.ctrl && key.code !== 'Escape'
        if (is_single && !this.is_on) continue
        // Enter and Space belong to the control that has focus
        if ((key.code === 'Enter' || key.code === 'Space') && !key.ctrl && (e.target as Element).closest?.('button,a,summary')) continue
        if (key.when && !key.when()) continue
        e.preventDefault()
        key.run(e)
        return
      }
  }
}
export function is_field(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit', 'range'].includes(target.type)
}
export const keys = new Keys()
