import type { AccountLedger, Logon, LogonMode } from './account-ledger.ts'
import { CredentialChoice, type ReadingRecord } from './credential-choice.ts'
import {
  type Consequence,
  type GuardForecast,
  type LogonVerdict,
  type LogonWish,
  NEVER_MS,
  type Permit,
  type Settlement,
} from './logon-terms.ts'
import { GUARD_DEFAULTS, type GuardOptions } from './guard-options.ts'
import { VerdictTimes } from './verdict-times.ts'

export interface GuardStart {
  readonly ledger: AccountLedger
  readonly choice?: CredentialChoice
  /** The secret differs from the rejected one, so it may be sent once although the budget is used up. */
  readonly isChanged?: boolean
  /** An earlier process's record of this secret. @property untilMs on the monotonic clock. */
  readonly refused?: { readonly untilMs: number; readonly hadWorked: boolean }
  /** How many of the account's slots this secret may use; default all. */
  readonly budget?: number
  readonly options?: GuardOptions
}

/**
 * Theory of operation. A directory counts bad passwords and locks the account after a few (three is common). The ledger (account-ledger.ts)
 * bounds what it can count; this class decides for one secret of the account which logons may take a slot and what a verdict means.
 *
 * | state     | a logon may begin                                                  | becomes                                   |
 * |-----------|--------------------------------------------------------------------|-------------------------------------------|
 * | unproven  | one at a time, by a check where the upstream answers checks        | proven, rejected                          |
 * | proven    | rides up to budget - 1, the last slot for a check (below)          | doubted                                   |
 * | doubted   | one check at a time, which decides                                 | proven, rejected                          |
 * | rejected  | none until the retry time                                          | unproven or doubted at the retry time     |
 *
 * A *ride* is a client's request that carries the AUTHENTICATE: its verdict comes with the answer, which may depend on a slow target. A
 * *check* is a request of our own that the upstream answers by itself. A ride never takes the last slot, or two slow targets would use up
 * the budget. The last slot serves to get past a slow ride, so it is granted once the oldest logon takes much longer than usual
 * (verdict-times.ts). If there is another upstream, the slot is granted there and not at the slow one: an upstream that dies, or loses its
 * domain controller, then takes one slot with it and leaves the other for the next upstream. An upstream that leaves a logon unanswered
 * for too long gets none until another one has accepted the secret.
 *
 * A refusal of a proven secret is ambiguous: the upstream's policy may deny the target, or the upstream may have lost its domain
 * controller. The secret becomes doubted, and a check settles it. Any acceptance proves it.
 *
 * Two kinds of logon may exceed the budget, one at a time and at most two per window: one with a secret that the user has changed, and one
 * with a secret that was accepted within the last quarter of an hour and whose charges are all unanswered logons (the connection broke, or
 * nothing came within HandshakeTimeout). In the second case the directory can count more than the budget only if the secret was changed at
 * that very moment. Without this exception two broken connections in a row, or a restarting controller, would stop all requests for half an
 * hour.
 *
 * A rejected secret is not retried automatically while the budget is used up, nor if it was never accepted: the other slot is reserved for
 * the corrected one. For a secret that had worked, retries within a larger budget are spread over the window (`retryMs`), as are retries
 * beyond the budget after time-outs: an outage of a domain controller ends by itself.
 *
 * Guards one secret. All times are in ms on one monotonic clock.
 */
export class LockoutGuard {
  readonly ledger: AccountLedger
  readonly #budget: number | undefined
  readonly #options: GuardOptions
  readonly #choice: CredentialChoice
  readonly #times: VerdictTimes
  /** Upstreams where a logon timed out, or was refused late, since the last acceptance. */
  readonly #silent = new Set<string>()
  #refusedUntil: number
  #provenAt: number | undefined
  #isDoubted = false
  #hadWorked: boolean
  #isChanged: boolean
  #pausedUntil = 0
  /** While a refusal is being settled, the remaining slot is reserved for that. */
  #settlingUntil = 0
  #retries = 0
  #unanswered = 0
  /** Refused since it was last accepted. */
  #isRefused = false
  /** An operator asked for one more try: no automatic retry follows. */
  #isOnTrial = false
  /** Why nothing is sent: see `wasRejected`. */
  #isAnswered = true

