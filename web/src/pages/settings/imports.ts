/* Imports as the server tells of them, and the upload, which says how far it is. */
import { ApiError } from '../../lib/api'
import { words } from '../../lib/i18n.svelte'

export interface MapColumn {
  from: string
  to: string
  guess: 'none' | 'header' | 'values' | 'given'
  samples: string[]
}
export interface ImportMap {
  encoding: string
  delimiter: string
  has_header: boolean
  source: string
  region: string
  dates: 'dmy' | 'mdy' | 'ymd'
  columns: MapColumn[]
  values: { to: string; value: string }[]
}
export interface Checked {
  rows: number
  made: number
  changed: number
  same: number
  rejected: number
  conflicts: { line: number; customer: string; field: string; now: string; comes: string }[]
  rejects: { line: number; field: string; why: string }[]
}
export type ImportState = 'ready' | 'checking' | 'running' | 'done' | 'cancelled' | 'failed' | 'undoing' | 'undone'
export interface Import {
  id: string
  kind: 'customers' | 'orders' | 'interactions'
  name: string
  state: ImportState
  size: number
  position: number
  rows: number
  made: number
  changed: number
  same: number
  rejected: number
  undone: number
  stays: number
  error?: string
  has_file: boolean
  created_at: string
  map: ImportMap
  checked: Checked | null
  version: number
}
export interface Preview {
  map: ImportMap
  rows: string[][]
  targets: string[]
}

export const encodings = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1251', 'windows-1252', 'gb18030', 'shift_jis']
export const delimiters = [
  { key: ',', name: 'import.delimiter.comma' },
  { key: ';', name: 'import.delimiter.semicolon' },
  { key: '\t', name: 'import.delimiter.tab' },
  { key: '|', name: 'import.delimiter.bar' },
]
export const is_at_work = (s: ImportState) => s === 'checking' || s === 'running' || s === 'undoing'
export const tone = (s: ImportState) => ({ done: 'ok', failed: 'bad', cancelled: 'warn', undone: 'warn', running: 'acc', checking: 'acc', undoing: 'acc', ready: '' })[s]

export function size_text(bytes: number): string {
  const [unit, scale] = bytes < 1000 ? ['byte', 1] : bytes < 1e6 ? ['kilobyte', 1e3] : bytes < 1e9 ? ['megabyte', 1e6] : ['gigabyte', 1e9]
  return new Intl.NumberFormat(words.tag, { style: 'unit', unit: unit as string, maximumFractionDigits: bytes / (scale as number) < 10 ? 1 : 0 }).format(bytes / (scale as number))
}

/** fetch does not tell how much of a body has left; XMLHttpRequest does. */
export function upload(file: File, kind: string, tell: (sent: number) => void): { done: Promise<Import>; stop: () => void } {
  const x = new XMLHttpRequest()
  const form = new FormData()
  form.append('kind', kind)
  form.append('file', file)
  const done = new Promise<Import>((resolve, reject) => {
    x.open('POST', '/api/v1/imports')
    x.setRequestHeader('Accept', 'application/json')
    x.setRequestHeader('Accept-Language', document.documentElement.lang)
    x.setRequestHeader('X-Kith', '1')
    x.upload.onprogress = (e) => tell(e.loaded)
    x.onerror = () => reject(new ApiError(0, 'offline', ''))
    x.onabort = () => reject(new DOMException('', 'AbortError'))
    x.onload = () => {
      let json: unknown
      try {
        json = JSON.parse(x.responseText)
      } catch {
        reject(new ApiError(x.status, 'unreadable', ''))
        return
      }
      const p = (json ?? {}) as { code?: string; detail?: string; field?: string }
      if (x.status === 201) resolve(json as Import)
      else reject(new ApiError(x.status, p.code ?? 'internal', p.detail ?? '', p.field ?? null))
    }
    x.send(form)
  })
  return { done, stop: () => x.abort() }
}
