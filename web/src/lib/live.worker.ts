/* The SharedWorker behind all tabs of one browser: one stream, told to every tab. */
import { LiveStream, type LiveMessage } from './live-core'

const ports = new Set<MessagePort>()
/* As they stand, for a tab that is opened later. */
let queue: LiveMessage | null = null
let state: LiveMessage | null = null
const stream = new LiveStream((message) => {
  if (message.kind === 'event' && message.type === 'queue.changed') queue = message
  else if (message.kind === 'event' && message.type === 'house.state') state = message
  else if (message.kind !== 'event') queue = state = null
  for (const port of ports) port.postMessage(message)
})

const scope = self as unknown as { onconnect: (e: MessageEvent) => void }
scope.onconnect = (e) => {
  const port = e.ports[0]
  ports.add(port)
  port.onmessage = ({ data }: MessageEvent<{ kind: string; owner?: string }>) => {
    if (data.kind === 'start' && data.owner) {
      stream.start(data.owner)
      if (stream.is_open) port.postMessage({ kind: 'open' })
      else if (stream.is_lost) port.postMessage({ kind: 'lost' })
      if (queue) port.postMessage(queue)
      if (state) port.postMessage(state)
    } else if (data.kind === 'stop') stream.stop()
    else if (data.kind === 'hurry') stream.hurry()
    else if (data.kind === 'leave') {
      ports.delete(port)
      if (!ports.size) stream.stop()
    }
  }
  port.start()
}
