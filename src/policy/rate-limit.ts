export interface RateLimitOptions {
  /** The longest single wait. */
  readonly maxWaitMs: number
  /** All waits of one request together. */
  readonly maxTotalMs: number
}

/** Progress of a rate-limited request. */
export interface LimitedRequest {
  /** How long the request would have to wait now. */
  readonly waitMs: number
  /** Refused attempts at all upstreams, the first one included. */
  readonly tries: number
  /** How long the request has waited so far. */
  readonly waitedMs: number
}

const MAX_TRIES = 5

/** The wait when the answer does not specify one. */
const DEFAULT_WAIT_MS = 5_000

/** HTTP dates have a resolution of one second and clocks differ: a time that has passed still means a short wait. */
const LEAST_WAIT_MS = 1_000

/** How long to wait, in milliseconds, given what the answer asks for. */
export function limitedWaitMs(demandedMs: number | undefined): number {
  return Math.max(demandedMs ?? DEFAULT_WAIT_MS, LEAST_WAIT_MS)
}

/** Attempts left. Each upstream is tried once in any case, before any wait. */
export function triesLeft(tries: number): number {
  return Math.max(0, MAX_TRIES - tries)
}

/**
 * Whether a request waits and is retried. A wait longer than allowed is not shortened: an early retry is refused again, and restarts the
 * window of some limiters.
 */
export function isWorthWaiting(
  { waitMs, tries, waitedMs }: LimitedRequest,
  { maxWaitMs, maxTotalMs }: RateLimitOptions,
): boolean {
  return triesLeft(tries) > 0 && waitMs <= maxWaitMs && waitedMs + waitMs <= maxTotalMs
}
