import { ProxyError, toProxyError } from '../core/index.ts'
import {
  isRateLimited,
  type RequestHead,
  type ResponseHead,
  setHeader,
  wasPassedOn,
} from '../http1/index.ts'
import type { LogonWish } from '../policy/index.ts'
import { type Attempt, beginRequest, type Call } from './attempt.ts'
import { ORIGIN_LOGON } from './challenger.ts'
import { CHECK_BODY_BYTES, logOnByCheck } from './checked-logon.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import type { Lease } from './lease.ts'
import type { Challenged } from './logon.ts'
import { readOffers } from './offers.ts'
import { targetOf } from './policy-target.ts'
import { staysReplayable } from './request-body.ts'
import { refuse, ride } from './ride.ts'
import { SecondHandError } from './second-hand-error.ts'
import { denied, outOfOrder } from './settle-refusal.ts'
import { watchSilence } from './silence-watch.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamAccess } from './upstream-access.ts'

/**
 * Theory of operation. A request goes over a fresh session in one of three ways:
 *
 * - *bare*: without credentials. It costs the account nothing and shows whether a logon is required. Used for the first request to an
 *   upstream, while the password is unproven or held back, and for targets that some upstreams exempt.
 * - *riding* on the AUTHENTICATE: the cheapest, two round trips. But the verdict on the password comes only with the target's answer, so
 *   the guard grants a ride only for a proven password and within a part of its slots; and the first leg has no body.
 * - after a *check*: a request of our own logs the session on, and the request follows bare. Used for an unproven password, whose verdict
 *   all requests wait for; for a request with a body; and whenever the guard grants the last slot.
 *
 * An upstream that does not answer checks gets none, and all its logons are rides.
 */

/** Requests that were answered with a 407: they were not executed, and are not sent bare again. */
const demandedFor = new WeakSet<Call>()

/** Requests that left a slow logon for another upstream. They wait there: if all are slow, they would be sent to and fro until they fail. */
const sentElsewhere = new WeakSet<Call>()

/** How long to wait for an answer to Expect: 100-continue, as curl does. */
const CONTINUE_MS = 1_000

/** Sends a request over one session and waits for the response head, logging on if needed. */
export function carry(access: UpstreamAccess, attempt: Attempt): Promise<Exchange> {
  const challenged = attempt.lease.session.spare?.challenged
  return challenged === undefined
    ? carryFromStart(access, attempt)
    : endLogon(access, attempt, challenged)
}

async function carryFromStart(access: UpstreamAccess, attempt: Attempt): Promise<Exchange> {
  const { upstream } = access
  const { call, lease } = attempt
  const wasReady = lease.session.isReady
  refuseToRisk(upstream, attempt)
  if (wasReady ? !sendsBodyLate(upstream, call) : goesBare(access, attempt)) {
    const exchange = await sendBare(upstream, attempt)
    noteSpareUse(upstream, attempt, exchange)
    if (exchange.head.status !== 407) return exchange
    await takeDemand(access, attempt, exchange)
  }
  const exchange = await logOnAndSend(access, attempt)
  if (wasReady) upstream.asksAgain = true
  return exchange
}

/** If each request needs a logon, no body is sent ahead of the logon: the first leg of a ride has none. */
function sendsBodyLate(upstream: Upstream, { body }: Call): boolean {
  return body !== undefined && upstream.demandsForEachRequest
}

/** Rejects a body that cannot be sent twice if the upstream may ask for a new logon on a kept session. */
function refuseToRisk({ asksAgain, label }: Upstream, { call: { body }, lease }: Attempt): void {
  if (!asksAgain || !lease.wasReady || body === undefined || staysReplayable(body)) return
  const detail = `${label} may ask for a new logon on a kept connection, so the body goes over a fresh one`
  throw new ProxyError('AUTH_STATE_LOST', { detail })
}

function goesBare(access: UpstreamAccess, attempt: Attempt): boolean {
  const { upstream } = access
  const { body } = attempt.call
  if (demandedFor.has(attempt.call)) return false
  if (!access.mayLogOn) return true
  if (body !== undefined) return upstream.demand !== 'always' && !upstream.habits.answersChecks
  return upstream.demand !== 'always' || !access.hasProof || isDenied(upstream, attempt)
}

async function logOnAndSend(access: UpstreamAccess, attempt: Attempt): Promise<Exchange> {
  const { upstream } = access
  if (isDenied(upstream, attempt) && !upstream.habits.answersChecks)
    throw deniedBefore(access, attempt)
  if (isOutOfOrder(access)) throw outOfOrder(access)
  const pass = await enterGate(access, attempt)
  if (!upstream.acceptsLogons && access.witness !== undefined) {
    void pass.report('not-sent', upstream.label)
    throw outOfOrder(access)
  }
  return pass.mode === 'ride' ? ride(access, attempt, pass) : checkAndSend(access, attempt, pass)
}

