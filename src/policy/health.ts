export interface HealthOptions {
  /** Cool-down after the first failure; doubles with each further one in a row, up to the limit. */
  readonly firstCoolDownMs: number
  readonly maxCoolDownMs: number
}

export const HEALTH_DEFAULTS: HealthOptions = { firstCoolDownMs: 5_000, maxCoolDownMs: 120_000 }

/** Two new connections that break within this time, with none in between that serves a request, count as a failure. */
const BREAKS_WINDOW_MS = 60_000

/** The count stops here: the cool-down has long reached its limit. */
const MAX_FAILURES = 30

/**
 * Passive health of one upstream. A failure marks it down for a cool-down, so that further requests lose no time on it. A successful probe
 * makes it available again but keeps the count: an upstream that accepts connections and then fails them is marked down for longer and
 * longer. Only an answer to a real request clears the count.
 */
export class UpstreamHealth {
  readonly #options: HealthOptions
  #failures = 0
  #downUntil = 0
  #brokeAt: number | undefined

  constructor(options: HealthOptions = HEALTH_DEFAULTS) {
    this.#options = options
  }

  isAvailable(now: number): boolean {
    return now >= this.#downUntil
  }

  /** Remaining cool-down in milliseconds. */
  coolDownMs(now: number): number {
    return Math.max(0, this.#downUntil - now)
  }

  /** Consecutive failures. */
  get failures(): number {
    return this.#failures
  }

  /** End of the cool-down on the clock passed to `failed`; in the past when not marked down. */
  get downUntil(): number {
    return this.#downUntil
  }

  /** @returns the length of the cool-down in milliseconds. */
  failed(now: number): number {
    const { firstCoolDownMs, maxCoolDownMs } = this.#options
    const forMs = Math.min(firstCoolDownMs * 2 ** this.#failures, maxCoolDownMs)
    this.toldOfFailure(now + forMs)
    return forMs
  }

  /** Records a failure that another process saw. @param untilMs when the upstream may be retried. */
  toldOfFailure(untilMs: number): void {
    this.#failures = Math.min(this.#failures + 1, MAX_FAILURES)
    this.#downUntil = untilMs
  }

  /** A new connection broke before it served a request. @returns whether that counts as a failure: the second in a row does. */
  broke(now: number): boolean {
    const last = this.#brokeAt
    this.#brokeAt = now
    return last !== undefined && now - last <= BREAKS_WINDOW_MS
  }

  /** A new connection served a request. */
  held(): void {
    this.#brokeAt = undefined
  }

  /** A probe succeeded: the next request may use the upstream. */
  reachable(): void {
    this.#downUntil = 0
  }

  /** @returns whether the upstream had been failing. */
  succeeded(): boolean {
    const recovered = this.#failures > 0
    this.#failures = 0
    this.#downUntil = 0
    return recovered
  }
}
