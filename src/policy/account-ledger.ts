/** How many AUTHENTICATEs may go out, and for how long a rejection counts. */
export interface LogonLimits {
  /** LogonBudget: below the number of bad passwords that locks the account. */
  readonly budget: number
  /** Directories usually forget bad passwords after 30 minutes without another one. */
  readonly windowMs: number
}

/** One AUTHENTICATE, from the moment at which it may go out to its verdict. */
export interface Logon {
  /** The answer is the upstream's own (`check`), or depends on the target that the request is for (`ride`). */
  readonly mode: LogonMode
  /** Who is to give the verdict. */
  readonly at: string
  /** By the caller's clock. */
  readonly begunAt: number
  /** Position among everything that happens to the account. */
  sentAt: number | undefined
}

export type LogonMode = 'ride' | 'check'

interface Charge {
  /** Position among everything that happens to the account. */
  readonly position: number
  readonly at: number
  /** Unix time in ms, once it was asked for: the same one each time. */
  wall?: number
}

/** What is kept for a later process. Unix times in ms. */
export interface LedgerRecord {
  /** AUTHENTICATEs that were rejected, or of which nobody knows whether they were. */
  readonly rejections: readonly number[]
  /** A changed secret that was sent although the budget was used up. */
  readonly exceptions?: readonly number[] | undefined
}

/** So many logons may be made within a window although the budget is used up: a person corrects a typing error once. */
const MAX_EXCEPTIONS = 2

/**
 * What the directory may hold against one account, whatever secret it was tried with: several credentials of one account (that of the
 * configuration, those of clients) share one ledger. The law is
 *
 *     charges since the last acceptance + logons in flight < budget    before another AUTHENTICATE goes out
 *
 * where a charge is a rejection, or an AUTHENTICATE whose verdict never came. A logon in flight may have been counted by the directory
 * already, so the directory's count never exceeds the budget. An acceptance clears only the charges that were known before its
 * AUTHENTICATE was sent: of two logons that overlap nobody knows which one the directory looked at first.
 *
 * Charges count until a whole window has passed without another one, which is how Active Directory forgets
 * (lockoutObservationWindow). All times are by one monotonic clock, in ms.
 */
export class AccountLedger {
  limits: LogonLimits
  #charges: Charge[] = []
  #exceptions: Charge[] = []
  readonly #inFlight = new Set<Logon>()
  #waiting: (() => void)[] = []
  #position = 0

  constructor(limits: LogonLimits) {
    this.limits = limits
  }

  /** What an earlier process has left. A clock that was set back since makes nothing younger than now. */
  static from(limits: LogonLimits, record: LedgerRecord, now: number, wallNow: number) {
    const ledger = new AccountLedger(limits)
    const known = (wall: number): Charge => {
      return { position: 0, at: now - Math.max(0, wallNow - wall), wall }
    }
    ledger.#charges = record.rejections.map(known).sort((a, b) => a.at - b.at)
    ledger.#exceptions = (record.exceptions ?? []).map(known)
    return ledger
  }

  record(now: number, wallNow: number): LedgerRecord {
    const wall = (charge: Charge): number =>
      (charge.wall ??= Math.round(wallNow - (now - charge.at)))
    return {
      rejections: this.#current(now).map(wall),
      exceptions: this.#recentExceptions(now).map(wall),
    }
  }

  /** Charges that count now. */
  charges(now: number): number {
    return this.#current(now).length
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Logons in flight that the upstream answers itself. */
  get checksInFlight(): number {
    return [...this.#inFlight].filter(({ mode }) => mode === 'check').length
  }

  /** When the logon that has been in flight for the longest time was begun. */
  get oldestBegunAt(): number | undefined {
    const [oldest] = this.#inFlight
    return oldest?.begunAt
  }

  /** When the oldest logon in flight at an upstream was begun. @param mode of this mode only. */
  oldestBegunAtUpstream(upstream: string, mode?: LogonMode): number | undefined {
    const those = [...this.#inFlight].filter(
      logon => logon.at === upstream && (mode === undefined || logon.mode === mode),
    )
    return those[0]?.begunAt
  }

  /** How many more logons the law allows at once. */
  places(now: number, budget = this.limits.budget): number {
    return budget - this.charges(now) - this.#inFlight.size
  }

  /** When all charges are forgotten if none is added; a time that is over when there are none. */
  forgottenAt(now: number): number {
    const last = this.#current(now).at(-1)
    return last === undefined ? 0 : last.at + this.limits.windowMs
  }

  /** Whether a logon may still be made beyond the budget: alone, and within the time that lockout-guard.ts says. */
  hasException(now: number): boolean {
    return this.#recentExceptions(now).length < MAX_EXCEPTIONS
  }

  takeException(now: number): void {
    this.#exceptions = [...this.#recentExceptions(now), { position: ++this.#position, at: now }]
  }

  /** A place is taken. Ended by `clear`, `charge` or `release`. */
  begin(mode: LogonMode, now: number, at = ''): Logon {
    const logon: Logon = { mode, at, begunAt: now, sentAt: undefined }
    this.#inFlight.add(logon)
    return logon
  }

  /** The AUTHENTICATE goes out now. */
  send(logon: Logon): void {
    logon.sentAt = ++this.#position
  }

  /** Accepted: what was known before it was sent is forgotten by the directory. */
  clear(logon: Logon): void {
    this.#inFlight.delete(logon)
    const { sentAt = 0 } = logon
    const isLater = ({ position }: Charge): boolean => position > sentAt
    this.#charges = this.#charges.filter(isLater)
    this.#exceptions = this.#exceptions.filter(isLater)
  }

  /** Rejected, or nobody will ever know. */
  charge(logon: Logon, now: number): void {
    this.#inFlight.delete(logon)
    this.#charges = [...this.#current(now), { position: ++this.#position, at: now }]
  }

  /** It was not sent. */
  release(logon: Logon): void {
    this.#inFlight.delete(logon)
  }

  /** A person says that the account is in order: one more logon may be made. */
  makePlace(now: number, budget = this.limits.budget): void {
    const charges = this.#current(now)
    this.#charges = charges.slice(Math.max(0, charges.length - budget + 1))
  }

  /** Calls back once when a place may have become free, whichever credential of the account had it. */
  onceFreed(action: () => void): void {
    this.#waiting.push(action)
  }

  /** To be called after the caller that ended a logon has acted on its verdict. */
  wake(): void {
    for (const action of this.#waiting.splice(0)) action()
  }

  /** Whether nothing in it counts any more. */
  isEmpty(now: number): boolean {
    return this.#inFlight.size === 0 && this.charges(now) === 0
  }

  #current(now: number): Charge[] {
    const last = this.#charges.at(-1)
    return last === undefined || now - last.at >= this.limits.windowMs ? [] : this.#charges
  }

  #recentExceptions(now: number): Charge[] {
    return this.#exceptions.filter(({ at }) => now - at < this.limits.windowMs)
  }
}
