export interface HealthOptions {
  /** Cool-down after the first failure in a row; it doubles with each further one up to the limit. */
  readonly firstCoolDownMs: number
  readonly maxCoolDownMs: number
}

export const HEALTH_DEFAULTS: HealthOptions = { firstCoolDownMs: 5_000, maxCoolDownMs: 120_000 }

/** Two connections that break within this long, with none that is served between them, are no accident. */
const BREAKS_WINDOW_MS = 60_000

/** More are not told apart: the cool-down has long been the longest. */
const MAX_FAILURES = 30

/**
 * Passive health of one upstream. A failure marks it down for a cool-down, so that further requests lose no time on
 * it. A successful probe makes it available again but keeps the count: an upstream that accepts connections and then
 * fails them is marked down for longer and longer. Only an answer to a real request clears the count.
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

  /** In a row. */
  get failures(): number {
    return this.#failures
  }

  /** When the cool-down ends, by the clock that `failed` was given; in the past when it is not marked down. */
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

  /** Somebody else found it failing, and says when it may be tried again. */
  toldOfFailure(untilMs: number): void {
    this.#failures = Math.min(this.#failures + 1, MAX_FAILURES)
    this.#downUntil = untilMs
  }

  /** A new connection broke before it was of use. @returns whether that counts as a failure: the second one in a row does. */
  broke(now: number): boolean {
    const last = this.#brokeAt
    this.#brokeAt = now
    return last !== undefined && now - last <= BREAKS_WINDOW_MS
  }

  /** A new connection was of use. */
  held(): void {
    this.#brokeAt = undefined
  }

  /** A probe reached it: the next request may try. */
  reachable(): void {
    this.#downUntil = 0
  }

  /** @returns whether it had been failing. */
  succeeded(): boolean {
    const recovered = this.#failures > 0
    this.#failures = 0
    this.#downUntil = 0
    return recovered
  }
}
