import type { Server, Socket } from 'node:net'

/** What is needed of an HTTP server's request and response. */
interface Asked {
  readonly socket: Socket
}
interface Answering {
  once(event: 'close', listener: () => void): unknown
}

/**
 * Lets an HTTP server have that many connections. A further one is not turned away, as with `maxConnections`, but takes the place of another:
 * who opens connections and says nothing, or reads no answer, must not keep out a health check. It is that of the one without a request
 * that has been silent for longest, or, where all have one, that of the oldest request.
 */
export function limitConnections(server: Server, most: number): void {
  /** Both in the order of their last change. */
  const silent = new Set<Socket>()
  const busy = new Set<Socket>()
  server.on('connection', socket => {
    if (silent.size + busy.size >= most) {
      const [oldest] = [...silent, ...busy]
      if (oldest !== undefined) {
        silent.delete(oldest)
        busy.delete(oldest)
        oldest.destroy()
      }
    }
    silent.add(socket)
    socket.once('close', () => {
      silent.delete(socket)
      busy.delete(socket)
    })
  })
  server.on('request', ({ socket }: Asked, response: Answering) => {
    silent.delete(socket)
    busy.add(socket)
    response.once('close', () => {
      if (busy.delete(socket) && !socket.destroyed) silent.add(socket)
    })
  })
}
