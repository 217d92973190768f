/* Where we are: the address bar is the truth. */
class Router {
  path = $state(location.pathname)
  search = $state(location.search)
  /** A page may ask before it is left; false stays. */
  guard: (() => boolean) | null = null

  constructor() {
    addEventListener('popstate', () => this.read())
  }
  private read() {
    this.path = location.pathname
    this.search = location.search
  }
  go(to: string, replace = false) {
    if (to === this.path + this.search) return
    if (this.guard && !this.guard()) return
    history[replace ? 'replaceState' : 'pushState']({}, '', to)
    this.read()
    window.scrollTo(0, 0)
  }
  /** Clicks on our own links stay in the page; everything else is the browser's. */
  link = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return
    const a = (e.target as Element).closest('a')
    if (!a || a.target || a.origin !== location.origin || a.hasAttribute('download')) return
    e.preventDefault()
    this.go(a.pathname + a.search)
  }
  /** The part of the path after /first/, or ''. */
  part(n: number): string {
    return decodeURIComponent(this.path.split('/')[n + 1] ?? '')
  }
}
export const router = new Router()