/** After failed logons the upstream is retried only if a refusal would leave a slot for the others. */
function isOutOfOrder({ identity, upstream, witness }: UpstreamAccess): boolean {
  if (upstream.logonHealth.failures === 0 || witness === undefined) return false
  return !upstream.acceptsLogons || !identity.gate.mayAskOrigin()
}

/** Learns whether a connection that was logged on ahead of time takes a CONNECT without another logon. */
function noteSpareUse(upstream: Upstream, { lease, request }: Attempt, exchange: Exchange): void {
  if (!lease.wasReady || !lease.wasSpare || request.method !== 'CONNECT') return
  if (exchange.head.status === 407) upstream.bareConnectsRefused++
  else upstream.bareConnectsRefused = 0
}

/** Sends the request without credentials: on a ready session, or to find out whether any are required. */
async function sendBare(upstream: Upstream, attempt: Attempt): Promise<Exchange> {
  const { lease, call, request } = attempt
  beginRequest(attempt)
  const { connection } = lease.session
  const isWatched = lease.wasReady || lease.wasSpare || upstream.demand === 'unknown'
  const mayBeDemanded = call.body !== undefined && !lease.session.isReady
  const asksFirst = mayBeDemanded && !upstream.takesBodiesBare && !staysReplayable(call.body)
  const exchange = await connection.send(asksFirst ? askingFirst(request) : request, call.body, {
    timeoutMs: upstream.options.responseTimeoutMs,
    signal: call.signal,
    onInformational: call.onInformational,
    watch: isWatched ? () => watchSilence(upstream, connection) : undefined,
    ...(asksFirst ? { continueTimeoutMs: CONTINUE_MS } : {}),
  })
  if (exchange.head.status === 407) {
    demandedFor.add(call)
    if (mayBeDemanded) upstream.takesBodiesBare = false
    return exchange
  }
  if (mayBeDemanded) upstream.takesBodiesBare = true
  // A rate limit may apply before the upstream asks for a logon.
  const isLimited = isRateLimited(exchange.head) && !wasPassedOn(exchange.head)
  if (!lease.session.isReady && !isLimited) {
    upstream.noteOpenAnswer()
    lease.markReady()
  }
  upstream.habits.noteServed(targetOf(request))
  noteOriginLikeDemand(upstream, exchange)
  return exchange
}

/**
 * Handles a 407: nothing was executed, and the connection can usually be used for a logon. On a ready session, either the policy denies the
 * target or the upstream requires a new logon. A check without credentials shows which, at no cost to the account.
 * @throws ProxyError UPSTREAM_DENIED, AUTH_STATE_LOST.
 */
