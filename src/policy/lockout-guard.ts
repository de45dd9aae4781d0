import { CredentialChoice, type Reading, type ReadingRecord } from './credential-choice.ts'
import { RejectionLedger } from './rejection-ledger.ts'

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

/** Unlike Infinity it can be written in JSON. */
const NEVER_MS = Number.MAX_SAFE_INTEGER

/** What the guard says now, and until when. Unix times in ms. */
export interface GuardForecast {
  /** Several logons at once are harmless until then. */
  readonly proofUntilMs: number
  /** Nothing is shown before that; NEVER_MS: until the configuration is changed. */
  readonly refusedUntilMs: number
  readonly asksOriginsFromMs: number
  /** How the hashes are to be read; undefined where there is no choice. */
  readonly reading: Reading | undefined
}

/**
 * `denied`: an origin refused the account. That can be a matter of rights as well as of the password, so it is held
 * against a password that never worked, and makes one that did unproven.
 */
export type LogonVerdict = 'accepted' | 'rejected' | 'denied' | 'unanswered' | 'not-shown'

export function isRefusal(verdict: LogonVerdict): boolean {
  return verdict === 'rejected' || verdict === 'denied'
}

/** One credential. All times are Unix times in milliseconds. */
export class LockoutGuard {
  readonly #options: GuardOptions
  readonly #choice: CredentialChoice
  readonly #ledger: RejectionLedger
  #refusedUntil = 0
  #provenAt: number | undefined
  #isDoubted = false
  #denials: number[] = []
  #isCounted = false
  #inFlight = 0
  #unanswered = 0
  #pendingSince: number | undefined
  #isOnTrial = false

  /**
   * @param record what an earlier process left.
   * @param configChangedAt when the configuration was last changed: a rejection older than that was another password's.
   * @param choice which reading of the hashes is shown, where there are two.
   * @param ledger that of the account, where there are other credentials of it; otherwise it is made from the record.
   */
  constructor(
    now: number,
    record: GuardRecord | undefined,
    configChangedAt: number,
    choice = new CredentialChoice(false, configChangedAt, record?.readings),
    options: GuardOptions = GUARD_DEFAULTS,
    ledger?: RejectionLedger,
  ) {
    this.#options = options
    this.#choice = choice
    this.#ledger = ledger ?? LockoutGuard.ledgerFrom(record, now, options)
    const rejections = past(record?.rejections ?? [], now)
    const lastRejection = Math.max(0, ...rejections)
    const isOut = lastRejection >= configChangedAt && !choice.isHalfTried
    this.#refuseUntil(isOut ? lastRejection + options.coolDownMs : 0)
  }

  /** What a record says about the account, to be shared by all its credentials. */
  static ledgerFrom(
    record: GuardRecord | undefined,
    now: number,
    options: GuardOptions = GUARD_DEFAULTS,
  ): RejectionLedger {
    const pending = record?.pendingSince === undefined ? [] : [record.pendingSince]
    const known = past([...(record?.rejections ?? []), ...pending], now)
    return new RejectionLedger(
      known.filter(at => at > now - options.windowMs),
      options,
    )
  }

  get isProven(): boolean {
    return this.#provenAt !== undefined
  }

