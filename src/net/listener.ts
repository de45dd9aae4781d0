import { createServer, type Server, type Socket } from 'node:net'
import type { HostPort } from '../core/index.ts'
import { bind } from './listen-at.ts'

export interface Listener {
  /** The address really bound: the port is the system's choice where 0 was asked for. */
  readonly address: HostPort
  /** Stops accepting, at once. Connections that were accepted are not touched. */
  close(): void
}

/** The kernel cuts this at net.core.somaxconn. A short queue makes bursts of clients wait a second each. */
const BACKLOG = 4096
const KEEP_ALIVE_AFTER_MS = 60_000

/** A socket that is bound already, by the number of its descriptor. */
export interface BoundSocket {
  readonly fd: number
}

export interface ListenOptions {
  /** Nothing is read from a connection before it is resumed, so that another process can have it. */
  readonly startsPaused: boolean
}

/**
 * Binds one address, or takes over a socket that somebody else bound. Half-closed clients keep their connection, dead ones are
 * found by TCP keep-alive.
 * @throws the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES), or an Error when the descriptor is no TCP socket.
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
  // accept() can fail for a moment (EMFILE): the listener goes on.
  server.on('error', () => undefined)
  return { address, close: () => void server.close() }
}

function boundAddress(server: Server): HostPort | undefined {
  const address = server.address()
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : undefined
}
