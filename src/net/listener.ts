import { createServer, type Server, type Socket } from 'node:net'
import type { HostPort } from '../core/index.ts'

export interface Listener {
  /** The address really bound: the port is the system's choice where 0 was asked for. */
  readonly address: HostPort
  /** Stops accepting, at once. Connections that were accepted are not touched. */
  close(): void
}

/** The kernel cuts this at net.core.somaxconn. A short queue makes bursts of clients wait a second each. */
const BACKLOG = 4096
const KEEP_ALIVE_AFTER_MS = 60_000

/**
 * Binds one address. Half-closed clients keep their connection, dead ones are found by TCP keep-alive.
 * @throws the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES).
 */
export async function listen(
  at: HostPort,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  })
  server.on('connection', onConnection)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  // accept() can fail for a moment (EMFILE): the listener goes on.
  server.on('error', () => undefined)
  return { address: boundAddress(server, at), close: () => void server.close() }
}

function boundAddress(server: Server, asked: HostPort): HostPort {
  const address = server.address()
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : asked
}