async function takeDemand(
  access: UpstreamAccess,
  attempt: Attempt,
  exchange: Exchange,
): Promise<void> {
  const { lease, call } = attempt
  const { upstream } = access
  const wasReady = lease.session.isReady
  attempt.phase = 'handshake'
  lease.session.isReady = false
  if (call.body !== undefined && !call.body.isReplayable) {
    if (wasReady) upstream.asksAgain = true
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${upstream.label} asked for a new logon when part of the request body was already sent`,
    })
  }
  if (wasReady && upstream.habits.hasAnsweredChecks) {
    await access.learnFrom407(lease.session.connection, exchange)
    const answer = await lease.session.connection.send(upstream.check, undefined, {
      timeoutMs: upstream.options.handshakeTimeoutMs,
      signal: call.signal,
    })
    if (answer.head.status !== 407) {
      await giveBack(lease, upstream, answer)
      throw denied(access, targetOf(attempt.request))
    }
    exchange = answer
  }
  await access.learnFrom407(lease.session.connection, exchange)
}

/** Logs the session on with a check, then sends the request. */
async function checkAndSend(
  access: UpstreamAccess,
  attempt: Attempt,
  pass: LogonPass,
): Promise<Exchange> {
  const { upstream } = access
  const { call, lease } = attempt
  const { clock } = upstream.options
  const startedAt = clock.now()
  attempt.phase = 'handshake'
  const result = await logOnByCheck(access, lease, pass).finally(() => {
    call.trace.authMs += clock.now() - startedAt
  })
  if (result.outcome === 'limited') return result.exchange
  if (result.outcome === 'rejected' || result.outcome === 'late') {
    throw await refuse(access, attempt, {
      result: { ...result, outcome: result.outcome },
      target: undefined,
    })
  }
  if (result.outcome === 'passed-by') {
    if (!result.isKept) throw closesAfterCheck(upstream)
    return carryFromStart(access, attempt)
  }
  upstream.keepsCheckedConnections = result.isKept
  if (!result.isKept) throw closesAfterCheck(upstream)
  if (!sendsBodyLate(upstream, call)) {
    const exchange = await sendBare(upstream, attempt)
    if (exchange.head.status !== 407) return exchange
    await takeDemand(access, attempt, exchange)
  }
  return rideAfterCheck(access, attempt)
}

/**
 * The account was just accepted on this connection, so another 407 means that each request needs a logon, or that the policy denies the
 * target.
 */
async function rideAfterCheck(access: UpstreamAccess, attempt: Attempt): Promise<Exchange> {
  const pass = await enter(access, attempt, { ride: true, check: false, mayRideLast: true })
  const exchange = await ride(access, attempt, pass, { isAccepted: true })
  access.upstream.demandsForEachRequest = true
  return exchange
}

/** The session already has a challenge: the AUTHENTICATE rides on the request. */
async function endLogon(
  access: UpstreamAccess,
  attempt: Attempt,
  challenged: Challenged,
): Promise<Exchange> {
  const { label } = access.upstream
  if (access.hasProof) {
    const pass = await enter(access, attempt, { ride: true, check: false, mayRideLast: true })
    if (pass.isProven) return ride(access, attempt, pass, { challenged })
    void pass.report('not-sent', label)
  }
  // An unproven password is sent with a logon check, whose answer does not depend on the target.
  throw new ProxyError('AUTH_STATE_LOST', { detail: `the logon at ${label} was begun too early` })
}

async function enterGate(access: UpstreamAccess, attempt: Attempt): Promise<LogonPass> {
  const { upstream } = access
  const { demandsForEachRequest, keepsCheckedConnections } = upstream
  // If the upstream closes the connection after a check, the check yields a verdict and nothing else.
  const check = upstream.habits.answersChecks && (keepsCheckedConnections || !access.hasProof)
  const wantsCheck =
    (attempt.call.body !== undefined && !demandsForEachRequest) ||
    isDenied(upstream, attempt) ||
    !upstream.habits.answersRides
  return enter(access, attempt, {
    ride: !(check && wantsCheck),
    check,
    mayRideLast: !check,
  })
}

async function enter(
  access: UpstreamAccess,
  attempt: Attempt,
  wish: LogonWish,
): Promise<LogonPass> {
  const { clock } = access.upstream.options
  const startedAt = clock.now()
  const at = access.upstream.label
  const others = sentElsewhere.has(attempt.call)
    ? []
    : access.witnesses.map(({ upstream }) => upstream.label)
  try {
    return await access.identity.gate.enter(attempt.call.signal, { ...wish, at, others })
  } catch (thrown) {
    const error = toProxyError(thrown)
    if (error.code !== 'AUTH_UNANSWERED') throw error
    sentElsewhere.add(attempt.call)
    throw new SecondHandError(error, false)
  } finally {
    attempt.call.trace.authMs += clock.now() - startedAt
  }
}

function isDenied(upstream: Upstream, { request }: Attempt): boolean {
  return upstream.habits.isDenied(targetOf(request))
}

function deniedBefore(access: UpstreamAccess, { request }: Attempt): ProxyError {
  return denied(access, targetOf(request))
}

/** The session remains usable for other targets. */
async function giveBack(lease: Lease, upstream: Upstream, answer: Exchange): Promise<void> {
  const { clock, handshakeTimeoutMs } = upstream.options
  if (!(await answer.drain(CHECK_BODY_BYTES, handshakeTimeoutMs, clock))) return
  lease.session.isReady = true
  lease.release()
}

function askingFirst(request: RequestHead): RequestHead {
  return { ...request, headers: setHeader(request.headers, 'Expect', '100-continue') }
}

/** RFC 9110 section 11.6 is for origins; a transparent proxy has to pose as one. */
function noteOriginLikeDemand(upstream: Upstream, { head }: Exchange): void {
  if (head.status !== 401 || wasPassedOn(head) || !offersNtlm(head)) return
  upstream.noteOriginLikeDemand()
}

function offersNtlm(head: ResponseHead): boolean {
  return readOffers(head, ORIGIN_LOGON).some(({ scheme }) => scheme === 'NTLM')
}

function closesAfterCheck(upstream: Upstream): ProxyError {
  const detail = `${upstream.label} closes the connection after the logon check`
  return new ProxyError('AUTH_STATE_LOST', { detail })
}
