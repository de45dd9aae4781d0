/** Bounds in ms on how long a logon may be in flight before it counts as slow. */
export interface SlowBounds {
  readonly least: number
  readonly most: number
}

/** The weight of a new measurement in the average, as TCP weighs round trips (RFC 6298 section 2). */
const WEIGHT = 1 / 8
/** A logon is slow after this many times the usual time. */
const FACTOR = 4

/**
 * How long an account's verdicts usually take. Learned from logon checks, because the verdict on a ride takes as long as its target.
 */
export class VerdictTimes {
  readonly #bounds: SlowBounds
  #usualMs: number | undefined

  constructor(bounds: SlowBounds) {
    this.#bounds = bounds
  }

  note(ms: number): void {
    const usual = this.#usualMs ?? ms
    this.#usualMs = usual + WEIGHT * (ms - usual)
  }

  /** After how many ms in flight a logon counts as slow. */
  get slowAfterMs(): number {
    const { least, most } = this.#bounds
    if (this.#usualMs === undefined) return most
    return Math.min(most, Math.max(least, FACTOR * this.#usualMs))
  }
}
