import { type CancelSignal, ProxyError } from '../core/index.ts'
import {
  isRateLimited,
  type RequestHead,
  type ResponseHead,
  setHeader,
  wasPassedOn,
} from '../http1/index.ts'
import { type Challenger, PROXY_LOGON } from './challenger.ts'
import type { UpstreamConnection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import type { Identity } from './identity.ts'
import { namesOffered, type Offer, readOffers } from './offers.ts'
import type { RequestBody } from './request-body.ts'

/** A 407 body is read so that the connection can go on; beyond this it is cheaper to make a new one. */
const DEMAND_BODY_BYTES = 1024 * 1024
const DEMAND_BODY_MS = 10_000

/** A logon whose challenge is there: what answers it rides on the request. */
export interface Challenged {
  /** The AUTHENTICATE_MESSAGE in base64. @throws ProxyError AUTH_CHALLENGE_MALFORMED, AUTH_UNSUPPORTED. */
  readonly authenticate: () => string
  /** The answer that the challenge came with, read to its end. */
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
  readonly onInformational?: (head: ResponseHead) => void
  /** Called when everything sent from now on is the request itself. */
  readonly onRequest: () => void
  /** Where the NEGOTIATE was sent ahead on this connection. */
  readonly challenged?: Challenged | undefined
}

/** What sending the NEGOTIATE takes. */
export type Negotiation = Pick<
  Logon,
  'challenger' | 'connection' | 'identity' | 'request' | 'body' | 'signal'
>

export interface LogonResult {
  readonly exchange: Exchange
  /**
   * `open`: answered without asking for credentials. `rejected`: the AUTHENTICATE was refused. `limited`: an upstream refused
   * one of the legs for its rate limit, so nothing is known of the logon.
   */
  readonly outcome: 'accepted' | 'open' | 'rejected' | 'limited'
  /** Rejected, but the credential may be shown at once in another reading of its hashes. */
  readonly otherReading: boolean
}

/**
 * The NTLM handshake (MS-NTHT): the request without its body carries the NEGOTIATE, the demand for a logon the CHALLENGE, and
 * the request with its body the AUTHENTICATE. The pass is always reported.
 * @throws ProxyError AUTH_* and what UpstreamConnection.send throws.
 */
export async function logOn(logon: Logon): Promise<LogonResult> {
  const { challenger, pass } = logon
  try {
    const begun = logon.challenged ?? (await negotiate(logon))
    if ('exchange' in begun) return { ...begun, otherReading: false }
    const token = begun.authenticate()
    const permission = pass.beforeShowing()
    // Without a turn in between, where the guard is here.
    if (permission !== undefined) await permission
    logon.onRequest()
    return await authenticate(logon, token)
  } finally {
    void pass.report('not-shown', challenger.label)
  }
}

/**
 * The first half of it: nothing of the credential is shown.
 * @throws ProxyError AUTH_* and what UpstreamConnection.send throws.
 */
export async function negotiate(
  negotiation: Negotiation,
): Promise<Challenged | Omit<LogonResult, 'otherReading'>> {
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
  if (!(await passOver(challenger, first))) {
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${challenger.label} closes the connection with its challenge`,
    })
  }
  return { authenticate: () => auth.authenticate(challenge), head: first.head }
}

async function authenticate(logon: Logon, token: string): Promise<LogonResult> {
  const { challenger, connection, request, body, pass, signal, timeoutMs, onInformational } = logon
  const { framework, label } = challenger
  let exchange: Exchange
  try {
    exchange = await connection.send(withCredentials(challenger, request, token), body, {
      timeoutMs,
      signal,
      ...(onInformational === undefined ? {} : { onInformational }),
    })
  } catch (error) {
    void pass.report('unanswered', label)
    throw error
  }
  // A 503 with Retry-After may be about the target, behind a logon that was accepted.
  if (isUpstreamsOwn(challenger, exchange) && exchange.head.status === 429) {
    // The limit may be one for failed logons: without a verdict it is better counted as one that never came.
    void pass.report('unanswered', label)
    return { exchange, outcome: 'limited', otherReading: false }
  }
  const isRejected = exchange.head.status === framework.status
  const otherReading = await pass.report(isRejected ? framework.refusal : 'accepted', label)
  return { exchange, outcome: isRejected ? 'rejected' : 'accepted', otherReading }
}

/** A rate limit of an upstream's own comes before any logon, and tells nothing about it; that of an origin comes after. */
function isUpstreamsOwn({ framework }: Challenger, { head }: Exchange): boolean {
  return framework === PROXY_LOGON && !wasPassedOn(head)
}

/** Learns from a demand for a logon with what to answer it. @throws ProxyError AUTH_NOT_OFFERED. */
export function noteDemand(challenger: Challenger, exchange: Exchange): void {
  challenger.scheme = offerOf(challenger, exchange).scheme
}

/** Leaves the connection ready for the logon that was demanded. @throws ProxyError AUTH_STATE_LOST when it ends here. */
export async function finishDemand(challenger: Challenger, exchange: Exchange): Promise<void> {
  if (await passOver(challenger, exchange)) return
  throw new ProxyError('AUTH_STATE_LOST', {
    detail: `${challenger.label} closes the connection when it asks for a logon`,
  })
}

/** @returns whether the connection can be used after the body of the answer. */
async function passOver({ options }: Challenger, exchange: Exchange): Promise<boolean> {
  return exchange.drain(DEMAND_BODY_BYTES, DEMAND_BODY_MS, options.clock)
}

/** The preferred one of the schemes offered. @throws ProxyError AUTH_NOT_OFFERED. */
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
  // Named without a challenge: another scheme is wanted, or the state of this connection was lost.
  challenger.scheme = offerOf(challenger, exchange).scheme
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

/** RFC 9110 section 8.6: a request that will have content says that this one has none. */
function withoutBody(request: RequestHead, body: RequestBody | undefined): RequestHead {
  if (body === undefined) return request
  const headers: string[] = []
  for (let i = 0; i + 1 < request.headers.length; i += 2) {
    const [name = '', value = ''] = [request.headers[i], request.headers[i + 1]]
    if (!/^(content-length|transfer-encoding|trailer)$/i.test(name)) headers.push(name, value)
  }
  return { ...request, headers: [...headers, 'Content-Length', '0'] }
}
