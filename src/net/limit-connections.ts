import type { Server, Socket } from 'node:net'

/** The parts of an HTTP server's request and response used here. */
interface Asked {
  readonly socket: Socket
}
interface Answering {
  once(event: 'close', listener: () => void): unknown
}

/**
 * Limits the connections of an HTTP server. Unlike with `maxConnections`, a new connection is not rejected but replaces
 * another: clients that open connections and send nothing, or do not read their responses, must not lock out a health
 * check. Closes the connection that has been without a request for longest or, if all have one, the one with the oldest
 * request.
 */
export function limitConnections(server: Server, most: number): void {
  /** Both in order of their last change. */
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
