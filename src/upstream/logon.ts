import { type CancelSignal, NEVER_CANCELLED, ProxyError, toProxyError } from '../core/index.ts'
import {
  isPersistent,
  isRateLimited,
  type RequestHead,
  type ResponseHead,
  setHeader,
  wasPassedOn,
} from '../http1/index.ts'
import type { Consequence, LogonVerdict, Settlement } from '../policy/index.ts'
import { type Challenger, PROXY_LOGON } from './challenger.ts'
import type { UpstreamConnection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import type { Identity } from './identity.ts'
import { namesOffered, type Offer, readOffers } from './offers.ts'
import type { RequestBody } from './request-body.ts'

/** A 407 body is read so that the connection stays usable; beyond this a new connection is cheaper. */
const DEMAND_BODY_BYTES = 1024 * 1024
const DEMAND_BODY_MS = 10_000

/** A 407 without a length may have a body that ends with the connection, or none: cntlm does not wait for it. */
const NO_BODY_MS = 200

/**
 * A refusal that takes longer counts as no answer. A proxy whose domain controller is unreachable refuses after its own time-outs; nothing
 * else on the wire distinguishes that from a bad password.
 */
const LATE_MS = 5_000

/** A logon that has received its challenge: the AUTHENTICATE rides on the request. */
export interface Challenged {
  /** The AUTHENTICATE_MESSAGE in base64. @throws ProxyError AUTH_CHALLENGE_MALFORMED, AUTH_UNSUPPORTED. */
  readonly authenticate: () => string
  /** Head of the answer that carried the challenge; its body has been read. */
  readonly head: ResponseHead
}

export interface Logon {
  readonly challenger: Challenger
  readonly connection: UpstreamConnection
  readonly identity: Identity
  readonly request: RequestHead
  readonly body: RequestBody | undefined
  readonly pass: LogonPass
  readonly signal: CancelSignal
  /** For the answer to the AUTHENTICATE. */
  readonly timeoutMs: number
  /** How the caller could settle a refusal. */
  readonly settlement: Settlement
  /** The verdict for a refusal; default: that of the framework. */
  readonly refusal?: LogonVerdict
  readonly onInformational?: (head: ResponseHead) => void
  /** Called when the caller has cancelled before the verdict: the connection is needed until then. */
  readonly onVerdictPending?: (verdict: Promise<unknown>) => void
  /** Called right before the request itself is sent. */
  readonly onRequest: () => void
  /** Set if the NEGOTIATE was sent ahead on this connection. */
  readonly challenged?: Challenged | undefined
}

/** What `negotiate` needs of a logon. */
export type Negotiation = Pick<
  Logon,
  'challenger' | 'connection' | 'identity' | 'request' | 'body' | 'signal'
>

export interface LogonResult {
  readonly exchange: Exchange
  /**
   * `open`: answered without asking for credentials. `rejected`: the AUTHENTICATE was refused. `limited`: an upstream rate-limited one of
   * the legs, so the logon has no verdict. `late`: refused, but so late that it counts as unanswered.
   */
  readonly outcome: 'accepted' | 'open' | 'rejected' | 'late' | 'limited'
  /** What follows from a refusal. */
  readonly consequence: Consequence
}

/**
 * The NTLM handshake (MS-NTHT): the request without its body carries the NEGOTIATE, the 407 or 401 the CHALLENGE, and the request with its
 * body the AUTHENTICATE. The pass is always reported.
 * @throws ProxyError AUTH_* and what UpstreamConnection.send throws.
 */
export async function logOn(logon: Logon): Promise<LogonResult> {
  const { challenger, pass } = logon
  let isSent = false
  try {
    const begun = logon.challenged ?? (await negotiate(logon))
    if ('exchange' in begun) return { ...begun, consequence: 'none' }
    const token = begun.authenticate()
    const permission = pass.beforeSending()
    // A local guard answers synchronously: no event-loop turn in between.
    if (permission !== undefined) await permission
    logon.onRequest()
    isSent = true
    return await authenticate(logon, token, begun.head)
  } finally {
    // Afterwards the verdict is reported when it comes, which may be after the client has left.
    if (!isSent) void pass.report('not-sent', challenger.label)
  }
}

/**
 * The first half of the handshake: sends nothing derived from the credential.
 * @throws ProxyError AUTH_* and what UpstreamConnection.send throws.
 */
export async function negotiate(
  negotiation: Negotiation,
): Promise<Challenged | Omit<LogonResult, 'consequence'>> {
  const { challenger, connection, identity, request, body, signal } = negotiation
  const { framework, options } = challenger
  const auth = identity.authenticator.begin(challenger.host)
  const first = await connection.send(
    withCredentials(challenger, withoutBody(request, body), auth.negotiate()),
    undefined,
    { timeoutMs: options.handshakeTimeoutMs, signal },
  )
  if (first.head.status !== framework.status) {
    const isLimited = isUpstreamsOwn(challenger, first) && isRateLimited(first.head)
    return { exchange: first, outcome: isLimited ? 'limited' : 'open' }
  }
  const challenge = readChallenge(challenger, first)
  await skipBody(challenger, connection, first)
  // Some servers announce a close but stay open: only a closed connection cannot take the AUTHENTICATE.
  if (connection.isClosed) {
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${challenger.label} closes the connection with its challenge`,
    })
  }
  return { authenticate: () => auth.authenticate(challenge), head: first.head }
}

/** Sends the AUTHENTICATE. Its verdict is reported even if the client leaves before it arrives: the directory may have counted it. */
async function authenticate(
  logon: Logon,
  token: string,
  challengeHead: ResponseHead,
): Promise<LogonResult> {
  const { body, onVerdictPending, signal } = logon
  if (body !== undefined || onVerdictPending === undefined)
    return awaitVerdict(logon, token, challengeHead, signal)
  const verdict = awaitVerdict(logon, token, challengeHead, NEVER_CANCELLED)
  return orAborted(verdict, signal, () => onVerdictPending(verdict.catch(() => undefined)))
}

async function awaitVerdict(
  logon: Logon,
  token: string,
  challengeHead: ResponseHead,
  signal: CancelSignal,
): Promise<LogonResult> {
  const { challenger, pass } = logon
  const { framework, label, options } = challenger
  const startedAt = options.clock.now()
  const exchange = await sendAuthenticate(logon, token, challengeHead, signal)
  // A 503 with Retry-After may be about the target, behind a logon that was accepted.
  if (isUpstreamsOwn(challenger, exchange) && exchange.head.status === 429) {
    // RFC 6585 section 4: too many requests, which says nothing of this logon.
    void pass.report('not-sent', label)
    return { exchange, outcome: 'limited', consequence: 'none' }
  }
  if (exchange.head.status !== framework.status) {
    await pass.report('accepted', label)
    return { exchange, outcome: 'accepted', consequence: 'none' }
  }
  const { refusal = framework.refusal } = logon
  const isLate = refusal === 'refused' && options.clock.now() - startedAt >= LATE_MS
  // Once the client has left no caller settles a refusal: the next logon does.
  const settlement = logon.signal.aborted ? 'none' : logon.settlement
  const consequence = await pass.report(isLate ? 'refused-late' : refusal, label, settlement)
  return { exchange, outcome: isLate ? 'late' : 'rejected', consequence }
}

/** @throws ProxyError what UpstreamConnection.send throws, after it was reported. */
async function sendAuthenticate(
  { body, challenger, connection, onInformational, pass, request, settlement, timeoutMs }: Logon,
  token: string,
  challengeHead: ResponseHead,
  signal: CancelSignal,
): Promise<Exchange> {
  try {
    return await connection.send(withCredentials(challenger, request, token), body, {
      timeoutMs,
      signal,
      ...(onInformational === undefined ? {} : { onInformational }),
    })
  } catch (thrown) {
    const error = toProxyError(thrown)
    if (error.code === 'UPSTREAM_CLOSED' && !isPersistent(challengeHead, { kind: 'none' })) {
      void pass.report('not-sent', challenger.label)
      throw new ProxyError('AUTH_STATE_LOST', {
        detail: `${challenger.label} closes the connection with its challenge`,
        cause: error,
      })
    }
    const verdict = error.code === 'UPSTREAM_TIMEOUT' ? 'timed-out' : 'unanswered'
    void pass.report(verdict, challenger.label, settlement)
    throw error
  }
}

/** @throws ProxyError CLIENT_ABORTED as soon as the signal aborts, after `onAbort`. */
function orAborted<T>(result: Promise<T>, signal: CancelSignal, onAbort: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      onAbort()
      reject(new ProxyError('CLIENT_ABORTED'))
    }
    signal.addEventListener('abort', leave, { once: true })
    void result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    if (signal.aborted) leave()
  })
}

/** An upstream's own rate limit applies before any logon and says nothing about it; an origin's applies after it. */
function isUpstreamsOwn({ framework }: Challenger, { head }: Exchange): boolean {
  return framework === PROXY_LOGON && !wasPassedOn(head)
}

/** Learns from a 407 or 401 which scheme to use. @throws ProxyError AUTH_NOT_OFFERED. */
export function noteDemand(challenger: Challenger, exchange: Exchange): void {
  challenger.scheme = offerOf(challenger, exchange).scheme
}

/** Prepares the connection for the requested logon. @throws ProxyError AUTH_STATE_LOST when the server closes it. */
export async function finishDemand(
  challenger: Challenger,
  connection: UpstreamConnection,
  exchange: Exchange,
): Promise<void> {
  await skipBody(challenger, connection, exchange)
  if (exchange.isReusable) return
  throw new ProxyError('AUTH_STATE_LOST', {
    detail: `${challenger.label} closes the connection when it asks for a logon`,
  })
}

async function skipBody(
  { options: { clock } }: Challenger,
  connection: UpstreamConnection,
  exchange: Exchange,
): Promise<void> {
  if (exchange.framing.kind === 'until-close') await connection.endSilentBody(NO_BODY_MS)
  await exchange.drain(DEMAND_BODY_BYTES, DEMAND_BODY_MS, clock)
}

/** The preferred scheme of those offered. @throws ProxyError AUTH_NOT_OFFERED. */
function offerOf({ framework, label }: Challenger, { head }: Exchange): Offer {
  const [offer] = readOffers(head, framework)
  if (offer !== undefined) return offer
  throw new ProxyError('AUTH_NOT_OFFERED', {
    detail: `${label} offers ${namesOffered(head, framework)}; ${framework.advice}`,
  })
}

function readChallenge(challenger: Challenger, exchange: Exchange): string {
  const { framework, label, scheme } = challenger
  const offers = readOffers(exchange.head, framework)
  const tokens = new Set(
    offers.filter(offer => offer.scheme === scheme).flatMap(offer => offer.token ?? []),
  )
  const [token] = tokens
  if (tokens.size > 1) {
    throw new ProxyError('AUTH_CHALLENGE_MALFORMED', {
      detail: `${label} sends several challenges at once`,
    })
  }
  if (token !== undefined && token !== '') return token
  // A scheme without a challenge: the server wants another scheme, or lost the state of this connection.
  const next = offerOf(challenger, exchange).scheme
  if (next === 'Negotiate' && scheme === next) {
    throw new ProxyError('AUTH_NOT_OFFERED', {
      detail: `${label} offers ${namesOffered(exchange.head, framework)} and takes no NTLM in it, so it wants Kerberos; ${framework.advice}`,
    })
  }
  challenger.scheme = next
  throw new ProxyError('AUTH_STATE_LOST', {
    detail: `${label} answers the logon without a challenge`,
  })
}

function withCredentials(
  { framework, scheme }: Challenger,
  request: RequestHead,
  token: string,
): RequestHead {
  const headers = setHeader(request.headers, framework.credentialsField, `${scheme} ${token}`)
  return { ...request, headers }
}

/** RFC 9110 section 8.6: a request that anticipates content states that this leg has none. */
function withoutBody(request: RequestHead, body: RequestBody | undefined): RequestHead {
  if (body === undefined) return request
  const headers: string[] = []
  for (let i = 0; i + 1 < request.headers.length; i += 2) {
    const [name = '', value = ''] = [request.headers[i], request.headers[i + 1]]
    if (!/^(content-length|transfer-encoding|trailer)$/i.test(name)) headers.push(name, value)
  }
  return { ...request, headers: [...headers, 'Content-Length', '0'] }
}
