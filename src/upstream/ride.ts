import { ProxyError, toProxyError } from '../core/index.ts'
import type { Settlement } from '../policy/index.ts'
import { type Attempt, beginRequest, type Call } from './attempt.ts'
import { noteAuthenticated } from './checked-logon.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import { type Challenged, logOn, type LogonResult } from './logon.ts'
import { targetOf } from './policy-target.ts'
import { denied, type Refusal, settleRefusal } from './settle-refusal.ts'
import type { UpstreamAccess } from './upstream-access.ts'

export interface RideOptions {
  readonly challenged?: Challenged
  /** A check was just accepted on this connection. */
  readonly isAccepted?: boolean
}

/** Logs on with the request itself. */
export async function ride(
  access: UpstreamAccess,
  attempt: Attempt,
  pass: LogonPass,
  { challenged, isAccepted = false }: RideOptions = {},
): Promise<Exchange> {
  const { upstream, identity } = access
  const { lease, call, request } = attempt
  const { clock } = upstream.options
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
    timeoutMs: canGoElsewhere(access, call)
      ? upstream.options.handshakeTimeoutMs
      : upstream.options.responseTimeoutMs,
    settlement: settlementOf(access),
    ...(isAccepted ? { refusal: 'refused-here' } : {}),
    onInformational: call.onInformational,
    onVerdictPending: verdict => lease.neededUntil(verdict),
    onRequest: () => {
      beginRequest(attempt)
      call.trace.authMs += clock.now() - startedAt
    },
  }).catch((thrown: unknown) => {
    throw slowRide(access, attempt, thrown)
  })
  const { exchange, outcome } = result
  const target = targetOf(request)
  if (outcome === 'rejected' || outcome === 'late') {
    throw isAccepted ? denied(access, target) : await refuse(access, attempt, { result, target })
  }
  if (outcome === 'accepted') {
    noteAuthenticated(access, lease, startedAt)
    upstream.habits.noteServed(target)
    return exchange
  }
  // Can be passed on even for a request with a body: a rate-limited request was not executed.
  if (outcome === 'limited') return exchange
  upstream.noteOpenAnswer()
  if (call.body === undefined) {
    lease.markReady()
    return exchange
  }
  // The first leg had no body, so this is not the answer to the request, which is sent whole on a fresh session.
  upstream.demand = 'sometimes'
  throw new ProxyError('AUTH_STATE_LOST', {
    detail: `${upstream.label} demands no logon any more`,
  })
}

/** If another upstream may serve the request, HandshakeTimeout limits the wait for a verdict. */
function canGoElsewhere({ witness }: UpstreamAccess, { body, isIdempotent }: Call): boolean {
  return witness !== undefined && body === undefined && isIdempotent
}

/** A slow target looks the same as an upstream that gets no verdict: checks will tell. */
function slowRide(access: UpstreamAccess, { call, phase }: Attempt, thrown: unknown): ProxyError {
  const error = toProxyError(thrown)
  if (error.code !== 'UPSTREAM_TIMEOUT' || phase !== 'request') return error
  if (!canGoElsewhere(access, call)) return error
  const { upstream } = access
  upstream.habits.stopRides()
  const { handshakeTimeoutMs } = upstream.options
  const detail = `${upstream.label}, within ${handshakeTimeoutMs} ms (HandshakeTimeout)`
  return new ProxyError('AUTH_UNANSWERED', { detail, cause: error })
}

function settlementOf({ upstream, witness }: UpstreamAccess): Settlement {
  if (witness !== undefined) return 'elsewhere'
  return upstream.habits.answersChecks ? 'here' : 'by-other-target'
}

export async function refuse(
  access: UpstreamAccess,
  attempt: Attempt,
  refusal: Refusal & { readonly result: LogonResult },
): Promise<ProxyError> {
  // The answer was the upstream's own.
  attempt.phase = 'handshake'
  attempt.otherReading = refusal.result.consequence === 'other-reading'
  return settleRefusal(access, refusal)
}