  /** Proven lately enough that several logons at once are harmless. */
  hasProof(now: number): boolean {
    if (this.#provenAt === undefined || this.#isDoubted) return false
    return now - this.#provenAt < this.#options.proofMs
  }

  /** Unix time in ms before which nothing is shown; 0 when there is no such time, Infinity when it never is. */
  refusedUntilMs(now: number): number {
    return Math.max(
      this.#refusedUntil,
      this.hasProof(now) ? 0 : this.#ledger.freeAt(this.#options.budget),
    )
  }

  /** Whether no other password of the account may be shown either. */
  isBudgetSpent(now: number): boolean {
    return this.#ledger.freeAt(this.#options.budget) > now
  }

  /** Whether origins may be shown the account: not after several refused it, until it is accepted somewhere. */
  mayAskOrigin(now: number): boolean {
    return now >= this.#asksOriginsFromMs
  }

  /** For whoever cannot ask each time. */
  forecast(now: number): GuardForecast {
    const { proofMs } = this.#options
    return {
      proofUntilMs: this.hasProof(now) ? (this.#provenAt ?? 0) + proofMs : 0,
      refusedUntilMs: Math.min(this.refusedUntilMs(now), NEVER_MS),
      asksOriginsFromMs: this.#asksOriginsFromMs,
      reading: this.#choice.current,
    }
  }

  get #asksOriginsFromMs(): number {
    const { budget, windowMs } = this.#options
    const oldestThatCounts = this.#denials.at(-budget)
    return oldestThatCounts === undefined ? 0 : oldestThatCounts + windowMs
  }

  /** What the record must say now. */
  get record(): GuardRecord {
    const { record: readings } = this.#choice
    const rejections = this.#ledger.times
    const pendingSince = this.#pendingSince
    return { rejections, pendingSince, ...(readings === undefined ? {} : { readings }) }
  }

  /** Whether a logon may begin. A grant must be ended with `report`. */
  permit(now: number): Permit {
    const untilMs = this.refusedUntilMs(now)
    if (now < untilMs) return { kind: 'refuse', untilMs }
    const proven = this.hasProof(now)
    if (!proven && this.#inFlight > 0) return { kind: 'wait' }
    this.#inFlight++
    return { kind: 'grant', proven }
  }

  /**
   * Asked right before the AUTHENTICATE is sent: another logon may have been rejected since the grant.
   * @param proven as the grant said: a proof that ran out meanwhile is good enough.
   */
  mayShow(now: number, proven = this.hasProof(now)): boolean {
    if (now < (proven ? this.#refusedUntil : this.refusedUntilMs(now))) return false
    if (!proven) {
      if (!this.#ledger.hasRoom(now, this.#options.budget)) return false
      this.#ledger.begin()
      this.#isCounted = true
    }
    if (this.#provenAt === undefined) this.#pendingSince = now
    this.#choice.show()
    return true
  }

  /**
   * Somebody says that the password is right after all: it may be shown once more, and when it is rejected then, nothing follows
   * at once, no other reading of its hashes either. Readings that are used up stay so.
   */
  unlock(): void {
    if (this.#refusedUntil === Infinity) return
    this.#refusedUntil = 0
    this.#ledger.makeRoom(this.#options.budget)
    this.#isOnTrial = true
  }

  report(verdict: LogonVerdict, now: number): void {
    this.#inFlight--
    this.#pendingSince = undefined
    // An unproven logon is alone, so it is the one that was counted.
    if (this.#isCounted) this.#ledger.settle()
    this.#isCounted = false
    if (verdict === 'accepted') this.#accept(now)
    else if (verdict === 'rejected' || (verdict === 'denied' && !this.isProven)) this.#reject(now)
    else this.#choice.leaveOpen()
    if (verdict === 'denied' && this.isProven) this.#doubt(now)
    if (verdict === 'unanswered') this.#countUnanswered(now)
  }

  #accept(now: number): void {
    this.#choice.accept()
    this.#isOnTrial = false
    this.#provenAt = now
    this.#isDoubted = false
    this.#denials = []
    this.#ledger.clear()
    this.#unanswered = 0
    this.#refusedUntil = 0
  }

  #reject(now: number): void {
    const { coolDownMs, provenCoolDownMs } = this.#options
    const hadWorked = this.#provenAt !== undefined
    this.#choice.reject()
    this.#provenAt = undefined
    this.#ledger.add(now)
    const coolDown = hadWorked && this.#ledger.times.length === 1 ? provenCoolDownMs : coolDownMs
    const goesOn = this.#choice.isHalfTried && !this.#isOnTrial
    this.#isOnTrial = false
    this.#refuseUntil(goesOn ? 0 : now + coolDown)
  }

  #doubt(now: number): void {
    this.#isDoubted = true
    this.#denials = [...this.#denials, now].slice(-this.#options.budget)
  }

  /** @param untilMs Unix time in ms, or never when the readings of the hashes are used up. */
  #refuseUntil(untilMs: number): void {
    this.#refusedUntil = this.#choice.isExhausted ? Infinity : untilMs
  }

  #countUnanswered(now: number): void {
    if (this.#provenAt !== undefined) return
    this.#unanswered++
    if (this.#unanswered < 2 && !this.#isOnTrial) return
    this.#isOnTrial = false
    const { unansweredCoolDownMs, coolDownMs } = this.#options
    const coolDown = Math.min(
      unansweredCoolDownMs * 2 ** Math.max(0, this.#unanswered - 2),
      coolDownMs,
    )
    this.#refusedUntil = Math.max(this.#refusedUntil, now + coolDown)
  }
}

/** A time to come means that the clock was set back: it must not refuse for longer than a cool-down. */
function past(times: readonly number[], now: number): number[] {
  return times.map(at => Math.min(at, now))
}
