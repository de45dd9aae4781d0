import { isProxyError, ProxyError, type Timer } from '../core/index.ts'
import type { Attempt } from './attempt.ts'
import type { UpstreamConnection } from './connection.ts'
import type { Carrier } from './dispatcher.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import { checkRequest, LOGON_CHECK_MS } from './logon-check.ts'
import { learnFrom407, logOn } from './logon.ts'
import type { Upstream } from './upstream.ts'

/**
 * Theory of operation. A request that rides on the AUTHENTICATE is the cheapest: two round trips on a fresh
 * connection. But its answer tells the verdict on the password only when the origin has answered, and an upstream
 * that unexpectedly wants no logon would execute the first leg, which has no body. So the session is first
 * introduced with a harmless request of our own
 *  - while the upstream's ways are unknown: does it demand a logon, with which scheme, does it keep the connection;
 *  - while the password is unproven: everybody waits for the verdict, and no slow origin may delay that;
 *  - for a request with a body: the first leg carries none, and an upstream that turns out to be open (some remember
 *    logons by address) would have executed it.
 * It is the logon check of logon-check.ts, which reaches no origin.
 */

/** How long a kept session may be silent before its upstream is checked; doubled with each check. */
const SILENCE_MS = 5_000
const LOGON_CHECK_BODY_BYTES = 1024 * 1024

/** The logon check goes on when the client that caused it leaves: its verdict is for everybody. */
const NEVER_ABORTED = new AbortController().signal

/** An upstream as somewhere that calls can be sent. */
export function carrierTo(upstream: Upstream): Carrier {
  return {
    label: upstream.label,
    pool: upstream.pool,
    isAvailable: () => upstream.isAvailable(),
    carry: async attempt => carry(upstream, attempt),
    failed: error => upstream.failed(error),
    succeeded: () => upstream.succeeded(),
  }
}

/** Carries a request over one session to the head of its answer, logging on where that is needed. */
async function carry(upstream: Upstream, attempt: Attempt): Promise<Exchange> {
  const { lease, call } = attempt
  const isOpenAtTimes = upstream.demand === 'sometimes'
  const mayBeOpen = upstream.demand === 'unknown' || (isOpenAtTimes && call.body !== undefined)
  if (!lease.session.isReady && mayBeOpen && upstream.answersLogonChecks)
    await introduce(upstream, attempt)
  if (lease.session.isReady || upstream.demand === 'sometimes') {
    const exchange = await sendBare(upstream, attempt)
    if (exchange.head.status !== 407) return exchange
    await forgetReadiness(upstream, attempt, exchange)
  }
  return logOnFor(upstream, attempt)
}

async function sendBare(upstream: Upstream, attempt: Attempt): Promise<Exchange> {
  const { lease, call } = attempt
  attempt.phase = 'request'
  const { connection } = lease.session
  const watch = lease.wasReady ? watchSilence(upstream, connection) : undefined
  try {
    const exchange = await connection.send(call.request, call.body, {
      timeoutMs: upstream.options.responseTimeoutMs,
      signal: call.signal,
      onInformational: call.onInformational,
    })
    if (exchange.head.status !== 407 && !lease.session.isReady) lease.markReady()
    return exchange
  } finally {
    watch?.cancel()
  }
}

/**
 * A kept session whose upstream vanished without a word would be waited on until the kernel gives up, a quarter of an
 * hour later, and one whose upstream hangs for ever. So when no answer comes, the upstream is asked something on a new
 * connection: where that fails, the session is dead too.
 */
function watchSilence(upstream: Upstream, connection: UpstreamConnection): Timer {
  const { clock } = upstream.options
  let timer: Timer | undefined
  const arm = (ms: number): void => {
    timer = clock.setTimer(ms, () => {
      arm(ms * 2)
      upstream.checkAlive().catch((cause: unknown) => {
        const detail = `${upstream.label} gives no sign of life`
        connection.destroy(new ProxyError('UPSTREAM_CLOSED', { detail, cause }))
      })
    })
  }
  arm(SILENCE_MS)
  return { cancel: () => timer?.cancel() }
}

