import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../core/index.ts'
import {
  endToEndResponseHeaders,
  getHeader,
  type ResponseHead,
  serializeResponseHead,
} from '../http1/index.ts'
import { deliver } from '../upstream/index.ts'
import type { ConnectContext } from './connect-handler.ts'
import { choosePassage } from './forward-handler.ts'
import type { TunnelEnds } from './open-tunnel.ts'
import { requestBody, withUpgrade } from './outgoing-request.ts'
import { relayRaw } from './raw-response.ts'
import type { ReadAhead } from './read-ahead.ts'

/**
 * A request to change protocols (RFC 9110 section 7.8), a WebSocket over plain HTTP for instance. After a 101 the
 * connection is a tunnel; any other response is relayed and ends it.
 * @returns the streams to relay; undefined when there is no tunnel and the client has been sent a response.
 * @throws ProxyError before any response was sent.
 */
export async function handleUpgrade(
  context: ConnectContext,
  request: IncomingMessage,
  ahead: ReadAhead,
): Promise<TunnelEnds | undefined> {
  const { deps, scope, connection } = context
  if (requestBody(request, deps, () => undefined) !== undefined) {
    throw new ProxyError('NOT_SUPPORTED', {
      detail: 'a request with a body cannot change protocols here',
    })
  }
  const { requestFor, carriers } = await choosePassage(deps, scope, connection, request)
  const delivered = await deliver(
    carriers,
    {
      requestFor: way => withUpgrade(requestFor(way), request),
      body: undefined,
      isIdempotent: request.method === 'GET',
      signal: scope.signal,
      onInformational: () => undefined,
      trace: scope.trace,
      client: connection.address,
    },
    deps,
  )
  const early = ahead.take()
  const { head, framing } = delivered.exchange
  if (framing.kind !== 'tunnel') {
    await relayRaw(connection.stream, delivered, scope, deps)
    return undefined
  }
  connection.stream.write(serializeResponseHead('1.1', switching(head)), 'latin1')
  scope.responded(head.status)
  return { client: connection.stream, early, upstream: delivered.lease.detach() }
}

/** RFC 9110 section 15.2.2: a 101 names the protocol, in a field that is otherwise removed at each hop. */
function switching(head: ResponseHead): ResponseHead {
  const upgrade = getHeader(head.headers, 'Upgrade') ?? ''
  const headers = endToEndResponseHeaders(head.headers)
  return { ...head, headers: [...headers, 'Connection', 'Upgrade', 'Upgrade', upgrade] }
}
