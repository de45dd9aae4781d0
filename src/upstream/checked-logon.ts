import { NEVER_CANCELLED, ProxyError, toProxyError } from '../core/index.ts'
import type { LogonVerdict } from '../policy/index.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import type { Lease } from './lease.ts'
import { logOn, type LogonResult } from './logon.ts'
import type { UpstreamAccess } from './upstream-access.ts'

/** An error page up to this size is read to its end, so that the connection stays usable. */
export const CHECK_BODY_BYTES = 1024 * 1024

export interface CheckedLogon extends Omit<LogonResult, 'outcome'> {
  /**
   * `passed-by`: the upstream answered the check without asking for a logon. That says nothing about requests, so checks stop for a while.
   */
  readonly outcome: Exclude<LogonResult['outcome'], 'open'> | 'passed-by'
  /** Whether the connection is still usable. */
  readonly isKept: boolean
}

/**
 * Logs a session on with a request of our own. The pass is always reported. No proxy has to answer such a request: if the first answer is
 * not a 407, or none comes, that affects only further checks.
 * @param refusal the verdict for a refusal when another upstream accepted the account.
 * @throws ProxyError AUTH_* and what UpstreamConnection.send throws; AUTH_STATE_LOST when the connection cannot be used.
 */
export async function logOnByCheck(
  access: UpstreamAccess,
  lease: Lease,
  pass: LogonPass,
  refusal?: LogonVerdict,
): Promise<CheckedLogon> {
  const { upstream, identity } = access
  const { clock, handshakeTimeoutMs } = upstream.options
  const startedAt = clock.now()
  const seen = { isSent: false }
  try {
    const result = await logOn({
      challenger: upstream,
      connection: lease.session.connection,
      identity,
      request: upstream.check,
      body: undefined,
      pass,
      // The check continues if its client disconnects: all requests need its verdict.
      signal: NEVER_CANCELLED,
      timeoutMs: handshakeTimeoutMs,
      settlement: refusal === undefined && access.witness !== undefined ? 'elsewhere' : 'none',
      ...(refusal === undefined ? {} : { refusal }),
      onRequest: () => (seen.isSent = true),
    })
    const { exchange, outcome } = result
    if (outcome === 'limited') return { ...result, outcome, isKept: false }
    const isKept = await drain(access, exchange)
    if (outcome === 'open') {
      upstream.habits.stopChecks()
      upstream.noteOpenAnswer()
      return { ...result, outcome: 'passed-by', isKept }
    }
    upstream.demand = 'always'
    upstream.habits.noteAnsweredCheck()
    if (outcome === 'accepted') noteAuthenticated(access, lease, startedAt)
    return { ...result, outcome, isKept }
  } catch (thrown) {
    throw seen.isSent ? unanswered(access, thrown) : uncheckable(access, thrown)
  }
}

/** @returns AUTH_REJECTED, or AUTH_UNANSWERED when the refusal came late. */
export function refusalOf(
  { upstream, identity }: UpstreamAccess,
  { consequence, outcome }: Pick<LogonResult, 'consequence' | 'outcome'>,
): ProxyError {
  const { account } = identity.authenticator
  if (outcome === 'late') {
    return new ProxyError('AUTH_UNANSWERED', {
      detail: `${upstream.label} refuses the logon of ${account} only after a long time, as when its domain controller cannot be reached`,
    })
  }
  const next =
    consequence === 'other-reading'
      ? '; the other reading of its hashes is used from now on, so send the request again'
      : ''
  return new ProxyError('AUTH_REJECTED', {
    detail: `${upstream.label} refuses the logon of ${account}${next}`,
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
  upstream.logonAccepted()
  emit({
    type: 'session.authenticated',
    session: session.id,
    upstream: upstream.label,
    scheme: upstream.scheme,
    dialect: identity.authenticator.dialect,
    ms: clock.now() - startedAt,
  })
}

async function drain({ upstream }: UpstreamAccess, exchange: Exchange): Promise<boolean> {
  const { clock, handshakeTimeoutMs } = upstream.options
  return exchange.drain(CHECK_BODY_BYTES, handshakeTimeoutMs, clock)
}

/** Failed before the AUTHENTICATE: the upstream, or a firewall on the way, rejects the check. */
function uncheckable({ upstream }: UpstreamAccess, thrown: unknown): ProxyError {
  const error = toProxyError(thrown)
  if (error.code !== 'UPSTREAM_CLOSED' && error.code !== 'UPSTREAM_TIMEOUT') return error
  if (error.code === 'UPSTREAM_CLOSED') upstream.habits.noteBrokenCheck()
  else upstream.habits.stopChecks()
  const detail = `${upstream.label} did not answer a logon check`
  return new ProxyError('AUTH_STATE_LOST', { detail, cause: error })
}

/** Failed after the AUTHENTICATE: a domain controller may not answer, or the upstream has died. */
function unanswered({ upstream }: UpstreamAccess, thrown: unknown): ProxyError {
  const error = toProxyError(thrown)
  if (error.code !== 'UPSTREAM_TIMEOUT') return error
  const { handshakeTimeoutMs } = upstream.options
  const detail = `${upstream.label}, within ${handshakeTimeoutMs} ms (HandshakeTimeout)`
  return new ProxyError('AUTH_UNANSWERED', { detail, cause: error })
}
