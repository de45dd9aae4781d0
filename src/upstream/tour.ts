import { ProxyError } from '../core/index.ts'
import { decideRetry, type FailedAttempt } from '../policy/index.ts'
import type { Carrier } from './carrier.ts'

/** Fresh sessions on one carrier within one request: enough for an upstream that closes after each step once. */
const FRESH_SESSIONS = 3

/** Where a call is tried next: the retry law applied to a list of carriers. */
export class Tour {
  readonly #carriers: readonly Carrier[]
  #carrier: Carrier
  /** Made when the first one did not do, which is rare. */
  #untried: Carrier[] | undefined
  /** Those that were left without a try of this call's own. */
  readonly #left = new Set<Carrier>()
  #freshSessions = 0
  #hadLastChance = false

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

  /** Whether another one would serve now. */
  readonly hasElsewhere = (): boolean => this.#others.some(one => one.isAvailable())

  /**
   * The upstream is there but wants to be left alone for a while: another one may serve, but the direct way stands in only
   * for upstreams that are not there.
   * @returns whether there is another attempt.
   */
  passesBy(): boolean {
    this.#untried = this.#others.filter(({ way }) => way === 'upstream')
    return this.#goesToNext()
  }

  /** Asks another upstream that is not marked down as well. @returns whether there is one. */
  asksAnother(): boolean {
    const other = this.#others.find(one => one.way === 'upstream' && one.isAvailable())
    if (other === undefined) return false
    this.#untried = [other]
    return this.#goesToNext()
  }

  /**
   * The call only waited here when somebody else found the upstream to be down.
   * @returns whether there is another attempt.
   */
  movesOn(): boolean {
    const others = this.#others
    if (others.length > 0 && !this.#left.has(this.#carrier)) others.push(this.#carrier)
    this.#left.add(this.#carrier)
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
    return !failed.secondHand && this.#takesLastChance(failed)
  }

  /** Alone in the configuration it gets one more chance: a broken connection is not yet a broken upstream. */
  #takesLastChance({ code, phase }: FailedAttempt): boolean {
    if (this.#hadLastChance || this.#freshSessions > 0) return false
    if (code === 'AUTH_UNANSWERED' || code === 'AUTH_OUT_OF_ORDER') return false
    // A dial that failed is worth another one, or the wait for a session, where others get through.
    if (phase === 'dial' && !this.#carrier.pool.isAlive) return false
    this.#hadLastChance = true
    this.#freshSessions = phase === 'dial' ? 0 : 1
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
