import { ProxyError } from '../core/index.ts'
import { decideRetry, type FailedAttempt } from '../policy/index.ts'
import type { Carrier } from './carrier.ts'

/** Fresh sessions at one candidate per request: enough for an upstream that closes once after each step. */
const FRESH_SESSIONS = 3

/** Decides where a call is tried next: the retry policy applied to a list of candidates. */
export class Tour {
  readonly #carriers: readonly Carrier[]
  #carrier: Carrier
  /** Created when the first candidate fails, which is rare. */
  #untried: Carrier[] | undefined
  /** Candidates that the call left without an attempt of its own. */
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

  /** Whether another candidate is available now. */
  readonly hasElsewhere = (): boolean => this.#others.some(one => one.isAvailable())

  /**
   * The upstream is up but rate-limits the call: another upstream may serve it, but a direct connection replaces only upstreams that are
   * down.
   * @returns whether there is another attempt.
   */
  passesBy(): boolean {
    this.#untried = this.#others.filter(({ way }) => way === 'upstream')
    return this.#goesToNext()
  }

  /** Moves to another upstream that is not marked down. @returns whether there is one. */
  asksAnother(): boolean {
    const other = this.#others.find(one => one.way === 'upstream' && one.isAvailable())
    if (other === undefined) return false
    this.#untried = [other]
    return this.#goesToNext()
  }

  /**
   * The call was only waiting here when another request found the upstream to be down.
   * @returns whether there is another attempt.
   */
  movesOn(): boolean {
    const others = this.#others
    if (others.length > 0 && !this.#left.has(this.#carrier)) others.push(this.#carrier)
    this.#left.add(this.#carrier)
    return this.#goesToNext()
  }

  /** @returns whether there is another attempt, which `carrier` and `wantsFreshSession` then describe. */
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

  /** The last candidate gets one more chance: a broken connection does not mean a broken upstream. */
  #takesLastChance({ code, phase }: FailedAttempt): boolean {
    if (this.#hadLastChance || this.#freshSessions > 0) return false
    if (code === 'AUTH_UNANSWERED' || code === 'AUTH_OUT_OF_ORDER') return false
    // After a failed dial, another one, or the wait for a session, is worthwhile only if other connections get through.
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
