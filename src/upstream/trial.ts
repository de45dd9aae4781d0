import type { Duplex } from 'node:stream'
import {
  type Clock,
  formatHostPort,
  type HostPort,
  isProxyError,
  NEVER_CANCELLED,
  ProxyError,
  toProxyError,
} from '../core/index.ts'
import { getHeader, type RequestHead, type ResponseHead } from '../http1/index.ts'
import type { Dialer } from '../net/index.ts'
import { PROXY_LOGON, type Scheme } from './challenger.ts'
import { UpstreamConnection } from './connection.ts'
import type { LogonPass } from './guard-gate.ts'
import type { Identity } from './identity.ts'
import { logOn } from './logon.ts'
import { namesOffered, readOffers } from './offers.ts'

export interface TrialOptions {
  readonly address: HostPort
  readonly dialer: Dialer
  readonly clock: Clock
  /** Without a body. Its connection is closed when the head of the answer is there. */
  readonly request: RequestHead
  /** For each answer that the upstream gives by itself. */
  readonly handshakeTimeoutMs: number
  /** For the answer to the AUTHENTICATE, which a web server may give. */
  readonly answerTimeoutMs: number
}

/** What an upstream says to a request without credentials. */
export interface Demanded {
  readonly status: number
  /** The scheme to log on with; undefined when it asks for none, or offers none that is known here. */
  readonly scheme: Scheme | undefined
  /** The names of the schemes that a 407 offers. */
  readonly offered: string
  /** Unix time in ms by its Date field. */
  readonly dateMs: number | undefined
}

export type Trial =
  /** It answered the NEGOTIATE as if no logon were needed. */
  | { readonly kind: 'open'; readonly status: number }
  | { readonly kind: 'accepted'; readonly status: number }
  /** @see LogonPass.report */
  | { readonly kind: 'rejected'; readonly otherReading: boolean }
  /** The credential was not shown, so this cost nothing; AUTH_LOCKED_OUT when the guard refused it. */
  | { readonly kind: 'not-shown'; readonly error: ProxyError }
  | { readonly kind: 'unanswered'; readonly error: ProxyError }

/** Asks without credentials on a connection of its own. @throws ProxyError DIAL_*, UPSTREAM_*. */
export async function askDemand(options: TrialOptions): Promise<Demanded> {
  return onConnection(options, async connection => {
    const { head } = await connection.send(options.request, undefined, {
      timeoutMs: options.handshakeTimeoutMs,
      signal: NEVER_CANCELLED,
    })
    const { status } = head
    const date = Date.parse(getHeader(head.headers, 'Date') ?? '')
    const dateMs = Number.isNaN(date) ? undefined : date
    if (status !== PROXY_LOGON.status) return { status, scheme: undefined, offered: '', dateMs }
    const [offer] = readOffers(head, PROXY_LOGON)
    return { status, scheme: offer?.scheme, offered: namesOffered(head, PROXY_LOGON), dateMs }
  })
}

export interface Connected {
  readonly head: ResponseHead
  /** To be closed by the caller; undefined when the answer is no 2xx. */
  readonly tunnel: Duplex | undefined
}

/** Sends a CONNECT without credentials on a connection of its own. @throws ProxyError DIAL_*, UPSTREAM_*. */
export async function tryConnect(options: TrialOptions): Promise<Connected> {
  const { address, answerTimeoutMs: timeoutMs, clock, dialer, request } = options
  const stream = await dialer.dial(address, { signal: NEVER_CANCELLED })
  const connection = new UpstreamConnection(stream, clock)
  const { head, framing } = await connection.send(request, undefined, {
    timeoutMs,
    signal: NEVER_CANCELLED,
  })
  if (framing.kind !== 'tunnel') {
    connection.destroy()
    return { head, tunnel: undefined }
  }
  const { stream: tunnel, leftover } = connection.detach()
  if (leftover !== undefined) tunnel.unshift(leftover)
  return { head, tunnel }
}

/**
 * One logon on a connection of its own: shows the credential once at most, and only if the guard lets it. One that is never
 * answered stays on record as under way, so that a later process counts it as a failed one: no guard of this process will.
 */
export async function tryLogon(
  options: TrialOptions,
  scheme: Scheme,
  identity: Identity,
): Promise<Trial> {
  const { address, clock, handshakeTimeoutMs } = options
  const pass = await identity.gate.enter(NEVER_CANCELLED).catch(toProxyError)
  if (isProxyError(pass)) return { kind: 'not-shown', error: pass }
  const seen = { unanswered: false }
  const record: LogonPass = {
    isProven: pass.isProven,
    beforeShowing: () => pass.beforeShowing(),
    report: (verdict, label) => {
      if (verdict === 'unanswered') seen.unanswered = true
      return seen.unanswered ? false : pass.report(verdict, label)
    },
  }
  try {
    const { exchange, outcome, otherReading } = await onConnection(options, async connection =>
      logOn({
        challenger: {
          label: formatHostPort(address),
          host: address.host,
          framework: PROXY_LOGON,
          scheme,
          options: { clock, handshakeTimeoutMs },
        },
        connection,
        identity,
        request: options.request,
        body: undefined,
        pass: record,
        signal: NEVER_CANCELLED,
        timeoutMs: options.answerTimeoutMs,
        onRequest: () => undefined,
      }),
    )
    if (outcome === 'rejected') return { kind: 'rejected', otherReading }
    const { status } = exchange.head
    if (outcome === 'limited') {
      const detail = `${formatHostPort(address)} limits requests (HTTP ${status}), try again later`
      throw new ProxyError('AUTH_STATE_LOST', { detail })
    }
    return { kind: outcome, status }
  } catch (error) {
    return { kind: seen.unanswered ? 'unanswered' : 'not-shown', error: toProxyError(error) }
  }
}

async function onConnection<T>(
  { address, clock, dialer }: TrialOptions,
  use: (connection: UpstreamConnection) => Promise<T>,
): Promise<T> {
  const stream = await dialer.dial(address, { signal: NEVER_CANCELLED })
  const connection = new UpstreamConnection(stream, clock)
  try {
    return await use(connection)
  } finally {
    connection.destroy()
  }
}
