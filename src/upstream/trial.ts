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
import type { LogonVerdict } from '../policy/index.ts'
import { ORIGIN_LOGON, PROXY_LOGON, type Scheme } from './challenger.ts'
import { UpstreamConnection } from './connection.ts'
import type { Identity } from './identity.ts'
import { logOn } from './logon.ts'
import { namesOffered, readOffers } from './offers.ts'

export interface TrialOptions {
  readonly address: HostPort
  readonly dialer: Dialer
  readonly clock: Clock
  /** Without a body. Its connection is closed after the response head. */
  readonly request: RequestHead
  /** For each answer that the upstream gives by itself. */
  readonly handshakeTimeoutMs: number
  /** For the answer to the AUTHENTICATE, which may come from an origin. */
  readonly answerTimeoutMs: number
  /** The verdict for a refusal when another upstream accepted the account. */
  readonly refusal?: LogonVerdict | undefined
  /** Whether the logon settles a refusal: see LogonWish. */
  readonly settles?: boolean
}

/** An upstream's answer to a request without credentials. */
export interface Demanded {
  readonly status: number
  /** The scheme to log on with; undefined when no logon is required, or no supported scheme is offered. */
  readonly scheme: Scheme | undefined
  /** The names of the schemes that a 407 offers. */
  readonly offered: string
  /** It asks for an NTLM logon with 401, as a web server does: a proxy in transparent mode. */
  readonly asksAsOrigin: boolean
  /** Unix time in ms from its Date field. */
  readonly dateMs: number | undefined
}

export type Trial =
  /** It answered the NEGOTIATE as if no logon were needed. */
  | { readonly kind: 'open'; readonly status: number }
  | { readonly kind: 'accepted'; readonly status: number }
  /** @property otherReading another reading of the hashes may be sent immediately. */
  | { readonly kind: 'rejected'; readonly otherReading: boolean }
  /** The credential was not sent, so this cost nothing; AUTH_LOCKED_OUT when the guard refused it. */
  | { readonly kind: 'not-sent'; readonly error: ProxyError }
  | { readonly kind: 'unanswered'; readonly error: ProxyError }

/** Sends the request without credentials on a connection of its own. @throws ProxyError DIAL_*, UPSTREAM_*. */
export async function askDemand(options: TrialOptions): Promise<Demanded> {
  return onConnection(options, async connection => {
    const { head } = await connection.send(options.request, undefined, {
      timeoutMs: options.handshakeTimeoutMs,
      signal: NEVER_CANCELLED,
    })
    const { status } = head
    const date = Date.parse(getHeader(head.headers, 'Date') ?? '')
    const dateMs = Number.isNaN(date) ? undefined : date
    const asksAsOrigin = status === ORIGIN_LOGON.status && readOffers(head, ORIGIN_LOGON).length > 0
    if (status !== PROXY_LOGON.status)
      return { status, scheme: undefined, offered: '', asksAsOrigin, dateMs }
    const [offer] = readOffers(head, PROXY_LOGON)
    const offered = namesOffered(head, PROXY_LOGON)
    return { status, scheme: offer?.scheme, offered, asksAsOrigin, dateMs }
  })
}

export interface Connected {
  readonly head: ResponseHead
  /** To be closed by the caller; undefined unless the answer is a 2xx. */
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

/** One logon on a connection of its own: sends the credential at most once, and only if the guard permits it. */
export async function tryLogon(
  options: TrialOptions,
  scheme: Scheme,
  identity: Identity,
): Promise<Trial> {
  const { address, clock, handshakeTimeoutMs, refusal, settles = false } = options
  const label = formatHostPort(address)
  const pass = await identity.gate
    .enter(NEVER_CANCELLED, { ride: false, check: true, settles, at: label })
    .catch(toProxyError)
  if (isProxyError(pass)) return { kind: 'not-sent', error: pass }
  const seen = { isSent: false }
  try {
    const { consequence, exchange, outcome } = await onConnection(options, async connection =>
      logOn({
        challenger: {
          label,
          host: address.host,
          framework: PROXY_LOGON,
          scheme,
          options: { clock, handshakeTimeoutMs },
        },
        connection,
        identity,
        request: options.request,
        body: undefined,
        pass,
        signal: NEVER_CANCELLED,
        timeoutMs: options.answerTimeoutMs,
        settlement: 'none',
        ...(refusal === undefined ? {} : { refusal }),
        onRequest: () => (seen.isSent = true),
      }),
    )
    const { status } = exchange.head
    if (outcome === 'rejected')
      return { kind: 'rejected', otherReading: consequence === 'other-reading' }
    if (outcome === 'late') {
      const detail = `${label} refuses the logon only after a long time, as when its domain controller cannot be reached`
      return { kind: 'unanswered', error: new ProxyError('AUTH_UNANSWERED', { detail }) }
    }
    if (outcome === 'limited') {
      const detail = `${label} limits requests (HTTP ${status}), try again later`
      const error = new ProxyError('AUTH_STATE_LOST', { detail })
      return { kind: seen.isSent ? 'unanswered' : 'not-sent', error }
    }
    return { kind: outcome, status }
  } catch (error) {
    return { kind: seen.isSent ? 'unanswered' : 'not-sent', error: toProxyError(error) }
  } finally {
    void pass.report('not-sent', label)
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