/** A 407 where none was expected: nothing was executed, and the connection can usually be used for a logon. */
async function forgetReadiness(
  upstream: Upstream,
  attempt: Attempt,
  exchange: Exchange,
): Promise<void> {
  const { lease, call } = attempt
  attempt.phase = 'handshake'
  lease.session.isReady = false
  if (call.body !== undefined && !call.body.isReplayable) {
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${upstream.label} asked for a new logon when part of the request body was already sent`,
    })
  }
  await learnFrom407(upstream, exchange)
}

async function logOnFor(upstream: Upstream, attempt: Attempt): Promise<Exchange> {
  const { lease, call } = attempt
  attempt.phase = 'handshake'
  const pass = await enterGate(upstream, attempt)
  if ((!pass.isProven || call.body !== undefined) && upstream.answersLogonChecks) {
    await check(upstream, attempt, pass)
    return sendBare(upstream, attempt).then(exchange => expectNo407(upstream, exchange))
  }
  const startedAt = upstream.options.clock.now()
  const { exchange, outcome } = await logOn({
    upstream,
    connection: lease.session.connection,
    request: call.request,
    body: call.body,
    pass,
    signal: call.signal,
    timeoutMs: upstream.options.responseTimeoutMs,
    onInformational: call.onInformational,
    onRequest: () => {
      attempt.phase = 'request'
      call.trace.authMs += upstream.options.clock.now() - startedAt
    },
  })
  if (outcome === 'accepted') {
    authenticated(upstream, attempt, startedAt)
    return exchange
  }
  upstream.demand = 'sometimes'
  lease.markReady()
  if (call.body === undefined) return exchange
  // Only where the upstream answers no logon checks: the first leg had no body, so its answer is not to this request.
  await exchange.drain(LOGON_CHECK_BODY_BYTES, LOGON_CHECK_MS, upstream.options.clock)
  return sendBare(upstream, attempt).then(answer => expectNo407(upstream, answer))
}

function expectNo407(upstream: Upstream, exchange: Exchange): Exchange {
  if (exchange.head.status !== 407) return exchange
  throw new ProxyError('AUTH_STATE_LOST', {
    detail: `${upstream.label} wants a logon for each request`,
  })
}

/** Finds out what an unknown upstream demands, and whether the connection outlives the question. */
async function introduce(upstream: Upstream, attempt: Attempt): Promise<void> {
  const { lease } = attempt
  attempt.phase = 'handshake'
  const exchange = await lease.session.connection
    .send(checkRequest(upstream.options.via), undefined, {
      timeoutMs: LOGON_CHECK_MS,
      signal: attempt.call.signal,
    })
    .catch((error: unknown) => {
      if (isProxyError(error) && error.code === 'UPSTREAM_TIMEOUT')
        upstream.answersLogonChecks = false
      throw error
    })
  if (exchange.head.status === 407) {
    await learnFrom407(upstream, exchange)
    return
  }
  upstream.demand = 'sometimes'
  await keepAfterCheck(upstream, exchange).catch((error: unknown) => {
    // It closes after each answer, so a connection is never introduced: requests go to it as they are.
    upstream.answersLogonChecks = false
    throw error
  })
}

/** Proves the password with a request of our own. */
async function check(upstream: Upstream, attempt: Attempt, pass: LogonPass): Promise<void> {
  const { lease } = attempt
  const { clock } = upstream.options
  const startedAt = clock.now()
  try {
    const { exchange, outcome } = await logOn({
      upstream,
      connection: lease.session.connection,
      request: checkRequest(upstream.options.via),
      body: undefined,
      pass,
      signal: NEVER_ABORTED,
      timeoutMs: LOGON_CHECK_MS,
      onRequest: () => undefined,
    })
    if (outcome === 'open') {
      upstream.demand = 'sometimes'
      lease.markReady()
    } else {
      authenticated(upstream, attempt, startedAt)
    }
    attempt.call.trace.authMs += clock.now() - startedAt
    await keepAfterCheck(upstream, exchange)
  } catch (error) {
    if (isProxyError(error) && error.code === 'UPSTREAM_TIMEOUT') {
      upstream.answersLogonChecks = false
      throw new ProxyError('AUTH_STATE_LOST', {
        detail: `${upstream.label} does not answer logon checks`,
        cause: error,
      })
    }
    throw error
  }
}

async function keepAfterCheck(upstream: Upstream, exchange: Exchange): Promise<void> {
  const isKept = await exchange.drain(
    LOGON_CHECK_BODY_BYTES,
    LOGON_CHECK_MS,
    upstream.options.clock,
  )
  if (!isKept)
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${upstream.label} closes the connection after the logon check`,
    })
}

async function enterGate(upstream: Upstream, attempt: Attempt): Promise<LogonPass> {
  const startedAt = upstream.options.clock.now()
  try {
    return await upstream.options.gate.enter(attempt.call.signal)
  } finally {
    attempt.call.trace.authMs += upstream.options.clock.now() - startedAt
  }
}

function authenticated(upstream: Upstream, attempt: Attempt, startedAt: number): void {
  const { authenticator, clock, emit } = upstream.options
  const { session } = attempt.lease
  attempt.lease.markReady()
  emit({
    type: 'session.authenticated',
    session: session.id,
    upstream: upstream.label,
    scheme: upstream.scheme,
    dialect: authenticator.dialect,
    ms: clock.now() - startedAt,
  })
}
