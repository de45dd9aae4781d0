import { isProxyError, NEVER_CANCELLED, ProxyError } from '../core/index.ts'
import type { Attempt } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import type { Lease } from './lease.ts'
import { checkRequest, LOGON_CHECK_MS } from './logon-check.ts'
import { logOn, type LogonResult } from './logon.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamAccess } from './upstream-access.ts'

/** An error page is read to its end, so that the connection can go on. */
const CHECK_BODY_BYTES = 1024 * 1024

/**
 * Finds out what an upstream demands of this connection, and whether the connection outlives the question.
 * @returns the answer when it limits requests: nothing is learned then, and it holds for the request too.
 */
export async function introduce(
  access: UpstreamAccess,
  attempt: Attempt,
): Promise<Exchange | undefined> {
  const { upstream } = access
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
    await access.learnFrom407(exchange)
    return undefined
  }
  if (exchange.head.status === 429) return exchange
  upstream.demand = 'sometimes'
  if (await isKept(upstream, exchange)) return undefined
  // It closes after each answer, so a connection is never introduced: requests go to it as they are.
  upstream.answersLogonChecks = false
  throw closesAfterCheck(upstream)
}

/**
 * Proves the password with a request of our own; the session is ready then. The pass is always reported.
 * @returns the answer when the upstream limits requests, @see introduce
 */
export async function proveByCheck(
  access: UpstreamAccess,
  attempt: Attempt,
  pass: LogonPass,
): Promise<Exchange | undefined> {
  const { upstream } = access
  const { call, lease } = attempt
  const { clock } = upstream.options
  const startedAt = clock.now()
  attempt.phase = 'handshake'
  try {
    const result = await logOnByCheck(access, lease, pass)
    refuseRejected(access, attempt, result)
    if (result.outcome === 'limited') return result.exchange
    if (result.isKept !== undefined) upstream.keepsCheckedConnections = result.isKept
  } catch (error) {
    if (!isTimeout(error)) throw error
    upstream.answersLogonChecks = false
    const detail = `${upstream.label} does not answer logon checks`
    throw new ProxyError('AUTH_STATE_LOST', { detail, cause: error })
  } finally {
    call.trace.authMs += clock.now() - startedAt
  }
  if (!upstream.keepsCheckedConnections) throw closesAfterCheck(upstream)
  return undefined
}

export interface CheckedLogon extends LogonResult {
  /** Whether the connection can be used after it; undefined where the answer was no more than a refusal. */
  readonly isKept: boolean | undefined
}

/**
 * Logs a session on with a request of our own. The pass is always reported.
 * @throws ProxyError AUTH_* and what UpstreamConnection.send throws.
 */
export async function logOnByCheck(
  access: UpstreamAccess,
  lease: Lease,
  pass: LogonPass,
): Promise<CheckedLogon> {
  const { upstream, identity } = access
  const startedAt = upstream.options.clock.now()
  const result = await logOn({
    challenger: upstream,
    connection: lease.session.connection,
    identity,
    request: checkRequest(upstream.options.via),
    body: undefined,
    pass,
    // The check goes on when the client that caused it leaves: its verdict is for everybody.
    signal: NEVER_CANCELLED,
    timeoutMs: LOGON_CHECK_MS,
    onRequest: () => undefined,
  })
  const { exchange, outcome } = result
  if (outcome === 'limited' || outcome === 'rejected') return { ...result, isKept: undefined }
  if (outcome === 'open') {
    upstream.demand = 'sometimes'
    lease.markReady()
  } else {
    noteAuthenticated(access, lease, startedAt)
  }
  return { ...result, isKept: await isKept(upstream, exchange) }
}

/** @throws ProxyError AUTH_REJECTED when the upstream refused the logon. */
export function refuseRejected(
  { upstream, identity }: UpstreamAccess,
  attempt: Attempt,
  { outcome, otherReading }: LogonResult,
): void {
  if (outcome !== 'rejected') return
  attempt.otherReading = otherReading
  const next = otherReading
    ? '; its hashes are read in the other way from now on, so send the request again'
    : ''
  throw new ProxyError('AUTH_REJECTED', {
    detail: `${upstream.label} refuses the logon of ${identity.authenticator.account}${next}`,
  })
}

/** The upstream accepted the session. */
export function noteAuthenticated(
  { upstream, identity }: UpstreamAccess,
  lease: Lease,
  startedAt: number,
): void {
  const { clock, emit } = upstream.options
  const { session } = lease
  lease.markReady()
  emit({
    type: 'session.authenticated',
    session: session.id,
    upstream: upstream.label,
    scheme: upstream.scheme,
    dialect: identity.authenticator.dialect,
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
