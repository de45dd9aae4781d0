import { type Emit, ProxyError, toProxyError } from '../core/index.ts'
import {
  type AttemptPhase,
  countsAgainstUpstream,
  decideRetry,
  type FailedAttempt,
} from '../policy/index.ts'
import type { Attempt, Call, Delivered } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { Lease, SessionPool } from './session-pool.ts'

/** Somewhere a call can be sent: an upstream proxy, or an origin directly. */
export interface Carrier {
  readonly label: string
  readonly pool: SessionPool
  isAvailable(): boolean
  carry(attempt: Attempt): Promise<Exchange>
  failed(error: ProxyError): void
  succeeded(): void
}

/** Fresh sessions on one carrier within one request: enough for an upstream that closes after each step once. */
const FRESH_SESSIONS = 3

/**
 * Sends a call to the first carrier that works, in the order given. Those that are put aside come last: they are
 * tried rather than failing without a try.
 * @throws ProxyError the failure of the last attempt.
 */
export async function deliver(
  carriers: readonly Carrier[],
  call: Call,
  emit: Emit,
): Promise<Delivered> {
  const untried = [
    ...carriers.filter(one => one.isAvailable()),
    ...carriers.filter(one => !one.isAvailable()),
  ]
  let carrier = untried.shift()
  let freshSessions = 0
  if (carrier === undefined) throw new ProxyError('NO_UPSTREAM')
  for (;;) {
    call.trace.attempts++
    call.trace.upstream = carrier.label
    const result = await attemptOn(carrier, call, freshSessions > 0)
    if ('lease' in result) return result
    const { error, attempt } = result
    if (error.code === 'BUG') emit({ type: 'bug', error: error.cause ?? error })
    if (countsAgainstUpstream(attempt)) carrier.failed(error)
    const decision = decideRetry(attempt)
    if (decision === 'give-up' || call.signal.aborted) throw error
    if (decision === 'fresh-session' && freshSessions < FRESH_SESSIONS) {
      freshSessions++
      continue
    }
    const next = untried.shift()
    // Alone in the configuration it gets one more chance: a broken connection is not yet a broken upstream.
    if (next === undefined && (attempt.phase === 'dial' || freshSessions > 0)) throw error
    freshSessions = next === undefined ? 1 : 0
    carrier = next ?? carrier
  }
}

interface Failure {
  readonly error: ProxyError
  readonly attempt: FailedAttempt
}

async function attemptOn(
  carrier: Carrier,
  call: Call,
  wantsFresh: boolean,
): Promise<Delivered | Failure> {
  let lease: Lease | undefined
  let attempt: Attempt | undefined
  try {
    lease = await carrier.pool.acquire(call.signal, wantsFresh)
    if (!lease.wasReady) call.trace.connectMs += lease.session.dialMs
    attempt = { call, lease, phase: 'handshake' }
    const exchange = await carrier.carry(attempt)
    carrier.succeeded()
    return { exchange, lease }
  } catch (thrown) {
    const error = toProxyError(thrown)
    lease?.discard(error)
    return {
      error,
      attempt: describeFailure(error, call, lease?.wasReady ?? false, attempt?.phase ?? 'dial'),
    }
  }
}

function describeFailure(
  error: ProxyError,
  call: Call,
  reused: boolean,
  phase: AttemptPhase,
): FailedAttempt {
  return {
    code: error.code,
    phase,
    reused,
    replayable: call.body?.isReplayable ?? true,
    idempotent: call.isIdempotent,
  }
}
