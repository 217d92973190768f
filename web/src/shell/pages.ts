/* The pages that are built, in the order of the rail. A page that is not built is not here. */
import { session } from '../lib/session.svelte'

export interface PageRow {
  path: string
  name: string // text key
  icon: string
  key: string // behind G
  may: () => boolean
}
export const pages: PageRow[] = [
  { path: '/', name: 'page.today', icon: 'home', key: 'T', may: () => true },
  { path: '/calls', name: 'page.calls', icon: 'phone', key: 'C', may: () => session.serves },
  { path: '/customers', name: 'page.customers', icon: 'people', key: 'U', may: () => session.me?.staff.role !== 'branch' },
  { path: '/segments', name: 'page.segments', icon: 'flag', key: 'E', may: () => session.me?.staff.role !== 'branch' },
  { path: '/risk', name: 'page.risk', icon: 'shield', key: 'R', may: () => session.is('owner', 'administrator', 'manager', 'risk') },
  { path: '/settings', name: 'page.settings', icon: 'gear', key: 'S', may: () => true },
]
