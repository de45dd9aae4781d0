import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { limitConnections, listenAt } from '../net/index.ts'
import { sendAnswer, textAnswer } from './answer.ts'
import type { AdminPlace } from './place.ts'
import { refusalOf } from './request-guard.ts'

export interface AdminServer {
  /** Stops listening and closes all connections immediately. */
  close(): void
}

export interface AdminServerOptions {
  readonly place: AdminPlace
  /** Names allowed in Host, besides those of loopback and the address itself. */
  readonly names: readonly string[]
  readonly handle: (path: string, response: ServerResponse) => Promise<void>
  readonly onBug: (error: unknown) => void
}

/** Nobody needs more; whoever opens more must not take descriptors away from the proxy. */
const MAX_CONNECTIONS = 64
const MAX_HEADER_BYTES = 16_384
const OWNER_AND_GROUP = 0o660
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 15_000

/** Binds the address. @throws the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES). */
export async function openAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { place } = options
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 2,
    },
    (request, response) => void answer(request, response, options),
  )
  limitConnections(server, MAX_CONNECTIONS)
  await listenAt(server, 'path' in place ? { ...place, mode: OWNER_AND_GROUP } : place)
  // accept() can fail temporarily (EMFILE): the listener continues.
  server.on('error', () => undefined)
  return {
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { handle, names, onBug }: AdminServerOptions,
): Promise<void> {
  const { headers, method, socket } = request
  const fetchSite = headers['sec-fetch-site']
  const refusal = refusalOf(
    {
      method,
      host: headers.host,
      fetchSite: Array.isArray(fetchSite) ? fetchSite.join(', ') : fetchSite,
      localAddress: socket.localAddress,
    },
    names,
  )
  response.on('error', () => undefined)
  try {
    if (refusal !== undefined)
      return sendAnswer(response, textAnswer(refusal.status, [refusal.reason]))
    const [path = '/'] = (request.url ?? '/').split('?')
    await handle(path, response)
  } catch (error) {
    onBug(error)
    if (response.headersSent) response.destroy()
    else sendAnswer(response, textAnswer(500, ['this is a bug, the log has it']))
  }
}
