/* The shapes of docs/http.md, as far as the interface reads them. */
import type { Money } from './i18n.svelte'

export interface Ref {
  id: string
  name: string
}
export type Role = 'owner' | 'administrator' | 'manager' | 'agent' | 'operator' | 'marketer' | 'risk' | 'privacy' | 'branch'
export const roles: Role[] = ['operator', 'agent', 'manager', 'administrator', 'owner', 'branch', 'marketer', 'risk', 'privacy']

export interface Staff {
  id: string
  email: string
  name: string
  role: Role
  lang: string
  theme: 'system' | 'light' | 'dark'
  text_size: number
  has_keys: boolean
  has_sound: boolean
  is_active: boolean
  is_ready: boolean
  extensions: string[]
  queues: string[]
  created_at: string
  version: number
}
export interface Me {
  staff: Staff
  company: string
  base_currency: string
  time_zone: string
  region: string
  sending_held: '' | 'restored' | 'copied'
  can: string[]
}
export interface State {
  has_owner: boolean
  company: string
  lang: string
  languages: string[]
  version: string
  is_demo: boolean
}
export interface Settings {
  company: string
  lang: string
  time_zone: string
  base_currency: string
  region: string
  activity_new_days: number
  activity_active_days: number
  activity_cooling_days: number
  activity_idle_days: number
  vip_amount: number
  vip_share: number
  version: number
}
export interface Notice {
  id: string
  customer: { id: string; name: string; name_lang?: string }
  text: string
  at: string
}
export interface Page<T> {
  items: T[]
  next?: string | null
}

export interface Customer {
  id: string
  kind: 'person' | 'company'
  name: string
  name_lang: string
  reading?: string
  given?: string
  family?: string
  patronymic?: string
  form_of_address?: string
  lang?: string
  time_zone?: string
  country?: string
  region?: string
  city?: string
  company?: string
  heard_of_us?: string
  owner?: Ref | null
  created_at: string
  changed_at: string
  version: number
}
export type MarkCode = 'vip' | 'do_not_contact' | 'blocked'
export interface Mark {
  mark: MarkCode
  reason: string
  at: string
}
export interface Identity {
  id: string
  type: string
  value: string
  given?: string
  national?: string
  state: 'confirmed' | 'claimed' | 'shared' | 'wrong'
  source?: string
  first_at?: string
  last_at?: string
}
export interface Coded {
  code: string
  args?: Record<string, string | number | null>
}
export interface Advice extends Coded {
  because: Coded[]
}
export interface Line {
  id: string
  channel: string
  direction: string
  trust: string
  at: string
  staff?: Ref | null
  subject?: string
  text?: string
  is_cut?: boolean
  ref?: { type: string; id: string; number?: string } | null
  call?: { id?: string; duration_s?: number; outcome?: string; note?: string; cause?: string; spoke_name?: string } | null
  order?: { id?: string; number: string; total: Money; status: string } | null
}
export interface OpenItem {
  type: 'task' | 'order'
  id: string
  title: string
  due_at?: string | null
  is_late?: boolean
  number?: string
}
export interface OrderBrief {
  id: string
  number: string
  at: string
  status: string
  total: Money
  lines?: number
  first_line?: string
  due_at?: string | null
}
export interface OrderLine {
  line: number
  sku: string
  name: string
  quantity: number
  price: Money
  discount?: Money
  total: Money
}
export type FactKind = 'paid' | 'refused' | 'dispute' | 'charge_back' | 'refund_abuse' | 'paid_at_last'
export interface OrderFact {
  id: string
  kind: FactKind
  amount?: Money
  note?: string
  at: string
}
export interface Order extends Omit<OrderBrief, 'lines'> {
  customer: Ref
  currency: string
  /** All that was taken off, lines included. */
  discount?: Money
  returned?: Money
  /** Charged back, and not paid since. */
  lost?: Money
  payment_method?: string
  promotions?: string[]
  facts?: OrderFact[]
  lines: OrderLine[]
  returns?: { at: string; amount?: Money; reason?: string; quantity?: number; line?: number }[]
  version: number
}
export interface Holding {
  id: string
  name: string
  serial?: string
  plan?: string
  number?: string
  until?: string | null
}
export interface Person {
  /** Null: spoke before, and has no record. */
  id: string | null
  name: string
  name_lang?: string
  relation: string
  role?: string
  last_call_at?: string | null
}
export interface Note {
  id: string
  text: string
  staff?: Ref | null
  at: string
}
export interface Proposal {
  id: string
  field: string
  value: string
  current: string
  at: string
}
export interface Candidate extends Ref {
  name_lang?: string
  why?: string
  detail?: string
}
export type Activity = 'new' | 'active' | 'cooling' | 'idle' | 'lost'
/** What kind of customer this is; code empty: not enough is known yet. */
export interface ClassSeen {
  code: string
  name: string
  advice: string
  score: number
  since: string | null
  is_pinned: boolean
  pinned_until: string | null
  is_undecided: boolean
  also: { code: string; name: string }[]
}
/** Who may deceive us, with the signs that made it. */
export interface Risk {
  risk: number
  confidence: number
  level: string
  summary: string
  signals: { name: string; group: string; label: string; points: number; evidence: string }[]
  advice: string
  payment: string[]
  unknown: string[]
}
export interface RiskSeen {
  level: string | null
  points: number
}
export interface Card {
  risk?: RiskSeen | null
  customer: Customer
  class: ClassSeen
  marks: Mark[]
  greeting?: { lang: string; text: string; sentence?: string | null; again?: string | null } | null
  identities: Identity[]
  numbers: {
    spent_12m?: Money | null
    orders?: number
    last_order_at?: string | null
    contacts?: number
    last_contact_at?: string | null
    since?: string | null
    activity?: Activity
    activity_at?: string | null
  }
  advice: Advice[]
  open: OpenItem[]
  recent: Line[]
  orders: OrderBrief[]
  holdings: Holding[]
  people: Person[]
  notes: Note[]
  proposals: Proposal[]
  last_call?: { id: string; at: string; staff_name?: string; outcome?: string; note?: string; is_today?: boolean; is_unsolved?: boolean } | null
  ask?: Ask | null
  questions?: string[]
  is_shared_number?: boolean
  candidates?: Candidate[]
}

