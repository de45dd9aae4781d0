import type { IncomingMessage } from 'node:http'
import { formatHostPort, ProxyError } from '../core/index.ts'
import { parseAuthorityForm } from '../http1/index.ts'
import type { ClientConnection } from './client-connection.ts'
import { identityFor } from './client-logon.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { openTunnel, type TunnelEnds } from './open-tunnel.ts'
import { connectRequest, refuseLoop } from './outgoing-request.ts'
import { relayRaw } from './raw-response.ts'
import type { ReadAhead } from './read-ahead.ts'
import type { RequestScope } from './request-scope.ts'

/** RFC 9110 section 9.3.6: a 2xx to CONNECT has no content. Some clients dislike any field here, so there are none. */
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

export interface ConnectContext {
  readonly deps: ProxyDependencies
  readonly scope: RequestScope
  readonly connection: ClientConnection
}

/**
 * Answers CONNECT.
 * @returns the streams to relay; undefined when there is no tunnel and the client has been sent a response.
 * @throws ProxyError before any response was sent.
 */
export async function handleConnect(
  { deps, scope, connection }: ConnectContext,
  request: IncomingMessage,
  ahead: ReadAhead,
): Promise<TunnelEnds | undefined> {
  const { stream, address } = connection
  const target = parseAuthorityForm(request.url ?? '')
  if (target === undefined) {
    throw new ProxyError('BAD_TARGET', { detail: 'CONNECT wants host:port' })
  }
  refuseLoop(request, deps)
  const outcome = await openTunnel(deps, scope, {
    target,
    client: stream,
    clientAddress: address,
    identity: () => identityFor(request, deps),
    request: connectRequest(request, formatHostPort(target), deps),
  })
  const early = ahead.take()
  if (outcome.kind === 'refused') {
    await relayRaw(stream, outcome.delivered, scope, deps)
    return undefined
  }
  stream.write(ESTABLISHED, 'latin1')
  scope.responded(200)
  return { client: stream, early, upstream: outcome.detached }
}
