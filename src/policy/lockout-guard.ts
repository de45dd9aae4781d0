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
 */
export interface GuardRecord {
  /** Unix times in ms of rejections within the window. */
  readonly rejections: readonly number[]
  /** Unix time in ms at which an unproven AUTHENTICATE was sent whose verdict is not known. */
  readonly pendingSince: number | undefined
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
  #rejections: number[]
  #refusedUntil = 0
  #provenAt: number | undefined
  #inFlight = 0
  #unanswered = 0
  #pendingSince: number | undefined

  /**
   * @param record what an earlier process left.
   * @param configChangedAt when the configuration was last changed: a rejection older than that was another password's.
   */
  constructor(
    now: number,
    record: GuardRecord | undefined,
    configChangedAt: number,
    options: GuardOptions = GUARD_DEFAULTS,
  ) {
    this.#options = options
    // A time to come means that the clock was set back: it must not refuse for longer than a cool-down.
    const past = (times: readonly number[]): number[] => times.map(at => Math.min(at, now))
    const rejections = past(record?.rejections ?? [])
    const pending = past(record?.pendingSince === undefined ? [] : [record.pendingSince])
    const known = [...rejections, ...pending]
    this.#rejections = known.filter(at => at > now - options.windowMs).sort((a, b) => a - b)
    const lastRejection = Math.max(0, ...rejections)
    if (lastRejection >= configChangedAt) this.#refusedUntil = lastRejection + options.coolDownMs
    this.#refusedUntil = Math.max(this.#refusedUntil, this.#budgetFreeAt())
  }

  get isProven(): boolean {
    return this.#provenAt !== undefined
  }

  /** Proven lately enough that several logons at once are harmless. */
  hasProof(now: number): boolean {
    return this.#provenAt !== undefined && now - this.#provenAt < this.#options.proofMs
  }

  /** Unix time in ms before which nothing is shown; 0 when there is no such time. */
  get refusedUntilMs(): number {
    return this.#refusedUntil
  }

  /** What the record must say now. */
  get record(): GuardRecord {
    return { rejections: this.#rejections, pendingSince: this.#pendingSince }
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
    return true
  }

  report(verdict: LogonVerdict, now: number): void {
    this.#inFlight--
    this.#pendingSince = undefined
    if (verdict === 'accepted') this.#accept(now)
    else if (verdict === 'rejected') this.#reject(now)
    else if (verdict === 'unanswered') this.#countUnanswered(now)
  }

  #accept(now: number): void {
    this.#provenAt = now
    this.#rejections = []
    this.#unanswered = 0
    this.#refusedUntil = 0
  }

  #reject(now: number): void {
    const { coolDownMs, provenCoolDownMs, windowMs } = this.#options
    const hadWorked = this.#provenAt !== undefined
    this.#provenAt = undefined
    this.#rejections = [...this.#rejections.filter(at => at > now - windowMs), now]
    const coolDown = hadWorked && this.#rejections.length === 1 ? provenCoolDownMs : coolDownMs
    this.#refusedUntil = Math.max(now + coolDown, this.#budgetFreeAt())
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
