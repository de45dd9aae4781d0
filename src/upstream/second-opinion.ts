import type { Clock } from '../core/index.ts'
import { isOwnError } from '../http1/index.ts'
import type { Call, Delivered } from './attempt.ts'
import type { Carrier } from './carrier.ts'
import { putBack } from './put-back.ts'

/**
 * An upstream that answers with a 502, 503 or 504 of its own may be cut off from a target that another one reaches. So the call tries
 * another upstream, once, if that is safe. The first answer is held meanwhile, and passed on if the other upstream does no better.
 */
export class SecondOpinion {
  readonly #call: Call
  readonly #clock: Clock
  #held: { delivered: Delivered; carrier: Carrier } | undefined
  #wasAsked = false

  constructor(call: Call, clock: Clock) {
    this.#call = call
    this.#clock = clock
  }

  get isPending(): boolean {
    return this.#held !== undefined
  }

  /** Whether to try another upstream, which `ask` selects. If so, the answer is held. */
  wants(delivered: Delivered, carrier: Carrier, ask: () => boolean): boolean {
    if (this.#wasAsked || carrier.way !== 'upstream' || !this.#isOwnError(delivered)) return false
    const { body, isIdempotent, owner } = this.#call
    if (body !== undefined || !isIdempotent || owner !== undefined || !ask()) return false
    this.#wasAsked = true
    this.#held = { delivered, carrier }
    return true
  }

  /** The better of two answers; `second` is undefined when there is none. */
  settle(second: Delivered | undefined): Delivered | undefined {
    const held = this.#held
    this.#held = undefined
    if (held === undefined) return second
    if (second !== undefined && !this.#isOwnError(second)) {
      void putBack(held.delivered, this.#clock)
      return second
    }
    if (second !== undefined) void putBack(second, this.#clock)
    const { trace } = this.#call
    trace.way = held.carrier.way
    trace.upstream = held.carrier.label
    return held.delivered
  }

  /** The call is over: drops the held answer. */
  end(): void {
    if (this.#held !== undefined) void putBack(this.#held.delivered, this.#clock)
    this.#held = undefined
  }

  #isOwnError({ exchange }: Delivered): boolean {
    const { head, framing } = exchange
    if (framing.kind === 'tunnel' || head.status < 502) return false
    return isOwnError(this.#call.requestFor('upstream'), head)
  }
}
