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

/** A 407 body is read so that the connection can go on; beyond this it is cheaper to make a new one. */
const DEMAND_BODY_BYTES = 1024 * 1024
const DEMAND_BODY_MS = 10_000

/** A demand without a length may have a body that ends with the connection, or none at all: cntlm goes on at once. */
const NO_BODY_MS = 200

/**
 * A refusal that takes longer is told as no answer. A proxy whose domain controller is out of reach refuses after its own time-outs;
 * nothing else on the wire tells that from a bad password.
 */
const LATE_MS = 5_000

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
  /** How the caller could settle a refusal. */
  readonly settlement: Settlement
  /** What a refusal says; default: what the framework makes of it. */
  readonly refusal?: LogonVerdict
  readonly onInformational?: (head: ResponseHead) => void
  /** Called when the caller has cancelled while the verdict is still to come: the connection is needed until then. */
  readonly onVerdictPending?: (verdict: Promise<unknown>) => void
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
   * one of the legs for its rate limit, so nothing is known of the logon. `late`: refused, but only after so long that it counts as
   * not answered.
   */
  readonly outcome: 'accepted' | 'open' | 'rejected' | 'late' | 'limited'
  /** What follows from a refusal. */
  readonly consequence: Consequence
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
    if ('exchange' in begun) return { ...begun, consequence: 'none' }
    const token = begun.authenticate()
    const permission = pass.beforeSending()
    // Without a turn in between, where the guard is here.
    if (permission !== undefined) await permission
    logon.onRequest()
    return await authenticate(logon, token, begun.head)
  } finally {
    // Where there was a verdict, or there will be one, this does nothing.
    void pass.report('not-sent', challenger.label)
  }
}

/**
 * The first half of it: nothing of the credential is sent.
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
  // Some say that they close, and do not: only a connection that is gone cannot take the answer to the challenge.
  if (connection.isClosed) {
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${challenger.label} closes the connection with its challenge`,
    })
  }
  return { authenticate: () => auth.authenticate(challenge), head: first.head }
}

async function authenticate(
  logon: Logon,
  token: string,
  challengeHead: ResponseHead,
): Promise<LogonResult> {
  const { challenger, pass, settlement } = logon
  const { framework, label, options } = challenger
  const startedAt = options.clock.now()
  const exchange = await sendAuthenticate(logon, token, challengeHead)
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
  const consequence = await pass.report(isLate ? 'refused-late' : refusal, label, settlement)
  return { exchange, outcome: isLate ? 'late' : 'rejected', consequence }
}

/** A verdict that is never heard counts against the account, so it is waited for although the client may have left. */
async function sendAuthenticate(
  logon: Logon,
  token: string,
  challengeHead: ResponseHead,
): Promise<Exchange> {
  const { challenger, connection, request, body, pass, signal, timeoutMs } = logon
  const { onInformational, onVerdictPending } = logon
  const outlivesClient = body === undefined && onVerdictPending !== undefined
  const sent = connection.send(withCredentials(challenger, request, token), body, {
    timeoutMs,
    signal: outlivesClient ? NEVER_CANCELLED : signal,
    ...(onInformational === undefined ? {} : { onInformational }),
  })
  const answered = sent.catch((thrown: unknown) => {
    const error = toProxyError(thrown)
    if (error.code === 'UPSTREAM_CLOSED' && !isPersistent(challengeHead, { kind: 'none' })) {
      void pass.report('not-sent', challenger.label)
      throw new ProxyError('AUTH_STATE_LOST', {
        detail: `${challenger.label} closes the connection with its challenge`,
        cause: error,
      })
    }
    const verdict = error.code === 'UPSTREAM_TIMEOUT' ? 'timed-out' : 'unanswered'
    void pass.report(verdict, challenger.label, logon.settlement)
    throw error
  })
  return outlivesClient ? orCancelled(answered, logon, onVerdictPending) : answered
}

/** @throws ProxyError CLIENT_ABORTED as soon as the client leaves; the verdict is reported when it comes. */
function orCancelled(
  answered: Promise<Exchange>,
  { challenger, pass, signal }: Logon,
  onVerdictPending: (verdict: Promise<unknown>) => void,
): Promise<Exchange> {
  const { framework, label } = challenger
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      const verdict = answered.then(({ head }) =>
        // Nobody is left to settle a refusal: the next logon will.
        pass.report(
          head.status === framework.status ? framework.refusal : 'accepted',
          label,
          'none',
        ),
      )
      onVerdictPending(verdict.catch(() => undefined))
      reject(new ProxyError('CLIENT_ABORTED'))
    }
    signal.addEventListener('abort', leave, { once: true })
    answered.then(
      exchange => {
        signal.removeEventListener('abort', leave)
        resolve(exchange)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', leave)
        reject(toProxyError(error))
      },
    )
    if (signal.aborted) leave()
  })
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
