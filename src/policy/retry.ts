import { ERRORS, type ErrorCode } from '../core/index.ts'

export type RetryDecision = 'fresh-session' | 'next-upstream' | 'give-up'

/**
 * How far an attempt got: `dial`, no connection yet; `handshake`, only empty NTLM legs were sent, which no origin ever sees; `request`, the
 * request itself was in flight.
 */
export type AttemptPhase = 'dial' | 'handshake' | 'request'

/** An attempt that failed before a complete response head. */
export interface FailedAttempt {
  readonly code: ErrorCode
  readonly phase: AttemptPhase
  /** The session had served a request before. */
  readonly reused: boolean
  /** The session was preconnected and this was its first request: it may have died since. */
  readonly spare: boolean
  /** The request has no body, none of it was read, or all of it can be sent again. */
  readonly replayable: boolean
  /** RFC 9110 section 9.2.2, and CONNECT: nothing from the client is executed before its 2xx. */
  readonly idempotent: boolean
  /** The credential was rejected, but another reading of its hashes may be sent immediately. */
  readonly otherReading: boolean
  /** The last request sent was tsntlm's own: only the upstream can be at fault for the answer. */
  readonly ownRequest: boolean
  /** The upstream had sent at least one byte on this connection. */
  readonly heard: boolean
  /** Another request hit this failure, which is already counted. */
  readonly secondHand: boolean
}

/**
 * What a failure says about the upstream. `proof`: the upstream itself failed. `repeat`: a single broken connection says little, two in a
 * row within a short time count. `doubt`: the target may be at fault, so the upstream is probed with a request that it answers by itself.
 */
export type Evidence = 'none' | 'doubt' | 'repeat' | 'proof'

const NOT_OURS_TO_RETRY = new Set<ErrorCode>([
  'AUTH_REJECTED',
  'AUTH_LOCKED_OUT',
  'UPSTREAM_DENIED',
  'POOL_TIMEOUT',
  'QUEUE_FULL',
  'NO_DESCRIPTORS',
  'DRAINING',
  'CLIENT_ABORTED',
  'CLIENT_TIMEOUT',
  'ROUTE_DENIED',
  'BAD_REQUEST',
  'CONFIG',
  'BUG',
])

/** The complete retry policy (docs/architecture.md has it as a table). */
export function decideRetry(attempt: FailedAttempt): RetryDecision {
  const { code, phase, reused, spare, replayable, idempotent, otherReading } = attempt
  // Like AUTH_STATE_LOST: a 407, so nothing was executed.
  if (code === 'AUTH_REJECTED' && otherReading) return replayable ? 'fresh-session' : 'give-up'
  if (NOT_OURS_TO_RETRY.has(code)) return 'give-up'
  // A 407 on a ready session: nothing was executed, so any method may be sent again.
  if (code === 'AUTH_STATE_LOST') return replayable ? 'fresh-session' : 'give-up'
  if (isLogonFault(code)) return afterLogonFault(attempt)
  if (phase !== 'request') return foundDead(attempt) ? 'fresh-session' : 'next-upstream'
  if (code === 'UPSTREAM_TIMEOUT') return 'give-up'
  if (!replayable || !idempotent) return 'give-up'
  return reused || spare ? 'fresh-session' : 'next-upstream'
}

function isLogonFault(code: ErrorCode): boolean {
  return code === 'AUTH_OUT_OF_ORDER' || code === 'AUTH_UNANSWERED'
}

/** Retries at another upstream if nothing was executed or executing twice is safe. This upstream refused or did not answer. */
function afterLogonFault({ code, idempotent, replayable }: FailedAttempt): RetryDecision {
  const mayRepeat = idempotent || code === 'AUTH_OUT_OF_ORDER'
  return replayable && mayRepeat ? 'next-upstream' : 'give-up'
}

/** Says nothing about whether the upstream is up, or comes from a probe that is counted separately. */
const BLAMELESS: ReadonlySet<ErrorCode> = new Set([
  'AUTH_STATE_LOST',
  'UPSTREAM_DENIED',
  'UPSTREAM_SILENT',
])

/**
 * Only an upstream's own failures count against it: it cannot be reached, fails a logon, or sends a malformed answer of its own. After it
 * forwarded a request the origin is just as likely at fault, and a session that died while idle is nobody's fault.
 */
export function evidenceAgainstUpstream(attempt: FailedAttempt): Evidence {
  const { code, phase, ownRequest, secondHand } = attempt
  if (ERRORS[code].blame !== 'upstream' || BLAMELESS.has(code)) return 'none'
  if (secondHand || foundDead(attempt)) return 'none'
  if (phase === 'dial' || code === 'AUTH_OUT_OF_ORDER') return 'proof'
  if (phase === 'request') return evidenceOfRequest(attempt)
  if (code === 'UPSTREAM_CLOSED') return 'repeat'
  // A handshake leg carries the client's request, which an upstream may forward to some targets without a logon.
  return ownRequest || code.startsWith('AUTH_') ? 'proof' : 'doubt'
}

/** An upstream that does not speak HTTP looks the same as an origin's malformed answer. */
function evidenceOfRequest({ code, heard, reused }: FailedAttempt): Evidence {
  const isForeign = code === 'UPSTREAM_PROTOCOL' || (code === 'UPSTREAM_CLOSED' && !heard)
  return isForeign && !reused ? 'doubt' : 'none'
}

function foundDead({ code, spare }: FailedAttempt): boolean {
  return spare && (code === 'UPSTREAM_CLOSED' || code === 'UPSTREAM_TIMEOUT')
}
