import { type Emit, type ErrorCode, isProxyError, ProxyError } from '../core/index.ts'
import {
  getAllHeaders,
  parseChallenges,
  type RequestHead,
  type ResponseHead,
  setHeader,
} from '../http1/index.ts'
import { type Attempt, beginRequest, type Call } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { Identity } from './identity.ts'
import { finishDemand, logOn, noteDemand } from './logon.ts'
import { readOffers } from './offers.ts'
import type { Origin } from './origin.ts'
import { staysReplayable } from './request-body.ts'

/** What a request may send to an origin that asks for a logon. */
export interface OriginRights {
  /** Logs on with NTLM; without it the 401 goes to the client. */
  readonly identity: Identity | undefined
  /** The client's Basic credentials as a field value, held back until the origin asks for them. */
  readonly basic: string | undefined
}

export interface OriginTrip {
  readonly origin: Origin
  readonly rights: OriginRights
  readonly attempt: Attempt
  readonly responseTimeoutMs: number
  readonly emit: Emit
}

/** How long to wait for an answer to Expect: 100-continue, as curl does. */
const CONTINUE_MS = 1_000

const HANDSHAKE_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'AUTH_STATE_LOST',
  'AUTH_CHALLENGE_MALFORMED',
  'AUTH_NOT_OFFERED',
])

/**
 * Requests that an origin answered with a 401, so it executed nothing. A first leg without the body is safe only for these, because an
 * origin's requirements may differ from path to path.
 */
const demandedFor = new WeakSet<Call>()

/** Sends a request straight to an origin, logging on if that is required and allowed. */
export async function carryToOrigin(trip: OriginTrip): Promise<Exchange> {
  const { origin, rights, attempt } = trip
  const { call, lease, request } = attempt
  if (!lease.wasReady && mayLogOn(trip)) {
    const isHarmless = origin.demand === 'ntlm' && call.body === undefined
    if (demandedFor.has(call) || isHarmless) return logOnToOrigin(trip)
  }
  const basic = origin.asksForBasic ? rights.basic : undefined
  const exchange = await send(trip, basic === undefined ? request : withBasic(request, basic))
  if (exchange.head.status === 401) return answerDemand(trip, exchange, basic !== undefined)
  if (origin.demand === 'unknown') origin.demand = 'open'
  return keep(trip, exchange)
}

/** Sends what the origin asks for, if allowed; otherwise the 401 is the answer. */
async function answerDemand(
  trip: OriginTrip,
  exchange: Exchange,
  showedBasic: boolean,
): Promise<Exchange> {
  const { origin, rights, attempt } = trip
  const { call, request } = attempt
  const { basic } = rights
  const wantsNtlm = offersNtlm(exchange.head, origin)
  if (wantsNtlm) origin.demand = 'ntlm'
  if (wantsNtlm && mayLogOn(trip) && isReplayable(call)) {
    demandedFor.add(call)
    await take401(trip, exchange)
    return logOnToOrigin(trip)
  }
  if (basic === undefined || showedBasic || !offersBasic(exchange.head)) return keep(trip, exchange)
  origin.asksForBasic = true
  if (!isReplayable(call)) return keep(trip, exchange)
  await take401(trip, exchange)
  return keep(trip, await send(trip, withBasic(request, basic)))
}

function mayLogOn({ origin, rights: { identity } }: OriginTrip): boolean {
  return identity !== undefined && origin.maySend(identity)
}

function isReplayable({ body }: Call): boolean {
  return body?.isReplayable ?? true
}

/** Whether the origin offers NTLM. Negotiate alone may mean Kerberos, so it goes to the client, as with cntlm. */
function offersNtlm(head: ResponseHead, { framework }: Origin): boolean {
  return readOffers(head, framework).some(({ scheme }) => scheme === 'NTLM')
}

