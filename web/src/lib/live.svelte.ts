/* The page's end of the event stream. */
import worker_url from './live.worker.ts?sharedworker&url'
import { LiveStream, type LiveMessage } from './live-core'

type Handler = (data: never, type: string) => void

class Live {
  /** When the connection was lost; null while it stands. */
  lost_since = $state<Date | null>(null)
  is_known = $state(false)
  /** How the server's store stands: a full disk takes no changes. */
  store = $state<'fine' | 'full' | 'away'>('fine')
  private handlers = new Map<string, Set<Handler>>()
  private port: MessagePort | null = null
  private own: LiveStream | null = null

  constructor() {
    addEventListener('online', () => this.hurry())
    addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.hurry())
    addEventListener('pageshow', (e) => e.persisted && location.reload())
    addEventListener('pagehide', () => this.port?.postMessage({ kind: 'leave' }))
  }

  start(owner: string) {
    if (!this.port && !this.own) this.connect()
    this.own?.start(owner)
    this.port?.postMessage({ kind: 'start', owner })
  }
  stop() {
    this.own?.stop()
    this.port?.postMessage({ kind: 'stop' })
    this.is_known = false
    this.lost_since = null
  }
  hurry() {
    this.own?.hurry()
    this.port?.postMessage({ kind: 'hurry' })
  }

  private connect() {
    if ('SharedWorker' in window)
      try {
        const worker = new SharedWorker(trusted(worker_url), { type: 'module', name: 'kith' })
        worker.port.onmessage = (e: MessageEvent<LiveMessage>) => this.take(e.data)
        worker.port.start()
        this.port = worker.port
        return
      } catch {
        /* the page reads the stream itself */
      }
    this.own = new LiveStream((m) => this.take(m))
  }

  private take(m: LiveMessage) {
    if (m.kind === 'open') {
      const was_lost = this.lost_since !== null
      this.lost_since = null
      this.store = 'fine' // the server tells otherwise
      this.is_known = true
      if (was_lost) this.emit('regained', {})
    } else if (m.kind === 'lost') this.lost()
    else if (m.kind === 'signed_out') this.emit('session.ended', {})
    else {
      if (m.type === 'house.state') this.store = (m.data as { store: 'fine' | 'full' | 'away' }).store
      this.emit(m.type, m.data)
    }
  }
  lost() {
    this.lost_since ??= new Date()
  }
  private emit(type: string, data: unknown) {
    for (const handler of this.handlers.get(type) ?? []) handler(data as never, type)
  }

  /** Returns a function that ends the listening. */
  on<T>(types: string | string[], handler: (data: T, type: string) => void): () => void {
    const all = ([] as string[]).concat(types)
    for (const type of all) {
      if (!this.handlers.has(type)) this.handlers.set(type, new Set())
      this.handlers.get(type)!.add(handler as Handler)
    }
    return () => all.forEach((type) => this.handlers.get(type)?.delete(handler as Handler))
  }
  /** For events that come by the second while an import runs: the handler runs 3 to 7 s after one, and again for what came meanwhile. */
  seldom(type: string, handler: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = this.on(type, () => {
      timer ??= setTimeout(() => {
        timer = undefined
        handler()
      }, 3000 + Math.random() * 4000)
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }
}

/* Trusted Types: the worker's address is the only script address that may pass. */
function trusted(url: string): string {
  const maker = (window as { trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(u: string): string } } }).trustedTypes
  if (!maker) return url
  policy ??= maker.createPolicy('kith', {
    createScriptURL: (u: string) => {
      if (u !== worker_url) throw new TypeError('not a script of Kith')
      return u
    },
  })
  return policy.createScriptURL(url)
}
let policy: { createScriptURL(u: string): string } | null = null

export const live = new Live()
