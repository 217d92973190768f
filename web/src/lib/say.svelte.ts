/* What the page tells: lines that pass (with an undo), and lines only a screen reader hears. */
export interface Toast {
  id: number
  text: string
  tone: 'ok' | 'bad' | 'info'
  undo?: () => void
}
class Say {
  toasts = $state<Toast[]>([])
  polite = $state('')
  urgent = $state('')
  private next = 1

  toast(text: string, tone: Toast['tone'] = 'ok', undo?: () => void) {
    if (!text) return
    const id = this.next++
    this.toasts = [...this.toasts.slice(-2), { id, text, tone, undo }]
    setTimeout(() => this.close(id), undo || tone === 'bad' ? 9000 : 4500)
  }
  close(id: number) {
    this.toasts = this.toasts.filter((x) => x.id !== id)
  }
  hear(text: string, is_urgent = false) {
    if (is_urgent) this.urgent = text
    else this.polite = text
  }
}
export const say = new Say()