function offersBasic(head: ResponseHead): boolean {
  const challenges = parseChallenges(getAllHeaders(head.headers, 'WWW-Authenticate'))
  return challenges.some(({ schemeLower }) => schemeLower === 'basic')
}

function withBasic(request: RequestHead, basic: string): RequestHead {
  return { ...request, headers: setHeader(request.headers, 'Authorization', basic) }
}

/** Asks with Expect: 100-continue before sending a body that cannot be sent twice, if a logon may be required. */
async function send(trip: OriginTrip, request: RequestHead): Promise<Exchange> {
  const { origin, attempt, responseTimeoutMs } = trip
  const { call, lease } = attempt
  beginRequest(attempt)
  const asksFirst =
    call.body !== undefined &&
    !staysReplayable(call.body) &&
    !lease.wasReady &&
    origin.demand !== 'open' &&
    mayLogOn(trip)
  const options = {
    timeoutMs: responseTimeoutMs,
    signal: call.signal,
    onInformational: call.onInformational,
  }
  if (!asksFirst) return lease.session.connection.send(request, call.body, options)
  const asking = { ...request, headers: setHeader(request.headers, 'Expect', '100-continue') }
  const patient = { ...options, continueTimeoutMs: CONTINUE_MS }
  return lease.session.connection.send(asking, call.body, patient)
}

/** Consumes the 401 and keeps its connection. @throws ProxyError AUTH_STATE_LOST. */
async function take401({ origin, attempt }: OriginTrip, exchange: Exchange): Promise<void> {
  attempt.phase = 'handshake'
  if (readOffers(exchange.head, origin.framework).length > 0) noteDemand(origin, exchange)
  await finishDemand(origin, attempt.lease.session.connection, exchange)
}

async function logOnToOrigin(trip: OriginTrip): Promise<Exchange> {
  const { origin, rights, attempt, responseTimeoutMs, emit } = trip
  const { identity } = rights
  if (identity === undefined) throw new ProxyError('BUG', { detail: 'a logon without an identity' })
  const { call, lease, request } = attempt
  const { clock } = origin.options
  const startedAt = clock.now()
  attempt.phase = 'handshake'
  const pass = await identity.gate.enter(call.signal, {
    ride: true,
    check: false,
    at: origin.label,
  })
  const logon = logOn({
    challenger: origin,
    connection: lease.session.connection,
    identity,
    request,
    body: call.body,
    pass,
    signal: call.signal,
    timeoutMs: responseTimeoutMs,
    settlement: 'none',
    onInformational: call.onInformational,
    onVerdictPending: verdict => lease.neededUntil(verdict),
    onRequest: () => {
      beginRequest(attempt)
      call.trace.authMs += clock.now() - startedAt
    },
  })
  const { exchange, outcome, consequence } = await logon.catch((error: unknown) => {
    if (isProxyError(error) && HANDSHAKE_ERRORS.has(error.code)) origin.failed()
    throw error
  })
  const { account } = identity.authenticator
  if (outcome === 'open' && call.body !== undefined) {
    // The first leg had no body, so this is not the answer to the request.
    origin.failed()
    const detail = `${origin.label} demands no logon any more`
    throw new ProxyError('AUTH_STATE_LOST', { detail })
  }
  if (outcome === 'accepted') origin.accepted()
  if (outcome === 'rejected') {
    attempt.otherReading = consequence === 'other-reading'
    if (attempt.otherReading) {
      const detail = `${origin.label} refuses the logon of ${account}; the other reading of its hashes is used from now on`
      throw new ProxyError('AUTH_REJECTED', { detail })
    }
    origin.denied(identity)
    emit({ type: 'origin.denied', origin: origin.label, account })
  }
  return keep(trip, exchange)
}

/** The connection has served a request, so it may be reused. */
function keep({ attempt }: OriginTrip, exchange: Exchange): Exchange {
  if (!attempt.lease.session.isReady) attempt.lease.markReady()
  return exchange
}
