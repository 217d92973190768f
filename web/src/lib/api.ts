/* The one way to the server: JSON in and out, a clear error, never a silent one. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly field: string | null = null,
    readonly args: Record<string, string | number> = {},
  ) {
    super(detail)
  }
  get is_offline() {
    return this.status === 0
  }
}

type Listener = () => void
let on_signed_out: Listener = () => {}
let on_reached: Listener = () => {}
let on_unreached: Listener = () => {}
/** Told when the session is gone, and when the server was reached or not. */
export function api_watch(signed_out: Listener, reached: Listener, unreached: Listener) {
  on_signed_out = signed_out
  on_reached = reached
  on_unreached = unreached
}

interface Options {
  if_match?: number
  signal?: AbortSignal
  keepalive?: boolean
  is_log_in?: boolean
}

async function send<T>(method: string, path: string, body: unknown, o: Options): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': document.documentElement.lang }
  if (method !== 'GET') headers['X-Kith'] = '1'
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (o.if_match !== undefined) headers['If-Match'] = `"${o.if_match}"`
  let answer: Response
  try {
    answer = await fetch('/api/v1' + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: o.signal,
      keepalive: o.keepalive,
      credentials: 'same-origin',
      cache: 'no-store',
    })
  } catch (e) {
    if ((e as Error).name === 'AbortError') throw e
    on_unreached()
    throw new ApiError(0, 'offline', '')
  }
  on_reached()
  if (answer.status === 204) return undefined as T
  const text = await answer.text()
  let json: unknown
  try {
    json = text ? JSON.parse(text) : undefined
  } catch {
    throw new ApiError(answer.status, 'unreadable', '')
  }
  if (answer.ok) return json as T
  const p = (json ?? {}) as { code?: string; detail?: string; title?: string; field?: string; args?: Record<string, string | number> }
  if (answer.status === 401 && !o.is_log_in) on_signed_out()
  throw new ApiError(answer.status, p.code ?? 'internal', p.detail ?? p.title ?? '', p.field ?? null, p.args ?? {})
}

export const api = {
  get: <T>(path: string, o: Options = {}) => send<T>('GET', path, undefined, o),
  post: <T>(path: string, body?: unknown, o: Options = {}) => send<T>('POST', path, body, o),
  put: <T>(path: string, body?: unknown, o: Options = {}) => send<T>('PUT', path, body, o),
  patch: <T>(path: string, body?: unknown, o: Options = {}) => send<T>('PATCH', path, body, o),
  delete: <T>(path: string, o: Options = {}) => send<T>('DELETE', path, undefined, o),
}

/** A query string of what is not empty; a list is its name several times. */
export function query(args: Record<string, string | number | string[] | null | undefined>): string {
  const q = new URLSearchParams()
  for (const [k, v] of Object.entries(args))
    for (const one of Array.isArray(v) ? v : [v]) if (one !== null && one !== undefined && one !== '') q.append(k, String(one))
  const text = q.toString()
  return text ? '?' + text : ''
}
