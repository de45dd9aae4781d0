export interface RateLimitOptions {
  /** The longest single wait. */
  readonly maxWaitMs: number
  /** All waits of a request together. */
  readonly maxTotalMs: number
}

/** How far a request came that was refused for a rate limit. */
export interface LimitedRequest {
  /** How long it would have to wait now. */
  readonly waitMs: number
  /** How often it was sent and refused, the first time included, to whichever upstreams. */
  readonly tries: number
  /** What it waited already. */
  readonly waitedMs: number
}

const MAX_TRIES = 5

/** Where the answer does not say how long. */
const DEFAULT_WAIT_MS = 5_000

/** Dates have whole seconds and clocks differ: a time that is over still means a moment. */
const LEAST_WAIT_MS = 1_000

/** The wait for what an answer demands, in milliseconds. */
export function limitedWaitMs(demandedMs: number | undefined): number {
  return Math.max(demandedMs ?? DEFAULT_WAIT_MS, LEAST_WAIT_MS)
}

/** How often it may still be sent. Each upstream is asked once in any case, before any wait. */
export function triesLeft(tries: number): number {
  return Math.max(0, MAX_TRIES - tries)
}

/**
 * Whether a request waits and is sent again. A wait that is longer than allowed is not shortened: who comes before the time is
 * refused again, and some limits start anew with that.
 */
export function isWorthWaiting(
  { waitMs, tries, waitedMs }: LimitedRequest,
  { maxWaitMs, maxTotalMs }: RateLimitOptions,
): boolean {
  return triesLeft(tries) > 0 && waitMs <= maxWaitMs && waitedMs + waitMs <= maxTotalMs
}
