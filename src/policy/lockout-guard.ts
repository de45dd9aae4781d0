import { CredentialChoice, type ReadingRecord } from './credential-choice.ts'

/**
 * Theory of operation. A directory counts wrong passwords and locks the account after a few (three is common). A
 * proxy that shows a wrong password on twenty connections at once locks it with one page load. So:
 *
 *   unproven --accepted--> proven --rejected--> rejected --cool-down over--> unproven
 *   unproven --rejected--> rejected
 *
 * An unproven credential has one AUTHENTICATE in flight, everybody else waits for its verdict. A rejected one is not
 * shown at all until its cool-down is over, and then once. What was learned survives a restart through the record,
 * because a service that is restarted in a loop would lock the account just the same. The record holds times and
 * nothing derived from the password, so it gives no means to test a guess.
 *
 * Hashes that can be read in two ways (credential-choice.ts) are shown once more at once when the first reading is
 * rejected, as far as the budget goes. When both are rejected nothing is shown until the configuration is changed.
 */
export interface GuardRecord {
  /** Unix times in ms of rejections within the window. */
  readonly rejections: readonly number[]
  /** Unix time in ms at which an unproven AUTHENTICATE was sent whose verdict is not known. */
  readonly pendingSince: number | undefined
  /** Absent where the hashes can be read in one way only, and where nothing was tried yet. */
  readonly readings?: ReadingRecord
}

export interface GuardOptions {
  /** No logon for this long after a rejection. Directories usually forget wrong passwords after 30 minutes. */
  readonly coolDownMs: number
  /** The first cool-down of a credential that had worked before: it may have been the directory's bad moment. */
  readonly provenCoolDownMs: number
  /** At most `budget` rejections within `windowMs`, whatever happens in between (edits, restarts). */
  readonly windowMs: number
  readonly budget: number
  /** An acceptance older than this is proof no more: the password may have been changed. */
  readonly proofMs: number
  /** After two AUTHENTICATEs that were never answered, wait this long, doubled with each further one. */
  readonly unansweredCoolDownMs: number
}

const MINUTE = 60_000

export const GUARD_DEFAULTS: GuardOptions = {
  coolDownMs: 30 * MINUTE,
  provenCoolDownMs: MINUTE,
  windowMs: 30 * MINUTE,
  budget: 2,
  proofMs: 15 * MINUTE,
  unansweredCoolDownMs: MINUTE,
}

export type Permit =
  | { readonly kind: 'grant'; readonly proven: boolean }
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse'; readonly untilMs: number }

export type LogonVerdict = 'accepted' | 'rejected' | 'unanswered' | 'not-shown'

/** One credential. All times are Unix times in milliseconds. */
export class LockoutGuard {
  readonly #options: GuardOptions
  readonly #choice: CredentialChoice
  #rejections: number[]
  #refusedUntil = 0
  #provenAt: number | undefined
  #inFlight = 0
  #unanswered = 0
  #pendingSince: number | undefined

  /**
   * @param record what an earlier process left.
   * @param configChangedAt when the configuration was last changed: a rejection older than that was another password's.
   * @param choice which reading of the hashes is shown, where there are two.
   */
  constructor(
    now: number,
    record: GuardRecord | undefined,
    configChangedAt: number,
    choice = new CredentialChoice(false, configChangedAt, record?.readings),
    options: GuardOptions = GUARD_DEFAULTS,
  ) {
    this.#options = options
    this.#choice = choice
    // A time to come means that the clock was set back: it must not refuse for longer than a cool-down.
    const past = (times: readonly number[]): number[] => times.map(at => Math.min(at, now))
    const rejections = past(record?.rejections ?? [])
    const pending = past(record?.pendingSince === undefined ? [] : [record.pendingSince])
    const known = [...rejections, ...pending]
    this.#rejections = known.filter(at => at > now - options.windowMs).sort((a, b) => a - b)
    const lastRejection = Math.max(0, ...rejections)
    const isOut = lastRejection >= configChangedAt && !choice.isHalfTried
    this.#refuseUntil(isOut ? lastRejection + options.coolDownMs : 0)
  }

  get isProven(): boolean {
    return this.#provenAt !== undefined
  }

  /** Proven lately enough that several logons at once are harmless. */
  hasProof(now: number): boolean {
    return this.#provenAt !== undefined && now - this.#provenAt < this.#options.proofMs
  }

  /** Unix time in ms before which nothing is shown; 0 when there is no such time, Infinity when it never is. */
  get refusedUntilMs(): number {
    return this.#refusedUntil
  }

  /** What the record must say now. */
  get record(): GuardRecord {
    const { record: readings } = this.#choice
    const rejections = this.#rejections
    const pendingSince = this.#pendingSince
    return { rejections, pendingSince, ...(readings === undefined ? {} : { readings }) }
  }

  /** Whether a logon may begin. A grant must be ended with `report`. */
  permit(now: number): Permit {
    if (now < this.#refusedUntil) return { kind: 'refuse', untilMs: this.#refusedUntil }
    const proven = this.hasProof(now)
    if (!proven && this.#inFlight > 0) return { kind: 'wait' }
    this.#inFlight++
    return { kind: 'grant', proven }
  }

  /** Asked right before the AUTHENTICATE is sent: another logon may have been rejected since the grant. */
  mayShow(now: number): boolean {
    if (now < this.#refusedUntil) return false
    if (this.#provenAt === undefined) this.#pendingSince = now
    this.#choice.show()
    return true
  }

  report(verdict: LogonVerdict, now: number): void {
    this.#inFlight--
    this.#pendingSince = undefined
    if (verdict === 'accepted') this.#accept(now)
    else if (verdict === 'rejected') this.#reject(now)
    else this.#choice.leaveOpen()
    if (verdict === 'unanswered') this.#countUnanswered(now)
  }

  #accept(now: number): void {
    this.#choice.accept()
    this.#provenAt = now
    this.#rejections = []
    this.#unanswered = 0
    this.#refusedUntil = 0
  }

  #reject(now: number): void {
    const { coolDownMs, provenCoolDownMs, windowMs } = this.#options
    const hadWorked = this.#provenAt !== undefined
    this.#choice.reject()
    this.#provenAt = undefined
    this.#rejections = [...this.#rejections.filter(at => at > now - windowMs), now]
    const coolDown = hadWorked && this.#rejections.length === 1 ? provenCoolDownMs : coolDownMs
    this.#refuseUntil(this.#choice.isHalfTried ? 0 : now + coolDown)
  }

  /** @param untilMs Unix time in ms, or later when the budget or the readings of the hashes are used up. */
  #refuseUntil(untilMs: number): void {
    const end = this.#choice.isExhausted ? Infinity : this.#budgetFreeAt()
    this.#refusedUntil = Math.max(untilMs, end)
  }

  #countUnanswered(now: number): void {
    if (this.#provenAt !== undefined || ++this.#unanswered < 2) return
    const { unansweredCoolDownMs, coolDownMs } = this.#options
    const coolDown = Math.min(unansweredCoolDownMs * 2 ** (this.#unanswered - 2), coolDownMs)
    this.#refusedUntil = Math.max(this.#refusedUntil, now + coolDown)
  }

  #budgetFreeAt(): number {
    const { budget, windowMs } = this.#options
    const oldestThatCounts = this.#rejections.at(-budget)
    return oldestThatCounts === undefined ? 0 : oldestThatCounts + windowMs
  }
}