export interface Draft {
  name?: string
  reason?: string
  email?: string
  other_number?: string
  company?: string
  address?: string
  postal?: string
  city?: string
  country?: string
  opinion?: string
  heard_of_us?: string
  lang?: string
}
export interface Intake {
  number: string
  national?: string
  country?: string
  place?: string
  number_kind?: string
  is_withheld?: boolean
  draft?: Draft | null
  caller_name?: string
  earlier: { at: string; staff?: Ref | string | null; note?: string; reason?: string; outcome?: string }[]
  say: Record<string, string>
  lang?: string
}
export type Outcome = '' | 'solved' | 'follow_up' | 'passed_on'
export type Impression = '' | 'regular' | 'chatty' | 'freeloader' | 'time_eater' | 'interested' | 'company'
export interface Call {
  id: string
  direction: 'in' | 'out'
  state: 'ringing' | 'answered' | 'ended'
  number: string
  e164?: string
  national?: string
  place?: string
  number_kind?: string
  number_country?: string
  is_withheld?: boolean
  caller_name?: string
  called?: string
  queue?: string
  customer?: { id: string; name: string; name_lang?: string; kind: string } | null
  candidates?: Candidate[]
  is_vip?: boolean
  is_second?: boolean
  priority?: number
  ring_at: string
  answer_at?: string | null
  end_at?: string | null
  wrapped_at?: string | null
  staff?: Ref | null
  cause?: string
  outcome?: Outcome
  reason?: string
  note?: string
  impression?: Impression
  spoke?: Ref | null
  link?: Ref | null
  can?: string[]
  checks?: { question: string; is_right: boolean }[]
  draft?: Draft | null
  version: number
}
export interface Panel {
  call: Call
  card: Card | null
  intake: Intake | null
}
export interface Match extends Ref {
  name_lang?: string
  detail?: string
  why?: string
}
export interface Task {
  id: string
  kind: 'todo' | 'call_back' | 'promise'
  title: string
  phone?: string
  customer?: (Ref & { name_lang?: string }) | null
  call?: string | null
  priority?: number
  assignee?: Ref | null
  due_at?: string | null
  done_at?: string | null
  at: string
  version: number
}
export interface Address {
  id: string
  kind: string
  line?: string
  postal?: string
  city?: string
  region?: string
  country?: string
}
export interface Relation {
  id: string
  other: { id: string; name: string; name_lang?: string }
  kind: string
  role?: string
  other_kind?: string
  reads_back?: boolean
}
export interface Tag {
  id: string
  name: string
}
export type AttributeType = 'text' | 'number' | 'money' | 'date' | 'yes_no' | 'choice' | 'choices'
export interface Attribute {
  code: string
  label: string
  type: AttributeType
  choices?: string[]
  value?: unknown
}
/** Where a contact field comes from and when it was confirmed; part: a handle or address. */
export interface Fresh {
  field: string
  part?: string | null
  value?: string
  source?: string
  confirmed_at?: string | null
  staff?: Ref | null
  is_old?: boolean
}
export interface Ask {
  field: string
  why?: 'missing' | 'old'
  part?: string | null
  value?: string
}
export interface Consent {
  id: string
  purpose: string
  state: 'given' | 'refused' | 'withdrawn'
  channel: string
  source?: string
  proof?: string
  at: string
  staff?: Ref | null
}
export interface Change {
  id: string
  at: string
  staff?: Ref | null
  token?: Ref | null
  source: string
  field: string
  label?: string
  about?: string
  part?: string | null
  old?: string
  new?: string
  can_undo?: boolean
  undone_by?: string | null
}
export interface Duplicate {
  id: string
  name: string
  name_lang?: string
  probability: number
  why: string
  at?: string | null
  evidence?: { why: string; value?: string; probability: number; at?: string | null }[]
}
export interface CustomerRecord {
  customer: Customer
  marks: Mark[]
  tags: Tag[]
  attributes: Attribute[]
  consents: Consent[]
  freshness: Fresh[]
  class: ClassSeen
  risk?: RiskSeen | null
  ask?: Ask | null
  more?: string[]
  identities: Identity[]
  addresses: Address[]
  holdings: Holding[]
  relations: Relation[]
  tasks: Task[]
  notes: Note[]
  proposals: Proposal[]
  standing?: {
    first_at?: string | null
    last_contact_at?: string | null
    contacts?: number
    orders?: number
    spent?: Money | null
    spent_12m?: Money | null
    last_order_at?: string | null
    orders_12m?: number
    discounted_12m?: number
    returned_12m?: Money | null
    discount_12m?: Money | null
    activity?: Activity
    activity_at?: string | null
    vip?: { by: '' | 'hand' | 'amount' | 'share'; spent?: Money | null; limit?: Money | null; share?: number | null } | null
  } | null
}
export interface Desk {
  id: string
  name: string
  extensions: string[]
  state: 'away' | 'ready' | 'not_ready' | 'ringing' | 'on_call' | 'wrap_up'
  call?: string | null
}
export interface PhoneLink {
  id: string
  kind: string
  name: string
  region?: string
  is_active: boolean
  created_at: string
  seen_at?: string | null
  can?: string[]
  token?: string
  url?: string
  version: number
}
export interface Found {
  type: 'customer' | 'order'
  id: string
  kind?: 'person' | 'company'
  title: string
  title_lang?: string
  detail?: string
  customer?: { id: string; name: string; name_lang?: string } | null
  score: number
  matched: { by: string; text: string; marks: { from: number; length: number }[] }
}
export interface Session {
  id: string
  created_at: string
  seen_at: string
  peer: string
  agent: string
  is_current: boolean
}
export interface Token {
  id: string
  name: string
  role: Role
  scopes: string[]
  created_at: string
  expires_at?: string | null
  token?: string
}
export interface AuditRow {
  at: string
  actor: { kind: string; id?: string; name?: string }
  action: string
  customer?: string | Ref | null
  ref?: string | null
  details?: string
  peer?: string
  /** Asked for one customer: an export of many records. */
  whole?: boolean
  /** Of such an export: yes, this record was in it; perhaps, it was broken off or is of before this was noted. */
  held?: string
}
