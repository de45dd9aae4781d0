import type { SlowBounds } from './verdict-times.ts'

const MINUTE = 60_000

export interface GuardOptions {
  /** An older acceptance is doubted: the password may have changed. */
  readonly proofMs: number
  /** Retry delays after a rejection of a secret that had worked, while budget is left. */
  readonly retryMs: readonly number[]
  /**
   * Pause after an unanswered logon, unless the next one goes to another upstream. The first applies to a recently accepted secret, the
   * second to any other.
   */
  readonly trustedPauseMs: number
  readonly pauseMs: number
  /** How long other logons wait at most while a refusal is being settled. */
  readonly settleMs: number
  /** When a logon in flight counts as slow. The last slot is granted once the oldest one does. */
  readonly slowAfter: SlowBounds
}

export const GUARD_DEFAULTS: GuardOptions = {
  proofMs: 15 * MINUTE,
  retryMs: [2 * MINUTE, 8 * MINUTE, 20 * MINUTE],
  trustedPauseMs: 1_000,
  pauseMs: 10_000,
  settleMs: 30_000,
  slowAfter: { least: 200, most: 1_000 },
}

/** Directories usually reset the bad-password count after 30 minutes without another one. */
export const LOGON_WINDOW_MS = 30 * MINUTE
