import {
  type Clock,
  formatHostPort,
  type HostPort,
  isProxyError,
  ProxyError,
  toProxyError,
} from '../core/index.ts'
import { type RequestHead, setHeader } from '../http1/index.ts'
import type { Dialer } from '../net/index.ts'
import type { Authenticator } from './authenticator.ts'
import { UpstreamConnection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { GuardGate, LogonPass } from './guard-gate.ts'
import { namesOffered, readOffers, type Scheme } from './offers.ts'

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

const NEVER_ABORTED = new AbortController().signal
const BODY_OF_407_BYTES = 1024 * 1024

/** Asks without credentials on a connection of its own. @throws ProxyError DIAL_*, UPSTREAM_*. */
export async function askDemand(options: TrialOptions): Promise<Demanded> {
  return onConnection(options, async connection => {
    const { head } = await send(connection, options, options.request)
    const { status } = head
    if (status !== 407) return { status, scheme: undefined, offered: '' }
    return { status, scheme: readOffers(head)[0]?.scheme, offered: namesOffered(head) }
  })
}

/**
 * One logon on a connection of its own: shows the credential once at most, and only if the guard lets it. One that is never
 * answered stays on record as under way, so that a later process counts it as a failed one: no guard of this process will.
 */
export async function tryLogon(
  options: TrialOptions,
  scheme: Scheme,
  authenticator: Authenticator,
  gate: GuardGate,
): Promise<Trial> {
  const label = formatHostPort(options.address)
  const pass = await gate.enter(NEVER_ABORTED).catch(toProxyError)
  if (isProxyError(pass)) return { kind: 'not-shown', error: pass }
  try {
    return await onConnection(options, async connection => {
      const auth = authenticator.begin(options.address.host)
      const challenged = await send(
        connection,
        options,
        withToken(options, scheme, auth.negotiate()),
      )
      const { status } = challenged.head
      if (status !== 407) {
        pass.report('not-shown', label)
        return { kind: 'open', status }
      }
      const token = auth.authenticate(await readChallenge(challenged, scheme, options))
      pass.beforeShowing()
      return await show(connection, options, withToken(options, scheme, token), pass)
    })
  } catch (error) {
    pass.report('not-shown', label)
    return { kind: 'not-shown', error: toProxyError(error) }
  }
}

async function show(
  connection: UpstreamConnection,
  options: TrialOptions,
  request: RequestHead,
  pass: LogonPass,
): Promise<Trial> {
  const label = formatHostPort(options.address)
  try {
    const { status } = (await send(connection, options, request, options.answerTimeoutMs)).head
    if (status !== 407) {
      pass.report('accepted', label)
      return { kind: 'accepted', status }
    }
    return { kind: 'rejected', otherReading: pass.report('rejected', label) }
  } catch (error) {
    return { kind: 'unanswered', error: toProxyError(error) }
  }
}

async function onConnection<T>(
  { address, clock, dialer }: TrialOptions,
  use: (connection: UpstreamConnection) => Promise<T>,
): Promise<T> {
  const stream = await dialer.dial(address, { signal: NEVER_ABORTED })
  const connection = new UpstreamConnection(stream, clock)
  try {
    return await use(connection)
  } finally {
    connection.destroy()
  }
}

async function send(
  connection: UpstreamConnection,
  { handshakeTimeoutMs }: TrialOptions,
  request: RequestHead,
  timeoutMs = handshakeTimeoutMs,
): Promise<Exchange> {
  return connection.send(request, undefined, { timeoutMs, signal: NEVER_ABORTED })
}

function withToken({ request }: TrialOptions, scheme: Scheme, token: string): RequestHead {
  const headers = setHeader(request.headers, 'Proxy-Authorization', `${scheme} ${token}`)
  return { ...request, headers }
}

/** @throws ProxyError AUTH_CHALLENGE_MALFORMED, AUTH_STATE_LOST. */
async function readChallenge(
  exchange: Exchange,
  scheme: Scheme,
  { clock, handshakeTimeoutMs }: TrialOptions,
): Promise<string> {
  const offers = readOffers(exchange.head).filter(offer => offer.scheme === scheme)
  const [token, ...others] = new Set(offers.flatMap(offer => offer.token ?? []))
  if (others.length > 0) {
    throw new ProxyError('AUTH_CHALLENGE_MALFORMED', { detail: 'several challenges came at once' })
  }
  if (token === undefined || token === '') {
    throw new ProxyError('AUTH_STATE_LOST', { detail: 'it was answered without a challenge' })
  }
  if (!(await exchange.drain(BODY_OF_407_BYTES, handshakeTimeoutMs, clock))) {
    throw new ProxyError('AUTH_STATE_LOST', { detail: 'the challenge closed the connection' })
  }
  return token
}
