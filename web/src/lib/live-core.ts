/* One event stream for a whole browser. Runs in a SharedWorker (live.worker.ts), or in the page where there is none.
 * Reads Server-Sent Events with fetch, so that it can send Last-Event-ID after its own back-off and see a 401. */
export type LiveMessage =
  | { kind: 'open' }
  | { kind: 'lost' }
  | { kind: 'signed_out' }
  | { kind: 'event'; type: string; data: unknown }

const silence_ms = 65_000 // the server sends a comment each 20 s

export class LiveStream {
  private last_id = ''
  private owner = ''
  private tries = 0
  private stop_now: AbortController | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  is_open = false
  get is_lost() {
    return !this.is_open && this.tries > 0
  }

  constructor(private readonly tell: (m: LiveMessage) => void) {}

  /** Starts for this member of staff; a different one begins anew. */
  start(owner: string) {
    if (owner === this.owner) return
    this.stop()
    this.owner = owner
    void this.run()
  }
  stop() {
    this.owner = ''
    this.last_id = ''
    this.tries = 0
    this.is_open = false
    clearTimeout(this.timer)
    this.stop_now?.abort()
  }
  /** The network may be back: do not wait for the rest of the pause. */
  hurry() {
    if (!this.owner || this.is_open || !this.timer) return
    clearTimeout(this.timer)
    void this.run()
  }

  private async run() {
    this.timer = undefined
    const owner = this.owner
    const stop = (this.stop_now = new AbortController())
    let watchdog: ReturnType<typeof setTimeout> | undefined
    const alive = () => {
      clearTimeout(watchdog)
      watchdog = setTimeout(() => stop.abort(), silence_ms)
    }
    try {
      alive()
      const answer = await fetch('/api/v1/events', {
        headers: { Accept: 'text/event-stream', ...(this.last_id && { 'Last-Event-ID': this.last_id }) },
        signal: stop.signal,
        cache: 'no-store',
        credentials: 'same-origin',
      })
      if (answer.status === 401) {
        if (owner !== this.owner) return
        this.stop()
        this.tell({ kind: 'signed_out' })
        return
      }
      if (!answer.ok || !answer.body) throw new Error(String(answer.status))
      this.is_open = true
      this.tries = 0
      this.tell({ kind: 'open' })
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
      let rest = ''
      for (;;) {
        const { value, done } = await reader.read()
        if (done) break
        alive()
        rest += value
        const blocks = rest.split(/\r?\n\r?\n/)
        rest = blocks.pop() ?? ''
        for (const block of blocks) this.read(block)
      }
    } catch {
      /* told below */
    } finally {
      clearTimeout(watchdog)
    }
    if (owner !== this.owner) return
    if (this.is_open || this.tries === 0) this.tell({ kind: 'lost' })
    this.is_open = false
    this.tries++
    const pause = Math.min(15_000, 500 * 2 ** Math.min(this.tries, 5)) * (0.5 + Math.random())
    this.timer = setTimeout(() => void this.run(), pause)
  }

  private read(block: string) {
    let type = 'message'
    const data: string[] = []
    for (const line of block.split(/\r?\n/)) {
      if (line.startsWith('id:')) this.last_id = line.slice(3).trim()
      else if (line.startsWith('event:')) type = line.slice(6).trim()
      else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
    }
    if (!data.length) return
    try {
      this.tell({ kind: 'event', type, data: JSON.parse(data.join('\n')) })
    } catch {
      this.tell({ kind: 'event', type: 'reset', data: {} })
    }
  }
}
