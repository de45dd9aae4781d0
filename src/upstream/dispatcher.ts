import { ProxyError, toProxyError } from '../core/index.ts'
import { countsAgainstUpstream, decideRetry, type FailedAttempt } from '../policy/index.ts'
import type { Attempt, Call, Delivered } from './attempt.ts'
import type { Carrier } from './carrier.ts'
import { LimitedCall, type WaitingTools } from './rate-limit.ts'
import type { Lease } from './lease.ts'

/** Fresh sessions on one carrier within one request: enough for an upstream that closes after each step once. */
const FRESH_SESSIONS = 3

/**
 * Sends a call to the first carrier that works, in the order given. Those that are put aside come last: they are
 * tried rather than failing without a try. Where all refuse it for a rate limit, a call that has patience goes round again.
 * @throws ProxyError the failure of the last attempt.
 */
export async function deliver(
  carriers: readonly Carrier[],
  call: Call,
  tools: WaitingTools,
): Promise<Delivered> {
  const limited = new LimitedCall(call, tools)
  try {
    let due = carriers
    for (;;) {
      const delivered = await goRound(due, call, limited, tools)
      if (delivered !== undefined) return delivered
      const next = await limited.next(carriers)
      if ('lease' in next) return next
      due = next
    }
  } finally {
    limited.end()
  }
}

/** @returns undefined when nobody took the call and somebody refused it for a rate limit. */
async function goRound(
  carriers: readonly Carrier[],
  call: Call,
  limited: LimitedCall,
  { emit }: WaitingTools,
): Promise<Delivered | undefined> {
  const tour = new Tour(carriers)
  for (;;) {
    const { carrier } = tour
    const result = await attemptOn(carrier, call, tour.wantsFreshSession)
    if ('lease' in result) {
      if (!limited.takes(result, carrier)) return result
      if (tour.passesBy()) continue
      return undefined
    }
    const { error, attempt } = result
    if (error.code === 'BUG') emit({ type: 'bug', error: error.cause ?? error })
    if (countsAgainstUpstream(attempt)) carrier.failed(error)
    if (call.signal.aborted) throw error
    if (tour.goesOn(attempt)) continue
    if (limited.hasRefusal) return undefined
    throw withTime(error, carriers)
  }
}

/** Where all are put aside, it is known when one of them is looked at again. */
function withTime(error: ProxyError, carriers: readonly Carrier[]): ProxyError {
  const { blame, code, detail } = error
  const retryAfterMs = Math.min(...carriers.map(carrier => carrier.backInMs()))
  if (retryAfterMs === 0 || blame !== 'upstream') return error
  return new ProxyError(code, {
    ...(detail === undefined ? {} : { detail }),
    cause: error,
    retryAfterMs,
  })
}

/** Where a call is tried next: the retry law applied to a list of carriers. */
class Tour {
  readonly #carriers: readonly Carrier[]
  #carrier: Carrier
  /** Made when the first one did not do, which is rare. */
  #untried: Carrier[] | undefined
  #freshSessions = 0

  constructor(carriers: readonly Carrier[]) {
    const first = carriers.find(one => one.isAvailable()) ?? carriers[0]
    if (first === undefined) throw new ProxyError('NO_UPSTREAM')
    this.#carriers = carriers
    this.#carrier = first
  }

  get carrier(): Carrier {
    return this.#carrier
  }

  get #others(): Carrier[] {
    if (this.#untried !== undefined) return this.#untried
    const others = this.#carriers.filter(one => one !== this.#carrier)
    this.#untried = [
      ...others.filter(one => one.isAvailable()),
      ...others.filter(one => !one.isAvailable()),
    ]
    return this.#untried
  }

  get wantsFreshSession(): boolean {
    return this.#freshSessions > 0
  }

  /**
   * The upstream is there but wants to be left alone for a while: another one may serve, but the direct way stands in only
   * for upstreams that are not there.
   * @returns whether there is another attempt.
   */
  passesBy(): boolean {
    this.#untried = this.#others.filter(({ way }) => way === 'upstream')
    return this.#goesToNext()
  }

  /** @returns whether there is another attempt, with `carrier` and `wantsFreshSession` as they are then. */
  goesOn(failed: FailedAttempt): boolean {
    const decision = decideRetry(failed)
    if (decision === 'give-up') return false
    const isWorthIt = this.#carrier.isAvailable() || this.#others.length === 0
    if (decision === 'fresh-session' && isWorthIt && this.#freshSessions < FRESH_SESSIONS) {
      this.#freshSessions++
      return true
    }
    if (this.#goesToNext()) return true
    // Alone in the configuration it gets one more chance: a broken connection is not yet a broken upstream.
    if (failed.phase === 'dial' || this.#freshSessions > 0) return false
    if (failed.code === 'AUTH_UNANSWERED' || failed.code === 'AUTH_OUT_OF_ORDER') return false
    this.#freshSessions = 1
    return true
  }

  #goesToNext(): boolean {
    const next = this.#others.shift()
    if (next === undefined) return false
    this.#carrier = next
    this.#freshSessions = 0
    return true
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
  call.trace.attempts++
  call.trace.way = carrier.way
  call.trace.upstream = carrier.label
  try {
    const request = call.requestFor(carrier.way)
    const tunnel = wantsFresh ? undefined : carrier.takeTunnel?.(request)
    if (tunnel !== undefined) return tunnel
    if (call.signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    lease =
      (wantsFresh ? undefined : carrier.pool.takeReady(call.owner)) ??
      (await carrier.pool.acquire(call.signal, {
        wantsFresh,
        owner: call.owner,
        mayEndLogon: call.body === undefined,
      }))
    if (!lease.wasReady && !lease.wasSpare) call.trace.connectMs += lease.session.dialMs
    attempt = { call, request, lease, phase: 'handshake', otherReading: false }
    const exchange = await carrier.carry(attempt)
    carrier.succeeded(attempt, exchange)
    return { exchange, lease }
  } catch (thrown) {
    const error = toProxyError(thrown)
    lease?.discard(error)
    return {
      error,
      attempt: describeFailure(error, call, lease, attempt),
    }
  }
}

function describeFailure(
  error: ProxyError,
  call: Call,
  lease: Lease | undefined,
  attempt: Attempt | undefined,
): FailedAttempt {
  return {
    code: error.code,
    phase: attempt?.phase ?? 'dial',
    reused: lease?.wasReady ?? false,
    spare: lease?.wasSpare ?? false,
    replayable: call.body?.isReplayable ?? true,
    idempotent: call.isIdempotent,
    otherReading: attempt?.otherReading ?? false,
  }
}
