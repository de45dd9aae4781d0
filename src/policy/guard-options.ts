const MINUTE = 60_000

export interface GuardOptions {
  /** An acceptance older than this is doubted: the password may have been changed. */
  readonly proofMs: number
  /** When a secret that had worked is tried again after a rejection, while the budget lasts. */
  readonly retryMs: readonly number[]
  /**
   * After a logon that was not answered the next one waits so long, unless it goes to another upstream: one of a secret that was accepted
   * lately, and any other one.
   */
  readonly trustedPauseMs: number
  readonly pauseMs: number
  /** The longest that others wait for a refusal to be settled. */
  readonly settleMs: number
  /** The last place is given when the oldest logon has been in flight for so long. */
  readonly lastPlaceAfterMs: number
}

export const GUARD_DEFAULTS: GuardOptions = {
  proofMs: 15 * MINUTE,
  retryMs: [2 * MINUTE, 8 * MINUTE, 20 * MINUTE],
  trustedPauseMs: 1_000,
  pauseMs: 10_000,
  settleMs: 30_000,
  lastPlaceAfterMs: 1_000,
}

/** Directories usually forget bad passwords after 30 minutes without another one. */
export const LOGON_WINDOW_MS = 30 * MINUTE
