import { type CancelSignal, type Clock, type Emit, ProxyError, type Timer } from '../core/index.ts'
import { demandedWaitMs, isRateLimited, wasPassedOn } from '../http1/index.ts'
import { isWorthWaiting, limitedWaitMs, triesLeft } from '../policy/index.ts'
import type { Call, Delivered, Patience } from './attempt.ts'
import type { Carrier } from './carrier.ts'
import { putBack } from './put-back.ts'

export interface WaitingTools {
  readonly clock: Clock
  readonly emit: Emit
}

/**
 * A request that upstreams rate-limit. It tries all of them before it waits, and keeps the last refusal as the answer in case waiting is
 * not worth it. Then it retries the upstreams whose wait is over.
 */
export class LimitedCall {
  readonly #call: Call
  readonly #tools: WaitingTools
  /** When each may be retried, on the monotonic clock. */
  readonly #dueAt = new Map<Carrier, number>()
  #kept: { delivered: Delivered; carrier: Carrier } | undefined
  /** Refused attempts so far. */
  #tries = 0
  #waitedMs = 0

  constructor(call: Call, tools: WaitingTools) {
    this.#call = call
    this.#tools = tools
  }

  /** Whether the answer is a rate limit that this call would wait out. If so, it is kept. */
  takes(delivered: Delivered, carrier: Carrier): boolean {
    const { patience } = this.#call
    const { head } = delivered.exchange
    if (patience === undefined || carrier.way !== 'upstream' || !isRateLimited(head)) return false
    if (delivered.exchange.framing.kind === 'tunnel' || isOrigins(delivered, patience)) return false
    const { clock, emit } = this.#tools
    const waitMs = limitedWaitMs(demandedWaitMs(head, clock.wallMs()))
    emit({ type: 'upstream.limited', upstream: carrier.label, status: head.status, waitMs })
    this.#tries++
    this.#dueAt.set(carrier, clock.now() + waitMs)
    this.#dropKept()
    this.#kept = { delivered, carrier }
    return true
  }

  get hasRefusal(): boolean {
    return this.#kept !== undefined
  }

  /**
   * Waits until the first upstream may be retried, if that is worth it.
   * @returns the candidates to try then, or the refusal to pass on. @throws ProxyError CLIENT_ABORTED.
   */
  async next(carriers: readonly Carrier[]): Promise<readonly Carrier[] | Delivered> {
    const { patience, signal, trace } = this.#call
    const { clock } = this.#tools
    const kept = this.#kept
    if (patience === undefined || kept === undefined) {
      throw new ProxyError('BUG', { detail: 'waiting without having been refused' })
    }
    const until = Math.min(...this.#dueAt.values())
    const waitMs = Math.max(0, until - clock.now())
    const progress = { waitMs, tries: this.#tries, waitedMs: this.#waitedMs }
    if (!isWorthWaiting(progress, patience)) {
      this.#kept = undefined
      trace.way = kept.carrier.way
      trace.upstream = kept.carrier.label
      return kept.delivered
    }
    this.#waitedMs += waitMs
    this.#dropKept()
    await passTime(clock, waitMs, signal, patience)
    const due = carriers.filter(carrier => (this.#dueAt.get(carrier) ?? until) <= until)
    const asked = due.slice(0, triesLeft(this.#tries))
    for (const carrier of asked) this.#dueAt.delete(carrier)
    return asked
  }

  /** The call is over: drops the kept answer. */
  end(): void {
    this.#dropKept()
  }

  #dropKept(): void {
    const kept = this.#kept
    this.#kept = undefined
    if (kept !== undefined) void putBack(kept.delivered, this.#tools.clock)
  }
}

/** Without evidence a refusal counts as the upstream's own: users who enable this feature want requests to wait. */
function isOrigins({ exchange }: Delivered, { refusedByUpstream }: Patience): boolean {
  return !refusedByUpstream && wasPassedOn(exchange.head)
}

/** @throws ProxyError CLIENT_ABORTED when the signal fires first, or the client closes its side. */
async function passTime(
  clock: Clock,
  ms: number,
  signal: CancelSignal,
  { whenClientEnds }: Patience,
): Promise<void> {
  let timer: Timer | undefined
  let onAbort = (): void => undefined
  let callOff = (): void => undefined
  try {
    await new Promise<void>((resolve, reject) => {
      onAbort = () => reject(new ProxyError('CLIENT_ABORTED'))
      signal.addEventListener('abort', onAbort, { once: true })
      callOff = whenClientEnds(onAbort)
      if (signal.aborted) onAbort()
      else timer = clock.setTimer(ms, resolve)
    })
  } finally {
    timer?.cancel()
    callOff()
    signal.removeEventListener('abort', onAbort)
  }
}
