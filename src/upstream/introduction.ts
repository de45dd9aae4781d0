import { isProxyError, ProxyError } from '../core/index.ts'
import type { Attempt } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import { checkRequest, LOGON_CHECK_MS } from './logon-check.ts'
import { learnFrom407, logOn } from './logon.ts'
import type { Upstream } from './upstream.ts'

/** An error page is read to its end, so that the connection can go on. */
const CHECK_BODY_BYTES = 1024 * 1024

/** The check goes on when the client that caused it leaves: its verdict is for everybody. */
const NEVER_ABORTED = new AbortController().signal

/** Finds out what an upstream demands of this connection, and whether the connection outlives the question. */
export async function introduce(upstream: Upstream, attempt: Attempt): Promise<void> {
  const { call, lease } = attempt
  attempt.phase = 'handshake'
  const exchange = await lease.session.connection
    .send(checkRequest(upstream.options.via), undefined, {
      timeoutMs: LOGON_CHECK_MS,
      signal: call.signal,
    })
    .catch((error: unknown) => {
      if (isTimeout(error)) upstream.answersLogonChecks = false
      throw error
    })
  if (exchange.head.status === 407) {
    await learnFrom407(upstream, exchange)
    return
  }
  upstream.demand = 'sometimes'
  if (await isKept(upstream, exchange)) return
  // It closes after each answer, so a connection is never introduced: requests go to it as they are.
  upstream.answersLogonChecks = false
  throw closesAfterCheck(upstream)
}

/** Proves the password with a request of our own; the session is ready then. The pass is always reported. */
export async function proveByCheck(
  upstream: Upstream,
  attempt: Attempt,
  pass: LogonPass,
): Promise<void> {
  const { call, lease } = attempt
  const { clock } = upstream.options
  const startedAt = clock.now()
  attempt.phase = 'handshake'
  try {
    const { exchange, outcome } = await logOn({
      upstream,
      attempt,
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
      noteAuthenticated(upstream, attempt, startedAt)
    }
    upstream.keepsCheckedConnections = await isKept(upstream, exchange)
  } catch (error) {
    if (!isTimeout(error)) throw error
    upstream.answersLogonChecks = false
    const detail = `${upstream.label} does not answer logon checks`
    throw new ProxyError('AUTH_STATE_LOST', { detail, cause: error })
  } finally {
    call.trace.authMs += clock.now() - startedAt
  }
  if (!upstream.keepsCheckedConnections) throw closesAfterCheck(upstream)
}

/** The upstream accepted the session of this attempt. */
export function noteAuthenticated(upstream: Upstream, attempt: Attempt, startedAt: number): void {
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

async function isKept(upstream: Upstream, exchange: Exchange): Promise<boolean> {
  return exchange.drain(CHECK_BODY_BYTES, LOGON_CHECK_MS, upstream.options.clock)
}

function closesAfterCheck(upstream: Upstream): ProxyError {
  const detail = `${upstream.label} closes the connection after the logon check`
  return new ProxyError('AUTH_STATE_LOST', { detail })
}

function isTimeout(error: unknown): boolean {
  return isProxyError(error) && error.code === 'UPSTREAM_TIMEOUT'
}
