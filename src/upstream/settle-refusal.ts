import { ProxyError } from '../core/index.ts'
import type { LogonVerdict } from '../policy/index.ts'
import { refusalOf } from './checked-logon.ts'
import type { LogonResult } from './logon.ts'
import { type Trial, tryLogon } from './trial.ts'
import type { UpstreamAccess } from './upstream-access.ts'

export interface Refusal {
  readonly result: LogonResult
  /** The request's target if the AUTHENTICATE rode on it; undefined for a check. */
  readonly target: string | undefined
}

/**
 * Theory of operation. A 407 to a proven account is ambiguous: the password was changed, the upstream's policy denies the target (Squid
 * answers that with 407 too), or the upstream has lost its domain controller. Logon checks decide, because upstreams answer them by
 * themselves. Each check needs the guard's permission:
 *
 * | another upstream | this upstream | then                                                               |
 * |------------------|---------------|--------------------------------------------------------------------|
 * | refuses          |               | the password is rejected                                           |
 * | accepts          | refuses       | logons fail at this upstream; the account is fine                  |
 * | accepts          | accepts       | the policy denies the target                                       |
 * | accepts          | not checkable | the target is blamed                                               |
 * | none to ask      | refuses       | the password is rejected                                           |
 * | none to ask      | accepts       | the policy denies the target                                       |
 * | none to ask      | not checkable | the target is blamed; another target may have the next try         |
 *
 * @returns the error for the request that met the refusal.
 */
export async function settleRefusal(access: UpstreamAccess, refusal: Refusal): Promise<ProxyError> {
  try {
    return await settle(access, refusal)
  } finally {
    if (refusal.result.consequence === 'settle') access.identity.gate.settled()
  }
}

async function settle(access: UpstreamAccess, refusal: Refusal): Promise<ProxyError> {
  const { result, target } = refusal
  const { consequence } = result
  if (consequence === 'blame-target' && target !== undefined) {
    return blameTarget(access, target, refusalOf(access, result).detail)
  }
  if (consequence !== 'settle') return refusalOf(access, result)
  const { witness } = access
  const elsewhere = witness === undefined ? 'unknown' : await check(witness, undefined)
  if (elsewhere === 'rejected') return refusalOf(access, result)
  if (target === undefined) {
    return elsewhere === 'accepted' ? outOfOrder(access) : refusalOf(access, result)
  }
  const here = access.upstream.habits.answersChecks
    ? await check(access, elsewhere === 'accepted' ? 'refused-here' : undefined)
    : 'unknown'
  if (here === 'accepted') return denied(access, target)
  if (here === 'rejected')
    return elsewhere === 'accepted' ? outOfOrder(access) : refusalOf(access, result)
  if (elsewhere === 'accepted') return denied(access, target)
  return blameTarget(access, target, refusalOf(access, result).detail)
}

/** The account is fine, but the upstream denies it the target. */
export function denied({ upstream, identity }: UpstreamAccess, target: string): ProxyError {
  upstream.habits.deny(target)
  return new ProxyError('UPSTREAM_DENIED', {
    detail: `${upstream.label} does not allow ${identity.authenticator.account} to reach ${target}`,
  })
}

function blameTarget({ upstream }: UpstreamAccess, target: string, detail = ''): ProxyError {
  upstream.habits.deny(target)
  return new ProxyError('UPSTREAM_DENIED', {
    detail: `${detail} for ${target}, which may be its policy; it answers no logon check that would tell`,
  })
}

export function outOfOrder({ upstream, identity }: UpstreamAccess): ProxyError {
  // Must come before waiting logons there are admitted.
  upstream.logonsFailed('AUTH_OUT_OF_ORDER')
  return new ProxyError('AUTH_OUT_OF_ORDER', {
    detail: `${upstream.label} refuses ${identity.authenticator.account}, as when its domain controller cannot be reached`,
  })
}

async function check(
  access: UpstreamAccess,
  refusal: LogonVerdict | undefined,
): Promise<'accepted' | 'rejected' | 'unknown'> {
  const { upstream, identity } = access
  const { address, clock, dialer, handshakeTimeoutMs } = upstream.options
  const options = { address, clock, dialer, handshakeTimeoutMs, request: upstream.check }
  const trial = await tryLogon(
    { ...options, answerTimeoutMs: handshakeTimeoutMs, refusal, settles: true },
    upstream.scheme,
    identity,
  )
  if (trial.kind === 'open') upstream.habits.stopChecks()
  if (trial.kind === 'accepted') upstream.logonAccepted()
  return conclusionOf(trial)
}

function conclusionOf(trial: Trial): 'accepted' | 'rejected' | 'unknown' {
  if (trial.kind === 'accepted' || trial.kind === 'rejected') return trial.kind
  // The guard refuses a secret that another check found rejected meanwhile.
  if (trial.kind === 'not-sent' && trial.error.code === 'AUTH_LOCKED_OUT') return 'rejected'
  return 'unknown'
}
