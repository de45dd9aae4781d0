import { ProxyError } from '../core/index.ts'
import { type Attempt, beginRequest } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import { introduce, noteAuthenticated, proveByCheck, refuseRejected } from './introduction.ts'
import { type Challenged, logOn } from './logon.ts'
import { watchSilence } from './silence-watch.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamAccess } from './upstream-access.ts'

/**
 * Theory of operation. A request that rides on the AUTHENTICATE is the cheapest: two round trips on a fresh
 * connection. But its answer tells the verdict on the password only when the origin has answered, and an upstream
 * that unexpectedly wants no logon would execute the first leg, which has no body. So the session is first
 * introduced with the logon check of logon-check.ts, a harmless request of our own,
 *  - while the upstream's ways are unknown: does it demand a logon, with which scheme, does it keep the connection;
 *  - while the password is unproven: everybody waits for the verdict, and no slow origin may delay that;
 *  - for a request with a body: the first leg carries none, and an upstream that turns out to be open (some remember
 *    logons by address) would have executed it.
 */

/** Carries a request over one session to the head of its answer, logging on where that is needed. */
export function carry(access: UpstreamAccess, attempt: Attempt): Promise<Exchange> {
  const challenged = attempt.lease.session.spare?.challenged
  return challenged === undefined
    ? carryFromStart(access, attempt)
    : endLogon(access, attempt, challenged)
}

async function carryFromStart(access: UpstreamAccess, attempt: Attempt): Promise<Exchange> {
  const { upstream } = access
  const { session } = attempt.lease
  const hasBody = attempt.call.body !== undefined
  const isUnclear = upstream.demand === 'unknown' || (upstream.demand === 'sometimes' && hasBody)
  if (!session.isReady && isUnclear && upstream.answersLogonChecks) {
    const refusal = await introduce(access, attempt)
    if (refusal !== undefined) return refusal
  }
  const mayGoBare = session.isReady || upstream.demand === 'sometimes'
  if (mayGoBare && !(hasBody && upstream.demandsForEachRequest)) {
    const exchange = await sendBare(upstream, attempt)
    noteSpareUse(upstream, attempt, exchange)
    if (exchange.head.status !== 407) return exchange
    await forgetReadiness(access, attempt, exchange)
  }
  const pass = await enterGate(access, attempt)
  if (!wantsCheck(upstream, hasBody, pass)) return ride(access, attempt, pass)
  const refusal = await proveByCheck(access, attempt, pass)
  if (refusal !== undefined) return refusal
  const exchange = await sendBare(upstream, attempt)
  if (exchange.head.status !== 407) return exchange
  upstream.demandsForEachRequest = true
  await forgetReadiness(access, attempt, exchange)
  return ride(access, attempt, await enterGate(access, attempt))
}

function wantsCheck(upstream: Upstream, hasBody: boolean, pass: LogonPass): boolean {
  if (!upstream.answersLogonChecks) return false
  return (
    !pass.isProven ||
    (hasBody && upstream.keepsCheckedConnections && !upstream.demandsForEachRequest)
  )
}

/** The session was made ready up to the challenge: the AUTHENTICATE rides on the request. */
async function endLogon(
  access: UpstreamAccess,
  attempt: Attempt,
  challenged: Challenged,
): Promise<Exchange> {
  const pass = await enterGate(access, attempt)
  if (pass.isProven) return ride(access, attempt, pass, challenged)
  const { label } = access.upstream
  void pass.report('not-shown', label)
  // An unproven password is shown with a logon check, whose answer does not depend on an origin.
  throw new ProxyError('AUTH_STATE_LOST', { detail: `the logon at ${label} was begun too early` })
}

/** Learns whether a connection that was logged on ahead takes a CONNECT as it is. */
function noteSpareUse(upstream: Upstream, { lease, request }: Attempt, exchange: Exchange): void {
  if (!lease.wasReady || !lease.wasSpare || request.method !== 'CONNECT') return
  if (exchange.head.status === 407) upstream.bareConnectsRefused++
  else upstream.bareConnectsRefused = 0
}

/** Sends the request without credentials: on a session that is ready, or to see whether any are wanted. */
async function sendBare(upstream: Upstream, attempt: Attempt): Promise<Exchange> {
  const { lease, call, request } = attempt
  beginRequest(attempt)
  const { connection } = lease.session
  const wasKept = lease.wasReady || lease.wasSpare
  const exchange = await connection.send(request, call.body, {
    timeoutMs: upstream.options.responseTimeoutMs,
    signal: call.signal,
    onInformational: call.onInformational,
    watch: wasKept ? () => watchSilence(upstream, connection) : undefined,
  })
  if (exchange.head.status !== 407 && !lease.session.isReady) lease.markReady()
  return exchange
}

/** A 407 where none was expected: nothing was executed, and the connection can usually be used for a logon. */
async function forgetReadiness(
  access: UpstreamAccess,
  attempt: Attempt,
  exchange: Exchange,
): Promise<void> {
  const { lease, call } = attempt
  attempt.phase = 'handshake'
  lease.session.isReady = false
  if (call.body !== undefined && !call.body.isReplayable) {
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${access.upstream.label} asked for a new logon when part of the request body was already sent`,
    })
  }
  await access.learnFrom407(exchange)
}

/** Logs on with the request itself. */
async function ride(
  access: UpstreamAccess,
  attempt: Attempt,
  pass: LogonPass,
  challenged?: Challenged,
): Promise<Exchange> {
  const { upstream, identity } = access
  const { lease, call, request } = attempt
  const { clock, responseTimeoutMs } = upstream.options
  const startedAt = clock.now()
  attempt.phase = 'handshake'
  const result = await logOn({
    challenger: upstream,
    connection: lease.session.connection,
    identity,
    request,
    body: call.body,
    pass,
    challenged,
    signal: call.signal,
    timeoutMs: responseTimeoutMs,
    onInformational: call.onInformational,
    onRequest: () => {
      beginRequest(attempt)
      call.trace.authMs += clock.now() - startedAt
    },
  })
  refuseRejected(access, attempt, result)
  const { exchange, outcome } = result
  if (outcome === 'accepted') {
    noteAuthenticated(access, lease, startedAt)
    return exchange
  }
  // It can be handed on also for a request with a body: who limits requests has executed none.
  if (outcome === 'limited') return exchange
  upstream.demand = 'sometimes'
  if (call.body === undefined) {
    lease.markReady()
    return exchange
  }
  // The first leg had no body, so this answer is not to the request. It is sent whole on a session of its own.
  throw new ProxyError('AUTH_STATE_LOST', {
    detail: `${upstream.label} demands no logon any more`,
  })
}

async function enterGate(access: UpstreamAccess, attempt: Attempt): Promise<LogonPass> {
  const { clock } = access.upstream.options
  const startedAt = clock.now()
  try {
    return await access.identity.gate.enter(attempt.call.signal)
  } finally {
    attempt.call.trace.authMs += clock.now() - startedAt
  }
}