  constructor(start: GuardStart) {
    const { ledger, choice, isChanged = false, refused, budget, options = GUARD_DEFAULTS } = start
    this.ledger = ledger
    this.#budget = budget
    this.#options = options
    this.#times = new VerdictTimes(options.slowAfter)
    this.#choice = choice ?? new CredentialChoice(false, 0, undefined)
    this.#isChanged = isChanged
    this.#hadWorked = refused?.hadWorked ?? false
    this.#refusedUntil = this.#choice.isExhausted ? Infinity : (refused?.untilMs ?? 0)
  }

  /** Another logon may begin while charges and logons in flight together are below this. */
  get budget(): number {
    return Math.min(this.#budget ?? Infinity, this.ledger.limits.budget)
  }

  get isProven(): boolean {
    return this.#provenAt !== undefined
  }

  /** Accepted recently and not doubted: several logons may be in flight. */
  hasProof(now: number): boolean {
    if (this.#provenAt === undefined || this.#isDoubted) return false
    return now - this.#provenAt < this.#options.proofMs
  }

  /** Nothing is sent before this time; 0: no restriction, Infinity: never again. */
  refusedUntilMs(now: number): number {
    if (now < this.#refusedUntil) return this.#refusedUntil
    if (this.#maySend(now)) return 0
    // A logon in flight may free its slot and clear the charges as well.
    if (this.ledger.inFlight > 0 || this.ledger.charges(now) < this.budget) return 0
    return this.ledger.forgottenAt(now)
  }

  /** Whether the charges use up the budget. */
  isBudgetSpent(now: number): boolean {
    return this.ledger.charges(now) >= this.budget
  }

  /** Whether the secret was rejected; otherwise it went unanswered, or its record could not be written. */
  get wasRejected(): boolean {
    return this.#isAnswered
  }

  get hadWorked(): boolean {
    return this.#hadWorked
  }

  /** Whether logons at origins are allowed: not if one would take the last slot. */
  mayAskOrigin(now: number): boolean {
    return now >= this.#refusedUntil && this.ledger.places(now, this.budget) > 1
  }

  forecast(now: number): GuardForecast {
    const until = this.refusedUntilMs(now)
    return {
      proofForMs: this.hasProof(now) ? (this.#provenAt ?? 0) + this.#options.proofMs - now : 0,
      refusedForMs: until === Infinity ? NEVER_MS : Math.max(0, until - now),
      asksOrigins: this.mayAskOrigin(now),
      reading: this.#choice.current,
    }
  }

  /** The readings of the hashes that were tried, for the record. */
  get readings(): ReadingRecord | undefined {
    return this.#choice.record
  }

  /** Whether a logon may begin. A grant must be ended with `report`. */
  permit(now: number, wish: LogonWish): Permit {
    if (now < this.refusedUntilMs(now)) return { kind: 'refuse' }
    if (now < this.#settlingUntil && wish.settles !== true)
      return { kind: 'wait', forMs: this.#settlingUntil - now }
    if (now < this.#pausedUntil) return { kind: 'wait', forMs: this.#pausedUntil - now }
    if (this.#belongsElsewhere(now, wish)) return { kind: 'elsewhere' }
    // Beyond the budget, which another secret may have used up, even a proven one has one logon in flight at a time.
    const mode =
      this.hasProof(now) && !this.isBudgetSpent(now)
        ? this.#modeOfProven(now, wish)
        : this.#modeOfUnproven(now, wish)
    if (mode === undefined) return this.#wait(now, wish)
    if (this.ledger.places(now, this.budget) <= 0) {
      const isAlone = this.ledger.inFlight === 0
      const isSpent = this.ledger.charges(now) >= this.budget
      if (!isAlone || !isSpent || !this.#maySend(now)) return { kind: 'wait', forMs: undefined }
      this.ledger.takeException(now)
    }
    const proven = this.hasProof(now)
    return { kind: 'grant', logon: this.ledger.begin(mode, now, wish.at), proven }
  }

  /** @returns undefined when the logon has to wait. */
  #modeOfProven(
    now: number,
    { at, ride, check, mayRideLast = false }: LogonWish,
  ): LogonMode | undefined {
    // An upstream that leaves a check unanswered gets no further logon meanwhile.
    if (this.#isSlowAt(now, at, 'check')) return undefined
    const places = this.ledger.places(now, this.budget)
    const isAlone = this.ledger.inFlight === 0
    if (ride && (places > 1 || (places === 1 && mayRideLast && isAlone))) return 'ride'
    if (!check || places <= 0) return undefined
    return places > 1 || isAlone || now >= this.#lastPlaceAt ? 'check' : undefined
  }

  /** One check at a time. A slow ride from before the secret was doubted does not delay the check that decides. */
  #modeOfUnproven(
    now: number,
    { ride, check, mayRideLast = false }: LogonWish,
  ): LogonMode | undefined {
    const { checksInFlight, inFlight } = this.ledger
    if (check) return (this.isProven ? checksInFlight : inFlight) === 0 ? 'check' : undefined
    const mayRide = mayRideLast || this.ledger.places(now, this.budget) > 1
    return ride && inFlight === 0 && mayRide ? 'ride' : undefined
  }

  #wait(now: number, { at, others, ride, check, mayRideLast = false }: LogonWish): Permit {
    const { inFlight } = this.ledger
    // Origins must not take the last slot, and no logon in flight could free another one.
    if (inFlight === 0 && ride && !check && !mayRideLast) return { kind: 'refuse' }
    if (!this.hasProof(now)) return { kind: 'wait', forMs: undefined }
    const wantsLast = check && this.ledger.places(now, this.budget) === 1
    const slowAt = others === undefined ? undefined : this.#slowAt(at)
    const due = [
      ...(wantsLast ? [this.#lastPlaceAt] : []),
      ...(slowAt === undefined ? [] : [slowAt]),
    ]
    const later = due.filter(time => time > now)
    return { kind: 'wait', forMs: later.length === 0 ? undefined : Math.min(...later) - now }
  }

  /** When the oldest logon in flight at an upstream counts as slow. */
  #slowAt(upstream = '', mode?: LogonMode): number | undefined {
    const begunAt = this.ledger.oldestBegunAtUpstream(upstream, mode)
    return begunAt === undefined ? undefined : begunAt + this.#times.slowAfterMs
  }

  #belongsElsewhere(now: number, { at, others = [] }: LogonWish): boolean {
    const hasProof = this.hasProof(now)
    const isToAvoid = (upstream = ''): boolean =>
      this.#silent.has(upstream) || (hasProof && this.#isSlowAt(now, upstream))
    return isToAvoid(at) && others.some(other => !isToAvoid(other))
  }

  #isSlowAt(now: number, upstream?: string, mode?: LogonMode): boolean {
    const slowAt = this.#slowAt(upstream, mode)
    return slowAt !== undefined && now >= slowAt
  }

  get #lastPlaceAt(): number {
    return (this.ledger.oldestBegunAt ?? 0) + this.#times.slowAfterMs
  }

  #maySend(now: number): boolean {
    if (this.ledger.charges(now) < this.budget) return true
    return (this.#isChanged || this.#isTrusted(now)) && this.ledger.hasException(now)
  }

  /** Accepted recently and not refused since. */
  #isTrusted(now: number): boolean {
    if (this.#provenAt === undefined || this.#isRefused) return false
    return now - this.#provenAt < this.#options.proofMs
  }

  /**
   * Call right before sending the AUTHENTICATE: another logon may have been rejected since the grant.
   * @returns whether it may be sent; if so, it counts as sent.
   */
  send(logon: Logon, now: number): boolean {
    if (now < this.#refusedUntil) return false
    this.ledger.send(logon)
    this.#choice.send()
    return true
  }

  /** An operator confirms that the account is fine: the secret may be sent once more, with no automatic retry after a rejection. */
  unlock(now: number): void {
    if (this.#refusedUntil === Infinity) return
    this.#refusedUntil = 0
    this.#pausedUntil = 0
    this.ledger.makePlace(now, this.budget)
    this.#isOnTrial = true
  }

  /** The caller has settled the refusal, or could not. */
  settled(): void {
    this.#settlingUntil = 0
  }

  /** Sends nothing until then: this process's rejections could not be persisted for the next one. */
  holdUntil(untilMs: number): void {
    this.#isAnswered = false
    this.#refusedUntil = Math.max(this.#refusedUntil, untilMs)
  }

  report(logon: Logon, verdict: LogonVerdict, now: number, settlement: Settlement): Consequence {
    const { ledger } = this
    switch (verdict) {
      case 'not-sent':
        ledger.release(logon)
        return 'none'
      case 'accepted':
        this.#accept(logon, now)
        return 'none'
      case 'unanswered':
      case 'timed-out':
      case 'refused-late':
        ledger.charge(logon, now)
        if (verdict !== 'unanswered') this.#silent.add(logon.at)
        if (verdict === 'timed-out' && logon.mode === 'ride') this.#doubtTarget(logon)
        else this.#countUnanswered(verdict, now, settlement)
        return 'none'
      case 'refused-here':
        ledger.charge(logon, now)
        this.#isRefused = true
        return 'none'
      case 'denied':
        ledger.charge(logon, now)
        this.#choice.leaveOpen()
        this.#isDoubted = true
        this.#isRefused = true
        return 'none'
      case 'refused':
        ledger.charge(logon, now)
        this.#isRefused = true
        return this.#refuse(now, settlement)
    }
  }

  #accept(logon: Logon, now: number): void {
    this.#choice.accept()
    this.ledger.clear(logon)
    this.#silent.clear()
    if (logon.mode === 'check') this.#times.note(now - logon.begunAt)
    this.#provenAt = now
    this.#isDoubted = false
    this.#hadWorked = true
    this.#isChanged = false
    this.#isRefused = false
    this.#isOnTrial = false
    this.#retries = 0
    this.#unanswered = 0
    this.#pausedUntil = 0
    this.#refusedUntil = 0
  }

  #refuse(now: number, settlement: Settlement): Consequence {
    const hasPlace = this.ledger.charges(now) < this.budget && !this.#isOnTrial
    const canCheck = settlement === 'elsewhere' || settlement === 'here'
    if (this.isProven && canCheck && hasPlace) {
      this.#isDoubted = true
      this.#settlingUntil = now + this.#options.settleMs
      return 'settle'
    }
    if (settlement === 'by-other-target' && hasPlace && !this.#choice.hasOther) {
      this.#isDoubted = true
      return 'blame-target'
    }
    return this.#reject(now, hasPlace)
  }

  #reject(now: number, hasPlace: boolean): Consequence {
    this.#choice.reject()
    this.#provenAt = undefined
    this.#isDoubted = false
    this.#isChanged = false
    this.#isAnswered = true
    this.#settlingUntil = 0
    const goesOn = this.#choice.isHalfTried && hasPlace
    this.#isOnTrial = false
    if (this.#choice.isExhausted) this.#refusedUntil = Infinity
    else this.#refusedUntil = goesOn ? 0 : this.#nextTryAt(now, hasPlace && this.#hadWorked)
    return goesOn ? 'other-reading' : 'rejected'
  }

  /** @param mayRetry whether the same secret may use the remaining slots. */
  #nextTryAt(now: number, mayRetry: boolean): number {
    const retryMs = mayRetry ? this.#options.retryMs[this.#retries++] : undefined
    return retryMs === undefined ? this.ledger.forgottenAt(now) : now + retryMs
  }

  /** The target may be what did not answer, so nobody is held up: a check decides, unless the secret was accepted meanwhile. */
  #doubtTarget({ begunAt }: Logon): void {
    this.#choice.leaveOpen()
    this.#isAnswered = false
    if (this.#provenAt === undefined || this.#provenAt <= begunAt) this.#isDoubted = true
  }

  /** Tolerates one unanswered logon, then gives the upstream or its domain controller time to recover. */
  #countUnanswered(verdict: LogonVerdict, now: number, settlement: Settlement): void {
    this.#choice.leaveOpen()
    this.#isDoubted = true
    this.#unanswered++
    if (verdict === 'refused-late') this.#isRefused = true
    const isAlone = settlement !== 'elsewhere'
    const isTrusted = this.#isTrusted(now)
    const { pauseMs, trustedPauseMs } = this.#options
    if (isAlone || this.isBudgetSpent(now))
      this.#pausedUntil = now + (isTrusted ? trustedPauseMs : pauseMs)
    const isBroken = verdict === 'unanswered'
    const mayRetry = !this.#isOnTrial && (isTrusted ? this.#maySend(now) : !this.isBudgetSpent(now))
    if (isBroken && isTrusted && mayRetry) return
    if ((isBroken || !isAlone) && this.#unanswered < 2 && !this.#isOnTrial) return
    this.#isAnswered = false
    // Logons in flight together count as one outage.
    if (now < this.#refusedUntil) return
    this.#isOnTrial = false
    this.#refusedUntil = Math.max(this.#refusedUntil, this.#nextTryAt(now, mayRetry))
  }
}
