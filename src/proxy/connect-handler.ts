import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { formatHostPort, type HostPort, ProxyError, toProxyError } from '../core/index.ts'
import { parseAuthorityForm } from '../http1/index.ts'
import { Tunnel } from '../net/index.ts'
import { chooseRoute } from '../policy/index.ts'
import { deliver } from '../upstream/index.ts'
import type { ClientConnection } from './client-connection.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { directPermission } from './direct-permission.ts'
import { connectRequest, refuseLoop } from './outgoing-request.ts'
import { relayRaw } from './raw-response.ts'
import type { RequestScope } from './request-scope.ts'

/** RFC 9110 section 9.3.6: a 2xx to CONNECT has no content. Some clients dislike any field here, so there is none. */
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

export interface ConnectContext {
  readonly deps: ProxyDependencies
  readonly scope: RequestScope
  readonly connection: ClientConnection
  readonly onTunnel: (tunnel: Tunnel) => void
}

/** Answers CONNECT and relays until both directions ended. @throws ProxyError before anything was answered. */
export async function handleConnect(
  context: ConnectContext,
  request: IncomingMessage,
  early: Buffer,
): Promise<void> {
  const { deps, scope, connection } = context
  const target = parseAuthorityForm(request.url ?? '')
  if (target === undefined)
    throw new ProxyError('BAD_TARGET', { detail: 'CONNECT wants host:port' })
  refuseLoop(request, deps)
  const opened = await open(context, request, target)
  if (opened === undefined) return
  connection.stream.write(ESTABLISHED, 'latin1')
  scope.responded(200)
  await relayTunnel(context, opened.stream, early, opened.leftover)
}

/** Relays what both sides already sent, then everything. */
export async function relayTunnel(
  { deps, scope, connection, onTunnel }: ConnectContext,
  upstream: Duplex,
  early: Buffer,
  leftover: Buffer | undefined,
): Promise<void> {
  const client = connection.stream
  if (early.length > 0) upstream.write(early)
  if (leftover !== undefined) client.write(leftover)
  const tunnel = new Tunnel(client, upstream, { clock: deps.clock, idleMs: deps.tunnelIdleMs })
  onTunnel(tunnel)
  const { end, bytesFromClient, bytesFromUpstream } = await tunnel.done
  scope.bytesIn = early.length + bytesFromClient
  scope.bytesOut = (leftover?.length ?? 0) + bytesFromUpstream
  if (end === 'client-error')
    scope.fail(new ProxyError('CLIENT_ABORTED', { detail: 'the client broke the tunnel' }))
  if (end === 'upstream-error')
    scope.fail(new ProxyError('UPSTREAM_CLOSED', { detail: 'the tunnel broke' }))
  if (end === 'idle')
    scope.fail(new ProxyError('CLIENT_TIMEOUT', { detail: 'the tunnel was idle' }))
  if (end === 'shutdown') scope.fail(new ProxyError('DRAINING'))
}

interface Opened {
  readonly stream: Duplex
  readonly leftover: Buffer | undefined
}

/** @returns undefined when the parent refused and its answer was relayed. */
async function open(
  context: ConnectContext,
  request: IncomingMessage,
  target: HostPort,
): Promise<Opened | undefined> {
  const { deps, scope, connection } = context
  const route = chooseRoute(deps.noProxy, target)
  scope.stage = 'upstream'
  if (route.kind === 'direct') {
    scope.route = 'direct'
    const { permits } = directPermission(deps, connection.address)
    const startedAt = deps.clock.now()
    const stream = await deps.directDialer.dial(target, { signal: scope.signal, permits })
    scope.trace.connectMs = deps.clock.now() - startedAt
    return { stream, leftover: undefined }
  }
  scope.route = 'upstream'
  const delivered = await deliver(
    deps.carriers,
    {
      request: connectRequest(request, formatHostPort(target), deps),
      body: undefined,
      isIdempotent: true,
      signal: scope.signal,
      onInformational: () => undefined,
      trace: scope.trace,
    },
    deps.emit,
  )
  if (delivered.exchange.framing.kind === 'tunnel') return delivered.lease.detach()
  await relayRaw(connection.stream, delivered, scope, deps).catch((error: unknown) =>
    scope.fail(toProxyError(error)),
  )
  return undefined
}
