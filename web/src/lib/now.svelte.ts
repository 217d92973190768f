/* The time, once a second, for timers on the screen. */
class Now {
  ms = $state(Date.now())
  constructor() {
    setInterval(() => (this.ms = Date.now()), 1000)
  }
  /** Seconds since then, never negative (clocks differ). */
  since(at: string | null | undefined): number {
    return at ? Math.max(0, (this.ms - Date.parse(at)) / 1000) : 0
  }
}
export const now = new Now()
