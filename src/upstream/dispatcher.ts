import { ProxyError, toProxyError } from '../core/index.ts'
import { evidenceAgainstUpstream, type FailedAttempt } from '../policy/index.ts'
import type { Attempt, Call, Delivered } from './attempt.ts'
import type { Carrier } from './carrier.ts'
import { FailureReport } from './failure-report.ts'
import type { Lease } from './lease.ts'
import { LimitedCall, type WaitingTools } from './rate-limit.ts'
import { SecondHandError } from './second-hand-error.ts'
import { SecondOpinion } from './second-opinion.ts'
import { Tour } from './tour.ts'

/**
 * Sends a call to the first candidate that works, in the order given. Candidates that are marked down come last: trying them is better than
 * failing without an attempt. If all of them rate-limit a call that has patience, it waits and starts over.
 * @throws ProxyError the failure of the last attempt.
 */
export async function deliver(
  carriers: readonly Carrier[],
  call: Call,
  tools: WaitingTools,
): Promise<Delivered> {
  const limited = new LimitedCall(call, tools)
  const opinion = new SecondOpinion(call, tools.clock)
  try {
    let due = carriers
    for (;;) {
      const delivered = await goRound(due, call, { limited, opinion }, tools)
      if (delivered !== undefined) return delivered
      const next = await limited.next(carriers)
      if ('lease' in next) return next
      due = next
    }
  } finally {
    opinion.end()
    limited.end()
  }
}

/** Answers that are held while other candidates are tried. */
interface Kept {
  readonly limited: LimitedCall
  readonly opinion: SecondOpinion
}

/** @returns undefined when no candidate served the call and at least one rate-limited it. */
async function goRound(
  carriers: readonly Carrier[],
  call: Call,
  { limited, opinion }: Kept,
  { emit }: WaitingTools,
): Promise<Delivered | undefined> {
  const tour = new Tour(carriers)
  const report = new FailureReport(carriers)
  for (;;) {
    const { carrier } = tour
    const result = await attemptOn(tour, call)
    if ('lease' in result) {
      if (opinion.isPending) return opinion.settle(result)
      if (limited.takes(result, carrier)) {
        if (tour.passesBy()) continue
        return undefined
      }
      if (opinion.wants(result, carrier, () => tour.asksAnother())) continue
      return result
    }
    const { error, attempt } = result
    if (error.code === 'BUG') emit({ type: 'bug', error: error.cause ?? error })
    if (call.signal.aborted) throw error
    if (isMoved(error)) {
      if (tour.movesOn()) continue
    } else {
      report.note(carrier, error, attempt.phase)
      if (tour.goesOn(attempt)) continue
    }
    if (opinion.isPending) return opinion.settle(undefined)
    if (limited.hasRefusal) return undefined
    throw report.errorFor(error)
  }
}

/** The call itself did not fail: another upstream was expected to serve it sooner. */
function isMoved(error: ProxyError): boolean {
  return error instanceof SecondHandError && !error.isFinal
}

interface Failure {
  readonly error: ProxyError
  readonly attempt: FailedAttempt
}

async function attemptOn(tour: Tour, call: Call): Promise<Delivered | Failure> {
  const { carrier, wantsFreshSession: wantsFresh } = tour
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
      (wantsFresh ? undefined : carrier.pool.takeReady(call.owner, call.client)) ??
      (await carrier.pool.acquire(call.signal, {
        wantsFresh,
        owner: call.owner,
        mayEndLogon: call.body === undefined,
        client: call.client,
        hasElsewhere: tour.hasElsewhere,
      }))
    if (!lease.wasReady && !lease.wasSpare) call.trace.connectMs += lease.session.dialMs
    attempt = { call, request, lease, phase: 'handshake', otherReading: false }
    const exchange = await carrier.carry(attempt)
    carrier.succeeded(attempt, exchange)
    return { exchange, lease }
  } catch (thrown) {
    const error = toProxyError(thrown)
    const failed = describeFailure(error, call, lease, attempt)
    const evidence = evidenceAgainstUpstream(failed)
    // Must come before the discard, which lets the next connection begin.
    if (evidence !== 'none') carrier.failed(error, evidence)
    lease?.discard(error)
    return { error, attempt: failed }
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
    ...heardOn(lease, attempt),
    secondHand: error instanceof SecondHandError,
  }
}

function heardOn(
  lease: Lease | undefined,
  attempt: Attempt | undefined,
): Pick<FailedAttempt, 'heard' | 'ownRequest'> {
  const connection = lease?.session.connection
  return {
    ownRequest: connection?.askedFor !== attempt?.request.target,
    heard: connection?.hasHeard ?? false,
  }
}
