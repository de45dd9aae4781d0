/** How many AUTHENTICATEs may be sent, and how long a rejection counts. */
export interface LogonLimits {
  /** LogonBudget; must be lower than the number of bad passwords that locks the account. */
  readonly budget: number
  /** Directories usually reset the bad-password count after 30 minutes without another one. */
  readonly windowMs: number
}

/** One AUTHENTICATE, from its permission to its verdict. */
export interface Logon {
  /** `check`: the upstream answers by itself. `ride`: the answer may depend on the request's target. */
  readonly mode: LogonMode
  /** Label of the upstream or origin that gives the verdict. */
  readonly at: string
  /** On the caller's clock. */
  readonly begunAt: number
  /** Sequence number in the account's history. */
  sentAt: number | undefined
}

export type LogonMode = 'ride' | 'check'

interface Charge {
  /** Sequence number in the account's history. */
  readonly position: number
  readonly at: number
  /** Unix time in ms, computed once so that it stays the same. */
  wall?: number
}

/** State persisted for the next process. Unix times in ms. */
export interface LedgerRecord {
  /** AUTHENTICATEs that were rejected or never got a verdict. */
  readonly rejections: readonly number[]
  /** AUTHENTICATEs sent beyond the budget. */
  readonly exceptions?: readonly number[] | undefined
}

/** Logons allowed beyond the budget per window, so that a user can correct a typing error once. */
const MAX_EXCEPTIONS = 2

/**
 * An upper bound for the bad-password count that the directory keeps for one account. All credentials of the account (the configured one
 * and those of clients) share one ledger. Its invariant:
 *
 *     charges since the last acceptance + logons in flight < budget    before another AUTHENTICATE is sent
 *
 * A charge is a rejection, or an AUTHENTICATE that never got a verdict. The directory may already have counted a logon in flight, so its
 * count never exceeds the budget. An acceptance clears only the charges that were known before its AUTHENTICATE was sent: when two logons
 * overlap, nobody knows which one the directory processed first.
 *
 * Charges count until a whole window has passed without another one, as in Active Directory (lockoutObservationWindow). All times are in ms
 * on one monotonic clock.
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

  /** Restores an earlier process's record. No charge lies in the future, even if the wall clock was set back since. */
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

  /** Charges that still count. */
  charges(now: number): number {
    return this.#current(now).length
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Checks among the logons in flight. */
  get checksInFlight(): number {
    return [...this.#inFlight].filter(({ mode }) => mode === 'check').length
  }

  /** Start of the oldest logon in flight. */
  get oldestBegunAt(): number | undefined {
    const [oldest] = this.#inFlight
    return oldest?.begunAt
  }

  /** Start of the oldest logon in flight at an upstream. @param mode counts logons of this mode only. */
  oldestBegunAtUpstream(upstream: string, mode?: LogonMode): number | undefined {
    const those = [...this.#inFlight].filter(
      logon => logon.at === upstream && (mode === undefined || logon.mode === mode),
    )
    return those[0]?.begunAt
  }

  /** Free slots: how many more logons may be in flight. */
  places(now: number, budget = this.limits.budget): number {
    return budget - this.charges(now) - this.#inFlight.size
  }

  /** When all charges expire if none is added; in the past if there are none. */
  forgottenAt(now: number): number {
    const last = this.#current(now).at(-1)
    return last === undefined ? 0 : last.at + this.limits.windowMs
  }

  /** Whether a logon beyond the budget is left. lockout-guard.ts adds further conditions. */
  hasException(now: number): boolean {
    return this.#recentExceptions(now).length < MAX_EXCEPTIONS
  }

  takeException(now: number): void {
    this.#exceptions = [...this.#recentExceptions(now), { position: ++this.#position, at: now }]
  }

  /** Takes a slot. Ended by `clear`, `charge` or `release`. */
  begin(mode: LogonMode, now: number, at = ''): Logon {
    const logon: Logon = { mode, at, begunAt: now, sentAt: undefined }
    this.#inFlight.add(logon)
    return logon
  }

  /** The AUTHENTICATE is about to be sent. */
  send(logon: Logon): void {
    logon.sentAt = ++this.#position
  }

  /** Accepted: the directory has forgotten the charges that were known before the AUTHENTICATE was sent. */
  clear(logon: Logon): void {
    this.#inFlight.delete(logon)
    const { sentAt = 0 } = logon
    const isLater = ({ position }: Charge): boolean => position > sentAt
    this.#charges = this.#charges.filter(isLater)
    this.#exceptions = this.#exceptions.filter(isLater)
  }

  /** Rejected, or the verdict will never be known. */
  charge(logon: Logon, now: number): void {
    this.#inFlight.delete(logon)
    this.#charges = [...this.#current(now), { position: ++this.#position, at: now }]
  }

  /** The AUTHENTICATE was not sent. */
  release(logon: Logon): void {
    this.#inFlight.delete(logon)
  }

  /** An operator confirmed that the account is fine: frees a slot for one more logon. */
  makePlace(now: number, budget = this.limits.budget): void {
    const charges = this.#current(now)
    this.#charges = charges.slice(Math.max(0, charges.length - budget + 1))
  }

  /** Calls back once when any credential of the account may have freed a slot. */
  onceFreed(action: () => void): void {
    this.#waiting.push(action)
  }

  /** Call after ending a logon and acting on its verdict. */
  wake(): void {
    for (const action of this.#waiting.splice(0)) action()
  }

  /** Whether nothing in the ledger counts any more. */
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
