import { createServer, type Server, type Socket } from 'node:net'
import type { HostPort } from '../core/index.ts'
import { bind } from './listen-at.ts'

export interface Listener {
  /** The address actually bound: for port 0 the system chooses the port. */
  readonly address: HostPort
  /** Stops accepting immediately. Accepted connections are not affected. */
  close(): void
}

/** The kernel caps this at net.core.somaxconn. With a short queue, bursts of clients wait a second each. */
const BACKLOG = 4096
const KEEP_ALIVE_AFTER_MS = 60_000

/** A socket that is already bound, by its descriptor. */
export interface BoundSocket {
  readonly fd: number
}

export interface ListenOptions {
  /** Connections are not read from until resumed, so that they can be passed to another process. */
  readonly startsPaused: boolean
}

/**
 * Binds one address, or takes over a socket that is already bound. Half-closed clients keep their connection; TCP
 * keep-alive detects dead ones.
 * @throws the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES), or an Error when the descriptor is not a TCP socket.
 */
export async function listen(
  at: HostPort | BoundSocket,
  onConnection: (socket: Socket) => void,
  { startsPaused }: ListenOptions = { startsPaused: false },
): Promise<Listener> {
  const server = createServer({
    allowHalfOpen: true,
    pauseOnConnect: startsPaused,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  })
  server.on('connection', onConnection)
  const where = 'fd' in at ? { fd: at.fd } : { host: at.host, port: at.port }
  await bind(server, { ...where, backlog: BACKLOG })
  const address = boundAddress(server)
  if (address === undefined) {
    server.close()
    throw new Error('it is no TCP socket')
  }
  // accept() can fail temporarily (EMFILE); the listener carries on.
  server.on('error', () => undefined)
  return { address, close: () => void server.close() }
}

function boundAddress(server: Server): HostPort | undefined {
  const address = server.address()
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : undefined
}
