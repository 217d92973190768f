/* What an automation is, as the server tells it. */
import type { Tree } from '../../condition/tree'

export const events = ['customer.created', 'customer.changed', 'customer.judged', 'interaction.added', 'order.added', 'call.ringing', 'call.answered', 'call.ended', 'segment.entered', 'segment.left'] as const
export const kinds = ['tag', 'untag', 'task', 'priority', 'notify', 'webhook'] as const
export type Kind = (typeof kinds)[number]
export type To = '' | 'responsible' | 'managers' | 'colleague'
export interface Action {
  kind: Kind
  tag?: string
  text?: string
  url?: string
  to?: To
  staff?: { id: string; name: string } | null
  priority?: 'ordinary' | 'high' | 'urgent'
  days?: number
}
export interface Automation {
  id: string
  name: string
  event: string
  segment: { id: string; name: string } | null
  where: string
  tree: Tree | null
  again_days: number | null
  is_on: boolean
  actions: Action[]
  failure: string
  stopped: '' | 'loop' | 'often'
  last_at: string | null
  waiting: number
  dead: number
  secret?: string
  version: number
}
export interface Run {
  id: string
  customer: { id: string; name: string; name_lang?: string }
  outcome: 'done' | 'failed' | 'loop' | 'often'
  place: number
  reason?: string
  webhook?: 'waiting' | 'sent' | 'dead'
  at: string
}
export interface Message {
  id: string
  automation: { id: string; name: string }
  customer: { id: string; name: string; name_lang?: string } | null
  state: 'waiting' | 'sent' | 'dead'
  tries: number
  due_at: string | null
  at: string
  status: number
  reason?: string
}
export interface Dry {
  since: string
  events: number
  runs: number
  customers: number
  sample: { id: string; name: string; name_lang?: string }[]
  is_partial: boolean
}
/** An action while it is written: every member is there. */
export interface Draft {
  key: number
  kind: Kind
  tag: string
  text: string
  url: string
  to: To
  staff: string
  priority: 'ordinary' | 'high' | 'urgent'
  days: number
}
let made = 0
export function draft(a: Partial<Action> = {}): Draft {
  return {
    key: ++made,
    kind: a.kind ?? 'tag',
    tag: a.tag ?? '',
    text: a.text ?? '',
    url: a.url ?? '',
    to: a.to ?? (a.kind ? '' : 'responsible'),
    staff: a.staff?.id ?? '',
    priority: a.priority ?? 'ordinary',
    days: a.days ?? 0,
  }
}
/** As the server takes it: only what belongs to its kind. */
export function action_of(d: Draft): Record<string, unknown> {
  const who = { ...(d.to && { to: d.to }), ...(d.to === 'colleague' && { staff: d.staff || null }) }
  switch (d.kind) {
    case 'tag':
    case 'untag':
      return { kind: d.kind, tag: d.tag.trim() }
    case 'task':
      return { kind: d.kind, text: d.text.trim(), priority: d.priority, days: Number(d.days) || 0, ...(d.to !== 'managers' && who) }
    case 'priority':
      return { kind: d.kind, priority: d.priority === 'ordinary' ? 'high' : d.priority }
    case 'notify':
      return { kind: d.kind, text: d.text.trim(), ...(d.to ? who : { to: 'responsible' }) }
    case 'webhook':
      return { kind: d.kind, url: d.url.trim() }
  }
}
