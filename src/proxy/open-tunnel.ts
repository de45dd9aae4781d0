import type { Duplex } from 'node:stream'
import { formatHostPort, type HostPort, ProxyError } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import { Tunnel } from '../net/index.ts'
import {
  type Call,
  deliver,
  type Delivered,
  type DetachedStream,
  type Identity,
} from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { findCarriers } from './find-carriers.ts'
import { tunnelPatience } from './rate-limit.ts'
import type { RequestScope } from './request-scope.ts'

export interface TunnelCall {
  readonly target: HostPort
  /** The client's stream. */
  readonly client: Duplex
  /** Decides what a direct connection may reach. */
  readonly clientAddress: string
  /** The account for an upstream logon. @throws ProxyError CLIENT_AUTH_*. */
  readonly identity: () => Identity | undefined
  /** The CONNECT for a parent proxy. */
  readonly request: RequestHead
}

export type TunnelOutcome =
  | { readonly kind: 'open'; readonly detached: DetachedStream }
  /** The parent's response to the CONNECT was not a 2xx; the caller must end the lease. */
  | { readonly kind: 'refused'; readonly delivered: Delivered }

/** Opens a tunnel to a target, directly or through a parent. @throws ProxyError when no route works. */
export async function openTunnel(
  deps: ProxyDependencies,
  scope: RequestScope,
  { target, client, clientAddress, identity, request }: TunnelCall,
): Promise<TunnelOutcome> {
  scope.stage = 'upstream'
  const { signal, trace } = scope
  const carriers = await findCarriers(deps, {
    target,
    // The URL that browsers give a PAC script for a tunnel, whatever protocol it will carry.
    url: `https://${formatHostPort(target)}/`,
    clientAddress,
    signal,
    identity: () => (scope.identity = identity()),
    direct: permission => deps.directRoutes.tunnelCarrier(target, permission),
  })
  const call: Call = {
    requestFor: () => request,
    body: undefined,
    isIdempotent: true,
    signal,
    onInformational: () => undefined,
    trace,
    client: clientAddress,
    patience: tunnelPatience(deps, client),
  }
  const delivered = await deliver(carriers, call, deps)
  if (delivered.exchange.framing.kind !== 'tunnel') return { kind: 'refused', delivered }
  return { kind: 'open', detached: delivered.lease.detach() }
}

export interface TunnelEnds {
  readonly client: Duplex
  /** What the client sent before the tunnel was open. */
  readonly early: Buffer
  readonly upstream: DetachedStream
}

/** Starts relaying: first what both sides have already sent, then everything until both directions have ended. */
export function relayTunnel(
  deps: ProxyDependencies,
  scope: RequestScope,
  { client, early, upstream }: TunnelEnds,
): Tunnel {
  const { stream, leftover } = upstream
  if (early.length > 0) stream.write(early)
  if (leftover !== undefined) client.write(leftover)
  const tunnel = new Tunnel(client, stream, { clock: deps.clock, idleMs: deps.tunnelIdleMs })
  scope.bytesIn = early.length
  scope.bytesOut = leftover?.length ?? 0
  scope.relay(tunnel)
  return tunnel
}

/** Resolves when the tunnel has ended. */
export async function whenOver(tunnel: Tunnel, scope: RequestScope): Promise<void> {
  const { end } = await tunnel.done
  const failure = TUNNEL_FAILURES[end]
  if (failure !== undefined) scope.fail(failure())
}

const TUNNEL_FAILURES = {
  closed: undefined,
  'client-error': () => new ProxyError('CLIENT_ABORTED', { detail: 'the client broke the tunnel' }),
  'upstream-error': () => new ProxyError('UPSTREAM_CLOSED', { detail: 'the tunnel broke' }),
  idle: () => new ProxyError('CLIENT_TIMEOUT', { detail: 'the tunnel was idle' }),
  shutdown: () => new ProxyError('DRAINING'),
} as const
